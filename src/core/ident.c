#include "yutang/core/ident.h"

bool yt_ident_is_empty(const struct yt_ident *i)
{
	return !i->linked_to.n && !i->n_ids && !i->erased_at;
}

size_t yt_ident_bytes_bound(const struct yt_ident *i)
{
	return yt_ident_is_empty(i) ? 0 : 2 * 130 + 30 + i->n_ids * (size_t)130;
}

void yt_ident_encode(const struct yt_ident *i, struct yt_buf *out)
{
	yt_buf_bytes(out, i->linked_to);
	yt_buf_bytes(out, i->linked_as);
	yt_buf_varint(out, (uint64_t)i->erased_at);
	yt_buf_varint(out, i->n_ids);
	for (uint32_t k = 0; k < i->n_ids; k++)
		yt_buf_bytes(out, i->ids[k]);
}

void yt_ident_decode(struct yt_ident *i, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n;

	i->linked_to = yt_rd_bytes(r);
	i->linked_as = yt_rd_bytes(r);
	i->erased_at = yt_rd_instant(r);
	n = yt_rd_varint(r);
	i->ids = yt_list_read(a, r, n, 1, sizeof(*i->ids));
	i->n_ids = i->cap_ids = i->ids ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < i->n_ids; k++)
		i->ids[k] = yt_rd_bytes(r);
}

bool yt_ident_has(const struct yt_ident *i, struct yt_str id)
{
	for (uint32_t k = 0; k < i->n_ids; k++) {
		if (yt_str_eq(i->ids[k], id))
			return true;
	}
	return false;
}

void yt_ident_add(struct yt_ident *i, struct yt_arena *a, struct yt_str id)
{
	if (i->n_ids == YT_IDENTITIES_MAX || yt_ident_has(i, id))
		return;
	i->ids = yt_list_grow(a, i->ids, i->n_ids, &i->cap_ids, sizeof(*i->ids));
	i->ids[i->n_ids++] = yt_arena_dup(a, id);
}
