/* What a rule gives to the member's referrer (`to`): an internal event from the shard of the one to that of the other. It carries everything that
 * has to be known; the receiver looks up no rule. docs/state.md has the bytes. */
#ifndef YT_CORE_GRANT_H
#define YT_CORE_GRANT_H

#include "yutang/core/act.h"
#include "yutang/core/followup.h"
#include "yutang/core/send.h"

/* What a rule gives to one member, with everything that the giving needs: it travels to another shard, or to a quota and back. */
struct yt_grant {
	struct yt_origin origin;
	struct yt_str rule;
	bool has_coupon, promotes;
	struct yt_coupon_rules coupon;
	int64_t valid_from, valid_until; /* the coupon's window; valid_until 0: as its template says */
	struct yt_followup followup; /* kind empty: none */
	/* The rule is the member's own, and waits for a quota: its follow-up is looked up there when it goes on (run.h), and only kind and due_at
	 * of it are kept. */
	bool own;
	enum yt_once once;
	struct yt_reward reward; /* role YT_ROLE_NONE: it is none */
	struct yt_str gift; /* it is a gift of that name; empty: none */
	int64_t gift_quota;
};

/* member: of the receiver. */
void yt_grant_encode(const struct yt_grant *g, struct yt_str member, struct yt_buf *b);
/* name: of the receiver. r->bad where the bytes are none of ours. */
void yt_grant_decode(struct yt_grant *g, struct yt_arena *a, struct yt_rd *r, struct yt_str name);

/* Empty: nobody. A code is no member before it is known whose it is, and who named himself gets nothing for it. */
struct yt_str yt_grant_referrer(const struct yt_member *m);

/* The rule's time has come, `still` holds. True: it is on its way; false: the member has no referrer who could get it. */
bool yt_grant_send(struct yt_act *act, const struct yt_rule *r, int64_t due_at);
/* The order at hand counts no more: what the referrer got for it and has not used goes. */
void yt_grant_withdraw(struct yt_act *act, enum yt_reason reason);
/* The deposit was refunded: the same. */
void yt_grant_withdraw_deposit(struct yt_act *act, struct yt_deposit *d);

/* A template as it travels; what reads it borrows from r. */
void yt_grant_encode_coupon(const struct yt_coupon_rules *c, struct yt_buf *b);
void yt_grant_decode_coupon(struct yt_coupon_rules *c, struct yt_rd *r);

/* To the member at hand: at once, or when the quotas have answered. */
void yt_grant_give(struct yt_act *act, const struct yt_grant *g);
/* The coupon is there (32 hex digits; NULL where the grant has none), or was refused and this was said: what goes with it leaves, or is withheld. */
void yt_grant_go_on(struct yt_act *act, const struct yt_grant *g, enum yt_reason refused, const char *coupon);

/* At the receiver: yt_send_take. */
bool yt_grant_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r);
/* A follow-up that came so, and waited for the end of the quiet hours. */
void yt_grant_fire(struct yt_act *act, const struct yt_timer *t);

#endif
