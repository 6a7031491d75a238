/* Who owns what: opening, the recovery table of docs/recovery.md row by row, starting, and answers that come too late. */
#include "unit/engine_world.h"

static struct yt_checkpoint checkpoint(uint64_t version, int64_t orders, int64_t groups, int64_t internal)
{
	struct yt_checkpoint c = { .log_id = EW_LOG_ID, .version = version, .now_ms = EW_T0, .partitions = EW_SHARDS, .transactional_id = YT_S("t"),
		                   .n_inputs = EW_INPUTS, .next = { orders, groups, internal } };

	memcpy(c.topics, ew_topics, sizeof ew_topics);
	return c;
}

static struct yt_group_pos position(uint64_t version, int64_t orders, int64_t groups, int64_t internal)
{
	return (struct yt_group_pos){ .has_meta = true, .log_id = EW_LOG_ID, .version = version, .next = { orders, groups, internal } };
}

static const struct yt_group_pos nothing = { .next = { -1, -1, -1 } };

/* Shard 0 finds this; the others are as init made them. Returns the exit code, 0: it goes on. */
static int find(struct ew *w, const struct yt_checkpoint *c, const struct yt_group_pos *g)
{
	ew_init(w, 0);
	if (c)
		fl_set_checkpoint(&w->fl, 0, c);
	w->fl.group[0] = *g;
	return 0;
}

static int outcome(struct ew *w)
{
	fl_assign_all(&w->fl);
	ew_turns(w, 6);
	CHECK_MSG((w->fatals == 0) == (w->fl.started[0] > 0), "fatals=%d, started=%d", w->fatals, w->fl.started[0]);
	CHECK_MSG(w->fatals <= 1, "said %d times", w->fatals);
	CHECK_MSG(w->fatals == 0 || w->fl.n_batches == 0, "committed all the same");
	return w->fatals ? w->fatal.exit : 0;
}

TEST(equal_versions_and_offsets_start_there)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = position(5, 10, 11, 12);

	find(&w, &c, &g);
	CHECK_INT(outcome(&w), 0);
	CHECK_INT(w.fl.start_next[0][0], 10);
	CHECK_INT(w.fl.start_next[0][1], 11);
	CHECK_INT(w.fl.start_next[0][2], 12);
	CHECK_INT(w.fl.n_batches, 0);
	CHECK_INT(ew_info(&w, 0).version, 5);
	CHECK_INT(ew_info(&w, 0).now_ms, EW_T0);
	ew_deinit(&w);
}

TEST(a_group_that_was_empty_for_a_week_starts_at_the_checkpoint_and_commits_at_once)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);

	find(&w, &c, &nothing);
	CHECK_INT(outcome(&w), 0);
	CHECK_INT(w.fl.start_next[0][0], 10);
	CHECK_INT(w.fl.start_next[0][2], 12);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.fl.batches[0].n_shards, 1);
	CHECK_INT(w.fl.batches[0].shards[0].shard, 0);
	CHECK_INT(w.fl.batches[0].shards[0].version, 6);
	CHECK_INT(w.fl.batches[0].shards[0].next[0], 10);
	CHECK_INT(w.fl.batches[0].shards[0].next[1], 11);
	CHECK_INT(w.fl.batches[0].shards[0].next[2], 12);
	ew_turns(&w, 5);
	CHECK_INT(w.fl.n_batches, 1);
	ew_deinit(&w);
}

TEST(offsets_committed_at_once_survive_an_abort)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);

	find(&w, &c, &nothing);
	w.fl.hold_commit = true;
	outcome(&w);
	CHECK_INT(w.fl.n_batches, 1);
	fl_outcome(&w.fl, YT_ABORTED);
	ew_turns(&w, 2);
	CHECK_INT(w.fl.n_batches, 2);
	CHECK_INT(w.fl.batches[1].shards[0].version, 6);
	ew_deinit(&w);
}

