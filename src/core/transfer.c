#include "yutang/core/transfer.h"

#include "yutang/base/hash.h"
#include "yutang/core/alias.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"

static const struct yt_str key_coupon = YT_STR("~coupon:");

/* --- the code */

void yt_transfer_bind(struct yt_act *act, const struct yt_coupon *c)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_CODE);
	yt_buf_bytes(&b, act->member->id);
	yt_buf_varint(&b, (uint64_t)(c->valid_until + act->shop->refund_window_ms + YT_AFTER_REFUND_WINDOW_MS));
	yt_buf_varint(&b, (uint64_t)act->env->now_ms);
	yt_send_end_at(act, &b, act->member->shop, key_coupon, yt_str_z(c->code));
}

bool yt_transfer_take_code(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_arena *a = act->env->arena;
	struct yt_str member = yt_rd_bytes(r), id = yt_name_id(to), shop = yt_name_shop(to);
	int64_t life_end = yt_rd_instant(r), at = yt_rd_instant(r);
	struct yt_alias *al;

	(void)what;
	if (r->bad || r->p != r->end || !member.n || id.p[0] != '~')
		return false;
	if (yt_erase_at(act->env, yt_act_name(a, shop, member), NULL) >= at)
		return true;
	al = state->edit(state->ctx, YT_KIND_ALIAS, yt_act_name(a, shop, yt_str(id.p + 1, id.n - 1)));
	al->member = yt_arena_dup(a, member);
	al->life_end = life_end;
	return true;
}

/* --- an order names it */

struct claim {
	struct yt_origin origin; /* the event of the order */
	struct yt_coupon_claim of;
};

/* ev: the order.paid, or what cancels the order. */
static void send(struct yt_act *act, enum yt_send what, const struct yt_coupon_claim *of, struct yt_str shop, struct yt_str lead, struct yt_str id)
{
	struct yt_origin origin = { .ev = yt_kept_new(act->env->arena, act->ev, 0) };
	struct yt_buf b;

	yt_send_begin(act, &b, what);
	yt_origin_encode(&origin, (struct yt_str){ 0 }, &b);
	yt_buf_bytes(&b, of->buyer);
	yt_buf_bytes(&b, of->order);
	yt_buf_bytes(&b, of->code);
	yt_buf_varint(&b, (uint64_t)of->paid_at);
	yt_buf_varint(&b, (uint64_t)of->amount);
	yt_buf_varint(&b, of->ordinal);
	yt_send_end_at(act, &b, shop, lead, id);
}

static bool read(struct yt_act *act, struct yt_str shop, struct claim *c, struct yt_rd *r)
{
	yt_origin_decode(&c->origin, act->env->arena, r, shop, (struct yt_str){ 0 });
	c->of.buyer = yt_rd_bytes(r);
	c->of.order = yt_rd_bytes(r);
	c->of.code = yt_rd_bytes(r);
	c->of.paid_at = yt_rd_instant(r);
	c->of.amount = yt_rd_instant(r);
	c->of.ordinal = (unsigned)yt_rd_varint(r);
	return !r->bad && r->p == r->end && c->origin.ev;
}

static void send_to_code(struct yt_act *act, enum yt_send what, struct yt_str code, unsigned ordinal)
{
	const struct yt_order *o = act->order;
	struct yt_coupon_claim of = { act->member->id, o->id, code, o->paid_at, o->amount, ordinal };
	char folded[13] = { 0 };

	yt_crockford_fold(code, folded);
	send(act, what, &of, act->member->shop, key_coupon, yt_arena_dup(act->env->arena, yt_str(folded, 12)));
}

bool yt_transfer_ask(struct yt_act *act, struct yt_str code, unsigned ordinal)
{
	char folded[13];

	if (!act->env->rules->any_transferable || !act->env->code_key || !yt_crockford_fold(code, folded))
		return false;
	send_to_code(act, YT_SEND_USE, code, ordinal);
	if (!act->order->asked)
		yt_act_order(act)->asked = true;
	return true;
}

void yt_transfer_return(struct yt_act *act)
{
	const struct yt_order *o = act->order;
	char folded[13];

	for (uint32_t k = 0; o->asked && k < o->n_codes; k++) {
		if (!yt_crockford_fold(o->codes[k], folded))
			continue;
		/* Held by himself: it was another's when he used it, and they are one by now; or it never was. */
		if (yt_wallet_by_code(&act->member->wallet, o->codes[k]))
			yt_coupon_return_claimed(act, o->codes[k], o->id);
		else
			send_to_code(act, YT_SEND_UNUSE, o->codes[k], 0);
	}
}

/* At the alias: on to who holds it. */
static void find_holder(struct yt_act *act, struct yt_str to, enum yt_send what, const struct claim *c)
{
	const struct yt_state *state = act->env->state;
	struct yt_str id = yt_name_id(to), shop = yt_name_shop(to);
	const struct yt_alias *al = state->peek(state->ctx, YT_KIND_ALIAS, yt_act_name(act->env->arena, shop, yt_str(id.p + 1, id.n - 1)));

	if (al && al->member.n)
		send(act, what, &c->of, shop, YT_S(""), al->member);
	else if (what == YT_SEND_USE)
		yt_coupon_refuse_claim(act, &c->of);
}

bool yt_transfer_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_str id = yt_name_id(to);
	struct claim c;

	if (!read(act, yt_name_shop(to), &c, r) || !id.n)
		return false;
	act->place = to;
	act->ev = c.origin.ev;
	if (id.p[0] == '~') {
		find_holder(act, to, what, &c);
		return true;
	}
	if (!state->peek(state->ctx, YT_KIND_MEMBER, to)) {
		if (what == YT_SEND_USE)
			yt_coupon_refuse_claim(act, &c.of);
		return true;
	}
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, to);
	if (what == YT_SEND_USE)
		yt_coupon_claim(act, &c.of);
	else
		yt_coupon_return_claimed(act, c.of.code, c.of.order);
	return true;
}
