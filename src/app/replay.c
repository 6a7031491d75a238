/* `yutang replay`: the engine over the memory log with the clock of the events. Outputs as JSON lines on stdout, a summary on stderr. */
#include <stdio.h>
#include <stdlib.h>

#include "yutang/app/cmd.h"
#include "yutang/base/hash.h"
#include "yutang/engine/memlog.h"

/* As `feed` places them: the default inputs and P. */
enum { PARTITIONS = 16 };
static const char *const inputs[] = { "orders", "groups", "referrals", "commands" };
enum { N_INPUTS = sizeof inputs / sizeof *inputs };
static const struct yt_str topics[] = { YT_STR("orders"), YT_STR("groups"), YT_STR("referrals"), YT_STR("commands"), YT_STR("internal") };

struct replay {
	struct yt_memlog *log;
	struct yt_arena scratch;
	uint64_t lines, outputs, dead;
};

static bool put_line(void *ctx, struct yt_str line, long number)
{
	struct replay *r = ctx;
	struct yt_line l;
	int input = 0;

	(void)number;
	yt_line_place(&r->scratch, line, inputs, N_INPUTS, &l);
	for (int i = 0; i < N_INPUTS; i++)
		if (strcmp(l.topic, inputs[i]) == 0)
			input = i;
	yt_memlog_put(r->log, input, l.key.n ? yt_partition(l.key, PARTITIONS) : 0, -1, l.key, line);
	yt_arena_reset(&r->scratch);
	r->lines++;
	return true;
}

static void on_output(void *ctx, int shard, const struct yt_output *out)
{
	struct replay *r = ctx;

	(void)shard;
	r->outputs++;
	fwrite(out->value.p, 1, out->value.n, stdout);
	putchar('\n');
}

static void on_dead(void *ctx, enum yt_dead reason, const char *detail, const struct yt_record *rec)
{
	struct replay *r = ctx;

	(void)detail;
	(void)rec;
	(void)reason;
	r->dead++; /* each was named by the log */
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	(void)ctx;
	exit(yt_app_fail(err));
}

static void run(struct replay *r, const struct yt_ruleset *rules, const unsigned char *key, int64_t until)
{
	struct yt_engine_conf conf = { .partitions = PARTITIONS, .n_inputs = N_INPUTS + 1, .transactional_id = YT_S("replay"),
		                       .clock = YT_CLOCK_EVENT, .code_key = key };
	struct yt_engine_up up = { .ctx = r, .on_output = on_output, .on_dead = on_dead, .on_fatal = on_fatal };
	int64_t wait, mono = 0;

	memcpy(conf.topics, topics, sizeof topics);
	struct yt_engine *e = yt_engine_new(&conf, rules, yt_memlog_port(r->log), NULL, &up);

	yt_memlog_bind(r->log, &yt_engine_log_up, e);
	yt_engine_run_until(e, until);
	do
		yt_engine_turn(e, 0, mono++, &wait);
	while (!yt_engine_idle(e));
	fprintf(stderr, "replayed events=%llu outputs=%llu dead_letters=%llu timers=%llu\n", (unsigned long long)r->lines,
	        (unsigned long long)r->outputs, (unsigned long long)r->dead, (unsigned long long)yt_engine_stats(e)->timers);
	yt_engine_free(e);
}

int yt_cmd_replay(int argc, char **argv)
{
	const char *rules_file = NULL, *until_text = NULL, *key_file = NULL, *compare = NULL;
	const struct yt_option options[] = { { "--rules", &rules_file, NULL }, { "--until", &until_text, NULL },
		                             { "--code-key", &key_file, NULL }, { "--compare", &compare, NULL }, { 0 } };
	unsigned char key[YT_CODE_KEY_BYTES];
	int64_t until = INT64_MIN;
	struct yt_problems p;
	struct yt_arena arena;
	struct yt_err err = { 0 };
	struct replay r = { 0 };
	int n;

	if (!yt_options(argc, argv, options, NULL, &n))
		return YT_EXIT_USAGE;
	if (compare) {
		fprintf(stderr, "yutang: `--compare` is not in this version yet\n");
		return YT_EXIT_USAGE;
	}
	if (!rules_file || n == 0) {
		fprintf(stderr, "usage: yutang replay --rules FILE [--until INSTANT] [--code-key FILE] EVENTS.jsonl...\n");
		return YT_EXIT_USAGE;
	}
	if (until_text && !yt_time_parse(yt_str_z(until_text), &until)) {
		fprintf(stderr, "yutang: --until wants an RFC 3339 instant, such as 2026-09-30T00:00:00Z\n");
		return YT_EXIT_USAGE;
	}
	if (key_file && yt_code_key_read(key_file, key, &err) < 0)
		return yt_app_fail(&err);

	yt_arena_init(&arena, 0);
	yt_problems_init(&p, rules_file);
	struct yt_ruleset *rules = yt_app_rules(&arena, rules_file, &p);

	yt_app_say(&p);
	yt_problems_deinit(&p);
	if (!rules) {
		yt_arena_deinit(&arena);
		return YT_EXIT_CONFIG;
	}

	yt_arena_init(&r.scratch, 0);
	r.log = yt_memlog_new(PARTITIONS, topics, N_INPUTS + 1);
	yt_log_setup(YT_LOG_TEXT, YT_LOG_WARN);
	int exit_code = YT_EXIT_OK;

	for (int i = 0; i < n && exit_code == YT_EXIT_OK; i++)
		if (!yt_lines_each(argv[i], put_line, &r, &err))
			exit_code = yt_app_fail(&err);
	if (exit_code == YT_EXIT_OK)
		run(&r, rules, key_file ? key : NULL, until);
	if (fflush(stdout) != 0)
		exit_code = YT_EXIT_UNAVAILABLE;
	yt_memlog_free(r.log);
	yt_arena_deinit(&r.scratch);
	yt_arena_deinit(&arena);
	return exit_code;
}
