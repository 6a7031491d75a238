/* Every limit of the core at the limit and one above, and that no entity can pass its bytes (world_seal checks each). */
#include "unit/core_world.h"

#include "yutang/core/day.h"
#include "yutang/core/member.h"
#include "yutang/core/order.h"
#include "yutang/core/referral.h"

static const int64_t t0 = INT64_C(1790000000000), minute = 60000, day = 86400000;

/* Three digits before it make 128 bytes. */
static const char long_id[] = "-0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123";

static const char *envelope = "e";

__attribute__((format(printf, 4, 5))) static struct yt_decision tell(struct world *w, const char *type, int64_t at, const char *fmt, ...)
{
	char data[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(data, sizeof(data), fmt, ap);
	va_end(ap);
	return world_tell(w, type, envelope, at, data);
}

static struct yt_decision pay(struct world *w, int64_t at, int order, int64_t paid_at)
{
	return tell(w, "order.paid", at, "{\"order\":\"o-%d\",\"member\":\"m-1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", order, (long long)paid_at);
}

static void check_dead(struct yt_decision d, enum yt_dead why, const char *detail)
{
	CHECK_INT(d.result, YT_DEAD);
	CHECK_STR(yt_dead_name(d.dead), yt_dead_name(why));
	CHECK_MSG(strstr(d.detail, detail), "detail is %s", d.detail);
}

static void check_applied(struct yt_decision d)
{
	CHECK_MSG(d.result == YT_APPLIED, "result %d, %s: %s", d.result, yt_dead_name(d.dead), d.detail);
}

TEST(orders_2048_are_kept_then_the_oldest_go)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.batch_size = w.batch_left = 500;
	for (int k = 1; k <= YT_PAID_MAX; k++)
		check_applied(pay(&w, t0 + k * minute, k, t0 + k * minute));
	CHECK_INT(pay(&w, t0 + 3000 * minute, 1, t0 + minute).result, YT_DUPLICATE);
	check_applied(pay(&w, t0 + 3000 * minute, 2049, t0 + 2049 * minute));
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "paid_orders"), "2049");
	CHECK_INT(atoll(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "first_paid_at")), t0 + minute);
	/* The order itself still knows; a refund mends the sums. */
	CHECK_INT(pay(&w, t0 + 3000 * minute, 1, t0 + minute).result, YT_DUPLICATE);
	check_applied(tell(&w, "order.refunded", t0 + 3000 * minute, "{\"order\":\"o-1\",\"member\":\"m-1\",\"refund\":\"r\",\"refunded_at\":%lld,\"amount\":100}",
	                   (long long)(t0 + 3000 * minute)));
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "paid_orders"), "2048");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "refunded_amount"), "100");
	/* When that is gone the fingerprints of the others still do, and what is older can't be told from a repetition. */
	w.now = t0 + 200 * day;
	CHECK_INT(pay(&w, w.now, 2, t0 + 2 * minute).result, YT_DUPLICATE);
	check_dead(pay(&w, w.now, 1, t0 + minute), YT_DEAD_TOO_OLD, "paid_at");
	check_dead(pay(&w, w.now, 5000, t0), YT_DEAD_TOO_OLD, "paid_at");
	check_applied(pay(&w, w.now, 5000, t0 + minute + 1));
	world_seal(&w);
	world_deinit(&w);
}

TEST(an_order_older_than_the_2048_is_the_first_and_goes_itself)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.batch_size = w.batch_left = 500;
	for (int k = 1; k <= YT_PAID_MAX; k++)
		check_applied(pay(&w, t0 + k, k, t0 + k));
	check_applied(pay(&w, t0 + 3000, 2049, t0 - 3 * day));
	world_seal(&w);
	CHECK_STR(world_field(&w, YT_KIND_DAY, "s1/2026-09-18", 0, "first_orders"), "1");
	CHECK_STR(world_field(&w, YT_KIND_DAY, "s1/2026-09-18", 0, "repeat_orders"), "0");
	CHECK_STR(world_field(&w, YT_KIND_DAY, "s1/2026-09-21", 0, "first_orders"), "0");
	CHECK_STR(world_field(&w, YT_KIND_DAY, "s1/2026-09-21", 0, "repeat_orders"), "2048");
	world_deinit(&w);
}

