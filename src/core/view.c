#include "yutang/core/view.h"

#include "yutang/base/hash.h"
#include "yutang/base/json.h"
#include "yutang/core/channels.h"
#include "yutang/core/account.h"
#include "yutang/core/day.h"
#include "yutang/core/group.h"
#include "yutang/core/member.h"
#include "yutang/core/order.h"
#include "yutang/core/quota.h"
#include "yutang/core/referral.h"

/* The fields of one hash, while they gather. */
struct hash {
	struct yt_arena *a;
	struct yt_str *fields;
	uint32_t n, cap; /* texts: two a field */
};

static void add(struct hash *h, struct yt_str name, struct yt_str value)
{
	h->fields = yt_list_grow(h->a, h->fields, h->n, &h->cap, sizeof(*h->fields)); /* cap is even */
	h->fields[h->n++] = name;
	h->fields[h->n++] = value;
}

static struct yt_str number(struct yt_arena *a, int64_t v)
{
	struct yt_buf b;

	yt_buf_init(&b, a);
	yt_buf_i64(&b, v);
	return yt_buf_str(&b);
}

static void add_int(struct hash *h, const char *name, int64_t v)
{
	add(h, yt_str_z(name), number(h->a, v));
}

/* 0, or an empty text: absent. */
static void add_instant(struct hash *h, const char *name, int64_t ms)
{
	if (ms)
		add_int(h, name, ms);
}

static void add_text(struct hash *h, const char *name, struct yt_str s)
{
	if (s.n)
		add(h, yt_str_z(name), s);
}

static void add_bool(struct hash *h, const char *name, bool b)
{
	add(h, yt_str_z(name), b ? YT_S("true") : YT_S("false"));
}

static struct yt_str texts_json(struct yt_arena *a, const struct yt_str *texts, uint32_t n)
{
	struct yt_buf b;

	yt_buf_init(&b, a);
	yt_buf_c(&b, '[');
	for (uint32_t k = 0; k < n; k++) {
		if (k)
			yt_buf_c(&b, ',');
		yt_json_add_text(&b, texts[k]);
	}
	yt_buf_c(&b, ']');
	return yt_buf_str(&b);
}

static struct yt_str concat(struct yt_arena *a, struct yt_str x, struct yt_str y)
{
	char *p = yt_arena_alloc(a, (size_t)x.n + y.n);

	memcpy(p, x.p, x.n);
	memcpy(p + x.n, y.p, y.n);
	return yt_str(p, (size_t)x.n + y.n);
}

/* --- member */

/* The view knows no `now`: a coupon is usable here from its issue until its end was told. */
static int64_t usable(const struct yt_wallet *w)
{
	return yt_wallet_living(w);
}

static void member_fields(struct hash *h, const struct yt_member *m)
{
	const struct yt_totals *t = &m->orders.totals;
	int64_t gap = yt_paids_median_gap(&m->orders);

	add(h, YT_S("id"), m->id);
	add_text(h, "linked_to", m->ident.linked_to);
	if (m->ident.linked_to.n)
		return;
	if (m->ident.n_ids)
		add(h, YT_S("identities"), texts_json(h->a, m->ident.ids, m->ident.n_ids));
	add_text(h, "channel", m->channel);
	add_text(h, "referrer", m->referrer);
	add_int(h, "paid_orders", t->paid_orders);
	add_int(h, "paid_amount", t->paid_amount);
	add_int(h, "paid_items", t->paid_items);
	add_int(h, "refunded_orders", t->refunded_orders);
	add_int(h, "refunded_amount", t->refunded_amount);
	add_int(h, "net_amount", t->net_amount);
	add_instant(h, "first_paid_at", t->first_paid_at);
	add_instant(h, "last_paid_at", t->last_paid_at);
	add_text(h, "tier", m->standing.tier);
	if (m->n_tags)
		add(h, YT_S("tags"), texts_json(h->a, m->tags, m->n_tags));
	if (gap >= 0)
		add_int(h, "median_gap", gap);
	add_instant(h, "stock_until", m->stock_until);
	add_int(h, "groups", yt_places_standing(&m->groups));
	add_int(h, "accounts", yt_places_standing(&m->accounts));
	add_instant(h, "joined_at", m->joined_at);
	add_instant(h, "added_at", m->added_at);
	if (m->refers && m->refers->referrer) {
		add_int(h, "referrals_bound", yt_member_referrals(m, YT_LEVEL_BOUND));
		add_int(h, "referrals_qualified", yt_member_referrals(m, YT_LEVEL_QUALIFIED));
		add_int(h, "referrals_approved", yt_member_referrals(m, YT_LEVEL_APPROVED));
	}
	add_int(h, "coupons_usable", usable(&m->wallet));
	add_int(h, "coupons_used", yt_wallet_used(&m->wallet));
}

static const char *state_of(const struct yt_coupon *c)
{
	if (c->state == YT_COUPON_USED)
		return "used";
	if (c->state == YT_COUPON_REVOKED)
		return "revoked";
	return c->expired ? "expired" : "issued";
}

