/* A byte buffer that grows, on the heap or in an arena. */
#ifndef YT_BASE_BUF_H
#define YT_BASE_BUF_H

#include <string.h>

#include "yutang/base/arena.h"

struct yt_buf {
	char *p;
	size_t n, cap;
	struct yt_arena *arena; /* NULL: heap, and yt_buf_deinit frees it */
};

void yt_buf_init(struct yt_buf *b, struct yt_arena *arena_or_null);
void yt_buf_deinit(struct yt_buf *b);
static inline void yt_buf_clear(struct yt_buf *b) { b->n = 0; }
static inline struct yt_str yt_buf_str(const struct yt_buf *b) { return yt_str(b->p, b->n); }

void yt_buf_grow(struct yt_buf *b, size_t more);
static inline void yt_buf_reserve(struct yt_buf *b, size_t more)
{
	if (more > b->cap - b->n)
		yt_buf_grow(b, more);
}
static inline void yt_buf_add(struct yt_buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	yt_buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}
static inline void yt_buf_str_add(struct yt_buf *b, struct yt_str s) { yt_buf_add(b, s.p, s.n); }
void yt_buf_z(struct yt_buf *b, const char *z);
static inline void yt_buf_c(struct yt_buf *b, char c)
{
	yt_buf_reserve(b, 1);
	b->p[b->n++] = c;
}
void yt_buf_i64(struct yt_buf *b, int64_t v); /* decimal */
void yt_buf_printf(struct yt_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Binary, for the state format: little endian base-128, signed values zigzag; a string is its length and its bytes. */
static inline void yt_buf_varint(struct yt_buf *b, uint64_t v)
{
	yt_buf_reserve(b, 10);
	while (v >= 0x80) {
		b->p[b->n++] = (char)(v | 0x80);
		v >>= 7;
	}
	b->p[b->n++] = (char)v;
}
void yt_buf_svarint(struct yt_buf *b, int64_t v);
void yt_buf_bytes(struct yt_buf *b, struct yt_str s);

/* The reader of the same. A read past the end sets bad and gives zero or an empty string; check bad once at the end. */
struct yt_rd {
	const unsigned char *p, *end;
	bool bad;
};
static inline struct yt_rd yt_rd(struct yt_str s)
{
	return (struct yt_rd){ (const unsigned char *)s.p, (const unsigned char *)s.p + s.n, false };
}
uint64_t yt_rd_varint(struct yt_rd *r);
int64_t yt_rd_svarint(struct yt_rd *r);
struct yt_str yt_rd_bytes(struct yt_rd *r); /* borrows from the source */
uint8_t yt_rd_u8(struct yt_rd *r);
/* 8 bytes, little endian. */
uint64_t yt_rd_u64(struct yt_rd *r);
void yt_buf_u64(struct yt_buf *b, uint64_t v);
static inline uint64_t yt_le64(uint64_t v)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap64(v);
}
static inline uint64_t yt_le64_get(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return yt_le64(v);
}
static inline void yt_le64_put(void *p, uint64_t v)
{
	v = yt_le64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
