/* Revisions of the rules: which shards a set may decide, and another set in the middle of the work (RULES.md, [ruleset]; docs/rules.md). */
#include "unit/engine_world.h"

#define HEAD(revision) "[ruleset]\nname = t\nrevision = " #revision "\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"
#define THANKS "[coupon \"half\"]\npay_percent = 50\nvalid_for = 72h\n[rule \"thanks\"]\non = order.paid\nissue = half\n"
#define NUDGE(after, still) "[rule \"nudge\"]\non = group.joined\nafter = " after "\nstill = " still "\nfollow_up = nudge\n"
#define RULES(revision) HEAD(revision) THANKS NUDGE("10m", "true")

static const struct yt_ruleset *reload(struct ew *w, const char *rules)
{
	const struct yt_ruleset *set = ew_parse(w, yt_str_z(rules));

	yt_engine_reload(w->e, set);
	return set;
}

/* Another process, with other rules, has all the shards now. */
static void take_over(struct ew *w, const char *rules)
{
	w->rules = ew_parse(w, yt_str_z(rules));
	ew_crash(w);
	fl_assign_all(&w->fl);
	ew_turns(w, 5);
	fl_all_ends(&w->fl);
	ew_turn(w);
}

static void order(struct ew *w, int shard, int64_t offset)
{
	fl_record(&w->fl, EW_ORDERS, shard, offset,
	          ew_paid(w, ew_member(w, shard, 0), yt_arena_printf(&w->arena, "o-%d-%lld", shard, (long long)offset).p, w->wall - 1));
	ew_turns(w, 4);
}

static void join(struct ew *w, int shard)
{
	fl_record(&w->fl, EW_GROUPS, shard, 0, ew_joined(w, ew_member(w, shard, 0), "g-1", w->wall));
	ew_turns(w, 4);
}

/* Lets timers fire. */
static void pass(struct ew *w, int64_t ms)
{
	ew_pass(w, ms);
	ew_turns(w, 6);
}

static const char *last_ruleset(struct ew *w)
{
	CHECK(w->n_outs > 0);
	return ew_data(w, w->outs[w->n_outs - 1].value, "ruleset");
}

/* What the n-th batch says of the rules, in the checkpoint of one of its shards. */
static struct yt_checkpoint checkpoint_of(struct ew *w, size_t n)
{
	struct yt_checkpoint c = { 0 };

	CHECK(n < w->fl.n_batches);
	for (size_t k = 0; k < w->fl.batches[n].n_messages; k++)
		if (yt_str_eq(w->fl.batches[n].messages[k].key, YT_S(YT_CHECKPOINT_KEY)))
			CHECK(yt_checkpoint_decode(w->fl.batches[n].messages[k].value, &c));
	return c;
}

static void is_held(struct ew *w, int shard, const char *what)
{
	char why[128];

	CHECK_STR(ew_info(w, shard).state, "held");
	CHECK_INT(w->fl.started[shard], 0);
	CHECK_MSG(!yt_engine_ready(w->e, why), "/readyz says ready while a shard is held");
	CHECK_MSG(strstr(why, what), "%s", why);
}

static void is_live(struct ew *w, int shard)
{
	CHECK_STR(ew_info(w, shard).state, "live");
	CHECK_MSG(w->fl.started[shard] > 0, "shard %d was not started", shard);
}

static void is_ready(struct ew *w)
{
	char why[128] = "";

	CHECK_MSG(yt_engine_ready(w->e, why), "%s", why);
}

TEST(a_shard_that_saw_a_newer_revision_is_held_and_the_others_go_on)
{
	struct ew w;
	size_t batches;

	ew_init_rules(&w, 0, RULES(4));
	ew_live(&w);
	join(&w, 0); /* its timer is due in 10 minutes */
	take_over(&w, RULES(3));
	batches = w.fl.n_batches;
	is_held(&w, 0, "shard 0 is held: it was decided by rules of revision 4, ours is 3");
	is_live(&w, 1);
	CHECK_INT(ew_info(&w, 0).rules_revision, 4);
	CHECK_INT(ew_info(&w, 0).timers, 1);
	order(&w, 1, 0);
	pass(&w, 20 * EW_MIN);
	order(&w, 0, 0);
	CHECK_INT(ew_count(&w, YT_OUT_COUPON_ISSUED), 1);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_DUE), 0);
	CHECK_INT(ew_info(&w, 0).version, 1);
	for (size_t k = batches; k < w.fl.n_batches; k++)
		for (size_t i = 0; i < w.fl.batches[k].n_shards; i++)
			CHECK_MSG(w.fl.batches[k].shards[i].shard != 0, "a held shard is in a transaction");
	ew_deinit(&w);
}

