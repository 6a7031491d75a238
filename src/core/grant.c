#include "yutang/core/grant.h"

#include "yutang/base/hash.h"
#include "yutang/core/claim.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/limit.h"
#include "yutang/core/run.h"
#include "yutang/core/stock.h"

enum {
	GRANT_COUPON = 1,
	GRANT_FOLLOWUP = 2,
	GRANT_PROMOTES = 4,
	GRANT_END_OF_DAY = 8,
	GRANT_KEEP = 16,
	GRANT_OWN = 32,
	GRANT_GIFT = 64,
	GRANT_WINDOW = 128,
	GRANT_REWARD = 256,
	GRANT_TRANSFERABLE = 512,
};

enum { WITHDRAW_REFUNDED, WITHDRAW_CANCELLED, WITHDRAW_DEPOSIT }; /* of an order; of a deposit */

/* --- its bytes */

static void encode_coupon(const struct yt_coupon_rules *c, struct yt_buf *b)
{
	yt_buf_bytes(b, c->name);
	yt_buf_c(b, (char)c->discount);
	yt_buf_varint(b, (uint64_t)c->value);
	yt_buf_svarint(b, c->min_amount);
	yt_buf_varint(b, (uint64_t)c->valid_for_ms);
	yt_buf_bytes(b, c->valid_from_text);
	yt_buf_bytes(b, c->valid_until_text);
	yt_buf_varint(b, (uint64_t)c->remind_before_ms);
	yt_buf_varint(b, (uint64_t)c->limit_per_member);
	yt_buf_varint(b, (uint64_t)c->limit_per_period.n);
	yt_buf_varint(b, (uint64_t)c->limit_per_period.ms);
	yt_buf_varint(b, (uint64_t)c->limit_total);
	yt_buf_varint(b, (uint64_t)c->budget);
}

static unsigned coupon_flags(const struct yt_coupon_rules *c)
{
	return (c->to_end_of_day ? GRANT_END_OF_DAY : 0) | (c->keep_on_refund ? GRANT_KEEP : 0) | (c->transferable ? GRANT_TRANSFERABLE : 0);
}

void yt_grant_encode_coupon(const struct yt_coupon_rules *c, struct yt_buf *b)
{
	yt_buf_varint(b, coupon_flags(c));
	encode_coupon(c, b);
}

static unsigned flags_of(const struct yt_grant *g)
{
	return (g->has_coupon ? GRANT_COUPON : 0) | (g->followup.kind.n ? GRANT_FOLLOWUP : 0) | (g->promotes ? GRANT_PROMOTES : 0) |
	       coupon_flags(&g->coupon) | (g->own ? GRANT_OWN : 0) | (g->gift.n ? GRANT_GIFT : 0) | (g->valid_until ? GRANT_WINDOW : 0) |
	       (g->reward.role ? GRANT_REWARD : 0);
}

void yt_grant_encode(const struct yt_grant *g, struct yt_str member, struct yt_buf *b)
{
	yt_origin_encode(&g->origin, member, b);
	yt_buf_bytes(b, g->rule);
	yt_buf_varint(b, flags_of(g));
	if (g->has_coupon)
		encode_coupon(&g->coupon, b);
	if (g->valid_until) {
		yt_buf_varint(b, (uint64_t)g->valid_from);
		yt_buf_varint(b, (uint64_t)g->valid_until);
	}
	if (g->reward.role) {
		yt_buf_c(b, (char)g->reward.role);
		yt_buf_bytes(b, g->reward.invitee);
		yt_buf_bytes(b, g->reward.order);
	}
	if (g->own)
		yt_buf_c(b, (char)g->once);
	if (g->gift.n) {
		yt_buf_bytes(b, g->gift);
		yt_buf_varint(b, (uint64_t)g->gift_quota);
	}
	if (!g->followup.kind.n)
		return;
	yt_buf_bytes(b, g->followup.kind);
	yt_buf_varint(b, (uint64_t)g->followup.due_at);
	if (g->own)
		return;
	yt_buf_varint(b, (uint64_t)g->followup.send_by);
	yt_buf_bytes(b, g->followup.params);
}

