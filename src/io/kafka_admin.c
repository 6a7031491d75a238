/* `yutang init` and the check at start: the topics, their settings, and the first transaction of a log. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "yutang/base/hash.h"
#include "yutang/base/log.h"
#include "yutang/engine/checkpoint.h"

#include "kafka_int.h"

enum {
	TOPICS_MAX = YT_INPUTS_MAX + 2 + YT_OUT_TOPIC__COUNT,
	STEP_MS = 5000,    /* one question */
	LEADERS_MS = 60000 /* until a new topic has leaders everywhere */
};

/* A topic as it must be. */
struct want {
	char name[YT_KAFKA_TOPIC_MAX];
	int partitions;
	bool exact; /* other counts are refused */
	int have;   /* partitions found, 0: missing */
	bool made;
};

struct wants {
	struct want v[TOPICS_MAX];
	int n, state; /* which one is `state` */
};

/* DESIGN 3. */
static const struct {
	const char *name, *value;
} state_settings[] = {
	{ "cleanup.policy", "compact" },
	{ "segment.bytes", "67108864" },
	{ "min.cleanable.dirty.ratio", "0.2" },
	{ "delete.retention.ms", "604800000" },
};
enum { STATE_SETTINGS = sizeof state_settings / sizeof *state_settings };

typedef void (*sayer)(void *ctx, const char *line);

static void want(const struct yt_kafka_conf *conf, struct wants *w, const char *name, int partitions, bool exact)
{
	struct want *t = &w->v[w->n++];

	memset(t, 0, sizeof *t);
	yt_kafka_topic(conf, name, t->name);
	t->partitions = partitions;
	t->exact = exact;
}

static void want_all(const struct yt_kafka_conf *conf, struct wants *w)
{
	w->n = 0;
	for (int i = 0; i < conf->n_inputs; i++)
		want(conf, w, conf->inputs[i], conf->partitions, true);
	w->state = w->n;
	want(conf, w, "state", conf->partitions, true);
	for (int i = 0; i < YT_OUT_TOPIC__COUNT; i++)
		want(conf, w, yt_out_topics[i], conf->output_partitions, false);
	want(conf, w, "dead-letters", 1, false);
}

static int transient(struct yt_err *err, const char *what, rd_kafka_resp_err_t e)
{
	return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s: %s", what, rd_kafka_err2str(e));
}

/* Which of them exist, with how many partitions. *leaders: every partition of those has one. */
static int look(rd_kafka_t *rk, struct wants *w, int timeout_ms, bool *leaders, struct yt_err *err)
{
	const struct rd_kafka_metadata *md;
	/* All topics: to ask for one by its name could create it. */
	rd_kafka_resp_err_t e = rd_kafka_metadata(rk, 1, NULL, &md, timeout_ms);

	if (e)
		return transient(err, "no answer from Kafka", e);
	*leaders = true;
	for (int i = 0; i < w->n; i++)
		w->v[i].have = 0;
	for (int k = 0; k < md->topic_cnt; k++)
		for (int i = 0; i < w->n; i++) {
			const struct rd_kafka_metadata_topic *t = &md->topics[k];

			if (strcmp(t->topic, w->v[i].name) != 0)
				continue;
			w->v[i].have = t->partition_cnt;
			for (int p = 0; p < t->partition_cnt; p++)
				*leaders &= t->partitions[p].leader >= 0;
		}
	rd_kafka_metadata_destroy(md);
	return 0;
}

/* ---- admin calls */

static rd_kafka_event_t *await_result(rd_kafka_queue_t *q, int timeout_ms, const char *what, struct yt_err *err)
{
	rd_kafka_event_t *ev = rd_kafka_queue_poll(q, timeout_ms);

	if (!ev) {
		transient(err, what, RD_KAFKA_RESP_ERR__TIMED_OUT);
		return NULL;
	}
	if (rd_kafka_event_error(ev)) {
		yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s: %s", what, rd_kafka_event_error_string(ev));
		rd_kafka_event_destroy(ev);
		return NULL;
	}
	return ev;
}