TEST(groups_256_and_accounts_64)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.batch_size = w.batch_left = 50;
	for (int k = 1; k <= YT_GROUPS_MAX + 1; k++) {
		struct yt_decision d = tell(&w, "group.joined", t0 + k, "{\"group\":\"g-%d\",\"member\":\"m-1\",\"joined_at\":%lld}", k, (long long)t0 + k);

		if (k <= YT_GROUPS_MAX)
			check_applied(d);
		else
			check_dead(d, YT_DEAD_LIMIT, "group");
	}
	check_applied(tell(&w, "group.left", t0 + 999, "{\"group\":\"g-1\",\"member\":\"m-1\",\"left_at\":%lld}", (long long)t0 + 999));
	for (int k = 1; k <= YT_ACCOUNTS_MAX + 1; k++) {
		struct yt_decision d = tell(&w, "contact.added", t0 + 1000 + k, "{\"account\":\"a-%d\",\"member\":\"m-1\",\"added_at\":%lld}", k, (long long)t0 + k);

		if (k <= YT_ACCOUNTS_MAX)
			check_applied(d);
		else
			check_dead(d, YT_DEAD_LIMIT, "account");
	}
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "groups"), "255");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "accounts"), "64");
	world_seal(&w);
	world_deinit(&w);
}

TEST(joins_and_leaves_1024_are_kept_then_the_oldest_go)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.batch_size = w.batch_left = 200;
	check_applied(tell(&w, "group.joined", t0, "{\"group\":\"g-0\",\"member\":\"m-1\",\"joined_at\":%lld}", (long long)t0));
	for (int k = 1; k <= YT_GROUP_MOVES_MAX; k++)
		check_applied(tell(&w, k & 1 ? "group.joined" : "group.left", t0 + k, "{\"group\":\"g-1\",\"member\":\"m-1\",\"%s\":%lld}",
		                   k & 1 ? "joined_at" : "left_at", (long long)t0 + k));
	/* The oldest of all is the only thing known of g-0: it stays, the oldest of g-1 went. */
	check_dead(tell(&w, "group.joined", t0 + 2000, "{\"group\":\"g-1\",\"member\":\"m-1\",\"joined_at\":%lld}", (long long)t0 + 1), YT_DEAD_TOO_OLD, "older");
	CHECK_INT(tell(&w, "group.left", t0 + 2000, "{\"group\":\"g-1\",\"member\":\"m-1\",\"left_at\":%lld}", (long long)t0 + 2).result, YT_DUPLICATE);
	CHECK_INT(tell(&w, "group.joined", t0 + 2000, "{\"group\":\"g-0\",\"member\":\"m-1\",\"joined_at\":%lld}", (long long)t0).result, YT_DUPLICATE);
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "groups"), "1");
	world_seal(&w);
	world_deinit(&w);
}

TEST(refunds_64_an_order)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	for (int paid_first = 0; paid_first < 2; paid_first++) {
		if (paid_first)
			check_applied(pay(&w, t0, 1, t0));
		for (int k = 1; k <= YT_REFUNDS_MAX + 1; k++) {
			struct yt_decision d = tell(&w, "order.refunded", t0, "{\"order\":\"o-%d\",\"member\":\"m-1\",\"refund\":\"r-%d\",\"refunded_at\":%lld,\"amount\":1}",
			                            paid_first, k, (long long)t0);

			if (k <= YT_REFUNDS_MAX)
				check_applied(d);
			else
				check_dead(d, YT_DEAD_LIMIT, "refunds");
		}
	}
	check_applied(pay(&w, t0, 0, t0));
	CHECK_STR(world_field(&w, YT_KIND_ORDER, "s1/o-0", 0, "refunded_amount"), "64");
	world_deinit(&w);
}

TEST(an_order_that_is_not_paid_keeps_what_fits_into_its_bytes)
{
	struct world w;
	int applied = 0;

	world_init(&w, WORLD_SHOP);
	for (int k = 0; k < 60; k++) {
		struct yt_decision d = tell(&w, "order.refunded", t0, "{\"order\":\"o%s\",\"member\":\"m-1\",\"refund\":\"%d%s\",\"refunded_at\":%lld,\"amount\":1}",
		                            long_id, k + 10, long_id, (long long)t0);

		applied += d.result == YT_APPLIED;
		if (d.result != YT_APPLIED)
			check_dead(d, YT_DEAD_LIMIT, "not paid yet");
	}
	CHECK_MSG(applied > 10 && applied < 20, "%d refunds with long ids", applied);
	world_deinit(&w);
}

static const char gift_rules[] = WORLD_SHOP "[coupon \"gift\"]\namount_off = 1\nvalid_for = 10d\n[rule \"gift\"]\non = order.paid\nissue = gift\n"
	"[rule \"later\"]\non = order.signed\nafter = 1h\nissue = gift\n";

