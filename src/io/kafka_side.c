/* Questions to the brokers that may block, on a thread of their own: the group's offsets, the ends of partitions, and putting an end to
 * the open transaction of a former owner. Whatever can't be answered now stays on the list and is asked again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "yutang/base/log.h"
#include "yutang/engine/checkpoint.h"

#include "kafka_int.h"

enum {
	ALL_MS = 250,      /* many shards' offsets at once: one that is blocked holds up the answer for all */
	SINGLE_MS = 100,   /* one shard's, to see which it is */
	BLOCKED_MS = 1000, /* unstable for so long, all of that together: the former owner is fenced (DESIGN 4) */
	AFTER_MS = 1000,   /* after that */
	ENDS_MS = 1000,
	AGAIN_MS = 200,
	FENCE_MS = 10000,
	LOOK_MS = 5000,    /* reading the tail of a changelog */
	UNSURE_MS = 60000, /* offsets that disagree with the changelog for so long are told as they are */
	JOIN_SECONDS = 5
};

struct question {
	enum yt_side_kind kind;
	int shard;
	uint32_t seq; /* outdated where it is not the newest of its kind and shard */
	int64_t unsure_since; /* OPEN: since when offsets and changelog disagree, mono ms; 0: they do not */
};

struct questions {
	struct question *v;
	size_t n, cap;
};

struct yt_side {
	const struct yt_kafka_conf *conf;
	rd_kafka_t *committed, *raw;
	int fd;
	_Atomic bool *away;
	pthread_t thread;
	char own_tid[512];

	pthread_mutex_t lock; /* guards what stands up to the empty line */
	pthread_cond_t cond;
	struct questions asked;
	struct yt_side_answer *answers;
	uint32_t *answer_seqs;
	size_t n_answers, answers_cap;
	uint32_t *seq[YT_SIDE_KINDS]; /* by shard */
	uint32_t next_seq;
	bool stop, probe;

	_Atomic uint64_t fenced;
	struct questions todo; /* the thread's own */
	struct questions unsure; /* OPEN questions whose answer is not to be believed yet */
	struct yt_kafka_read *reader; /* read_committed, of changelogs; made when it is needed */
	bool waiting_said;
};

static void push(struct questions *q, struct question v)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 64;
		q->v = realloc(q->v, q->cap * sizeof *q->v);
		if (!q->v)
			yt_out_of_memory(q->cap * sizeof *q->v);
	}
	q->v[q->n++] = v;
}

/* ---- partition lists */

void yt_kafka_add_inputs(const struct yt_kafka_conf *conf, rd_kafka_topic_partition_list_t *list, int shard, const int64_t *next)
{
	char topic[YT_KAFKA_TOPIC_MAX];

	for (int i = 0; i < conf->n_inputs; i++) {
		rd_kafka_topic_partition_t *e;

		if (next && next[i] < 0)
			continue;
		e = rd_kafka_topic_partition_list_add(list, yt_kafka_topic(conf, conf->inputs[i], topic), shard);
		e->offset = next ? next[i] : RD_KAFKA_OFFSET_INVALID;
	}
}

static int input_of(const struct yt_kafka_conf *conf, const char *topic)
{
	char name[YT_KAFKA_TOPIC_MAX];

	for (int i = 0; i < conf->n_inputs; i++)
		if (strcmp(topic, yt_kafka_topic(conf, conf->inputs[i], name)) == 0)
			return i;
	return -1;
}

void yt_kafka_group_pos(const struct yt_kafka_conf *conf, const rd_kafka_topic_partition_list_t *list, int shard,
                        struct yt_group_pos *pos)
{
	bool first = true;

	memset(pos, 0, sizeof *pos);
	for (int i = 0; i < YT_INPUTS_MAX; i++)
		pos->next[i] = -1;
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *e = &list->elems[i];
		int input = e->partition == shard ? input_of(conf, e->topic) : -1;
		char meta[128], log_id[YT_LOG_ID_BYTES + 1];
		uint64_t version;
		bool good;

		if (input < 0 || e->offset < 0)
			continue;
		pos->next[input] = e->offset;
		snprintf(meta, sizeof meta, "%.*s", (int)(e->metadata_size < sizeof meta ? e->metadata_size : sizeof meta - 1),
		         e->metadata ? (const char *)e->metadata : "");
		good = yt_commit_meta_parse(meta, log_id, &version);
		if (first) {
			first = false;
			pos->has_meta = good;
			if (good) {
				memcpy(pos->log_id, log_id, sizeof log_id);
				pos->version = version;
			}
		} else if (!good || version != pos->version || strcmp(log_id, pos->log_id) != 0) {
			pos->has_meta = false;
		}
	}
}

