#include <time.h>

#include "unit/test.h"
#include "yutang/base/json.h"

static struct yt_arena arena;
static const cJSON *root;
static char detail[128];

static enum yt_json_fault parse(struct yt_str s)
{
	/* A copy of the exact size, so that a read past the end shows under AddressSanitizer. */
	char *copy = malloc(s.n ? s.n : 1);
	enum yt_json_fault f;

	if (s.n)
		memcpy(copy, s.p, s.n);
	yt_arena_reset(&arena);
	f = yt_json_parse(&arena, yt_str(copy, s.n), 0, 0, &root, detail);
	free(copy);
	return f;
}

static void check_text(const cJSON *item, struct yt_str want)
{
	struct yt_str got = yt_json_text(item);

	CHECK(yt_json_is_text(item));
	CHECK_INT(yt_json_number(item).n, 0);
	CHECK_MSG(yt_str_eq(got, want), "text is %.*s, expected %.*s", YT_FMT(got), YT_FMT(want));
}

static void check_number(const cJSON *item, const char *want)
{
	struct yt_str got = yt_json_number(item);

	CHECK(!yt_json_is_text(item));
	CHECK_INT(yt_json_text(item).n, 0);
	CHECK_MSG(yt_str_eq(got, yt_str_z(want)), "number is %.*s, expected %s", YT_FMT(got), want);
}

#define CHECK_FAULT(text, fault) check_fault(YT_S(text), fault, #text)
static void check_fault(struct yt_str s, enum yt_json_fault want, const char *shown)
{
	enum yt_json_fault got = parse(s);

	CHECK_MSG(got == want, "%s gives %d (%s), expected %d", shown, got, detail, want);
	CHECK_MSG((root == NULL) == (want != YT_JSON_OK), "%s: tree", shown);
	CHECK_MSG((detail[0] == '\0') == (want == YT_JSON_OK), "%s: detail", shown);
}

TEST(json_values_of_all_kinds_are_read)
{
	const cJSON *list;

	CHECK_INT(parse(YT_S(" {\"a\" : \"x\",\t\"b\":[1 , -2.5e+3,true,false,null , \"\"],\r\n\"c\":{\"d\":{}} , \"e\":[]} ")),
	          YT_JSON_OK);
	CHECK(cJSON_IsObject(root));
	check_text(yt_json_get(root, "a"), YT_S("x"));
	list = yt_json_get(root, "b");
	CHECK_INT(cJSON_GetArraySize(list), 6);
	check_number(cJSON_GetArrayItem(list, 0), "1");
	check_number(cJSON_GetArrayItem(list, 1), "-2.5e+3");
	CHECK(cJSON_IsTrue(cJSON_GetArrayItem(list, 2)));
	CHECK(cJSON_IsFalse(cJSON_GetArrayItem(list, 3)));
	CHECK(cJSON_IsNull(cJSON_GetArrayItem(list, 4)));
	check_text(cJSON_GetArrayItem(list, 5), YT_S(""));
	CHECK(cJSON_IsObject(yt_json_get(yt_json_get(root, "c"), "d")));
	CHECK(cJSON_IsArray(yt_json_get(root, "e")));
}

TEST(json_scalars_may_stand_alone)
{
	CHECK_INT(parse(YT_S("7")), YT_JSON_OK);
	check_number(root, "7");
	CHECK_INT(parse(YT_S(" \"x\"\n")), YT_JSON_OK);
	check_text(root, YT_S("x"));
	CHECK_INT(parse(YT_S("null")), YT_JSON_OK);
	CHECK(cJSON_IsNull(root));
}

TEST(json_numbers_keep_their_exact_text)
{
	static const char *const v[] = { "820982911946154508", "-0", "0", "1e5", "1E+05", "0.10", "-0.0e-0",
		                         "123456789012345678901234567890.000000000000000000001", "1e999999" };

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		CHECK_INT(parse(yt_str_z(v[i])), YT_JSON_OK);
		check_number(root, v[i]);
	}
}

