/* What reports count equals a computation over all facts, whatever the history and the order of its arrival: also of members who turn out to be one
 * person, and of referrals that come to nothing. Random histories; a seed that fails is a report. The computation knows docs/redis.md and nothing of how the core keeps its numbers. */
#include <time.h>

#include "unit/core_world.h"
#include "unit/random.h"

#include "yutang/core/channels.h"
#include "yutang/core/paid.h"

enum { MEMBERS = 3, IDS = 2 * MEMBERS /* and an identity each */, ORDERS = 14, ORDERS_OF_IDENTITY = 6, FACTS_MAX = 400, HISTORIES = 150, ROWS_MAX = 4000, SHARDS = 4 };

static const int64_t start = INT64_C(1790000000000), hour = 3600000, day = 24 * INT64_C(3600000);
static const int64_t zone = 8 * INT64_C(3600000); /* Asia/Shanghai */

static const char *const ids[IDS] = { "m-0", "m-1", "m-2", "wecom:0", "wecom:1", "wecom:2" };
static bool linked[MEMBERS]; /* with its identity */

/* Who that id is by now. */
static int person(int id)
{
	return id >= MEMBERS && linked[id - MEMBERS] ? id - MEMBERS : id;
}

static int id_of_key(const char *key)
{
	for (int k = 0; k < IDS; k++)
		if (strcmp(key + strlen("s1/"), ids[k]) == 0)
			return k;
	return -1;
}

struct fact {
	const char *type;
	int member, order, n; /* member: of ids; order: -1: none; n: of the refund, the group, the account */
	int64_t at, amount, units;
	const char *channel; /* "": none */
	bool wants_code, applied;
	char code[16];
};

static struct fact facts[FACTS_MAX];
static int n_facts;
/* --- histories */

static struct fact *add(const char *type, int member, int64_t at)
{
	struct fact *f = &facts[n_facts++];

	*f = (struct fact){ .type = type, .member = member, .order = -1, .at = at, .channel = "" };
	return f;
}

/* Coarse, so that many are equal; over four months. */
static int64_t some_time(void)
{
	return start + (int64_t)roll(20 * 120) * hour * 6 / 5;
}

static const char *some_channel(void)
{
	static const char *const channels[] = { "", "live", "search", "group" };

	return channels[roll(4)];
}

/* Now and then the other id of a person tells of it. */
static int some_id(int id)
{
	return roll(4) ? id : (id + MEMBERS) % IDS;
}

static void make_order(int member, int order)
{
	static const int amounts[] = { 0, 100, 100, 250, 9900 };
	int64_t amount = amounts[roll(5)];
	struct fact *f;

	if (roll(10)) {
		f = add("order.paid", member, some_time());
		f->order = order;
		f->amount = amount;
		f->units = 1 + (int64_t)roll(3);
		f->channel = some_channel();
		f->wants_code = roll(2);
	}
	for (int k = roll(2) ? 0 : (int)roll(4); k > 0; k--) {
		f = add("order.refunded", some_id(member), some_time());
		f->order = order;
		f->n = k;
		f->amount = (int64_t)roll((uint64_t)amount + 20);
	}
	if (!roll(6))
		add("order.cancelled", some_id(member), some_time())->order = order;
}

static void make_history(void)
{
	n_facts = 0;
	for (int m = 0; m < IDS; m++) {
		for (int k = (int)roll(m < MEMBERS ? ORDERS + 1 : ORDERS_OF_IDENTITY + 1); k > 0; k--)
			make_order(m, m < MEMBERS ? k : ORDERS + k);
		for (int k = (int)roll(5); k > 0; k--) {
			struct fact *f = add(roll(2) ? "group.joined" : "contact.added", m, some_time());

			f->n = (int)roll(2);
			f->channel = some_channel();
		}
		if (roll(2))
			add("referral.bound", m, some_time())->channel = some_channel();
		if (m >= MEMBERS && roll(4))
			add("member.linked", m, some_time());
	}
}

/* Of a person, whichever id tells of it. */
static const char *order_id(const struct fact *f, char out[24])
{
	snprintf(out, 24, "o-%d-%d", f->member % MEMBERS, f->order);
	return out;
}