TEST(coupons_128_that_live)
{
	struct world w;

	world_init(&w, gift_rules);
	w.batch_size = w.batch_left = 30;
	for (int k = 1; k <= YT_COUPONS_MAX; k++)
		check_applied(pay(&w, t0 + k * minute, k, t0 + k * minute));
	check_dead(pay(&w, t0 + 200 * minute, 129, t0), YT_DEAD_LIMIT, "coupons");
	/* A coupon that is over makes room. */
	check_applied(tell(&w, "order.cancelled", t0 + 201 * minute, "{\"order\":\"o-5\",\"member\":\"m-1\",\"cancelled_at\":%lld}", (long long)t0));
	check_applied(pay(&w, t0 + 202 * minute, 129, t0));
	/* A timer that will issue is no coupon yet: it takes no order's place, and finds no room itself. */
	check_applied(tell(&w, "order.cancelled", t0 + 203 * minute, "{\"order\":\"o-6\",\"member\":\"m-1\",\"cancelled_at\":%lld}", (long long)t0));
	check_applied(tell(&w, "order.signed", t0 + 203 * minute, "{\"order\":\"o-7\",\"member\":\"m-1\",\"signed_at\":%lld}", (long long)t0));
	check_applied(pay(&w, t0 + 204 * minute, 130, t0));
	check_dead(pay(&w, t0 + 205 * minute, 131, t0), YT_DEAD_LIMIT, "coupons");
	world_until(&w, t0 + 300 * minute);
	CHECK_INT(w.outputs[w.n_outputs - 1].type, YT_OUT_COUPON_REFUSED);
	CHECK_STR(world_data(&w, &w.outputs[w.n_outputs - 1], "reason"), "member_limit");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "coupons_usable"), "128");
	world_until(&w, t0 + 11 * day);
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "coupons_usable"), "0");
	for (int k = 200; k <= 300; k++)
		check_applied(pay(&w, w.now, k, t0));
	world_seal(&w);
	world_deinit(&w);
}

TEST(limits_remember_coupons_that_left_the_wallet)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"gift\"]\namount_off = 1\nvalid_for = 1d\nlimit_per_member = 2\nlimit_per_period = 1 per 365d\n"
	                          "[rule \"gift\"]\non = order.paid\nissue = gift\n");
	check_applied(pay(&w, t0, 1, t0));
	world_until(&w, t0 + 200 * day);
	check_applied(pay(&w, t0 + 200 * day, 2, t0));
	CHECK_STR(world_data(&w, &w.outputs[w.n_outputs - 1], "reason"), "period_limit");
	check_applied(pay(&w, t0 + 365 * day, 3, t0));
	CHECK_INT(w.outputs[w.n_outputs - 1].type, YT_OUT_COUPON_ISSUED);
	/* The first one left the wallet when there was need for room. */
	CHECK(!world_field(&w, YT_KIND_MEMBER, "s1/m-1", 1, w.outputs[0].id));
	check_applied(pay(&w, t0 + 731 * day, 4, t0));
	CHECK_STR(world_data(&w, &w.outputs[w.n_outputs - 1], "reason"), "member_limit");
	world_deinit(&w);
}

/* Rules that are alike but for their numbers: three digits for each `###`. */
static char *many_rules(int n, const char *one)
{
	char *text = calloc(1, 1 << 20);
	size_t at = (size_t)sprintf(text, "%s", WORLD_SHOP);

	for (int k = 0; k < n; k++) {
		for (const char *p = one; *p; p++) {
			if (strncmp(p, "###", 3) == 0) {
				at += (size_t)sprintf(text + at, "%03d", k);
				p += 2;
			} else {
				text[at++] = *p;
			}
		}
	}
	return text;
}

#define LONG_NAME "###-56789012345678901234567890123456789012345678901234567890123"

TEST(once_per_order_64_marks)
{
	for (int n = YT_ORDER_MARKS_MAX; n <= YT_ORDER_MARKS_MAX + 1; n++) {
		char *rules = many_rules(n, "[rule \"r-###\"]\non = order.shipped, order.signed\nonce = per order\nfollow_up = x\n");
		struct yt_decision d;
		struct world w;

		world_init(&w, rules);
		check_applied(pay(&w, t0, 1, t0));
		d = tell(&w, "order.shipped", t0, "{\"order\":\"o-1\",\"member\":\"m-1\",\"shipped_at\":%lld}", (long long)t0);
		if (n <= YT_ORDER_MARKS_MAX)
			check_applied(d);
		else
			check_dead(d, YT_DEAD_LIMIT, "once = per order");
		/* Rules that are marked set no second mark. */
		d = tell(&w, "order.signed", t0, "{\"order\":\"o-1\",\"member\":\"m-1\",\"signed_at\":%lld}", (long long)t0);
		if (n <= YT_ORDER_MARKS_MAX)
			check_applied(d);
		else
			check_dead(d, YT_DEAD_LIMIT, "once = per order");
		world_deinit(&w);
		free(rules);
	}
}

