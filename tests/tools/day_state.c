/* Prints the whole state after events were decided, a line an entity, sorted: `KEY HEX`. See usage().
 * What the bytes say of versions and dues of a batch (the head) is left out: two logs cut their batches differently. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/fold.h"
#include "app/replay.h"
#include "yutang/base/hash.h"

static char **lines;
static size_t n_lines, cap_lines;
static struct yt_arena arena;

static void usage(void)
{
	fputs("usage: day_state memory RULES CODE_KEY EVENTS.jsonl   decided over the log in memory, clock = event\n"
	      "       day_state kafka CONFIG                        the fold of the changelog\n", stderr);
	exit(YT_EXIT_USAGE);
}

static void die(const struct yt_err *err)
{
	exit(yt_app_fail(err));
}

static void add_line(struct yt_str key, struct yt_str value)
{
	char *line = malloc(key.n + 2 + 2 * (size_t)value.n + 1);

	if (n_lines == cap_lines) {
		cap_lines = cap_lines ? 2 * cap_lines : 256;
		lines = realloc(lines, cap_lines * sizeof *lines);
	}
	memcpy(line, key.p, key.n);
	line[key.n] = ' ';
	yt_hex((const unsigned char *)value.p, value.n, line + key.n + 1);
	lines[n_lines++] = line;
}

static void each(void *ctx, int shard, struct yt_str key, struct yt_str value, uint64_t version)
{
	(void)ctx;
	(void)shard;
	(void)version;
	add_line(key, value);
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	(void)ctx;
	die(err);
}

static void from_memory(char **argv)
{
	struct yt_engine_up up = { .on_fatal = on_fatal };
	struct yt_replay replay, *replays[] = { &replay };
	unsigned char key[YT_CODE_KEY_BYTES];
	uint64_t events = 0;
	struct yt_problems p;
	struct yt_err err;

	yt_problems_init(&p, argv[0]);
	struct yt_ruleset *rules = yt_app_rules(&arena, argv[0], &p);

	if (!rules)
		exit(yt_app_say(&p) ? YT_EXIT_CONFIG : YT_EXIT_BUG);
	if (yt_code_key_read(argv[1], key, &err) < 0)
		die(&err);
	yt_replay_init(&replay, rules, key, INT64_MIN, &up);
	if (!yt_replay_read(argv[2], &arena, replays, 1, NULL, NULL, &events, &err))
		die(&err);
	while (yt_replay_turn(&replay))
		;
	yt_engine_each(replay.engine, each, NULL);
	yt_replay_deinit(&replay);
	yt_problems_deinit(&p);
}

static void from_kafka(char **argv)
{
	static struct yt_conf conf;
	struct yt_kafka_conf kafka;
	struct yt_kafka_read *reader;
	struct yt_err err = { 0 };

	if (!yt_app_conf(&conf, argv[0]))
		exit(YT_EXIT_CONFIG);
	yt_conf_kafka(&conf, &kafka);
	reader = yt_kafka_read_new(&kafka, true, &err);
	if (!reader)
		die(&err);
	for (int p = 0; p < kafka.partitions; p++) {
		struct yt_fold f;
		struct yt_folded *e;
		size_t at = 0;

		yt_fold_init(&f, reader, p);
		if (yt_fold_read(&f, UINT64_MAX, &err) < 0)
			die(&err);
		while ((e = yt_map_next(&f.map, &at)))
			if (e->blob)
				add_line(yt_str(e->key, e->key_n), yt_str(e->blob, e->blob_n));
		yt_fold_deinit(&f);
	}
	yt_kafka_read_free(reader);
	yt_conf_deinit(&conf);
}

static int order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
	yt_types_init();
	yt_log_setup(YT_LOG_TEXT, YT_LOG_ERROR);
	yt_arena_init(&arena, 0);
	if (argc == 5 && strcmp(argv[1], "memory") == 0)
		from_memory(argv + 2);
	else if (argc == 3 && strcmp(argv[1], "kafka") == 0)
		from_kafka(argv + 2);
	else
		usage();
	qsort(lines, n_lines, sizeof *lines, order);
	for (size_t i = 0; i < n_lines; i++) {
		puts(lines[i]);
		free(lines[i]);
	}
	free(lines);
	yt_arena_deinit(&arena);
	return YT_EXIT_OK;
}
