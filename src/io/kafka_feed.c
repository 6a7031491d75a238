/* Values into topics, each placed as the daemon expects it: for `yutang feed` and for the intake. Idempotent, so that a retry doubles nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "yutang/base/hash.h"

#include "kafka_int.h"

enum {
	METADATA_MS = 10000,
	PROGRESS_MS = 200,
	TOPICS_MAX = 64
};

struct yt_kafka_feed {
	struct yt_kafka_conf conf;
	int timeout_ms;
	rd_kafka_t *p;
	struct {
		char name[YT_KAFKA_TOPIC_MAX];
		rd_kafka_topic_t *topic;
		int partitions;
	} topics[TOPICS_MAX];
	int n_topics;
	int fd; /* -1: none. Readable while reports wait */
	uint64_t put, acknowledged, failed;
	char why[512]; /* of the first that failed */
	void (*report)(void *ctx, void *tag, int partition, int64_t offset, const char *why);
	void *report_ctx;
};

/* What happened: a dead producer's error says nothing more than that it is dead. `text` belongs to the caller. */
static const char *why(rd_kafka_t *rk, rd_kafka_resp_err_t e, char text[256])
{
	if (e == RD_KAFKA_RESP_ERR__FATAL && rd_kafka_fatal_error(rk, text, 256) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return text;
	return rd_kafka_err2str(e);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct yt_kafka_feed *f = opaque;
	char text[256];

	if (!m->err)
		f->acknowledged++;
	else if (f->failed++ == 0)
		snprintf(f->why, sizeof f->why, "%s: %s", rd_kafka_topic_name(m->rkt), why(rk, m->err, text));
	if (f->report)
		f->report(f->report_ctx, m->_private, m->partition, m->offset, m->err ? why(rk, m->err, text) : NULL);
}

static void set_timeout(rd_kafka_conf_t *c, int timeout_ms)
{
	char text[16], error[128];

	snprintf(text, sizeof text, "%d", timeout_ms);
	YT_ASSERT(rd_kafka_conf_set(c, "message.timeout.ms", text, error, sizeof error) == RD_KAFKA_CONF_OK, error);
}

static rd_kafka_t *make(struct yt_kafka_feed *f, struct yt_err *err)
{
	rd_kafka_conf_t *c = yt_kafka_conf_make(&f->conf, YT_KAFKA_FEEDER, NULL, err);

	if (!c)
		return NULL;
	if (f->timeout_ms > 0)
		set_timeout(c, f->timeout_ms);
	rd_kafka_conf_set_dr_msg_cb(c, on_delivery);
	rd_kafka_conf_set_opaque(c, f);
	return yt_kafka_make(c, YT_KAFKA_FEEDER, err);
}

struct yt_kafka_feed *yt_kafka_feed_new(const struct yt_kafka_conf *conf, int timeout_ms, struct yt_err *err)
{
	struct yt_kafka_feed *f = calloc(1, sizeof *f);

	if (!f)
		yt_out_of_memory(sizeof *f);
	f->conf = *conf;
	f->timeout_ms = timeout_ms;
	f->fd = -1;
	f->p = make(f, err);
	if (!f->p) {
		free(f);
		return NULL;
	}
	return f;
}

static int known_topic(const struct yt_kafka_feed *f, const char *name)
{
	for (int i = 0; i < f->n_topics; i++)
		if (strcmp(f->topics[i].name, name) == 0)
			return i;
	return -1;
}

/* The topic's place in the table; asks the broker the first time. -1: there is none. */
int yt_kafka_feed_find(struct yt_kafka_feed *f, const char *name, struct yt_err *err)
{
	const struct rd_kafka_metadata *md;
	char full[YT_KAFKA_TOPIC_MAX];
	rd_kafka_resp_err_t e;
	int i = known_topic(f, name), partitions = 0;

	if (i >= 0)
		return i;
	if (f->n_topics == TOPICS_MAX)
		return yt_err_set(err, YT_ERR_INPUT, YT_EXIT_USAGE, "more than %d topics", TOPICS_MAX);
	yt_kafka_topic(&f->conf, name, full);
	/* All topics: to ask for one by its name could create it. */
	e = rd_kafka_metadata(f->p, 1, NULL, &md, METADATA_MS);
	if (e)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "no answer from Kafka: %s", rd_kafka_err2str(e));
	for (int k = 0; k < md->topic_cnt; k++)
		if (strcmp(md->topics[k].topic, full) == 0)
			partitions = md->topics[k].partition_cnt;
	rd_kafka_metadata_destroy(md);
	if (partitions == 0)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "topic %s is missing (yutang init creates it)", full);
	i = f->n_topics++;
	snprintf(f->topics[i].name, sizeof f->topics[i].name, "%s", name);
	f->topics[i].topic = rd_kafka_topic_new(f->p, full, NULL);
	f->topics[i].partitions = partitions;
	return i;
}