TEST(a_day_with_too_many_templates_counts_the_rest_as_other)
{
	char *rules = many_rules(100, "[coupon \"" LONG_NAME "\"]\namount_off = 1\nvalid_for = 1d\n[rule \"r-###\"]\non = order.paid\nissue = " LONG_NAME "\n");
	static const char date[] = "s1/2026-09-21";
	struct world w;

	world_init(&w, rules);
	check_applied(pay(&w, t0, 1, t0));
	CHECK_STR(world_field(&w, YT_KIND_DAY, date, 0, "issued:000-56789012345678901234567890123456789012345678901234567890123"), "1");
	CHECK(atoi(world_field(&w, YT_KIND_DAY, date, 0, "issued:~other")) > 40);
	world_deinit(&w);
	free(rules);
}

/* Everything as long as it may be: each event is taken, or is a dead letter `limit`; world_seal sees to the bytes. */
TEST(a_member_of_the_longest_texts_stays_below_its_bytes)
{
	char *rules = many_rules(4, "[coupon \"" LONG_NAME "\"]\namount_off = 1\nvalid_for = 900d\n"
	                            "[rule \"" LONG_NAME "\"]\non = group.joined\nafter = 1###h\nstill = group.inviter != group.channel\n"
	                            "issue = " LONG_NAME "\nfollow_up = " LONG_NAME "\n");
	int limits = 0, applied = 0;
	struct world w;

	world_init(&w, rules);
	envelope = long_id;
	w.batch_size = w.batch_left = 100;
	for (int k = 100; k < 3000; k++) {
		struct yt_decision d;

		w.now = t0 + k;
		d = tell(&w, "order.paid", t0 + k, "{\"order\":\"%03x%s\",\"member\":\"m%s\",\"paid_at\":%lld,\"amount\":9007199254740991,\"currency\":\"CNY\",\"items\":[{\"sku\":\"x\",\"quantity\":9007199254740991,\"amount\":1}],\"channel\":\"%03x%s\"}",
		         k, long_id, long_id, (long long)t0 + k, k, long_id);
		applied += d.result == YT_APPLIED;
		limits += d.result == YT_DEAD && d.dead == YT_DEAD_LIMIT;
		if (k % 2)
			d = tell(&w, "group.joined", t0 + k, "{\"group\":\"%03x%s\",\"member\":\"m%s\",\"joined_at\":%lld,\"account\":\"%03x%s\",\"inviter\":\"%03x%s\",\"channel\":\"%03x%s\"}",
			         k % 500, long_id, long_id, (long long)t0 + k, k, long_id, k, long_id, k, long_id);
		else
			d = tell(&w, "contact.added", t0 + k, "{\"account\":\"%03x%s\",\"member\":\"m%s\",\"added_at\":%lld,\"channel\":\"%03x%s\"}", k % 200, long_id, long_id,
			         (long long)t0 + k, k, long_id);
		CHECK(d.result == YT_APPLIED || (d.result == YT_DEAD && d.dead == YT_DEAD_LIMIT) || (d.result == YT_DEAD && d.dead == YT_DEAD_TOO_OLD));
		limits += d.result == YT_DEAD;
	}
	world_until(&w, t0 + 1000 * day);
	world_seal(&w);
	envelope = "e";
	CHECK_MSG(limits > 0 && applied > 2000, "%d orders, %d limits", applied, limits);
	world_deinit(&w);
	free(rules);
}

TEST(tags_64)
{
	for (int n = YT_TAGS_MAX; n <= YT_TAGS_MAX + 1; n++) {
		char *rules = many_rules(n, "[rule \"r-###\"]\non = order.paid\ntag = t-###\n");
		struct yt_decision d;
		struct world w;

		world_init(&w, rules);
		d = pay(&w, t0, 1, t0);
		if (n <= YT_TAGS_MAX)
			check_applied(d);
		else
			check_dead(d, YT_DEAD_LIMIT, "64");
		world_deinit(&w);
		free(rules);
	}
}

static struct yt_decision pay_skus(struct world *w, int order, int n)
{
	struct yt_buf items;
	struct yt_decision d;

	yt_buf_init(&items, NULL);
	for (int k = 1; k <= n; k++)
		yt_buf_printf(&items, "%s{\"sku\":\"p-%d\",\"quantity\":1,\"amount\":1}", k > 1 ? "," : "", k);
	yt_buf_c(&items, 0);
	d = tell(w, "order.paid", t0 + order * minute, "{\"order\":\"o-%d\",\"member\":\"m-1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[%s]}", order,
	         (long long)t0, items.p);
	yt_buf_deinit(&items);
	return d;
}

