/* What the view and the synchronous connection share: connecting, calling, the function library. For src/io only. */
#ifndef YT_SRC_IO_REDIS_CONN_H
#define YT_SRC_IO_REDIS_CONN_H

#include <hiredis/hiredis.h>
#include <stdatomic.h>

#include "yutang/base/buf.h"
#include "yutang/io/redis.h"

/* src/io/redis_library.c: the text of the functions. Its name carries a version, and so do theirs. */
extern const char yt_redis_library_text[];

struct yt_redis_link {
	redisContext *c;
	char run_id[64]; /* of the server's process; empty where INFO is forbidden */
};

/* Connects, authenticates, selects the database, and refuses a Redis that may drop keys or has no functions: err is TRANSIENT where it is
 * away, FATAL where a person must look. fd (may be NULL) gets the socket as soon as there is one, so that another thread can shut it down. */
int yt_redis_connect(struct yt_redis_link *l, const struct yt_redis_conf *conf, const struct yt_redis_url *url, _Atomic int *fd,
                     struct yt_err *err);
void yt_redis_disconnect(struct yt_redis_link *l);

/* Sends what is RESP already, and takes one answer after the other. NULL and err (TRANSIENT) where the connection is lost; an answer that is an
 * error is an answer. Replies are freed by the caller. */
int yt_redis_send(struct yt_redis_link *l, struct yt_str resp, struct yt_err *err);
redisReply *yt_redis_reply(struct yt_redis_link *l, struct yt_err *err);
/* One command of n texts and its answer. An answer that is an error: NULL and err. */
redisReply *yt_redis_command(struct yt_redis_link *l, struct yt_err *err, size_t n, const struct yt_str *args);
#define YT_REDIS_COMMAND(l, err, ...)                                                                             \
	yt_redis_command(l, err, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *),                         \
	                 yt_redis_texts((struct yt_str[16]){ { 0 } }, (const char *[]){ __VA_ARGS__ },             \
	                                sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)))
const struct yt_str *yt_redis_texts(struct yt_str out[16], const char *const *texts, size_t n);

int yt_redis_load_library(struct yt_redis_link *l, struct yt_err *err);

/* Splits `<prefix>:{<shard>}:<suffix>`; false where the key is none of ours. */
bool yt_redis_split_key(const char *prefix, struct yt_str key, int *shard, struct yt_str *suffix);

/* src/io/redis_pack.c: n fields (name, value, name, value ..; n > 0, no name twice) as the text that RESTORE takes. */
void yt_redis_pack_hash(struct yt_buf *b, const struct yt_str *fields, size_t n);
uint64_t yt_redis_crc64(struct yt_str s); /* CRC-64/Jones from 0, as Redis has it */

void yt_resp_array(struct yt_buf *b, size_t n);
void yt_resp_bulk(struct yt_buf *b, struct yt_str s);
void yt_resp_u64(struct yt_buf *b, uint64_t v);

static inline struct yt_str yt_redis_str(const redisReply *r)
{
	return r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS || r->type == REDIS_REPLY_ERROR)
	               ? yt_str(r->str, (size_t)r->len)
	               : (struct yt_str){ 0 };
}

#endif
