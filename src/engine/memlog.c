#include "yutang/engine/memlog.h"

#include <stdlib.h>

#include "yutang/engine/checkpoint.h"

enum {
	OUTCOMES_MAX = 16,
	SLICE = 64, /* records that one input hands up at once: with the clock of the events none may run ahead of the others */
};

struct mem_record {
	int64_t timestamp_ms;
	struct yt_str key, value;
	const struct yt_header *headers;
	size_t n_headers;
};

struct mem_input {
	struct mem_record *v;
	size_t n, cap;
	size_t at;    /* handed up to here */
	bool end_said;
};

struct mem_state {
	struct yt_str key, value;
};

struct mem_shard {
	struct mem_input in[YT_INPUTS_MAX];
	struct mem_state *state;
	size_t n_state, cap_state;
	struct yt_group_pos group;
	bool started, opening, restoring, asked;
};

struct yt_memlog {
	struct yt_log port;
	const struct yt_log_up *up;
	void *ctx;
	int partitions, n_inputs;
	const struct yt_str *topics;
	struct yt_arena arena; /* everything that was ever put */
	struct mem_shard *shards;
	struct yt_mem_message *committed;
	size_t n_committed, cap_committed;
	enum yt_outcome outcomes[OUTCOMES_MAX];
	size_t n_outcomes, at_outcome;
	bool lost_kept, lean;
	const struct yt_batch *batch; /* in flight */
	bool assign, revoke;
	int next; /* the shard that hands its records up first */
};

#define GROW(v, n, cap)                                              \
	do {                                                         \
		if ((n) == (cap)) {                                  \
			(cap) = (cap) ? (cap) * 2 : 64;              \
			(v) = realloc((v), (cap) * sizeof *(v));     \
			YT_ASSERT((v), NULL);                        \
		}                                                    \
	} while (0)

static int64_t append(struct yt_memlog *l, int input, int shard, const struct mem_record *r)
{
	struct mem_input *in = &l->shards[shard].in[input];

	GROW(in->v, in->n, in->cap);
	in->v[in->n] = *r;
	in->end_said = false;
	return (int64_t)in->n++;
}

int64_t yt_memlog_put(struct yt_memlog *l, int input, int shard, int64_t timestamp_ms, struct yt_str key, struct yt_str value)
{
	struct mem_record r = { .timestamp_ms = timestamp_ms,
		                .key = l->lean ? key : yt_arena_keep(&l->arena, key),
		                .value = l->lean ? value : yt_arena_keep(&l->arena, value) };

	return append(l, input, shard, &r);
}

static void add_state(struct yt_memlog *l, int shard, struct yt_str key, struct yt_str value)
{
	struct mem_shard *s = &l->shards[shard];

	GROW(s->state, s->n_state, s->cap_state);
	s->state[s->n_state++] = (struct mem_state){ yt_arena_keep(&l->arena, key), yt_arena_keep(&l->arena, value) };
}

static int push_input(struct yt_memlog *l, int shard, int input, int max)
{
	struct mem_input *in = &l->shards[shard].in[input];
	int room = l->up->room(l->ctx, input, shard), n = 0;

	if (max > room)
		max = room;

	while (in->at < in->n && n < max) {
		const struct mem_record *r = &in->v[in->at];
		struct yt_record rec = { .input = input,
			                 .shard = shard,
			                 .offset = (int64_t)in->at,
			                 .timestamp_ms = r->timestamp_ms,
			                 .key = r->key,
			                 .value = r->value,
			                 .headers = r->headers,
			                 .n_headers = r->n_headers };

		in->at++;
		n++;
		l->up->on_record(l->ctx, &rec);
	}
	if (in->at == in->n && !in->end_said) {
		in->end_said = true;
		l->up->on_end(l->ctx, input, shard, (int64_t)in->n);
	}
	return n;
}

/* A slice of each input in turn, until all are at their ends or `max` is reached; the next call goes on where this one stopped. */
static int push_records(struct yt_memlog *l, int max)
{
	int n = 0, idle = 0;

	while (idle < l->partitions) {
		int p = l->next, before = n;

		for (int i = 0; i < l->n_inputs && l->shards[p].started; i++)
			n += push_input(l, p, i, max - n < SLICE ? max - n : SLICE);
		if (n == max && max > 0)
			return n;
		idle = n == before ? idle + 1 : 0;
		l->next = (p + 1) % l->partitions;
	}
	return n;
}