static void decode_coupon(struct yt_coupon_rules *c, struct yt_rd *r, unsigned flags)
{
	*c = (struct yt_coupon_rules){ .name = yt_rd_bytes(r) };
	c->discount = yt_rd_u8(r);
	c->value = yt_rd_instant(r);
	c->min_amount = yt_rd_svarint(r);
	c->valid_for_ms = yt_rd_instant(r);
	c->valid_from_text = yt_rd_bytes(r);
	c->valid_until_text = yt_rd_bytes(r);
	c->remind_before_ms = yt_rd_instant(r);
	c->limit_per_member = yt_rd_instant(r);
	c->limit_per_period.n = (int)yt_rd_varint(r);
	c->limit_per_period.ms = yt_rd_instant(r);
	c->limit_total = yt_rd_instant(r);
	c->budget = yt_rd_instant(r);
	c->to_end_of_day = flags & GRANT_END_OF_DAY;
	c->keep_on_refund = flags & GRANT_KEEP;
	c->transferable = flags & GRANT_TRANSFERABLE;
	r->bad |= c->discount > YT_AMOUNT_OFF || !yt_instant_ok(c->valid_from_text) || !yt_instant_ok(c->valid_until_text);
}

void yt_grant_decode_coupon(struct yt_coupon_rules *c, struct yt_rd *r)
{
	unsigned flags = (unsigned)yt_rd_varint(r);

	decode_coupon(c, r, flags);
}

void yt_grant_decode(struct yt_grant *g, struct yt_arena *a, struct yt_rd *r, struct yt_str name)
{
	unsigned flags;

	*g = (struct yt_grant){ .promotes = false };
	yt_origin_decode(&g->origin, a, r, yt_name_shop(name), yt_name_id(name));
	g->rule = yt_rd_bytes(r);
	flags = (unsigned)yt_rd_varint(r);
	g->has_coupon = flags & GRANT_COUPON;
	g->promotes = flags & GRANT_PROMOTES;
	g->own = flags & GRANT_OWN;
	if (g->has_coupon)
		decode_coupon(&g->coupon, r, flags);
	if (flags & GRANT_WINDOW) {
		g->valid_from = yt_rd_instant(r);
		g->valid_until = yt_rd_instant(r);
	}
	if (flags & GRANT_REWARD) {
		g->reward.role = yt_rd_u8(r);
		g->reward.invitee = yt_rd_bytes(r);
		g->reward.order = yt_rd_bytes(r);
		r->bad |= !g->reward.role || g->reward.role > YT_ROLE_INVITEE;
	}
	if (g->own)
		g->once = yt_rd_u8(r);
	r->bad |= g->once > YT_ONCE_COUPON;
	if (flags & GRANT_GIFT) {
		g->gift = yt_rd_bytes(r);
		g->gift_quota = yt_rd_instant(r);
	}
	if (!(flags & GRANT_FOLLOWUP))
		return;
	g->followup.rule = g->rule;
	g->followup.kind = yt_rd_bytes(r);
	g->followup.due_at = yt_rd_instant(r);
	if (g->own)
		return;
	g->followup.send_by = yt_rd_instant(r);
	g->followup.params = yt_rd_bytes(r);
}

/* --- the sender */

struct yt_str yt_grant_referrer(const struct yt_member *m)
{
	if (yt_str_starts(m->referrer, YT_S("ref:")) || yt_str_starts(m->referrer, YT_S("~")) || yt_str_eq(m->referrer, m->id) ||
	    yt_ident_has(&m->ident, m->referrer))
		return (struct yt_str){ 0 };
	return m->referrer;
}

/* Of the event what its fact and `for.order` are made of. */
static struct yt_origin origin_of(const struct yt_act *act)
{
	struct yt_origin origin = { .follow = act->follow };

	if (act->ev)
		origin.ev = yt_kept_new(act->env->arena, act->ev, UINT64_C(1) << YT_F_ORDER);
	return origin;
}

static void send(struct yt_act *act, struct yt_buf *b)
{
	yt_send_end(act, b, yt_act_name(act->env->arena, act->member->shop, act->member->referrer));
}

