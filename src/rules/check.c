/* Names and types: every word of the tree becomes a name or an overload here, or a fault that says what was meant. */
#include "tree.h"

#include <stdio.h>

#include "yutang/base/ini.h"

enum {
	DOTTED_MAX = 128,  /* bytes of a name such as `member.paid_orders` */
	WORDS_MAX = 192,   /* candidates of one suggestion */
};

_Static_assert((int)YT_F__COUNT <= 64, "event fields are a bit set");
_Static_assert(YT_N_EVENT_FIELD + YT_F__COUNT + 32 < WORDS_MAX, "a suggestion looks at all names");

/* --- what later versions have --- */

static const char *const later_names[] = {
	"order.items",          "order.coupons",           "event.items",       "event.coupons",   "event.buyer",
	"member.tier",          "member.tags",             "member.has_coupon", "member.median_gap", "member.stock_until",
	"member.referrals_bound", "member.referrals_qualified", "member.referrals_approved",
	/* fields of types that are not there yet */
	"event.alias",          "event.identity",          "event.last_version", "event.share",    "event.friend",
	"event.shared_at",      "event.gift",              "event.claimed_at",  "event.claim",     "event.balance_from",
	"event.balance_until",
};

/* Groups of which this version has no name at all. */
static const char *const later_groups[] = { "coupon", "referral", "share", "gift", "presale" };

static const char *const later_functions[] = {
	"size",        "startsWith",  "endsWith",     "contains",       "int",          "double",        "string",
	"timestamp",   "getFullYear", "getMonth",     "getDate",        "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
	"getHours",    "getMinutes",  "getSeconds",   "getMilliseconds", "exists",      "all",           "exists_one",
	"filter",      "map",         "has_coupon",
};

static const char *const groups[] = { "shop", "event", "order", "group", "contact", "member" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_one_of(struct yt_str word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (yt_str_eq(word, yt_str_z(list[i])))
			return true;
	}
	return false;
}

static struct yt_str before_dot(struct yt_str dotted)
{
	const char *dot = memchr(dotted.p, '.', dotted.n);

	return dot ? yt_str(dotted.p, (size_t)(dot - dotted.p)) : dotted;
}

/* --- names --- */

struct yt_str yt_name_text(struct yt_arena *a, enum yt_name name)
{
	if (name < YT_N_EVENT_FIELD)
		return yt_names[name].text;
	return yt_arena_printf(a, "event.%.*s", YT_FMT(yt_fields[name - YT_N_EVENT_FIELD].name));
}

/* The bits of the types of the scope that have the field. */
static uint32_t types_with(const struct yt_scope *scope, enum yt_field field)
{
	uint32_t types = 0;

	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		for (int i = 0; i < yt_types[t].n_fields && scope->types & 1u << t; i++) {
			if (yt_types[t].fields[i].field == field)
				types |= 1u << t;
		}
	}
	return types;
}

/* The group's bit in a scope; 0: always there. */
static unsigned group_bit(struct yt_str group)
{
	static const struct {
		struct yt_str group;
		unsigned bit;
	} table[] = {
		{ YT_STR("event"), YT_SCOPE_EVENT },
		{ YT_STR("order"), YT_SCOPE_ORDER },
		{ YT_STR("group"), YT_SCOPE_GROUP },
		{ YT_STR("contact"), YT_SCOPE_CONTACT },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		if (yt_str_eq(table[i].group, group))
			return table[i].bit;
	}
	return 0;
}

static bool group_in_scope(const struct yt_scope *scope, struct yt_str dotted)
{
	unsigned bit = group_bit(before_dot(dotted));

	return !bit || scope->groups & bit;
}

/* The field of `event.<field>`, -1 where dotted is none. */
static int event_field(struct yt_str dotted)
{
	if (!yt_str_starts(dotted, YT_S("event.")))
		return -1;
	return yt_field_find(yt_str(dotted.p + 6, dotted.n - 6));
}

/* `nth` for `order.nth`: the name without its group. */
static bool is_last_word(struct yt_str word, const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && yt_str_eq(word, yt_str_z(dot + 1));
}

static const char *nearest_name(struct yt_compile *c, struct yt_str dotted)
{
	const char *words[WORDS_MAX];
	enum yt_vtype type;
	size_t n = 0;

	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		if (group_in_scope(c->scope, yt_names[i].text))
			words[n++] = yt_names[i].text.p;
	}
	for (int f = 0; f < YT_F__COUNT; f++) {
		if (types_with(c->scope, f) && yt_field_vtype(f, &type))
			words[n++] = yt_name_text(c->arena, YT_N_EVENT_FIELD + f).p;
	}
	for (size_t i = 0; i < n; i++) {
		if (is_last_word(dotted, words[i]))
			return words[i];
	}
	return yt_nearest(dotted, words, n);
}

/* What the expression wants kept of the event when it is evaluated later. */
static void note_event_field(struct yt_compile *c, enum yt_name name)
{
	if (name >= YT_N_EVENT_FIELD)
		c->event_fields |= UINT64_C(1) << (name - YT_N_EVENT_FIELD);
	if (name != YT_N_EVENT_AT)
		return;
	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		if (c->scope->types & 1u << t)
			c->event_fields |= UINT64_C(1) << yt_types[t].at;
	}
}

