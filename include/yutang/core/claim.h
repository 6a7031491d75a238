/* A coupon that needs a unit of a quota: the member's shard judges its own limits, asks the owner of each quota in turn (core/quota), and issues when all
 * have granted. Meanwhile the claim counts against the member's limits. The member's shard owns the saga: it may withdraw at any time, and gives
 * every unit back that was granted to what became no coupon. */
#ifndef YT_CORE_CLAIM_H
#define YT_CORE_CLAIM_H

#include "yutang/core/grant.h"

static inline bool yt_claim_needed(const struct yt_coupon_rules *t)
{
	return t->limit_total || t->budget;
}

/* The coupon of the grant is asked for; yt_grant_go_on is called when it is there or refused. Or coupon.refused at once, and the reason. */
enum yt_reason yt_claim_make(struct yt_act *act, const struct yt_grant *g);
/* The units of a coupon that was revoked. */
void yt_claim_return(const struct yt_act *act, struct yt_str template, const struct yt_units *units);

/* An answer, at the member: yt_send_take. */
bool yt_claim_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r);

#endif
