/* Timers and the two clocks (DESIGN 4, Timers and the clock). */
#include "unit/engine_world.h"

static int64_t at(struct ew *w, size_t k)
{
	CHECK_MSG(k < w->n_outs, "only %zu outputs", w->n_outs);
	return ew_data_int(w, w->outs[k].value, "at");
}

/* The rules and the members of what left, in order. */
static const char *left(struct ew *w)
{
	struct yt_buf b;

	yt_buf_init(&b, &w->arena);
	for (size_t k = 0; k < w->n_outs; k++)
		yt_buf_printf(&b, "%s%s:%s", k ? " " : "", ew_data(w, w->outs[k].value, "rule"), ew_data(w, w->outs[k].value, "member"));
	yt_buf_c(&b, 0);
	return b.p;
}

/* --- clock = event */

TEST(event_clock_what_is_due_fires_first_with_now_its_due)
{
	struct ew w;
	const char *a, *b;

	ew_init(&w, EW_MEM | EW_EVENT);
	a = ew_member(&w, 0, 0);
	b = ew_member(&w, 1, 0);
	ew_put(&w, EW_GROUPS, 0, ew_joined(&w, a, "g", EW_T0));
	ew_put(&w, EW_ORDERS, 1, ew_paid(&w, b, "o-1", EW_T0 + EW_HOUR));
	ew_settle(&w);
	CHECK_STR(left(&w), yt_arena_printf(&w.arena, "welcome:%s nudge:%s thanks:%s", a, a, b).p);
	CHECK_INT(at(&w, 0), EW_T0);
	CHECK_INT(at(&w, 1), EW_T0 + 10 * EW_MIN);
	CHECK_INT(at(&w, 2), EW_T0 + EW_HOUR);
	CHECK(yt_engine_idle(w.e));
	ew_deinit(&w);
}

TEST(event_clock_what_is_due_at_the_very_instant_of_an_event_goes_before_it)
{
	struct ew w;
	const char *a;

	ew_init(&w, EW_MEM | EW_EVENT);
	a = ew_member(&w, 0, 0);
	ew_put(&w, EW_GROUPS, 0, ew_joined(&w, a, "g", EW_T0));
	/* Leaves at that instant: the nudge has left already. */
	ew_put(&w, EW_GROUPS, 0, ew_left(&w, a, "g", EW_T0 + 10 * EW_MIN));
	ew_settle(&w);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_DUE), 2);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_WITHHELD), 0);
	ew_deinit(&w);
}

TEST(event_clock_equal_dues_go_by_shop_and_member)
{
	static const char *const who[] = { "s1/m-2", "s1-a/m-1", "s1/m-10", "s1.b/m-0", "s0/m-9", "s1/m-1" };
	struct ew w;

	ew_init(&w, EW_MEM | EW_EVENT);
	for (int k = 0; k < 6; k++) {
		const char *slash = strchr(who[k], '/');
		char rfc[25];

		yt_time_format(EW_T0 + k, rfc);
		/* Told one after the other, due at the same instant: the rule counts from `now`, so each is told in the same ms. */
		yt_time_format(EW_T0, rfc);
		ew_put(&w, EW_GROUPS, yt_partition(yt_str_z(who[k]), EW_SHARDS),
		       yt_arena_printf(&w.arena, "{\"specversion\":\"1.0\",\"id\":\"e%d\",\"source\":\"/shops/%.*s\",\"type\":\"group.joined\",\"time\":\"%s\","
		                       "\"data\":{\"group\":\"g\",\"member\":\"%s\",\"joined_at\":%" PRId64 "}}", k, (int)(slash - who[k]), who[k], rfc, slash + 1, EW_T0).p);
	}
	ew_settle(&w);
	CHECK_INT(w.n_outs, 6);
	yt_engine_run_until(w.e, EW_T0 + EW_HOUR);
	ew_settle(&w);
	CHECK_INT(w.n_outs, 12);
	static const char *const order[] = { "m-9", "m-1", "m-10", "m-2", "m-1", "m-0" };
	static const char *const shops[] = { "s0", "s1", "s1", "s1", "s1-a", "s1.b" };

	for (int k = 0; k < 6; k++) {
		CHECK_STR(ew_data(&w, w.outs[6 + k].value, "shop"), shops[k]);
		CHECK_STR(ew_data(&w, w.outs[6 + k].value, "member"), order[k]);
	}
	ew_deinit(&w);
}

