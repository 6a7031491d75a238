/* Facts fold in any order of arrival, however often, to the same state; outputs leave once. Random histories, shuffled. A seed that fails is
 * a report: test_core_fold prints it. */
#include "unit/core_world.h"
#include "unit/random.h"

#include "yutang/core/member.h"

enum { MEMBERS = 3, ORDERS = 5, HISTORIES = 60, SHUFFLES = 6 };

static const int64_t start = INT64_C(1790000000000), hour = 3600000;

/* Instants are coarse, so that many are equal. */
static long long some_time(void)
{
	return (long long)(start + (int64_t)roll(240) * hour);
}

static const char *some_channel(void)
{
	static const char *const channels[] = { "", ",\"channel\":\"live\"", ",\"channel\":\"search\"", ",\"channel\":\"\"" };

	return channels[roll(4)];
}

static void make_order(struct history *h, int member, int order)
{
	static const int amounts[] = { 0, 100, 100, 250, 9900 };
	int amount = amounts[roll(5)], refunds = (int)roll(4);

	if (roll(10))
		history_add(h, "order.paid", "{\"order\":\"o-%d-%d\",\"member\":\"m-%d\",\"paid_at\":%lld,\"amount\":%d,\"currency\":\"CNY\",\"items\":[{\"sku\":\"a\",\"quantity\":%d,\"amount\":%d}]%s}",
		    member, order, member, some_time(), amount, 1 + (int)roll(3), amount, some_channel());
	for (int k = 0; k < refunds; k++)
		history_add(h, "order.refunded", "{\"order\":\"o-%d-%d\",\"member\":\"m-%d\",\"refund\":\"r-%d\",\"refunded_at\":%lld,\"amount\":%d}", member,
		    order, member, k, some_time(), (int)roll((uint64_t)amount + 20));
	if (!roll(4))
		history_add(h, "order.cancelled", "{\"order\":\"o-%d-%d\",\"member\":\"m-%d\",\"cancelled_at\":%lld}", member, order, member, some_time());
	if (roll(2))
		history_add(h, "order.shipped", "{\"order\":\"o-%d-%d\",\"member\":\"m-%d\",\"shipped_at\":%lld}", member, order, member, some_time());
	if (roll(2))
		history_add(h, "order.signed", "{\"order\":\"o-%d-%d\",\"member\":\"m-%d\",\"signed_at\":%lld}", member, order, member, some_time());
}

/* One fact a business key: a doubled join of one instant would differ in nothing but its account. */
static void make_places(struct history *h, int member)
{
	for (int k = (int)roll(6); k > 0; k--)
		history_add(h, "group.joined", "{\"group\":\"g-%d\",\"member\":\"m-%d\",\"joined_at\":%lld}", (int)roll(2), member, some_time());
	for (int k = (int)roll(4); k > 0; k--)
		history_add(h, "group.left", "{\"group\":\"g-%d\",\"member\":\"m-%d\",\"left_at\":%lld}", (int)roll(2), member, some_time());
	for (int k = (int)roll(4); k > 0; k--)
		history_add(h, "contact.added", "{\"account\":\"a-%d\",\"member\":\"m-%d\",\"added_at\":%lld}", (int)roll(2), member, some_time());
	for (int k = (int)roll(3); k > 0; k--)
		history_add(h, "contact.removed", "{\"account\":\"a-%d\",\"member\":\"m-%d\",\"removed_at\":%lld}", (int)roll(2), member, some_time());
	if (roll(2))
		history_add(h, "referral.bound", "{\"referrer\":\"m-%d\",\"member\":\"m-%d\",\"bound_at\":%lld%s}", (int)roll(MEMBERS), member, some_time(), some_channel());
}

/* One of each presale and member, and the payment may be unknown. */
static void make_deposits(struct history *h, int member)
{
	for (int k = 0; k < 3; k++) {
		long long from = (long long)(start + (int64_t)(240 + roll(100)) * hour);

		if (roll(4))
			history_add(h, "presale.deposit_paid", "{\"presale\":\"p-%d\",\"member\":\"m-%d\",\"paid_at\":%lld,\"amount\":%d,\"balance_from\":%lld,\"balance_until\":%lld}",
			    k, member, some_time(), (int)roll(100), from, from + 48 * (long long)hour);
		if (!roll(3))
			history_add(h, "presale.deposit_refunded", "{\"presale\":\"p-%d\",\"member\":\"m-%d\",\"refunded_at\":%lld}", k, member, some_time());
	}
}

