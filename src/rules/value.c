/* Values, the texts of durations, and the table of names. */
#include "yutang/rules/value.h"

const struct yt_name_info yt_names[YT_N_EVENT_FIELD] = {
#define X(sym, name, vtype) [YT_N_##sym] = { YT_STR(name), YT_V_##vtype },
	YT_NAMES(X)
#undef X
};

const char *yt_vtype_name(enum yt_vtype t)
{
	static const char *const names[] = {
		[YT_V_NULL] = "null",     [YT_V_BOOL] = "bool",           [YT_V_INT] = "int",           [YT_V_DOUBLE] = "double",
		[YT_V_STRING] = "string", [YT_V_TIMESTAMP] = "timestamp", [YT_V_DURATION] = "duration",
	};

	return names[t];
}

bool yt_field_vtype(enum yt_field field, enum yt_vtype *type)
{
	switch (yt_fields[field].kind) {
	case YT_FK_ID:
	case YT_FK_MEMBER:
	case YT_FK_TEXT:
	case YT_FK_CURRENCY:
		*type = YT_V_STRING;
		return true;
	case YT_FK_INSTANT:
		*type = YT_V_TIMESTAMP;
		return true;
	case YT_FK_MONEY:
	case YT_FK_INT:
		*type = YT_V_INT;
		return true;
	case YT_FK_ITEMS:
	case YT_FK_CODES:
	case YT_FK_BUYER:
		break;
	}
	return false;
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

/* Nanoseconds of the unit at *p, which is moved behind it; 0 where there is none. */
static int64_t duration_unit(const char **p, const char *end)
{
	/* `ms` before `m`: the longest that fits. The micro sign has two code points. */
	static const struct {
		struct yt_str text;
		int64_t ns;
	} units[] = {
		{ YT_STR("ns"), 1 },          { YT_STR("us"), 1000 },       { YT_STR("\xc2\xb5s"), 1000 },
		{ YT_STR("\xce\xbcs"), 1000 }, { YT_STR("ms"), 1000000 },    { YT_STR("s"), 1000000000 },
		{ YT_STR("m"), 60000000000 }, { YT_STR("h"), 3600000000000 },
	};
	struct yt_str rest = yt_str(*p, (size_t)(end - *p));

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (yt_str_starts(rest, units[i].text)) {
			*p += units[i].text.n;
			return units[i].ns;
		}
	}
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One `decimal unit` at *p, added to *total; digits of a fraction behind the ninth change nothing. */
static bool duration_part(const char **p, const char *end, __int128 *total)
{
	const __int128 ns_max = (__int128)YT_DURATION_SEC_MAX * 1000000000;
	__int128 whole = 0;
	int64_t fraction = 0, scale = 1, unit;
	int digits = 0;

	for (; *p < end && is_digit(**p); (*p)++, digits++) {
		whole = whole * 10 + (**p - '0');
		if (whole > ns_max)
			return false;
	}
	if (*p < end && **p == '.') {
		for ((*p)++; *p < end && is_digit(**p); (*p)++, digits++) {
			if (scale < 1000000000) {
				fraction = fraction * 10 + (**p - '0');
				scale *= 10;
			}
		}
	}
	unit = duration_unit(p, end);
	if (digits == 0 || unit == 0)
		return false;
	*total += whole * unit + (__int128)fraction * unit / scale;
	return *total <= ns_max;
}

bool yt_value_duration(struct yt_str text, struct yt_value *out)
{
	const char *p = text.p, *end = text.p + text.n;
	bool negative = false;
	__int128 ns = 0;

	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	if (p == end)
		return false;
	if (end - p == 1 && *p == '0')
		p = end;
	while (p < end) {
		if (!duration_part(&p, end, &ns))
			return false;
	}
	if (negative)
		ns = -ns;
	*out = (struct yt_value){ .type = YT_V_DURATION };
	out->t.sec = (int64_t)(ns / 1000000000);
	out->t.nsec = (int32_t)(ns % 1000000000);
	if (out->t.nsec < 0) {
		out->t.sec--;
		out->t.nsec += 1000000000;
	}
	return true;
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
	}
	return 2;
}
