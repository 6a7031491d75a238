/* Two members become one: the facts of both, each once, in whatever order they came; what either was given stays. */
#ifndef YT_CORE_MERGE_H
#define YT_CORE_MERGE_H

#include "yutang/core/act.h"

/* act->member takes everything of `from`, which is not looked at again; act->ev is the member.linked. Nothing is refused: what passes a limit of a
 * member's lists stays until it is over, timers beyond theirs are withheld (timer_limit). */
void yt_merge_member(struct yt_act *act, const struct yt_member *from);
/* And that order of it, which may be known here already; behind yt_merge_member. */
void yt_merge_order(struct yt_act *act, const struct yt_order *from);
/* Behind both: the member fits into its entity, also when rules add to it. */
void yt_merge_fit(struct yt_act *act);

#endif
