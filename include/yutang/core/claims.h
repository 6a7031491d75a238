/* What a member has claimed: coupons that a quota was asked for and that are on their way, gifts, and the friends who opened a share. What is on its
 * way counts against the member's limits as if it were there. */
#ifndef YT_CORE_CLAIMS_H
#define YT_CORE_CLAIMS_H

#include "yutang/core/list.h"
#include "yutang/event/output.h"

/* A claim, with what may have to be known of it before the answer is there: the rest travels with it, and comes back. */
struct yt_claim {
	unsigned char id[16]; /* of the coupon that it is to be: the saga */
	uint8_t seq;          /* of the last question; one for each quota */
	enum yt_reason withdrawn; /* why it must not become a coupon any more; YT_REASON_NONE */
	struct yt_str template;
	int64_t at;
	uint64_t rule;  /* yt_hash64 of its name */
	/* yt_hash64 of the order, of the presale with its deposit, that earned it; 0: none. A reward goes with its referral alone. */
	uint64_t order, presale;
	uint64_t depositor; /* who paid that deposit, yt_act_depositor; 0: the member himself */
	uint8_t role;      /* enum yt_role: of the member, in that referral; YT_ROLE_NONE: it is no reward */
	uint64_t referral; /* yt_erase_hash of the invitee's id */
	bool own;       /* of a rule of this member's, not of another member's */
	bool keep_on_refund;
	bool has_coupon;          /* set off by what became */
	unsigned char coupon[16]; /* of this one */
};

enum { YT_TOLD_SELF = 0 }; /* who shares with himself */

/* A fact that was told: a gift was claimed, a share was made. */
struct yt_told {
	uint64_t of;   /* yt_hash64 of `gift:<name>`, `share:<name>` */
	uint64_t what; /* yt_hash64 of the claim, yt_erase_hash of the friend, YT_TOLD_SELF */
	int64_t at;
	uint16_t hash; /* of its content */
};

/* `gift:<name>`: coupons of it that the member has, or that are on their way. `share:<name>`: 1, it is open. */
struct yt_tally {
	struct yt_str name;
	int64_t n;
};

struct yt_claims {
	struct yt_claim *v; /* in the order in which they were made */
	uint32_t n, cap;
	int64_t dropped_to; /* the newest instant of a told fact that had to go; 0: none */
	struct yt_told *told; /* by (at, of, what) */
	uint32_t n_told, cap_told;
	struct yt_tally *tallies; /* by name */
	uint32_t n_tallies, cap_tallies;
};

enum {
	YT_TOLD_MAX = 512,    /* gift.claimed and share.made a member keeps: 14 KiB. Then those of the smallest instants go, and what is not newer is too_old */
	YT_TALLIES_MAX = 128, /* gifts that it had and shares that it opened: 10 KiB */
};

/* An upper bound of the encoded size. */
size_t yt_claims_bytes_bound(const struct yt_claims *c);

struct yt_claim *yt_claims_find(const struct yt_claims *c, const unsigned char id[16]);
void yt_claims_add(struct yt_claims *c, struct yt_arena *a, const struct yt_claim *claim);
void yt_claims_remove(struct yt_claims *c, const unsigned char id[16]);

/* That were not withdrawn, of the template (empty: of any), made at or after from_ms. */
uint32_t yt_claims_since(const struct yt_claims *c, struct yt_str template, int64_t from_ms);

/* They become coupons no more: those of a template; those that an order, a deposit earned, but for what is kept. */
void yt_claims_withdraw(struct yt_claims *c, struct yt_str template, enum yt_reason reason);
void yt_claims_withdraw_earned(struct yt_claims *c, uint64_t order, enum yt_reason reason);
void yt_claims_withdraw_deposit(struct yt_claims *c, uint64_t presale, uint64_t depositor, enum yt_reason reason);
/* The reward of a referral; kept: one that is kept on a refund stays. */
void yt_claims_withdraw_reward(struct yt_claims *c, uint8_t role, uint64_t referral, bool kept, enum yt_reason reason);

/* NULL: it was not. */
const struct yt_told *yt_claims_told(const struct yt_claims *c, uint64_t of, uint64_t what);
void yt_claims_tell(struct yt_claims *c, struct yt_arena *a, const struct yt_told *told);
/* How many were told of it before that instant, these left out. */
int64_t yt_claims_count(const struct yt_claims *c, uint64_t of, const uint64_t *without, uint32_t n_without, int64_t before_ms);

int64_t yt_claims_tally(const struct yt_claims *c, struct yt_str name);
/* There may be YT_TALLIES_MAX names; one more is judged before. */
bool yt_claims_has_room(const struct yt_claims *c, struct yt_str name);
void yt_claims_add_tally(struct yt_claims *c, struct yt_arena *a, struct yt_str name, int64_t n);

/* All of another member, who is the same person: what is on its way, what was told and is not known, what both had. */
void yt_claims_merge(struct yt_claims *c, struct yt_arena *a, const struct yt_claims *from);

bool yt_claims_any(const struct yt_claims *c);
void yt_claims_encode(const struct yt_claims *c, struct yt_buf *out);
void yt_claims_decode(struct yt_claims *c, struct yt_arena *a, struct yt_rd *r);

#endif
