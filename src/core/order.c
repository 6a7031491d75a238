#include "yutang/core/order.h"

#include "yutang/base/hash.h"
#include "yutang/core/entity.h"

void *yt_order_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_order *o = yt_arena_zalloc(a, sizeof(*o));

	o->name = name;
	o->shop = yt_name_shop(name);
	o->id = yt_name_id(name);
	return o;
}

int64_t yt_order_expires_at(const void *order)
{
	const struct yt_order *o = order;

	return o->keep_until > o->life_end ? o->keep_until : o->life_end;
}

const struct yt_refund *yt_order_refund(const struct yt_order *o, uint64_t fp)
{
	for (uint32_t k = 0; k < o->n_refunds; k++) {
		if (o->refunds[k].fp == fp)
			return &o->refunds[k];
	}
	return NULL;
}

static bool is_before(const struct yt_refund *a, const struct yt_refund *b)
{
	return a->at != b->at ? a->at < b->at : a->fp < b->fp;
}

void yt_order_add_refund(struct yt_order *o, struct yt_arena *a, const struct yt_refund *r)
{
	uint32_t k;

	o->refunds = yt_list_grow(a, o->refunds, o->n_refunds, &o->cap_refunds, sizeof(*o->refunds));
	for (k = o->n_refunds; k > 0 && is_before(r, &o->refunds[k - 1]); k--)
		o->refunds[k] = o->refunds[k - 1];
	o->refunds[k] = *r;
	o->n_refunds++;
}

/* Sum of the first n refunds, capped. */
static int64_t refunds_to(const struct yt_order *o, uint32_t n)
{
	int64_t sum = 0;

	if (!o->paid)
		return 0;
	for (uint32_t k = 0; k < n && sum < o->amount; k++)
		sum = yt_sum(sum, o->refunds[k].amount);
	return sum < o->amount ? sum : o->amount;
}

int64_t yt_order_refund_share(const struct yt_order *o, uint32_t k)
{
	return refunds_to(o, k + 1) - refunds_to(o, k);
}

int64_t yt_order_refunded_amount(const struct yt_order *o)
{
	return o->paid && o->cancelled_at ? o->amount : refunds_to(o, o->n_refunds);
}

void yt_order_paid(const struct yt_order *o, struct yt_paid *out)
{
	*out = (struct yt_paid){
		.fp = yt_hash64(o->id),
		.paid_at = o->paid_at,
		.amount = o->amount,
		.refunded = refunds_to(o, o->n_refunds),
		.units = o->units,
		.cancelled = o->cancelled_at != 0,
	};
}

bool yt_order_refunded(const struct yt_order *o)
{
	struct yt_paid paid;

	yt_order_paid(o, &paid);
	return !yt_paid_counts(&paid);
}

void yt_order_mark(struct yt_order *o, struct yt_arena *a, struct yt_str rule)
{
	if (o->n_marks == YT_ORDER_MARKS_MAX)
		return; /* judged before; a set of rules that changed since can't make the entity too large */
	o->marks = yt_list_grow(a, o->marks, o->n_marks, &o->cap_marks, sizeof(*o->marks));
	o->marks[o->n_marks++] = yt_hash64(rule);
}

struct yt_order_product *yt_order_product(struct yt_order *o, struct yt_arena *a, uint64_t sku)
{
	uint32_t k = 0;

	while (k < o->n_products && o->products[k].sku < sku)
		k++;
	if (k < o->n_products && o->products[k].sku == sku)
		return &o->products[k];
	if (o->n_products == YT_ORDER_PRODUCTS_MAX)
		return NULL;
	o->products = yt_list_grow(a, o->products, o->n_products, &o->cap_products, sizeof(*o->products));
	memmove(&o->products[k + 1], &o->products[k], (o->n_products++ - k) * sizeof(*o->products));
	o->products[k] = (struct yt_order_product){ .sku = sku };
	return &o->products[k];
}

void yt_order_wait(struct yt_order *o, struct yt_arena *a, const struct yt_event *ev)
{
	o->early = yt_list_grow(a, o->early, o->n_early, &o->cap_early, sizeof(*o->early));
	o->early[o->n_early++] = ev;
}

enum {
	ORDER_PAID = 1,
	ORDER_SHIPPED = 2,
	ORDER_SIGNED = 4,
	ORDER_CANCELLED = 8,
	ORDER_REFUNDS = 16,
	ORDER_COUPONS = 32, /* used or named */
	ORDER_MARKS = 64,
	ORDER_EARLY = 128,
	ORDER_PRODUCTS = 256,
	ORDER_GRANTED = 512,
	ORDER_QUALIFIES = 1024,
	ORDER_ASKED = 2048,
};

