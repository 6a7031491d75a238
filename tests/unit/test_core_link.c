/* Identities that turn out to be one person, on several shards: the same facts as if it had been one from the beginning, whatever comes first and
 * however the internal events interleave; rings of links; limits. */
#include "unit/core_world.h"
#include "unit/random.h"

#include "yutang/core/alias.h"
#include "yutang/core/member.h"

enum { SHARDS = 5, IDS = 3, ORDERS = 6, ROUNDS = 400 };

static const int64_t start = INT64_C(1790000000000), hour = 3600000;
static const char *const ids[IDS] = { "m-1", "wecom:1", "email:1" };

static long long some_time(void)
{
	return (long long)(start + (int64_t)roll(240) * hour);
}

/* `@` is who it is told of, drawn when it is told. */
static void make_history(struct history *h)
{
	h->n = 0;
	for (int o = 0; o < ORDERS; o++) {
		int amount = 100 + (int)roll(900);

		history_add(h, "order.paid", "{\"order\":\"o-%d\",\"member\":\"@\",\"paid_at\":%lld,\"amount\":%d,\"currency\":\"CNY\",\"items\":[{\"sku\":\"oil\",\"quantity\":%d,\"amount\":%d}]}",
		    o, some_time(), amount, 1 + (int)roll(3), amount);
		for (int r = (int)roll(3); r > 0; r--)
			history_add(h, "order.refunded", "{\"order\":\"o-%d\",\"member\":\"@\",\"refund\":\"r-%d\",\"refunded_at\":%lld,\"amount\":%d}", o, r, some_time(), 50 * r);
		if (!roll(4))
			history_add(h, "order.cancelled", "{\"order\":\"o-%d\",\"member\":\"@\",\"cancelled_at\":%lld}", o, some_time());
		if (roll(2))
			history_add(h, "order.signed", "{\"order\":\"o-%d\",\"member\":\"@\",\"signed_at\":%lld}", o, some_time());
	}
	for (int k = (int)roll(8); k > 0; k--) {
		long long at = some_time(); /* what is told twice under one key says the same */

		history_add(h, roll(2) ? "group.joined" : "group.left", "{\"group\":\"g-%d\",\"member\":\"@\",\"joined_at\":%lld,\"left_at\":%lld,\"channel\":\"c%lld\"}",
		    (int)roll(2), at, at, at / hour % 3);
	}
	for (int k = (int)roll(6); k > 0; k--)
		history_add(h, roll(3) ? "contact.added" : "contact.removed", "{\"account\":\"a-%d\",\"member\":\"@\",\"added_at\":%lld,\"removed_at\":%lld}",
		    (int)roll(2), some_time(), some_time());
	/* Each id names itself; the first two are linked to the next one or to the member. */
	history_add(h, "member.linked", "{\"identity\":\"email:1\",\"member\":\"%s\"}", ids[roll(2)]);
	history_add(h, "member.linked", "{\"identity\":\"wecom:1\",\"member\":\"m-1\"}");
}

static const char rules[] = WORLD_SHOP
	"[product \"oil\"]\nlasts = 10d\n"
	"[coupon \"second\"]\npay_percent = 60\nvalid_for = 10d\n"
	"[rule \"once\"]\non = order.paid, member.linked, group.joined\nwhen = member.paid_orders > 0\nonce = per member\nissue = second\nfollow_up = once\n"
	"[rule \"later\"]\non = order.paid, group.joined\npending = per member\nafter = 30h\nfollow_up = later\n";

/* Delivers what was sent, one of each way at a time in any order; of one shard to another in the order in which it was sent, which here is: in order
 * of one key. */
static void deliver_some(struct world *w, bool all)
{
	while (w->n_sent && (all || roll(3))) {
		size_t k = (size_t)roll(w->n_sent);

		for (size_t i = 0; i < k; i++) {
			int a = yt_partition(yt_str(w->sent[i].key, w->sent[i].key_n), SHARDS), b = yt_partition(yt_str(w->sent[k].key, w->sent[k].key_n), SHARDS);

			if (a == b) {
				k = i;
				break;
			}
		}
		world_deliver_one(w, k);
	}
}

