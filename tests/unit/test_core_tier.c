/* Tiers: ids of their outputs, what happens at one instant, other rules than those that gave a tier, a shop that is gone. tests/traces/tiers.trace has
 * what a shop sees of them. */
#include "unit/core_world.h"

#include "yutang/core/member.h"

static const int64_t t0 = INT64_C(1790000000000), day = 86400000;

static void pay(struct world *w, int64_t at, const char *order, int amount)
{
	char data[400];
	struct yt_decision d;

	snprintf(data, sizeof(data), "{\"order\":\"%s\",\"member\":\"m1\",\"paid_at\":%lld,\"amount\":%d,\"currency\":\"CNY\",\"items\":[]}", order, (long long)at, amount);
	d = world_tell(w, "order.paid", order, at, data);
	CHECK_MSG(d.result == YT_APPLIED, "%s", d.detail);
}

static void check_id(const struct world *w, size_t k, enum yt_out_type type, const char *fact, unsigned ordinal)
{
	char want[33];

	CHECK_MSG(k < w->n_outputs, "output %zu of %zu", k, w->n_outputs);
	CHECK_STR(yt_outs[w->outputs[k].type].name.p, yt_outs[type].name.p);
	yt_output_id(type, YT_S("s1"), YT_S("m1"), YT_S("~tier"), yt_str_z(fact), ordinal, want);
	CHECK_MSG(strcmp(w->outputs[k].id, want) == 0, "the id of %s", w->outputs[k].value);
}

static const char three[] = WORLD_SHOP
	"[tier \"bronze\"]\nrank = 1\nmin_amount = 10\nperiod = 10d\ngrace = 5d\nwarn_before = 2d\n"
	"[tier \"silver\"]\nrank = 2\nmin_amount = 100\nperiod = 10d\ngrace = 5d\nwarn_before = 2d\n"
	"[tier \"gold\"]\nrank = 3\nmin_amount = 1000\nperiod = 10d\ngrace = 5d\nwarn_before = 2d\n";

TEST(ids_are_made_of_the_event_that_brought_the_tier_and_count_on)
{
	struct world w;

	world_init(&w, three);
	pay(&w, t0, "o1", 2000);
	world_until(&w, t0 + 100 * day);
	/* reached; warned and fallen three times */
	CHECK_INT(w.n_outputs, 1 + 3 * 3);
	check_id(&w, 0, YT_OUT_TIER_CHANGED, "order.paid\no1", 0);
	for (unsigned k = 0; k < 3; k++) {
		char fact[64];

		check_id(&w, 1 + 3 * k, YT_OUT_TIER_WARNING, "order.paid\no1", k);
		snprintf(fact, sizeof(fact), "tier.warning\n%s", w.outputs[1 + 3 * k].id);
		check_id(&w, 2 + 3 * k, YT_OUT_FOLLOWUP_DUE, fact, 0);
		check_id(&w, 3 + 3 * k, YT_OUT_TIER_CHANGED, "order.paid\no1", k + 1);
		CHECK_STR(world_data(&w, &w.outputs[3 + 3 * k], "cause"), "o1");
	}
	CHECK(!world_field(&w, YT_KIND_MEMBER, "s1/m1", 0, "tier"));
	world_deinit(&w);
}

TEST(who_stays_in_the_grace_has_the_cause_of_the_event_that_kept_the_tier)
{
	struct world w;

	world_init(&w, three);
	pay(&w, t0, "o1", 20);
	pay(&w, t0 + 12 * day, "o2", 10);
	world_until(&w, t0 + 12 * day + 15 * day);
	CHECK_INT(w.n_outputs, 1 + 3);
	check_id(&w, 1, YT_OUT_TIER_WARNING, "order.paid\no2", 0);
	CHECK_STR(world_data(&w, &w.outputs[1], "cause"), "o2");
	check_id(&w, 3, YT_OUT_TIER_CHANGED, "order.paid\no2", 0);
	world_deinit(&w);
}

