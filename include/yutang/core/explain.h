/* What the rules do with an event, of a member of whom only the facts are known, and not what they follow from. */
#ifndef YT_CORE_EXPLAIN_H
#define YT_CORE_EXPLAIN_H

#include "yutang/core/act.h"

struct yt_explain {
	struct yt_member *member; /* changed by what the rules do */
	struct yt_order *order;   /* what is known of the event's order beside the event; NULL: it is about none. Of `edit`, changed, too */
	struct yt_given given;
};

/* The shop is in the rules. The facts are as the rules see them: the event is among them, and is not folded again; what it says of the order is
 * filled in. The rules run as in yt_decide. False: the order does not count, or is not paid yet; nothing is set off. */
bool yt_explain(const struct yt_decide_env *env, const struct yt_event *ev, struct yt_explain *x);

#endif
