/* The state format: golden bytes (docs/state.md), sizes, and a decoder that takes any bytes without harm. */
#include "unit/core_world.h"

static const int64_t t0 = INT64_C(1790000000000), hour = 3600000;

static const char rules[] = WORLD_SHOP
	"[coupon \"half\"]\npay_percent = 50\nvalid_for = 72h\nremind_before = 24h\nmin_amount = 100\nkeep_on_refund = yes\n"
	"[coupon \"second\"]\npay_percent = 60\nvalid_for = 30d\n"
	"[rule \"recall\"]\non = group.joined\nonce = per member\nissue = half\n"
	"[rule \"ladder\"]\non = order.paid\nwhen = order.nth == 1\nissue = second\n"
	"[rule \"thanks\"]\non = order.paid\nonce = per order\nfollow_up = thanks\n"
	"[rule \"review\"]\non = order.signed\nafter = 7d\nstill = !order.refunded\nfollow_up = order_review\n";

__attribute__((format(printf, 4, 5))) static void tell(struct world *w, const char *type, int64_t at, const char *fmt, ...)
{
	char data[2000];
	struct yt_decision d;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(data, sizeof(data), fmt, ap);
	va_end(ap);
	d = world_tell(w, type, "e", at, data);
	CHECK_MSG(d.result == YT_APPLIED, "%s: %s", type, d.detail);
}

/* A little of everything. */
static void live(struct world *w)
{
	char half[16];

	world_init(w, rules);
	tell(w, "group.joined", t0, "{\"group\":\"g1\",\"member\":\"m1\",\"joined_at\":%lld,\"channel\":\"live\"}", (long long)t0);
	snprintf(half, sizeof(half), "%s", world_data(w, &w->outputs[0], "code"));
	tell(w, "contact.added", t0 + hour, "{\"account\":\"a1\",\"member\":\"m1\",\"added_at\":%lld}", (long long)(t0 + hour));
	tell(w, "referral.bound", t0 + hour, "{\"referrer\":\"m2\",\"member\":\"m1\",\"bound_at\":%lld}", (long long)(t0 + hour));
	tell(w, "order.paid", t0 + 2 * hour,
	     "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":%lld,\"amount\":12900,\"currency\":\"CNY\",\"coupons\":[\"%s\",\"X\"],\"presale\":\"p1\",\"items\":[{\"sku\":\"a\",\"quantity\":2,\"amount\":12900}]}",
	     (long long)(t0 + 2 * hour), half);
	tell(w, "order.shipped", t0 + 3 * hour, "{\"order\":\"o1\",\"member\":\"m1\",\"shipped_at\":%lld}", (long long)(t0 + 3 * hour));
	tell(w, "order.signed", t0 + 4 * hour, "{\"order\":\"o1\",\"member\":\"m1\",\"signed_at\":%lld}", (long long)(t0 + 4 * hour));
	tell(w, "order.refunded", t0 + 5 * hour, "{\"order\":\"o1\",\"member\":\"m1\",\"refund\":\"r1\",\"refunded_at\":%lld,\"amount\":900}", (long long)(t0 + 5 * hour));
	tell(w, "order.refunded", t0 + 6 * hour, "{\"order\":\"o2\",\"member\":\"m1\",\"refund\":\"r2\",\"refunded_at\":%lld,\"amount\":5}", (long long)(t0 + 6 * hour));
	tell(w, "group.left", t0 + 7 * hour, "{\"group\":\"g1\",\"member\":\"m1\",\"left_at\":%lld}", (long long)(t0 + 7 * hour));
}

static void check_golden(struct world *w, enum yt_kind kind, const char *name, const char *want)
{
	struct world_entity *e = world_entity(w, kind, yt_str_z(name));
	char *hex = malloc(2 * e->n + 1);

	CHECK(e->bytes);
	yt_hex((const unsigned char *)e->bytes, e->n, hex);
	CHECK_STR(hex, want);
	free(hex);
}

