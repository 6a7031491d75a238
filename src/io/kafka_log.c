/* The log port over Kafka: everything that happens on the engine's thread. The member of the group delivers records, a second consumer
 * restores; what blocks is asked of kafka_side, transactions are made by kafka_txn.
 *
 * A rebalance is completed at once with an empty assignment, so that the group does not wait while shards are restored; start() then
 * assigns what is ready, with explicit offsets. A revocation comes for what the group gave, whatever was assigned here meanwhile. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "yutang/base/log.h"

#include "kafka_int.h"

enum {
	RESTORE_RECORDS = 20000,     /* a poll: live shards go on meanwhile */
	RESTORE_BLOCKED_MS = 1000,   /* an open transaction before the end: its owner is fenced */
	RESTORE_FENCE_AGAIN_MS = 5000,
	INSTANCE_TWICE_MS = 60000,   /* DESIGN 4 */
	MEMBER_AGAIN_MS = 1000,
	PROBE_MS = 1000,
	CLOSE_SECONDS = 3
};

/* A consumer in the group. */
struct member {
	rd_kafka_t *rk;
	rd_kafka_topic_t *inputs[YT_INPUTS_MAX]; /* held, so that a record's topic is known by its address */
	/* Of each partition that was ever started here, by shard and input; else NULL. In the one queue that they would share, the library looks for room in
	 * a fixed order of the partitions: behind a backlog the last ones would not be fetched at all. */
	rd_kafka_queue_t **queues;
	size_t n_queues;
};

struct restore {
	bool on;
	bool reading;
	int64_t high; /* -1: asked */
	int64_t eof;  /* last stable offset that was reached, -1: none */
	int64_t asked_ms; /* when `high` was known: a transaction that is open below it, is open since then at least */
	int64_t blocked_since_ms;
};

struct shard {
	bool started;
	int64_t next[YT_INPUTS_MAX]; /* nothing below it is handed up */
	int64_t end[YT_INPUTS_MAX];  /* last one told */
	uint32_t touched;            /* bit per input: a record came in this poll */
	struct restore restore;
};

struct yt_kafka_log {
	struct yt_log port;
	struct yt_kafka_conf conf;
	const struct yt_log_up *up;
	void *ctx;
	int fd;
	_Atomic bool away;

	rd_kafka_t *committed; /* restores; kafka_side and kafka_txn ask it for offsets */
	struct yt_side *side;
	struct yt_txn *txn;
	rd_kafka_consumer_group_metadata_t *meta;

	struct member *member; /* NULL: not yet, or it failed */
	int64_t member_at_ms;  /* not made before */
	bool member_failed;
	rd_kafka_resp_err_t member_err;
	char member_why[256];

	struct shard *shards;
	struct yt_kafka_headers headers; /* of the record at hand */
	size_t poll_next;      /* the queue that comes first */
	int n_restoring;
	bool held;             /* the engine has an assignment */
	bool revoked;          /* the group takes it back: on_revoked is to be called, or was and release() is awaited */
	bool revoked_told, revoked_lost;
	bool unassign;         /* the member waits for release() */
	int *assigned;
	size_t n_assigned;
	bool assigned_pending;
	bool joined;

	bool fenced_once;
	int64_t away_ms;       /* when the brokers were last seen away */
	int64_t rejoined_ms;   /* first assignment after that; 0: none */
	uint64_t n_rejoined;
	int64_t probe_at_ms;
	bool fatal_told;
};

/* ---- assigning
 *
 * librdkafka stops the fetcher of a partition that is taken away by messages to its own main thread: one to the partition, one back.
 * Whoever takes the same partition away a second time in between ends the process by an assertion (its issue 5573). */

/* Waits until both have come: a question to the same thread is answered after all that waited there before. */
static void await_stops(rd_kafka_t *rk)
{
	for (int i = 0; i < 2; i++) {
		rd_kafka_topic_partition_list_t *list = NULL;

		if (rd_kafka_assignment(rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_topic_partition_list_destroy(list);
	}
}

static rd_kafka_resp_err_t assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t e = rd_kafka_assign(rk, list);

	await_stops(rk);
	return e;
}

static void unassign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_error_t *error = rd_kafka_incremental_unassign(rk, list);

	if (error)
		rd_kafka_error_destroy(error);
	await_stops(rk);
}

