/* `replay --compare`: two rule sets over the same events side by side, A and B. What only one of them would send, and what the coupons of each
 * would have cost. An output is known by its id; it is kept only while the other set has not sent it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "replay.h"
#include "yutang/base/hash.h"
#include "yutang/base/json.h"
#include "yutang/base/map.h"
#include "yutang/core/coupon.h"
#include "yutang/core/list.h"

enum { A, B, SIDES };

/* What a template came to with each set. */
struct tally {
	struct yt_str name;
	uint64_t issued[SIDES], used[SIDES];
	int64_t cost[SIDES], potential[SIDES]; /* minor units */
};

/* An order of the file. */
struct order {
	struct order *next; /* of its member, newest first */
	uint64_t id;        /* hash */
	uint32_t place;     /* in the file */
	uint8_t taken;      /* bit per side: one of its coupons is counted here */
	int64_t paid_at, amount;
};

/* An event of an order that names coupons, found by order and envelope id: of two that tell one order, only one is decided. */
struct named {
	char key[16];
	struct order *order;
};

enum state { OPEN, USED, REVOKED };

struct coupon {
	char id[32];
	struct coupon *next; /* of its member and side, in order of issue */
	const struct yt_coupon_rules *rules;
	struct tally *tally;
	enum state state;
	int64_t valid_from, valid_until;
	int64_t worth;      /* on the order that used it */
	uint64_t for_order; /* hash; 0: none */
};

struct buyer {
	struct yt_str name; /* `<shop>/<member>` */
	struct order *orders;
	uint32_t n_orders;
	struct coupon *first[SIDES], **last[SIDES];
};

/* An output that the other side has not sent. */
struct unmatched {
	struct unmatched *next, **link;
	char id[32];
	uint8_t side;
	uint32_t n;
	char value[];
};

struct compare {
	struct side {
		struct compare *compare;
		const struct yt_ruleset *rules;
		struct yt_str tag; /* how its outputs name the rule set */
		struct yt_replay replay;
		uint64_t outputs, dead, only;
		struct unmatched *first, **last;
		struct yt_map coupons;
	} side[SIDES];
	uint64_t lines, both, changed;
	uint32_t orders;
	struct yt_map unmatched, buyers, named;
	struct yt_arena keep;    /* lines */
	struct yt_arena memory;  /* orders, coupons, buyers */
	struct yt_arena scratch; /* one output */
	struct tally *tallies;   /* as in the file of A, then what B alone has */
	size_t n_tallies;
};

/* --- tables */

static struct yt_str buyer_key(const void *v)
{
	return ((const struct buyer *)v)->name;
}

static struct yt_str named_key(const void *v)
{
	return yt_str(((const struct named *)v)->key, 16);
}

static struct yt_str coupon_key(const void *v)
{
	return yt_str(((const struct coupon *)v)->id, 32);
}

static struct yt_str unmatched_key(const void *v)
{
	return yt_str(((const struct unmatched *)v)->id, 32);
}

static struct tally *tally_of(struct compare *c, struct yt_str name)
{
	for (size_t i = 0; i < c->n_tallies; i++)
		if (yt_str_eq(c->tallies[i].name, name))
			return &c->tallies[i];
	return NULL;
}

static void add_tallies(struct compare *c)
{
	size_t most = c->side[A].rules->n_coupons + c->side[B].rules->n_coupons;

	c->tallies = yt_arena_zalloc(&c->memory, (most + 1) * sizeof *c->tallies);
	for (int s = 0; s < SIDES; s++)
		for (size_t i = 0; i < c->side[s].rules->n_coupons; i++)
			if (!tally_of(c, c->side[s].rules->coupons[i].name))
				c->tallies[c->n_tallies++].name = c->side[s].rules->coupons[i].name;
}

static struct buyer *buyer_of(struct compare *c, struct yt_str shop, struct yt_str member)
{
	char text[64 + 1 + 128];
	struct yt_str name;
	struct buyer *b;

	YT_ASSERT(shop.n + 1 + member.n <= sizeof text, NULL);
	memcpy(text, shop.p, shop.n);
	text[shop.n] = '/';
	memcpy(text + shop.n + 1, member.p, member.n);
	name = yt_str(text, shop.n + 1 + member.n);
	b = yt_map_get(&c->buyers, name);
	if (b)
		return b;
	b = yt_arena_zalloc(&c->memory, sizeof *b);
	b->name = yt_arena_dup(&c->memory, name);
	for (int s = 0; s < SIDES; s++)
		b->last[s] = &b->first[s];
	yt_map_add(&c->buyers, b);
	return b;
}

