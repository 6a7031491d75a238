/* Values, their types, how they compare, and the table of names. What they look like as texts is in text.c. */
#include "yutang/rules/value.h"

const struct yt_name_info yt_names[YT_N_EVENT_FIELD] = {
#define X(sym, name, vtype) [YT_N_##sym] = { YT_STR(name), &yt_vkind_##vtype },
	YT_NAMES(X)
#undef X
};

const char *yt_vtype_name(enum yt_vtype t)
{
	static const char *const names[] = {
		[YT_V_NULL] = "null",     [YT_V_BOOL] = "bool",           [YT_V_INT] = "int",           [YT_V_DOUBLE] = "double",
		[YT_V_STRING] = "string", [YT_V_TIMESTAMP] = "timestamp", [YT_V_DURATION] = "duration",
		[YT_V_LIST] = "list",     [YT_V_MAP] = "map",             [YT_V_DYN] = "dyn",           [YT_V_ZONE] = "zone",
	};

	return names[t];
}

bool yt_field_vtype(enum yt_field field, enum yt_vtype *type)
{
	switch (yt_fields[field].kind) {
	case YT_FK_ID:
	case YT_FK_MEMBER:
	case YT_FK_TEXT:
	case YT_FK_VERSION:
	case YT_FK_CURRENCY:
		*type = YT_V_STRING;
		return true;
	case YT_FK_INSTANT:
		*type = YT_V_TIMESTAMP;
		return true;
	case YT_FK_MONEY:
		*type = YT_V_INT;
		return true;
	case YT_FK_ITEMS:
	case YT_FK_CODES:
	case YT_FK_BUYER:
		break;
	}
	return false;
}

const struct yt_vkind *yt_field_vkind(enum yt_field field)
{
	enum yt_field_kind kind = yt_fields[field].kind;
	enum yt_vtype type;

	if (yt_field_vtype(field, &type))
		return yt_vkind_scalar(type);
	return kind == YT_FK_ITEMS ? &yt_vkind_ITEMS : kind == YT_FK_CODES ? &yt_vkind_STRINGS : &yt_vkind_BUYER;
}

static struct yt_value time_value(enum yt_vtype type, int64_t ms)
{
	struct yt_value v = { .type = type };
	int64_t rest = ms % 1000;

	if (rest < 0)
		rest += 1000;
	v.t.sec = (ms - rest) / 1000;
	v.t.nsec = (int32_t)(rest * 1000000);
	return v;
}

struct yt_value yt_value_ts_ms(int64_t ms)
{
	return time_value(YT_V_TIMESTAMP, ms);
}

struct yt_value yt_value_dur_ms(int64_t ms)
{
	return time_value(YT_V_DURATION, ms);
}

int64_t yt_value_ms(const struct yt_value *v)
{
	return v->t.sec * 1000 + v->t.nsec / 1000000;
}

static int order_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

int yt_value_order(const struct yt_value *a, const struct yt_value *b)
{
	switch (a->type) {
	case YT_V_NULL:
		return 0;
	case YT_V_BOOL:
		return a->b - b->b;
	case YT_V_INT:
		return order_int(a->i, b->i);
	case YT_V_DOUBLE:
		return a->d < b->d ? -1 : a->d > b->d ? 1 : a->d == b->d ? 0 : 2;
	case YT_V_STRING: {
		int c = yt_str_cmp(a->s, b->s); /* the byte order of UTF-8 is the order of code points */

		return (c > 0) - (c < 0);
	}
	case YT_V_TIMESTAMP:
	case YT_V_DURATION:
		return a->t.sec != b->t.sec ? order_int(a->t.sec, b->t.sec) : order_int(a->t.nsec, b->t.nsec);
	default:
		return 2;
	}
}

/* An int and a double meet as doubles, as the conformance cases of the specification have it at the ends of int. */
static int order_double(double a, double b)
{
	return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
}

