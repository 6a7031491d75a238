/* `yutang replay`: the engine over the memory log with the clock of the events. Outputs as JSON lines on stdout, a summary on stderr. */
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/hash.h"

/* As `feed` places them: the default inputs and P. */
enum { PARTITIONS = 16 };
static const char *const inputs[] = { "orders", "groups", "referrals", "commands" };
enum { N_INPUTS = sizeof inputs / sizeof *inputs };
static const struct yt_str topics[] = { YT_STR("orders"), YT_STR("groups"), YT_STR("referrals"), YT_STR("commands"), YT_STR("internal") };

/* --- a rule set over events */

void yt_replay_init(struct yt_replay *r, const struct yt_ruleset *rules, const unsigned char *code_key, int64_t until_ms,
                    const struct yt_engine_up *up)
{
	*r = (struct yt_replay){ .conf = { .partitions = PARTITIONS, .n_inputs = N_INPUTS + 1, .transactional_id = YT_S("replay"),
		                           .clock = YT_CLOCK_EVENT, .code_key = code_key } };
	memcpy(r->conf.topics, topics, sizeof topics);
	r->log = yt_memlog_new(PARTITIONS, topics, N_INPUTS + 1);
	yt_memlog_lean(r->log);
	r->engine = yt_engine_new(&r->conf, rules, yt_memlog_port(r->log), NULL, up);
	yt_memlog_bind(r->log, &yt_engine_log_up, r->engine);
	yt_engine_run_until(r->engine, until_ms);
}

void yt_replay_deinit(struct yt_replay *r)
{
	yt_engine_free(r->engine);
	yt_memlog_free(r->log);
}

bool yt_replay_turn(struct yt_replay *r)
{
	int64_t wait;

	yt_engine_turn(r->engine, 0, r->mono_ms++, &wait);
	return !yt_engine_idle(r->engine);
}

struct reading {
	struct yt_arena *keep, scratch;
	struct yt_replay *const *r;
	size_t n;
	void (*seen)(void *ctx, const struct yt_event *ev);
	void *ctx;
	uint64_t *lines;
};

static bool put_line(void *ctx, struct yt_str line, long number)
{
	struct reading *f = ctx;
	struct yt_line l;
	int input = 0;

	(void)number;
	line = yt_arena_dup(f->keep, line);
	yt_line_place(&f->scratch, line, inputs, N_INPUTS, &l);
	while (strcmp(l.topic, inputs[input]) != 0)
		input++;
	if (l.key.n)
		l.key = yt_arena_dup(f->keep, l.key);
	for (size_t i = 0; i < f->n; i++)
		yt_memlog_put(f->r[i]->log, input, l.key.n ? yt_partition(l.key, PARTITIONS) : 0, -1, l.key, line);
	if (f->seen && l.event)
		f->seen(f->ctx, l.event);
	yt_arena_reset(&f->scratch);
	++*f->lines;
	return true;
}

bool yt_replay_read(const char *file, struct yt_arena *keep, struct yt_replay *const *r, size_t n,
                    void (*seen)(void *ctx, const struct yt_event *ev), void *ctx, uint64_t *lines, struct yt_err *err)
{
	struct reading f = { .keep = keep, .r = r, .n = n, .seen = seen, .ctx = ctx, .lines = lines };
	bool good;

	yt_arena_init(&f.scratch, 0);
	good = yt_lines_each(file, put_line, &f, err);
	yt_arena_deinit(&f.scratch);
	return good;
}

/* --- the command */

struct counts {
	uint64_t lines, outputs, dead;
};

static void on_output(void *ctx, int shard, const struct yt_output *out)
{
	struct counts *c = ctx;

	(void)shard;
	c->outputs++;
	fwrite(out->value.p, 1, out->value.n, stdout);
	putchar('\n');
}

static void on_dead(void *ctx, enum yt_dead reason, const char *detail, const struct yt_record *rec)
{
	struct counts *c = ctx;

	(void)detail;
	(void)rec;
	(void)reason;
	c->dead++; /* each was named by the log */
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	(void)ctx;
	exit(yt_app_fail(err));
}

static int replay(const struct yt_ruleset *rules, const unsigned char *code_key, int64_t until_ms, char **files, int n_files)
{
	struct counts c = { 0 };
	struct yt_engine_up up = { .ctx = &c, .on_output = on_output, .on_dead = on_dead, .on_fatal = on_fatal };
	struct yt_replay r, *runs[] = { &r };
	int exit_code = YT_EXIT_OK;
	struct yt_arena keep;
	struct yt_err err = { 0 };

	yt_log_setup(YT_LOG_TEXT, YT_LOG_WARN);
	yt_arena_init(&keep, 1 << 20);
	yt_replay_init(&r, rules, code_key, until_ms, &up);
	for (int i = 0; i < n_files && exit_code == YT_EXIT_OK; i++)
		if (!yt_replay_read(files[i], &keep, runs, 1, NULL, NULL, &c.lines, &err))
			exit_code = yt_app_fail(&err);
	if (exit_code == YT_EXIT_OK) {
		while (yt_replay_turn(&r))
			;
		fprintf(stderr, "replayed events=%" PRIu64 " outputs=%" PRIu64 " dead_letters=%" PRIu64 " timers=%" PRIu64 "\n", c.lines, c.outputs,
		        c.dead, yt_engine_stats(r.engine)->timers);
	}
	yt_replay_deinit(&r);
	yt_arena_deinit(&keep);
	return exit_code;
}

int yt_cmd_replay(int argc, char **argv)
{
	const char *rules_file = NULL, *until_text = NULL, *key_file = NULL, *compare = NULL;
	const struct yt_option options[] = { { "--rules", &rules_file, NULL }, { "--until", &until_text, NULL },
		                             { "--code-key", &key_file, NULL }, { "--compare", &compare, NULL }, { 0 } };
	struct yt_compare_words w = { .until_ms = INT64_MIN, .files = argv };
	unsigned char key[YT_CODE_KEY_BYTES];
	struct yt_arena arena;
	struct yt_err err = { 0 };
	int exit_code = YT_EXIT_CONFIG;

	if (!yt_options(argc, argv, options, NULL, &w.n_files))
		return YT_EXIT_USAGE;
	if (!rules_file || w.n_files == 0) {
		fprintf(stderr, "usage: yutang replay --rules FILE [--until INSTANT] [--code-key FILE] [--compare FILE] EVENTS.jsonl...\n");
		return YT_EXIT_USAGE;
	}
	if (until_text && !yt_time_parse(yt_str_z(until_text), &w.until_ms)) {
		fprintf(stderr, "yutang: --until wants an RFC 3339 instant, such as 2026-09-30T00:00:00Z\n");
		return YT_EXIT_USAGE;
	}
	if (key_file && yt_code_key_read(key_file, key, &err) < 0)
		return yt_app_fail(&err);

	w.code_key = key_file ? key : NULL;
	yt_arena_init(&arena, 0);
	w.rules[0] = yt_app_rules_said(&arena, rules_file);
	w.rules[1] = compare ? yt_app_rules_said(&arena, compare) : NULL;
	if (w.rules[0] && (w.rules[1] || !compare))
		exit_code = compare ? yt_compare(&w) : replay(w.rules[0], w.code_key, w.until_ms, w.files, w.n_files);
	if (fflush(stdout) != 0)
		exit_code = YT_EXIT_UNAVAILABLE;
	yt_arena_deinit(&arena);
	return exit_code;
}