static void key_of_named(struct yt_str shop, struct yt_str order, struct yt_str cause, char key[16])
{
	uint64_t parts[2] = { yt_hash64(shop) * 31 + yt_hash64(order), yt_hash64(cause) };

	memcpy(key, parts, sizeof parts);
}

/* --- the orders of the file */

static void seen(void *ctx, const struct yt_event *ev)
{
	const union yt_field_value *codes;
	struct compare *c = ctx;
	struct yt_str id;
	struct buyer *b;
	struct order *o;
	struct named n;

	if (ev->type != YT_ORDER_PAID)
		return;
	id = yt_event_text(ev, YT_F_ORDER);
	b = buyer_of(c, ev->shop, yt_event_text(ev, YT_F_MEMBER));
	o = yt_arena_alloc(&c->memory, sizeof *o);
	*o = (struct order){ .next = b->orders, .id = yt_hash64(id), .place = c->orders++, .paid_at = ev->at,
		             .amount = yt_event_int(ev, YT_F_AMOUNT) };
	b->orders = o;
	b->n_orders++;
	codes = yt_event_field(ev, YT_F_COUPONS);
	if (!codes || codes->list.n == 0)
		return;
	n.order = o;
	key_of_named(ev->shop, id, ev->id, n.key);
	if (!yt_map_get(&c->named, named_key(&n))) {
		struct named *kept = yt_arena_alloc(&c->memory, sizeof *kept);

		*kept = n;
		yt_map_add(&c->named, kept);
	}
}

/* What a coupon is worth on an order that would have cost `price` without it. */
static int64_t worth_of_price(const struct yt_coupon_rules *t, int64_t price)
{
	int64_t off = t->discount == YT_PAY_PERCENT ? 100 - t->value : t->value;

	if (t->discount == YT_AMOUNT_OFF)
		return t->value < price ? t->value : price;
	return price / 100 * off + price % 100 * off / 100;
}

/* --- outputs */

static int64_t number(const cJSON *data, const char *name)
{
	int64_t v = 0;
	const cJSON *item = yt_json_get(data, name);

	return item && yt_json_int(item, &v) ? v : 0;
}

static struct yt_str text(const cJSON *data, const char *name)
{
	const cJSON *item = yt_json_get(data, name);

	return item ? yt_json_text(item) : (struct yt_str){ 0 };
}

static void issued(struct side *s, int k, const struct yt_output *out, const cJSON *data)
{
	struct compare *c = s->compare;
	struct yt_str template = text(data, "template");
	struct buyer *b = buyer_of(c, text(data, "shop"), text(data, "member"));
	struct coupon *coupon = yt_arena_zalloc(&c->memory, sizeof *coupon);
	const cJSON *cause = yt_json_get(data, "for");

	memcpy(coupon->id, out->id, sizeof coupon->id);
	coupon->rules = yt_ruleset_coupon(s->rules, template);
	coupon->tally = tally_of(c, template);
	YT_ASSERT(coupon->rules && coupon->tally, out->id);
	coupon->valid_from = number(data, "valid_from");
	coupon->valid_until = number(data, "valid_until");
	if (cause && text(cause, "order").n)
		coupon->for_order = yt_hash64(text(cause, "order"));
	coupon->tally->issued[k]++;
	*b->last[k] = coupon;
	b->last[k] = &coupon->next;
	yt_map_add(&s->coupons, coupon);
}

static void used(struct side *s, int k, struct coupon *coupon, const cJSON *data)
{
	struct compare *c = s->compare;
	struct named *n;
	char key[16];

	key_of_named(text(data, "shop"), text(data, "order"), text(data, "cause"), key);
	n = yt_map_get(&c->named, yt_str(key, sizeof key));
	coupon->state = USED;
	coupon->worth = n ? yt_coupon_worth(coupon->rules, n->order->amount) : 0;
	if (n)
		n->order->taken |= (uint8_t)(1 << k);
	coupon->tally->used[k]++;
	coupon->tally->cost[k] = yt_sum(coupon->tally->cost[k], coupon->worth);
}

