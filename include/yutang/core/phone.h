/* A phone number (its hash, as orders carry it): who bought with it first. Never expires; at most 512 bytes. */
#ifndef YT_CORE_PHONE_H
#define YT_CORE_PHONE_H

#include "yutang/core/act.h"
#include "yutang/core/entity.h"
#include "yutang/core/send.h"

enum { YT_PHONE_BYTES_MAX = 512 }; /* a member id of 128 bytes and an instant */

struct yt_phone {
	struct yt_str member; /* the first who bought with it: by (paid_at, member); a mark, where he was erased */
	int64_t paid_at;
};

void *yt_phone_fresh(struct yt_arena *a, struct yt_str name);
void *yt_phone_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_phone_encode(const void *phone, struct yt_buf *out);
void yt_phone_names(const void *phone, yt_named_fn *each, void *ctx);

/* Somebody bought with it, and may ask whether he was the first: yt_send_take. `to` is `<shop>/~phone:<hash>`. */
bool yt_phone_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);

#endif
