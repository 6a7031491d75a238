#include "yutang/core/wallet.h"

#include "yutang/base/hash.h"
#include "yutang/core/entity.h"
#include "yutang/rules/ruleset.h"

struct yt_coupon *yt_wallet_by_id(const struct yt_wallet *w, const unsigned char id[16])
{
	for (uint32_t k = 0; k < w->n; k++) {
		if (memcmp(w->v[k].id, id, 16) == 0)
			return &w->v[k];
	}
	return NULL;
}

struct yt_coupon *yt_wallet_by_code(const struct yt_wallet *w, struct yt_str code)
{
	char folded[13];

	if (!yt_crockford_fold(code, folded))
		return NULL;
	for (uint32_t k = 0; k < w->n; k++) {
		if (w->v[k].code[0] && memcmp(w->v[k].code, folded, 12) == 0)
			return &w->v[k];
	}
	return NULL;
}

bool yt_coupon_lives(const struct yt_coupon *c)
{
	return c->state == YT_COUPON_OPEN && !c->expired;
}

uint32_t yt_wallet_living(const struct yt_wallet *w)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < w->n; k++)
		n += yt_coupon_lives(&w->v[k]);
	return n;
}

static struct yt_gone *gone_of(const struct yt_wallet *w, struct yt_str template)
{
	for (uint32_t k = 0; k < w->n_gone; k++) {
		if (yt_str_eq(w->gone[k].template, template))
			return &w->gone[k];
	}
	return NULL;
}

/* What the limits have to remember of a coupon that leaves. */
static void remember(struct yt_wallet *w, struct yt_arena *a, const struct yt_coupon *c)
{
	struct yt_gone *g = gone_of(w, c->template);
	int64_t *issued;
	uint32_t k;

	if (!g) {
		w->gone = yt_list_grow(a, w->gone, w->n_gone, &w->cap_gone, sizeof(*w->gone));
		g = &w->gone[w->n_gone++];
		*g = (struct yt_gone){ .template = c->template };
	}
	g->n++;
	issued = yt_arena_alloc(a, (g->n_issued + 1) * sizeof(*issued));
	for (k = 0; k < g->n_issued && g->issued[k] <= c->issued_at; k++)
		issued[k] = g->issued[k];
	issued[k] = c->issued_at;
	for (; k < g->n_issued; k++)
		issued[k + 1] = g->issued[k];
	g->issued = issued;
	if (++g->n_issued > YT_ISSUES_MAX) {
		g->issued++;
		g->n_issued--;
	}
}

static void forget(struct yt_wallet *w, struct yt_arena *a, uint32_t k)
{
	const struct yt_coupon *c = &w->v[k];

	if (c->state != YT_COUPON_REVOKED)
		remember(w, a, c);
	w->used_gone += c->state == YT_COUPON_USED;
	memmove(&w->v[k], &w->v[k + 1], (w->n - k - 1) * sizeof(*w->v));
	w->n--;
}

bool yt_wallet_room(struct yt_wallet *w, struct yt_arena *a, int64_t now_ms, int64_t keep_ms)
{
	for (uint32_t k = w->n; k-- > 0;) {
		if (!yt_coupon_lives(&w->v[k]) && w->v[k].ended_at <= now_ms - keep_ms)
			forget(w, a, k);
	}
	while (w->n >= YT_COUPONS_MAX) { /* more than that only behind a member.linked */
		int oldest = -1;

		for (uint32_t k = 0; k < w->n; k++) {
			if (!yt_coupon_lives(&w->v[k]) && (oldest < 0 || w->v[k].ended_at < w->v[oldest].ended_at))
				oldest = (int)k;
		}
		if (oldest < 0)
			return false;
		forget(w, a, (uint32_t)oldest);
	}
	return true;
}

bool yt_wallet_shed(struct yt_wallet *w, struct yt_arena *a)
{
	uint32_t was = w->n;

	for (uint32_t k = w->n; k-- > 0;) {
		if (!yt_coupon_lives(&w->v[k]))
			forget(w, a, k);
	}
	return w->n < was;
}

static void merge_gone(struct yt_wallet *w, struct yt_arena *a, const struct yt_gone *from)
{
	struct yt_gone *g = gone_of(w, from->template);

	/* As coupons that go one after the other; what has no instant any more counts, too. */
	for (uint32_t k = 0; k < from->n_issued; k++)
		remember(w, a, &(struct yt_coupon){ .template = from->template, .issued_at = from->issued[k] });
	if (!g)
		g = gone_of(w, from->template);
	if (g)
		g->n += from->n - from->n_issued;
}

