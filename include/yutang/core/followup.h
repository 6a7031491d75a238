/* Follow-ups: messages that somebody or some bot should send. */
#ifndef YT_CORE_FOLLOWUP_H
#define YT_CORE_FOLLOWUP_H

#include "yutang/core/act.h"

struct yt_followup {
	struct yt_str rule, kind, cause, fact;
	int64_t due_at;
	int64_t send_by;      /* 0: none */
	const char *coupon;   /* 32 hex digits of the coupon it is about, NULL: none */
	const struct yt_rule *params_of; /* whose params it takes along, NULL: */
	struct yt_str params;            /* these, a JSON object; empty: none */
	int64_t wait_until;   /* set by yt_followup_send: the end of the quiet hours */
};

enum yt_sent { YT_FOLLOWUP_LEFT, YT_FOLLOWUP_WITHHELD, YT_FOLLOWUP_WAITS };

/* followup.due; followup.withheld where it is too late, would be after the quiet hours, or is one too many; or it waits, and nothing is said: the
 * caller comes back at wait_until. */
enum yt_sent yt_followup_send(struct yt_act *act, struct yt_followup *f);
void yt_followup_withhold(struct yt_act *act, const struct yt_followup *f, enum yt_reason reason);

/* The params of the rule as they are now, a JSON object in the arena. */
struct yt_str yt_followup_params(struct yt_act *act, const struct yt_rule *r);

#endif