/* ---- the member */

static void fail_member(struct yt_kafka_log *l, rd_kafka_resp_err_t e, const char *why)
{
	if (l->member_failed)
		return;
	l->member_failed = true;
	l->member_err = e;
	snprintf(l->member_why, sizeof l->member_why, "%s", why);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct yt_kafka_log *l = opaque;
	char text[256];

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_resp_err_t e = rd_kafka_fatal_error(rk, text, sizeof text);

		if (l->member && rk == l->member->rk)
			fail_member(l, e, text);
	} else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		yt_kafka_set_away(&l->away, true, reason);
	} else {
		yt_debug("kafka_error", "client=%s error=%s", yt_q(rd_kafka_name(rk)), yt_q(reason));
	}
}

static void stop_all(struct yt_kafka_log *l)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(l->conf.partitions);
	char topic[YT_KAFKA_TOPIC_MAX];

	yt_kafka_topic(&l->conf, "state", topic);
	for (int s = 0; s < l->conf.partitions; s++) {
		if (l->shards[s].restore.reading)
			rd_kafka_topic_partition_list_add(list, topic, s);
		memset(&l->shards[s], 0, sizeof l->shards[s]);
	}
	if (list->cnt > 0)
		unassign(l->committed, list);
	rd_kafka_topic_partition_list_destroy(list);
	l->n_restoring = 0;
	yt_side_forget(l->side);
}

static void note_revoked(struct yt_kafka_log *l, bool lost)
{
	stop_all(l);
	l->assigned_pending = false;
	if (l->held && !l->revoked) {
		l->revoked = true;
		l->revoked_told = false;
		l->revoked_lost = lost;
	}
}

/* The group gave partition p of all inputs, or of some where topics have different counts (which the check refuses). */
static void note_assigned(struct yt_kafka_log *l, const rd_kafka_topic_partition_list_t *list)
{
	char topic[YT_KAFKA_TOPIC_MAX];

	yt_kafka_topic(&l->conf, "internal", topic);
	l->n_assigned = 0;
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].partition < l->conf.partitions && strcmp(list->elems[i].topic, topic) == 0)
			l->assigned[l->n_assigned++] = list->elems[i].partition;
	l->assigned_pending = true;
	l->joined = true;
	if (l->fenced_once && !l->rejoined_ms)
		l->rejoined_ms = yt_kafka_mono_ms();
}

/* What was fetched of partitions that were taken away since: the library passes over it, and frees it only then. While one is fetched this would not end. */
static void free_fetched(struct member *m)
{
	rd_kafka_message_t *message;

	for (size_t i = 0; i < m->n_queues; i++)
		while (m->queues[i] && (message = rd_kafka_consume_queue(m->queues[i], 0)))
			rd_kafka_message_destroy(message);
}

static void close_queue(rd_kafka_queue_t *q)
{
	if (!q)
		return;
	rd_kafka_queue_io_event_enable(q, -1, NULL, 0);
	rd_kafka_queue_destroy(q);
}