static const char *data_of(const struct fact *f, char out[400])
{
	const char *who = ids[f->member];
	long long at = (long long)f->at;
	char channel[40] = "", codes[40] = "", order[24];

	if (*f->channel)
		snprintf(channel, sizeof channel, ",\"channel\":\"%s\"", f->channel);
	if (*f->code)
		snprintf(codes, sizeof codes, ",\"coupons\":[\"%s\"]", f->code);
	if (strcmp(f->type, "order.paid") == 0)
		snprintf(out, 400, "{\"order\":\"%s\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":%d,\"currency\":\"CNY\",\"items\":[{\"sku\":\"a\",\"quantity\":%d,\"amount\":1}]%s%s}",
		         order_id(f, order), who, at, (int)f->amount, (int)f->units, channel, codes);
	else if (strcmp(f->type, "order.refunded") == 0)
		snprintf(out, 400, "{\"order\":\"%s\",\"member\":\"%s\",\"refund\":\"r-%d\",\"refunded_at\":%lld,\"amount\":%d}", order_id(f, order), who, f->n, at,
		         (int)f->amount);
	else if (strcmp(f->type, "order.cancelled") == 0)
		snprintf(out, 400, "{\"order\":\"%s\",\"member\":\"%s\",\"cancelled_at\":%lld}", order_id(f, order), who, at);
	else if (strcmp(f->type, "group.joined") == 0)
		snprintf(out, 400, "{\"group\":\"g-%d\",\"member\":\"%s\",\"joined_at\":%lld%s}", f->n, who, at, channel);
	else if (strcmp(f->type, "contact.added") == 0)
		snprintf(out, 400, "{\"account\":\"a-%d\",\"member\":\"%s\",\"added_at\":%lld%s}", f->n, who, at, channel);
	else if (strcmp(f->type, "member.linked") == 0)
		snprintf(out, 400, "{\"identity\":\"%s\",\"member\":\"%s\"}", who, ids[f->member - MEMBERS]);
	else
		snprintf(out, 400, "{\"referrer\":\"m-9\",\"member\":\"%s\",\"bound_at\":%lld%s}", who, at, channel);
	return out;
}

/* --- the expected numbers */

struct row {
	char date[11];
	const char *channel;
	int64_t count[YT_CHANNEL__COUNT];
};

static struct row rows[ROWS_MAX];
static int n_rows;

static int64_t *expect(int64_t at, const char *channel)
{
	time_t local = (time_t)((at + zone) / 1000);
	struct row *r;
	char date[11];

	strftime(date, sizeof date, "%Y-%m-%d", gmtime(&local));
	channel = *channel ? channel : "~none";
	for (r = rows; r < rows + n_rows; r++)
		if (strcmp(r->date, date) == 0 && strcmp(r->channel, channel) == 0)
			return r->count;
	n_rows++;
	*r = (struct row){ .channel = channel };
	memcpy(r->date, date, sizeof date);
	return r->count;
}

struct bought {
	const struct fact *paid;
	int64_t refunded;
	bool cancelled;
};

static bool counts(const struct bought *b)
{
	return !b->cancelled && (b->paid->amount == 0 || b->refunded < b->paid->amount);
}

static int by_rank(const void *pa, const void *pb)
{
	const struct bought *a = pa, *b = pb;
	char ia[24], ib[24];
	uint64_t ha, hb;

	if (a->paid->at != b->paid->at)
		return a->paid->at < b->paid->at ? -1 : 1;
	ha = yt_hash64(yt_str_z(order_id(a->paid, ia)));
	hb = yt_hash64(yt_str_z(order_id(b->paid, ib)));
	return ha < hb ? -1 : ha > hb;
}

/* The orders that count, by rank. */
static int orders_of(int member, struct bought *out)
{
	int n = 0;

	for (int i = 0; i < n_facts; i++) {
		struct bought b = { .paid = &facts[i] };

		if (!facts[i].applied || person(facts[i].member) != member || strcmp(facts[i].type, "order.paid") != 0)
			continue;
		for (int k = 0; k < n_facts; k++) {
			const struct fact *f = &facts[k];

			if (!f->applied || person(f->member) != member || f->order != b.paid->order)
				continue;
			b.refunded += strcmp(f->type, "order.refunded") == 0 ? f->amount : 0;
			b.cancelled |= strcmp(f->type, "order.cancelled") == 0;
		}
		b.refunded = b.refunded < b.paid->amount ? b.refunded : b.paid->amount;
		if (counts(&b))
			out[n++] = b;
	}
	qsort(out, (size_t)n, sizeof *out, by_rank);
	return n;
}

/* The referral that stands, of an id; learned while it is played. */
static struct {
	bool bound, voided;
	int64_t at;
} referrals[IDS];