TEST(event_clock_all_inputs_of_the_process_are_merged)
{
	struct ew w;

	ew_init(&w, EW_MEM | EW_EVENT);
	for (int p = EW_SHARDS - 1; p >= 0; p--) {
		ew_put(&w, EW_GROUPS, p, ew_joined(&w, ew_member(&w, p, 0), "g", EW_T0));
		ew_put(&w, EW_ORDERS, p, ew_paid(&w, ew_member(&w, p, 1), "o", EW_T0 + 10 - p));
		ew_put(&w, EW_ORDERS, p, ew_paid(&w, ew_member(&w, p, 2), "o-2", EW_T0 + 20));
	}
	ew_settle(&w);
	CHECK_STR(left(&w), yt_arena_printf(&w.arena,
		"welcome:%s welcome:%s welcome:%s welcome:%s thanks:%s thanks:%s thanks:%s thanks:%s thanks:%s thanks:%s thanks:%s thanks:%s",
		ew_member(&w, 0, 0), ew_member(&w, 1, 0), ew_member(&w, 2, 0), ew_member(&w, 3, 0), ew_member(&w, 3, 1), ew_member(&w, 2, 1),
		ew_member(&w, 1, 1), ew_member(&w, 0, 1), ew_member(&w, 0, 2), ew_member(&w, 1, 2), ew_member(&w, 2, 2), ew_member(&w, 3, 2)).p);
	ew_deinit(&w);
}

TEST(event_clock_waits_for_every_input_and_passes_over_none)
{
	struct ew w;

	ew_init(&w, EW_EVENT);
	fl_assign_all(&w.fl);
	ew_turns(&w, 5);
	for (int p = 0; p < EW_SHARDS; p++)
		for (int i = 0; i < EW_INPUTS; i++)
			if (p != 3 || i != EW_ORDERS)
				fl_end(&w.fl, i, p, 0);
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, ew_member(&w, 0, 0), "g", EW_T0 + 1));
	for (int k = 0; k < 10; k++) {
		ew_turn(&w);
		ew_pass(&w, 1000);
	}
	CHECK_INT(w.fl.n_batches, 0);
	CHECK(!yt_engine_idle(w.e));
	fl_record(&w.fl, EW_ORDERS, 3, 0, ew_paid(&w, ew_member(&w, 3, 0), "o", EW_T0));
	ew_turns(&w, 2);
	CHECK_INT(w.fl.n_batches, 1); /* the order alone: what comes behind it is not known */
	CHECK_INT(w.n_outs, 1);
	fl_end(&w.fl, EW_ORDERS, 3, 1);
	ew_turns(&w, 3);
	CHECK_STR(left(&w), yt_arena_printf(&w.arena, "thanks:%s welcome:%s", ew_member(&w, 3, 0), ew_member(&w, 0, 0)).p);
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 0);
	ew_deinit(&w);
}

TEST(event_clock_stands_still_after_the_last_event)
{
	struct ew w;
	const char *a;

	ew_init(&w, EW_MEM | EW_EVENT);
	a = ew_member(&w, 0, 0);
	ew_put(&w, EW_GROUPS, 0, ew_joined(&w, a, "g", EW_T0));
	ew_settle(&w);
	ew_pass(&w, EW_DAY);
	ew_settle(&w);
	CHECK_INT(w.n_outs, 1);
	CHECK(yt_engine_idle(w.e));
	/* What is fed later is decided as it arrives; now does not go back. */
	ew_put(&w, EW_ORDERS, 1, ew_paid(&w, ew_member(&w, 1, 0), "o", EW_T0 - EW_HOUR));
	ew_settle(&w);
	CHECK_INT(w.n_outs, 2);
	CHECK_INT(at(&w, 1), EW_T0);
	ew_deinit(&w);
}

