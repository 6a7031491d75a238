/* Redis: the view port on a thread of its own, and a synchronous connection for `verify`, `member` and `report`.
 * Keys and fields: docs/redis.md. Whoever uses this ignores SIGPIPE. */
#ifndef YT_IO_REDIS_H
#define YT_IO_REDIS_H

#include "yutang/base/err.h"
#include "yutang/core/view.h"
#include "yutang/engine/view.h"

enum {
	YT_REDIS_CONNECT_MS = 1000,           /* limit of a connect */
	YT_REDIS_COMMAND_MS = 5000,           /* limit of one answer; after it the connection is given up */
	YT_REDIS_BACKOFF_MS_MIN = 50,         /* between attempts to connect, doubled up to the next */
	YT_REDIS_BACKOFF_MS_MAX = 1000,
	YT_REDIS_CALL_BYTES_MAX = 192 * 1024, /* one call and one pipeline; hiredis copies unsent output about (DESIGN 8) */
	YT_REDIS_URL_BYTES_MAX = 512,
	YT_REDIS_SECRET_BYTES_MAX = 4096,     /* a password file */
};

/* Texts are borrowed and outlive whatever is made with them. */
struct yt_redis_conf {
	const char *url;           /* redis://[user[:password]@]host[:port][/db], unix:///path[?db=N], rediss:// where hiredis has TLS */
	const char *password_file; /* NULL: none; read at each connect, so that a password can be changed */
	const char *prefix;        /* of the keys, `yt` */
	bool orders;               /* orders in the view too */
};

/* The parts of a URL, each a C string. */
struct yt_redis_url {
	bool tls, unix_socket;
	char host[YT_REDIS_URL_BYTES_MAX]; /* or the path of the socket */
	int port;
	int db;
	char user[YT_REDIS_URL_BYTES_MAX], password[YT_REDIS_URL_BYTES_MAX]; /* empty: none */
};
/* -1 and err (INPUT) where it is none, or of a kind that this build does not have. Never shows the password. */
int yt_redis_url_parse(const char *url, struct yt_redis_url *out, struct yt_err *err);
/* The URL without user and password, for logs. */
void yt_redis_url_show(const struct yt_redis_url *u, char *out, size_t cap);

/* ---- The view port */

struct yt_redis_view;

enum yt_redis_state {
	YT_REDIS_AWAY,      /* no answer; tried again */
	YT_REDIS_CONNECTED,
	YT_REDIS_REFUSED    /* it answers, and must not be used as it is set up; tried again, a person must look */
};

struct yt_redis_stats {
	enum yt_redis_state state;
	char why[192];       /* with AWAY and REFUSED: what a person reads */
	uint64_t calls;      /* function calls that Redis answered */
	uint64_t errors;     /* answers that were errors, and connections lost */
	uint64_t connects;   /* successful ones */
	uint64_t hashes;     /* hashes written or removed by jobs */
	uint64_t bytes;      /* sent with jobs */
	uint64_t swept;      /* keys removed by sweeps */
	uint64_t loads;      /* of the function library */
	uint64_t sweeps;     /* shards swept to the end */
	size_t waiting;      /* where, apply and reset that have no answer yet */
};

/* Starts the thread; connects by itself and keeps trying. NULL and err where the configuration is unusable. */
struct yt_redis_view *yt_redis_view_new(const struct yt_redis_conf *conf, struct yt_err *err);
/* Who gets the answers. Before the first call of the port. */
void yt_redis_view_bind(struct yt_redis_view *v, const struct yt_view_up *up, void *up_ctx);
struct yt_view *yt_redis_view_port(struct yt_redis_view *v);
/* Readable when poll() has something to hand up. */
int yt_redis_view_fd(const struct yt_redis_view *v);
void yt_redis_view_stats(struct yt_redis_view *v, struct yt_redis_stats *out);
/* Ends the thread at once, also while it waits for Redis. Jobs that were not answered come back as YT_VIEW_AWAY from within this
 * call, so the engine must still be there; nothing else is called. */
void yt_redis_view_free(struct yt_redis_view *v);

/* ---- Synchronous, for commands */

struct yt_redis;

struct yt_redis_at {
	char log_id[33]; /* empty: Redis knows nothing of the shard */
	uint64_t version;
	int64_t time_ms;
};

/* One hash as it lies in Redis; expires_at_ms YT_NEVER: does not expire. */
typedef void yt_redis_hash_fn(void *ctx, int shard, const struct yt_view_hash *hash);

/* NULL and err (TRANSIENT where Redis is away, FATAL where it is not to be used). */
struct yt_redis *yt_redis_open(const struct yt_redis_conf *conf, struct yt_err *err);
void yt_redis_close(struct yt_redis *r);
/* All of these: 0, or -1 and err. */
int yt_redis_where(struct yt_redis *r, int shard, struct yt_redis_at *at, struct yt_err *err);
/* Every hash of the shard (of all shards: -1) but `at`, in no order, each at least once; the texts live during the call of fn. A
 * key of another type comes as a hash with the one field `?`. */
int yt_redis_each(struct yt_redis *r, int shard, yt_redis_hash_fn *fn, void *ctx, struct yt_err *err);
/* One hash into the arena; n == 0: absent. */
int yt_redis_get(struct yt_redis *r, struct yt_arena *a, int shard, struct yt_str suffix, struct yt_view_hash *hash,
                 struct yt_err *err);
/* Removes `at` of the shard: its owner then builds the view of it anew. For `verify --repair`. */
int yt_redis_forget(struct yt_redis *r, int shard, struct yt_err *err);

/* The name of the function library, with its version. */
extern const char yt_redis_library[];

#endif
