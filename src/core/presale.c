#include "yutang/core/presale.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/grant.h"

static void issue(struct yt_act *act)
{
	struct yt_str name = yt_event_text(act->ev, YT_F_PRESALE);
	const struct yt_presale *presale = yt_ruleset_presale(act->env->rules, name);

	if (!presale)
		return;
	yt_grant_give(act, &(struct yt_grant){
		.origin.ev = yt_kept_new(act->env->arena, act->ev, 0),
		.rule = yt_rule_presale(act->env->arena, name),
		.has_coupon = true,
		.coupon = *presale->coupon,
		.valid_from = yt_event_int(act->ev, YT_F_BALANCE_FROM),
		.valid_until = yt_event_int(act->ev, YT_F_BALANCE_UNTIL),
		.own = true,
	});
}

void yt_presale_refunded(struct yt_act *act, uint64_t presale, struct yt_deposit *d)
{
	yt_coupon_revoke_deposit(act, presale, 0);
	if (d)
		yt_grant_withdraw_deposit(act, d);
}

bool yt_presale_decide(struct yt_act *act)
{
	struct yt_deposit *d = yt_deposits_fold(&act->member->deposits, act->env->arena, act->ev);

	if (act->ev->type == YT_PRESALE_DEPOSIT_REFUNDED) {
		yt_presale_refunded(act, yt_hash64(yt_event_text(act->ev, YT_F_PRESALE)), d);
		return true;
	}
	if (d && d->refunded_at)
		return false;
	issue(act);
	return true;
}
