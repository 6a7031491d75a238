/* Quotas: what happens between a claim and its answer, and that no unit is lost or given twice, in whatever order things come. */
#include "unit/core_world.h"

#include "yutang/core/member.h"
#include "yutang/core/quota.h"

static const int64_t t0 = INT64_C(1790000000000), minute = 60000;

#define COUPON(name, keys) "[coupon \"" name "\"]\namount_off = 100\nvalid_for = 30d\n" keys "\n"
#define THANKS "[rule \"thanks\"]\non = order.paid\nissue = c\nfollow_up = hello\n"

static void init(struct world *w, const char *rules)
{
	char text[4096];

	snprintf(text, sizeof(text), WORLD_SHOP "%s", rules);
	world_init(w, text);
	w->held = true;
}

static void paid(struct world *w, int64_t at, const char *member, const char *order)
{
	char data[300];
	struct yt_decision d;

	snprintf(data, sizeof(data), "{\"order\":\"%s\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":1000,\"currency\":\"CNY\",\"items\":[]}", order, member, (long long)at);
	d = world_tell(w, "order.paid", order, at, data);
	CHECK_MSG(d.result == YT_APPLIED, "%s", d.detail);
}

static void cancelled(struct world *w, int64_t at, const char *member, const char *order)
{
	char data[300];

	snprintf(data, sizeof(data), "{\"order\":\"%s\",\"member\":\"%s\",\"cancelled_at\":%lld}", order, member, (long long)at);
	CHECK(world_tell(w, "order.cancelled", "cancel", at, data).result == YT_APPLIED);
}

/* Its balance is due from one hour after t0 to two. */
static void deposit(struct world *w, int64_t at, const char *member, const char *presale, bool refunded)
{
	char data[300];

	if (refunded)
		snprintf(data, sizeof(data), "{\"presale\":\"%s\",\"member\":\"%s\",\"refunded_at\":%lld}", presale, member, (long long)at);
	else
		snprintf(data, sizeof(data), "{\"presale\":\"%s\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":500,\"balance_from\":%lld,\"balance_until\":%lld}",
		         presale, member, (long long)at, (long long)(t0 + 60 * minute), (long long)(t0 + 120 * minute));
	CHECK(world_tell(w, refunded ? "presale.deposit_refunded" : "presale.deposit_paid", presale, at, data).result == YT_APPLIED);
}

static void bound(struct world *w, const char *member, const char *referrer)
{
	char data[300];

	snprintf(data, sizeof(data), "{\"referrer\":\"%s\",\"member\":\"%s\",\"bound_at\":%lld}", referrer, member, (long long)t0);
	CHECK(world_tell(w, "referral.bound", "b", t0, data).result == YT_APPLIED);
}

static void deliver(struct world *w, int n)
{
	while (n-- > 0) {
		CHECK_MSG(w->n_sent > 0, "something was sent");
		world_deliver_one(w, 0);
	}
}

static void deliver_all(struct world *w)
{
	while (w->n_sent > 0)
		world_deliver_one(w, 0);
}

static int64_t quota(struct world *w, const char *name, const char *field)
{
	const char *text = world_field(w, YT_KIND_QUOTA, name, 0, field);

	return text ? atoll(text) : -1;
}

static uint32_t claims_of(struct world *w, const char *member)
{
	const struct yt_member *m = world_peek(w, YT_KIND_MEMBER, yt_str_z(member));

	return m ? m->claims.n : 0;
}

/* The outputs so far as `type member reason`, with commas between. */
static const char *story(struct world *w)
{
	static char text[2000];
	size_t n = 0;

	text[0] = 0;
	for (size_t k = 0; k < w->n_outputs; k++) {
		const char *reason = world_data(w, &w->outputs[k], "reason");

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s%s%s", n ? ", " : "", yt_outs[w->outputs[k].type].name.p,
		                      world_data(w, &w->outputs[k], "member"), reason ? " " : "", reason ? reason : "");
	}
	return text;
}

