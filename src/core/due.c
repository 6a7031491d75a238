/* What the passing of time sets off: timers of rules, reminders and ends of coupons, what becomes of a tier. */
#include "yutang/base/hash.h"
#include "yutang/core/alias.h"
#include "yutang/core/coupon.h"
#include "yutang/core/referral.h"
#include "yutang/core/run.h"
#include "yutang/core/tier.h"

/* One thing that is due. */
struct item {
	int64_t due;
	struct yt_str rule;
	const struct yt_timer *timer; /* NULL: the coupon, */
	const struct yt_coupon *coupon; /* and where that is NULL, too: the referral, or the tier */
	bool referral;
	uint32_t at; /* index */
};

static struct yt_str fact_of(struct yt_act *act, const struct item *i)
{
	if (i->referral)
		return yt_act_fact_of_event(act, act->member->refers->saga->origin);
	if (!i->timer)
		return i->coupon ? yt_act_fact_of_coupon(act, i->coupon, NULL) : act->member->standing.fact;
	return i->timer->origin.follow ? yt_act_fact_of_follow(act, i->timer->origin.follow) : yt_act_fact_of_event(act, i->timer->origin.ev);
}

/* By (due, rule, fact). best->due == YT_NEVER: none yet. */
static bool is_before(struct yt_act *act, const struct item *i, const struct item *best)
{
	int c;

	if (i->due != best->due)
		return i->due < best->due;
	c = yt_str_cmp(i->rule, best->rule);
	if (c == 0)
		c = yt_str_cmp(fact_of(act, i), fact_of(act, best));
	return c < 0;
}

static void find_due(struct yt_act *act, const struct yt_member *m, struct item *best)
{
	struct item tier = { .due = yt_standing_due(&m->standing), .rule = YT_RULE_TIER };
	struct item referral = { .due = yt_referral_due(m), .rule = YT_RULE_REFERRAL, .referral = true };

	*best = (struct item){ .due = YT_NEVER };
	for (uint32_t k = 0; k < m->n_timers; k++) {
		struct item i = { .due = m->timers[k].due, .rule = m->timers[k].rule, .timer = &m->timers[k], .at = k };

		if (i.due <= act->env->now_ms && is_before(act, &i, best))
			*best = i;
	}
	for (uint32_t k = 0; k < m->wallet.n; k++) {
		struct item i = { .due = yt_coupon_due(&m->wallet.v[k]), .rule = YT_RULE_COUPON, .coupon = &m->wallet.v[k], .at = k };

		if (i.due <= act->env->now_ms && is_before(act, &i, best))
			*best = i;
	}
	if (tier.due <= act->env->now_ms && is_before(act, &tier, best))
		*best = tier;
	if (referral.due <= act->env->now_ms && is_before(act, &referral, best))
		*best = referral;
}

static void fire_timer(struct yt_act *act, uint32_t k)
{
	const struct yt_state *state = act->env->state;
	struct yt_timer t = act->member->timers[k];
	struct yt_str order;

	yt_member_remove_timer(act->member, k);
	act->ev = t.origin.ev;
	act->follow = t.origin.follow;
	order = yt_act_text(act, YT_F_ORDER);
	if (order.n)
		act->order = state->peek(state->ctx, YT_KIND_ORDER, yt_act_name(act->env->arena, act->member->shop, order));
	yt_run_timer(act, &t);
}

static bool fire_member(const struct yt_decide_env *env, struct yt_str member_name)
{
	const struct yt_state *state = env->state;
	const struct yt_member *seen = state->peek(state->ctx, YT_KIND_MEMBER, member_name);
	struct yt_act act = { .env = env };
	struct item item;

	if (!seen || yt_member_next_due(seen) > env->now_ms)
		return false;
	act.member = state->edit(state->ctx, YT_KIND_MEMBER, member_name);
	act.shop = yt_ruleset_shop(env->rules, act.member->shop);
	find_due(&act, act.member, &item);
	if (item.due == YT_NEVER)
		return false;
	if (item.timer)
		fire_timer(&act, item.at);
	else if (item.referral)
		yt_referral_fire(&act);
	else if (!item.coupon)
		yt_tier_fire(&act);
	else
		yt_coupon_fire(&act, &act.member->wallet.v[item.at]);
	yt_run_follows(&act);
	return true;
}

bool yt_decide_due(const struct yt_decide_env *env, enum yt_kind kind, struct yt_str name)
{
	return kind == YT_KIND_ALIAS ? yt_alias_fire(env, name) : fire_member(env, name);
}
