/* What operators and functions do to values of exact types: one table. */
#include "tree.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "calendar.h"

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

static bool int_divide(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	if (v[1].i == 0)
		return yt_eval_fault(ev, "division by zero");
	if (v[0].i == INT64_MIN && v[1].i == -1)
		return int_value(ev, true, 0, out);
	return int_value(ev, false, v[0].i / v[1].i, out);
}

static bool int_modulo(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	if (v[1].i == 0)
		return yt_eval_fault(ev, "modulus by zero");
	if (v[0].i == INT64_MIN && v[1].i == -1)
		return int_value(ev, true, 0, out);
	return int_value(ev, false, v[0].i % v[1].i, out);
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

static bool double_divide(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return double_value(v[0].d / v[1].d, out);
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

static bool give_bool(bool b, struct yt_value *out)
{
	*out = (struct yt_value){ .type = YT_V_BOOL, .b = b };
	return true;
}

static bool string_starts(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return give_bool(yt_str_starts(v[0].s, v[1].s), out);
}

static bool string_ends(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	struct yt_str s = v[0].s, end = v[1].s;

	(void)ev;
	return give_bool(s.n >= end.n && (!end.n || memcmp(s.p + s.n - end.n, end.p, end.n) == 0), out);
}

static bool string_contains(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return give_bool(!v[1].s.n || (v[0].s.n && memmem(v[0].s.p, v[0].s.n, v[1].s.p, v[1].s.n)), out);
}

/* In code points: a continuation byte of UTF-8 begins none. */
static bool string_size(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < v[0].s.n; i++)
		n += ((unsigned char)v[0].s.p[i] & 0xc0) != 0x80;
	return int_value(ev, false, n, out);
}

/* --- list and map --- */

static bool list_add(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	size_t n = (size_t)v[0].list.n + v[1].list.n;
	struct yt_value *items = yt_arena_alloc(ev->arena, n * sizeof(*items));

	if (v[0].list.n)
		memcpy(items, v[0].list.items, v[0].list.n * sizeof(*items));
	if (v[1].list.n)
		memcpy(items + v[0].list.n, v[1].list.items, v[1].list.n * sizeof(*items));
	*out = (struct yt_value){ .type = YT_V_LIST };
	out->list.items = items;
	out->list.n = (uint32_t)n;
	return true;
}

static bool list_size(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return int_value(ev, false, v[0].list.n, out);
}

static bool map_size(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return int_value(ev, false, v[0].map.n, out);
}

/* --- conversions --- */

static bool same(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	*out = v[0];
	return true;
}

/* Both ends are out of range: 2^63 is the double next to the greatest int. */
static bool int_of_double(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	if (!(v[0].d > -9223372036854775808.0 && v[0].d < 9223372036854775808.0))
		return yt_eval_fault(ev, "the double is out of the range of int");
	return int_value(ev, false, (int64_t)v[0].d, out);
}

static bool int_of_string(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	struct yt_str s = v[0].s;
	bool negative = s.n && s.p[0] == '-', overflow = false;
	uint32_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
	int64_t r = 0;

	if (i == s.n)
		return yt_eval_fault(ev, "the text is no int");
	for (; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9)
			return yt_eval_fault(ev, "the text is no int");
		overflow = overflow || __builtin_mul_overflow(r, 10, &r) || __builtin_add_overflow(r, negative ? -digit : digit, &r);
	}
	return int_value(ev, overflow, r, out);
}

static bool int_of_timestamp(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return int_value(ev, false, v[0].t.sec, out);
}

static bool double_of_int(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	(void)ev;
	return double_value((double)v[0].i, out);
}

/* `1`, `-1.5`, `.5e3`, and NaN, Infinity, inf. strtod alone would take blanks and hexadecimal digits as well. */
static bool is_double_text(struct yt_str s)
{
	static const struct yt_str words[] = { YT_STR("nan"), YT_STR("inf"), YT_STR("infinity") };
	bool digits = false;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = yt_str(s.p + 1, s.n - 1);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (s.n == words[i].n && strncasecmp(s.p, words[i].p, s.n) == 0)
			return true;
	}
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits = true;
		else if (!memchr(".eE+-", s.p[i], 5))
			return false;
	}
	return digits;
}

static bool double_of_string(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	const char *z = yt_arena_dup(ev->arena, v[0].s).p;
	char *end;
	double d;

	if (!is_double_text(v[0].s))
		return yt_eval_fault(ev, "the text is no double");
	d = strtod(z, &end);
	if (end != z + v[0].s.n)
		return yt_eval_fault(ev, "the text is no double");
	if (isinf(d) && memchr("0123456789.", v[0].s.p[v[0].s.n - 1], 11))
		return yt_eval_fault(ev, "the text is out of the range of double");
	return double_value(d, out);
}

static bool string_of(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	*out = (struct yt_value){ .type = YT_V_STRING, .s = yt_value_text(ev->arena, &v[0]) };
	return true;
}