/* Whoever changes one of these raises the format. */
TEST(golden_bytes_of_each_entity)
{
	struct world w;

	live(&w);
	check_golden(&w, YT_KIND_MEMBER, "s1/m1",
	             "7e00000002cf5e3216cbd3e5d6e71693c34ce3550579005153585250355758433142570468616c66016580d8c1a28c340080d098f70180e0e5a40180e0e5"
	             "a4016480a2951100196ff9ae415da1e910252654cb8f93b09000394b51473442333651464353067365636f6e6401658092f9a58c340080a0f6a71370a833"
	             "ae633b324000046c69766580d8c1a28c34026d3280b59da48c34343d80d8c1a28c3480b59da48c34010070a833ae633b3240028092f9a58c34e464028407"
	             "01000267310281b083c59868fb018096841838f301000261310181eabac89868610d01a28859d08cd487ae0180d4e2c98e34067265766965770c6f726465"
	             "725f72657669657700000103016580ccb0a98c3401026f310002018092f9a58c34");
	check_golden(&w, YT_KIND_ORDER, "s1/o1",
	             "7700026d3180d9fda6a934008092f9a58c34e4640297bd2c4903434e59000270310180efd4a78c34c86c80ccb0a98c3418a10118abb84386b8a9ca80a9"
	             "8cab8c3484078afa01cf5e3216cbd3e5d6e71693c34ce35505020c515358525035575843314257015801bd919a9b801b60f9");
	check_golden(&w, YT_KIND_ORDER, "s1/o2",
	             "9000026d3180b6d9a8a9340001e1a5c34222b868e48086e8ac8c34054639010401658086e8ac8c3401026f320b027232030a00");
	check_golden(&w, YT_KIND_ACCOUNT, "s1/a1", "0200");
	check_golden(&w, YT_KIND_GROUP, "s1/g1", "0000");
	check_golden(&w, YT_KIND_DAY, "s1/2026-09-22",
	             "0204c8c901020002880e000203010468616c660100067365636f6e640102067468616e6b7301");
	world_deinit(&w);
}

TEST(golden_bytes_of_identities)
{
	struct world w;

	world_init(&w, rules);
	tell(&w, "member.linked", t0, "{\"identity\":\"wecom:1\",\"member\":\"m1\"}");
	tell(&w, "alias.bound", t0, "{\"alias\":\"ref:A\",\"member\":\"m1\"}");
	check_golden(&w, YT_KIND_MEMBER, "s1/wecom:1", "02000000000000000000000000000080026d31000000");
	check_golden(&w, YT_KIND_MEMBER, "s1/m1", "0200000000000000000000000000008000000001077765636f6d3a31");
	check_golden(&w, YT_KIND_ALIAS, "s1/ref:A", "026d310000");
	world_deinit(&w);
}

TEST(a_typical_member_has_less_than_500_bytes_and_an_open_order_less_than_150)
{
	struct world_entity *e;
	struct world w;

	world_init(&w, rules);
	tell(&w, "group.joined", t0, "{\"group\":\"wrOgQhDgAAMYQiS5ol9G7gK9JVAAAA\",\"member\":\"m-000001\",\"joined_at\":%lld,\"channel\":\"live\"}", (long long)t0);
	tell(&w, "contact.added", t0, "{\"account\":\"zhangsan\",\"member\":\"m-000001\",\"added_at\":%lld}", (long long)t0);
	for (int k = 0; k < 5; k++)
		tell(&w, "order.paid", t0 + k * hour,
		     "{\"order\":\"820982911946154508%d\",\"member\":\"m-000001\",\"paid_at\":%lld,\"amount\":12900,\"currency\":\"CNY\",\"items\":[{\"sku\":\"a\",\"quantity\":2,\"amount\":12900}]}",
		     k, (long long)(t0 + k * hour));
	tell(&w, "order.signed", t0 + 9 * hour, "{\"order\":\"8209829119461545080\",\"member\":\"m-000001\",\"signed_at\":%lld}", (long long)(t0 + 9 * hour));
	e = world_entity(&w, YT_KIND_MEMBER, YT_S("s1/m-000001"));
	CHECK_MSG(e->n < 500, "a member with 5 orders, 2 coupons and a timer has %zu bytes", e->n);
	e = world_entity(&w, YT_KIND_ORDER, YT_S("s1/8209829119461545080"));
	CHECK_MSG(e->n < 150, "a signed order has %zu bytes", e->n);
	world_deinit(&w);
}

