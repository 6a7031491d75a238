/* RFC 3339 to milliseconds and back. The numbers are Python's:
 *     python3 -c 'import datetime as d; print(int(d.datetime.fromisoformat("2025-08-01T10:00:00+00:00").timestamp() * 1000))'
 */
#include "unit/test.h"

#include "yutang/event/event.h"

TEST(times_are_read)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2025-08-01T10:00:00Z", INT64_C(1754042400000) },
		{ "2025-08-01t10:00:00z", INT64_C(1754042400000) },
		{ "2025-08-01T18:00:00+08:00", INT64_C(1754042400000) },
		{ "2025-08-01T04:30:00-05:30", INT64_C(1754042400000) },
		{ "2025-08-01T10:00:00+00:00", INT64_C(1754042400000) },
		{ "2025-08-01T10:00:00-00:00", INT64_C(1754042400000) }, /* offset unknown: RFC 3339, 4.3 */
		{ "2025-08-02T09:59:00+23:59", INT64_C(1754042400000) },
		{ "2025-08-01T10:00:00.5Z", INT64_C(1754042400500) },
		{ "2025-08-01T10:00:00.05Z", INT64_C(1754042400050) },
		{ "2025-08-01T10:00:00.123Z", INT64_C(1754042400123) },
		{ "2025-08-01T10:00:00.123999999Z", INT64_C(1754042400123) },
		{ "2025-08-01T10:00:00.99999999999999999999999999999999999999Z", INT64_C(1754042400999) },
		{ "2000-02-29T00:00:00Z", INT64_C(951782400000) },
		{ "2024-02-29T12:34:56Z", INT64_C(1709210096000) },
		{ "2100-03-01T00:00:00Z", INT64_C(4107542400000) },
		{ "1900-02-28T00:00:00Z", INT64_C(-2203977600000) },
		{ "1969-12-31T23:59:59.250Z", -750 },
		{ "0001-01-01T00:00:00Z", INT64_C(-62135596800000) },
		{ "0000-01-01T00:00:00Z", INT64_C(-62167219200000) },
		{ "9999-12-31T23:59:59.999Z", INT64_C(253402300799999) },
		{ "2016-12-31T23:59:60Z", INT64_C(1483228800000) },
		{ "2017-01-01T07:59:60.5+08:00", INT64_C(1483228800500) },
	};

	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		int64_t ms = 1;

		CHECK_MSG(yt_time_parse(yt_str_z(cases[k].text), &ms), "%s is refused", cases[k].text);
		CHECK_MSG(ms == cases[k].ms, "%s is %lld, expected %lld", cases[k].text, (long long)ms, (long long)cases[k].ms);
	}
}

TEST(what_is_no_time_is_refused)
{
	static const char *const texts[] = {
		"", "2025", "2025-08-01", "10:00:00Z", "2025-08-01T10:00Z", "2025-08-01T10:00:00", "2025-08-01 10:00:00Z", "2025-08-01_10:00:00Z",
		"2025-08-01T24:00:00Z", "2025-08-01T23:60:00Z", "2025-08-01T10:00:61Z", "2025-08-01T10:00:60Z", "2025-08-01T23:59:60Z",
		"2025-07-31T23:59:60+08:00", "2025-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2025-04-31T00:00:00Z", "2025-00-01T00:00:00Z",
		"2025-13-01T00:00:00Z", "2025-01-00T00:00:00Z", "2025-01-32T00:00:00Z", "2025-8-1T10:00:00Z", "25-08-01T10:00:00Z", "02025-08-01T10:00:00Z",
		"+2025-08-01T10:00:00Z", "-025-08-01T10:00:00Z", "2025-08-01T10:00:00.Z", "2025-08-01T10:00:00,5Z", "2025-08-01T10:00:00.5", "2025-08-01T10:00:00.5.5Z",
		"2025-08-01T10:00:00+0800", "2025-08-01T10:00:00+08", "2025-08-01T10:00:00+24:00", "2025-08-01T10:00:00+08:60", "2025-08-01T10:00:00 Z",
		"2025-08-01T10:00:00Zz", "2025-08-01T10:00:00Z ", " 2025-08-01T10:00:00Z", "2025-08-01T10:00:00UTC", "2025-W31-5T10:00:00Z", "1754042400000",
		"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", "2025-08-01T1\xef\xbc\x90:00:00Z",
	};

	for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
		int64_t ms = 42;

		CHECK_MSG(!yt_time_parse(yt_str_z(texts[k]), &ms), "%s is taken", texts[k]);
		CHECK_INT(ms, 42);
	}
	CHECK(!yt_time_parse((struct yt_str){ 0 }, &(int64_t){ 0 }));
	CHECK(!yt_time_parse(YT_S("2025-08-01T10:00:00Z\0"), &(int64_t){ 0 }));
}

TEST(every_cut_of_a_time_is_refused)
{
	const struct yt_str whole = YT_STR("2025-08-01T18:00:00.123+08:00");
	int64_t ms;

	for (uint32_t n = 0; n < whole.n; n++) {
		char *exact = malloc(n + 1); /* a sanitizer sees a read past the end */

		memcpy(exact, whole.p, n);
		exact = realloc(exact, n ? n : 1);
		CHECK_MSG(!yt_time_parse(yt_str(exact, n), &ms), "the first %u bytes are taken", n);
		free(exact);
	}
}

TEST(times_are_written_in_utc_with_milliseconds)
{
	char out[25];

	yt_time_format(INT64_C(1754042400007), out);
	CHECK_STR(out, "2025-08-01T10:00:00.007Z");
	yt_time_format(0, out);
	CHECK_STR(out, "1970-01-01T00:00:00.000Z");
	yt_time_format(-1, out);
	CHECK_STR(out, "1969-12-31T23:59:59.999Z");
	yt_time_format(INT64_C(951868799999), out);
	CHECK_STR(out, "2000-02-29T23:59:59.999Z");
	yt_time_format(INT64_MIN, out);
	CHECK_STR(out, "0000-01-01T00:00:00.000Z");
	yt_time_format(INT64_MAX, out);
	CHECK_STR(out, "9999-12-31T23:59:59.999Z");
}

TEST(each_day_of_400_years_comes_back)
{
	/* 400 years are a whole number of Gregorian cycles; an odd time of the day goes with it. */
	for (int64_t day = -10957; day < -10957 + 146097; day++) {
		int64_t ms = day * 86400000 + (day * 7919 % 86400000 + 86400000) % 86400000, back;
		char out[25];

		yt_time_format(ms, out);
		CHECK(yt_time_parse(yt_str_z(out), &back));
		CHECK_INT(back, ms);
	}
}

TEST_MAIN
{
	RUN(times_are_read);
	RUN(what_is_no_time_is_refused);
	RUN(every_cut_of_a_time_is_refused);
	RUN(times_are_written_in_utc_with_milliseconds);
	RUN(each_day_of_400_years_comes_back);
}