static void fill(char *out, size_t size, const char *data, const char *member)
{
	const char *at = strchr(data, '@');

	snprintf(out, size, "%.*s%s%s", at ? (int)(at - data) : (int)strlen(data), data, at ? member : "", at ? at + 1 : "");
}

/* one: every event names m-1, and nothing is linked. */
static void play(struct world *w, const struct history *h, bool one)
{
	int order[EVENTS_MAX];
	int64_t now = start + 241 * hour;

	world_init(w, rules);
	w->shards = SHARDS;
	w->now = now;
	w->held = true;
	for (int k = 0; k < h->n; k++)
		order[k] = k;
	for (int k = h->n - 1; k > 0; k--) {
		int i = (int)roll((uint64_t)k + 1), swap = order[k];

		order[k] = order[i];
		order[i] = swap;
	}
	for (int k = 0; k < h->n; k++) {
		const struct told *t = &h->ev[order[k]];
		bool link = strcmp(t->type, "member.linked") == 0;
		char data[400], id[16];

		if (link && one)
			continue;
		snprintf(id, sizeof(id), "e%d", order[k]);
		fill(data, sizeof(data), t->data, one ? ids[0] : ids[roll(IDS)]);
		world_decide(w, world_event(w, t->type, id, now, data));
		deliver_some(w, false);
	}
	deliver_some(w, true);
	w->held = false;
	world_until(w, now + 400 * hour);
	world_seal(w);
}

static const char *const facts[] = {
	"channel", "paid_orders", "paid_amount", "paid_items", "refunded_orders", "refunded_amount", "net_amount", "first_paid_at", "last_paid_at", "median_gap",
	"stock_until", "groups", "accounts", "joined_at", "added_at",
};

static void check_field(struct world *a, struct world *b, enum yt_kind kind, const char *name, const char *field, int round)
{
	const char *x = world_field(a, kind, name, 0, field), *y = world_field(b, kind, name, 0, field);

	/* Nobody ever there, or no more. */
	if (x && strcmp(x, "0") == 0 && kind != YT_KIND_MEMBER)
		x = NULL;
	if (y && strcmp(y, "0") == 0 && kind != YT_KIND_MEMBER)
		y = NULL;
	CHECK_MSG((!x && !y) || (x && y && strcmp(x, y) == 0), "round %d: %s %s is %s, of one from the beginning %s", round, name, field, x ? x : "absent",
	          y ? y : "absent");
}

TEST(linked_members_have_the_facts_of_one)
{
	for (int round = 1; round <= ROUNDS; round++) {
		struct history h;
		struct world one, many;

		seed = (uint64_t)round * UINT64_C(0x9e3779b97f4a7c15);
		make_history(&h);
		play(&one, &h, true);
		play(&many, &h, false);
		for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++)
			check_field(&many, &one, YT_KIND_MEMBER, "s1/m-1", facts[k], round);
		for (int k = 0; k < 2; k++) {
			char name[32];

			snprintf(name, sizeof(name), "s1/a-%d", k);
			check_field(&many, &one, YT_KIND_ACCOUNT, name, "contacts", round);
			snprintf(name, sizeof(name), "s1/g-%d", k);
			check_field(&many, &one, YT_KIND_GROUP, name, "members", round);
		}
		for (int k = 0; k < ORDERS; k++) {
			char name[32];

			snprintf(name, sizeof(name), "s1/o-%d", k);
			check_field(&many, &one, YT_KIND_ORDER, name, "refunded_amount", round);
			check_field(&many, &one, YT_KIND_ORDER, name, "cancelled", round);
			check_field(&many, &one, YT_KIND_ORDER, name, "signed_at", round);
		}
		CHECK(world_count(&one, YT_OUT_COUPON_ISSUED, "\"once\"") <= 1);
		CHECK_MSG(world_count(&many, YT_OUT_FOLLOWUP_DUE, "\"kind\":\"later\"") <= IDS, "round %d", round);
		for (size_t k = 0; k < many.n_outputs; k++)
			for (size_t i = 0; i < k; i++)
				CHECK_MSG(strcmp(many.outputs[k].id, many.outputs[i].id), "round %d: one id twice: %s", round, many.outputs[k].value);
		world_deinit(&one);
		world_deinit(&many);
	}
}

