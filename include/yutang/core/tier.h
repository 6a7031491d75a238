/* Tiers: up when the thresholds are met, one step down behind period and grace. RULES.md, "Tiers". */
#ifndef YT_CORE_TIER_H
#define YT_CORE_TIER_H

#include "yutang/core/act.h"

/* The built-in rule behind tier.changed, tier.warning and the follow-up tier_warning. */
#define YT_RULE_TIER YT_S("~tier")

/* What tiers look at may have grown: facts of act->member are folded, no rule has run. The member rises to the highest rank that is met, or stays where
 * it was about to fall. Of an order.paid with a paid_at that lies ahead it is looked at then once more. */
void yt_tier_look(struct yt_act *act);
/* That moment has come: a timer of YT_RULE_TIER, which is no longer in the member. act->ev is the order.paid. */
void yt_tier_look_again(struct yt_act *act, const struct yt_timer *t);

/* Another member's tier, who is the same person: the higher one stays, of one rank that with the later end; then the member rises to the highest rank
 * that is met. Nobody is told. */
void yt_tier_merge(struct yt_act *act, const struct yt_standing *from);

/* yt_standing_due of the member has come: its warning, the end of its period, or that of its grace. act->ev is NULL. */
void yt_tier_fire(struct yt_act *act);

#endif
