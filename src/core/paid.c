#include "yutang/core/paid.h"

bool yt_paid_counts(const struct yt_paid *p)
{
	return !p->cancelled && (p->amount == 0 || p->refunded < p->amount);
}

struct yt_paid *yt_paids_find(const struct yt_paids *p, uint64_t fp)
{
	for (uint32_t k = p->n; k-- > 0;) {
		if (p->v[k].fp == fp)
			return &p->v[k];
	}
	return NULL;
}

static void widen(struct yt_totals *t, int64_t paid_at)
{
	if (!t->first_paid_at || paid_at < t->first_paid_at)
		t->first_paid_at = paid_at;
	if (paid_at > t->last_paid_at)
		t->last_paid_at = paid_at;
}

/* sign 1: the order comes into the sums, -1: it goes. The first and last instants only widen. */
static void add_order(struct yt_totals *t, const struct yt_paid *p, int sign)
{
	int64_t refunded = p->cancelled ? p->amount : p->refunded;

	if (yt_paid_counts(p)) {
		t->paid_orders += sign;
		t->paid_amount = yt_sum(t->paid_amount, sign * p->amount);
		t->paid_items = yt_sum(t->paid_items, sign * p->units);
		if (sign > 0)
			widen(t, p->paid_at);
	} else {
		t->refunded_orders += sign;
	}
	t->refunded_amount = yt_sum(t->refunded_amount, sign * refunded);
	t->net_amount = yt_sum(t->net_amount, sign * (p->amount - refunded));
}

static bool is_before(const struct yt_paid *a, const struct yt_paid *b)
{
	return a->paid_at != b->paid_at ? a->paid_at < b->paid_at : a->fp < b->fp;
}

void yt_paids_add(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *paid)
{
	uint32_t k;

	p->v = yt_list_grow(a, p->v, p->n, &p->cap, sizeof(*p->v));
	for (k = p->n; k > 0 && is_before(paid, &p->v[k - 1]); k--)
		p->v[k] = p->v[k - 1];
	p->v[k] = *paid;
	if (++p->n <= YT_PAID_MAX)
		return;
	add_order(&p->gone, &p->v[0], 1);
	p->dropped_to = p->v[0].paid_at;
	memmove(&p->v[0], &p->v[1], --p->n * sizeof(*p->v));
}

void yt_paids_change(struct yt_paids *p, const struct yt_paid *was, const struct yt_paid *now)
{
	struct yt_paid *kept = yt_paids_find(p, now->fp);

	if (kept) {
		*kept = *now;
		return;
	}
	add_order(&p->gone, was, -1);
	add_order(&p->gone, now, 1);
}

void yt_paids_totals(const struct yt_paids *p, struct yt_totals *out)
{
	*out = p->gone;
	for (uint32_t k = 0; k < p->n; k++)
		add_order(out, &p->v[k], 1);
}

const struct yt_paid *yt_paids_first(const struct yt_paids *p)
{
	if (p->gone.paid_orders > 0)
		return NULL;
	for (uint32_t k = 0; k < p->n; k++) {
		if (yt_paid_counts(&p->v[k]))
			return &p->v[k];
	}
	return NULL;
}

enum { PAID_CANCELLED = 1, PAID_REFUNDED = 2 };

static void encode_gone(const struct yt_totals *t, struct yt_buf *out)
{
	yt_buf_svarint(out, t->paid_orders);
	yt_buf_svarint(out, t->paid_amount);
	yt_buf_svarint(out, t->paid_items);
	yt_buf_svarint(out, t->refunded_orders);
	yt_buf_svarint(out, t->refunded_amount);
	yt_buf_svarint(out, t->net_amount);
	yt_buf_varint(out, (uint64_t)t->first_paid_at);
	yt_buf_varint(out, (uint64_t)t->last_paid_at);
}

/* A member's orders are most of its bytes, and they are written and read with every event of the member: here without a call a number.
 * The bytes are those of yt_buf_u64 and yt_buf_varint. */

enum { ORDER_BYTES_MAX = 8 + 1 + 4 * 10 };

static char *put_u64(char *p, uint64_t v)
{
	yt_le64_put(p, v);
	return p + 8;
}

static char *put_varint(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	return p;
}