/* An input `groups` that the checkpoint does not know; the group has offsets of the others, and perhaps of it. */
static int added(struct ew *w, bool flag, int64_t group_offset, bool others)
{
	struct yt_checkpoint c = { .log_id = EW_LOG_ID, .version = 5, .partitions = EW_SHARDS, .transactional_id = YT_S("t"), .n_inputs = 2,
		                   .topics = { YT_STR("internal"), YT_STR("orders") }, .next = { 12, 10 } };
	struct yt_group_pos g = position(5, others ? 10 : -1, group_offset, others ? 12 : -1);

	g.has_meta = others;
	find(w, &c, &g);
	if (flag)
		w->conf.first_start = 1u << EW_GROUPS;
	return outcome(w);
}

TEST(an_added_input_needs_its_flag)
{
	struct ew w;

	CHECK_INT(added(&w, false, -1, true), YT_EXIT_DATA);
	CHECK_MSG(strstr(w.fatal.msg, "--first-start=groups"), "says: %s", w.fatal.msg);
	ew_deinit(&w);
}

TEST(an_added_input_with_its_flag_starts_at_the_groups_offset)
{
	struct ew w;

	CHECK_INT(added(&w, true, 33, true), 0);
	CHECK_INT(w.fl.start_next[0][EW_ORDERS], 10);
	CHECK_INT(w.fl.start_next[0][EW_GROUPS], 33);
	CHECK_INT(w.fl.start_next[0][EW_INTERNAL], 12);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.fl.batches[0].shards[0].next[EW_GROUPS], 33);
	ew_deinit(&w);
}

TEST(an_added_input_with_its_flag_and_no_offset_starts_at_the_beginning)
{
	struct ew w;

	CHECK_INT(added(&w, true, -1, true), 0);
	CHECK_INT(w.fl.start_next[0][EW_GROUPS], 0);
	CHECK_INT(w.fl.n_batches, 1);
	ew_deinit(&w);
}

TEST(an_added_input_in_a_group_that_was_empty_needs_its_flag_too)
{
	struct ew w;

	CHECK_INT(added(&w, false, -1, false), YT_EXIT_DATA);
	ew_deinit(&w);
	CHECK_INT(added(&w, true, -1, false), 0);
	CHECK_INT(w.fl.start_next[0][EW_ORDERS], 10);
	ew_deinit(&w);
}

TEST(an_offset_that_the_group_lost_of_a_known_input_is_not_made_up)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = position(5, 10, -1, 12);

	/* The row "offset on some inputs only". */
	find(&w, &c, &g);
	CHECK_INT(outcome(&w), YT_EXIT_DATA);
	CHECK_MSG(strstr(w.fatal.msg, "groups"), "says: %s", w.fatal.msg);
	ew_deinit(&w);
}

TEST(neither_state_nor_offsets_means_that_init_was_not_run)
{
	struct ew w;

	find(&w, NULL, &nothing);
	w.fl.n_state[0] = 0;
	CHECK_INT(outcome(&w), YT_EXIT_DATA);
	CHECK_MSG(strstr(w.fatal.msg, "yutang init"), "says: %s", w.fatal.msg);
	ew_deinit(&w);
}

TEST(offsets_without_state_mean_that_the_changelog_is_lost)
{
	struct ew w;
	struct yt_group_pos g = position(5, 10, 11, 12);

	find(&w, NULL, &g);
	w.fl.n_state[0] = 0;
	CHECK_INT(outcome(&w), YT_EXIT_DATA);
	CHECK_MSG(strstr(w.fatal.msg, "lost"), "says: %s", w.fatal.msg);
	ew_deinit(&w);
}

TEST(offsets_without_metadata_stop_unless_accepted)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = { .next = { 3, 11, 12 } };

	find(&w, &c, &g);
	CHECK_INT(outcome(&w), YT_EXIT_DATA);
	CHECK_MSG(strstr(w.fatal.msg, "--accept-offsets"), "says: %s", w.fatal.msg);
	ew_deinit(&w);

	find(&w, &c, &g);
	w.conf.accept_offsets = true;
	CHECK_INT(outcome(&w), 0);
	CHECK_INT(w.fl.start_next[0][EW_ORDERS], 3);
	CHECK_INT(w.fl.start_next[0][EW_GROUPS], 11);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.fl.batches[0].shards[0].version, 6);
	CHECK_INT(w.fl.batches[0].shards[0].next[EW_ORDERS], 3);
	ew_deinit(&w);
}

