/* The walk over the typed tree. */
#include "tree.h"

#include <math.h>
#include <stdio.h>

bool yt_eval_fault(struct yt_eval *ev, const char *text)
{
	ev->fault = (struct yt_fault){ .text = text, .absent = -1 };
	return false;
}

static bool no_overload(struct yt_eval *ev)
{
	return yt_eval_fault(ev, "no such overload");
}

static void give_bool(bool b, struct yt_value *out)
{
	*out = (struct yt_value){ .type = YT_V_BOOL, .b = b };
}

/* What is true or false; an error where the value is something else. */
static bool eval_bool(struct yt_eval *ev, const struct yt_node *n, bool *b)
{
	struct yt_value v;

	if (!yt_node_eval(ev, n, &v))
		return false;
	if (v.type != YT_V_BOOL)
		return no_overload(ev);
	*b = v.b;
	return true;
}

/* --- operators --- */

/* `settles`: the value that decides whatever the others are (false of &&, true of ||); it also absorbs an error on either side. */
static bool eval_logic(struct yt_eval *ev, const struct yt_node *n, bool settles, struct yt_value *out)
{
	struct yt_fault first = { .text = NULL };
	bool b;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		if (!eval_bool(ev, arg, &b)) {
			if (!first.text)
				first = ev->fault;
		} else if (b == settles) {
			give_bool(settles, out);
			return true;
		}
	}
	ev->fault = first;
	give_bool(!settles, out);
	return !first.text;
}

static bool eval_cond(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	const struct yt_node *then = n->args->next;
	bool b;

	return eval_bool(ev, n->args, &b) && yt_node_eval(ev, b ? then : then->next, out);
}

static bool is_equality(const struct yt_node *n)
{
	return n->op == YT_OP_EQ || n->op == YT_OP_NE;
}

/* Where the types are known to be one scalar type, one comparison tells all. */
static bool eval_order(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value a, b;
	int order;
	bool r = false;

	if (!yt_node_eval(ev, n->args, &a) || !yt_node_eval(ev, n->args->next, &b))
		return false;
	if (!n->by_value)
		order = yt_value_order(&a, &b);
	else if (is_equality(n))
		order = yt_value_equal(&a, &b) ? 0 : 2;
	else
		order = yt_value_compare(&a, &b);
	if (order == 3)
		return no_overload(ev);
	switch (n->op) {
	case YT_OP_EQ:
		r = order == 0;
		break;
	case YT_OP_NE:
		r = order != 0;
		break;
	case YT_OP_LT:
		r = order == -1;
		break;
	case YT_OP_LE:
		r = order == -1 || order == 0;
		break;
	case YT_OP_GT:
		r = order == 1;
		break;
	default:
		r = order == 1 || order == 0;
		break;
	}
	give_bool(r, out);
	return true;
}

static bool eval_in(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value v, in;
	bool there = false;

	if (!yt_node_eval(ev, n->args, &v) || !yt_node_eval(ev, n->args->next, &in))
		return false;
	if (in.type == YT_V_MAP)
		there = yt_value_find(&in, &v);
	else if (in.type != YT_V_LIST)
		return no_overload(ev);
	for (uint32_t i = 0; in.type == YT_V_LIST && i < in.list.n && !there; i++)
		there = yt_value_equal(&v, &in.list.items[i]);
	give_bool(there, out);
	return true;
}

/* --- functions --- */

static bool eval_args(struct yt_eval *ev, const struct yt_node *n, struct yt_value args[2])
{
	int i = 0;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next, i++) {
		if (!yt_node_eval(ev, arg, &args[i]))
			return false;
	}
	return true;
}

static bool overload_takes(const struct yt_overload *o, const struct yt_node *n, const struct yt_value *args)
{
	if (o->n_args != n->n_args || (o->style && !(o->style & (n->method ? YT_CALL_METHOD : YT_CALL_FREE))))
		return false;
	for (int i = 0; i < o->n_args; i++) {
		if (o->args[i] != args[i].type && !(o->args[i] == YT_V_STRING && args[i].type == YT_V_ZONE))
			return false;
	}
	return true;
}

static bool eval_dispatch(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	const struct yt_overload *end = yt_overloads + yt_n_overloads;
	struct yt_value args[2];

	if (!eval_args(ev, n, args))
		return false;
	for (const struct yt_overload *o = n->overload; o < end && yt_overload_same(o, n->overload); o++) {
		if (overload_takes(o, n, args))
			return o->apply(ev, args, out);
	}
	return no_overload(ev);
}

