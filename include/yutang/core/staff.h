/* What staff decides: commands, each once by its envelope id. */
#ifndef YT_CORE_STAFF_H
#define YT_CORE_STAFF_H

#include "yutang/core/act.h"

/* The built-in rule behind what staff does with coupons, and with referrals. */
#define YT_RULE_STAFF YT_S("~staff")

bool yt_staff_knows(const struct yt_member *m, const struct yt_event *ev);
/* Why the command can have no effect on the member: the field that does not fit, or `state`. NULL: it has one. */
const char *yt_staff_judge(const struct yt_member *m, const struct yt_event *ev, int64_t now_ms);
/* It is decided, and the member has room for it: told again, it does nothing more. act->ev is the command. */
void yt_staff_remember(struct yt_act *act);
/* It has an effect. */
void yt_staff_do(struct yt_act *act);

#endif
