/* Drives the Kafka log without the engine: a tiny engine that answers each input record with one output, exactly once.
 *
 *   kafka_log COMMAND BROKERS PREFIX GROUP INSTANCE P [ARG]
 *
 *   init            creates the topics
 *   check           what `run` would demand of the topics
 *   alter NAME=VALUE   another setting for `state`
 *   feed N [MS]     N records into `orders`, key and value `k<i>`, spread over MS; each at least once
 *   run IDLE_MS     works; ends when nothing came for IDLE_MS (0: never), at SIGTERM, or, with 69, where a commit stands still for 20 s
 *   stop IDLE_MS    the same, but it stops itself (SIGSTOP) before its first commit with records, after begin()
 *   hang SHARD      opens a transaction of that instance on the shard's changelog and offsets, says so, and sleeps
 *   hang-state SHARD   the same without the offsets
 *   usurp           commits a transaction of that instance that decides nothing, on the shard of the record `k0`
 *   fence           ends what that instance has open, as its next process would
 *   audit           counts the inputs, the outputs committed, and how many of these came twice
 *   starts N        starts its live shards N times without a pause, as when they become ready one by one
 *   big BYTES       one transaction with a record of that size
 *   stuck PID       stops the broker (SIGSTOP) while a commit waits for it, until that is given up; a transaction may last 3 s
 *   times N TOUCH   N transactions, each on TOUCH shards; prints the median from begin to committed
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/kafka_int.h"
#include "yutang/base/hash.h"
#include "yutang/base/log.h"
#include "yutang/base/map.h"
#include "yutang/engine/checkpoint.h"

enum { P_MAX = 64, BATCH_MAX = 2000, IDLE = 0, OPENING, RESTORING, LIVE };

struct pending {
	int input, shard;
	int64_t offset;
	char key[64], text[64];
};

struct shard {
	int state;
	struct yt_group_pos pos;
	char log_id[YT_LOG_ID_BYTES + 1];
	uint64_t version, seen; /* of the changelog's last checkpoint */
	int64_t next[YT_INPUTS_MAX], decided[YT_INPUTS_MAX];
	bool touched;
	uint64_t restored;
};

static struct {
	struct yt_kafka_conf conf;
	struct yt_log *log;
	struct yt_kafka_log *klog;
	struct shard shards[P_MAX];
	struct pending pending[BATCH_MAX];
	size_t n_pending, n_batch;
	bool in_flight, revoked, start;
	struct yt_message messages[BATCH_MAX + P_MAX];
	struct yt_shard_commit commits[P_MAX];
	char checkpoints[P_MAX][1024];
	struct yt_batch batch;
	uint64_t records, committed, outcomes[3], ends;
	int64_t heard_ms;
	int touch; /* `times` */
	bool stop_once, stopped_now;
	const char *slow; /* the step of the commit thread that took longest */
	int64_t slow_ms;
	int64_t took[100000];
} me;

static volatile sig_atomic_t stop_asked;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static _Noreturn void end_with(const struct yt_err *err)
{
	say("fatal %d %s", err->exit, err->msg);
	_exit(err->exit);
}

/* ---- the tiny engine */

static void on_assigned(void *ctx, const int *shards, size_t n)
{
	(void)ctx;
	say("assigned %zu", n);
	for (size_t i = 0; i < n; i++) {
		memset(&me.shards[shards[i]], 0, sizeof me.shards[0]);
		me.shards[shards[i]].state = OPENING;
		me.log->open(me.log->ctx, shards[i]);
	}
}

static void release(void)
{
	me.n_pending = me.n_batch = 0;
	for (int p = 0; p < me.conf.partitions; p++)
		me.shards[p].state = IDLE;
	me.revoked = false;
	me.log->release(me.log->ctx);
}

static void on_revoked(void *ctx, bool lost)
{
	(void)ctx;
	say("revoked %s", lost ? "lost" : "asked");
	me.revoked = true;
	if (!me.in_flight)
		release();
}

static void on_group(void *ctx, int shard, const struct yt_group_pos *pos)
{
	struct shard *s = &me.shards[shard];

	(void)ctx;
	if (s->state != OPENING) {
		say("unexpected group answer for %d", shard);
		return;
	}
	s->pos = *pos;
	s->state = RESTORING;
	me.log->restore(me.log->ctx, shard);
}

