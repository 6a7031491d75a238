/* An engine under test: rules, records, a log port that is driven by hand (flog), a view port that is a small Redis (fview), and what
 * left. The clocks are the test's. Nothing here knows how the engine does its work; engine/shard.h is not included. */
#ifndef YT_TEST_ENGINE_WORLD_H
#define YT_TEST_ENGINE_WORLD_H

#include <inttypes.h>
#include <stdio.h>

#include "unit/test.h"

#include "yutang/base/hash.h"
#include "yutang/base/ini.h"
#include "yutang/base/json.h"
#include "yutang/base/log.h"
#include "yutang/core/member.h"
#include "yutang/core/view.h"
#include "yutang/engine/checkpoint.h"
#include "yutang/engine/engine.h"
#include "yutang/engine/memlog.h"

#define UNUSED __attribute__((unused))

enum { EW_SHARDS = 4, EW_ORDERS = 0, EW_GROUPS = 1, EW_INTERNAL = 2, EW_INPUTS = 3 };

#define EW_LOG_ID "00000000000000000000000000000000"
#define EW_T0 INT64_C(1788192000000) /* 2026-09-01 00:00 in Shanghai */
#define EW_MIN INT64_C(60000)
#define EW_HOUR (60 * EW_MIN)
#define EW_DAY (24 * EW_HOUR)

static const struct yt_str ew_topics[EW_INPUTS] = { YT_STR("orders"), YT_STR("groups"), YT_STR("internal") };

/* `thanks`: each order earns a coupon with a reminder and an end. `nudge`: a timer ten minutes after each join. */
#define EW_RULES                                                                                                   \
	"[ruleset]\nname = t\nrevision = 3\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"              \
	"[coupon \"half\"]\npay_percent = 50\nvalid_for = 72h\nremind_before = 24h\n"                              \
	"[rule \"thanks\"]\non = order.paid\nissue = half\n"                                                       \
	"[rule \"welcome\"]\non = group.joined\nfollow_up = welcome\n"                                             \
	"[rule \"nudge\"]\non = group.joined\nafter = 10m\nstill = member.groups > 0\nfollow_up = nudge\n"         \
	"[rule \"review\"]\non = order.signed\nafter = 7d\nstill = !order.refunded\nfollow_up = order_review\n"

/* --- the log, by hand */

enum fl_kind { FL_ASSIGNED, FL_REVOKED, FL_GROUP, FL_STATE, FL_RESTORED, FL_RECORD, FL_END, FL_ENDS, FL_OUTCOME, FL_FATAL };

struct fl_item {
	enum fl_kind kind;
	int shard, input;
	int64_t offset;
	int shards[EW_SHARDS];
	size_t n;
	bool lost;
	struct yt_group_pos pos;
	struct yt_str key, value;
	struct yt_record rec;
	int64_t ends[YT_INPUTS_MAX];
	enum yt_outcome outcome;
	struct yt_err err;
};

struct fl_state {
	struct yt_str key, value;
};

/* A batch as it was handed over, copied. */
struct fl_batch {
	struct yt_mem_message *messages;
	size_t n_messages;
	struct yt_shard_commit *shards;
	size_t n_shards;
	char log_id[YT_LOG_ID_BYTES + 1];
};

struct flog {
	struct yt_log port;
	const struct yt_log_up *up;
	void *ctx;
	struct yt_arena arena;
	int n_inputs;
	struct fl_item *items;
	size_t n_items, cap_items;

	/* Answers that come by themselves, unless held. */
	bool hold_open, hold_restore, hold_ends, hold_commit;
	struct yt_group_pos group[EW_SHARDS];
	struct fl_state *state[EW_SHARDS];
	size_t n_state[EW_SHARDS], cap_state[EW_SHARDS];
	int64_t end[EW_SHARDS][YT_INPUTS_MAX];

	/* What was asked. */
	int opens[EW_SHARDS], restores[EW_SHARDS], ends_asked[EW_SHARDS], releases, rejoins, begins;
	int starts;
	int started[EW_SHARDS]; /* of the last start(): its row + 1, 0: not named */
	int64_t start_next[EW_SHARDS][YT_INPUTS_MAX];
	struct fl_batch *batches;
	size_t n_batches, cap_batches;
	bool in_flight;
};

static struct yt_str fl_keep(struct flog *l, struct yt_str s)
{
	return s.p ? yt_arena_dup(&l->arena, s) : s;
}

#define FL_GROW(v, n, cap)                                                   \
	do {                                                                 \
		if ((n) == (cap)) {                                          \
			(cap) = (cap) ? (cap) * 2 : 64;                      \
			(v) = realloc((v), (cap) * sizeof *(v));             \
		}                                                            \
	} while (0)

static struct fl_item *fl_add(struct flog *l, enum fl_kind kind, int shard)
{
	FL_GROW(l->items, l->n_items, l->cap_items);
	l->items[l->n_items] = (struct fl_item){ .kind = kind, .shard = shard };
	return &l->items[l->n_items++];
}

UNUSED static void fl_assign(struct flog *l, const int *shards, size_t n)
{
	struct fl_item *i = fl_add(l, FL_ASSIGNED, 0);

	memcpy(i->shards, shards, n * sizeof *shards);
	i->n = n;
}

UNUSED static void fl_assign_all(struct flog *l)
{
	static const int all[EW_SHARDS] = { 0, 1, 2, 3 };

	fl_assign(l, all, EW_SHARDS);
}

UNUSED static void fl_revoke(struct flog *l, bool lost)
{
	fl_add(l, FL_REVOKED, 0)->lost = lost;
}