rd_kafka_resp_err_t yt_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
	rd_kafka_resp_err_t e = rd_kafka_committed(rk, list, timeout_ms);

	for (int i = 0; i < list->cnt && !e; i++)
		e = list->elems[i].err;
	return e;
}

rd_kafka_resp_err_t yt_kafka_edges(rd_kafka_t *raw, rd_kafka_topic_partition_list_t *list, int64_t which, int timeout_ms)
{
	rd_kafka_resp_err_t e;

	/* The protocol's "latest" and "earliest": for a handle that reads uncommitted the latest is the high watermark. */
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = which;
	e = rd_kafka_offsets_for_times(raw, list, timeout_ms);
	for (int i = 0; i < list->cnt && !e; i++) {
		e = list->elems[i].err;
		if (!e && list->elems[i].offset < 0)
			e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	}
	return e;
}

/* ---- answers */

static bool is_newest(struct yt_side *s, const struct question *q)
{
	bool newest;

	pthread_mutex_lock(&s->lock);
	newest = s->seq[q->kind][q->shard] == q->seq;
	pthread_mutex_unlock(&s->lock);
	return newest;
}

static void answer(struct yt_side *s, const struct question *q, const struct yt_side_answer *a)
{
	pthread_mutex_lock(&s->lock);
	if (s->n_answers == s->answers_cap) {
		s->answers_cap = s->answers_cap ? 2 * s->answers_cap : 64;
		s->answers = realloc(s->answers, s->answers_cap * sizeof *s->answers);
		s->answer_seqs = realloc(s->answer_seqs, s->answers_cap * sizeof *s->answer_seqs);
		if (!s->answers || !s->answer_seqs)
			yt_out_of_memory(s->answers_cap * sizeof *s->answers);
	}
	s->answers[s->n_answers] = *a;
	s->answer_seqs[s->n_answers++] = q->seq;
	pthread_mutex_unlock(&s->lock);
	yt_kafka_wake(s->fd);
}

/* ---- fencing by name */

struct tail {
	bool found;
	char tid[512];
};

/* Reads state[shard] from `from` to `end`, what is open or aborted too, and keeps the last checkpoint's transactional.id. */
static bool read_tail(struct yt_side *s, const char *topic, int shard, int64_t from, int64_t end, struct tail *t)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t deadline = yt_kafka_mono_ms() + LOOK_MS;
	bool whole = false;

	rd_kafka_topic_partition_list_add(list, topic, shard)->offset = from;
	t->found = false;
	if (rd_kafka_assign(s->raw, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		goto out;
	while (!whole && yt_kafka_mono_ms() < deadline) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(s->raw, 100);
		struct yt_checkpoint c;

		if (!m)
			continue;
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			whole = m->offset >= end;
		else if (!m->err && yt_str_eq(yt_str(m->key, m->key_len), YT_S(YT_CHECKPOINT_KEY)) &&
		         yt_checkpoint_decode(yt_str(m->payload, m->len), &c) && c.transactional_id.n < sizeof t->tid) {
			t->found = true;
			snprintf(t->tid, sizeof t->tid, "%.*s", YT_FMT(c.transactional_id));
		}
		whole |= !m->err && m->offset + 1 >= end;
		rd_kafka_message_destroy(m);
	}
out:
	rd_kafka_assign(s->raw, NULL);
	rd_kafka_topic_partition_list_destroy(list);
	return whole;
}

/* The transactional.id of the last checkpoint record of the shard, committed or not. Each step back is 16 times as far. */
static bool last_writer(struct yt_side *s, int shard, struct tail *t)
{
	char topic[YT_KAFKA_TOPIC_MAX];
	int64_t lo, hi;

	yt_kafka_topic(s->conf, "state", topic);
	if (rd_kafka_query_watermark_offsets(s->raw, topic, shard, &lo, &hi, ENDS_MS))
		return false;
	for (int64_t back = 64;; back *= 16) {
		int64_t from = hi - back > lo ? hi - back : lo;

		if (!read_tail(s, topic, shard, from, hi, t))
			return false;
		if (t->found || from == lo)
			return t->found;
	}
}

