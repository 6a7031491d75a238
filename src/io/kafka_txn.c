/* The producer and the thread that commits: it does what engine/ktxn says, one call of the library after the other.
 * The payloads of a batch are handed over by pointer: no outcome is told before the producer that saw them is done with them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/hash.h"
#include "yutang/base/log.h"
#include "yutang/engine/checkpoint.h"

#include "kafka_int.h"

enum {
	INIT_MS = 5000,  /* one attempt; the next one goes on where it was */
	READ_MS = 1000,  /* one question for C */
	AGAIN_MS = 200,  /* between attempts */
	IDLE_MS = 100,   /* how often error events are looked for without work (they come only through poll) */
	JOIN_SECONDS = 5,
	DESTS = YT_TO_OUT + YT_OUT_TOPIC__COUNT,
	RUN = 256        /* messages that the library is given in one call */
};

#define NO_MESSAGE SIZE_MAX

/* Messages of a batch that go to one partition, by their index, one behind the other: `behind` of yt_txn. */
struct line {
	uint8_t dest;
	int32_t partition;
	size_t first, last; /* NO_MESSAGE: none */
};

struct yt_txn {
	const struct yt_kafka_conf *conf;
	rd_kafka_t *committed;
	int fd;
	_Atomic bool *away;
	pthread_t thread;

	pthread_mutex_t lock; /* guards what stands up to the empty line */
	pthread_cond_t cond;
	const struct yt_batch *batch; /* NULL: nothing to do */
	rd_kafka_consumer_group_metadata_t *meta;
	bool stop, ready, done, fatal;
	enum yt_outcome outcome;
	struct yt_err err;
	uint64_t n_committed, n_aborted, n_lost, n_remade;
	int64_t commit_us;

	_Atomic(const char *) step;
	_Atomic int64_t since_ms;

	/* The thread's own. */
	rd_kafka_t *p;
	int commit_ms; /* one attempt: as long as the broker lets a transaction live */
	rd_kafka_topic_t *topics[DESTS];
	int counts[DESTS]; /* partitions */
	struct line *lines; /* of all of them, those of a topic one behind the other; from: */
	size_t n_lines, line_of[DESTS];
	size_t *behind, cap_behind; /* by message: the next one of its partition */
	struct yt_ktxn k;
	bool error_event;    /* since the producer was made (I6) */
	bool failed;         /* a message of this batch was not delivered */
	size_t outstanding;
	size_t bad;          /* index + 1 of a message that can never be delivered */
	rd_kafka_resp_err_t bad_err;
	bool doubted;        /* said once a batch */
	int64_t took_us;     /* of the last transaction that was never in doubt */
	char why[256];
};

static void step(struct yt_txn *t, const char *name)
{
	atomic_store(&t->since_ms, yt_kafka_mono_ms());
	atomic_store(&t->step, name);
}

static bool stopping(struct yt_txn *t)
{
	bool stop;

	pthread_mutex_lock(&t->lock);
	stop = t->stop;
	pthread_mutex_unlock(&t->lock);
	return stop;
}

/* False where the thread is to end. */
static bool pause_ms(struct yt_txn *t, int ms)
{
	struct timespec until;
	bool stop;

	step(t, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&t->lock);
	while (!t->stop && pthread_cond_timedwait(&t->cond, &t->lock, &until) == 0)
		;
	stop = t->stop;
	pthread_mutex_unlock(&t->lock);
	return !stop;
}

static void fail(struct yt_txn *t, const struct yt_err *err)
{
	pthread_mutex_lock(&t->lock);
	t->fatal = true;
	t->err = *err;
	pthread_mutex_unlock(&t->lock);
	yt_kafka_wake(t->fd);
}

/* ---- the producer */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct yt_txn *t = opaque;

	(void)rk;
	t->error_event = true;
	snprintf(t->why, sizeof t->why, "%s: %s", rd_kafka_err2name(code), reason);
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		yt_kafka_set_away(t->away, true, reason);
}

/* Errors that the same message would meet again. */
static bool is_permanent(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || e == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
	       e == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE || e == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
	       e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || e == RD_KAFKA_RESP_ERR__INVALID_ARG;
}

