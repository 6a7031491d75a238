/* Why a condition does not hold: the parts of it that would have to be otherwise. */
#include "tree.h"

struct why {
	struct yt_eval ev;
	const struct yt_expr *expr;
	const struct yt_part **end; /* of the list of parts */
};

static struct yt_str source(const struct why *w, const struct yt_node *n)
{
	return yt_str(w->expr->text.p + (n->begin - w->expr->root->begin), n->end - n->begin);
}

/* True, false or an error, which is in w->ev.fault then. */
enum outcome { IS_TRUE, IS_FALSE, IS_ERROR };

static enum outcome outcome_of(struct why *w, const struct yt_node *n)
{
	struct yt_value v;

	if (!yt_node_eval(&w->ev, n, &v))
		return IS_ERROR;
	if (v.type == YT_V_BOOL)
		return v.b ? IS_TRUE : IS_FALSE;
	yt_eval_fault(&w->ev, "no such overload");
	return IS_ERROR;
}

/* --- operands */

/* Of a side that is an error the names are enough. */
static void add_operand(struct why *w, const struct yt_operand **list, struct yt_str text, const struct yt_node *n, bool name)
{
	struct yt_operand *o = yt_arena_zalloc(w->ev.arena, sizeof(*o));
	const struct yt_operand **end = list;

	for (; *end; end = (const struct yt_operand **)&(*end)->next) {
		if (yt_str_eq((*end)->text, text))
			return;
	}
	o->text = text;
	o->known = n->op == YT_OP_HAS ? w->ev.facts && w->ev.facts(w->ev.ctx, n->name, &o->value) : yt_node_eval(&w->ev, n, &o->value);
	if (o->known || name)
		*end = o;
}

/* Also those within macros: they are worth the same for each element. */
static void add_names(struct why *w, const struct yt_operand **list, const struct yt_node *n)
{
	if (n->op == YT_OP_NAME || n->op == YT_OP_HAS)
		add_operand(w, list, yt_name_text(w->ev.arena, n->name), n, true);
	for (const struct yt_node *arg = n->args; arg; arg = arg->next)
		add_names(w, list, arg);
}

static bool is_comparison(const struct yt_node *n)
{
	return n->op >= YT_OP_EQ && n->op <= YT_OP_IN;
}

static const struct yt_operand *operands_of(struct why *w, const struct yt_node *n)
{
	const struct yt_operand *list = NULL;

	for (const struct yt_node *arg = n->args; arg && is_comparison(n); arg = arg->next) {
		if (arg->op == YT_OP_NAME)
			add_names(w, &list, arg);
		else if (arg->op != YT_OP_LITERAL && arg->end)
			add_operand(w, &list, source(w, arg), arg, false);
	}
	add_names(w, &list, n);
	return list;
}

/* --- parts */

static void add_part(struct why *w, const struct yt_node *n)
{
	struct yt_part *p = yt_arena_zalloc(w->ev.arena, sizeof(*p));

	p->text = source(w, n);
	if (outcome_of(w, n) == IS_ERROR)
		yt_eval_say(&w->ev, p->error);
	p->operands = operands_of(w, n);
	*w->end = p;
	w->end = &p->next;
}

/* The argument that makes an && what it is; one is there. */
static const struct yt_node *culprit(struct why *w, const struct yt_node *n)
{
	const struct yt_node *first_error = NULL;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		enum outcome is = outcome_of(w, arg);

		if (is == IS_FALSE)
			return arg;
		if (is == IS_ERROR && !first_error)
			first_error = arg;
	}
	return first_error;
}

static void take_apart(struct why *w, const struct yt_node *n)
{
	while (n->op == YT_OP_AND)
		n = culprit(w, n);
	if (n->op != YT_OP_OR) {
		add_part(w, n);
		return;
	}
	for (const struct yt_node *arg = n->args; arg; arg = arg->next)
		take_apart(w, arg);
}

const struct yt_part *yt_expr_why(const struct yt_expr *e, struct yt_arena *a, yt_facts_fn facts, const void *ctx)
{
	struct yt_value locals[YT_EXPR_DEPTH_MAX];
	struct why w = { .ev = { .arena = a, .facts = facts, .ctx = ctx, .zones = e->zones, .locals = locals }, .expr = e };
	const struct yt_part *first = NULL;

	w.end = &first;
	if (outcome_of(&w, e->root) != IS_TRUE)
		take_apart(&w, e->root);
	return first;
}