static void make_history(struct history *h)
{
	h->n = 0;
	for (int m = 0; m < MEMBERS; m++) {
		for (int k = 0; k < ORDERS; k++)
			make_order(h, m, k);
		make_places(h, m);
		make_deposits(h, m);
	}
}

/* Each at least once, some up to three times, in any order. */
static int shuffle(const struct history *h, int *order)
{
	int n = 0;

	for (int k = 0; k < h->n; k++) {
		for (int times = 1 + (roll(3) ? 0 : (int)roll(3)); times > 0; times--)
			order[n++] = k;
	}
	for (int k = n - 1; k > 0; k--) {
		int i = (int)roll((uint64_t)k + 1), swap = order[k];

		order[k] = order[i];
		order[i] = swap;
	}
	return n;
}

static const char rules[] = WORLD_SHOP
	"[coupon \"second\"]\npay_percent = 60\nvalid_for = 10d\nremind_before = 1d\nlimit_per_period = 2 per 5d\n"
	"[rule \"ladder\"]\non = order.paid\nwhen = order.nth == 1\nissue = second\n"
	"[rule \"steps\"]\non = order.shipped, order.signed, order.refunded, order.cancelled\nafter = 1h\nstill = !order.cancelled\nfollow_up = step\n"
	"[rule \"once\"]\non = order.paid, order.shipped\nonce = per order\nfollow_up = once\n"
	"[rule \"places\"]\non = group.joined, group.left, contact.added, contact.removed\nafter = 2h\nfollow_up = place\n"
	"[rule \"member\"]\non = group.joined, contact.added\nonce = per member\nissue = second\nfollow_up = hello\n"
	"[coupon \"deposit\"]\namount_off = 5\nremind_before = 1d\n[presale \"p-0\"]\ncoupon = deposit\n[presale \"p-1\"]\ncoupon = deposit\n"
	"[rule \"deposits\"]\non = presale.deposit_paid, presale.deposit_refunded\nafter = 3h\nstill = !has(presale.refunded_at)\nfollow_up = deposit\n"
	"[tier \"a\"]\nrank = 1\nmin_orders = 1\nperiod = 5d\ngrace = 2d\nwarn_before = 1d\n"
	"[tier \"b\"]\nrank = 2\nmin_amount = 200\nmin_orders = 3\nneed = any\nperiod = 9d\nwarn_before = 4d\n"
	"[tier \"c\"]\nrank = 3\nmin_amount = 10000\nperiod = 20d\ngrace = 1d\nwarn_before = 20h\n"
	"[rule \"tiers\"]\non = tier.changed\nafter = 1h\nstill = event.to != 'x'\nissue = second\nfollow_up = tier\n";

static void play(struct world *w, const struct history *h, const int *order, int n, int batch)
{
	int64_t now = start + 241 * hour;

	world_init(w, rules);
	w->now = 0;
	w->batch_size = w->batch_left = batch;
	for (int k = 0; k < n; k++) {
		const struct told *t = &h->ev[order[k]];
		char id[16];

		snprintf(id, sizeof(id), "e%d", k);
		world_tell(w, t->type, id, now, t->data);
		now += (int64_t)(order[k] % 3) * hour / 2;
	}
	world_until(w, now + 1000 * hour);
	world_seal(w);
}

static bool is_fact(enum yt_kind kind, struct yt_str field)
{
	/* What was decided depends on what was known when it was decided. */
	if (kind == YT_KIND_ACCOUNT || kind == YT_KIND_GROUP)
		return yt_str_eq(field, YT_S("contacts")) || yt_str_eq(field, YT_S("members")) || yt_str_eq(field, YT_S("version"));
	if (kind == YT_KIND_ORDER)
		return !yt_str_eq(field, YT_S("nth"));
	return !yt_str_starts(field, YT_S("coupons_")) && !yt_str_eq(field, YT_S("tier")) && !memchr(field.p, ':', field.n);
}

/* Deposits are in no hash of the view. */
static size_t add_deposits(struct world *w, const struct world_entity *e, char **lines)
{
	const struct yt_member *m = e->kind == YT_KIND_MEMBER ? world_decode(&w->batch, e) : NULL;

	for (uint32_t k = 0; m && k < m->deposits.n; k++) {
		const struct yt_deposit *d = &m->deposits.v[k];

		lines[k] = (char *)yt_arena_printf(&w->batch, "%s deposit %llx = %lld %lld %lld %lld %lld\n", e->name, (unsigned long long)d->presale,
		                                   (long long)d->paid_at, (long long)d->amount, (long long)d->balance_from, (long long)d->balance_until,
		                                   (long long)d->refunded_at).p;
	}
	return m ? m->deposits.n : 0;
}

