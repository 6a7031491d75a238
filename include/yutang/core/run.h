/* Rules: which of them an event sets off, what waits, and what happens when the wait is over. RULES.md, "What happens exactly". */
#ifndef YT_CORE_RUN_H
#define YT_CORE_RUN_H

#include "yutang/core/grant.h"

/* All rules on the type of act->ev, in their order. Facts are folded. */
void yt_run_rules(struct yt_act *act);
/* The rules on what has followed so far, and on what follows from these: at the end of a decision, first in first out. */
void yt_run_follows(struct yt_act *act);
/* The wait of a timer is over; it is no longer in the member. act->ev is its event. */
void yt_run_timer(struct yt_act *act, const struct yt_timer *t);

/* A coupon that a rule of the member's own has asked a quota for is there, or was refused: yt_grant_go_on. */
void yt_run_go_on(struct yt_act *act, const struct yt_grant *g, enum yt_reason refused, const char *coupon);
/* A timer finds no room at its member: timer_limit. */
void yt_run_timer_lost(struct yt_act *act, const struct yt_timer *t);

/* What names are worth, for yt_expr_eval: ctx is a struct yt_act. */
bool yt_run_fact(const void *ctx, enum yt_name name, struct yt_value *out);

#endif