void yt_wallet_merge(struct yt_wallet *w, struct yt_arena *a, const struct yt_wallet *from)
{
	struct yt_wallet own = *w;
	uint32_t i = 0, k = 0;

	w->v = NULL;
	w->n = w->cap = 0;
	while (i < own.n || k < from->n) {
		if (k == from->n || (i < own.n && own.v[i].issued_at <= from->v[k].issued_at))
			yt_wallet_add(w, a, &own.v[i++]);
		else
			yt_wallet_add(w, a, &from->v[k++]);
	}
	w->used_gone += from->used_gone;
	for (k = 0; k < from->n_gone; k++)
		merge_gone(w, a, &from->gone[k]);
}

struct yt_coupon *yt_wallet_add(struct yt_wallet *w, struct yt_arena *a, const struct yt_coupon *c)
{
	w->v = yt_list_grow(a, w->v, w->n, &w->cap, sizeof(*w->v));
	w->v[w->n] = *c;
	return &w->v[w->n++];
}

uint32_t yt_wallet_issued(const struct yt_wallet *w, struct yt_str template)
{
	const struct yt_gone *g = gone_of(w, template);
	uint32_t n = g ? g->n : 0;

	for (uint32_t k = 0; k < w->n; k++)
		n += w->v[k].state != YT_COUPON_REVOKED && yt_str_eq(w->v[k].template, template);
	return n;
}

uint32_t yt_wallet_issued_since(const struct yt_wallet *w, struct yt_str template, int64_t from_ms)
{
	const struct yt_gone *g = gone_of(w, template);
	uint32_t n = 0;

	for (uint32_t k = 0; g && k < g->n_issued; k++)
		n += g->issued[k] >= from_ms;
	for (uint32_t k = 0; k < w->n; k++)
		n += w->v[k].state != YT_COUPON_REVOKED && w->v[k].issued_at >= from_ms && yt_str_eq(w->v[k].template, template);
	return n;
}

void yt_coupon_mark(struct yt_coupon *c, struct yt_arena *a, struct yt_str rule)
{
	c->marks = yt_list_grow(a, c->marks, c->n_marks, &c->cap_marks, sizeof(*c->marks));
	c->marks[c->n_marks++] = yt_hash64(rule);
}

uint32_t yt_wallet_usable(const struct yt_wallet *w, int64_t now_ms)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < w->n; k++) {
		const struct yt_coupon *c = &w->v[k];

		n += c->state == YT_COUPON_OPEN && c->valid_from <= now_ms && now_ms < c->valid_until;
	}
	return n;
}

uint32_t yt_wallet_used(const struct yt_wallet *w)
{
	uint32_t n = w->used_gone;

	for (uint32_t k = 0; k < w->n; k++)
		n += w->v[k].state == YT_COUPON_USED;
	return n;
}

int64_t yt_coupon_due(const struct yt_coupon *c)
{
	if (!yt_coupon_lives(c))
		return YT_NEVER;
	return c->remind_at ? c->remind_at : c->valid_until;
}

static bool has_units(const struct yt_coupon *c)
{
	return c->units.total || c->units.gift.n;
}

size_t yt_coupon_bytes_bound(const struct yt_coupon *c)
{
	return YT_COUPON_BYTES_MAX + c->for_presale.n + (c->depositor ? 8 : 0) + (has_units(c) ? YT_UNITS_BYTES_MAX : 0) + c->n_marks * 8;
}

enum {
	COUPON_STATE = 3, /* two bits */
	COUPON_EXPIRED = 4,
	COUPON_KEEP = 8,
	COUPON_CODE = 16,
	COUPON_REMIND = 32,
	COUPON_MIN = 64,
	COUPON_ORDER = 128,
	COUPON_MARKS = 256,
	COUPON_PRESALE = 512,
	COUPON_REWARD = 1024,
	COUPON_UNITS = 2048,
	COUPON_TRANSFERABLE = 4096,
	COUPON_USED_BY = 8192,
	COUPON_DEPOSITOR = 16384,
};

enum { UNITS_TOTAL = 1, UNITS_GIFT = 2 };