UNUSED static void fl_group_says(struct flog *l, int shard)
{
	fl_add(l, FL_GROUP, shard)->pos = l->group[shard];
}

UNUSED static void fl_ends_say(struct flog *l, int shard)
{
	memcpy(fl_add(l, FL_ENDS, shard)->ends, l->end[shard], sizeof l->end[shard]);
}

UNUSED static void fl_restore_says(struct flog *l, int shard)
{
	for (size_t i = 0; i < l->n_state[shard]; i++) {
		struct fl_item *it = fl_add(l, FL_STATE, shard);

		it->key = l->state[shard][i].key;
		it->value = l->state[shard][i].value;
	}
	fl_add(l, FL_RESTORED, shard);
}

UNUSED static void fl_outcome(struct flog *l, enum yt_outcome o)
{
	fl_add(l, FL_OUTCOME, 0)->outcome = o;
}

UNUSED static void fl_end(struct flog *l, int input, int shard, int64_t offset)
{
	struct fl_item *i = fl_add(l, FL_END, shard);

	i->input = input;
	i->offset = offset;
}

/* All inputs of all shards are at their ends, which are these. */
UNUSED static void fl_all_ends(struct flog *l)
{
	for (int p = 0; p < EW_SHARDS; p++)
		for (int i = 0; i < l->n_inputs; i++)
			fl_end(l, i, p, l->end[p][i]);
}

UNUSED static void fl_record_with(struct flog *l, int input, int shard, int64_t offset, struct yt_str key, struct yt_str value,
                                  const struct yt_header *headers, size_t n_headers)
{
	struct fl_item *i = fl_add(l, FL_RECORD, shard);
	struct yt_header *h = yt_arena_alloc(&l->arena, (n_headers + 1) * sizeof *h);

	for (size_t k = 0; k < n_headers; k++)
		h[k] = (struct yt_header){ fl_keep(l, headers[k].name), fl_keep(l, headers[k].value) };
	i->rec = (struct yt_record){ .input = input,
		                     .shard = shard,
		                     .offset = offset,
		                     .timestamp_ms = 777,
		                     .key = fl_keep(l, key),
		                     .value = fl_keep(l, value),
		                     .headers = h,
		                     .n_headers = n_headers };
	if (l->end[shard][input] <= offset)
		l->end[shard][input] = offset + 1;
}

UNUSED static void fl_record(struct flog *l, int input, int shard, int64_t offset, const char *value)
{
	fl_record_with(l, input, shard, offset, YT_S("k"), yt_str_z(value), NULL, 0);
}

static void fl_wipe(struct yt_str s)
{
	if (s.n)
		memset((char *)(uintptr_t)s.p, '#', s.n);
}

/* As it is gone in the adapter. */
static void fl_forget(const struct yt_record *rec)
{
	fl_wipe(rec->key);
	fl_wipe(rec->value);
	for (size_t i = 0; i < rec->n_headers; i++) {
		fl_wipe(rec->headers[i].name);
		fl_wipe(rec->headers[i].value);
		((struct yt_header *)(uintptr_t)rec->headers)[i] = (struct yt_header){ YT_S("#"), YT_S("#") };
	}
}

static void fl_tell(struct flog *l, struct fl_item *i)
{
	switch (i->kind) {
	case FL_ASSIGNED: l->up->on_assigned(l->ctx, i->shards, i->n); break;
	case FL_REVOKED: l->up->on_revoked(l->ctx, i->lost); break;
	case FL_GROUP: l->up->on_group(l->ctx, i->shard, &i->pos); break;
	case FL_STATE: l->up->on_state(l->ctx, i->shard, i->key, i->value); break;
	case FL_RESTORED: l->up->on_restored(l->ctx, i->shard); break;
	case FL_RECORD:
		l->up->on_record(l->ctx, &i->rec);
		fl_forget(&i->rec);
		break;
	case FL_END: l->up->on_end(l->ctx, i->input, i->shard, i->offset); break;
	case FL_ENDS: l->up->on_ends(l->ctx, i->shard, i->ends); break;
	case FL_OUTCOME:
		l->in_flight = false;
		l->up->on_outcome(l->ctx, i->outcome);
		break;
	case FL_FATAL: l->up->on_fatal(l->ctx, &i->err); break;
	}
}

static int fl_poll(void *ctx, int max_records)
{
	struct flog *l = ctx;
	size_t n = l->n_items;
	struct fl_item *items = l->items;
	int records = 0;

	l->items = NULL;
	l->n_items = l->cap_items = 0;
	for (size_t k = 0; k < n; k++) {
		if (items[k].kind == FL_RECORD && records == max_records) {
			*fl_add(l, FL_RECORD, 0) = items[k];
			continue;
		}
		records += items[k].kind == FL_RECORD;
		fl_tell(l, &items[k]);
	}
	free(items);
	return records;
}

static void fl_open(void *ctx, int shard)
{
	struct flog *l = ctx;

	l->opens[shard]++;
	if (!l->hold_open)
		fl_group_says(l, shard);
}

static void fl_restore(void *ctx, int shard)
{
	struct flog *l = ctx;

	l->restores[shard]++;
	if (!l->hold_restore)
		fl_restore_says(l, shard);
}

static void fl_start(void *ctx, const int *shards, size_t n, const int64_t (*next)[YT_INPUTS_MAX])
{
	struct flog *l = ctx;

	l->starts++;
	memset(l->started, 0, sizeof l->started);
	for (size_t k = 0; k < n; k++) {
		l->started[shards[k]] = (int)k + 1;
		memcpy(l->start_next[shards[k]], next[k], sizeof next[k]);
	}
}