/* Ends whatever transaction the last writer of the shard may have open. */
static void fence(struct yt_side *s, int shard)
{
	struct tail t;
	struct yt_err err;
	rd_kafka_error_t *error;
	rd_kafka_t *p;
	int64_t began = yt_kafka_mono_ms();

	if (!last_writer(s, shard, &t)) {
		yt_warn("fence_failed", "shard=%d error=no_checkpoint_read", shard);
		return;
	}
	/* Our own was ended before the group was joined. */
	if (strcmp(t.tid, s->own_tid) == 0)
		return;
	p = yt_kafka_open(s->conf, YT_KAFKA_PRODUCER, t.tid, NULL, NULL, &err);
	if (!p) {
		yt_warn("fence_failed", "shard=%d error=%s", shard, yt_q(err.msg));
		return;
	}
	error = rd_kafka_init_transactions(p, FENCE_MS);
	if (error) {
		yt_warn("fence_failed", "shard=%d transactional_id=%s error=%s", shard, yt_q(t.tid),
		        yt_q(rd_kafka_error_string(error)));
		rd_kafka_error_destroy(error);
	} else {
		atomic_fetch_add(&s->fenced, 1);
		yt_info("fenced", "shard=%d transactional_id=%s ms=%" PRId64, shard, yt_q(t.tid), yt_kafka_mono_ms() - began);
	}
	rd_kafka_destroy(p);
}

/* ---- the questions */

/* Says that something is waited for: once, until all was answered. */
static void note(struct yt_side *s, rd_kafka_resp_err_t e, const char *what)
{
	if (e && !s->waiting_said)
		yt_warn("kafka_waits", "for=%s error=%s", what, yt_q(rd_kafka_err2str(e)));
	s->waiting_said |= e != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A group coordinator that has just been loaded was seen to answer with offsets of long ago, without any error. So C counts only where the
 * changelog's last checkpoint has its version, or after both have disagreed for UNSURE_MS: then somebody must look. */
static bool is_believed(struct yt_side *s, struct question *q, const struct yt_group_pos *pos)
{
	struct yt_err err;
	struct yt_kafka_checkpoint last;
	int n;

	if (!pos->has_meta)
		return true;
	if (!s->reader)
		s->reader = yt_kafka_read_new(s->conf, true, &err);
	n = s->reader ? yt_kafka_last_checkpoint(s->reader, q->shard, YT_S(""), &last) : -1;
	if (n == 0 || (n > 0 && last.version == pos->version))
		return true;
	if (!q->unsure_since) {
		q->unsure_since = yt_kafka_mono_ms();
		if (n > 0)
			yt_warn("offsets_unsure", "shard=%d group=%" PRIu64 " state=%" PRIu64, q->shard, pos->version, last.version);
	}
	return n > 0 && yt_kafka_mono_ms() - q->unsure_since >= UNSURE_MS;
}

static void answer_open(struct yt_side *s, const struct question *asked, const rd_kafka_topic_partition_list_t *list)
{
	struct question q = *asked;
	struct yt_side_answer a = { .kind = q.kind, .shard = q.shard };

	yt_kafka_group_pos(s->conf, list, q.shard, &a.pos);
	if (is_believed(s, &q, &a.pos))
		answer(s, &q, &a);
	else
		push(&s->unsure, q);
}

static rd_kafka_resp_err_t read_group(struct yt_side *s, const struct question *v, size_t n, int timeout_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n * s->conf->n_inputs);
	rd_kafka_resp_err_t e;

	for (size_t i = 0; i < n; i++)
		yt_kafka_add_inputs(s->conf, list, v[i].shard, NULL);
	e = yt_kafka_committed(s->committed, list, timeout_ms);
	for (size_t i = 0; i < n && !e; i++)
		answer_open(s, &v[i], list);
	rd_kafka_topic_partition_list_destroy(list);
	return e;
}

static bool is_blocked(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR__TIMED_OUT || e == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
}

/* Until the deadline, mono ms: answers those of v that can be answered one by one, and keeps the others. */
static void sift(struct yt_side *s, struct questions *v, int64_t deadline)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->n; i++)
		if (is_newest(s, &v->v[i]) && (yt_kafka_mono_ms() >= deadline || read_group(s, &v->v[i], 1, SINGLE_MS)))
			v->v[kept++] = v->v[i];
	v->n = kept;
}

/* All at once; where that is blocked, one by one; the last writers of those that stay blocked are fenced. */
static void open_shards(struct yt_side *s, struct questions *open, struct questions *again)
{
	int64_t deadline = yt_kafka_mono_ms() + BLOCKED_MS, left;
	rd_kafka_resp_err_t e;

	if (open->n == 0)
		return;
	e = read_group(s, open->v, open->n, ALL_MS);
	note(s, e, "committed_offsets");
	if (is_blocked(e)) {
		sift(s, open, deadline);
		left = deadline - yt_kafka_mono_ms();
		e = open->n ? read_group(s, open->v, open->n, left > SINGLE_MS ? (int)left : SINGLE_MS) : RD_KAFKA_RESP_ERR_NO_ERROR;
	}
	if (!e)
		return;
	for (size_t i = 0; i < open->n; i++) {
		const struct question *q = &open->v[i];

		if (!is_newest(s, q))
			continue;
		/* One of them may have been freed with another. */
		if (is_blocked(e)) {
			if (!read_group(s, q, 1, SINGLE_MS))
				continue;
			fence(s, q->shard);
			if (!read_group(s, q, 1, AFTER_MS))
				continue;
		}
		push(again, *q);
	}
}