static void encode_units(const struct yt_units *u, struct yt_buf *out)
{
	yt_buf_c(out, (char)((u->total ? UNITS_TOTAL : 0) | (u->gift.n ? UNITS_GIFT : 0)));
	if (u->total)
		yt_buf_varint(out, (uint64_t)u->amount);
	if (u->gift.n)
		yt_buf_bytes(out, u->gift);
}

static void decode_units(struct yt_units *u, struct yt_rd *r)
{
	uint8_t flags = yt_rd_u8(r);

	u->total = flags & UNITS_TOTAL;
	if (u->total)
		u->amount = yt_rd_instant(r);
	if (flags & UNITS_GIFT)
		u->gift = yt_rd_bytes(r);
}

static void encode_reward(const struct yt_coupon *c, struct yt_buf *out)
{
	yt_buf_c(out, (char)c->role);
	yt_buf_c(out, (char)c->discount);
	yt_buf_varint(out, (uint64_t)c->value);
	yt_buf_u64(out, c->referral);
	yt_buf_varint(out, (uint64_t)c->worth);
}

static void decode_reward(struct yt_coupon *c, struct yt_rd *r)
{
	c->role = yt_rd_u8(r);
	c->discount = yt_rd_u8(r);
	c->value = yt_rd_instant(r);
	c->referral = yt_rd_u64(r);
	c->worth = yt_rd_instant(r);
	r->bad |= !c->role || c->role > YT_ROLE_INVITEE || c->discount > YT_AMOUNT_OFF;
}

static void encode_coupon(const struct yt_coupon *c, struct yt_buf *out)
{
	unsigned flags = c->state | (c->expired ? COUPON_EXPIRED : 0) | (c->keep_on_refund ? COUPON_KEEP : 0) | (c->code[0] ? COUPON_CODE : 0) |
	                 (c->remind_at ? COUPON_REMIND : 0) | (c->min_amount >= 0 ? COUPON_MIN : 0) | (c->for_order ? COUPON_ORDER : 0) |
	                 (c->n_marks ? COUPON_MARKS : 0) | (c->for_presale.n ? COUPON_PRESALE : 0) | (c->role ? COUPON_REWARD : 0) |
	                 (has_units(c) ? COUPON_UNITS : 0) | (c->transferable ? COUPON_TRANSFERABLE : 0) | (c->used_by ? COUPON_USED_BY : 0) |
	                 (c->depositor ? COUPON_DEPOSITOR : 0);

	yt_buf_add(out, c->id, sizeof(c->id));
	yt_buf_u16(out, (uint16_t)flags);
	if (c->code[0])
		yt_buf_add(out, c->code, 12);
	yt_buf_bytes(out, c->template);
	yt_buf_bytes(out, c->cause);
	yt_buf_varint(out, (uint64_t)c->issued_at);
	yt_buf_svarint(out, c->valid_from - c->issued_at);
	yt_buf_svarint(out, c->valid_until - c->issued_at);
	if (c->remind_at) {
		yt_buf_svarint(out, c->remind_at - c->issued_at);
		yt_buf_svarint(out, c->remind_due - c->issued_at);
	}
	if (c->min_amount >= 0)
		yt_buf_varint(out, (uint64_t)c->min_amount);
	if (c->for_order)
		yt_buf_u64(out, c->for_order);
	if (c->for_presale.n)
		yt_buf_bytes(out, c->for_presale);
	if (c->depositor)
		yt_buf_u64(out, c->depositor);
	if (c->used_by)
		yt_buf_u64(out, c->used_by);
	if (!yt_coupon_lives(c))
		yt_buf_svarint(out, c->ended_at - c->issued_at);
	if (c->state == YT_COUPON_USED)
		yt_buf_c(out, (char)c->forfeit);
	if (c->n_marks)
		yt_buf_varint(out, c->n_marks);
	for (uint32_t k = 0; k < c->n_marks; k++)
		yt_buf_u64(out, c->marks[k]);
	if (c->role)
		encode_reward(c, out);
	if (has_units(c))
		encode_units(&c->units, out);
}

