/* What is due fires one by one: by due time, of one instant by rule and fact; only what is due; each with the rules of that moment. */
#include "unit/core_world.h"

#include "yutang/core/order.h"

static const int64_t t0 = INT64_C(1790000000000), hour = 3600000, day = 86400000;

__attribute__((format(printf, 4, 5))) static void tell(struct world *w, const char *type, int64_t at, const char *fmt, ...)
{
	char data[1000];
	struct yt_decision d;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(data, sizeof(data), fmt, ap);
	va_end(ap);
	d = world_tell(w, type, "e", at, data);
	CHECK_MSG(d.result == YT_APPLIED, "%s: %s", type, d.detail);
}

static bool fire(struct world *w, int64_t now)
{
	struct yt_state state;
	struct yt_decide_env env;
	bool fired;

	w->now = now;
	env = world_env(w, &state);
	fired = yt_decide_due(&env, YT_KIND_MEMBER, YT_S("s1/m1"));
	world_seal(w);
	return fired;
}

TEST(of_one_instant_the_order_is_rule_then_fact)
{
	static const char rules[] = WORLD_SHOP "[coupon \"c\"]\npay_percent = 50\nvalid_for = 1h\n"
		"[rule \"give\"]\non = contact.added\nissue = c\n"
		"[rule \"z\"]\non = group.joined\nafter = 1h\nfollow_up = z\n"
		"[rule \"b\"]\non = group.joined\nafter = 1h\nfollow_up = b\n";
	static const char *const want[] = { "b g1", "b g2", "z g1", "z g2", "~coupon -" };
	struct world w;
	size_t n;

	world_init(&w, rules);
	tell(&w, "group.joined", t0, "{\"group\":\"g2\",\"member\":\"m1\",\"joined_at\":%lld}", (long long)t0);
	tell(&w, "group.joined", t0, "{\"group\":\"g1\",\"member\":\"m1\",\"joined_at\":%lld}", (long long)t0);
	tell(&w, "contact.added", t0, "{\"account\":\"a1\",\"member\":\"m1\",\"added_at\":%lld}", (long long)t0);
	n = w.n_outputs;
	CHECK(!fire(&w, t0 + hour - 1));
	CHECK_INT(w.n_outputs, n);
	for (size_t k = 0; k < sizeof(want) / sizeof(*want); k++) {
		char got[64];
		const char *group;

		CHECK(fire(&w, t0 + hour));
		CHECK_INT(w.n_outputs, n + k + 1);
		group = world_data(&w, &w.outputs[n + k], "group");
		snprintf(got, sizeof(got), "%s %s", world_data(&w, &w.outputs[n + k], "rule"), group ? group : "-");
		CHECK_STR(got, want[k]);
	}
	CHECK(!fire(&w, t0 + 1000 * day));
	world_deinit(&w);
}

TEST(a_member_that_is_not_there_has_nothing_due)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	CHECK(!fire(&w, t0));
	world_deinit(&w);
}

TEST(an_order_stays_for_the_timer_that_asks_for_it_but_takes_no_events)
{
	static const char rules[] = WORLD_SHOP "[rule \"year\"]\non = order.paid\nafter = 365d\nstill = !order.refunded && order.amount == 100\nfollow_up = year\n";
	struct world w;
	struct yt_decision d;

	world_init(&w, rules);
	tell(&w, "order.paid", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", (long long)t0);
	d = world_tell(&w, "order.signed", "e", t0 + 90 * day, "{\"order\":\"o1\",\"member\":\"m1\",\"signed_at\":1790000000000}");
	CHECK_INT(d.dead, YT_DEAD_TOO_OLD);
	world_until(&w, t0 + 365 * day);
	CHECK_INT(w.n_outputs, 1);
	CHECK_INT(w.outputs[0].type, YT_OUT_FOLLOWUP_DUE);
	w.now = t0 + 400 * day;
	CHECK(!world_peek(&w, YT_KIND_ORDER, YT_S("s1/o1")));
	world_deinit(&w);
}

TEST(a_timer_keeps_the_fields_that_still_names)
{
	static const char rules[] = WORLD_SHOP
		"[rule \"a\"]\non = group.joined\nafter = 1h\nstill = event.channel == \"live\" && group.inviter == \"m2\" && event.at == group.joined_at && group.account == \"a1\"\nfollow_up = a\n"
		"[rule \"b\"]\non = order.shipped\nafter = 1h\nstill = event.carrier == \"sf\" && !has(event.tracking) && order.id == \"o1\"\nfollow_up = b\n"
		"[rule \"c\"]\non = contact.removed\nafter = 1h\nstill = contact.added_at + duration(\"1h\") == event.at && event.type == \"contact.removed\"\nfollow_up = c\n";
	struct world w;

	world_init(&w, rules);
	tell(&w, "group.joined", t0, "{\"group\":\"g1\",\"member\":\"m1\",\"joined_at\":%lld,\"channel\":\"live\",\"inviter\":\"m2\",\"account\":\"a1\"}", (long long)t0);
	tell(&w, "order.paid", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", (long long)t0);
	tell(&w, "order.shipped", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"shipped_at\":%lld,\"carrier\":\"sf\"}", (long long)t0);
	tell(&w, "contact.added", t0, "{\"account\":\"a9\",\"member\":\"m1\",\"added_at\":%lld}", (long long)t0);
	tell(&w, "contact.removed", t0 + hour, "{\"account\":\"a9\",\"member\":\"m1\",\"removed_at\":%lld}", (long long)(t0 + hour));
	world_until(&w, t0 + day);
	CHECK_INT(w.n_outputs, 3);
	for (int k = 0; k < 3; k++)
		CHECK_MSG(w.outputs[k].type == YT_OUT_FOLLOWUP_DUE, "%s", w.outputs[k].value);
	world_deinit(&w);
}

TEST(without_a_key_coupons_have_no_code_and_codes_are_nobodys)
{
	static const char rules[] = WORLD_SHOP "[coupon \"c\"]\npay_percent = 50\nvalid_for = 1h\n[rule \"give\"]\non = contact.added\nissue = c\n";
	struct world w;

	world_init(&w, rules);
	w.with_key = false;
	tell(&w, "contact.added", t0, "{\"account\":\"a1\",\"member\":\"m1\",\"added_at\":%lld}", (long long)t0);
	CHECK(!world_data(&w, &w.outputs[0], "code"));
	tell(&w, "order.paid", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"coupons\":[\"4YJQ4FB15KHR\"],\"items\":[]}", (long long)t0);
	CHECK_STR(world_data(&w, &w.outputs[1], "reason"), "not_yours");
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(of_one_instant_the_order_is_rule_then_fact);
	RUN(a_member_that_is_not_there_has_nothing_due);
	RUN(an_order_stays_for_the_timer_that_asks_for_it_but_takes_no_events);
	RUN(a_timer_keeps_the_fields_that_still_names);
	RUN(without_a_key_coupons_have_no_code_and_codes_are_nobodys);
}
