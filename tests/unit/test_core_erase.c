/* member.erase: nothing of the person is left in any entity of any shard, whatever came before and however the internal events interleave. */
#include "unit/core_world.h"
#include "unit/random.h"

#include "yutang/core/erase.h"

enum { SHARDS = 5, ROUNDS = 400, WHATS = 16 };

static const int64_t t0 = INT64_C(1790000000000), hour = 3600000;

static const char rules[] = WORLD_SHOP
	"[coupon \"c\"]\npay_percent = 50\nvalid_for = 30d\nremind_before = 1d\ntransferable = yes\n"
	"[coupon \"q\"]\npay_percent = 50\nvalid_for = 30d\nlimit_total = 100\n"
	"[gift \"g\"]\ncoupon = q\nquota = 100\n[share \"s\"]\nfriends = 2\ncoupon = c\n"
	"[referral]\nhold = 1d after paid\nsame_phone = flag\nreregistered = flag\nreward_referrer = q\nreward_invitee = q\n"
	"[rule \"issue\"]\non = order.paid, group.joined\nissue = c\nfollow_up = hello\n"
	"[rule \"later\"]\non = order.signed, contact.added, member.linked\nafter = 10d\nfollow_up = later\n";

__attribute__((format(printf, 4, 5))) static struct yt_decision tell(struct world *w, const char *type, int64_t at, const char *fmt, ...)
{
	char data[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(data, sizeof(data), fmt, ap);
	va_end(ap);
	return world_decide(w, world_event(w, type, "e", at, data));
}

/* Of one shard to another in the order in which it was sent. */
static void deliver_some(struct world *w, bool all)
{
	while (w->n_sent && (all || roll(2))) {
		size_t k = (size_t)roll(w->n_sent);

		for (size_t i = 0; i < k; i++) {
			if (yt_partition(yt_str(w->sent[i].key, w->sent[i].key_n), SHARDS) == yt_partition(yt_str(w->sent[k].key, w->sent[k].key_n), SHARDS))
				k = i;
		}
		world_deliver_one(w, k);
	}
}

/* Something happens to the person under that id. */
static void happen(struct world *w, const char *id, int what, int n)
{
	long long at = (long long)(t0 + n);

	switch (what) {
	case 0:
		tell(w, "order.paid", t0, "{\"order\":\"PERSON-o%d\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"channel\":\"live\"}", n, id, at);
		break;
	case 1:
		tell(w, "order.signed", t0, "{\"order\":\"PERSON-o%d\",\"signed_at\":%lld}", n - 1, at);
		break;
	case 2:
		tell(w, "alias.bound", t0, "{\"alias\":\"order:PERSON-o%d\",\"member\":\"%s\"}", n, id);
		break;
	case 3:
		tell(w, "group.joined", t0, "{\"group\":\"g%d\",\"member\":\"%s\",\"joined_at\":%lld}", n % 2, id, at);
		break;
	case 4:
		tell(w, "contact.added", t0, "{\"account\":\"a\",\"member\":\"%s\",\"added_at\":%lld}", id, at);
		break;
	case 5:
		tell(w, "alias.bound", t0, "{\"alias\":\"ref:PERSON%d\",\"member\":\"%s\"}", n, id);
		break;
	case 6:
		tell(w, "referral.bound", t0, "{\"referrer\":\"other-%d\",\"member\":\"%s\",\"bound_at\":%lld}", n % 3, id, at);
		break;
	case 7:
		tell(w, "referral.bound", t0, "{\"referrer\":\"ref:X%d\",\"member\":\"%s\",\"bound_at\":%lld}", n % 3, id, at);
		break;
	case 8:
		tell(w, "alias.bound", t0, "{\"alias\":\"ref:X%d\",\"member\":\"other-%d\"}", n % 3, n % 3);
		break;
	case 9:
		tell(w, "share.made", t0, "{\"share\":\"s\",\"member\":\"other-%d\",\"friend\":\"%s\",\"shared_at\":%lld}", n % 3, id, at);
		break;
	case 10:
		tell(w, "order.paid", t0, "{\"order\":\"PERSON-o%d\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p%d\"}}", n,
		     id, at, n % 2);
		break;
	case 11:
		tell(w, "gift.claimed", t0, "{\"gift\":\"g\",\"member\":\"%s\",\"claimed_at\":%lld,\"claim\":\"%d\"}", id, at, n);
		break;
	case 12:
		tell(w, "order.paid", t0, "{\"order\":\"oth-%d\",\"member\":\"other-%d\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p%d\"}}", n,
		     n % 5, at + 1000, n % 2);
		break;
	case 13:
		tell(w, "referral.bound", t0, "{\"referrer\":\"ref:PERSON%d\",\"member\":\"other-%d\",\"bound_at\":%lld}", n % 3, n % 5, at);
		break;
	case 14:
		tell(w, "alias.bound", t0, "{\"alias\":\"ref:PERSON%d\",\"member\":\"PERSON\"}", n % 3);
		break;
	default:
		tell(w, "referral.bound", t0, "{\"referrer\":\"%s\",\"member\":\"other-%d\",\"bound_at\":%lld}", id, n % 5, at);
		break;
	}
}

static bool holds_text(const char *bytes, size_t n, const char *text)
{
	for (size_t k = 0; k + strlen(text) <= n; k++) {
		if (memcmp(bytes + k, text, strlen(text)) == 0)
			return true;
	}
	return false;
}

static void nothing_is_left(struct world *w, int round)
{
	static const char *const texts[] = { "PERSON" };

	for (size_t k = 0; k < w->n_entities; k++) {
		const struct world_entity *e = &w->entities[k];

		for (size_t i = 0; e->bytes && i < sizeof(texts) / sizeof(texts[0]); i++)
			CHECK_MSG(!holds_text(e->bytes, e->n, texts[i]) && !strstr(e->name, texts[i]), "round %d: something of the person is left in %s%s", round,
			          yt_entities[e->kind].prefix.p, e->name);
	}
}

TEST(nothing_of_the_person_is_left)
{
	static const char *const ids[] = { "PERSON", "wecom:PERSON", "phone:PERSON" };

	for (int round = 1; round <= ROUNDS; round++) {
		struct world w;
		int n = 5 + round % 20;

		seed = (uint64_t)round * UINT64_C(0x9e3779b97f4a7c15);
		world_init(&w, rules);
		w.shards = SHARDS;
		w.now = t0 + hour;
		w.held = true;
		for (int k = 0; k < 3; k++) /* codes that nobody knows are nobody's */
			happen(&w, ids[0], 14, k);
		for (int k = 0; k < n; k++) {
			happen(&w, ids[roll(3)], (int)roll(WHATS), k);
			if (k == n / 3)
				tell(&w, "member.linked", t0, "{\"identity\":\"wecom:PERSON\",\"member\":\"PERSON\"}");
			if (k == n / 2)
				tell(&w, "member.linked", t0, "{\"identity\":\"phone:PERSON\",\"member\":\"%s\"}", ids[roll(2)]);
			deliver_some(&w, false);
		}
		/* What waits at an order that nobody is known to own names no person, but the order: it goes by itself. */
		if (roll(2))
			deliver_some(&w, true);
		tell(&w, "member.erase", t0 + hour, "{\"member\":\"PERSON\",\"by\":\"anna\"}");
		for (int k = 0; k < n; k++) { /* told again, and late */
			happen(&w, ids[roll(3)], (int)roll(WHATS), k);
			deliver_some(&w, false);
		}
		deliver_some(&w, true);
		w.held = false;
		world_until(&w, t0 + 80 * hour);
		world_seal(&w);
		nothing_is_left(&w, round);
		w.shard = 0;
		for (int g = 0; g < 2; g++) {
			const char *members = world_field(&w, YT_KIND_GROUP, g ? "s1/g1" : "s1/g0", 0, "members");

			CHECK_MSG(!members || strcmp(members, "0") == 0, "round %d: %s members", round, members);
		}
		CHECK(!world_field(&w, YT_KIND_ACCOUNT, "s1/a", 0, "contacts") || strcmp(world_field(&w, YT_KIND_ACCOUNT, "s1/a", 0, "contacts"), "0") == 0);
		world_deinit(&w);
	}
}

/* At once, not when its wait is over; and a phone says no more than that somebody bought with it. */
TEST(a_code_and_a_phone_forget_the_person)
{
	struct world w;

	world_init(&w, rules);
	w.shards = SHARDS;
	w.now = t0 + hour;
	tell(&w, "referral.bound", t0, "{\"referrer\":\"ref:X\",\"member\":\"wecom:PERSON\",\"bound_at\":%lld}", (long long)t0);
	tell(&w, "order.paid", t0, "{\"order\":\"PERSON-o\",\"member\":\"PERSON\",\"paid_at\":%lld,\"amount\":0,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p\"}}",
	     (long long)t0);
	tell(&w, "member.linked", t0, "{\"identity\":\"wecom:PERSON\",\"member\":\"PERSON\"}");
	tell(&w, "member.erase", t0 + hour, "{\"member\":\"PERSON\",\"by\":\"anna\"}");
	nothing_is_left(&w, 0);
	tell(&w, "referral.bound", t0 + hour, "{\"referrer\":\"r\",\"member\":\"n\",\"bound_at\":%lld}", (long long)t0 + hour);
	tell(&w, "order.paid", t0 + hour, "{\"order\":\"o\",\"member\":\"n\",\"paid_at\":%lld,\"amount\":9,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p\"}}",
	     (long long)t0 + hour);
	CHECK_INT(world_count(&w, YT_OUT_REFERRAL_FLAGGED, "reregistered"), 1);
	world_deinit(&w);
}

/* A year of it goes by the event that brought it. */
TEST(the_tier_that_a_newcomer_brought_keeps_nothing_of_him)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[referral]\nhold = 1h after paid\n"
	                          "[tier \"friend\"]\nrank = 1\nmin_referrals = 1\nperiod = 365d\n");
	w.shards = SHARDS;
	w.now = t0;
	tell(&w, "referral.bound", t0, "{\"referrer\":\"r\",\"member\":\"PERSON\",\"bound_at\":%lld}", (long long)t0);
	tell(&w, "order.paid", t0, "{\"order\":\"PERSON-o\",\"member\":\"PERSON\",\"paid_at\":%lld,\"amount\":9,\"currency\":\"CNY\",\"items\":[]}", (long long)t0);
	world_until(&w, t0 + 2 * hour);
	CHECK_INT(world_count(&w, YT_OUT_TIER_CHANGED, "\"member\":\"r\""), 1);
	tell(&w, "member.erase", t0 + 3 * hour, "{\"member\":\"PERSON\",\"by\":\"anna\"}");
	world_seal(&w);
	nothing_is_left(&w, 0);
	world_until(&w, t0 + 400 * 24 * hour); /* the next year */
	world_seal(&w);
	nothing_is_left(&w, 0);
	world_deinit(&w);
}