static unsigned flags_of(const struct yt_order *o)
{
	return (o->paid ? ORDER_PAID : 0) | (o->shipped_at ? ORDER_SHIPPED : 0) | (o->signed_at ? ORDER_SIGNED : 0) |
	       (o->cancelled_at ? ORDER_CANCELLED : 0) | (o->n_refunds ? ORDER_REFUNDS : 0) | (o->n_codes ? ORDER_COUPONS : 0) |
	       (o->n_marks ? ORDER_MARKS : 0) | (o->n_early ? ORDER_EARLY : 0) | (o->n_products ? ORDER_PRODUCTS : 0) |
	       (o->granted ? ORDER_GRANTED : 0) | (o->qualifies ? ORDER_QUALIFIES : 0) | (o->asked ? ORDER_ASKED : 0);
}

static void encode_payment(const struct yt_order *o, struct yt_buf *out)
{
	yt_buf_varint(out, (uint64_t)o->paid_at);
	yt_buf_varint(out, (uint64_t)o->amount);
	yt_buf_varint(out, (uint64_t)o->units);
	yt_buf_u16(out, (uint16_t)o->hash);
	yt_buf_u16(out, (uint16_t)(o->hash >> 16));
	yt_buf_bytes(out, o->currency);
	yt_buf_bytes(out, o->channel);
	yt_buf_bytes(out, o->presale);
	yt_buf_varint(out, (uint64_t)o->nth);
}

static void encode_step(int64_t at, uint16_t hash, struct yt_buf *out)
{
	if (!at)
		return;
	yt_buf_varint(out, (uint64_t)at);
	yt_buf_u16(out, hash);
}

static void encode_refunds(const struct yt_order *o, struct yt_buf *out)
{
	int64_t before = 0;

	yt_buf_varint(out, o->n_refunds);
	for (uint32_t k = 0; k < o->n_refunds; k++) {
		const struct yt_refund *r = &o->refunds[k];

		yt_buf_u64(out, r->fp);
		yt_buf_varint(out, (uint64_t)(r->at - before));
		yt_buf_varint(out, (uint64_t)r->amount);
		yt_buf_u16(out, r->hash);
		before = r->at;
	}
}

static void encode_coupons(const struct yt_order *o, struct yt_buf *out)
{
	yt_buf_varint(out, o->n_used);
	for (uint32_t k = 0; k < o->n_used; k++)
		yt_buf_add(out, o->used[k], 16);
	if (o->n_used)
		yt_buf_varint(out, (uint64_t)o->coupon_cost);
	yt_buf_varint(out, o->n_codes);
	for (uint32_t k = 0; k < o->n_codes; k++)
		yt_buf_bytes(out, o->codes[k]);
}

static void encode_products(const struct yt_order *o, struct yt_buf *out)
{
	yt_buf_varint(out, o->n_products);
	for (uint32_t k = 0; k < o->n_products; k++) {
		yt_buf_u64(out, o->products[k].sku);
		yt_buf_varint(out, (uint64_t)o->products[k].units);
		yt_buf_varint(out, (uint64_t)o->products[k].refunded);
	}
}

void yt_order_encode(const void *order, struct yt_buf *out)
{
	const struct yt_order *o = order;
	unsigned flags = flags_of(o);

	yt_buf_u16(out, (uint16_t)flags);
	yt_buf_bytes(out, o->member);
	yt_buf_varint(out, (uint64_t)o->life_end);
	yt_buf_varint(out, (uint64_t)o->keep_until);
	if (o->paid)
		encode_payment(o, out);
	encode_step(o->shipped_at, o->shipped_hash, out);
	encode_step(o->signed_at, o->signed_hash, out);
	encode_step(o->cancelled_at, o->cancelled_hash, out);
	if (flags & ORDER_REFUNDS)
		encode_refunds(o, out);
	if (flags & ORDER_COUPONS)
		encode_coupons(o, out);
	if (flags & ORDER_MARKS) {
		yt_buf_varint(out, o->n_marks);
		for (uint32_t k = 0; k < o->n_marks; k++)
			yt_buf_u64(out, o->marks[k]);
	}
	if (flags & ORDER_EARLY) {
		yt_buf_varint(out, o->n_early);
		for (uint32_t k = 0; k < o->n_early; k++)
			yt_kept_encode(o->early[k], out);
	}
	if (flags & ORDER_PRODUCTS)
		encode_products(o, out);
}