static void fl_release(void *ctx)
{
	((struct flog *)ctx)->releases++;
}

static void fl_rejoin(void *ctx)
{
	((struct flog *)ctx)->rejoins++;
}

static void fl_ends(void *ctx, int shard)
{
	struct flog *l = ctx;

	l->ends_asked[shard]++;
	if (!l->hold_ends)
		fl_ends_say(l, shard);
}

static void fl_begin(void *ctx)
{
	struct flog *l = ctx;

	CHECK_MSG(!l->in_flight, "a batch begins while another is in flight");
	l->begins++;
}

static void fl_copy(struct flog *l, struct fl_batch *out, const struct yt_batch *b)
{
	out->messages = yt_arena_alloc(&l->arena, (b->n_messages + 1) * sizeof *out->messages);
	out->shards = yt_arena_alloc(&l->arena, (b->n_shards + 1) * sizeof *out->shards);
	out->n_messages = b->n_messages;
	out->n_shards = b->n_shards;
	snprintf(out->log_id, sizeof out->log_id, "%s", b->log_id);
	memcpy(out->shards, b->shards, b->n_shards * sizeof *out->shards);
	for (size_t k = 0; k < b->n_messages; k++) {
		const struct yt_message *m = &b->messages[k];
		struct yt_header *h = yt_arena_alloc(&l->arena, (m->n_headers + 1) * sizeof *h);

		for (size_t i = 0; i < m->n_headers; i++)
			h[i] = (struct yt_header){ fl_keep(l, m->headers[i].name), fl_keep(l, m->headers[i].value) };
		out->messages[k] = (struct yt_mem_message){ m->dest, m->shard, fl_keep(l, m->key), fl_keep(l, m->value), h, m->n_headers };
	}
}

/* What each transaction must be (I4, the checkpoint last, one of each entity). */
static void fl_check_batch(const struct fl_batch *b, int n_inputs)
{
	CHECK_MSG(b->n_shards > 0, "a transaction without a shard");
	for (size_t k = 0; k < b->n_shards; k++) {
		const struct yt_shard_commit *c = &b->shards[k];
		struct yt_checkpoint cp = { 0 };
		bool found = false;

		for (size_t m = 0; m < b->n_messages; m++) {
			if (b->messages[m].dest != YT_TO_STATE || b->messages[m].shard != c->shard)
				continue;
			CHECK_MSG(!found, "a record of state behind the checkpoint of shard %d", c->shard);
			found = yt_str_eq(b->messages[m].key, YT_S(YT_CHECKPOINT_KEY));
			if (found)
				CHECK_MSG(yt_checkpoint_decode(b->messages[m].value, &cp), "a checkpoint that is none");
			for (size_t o = 0; o < m && !found; o++)
				CHECK_MSG(b->messages[o].dest != YT_TO_STATE || b->messages[o].shard != c->shard ||
				          !yt_str_eq(b->messages[o].key, b->messages[m].key), "an entity twice in one transaction");
		}
		CHECK_MSG(found, "no checkpoint of shard %d", c->shard);
		CHECK_INT(cp.version, c->version);
		CHECK_INT(cp.n_inputs, n_inputs);
		CHECK_STR(cp.log_id, b->log_id);
		for (int i = 0; i < n_inputs; i++) {
			CHECK_MSG(c->next[i] >= 0, "shard %d commits no offset of input %d", c->shard, i);
			CHECK_INT(cp.next[i], c->next[i]);
		}
	}
	for (size_t m = 0; m < b->n_messages; m++) {
		bool ours = b->messages[m].dest != YT_TO_STATE;

		for (size_t k = 0; k < b->n_shards; k++)
			ours |= b->shards[k].shard == b->messages[m].shard;
		CHECK_MSG(ours, "state of shard %d, which the transaction does not name", b->messages[m].shard);
	}
}

/* The committed offsets and the changelog after the batch. */
UNUSED static void fl_keep_batch(struct flog *l, const struct fl_batch *b)
{
	for (size_t k = 0; k < b->n_messages; k++) {
		const struct yt_mem_message *m = &b->messages[k];

		if (m->dest != YT_TO_STATE)
			continue;
		FL_GROW(l->state[m->shard], l->n_state[m->shard], l->cap_state[m->shard]);
		l->state[m->shard][l->n_state[m->shard]++] = (struct fl_state){ m->key, m->value };
	}
	for (size_t k = 0; k < b->n_shards; k++) {
		struct yt_group_pos *g = &l->group[b->shards[k].shard];

		g->version = b->shards[k].version;
		g->has_meta = true;
		snprintf(g->log_id, sizeof g->log_id, "%s", b->log_id);
		memcpy(g->next, b->shards[k].next, sizeof g->next);
	}
}

static void fl_commit(void *ctx, const struct yt_batch *batch)
{
	struct flog *l = ctx;

	CHECK_MSG(!l->in_flight, "a commit while another is in flight");
	FL_GROW(l->batches, l->n_batches, l->cap_batches);
	fl_copy(l, &l->batches[l->n_batches], batch);
	fl_check_batch(&l->batches[l->n_batches++], l->n_inputs);
	l->in_flight = true;
	if (l->hold_commit)
		return;
	fl_keep_batch(l, &l->batches[l->n_batches - 1]);
	fl_outcome(l, YT_COMMITTED);
}