static struct yt_decision link_to(struct world *w, const char *identity, const char *member)
{
	char data[100];

	snprintf(data, sizeof(data), "{\"identity\":\"%s\",\"member\":\"%s\"}", identity, member);
	return world_decide(w, world_event(w, "member.linked", "l", w->now, data));
}

static void join(struct world *w, const char *member, const char *group)
{
	char data[100];

	snprintf(data, sizeof(data), "{\"group\":\"%s\",\"member\":\"%s\",\"joined_at\":%lld}", group, member, (long long)w->now);
	world_decide(w, world_event(w, "group.joined", "j", w->now, data));
}

/* Links that were each right where they were decided, and make a ring: nothing is lost, and all of it ends at one member. */
TEST(a_ring_of_links_ends_at_its_smallest_id)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	for (int round = 1; round <= 300; round++) {
		int n = 2 + round % 3;
		char name[32];
		struct world w;

		seed = (uint64_t)round * UINT64_C(0x9e3779b97f4a7c15);
		world_init(&w, WORLD_SHOP);
		w.shards = SHARDS;
		w.now = start;
		for (int k = 0; k < n; k++) {
			snprintf(name, sizeof(name), "g-%d", k);
			join(&w, names[k], name);
		}
		w.held = true;
		for (int k = 0; k < n; k++)
			CHECK_INT(link_to(&w, names[k], names[(k + 1) % n]).result, YT_APPLIED);
		deliver_some(&w, true);
		snprintf(name, sizeof(name), "%d", n);
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/a", 0, "groups"), name);
		for (int k = 1; k < n; k++) {
			snprintf(name, sizeof(name), "s1/%s", names[k]);
			CHECK_MSG(world_field(&w, YT_KIND_MEMBER, name, 0, "linked_to"), "round %d: %s is still a member of its own", round, name);
			join(&w, names[k], "late");
			deliver_some(&w, true);
		}
		snprintf(name, sizeof(name), "%d", n + 1);
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/a", 0, "groups"), name);
		CHECK_STR(world_field(&w, YT_KIND_GROUP, "s1/late", 0, "members"), "1");
		world_deinit(&w);
	}
}

TEST(one_order_told_under_both_ids_counts_once)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.shards = SHARDS;
	w.now = start;
	for (int k = 0; k < 2; k++) {
		char data[300];

		snprintf(data, sizeof(data), "{\"order\":\"o-1\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":%d,\"currency\":\"CNY\",\"items\":[]}", ids[k],
		         (long long)start, 100 + k);
		CHECK_INT(world_decide(&w, world_event(&w, "order.paid", "e", start, data)).result, YT_APPLIED);
	}
	link_to(&w, "wecom:1", "m-1");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "paid_orders"), "1");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "paid_amount"), "100");
	CHECK_STR(world_field(&w, YT_KIND_ORDER, "s1/o-1", 0, "amount"), "100");
	world_deinit(&w);
}

static void say(struct world *w, const char *type, const char *data)
{
	CHECK_MSG(world_decide(w, world_event(w, type, "e", w->now, data)).result != YT_DEAD, "%s %s", type, data);
}