/* Called from within rd_kafka_consumer_poll, on the engine's thread. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct yt_kafka_log *l = opaque;
	rd_kafka_topic_partition_list_t *none;

	if (!l->member || rk != l->member->rk) {
		assign(rk, NULL);
		return;
	}
	if (e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		none = rd_kafka_topic_partition_list_new(0);
		assign(rk, none);
		rd_kafka_topic_partition_list_destroy(none);
		note_assigned(l, list);
		return;
	}
	l->joined = false;
	note_revoked(l, rd_kafka_assignment_lost(rk));
	if (l->revoked) {
		l->unassign = true;
		return;
	}
	assign(rk, NULL);
	free_fetched(l->member);
}

static void subscribe(struct yt_kafka_log *l)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(l->conf.n_inputs);
	char topic[YT_KAFKA_TOPIC_MAX];
	rd_kafka_resp_err_t e;

	for (int i = 0; i < l->conf.n_inputs; i++)
		rd_kafka_topic_partition_list_add(list, yt_kafka_topic(&l->conf, l->conf.inputs[i], topic),
		                                  RD_KAFKA_PARTITION_UA);
	e = rd_kafka_subscribe(l->member->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		fail_member(l, e, rd_kafka_err2str(e));
}

static void watch_queue(struct yt_kafka_log *l, rd_kafka_queue_t *q)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(q, l->fd, &one, sizeof one);
}

static void watch(struct yt_kafka_log *l, rd_kafka_t *rk)
{
	rd_kafka_queue_t *q = rd_kafka_queue_get_consumer(rk);

	watch_queue(l, q);
	rd_kafka_queue_destroy(q);
}

static int make_member(struct yt_kafka_log *l, struct yt_err *err)
{
	struct member *m = calloc(1, sizeof *m);
	char topic[YT_KAFKA_TOPIC_MAX];
	rd_kafka_conf_t *c;

	if (!m)
		yt_out_of_memory(sizeof *m);
	c = yt_kafka_conf_make(&l->conf, YT_KAFKA_MEMBER, NULL, err);
	if (c) {
		rd_kafka_conf_set_error_cb(c, on_error);
		rd_kafka_conf_set_rebalance_cb(c, on_rebalance);
		rd_kafka_conf_set_opaque(c, l);
		m->rk = yt_kafka_make(c, YT_KAFKA_MEMBER, err);
	}
	if (!m->rk) {
		free(m);
		return -1;
	}
	m->n_queues = (size_t)l->conf.partitions * (size_t)l->conf.n_inputs;
	m->queues = calloc(m->n_queues, sizeof *m->queues);
	if (!m->queues)
		yt_out_of_memory(m->n_queues * sizeof *m->queues);
	for (int i = 0; i < l->conf.n_inputs; i++)
		m->inputs[i] = rd_kafka_topic_new(m->rk, yt_kafka_topic(&l->conf, l->conf.inputs[i], topic), NULL);
	l->member = m;
	l->member_failed = false;
	watch(l, m->rk);
	subscribe(l);
	return 0;
}

static void *close_member(void *arg)
{
	struct member *m = arg;

	for (size_t i = 0; i < m->n_queues; i++)
		close_queue(m->queues[i]);
	for (int i = 0; i < YT_INPUTS_MAX; i++)
		if (m->inputs[i])
			rd_kafka_topic_destroy(m->inputs[i]);
	yt_kafka_destroy(m->rk);
	free(m->queues);
	free(m);
	return NULL;
}

static void fatal(struct yt_kafka_log *l, const struct yt_err *err)
{
	if (l->fatal_told)
		return;
	l->fatal_told = true;
	l->up->on_fatal(l->ctx, err);
}

/* The member can't go on: it is made again, unless the group says a second time that somebody else has our name. */
static void replace_member(struct yt_kafka_log *l)
{
	int64_t now = yt_kafka_mono_ms();
	struct member *m = l->member;
	struct yt_err err;
	pthread_t thread;

	if (l->member_err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
		/* A broker that came back fences every static member (DESIGN 4): it counts only where none was away since. */
		if (l->fenced_once && l->rejoined_ms && now - l->rejoined_ms < INSTANCE_TWICE_MS && l->away_ms < l->rejoined_ms) {
			yt_err_set(&err, YT_ERR_FATAL, YT_EXIT_INSTANCE,
			           "instance %s of group %s was started twice: another process has joined under this name",
			           l->conf.instance, l->conf.group);
			fatal(l, &err);
			return;
		}
		l->fenced_once = true;
		l->rejoined_ms = 0;
	}
	yt_warn("consumer_remade", "error=%s", yt_q(l->member_why));
	l->n_rejoined++;
	l->joined = l->unassign = false;
	l->member = NULL;
	l->member_at_ms = now + MEMBER_AGAIN_MS;
	note_revoked(l, true);
	/* Closing may hang, so nobody waits for it. */
	if (pthread_create(&thread, NULL, close_member, m) == 0)
		pthread_detach(thread);
}

