/* Referrals: bound -> qualified -> held -> approved | flagged | voided. The newcomer's member owns the saga and may withdraw; its referrer grants,
 * and judges what only he knows; each tells the other by internal events. Flows and races: docs/flows.md. */
#ifndef YT_CORE_REFERRAL_H
#define YT_CORE_REFERRAL_H

#include "yutang/core/act.h"
#include "yutang/core/send.h"

/* The built-in rule behind what happens to a referral and its rewards. */
#define YT_RULE_REFERRAL YT_S("~referral")

enum {
	YT_REFERRED_MAX = 1024, /* newcomers that a referrer remembers one by one: 24 KiB. Then what is over for longest goes; its counts stay */
	YT_OTHERS_MAX = 32,     /* other referrers named for one newcomer; later ones are conflicts and no more */
	YT_BUYERS_MAX = 32,     /* hashes of phones, devices, addresses of a member's buyers: those that were used first */
	YT_COMMANDS_MAX = 256,  /* commands about a member, 8 bytes each; more is a dead letter `limit` */
};
#define YT_CODE_WAIT_MS INT64_C(259200000) /* 72 h: RULES.md, referrer_unknown */

/* Numbers are in the state format. */
enum yt_saga {
	YT_SAGA_BOUND,    /* no order qualifies yet */
	YT_SAGA_JUDGING,  /* an order does; phone and referrer were asked */
	YT_SAGA_HELD,
	YT_SAGA_FLAGGED,  /* qualified; staff decides */
	YT_SAGA_GRANTING, /* the referrer was asked for his reward */
	YT_SAGA_APPROVED,
	YT_SAGA_VOIDED,
	YT_SAGA__END
};

/* What the referrer knows of a newcomer; the counts go by it. */
enum yt_level { YT_LEVEL_NONE, YT_LEVEL_BOUND, YT_LEVEL_QUALIFIED, YT_LEVEL_APPROVED, YT_LEVEL__END };

/* Hashes of a buyer, yt_hash64 each; 0: absent. */
enum yt_buyer_part { YT_BUYER_PHONE, YT_BUYER_DEVICE, YT_BUYER_ADDRESS, YT_BUYER__COUNT };

/* At the newcomer. Who referred him, and when, is the member's `referrer` and `bound_at`. */
struct yt_referral {
	uint8_t state;       /* enum yt_saga */
	uint8_t level;       /* enum yt_level: what the referrer has said yes to */
	bool flagged;        /* staff has to decide before it can be approved */
	bool told;           /* the referrer was told of it */
	bool asks_phone;     /* the phone was asked, and has not answered */
	bool reregistered;   /* it answered so, and that flags */
	bool given;          /* the newcomer's reward */
	bool by_staff;       /* it is granted because staff says so */
	struct yt_str code;  /* `ref:<code>`, as the referrer was named; empty: by himself */
	struct yt_str as;    /* the id of his by which the referrer knows him; empty: the member's */
	struct yt_str channel;
	int64_t window_end;  /* 0: an order qualified */
	int64_t code_until;  /* when the code has to be known; 0: it is */
	int64_t hold_until;  /* 0: not held */
	/* Of the last question to the referrer, and of the last answer. They begin at bound_at: a member that was erased and is bound again goes on
	 * above what its referrer has seen. */
	int64_t seq, heard;
	const struct yt_event *origin; /* kept: it set, or last moved, what waits */
	struct yt_str order;           /* that qualifies; empty: none */
	uint64_t buyer[YT_BUYER__COUNT]; /* of that order, until the referrer has judged */
	uint64_t *others; /* yt_erase_hash of other referrers that were named later, in the order in which they were */
	uint32_t n_others, cap_others;
	uint32_t voids; /* referral.voided so far that stand for the fact of the binding: their ordinal */
};

/* A newcomer, at his referrer. */
struct yt_referred {
	uint64_t invitee; /* yt_erase_hash of the id */
	int64_t seq;      /* of the last question */
	uint8_t level;    /* enum yt_level; NONE: voided */
	int64_t bound_at; /* when it was told, for velocity */
	int64_t granted_at; /* for referrer_cap; 0: not */
};

struct yt_referrer {
	int64_t count[YT_LEVEL__END]; /* newcomers at that level or above; voided ones are none. [NONE] is not used */
	struct yt_referred *v;        /* in the order in which they were told */
	uint32_t n, cap;
};

struct yt_buyer_hash {
	uint64_t hash;
	int64_t first_at; /* paid_at of the first order with it */
	uint8_t part;     /* enum yt_buyer_part */
	bool registered;  /* the phone's entity was told */
};