/* What is under way when the link is told ends at the member, whatever comes first. */
TEST(what_is_under_way_ends_at_the_member)
{
	static const char under_way[] = WORLD_SHOP
		"[coupon \"c\"]\npay_percent = 50\nvalid_for = 300d\n[coupon \"few\"]\npay_percent = 50\nvalid_for = 300d\nlimit_total = 10\n"
		"[gift \"g\"]\ncoupon = few\nquota = 10\n"
		"[referral]\nhold = 1d after paid\nsame_phone = reject\nreregistered = reject\nreward_referrer = c\nreward_invitee = few\n";

	for (int round = 1; round <= ROUNDS; round++) {
		struct world w;

		seed = (uint64_t)round * UINT64_C(0x9e3779b97f4a7c15);
		world_init(&w, under_way);
		w.shards = SHARDS;
		w.now = 1790000000000;
		w.held = true;
		say(&w, "referral.bound", round % 2 ? "{\"referrer\":\"ref:X\",\"member\":\"wecom:1\",\"bound_at\":1790000000000}"
		                                    : "{\"referrer\":\"r\",\"member\":\"wecom:1\",\"bound_at\":1790000000000}");
		deliver_some(&w, false);
		say(&w, "gift.claimed", "{\"gift\":\"g\",\"member\":\"wecom:1\",\"claimed_at\":1790000000001}");
		if (roll(2))
			say(&w, "alias.bound", "{\"alias\":\"ref:X\",\"member\":\"r\"}");
		say(&w, "order.paid", "{\"order\":\"o\",\"member\":\"wecom:1\",\"paid_at\":1790000000002,\"amount\":9,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p\"}}");
		deliver_some(&w, false);
		link_to(&w, "wecom:1", "m-1");
		deliver_some(&w, false);
		say(&w, "alias.bound", "{\"alias\":\"ref:X\",\"member\":\"r\"}");
		deliver_some(&w, true);
		w.held = false;
		world_until(&w, w.now + 100 * hour);
		world_seal(&w);
		CHECK_INT(world_count(&w, YT_OUT_REFERRAL_QUALIFIED, "\"referrer\":\"r\""), 1);
		CHECK_INT(world_count(&w, YT_OUT_REFERRAL_APPROVED, "\"member\":\"m-1\""), 1);
		CHECK_INT(world_count(&w, YT_OUT_COUPON_ISSUED, "~gift:g"), 1);
		CHECK_INT(world_count(&w, YT_OUT_COUPON_ISSUED, "~referral"), 2);
		CHECK_STR(world_field(&w, YT_KIND_QUOTA, "s1/gift:g", 0, "outstanding"), "1");
		CHECK_STR(world_field(&w, YT_KIND_QUOTA, "s1/few", 0, "outstanding"), "2");
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r", 0, "referrals_bound"), "1");
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r", 0, "referrals_approved"), "1");
		/* He takes the order back: both lose it, and the units return. */
		say(&w, "order.cancelled", "{\"order\":\"o\",\"member\":\"m-1\",\"cancelled_at\":1790000000003}");
		world_seal(&w);
		CHECK_INT(world_count(&w, YT_OUT_COUPON_REVOKED, "~referral"), 2);
		CHECK_STR(world_field(&w, YT_KIND_QUOTA, "s1/few", 0, "outstanding"), "1");
		world_deinit(&w);
	}
}

/* All that was sent, and what that sends, but for the word to an identity that its member was linked further. How far anything went. */
static int deliver_before_moved(struct world *w)
{
	int hops = 0;

	for (size_t k = 0; k < w->n_sent;) {
		const struct world_sent *s = &w->sent[k];

		if (!s->forwarded && s->value[1] == YT_SEND_MOVED) {
			k++;
			continue;
		}
		hops = s->hop > hops ? s->hop : hops;
		world_deliver_one(w, k);
		k = 0;
	}
	return hops;
}

/* Newcomer and referrer are each named by an id that leads to another one that leads to the member, and neither has heard of that yet. The order goes two
 * steps, asks the phone and hears from it, two and one more to the referrer, back, to the quota and back, and the coupon's code is told of. */
