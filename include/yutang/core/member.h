/* A member: a person in one shop. Facts, orders, wallet, timers, marks. One entity, at most 256 KiB encoded. */
#ifndef YT_CORE_MEMBER_H
#define YT_CORE_MEMBER_H

#include "yutang/core/claims.h"
#include "yutang/core/deposit.h"
#include "yutang/core/ident.h"
#include "yutang/core/kept.h"
#include "yutang/core/paid.h"
#include "yutang/core/place.h"
#include "yutang/core/standing.h"
#include "yutang/core/wallet.h"
#include "yutang/rules/ruleset.h"

enum {
	YT_MEMBER_BYTES_MAX = 256 * 1024, /* DESIGN 4 */
	YT_TIMERS_MAX = 128,              /* RULES.md, after */
	YT_TIMER_BYTES_MAX = YT_KEPT_BYTES_MAX + 3 * 64 + 16 + 450, /* but for params */
	YT_TAGS_MAX = 64,          /* DESIGN 4 */
	YT_CONTACTS_MAX = YT_PERIOD_N_MAX, /* followup.due that a contact_cap can ask for */
	YT_STOCK_MAX = 512,        /* orders by product; then those of the smallest paid_at go */
};

/* A rule that waits for its `after`, or a follow-up that waits for the end of the quiet hours. */
struct yt_timer {
	int64_t due;
	struct yt_str rule;
	struct yt_str kind;     /* of its follow-up, template: of its coupon; empty: none. As they were when it was set: the rule may be gone */
	struct yt_str template;
	struct yt_origin origin; /* what set it; kept */
	bool quiet;               /* the rule has fired, its follow-up waits: */
	int64_t due_at;           /* when it was due */
	bool has_coupon;          /* the rule gave it, */
	unsigned char coupon[16]; /* this one */
	/* A follow-up that came from another member's rule (grant.h) looks up no rule when its quiet hours are over. */
	bool granted;
	bool promotes;
	int64_t send_by;      /* 0: none */
	struct yt_str params; /* JSON object */
};

/* What of an order that counts is not used up by the member: units of a sku that had a [product] when the order came. */
struct yt_stock {
	uint64_t order, sku; /* yt_hash64 of the ids */
	int64_t paid_at, units;
};

struct yt_member {
	struct yt_str name, shop, id; /* name: `<shop>/<id>` */
	struct yt_str channel;        /* that of the fact with the earliest instant, of those that name one */
	int64_t channel_at;
	struct yt_str referrer; /* empty: none */
	int64_t bound_at;
	uint16_t bound_hash;
	int64_t joined_at, added_at; /* first times, 0: never */
	struct yt_paids orders;
	struct yt_places groups, accounts;
	struct yt_wallet wallet;
	uint64_t *marks; /* once = per member: yt_hash64 of the rule's name, in the order in which they were set */
	uint32_t n_marks, cap_marks;
	struct yt_timer *timers; /* in the order in which they were set */
	uint32_t n_timers, cap_timers;
	struct yt_str *tags; /* by text */
	uint32_t n_tags, cap_tags;
	int64_t *contacts;   /* `at` of the newest followup.due, ascending */
	uint32_t n_contacts, cap_contacts;
	struct yt_stock *stock; /* by (paid_at, order, sku) */
	uint32_t n_stock, cap_stock;
	struct yt_claims claims;
	struct yt_ident ident;
	int64_t stock_until; /* as of the last change of an order, for whoever looks at the member; 0: absent */
	struct yt_standing standing;
	struct yt_deposits deposits;
	struct yt_refers *refers; /* referrals, and what staff decided (referral.h); NULL: none */
};

void *yt_member_fresh(struct yt_arena *a, struct yt_str name);
void *yt_member_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_member_encode(const void *member, struct yt_buf *out);
/* The encoded wallet within an encoded member; empty where that is none of ours. */
struct yt_str yt_member_wallet(struct yt_str value);
int64_t yt_member_next_due(const void *member);

/* member.referrals_approved (referral.h). */
int64_t yt_member_referrals_approved(const struct yt_member *m);

/* An upper bound of the encoded size, from counts alone. */
size_t yt_member_bytes_bound(const struct yt_member *m);

/* A fact that names a channel. */
void yt_member_channel(struct yt_member *m, struct yt_arena *a, struct yt_str channel, int64_t at);

bool yt_mark_is_set(const uint64_t *marks, uint32_t n, struct yt_str rule);
void yt_member_mark(struct yt_member *m, struct yt_arena *a, struct yt_str rule);
void yt_member_add_timer(struct yt_member *m, struct yt_arena *a, const struct yt_timer *t);
void yt_member_remove_timer(struct yt_member *m, uint32_t k);

bool yt_member_has_tag(const struct yt_member *m, struct yt_str tag);
/* A member that has all the tags it can have gets no more. */
void yt_member_tag(struct yt_member *m, struct yt_arena *a, struct yt_str tag);
void yt_member_untag(struct yt_member *m, struct yt_str tag);

void yt_member_contact(struct yt_member *m, struct yt_arena *a, int64_t at);

#endif
