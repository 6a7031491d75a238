/* What reports count of a shop and a local day, by channel: one shard's share, a reader sums over shards and over channels. Never expires.
 * docs/redis.md says what each number means. */
#ifndef YT_CORE_CHANNELS_H
#define YT_CORE_CHANNELS_H

#include "yutang/core/list.h"

enum {
	YT_CHANNELS_MAX = 64,              /* channels a day and shard; what is new then counts under `~other` */
	YT_CHANNELS_BYTES_MAX = 32 * 1024, /* 65 of the longest names with all their numbers have 30 KiB */
	YT_NTH_MAX = 10,                   /* purchases that are told apart; the last one is that and all later ones */
};

#define YT_CHANNEL_OTHER YT_S("~other")
#define YT_CHANNEL_NONE YT_S("~none") /* of facts that name no channel */

/* Names as in Redis; each is a bit of the state format. Behind them orders_1 .. orders_10, items_1 .. items_10. */
#define YT_CHANNEL_COUNTS(X)                                                                                      \
	X(BOUND, "bound")                                                                                         \
	X(JOINED, "joined")                                                                                       \
	X(ADDED, "added")                                                                                         \
	X(ISSUED, "issued")                                                                                       \
	X(USED, "used")                                                                                           \
	X(COUPON_COST, "coupon_cost")                                                                             \
	X(REVENUE, "revenue")                                                                                     \
	X(REFERRED_REVENUE, "referred_revenue")                                                                   \
	X(GAP_MS, "gap_ms")                                                                                       \
	X(AGAIN_30, "again_30")                                                                                   \
	X(AGAIN_60, "again_60")                                                                                   \
	X(AGAIN_90, "again_90")
enum yt_channel_count {
#define X(sym, name) YT_CHANNEL_##sym,
	YT_CHANNEL_COUNTS(X)
#undef X
		YT_CHANNEL_ORDERS,
	YT_CHANNEL_ITEMS = YT_CHANNEL_ORDERS + YT_NTH_MAX,
	YT_CHANNEL__COUNT = YT_CHANNEL_ITEMS + YT_NTH_MAX
};
_Static_assert(YT_CHANNEL__COUNT <= 32, "a bit each in 32");

enum { YT_AGAIN_N = YT_CHANNEL_AGAIN_90 - YT_CHANNEL_AGAIN_30 + 1 };
#define YT_AGAIN_STEP_MS (INT64_C(30) * 86400000) /* 30, 60, 90 days of 24 hours */

struct yt_channel {
	struct yt_str name;
	int64_t count[YT_CHANNEL__COUNT]; /* one shard's share may be below 0 */
};

struct yt_channels {
	struct yt_str name; /* `<shop>/<YYYY-MM-DD>` */
	struct yt_channel *v; /* in the order in which they came up */
	uint32_t n, cap;
};

extern const struct yt_str yt_channel_count_names[YT_CHANNEL__COUNT];

void *yt_channels_fresh(struct yt_arena *a, struct yt_str name);
void *yt_channels_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_channels_encode(const void *channels, struct yt_buf *out);

/* Made where it is not there yet; empty: YT_CHANNEL_NONE. What found no room goes to YT_CHANNEL_OTHER each time. Until the next one is made. */
struct yt_channel *yt_channels_get(struct yt_channels *c, struct yt_arena *a, struct yt_str channel);

#endif
