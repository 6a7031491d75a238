/* One Kafka transaction as a pure machine: what to do next, and what a result means. Driven by io/kafka_txn, on the commit thread.
 *
 *     BEGIN -> OFFSETS -> PRODUCE -> AWAIT -> COMMIT -> done: COMMITTED
 *          \______________ any error, error event, slowness _______________/
 *                                   |
 *                        REMAKE (destroy, make, init_transactions) -> READ_C -> COMMITTED | ABORTED | LOST
 *
 * Offsets first: while the broker still writes the markers of the transaction before, it refuses both the offsets and the first record of a
 * partition; librdkafka asks again for the one after retry.backoff.ms, which is 1 here, and for the other after 20 ms, which can't be set
 * (CONCURRENT_TRANSACTIONS in rdkafka_txnmgr.c, 2.0.2 to 2.6). Who was fenced also learns of it before anything of his is in a topic.
 *
 * There is one path for every unknown outcome (DESIGN 4). C.v == version: committed; C.v == version - 1: aborted; anything
 * else, or shards that disagree: lost. */
#ifndef YT_ENGINE_KTXN_H
#define YT_ENGINE_KTXN_H

#include "yutang/engine/log.h"

enum yt_ktxn_action {
	YT_KTXN_BEGIN,   /* begin_transaction */
	YT_KTXN_OFFSETS, /* send_offsets_to_transaction */
	YT_KTXN_PRODUCE, /* hand all messages over */
	YT_KTXN_AWAIT,   /* poll until every delivery report is in */
	YT_KTXN_COMMIT,  /* commit_transaction */
	YT_KTXN_REMAKE,  /* destroy the producer, make it, init_transactions; repeat until it works */
	YT_KTXN_READ_C,  /* committed offsets of the batch's shards; repeat until every one has an answer */
	YT_KTXN_REPORT   /* outcome is known */
};

struct yt_ktxn {
	enum yt_ktxn_action action; /* what to do now */
	enum yt_outcome outcome;    /* with REPORT */
	bool remake;                /* the producer is not to be trusted with another transaction (I6) */
	bool known;                 /* the outcome is known; a REMAKE that is left to do does not change it */
	uint64_t aborted, remade;   /* counts since init, for metrics */
};

enum {
	/* I6: after a commit slower than this the producer is made again. */
	YT_KTXN_SLOW_MS = 2000,
};

void yt_ktxn_init(struct yt_ktxn *k);
/* A batch begins; action is BEGIN, or REMAKE first where the last one left it so. */
void yt_ktxn_start(struct yt_ktxn *k);
/* The action was done. ok: it worked. For COMMIT took_ms counts, from BEGIN on. error_event: the producer had an error event since it was made. */
void yt_ktxn_done(struct yt_ktxn *k, bool ok, bool error_event, int64_t took_ms);
/* The answer to READ_C: the versions of C for each shard of the batch (UINT64_MAX: no offset, or without our metadata), and what the batch makes. */
void yt_ktxn_read(struct yt_ktxn *k, const uint64_t *have, const uint64_t *made, size_t n);

#endif
