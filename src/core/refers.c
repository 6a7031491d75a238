/* What a member keeps of referrals, as bytes: docs/state.md. */
#include "yutang/core/referral.h"

struct yt_refers *yt_member_refers(struct yt_member *m, struct yt_arena *a)
{
	if (!m->refers)
		m->refers = yt_arena_zalloc(a, sizeof(*m->refers));
	return m->refers;
}

int64_t yt_member_referrals(const struct yt_member *m, enum yt_level level)
{
	return m->refers && m->refers->referrer ? m->refers->referrer->count[level] : 0;
}

int64_t yt_member_referrals_approved(const struct yt_member *m)
{
	return yt_member_referrals(m, YT_LEVEL_APPROVED);
}

/* --- reasons */

/* In the order of their numbers. */
static const uint8_t reasons[] = {
	YT_REASON_NONE,       YT_REASON_ORDER_REFUNDED, YT_REASON_ORDER_CANCELLED, YT_REASON_BY_STAFF,    YT_REASON_REFERRAL_VOIDED, YT_REASON_LOOP,
	YT_REASON_VELOCITY,   YT_REASON_SAME_PHONE,     YT_REASON_SAME_DEVICE,     YT_REASON_SAME_ADDRESS, YT_REASON_REFERRER_CAP,
};

uint8_t yt_referral_reason_number(enum yt_reason reason)
{
	for (uint8_t k = 0; k < sizeof(reasons); k++) {
		if (reasons[k] == reason)
			return k;
	}
	return 0;
}

enum yt_reason yt_referral_reason(uint8_t number)
{
	return number < sizeof(reasons) ? (enum yt_reason)reasons[number] : YT_REASON_NONE;
}

/* --- the newcomer */

enum {
	SAGA_FLAGGED = 1,
	SAGA_TOLD = 2,
	SAGA_ASKS_PHONE = 4,
	SAGA_REREGISTERED = 8,
	SAGA_GIVEN = 16,
	SAGA_BY_STAFF = 32,
	SAGA_ORIGIN = 64,
	SAGA_BUYER = 128, /* it names one */
	/* In the byte of the state and the level, beside them. */
	SAGA_BINDING = 64,
	SAGA_PAYMENT = 128,
};

static bool has_buyer(const struct yt_referral *s)
{
	return s->buyer[0] || s->buyer[1] || s->buyer[2];
}

static void encode_saga(const struct yt_referral *s, struct yt_buf *out)
{
	yt_buf_c(out, (char)(s->state | s->level << 4 | (s->binding ? SAGA_BINDING : 0) | (s->payment ? SAGA_PAYMENT : 0)));
	yt_buf_c(out, (char)((s->flagged ? SAGA_FLAGGED : 0) | (s->told ? SAGA_TOLD : 0) | (s->asks_phone ? SAGA_ASKS_PHONE : 0) |
	                     (s->reregistered ? SAGA_REREGISTERED : 0) | (s->given ? SAGA_GIVEN : 0) | (s->by_staff ? SAGA_BY_STAFF : 0) |
	                     (s->origin ? SAGA_ORIGIN : 0) | (has_buyer(s) ? SAGA_BUYER : 0)));
	yt_buf_bytes(out, s->code);
	yt_buf_bytes(out, s->as);
	yt_buf_bytes(out, s->channel);
	yt_buf_varint(out, (uint64_t)s->window_end);
	yt_buf_varint(out, (uint64_t)s->code_until);
	yt_buf_varint(out, (uint64_t)s->hold_until);
	yt_buf_varint(out, (uint64_t)s->seq);
	yt_buf_varint(out, (uint64_t)s->heard);
	if (s->origin)
		yt_kept_encode(s->origin, out);
	if (s->binding)
		yt_kept_encode(s->binding, out);
	if (s->payment)
		yt_kept_encode(s->payment, out);
	yt_buf_bytes(out, s->order);
	for (int k = 0; k < YT_BUYER__COUNT && has_buyer(s); k++)
		yt_buf_u64(out, s->buyer[k]);
	yt_buf_varint(out, s->n_others);
	for (uint32_t k = 0; k < s->n_others; k++)
		yt_buf_u64(out, s->others[k]);
	yt_buf_varint(out, s->voids);
}

