/* The fold of one shard's changelog: every entity as it was last committed, and the checkpoint that goes with it. */
#ifndef YT_APP_FOLD_H
#define YT_APP_FOLD_H

#include "yutang/base/map.h"
#include "yutang/core/entity.h"
#include "yutang/engine/checkpoint.h"
#include "yutang/io/kafka.h"

struct yt_folded {
	int kind;          /* enum yt_kind */
	char *blob;        /* what lies behind the head; NULL: gone */
	uint32_t blob_n;
	int64_t expires_at;
	unsigned round;    /* of the read that brought it */
	uint8_t has, seen; /* for whoever compares: bits */
	bool rendered;
	uint32_t key_n;
	char key[];        /* `member:s1/m-1` */
};

struct yt_fold {
	struct yt_kafka_read *reader; /* borrowed; read_committed */
	int shard;
	int64_t next;      /* offset to go on from */
	unsigned round;    /* counts the reads */
	bool has_checkpoint;
	struct yt_checkpoint at; /* texts in at_blob */
	char *at_blob;
	struct yt_map map;
	size_t live;       /* entities that are not gone */
	/* during a read */
	uint64_t to;
	struct yt_err *err;
	bool failed;
};

void yt_fold_init(struct yt_fold *f, struct yt_kafka_read *reader, int shard);
void yt_fold_deinit(struct yt_fold *f);
/* Reads on: to the end that the changelog has now, or to the checkpoint of `version` where that comes before (UINT64_MAX: to the end). What it
 * ends at is f->at.version. -1 and err: TRANSIENT where Kafka is away, FATAL (DATA) where a record is none that we know. */
int yt_fold_read(struct yt_fold *f, uint64_t version, struct yt_err *err);
/* NULL: never seen. What is gone is found, with blob NULL. */
struct yt_folded *yt_fold_find(const struct yt_fold *f, struct yt_str key);
static inline struct yt_str yt_folded_name(const struct yt_folded *e)
{
	uint32_t n = yt_entities[e->kind].prefix.n;

	return yt_str(e->key + n, e->key_n - n);
}
/* The entity decoded into the arena; NULL where it is gone, or the bytes are none of ours. */
void *yt_folded_object(const struct yt_folded *e, struct yt_arena *a);

#endif
