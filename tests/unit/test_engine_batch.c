/* A batch and what may come of it: committed, aborted, lost, crashed, taken back. Each effect once (I1, I4, I5, I9). */
#include "unit/engine_world.h"

/* Two orders and a join of two members on two shards; the group is of a third one, which counts its members. */
static void put_some(struct ew *w)
{
	const char *a = ew_member(w, 0, 0), *b = ew_member(w, 2, 0);
	int64_t t = w->wall - EW_HOUR;

	ew_put(w, EW_ORDERS, 0, ew_paid(w, a, "o-1", t));
	ew_put(w, EW_ORDERS, 2, ew_paid(w, b, "o-2", t + 1));
	ew_put(w, EW_GROUPS, 0, ew_joined(w, a, "g-2", t + 2));
}

static void each_id_once(const struct ew *w)
{
	for (size_t i = 0; i < w->n_outs; i++)
		for (size_t k = 0; k < i; k++)
			CHECK_MSG(strcmp(w->outs[i].id, w->outs[k].id) != 0, "output %s left twice", w->outs[i].id);
}

/* Outputs that the log has, by id in the value: what a read_committed reader sees. */
static int committed_outputs(struct ew *w)
{
	const struct yt_mem_message *m;
	size_t n = yt_memlog_committed(w->mem, &m);
	int found = 0;

	for (size_t k = 0; k < n; k++)
		found += m[k].dest >= YT_TO_OUT;
	return found;
}

TEST(an_event_is_decided_and_its_outputs_leave_with_its_state)
{
	struct ew w;

	ew_init(&w, EW_MEM);
	put_some(&w);
	ew_settle(&w);
	CHECK_INT(ew_count(&w, YT_OUT_COUPON_ISSUED), 2);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_DUE), 1);
	CHECK_INT(committed_outputs(&w), 3);
	CHECK_INT(ew_info(&w, 0).version, 1);
	CHECK_INT(ew_info(&w, 1).version, 1);
	CHECK_INT(ew_info(&w, 2).version, 1);
	CHECK_INT(ew_info(&w, 0).next[EW_ORDERS], 1);
	CHECK_INT(ew_info(&w, 0).next[EW_GROUPS], 1);
	CHECK_INT(w.fatals, 0);
	ew_deinit(&w);
}

TEST(a_second_delivery_has_no_second_effect)
{
	struct ew w;
	const char *m;
	int64_t t;

	ew_init(&w, EW_MEM);
	m = ew_member(&w, 1, 0);
	t = w.wall - EW_HOUR;
	ew_put(&w, EW_ORDERS, 1, ew_paid(&w, m, "o-1", t));
	ew_put(&w, EW_ORDERS, 1, ew_paid(&w, m, "o-1", t)); /* in the same batch, another envelope id */
	ew_settle(&w);
	ew_put(&w, EW_ORDERS, 1, ew_paid(&w, m, "o-1", t)); /* in a later one */
	ew_settle(&w);
	ew_put(&w, EW_ORDERS, 1, ew_event(&w, "order.paid", t, yt_arena_printf(&w.arena,
		"{\"order\":\"o-1\",\"member\":\"%s\",\"paid_at\":%" PRId64 ",\"amount\":9,\"currency\":\"CNY\",\"items\":[]}", m, t).p));
	ew_settle(&w);
	CHECK_INT(w.n_outs, 1);
	CHECK_INT(committed_outputs(&w), 1);
	CHECK_INT(yt_engine_stats(w.e)->events[YT_ORDER_PAID][YT_APPLIED], 1);
	CHECK_INT(yt_engine_stats(w.e)->events[YT_ORDER_PAID][YT_DUPLICATE], 2);
	CHECK_INT(yt_engine_stats(w.e)->events[YT_ORDER_PAID][YT_CONFLICT], 1);
	CHECK_INT(w.deads, 0);
	CHECK_INT(ew_info(&w, 1).next[EW_ORDERS], 4);
	ew_deinit(&w);
}

TEST(an_aborted_batch_is_decided_again_and_leaves_nothing_twice)
{
	static const enum yt_outcome outcomes[] = { YT_ABORTED, YT_ABORTED, YT_COMMITTED, YT_ABORTED };
	struct ew w, calm;

	ew_init(&w, EW_MEM);
	ew_init(&calm, EW_MEM);
	yt_memlog_outcomes(w.mem, outcomes, 4, false);
	for (int k = 0; k < 2; k++) {
		struct ew *x = k ? &calm : &w;

		put_some(x);
		ew_settle(x);
		ew_put(x, EW_ORDERS, 1, ew_paid(x, ew_member(x, 1, 0), "o-9", x->wall - 1));
		ew_settle(x);
	}
	CHECK_INT(yt_engine_stats(w.e)->aborted, 3);
	CHECK_INT(committed_outputs(&w), committed_outputs(&calm));
	CHECK_INT(w.n_outs, calm.n_outs);
	each_id_once(&w);
	/* Counted once, too. */
	CHECK_INT(yt_engine_stats(w.e)->events[YT_ORDER_PAID][YT_APPLIED], 3);
	CHECK_INT(yt_engine_stats(w.e)->records, 5);
	for (int p = 0; p < EW_SHARDS; p++)
		CHECK_INT(ew_info(&w, p).version, ew_info(&calm, p).version);
	struct ew_dump a = ew_dump(&w, w.wall, true), b = ew_dump(&calm, w.wall, true);

	ew_dump_same(&a, &b);
	ew_dump_free(&a);
	ew_dump_free(&b);
	ew_deinit(&w);
	ew_deinit(&calm);
}

