#include "yutang/core/claims.h"

#include "yutang/base/err.h"
#include "yutang/core/wallet.h"

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

void yt_claims_withdraw_deposit(struct yt_claims *c, uint64_t presale, uint64_t depositor, enum yt_reason reason)
{
	for (uint32_t k = 0; k < c->n; k++) {
		if (!c->v[k].withdrawn && c->v[k].presale == presale && c->v[k].depositor == depositor && !c->v[k].keep_on_refund)
			c->v[k].withdrawn = reason;
	}
}

void yt_claims_withdraw_reward(struct yt_claims *c, uint8_t role, uint64_t referral, bool kept, enum yt_reason reason)
{
	for (uint32_t k = 0; k < c->n; k++) {
		if (!c->v[k].withdrawn && c->v[k].role == role && c->v[k].referral == referral && !(kept && c->v[k].keep_on_refund))
			c->v[k].withdrawn = reason;
	}
}

/* --- what was told */

const struct yt_told *yt_claims_told(const struct yt_claims *c, uint64_t of, uint64_t what)
{
	for (uint32_t k = 0; k < c->n_told; k++) {
		if (c->told[k].of == of && c->told[k].what == what)
			return &c->told[k];
	}
	return NULL;
}

static bool is_before(const struct yt_told *a, const struct yt_told *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return a->of != b->of ? a->of < b->of : a->what < b->what;
}

static void trim_told(struct yt_claims *c)
{
	while (c->n_told > YT_TOLD_MAX || (c->n_told && c->told[0].at <= c->dropped_to)) {
		c->dropped_to = c->told[0].at > c->dropped_to ? c->told[0].at : c->dropped_to;
		memmove(c->told, c->told + 1, --c->n_told * sizeof(*c->told));
	}
}

void yt_claims_tell(struct yt_claims *c, struct yt_arena *a, const struct yt_told *told)
{
	uint32_t k;

	c->told = yt_list_grow(a, c->told, c->n_told, &c->cap_told, sizeof(*c->told));
	for (k = c->n_told++; k > 0 && is_before(told, &c->told[k - 1]); k--)
		c->told[k] = c->told[k - 1];
	c->told[k] = *told;
	trim_told(c);
}

static bool is_among(uint64_t what, const uint64_t *v, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		if (v[k] == what)
			return true;
	}
	return false;
}

int64_t yt_claims_count(const struct yt_claims *c, uint64_t of, const uint64_t *without, uint32_t n_without, int64_t before_ms)
{
	int64_t n = 0;

	for (uint32_t k = 0; k < c->n_told; k++)
		n += c->told[k].of == of && c->told[k].at < before_ms && !is_among(c->told[k].what, without, n_without);
	return n;
}

/* --- what it came to */

static struct yt_tally *tally_of(const struct yt_claims *c, struct yt_str name)
{
	for (uint32_t k = 0; k < c->n_tallies; k++) {
		if (yt_str_eq(c->tallies[k].name, name))
			return &c->tallies[k];
	}
	return NULL;
}

int64_t yt_claims_tally(const struct yt_claims *c, struct yt_str name)
{
	const struct yt_tally *t = tally_of(c, name);

	return t ? t->n : 0;
}

bool yt_claims_has_room(const struct yt_claims *c, struct yt_str name)
{
	return c->n_tallies < YT_TALLIES_MAX || tally_of(c, name);
}

void yt_claims_add_tally(struct yt_claims *c, struct yt_arena *a, struct yt_str name, int64_t n)
{
	struct yt_tally *t = tally_of(c, name);
	uint32_t k;

	if (!t) {
		c->tallies = yt_list_grow(a, c->tallies, c->n_tallies, &c->cap_tallies, sizeof(*c->tallies));
		for (k = c->n_tallies++; k > 0 && yt_str_cmp(name, c->tallies[k - 1].name) < 0; k--)
			c->tallies[k] = c->tallies[k - 1];
		t = &c->tallies[k];
		*t = (struct yt_tally){ .name = yt_arena_dup(a, name) };
	}
	t->n += n;
	if (t->n > 0)
		return;
	memmove(t, t + 1, (size_t)(c->tallies + c->n_tallies - (t + 1)) * sizeof(*t));
	c->n_tallies--;
}

/* --- two become one */

/* Of a share there is one tally, whoever opened it; gifts add up. */
static void merge_tally(struct yt_claims *c, struct yt_arena *a, const struct yt_tally *t)
{
	bool share = yt_str_starts(t->name, YT_S("share:"));

	if (yt_claims_has_room(c, t->name) && !(share && yt_claims_tally(c, t->name)))
		yt_claims_add_tally(c, a, t->name, t->n);
}

void yt_claims_merge(struct yt_claims *c, struct yt_arena *a, const struct yt_claims *from)
{
	for (uint32_t k = 0; k < from->n; k++)
		yt_claims_add(c, a, &from->v[k]);
	if (from->dropped_to > c->dropped_to)
		c->dropped_to = from->dropped_to;
	for (uint32_t k = 0; k < from->n_told; k++) {
		if (!yt_claims_told(c, from->told[k].of, from->told[k].what))
			yt_claims_tell(c, a, &from->told[k]);
	}
	trim_told(c);
	for (uint32_t k = 0; k < from->n_tallies; k++)
		merge_tally(c, a, &from->tallies[k]);
}

