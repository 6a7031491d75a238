/* The state format: golden bytes (docs/state.md), sizes, and a decoder that takes any bytes without harm. */
#include "unit/core_world.h"
#include "unit/random.h"
#include "yutang/core/alias.h"
#include "yutang/core/channels.h"
#include "yutang/core/day.h"
#include "yutang/core/group.h"
#include "yutang/core/order.h"
#include "yutang/core/referral.h"

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
	tell(w, "order.paid", t0,
	     "{\"order\":\"o3\",\"member\":\"m3\",\"paid_at\":%lld,\"amount\":500,\"currency\":\"CNY\",\"channel\":\"live\",\"items\":[{\"sku\":\"a\",\"quantity\":1,\"amount\":500}]}",
	     (long long)t0);
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

/* A tier whose warning waits for the morning, deposits of each kind, and a coupon of one. */
static void live_long(struct world *w)
{
	static const char others[] = "[ruleset]\nname = t\nrevision = 1\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\nquiet_hours = 22:00-08:00\n"
		"[coupon \"deposit\"]\namount_off = 3000\n[presale \"p1\"]\ncoupon = deposit\n"
		"[tier \"gold\"]\nrank = 7\nmin_orders = 1\nperiod = 10d\ngrace = 5d\nwarn_before = 47h\n"
		"[rule \"later\"]\non = tier.changed\nafter = 30d\nfollow_up = x\n";

	world_init(w, others);
	tell(w, "order.paid", t0, "{\"order\":\"o1\",\"member\":\"m3\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", (long long)t0);
	for (int k = 1; k <= 2; k++)
		tell(w, "presale.deposit_paid", t0 + hour, "{\"presale\":\"p%d\",\"member\":\"m3\",\"paid_at\":%lld,\"amount\":3000,\"balance_from\":%lld,\"balance_until\":%lld}", k,
		     (long long)(t0 + hour), (long long)(t0 + 400 * hour), (long long)(t0 + 500 * hour));
	for (int k = 2; k <= 3; k++)
		tell(w, "presale.deposit_refunded", t0 + 2 * hour, "{\"presale\":\"p%d\",\"member\":\"m3\",\"refunded_at\":%lld}", k, (long long)(t0 + 2 * hour));
	world_until(w, t0 + 15 * 24 * hour - 47 * hour);
	world_seal(w);
}

