/* Blocks for what lives long: no header, so that who frees one says its size. They lie in chunks of their own, not in the heap: there what comes
 * and goes would fill the holes between them, each message on a page of its own. A free block serves the next of its size; where all blocks of a
 * span, 16 KiB, are free, the next of any size: values grow, and what they have outgrown must not stay behind. The memory goes back all at once, with
 * the slab. Blocks above YT_SLAB_MAX are malloc's. Not for several threads; running out of memory ends the process. */
#ifndef YT_BASE_SLAB_H
#define YT_BASE_SLAB_H

#include <stddef.h>

enum {
	YT_SLAB_MAX = 1024, /* bytes */
	YT_SLAB_SIZES = 256 / 16 + (YT_SLAB_MAX - 256) / 64, /* see yt_slab_size */
};

struct yt_slab_span;

struct yt_slab {
	struct yt_slab_span *with_room[YT_SLAB_SIZES]; /* by size */
	struct yt_slab_span *spare;                    /* all of whose blocks are free */
	char *at, *end;                                /* spans of the newest chunk that were never used */
	struct yt_slab_span *chunks;
	size_t chunk_size; /* of the next one: small for who holds little */
};

/* What a block for n bytes holds: whatever has the same size fits into it. Steps of 16 bytes up to 256, then of 64, and of 256 above YT_SLAB_MAX, so
 * that a value that grows a little mostly stays where it is. */
size_t yt_slab_size(size_t n);
void yt_slab_init(struct yt_slab *s);
/* Blocks above YT_SLAB_MAX stay their owner's. */
void yt_slab_deinit(struct yt_slab *s);
void *yt_slab_alloc(struct yt_slab *s, size_t n); /* 16-byte aligned, never NULL */
void yt_slab_free(struct yt_slab *s, void *p, size_t n); /* n: of the same size as it was asked for; no-op where p is NULL */

#endif
