/* The checkpoint record: the last record of a shard in each transaction, key `checkpoint`. Bytes: docs/state.md. */
#ifndef YT_ENGINE_CHECKPOINT_H
#define YT_ENGINE_CHECKPOINT_H

#include "yutang/base/buf.h"
#include "yutang/engine/log.h"

#define YT_CHECKPOINT_KEY "checkpoint"

struct yt_checkpoint {
	char log_id[YT_LOG_ID_BYTES + 1];
	uint64_t version;
	int64_t now_ms;          /* the shard's last `now` */
	int64_t rules_revision;  /* of the set that decided; 0: none did, in the genesis record */
	uint64_t rules_digest;   /* of the same set */
	int partitions;
	struct yt_str transactional_id; /* of the process that wrote it */
	int n_inputs;
	struct yt_str topics[YT_INPUTS_MAX]; /* full names */
	int64_t next[YT_INPUTS_MAX];
};

void yt_checkpoint_encode(const struct yt_checkpoint *c, struct yt_buf *out);
/* Texts borrow from `value`. False where the bytes are no checkpoint of a format we know. */
bool yt_checkpoint_decode(struct yt_str value, struct yt_checkpoint *c);

/* The metadata string of committed offsets: `<log_id> v=<version>`. */
void yt_commit_meta(char *out, size_t cap, const char *log_id, uint64_t version);
bool yt_commit_meta_parse(const char *meta, char log_id[YT_LOG_ID_BYTES + 1], uint64_t *version);

#endif
