#include "yutang/core/grant.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/followup.h"
#include "yutang/core/limit.h"
#include "yutang/core/stock.h"

enum { GRANT_COUPON = 1, GRANT_FOLLOWUP = 2, GRANT_PROMOTES = 4, GRANT_END_OF_DAY = 8, GRANT_KEEP = 16, GRANT_TRANSFERABLE = 32 };

struct yt_grant {
	struct yt_origin origin;
	bool withdraw, cancelled; /* what came for the order at hand goes; the order was cancelled, else refunded */
	struct yt_str rule;
	bool has_coupon, promotes;
	struct yt_coupon_rules coupon;
	struct yt_followup followup; /* kind empty: none */
};

/* --- the sender */

struct yt_str yt_grant_referrer(const struct yt_member *m)
{
	if (yt_str_starts(m->referrer, YT_S("ref:")) || yt_str_starts(m->referrer, YT_S("~")) || yt_str_eq(m->referrer, m->id) || yt_ident_has(&m->ident, m->referrer))
		return (struct yt_str){ 0 };
	return m->referrer;
}

/* Of the event what its fact and `for.order` are made of. */
static void begin(struct yt_act *act, struct yt_buf *b, enum yt_send what)
{
	struct yt_origin origin = { .follow = act->follow };

	if (act->ev)
		origin.ev = yt_kept_new(act->env->arena, act->ev, UINT64_C(1) << YT_F_ORDER);
	yt_send_begin(act, b, what);
	yt_origin_encode(&origin, act->member->referrer, b);
}

static void send(struct yt_act *act, struct yt_buf *b)
{
	yt_send_end(act, b, yt_act_name(act->env->arena, act->member->shop, act->member->referrer));
}

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
}

bool yt_grant_send(struct yt_act *act, const struct yt_rule *r, int64_t due_at)
{
	const struct yt_coupon_rules *c = r->issue;
	unsigned flags = (c ? GRANT_COUPON : 0) | (r->follow_up.n ? GRANT_FOLLOWUP : 0) | (r->promotes ? GRANT_PROMOTES : 0);
	struct yt_buf b;

	if (!yt_grant_referrer(act->member).n)
		return false;
	if (c)
		flags |= (c->to_end_of_day ? GRANT_END_OF_DAY : 0) | (c->keep_on_refund ? GRANT_KEEP : 0) | (c->transferable ? GRANT_TRANSFERABLE : 0);
	begin(act, &b, YT_SEND_GRANT);
	yt_buf_bytes(&b, r->name);
	yt_buf_c(&b, (char)flags);
	if (c)
		encode_coupon(c, &b);
	if (r->follow_up.n) {
		yt_buf_bytes(&b, r->follow_up);
		yt_buf_varint(&b, (uint64_t)due_at);
		yt_buf_varint(&b, (uint64_t)(r->send_by_ms ? due_at + r->send_by_ms : 0));
		yt_buf_bytes(&b, yt_followup_params(act, r));
	}
	send(act, &b);
	if (c && !c->keep_on_refund && act->order)
		yt_act_order(act)->granted = true;
	return true;
}

void yt_grant_withdraw(struct yt_act *act, enum yt_reason reason)
{
	struct yt_buf b;

	if (!act->order->granted)
		return;
	yt_act_order(act)->granted = false;
	begin(act, &b, YT_SEND_WITHDRAW);
	yt_buf_c(&b, reason == YT_REASON_ORDER_CANCELLED);
	send(act, &b);
}

/* --- the receiver */

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
	c->to_end_of_day = flags & GRANT_END_OF_DAY;
	c->keep_on_refund = flags & GRANT_KEEP;
	c->transferable = flags & GRANT_TRANSFERABLE;
	r->bad |= c->discount > YT_AMOUNT_OFF || !yt_instant_ok(c->valid_from_text) || !yt_instant_ok(c->valid_until_text);
}

static void decode_grant(struct yt_grant *g, struct yt_rd *r)
{
	unsigned flags;

	g->rule = yt_rd_bytes(r);
	flags = yt_rd_u8(r);
	g->has_coupon = flags & GRANT_COUPON;
	g->promotes = flags & GRANT_PROMOTES;
	if (g->has_coupon)
		decode_coupon(&g->coupon, r, flags);
	if (!(flags & GRANT_FOLLOWUP))
		return;
	g->followup.rule = g->rule;
	g->followup.kind = yt_rd_bytes(r);
	g->followup.due_at = yt_rd_instant(r);
	g->followup.send_by = yt_rd_instant(r);
	g->followup.params = yt_rd_bytes(r);
}

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

/* As a rule of its own would give it to the receiver. */
static void give(struct yt_act *act, const struct yt_grant *g)
{
	struct yt_followup f = g->followup;
	enum yt_reason refused;
	char coupon[33];

	if (g->promotes && is_stocked(act)) {
		if (g->has_coupon)
			yt_coupon_refuse(act, g->rule, g->coupon.name, YT_REASON_STOCK_UNUSED);
		withhold(act, &f, YT_REASON_STOCK_UNUSED);
		return;
	}
	if (g->has_coupon) {
		refused = yt_coupon_issue(act, &g->coupon, g->rule, coupon);
		if (refused) {
			withhold(act, &f, refused);
			return;
		}
		f.coupon = coupon;
	}
	if (f.kind.n)
		send_followup(act, g->promotes, &f);
}

bool yt_grant_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_str shop = yt_name_shop(name);
	struct yt_grant g = { .withdraw = what == YT_SEND_WITHDRAW };
	const struct yt_member *seen;

	yt_origin_decode(&g.origin, act->env->arena, r, shop, yt_name_id(name));
	if (g.withdraw)
		g.cancelled = yt_rd_u8(r);
	else
		decode_grant(&g, r);
	if (r->bad || r->p != r->end || (g.withdraw && !g.origin.ev))
		return false;
	seen = state->peek(state->ctx, YT_KIND_MEMBER, name);
	if (!seen && yt_erase_at(act->env, name, NULL))
		return true; /* he was erased: there is nobody to give to */
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, name);
	act->ev = g.origin.ev;
	act->follow = g.origin.follow;
	if (g.withdraw)
		yt_coupon_revoke_earned(act, yt_act_text(act, YT_F_ORDER), g.cancelled ? YT_REASON_ORDER_CANCELLED : YT_REASON_ORDER_REFUNDED);
	else
		give(act, &g);
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
