/* TZif files (RFC 8536) and the POSIX TZ text behind them. All arithmetic is in seconds; milliseconds only at the edge. */
#include "yutang/rules/zone.h"


#include "calendar.h"
#include "yutang/base/ini.h"

enum {
	DAY = YT_DAY_SECONDS,
	OFFSET_MIN = -89999, /* RFC 8536, 3.2: what a utoff should lie between */
	OFFSET_MAX = 93599,
	TRANSITIONS_MAX = 20000,
	TYPES_MAX = 256,
};

/* One date rule of a POSIX TZ text. */
struct posix_rule {
	enum { RULE_JULIAN, RULE_DAY, RULE_MONTH } kind; /* Jn, n, Mm.w.d */
	int day;                                         /* 1 to 365, 0 to 365, or the week day, 0 Sunday */
	int month, week;                                 /* week 5: the last */
	int32_t time;                                    /* seconds after local midnight, may be negative or beyond a day */
};

struct posix_tz {
	bool there, has_dst;
	int32_t std, dst; /* offsets east of UTC */
	struct posix_rule begin, end; /* of daylight saving time */
};

struct yt_zone {
	struct yt_str name;
	size_t n;
	int64_t *at;      /* UTC seconds of the transitions, rising */
	int32_t *offset;  /* from at[i] on */
	int32_t first;    /* before at[0] */
	struct posix_tz tail; /* from the last transition on */
};

/* --- the calendar --- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days_from_civil, civil_from_days. */
int64_t yt_days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? (int64_t)year - 1 : year;
	int64_t era = floor_div(y, 400);
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