static bool timestamp_of_int(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	if (v[0].i < YT_TIMESTAMP_SEC_MIN || v[0].i > YT_TIMESTAMP_SEC_MAX)
		return yt_eval_fault(ev, "timestamp out of range");
	*out = (struct yt_value){ .type = YT_V_TIMESTAMP };
	out->t.sec = v[0].i;
	out->t.nsec = 0;
	return true;
}

static bool timestamp_of_string(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return yt_value_timestamp(v[0].s, out) || yt_eval_fault(ev, "the text is no timestamp, or out of range");
}

/* --- timestamp and duration --- */

/* a + sign * b, as type, in its range. Both lie in their ranges: no int64 can overflow. */
static bool time_sum(struct yt_eval *ev, const struct yt_value *a, const struct yt_value *b, int sign, enum yt_vtype type,
                     struct yt_value *out)
{
	int64_t sec = a->t.sec + sign * b->t.sec;
	int32_t nsec = a->t.nsec + sign * b->t.nsec;
	__int128 ns;

	if (nsec < 0) {
		nsec += 1000000000;
		sec--;
	} else if (nsec >= 1000000000) {
		nsec -= 1000000000;
		sec++;
	}
	ns = (__int128)sec * 1000000000 + nsec;
	if (type == YT_V_TIMESTAMP && (sec < YT_TIMESTAMP_SEC_MIN || sec > YT_TIMESTAMP_SEC_MAX))
		return yt_eval_fault(ev, "timestamp out of range");
	if (type == YT_V_DURATION && (ns < YT_DURATION_NS_MIN || ns > YT_DURATION_NS_MAX))
		return yt_eval_fault(ev, "duration out of range");
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

/* --- parts of a timestamp --- */

/* The civil time at v[0] in the zone v[1], or of the shop. */
static bool civil(struct yt_eval *ev, const struct yt_value *v, bool here, struct yt_civil *c)
{
	const struct yt_zone *zone = NULL;
	struct yt_value shop;

	if (here) {
		if (ev->facts && ev->facts(ev->ctx, YT_N_ZONE, &shop))
			zone = shop.zone;
	} else if (v[1].type == YT_V_ZONE) {
		zone = v[1].zone;
	} else {
		zone = yt_zone_literal(ev->arena, v[1].s);
		if (!zone && ev->zones.find)
			zone = ev->zones.find(ev->zones.ctx, v[1].s);
		if (!zone)
			return yt_eval_fault(ev, "no such time zone");
	}
	yt_civil_at(zone, v[0].t.sec, c);
	return true;
}

/* Each once in the zone of the shop and once in one that is named. */
#define PART(name, value)                                                                              \
	static bool name##_here(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)    \
	{                                                                                              \
		struct yt_civil c;                                                                     \
		return civil(ev, v, true, &c) && int_value(ev, false, value, out);                     \
	}                                                                                              \
	static bool name##_in(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)      \
	{                                                                                              \
		struct yt_civil c;                                                                     \
		return civil(ev, v, false, &c) && int_value(ev, false, value, out);                    \
	}

PART(full_year, c.year)
PART(month, c.month - 1)
PART(day_of_year, yt_days_of(c.year, c.month, c.day) - yt_days_of(c.year, 1, 1))
PART(day_of_month, c.day - 1)
PART(date, c.day)
PART(day_of_week, ((yt_days_of(c.year, c.month, c.day) + 4) % 7 + 7) % 7)
PART(hours, c.hour)
PART(minutes, c.minute)
PART(seconds, c.second)
PART(milliseconds, v[0].t.nsec / 1000000)

/* Whole units, toward zero. */
static int64_t whole(const struct yt_value *v, int64_t seconds)
{
	int64_t sec = v->t.sec + (v->t.sec < 0 && v->t.nsec > 0);

	return sec / seconds;
}

static bool duration_hours(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return int_value(ev, false, whole(v, 3600), out);
}

static bool duration_minutes(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return int_value(ev, false, whole(v, 60), out);
}

static bool duration_seconds(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	return int_value(ev, false, whole(v, 1), out);
}

/* The part behind the seconds, and not all of it in milliseconds: so says the specification of this one alone. */
static bool duration_milliseconds(struct yt_eval *ev, const struct yt_value *v, struct yt_value *out)
{
	int32_t nsec = v->t.sec < 0 && v->t.nsec > 0 ? v->t.nsec - 1000000000 : v->t.nsec;

	return int_value(ev, false, nsec / 1000000, out);
}

/* --- the table --- */

#define UNARY(op, a, r, fn) { YT_OP_##op, NULL, 0, 1, { YT_V_##a }, YT_V_##r, fn, false }
#define BINARY(op, a, b, r, fn) { YT_OP_##op, NULL, 0, 2, { YT_V_##a, YT_V_##b }, YT_V_##r, fn, false }
#define FREE(name, a, r, fn) { YT_OP_CALL, name, YT_CALL_FREE, 1, { YT_V_##a }, YT_V_##r, fn, false }
#define EITHER(name, a, r, fn) { YT_OP_CALL, name, YT_CALL_FREE | YT_CALL_METHOD, 1, { YT_V_##a }, YT_V_##r, fn, false }
#define METHOD(name, a, r, fn) { YT_OP_CALL, name, YT_CALL_METHOD, 1, { YT_V_##a }, YT_V_##r, fn, false }
#define METHOD2(name, a, b, r, fn) { YT_OP_CALL, name, YT_CALL_METHOD, 2, { YT_V_##a, YT_V_##b }, YT_V_##r, fn, false }
#define PARTS(name, fn)                                                                                     \
	{ YT_OP_CALL, name, YT_CALL_METHOD, 1, { YT_V_TIMESTAMP }, YT_V_INT, fn##_here, true },             \
		{ YT_OP_CALL, name, YT_CALL_METHOD, 2, { YT_V_TIMESTAMP, YT_V_STRING }, YT_V_INT, fn##_in, false }

const struct yt_overload yt_overloads[] = {
	UNARY(NOT, BOOL, BOOL, bool_not),
	UNARY(NEGATE, INT, INT, int_negate),
	UNARY(NEGATE, DOUBLE, DOUBLE, double_negate),
	BINARY(ADD, INT, INT, INT, int_add),
	BINARY(ADD, DOUBLE, DOUBLE, DOUBLE, double_add),
	BINARY(ADD, STRING, STRING, STRING, string_add),
	BINARY(ADD, TIMESTAMP, DURATION, TIMESTAMP, timestamp_add),
	BINARY(ADD, DURATION, TIMESTAMP, TIMESTAMP, timestamp_add),
	BINARY(ADD, DURATION, DURATION, DURATION, duration_add),
	BINARY(ADD, LIST, LIST, LIST, list_add),
	BINARY(SUBTRACT, INT, INT, INT, int_subtract),
	BINARY(SUBTRACT, DOUBLE, DOUBLE, DOUBLE, double_subtract),
	BINARY(SUBTRACT, TIMESTAMP, TIMESTAMP, DURATION, duration_subtract),
	BINARY(SUBTRACT, TIMESTAMP, DURATION, TIMESTAMP, timestamp_subtract),
	BINARY(SUBTRACT, DURATION, DURATION, DURATION, duration_subtract),
	BINARY(MULTIPLY, INT, INT, INT, int_multiply),
	BINARY(MULTIPLY, DOUBLE, DOUBLE, DOUBLE, double_multiply),
	BINARY(DIVIDE, INT, INT, INT, int_divide),
	BINARY(DIVIDE, DOUBLE, DOUBLE, DOUBLE, double_divide),
	BINARY(MODULO, INT, INT, INT, int_modulo),
	EITHER("size", STRING, INT, string_size),
	EITHER("size", LIST, INT, list_size),
	EITHER("size", MAP, INT, map_size),
	METHOD2("startsWith", STRING, STRING, BOOL, string_starts),
	METHOD2("endsWith", STRING, STRING, BOOL, string_ends),
	METHOD2("contains", STRING, STRING, BOOL, string_contains),
	FREE("int", INT, INT, same),
	FREE("int", DOUBLE, INT, int_of_double),
	FREE("int", STRING, INT, int_of_string),
	FREE("int", TIMESTAMP, INT, int_of_timestamp),
	FREE("double", DOUBLE, DOUBLE, same),
	FREE("double", INT, DOUBLE, double_of_int),
	FREE("double", STRING, DOUBLE, double_of_string),
	FREE("string", STRING, STRING, same),
	FREE("string", BOOL, STRING, string_of),
	FREE("string", INT, STRING, string_of),
	FREE("string", DOUBLE, STRING, string_of),
	FREE("string", TIMESTAMP, STRING, string_of),
	FREE("string", DURATION, STRING, string_of),
	FREE("timestamp", TIMESTAMP, TIMESTAMP, same),
	FREE("timestamp", STRING, TIMESTAMP, timestamp_of_string),
	FREE("timestamp", INT, TIMESTAMP, timestamp_of_int),
	FREE("duration", DURATION, DURATION, same),
	FREE("duration", STRING, DURATION, duration_of),
	PARTS("getFullYear", full_year),
	PARTS("getMonth", month),
	PARTS("getDayOfYear", day_of_year),
	PARTS("getDayOfMonth", day_of_month),
	PARTS("getDate", date),
	PARTS("getDayOfWeek", day_of_week),
	PARTS("getHours", hours),
	METHOD("getHours", DURATION, INT, duration_hours),
	PARTS("getMinutes", minutes),
	METHOD("getMinutes", DURATION, INT, duration_minutes),
	PARTS("getSeconds", seconds),
	METHOD("getSeconds", DURATION, INT, duration_seconds),
	PARTS("getMilliseconds", milliseconds),
	METHOD("getMilliseconds", DURATION, INT, duration_milliseconds),
};
const size_t yt_n_overloads = sizeof(yt_overloads) / sizeof(yt_overloads[0]);

bool yt_overload_same(const struct yt_overload *a, const struct yt_overload *b)
{
	return a->op == b->op && (!a->function || strcmp(a->function, b->function) == 0);
}