TEST(skus_with_a_product_24_an_order)
{
	struct yt_buf rules;
	struct world w;

	yt_buf_init(&rules, NULL);
	yt_buf_z(&rules, WORLD_SHOP);
	for (int k = 1; k <= YT_ORDER_PRODUCTS_MAX + 1; k++)
		yt_buf_printf(&rules, "[product \"p-%d\"]\nlasts = 1d\n", k);
	yt_buf_c(&rules, 0);
	world_init(&w, NULL);
	world_rules(&w, yt_str_z(rules.p));
	check_dead(pay_skus(&w, 1, YT_ORDER_PRODUCTS_MAX + 1), YT_DEAD_LIMIT, "24");
	check_applied(pay_skus(&w, 2, YT_ORDER_PRODUCTS_MAX));
	CHECK_INT(atoll(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "stock_until")), t0 + day);
	yt_buf_deinit(&rules);
	world_deinit(&w);
}

static struct yt_decision share(struct world *w, int64_t at, const char *share, int friend)
{
	return tell(w, "share.made", at, "{\"share\":\"%s\",\"member\":\"m-1\",\"friend\":\"f-%d\",\"shared_at\":%lld}", share, friend, (long long)at);
}

TEST(gifts_and_shares_512_are_kept_then_the_oldest_go)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[rule \"r\"]\non = share.made\nfollow_up = x\nwhen = share.friends == 512\n");
	w.batch_size = w.batch_left = 100;
	for (int k = 1; k <= YT_TOLD_MAX; k++)
		check_applied(share(&w, t0 + k * minute, "s", k));
	CHECK_INT(w.n_outputs, 1);
	CHECK_INT(share(&w, t0 + minute, "s", 1).result, YT_DUPLICATE);
	check_applied(share(&w, t0 + 600 * minute, "s", 600));
	/* The first is gone, what is not newer is too old, and there are still 512. */
	CHECK_INT(w.n_outputs, 2);
	check_dead(share(&w, t0 + minute, "s", 1), YT_DEAD_TOO_OLD, "gifts and shares");
	check_dead(share(&w, t0, "other", 1), YT_DEAD_TOO_OLD, "gifts and shares");
	CHECK_INT(share(&w, t0 + 2 * minute, "s", 2).result, YT_DUPLICATE);
	world_seal(&w);
	world_deinit(&w);
}

TEST(gifts_that_a_member_got_128)
{
	char *rules = many_rules(YT_TALLIES_MAX + 1, "[coupon \"" LONG_NAME "\"]\namount_off = 1\nvalid_for = 1h\n[gift \"" LONG_NAME "\"]\ncoupon = " LONG_NAME "\nquota = 1000000000\n");
	struct world w;

	world_init(&w, rules);
	for (int k = 0; k <= YT_TALLIES_MAX; k++) {
		struct yt_decision d = tell(&w, "gift.claimed", t0 + k * day, "{\"gift\":\"%03d%s\",\"member\":\"m-1\",\"claimed_at\":%lld}", k, &(LONG_NAME)[3],
		                            (long long)(t0 + k * day));

		if (k < YT_TALLIES_MAX)
			check_applied(d);
		else
			check_dead(d, YT_DEAD_LIMIT, "128");
	}
	world_seal(&w);
	world_deinit(&w);
	free(rules);
}

/* 127 that live, and one on its way: the next has no room, whoever it is for. */
TEST(coupons_128_with_those_on_their_way)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"c\"]\namount_off = 1\nvalid_for = 30d\n[coupon \"q\"]\namount_off = 1\nvalid_for = 30d\nlimit_total = 9\n"
	                          "[rule \"r\"]\non = order.paid\nissue = c\n[rule \"s\"]\non = group.joined\nissue = q\n"
	                          "[rule \"t\"]\non = group.left\nafter = 1m\nissue = c\n");
	w.held = true;
	for (int k = 1; k < YT_COUPONS_MAX; k++)
		check_applied(pay(&w, t0 + k, k, t0));
	check_applied(tell(&w, "group.joined", t0 + 200, "{\"group\":\"g\",\"member\":\"m-1\",\"joined_at\":%lld}", (long long)t0));
	check_dead(pay(&w, t0 + 300, 129, t0), YT_DEAD_LIMIT, "coupons");
	check_dead(tell(&w, "gift.claimed", t0 + 300, "{\"gift\":\"g\",\"member\":\"m-1\",\"claimed_at\":%lld}", (long long)t0), YT_DEAD_LIMIT, "coupons");
	check_applied(tell(&w, "group.left", t0 + 400, "{\"group\":\"g\",\"member\":\"m-1\",\"left_at\":%lld}", (long long)t0 + 1));
	world_until(&w, t0 + 2 * minute);
	CHECK_STR(world_data(&w, &w.outputs[w.n_outputs - 1], "reason"), "member_limit");
	w.held = false;
	world_deliver(&w);
	CHECK_INT(w.outputs[w.n_outputs - 1].type, YT_OUT_COUPON_ISSUED);
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "coupons_usable"), "128");
	world_deinit(&w);
}