TEST(json_what_is_no_number_is_refused)
{
	CHECK_FAULT("01", YT_JSON_NOT_JSON);
	CHECK_FAULT("-01", YT_JSON_NOT_JSON);
	CHECK_FAULT("00", YT_JSON_NOT_JSON);
	CHECK_FAULT("-", YT_JSON_NOT_JSON);
	CHECK_FAULT("+1", YT_JSON_NOT_JSON);
	CHECK_FAULT(".5", YT_JSON_NOT_JSON);
	CHECK_FAULT("1.", YT_JSON_NOT_JSON);
	CHECK_FAULT("1.e5", YT_JSON_NOT_JSON);
	CHECK_FAULT("1e", YT_JSON_NOT_JSON);
	CHECK_FAULT("1e+", YT_JSON_NOT_JSON);
	CHECK_FAULT("1e5.0", YT_JSON_NOT_JSON);
	CHECK_FAULT("0x10", YT_JSON_NOT_JSON);
	CHECK_FAULT("NaN", YT_JSON_NOT_JSON);
	CHECK_FAULT("Infinity", YT_JSON_NOT_JSON);
	CHECK_FAULT("-Infinity", YT_JSON_NOT_JSON);
	CHECK_FAULT("1 2", YT_JSON_NOT_JSON);
	CHECK_FAULT("[1,--1]", YT_JSON_NOT_JSON);
	CHECK_FAULT("1_000", YT_JSON_NOT_JSON);
	CHECK_FAULT("1\xc2\xa0", YT_JSON_NOT_JSON);
}

static bool int_of(const char *text, int64_t *v)
{
	CHECK_INT(parse(yt_str_z(text)), YT_JSON_OK);
	return yt_json_int(root, v);
}

TEST(json_int_takes_digits_between_the_limits)
{
	static const char *const refused[] = {
		"9007199254740992", "-9007199254740992", "9007199254740993", "18446744073709551617",
		"100000000000000000000000000000000000000000000000", "1.0", "12900.0", "1.29e4", "1e5", "1E2", "-0.0",
		"\"5\"", "null", "true", "[5]", "{}", "\"\\u00015\"",
	};
	int64_t v = 1;

	CHECK(int_of("12900", &v));
	CHECK_INT(v, 12900);
	CHECK(int_of("-7", &v));
	CHECK_INT(v, -7);
	CHECK(int_of("-0", &v));
	CHECK_INT(v, 0);
	CHECK(int_of("9007199254740991", &v));
	CHECK_INT(v, INT64_C(9007199254740991));
	CHECK(int_of("-9007199254740991", &v));
	CHECK_INT(v, INT64_C(-9007199254740991));
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		CHECK_MSG(!int_of(refused[i], &v), "%s is taken", refused[i]);
	CHECK(!yt_json_int(NULL, &v));
}

TEST(json_text_can_not_be_mistaken_for_a_number)
{
	const cJSON *list;

	CHECK_INT(parse(YT_S("[\"\\u00015\",\"\\u0001\",\"\\u0002\",\"\\u0002\\u00015\",\"\\u0003\",\"a\\u0001\",\"5\",5]")),
	          YT_JSON_OK);
	list = root;
	check_text(cJSON_GetArrayItem(list, 0), YT_S("\x01" "5"));
	check_text(cJSON_GetArrayItem(list, 1), YT_S("\x01"));
	check_text(cJSON_GetArrayItem(list, 2), YT_S("\x02"));
	check_text(cJSON_GetArrayItem(list, 3), YT_S("\x02\x01" "5"));
	check_text(cJSON_GetArrayItem(list, 4), YT_S("\x03"));
	check_text(cJSON_GetArrayItem(list, 5), YT_S("a\x01"));
	check_text(cJSON_GetArrayItem(list, 6), YT_S("5"));
	check_number(cJSON_GetArrayItem(list, 7), "5");
	CHECK_FAULT("[\"\x01" "5\"]", YT_JSON_NOT_JSON);
	CHECK_FAULT("[\"\x02\"]", YT_JSON_NOT_JSON);
}