TEST(event_clock_run_until_lets_timers_run_on)
{
	struct ew w;
	const char *a;

	ew_init(&w, EW_MEM | EW_EVENT);
	a = ew_member(&w, 0, 0);
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, a, "o", EW_T0));
	yt_engine_run_until(w.e, EW_T0 + 72 * EW_HOUR - 1);
	ew_settle(&w);
	CHECK_STR(left(&w), yt_arena_printf(&w.arena, "thanks:%s ~coupon:%s", a, a).p); /* the reminder */
	CHECK_INT(at(&w, 1), EW_T0 + 48 * EW_HOUR);
	yt_engine_run_until(w.e, EW_T0 + 72 * EW_HOUR);
	ew_settle(&w);
	CHECK_INT(ew_count(&w, YT_OUT_COUPON_EXPIRED), 1);
	CHECK_INT(at(&w, 2), EW_T0 + 72 * EW_HOUR);
	CHECK(yt_engine_idle(w.e));
	ew_deinit(&w);
}

TEST(event_clock_an_abort_changes_no_now_and_no_order)
{
	static const enum yt_outcome outcomes[] = { YT_ABORTED };
	struct ew w;
	const char *a, *b;

	ew_init(&w, EW_MEM | EW_EVENT);
	yt_memlog_outcomes(w.mem, outcomes, 1, false);
	a = ew_member(&w, 0, 0);
	b = ew_member(&w, 1, 0);
	ew_put(&w, EW_GROUPS, 0, ew_joined(&w, a, "g", EW_T0));
	ew_put(&w, EW_ORDERS, 1, ew_paid(&w, b, "o-1", EW_T0 + EW_HOUR));
	ew_settle(&w);
	CHECK_INT(yt_engine_stats(w.e)->aborted, 1);
	CHECK_STR(left(&w), yt_arena_printf(&w.arena, "welcome:%s nudge:%s thanks:%s", a, a, b).p);
	CHECK_INT(at(&w, 0), EW_T0);
	CHECK_INT(at(&w, 1), EW_T0 + 10 * EW_MIN);
	CHECK_INT(at(&w, 2), EW_T0 + EW_HOUR);
	ew_deinit(&w);
}

TEST(event_clock_a_lost_batch_changes_no_now_and_no_order)
{
	static const enum yt_outcome outcomes[] = { YT_LOST };
	struct ew w;
	const char *a, *b;

	ew_init(&w, EW_MEM | EW_EVENT);
	yt_memlog_outcomes(w.mem, outcomes, 1, false);
	a = ew_member(&w, 0, 0);
	b = ew_member(&w, 1, 0);
	ew_put(&w, EW_GROUPS, 0, ew_joined(&w, a, "g", EW_T0));
	ew_put(&w, EW_ORDERS, 1, ew_paid(&w, b, "o-1", EW_T0 + EW_HOUR));
	ew_settle(&w);
	CHECK_INT(yt_engine_stats(w.e)->lost, 1);
	CHECK_STR(left(&w), yt_arena_printf(&w.arena, "welcome:%s nudge:%s thanks:%s", a, a, b).p);
	CHECK_INT(at(&w, 0), EW_T0);
	CHECK_INT(at(&w, 2), EW_T0 + EW_HOUR);
	ew_deinit(&w);
}

/* A record of shard 2 that lay in shard 0: committed as forwarded, and not read back yet. */
static void forwarded_to_shard_2(struct ew *w)
{
	ew_init(w, EW_EVENT);
	ew_live(w);
	fl_record(&w->fl, EW_ORDERS, 0, 0, ew_paid(w, ew_member(w, 2, 0), "o", EW_T0));
	fl_end(&w->fl, EW_ORDERS, 0, 1);
	ew_turns(w, 4);
	CHECK_INT(w->fl.n_batches, 1);
	CHECK_INT(w->fl.batches[0].messages[0].dest, YT_TO_INTERNAL);
}

/* It lies at this offset, its marker behind it. */
static void read_back(struct ew *w, int64_t offset)
{
	const struct fl_batch *b = &w->fl.batches[0];

	fl_record_with(&w->fl, EW_INTERNAL, 2, offset, b->messages[0].key, b->messages[0].value, b->messages[0].headers, b->messages[0].n_headers);
	fl_end(&w->fl, EW_INTERNAL, 2, offset + 2);
}

TEST(event_clock_is_not_idle_while_a_forwarded_record_is_on_its_way)
{
	struct ew w;

	forwarded_to_shard_2(&w);
	CHECK_MSG(!yt_engine_idle(w.e), "idle, but internal/2 has a record that nobody has read");
	read_back(&w, 0);
	ew_turns(&w, 4);
	CHECK_INT(w.n_outs, 1);
	CHECK_INT(at(&w, 0), EW_T0);
	CHECK(yt_engine_idle(w.e));
	ew_deinit(&w);
}

