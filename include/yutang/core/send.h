/* What one decision does on another shard: an internal event to the owner of a key, `<shop>/<member>` or `<shop>/~quota:<q>` and its like. It is
 * self-contained; the receiver looks up no rule of the sender's. The engine counts how many shards a chain went over (hop_limit) and hands
 * each to yt_decide_internal once, with the `now` of its cause as the least. docs/state.md has the bytes. */
#ifndef YT_CORE_SEND_H
#define YT_CORE_SEND_H

#include "yutang/core/act.h"

/* What is sent; a byte of the format, never used again for something else. */
enum yt_send {
	YT_SEND_GRANT = 1,    /* what a rule gives (`to`): core/grant */
	YT_SEND_WITHDRAW = 2, /* the order that it was for is gone: core/grant */
	YT_SEND_CLAIM = 10,   /* of a unit of a quota: core/quota */
	YT_SEND_ANSWER = 11,  /* to a claim: core/claim */
	YT_SEND_RETURN = 12,  /* of a unit: core/quota */
	/* Referrals: core/referral. Of a newcomer to his referrer, */
	YT_SEND_REFERRAL_BOUND = 20,
	YT_SEND_REFERRAL_QUALIFIES = 21,
	YT_SEND_REFERRAL_GRANT = 22,
	YT_SEND_REFERRAL_VOIDED = 23,
	YT_SEND_REFERRAL_ANSWER = 24, /* and back */
	YT_SEND_PHONE = 25,           /* to the phone, */
	YT_SEND_PHONE_ANSWER = 26,    /* and back */
	YT_SEND__END
};

/* Begins one in the arena; the caller adds its fields, and ends it with the key of the receiver (in the arena). */
void yt_send_begin(const struct yt_act *act, struct yt_buf *b, enum yt_send what);
void yt_send_end(const struct yt_act *act, const struct yt_buf *b, struct yt_str to);

/* At the receiver: act has env and shop. False where the bytes are none of ours; nothing was edited then. */
bool yt_send_take(struct yt_act *act, struct yt_str to, struct yt_str value);

#endif