static void message_failed(struct yt_txn *t, size_t index, rd_kafka_resp_err_t e)
{
	t->failed = true;
	snprintf(t->why, sizeof t->why, "message %zu: %s", index, rd_kafka_err2str(e));
	if (is_permanent(e) && !t->bad) {
		t->bad = index + 1;
		t->bad_err = e;
	}
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct yt_txn *t = opaque;

	(void)rk;
	t->outstanding--;
	if (m->err)
		message_failed(t, (size_t)(uintptr_t)m->_private, m->err);
}

static void drop_producer(struct yt_txn *t)
{
	if (!t->p)
		return;
	step(t, "destroy");
	for (int i = 0; i < DESTS; i++)
		if (t->topics[i])
			rd_kafka_topic_destroy(t->topics[i]);
	memset(t->topics, 0, sizeof t->topics);
	rd_kafka_purge(t->p, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_destroy(t->p);
	t->p = NULL;
	t->outstanding = 0;
}

static const char *dest_name(int dest)
{
	switch (dest) {
	case YT_TO_STATE: return "state";
	case YT_TO_INTERNAL: return "internal";
	case YT_TO_DEAD: return "dead-letters";
	default: return yt_out_topics[dest - YT_TO_OUT];
	}
}

static bool make_producer(struct yt_txn *t, struct yt_err *err)
{
	char tid[512], topic[YT_KAFKA_TOPIC_MAX], ms[16];
	size_t size = sizeof ms;
	rd_kafka_conf_t *c;

	yt_kafka_tid(t->conf, tid, sizeof tid);
	c = yt_kafka_conf_make(t->conf, YT_KAFKA_PRODUCER, tid, err);
	if (!c)
		return false;
	YT_ASSERT(rd_kafka_conf_get(c, "transaction.timeout.ms", ms, &size) == RD_KAFKA_CONF_OK, NULL);
	t->commit_ms = atoi(ms);
	rd_kafka_conf_set_error_cb(c, on_error);
	rd_kafka_conf_set_dr_msg_cb(c, on_delivery);
	rd_kafka_conf_set_opaque(c, t);
	t->p = yt_kafka_make(c, YT_KAFKA_PRODUCER, err);
	if (!t->p)
		return false;
	for (int i = 0; i < DESTS; i++)
		t->topics[i] = rd_kafka_topic_new(t->p, yt_kafka_topic(t->conf, dest_name(i), topic), NULL);
	return true;
}

static void make_lines(struct yt_txn *t)
{
	size_t n = 0;

	for (int d = 0; d < DESTS; d++) {
		t->line_of[d] = n;
		n += (size_t)t->counts[d];
	}
	free(t->lines);
	t->lines = calloc(n, sizeof *t->lines);
	if (!t->lines)
		yt_out_of_memory(n * sizeof *t->lines);
	t->n_lines = n;
	for (int d = 0; d < DESTS; d++)
		for (int p = 0; p < t->counts[d]; p++)
			t->lines[t->line_of[d] + (size_t)p] = (struct line){ .dest = (uint8_t)d, .partition = p };
}

/* Partition counts of what is produced to; the answer also tells the producer where the partitions are. */
static rd_kafka_resp_err_t count_partitions(struct yt_txn *t)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t e;

	step(t, "metadata");
	e = rd_kafka_metadata(t->p, 0, NULL, &md, INIT_MS);
	if (e)
		return e;
	memset(t->counts, 0, sizeof t->counts);
	for (int i = 0; i < md->topic_cnt; i++)
		for (int d = 0; d < DESTS; d++)
			if (strcmp(md->topics[i].topic, rd_kafka_topic_name(t->topics[d])) == 0)
				t->counts[d] = md->topics[i].partition_cnt;
	rd_kafka_metadata_destroy(md);
	for (int d = 0; d < DESTS; d++)
		if (t->counts[d] == 0)
			return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	make_lines(t);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t init_transactions(struct yt_txn *t, bool *again)
{
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t e;

	step(t, "init_transactions");
	error = rd_kafka_init_transactions(t->p, INIT_MS);
	if (!error)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	e = rd_kafka_error_code(error);
	*again = rd_kafka_error_is_retriable(error) && !rd_kafka_error_is_fatal(error);
	snprintf(t->why, sizeof t->why, "init_transactions: %s", rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return e;
}

static bool is_away(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR__TIMED_OUT || e == RD_KAFKA_RESP_ERR__TRANSPORT ||
	       e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || e == RD_KAFKA_RESP_ERR__RESOLVE;
}

/* A producer whose former transactions are over. Tries for ever; false where the thread is to end. */
static bool remake(struct yt_txn *t)
{
	struct yt_err err = { 0 };
	bool again = false, said = false;

	drop_producer(t);
	for (;;) {
		rd_kafka_resp_err_t e;

		step(t, "make");
		if (!t->p && !make_producer(t, &err)) {
			fail(t, &err);
			return false;
		}
		again = true;
		e = init_transactions(t, &again);
		if (!e) {
			e = count_partitions(t);
			if (!e)
				break;
			snprintf(t->why, sizeof t->why, "metadata: %s", rd_kafka_err2str(e));
			again = false;
		}
		rd_kafka_poll(t->p, 0);
		if (is_away(e)) {
			yt_kafka_set_away(t->away, true, t->why);
		} else if (!said) {
			said = true;
			yt_warn("producer_not_ready", "error=%s", yt_q(t->why));
		}
		if (!again)
			drop_producer(t);
		if (!pause_ms(t, AGAIN_MS))
			return false;
	}
	/* What went wrong while it was made is over. */
	while (rd_kafka_poll(t->p, 0) > 0)
		;
	t->error_event = false;
	yt_kafka_set_away(t->away, false, NULL);
	return true;
}

/* ---- one transaction */

static bool is_ok(struct yt_txn *t, const char *what, rd_kafka_error_t *error)
{
	if (!error)
		return true;
	snprintf(t->why, sizeof t->why, "%s: %s: %s", what, rd_kafka_error_name(error), rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return false;
}

static rd_kafka_resp_err_t produce_with_headers(struct yt_txn *t, const struct yt_message *m, int32_t partition, size_t index)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(m->n_headers);
	rd_kafka_resp_err_t e;

	for (size_t i = 0; i < m->n_headers; i++)
		rd_kafka_header_add(headers, m->headers[i].name.p, m->headers[i].name.n, m->headers[i].value.p,
		                    m->headers[i].value.n);
	e = rd_kafka_producev(t->p, RD_KAFKA_V_RKT(t->topics[m->dest]), RD_KAFKA_V_PARTITION(partition),
	                      RD_KAFKA_V_KEY(m->key.p, m->key.n), RD_KAFKA_V_VALUE((void *)(uintptr_t)m->value.p, m->value.n),
	                      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE((void *)(uintptr_t)index), RD_KAFKA_V_END);
	if (e)
		rd_kafka_headers_destroy(headers);
	return e;
}

/* Kafka keeps the order within a partition alone. So each partition's messages can go to the library in a few calls, in place of one for each. */
static bool line_up(struct yt_txn *t)
{
	const struct yt_batch *b = t->batch;

	if (b->n_messages > t->cap_behind) {
		t->cap_behind = b->n_messages * 2;
		free(t->behind);
		t->behind = malloc(t->cap_behind * sizeof *t->behind);
		if (!t->behind)
			yt_out_of_memory(t->cap_behind * sizeof *t->behind);
	}
	for (size_t i = 0; i < t->n_lines; i++)
		t->lines[i].first = NO_MESSAGE;
	for (size_t i = 0; i < b->n_messages; i++) {
		const struct yt_message *m = &b->messages[i];
		int p = m->shard >= 0 ? m->shard : yt_partition(m->key, t->counts[m->dest]);
		struct line *line = &t->lines[t->line_of[m->dest] + (size_t)p];

		/* Somebody has made the topic again, with fewer. */
		if (p >= t->counts[m->dest]) {
			message_failed(t, i, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
			return false;
		}
		if (line->first == NO_MESSAGE)
			line->first = i;
		else
			t->behind[line->last] = i;
		line->last = i;
		t->behind[i] = NO_MESSAGE;
	}
	return true;
}

/* What became of the message at the head of the line. False: it stays there. */
static bool produced(struct yt_txn *t, struct line *line, rd_kafka_resp_err_t e)
{
	if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		step(t, "produce");
		rd_kafka_poll(t->p, 1);
		return false;
	}
	if (e)
		message_failed(t, line->first, e);
	else
		t->outstanding++;
	line->first = t->behind[line->first];
	return true;
}

/* The first messages of a line, `most` at most. */
static void produce_some(struct yt_txn *t, struct line *line, int most)
{
	const struct yt_message *m = &t->batch->messages[line->first];
	rd_kafka_message_t run[RUN];
	int n = 0;

	if (m->n_headers) {
		produced(t, line, produce_with_headers(t, m, line->partition, line->first));
		return;
	}
	for (size_t i = line->first; i != NO_MESSAGE && n < most; i = t->behind[i]) {
		m = &t->batch->messages[i];
		if (m->n_headers)
			break;
		run[n++] = (rd_kafka_message_t){ .payload = (void *)(uintptr_t)m->value.p, .len = m->value.n,
			                         .key = (void *)(uintptr_t)m->key.p, .key_len = m->key.n,
			                         ._private = (void *)(uintptr_t)i };
	}
	rd_kafka_produce_batch(t->topics[line->dest], line->partition, 0, run, n);
	for (int k = 0; k < n && produced(t, line, run[k].err); k++)
		;
}

/* One message of each partition comes first: so the library asks the broker once to take them all into the transaction, and not for a few at a time. */
static bool produce_all(struct yt_txn *t)
{
	if (!line_up(t))
		return false;
	for (size_t i = 0; i < t->n_lines && !t->failed; i++)
		if (t->lines[i].first != NO_MESSAGE)
			produce_some(t, &t->lines[i], 1);
	for (size_t i = 0; i < t->n_lines; i++)
		while (t->lines[i].first != NO_MESSAGE && !t->failed)
			produce_some(t, &t->lines[i], RUN);
	return !t->failed;
}

/* rd_kafka_flush would look every 10 ms only. */
static bool await_reports(struct yt_txn *t)
{
	size_t last = t->outstanding;

	while (t->outstanding > 0 && !t->failed && !t->error_event) {
		rd_kafka_poll(t->p, 1);
		if (t->outstanding != last) {
			last = t->outstanding;
			step(t, "await");
		}
	}
	return !t->failed && t->outstanding == 0;
}

static rd_kafka_topic_partition_list_t *batch_offsets(const struct yt_txn *t)
{
	const struct yt_batch *b = t->batch;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)b->n_shards * t->conf->n_inputs);

	for (size_t i = 0; i < b->n_shards; i++) {
		int from = list->cnt;
		char meta[64];

		yt_kafka_add_inputs(t->conf, list, b->shards[i].shard, b->shards[i].next);
		yt_commit_meta(meta, sizeof meta, b->log_id, b->shards[i].version);
		for (int j = from; j < list->cnt; j++) {
			list->elems[j].metadata = strdup(meta);
			list->elems[j].metadata_size = strlen(meta);
		}
	}
	return list;
}