TEST(the_follow_up_waits_for_the_answer)
{
	struct world w;

	init(&w, COUPON("c", "limit_total = 1") THANKS);
	paid(&w, t0, "m-1", "o-1");
	CHECK_STR(story(&w), "");
	CHECK_INT(claims_of(&w, "s1/m-1"), 1);
	deliver(&w, 1);
	CHECK_STR(story(&w), "");
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 1);
	w.now += 25;
	deliver(&w, 1);
	CHECK_STR(story(&w), "coupon.issued m-1, followup.due m-1");
	CHECK_STR(world_data(&w, &w.outputs[0], "cause"), "o-1");
	CHECK_INT(atoll(world_data(&w, &w.outputs[0], "at")), t0 + 25);
	CHECK_INT(atoll(world_data(&w, &w.outputs[0], "valid_from")), t0 + 25);
	CHECK_INT(atoll(world_data(&w, &w.outputs[1], "due_at")), t0);
	CHECK_STR(world_data(&w, &w.outputs[1], "coupon"), w.outputs[0].id);
	CHECK_INT(claims_of(&w, "s1/m-1"), 0);
	world_deinit(&w);
}

/* The id is that of EVENTS.md, Ids, whether or not there is a quota. */
TEST(the_coupon_has_the_id_that_it_would_have_without_a_quota)
{
	struct world w;
	char id[33];

	init(&w, COUPON("c", "limit_total = 1") THANKS);
	paid(&w, t0, "m-1", "o-1");
	deliver_all(&w);
	yt_output_id(YT_OUT_COUPON_ISSUED, YT_S("s1"), YT_S("m-1"), YT_S("thanks"), YT_S("order.paid\no-1"), 0, id);
	CHECK_STR(w.outputs[0].id, id);
	world_deinit(&w);
}

/* Cancelled with the claim on its way, with the answer on its way, and when the coupon is there. */
TEST(an_order_that_goes_meanwhile_takes_its_coupon_along)
{
	static const char *const stories[] = {
		"coupon.refused m-1 order_cancelled, followup.withheld m-1 order_cancelled",
		"coupon.refused m-1 order_cancelled, followup.withheld m-1 order_cancelled",
		"coupon.issued m-1, followup.due m-1, coupon.revoked m-1 order_cancelled",
	};

	for (int steps = 0; steps <= 2; steps++) {
		struct world w;

		init(&w, COUPON("c", "limit_total = 1") THANKS);
		paid(&w, t0, "m-1", "o-1");
		deliver(&w, steps);
		cancelled(&w, t0 + minute, "m-1", "o-1");
		deliver_all(&w);
		CHECK_STR(story(&w), stories[steps]);
		CHECK_INT(quota(&w, "s1/c", "outstanding"), 0);
		CHECK_INT(quota(&w, "s1/c", "granted"), 1);
		CHECK_INT(quota(&w, "s1/c", "returned"), 1);
		CHECK_INT(claims_of(&w, "s1/m-1"), 0);
		paid(&w, t0 + 2 * minute, "m-2", "o-2");
		deliver_all(&w);
		CHECK_INT(quota(&w, "s1/c", "outstanding"), 1);
		world_deinit(&w);
	}
}

TEST(what_is_kept_on_refund_is_not_withdrawn)
{
	struct world w;

	init(&w, COUPON("c", "limit_total = 1\nkeep_on_refund = yes") THANKS);
	paid(&w, t0, "m-1", "o-1");
	cancelled(&w, t0 + minute, "m-1", "o-1");
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, followup.due m-1");
	world_deinit(&w);
}

/* The quota has nothing left either: what was first is told. */
TEST(a_withdrawn_claim_that_is_refused_says_why_it_was_withdrawn)
{
	struct world w;

	init(&w, COUPON("c", "limit_total = 1") THANKS);
	paid(&w, t0, "m-1", "o-1");
	deliver_all(&w);
	paid(&w, t0, "m-2", "o-2");
	cancelled(&w, t0 + minute, "m-2", "o-2");
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, followup.due m-1, coupon.refused m-2 order_cancelled, followup.withheld m-2 order_cancelled");
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 1);
	CHECK_INT(quota(&w, "s1/c", "returned"), 0);
	world_deinit(&w);
}