TEST(json_accessors_take_what_is_absent)
{
	CHECK(!yt_json_is_text(NULL));
	CHECK_INT(yt_json_text(NULL).n, 0);
	CHECK_INT(yt_json_number(NULL).n, 0);
	CHECK(!yt_json_get(NULL, "a"));
	CHECK_INT(parse(YT_S("[1]")), YT_JSON_OK);
	CHECK(!yt_json_get(root, "a"));
	CHECK_INT(parse(YT_S("{\"aB\":1}")), YT_JSON_OK);
	CHECK(yt_json_get(root, "aB"));
	CHECK(!yt_json_get(root, "ab"));
}

TEST(json_escapes_are_decoded)
{
	CHECK_INT(parse(YT_S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u9c7C\\uD83D\\uDC1f\"")), YT_JSON_OK);
	check_text(root, YT_S("\"\\/\b\f\n\r\tA\xc3\xa9\xe9\xb1\xbc\xf0\x9f\x90\x9f"));
}

TEST(json_bad_escapes_are_refused)
{
	CHECK_FAULT("\"\\u0000\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\\u0000\":1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\ud800\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\ud800x\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\ud800\\n\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\ud800\\u0041\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\ud800\\ud800\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\udc00\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\udfff\\ud800\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\ud800\\udc0", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\u12\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\u12g4\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\u+123\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\u12", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\x41\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\'\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\\0\"", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\\\"", YT_JSON_NOT_JSON);
}

TEST(json_control_characters_are_refused_at_every_place)
{
	char text[40];

	for (int c = 0; c < 0x20; c++) {
		for (size_t at = 1; at < sizeof(text) - 1; at++) {
			memset(text, 'a', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			text[at] = (char)c;
			CHECK_INT(parse(yt_str(text, sizeof(text))), YT_JSON_NOT_JSON);
		}
	}
	CHECK_FAULT("\"a\x7f\"", YT_JSON_OK);
	CHECK_FAULT("[1,\f2]", YT_JSON_NOT_JSON);
	CHECK_FAULT("[1,\v2]", YT_JSON_NOT_JSON);
	CHECK_FAULT("[1]\0", YT_JSON_NOT_JSON);
}

TEST(json_invalid_utf8_is_refused_at_every_place)
{
	static const struct yt_str bad[] = {
		YT_STR("\x80"), YT_STR("\xc0\x80"), YT_STR("\xc3"), YT_STR("\xe0\x9f\xbf"), YT_STR("\xed\xa0\x80"),
		YT_STR("\xf4\x90\x80\x80"), YT_STR("\xff"), YT_STR("\xe9\xb1"),
	};
	char text[40];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		for (size_t at = 1; at + bad[i].n < sizeof(text); at++) {
			memset(text, 'a', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			memcpy(text + at, bad[i].p, bad[i].n);
			CHECK_INT(parse(yt_str(text, sizeof(text))), YT_JSON_NOT_JSON);
		}
	}
	CHECK_FAULT("{\"\xff\":1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("\xef\xbb\xbf{}", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"\xe9\xb1\xbc\xe5\xa1\x98\"", YT_JSON_OK);
	check_text(root, YT_S("\xe9\xb1\xbc\xe5\xa1\x98"));
}

TEST(json_structure_is_that_of_rfc_8259)
{
	CHECK_FAULT("", YT_JSON_NOT_JSON);
	CHECK_FAULT("  ", YT_JSON_NOT_JSON);
	CHECK_FAULT("{", YT_JSON_NOT_JSON);
	CHECK_FAULT("[", YT_JSON_NOT_JSON);
	CHECK_FAULT("}", YT_JSON_NOT_JSON);
	CHECK_FAULT("[1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\":1]", YT_JSON_NOT_JSON);
	CHECK_FAULT("[1,]", YT_JSON_NOT_JSON);
	CHECK_FAULT("[,1]", YT_JSON_NOT_JSON);
	CHECK_FAULT("[1 2]", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\":1,}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{,\"a\":1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\" 1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\":}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\"}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{a:1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{1:1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{'a':1}", YT_JSON_NOT_JSON);
	CHECK_FAULT("\"a", YT_JSON_NOT_JSON);
	CHECK_FAULT("True", YT_JSON_NOT_JSON);
	CHECK_FAULT("tru", YT_JSON_NOT_JSON);
	CHECK_FAULT("truex", YT_JSON_NOT_JSON);
	CHECK_FAULT("nul", YT_JSON_NOT_JSON);
	CHECK_FAULT("{} {}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{}x", YT_JSON_NOT_JSON);
	CHECK_FAULT("[1] // x", YT_JSON_NOT_JSON);
	CHECK_FAULT("/**/1", YT_JSON_NOT_JSON);
	CHECK_FAULT("{} \n\t", YT_JSON_OK);
}

TEST(json_doubled_keys_are_refused_after_unescaping)
{
	CHECK_FAULT("{\"a\":1,\"a\":1}", YT_JSON_NOT_JSON);
	CHECK_STR(detail, "doubled key at byte 7");
	CHECK_FAULT("{\"a\":1,\"\\u0061\":2}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"\\u0061\":1,\"\\u0061\":2}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"\\/\":1,\"/\":2}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"\\ud83d\\udc1f\":1,\"\xf0\x9f\x90\x9f\":2}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"\\u00e9\":1,\"\xc3\xa9\":2}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"\\t\":1,\"\\u0009\":2}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"\":1,\"\":2}", YT_JSON_NOT_JSON);
	CHECK_FAULT("[[{\"b\":{\"a\":1,\"a\":1}}]]", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\":{\"b\":1},\"c\":2,\"a\":3}", YT_JSON_NOT_JSON);
	CHECK_FAULT("{\"a\":1,\"A\":2}", YT_JSON_OK);
	CHECK_FAULT("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}", YT_JSON_OK);
	CHECK_FAULT("{\"a\":1,\"\\\\u0061\":2}", YT_JSON_OK);
}

/* At both sides of where the search for doubled keys changes its way. */
TEST(json_doubled_keys_are_found_among_any_number)
{
	for (int n = 2; n < 60; n++) {
		for (int twin = 0; twin < n; twin++) {
			struct yt_buf b;

			yt_buf_init(&b, NULL);
			yt_buf_c(&b, '{');
			for (int i = 0; i < n; i++)
				yt_buf_printf(&b, "\"key%d\":%d,", i * 7 % 61, i);
			yt_buf_printf(&b, "\"key%d\":0}", twin * 7 % 61);
			CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_NOT_JSON);
			CHECK(strncmp(detail, "doubled key at byte ", 20) == 0);
			CHECK(atoi(detail + 20) > n * 6);
			/* Another key in place of the twin. */
			b.p[b.n - 5] = b.p[b.n - 6] = '!';
			CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_OK);
			yt_buf_deinit(&b);
		}
	}
}

