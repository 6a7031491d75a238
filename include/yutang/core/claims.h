/* What a member has asked of quotas and was not answered yet: coupons on their way. They count against its limits as if they were there. */
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
	uint64_t order; /* yt_hash64 of the order that earned it, 0: none */
	bool own;       /* of a rule of this member's, not of another member's */
	bool keep_on_refund;
	bool has_coupon;          /* set off by what became */
	unsigned char coupon[16]; /* of this one */
};

struct yt_claims {
	struct yt_claim *v; /* in the order in which they were made */
	uint32_t n, cap;
};

enum { YT_CLAIM_BYTES_MAX = 128 };

struct yt_claim *yt_claims_find(const struct yt_claims *c, const unsigned char id[16]);
void yt_claims_add(struct yt_claims *c, struct yt_arena *a, const struct yt_claim *claim);
void yt_claims_remove(struct yt_claims *c, const unsigned char id[16]);

/* That were not withdrawn, of the template (empty: of any), made at or after from_ms. */
uint32_t yt_claims_since(const struct yt_claims *c, struct yt_str template, int64_t from_ms);

/* They become coupons no more: those of a template; those that an order earned, but for what is kept. */
void yt_claims_withdraw(struct yt_claims *c, struct yt_str template, enum yt_reason reason);
void yt_claims_withdraw_earned(struct yt_claims *c, uint64_t order, enum yt_reason reason);

void yt_claims_encode(const struct yt_claims *c, struct yt_buf *out);
void yt_claims_decode(struct yt_claims *c, struct yt_arena *a, struct yt_rd *r);

#endif