/* Of two newcomers one is held, the other one's referrer was rewarded and has used it. */
static void live_referrals(struct world *w)
{
	char friend[16];

	world_init(w, WORLD_SHOP "[coupon \"friend\"]\npay_percent = 50\nvalid_for = 30d\n"
	                         "[referral]\nhold = 1d after signed, 2d after paid\nreward_referrer = friend\nsame_device = flag\nreregistered = flag\n");
	tell(w, "referral.bound", t0, "{\"referrer\":\"r1\",\"member\":\"n1\",\"bound_at\":%lld,\"channel\":\"card\"}", (long long)t0);
	tell(w, "referral.bound", t0 + 1, "{\"referrer\":\"x\",\"member\":\"n1\",\"bound_at\":%lld}", (long long)t0);
	tell(w, "referral.bound", t0 + 2, "{\"referrer\":\"r1\",\"member\":\"n2\",\"bound_at\":%lld}", (long long)t0);
	tell(w, "order.paid", t0 + 3, "{\"order\":\"o2\",\"member\":\"n2\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", (long long)t0);
	tell(w, "referral.approve", t0 + 4, "{\"referrer\":\"r1\",\"member\":\"n2\",\"by\":\"ann\"}");
	snprintf(friend, sizeof(friend), "%s", world_data(w, &w->outputs[2], "code"));
	tell(w, "order.paid", t0 + hour,
	     "{\"order\":\"o3\",\"member\":\"r1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"coupons\":[\"%s\"],\"buyer\":{\"device\":\"d\"}}",
	     (long long)(t0 + hour), friend);
	tell(w, "order.paid", t0 + 2 * hour,
	     "{\"order\":\"o1\",\"member\":\"n1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p\"}}",
	     (long long)(t0 + 2 * hour));
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
	             "ae633b324000046c69766580d8c1a28c34026d3280b59da48c34343d80d8c1a28c3480b59da48c34020070a833ae633b3240028092f9a58c34e464028407"
	             "01000267310281b083c59868fb018096841838f301000261310181eabac89868610d01a28859d08cd487ae0180d4e2c98e34067265766965770c6f726465"
	             "725f72657669657700000103016580ccb0a98c3401026f310002018092f9a58c34");
	check_golden(&w, YT_KIND_ORDER, "s1/o1",
	             "7700026d3180d9fda6a934008092f9a58c34e4640297bd2c4903434e59000270310180efd4a78c34c86c80ccb0a98c3418a10118abb84386b8a9ca80a9"
	             "8cab8c3484078afa01cf5e3216cbd3e5d6e71693c34ce35505e464020c515358525035575843314257015801bd919a9b801b60f9");
	check_golden(&w, YT_KIND_ORDER, "s1/o2",
	             "9000026d3180b6d9a8a9340001e1a5c34222b868e48086e8ac8c34054639010401658086e8ac8c3401026f320b027232030a00");
	check_golden(&w, YT_KIND_ACCOUNT, "s1/a1", "0200");
	check_golden(&w, YT_KIND_GROUP, "s1/g1", "0000");
	check_golden(&w, YT_KIND_DAY, "s1/2026-09-22",
	             "0204c8c901020002880e000203010468616c660100067365636f6e640102067468616e6b7301");
	check_golden(&w, YT_KIND_MEMBER, "s1/m3",
	             "3d00000001ffc9c7879a73b3b287ccd22e3e99b0aa900038365a544d5245424b5a5137067365636f6e64016580d8c1a28c340080a0f6a713c1a7a897e0b82e3e00046c69766580d8c1a28c34000000030005046c697665c1a7a897e0b82e3e0480d8c1a28c34f4030100000000020180d8c1a28c34");
	check_golden(&w, YT_KIND_CHANNELS, "s1/2026-09-21",
	             "02046c697665caa080020204e8070202057e6e6f6e65050202");
	check_golden(&w, YT_KIND_CHANNELS, "s1/2026-09-22",
	             "02057e6e6f6e65f0a1800202c8c901c0bb01c0bb010204046c6976650802");
	world_deinit(&w);
}

TEST(golden_bytes_of_a_member_with_a_tier_and_deposits)
{
	struct world w;

	live_long(&w);
	check_golden(&w, YT_KIND_MEMBER, "s1/m3",
	             "3d000000018b1330441df8c2f99ab5f79d0541b7961002395748424d3051464250504a076465706f736974016580b59da48c3480e6edd90a808e97b10d02"
	             "70310000000000020070a833ae633b32400080d8c1a28c3464000000000180e8bcf69534056c61746572017800000301016580d8c1a28c3401026f310004"
	             "4108a4239d85bb3b5219af4d38837c320000000000000000000000000000000080d8c1a28c3401650004676f6c6400080304676f6c64070f80a0bf8c9134"
	             "80e8f0ca9034808de8bb9034f61c15ac649bb9a87e19388063d5cebd01650d6f726465722e706169640a6f3101010003aa8cc60d805a18220380b59da48c"
	             "34b81780a894d1913480fce8fc9234bae98092f9a58c349a7755746b3b29da4d4d028092f9a58c34c2099c03a4383b4949b80180b59da48c34b81780a894"
	             "d1913480fce8fc9234c6b2");
	world_deinit(&w);
}

