#include "yutang/core/explain.h"

#include "yutang/core/coupon.h"
#include "yutang/core/fold.h"
#include "yutang/core/gift.h"
#include "yutang/core/presale.h"
#include "yutang/core/run.h"

/* The order as it is right after the event; its member's facts are given. */
static void fold_paid(const struct yt_act *act, struct yt_order *o, int64_t paid_orders)
{
	struct yt_member *m = yt_member_fresh(act->env->arena, act->member->name);
	struct yt_act folding = { .env = act->env, .shop = act->shop, .member = m, .order = o, .ev = act->ev };
	int64_t nth = o->nth;

	yt_fold_paid(&folding, act->ev);
	o->nth = nth ? nth : paid_orders;
}

static void fold_step(const struct yt_act *act, struct yt_order *o)
{
	int64_t amount = yt_event_int(act->ev, YT_F_AMOUNT), known = yt_order_refunded_amount(o);

	if (act->ev->type == YT_ORDER_SHIPPED)
		o->shipped_at = act->ev->at;
	else if (act->ev->type == YT_ORDER_SIGNED)
		o->signed_at = act->ev->at;
	else if (act->ev->type == YT_ORDER_CANCELLED)
		o->cancelled_at = act->ev->at;
	else if (known < amount) /* what was given is the sum of all, this one too */
		yt_order_add_refund(o, act->env->arena, &(struct yt_refund){ .at = act->ev->at, .fp = 1, .amount = amount - known });
}

/* A used coupon that the event names was used by it: it is so once more. */
static void take_back(const struct yt_event *ev, struct yt_wallet *w)
{
	const union yt_field_value *codes = yt_event_field(ev, YT_F_COUPONS);

	for (uint32_t k = 0; codes && k < codes->list.n; k++) {
		struct yt_coupon *c = yt_wallet_by_code(w, codes->list.codes[k]);

		if (c && c->state == YT_COUPON_USED)
			c->state = YT_COUPON_OPEN;
	}
}

bool yt_explain(const struct yt_decide_env *env, const struct yt_event *ev, struct yt_explain *x)
{
	const struct yt_shop_rules *shop = yt_ruleset_shop(env->rules, ev->shop);
	struct yt_act act = { .env = env, .shop = shop, .member = x->member, .order = x->order, .ev = ev, .given = &x->given };

	if (ev->type == YT_ORDER_PAID)
		fold_paid(&act, x->order, x->given.totals.paid_orders);
	else if (x->order)
		fold_step(&act, x->order);
	if (x->order && (!x->order->paid || (ev->type == YT_ORDER_PAID && yt_order_refunded(x->order))))
		return false;
	if (ev->type == YT_ORDER_PAID && env->code_key)
		take_back(ev, &x->member->wallet);
	if (ev->type == YT_ORDER_PAID)
		yt_coupon_use_codes(&act);
	if (ev->type == YT_PRESALE_DEPOSIT_PAID || ev->type == YT_PRESALE_DEPOSIT_REFUNDED)
		yt_presale_decide(&act);
	/* Who opened a share is not among the facts. */
	if (ev->type == YT_GIFT_CLAIMED)
		yt_gift_claimed(&act);
	yt_run_rules(&act);
	yt_run_follows(&act);
	return true;
}
