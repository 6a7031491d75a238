#include "yutang/core/paid.h"

#include "yutang/core/channels.h"

bool yt_paid_counts(const struct yt_paid *p)
{
	return !p->cancelled && (p->amount == 0 || p->refunded < p->amount);
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

bool yt_paid_is_before(const struct yt_paid *a, const struct yt_paid *b)
{
	return a->paid_at != b->paid_at ? a->paid_at < b->paid_at : a->fp < b->fp;
}

/* --- a row */

enum { PAID_CANCELLED = 1, PAID_REFUNDED = 2, PAID_CHANNEL = 4 /* and the bits above it */, CHANNEL_OTHER = YT_PAID_CHANNELS_MAX + 1 };

/* A member's orders are most of its bytes, and they are written and read with every event of the member: here without a call a number.
 * The bytes are those of yt_buf_u64 and yt_buf_varint. */

enum { ORDER_BYTES_MAX = 8 + 1 + 4 * 10 };

static char *put_varint(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	return p;
}

static char *put_order(char *p, int64_t before, const struct yt_paid *o)
{
	yt_le64_put(p, o->fp);
	p += 8;
	*p++ = (char)((o->cancelled ? PAID_CANCELLED : 0) | (o->refunded ? PAID_REFUNDED : 0) | o->channel * PAID_CHANNEL);
	p = put_varint(p, (uint64_t)(o->paid_at - before));
	p = put_varint(p, (uint64_t)o->amount);
	p = put_varint(p, (uint64_t)o->units);
	return o->refunded ? put_varint(p, (uint64_t)o->refunded) : p;
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
	o->refunded = 0;
	o->cancelled = flags & PAID_CANCELLED;
	o->channel = flags / PAID_CHANNEL;
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

/* Walks the rows, which are known to be good. */
struct walk {
	const unsigned char *p, *end;
	int64_t at;
};

static struct walk walk_of(const struct yt_paids *p)
{
	const unsigned char *from = (const unsigned char *)p->rows.p;

	/* Nothing is added to a NULL pointer, also no zero. */
	return (struct walk){ from, from ? from + p->rows.n : NULL, p->dropped_to };
}

static bool next(struct walk *w, struct yt_paid *o)
{
	if (w->p == w->end)
		return false;
	w->p = get_order(w->p, w->at, o);
	w->at = o->paid_at;
	return true;
}

/* --- the rows, and what follows from them */

/* One more row, behind all others. */
static void learn(struct yt_paids *p, const struct yt_paid *o)
{
	add_order(&p->totals, o, 1);
	if (!p->first.paid_at && yt_paid_counts(o))
		p->first = *o;
	p->last_at = o->paid_at;
	p->last_fp = o->fp;
}

static void learn_anew(struct yt_paids *p)
{
	p->totals = p->gone;
	p->first = (struct yt_paid){ 0 };
	p->last_at = 0;
	p->last_fp = 0;
}

struct yt_paid *yt_paids_unpack(const struct yt_paids *p, struct yt_arena *a)
{
	struct yt_paid *v = yt_arena_alloc(a, (p->n + 1) * sizeof(*v));
	struct walk w = walk_of(p);

	for (uint32_t k = 0; next(&w, &v[k]); k++)
		;
	return v;
}

static void pack(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *v, uint32_t n)
{
	char *rows = yt_arena_alloc(a, (size_t)n * ORDER_BYTES_MAX), *at = rows;
	int64_t before = p->dropped_to;

	learn_anew(p);
	for (uint32_t k = 0; k < n; k++) {
		at = put_order(at, before, &v[k]);
		before = v[k].paid_at;
		learn(p, &v[k]);
	}
	p->rows = yt_str(rows, (size_t)(at - rows));
	p->room = n * ORDER_BYTES_MAX - p->rows.n;
	p->n = n;
}

static void append(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *paid)
{
	enum { MORE = 4 * ORDER_BYTES_MAX }; /* for the next ones of the same batch */
	char *rows = (char *)(uintptr_t)p->rows.p, *end;

	if (p->room < ORDER_BYTES_MAX) {
		rows = yt_arena_alloc(a, p->rows.n + MORE);
		if (p->rows.n)
			memcpy(rows, p->rows.p, p->rows.n);
		p->room = MORE;
	}
	end = put_order(rows + p->rows.n, p->last_at ? p->last_at : p->dropped_to, paid);
	p->room -= (uint32_t)(end - rows) - p->rows.n;
	p->rows = yt_str(rows, (size_t)(end - rows));
	p->n++;
	learn(p, paid);
}

/* Most orders are asked for when they are new: then the bytes of the fingerprint stand nowhere in the rows. They may also stand there by chance. */
static bool may_have(const struct yt_paids *p, uint64_t fp)
{
	const char *at = p->rows.p, *end = at + p->rows.n;

	while (end - at >= 8 && (at = memchr(at, (int)(fp & 0xff), (size_t)(end - at - 7)))) {
		if (yt_le64_get(at) == fp)
			return true;
		at++;
	}
	return false;
}

bool yt_paids_find(const struct yt_paids *p, uint64_t fp, struct yt_paid *out)
{
	struct walk w = walk_of(p);
	struct yt_paid o;

	if (!p->n || !may_have(p, fp))
		return false;
	while (next(&w, &o)) {
		if (o.fp != fp)
			continue;
		if (out)
			*out = o;
		return true;
	}
	return false;
}

void yt_paids_add(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *paid)
{
	const struct yt_paid last = { .paid_at = p->last_at, .fp = p->last_fp };
	struct yt_paid *v;
	uint32_t k;

	if (p->n < YT_PAID_MAX && !yt_paid_is_before(paid, &last)) {
		append(p, a, paid);
		return;
	}
	v = yt_paids_unpack(p, a);
	for (k = p->n; k > 0 && yt_paid_is_before(paid, &v[k - 1]); k--)
		v[k] = v[k - 1];
	v[k] = *paid;
	if (p->n < YT_PAID_MAX) {
		pack(p, a, v, p->n + 1);
		return;
	}
	add_order(&p->gone, &v[0], 1);
	p->dropped_to = v[0].paid_at;
	pack(p, a, v + 1, p->n);
}

static void add_totals(struct yt_totals *t, const struct yt_totals *more)
{
	t->paid_orders += more->paid_orders;
	t->paid_amount = yt_sum(t->paid_amount, more->paid_amount);
	t->paid_items = yt_sum(t->paid_items, more->paid_items);
	t->refunded_orders += more->refunded_orders;
	t->refunded_amount = yt_sum(t->refunded_amount, more->refunded_amount);
	t->net_amount = yt_sum(t->net_amount, more->net_amount);
	if (more->first_paid_at)
		widen(t, more->first_paid_at);
	if (more->last_paid_at)
		widen(t, more->last_paid_at);
}

/* The first k of v are forgotten, and whatever is older than what was forgotten before. */
static void pack_from(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *v, uint32_t n, uint32_t k)
{
	uint32_t gone = 0;

	for (; gone < n && (gone < k || v[gone].paid_at < p->dropped_to); gone++) {
		add_order(&p->gone, &v[gone], 1);
		if (v[gone].paid_at > p->dropped_to)
			p->dropped_to = v[gone].paid_at;
	}
	pack(p, a, v + gone, n - gone);
}

void yt_paids_know(struct yt_paids *p, struct yt_arena *a, struct yt_str channel, struct yt_paid *order)
{
	struct yt_paid known;

	order->channel = yt_paids_find(p, order->fp, &known) ? known.channel : yt_paids_channel(p, a, channel);
}

/* The order, as the list that it comes to tells its channel. */
static struct yt_paid with_channel(struct yt_paids *p, struct yt_arena *a, const struct yt_paids *from, const struct yt_paid *paid)
{
	struct yt_paid o = *paid;

	if (o.channel <= YT_PAID_CHANNELS_MAX)
		o.channel = yt_paids_channel(p, a, yt_paids_channel_name(from, o.channel));
	return o;
}

void yt_paids_merge(struct yt_paids *p, struct yt_arena *a, const struct yt_paids *from)
{
	struct yt_paid *own = yt_paids_unpack(p, a), *other = yt_paids_unpack(from, a), *v;
	uint32_t n = 0, i = 0, k = 0;

	if (!from->n && !from->dropped_to)
		return;
	v = yt_arena_alloc(a, ((size_t)p->n + from->n) * sizeof(*v));
	while (i < p->n || k < from->n) {
		if (k == from->n || (i < p->n && yt_paid_is_before(&own[i], &other[k])))
			v[n++] = own[i++];
		else if (!yt_paids_find(p, other[k++].fp, NULL))
			v[n++] = with_channel(p, a, from, &other[k - 1]);
	}
	add_totals(&p->gone, &from->gone);
	if (from->dropped_to > p->dropped_to)
		p->dropped_to = from->dropped_to;
	pack_from(p, a, v, n, n > YT_PAID_MAX ? n - YT_PAID_MAX : 0);
}

void yt_paids_shed(struct yt_paids *p, struct yt_arena *a, uint32_t n)
{
	pack_from(p, a, yt_paids_unpack(p, a), p->n, n);
}

void yt_paids_change(struct yt_paids *p, struct yt_arena *a, const struct yt_paid *was, const struct yt_paid *now)
{
	struct yt_paid *v = yt_paids_unpack(p, a);
	uint32_t k = 0;

	while (k < p->n && v[k].fp != now->fp)
		k++;
	if (k < p->n) {
		v[k] = *now;
	} else {
		add_order(&p->gone, was, -1);
		add_order(&p->gone, now, 1);
	}
	pack(p, a, v, p->n);
}

void yt_paids_between(const struct yt_paids *p, int64_t after_ms, int64_t to_ms, struct yt_totals *out)
{
	struct walk w = walk_of(p);
	struct yt_paid o;

	*out = (struct yt_totals){ 0 };
	while (next(&w, &o) && o.paid_at <= to_ms) {
		if (o.paid_at > after_ms)
			add_order(out, &o, 1);
	}
}

const struct yt_paid *yt_paids_first(const struct yt_paids *p)
{
	return p->gone.paid_orders > 0 || !p->first.paid_at ? NULL : &p->first;
}

int64_t yt_paids_median_gap(const struct yt_paids *p)
{
	int64_t newest[YT_GAP_ORDERS], gaps[YT_GAP_ORDERS]; /* paid_at of the last ones that count, in turn */
	struct walk w = walk_of(p);
	struct yt_paid o;
	uint32_t count = 0, n;

	while (next(&w, &o))
		if (yt_paid_counts(&o))
			newest[count++ % YT_GAP_ORDERS] = o.paid_at;
	n = (count < YT_GAP_ORDERS ? count : YT_GAP_ORDERS);
	if (n < 3)
		return -1;
	n--;
	for (uint32_t k = 0; k < n; k++) {
		int64_t gap = newest[(count - 1 - k) % YT_GAP_ORDERS] - newest[(count - 2 - k) % YT_GAP_ORDERS];
		uint32_t at = k;

		for (; at > 0 && gaps[at - 1] > gap; at--)
			gaps[at] = gaps[at - 1];
		gaps[at] = gap;
	}
	return n % 2 ? gaps[n / 2] : (gaps[n / 2 - 1] + gaps[n / 2]) / 2;
}

/* --- channels */

uint8_t yt_paids_channel(struct yt_paids *p, struct yt_arena *a, struct yt_str channel)
{
	struct yt_rd r = yt_rd(p->channels);
	struct yt_buf more;
	uint8_t k = 1;

	if (!channel.n)
		return 0;
	for (; r.p < r.end; k++) {
		if (yt_str_eq(yt_rd_bytes(&r), channel))
			return k;
	}
	if (k > YT_PAID_CHANNELS_MAX)
		return CHANNEL_OTHER;
	yt_buf_init(&more, a);
	yt_buf_str_add(&more, p->channels);
	yt_buf_bytes(&more, channel);
	p->channels = yt_buf_str(&more);
	return k;
}

struct yt_str yt_paids_channel_name(const struct yt_paids *p, uint8_t channel)
{
	struct yt_rd r = yt_rd(p->channels);
	struct yt_str name = { 0 };

	if (channel > YT_PAID_CHANNELS_MAX)
		return YT_CHANNEL_OTHER;
	for (uint8_t k = 0; k < channel; k++)
		name = yt_rd_bytes(&r);
	return name;
}

/* --- the member's bytes */

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

void yt_paids_encode(const struct yt_paids *p, struct yt_buf *out)
{
	yt_buf_varint(out, (uint64_t)p->n << 1 | (p->channels.n > 0));
	if (!p->n)
		return;
	yt_buf_varint(out, (uint64_t)p->dropped_to);
	if (p->dropped_to)
		encode_gone(&p->gone, out);
	if (p->channels.n)
		yt_buf_bytes(out, p->channels);
	yt_buf_str_add(out, p->rows);
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

/* NULL: none of ours. */
static const unsigned char *read_order(const unsigned char *p, const unsigned char *end, int64_t before, struct yt_paid *o)
{
	unsigned char tail[ORDER_BYTES_MAX] = { 0 };
	size_t left = (size_t)(end - p);
	const unsigned char *to;

	if (left >= ORDER_BYTES_MAX)
		return get_order(p, before, o);
	/* Near the end a copy, so that nothing is read behind it. */
	memcpy(tail, p, left);
	to = get_order(tail, before, o);
	return to && (size_t)(to - tail) <= left ? p + (to - tail) : NULL;
}

/* How many there are. */
static int decode_channels(struct yt_paids *p, struct yt_rd *r)
{
	struct yt_rd each;
	int n = 0;

	p->channels = yt_rd_bytes(r);
	each = yt_rd(p->channels);
	for (; each.p < each.end && !each.bad; n++)
		each.bad |= yt_rd_bytes(&each).n == 0;
	r->bad |= each.bad || n == 0 || n > YT_PAID_CHANNELS_MAX;
	return n;
}

void yt_paids_decode(struct yt_paids *p, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);
	const unsigned char *at;
	bool named = n & 1;
	int channels = 0;
	int64_t before;

	n >>= 1;
	r->bad |= named && !n;
	if (!n)
		return;
	before = p->dropped_to = yt_rd_instant(r);
	if (p->dropped_to)
		decode_gone(&p->gone, r);
	if (named)
		channels = decode_channels(p, r);
	r->bad |= n > YT_PAID_MAX;
	learn_anew(p);
	at = r->p;
	for (uint64_t k = 0; k < n && !r->bad; k++) {
		struct yt_paid o;

		at = read_order(at, r->end, before, &o);
		r->bad |= !at || (o.channel > channels && o.channel != CHANNEL_OTHER) || (k > 0 && o.paid_at == p->last_at && o.fp <= p->last_fp);
		if (r->bad)
			return;
		before = o.paid_at;
		learn(p, &o);
	}
	p->rows = yt_str((const char *)r->p, (size_t)(at - r->p));
	p->n = (uint32_t)n;
	r->p = at;
}
