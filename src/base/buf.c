#include "yutang/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/err.h"

void yt_buf_init(struct yt_buf *b, struct yt_arena *arena_or_null)
{
	*b = (struct yt_buf){ .arena = arena_or_null };
}

void yt_buf_deinit(struct yt_buf *b)
{
	if (!b->arena)
		free(b->p);
	yt_buf_init(b, b->arena);
}

/* A yt_str counts in 32 bits, so a buffer never holds more. */
void yt_buf_grow(struct yt_buf *b, size_t more)
{
	size_t cap = b->cap * 2;
	char *p;

	YT_ASSERT(more <= UINT32_MAX - b->n, NULL);
	if (cap < 64)
		cap = 64;
	if (cap < b->n + more)
		cap = b->n + more;
	if (b->arena) {
		p = yt_arena_alloc(b->arena, cap);
		if (b->n)
			memcpy(p, b->p, b->n);
	} else if (!(p = realloc(b->p, cap))) {
		yt_out_of_memory(cap);
	}
	b->p = p;
	b->cap = cap;
}

void yt_buf_z(struct yt_buf *b, const char *z)
{
	yt_buf_add(b, z, strlen(z));
}

void yt_buf_i64(struct yt_buf *b, int64_t v)
{
	char text[20], *p = text + sizeof(text);
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	yt_buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

void yt_buf_printf(struct yt_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	yt_buf_reserve(b, 32);
	va_start(ap, fmt);
	n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
	va_end(ap);
	YT_ASSERT(n >= 0, NULL);
	if ((size_t)n >= b->cap - b->n) {
		/* vsnprintf wants a place for its NUL, which is not counted. */
		yt_buf_reserve(b, (size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
		va_end(ap);
	}
	b->n += (size_t)n;
}

void yt_buf_svarint(struct yt_buf *b, int64_t v)
{
	yt_buf_varint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void yt_buf_bytes(struct yt_buf *b, struct yt_str s)
{
	yt_buf_varint(b, s.n);
	yt_buf_str_add(b, s);
}

void yt_buf_u64(struct yt_buf *b, uint64_t v)
{
	yt_buf_reserve(b, 8);
	yt_le64_put(b->p + b->n, v);
	b->n += 8;
}

/* Nothing can be read behind a fault: what follows would be taken at the wrong place. */
static void rd_bad(struct yt_rd *r)
{
	r->bad = true;
	r->p = r->end;
}

uint64_t yt_rd_varint(struct yt_rd *r)
{
	uint64_t v = 0;

	for (int shift = 0; r->p < r->end; shift += 7) {
		uint64_t c = *r->p++;

		if (shift == 63 && c > 1)
			break;
		v |= (c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	rd_bad(r);
	return 0;
}

int64_t yt_rd_svarint(struct yt_rd *r)
{
	uint64_t v = yt_rd_varint(r);

	return (int64_t)(v >> 1 ^ -(v & 1));
}

struct yt_str yt_rd_bytes(struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);
	struct yt_str s;

	if (n > (uint64_t)(r->end - r->p)) {
		rd_bad(r);
		return yt_str("", 0);
	}
	s = yt_str((const char *)r->p, n);
	r->p += n;
	return s;
}

uint8_t yt_rd_u8(struct yt_rd *r)
{
	if (r->p >= r->end) {
		rd_bad(r);
		return 0;
	}
	return *r->p++;
}

uint64_t yt_rd_u64(struct yt_rd *r)
{
	if (r->end - r->p < 8) {
		rd_bad(r);
		return 0;
	}
	r->p += 8;
	return yt_le64_get(r->p - 8);
}
