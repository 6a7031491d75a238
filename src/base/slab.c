#include "yutang/base/slab.h"

#include <stdlib.h>

#include "yutang/base/err.h"

enum { CHUNK_MIN = 4 * 1024, CHUNK_MAX = 256 * 1024 };

struct yt_slab_chunk {
	struct yt_slab_chunk *next;
	_Alignas(YT_SLAB_STEP) char data[];
};

struct yt_slab_block {
	struct yt_slab_block *next;
};

/* AddressSanitizer has to see each block by itself. */
#ifdef YT_ASAN
enum { MAX = 0 };
#else
enum { MAX = YT_SLAB_MAX };
#endif

void yt_slab_init(struct yt_slab *s)
{
	*s = (struct yt_slab){ .chunk_size = CHUNK_MIN };
}

void yt_slab_deinit(struct yt_slab *s)
{
	while (s->chunks) {
		struct yt_slab_chunk *next = s->chunks->next;

		free(s->chunks);
		s->chunks = next;
	}
	yt_slab_init(s);
}

static void *alloc_block(size_t n)
{
	void *p = malloc(n);

	if (!p)
		yt_out_of_memory(n);
	return p;
}

static size_t class_of(size_t n)
{
	return n ? (n - 1) / YT_SLAB_STEP : 0;
}

void *yt_slab_alloc(struct yt_slab *s, size_t n)
{
	size_t class = class_of(n), size = (class + 1) * YT_SLAB_STEP;
	struct yt_slab_block *b;

	if (n > MAX)
		return alloc_block(n);
	b = s->unused[class];
	if (b) {
		s->unused[class] = b->next;
		return b;
	}
	/* What is left of the chunk is less than a block, and lost. */
	if ((size_t)(s->end - s->at) < size) {
		struct yt_slab_chunk *c = alloc_block(sizeof *c + s->chunk_size);

		c->next = s->chunks;
		s->chunks = c;
		s->at = c->data;
		s->end = c->data + s->chunk_size;
		if (s->chunk_size < CHUNK_MAX)
			s->chunk_size *= 2;
	}
	b = (struct yt_slab_block *)s->at;
	s->at += size;
	return b;
}

void yt_slab_free(struct yt_slab *s, void *p, size_t n)
{
	struct yt_slab_block *b = p;

	if (n > MAX) {
		free(p);
	} else if (b) {
		b->next = s->unused[class_of(n)];
		s->unused[class_of(n)] = b;
	}
}