/* The channels of a day are facts, but for what was issued. */
static struct yt_str facts_in(struct world *w, enum yt_kind kind, struct yt_str value)
{
	const char *issued = kind == YT_KIND_CHANNELS ? memmem(value.p, value.n, "\"issued\":", 9) : NULL;
	size_t head = issued ? (size_t)(issued - value.p) : 0, n;

	if (!issued)
		return value;
	n = strcspn(issued, ",}");
	n += issued[n] == ',';
	if (value.n == head + n + 1)
		return head == 1 ? YT_S("0") : yt_arena_printf(&w->batch, "%.*s}", (int)head - 1, value.p);
	return yt_arena_printf(&w->batch, "%.*s%.*s", (int)head, value.p, (int)(value.n - head - n), issued + n);
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The facts of all entities, a line a field, sorted. */
static char *facts_of(struct world *w)
{
	char **lines = calloc(100000, sizeof(*lines)), *all = calloc(1, 1 << 20);
	size_t n = 0, at = 0;

	for (size_t k = 0; k < w->n_entities; k++) {
		struct world_entity *e = &w->entities[k];
		struct yt_view_hash out[YT_VIEW_HASHES_MAX];

		if (!e->bytes)
			continue;
		n += add_deposits(w, e, lines + n);
		yt_view_render(&w->batch, e->kind, yt_str(e->name, e->name_n), world_decode(&w->batch, e), true, out);
		for (size_t i = 0; i < out[0].n; i++) {
			struct yt_str field = out[0].fields[2 * i], value = facts_in(w, e->kind, out[0].fields[2 * i + 1]);

			/* A day or a member that only decisions counted on shows zeros. */
			if (is_fact(e->kind, field) && !yt_str_eq(value, YT_S("0")))
				lines[n++] = (char *)yt_arena_printf(&w->batch, "%.*s %.*s = %.*s\n", YT_FMT(out[0].suffix), YT_FMT(field), YT_FMT(value)).p;
		}
	}
	qsort(lines, n, sizeof(*lines), by_line);
	for (size_t k = 0; k < n; k++)
		at += (size_t)sprintf(all + at, "%s", lines[k]);
	free(lines);
	return all;
}

static void check_outputs_once(struct world *w, uint64_t history)
{
	for (size_t k = 0; k < w->n_outputs; k++) {
		for (size_t i = 0; i < k; i++)
			CHECK_MSG(strcmp(w->outputs[k].id, w->outputs[i].id), "seed %llu: one id twice: %s %s", (unsigned long long)history,
			          w->outputs[i].value, w->outputs[k].value);
	}
}

/* How often what was decided becomes bytes and is read again changes nothing that leaves. */
static void check_batches(struct world *w, const struct history *h, const int *order, int n, uint64_t history)
{
	struct world other;

	play(&other, h, order, n, 1000);
	CHECK_INT(other.n_outputs, w->n_outputs);
	for (size_t k = 0; k < w->n_outputs; k++)
		CHECK_MSG(strcmp(w->outputs[k].value, other.outputs[k].value) == 0, "seed %llu: in one batch %s, in many %s", (unsigned long long)history,
		          other.outputs[k].value, w->outputs[k].value);
	world_deinit(&other);
}

static void check_same(const char *got, const char *want, uint64_t history)
{
	size_t at = 0;

	while (got[at] && got[at] == want[at])
		at++;
	if (got[at] == want[at])
		return;
	while (at && got[at - 1] != '\n')
		at--;
	CHECK_MSG(false, "seed %llu: another order of arrival gives %.*s, the first gave %.*s", (unsigned long long)history,
	          (int)strcspn(got + at, "\n"), got + at, (int)strcspn(want + at, "\n"), want + at);
}

TEST(any_order_of_arrival_and_duplicates_give_the_same_facts)
{
	for (uint64_t history = 1; history <= HISTORIES; history++) {
		char *first = NULL;
		struct history h;

		seed = history * UINT64_C(0x9e3779b97f4a7c15);
		make_history(&h);
		for (int k = 0; k < SHUFFLES; k++) {
			int order[3 * EVENTS_MAX], n = shuffle(&h, order);
			struct world w;
			char *facts;

			play(&w, &h, order, n, k ? (int)roll(20) : 0);
			check_outputs_once(&w, history);
			if (!k)
				check_batches(&w, &h, order, n, history);
			facts = facts_of(&w);
			if (first)
				check_same(facts, first, history);
			else
				first = strdup(facts);
			free(facts);
			world_deinit(&w);
		}
		free(first);
	}
}

/* The sums of a member and the counters of the days against a computation over the history. */
struct expected {
	int64_t paid_orders, paid_amount, refunded_orders, refunded_amount, net_amount, day_refunded;
};

static long long number_in(const char *data, const char *field)
{
	char key[40];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", field);
	at = strstr(data, key);
	return at ? atoll(at + strlen(key)) : -1;
}

static void expect_order(const struct history *h, int member, int k, struct expected *x)
{
	char key[40];
	long long amount = -1, refunds = 0;
	bool cancelled = false;

	snprintf(key, sizeof(key), "\"o-%d-%d\"", member, k);
	for (int i = 0; i < h->n; i++) {
		const struct told *t = &h->ev[i];

		if (!strstr(t->data, key))
			continue;
		if (strcmp(t->type, "order.paid") == 0)
			amount = number_in(t->data, "amount");
		else if (strcmp(t->type, "order.refunded") == 0)
			refunds += number_in(t->data, "amount");
		else if (strcmp(t->type, "order.cancelled") == 0)
			cancelled = true;
	}
	if (amount < 0)
		return;
	refunds = refunds < amount ? refunds : amount;
	x->day_refunded += refunds;
	refunds = cancelled ? amount : refunds;
	if (!cancelled && (amount == 0 || refunds < amount)) {
		x->paid_orders++;
		x->paid_amount += amount;
	} else {
		x->refunded_orders++;
	}
	x->refunded_amount += refunds;
	x->net_amount += amount - refunds;
}

static int64_t sum_of_days(struct world *w, const char *field)
{
	int64_t sum = 0;

	for (size_t k = 0; k < w->n_entities; k++) {
		const char *value = w->entities[k].kind == YT_KIND_DAY ? world_field(w, YT_KIND_DAY, w->entities[k].name, 0, field) : NULL;

		sum += value ? atoll(value) : 0;
	}
	return sum;
}

TEST(sums_are_those_of_a_computation_over_the_history)
{
	for (uint64_t history = 1001; history <= 1000 + HISTORIES; history++) {
		struct expected all = { 0 };
		int64_t first = 0;
		struct history h;
		int order[3 * EVENTS_MAX], n;
		struct world w;

		seed = history * UINT64_C(0x9e3779b97f4a7c15);
		make_history(&h);
		n = shuffle(&h, order);
		play(&w, &h, order, n, (int)roll(20));
		for (int m = 0; m < MEMBERS; m++) {
			struct expected x = { 0 };
			char name[32];

			snprintf(name, sizeof(name), "s1/m-%d", m);
			for (int k = 0; k < ORDERS; k++)
				expect_order(&h, m, k, &x);
			if (!world_field(&w, YT_KIND_MEMBER, name, 0, "id"))
				continue;
			CHECK_INT(atoll(world_field(&w, YT_KIND_MEMBER, name, 0, "paid_orders")), x.paid_orders);
			CHECK_INT(atoll(world_field(&w, YT_KIND_MEMBER, name, 0, "paid_amount")), x.paid_amount);
			CHECK_INT(atoll(world_field(&w, YT_KIND_MEMBER, name, 0, "refunded_orders")), x.refunded_orders);
			CHECK_INT(atoll(world_field(&w, YT_KIND_MEMBER, name, 0, "refunded_amount")), x.refunded_amount);
			CHECK_INT(atoll(world_field(&w, YT_KIND_MEMBER, name, 0, "net_amount")), x.net_amount);
			all.paid_orders += x.paid_orders;
			all.day_refunded += x.day_refunded;
			first += x.paid_orders > 0;
		}
		CHECK_INT(sum_of_days(&w, "first_orders"), first);
		CHECK_INT(sum_of_days(&w, "repeat_orders"), all.paid_orders - first);
		CHECK_INT(sum_of_days(&w, "refunded_amount"), all.day_refunded);
		world_deinit(&w);
	}
}

TEST_MAIN
{
	RUN(any_order_of_arrival_and_duplicates_give_the_same_facts);
	RUN(sums_are_those_of_a_computation_over_the_history);
}
