#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "unit/test.h"
#include "yutang/base/arena.h"
#include "yutang/base/json.h"
#include "yutang/base/log.h"

static FILE *said_file;
static int real_stderr;
static char said_text[1 << 20];

static void listen_begin(enum yt_log_format format, enum yt_log_level level)
{
	static int turn;

	said_file = tmpfile();
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(said_file), STDERR_FILENO);
	yt_log_setup(format, level);
	/* So that no test's first line equals the last one of another. */
	yt_error("turn", "n=%d", ++turn);
	if (ftruncate(fileno(said_file), 0) == 0)
		lseek(STDERR_FILENO, 0, SEEK_SET);
}

/* What was written, each line without its time, which is looked at here. */
static const char *said(const char *time_prefix)
{
	static char text[1 << 20];
	size_t n, skip = strlen(time_prefix);
	char *out = text;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(said_file);
	n = fread(said_text, 1, sizeof(said_text) - 1, said_file);
	said_text[n] = '\0';
	fclose(said_file);
	for (char *line = said_text; *line;) {
		char *end = strchr(line, '\n'), *time = line + skip;
		int digits = 0;

		CHECK(end);
		CHECK(strncmp(line, time_prefix, skip) == 0);
		for (int i = 0; i < 24; i++)
			digits += time[i] >= '0' && time[i] <= '9';
		CHECK_INT(digits, 17);
		CHECK(time[4] == '-' && time[10] == 'T' && time[19] == '.' && time[23] == 'Z');
		memcpy(out, time + 24, (size_t)(end + 1 - time - 24));
		out += end + 1 - time - 24;
		line = end + 1;
	}
	*out = '\0';
	return text;
}

TEST(log_text_begins_with_time_level_and_event)
{
	listen_begin(YT_LOG_TEXT, YT_LOG_DEBUG);
	yt_debug("looked", "at=%d", 1);
	yt_info("shard_open", "position=orders/%d@%d", 3, 1042);
	yt_warn("slow", "%s", "");
	yt_error("gone", "why=%s", yt_q("no \"route\""));
	CHECK_STR(said(""), " debug looked at=1\n"
	                    " info shard_open position=orders/3@1042\n"
	                    " warn slow\n"
	                    " error gone why=\"no \\\"route\\\"\"\n");
}

TEST(log_below_its_level_says_nothing)
{
	listen_begin(YT_LOG_TEXT, YT_LOG_WARN);
	yt_debug("a", "x=1");
	yt_info("b", "x=1");
	yt_warn("c", "x=1");
	CHECK_STR(said(""), " warn c x=1\n");
}

TEST(log_logfmt_names_time_level_and_event)
{
	listen_begin(YT_LOG_LOGFMT, YT_LOG_INFO);
	yt_info("shard_open", "shard=%d", 3);
	CHECK_STR(said("ts="), " level=info event=shard_open shard=3\n");
}

TEST(log_json_has_a_member_for_each_field)
{
	listen_begin(YT_LOG_JSON, YT_LOG_INFO);
	yt_info("shard_open", "shard=%d why=%s text_id=%s empty= word other", 3, yt_q("a \"b\"\n\\c\x01"), "820982911946154508");
	yt_warn("bare", "%s", "");
	CHECK_STR(said("{\"ts\":\""),
	          "\",\"level\":\"info\",\"event\":\"shard_open\",\"shard\":\"3\",\"why\":\"a \\\"b\\\"\\u000a\\\\c\\u0001\","
	          "\"text_id\":\"820982911946154508\",\"empty\":\"\",\"text\":\"word other\"}\n"
	          "\",\"level\":\"warn\",\"event\":\"bare\"}\n");
}

TEST(log_counts_a_repeated_line_and_says_it_with_the_next)
{
	listen_begin(YT_LOG_TEXT, YT_LOG_INFO);
	for (int i = 0; i < 5; i++)
		yt_warn("redis_down", "addr=%s", "r1");
	yt_warn("redis_down", "addr=%s", "r2");
	yt_warn("redis_down", "addr=%s", "r1");
	yt_error("redis_down", "addr=%s", "r1");
	CHECK_STR(said(""), " warn redis_down addr=r1\n"
	                    " warn redis_down addr=r1 repeated=4\n"
	                    " warn redis_down addr=r2\n"
	                    " warn redis_down addr=r1\n"
	                    " error redis_down addr=r1\n");
}

TEST(log_flush_says_what_is_counted_once)
{
	listen_begin(YT_LOG_TEXT, YT_LOG_INFO);
	yt_info("a", "x=1");
	yt_info("a", "x=1");
	yt_log_flush();
	yt_log_flush();
	yt_info("a", "x=1");
	yt_info("a", "x=1");
	yt_info("b", "x=1");
	CHECK_STR(said(""), " info a x=1\n info a x=1 repeated=1\n info a x=1 repeated=2\n info b x=1\n");
}

