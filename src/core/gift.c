#include "yutang/core/gift.h"

#include "yutang/core/claim.h"
#include "yutang/core/coupon.h"
#include "yutang/core/run.h"

struct yt_str yt_gift_key(struct yt_arena *a, struct yt_str name)
{
	return yt_arena_printf(a, "gift:%.*s", YT_FMT(name));
}

/* An error makes it false. */
static bool holds(struct yt_act *act, const struct yt_expr *when)
{
	struct yt_value v;
	char why[64];

	return !when || (yt_expr_eval(when, act->env->arena, yt_run_fact, act, &v, why) && v.type == YT_V_BOOL && v.b);
}

static enum yt_reason judge(struct yt_act *act, const struct yt_gift_rules *g)
{
	const struct yt_zone *zone = act->shop->zone;
	int64_t at = act->ev->at;

	if (g->from_text.n && at < yt_instant_local_ms(zone, g->from_text, false))
		return YT_REASON_NOT_STARTED;
	if (g->until_text.n && at >= yt_instant_local_ms(zone, g->until_text, true))
		return YT_REASON_ENDED;
	if (!holds(act, g->when))
		return YT_REASON_CONDITION_FALSE;
	if (yt_claims_tally(&act->member->claims, yt_gift_key(act->env->arena, g->name)) >= g->per_member)
		return YT_REASON_MEMBER_LIMIT;
	return YT_REASON_NONE;
}

void yt_gift_claimed(struct yt_act *act)
{
	struct yt_arena *a = act->env->arena;
	struct yt_str name = yt_act_text(act, YT_F_GIFT), rule = yt_arena_printf(a, "~gift:%.*s", YT_FMT(name));
	const struct yt_gift_rules *g = yt_ruleset_gift(act->env->rules, name);
	enum yt_reason reason = g ? judge(act, g) : YT_REASON_ENDED;

	if (reason) {
		yt_coupon_refuse(act, rule, g ? g->coupon->name : (struct yt_str){ 0 }, reason);
		return;
	}
	yt_claim_make(act, &(struct yt_grant){
		.origin.ev = yt_kept_new(a, act->ev, 0),
		.rule = rule,
		.has_coupon = true,
		.coupon = *g->coupon,
		.own = true,
		.gift = g->name,
		.gift_quota = g->quota,
	});
}