TEST(the_longest_way_of_one_event_arrives)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"few\"]\namount_off = 5\nvalid_for = 30d\nlimit_total = 9\ntransferable = yes\n[referral]\nreward_invitee = few\nreregistered = reject\n");
	w.shards = 16;
	w.now = 1790000000000;
	w.held = true;
	link_to(&w, "wecom:n2", "wecom:n1");
	link_to(&w, "wecom:r2", "wecom:r1");
	say(&w, "referral.bound", "{\"referrer\":\"wecom:r2\",\"member\":\"m-n\",\"bound_at\":1790000000000}");
	deliver_some(&w, true);
	link_to(&w, "wecom:n1", "m-n");
	link_to(&w, "wecom:r1", "m-r");
	deliver_before_moved(&w);
	say(&w, "order.paid", "{\"order\":\"o\",\"member\":\"wecom:n2\",\"paid_at\":1790000000002,\"amount\":9,\"currency\":\"CNY\",\"items\":[],\"buyer\":{\"phone\":\"p\"}}");
	CHECK_INT(deliver_before_moved(&w), 11);
	CHECK_INT(world_count(&w, YT_OUT_REFERRAL_QUALIFIED, "\"member\":\"m-n\""), 1);
	CHECK_INT(world_count(&w, YT_OUT_COUPON_ISSUED, "~referral"), 1);
	deliver_some(&w, true);
	world_seal(&w);
	CHECK_STR(world_field(&w, YT_KIND_QUOTA, "s1/few", 0, "outstanding"), "1");
	world_deinit(&w);
}

/* What the identity's referrer answers is no answer to the member, whose own word wins. */
TEST(an_answer_to_a_referral_that_gave_way_is_none_to_the_own)
{
	for (int round = 1; round <= ROUNDS; round++) {
		struct world w;

		seed = (uint64_t)round * UINT64_C(0x9e3779b97f4a7c15);
		world_init(&w, WORLD_SHOP "[referral]\nhold = 1d after paid\n");
		w.shards = SHARDS;
		w.now = 1790000005000;
		w.held = true;
		say(&w, "referral.bound", "{\"referrer\":\"r-2\",\"member\":\"wecom:1\",\"bound_at\":1790000001000}");
		deliver_some(&w, false);
		say(&w, "referral.bound", "{\"referrer\":\"r-1\",\"member\":\"m-1\",\"bound_at\":1790000000000}");
		link_to(&w, "wecom:1", "m-1");
		deliver_some(&w, false);
		say(&w, "order.paid", "{\"order\":\"o\",\"member\":\"m-1\",\"paid_at\":1790000002000,\"amount\":9,\"currency\":\"CNY\",\"items\":[]}");
		deliver_some(&w, true);
		CHECK_INT(world_count(&w, YT_OUT_REFERRAL_QUALIFIED, "\"referrer\":\"r-1\""), 1);
		CHECK_INT(world_count(&w, YT_OUT_REFERRAL_VOIDED, "\"referrer\":\"r-2\""), 1);
		world_seal(&w);
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r-1", 0, "referrals_qualified"), "1");
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r-2", 0, "referrals_bound"), "0");
		world_deinit(&w);
	}
}

/* One more than can wait: who waits for longest is told nothing. */
TEST(as_many_newcomers_as_the_limit_wait_for_a_code)
{
	for (int more = 0; more < 2; more++) {
		struct world w;
		char data[120];

		world_init(&w, WORLD_SHOP "[referral]\nhold = 1d after paid\n");
		w.now = start;
		for (int k = 0; k < YT_WAITERS_MAX + more; k++) {
			snprintf(data, sizeof(data), "{\"referrer\":\"ref:X\",\"member\":\"n-%d\",\"bound_at\":%lld}", k, (long long)start);
			say(&w, "referral.bound", data);
		}
		say(&w, "alias.bound", "{\"alias\":\"ref:X\",\"member\":\"r\"}");
		snprintf(data, sizeof(data), "%d", YT_WAITERS_MAX);
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/r", 0, "referrals_bound"), data);
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/n-0", 0, "referrer"), more ? "ref:X" : "r");
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/n-1", 0, "referrer"), "r");
		world_deinit(&w);
	}
}