/* --- bytes */

enum {
	CLAIM_BYTES_MAX = 152,
	TOLD_BYTES_MAX = 28,
	TALLY_BYTES_MAX = 80, /* `share:` and a name of the rule file */
};

bool yt_claims_any(const struct yt_claims *c)
{
	return c->n || c->n_told || c->n_tallies;
}

size_t yt_claims_bytes_bound(const struct yt_claims *c)
{
	return c->n * CLAIM_BYTES_MAX + c->n_told * TOLD_BYTES_MAX + c->n_tallies * TALLY_BYTES_MAX + 32;
}

enum { CLAIM_OWN = 1, CLAIM_KEEP = 2, CLAIM_ORDER = 4, CLAIM_COUPON = 8, CLAIM_PRESALE = 16, CLAIM_REWARD = 32, CLAIM_DEPOSITOR = 64 };

/* Numbers of the state format: they never change. */
static const enum yt_reason withdrawals[] = { YT_REASON_NONE, YT_REASON_ORDER_REFUNDED, YT_REASON_ORDER_CANCELLED, YT_REASON_BY_RULE,
	                                      YT_REASON_DEPOSIT_REFUNDED, YT_REASON_BY_STAFF, YT_REASON_REFERRAL_VOIDED };
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
	                     (c->has_coupon ? CLAIM_COUPON : 0) | (c->presale ? CLAIM_PRESALE : 0) | (c->role ? CLAIM_REWARD : 0) |
	                     (c->depositor ? CLAIM_DEPOSITOR : 0)));
	yt_buf_c(out, (char)c->seq);
	yt_buf_c(out, (char)withdrawal_number(c->withdrawn));
	yt_buf_bytes(out, c->template);
	yt_buf_varint(out, (uint64_t)c->at);
	yt_buf_u64(out, c->rule);
	if (c->order)
		yt_buf_u64(out, c->order);
	if (c->has_coupon)
		yt_buf_add(out, c->coupon, sizeof(c->coupon));
	if (c->presale)
		yt_buf_u64(out, c->presale);
	if (c->depositor)
		yt_buf_u64(out, c->depositor);
	if (!c->role)
		return;
	yt_buf_c(out, (char)c->role);
	yt_buf_u64(out, c->referral);
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
	if (flags & CLAIM_PRESALE)
		c->presale = yt_rd_u64(r);
	if (flags & CLAIM_DEPOSITOR)
		c->depositor = yt_rd_u64(r);
	if (!(flags & CLAIM_REWARD))
		return;
	c->role = yt_rd_u8(r);
	c->referral = yt_rd_u64(r);
	r->bad |= !c->role || c->role > YT_ROLE_INVITEE;
}

void yt_claims_encode(const struct yt_claims *c, struct yt_buf *out)
{
	int64_t at = c->dropped_to;

	yt_buf_varint(out, c->n);
	for (uint32_t k = 0; k < c->n; k++)
		encode_claim(&c->v[k], out);
	yt_buf_varint(out, (uint64_t)c->dropped_to);
	yt_buf_varint(out, c->n_told);
	for (uint32_t k = 0; k < c->n_told; k++) {
		yt_buf_varint(out, (uint64_t)(c->told[k].at - at));
		yt_buf_u64(out, c->told[k].of);
		yt_buf_u64(out, c->told[k].what);
		yt_buf_u16(out, c->told[k].hash);
		at = c->told[k].at;
	}
	yt_buf_varint(out, c->n_tallies);
	for (uint32_t k = 0; k < c->n_tallies; k++) {
		yt_buf_bytes(out, c->tallies[k].name);
		yt_buf_varint(out, (uint64_t)c->tallies[k].n);
	}
}

static void decode_told(struct yt_claims *c, struct yt_arena *a, struct yt_rd *r)
{
	int64_t at = c->dropped_to = yt_rd_instant(r);
	uint64_t n = yt_rd_varint(r);

	c->told = yt_list_read(a, r, n, 19, sizeof(*c->told));
	c->n_told = c->cap_told = c->told ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < c->n_told; k++) {
		c->told[k].at = at = yt_rd_instant_after(r, at);
		c->told[k].of = yt_rd_u64(r);
		c->told[k].what = yt_rd_u64(r);
		c->told[k].hash = yt_rd_u16(r);
	}
}

static void decode_tallies(struct yt_claims *c, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	c->tallies = yt_list_read(a, r, n, 2, sizeof(*c->tallies));
	c->n_tallies = c->cap_tallies = c->tallies ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < c->n_tallies; k++) {
		c->tallies[k].name = yt_rd_bytes(r);
		c->tallies[k].n = yt_rd_instant(r);
	}
}

void yt_claims_decode(struct yt_claims *c, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	c->v = yt_list_read(a, r, n, 29, sizeof(*c->v));
	c->n = c->cap = c->v ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < c->n && !r->bad; k++)
		decode_claim(&c->v[k], r);
	decode_told(c, a, r);
	decode_tallies(c, a, r);
}
