/* Input events that state keeps for later: those that set a timer, and those of an order that is not paid yet.
 * Kept are the envelope id (the cause), the type, the business key and the fields that are asked for; never items, codes or the buyer. */
#ifndef YT_CORE_KEPT_H
#define YT_CORE_KEPT_H

#include "yutang/base/buf.h"
#include "yutang/event/event.h"

/* The most bytes that a kept event can take: envelope id, and the type with the most texts (group.joined, order.shipped) and instants. */
enum { YT_KEPT_BYTES_MAX = 800 };

/* A copy in the arena with these fields (bits over enum yt_field) and those of the business key, as far as the event has them. */
struct yt_event *yt_kept_new(struct yt_arena *a, const struct yt_event *ev, uint64_t fields);

/* The same, with another text in that field; ev itself where it has none there. */
const struct yt_event *yt_kept_with(struct yt_arena *a, const struct yt_event *ev, enum yt_field field, struct yt_str text);

/* Shop and member are not written: they are those of the entity that keeps the event. */
void yt_kept_encode(const struct yt_event *ev, struct yt_buf *out);
/* NULL and r->bad where the bytes are none of ours. Texts borrow from the bytes. */
struct yt_event *yt_kept_decode(struct yt_arena *a, struct yt_rd *r, struct yt_str shop, struct yt_str member);

/* An upper bound of what is written. */
size_t yt_kept_bytes_bound(const struct yt_event *ev);

/* An output that sets off rules, and what stands behind it. */
struct yt_follow {
	uint8_t on;               /* enum yt_on */
	unsigned char out[16];    /* envelope id of the output */
	unsigned char coupon[16]; /* that it is about; of tier.changed none */
	struct yt_str from, to;   /* of tier.changed: empty: none */
	bool lapsed;              /* of tier.changed: else reached */
	int64_t at;
	struct yt_str cause;
	/* In the decision that gave it; a timer keeps none of these. */
	const struct yt_event *ev;  /* the input behind it; NULL: a coupon's time came */
	const struct yt_follow *by; /* what set off the rule that gave it; NULL: the event itself */
	const struct yt_rule *rule; /* NULL: no rule gave it */
	uint32_t depth;
	struct yt_follow *next;
};

/* What set off a rule: an input event, or an output with the event behind it. One of both is there. */
struct yt_origin {
	const struct yt_event *ev;      /* NULL: a coupon's time came */
	const struct yt_follow *follow; /* NULL: the event itself */
};
/* member: of the entity that keeps it; the event may be another's. */
void yt_origin_encode(const struct yt_origin *o, struct yt_str member, struct yt_buf *out);
void yt_origin_decode(struct yt_origin *o, struct yt_arena *a, struct yt_rd *r, struct yt_str shop, struct yt_str member);

/* 64 bits of everything that the contract knows of the event but its envelope: equal for a repeated fact. Stable for ever (it is in the state
 * format, cut). */
uint64_t yt_event_hash(const struct yt_event *ev);

#endif