/* Names and codes need no escaping. */
static struct yt_str coupon_json(struct yt_arena *a, const struct yt_coupon *c)
{
	struct yt_buf b;

	yt_buf_init(&b, a);
	yt_buf_c(&b, '{');
	if (c->code[0]) {
		yt_buf_z(&b, "\"code\":\"");
		yt_buf_z(&b, c->code);
		yt_buf_z(&b, "\",");
	}
	yt_buf_z(&b, "\"template\":\"");
	yt_buf_str_add(&b, c->template);
	yt_buf_z(&b, "\",\"state\":\"");
	yt_buf_z(&b, state_of(c));
	yt_buf_z(&b, "\",\"valid_from\":");
	yt_buf_i64(&b, c->valid_from);
	yt_buf_z(&b, ",\"valid_until\":");
	yt_buf_i64(&b, c->valid_until);
	yt_buf_c(&b, '}');
	return yt_buf_str(&b);
}

static void wallet_fields(struct hash *h, const struct yt_wallet *w)
{
	for (uint32_t k = 0; k < w->n; k++) {
		char *id = yt_arena_alloc(h->a, 33);

		yt_hex(w->v[k].id, sizeof(w->v[k].id), id);
		add(h, yt_str(id, 32), coupon_json(h->a, &w->v[k]));
	}
}

/* --- order */

static void order_fields(struct hash *h, const struct yt_order *o)
{
	add(h, YT_S("id"), o->id);
	add_instant(h, "paid_at", o->paid_at);
	if (o->paid) {
		add_int(h, "amount", o->amount);
		add_text(h, "currency", o->currency);
		add_text(h, "channel", o->channel);
		add(h, YT_S("coupons"), texts_json(h->a, o->codes, o->n_codes));
		add_text(h, "presale", o->presale);
	}
	add_instant(h, "shipped_at", o->shipped_at);
	add_instant(h, "signed_at", o->signed_at);
	add_bool(h, "cancelled", o->cancelled_at != 0);
	if (!o->paid)
		return;
	add_int(h, "refunded_amount", yt_order_refunded_amount(o));
	add_bool(h, "refunded", yt_order_refunded(o));
	add_int(h, "units", o->units);
	add_instant(h, "nth", o->nth);
}

/* --- day */

static void day_fields(struct hash *h, const struct yt_day *d)
{
	for (int k = 0; k < YT_DAY__COUNT; k++)
		add(h, yt_day_count_names[k], number(h->a, d->count[k]));
	for (uint32_t k = 0; k < d->n_named; k++)
		add(h, concat(h->a, yt_day_list_names[d->named[k].list], d->named[k].name), number(h->a, d->named[k].n));
}

/* --- account, group */

static void account_fields(struct hash *h, const struct yt_account *acc)
{
	add_text(h, "id", yt_name_id(acc->name));
	add_int(h, "contacts", acc->contacts);
	add_bool(h, "soft_limit", acc->soft);
	add_bool(h, "hard_limit", acc->hard);
}

static void group_fields(struct hash *h, const struct yt_group *g)
{
	add_text(h, "id", yt_name_id(g->name));
	add_int(h, "members", g->members);
	if (g->n)
		add_text(h, "version", g->v[g->n - 1].version);
}

/* --- channels */

/* {"joined":1,"orders_1":1}: what is 0 is left out. Empty: all of it is. */
static struct yt_str channel_json(struct yt_arena *a, const struct yt_channel *c)
{
	struct yt_buf b;

	yt_buf_init(&b, a);
	for (int k = 0; k < YT_CHANNEL__COUNT; k++) {
		if (!c->count[k])
			continue;
		yt_buf_c(&b, b.n ? ',' : '{');
		yt_json_add_text(&b, yt_channel_count_names[k]);
		yt_buf_c(&b, ':');
		yt_buf_i64(&b, c->count[k]);
	}
	if (b.n)
		yt_buf_c(&b, '}');
	return yt_buf_str(&b);
}

static void channels_fields(struct hash *h, const struct yt_channels *c)
{
	for (uint32_t k = 0; k < c->n; k++) {
		struct yt_str json = channel_json(h->a, &c->v[k]);

		if (json.n)
			add(h, c->v[k].name, json);
	}
}

/* `day:<shop>:<YYYY-MM-DD>` of the name `<shop>/<YYYY-MM-DD>`. */
static struct yt_str day_suffix(struct yt_arena *a, enum yt_kind kind, struct yt_str name)
{
	struct yt_str s = concat(a, yt_entities[kind].prefix, name);
	char *slash = memchr(s.p, '/', s.n);

	if (slash)
		*slash = ':';
	return s;
}

/* --- quota */

static void quota_fields(struct hash *h, const struct yt_quota *q)
{
	add_instant(h, "limit", q->limit);
	add_instant(h, "budget", q->budget);
	add_int(h, "outstanding", q->outstanding);
	add_int(h, "spent", q->spent);
	add_int(h, "granted", q->granted);
	add_int(h, "refused", q->refused);
	add_int(h, "returned", q->returned);
}