/* Two members that are as full as they can be: the one fits. (world_seal measures it.) */
TEST(two_full_members_make_one_that_fits)
{
	static const char full[] = WORLD_SHOP
		"[coupon \"c\"]\npay_percent = 50\nvalid_for = 300d\n"
		"[rule \"issue\"]\non = contact.added\nissue = c\n"
		"[rule \"wait\"]\non = group.joined\nafter = 200d\nstill = event.channel != \"\" && event.inviter != \"\" && event.account != \"\"\nfollow_up = wait\n";
	struct world w;

	world_init(&w, full);
	w.shards = SHARDS;
	w.now = start;
	for (int m = 0; m < 2; m++) {
		for (int k = 0; k < 260; k++) {
			char data[800];

			snprintf(data, sizeof(data), "{\"group\":\"%0120d%d\",\"member\":\"%s\",\"joined_at\":%lld,\"channel\":\"%0120d\",\"inviter\":\"%0120d\",\"account\":\"%0120d\"}",
			         k, m, ids[m], (long long)start + k, k, k, k);
			world_decide(&w, world_event(&w, "group.joined", "e", start, data));
			snprintf(data, sizeof(data), "{\"account\":\"%0120d%d\",\"member\":\"%s\",\"added_at\":%lld}", k % 64, m, ids[m], (long long)start + k);
			world_decide(&w, world_event(&w, "contact.added", "e", start, data));
			snprintf(data, sizeof(data), "{\"order\":\"o-%d-%d\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":1,\"currency\":\"CNY\",\"items\":[]}", m, k, ids[m],
			         (long long)start + k);
			world_decide(&w, world_event(&w, "order.paid", "e", start, data));
		}
	}
	link_to(&w, "wecom:1", "m-1");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "paid_orders"), "520");
	CHECK(world_count(&w, YT_OUT_FOLLOWUP_WITHHELD, "timer_limit") > 0);
	join(&w, "wecom:1", "one-more");
	world_deinit(&w);
}

/* --- limits of the union: what both are together may stand at a limit, or above it */

static void pay_many(struct world *w, const char *member, const char *lead, int n, int64_t from)
{
	for (int k = 0; k < n; k++) {
		char data[300];

		snprintf(data, sizeof(data), "{\"order\":\"%s-%d\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", lead, k, member,
		         (long long)from + k);
		CHECK_INT(world_decide(w, world_event(w, "order.paid", "e", from, data)).result, YT_APPLIED);
	}
}

TEST(a_union_keeps_2048_orders_and_the_sums_of_all)
{
	for (int more = 0; more < 2; more++) {
		char sum[16];
		const struct yt_member *m;
		struct world w;

		world_init(&w, WORLD_SHOP);
		w.now = start;
		w.batch_size = w.batch_left = 5000;
		pay_many(&w, "m-1", "a", YT_PAID_MAX / 2, start);
		pay_many(&w, "wecom:1", "b", YT_PAID_MAX / 2 + more, start + hour);
		link_to(&w, "wecom:1", "m-1");
		m = world_peek(&w, YT_KIND_MEMBER, YT_S("s1/m-1"));
		CHECK_INT(m->orders.n, YT_PAID_MAX);
		CHECK_INT(m->orders.gone.paid_orders, more);
		snprintf(sum, sizeof(sum), "%d", YT_PAID_MAX + more);
		CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "paid_orders"), sum);
		world_deinit(&w);
	}
}

static void add_contacts(struct world *w, const char *member, int n)
{
	for (int k = 0; k < n; k++) {
		char data[100];

		snprintf(data, sizeof(data), "{\"account\":\"a\",\"member\":\"%s\",\"added_at\":%lld}", member, (long long)w->now + k);
		CHECK_INT(world_decide(w, world_event(w, "contact.added", "e", w->now, data)).result, YT_APPLIED);
	}
}

