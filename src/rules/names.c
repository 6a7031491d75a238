/* What the words of an expression name: the table of RULES.md in the scope of a rule, and variables. */
#include "tree.h"

#include <stdio.h>

#include "yutang/base/ini.h"

enum {
	DOTTED_MAX = 128,  /* bytes of a name such as `member.paid_orders` */
	WORDS_MAX = 192,   /* candidates of one suggestion */
};

_Static_assert((int)YT_F__COUNT <= 64, "event fields are a bit set");
_Static_assert(YT_N_EVENT_FIELD + YT_F__COUNT + 32 < WORDS_MAX, "a suggestion looks at all names");

static const char *const groups[] = { "shop", "event", "order", "group", "contact", "coupon", "referral", "share", "gift", "presale", "member" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool yt_is_one_of(struct yt_str word, const char *const *list, size_t n)
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
	if (name == YT_N_MEMBER_HELD)
		return YT_S("member.has_coupon()");
	if (name < YT_N_EVENT_FIELD)
		return yt_names[name].text;
	return yt_arena_printf(a, "event.%.*s", YT_FMT(yt_fields[name - YT_N_EVENT_FIELD].name));
}

/* A type of the scope has the field. */
static bool has_field(const struct yt_scope *scope, enum yt_field field)
{
	for (unsigned on = 0; on < YT_ON__COUNT; on++) {
		if (scope->types >> on & 1 && yt_on_has(on, field))
			return true;
	}
	return false;
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
		{ YT_STR("coupon"), YT_SCOPE_COUPON },
		{ YT_STR("presale"), YT_SCOPE_PRESALE },
		{ YT_STR("share"), YT_SCOPE_SHARE },
		{ YT_STR("gift"), YT_SCOPE_GIFT },
		{ YT_STR("referral"), YT_SCOPE_REFERRAL },
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
	size_t n = 0;

	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		if (group_in_scope(c->scope, yt_names[i].text))
			words[n++] = yt_names[i].text.p;
	}
	for (int f = 0; f < YT_F__COUNT; f++) {
		if (has_field(c->scope, f))
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
	if (name == YT_N_ORDER_ITEMS)
		c->event_fields |= UINT64_C(1) << YT_F_ITEMS;
	if (name == YT_N_REFERRAL_REFERRER)
		c->event_fields |= UINT64_C(1) << YT_F_REFERRER;
	if (name == YT_N_REFERRAL_CHANNEL)
		c->event_fields |= UINT64_C(1) << YT_F_CHANNEL;
	if (name != YT_N_EVENT_AT)
		return;
	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		if (c->scope->types & 1u << t && yt_types[t].at != YT_F_NONE)
			c->event_fields |= UINT64_C(1) << yt_types[t].at;
	}
}

static bool unknown_var(struct yt_compile *c, uint32_t at, struct yt_str dotted)
{
	const char **words = yt_arena_alloc(c->arena, (c->scope->n_vars + 1) * sizeof(*words));
	const char *near;

	for (size_t i = 0; i < c->scope->n_vars; i++)
		words[i] = yt_arena_dup(c->arena, c->scope->vars[i].name).p;
	near = yt_nearest(dotted, words, c->scope->n_vars);
	if (near)
		return yt_compile_fault(c, at, "unknown name %.*s; did you mean %s?", YT_FMT(dotted), near);
	return yt_compile_fault(c, at, "unknown name %.*s", YT_FMT(dotted));
}

static bool unknown_name(struct yt_compile *c, uint32_t at, struct yt_str dotted)
{
	const char *near;

	if (yt_is_one_of(dotted, groups, COUNT(groups)))
		return yt_compile_fault(c, at, "%.*s is no value by itself: name one of its fields, such as %.*s.id", YT_FMT(dotted),
		                        YT_FMT(dotted));
	if (yt_str_eq(dotted, YT_S("member.has_coupon")))
		return yt_compile_fault(c, at, "member.has_coupon is asked of a template, such as member.has_coupon(\"half-price\")");
	near = nearest_name(c, dotted);
	if (near)
		return yt_compile_fault(c, at, "unknown name %.*s; did you mean %s?", YT_FMT(dotted), near);
	return yt_compile_fault(c, at, "unknown name %.*s", YT_FMT(dotted));
}

/* Whether it is known where it is asked for: it is what only the event itself carries. False: said why not. */
static bool is_at_hand(struct yt_compile *c, uint32_t at, struct yt_str dotted, enum yt_name name)
{
	static const enum yt_name carried[] = {
		YT_N_ORDER_ITEMS, YT_N_EVENT_FIELD + YT_F_ITEMS, YT_N_EVENT_FIELD + YT_F_COUPONS, YT_N_EVENT_FIELD + YT_F_BUYER,
	};

	for (size_t i = 0; i < COUNT(carried) && c->scope->kept; i++) {
		if (name == carried[i])
			return yt_compile_fault(c, at, "%.*s is not known in %s: a timer does not keep it", YT_FMT(dotted), c->scope->place);
	}
	if (name == YT_N_ORDER_ITEMS && !(c->scope->types & 1u << YT_ORDER_PAID))
		return yt_compile_fault(c, at, "%.*s is not known here: order.paid alone has them, and it is not in `on`", YT_FMT(dotted));
	return true;
}