static bool eval_apply(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value args[2];

	return eval_args(ev, n, args) && n->overload->apply(ev, args, out);
}

/* --- lists and maps --- */

static bool eval_list(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value *items = yt_arena_alloc(ev->arena, (size_t)n->n_args * sizeof(*items));
	uint32_t i = 0;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		if (!yt_node_eval(ev, arg, &items[i++]))
			return false;
	}
	*out = (struct yt_value){ .type = YT_V_LIST };
	out->list.items = items;
	out->list.n = i;
	return true;
}

static bool eval_map(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_pair *entries = yt_arena_alloc(ev->arena, (size_t)n->n_args / 2 * sizeof(*entries));
	struct yt_value map = { .type = YT_V_MAP };

	map.map.entries = entries;
	map.map.n = 0;
	for (const struct yt_node *arg = n->args; arg; arg = arg->next->next) {
		struct yt_pair *e = &entries[map.map.n];

		if (!yt_node_eval(ev, arg, &e->key) || !yt_node_eval(ev, arg->next, &e->value))
			return false;
		if (e->key.type != YT_V_BOOL && e->key.type != YT_V_INT && e->key.type != YT_V_STRING)
			return yt_eval_fault(ev, "a key of a map is bool, int or string");
		if (yt_value_find(&map, &e->key))
			return yt_eval_fault(ev, "a key stands twice in a map");
		map.map.n++;
	}
	*out = map;
	return true;
}

static bool list_index(struct yt_eval *ev, const struct yt_value *list, const struct yt_value *index, struct yt_value *out)
{
	int64_t i = index->i;

	if (index->type == YT_V_DOUBLE && index->d >= 0 && index->d < UINT32_MAX && index->d == floor(index->d))
		i = (int64_t)index->d;
	else if (index->type != YT_V_INT)
		return yt_eval_fault(ev, "an index of a list is an int");
	if (i < 0 || i >= list->list.n)
		return yt_eval_fault(ev, "index out of range");
	*out = list->list.items[i];
	return true;
}

static bool map_index(struct yt_eval *ev, const struct yt_value *map, const struct yt_value *key, struct yt_value *out)
{
	const struct yt_pair *e = yt_value_find(map, key);

	if (!e)
		return yt_eval_fault(ev, "no such key");
	*out = e->value;
	return true;
}

static bool eval_index(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value of, index;

	if (!yt_node_eval(ev, n->args, &of) || !yt_node_eval(ev, n->args->next, &index))
		return false;
	if (of.type == YT_V_LIST)
		return list_index(ev, &of, &index, out);
	return of.type == YT_V_MAP ? map_index(ev, &of, &index, out) : no_overload(ev);
}

static bool eval_field(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value of, key = { .type = YT_V_STRING, .s = n->word };

	if (!yt_node_eval(ev, n->args, &of))
		return false;
	if (of.type != YT_V_MAP)
		return yt_eval_fault(ev, "only a map has fields");
	if (n->op == YT_OP_FIELD)
		return map_index(ev, &of, &key, out);
	give_bool(yt_value_find(&of, &key), out);
	return true;
}

/* --- macros --- */

struct range {
	struct yt_value of;
	uint32_t n, at;
};

static bool range_begin(struct yt_eval *ev, const struct yt_node *n, struct range *r)
{
	if (!yt_node_eval(ev, n->args, &r->of))
		return false;
	r->at = 0;
	if (r->of.type == YT_V_LIST)
		r->n = r->of.list.n;
	else if (r->of.type == YT_V_MAP)
		r->n = r->of.map.n;
	else
		return no_overload(ev);
	return true;
}

/* The next element, or key of a map, becomes the macro's variable; false behind the last. */
static bool range_next(struct yt_eval *ev, const struct yt_node *n, struct range *r)
{
	if (r->at == r->n)
		return false;
	ev->locals[n->slot] = r->of.type == YT_V_LIST ? r->of.list.items[r->at] : r->of.map.entries[r->at].key;
	r->at++;
	return true;
}