static bool send_offsets(struct yt_txn *t)
{
	rd_kafka_topic_partition_list_t *list = batch_offsets(t);
	bool ok = is_ok(t, "send_offsets", rd_kafka_send_offsets_to_transaction(t->p, list, t->meta, -1));

	rd_kafka_topic_partition_list_destroy(list);
	return ok;
}

/* ---- the verdict
 * A transaction is atomic: what the changelog has of it, the offsets have. The changelog decides, because C alone can mislead twice. After a
 * takeover it may have the very version that this batch would have made, made by somebody else (whose checkpoint has other bytes). And a group
 * coordinator that has just been loaded was seen to answer with offsets of long ago. */

static struct yt_str made_checkpoint(const struct yt_batch *b, int shard)
{
	for (size_t i = b->n_messages; i-- > 0;)
		if (b->messages[i].dest == YT_TO_STATE && b->messages[i].shard == shard && yt_str_eq(b->messages[i].key, YT_S(YT_CHECKPOINT_KEY)))
			return b->messages[i].value;
	YT_ASSERT(!"a shard of a batch has a checkpoint", "judge");
}

/* What is so of one shard: made, made - 1, or UINT64_MAX. False where that can't be known yet. */
static bool judge_shard(struct yt_kafka_read *committed, struct yt_kafka_read *raw, const struct yt_batch *b, int shard, uint64_t *have, uint64_t made)
{
	struct yt_kafka_checkpoint last;
	int64_t low, high;
	struct yt_err err;
	int n;

	if (yt_kafka_read_edges(raw, "state", shard, &low, &high, &err) < 0)
		return false;
	n = yt_kafka_last_checkpoint(committed, shard, made_checkpoint(b, shard), &last);
	if (n < 0)
		return false;
	if (n == 0 || *have == UINT64_MAX || last.version > made)
		*have = UINT64_MAX;
	else if (last.version == made)
		*have = last.same ? made : UINT64_MAX;
	else if (last.end < high)
		return false; /* ours may stand behind a transaction that somebody left open */
	else if (last.version + 1 != made)
		*have = UINT64_MAX;
	else if (*have > last.version)
		return false; /* offsets of a transaction that the changelog does not show yet */
	else
		*have = last.version;
	return true;
}