/* A cancelled order gives its coupon back: it cost nothing. */
static void returned(int k, struct coupon *coupon)
{
	coupon->state = OPEN;
	coupon->tally->used[k]--;
	coupon->tally->cost[k] -= coupon->worth;
}

static void count_coupon(struct side *s, int k, const struct yt_output *out)
{
	const cJSON *root, *data;
	struct coupon *coupon;

	if (yt_json_parse(&s->compare->scratch, out->value, 0, 0, &root, NULL) == YT_JSON_OK && (data = yt_json_get(root, "data"))) {
		coupon = yt_map_get(&s->coupons, text(data, "coupon"));
		if (out->type == YT_OUT_COUPON_ISSUED)
			issued(s, k, out, data);
		else if (coupon && out->type == YT_OUT_COUPON_USED)
			used(s, k, coupon, data);
		else if (coupon && out->type == YT_OUT_COUPON_RETURNED && coupon->state == USED)
			returned(k, coupon);
		else if (coupon && out->type == YT_OUT_COUPON_REVOKED)
			coupon->state = REVOKED;
	}
	yt_arena_reset(&s->compare->scratch);
}

/* The bytes but for the name of the rule set. */
static bool is_same(struct yt_str a, struct yt_str tag_a, struct yt_str b, struct yt_str tag_b)
{
	const char *at_a = memmem(a.p, a.n, tag_a.p, tag_a.n), *at_b = memmem(b.p, b.n, tag_b.p, tag_b.n);

	if (!at_a || !at_b)
		return false;
	return yt_str_eq(yt_str(a.p, (size_t)(at_a - a.p)), yt_str(b.p, (size_t)(at_b - b.p))) &&
	       yt_str_eq(yt_str(at_a + tag_a.n, (size_t)(a.p + a.n - at_a) - tag_a.n), yt_str(at_b + tag_b.n, (size_t)(b.p + b.n - at_b) - tag_b.n));
}

static void match(struct side *s, int k, const struct yt_output *out)
{
	struct compare *c = s->compare;
	struct unmatched *u = yt_map_get(&c->unmatched, yt_str(out->id, 32));

	if (u && u->side != k) {
		yt_map_remove(&c->unmatched, unmatched_key(u));
		*u->link = u->next;
		if (u->next)
			u->next->link = u->link;
		else
			c->side[u->side].last = u->link;
		c->side[u->side].only--;
		c->both++;
		c->changed += !is_same(yt_str(u->value, u->n), c->side[u->side].tag, out->value, s->tag);
		free(u);
		return;
	}
	u = malloc(sizeof *u + out->value.n);
	if (!u)
		yt_out_of_memory(sizeof *u + out->value.n);
	*u = (struct unmatched){ .link = s->last, .side = (uint8_t)k, .n = out->value.n };
	memcpy(u->id, out->id, sizeof u->id);
	memcpy(u->value, out->value.p, out->value.n);
	*s->last = u;
	s->last = &u->next;
	s->only++;
	yt_map_add(&c->unmatched, u);
}

static void on_output(void *ctx, int shard, const struct yt_output *out)
{
	struct side *s = ctx;
	int k = (int)(s - s->compare->side);

	(void)shard;
	s->outputs++;
	match(s, k, out);
	if (out->type == YT_OUT_COUPON_ISSUED || out->type == YT_OUT_COUPON_USED || out->type == YT_OUT_COUPON_RETURNED ||
	    out->type == YT_OUT_COUPON_REVOKED)
		count_coupon(s, k, out);
}

static void on_dead(void *ctx, enum yt_dead reason, const char *detail, const struct yt_record *rec)
{
	(void)reason;
	(void)detail;
	(void)rec;
	((struct side *)ctx)->dead++;
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	(void)ctx;
	exit(yt_app_fail(err));
}

/* --- what the unused coupons would have been worth: each at the first order of its member that it is valid for and no other has taken */

static int by_id(const void *x, const void *y)
{
	const struct order *a = *(struct order *const *)x, *b = *(struct order *const *)y;

	return a->id != b->id ? (a->id > b->id) - (a->id < b->id) : (a->place > b->place) - (a->place < b->place);
}

