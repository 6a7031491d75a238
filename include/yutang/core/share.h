/* Shares: a lower price that opens when enough friends of a member have shared it (RULES.md, [share]). */
#ifndef YT_CORE_SHARE_H
#define YT_CORE_SHARE_H

#include "yutang/core/act.h"

/* `share:<name>`: of what a member keeps of it. In the arena. */
struct yt_str yt_share_key(struct yt_arena *a, struct yt_str name);

/* Friends so far of the member at hand, the sharer and all ids of his left out. */
int64_t yt_share_friends(const struct yt_act *act, struct yt_str name);

/* The share.made at hand, its friend is told: share.unlocked, once, and the coupon. */
void yt_share_made(struct yt_act *act);

#endif