static bool is_referred(int member, int64_t at)
{
	return referrals[member].bound && !referrals[member].voided && referrals[member].at <= at;
}

static void expect_orders(struct world *w, int member)
{
	struct bought v[ORDERS + ORDERS_OF_IDENTITY];
	int n = orders_of(member, v);

	for (int k = 0; k < n; k++) {
		const struct fact *paid = v[k].paid;
		int64_t *c = expect(paid->at, paid->channel), net = paid->amount - v[k].refunded;
		int nth = k < YT_NTH_MAX ? k : YT_NTH_MAX - 1;
		char id[24];

		c[YT_CHANNEL_ORDERS + nth]++;
		c[YT_CHANNEL_ITEMS + nth] += paid->units;
		c[YT_CHANNEL_GAP_MS] += k ? paid->at - v[k - 1].paid->at : 0;
		c[YT_CHANNEL_REVENUE] += net;
		c[YT_CHANNEL_REFERRED_REVENUE] += is_referred(member, paid->at) ? net : 0;
		order_id(paid, id);
		for (size_t i = 0; i < w->n_outputs; i++) {
			if (w->outputs[i].type != YT_OUT_COUPON_USED || strcmp(world_data(w, &w->outputs[i], "order"), id) != 0)
				continue;
			c[YT_CHANNEL_USED]++;
			c[YT_CHANNEL_COUPON_COST] += strcmp(world_data(w, &w->outputs[i], "template"), "flat") == 0 ? 30 : paid->amount * 40 / 60;
		}
	}
	if (n < 2)
		return;
	for (int k = 0; k < 3; k++)
		expect(v[0].paid->at, v[0].paid->channel)[YT_CHANNEL_AGAIN_30 + k] += v[1].paid->at <= v[0].paid->at + (k + 1) * 30 * day;
}

static void expect_facts(void)
{
	for (int i = 0; i < n_facts; i++) {
		const struct fact *f = &facts[i];

		if (!f->applied)
			continue;
		if (strcmp(f->type, "group.joined") == 0)
			expect(f->at, f->channel)[YT_CHANNEL_JOINED]++;
		else if (strcmp(f->type, "contact.added") == 0)
			expect(f->at, f->channel)[YT_CHANNEL_ADDED]++;
		else if (strcmp(f->type, "referral.bound") == 0)
			expect(f->at, f->channel)[YT_CHANNEL_BOUND]++;
	}
}

/* --- playing. What is issued counts under the channel that its member has by then: that of the earliest fact so far that names one. */

static struct known {
	const char *channel;
	int64_t at;
} known[IDS];
static size_t n_seen;

static void learn(int member, struct known k)
{
	struct known *own = &known[member];

	if (!k.channel || (own->channel && (k.at > own->at || (k.at == own->at && strcmp(k.channel, own->channel) >= 0))))
		return;
	*own = k;
}

/* The member's own referral wins. */
static void link_them(int member, int identity)
{
	linked[member] = true;
	learn(member, known[identity]);
	if (!referrals[member].bound)
		referrals[member] = referrals[identity];
}

static void learn_fact(const struct fact *f)
{
	int member = person(f->member);

	if (strcmp(f->type, "member.linked") == 0)
		link_them(f->member - MEMBERS, f->member);
	if (*f->channel)
		learn(member, (struct known){ f->channel, f->at });
	if (strcmp(f->type, "referral.bound") == 0 && !referrals[member].bound) {
		referrals[member].bound = true;
		referrals[member].at = f->at;
	}
}

static void learn_outputs(struct world *w)
{
	for (; n_seen < w->n_outputs; n_seen++) {
		const struct world_output *o = &w->outputs[n_seen];
		int member = id_of_key(o->key);
		const char *channel;

		if (o->type == YT_OUT_REFERRAL_VOIDED)
			referrals[member].voided = true;
		if (o->type != YT_OUT_COUPON_ISSUED)
			continue;
		channel = known[member].channel;
		expect(o->at, channel ? channel : "")[YT_CHANNEL_ISSUED]++;
	}
}

/* A code that the member was given, if any. */
static void take_code(struct world *w, struct fact *f)
{
	char key[16];

	f->wants_code = false;
	snprintf(key, sizeof key, "s1/%s", ids[f->member]);
	for (size_t i = roll(w->n_outputs + 1); i < w->n_outputs; i++) {
		if (w->outputs[i].type != YT_OUT_COUPON_ISSUED || strcmp(w->outputs[i].key, key) != 0)
			continue;
		snprintf(f->code, sizeof f->code, "%s", world_data(w, &w->outputs[i], "code"));
		return;
	}
}

