/* The log port in memory: replay, and tests of the engine with faults at will. One process, all shards, no I/O. */
#ifndef YT_ENGINE_MEMLOG_H
#define YT_ENGINE_MEMLOG_H

#include "yutang/engine/log.h"

struct yt_memlog;

/* topics: full names of the inputs, `internal` last; borrowed. Every shard begins with a genesis checkpoint, as `yutang init` makes it. */
struct yt_memlog *yt_memlog_new(int partitions, const struct yt_str *topics, int n_inputs);
void yt_memlog_free(struct yt_memlog *l);
/* For events by the million, once and before the first put: what is put is borrowed and outlives the log, and what was committed is forgotten. So
 * nothing is left for yt_memlog_committed, for a second engine, or after a rebalance. */
void yt_memlog_lean(struct yt_memlog *l);
/* Who is called from poll(). Bound again after a first engine was thrown away, the log is as a crash would leave it: what was committed, and a new
 * assignment. */
void yt_memlog_bind(struct yt_memlog *l, const struct yt_log_up *up, void *ctx);
struct yt_log *yt_memlog_port(struct yt_memlog *l);

/* Appends a record; key and value are copied, but into a lean log. Returns its offset. */
int64_t yt_memlog_put(struct yt_memlog *l, int input, int shard, int64_t timestamp_ms, struct yt_str key, struct yt_str value);

/* The next commits end like this, in order, before commits go well again; n at most 16. An ABORTED leaves nothing; a LOST leaves it committed or not,
 * as lost_kept says, and takes the shards away and gives them back. */
void yt_memlog_outcomes(struct yt_memlog *l, const enum yt_outcome *v, size_t n, bool lost_kept);
/* All shards are taken back and given again. */
void yt_memlog_rebalance(struct yt_memlog *l);

/* What was committed, in order. Valid until the log is freed. */
struct yt_mem_message {
	uint8_t dest;
	int shard;
	struct yt_str key, value;
	const struct yt_header *headers;
	size_t n_headers;
};
size_t yt_memlog_committed(const struct yt_memlog *l, const struct yt_mem_message **out);

#endif
