/* Kafka: the log port over librdkafka, and what `init`, `feed` and `verify` need of the topics.
 * Nothing of librdkafka appears here; everything that is known about it is in src/io/kafka_*.c. */
#ifndef YT_IO_KAFKA_H
#define YT_IO_KAFKA_H

#include "yutang/engine/log.h"

/* ---- configuration */

struct yt_kafka_prop {
	const char *name, *value;
};

/* Everything it points to must outlive what is made from it. */
struct yt_kafka_conf {
	const struct yt_kafka_prop *props; /* [kafka], word for word */
	size_t n_props;
	const char *prefix;                /* of every topic; may be "" */
	int n_inputs;
	const char *inputs[YT_INPUTS_MAX]; /* without prefix; the last one is "internal" */
	int partitions;                    /* P */
	int output_partitions;             /* used by init alone */
	int replication;                   /* used by init alone */
	const char *group, *instance;      /* transactional.id = <group>-<instance> */
};

/* One property of [kafka]: false where the daemon sets it itself, the library does not know it, or the value is none; `why`
 * then says so in one line, without file and line. */
bool yt_kafka_property_check(const char *name, const char *value, char why[256]);
/* Its value must not be shown. */
bool yt_kafka_property_secret(const char *name);
/* All of them together, and the names; connects to nothing. */
int yt_kafka_conf_check(const struct yt_kafka_conf *conf, struct yt_err *err);
/* `2.0.2`: the library as loaded. */
const char *yt_kafka_version(void);

/* Prefix and name; out holds YT_KAFKA_TOPIC_MAX bytes. Returns out. */
enum { YT_KAFKA_TOPIC_MAX = 256 };
char *yt_kafka_topic(const struct yt_kafka_conf *conf, const char *name, char *out);

/* ---- init and check; both block */

/* Creates what is missing, compares what is there, writes genesis where `state` is new. Each thing done or found to differ is said
 * in one line. Returns 0, or -1 with err: TRANSIENT where Kafka can't be reached within timeout_ms, FATAL where something that is
 * there forbids to run. Calling it again changes nothing. */
int yt_kafka_init(const struct yt_kafka_conf *conf, int64_t timeout_ms, void (*say)(void *ctx, const char *line), void *ctx,
                  struct yt_err *err);
/* What `run` demands of the topics, in one line: all there, inputs and state with P partitions, state with its settings. */
int yt_kafka_check(const struct yt_kafka_conf *conf, int64_t timeout_ms, struct yt_err *err);

/* ---- the log port */

struct yt_kafka_log;

struct yt_kafka_stats {
	uint64_t committed, aborted, lost; /* outcomes */
	uint64_t remade;                   /* producers made again */
	uint64_t fenced;                   /* former owners fenced by name */
	uint64_t rejoined;                 /* consumers made again */
	int64_t commit_us;                 /* begin to committed of the last transaction that was committed without doubt */
	bool away;                         /* no broker answers */
};

/* Starts two threads and connects in the background; returns at once. NULL and err where the configuration is refused. */
struct yt_kafka_log *yt_kafka_log_new(const struct yt_kafka_conf *conf, struct yt_err *err);
/* Who is called from poll(); once, before the first poll. */
void yt_kafka_log_bind(struct yt_kafka_log *l, const struct yt_log_up *up, void *ctx);
/* The port; lives as long as l. */
struct yt_log *yt_kafka_log_port(struct yt_kafka_log *l);
/* Readable when poll() has something to do (level triggered; poll() makes it unreadable). Beside that poll() is to be called every few
 * seconds: it is what tells the group that this process is alive. */
int yt_kafka_log_fd(const struct yt_kafka_log *l);
/* In the group, and brokers answer. why (128 bytes, may be NULL) says what is missing. */
bool yt_kafka_log_connected(const struct yt_kafka_log *l, char why[128]);
/* What the commit thread does and since when (CLOCK_MONOTONIC): one call of the library each, so that a retry is progress and a
 * call that never returns is none. NULL: it waits for work. Any thread. */
const char *yt_kafka_log_progress(const struct yt_kafka_log *l, int64_t *since_ms);
void yt_kafka_log_stats(const struct yt_kafka_log *l, struct yt_kafka_stats *out);
/* After the engine is gone and has dropped its records. Closing may hang in the library: it is given a few seconds, then left behind
 * (false: the process should end now). Static membership: the group keeps our place until the session ends. */
