/* What `yutang run` wires together. */
#ifndef YT_APP_DAEMON_H
#define YT_APP_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "yutang/app/cmd.h"
#include "yutang/app/crash.h"
#include "yutang/app/intake.h"
#include "yutang/io/http.h"
#include "yutang/io/metrics.h"
#include "yutang/io/notify.h"
#include "yutang/io/redis.h"

struct event;
struct event_base;
struct yt_rules_set;

struct yt_daemon {
	struct yt_conf conf;
	struct yt_kafka_conf kafka_conf;
	struct yt_redis_conf redis_conf;
	struct yt_engine_conf engine_conf;
	struct yt_arena arena; /* topic names */
	const struct yt_ruleset *rules; /* NULL without [worker]; the newest set; the engine may still end a batch with the one before */
	struct yt_rules_set *sets;      /* what is in memory, the newest first */
	uint64_t reloads[YT_RELOAD__COUNT];
	struct yt_conf *shops; /* the configuration whose shops the intake has; NULL: conf */
	bool reload_wanted; /* SIGHUP, once or often */
	unsigned char code_key[YT_CODE_KEY_BYTES];
	bool once, watch;
	struct yt_crash_file crash; /* empty without `dir` */

	struct event_base *base;
	struct event *wake; /* the timer of the next turn */
	struct yt_engine *engine;    /* NULL until the topics were checked, and without [worker] */
	struct yt_kafka_log *kafka;  /* likewise */
	struct yt_intake *intake;    /* NULL: no [intake] */
	struct yt_redis_view *redis; /* NULL: no [redis] */
	struct yt_http *http;        /* NULL: no [http] */
	struct yt_notify notify;
	struct yt_histogram commit;
	uint64_t commits_seen;

	int checked_fd;               /* the thread that checks the topics writes here */
	struct yt_err checked;        /* its finding */
	struct yt_kafka_feed *feed;   /* made by it for the intake */
	_Atomic bool check_done;
	_Atomic uint64_t turns;       /* progress of the loop */
	pthread_mutex_t watched_lock;
	const struct yt_kafka_log *watched; /* kafka, while it may be asked for the progress of its commits */

	int signals;       /* SIGTERM and SIGINT so far */
	int64_t drain_by_ms; /* monotonic; nothing is waited for after it */
	bool started; /* what the topics had to be seen for */
	bool ended;
	int exit_code;
	int64_t notified_ms, flushed_ms;
	bool was_ready;
	struct yt_arena scratch;
};

/* src/app/serve.c: the routes of [http]; ctx is the daemon. */
extern const size_t yt_daemon_n_routes;
void yt_daemon_routes(struct yt_daemon *d, struct yt_http_route *out); /* yt_daemon_n_routes of them */
bool yt_daemon_ready(struct yt_daemon *d, char why[160]);

/* src/app/reload.c. Loop's thread. */
bool yt_daemon_load_rules(struct yt_daemon *d, struct yt_problems *p); /* at start; false: p tells why */
void yt_daemon_reload(struct yt_daemon *d);
void yt_daemon_rules_done(void *ctx, const struct yt_ruleset *rules); /* a yt_engine_up.on_rules_done; ctx is the daemon */

/* src/app/watch.c: one line on stdout for a person. */
void yt_watch_output(struct yt_arena *scratch, const struct yt_output *out);

#endif
