#include "unit/test.h"
#include "yutang/base/ini.h"

static struct yt_arena arena;
static struct yt_problems problems;
static char problem_text[4096];

static void begin(void)
{
	yt_arena_reset(&arena);
	yt_problems_deinit(&problems);
	yt_problems_init(&problems, "f.conf");
}

static struct yt_ini_section *parse_str(struct yt_str text)
{
	struct yt_ini_section *s;
	char *copy = malloc(text.n ? text.n : 1);

	begin();
	memcpy(copy, text.p, text.n);
	s = yt_ini_parse(&arena, yt_str(copy, text.n), &problems);
	free(copy);
	snprintf(problem_text, sizeof(problem_text), "%.*s", YT_FMT(yt_buf_str(&problems.text)));
	return s;
}

static struct yt_ini_section *parse(const char *text)
{
	return parse_str(yt_str_z(text));
}

/* The sections as `[kind|name@line]key@line=value;...`, so that one comparison shows all. */
static const char *shown(const struct yt_ini_section *s)
{
	static char text[8192];
	size_t n = 0;

	text[0] = '\0';
	for (; s; s = s->next) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[%.*s%s%.*s@%d]", YT_FMT(s->kind), s->name.p ? "|" : "",
		                      YT_FMT(s->name), s->line);
		for (const struct yt_ini_entry *e = s->entries; e; e = e->next)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s@%d=%.*s;", YT_FMT(e->key), e->line,
			                      YT_FMT(e->value));
	}
	return text;
}

#define CHECK_INI(text, want)                                                                                          \
	do {                                                                                                           \
		const struct yt_ini_section *s_ = parse(text);                                                         \
		CHECK_STR(problem_text, "");                                                                           \
		CHECK_STR(shown(s_), want);                                                                            \
	} while (0)

#define CHECK_PROBLEMS(text, want)                                                                                     \
	do {                                                                                                           \
		parse(text);                                                                                           \
		CHECK_STR(problem_text, want);                                                                         \
	} while (0)

TEST(ini_reads_sections_and_keys)
{
	CHECK_INI("", "");
	CHECK_INI("[worker]\na = 1\nb=2\n  c   =   3  \n\n[shop \"s1\"]\nd = x y\n[shop \"*\"]",
	          "[worker@1]a@2=1;b@3=2;c@4=3;[shop|s1@6]d@7=x y;[shop|*@8]");
	CHECK_INI("[rule   \"a b\"]\r\non = x\r\n\r\n", "[rule|a b@1]on@2=x;");
	CHECK_INI("[r]\nparam.name = {x}\nlimit-x_1 = 2\nempty =\n", "[r@1]param.name@2={x};limit-x_1@3=2;empty@4=;");
	CHECK_INI("[r]\na = b = c\nd = ==\n", "[r@1]a@2=b = c;d@3===;");
}

TEST(ini_without_a_name_is_not_an_empty_name)
{
	const struct yt_ini_section *s = parse("[a]\n[b \"x\"]\n");

	CHECK(s->name.p == NULL);
	CHECK(s->next->name.p != NULL);
}

TEST(ini_comment_begins_a_line_or_follows_white_space)
{
	CHECK_INI("# a\n   # b\n[r] # c\na = 1 # d\nb = x#y\nc = #z\nd =#z\ne = 1\t#f\n#g",
	          "[r@3]a@4=1;b@5=x#y;c@6=;d@7=#z;e@8=1;");
	CHECK_INI("[r \"a # b\"] # c\n", "[r|a # b@1]");
}

TEST(ini_no_comment_begins_in_quotes)
{
	CHECK_INI("[r]\na = x == \"a # b\" # c\n", "[r@1]a@2=x == \"a # b\";");
	CHECK_INI("[r]\na = x == 'a # b' # c\n", "[r@1]a@2=x == 'a # b';");
	CHECK_INI("[r]\na = \"it's # x\" # c\n", "[r@1]a@2=\"it's # x\";");
	CHECK_INI("[r]\na = 'say \" # x' # c\n", "[r@1]a@2='say \" # x';");
	CHECK_INI("[r]\na = \"x \\\" # y\" # c\n", "[r@1]a@2=\"x \\\" # y\";");
	CHECK_INI("[r]\na = \"x \\\\\" # c \"\n", "[r@1]a@2=\"x \\\\\";");
	CHECK_INI("[r]\na = \"x\"#y # c\n", "[r@1]a@2=\"x\"#y;");
}