/* The tail of a member with a claim on its way, and with a share that one friend opened; and the quota. Put together by docs/state.md. */
TEST(golden_bytes_of_claims_and_quotas)
{
	struct world w;
	struct world_entity *e;
	struct yt_buf want;
	char id[33];
	unsigned char raw[16];

	world_init(&w, WORLD_SHOP "[coupon \"c\"]\namount_off = 100\nvalid_for = 1d\nlimit_total = 5\nbudget = 300\n[coupon \"d\"]\namount_off = 1\nvalid_for = 1d\n"
	                          "[rule \"thanks\"]\non = order.paid\nissue = c\n[share \"s\"]\nfriends = 1\ncoupon = d\n");
	w.held = true;
	tell(&w, "share.made", t0, "{\"share\":\"s\",\"member\":\"m1\",\"friend\":\"f1\",\"shared_at\":%lld}", (long long)t0);
	tell(&w, "order.paid", t0, "{\"order\":\"o1\",\"member\":\"m1\",\"paid_at\":%lld,\"amount\":900,\"currency\":\"CNY\",\"items\":[]}", (long long)t0);
	yt_buf_init(&want, NULL);
	yt_buf_add(&want, "\x20\x01", 2);
	yt_output_id(YT_OUT_COUPON_ISSUED, YT_S("s1"), YT_S("m1"), YT_S("thanks"), YT_S("order.paid\no1"), 0, id);
	yt_unhex(id, raw, sizeof(raw));
	yt_buf_add(&want, raw, sizeof(raw));
	yt_buf_add(&want, "\x05\x01\x00\x01" "c", 5);
	yt_buf_varint(&want, (uint64_t)t0);
	yt_buf_u64(&want, yt_hash64(YT_S("thanks")));
	yt_buf_u64(&want, yt_hash64(YT_S("o1")));
	yt_buf_add(&want, "\x00\x01", 2);
	yt_buf_varint(&want, (uint64_t)t0);
	yt_buf_u64(&want, yt_hash64(YT_S("share:s")));
	/* `f1`: the first bytes of its mark, as docs/state.md makes it (`printf 'erased\ns1/f1' | openssl dgst -sha256 -mac hmac` with the key 00 01 .. 1f). */
	yt_buf_add(&want, "\xc7\x73\x38\x95\x67\x94\x9a\x54", 8);
	e = world_entity(&w, YT_KIND_MEMBER, YT_S("s1/m1"));
	CHECK(e->n > want.n + 12);
	CHECK_MEM(e->bytes + e->n - want.n - 12, want.p, want.n);
	CHECK_MEM(e->bytes + e->n - 10, "\x01\x07share:s\x01", 10);
	yt_buf_deinit(&want);

	w.held = false;
	world_deliver(&w);
	check_golden(&w, YT_KIND_QUOTA, "s1/c", "0ad80402c801020000");
	e = world_entity(&w, YT_KIND_MEMBER, YT_S("s1/m1"));
	CHECK_MSG(memmem(e->bytes, e->n, "\x01\x64\x00", 3), "the coupon's units: its template's, 100 of the budget");
	world_deinit(&w);
}

