/* A personal chat account of the shop, in the shard of `<shop>/~account:<account>`: how many contacts stand there, over all members. Each member
 * tells it when it comes or goes. */
#ifndef YT_CORE_ACCOUNT_H
#define YT_CORE_ACCOUNT_H

#include "yutang/core/send.h"

/* A count and two flags. */
enum { YT_ACCOUNT_BYTES_MAX = 64 };

struct yt_account {
	struct yt_str name; /* `<shop>/<account>` */
	int64_t contacts;
	bool soft, hard; /* the limit was reached, and the count has not fallen to 95 % of it since */
};

void *yt_account_fresh(struct yt_arena *a, struct yt_str name);
void *yt_account_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_account_encode(const void *account, struct yt_buf *out);

/* At the member's: by so many the contacts at the account change with act->ev. */
void yt_account_tell(struct yt_act *act, struct yt_str shop, struct yt_str account, int64_t by);
/* At the account's: yt_send_take. */
bool yt_account_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);

#endif