static void keep_message(struct yt_memlog *l, const struct yt_message *m)
{
	struct yt_mem_message k = { m->dest, m->shard, yt_arena_keep(&l->arena, m->key), yt_arena_keep(&l->arena, m->value), yt_headers_keep(&l->arena, m->headers, m->n_headers),
		                    m->n_headers };

	if (m->dest == YT_TO_STATE)
		add_state(l, m->shard, m->key, m->value);
	if (m->dest == YT_TO_INTERNAL) {
		struct mem_record r = { .timestamp_ms = -1, .key = k.key, .value = k.value, .headers = k.headers, .n_headers = k.n_headers };

		append(l, l->n_inputs - 1, m->shard, &r);
	}
	if (l->lean)
		return;
	GROW(l->committed, l->n_committed, l->cap_committed);
	l->committed[l->n_committed++] = k;
}

static void keep_batch(struct yt_memlog *l)
{
	for (size_t i = 0; i < l->batch->n_messages; i++)
		if (!l->lean || l->batch->messages[i].dest == YT_TO_INTERNAL)
			keep_message(l, &l->batch->messages[i]);
	for (size_t i = 0; i < l->batch->n_shards; i++) {
		const struct yt_shard_commit *c = &l->batch->shards[i];
		struct yt_group_pos *g = &l->shards[c->shard].group;

		g->version = c->version;
		memcpy(g->next, c->next, sizeof g->next);
	}
}

static void finish_commit(struct yt_memlog *l)
{
	enum yt_outcome o = l->at_outcome < l->n_outcomes ? l->outcomes[l->at_outcome++] : YT_COMMITTED;

	if (o == YT_COMMITTED || (o == YT_LOST && l->lost_kept))
		keep_batch(l);
	l->batch = NULL;
	l->up->on_outcome(l->ctx, o);
}

static int mem_poll(void *ctx, int max_records)
{
	struct yt_memlog *l = ctx;

	if (l->batch)
		finish_commit(l);
	if (l->revoke) {
		l->revoke = false;
		l->assign = true;
		l->up->on_revoked(l->ctx, false);
		return 0;
	}
	if (l->assign) {
		int *all = calloc((size_t)l->partitions, sizeof *all);

		YT_ASSERT(all, NULL);
		for (int p = 0; p < l->partitions; p++)
			all[p] = p;
		l->assign = false;
		l->up->on_assigned(l->ctx, all, (size_t)l->partitions);
		free(all);
	}
	for (int p = 0; p < l->partitions; p++) {
		struct mem_shard *s = &l->shards[p];

		if (s->opening) {
			s->opening = false;
			l->up->on_group(l->ctx, p, &s->group);
		}
		if (s->restoring) {
			s->restoring = false;
			for (size_t i = 0; i < s->n_state; i++)
				l->up->on_state(l->ctx, p, s->state[i].key, s->state[i].value);
			l->up->on_restored(l->ctx, p);
		}
		if (s->asked) {
			int64_t end[YT_INPUTS_MAX] = { 0 };

			s->asked = false;
			for (int i = 0; i < l->n_inputs; i++)
				end[i] = (int64_t)s->in[i].n;
			l->up->on_ends(l->ctx, p, end);
		}
	}
	return push_records(l, max_records);
}

static void mem_open(void *ctx, int shard)
{
	((struct yt_memlog *)ctx)->shards[shard].opening = true;
}

static void mem_restore(void *ctx, int shard)
{
	((struct yt_memlog *)ctx)->shards[shard].restoring = true;
}

static void stop(struct yt_memlog *l)
{
	for (int p = 0; p < l->partitions; p++) {
		struct mem_shard *s = &l->shards[p];

		s->started = s->opening = s->restoring = false;
	}
}

