/* Types and cost: every word of the tree becomes a name, a field, a macro or an overload here, or a fault that says what was meant. */
#include "tree.h"

#include "yutang/base/ini.h"

enum {
	WORDS_MAX = 192,         /* candidates of one suggestion */
	NUMBER_TEXT_BYTES = 48,  /* the longest that string() makes of what is no string */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const macros[] = { "has", "exists", "all", "exists_one", "filter", "map" };

/* Of the language, and left out of this subset of it. */
static const char *const foreign_functions[] = {
	"matches", "bool", "bytes", "uint", "type", "dyn", "existsOne", "transformList", "transformMap", "transformMapEntry",
};

static struct yt_str text_of(struct yt_compile *c, const struct yt_node *n)
{
	return yt_vkind_text(c->arena, n->type);
}

static bool is_dyn(const struct yt_node *n)
{
	return n->type->v == YT_V_DYN;
}

/* Elements of `[]` are worth nothing, and whatever is done with them fits. */
static const struct yt_vkind *elem_of(const struct yt_vkind *t)
{
	return t->elem ? t->elem : &yt_vkind_DYN;
}

static void costs(struct yt_node *n, uint64_t more)
{
	n->cost = yt_cost_add(n->cost, more);
}

/* --- constants --- */

/* What is worth the same each time is worth it already. An error stays one of the evaluation, where && or || may absorb it. */
static void fold(struct yt_compile *c, struct yt_node *n)
{
	struct yt_eval ev = { .arena = c->arena };
	struct yt_value v;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		if (arg->op != YT_OP_LITERAL)
			return;
	}
	if ((n->op == YT_OP_APPLY || n->op == YT_OP_DISPATCH) && n->overload->here)
		return;
	if (!yt_node_eval(&ev, n, &v))
		return;
	n->op = YT_OP_LITERAL;
	n->value = v;
	n->args = NULL;
	n->n_args = 0;
}

/* --- operators --- */

static const char *op_text(const struct yt_node *n)
{
	static const char *const texts[] = {
		[YT_OP_AND] = "&&",     [YT_OP_OR] = "||",    [YT_OP_NOT] = "!",      [YT_OP_NEGATE] = "-",
		[YT_OP_ADD] = "+",      [YT_OP_SUBTRACT] = "-", [YT_OP_MULTIPLY] = "*", [YT_OP_DIVIDE] = "/",
		[YT_OP_MODULO] = "%",   [YT_OP_EQ] = "==",    [YT_OP_NE] = "!=",      [YT_OP_LT] = "<",
		[YT_OP_LE] = "<=",      [YT_OP_GT] = ">",     [YT_OP_GE] = ">=",      [YT_OP_IN] = "in",
	};

	return texts[n->op];
}

/* What the two types ask of the writer, beginning with `: `. */
static const char *mix_hint(enum yt_vtype a, enum yt_vtype b)
{
	static const struct {
		enum yt_vtype a, b;
		const char *hint;
	} hints[] = {
		{ YT_V_INT, YT_V_DOUBLE, ": write both with a point, or none" },
		{ YT_V_STRING, YT_V_DURATION, ": write duration(\"72h\")" },
		{ YT_V_INT, YT_V_DURATION, ": write duration(\"72h\")" },
		{ YT_V_STRING, YT_V_TIMESTAMP, ": write timestamp(\"2026-11-24T00:00:00+08:00\")" },
		{ YT_V_INT, YT_V_TIMESTAMP, ": a number is no instant, and two instants differ by a duration" },
		{ YT_V_TIMESTAMP, YT_V_DURATION, ": subtract two instants to get a duration" },
		{ YT_V_INT, YT_V_STRING, ": a number stands without quotes" },
		{ YT_V_BOOL, YT_V_STRING, ": true and false stand without quotes" },
	};

	if (a == YT_V_NULL || b == YT_V_NULL)
		return ": nothing here is null, ask has() whether a field is there";
	for (size_t i = 0; i < COUNT(hints); i++) {
		if ((hints[i].a == a && hints[i].b == b) || (hints[i].a == b && hints[i].b == a))
			return hints[i].hint;
	}
	return "";
}

static bool is_condition(const struct yt_node *n)
{
	return n->type->v == YT_V_BOOL || is_dyn(n);
}

