/* The Prometheus text of /metrics, rendered from a table when somebody asks. docs/metrics.md lists the same table. */
#ifndef YT_IO_METRICS_H
#define YT_IO_METRICS_H

#include <stdatomic.h>

#include "yutang/base/buf.h"
#include "yutang/engine/engine.h"
#include "yutang/intake/intake.h"
#include "yutang/io/http.h"
#include "yutang/io/kafka.h"
#include "yutang/io/redis.h"
#include "yutang/io/spool.h"

#define YT_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum { YT_HISTOGRAM_BUCKETS = 14 };

/* Seconds by bucket, the bounds of yt_histogram_bounds. Any thread may add; zeroed memory is an empty one. */
struct yt_histogram {
	_Atomic uint64_t buckets[YT_HISTOGRAM_BUCKETS + 1]; /* the last one: above every bound */
	_Atomic uint64_t sum_us;
};
extern const double yt_histogram_bounds[YT_HISTOGRAM_BUCKETS]; /* seconds */
void yt_histogram_add(struct yt_histogram *h, int64_t us);

/* What became of a SIGHUP. */
enum yt_reload {
	YT_RELOAD_TAKEN,
	YT_RELOAD_UNCHANGED, /* the file has the bytes in use */
	YT_RELOAD_REFUSED,   /* its revision must not follow the one in use */
	YT_RELOAD_INVALID,   /* it has errors */
	YT_RELOAD__COUNT
};

/* What became of a request to the intake: the takes, or that it could not be had now. */
enum yt_intake_result {
#define X(sym, name) YT_INTAKE_##sym,
	YT_TAKES(X)
#undef X
		YT_INTAKE_UNAVAILABLE, /* 503 */
	YT_INTAKE_RESULT__COUNT
};
const char *yt_intake_result_name(enum yt_intake_result r);

struct yt_intake_sender {
	struct yt_str shop, platform; /* shop empty: any that is unknown */
	const uint64_t *results;      /* by enum yt_intake_result */
};

struct yt_intake_stats {
	const struct yt_intake_sender *senders;
	size_t n_senders;
	size_t bytes; /* of records on their way */
	const struct yt_histogram *answer;
	const struct yt_spool_stats *spool; /* NULL: none */
	uint64_t spooled; /* webhooks that went there since the start */
	struct yt_http_stats http;
};

/* What there is to tell. A part that is NULL is off, and its metrics are left out. */
struct yt_metrics_in {
	const char *version;     /* of the daemon */
	const char *librdkafka;  /* as loaded */
	bool ready;
	const struct yt_ruleset *rules; /* the set in use */
	const uint64_t *reloads;        /* by enum yt_reload; with rules */
	const struct yt_engine_stats *engine;
	const struct yt_shard_info *shards;
	size_t n_shards;
	const struct yt_str *topics; /* full names, n_inputs of them */
	int n_inputs;
	const struct yt_kafka_stats *kafka;
	bool kafka_connected;
	const struct yt_histogram *commit;
	const struct yt_redis_stats *redis;
	const struct yt_http_stats *http;
	const struct yt_intake_stats *intake;
};

struct yt_metric {
	const char *name, *type;   /* type: counter, gauge, histogram */
	const char *labels;        /* `type,result`; empty: none */
	const char *help;          /* one line */
	void (*render)(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out);
};
extern const struct yt_metric yt_metrics[];
extern const size_t yt_n_metrics;

void yt_metrics_render(const struct yt_metrics_in *in, struct yt_buf *out);

#endif