static void on_state(void *ctx, int shard, struct yt_str key, struct yt_str value)
{
	struct shard *s = &me.shards[shard];
	struct yt_checkpoint c;

	(void)ctx;
	s->restored++;
	if (!yt_str_eq(key, YT_S(YT_CHECKPOINT_KEY)))
		return;
	if (!yt_checkpoint_decode(value, &c)) {
		say("unexpected checkpoint bytes on %d", shard);
		return;
	}
	s->seen = c.version;
	memcpy(s->log_id, c.log_id, sizeof s->log_id);
	memcpy(s->next, c.next, sizeof s->next);
}

static void on_restored(void *ctx, int shard)
{
	struct shard *s = &me.shards[shard];

	(void)ctx;
	if (!s->pos.has_meta || s->pos.version != s->seen || strcmp(s->pos.log_id, s->log_id) != 0 ||
	    memcmp(s->pos.next, s->next, sizeof s->next[0] * (size_t)me.conf.n_inputs) != 0) {
		say("contradiction shard=%d group=%" PRIu64 " changelog=%" PRIu64, shard, s->pos.version, s->seen);
		_exit(YT_EXIT_DATA);
	}
	s->version = s->seen;
	memcpy(s->decided, s->next, sizeof s->decided);
	s->state = LIVE;
	me.start = true;
	say("live %d version=%" PRIu64 " records=%" PRIu64, shard, s->version, s->restored);
}

static void start(void)
{
	int shards[P_MAX];
	int64_t next[P_MAX][YT_INPUTS_MAX];
	size_t n = 0;

	me.start = false;
	for (int p = 0; p < me.conf.partitions; p++)
		if (me.shards[p].state == LIVE) {
			memcpy(next[n], me.shards[p].next, sizeof next[n]);
			shards[n++] = p;
		}
	me.log->start(me.log->ctx, shards, n, (const int64_t(*)[YT_INPUTS_MAX])next);
}

/* poll() says how many. */
static int room(void *ctx, int input, int shard)
{
	(void)ctx;
	(void)input;
	(void)shard;
	return BATCH_MAX;
}

static void on_record(void *ctx, const struct yt_record *rec)
{
	struct shard *s = &me.shards[rec->shard];
	struct pending *p;

	(void)ctx;
	if (s->state != LIVE || rec->offset < s->next[rec->input] || me.n_pending == BATCH_MAX) {
		say("unexpected record %d/%d@%" PRId64, rec->input, rec->shard, rec->offset);
		return;
	}
	s->next[rec->input] = rec->offset + 1;
	p = &me.pending[me.n_pending++];
	*p = (struct pending){ .input = rec->input, .shard = rec->shard, .offset = rec->offset };
	snprintf(p->key, sizeof p->key, "%.*s", (int)rec->key.n, rec->key.p);
	me.records++;
	me.heard_ms = yt_kafka_mono_ms();
}

static void on_end(void *ctx, int input, int shard, int64_t offset)
{
	(void)ctx;
	(void)input;
	(void)shard;
	(void)offset;
	me.ends++;
}

static void on_ends(void *ctx, int shard, const int64_t end[YT_INPUTS_MAX])
{
	(void)ctx;
	say("ends %d %" PRId64 " %" PRId64, shard, end[0], end[me.conf.n_inputs - 1]);
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	(void)ctx;
	end_with(err);
}

