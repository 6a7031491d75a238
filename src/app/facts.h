/* FACTS.json of `yutang explain`: what `yutang member --json` says of a member, and what it does not know. docs/commands.md has the format. */
#ifndef YT_APP_FACTS_H
#define YT_APP_FACTS_H

#include "yutang/core/explain.h"

enum { YT_FACTS_BYTES_MAX = 256 * 1024 }; /* as an event: a wallet of 128 coupons has 32 KiB */

/* The member of that event, and its order where the event is about one. In the arena; borrows from json. False: msg (256 bytes) says what is wrong. */
bool yt_facts_read(struct yt_arena *a, struct yt_str json, const struct yt_ruleset *rules, const struct yt_event *ev, struct yt_explain *out,
                   char msg[256]);

#endif