TEST(what_an_aborted_batch_decided_is_forgotten)
{
	static const enum yt_outcome outcomes[] = { YT_ABORTED };
	struct ew w;
	struct ew_dump d;

	ew_init(&w, 0);
	w.fl.hold_commit = true;
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turn(&w);
	CHECK_INT(w.fl.n_batches, 1);
	d = ew_dump(&w, w.wall, false);
	CHECK_INT(d.n, 0); /* in flight: not committed, not shown */
	ew_dump_free(&d);
	CHECK_INT(w.n_outs, 0);
	yt_engine_drain(w.e); /* so that it is not tried again at once */
	fl_outcome(&w.fl, outcomes[0]);
	ew_turn(&w);
	d = ew_dump(&w, w.wall, false);
	CHECK_INT(d.n, 0);
	ew_dump_free(&d);
	CHECK_INT(w.n_outs, 0);
	CHECK_INT(ew_info(&w, 0).version, 0);
	CHECK_INT(ew_info(&w, 0).next[EW_ORDERS], 0);
	CHECK_INT(ew_info(&w, 0).timers, 0);
	CHECK(yt_engine_drained(w.e));
	ew_deinit(&w);
}

static void lost(bool kept)
{
	static const enum yt_outcome outcomes[] = { YT_LOST };
	struct ew w, calm;

	ew_init(&w, EW_MEM);
	ew_init(&calm, EW_MEM);
	yt_memlog_outcomes(w.mem, outcomes, 1, kept);
	put_some(&w);
	put_some(&calm);
	ew_settle(&w);
	ew_settle(&calm);
	CHECK_INT(w.fatals, 0);
	CHECK_INT(yt_engine_stats(w.e)->lost, 1);
	CHECK_INT(committed_outputs(&w), 3);
	CHECK_INT(ew_info(&w, 0).version, 1);
	/* What was kept was decided by somebody else as far as this process knows: it left, but not from here. */
	CHECK_INT(w.n_outs, kept ? 0 : 3);
	struct ew_dump a = ew_dump(&w, w.wall, true), b = ew_dump(&calm, w.wall, true);

	ew_dump_same(&a, &b);
	ew_dump_free(&a);
	ew_dump_free(&b);
	ew_deinit(&w);
	ew_deinit(&calm);
}

TEST(a_lost_batch_that_was_not_kept_is_read_and_decided_again)
{
	lost(false);
}

TEST(a_lost_batch_that_was_kept_is_not_decided_again)
{
	lost(true);
}

TEST(after_a_crash_the_changelog_gives_the_same_state)
{
	struct ew w;
	const char *m;

	ew_init(&w, EW_MEM);
	m = ew_member(&w, 3, 0);
	put_some(&w);
	ew_put(&w, EW_GROUPS, 3, ew_joined(&w, m, "g-1", w.wall - EW_MIN));
	ew_settle(&w);
	ew_put(&w, EW_GROUPS, 3, ew_left(&w, m, "g-1", w.wall - 1));
	ew_settle(&w);

	struct ew_dump before = ew_dump(&w, w.wall, true), after;
	struct yt_shard_info was = ew_info(&w, 3), now;
	size_t outs = w.n_outs;
	int committed = committed_outputs(&w);

	ew_crash(&w);
	ew_settle(&w);
	after = ew_dump(&w, w.wall, true);
	ew_dump_same(&after, &before);
	now = ew_info(&w, 3);
	CHECK_INT(now.version, was.version);
	CHECK_INT(now.timers, was.timers);
	CHECK_INT(now.now_ms, was.now_ms);
	CHECK_STR(now.state, "live");
	CHECK_INT(yt_engine_stats(w.e)->restored_shards, EW_SHARDS);
	CHECK_INT(w.n_outs, outs);
	CHECK_INT(committed_outputs(&w), committed);
	ew_dump_free(&before);
	ew_dump_free(&after);

	/* The timer of the first member is there again; that of the one who left is withheld. */
	for (int k = 0; k < 5; k++) {
		ew_pass(&w, 3 * EW_MIN);
		ew_settle(&w);
	}
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_WITHHELD), 1);
	each_id_once(&w);
	ew_deinit(&w);
}

TEST(a_crash_in_mid_commit_loses_and_doubles_nothing)
{
	struct ew w;

	ew_init(&w, EW_MEM);
	ew_turns(&w, 6);
	put_some(&w);
	ew_turn(&w); /* decided and handed over, no outcome yet */
	CHECK_INT(w.n_outs, 0);
	ew_crash(&w);
	ew_settle(&w);
	CHECK_INT(w.n_outs, 3);
	CHECK_INT(committed_outputs(&w), 3);
	each_id_once(&w);
	ew_deinit(&w);
}

