/* A folder of small files that outlive the process, for what was promised and could not be delivered yet: each put is on the disk when it returns, and
 * they are taken in the order of their puts. One thread; one process a folder. */
#ifndef YT_IO_SPOOL_H
#define YT_IO_SPOOL_H

#include "yutang/base/arena.h"
#include "yutang/base/err.h"

enum {
	YT_SPOOL_BYTES_MAX = 256 << 20, /* of all files: a day of a shop that is busy */
	YT_SPOOL_FILES_MAX = 100000,    /* a folder with more is slow to read */
};

struct yt_spool;

struct yt_spool_stats {
	uint64_t put;      /* since the start */
	size_t files, bytes; /* there now */
};

/* Makes the folder where it is missing, and takes up what an earlier process left. bytes_max, files_max 0: the constants above. NULL and err: FATAL where the
 * folder cannot be used, with YT_EXIT_INSTANCE where another process has it. */
struct yt_spool *yt_spool_open(const char *dir, size_t bytes_max, size_t files_max, struct yt_err *err);
/* Leaves the files. */
void yt_spool_close(struct yt_spool *s);
/* 0: it survives whatever happens to the machine's power. -1 and err (TRANSIENT) where there is no room, or the disk failed: then nothing was put. */
int yt_spool_put(struct yt_spool *s, struct yt_str bytes, struct yt_err *err);
/* The oldest that was not taken yet, in the arena; false where there is none. One that is damaged is set aside as NAME.bad and logged; one that
 * cannot be read now (too many open files, a fault of the disk) stays the oldest. */
bool yt_spool_take(struct yt_spool *s, struct yt_arena *a, uint64_t *id, struct yt_str *bytes);
/* What was taken was delivered: it goes. Or it was not: it is taken again, before what came after it. */
void yt_spool_done(struct yt_spool *s, uint64_t id);
void yt_spool_back(struct yt_spool *s, uint64_t id);
void yt_spool_stats(const struct yt_spool *s, struct yt_spool_stats *out);

#endif
