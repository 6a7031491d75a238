/* The paid orders of a member: a fingerprint each, so that no order is ever counted twice, and what the sums need. */
#ifndef YT_CORE_PAID_H
#define YT_CORE_PAID_H

#include "yutang/core/list.h"

enum { YT_GAP_ORDERS = 33 };
enum { YT_PAID_MAX = 2048 }; /* fingerprints a member; DESIGN 4. Then those of the smallest paid_at go */
enum { YT_PAID_CHANNELS_MAX = 16 }; /* channels that the orders of a member are told apart by: 2 KiB of the longest names. More count under `~other` */

struct yt_paid {
	uint64_t fp;      /* yt_hash64 of the order id */
	int64_t paid_at;
	int64_t amount;   /* minor units, >= 0 */
	int64_t refunded; /* capped at amount */
	int64_t units;    /* pieces of all items, >= 0 */
	bool cancelled;
	uint8_t channel;  /* of yt_paids_channel; 0: none */
};

/* Sums over orders, each by the last paragraph of RULES.md. Instants 0: absent. */
struct yt_totals {
	int64_t paid_orders, paid_amount, paid_items;
	int64_t refunded_orders, refunded_amount, net_amount;
	int64_t first_paid_at, last_paid_at;
};

/* The rows stay as they are encoded: most events of a member add one at the end, and ask for the sums. */
struct yt_paids {
	struct yt_str rows;    /* by (paid_at, fp); docs/state.md */
	uint32_t n;            /* how many */
	uint32_t room;         /* bytes behind them that are ours; 0: they are borrowed */
	int64_t dropped_to;    /* paid_at of the newest order that had to go, 0: none */
	struct yt_totals gone; /* sums over those */
	struct yt_str channels; /* texts as they are encoded, in the order in which they came up */

	/* What follows. */
	struct yt_totals totals; /* of all, those that had to go included */
	struct yt_paid first;    /* the first row that counts; paid_at 0: none */
	int64_t last_at;         /* of the last row; 0: none */
	uint64_t last_fp;
};

/* An order counts while it is paid, not cancelled, and its refunds are below its amount (amount 0: while not cancelled). */
bool yt_paid_counts(const struct yt_paid *p);

bool yt_paid_is_before(const struct yt_paid *a, const struct yt_paid *b);

/* out may be NULL. */
bool yt_paids_find(const struct yt_paids *p, uint64_t fp, struct yt_paid *out);
/* fp is not in the list. */
void yt_paids_add(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *paid);
/* The order as it was and as it is now; of one that had to go the sums are mended. */
void yt_paids_change(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *was, const struct yt_paid *now);

/* Sums over the orders with after_ms < paid_at <= to_ms; those that had to go are not among them. */
void yt_paids_between(const struct yt_paids *p, int64_t after_ms, int64_t to_ms, struct yt_totals *out);

/* All of them, with room for one more. */
struct yt_paid *yt_paids_unpack(const struct yt_paids *p, struct yt_arena *a);

/* What stands for a channel in yt_paid; it is made where no order has named it yet. Empty: 0. */
uint8_t yt_paids_channel(struct yt_paids *p, struct yt_arena *a, struct yt_str channel);
/* Empty: none. What found no room: YT_CHANNEL_OTHER. */
struct yt_str yt_paids_channel_name(const struct yt_paids *p, uint8_t channel);

/* The same of an order, into `channel`: that by which the list has the order already; else by the name. */
void yt_paids_know(struct yt_paids *p, struct yt_arena *a, struct yt_str channel, struct yt_paid *order);

/* All of another list, each order once: what is known here already stays as it is. */
void yt_paids_merge(struct yt_paids *p, struct yt_arena *a, const struct yt_paids *from);
/* The n of the smallest paid_at go: only their sums stay. n < p->n. */
void yt_paids_shed(struct yt_paids *p, struct yt_arena *a, uint32_t n);

/* The first order that counts by (paid_at, fp); NULL: none, or one that had to go. (Of two paid in one millisecond the one
 * with the smaller fingerprint is the first: ids are not kept.) */
const struct yt_paid *yt_paids_first(const struct yt_paids *p);

/* RULES.md, median_gap: of the gaps between the last YT_GAP_ORDERS orders that count; -1 below two gaps. */
int64_t yt_paids_median_gap(const struct yt_paids *p);

void yt_paids_encode(const struct yt_paids *p, struct yt_buf *out);
/* Borrows the rows from what is read. */
void yt_paids_decode(struct yt_paids *p, struct yt_rd *r);

#endif