/* The member's own stay, then the identity's by text; those beyond 64 are left out: docs/events.md. */
TEST(a_union_has_64_tags)
{
	for (int more = 0; more < 2; more++) {
		char file[6000] = WORLD_SHOP, data[100];
		struct world w;

		for (int k = 0; k < YT_TAGS_MAX + more; k++)
			snprintf(file + strlen(file), sizeof(file) - strlen(file), "[rule \"r%02d\"]\non = %s\ntag = t%02d\n", k,
			         k < YT_TAGS_MAX / 2 ? "group.joined" : "contact.added", k);
		world_init(&w, file);
		w.now = start;
		join(&w, "m-1", "a");
		add_contacts(&w, "wecom:1", 1);
		link_to(&w, "wecom:1", "m-1");
		CHECK_INT(((const struct yt_member *)world_peek(&w, YT_KIND_MEMBER, YT_S("s1/m-1")))->n_tags, YT_TAGS_MAX);
		snprintf(data, sizeof(data), "\"t%02d\"", YT_TAGS_MAX + more - 1);
		CHECK_INT(strstr(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "tags"), data) != NULL, !more);
		world_deinit(&w);
	}
}

/* Each is a coupon that was given: it stays until it is over, and the next one finds a place when so many are. */
TEST(a_union_holds_the_coupons_of_both)
{
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"c\"]\namount_off = 1\nvalid_for = 10d\n[rule \"r\"]\non = contact.added\nissue = c\n");
	w.now = start;
	add_contacts(&w, "m-1", YT_COUPONS_MAX);
	w.now = start + hour;
	add_contacts(&w, "wecom:1", YT_COUPONS_MAX);
	link_to(&w, "wecom:1", "m-1");
	CHECK_STR(world_field(&w, YT_KIND_MEMBER, "s1/m-1", 0, "coupons_usable"), "256");
	join(&w, "m-1", "g");
	CHECK_INT(world_decide(&w, world_event(&w, "contact.added", "e", w.now, "{\"account\":\"b\",\"member\":\"m-1\",\"added_at\":1789999999000}")).result, YT_DEAD);
	world_until(&w, start + 241 * hour); /* all of them are over */
	CHECK_INT(world_count(&w, YT_OUT_COUPON_EXPIRED, "\"template\":\"c\""), 2 * YT_COUPONS_MAX);
	CHECK_INT(world_decide(&w, world_event(&w, "contact.added", "e", w.now, "{\"account\":\"b\",\"member\":\"m-1\",\"added_at\":1789999999000}")).result, YT_APPLIED);
	world_deinit(&w);
}

TEST(a_union_has_128_timers_and_says_of_each_more_that_it_is_lost)
{
	for (int more = 0; more < 2; more++) {
		struct world w;

		world_init(&w, WORLD_SHOP "[rule \"r\"]\non = contact.added\nafter = 20d\nfollow_up = f\n");
		w.now = start;
		add_contacts(&w, "m-1", YT_TIMERS_MAX / 2);
		add_contacts(&w, "wecom:1", YT_TIMERS_MAX / 2 + more);
		link_to(&w, "wecom:1", "m-1");
		CHECK_INT(world_count(&w, YT_OUT_FOLLOWUP_WITHHELD, "timer_limit"), more);
		world_until(&w, start + 500 * hour);
		CHECK_INT(world_count(&w, YT_OUT_FOLLOWUP_DUE, "\"kind\":\"f\""), YT_TIMERS_MAX);
		world_deinit(&w);
	}
}