static void fl_genesis(struct flog *l)
{
	for (int p = 0; p < EW_SHARDS; p++) {
		struct yt_checkpoint c = { .log_id = EW_LOG_ID, .partitions = EW_SHARDS, .transactional_id = YT_S("t"), .n_inputs = l->n_inputs };
		struct yt_group_pos *g = &l->group[p];
		struct yt_buf b;

		memcpy(c.topics, ew_topics, sizeof ew_topics);
		*g = (struct yt_group_pos){ .has_meta = true, .log_id = EW_LOG_ID };
		yt_buf_init(&b, &l->arena);
		yt_checkpoint_encode(&c, &b);
		l->n_state[p] = 0;
		FL_GROW(l->state[p], l->n_state[p], l->cap_state[p]);
		l->state[p][l->n_state[p]++] = (struct fl_state){ YT_S(YT_CHECKPOINT_KEY), yt_buf_str(&b) };
	}
}

/* The last checkpoint of a shard's changelog is this one. */
UNUSED static void fl_set_checkpoint(struct flog *l, int shard, const struct yt_checkpoint *c)
{
	struct yt_buf b;

	yt_buf_init(&b, &l->arena);
	yt_checkpoint_encode(c, &b);
	FL_GROW(l->state[shard], l->n_state[shard], l->cap_state[shard]);
	l->state[shard][l->n_state[shard]++] = (struct fl_state){ YT_S(YT_CHECKPOINT_KEY), yt_buf_str(&b) };
}

static void fl_init(struct flog *l)
{
	memset(l, 0, sizeof *l);
	yt_arena_init(&l->arena, 0);
	l->n_inputs = EW_INPUTS;
	l->port = (struct yt_log){ l, fl_poll, fl_open, fl_restore, fl_start, fl_release, fl_rejoin, fl_ends, fl_begin, fl_commit };
	fl_genesis(l);
}

static void fl_deinit(struct flog *l)
{
	for (int p = 0; p < EW_SHARDS; p++)
		free(l->state[p]);
	free(l->items);
	free(l->batches);
	yt_arena_deinit(&l->arena);
}

/* --- the view: a small Redis */

enum { FV_QUESTIONS_MAX = 64 };

struct fv_key {
	int shard;
	enum yt_kind kind;
	struct yt_str name, blob;
	struct yt_str wallet; /* of a member: as it was last told to have changed */
	bool there;
};

struct fv_question {
	int what; /* 0: where, 1: apply, 2: reset */
	int shard;
	struct yt_view_job *job;
	char log_id[33];
};

struct fview {
	struct yt_view port;
	const struct yt_view_up *up;
	void *ctx;
	struct yt_arena arena;
	struct fv_key *keys;
	size_t n_keys, cap_keys;
	char log_id[EW_SHARDS][33];
	uint64_t version[EW_SHARDS];
	int run, swept[EW_SHARDS]; /* the run that was swept; 0: none */
	bool away; /* nothing is done, the answer is AWAY */
	bool lose_answers; /* done, but the answer is AWAY */
	bool hold; /* questions are kept until it is over */
	bool never_sweeps; /* whoever is told to dies before */
	struct fv_question q[FV_QUESTIONS_MAX];
	size_t n_q;
	/* What the log has committed of a shard; checked against each job. */
	uint64_t (*committed)(void *ctx, int shard);
	void *committed_ctx;
	int wheres, applies, resets, sweeps, stales;
	size_t last_n[EW_SHARDS]; /* entities of the last job */
	unsigned last_hashes[EW_SHARDS][YT_KIND__COUNT]; /* of the last job: what it told of the last entity of each kind; 0: it had none */
	uint64_t last_from[EW_SHARDS], last_to[EW_SHARDS];
	int parts; /* jobs that left the version as it was */
};

static struct fv_key *fv_key(struct fview *v, int shard, enum yt_kind kind, struct yt_str name)
{
	for (size_t k = 0; k < v->n_keys; k++)
		if (v->keys[k].shard == shard && v->keys[k].kind == kind && yt_str_eq(v->keys[k].name, name))
			return &v->keys[k];
	FL_GROW(v->keys, v->n_keys, v->cap_keys);
	v->keys[v->n_keys] = (struct fv_key){ .shard = shard, .kind = kind, .name = yt_arena_dup(&v->arena, name) };
	return &v->keys[v->n_keys++];
}

static void fv_ask(struct fview *v, int what, int shard, struct yt_view_job *job, const char *log_id)
{
	CHECK(v->n_q < FV_QUESTIONS_MAX);
	v->q[v->n_q] = (struct fv_question){ .what = what, .shard = shard, .job = job };
	if (log_id)
		snprintf(v->q[v->n_q].log_id, sizeof v->q[0].log_id, "%s", log_id);
	v->n_q++;
}

static void fv_where(void *ctx, int shard)
{
	struct fview *v = ctx;

	v->wheres++;
	fv_ask(v, 0, shard, NULL, NULL);
}

static void fv_apply(void *ctx, struct yt_view_job *job)
{
	struct fview *v = ctx;

	v->applies++;
	CHECK_MSG(job->to >= job->from, "a job goes back from %" PRIu64 " to %" PRIu64, job->from, job->to);
	if (v->committed)
		CHECK_MSG(job->to <= v->committed(v->committed_ctx, job->shard), "the view runs ahead of the log: version %" PRIu64 " of shard %d", job->to,
		          job->shard);
	v->last_n[job->shard] = job->n;
	memset(v->last_hashes[job->shard], 0, sizeof v->last_hashes[job->shard]);
	for (size_t k = 0; k < job->n; k++)
		v->last_hashes[job->shard][job->entities[k].kind] = job->entities[k].hashes;
	v->last_from[job->shard] = job->from;
	v->last_to[job->shard] = job->to;
	v->parts += job->from == job->to;
	fv_ask(v, 1, job->shard, job, NULL);
}