TEST(other_offsets_at_the_same_version_stop_unless_accepted)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = position(5, 10, 15, 12);

	find(&w, &c, &g);
	CHECK_INT(outcome(&w), YT_EXIT_DATA);
	CHECK_MSG(strstr(w.fatal.msg, "--accept-offsets"), "says: %s", w.fatal.msg);
	ew_deinit(&w);

	find(&w, &c, &g);
	w.conf.accept_offsets = true;
	CHECK_INT(outcome(&w), 0);
	CHECK_INT(w.fl.start_next[0][EW_GROUPS], 15);
	ew_deinit(&w);
}

/* Everything else: Kafka lost something. No flag helps. */
static void loses(const struct yt_checkpoint *c, const struct yt_group_pos *g)
{
	for (int accept = 0; accept < 2; accept++) {
		struct ew w;

		find(&w, c, g);
		w.conf.accept_offsets = accept;
		CHECK_MSG(outcome(&w) == YT_EXIT_DATA, "it goes on with accept_offsets=%d: group at version %" PRIu64 ", state at %" PRIu64, accept, g->version,
		          c->version);
		ew_deinit(&w);
	}
}

TEST(a_group_ahead_of_the_state_means_that_the_changelog_lost_its_end)
{
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos same = position(6, 10, 11, 12), g = position(6, 12, 11, 12);

	loses(&c, &same);
	loses(&c, &g);
}

TEST(a_group_behind_the_state_means_that_the_offsets_were_lost)
{
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = position(4, 8, 11, 12);

	loses(&c, &g);
}

TEST(another_log_id_is_another_log)
{
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = position(5, 10, 11, 12), h = position(5, 10, 13, 12);

	memset(g.log_id, 'a', YT_LOG_ID_BYTES);
	memset(h.log_id, 'a', YT_LOG_ID_BYTES);
	loses(&c, &g);
	loses(&c, &h);
}

TEST(a_checkpoint_of_another_partition_count_stops)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = position(5, 10, 11, 12);

	c.partitions = 8;
	find(&w, &c, &g);
	CHECK_INT(outcome(&w), YT_EXIT_DATA);
	ew_deinit(&w);
}

TEST(state_that_is_not_ours_stops)
{
	static const char *const keys[] = { "member:s1/m-1", "nonsense" };

	for (int k = 0; k < 2; k++) {
		struct ew w;
		struct yt_group_pos g = position(0, 0, 0, 0);

		find(&w, NULL, &g);
		FL_GROW(w.fl.state[0], w.fl.n_state[0], w.fl.cap_state[0]);
		w.fl.state[0][w.fl.n_state[0]++] = (struct fl_state){ yt_str_z(keys[k]), YT_S("\x7f garbage that is long enough for a head") };
		CHECK_INT(outcome(&w), YT_EXIT_DATA);
		ew_deinit(&w);
	}
}

TEST(the_last_record_of_a_key_counts_and_a_tombstone_ends_it)
{
	struct ew w;
	struct ew_dump d;

	ew_init(&w, 0);
	ew_live(&w);
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, ew_member(&w, 0, 0), "g-1", w.wall - 1));
	ew_turns(&w, 3);
	fl_record(&w.fl, EW_GROUPS, 0, 1, ew_left(&w, ew_member(&w, 0, 0), "g-1", w.wall));
	ew_turns(&w, 3);
	d = ew_dump(&w, w.wall, true);
	CHECK_INT(d.n, 3); /* the member, the day, its channels */
	struct ew_dump before = d;

	ew_crash(&w);
	ew_live(&w);
	d = ew_dump(&w, w.wall, true);
	ew_dump_same(&d, &before);
	ew_dump_free(&before);
	ew_dump_free(&d);

	FL_GROW(w.fl.state[0], w.fl.n_state[0], w.fl.cap_state[0]);
	w.fl.state[0][w.fl.n_state[0]++] = (struct fl_state){ .key = yt_arena_printf(&w.arena, "member:s1/%s", ew_member(&w, 0, 0)) };
	ew_crash(&w);
	ew_live(&w);
	d = ew_dump(&w, w.wall, true);
	CHECK_INT(d.n, 2);
	CHECK_INT(ew_info(&w, 0).timers, 0);
	ew_dump_free(&d);
	ew_deinit(&w);
}