static bool check_logic(struct yt_compile *c, struct yt_node *n)
{
	bool good = true;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		if (!is_condition(arg))
			good = yt_compile_fault(c, arg->at, "%s takes bool, not %.*s", op_text(n), YT_FMT(text_of(c, arg)));
	}
	n->type = &yt_vkind_BOOL;
	return good;
}

static bool check_cond(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_node *condition = n->args, *a = condition->next, *b = a->next;
	bool good = true;

	if (!is_condition(condition))
		good = yt_compile_fault(c, condition->at, "?: asks a bool, not %.*s", YT_FMT(text_of(c, condition)));
	if (!yt_vkind_fits(a->type, b->type))
		return yt_compile_fault(c, n->at, "?: cannot be %.*s or %.*s, both must be of one type%s", YT_FMT(text_of(c, a)),
		                        YT_FMT(text_of(c, b)), mix_hint(a->type->v, b->type->v));
	n->type = yt_vkind_join(c->arena, a->type, b->type);
	n->bound = yt_bound_join(c->arena, &a->bound, &b->bound);
	return good;
}

static bool has_order(const struct yt_vkind *t)
{
	return t->v != YT_V_NULL && t->v != YT_V_LIST && t->v != YT_V_MAP;
}

static bool check_order(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_node *a = n->args, *b = a->next;
	bool equality = n->op == YT_OP_EQ || n->op == YT_OP_NE;
	uint64_t walk_a = yt_bound_walk(&a->bound), walk_b = yt_bound_walk(&b->bound);

	if (!yt_vkind_fits(a->type, b->type))
		return yt_compile_fault(c, n->at, "%s cannot compare %.*s with %.*s%s", op_text(n), YT_FMT(text_of(c, a)),
		                        YT_FMT(text_of(c, b)), mix_hint(a->type->v, b->type->v));
	if (!equality && (!has_order(a->type) || !has_order(b->type)))
		return yt_compile_fault(c, n->at, "%s cannot compare %.*s", op_text(n), YT_FMT(text_of(c, has_order(a->type) ? b : a)));
	n->by_value = a->type != b->type || !has_order(a->type) || is_dyn(a);
	costs(n, walk_a < walk_b ? walk_a : walk_b);
	n->type = &yt_vkind_BOOL;
	return true;
}

static bool check_in(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_node *what = n->args, *in = what->next;
	const struct yt_vkind *elem = in->type->v == YT_V_MAP ? in->type->key : elem_of(in->type);

	if (in->type->v != YT_V_LIST && in->type->v != YT_V_MAP && !is_dyn(in))
		return yt_compile_fault(c, in->at, "in looks into a list or the keys of a map, not into %.*s%s", YT_FMT(text_of(c, in)),
		                        in->type->v == YT_V_STRING ? ": write text.contains(\"part\")" : "");
	if (!yt_vkind_fits(what->type, elem))
		return yt_compile_fault(c, n->at, "in cannot find %.*s in %.*s%s", YT_FMT(text_of(c, what)), YT_FMT(text_of(c, in)),
		                        mix_hint(what->type->v, elem->v));
	costs(n, yt_cost_times(in->bound.n, yt_cost_add(1, yt_bound_walk(&what->bound))));
	n->type = &yt_vkind_BOOL;
	return true;
}

/* --- lists, maps and their parts --- */

static const struct yt_bound *bound_with(struct yt_compile *c, const struct yt_bound *so_far, const struct yt_node *n)
{
	struct yt_bound *b = yt_arena_alloc(c->arena, sizeof(*b));

	*b = so_far ? yt_bound_join(c->arena, so_far, &n->bound) : n->bound;
	return b;
}

static bool check_list(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_vkind *elem = &yt_vkind_NONE;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		elem = yt_vkind_join(c->arena, elem, arg->type);
		n->bound.elem = bound_with(c, n->bound.elem, arg);
	}
	n->bound.n = (uint32_t)n->n_args;
	n->type = yt_vkind_new(c->arena, YT_V_LIST, NULL, elem);
	fold(c, n);
	return true;
}