static void mem_start(void *ctx, const int *shards, size_t n, const int64_t (*next)[YT_INPUTS_MAX])
{
	struct yt_memlog *l = ctx;

	stop(l);
	for (size_t k = 0; k < n; k++) {
		struct mem_shard *s = &l->shards[shards[k]];

		s->started = true;
		for (int i = 0; i < l->n_inputs; i++) {
			s->in[i].at = (size_t)next[k][i];
			s->in[i].end_said = false;
		}
	}
}

static void mem_release(void *ctx)
{
	struct yt_memlog *l = ctx;

	stop(l);
	for (int p = 0; p < l->partitions; p++)
		l->shards[p].asked = false;
}

static void mem_rejoin(void *ctx)
{
	((struct yt_memlog *)ctx)->assign = true;
}

static void mem_ends(void *ctx, int shard)
{
	((struct yt_memlog *)ctx)->shards[shard].asked = true;
}

static void mem_begin(void *ctx)
{
	(void)ctx;
}

static void mem_commit(void *ctx, const struct yt_batch *batch)
{
	struct yt_memlog *l = ctx;

	YT_ASSERT(!l->batch, NULL);
	l->batch = batch;
}

struct yt_memlog *yt_memlog_new(int partitions, const struct yt_str *topics, int n_inputs)
{
	struct yt_memlog *l = calloc(1, sizeof *l);
	static const char log_id[] = "00000000000000000000000000000000";

	YT_ASSERT(l, NULL);
	l->port = (struct yt_log){ l, mem_poll, mem_open, mem_restore, mem_start, mem_release, mem_rejoin, mem_ends, mem_begin, mem_commit };
	l->partitions = partitions;
	l->n_inputs = n_inputs;
	l->topics = topics;
	l->shards = calloc((size_t)partitions, sizeof *l->shards);
	YT_ASSERT(l->shards, NULL);
	yt_arena_init(&l->arena, 1 << 20);
	for (int p = 0; p < partitions; p++) {
		struct yt_checkpoint c = { .partitions = partitions, .transactional_id = YT_S("memory"), .n_inputs = n_inputs };
		struct yt_group_pos *g = &l->shards[p].group;
		struct yt_buf b;

		memcpy(c.log_id, log_id, sizeof c.log_id);
		memcpy(g->log_id, log_id, sizeof g->log_id);
		g->has_meta = true;
		for (int i = 0; i < n_inputs; i++)
			c.topics[i] = topics[i];
		yt_buf_init(&b, &l->arena);
		yt_checkpoint_encode(&c, &b);
		add_state(l, p, YT_S(YT_CHECKPOINT_KEY), yt_buf_str(&b));
	}
	return l;
}

void yt_memlog_free(struct yt_memlog *l)
{
	for (int p = 0; p < l->partitions; p++) {
		for (int i = 0; i < l->n_inputs; i++)
			free(l->shards[p].in[i].v);
		free(l->shards[p].state);
	}
	free(l->shards);
	free(l->committed);
	yt_arena_deinit(&l->arena);
	free(l);
}

void yt_memlog_lean(struct yt_memlog *l)
{
	l->lean = true;
}

void yt_memlog_bind(struct yt_memlog *l, const struct yt_log_up *up, void *ctx)
{
	YT_ASSERT(!l->lean || !l->up, NULL);
	l->up = up;
	l->ctx = ctx;
	l->batch = NULL;
	l->revoke = false;
	l->assign = true;
	stop(l);
	for (int p = 0; p < l->partitions; p++)
		l->shards[p].asked = false;
}

struct yt_log *yt_memlog_port(struct yt_memlog *l)
{
	return &l->port;
}

void yt_memlog_outcomes(struct yt_memlog *l, const enum yt_outcome *v, size_t n, bool lost_kept)
{
	YT_ASSERT(n <= OUTCOMES_MAX, NULL);
	memcpy(l->outcomes, v, n * sizeof *v);
	l->n_outcomes = n;
	l->at_outcome = 0;
	l->lost_kept = lost_kept;
}

void yt_memlog_rebalance(struct yt_memlog *l)
{
	YT_ASSERT(!l->lean, NULL);
	l->revoke = true;
}

size_t yt_memlog_committed(const struct yt_memlog *l, const struct yt_mem_message **out)
{
	*out = l->committed;
	return l->n_committed;
}