TEST(an_order_that_lies_ahead_raises_twice_under_two_ids)
{
	static const char rules[] = WORLD_SHOP "[tier \"a\"]\nrank = 1\nmin_orders = 1\n[tier \"b\"]\nrank = 2\nmin_orders = 1\nperiod = 10d\n";
	struct world w;
	struct yt_decision d;

	world_init(&w, rules);
	d = world_tell(&w, "order.paid", "e", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":1790000001000,\"amount\":0,\"currency\":\"CNY\",\"items\":[]}");
	CHECK_INT(d.result, YT_APPLIED);
	world_until(&w, t0 + 999);
	CHECK_INT(w.n_outputs, 1);
	world_until(&w, t0 + 1000);
	CHECK_INT(w.n_outputs, 2);
	check_id(&w, 0, YT_OUT_TIER_CHANGED, "order.paid\no1", 0);
	check_id(&w, 1, YT_OUT_TIER_CHANGED, "order.paid\no1", 1);
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m1", 0, "tier"), "b");
	world_deinit(&w);
}

TEST(the_window_is_open_at_its_beginning_and_closed_at_its_end)
{
	static const char rules[] = WORLD_SHOP "[tier \"a\"]\nrank = 0\nmin_orders = 2\nperiod = 10d\n";
	struct world w;

	for (int k = 0; k < 2; k++) {
		world_init(&w, rules);
		pay(&w, t0 + k, "o1", 1);
		pay(&w, t0 + 10 * day, "o2", 1);
		CHECK_INT(w.n_outputs, k);
		world_deinit(&w);
	}
}

/* --- other rules */

static const char gold_alone[] = WORLD_SHOP "[tier \"gold\"]\nrank = 3\nmin_amount = 1000\nperiod = 10d\ngrace = 5d\nwarn_before = 2d\n";

static void check_tier(struct world *w, const char *want)
{
	const char *got = world_field(w, YT_KIND_MEMBER, "s1/m1", 0, "tier");

	CHECK_STR(got ? got : "-", want);
}

TEST(due_times_are_not_recomputed_by_other_rules_but_what_is_met_then_is)
{
	struct world w;

	world_init(&w, gold_alone);
	pay(&w, t0, "o1", 1000);
	world_rules(&w, YT_S(WORLD_SHOP "[tier \"gold\"]\nrank = 3\nmin_amount = 1000\nperiod = 2d\ngrace = 1d\n"));
	world_until(&w, t0 + 15 * day - 1);
	check_tier(&w, "gold");
	world_until(&w, t0 + 15 * day);
	check_tier(&w, "-");
	world_deinit(&w);
}

TEST(a_tier_that_is_made_one_to_keep_is_not_lost)
{
	static const char *const others[] = { "keep = yes\nperiod = 10d\n", "" };

	for (size_t k = 0; k < 2; k++) {
		for (int64_t at = 1; at < 15; at += 11) { /* in the period, in the grace */
			struct yt_str rules;
			struct world w;

			world_init(&w, gold_alone);
			pay(&w, t0, "o1", 1000);
			world_until(&w, t0 + at * day);
			rules = yt_arena_printf(&w.rules_arena, "%s[tier \"gold\"]\nrank = 3\nmin_amount = 1000\n%s", WORLD_SHOP, others[k]);
			world_rules(&w, rules);
			world_until(&w, t0 + 100 * day);
			check_tier(&w, "gold");
			CHECK_INT(w.n_outputs, 1);
			world_deinit(&w);
		}
	}
}

TEST(lower_thresholds_raise_at_the_next_event_and_keep_who_was_about_to_fall)
{
	struct world w;

	world_init(&w, gold_alone);
	pay(&w, t0, "o1", 900);
	CHECK_INT(w.n_outputs, 0);
	world_rules(&w, YT_S(WORLD_SHOP "[tier \"gold\"]\nrank = 3\nmin_amount = 900\nperiod = 10d\ngrace = 5d\n"));
	CHECK_INT(world_tell(&w, "group.joined", "e", t0 + day, "{\"group\":\"g\",\"member\":\"m1\",\"joined_at\":1790000000000}").result, YT_APPLIED);
	check_tier(&w, "gold");
	pay(&w, t0 + 2 * day, "o2", 1);
	world_until(&w, t0 + 11 * day);
	world_rules(&w, YT_S(WORLD_SHOP "[tier \"gold\"]\nrank = 3\nmin_amount = 1\nperiod = 20d\ngrace = 5d\n"));
	world_until(&w, t0 + 17 * day);
	check_tier(&w, "gold");
	CHECK_INT(w.n_outputs, 1);
	world_deinit(&w);
}