static const char rules[] = WORLD_SHOP "[referral]\nwindow = 400d\nhold = 20d after paid\n"
	"[coupon \"half\"]\npay_percent = 60\nvalid_for = 300d\nvalid_from = 2026-01-01\n[coupon \"flat\"]\namount_off = 30\nvalid_for = 300d\nvalid_from = 2026-01-01\n"
	"[rule \"paid\"]\non = order.paid\nwhen = order.nth % 2 == 1\nissue = half\n"
	"[rule \"came\"]\non = group.joined, contact.added\nissue = flat\n"
	"[rule \"later\"]\non = order.paid\nafter = 3d\nissue = flat\n";

static void tell(struct world *w, struct fact *f, int n)
{
	char id[16], data[400];
	struct yt_decision d;
	int64_t now = start + 130 * day + n * 2 * hour;

	world_until(w, now);
	learn_outputs(w);
	if (f->wants_code)
		take_code(w, f);
	snprintf(id, sizeof id, "e%d", n);
	d = world_decide(w, world_event(w, f->type, id, now, data_of(f, data)));
	if ((d.result == YT_FORWARDED ? w->forwarded.result : d.result) != YT_APPLIED)
		return;
	f->applied = true;
	learn_fact(f);
	learn_outputs(w);
}

/* Each at least once, some twice, in any order. */
static void play(struct world *w)
{
	int order[2 * FACTS_MAX], n = 0;

	world_init(w, rules);
	w->shards = SHARDS;
	w->now = 0;
	w->batch_size = w->batch_left = (int)roll(20);
	n_rows = 0;
	n_seen = 0;
	memset(known, 0, sizeof known);
	memset(linked, 0, sizeof linked);
	memset(referrals, 0, sizeof referrals);
	for (int k = 0; k < n_facts; k++) {
		order[n++] = k;
		if (!roll(4))
			order[n++] = k;
	}
	for (int k = n - 1; k > 0; k--) {
		int i = (int)roll((uint64_t)k + 1), swap = order[k];

		order[k] = order[i];
		order[i] = swap;
	}
	for (int k = 0; k < n; k++)
		tell(w, &facts[order[k]], k);
	world_until(w, start + 500 * day);
	learn_outputs(w);
	world_seal(w);
}

/* --- comparing */

/* Of all shards. */
static const int64_t *kept(struct world *w, const char *date, const char *channel)
{
	static int64_t sum[YT_CHANNEL__COUNT];
	char name[32];

	snprintf(name, sizeof name, "s1/%s", date);
	memset(sum, 0, sizeof sum);
	for (w->shard = 0; w->shard < (w->shards ? w->shards : 1); w->shard++) {
		const struct yt_channels *c = world_peek(w, YT_KIND_CHANNELS, yt_str_z(name));

		for (uint32_t k = 0; c && k < c->n; k++)
			for (int i = 0; i < YT_CHANNEL__COUNT && yt_str_eq(c->v[k].name, yt_str_z(channel)); i++)
				sum[i] += c->v[k].count[i];
	}
	w->shard = 0;
	return sum;
}

static void check_row(struct world *w, const char *date, const char *channel, const int64_t *want, uint64_t history)
{
	const int64_t *got = kept(w, date, channel);

	for (int k = 0; k < YT_CHANNEL__COUNT; k++)
		CHECK_MSG(got[k] == want[k], "seed %llu: %s %s %s is %lld, a computation over the facts gives %lld", (unsigned long long)history, date, channel,
		          yt_channel_count_names[k].p, (long long)got[k], (long long)want[k]);
}

static void check(struct world *w, uint64_t history)
{
	static const int64_t none[YT_CHANNEL__COUNT];

	for (int m = 0; m < IDS; m++)
		if (person(m) == m)
			expect_orders(w, m);
	expect_facts();
	for (int k = 0; k < n_rows; k++)
		check_row(w, rows[k].date, rows[k].channel, rows[k].count, history);
	for (size_t k = 0; k < w->n_entities; k++) {
		const struct world_entity *e = &w->entities[k];
		const struct yt_channels *c = e->kind == YT_KIND_CHANNELS && e->bytes ? world_decode(&w->batch, e) : NULL;

		for (uint32_t i = 0; c && i < c->n; i++) {
			const char *date = e->name + 3, *channel = yt_arena_printf(&w->batch, "%.*s", YT_FMT(c->v[i].name)).p;
			bool expected = false;

			for (int r = 0; r < n_rows; r++)
				expected |= strcmp(rows[r].date, date) == 0 && strcmp(rows[r].channel, channel) == 0;
			if (!expected)
				check_row(w, date, channel, none, history);
		}
	}
}