/* N -> R -> Q -> R, and N's order goes after each step. */
TEST(the_referrers_coupon_goes_with_the_order_at_every_step)
{
	for (int steps = 0; steps <= 3; steps++) {
		struct world w;

		init(&w, COUPON("c", "limit_total = 1") "[rule \"bring\"]\non = order.paid\nto = referrer\nissue = c\nfollow_up = hello\n");
		bound(&w, "m-2", "m-1");
		paid(&w, t0, "m-2", "o-1");
		deliver(&w, steps);
		cancelled(&w, t0 + minute, "m-2", "o-1");
		deliver_all(&w);
		CHECK_STR(story(&w), steps < 2 ? "coupon.refused m-1 order_cancelled, followup.withheld m-1 order_cancelled" :
		                                 "coupon.issued m-1, followup.due m-1, coupon.revoked m-1 order_cancelled");
		CHECK_INT(quota(&w, "s1/c", "outstanding"), 0);
		CHECK_INT(claims_of(&w, "s1/m-1"), 0);
		world_deinit(&w);
	}
}

TEST(a_rule_that_revokes_withdraws_what_is_on_its_way)
{
	struct world w;

	init(&w, COUPON("c", "limit_total = 2") THANKS "[rule \"away\"]\non = group.left\nrevoke = c\n");
	paid(&w, t0, "m-1", "o-1");
	world_tell(&w, "group.left", "l", t0, "{\"group\":\"g\",\"member\":\"m-1\",\"left_at\":1790000000000}");
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.refused m-1 by_rule, followup.withheld m-1 by_rule");
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 0);
	world_deinit(&w);
}

TEST(once_is_taken_while_a_claim_waits_and_marked_when_its_coupon_is_there)
{
	struct world w;

	init(&w, COUPON("c", "limit_total = 1") "[rule \"first\"]\non = order.paid\nonce = per member\nissue = c\n");
	paid(&w, t0, "m-1", "o-1");
	paid(&w, t0, "m-1", "o-2"); /* ignored */
	deliver_all(&w);
	paid(&w, t0, "m-1", "o-3"); /* marked */
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1");
	CHECK_INT(quota(&w, "s1/c", "granted") + quota(&w, "s1/c", "refused"), 1);
	paid(&w, t0, "m-2", "o-4");
	deliver_all(&w);
	paid(&w, t0, "m-2", "o-5"); /* a refusal marks nothing: it asks again */
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, coupon.refused m-2 quota_gone, coupon.refused m-2 quota_gone");
	world_deinit(&w);
}

TEST(once_per_order_is_marked_on_the_order)
{
	struct world w;
	static const char rules[] = COUPON("c", "limit_total = 9") "[rule \"r\"]\non = order.paid, order.signed\nonce = per order\nissue = c\n";

	init(&w, rules);
	paid(&w, t0, "m-1", "o-1");
	world_tell(&w, "order.signed", "s", t0, "{\"order\":\"o-1\",\"member\":\"m-1\",\"signed_at\":1790000000000}");
	paid(&w, t0, "m-1", "o-2"); /* another order is another mark */
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, coupon.issued m-1");
	world_tell(&w, "order.signed", "s", t0, "{\"order\":\"o-2\",\"member\":\"m-1\",\"signed_at\":1790000000000}");
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, coupon.issued m-1");
	world_deinit(&w);
}

TEST(once_per_coupon_is_marked_on_the_coupon)
{
	struct world w;
	static const char rules[] = COUPON("a", "") COUPON("c", "limit_total = 9") "[rule \"give\"]\non = order.paid\nissue = a\n"
				    "[rule \"r\"]\non = coupon.issued, coupon.expired\nwhen = coupon.template == \"a\"\nonce = per coupon\nissue = c\n";

	init(&w, rules);
	paid(&w, t0, "m-1", "o-1");
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, coupon.issued m-1");
	world_until(&w, t0 + INT64_C(31) * 86400000);
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, coupon.issued m-1, coupon.expired m-1, coupon.expired m-1");
	world_deinit(&w);
}

TEST(the_members_limits_hold_while_a_claim_is_on_its_way)
{
	static const struct {
		const char *keys, *reason;
	} limits[] = { { COUPON("c", "limit_total = 9\nlimit_per_member = 1"), "member_limit" }, { COUPON("c", "limit_total = 9\nlimit_per_period = 1 per 1d"), "period_limit" } };

	for (int k = 0; k < 2; k++) {
		char rules[600], want[100];
		struct world w;

		snprintf(rules, sizeof(rules), "%s[rule \"thanks\"]\non = order.paid\nissue = c\n", limits[k].keys);
		snprintf(want, sizeof(want), "coupon.refused m-1 %s, coupon.issued m-1", limits[k].reason);
		init(&w, rules);
		paid(&w, t0, "m-1", "o-1");
		paid(&w, t0, "m-1", "o-2");
		deliver_all(&w);
		CHECK_STR(story(&w), want);
		world_deinit(&w);
		/* What was withdrawn counts no more. */
		init(&w, rules);
		paid(&w, t0, "m-1", "o-1");
		cancelled(&w, t0, "m-1", "o-1");
		paid(&w, t0, "m-1", "o-2");
		deliver_all(&w);
		CHECK_STR(story(&w), "coupon.refused m-1 order_cancelled, coupon.issued m-1");
		world_deinit(&w);
	}
}