static void decode_saga_flags(struct yt_referral *s, uint8_t flags)
{
	s->flagged = flags & SAGA_FLAGGED;
	s->told = flags & SAGA_TOLD;
	s->asks_phone = flags & SAGA_ASKS_PHONE;
	s->reregistered = flags & SAGA_REREGISTERED;
	s->given = flags & SAGA_GIVEN;
	s->by_staff = flags & SAGA_BY_STAFF;
}

static uint64_t *decode_hashes(struct yt_arena *a, struct yt_rd *r, uint32_t *n, uint32_t *cap)
{
	uint64_t count = yt_rd_varint(r), *hashes = yt_list_read(a, r, count, 8, sizeof(*hashes));

	*n = *cap = hashes ? (uint32_t)count : 0;
	for (uint32_t k = 0; k < *n; k++)
		hashes[k] = yt_rd_u64(r);
	return hashes;
}

static struct yt_referral *decode_saga(struct yt_arena *a, struct yt_rd *r, const struct yt_member *m)
{
	struct yt_referral *s = yt_arena_zalloc(a, sizeof(*s));
	uint8_t state = yt_rd_u8(r), flags = yt_rd_u8(r);

	s->state = state & 15;
	s->level = state >> 4 & 3;
	decode_saga_flags(s, flags);
	s->code = yt_rd_bytes(r);
	s->as = yt_rd_bytes(r);
	s->channel = yt_rd_bytes(r);
	s->window_end = yt_rd_instant(r);
	s->code_until = yt_rd_instant(r);
	s->hold_until = yt_rd_instant(r);
	s->seq = yt_rd_instant(r);
	s->heard = yt_rd_instant(r);
	if (flags & SAGA_ORIGIN)
		s->origin = yt_kept_decode(a, r, m->shop, m->id);
	if (state & SAGA_BINDING)
		s->binding = yt_kept_decode(a, r, m->shop, m->id);
	if (state & SAGA_PAYMENT)
		s->payment = yt_kept_decode(a, r, m->shop, m->id);
	s->order = yt_rd_bytes(r);
	for (int k = 0; k < YT_BUYER__COUNT && flags & SAGA_BUYER; k++)
		s->buyer[k] = yt_rd_u64(r);
	s->others = decode_hashes(a, r, &s->n_others, &s->cap_others);
	s->voids = (uint32_t)yt_rd_varint(r);
	/* Whatever is due has what set it. */
	r->bad |= s->state >= YT_SAGA__END || s->level >= YT_LEVEL__END ||
	          (!s->origin && (s->window_end || s->code_until || s->hold_until)) || ((s->binding || s->payment) && !s->code_until);
	return s;
}

/* --- the referrer */

static void encode_referrer(const struct yt_referrer *f, struct yt_buf *out)
{
	for (int k = YT_LEVEL_BOUND; k < YT_LEVEL__END; k++)
		yt_buf_varint(out, (uint64_t)f->count[k]);
	yt_buf_varint(out, f->n);
	for (uint32_t k = 0; k < f->n; k++) {
		const struct yt_referred *row = &f->v[k];

		yt_buf_u64(out, row->invitee);
		yt_buf_varint(out, (uint64_t)row->seq);
		yt_buf_c(out, (char)row->level);
		yt_buf_varint(out, (uint64_t)row->bound_at);
		yt_buf_varint(out, (uint64_t)row->granted_at);
	}
}

static struct yt_referrer *decode_referrer(struct yt_arena *a, struct yt_rd *r)
{
	struct yt_referrer *f = yt_arena_zalloc(a, sizeof(*f));
	uint64_t n;

	for (int k = YT_LEVEL_BOUND; k < YT_LEVEL__END; k++)
		f->count[k] = yt_rd_instant(r);
	n = yt_rd_varint(r);
	f->v = yt_list_read(a, r, n, 12, sizeof(*f->v));
	f->n = f->cap = f->v ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < f->n; k++) {
		struct yt_referred *row = &f->v[k];

		row->invitee = yt_rd_u64(r);
		row->seq = yt_rd_instant(r);
		row->level = yt_rd_u8(r);
		row->bound_at = yt_rd_instant(r);
		row->granted_at = yt_rd_instant(r);
		r->bad |= row->level >= YT_LEVEL__END;
	}
	return f;
}

/* --- buyers */

enum { BUYER_REGISTERED = 4 }; /* beside the part */

