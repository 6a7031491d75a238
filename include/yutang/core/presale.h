/* Presales: the coupon that a deposit gives, and that goes with it. */
#ifndef YT_CORE_PRESALE_H
#define YT_CORE_PRESALE_H

#include "yutang/core/act.h"

/* act->ev is a presale.deposit_paid or .deposit_refunded that is not known yet: it is folded, and the coupon of its [presale] is issued or revoked. False: the
 * deposit is refunded already, and its payment sets off nothing. */
bool yt_presale_decide(struct yt_act *act);
/* The member's deposit for that presale (yt_hash64) is refunded: what was issued for it and is unused goes, the referrer's too. d: NULL where it is not kept. */
void yt_presale_refunded(struct yt_act *act, uint64_t presale, struct yt_deposit *d);

#endif