static rd_kafka_AdminOptions_t *options(rd_kafka_t *rk, rd_kafka_admin_op_t op)
{
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(rk, op);
	char text[128];

	rd_kafka_AdminOptions_set_request_timeout(o, STEP_MS * 2, text, sizeof text);
	return o;
}

static int create_failed(const rd_kafka_topic_result_t *r, struct yt_err *err)
{
	rd_kafka_resp_err_t e = rd_kafka_topic_result_error(r);
	const char *text = rd_kafka_topic_result_error_string(r);

	/* Somebody else was faster: as good. */
	if (!e || e == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return 0;
	return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "topic %s can't be created: %s", rd_kafka_topic_result_name(r),
	                  text ? text : rd_kafka_err2str(e));
}

static int create_missing(const struct yt_kafka_conf *conf, rd_kafka_t *rk, struct wants *w, struct yt_err *err)
{
	rd_kafka_NewTopic_t *topics[TOPICS_MAX];
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_AdminOptions_t *o = options(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_event_t *ev;
	char text[256];
	size_t n = 0;
	int rc = 0;

	for (int i = 0; i < w->n; i++) {
		if (w->v[i].have)
			continue;
		topics[n] = rd_kafka_NewTopic_new(w->v[i].name, w->v[i].partitions, conf->replication, text, sizeof text);
		if (!topics[n]) {
			rc = yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "topic %s: %s", w->v[i].name, text);
			goto out;
		}
		for (int k = 0; i == w->state && k < STATE_SETTINGS; k++)
			rd_kafka_NewTopic_set_config(topics[n], state_settings[k].name, state_settings[k].value);
		n++;
	}
	if (n == 0)
		goto out;
	rd_kafka_CreateTopics(rk, topics, n, o, q);
	ev = await_result(q, STEP_MS * 3, "topics can't be created", err);
	rc = ev ? 0 : -1;
	if (ev) {
		size_t count;
		const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &count);

		for (size_t i = 0; i < count && rc == 0; i++)
			rc = create_failed(results[i], err);
		rd_kafka_event_destroy(ev);
	}
	for (int i = 0; i < w->n; i++)
		w->v[i].made = rc == 0 && !w->v[i].have;
out:
	rd_kafka_NewTopic_destroy_array(topics, n);
	rd_kafka_AdminOptions_destroy(o);
	rd_kafka_queue_destroy(q);
	return rc;
}

static bool same_setting(const char *have, const char *need)
{
	char *end;
	double a = strtod(have, &end);

	/* 0.2 may come back as 0.20. */
	if (*end == 0 && end != have)
		return a == strtod(need, NULL);
	return strcmp(have, need) == 0;
}

static void compare_settings(const rd_kafka_ConfigResource_t *r, char *diff, size_t cap)
{
	size_t n, at = 0;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(r, &n);

	*diff = 0;
	for (int k = 0; k < STATE_SETTINGS; k++)
		for (size_t i = 0; i < n; i++) {
			const char *value = rd_kafka_ConfigEntry_value(entries[i]);

			if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), state_settings[k].name) != 0)
				continue;
			if (!value || !same_setting(value, state_settings[k].value))
				at += (size_t)snprintf(diff + at, at < cap ? cap - at : 0, "%s%s is %s and must be %s", at ? ", " : "",
				                       state_settings[k].name, value ? value : "unknown", state_settings[k].value);
			if (at >= cap)
				at = cap - 1;
		}
}

static int check_state_settings(rd_kafka_t *rk, const struct want *t, struct yt_err *err)
{
	rd_kafka_ConfigResource_t *r = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_AdminOptions_t *o = options(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_event_t *ev;
	char diff[400] = "";
	int rc;

	rd_kafka_DescribeConfigs(rk, &r, 1, o, q);
	ev = await_result(q, STEP_MS * 3, "settings can't be read", err);
	rc = ev ? 0 : -1;
	if (ev) {
		size_t n;
		const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(ev), &n);

		if (n == 1 && rd_kafka_ConfigResource_error(found[0]))
			rc = transient(err, "settings of state can't be read", rd_kafka_ConfigResource_error(found[0]));
		else if (n == 1)
			compare_settings(found[0], diff, sizeof diff);
		rd_kafka_event_destroy(ev);
	}
	if (rc == 0 && *diff)
		rc = yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "topic %s has other settings than it must have: %s", t->name, diff);
	rd_kafka_ConfigResource_destroy(r);
	rd_kafka_AdminOptions_destroy(o);
	rd_kafka_queue_destroy(q);
	return rc;
}

