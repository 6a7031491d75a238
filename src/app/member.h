/* A member as the view has it, as JSON: what `yutang member --json` and /v1/shops/<shop>/members/<id> say. */
#ifndef YT_APP_MEMBER_H
#define YT_APP_MEMBER_H

#include "yutang/base/err.h"
#include "yutang/core/view.h"

struct yt_member_view {
	struct yt_str shop, id;
	int shard;
	uint64_t version; /* of the shard, that is shown */
	int64_t time_ms;  /* the shard's clock at that version */
	struct yt_view_hash facts, wallet; /* n == 0: absent */
};

/* {"shop","member","shard","version","time","facts":{..} or null,"wallet":[{"coupon",..}]}. The fields of the facts are those of docs/redis.md: texts,
 * numbers and lists as what they are. -1 and err (DATA) where a value is none that the daemon writes. */
int yt_member_json(struct yt_arena *a, const struct yt_member_view *m, struct yt_buf *out, struct yt_err *err);

#endif
