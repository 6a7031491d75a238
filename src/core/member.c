#include "yutang/core/member.h"

#include "yutang/base/hash.h"
#include "yutang/core/entity.h"
#include "yutang/core/referral.h"

void *yt_member_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_member *m = yt_arena_zalloc(a, sizeof(*m));

	m->name = name;
	m->shop = yt_name_shop(name);
	m->id = yt_name_id(name);
	return m;
}

int64_t yt_member_next_due(const void *member)
{
	const struct yt_member *m = member;
	int64_t due = YT_NEVER;

	for (uint32_t k = 0; k < m->n_timers; k++) {
		if (m->timers[k].due < due)
			due = m->timers[k].due;
	}
	for (uint32_t k = 0; k < m->wallet.n; k++) {
		int64_t at = yt_coupon_due(&m->wallet.v[k]);

		if (at < due)
			due = at;
	}
	if (yt_referral_due(m) < due)
		due = yt_referral_due(m);
	return yt_standing_due(&m->standing) < due ? yt_standing_due(&m->standing) : due;
}

static size_t places_bound(const struct yt_places *p)
{
	return p->n * (128 + 4) + p->n_moves * 9 + 16;
}

size_t yt_member_bytes_bound(const struct yt_member *m)
{
	size_t n = 1280 + 100; /* texts and instants of its own, counts of its lists, sums over forgotten orders; numbers of a tier */

	n += m->orders.n * 40 + m->orders.channels.n;
	n += places_bound(&m->groups) + places_bound(&m->accounts);
	for (uint32_t k = 0; k < m->wallet.n; k++)
		n += yt_coupon_bytes_bound(&m->wallet.v[k]);
	n += m->wallet.n_gone * (64 + 10 + 7 * YT_ISSUES_MAX);
	n += m->n_marks * 8;
	for (uint32_t k = 0; k < m->n_timers; k++)
		n += YT_TIMER_BYTES_MAX + m->timers[k].params.n;
	n += yt_claims_bytes_bound(&m->claims);
	n += m->n_tags * 65 + m->n_contacts * 8 + m->n_stock * 34;
	n += m->standing.tier.n + m->standing.cause.n + m->standing.fact.n;
	n += m->deposits.n * YT_DEPOSIT_BYTES_MAX;
	n += yt_refers_bytes_bound(m->refers);
	n += yt_ident_bytes_bound(&m->ident);
	return n;
}

void yt_member_channel(struct yt_member *m, struct yt_arena *a, struct yt_str channel, int64_t at)
{
	if (!channel.n)
		return;
	/* Of two in one millisecond the smaller text, so that the order of arrival does not matter. */
	if (m->channel.n && (at > m->channel_at || (at == m->channel_at && yt_str_cmp(channel, m->channel) >= 0)))
		return;
	m->channel = yt_arena_dup(a, channel);
	m->channel_at = at;
}

bool yt_mark_is_set(const uint64_t *marks, uint32_t n, struct yt_str rule)
{
	uint64_t mark = yt_hash64(rule);

	for (uint32_t k = 0; k < n; k++) {
		if (marks[k] == mark)
			return true;
	}
	return false;
}

void yt_member_mark(struct yt_member *m, struct yt_arena *a, struct yt_str rule)
{
	m->marks = yt_list_grow(a, m->marks, m->n_marks, &m->cap_marks, sizeof(*m->marks));
	m->marks[m->n_marks++] = yt_hash64(rule);
}

void yt_member_add_timer(struct yt_member *m, struct yt_arena *a, const struct yt_timer *t)
{
	m->timers = yt_list_grow(a, m->timers, m->n_timers, &m->cap_timers, sizeof(*m->timers));
	m->timers[m->n_timers++] = *t;
}

void yt_member_remove_timer(struct yt_member *m, uint32_t k)
{
	memmove(&m->timers[k], &m->timers[k + 1], (m->n_timers - k - 1) * sizeof(*m->timers));
	m->n_timers--;
}

/* Where the tag is, or belongs. */
static uint32_t tag_place(const struct yt_member *m, struct yt_str tag)
{
	uint32_t k = 0;

	while (k < m->n_tags && yt_str_cmp(m->tags[k], tag) < 0)
		k++;
	return k;
}

