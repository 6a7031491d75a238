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
	YT_SEND_CONTACT = 30, /* a member came to an account, or went: core/account */
	YT_SEND_JOIN = 31,    /* a member joined a group, or left: core/group */
	YT_SEND_LINK = 40,       /* everything of an identity: core/link */
	YT_SEND_LINK_ORDERS = 41, /* orders of it that found no room there */
	YT_SEND_MOVED = 42,      /* whom it was linked to was linked further */
	YT_SEND_ERASE = 43,      /* to every shard: that member was erased: core/erase */
	YT_SEND_CODE = 44,       /* a coupon that others may use has that code: core/transfer */
	YT_SEND_USE = 45,        /* an order used it */
	YT_SEND_UNUSE = 46,     /* and was cancelled */
	YT_SEND_REF = 47,        /* to `ref:<code>`, whose it is: core/alias, */
	YT_SEND_REF_ANSWER = 48, /* and back: core/referral */
	YT_SEND__END
};

/* Begins one in the arena; the caller adds its fields, and ends it with the key of the receiver (in the arena). */
void yt_send_begin(const struct yt_act *act, struct yt_buf *b, enum yt_send what);
void yt_send_end(const struct yt_act *act, const struct yt_buf *b, struct yt_str to);
/* To every shard. */
void yt_send_end_all(const struct yt_act *act, const struct yt_buf *b, struct yt_str shop);
/* To the owner of `<shop>/<lead><id>`, lead such as `~account:`. */
void yt_send_end_at(const struct yt_act *act, const struct yt_buf *b, struct yt_str shop, struct yt_str lead, struct yt_str id);

/* At the receiver: act has env and shop. False where the bytes are none of ours; nothing was edited then. */
bool yt_send_take(struct yt_act *act, struct yt_str to, struct yt_str value);

#endif