void yt_order_names(const void *order, yt_named_fn *each, void *ctx)
{
	each(ctx, ((const struct yt_order *)order)->member);
}

static void decode_payment(struct yt_order *o, struct yt_rd *r)
{
	o->paid = true;
	o->paid_at = yt_rd_instant(r);
	o->amount = yt_rd_instant(r);
	o->units = yt_rd_instant(r);
	o->hash = yt_rd_u16(r);
	o->hash |= (uint32_t)yt_rd_u16(r) << 16;
	o->currency = yt_rd_bytes(r);
	o->channel = yt_rd_bytes(r);
	o->presale = yt_rd_bytes(r);
	o->nth = yt_rd_instant(r);
}

static void decode_step(int64_t *at, uint16_t *hash, struct yt_rd *r)
{
	*at = yt_rd_instant(r);
	*hash = yt_rd_u16(r);
}

static void decode_refunds(struct yt_order *o, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);
	int64_t at = 0;

	o->refunds = yt_list_read(a, r, n, 12, sizeof(*o->refunds));
	o->n_refunds = o->cap_refunds = o->refunds ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < o->n_refunds && !r->bad; k++) {
		o->refunds[k].fp = yt_rd_u64(r);
		o->refunds[k].at = at = yt_rd_instant_after(r, at);
		o->refunds[k].amount = yt_rd_instant(r);
		o->refunds[k].hash = yt_rd_u16(r);
	}
}

static void decode_coupons(struct yt_order *o, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	o->used = yt_list_read(a, r, n, 16, sizeof(*o->used));
	o->n_used = o->used ? (uint32_t)n : 0;
	if (o->n_used) {
		memcpy(o->used, r->p, o->n_used * sizeof(*o->used));
		r->p += o->n_used * sizeof(*o->used);
		o->coupon_cost = yt_rd_instant(r);
	}
	n = yt_rd_varint(r);
	o->codes = yt_list_read(a, r, n, 1, sizeof(*o->codes));
	o->n_codes = o->codes ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < o->n_codes; k++)
		o->codes[k] = yt_rd_bytes(r);
}

static void decode_marks(struct yt_order *o, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	o->marks = yt_list_read(a, r, n, 8, sizeof(*o->marks));
	o->n_marks = o->cap_marks = o->marks ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < o->n_marks; k++)
		o->marks[k] = yt_rd_u64(r);
}

static void decode_early(struct yt_order *o, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	o->early = yt_list_read(a, r, n, 4, sizeof(*o->early));
	o->n_early = o->cap_early = o->early ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < o->n_early && !r->bad; k++)
		o->early[k] = yt_kept_decode(a, r, o->shop, o->member);
}

static void decode_products(struct yt_order *o, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	o->products = yt_list_read(a, r, n, 10, sizeof(*o->products));
	o->n_products = o->cap_products = o->products ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < o->n_products; k++) {
		o->products[k].sku = yt_rd_u64(r);
		o->products[k].units = yt_rd_instant(r);
		o->products[k].refunded = yt_rd_instant(r);
	}
}

void *yt_order_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_order *o = yt_order_fresh(a, name);
	struct yt_rd r = yt_rd(value);
	uint16_t flags = yt_rd_u16(&r);

	o->granted = flags & ORDER_GRANTED;
	o->qualifies = flags & ORDER_QUALIFIES;
	o->asked = flags & ORDER_ASKED;
	o->member = yt_rd_bytes(&r);
	o->life_end = yt_rd_instant(&r);
	o->keep_until = yt_rd_instant(&r);
	if (flags & ORDER_PAID)
		decode_payment(o, &r);
	if (flags & ORDER_SHIPPED)
		decode_step(&o->shipped_at, &o->shipped_hash, &r);
	if (flags & ORDER_SIGNED)
		decode_step(&o->signed_at, &o->signed_hash, &r);
	if (flags & ORDER_CANCELLED)
		decode_step(&o->cancelled_at, &o->cancelled_hash, &r);
	if (flags & ORDER_REFUNDS)
		decode_refunds(o, a, &r);
	if (flags & ORDER_COUPONS)
		decode_coupons(o, a, &r);
	if (flags & ORDER_MARKS)
		decode_marks(o, a, &r);
	if (flags & ORDER_EARLY)
		decode_early(o, a, &r);
	if (flags & ORDER_PRODUCTS)
		decode_products(o, a, &r);
	return r.bad || r.p != r.end ? NULL : o;
}
