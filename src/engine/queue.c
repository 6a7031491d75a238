/* Fetched records between the log and their decision: decoded at once, merged by time when their turn comes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/hash.h"
#include "yutang/base/log.h"
#include "yutang/engine/forward.h"
#include "yutang/engine/shard.h"

/* Decoded records share chunks of memory, each input's its own: a chunk goes when its last record goes, and those of an input with few records wait long. */
struct yt_chunk {
	struct yt_arena arena;
	size_t refs; /* records in it, and 1 while it is the newest */
};

enum { CHUNK_BYTES = 1 << 20 };

static void unref(struct yt_chunk *c)
{
	if (--c->refs)
		return;
	yt_arena_deinit(&c->arena);
	free(c);
}

static struct yt_chunk *chunk_for_record(struct yt_engine *e, int input)
{
	struct yt_chunk **c = &e->chunk[input];

	if (*c && (*c)->arena.used >= CHUNK_BYTES) {
		unref(*c);
		*c = NULL;
	}
	if (!*c) {
		*c = calloc(1, sizeof **c);
		YT_ASSERT(*c, NULL);
		yt_arena_init(&(*c)->arena, CHUNK_BYTES / 4);
		(*c)->refs = 1;
	}
	(*c)->refs++;
	return *c;
}

/* The entry of a record on which the process died too often; NULL: none. */
static const struct yt_crash *crash_loop(const struct yt_engine *e, const struct yt_shard *s, const struct yt_record *rec)
{
	const struct yt_crashes *all = e->conf->crashes;

	for (int i = 0; all && i < all->n; i++) {
		const struct yt_crash *c = &all->v[i];

		if (c->offset == rec->offset && c->shard == rec->shard && c->input == rec->input && c->deaths >= YT_CRASH_DEATHS &&
		    strcmp(c->log_id, s->log_id) == 0)
			return c;
	}
	return NULL;
}

/* What lies too far ahead is judged when the event is decided: only then is `now` known. */
static void decode_event(struct yt_arena *a, struct yt_queued *q)
{
	struct yt_decoded d;

	yt_event_decode(a, q->rec.value, q->rec.headers, q->rec.n_headers, INT64_MAX - YT_INSTANT_AHEAD_MS, &d);
	q->event = d.event;
	q->dead = d.dead;
	if (d.dead)
		q->detail = yt_arena_dup(a, yt_str_z(d.detail)).p;
}

/* Whose it is, and when: of what can't be read it is this shard, at once. */
static void decode(struct yt_engine *e, struct yt_queued *q)
{
	struct yt_arena *a = &q->chunk->arena;
	const struct yt_crash *crash = crash_loop(e, e->shards[q->rec.shard], &q->rec);

	yt_forward_origin(e, q);
	if (crash) {
		q->sent = false;
		q->dead = YT_DEAD_CRASH_LOOP;
		q->detail = yt_arena_printf(a, "the process died %d times on it, at last by %s", crash->deaths, crash->by).p;
	} else if (q->sent) {
		q->key = q->rec.key;
		q->owner = yt_partition(q->key, e->conf->partitions);
		q->time = q->cause_now;
		return;
	} else if (!q->dead) {
		decode_event(a, q);
	}
	if (q->event) {
		q->event->owner = q->member;
		q->key = yt_event_key(a, q->event);
		q->owner = yt_partition(q->key, e->conf->partitions);
		q->time = q->event->time;
	} else {
		q->time = INT64_MIN;
	}
}

static uint64_t hash_of(enum yt_kind kind, struct yt_str name)
{
	char at[YT_ENTRY_KEY_MAX];
	struct yt_str key = yt_entry_key_of(kind, name, at);

	return key.n ? yt_map_hash(key) : 0;
}

/* The decision looks ahead by them (engine/batch.c). */
static void hash_names(struct yt_queued *q)
{
	struct yt_str order;
	char name[YT_ENTRY_KEY_MAX];

	if (!q->event)
		return;
	q->member_hash = hash_of(YT_KIND_MEMBER, q->key);
	order = yt_event_text(q->event, YT_F_ORDER);
	if (!order.n || q->event->shop.n + 1 + order.n > sizeof name)
		return;
	memcpy(name, q->event->shop.p, q->event->shop.n);
	name[q->event->shop.n] = '/';
	memcpy(name + q->event->shop.n + 1, order.p, order.n);
	q->order_hash = hash_of(YT_KIND_ORDER, yt_str(name, q->event->shop.n + 1 + order.n));
}

static void count_in(struct yt_engine *e, struct yt_input *in, const struct yt_queued *q)
{
	size_t bytes = (size_t)q->rec.key.n + q->rec.value.n;

	in->queued++;
	in->bytes += bytes;
	e->queued++;
	e->queued_bytes += bytes;
}

static void count_out(struct yt_engine *e, struct yt_input *in, const struct yt_queued *q)
{
	size_t bytes = (size_t)q->rec.key.n + q->rec.value.n;

	in->queued--;
	in->bytes -= bytes;
	e->queued--;
	e->queued_bytes -= bytes;
}