static void fv_reset(void *ctx, int shard, const char *log_id)
{
	struct fview *v = ctx;

	v->resets++;
	fv_ask(v, 2, shard, NULL, log_id);
}

static void fv_sweep(void *ctx, int shard)
{
	struct fview *v = ctx;

	v->sweeps++;
	if (v->never_sweeps)
		return;
	v->swept[shard] = v->run;
	for (size_t k = 0; k < v->n_keys; k++) {
		struct yt_str suffix[YT_VIEW_HASHES_MAX];
		uint64_t version;

		if (v->keys[k].shard != shard || !v->keys[k].there)
			continue;
		if (yt_view_suffixes(&v->arena, v->keys[k].kind, v->keys[k].name, true, suffix) > 0 &&
		    v->up->knows(v->ctx, shard, suffix[0], &version) == YT_VIEW_GONE)
			v->keys[k].there = false;
	}
}

static enum yt_view_status fv_do_apply(struct fview *v, const struct yt_view_job *job)
{
	int p = job->shard;

	if (strcmp(v->log_id[p], job->log_id) != 0 || v->version[p] != job->from) {
		v->stales++;
		return YT_VIEW_STALE;
	}
	for (size_t k = 0; k < job->n; k++) {
		struct fv_key *key = fv_key(v, p, job->entities[k].kind, job->entities[k].name);

		key->there = job->entities[k].blob.p != NULL;
		if (key->there && job->entities[k].hashes & 1)
			key->blob = yt_arena_dup(&v->arena, job->entities[k].blob);
		if (key->there && job->entities[k].hashes & 2)
			key->wallet = yt_arena_dup(&v->arena, yt_member_wallet(job->entities[k].blob));
	}
	v->version[p] = job->to;
	if (job->unswept && job->to != job->from)
		v->swept[p] = 0;
	return YT_VIEW_OK;
}

static void fv_do_reset(struct fview *v, const struct fv_question *q)
{
	for (size_t k = 0; k < v->n_keys; k++)
		if (v->keys[k].shard == q->shard)
			v->keys[k].there = false;
	snprintf(v->log_id[q->shard], sizeof v->log_id[0], "%s", q->log_id);
	v->version[q->shard] = 0;
	v->swept[q->shard] = v->run;
}

/* Answers everything that was asked until now. */
UNUSED static void fv_answer(struct fview *v)
{
	struct fv_question q[FV_QUESTIONS_MAX];
	size_t n = v->n_q;

	memcpy(q, v->q, sizeof q);
	v->n_q = 0;
	for (size_t k = 0; k < n; k++) {
		int p = q[k].shard;
		enum yt_view_status s = v->away ? YT_VIEW_AWAY : YT_VIEW_OK;

		if (q[k].what == 0) {
			v->up->on_where(v->ctx, p, v->lose_answers ? YT_VIEW_AWAY : s, v->log_id[p], v->version[p], v->swept[p] != v->run);
		} else if (q[k].what == 1) {
			if (s == YT_VIEW_OK)
				s = fv_do_apply(v, q[k].job);
			v->up->on_applied(v->ctx, q[k].job, v->lose_answers ? YT_VIEW_AWAY : s);
		} else {
			if (s == YT_VIEW_OK)
				fv_do_reset(v, &q[k]);
			v->up->on_reset(v->ctx, p, v->lose_answers ? YT_VIEW_AWAY : s);
		}
	}
}

static void fv_poll(void *ctx)
{
	struct fview *v = ctx;

	if (!v->hold)
		fv_answer(v);
}

/* Emptied and another process. */
UNUSED static void fv_empty(struct fview *v)
{
	for (size_t k = 0; k < v->n_keys; k++)
		v->keys[k].there = false;
	memset(v->log_id, 0, sizeof v->log_id);
	memset(v->version, 0, sizeof v->version);
	v->run++;
}

static void fv_init(struct fview *v)
{
	memset(v, 0, sizeof *v);
	yt_arena_init(&v->arena, 0);
	v->port = (struct yt_view){ v, fv_poll, fv_where, fv_apply, fv_reset, fv_sweep };
	v->run = 1;
}

static void fv_deinit(struct fview *v)
{
	free(v->keys);
	yt_arena_deinit(&v->arena);
}

/* --- the world */

struct ew_out {
	int shard;
	enum yt_out_type type;
	char id[33];
	char *value;
};

/* A rule set in memory of its own, so that a sanitizer sees who reads one that was given up. */
struct ew_set {
	struct yt_arena arena;
	const struct yt_ruleset *rules;
	struct ew_set *next;
};

struct ew {
	struct yt_arena arena;
	const struct yt_ruleset *rules;
	const char *rules_text; /* as at the beginning */
	struct ew_set *sets;
	const struct yt_ruleset *done[8]; /* the first sets that the engine gave up */
	int n_done;
	struct yt_engine_conf conf;
	struct yt_engine *e;
	struct yt_memlog *mem; /* NULL: flog */
	struct flog fl;
	struct fview fv;
	bool with_view;
	int64_t wall, mono, wait;
	struct ew_out *outs;
	size_t n_outs, cap_outs;
	int deads;
	enum yt_dead last_dead;
	int fatals;
	struct yt_err fatal;
	unsigned seq; /* of envelope ids */
};

static void ew_on_output(void *ctx, int shard, const struct yt_output *out)
{
	struct ew *w = ctx;
	struct ew_out *o;

	FL_GROW(w->outs, w->n_outs, w->cap_outs);
	o = &w->outs[w->n_outs++];
	*o = (struct ew_out){ .shard = shard, .type = out->type, .value = strndup(out->value.p, out->value.n) };
	memcpy(o->id, out->id, sizeof o->id);
}