TEST(ini_apostrophe_and_lone_quote_are_no_quotes)
{
	CHECK_INI("[r]\na = don't # it's\n", "[r@1]a@2=don't;");
	CHECK_INI("[r]\na = 5 \" # c\n", "[r@1]a@2=5 \";");
	CHECK_INI("[r]\na = 'x # c\nb = 'y'\n", "[r@1]a@2='x;b@3='y';");
}

TEST(ini_indented_line_continues_the_one_before)
{
	CHECK_INI("[r]\nwhen = a > 0 &&\n       b > 0\n\t&& c\nx = 1\n", "[r@1]when@2=a > 0 && b > 0 && c;x@5=1;");
	CHECK_INI("[r]\nwhen =\n  a\n", "[r@1]when@2=a;");
	CHECK_INI("[r]\nwhen = x in\n  [\"a\", \"b\"]\n", "[r@1]when@2=x in [\"a\", \"b\"];");
	CHECK_INI("[r]\n  a = 1\n    + 2\n  b = 3\n", "[r@1]a@2=1 + 2;b@4=3;");
}

TEST(ini_indented_comparison_is_no_key)
{
	CHECK_INI("[r]\nwhen = a &&\n  member.accounts == 0\n  x==1\n", "[r@1]when@2=a && member.accounts == 0 x==1;");
	CHECK_INI("[r]\nwhen = a &&\n  b <= 0\n  c >= 1\n  d != 2\n", "[r@1]when@2=a && b <= 0 c >= 1 d != 2;");
	CHECK_INI("[r]\nwhen = a\n  b =1\n  c=\n", "[r@1]when@2=a;b@3=1;c@4=;");
	CHECK_INI("[r]\nwhen = a\n  \"b\" = 1\n", "[r@1]when@2=a \"b\" = 1;");
}

TEST(ini_comments_may_stand_between_continued_lines)
{
	CHECK_INI("[r]\nwhen = a && # first\n  # second\n# third\n  b # fourth\n", "[r@1]when@2=a && b;");
}

TEST(ini_indented_line_that_continues_nothing_is_a_problem)
{
	CHECK_PROBLEMS("  x\n", "f.conf:1: an indented line continues the one before, but there is none\n");
	CHECK_PROBLEMS("[r]\n  x\n  y\n", "f.conf:2: an indented line continues the one before, but there is none\n");
	CHECK_PROBLEMS("[r]\na = 1\n\n  x\n", "f.conf:4: an indented line continues the one before, but there is none\n");
	CHECK_PROBLEMS("[r]\na = 1\n\n  [s]\n  b = 1\n", "f.conf:4: a section begins at the start of its line\n");
}

TEST(ini_doubled_section_or_key_names_the_first_line)
{
	CHECK_PROBLEMS("[r]\na = 1\nb = 2\na = 3\n", "f.conf:4: doubled key `a`, first at line 2\n");
	CHECK_PROBLEMS("[r \"x\"]\n[r \"y\"]\n[r  \"x\"]\n", "f.conf:3: doubled section [r \"x\"], first at line 1\n");
	CHECK_PROBLEMS("[r]\n[r \"r\"]\n[r]\n[r]\n",
	               "f.conf:3: doubled section [r], first at line 1\nf.conf:4: doubled section [r], first at line 1\n");
	CHECK_PROBLEMS("[r]\na = 1\n[s]\na = 1\n", "");
	CHECK_PROBLEMS("[r]\na = 1\nA = 1\n", "");
}

TEST(ini_lines_that_are_none_of_the_grammar_are_problems)
{
	static const char *const sections[] = { "[", "[]", "[r", "[r]x", "[r] x", "[ r]", "[r ]", "[r x]", "[r \"x]", "[r \"\"]",
		                                "[r \"a\"b\"]", "[r\"x\"]", "[\"x\"]", "[r \"x\" ]", "[r \"x\" \"y\"]",
		                                "[r]#x" };
	static const char *const lines[] = { "x", "x y = 1", "= 1", "x == 1", "\"x\" = 1", "x: 1", "; x" };

	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		parse(sections[i]);
		CHECK_MSG(strcmp(problem_text, "f.conf:1: expected `[section]` or `[section \"name\"]`\n") == 0, "%s: %s",
		          sections[i], problem_text);
	}
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		parse(lines[i]);
		CHECK_MSG(strcmp(problem_text, "f.conf:1: expected `KEY = value` or `[section]`\n") == 0, "%s: %s", lines[i],
		          problem_text);
	}
	CHECK_PROBLEMS("a = 1\n[r]\n", "f.conf:1: `a` stands before the first section\n");
}

