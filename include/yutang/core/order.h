/* An order, in the shard of its member. It may be known before it is paid: what came early waits here. At most 4 KiB encoded. */
#ifndef YT_CORE_ORDER_H
#define YT_CORE_ORDER_H

#include "yutang/core/entity.h"
#include "yutang/core/kept.h"
#include "yutang/core/paid.h"

enum {
	YT_ORDER_BYTES_MAX = 4096,  /* DESIGN 4 */
	YT_REFUNDS_MAX = 64,        /* DESIGN 4 */
	YT_ORDER_COUPONS_MAX = 16,  /* DESIGN 4 */
	YT_ORDER_CODES_BYTES = 512, /* of the codes that it shows; 16 of our own have 208 */
	YT_ORDER_MARKS_MAX = 64,    /* rules with once = per order that one order can set off: 512 bytes */
	YT_ORDER_PRODUCTS_MAX = 24, /* skus with a [product] of one order and its refunds: 576 bytes */
};

/* Units of a sku that has a [product]. */
struct yt_order_product {
	uint64_t sku; /* yt_hash64 */
	int64_t units, refunded;
};

struct yt_refund {
	uint64_t fp; /* yt_hash64 of the refund id */
	int64_t at, amount;
	uint16_t hash; /* of the fact's content */
};

struct yt_order {
	struct yt_str name, shop, id; /* name: `<shop>/<order>` */
	struct yt_str member;
	int64_t life_end;   /* last event + refund_window + 30 d: what comes later is too_old */
	int64_t keep_until; /* a timer that will look at the order; 0: none */

	bool paid;
	int64_t paid_at, amount, units;
	uint32_t hash; /* of the order.paid's content */
	struct yt_str currency, channel, presale; /* empty: absent */
	int64_t nth; /* member.paid_orders when it was folded; 0: it counted as no order */
	unsigned char (*used)[16]; /* ids of the coupons that it used */
	uint32_t n_used;
	int64_t coupon_cost; /* what they took off its amount, by yt_coupon_worth */
	struct yt_str *codes; /* as the order named them */
	uint32_t n_codes;
	bool asked;      /* for coupons of others: transfer.h */
	bool granted;    /* a coupon went to the referrer for it, and goes with it */
	bool qualifies;  /* it qualified its member's referral */
	uint64_t *marks; /* once = per order */
	uint32_t n_marks, cap_marks;

	int64_t shipped_at, signed_at, cancelled_at; /* 0: not known */
	uint16_t shipped_hash, signed_hash, cancelled_hash;
	struct yt_refund *refunds; /* by (at, fp) */
	uint32_t n_refunds, cap_refunds;

	struct yt_order_product *products; /* by sku; what is told of a sku without [product] is forgotten */
	uint32_t n_products, cap_products;

	const struct yt_event **early; /* not paid: the events that wait for it, in the order of their arrival */
	uint32_t n_early, cap_early;
};

void *yt_order_fresh(struct yt_arena *a, struct yt_str name);
void *yt_order_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_order_encode(const void *order, struct yt_buf *out);
void yt_order_names(const void *order, yt_named_fn *each, void *ctx);
int64_t yt_order_expires_at(const void *order);

const struct yt_refund *yt_order_refund(const struct yt_order *o, uint64_t fp);
void yt_order_add_refund(struct yt_order *o, struct yt_arena *a, const struct yt_refund *r);
/* Refunds, capped at the amount; of a cancelled order the amount. Of an order that is not paid: 0. */
int64_t yt_order_refunded_amount(const struct yt_order *o);
/* Fully refunded or cancelled. */
bool yt_order_refunded(const struct yt_order *o);
/* What its k-th refund takes of the amount, in the order of their instants: refunds above the amount count up to it. */
int64_t yt_order_refund_share(const struct yt_order *o, uint32_t k);
/* As the member keeps it. */
void yt_order_paid(const struct yt_order *o, struct yt_paid *out);

void yt_order_mark(struct yt_order *o, struct yt_arena *a, struct yt_str rule);
/* Makes the row where the order has none of that sku yet; NULL: it has as many as it can. */
struct yt_order_product *yt_order_product(struct yt_order *o, struct yt_arena *a, uint64_t sku);
void yt_order_wait(struct yt_order *o, struct yt_arena *a, const struct yt_event *ev);

#endif
