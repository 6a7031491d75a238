/* Memory that is freed all at once: chunks from the heap, bump allocation, one reset.
 * Not for several threads. Running out of heap ends the process: a daemon that cannot allocate cannot decide. */
#ifndef YT_BASE_ARENA_H
#define YT_BASE_ARENA_H

#include "yutang/base/str.h"

struct yt_arena_chunk;

struct yt_arena {
	struct yt_arena_chunk *chunks; /* newest first */
	char *at, *end;                /* free space of the newest chunk */
	size_t used;                   /* bytes handed out since the last reset */
	size_t chunk_size;
	struct yt_arena_chunk *spare; /* chunks of chunk_size for the next round */
	unsigned n_spare, spare_max;  /* spare_max: 15 after init; who fills more each round raises it */
};

/* chunk_size: bytes a chunk, 0 for the default of 64 KiB. Allocates nothing yet. */
void yt_arena_init(struct yt_arena *a, size_t chunk_size);
void yt_arena_deinit(struct yt_arena *a);
/* Frees everything handed out; keeps up to spare_max + 1 chunks for the next round, which then need not be faulted in again. */
void yt_arena_reset(struct yt_arena *a);

/* 16-byte aligned, never NULL. */
void *yt_arena_alloc(struct yt_arena *a, size_t n);
void *yt_arena_zalloc(struct yt_arena *a, size_t n);
/* A copy of the bytes, with a NUL behind them that is not counted. */
struct yt_str yt_arena_dup(struct yt_arena *a, struct yt_str s);
/* The same of what may be absent: NULL stays NULL. */
static inline struct yt_str yt_arena_keep(struct yt_arena *a, struct yt_str s)
{
	return s.p ? yt_arena_dup(a, s) : s;
}
struct yt_str yt_arena_printf(struct yt_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