static bool check_map(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_vkind *key = &yt_vkind_NONE, *value = &yt_vkind_NONE;
	uint32_t count = (uint32_t)n->n_args / 2;
	bool good = true;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next->next) {
		enum yt_vtype v = arg->type->v;

		if (v != YT_V_BOOL && v != YT_V_INT && v != YT_V_STRING && v != YT_V_DYN)
			good = yt_compile_fault(c, arg->at, "a key of a map is bool, int or string, not %.*s", YT_FMT(text_of(c, arg)));
		key = yt_vkind_join(c->arena, key, arg->type);
		value = yt_vkind_join(c->arena, value, arg->next->type);
		n->bound.key = bound_with(c, n->bound.key, arg);
		n->bound.elem = bound_with(c, n->bound.elem, arg->next);
	}
	if (!good)
		return false;
	n->bound.n = count;
	if (n->bound.key) /* each key is compared with those before it */
		costs(n, yt_cost_times(yt_cost_times(count, count) / 2, yt_cost_add(1, yt_bound_walk(n->bound.key))));
	n->type = yt_vkind_new(c->arena, YT_V_MAP, key, value);
	fold(c, n);
	return true;
}

/* One element of what is at hand; looking it up by `key` costs. */
static void take_part(struct yt_node *n, const struct yt_node *of, uint64_t key_bytes)
{
	if (of->type->v != YT_V_LIST)
		costs(n, yt_cost_times(of->bound.n, yt_cost_add(1, key_bytes)));
	n->type = elem_of(of->type);
	if (of->bound.elem)
		n->bound = *of->bound.elem;
}

static bool check_index(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_node *of = n->args, *index = of->next;
	const struct yt_vkind *wanted = of->type->v == YT_V_MAP ? of->type->key : of->type->v == YT_V_LIST ? &yt_vkind_INT : &yt_vkind_DYN;

	if (of->type->v != YT_V_LIST && of->type->v != YT_V_MAP && !is_dyn(of))
		return yt_compile_fault(c, n->at, "[] takes a part of a list or a map, not of %.*s", YT_FMT(text_of(c, of)));
	if (!yt_vkind_fits(index->type, wanted))
		return yt_compile_fault(c, index->at, "the index of %.*s is %.*s, not %.*s", YT_FMT(text_of(c, of)),
		                        YT_FMT(yt_vkind_text(c->arena, wanted)), YT_FMT(text_of(c, index)));
	take_part(n, of, yt_bound_walk(&index->bound));
	return true;
}

/* Whether fields can be asked of it; false: said why not. */
static bool has_fields(struct yt_compile *c, const struct yt_node *n, const struct yt_node *of)
{
	for (size_t i = 0; i < yt_n_overloads && of->type->v != YT_V_MAP && !is_dyn(of); i++) {
		if (yt_overloads[i].style & YT_CALL_METHOD && yt_str_eq(n->word, yt_str_z(yt_overloads[i].function)))
			return yt_compile_fault(c, n->at, "%.*s has no field %.*s; did you mean %.*s()?", YT_FMT(text_of(c, of)), YT_FMT(n->word),
			                        YT_FMT(n->word));
	}
	if (of->type->v != YT_V_MAP && !is_dyn(of))
		return yt_compile_fault(c, n->at, "%.*s has no field %.*s", YT_FMT(text_of(c, of)), YT_FMT(n->word));
	if (of->type->v == YT_V_MAP && !yt_vkind_fits(of->type->key, &yt_vkind_STRING))
		return yt_compile_fault(c, n->at, "%.*s has no field %.*s: its keys are no texts", YT_FMT(text_of(c, of)), YT_FMT(n->word));
	return true;
}

static bool check_select(struct yt_compile *c, struct yt_node *n)
{
	struct yt_node *of = n->args;
	bool found;

	if (!yt_check_name(c, n, &found))
		return false;
	if (found)
		return true;
	if (!yt_has_object(c, n))
		return yt_unknown_name(c, n);
	if (!yt_expr_check(c, of) || !has_fields(c, n, of))
		return false;
	costs(n, of->cost);
	n->op = YT_OP_FIELD;
	take_part(n, of, n->word.n);
	return true;
}

static bool check_ident(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_local *local = yt_local_find(c, n);
	bool found;

	if (local) {
		n->op = YT_OP_LOCAL;
		n->slot = local->slot;
		n->type = local->type;
		n->bound = local->bound;
		return true;
	}
	if (!yt_check_name(c, n, &found))
		return false;
	return found || yt_unknown_name(c, n);
}

/* --- macros --- */

