/* The crash breaker: notes on which record the process dies, so that the third time it is a dead letter (DESIGN, I9).
 *
 * The file `<dir>/<group>-<instance>.crashes` has a line for each death, written by a signal handler or the watchdog's thread:
 *
 *   DEATHS LOG_ID TOPIC PARTITION OFFSET BY
 *
 * At each start the lines of one record become one, and what the shard has passed since is left out. One such file a process. */
#ifndef YT_APP_CRASH_H
#define YT_APP_CRASH_H

#include <limits.h>

#include "yutang/base/buf.h"
#include "yutang/base/err.h"
#include "yutang/engine/engine.h"

enum {
	/* YT_CRASHES_MAX lines of the longest names, and some deaths that no start has joined yet. */
	YT_CRASH_FILE_BYTES_MAX = 64 * 1024,
};

struct yt_crash_file {
	char path[PATH_MAX];
	const struct yt_engine_conf *conf;
	struct yt_crashes known;
};

/* Reads the file, writes it anew, and catches the five signals from now on. The calling thread is the engine's: a death of another one is nobody's
 * record. conf gives names and bounds, and outlives the process's last record; f too. -1: dir cannot be written. */
int yt_crash_open(struct yt_crash_file *f, const char *dir, const struct yt_engine_conf *conf, struct yt_err *err);
/* What is worked on from now on; NULL: nothing. */
void yt_crash_watch(const struct yt_at *at);
/* Any thread: the engine's thread stands still, and the process is about to end for it. */
void yt_crash_stalled(void);
/* After a turn of the engine: forgets what it has passed. */
void yt_crash_turn(struct yt_crash_file *f, const struct yt_engine *e);

/* The text of such a file. What cannot be read, or names no partition of ours, is left out; the count of those lines. Of more records than
 * YT_CRASHES_MAX the oldest are left out and logged. */
size_t yt_crash_parse(struct yt_crashes *out, const struct yt_engine_conf *conf, struct yt_str text);
void yt_crash_print(const struct yt_crashes *all, const struct yt_engine_conf *conf, struct yt_buf *out);

#endif
