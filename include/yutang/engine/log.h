/* The log port: what the engine asks of Kafka (io/kafka_log), of memory (engine/memlog), later of SQLite.
 *
 * All calls are made on the engine's thread and none blocks. Answers come as calls of the `yt_log_up` table, made only from inside poll().
 * A shard is a partition number, 0 <= shard < partitions. Input numbers are places in the configured list of input topics;
 * the last one, n_inputs - 1, is always `internal`. */
#ifndef YT_ENGINE_LOG_H
#define YT_ENGINE_LOG_H

#include "yutang/base/err.h"
#include "yutang/base/str.h"
#include "yutang/event/event.h"
#include "yutang/event/output.h"

enum {
	YT_INPUTS_MAX = 16,       /* input topics of one daemon, `internal` among them */
	YT_PARTITIONS_MAX = 1024, /* shards of one group */
	YT_LOG_ID_BYTES = 32,     /* hex digits that name one log; made by `yutang init` */
};

/* A record of an input. Key, value and headers are valid during the call that hands it up. */
struct yt_record {
	int input;
	int shard;
	int64_t offset;
	int64_t timestamp_ms; /* the record's, -1: none */
	struct yt_str key, value; /* key.p == NULL: no key */
	const struct yt_header *headers;
	size_t n_headers;
};

/* What the consumer group knows of one shard: the committed offset of each input and the metadata that went with it. */
struct yt_group_pos {
	int64_t next[YT_INPUTS_MAX]; /* -1: no offset on this input */
	bool has_meta;               /* every input that has an offset also has the metadata below, and the same */
	char log_id[YT_LOG_ID_BYTES + 1];
	uint64_t version;
};

enum yt_outcome {
	YT_COMMITTED,
	YT_ABORTED, /* nothing of it is visible, and never will be */
	YT_LOST     /* somebody else owns these shards now, or the answers disagree: forget the shards and read them again */
};

/* Where a message of a batch goes. */
enum yt_dest { YT_TO_STATE, YT_TO_INTERNAL, YT_TO_DEAD, YT_TO_OUT /* + enum yt_out_topic */ };

struct yt_message {
	uint8_t dest;          /* YT_TO_*, outputs: YT_TO_OUT + topic */
	int32_t shard;         /* partition for STATE and INTERNAL; -1: by murmur2 of the key */
	struct yt_str key;     /* key.p == NULL: none */
	struct yt_str value;   /* value.p == NULL: a tombstone */
	const struct yt_header *headers;
	size_t n_headers;
};

struct yt_shard_commit {
	int shard;
	uint64_t version;            /* the version that this transaction makes */
	int64_t next[YT_INPUTS_MAX]; /* every input, I4 */
};

/* One transaction. Everything in it stays valid and unchanged until on_outcome. */
struct yt_batch {
	const struct yt_message *messages; /* in order */
	size_t n_messages;
	const struct yt_shard_commit *shards;
	size_t n_shards;
	const char *log_id;
};

struct yt_log_up {
	/* The group gave us exactly these shards (eager: the whole set each time). */
	void (*on_assigned)(void *ctx, const int *shards, size_t n);
	/* All are being taken back: the engine finishes what is in flight, then calls release(). `lost`: they are gone already. */
	void (*on_revoked)(void *ctx, bool lost);
	/* Answer to open(). */
	void (*on_group)(void *ctx, int shard, const struct yt_group_pos *pos);
	/* Answers to restore(): each committed record of the shard's changelog in offset order, then on_restored. value.p == NULL: a tombstone.
	 * Bytes are valid during the call. */
	void (*on_state)(void *ctx, int shard, struct yt_str key, struct yt_str value);
	void (*on_restored)(void *ctx, int shard);
	/* How many more records of this input of a started shard the engine takes now. Asked inside poll(); no more of them are handed up in that poll. */
	int (*room)(void *ctx, int input, int shard);
	/* A record of a started shard. */
	void (*on_record)(void *ctx, const struct yt_record *rec);
	/* The input was read to its end, which is this offset (a position behind transaction markers). */
	void (*on_end)(void *ctx, int input, int shard, int64_t offset);
	/* Answer to ends(): the end of each input of the shard, as it was after the question. */
	void (*on_ends)(void *ctx, int shard, const int64_t end[YT_INPUTS_MAX]);
	/* Answer to commit(). */
	void (*on_outcome)(void *ctx, enum yt_outcome outcome);
	/* The adapter can't go on; err->exit is the exit code. */
	void (*on_fatal)(void *ctx, const struct yt_err *err);
};

struct yt_log {
	void *ctx;
	/* Moves what has arrived upward: at most max_records records and none without room(), everything else without limit. Returns the number of records. */
	int (*poll)(void *ctx, int max_records);
	/* Reads C, the stable committed offsets of the shard; fences the former owner by name where they stay unstable. */
	void (*open)(void *ctx, int shard);
	/* Reads the changelog from its beginning to the end it has now. May be called for several shards at once. */
	void (*restore)(void *ctx, int shard);
	/* Consume exactly these shards from these offsets; replaces what start() said before. next: n rows of YT_INPUTS_MAX.
	 * Records of shards that were started before and still lie in the adapter may be dropped: the engine names where it is. */
	void (*start)(void *ctx, const int *shards, size_t n, const int64_t (*next)[YT_INPUTS_MAX]);
	/* Gives all shards back; answer to on_revoked. Questions that have no answer yet are forgotten: none of them is answered later. */
	void (*release)(void *ctx);
	/* Leaves the group and joins again (after YT_LOST). on_revoked or on_assigned follows. */
	void (*rejoin)(void *ctx);
	void (*ends)(void *ctx, int shard);
	/* Takes the group metadata that the next commit will be judged by: called when a batch starts, before its first record is decided. */
	void (*begin)(void *ctx);
	/* One at a time. */
	void (*commit)(void *ctx, const struct yt_batch *batch);
};

#endif