TEST(a_shard_that_saw_other_bytes_of_our_revision_is_held)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(3));
	ew_live(&w);
	order(&w, 0, 0);
	take_over(&w, RULES(3) "# one more line\n");
	is_held(&w, 0, "shard 0 is held: it was decided by other rules of the revision 3 that we have");
	is_live(&w, 1);
	ew_deinit(&w);
}

TEST(the_same_bytes_a_newer_revision_and_a_shard_that_saw_none_are_not_held)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(3));
	ew_live(&w);
	order(&w, 0, 0);
	take_over(&w, RULES(3));
	is_live(&w, 0); /* saw the same */
	is_live(&w, 1); /* as init made it */
	is_ready(&w);
	take_over(&w, RULES(4));
	is_live(&w, 0);
	is_ready(&w);
	ew_deinit(&w);
}

TEST(a_reload_releases_what_is_held)
{
	struct ew w;
	const struct yt_ruleset *set;

	ew_init_rules(&w, 0, RULES(4));
	ew_live(&w);
	join(&w, 0);
	take_over(&w, RULES(3));
	is_held(&w, 0, "revision 4");
	pass(&w, 20 * EW_MIN);
	set = reload(&w, RULES(4));
	ew_turns(&w, 2);
	is_live(&w, 0);
	is_ready(&w);
	CHECK_INT(w.fl.start_next[0][EW_GROUPS], 1);
	fl_all_ends(&w.fl);
	order(&w, 0, 0);
	pass(&w, 1000);
	CHECK_INT(ew_count(&w, YT_OUT_COUPON_ISSUED), 1);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_DUE), 1);
	CHECK_STR(last_ruleset(&w), "t@4");
	CHECK_INT(checkpoint_of(&w, w.fl.n_batches - 1).rules_revision, 4);
	CHECK(checkpoint_of(&w, w.fl.n_batches - 1).rules_digest == set->digest);
	ew_deinit(&w);
}

TEST(a_reload_that_is_not_new_enough_releases_nothing)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(5));
	ew_live(&w);
	order(&w, 0, 0);
	take_over(&w, RULES(3));
	is_held(&w, 0, "ours is 3");
	reload(&w, RULES(4));
	ew_turns(&w, 4);
	is_held(&w, 0, "ours is 4");
	reload(&w, RULES(5) "# not those\n");
	ew_turns(&w, 4);
	is_held(&w, 0, "other rules of the revision 5");
	reload(&w, RULES(6));
	ew_turns(&w, 2);
	is_live(&w, 0);
	ew_deinit(&w);
}

TEST(a_held_shard_that_is_given_back_is_held_again)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(4));
	ew_live(&w);
	order(&w, 0, 0);
	take_over(&w, RULES(3));
	fl_add(&w.fl, FL_REVOKED, 0);
	ew_turns(&w, 2);
	fl_assign_all(&w.fl);
	ew_turns(&w, 5);
	CHECK_INT(yt_engine_stats(w.e)->reused_shards, 4);
	is_held(&w, 0, "revision 4");
	is_live(&w, 1);
	ew_deinit(&w);
}

TEST(all_are_held_only_where_each_of_them_is)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(4));
	CHECK_MSG(!yt_engine_all_held(w.e), "there is no shard");
	ew_live(&w);
	CHECK(!yt_engine_all_held(w.e));
	for (int p = 0; p < EW_SHARDS - 1; p++)
		order(&w, p, 0);
	take_over(&w, RULES(4) "# wrong\n");
	CHECK_MSG(!yt_engine_all_held(w.e), "one has seen none");
	take_over(&w, RULES(4));
	order(&w, EW_SHARDS - 1, 0);
	take_over(&w, RULES(4) "# wrong\n");
	CHECK(yt_engine_all_held(w.e));
	/* Then the right bytes of the same revision may come. */
	reload(&w, RULES(4));
	CHECK(!yt_engine_all_held(w.e));
	ew_turns(&w, 2);
	is_ready(&w);
	ew_deinit(&w);
}