/* The erase of the one shard comes before what the other has sent. */
TEST(a_phone_that_hears_of_an_erased_member_keeps_a_mark)
{
	struct world w;

	world_init(&w, rules);
	w.shards = SHARDS;
	w.now = t0 + hour;
	w.held = true;
	happen(&w, "PERSON", 10, 0);
	tell(&w, "member.erase", t0 + hour, "{\"member\":\"PERSON\",\"by\":\"anna\"}");
	while (w.n_sent)
		world_deliver_one(&w, w.n_sent - 1);
	nothing_is_left(&w, 0);
	world_deinit(&w);
}

/* To the millisecond. */
TEST(facts_up_to_the_command_s_time_are_dropped)
{
	struct world w;

	world_init(&w, rules);
	w.now = t0 + 2 * hour;
	CHECK_INT(tell(&w, "member.erase", t0, "{\"member\":\"m\",\"by\":\"anna\"}").result, YT_APPLIED);
	CHECK_INT(tell(&w, "group.joined", t0 + hour, "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":%lld}", (long long)t0).result, YT_ERASED);
	CHECK_INT(tell(&w, "group.joined", t0 + hour, "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":%lld}", (long long)t0 + 1).result, YT_APPLIED);
	CHECK_INT(tell(&w, "group.joined", t0 + hour, "{\"group\":\"g2\",\"member\":\"m\",\"joined_at\":%lld}", (long long)t0).result, YT_ERASED);
	CHECK_INT(tell(&w, "member.erase", t0, "{\"member\":\"m\",\"by\":\"bert\"}").result, YT_DUPLICATE);
	CHECK_INT(tell(&w, "member.erase", t0 + 1, "{\"member\":\"m\",\"by\":\"bert\"}").result, YT_APPLIED);
	world_deinit(&w);
}

TEST(the_mark_is_salted)
{
	struct world a, b;

	world_init(&a, rules);
	world_init(&b, rules);
	b.key[0] ^= 1;
	a.now = b.now = t0;
	tell(&a, "member.erase", t0, "{\"member\":\"m\",\"by\":\"anna\"}");
	tell(&b, "member.erase", t0, "{\"member\":\"m\",\"by\":\"anna\"}");
	for (size_t i = 0; i < a.n_entities; i++) {
		for (size_t k = 0; k < b.n_entities; k++) {
			if (a.entities[i].kind == YT_KIND_ERASED && b.entities[k].kind == YT_KIND_ERASED)
				CHECK(strcmp(a.entities[i].name, b.entities[k].name));
		}
	}
	world_deinit(&a);
	world_deinit(&b);
}

TEST_MAIN
{
	RUN(nothing_of_the_person_is_left);
	RUN(a_code_and_a_phone_forget_the_person);
	RUN(the_tier_that_a_newcomer_brought_keeps_nothing_of_him);
	RUN(a_phone_that_hears_of_an_erased_member_keeps_a_mark);
	RUN(facts_up_to_the_command_s_time_are_dropped);
	RUN(the_mark_is_salted);
}