/* The marker of an earlier transaction moved the end, and that was told when what a later one sent was committed already. */
TEST(event_clock_an_old_end_does_not_hide_what_was_sent)
{
	struct ew w;

	forwarded_to_shard_2(&w);
	fl_end(&w.fl, EW_INTERNAL, 2, 1);
	fl_record(&w.fl, EW_ORDERS, 1, 0, ew_paid(&w, ew_member(&w, 1, 0), "o-1", EW_T0 + EW_HOUR));
	fl_end(&w.fl, EW_ORDERS, 1, 1);
	ew_turns(&w, 4);
	CHECK_INT(w.n_outs, 0);
	read_back(&w, 1);
	ew_turns(&w, 4);
	CHECK_INT(w.n_outs, 2);
	CHECK_INT(at(&w, 0), EW_T0);
	CHECK_INT(at(&w, 1), EW_T0 + EW_HOUR);
	CHECK(yt_engine_idle(w.e));
	ew_deinit(&w);
}

TEST(event_clock_takes_more_than_memory_holds_at_once)
{
	struct ew w;
	enum { N = 210000 };
	const char *value;

	ew_init(&w, EW_MEM | EW_EVENT);
	value = ew_joined(&w, ew_member(&w, 0, 0), "g1", EW_T0);
	for (int k = 0; k < N; k++)
		ew_put(&w, EW_GROUPS, 0, value);
	ew_put(&w, EW_ORDERS, 3, ew_paid(&w, ew_member(&w, 3, 0), "o", EW_T0));
	for (int k = 0; k < 1000 && !yt_engine_idle(w.e); k++)
		ew_turn(&w);
	CHECK_MSG(yt_engine_idle(w.e), "stuck: %" PRId64 " records are queued and no other input is asked for more", ew_info(&w, 0).queued);
	CHECK_INT(ew_info(&w, 0).next[EW_GROUPS], N);
	ew_deinit(&w);
}

TEST(event_clock_timers_of_one_instant_that_fill_a_batch_all_fire)
{
	enum { MEMBERS = 8000, RULES = 25, N = MEMBERS * RULES };
	struct ew w;
	struct yt_buf rules;

	yt_buf_init(&rules, NULL);
	yt_buf_z(&rules, "[ruleset]\nname = t\nrevision = 1\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n");
	for (int k = 0; k < RULES; k++)
		yt_buf_printf(&rules, "[rule \"r%d\"]\non = group.joined\nafter = 10m\nfollow_up = nudge\n", k);
	yt_buf_c(&rules, 0);
	ew_init_rules(&w, EW_MEM | EW_EVENT, rules.p);
	yt_buf_deinit(&rules);
	for (int k = 0; k < MEMBERS; k++) {
		const char *m = yt_arena_printf(&w.arena, "x-%d", k).p;

		ew_put(&w, EW_GROUPS, ew_shard_of(&w, m), ew_joined(&w, m, "g", EW_T0));
	}
	/* Each join tells its group, and what is told is decided before the next. */
	for (int k = 0; k < 4 * MEMBERS && (k < 5 || !yt_engine_idle(w.e)); k++)
		ew_turn(&w);
	uint64_t batches = yt_engine_stats(w.e)->batches;

	yt_engine_run_until(w.e, EW_T0 + 10 * EW_MIN);
	for (int k = 0; k < 20; k++)
		ew_turn(&w);
	CHECK_INT(yt_engine_stats(w.e)->timers, N);
	CHECK_MSG(yt_engine_stats(w.e)->batches - batches >= 2, "they fit one batch: this test shows nothing");
	CHECK_INT(at(&w, N - 1), EW_T0 + 10 * EW_MIN);
	ew_deinit(&w);
}

/* --- clock = wall */

/* A member of shard 1 has joined at w->wall; the nudge is due ten minutes later. */
static void joined(struct ew *w)
{
	ew_live(w);
	fl_record(&w->fl, EW_GROUPS, 1, 0, ew_joined(w, ew_member(w, 1, 0), "g", w->wall));
	fl_end(&w->fl, EW_GROUPS, 1, 1);
	ew_turns(w, 3);
	CHECK_INT(w->n_outs, 1);
	CHECK_INT(ew_info(w, 1).timers, 1);
}