/* ---- records */

static int input_of(const struct member *m, const rd_kafka_topic_t *topic, int n)
{
	for (int i = 0; i < n; i++)
		if (m->inputs[i] == topic)
			return i;
	for (int i = 0; i < n; i++)
		if (strcmp(rd_kafka_topic_name(m->inputs[i]), rd_kafka_topic_name(topic)) == 0)
			return i;
	return -1;
}

static void tell_end(struct yt_kafka_log *l, int input, int shard, int64_t offset)
{
	struct shard *s = &l->shards[shard];

	if (!s->started || offset < s->next[input] || s->end[input] == offset)
		return;
	s->end[input] = offset;
	l->up->on_end(l->ctx, input, shard, offset);
}

static bool hand_up(struct yt_kafka_log *l, const rd_kafka_message_t *m, int input)
{
	struct shard *s = &l->shards[m->partition];
	struct yt_record rec;

	if (!s->started || m->offset < s->next[input])
		return false;
	s->next[input] = m->offset + 1;
	s->touched |= 1u << input;
	rec = yt_kafka_record(m, input, &l->headers);
	l->up->on_record(l->ctx, &rec);
	return true;
}

static void member_error(struct yt_kafka_log *l, const rd_kafka_message_t *m)
{
	struct yt_err err;
	char text[256];

	switch (m->err) {
	case RD_KAFKA_RESP_ERR__FATAL:
		fail_member(l, rd_kafka_fatal_error(l->member->rk, text, sizeof text), rd_kafka_message_errstr(m));
		return;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
		if (m->rkt && m->partition >= 0 && m->partition < l->conf.partitions && !l->shards[m->partition].started)
			return;
		yt_err_set(&err, YT_ERR_FATAL, YT_EXIT_DATA, "%s/%d: records that were not yet read are gone: %s",
		           m->rkt ? rd_kafka_topic_name(m->rkt) : "?", (int)m->partition, rd_kafka_message_errstr(m));
		fatal(l, &err);
		return;
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: /* the revocation follows */
	default:
		yt_warn("consumer_error", "error=%s text=%s", rd_kafka_err2name(m->err), yt_q(rd_kafka_message_errstr(m)));
	}
}

/* One message of the member. True where a record went up. */
static bool take_message(struct yt_kafka_log *l, rd_kafka_message_t *m)
{
	bool up = false;
	int input;

	if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		member_error(l, m);
	} else if (m->partition < l->conf.partitions && (input = input_of(l->member, m->rkt, l->conf.n_inputs)) >= 0) {
		if (m->err)
			tell_end(l, input, m->partition, m->offset);
		else
			up = hand_up(l, m, input);
	}
	rd_kafka_message_destroy(m);
	return up;
}

/* The library tells an end with the answer to its next fetch only. Where the last answer said how far the partition goes, that is known now. */
static void tell_early_ends(struct yt_kafka_log *l)
{
	for (int p = 0; p < l->conf.partitions; p++) {
		struct shard *s = &l->shards[p];

		for (int i = 0; s->touched; i++) {
			int64_t lo, hi;

			if (!(s->touched >> i & 1))
				continue;
			s->touched &= ~(1u << i);
			if (rd_kafka_get_watermark_offsets(l->member->rk, rd_kafka_topic_name(l->member->inputs[i]), p, &lo, &hi) ==
			            RD_KAFKA_RESP_ERR_NO_ERROR &&
			    hi >= 0 && s->next[i] >= hi)
				tell_end(l, i, p, s->next[i]);
		}
	}
}

static int poll_input(struct yt_kafka_log *l, int shard, int input, int max_records)
{
	rd_kafka_queue_t *q = l->member->queues[shard * l->conf.n_inputs + input];
	int room = l->up->room(l->ctx, input, shard), n = 0;
	rd_kafka_message_t *m;

	if (room > max_records)
		room = max_records;
	while (n < room && (m = rd_kafka_consume_queue(q, 0)))
		n += take_message(l, m);
	return n;
}