TEST(a_rebalance_reuses_what_memory_holds)
{
	struct ew w;
	struct ew_dump before, after;

	ew_init(&w, EW_MEM);
	put_some(&w);
	ew_settle(&w);
	before = ew_dump(&w, w.wall, true);
	yt_memlog_rebalance(w.mem);
	put_some(&w); /* duplicates */
	ew_settle(&w);
	CHECK_INT(yt_engine_stats(w.e)->reused_shards, EW_SHARDS);
	CHECK_INT(yt_engine_stats(w.e)->restored_shards, EW_SHARDS);
	CHECK_INT(w.n_outs, 3);
	CHECK_INT(ew_info(&w, 0).next[EW_ORDERS], 2);
	after = ew_dump(&w, w.wall, true);
	ew_dump_same(&after, &before);
	ew_dump_free(&before);
	ew_dump_free(&after);
	ew_deinit(&w);
}

TEST(what_memory_holds_does_not_wait_for_what_is_restored)
{
	static const int kept[] = { 0, 1 };
	struct ew w;
	int starts;

	ew_init(&w, 0);
	ew_live(&w);
	fl_revoke(&w.fl, false);
	fl_assign(&w.fl, kept, 2);
	ew_turns(&w, 5);
	fl_revoke(&w.fl, false);
	ew_turns(&w, 3);
	w.fl.hold_restore = true;
	starts = w.fl.starts;
	fl_assign_all(&w.fl);
	ew_turns(&w, 5); /* no time passes */
	CHECK_INT(w.fl.starts, starts + 1);
	CHECK_INT(w.fl.started[0] && w.fl.started[1] && !w.fl.started[2] && !w.fl.started[3], 1);
	fl_restore_says(&w.fl, 2);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.starts, starts + 1); /* the later ones start together */
	fl_restore_says(&w.fl, 3);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.starts, starts + 2);
	CHECK_INT(w.fl.started[2] && w.fl.started[3], 1);
	ew_deinit(&w);
}

TEST(a_revoke_in_mid_commit_waits_for_the_outcome)
{
	struct ew w;

	ew_init(&w, 0);
	w.fl.hold_commit = true;
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turn(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, ew_member(&w, 0, 0), "o-2", w.wall - 1));
	fl_revoke(&w.fl, false);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.releases, 0);
	fl_keep_batch(&w.fl, &w.fl.batches[0]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.releases, 1);
	CHECK_INT(w.fl.n_batches, 1); /* the undecided rest is dropped */
	CHECK_INT(w.n_outs, 1);
	w.fl.hold_commit = false;
	fl_assign_all(&w.fl);
	ew_turns(&w, 5);
	CHECK_INT(yt_engine_stats(w.e)->reused_shards, EW_SHARDS);
	CHECK_INT(w.fl.start_next[0][EW_ORDERS], 1);
	ew_deinit(&w);
}

/* Somebody else made version 2 of shard 0 meanwhile: by `records` records, or by a timer alone. */
static void passed_by(int records)
{
	struct ew w;
	int restores;

	ew_init(&w, 0);
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turns(&w, 3);
	restores = w.fl.restores[0];
	fl_revoke(&w.fl, true);
	ew_turn(&w);

	struct yt_checkpoint c = { .log_id = EW_LOG_ID, .version = 2, .now_ms = w.wall, .partitions = EW_SHARDS, .transactional_id = YT_S("other"),
		                   .n_inputs = EW_INPUTS, .next = { 1 + records, 0, 0 } };

	memcpy(c.topics, ew_topics, sizeof ew_topics);
	fl_set_checkpoint(&w.fl, 0, &c);
	w.fl.group[0].version = 2;
	w.fl.group[0].next[EW_ORDERS] = 1 + records;
	fl_assign_all(&w.fl);
	ew_turns(&w, 5);
	CHECK_INT(w.fl.restores[0], restores + 1);
	CHECK_INT(yt_engine_stats(w.e)->reused_shards, EW_SHARDS - 1);
	CHECK_INT(ew_info(&w, 0).version, 2);
	CHECK_INT(w.fl.start_next[0][EW_ORDERS], 1 + records);
	CHECK_INT(w.fatals, 0);
	ew_deinit(&w);
}

TEST(memory_that_the_group_has_passed_is_not_reused)
{
	passed_by(2);
}

TEST(memory_that_the_group_has_passed_by_a_timer_alone_is_not_reused)
{
	passed_by(0);
}

TEST(a_shard_that_was_elsewhere_in_between_is_read_again)
{
	static const int some[] = { 1, 2, 3 };
	struct ew w;

	ew_init(&w, 0);
	ew_live(&w);
	fl_revoke(&w.fl, false);
	fl_assign(&w.fl, some, 3);
	ew_turns(&w, 4);
	fl_revoke(&w.fl, false);
	fl_assign_all(&w.fl);
	ew_turns(&w, 5);
	CHECK_INT(w.fl.restores[0], 2);
	CHECK_INT(w.fl.restores[1], 1);
	CHECK_INT(yt_engine_stats(w.e)->reused_shards, 6);
	ew_deinit(&w);
}