TEST(wall_clock_a_timer_fires_when_it_is_due_and_not_before)
{
	struct ew w;

	ew_init(&w, 0);
	joined(&w);
	ew_pass(&w, 10 * EW_MIN - 1);
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 1);
	CHECK_INT(w.fl.ends_asked[1], 0);
	CHECK_INT(w.wait, 1);
	ew_pass(&w, 1);
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 2);
	CHECK_INT(at(&w, 1), w.wall);
	CHECK_INT(w.fl.ends_asked[1], 1);
	CHECK_INT(w.fl.ends_asked[0], 0);
	CHECK_INT(ew_info(&w, 1).timers, 0);
	ew_deinit(&w);
}

TEST(wall_clock_a_timer_waits_until_each_input_was_read_to_its_end)
{
	for (int input = 0; input < EW_INPUTS; input++) {
		struct ew w;
		int64_t next = input == EW_GROUPS;

		ew_init(&w, 0);
		joined(&w);
		w.fl.end[1][input] = next + 1; /* one record more is there, and not fetched yet */
		ew_pass(&w, 10 * EW_MIN);
		ew_turns(&w, 5);
		CHECK_INT(w.fl.ends_asked[1], 1);
		CHECK_MSG(w.n_outs == 1, "it did not wait for input %d", input);
		ew_pass(&w, 5000);
		ew_turns(&w, 3);
		CHECK_INT(w.n_outs, 1);
		CHECK_INT(yt_engine_stats(w.e)->timers_held_ms, 5000);
		/* The member left in time, and that was in the log before the due: no nudge. */
		const char *value = input == EW_INTERNAL ? "x" : ew_left(&w, ew_member(&w, 1, 0), "g", w.wall - EW_MIN);

		fl_record(&w.fl, input, 1, next, value);
		ew_turns(&w, 4);
		CHECK_INT(w.n_outs, 2);
		CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_WITHHELD), input != EW_INTERNAL);
		ew_turns(&w, 2);
		CHECK_INT(yt_engine_stats(w.e)->timers_held_ms, 0);
		ew_deinit(&w);
	}
}

TEST(wall_clock_an_end_behind_transaction_markers_is_reached_by_its_eof)
{
	struct ew w;

	ew_init(&w, 0);
	joined(&w);
	w.fl.end[1][EW_INTERNAL] = 7; /* all of it markers */
	ew_pass(&w, 10 * EW_MIN);
	ew_turns(&w, 4);
	CHECK_INT(w.n_outs, 1);
	fl_end(&w.fl, EW_INTERNAL, 1, 5); /* the last stable offset, lower than the end */
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 1);
	fl_end(&w.fl, EW_INTERNAL, 1, 7);
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 2);
	ew_deinit(&w);
}

TEST(wall_clock_ends_of_before_the_due_do_not_count)
{
	struct ew w;
	const char *b;

	ew_init(&w, 0);
	joined(&w);
	/* Another join half a second later. */
	b = ew_member(&w, 1, 1);
	ew_pass(&w, 500);
	fl_record(&w.fl, EW_GROUPS, 1, 1, ew_joined(&w, b, "g", w.wall));
	fl_end(&w.fl, EW_GROUPS, 1, 2);
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 2);
	ew_pass(&w, 10 * EW_MIN - 500);
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 3);
	CHECK_INT(w.fl.ends_asked[1], 1);
	/* b left; that is in the log, after the first question and before its due. */
	w.fl.end[1][EW_GROUPS] = 3;
	ew_pass(&w, 500);
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 3);
	CHECK_INT(w.fl.ends_asked[1], 1); /* once a second at most */
	CHECK_MSG(w.wait > 0 && w.wait <= 500, "comes again after %" PRId64, w.wait);
	ew_pass(&w, 500);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.ends_asked[1], 2);
	CHECK_INT(w.n_outs, 3);
	fl_record(&w.fl, EW_GROUPS, 1, 2, ew_left(&w, b, "g", w.wall - EW_MIN));
	ew_turns(&w, 3);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_WITHHELD), 1);
	ew_deinit(&w);
}

