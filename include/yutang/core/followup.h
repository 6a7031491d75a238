/* Follow-ups: messages that somebody or some bot should send. */
#ifndef YT_CORE_FOLLOWUP_H
#define YT_CORE_FOLLOWUP_H

#include "yutang/core/act.h"

struct yt_followup {
	struct yt_str rule, kind, cause, fact;
	int64_t due_at;
	int64_t send_by;      /* 0: none */
	const char *coupon;   /* 32 hex digits of the coupon it is about, NULL: none */
};

/* followup.due; or withheld where it is too late. True when it left. */
bool yt_followup_send(struct yt_act *act, const struct yt_followup *f);
void yt_followup_withhold(struct yt_act *act, const struct yt_followup *f, enum yt_reason reason);

#endif