TEST(without_any_tier_in_the_file_a_member_keeps_its_own_until_its_period_ends)
{
	struct world w;

	world_init(&w, gold_alone);
	pay(&w, t0, "o1", 1000);
	world_rules(&w, YT_S(WORLD_SHOP));
	pay(&w, t0 + 9 * day, "o2", 1000);
	world_until(&w, t0 + 10 * day - 1);
	check_tier(&w, "gold");
	world_until(&w, t0 + 10 * day);
	check_tier(&w, "-");
	CHECK_STR(world_data(&w, &w.outputs[1], "to"), "");
	CHECK_STR(world_data(&w, &w.outputs[1], "reason"), "tier_lapsed");
	world_deinit(&w);
}

TEST(a_shop_that_is_gone_is_judged_all_the_same)
{
	struct world w;

	world_init(&w, gold_alone);
	pay(&w, t0, "o1", 1000);
	world_rules(&w, YT_S("[ruleset]\nname = t\nrevision = 2\n[shop \"other\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"
	                     "[tier \"gold\"]\nrank = 3\nmin_amount = 1000\nperiod = 10d\ngrace = 5d\n[rule \"r\"]\non = tier.changed\nfollow_up = x\n"));
	world_until(&w, t0 + 15 * day);
	check_tier(&w, "-");
	CHECK_INT(w.n_outputs, 4); /* reached, warned, its follow-up, lapsed; no rule of a shop that is gone */
	world_deinit(&w);
}

/* What is due at one instant: rules by name, `~coupon` before `~tier`. */
TEST(of_one_instant_a_coupon_ends_before_a_tier)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"c\"]\namount_off = 1\nvalid_for = 10d\n[tier \"gold\"]\nrank = 3\nmin_amount = 1\nperiod = 10d\n"
	                          "[rule \"r\"]\non = order.paid\nissue = c\n[rule \"w\"]\non = order.paid\nafter = 10d\nfollow_up = w\n");
	pay(&w, t0, "o1", 1);
	world_until(&w, t0 + 10 * day);
	CHECK_INT(w.n_outputs, 5);
	CHECK_STR(world_data(&w, &w.outputs[2], "rule"), "w");
	CHECK_STR(world_data(&w, &w.outputs[3], "rule"), "~coupon");
	CHECK_STR(world_data(&w, &w.outputs[4], "rule"), "~tier");
	world_deinit(&w);
}

/* A rule that is set off by a tier has for its fact the output, and for its cause the event. */
TEST(what_follows_from_a_tier_is_made_of_its_output)
{
	char fact[64], want[33];
	struct world w;

	world_init(&w, WORLD_SHOP "[tier \"gold\"]\nrank = 3\nmin_amount = 1\nperiod = 10d\n[rule \"r\"]\non = tier.changed\nfollow_up = x\n");
	pay(&w, t0, "o1", 1);
	world_until(&w, t0 + 10 * day);
	CHECK_INT(w.n_outputs, 4);
	for (size_t k = 0; k < 4; k += 2) {
		snprintf(fact, sizeof(fact), "tier.changed\n%s", w.outputs[k].id);
		yt_output_id(YT_OUT_FOLLOWUP_DUE, YT_S("s1"), YT_S("m1"), YT_S("r"), yt_str_z(fact), 0, want);
		CHECK_STR(w.outputs[k + 1].id, want);
		CHECK_STR(world_data(&w, &w.outputs[k + 1], "cause"), "o1");
	}
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(ids_are_made_of_the_event_that_brought_the_tier_and_count_on);
	RUN(who_stays_in_the_grace_has_the_cause_of_the_event_that_kept_the_tier);
	RUN(an_order_that_lies_ahead_raises_twice_under_two_ids);
	RUN(the_window_is_open_at_its_beginning_and_closed_at_its_end);
	RUN(due_times_are_not_recomputed_by_other_rules_but_what_is_met_then_is);
	RUN(a_tier_that_is_made_one_to_keep_is_not_lost);
	RUN(lower_thresholds_raise_at_the_next_event_and_keep_who_was_about_to_fall);
	RUN(without_any_tier_in_the_file_a_member_keeps_its_own_until_its_period_ends);
	RUN(a_shop_that_is_gone_is_judged_all_the_same);
	RUN(of_one_instant_a_coupon_ends_before_a_tier);
	RUN(what_follows_from_a_tier_is_made_of_its_output);
}