void yt_queue_record(struct yt_engine *e, struct yt_shard *s, const struct yt_record *rec)
{
	struct yt_chunk *c = chunk_for_record(e, rec->input);
	struct yt_queued *q = yt_arena_zalloc(&c->arena, sizeof *q);
	struct yt_input *in = &s->in[rec->input];

	YT_ASSERT(rec->offset >= in->fetched, NULL);
	q->chunk = c;
	/* Copied: as long as it waits here it would keep all that was fetched with it. */
	q->rec = *rec;
	q->rec.key = yt_arena_keep(&c->arena, rec->key);
	q->rec.value = yt_arena_keep(&c->arena, rec->value);
	q->rec.headers = yt_headers_keep(&c->arena, rec->headers, rec->n_headers);
	q->owner = s->id;
	yt_engine_enter(e, &q->rec);
	decode(e, q);
	yt_engine_leave(e);
	hash_names(q);

	if (in->tail)
		in->tail->next = q;
	else
		in->head = q;
	in->tail = q;
	in->fetched = q->rec.offset + 1;
	in->got++;
	in->lacking_since = -1;
	count_in(e, in, q);
}

void yt_queue_drop(struct yt_queued *q)
{
	unref(q->chunk);
}

/* Unlinks the head of its input. */
void yt_queue_take(struct yt_engine *e, struct yt_queued *q)
{
	struct yt_input *in = &e->shards[q->rec.shard]->in[q->rec.input];

	YT_ASSERT(in->head == q, NULL);
	in->head = q->next;
	if (!in->head)
		in->tail = NULL;
	q->next = NULL;
	in->taken = q->rec.offset + 1;
	count_out(e, in, q);
}

void yt_queue_push_back(struct yt_engine *e, struct yt_queued *q)
{
	struct yt_input *in = &e->shards[q->rec.shard]->in[q->rec.input];

	q->next = in->head;
	in->head = q;
	if (!in->tail)
		in->tail = q;
	count_in(e, in, q);
}

void yt_queue_clear(struct yt_engine *e, struct yt_shard *s)
{
	for (int i = 0; i < e->conf->n_inputs; i++) {
		struct yt_input *in = &s->in[i];

		while (in->head) {
			struct yt_queued *q = in->head;

			in->head = q->next;
			count_out(e, in, q);
			yt_queue_drop(q);
		}
		in->tail = NULL;
		in->fetched = in->taken = in->next;
		in->end = in->lacking_since = -1;
		in->got = in->got_at_seal = in->wanted = 0;
	}
}

bool yt_input_at_end(const struct yt_input *in)
{
	return in->end >= in->fetched && in->got >= in->wanted;
}

/* (time, place of the topic, offset): the offset is settled by the queue itself. */
static bool before(const struct yt_queued *a, const struct yt_queued *b)
{
	if (a->time != b->time)
		return a->time < b->time;
	if (a->rec.input != b->rec.input)
		return a->rec.input < b->rec.input;
	return a->rec.shard < b->rec.shard;
}

struct yt_queued *yt_queue_next(struct yt_engine *e, struct yt_shard *s, int64_t *wait_ms)
{
	struct yt_queued *best = NULL;
	uint32_t lacking = 0;

	for (int i = 0; i < e->conf->n_inputs; i++) {
		struct yt_input *in = &s->in[i];

		if (in->head) {
			if (!best || before(in->head, best))
				best = in->head;
		} else if (!yt_input_at_end(in)) {
			lacking |= 1u << i;
		}
	}
	if (!best || !lacking)
		return best;
	int64_t longest = 0;

	for (int i = 0; lacking >> i; i++) {
		struct yt_input *in = &s->in[i];

		if (!(lacking >> i & 1))
			continue;
		if (in->lacking_since < 0) {
			in->lacking_since = e->mono_ms;
			in->passed = false;
		}
		int64_t left = in->lacking_since + e->conf->hold_after_input_ms - e->mono_ms;

		if (left > longest)
			longest = left;
		if (left <= 0 && !in->passed) {
			in->passed = true;
			e->stats.passed_over++;
			yt_warn("passed_over", "pos=%.*s/%d@%" PRId64 " end=%" PRId64 " expected=%" PRIu64, YT_FMT(e->conf->topics[i]), s->id, in->fetched,
			        in->end, in->wanted > in->got ? in->wanted - in->got : 0);
		}
	}
	if (longest == 0)
		return best;
	if (longest < *wait_ms)
		*wait_ms = longest;
	return NULL;
}

struct yt_queued *yt_queue_next_event(struct yt_engine *e, bool *all_at_end)
{
	struct yt_queued *best = NULL;

	*all_at_end = true;
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];

		for (int i = 0; i < e->conf->n_inputs; i++) {
			struct yt_input *in = &s->in[i];

			if (!in->head && !yt_input_at_end(in)) {
				*all_at_end = false;
				return NULL;
			}
			if (in->head && (!best || before(in->head, best)))
				best = in->head;
		}
	}
	return best;
}

void yt_queue_end(struct yt_engine *e)
{
	for (int i = 0; i < e->conf->n_inputs; i++) {
		if (e->chunk[i])
			unref(e->chunk[i]);
		e->chunk[i] = NULL;
	}
}
