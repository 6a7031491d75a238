/* The intake: the listener for webhooks, and the records that they become on their way into Kafka. On the libevent loop of its caller; a request is
 * answered when Kafka has acknowledged all of it. */
#ifndef YT_APP_INTAKE_H
#define YT_APP_INTAKE_H

#include "yutang/app/conf.h"
#include "yutang/io/http.h"
#include "yutang/io/metrics.h"

enum {
	YT_INTAKE_KAFKA_MS = 4000,          /* a record is in by then, or its request is answered 503: the strictest sender waits 5 s */
	YT_INTAKE_ANSWER_MS = 4500,         /* the same, should the library be late with its report */
	YT_INTAKE_BYTES_MAX = 32 << 20,     /* records on their way, of all shops: more is 503 */
	YT_INTAKE_SHOP_BYTES_MAX = 8 << 20, /* of one shop, so that one that floods leaves room for others */
	YT_INTAKE_HELD_MAX = 32 << 20,      /* bytes of requests that are being read: more is 503 */
	YT_INTAKE_CONNECTIONS_MAX = 1024,
	YT_INTAKE_WAIT_MS = 2000,           /* a start takes a fraction of it; who connects meanwhile should see no error */
	YT_INTAKE_RECORD_BYTES = 300,       /* what a record costs beside its key and value */
};

struct yt_intake;

/* Both must outlive it. fd: a socket that listens already, or 0. Who connects waits for the feed, and after YT_INTAKE_WAIT_MS without one is answered
 * 503. NULL and err as of yt_http_new. */
struct yt_intake *yt_intake_new(struct event_base *base, const struct yt_conf *conf, int fd, struct yt_err *err);
/* From now on the shops are those of conf, all of them; what it counted of a shop goes on. conf outlives it, or the next call. */
void yt_intake_take_shops(struct yt_intake *in, const struct yt_conf *conf);
/* Asks Kafka for the topics; blocks, on any thread. The feed is given to yt_intake_begin, on the loop's. */
struct yt_kafka_feed *yt_intake_feed_new(const struct yt_conf *conf, const struct yt_kafka_conf *kafka, struct yt_err *err);
void yt_intake_begin(struct yt_intake *in, struct yt_kafka_feed *feed);
/* Takes no further connection; what was taken is answered. */
void yt_intake_drain(struct yt_intake *in);
bool yt_intake_drained(const struct yt_intake *in);
void yt_intake_free(struct yt_intake *in);
int yt_intake_port(const struct yt_intake *in);
void yt_intake_stats(struct yt_intake *in, struct yt_arena *a, struct yt_intake_stats *out);
/* `[{"shop","platform","last_at","last","why","accepted",..}]` of what has come since the start. */
void yt_intake_status(const struct yt_intake *in, struct yt_buf *out);

#endif
