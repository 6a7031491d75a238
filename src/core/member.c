#include "yutang/core/member.h"

#include "yutang/base/hash.h"
#include "yutang/core/entity.h"

void *yt_member_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_member *m = yt_arena_zalloc(a, sizeof(*m));
	const char *slash = memchr(name.p, '/', name.n);

	m->name = name;
	m->shop = yt_str(name.p, slash ? (size_t)(slash - name.p) : name.n);
	m->id = slash ? yt_str(slash + 1, name.n - m->shop.n - 1) : yt_str("", 0);
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
	return due;
}

static size_t places_bound(const struct yt_places *p)
{
	return p->n * (128 + 4) + p->n_moves * 9 + 16;
}

size_t yt_member_bytes_bound(const struct yt_member *m)
{
	size_t n = 1024; /* texts and instants of its own, counts of its lists, sums over forgotten orders */

	n += m->orders.n * 40;
	n += places_bound(&m->groups) + places_bound(&m->accounts);
	n += m->wallet.n * YT_COUPON_BYTES_MAX + m->wallet.n_gone * (64 + 10 + 7 * YT_ISSUES_MAX);
	n += m->n_marks * 8;
	n += m->n_timers * (size_t)YT_TIMER_BYTES_MAX;
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

void yt_member_encode(const void *member, struct yt_buf *out)
{
	const struct yt_member *m = member;

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
	yt_wallet_encode(&m->wallet, out);
	yt_buf_varint(out, m->n_marks);
	for (uint32_t k = 0; k < m->n_marks; k++)
		yt_buf_u64(out, m->marks[k]);
	yt_buf_varint(out, m->n_timers);
	for (uint32_t k = 0; k < m->n_timers; k++) {
		const struct yt_timer *t = &m->timers[k];

		yt_buf_varint(out, (uint64_t)t->due);
		yt_buf_bytes(out, t->rule);
		yt_buf_bytes(out, t->kind);
		yt_buf_bytes(out, t->template);
		yt_kept_encode(t->ev, out);
	}
}

static void decode_marks(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	m->marks = yt_list_read(a, r, n, 8, sizeof(*m->marks));
	m->n_marks = m->cap_marks = m->marks ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < m->n_marks; k++)
		m->marks[k] = yt_rd_u64(r);
}

static void decode_timers(struct yt_member *m, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	m->timers = yt_list_read(a, r, n, 8, sizeof(*m->timers));
	m->n_timers = m->cap_timers = m->timers ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < m->n_timers && !r->bad; k++) {
		struct yt_timer *t = &m->timers[k];

		t->due = yt_rd_instant(r);
		t->rule = yt_rd_bytes(r);
		t->kind = yt_rd_bytes(r);
		t->template = yt_rd_bytes(r);
		t->ev = yt_kept_decode(a, r, m->shop, m->id);
	}
}

void *yt_member_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_member *m = yt_member_fresh(a, name);
	struct yt_rd r = yt_rd(value);

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
	yt_paids_decode(&m->orders, a, &r);
	yt_places_decode(&m->groups, a, &r);
	yt_places_decode(&m->accounts, a, &r);
	yt_wallet_decode(&m->wallet, a, &r);
	decode_marks(m, a, &r);
	decode_timers(m, a, &r);
	return r.bad || r.p != r.end ? NULL : m;
}
