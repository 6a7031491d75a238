#include "yutang/io/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A transaction takes 5 to 15 ms, one that met trouble up to 20 s (DESIGN 8). */
const double yt_histogram_bounds[YT_HISTOGRAM_BUCKETS] = { 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20 };

void yt_histogram_add(struct yt_histogram *h, int64_t us)
{
	int i = 0;

	if (us < 0)
		us = 0;
	while (i < YT_HISTOGRAM_BUCKETS && (double)us > yt_histogram_bounds[i] * 1e6)
		i++;
	atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, (uint64_t)us, memory_order_relaxed);
}

/* ---- Samples */

static void label_text(struct yt_buf *out, struct yt_str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' || s.p[i] == '"')
			yt_buf_c(out, '\\');
		if (s.p[i] == '\n')
			yt_buf_z(out, "\\n");
		else
			yt_buf_c(out, s.p[i]);
	}
}

static void one(const struct yt_metric *m, struct yt_buf *out, uint64_t v)
{
	yt_buf_printf(out, "%s %" PRIu64 "\n", m->name, v);
}

static void seconds(const struct yt_metric *m, struct yt_buf *out, int64_t ms)
{
	yt_buf_printf(out, "%s %" PRId64 ".%03d\n", m->name, ms / 1000, (int)(ms % 1000));
}

/* A sample with one label, whose name is that of the table. */
static void labelled(const struct yt_metric *m, struct yt_buf *out, struct yt_str value, uint64_t v)
{
	yt_buf_printf(out, "%s{%s=\"", m->name, m->labels);
	label_text(out, value);
	yt_buf_printf(out, "\"} %" PRIu64 "\n", v);
}

/* Sums over the shards. */
#define SHARD_SUM(fn, field)                                                                                      \
	static void fn(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)             \
	{                                                                                                         \
		uint64_t sum = 0;                                                                                 \
                                                                                                                  \
		for (size_t i = 0; i < in->n_shards; i++)                                                         \
			sum += (uint64_t)in->shards[i].field;                                                     \
		if (in->engine)                                                                                   \
			one(m, out, sum);                                                                         \
	}
SHARD_SUM(shard_timers, timers)
SHARD_SUM(shard_entities, entities)
SHARD_SUM(shard_queued, queued)

/* A number of a part, left out where the part is off. */
#define NUMBER(fn, part, field)                                                                                   \
	static void fn(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)             \
	{                                                                                                         \
		if (in->part)                                                                                     \
			one(m, out, (uint64_t)in->part->field);                                                   \
	}
NUMBER(records, engine, records)
NUMBER(forwarded, engine, forwarded)
NUMBER(internal, engine, sent)
NUMBER(passed_over, engine, passed_over)
NUMBER(timers_fired, engine, timers)
NUMBER(batches, engine, batches)
NUMBER(restored_shards, engine, restored_shards)
NUMBER(restored_records, engine, restored_records)
NUMBER(reused_shards, engine, reused_shards)
NUMBER(view_jobs, engine, view_jobs)
NUMBER(view_stale, engine, view_stale)
NUMBER(view_resets, engine, view_resets)
NUMBER(remade, kafka, remade)
NUMBER(fenced, kafka, fenced)
NUMBER(rejoined, kafka, rejoined)
NUMBER(redis_calls, redis, calls)
NUMBER(redis_errors, redis, errors)
NUMBER(redis_connects, redis, connects)
NUMBER(redis_hashes, redis, hashes)
NUMBER(redis_bytes, redis, bytes)
NUMBER(redis_swept, redis, swept)
NUMBER(redis_waiting, redis, waiting)
NUMBER(http_requests, http, requests)
NUMBER(http_refused, http, refused)
NUMBER(http_expired, http, expired)
NUMBER(http_connections, http, connections)

static void build_info(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	yt_buf_printf(out, "%s{version=\"", m->name);
	label_text(out, yt_str_z(in->version));
	yt_buf_z(out, "\",librdkafka=\"");
	label_text(out, yt_str_z(in->librdkafka));
	yt_buf_z(out, "\"} 1\n");
}

static void ready(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	one(m, out, in->ready);
}

static void rules_revision(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	if (in->rules)
		one(m, out, (uint64_t)in->rules->revision);
}

static void rules_reloads(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	static const char *const results[] = { [YT_RELOAD_TAKEN] = "taken",
		                               [YT_RELOAD_UNCHANGED] = "unchanged",
		                               [YT_RELOAD_REFUSED] = "refused",
		                               [YT_RELOAD_INVALID] = "invalid" };

	for (int r = 0; in->rules && r < YT_RELOAD__COUNT; r++)
		labelled(m, out, yt_str_z(results[r]), in->reloads[r]);
}

