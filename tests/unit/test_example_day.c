/* The example day: conf/example/day.jsonl through the memory log, placed as `feed` and `replay` place it, gives what conf/example/day.expected says,
 * column by column and both ways (I10). */
#include "unit/engine_world.h"

#include "yutang/app/cmd.h"

enum { PARTITIONS = 16, N_INPUTS = 4, COLUMNS = 6, LINES_MAX = 4096 };

static const char *const inputs[] = { "orders", "groups", "referrals", "commands" };
static const struct yt_str topics[] = { YT_STR("orders"), YT_STR("groups"), YT_STR("referrals"), YT_STR("commands"), YT_STR("internal") };

struct day {
	struct yt_arena arena;
	struct yt_memlog *log;
	const struct yt_ruleset *rules;
	unsigned char key[YT_CODE_KEY_BYTES];
	char *got[LINES_MAX], *want[LINES_MAX];
	size_t n_got, n_want, events;
	int counts[64];
	char *count_names[64];
	size_t n_counts;
	int fatals;
};

static const char *example(struct day *d, const char *file)
{
	const char *root = getenv("YUTANG_ROOT");

	return yt_arena_printf(&d->arena, "%s/conf/example/%s", root ? root : ".", file).p;
}

static void add(char **lines, size_t *n, const char *line)
{
	CHECK(*n < LINES_MAX);
	lines[(*n)++] = strdup(line);
}

static bool put_line(void *ctx, struct yt_str line, long number)
{
	struct day *d = ctx;
	struct yt_line l;
	int input = 0;

	(void)number;
	yt_line_place(&d->arena, line, inputs, N_INPUTS, &l);
	for (int i = 0; i < N_INPUTS; i++)
		if (strcmp(l.topic, inputs[i]) == 0)
			input = i;
	yt_memlog_put(d->log, input, l.key.n ? yt_partition(l.key, PARTITIONS) : 0, -1, l.key, line);
	d->events++;
	return true;
}

static const char *text(struct day *d, const cJSON *item)
{
	if (!item)
		return NULL;
	return yt_arena_dup(&d->arena, yt_json_is_text(item) ? yt_json_text(item) : yt_json_number(item)).p;
}

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

/* Columns 4 and 5, as the head of day.expected has them. */
static const char *what_field(const char *type)
{
	if (strncmp(type, "followup.", 9) == 0)
		return "kind";
	if (strncmp(type, "referral.", 9) == 0)
		return "referrer";
	return strcmp(type, "tier.changed") == 0 ? "to" : "template";
}

static const char *number_field(const char *type)
{
	if (strcmp(type, "coupon.issued") == 0)
		return "valid_until";
	return strcmp(type, "coupon.revoked") == 0 ? "debt" : "due_at";
}

/* A remark that begins with one, and a colon. */
static const char *reason_of(struct day *d, const char *remark)
{
	size_t n = remark ? strcspn(remark, ": ") : 0;

	if (!n || remark[n] != ':')
		return "-";
	return yt_arena_dup(&d->arena, yt_str(remark, n)).p;
}

static void on_output(void *ctx, int shard, const struct yt_output *out)
{
	struct day *d = ctx;
	const cJSON *root, *data;
	const char *type, *what, *when;

	(void)shard;
	CHECK(yt_json_parse(&d->arena, out->value, 0, 0, &root, NULL) == YT_JSON_OK);
	data = yt_json_get(root, "data");
	type = text(d, yt_json_get(root, "type"));
	what = text(d, yt_json_get(data, what_field(type)));
	when = text(d, yt_json_get(data, number_field(type)));
	CHECK_STR(text(d, yt_json_get(root, "id")), out->id);
	const char *reason = text(d, yt_json_get(data, "reason"));

	add(d->got, &d->n_got,
	    yt_arena_printf(&d->arena, "%s %s %s %s %s %s %s", type, text(d, yt_json_get(root, "subject")), or_dash(text(d, yt_json_get(data, "rule"))),
	                    or_dash(what), or_dash(when), out->id, or_dash(reason)).p);
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	struct day *d = ctx;

	if (d->fatals++ == 0)
		printf("# fatal: %s\n", err->msg);
}

static bool expected_line(void *ctx, struct yt_str line, long number)
{
	struct day *d = ctx;
	char *z = strndup(line.p, line.n), *save = NULL, *columns[COLUMNS], *remark;
	int n = 0;

	if (strncmp(z, "#dead ", 6) == 0) {
		add(d->want, &d->n_want, z + 1);
	} else if (strncmp(z, "#count ", 7) == 0) {
		char name[64];

		CHECK_MSG(sscanf(z, "#count %63s %d", name, &d->counts[d->n_counts]) == 2, "line %ld: %s", number, z);
		d->count_names[d->n_counts++] = strdup(name);
	} else if (z[0] != '#') {
		remark = strstr(z, "  # ");
		if (remark) {
			*remark = 0;
			remark += 4;
		}
		for (char *t = strtok_r(z, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
			CHECK_MSG(n < COLUMNS, "line %ld has more than %d columns", number, COLUMNS);
			columns[n++] = t;
		}
		CHECK_MSG(n == COLUMNS, "line %ld has %d columns", number, n);
		add(d->want, &d->n_want,
		    yt_arena_printf(&d->arena, "%s %s %s %s %s %s %s", columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], reason_of(d, remark)).p);
	}
	free(z);
	return true;
}