TEST(a_transaction_carries_every_input_of_each_shard_that_it_touches)
{
	struct ew w;

	ew_init(&w, 0);
	for (int p = 0; p < EW_SHARDS; p++) { /* somebody committed before us */
		struct yt_checkpoint c = { .log_id = EW_LOG_ID, .version = 7, .partitions = EW_SHARDS, .n_inputs = EW_INPUTS, .next = { 10, 20, 30 } };

		memcpy(c.topics, ew_topics, sizeof ew_topics);
		fl_set_checkpoint(&w.fl, p, &c);
		w.fl.group[p] = (struct yt_group_pos){ .next = { 10, 20, 30 }, .has_meta = true, .log_id = EW_LOG_ID, .version = 7 };
		w.fl.end[p][0] = 10, w.fl.end[p][1] = 20, w.fl.end[p][2] = 30;
	}
	ew_live(&w);
	CHECK_INT(w.fl.n_batches, 0);
	fl_record(&w.fl, EW_GROUPS, 1, 20, ew_joined(&w, ew_member(&w, 1, 0), "g-1", w.wall - 1));
	fl_record(&w.fl, EW_GROUPS, 1, 24, "bad"); /* behind a gap, as transaction markers make one */
	ew_turns(&w, 3);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.fl.batches[0].n_shards, 1);
	CHECK_INT(w.fl.batches[0].shards[0].shard, 1);
	CHECK_INT(w.fl.batches[0].shards[0].version, 8);
	CHECK_INT(w.fl.batches[0].shards[0].next[EW_ORDERS], 10);
	CHECK_INT(w.fl.batches[0].shards[0].next[EW_GROUPS], 25);
	CHECK_INT(w.fl.batches[0].shards[0].next[EW_INTERNAL], 30);

	/* The timer alone, ten minutes later. */
	ew_pass(&w, 10 * EW_MIN);
	fl_all_ends(&w.fl);
	ew_turns(&w, 4);
	CHECK_INT(w.fl.n_batches, 2);
	CHECK_INT(yt_engine_stats(w.e)->timers, 1);
	CHECK_INT(w.fl.batches[1].n_shards, 1);
	CHECK_INT(w.fl.batches[1].shards[0].version, 9);
	CHECK_INT(w.fl.batches[1].shards[0].next[EW_ORDERS], 10);
	CHECK_INT(w.fl.batches[1].shards[0].next[EW_GROUPS], 25);
	CHECK_INT(w.fl.batches[1].shards[0].next[EW_INTERNAL], 30);
	CHECK_INT(w.fl.begins, 2);
	ew_deinit(&w);
}

TEST(a_misplaced_record_is_forwarded_once_and_decided_by_its_owner)
{
	struct ew w;
	const char *m, *value;
	const struct yt_mem_message *f;
	struct yt_checkpoint c;

	ew_init(&w, EW_MEM);
	m = ew_member(&w, 2, 0);
	value = ew_paid(&w, m, "o-1", w.wall - 1);
	ew_put(&w, EW_ORDERS, 0, "");
	ew_put(&w, EW_ORDERS, 0, value);
	ew_settle(&w);
	CHECK_INT(w.n_outs, 1);
	CHECK_INT(w.outs[0].shard, 2);
	CHECK_INT(yt_engine_stats(w.e)->forwarded, 1);
	CHECK_INT(yt_engine_stats(w.e)->events[YT_ORDER_PAID][YT_APPLIED], 1);
	f = ew_message(&w, YT_TO_INTERNAL, 0);
	CHECK(f && !ew_message(&w, YT_TO_INTERNAL, 1));
	CHECK_INT(f->shard, 2);
	CHECK(yt_str_eq(f->value, yt_str_z(value)));
	CHECK(yt_str_eq(f->key, YT_S("k")));
	CHECK_STR(ew_header(f, "yt_topic"), "orders");
	CHECK_STR(ew_header(f, "yt_partition"), "0");
	CHECK_STR(ew_header(f, "yt_offset"), "1");
	CHECK_STR(ew_header(f, "yt_hop"), "1");
	CHECK_STR(ew_header(f, "yt_timestamp"), "777");
	CHECK_STR(ew_header(f, "yt_now"), yt_arena_printf(&w.arena, "%" PRId64, w.wall).p);
	/* State of shard 0 and of shard 2 went in different transactions; the forward with the former. */
	CHECK_INT(ew_info(&w, 0).version, 1);
	CHECK_INT(ew_info(&w, 2).version, 1);
	CHECK(yt_checkpoint_decode(ew_message(&w, YT_TO_STATE, 0)->value, &c));
	CHECK_INT(c.next[EW_ORDERS], 2);
	ew_deinit(&w);
}

TEST(a_dead_letter_of_a_forwarded_record_names_where_it_first_lay)
{
	struct ew w;
	const char *value;
	const struct yt_mem_message *d;
	int at = 3, to;

	ew_init(&w, EW_MEM);
	/* No member: the order decides the shard. */
	to = yt_partition(YT_S("s1/~order:o-1"), EW_SHARDS);
	at = (to + 1) % EW_SHARDS;
	value = ew_event(&w, "order.signed", w.wall - 1, yt_arena_printf(&w.arena, "{\"order\":\"o-1\",\"signed_at\":%" PRId64 "}", w.wall - 1).p);
	ew_put(&w, EW_ORDERS, at, "x");
	ew_put(&w, EW_ORDERS, at, value);
	ew_settle(&w);
	CHECK_INT(w.deads, 1);
	CHECK_INT(yt_engine_stats(w.e)->events[YT_ORDER_SIGNED][YT_PARKED], 1);
	ew_pass(&w, 72 * EW_HOUR - 1);
	ew_settle(&w);
	CHECK_INT(w.deads, 1);
	ew_pass(&w, 1);
	ew_settle(&w);
	CHECK_INT(w.deads, 2);
	CHECK_INT(yt_engine_stats(w.e)->dead[YT_DEAD_ORDER_UNKNOWN], 1);
	d = ew_message(&w, YT_TO_DEAD, 1);
	CHECK(d && !ew_message(&w, YT_TO_DEAD, 2));
	CHECK_STR(ew_header(d, "dl_topic"), "orders");
	CHECK_STR(ew_header(d, "dl_partition"), yt_arena_printf(&w.arena, "%d", at).p);
	CHECK_STR(ew_header(d, "dl_offset"), "1");
	CHECK_STR(ew_header(d, "dl_timestamp"), "777");
	CHECK_STR(ew_header(d, "dl_reason"), "order_unknown");
	CHECK(!ew_header(d, "yt_hop") && !ew_header(d, "dl_truncated"));
	CHECK(yt_str_eq(d->value, yt_str_z(value)));
	ew_deinit(&w);
}

