/* The presale deposits of a member, as facts: paid and refunded may become known in any order. */
#ifndef YT_CORE_DEPOSIT_H
#define YT_CORE_DEPOSIT_H

#include "yutang/core/list.h"
#include "yutang/event/event.h"

enum {
	YT_DEPOSITS_MAX = 128,     /* presales a member: 9 KiB, and years of a shop that has one a week. Then the oldest goes */
	YT_DEPOSIT_BYTES_MAX = 68,
};

struct yt_deposit {
	uint64_t presale; /* yt_hash64 of its id */
	int64_t paid_at;  /* 0: not known yet, and the next three neither */
	int64_t amount;   /* minor units, >= 0 */
	int64_t balance_from, balance_until;
	int64_t refunded_at; /* 0: not known */
	uint16_t paid_hash, refunded_hash; /* of the facts' content */
	uint64_t granted; /* a coupon went to the referrer for it; who paid it, as he was told (yt_erase_hash). 0: none did */
};

struct yt_deposits {
	struct yt_deposit *v; /* by presale */
	uint32_t n, cap;
	int64_t dropped_to; /* first instant of the newest deposit that had to go, 0: none; what is not newer can't be told from a repetition */
};

struct yt_deposit *yt_deposits_find(const struct yt_deposits *d, struct yt_str presale);
struct yt_deposit *yt_deposits_known(const struct yt_deposits *d, uint64_t presale); /* by its hash */
/* presale.deposit_paid or .deposit_refunded, which is not known yet. The deposit; NULL: there are too many, and it is the oldest. */
struct yt_deposit *yt_deposits_fold(struct yt_deposits *d, struct yt_arena *a, const struct yt_event *ev);
/* A deposit of another member, who is the same person. Of a presale that both know the own row stays; what it lacks it takes. True: by that it is
 * paid and refunded. */
bool yt_deposits_take(struct yt_deposits *d, struct yt_arena *a, const struct yt_deposit *from);
/* All of them were taken: those that are too many go. */
void yt_deposits_trim(struct yt_deposits *d, int64_t dropped_to);

void yt_deposits_encode(const struct yt_deposits *d, struct yt_buf *out);
void yt_deposits_decode(struct yt_deposits *d, struct yt_arena *a, struct yt_rd *r);

#endif