/* Its fixed end passes between question and answer: a coupon that is over is given to nobody. */
TEST(a_coupon_that_ends_meanwhile_gives_its_unit_back)
{
	struct world w;

	init(&w, "[coupon \"c\"]\namount_off = 100\nvalid_until = 2026-09-22 12:00\nlimit_total = 1\n" THANKS);
	paid(&w, INT64_C(1790049599999), "m-1", "o-1"); /* 2026-09-22 11:59:59.999 in Shanghai */
	w.now++;
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.refused m-1 ended, followup.withheld m-1 ended");
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 0);
	CHECK_INT(quota(&w, "s1/c", "returned"), 1);
	world_deinit(&w);
}

/* A deposit's coupon comes from a [presale] and from a rule; each is refunded with the claims on their way, with the answers, and when the
 * coupons are there. That of another presale stays. */
TEST(a_deposit_that_is_refunded_meanwhile_takes_its_coupons_along)
{
	static const char *const stories[] = {
		"coupon.refused m-1 deposit_refunded, coupon.refused m-1 deposit_refunded, coupon.issued m-1, coupon.issued m-1",
		"coupon.refused m-1 deposit_refunded, coupon.refused m-1 deposit_refunded, coupon.issued m-1, coupon.issued m-1",
		"coupon.issued m-1, coupon.issued m-1, coupon.revoked m-1 deposit_refunded, coupon.revoked m-1 deposit_refunded, coupon.issued m-1, coupon.issued m-1",
	};

	for (int steps = 0; steps <= 2; steps++) {
		struct world w;

		init(&w, "[coupon \"d\"]\namount_off = 100\nlimit_total = 9\n[presale \"box\"]\ncoupon = d\n[presale \"tin\"]\ncoupon = d\n"
		         COUPON("c", "budget = 900") "[rule \"thanks\"]\non = presale.deposit_paid\nissue = c\n");
		deposit(&w, t0, "m-1", "box", false);
		deliver(&w, 2 * steps);
		deposit(&w, t0 + 1, "m-1", "tin", false);
		deposit(&w, t0 + minute, "m-1", "box", true);
		deliver_all(&w);
		CHECK_STR(story(&w), stories[steps]);
		CHECK_INT(quota(&w, "s1/d", "outstanding"), 1);
		CHECK_INT(quota(&w, "s1/d", "returned"), 1);
		CHECK_INT(quota(&w, "s1/c", "spent"), 100);
		CHECK_INT(claims_of(&w, "s1/m-1"), 0);
		world_deinit(&w);
	}
}

TEST(the_window_of_the_balance_travels_with_the_claim)
{
	struct world w;
	char id[33];

	init(&w, "[coupon \"c\"]\namount_off = 100\nlimit_total = 2\nkeep_on_refund = yes\n[presale \"box\"]\ncoupon = c\n");
	deposit(&w, t0, "m-1", "box", false);
	deposit(&w, t0 + 1, "m-1", "box", true);
	w.now += 25;
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1");
	yt_output_id(YT_OUT_COUPON_ISSUED, YT_S("s1"), YT_S("m-1"), YT_S("~presale:box"), YT_S("presale.deposit_paid\nbox\nm-1"), 0, id);
	CHECK_STR(w.outputs[0].id, id);
	CHECK_INT(atoll(world_data(&w, &w.outputs[0], "at")), t0 + 26);
	CHECK_INT(atoll(world_data(&w, &w.outputs[0], "valid_from")), t0 + 60 * minute);
	CHECK_INT(atoll(world_data(&w, &w.outputs[0], "valid_until")), t0 + 120 * minute);

	deposit(&w, t0 + 119 * minute, "m-2", "box", false);
	w.now = t0 + 120 * minute;
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, coupon.refused m-2 ended");
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 1);
	world_deinit(&w);
}

