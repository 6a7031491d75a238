/* The synchronous connection: what commands read of the view. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_conn.h"
#include "yutang/base/ini.h"

enum { SCAN_COUNT = 1000 };

struct yt_redis {
	struct yt_redis_link link;
	struct yt_redis_conf conf;
	struct yt_arena arena; /* of one page */
};

struct yt_redis *yt_redis_open(const struct yt_redis_conf *conf, struct yt_err *err)
{
	struct yt_redis_url url;
	struct yt_redis *r;

	if (yt_redis_url_parse(conf->url, &url, err) != 0)
		return NULL;
	r = calloc(1, sizeof *r);
	YT_ASSERT(r, NULL);
	r->conf = *conf;
	yt_arena_init(&r->arena, 0);
	if (yt_redis_connect(&r->link, conf, &url, NULL, err) != 0) {
		yt_redis_close(r);
		return NULL;
	}
	return r;
}

void yt_redis_close(struct yt_redis *r)
{
	if (!r)
		return;
	yt_redis_disconnect(&r->link);
	yt_arena_deinit(&r->arena);
	free(r);
}

static struct yt_str key_of(struct yt_arena *a, const struct yt_redis *r, int shard, struct yt_str suffix)
{
	return yt_arena_printf(a, "%s:{%d}:%.*s", r->conf.prefix, shard, YT_FMT(suffix));
}

int yt_redis_where(struct yt_redis *r, int shard, struct yt_redis_at *at, struct yt_err *err)
{
	struct yt_str log_id;
	int64_t version = 0;
	redisReply *reply;

	memset(at, 0, sizeof *at);
	yt_arena_reset(&r->arena);
	reply = yt_redis_command(&r->link, err, 5,
	                         (struct yt_str[]){ YT_S("HMGET"), key_of(&r->arena, r, shard, YT_S("at")), YT_S("log_id"),
	                                            YT_S("version"), YT_S("time") });
	if (!reply)
		return -1;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3) {
		log_id = yt_redis_str(reply->element[0]);
		if (log_id.n && log_id.n < sizeof at->log_id &&
		    yt_parse_int(yt_redis_str(reply->element[1]), 0, INT64_MAX, &version)) {
			memcpy(at->log_id, log_id.p, log_id.n);
			at->version = (uint64_t)version;
			yt_parse_int(yt_redis_str(reply->element[2]), 0, INT64_MAX, &at->time_ms);
		}
	}
	freeReplyObject(reply);
	return 0;
}

/* ---- Reading hashes: HGETALL and PEXPIRETIME of each key in one pipeline */

static void ask_hash(struct yt_buf *out, struct yt_str key)
{
	yt_resp_array(out, 2);
	yt_resp_bulk(out, YT_S("HGETALL"));
	yt_resp_bulk(out, key);
	yt_resp_array(out, 2);
	yt_resp_bulk(out, YT_S("PEXPIRETIME"));
	yt_resp_bulk(out, key);
}

static void take_fields(struct yt_arena *a, const redisReply *r, struct yt_view_hash *h)
{
	struct yt_str *fields;

	if (r->type == REDIS_REPLY_ERROR) {
		fields = yt_arena_alloc(a, 2 * sizeof *fields);
		fields[0] = YT_S("?");
		fields[1] = YT_S("not a hash");
		h->fields = fields;
		h->n = 1;
		return;
	}
	fields = yt_arena_alloc(a, (r->elements + 1) * sizeof *fields);
	for (size_t i = 0; i < r->elements; i++)
		fields[i] = yt_arena_dup(a, yt_redis_str(r->element[i]));
	h->fields = fields;
	h->n = r->elements / 2;
}