int64_t yt_paids_median_gap(const struct yt_paids *p)
{
	int64_t gaps[YT_GAP_ORDERS], later = 0;
	int n = -1; /* the last order has no gap behind it */

	for (uint32_t k = p->n; k-- > 0 && n < YT_GAP_ORDERS - 1;) {
		int64_t gap = later - p->v[k].paid_at;
		int at = n;

		if (!yt_paid_counts(&p->v[k]))
			continue;
		for (; at > 0 && gaps[at - 1] > gap; at--)
			gaps[at] = gaps[at - 1];
		if (n >= 0)
			gaps[at] = gap;
		later = p->v[k].paid_at;
		n++;
	}
	if (n < 2)
		return -1;
	return n % 2 ? gaps[n / 2] : (gaps[n / 2 - 1] + gaps[n / 2]) / 2;
}

void yt_paids_encode(const struct yt_paids *p, struct yt_buf *out)
{
	int64_t before = p->dropped_to;
	char *at;

	yt_buf_varint(out, p->n);
	if (!p->n)
		return;
	yt_buf_varint(out, (uint64_t)p->dropped_to);
	if (p->dropped_to)
		encode_gone(&p->gone, out);
	yt_buf_reserve(out, (size_t)p->n * ORDER_BYTES_MAX);
	at = out->p + out->n;
	for (uint32_t k = 0; k < p->n; k++) {
		const struct yt_paid *o = &p->v[k];

		at = put_u64(at, o->fp);
		*at++ = (char)((o->cancelled ? PAID_CANCELLED : 0) | (o->refunded ? PAID_REFUNDED : 0));
		at = put_varint(at, (uint64_t)(o->paid_at - before));
		at = put_varint(at, (uint64_t)o->amount);
		at = put_varint(at, (uint64_t)o->units);
		if (o->refunded)
			at = put_varint(at, (uint64_t)o->refunded);
		before = o->paid_at;
	}
	out->n = (size_t)(at - out->p);
}

/* A number from 0 to 2^53, of at most eight bytes that are there; else NULL. */
static const unsigned char *get_number(const unsigned char *p, int64_t *out)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 56; shift += 7) {
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80)) {
			*out = (int64_t)v;
			return v <= (uint64_t)YT_INSTANT_MAX_MS ? p : NULL;
		}
	}
	return NULL;
}

/* There are ORDER_BYTES_MAX bytes at p. NULL: none of ours. */
static const unsigned char *get_order(const unsigned char *p, int64_t before, struct yt_paid *o)
{
	uint8_t flags = p[8];

	o->fp = yt_le64_get(p);
	o->cancelled = flags & PAID_CANCELLED;
	p = get_number(p + 9, &o->paid_at);
	if (!p || o->paid_at > YT_INSTANT_MAX_MS - before)
		return NULL;
	o->paid_at += before;
	p = get_number(p, &o->amount);
	if (p)
		p = get_number(p, &o->units);
	if (p && flags & PAID_REFUNDED)
		p = get_number(p, &o->refunded);
	return p;
}

static void decode_gone(struct yt_totals *t, struct yt_rd *r)
{
	t->paid_orders = yt_rd_svarint(r);
	t->paid_amount = yt_rd_svarint(r);
	t->paid_items = yt_rd_svarint(r);
	t->refunded_orders = yt_rd_svarint(r);
	t->refunded_amount = yt_rd_svarint(r);
	t->net_amount = yt_rd_svarint(r);
	t->first_paid_at = yt_rd_instant(r);
	t->last_paid_at = yt_rd_instant(r);
	/* Counts, so that adding to them can't overflow. */
	if (t->paid_orders < 0 || t->refunded_orders < 0 || t->paid_orders > INT32_MAX || t->refunded_orders > INT32_MAX)
		r->bad = true;
}

void yt_paids_decode(struct yt_paids *p, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);
	int64_t at;

	p->v = yt_list_read(a, r, n, 12, sizeof(*p->v));
	if (!p->v)
		return;
	p->n = p->cap = (uint32_t)n;
	p->dropped_to = at = yt_rd_instant(r);
	if (p->dropped_to)
		decode_gone(&p->gone, r);
	for (uint32_t k = 0; k < p->n && !r->bad; k++) {
		unsigned char tail[ORDER_BYTES_MAX];
		size_t left = (size_t)(r->end - r->p);
		const unsigned char *from = r->p, *to;

		/* Near the end a copy, so that nothing is read behind it. */
		if (left < ORDER_BYTES_MAX) {
			memset(tail, 0, sizeof(tail));
			from = memcpy(tail, r->p, left);
		}
		to = get_order(from, at, &p->v[k]);
		if (!to || (size_t)(to - from) > left) {
			r->bad = true;
			return;
		}
		r->p += to - from;
		at = p->v[k].paid_at;
	}
}