TEST(ini_bytes_that_are_no_text_are_problems)
{
	CHECK_PROBLEMS("[r]\na = x\xff\nb = 1\n", "f.conf:2: byte 6 of the line is not UTF-8\n");
	CHECK_PROBLEMS("[r]\n# \xc3\n", "f.conf:2: byte 3 of the line is not UTF-8\n");
	CHECK_PROBLEMS("[r]\na = \x01\n", "f.conf:2: byte 5 of the line is a control character\n");
	CHECK_PROBLEMS("[r]\na = x\rb\n", "f.conf:2: byte 6 of the line is a control character\n");
	CHECK_PROBLEMS("\xef\xbb\xbf[r]\n", "f.conf:1: the file begins with a byte order mark\n");
	parse_str(YT_S("[r]\na = x\0y\n"));
	CHECK_STR(problem_text, "f.conf:2: byte 6 of the line is a control character\n");
	CHECK_INI("[r]\na = \xe9\xb1\xbc # \xe5\xa1\x98\n", "[r@1]a@2=\xe9\xb1\xbc;");
}

TEST(ini_finds_all_problems_in_one_run_and_returns_what_it_could_read)
{
	const struct yt_ini_section *s = parse("[r]\n"
	                                       "a = 1\n"
	                                       "what is this\n"
	                                       "  and its continuation\n"
	                                       "a = 2\n"
	                                       "[broken\n"
	                                       "b = 1\n"
	                                       "  more\n"
	                                       "[s]\n"
	                                       "c = 1\n"
	                                       "[r]\n"
	                                       "d = 1\n");

	CHECK_STR(problem_text, "f.conf:3: expected `KEY = value` or `[section]`\n"
	                        "f.conf:5: doubled key `a`, first at line 2\n"
	                        "f.conf:6: expected `[section]` or `[section \"name\"]`\n"
	                        "f.conf:11: doubled section [r], first at line 1\n");
	CHECK_INT(problems.errors, 4);
	CHECK_STR(shown(s), "[r@1]a@2=1;a@5=2;[s@9]c@10=1;[r@11]d@12=1;");
}

TEST(ini_large_files_take_no_quadratic_time)
{
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	for (int i = 0; i < 100000; i++)
		yt_buf_printf(&b, "[r \"%d\"]\n", i);
	for (int i = 0; i < 100000; i++)
		yt_buf_printf(&b, "k%d = 1\n", i);
	for (int i = 0; i < 100000; i++)
		yt_buf_z(&b, " more\n");
	yt_buf_z(&b, "x = ");
	for (int i = 0; i < 100000; i++)
		yt_buf_z(&b, " \"' '");
	begin();
	CHECK(yt_ini_parse(&arena, yt_buf_str(&b), &problems));
	CHECK_INT(problems.errors, 0);
	yt_buf_deinit(&b);
}

TEST(problems_say_file_line_and_text)
{
	begin();
	yt_problem(&problems, 7, "unknown key `%s`", "x");
	yt_warning(&problems, 8, "%d", 5);
	yt_problem(&problems, 0, "no\nfile");
	CHECK_INT(problems.errors, 2);
	CHECK_INT(problems.warnings, 1);
	CHECK(yt_str_eq(yt_buf_str(&problems.text),
	                YT_S("f.conf:7: unknown key `x`\nf.conf:8: warning: 5\nf.conf: no file\n")));
}

static const char *near(const char *word)
{
	static const char *const v[] = { "pay_percent", "percent_off", "amount_off", "valid_for", "valid_from", "on", "when" };

	return yt_nearest(yt_str_z(word), v, sizeof(v) / sizeof(*v));
}

TEST(nearest_word_is_within_a_third_of_the_length)
{
	char long_word[100];

	CHECK_STR(near("pay_precent"), "pay_percent");
	CHECK_STR(near("paypercent"), "pay_percent");
	CHECK_STR(near("valid_fro"), "valid_for");
	CHECK_STR(near("vlaid_from"), "valid_from");
	CHECK_STR(near("wehn"), "when");
	CHECK_STR(near("o"), "on");
	CHECK_STR(near("on"), "on");
	CHECK_STR(near("no"), "on");
	CHECK_STR(near("x"), NULL);
	CHECK_STR(near(""), NULL);
	CHECK_STR(near("colour"), NULL);
	/* Three of nine letters are near enough, three of eight are not. */
	CHECK_STR(near("valid_xyz"), "valid_for");
	CHECK_STR(near("xyzid_fo"), NULL);
	CHECK_STR(yt_nearest(YT_S("a"), NULL, 0), NULL);
	memset(long_word, 'a', sizeof(long_word));
	CHECK_STR(yt_nearest(yt_str(long_word, sizeof(long_word)), (const char *const[]){ "a" }, 1), NULL);
}

