/* What a rule gives to the member's referrer (`to`): an internal event from the shard of the one to that of the other. It carries everything that
 * has to be known; the receiver looks up no rule. docs/state.md has the bytes. */
#ifndef YT_CORE_GRANT_H
#define YT_CORE_GRANT_H

#include "yutang/core/act.h"
#include "yutang/core/send.h"

/* Empty: nobody. A code is no member before it is known whose it is, and who named himself gets nothing for it. */
struct yt_str yt_grant_referrer(const struct yt_member *m);

/* The rule's time has come, `still` holds. True: it is on its way; false: the member has no referrer who could get it. */
bool yt_grant_send(struct yt_act *act, const struct yt_rule *r, int64_t due_at);
/* The order at hand counts no more: what the referrer got for it and has not used goes. */
void yt_grant_withdraw(struct yt_act *act, enum yt_reason reason);

/* A template as it travels; what reads it borrows from r. */
void yt_grant_encode_coupon(const struct yt_coupon_rules *c, struct yt_buf *b);
void yt_grant_decode_coupon(struct yt_coupon_rules *c, struct yt_rd *r);

/* At the receiver: yt_send_take. */
bool yt_grant_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r);
/* A follow-up that came so, and waited for the end of the quiet hours. */
void yt_grant_fire(struct yt_act *act, const struct yt_timer *t);

#endif