static void seal(struct shard *s, size_t *n)
{
	int p = (int)(s - me.shards);
	struct yt_shard_commit *c = &me.commits[me.batch.n_shards];
	struct yt_checkpoint cp = { .version = s->version + 1, .partitions = me.conf.partitions, .n_inputs = me.conf.n_inputs };
	char tid[256], topics[YT_INPUTS_MAX][YT_KAFKA_TOPIC_MAX];
	struct yt_buf buf;

	yt_kafka_tid(&me.conf, tid, sizeof tid);
	cp.transactional_id = yt_str_z(tid);
	memcpy(cp.log_id, s->log_id, sizeof cp.log_id);
	c->shard = p;
	c->version = cp.version;
	for (int i = 0; i < cp.n_inputs; i++) {
		cp.topics[i] = yt_str_z(yt_kafka_topic(&me.conf, me.conf.inputs[i], topics[i]));
		cp.next[i] = c->next[i] = s->decided[i];
	}
	yt_buf_init(&buf, NULL);
	yt_checkpoint_encode(&cp, &buf);
	YT_ASSERT(buf.n < sizeof me.checkpoints[0], NULL);
	memcpy(me.checkpoints[me.batch.n_shards], buf.p, buf.n);
	me.messages[(*n)++] = (struct yt_message){ .dest = YT_TO_STATE, .shard = p, .key = YT_STR(YT_CHECKPOINT_KEY),
		                                   .value = yt_str(me.checkpoints[me.batch.n_shards], buf.n) };
	yt_buf_deinit(&buf);
	me.batch.n_shards++;
	me.batch.log_id = s->log_id;
}

static void commit(void)
{
	size_t n = 0;

	me.batch = (struct yt_batch){ .messages = me.messages, .shards = me.commits };
	me.log->begin(me.log->ctx);
	for (size_t i = 0; i < me.n_pending; i++) {
		struct pending *p = &me.pending[i];
		struct shard *s = &me.shards[p->shard];

		s->touched = true;
		s->decided[p->input] = p->offset + 1;
		snprintf(p->text, sizeof p->text, "%d/%d@%" PRId64, p->input, p->shard, p->offset);
		me.messages[n++] = (struct yt_message){ .dest = YT_TO_OUT + YT_OUT_COUPONS, .shard = -1,
			                                .key = yt_str_z(p->key), .value = yt_str_z(p->text) };
	}
	me.n_batch = me.n_pending;
	if (me.stop_once && me.n_batch > 0) {
		me.stop_once = false;
		say("stopping");
		raise(SIGSTOP);
		say("continued");
		me.stopped_now = true;
	}
	for (int p = 0, k = 0; p < me.conf.partitions; p++) {
		struct shard *s = &me.shards[p];

		if (s->state == LIVE && (s->touched || k < me.touch)) {
			seal(s, &n);
			k++;
		}
		s->touched = false;
	}
	me.batch.n_messages = n;
	me.in_flight = true;
	me.log->commit(me.log->ctx, &me.batch);
}

static void on_outcome(void *ctx, enum yt_outcome outcome)
{
	(void)ctx;
	me.in_flight = false;
	me.outcomes[outcome]++;
	if (outcome == YT_COMMITTED) {
		for (size_t i = 0; i < me.batch.n_shards; i++)
			me.shards[me.commits[i].shard].version = me.commits[i].version;
		me.committed += me.n_batch;
		memmove(me.pending, me.pending + me.n_batch, (me.n_pending - me.n_batch) * sizeof me.pending[0]);
		me.n_pending -= me.n_batch;
		me.n_batch = 0;
	} else {
		say("outcome %s", outcome == YT_ABORTED ? "aborted" : "lost");
	}
	if (me.stopped_now && outcome == YT_COMMITTED)
		say("outcome committed");
	me.stopped_now = false;
	if (me.revoked)
		release();
	else if (outcome == YT_LOST)
		me.log->rejoin(me.log->ctx);
}

static const struct yt_log_up up = {
	.on_assigned = on_assigned, .on_revoked = on_revoked, .on_group = on_group, .on_state = on_state,
	.on_restored = on_restored, .room = room, .on_record = on_record, .on_end = on_end, .on_ends = on_ends,
	.on_outcome = on_outcome, .on_fatal = on_fatal,
};

/* As the daemon does. Time in which this process was stopped does not count. */
static void end_where_stalled(const char *step, int64_t since)
{
	enum { STALL_MS = 20000, TURN_MS = 1000 };
	static int64_t of, stood_ms, last_ms;
	int64_t now = yt_kafka_mono_ms();

	stood_ms = step && since == of ? stood_ms + (now - last_ms < TURN_MS ? now - last_ms : TURN_MS) : 0;
	of = since;
	last_ms = now;
	if (stood_ms < STALL_MS)
		return;
	say("stalled %s", step);
	_exit(YT_EXIT_UNAVAILABLE);
}