/* What both were given counts in the limits of one. */
TEST(a_union_has_the_periods_of_both)
{
	for (int n = 2; n <= 4; n++) {
		char file[300];
		struct world w;

		snprintf(file, sizeof(file), WORLD_SHOP "[coupon \"c\"]\namount_off = 1\nvalid_for = 90d\nlimit_per_period = %d per 30d\n[rule \"r\"]\non = contact.added\nissue = c\n", n);
		world_init(&w, file);
		w.now = start;
		add_contacts(&w, "m-1", 1);
		add_contacts(&w, "wecom:1", 2);
		link_to(&w, "wecom:1", "m-1");
		CHECK_INT(world_count(&w, YT_OUT_COUPON_ISSUED, "\"c\""), 3);
		w.now = start + hour;
		add_contacts(&w, "m-1", 1);
		CHECK_INT(world_count(&w, YT_OUT_COUPON_REFUSED, "period_limit"), n < 4);
		CHECK_INT(world_count(&w, YT_OUT_COUPON_ISSUED, "\"c\""), 3 + (n == 4));
		world_deinit(&w);
	}
}

/* One order, told under both ids, each with a coupon of its own: both come back when it is cancelled. */
TEST(an_order_of_both_has_used_the_coupons_of_both)
{
	char code[2][16];
	struct world w;

	world_init(&w, WORLD_SHOP "[coupon \"c\"]\namount_off = 1\nvalid_for = 90d\n[rule \"r\"]\non = contact.added\nissue = c\n");
	w.shards = SHARDS;
	w.now = start;
	for (int k = 0; k < 2; k++) {
		char data[300];

		add_contacts(&w, ids[k], 1);
		snprintf(code[k], sizeof(code[k]), "%s", world_data(&w, &w.outputs[w.n_outputs - 1], "code"));
		snprintf(data, sizeof(data), "{\"order\":\"o\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"coupons\":[\"%s\"]}", ids[k],
		         (long long)start, code[k]);
		say(&w, "order.paid", data);
	}
	CHECK_INT(world_count(&w, YT_OUT_COUPON_USED, "\"order\":\"o\""), 2);
	link_to(&w, "wecom:1", "m-1");
	say(&w, "order.cancelled", "{\"order\":\"o\",\"member\":\"m-1\",\"cancelled_at\":1790000000000}");
	CHECK_INT(world_count(&w, YT_OUT_COUPON_RETURNED, "\"order\":\"o\""), 2);
	world_deinit(&w);
}

TEST(as_many_identities_as_the_limit_are_remembered)
{
	struct world w;
	struct yt_member *m;
	char id[16];

	world_init(&w, WORLD_SHOP);
	m = yt_member_fresh(&w.rules_arena, YT_S("s1/m"));
	for (int k = 0; k < YT_IDENTITIES_MAX; k++) {
		snprintf(id, sizeof(id), "i-%d", k);
		yt_ident_add(&m->ident, &w.rules_arena, yt_str_z(id));
		yt_ident_add(&m->ident, &w.rules_arena, yt_str_z(id));
	}
	CHECK_INT(m->ident.n_ids, YT_IDENTITIES_MAX);
	CHECK(yt_ident_has(&m->ident, YT_S("i-255")));
	yt_ident_add(&m->ident, &w.rules_arena, YT_S("i-256"));
	CHECK(!yt_ident_has(&m->ident, YT_S("i-256")));
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(linked_members_have_the_facts_of_one);
	RUN(a_ring_of_links_ends_at_its_smallest_id);
	RUN(one_order_told_under_both_ids_counts_once);
	RUN(what_is_under_way_ends_at_the_member);
	RUN(the_longest_way_of_one_event_arrives);
	RUN(an_answer_to_a_referral_that_gave_way_is_none_to_the_own);
	RUN(as_many_newcomers_as_the_limit_wait_for_a_code);
	RUN(two_full_members_make_one_that_fits);
	RUN(a_union_keeps_2048_orders_and_the_sums_of_all);
	RUN(a_union_has_64_tags);
	RUN(a_union_holds_the_coupons_of_both);
	RUN(a_union_has_128_timers_and_says_of_each_more_that_it_is_lost);
	RUN(a_union_has_the_periods_of_both);
	RUN(an_order_of_both_has_used_the_coupons_of_both);
	RUN(as_many_identities_as_the_limit_are_remembered);
}
