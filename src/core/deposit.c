#include "yutang/core/deposit.h"

#include "yutang/base/hash.h"
#include "yutang/core/kept.h"

/* Where the presale is, or belongs. */
static uint32_t place_of(const struct yt_deposits *d, uint64_t presale)
{
	uint32_t k = 0;

	while (k < d->n && d->v[k].presale < presale)
		k++;
	return k;
}

static struct yt_deposit *find(const struct yt_deposits *d, uint64_t presale)
{
	uint32_t k = place_of(d, presale);

	return k < d->n && d->v[k].presale == presale ? &d->v[k] : NULL;
}

struct yt_deposit *yt_deposits_find(const struct yt_deposits *d, struct yt_str presale)
{
	return find(d, yt_hash64(presale));
}

static struct yt_deposit *add(struct yt_deposits *d, struct yt_arena *a, uint64_t presale)
{
	uint32_t k = place_of(d, presale);

	d->v = yt_list_grow(a, d->v, d->n, &d->cap, sizeof(*d->v));
	memmove(&d->v[k + 1], &d->v[k], (d->n++ - k) * sizeof(*d->v));
	d->v[k] = (struct yt_deposit){ .presale = presale };
	return &d->v[k];
}

static int64_t first_instant(const struct yt_deposit *d)
{
	return d->paid_at && (!d->refunded_at || d->paid_at < d->refunded_at) ? d->paid_at : d->refunded_at;
}

static void drop_oldest(struct yt_deposits *d)
{
	uint32_t oldest = 0;

	for (uint32_t k = 1; k < d->n; k++) {
		if (first_instant(&d->v[k]) < first_instant(&d->v[oldest]))
			oldest = k;
	}
	if (first_instant(&d->v[oldest]) > d->dropped_to)
		d->dropped_to = first_instant(&d->v[oldest]);
	memmove(&d->v[oldest], &d->v[oldest + 1], (d->n - oldest - 1) * sizeof(*d->v));
	d->n--;
}

struct yt_deposit *yt_deposits_fold(struct yt_deposits *d, struct yt_arena *a, const struct yt_event *ev)
{
	uint64_t presale = yt_hash64(yt_event_text(ev, YT_F_PRESALE));
	struct yt_deposit *row = find(d, presale);

	if (!row)
		row = add(d, a, presale);
	if (ev->type == YT_PRESALE_DEPOSIT_PAID) {
		row->paid_at = ev->at;
		row->amount = yt_event_int(ev, YT_F_AMOUNT);
		row->balance_from = yt_event_int(ev, YT_F_BALANCE_FROM);
		row->balance_until = yt_event_int(ev, YT_F_BALANCE_UNTIL);
		row->paid_hash = (uint16_t)yt_event_hash(ev);
	} else {
		row->refunded_at = ev->at;
		row->refunded_hash = (uint16_t)yt_event_hash(ev);
	}
	if (d->n > YT_DEPOSITS_MAX)
		drop_oldest(d);
	return find(d, presale);
}

void yt_deposits_merge(struct yt_deposits *d, struct yt_arena *a, const struct yt_deposits *from)
{
	for (uint32_t k = 0; k < from->n; k++) {
		if (!find(d, from->v[k].presale))
			*add(d, a, from->v[k].presale) = from->v[k];
	}
	if (from->dropped_to > d->dropped_to)
		d->dropped_to = from->dropped_to;
	while (d->n > YT_DEPOSITS_MAX)
		drop_oldest(d);
}

enum { DEPOSIT_PAID = 1, DEPOSIT_REFUNDED = 2 };

static void encode_row(const struct yt_deposit *d, struct yt_buf *out)
{
	yt_buf_u64(out, d->presale);
	yt_buf_c(out, (char)((d->paid_at ? DEPOSIT_PAID : 0) | (d->refunded_at ? DEPOSIT_REFUNDED : 0)));
	if (d->paid_at) {
		yt_buf_varint(out, (uint64_t)d->paid_at);
		yt_buf_varint(out, (uint64_t)d->amount);
		yt_buf_varint(out, (uint64_t)d->balance_from);
		yt_buf_varint(out, (uint64_t)d->balance_until);
		yt_buf_u16(out, d->paid_hash);
	}
	if (d->refunded_at) {
		yt_buf_varint(out, (uint64_t)d->refunded_at);
		yt_buf_u16(out, d->refunded_hash);
	}
}

void yt_deposits_encode(const struct yt_deposits *d, struct yt_buf *out)
{
	yt_buf_varint(out, (uint64_t)d->dropped_to);
	yt_buf_varint(out, d->n);
	for (uint32_t k = 0; k < d->n; k++)
		encode_row(&d->v[k], out);
}

static void decode_row(struct yt_deposit *d, struct yt_rd *r)
{
	uint8_t flags;

	d->presale = yt_rd_u64(r);
	flags = yt_rd_u8(r);
	if (flags & DEPOSIT_PAID) {
		d->paid_at = yt_rd_instant(r);
		d->amount = yt_rd_instant(r);
		d->balance_from = yt_rd_instant(r);
		d->balance_until = yt_rd_instant(r);
		d->paid_hash = yt_rd_u16(r);
	}
	if (flags & DEPOSIT_REFUNDED) {
		d->refunded_at = yt_rd_instant(r);
		d->refunded_hash = yt_rd_u16(r);
	}
}

void yt_deposits_decode(struct yt_deposits *d, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n;

	d->dropped_to = yt_rd_instant(r);
	n = yt_rd_varint(r);
	d->v = yt_list_read(a, r, n, 9, sizeof(*d->v));
	d->n = d->cap = d->v ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < d->n && !r->bad; k++)
		decode_row(&d->v[k], r);
}
