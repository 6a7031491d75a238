/* Time zones. The constants of real zones were computed with Python's zoneinfo; zones of the system are read where the system has them, and
 * what they would leave open (the texts behind the table, broken files) is built here byte by byte. */
#include "test.h"
#include "yutang/base/buf.h"
#include "yutang/rules/zone.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct yt_arena arena;

static const struct yt_zone *load(const char *name)
{
	static char bytes[65536];
	char path[256];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	f = fopen(path, "rb");
	CHECK_MSG(f, "%s is missing: the package tzdata brings it", path);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return yt_zone_parse(&arena, yt_str_z(name), yt_str(bytes, n));
}

static const struct yt_zone *zone(const char *name)
{
	const struct yt_zone *z = load(name);

	CHECK_MSG(z, "%s cannot be read", name);
	return z;
}

/* --- built files --- */

struct built {
	char version;
	unsigned isutcnt, isstdcnt, leapcnt, charcnt;
	size_t n_times, n_types;
	int64_t times[4];
	unsigned char types[4];
	int32_t offsets[3];
	const char *footer; /* with its newlines */
};

static void put32(struct yt_buf *b, uint32_t v)
{
	for (int i = 24; i >= 0; i -= 8)
		yt_buf_c(b, (char)(v >> i));
}

static void put_block(struct yt_buf *b, const struct built *t, bool wide)
{
	yt_buf_z(b, "TZif");
	yt_buf_c(b, t->version);
	yt_buf_add(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
	put32(b, t->isutcnt);
	put32(b, t->isstdcnt);
	put32(b, t->leapcnt);
	put32(b, (uint32_t)t->n_times);
	put32(b, (uint32_t)t->n_types);
	put32(b, t->charcnt);
	for (size_t i = 0; i < t->n_times; i++) {
		if (wide)
			put32(b, (uint32_t)((uint64_t)t->times[i] >> 32));
		put32(b, (uint32_t)t->times[i]);
	}
	yt_buf_add(b, t->types, t->n_times);
	for (size_t i = 0; i < t->n_types; i++) {
		put32(b, (uint32_t)t->offsets[i]);
		yt_buf_add(b, "\0\0", 2);
	}
	for (unsigned i = 0; i < t->charcnt + t->isstdcnt + t->isutcnt; i++)
		yt_buf_c(b, '\0');
}

static struct yt_str build(const struct built *t)
{
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	put_block(&b, t, false);
	if (t->version) {
		put_block(&b, t, true);
		yt_buf_z(&b, t->footer);
	}
	return yt_buf_str(&b);
}

static const struct yt_zone *parse_built(const struct built *t)
{
	return yt_zone_parse(&arena, YT_S("Test/Built"), build(t));
}

/* A zone without a table, only with that text behind it. */
static const struct yt_zone *posix(const char *text)
{
	struct built t = { .version = '3', .charcnt = 4, .n_types = 1 };
	char footer[100];

	snprintf(footer, sizeof(footer), "\n%s\n", text);
	t.footer = footer;
	return parse_built(&t);
}

/* --- real zones --- */

TEST(offsets_are_those_of_the_table_and_of_the_rule_behind_it)
{
	static const struct {
		const char *zone;
		int64_t utc;
		int offset;
	} rows[] = {
		{ "Asia/Shanghai", INT64_C(-2208988800), 29143 }, /* local mean time */
		{ "Asia/Shanghai", INT64_C(515527199), 28800 },   /* summer time of 1986 to 1991 */
		{ "Asia/Shanghai", INT64_C(515527200), 32400 },
		{ "Asia/Shanghai", INT64_C(684867599), 32400 },
		{ "Asia/Shanghai", INT64_C(684867600), 28800 },
		{ "Asia/Shanghai", INT64_C(1795478400), 28800 },
		{ "Asia/Shanghai", INT64_C(10429430400), 28800 },
		{ "Europe/Berlin", INT64_C(-776559600), 10800 }, /* double summer time of 1945 */
		{ "Europe/Berlin", INT64_C(1774745999), 3600 },  /* 2026-03-29 */
		{ "Europe/Berlin", INT64_C(1774746000), 7200 },
		{ "Europe/Berlin", INT64_C(1792889999), 7200 }, /* 2026-10-25 */
		{ "Europe/Berlin", INT64_C(1792890000), 3600 },
		{ "Europe/Berlin", INT64_C(2140045200), 3600 }, /* 2037, where a fat file's table ends */
		{ "Europe/Berlin", INT64_C(2153350799), 3600 },
		{ "Europe/Berlin", INT64_C(2153350800), 7200 },
		{ "Europe/Berlin", INT64_C(4109878799), 3600 }, /* 2100, no leap year */
		{ "Europe/Berlin", INT64_C(4109878800), 7200 },
		{ "Europe/Berlin", INT64_C(4128627599), 7200 },
		{ "Europe/Berlin", INT64_C(4128627600), 3600 },
		{ "Europe/Berlin", INT64_C(13553568000), 7200 }, /* 2399 */
		{ "America/New_York", INT64_C(1772953199), -18000 },
		{ "America/New_York", INT64_C(1772953200), -14400 },
		{ "America/New_York", INT64_C(2551327199), -14400 },
		{ "America/New_York", INT64_C(2551327200), -18000 },
		{ "Australia/Sydney", INT64_C(1768435200), 39600 }, /* summer across the new year */
		{ "Australia/Sydney", INT64_C(2525817600), 39600 },
		{ "Australia/Sydney", INT64_C(2541456000), 36000 },
		{ "Australia/Lord_Howe", INT64_C(2525817600), 39600 }, /* half an hour of it */
		{ "Australia/Lord_Howe", INT64_C(2541456000), 37800 },
		{ "Europe/Dublin", INT64_C(2525817600), 0 }, /* negative "daylight" time in winter */
		{ "Europe/Dublin", INT64_C(2541456000), 3600 },
		{ "Asia/Kolkata", INT64_C(2524608000), 19800 },
		{ "America/St_Johns", INT64_C(1767225600), -12600 },
		{ "Pacific/Apia", INT64_C(1325239199), -36000 }, /* the day that was left out */
		{ "Pacific/Apia", INT64_C(1325239200), 50400 },
		{ "UTC", INT64_C(1767225600), 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = yt_zone_offset_ms(zone(rows[i].zone), rows[i].utc * 1000);

		CHECK_MSG(got == rows[i].offset * 1000, "%s at %lld: %lld ms, expected %d s", rows[i].zone, (long long)rows[i].utc,
		          (long long)got, rows[i].offset);
	}
}

TEST(a_local_time_is_one_instant)
{
	static const struct {
		const char *zone;
		int t[6];
		int64_t utc;
	} rows[] = {
		{ "Asia/Shanghai", { 2026, 11, 24, 0, 0, 0 }, INT64_C(1795449600) },
		{ "Asia/Shanghai", { 2026, 11, 24, 22, 0, 0 }, INT64_C(1795528800) },
		{ "Asia/Shanghai", { 1986, 5, 4, 3, 0, 0 }, INT64_C(515527200) },
		{ "Europe/Berlin", { 2026, 3, 29, 1, 59, 59 }, INT64_C(1774745999) },
		{ "Europe/Berlin", { 2026, 3, 29, 2, 0, 0 }, INT64_C(1774746000) }, /* a gap: the instant behind it */
		{ "Europe/Berlin", { 2026, 3, 29, 2, 30, 0 }, INT64_C(1774746000) },
		{ "Europe/Berlin", { 2026, 3, 29, 2, 59, 59 }, INT64_C(1774746000) },
		{ "Europe/Berlin", { 2026, 3, 29, 3, 0, 0 }, INT64_C(1774746000) },
		{ "Europe/Berlin", { 2026, 10, 25, 1, 59, 59 }, INT64_C(1792886399) },
		{ "Europe/Berlin", { 2026, 10, 25, 2, 0, 0 }, INT64_C(1792886400) }, /* a fold: the earlier */
		{ "Europe/Berlin", { 2026, 10, 25, 2, 30, 0 }, INT64_C(1792888200) },
		{ "Europe/Berlin", { 2026, 10, 25, 3, 0, 0 }, INT64_C(1792893600) },
		{ "Europe/Berlin", { 2100, 7, 1, 12, 0, 0 }, INT64_C(4118119200) },
		{ "America/New_York", { 2026, 11, 1, 1, 30, 0 }, INT64_C(1793511000) },
		{ "America/Sao_Paulo", { 2018, 11, 3, 23, 59, 59 }, INT64_C(1541300399) },
		{ "America/Sao_Paulo", { 2018, 11, 4, 0, 0, 0 }, INT64_C(1541300400) }, /* a day that begins at 01:00 */
		{ "America/Sao_Paulo", { 2018, 11, 4, 0, 30, 0 }, INT64_C(1541300400) },
		{ "America/Sao_Paulo", { 2018, 11, 4, 1, 0, 0 }, INT64_C(1541300400) },
		{ "America/Sao_Paulo", { 2018, 2, 17, 23, 30, 0 }, INT64_C(1518917400) },
		{ "America/Sao_Paulo", { 2018, 2, 18, 0, 0, 0 }, INT64_C(1518922800) },
		{ "America/Havana", { 2026, 11, 1, 0, 0, 0 }, INT64_C(1793505600) }, /* midnight twice */
		{ "Pacific/Apia", { 2011, 12, 29, 23, 59, 59 }, INT64_C(1325239199) },
		{ "Pacific/Apia", { 2011, 12, 30, 12, 0, 0 }, INT64_C(1325239200) },
		{ "Pacific/Apia", { 2011, 12, 31, 0, 0, 0 }, INT64_C(1325239200) },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const int *t = rows[i].t;
		int64_t got = yt_zone_to_utc_ms(zone(rows[i].zone), t[0], t[1], t[2], t[3], t[4], t[5]);

		CHECK_MSG(got == rows[i].utc * 1000, "%s %d-%02d-%02d %02d:%02d:%02d is %lld ms, expected %lld s", rows[i].zone, t[0], t[1], t[2],
		          t[3], t[4], t[5], (long long)got, (long long)rows[i].utc);
	}
}

TEST(civil_time_has_all_its_parts)
{
	struct yt_civil c;

	yt_zone_civil(zone("Asia/Shanghai"), INT64_C(1795449599999), &c);
	CHECK_INT(c.year, 2026);
	CHECK_INT(c.month, 11);
	CHECK_INT(c.day, 23);
	CHECK_INT(c.hour, 23);
	CHECK_INT(c.minute, 59);
	CHECK_INT(c.second, 59);
	CHECK_INT(c.ms, 999);
	yt_zone_civil(zone("UTC"), -1, &c);
	CHECK_INT(c.year, 1969);
	CHECK_INT(c.month, 12);
	CHECK_INT(c.day, 31);
	CHECK_INT(c.ms, 999);
	yt_zone_civil(zone("UTC"), INT64_C(951782400000), &c); /* 2000-02-29 */
	CHECK_INT(c.month, 2);
	CHECK_INT(c.day, 29);
}

TEST(days_are_local)
{
	const struct yt_zone *z = zone("Asia/Shanghai");
	int32_t day = yt_zone_day(z, INT64_C(1795449600000));
	char text[11];

	CHECK_INT(yt_zone_day(z, INT64_C(1795449599999)), day - 1);
	CHECK_INT(yt_zone_day_start_ms(z, day), INT64_C(1795449600000));
	yt_day_format(day, text);
	CHECK_STR(text, "2026-11-24");
	yt_day_format(0, text);
	CHECK_STR(text, "1970-01-01");
	yt_day_format(-1, text);
	CHECK_STR(text, "1969-12-31");
	yt_day_format(11016, text);
	CHECK_STR(text, "2000-02-29");
	/* A day of 23 hours, one of 25, and one that begins at 01:00. */
	z = zone("Europe/Berlin");
	day = yt_zone_day(z, INT64_C(1774746000000));
	CHECK_INT(yt_zone_day_start_ms(z, day + 1) - yt_zone_day_start_ms(z, day), 23 * 3600000);
	day = yt_zone_day(z, INT64_C(1792890000000));
	CHECK_INT(yt_zone_day_start_ms(z, day + 1) - yt_zone_day_start_ms(z, day), 25 * 3600000);
	z = zone("America/Sao_Paulo");
	day = yt_zone_day(z, INT64_C(1541300400000));
	CHECK_INT(yt_zone_day_start_ms(z, day), INT64_C(1541300400000));
	CHECK_INT(yt_zone_day(z, INT64_C(1541300399999)), day - 1);
}

/* Every hour of three years: the start of an instant's day is not after it, and belongs to that day. */
TEST(a_day_holds_its_start)
{
	static const char *const zones[] = { "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Australia/Lord_Howe" };

	for (size_t i = 0; i < COUNT(zones); i++) {
		const struct yt_zone *z = zone(zones[i]);

		for (int64_t ms = INT64_C(1483228800000); ms < INT64_C(1577836800000); ms += 3600000) {
			int32_t day = yt_zone_day(z, ms);
			int64_t start = yt_zone_day_start_ms(z, day);

			CHECK(start <= ms && yt_zone_day(z, start) == day && yt_zone_day(z, start - 1) == day - 1);
		}
	}
}

TEST(a_zone_knows_its_name)
{
	struct yt_str name = yt_zone_name(zone("Asia/Shanghai"));

	CHECK(yt_str_eq(name, YT_S("Asia/Shanghai")));
}

/* --- POSIX texts --- */

TEST(posix_texts)
{
	static const struct {
		const char *text;
		int64_t utc;
		int offset;
	} rows[] = {
		{ "CST-8", 0, 28800 },
		{ "<+0330>-3:30", 0, 12600 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(2840140800), -7200 }, /* a negative time of day; 2060-01-01 */
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", INT64_C(2855865600), -3600 },
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", INT64_C(2525817600), 0 },
		{ "EST5EDT,M3.2.0,M11.1.0", INT64_C(1772953199), -18000 },
		{ "EST5EDT,M3.2.0,M11.1.0", INT64_C(1772953200), -14400 },
		{ "EST5EDT4,M3.2.0/2,M11.1.0/2:00:00", INT64_C(1772953200), -14400 },
		{ "XXX3EDT4,0/0,J365/23", INT64_C(1767225600), -14400 }, /* daylight time all year: RFC 8536, 3.3.1 */
		{ "XXX3EDT4,0/0,J365/23", INT64_C(1782864000), -14400 },
		{ "AAA0BBB,J60/0,J61/0", INT64_C(1709251199), 0 }, /* J60 is March 1 in a leap year, too: 2024-03-01 */
		{ "AAA0BBB,J60/0,J61/0", INT64_C(1709251200), 3600 },
		{ "AAA0BBB,59/0,60/0", INT64_C(1709164800), 3600 }, /* day 59 is February 29 then */
		{ "AAA0BBB,59/0,60/0", INT64_C(1709251200), 0 },
		{ "<+02>-2<+03>,M3.4.4/50,M10.4.4/50", INT64_C(1774659600), 10800 }, /* 2026-03-28 02:00 local: Thursday and 50 hours */
		{ "<+02>-2<+03>,M3.4.4/50,M10.4.4/50", INT64_C(1774655999), 7200 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct yt_zone *z = posix(rows[i].text);
		int64_t got;

		CHECK_MSG(z, "%s cannot be read", rows[i].text);
		got = yt_zone_offset_ms(z, rows[i].utc * 1000);
		CHECK_MSG(got == rows[i].offset * 1000, "%s at %lld: %lld ms, expected %d s", rows[i].text, (long long)rows[i].utc,
		          (long long)got, rows[i].offset);
	}
}

TEST(broken_posix_texts_are_refused)
{
	static const char *const texts[] = {
		"CS-8",         "CST",           "CST-25",           "CST-8:60",       "CST-8X",        "CST-8CDT",
		"CST-8CDT,M3",  "CST-8CDT,M3.2", "CST-8CDT,M13.1.0,M11.1.0", "CST-8CDT,M3.6.0,M11.1.0", "CST-8CDT,M3.2.7,M11.1.0",
		"CST-8CDT,J0,J1", "CST-8CDT,J366,J1", "CST-8CDT,366,1", "CST-8CDT,1,2/168", "CST-8CDT,1,2 ",  "<+08-8",
		"<+08>",        "99999999999",   "CST-8CDT,1,2,3",
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		CHECK_MSG(!posix(texts[i]), "%s was taken", texts[i]);
}

/* --- files --- */

static const struct built two_types = {
	.version = '2', .charcnt = 8, .n_times = 2, .n_types = 2, .times = { 1000, 2000 }, .types = { 1, 0 }, .offsets = { 3600, 7200 }, .footer = "\n\n",
};

TEST(before_the_table_the_first_type_holds_and_behind_it_the_last)
{
	const struct yt_zone *z = parse_built(&two_types);

	CHECK(z);
	CHECK_INT(yt_zone_offset_ms(z, 999999), 3600000);
	CHECK_INT(yt_zone_offset_ms(z, 1000000), 7200000);
	CHECK_INT(yt_zone_offset_ms(z, 1999999), 7200000);
	CHECK_INT(yt_zone_offset_ms(z, 2000000), 3600000);
	CHECK_INT(yt_zone_offset_ms(z, INT64_C(4000000000000)), 3600000);
}

TEST(a_file_of_version_1_has_no_text_behind_it)
{
	struct built t = two_types;

	t.version = '\0';
	CHECK(parse_built(&t));
	CHECK_INT(yt_zone_offset_ms(parse_built(&t), 1500000), 7200000);
	CHECK_INT(yt_zone_offset_ms(parse_built(&t), -1), 3600000);
}

TEST(times_beyond_32_bits_are_read)
{
	struct built t = two_types;

	t.times[1] = INT64_C(8000000000);
	CHECK_INT(yt_zone_offset_ms(parse_built(&t), INT64_C(7999999999999)), 7200000);
	CHECK_INT(yt_zone_offset_ms(parse_built(&t), INT64_C(8000000000000)), 3600000);
}

TEST(broken_files_are_refused)
{
	struct built t = two_types;
	struct yt_str whole = build(&two_types);

	CHECK(yt_zone_parse(&arena, YT_S("x"), whole));
	for (uint32_t n = 0; n < whole.n; n++)
		CHECK_MSG(!yt_zone_parse(&arena, YT_S("x"), yt_str(whole.p, n)), "%u of %u bytes were taken", n, whole.n);
	CHECK(!yt_zone_parse(&arena, YT_S("x"), YT_S("TZif")));
	t.types[0] = 2; /* there are two types */
	CHECK(!parse_built(&t));
	t = two_types;
	t.times[1] = 1000; /* not rising */
	CHECK(!parse_built(&t));
	t = two_types;
	t.n_types = 0;
	CHECK(!parse_built(&t));
	t = two_types;
	t.leapcnt = 1; /* a zone that counts leap seconds */
	CHECK(!parse_built(&t));
	t = two_types;
	t.offsets[0] = 200000;
	CHECK(!parse_built(&t));
	t = two_types;
	t.footer = "";
	CHECK(!parse_built(&t));
	t.footer = "\nCST-8";
	CHECK(!parse_built(&t));
}

/* Any byte changed: read or refused, never more than the file (a run under the address sanitizer shows it). */
TEST(changed_bytes_do_no_harm)
{
	struct yt_str whole = build(&two_types);
	int taken = 0;

	for (uint32_t i = 0; i < whole.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			char *copy = malloc(whole.n);
			const struct yt_zone *z;

			memcpy(copy, whole.p, whole.n);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			z = yt_zone_parse(&arena, YT_S("x"), yt_str(copy, whole.n));
			if (z) {
				taken++;
				yt_zone_offset_ms(z, 1500000);
				yt_zone_day_start_ms(z, 20000);
			}
			free(copy);
		}
	}
	CHECK(taken > 0);
}

TEST_MAIN
{
	yt_arena_init(&arena, 0);
	RUN(offsets_are_those_of_the_table_and_of_the_rule_behind_it);
	RUN(a_local_time_is_one_instant);
	RUN(civil_time_has_all_its_parts);
	RUN(days_are_local);
	RUN(a_day_holds_its_start);
	RUN(a_zone_knows_its_name);
	RUN(posix_texts);
	RUN(broken_posix_texts_are_refused);
	RUN(before_the_table_the_first_type_holds_and_behind_it_the_last);
	RUN(a_file_of_version_1_has_no_text_behind_it);
	RUN(times_beyond_32_bits_are_read);
	RUN(broken_files_are_refused);
	RUN(changed_bytes_do_no_harm);
	yt_arena_deinit(&arena);
}