static bool check_has(struct yt_compile *c, struct yt_node *n)
{
	struct yt_node *field = n->args, *of;
	bool found;

	if (n->n_args != 1 || field->op != YT_OP_SELECT)
		return yt_compile_fault(c, n->at, "has() takes one field, such as has(member.referrer)");
	n->type = &yt_vkind_BOOL;
	if (!yt_check_has_name(c, n, field, &found))
		return false;
	if (found)
		return true;
	if (!yt_has_object(c, field))
		return yt_unknown_name(c, field);
	of = field->args;
	if (!yt_expr_check(c, of) || !has_fields(c, field, of))
		return false;
	costs(n, yt_cost_add(of->cost, yt_cost_times(of->bound.n, 1 + field->word.n)));
	n->op = YT_OP_HAS_FIELD;
	n->word = field->word;
	n->args = of;
	n->n_args = 1;
	return true;
}

static const struct macro {
	const char *name;
	enum yt_op op;
	int args_min, args_max; /* with the object before the dot */
	const char *usage;
} collections[] = {
	{ "exists", YT_OP_EXISTS, 3, 3, "list.exists(x, x > 1)" },
	{ "all", YT_OP_ALL, 3, 3, "list.all(x, x > 1)" },
	{ "exists_one", YT_OP_EXISTS_ONE, 3, 3, "list.exists_one(x, x > 1)" },
	{ "filter", YT_OP_FILTER, 3, 3, "list.filter(x, x > 1)" },
	{ "map", YT_OP_TRANSFORM, 3, 4, "list.map(x, x * 2)" },
};

static const struct macro *macro_find(struct yt_str word)
{
	for (size_t i = 0; i < COUNT(collections); i++) {
		if (yt_str_eq(word, yt_str_z(collections[i].name)))
			return &collections[i];
	}
	return NULL;
}

/* The variable's type; NULL: said why there is none. */
static const struct yt_vkind *range_type(struct yt_compile *c, const struct yt_node *n, const struct yt_node *of)
{
	if (of->type->v == YT_V_LIST)
		return of->type->elem;
	if (of->type->v == YT_V_MAP)
		return of->type->key;
	if (is_dyn(of))
		return &yt_vkind_DYN;
	return yt_compile_fault(c, n->at, "%.*s() goes through a list or the keys of a map, not through %.*s", YT_FMT(n->word),
	                        YT_FMT(text_of(c, of)));
}

static bool check_macro(struct yt_compile *c, struct yt_node *n, const struct macro *m)
{
	struct yt_node *of = n->args, *ident, *first, *becomes = NULL;
	struct yt_local local = { .outer = c->locals, .slot = c->locals ? c->locals->slot + 1 : 0 };
	uint64_t each = 1;
	bool good = true;

	if (!n->method || n->n_args < m->args_min || n->n_args > m->args_max || of->next->op != YT_OP_IDENT || of->next->root)
		return yt_compile_fault(c, n->at, "%s() is written with a name and what to do with it: %s", m->name, m->usage);
	ident = of->next;
	first = ident->next;
	if (!yt_expr_check(c, of))
		return false;
	local.name = ident->word;
	local.type = range_type(c, n, of);
	if (!local.type)
		return false;
	local.bound = yt_bound_range(c->arena, &of->bound, of->type);
	c->locals = &local;
	for (struct yt_node *arg = first; arg; arg = arg->next) {
		good &= yt_expr_check(c, arg);
		each = yt_cost_add(each, arg->cost);
	}
	c->locals = local.outer;
	if (!good)
		return false;
	if (m->op == YT_OP_TRANSFORM)
		becomes = first->next ? first->next : first;
	if (first != becomes && !is_condition(first))
		return yt_compile_fault(c, first->at, "%s() asks a bool, not %.*s", m->name, YT_FMT(text_of(c, first)));
	of->next = first;
	n->n_args--;
	n->op = m->op;
	n->slot = local.slot;
	n->type = &yt_vkind_BOOL;
	costs(n, yt_cost_add(of->cost, yt_cost_times(of->bound.n, each)));
	if (m->op == YT_OP_FILTER || becomes) {
		n->type = yt_vkind_new(c->arena, YT_V_LIST, NULL, becomes ? becomes->type : local.type);
		n->bound.n = of->bound.n;
		n->bound.elem = bound_with(c, NULL, becomes ? becomes : n);
		if (!becomes)
			*(struct yt_bound *)n->bound.elem = local.bound;
	}
	return true;
}