int yt_value_compare(const struct yt_value *a, const struct yt_value *b)
{
	if (a->type == YT_V_INT && b->type == YT_V_DOUBLE)
		return order_double((double)a->i, b->d);
	if (a->type == YT_V_DOUBLE && b->type == YT_V_INT)
		return order_double(a->d, (double)b->i);
	if (a->type != b->type || a->type == YT_V_NULL || a->type == YT_V_LIST || a->type == YT_V_MAP)
		return 3;
	return yt_value_order(a, b);
}

static bool lists_equal(const struct yt_value *a, const struct yt_value *b)
{
	if (a->list.n != b->list.n)
		return false;
	for (uint32_t i = 0; i < a->list.n; i++) {
		if (!yt_value_equal(&a->list.items[i], &b->list.items[i]))
			return false;
	}
	return true;
}

static bool maps_equal(const struct yt_value *a, const struct yt_value *b)
{
	if (a->map.n != b->map.n)
		return false;
	for (uint32_t i = 0; i < a->map.n; i++) {
		const struct yt_pair *e = yt_value_find(b, &a->map.entries[i].key);

		if (!e || !yt_value_equal(&a->map.entries[i].value, &e->value))
			return false;
	}
	return true;
}

bool yt_value_equal(const struct yt_value *a, const struct yt_value *b)
{
	if (a->type == YT_V_LIST && b->type == YT_V_LIST)
		return lists_equal(a, b);
	if (a->type == YT_V_MAP && b->type == YT_V_MAP)
		return maps_equal(a, b);
	return (a->type == YT_V_NULL && b->type == YT_V_NULL) || yt_value_compare(a, b) == 0;
}

const struct yt_pair *yt_value_find(const struct yt_value *map, const struct yt_value *key)
{
	for (uint32_t i = 0; i < map->map.n; i++) {
		if (yt_value_equal(&map->map.entries[i].key, key))
			return &map->map.entries[i];
	}
	return NULL;
}

/* --- types --- */

const struct yt_vkind yt_vkind_NULL = { .v = YT_V_NULL }, yt_vkind_BOOL = { .v = YT_V_BOOL }, yt_vkind_INT = { .v = YT_V_INT },
		     yt_vkind_DOUBLE = { .v = YT_V_DOUBLE }, yt_vkind_STRING = { .v = YT_V_STRING },
		     yt_vkind_TIMESTAMP = { .v = YT_V_TIMESTAMP }, yt_vkind_DURATION = { .v = YT_V_DURATION },
		     yt_vkind_DYN = { .v = YT_V_DYN }, yt_vkind_NONE = { .v = YT_V_DYN };

static const struct yt_vkind item = { .v = YT_V_MAP, .key = &yt_vkind_STRING, .elem = &yt_vkind_DYN };
const struct yt_vkind yt_vkind_STRINGS = { .v = YT_V_LIST, .elem = &yt_vkind_STRING }, yt_vkind_ITEMS = { .v = YT_V_LIST, .elem = &item },
		     yt_vkind_BUYER = { .v = YT_V_MAP, .key = &yt_vkind_STRING, .elem = &yt_vkind_STRING };

const struct yt_vkind *yt_vkind_scalar(enum yt_vtype v)
{
	static const struct yt_vkind *const types[] = {
		[YT_V_NULL] = &yt_vkind_NULL,     [YT_V_BOOL] = &yt_vkind_BOOL,           [YT_V_INT] = &yt_vkind_INT,
		[YT_V_DOUBLE] = &yt_vkind_DOUBLE, [YT_V_STRING] = &yt_vkind_STRING,       [YT_V_TIMESTAMP] = &yt_vkind_TIMESTAMP,
		[YT_V_DURATION] = &yt_vkind_DURATION, [YT_V_LIST] = NULL,                [YT_V_MAP] = NULL,
		[YT_V_DYN] = &yt_vkind_DYN,       [YT_V_ZONE] = NULL,
	};

	return types[v];
}

