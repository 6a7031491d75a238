/* member.erase: everything of a member goes, on all shards. A mark stays, salted, that tells facts of before from those of after. */
#ifndef YT_CORE_ERASE_H
#define YT_CORE_ERASE_H

#include "yutang/core/entity.h"
#include "yutang/core/send.h"

enum { YT_ERASED_BYTES_MAX = 64 };

/* `<shop>/<32 hex digits>`: HMAC of shop and member, with the key for codes as salt. */
struct yt_erased {
	struct yt_str name;
	int64_t at; /* of the newest erase: facts up to it are dropped */
};

void *yt_erased_fresh(struct yt_arena *a, struct yt_str name);
void *yt_erased_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_erased_encode(const void *erased, struct yt_buf *out);

/* When that member was erased, or the alias of that key with its member; 0: never. m: the member as it is, NULL: absent. */
int64_t yt_erase_at(const struct yt_decide_env *env, struct yt_str member_name, const struct yt_member *m);
/* `edit` of a member: one that comes anew knows that it was erased. */
struct yt_member *yt_erase_edit(const struct yt_decide_env *env, struct yt_str member_name);

/* How others keep that id, of a fact of that instant: a mark where he was erased since. In the arena. */
struct yt_str yt_erase_kept(const struct yt_decide_env *env, struct yt_str shop, struct yt_str id, int64_t at);

/* The same for all whom a timer of act->member names, before it is added; and where it was set by the event of somebody erased, its follow-up
 * says nothing of him. */
void yt_erase_kept_timer(const struct yt_act *act, struct yt_timer *t);

/* By what others know that id for good, where they need no more: of the mark, so that an erase finds nothing to do there. */
uint64_t yt_erase_hash(const struct yt_decide_env *env, struct yt_str shop, struct yt_str id);

/* yt_entity_ops, names: of a member. */
void yt_erase_names(const void *member, yt_named_fn *each, void *ctx);

/* The command. */
void yt_erase_decide(struct yt_act *act, struct yt_str member_name, struct yt_decision *d);
/* What an identity brought to a member who was erased meanwhile. */
void yt_erase_arrived(struct yt_act *act, const struct yt_member *from, int64_t at);
/* At every shard: yt_send_take. */
bool yt_erase_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);

#endif
