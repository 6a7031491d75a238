/* Values as texts: durations and timestamps in and out, numbers, JSON. */
#include "yutang/rules/expr.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "calendar.h"
#include "yutang/base/ini.h"
#include "yutang/base/json.h"

/* --- durations in --- */

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
	const __int128 ns_max = (__int128)YT_DURATION_NS_MAX + 1; /* what the least has without its sign */
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
	if (ns > YT_DURATION_NS_MAX)
		return false;
	*out = (struct yt_value){ .type = YT_V_DURATION };
	out->t.sec = (int64_t)(ns / 1000000000);
	out->t.nsec = (int32_t)(ns % 1000000000);
	if (out->t.nsec < 0) {
		out->t.sec--;
		out->t.nsec += 1000000000;
	}
	return true;
}

/* --- timestamps in --- */

/* n digits at *p, which is moved behind them. */
static bool take_digits(const char **p, const char *end, int n, int *out)
{
	*out = 0;
	for (; n > 0; n--, (*p)++) {
		if (*p == end || !is_digit(**p))
			return false;
		*out = *out * 10 + (**p - '0');
	}
	return true;
}

static bool take_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* `.5`, or nothing. */
static bool take_fraction(const char **p, const char *end, int32_t *nsec)
{
	int32_t scale = 100000000;
	const char *first;

	*nsec = 0;
	if (!take_char(p, end, '.'))
		return true;
	for (first = *p; *p < end && is_digit(**p); (*p)++) {
		*nsec += scale * (**p - '0');
		scale /= 10;
	}
	return *p > first;
}

