/* A member: a person in one shop. Facts, orders, wallet, timers, marks. One entity, at most 256 KiB encoded. */
#ifndef YT_CORE_MEMBER_H
#define YT_CORE_MEMBER_H

#include "yutang/core/kept.h"
#include "yutang/core/paid.h"
#include "yutang/core/place.h"
#include "yutang/core/wallet.h"

enum {
	YT_MEMBER_BYTES_MAX = 256 * 1024, /* DESIGN 4 */
	YT_TIMERS_MAX = 128,              /* RULES.md, after */
	YT_TIMER_BYTES_MAX = YT_KEPT_BYTES_MAX + 3 * 64 + 16,
	YT_COUPON_BYTES_MAX = 320, /* a coupon in the wallet, with what its template may leave behind */
};

/* A rule that waits for its `after`. */
struct yt_timer {
	int64_t due;
	struct yt_str rule;
	struct yt_str kind;     /* of its follow-up, template: of its coupon; empty: none. As they were when it was set: the rule may be gone */
	struct yt_str template;
	const struct yt_event *ev; /* that set it */
};

struct yt_member {
	struct yt_str name, shop, id; /* name: `<shop>/<id>` */
	struct yt_str channel;        /* that of the fact with the earliest instant, of those that name one */
	int64_t channel_at;
	struct yt_str referrer; /* empty: none */
	int64_t bound_at;
	uint16_t bound_hash;
	int64_t joined_at, added_at; /* first times, 0: never */
	struct yt_paids orders;
	struct yt_places groups, accounts;
	struct yt_wallet wallet;
	uint64_t *marks; /* once = per member: yt_hash64 of the rule's name, in the order in which they were set */
	uint32_t n_marks, cap_marks;
	struct yt_timer *timers; /* in the order in which they were set */
	uint32_t n_timers, cap_timers;
};

void *yt_member_fresh(struct yt_arena *a, struct yt_str name);
void *yt_member_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_member_encode(const void *member, struct yt_buf *out);
int64_t yt_member_next_due(const void *member);

/* An upper bound of the encoded size, from counts alone. */
size_t yt_member_bytes_bound(const struct yt_member *m);

/* A fact that names a channel. */
void yt_member_channel(struct yt_member *m, struct yt_arena *a, struct yt_str channel, int64_t at);

bool yt_mark_is_set(const uint64_t *marks, uint32_t n, struct yt_str rule);
void yt_member_mark(struct yt_member *m, struct yt_arena *a, struct yt_str rule);
void yt_member_add_timer(struct yt_member *m, struct yt_arena *a, const struct yt_timer *t);
void yt_member_remove_timer(struct yt_member *m, uint32_t k);

#endif