/* As `#dead REASON TOPIC ID`. */
static void take_dead_letters(struct day *d)
{
	const struct yt_mem_message *m;
	size_t n = yt_memlog_committed(d->log, &m);

	for (size_t k = 0; k < n; k++) {
		const cJSON *root = NULL;

		if (m[k].dest != YT_TO_DEAD)
			continue;
		if (yt_json_parse(&d->arena, m[k].value, 0, 0, &root, NULL) != YT_JSON_OK)
			root = NULL;
		add(d->got, &d->n_got,
		    yt_arena_printf(&d->arena, "dead %s %s %s", ew_header(&m[k], "dl_reason"), ew_header(&m[k], "dl_topic"),
		                    or_dash(root ? text(d, yt_json_get(root, "id")) : NULL)).p);
	}
}

static int differences(struct day *d)
{
	size_t g = 0, w = 0;
	int n = 0;

	qsort(d->got, d->n_got, sizeof *d->got, ew_by_text);
	qsort(d->want, d->n_want, sizeof *d->want, ew_by_text);
	while (g < d->n_got || w < d->n_want) {
		int c = g == d->n_got ? 1 : w == d->n_want ? -1 : strcmp(d->got[g], d->want[w]);

		if (c < 0)
			printf("# left, but is not expected: %s\n", d->got[g]);
		if (c > 0)
			printf("# expected, but did not leave: %s\n", d->want[w]);
		n += c != 0;
		g += c <= 0;
		w += c >= 0;
	}
	return n;
}

static void load(struct day *d)
{
	struct yt_problems problems;
	struct yt_err err = { 0 };

	memset(d, 0, sizeof *d);
	yt_types_init();
	yt_log_setup(YT_LOG_TEXT, YT_LOG_ERROR);
	yt_arena_init(&d->arena, 0);
	yt_problems_init(&problems, "rules.conf");
	d->rules = yt_app_rules(&d->arena, example(d, "rules.conf"), &problems);
	CHECK_MSG(d->rules, "%.*s", YT_FMT(yt_buf_str(&problems.text)));
	CHECK_INT(problems.warnings, 0);
	yt_problems_deinit(&problems);
	CHECK_MSG(yt_code_key_read(example(d, "code.key"), d->key, &err) >= 0, "%s", err.msg);
	d->log = yt_memlog_new(PARTITIONS, topics, N_INPUTS + 1);
	CHECK_MSG(yt_lines_each(example(d, "day.jsonl"), put_line, d, &err), "%s", err.msg);
}

static void unload(struct day *d)
{
	for (size_t k = 0; k < d->n_got; k++)
		free(d->got[k]);
	for (size_t k = 0; k < d->n_want; k++)
		free(d->want[k]);
	for (size_t k = 0; k < d->n_counts; k++)
		free(d->count_names[k]);
	yt_memlog_free(d->log);
	yt_arena_deinit(&d->arena);
}

static int (*whole_poll)(void *ctx, int max_records);
static int few;

static int poll_few(void *ctx, int max_records)
{
	return whole_poll(ctx, max_records < few ? max_records : few);
}

/* At most so many records a turn. */
static void run(struct day *d, int records)
{
	struct yt_log *port = yt_memlog_port(d->log);
	struct yt_engine_conf conf = { .partitions = PARTITIONS, .n_inputs = N_INPUTS + 1, .transactional_id = YT_S("day"), .clock = YT_CLOCK_EVENT,
		                       .code_key = d->key };
	struct yt_engine_up up = { .ctx = d, .on_output = on_output, .on_fatal = on_fatal };
	int64_t wait, mono = 0;
	struct yt_engine *e;

	memcpy(conf.topics, topics, sizeof topics);
	whole_poll = port->poll;
	port->poll = poll_few;
	few = records;
	e = yt_engine_new(&conf, d->rules, port, NULL, &up);
	yt_memlog_bind(d->log, &yt_engine_log_up, e);
	while (!yt_engine_idle(e) && mono < 10000)
		yt_engine_turn(e, 0, mono++, &wait);
	CHECK_MSG(yt_engine_idle(e), "the engine does not come to an end");
	CHECK_INT(d->fatals, 0);
	take_dead_letters(d);
	yt_engine_free(e);
}

static void day_is_as_expected(int records)
{
	struct day d;
	struct yt_err err;

	load(&d);
	run(&d, records);
	CHECK_MSG(yt_lines_each(example(&d, "day.expected"), expected_line, &d, &err), "%s", err.msg);
	CHECK_INT(differences(&d), 0);
	unload(&d);
}

TEST(the_example_day_gives_what_is_expected_of_it)
{
	day_is_as_expected(100000);
}

TEST(the_example_day_fetched_record_by_record_gives_the_same)
{
	day_is_as_expected(1);
}

TEST(the_counts_of_the_example_day_are_those_of_its_lines)
{
	struct day d;
	struct yt_err err;
	int outputs = 0;

	load(&d);
	CHECK_MSG(yt_lines_each(example(&d, "day.expected"), expected_line, &d, &err), "%s", err.msg);
	CHECK(d.n_counts > 0);
	for (size_t k = 0; k < d.n_counts; k++) {
		const char *name = strcmp(d.count_names[k], "dead-letters") == 0 ? "dead" : d.count_names[k];
		int n = 0;

		for (size_t i = 0; i < d.n_want; i++)
			n += strncmp(d.want[i], name, strlen(name)) == 0 && d.want[i][strlen(name)] == ' ';
		CHECK_MSG(n == d.counts[k], "%s: %d lines, counted as %d", name, n, d.counts[k]);
		outputs += n;
	}
	CHECK_INT(outputs, d.n_want);
	CHECK_MSG(d.events >= 200, "%zu events", d.events);
	unload(&d);
}

TEST_MAIN
{
	RUN(the_example_day_gives_what_is_expected_of_it);
	RUN(the_example_day_fetched_record_by_record_gives_the_same);
	RUN(the_counts_of_the_example_day_are_those_of_its_lines);
}
