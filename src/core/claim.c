#include "yutang/core/claim.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/gift.h"
#include "yutang/core/quota.h"

enum { UNITS_MAX = 2 };

/* What the coupon needs, in the order in which it is asked for. */
static uint8_t units_of(struct yt_arena *a, const struct yt_grant *g, struct yt_unit out[UNITS_MAX])
{
	const struct yt_coupon_rules *c = &g->coupon;
	uint8_t n = 0;

	if (g->gift.n)
		out[n++] = (struct yt_unit){ yt_gift_key(a, g->gift), g->gift_quota, 0, 0 };
	if (yt_claim_needed(c))
		out[n++] = (struct yt_unit){ c->name, c->limit_total, c->budget, c->budget ? c->value : 0 };
	return n;
}

static void ask(const struct yt_act *act, const struct yt_grant *g, struct yt_claim *c)
{
	struct yt_unit units[UNITS_MAX];
	struct yt_buf rest;

	units_of(act->env->arena, g, units);
	yt_buf_init(&rest, act->env->arena);
	yt_grant_encode(g, act->member->id, &rest);
	c->seq++;
	yt_quota_claim(act, c->id, c->seq, &units[c->seq - 1], yt_buf_str(&rest));
}

enum yt_reason yt_claim_make(struct yt_act *act, const struct yt_grant *g)
{
	const struct yt_terms terms = { .valid_from = g->valid_from, .valid_until = g->valid_until };
	enum yt_reason reason = yt_coupon_judge(act, &g->coupon, g->rule, &terms);
	struct yt_arena *a = act->env->arena;
	struct yt_str order = g->reward.role ? (struct yt_str){ 0 } : yt_act_text(act, YT_F_ORDER), presale = yt_act_deposit(act);
	struct yt_claim c = {
		.template = yt_arena_dup(a, g->coupon.name),
		.at = act->env->now_ms,
		.rule = yt_hash64(g->rule),
		.order = order.n ? yt_hash64(order) : 0,
		.presale = presale.n ? yt_hash64(presale) : 0,
		.depositor = presale.n ? yt_act_depositor(act) : 0,
		.role = (uint8_t)g->reward.role,
		.referral = g->reward.role ? yt_erase_hash(act->env, act->member->shop, g->reward.invitee) : 0,
		.own = g->own,
		.keep_on_refund = g->coupon.keep_on_refund,
		.has_coupon = act->follow,
	};
	char id[33];

	if (reason)
		return reason;
	yt_coupon_id(act, g->rule, id);
	yt_unhex(id, c.id, sizeof(c.id));
	if (act->follow)
		memcpy(c.coupon, act->follow->coupon, sizeof(c.coupon));
	ask(act, g, &c);
	yt_claims_add(&act->member->claims, a, &c);
	if (g->gift.n)
		yt_claims_add_tally(&act->member->claims, a, yt_gift_key(a, g->gift), 1);
	return YT_REASON_NONE;
}

void yt_claim_return(const struct yt_act *act, struct yt_str template, const struct yt_units *units)
{
	struct yt_str gift = yt_gift_key(act->env->arena, units->gift);

	if (units->total)
		yt_quota_return(act, template, units->amount);
	if (!units->gift.n)
		return;
	yt_quota_return(act, gift, 0);
	yt_claims_add_tally(&act->member->claims, act->env->arena, gift, -1);
}

/* --- the answer */

struct answer {
	unsigned char saga[16];
	uint8_t seq;
	enum yt_quota_answer what;
	struct yt_grant grant;
	struct yt_unit units[UNITS_MAX];
	uint8_t n_units, n_held; /* that were granted so far */
};