/* All faults of all topics in one line. */
static int check_counts(const struct wants *w, struct yt_err *err)
{
	char text[400];
	size_t at = 0;

	for (int i = 0; i < w->n && at < sizeof text - 1; i++) {
		const struct want *t = &w->v[i];
		char one[YT_KAFKA_TOPIC_MAX + 64] = "";

		if (t->have == 0)
			snprintf(one, sizeof one, "topic %s is missing (yutang init creates it)", t->name);
		else if (t->exact && t->have != t->partitions)
			snprintf(one, sizeof one, "topic %s has %d partitions and must have %d", t->name, t->have, t->partitions);
		if (*one)
			at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? "; " : "", one);
	}
	if (at == 0)
		return 0;
	return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "%s", text);
}

int yt_kafka_check_topics(const struct yt_kafka_conf *conf, rd_kafka_t *rk, int timeout_ms, struct yt_err *err)
{
	struct wants w;
	bool leaders;

	want_all(conf, &w);
	if (look(rk, &w, timeout_ms, &leaders, err) < 0 || check_counts(&w, err) < 0)
		return -1;
	return check_state_settings(rk, &w.v[w.state], err);
}

/* Repeats what fails for want of a broker, until the time is over. */
static int patiently(int64_t deadline_ms, struct yt_err *err)
{
	if (err->class != YT_ERR_TRANSIENT || yt_kafka_mono_ms() >= deadline_ms)
		return -1;
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	return 0;
}

int yt_kafka_check(const struct yt_kafka_conf *conf, int64_t timeout_ms, struct yt_err *err)
{
	int64_t deadline = yt_kafka_mono_ms() + timeout_ms;
	rd_kafka_t *rk = yt_kafka_open(conf, YT_KAFKA_COMMITTED, NULL, NULL, NULL, err);
	int rc = -1;

	if (!rk)
		return -1;
	do
		rc = yt_kafka_check_topics(conf, rk, STEP_MS, err);
	while (rc < 0 && patiently(deadline, err) == 0);
	yt_kafka_destroy(rk);
	return rc;
}

/* ---- genesis: the checkpoints of all shards and the group's start offsets, in one transaction */

struct genesis {
	const struct yt_kafka_conf *conf;
	rd_kafka_t *rk;          /* asks */
	struct yt_kafka_read *read;
	char tid[512];
	char log_id[YT_LOG_ID_BYTES + 1];
};

static bool found_one(void *ctx, const struct yt_record *rec)
{
	(void)rec;
	*(bool *)ctx = true;
	return false;
}

/* Was it written already? Only an answer for all shards counts. */
static int was_written(struct genesis *g, bool *state, bool *group, struct yt_err *err)
{
	*state = *group = false;
	for (int p = 0; p < g->conf->partitions; p++) {
		struct yt_group_pos pos;

		if (yt_kafka_read_group(g->read, p, &pos, err) < 0 ||
		    (!*state && yt_kafka_read_run(g->read, "state", p, -1, found_one, state, err) < 0))
			return -1;
		for (int i = 0; i < g->conf->n_inputs; i++)
			*group |= pos.next[i] >= 0;
	}
	return 0;
}

static rd_kafka_topic_partition_list_t *beginnings(struct genesis *g, struct yt_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(g->conf->n_inputs * g->conf->partitions);
	char meta[64];

	yt_commit_meta(meta, sizeof meta, g->log_id, 0);
	for (int p = 0; p < g->conf->partitions; p++)
		yt_kafka_add_inputs(g->conf, list, p, NULL);
	for (int i = 0; i < list->cnt; i++) {
		rd_kafka_topic_partition_t *e = &list->elems[i];
		int64_t lo, hi;
		rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(g->rk, e->topic, e->partition, &lo, &hi, STEP_MS);

		if (code) {
			transient(err, "beginnings of the inputs can't be read", code);
			rd_kafka_topic_partition_list_destroy(list);
			return NULL;
		}
		e->offset = lo;
		e->metadata = strdup(meta);
		e->metadata_size = strlen(meta);
	}
	return list;
}

