/* Expressions of rules that fail are counted by rule (RULES.md, Expressions), once their batch is committed, and change nothing else. */
#include "unit/engine_world.h"

/* order.signed has no amount; a member of one order has no median_gap; nobody here has a referrer. */
#define RULES                                                                                                      \
	"[ruleset]\nname = t\nrevision = 3\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"              \
	"[rule \"rich\"]\non = order.paid, order.signed\nwhen = event.amount > 0\nfollow_up = rich\n"               \
	"[rule \"gap\"]\non = order.paid\nafter = member.median_gap\nfollow_up = gap\n"                            \
	"[rule \"later\"]\non = group.joined\nafter = 10m\nstill = member.median_gap > duration(\"1h\")\nfollow_up = later\n" \
	"[rule \"named\"]\non = group.joined\nfollow_up = named\nparam.by = {member.referrer} {member.id}\nparam.text = none\n" \
	"[rule \"fine\"]\non = group.joined\nwhen = member.groups > 0\nfollow_up = fine\nparam.text = none\n"

/* -1: not shown. */
static int64_t errors_of(const struct ew *w, const char *rule, enum yt_rule_key key)
{
	const struct yt_engine_stats *st = yt_engine_stats(w->e);

	for (size_t k = 0; k < st->n_rule_errors; k++)
		if (yt_str_eq(st->rule_errors[k]->rule, yt_str_z(rule)))
			return st->rule_errors[k]->has[key] ? (int64_t)st->rule_errors[k]->n[key] : -1;
	return -1;
}

TEST(every_expression_counts_from_zero_on)
{
	struct ew w;

	ew_init_rules(&w, EW_MEM, RULES);
	CHECK_INT(errors_of(&w, "rich", YT_RULE_KEY_WHEN), 0);
	CHECK_INT(errors_of(&w, "rich", YT_RULE_KEY_AFTER), -1);
	CHECK_INT(errors_of(&w, "gap", YT_RULE_KEY_AFTER), 0);
	CHECK_INT(errors_of(&w, "later", YT_RULE_KEY_AFTER), -1); /* `10m` can't fail */
	CHECK_INT(errors_of(&w, "later", YT_RULE_KEY_STILL), 0);
	CHECK_INT(errors_of(&w, "named", YT_RULE_KEY_PARAM), 0);
	CHECK_INT(errors_of(&w, "fine", YT_RULE_KEY_PARAM), -1);
	ew_deinit(&w);
}

TEST(an_error_is_counted_by_rule_and_key)
{
	struct ew w;
	const char *m;
	int64_t t;

	ew_init_rules(&w, EW_MEM, RULES);
	m = ew_member(&w, 0, 0);
	t = w.wall - EW_HOUR;
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, m, "o-1", t));
	ew_put(&w, EW_ORDERS, 0, ew_signed(&w, m, "o-1", t + 1));
	ew_put(&w, EW_GROUPS, 0, ew_joined(&w, m, "g-1", t + 2));
	ew_settle(&w);
	CHECK_INT(errors_of(&w, "rich", YT_RULE_KEY_WHEN), 1); /* of order.signed alone */
	CHECK_INT(errors_of(&w, "gap", YT_RULE_KEY_AFTER), 1);
	CHECK_INT(errors_of(&w, "named", YT_RULE_KEY_PARAM), 1);
	CHECK_INT(errors_of(&w, "fine", YT_RULE_KEY_WHEN), 0);
	CHECK_INT(errors_of(&w, "later", YT_RULE_KEY_STILL), 0); /* it waits */
	/* An error in `when` is false, one in a param leaves nothing in its place. */
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_DUE), 3);
	ew_pass(&w, 11 * 60000);
	ew_settle(&w);
	CHECK_INT(errors_of(&w, "later", YT_RULE_KEY_STILL), 1);
	CHECK_INT(ew_count(&w, YT_OUT_FOLLOWUP_WITHHELD), 1);
	ew_deinit(&w);
}

TEST(what_an_aborted_batch_found_is_counted_once)
{
	static const enum yt_outcome outcomes[] = { YT_ABORTED, YT_ABORTED, YT_COMMITTED };
	struct ew w;
	const char *m;

	ew_init_rules(&w, EW_MEM, RULES);
	yt_memlog_outcomes(w.mem, outcomes, 3, false);
	m = ew_member(&w, 0, 0);
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, m, "o-1", w.wall - 2));
	ew_put(&w, EW_ORDERS, 0, ew_signed(&w, m, "o-1", w.wall - 1));
	ew_settle(&w);
	CHECK_INT(yt_engine_stats(w.e)->aborted, 2);
	CHECK_INT(errors_of(&w, "rich", YT_RULE_KEY_WHEN), 1);
	CHECK_INT(errors_of(&w, "gap", YT_RULE_KEY_AFTER), 1);
	ew_deinit(&w);
}

TEST(what_is_in_flight_is_not_counted_yet)
{
	struct ew w;
	const char *m;

	ew_init_rules(&w, 0, RULES);
	w.fl.hold_commit = true;
	ew_live(&w);
	m = ew_member(&w, 0, 0);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m, "o-1", w.wall - 1));
	ew_turn(&w);
	CHECK_INT(w.fl.n_batches, 1);
	CHECK_INT(errors_of(&w, "gap", YT_RULE_KEY_AFTER), 0);
	fl_keep_batch(&w.fl, &w.fl.batches[0]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turn(&w);
	CHECK_INT(errors_of(&w, "gap", YT_RULE_KEY_AFTER), 1);
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(every_expression_counts_from_zero_on);
	RUN(an_error_is_counted_by_rule_and_key);
	RUN(what_an_aborted_batch_found_is_counted_once);
	RUN(what_is_in_flight_is_not_counted_yet);
}