/* What goes with the order, or the deposit, is on its way. */
static void note_granted(struct yt_act *act)
{
	struct yt_str presale = yt_act_deposit(act);
	struct yt_deposit *d = presale.n ? yt_deposits_find(&act->member->deposits, presale) : NULL;

	if (act->order)
		yt_act_order(act)->granted = true;
	if (d)
		d->granted = yt_erase_hash(act->env, act->member->shop, yt_event_text(act->ev, YT_F_MEMBER));
}

bool yt_grant_send(struct yt_act *act, const struct yt_rule *r, int64_t due_at)
{
	struct yt_grant g = { .origin = origin_of(act), .rule = r->name, .has_coupon = r->issue, .promotes = r->promotes };
	struct yt_buf b;

	if (!yt_grant_referrer(act->member).n)
		return false;
	if (r->issue)
		g.coupon = *r->issue;
	if (r->follow_up.n)
		g.followup = (struct yt_followup){ .kind = r->follow_up,
			                           .due_at = due_at,
			                           .send_by = r->send_by_ms ? due_at + r->send_by_ms : 0,
			                           .params = yt_followup_params(act, r) };
	yt_send_begin(act, &b, YT_SEND_GRANT);
	yt_grant_encode(&g, act->member->referrer, &b);
	send(act, &b);
	if (r->issue && !r->issue->keep_on_refund)
		note_granted(act);
	return true;
}

void yt_grant_withdraw(struct yt_act *act, enum yt_reason reason)
{
	struct yt_origin origin = origin_of(act);
	struct yt_buf b;

	if (!act->order->granted || !yt_grant_referrer(act->member).n)
		return;
	yt_act_order(act)->granted = false;
	yt_send_begin(act, &b, YT_SEND_WITHDRAW);
	yt_origin_encode(&origin, act->member->referrer, &b);
	yt_buf_c(&b, reason == YT_REASON_ORDER_CANCELLED ? WITHDRAW_CANCELLED : WITHDRAW_REFUNDED);
	send(act, &b);
}

void yt_grant_withdraw_deposit(struct yt_act *act, struct yt_deposit *d)
{
	struct yt_origin origin = origin_of(act);
	struct yt_buf b;

	if (!d->granted || !yt_grant_referrer(act->member).n)
		return;
	yt_send_begin(act, &b, YT_SEND_WITHDRAW);
	yt_origin_encode(&origin, act->member->referrer, &b);
	yt_buf_c(&b, WITHDRAW_DEPOSIT);
	yt_buf_u64(&b, d->presale);
	yt_buf_u64(&b, d->granted);
	send(act, &b);
	d->granted = 0;
}

/* --- the receiver */

static void send_followup(struct yt_act *act, bool promotes, struct yt_followup *f)
{
	struct yt_arena *a = act->env->arena;
	struct yt_timer t = { .quiet = true, .granted = true, .promotes = promotes, .due_at = f->due_at, .send_by = f->send_by };

	f->cause = yt_act_cause(act);
	f->fact = yt_act_fact(act, YT_OUT_FOLLOWUP_DUE);
	if (yt_followup_send(act, f) != YT_FOLLOWUP_WAITS)
		return;
	if (act->member->n_timers >= YT_TIMERS_MAX || !yt_limit_room(act, f->params.n)) {
		yt_followup_withhold(act, f, YT_REASON_TIMER_LIMIT);
		return;
	}
	t.due = f->wait_until;
	t.rule = yt_arena_dup(a, f->rule);
	t.kind = yt_arena_dup(a, f->kind);
	t.params = yt_arena_dup(a, f->params);
	t.origin.follow = act->follow;
	if (act->ev)
		t.origin.ev = yt_kept_new(a, act->ev, UINT64_C(1) << YT_F_ORDER);
	t.has_coupon = f->coupon;
	if (f->coupon)
		yt_unhex(f->coupon, t.coupon, sizeof(t.coupon));
	yt_member_add_timer(act->member, a, &t);
}

static void withhold(struct yt_act *act, struct yt_followup *f, enum yt_reason reason)
{
	f->cause = yt_act_cause(act);
	f->fact = yt_act_fact(act, YT_OUT_FOLLOWUP_WITHHELD);
	if (f->kind.n)
		yt_followup_withhold(act, f, reason);
}