TEST(any_history_in_any_order_gives_the_numbers_of_a_computation_over_all_facts)
{
	int64_t used = 0, again = 0, late = 0, links = 0, voids = 0;

	for (uint64_t history = 1; history <= HISTORIES; history++) {
		struct world w;

		seed = history * UINT64_C(0x9e3779b97f4a7c15);
		make_history();
		play(&w);
		check(&w, history);
		for (int k = 0; k < n_rows; k++) {
			used += rows[k].count[YT_CHANNEL_USED];
			again += rows[k].count[YT_CHANNEL_AGAIN_60];
			late += rows[k].count[YT_CHANNEL_ORDERS + YT_NTH_MAX - 1];
		}
		for (int m = 0; m < IDS; m++) {
			links += m < MEMBERS && linked[m];
			voids += person(m) == m && referrals[m].voided;
		}
		world_deinit(&w);
	}
	CHECK_MSG(used > 50 && again > 50 && late > 5 && links > 50 && voids > 50, "the histories have what is to be counted: %lld used, %lld again, %lld late, %lld links, %lld voids",
	          (long long)used, (long long)again, (long long)late, (long long)links, (long long)voids);
}

/* Each id counted it; together they bought it once, and what came back of it came back once. */
TEST(an_order_told_under_both_ids_is_counted_once_by_reports)
{
	const int64_t *c;
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.shards = SHARDS;
	for (int k = 0; k < IDS; k += MEMBERS) {
		char data[300];

		snprintf(data, sizeof data, "{\"order\":\"o-1\",\"member\":\"%s\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", ids[k], (long long)start);
		CHECK_INT(world_tell(&w, "order.paid", "e", start, data).result, YT_APPLIED);
	}
	CHECK_INT(kept(&w, "2026-09-21", "~none")[YT_CHANNEL_REVENUE], 200);
	CHECK_INT(world_tell(&w, "order.refunded", "r", start, "{\"order\":\"o-1\",\"member\":\"wecom:0\",\"refund\":\"r\",\"refunded_at\":1790000000000,\"amount\":40}").result, YT_APPLIED);
	CHECK_INT(world_tell(&w, "member.linked", "l", start, "{\"identity\":\"wecom:0\",\"member\":\"m-0\"}").result, YT_APPLIED);
	c = kept(&w, "2026-09-21", "~none");
	CHECK_INT(c[YT_CHANNEL_ORDERS], 1);
	CHECK_INT(c[YT_CHANNEL_REVENUE], 60);
	world_deinit(&w);
}

/* --- limits */

static int64_t orders_at(struct world *w, const char *channel)
{
	const struct yt_channels *c = world_peek(w, YT_KIND_CHANNELS, YT_S("s1/2026-09-21"));

	for (uint32_t k = 0; k < c->n; k++)
		if (yt_str_eq(c->v[k].name, yt_str_z(channel)))
			return c->v[k].count[YT_CHANNEL_REVENUE];
	return -1;
}

static void order(struct world *w, int member, const char *channel, int n)
{
	char data[400], id[16];

	snprintf(id, sizeof id, "e%d", n);
	snprintf(data, sizeof data, "{\"order\":\"o-%d\",\"member\":\"m-%d\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[],\"channel\":\"%s\"}", n, member,
	         (long long)start, channel);
	CHECK_INT(world_tell(w, "order.paid", id, start, data).result, YT_APPLIED);
}

static void refund(struct world *w, int member, int n)
{
	char data[200];

	snprintf(data, sizeof data, "{\"order\":\"o-%d\",\"member\":\"m-%d\",\"refund\":\"r\",\"refunded_at\":%lld,\"amount\":100}", n, member, (long long)start);
	CHECK_INT(world_tell(w, "order.refunded", "r", start, data).result, YT_APPLIED);
}