static int64_t offset_in(const rd_kafka_topic_partition_list_t *list, const char *topic, int shard)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].partition == shard && strcmp(list->elems[i].topic, topic) == 0)
			return list->elems[i].offset;
	return -1;
}

/* The ends of all inputs of the shards asked about. */
static void find_ends(struct yt_side *s, struct questions *v, struct questions *again)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)v->n * s->conf->n_inputs);
	char topic[YT_KAFKA_TOPIC_MAX];
	rd_kafka_resp_err_t e;

	for (size_t i = 0; i < v->n; i++)
		yt_kafka_add_inputs(s->conf, list, v->v[i].shard, NULL);
	e = v->n ? yt_kafka_edges(s->raw, list, RD_KAFKA_OFFSET_END, ENDS_MS) : RD_KAFKA_RESP_ERR_NO_ERROR;
	note(s, e, "ends");
	for (size_t i = 0; i < v->n; i++) {
		struct yt_side_answer a = { .kind = YT_SIDE_ENDS, .shard = v->v[i].shard };

		if (e) {
			push(again, v->v[i]);
			continue;
		}
		for (int j = 0; j < YT_INPUTS_MAX; j++)
			a.end[j] = j < s->conf->n_inputs ? offset_in(list, yt_kafka_topic(s->conf, s->conf->inputs[j], topic), a.shard) : -1;
		answer(s, &v->v[i], &a);
	}
	rd_kafka_topic_partition_list_destroy(list);
}

/* Where the changelogs begin and end. The beginning as a number: to find it by itself takes the library half a second where it does not
 * know the leader yet. */
static void find_highs(struct yt_side *s, struct questions *v, struct questions *again)
{
	rd_kafka_topic_partition_list_t *high = rd_kafka_topic_partition_list_new((int)v->n), *low;
	char topic[YT_KAFKA_TOPIC_MAX];
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;

	yt_kafka_topic(s->conf, "state", topic);
	for (size_t i = 0; i < v->n; i++)
		rd_kafka_topic_partition_list_add(high, topic, v->v[i].shard);
	low = rd_kafka_topic_partition_list_copy(high);
	if (v->n)
		e = yt_kafka_edges(s->raw, high, RD_KAFKA_OFFSET_END, ENDS_MS);
	if (v->n && !e)
		e = yt_kafka_edges(s->raw, low, RD_KAFKA_OFFSET_BEGINNING, ENDS_MS);
	note(s, e, "changelog_ends");
	for (size_t i = 0; i < v->n; i++) {
		struct yt_side_answer a = { .kind = YT_SIDE_HIGH, .shard = v->v[i].shard };

		if (e) {
			push(again, v->v[i]);
			continue;
		}
		a.high = offset_in(high, topic, a.shard);
		a.low = offset_in(low, topic, a.shard);
		answer(s, &v->v[i], &a);
	}
	rd_kafka_topic_partition_list_destroy(high);
	rd_kafka_topic_partition_list_destroy(low);
}

static void work(struct yt_side *s)
{
	struct questions by_kind[YT_SIDE_KINDS] = { 0 }, again = { 0 };

	for (size_t i = 0; i < s->todo.n; i++) {
		struct question *q = &s->todo.v[i];

		if (!is_newest(s, q))
			continue;
		if (q->kind == YT_SIDE_FENCE)
			fence(s, q->shard);
		else
			push(&by_kind[q->kind], *q);
	}
	s->todo.n = 0;
	/* What is quick first. */
	find_ends(s, &by_kind[YT_SIDE_ENDS], &again);
	find_highs(s, &by_kind[YT_SIDE_HIGH], &again);
	open_shards(s, &by_kind[YT_SIDE_OPEN], &again);
	for (int k = 0; k < YT_SIDE_KINDS; k++)
		free(by_kind[k].v);
	for (size_t i = 0; i < s->unsure.n; i++)
		push(&again, s->unsure.v[i]);
	s->unsure.n = 0;
	free(s->todo.v);
	s->todo = again;
	if (again.n == 0)
		s->waiting_said = false;
}

