/* A plain reader: one partition from an offset to the end it has now. For verify, the dead letters and the tests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/engine/checkpoint.h"

#include "kafka_int.h"

enum {
	ANSWER_MS = 10000,
	SILENT_MS = 15000 /* neither a record nor an end for so long: the broker is away */
};

struct yt_kafka_read {
	struct yt_kafka_conf conf;
	bool committed;
	rd_kafka_t *rk;
	struct yt_kafka_headers headers; /* of the record at hand */
};

struct yt_kafka_read *yt_kafka_read_new(const struct yt_kafka_conf *conf, bool committed, struct yt_err *err)
{
	struct yt_kafka_read *r = calloc(1, sizeof *r);

	if (!r)
		yt_out_of_memory(sizeof *r);
	r->conf = *conf;
	r->committed = committed;
	r->rk = yt_kafka_open(conf, committed ? YT_KAFKA_COMMITTED : YT_KAFKA_RAW, NULL, NULL, NULL, err);
	if (!r->rk) {
		free(r);
		return NULL;
	}
	return r;
}

void yt_kafka_read_free(struct yt_kafka_read *r)
{
	if (!r)
		return;
	yt_kafka_destroy(r->rk);
	free(r->headers.v);
	free(r);
}

int yt_kafka_read_partitions(struct yt_kafka_read *r, const char *topic, struct yt_err *err)
{
	const struct rd_kafka_metadata *md;
	char full[YT_KAFKA_TOPIC_MAX];
	rd_kafka_resp_err_t e = rd_kafka_metadata(r->rk, 1, NULL, &md, ANSWER_MS);
	int n = -1;

	if (e)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "no answer from Kafka: %s", rd_kafka_err2str(e));
	yt_kafka_topic(&r->conf, topic, full);
	for (int i = 0; i < md->topic_cnt; i++)
		if (strcmp(md->topics[i].topic, full) == 0)
			n = md->topics[i].partition_cnt;
	rd_kafka_metadata_destroy(md);
	if (n < 0)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "topic %s is missing", full);
	return n;
}

struct yt_record yt_kafka_record(const rd_kafka_message_t *m, int input, struct yt_kafka_headers *headers)
{
	rd_kafka_timestamp_type_t type;
	rd_kafka_headers_t *from;
	struct yt_record rec = {
		.input = input,
		.shard = m->partition,
		.offset = m->offset,
		.timestamp_ms = rd_kafka_message_timestamp(m, &type),
		.key = yt_str(m->key, m->key_len),
		.value = yt_str(m->payload, m->len),
	};

	if (rd_kafka_message_headers(m, &from) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return rec;
	rec.n_headers = rd_kafka_header_cnt(from);
	if (rec.n_headers > headers->cap) {
		headers->v = realloc(headers->v, rec.n_headers * sizeof *headers->v);
		if (!headers->v)
			yt_out_of_memory(rec.n_headers * sizeof *headers->v);
		headers->cap = rec.n_headers;
	}
	for (size_t i = 0; i < rec.n_headers; i++) {
		const char *name;
		const void *value;
		size_t size;

		rd_kafka_header_get_all(from, i, &name, &value, &size);
		headers->v[i] = (struct yt_header){ yt_str_z(name), yt_str(value, size) };
	}
	rec.headers = headers->v;
	return rec;
}

static bool hand_up(struct yt_kafka_read *r, const rd_kafka_message_t *m, bool (*fn)(void *ctx, const struct yt_record *rec), void *ctx)
{
	struct yt_record rec = yt_kafka_record(m, -1, &r->headers);

	return fn(ctx, &rec);
}

static int64_t read_to(struct yt_kafka_read *r, const char *topic, int64_t end, bool (*fn)(void *ctx, const struct yt_record *rec),
                       void *ctx, struct yt_err *err)
{
	int64_t n = 0, heard = yt_kafka_mono_ms();

	for (;;) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(r->rk, 100);
		bool stop = false;

		if (!m) {
			if (yt_kafka_mono_ms() - heard > SILENT_MS)
				return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s: no answer from Kafka", topic);
			continue;
		}
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			stop = true;
		} else if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		           m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
			yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA, "%s: %s", topic, rd_kafka_message_errstr(m));
			rd_kafka_message_destroy(m);
			return -1;
		} else if (!m->err) {
			n++;
			stop = !hand_up(r, m, fn, ctx) || (!r->committed && m->offset + 1 >= end);
		}
		heard = yt_kafka_mono_ms();
		rd_kafka_message_destroy(m);
		if (stop)
			return n;
	}
}

