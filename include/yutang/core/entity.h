/* The keyed values of a shard's state, as the engine sees them: opaque objects with a codec. docs/state.md has the bytes. */
#ifndef YT_CORE_ENTITY_H
#define YT_CORE_ENTITY_H

#include "yutang/base/arena.h"
#include "yutang/base/buf.h"

/* A changelog key is `<kind>:<name>`: `member:s1/m-1`, `order:s1/1001`, `day:s1/2026-11-24`, `channels:s1/2026-11-24`, `phone:s1/<hash>`,
 * `quota:s1/half-price`, `account:s1/a-01`; name begins with the shop, up to the first `/`. */
enum yt_kind {
	YT_KIND_MEMBER,
	YT_KIND_ORDER,
	YT_KIND_DAY,
	YT_KIND_CHANNELS,
	YT_KIND_PHONE,
	YT_KIND_QUOTA,
	YT_KIND_ACCOUNT,
	YT_KIND_GROUP,
	YT_KIND_ALIAS,
	YT_KIND_ERASED,
	YT_KIND__COUNT
};

#define YT_NEVER INT64_MAX

typedef void yt_named_fn(void *ctx, struct yt_str id);
#define YT_NAMED_ANYBODY YT_S("~") /* no member has that id */

struct yt_entity_ops {
	struct yt_str prefix;  /* `member:` */
	uint32_t bytes_max;    /* limit of an encoded value */
	/* A new, empty object in the arena. */
	void *(*fresh)(struct yt_arena *a, struct yt_str name);
	/* NULL where the bytes are none of ours. Texts of the object may borrow from `value` and `name`. */
	void *(*decode)(struct yt_arena *a, struct yt_str name, struct yt_str value);
	void (*encode)(const void *obj, struct yt_buf *out);
	/* When the engine must call yt_decide_due for it: the earliest of its timers, coupon ends and reminders, or ends of waits; YT_NEVER. */
	int64_t (*next_due)(const void *obj);
	/* From this instant the entity counts as absent; YT_NEVER. */
	int64_t (*expires_at)(const void *obj);
	/* Whom it names, by a call each: an order and an alias whose it is, a phone who was its first, a member who referred him and whom his timers name.
	 * YT_NAMED_ANYBODY: a text in it may name anybody. NULL: the kind names nobody. */
	void (*names)(const void *obj, yt_named_fn *each, void *ctx);
};
extern const struct yt_entity_ops yt_entities[YT_KIND__COUNT];

/* It names that id, or may. */
bool yt_entity_names(enum yt_kind kind, const void *obj, struct yt_str id);

/* A changelog value begins with: format (1 byte), shard version of its last change, next_due and expires_at (8 bytes each, little endian).
 * The engine writes these YT_ENTITY_HEAD bytes, so that a restore decodes no entity; encode appends, decode gets what lies behind. */
enum { YT_ENTITY_FORMAT = 4, YT_ENTITY_HEAD = 25 };

/* The parts of a name, `<shop>/<id>`. */
struct yt_str yt_name_shop(struct yt_str name);
struct yt_str yt_name_id(struct yt_str name);

/* -1 where the key is of no kind. *name borrows from key. */
int yt_entity_kind(struct yt_str key, struct yt_str *name);

#endif
