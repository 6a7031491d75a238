/* What the files of the Kafka adapter share. */
#ifndef YT_IO_KAFKA_INT_H
#define YT_IO_KAFKA_INT_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "yutang/base/err.h"
#include "yutang/engine/ktxn.h"
#include "yutang/io/kafka.h"

/* ---- kafka_conf.c */

enum yt_kafka_role {
	YT_KAFKA_MEMBER,    /* the consumer in the group */
	YT_KAFKA_COMMITTED, /* read_committed, asks for the group's offsets, restores; not in the group */
	YT_KAFKA_RAW,       /* read_uncommitted, ends and open transactions; not in the group */
	YT_KAFKA_PRODUCER,  /* with a transactional.id */
	YT_KAFKA_FEEDER,    /* without one */
	YT_KAFKA_ROLES
};

/* tid: of a PRODUCER, else NULL. opaque and callbacks are the caller's to set on the result; NULL and err where refused. */
rd_kafka_conf_t *yt_kafka_conf_make(const struct yt_kafka_conf *conf, enum yt_kafka_role role, const char *tid,
                                    struct yt_err *err);
/* Takes c. A refusal of the library is a fault of the configuration. A consumer gets its one queue. */
rd_kafka_t *yt_kafka_make(rd_kafka_conf_t *c, enum yt_kafka_role role, struct yt_err *err);
/* conf_make and make, with error events to the given callback (may be NULL). */
rd_kafka_t *yt_kafka_open(const struct yt_kafka_conf *conf, enum yt_kafka_role role, const char *tid,
                          void (*error_cb)(rd_kafka_t *, int, const char *, void *), void *opaque, struct yt_err *err);
/* Never leaves the group, never waits for it. */
void yt_kafka_destroy(rd_kafka_t *rk);
void yt_kafka_tid(const struct yt_kafka_conf *conf, char *out, size_t cap);
int64_t yt_kafka_mono_ms(void);
int64_t yt_kafka_mono_us(void);

/* ---- kafka_read.c */

/* A table of headers that is used again for each record; v is freed by its owner. */
struct yt_kafka_headers {
	struct yt_header *v;
	size_t cap;
};

/* The record in a message, valid as long as the message and until the next call with the same table. */
struct yt_record yt_kafka_record(const rd_kafka_message_t *m, int input, struct yt_kafka_headers *headers);

/* ---- kafka_side.c: questions that block, on a thread of their own */

/* Adds every input of the shard; offsets from next (NULL: none). */
void yt_kafka_add_inputs(const struct yt_kafka_conf *conf, rd_kafka_topic_partition_list_t *list, int shard, const int64_t *next);
/* What an answer of rd_kafka_committed says of a shard. */
void yt_kafka_group_pos(const struct yt_kafka_conf *conf, const rd_kafka_topic_partition_list_t *list, int shard,
                        struct yt_group_pos *pos);
/* rd_kafka_committed where only an answer without any error counts. */
rd_kafka_resp_err_t yt_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms);
struct yt_kafka_checkpoint {
	uint64_t version;
	bool same;   /* it has the bytes that were asked for */
	int64_t end; /* the reader's: where it is a committed one, what lies behind an open transaction was not seen */
};

/* The last committed checkpoint of a shard's changelog: 1 found, 0 there is none, -1 not known now. */
int yt_kafka_last_checkpoint(struct yt_kafka_read *r, int shard, struct yt_str bytes, struct yt_kafka_checkpoint *out);
/* The high watermarks (RD_KAFKA_OFFSET_END) or the first offsets (_BEGINNING) of all partitions in the list, into their offsets; one
 * request a broker. */
rd_kafka_resp_err_t yt_kafka_edges(rd_kafka_t *raw, rd_kafka_topic_partition_list_t *list, int64_t which, int timeout_ms);

enum yt_side_kind { YT_SIDE_OPEN, YT_SIDE_HIGH, YT_SIDE_ENDS, YT_SIDE_FENCE, YT_SIDE_KINDS };

struct yt_side_answer {
	enum yt_side_kind kind;
	int shard;
	struct yt_group_pos pos;    /* OPEN */
	int64_t end[YT_INPUTS_MAX]; /* ENDS */
	int64_t low, high;          /* HIGH: of the changelog */
};

struct yt_side;
struct yt_side *yt_side_new(const struct yt_kafka_conf *conf, rd_kafka_t *committed, int fd, _Atomic bool *away, struct yt_err *err);
bool yt_side_free(struct yt_side *s); /* false: it hangs */
/* A newer question of the same kind about the shard replaces the one before. */
void yt_side_ask(struct yt_side *s, enum yt_side_kind kind, int shard);
/* No answer to any question asked so far will come. */
void yt_side_forget(struct yt_side *s);
/* The next answer; false where there is none. */
bool yt_side_take(struct yt_side *s, struct yt_side_answer *a);
uint64_t yt_side_fenced(const struct yt_side *s);
/* Makes it look whether brokers answer again. */
void yt_side_probe(struct yt_side *s);

/* ---- kafka_txn.c: the producer and the commit thread */

struct yt_txn;
struct yt_txn *yt_txn_new(const struct yt_kafka_conf *conf, rd_kafka_t *committed, int fd, _Atomic bool *away, struct yt_err *err);
bool yt_txn_free(struct yt_txn *t); /* false: it hangs */
/* The topics are as they must be and our former transactions are over: the group may be joined. */
bool yt_txn_ready(struct yt_txn *t);
/* Takes meta. */
void yt_txn_commit(struct yt_txn *t, const struct yt_batch *batch, rd_kafka_consumer_group_metadata_t *meta);
bool yt_txn_take(struct yt_txn *t, enum yt_outcome *outcome);
bool yt_txn_fatal(struct yt_txn *t, struct yt_err *err);
const char *yt_txn_progress(const struct yt_txn *t, int64_t *since_ms);
void yt_txn_stats(const struct yt_txn *t, struct yt_kafka_stats *out);

/* ---- kafka_admin.c */

/* The check over a handle that is there. TRANSIENT: ask again. */
int yt_kafka_check_topics(const struct yt_kafka_conf *conf, rd_kafka_t *rk, int timeout_ms, struct yt_err *err);

/* Wakes whoever waits for the descriptor. */
void yt_kafka_wake(int fd);
/* Says a change once; away as it was before is no change. */
void yt_kafka_set_away(_Atomic bool *away, bool now, const char *why);

#endif