/* As && and || over the elements. */
static bool eval_quantifier(struct yt_eval *ev, const struct yt_node *n, bool settles, struct yt_value *out)
{
	struct yt_fault first = { .text = NULL };
	struct range r;
	bool b;

	if (!range_begin(ev, n, &r))
		return false;
	while (range_next(ev, n, &r)) {
		if (!eval_bool(ev, n->args->next, &b)) {
			if (!first.text)
				first = ev->fault;
		} else if (b == settles) {
			give_bool(settles, out);
			return true;
		}
	}
	ev->fault = first;
	give_bool(!settles, out);
	return !first.text;
}

static bool eval_exists_one(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	uint32_t found = 0;
	struct range r;
	bool b;

	if (!range_begin(ev, n, &r))
		return false;
	while (range_next(ev, n, &r)) {
		if (!eval_bool(ev, n->args->next, &b))
			return false;
		found += b;
	}
	give_bool(found == 1, out);
	return true;
}

/* filter, and map with a condition or without. */
static bool eval_collect(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	const struct yt_node *first = n->args->next;
	const struct yt_node *condition = n->op == YT_OP_FILTER || first->next ? first : NULL;
	const struct yt_node *becomes = n->op == YT_OP_FILTER ? NULL : first->next ? first->next : first;
	struct yt_value *items;
	struct range r;
	uint32_t count = 0;
	bool b = true;

	if (!range_begin(ev, n, &r))
		return false;
	items = yt_arena_alloc(ev->arena, r.n * sizeof(*items));
	while (range_next(ev, n, &r)) {
		if (condition && !eval_bool(ev, condition, &b))
			return false;
		if (!b)
			continue;
		if (!becomes)
			items[count] = ev->locals[n->slot];
		else if (!yt_node_eval(ev, becomes, &items[count]))
			return false;
		count++;
	}
	*out = (struct yt_value){ .type = YT_V_LIST };
	out->list.items = items;
	out->list.n = count;
	return true;
}

/* --- the walk --- */

static bool eval_name(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	if (ev->facts && ev->facts(ev->ctx, n->name, out))
		return true;
	ev->fault = (struct yt_fault){ .text = "absent", .absent = (int)n->name };
	return false;
}

bool yt_node_eval(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	switch (n->op) {
	case YT_OP_LITERAL:
		*out = n->value;
		return true;
	case YT_OP_NAME:
		return eval_name(ev, n, out);
	case YT_OP_HAS:
		give_bool(ev->facts && ev->facts(ev->ctx, n->name, out), out);
		return true;
	case YT_OP_LOCAL:
		*out = ev->locals[n->slot];
		return true;
	case YT_OP_APPLY:
		return eval_apply(ev, n, out);
	case YT_OP_DISPATCH:
		return eval_dispatch(ev, n, out);
	case YT_OP_AND:
		return eval_logic(ev, n, false, out);
	case YT_OP_OR:
		return eval_logic(ev, n, true, out);
	case YT_OP_COND:
		return eval_cond(ev, n, out);
	case YT_OP_IN:
		return eval_in(ev, n, out);
	case YT_OP_LIST:
		return eval_list(ev, n, out);
	case YT_OP_MAP:
		return eval_map(ev, n, out);
	case YT_OP_INDEX:
		return eval_index(ev, n, out);
	case YT_OP_FIELD:
	case YT_OP_HAS_FIELD:
		return eval_field(ev, n, out);
	case YT_OP_EXISTS:
		return eval_quantifier(ev, n, true, out);
	case YT_OP_ALL:
		return eval_quantifier(ev, n, false, out);
	case YT_OP_EXISTS_ONE:
		return eval_exists_one(ev, n, out);
	case YT_OP_FILTER:
	case YT_OP_TRANSFORM:
		return eval_collect(ev, n, out);
	default:
		return eval_order(ev, n, out);
	}
}

void yt_eval_say(const struct yt_eval *ev, char msg[64])
{
	int absent = ev->fault.absent;

	if (absent < 0)
		snprintf(msg, 64, "%s", ev->fault.text);
	else
		snprintf(msg, 64, "%.*s is absent", YT_FMT(yt_name_text(ev->arena, (enum yt_name)absent)));
}

bool yt_expr_eval(const struct yt_expr *e, struct yt_arena *a, yt_facts_fn facts, const void *ctx, struct yt_value *out, char msg[64])
{
	struct yt_value locals[YT_EXPR_DEPTH_MAX];
	struct yt_eval ev = { .arena = a, .facts = facts, .ctx = ctx, .zones = e->zones, .locals = locals };

	if (yt_node_eval(&ev, e->root, out))
		return true;
	if (msg)
		yt_eval_say(&ev, msg);
	return false;
}