bool yt_member_has_tag(const struct yt_member *m, struct yt_str tag)
{
	uint32_t k = tag_place(m, tag);

	return k < m->n_tags && yt_str_eq(m->tags[k], tag);
}

void yt_member_tag(struct yt_member *m, struct yt_arena *a, struct yt_str tag)
{
	uint32_t k = tag_place(m, tag);

	if (m->n_tags == YT_TAGS_MAX || (k < m->n_tags && yt_str_eq(m->tags[k], tag)))
		return;
	m->tags = yt_list_grow(a, m->tags, m->n_tags, &m->cap_tags, sizeof(*m->tags));
	memmove(&m->tags[k + 1], &m->tags[k], (m->n_tags - k) * sizeof(*m->tags));
	m->tags[k] = yt_arena_dup(a, tag);
	m->n_tags++;
}

void yt_member_untag(struct yt_member *m, struct yt_str tag)
{
	uint32_t k = tag_place(m, tag);

	if (k == m->n_tags || !yt_str_eq(m->tags[k], tag))
		return;
	m->n_tags--;
	memmove(&m->tags[k], &m->tags[k + 1], (m->n_tags - k) * sizeof(*m->tags));
}

void yt_member_contact(struct yt_member *m, struct yt_arena *a, int64_t at)
{
	if (m->n_contacts == YT_CONTACTS_MAX)
		memmove(m->contacts, m->contacts + 1, --m->n_contacts * sizeof(*m->contacts));
	m->contacts = yt_list_grow(a, m->contacts, m->n_contacts, &m->cap_contacts, sizeof(*m->contacts));
	m->contacts[m->n_contacts++] = at; /* `now` never falls */
}

enum { TIMER_QUIET = 1, TIMER_COUPON = 2, TIMER_GRANTED = 4, TIMER_PROMOTES = 8 };

static void encode_timer(const struct yt_member *m, const struct yt_timer *t, struct yt_buf *out)
{
	yt_buf_varint(out, (uint64_t)t->due);
	yt_buf_bytes(out, t->rule);
	yt_buf_bytes(out, t->kind);
	yt_buf_bytes(out, t->template);
	yt_buf_c(out, (char)((t->quiet ? TIMER_QUIET : 0) | (t->has_coupon ? TIMER_COUPON : 0) | (t->granted ? TIMER_GRANTED : 0) |
	                     (t->promotes ? TIMER_PROMOTES : 0)));
	yt_origin_encode(&t->origin, m->id, out);
	if (t->quiet)
		yt_buf_varint(out, (uint64_t)t->due_at);
	if (t->has_coupon)
		yt_buf_add(out, t->coupon, sizeof(t->coupon));
	if (t->granted) {
		yt_buf_varint(out, (uint64_t)t->send_by);
		yt_buf_bytes(out, t->params);
	}
}

static void encode_stock(const struct yt_member *m, struct yt_buf *out)
{
	int64_t at = 0;

	yt_buf_varint(out, (uint64_t)m->stock_until);
	yt_buf_varint(out, m->n_stock);
	for (uint32_t k = 0; k < m->n_stock; k++) {
		yt_buf_u64(out, m->stock[k].order);
		yt_buf_u64(out, m->stock[k].sku);
		yt_buf_varint(out, (uint64_t)(m->stock[k].paid_at - at));
		yt_buf_varint(out, (uint64_t)m->stock[k].units);
		at = m->stock[k].paid_at;
	}
}

enum { MEMBER_TAGS = 1, MEMBER_CONTACTS = 2, MEMBER_STOCK = 4, MEMBER_MORE = 8, MEMBER_REFERS = 16, MEMBER_CLAIMS = 32, MEMBER_IDENT = 128 };
enum { MORE_TIER = 1, MORE_DEPOSITS = 2 };

static void encode_more(const struct yt_member *m, struct yt_buf *out)
{
	yt_buf_c(out, (char)((m->standing.tier.n ? MORE_TIER : 0) | (m->deposits.n ? MORE_DEPOSITS : 0)));
	if (m->standing.tier.n)
		yt_standing_encode(&m->standing, out);
	if (m->deposits.n)
		yt_deposits_encode(&m->deposits, out);
}

