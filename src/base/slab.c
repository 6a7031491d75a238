#include "yutang/base/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "yutang/base/err.h"

enum { SPAN = 16 * 1024, CHUNK_MAX = 16 * SPAN, SMALL = 256, HEAP_HEAD = 8 };

/* At the beginning of SPAN bytes, aligned to as many: whose a block is follows from its address. */
struct yt_slab_span {
	struct yt_slab_span *next, *prev; /* in the list of its size, while it has room; next: of the spare ones too */
	struct yt_slab_span *next_chunk;  /* of the first of a chunk */
	struct yt_slab_block *unused;     /* that were given back */
	uint32_t size;  /* of a block */
	uint32_t fresh; /* from here on nothing was handed out yet */
	uint32_t n;     /* blocks that are handed out */
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
	*s = (struct yt_slab){ .chunk_size = SPAN };
}

void yt_slab_deinit(struct yt_slab *s)
{
	while (s->chunks) {
		struct yt_slab_span *next = s->chunks->next_chunk;

		free(s->chunks);
		s->chunks = next;
	}
	yt_slab_init(s);
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

/* The list of the spans of that size, of yt_slab_size, that have room. */
static struct yt_slab_span **list_of(struct yt_slab *s, size_t size)
{
	return &s->with_room[size <= SMALL ? size / 16 - 1 : SMALL / 16 + (size - SMALL) / 64 - 1];
}

static bool is_full(const struct yt_slab_span *span)
{
	return !span->unused && span->fresh + span->size > SPAN;
}

static void link_span(struct yt_slab *s, struct yt_slab_span *span)
{
	struct yt_slab_span **list = list_of(s, span->size);

	span->prev = NULL;
	span->next = *list;
	if (*list)
		(*list)->prev = span;
	*list = span;
}

static void unlink_span(struct yt_slab *s, struct yt_slab_span *span)
{
	if (span->prev)
		span->prev->next = span->next;
	else
		*list_of(s, span->size) = span->next;
	if (span->next)
		span->next->prev = span->prev;
}

static struct yt_slab_span *new_span(struct yt_slab *s)
{
	struct yt_slab_span *span = s->spare;

	if (span) {
		s->spare = span->next;
		return span;
	}
	if (s->at == s->end) {
		span = aligned_alloc(SPAN, s->chunk_size);
		if (!span)
			yt_out_of_memory(s->chunk_size);
		span->next_chunk = s->chunks;
		s->chunks = span;
		s->at = (char *)span;
		s->end = s->at + s->chunk_size;
		if (s->chunk_size < CHUNK_MAX)
			s->chunk_size *= 2;
	}
	span = (struct yt_slab_span *)s->at;
	s->at += SPAN;
	return span;
}

static void *alloc_large(size_t size)
{
	void *p = malloc(size);

	if (!p)
		yt_out_of_memory(size);
	return p;
}

void *yt_slab_alloc(struct yt_slab *s, size_t n)
{
	size_t size = yt_slab_size(n);
	struct yt_slab_span *span;
	void *p;

	if (size > MAX)
		return alloc_large(size);
	span = *list_of(s, size);
	if (!span) {
		span = new_span(s);
		span->unused = NULL;
		span->size = (uint32_t)size;
		span->fresh = sizeof *span;
		span->n = 0;
		link_span(s, span);
	}
	p = span->unused;
	if (p) {
		span->unused = span->unused->next;
	} else {
		p = (char *)span + span->fresh;
		span->fresh += span->size;
	}
	span->n++;
	if (is_full(span))
		unlink_span(s, span);
	return p;
}

void yt_slab_free(struct yt_slab *s, void *p, size_t n)
{
	struct yt_slab_block *b = p;
	struct yt_slab_span *span;
	bool was_full;

	if (yt_slab_size(n) > MAX) {
		free(p);
		return;
	}
	if (!b)
		return;
	span = (struct yt_slab_span *)((uintptr_t)p & ~(uintptr_t)(SPAN - 1));
	was_full = is_full(span);
	b->next = span->unused;
	span->unused = b;
	if (--span->n > 0) {
		if (was_full)
			link_span(s, span);
		return;
	}
	if (!was_full)
		unlink_span(s, span);
	span->next = s->spare;
	s->spare = span;
}