/* Ten rules in a row, each set off by the coupon of the one before: the chain ends after 8 steps. */
TEST(a_chain_of_8_steps)
{
	struct yt_buf rules;
	struct world w;

	yt_buf_init(&rules, NULL);
	yt_buf_z(&rules, WORLD_SHOP);
	for (int k = 0; k <= 10; k++)
		yt_buf_printf(&rules, "[coupon \"c-%d\"]\namount_off = 1\nvalid_for = 1d\n", k);
	yt_buf_z(&rules, "[rule \"r-0\"]\non = order.paid\nissue = c-0\n");
	for (int k = 1; k <= 10; k++)
		yt_buf_printf(&rules, "[rule \"r-%d\"]\non = coupon.issued\nwhen = coupon.template == \"c-%d\"\nissue = c-%d\n", k, k - 1, k);
	yt_buf_c(&rules, 0);
	world_init(&w, NULL);
	world_rules(&w, yt_str_z(rules.p));
	check_applied(pay(&w, t0, 1, t0));
	CHECK_INT(w.n_outputs, 1 + 8);
	yt_buf_deinit(&rules);
	world_deinit(&w);
}

static struct yt_decision deposit(struct world *w, int presale, int64_t paid_at)
{
	return tell(w, "presale.deposit_paid", w->now, "{\"presale\":\"p-%d\",\"member\":\"m-1\",\"paid_at\":%lld,\"amount\":1,\"balance_from\":%lld,\"balance_until\":%lld}",
	            presale, (long long)paid_at, (long long)t0, (long long)(t0 + 300 * day));
}

TEST(deposits_128_are_kept_then_the_oldest_go)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.now = t0 + 10 * day;
	w.batch_size = w.batch_left = 50;
	for (int k = 1; k <= YT_DEPOSITS_MAX; k++)
		check_applied(deposit(&w, k, t0 + k * minute));
	CHECK_INT(deposit(&w, 1, t0 + minute).result, YT_DUPLICATE);
	CHECK_INT(deposit(&w, 1, t0 + 2 * minute).result, YT_CONFLICT);
	check_applied(deposit(&w, 129, t0 + 129 * minute));
	check_dead(deposit(&w, 1, t0 + minute), YT_DEAD_TOO_OLD, "128");
	check_dead(deposit(&w, 130, t0 + minute), YT_DEAD_TOO_OLD, "128");
	check_applied(deposit(&w, 130, t0 + minute + 1)); /* the oldest itself */
	CHECK_INT(deposit(&w, 2, t0 + 2 * minute).result, YT_DUPLICATE);
	check_dead(tell(&w, "presale.deposit_refunded", w.now, "{\"presale\":\"p-1\",\"member\":\"m-1\",\"refunded_at\":%lld}", (long long)(t0 + minute)), YT_DEAD_TOO_OLD, "128");
	/* A refund of one that is known is taken, whatever its instant. */
	check_applied(tell(&w, "presale.deposit_refunded", w.now, "{\"presale\":\"p-2\",\"member\":\"m-1\",\"refunded_at\":%lld}", (long long)t0));
	world_seal(&w);
	world_deinit(&w);
}

TEST(the_coupon_of_a_deposit_needs_a_place_of_the_128)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"c\"]\namount_off = 1\n[presale \"p-1\"]\ncoupon = c\n[presale \"p-2\"]\ncoupon = c\n"
	                          "[coupon \"gift\"]\namount_off = 1\nvalid_for = 10d\n[rule \"gift\"]\non = order.paid\nissue = gift\n");
	w.batch_size = w.batch_left = 50;
	w.now = t0;
	for (int k = 1; k < YT_COUPONS_MAX; k++)
		check_applied(pay(&w, t0, k, t0));
	check_applied(deposit(&w, 1, t0));
	check_dead(deposit(&w, 2, t0), YT_DEAD_LIMIT, "coupons");
	world_until(&w, t0 + 11 * day);
	check_applied(deposit(&w, 2, t0));
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "coupons_usable"), "2");
	world_seal(&w);
	world_deinit(&w);
}

