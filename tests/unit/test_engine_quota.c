/* Quotas on several shards of the memory log, under random faults: at no commit is more given away than there is, and in the end no unit is lost and no
 * claim waits (I7). A failure names its seed; YUTANG_SEED=n runs that seed alone. */
#include "unit/engine_world.h"

#include "yutang/core/quota.h"
#include "yutang/event/output.h"

enum { EVENTS = 120, MEMBERS = 10, UNITS = 7, GIFTS = 4 };

/* The buyer's, the referrer's, and a gift whose coupon has the same budget: all of them want the same. */
static const char rules[] = "[ruleset]\nname = t\nrevision = 3\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"
			    "[coupon \"c\"]\namount_off = 100\nvalid_for = 30d\nlimit_total = 7\nbudget = 1000\n"
			    "[rule \"own\"]\non = order.paid\nwhen = !has(member.referrer)\nissue = c\nfollow_up = hello\n"
			    "[rule \"bring\"]\non = order.paid\nto = referrer\nissue = c\nfollow_up = hello\n"
			    "[rule \"away\"]\non = group.left\nrevoke = c\n"
			    "[gift \"g\"]\ncoupon = c\nquota = 4\nper_member = 9\n";

struct chance {
	uint64_t s;
};

static uint32_t draw(struct chance *c, uint32_t below)
{
	c->s ^= c->s << 13;
	c->s ^= c->s >> 7;
	c->s ^= c->s << 17;
	return (uint32_t)(c->s >> 32) % below;
}