static bool read_answer(struct answer *an, struct yt_arena *a, struct yt_str name, struct yt_rd *r)
{
	struct yt_rd rest;

	yt_rd_raw(r, an->saga, sizeof(an->saga));
	an->seq = yt_rd_u8(r);
	an->what = yt_rd_u8(r);
	rest = yt_rd(yt_rd_bytes(r));
	yt_grant_decode(&an->grant, a, &rest, name);
	if (r->bad || r->p != r->end || rest.bad || rest.p != rest.end || an->what >= YT_QUOTA_ANSWER__COUNT)
		return false;
	an->n_units = units_of(a, &an->grant, an->units);
	an->n_held = (uint8_t)(an->seq - (an->what != YT_QUOTA_GRANTED));
	return an->seq >= 1 && an->seq <= an->n_units;
}

static void return_held(const struct yt_act *act, const struct answer *an)
{
	for (uint8_t k = 0; k < an->n_held; k++)
		yt_quota_return(act, an->units[k].quota, an->units[k].amount);
}

static enum yt_reason reason_of(const struct yt_claim *c, const struct answer *an)
{
	static const enum yt_reason reasons[] = { YT_REASON_NONE, YT_REASON_QUOTA_GONE, YT_REASON_BUDGET_GONE };

	return c->withdrawn ? c->withdrawn : reasons[an->what];
}

/* The last answer: the coupon, or why there is none. What was judged when it was asked for is judged again, since the claim has no place of its own
 * any more; only time can have changed it. */
static void end(struct yt_act *act, const struct answer *an, enum yt_reason reason)
{
	const struct yt_grant *g = &an->grant;
	struct yt_terms terms = { .units.gift = yt_arena_dup(act->env->arena, g->gift), .valid_from = g->valid_from, .valid_until = g->valid_until };
	char id[33];

	if (yt_claim_needed(&g->coupon)) {
		terms.units.total = true;
		terms.units.amount = an->units[an->n_units - 1].amount;
	}
	act->reward = g->reward.role ? &g->reward : NULL;
	if (reason)
		yt_coupon_refuse(act, g->rule, g->coupon.name, reason);
	else
		reason = yt_coupon_issue(act, &g->coupon, g->rule, &terms, id);
	act->reward = NULL;
	if (reason)
		return_held(act, an);
	if (reason && g->gift.n)
		yt_claims_add_tally(&act->member->claims, act->env->arena, yt_gift_key(act->env->arena, g->gift), -1);
	yt_grant_go_on(act, g, reason, reason ? NULL : id);
}

bool yt_claim_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_act nobody = { .env = act->env, .member = &(struct yt_member){ .shop = yt_name_shop(name) } };
	const struct yt_member *m;
	const struct yt_claim *seen;
	struct yt_claim *c;
	struct answer an = { .seq = 0 };
	enum yt_reason reason;
	struct yt_str order;

	(void)what;
	if (!read_answer(&an, act->env->arena, name, r))
		return false;
	m = state->peek(state->ctx, YT_KIND_MEMBER, name);
	seen = m ? yt_claims_find(&m->claims, an.saga) : NULL;
	if (!seen) { /* who claimed is gone, or its claims are */
		return_held(&nobody, &an);
		return true;
	}
	if (seen->seq != an.seq)
		return true; /* it was answered before */
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, name);
	act->ev = an.grant.origin.ev;
	act->follow = an.grant.origin.follow;
	order = an.grant.reward.role ? an.grant.reward.order : yt_act_text(act, YT_F_ORDER);
	if (an.grant.own && order.n)
		act->order = state->peek(state->ctx, YT_KIND_ORDER, yt_act_name(act->env->arena, act->member->shop, order));
	if (an.grant.own)
		act->running = yt_ruleset_rule(act->env->rules, an.grant.rule);
	c = yt_claims_find(&act->member->claims, an.saga);
	reason = reason_of(c, &an);
	if (!reason && an.seq < an.n_units) {
		ask(act, &an.grant, c);
		return true;
	}
	yt_claims_remove(&act->member->claims, an.saga);
	end(act, &an, reason);
	return true;
}
