/* What is decided about coupons: issue, use, return, revocation, reminder, end. Each changes the wallet, says so, and counts. */
#ifndef YT_CORE_COUPON_H
#define YT_CORE_COUPON_H

#include "yutang/core/act.h"

/* The built-in rule behind what happens to a coupon after its issue. */
#define YT_RULE_COUPON YT_S("~coupon")

/* A rule issues: coupon.issued, and its id in id; or coupon.refused, and the reason. */
enum yt_reason yt_coupon_issue(struct yt_act *act, const struct yt_coupon_rules *t, struct yt_str rule, char id[33]);
/* coupon.refused of a rule. */
void yt_coupon_refuse(struct yt_act *act, struct yt_str rule, struct yt_str template, enum yt_reason reason);
/* A rule revokes all coupons of that template that the member has not used. */
void yt_coupon_revoke_unused(struct yt_act *act, const struct yt_rule *rule);

/* The codes of the order.paid at hand, which counts: coupon.used or coupon.refused for each. */
void yt_coupon_use_codes(struct yt_act *act);
/* An order of somebody else names a code of act->member's: coupon.used, or coupon.refused to the buyer. act->ev is its order.paid. */
struct yt_coupon_claim {
	struct yt_str buyer, order, code;
	int64_t paid_at, amount;
	unsigned ordinal; /* of the refusal, where nobody holds the code */
};
void yt_coupon_claim(struct yt_act *act, const struct yt_coupon_claim *of);
/* Nobody holds it: not_yours. */
void yt_coupon_refuse_claim(struct yt_act *act, const struct yt_coupon_claim *of);
/* That order was cancelled: the coupon that it used of act->member's comes back. */
void yt_coupon_return_claimed(struct yt_act *act, struct yt_str code, struct yt_str order);

/* The order at hand was cancelled: its used coupons come back. */
void yt_coupon_return_used(struct yt_act *act);
/* The order counts no more: what was issued for it and is unused goes. */
void yt_coupon_revoke_earned(struct yt_act *act, struct yt_str order_id, enum yt_reason reason);
/* An event of the order at hand: the coupons that it used stay for as long as it may still be cancelled. */
void yt_coupon_keep_used(struct yt_act *act);

/* The coupon's own time came: its reminder, or its end. act->ev is NULL. */
void yt_coupon_fire(struct yt_act *act, struct yt_coupon *c);

#endif