/* Goes on behind the queue where it stopped. */
static int poll_inputs(struct yt_kafka_log *l, int max_records)
{
	size_t all = l->member->n_queues, first = l->poll_next;
	int n = 0;

	for (size_t k = 0; k < all && n < max_records; k++) {
		size_t at = (first + k) % all;
		int shard = (int)at / l->conf.n_inputs;

		if (l->shards[shard].started)
			n += poll_input(l, shard, (int)at % l->conf.n_inputs, max_records - n);
		l->poll_next = at + 1;
	}
	return n;
}

static int poll_member(struct yt_kafka_log *l, int max_records)
{
	rd_kafka_message_t *m;
	int n = 0;

	/* Rebalances, and errors of the member as a whole; records where the library has made a partition anew since it was started. */
	while (n < max_records && (m = rd_kafka_consumer_poll(l->member->rk, 0)))
		n += take_message(l, m);
	n += poll_inputs(l, max_records - n);
	if (n > 0)
		yt_kafka_set_away(&l->away, false, NULL);
	/* The descriptor fires only when an empty queue gets something. Where there was no room, whoever makes it asks again by himself. */
	if (n > 0 && n == max_records)
		yt_kafka_wake(l->fd);
	else if (n > 0)
		tell_early_ends(l);
	return n;
}

/* ---- restore */

static void end_restore(struct yt_kafka_log *l, int shard)
{
	struct restore *r = &l->shards[shard].restore;

	if (r->reading) {
		rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
		char topic[YT_KAFKA_TOPIC_MAX];

		rd_kafka_topic_partition_list_add(list, yt_kafka_topic(&l->conf, "state", topic), shard);
		unassign(l->committed, list);
		rd_kafka_topic_partition_list_destroy(list);
	}
	memset(r, 0, sizeof *r);
	l->n_restoring--;
	l->up->on_restored(l->ctx, shard);
}

static void begin_restore(struct yt_kafka_log *l, int shard, int64_t low, int64_t high)
{
	struct restore *r = &l->shards[shard].restore;
	rd_kafka_topic_partition_list_t *list;
	char topic[YT_KAFKA_TOPIC_MAX];
	rd_kafka_error_t *error;

	if (!r->on || r->reading)
		return;
	r->high = high;
	if (high <= low) {
		end_restore(l, shard);
		return;
	}
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, yt_kafka_topic(&l->conf, "state", topic), shard)->offset = low;
	error = rd_kafka_incremental_assign(l->committed, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (error) {
		struct yt_err err;

		yt_err_set(&err, YT_ERR_BUG, YT_EXIT_BUG, "%s/%d can't be assigned for restoring: %s", topic, shard,
		           rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		fatal(l, &err);
		return;
	}
	r->reading = true;
	r->asked_ms = yt_kafka_mono_ms();
	r->blocked_since_ms = 0;
}

static void take_state(struct yt_kafka_log *l, const rd_kafka_message_t *m)
{
	struct restore *r;

	if (m->partition < 0 || m->partition >= l->conf.partitions || !l->shards[m->partition].restore.reading) {
		if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
			yt_debug("restore_error", "error=%s", yt_q(rd_kafka_message_errstr(m)));
		return;
	}
	r = &l->shards[m->partition].restore;
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		/* The end is the last stable offset: an open transaction may lie before the high watermark. */
		r->eof = m->offset;
		if (m->offset >= r->high)
			end_restore(l, m->partition);
		else if (!r->blocked_since_ms)
			r->blocked_since_ms = r->asked_ms;
	} else if (m->err) {
		yt_warn("restore_error", "shard=%d error=%s", (int)m->partition, yt_q(rd_kafka_message_errstr(m)));
	} else {
		r->blocked_since_ms = 0;
		l->up->on_state(l->ctx, m->partition, yt_str(m->key, m->key_len), yt_str(m->payload, m->len));
		if (l->shards[m->partition].restore.reading && m->offset + 1 >= r->high)
			end_restore(l, m->partition);
	}
}

