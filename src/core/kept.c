#include "yutang/core/kept.h"

#include "yutang/base/hash.h"
#include "yutang/core/list.h"

/* Numbers of types and fields in the state format: they never change, whatever the order in the tables. */
static const uint8_t type_numbers[YT_TYPE__COUNT] = {
	[YT_ORDER_PAID] = 1,   [YT_ORDER_SHIPPED] = 2, [YT_ORDER_SIGNED] = 3,    [YT_ORDER_REFUNDED] = 4, [YT_ORDER_CANCELLED] = 5,
	[YT_GROUP_JOINED] = 6, [YT_GROUP_LEFT] = 7,    [YT_CONTACT_ADDED] = 8,   [YT_CONTACT_REMOVED] = 9, [YT_REFERRAL_BOUND] = 10,
	[YT_PRESALE_DEPOSIT_PAID] = 11, [YT_PRESALE_DEPOSIT_REFUNDED] = 12,
	[YT_SHARE_MADE] = 15,  [YT_GIFT_CLAIMED] = 16,
	[YT_REFERRAL_APPROVE] = 20, [YT_REFERRAL_VOID] = 21, [YT_COUPON_GRANT] = 22, [YT_COUPON_REVOKE] = 23,
	[YT_MEMBER_LINKED] = 24, [YT_MEMBER_ERASE] = 25,
};
static const uint8_t field_numbers[YT_F__COUNT] = {
	[YT_F_ORDER] = 1,      [YT_F_PAID_AT] = 2,    [YT_F_AMOUNT] = 3,      [YT_F_CURRENCY] = 4,       [YT_F_CHANNEL] = 5,
	[YT_F_PRESALE] = 6,    [YT_F_SHIPPED_AT] = 7, [YT_F_CARRIER] = 8,     [YT_F_TRACKING] = 9,       [YT_F_SIGNED_AT] = 10,
	[YT_F_REFUND] = 11,    [YT_F_REFUNDED_AT] = 12, [YT_F_CANCELLED_AT] = 13, [YT_F_GROUP] = 14,     [YT_F_JOINED_AT] = 15,
	[YT_F_LEFT_AT] = 16,   [YT_F_ACCOUNT] = 17,   [YT_F_INVITER] = 18,    [YT_F_VERSION] = 19,       [YT_F_REASON] = 20,
	[YT_F_ADDED_AT] = 21,  [YT_F_WELCOME_UNTIL] = 22, [YT_F_REMOVED_AT] = 23, [YT_F_REFERRER] = 24,  [YT_F_BOUND_AT] = 25,
	[YT_F_BALANCE_FROM] = 26, [YT_F_BALANCE_UNTIL] = 27,
	[YT_F_SHARE] = 40,     [YT_F_FRIEND] = 41,    [YT_F_SHARED_AT] = 42,  [YT_F_GIFT] = 43,          [YT_F_CLAIMED_AT] = 44,
	[YT_F_CLAIM] = 45,     [YT_F_IDENTITY] = 46,  [YT_F_ALIAS] = 47,      [YT_F_LAST_VERSION] = 48,
};
/* Of what follows from an event, from YT_TYPE__COUNT on. */
static const uint8_t follow_numbers[YT_ON__COUNT - YT_TYPE__COUNT] = {
	[YT_ON_COUPON_ISSUED - YT_TYPE__COUNT] = 1,
	[YT_ON_COUPON_USED - YT_TYPE__COUNT] = 2,
	[YT_ON_COUPON_EXPIRED - YT_TYPE__COUNT] = 3,
	[YT_ON_TIER_CHANGED - YT_TYPE__COUNT] = 4,
	[YT_ON_REFERRAL_QUALIFIED - YT_TYPE__COUNT] = 5,
	[YT_ON_REFERRAL_APPROVED - YT_TYPE__COUNT] = 6,
	[YT_ON_SHARE_UNLOCKED - YT_TYPE__COUNT] = 7,
};

static bool is_number(enum yt_field f)
{
	enum yt_field_kind kind = yt_fields[f].kind;

	return kind == YT_FK_INSTANT || kind == YT_FK_MONEY;
}

static bool has(const struct yt_event *ev, int k)
{
	return ev->present >> k & 1;
}

struct yt_event *yt_kept_new(struct yt_arena *a, const struct yt_event *ev, uint64_t fields)
{
	const struct yt_type_info *type = &yt_types[ev->type];
	struct yt_event *kept = yt_arena_zalloc(a, sizeof(*kept));