static void ew_on_dead(void *ctx, enum yt_dead reason, const char *detail, const struct yt_record *rec)
{
	struct ew *w = ctx;

	(void)detail;
	(void)rec;
	w->deads++;
	w->last_dead = reason;
}

static void ew_on_fatal(void *ctx, const struct yt_err *err)
{
	struct ew *w = ctx;

	if (w->fatals++ == 0)
		w->fatal = *err;
}

static bool ew_zone(void *ctx, struct yt_arena *a, const char *name, struct yt_str *tzif)
{
	char path[512];
	char *bytes = yt_arena_alloc(a, 65536);
	FILE *f;

	(void)ctx;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
	f = fopen(path, "rb");
	if (!f)
		return false;
	*tzif = yt_str(bytes, fread(bytes, 1, 65536, f));
	fclose(f);
	return true;
}

UNUSED static const struct yt_ruleset *ew_parse(struct ew *w, struct yt_str text)
{
	struct yt_problems problems;
	struct ew_set *set = calloc(1, sizeof *set);

	CHECK(set);
	yt_arena_init(&set->arena, 0);
	yt_problems_init(&problems, "rules");
	set->rules = yt_ruleset_parse(&set->arena, yt_arena_dup(&set->arena, text), ew_zone, NULL, &problems);
	if (!set->rules)
		yt_test_fail(__FILE__, __LINE__, "rules: %.*s", YT_FMT(yt_buf_str(&problems.text)));
	yt_problems_deinit(&problems);
	set->next = w->sets;
	w->sets = set;
	return set->rules;
}

/* Frees this one, NULL: all. */
static void ew_forget_rules(struct ew *w, const struct yt_ruleset *rules)
{
	for (struct ew_set **at = &w->sets; *at;) {
		struct ew_set *set = *at;

		if (rules && set->rules != rules) {
			at = &set->next;
			continue;
		}
		*at = set->next;
		yt_arena_deinit(&set->arena);
		free(set);
	}
}

static void ew_on_rules_done(void *ctx, const struct yt_ruleset *rules)
{
	struct ew *w = ctx;

	if (w->n_done < 8)
		w->done[w->n_done++] = rules;
	ew_forget_rules(w, rules);
}

static void ew_bind(struct ew *w)
{
	struct yt_engine_up up = { .ctx = w, .on_output = ew_on_output, .on_dead = ew_on_dead, .on_rules_done = ew_on_rules_done,
		                    .on_fatal = ew_on_fatal };
	struct yt_log *log = w->mem ? yt_memlog_port(w->mem) : &w->fl.port;

	w->e = yt_engine_new(&w->conf, w->rules, log, w->with_view ? &w->fv.port : NULL, &up);
	if (w->mem) {
		yt_memlog_bind(w->mem, &yt_engine_log_up, w->e);
	} else {
		w->fl.up = &yt_engine_log_up;
		w->fl.ctx = w->e;
	}
	w->fv.up = &yt_engine_view_up;
	w->fv.ctx = w->e;
}

enum { EW_MEM = 1, EW_VIEW = 2, EW_EVENT = 4 };

/* what: EW_MEM, the memory log in place of the one by hand; EW_VIEW, a view; EW_EVENT, the clock of the events. */
UNUSED static void ew_init_rules(struct ew *w, int what, const char *rules)
{
	memset(w, 0, sizeof *w);
	yt_types_init();
	yt_log_setup(YT_LOG_TEXT, getenv("EW_LOG") ? YT_LOG_DEBUG : YT_LOG_ERROR);
	yt_arena_init(&w->arena, 0);
	w->rules_text = rules;
	w->rules = ew_parse(w, yt_str_z(rules));
	w->conf = (struct yt_engine_conf){ .partitions = EW_SHARDS,
		                           .n_inputs = EW_INPUTS,
		                           .transactional_id = YT_S("test"),
		                           .clock = what & EW_EVENT ? YT_CLOCK_EVENT : YT_CLOCK_WALL,
		                           .hold_after_input_ms = 500,
		                           .view_orders = true };
	memcpy(w->conf.topics, ew_topics, sizeof ew_topics);
	fl_init(&w->fl);
	fv_init(&w->fv);
	w->with_view = what & EW_VIEW;
	if (what & EW_MEM)
		w->mem = yt_memlog_new(EW_SHARDS, ew_topics, EW_INPUTS);
	w->wall = EW_T0 + 10 * EW_DAY + 12 * EW_HOUR;
	w->mono = 1000000;
	ew_bind(w);
}

UNUSED static void ew_init(struct ew *w, int what)
{
	ew_init_rules(w, what, EW_RULES);
}

UNUSED static void ew_deinit(struct ew *w)
{
	yt_engine_free(w->e);
	for (size_t k = 0; k < w->n_outs; k++)
		free(w->outs[k].value);
	free(w->outs);
	if (w->mem)
		yt_memlog_free(w->mem);
	for (size_t k = 0; k < w->fv.n_q; k++) {
		if (w->fv.q[k].job) {
			yt_arena_deinit(&w->fv.q[k].job->arena);
			free(w->fv.q[k].job);
		}
	}
	fl_deinit(&w->fl);
	fv_deinit(&w->fv);
	ew_forget_rules(w, NULL);
	yt_arena_deinit(&w->arena);
}

/* The process dies and another one starts: what was committed is all there is. */
UNUSED static void ew_crash(struct ew *w)
{
	yt_engine_free(w->e);
	w->fl.in_flight = false;
	for (size_t k = 0; k < w->fv.n_q; k++) {
		if (w->fv.q[k].job) {
			yt_arena_deinit(&w->fv.q[k].job->arena);
			free(w->fv.q[k].job);
		}
	}
	w->fv.n_q = 0;
	ew_bind(w);
}