static void events(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	static const char *const results[] = {
		[YT_APPLIED] = "applied", [YT_DUPLICATE] = "duplicate", [YT_CONFLICT] = "conflict", [YT_DEAD] = "dead",
		[YT_PARKED] = "parked",   [YT_ERASED] = "erased"
	};

	for (int t = 0; in->engine && t < YT_TYPE__COUNT; t++)
		for (size_t r = 0; r < COUNT(results); r++)
			yt_buf_printf(out, "%s{type=\"%.*s\",result=\"%s\"} %" PRIu64 "\n", m->name, YT_FMT(yt_types[t].name), results[r],
			              in->engine->events[t][r]);
}

static void dead_letters(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	for (int r = YT_DEAD_NONE + 1; in->engine && r < YT_DEAD__COUNT; r++)
		labelled(m, out, yt_str_z(yt_dead_name((enum yt_dead)r)), in->engine->dead[r]);
}

static void outputs(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	for (int t = 0; in->engine && t < YT_OUT_TYPE__COUNT; t++)
		labelled(m, out, yt_outs[t].name, in->engine->outputs[t]);
}

static void rule_errors(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	for (size_t r = 0; in->engine && r < in->engine->n_rule_errors; r++) {
		const struct yt_rule_errors *of = in->engine->rule_errors[r];

		for (int k = 0; k < YT_RULE_KEY__COUNT; k++)
			if (of->has[k])
				yt_buf_printf(out, "%s{rule=\"%.*s\",key=\"%s\"} %" PRIu64 "\n", m->name, YT_FMT(of->rule), yt_rule_keys[k], of->n[k]);
	}
}

static void transactions(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	if (!in->kafka)
		return;
	labelled(m, out, YT_S("committed"), in->kafka->committed);
	labelled(m, out, YT_S("aborted"), in->kafka->aborted);
	labelled(m, out, YT_S("lost"), in->kafka->lost);
}

static void histogram(const struct yt_metric *m, struct yt_buf *out, const struct yt_histogram *h)
{
	uint64_t sum_us, n = 0;

	if (!h)
		return;
	for (int i = 0; i < YT_HISTOGRAM_BUCKETS; i++) {
		n += h->buckets[i];
		yt_buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", m->name, yt_histogram_bounds[i], n);
	}
	n += h->buckets[YT_HISTOGRAM_BUCKETS];
	sum_us = h->sum_us;
	yt_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", m->name, n);
	yt_buf_printf(out, "%s_sum %" PRIu64 ".%06d\n", m->name, sum_us / 1000000, (int)(sum_us % 1000000));
	yt_buf_printf(out, "%s_count %" PRIu64 "\n", m->name, n);
}

static void commit_seconds(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	histogram(m, out, in->commit);
}

static void kafka_connected(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	if (in->kafka)
		one(m, out, in->kafka_connected);
}

static void input_lag(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	for (size_t s = 0; s < in->n_shards; s++) {
		for (int i = 0; i < in->n_inputs; i++) {
			int64_t lag = in->shards[s].end[i] - in->shards[s].next[i];

			if (in->shards[s].end[i] < 0 || in->shards[s].next[i] < 0)
				continue;
			yt_buf_printf(out, "%s{topic=\"", m->name);
			label_text(out, in->topics[i]);
			yt_buf_printf(out, "\",partition=\"%d\"} %" PRId64 "\n", in->shards[s].shard, lag > 0 ? lag : 0);
		}
	}
}

static void shards(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	static const char *const states[] = { "opening", "restoring", "ready", "held", "live" };

	for (size_t k = 0; in->engine && k < COUNT(states); k++) {
		uint64_t n = 0;

		for (size_t i = 0; i < in->n_shards; i++)
			n += strcmp(in->shards[i].state, states[k]) == 0;
		labelled(m, out, yt_str_z(states[k]), n);
	}
}

static void timers_held(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	if (in->engine)
		seconds(m, out, in->engine->timers_held_ms);
}

static void view_lag(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	int64_t worst = 0;

	for (size_t i = 0; i < in->n_shards; i++)
		if (in->shards[i].view_lag_ms > worst)
			worst = in->shards[i].view_lag_ms;
	if (in->redis)
		seconds(m, out, worst);
}

static void view_connected(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	if (in->redis)
		one(m, out, in->redis->state == YT_REDIS_CONNECTED);
}

/* ---- The intake */

const char *yt_intake_result_name(enum yt_intake_result r)
{
	return r == YT_INTAKE_UNAVAILABLE ? "unavailable" : yt_take_name((enum yt_take)r);
}

