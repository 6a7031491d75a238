/* Who buys: the hashes of phone, device and address that a member's orders carry, for the checks of referrals. */
#include "yutang/base/hash.h"
#include "yutang/core/referral.h"

static uint64_t hash_of(struct yt_str text)
{
	return text.n ? yt_hash64(text) : 0;
}

static const struct yt_buyer *buyer_of(const struct yt_act *act)
{
	const union yt_field_value *v = act->ev->type == YT_ORDER_PAID ? yt_event_field(act->ev, YT_F_BUYER) : NULL;

	return v ? v->list.buyer : NULL;
}

void yt_buyer_hashes(const struct yt_act *act, uint64_t out[YT_BUYER__COUNT])
{
	static const struct yt_buyer none;
	const struct yt_buyer *b = buyer_of(act);

	b = b ? b : &none;
	out[YT_BUYER_PHONE] = hash_of(b->phone);
	out[YT_BUYER_DEVICE] = hash_of(b->device);
	out[YT_BUYER_ADDRESS] = hash_of(b->address);
}

bool yt_buyer_has(const struct yt_member *m, enum yt_buyer_part part, uint64_t hash)
{
	const struct yt_refers *r = m->refers;

	for (uint32_t k = 0; r && k < r->n_buyers; k++) {
		if (r->buyers[k].part == part && r->buyers[k].hash == hash)
			return true;
	}
	return false;
}

static bool is_before(const struct yt_buyer_hash *a, const struct yt_buyer_hash *b)
{
	if (a->first_at != b->first_at)
		return a->first_at < b->first_at;
	return a->part != b->part ? a->part < b->part : a->hash < b->hash;
}

static void insert(struct yt_refers *r, struct yt_arena *a, const struct yt_buyer_hash *row)
{
	uint32_t k;

	r->buyers = yt_list_grow(a, r->buyers, r->n_buyers, &r->cap_buyers, sizeof(*r->buyers));
	for (k = r->n_buyers; k > 0 && is_before(row, &r->buyers[k - 1]); k--)
		r->buyers[k] = r->buyers[k - 1];
	r->buyers[k] = *row;
	r->n_buyers++;
}

static void take_out(struct yt_refers *r, uint32_t k)
{
	memmove(&r->buyers[k], &r->buyers[k + 1], (r->n_buyers - k - 1) * sizeof(*r->buyers));
	r->n_buyers--;
}

/* The hash with its first instant; those that were used first stay. True: the phone's entity does not know of it yet. */
static bool add(struct yt_refers *r, struct yt_arena *a, struct yt_buyer_hash row)
{
	bool news = row.registered;

	for (uint32_t k = 0; k < r->n_buyers; k++) {
		const struct yt_buyer_hash was = r->buyers[k];

		if (was.part != row.part || was.hash != row.hash)
			continue;
		news = row.registered && (!was.registered || row.first_at < was.first_at);
		if (was.first_at < row.first_at)
			row.first_at = was.first_at;
		row.registered |= was.registered;
		take_out(r, k);
		break;
	}
	insert(r, a, &row);
	if (r->n_buyers > YT_BUYERS_MAX)
		r->n_buyers--;
	return news;
}

void yt_buyer_merge(struct yt_act *act, const struct yt_member *from)
{
	for (uint32_t k = 0; from->refers && k < from->refers->n_buyers; k++)
		add(yt_member_refers(act->member, act->env->arena), act->env->arena, from->refers->buyers[k]);
}

static void tell_phone(struct yt_act *act, struct yt_str phone, bool asks)
{
	struct yt_origin origin = { .ev = yt_kept_new(act->env->arena, act->ev, 0) };
	struct yt_arena *a = act->env->arena;
	struct yt_buf b, id;

	yt_buf_init(&id, a);
	yt_buf_z(&id, "~phone:");
	yt_buf_str_add(&id, phone);
	yt_send_begin(act, &b, YT_SEND_PHONE);
	yt_buf_bytes(&b, act->member->id);
	yt_buf_varint(&b, (uint64_t)act->order->paid_at);
	yt_buf_c(&b, asks);
	if (asks)
		yt_origin_encode(&origin, act->member->id, &b);
	yt_send_end(act, &b, yt_act_name(a, act->member->shop, yt_buf_str(&id)));
}

void yt_buyer_fold(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	const bool wanted[] = { rules->same_phone || rules->reregistered, rules->same_device, rules->same_address };
	const struct yt_buyer *buyer = buyer_of(act);
	uint64_t hashes[YT_BUYER__COUNT];
	struct yt_refers *r;
	bool news;

	if (!buyer || (!wanted[YT_BUYER_PHONE] && !wanted[YT_BUYER_DEVICE] && !wanted[YT_BUYER_ADDRESS]))
		return;
	yt_buyer_hashes(act, hashes);
	for (int k = 0; k < YT_BUYER__COUNT; k++) {
		struct yt_buyer_hash row = { .hash = hashes[k], .first_at = act->order->paid_at, .part = (uint8_t)k };

		if (!wanted[k] || !hashes[k])
			continue;
		row.registered = k == YT_BUYER_PHONE && rules->reregistered;
		r = yt_member_refers(act->member, act->env->arena);
		news = add(r, act->env->arena, row);
		if (news)
			tell_phone(act, buyer->phone, false);
	}
}

bool yt_buyer_ask(struct yt_act *act)
{
	const struct yt_buyer *buyer = buyer_of(act);

	if (!buyer || !buyer->phone.n)
		return false;
	tell_phone(act, buyer->phone, true);
	return true;
}