static int by_instant(const void *x, const void *y)
{
	const struct order *a = *(struct order *const *)x, *b = *(struct order *const *)y;

	return a->paid_at != b->paid_at ? (a->paid_at > b->paid_at) - (a->paid_at < b->paid_at) : (a->place > b->place) - (a->place < b->place);
}

/* The orders of a member by instant; one that was told again counts as it was told first. */
static struct order **orders_of(struct yt_arena *a, const struct buyer *b, size_t *n)
{
	struct order **v = yt_arena_alloc(a, (b->n_orders + 1) * sizeof(struct order *));
	size_t all = 0, kept = 0;

	for (struct order *o = b->orders; o; o = o->next)
		v[all++] = o;
	qsort(v, all, sizeof *v, by_id);
	for (size_t i = 0; i < all; i++) {
		if (kept && v[kept - 1]->id == v[i]->id)
			v[kept - 1]->taken |= v[i]->taken;
		else
			v[kept++] = v[i];
	}
	qsort(v, kept, sizeof *v, by_instant);
	*n = kept;
	return v;
}

static int64_t claim(const struct coupon *coupon, int k, struct order **v, size_t n)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (v[middle]->paid_at < coupon->valid_from)
			from = middle + 1;
		else
			to = middle;
	}
	for (; from < n && v[from]->paid_at < coupon->valid_until; from++) {
		struct order *o = v[from];

		if (o->taken >> k & 1 || o->id == coupon->for_order || o->amount < coupon->rules->min_amount)
			continue;
		o->taken |= (uint8_t)(1 << k);
		return worth_of_price(coupon->rules, o->amount);
	}
	return 0;
}

static void add_potential(struct compare *c)
{
	struct buyer *b;
	size_t at = 0;

	while ((b = yt_map_next(&c->buyers, &at))) {
		size_t n;
		struct order **v;

		if (!b->orders || !(b->first[A] || b->first[B]))
			continue;
		v = orders_of(&c->scratch, b, &n);
		for (int k = 0; k < SIDES; k++)
			for (const struct coupon *coupon = b->first[k]; coupon; coupon = coupon->next)
				if (coupon->state == OPEN)
					coupon->tally->potential[k] = yt_sum(coupon->tally->potential[k], claim(coupon, k, v, n));
		yt_arena_reset(&c->scratch);
	}
	for (size_t i = 0; i < c->n_tallies; i++)
		for (int k = 0; k < SIDES; k++)
			c->tallies[i].potential[k] = yt_sum(c->tallies[i].potential[k], c->tallies[i].cost[k]);
}

/* --- saying */

static void print_outputs(const char *name, const struct unmatched *first)
{
	printf("\"%s\":[", name);
	for (const struct unmatched *u = first; u; u = u->next) {
		fputs(u == first ? "\n" : ",\n", stdout);
		fwrite(u->value, 1, u->n, stdout);
	}
	fputs(first ? "\n]," : "],", stdout);
}

static void print_json(const struct compare *c)
{
	putchar('{');
	print_outputs("only_a", c->side[A].first);
	print_outputs("only_b", c->side[B].first);
	printf("\"both\":%" PRIu64 ",\"by_template\":{", c->both);
	for (size_t i = 0; i < c->n_tallies; i++) {
		const struct tally *t = &c->tallies[i];

		printf("%s\"%.*s\":{\"issued\":{\"a\":%" PRIu64 ",\"b\":%" PRIu64 "},\"used\":{\"a\":%" PRIu64 ",\"b\":%" PRIu64
		       "},\"cost\":{\"a\":%" PRId64 ",\"b\":%" PRId64 "},\"potential\":{\"a\":%" PRId64 ",\"b\":%" PRId64 "}}",
		       i ? "," : "", YT_FMT(t->name), t->issued[A], t->issued[B], t->used[A], t->used[B], t->cost[A], t->cost[B], t->potential[A],
		       t->potential[B]);
	}
	printf("}}\n");
}

static void print_pair(const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "%-12s %16" PRIu64 " %16" PRIu64 "\n", what, a, b);
}