static bool ew_turn(struct ew *w)
{
	return yt_engine_turn(w->e, w->wall, w->mono, &w->wait);
}

UNUSED static void ew_turns(struct ew *w, int n)
{
	while (n-- > 0)
		ew_turn(w);
}

/* Both clocks. */
UNUSED static void ew_pass(struct ew *w, int64_t ms)
{
	w->wall += ms;
	w->mono += ms;
}

/* Everything there is to do without the clocks moving. */
UNUSED static void ew_settle(struct ew *w)
{
	for (int k = 0; k < 40; k++)
		ew_turn(w);
}

/* flog: all shards are ours and live, and every input is at its end. */
UNUSED static void ew_live(struct ew *w)
{
	fl_assign_all(&w->fl);
	ew_turns(w, 5);
	for (int p = 0; p < EW_SHARDS; p++)
		CHECK_MSG(w->fl.started[p], "shard %d was not started", p);
	fl_all_ends(&w->fl);
	ew_turn(w);
}

/* --- records */

UNUSED static const char *ew_event_id(struct ew *w, const char *id, const char *type, int64_t time, const char *data)
{
	char rfc[25];

	yt_time_format(time, rfc);
	return yt_arena_printf(&w->arena, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/shops/s1\",\"type\":\"%s\",\"time\":\"%s\",\"data\":%s}", id, type,
	                       rfc, data).p;
}

UNUSED static const char *ew_event(struct ew *w, const char *type, int64_t time, const char *data)
{
	char id[32];

	snprintf(id, sizeof id, "e-%u", ++w->seq);
	return ew_event_id(w, id, type, time, data);
}

UNUSED static const char *ew_paid(struct ew *w, const char *member, const char *order, int64_t time)
{
	return ew_event(w, "order.paid", time,
	                yt_arena_printf(&w->arena,
	                                "{\"order\":\"%s\",\"member\":\"%s\",\"paid_at\":%" PRId64 ",\"amount\":1000,\"currency\":\"CNY\",\"items\":[]}", order,
	                                member, time).p);
}

UNUSED static const char *ew_signed(struct ew *w, const char *member, const char *order, int64_t time)
{
	return ew_event(w, "order.signed", time,
	                yt_arena_printf(&w->arena, "{\"order\":\"%s\",\"member\":\"%s\",\"signed_at\":%" PRId64 "}", order, member, time).p);
}

UNUSED static const char *ew_refunded(struct ew *w, const char *member, const char *order, int amount, int64_t time)
{
	return ew_event(w, "order.refunded", time,
	                yt_arena_printf(&w->arena, "{\"order\":\"%s\",\"member\":\"%s\",\"refund\":\"r-%d\",\"refunded_at\":%" PRId64 ",\"amount\":%d}", order,
	                                member, amount, time, amount).p);
}

UNUSED static const char *ew_joined(struct ew *w, const char *member, const char *group, int64_t time)
{
	return ew_event(w, "group.joined", time,
	                yt_arena_printf(&w->arena, "{\"group\":\"%s\",\"member\":\"%s\",\"joined_at\":%" PRId64 "}", group, member, time).p);
}

UNUSED static const char *ew_left(struct ew *w, const char *member, const char *group, int64_t time)
{
	return ew_event(w, "group.left", time,
	                yt_arena_printf(&w->arena, "{\"group\":\"%s\",\"member\":\"%s\",\"left_at\":%" PRId64 "}", group, member, time).p);
}

/* The k-th member name that lives on the shard. */
UNUSED static const char *ew_member(struct ew *w, int shard, int k)
{
	for (int n = 0;; n++) {
		struct yt_str key = yt_arena_printf(&w->arena, "s1/m-%d", n);

		if (yt_partition(key, EW_SHARDS) == shard && k-- == 0)
			return key.p + 3;
	}
}

UNUSED static int ew_shard_of(struct ew *w, const char *member)
{
	return yt_partition(yt_arena_printf(&w->arena, "s1/%s", member), EW_SHARDS);
}

/* Memory log. */
UNUSED static int64_t ew_put(struct ew *w, int input, int shard, const char *value)
{
	return yt_memlog_put(w->mem, input, shard, 777, YT_S("k"), yt_str_z(value));
}

/* --- what came of it */

UNUSED static int ew_count(const struct ew *w, enum yt_out_type type)
{
	int n = 0;

	for (size_t k = 0; k < w->n_outs; k++)
		n += w->outs[k].type == type;
	return n;
}

/* A field of data, as text. */
UNUSED static const char *ew_data(struct ew *w, const char *value, const char *field)
{
	const cJSON *root, *item;

	CHECK(yt_json_parse(&w->arena, yt_str_z(value), 0, 0, &root, NULL) == YT_JSON_OK);
	item = yt_json_get(yt_json_get(root, "data"), field);
	if (!item)
		return NULL;
	return yt_arena_dup(&w->arena, yt_json_is_text(item) ? yt_json_text(item) : yt_json_number(item)).p;
}

UNUSED static int64_t ew_data_int(struct ew *w, const char *value, const char *field)
{
	const char *t = ew_data(w, value, field);

	return t ? strtoll(t, NULL, 10) : -1;
}