/* --- functions --- */

static bool is_function(struct yt_str word)
{
	for (size_t i = 0; i < yt_n_overloads; i++) {
		if (yt_overloads[i].op == YT_OP_CALL && yt_str_eq(word, yt_str_z(yt_overloads[i].function)))
			return true;
	}
	return false;
}

static bool unknown_function(struct yt_compile *c, const struct yt_node *n)
{
	const char *words[WORDS_MAX];
	const char *near;
	size_t count = 0;

	if (yt_str_eq(n->word, YT_S("has_coupon")))
		return yt_compile_fault(c, n->at, "has_coupon() is asked of the member, in rules: member.has_coupon(\"half-price\")");
	if (yt_is_one_of(n->word, foreign_functions, COUNT(foreign_functions)))
		return yt_compile_fault(c, n->at, "%.*s() is not part of this language", YT_FMT(n->word));
	for (size_t i = 0; i < COUNT(macros); i++)
		words[count++] = macros[i];
	for (size_t i = 0; i < yt_n_overloads; i++) {
		if (yt_overloads[i].function)
			words[count++] = yt_overloads[i].function;
	}
	near = yt_nearest(n->word, words, count);
	if (near)
		return yt_compile_fault(c, n->at, "unknown function %.*s(); did you mean %s()?", YT_FMT(n->word), near);
	return yt_compile_fault(c, n->at, "unknown function %.*s()", YT_FMT(n->word));
}

static bool is_of(const struct yt_overload *o, const struct yt_node *n)
{
	return o->op == n->op && (o->op != YT_OP_CALL || yt_str_eq(n->word, yt_str_z(o->function)));
}

static bool overload_fits(const struct yt_overload *o, const struct yt_node *n)
{
	const struct yt_node *arg = n->args;

	if (!is_of(o, n) || o->n_args != n->n_args || (o->style && !(o->style & (n->method ? YT_CALL_METHOD : YT_CALL_FREE))))
		return false;
	for (int i = 0; arg; arg = arg->next, i++) {
		if (!is_dyn(arg) && arg->type->v != o->args[i])
			return false;
	}
	return true;
}

/* `string.size()`, `int(timestamp)`: one way to call the function. */
static struct yt_str signature(struct yt_compile *c, const struct yt_overload *o)
{
	if (o->style & YT_CALL_FREE)
		return yt_arena_printf(c->arena, "%s(%s)", o->function, yt_vtype_name(o->args[0]));
	return yt_arena_printf(c->arena, "%s.%s(%s)", yt_vtype_name(o->args[0]), o->function, o->n_args > 1 ? yt_vtype_name(o->args[1]) : "");
}

static bool no_overload(struct yt_compile *c, const struct yt_node *n)
{
	const struct yt_node *a = n->args, *b = a ? a->next : NULL;
	struct yt_str ways = YT_S("");

	if (n->op != YT_OP_CALL && !b)
		return yt_compile_fault(c, n->at, "%s cannot take %.*s", op_text(n), YT_FMT(text_of(c, a)));
	if (n->op != YT_OP_CALL)
		return yt_compile_fault(c, n->at, "%s cannot take %.*s and %.*s%s", op_text(n), YT_FMT(text_of(c, a)), YT_FMT(text_of(c, b)),
		                        mix_hint(a->type->v, b->type->v));
	if (yt_str_eq(n->word, YT_S("duration")))
		return yt_compile_fault(c, n->at, "duration() takes one string, such as duration(\"72h\")");
	for (size_t i = 0; i < yt_n_overloads; i++) {
		if (is_of(&yt_overloads[i], n))
			ways = yt_arena_printf(c->arena, "%.*s%s%.*s", YT_FMT(ways), ways.n ? ", " : "", YT_FMT(signature(c, &yt_overloads[i])));
	}
	return yt_compile_fault(c, n->at, "%.*s() cannot be called like this; there is %.*s", YT_FMT(n->word), YT_FMT(ways));
}