TEST(a_batch_in_flight_ends_with_the_rules_that_decided_it)
{
	struct ew w;
	const struct yt_ruleset *first, *second;
	uint64_t digest;

	ew_init_rules(&w, 0, RULES(3));
	first = w.rules;
	digest = first->digest;
	ew_live(&w);
	w.fl.hold_commit = true;
	order(&w, 0, 0);
	CHECK(yt_engine_committing(w.e));
	second = reload(&w, RULES(4));
	order(&w, 0, 1);
	CHECK_MSG(w.n_done == 0, "the set of the batch in flight was given up");
	CHECK_INT(w.fl.n_batches, 1);
	fl_keep_batch(&w.fl, &w.fl.batches[0]);
	fl_outcome(&w.fl, YT_COMMITTED);
	w.fl.hold_commit = false;
	ew_turn(&w);
	CHECK_INT(w.n_done, 1);
	CHECK(w.done[0] == first);
	CHECK_INT(w.n_outs, 1);
	CHECK_STR(last_ruleset(&w), "t@3");
	ew_turns(&w, 4);
	CHECK_INT(w.n_outs, 2);
	CHECK_STR(last_ruleset(&w), "t@4");
	CHECK_INT(checkpoint_of(&w, 0).rules_revision, 3);
	CHECK(checkpoint_of(&w, 0).rules_digest == digest);
	CHECK_INT(checkpoint_of(&w, 1).rules_revision, 4);
	CHECK(checkpoint_of(&w, 1).rules_digest == second->digest);
	is_live(&w, 0);
	is_ready(&w);
	ew_deinit(&w);
}

TEST(an_aborted_batch_is_decided_again_by_the_new_rules)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(3));
	ew_live(&w);
	w.fl.hold_commit = true;
	order(&w, 0, 0);
	reload(&w, RULES(4));
	fl_outcome(&w.fl, YT_ABORTED);
	w.fl.hold_commit = false;
	ew_turns(&w, 4);
	CHECK_INT(w.n_done, 1);
	CHECK_INT(w.n_outs, 1);
	CHECK_STR(last_ruleset(&w), "t@4");
	CHECK_INT(checkpoint_of(&w, 1).rules_revision, 4);
	ew_deinit(&w);
}

TEST(of_two_reloads_during_a_batch_the_second_counts)
{
	struct ew w;
	const struct yt_ruleset *first, *second;

	ew_init_rules(&w, 0, RULES(3));
	first = w.rules;
	ew_live(&w);
	w.fl.hold_commit = true;
	order(&w, 0, 0);
	second = reload(&w, RULES(4));
	reload(&w, RULES(5));
	CHECK_INT(w.n_done, 1);
	CHECK(w.done[0] == second);
	fl_outcome(&w.fl, YT_COMMITTED);
	w.fl.hold_commit = false;
	ew_turns(&w, 2);
	CHECK_INT(w.n_done, 2);
	CHECK(w.done[1] == first);
	order(&w, 0, 1);
	CHECK_STR(last_ruleset(&w), "t@5");
	ew_deinit(&w);
}

TEST(without_a_batch_in_flight_the_set_is_replaced_at_once)
{
	struct ew w;
	const struct yt_ruleset *first;

	ew_init_rules(&w, 0, RULES(3));
	first = w.rules;
	reload(&w, RULES(4)); /* before there are shards */
	CHECK_INT(w.n_done, 1);
	CHECK(w.done[0] == first);
	ew_live(&w);
	order(&w, 0, 0);
	CHECK_STR(last_ruleset(&w), "t@4");
	ew_deinit(&w);
}

