/* What operators and functions do to values (one table), and the walk over the typed tree. */
#include "tree.h"

#include <stdio.h>

bool yt_eval_fault(struct yt_eval *ev, const char *text)
{
	ev->fault = text;
	ev->absent = -1;
	return false;
}

/* --- int and double --- */

static bool int_value(struct yt_eval *ev, bool overflow, int64_t i, struct yt_value *out)
{
	if (overflow)
		return yt_eval_fault(ev, "int overflow");
	*out = (struct yt_value){ .type = YT_V_INT, .i = i };
	return true;
}

static bool int_add(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	int64_t r;
	bool overflow = __builtin_add_overflow(v[0].i, v[1].i, &r);

	return int_value(ev, overflow, r, out);
}

static bool int_subtract(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	int64_t r;
	bool overflow = __builtin_sub_overflow(v[0].i, v[1].i, &r);

	return int_value(ev, overflow, r, out);
}

static bool int_multiply(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	int64_t r;
	bool overflow = __builtin_mul_overflow(v[0].i, v[1].i, &r);

	return int_value(ev, overflow, r, out);
}

static bool int_negate(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	int64_t r;
	bool overflow = __builtin_sub_overflow((int64_t)0, v[0].i, &r);

	return int_value(ev, overflow, r, out);
}

static bool double_value(double d, struct yt_value *out)
{
	*out = (struct yt_value){ .type = YT_V_DOUBLE, .d = d };
	return true;
}

static bool double_add(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return double_value(v[0].d + v[1].d, out);
}

static bool double_subtract(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return double_value(v[0].d - v[1].d, out);
}

static bool double_multiply(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return double_value(v[0].d * v[1].d, out);
}

static bool double_negate(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return double_value(-v[0].d, out);
}

static bool bool_not(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	*out = (struct yt_value){ .type = YT_V_BOOL, .b = !v[0].b };
	return true;
}

/* --- string --- */

static bool string_add(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	size_t n = (size_t)v[0].s.n + v[1].s.n;
	char *p = yt_arena_alloc(ev->arena, n + 1);

	if (v[0].s.n)
		memcpy(p, v[0].s.p, v[0].s.n);
	if (v[1].s.n)
		memcpy(p + v[0].s.n, v[1].s.p, v[1].s.n);
	*out = (struct yt_value){ .type = YT_V_STRING, .s = yt_str(p, n) };
	return true;
}

/* --- timestamp and duration --- */

/* a + sign * b, as type, in its range. Both lie in their ranges: no int64 can overflow. */
static bool time_sum(struct yt_eval *ev, const struct yt_value *a, const struct yt_value *b, int sign, enum yt_vtype type,
                     struct yt_value *out)
{
	int64_t sec = a->t.sec + sign * b->t.sec;
	int32_t nsec = a->t.nsec + sign * b->t.nsec;

	if (nsec < 0) {
		nsec += 1000000000;
		sec--;
	} else if (nsec >= 1000000000) {
		nsec -= 1000000000;
		sec++;
	}
	if (type == YT_V_TIMESTAMP) {
		if (sec < YT_TIMESTAMP_SEC_MIN || sec > YT_TIMESTAMP_SEC_MAX)
			return yt_eval_fault(ev, "timestamp out of range");
	} else if (sec < -YT_DURATION_SEC_MAX || sec > YT_DURATION_SEC_MAX || (sec == YT_DURATION_SEC_MAX && nsec > 0)) {
		return yt_eval_fault(ev, "duration out of range");
	}
	*out = (struct yt_value){ .type = type };
	out->t.sec = sec;
	out->t.nsec = nsec;
	return true;
}

static bool timestamp_add(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return time_sum(ev, &v[0], &v[1], 1, YT_V_TIMESTAMP, out);
}

static bool timestamp_subtract(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return time_sum(ev, &v[0], &v[1], -1, YT_V_TIMESTAMP, out);
}

static bool duration_add(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return time_sum(ev, &v[0], &v[1], 1, YT_V_DURATION, out);
}

static bool duration_subtract(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return time_sum(ev, &v[0], &v[1], -1, YT_V_DURATION, out);
}

static bool duration_of(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return yt_value_duration(v[0].s, out) || yt_eval_fault(ev, "the text is no duration");
}