/* Ids, names and causes as long as they may be, all of it at once. */
TEST(deposits_and_a_tier_of_the_longest_texts_have_room)
{
	char *rules = many_rules(1, "[coupon \"" LONG_NAME "\"]\namount_off = 1\nvalid_for = 900d\n"
	                            "[rule \"" LONG_NAME "\"]\non = presale.deposit_paid\nissue = " LONG_NAME "\n"
	                            "[rule \"t-###\"]\non = tier.changed\nafter = 1h\nfollow_up = " LONG_NAME "\n"
	                            "[tier \"" LONG_NAME "\"]\nrank = 1000000\nperiod = 36500d\ngrace = 36500d\nwarn_before = 36500d\n");
	struct world w;

	world_init(&w, rules);
	envelope = long_id;
	w.now = t0;
	for (int k = 100; k < 100 + YT_DEPOSITS_MAX; k++)
		check_applied(tell(&w, "presale.deposit_paid", t0, "{\"presale\":\"%03d%s\",\"member\":\"m%s\",\"paid_at\":%lld,\"amount\":9007199254740991,\"balance_from\":%lld,\"balance_until\":%lld}",
		                   k, long_id, long_id, (long long)t0 + k, (long long)t0, (long long)(t0 + 700 * day)));
	world_until(&w, t0 + 1000 * day);
	envelope = "e";
	world_deinit(&w);
	free(rules);
}

/* --- referrals and commands */

#define FRIEND WORLD_SHOP "[coupon \"friend\"]\npay_percent = 50\nvalid_for = 900d\n"

static struct yt_decision bind(struct world *w, int64_t at, int newcomer, const char *referrer)
{
	return tell(w, "referral.bound", at, "{\"referrer\":\"%s\",\"member\":\"n-%d\",\"bound_at\":%lld}", referrer, newcomer, (long long)t0);
}

static struct yt_decision command(struct world *w, int64_t at, const char *type, int newcomer, const char *id)
{
	envelope = id;
	struct yt_decision d = tell(w, type, at, "{\"referrer\":\"r-1\",\"member\":\"n-%d\",\"template\":\"friend\",\"by\":\"ann\"}", newcomer);

	envelope = "e";
	return d;
}

static size_t rows(struct world *w)
{
	return ((const struct yt_member *)world_peek(w, YT_KIND_MEMBER, YT_S("s1/r-1")))->refers->referrer->n;
}

TEST(a_referrer_remembers_1024_newcomers_one_by_one_and_counts_all)
{
	struct world w;

	world_init(&w, FRIEND "[referral]\n");
	w.batch_size = w.batch_left = 200;
	for (int k = 0; k < 1024; k++)
		check_applied(bind(&w, t0 + k, k, "r-1"));
	CHECK_INT(rows(&w), 1024);
	check_applied(bind(&w, t0 + 2000, 1024, "r-1"));
	CHECK_INT(rows(&w), 1024);
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r-1", 0, "referrals_bound"), "1025");
	/* The oldest went; what comes of it counts all the same, once. */
	check_applied(command(&w, t0 + 2001, "referral.void", 0, "c-1"));
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r-1", 0, "referrals_bound"), "1024");
	/* What is over goes before what is open. */
	check_applied(bind(&w, t0 + 2002, 1025, "r-1"));
	check_applied(command(&w, t0 + 2003, "referral.void", 2, "c-2"));
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r-1", 0, "referrals_bound"), "1024");
	CHECK_INT(rows(&w), 1024);
	world_deinit(&w);
}

TEST(other_referrers_32)
{
	struct world w;
	char other[16];

	world_init(&w, FRIEND "[referral]\n");
	check_applied(bind(&w, t0, 1, "r-1"));
	for (int k = 0; k < 32; k++) {
		snprintf(other, sizeof(other), "x-%d", k);
		check_applied(bind(&w, t0 + k, 1, other));
	}
	CHECK_INT(w.n_outputs, 32);
	CHECK_INT(bind(&w, t0 + 40, 1, "x-32").result, YT_CONFLICT);
	CHECK_INT(w.n_outputs, 32);
	world_deinit(&w);
}

TEST(commands_256_a_member)
{
	struct world w;
	char id[16];

	world_init(&w, FRIEND);
	for (int k = 0; k < 256; k++) {
		snprintf(id, sizeof(id), "c-%d", k);
		check_applied(command(&w, t0 + k, "coupon.grant", 1, id));
	}
	CHECK_INT(command(&w, t0 + 300, "coupon.grant", 1, "c-0").result, YT_DUPLICATE);
	check_dead(command(&w, t0 + 300, "coupon.grant", 1, "c-256"), YT_DEAD_LIMIT, "256");
	check_applied(command(&w, t0 + 300, "coupon.grant", 2, "c-256"));
	world_deinit(&w);
}

