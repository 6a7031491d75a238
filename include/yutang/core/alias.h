/* Another id that leads to a member: `order:<id>`, `ref:<code>`, in the shard of `<shop>/~<alias>`. Events of an order that name no member wait here,
 * as they came, until it is known whose order it is. */
#ifndef YT_CORE_ALIAS_H
#define YT_CORE_ALIAS_H

#include "yutang/core/entity.h"
#include "yutang/core/send.h"

enum {
	YT_PARKED_MAX = 32, /* events an order; EVENTS.md */
	YT_WAITERS_MAX = 1024, /* newcomers who were bound to one code before anybody said whose it is: 140 KiB. Then who waits for longest is told nothing */
	YT_ALIAS_BYTES_MAX = 512 * 1024, /* of what waits; half of what a broker takes in one record */
};
#define YT_PARKED_MS INT64_C(259200000) /* 72 h; EVENTS.md */

struct yt_parked {
	struct yt_raw raw;
	uint64_t hash; /* yt_event_hash, so that one that is told twice waits once */
	int64_t due;   /* then it is order_unknown */
};

/* A newcomer, who was bound to that code. */
struct yt_waiter {
	struct yt_str member;
	int64_t until; /* then he has given up */
};

struct yt_alias {
	struct yt_str name;   /* `<shop>/<alias>` */
	struct yt_str member; /* empty: nobody has said it */
	int64_t life_end;     /* 0: never */
	struct yt_parked *parked; /* in the order of their arrival; not bound yet */
	uint32_t n_parked, cap_parked;
	struct yt_waiter *waiters; /* of a `ref:<code>` that is not bound yet, in the order in which they asked */
	uint32_t n_waiters, cap_waiters;
};

void *yt_alias_fresh(struct yt_arena *a, struct yt_str name);
void *yt_alias_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_alias_encode(const void *alias, struct yt_buf *out);
void yt_alias_names(const void *alias, yt_named_fn *each, void *ctx);
int64_t yt_alias_next_due(const void *alias);
int64_t yt_alias_expires_at(const void *alias);

/* alias.bound. */
void yt_alias_bound(struct yt_act *act, struct yt_decision *d);
/* An event of an order that names no member: on its way to the member, or it waits. */
void yt_alias_park(struct yt_act *act, struct yt_decision *d);
/* Of a newcomer: who is `ref:<code>`? He hears it (yt_referral_take_code), now or when it is bound before that instant; 0: he asks no more. as: his
 * id, or that of an identity of his that asked. */
void yt_alias_ask(struct yt_act *act, const struct yt_member *newcomer, struct yt_str as, struct yt_str code, int64_t until_ms);
/* At the alias: yt_send_take. */
bool yt_alias_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);
/* The longest wait is over. */
bool yt_alias_fire(const struct yt_decide_env *env, struct yt_str name);

#endif