TEST(what_waits_goes_on_as_it_came_when_it_is_known_whose_it_is)
{
	const struct yt_header own[] = { { YT_S("ce_specversion"), YT_S("1.0") }, { YT_S("ce_id"), YT_S("e1") }, { YT_S("ce_source"), YT_S("/shops/s1") },
		                         { YT_S("ce_type"), YT_S("order.refunded") }, { YT_S("ce_time"), YT_S("2026-01-01T00:00:00Z") },
		                         { YT_S("empty"), { 0 } }, { YT_S("yt_member"), YT_S("somebody") }, { YT_S("yt_sent"), YT_S("1") } };
	int to = yt_partition(YT_S("s1/~order:o-1"), EW_SHARDS);
	const struct yt_mem_message *m;
	const struct fl_batch *b;
	struct ew w;
	const char *member, *refund;

	ew_init(&w, 0);
	ew_live(&w);
	member = ew_member(&w, (to + 1) % EW_SHARDS, 0);
	refund = yt_arena_printf(&w.arena, "{\"order\":\"o-1\",\"refund\":\"r\",\"refunded_at\":%" PRId64 ",\"amount\":1}", w.wall).p;
	fl_record_with(&w.fl, EW_ORDERS, to, 0, (struct yt_str){ 0 }, yt_str_z(refund), own, 8);
	ew_turns(&w, 2);
	CHECK_INT(w.deads, 0);
	fl_record(&w.fl, EW_ORDERS, to, 1, ew_event(&w, "alias.bound", w.wall, yt_arena_printf(&w.arena, "{\"alias\":\"order:o-1\",\"member\":\"%s\"}", member).p));
	ew_turns(&w, 2);
	b = &w.fl.batches[w.fl.n_batches - 1];
	m = NULL;
	for (size_t k = 0; k < b->n_messages; k++)
		if (b->messages[k].dest == YT_TO_INTERNAL)
			m = &b->messages[k];
	CHECK(m);
	CHECK_INT(m->shard, (to + 1) % EW_SHARDS);
	CHECK(!m->key.p && yt_str_eq(m->value, yt_str_z(refund)));
	CHECK_INT(m->n_headers, 6 + 7);
	CHECK(yt_str_eq(m->headers[5].name, YT_S("empty")) && !m->headers[5].value.p);
	CHECK(yt_str_eq(m->headers[12].name, YT_S("yt_member")) && yt_str_eq(m->headers[12].value, yt_str_z(member)));
	/* And there it is that member's. */
	fl_record_with(&w.fl, EW_INTERNAL, m->shard, 0, m->key, m->value, m->headers, m->n_headers);
	ew_turns(&w, 2);
	CHECK_INT(w.deads, 0);
	CHECK_INT(yt_engine_stats(w.e)->events[YT_ORDER_REFUNDED][YT_APPLIED], 1);
	ew_deinit(&w);
}

static void internal_record(struct ew *w, int shard, int64_t offset, int hop, const char *value)
{
	const struct yt_header h[] = { { YT_S("yt_topic"), YT_S("orders") }, { YT_S("yt_partition"), YT_S("3") },
		                       { YT_S("own"), YT_S("kept") }, { YT_S("yt_offset"), YT_S("42") },
		                       { YT_S("yt_hop"), yt_arena_printf(&w->arena, "%d", hop) },
		                       { YT_S("yt_now"), yt_arena_printf(&w->arena, "%" PRId64, w->wall) }, { YT_S("yt_timestamp"), YT_S("5") } };

	fl_record_with(&w->fl, EW_INTERNAL, shard, offset, YT_S("k"), yt_str_z(value), h, 7);
}

TEST(thirty_two_hops_are_the_limit)
{
	struct ew w;
	const char *value;
	const struct fl_batch *b;

	ew_init(&w, 0);
	ew_live(&w);
	value = ew_paid(&w, ew_member(&w, 2, 0), "o-1", w.wall - 1);
	internal_record(&w, 1, 0, 31, value);
	ew_turns(&w, 2);
	b = &w.fl.batches[0];
	CHECK_INT(b->messages[0].dest, YT_TO_INTERNAL);
	CHECK_INT(b->messages[0].shard, 2);
	CHECK_STR(ew_header(&b->messages[0], "yt_hop"), "32");
	CHECK_STR(ew_header(&b->messages[0], "yt_offset"), "42");
	CHECK_STR(ew_header(&b->messages[0], "own"), "kept");
	internal_record(&w, 1, 1, 32, value);
	ew_turns(&w, 2);
	b = &w.fl.batches[1];
	CHECK_INT(b->messages[0].dest, YT_TO_DEAD);
	CHECK_STR(ew_header(&b->messages[0], "dl_reason"), "hop_limit");
	CHECK_STR(ew_header(&b->messages[0], "dl_topic"), "orders");
	CHECK_STR(ew_header(&b->messages[0], "dl_partition"), "3");
	CHECK_STR(ew_header(&b->messages[0], "dl_offset"), "42");
	CHECK_STR(ew_header(&b->messages[0], "dl_timestamp"), "5");
	CHECK_STR(ew_header(&b->messages[0], "own"), "kept");
	/* At its owner hop 32 is decided. */
	internal_record(&w, 2, 0, 32, value);
	ew_turns(&w, 2);
	CHECK_INT(w.n_outs, 1);
	ew_deinit(&w);
}