TEST(who_is_gone_keeps_no_unit)
{
	struct world w;
	struct world_entity *e;

	init(&w, COUPON("c", "limit_total = 1") THANKS);
	paid(&w, t0, "m-1", "o-1");
	e = world_entity(&w, YT_KIND_MEMBER, YT_S("s1/m-1"));
	free(e->bytes);
	e->bytes = NULL;
	deliver_all(&w);
	CHECK_STR(story(&w), "");
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 0);
	CHECK(!world_peek(&w, YT_KIND_MEMBER, YT_S("s1/m-1")));
	world_deinit(&w);
}

/* Each new coupon sets off the next one, over quotas that would last for long. */
TEST(a_chain_over_quotas_ends_before_its_hops_do)
{
	struct world w;
	static const char rules[] = COUPON("a", "limit_total = 1000") COUPON("b", "limit_total = 1000") "[rule \"start\"]\non = order.paid\nissue = a\n"
				    "[rule \"x\"]\non = coupon.issued\nwhen = coupon.template == \"a\"\nissue = b\n"
				    "[rule \"y\"]\non = coupon.issued\nwhen = coupon.template == \"b\"\nissue = a\n";
	int64_t outstanding;

	init(&w, rules);
	paid(&w, t0, "m-1", "o-1");
	deliver_all(&w);
	outstanding = quota(&w, "s1/a", "outstanding") + quota(&w, "s1/b", "outstanding");
	CHECK_INT(w.n_outputs, 3);
	CHECK_INT(outstanding, 3);
	CHECK_INT(claims_of(&w, "s1/m-1"), 0);
	world_deinit(&w);
}

/* order.paid -> phone -> newcomer -> referrer -> newcomer -> quota -> newcomer is six: a word may still be said about that coupon, and a simple coupon
 * given; another claim would have to go three more. */
TEST(what_follows_at_the_end_of_a_long_way_is_what_needs_no_more_of_it)
{
	struct world w;
	char data[300];

	init(&w, COUPON("c", "limit_total = 9") COUPON("d", "limit_total = 9") COUPON("e", "")
	     "[referral]\nreward_invitee = c\nreregistered = reject\n[rule \"word\"]\non = coupon.issued\nwhen = coupon.template == \"c\"\nissue = e\nfollow_up = hello\n"
	     "[rule \"claim\"]\non = coupon.issued\nwhen = coupon.template == \"c\"\nissue = d\n");
	bound(&w, "m-1", "m-2");
	deliver_all(&w);
	snprintf(data, sizeof(data), "{\"order\":\"o-1\",\"member\":\"m-1\",\"paid_at\":%lld,\"amount\":1000,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p\"}}",
	         (long long)t0 + minute);
	CHECK(world_tell(&w, "order.paid", "o-1", t0 + minute, data).result == YT_APPLIED);
	deliver_all(&w);
	CHECK_STR(story(&w), "referral.qualified m-1, coupon.issued m-1, coupon.issued m-1, followup.due m-1");
	CHECK_STR(world_data(&w, &w.outputs[1], "role"), "invitee");
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 1);
	CHECK_INT(quota(&w, "s1/d", "outstanding"), -1);
	world_deinit(&w);
}

TEST(a_budget_is_spent_to_its_end_and_no_further)
{
	struct world w;

	init(&w, COUPON("c", "budget = 300") "[rule \"thanks\"]\non = order.paid\nissue = c\n");
	for (int k = 0; k < 4; k++) {
		char order[16];

		snprintf(order, sizeof(order), "o-%d", k);
		paid(&w, t0, "m-1", order);
	}
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1, coupon.issued m-1, coupon.issued m-1, coupon.refused m-1 budget_gone");
	CHECK_INT(quota(&w, "s1/c", "spent"), 300);
	/* Another file raises it by less than a coupon, then by one. */
	world_rules(&w, YT_S(WORLD_SHOP COUPON("c", "budget = 399") THANKS));
	paid(&w, t0, "m-1", "o-5");
	deliver_all(&w);
	CHECK_INT(quota(&w, "s1/c", "spent"), 300);
	world_rules(&w, YT_S(WORLD_SHOP COUPON("c", "budget = 400") THANKS));
	paid(&w, t0, "m-1", "o-6");
	deliver_all(&w);
	CHECK_INT(quota(&w, "s1/c", "spent"), 400);
	world_deinit(&w);
}