TEST(an_answer_from_before_a_revoke_counts_for_nothing)
{
	struct ew w;

	ew_init(&w, 0);
	w.fl.hold_open = w.fl.hold_restore = true;
	fl_assign_all(&w.fl);
	ew_turn(&w);
	fl_revoke(&w.fl, false);
	ew_turn(&w);
	for (int p = 0; p < EW_SHARDS; p++)
		fl_group_says(&w.fl, p); /* nobody asked for it any more */
	ew_turns(&w, 2);
	CHECK_INT(w.fl.restores[0], 0);
	CHECK_INT(w.fl.starts, 0);
	w.fl.hold_open = w.fl.hold_restore = false;
	ew_live(&w);
	CHECK_INT(w.fatals, 0);
	ew_deinit(&w);
}

TEST(a_revoke_while_restoring_begins_anew)
{
	struct ew w;

	ew_init(&w, 0);
	w.fl.hold_restore = true;
	fl_assign_all(&w.fl);
	ew_turns(&w, 2);
	CHECK_INT(w.fl.restores[0], 1);
	fl_revoke(&w.fl, false);
	ew_turn(&w);
	CHECK_INT(w.fl.releases, 1);
	fl_restore_says(&w.fl, 0); /* the rest of a stream that nobody wants */
	ew_turn(&w);
	w.fl.hold_restore = false;
	ew_live(&w);
	CHECK_INT(w.fl.restores[0], 2);
	CHECK_INT(w.fatals, 0);
	ew_deinit(&w);
}

TEST(shards_that_are_ready_do_not_wait_long_for_one_that_is_not)
{
	struct ew w;

	ew_init(&w, 0);
	w.fl.hold_restore = true;
	fl_assign_all(&w.fl);
	ew_turns(&w, 3);
	for (int p = 0; p < 3; p++)
		fl_restore_says(&w.fl, p);
	ew_pass(&w, 1000);
	ew_turns(&w, 2);
	CHECK_INT(w.fl.starts, 1);
	CHECK_INT(w.fl.started[3], 0);
	fl_all_ends(&w.fl);
	ew_turn(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 1);
	char why[128];

	CHECK(!yt_engine_ready(w.e, why));
	CHECK_MSG(strstr(why, "shard 3"), "%s", why);
	fl_restore_says(&w.fl, 3);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.started[3], 4);
	CHECK_INT(w.fl.start_next[0][EW_ORDERS], 1); /* the live one goes on where it is */
	CHECK(yt_engine_ready(w.e, why));
	ew_deinit(&w);
}

TEST(the_event_clock_begins_with_all_shards_or_not_at_all)
{
	struct ew w;

	ew_init(&w, EW_EVENT);
	w.fl.hold_restore = true;
	fl_assign_all(&w.fl);
	ew_turns(&w, 3);
	for (int p = 0; p < 3; p++)
		fl_restore_says(&w.fl, p);
	for (int k = 0; k < 5; k++) {
		ew_pass(&w, 1000);
		ew_turn(&w);
	}
	CHECK_INT(w.fl.starts, 0);
	fl_restore_says(&w.fl, 3);
	ew_turns(&w, 2);
	CHECK_INT(w.fl.starts, 1);
	ew_deinit(&w);
}

TEST(a_process_that_was_never_given_anything_is_not_ready)
{
	struct ew w;
	char why[128];

	ew_init(&w, 0);
	ew_turns(&w, 3);
	CHECK_MSG(!yt_engine_ready(w.e, why), "ready before the group answered once: /readyz would say so while Kafka is away");
	/* A fourth process that the group has nothing for is. */
	fl_assign(&w.fl, (int[]){ 0 }, 0);
	ew_turns(&w, 3);
	CHECK_MSG(yt_engine_ready(w.e, why), "%s", why);
	ew_deinit(&w);
}

TEST(records_from_before_the_start_offset_are_dropped)
{
	struct ew w;
	struct yt_checkpoint c = checkpoint(5, 10, 11, 12);
	struct yt_group_pos g = position(5, 10, 11, 12);

	find(&w, &c, &g);
	w.fl.end[0][0] = 10, w.fl.end[0][1] = 11, w.fl.end[0][2] = 12;
	fl_record(&w.fl, EW_ORDERS, 0, 0, "never asked for");
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 9, "bad");
	fl_record(&w.fl, EW_ORDERS, 0, 10, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turns(&w, 3);
	CHECK_INT(w.deads, 0);
	CHECK_INT(w.n_outs, 1);
	ew_deinit(&w);
}