/* All of it that a member has; NULL in a member that has none. */
struct yt_refers {
	struct yt_referral *saga;     /* NULL: nobody referred him since there is a [referral] */
	struct yt_referrer *referrer; /* NULL: he referred nobody */
	struct yt_buyer_hash *buyers; /* by (first_at, part, hash) */
	uint32_t n_buyers, cap_buyers;
	uint64_t *commands; /* yt_hash64 of the envelope ids that were decided */
	uint32_t n_commands, cap_commands;
};

/* The member's own, made where there is none yet. */
struct yt_refers *yt_member_refers(struct yt_member *m, struct yt_arena *a);
void yt_refers_encode(const struct yt_refers *r, struct yt_buf *out);
struct yt_refers *yt_refers_decode(struct yt_arena *a, struct yt_rd *r, const struct yt_member *m);
size_t yt_refers_bytes_bound(const struct yt_refers *r);
/* The most that one event can add. */
enum { YT_REFERS_GROWTH = 2048 };

/* How many referrals of that member stand at that level or above. */
int64_t yt_member_referrals(const struct yt_member *m, enum yt_level level);
int64_t yt_member_referrals_approved(const struct yt_member *m);

/* Reasons as state and internal events have them, a byte each; 0: none. */
uint8_t yt_referral_reason_number(enum yt_reason reason);
enum yt_reason yt_referral_reason(uint8_t number);

/* --- the newcomer (referral.c). act->member is of `edit`. Each does nothing where there is no saga. */

/* Somebody referred him, and it came to nothing. */
bool yt_referral_is_voided(const struct yt_member *m);
/* The referrer as he was named: `ref:<code>`, or himself. Outputs name `referrer`. */
struct yt_str yt_referral_named(const struct yt_member *m);
/* That one was named; of an erased one's code only a mark is left. */
bool yt_referral_is_named(const struct yt_decide_env *env, const struct yt_member *m, struct yt_str referrer);
/* referral.bound was folded: a saga begins. */
void yt_referral_bind(struct yt_act *act);
/* A second one names that other referrer. False: that was said before, or there is no saga. */
bool yt_referral_is_new_other(const struct yt_decide_env *env, const struct yt_member *m, struct yt_str other);
void yt_referral_refuse_other(struct yt_act *act, struct yt_str other);
/* At the newcomer: the code is known, yt_send_take. */
bool yt_referral_take_code(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r);
/* It leads to that member. */
void yt_referral_found(struct yt_act *act, struct yt_str referrer);
/* An order.paid that counts was folded; and what follows one, as far as it is the order that qualifies. */
void yt_referral_paid(struct yt_act *act);
void yt_referral_signed(struct yt_act *act);
void yt_referral_order_gone(struct yt_act *act, enum yt_reason reason);
/* Its next instant to act on; YT_NEVER. */
int64_t yt_referral_due(const struct yt_member *m);
void yt_referral_fire(struct yt_act *act);
/* referral.approve, referral.void: what keeps it from having an effect; NULL: nothing. */
const char *yt_referral_judge_staff(const struct yt_member *m, const struct yt_event *ev);
void yt_referral_staff(struct yt_act *act);
/* member.linked: what an identity brought is the member's; his own referral wins. Orders are the member's already in yt_referral_merged. */
void yt_referral_merge(struct yt_act *act, const struct yt_member *from);
void yt_referral_merged(struct yt_act *act);
/* member.erase: of the newcomer, whose code waits; of the referrer, for whom a mark stays. */
void yt_referral_forget_wait(struct yt_act *act, const struct yt_member *m);
void yt_referral_forget_referrer(struct yt_act *act, struct yt_str mark);
/* The answer of the referrer; of the phone. */
bool yt_referral_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r);

/* --- the referrer (referrer.c) */

bool yt_referrer_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r);
/* Whether a referral of that newcomer to the member at hand stands. */
bool yt_referrer_has(struct yt_act *act, struct yt_str invitee);
/* Rows and counts of both. */
void yt_referrer_merge(struct yt_act *act, const struct yt_member *from);

/* The reward of that template to the member at hand; order: the one that qualified, invitee: the newcomer's id. */
void yt_referral_reward(struct yt_act *act, const struct yt_coupon_rules *t, enum yt_role role, struct yt_str invitee, struct yt_str order);

/* --- buyers (buyer.c) */

/* The hashes of an order.paid that counts, into the member; and to the phone's entity, where `reregistered` asks for it. */
void yt_buyer_fold(struct yt_act *act);
void yt_buyer_merge(struct yt_act *act, const struct yt_member *from);
/* Of the order.paid at hand. */
void yt_buyer_hashes(const struct yt_act *act, uint64_t out[YT_BUYER__COUNT]);
bool yt_buyer_has(const struct yt_member *m, enum yt_buyer_part part, uint64_t hash);
/* Asks whether somebody else has bought with the phone of the order.paid at hand. False: it names none. */
bool yt_buyer_ask(struct yt_act *act);

#endif
