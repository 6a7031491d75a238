/* Gifts: what a member claims, and gets as long as the gift's quota lasts (RULES.md, [gift]). */
#ifndef YT_CORE_GIFT_H
#define YT_CORE_GIFT_H

#include "yutang/core/act.h"

/* `gift:<name>`: of its quota, and of what a member keeps of it. In the arena. */
struct yt_str yt_gift_key(struct yt_arena *a, struct yt_str name);

/* The gift.claimed at hand: coupon.refused now, or the quota is asked. A gift that the rule set does not have is `ended`. */
void yt_gift_claimed(struct yt_act *act);

#endif