static bool is_stocked(struct yt_act *act)
{
	return yt_stock_until(act) > act->env->now_ms;
}

void yt_grant_give(struct yt_act *act, const struct yt_grant *g)
{
	const struct yt_terms terms = { .valid_from = g->valid_from, .valid_until = g->valid_until };
	struct yt_followup f = g->followup;
	enum yt_reason refused = YT_REASON_NONE;
	char coupon[33];

	act->reward = g->reward.role ? &g->reward : NULL;
	if (g->promotes && is_stocked(act)) {
		if (g->has_coupon)
			yt_coupon_refuse(act, g->rule, g->coupon.name, YT_REASON_STOCK_UNUSED);
		withhold(act, &f, YT_REASON_STOCK_UNUSED);
	} else if (g->has_coupon && yt_claim_needed(&g->coupon)) {
		refused = yt_claim_make(act, g);
		if (refused)
			withhold(act, &f, refused);
	} else {
		if (g->has_coupon)
			refused = yt_coupon_issue(act, &g->coupon, g->rule, &terms, coupon);
		yt_grant_go_on(act, g, refused, g->has_coupon && !refused ? coupon : NULL);
	}
	act->reward = NULL;
}

void yt_grant_go_on(struct yt_act *act, const struct yt_grant *g, enum yt_reason refused, const char *coupon)
{
	struct yt_followup f = g->followup;

	f.coupon = coupon;
	if (g->own)
		yt_run_go_on(act, g, refused, coupon);
	else if (refused)
		withhold(act, &f, refused);
	else if (f.kind.n)
		send_followup(act, g->promotes, &f);
}

/* What is withdrawn, as it travels. */
struct withdrawal {
	uint8_t of;
	uint64_t presale, depositor;
};

static void read_withdrawal(struct withdrawal *w, struct yt_rd *r)
{
	w->of = yt_rd_u8(r);
	if (w->of == WITHDRAW_DEPOSIT) {
		w->presale = yt_rd_u64(r);
		w->depositor = yt_rd_u64(r);
	}
	r->bad |= w->of > WITHDRAW_DEPOSIT;
}

static void withdraw(struct yt_act *act, const struct withdrawal *w)
{
	if (w->of == WITHDRAW_DEPOSIT)
		yt_coupon_revoke_deposit(act, w->presale, w->depositor);
	else
		yt_coupon_revoke_earned(act, yt_act_text(act, YT_F_ORDER), w->of == WITHDRAW_CANCELLED ? YT_REASON_ORDER_CANCELLED : YT_REASON_ORDER_REFUNDED);
}

bool yt_grant_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	bool withdrawn = what == YT_SEND_WITHDRAW;
	struct withdrawal w = { .of = WITHDRAW_REFUNDED };
	struct yt_grant g = { .own = false };
	const struct yt_member *seen;

	if (withdrawn) {
		yt_origin_decode(&g.origin, act->env->arena, r, yt_name_shop(name), yt_name_id(name));
		read_withdrawal(&w, r);
	} else {
		yt_grant_decode(&g, act->env->arena, r, name);
	}
	if (r->bad || r->p != r->end || g.own || g.gift.n || g.reward.role || (withdrawn && !g.origin.ev))
		return false;
	seen = state->peek(state->ctx, YT_KIND_MEMBER, name);
	if (!seen && yt_erase_at(act->env, name, NULL))
		return true; /* he was erased: there is nobody to give to */
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, name);
	act->ev = g.origin.ev;
	act->follow = g.origin.follow;
	if (withdrawn)
		withdraw(act, &w);
	else
		yt_grant_give(act, &g);
	return true;
}

void yt_grant_fire(struct yt_act *act, const struct yt_timer *t)
{
	char coupon[33];
	struct yt_followup f = {
		.rule = t->rule,
		.kind = t->kind,
		.due_at = t->due_at,
		.send_by = t->send_by,
		.params = t->params,
		.coupon = t->has_coupon ? coupon : NULL,
	};

	yt_hex(t->coupon, sizeof(t->coupon), coupon);
	if (t->promotes && is_stocked(act))
		withhold(act, &f, YT_REASON_STOCK_UNUSED);
	else
		send_followup(act, t->promotes, &f);
}