void yt_wallet_encode(const struct yt_wallet *w, struct yt_buf *out)
{
	yt_buf_varint(out, w->n);
	for (uint32_t k = 0; k < w->n; k++)
		encode_coupon(&w->v[k], out);
	yt_buf_varint(out, w->n_gone);
	if (!w->n_gone)
		return;
	yt_buf_varint(out, w->used_gone);
	for (uint32_t k = 0; k < w->n_gone; k++) {
		const struct yt_gone *g = &w->gone[k];
		int64_t before = 0;

		yt_buf_bytes(out, g->template);
		yt_buf_varint(out, g->n);
		yt_buf_varint(out, g->n_issued);
		for (uint32_t i = 0; i < g->n_issued; i++) {
			yt_buf_varint(out, (uint64_t)(g->issued[i] - before));
			before = g->issued[i];
		}
	}
}

/* An instant written as its distance from the issue. */
static int64_t rd_near(struct yt_rd *r, int64_t issued_at)
{
	int64_t distance = yt_rd_svarint(r);

	if (distance < -issued_at || distance > YT_INSTANT_MAX_MS - issued_at) {
		r->bad = true;
		return issued_at;
	}
	return issued_at + distance;
}

static void decode_marks(struct yt_coupon *c, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	c->marks = yt_list_read(a, r, n, 8, sizeof(*c->marks));
	c->n_marks = c->cap_marks = c->marks ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < c->n_marks; k++)
		c->marks[k] = yt_rd_u64(r);
}

static void decode_coupon(struct yt_coupon *c, struct yt_arena *a, struct yt_rd *r)
{
	uint16_t flags;

	yt_rd_raw(r, c->id, sizeof(c->id));
	flags = yt_rd_u16(r);
	c->state = flags & COUPON_STATE;
	c->expired = flags & COUPON_EXPIRED;
	c->keep_on_refund = flags & COUPON_KEEP;
	if (flags & COUPON_CODE)
		yt_rd_raw(r, c->code, 12);
	c->template = yt_rd_bytes(r);
	c->cause = yt_rd_bytes(r);
	c->issued_at = yt_rd_instant(r);
	c->valid_from = rd_near(r, c->issued_at);
	c->valid_until = rd_near(r, c->issued_at);
	if (flags & COUPON_REMIND) {
		c->remind_at = rd_near(r, c->issued_at);
		c->remind_due = rd_near(r, c->issued_at);
	}
	c->min_amount = flags & COUPON_MIN ? yt_rd_instant(r) : -1;
	if (flags & COUPON_ORDER)
		c->for_order = yt_rd_u64(r);
	if (flags & COUPON_PRESALE)
		c->for_presale = yt_rd_bytes(r);
	if (flags & COUPON_DEPOSITOR)
		c->depositor = yt_rd_u64(r);
	if (flags & COUPON_USED_BY)
		c->used_by = yt_rd_u64(r);
	c->transferable = flags & COUPON_TRANSFERABLE;
	if (!yt_coupon_lives(c))
		c->ended_at = rd_near(r, c->issued_at);
	if (c->state == YT_COUPON_USED)
		c->forfeit = yt_rd_u8(r);
	if (flags & COUPON_MARKS)
		decode_marks(c, a, r);
	if (flags & COUPON_REWARD)
		decode_reward(c, r);
	if (flags & COUPON_UNITS)
		decode_units(&c->units, r);
	if (c->state > YT_COUPON_REVOKED || c->forfeit > YT_FORFEIT_DEPOSIT)
		r->bad = true;
}

static void decode_gone(struct yt_gone *g, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n;
	int64_t at = 0;

	g->template = yt_rd_bytes(r);
	g->n = (uint32_t)yt_rd_varint(r);
	n = yt_rd_varint(r);
	g->issued = yt_list_read(a, r, n, 1, sizeof(*g->issued));
	if (!g->issued)
		return;
	g->n_issued = (uint32_t)n;
	for (uint32_t k = 0; k < g->n_issued; k++)
		g->issued[k] = at = yt_rd_instant_after(r, at);
}

void yt_wallet_decode(struct yt_wallet *w, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	w->v = yt_list_read(a, r, n, 23, sizeof(*w->v));
	w->n = w->cap = w->v ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < w->n && !r->bad; k++)
		decode_coupon(&w->v[k], a, r);
	n = yt_rd_varint(r);
	w->gone = yt_list_read(a, r, n, 3, sizeof(*w->gone));
	w->n_gone = w->cap_gone = w->gone ? (uint32_t)n : 0;
	if (!w->n_gone)
		return;
	w->used_gone = (uint32_t)yt_rd_varint(r);
	for (uint32_t k = 0; k < w->n_gone && !r->bad; k++)
		decode_gone(&w->gone[k], a, r);
}
