/* What the daemon answers over HTTP. */
#include <stdio.h>

#include "member.h"
#include "yutang/app/daemon.h"
#include "yutang/base/hash.h"
#include "yutang/base/json.h"

bool yt_daemon_ready(struct yt_daemon *d, char why[160])
{
	char text[128] = "";

	if (!d->started || d->checked.class) {
		snprintf(why, 160, "the topics were not seen yet: Kafka does not answer");
		return false;
	}
	why[0] = '\0';
	if (!d->engine)
		return !d->conf.worker.on;
	if (!yt_kafka_log_connected(d->kafka, text) || !yt_engine_ready(d->engine, text)) {
		snprintf(why, 160, "%s", text);
		return false;
	}
	why[0] = '\0';
	return true;
}

static void healthz(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	(void)ctx;
	(void)req;
	yt_buf_z(&reply->body, "ok\n");
}

static void readyz(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	char why[160];

	(void)req;
	if (yt_daemon_ready(ctx, why)) {
		yt_buf_z(&reply->body, "ready\n");
		return;
	}
	reply->status = 503;
	yt_buf_printf(&reply->body, "%s\n", why);
}

/* The shards of this process; in the request's arena. */
static struct yt_shard_info *shards_of(struct yt_daemon *d, struct yt_arena *a, size_t *n)
{
	struct yt_shard_info *v = yt_arena_alloc(a, (size_t)d->engine_conf.partitions * sizeof *v);

	if (d->engine)
		yt_engine_want_ends(d->engine);
	*n = d->engine ? yt_engine_shards(d->engine, v, (size_t)d->engine_conf.partitions) : 0;
	return v;
}

static void metrics(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	static const struct yt_engine_stats none;
	struct yt_daemon *d = ctx;
	struct yt_kafka_stats kafka = { .away = true };
	struct yt_redis_stats redis;
	struct yt_http_stats http;
	struct yt_intake_stats intake;
	char why[160];
	struct yt_metrics_in in = { .version = YT_VERSION,
		                    .librdkafka = yt_kafka_version(),
		                    .ready = yt_daemon_ready(d, why),
		                    .rules = d->rules,
		                    .reloads = d->reloads,
		                    .engine = d->engine ? yt_engine_stats(d->engine) : d->conf.worker.on ? &none : NULL,
		                    .topics = d->engine_conf.topics,
		                    .n_inputs = d->engine_conf.n_inputs,
		                    .kafka = d->conf.worker.on ? &kafka : NULL,
		                    .commit = d->conf.worker.on ? &d->commit : NULL,
		                    .http = &http };

	in.shards = shards_of(d, req->arena, &in.n_shards);
	if (d->kafka) {
		yt_kafka_log_stats(d->kafka, &kafka);
		in.kafka_connected = yt_kafka_log_connected(d->kafka, NULL);
	}
	if (d->redis) {
		yt_redis_view_stats(d->redis, &redis);
		in.redis = &redis;
	}
	yt_http_stats(d->http, &http);
	if (d->intake) {
		yt_intake_stats(d->intake, req->arena, &intake);
		in.intake = &intake;
	}
	reply->type = YT_METRICS_TYPE;
	yt_metrics_render(&in, &reply->body);
}

static void add_text(struct yt_buf *b, const char *name, const char *value)
{
	yt_buf_printf(b, "\"%s\":", name);
	yt_json_add_text(b, yt_str_z(value));
}

static void add_shard(struct yt_buf *b, const struct yt_daemon *d, const struct yt_shard_info *s)
{
	yt_buf_printf(b, "{\"shard\":%d,\"state\":\"%s\",\"version\":%llu,\"view_version\":%llu,\"now\":%lld,\"rules_revision\":%lld,\"queued\":%lld,\"timers\":%zu,"
	                 "\"entities\":%zu,\"view_lag_ms\":%lld,\"inputs\":[",
	              s->shard, s->state, (unsigned long long)s->version, (unsigned long long)s->view_version, (long long)s->now_ms,
	              (long long)s->rules_revision, (long long)s->queued, s->timers, s->entities, (long long)s->view_lag_ms);
	for (int i = 0; i < d->engine_conf.n_inputs; i++)
		yt_buf_printf(b, "%s{\"topic\":\"%.*s\",\"next\":%lld,\"end\":%lld}", i ? "," : "", YT_FMT(d->engine_conf.topics[i]),
		              (long long)s->next[i], (long long)s->end[i]);
	yt_buf_z(b, "]}");
}

