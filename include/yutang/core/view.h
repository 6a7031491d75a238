/* What Redis shows of an entity (DESIGN 5): plain hashes, derived from the entity alone. Pure; used by the daemon after a commit and by `verify`. */
#ifndef YT_CORE_VIEW_H
#define YT_CORE_VIEW_H

#include "yutang/core/entity.h"

/* One Redis hash of an entity, complete: fields not named are to be removed. */
struct yt_view_hash {
	struct yt_str suffix;            /* behind `<prefix>:{p}:`, e.g. `member:s1/m-1`, `wallet:s1/m-1`, `day:s1:2026-11-24` */
	const struct yt_str *fields;     /* 2n: name, value, name, value; n == 0: the key is to be deleted */
	size_t n;
	int64_t expires_at_ms;           /* YT_NEVER: does not expire */
};

/* Which hashes there are, with which fields. A view of another form is built anew: each change of what is given here counts it up. */
#define YT_VIEW_FORM "1"

enum { YT_VIEW_HASHES_MAX = 2 }; /* a member: facts and wallet */

/* The hashes of one entity; obj NULL: the entity is gone. Returns how many; everything in the arena. with_orders: `[redis] orders`. out[k] is made
 * where bit k of `hashes` is set. */
size_t yt_view_render_some(struct yt_arena *a, enum yt_kind kind, struct yt_str name, const void *obj, bool with_orders, unsigned hashes,
                           struct yt_view_hash out[YT_VIEW_HASHES_MAX]);
static inline size_t yt_view_render(struct yt_arena *a, enum yt_kind kind, struct yt_str name, const void *obj, bool with_orders,
                                    struct yt_view_hash out[YT_VIEW_HASHES_MAX])
{
	return yt_view_render_some(a, kind, name, obj, with_orders, ~0u, out);
}
/* Bit k: out[k] of yt_view_render may differ between these two encoded values (without head) of an entity; 0: nothing of it is shown. A value that
 * is NULL is none, and then all do. */
unsigned yt_view_changed(enum yt_kind kind, struct yt_str was, struct yt_str now, bool with_orders);
/* The suffixes of all hashes an entity can have, whether or not it has them now. */
size_t yt_view_suffixes(struct yt_arena *a, enum yt_kind kind, struct yt_str name, bool with_orders,
                        struct yt_str out[YT_VIEW_HASHES_MAX]);

/* The kind and the name of the entity behind a suffix, or -1; name in the arena. */
int yt_view_entity_of(struct yt_arena *a, struct yt_str suffix, struct yt_str *name);

#endif