static bool take_offset(const char **p, const char *end, int *seconds)
{
	int sign = 1, hours, minutes;

	*seconds = 0;
	if (take_char(p, end, 'Z'))
		return true;
	if (take_char(p, end, '-'))
		sign = -1;
	else if (!take_char(p, end, '+'))
		return false;
	if (!take_digits(p, end, 2, &hours) || !take_char(p, end, ':') || !take_digits(p, end, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool is_date(int year, int month, int day)
{
	int y, m, d;

	yt_civil_of(yt_days_of(year, month, day), &y, &m, &d);
	return month >= 1 && month <= 12 && y == year && m == month && d == day;
}

bool yt_value_timestamp(struct yt_str text, struct yt_value *out)
{
	const char *p = text.p, *end = text.p + text.n;
	int year, month, day, hour, minute, second, offset;
	int32_t nsec;

	if (!take_digits(&p, end, 4, &year) || !take_char(&p, end, '-') || !take_digits(&p, end, 2, &month) || !take_char(&p, end, '-') ||
	    !take_digits(&p, end, 2, &day) || !take_char(&p, end, 'T') || !take_digits(&p, end, 2, &hour) || !take_char(&p, end, ':') ||
	    !take_digits(&p, end, 2, &minute) || !take_char(&p, end, ':') || !take_digits(&p, end, 2, &second) ||
	    !take_fraction(&p, end, &nsec) || !take_offset(&p, end, &offset) || p != end)
		return false;
	if (!is_date(year, month, day) || hour > 23 || minute > 59 || second > 59)
		return false;
	*out = (struct yt_value){ .type = YT_V_TIMESTAMP };
	out->t.sec = yt_days_of(year, month, day) * YT_DAY_SECONDS + hour * 3600 + minute * 60 + second - offset;
	out->t.nsec = nsec;
	return out->t.sec >= YT_TIMESTAMP_SEC_MIN && out->t.sec <= YT_TIMESTAMP_SEC_MAX;
}

/* --- out --- */

enum { TEXT_MAX = 64 };

/* `.5` behind whole seconds, without zeros at its end; nothing where it is zero. */
static void add_fraction(char *p, int32_t nsec)
{
	size_t n;

	if (!nsec)
		return;
	n = (size_t)snprintf(p, 11, ".%09d", (int)nsec);
	while (p[n - 1] == '0')
		p[--n] = '\0';
}

static void timestamp_text(const struct yt_value *v, char out[TEXT_MAX])
{
	struct yt_civil c;
	int n;

	yt_civil_at(NULL, v->t.sec, &c);
	n = snprintf(out, TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
	add_fraction(out + n, v->t.nsec);
	strcat(out, "Z");
}

static void duration_text(const struct yt_value *v, char out[TEXT_MAX])
{
	bool negative = v->t.sec < 0;
	int64_t sec = v->t.sec;
	int32_t nsec = v->t.nsec;
	int n;

	if (negative && nsec) {
		sec++;
		nsec = 1000000000 - nsec;
	}
	n = snprintf(out, TEXT_MAX, "%s%" PRId64, negative ? "-" : "", negative ? -sec : sec);
	add_fraction(out + n, nsec);
	strcat(out, "s");
}

/* The fewest digits that give the same double, `digits` and the power of ten of the first. */
static void shortest(double d, char digits[20], int *exponent)
{
	char text[40];
	char *e;
	int n = 0;

	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, d);
		if (strtod(text, NULL) == d)
			break;
	}
	e = strchr(text, 'e');
	*exponent = atoi(e + 1);
	for (const char *p = text; p < e; p++) {
		if (is_digit(*p))
			digits[n++] = *p;
	}
	digits[n] = '\0';
}

/* `0.1`, `12`, `1e+21`, `1.5e-8`: digits alone from 1e-7 to 1e21. */
static void double_text(double d, char out[TEXT_MAX])
{
	char digits[20];
	int exponent, n;

	if (isnan(d) || isinf(d) || d == 0) {
		strcpy(out, isnan(d) ? "NaN" : isinf(d) ? (d < 0 ? "-Infinity" : "Infinity") : signbit(d) ? "-0" : "0");
		return;
	}
	if (d < 0)
		*out++ = '-';
	shortest(fabs(d), digits, &exponent);
	n = (int)strlen(digits);
	if (exponent < -7 || exponent >= 21)
		snprintf(out, TEXT_MAX - 1, "%c%s%se%+03d", digits[0], n > 1 ? "." : "", digits + 1, exponent);
	else if (exponent < 0)
		snprintf(out, TEXT_MAX - 1, "0.%.*s%s", -exponent - 1, "000000000", digits);
	else if (exponent >= n - 1)
		snprintf(out, TEXT_MAX - 1, "%s%.*s", digits, exponent - n + 1, "00000000000000000000000");
	else
		snprintf(out, TEXT_MAX - 1, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

struct yt_str yt_value_text(struct yt_arena *a, const struct yt_value *v)
{
	char text[TEXT_MAX];

	switch (v->type) {
	case YT_V_BOOL:
		return v->b ? YT_S("true") : YT_S("false");
	case YT_V_INT:
		snprintf(text, sizeof(text), "%" PRId64, v->i);
		break;
	case YT_V_DOUBLE:
		double_text(v->d, text);
		break;
	case YT_V_TIMESTAMP:
		timestamp_text(v, text);
		break;
	case YT_V_DURATION:
		duration_text(v, text);
		break;
	default:
		YT_ASSERT(v->type == YT_V_STRING, NULL);
		return v->s;
	}
	return yt_arena_dup(a, yt_str_z(text));
}

/* --- JSON out --- */

static void json_double(struct yt_buf *b, double d)
{
	char text[TEXT_MAX];

	double_text(d, text);
	if (isnan(d) || isinf(d)) {
		yt_json_add_text(b, yt_str_z(text));
		return;
	}
	yt_buf_z(b, text);
	if (!strpbrk(text, ".e"))
		yt_buf_z(b, ".0");
}

static void json_key(struct yt_buf *b, const struct yt_value *key)
{
	if (key->type == YT_V_STRING)
		yt_json_add_text(b, key->s);
	else if (key->type == YT_V_INT)
		yt_buf_printf(b, "\"%" PRId64 "\"", key->i);
	else
		yt_buf_z(b, key->b ? "\"true\"" : "\"false\"");
}

static void json_list(struct yt_buf *b, const struct yt_value *v)
{
	yt_buf_c(b, '[');
	for (uint32_t i = 0; i < v->list.n; i++) {
		if (i)
			yt_buf_c(b, ',');
		yt_value_json(b, &v->list.items[i]);
	}
	yt_buf_c(b, ']');
}

static void json_map(struct yt_buf *b, const struct yt_value *v)
{
	yt_buf_c(b, '{');
	for (uint32_t i = 0; i < v->map.n; i++) {
		if (i)
			yt_buf_c(b, ',');
		json_key(b, &v->map.entries[i].key);
		yt_buf_c(b, ':');
		yt_value_json(b, &v->map.entries[i].value);
	}
	yt_buf_c(b, '}');
}

void yt_value_json(struct yt_buf *b, const struct yt_value *v)
{
	char text[TEXT_MAX];

	switch (v->type) {
	case YT_V_NULL:
		yt_buf_z(b, "null");
		break;
	case YT_V_BOOL:
		yt_buf_z(b, v->b ? "true" : "false");
		break;
	case YT_V_INT:
		yt_buf_i64(b, v->i);
		break;
	case YT_V_DOUBLE:
		json_double(b, v->d);
		break;
	case YT_V_STRING:
		yt_json_add_text(b, v->s);
		break;
	case YT_V_TIMESTAMP:
		timestamp_text(v, text);
		yt_json_add_text(b, yt_str_z(text));
		break;
	case YT_V_DURATION:
		duration_text(v, text);
		yt_json_add_text(b, yt_str_z(text));
		break;
	case YT_V_LIST:
		json_list(b, v);
		break;
	case YT_V_MAP:
		json_map(b, v);
		break;
	default:
		YT_ASSERT(false, yt_vtype_name(v->type));
	}
}

/* --- JSON in --- */

static bool value_of_json(struct yt_arena *a, const cJSON *item, struct yt_value *out, char msg[128]);

static bool number_of_json(struct yt_arena *a, struct yt_str text, struct yt_value *out)
{
	const char *z = yt_arena_dup(a, text).p;
	char *end;

	if (strpbrk(z, ".eE")) {
		*out = (struct yt_value){ .type = YT_V_DOUBLE, .d = strtod(z, &end) };
		return !isinf(out->d);
	}
	*out = (struct yt_value){ .type = YT_V_INT };
	return yt_parse_int(text, INT64_MIN, INT64_MAX, &out->i);
}

static bool list_of_json(struct yt_arena *a, const cJSON *item, struct yt_value *out, char msg[128])
{
	struct yt_value *items;
	size_t n = 0;

	for (const cJSON *child = item->child; child; child = child->next)
		n++;
	items = yt_arena_alloc(a, n * sizeof(*items));
	*out = (struct yt_value){ .type = YT_V_LIST };
	out->list.items = items;
	out->list.n = (uint32_t)n;
	for (const cJSON *child = item->child; child; child = child->next) {
		if (!value_of_json(a, child, items++, msg))
			return false;
	}
	return true;
}

static bool map_of_json(struct yt_arena *a, const cJSON *item, struct yt_value *out, char msg[128])
{
	struct yt_pair *pairs;
	size_t n = 0;

	for (const cJSON *child = item->child; child; child = child->next)
		n++;
	pairs = yt_arena_alloc(a, n * sizeof(*pairs));
	*out = (struct yt_value){ .type = YT_V_MAP };
	out->map.entries = pairs;
	out->map.n = (uint32_t)n;
	for (const cJSON *child = item->child; child; child = child->next, pairs++) {
		pairs->key = (struct yt_value){ .type = YT_V_STRING, .s = yt_str_z(child->string) };
		if (!value_of_json(a, child, &pairs->value, msg))
			return false;
	}
	return true;
}

static bool value_of_json(struct yt_arena *a, const cJSON *item, struct yt_value *out, char msg[128])
{
	struct yt_str number = yt_json_number(item);

	*out = (struct yt_value){ .type = YT_V_NULL };
	if (number.n) {
		if (number_of_json(a, number, out))
			return true;
		snprintf(msg, 128, "%.*s does not fit into an int or a double", (int)(number.n > 40 ? 40 : number.n), number.p);
		return false;
	}
	if (yt_json_is_text(item))
		*out = (struct yt_value){ .type = YT_V_STRING, .s = yt_json_text(item) };
	else if (cJSON_IsBool(item))
		*out = (struct yt_value){ .type = YT_V_BOOL, .b = cJSON_IsTrue(item) };
	else if (cJSON_IsArray(item))
		return list_of_json(a, item, out, msg);
	else if (cJSON_IsObject(item))
		return map_of_json(a, item, out, msg);
	return true;
}

bool yt_vars_parse(struct yt_arena *a, struct yt_str json, const struct yt_var **vars, size_t *n_vars, char msg[128])
{
	const cJSON *root;
	struct yt_var *v;
	size_t n = 0;

	*vars = NULL;
	if (yt_json_parse(a, json, YT_VARS_BYTES_MAX, YT_EXPR_DEPTH_MAX, &root, msg) != YT_JSON_OK)
		return false;
	if (!cJSON_IsObject(root)) {
		snprintf(msg, 128, "the variables are an object: a name and a value for each");
		return false;
	}
	for (const cJSON *child = root->child; child; child = child->next)
		n++;
	*vars = v = yt_arena_alloc(a, n * sizeof(*v));
	*n_vars = n;
	for (const cJSON *child = root->child; child; child = child->next, v++) {
		v->name = yt_str_z(child->string);
		if (!value_of_json(a, child, &v->value, msg))
			return false;
	}
	return true;
}

void yt_result_json(struct yt_buf *b, struct yt_arena *a, const struct yt_expr *e, const struct yt_value *v)
{
	struct yt_str kind = yt_vkind_text(a, yt_vkind_refine(a, yt_expr_kind(e), v));

	yt_buf_printf(b, "{\"type\":\"%.*s\",\"value\":", YT_FMT(kind));
	yt_value_json(b, v);
	yt_buf_c(b, '}');
}