static void nested(struct yt_buf *b, const char *open, const char *core, const char *close, int depth)
{
	yt_buf_clear(b);
	for (int i = 0; i < depth; i++)
		yt_buf_z(b, open);
	yt_buf_z(b, core);
	for (int i = 0; i < depth; i++)
		yt_buf_z(b, close);
}

TEST(json_depth_is_taken_at_the_limit_and_refused_one_above)
{
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	nested(&b, "[", "", "]", YT_JSON_DEPTH_MAX);
	CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_OK);
	nested(&b, "[", "", "]", YT_JSON_DEPTH_MAX + 1);
	CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_TOO_DEEP);
	CHECK_STR(detail, "too deep at byte 16");
	nested(&b, "{\"a\":", "1", "}", YT_JSON_DEPTH_MAX);
	CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_OK);
	nested(&b, "{\"a\":", "1", "}", YT_JSON_DEPTH_MAX + 1);
	CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_TOO_DEEP);
	nested(&b, "[", "", "", 200000);
	CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_TOO_DEEP);
	/* Brackets in a text are none. */
	CHECK_INT(parse(YT_S("\"[[[[[[[[[[[[[[[[[[[[[[\"")), YT_JSON_OK);
	/* Width is not depth. */
	CHECK_INT(parse(YT_S("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]")), YT_JSON_OK);
	yt_buf_deinit(&b);
}