static void look_for_brokers(struct yt_side *s)
{
	const struct rd_kafka_metadata *md;

	if (rd_kafka_metadata(s->raw, 0, NULL, &md, ENDS_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		rd_kafka_metadata_destroy(md);
		yt_kafka_set_away(s->away, false, NULL);
	}
}

static void *run(void *arg)
{
	struct yt_side *s = arg;
	bool stop = false;

	pthread_setname_np(pthread_self(), "yt-side");
	while (!stop) {
		struct timespec until;
		bool probe;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += AGAIN_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&s->lock);
		while (!s->stop && !s->probe && s->asked.n == 0) {
			if (s->todo.n == 0)
				pthread_cond_wait(&s->cond, &s->lock);
			else if (pthread_cond_timedwait(&s->cond, &s->lock, &until) != 0)
				break;
		}
		for (size_t i = 0; i < s->asked.n; i++)
			push(&s->todo, s->asked.v[i]);
		s->asked.n = 0;
		stop = s->stop;
		probe = s->probe;
		s->probe = false;
		pthread_mutex_unlock(&s->lock);
		if (stop)
			break;
		if (probe)
			look_for_brokers(s);
		work(s);
		rd_kafka_message_t *m = rd_kafka_consumer_poll(s->raw, 0); /* its errors are those of the others */
		if (m)
			rd_kafka_message_destroy(m);
	}
	return NULL;
}

/* ---- for the engine's thread */

struct yt_side *yt_side_new(const struct yt_kafka_conf *conf, rd_kafka_t *committed, int fd, _Atomic bool *away, struct yt_err *err)
{
	struct yt_side *s = calloc(1, sizeof *s);

	if (!s)
		yt_out_of_memory(sizeof *s);
	s->conf = conf;
	s->committed = committed;
	s->fd = fd;
	s->away = away;
	yt_kafka_tid(conf, s->own_tid, sizeof s->own_tid);
	for (int k = 0; k < YT_SIDE_KINDS; k++) {
		s->seq[k] = calloc((size_t)conf->partitions, sizeof *s->seq[k]);
		if (!s->seq[k])
			yt_out_of_memory((size_t)conf->partitions * sizeof *s->seq[k]);
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->cond, NULL);
	s->raw = yt_kafka_open(conf, YT_KAFKA_RAW, NULL, NULL, NULL, err);
	if (!s->raw || pthread_create(&s->thread, NULL, run, s) != 0) {
		if (s->raw)
			yt_err_set(err, YT_ERR_FATAL, YT_EXIT_UNAVAILABLE, "the side thread can't be started");
		yt_kafka_destroy(s->raw);
		free(s);
		return NULL;
	}
	return s;
}

bool yt_side_free(struct yt_side *s)
{
	struct timespec until;

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_SECONDS;
	if (pthread_timedjoin_np(s->thread, NULL, &until) != 0)
		return false;
	yt_kafka_destroy(s->raw);
	yt_kafka_read_free(s->reader);
	free(s->unsure.v);
	for (int k = 0; k < YT_SIDE_KINDS; k++)
		free(s->seq[k]);
	free(s->asked.v);
	free(s->todo.v);
	free(s->answers);
	free(s->answer_seqs);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->cond);
	free(s);
	return true;
}

void yt_side_ask(struct yt_side *s, enum yt_side_kind kind, int shard)
{
	pthread_mutex_lock(&s->lock);
	s->seq[kind][shard] = ++s->next_seq;
	push(&s->asked, (struct question){ .kind = kind, .shard = shard, .seq = s->next_seq });
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

void yt_side_forget(struct yt_side *s)
{
	pthread_mutex_lock(&s->lock);
	for (int k = 0; k < YT_SIDE_KINDS; k++)
		memset(s->seq[k], 0, (size_t)s->conf->partitions * sizeof *s->seq[k]);
	s->n_answers = 0;
	pthread_mutex_unlock(&s->lock);
}

bool yt_side_take(struct yt_side *s, struct yt_side_answer *a)
{
	bool found = false;

	pthread_mutex_lock(&s->lock);
	while (s->n_answers > 0 && !found) {
		uint32_t seq = s->answer_seqs[--s->n_answers];

		*a = s->answers[s->n_answers];
		found = s->seq[a->kind][a->shard] == seq;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

uint64_t yt_side_fenced(const struct yt_side *s)
{
	return atomic_load(&s->fenced);
}

void yt_side_probe(struct yt_side *s)
{
	pthread_mutex_lock(&s->lock);
	s->probe = true;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
}