static int64_t duration(const char *text)
{
	int64_t ms = -2;

	return yt_parse_duration(yt_str_z(text), &ms) ? ms : -1;
}

TEST(duration_is_a_number_and_its_unit)
{
	static const char *const bad[] = { "", "5", "ms", "5 m", " 5m", "5m ", "-5m", "+5m", "1.5h", "5M", "5min", "1h30m", "5w",
		                           "0x5s", "5ms5", "99999999999999999999s", "9223372036854775808ms",
		                           "106751991168d" };

	CHECK_INT(duration("300ms"), 300);
	CHECK_INT(duration("5s"), 5000);
	CHECK_INT(duration("10m"), 600000);
	CHECK_INT(duration("72h"), 259200000);
	CHECK_INT(duration("30d"), INT64_C(2592000000));
	CHECK_INT(duration("0s"), 0);
	CHECK_INT(duration("007d"), 604800000);
	CHECK_INT(duration("9223372036854775807ms"), INT64_MAX);
	CHECK_INT(duration("106751991167d"), INT64_C(9223372036828800000));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(duration(bad[i]) == -1, "%s is taken", bad[i]);
}

static bool takes_int(const char *text, int64_t min, int64_t max, int64_t want)
{
	int64_t v = 0;

	return yt_parse_int(yt_str_z(text), min, max, &v) && v == want;
}

TEST(int_is_digits_within_the_limits)
{
	int64_t v;

	CHECK(takes_int("0", 0, 10, 0));
	CHECK(takes_int("10", 0, 10, 10));
	CHECK(takes_int("-3", -5, 5, -3));
	CHECK(takes_int("9223372036854775807", 0, INT64_MAX, INT64_MAX));
	CHECK(takes_int("-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN));
	CHECK(!yt_parse_int(YT_S("11"), 0, 10, &v));
	CHECK(!yt_parse_int(YT_S("0"), 1, 10, &v));
	CHECK(!yt_parse_int(YT_S("-1"), 0, 10, &v));
	CHECK(!yt_parse_int(YT_S("-0"), 0, 10, &v));
	CHECK(!yt_parse_int(YT_S("-6"), -5, 5, &v));
	CHECK(!yt_parse_int(YT_S("9223372036854775808"), INT64_MIN, INT64_MAX, &v));
	CHECK(!yt_parse_int(YT_S("-9223372036854775809"), INT64_MIN, INT64_MAX, &v));
	CHECK(!yt_parse_int(YT_S(""), 0, 10, &v));
	CHECK(!yt_parse_int(YT_S("-"), -5, 5, &v));
	CHECK(!yt_parse_int(YT_S("--1"), -5, 5, &v));
	CHECK(!yt_parse_int(YT_S("1 "), 0, 10, &v));
	CHECK(!yt_parse_int(YT_S("+1"), 0, 10, &v));
	CHECK(!yt_parse_int(YT_S("1e1"), 0, 10, &v));
}

TEST_MAIN
{
	yt_arena_init(&arena, 0);
	RUN(ini_reads_sections_and_keys);
	RUN(ini_without_a_name_is_not_an_empty_name);
	RUN(ini_comment_begins_a_line_or_follows_white_space);
	RUN(ini_no_comment_begins_in_quotes);
	RUN(ini_apostrophe_and_lone_quote_are_no_quotes);
	RUN(ini_indented_line_continues_the_one_before);
	RUN(ini_indented_comparison_is_no_key);
	RUN(ini_comments_may_stand_between_continued_lines);
	RUN(ini_indented_line_that_continues_nothing_is_a_problem);
	RUN(ini_doubled_section_or_key_names_the_first_line);
	RUN(ini_lines_that_are_none_of_the_grammar_are_problems);
	RUN(ini_bytes_that_are_no_text_are_problems);
	RUN(ini_finds_all_problems_in_one_run_and_returns_what_it_could_read);
	RUN(ini_large_files_take_no_quadratic_time);
	RUN(problems_say_file_line_and_text);
	RUN(nearest_word_is_within_a_third_of_the_length);
	RUN(duration_is_a_number_and_its_unit);
	RUN(int_is_digits_within_the_limits);
	yt_problems_deinit(&problems);
	yt_arena_deinit(&arena);
}