/* Turns what C says into what is so. False where that can't be known yet. */
static bool judge(struct yt_txn *t, uint64_t *have, const uint64_t *made)
{
	const struct yt_batch *b = t->batch;
	struct yt_err err;
	struct yt_kafka_read *committed = yt_kafka_read_new(t->conf, true, &err), *raw = yt_kafka_read_new(t->conf, false, &err);
	bool known = committed && raw;

	for (size_t i = 0; i < b->n_shards && known; i++) {
		step(t, "read_changelog");
		known = judge_shard(committed, raw, b, b->shards[i].shard, &have[i], made[i]);
	}
	yt_kafka_read_free(committed);
	yt_kafka_read_free(raw);
	return known;
}

/* C of the batch's shards. False where the question has no answer yet. */
static bool read_c(struct yt_txn *t)
{
	const struct yt_batch *b = t->batch;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)b->n_shards * t->conf->n_inputs);
	uint64_t have[YT_PARTITIONS_MAX], made[YT_PARTITIONS_MAX];
	rd_kafka_resp_err_t e;

	for (size_t i = 0; i < b->n_shards; i++)
		yt_kafka_add_inputs(t->conf, list, b->shards[i].shard, NULL);
	e = yt_kafka_committed(t->committed, list, READ_MS);
	for (size_t i = 0; i < b->n_shards && !e; i++) {
		struct yt_group_pos pos;

		yt_kafka_group_pos(t->conf, list, b->shards[i].shard, &pos);
		have[i] = pos.has_meta && strcmp(pos.log_id, b->log_id) == 0 ? pos.version : UINT64_MAX;
		made[i] = b->shards[i].version;
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (e || !judge(t, have, made)) {
		snprintf(t->why, sizeof t->why, "committed offsets: %s", e ? rd_kafka_err2str(e) : "the changelog does not tell yet");
		return false;
	}
	yt_ktxn_read(&t->k, have, made, b->n_shards);
	return true;
}

