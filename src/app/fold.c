#include "fold.h"

#include <inttypes.h>
#include <stdlib.h>

static struct yt_str key_of(const void *value)
{
	const struct yt_folded *e = value;

	return yt_str(e->key, e->key_n);
}

void yt_fold_init(struct yt_fold *f, struct yt_kafka_read *reader, int shard)
{
	*f = (struct yt_fold){ .reader = reader, .shard = shard, .next = -1 };
	yt_map_init(&f->map, key_of);
}

void yt_fold_deinit(struct yt_fold *f)
{
	size_t at = 0;
	struct yt_folded *e;

	while ((e = yt_map_next(&f->map, &at))) {
		free(e->blob);
		free(e);
	}
	yt_map_deinit(&f->map);
	free(f->at_blob);
}

static void *copy(struct yt_str s)
{
	char *p = malloc(s.n ? s.n : 1);

	if (!p)
		yt_out_of_memory(s.n);
	memcpy(p, s.p, s.n);
	return p;
}

/* Ends the read. */
static bool refuse(struct yt_fold *f, const struct yt_record *rec, const char *what)
{
	yt_err_set(f->err, YT_ERR_FATAL, YT_EXIT_DATA, "state/%d@%" PRId64 ": %s", f->shard, rec->offset, what);
	f->failed = true;
	return false;
}

static bool take_checkpoint(struct yt_fold *f, const struct yt_record *rec)
{
	char *blob = copy(rec->value);

	free(f->at_blob);
	f->at_blob = blob;
	f->has_checkpoint = yt_checkpoint_decode(yt_str(blob, rec->value.n), &f->at);
	if (!f->has_checkpoint)
		return refuse(f, rec, "a checkpoint of a format that this version does not know");
	return f->at.version < f->to;
}

static struct yt_folded *entity_of(struct yt_fold *f, struct yt_str key, int kind)
{
	struct yt_folded *e = yt_map_get(&f->map, key);

	if (e)
		return e;
	e = calloc(1, sizeof *e + key.n);
	if (!e)
		yt_out_of_memory(sizeof *e + key.n);
	e->kind = kind;
	e->key_n = key.n;
	memcpy(e->key, key.p, key.n);
	yt_map_add(&f->map, e);
	return e;
}

static bool take_entity(struct yt_fold *f, const struct yt_record *rec)
{
	struct yt_str name;
	int kind = yt_entity_kind(rec->key, &name);
	struct yt_folded *e;

	if (kind < 0)
		return refuse(f, rec, "a key of a kind that this version does not know");
	if (rec->value.p && (rec->value.n < YT_ENTITY_HEAD || rec->value.p[0] != YT_ENTITY_FORMAT))
		return refuse(f, rec, "an entity of a format that this version does not know");
	e = entity_of(f, rec->key, kind);
	f->live += rec->value.p != NULL;
	f->live -= e->blob != NULL;
	free(e->blob);
	e->blob = NULL;
	e->round = f->round;
	e->has = e->seen = 0;
	e->rendered = false;
	if (!rec->value.p)
		return true;

	struct yt_rd r = yt_rd(yt_str(rec->value.p + 1, YT_ENTITY_HEAD - 1));
	struct yt_str body = yt_str(rec->value.p + YT_ENTITY_HEAD, rec->value.n - YT_ENTITY_HEAD);

	yt_rd_u64(&r); /* version */
	yt_rd_u64(&r); /* next_due */
	e->expires_at = (int64_t)yt_rd_u64(&r);
	e->blob = copy(body);
	e->blob_n = body.n;
	return true;
}

static bool take(void *ctx, const struct yt_record *rec)
{
	struct yt_fold *f = ctx;

	f->next = rec->offset + 1;
	return yt_str_eq(rec->key, YT_S(YT_CHECKPOINT_KEY)) ? take_checkpoint(f, rec) : take_entity(f, rec);
}

int yt_fold_read(struct yt_fold *f, uint64_t version, struct yt_err *err)
{
	int64_t n;

	if (f->has_checkpoint && f->at.version >= version)
		return 0;
	f->round++;
	f->to = version;
	f->err = err;
	f->failed = false;
	n = yt_kafka_read_run(f->reader, "state", f->shard, f->next, take, f, err);
	return n < 0 || f->failed ? -1 : 0;
}

struct yt_folded *yt_fold_find(const struct yt_fold *f, struct yt_str key)
{
	return yt_map_get(&f->map, key);
}

void *yt_folded_object(const struct yt_folded *e, struct yt_arena *a)
{
	return e->blob ? yt_entities[e->kind].decode(a, yt_folded_name(e), yt_str(e->blob, e->blob_n)) : NULL;
}
