/* What Redis shows of each entity. */
#include "unit/core_world.h"

static const int64_t t0 = INT64_C(1790000000000), hour = 3600000;

static const char rules[] = WORLD_SHOP
	"[coupon \"second\"]\npay_percent = 60\nvalid_for = 30d\n"
	"[rule \"ladder\"]\non = order.paid\nwhen = order.nth == 1\nissue = second\n"
	"[rule \"thanks\"]\non = order.paid\nfollow_up = thanks\n";

static void tell(struct world *w, const char *type, int64_t at, const char *data)
{
	CHECK_INT(world_tell(w, type, "e", at, data).result, YT_APPLIED);
}

/* All hashes of an entity: `suffix field=value field=value; suffix ...`. */
static const char *render(struct world *w, enum yt_kind kind, const char *name, bool with_orders)
{
	struct yt_view_hash out[YT_VIEW_HASHES_MAX];
	size_t n = yt_view_render(&w->batch, kind, yt_str_z(name), world_peek(w, kind, yt_str_z(name)), with_orders, out);
	struct yt_buf b;

	yt_buf_init(&b, &w->batch);
	for (size_t k = 0; k < n; k++) {
		if (k)
			yt_buf_z(&b, "; ");
		yt_buf_str_add(&b, out[k].suffix);
		for (size_t i = 0; i < out[k].n; i++)
			yt_buf_printf(&b, " %.*s=%.*s", YT_FMT(out[k].fields[2 * i]), YT_FMT(out[k].fields[2 * i + 1]));
	}
	yt_buf_c(&b, 0);
	return b.p;
}

static void live(struct world *w)
{
	world_init(w, rules);
	tell(w, "order.paid", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":1790000000000,\"amount\":12900,\"currency\":\"CNY\",\"channel\":\"live\",\"coupons\":[\"A\\\"B\"],"
	                          "\"items\":[{\"sku\":\"a\",\"quantity\":2,\"amount\":12900}]}");
	tell(w, "group.joined", t0 + hour, "{\"group\":\"g1\",\"member\":\"m1\",\"joined_at\":1790003600000}");
	tell(w, "order.shipped", t0 + hour, "{\"order\":\"o1\",\"member\":\"m1\",\"shipped_at\":1790003600000}");
	tell(w, "order.refunded", t0 + hour, "{\"order\":\"o1\",\"member\":\"m1\",\"refund\":\"r1\",\"refunded_at\":1790003600000,\"amount\":900}");
	tell(w, "order.signed", t0 + hour, "{\"order\":\"o2\",\"member\":\"m1\",\"signed_at\":1790003600000}");
}

TEST(member_and_wallet_are_two_hashes)
{
	struct world w;
	char want[1000];

	live(&w);
	CHECK_INT(w.outputs[1].type, YT_OUT_COUPON_ISSUED);
	snprintf(want, sizeof(want),
	         "member:s1/m1 id=m1 channel=live paid_orders=1 paid_amount=12900 paid_items=2 refunded_orders=0 refunded_amount=900 net_amount=12000"
	         " first_paid_at=1790000000000 last_paid_at=1790000000000 groups=1 accounts=0 joined_at=1790003600000 coupons_usable=1 coupons_used=0;"
	         " wallet:s1/m1 %s={\"code\":\"%s\",\"template\":\"second\",\"state\":\"issued\",\"valid_from\":1790000000000,\"valid_until\":1792592000000}",
	         w.outputs[1].id, world_data(&w, &w.outputs[1], "code"));
	CHECK_STR(render(&w, YT_KIND_MEMBER, "s1/m1", false), want);
	world_deinit(&w);
}

TEST(a_member_shows_its_tier_while_it_has_one)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[tier \"gold\"]\nrank = 1\nmin_orders = 1\nperiod = 1d\n");
	tell(&w, "order.paid", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":1790000000000,\"amount\":1,\"currency\":\"CNY\",\"items\":[]}");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m1", 0, "tier"), "gold");
	world_until(&w, t0 + 24 * hour);
	CHECK(!world_field(&w, YT_KIND_MEMBER, "s1/m1", 0, "tier"));
	world_deinit(&w);
}

TEST(orders_are_shown_only_where_the_configuration_asks_for_them)
{
	struct world w;

	live(&w);
	CHECK_STR(render(&w, YT_KIND_ORDER, "s1/o1", false), "");
	CHECK_STR(render(&w, YT_KIND_ORDER, "s1/o1", true),
	          "order:s1/o1 id=o1 paid_at=1790000000000 amount=12900 currency=CNY channel=live coupons=[\"A\\\"B\"] shipped_at=1790003600000 cancelled=false"
	          " refunded_amount=900 refunded=false units=2 nth=1");
	CHECK_STR(render(&w, YT_KIND_ORDER, "s1/o2", true), "order:s1/o2 id=o2 signed_at=1790003600000 cancelled=false");
	world_deinit(&w);
}

TEST(a_day_shows_all_its_counters)
{
	struct world w;

	live(&w);
	CHECK_STR(render(&w, YT_KIND_DAY, "s1/2026-09-21", true),
	          "day:s1:2026-09-21 orders=1 items=2 amount=12900 first_orders=1 repeat_orders=0 refunds=1 refunded_amount=900 joins=1 leaves=0"
	          " issued:second=1 followups:thanks=1");
	world_deinit(&w);
}