void yt_kafka_feed_on_report(struct yt_kafka_feed *f, void (*fn)(void *ctx, void *tag, int partition, int64_t offset, const char *why), void *ctx)
{
	f->report = fn;
	f->report_ctx = ctx;
}

static rd_kafka_resp_err_t produce(struct yt_kafka_feed *f, int topic, const struct yt_kafka_feed_record *rec)
{
	int partition = rec->partition >= 0 ? rec->partition : yt_partition(rec->key, f->topics[topic].partitions);
	rd_kafka_headers_t *headers;
	rd_kafka_resp_err_t e;

	if (rec->n_headers == 0)
		return rd_kafka_produce(f->topics[topic].topic, partition, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)rec->value.p, rec->value.n,
		                        rec->key.p, rec->key.n, rec->tag) == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
	headers = rd_kafka_headers_new(rec->n_headers);
	for (size_t i = 0; i < rec->n_headers; i++)
		rd_kafka_header_add(headers, rec->headers[i].name.p, rec->headers[i].name.n, rec->headers[i].value.p, rec->headers[i].value.n);
	e = rd_kafka_producev(f->p, RD_KAFKA_V_RKT(f->topics[topic].topic), RD_KAFKA_V_PARTITION(partition),
	                      RD_KAFKA_V_KEY(rec->key.p, rec->key.n), RD_KAFKA_V_VALUE((void *)(uintptr_t)rec->value.p, rec->value.n),
	                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(rec->tag), RD_KAFKA_V_END);
	if (e)
		rd_kafka_headers_destroy(headers); /* else they are the record's now */
	return e;
}

int yt_kafka_feed_send(struct yt_kafka_feed *f, const struct yt_kafka_feed_record *rec, struct yt_err *err)
{
	int i = yt_kafka_feed_find(f, rec->topic, err);
	rd_kafka_resp_err_t e;
	char text[256];

	if (i < 0)
		return -1;
	for (;;) {
		if (f->failed)
			return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s", f->why);
		e = produce(f, i, rec);
		if (!e)
			break;
		if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			return yt_err_set(err, YT_ERR_INPUT, YT_EXIT_UNAVAILABLE, "topic %s%s: %s", f->conf.prefix, rec->topic, why(f->p, e, text));
		rd_kafka_poll(f->p, 10);
	}
	f->put++;
	if ((f->put & 1023) == 0)
		rd_kafka_poll(f->p, 0);
	return 0;
}