/* Of a member the 32 hashes that were used first: the one that was used last is none of them, in whatever order they came. */
TEST(hashes_of_buyers_32)
{
	static const char *const outcome[] = { [0] = "qualified", [1] = "flagged" };
	struct world w;

	for (int backwards = 0; backwards < 2; backwards++) {
		world_init(&w, FRIEND "[referral]\nsame_phone = flag\n");
		for (int k = 0; k < 33; k++) {
			int i = backwards ? 32 - k : k;

			check_applied(tell(&w, "order.paid", t0 + minute, "{\"order\":\"o-%d\",\"member\":\"r-1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p%d\"}}", i,
			                   (long long)t0 + i, i));
		}
		for (int k = 31; k < 33; k++) {
			check_applied(bind(&w, t0 + minute, k, "r-1"));
			check_applied(tell(&w, "order.paid", t0 + minute, "{\"order\":\"q-%d\",\"member\":\"n-%d\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p%d\"}}", k, k,
			                   (long long)t0 + minute, k));
			CHECK_MSG(strstr(w.outputs[w.n_outputs - 1].value, outcome[k == 31]), "p%d: %s", k, w.outputs[w.n_outputs - 1].value);
		}
		world_deinit(&w);
	}
}

/* 99 times what was paid is more than state holds. */
TEST(a_debt_is_below_2_53)
{
	struct world w;
	char code[16];

	world_init(&w, WORLD_SHOP "[coupon \"friend\"]\npay_percent = 1\nvalid_for = 900d\n[referral]\nreward_invitee = friend\n");
	check_applied(bind(&w, t0, 1, "r-1"));
	check_applied(tell(&w, "order.paid", t0 + 1, "{\"order\":\"o-1\",\"member\":\"n-1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", (long long)t0));
	snprintf(code, sizeof(code), "%s", world_data(&w, &w.outputs[w.n_outputs - 1], "code"));
	check_applied(tell(&w, "order.paid", t0 + 2,
	                   "{\"order\":\"o-2\",\"member\":\"n-1\",\"paid_at\":%lld,\"amount\":9007199254740991,\"currency\":\"CNY\",\"items\":[],\"coupons\":[\"%s\"]}",
	                   (long long)t0 + 2, code));
	check_applied(command(&w, t0 + 3, "referral.void", 1, "c-1"));
	CHECK_STR(world_data(&w, &w.outputs[w.n_outputs - 1], "debt"), "9007199254740991");
	world_deinit(&w);
}

/* Ids, codes, hashes and notes of 128 bytes: world_seal sees to the bytes of each entity. */
TEST(a_referral_of_the_longest_texts_stays_below_its_bytes)
{
	struct world w;

	world_init(&w, FRIEND "[referral]\nreregistered = flag\nreward_invitee = friend\nreward_referrer = friend\nhold = 1d after paid\n");
	envelope = long_id;
	check_applied(tell(&w, "referral.bound", t0, "{\"referrer\":\"r--%s\",\"member\":\"n--%s\",\"bound_at\":%lld,\"channel\":\"c--%s\"}", long_id, long_id,
	                   (long long)t0, long_id));
	check_applied(tell(&w, "order.paid", t0 + 1,
	                   "{\"order\":\"o--%s\",\"member\":\"n--%s\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p--%s\"}}",
	                   long_id, long_id, (long long)t0 + 1, long_id));
	world_until(&w, t0 + 2 * day);
	CHECK_STR(yt_outs[w.outputs[w.n_outputs - 1].type].name.p, "referral.approved");
	envelope = "e";
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(orders_2048_are_kept_then_the_oldest_go);
	RUN(an_order_older_than_the_2048_is_the_first_and_goes_itself);
	RUN(groups_256_and_accounts_64);
	RUN(joins_and_leaves_1024_are_kept_then_the_oldest_go);
	RUN(refunds_64_an_order);
	RUN(an_order_that_is_not_paid_keeps_what_fits_into_its_bytes);
	RUN(coupons_128_that_live);
	RUN(limits_remember_coupons_that_left_the_wallet);
	RUN(once_per_order_64_marks);
	RUN(a_day_with_too_many_templates_counts_the_rest_as_other);
	RUN(a_member_of_the_longest_texts_stays_below_its_bytes);
	RUN(tags_64);
	RUN(a_referrer_remembers_1024_newcomers_one_by_one_and_counts_all);
	RUN(other_referrers_32);
	RUN(commands_256_a_member);
	RUN(hashes_of_buyers_32);
	RUN(a_debt_is_below_2_53);
	RUN(a_referral_of_the_longest_texts_stays_below_its_bytes);
	RUN(skus_with_a_product_24_an_order);
	RUN(gifts_and_shares_512_are_kept_then_the_oldest_go);
	RUN(gifts_that_a_member_got_128);
	RUN(coupons_128_with_those_on_their_way);
	RUN(a_chain_of_8_steps);
	RUN(deposits_128_are_kept_then_the_oldest_go);
	RUN(the_coupon_of_a_deposit_needs_a_place_of_the_128);
	RUN(deposits_and_a_tier_of_the_longest_texts_have_room);
}