static void say_doubt(struct yt_txn *t, const char *where)
{
	if (!t->doubted)
		yt_warn("transaction_unknown", "step=%s error=%s", where, yt_q(t->why));
	t->doubted = true;
}

static void fail_bad_message(struct yt_txn *t)
{
	const struct yt_message *m = &t->batch->messages[t->bad - 1];
	struct yt_err err;

	yt_err_set(&err, YT_ERR_BUG, YT_EXIT_BUG, "topic %s%s refuses a record for good: %s (key %.*s, %u bytes)", t->conf->prefix,
	           dest_name(m->dest), rd_kafka_err2str(t->bad_err), YT_FMT(m->key), m->value.n);
	fail(t, &err);
}

static const char *const action_names[] = {
	[YT_KTXN_BEGIN] = "begin", [YT_KTXN_OFFSETS] = "send_offsets", [YT_KTXN_PRODUCE] = "produce", [YT_KTXN_AWAIT] = "await",
	[YT_KTXN_COMMIT] = "commit", [YT_KTXN_REMAKE] = "remake", [YT_KTXN_READ_C] = "read_offsets", [YT_KTXN_REPORT] = "report",
};

static bool act(struct yt_txn *t, enum yt_ktxn_action action)
{
	switch (action) {
	case YT_KTXN_BEGIN: return is_ok(t, "begin", rd_kafka_begin_transaction(t->p));
	case YT_KTXN_OFFSETS: return send_offsets(t);
	case YT_KTXN_PRODUCE: return produce_all(t);
	case YT_KTXN_AWAIT: return await_reports(t);
	/* -1 would be this time by its documentation, and is for ever. What goes on behind it ends with the producer. */
	case YT_KTXN_COMMIT: return is_ok(t, "commit", rd_kafka_commit_transaction(t->p, t->commit_ms));
	default: return false;
	}
}

