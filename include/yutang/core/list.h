/* A growing array in an arena, and the few things that all entities share: instants in state, sums that cannot overflow. */
#ifndef YT_CORE_LIST_H
#define YT_CORE_LIST_H

#include "yutang/base/arena.h"
#include "yutang/base/buf.h"

/* Room for one more element behind n; the array moves when it is full. What it was stays in the arena. */
void *yt_list_grow(struct yt_arena *a, void *items, uint32_t n, uint32_t *cap, size_t size);

/* Room for n elements, zeroed. A decoder asks for as many as its bytes can hold and no more: n > left / bytes_min sets bad and gives NULL. */
void *yt_list_read(struct yt_arena *a, struct yt_rd *r, uint64_t n, size_t bytes_min, size_t size);

/* Instants of state are 0 (none) to 2^53 ms; a decoder takes no other. */
#define YT_INSTANT_MAX_MS INT64_C(9007199254740992)
int64_t yt_rd_instant(struct yt_rd *r);
/* n bytes as they are; where there are fewer, bad, and *out is as it was. */
void yt_rd_raw(struct yt_rd *r, void *out, size_t n);
/* `base` and the difference that was written. */
int64_t yt_rd_instant_after(struct yt_rd *r, int64_t base);

/* 2,048 orders of 2^53 minor units leave 64 bits: a sum then stays at its end. */
static inline int64_t yt_sum(int64_t a, int64_t b)
{
	int64_t r;

	if (__builtin_add_overflow(a, b, &r))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return r;
}

/* Two bytes of a fact's content, little endian: enough to tell a repeated fact from one that differs, which is only counted. */
void yt_buf_u16(struct yt_buf *b, uint16_t v);
uint16_t yt_rd_u16(struct yt_rd *r);

#endif