static void encode_buyers(const struct yt_refers *f, struct yt_buf *out)
{
	int64_t at = 0;

	yt_buf_varint(out, f->n_buyers);
	for (uint32_t k = 0; k < f->n_buyers; k++) {
		const struct yt_buyer_hash *b = &f->buyers[k];

		yt_buf_c(out, (char)(b->part | (b->registered ? BUYER_REGISTERED : 0)));
		yt_buf_u64(out, b->hash);
		yt_buf_varint(out, (uint64_t)(b->first_at - at));
		at = b->first_at;
	}
}

static void decode_buyers(struct yt_refers *f, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);
	int64_t at = 0;

	f->buyers = yt_list_read(a, r, n, 10, sizeof(*f->buyers));
	f->n_buyers = f->cap_buyers = f->buyers ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < f->n_buyers; k++) {
		struct yt_buyer_hash *b = &f->buyers[k];
		uint8_t part = yt_rd_u8(r);

		b->part = part & 3;
		b->registered = part & BUYER_REGISTERED;
		b->hash = yt_rd_u64(r);
		b->first_at = at = yt_rd_instant_after(r, at);
		r->bad |= b->part >= YT_BUYER__COUNT;
	}
}

/* --- all of it */

enum { REFERS_SAGA = 1, REFERS_REFERRER = 2, REFERS_BUYERS = 4, REFERS_COMMANDS = 8 };

void yt_refers_encode(const struct yt_refers *f, struct yt_buf *out)
{
	yt_buf_c(out, (char)((f->saga ? REFERS_SAGA : 0) | (f->referrer ? REFERS_REFERRER : 0) | (f->n_buyers ? REFERS_BUYERS : 0) |
	                     (f->n_commands ? REFERS_COMMANDS : 0)));
	if (f->saga)
		encode_saga(f->saga, out);
	if (f->referrer)
		encode_referrer(f->referrer, out);
	if (f->n_buyers)
		encode_buyers(f, out);
	if (f->n_commands)
		yt_buf_varint(out, f->n_commands);
	for (uint32_t k = 0; k < f->n_commands; k++)
		yt_buf_u64(out, f->commands[k]);
}

struct yt_refers *yt_refers_decode(struct yt_arena *a, struct yt_rd *r, const struct yt_member *m)
{
	struct yt_refers *f = yt_arena_zalloc(a, sizeof(*f));
	uint8_t flags = yt_rd_u8(r);

	if (flags & REFERS_SAGA)
		f->saga = decode_saga(a, r, m);
	if (flags & REFERS_REFERRER)
		f->referrer = decode_referrer(a, r);
	if (flags & REFERS_BUYERS)
		decode_buyers(f, a, r);
	if (flags & REFERS_COMMANDS)
		f->commands = decode_hashes(a, r, &f->n_commands, &f->cap_commands);
	return f;
}

enum {
	SAGA_BYTES = 128, /* but for its texts */
	ROW_BYTES = 8 + 8 + 1 + 8 + 8,
	BUYER_BYTES = 1 + 8 + 9,
};
_Static_assert((int)YT_REFERS_GROWTH >= (int)SAGA_BYTES + 4 * (int)YT_ID_BYTES_MAX + (int)YT_KEPT_BYTES_MAX + 3 * (int)BUYER_BYTES + 64,
               "a binding with its texts, and a buyer");
_Static_assert((int)YT_REFERS_GROWTH >= (int)ROW_BYTES + 64, "a row at the referrer");

static size_t kept_bytes_bound(const struct yt_event *ev)
{
	return ev ? yt_kept_bytes_bound(ev) : 0;
}

size_t yt_refers_bytes_bound(const struct yt_refers *f)
{
	size_t n = 64; /* flags, counts */

	if (!f)
		return 0;
	if (f->saga)
		n += SAGA_BYTES + f->saga->code.n + f->saga->as.n + f->saga->channel.n + f->saga->order.n + f->saga->n_others * 8;
	if (f->saga)
		n += kept_bytes_bound(f->saga->origin) + kept_bytes_bound(f->saga->binding) + kept_bytes_bound(f->saga->payment);
	if (f->referrer)
		n += f->referrer->n * ROW_BYTES;
	return n + f->n_buyers * BUYER_BYTES + f->n_commands * 8;
}