/* The two answers to ask_hash. */
static int take_hash(struct yt_redis *r, struct yt_arena *a, struct yt_view_hash *h, struct yt_err *err)
{
	redisReply *fields = yt_redis_reply(&r->link, err), *expires = fields ? yt_redis_reply(&r->link, err) : NULL;
	int rc = -1;

	h->expires_at_ms = YT_NEVER;
	if (expires) {
		rc = 0;
		if (fields->type == REDIS_REPLY_ERROR && !yt_str_starts(yt_redis_str(fields), YT_S("WRONGTYPE")))
			rc = yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "HGETALL: %.300s", fields->str);
		take_fields(a, fields, h);
		if (expires->type == REDIS_REPLY_INTEGER && expires->integer >= 0)
			h->expires_at_ms = expires->integer;
	}
	if (fields)
		freeReplyObject(fields);
	if (expires)
		freeReplyObject(expires);
	return rc;
}

int yt_redis_get(struct yt_redis *r, struct yt_arena *a, int shard, struct yt_str suffix, struct yt_view_hash *hash,
                 struct yt_err *err)
{
	struct yt_buf out;
	int rc;

	*hash = (struct yt_view_hash){ .suffix = suffix, .expires_at_ms = YT_NEVER };
	yt_buf_init(&out, a);
	ask_hash(&out, key_of(a, r, shard, suffix));
	rc = yt_redis_send(&r->link, yt_buf_str(&out), err);
	return rc == 0 ? take_hash(r, a, hash, err) : -1;
}

static int hand_page(struct yt_redis *r, const redisReply *keys, int shard, yt_redis_hash_fn *fn, void *ctx, struct yt_err *err)
{
	struct found {
		int shard;
		struct yt_view_hash hash;
	} *found = yt_arena_alloc(&r->arena, (keys->elements + 1) * sizeof *found);
	struct yt_buf out;
	size_t n = 0;

	yt_buf_init(&out, &r->arena);
	for (size_t i = 0; i < keys->elements; i++) {
		struct yt_str key = yt_redis_str(keys->element[i]);
		struct found *f = &found[n];

		if (!yt_redis_split_key(r->conf.prefix, key, &f->shard, &f->hash.suffix) || (shard >= 0 && f->shard != shard) ||
		    yt_str_eq(f->hash.suffix, YT_S("at")))
			continue;
		ask_hash(&out, key);
		n++;
	}
	if (n && yt_redis_send(&r->link, yt_buf_str(&out), err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (take_hash(r, &r->arena, &found[i].hash, err) != 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		if (found[i].hash.n) /* else it went between the two */
			fn(ctx, found[i].shard, &found[i].hash);
	return 0;
}

int yt_redis_each(struct yt_redis *r, int shard, yt_redis_hash_fn *fn, void *ctx, struct yt_err *err)
{
	char cursor[24] = "0", pattern[128], count[16];
	int rc;

	if (shard < 0)
		snprintf(pattern, sizeof pattern, "%s:{*}:*", r->conf.prefix);
	else
		snprintf(pattern, sizeof pattern, "%s:{%d}:*", r->conf.prefix, shard);
	snprintf(count, sizeof count, "%d", SCAN_COUNT);
	do {
		redisReply *reply = YT_REDIS_COMMAND(&r->link, err, "SCAN", cursor, "MATCH", pattern, "COUNT", count);

		if (!reply)
			return -1;
		if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
			freeReplyObject(reply);
			return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "SCAN: unexpected answer");
		}
		snprintf(cursor, sizeof cursor, "%.*s", YT_FMT(yt_redis_str(reply->element[0])));
		yt_arena_reset(&r->arena);
		rc = hand_page(r, reply->element[1], shard, fn, ctx, err);
		freeReplyObject(reply);
	} while (rc == 0 && strcmp(cursor, "0") != 0);
	return rc;
}

int yt_redis_forget(struct yt_redis *r, int shard, struct yt_err *err)
{
	redisReply *reply;

	yt_arena_reset(&r->arena);
	reply = yt_redis_command(&r->link, err, 2, (struct yt_str[]){ YT_S("DEL"), key_of(&r->arena, r, shard, YT_S("at")) });
	if (!reply)
		return -1;
	freeReplyObject(reply);
	return 0;
}
