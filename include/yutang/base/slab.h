/* Small blocks for what lives long: no header, so that who frees one says its size, and a free one serves the next of its size. Its memory goes back
 * all at once, with the slab. Larger ones are malloc's. Not for several threads; running out of memory ends the process. */
#ifndef YT_BASE_SLAB_H
#define YT_BASE_SLAB_H

#include <stddef.h>

enum { YT_SLAB_STEP = 16, YT_SLAB_MAX = 128 }; /* bytes */

struct yt_slab_chunk;
struct yt_slab_block;

struct yt_slab {
	struct yt_slab_block *unused[YT_SLAB_MAX / YT_SLAB_STEP]; /* by size */
	char *at, *end;                                           /* free space of the newest chunk */
	struct yt_slab_chunk *chunks;
	size_t chunk_size; /* of the next one: small for who holds little */
};

void yt_slab_init(struct yt_slab *s);
/* Blocks above YT_SLAB_MAX stay their owner's. */
void yt_slab_deinit(struct yt_slab *s);
void *yt_slab_alloc(struct yt_slab *s, size_t n); /* 16-byte aligned, never NULL */
void yt_slab_free(struct yt_slab *s, void *p, size_t n); /* n as it was asked for; no-op where p is NULL */

#endif