TEST(json_depth_and_size_can_be_set)
{
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	yt_arena_reset(&arena);
	CHECK_INT(yt_json_parse(&arena, YT_S("[[1]]"), 5, 2, &root, NULL), YT_JSON_OK);
	CHECK_INT(yt_json_parse(&arena, YT_S("[[1]]"), 4, 2, &root, NULL), YT_JSON_TOO_LARGE);
	CHECK_INT(yt_json_parse(&arena, YT_S("[[1]]"), 5, 1, &root, NULL), YT_JSON_TOO_DEEP);
	nested(&b, "[", "1", "]", CJSON_NESTING_LIMIT);
	CHECK_INT(yt_json_parse(&arena, yt_buf_str(&b), 0, 1 << 30, &root, detail), YT_JSON_OK);
	nested(&b, "[", "1", "]", CJSON_NESTING_LIMIT + 1);
	CHECK_INT(yt_json_parse(&arena, yt_buf_str(&b), 0, 1 << 30, &root, detail), YT_JSON_TOO_DEEP);
	yt_buf_deinit(&b);
}

TEST(json_size_is_taken_at_the_limit_and_refused_one_above)
{
	size_t n = YT_JSON_BYTES_MAX;
	char *text = malloc(n + 1);

	memset(text, 'a', n + 1);
	text[0] = text[n - 1] = '"';
	CHECK_INT(parse(yt_str(text, n)), YT_JSON_OK);
	CHECK_INT(yt_json_text(root).n, n - 2);
	text[n - 1] = 'a';
	text[n] = '"';
	CHECK_INT(parse(yt_str(text, n + 1)), YT_JSON_TOO_LARGE);
	CHECK_STR(detail, "262145 bytes, 262144 at most");
	free(text);
}