int yt_kafka_feed_offer(struct yt_kafka_feed *f, const struct yt_kafka_feed_record *rec, struct yt_err *err)
{
	int i = known_topic(f, rec->topic);
	rd_kafka_resp_err_t e;
	char text[256];

	if (i < 0)
		return yt_err_set(err, YT_ERR_BUG, YT_EXIT_BUG, "topic %s was not looked for", rec->topic);
	e = produce(f, i, rec);
	if (e) {
		bool again = e == RD_KAFKA_RESP_ERR__QUEUE_FULL || e == RD_KAFKA_RESP_ERR__FATAL;

		return yt_err_set(err, again ? YT_ERR_TRANSIENT : YT_ERR_INPUT, YT_EXIT_UNAVAILABLE, "topic %s%s: %s", f->conf.prefix, rec->topic,
		                  why(f->p, e, text));
	}
	f->put++;
	return 0;
}

static void signal_by_fd(struct yt_kafka_feed *f)
{
	rd_kafka_queue_t *q = rd_kafka_queue_get_main(f->p);
	uint64_t one = 1;

	rd_kafka_queue_io_event_enable(q, f->fd, &one, sizeof one);
	rd_kafka_queue_destroy(q);
}

int yt_kafka_feed_fd(struct yt_kafka_feed *f)
{
	if (f->fd < 0) {
		f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		YT_ASSERT(f->fd >= 0, "eventfd");
		signal_by_fd(f);
	}
	return f->fd;
}

void yt_kafka_feed_poll(struct yt_kafka_feed *f)
{
	uint64_t n;

	/* First the signal, then the queue: what comes in between signals again. */
	while (f->fd >= 0 && read(f->fd, &n, sizeof n) > 0)
		;
	while (rd_kafka_poll(f->p, 0) > 0)
		;
}

bool yt_kafka_feed_dead(const struct yt_kafka_feed *f, char text[256])
{
	return rd_kafka_fatal_error(f->p, text, 256) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

int yt_kafka_feed_renew(struct yt_kafka_feed *f, struct yt_err *err)
{
	rd_kafka_t *dead = f->p, *p = make(f, err);
	char full[YT_KAFKA_TOPIC_MAX];

	if (!p)
		return -1;
	/* Ends: what the purge should not find is reported when its time is over. */
	rd_kafka_purge(dead, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	while (f->acknowledged + f->failed < f->put)
		rd_kafka_poll(dead, 10);
	f->p = p;
	for (int i = 0; i < f->n_topics; i++) {
		rd_kafka_topic_destroy(f->topics[i].topic);
		f->topics[i].topic = rd_kafka_topic_new(p, yt_kafka_topic(&f->conf, f->topics[i].name, full), NULL);
	}
	if (f->fd >= 0)
		signal_by_fd(f);
	rd_kafka_destroy(dead);
	return 0;
}

int yt_kafka_feed_put(struct yt_kafka_feed *f, const char *topic, struct yt_str key, struct yt_str value, struct yt_err *err)
{
	struct yt_kafka_feed_record rec = { .topic = topic, .partition = -1, .key = key, .value = value };

	return yt_kafka_feed_send(f, &rec, err);
}

int yt_kafka_feed_finish(struct yt_kafka_feed *f, void (*progress)(void *ctx, uint64_t acknowledged, uint64_t put), void *ctx,
                         struct yt_err *err)
{
	int64_t next = 0;

	/* Ends: what can't be delivered is reported as failed when its time is over. */
	while (f->acknowledged + f->failed < f->put) {
		rd_kafka_poll(f->p, 10);
		if (progress && yt_kafka_mono_ms() >= next) {
			progress(ctx, f->acknowledged, f->put);
			next = yt_kafka_mono_ms() + PROGRESS_MS;
		}
	}
	if (progress)
		progress(ctx, f->acknowledged, f->put);
	if (f->failed)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%" PRIu64 " of %" PRIu64 " records were not taken: %s",
		                  f->failed, f->put, f->why);
	return 0;
}

void yt_kafka_feed_free(struct yt_kafka_feed *f)
{
	if (!f)
		return;
	for (int i = 0; i < f->n_topics; i++)
		rd_kafka_topic_destroy(f->topics[i].topic);
	rd_kafka_purge(f->p, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_destroy(f->p);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}