TEST(log_line_can_not_be_broken_in_two)
{
	listen_begin(YT_LOG_TEXT, YT_LOG_INFO);
	yt_info("a", "x=%s", "1\n2024 error forged\r\x1b[0m\x7f");
	CHECK_STR(said(""), " info a x=1?2024 error forged??[0m?\n");
}

TEST(log_long_line_is_cut_between_characters)
{
	char text[2 * YT_LOG_BYTES_MAX];
	const char *line;

	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'a', shift);
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe9\xb1\xbc", 4);
		listen_begin(YT_LOG_TEXT, YT_LOG_INFO);
		yt_info("long", "x=%s", text);
		line = said("");
		CHECK(strlen(line) > YT_LOG_BYTES_MAX);
		CHECK(strlen(line) < YT_LOG_BYTES_MAX + 50);
		CHECK(yt_utf8_bad(yt_str_z(line)) == strlen(line));
		CHECK_STR(line + strlen(line) - 4, "...\n");
	}
}

/* Whatever the fields, the line is JSON. */
TEST(log_json_stays_json_at_its_longest)
{
	static const char *const parts[] = { "= ", "\xff", "a=\xff\xff ", "\"", "a ", "k=\"\\x01\\x01\" ", "k=\"\\", "\\" };
	struct yt_arena arena;

	yt_arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char text[2 * YT_LOG_BYTES_MAX] = "";
		const cJSON *root;
		char detail[128];
		enum yt_json_fault fault;

		for (size_t n = 0; n + 20 < sizeof(text); n += strlen(parts[i]))
			strcpy(text + n, parts[i]);
		listen_begin(YT_LOG_JSON, YT_LOG_INFO);
		yt_info("long", "%s", text);
		said("{\"ts\":\"");
		fault = yt_json_parse(&arena, yt_str_z(said_text), 0, 0, &root, detail);
		CHECK_MSG(!fault || strstr(detail, "doubled key"), "part %zu: %s", i, detail);
	}
	yt_arena_deinit(&arena);
}

TEST(log_quotes_four_texts_at_a_time)
{
	const char *a = yt_q("a"), *b = yt_q("b\tc"), *c = yt_q(NULL), *d = yt_q("\x01\x7f\\");

	CHECK_STR(a, "\"a\"");
	CHECK_STR(b, "\"b\\tc\"");
	CHECK_STR(c, "\"\"");
	CHECK_STR(d, "\"\\x01\\x7f\\\\\"");
}

TEST(log_quoted_text_is_cut_with_its_quote_kept)
{
	static const char *const parts[] = { "a", "\xe9\xb1\xbc", "\x01", "\"", "\x80", "a\xe9\xb1\xbc" };
	char text[4000];

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		const char *q;

		for (size_t n = 0; n + 5 < sizeof(text); n += strlen(parts[i]))
			strcpy(text + n, parts[i]);
		q = yt_q(text);
		CHECK(strlen(q) < YT_Q_BYTES_MAX);
		CHECK(q[0] == '"');
		CHECK_STR(q + strlen(q) - 4, "...\"");
		CHECK(i == 4 || yt_utf8_bad(yt_str_z(q)) == strlen(q));
	}
}

static void *log_many(void *name)
{
	for (int i = 0; i < 500; i++)
		yt_info("turn", "thread=%s i=%d", (char *)name, i);
	return NULL;
}

TEST(log_lines_of_several_threads_stay_whole)
{
	static char names[4][2] = { "a", "b", "c", "d" };
	pthread_t t[4];
	const char *text;
	int lines = 0;

	listen_begin(YT_LOG_TEXT, YT_LOG_INFO);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, log_many, names[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	text = said("");
	for (; *text; text = strchr(text, '\n') + 1, lines++)
		CHECK(strncmp(text, " info turn thread=", 18) == 0);
	CHECK_INT(lines, 2000);
}

TEST_MAIN
{
	RUN(log_text_begins_with_time_level_and_event);
	RUN(log_below_its_level_says_nothing);
	RUN(log_logfmt_names_time_level_and_event);
	RUN(log_json_has_a_member_for_each_field);
	RUN(log_counts_a_repeated_line_and_says_it_with_the_next);
	RUN(log_flush_says_what_is_counted_once);
	RUN(log_line_can_not_be_broken_in_two);
	RUN(log_long_line_is_cut_between_characters);
	RUN(log_json_stays_json_at_its_longest);
	RUN(log_quotes_four_texts_at_a_time);
	RUN(log_quoted_text_is_cut_with_its_quote_kept);
	RUN(log_lines_of_several_threads_stay_whole);
}