static void turn(void)
{
	struct pollfd fd = { .fd = yt_kafka_log_fd(me.klog), .events = POLLIN };
	int64_t since = 0;
	const char *step = yt_kafka_log_progress(me.klog, &since);

	end_where_stalled(step, since);
	if (step && yt_kafka_mono_ms() - since > me.slow_ms) {
		me.slow = step;
		me.slow_ms = yt_kafka_mono_ms() - since;
	}
	poll(&fd, 1, 200);
	me.log->poll(me.log->ctx, (int)(BATCH_MAX - me.n_pending));
	if (me.start)
		start();
}

static void open_log(void)
{
	struct yt_err err;

	me.klog = yt_kafka_log_new(&me.conf, &err);
	if (!me.klog)
		end_with(&err);
	me.log = yt_kafka_log_port(me.klog);
	yt_kafka_log_bind(me.klog, &up, NULL);
	me.heard_ms = yt_kafka_mono_ms();
}

static int run(int64_t idle_ms)
{
	struct yt_kafka_stats st;

	open_log();
	while (!stop_asked && (idle_ms == 0 || me.in_flight || yt_kafka_mono_ms() - me.heard_ms < idle_ms)) {
		turn();
		if (!me.in_flight && !me.revoked && me.n_pending > 0 && !stop_asked)
			commit();
	}
	while (me.in_flight)
		turn();
	yt_kafka_log_stats(me.klog, &st);
	say("done records=%" PRIu64 " committed=%" PRIu64 " transactions=%" PRIu64 " aborted=%" PRIu64 " lost=%" PRIu64
	    " remade=%" PRIu64 " fenced=%" PRIu64 " rejoined=%" PRIu64 " slowest=%s %" PRId64 "ms",
	    me.records, me.committed, st.committed, st.aborted, st.lost, st.remade, st.fenced, st.rejoined,
	    me.slow ? me.slow : "none", me.slow_ms);
	say("closed %s", yt_kafka_log_free(me.klog) ? "yes" : "no");
	return 0;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool all_live(void)
{
	for (int p = 0; p < me.conf.partitions; p++)
		if (me.shards[p].state != LIVE)
			return false;
	return true;
}

static int times(int n, int touch)
{
	int done = 0;

	open_log();
	me.touch = touch;
	while (done < n) {
		turn();
		if (me.in_flight || !all_live())
			continue;
		if (me.outcomes[YT_COMMITTED] > 0) {
			struct yt_kafka_stats st;

			yt_kafka_log_stats(me.klog, &st);
			me.took[done++] = st.commit_us;
		}
		commit();
	}
	while (me.in_flight)
		turn();
	qsort(me.took, (size_t)done, sizeof me.took[0], by_value);
	say("touched=%d median_us=%" PRId64 " p99_us=%" PRId64, touch, me.took[done / 2], me.took[done * 99 / 100]);
	_exit(0);
}

static bool is_committing(void)
{
	int64_t since;
	const char *step = me.in_flight ? yt_kafka_log_progress(me.klog, &since) : NULL;

	return step && strcmp(step, "commit") == 0;
}

static int stuck(pid_t broker)
{
	int64_t stopped;

	open_log();
	me.touch = 1;
	for (;;) {
		turn();
		if (me.in_flight || !all_live())
			continue;
		commit();
		/* A turn may wait for the outcome, and so would come too late. */
		stopped = yt_kafka_mono_ms();
		while (!is_committing() && yt_kafka_mono_ms() - stopped < 1000)
			;
		kill(broker, SIGSTOP);
		stopped = yt_kafka_mono_ms();
		while (is_committing() && yt_kafka_mono_ms() - stopped < 500)
			;
		if (is_committing())
			break;
		kill(broker, SIGCONT); /* it had answered */
	}
	say("stuck");
	while (is_committing())
		turn();
	say("given up after %" PRId64 " ms", yt_kafka_mono_ms() - stopped);
	kill(broker, SIGCONT);
	while (me.in_flight)
		turn();
	say("resolved");
	_exit(0);
}

static int starts(int n)
{
	open_log();
	while (!all_live())
		turn();
	for (int i = 0; i < n; i++)
		start();
	say("started %d", n);
	while (me.n_pending == 0)
		turn();
	say("heard");
	_exit(0);
}

static int big(size_t bytes)
{
	char *value = calloc(1, bytes);

	YT_ASSERT(value, NULL);
	open_log();
	while (me.shards[0].state != LIVE)
		turn();
	me.touch = 1;
	commit();
	while (me.in_flight)
		turn();
	me.log->begin(me.log->ctx);
	me.batch.n_shards = me.batch.n_messages = 0;
	seal(&me.shards[0], &me.batch.n_messages);
	me.messages[me.batch.n_messages++] = (struct yt_message){ .dest = YT_TO_OUT + YT_OUT_COUPONS, .shard = -1,
		                                                  .key = YT_STR("s1/m-1"), .value = yt_str(value, bytes) };
	me.in_flight = true;
	me.log->commit(me.log->ctx, &me.batch);
	while (me.in_flight)
		turn();
	say("committed %zu", bytes);
	_exit(0);
}

/* ---- the rest */

static void say_line(void *ctx, const char *line)
{
	(void)ctx;
	say("%s", line);
}

enum { TO_SEND, SENT, DELIVERED };

static struct {
	int delivered;
	uint8_t *state; /* of each record, by its number */
} fed;

static void on_report(void *ctx, void *tag, int partition, int64_t offset, const char *why)
{
	uint8_t *state = tag;

	(void)ctx, (void)partition, (void)offset;
	*state = why ? TO_SEND : DELIVERED;
	fed.delivered += *state == DELIVERED;
}

/* A producer that a broker's end left without knowing what was written is dead (librdkafka before 2.3 now and then, its #4438): the next one
 * sends what was not acknowledged, and so a record can be there twice. */
static int feed(int n, int64_t ms)
{
	struct yt_err err;
	struct yt_kafka_feed *f = yt_kafka_feed_new(&me.conf, 0, &err);
	int64_t began = yt_kafka_mono_ms();
	char why[256];

	if (!f || yt_kafka_feed_find(f, "orders", &err) < 0)
		end_with(&err);
	fed.state = calloc((size_t)n, 1);
	YT_ASSERT(fed.state, NULL);
	yt_kafka_feed_on_report(f, on_report, NULL);
	while (fed.delivered < n) {
		yt_kafka_feed_poll(f);
		if (yt_kafka_feed_dead(f, why)) {
			say("producer_dead %s", why);
			if (yt_kafka_feed_renew(f, &err) < 0)
				end_with(&err);
		}
		for (int i = 0; i < n && yt_kafka_mono_ms() - began >= ms * i / n; i++) {
			char text[32];
			struct yt_kafka_feed_record rec = { .topic = "orders", .partition = -1, .tag = &fed.state[i] };

			if (fed.state[i] != TO_SEND)
				continue;
			snprintf(text, sizeof text, "k%d", i);
			rec.key = rec.value = yt_str_z(text);
			if (yt_kafka_feed_offer(f, &rec, &err) == 0)
				fed.state[i] = SENT;
			else if (yt_kafka_feed_dead(f, why))
				break;
			else
				end_with(&err);
		}
		usleep(1000);
	}
	yt_kafka_feed_free(f);
	free(fed.state);
	say("fed %d", n);
	return 0;
}

static bool keep_last(void *ctx, const struct yt_record *rec)
{
	struct yt_checkpoint c, *last = ctx;

	if (yt_str_eq(rec->key, YT_S(YT_CHECKPOINT_KEY)) && yt_checkpoint_decode(rec->value, &c))
		*last = c;
	return true;
}

static void check_error(rd_kafka_error_t *error, const char *what)
{
	if (!error)
		return;
	say("fatal %s: %s", what, rd_kafka_error_string(error));
	_exit(1);
}

enum hang_what { WITH_OFFSETS, WITHOUT_OFFSETS, COMMITTED };

static int hang(int shard, enum hang_what what)
{
	struct yt_err err;
	char tid[256], topic[YT_KAFKA_TOPIC_MAX], meta[64];
	struct yt_checkpoint c = { 0 };
	struct yt_kafka_read *r = yt_kafka_read_new(&me.conf, true, &err);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata_new(me.conf.group);
	struct yt_buf buf;
	rd_kafka_t *p;

	if (!r || yt_kafka_read_run(r, "state", shard, -1, keep_last, &c, &err) < 0)
		end_with(&err);
	yt_kafka_tid(&me.conf, tid, sizeof tid);
	c.transactional_id = yt_str_z(tid);
	c.n_inputs = me.conf.n_inputs;
	for (int i = 0; i < c.n_inputs; i++)
		c.topics[i] = yt_str_z(me.conf.inputs[i]);
	c.version++;
	p = yt_kafka_open(&me.conf, YT_KAFKA_PRODUCER, tid, NULL, NULL, &err);
	check_error(rd_kafka_init_transactions(p, 10000), "init");
	check_error(rd_kafka_begin_transaction(p), "begin");
	yt_buf_init(&buf, NULL);
	yt_checkpoint_encode(&c, &buf);
	yt_kafka_topic(&me.conf, "state", topic);
	rd_kafka_producev(p, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(shard), RD_KAFKA_V_KEY(YT_CHECKPOINT_KEY, 10),
	                  RD_KAFKA_V_VALUE(buf.p, buf.n), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
	rd_kafka_flush(p, 10000);
	yt_kafka_add_inputs(&me.conf, list, shard, c.next);
	yt_commit_meta(meta, sizeof meta, c.log_id, c.version);
	for (int i = 0; i < list->cnt; i++) {
		list->elems[i].metadata = strdup(meta);
		list->elems[i].metadata_size = strlen(meta);
	}
	if (what != WITHOUT_OFFSETS)
		check_error(rd_kafka_send_offsets_to_transaction(p, list, group, 10000), "offsets");
	if (what == COMMITTED) {
		check_error(rd_kafka_commit_transaction(p, 10000), "commit");
		say("usurped %d version=%" PRIu64, shard, c.version);
		yt_buf_deinit(&buf);
		rd_kafka_topic_partition_list_destroy(list);
		rd_kafka_consumer_group_metadata_destroy(group);
		rd_kafka_destroy(p);
		yt_kafka_read_free(r);
		return 0;
	}
	say("hanging %d version=%" PRIu64, shard, c.version);
	for (;;)
		pause();
}

static int fence(void)
{
	struct yt_err err;
	char tid[256];

	yt_kafka_tid(&me.conf, tid, sizeof tid);
	check_error(rd_kafka_init_transactions(yt_kafka_open(&me.conf, YT_KAFKA_PRODUCER, tid, NULL, NULL, &err), 10000), "init");
	say("fenced %s", tid);
	return 0;
}

static int alter(const char *setting)
{
	const char *eq = strchr(setting, '=');
	char topic[YT_KAFKA_TOPIC_MAX], name[64];
	struct yt_err err;
	rd_kafka_t *rk = yt_kafka_open(&me.conf, YT_KAFKA_RAW, NULL, NULL, NULL, &err);
	rd_kafka_ConfigResource_t *r = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, yt_kafka_topic(&me.conf, "state", topic));
	rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
	rd_kafka_event_t *ev;

	snprintf(name, sizeof name, "%.*s", (int)(eq - setting), setting);
	rd_kafka_ConfigResource_set_config(r, name, eq + 1);
	rd_kafka_AlterConfigs(rk, &r, 1, NULL, q);
	ev = rd_kafka_queue_poll(q, 10000);
	say("altered %s", !ev || rd_kafka_event_error(ev) ? "no" : "yes");
	if (ev)
		rd_kafka_event_destroy(ev);
	rd_kafka_ConfigResource_destroy(r);
	rd_kafka_queue_destroy(q);
	rd_kafka_destroy(rk);
	return 0;
}

struct seen {
	struct yt_str text;
	char bytes[64];
};

static struct yt_str seen_key(const void *v)
{
	return ((const struct seen *)v)->text;
}

struct audit {
	struct yt_map map;
	uint64_t inputs, outputs, twice;
};

static bool count_input(void *ctx, const struct yt_record *rec)
{
	struct audit *a = ctx;

	(void)rec;
	a->inputs++;
	return true;
}

static bool count_output(void *ctx, const struct yt_record *rec)
{
	struct audit *a = ctx;

	a->outputs++;
	if (yt_map_get(&a->map, rec->value)) {
		a->twice++;
	} else {
		struct seen *s = calloc(1, sizeof *s);

		memcpy(s->bytes, rec->value.p, rec->value.n);
		s->text = yt_str(s->bytes, rec->value.n);
		yt_map_add(&a->map, s);
	}
	return true;
}

static void read_all(struct yt_kafka_read *r, const char *topic, bool (*each)(void *ctx, const struct yt_record *rec), struct audit *a)
{
	struct yt_err err;
	int n = yt_kafka_read_partitions(r, topic, &err);

	if (n < 0)
		end_with(&err);
	for (int p = 0; p < n; p++)
		if (yt_kafka_read_run(r, topic, p, -1, each, a, &err) < 0)
			end_with(&err);
}

static int audit(void)
{
	struct yt_err err;
	struct audit a = { 0 };
	struct seen *s;
	struct yt_kafka_read *r = yt_kafka_read_new(&me.conf, true, &err);

	if (!r)
		end_with(&err);
	yt_map_init(&a.map, seen_key);
	read_all(r, "orders", count_input, &a);
	read_all(r, "coupons", count_output, &a);
	say("inputs=%" PRIu64 " outputs=%" PRIu64 " twice=%" PRIu64, a.inputs, a.outputs, a.twice);
	yt_kafka_read_free(r);
	for (size_t at = 0; (s = yt_map_next(&a.map, &at));)
		free(s);
	yt_map_deinit(&a.map);
	return 0;
}

static void on_signal(int sig)
{
	(void)sig;
	stop_asked = 1;
}

int main(int argc, char **argv)
{
	struct yt_kafka_prop props[] = { { "bootstrap.servers", argc > 2 ? argv[2] : "" }, { "transaction.timeout.ms", "3000" } };
	int64_t arg = argc > 7 ? atoll(argv[7]) : 0;
	struct yt_err err;
	int rc;

	if (argc < 7) {
		fprintf(stderr, "usage: kafka_log COMMAND BROKERS PREFIX GROUP INSTANCE P [ARG]\n");
		return 64;
	}
	me.conf = (struct yt_kafka_conf){ .props = props, .n_props = 1, .prefix = argv[3], .n_inputs = 3,
		                          .inputs = { "orders", "groups", "internal" }, .partitions = atoi(argv[6]),
		                          .output_partitions = 4, .replication = 1, .group = argv[4], .instance = argv[5] };
	signal(SIGTERM, on_signal);
	yt_log_setup(YT_LOG_TEXT, getenv("DEBUG") ? YT_LOG_DEBUG : YT_LOG_INFO);
	if (strcmp(argv[1], "init") == 0 || strcmp(argv[1], "check") == 0) {
		rc = *argv[1] == 'i' ? yt_kafka_init(&me.conf, 10000, say_line, NULL, &err) : yt_kafka_check(&me.conf, 10000, &err);
		if (rc < 0)
			end_with(&err);
		return 0;
	}
	if (strcmp(argv[1], "alter") == 0 && argc > 7)
		return alter(argv[7]);
	if (strcmp(argv[1], "fence") == 0)
		return fence();
	if (strcmp(argv[1], "feed") == 0)
		return feed((int)arg, argc > 8 ? atoll(argv[8]) : 0);
	me.stop_once = strcmp(argv[1], "stop") == 0;
	if (strcmp(argv[1], "run") == 0 || me.stop_once)
		return run(arg);
	if (strcmp(argv[1], "stuck") == 0) {
		me.conf.n_props = 2;
		return stuck((pid_t)arg);
	}
	if (strcmp(argv[1], "starts") == 0)
		return starts((int)arg);
	if (strcmp(argv[1], "big") == 0)
		return big((size_t)arg);
	if (strcmp(argv[1], "hang") == 0 || strcmp(argv[1], "hang-state") == 0)
		return hang((int)arg, argv[1][4] ? WITHOUT_OFFSETS : WITH_OFFSETS);
	if (strcmp(argv[1], "usurp") == 0)
		return hang(yt_partition(YT_S("k0"), me.conf.partitions), COMMITTED);
	if (strcmp(argv[1], "audit") == 0)
		return audit();
	if (strcmp(argv[1], "times") == 0)
		return times((int)arg, argc > 8 ? atoi(argv[8]) : 1);
	fprintf(stderr, "unknown command %s\n", argv[1]);
	return 64;
}