size_t yt_view_suffixes(struct yt_arena *a, enum yt_kind kind, struct yt_str name, bool with_orders, struct yt_str out[YT_VIEW_HASHES_MAX])
{
	switch (kind) {
	case YT_KIND_MEMBER:
		out[0] = concat(a, YT_S("member:"), name);
		out[1] = concat(a, YT_S("wallet:"), name);
		return 2;
	case YT_KIND_ORDER:
		if (with_orders)
			out[0] = concat(a, YT_S("order:"), name);
		return with_orders;
	case YT_KIND_DAY:
	case YT_KIND_CHANNELS:
		out[0] = day_suffix(a, kind, name);
		return 1;
	case YT_KIND_QUOTA:
	case YT_KIND_ACCOUNT:
	case YT_KIND_GROUP:
		out[0] = concat(a, yt_entities[kind].prefix, name);
		return 1;
	case YT_KIND_PHONE: /* nobody's business */
	case YT_KIND_ALIAS:
	case YT_KIND_ERASED:
	case YT_KIND__COUNT:
		break;
	}
	return 0;
}

unsigned yt_view_changed(enum yt_kind kind, struct yt_str was, struct yt_str now, bool with_orders)
{
	enum { FIRST = 1, WALLET = 2 };

	if (kind == YT_KIND_ORDER)
		return with_orders ? FIRST : 0;
	if (kind == YT_KIND_PHONE || kind == YT_KIND_ALIAS || kind == YT_KIND_ERASED)
		return 0;
	if (kind != YT_KIND_MEMBER)
		return FIRST;
	return was.p && now.p && yt_str_eq(yt_member_wallet(was), yt_member_wallet(now)) ? FIRST : FIRST | WALLET;
}

static struct yt_view_hash render(struct yt_arena *a, enum yt_kind kind, size_t k, struct yt_str suffix, const void *obj)
{
	struct hash h = { .a = a };

	if (obj && kind == YT_KIND_MEMBER && k == 0)
		member_fields(&h, obj);
	else if (obj && kind == YT_KIND_MEMBER)
		wallet_fields(&h, &((const struct yt_member *)obj)->wallet);
	else if (obj && kind == YT_KIND_ORDER)
		order_fields(&h, obj);
	else if (obj && kind == YT_KIND_QUOTA)
		quota_fields(&h, obj);
	else if (obj && kind == YT_KIND_DAY)
		day_fields(&h, obj);
	else if (obj && kind == YT_KIND_CHANNELS)
		channels_fields(&h, obj);
	else if (obj && kind == YT_KIND_ACCOUNT)
		account_fields(&h, obj);
	else if (obj && kind == YT_KIND_GROUP)
		group_fields(&h, obj);
	return (struct yt_view_hash){
		.suffix = suffix,
		.fields = h.fields,
		.n = h.n / 2,
		.expires_at_ms = obj ? yt_entities[kind].expires_at(obj) : YT_NEVER,
	};
}

size_t yt_view_render_some(struct yt_arena *a, enum yt_kind kind, struct yt_str name, const void *obj, bool with_orders, unsigned hashes,
                           struct yt_view_hash out[YT_VIEW_HASHES_MAX])
{
	struct yt_str suffix[YT_VIEW_HASHES_MAX];
	size_t n = yt_view_suffixes(a, kind, name, with_orders, suffix);

	for (size_t k = 0; k < n; k++)
		if (hashes >> k & 1)
			out[k] = render(a, kind, k, suffix[k], obj);
	return n;
}

int yt_view_entity_of(struct yt_arena *a, struct yt_str suffix, struct yt_str *name)
{
	const char *colon = memchr(suffix.p, ':', suffix.n);

	if (!colon)
		return -1;
	struct yt_str kind = yt_str(suffix.p, (size_t)(colon - suffix.p));

	*name = yt_str(colon + 1, suffix.n - kind.n - 1);
	if (yt_str_eq(kind, YT_S("member")) || yt_str_eq(kind, YT_S("wallet")))
		return YT_KIND_MEMBER;
	if (yt_str_eq(kind, YT_S("order")))
		return YT_KIND_ORDER;
	if (yt_str_eq(kind, YT_S("quota")))
		return YT_KIND_QUOTA;
	if (yt_str_eq(kind, YT_S("account")))
		return YT_KIND_ACCOUNT;
	if (yt_str_eq(kind, YT_S("group")))
		return YT_KIND_GROUP;
	if (!yt_str_eq(kind, YT_S("day")) && !yt_str_eq(kind, YT_S("channels")))
		return -1;
	/* A shop has no ':' and a date neither: the one there is stands for the slash. */
	struct yt_str copy = yt_arena_dup(a, *name);
	char *slash = memchr(copy.p, ':', copy.n);

	if (!slash)
		return -1;
	*slash = '/';
	*name = copy;
	return kind.p[0] == 'd' ? YT_KIND_DAY : YT_KIND_CHANNELS;
}