TEST(a_day_tells_64_channels_apart_and_counts_the_rest_as_other)
{
	char channel[140];
	struct world w;

	world_init(&w, WORLD_SHOP);
	for (int k = 0; k <= YT_CHANNELS_MAX + 1; k++) {
		snprintf(channel, sizeof channel, "%03d%0125d", k, 0); /* of the longest, 128 bytes */
		order(&w, k, channel, k);
	}
	snprintf(channel, sizeof channel, "%03d%0125d", YT_CHANNELS_MAX - 1, 0);
	CHECK_INT(orders_at(&w, channel), 100);
	CHECK_INT(orders_at(&w, "~other"), 200);
	refund(&w, YT_CHANNELS_MAX, YT_CHANNELS_MAX); /* where it was counted */
	CHECK_INT(orders_at(&w, "~other"), 100);
	refund(&w, YT_CHANNELS_MAX - 1, YT_CHANNELS_MAX - 1);
	CHECK_INT(orders_at(&w, channel), 0);
	world_deinit(&w);
}

TEST(a_member_has_16_channels_and_more_count_as_other)
{
	char channel[16];
	struct world w;

	world_init(&w, WORLD_SHOP);
	for (int k = 0; k <= YT_PAID_CHANNELS_MAX; k++) {
		snprintf(channel, sizeof channel, "c%d", k);
		order(&w, 1, channel, k);
	}
	CHECK_INT(orders_at(&w, "c15"), 100);
	CHECK_INT(orders_at(&w, "c16"), -1);
	CHECK_INT(orders_at(&w, "~other"), 100);
	refund(&w, 1, 16);
	CHECK_INT(orders_at(&w, "~other"), 0);
	world_deinit(&w);
}

TEST(the_numbers_of_the_largest_day_fit_into_its_bytes)
{
	struct yt_channels *c;
	struct yt_arena a;
	struct yt_buf out;

	yt_arena_init(&a, 0);
	c = yt_channels_fresh(&a, YT_S("s1/2026-09-21"));
	for (int k = 0; k <= YT_CHANNELS_MAX; k++) {
		struct yt_channel *one = yt_channels_get(c, &a, yt_arena_printf(&a, "%03d%0125d", k, 0));

		for (int i = 0; i < YT_CHANNEL__COUNT; i++)
			one->count[i] = INT64_MIN;
	}
	CHECK_INT(c->n, YT_CHANNELS_MAX + 1);
	yt_buf_init(&out, &a);
	yt_channels_encode(c, &out);
	CHECK_MSG(out.n + YT_ENTITY_HEAD <= YT_CHANNELS_BYTES_MAX, "%zu bytes", out.n);
	yt_arena_deinit(&a);
}

/* 2048 orders that count, then one more: the oldest goes, and what it counted for stays. */
TEST(an_order_that_had_to_go_stays_as_it_was_counted)
{
	const int64_t *c;
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.batch_size = w.batch_left = 5000;
	for (int k = 0; k <= YT_PAID_MAX; k++) {
		char data[300], id[16];

		snprintf(id, sizeof id, "e%d", k);
		snprintf(data, sizeof data, "{\"order\":\"o-%d\",\"member\":\"m-1\",\"paid_at\":%lld,\"amount\":100,\"currency\":\"CNY\",\"items\":[]}", k, (long long)start + k);
		CHECK_INT(world_tell(&w, "order.paid", id, start + k, data).result, YT_APPLIED);
	}
	c = kept(&w, "2026-09-21", "~none");
	CHECK_INT(c[YT_CHANNEL_ORDERS], 1);
	CHECK_INT(c[YT_CHANNEL_ORDERS + 1], 1);
	CHECK_INT(c[YT_CHANNEL_ORDERS + YT_NTH_MAX - 1], YT_PAID_MAX + 1 - 9);
	CHECK_INT(c[YT_CHANNEL_AGAIN_30], 1);
	CHECK_INT(c[YT_CHANNEL_GAP_MS], YT_PAID_MAX);
	CHECK_INT(c[YT_CHANNEL_REVENUE], 100 * (YT_PAID_MAX + 1));
	refund(&w, 1, 0);
	c = kept(&w, "2026-09-21", "~none");
	CHECK_INT(c[YT_CHANNEL_ORDERS], 1);
	CHECK_INT(c[YT_CHANNEL_REVENUE], 100 * YT_PAID_MAX);
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(any_history_in_any_order_gives_the_numbers_of_a_computation_over_all_facts);
	RUN(an_order_told_under_both_ids_is_counted_once_by_reports);
	RUN(a_day_tells_64_channels_apart_and_counts_the_rest_as_other);
	RUN(a_member_has_16_channels_and_more_count_as_other);
	RUN(the_numbers_of_the_largest_day_fit_into_its_bytes);
	RUN(an_order_that_had_to_go_stays_as_it_was_counted);
}