static void intake_requests(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	for (size_t i = 0; in->intake && i < in->intake->n_senders; i++) {
		const struct yt_intake_sender *s = &in->intake->senders[i];

		for (int r = 0; r < YT_INTAKE_RESULT__COUNT; r++)
			yt_buf_printf(out, "%s{shop=\"%.*s\",platform=\"%.*s\",result=\"%s\"} %" PRIu64 "\n", m->name, YT_FMT(s->shop), YT_FMT(s->platform),
			              yt_intake_result_name((enum yt_intake_result)r), s->results[r]);
	}
}

static void intake_answer(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	histogram(m, out, in->intake ? in->intake->answer : NULL);
}

#define INTAKE(fn, value)                                                                             \
	static void fn(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out) \
	{                                                                                             \
		if (in->intake)                                                                       \
			one(m, out, (uint64_t)in->intake->value);                                     \
	}

#define SPOOL(fn, field)                                                                              \
	static void fn(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out) \
	{                                                                                             \
		if (in->intake && in->intake->spool)                                                  \
			one(m, out, (uint64_t)in->intake->field);                                     \
	}

SPOOL(spooled, spooled)
SPOOL(spool_files, spool->files)
SPOOL(spool_bytes, spool->bytes)
INTAKE(intake_bytes, bytes)
INTAKE(intake_held, http.held)
INTAKE(intake_crowded, http.crowded)
INTAKE(intake_refused, http.refused)
INTAKE(intake_expired, http.expired)
INTAKE(intake_connections, http.connections)

static void cpu_seconds(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	struct rusage u;

	(void)in;
	if (getrusage(RUSAGE_SELF, &u) == 0)
		seconds(m, out, (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000);
}

static void resident_memory(const struct yt_metrics_in *in, const struct yt_metric *m, struct yt_buf *out)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size, resident;

	(void)in;
	if (!f)
		return;
	if (fscanf(f, "%lu %lu", &size, &resident) == 2)
		one(m, out, (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE));
	fclose(f);
}

/* ---- The table */