static int produce_checkpoints(struct genesis *g, rd_kafka_t *p, const rd_kafka_topic_partition_list_t *offsets, struct yt_err *err)
{
	char topic[YT_KAFKA_TOPIC_MAX], inputs[YT_INPUTS_MAX][YT_KAFKA_TOPIC_MAX];
	int n_inputs = g->conf->n_inputs;

	yt_kafka_topic(g->conf, "state", topic);
	for (int shard = 0; shard < g->conf->partitions; shard++) {
		struct yt_checkpoint c = { .partitions = g->conf->partitions, .n_inputs = n_inputs, .transactional_id = yt_str_z(g->tid) };
		struct yt_buf buf;
		rd_kafka_resp_err_t e;

		memcpy(c.log_id, g->log_id, sizeof c.log_id);
		for (int i = 0; i < n_inputs; i++) {
			c.topics[i] = yt_str_z(yt_kafka_topic(g->conf, g->conf->inputs[i], inputs[i]));
			c.next[i] = offsets->elems[shard * n_inputs + i].offset;
		}
		yt_buf_init(&buf, NULL);
		yt_checkpoint_encode(&c, &buf);
		e = rd_kafka_producev(p, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(shard),
		                      RD_KAFKA_V_KEY(YT_CHECKPOINT_KEY, strlen(YT_CHECKPOINT_KEY)), RD_KAFKA_V_VALUE(buf.p, buf.n),
		                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
		yt_buf_deinit(&buf);
		if (e)
			return transient(err, "the first checkpoints can't be written", e);
	}
	return 0;
}

static int failed(rd_kafka_error_t *error, const char *what, struct yt_err *err)
{
	if (!error)
		return 0;
	yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s: %s", what, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return -1;
}

static int write_genesis(struct genesis *g, rd_kafka_t *p, struct yt_err *err)
{
	unsigned char random[YT_LOG_ID_BYTES / 2];
	rd_kafka_topic_partition_list_t *offsets;
	rd_kafka_consumer_group_metadata_t *meta = rd_kafka_consumer_group_metadata_new(g->conf->group);
	int rc = -1;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
		rd_kafka_consumer_group_metadata_destroy(meta);
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_UNAVAILABLE, "the system gives no random bytes");
	}
	yt_hex(random, sizeof random, g->log_id);
	offsets = beginnings(g, err);
	if (offsets && failed(rd_kafka_begin_transaction(p), "begin", err) == 0 && produce_checkpoints(g, p, offsets, err) == 0 &&
	    failed(rd_kafka_send_offsets_to_transaction(p, offsets, meta, -1), "start offsets", err) == 0)
		rc = failed(rd_kafka_commit_transaction(p, -1), "commit", err);
	if (offsets)
		rd_kafka_topic_partition_list_destroy(offsets);
	rd_kafka_consumer_group_metadata_destroy(meta);
	return rc;
}

/* Our own former attempt, if it died half-way, is over once init_transactions returns; only then is looked. */
static int genesis_once(struct genesis *g, bool *wrote, struct yt_err *err)
{
	rd_kafka_t *p = yt_kafka_open(g->conf, YT_KAFKA_PRODUCER, g->tid, NULL, NULL, err);
	bool state, group;
	int rc = -1;

	*wrote = false;
	if (!p)
		return -1;
	if (failed(rd_kafka_init_transactions(p, STEP_MS * 2), "init_transactions", err) < 0 || was_written(g, &state, &group, err) < 0)
		goto out;
	if (!state && group) {
		rc = yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA,
		                "%sstate is empty, but group %s has offsets: the changelog was lost, or the group is another's",
		                g->conf->prefix, g->conf->group);
	} else if (!state) {
		rc = write_genesis(g, p, err);
		*wrote = rc == 0;
	} else {
		rc = 0;
	}
out:
	rd_kafka_destroy(p);
	return rc;
}