/* What is sent to a shard is waited for, so that it is decided before later records: but not again what was read before the shard was released. */
TEST(what_was_read_before_a_rebalance_is_not_waited_for_behind_it)
{
	const struct yt_mem_message *sent;
	struct ew w;

	ew_init(&w, 0);
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 2, 0), "o-1", w.wall - 1));
	ew_turns(&w, 3);
	sent = w.fl.batches[0].messages;
	CHECK_INT(sent->dest, YT_TO_INTERNAL);
	fl_record_with(&w.fl, EW_INTERNAL, 2, 0, sent->key, sent->value, sent->headers, sent->n_headers);
	fl_all_ends(&w.fl);
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 1);
	fl_revoke(&w.fl, false);
	ew_turn(&w);
	fl_assign_all(&w.fl);
	ew_turns(&w, 4);
	CHECK_INT(w.fl.restores[2], 1); /* what is in memory goes on */
	fl_record(&w.fl, EW_ORDERS, 2, 0, ew_paid(&w, ew_member(&w, 2, 1), "o-2", w.wall - 1));
	fl_all_ends(&w.fl);
	ew_turns(&w, 3);
	CHECK_MSG(w.n_outs == 2, "the order waits for what was read long ago");
	ew_deinit(&w);
}

TEST(what_the_adapter_cannot_mend_ends_the_engine_once)
{
	struct ew w;
	struct fl_item *i;

	ew_init(&w, 0);
	ew_live(&w);
	for (int k = 0; k < 2; k++) {
		i = fl_add(&w.fl, FL_FATAL, 0);
		yt_err_set(&i->err, YT_ERR_FATAL, YT_EXIT_INSTANCE, "twice");
	}
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turns(&w, 3);
	CHECK_INT(w.fatals, 1);
	CHECK_INT(w.fatal.exit, YT_EXIT_INSTANCE);
	CHECK_INT(w.fl.n_batches, 0);
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(equal_versions_and_offsets_start_there);
	RUN(a_group_that_was_empty_for_a_week_starts_at_the_checkpoint_and_commits_at_once);
	RUN(offsets_committed_at_once_survive_an_abort);
	RUN(an_added_input_needs_its_flag);
	RUN(an_added_input_with_its_flag_starts_at_the_groups_offset);
	RUN(an_added_input_with_its_flag_and_no_offset_starts_at_the_beginning);
	RUN(an_added_input_in_a_group_that_was_empty_needs_its_flag_too);
	RUN(an_offset_that_the_group_lost_of_a_known_input_is_not_made_up);
	RUN(neither_state_nor_offsets_means_that_init_was_not_run);
	RUN(offsets_without_state_mean_that_the_changelog_is_lost);
	RUN(offsets_without_metadata_stop_unless_accepted);
	RUN(other_offsets_at_the_same_version_stop_unless_accepted);
	RUN(a_group_ahead_of_the_state_means_that_the_changelog_lost_its_end);
	RUN(a_group_behind_the_state_means_that_the_offsets_were_lost);
	RUN(another_log_id_is_another_log);
	RUN(a_checkpoint_of_another_partition_count_stops);
	RUN(state_that_is_not_ours_stops);
	RUN(the_last_record_of_a_key_counts_and_a_tombstone_ends_it);
	RUN(an_answer_from_before_a_revoke_counts_for_nothing);
	RUN(a_revoke_while_restoring_begins_anew);
	RUN(shards_that_are_ready_do_not_wait_long_for_one_that_is_not);
	RUN(the_event_clock_begins_with_all_shards_or_not_at_all);
	RUN(a_process_that_was_never_given_anything_is_not_ready);
	RUN(records_from_before_the_start_offset_are_dropped);
	RUN(what_was_read_before_a_rebalance_is_not_waited_for_behind_it);
	RUN(what_the_adapter_cannot_mend_ends_the_engine_once);
}