static void decode_more(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint8_t flags = yt_rd_u8(r);

	if (flags & MORE_TIER)
		yt_standing_decode(&m->standing, r);
	if (flags & MORE_DEPOSITS)
		yt_deposits_decode(&m->deposits, a, r);
}

static void encode_rest(const struct yt_member *m, struct yt_buf *out)
{
	bool stock = m->n_stock || m->stock_until, more = m->standing.tier.n || m->deposits.n;
	int64_t at = 0;

	yt_buf_c(out, (char)((m->n_tags ? MEMBER_TAGS : 0) | (m->n_contacts ? MEMBER_CONTACTS : 0) | (stock ? MEMBER_STOCK : 0) |
	                     (more ? MEMBER_MORE : 0) | (m->refers ? MEMBER_REFERS : 0) | (yt_claims_any(&m->claims) ? MEMBER_CLAIMS : 0) |
	                     (yt_ident_is_empty(&m->ident) ? 0 : MEMBER_IDENT)));
	if (m->n_tags)
		yt_buf_varint(out, m->n_tags);
	for (uint32_t k = 0; k < m->n_tags; k++)
		yt_buf_bytes(out, m->tags[k]);
	if (m->n_contacts)
		yt_buf_varint(out, m->n_contacts);
	for (uint32_t k = 0; k < m->n_contacts; k++) {
		yt_buf_varint(out, (uint64_t)(m->contacts[k] - at));
		at = m->contacts[k];
	}
	if (stock)
		encode_stock(m, out);
	if (more)
		encode_more(m, out);
	if (m->refers)
		yt_refers_encode(m->refers, out);
	if (yt_claims_any(&m->claims))
		yt_claims_encode(&m->claims, out);
	if (!yt_ident_is_empty(&m->ident))
		yt_ident_encode(&m->ident, out);
}

/* The wallet comes first, behind its size (4 bytes, little endian): whether it changed is seen without decoding. */
static void encode_wallet(const struct yt_wallet *w, struct yt_buf *out)
{
	size_t at = out->n, n;

	yt_buf_u16(out, 0);
	yt_buf_u16(out, 0);
	yt_wallet_encode(w, out);
	n = out->n - at - 4;
	for (int k = 0; k < 4; k++)
		out->p[at + (size_t)k] = (char)(n >> 8 * k);
}

static uint32_t wallet_size(struct yt_rd *r)
{
	uint32_t low = yt_rd_u16(r);

	return low | (uint32_t)yt_rd_u16(r) << 16;
}

struct yt_str yt_member_wallet(struct yt_str value)
{
	struct yt_rd r = yt_rd(value);
	uint32_t n = wallet_size(&r);

	return n <= (size_t)(r.end - r.p) ? yt_str((const char *)r.p, n) : yt_str("", 0);
}

static void decode_wallet(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint32_t n = wallet_size(r);
	const unsigned char *from = r->p;

	yt_wallet_decode(&m->wallet, a, r);
	r->bad |= (size_t)(r->p - from) != n;
}

void yt_member_encode(const void *member, struct yt_buf *out)
{
	const struct yt_member *m = member;

	encode_wallet(&m->wallet, out);
	yt_buf_bytes(out, m->channel);
	if (m->channel.n)
		yt_buf_varint(out, (uint64_t)m->channel_at);
	yt_buf_bytes(out, m->referrer);
	if (m->referrer.n) {
		yt_buf_varint(out, (uint64_t)m->bound_at);
		yt_buf_u16(out, m->bound_hash);
	}
	yt_buf_varint(out, (uint64_t)m->joined_at);
	yt_buf_varint(out, (uint64_t)m->added_at);
	yt_paids_encode(&m->orders, out);
	yt_places_encode(&m->groups, out);
	yt_places_encode(&m->accounts, out);
	yt_buf_varint(out, m->n_marks);
	for (uint32_t k = 0; k < m->n_marks; k++)
		yt_buf_u64(out, m->marks[k]);
	yt_buf_varint(out, m->n_timers);
	for (uint32_t k = 0; k < m->n_timers; k++)
		encode_timer(m, &m->timers[k], out);
	encode_rest(m, out);
}