static void status(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	static const char *const redis_states[] = { "away", "connected", "refused" };
	struct yt_daemon *d = ctx;
	struct yt_buf *b = &reply->body;
	uint64_t outputs = 0, dead = 0;
	char why[160];
	size_t n;
	struct yt_shard_info *shards = shards_of(d, req->arena, &n);
	bool ready = yt_daemon_ready(d, why);

	reply->type = "application/json";
	yt_buf_c(b, '{');
	add_text(b, "version", YT_VERSION);
	yt_buf_c(b, ',');
	add_text(b, "instance", d->conf.worker.instance);
	yt_buf_printf(b, ",\"ready\":%s,", ready ? "true" : "false");
	add_text(b, "why", why);
	yt_buf_printf(b, ",\"clock\":\"%s\",", d->engine_conf.clock == YT_CLOCK_EVENT ? "event" : "wall");
	yt_buf_printf(b, "\"rules\":\"%.*s\",\"rules_digest\":\"%016llx\",\"shards\":[", d->rules ? (int)d->rules->tag.n : 0,
	              d->rules ? d->rules->tag.p : "", d->rules ? (unsigned long long)d->rules->digest : 0);
	for (size_t i = 0; i < n; i++) {
		if (i)
			yt_buf_c(b, ',');
		add_shard(b, d, &shards[i]);
	}
	if (d->engine) {
		const struct yt_engine_stats *st = yt_engine_stats(d->engine);

		for (int i = 0; i < YT_OUT_TYPE__COUNT; i++)
			outputs += st->outputs[i];
		for (int i = 0; i < YT_DEAD__COUNT; i++)
			dead += st->dead[i];
		yt_buf_printf(b, "],\"events\":%llu", (unsigned long long)st->records);
	} else {
		yt_buf_z(b, "],\"events\":0");
	}
	yt_buf_printf(b, ",\"outputs\":%llu,\"dead_letters\":%llu,", (unsigned long long)outputs, (unsigned long long)dead);
	struct yt_kafka_stats k = { .away = true };

	if (d->kafka)
		yt_kafka_log_stats(d->kafka, &k);
	yt_buf_printf(b, "\"kafka\":{\"connected\":%s,\"away\":%s},\"redis\":", d->kafka && yt_kafka_log_connected(d->kafka, NULL) ? "true" : "false",
	              k.away ? "true" : "false");
	struct yt_buf intake;

	yt_buf_init(&intake, req->arena);
	if (d->intake)
		yt_intake_status(d->intake, &intake);
	if (d->redis) {
		struct yt_redis_stats r;

		yt_redis_view_stats(d->redis, &r);
		yt_buf_printf(b, "{\"state\":\"%s\",", redis_states[r.state]);
		add_text(b, "why", r.state == YT_REDIS_CONNECTED ? "" : r.why);
		yt_buf_c(b, '}');
	} else {
		yt_buf_z(b, "{\"state\":\"off\",\"why\":\"no [redis] section\"}");
	}
	yt_buf_printf(b, ",\"intake\":%.*s}\n", YT_FMT(intake.n ? yt_buf_str(&intake) : YT_S("null")));
}

static void no_member(struct yt_http_reply *reply, int status, const char *why)
{
	reply->status = status;
	yt_buf_clear(&reply->body);
	yt_buf_printf(&reply->body, "{\"error\":\"%s\"}\n", why);
}

/* The version and the clock of a shard that this process has, as it was committed. */
static bool shard_at(struct yt_daemon *d, struct yt_arena *a, struct yt_member_view *m)
{
	size_t n;
	const struct yt_shard_info *shards = shards_of(d, a, &n);

	for (size_t i = 0; i < n; i++)
		if (shards[i].shard == m->shard) {
			m->version = shards[i].version;
			m->time_ms = shards[i].now_ms;
			return true;
		}
	return false;
}

/* /v1/shops/<shop>/members/<id>: what the view has, from memory. */
static void member(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	struct yt_view_hash hashes[YT_VIEW_HASHES_MAX];
	struct yt_str rest = req->rest, name;
	const char *slash = memchr(rest.p, '/', rest.n);
	struct yt_member_view m = { 0 };
	struct yt_daemon *d = ctx;
	struct yt_err err;
	const void *obj;

	reply->type = "application/json";
	m.shop = yt_str(rest.p, slash ? (size_t)(slash - rest.p) : 0);
	m.id = slash ? yt_str(slash + 1, rest.n - m.shop.n - 1) : m.shop;
	if (!yt_str_starts(m.id, YT_S("members/"))) {
		no_member(reply, 404, "there is nothing here");
		return;
	}
	m.id = yt_str(m.id.p + 8, m.id.n - 8);
	name = yt_arena_printf(req->arena, "%.*s/%.*s", YT_FMT(m.shop), YT_FMT(m.id));
	m.shard = yt_partition(name, d->engine_conf.partitions);
	if (!shard_at(d, req->arena, &m)) {
		no_member(reply, 404, "its shard is not with this process");
		return;
	}
	obj = yt_engine_peek(d->engine, req->arena, YT_KIND_MEMBER, name);
	if (!obj) {
		no_member(reply, 404, "no such member");
		return;
	}
	yt_view_render(req->arena, YT_KIND_MEMBER, name, obj, false, hashes);
	m.facts = hashes[0];
	m.wallet = hashes[1];
	if (yt_member_json(req->arena, &m, &reply->body, &err) < 0)
		no_member(reply, 500, "its wallet cannot be shown");
}

static const struct yt_http_route table[] = { { "/healthz", true, healthz, NULL },
	                                      { "/readyz", true, readyz, NULL },
	                                      { "/metrics", false, metrics, NULL },
	                                      { "/v1/status", false, status, NULL },
	                                      { "/v1/shops/", false, member, NULL } };
const size_t yt_daemon_n_routes = sizeof table / sizeof *table;

void yt_daemon_routes(struct yt_daemon *d, struct yt_http_route *out)
{
	for (size_t i = 0; i < yt_daemon_n_routes; i++) {
		out[i] = table[i];
		out[i].ctx = d;
	}
}
