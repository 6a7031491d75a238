/* The part of a member that says which ids are one person. */
#ifndef YT_CORE_IDENT_H
#define YT_CORE_IDENT_H

#include "yutang/core/list.h"

enum { YT_IDENTITIES_MAX = 256 }; /* ids of one person that are remembered; nobody has so many, and they stay below 1/6 of the entity */

struct yt_ident {
	struct yt_str linked_to; /* empty: a member of its own; else nothing of the member is here any more */
	struct yt_str linked_as; /* as member.linked named it, where that one was linked further; empty: the same */
	int64_t erased_at;       /* facts up to it are dropped; 0: never erased */
	struct yt_str *ids;      /* that were linked to this one, in the order in which they came */
	uint32_t n_ids, cap_ids;
};

bool yt_ident_is_empty(const struct yt_ident *i);
size_t yt_ident_bytes_bound(const struct yt_ident *i);
void yt_ident_encode(const struct yt_ident *i, struct yt_buf *out);
void yt_ident_decode(struct yt_ident *i, struct yt_arena *a, struct yt_rd *r);

bool yt_ident_has(const struct yt_ident *i, struct yt_str id);
/* Once each; copied. */
void yt_ident_add(struct yt_ident *i, struct yt_arena *a, struct yt_str id);

#endif
