/* A quota: how many coupons, and how much money, all members of a shop together may hold of something. One owner, on the shard of the key
 * `<shop>/~quota:<q>`, answers claims one after the other; so what is outstanding is never more than the limit. It keeps sums alone, and knows no
 * member: who claims remembers it (core/claim), and gives back what came too late. */
#ifndef YT_CORE_QUOTA_H
#define YT_CORE_QUOTA_H

#include "yutang/core/act.h"
#include "yutang/core/send.h"

enum { YT_QUOTA_BYTES_MAX = 256 };

struct yt_quota {
	struct yt_str name; /* `<shop>/<q>` */
	/* As the newest claim said; 0: none. */
	int64_t limit;
	int64_t budget;      /* minor units */
	int64_t outstanding; /* units that were granted and not returned */
	int64_t spent;       /* minor units of these */
	/* Units since the first claim. granted - returned is what is outstanding. */
	int64_t granted, refused, returned;
};

void *yt_quota_fresh(struct yt_arena *a, struct yt_str name);
void *yt_quota_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_quota_encode(const void *quota, struct yt_buf *out);

enum yt_quota_answer { YT_QUOTA_GRANTED, YT_QUOTA_GONE, YT_QUOTA_BUDGET_GONE, YT_QUOTA_ANSWER__COUNT };

/* One unit, as who asks for it sees it. */
struct yt_unit {
	struct yt_str quota; /* `<q>` */
	int64_t limit;       /* of units, 0: none */
	int64_t budget;      /* minor units, 0: none */
	int64_t amount;      /* that this one takes of the budget */
};

/* From a member's shard: a claim, answered with its own saga, seq and rest; and a unit that comes back. */
void yt_quota_claim(const struct yt_act *act, const unsigned char saga[16], uint8_t seq, const struct yt_unit *unit, struct yt_str rest);
void yt_quota_return(const struct yt_act *act, struct yt_str quota, int64_t amount);

/* At the owner: yt_send_take. */
bool yt_quota_take(struct yt_act *act, struct yt_str key, enum yt_send what, struct yt_rd *r);

#endif