bool yt_kafka_log_free(struct yt_kafka_log *l);

/* ---- feed: JSON values into topics, idempotent, not transactional */

struct yt_kafka_feed;

/* timeout_ms: a record is delivered or reported within it; 0: that of the library. */
struct yt_kafka_feed *yt_kafka_feed_new(const struct yt_kafka_conf *conf, int timeout_ms, struct yt_err *err);
/* Copies key and value. Waits where the queue is full. topic: without prefix. The partition is murmur2 of the key over the topic's partitions. */
int yt_kafka_feed_put(struct yt_kafka_feed *f, const char *topic, struct yt_str key, struct yt_str value, struct yt_err *err);
/* The same for a record as it is to be: key.p and value.p NULL are none, partition -1 is murmur2 of the key. */
struct yt_kafka_feed_record {
	const char *topic; /* without prefix */
	int partition;
	struct yt_str key, value;
	const struct yt_header *headers;
	size_t n_headers;
	void *tag; /* comes back with the report */
};
int yt_kafka_feed_send(struct yt_kafka_feed *f, const struct yt_kafka_feed_record *rec, struct yt_err *err);
/* For who must not wait: the topics are looked for first (this blocks; the place in a table, or -1), then a record is taken at once or refused
 * (TRANSIENT: the queue is full), whatever became of those before. */
int yt_kafka_feed_find(struct yt_kafka_feed *f, const char *topic, struct yt_err *err);
int yt_kafka_feed_offer(struct yt_kafka_feed *f, const struct yt_kafka_feed_record *rec, struct yt_err *err);
/* Readable when poll() has reports to give. */
int yt_kafka_feed_fd(struct yt_kafka_feed *f);
void yt_kafka_feed_poll(struct yt_kafka_feed *f);
/* Nothing more can be delivered by it, and why. */
bool yt_kafka_feed_dead(const struct yt_kafka_feed *f, char why[256]);
/* For one that is dead: a new producer in its place, with the same topics and descriptor. All that has no report yet is reported as failed before it
 * returns; the broker may have it all the same, so what is sent again may be there twice. -1 and err: the dead one stays. */
int yt_kafka_feed_renew(struct yt_kafka_feed *f, struct yt_err *err);
/* Who is told what became of each record, from within put, send, finish, poll and renew. why NULL: it lies at that partition and offset. */
void yt_kafka_feed_on_report(struct yt_kafka_feed *f, void (*fn)(void *ctx, void *tag, int partition, int64_t offset, const char *why), void *ctx);
/* Waits until everything is acknowledged; progress (may be NULL) is called a few times a second. */
int yt_kafka_feed_finish(struct yt_kafka_feed *f, void (*progress)(void *ctx, uint64_t acknowledged, uint64_t put), void *ctx,
                         struct yt_err *err);
void yt_kafka_feed_free(struct yt_kafka_feed *f);

/* ---- read: one partition from its beginning (or an offset) to the end it has now */

struct yt_kafka_read;

/* committed: leave out what was aborted or is open. */
struct yt_kafka_read *yt_kafka_read_new(const struct yt_kafka_conf *conf, bool committed, struct yt_err *err);
void yt_kafka_read_free(struct yt_kafka_read *r);
/* Partitions of the topic, or -1. topic: without prefix. */
int yt_kafka_read_partitions(struct yt_kafka_read *r, const char *topic, struct yt_err *err);
/* The offsets that the partition has now: from *low up to *end, which with `committed` is the last stable offset. */
int yt_kafka_read_edges(struct yt_kafka_read *r, const char *topic, int partition, int64_t *low, int64_t *end, struct yt_err *err);
/* fn returns false to stop. rec->input is -1; bytes are valid during the call. from: -1 for the beginning. With `committed`
 * it ends at the last stable offset. Returns the number of records, or -1. */
int64_t yt_kafka_read_run(struct yt_kafka_read *r, const char *topic, int partition, int64_t from,
                          bool (*fn)(void *ctx, const struct yt_record *rec), void *ctx, struct yt_err *err);
/* What the group has committed for a shard. */
int yt_kafka_read_group(struct yt_kafka_read *r, int shard, struct yt_group_pos *pos, struct yt_err *err);

#endif
