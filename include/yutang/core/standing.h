/* The tier that a member has, and when it is looked at again. What is decided about it: tier.h. */
#ifndef YT_CORE_STANDING_H
#define YT_CORE_STANDING_H

#include "yutang/core/list.h"

enum { YT_STANDING_BYTES_MAX = 64 + 6 * 10 + 17 + 130 + 600 }; /* the longest fact has three ids and an instant */

struct yt_standing {
	struct yt_str tier; /* name; empty: none, and nothing else is there */
	int64_t rank;       /* that it had when it was given: its section may be gone */
	/* 0: the tier is never lost, and nothing below is there. Else the end of the period and its grace. */
	int64_t falls_at;
	int64_t judge_at; /* end of the period; 0: it was judged, and is not met */
	int64_t warn_at;  /* when to look at the warning; 0: none, or it has left. When its follow-up was due: */
	int64_t warn_due;
	bool warned; /* its tier.warning has left, the follow-up waits for the end of the quiet hours; that output's id: */
	unsigned char warning[16];
	struct yt_str cause, fact; /* of the event that brought the member there, or kept it there in the grace */
	uint32_t n_changes, n_warnings; /* outputs with that fact: their ordinals */
};

/* The next instant to act on it; YT_NEVER. */
int64_t yt_standing_due(const struct yt_standing *s);

void yt_standing_encode(const struct yt_standing *s, struct yt_buf *out);
/* Texts borrow from the bytes. */
void yt_standing_decode(struct yt_standing *s, struct yt_rd *r);

#endif