const struct yt_vkind *yt_vkind_new(struct yt_arena *a, enum yt_vtype v, const struct yt_vkind *key, const struct yt_vkind *elem)
{
	struct yt_vkind *t = yt_arena_zalloc(a, sizeof(*t));

	t->v = v;
	t->key = key;
	t->elem = elem;
	return t;
}

static bool part_fits(const struct yt_vkind *a, const struct yt_vkind *b)
{
	return !a || !b || yt_vkind_fits(a, b);
}

bool yt_vkind_fits(const struct yt_vkind *a, const struct yt_vkind *b)
{
	if (a == b || a->v == YT_V_DYN || b->v == YT_V_DYN)
		return true;
	return a->v == b->v && part_fits(a->key, b->key) && part_fits(a->elem, b->elem);
}

/* Of two that fit, the one that says less at each place; NONE says nothing. */
static const struct yt_vkind *wider(struct yt_arena *a, const struct yt_vkind *x, const struct yt_vkind *y)
{
	if (x == y || !x || !y || y == &yt_vkind_NONE)
		return x;
	if (x == &yt_vkind_NONE)
		return y;
	if (x->v == YT_V_DYN || y->v == YT_V_DYN)
		return &yt_vkind_DYN;
	if (x->v != YT_V_LIST && x->v != YT_V_MAP)
		return x;
	return yt_vkind_new(a, x->v, wider(a, x->key, y->key), wider(a, x->elem, y->elem));
}

const struct yt_vkind *yt_vkind_join(struct yt_arena *a, const struct yt_vkind *x, const struct yt_vkind *y)
{
	return yt_vkind_fits(x, y) ? wider(a, x, y) : &yt_vkind_DYN;
}

const struct yt_vkind *yt_vkind_refine(struct yt_arena *a, const struct yt_vkind *known, const struct yt_value *v)
{
	const struct yt_vkind *key = &yt_vkind_NONE, *elem = &yt_vkind_NONE, *known_key = &yt_vkind_NONE, *known_elem = &yt_vkind_NONE;

	if (v->type != YT_V_LIST && v->type != YT_V_MAP)
		return yt_vkind_scalar(v->type);
	if (known->v == v->type) {
		known_elem = known->elem;
		known_key = known->key ? known->key : known_key;
	}
	for (uint32_t i = 0; v->type == YT_V_LIST && i < v->list.n; i++)
		elem = yt_vkind_join(a, elem, yt_vkind_refine(a, known_elem, &v->list.items[i]));
	for (uint32_t i = 0; v->type == YT_V_MAP && i < v->map.n; i++) {
		key = yt_vkind_join(a, key, yt_vkind_refine(a, known_key, &v->map.entries[i].key));
		elem = yt_vkind_join(a, elem, yt_vkind_refine(a, known_elem, &v->map.entries[i].value));
	}
	if (elem == &yt_vkind_NONE) {
		elem = known_elem;
		key = known_key;
	}
	return yt_vkind_new(a, v->type, v->type == YT_V_MAP ? key : NULL, elem);
}

const struct yt_vkind *yt_vkind_of(struct yt_arena *a, const struct yt_value *v)
{
	return yt_vkind_refine(a, &yt_vkind_NONE, v);
}

struct yt_str yt_vkind_text(struct yt_arena *a, const struct yt_vkind *t)
{
	if (t->v == YT_V_LIST)
		return yt_arena_printf(a, "list(%.*s)", YT_FMT(yt_vkind_text(a, t->elem)));
	if (t->v == YT_V_MAP)
		return yt_arena_printf(a, "map(%.*s, %.*s)", YT_FMT(yt_vkind_text(a, t->key)), YT_FMT(yt_vkind_text(a, t->elem)));
	return yt_str_z(yt_vtype_name(t->v));
}