static void fence_blockers(struct yt_kafka_log *l)
{
	int64_t now = yt_kafka_mono_ms();

	for (int p = 0; p < l->conf.partitions; p++) {
		struct restore *r = &l->shards[p].restore;

		if (r->reading && r->blocked_since_ms && now - r->blocked_since_ms >= RESTORE_BLOCKED_MS) {
			yt_side_ask(l->side, YT_SIDE_FENCE, p);
			r->blocked_since_ms = now + RESTORE_FENCE_AGAIN_MS - RESTORE_BLOCKED_MS;
		}
	}
}

static void poll_restore(struct yt_kafka_log *l)
{
	int n = 0;

	/* Asked without anything to restore too: errors arrive here. */
	for (; n < RESTORE_RECORDS; n++) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(l->committed, 0);

		if (!m)
			break;
		take_state(l, m);
		rd_kafka_message_destroy(m);
	}
	if (n == RESTORE_RECORDS)
		yt_kafka_wake(l->fd);
	if (l->n_restoring > 0)
		fence_blockers(l);
}

/* ---- poll */

static void take_answers(struct yt_kafka_log *l)
{
	struct yt_side_answer a;

	while (yt_side_take(l->side, &a)) {
		yt_kafka_set_away(&l->away, false, NULL);
		if (a.kind == YT_SIDE_OPEN)
			l->up->on_group(l->ctx, a.shard, &a.pos);
		else if (a.kind == YT_SIDE_HIGH)
			begin_restore(l, a.shard, a.low, a.high);
		else if (a.kind == YT_SIDE_ENDS)
			l->up->on_ends(l->ctx, a.shard, a.end);
	}
}

static void tell_group(struct yt_kafka_log *l)
{
	if (l->revoked && !l->revoked_told) {
		l->revoked_told = true;
		yt_info("revoked", "lost=%s", l->revoked_lost ? "yes" : "no");
		l->up->on_revoked(l->ctx, l->revoked_lost);
	}
	/* A new assignment waits until the engine has let go of the one before. */
	if (l->assigned_pending && !l->revoked) {
		l->assigned_pending = false;
		l->held = true;
		yt_info("assigned", "shards=%zu", l->n_assigned);
		l->up->on_assigned(l->ctx, l->assigned, l->n_assigned);
	}
}

static void care_for_member(struct yt_kafka_log *l)
{
	struct yt_err err;

	if (l->member && l->member_failed && !l->fatal_told)
		replace_member(l);
	if (!l->member && !l->fatal_told && yt_txn_ready(l->txn) && yt_kafka_mono_ms() >= l->member_at_ms && make_member(l, &err) < 0)
		fatal(l, &err);
}