TEST(an_internal_record_without_its_headers_is_a_dead_letter)
{
	struct ew w;

	ew_init(&w, 0);
	ew_live(&w);
	fl_record(&w.fl, EW_INTERNAL, 2, 0, ew_paid(&w, ew_member(&w, 2, 0), "o-1", w.wall - 1));
	ew_turns(&w, 2);
	CHECK_INT(w.n_outs, 0);
	CHECK_INT(w.deads, 1);
	CHECK_INT(w.last_dead, YT_DEAD_BAD_FIELD);
	ew_deinit(&w);
}

TEST(headers_of_ours_on_a_foreign_record_are_not_believed)
{
	struct ew w;
	const struct yt_header h[] = { { YT_S("yt_topic"), YT_S("groups") }, { YT_S("yt_partition"), YT_S("9") }, { YT_S("yt_offset"), YT_S("9") },
		                       { YT_S("yt_hop"), YT_S("8") }, { YT_S("yt_now"), YT_S("9999999999999") }, { YT_S("yt_timestamp"), YT_S("9") } };

	ew_init(&w, 0);
	ew_live(&w);
	fl_record_with(&w.fl, EW_ORDERS, 1, 0, YT_S("k"), yt_str_z(ew_paid(&w, ew_member(&w, 2, 0), "o-1", w.wall - 1)), h, 6);
	ew_turns(&w, 2);
	CHECK_INT(w.deads, 0);
	CHECK_STR(ew_header(&w.fl.batches[0].messages[0], "yt_topic"), "orders");
	CHECK_STR(ew_header(&w.fl.batches[0].messages[0], "yt_hop"), "1");
	CHECK_STR(ew_header(&w.fl.batches[0].messages[0], "yt_now"), yt_arena_printf(&w.arena, "%" PRId64, w.wall).p);
	CHECK_INT(w.fl.batches[0].messages[0].n_headers, 6);
	CHECK_INT(ew_info(&w, 1).now_ms, w.wall);
	ew_deinit(&w);
}

TEST(bad_records_end_as_dead_letters_and_the_stream_goes_on)
{
	struct ew w;
	const struct yt_header h[] = { { YT_S("trace"), YT_S("abc") } };
	const char *m;
	const struct yt_mem_message *d;

	ew_init(&w, 0);
	ew_live(&w);
	m = ew_member(&w, 0, 0);
	fl_record_with(&w.fl, EW_ORDERS, 0, 0, YT_S("key-1"), YT_S("{"), h, 1);
	fl_record_with(&w.fl, EW_ORDERS, 0, 1, (struct yt_str){ 0 }, (struct yt_str){ 0 }, NULL, 0);
	fl_record(&w.fl, EW_ORDERS, 0, 2, "{}");
	fl_record(&w.fl, EW_ORDERS, 0, 3, ew_event(&w, "order.praised", w.wall, "{}"));
	fl_record(&w.fl, EW_ORDERS, 0, 4, ew_event(&w, "order.paid", w.wall, yt_arena_printf(&w.arena, "{\"order\":\"o\",\"member\":\"%s\"}", m).p));
	fl_record(&w.fl, EW_ORDERS, 0, 5, ew_paid(&w, m, "o-5", w.wall + 2 * EW_DAY)); /* tomorrow is allowed, the day after is not */
	fl_record(&w.fl, EW_ORDERS, 0, 6, ew_paid(&w, m, "o-6", w.wall - 1));
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 1);
	CHECK_INT(w.deads, 6);
	CHECK_INT(ew_info(&w, 0).next[EW_ORDERS], 7);
	CHECK_INT(w.fl.n_batches, 1);
	d = w.fl.batches[0].messages;
	static const char *const reasons[] = { "not_json", "not_json", "not_cloudevent", "unknown_type", "missing_field", "bad_field" };

	for (int k = 0, n = 0; k < 6; n++) {
		if (d[n].dest != YT_TO_DEAD)
			continue;
		CHECK_STR(ew_header(&d[n], "dl_reason"), reasons[k]);
		CHECK_STR(ew_header(&d[n], "dl_topic"), "orders");
		CHECK_STR(ew_header(&d[n], "dl_partition"), "0");
		CHECK_STR(ew_header(&d[n], "dl_offset"), yt_arena_printf(&w.arena, "%d", k).p);
		CHECK_STR(ew_header(&d[n], "dl_timestamp"), "777");
		CHECK(ew_header(&d[n], "dl_detail"));
		if (k == 0) {
			CHECK_STR(ew_header(&d[n], "trace"), "abc");
			CHECK(yt_str_eq(d[n].key, YT_S("key-1")));
			CHECK(yt_str_eq(d[n].value, YT_S("{")));
		}
		if (k == 1)
			CHECK(!d[n].key.p && !d[n].value.p);
		k++;
	}
	ew_deinit(&w);
}