/* The name with its type; false: said why not. */
static bool resolve(struct yt_compile *c, uint32_t at, struct yt_str dotted, enum yt_name *name, const struct yt_vkind **type)
{
	int field = event_field(dotted);

	if (!group_in_scope(c->scope, dotted))
		return yt_compile_fault(c, at, "%.*s is not known here: no type in `on` brings its group of names", YT_FMT(dotted));
	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		if (yt_str_eq(yt_names[i].text, dotted)) {
			*name = i;
			*type = yt_names[i].type;
			note_event_field(c, *name);
			return is_at_hand(c, at, dotted, *name);
		}
	}
	if (field < 0)
		return unknown_name(c, at, dotted);
	if (!has_field(c->scope, field))
		return yt_compile_fault(c, at, "%.*s is not known here: no type in `on` has that field", YT_FMT(dotted));
	*name = YT_N_EVENT_FIELD + field;
	*type = yt_field_vkind(field);
	note_event_field(c, *name);
	return is_at_hand(c, at, dotted, *name);
}

static const struct yt_var *var_find(const struct yt_compile *c, struct yt_str dotted)
{
	for (size_t i = 0; i < c->scope->n_vars; i++) {
		if (yt_str_eq(c->scope->vars[i].name, dotted))
			return &c->scope->vars[i];
	}
	return NULL;
}

/* Whether there is such a name, in this scope or in another. */
static bool is_name(const struct yt_compile *c, struct yt_str dotted)
{
	int field = event_field(dotted);

	if (c->scope->vars)
		return var_find(c, dotted);
	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		if (yt_str_eq(yt_names[i].text, dotted))
			return true;
	}
	return field >= 0;
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

const struct yt_local *yt_local_find(const struct yt_compile *c, const struct yt_node *ident)
{
	const struct yt_local *l = ident->root ? NULL : c->locals;

	while (l && !yt_str_eq(l->name, ident->word))
		l = l->outer;
	return l;
}

/* The IDENT that a chain of SELECT begins with; NULL where it begins with something else. */
static const struct yt_node *chain_begin(const struct yt_node *n)
{
	while (n->op == YT_OP_SELECT)
		n = n->args;
	return n->op == YT_OP_IDENT ? n : NULL;
}

bool yt_has_object(struct yt_compile *c, const struct yt_node *n)
{
	const struct yt_node *begin = chain_begin(n);
	uint32_t at;

	if (!begin || yt_local_find(c, begin))
		return true;
	while (n->op == YT_OP_SELECT) {
		n = n->args;
		if (is_name(c, dotted_text(c, n, &at)))
			return true;
	}
	return false;
}

bool yt_unknown_name(struct yt_compile *c, const struct yt_node *n)
{
	const struct yt_vkind *type;
	enum yt_name name;
	uint32_t at;
	struct yt_str dotted = dotted_text(c, n, &at);

	if (!dotted.n)
		return yt_compile_fault(c, at, "a name of more than %d letters", DOTTED_MAX);
	if (c->scope->vars)
		return unknown_var(c, at, dotted);
	return resolve(c, at, dotted, &name, &type);
}

static void become_literal(struct yt_compile *c, struct yt_node *n, struct yt_value v)
{
	n->op = YT_OP_LITERAL;
	n->value = v;
	n->args = NULL;
	n->n_args = 0;
	n->type = yt_vkind_of(c->arena, &v);
	n->bound = yt_bound_of_value(c->arena, &v);
}

static bool find_name(struct yt_compile *c, const struct yt_node *n, uint32_t *at, struct yt_str *dotted)
{
	const struct yt_node *begin = chain_begin(n);

	if (!begin || yt_local_find(c, begin))
		return false;
	*dotted = dotted_text(c, n, at);
	return dotted->n && is_name(c, *dotted);
}

bool yt_check_name(struct yt_compile *c, struct yt_node *n, bool *found)
{
	const struct yt_vkind *type;
	enum yt_name name;
	struct yt_str dotted;
	uint32_t at;

	*found = find_name(c, n, &at, &dotted);
	if (!*found)
		return true;
	if (c->scope->vars) {
		become_literal(c, n, var_find(c, dotted)->value);
		return true;
	}
	if (!resolve(c, at, dotted, &name, &type))
		return false;
	n->op = YT_OP_NAME;
	n->type = type;
	n->name = name;
	n->args = NULL;
	n->n_args = 0;
	n->bound = yt_bound_of_name(c->arena, name, type);
	n->cost = yt_cost_add(n->cost, yt_bound_parts(&n->bound, type));
	return true;
}

bool yt_check_has_name(struct yt_compile *c, struct yt_node *n, struct yt_node *field, bool *found)
{
	enum yt_name name;

	if (!yt_check_name(c, field, found))
		return false;
	if (!*found)
		return true;
	if (c->scope->vars) {
		become_literal(c, n, (struct yt_value){ .type = YT_V_BOOL, .b = true });
		return true;
	}
	name = field->name;
	n->op = YT_OP_HAS;
	n->name = name;
	n->args = NULL;
	n->n_args = 0;
	return true;
}