static int log_poll(void *ctx, int max_records)
{
	struct yt_kafka_log *l = ctx;
	enum yt_outcome outcome;
	uint64_t count;
	struct yt_err err;
	int n = 0;

	if (read(l->fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
		return 0;
	if (!l->up)
		return 0;
	if (!l->fatal_told && yt_txn_fatal(l->txn, &err))
		fatal(l, &err);
	care_for_member(l);
	if (l->member)
		n = poll_member(l, max_records);
	if (l->member_failed)
		care_for_member(l);
	tell_group(l);
	poll_restore(l);
	take_answers(l);
	if (yt_txn_take(l->txn, &outcome))
		l->up->on_outcome(l->ctx, outcome);
	if (atomic_load(&l->away))
		l->away_ms = yt_kafka_mono_ms();
	if (atomic_load(&l->away) && l->away_ms >= l->probe_at_ms) {
		l->probe_at_ms = yt_kafka_mono_ms() + PROBE_MS;
		yt_side_probe(l->side);
	}
	return n;
}

/* ---- the port */

static void log_open(void *ctx, int shard)
{
	struct yt_kafka_log *l = ctx;

	yt_side_ask(l->side, YT_SIDE_OPEN, shard);
}

static void log_restore(void *ctx, int shard)
{
	struct yt_kafka_log *l = ctx;
	struct restore *r = &l->shards[shard].restore;

	YT_ASSERT(!r->on, "restore");
	*r = (struct restore){ .on = true, .high = -1, .eof = -1 };
	l->n_restoring++;
	/* H is asked for now, after C (DESIGN 4). */
	yt_side_ask(l->side, YT_SIDE_HIGH, shard);
}

/* Made anew each time: the library may have made the partition anew, when its topic was away. */
static void open_queue(struct yt_kafka_log *l, const rd_kafka_topic_partition_t *tp, int input)
{
	rd_kafka_queue_t **q = &l->member->queues[tp->partition * l->conf.n_inputs + input];

	close_queue(*q);
	*q = rd_kafka_queue_get_partition(l->member->rk, tp->topic, tp->partition);
	rd_kafka_queue_forward(*q, NULL);
	watch_queue(l, *q);
}

static void log_start(void *ctx, const int *shards, size_t n, const int64_t (*next)[YT_INPUTS_MAX])
{
	struct yt_kafka_log *l = ctx;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t e;

	/* On the way out: what would be started now is given back in a moment. */
	if (!l->member || l->revoked || l->member_failed)
		return;
	for (int p = 0; p < l->conf.partitions; p++)
		l->shards[p].started = false;
	list = rd_kafka_topic_partition_list_new((int)n * l->conf.n_inputs);
	for (size_t k = 0; k < n; k++) {
		struct shard *s = &l->shards[shards[k]];
		int64_t from[YT_INPUTS_MAX];

		s->started = true;
		s->touched = 0;
		for (int i = 0; i < l->conf.n_inputs; i++) {
			s->next[i] = next[k][i] < 0 ? 0 : next[k][i];
			s->end[i] = -1;
			from[i] = s->next[i];
		}
		yt_kafka_add_inputs(&l->conf, list, shards[k], from);
		for (int i = 0; i < l->conf.n_inputs; i++)
			if (next[k][i] < 0)
				list->elems[list->cnt - l->conf.n_inputs + i].offset = RD_KAFKA_OFFSET_BEGINNING;
	}
	for (int j = 0; j < list->cnt; j++)
		open_queue(l, &list->elems[j], j % l->conf.n_inputs);
	e = assign(l->member->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		fail_member(l, e, rd_kafka_err2str(e));
	/* A queue that holds something of before does not tell of what comes. */
	yt_kafka_wake(l->fd);
}

static void log_release(void *ctx)
{
	struct yt_kafka_log *l = ctx;

	stop_all(l);
	if (l->unassign && l->member) {
		assign(l->member->rk, NULL);
		free_fetched(l->member);
	}
	l->unassign = l->revoked = l->held = false;
	/* An assignment may have been waiting for this. */
	yt_kafka_wake(l->fd);
}

static void log_rejoin(void *ctx)
{
	struct yt_kafka_log *l = ctx;

	/* To subscribe again gives everything back and joins anew, without leaving the group in between. */
	if (l->member && !l->revoked && !l->member_failed)
		subscribe(l);
}

static void log_ends(void *ctx, int shard)
{
	struct yt_kafka_log *l = ctx;

	yt_side_ask(l->side, YT_SIDE_ENDS, shard);
}

static rd_kafka_consumer_group_metadata_t *take_meta(struct yt_kafka_log *l)
{
	rd_kafka_consumer_group_metadata_t *meta = l->member ? rd_kafka_consumer_group_metadata(l->member->rk) : NULL;

	/* Without a member no commit may pass: a generation that never is. */
	return meta ? meta : rd_kafka_consumer_group_metadata_new_with_genid(l->conf.group, INT32_MAX, "none", NULL);
}

static void log_begin(void *ctx)
{
	struct yt_kafka_log *l = ctx;

	if (l->meta)
		rd_kafka_consumer_group_metadata_destroy(l->meta);
	l->meta = take_meta(l);
}

static void log_commit(void *ctx, const struct yt_batch *batch)
{
	struct yt_kafka_log *l = ctx;

	YT_ASSERT(l->meta, "commit before begin");
	yt_txn_commit(l->txn, batch, l->meta);
	l->meta = NULL;
}

/* ---- life */

static const struct yt_log port = {
	.poll = log_poll, .open = log_open, .restore = log_restore, .start = log_start, .release = log_release,
	.rejoin = log_rejoin, .ends = log_ends, .begin = log_begin, .commit = log_commit,
};

struct yt_kafka_log *yt_kafka_log_new(const struct yt_kafka_conf *conf, struct yt_err *err)
{
	struct yt_kafka_log *l;

	if (yt_kafka_conf_check(conf, err) < 0)
		return NULL;
	l = calloc(1, sizeof *l);
	if (!l)
		yt_out_of_memory(sizeof *l);
	l->conf = *conf;
	l->port = port;
	l->port.ctx = l;
	l->shards = calloc((size_t)conf->partitions, sizeof *l->shards);
	l->assigned = calloc((size_t)conf->partitions, sizeof *l->assigned);
	if (!l->shards || !l->assigned)
		yt_out_of_memory((size_t)conf->partitions * sizeof *l->shards);
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->committed = yt_kafka_open(&l->conf, YT_KAFKA_COMMITTED, NULL, on_error, l, err);
	if (l->fd < 0 || !l->committed)
		goto bad;
	watch(l, l->committed);
	l->side = yt_side_new(&l->conf, l->committed, l->fd, &l->away, err);
	if (!l->side)
		goto bad;
	l->txn = yt_txn_new(&l->conf, l->committed, l->fd, &l->away, err);
	if (l->txn)
		return l;
	yt_side_free(l->side);
bad:
	yt_kafka_destroy(l->committed);
	if (l->fd >= 0)
		close(l->fd);
	free(l->shards);
	free(l->assigned);
	free(l);
	return NULL;
}

void yt_kafka_log_bind(struct yt_kafka_log *l, const struct yt_log_up *up, void *ctx)
{
	l->up = up;
	l->ctx = ctx;
}

struct yt_log *yt_kafka_log_port(struct yt_kafka_log *l)
{
	return &l->port;
}

int yt_kafka_log_fd(const struct yt_kafka_log *l)
{
	return l->fd;
}

bool yt_kafka_log_connected(const struct yt_kafka_log *l, char why[128])
{
	const char *text = atomic_load(&l->away) ? "no broker answers" :
	                   !l->member             ? "not yet in the group" :
	                   !l->joined             ? "the group is being balanced" :
	                                            NULL;

	if (why)
		snprintf(why, 128, "%s", text ? text : "");
	return !text;
}

const char *yt_kafka_log_progress(const struct yt_kafka_log *l, int64_t *since_ms)
{
	return yt_txn_progress(l->txn, since_ms);
}

void yt_kafka_log_stats(const struct yt_kafka_log *l, struct yt_kafka_stats *out)
{
	memset(out, 0, sizeof *out);
	yt_txn_stats(l->txn, out);
	out->fenced = yt_side_fenced(l->side);
	out->rejoined = l->n_rejoined;
	out->away = atomic_load(&l->away);
}

static bool close_in_time(struct member *m)
{
	struct timespec until;
	pthread_t thread;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_SECONDS;
	return pthread_create(&thread, NULL, close_member, m) == 0 && pthread_timedjoin_np(thread, NULL, &until) == 0;
}

bool yt_kafka_log_free(struct yt_kafka_log *l)
{
	struct member *committed;
	bool whole = true;

	if (!l)
		return true;
	/* Both threads use the other handles: where one hangs, everything is left to the end of the process. */
	if (!yt_txn_free(l->txn) || !yt_side_free(l->side))
		return false;
	if (l->meta)
		rd_kafka_consumer_group_metadata_destroy(l->meta);
	if (l->member)
		whole = close_in_time(l->member);
	committed = calloc(1, sizeof *committed);
	if (!committed)
		yt_out_of_memory(sizeof *committed);
	committed->rk = l->committed;
	whole &= close_in_time(committed);
	if (!whole)
		return false;
	close(l->fd);
	free(l->headers.v);
	free(l->shards);
	free(l->assigned);
	free(l);
	return true;
}