static void decode_marks(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	m->marks = yt_list_read(a, r, n, 8, sizeof(*m->marks));
	m->n_marks = m->cap_marks = m->marks ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < m->n_marks; k++)
		m->marks[k] = yt_rd_u64(r);
}

static void decode_timer(const struct yt_member *m, struct yt_timer *t, struct yt_arena *a, struct yt_rd *r)
{
	uint8_t flags;

	t->due = yt_rd_instant(r);
	t->rule = yt_rd_bytes(r);
	t->kind = yt_rd_bytes(r);
	t->template = yt_rd_bytes(r);
	flags = yt_rd_u8(r);
	t->quiet = flags & TIMER_QUIET;
	t->has_coupon = flags & TIMER_COUPON;
	t->granted = flags & TIMER_GRANTED;
	t->promotes = flags & TIMER_PROMOTES;
	yt_origin_decode(&t->origin, a, r, m->shop, m->id);
	if (t->quiet)
		t->due_at = yt_rd_instant(r);
	if (t->has_coupon)
		yt_rd_raw(r, t->coupon, sizeof(t->coupon));
	if (t->granted) {
		t->send_by = yt_rd_instant(r);
		t->params = yt_rd_bytes(r);
	}
}

static void decode_timers(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	m->timers = yt_list_read(a, r, n, 8, sizeof(*m->timers));
	m->n_timers = m->cap_timers = m->timers ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < m->n_timers && !r->bad; k++)
		decode_timer(m, &m->timers[k], a, r);
}

static void decode_tags(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	m->tags = yt_list_read(a, r, n, 1, sizeof(*m->tags));
	m->n_tags = m->cap_tags = m->tags ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < m->n_tags; k++)
		m->tags[k] = yt_rd_bytes(r);
}

static void decode_contacts(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);
	int64_t at = 0;

	m->contacts = yt_list_read(a, r, n, 1, sizeof(*m->contacts));
	m->n_contacts = m->cap_contacts = m->contacts ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < m->n_contacts; k++)
		m->contacts[k] = at = yt_rd_instant_after(r, at);
}

static void decode_stock(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	int64_t at = 0;
	uint64_t n;

	m->stock_until = yt_rd_instant(r);
	n = yt_rd_varint(r);
	m->stock = yt_list_read(a, r, n, 18, sizeof(*m->stock));
	m->n_stock = m->cap_stock = m->stock ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < m->n_stock; k++) {
		m->stock[k].order = yt_rd_u64(r);
		m->stock[k].sku = yt_rd_u64(r);
		m->stock[k].paid_at = at = yt_rd_instant_after(r, at);
		m->stock[k].units = yt_rd_instant(r);
	}
}

static void decode_rest(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint8_t flags = yt_rd_u8(r);

	if (flags & MEMBER_TAGS)
		decode_tags(m, a, r);
	if (flags & MEMBER_CONTACTS)
		decode_contacts(m, a, r);
	if (flags & MEMBER_STOCK)
		decode_stock(m, a, r);
	if (flags & MEMBER_MORE)
		decode_more(m, a, r);
	if (flags & MEMBER_REFERS)
		m->refers = yt_refers_decode(a, r, m);
	if (flags & MEMBER_CLAIMS)
		yt_claims_decode(&m->claims, a, r);
	if (flags & MEMBER_IDENT)
		yt_ident_decode(&m->ident, a, r);
}

void *yt_member_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_member *m = yt_member_fresh(a, name);
	struct yt_rd r = yt_rd(value);

	decode_wallet(m, a, &r);
	m->channel = yt_rd_bytes(&r);
	if (m->channel.n)
		m->channel_at = yt_rd_instant(&r);
	m->referrer = yt_rd_bytes(&r);
	if (m->referrer.n) {
		m->bound_at = yt_rd_instant(&r);
		m->bound_hash = yt_rd_u16(&r);
	}
	m->joined_at = yt_rd_instant(&r);
	m->added_at = yt_rd_instant(&r);
	yt_paids_decode(&m->orders, &r);
	yt_places_decode(&m->groups, a, &r);
	yt_places_decode(&m->accounts, a, &r);
	decode_marks(m, a, &r);
	decode_timers(m, a, &r);
	decode_rest(m, a, &r);
	return r.bad || r.p != r.end ? NULL : m;
}