UNUSED static const char *ew_header(const struct yt_mem_message *m, const char *name)
{
	static char text[8][256];
	static int at;

	for (size_t k = 0; k < m->n_headers; k++) {
		if (yt_str_eq(m->headers[k].name, yt_str_z(name))) {
			at = (at + 1) % 8;
			snprintf(text[at], sizeof text[at], "%.*s", YT_FMT(m->headers[k].value));
			return text[at];
		}
	}
	return NULL;
}

/* The n-th committed message for dest, memory log; NULL. */
UNUSED static const struct yt_mem_message *ew_message(struct ew *w, int dest, int n)
{
	const struct yt_mem_message *m;
	size_t count = yt_memlog_committed(w->mem, &m);

	for (size_t k = 0; k < count; k++)
		if (m[k].dest == dest && n-- == 0)
			return &m[k];
	return NULL;
}

UNUSED static struct yt_shard_info ew_info(struct ew *w, int shard)
{
	struct yt_shard_info info[EW_SHARDS];
	size_t n = yt_engine_shards(w->e, info, EW_SHARDS);

	for (size_t k = 0; k < n; k++)
		if (info[k].shard == shard)
			return info[k];
	return (struct yt_shard_info){ .shard = -1, .state = "none" };
}

/* All committed entities as sorted lines `shard key hex`, without those that have expired at `now`. */
struct ew_dump {
	struct ew *w;
	char **lines;
	size_t n, cap;
	int64_t now;
	bool versions;
};

static void ew_dump_one(void *ctx, int shard, struct yt_str key, struct yt_str value, uint64_t version)
{
	struct ew_dump *d = ctx;
	struct yt_str name;
	int kind = yt_entity_kind(key, &name);
	char *hex = malloc(2 * (size_t)value.n + 1);
	struct yt_arena a;

	yt_arena_init(&a, 0);
	void *obj = yt_entities[kind].decode(&a, name, value);

	CHECK(obj);
	if (yt_entities[kind].expires_at(obj) > d->now) {
		yt_hex((const unsigned char *)value.p, value.n, hex);
		FL_GROW(d->lines, d->n, d->cap);
		d->lines[d->n++] = strdup(yt_arena_printf(&d->w->arena, "%d %.*s %s %" PRIu64, shard, YT_FMT(key), hex, d->versions ? version : 0).p);
	}
	yt_arena_deinit(&a);
	free(hex);
}

static int ew_by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

UNUSED static struct ew_dump ew_dump(struct ew *w, int64_t now, bool versions)
{
	struct ew_dump d = { .w = w, .now = now, .versions = versions };

	yt_engine_each(w->e, ew_dump_one, &d);
	if (d.n)
		qsort(d.lines, d.n, sizeof *d.lines, ew_by_text);
	return d;
}

UNUSED static void ew_dump_free(struct ew_dump *d)
{
	for (size_t k = 0; k < d->n; k++)
		free(d->lines[k]);
	free(d->lines);
}

UNUSED static void ew_dump_same(const struct ew_dump *got, const struct ew_dump *want)
{
	for (size_t k = 0; k < got->n || k < want->n; k++) {
		const char *g = k < got->n ? got->lines[k] : "-", *x = k < want->n ? want->lines[k] : "-";

		CHECK_MSG(strcmp(g, x) == 0, "state differs: %.300s, expected %.300s", g, x);
	}
}

/* The view shows the committed entities and nothing else. */
struct fv_match {
	struct ew *w;
	size_t n;
};

static void fv_match_one(void *ctx, int shard, struct yt_str key, struct yt_str value, uint64_t version)
{
	struct fv_match *m = ctx;
	struct yt_str name;
	int kind = yt_entity_kind(key, &name);
	struct fv_key *k = fv_key(&m->w->fv, shard, (enum yt_kind)kind, name);

	(void)version;
	if (!yt_view_changed((enum yt_kind)kind, (struct yt_str){ 0 }, value, true)) {
		CHECK_MSG(!k->there, "the view has %.*s, which it does not show", YT_FMT(key));
		return;
	}
	CHECK_MSG(k->there, "the view lacks %.*s", YT_FMT(key));
	CHECK_MSG(yt_str_eq(k->blob, value), "the view shows another %.*s", YT_FMT(key));
	if (k->kind == YT_KIND_MEMBER)
		CHECK_MSG(yt_str_eq(k->wallet, yt_member_wallet(value)), "the view shows another wallet of %.*s", YT_FMT(key));
	m->n++;
}

UNUSED static void ew_view_is_current(struct ew *w)
{
	struct fv_match m = { w, 0 };
	size_t there = 0;

	for (int p = 0; p < EW_SHARDS; p++) {
		CHECK_INT(w->fv.version[p], ew_info(w, p).version);
		CHECK_STR(w->fv.log_id[p], EW_LOG_ID);
	}
	yt_engine_each(w->e, fv_match_one, &m);
	for (size_t k = 0; k < w->fv.n_keys; k++)
		there += w->fv.keys[k].there;
	CHECK_INT(there, m.n);
}

/* For fview.committed over the memory log: the version of the last checkpoint of the shard. */
UNUSED static uint64_t ew_mem_committed(void *ctx, int shard)
{
	struct ew *w = ctx;
	const struct yt_mem_message *m;
	size_t n = yt_memlog_committed(w->mem, &m);
	struct yt_checkpoint c;

	while (n-- > 0)
		if (m[n].dest == YT_TO_STATE && m[n].shard == shard && yt_str_eq(m[n].key, YT_S(YT_CHECKPOINT_KEY)) && yt_checkpoint_decode(m[n].value, &c))
			return c.version;
	return 0;
}

UNUSED static uint64_t ew_fl_committed(void *ctx, int shard)
{
	struct ew *w = ctx;

	return w->fl.group[shard].version;
}

#endif
