/* The two ways to read a structured event: the direct one for what senders usually write, and the one over base/json for everything. */
#ifndef YT_SRC_EVENT_DIRECT_H
#define YT_SRC_EVENT_DIRECT_H

#include "yutang/event/event.h"

/* Fills ev, which is zero, from a structured event, without a tree: fields in any order, texts borrowed from value. False where something is
 * unusual: an escape, an unknown field that is a list or an object, any fault. Then *ev means nothing, and only yt_event_decode_tree knows what the
 * value is. Where this says true the other says the same event. The upper bound of the instants is not judged. */
bool yt_event_direct(struct yt_arena *a, struct yt_str value, struct yt_event *ev);

/* yt_event_decode without the direct reader: every fault and its detail come from here. */
void yt_event_decode_tree(struct yt_arena *a, struct yt_str value, const struct yt_header *headers, size_t n_headers, int64_t now_ms,
                          struct yt_decoded *out);

#endif