	for (int k = 0; type->key[k] != YT_F_NONE; k++)
		fields |= UINT64_C(1) << type->key[k];
	*kept = (struct yt_event){ .type = ev->type, .id = yt_arena_dup(a, ev->id), .shop = ev->shop, .time = ev->at, .at = ev->at };
	for (int k = 0; k < type->n_fields; k++) {
		enum yt_field f = type->fields[k].field;

		if (!has(ev, k) || (f != YT_F_MEMBER && (!field_numbers[f] || !(fields >> f & 1))))
			continue;
		kept->present |= (uint16_t)(1u << k);
		kept->f[k] = ev->f[k];
		if (!is_number(f))
			kept->f[k].s = yt_arena_dup(a, ev->f[k].s);
	}
	return kept;
}

const struct yt_event *yt_kept_with(struct yt_arena *a, const struct yt_event *ev, enum yt_field field, struct yt_str text)
{
	int k = yt_types[ev->type].pos[field];
	struct yt_event *with;

	if (k < 0 || !has(ev, k))
		return ev;
	with = yt_arena_alloc(a, sizeof(*with));
	*with = *ev;
	with->f[k].s = text;
	return with;
}

void yt_kept_encode(const struct yt_event *ev, struct yt_buf *out)
{
	const struct yt_type_info *type = &yt_types[ev->type];

	yt_buf_c(out, (char)type_numbers[ev->type]);
	yt_buf_bytes(out, ev->id);
	yt_buf_varint(out, (uint64_t)ev->at);
	for (int k = 0; k < type->n_fields; k++) {
		enum yt_field f = type->fields[k].field;

		/* The own instant is there already. */
		if (!has(ev, k) || !field_numbers[f] || f == type->at)
			continue;
		yt_buf_c(out, (char)field_numbers[f]);
		if (is_number(f))
			yt_buf_svarint(out, ev->f[k].i);
		else
			yt_buf_bytes(out, ev->f[k].s);
	}
	yt_buf_c(out, 0);
}

size_t yt_kept_bytes_bound(const struct yt_event *ev)
{
	const struct yt_type_info *type = &yt_types[ev->type];
	size_t n = 32 + ev->id.n;

	for (int k = 0; k < type->n_fields; k++) {
		enum yt_field f = type->fields[k].field;

		if (has(ev, k) && field_numbers[f])
			n += 11 + (is_number(f) ? 0 : ev->f[k].s.n);
	}
	return n;
}

static int find_number(const uint8_t *numbers, int n, uint8_t number)
{
	for (int k = 0; k < n; k++) {
		if (numbers[k] == number && number)
			return k;
	}
	return -1;
}

static void set_field(struct yt_event *ev, enum yt_field f, union yt_field_value value)
{
	int k = f == YT_F_NONE ? -1 : yt_types[ev->type].pos[f];

	if (k < 0)
		return;
	ev->f[k] = value;
	ev->present |= (uint16_t)(1u << k);
}

struct yt_event *yt_kept_decode(struct yt_arena *a, struct yt_rd *r, struct yt_str shop, struct yt_str member)
{
	struct yt_event *ev = yt_arena_zalloc(a, sizeof(*ev));
	int type = find_number(type_numbers, YT_TYPE__COUNT, yt_rd_u8(r));
	uint8_t number;

	if (type < 0) {
		r->bad = true;
		return NULL;
	}
	ev->type = (enum yt_type)type;
	ev->shop = shop;
	ev->id = yt_rd_bytes(r);
	ev->at = ev->time = yt_rd_instant(r);
	set_field(ev, YT_F_MEMBER, (union yt_field_value){ .s = member });
	if (yt_types[type].at != YT_F_NONE)
		set_field(ev, yt_types[type].at, (union yt_field_value){ .i = ev->at });
	while ((number = yt_rd_u8(r))) {
		int f = find_number(field_numbers, YT_F__COUNT, number);
		union yt_field_value value = { 0 };

		if (f < 0 || yt_types[type].pos[f] < 0) {
			r->bad = true;
			return NULL;
		}
		if (is_number(f))
			value.i = yt_rd_svarint(r);
		else
			value.s = yt_rd_bytes(r);
		set_field(ev, f, value);
	}
	return r->bad ? NULL : ev;
}

enum { ORIGIN_EVENT = 1, ORIGIN_FOLLOW = 2, ORIGIN_OTHER = 4 };

