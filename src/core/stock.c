#include "yutang/core/stock.h"

#include "yutang/base/hash.h"

/* No later instant is shown: what an expression can hold. */
#define UNTIL_MAX_MS (YT_TIMESTAMP_SEC_MAX * 1000)

/* --- the order's rows */

/* NULL: no [product] has the sku, or the order has as many rows as it can (judged before, limit.h). */
static struct yt_order_product *row_of(struct yt_act *act, struct yt_order *o, struct yt_str sku)
{
	uint64_t hash = yt_hash64(sku);

	return yt_ruleset_product(act->env->rules, hash) ? yt_order_product(o, act->env->arena, hash) : NULL;
}

static int64_t add_units(int64_t units, int64_t more)
{
	units = more > 0 ? yt_sum(units, more) : units;
	return units < YT_INSTANT_MAX_MS ? units : YT_INSTANT_MAX_MS;
}

void yt_stock_bought(struct yt_act *act, struct yt_order *o, const union yt_field_value *items)
{
	for (uint32_t k = 0; act->env->rules->n_products && items && k < items->list.n; k++) {
		struct yt_order_product *row = row_of(act, o, items->list.items[k].sku);

		if (row)
			row->units = add_units(row->units, items->list.items[k].quantity);
	}
}

void yt_stock_refunded(struct yt_act *act, struct yt_order *o, const union yt_field_value *items)
{
	for (uint32_t k = 0; act->env->rules->n_products && items && k < items->list.n; k++) {
		struct yt_order_product *row = row_of(act, o, items->list.items[k].sku);

		if (row)
			row->refunded = add_units(row->refunded, items->list.items[k].quantity);
	}
}

static bool has_row(const struct yt_order *o, uint64_t sku)
{
	for (uint32_t k = 0; o && k < o->n_products; k++) {
		if (o->products[k].sku == sku)
			return true;
	}
	return false;
}

static bool was_counted(const union yt_field_value *items, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++) {
		if (yt_str_eq(items->list.items[i].sku, items->list.items[k].sku))
			return true;
	}
	return false;
}

uint32_t yt_stock_rows(const struct yt_ruleset *rules, const struct yt_order *o, const union yt_field_value *items)
{
	uint32_t rows = o ? o->n_products : 0;

	for (uint32_t k = 0; rules->n_products && items && k < items->list.n; k++) {
		uint64_t sku = yt_hash64(items->list.items[k].sku);

		rows += yt_ruleset_product(rules, sku) && !has_row(o, sku) && !was_counted(items, k);
	}
	return rows;
}

/* --- the member's list */

static bool is_before(const struct yt_stock *a, const struct yt_stock *b)
{
	if (a->paid_at != b->paid_at)
		return a->paid_at < b->paid_at;
	return a->order != b->order ? a->order < b->order : a->sku < b->sku;
}

static void forget_order(struct yt_member *m, uint64_t order)
{
	uint32_t kept = 0;

	for (uint32_t k = 0; k < m->n_stock; k++) {
		if (m->stock[k].order != order)
			m->stock[kept++] = m->stock[k];
	}
	m->n_stock = kept;
}

static void add(struct yt_member *m, struct yt_arena *a, const struct yt_stock *s)
{
	uint32_t k;

	m->stock = yt_list_grow(a, m->stock, m->n_stock, &m->cap_stock, sizeof(*m->stock));
	for (k = m->n_stock; k > 0 && is_before(s, &m->stock[k - 1]); k--)
		m->stock[k] = m->stock[k - 1];
	m->stock[k] = *s;
	if (++m->n_stock > YT_STOCK_MAX)
		memmove(&m->stock[0], &m->stock[1], --m->n_stock * sizeof(*m->stock));
}

void yt_stock_follow(struct yt_act *act, const struct yt_order *o)
{
	struct yt_member *m = act->member;
	bool counts = !yt_order_refunded(o);

	if (o->n_products)
		forget_order(m, yt_hash64(o->id));
	for (uint32_t k = 0; counts && k < o->n_products; k++) {
		const struct yt_order_product *p = &o->products[k];

		if (p->units > p->refunded)
			add(m, act->env->arena, &(struct yt_stock){ yt_hash64(o->id), p->sku, o->paid_at, p->units - p->refunded });
	}
	m->stock_until = yt_stock_until(act);
}

void yt_stock_merge(struct yt_act *act, const struct yt_member *from)
{
	struct yt_member *m = act->member;

	for (uint32_t k = 0; k < from->n_stock; k++) {
		bool known = false;

		for (uint32_t i = 0; i < m->n_stock && !known; i++)
			known = m->stock[i].order == from->stock[k].order && m->stock[i].sku == from->stock[k].sku;
		if (!known)
			add(m, act->env->arena, &from->stock[k]);
	}
	m->stock_until = yt_stock_until(act);
}

/* --- until when */

struct end {
	uint64_t sku;
	int64_t at, lasts;
};

static int64_t lasts_of(struct yt_act *act, const struct yt_product *p)
{
	int64_t gap = p->learn ? yt_paids_median_gap(&act->member->orders) : -1;

	return gap >= 0 ? gap : p->lasts_ms;
}

static int64_t use_up(int64_t from, int64_t units, int64_t lasts)
{
	int64_t ms;

	if (__builtin_mul_overflow(units, lasts, &ms) || __builtin_add_overflow(from, ms, &ms) || ms > UNTIL_MAX_MS)
		return UNTIL_MAX_MS;
	return ms;
}

/* The row of the sku, made where the rules have such a product; NULL: they have none any more. */
static struct end *end_of(struct yt_act *act, struct end *ends, uint32_t *n, uint64_t sku)
{
	const struct yt_product *p;

	for (uint32_t k = 0; k < *n; k++) {
		if (ends[k].sku == sku)
			return &ends[k];
	}
	p = yt_ruleset_product(act->env->rules, sku);
	if (!p)
		return NULL;
	ends[*n] = (struct end){ .sku = sku, .lasts = lasts_of(act, p) };
	return &ends[(*n)++];
}

int64_t yt_stock_until(struct yt_act *act)
{
	const struct yt_member *m = act->member;
	int64_t until = 0;
	struct end *ends;
	uint32_t n = 0;

	if (act->given)
		return act->given->stock_until;
	if (!m->n_stock)
		return 0;
	ends = yt_arena_alloc(act->env->arena, m->n_stock * sizeof(*ends));
	for (uint32_t k = 0; k < m->n_stock; k++) { /* by paid_at */
		const struct yt_stock *s = &m->stock[k];
		struct end *end = end_of(act, ends, &n, s->sku);

		if (!end)
			continue;
		end->at = use_up(end->at > s->paid_at ? end->at : s->paid_at, s->units, end->lasts);
		if (end->at > until)
			until = end->at;
	}
	return until;
}