TEST(json_fault_says_what_and_where_but_no_content)
{
	CHECK_FAULT("{\"secret\":tru}", YT_JSON_NOT_JSON);
	CHECK_STR(detail, "no JSON value at byte 10");
	CHECK_FAULT("[1,2] x", YT_JSON_NOT_JSON);
	CHECK_STR(detail, "bytes behind the value at byte 6");
	CHECK_FAULT("[\"ab\xff\"]", YT_JSON_NOT_JSON);
	CHECK_STR(detail, "invalid UTF-8 at byte 4");
	CHECK_FAULT("[\"\\u0000\"]", YT_JSON_NOT_JSON);
	CHECK_STR(detail, "\\u0000 at byte 2");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double parse_seconds(struct yt_buf *b)
{
	double from = seconds();

	yt_arena_reset(&arena);
	CHECK_INT(yt_json_parse(&arena, yt_buf_str(b), SIZE_MAX, 0, &root, detail), YT_JSON_OK);
	return seconds() - from;
}

/* Quadratic work on these would take minutes. */
TEST(json_hostile_input_takes_no_more_than_near_linear_time)
{
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	yt_buf_c(&b, '{');
	for (int i = 0; i < 400000; i++)
		yt_buf_printf(&b, "%s\"\\u006bey%08d\":%d", i ? "," : "", i * 79 % 400000, i);
	yt_buf_c(&b, '}');
	CHECK(parse_seconds(&b) < 10);

	yt_buf_clear(&b);
	yt_buf_c(&b, '[');
	for (int i = 0; i < 1000000; i++)
		yt_buf_z(&b, "1,");
	yt_buf_z(&b, "1]");
	CHECK(parse_seconds(&b) < 10);
	CHECK_INT(cJSON_GetArraySize(root), 1000001);

	yt_buf_clear(&b);
	yt_buf_c(&b, '"');
	for (int i = 0; i < 1000000; i++)
		yt_buf_z(&b, "\\ud83d\\udc1f");
	yt_buf_c(&b, '"');
	CHECK(parse_seconds(&b) < 10);
	yt_buf_deinit(&b);
}

TEST(json_cut_anywhere_is_refused)
{
	struct yt_str s = YT_S("{\"id\":\"a\\u0062\xe9\xb1\xbc\\ud83d\\udc1f\",\"n\":[-1.5e+10,true,{\"x\":null}]}");

	CHECK_INT(parse(s), YT_JSON_OK);
	for (uint32_t n = 0; n < s.n; n++)
		CHECK_MSG(parse(yt_str(s.p, n)) == YT_JSON_NOT_JSON, "the first %u bytes are taken", n);
}

/* What the pre-pass takes, cJSON takes; whatever the bytes. */
TEST(json_changed_bytes_never_reach_a_refusal_of_cjson)
{
	struct yt_str s = YT_S("{\"id\":\"\\u0001a\\u0062\xe9\xb1\xbc\\ud83d\\udc1f\",\"n\":[-1.5e+10,true,{\"x\":null,\"y\":{}}]}");
	uint64_t seed = 1;
	char text[128];

	for (int i = 0; i < 200000; i++) {
		memcpy(text, s.p, s.n);
		for (int k = 0; k < 1 + i % 3; k++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			text[(seed >> 33) % s.n] = i & 1 ? s.p[(seed >> 40) % s.n] : (char)(seed >> 50);
		}
		parse(yt_str(text, s.n));
		CHECK_MSG(!strstr(detail, "cJSON"), "%.*s", (int)s.n, text);
	}
}

TEST(cjson_beside_the_parser_uses_the_heap)
{
	cJSON *own;

	CHECK_INT(parse(YT_S("[1]")), YT_JSON_OK);
	own = cJSON_Parse("{\"a\":[1,2,3]}");
	CHECK(own);
	cJSON_Delete(own);
}

static void check_written(struct yt_str s, const char *want)
{
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	yt_json_add_text(&b, s);
	yt_buf_c(&b, '\0');
	CHECK_STR(b.p, want);
	yt_buf_deinit(&b);
}

TEST(json_written_text_is_escaped)
{
	check_written(YT_S(""), "\"\"");
	check_written(yt_str(NULL, 0), "\"\"");
	check_written(YT_S("plain text/1"), "\"plain text/1\"");
	check_written(YT_S("a\"b\\c\b\f\n\r\t\x01\x1f\x7f"), "\"a\\\"b\\\\c\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
	check_written(YT_S("\0"), "\"\\u0000\"");
	check_written(YT_S("\xe9\xb1\xbc\xf0\x9f\x90\x9f"), "\"\xe9\xb1\xbc\xf0\x9f\x90\x9f\"");
	check_written(YT_S("a\xff\xe9\xb1"), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(json_written_text_reads_back)
{
	struct yt_buf b;
	char text[200];

	yt_buf_init(&b, NULL);
	for (size_t n = 0; n < sizeof(text); n++) {
		for (size_t i = 0; i < n; i++)
			text[i] = (char)(1 + (i * 37 + n) % 127);
		yt_buf_clear(&b);
		yt_json_add_text(&b, yt_str(text, n));
		CHECK_INT(parse(yt_buf_str(&b)), YT_JSON_OK);
		check_text(root, yt_str(text, n));
	}
	yt_buf_deinit(&b);
}

TEST_MAIN
{
	yt_arena_init(&arena, 0);
	RUN(json_values_of_all_kinds_are_read);
	RUN(json_scalars_may_stand_alone);
	RUN(json_numbers_keep_their_exact_text);
	RUN(json_what_is_no_number_is_refused);
	RUN(json_int_takes_digits_between_the_limits);
	RUN(json_text_can_not_be_mistaken_for_a_number);
	RUN(json_accessors_take_what_is_absent);
	RUN(json_escapes_are_decoded);
	RUN(json_bad_escapes_are_refused);
	RUN(json_control_characters_are_refused_at_every_place);
	RUN(json_invalid_utf8_is_refused_at_every_place);
	RUN(json_structure_is_that_of_rfc_8259);
	RUN(json_doubled_keys_are_refused_after_unescaping);
	RUN(json_doubled_keys_are_found_among_any_number);
	RUN(json_depth_is_taken_at_the_limit_and_refused_one_above);
	RUN(json_depth_and_size_can_be_set);
	RUN(json_size_is_taken_at_the_limit_and_refused_one_above);
	RUN(json_fault_says_what_and_where_but_no_content);
	RUN(json_hostile_input_takes_no_more_than_near_linear_time);
	RUN(json_cut_anywhere_is_refused);
	RUN(json_changed_bytes_never_reach_a_refusal_of_cjson);
	RUN(cjson_beside_the_parser_uses_the_heap);
	RUN(json_written_text_is_escaped);
	RUN(json_written_text_reads_back);
	yt_arena_deinit(&arena);
}