static int genesis(const struct yt_kafka_conf *conf, rd_kafka_t *rk, int64_t deadline, bool *wrote, char log_id[YT_LOG_ID_BYTES + 1],
                   struct yt_err *err)
{
	struct genesis g = { .conf = conf, .rk = rk };
	int rc;

	snprintf(g.tid, sizeof g.tid, "%s~init", conf->group);
	g.read = yt_kafka_read_new(conf, true, err);
	if (!g.read)
		return -1;
	/* A commit of unknown outcome is seen by the next attempt. */
	do
		rc = genesis_once(&g, wrote, err);
	while (rc < 0 && patiently(deadline, err) == 0);
	memcpy(log_id, g.log_id, sizeof g.log_id);
	yt_kafka_read_free(g.read);
	return rc;
}

/* ---- init */

static void say_topics(const struct yt_kafka_conf *conf, const struct wants *w, sayer say, void *ctx)
{
	char line[YT_KAFKA_TOPIC_MAX + 128];

	for (int i = 0; i < w->n; i++) {
		const struct want *t = &w->v[i];

		if (t->made)
			snprintf(line, sizeof line, "created %s: %d partitions, replication %d", t->name, t->partitions, conf->replication);
		else if (t->have != t->partitions)
			snprintf(line, sizeof line, "%s %s: %d partitions instead of %d", t->exact ? "wrong" : "differs", t->name, t->have,
			         t->partitions);
		else
			snprintf(line, sizeof line, "exists %s: %d partitions", t->name, t->have);
		say(ctx, line);
	}
}

static int await_leaders(rd_kafka_t *rk, struct wants *w, struct yt_err *err)
{
	int64_t deadline = yt_kafka_mono_ms() + LEADERS_MS;

	for (;;) {
		bool leaders, all = true;
		int rc = look(rk, w, STEP_MS, &leaders, err);

		for (int i = 0; i < w->n && rc == 0; i++)
			all &= w->v[i].have > 0;
		if (rc == 0 && all && leaders)
			return 0;
		if (yt_kafka_mono_ms() > deadline)
			return rc < 0 ? rc : yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "new topics have no leaders yet");
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
}

static int init_with(const struct yt_kafka_conf *conf, rd_kafka_t *rk, int64_t deadline, sayer say, void *ctx, struct yt_err *err)
{
	char line[256], log_id[YT_LOG_ID_BYTES + 1] = "";
	struct wants w;
	bool leaders, wrote;
	int rc;

	want_all(conf, &w);
	do
		rc = look(rk, &w, STEP_MS, &leaders, err);
	while (rc < 0 && patiently(deadline, err) == 0);
	if (rc < 0)
		return -1;
	do
		rc = create_missing(conf, rk, &w, err);
	while (rc < 0 && patiently(deadline, err) == 0);
	if (rc < 0 || await_leaders(rk, &w, err) < 0)
		return -1;
	say_topics(conf, &w, say, ctx);
	do
		rc = yt_kafka_check_topics(conf, rk, STEP_MS, err);
	while (rc < 0 && patiently(deadline, err) == 0);
	if (rc < 0 || genesis(conf, rk, deadline, &wrote, log_id, err) < 0)
		return -1;
	if (wrote)
		snprintf(line, sizeof line, "started log %s: %d shards, group %s", log_id, conf->partitions, conf->group);
	else
		snprintf(line, sizeof line, "exists the log of group %s", conf->group);
	say(ctx, line);
	return 0;
}

int yt_kafka_init(const struct yt_kafka_conf *conf, int64_t timeout_ms, void (*say)(void *ctx, const char *line), void *ctx,
                  struct yt_err *err)
{
	rd_kafka_t *rk;
	int rc;

	if (yt_kafka_conf_check(conf, err) < 0)
		return -1;
	rk = yt_kafka_open(conf, YT_KAFKA_COMMITTED, NULL, NULL, NULL, err);
	if (!rk)
		return -1;
	rc = init_with(conf, rk, yt_kafka_mono_ms() + timeout_ms, say, ctx, err);
	yt_kafka_destroy(rk);
	return rc;
}
