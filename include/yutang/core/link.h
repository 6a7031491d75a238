/* Identities: an id of a chat or a shop that is a member of its own until member.linked says whose it is. Then everything of it moves to the
 * member in one internal event, and what comes for it later is forwarded. */
#ifndef YT_CORE_LINK_H
#define YT_CORE_LINK_H

#include "yutang/core/send.h"

enum {
	YT_LINK_BYTES_MAX = 640 * 1024, /* of one internal event: the member and its orders. Orders beyond it follow in others; half a broker's record each */
};

/* member.linked, at the identity's. */
void yt_link_decide(struct yt_act *act, struct yt_decision *d);

/* Where what is meant for that member goes, `<shop>/<member>`, in the arena; empty: it is linked to nobody. */
struct yt_str yt_link_to(struct yt_arena *a, const struct yt_member *m);

/* Whether it is an id of that member. */
bool yt_link_is_own(const struct yt_member *m, struct yt_str id);

/* At the receiver: yt_send_take. */
bool yt_link_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);
bool yt_link_take_orders(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);
bool yt_link_take_moved(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);

#endif