TEST(wall_clock_an_aborted_timer_fires_again)
{
	struct ew w;

	ew_init(&w, 0);
	joined(&w);
	w.fl.hold_commit = true;
	ew_pass(&w, 10 * EW_MIN);
	ew_turns(&w, 2);
	CHECK_INT(w.fl.n_batches, 2);
	fl_outcome(&w.fl, YT_ABORTED);
	ew_turn(&w);
	CHECK_INT(w.fl.n_batches, 3);
	CHECK_INT(w.fl.batches[2].shards[0].version, 2);
	fl_keep_batch(&w.fl, &w.fl.batches[2]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turns(&w, 2);
	CHECK_INT(w.n_outs, 2);
	CHECK_INT(w.fl.n_batches, 3);
	CHECK_INT(yt_engine_stats(w.e)->timers, 1);
	ew_deinit(&w);
}

TEST(wall_clock_timers_go_on_after_a_rebalance_that_took_a_question_along)
{
	struct ew w;

	ew_init(&w, 0);
	joined(&w);
	w.fl.hold_ends = true;
	ew_pass(&w, 10 * EW_MIN);
	ew_turns(&w, 2);
	CHECK_INT(w.fl.ends_asked[1], 1);
	fl_revoke(&w.fl, false); /* the Kafka log forgets all questions then: no answer will come */
	ew_turn(&w);
	w.fl.hold_ends = false;
	fl_assign_all(&w.fl);
	ew_turns(&w, 4);
	fl_all_ends(&w.fl);
	for (int k = 0; k < 5; k++) {
		ew_pass(&w, 1000);
		ew_turns(&w, 3);
	}
	CHECK_MSG(w.n_outs == 2, "the timer is held for ever: %d questions after the rebalance", w.fl.ends_asked[1] - 1);
	ew_deinit(&w);
}

TEST(wall_clock_a_jump_stops_deciding_until_it_is_undone)
{
	static const int64_t jumps[] = { EW_HOUR, -EW_HOUR };

	for (int k = 0; k < 2; k++) {
		struct ew w;
		char why[128];

		ew_init(&w, 0);
		ew_live(&w);
		w.wall += jumps[k];
		fl_record(&w.fl, EW_GROUPS, 1, 0, ew_joined(&w, ew_member(&w, 1, 0), "g", w.wall - 2 * EW_HOUR));
		for (int i = 0; i < 5; i++) {
			ew_turn(&w);
			ew_pass(&w, 1000);
		}
		CHECK_INT(w.fl.n_batches, 0);
		CHECK(!yt_engine_ready(w.e, why));
		CHECK_MSG(strstr(why, "clock"), "%s", why);
		w.wall -= jumps[k];
		ew_turns(&w, 3);
		CHECK_INT(w.n_outs, 1);
		CHECK(yt_engine_ready(w.e, why));
		ew_deinit(&w);
	}
}

TEST(wall_clock_that_is_slewed_is_followed)
{
	struct ew w;

	ew_init(&w, 0);
	ew_live(&w);
	for (int k = 0; k < 100; k++) {
		ew_pass(&w, 1000);
		w.wall += 500;
		ew_turn(&w);
	}
	fl_record(&w.fl, EW_GROUPS, 1, 0, ew_joined(&w, ew_member(&w, 1, 0), "g", w.wall));
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 1);
	ew_deinit(&w);
}

TEST(wall_clock_now_never_goes_back)
{
	struct ew w;
	int64_t first;

	ew_init(&w, 0);
	ew_live(&w);
	first = w.wall;
	fl_record(&w.fl, EW_GROUPS, 1, 0, ew_joined(&w, ew_member(&w, 1, 0), "g", w.wall));
	ew_turns(&w, 3);
	w.wall -= 5000;
	fl_record(&w.fl, EW_GROUPS, 1, 1, ew_joined(&w, ew_member(&w, 1, 0), "g-2", w.wall));
	ew_turns(&w, 3);
	CHECK_INT(at(&w, 1), first);
	ew_crash(&w);
	ew_live(&w);
	fl_record(&w.fl, EW_GROUPS, 1, 2, ew_joined(&w, ew_member(&w, 1, 0), "g-3", w.wall));
	ew_turns(&w, 3);
	CHECK_INT(at(&w, 2), first);
	CHECK_INT(ew_info(&w, 1).now_ms, first);
	ew_deinit(&w);
}