static void put(struct ew *w, int input, const char *member, const char *type, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void put(struct ew *w, int input, const char *member, const char *type, const char *fmt, ...)
{
	char data[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(data, sizeof data, fmt, ap);
	va_end(ap);
	ew_put(w, input, ew_shard_of(w, member), ew_event(w, type, w->wall, data));
}

static void happen(struct ew *w, struct chance *c, int k, bool goes)
{
	char member[8], order[8];
	int64_t now = w->wall;
	int of;

	snprintf(member, sizeof member, "m-%u", draw(c, MEMBERS));
	switch (draw(c, goes ? 6 : 3)) {
	case 0:
	case 1:
		put(w, EW_ORDERS, member, "order.paid", "{\"order\":\"%s-%d\",\"member\":\"%s\",\"paid_at\":%" PRId64 ",\"amount\":1000,\"currency\":\"CNY\",\"items\":[]}",
		    member, k, member, now);
		break;
	case 2:
		put(w, EW_GROUPS, member, "gift.claimed", "{\"gift\":\"g\",\"member\":\"%s\",\"claim\":\"%d\",\"claimed_at\":%" PRId64 "}", member, k, now);
		break;
	case 3:
		put(w, EW_GROUPS, member, "group.left", "{\"group\":\"g-1\",\"member\":\"%s\",\"left_at\":%" PRId64 "}", member, now);
		break;
	default: /* of an order that may be there, or come later, or never */
		of = k - (int)draw(c, 6);
		snprintf(order, sizeof order, "%s", member);
		put(w, EW_ORDERS, member, "order.cancelled", "{\"order\":\"%s-%d\",\"member\":\"%s\",\"cancelled_at\":%" PRId64 "}", order, of, member, now);
		break;
	}
}

/* What was committed, in order: at no point more than there is. */
static void check_commits(struct ew *w, uint64_t seed, int *held, int *issued)
{
	const struct yt_mem_message *m;
	size_t n = yt_memlog_committed(w->mem, &m);
	struct yt_arena a;

	*held = *issued = 0;
	yt_arena_init(&a, 0);
	for (size_t k = 0; k < n; k++) {
		struct yt_str name;

		CHECK_MSG(m[k].dest != YT_TO_DEAD, "seed %" PRIu64 ": a dead letter", seed);
		if (m[k].dest == YT_TO_OUT + YT_OUT_COUPONS) {
			bool is_issue = memmem(m[k].value.p, m[k].value.n, "\"coupon.issued\"", 15);

			*issued += is_issue;
			*held += is_issue - (memmem(m[k].value.p, m[k].value.n, "\"coupon.revoked\"", 16) != NULL);
			CHECK_MSG(*held <= UNITS, "seed %" PRIu64 ": %d coupons at once", seed, *held);
		}
		if (m[k].dest == YT_TO_STATE && yt_entity_kind(m[k].key, &name) == YT_KIND_QUOTA) {
			const struct yt_quota *q =
				yt_quota_decode(&a, name, yt_str(m[k].value.p + YT_ENTITY_HEAD, m[k].value.n - YT_ENTITY_HEAD));
			bool gift = yt_str_eq(yt_name_id(name), YT_S("gift:g"));

			CHECK(q);
			CHECK_MSG(q->outstanding <= (gift ? GIFTS : UNITS), "seed %" PRIu64 ": %lld units at once", seed, (long long)q->outstanding);
			CHECK_INT(q->granted - q->returned, q->outstanding);
			CHECK_INT(q->spent, gift ? 0 : 100 * q->outstanding);
		}
	}
	yt_arena_deinit(&a);
}

struct sums {
	struct yt_arena a;
	int64_t outstanding, gifts, coupons, of_gifts, tallied;
	uint32_t claims;
};

static void sum(void *ctx, int shard, struct yt_str key, struct yt_str value, uint64_t version)
{
	struct sums *s = ctx;
	struct yt_str name;
	int kind = yt_entity_kind(key, &name);
	void *obj = yt_entities[kind].decode(&s->a, name, value);
	const struct yt_member *m = obj;

	(void)shard;
	(void)version;
	CHECK(obj);
	if (kind == YT_KIND_QUOTA)
		*(yt_str_eq(yt_name_id(name), YT_S("c")) ? &s->outstanding : &s->gifts) = ((const struct yt_quota *)obj)->outstanding;
	if (kind != YT_KIND_MEMBER)
		return;
	s->claims += m->claims.n;
	s->tallied += yt_claims_tally(&m->claims, YT_S("gift:g"));
	for (uint32_t k = 0; k < m->wallet.n; k++) {
		bool counts = m->wallet.v[k].state != YT_COUPON_REVOKED;

		s->coupons += counts;
		s->of_gifts += counts && m->wallet.v[k].units.gift.n;
	}
}

static void turn(struct ew *w, struct chance *c)
{
	enum yt_outcome o = draw(c, 4) == 0 ? YT_ABORTED : draw(c, 12) == 0 ? YT_LOST : YT_COMMITTED;

	yt_memlog_outcomes(w->mem, &o, 1, draw(c, 2));
	if (draw(c, 80) == 0)
		yt_memlog_rebalance(w->mem);
	if (draw(c, 80) == 0)
		ew_crash(w);
	ew_turn(w);
	ew_pass(w, 1);
}

static int run(uint64_t seed, bool goes)
{
	struct chance c = { seed * UINT64_C(0x9e3779b97f4a7c15) + 1 };
	enum yt_outcome well = YT_COMMITTED;
	struct sums s = { .claims = 0 };
	int held, issued;
	struct ew w;

	ew_init_rules(&w, EW_MEM, rules);
	for (int k = 0; k < MEMBERS / 2; k++) {
		char member[16];

		snprintf(member, sizeof member, "m-%d", k);
		put(&w, EW_GROUPS, member, "referral.bound", "{\"referrer\":\"m-%d\",\"member\":\"%s\",\"bound_at\":%" PRId64 "}", MEMBERS - 1 - k, member, w.wall);
	}
	ew_settle(&w);
	for (int k = 0; k < EVENTS; k++) {
		happen(&w, &c, k, goes);
		for (uint32_t turns = draw(&c, 4); turns > 0; turns--)
			turn(&w, &c);
	}
	yt_memlog_outcomes(w.mem, &well, 1, true);
	for (int k = 0; k < 300; k++) {
		ew_turn(&w);
		ew_pass(&w, 20);
	}
	CHECK_INT(w.fatals, 0);
	check_commits(&w, seed, &held, &issued);
	yt_arena_init(&s.a, 0);
	yt_engine_each(w.e, sum, &s);
	yt_arena_deinit(&s.a);
	CHECK_MSG(s.claims == 0, "seed %" PRIu64 ": %u claims wait", seed, s.claims);
	CHECK_MSG(s.outstanding == held && s.coupons == held, "seed %" PRIu64 ": %lld units, %lld in wallets, %d sent", seed, (long long)s.outstanding,
	          (long long)s.coupons, held);
	CHECK_MSG(s.gifts == s.of_gifts && s.tallied == s.of_gifts, "seed %" PRIu64 ": %lld units of the gift, %lld in wallets, %lld counted", seed,
	          (long long)s.gifts, (long long)s.of_gifts, (long long)s.tallied);
	ew_deinit(&w);
	return issued;
}

static uint64_t one_seed(void)
{
	const char *seed = getenv("YUTANG_SEED");

	return seed ? strtoull(seed, NULL, 10) : 0;
}

TEST(no_unit_is_lost_or_given_twice_under_faults)
{
	uint64_t one = one_seed();

	for (uint64_t seed = one ? one : 1; seed <= (one ? one : 25); seed++)
		run(seed, true);
}

TEST(what_nobody_returns_is_given_away_to_the_last_unit)
{
	uint64_t one = one_seed();

	for (uint64_t seed = one ? one : 1; seed <= (one ? one : 10); seed++)
		CHECK_MSG(run(seed, false) == UNITS, "seed %" PRIu64 ": not all are given away", seed);
}

TEST_MAIN
{
	RUN(no_unit_is_lost_or_given_twice_under_faults);
	RUN(what_nobody_returns_is_given_away_to_the_last_unit);
}
