/* A rule set over recorded events, in memory and with the clock of the events: what `yutang replay` is, and what tests compare Kafka with. */
#ifndef YT_APP_REPLAY_H
#define YT_APP_REPLAY_H

#include "yutang/app/cmd.h"
#include "yutang/engine/memlog.h"

struct yt_replay {
	struct yt_memlog *log; /* lean */
	struct yt_engine_conf conf;
	struct yt_engine *engine;
	int64_t mono_ms;
};

/* Borrows rules and key (NULL: coupons without codes). until: timers run on to this instant; INT64_MIN: not. */
void yt_replay_init(struct yt_replay *r, const struct yt_ruleset *rules, const unsigned char *code_key, int64_t until_ms,
                    const struct yt_engine_up *up);
void yt_replay_deinit(struct yt_replay *r);
/* The lines of a file into n replays, on the topic and partition where `feed` would put each (default `in`, P = 16). The bytes are kept in the arena,
 * which outlives the replays. seen (may be NULL) is told each event that could be read. Counts the lines. False and err where the file can't be read. */
bool yt_replay_read(const char *file, struct yt_arena *keep, struct yt_replay *const *r, size_t n,
                    void (*seen)(void *ctx, const struct yt_event *ev), void *ctx, uint64_t *lines, struct yt_err *err);
/* Decides some more; false when all is decided. */
bool yt_replay_turn(struct yt_replay *r);

/* src/app/compare.c: the command with `--compare`. Returns the exit code. */
struct yt_compare_words {
	const struct yt_ruleset *rules[2]; /* A and B */
	const unsigned char *code_key;
	int64_t until_ms;
	char **files;
	int n_files;
};
int yt_compare(const struct yt_compare_words *w);

#endif