TEST(a_quota_shows_what_is_given_away)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"c\"]\namount_off = 100\nvalid_for = 1d\nbudget = 150\n[rule \"r\"]\non = order.signed\nissue = c\n"
	                          "[gift \"box\"]\ncoupon = c\nquota = 5\n");
	for (int k = 0; k < 2; k++)
		world_tell(&w, "gift.claimed", "e", 1790000000000, k ? "{\"gift\":\"box\",\"member\":\"m1\",\"claimed_at\":1790000000000}" :
		                                                      "{\"gift\":\"box\",\"member\":\"m2\",\"claimed_at\":1790000000000}");
	CHECK_STR(render(&w, YT_KIND_QUOTA, "s1/c", true), "quota:s1/c budget=150 outstanding=1 spent=100 granted=1 refused=1 returned=0");
	CHECK_STR(render(&w, YT_KIND_QUOTA, "s1/gift:box", true), "quota:s1/gift:box limit=5 outstanding=1 spent=0 granted=2 refused=0 returned=1");
	world_deinit(&w);
}

TEST(the_channels_of_a_day_show_what_is_not_0)
{
	struct world w;

	live(&w);
	CHECK_STR(render(&w, YT_KIND_CHANNELS, "s1/2026-09-21", true),
	          "channels:s1:2026-09-21 live={\"issued\":1,\"revenue\":12000,\"orders_1\":1,\"items_1\":2} ~none={\"joined\":1}");
	tell(&w, "order.cancelled", t0 + hour, "{\"order\":\"o1\",\"member\":\"m1\",\"cancelled_at\":1790003600000}");
	CHECK_STR(render(&w, YT_KIND_CHANNELS, "s1/2026-09-21", true), "channels:s1:2026-09-21 live={\"issued\":1} ~none={\"joined\":1}");
	world_deinit(&w);
}

TEST(what_is_gone_has_its_suffixes_and_no_fields)
{
	struct yt_str suffix[YT_VIEW_HASHES_MAX];
	struct world w;

	world_init(&w, rules);
	CHECK_STR(render(&w, YT_KIND_MEMBER, "s1/m9", true), "member:s1/m9; wallet:s1/m9");
	CHECK_STR(render(&w, YT_KIND_ORDER, "s1/a/b", true), "order:s1/a/b");
	CHECK_STR(render(&w, YT_KIND_DAY, "s1/2026-01-01", true), "day:s1:2026-01-01");
	CHECK_STR(render(&w, YT_KIND_QUOTA, "s1/gift:box", true), "quota:s1/gift:box");
	CHECK_STR(render(&w, YT_KIND_CHANNELS, "s1/2026-01-01", true), "channels:s1:2026-01-01");
	CHECK_STR(render(&w, YT_KIND_ACCOUNT, "s1/a-9", true), "account:s1/a-9");
	CHECK_STR(render(&w, YT_KIND_GROUP, "s1/g-9", true), "group:s1/g-9");
	CHECK_INT(yt_view_suffixes(&w.batch, YT_KIND_ORDER, YT_S("s1/o1"), false, suffix), 0);
	CHECK_INT(yt_view_suffixes(&w.batch, YT_KIND_ORDER, YT_S("s1/o1"), true, suffix), 1);
	world_deinit(&w);
}

TEST(what_a_suffix_names)
{
	static const struct { const char *suffix; int kind; const char *name; } cases[] = {
		{ "member:s1/m1", YT_KIND_MEMBER, "s1/m1" }, { "wallet:s1/m1", YT_KIND_MEMBER, "s1/m1" }, { "order:s1/a:b", YT_KIND_ORDER, "s1/a:b" },
		{ "day:s1:2026-01-01", YT_KIND_DAY, "s1/2026-01-01" }, { "account:s1/a-1", YT_KIND_ACCOUNT, "s1/a-1" },
		{ "group:s1/g-1", YT_KIND_GROUP, "s1/g-1" }, { "at", -1, "" }, { "else:s1/x", -1, "" },
	};
	struct world w;

	world_init(&w, rules);
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct yt_str name = { 0 };

		CHECK_INT(yt_view_entity_of(&w.batch, yt_str_z(cases[k].suffix), &name), cases[k].kind);
		if (cases[k].kind >= 0)
			CHECK_MSG(yt_str_eq(name, yt_str_z(cases[k].name)), "%s names %.*s", cases[k].suffix, YT_FMT(name));
	}
	world_deinit(&w);
}

TEST(an_order_expires_in_the_view_with_its_entity)
{
	struct yt_view_hash out[YT_VIEW_HASHES_MAX];
	struct world w;

	live(&w);
	yt_view_render(&w.batch, YT_KIND_ORDER, YT_S("s1/o1"), world_peek(&w, YT_KIND_ORDER, YT_S("s1/o1")), true, out);
	CHECK_INT(out[0].expires_at_ms, t0 + hour + INT64_C(90) * 24 * hour);
	yt_view_render(&w.batch, YT_KIND_MEMBER, YT_S("s1/m1"), world_peek(&w, YT_KIND_MEMBER, YT_S("s1/m1")), true, out);
	CHECK(out[0].expires_at_ms == YT_NEVER && out[1].expires_at_ms == YT_NEVER);
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(member_and_wallet_are_two_hashes);
	RUN(a_member_shows_its_tier_while_it_has_one);
	RUN(orders_are_shown_only_where_the_configuration_asks_for_them);
	RUN(a_day_shows_all_its_counters);
	RUN(a_quota_shows_what_is_given_away);
	RUN(the_channels_of_a_day_show_what_is_not_0);
	RUN(what_is_gone_has_its_suffixes_and_no_fields);
	RUN(what_a_suffix_names);
	RUN(an_order_expires_in_the_view_with_its_entity);
}
