#include "yutang/core/presale.h"

#include "yutang/core/coupon.h"

static void issue(struct yt_act *act)
{
	struct yt_str name = yt_event_text(act->ev, YT_F_PRESALE);
	const struct yt_presale *presale = yt_ruleset_presale(act->env->rules, name);
	char id[33];

	if (presale)
		yt_coupon_issue_within(act, presale->coupon, yt_rule_presale(act->env->arena, name), yt_event_int(act->ev, YT_F_BALANCE_FROM),
		                       yt_event_int(act->ev, YT_F_BALANCE_UNTIL), id);
}

bool yt_presale_decide(struct yt_act *act)
{
	const struct yt_deposit *d = yt_deposits_fold(&act->member->deposits, act->env->arena, act->ev);

	if (act->ev->type == YT_PRESALE_DEPOSIT_REFUNDED) {
		yt_coupon_revoke_deposit(act);
		return true;
	}
	if (d && d->refunded_at)
		return false;
	issue(act);
	return true;
}
