/* The coupons of a member, and what the limits must remember of those that left the wallet. */
#ifndef YT_CORE_WALLET_H
#define YT_CORE_WALLET_H

#include "yutang/core/list.h"

enum {
	YT_COUPONS_MAX = 128, /* coupons a member; DESIGN 4 */
	YT_COUPON_BYTES_MAX = 368, /* a coupon without marks and units, with what its template may leave behind */
	YT_UNITS_BYTES_MAX = 80,   /* of its units, with the name of a gift */
	YT_ISSUES_MAX = 32,   /* instants a template that a period limit can ask for: `N per 30d` has N of at most 32 */
};
/* A coupon that is over stays for its holder's late orders and their cancels: as long as an order lives (DESIGN 4). */
#define YT_AFTER_REFUND_WINDOW_MS INT64_C(2592000000) /* 30 d */

enum yt_coupon_state { YT_COUPON_OPEN, YT_COUPON_USED, YT_COUPON_REVOKED };

/* Why a coupon that is used now has to be revoked when it comes back: what earned it is gone. */
enum yt_forfeit { YT_FORFEIT_NO, YT_FORFEIT_REFUNDED, YT_FORFEIT_CANCELLED, YT_FORFEIT_DEPOSIT };

/* What a coupon holds of quotas, and gives back when it is revoked. */
struct yt_units {
	bool total;     /* one of the quota of its template, */
	int64_t amount; /* and so much of its budget */
	struct yt_str gift; /* one of the quota of this gift; empty: of none */
};

/* Whose reward of a referral a coupon is. */
enum yt_role { YT_ROLE_NONE, YT_ROLE_REFERRER, YT_ROLE_INVITEE };

struct yt_coupon {
	unsigned char id[16];
	char code[13]; /* folded; empty where there is no key */
	uint8_t state; /* enum yt_coupon_state */
	bool expired;  /* its coupon.expired has left */
	bool keep_on_refund;
	bool transferable; /* its code has an alias, by which others find it */
	uint8_t forfeit; /* enum yt_forfeit */
	struct yt_str template, cause; /* cause: of its issue */
	int64_t issued_at, valid_from, valid_until; /* usable when valid_from <= paid_at < valid_until */
	int64_t remind_at;  /* 0: no reminder, or it has left. When to look at it: */
	int64_t remind_due; /* it was due then, and may wait for the end of the quiet hours */
	int64_t min_amount; /* -1: none */
	int64_t ended_at;   /* used, revoked or expired, or the last event of the order that used it; 0 while open */
	uint64_t used_by;   /* yt_hash64 of the order of somebody else that used it, 0: none */
	uint64_t for_order; /* yt_hash64 of the order that earned it, 0: none */
	struct yt_str for_presale; /* whose deposit earned it; empty: none */
	uint64_t depositor; /* who paid that, yt_act_depositor; 0: the member himself */
	struct yt_units units;
	/* Of a reward of a referral alone. */
	uint8_t role;       /* enum yt_role */
	uint8_t discount;   /* enum yt_discount, and its value */
	int64_t value;
	uint64_t referral;  /* yt_erase_hash of the invitee's id */
	int64_t worth;      /* minor units; 0: not used */
	uint64_t *marks;    /* once = per coupon: yt_hash64 of the rule's name */
	uint32_t n_marks, cap_marks;
};

/* What is left of coupons of one template that went. */
struct yt_gone {
	struct yt_str template;
	uint32_t n;       /* not revoked, for limit_per_member */
	int64_t *issued;  /* the newest, ascending, for limit_per_period */
	uint32_t n_issued;
};

struct yt_wallet {
	struct yt_coupon *v; /* in the order of issue */
	uint32_t n, cap;
	uint32_t used_gone; /* used ones that went */
	struct yt_gone *gone;
	uint32_t n_gone, cap_gone;
};

struct yt_coupon *yt_wallet_by_id(const struct yt_wallet *w, const unsigned char id[16]);
/* code as somebody wrote it; NULL where none is held under it. */
struct yt_coupon *yt_wallet_by_code(const struct yt_wallet *w, struct yt_str code);

/* Still needs something of Yutang: unused, and its end has not been told. Such a coupon never leaves the wallet. */
bool yt_coupon_lives(const struct yt_coupon *c);
uint32_t yt_wallet_living(const struct yt_wallet *w);
/* Makes room for one more: forgets what is over for longer than keep_ms, and of a full wallet what is over for longest. False: all of
 * YT_COUPONS_MAX live. */
bool yt_wallet_room(struct yt_wallet *w, struct yt_arena *a, int64_t now_ms, int64_t keep_ms);
struct yt_coupon *yt_wallet_add(struct yt_wallet *w, struct yt_arena *a, const struct yt_coupon *c);

/* All of another wallet; ids, codes and the order of issue stay. */
void yt_wallet_merge(struct yt_wallet *w, struct yt_arena *a, const struct yt_wallet *from);
/* What is over goes. False: there is nothing of it. */
bool yt_wallet_shed(struct yt_wallet *w, struct yt_arena *a);

/* Coupons of the template that were not revoked; of them those issued at or after from_ms. */
uint32_t yt_wallet_issued(const struct yt_wallet *w, struct yt_str template);
uint32_t yt_wallet_issued_since(const struct yt_wallet *w, struct yt_str template, int64_t from_ms);

void yt_coupon_mark(struct yt_coupon *c, struct yt_arena *a, struct yt_str rule);

uint32_t yt_wallet_usable(const struct yt_wallet *w, int64_t now_ms);
uint32_t yt_wallet_used(const struct yt_wallet *w);

/* An upper bound of its encoded size, with what its template may leave behind. */
size_t yt_coupon_bytes_bound(const struct yt_coupon *c);

/* The coupon's next instant to act on: its reminder or its end; YT_NEVER. */
int64_t yt_coupon_due(const struct yt_coupon *c);

void yt_wallet_encode(const struct yt_wallet *w, struct yt_buf *out);
void yt_wallet_decode(struct yt_wallet *w, struct yt_arena *a, struct yt_rd *r);

#endif