TEST(wall_clock_an_internal_event_carries_the_now_of_its_cause)
{
	struct ew w;
	int64_t cause;
	const char *a, *b;

	ew_init(&w, 0);
	ew_live(&w);
	a = ew_member(&w, 1, 0);
	b = ew_member(&w, 1, 1);
	cause = w.wall + 3000; /* the clock of the process that forwarded it is ahead of ours */
	const struct yt_header h[] = { { YT_S("yt_topic"), YT_S("groups") }, { YT_S("yt_partition"), YT_S("3") }, { YT_S("yt_offset"), YT_S("42") },
		                       { YT_S("yt_hop"), YT_S("1") }, { YT_S("yt_now"), yt_arena_printf(&w.arena, "%" PRId64, cause) },
		                       { YT_S("yt_timestamp"), YT_S("5") } };

	fl_record_with(&w.fl, EW_INTERNAL, 1, 0, YT_S("k"), yt_str_z(ew_joined(&w, a, "g", w.wall - 1000)), h, 6);
	fl_record(&w.fl, EW_GROUPS, 1, 0, ew_joined(&w, b, "g", w.wall - 500));
	fl_all_ends(&w.fl);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(w.n_outs, 2);
	CHECK_INT(at(&w, 0), cause);
	CHECK_INT(ew_info(&w, 1).now_ms, cause);
	CHECK_MSG(at(&w, 1) == cause, "now went back by %" PRId64 " ms within a batch", cause - at(&w, 1));
	ew_deinit(&w);
}

TEST(wall_clock_many_timers_of_one_instant_all_fire_once)
{
	struct ew w;
	enum { N = 500 };

	ew_init(&w, EW_MEM);
	for (int k = 0; k < N; k++) {
		const char *m = yt_arena_printf(&w.arena, "x-%d", k).p;

		ew_put(&w, EW_GROUPS, ew_shard_of(&w, m), ew_joined(&w, m, "g", w.wall));
	}
	ew_settle(&w);
	CHECK_INT(w.n_outs, N);
	ew_pass(&w, 10 * EW_MIN);
	ew_settle(&w);
	CHECK_INT(w.n_outs, 2 * N);
	CHECK_INT(yt_engine_stats(w.e)->timers, N);
	ew_pass(&w, EW_HOUR);
	ew_settle(&w);
	CHECK_INT(w.n_outs, 2 * N);
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(event_clock_what_is_due_fires_first_with_now_its_due);
	RUN(event_clock_what_is_due_at_the_very_instant_of_an_event_goes_before_it);
	RUN(event_clock_equal_dues_go_by_shop_and_member);
	RUN(event_clock_all_inputs_of_the_process_are_merged);
	RUN(event_clock_waits_for_every_input_and_passes_over_none);
	RUN(event_clock_stands_still_after_the_last_event);
	RUN(event_clock_run_until_lets_timers_run_on);
	RUN(event_clock_an_abort_changes_no_now_and_no_order);
	RUN(event_clock_a_lost_batch_changes_no_now_and_no_order);
	RUN(event_clock_is_not_idle_while_a_forwarded_record_is_on_its_way);
	RUN(event_clock_an_old_end_does_not_hide_what_was_sent);
	RUN(event_clock_takes_more_than_memory_holds_at_once);
	RUN(event_clock_timers_of_one_instant_that_fill_a_batch_all_fire);
	RUN(wall_clock_a_timer_fires_when_it_is_due_and_not_before);
	RUN(wall_clock_a_timer_waits_until_each_input_was_read_to_its_end);
	RUN(wall_clock_an_end_behind_transaction_markers_is_reached_by_its_eof);
	RUN(wall_clock_ends_of_before_the_due_do_not_count);
	RUN(wall_clock_an_aborted_timer_fires_again);
	RUN(wall_clock_timers_go_on_after_a_rebalance_that_took_a_question_along);
	RUN(wall_clock_a_jump_stops_deciding_until_it_is_undone);
	RUN(wall_clock_that_is_slewed_is_followed);
	RUN(wall_clock_now_never_goes_back);
	RUN(wall_clock_an_internal_event_carries_the_now_of_its_cause);
	RUN(wall_clock_many_timers_of_one_instant_all_fire_once);
}