static void print_table(const struct compare *c)
{
	const struct side *a = &c->side[A], *b = &c->side[B];
	int width = 8;

	fprintf(stderr, "%-12s %16s %16s\n%-12s %16.*s %16.*s\n", "", "A", "B", "rules", YT_FMT(a->rules->tag), YT_FMT(b->rules->tag));
	print_pair("events", c->lines, c->lines);
	print_pair("dead letters", a->dead, b->dead);
	print_pair("outputs", a->outputs, b->outputs);
	print_pair("of A and B", c->both, c->both);
	print_pair(" but changed", c->changed, c->changed);
	print_pair("of one alone", a->only, b->only);
	for (size_t i = 0; i < c->n_tallies; i++)
		if ((int)c->tallies[i].name.n > width)
			width = (int)c->tallies[i].name.n;
	fprintf(stderr, "\n%-*s %17s %17s %25s %25s\n%-*s", width, "", "issued", "used", "cost", "potential", width, "template");
	fprintf(stderr, " %8s %8s %8s %8s %12s %12s %12s %12s\n", "A", "B", "A", "B", "A", "B", "A", "B");
	for (size_t i = 0; i < c->n_tallies; i++) {
		const struct tally *t = &c->tallies[i];

		fprintf(stderr, "%-*.*s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %12" PRId64 " %12" PRId64 " %12" PRId64 " %12" PRId64 "\n",
		        width, YT_FMT(t->name), t->issued[A], t->issued[B], t->used[A], t->used[B], t->cost[A], t->cost[B], t->potential[A],
		        t->potential[B]);
	}
}

/* --- life */

static void init(struct compare *c, const struct yt_compare_words *w)
{
	yt_arena_init(&c->keep, 1 << 20);
	yt_arena_init(&c->memory, 1 << 20);
	yt_arena_init(&c->scratch, 0);
	yt_map_init(&c->unmatched, unmatched_key);
	yt_map_init(&c->buyers, buyer_key);
	yt_map_init(&c->named, named_key);
	for (int k = 0; k < SIDES; k++) {
		struct side *s = &c->side[k];
		struct yt_engine_up up = { .ctx = s, .on_output = on_output, .on_dead = on_dead, .on_fatal = on_fatal };

		s->compare = c;
		s->rules = w->rules[k];
		s->tag = yt_arena_printf(&c->memory, ",\"ruleset\":\"%.*s\"", YT_FMT(s->rules->tag));
		s->last = &s->first;
		yt_map_init(&s->coupons, coupon_key);
		yt_replay_init(&s->replay, s->rules, w->code_key, w->until_ms, &up);
	}
	add_tallies(c);
}

static void deinit(struct compare *c)
{
	for (int k = 0; k < SIDES; k++) {
		struct side *s = &c->side[k];

		yt_replay_deinit(&s->replay);
		yt_map_deinit(&s->coupons);
		while (s->first) {
			struct unmatched *u = s->first;

			s->first = u->next;
			free(u);
		}
	}
	yt_map_deinit(&c->unmatched);
	yt_map_deinit(&c->buyers);
	yt_map_deinit(&c->named);
	yt_arena_deinit(&c->keep);
	yt_arena_deinit(&c->memory);
	yt_arena_deinit(&c->scratch);
}

/* A turn each, so that an output need not wait long for its like. */
static void run(struct compare *c)
{
	bool more[SIDES] = { true, true };

	while (more[A] || more[B])
		for (int k = 0; k < SIDES; k++)
			more[k] = more[k] && yt_replay_turn(&c->side[k].replay);
}

int yt_compare(const struct yt_compare_words *w)
{
	static struct compare c;
	struct yt_replay *runs[SIDES] = { &c.side[A].replay, &c.side[B].replay };
	int exit_code = YT_EXIT_OK;
	struct yt_err err = { 0 };

	yt_log_setup(YT_LOG_TEXT, YT_LOG_ERROR); /* dead letters are counted here, `replay` names them */
	init(&c, w);
	for (int i = 0; i < w->n_files && exit_code == YT_EXIT_OK; i++)
		if (!yt_replay_read(w->files[i], &c.keep, runs, SIDES, seen, &c, &c.lines, &err))
			exit_code = yt_app_fail(&err);
	if (exit_code == YT_EXIT_OK) {
		run(&c);
		add_potential(&c);
		print_json(&c);
		print_table(&c);
		if (!w->code_key)
			fprintf(stderr, "\nwithout --code-key no code of an order is known: nothing counts as used\n");
	}
	deinit(&c);
	return exit_code;
}