static bool unknown_name(struct yt_compile *c, uint32_t at, struct yt_str dotted)
{
	struct yt_str group = before_dot(dotted);
	const char *near;

	if (is_one_of(dotted, later_names, COUNT(later_names)) ||
	    (group.n < dotted.n && is_one_of(group, later_groups, COUNT(later_groups))))
		return yt_compile_fault(c, at, "%.*s is not in this version yet", YT_FMT(dotted));
	if (is_one_of(dotted, groups, COUNT(groups)))
		return yt_compile_fault(c, at, "%.*s is no value by itself: name one of its fields, such as %.*s.id", YT_FMT(dotted),
		                        YT_FMT(dotted));
	near = nearest_name(c, dotted);
	if (near)
		return yt_compile_fault(c, at, "unknown name %.*s; did you mean %s?", YT_FMT(dotted), near);
	return yt_compile_fault(c, at, "unknown name %.*s", YT_FMT(dotted));
}

/* The name with its type; false: said why not. */
static bool resolve(struct yt_compile *c, uint32_t at, struct yt_str dotted, enum yt_name *name, enum yt_vtype *type)
{
	int field = event_field(dotted);

	if (!group_in_scope(c->scope, dotted) && !is_one_of(dotted, later_names, COUNT(later_names)))
		return yt_compile_fault(c, at, "%.*s is not known here: no type in `on` brings its group of names", YT_FMT(dotted));
	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		if (yt_str_eq(yt_names[i].text, dotted)) {
			*name = i;
			*type = yt_names[i].type;
			note_event_field(c, *name);
			return true;
		}
	}
	if (field < 0 || !yt_field_vtype(field, type))
		return unknown_name(c, at, dotted);
	if (!types_with(c->scope, field))
		return yt_compile_fault(c, at, "%.*s is not known here: no type in `on` has that field", YT_FMT(dotted));
	*name = YT_N_EVENT_FIELD + field;
	note_event_field(c, *name);
	return true;
}

/* `a.b.c` of IDENT and SELECT nodes as one text; empty where the node is something else. *at: where it begins. */
static struct yt_str dotted_text(struct yt_compile *c, const struct yt_node *n, uint32_t *at)
{
	struct yt_str rest;

	*at = n->at;
	if (n->op == YT_OP_IDENT)
		return n->word;
	if (n->op != YT_OP_SELECT)
		return yt_str(NULL, 0);
	rest = dotted_text(c, n->args, at);
	if (!rest.n || rest.n + n->word.n >= DOTTED_MAX)
		return yt_str(NULL, 0);
	return yt_arena_printf(c->arena, "%.*s.%.*s", YT_FMT(rest), YT_FMT(n->word));
}

static bool check_name(struct yt_compile *c, struct yt_node *n)
{
	enum yt_vtype type = YT_V_NULL;
	enum yt_name name;
	uint32_t at;
	struct yt_str dotted = dotted_text(c, n, &at);

	if (!dotted.n)
		return yt_compile_fault(c, n->at, "there is no field %.*s here", YT_FMT(n->word));
	if (!resolve(c, at, dotted, &name, &type))
		return false;
	n->op = YT_OP_NAME;
	n->type = type;
	n->name = name;
	n->args = NULL;
	n->bytes_max = type == YT_V_STRING ? YT_EXPR_NAME_BYTES : 0;
	return true;
}

/* --- functions --- */

static bool check_has(struct yt_compile *c, struct yt_node *n)
{
	struct yt_node *arg = n->args;

	if (n->n_args != 1 || arg->op != YT_OP_SELECT)
		return yt_compile_fault(c, n->at, "has() takes one field, such as has(member.referrer)");
	if (!check_name(c, arg))
		return false;
	n->op = YT_OP_HAS;
	n->type = YT_V_BOOL;
	n->name = arg->name;
	n->args = NULL;
	return true;
}

static bool unknown_function(struct yt_compile *c, const struct yt_node *n)
{
	static const char *const here[] = { "has", "duration" };
	const char *near;

	if (is_one_of(n->word, later_functions, COUNT(later_functions)))
		return yt_compile_fault(c, n->at, "%.*s() is not in this version yet", YT_FMT(n->word));
	near = yt_nearest(n->word, here, COUNT(here));
	if (!near)
		near = yt_nearest(n->word, later_functions, COUNT(later_functions));
	if (near)
		return yt_compile_fault(c, n->at, "unknown function %.*s(); did you mean %s()?", YT_FMT(n->word), near);
	return yt_compile_fault(c, n->at, "unknown function %.*s()", YT_FMT(n->word));
}

static bool is_function(struct yt_str word)
{
	for (size_t i = 0; i < yt_n_overloads; i++) {
		if (yt_overloads[i].op == YT_OP_CALL && yt_str_eq(word, yt_str_z(yt_overloads[i].function)))
			return true;
	}
	return false;
}