TEST(a_timer_of_a_rule_that_is_gone_is_withheld)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(3));
	ew_live(&w);
	join(&w, 0);
	reload(&w, HEAD(4) THANKS);
	pass(&w, 10 * EW_MIN - 1);
	CHECK_INT(w.n_outs, 0);
	pass(&w, 1000);
	CHECK_INT(w.n_outs, 1);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_WITHHELD), 1);
	CHECK_STR(ew_data(&w, w.outs[0].value, "reason"), "rule_gone");
	CHECK_INT(ew_info(&w, 0).timers, 0);
	ew_deinit(&w);
}

TEST(a_timer_keeps_its_due_and_is_judged_by_the_rules_of_now)
{
	struct ew w;

	ew_init_rules(&w, 0, RULES(3));
	ew_live(&w);
	join(&w, 0);
	join(&w, 1);
	/* The wait is another one now: that of what is set from now on. */
	reload(&w, HEAD(4) NUDGE("2h", "member.groups > 0"));
	fl_record(&w.fl, EW_GROUPS, 0, 1, ew_left(&w, ew_member(&w, 0, 0), "g-1", w.wall));
	ew_turns(&w, 4);
	pass(&w, 10 * EW_MIN);
	pass(&w, 1000);
	CHECK_INT(w.n_outs, 2);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_WITHHELD), 1); /* who left: the new condition */
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_DUE), 1);      /* who stayed: after 10 minutes, as when it was set */
	CHECK_STR(last_ruleset(&w), "t@4");
	ew_deinit(&w);
}

TEST(event_clock_one_held_shard_holds_all_until_the_reload)
{
	struct ew w;

	ew_init_rules(&w, EW_EVENT, RULES(4));
	ew_live(&w);
	order(&w, 0, 0);
	CHECK_INT(w.n_outs, 1);
	w.rules = ew_parse(&w, YT_S(RULES(3)));
	ew_crash(&w);
	w.fl.starts = 0;
	fl_assign_all(&w.fl);
	ew_turns(&w, 5);
	CHECK_STR(ew_info(&w, 0).state, "held");
	CHECK_STR(ew_info(&w, 1).state, "ready");
	CHECK_INT(w.fl.starts, 0);
	CHECK(!yt_engine_idle(w.e));
	reload(&w, RULES(4));
	ew_turns(&w, 2);
	for (int p = 0; p < EW_SHARDS; p++)
		is_live(&w, p);
	fl_all_ends(&w.fl);
	order(&w, 1, 0);
	CHECK_INT(w.n_outs, 2);
	ew_deinit(&w);
}

TEST(a_held_shard_is_shown_and_its_lag_is_known)
{
	struct ew w;

	ew_init_rules(&w, EW_VIEW, RULES(4));
	ew_live(&w);
	order(&w, 0, 0);
	take_over(&w, RULES(3));
	w.fl.end[0][EW_ORDERS] = 8;
	yt_engine_want_ends(w.e);
	ew_turns(&w, 4);
	CHECK_INT(ew_info(&w, 0).next[EW_ORDERS], 1);
	CHECK_INT(ew_info(&w, 0).end[EW_ORDERS], 8);
	CHECK_INT(ew_info(&w, 0).view_version, 1);
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(a_shard_that_saw_a_newer_revision_is_held_and_the_others_go_on);
	RUN(a_shard_that_saw_other_bytes_of_our_revision_is_held);
	RUN(the_same_bytes_a_newer_revision_and_a_shard_that_saw_none_are_not_held);
	RUN(a_reload_releases_what_is_held);
	RUN(a_reload_that_is_not_new_enough_releases_nothing);
	RUN(a_held_shard_that_is_given_back_is_held_again);
	RUN(all_are_held_only_where_each_of_them_is);
	RUN(a_batch_in_flight_ends_with_the_rules_that_decided_it);
	RUN(an_aborted_batch_is_decided_again_by_the_new_rules);
	RUN(of_two_reloads_during_a_batch_the_second_counts);
	RUN(without_a_batch_in_flight_the_set_is_replaced_at_once);
	RUN(a_timer_of_a_rule_that_is_gone_is_withheld);
	RUN(a_timer_keeps_its_due_and_is_judged_by_the_rules_of_now);
	RUN(event_clock_one_held_shard_holds_all_until_the_reload);
	RUN(a_held_shard_is_shown_and_its_lag_is_known);
}
