/* Counters of a shop and a local day: one shard's share, a reader sums over shards. At most 4 KiB encoded, never expires. */
#ifndef YT_CORE_DAY_H
#define YT_CORE_DAY_H

#include "yutang/core/list.h"

enum {
	YT_DAY_BYTES_MAX = 4096,   /* DESIGN 4 */
	YT_DAY_NAMES_BYTES = 3900, /* of names with their counts; what is new then counts under `~other` */
};

/* Names as in Redis. orders, items and amount are gross and never fall. */
#define YT_DAY_COUNTS(X)                                                                                          \
	X(ORDERS, "orders")                                                                                       \
	X(ITEMS, "items")                                                                                         \
	X(AMOUNT, "amount")                                                                                       \
	X(FIRST_ORDERS, "first_orders")                                                                           \
	X(REPEAT_ORDERS, "repeat_orders")                                                                         \
	X(REFUNDS, "refunds")                                                                                     \
	X(REFUNDED_AMOUNT, "refunded_amount")                                                                     \
	X(JOINS, "joins")                                                                                         \
	X(LEAVES, "leaves")
enum yt_day_count {
#define X(sym, name) YT_DAY_##sym,
	YT_DAY_COUNTS(X)
#undef X
		YT_DAY__COUNT
};

/* Counters that carry a name: `issued:<template>`, `used:<template>`, `followups:<kind>`. Numbers are in the state format. */
enum yt_day_list { YT_DAY_ISSUED, YT_DAY_USED, YT_DAY_FOLLOWUPS, YT_DAY_LIST__COUNT };

struct yt_day_named {
	uint8_t list; /* enum yt_day_list */
	struct yt_str name;
	int64_t n;
};

struct yt_day {
	struct yt_str name; /* `<shop>/<YYYY-MM-DD>` */
	int64_t count[YT_DAY__COUNT];
	struct yt_day_named *named; /* in the order in which they came up */
	uint32_t n_named, cap_named;
};

extern const struct yt_str yt_day_count_names[YT_DAY__COUNT];
extern const struct yt_str yt_day_list_names[YT_DAY_LIST__COUNT]; /* `issued:` */

void *yt_day_fresh(struct yt_arena *a, struct yt_str name);
void *yt_day_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_day_encode(const void *day, struct yt_buf *out);

void yt_day_add_named(struct yt_day *d, struct yt_arena *a, enum yt_day_list list, struct yt_str name);

#endif