const struct yt_metric yt_metrics[] = {
	{ "yutang_build_info", "gauge", "version,librdkafka", "Always 1; the labels say what runs.", build_info },
	{ "yutang_ready", "gauge", "", "1 while /readyz answers 200.", ready },

	{ "yutang_rules_revision", "gauge", "", "Revision of the rules in use.", rules_revision },
	{ "yutang_rules_reloads_total", "counter", "result",
	  "Times the rules were read again, by what became of it: taken, unchanged, refused, invalid.", rules_reloads },

	{ "yutang_records_total", "counter", "", "Records taken from the input topics and decided.", records },
	{ "yutang_events_total", "counter", "type,result",
	  "Events by input type and by what became of them: applied, duplicate, conflict, dead; parked: it waits for whose order it is; erased: a fact of before a `member.erase`, dropped.", events },
	{ "yutang_dead_letters_total", "counter", "reason", "Records that went to the dead letters, by reason.", dead_letters },
	{ "yutang_outputs_total", "counter", "type", "Output events that were committed, by type.", outputs },
	{ "yutang_rule_errors_total", "counter", "rule,key",
	  "Expressions of rules that could not be evaluated, by rule and by key: when, after, still, param.", rule_errors },
	{ "yutang_internal_events_total", "counter", "", "Internal events decided: what another member's event gave to a member.", internal },
	{ "yutang_forwarded_total", "counter", "", "Records that lay on a partition that is not their shard and were forwarded.", forwarded },
	{ "yutang_passed_over_total", "counter", "", "Times an input was waited for in vain, so that others went before it.", passed_over },
	{ "yutang_queued_records", "gauge", "", "Records fetched and not yet decided.", shard_queued },
	{ "yutang_input_lag", "gauge", "topic,partition",
	  "Records between what is committed and the end of the input, for each partition that this process owns.", input_lag },

	{ "yutang_batches_total", "counter", "", "Batches decided and handed over as transactions.", batches },
	{ "yutang_transactions_total", "counter", "outcome", "Kafka transactions by outcome: committed, aborted, lost.", transactions },
	{ "yutang_commit_seconds", "histogram", "", "From the begin of a transaction until it was known to be committed.", commit_seconds },
	{ "yutang_producers_remade_total", "counter", "", "Times the producer was made again after an unknown outcome, an error or a slow commit.",
	  remade },
	{ "yutang_fenced_total", "counter", "", "Former owners that were fenced by name at a takeover.", fenced },
	{ "yutang_rejoined_total", "counter", "", "Times the consumer was made again and joined the group anew.", rejoined },
	{ "yutang_kafka_connected", "gauge", "", "1 while brokers answer and this process is in the group.", kafka_connected },

	{ "yutang_shards", "gauge", "state", "Shards of this process by state: opening, restoring, ready, held, live.", shards },
	{ "yutang_entities", "gauge", "", "Keyed values in memory.", shard_entities },
	{ "yutang_restored_shards_total", "counter", "", "Shards read from the changelog.", restored_shards },
	{ "yutang_restored_records_total", "counter", "", "Changelog records read for that.", restored_records },
	{ "yutang_reused_shards_total", "counter", "", "Shards that came back and were still in memory at the right version.", reused_shards },
	{ "yutang_timers", "gauge", "", "Timers, coupon reminders and coupon ends that wait.", shard_timers },
	{ "yutang_timers_fired_total", "counter", "", "Timers, coupon reminders and coupon ends that were decided.", timers_fired },
	{ "yutang_timers_held_seconds", "gauge", "", "How long the longest due timer has waited for the ends of its inputs.", timers_held },

	{ "yutang_view_connected", "gauge", "", "1 while Redis answers and may be used.", view_connected },
	{ "yutang_view_lag_seconds", "gauge", "", "Age of the oldest committed change that Redis does not show.", view_lag },
	{ "yutang_view_jobs_total", "counter", "", "Writes of a shard handed to the view.", view_jobs },
	{ "yutang_view_stale_total", "counter", "", "Writes that Redis refused because it had another version.", view_stale },
	{ "yutang_view_resets_total", "counter", "", "Shards whose view was built anew.", view_resets },
	{ "yutang_view_waiting", "gauge", "", "Questions to Redis without an answer yet.", redis_waiting },
	{ "yutang_view_calls_total", "counter", "", "Function calls that Redis answered.", redis_calls },
	{ "yutang_view_errors_total", "counter", "", "Connections to Redis that failed or were lost, and answers that were errors.", redis_errors },
	{ "yutang_view_connects_total", "counter", "", "Connections to Redis that were made.", redis_connects },
	{ "yutang_view_hashes_total", "counter", "", "Hashes written or removed.", redis_hashes },
	{ "yutang_view_bytes_total", "counter", "", "Bytes sent to Redis with writes.", redis_bytes },
	{ "yutang_view_swept_total", "counter", "", "Keys removed because nothing stands behind them.", redis_swept },

	{ "yutang_http_requests_total", "counter", "", "Requests that were read.", http_requests },
	{ "yutang_http_refused_total", "counter", "", "Connections closed because too many were open: the oldest one that waited for nothing, or else the new one.", http_refused },
	{ "yutang_http_expired_total", "counter", "", "Connections closed because a request did not come in time.", http_expired },
	{ "yutang_http_connections", "gauge", "", "Connections open now.", http_connections },

	{ "yutang_intake_requests_total", "counter", "shop,platform,result",
	  "Webhooks by shop (empty: unknown), platform and what became of them: accepted, ignored, dead, unsigned, bad, method, media_type, too_large, unavailable.",
	  intake_requests },
	{ "yutang_intake_answer_seconds", "histogram", "", "From a webhook's last byte until Kafka had its events, or it was answered 503.", intake_answer },
	{ "yutang_intake_bytes", "gauge", "", "Bytes of records on their way to Kafka.", intake_bytes },
	{ "yutang_intake_reading_bytes", "gauge", "", "Bytes of webhooks that are being read.", intake_held },
	{ "yutang_intake_crowded_total", "counter", "", "Webhooks answered 503 because too much was being read at once.", intake_crowded },
	{ "yutang_intake_refused_total", "counter", "", "Connections closed because too many were open: the oldest one that waited for nothing, or else the new one.", intake_refused },
	{ "yutang_intake_expired_total", "counter", "", "Connections closed because a webhook did not come in time.", intake_expired },
	{ "yutang_intake_spooled_total", "counter", "", "Webhooks that went to the spool because Kafka was away.", spooled },
	{ "yutang_intake_spool_files", "gauge", "", "Files in the spool that wait for Kafka; webhooks that came together share one.", spool_files },
	{ "yutang_intake_spool_bytes", "gauge", "", "Bytes of these; at 256 MiB, or 100,000 of them, no more is taken.", spool_bytes },
	{ "yutang_intake_connections", "gauge", "", "Connections of senders open now.", intake_connections },

	{ "process_cpu_seconds_total", "counter", "", "CPU time of the process, user and system.", cpu_seconds },
	{ "process_resident_memory_bytes", "gauge", "", "Memory of the process that is in RAM.", resident_memory },
};
const size_t yt_n_metrics = COUNT(yt_metrics);

void yt_metrics_render(const struct yt_metrics_in *in, struct yt_buf *out)
{
	for (size_t i = 0; i < COUNT(yt_metrics); i++) {
		const struct yt_metric *m = &yt_metrics[i];
		size_t before = out->n, head;

		yt_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
		head = out->n;
		m->render(in, m, out);
		if (out->n == head)
			out->n = before; /* its part is off */
	}
}
