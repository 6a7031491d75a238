#include "yutang/core/claims.h"

#include "yutang/base/err.h"

struct yt_claim *yt_claims_find(const struct yt_claims *c, const unsigned char id[16])
{
	for (uint32_t k = 0; k < c->n; k++) {
		if (memcmp(c->v[k].id, id, 16) == 0)
			return &c->v[k];
	}
	return NULL;
}

void yt_claims_add(struct yt_claims *c, struct yt_arena *a, const struct yt_claim *claim)
{
	c->v = yt_list_grow(a, c->v, c->n, &c->cap, sizeof(*c->v));
	c->v[c->n++] = *claim;
}

void yt_claims_remove(struct yt_claims *c, const unsigned char id[16])
{
	struct yt_claim *claim = yt_claims_find(c, id);

	if (!claim)
		return;
	memmove(claim, claim + 1, (size_t)(c->v + c->n - (claim + 1)) * sizeof(*claim));
	c->n--;
}

uint32_t yt_claims_since(const struct yt_claims *c, struct yt_str template, int64_t from_ms)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < c->n; k++) {
		const struct yt_claim *claim = &c->v[k];

		n += !claim->withdrawn && claim->at >= from_ms && (!template.n || yt_str_eq(claim->template, template));
	}
	return n;
}

void yt_claims_withdraw(struct yt_claims *c, struct yt_str template, enum yt_reason reason)
{
	for (uint32_t k = 0; k < c->n; k++) {
		if (!c->v[k].withdrawn && yt_str_eq(c->v[k].template, template))
			c->v[k].withdrawn = reason;
	}
}

void yt_claims_withdraw_earned(struct yt_claims *c, uint64_t order, enum yt_reason reason)
{
	for (uint32_t k = 0; k < c->n; k++) {
		if (!c->v[k].withdrawn && c->v[k].order == order && !c->v[k].keep_on_refund)
			c->v[k].withdrawn = reason;
	}
}

enum { CLAIM_OWN = 1, CLAIM_KEEP = 2, CLAIM_ORDER = 4, CLAIM_COUPON = 8 };

/* Numbers of the state format: they never change. */
static const enum yt_reason withdrawals[] = { YT_REASON_NONE, YT_REASON_ORDER_REFUNDED, YT_REASON_ORDER_CANCELLED, YT_REASON_BY_RULE };
enum { WITHDRAWALS = sizeof(withdrawals) / sizeof(withdrawals[0]) };

static uint8_t withdrawal_number(enum yt_reason reason)
{
	uint8_t k = 0;

	while (withdrawals[k] != reason)
		YT_ASSERT(++k < WITHDRAWALS, yt_reason_name(reason));
	return k;
}

static void encode_claim(const struct yt_claim *c, struct yt_buf *out)
{
	yt_buf_add(out, c->id, sizeof(c->id));
	yt_buf_c(out, (char)((c->own ? CLAIM_OWN : 0) | (c->keep_on_refund ? CLAIM_KEEP : 0) | (c->order ? CLAIM_ORDER : 0) |
	                     (c->has_coupon ? CLAIM_COUPON : 0)));
	yt_buf_c(out, (char)c->seq);
	yt_buf_c(out, (char)withdrawal_number(c->withdrawn));
	yt_buf_bytes(out, c->template);
	yt_buf_varint(out, (uint64_t)c->at);
	yt_buf_u64(out, c->rule);
	if (c->order)
		yt_buf_u64(out, c->order);
	if (c->has_coupon)
		yt_buf_add(out, c->coupon, sizeof(c->coupon));
}

static void decode_claim(struct yt_claim *c, struct yt_rd *r)
{
	uint8_t flags, withdrawn;

	yt_rd_raw(r, c->id, sizeof(c->id));
	flags = yt_rd_u8(r);
	c->own = flags & CLAIM_OWN;
	c->keep_on_refund = flags & CLAIM_KEEP;
	c->seq = yt_rd_u8(r);
	withdrawn = yt_rd_u8(r);
	r->bad |= withdrawn >= WITHDRAWALS;
	c->withdrawn = r->bad ? YT_REASON_NONE : withdrawals[withdrawn];
	c->template = yt_rd_bytes(r);
	c->at = yt_rd_instant(r);
	c->rule = yt_rd_u64(r);
	if (flags & CLAIM_ORDER)
		c->order = yt_rd_u64(r);
	c->has_coupon = flags & CLAIM_COUPON;
	if (c->has_coupon)
		yt_rd_raw(r, c->coupon, sizeof(c->coupon));
}

void yt_claims_encode(const struct yt_claims *c, struct yt_buf *out)
{
	yt_buf_varint(out, c->n);
	for (uint32_t k = 0; k < c->n; k++)
		encode_claim(&c->v[k], out);
}

void yt_claims_decode(struct yt_claims *c, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	c->v = yt_list_read(a, r, n, 29, sizeof(*c->v));
	c->n = c->cap = c->v ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < c->n && !r->bad; k++)
		decode_claim(&c->v[k], r);
}