void yt_civil_of(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* 0 Sunday; 1970-01-01 was a Thursday. */
static int week_day(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

/* --- POSIX TZ: std offset [dst [offset] , begin [/time] , end [/time]] (POSIX.1, 8.3; RFC 8536, 3.3.1) --- */

struct reader {
	const char *p, *end;
	bool bad;
};

static bool take(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static void want(struct reader *r, char c)
{
	if (!take(r, c))
		r->bad = true;
}

static int read_number(struct reader *r, int min, int max)
{
	int v = 0, digits = 0;

	for (; r->p < r->end && *r->p >= '0' && *r->p <= '9' && digits < 4; r->p++, digits++)
		v = v * 10 + (*r->p - '0');
	if (!digits || v < min || v > max)
		r->bad = true;
	return v;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* `CET` or `<+03>`: nobody here wants it. */
static void skip_abbreviation(struct reader *r)
{
	const char *from = r->p;

	if (take(r, '<')) {
		while (r->p < r->end && *r->p != '>')
			r->p++;
		want(r, '>');
		return;
	}
	while (r->p < r->end && is_letter(*r->p))
		r->p++;
	if (r->p - from < 3)
		r->bad = true;
}

/* `[+-]hh[:mm[:ss]]` in seconds. */
static int32_t read_time(struct reader *r, int hours_max)
{
	int sign = take(r, '-') ? -1 : 1;
	int32_t v;

	if (sign > 0)
		take(r, '+');
	v = read_number(r, 0, hours_max) * 3600;
	if (take(r, ':'))
		v += read_number(r, 0, 59) * 60;
	if (r->p < r->end && *r->p == ':') {
		r->p++;
		v += read_number(r, 0, 59);
	}
	return sign * v;
}

static struct posix_rule read_rule(struct reader *r)
{
	struct posix_rule rule = { .kind = RULE_DAY, .time = 2 * 3600 };

	want(r, ',');
	if (take(r, 'M')) {
		rule.kind = RULE_MONTH;
		rule.month = read_number(r, 1, 12);
		want(r, '.');
		rule.week = read_number(r, 1, 5);
		want(r, '.');
		rule.day = read_number(r, 0, 6);
	} else if (take(r, 'J')) {
		rule.kind = RULE_JULIAN;
		rule.day = read_number(r, 1, 365);
	} else {
		rule.day = read_number(r, 0, 365);
	}
	if (take(r, '/'))
		rule.time = read_time(r, 167);
	return rule;
}

/* False where the text is none. An empty one is: nothing is known behind the table. */
static bool posix_parse(struct yt_str text, struct posix_tz *tz)
{
	struct reader r = { text.p, text.p + text.n, false };

	*tz = (struct posix_tz){ .there = text.n > 0 };
	if (!tz->there)
		return true;
	skip_abbreviation(&r);
	tz->std = -read_time(&r, 24); /* POSIX counts west of Greenwich */
	if (r.p < r.end && !r.bad) {
		tz->has_dst = true;
		skip_abbreviation(&r);
		tz->dst = tz->std + 3600;
		if (r.p < r.end && *r.p != ',')
			tz->dst = -read_time(&r, 24);
		tz->begin = read_rule(&r);
		tz->end = read_rule(&r);
	}
	return !r.bad && r.p == r.end;
}

/* Local seconds (as if they were UTC) at which the rule's date and time come in that year. */
static int64_t rule_local(const struct posix_rule *rule, int year)
{
	int64_t days, first;
	int length;

	if (rule->kind != RULE_MONTH) {
		days = yt_days_of(year, 1, 1) + rule->day;
		/* Jn never counts February 29: n is the same date in all years. */
		if (rule->kind == RULE_JULIAN)
			days += (is_leap(year) && rule->day >= 60 ? 1 : 0) - 1;
		return days * DAY + rule->time;
	}
	first = yt_days_of(year, rule->month, 1);
	length = (int)((rule->month == 12 ? yt_days_of(year + 1, 1, 1) : yt_days_of(year, rule->month + 1, 1)) - first);
	days = (rule->day - week_day(first) + 7) % 7 + (rule->week - 1) * 7;
	if (days >= length)
		days -= 7;
	return (first + days) * DAY + rule->time;
}

static int32_t posix_offset(const struct posix_tz *tz, int64_t utc)
{
	int64_t latest = INT64_MIN;
	int32_t offset = tz->std;
	int year, month, day;

	if (!tz->has_dst)
		return tz->std;
	yt_civil_of(floor_div(utc + tz->std, DAY), &year, &month, &day);
	/* The year before and after, too: which of two changes is the latest need not be of this calendar year. Of two at the same
	 * instant (daylight time all year) the beginning counts. */
	for (int y = year - 1; y <= year + 1; y++) {
		int64_t begin = rule_local(&tz->begin, y) - tz->std;
		int64_t end = rule_local(&tz->end, y) - tz->dst;

		if (end <= utc && end > latest) {
			latest = end;
			offset = tz->std;
		}
		if (begin <= utc && begin >= latest) {
			latest = begin;
			offset = tz->dst;
		}
	}
	return offset;
}

/* --- TZif --- */

struct header {
	int version;
	uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be_time(const unsigned char *p, size_t size)
{
	return size == 4 ? (int32_t)be32(p) : (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool header_read(struct yt_str s, struct header *h)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.n < 44 || memcmp(p, "TZif", 4) != 0)
		return false;
	h->version = p[4] ? p[4] - '0' : 1;
	h->isutcnt = be32(p + 20);
	h->isstdcnt = be32(p + 24);
	h->leapcnt = be32(p + 28);
	h->timecnt = be32(p + 32);
	h->typecnt = be32(p + 36);
	h->charcnt = be32(p + 40);
	/* Zones that count leap seconds ("right/...") count other seconds than everybody else here. */
	return h->version >= 1 && h->timecnt <= TRANSITIONS_MAX && h->typecnt >= 1 && h->typecnt <= TYPES_MAX && h->leapcnt == 0 &&
	       h->charcnt <= 65536 && h->isutcnt <= TYPES_MAX && h->isstdcnt <= TYPES_MAX;
}

static size_t block_bytes(const struct header *h, size_t time_size)
{
	return h->timecnt * (time_size + 1) + h->typecnt * 6 + h->charcnt + h->isstdcnt + h->isutcnt;
}

/* The data block behind a header: times, their types, the types. */
static bool block_read(struct yt_arena *a, struct yt_zone *z, const struct header *h, const unsigned char *p, size_t time_size)
{
	const unsigned char *types = p + h->timecnt * time_size;
	const unsigned char *infos = types + h->timecnt;

	for (uint32_t i = 0; i < h->typecnt; i++) {
		int32_t offset = (int32_t)be32(infos + i * 6);

		if (offset < OFFSET_MIN || offset > OFFSET_MAX)
			return false;
	}
	z->n = h->timecnt;
	z->first = (int32_t)be32(infos);
	z->at = yt_arena_alloc(a, (z->n + 1) * sizeof(*z->at));
	z->offset = yt_arena_alloc(a, (z->n + 1) * sizeof(*z->offset));
	for (uint32_t i = 0; i < h->timecnt; i++) {
		if (types[i] >= h->typecnt)
			return false;
		z->at[i] = be_time(p + i * time_size, time_size);
		z->offset[i] = (int32_t)be32(infos + (size_t)types[i] * 6);
		if (i && z->at[i] <= z->at[i - 1])
			return false;
	}
	return true;
}

/* `\n` text `\n` behind the second block. */
static bool footer_read(struct yt_zone *z, struct yt_str rest)
{
	const char *end;

	if (rest.n < 2 || rest.p[0] != '\n')
		return false;
	end = memchr(rest.p + 1, '\n', rest.n - 1);
	return end && posix_parse(yt_str(rest.p + 1, (size_t)(end - rest.p - 1)), &z->tail);
}

static struct yt_str behind(struct yt_str s, size_t n)
{
	return n <= s.n ? yt_str(s.p + n, s.n - n) : yt_str(s.p, 0);
}

struct yt_zone *yt_zone_parse(struct yt_arena *a, struct yt_str name, struct yt_str tzif)
{
	struct yt_zone *z = yt_arena_zalloc(a, sizeof(*z));
	struct yt_str rest = tzif;
	struct header h;
	size_t time_size = 4;

	if (!header_read(rest, &h))
		return NULL;
	/* Version 2 and later say everything once more with 64-bit times; the first block is for old readers. */
	if (h.version >= 2) {
		rest = behind(rest, 44 + block_bytes(&h, 4));
		if (!header_read(rest, &h))
			return NULL;
		time_size = 8;
	}
	rest = behind(rest, 44);
	if (rest.n < block_bytes(&h, time_size) || !block_read(a, z, &h, (const unsigned char *)rest.p, time_size))
		return NULL;
	if (time_size == 8 && !footer_read(z, behind(rest, block_bytes(&h, time_size))))
		return NULL;
	z->name = yt_arena_dup(a, name);
	return z;
}

struct yt_str yt_zone_name(const struct yt_zone *z)
{
	return z->name;
}

/* --- questions --- */

/* How many transitions are at or before that second. */
static size_t transitions_until(const struct yt_zone *z, int64_t utc)
{
	size_t low = 0, high = z->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->at[mid] <= utc)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int32_t offset_at(const struct yt_zone *z, int64_t utc)
{
	size_t i = transitions_until(z, utc);

	if (i == z->n && z->tail.there)
		return posix_offset(&z->tail, utc);
	return i ? z->offset[i - 1] : z->first;
}

int64_t yt_zone_offset_ms(const struct yt_zone *z, int64_t utc_ms)
{
	return (int64_t)offset_at(z, floor_div(utc_ms, 1000)) * 1000;
}

/* The first second in (low, high] at which the offset is no longer that of low. */
static int64_t change_between(const struct yt_zone *z, int64_t low, int64_t high)
{
	int32_t offset = offset_at(z, low);

	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;

		if (offset_at(z, mid) == offset)
			low = mid;
		else
			high = mid;
	}
	return high;
}

/* local: seconds of the civil time as if it were UTC. No zone changes twice within the two days around it. */
static int64_t to_utc(const struct yt_zone *z, int64_t local)
{
	int32_t before = offset_at(z, local - DAY), after = offset_at(z, local + DAY);
	int64_t early = local - (before > after ? before : after), late = local - (before > after ? after : before);

	if (offset_at(z, early) + early == local)
		return early; /* in a fold both do */
	if (offset_at(z, late) + late == local)
		return late;
	return change_between(z, early, late); /* a gap */
}

int64_t yt_zone_to_utc_ms(const struct yt_zone *z, int year, int month, int day, int hour, int minute, int second)
{
	return to_utc(z, yt_days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second) * 1000;
}

void yt_civil_at(const struct yt_zone *z, int64_t utc, struct yt_civil *out)
{
	int64_t local = utc + (z ? offset_at(z, utc) : 0);
	int64_t days = floor_div(local, DAY);
	int rest = (int)(local - days * DAY);

	yt_civil_of(days, &out->year, &out->month, &out->day);
	out->hour = rest / 3600;
	out->minute = rest / 60 % 60;
	out->second = rest % 60;
	out->ms = 0;
}

void yt_zone_civil(const struct yt_zone *z, int64_t utc_ms, struct yt_civil *out)
{
	int64_t seconds = floor_div(utc_ms, 1000);

	yt_civil_at(z, seconds, out);
	out->ms = (int)(utc_ms - seconds * 1000);
}

int32_t yt_zone_day(const struct yt_zone *z, int64_t utc_ms)
{
	return (int32_t)floor_div(utc_ms + yt_zone_offset_ms(z, utc_ms), INT64_C(1000) * DAY);
}

int64_t yt_zone_day_start_ms(const struct yt_zone *z, int32_t day)
{
	return to_utc(z, (int64_t)day * DAY) * 1000;
}

void yt_day_format(int32_t day, char out[11])
{
	int year, month, dom;

	yt_civil_of(day, &year, &month, &dom);
	memcpy(out, "0000-00-00", 11);
	for (int k = 3; k >= 0; k--, year /= 10)
		out[k] = (char)('0' + year % 10);
	out[5] = (char)('0' + month / 10);
	out[6] = (char)('0' + month % 10);
	out[8] = (char)('0' + dom / 10);
	out[9] = (char)('0' + dom % 10);
}

/* --- names --- */

struct yt_zone *yt_zone_fixed(struct yt_arena *a, struct yt_str name, int32_t offset_seconds)
{
	struct yt_zone *z = yt_arena_zalloc(a, sizeof(*z));

	z->name = yt_arena_dup(a, name);
	z->first = offset_seconds;
	return z;
}

struct yt_zone *yt_zone_literal(struct yt_arena *a, struct yt_str text)
{
	const char *p = text.p;
	bool sign = text.n == 6 && (p[0] == '+' || p[0] == '-');
	int hours, minutes, seconds;

	if (yt_str_eq(text, YT_S("UTC")))
		return yt_zone_fixed(a, text, 0);
	if (text.n != 5 + (uint32_t)sign)
		return NULL;
	p += sign;
	for (int i = 0; i < 5; i++) {
		if (i == 2 ? p[i] != ':' : p[i] < '0' || p[i] > '9')
			return NULL;
	}
	hours = (p[0] - '0') * 10 + p[1] - '0';
	minutes = (p[3] - '0') * 10 + p[4] - '0';
	seconds = hours * 3600 + minutes * 60;
	if (hours > 23 || minutes > 59)
		return NULL;
	return yt_zone_fixed(a, text, text.p[0] == '-' ? -seconds : seconds);
}

/* A relative path without `..` or empty parts: the name is handed to something that opens files. */
bool yt_zone_name_ok(struct yt_str s)
{
	bool part_begins = true;

	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '/') {
			if (part_begins)
				return false;
			part_begins = true;
			continue;
		}
		if (!is_letter(c) && !(c >= '0' && c <= '9') && !memchr("_+-", c, 3))
			return false;
		part_begins = false;
	}
	return s.n <= 64 && !part_begins;
}

const char *yt_zone_nearest(struct yt_str name)
{
	/* Not all there are: what a shop is likely to have meant. */
	static const char *const zones[] = {
		"Asia/Shanghai",    "Asia/Hong_Kong",   "Asia/Taipei",     "Asia/Macau",          "Asia/Urumqi",       "Asia/Singapore",
		"Asia/Tokyo",       "Asia/Seoul",       "Asia/Bangkok",    "Asia/Ho_Chi_Minh",    "Asia/Jakarta",      "Asia/Manila",
		"Asia/Kuala_Lumpur", "Asia/Kolkata",    "Asia/Dubai",      "Europe/London",       "Europe/Berlin",     "Europe/Paris",
		"Europe/Madrid",    "Europe/Rome",      "Europe/Vienna",   "Europe/Zurich",       "Europe/Amsterdam",  "Europe/Warsaw",
		"Europe/Moscow",    "America/New_York", "America/Chicago", "America/Denver",      "America/Los_Angeles", "America/Toronto",
		"America/Sao_Paulo", "America/Mexico_City", "Australia/Sydney", "Pacific/Auckland", "UTC",
	};
	static const char *const wrong[][2] = { { "Asia/Beijing", "Asia/Shanghai" }, { "China", "Asia/Shanghai" }, { "CST", "Asia/Shanghai" } };
	const char *near;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (yt_str_eq(name, yt_str_z(wrong[i][0])))
			return wrong[i][1];
	}
	near = yt_nearest(name, zones, sizeof(zones) / sizeof(zones[0]));
	return near && yt_str_eq(name, yt_str_z(near)) ? NULL : near;
}