/* A literal without its unit is a fault of the file, not of the evaluation; so is a date that is none. */
static bool check_literal_time(struct yt_compile *c, const struct yt_node *n)
{
	const struct yt_node *arg = n->args;
	int shown = arg->op == YT_OP_LITERAL && arg->type->v == YT_V_STRING ? (int)(arg->value.s.n > 40 ? 40 : arg->value.s.n) : -1;
	struct yt_value v;

	if (n->op != YT_OP_CALL || shown < 0)
		return true;
	if (yt_str_eq(n->word, YT_S("duration")) && !yt_value_duration(arg->value.s, &v))
		return yt_compile_fault(c, arg->at, "\"%.*s\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"",
		                        shown, arg->value.s.p);
	if (yt_str_eq(n->word, YT_S("timestamp")) && !yt_value_timestamp(arg->value.s, &v))
		return yt_compile_fault(c, arg->at, "\"%.*s\" is no timestamp: write it like \"2026-11-24T08:00:00+08:00\" or \"2026-11-24T00:00:00Z\"",
		                        shown, arg->value.s.p);
	return true;
}

/* The zone that a text names is looked up once, here. */
static bool check_zone(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_zones *zones = &c->scope->zones;
	const struct yt_zone *zone;
	const char *near;

	if (n->op != YT_OP_LITERAL)
		return c->scope->vars || yt_compile_fault(c, n->at, "a time zone is written as it is, such as \"Asia/Shanghai\" or \"+08:00\"");
	if (n->value.type == YT_V_ZONE || n->value.type != YT_V_STRING)
		return true;
	zone = yt_zone_literal(c->arena, n->value.s);
	if (!zone && zones->find)
		zone = zones->find(zones->ctx, n->value.s);
	if (zone) {
		n->value = (struct yt_value){ .type = YT_V_ZONE, .zone = zone };
		return true;
	}
	near = yt_zone_nearest(n->value.s);
	return yt_compile_fault(c, n->at, "\"%.*s\" is no time zone of this system%s%s%s", n->value.s.n > 40 ? 40 : (int)n->value.s.n,
	                        n->value.s.p, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Bytes and elements that are looked at or made, and how large the result can be. */
static void size_apply(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_node *a = n->args, *b = a->next;
	bool adds = n->op == YT_OP_ADD && n->type->v != YT_V_INT && n->type->v != YT_V_DOUBLE;

	if (adds) {
		n->bound = yt_bound_join(c->arena, &a->bound, &b->bound);
		n->bound.n = (uint32_t)yt_cost_add(a->bound.n, b->bound.n);
		costs(n, n->bound.n);
	} else if (n->op == YT_OP_CALL) {
		if (n->type->v == YT_V_STRING)
			n->bound.n = a->bound.n > NUMBER_TEXT_BYTES ? a->bound.n : a->type->v == YT_V_STRING ? a->bound.n : NUMBER_TEXT_BYTES;
		for (const struct yt_node *arg = a; arg; arg = arg->next)
			costs(n, arg->type->v == YT_V_STRING || is_dyn(arg) ? arg->bound.n : 0);
	}
}

static bool check_apply(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_overload *first = NULL, *chosen = NULL;
	const struct yt_node *a = n->args, *b = a ? a->next : NULL;
	bool dyn = false;

	for (const struct yt_node *arg = a; arg; arg = arg->next)
		dyn = dyn || is_dyn(arg);
	for (size_t i = 0; i < yt_n_overloads; i++) {
		const struct yt_overload *o = &yt_overloads[i];

		if (!first && is_of(o, n))
			first = o;
		if (!overload_fits(o, n))
			continue;
		if (!chosen)
			n->type = yt_vkind_scalar(o->result);
		else if (n->type != yt_vkind_scalar(o->result))
			n->type = &yt_vkind_DYN;
		chosen = chosen ? chosen : o;
	}
	if (!chosen)
		return no_overload(c, n);
	if (!n->type && !dyn) { /* list + list */
		if (!yt_vkind_fits(a->type, b->type))
			return no_overload(c, n);
		n->type = yt_vkind_join(c->arena, a->type, b->type);
	}
	if (!n->type)
		n->type = &yt_vkind_DYN;
	if (!check_literal_time(c, n) || (chosen->n_args == 2 && chosen->args[0] == YT_V_TIMESTAMP && n->op == YT_OP_CALL &&
	                                  !check_zone(c, n->args->next)))
		return false;
	size_apply(c, n);
	n->op = dyn ? YT_OP_DISPATCH : YT_OP_APPLY;
	n->overload = dyn ? first : chosen;
	fold(c, n);
	return true;
}

/* --- the walk --- */

/* A fault in one does not hide those of the others. */
static bool check_args(struct yt_compile *c, struct yt_node *n)
{
	bool good = true;

	for (struct yt_node *arg = n->args; arg; arg = arg->next) {
		good &= yt_expr_check(c, arg);
		costs(n, arg->cost);
	}
	return good;
}

/* `member.has_coupon(..)`, where no macro's variable and no variable of `eval` has that name. */
static bool is_has_coupon(const struct yt_compile *c, const struct yt_node *n)
{
	return n->method && yt_str_eq(n->word, YT_S("has_coupon")) && n->args->op == YT_OP_IDENT && yt_str_eq(n->args->word, YT_S("member")) &&
	       !c->scope->vars && !yt_local_find(c, n->args);
}

/* A text that is the name of no template is a fault of the file: no member can ever hold one. */
static bool check_template(struct yt_compile *c, const struct yt_node *n)
{
	struct yt_str name = n->value.s;
	const char *near;

	if (n->op != YT_OP_LITERAL || !c->scope->templates || yt_is_one_of(name, c->scope->templates, c->scope->n_templates))
		return true;
	near = yt_nearest(name, c->scope->templates, c->scope->n_templates);
	return yt_compile_fault(c, n->at, "there is no [coupon \"%.*s\"]%s%s%s", name.n > 63 ? 63 : (int)name.n, name.p,
	                        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* It becomes `template in` the list of what the member holds. */
static bool check_has_coupon(struct yt_compile *c, struct yt_node *n)
{
	struct yt_node *held = n->args, *template = held->next;

	if (n->n_args != 2)
		return yt_compile_fault(c, n->at, "has_coupon() takes one template, such as member.has_coupon(\"half-price\")");
	if (!yt_expr_check(c, template))
		return false;
	if (template->type->v != YT_V_STRING)
		return yt_compile_fault(c, template->at, "has_coupon() takes string, not %.*s", YT_FMT(text_of(c, template)));
	if (!check_template(c, template))
		return false;
	held->op = YT_OP_NAME;
	held->name = YT_N_MEMBER_HELD;
	held->type = &yt_vkind_STRINGS;
	held->bound = yt_bound_of_name(c->arena, held->name, held->type);
	held->cost = yt_cost_add(1, yt_bound_parts(&held->bound, held->type));
	held->next = NULL;
	template->next = held;
	n->args = template;
	n->method = false;
	n->op = YT_OP_IN;
	costs(n, yt_cost_add(held->cost, template->cost));
	return check_in(c, n);
}

static bool check_call(struct yt_compile *c, struct yt_node *n)
{
	const struct macro *m = macro_find(n->word);

	if (!n->method && yt_str_eq(n->word, YT_S("has")))
		return check_has(c, n);
	if (m)
		return check_macro(c, n, m);
	if (is_has_coupon(c, n))
		return check_has_coupon(c, n);
	if (!is_function(n->word))
		return unknown_function(c, n);
	return check_args(c, n) && check_apply(c, n);
}

bool yt_expr_check(struct yt_compile *c, struct yt_node *n)
{
	n->cost = 1;
	switch (n->op) {
	case YT_OP_LITERAL:
		n->type = yt_vkind_of(c->arena, &n->value);
		n->bound = yt_bound_of_value(c->arena, &n->value);
		return true;
	case YT_OP_IDENT:
		return check_ident(c, n);
	case YT_OP_SELECT:
		return check_select(c, n);
	case YT_OP_CALL:
		return check_call(c, n);
	case YT_OP_LIST:
		return check_args(c, n) && check_list(c, n);
	case YT_OP_MAP:
		return check_args(c, n) && check_map(c, n);
	case YT_OP_INDEX:
		return check_args(c, n) && check_index(c, n);
	case YT_OP_COND:
		return check_args(c, n) && check_cond(c, n);
	case YT_OP_AND:
	case YT_OP_OR:
		return check_args(c, n) && check_logic(c, n);
	case YT_OP_EQ:
	case YT_OP_NE:
	case YT_OP_LT:
	case YT_OP_LE:
	case YT_OP_GT:
	case YT_OP_GE:
		return check_args(c, n) && check_order(c, n);
	case YT_OP_IN:
		return check_args(c, n) && check_in(c, n);
	default:
		return check_args(c, n) && check_apply(c, n);
	}
}