void yt_origin_encode(const struct yt_origin *o, struct yt_str member, struct yt_buf *out)
{
	const struct yt_follow *f = o->follow;
	struct yt_str of = o->ev ? yt_event_text(o->ev, YT_F_MEMBER) : member;
	bool other = !yt_str_eq(of, member);

	yt_buf_c(out, (char)((o->ev ? ORIGIN_EVENT : 0) | (f ? ORIGIN_FOLLOW : 0) | (other ? ORIGIN_OTHER : 0)));
	if (other)
		yt_buf_bytes(out, of);
	if (o->ev)
		yt_kept_encode(o->ev, out);
	if (!f)
		return;
	yt_buf_c(out, (char)follow_numbers[f->on - YT_TYPE__COUNT]);
	yt_buf_add(out, f->out, sizeof(f->out));
	yt_buf_add(out, f->coupon, sizeof(f->coupon));
	yt_buf_varint(out, (uint64_t)f->at);
	yt_buf_bytes(out, f->cause);
	if (f->on != YT_ON_TIER_CHANGED)
		return;
	yt_buf_bytes(out, f->from);
	yt_buf_bytes(out, f->to);
	yt_buf_c(out, f->lapsed);
}

static const struct yt_follow *decode_follow(struct yt_arena *a, struct yt_rd *r)
{
	struct yt_follow *f = yt_arena_zalloc(a, sizeof(*f));

	int on = find_number(follow_numbers, YT_ON__COUNT - YT_TYPE__COUNT, yt_rd_u8(r));

	r->bad |= on < 0;
	f->on = (uint8_t)(on + YT_TYPE__COUNT);
	yt_rd_raw(r, f->out, sizeof(f->out));
	yt_rd_raw(r, f->coupon, sizeof(f->coupon));
	f->at = yt_rd_instant(r);
	f->cause = yt_rd_bytes(r);
	if (f->on != YT_ON_TIER_CHANGED)
		return f;
	f->from = yt_rd_bytes(r);
	f->to = yt_rd_bytes(r);
	f->lapsed = yt_rd_u8(r);
	return f;
}

void yt_origin_decode(struct yt_origin *o, struct yt_arena *a, struct yt_rd *r, struct yt_str shop, struct yt_str member)
{
	uint8_t flags = yt_rd_u8(r);

	*o = (struct yt_origin){ 0 };
	if (flags & ORIGIN_OTHER)
		member = yt_rd_bytes(r);
	if (flags & ORIGIN_EVENT)
		o->ev = yt_kept_decode(a, r, shop, member);
	if (flags & ORIGIN_FOLLOW)
		o->follow = decode_follow(a, r);
	r->bad |= !o->ev && !o->follow;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint64_t mix_items(uint64_t h, const union yt_field_value *v)
{
	for (uint32_t k = 0; k < v->list.n; k++) {
		const struct yt_item *item = &v->list.items[k];

		h = mix(h, yt_hash64(item->sku));
		h = mix(h, (uint64_t)item->quantity);
		h = mix(h, (uint64_t)item->amount);
	}
	return mix(h, v->list.n);
}

static uint64_t mix_field(uint64_t h, enum yt_field f, const union yt_field_value *v)
{
	switch (yt_fields[f].kind) {
	case YT_FK_ITEMS:
		return mix_items(h, v);
	case YT_FK_CODES:
		for (uint32_t k = 0; k < v->list.n; k++)
			h = mix(h, yt_hash64(v->list.codes[k]));
		return mix(h, v->list.n);
	case YT_FK_BUYER:
		h = mix(h, yt_hash64(v->list.buyer->phone));
		h = mix(h, yt_hash64(v->list.buyer->device));
		return mix(h, yt_hash64(v->list.buyer->address));
	default:
		return mix(h, is_number(f) ? (uint64_t)v->i : yt_hash64(v->s));
	}
}

uint64_t yt_event_hash(const struct yt_event *ev)
{
	const struct yt_type_info *type = &yt_types[ev->type];
	uint64_t h = type_numbers[ev->type];

	/* A field that a later version adds at the end of its type changes no hash of an event without it. */
	for (int k = 0; k < type->n_fields; k++) {
		if (has(ev, k))
			h = mix_field(mix(h, yt_hash64(yt_fields[type->fields[k].field].name)), type->fields[k].field, &ev->f[k]);
	}
	return h;
}
