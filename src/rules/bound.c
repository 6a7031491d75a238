/* How large values can become, and what it costs at most to go through them: bounds from the texts of literals, from variables as they are, and of
 * names from the limits of events. */
#include "tree.h"

#include "yutang/event/event.h"

static const uint64_t cost_end = UINT64_C(1) << 40;

uint64_t yt_cost_add(uint64_t a, uint64_t b)
{
	return a + b < cost_end ? a + b : cost_end;
}

uint64_t yt_cost_times(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) || r > cost_end ? cost_end : r;
}

uint64_t yt_bound_walk(const struct yt_bound *b)
{
	uint64_t each = 1;

	if (b->elem)
		each = yt_cost_add(each, yt_bound_walk(b->elem));
	if (b->key) /* a key is looked for among all of them */
		each = yt_cost_add(each, yt_cost_times(b->n, yt_cost_add(1, yt_bound_walk(b->key))));
	return yt_cost_times(b->n, each);
}

static const struct yt_bound *join_part(struct yt_arena *a, const struct yt_bound *x, const struct yt_bound *y)
{
	struct yt_bound *b;

	if (!x || !y)
		return x ? x : y;
	b = yt_arena_alloc(a, sizeof(*b));
	*b = yt_bound_join(a, x, y);
	return b;
}

struct yt_bound yt_bound_join(struct yt_arena *a, const struct yt_bound *x, const struct yt_bound *y)
{
	struct yt_bound b = { .n = x->n > y->n ? x->n : y->n };

	b.key = x->key == y->key ? x->key : join_part(a, x->key, y->key);
	b.elem = x->elem == y->elem ? x->elem : join_part(a, x->elem, y->elem);
	return b;
}

static const struct yt_bound *add_part(struct yt_arena *a, const struct yt_bound *so_far, const struct yt_value *v)
{
	struct yt_bound *b = yt_arena_alloc(a, sizeof(*b));

	*b = yt_bound_of_value(a, v);
	return join_part(a, so_far, b);
}

struct yt_bound yt_bound_of_value(struct yt_arena *a, const struct yt_value *v)
{
	struct yt_bound b = { .n = 0 };

	if (v->type == YT_V_STRING)
		b.n = v->s.n;
	if (v->type == YT_V_LIST) {
		b.n = v->list.n;
		for (uint32_t i = 0; i < b.n; i++)
			b.elem = add_part(a, b.elem, &v->list.items[i]);
	}
	if (v->type == YT_V_MAP) {
		b.n = v->map.n;
		for (uint32_t i = 0; i < b.n; i++) {
			b.key = add_part(a, b.key, &v->map.entries[i].key);
			b.elem = add_part(a, b.elem, &v->map.entries[i].value);
		}
	}
	return b;
}

static const struct yt_bound *part_of_type(struct yt_arena *a, const struct yt_vkind *t)
{
	struct yt_bound *b = yt_arena_alloc(a, sizeof(*b));

	*b = yt_bound_of_type(a, t);
	return b;
}

/* What is dyn in a name is a text or a number: `order.items[0].sku`. */
struct yt_bound yt_bound_of_type(struct yt_arena *a, const struct yt_vkind *t)
{
	struct yt_bound b = { .n = 0 };

	if (t->v == YT_V_STRING || t->v == YT_V_DYN)
		b.n = YT_EXPR_NAME_BYTES;
	if (t->v == YT_V_LIST)
		b.n = YT_EXPR_NAME_ITEMS;
	if (t->v == YT_V_MAP)
		b.n = YT_EXPR_NAME_FIELDS;
	if (t->key)
		b.key = part_of_type(a, t->key);
	if (t->elem)
		b.elem = part_of_type(a, t->elem);
	return b;
}

/* Lists of a member and of an order are shorter than what an event may bring (DESIGN.md, 4), and names of the rule file shorter than ids. */
struct yt_bound yt_bound_of_name(struct yt_arena *a, enum yt_name name, const struct yt_vkind *t)
{
	static const struct yt_bound word = { .n = 63 }, id = { .n = YT_ID_BYTES_MAX };
	static const struct {
		enum yt_name name;
		struct yt_bound bound;
	} table[] = {
		{ YT_N_MEMBER_TAGS, { .n = 64, .elem = &word } },
		{ YT_N_MEMBER_HELD, { .n = 128, .elem = &word } },
		{ YT_N_ORDER_COUPONS, { .n = YT_CODES_MAX, .elem = &id } },
		{ YT_N_EVENT_FIELD + YT_F_COUPONS, { .n = YT_CODES_MAX, .elem = &id } },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].name == name)
			return table[i].bound;
	}
	return yt_bound_of_type(a, t);
}

uint64_t yt_bound_parts(const struct yt_bound *b, const struct yt_vkind *t)
{
	if ((t->v != YT_V_LIST && t->v != YT_V_MAP) || !b->elem)
		return 0;
	return yt_cost_times(b->n, yt_cost_add(1, yt_bound_parts(b->elem, t->elem)));
}

struct yt_bound yt_bound_range(struct yt_arena *a, const struct yt_bound *b, const struct yt_vkind *t)
{
	const struct yt_bound *range = t->v == YT_V_LIST ? b->elem : t->v == YT_V_MAP ? b->key : join_part(a, b->elem, b->key);

	return range ? *range : (struct yt_bound){ .n = 0 };
}