TEST(a_lowered_limit_takes_nothing_away)
{
	struct world w;

	init(&w, COUPON("c", "limit_total = 2") THANKS);
	paid(&w, t0, "m-1", "o-1");
	paid(&w, t0, "m-2", "o-2");
	deliver_all(&w);
	world_rules(&w, YT_S(WORLD_SHOP COUPON("c", "limit_total = 1") THANKS));
	paid(&w, t0, "m-3", "o-3");
	deliver_all(&w);
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 2);
	CHECK_INT(quota(&w, "s1/c", "refused"), 1);
	CHECK_INT(quota(&w, "s1/c", "limit"), 1);
	world_deinit(&w);
}

static struct yt_decision internal(struct world *w, const char *key, const void *bytes, size_t n)
{
	struct yt_state state;
	struct yt_decide_env env = world_env(w, &state);
	struct yt_decision d;

	yt_decide_internal(&env, yt_str_z(key), yt_str(bytes, n), &d);
	return d;
}

TEST(a_unit_that_was_never_granted_cannot_come_back)
{
	static const char back[] = { 1, 12, 0 }, dear[] = { 1, 12, 101 };
	struct world w;

	init(&w, COUPON("c", "budget = 100") THANKS);
	CHECK_INT(internal(&w, "s1/~quota:c", back, sizeof(back)).dead, YT_DEAD_BAD_FIELD);
	paid(&w, t0, "m-1", "o-1");
	deliver_all(&w);
	CHECK_INT(internal(&w, "s1/~quota:c", dear, sizeof(dear)).dead, YT_DEAD_BAD_FIELD);
	CHECK_INT(internal(&w, "s1/m-1", back, sizeof(back)).dead, YT_DEAD_BAD_FIELD);
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 1);
	world_deinit(&w);
}

/* It asks the gift's quota, then the coupon's; what was answered before is dropped, and takes nothing. */
TEST(an_answer_is_taken_once)
{
	struct world w;
	struct world_sent *answer;
	char bytes[2000];
	size_t n;

	init(&w, COUPON("c", "limit_total = 9") "[gift \"g\"]\ncoupon = c\nquota = 9\n");
	CHECK(world_tell(&w, "gift.claimed", "e", t0, "{\"gift\":\"g\",\"member\":\"m-1\",\"claimed_at\":1790000000000}").result == YT_APPLIED);
	deliver(&w, 1);
	answer = &w.sent[0];
	n = answer->value_n;
	CHECK(n < sizeof(bytes));
	memcpy(bytes, answer->value, n);
	deliver(&w, 1);
	CHECK_INT(internal(&w, "s1/m-1", bytes, n).result, YT_APPLIED);
	deliver_all(&w);
	CHECK_STR(story(&w), "coupon.issued m-1");
	CHECK_INT(quota(&w, "s1/gift:g", "outstanding"), 1);
	CHECK_INT(quota(&w, "s1/c", "outstanding"), 1);
	CHECK_INT(quota(&w, "s1/c", "granted"), 1);
	world_deinit(&w);
}

/* --- any legal order */

static uint32_t draw(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 32);
}

/* One of those that nothing from the same sender to the same receiver goes before. */
static void deliver_any(struct world *w, uint64_t *s)
{
	size_t n = w->n_sent, k = draw(s) % n;

	for (size_t i = 0; i < k; i++) {
		const struct world_sent *a = &w->sent[i], *b = &w->sent[k];

		if (a->from == b->from && a->to == b->to)
			k = i;
	}
	world_deliver_one(w, k);
}

enum { MEMBERS = 6, ORDERS = 24 };

