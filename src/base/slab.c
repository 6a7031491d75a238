#include "yutang/base/slab.h"

#include <stdlib.h>

#include "yutang/base/err.h"

enum { CHUNK_MIN = 4 * 1024, CHUNK_MAX = 256 * 1024, SMALL = 256, HEAP_HEAD = 8 };

struct yt_slab_chunk {
	struct yt_slab_chunk *next;
	_Alignas(16) char data[];
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

static size_t up(size_t n, size_t step)
{
	return (n + step - 1) / step * step;
}

size_t yt_slab_size(size_t n)
{
	if (n <= SMALL)
		return n ? up(n, 16) : 16;
	/* The heap's own bytes fill the step. */
	return n <= YT_SLAB_MAX ? up(n, 64) : up(n + HEAP_HEAD, 256) - HEAP_HEAD;
}

/* size: of yt_slab_size. */
static size_t class_of(size_t size)
{
	return size <= SMALL ? size / 16 - 1 : SMALL / 16 + (size - SMALL) / 64 - 1;
}

void *yt_slab_alloc(struct yt_slab *s, size_t n)
{
	size_t size = yt_slab_size(n), class;
	struct yt_slab_block *b;

	if (size > MAX)
		return alloc_block(size);
	class = class_of(size);
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
	size_t size = yt_slab_size(n);

	if (size > MAX) {
		free(p);
	} else if (b) {
		b->next = s->unused[class_of(size)];
		s->unused[class_of(size)] = b;
	}
}
