#include "yutang/core/list.h"

void *yt_list_grow(struct yt_arena *a, void *items, uint32_t n, uint32_t *cap, size_t size)
{
	void *moved;

	if (n < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 4;
	moved = yt_arena_alloc(a, *cap * size);
	if (n)
		memcpy(moved, items, n * size);
	return moved;
}

void *yt_list_read(struct yt_arena *a, struct yt_rd *r, uint64_t n, size_t bytes_min, size_t size)
{
	if (n > (uint64_t)(r->end - r->p) / bytes_min) {
		r->bad = true;
		return NULL;
	}
	return n ? yt_arena_zalloc(a, n * size) : NULL;
}

int64_t yt_rd_instant(struct yt_rd *r)
{
	return yt_rd_instant_after(r, 0);
}

void yt_rd_raw(struct yt_rd *r, void *out, size_t n)
{
	if ((size_t)(r->end - r->p) < n) {
		r->bad = true;
		return;
	}
	memcpy(out, r->p, n);
	r->p += n;
}

int64_t yt_rd_instant_after(struct yt_rd *r, int64_t base)
{
	uint64_t v = yt_rd_varint(r);

	if (v > (uint64_t)(YT_INSTANT_MAX_MS - base)) {
		r->bad = true;
		return base;
	}
	return base + (int64_t)v;
}

void yt_buf_u16(struct yt_buf *b, uint16_t v)
{
	yt_buf_c(b, (char)(v & 0xff));
	yt_buf_c(b, (char)(v >> 8));
}

uint16_t yt_rd_u16(struct yt_rd *r)
{
	uint16_t low = yt_rd_u8(r);

	return (uint16_t)(low | yt_rd_u8(r) << 8);
}
