/* Orders as facts: what each event of an order changes in the order, in its member and in the day counters. Any order of arrival ends in the
 * same state. */
#ifndef YT_CORE_FOLD_H
#define YT_CORE_FOLD_H

#include "yutang/core/act.h"

/* act->order is of `edit`, act->member too where the order is paid; the event is new. What is told before the order is paid is kept. */
void yt_fold_paid(struct yt_act *act, const struct yt_event *ev);
void yt_fold_shipped(struct yt_act *act, const struct yt_event *ev);
void yt_fold_signed(struct yt_act *act, const struct yt_event *ev);
void yt_fold_refunded(struct yt_act *act, const struct yt_event *ev);
void yt_fold_cancelled(struct yt_act *act, const struct yt_event *ev);

#endif