/* Orders whose coupons go to the buyer or to the referrer, each paid and perhaps cancelled, in any order against what they set off. */
static void history(uint64_t seed, bool goes)
{
	static const char rules[] = COUPON("c", "limit_total = 5\nbudget = 700") "[rule \"own\"]\non = order.paid\nwhen = member.id > \"m-2\"\nissue = c\n"
				    "[rule \"bring\"]\non = order.paid\nwhen = member.id <= \"m-2\"\nto = referrer\nissue = c\n";
	uint64_t s = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	int next = 0, issued = 0, held = 0;
	char member[ORDERS][16], order[ORDERS][16];
	struct world w;

	init(&w, rules);
	for (int k = 0; k <= 2; k++) {
		snprintf(member[k], sizeof(member[k]), "m-%d", k);
		bound(&w, member[k], k == 0 ? "m-1" : "m-0");
	}
	for (int k = 0; k < ORDERS; k++) {
		snprintf(member[k], sizeof(member[k]), "m-%u", draw(&s) % MEMBERS);
		snprintf(order[k], sizeof(order[k]), "o-%d", k);
	}
	while (next < ORDERS || w.n_sent > 0) {
		uint32_t what = draw(&s) % 4;
		int k = next ? (int)(draw(&s) % (unsigned)next) : 0;

		if (what == 0 && next < ORDERS) {
			paid(&w, t0 + next, member[next], order[next]);
			next++;
		} else if (what == 1 && goes && next && order[k][0]) {
			cancelled(&w, t0 + ORDERS, member[k], order[k]);
			order[k][0] = 0;
		} else if (w.n_sent > 0) {
			deliver_any(&w, &s);
		}
		CHECK_MSG(quota(&w, "s1/c", "outstanding") <= 5 && quota(&w, "s1/c", "spent") <= 700, "seed %llu: more than there is", (unsigned long long)seed);
	}
	for (size_t k = 0; k < w.n_outputs; k++) {
		issued += w.outputs[k].type == YT_OUT_COUPON_ISSUED;
		held += (w.outputs[k].type == YT_OUT_COUPON_ISSUED) - (w.outputs[k].type == YT_OUT_COUPON_REVOKED);
		CHECK_MSG(held <= 5, "seed %llu: more coupons than units", (unsigned long long)seed);
	}
	for (int k = 0; k < MEMBERS; k++) {
		char name[24];

		snprintf(name, sizeof(name), "s1/m-%d", k);
		CHECK_INT(claims_of(&w, name), 0);
	}
	CHECK_MSG(quota(&w, "s1/c", "outstanding") == held, "seed %llu: a unit is lost", (unsigned long long)seed);
	CHECK_INT(quota(&w, "s1/c", "spent"), 100 * held);
	CHECK_INT(quota(&w, "s1/c", "granted") - quota(&w, "s1/c", "returned"), held);
	if (!goes)
		CHECK_INT(issued, 5);
	world_deinit(&w);
}

TEST(in_any_order_no_unit_is_lost_or_given_twice)
{
	for (uint64_t seed = 1; seed <= 150; seed++)
		history(seed, true);
}

TEST(n_claims_for_m_units_give_the_smaller_number)
{
	for (uint64_t seed = 1; seed <= 50; seed++)
		history(seed, false);
}

TEST_MAIN
{
	RUN(the_follow_up_waits_for_the_answer);
	RUN(the_coupon_has_the_id_that_it_would_have_without_a_quota);
	RUN(an_order_that_goes_meanwhile_takes_its_coupon_along);
	RUN(what_is_kept_on_refund_is_not_withdrawn);
	RUN(a_withdrawn_claim_that_is_refused_says_why_it_was_withdrawn);
	RUN(the_referrers_coupon_goes_with_the_order_at_every_step);
	RUN(a_rule_that_revokes_withdraws_what_is_on_its_way);
	RUN(once_is_taken_while_a_claim_waits_and_marked_when_its_coupon_is_there);
	RUN(once_per_order_is_marked_on_the_order);
	RUN(once_per_coupon_is_marked_on_the_coupon);
	RUN(the_members_limits_hold_while_a_claim_is_on_its_way);
	RUN(a_coupon_that_ends_meanwhile_gives_its_unit_back);
	RUN(a_deposit_that_is_refunded_meanwhile_takes_its_coupons_along);
	RUN(the_window_of_the_balance_travels_with_the_claim);
	RUN(who_is_gone_keeps_no_unit);
	RUN(a_chain_over_quotas_ends_before_its_hops_do);
	RUN(what_follows_at_the_end_of_a_long_way_is_what_needs_no_more_of_it);
	RUN(a_budget_is_spent_to_its_end_and_no_further);
	RUN(a_lowered_limit_takes_nothing_away);
	RUN(a_unit_that_was_never_granted_cannot_come_back);
	RUN(an_answer_is_taken_once);
	RUN(in_any_order_no_unit_is_lost_or_given_twice);
	RUN(n_claims_for_m_units_give_the_smaller_number);
}