/* Whatever decodes can be used: encoded, shown, asked for its dues. */
static void try_bytes(const struct yt_entity_ops *ops, int kind, struct yt_str name, const char *bytes, size_t n)
{
	struct yt_view_hash out[YT_VIEW_HASHES_MAX];
	char *copy = malloc(n + 1); /* an end that a sanitizer watches */
	struct yt_arena a;
	struct yt_buf buf;
	void *obj;

	memcpy(copy, bytes, n);
	yt_arena_init(&a, 0);
	obj = ops->decode(&a, name, yt_str(copy, n));
	if (obj) {
		yt_buf_init(&buf, &a);
		ops->encode(obj, &buf);
		ops->next_due(obj);
		ops->expires_at(obj);
		yt_view_render(&a, kind, name, obj, true, out);
	}
	yt_arena_deinit(&a);
	free(copy);
}

static uint64_t seed = 42;

static uint64_t roll(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

TEST(any_bytes_decode_to_an_object_or_to_none)
{
	struct world w;
	char bytes[8192];

	live(&w);
	for (size_t k = 0; k < w.n_entities; k++) {
		const struct world_entity *e = &w.entities[k];
		const struct yt_entity_ops *ops = &yt_entities[e->kind];
		struct yt_str name = yt_str(e->name, e->name_n);

		if (!e->bytes)
			continue;
		for (size_t n = 0; n < e->n; n++) {
			try_bytes(ops, e->kind, name, e->bytes, n);
			CHECK_MSG(!ops->decode(&w.batch, name, yt_str(e->bytes, n)), "%s cut at %zu of %zu is none of ours", e->name, n, e->n);
		}
		for (int round = 0; round < 20000; round++) {
			size_t n = e->n;

			memcpy(bytes, e->bytes, n);
			for (int flips = 1 + (int)roll(3); flips > 0; flips--)
				bytes[roll(n)] = roll(2) ? (char)roll(256) : (char)(roll(2) ? 0xff : 0x7f);
			try_bytes(ops, e->kind, name, bytes, n);
		}
	}
	for (int round = 0; round < 20000; round++) {
		size_t n = roll(200);

		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)roll(round & 1 ? 256 : 8);
		try_bytes(&yt_entities[round % YT_KIND__COUNT], round % YT_KIND__COUNT, YT_S("s1/x"), bytes, n);
	}
	world_deinit(&w);
}

TEST(keys_tell_kind_and_name)
{
	struct yt_str name;

	CHECK_INT(yt_entity_kind(YT_S("member:s1/m/1"), &name), YT_KIND_MEMBER);
	CHECK(yt_str_eq(name, YT_S("s1/m/1")));
	CHECK_INT(yt_entity_kind(YT_S("order:s1/1001"), &name), YT_KIND_ORDER);
	CHECK_INT(yt_entity_kind(YT_S("day:s1/2026-11-24"), &name), YT_KIND_DAY);
	CHECK(yt_str_eq(name, YT_S("s1/2026-11-24")));
	CHECK_INT(yt_entity_kind(YT_S("quota:s1/x"), &name), -1);
	CHECK_INT(yt_entity_kind(YT_S(""), &name), -1);
}

TEST_MAIN
{
	RUN(golden_bytes_of_each_entity);
	RUN(golden_bytes_of_identities);
	RUN(a_typical_member_has_less_than_500_bytes_and_an_open_order_less_than_150);
	RUN(any_bytes_decode_to_an_object_or_to_none);
	RUN(keys_tell_kind_and_name);
}
