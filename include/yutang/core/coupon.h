/* What is decided about coupons: issue, use, return, revocation, reminder, end. Each changes the wallet, says so, and counts. */
#ifndef YT_CORE_COUPON_H
#define YT_CORE_COUPON_H

#include "yutang/core/act.h"

/* The built-in rule behind what happens to a coupon after its issue. */
#define YT_RULE_COUPON YT_S("~coupon")

/* `~presale:<name>`, behind what a deposit gives and what goes with it. */
struct yt_str yt_rule_presale(struct yt_arena *a, struct yt_str presale);
/* `referrer`, `invitee`; empty: no reward. */
struct yt_str yt_coupon_role(uint8_t role);

/* What a used coupon was worth on an order of which so much was paid with it (EVENTS.md, debt); at most 2^53 - 1, as any amount. */
int64_t yt_coupon_worth(const struct yt_coupon_rules *t, int64_t paid);

/* What a coupon has beyond its template. */
struct yt_terms {
	struct yt_units units;           /* that it holds. Where it needs some, core/claim asks for them first */
	int64_t valid_from, valid_until; /* its window; valid_until 0: as the template says */
};

/* A rule issues: coupon.issued, and its id in id; or coupon.refused, and the reason. terms NULL: none. */
enum yt_reason yt_coupon_issue(struct yt_act *act, const struct yt_coupon_rules *t, struct yt_str rule, const struct yt_terms *terms, char id[33]);
/* The id that it would have. */
void yt_coupon_id(struct yt_act *act, struct yt_str rule, char id[33]);
/* Whether it could now; else coupon.refused. */
enum yt_reason yt_coupon_judge(struct yt_act *act, const struct yt_coupon_rules *t, struct yt_str rule, const struct yt_terms *terms);
/* coupon.refused of a rule; template empty: not known. */
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
/* The deposit that this one (yt_act_depositor) paid for that presale (yt_hash64) was refunded: what was issued for it and is unused goes. */
void yt_coupon_revoke_deposit(struct yt_act *act, uint64_t presale, uint64_t depositor);
/* The referral of that newcomer (yt_hash64 of the id) is voided: the member's reward of that role goes, or what it was worth becomes a debt. */
void yt_coupon_revoke_rewards(struct yt_act *act, enum yt_role role, uint64_t referral, enum yt_reason reason);
/* Staff revokes: one that the member holds and has not used. */
struct yt_coupon *yt_coupon_revocable(const struct yt_member *m, struct yt_str id, int64_t now_ms);
void yt_coupon_revoke(struct yt_act *act, struct yt_coupon *c, struct yt_str rule, enum yt_reason reason);
/* An event of the order at hand: the coupons that it used stay for as long as it may still be cancelled. */
void yt_coupon_keep_used(struct yt_act *act);

/* The coupon's own time came: its reminder, or its end. act->ev is NULL. */
void yt_coupon_fire(struct yt_act *act, struct yt_coupon *c);

#endif
