/* The view port: what the engine asks of Redis (io/redis_view). None blocks; answers come through `yt_view_up`, only from inside poll(). */
#ifndef YT_ENGINE_VIEW_H
#define YT_ENGINE_VIEW_H

#include "yutang/core/entity.h"

/* One entity as it was committed. blob.p == NULL: it is gone. */
struct yt_view_entity {
	enum yt_kind kind;
	struct yt_str name; /* behind the kind's prefix */
	struct yt_str blob; /* encoded, without the YT_ENTITY_HEAD bytes */
	unsigned hashes;    /* bit k: out[k] of yt_view_render may differ from what was applied before */
};

/* A write for one shard. Owned by the port from apply() until on_applied; memory is `arena`, freed with it. */
struct yt_view_job {
	int shard;
	char log_id[33];
	uint64_t from;  /* the version Redis must have now */
	uint64_t to;    /* the version it has afterwards; == from: a part, more will follow */
	uint64_t newest; /* the version of the memory that it was made from: nothing in it is newer */
	int64_t time_ms; /* `now` of version `to`, for `at` */
	bool unswept;   /* Redis may have keys of what has gone since `from` and is not named here: with `to` it is stored that a sweep is needed */
	struct yt_arena arena;
	struct yt_view_entity *entities;
	size_t n;
};

enum yt_view_status {
	YT_VIEW_OK,
	YT_VIEW_STALE, /* Redis has another (log_id, version): ask where() */
	YT_VIEW_AWAY   /* no answer: ask where() later */
};

enum yt_view_knows { YT_VIEW_GONE, YT_VIEW_KNOWN, YT_VIEW_NOT_OURS };

struct yt_view_up {
	/* log_id empty: Redis knows nothing of this shard. unswept: it may have keys behind which there is nothing, as it is another process (or
	 * data set) than the one that was swept, or a job said so: the engine asks for sweep(). */
	void (*on_where)(void *ctx, int shard, enum yt_view_status status, const char *log_id, uint64_t version, bool unswept);
	void (*on_applied)(void *ctx, struct yt_view_job *job, enum yt_view_status status);
	/* Answer to reset(). */
	void (*on_reset)(void *ctx, int shard, enum yt_view_status status);
	/* While sweeping: is there an entity behind this key suffix (`member:s1/m-1`), and which version has the memory that says so? Not ours: the shard
	 * was taken back, its sweep does not count. */
	enum yt_view_knows (*knows)(void *ctx, int shard, struct yt_str suffix, uint64_t *version);
};

struct yt_view {
	void *ctx;
	void (*poll)(void *ctx);
	/* Which (log_id, version) does Redis have of this shard? */
	void (*where)(void *ctx, int shard);
	/* Writes a job. Takes the job and its arena; on_applied gives it back to be freed by the engine. Of a shard no other one until then, or until
	 * where() was asked again. */
	void (*apply)(void *ctx, struct yt_view_job *job);
	/* Deletes all keys of the shard, then sets (log_id, version 0). */
	void (*reset)(void *ctx, int shard, const char *log_id);
	/* Deletes the keys of the shard behind which knows() finds no entity, unless somebody whose memory is newer has written meanwhile. Runs beside other work; no answer: where() tells of a shard that is still
	 * to be swept, also to its next owner. */
	void (*sweep)(void *ctx, int shard);
};

#endif
