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

struct yt_deposit *yt_deposits_known(const struct yt_deposits *d, uint64_t presale)
{
	return find(d, presale);
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

static void take_payment(struct yt_deposit *d, const struct yt_deposit *from)
{
	struct yt_deposit own = *d;

	*d = *from;
	d->refunded_at = own.refunded_at;
	d->refunded_hash = own.refunded_hash;
}

bool yt_deposits_take(struct yt_deposits *d, struct yt_arena *a, const struct yt_deposit *from)
{
	struct yt_deposit *own = find(d, from->presale);
	bool whole = from->paid_at && from->refunded_at;

	if (!own) {
		*add(d, a, from->presale) = *from;
		return false;
	}
	/* What is whole at the other came to its end there. */
	if (whole)
		return false;
	if (!own->paid_at && from->paid_at) {
		take_payment(own, from);
		return true;
	}
	if (own->refunded_at || !from->refunded_at)
		return false;
	own->refunded_at = from->refunded_at;
	own->refunded_hash = from->refunded_hash;
	return true;
}

void yt_deposits_trim(struct yt_deposits *d, int64_t dropped_to)
{
	if (dropped_to > d->dropped_to)
		d->dropped_to = dropped_to;
	while (d->n > YT_DEPOSITS_MAX)
		drop_oldest(d);
}

enum { DEPOSIT_PAID = 1, DEPOSIT_REFUNDED = 2, DEPOSIT_GRANTED = 4 };

static void encode_row(const struct yt_deposit *d, struct yt_buf *out)
{
	yt_buf_u64(out, d->presale);
	yt_buf_c(out, (char)((d->paid_at ? DEPOSIT_PAID : 0) | (d->refunded_at ? DEPOSIT_REFUNDED : 0) | (d->granted ? DEPOSIT_GRANTED : 0)));
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
	if (d->granted)
		yt_buf_u64(out, d->granted);
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
	if (flags & DEPOSIT_GRANTED)
		d->granted = yt_rd_u64(r);
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