TEST(a_dead_letter_that_is_too_large_is_cut_and_says_so)
{
	struct ew w;
	uint32_t n = 900 * 1024;
	char *big = malloc(n);
	const struct yt_mem_message *d;

	memset(big, 'x', n);
	ew_init(&w, 0);
	ew_live(&w);
	fl_record_with(&w.fl, EW_ORDERS, 0, 0, yt_str(big, 70000), yt_str(big, n), (struct yt_header[]){ { YT_S("h"), yt_str(big, 70000) } }, 1);
	ew_turns(&w, 3);
	d = &w.fl.batches[0].messages[0];
	CHECK_INT(d->dest, YT_TO_DEAD);
	CHECK_MSG(d->value.n < n && d->key.n < 70000, "not cut");
	CHECK(ew_header(d, "dl_truncated") && ew_header(d, "dl_reason") && !ew_header(d, "h"));
	size_t all = d->key.n + d->value.n;

	for (size_t k = 0; k < d->n_headers; k++)
		all += d->headers[k].name.n + d->headers[k].value.n + 16;
	CHECK_MSG(all < 1000 * 1000, "a dead letter of %zu bytes is more than a broker takes", all);
	ew_deinit(&w);
	free(big);
}

/* The producer takes no record above 1,000,000 bytes: one that a topic took, and that lies on the wrong partition, must not end the worker. */
TEST(a_record_that_is_too_large_to_be_forwarded_is_a_dead_letter)
{
	struct ew w;
	uint32_t n = 512 * 1024;
	char *big = malloc(n);
	const char *value;

	memset(big, 'x', n);
	ew_init(&w, 0);
	ew_live(&w);
	value = ew_paid(&w, ew_member(&w, 2, 0), "o-1", w.wall - 1);
	for (int k = 0; k < 4; k++) { /* too much in the key, too much in a header, and twice just enough */
		struct yt_str key = k == 0 ? yt_str(big, n) : k == 1 ? YT_S("k") : k == 2 ? yt_str(big, n - 11) : YT_S("k");
		const struct yt_header h[] = { { YT_S("h"), k % 2 ? yt_str(big, k == 1 ? n : n - 12) : YT_S("") } };

		fl_record_with(&w.fl, EW_ORDERS, 0, k, key, yt_str_z(value), h, 1);
	}
	ew_turns(&w, 3);
	const struct yt_mem_message *d = w.fl.batches[0].messages;

	for (int k = 0; k < 4; k++) {
		CHECK_INT(d[k].dest, k < 2 ? YT_TO_DEAD : YT_TO_INTERNAL);
		if (k < 2)
			CHECK_STR(ew_header(&d[k], "dl_reason"), "too_large");
	}
	ew_deinit(&w);
	free(big);
}

/* EVENTS.md: what an order's end means does not depend on which other events were decided in the same transaction. */
static int deads_of_a_late_refund(bool one_batch, int *dups)
{
	struct ew w;
	const char *m, *r;
	int64_t t;

	ew_init(&w, EW_MEM | EW_EVENT);
	m = ew_member(&w, 0, 0);
	t = EW_T0;
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, m, "o-1", t));
	r = ew_refunded(&w, m, "o-1", 10, t + EW_HOUR);
	ew_put(&w, EW_ORDERS, 0, r);
	if (!one_batch)
		ew_settle(&w);
	/* 91 days later the order has expired; the same refund is told again. */
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, ew_member(&w, 0, 1), "o-2", t + 95 * EW_DAY));
	ew_put(&w, EW_ORDERS, 0, ew_event(&w, "order.refunded", t + 95 * EW_DAY,
		yt_arena_printf(&w.arena, "{\"order\":\"o-1\",\"member\":\"%s\",\"refund\":\"r-10\",\"refunded_at\":%" PRId64 ",\"amount\":10}", m, t + EW_HOUR).p));
	ew_settle(&w);
	*dups = (int)yt_engine_stats(w.e)->events[YT_ORDER_REFUNDED][YT_DUPLICATE];
	int deads = w.deads;

	ew_deinit(&w);
	return deads;
}

TEST(an_entity_that_expires_within_a_batch_is_absent_from_then_on)
{
	int dups_one, dups_two, one = deads_of_a_late_refund(true, &dups_one), two = deads_of_a_late_refund(false, &dups_two);

	CHECK_MSG(one == two && dups_one == dups_two, "in one batch %d dead letters and %d duplicates, in two %d and %d", one, dups_one, two, dups_two);
}

static size_t entities_of(const struct ew *w)
{
	struct yt_shard_info info[EW_SHARDS];
	size_t n = 0;

	for (size_t k = yt_engine_shards(w->e, info, EW_SHARDS); k > 0; k--)
		n += info[k - 1].entities;
	return n;
}