TEST(golden_bytes_of_referrals)
{
	struct world w;

	live_referrals(&w);
	check_golden(&w, YT_KIND_MEMBER, "s1/n1",
	             "020000000000046361726480d8c1a28c3402723180d8c1a28c340a770000020070a833ae633b3240008092f9a58c34640000000000100522420000046361"
	             "726400008082acf88c3482d8c1a28c3482d8c1a28c340101658092f9a58c3401026f3100026f310171ba018682c8de9b0101042ae5e5bfbd4baa3f8092f9"
	             "a58c34");
	check_golden(&w, YT_KIND_MEMBER, "s1/n2",
	             "0200000000000002723180d8c1a28c343a5200000200f1d1b0c79183f23e0080d8c1a28c346400000000001009352200000000000083d8c1a28c3483d8c1"
	             "a28c34026f32000001a77d668400600004");
	check_golden(&w, YT_KIND_MEMBER, "s1/r1",
	             "4e00000001ef4c771275b0a5fb60bf12c1fd05892191043753514d5a5843535a47515106667269656e64016584d8c1a28c340080a0f6a713f1d1b0c79183"
	             "f23ef8b9b703000100321266723707730c506400000000000200c1a7a897e0b82e3e0080b59da48c34640000000000100602020102bbd5a1adf7a8e79182"
	             "d8c1a28c340280d8c1a28c34001266723707730c5083d8c1a28c340382d8c1a28c3484d8c1a28c3401015e82de5734cb95a580b59da48c34");
	check_golden(&w, YT_KIND_PHONE, "s1/p",
	             "026e318092f9a58c34");
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
	check_golden(&w, YT_KIND_ALIAS, "s1/ref:A", "026d31000000");
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

static void try_all(void (*begin)(struct world *w))
{
	struct world w;
	char bytes[8192];

	begin(&w);
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
	world_deinit(&w);
}

TEST(any_bytes_decode_to_an_object_or_to_none)
{
	char bytes[200];

	seed = 42;
	try_all(live);
	try_all(live_long);
	try_all(live_referrals);
	for (int round = 0; round < 20000; round++) {
		size_t n = roll(200);

		for (size_t k = 0; k < n; k++)
			bytes[k] = (char)roll(round & 1 ? 256 : 8);
		try_bytes(&yt_entities[round % YT_KIND__COUNT], round % YT_KIND__COUNT, YT_S("s1/x"), bytes, n);
	}
}

/* Encodes it, and whether that is read again, to its end and to the same. */
static bool is_read_again(enum yt_kind kind, const char *name, const void *obj, struct yt_arena *a)
{
	const struct yt_entity_ops *ops = &yt_entities[kind];
	struct yt_buf first, second;
	const void *again;

	yt_buf_init(&first, a);
	yt_buf_init(&second, a);
	ops->encode(obj, &first);
	again = ops->decode(a, yt_str_z(name), yt_buf_str(&first));
	if (!again)
		return false;
	ops->encode(again, &second);
	return yt_str_eq(yt_buf_str(&first), yt_buf_str(&second));
}

/* What a decoder believes a row to take at least, it takes: with many of the smallest, a byte too much a row is more than what lies behind them. */
TEST(lists_of_the_smallest_rows_are_read_again)
{
	enum { ROWS = 60 };
	static struct yt_parked parked[ROWS];
	static struct yt_waiter waiters[ROWS];
	static struct yt_claim claims[ROWS];
	static struct yt_told told[ROWS];
	static struct yt_tally tallies[ROWS];
	static struct yt_coupon coupons[ROWS];
	static struct yt_gone gone[ROWS];
	static struct yt_deposit deposits[ROWS];
	static struct yt_stock stock[ROWS];
	static struct yt_str texts[ROWS];
	static struct yt_refund refunds[ROWS];
	static unsigned char used[ROWS][16];
	static uint64_t marks[ROWS];
	static struct yt_order_product products[ROWS];
	static struct yt_group_version versions[ROWS];
	static struct yt_day_named named[ROWS];
	static struct yt_channel channels[ROWS];
	static struct yt_referred referred[ROWS];
	static struct yt_buyer_hash buyers[ROWS];
	struct yt_arena a;

	yt_arena_init(&a, 0);
#define CHECK_ROWS(KIND, type, name, list, count, rows)                               \
	do {                                                                          \
		struct yt_##type *obj = yt_##type##_fresh(&a, YT_S(name));            \
                                                                                      \
		obj->list = rows;                                                     \
		obj->count = ROWS;                                                    \
		CHECK(is_read_again(YT_KIND_##KIND, name, obj, &a));                  \
	} while (0)
	CHECK_ROWS(ALIAS, alias, "s1/order:o-1", parked, n_parked, parked);
	CHECK_ROWS(ALIAS, alias, "s1/order:o-1", waiters, n_waiters, waiters);
	CHECK_ROWS(ORDER, order, "s1/o1", refunds, n_refunds, refunds);
	CHECK_ROWS(ORDER, order, "s1/o1", used, n_used, used);
	CHECK_ROWS(ORDER, order, "s1/o1", codes, n_codes, texts);
	CHECK_ROWS(ORDER, order, "s1/o1", marks, n_marks, marks);
	CHECK_ROWS(ORDER, order, "s1/o1", products, n_products, products);
	CHECK_ROWS(GROUP, group, "s1/g-1", v, n, versions);
	CHECK_ROWS(DAY, day, "s1/2026-11-24", named, n_named, named);
	CHECK_ROWS(CHANNELS, channels, "s1/2026-11-24", v, n, channels);
	CHECK_ROWS(MEMBER, member, "s1/m1", stock, n_stock, stock);
	CHECK_ROWS(MEMBER, member, "s1/m1", tags, n_tags, texts);
	CHECK_ROWS(MEMBER, member, "s1/m1", marks, n_marks, marks);
	CHECK_ROWS(MEMBER, member, "s1/m1", claims.v, claims.n, claims);
	CHECK_ROWS(MEMBER, member, "s1/m1", claims.told, claims.n_told, told);
	CHECK_ROWS(MEMBER, member, "s1/m1", claims.tallies, claims.n_tallies, tallies);
	CHECK_ROWS(MEMBER, member, "s1/m1", wallet.v, wallet.n, coupons);
	CHECK_ROWS(MEMBER, member, "s1/m1", wallet.gone, wallet.n_gone, gone);
	CHECK_ROWS(MEMBER, member, "s1/m1", deposits.v, deposits.n, deposits);
	CHECK_ROWS(MEMBER, member, "s1/m1", ident.ids, ident.n_ids, texts);
#undef CHECK_ROWS

	struct yt_referrer referrer = { .v = referred, .n = ROWS };
	struct yt_refers refers[] = {
		{ .buyers = buyers, .n_buyers = ROWS },
		{ .commands = marks, .n_commands = ROWS },
		{ .referrer = &referrer },
	};
	struct yt_member *m = yt_member_fresh(&a, YT_S("s1/m1"));

	for (size_t k = 0; k < sizeof refers / sizeof *refers; k++) {
		m->refers = &refers[k];
		CHECK(is_read_again(YT_KIND_MEMBER, "s1/m1", m, &a));
	}
	yt_arena_deinit(&a);
}

TEST(keys_tell_kind_and_name)
{
	struct yt_str name;

	CHECK_INT(yt_entity_kind(YT_S("member:s1/m/1"), &name), YT_KIND_MEMBER);
	CHECK(yt_str_eq(name, YT_S("s1/m/1")));
	CHECK_INT(yt_entity_kind(YT_S("order:s1/1001"), &name), YT_KIND_ORDER);
	CHECK_INT(yt_entity_kind(YT_S("day:s1/2026-11-24"), &name), YT_KIND_DAY);
	CHECK(yt_str_eq(name, YT_S("s1/2026-11-24")));
	CHECK_INT(yt_entity_kind(YT_S("phone:s1/0a/1"), &name), YT_KIND_PHONE);
	CHECK(yt_str_eq(name, YT_S("s1/0a/1")));
	CHECK_INT(yt_entity_kind(YT_S("channels:s1/2026-11-24"), &name), YT_KIND_CHANNELS);
	CHECK_INT(yt_entity_kind(YT_S("quota:s1/gift:box"), &name), YT_KIND_QUOTA);
	CHECK(yt_str_eq(name, YT_S("s1/gift:box")));
	CHECK_INT(yt_entity_kind(YT_S("quotas:s1/x"), &name), -1);
	CHECK_INT(yt_entity_kind(YT_S(""), &name), -1);
}

TEST_MAIN
{
	RUN(golden_bytes_of_each_entity);
	RUN(golden_bytes_of_a_member_with_a_tier_and_deposits);
	RUN(golden_bytes_of_claims_and_quotas);
	RUN(golden_bytes_of_referrals);
	RUN(golden_bytes_of_identities);
	RUN(a_typical_member_has_less_than_500_bytes_and_an_open_order_less_than_150);
	RUN(any_bytes_decode_to_an_object_or_to_none);
	RUN(lists_of_the_smallest_rows_are_read_again);
	RUN(keys_tell_kind_and_name);
}