/* False where the thread is to end without an outcome. */
static bool run_batch(struct yt_txn *t)
{
	int64_t began = 0;

	t->failed = t->doubted = false;
	t->bad = 0;
	if (t->error_event)
		t->k.remake = true; /* an event since the last transaction */
	yt_ktxn_start(&t->k);
	while (t->k.action != YT_KTXN_REPORT) {
		enum yt_ktxn_action action = t->k.action;
		bool ok;

		step(t, action_names[action]);
		if (action == YT_KTXN_REMAKE) {
			if (!remake(t))
				return false;
			yt_ktxn_done(&t->k, true, false, 0);
			continue;
		}
		if (action == YT_KTXN_READ_C) {
			if (!read_c(t)) {
				yt_ktxn_done(&t->k, false, false, 0);
				if (!pause_ms(t, AGAIN_MS))
					return false;
			}
			continue;
		}
		if (action == YT_KTXN_BEGIN)
			began = yt_kafka_mono_us();
		ok = act(t, action);
		if (t->bad) {
			fail_bad_message(t);
			return false;
		}
		rd_kafka_poll(t->p, 0);
		yt_ktxn_done(&t->k, ok, t->error_event, (yt_kafka_mono_us() - began) / 1000);
		if (t->k.action == YT_KTXN_REMAKE)
			say_doubt(t, action_names[action]);
	}
	if (t->doubted)
		yt_info("transaction_resolved", "outcome=%s shards=%zu ms=%" PRId64,
		        t->k.outcome == YT_COMMITTED ? "committed" : t->k.outcome == YT_ABORTED ? "aborted" : "lost",
		        t->batch->n_shards, (yt_kafka_mono_us() - began) / 1000);
	else
		t->took_us = yt_kafka_mono_us() - began;
	return true;
}

/* ---- the thread */

/* Waits for a batch; false where the thread is to end. */
static bool await_batch(struct yt_txn *t)
{
	step(t, NULL);
	for (;;) {
		struct timespec until;
		bool have, stop;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += IDLE_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&t->lock);
		if (!t->batch && !t->stop)
			pthread_cond_timedwait(&t->cond, &t->lock, &until);
		have = t->batch != NULL;
		stop = t->stop;
		pthread_mutex_unlock(&t->lock);
		if (have || stop)
			return have && !stop;
		rd_kafka_poll(t->p, 0);
		/* Done at leisure, so that the next batch need not wait for it. */
		if (t->error_event || t->k.remake) {
			if (!remake(t))
				return false;
			t->k.remake = false;
			t->k.remade++;
			step(t, NULL);
		}
	}
}

static bool await_topics(struct yt_txn *t)
{
	struct yt_err err = { 0 };

	for (;;) {
		step(t, "check_topics");
		if (yt_kafka_check_topics(t->conf, t->committed, INIT_MS, &err) == 0) {
			yt_kafka_set_away(t->away, false, NULL);
			return true;
		}
		if (err.class != YT_ERR_TRANSIENT) {
			fail(t, &err);
			return false;
		}
		yt_kafka_set_away(t->away, true, err.msg);
		if (!pause_ms(t, AGAIN_MS))
			return false;
	}
}