TEST(what_expired_leaves_memory_with_its_tombstone)
{
	struct ew w;
	const char *m;

	ew_init(&w, EW_MEM | EW_EVENT);
	m = ew_member(&w, 0, 0);
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, m, "o-old", EW_T0));
	ew_settle(&w);
	CHECK_INT(entities_of(&w), 4); /* the member, his order, the day and its channels */
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, m, "o-new", EW_T0 + 100 * EW_DAY));
	ew_settle(&w);
	CHECK_INT(entities_of(&w), 7); /* another order in the old one's place, its day and channels, and the day on which the coupon ended */
	ew_deinit(&w);
}

/* A machine on which each look at the clock finds it a fifth of a batch's time on. */
static int64_t slow_clock(void)
{
	static int64_t now = 1000;

	return now += 100;
}

/* However many wait: a turn that takes long looks like a loop that stands still, and the process would end in the middle of it, again and again. */
TEST(a_batch_ends_by_its_age)
{
	enum { RECORDS = 1000, LOOKS = 5, EVERY = 16 };
	struct ew w;

	ew_init(&w, 0);
	w.conf.mono_ms = slow_clock;
	ew_live(&w);
	for (int k = 0; k < RECORDS; k++)
		fl_record(&w.fl, EW_ORDERS, k % 2, k / 2, ew_paid(&w, ew_member(&w, k % 2, k % 7), yt_arena_printf(&w.arena, "o-%d", k).p, w.wall - EW_MIN));
	fl_all_ends(&w.fl);
	ew_turn(&w);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.fl.batches[0].shards[0].next[EW_ORDERS], LOOKS * EVERY);
	ew_turns(&w, 2 * RECORDS / (LOOKS * EVERY));
	CHECK_INT(w.fl.n_batches, (RECORDS + LOOKS * EVERY - 1) / (LOOKS * EVERY));
	CHECK_INT(ew_info(&w, 0).next[EW_ORDERS], RECORDS / 2);
	CHECK_INT(ew_info(&w, 1).next[EW_ORDERS], RECORDS / 2);
	ew_deinit(&w);
}

/* Several polls' worth, behind a backlog: one transaction in place of several small ones. */
TEST(a_batch_takes_all_that_is_at_hand)
{
	enum { RECORDS = 12000, TURNS = 4 };
	struct ew w;

	ew_init(&w, 0);
	ew_live(&w);
	for (int k = 0; k < RECORDS; k++)
		fl_record(&w.fl, EW_ORDERS, k % 2, k / 2, ew_paid(&w, ew_member(&w, k % 2, k % 7), "o-1", w.wall - EW_MIN));
	fl_all_ends(&w.fl);
	ew_turns(&w, TURNS);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.fl.batches[0].shards[0].next[EW_ORDERS], RECORDS / 2);
	CHECK_INT(w.fl.batches[0].shards[1].next[EW_ORDERS], RECORDS / 2);
	ew_deinit(&w);
}

TEST(draining_decides_nothing_new)
{
	struct ew w;

	ew_init(&w, 0);
	w.fl.hold_commit = true;
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turn(&w);
	yt_engine_drain(w.e);
	CHECK(!yt_engine_drained(w.e));
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, ew_member(&w, 0, 0), "o-2", w.wall - 1));
	ew_turn(&w);
	fl_keep_batch(&w.fl, &w.fl.batches[0]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turns(&w, 3);
	CHECK(yt_engine_drained(w.e));
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.n_outs, 1);
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(an_event_is_decided_and_its_outputs_leave_with_its_state);
	RUN(a_second_delivery_has_no_second_effect);
	RUN(an_aborted_batch_is_decided_again_and_leaves_nothing_twice);
	RUN(what_an_aborted_batch_decided_is_forgotten);
	RUN(a_lost_batch_that_was_not_kept_is_read_and_decided_again);
	RUN(a_lost_batch_that_was_kept_is_not_decided_again);
	RUN(after_a_crash_the_changelog_gives_the_same_state);
	RUN(a_crash_in_mid_commit_loses_and_doubles_nothing);
	RUN(a_rebalance_reuses_what_memory_holds);
	RUN(what_memory_holds_does_not_wait_for_what_is_restored);
	RUN(a_revoke_in_mid_commit_waits_for_the_outcome);
	RUN(memory_that_the_group_has_passed_is_not_reused);
	RUN(memory_that_the_group_has_passed_by_a_timer_alone_is_not_reused);
	RUN(a_shard_that_was_elsewhere_in_between_is_read_again);
	RUN(a_transaction_carries_every_input_of_each_shard_that_it_touches);
	RUN(a_misplaced_record_is_forwarded_once_and_decided_by_its_owner);
	RUN(a_dead_letter_of_a_forwarded_record_names_where_it_first_lay);
	RUN(what_waits_goes_on_as_it_came_when_it_is_known_whose_it_is);
	RUN(thirty_two_hops_are_the_limit);
	RUN(an_internal_record_without_its_headers_is_a_dead_letter);
	RUN(headers_of_ours_on_a_foreign_record_are_not_believed);
	RUN(bad_records_end_as_dead_letters_and_the_stream_goes_on);
	RUN(a_dead_letter_that_is_too_large_is_cut_and_says_so);
	RUN(a_record_that_is_too_large_to_be_forwarded_is_a_dead_letter);
	RUN(an_entity_that_expires_within_a_batch_is_absent_from_then_on);
	RUN(what_expired_leaves_memory_with_its_tombstone);
	RUN(a_batch_ends_by_its_age);
	RUN(a_batch_takes_all_that_is_at_hand);
	RUN(draining_decides_nothing_new);
}