const struct yt_overload yt_overloads[] = {
	{ YT_OP_NOT, NULL, 1, { YT_V_BOOL }, YT_V_BOOL, bool_not },
	{ YT_OP_NEGATE, NULL, 1, { YT_V_INT }, YT_V_INT, int_negate },
	{ YT_OP_NEGATE, NULL, 1, { YT_V_DOUBLE }, YT_V_DOUBLE, double_negate },
	{ YT_OP_ADD, NULL, 2, { YT_V_INT, YT_V_INT }, YT_V_INT, int_add },
	{ YT_OP_ADD, NULL, 2, { YT_V_DOUBLE, YT_V_DOUBLE }, YT_V_DOUBLE, double_add },
	{ YT_OP_ADD, NULL, 2, { YT_V_STRING, YT_V_STRING }, YT_V_STRING, string_add },
	{ YT_OP_ADD, NULL, 2, { YT_V_TIMESTAMP, YT_V_DURATION }, YT_V_TIMESTAMP, timestamp_add },
	{ YT_OP_ADD, NULL, 2, { YT_V_DURATION, YT_V_TIMESTAMP }, YT_V_TIMESTAMP, timestamp_add },
	{ YT_OP_ADD, NULL, 2, { YT_V_DURATION, YT_V_DURATION }, YT_V_DURATION, duration_add },
	{ YT_OP_SUBTRACT, NULL, 2, { YT_V_INT, YT_V_INT }, YT_V_INT, int_subtract },
	{ YT_OP_SUBTRACT, NULL, 2, { YT_V_DOUBLE, YT_V_DOUBLE }, YT_V_DOUBLE, double_subtract },
	{ YT_OP_SUBTRACT, NULL, 2, { YT_V_TIMESTAMP, YT_V_TIMESTAMP }, YT_V_DURATION, duration_subtract },
	{ YT_OP_SUBTRACT, NULL, 2, { YT_V_TIMESTAMP, YT_V_DURATION }, YT_V_TIMESTAMP, timestamp_subtract },
	{ YT_OP_SUBTRACT, NULL, 2, { YT_V_DURATION, YT_V_DURATION }, YT_V_DURATION, duration_subtract },
	{ YT_OP_MULTIPLY, NULL, 2, { YT_V_INT, YT_V_INT }, YT_V_INT, int_multiply },
	{ YT_OP_MULTIPLY, NULL, 2, { YT_V_DOUBLE, YT_V_DOUBLE }, YT_V_DOUBLE, double_multiply },
	{ YT_OP_CALL, "duration", 1, { YT_V_STRING }, YT_V_DURATION, duration_of },
};
const size_t yt_n_overloads = sizeof(yt_overloads) / sizeof(yt_overloads[0]);

/* --- the walk --- */

static bool eval(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out);

/* `settles`: the value that decides whatever the others are (false of &&, true of ||); it also absorbs an error on either side. */
static bool eval_logic(struct yt_eval *ev, const struct yt_node *n, bool settles, struct yt_value *out)
{
	struct yt_eval first = { .fault = NULL };

	for (const struct yt_node *arg = n->args; arg; arg = arg->next) {
		if (!eval(ev, arg, out)) {
			if (!first.fault)
				first = *ev;
		} else if (out->b == settles) {
			return true;
		}
	}
	if (first.fault) {
		*ev = first;
		return false;
	}
	*out = (struct yt_value){ .type = YT_V_BOOL, .b = !settles };
	return true;
}

static bool eval_order(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value a, b;
	int order;
	bool r = false;

	if (!eval(ev, n->args, &a) || !eval(ev, n->args->next, &b))
		return false;
	order = yt_value_order(&a, &b);
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
	*out = (struct yt_value){ .type = YT_V_BOOL, .b = r };
	return true;
}

static bool eval_apply(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	struct yt_value args[2];
	int i = 0;

	for (const struct yt_node *arg = n->args; arg; arg = arg->next, i++) {
		if (!eval(ev, arg, &args[i]))
			return false;
	}
	return n->overload->apply(ev, args, out);
}

static bool eval_name(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	if (ev->facts(ev->ctx, n->name, out))
		return true;
	ev->fault = "absent";
	ev->absent = (int)n->name;
	return false;
}

static bool eval(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out)
{
	switch (n->op) {
	case YT_OP_LITERAL:
		*out = n->value;
		return true;
	case YT_OP_NAME:
		return eval_name(ev, n, out);
	case YT_OP_HAS: {
		bool there = ev->facts(ev->ctx, n->name, out);

		*out = (struct yt_value){ .type = YT_V_BOOL, .b = there };
		return true;
	}
	case YT_OP_APPLY:
		return eval_apply(ev, n, out);
	case YT_OP_AND:
		return eval_logic(ev, n, false, out);
	case YT_OP_OR:
		return eval_logic(ev, n, true, out);
	default:
		return eval_order(ev, n, out);
	}
}

static void say_fault(const struct yt_eval *ev, char msg[64])
{
	if (ev->absent < 0)
		snprintf(msg, 64, "%s", ev->fault);
	else if (ev->absent < YT_N_EVENT_FIELD)
		snprintf(msg, 64, "%.*s is absent", YT_FMT(yt_names[ev->absent].text));
	else
		snprintf(msg, 64, "event.%.*s is absent", YT_FMT(yt_fields[ev->absent - YT_N_EVENT_FIELD].name));
}

bool yt_expr_eval(const struct yt_expr *e, struct yt_arena *a, yt_facts_fn facts, const void *ctx, struct yt_value *out, char msg[64])
{
	struct yt_eval ev = { .arena = a, .facts = facts, .ctx = ctx, .absent = -1 };

	if (eval(&ev, e->root, out))
		return true;
	if (msg)
		say_fault(&ev, msg);
	return false;
}
