#include "yutang/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/err.h"

/* Under AddressSanitizer what is not handed out is poisoned, so that a run past the end or a use after a reset shows. */
#ifdef YT_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 16, CHUNK_SIZE = 64 * 1024, SPARE_MAX = 15 };

struct yt_arena_chunk {
	struct yt_arena_chunk *next;
	size_t size; /* bytes of data */
	_Alignas(ALIGN) char data[];
};

void yt_arena_init(struct yt_arena *a, size_t chunk_size)
{
	*a = (struct yt_arena){ .chunk_size = chunk_size ? chunk_size : CHUNK_SIZE, .spare_max = SPARE_MAX };
}

static void chunks_free(struct yt_arena_chunk *c)
{
	while (c) {
		struct yt_arena_chunk *next = c->next;

		ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
		free(c);
		c = next;
	}
}

void yt_arena_deinit(struct yt_arena *a)
{
	chunks_free(a->chunks);
	chunks_free(a->spare);
	yt_arena_init(a, a->chunk_size);
}

static void keep_spare(struct yt_arena *a, struct yt_arena_chunk *c)
{
	while (c) {
		struct yt_arena_chunk *next = c->next;

		c->next = NULL;
		if (c->size == a->chunk_size && a->n_spare < a->spare_max) {
			ASAN_POISON_MEMORY_REGION(c->data, c->size);
			c->next = a->spare;
			a->spare = c;
			a->n_spare++;
		} else {
			chunks_free(c);
		}
		c = next;
	}
}

/* The first of the list is an ordinary chunk as soon as there is one: big ones are put behind it. */
void yt_arena_reset(struct yt_arena *a)
{
	struct yt_arena_chunk *c = a->chunks;

	a->used = 0;
	if (!c)
		return;
	keep_spare(a, c->next);
	c->next = NULL;
	if (c->size != a->chunk_size) {
		chunks_free(c);
		a->chunks = NULL;
		a->at = a->end = NULL;
		return;
	}
	a->at = c->data;
	a->end = c->data + c->size;
	ASAN_POISON_MEMORY_REGION(c->data, c->size);
}

static struct yt_arena_chunk *chunk_new(size_t size)
{
	struct yt_arena_chunk *c;

	if (size > SIZE_MAX / 2 || !(c = malloc(sizeof(*c) + size)))
		yt_out_of_memory(size);
	c->size = size;
	c->next = NULL;
	ASAN_POISON_MEMORY_REGION(c->data, size);
	return c;
}

static void *alloc_slow(struct yt_arena *a, size_t n)
{
	struct yt_arena_chunk *c;

	/* Above a quarter of a chunk a new chunk would waste too much of the current one. */
	if (n > a->chunk_size / 4) {
		c = chunk_new(n);
		if (a->chunks) {
			c->next = a->chunks->next;
			a->chunks->next = c;
		} else {
			a->chunks = c;
			a->at = a->end = c->data + c->size;
		}
		return c->data;
	}
	c = a->spare;
	if (c) {
		a->spare = c->next;
		a->n_spare--;
	} else {
		c = chunk_new(a->chunk_size);
	}
	c->next = a->chunks;
	a->chunks = c;
	a->at = c->data + n;
	a->end = c->data + c->size;
	return c->data;
}

void *yt_arena_alloc(struct yt_arena *a, size_t n)
{
	size_t rounded = (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
	void *p = a->at;

	if (rounded < n)
		yt_out_of_memory(n);
	if (rounded == 0)
		rounded = ALIGN;
	if (rounded <= (size_t)(a->end - a->at))
		a->at += rounded;
	else
		p = alloc_slow(a, rounded);
	a->used += rounded;
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	return p;
}

void *yt_arena_zalloc(struct yt_arena *a, size_t n)
{
	return memset(yt_arena_alloc(a, n), 0, n);
}

struct yt_str yt_arena_dup(struct yt_arena *a, struct yt_str s)
{
	char *p = yt_arena_alloc(a, (size_t)s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return yt_str(p, s.n);
}

struct yt_str yt_arena_printf(struct yt_arena *a, const char *fmt, ...)
{
	char small[256], *p;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	YT_ASSERT(n >= 0, NULL);
	if ((size_t)n < sizeof(small))
		return yt_arena_dup(a, yt_str(small, (size_t)n));
	p = yt_arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return yt_str(p, (size_t)n);
}
