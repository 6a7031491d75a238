/* Shares: a lower price that opens when enough friends of a member have shared it (RULES.md, [share]). */
#ifndef YT_CORE_SHARE_H
#define YT_CORE_SHARE_H

#include "yutang/core/act.h"

/* `share:<name>`: of what a member keeps of it. In the arena. */
struct yt_str yt_share_key(struct yt_arena *a, struct yt_str name);

/* Its friends so far, the sharer left out. */
int64_t yt_share_friends(const struct yt_member *m, struct yt_str name);

/* The share.made at hand, its friend is told: share.unlocked, once, and the coupon. */
void yt_share_made(struct yt_act *act);

#endif