/* --- operators --- */

static const char *op_text(const struct yt_node *n)
{
	static const char *const texts[] = {
		[YT_OP_AND] = "&&",     [YT_OP_OR] = "||",    [YT_OP_NOT] = "!",      [YT_OP_NEGATE] = "-",
		[YT_OP_ADD] = "+",      [YT_OP_SUBTRACT] = "-", [YT_OP_MULTIPLY] = "*", [YT_OP_EQ] = "==",
		[YT_OP_NE] = "!=",      [YT_OP_LT] = "<",     [YT_OP_LE] = "<=",      [YT_OP_GT] = ">",
		[YT_OP_GE] = ">=",
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

static bool check_logic(struct yt_compile *c, struct yt_node *n)
{
	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		if (arg->type != YT_V_BOOL)
			return yt_compile_fault(c, arg->at, "%s takes bool, not %s", op_text(n), yt_vtype_name(arg->type));
	}
	n->type = YT_V_BOOL;
	return true;
}

static bool check_order(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_node *a = n->args, *b = a->next;
	bool equality = n->op == YT_OP_EQ || n->op == YT_OP_NE;

	if (a->type != b->type)
		return yt_compile_fault(c, n->at, "%s cannot compare %s with %s%s", op_text(n), yt_vtype_name(a->type),
		                        yt_vtype_name(b->type), mix_hint(a->type, b->type));
	if (a->type == YT_V_NULL && !equality)
		return yt_compile_fault(c, n->at, "%s cannot compare null", op_text(n));
	c->cost += a->bytes_max < b->bytes_max ? a->bytes_max : b->bytes_max;
	n->type = YT_V_BOOL;
	return true;
}

static bool overload_fits(const struct yt_overload *o, const struct yt_node *n)
{
	const struct yt_node *arg = n->args;

	if (o->op != n->op || o->n_args != n->n_args || (o->op == YT_OP_CALL && !yt_str_eq(n->word, yt_str_z(o->function))))
		return false;
	for (int i = 0; arg; arg = arg->next, i++) {
		if (arg->type != o->args[i])
			return false;
	}
	return true;
}

static bool no_overload(struct yt_compile *c, const struct yt_node *n)
{
	const struct yt_node *a = n->args, *b = a ? a->next : NULL;

	if (n->op == YT_OP_CALL)
		return yt_compile_fault(c, n->at, "%.*s() takes one string, such as duration(\"72h\")", YT_FMT(n->word));
	if (!b)
		return yt_compile_fault(c, n->at, "%s cannot take %s", op_text(n), yt_vtype_name(a->type));
	return yt_compile_fault(c, n->at, "%s cannot take %s and %s%s", op_text(n), yt_vtype_name(a->type), yt_vtype_name(b->type),
	                        mix_hint(a->type, b->type));
}

/* A literal without its unit is a fault of the file, not of the evaluation. */
static bool check_literal_duration(struct yt_compile *c, const struct yt_node *n)
{
	const struct yt_node *arg = n->args;
	struct yt_value v;

	if (arg->op != YT_OP_LITERAL || yt_value_duration(arg->value.s, &v))
		return true;
	return yt_compile_fault(c, arg->at, "\"%.*s\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"",
	                        arg->value.s.n > 40 ? 40 : (int)arg->value.s.n, arg->value.s.p);
}

static bool check_apply(struct yt_compile *c, struct yt_node *n)
{
	const struct yt_overload *o = NULL;

	for (size_t i = 0; i < yt_n_overloads && !o; i++) {
		if (overload_fits(&yt_overloads[i], n))
			o = &yt_overloads[i];
	}
	if (!o)
		return no_overload(c, n);
	if (o->result == YT_V_DURATION && o->op == YT_OP_CALL && !check_literal_duration(c, n))
		return false;
	if (o->result == YT_V_STRING) {
		n->bytes_max = n->args->bytes_max + n->args->next->bytes_max;
		c->cost += n->bytes_max;
	}
	n->op = YT_OP_APPLY;
	n->type = o->result;
	n->overload = o;
	return true;
}

/* --- the walk --- */

static bool check_args(struct yt_compile *c, struct yt_node *n)
{
	for (struct yt_node *arg = n->args; arg; arg = arg->next) {
		if (!yt_expr_check(c, arg))
			return false;
	}
	return true;
}

bool yt_expr_check(struct yt_compile *c, struct yt_node *n)
{
	c->cost++;
	switch (n->op) {
	case YT_OP_LITERAL:
		n->type = n->value.type;
		n->bytes_max = n->type == YT_V_STRING ? n->value.s.n : 0;
		return true;
	case YT_OP_IDENT:
	case YT_OP_SELECT:
		return check_name(c, n);
	case YT_OP_CALL:
		if (!n->method && yt_str_eq(n->word, YT_S("has")))
			return check_has(c, n);
		if (n->method || !is_function(n->word))
			return unknown_function(c, n);
		return check_args(c, n) && check_apply(c, n);
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
	default:
		return check_args(c, n) && check_apply(c, n);
	}
}