int yt_kafka_read_edges(struct yt_kafka_read *r, const char *topic, int partition, int64_t *low, int64_t *end, struct yt_err *err)
{
	char full[YT_KAFKA_TOPIC_MAX];
	rd_kafka_resp_err_t e = rd_kafka_query_watermark_offsets(r->rk, yt_kafka_topic(&r->conf, topic, full), partition, low, end, ANSWER_MS);

	if (e)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s/%d: %s", full, partition, rd_kafka_err2str(e));
	return 0;
}

int64_t yt_kafka_read_run(struct yt_kafka_read *r, const char *topic, int partition, int64_t from,
                          bool (*fn)(void *ctx, const struct yt_record *rec), void *ctx, struct yt_err *err)
{
	rd_kafka_topic_partition_list_t *list;
	char full[YT_KAFKA_TOPIC_MAX];
	int64_t lo, hi, n = 0;
	rd_kafka_resp_err_t e;

	if (yt_kafka_read_edges(r, topic, partition, &lo, &hi, err) < 0)
		return -1;
	if (hi <= lo || from >= hi)
		return 0;
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, yt_kafka_topic(&r->conf, topic, full), partition)->offset = from > lo ? from : lo;
	e = rd_kafka_assign(r->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_BUG, "%s/%d: %s", full, partition, rd_kafka_err2str(e));
	n = read_to(r, full, hi, fn, ctx, err);
	rd_kafka_assign(r->rk, NULL);
	return n;
}

int yt_kafka_read_group(struct yt_kafka_read *r, int shard, struct yt_group_pos *pos, struct yt_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(r->conf.n_inputs);
	rd_kafka_resp_err_t e;

	yt_kafka_add_inputs(&r->conf, list, shard, NULL);
	e = yt_kafka_committed(r->rk, list, ANSWER_MS);
	if (!e)
		yt_kafka_group_pos(&r->conf, list, shard, pos);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "offsets of group %s: %s", r->conf.group, rd_kafka_err2str(e));
	return 0;
}

struct last_search {
	struct yt_str bytes;
	bool found;
	struct yt_kafka_checkpoint *out;
};

static bool look_for_last(void *ctx, const struct yt_record *rec)
{
	struct last_search *w = ctx;
	struct yt_checkpoint c;

	if (!yt_str_eq(rec->key, YT_S(YT_CHECKPOINT_KEY)) || !yt_checkpoint_decode(rec->value, &c))
		return true;
	w->found = true;
	w->out->version = c.version;
	w->out->same = yt_str_eq(rec->value, w->bytes);
	return true;
}

/* Each step back is 16 times as far. */
int yt_kafka_last_checkpoint(struct yt_kafka_read *r, int shard, struct yt_str bytes, struct yt_kafka_checkpoint *out)
{
	struct last_search w = { .bytes = bytes, .out = out };
	struct yt_err err;
	int64_t lo, hi;

	*out = (struct yt_kafka_checkpoint){ 0 };
	if (yt_kafka_read_edges(r, "state", shard, &lo, &hi, &err) < 0)
		return -1;
	for (int64_t back = 64;; back *= 16) {
		if (yt_kafka_read_run(r, "state", shard, hi > back ? hi - back : -1, look_for_last, &w, &err) < 0)
			return -1;
		if (w.found || hi - back <= lo)
			break;
	}
	out->end = hi;
	return w.found;
}