static void give_outcome(struct yt_txn *t)
{
	pthread_mutex_lock(&t->lock);
	t->batch = NULL;
	if (t->meta)
		rd_kafka_consumer_group_metadata_destroy(t->meta);
	t->meta = NULL;
	t->done = true;
	t->outcome = t->k.outcome;
	t->n_committed += t->outcome == YT_COMMITTED;
	t->n_aborted += t->outcome == YT_ABORTED;
	t->n_lost += t->outcome == YT_LOST;
	t->n_remade = t->k.remade;
	t->commit_us = t->took_us;
	pthread_mutex_unlock(&t->lock);
	yt_kafka_wake(t->fd);
}

static void *run(void *arg)
{
	struct yt_txn *t = arg;

	pthread_setname_np(pthread_self(), "yt-commit");
	if (await_topics(t) && remake(t)) {
		pthread_mutex_lock(&t->lock);
		t->ready = true;
		pthread_mutex_unlock(&t->lock);
		yt_kafka_wake(t->fd);
		while (await_batch(t)) {
			if (!run_batch(t))
				break;
			give_outcome(t);
		}
	}
	if (stopping(t))
		drop_producer(t);
	step(t, NULL);
	return NULL;
}

struct yt_txn *yt_txn_new(const struct yt_kafka_conf *conf, rd_kafka_t *committed, int fd, _Atomic bool *away, struct yt_err *err)
{
	struct yt_txn *t = calloc(1, sizeof *t);

	if (!t)
		yt_out_of_memory(sizeof *t);
	t->conf = conf;
	t->committed = committed;
	t->fd = fd;
	t->away = away;
	yt_ktxn_init(&t->k);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->cond, NULL);
	if (pthread_create(&t->thread, NULL, run, t) != 0) {
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_UNAVAILABLE, "the commit thread can't be started");
		free(t);
		return NULL;
	}
	return t;
}

bool yt_txn_free(struct yt_txn *t)
{
	struct timespec until;

	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_SECONDS;
	if (pthread_timedjoin_np(t->thread, NULL, &until) != 0)
		return false;
	/* A batch whose outcome nobody waits for any more, or a fault: the payloads may go only after the producer. */
	drop_producer(t);
	if (t->meta)
		rd_kafka_consumer_group_metadata_destroy(t->meta);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->cond);
	free(t->lines);
	free(t->behind);
	free(t);
	return true;
}

bool yt_txn_ready(struct yt_txn *t)
{
	bool ready;

	pthread_mutex_lock(&t->lock);
	ready = t->ready;
	pthread_mutex_unlock(&t->lock);
	return ready;
}

void yt_txn_commit(struct yt_txn *t, const struct yt_batch *batch, rd_kafka_consumer_group_metadata_t *meta)
{
	YT_ASSERT(batch->n_shards > 0 && batch->n_shards <= YT_PARTITIONS_MAX, "commit");
	pthread_mutex_lock(&t->lock);
	YT_ASSERT(!t->batch && !t->done, "commit");
	t->batch = batch;
	t->meta = meta;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

bool yt_txn_take(struct yt_txn *t, enum yt_outcome *outcome)
{
	bool done;

	pthread_mutex_lock(&t->lock);
	done = t->done;
	*outcome = t->outcome;
	t->done = false;
	pthread_mutex_unlock(&t->lock);
	return done;
}

bool yt_txn_fatal(struct yt_txn *t, struct yt_err *err)
{
	bool fatal;

	pthread_mutex_lock(&t->lock);
	fatal = t->fatal;
	if (fatal)
		*err = t->err;
	pthread_mutex_unlock(&t->lock);
	return fatal;
}

const char *yt_txn_progress(const struct yt_txn *t, int64_t *since_ms)
{
	const char *name = atomic_load(&t->step);

	*since_ms = atomic_load(&t->since_ms);
	return name;
}

void yt_txn_stats(const struct yt_txn *t, struct yt_kafka_stats *out)
{
	struct yt_txn *w = (struct yt_txn *)(uintptr_t)t;

	pthread_mutex_lock(&w->lock);
	out->committed = t->n_committed;
	out->aborted = t->n_aborted;
	out->lost = t->n_lost;
	out->remade = t->n_remade;
	out->commit_us = t->commit_us;
	pthread_mutex_unlock(&w->lock);
}
