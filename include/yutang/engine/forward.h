/* A record that lies on another shard than its content asks for is forwarded through `internal`: the same bytes and headers,
 * and these (docs/state.md). For the engine's own files only. */
#ifndef YT_ENGINE_FORWARD_H
#define YT_ENGINE_FORWARD_H

#include "yutang/engine/shard.h"

/* More is a dead letter hop_limit. The longest way of one event without chains of rules (core/run ends those after 8 steps) is 8: an order from a wrong
 * partition, by way of phone, referrer and quota, to the alias of a code. Where an id leads to another one, and that to the member, each address takes two
 * more: 18. Identities that are linked further at that moment add one each. */
enum { YT_HOP_MAX = 32 };

/* Fills origin_*, hop and cause_now of a fetched record; a record of `internal` without these headers is a dead letter. */
void yt_forward_origin(struct yt_engine *e, struct yt_queued *q);
/* The record as it came and where it first lay. Memory: the batch's arena. */
const struct yt_raw *yt_forward_raw(struct yt_engine *e, const struct yt_queued *q);
/* The message that takes a record to its owner. member: whose it was found to be; empty: as it says. Memory: the batch's arena. */
struct yt_message yt_forward_message(struct yt_engine *e, const struct yt_raw *raw, int owner, struct yt_str member, int hop, int64_t now_ms);
/* Key and headers of a record, as Kafka counts them at most: with a value of 256 KiB, which is the most, it can still be forwarded. */
enum { YT_BESIDE_BYTES_MAX = 512 * 1024 };
size_t yt_beside_bytes(const struct yt_record *rec);
/* An internal event that a decision sends: the same way, with yt_sent in place of where it first lay. hop: how many shards it will have gone over. */
struct yt_message yt_sent_message(struct yt_engine *e, struct yt_str key, struct yt_str value, int hop, int64_t now_ms);
/* The dead letter of a record. */
struct yt_message yt_dead_message(struct yt_engine *e, const struct yt_raw *raw, enum yt_dead reason, const char *detail);

#endif
