/* What reports count, kept with the facts: whenever an order, a join, a contact, a referral or a coupon changes, the numbers of its day and
 * channel follow, so that they are at any time those of a computation over all facts. docs/redis.md says what each number means. */
#ifndef YT_CORE_REPORT_H
#define YT_CORE_REPORT_H

#include "yutang/core/act.h"

/* The member's orders were `was` and are those of act->member now: `order` came (before NULL) or changed. */
void yt_report_orders(struct yt_act *act, const struct yt_paids *was, const struct yt_paid *before, const struct yt_paid *order);
/* The order at hand used a coupon that took so much off it; or it counts no more, and with it all that it used. */
void yt_report_used(struct yt_act *act, int64_t cost);
void yt_report_unused(struct yt_act *act);

/* A fact of that channel. */
void yt_report_fact(struct yt_act *act, int64_t at_ms, struct yt_str channel, enum yt_channel_count which);
/* The member's referral became known (1): what it has bought since is referred; or it is about to be voided (-1). */
void yt_report_referred(struct yt_act *act, int sign);

/* member.linked: what the member was counted for before; and, once it has the identity's orders and referral, what both were against what they are. */
struct yt_report_was {
	struct yt_paids orders;
	int64_t referred_from;
};
struct yt_report_was yt_report_before(const struct yt_member *m);
void yt_report_merged(struct yt_act *act, const struct yt_report_was *was, const struct yt_member *from);

/* A decision: it counts on the day of `now`, under the channel that the member has now. */
void yt_report_issued(struct yt_act *act);

#endif
