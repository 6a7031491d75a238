/* Loops through time: rules whose coupons set each other off, so that nothing but the end of the shop ends them. Within one decision no rule can set
 * off itself again; what comes round by a coupon that is used or expires, or behind a wait, is another decision each time. */
#include "rulefile.h"

#include "tree.h"

/* Tarjan's strongly connected components over the rules that issue and have nothing that ends it. */
struct loops {
	const struct yt_ruleset *rs;
	struct yt_rulefile *f;
	const int *lines;        /* of each rule's section */
	struct yt_str *only;     /* the template that each rule's `when` asks for; empty: any */
	int *number, *low, next; /* number 0: not seen yet */
	int *stack, depth;
	int *component;          /* 0: none yet */
	int n_components;
	int *from;               /* on the way of the breadth-first search, -1: not reached */
};

/* The template that the condition asks for by itself: `coupon.template == "x"`, alone or in a chain of &&. False: it may be any. */
static bool template_of(const struct yt_node *n, struct yt_str *template)
{
	const struct yt_node *name, *text;

	if (n->op == YT_OP_AND) {
		for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
			if (template_of(arg, template))
				return true;
		}
	}
	if (n->op != YT_OP_EQ)
		return false;
	name = n->args->op == YT_OP_NAME ? n->args : n->args->next;
	text = name == n->args ? name->next : n->args;
	if (name->op != YT_OP_NAME || name->name != YT_N_COUPON_TEMPLATE || text->op != YT_OP_LITERAL)
		return false;
	*template = text->value.s;
	return true;
}

/* What can be part of a loop that has no end. */
static bool is_endless(const struct yt_rule *r)
{
	const struct yt_coupon_rules *c = r->issue;

	return c && !r->once && !c->limit_per_member && !c->limit_per_period.n && !c->limit_total && !c->budget;
}

/* Whether the coupon of rule i can set off rule k. */
static bool sets_off(const struct loops *l, int i, int k)
{
	const struct yt_rule *a = &l->rs->rules[i], *b = &l->rs->rules[k];

	return is_endless(a) && is_endless(b) && b->on & YT_ON_COUPONS && (!l->only[k].n || yt_str_eq(l->only[k], a->issue->name));
}

/* What its coupon's event sets off there is another decision. */
static bool is_later(const struct yt_rule *r)
{
	return r->on & (1u << YT_ON_COUPON_USED | 1u << YT_ON_COUPON_EXPIRED) || r->after_expr || r->after_ms > 0;
}

static void visit(struct loops *l, int i)
{
	int top;

	l->number[i] = l->low[i] = ++l->next;
	l->stack[l->depth++] = i;
	for (int k = 0; k < (int)l->rs->n_rules; k++) {
		if (l->component[k] || !sets_off(l, i, k))
			continue;
		if (!l->number[k])
			visit(l, k);
		if (l->low[k] < l->low[i])
			l->low[i] = l->low[k];
	}
	if (l->low[i] != l->number[i])
		return;
	l->n_components++;
	do {
		top = l->stack[--l->depth];
		l->component[top] = l->n_components;
	} while (top != i);
}

/* The shortest way from a rule through its component back to it: `from` of each rule on it is the one before. False: there is none. */
static bool way_back(struct loops *l, int start)
{
	int *queue = l->stack, head = 0, tail = 0;

	for (size_t k = 0; k < l->rs->n_rules; k++)
		l->from[k] = -1;
	for (queue[tail++] = start; head < tail; head++) {
		for (int k = 0; k < (int)l->rs->n_rules; k++) {
			if (l->component[k] != l->component[start] || l->from[k] >= 0 || !sets_off(l, queue[head], k))
				continue;
			l->from[k] = queue[head];
			if (k == start)
				return true;
			queue[tail++] = k;
		}
	}
	return false;
}

static void warn(struct loops *l, int start)
{
	int *way = l->low, n = 0; /* backwards */
	struct yt_buf names;

	for (int i = l->from[start]; i != start; i = l->from[i])
		way[n++] = i;
	yt_buf_init(&names, l->f->arena);
	yt_buf_str_add(&names, l->rs->rules[start].name);
	while (n-- > 0)
		yt_buf_printf(&names, " -> %.*s", YT_FMT(l->rs->rules[way[n]].name));
	yt_warning(l->f->problems, l->lines[start],
	           "a loop through time that has neither once nor a limit (limit_per_member, limit_per_period, limit_total, budget): %.*s -> %.*s",
	           YT_FMT(yt_buf_str(&names)), YT_FMT(l->rs->rules[start].name));
}

static int *ints(struct yt_rulefile *f)
{
	return yt_arena_zalloc(f->arena, (f->rs->n_rules + 1) * sizeof(int));
}

static const int *lines_of(struct yt_rulefile *f)
{
	int *lines = ints(f);
	size_t n = 0;

	for (const struct yt_ini_section *sec = f->sections; sec; sec = sec->next) {
		if (yt_str_eq(sec->kind, YT_S("rule")))
			lines[n++] = sec->line;
	}
	return lines;
}

void yt_warn_loops(struct yt_rulefile *f)
{
	struct loops l = {
		.rs = f->rs, .f = f, .lines = lines_of(f), .number = ints(f), .low = ints(f), .stack = ints(f), .component = ints(f), .from = ints(f),
	};
	int *warned = ints(f); /* components */
	int n = (int)f->rs->n_rules;

	l.only = yt_arena_zalloc(f->arena, (f->rs->n_rules + 1) * sizeof(*l.only));
	for (int i = 0; i < n; i++) {
		if (f->rs->rules[i].when)
			template_of(f->rs->rules[i].when->root, &l.only[i]);
	}
	for (int i = 0; i < n; i++) {
		if (!l.component[i])
			visit(&l, i);
	}
	for (int i = 0; i < n; i++) {
		if (warned[l.component[i] - 1] || !is_later(&f->rs->rules[i]) || !way_back(&l, i))
			continue;
		warned[l.component[i] - 1] = true;
		warn(&l, i);
	}
}
