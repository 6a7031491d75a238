/* A batch: what gathered during the last commit is decided, sealed and committed as one transaction. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/hash.h"
#include "yutang/base/log.h"
#include "yutang/engine/forward.h"
#include "yutang/engine/shard.h"

enum {
	BATCH_MESSAGES_MAX = 400000,          /* librdkafka's queue.buffering.max.messages is far above */
	ENDS_EVERY_MS = 1000,                 /* DESIGN 4: the ends are asked for once a second at most */
	HELD_SAID_MS = 60000,                 /* a timer held longer is logged */
};

/* Makes room for one more element. */
#define GROW(v, n, cap)                                                                  \
	do {                                                                             \
		if ((n) == (cap)) {                                                      \
			(cap) = (cap) ? (cap) * 2 : 1024;                                \
			(v) = realloc((v), (cap) * sizeof *(v));                         \
			YT_ASSERT((v), NULL);                                            \
		}                                                                        \
	} while (0)

void yt_engine_edited(struct yt_engine *e, struct yt_entry *en)
{
	GROW(e->edited, e->n_edited, e->cap_edited);
	e->edited[e->n_edited++] = en;
}

static void add_message(struct yt_engine *e, struct yt_message m)
{
	GROW(e->messages, e->n_messages, e->cap_messages);
	e->messages[e->n_messages++] = m;
}

/* What a decision made lives until its shard is sealed; what leaves lives as long as the batch. */
static struct yt_str kept(struct yt_engine *e, struct yt_str s)
{
	return yt_arena_keep(&e->arena, s);
}

static const struct yt_raw *kept_raw(struct yt_engine *e, const struct yt_raw *raw)
{
	struct yt_raw *k = yt_arena_alloc(&e->arena, sizeof *k);

	*k = *raw;
	k->topic = kept(e, raw->topic);
	k->key = kept(e, raw->key);
	k->value = kept(e, raw->value);
	k->headers = yt_headers_keep(&e->arena, raw->headers, raw->n_headers);
	return k;
}

static void take_output(void *ctx, const struct yt_output *out)
{
	struct yt_shard *s = ctx;
	struct yt_engine *e = s->engine;
	struct yt_output *o;

	GROW(e->outputs, e->n_outputs, e->cap_outputs);
	e->outputs[e->n_outputs].shard = s->id;
	o = &e->outputs[e->n_outputs++].out;
	*o = *out;
	o->key = kept(e, out->key);
	o->value = kept(e, out->value);
	add_message(e, (struct yt_message){
		.dest = (uint8_t)(YT_TO_OUT + yt_outs[out->type].topic), .shard = -1, .key = o->key, .value = o->value });
}

static void send(struct yt_shard *s, struct yt_str key, struct yt_str value)
{
	struct yt_engine *e = s->engine;

	add_message(e, yt_sent_message(e, key, value, e->hop + 1, s->batch_now));
	e->n_sent++;
}

static void take_sent(void *ctx, struct yt_str key, struct yt_str value)
{
	struct yt_shard *s = ctx;

	send(s, kept(s->engine, key), kept(s->engine, value));
}

static void take_spread(void *ctx, struct yt_str shop, struct yt_str value)
{
	struct yt_shard *s = ctx;
	struct yt_engine *e = s->engine;
	bool *done = yt_arena_zalloc(&e->objects, (size_t)e->conf->partitions * sizeof *done);
	int left = e->conf->partitions;

	value = kept(e, value);
	for (int n = 0; left > 0; n++) {
		struct yt_str key = yt_arena_printf(&e->arena, "%.*s/~shard:%d", YT_FMT(shop), n);
		int p = yt_partition(key, e->conf->partitions);

		if (done[p])
			continue;
		done[p] = true;
		left--;
		send(s, key, value);
	}
}

static const struct yt_raw *raw_at_hand(void *ctx)
{
	struct yt_shard *s = ctx;

	return yt_forward_raw(s->engine, s->engine->at_hand);
}

static void take_forwarded(void *ctx, const struct yt_raw *raw, struct yt_str key)
{
	struct yt_shard *s = ctx;
	struct yt_engine *e = s->engine;

	add_message(e, yt_forward_message(e, kept_raw(e, raw), yt_partition(key, e->conf->partitions), yt_name_id(kept(e, key)), e->hop + 1,
	                                  s->batch_now));
	e->n_sent++;
}

static void take_dead(void *ctx, const struct yt_raw *raw, enum yt_dead why, const char *detail)
{
	struct yt_shard *s = ctx;
	struct yt_engine *e = s->engine;

	raw = kept_raw(e, raw);
	detail = kept(e, yt_str_z(detail)).p;
	GROW(e->late, e->n_late, e->cap_late);
	e->late[e->n_late].raw = raw;
	e->late[e->n_late].why = why;
	e->late[e->n_late++].detail = detail;
	add_message(e, yt_dead_message(e, raw, why, detail));
}

static void join_batch(struct yt_engine *e, struct yt_shard *s)
{
	if (s->in_batch)
		return;
	if (e->n_commits == 0) {
		e->log->begin(e->log->ctx);
		e->began_mono = e->conf->mono_ms ? e->conf->mono_ms() : 0;
	}
	s->in_batch = true;
	e->commits[e->n_commits++].shard = s->id;
	for (int i = 0; i < e->conf->n_inputs; i++)
		s->in[i].taken = s->in[i].next;
}

static struct yt_decide_env env_at(struct yt_shard *s, const struct yt_state *state, int64_t now_ms)
{
	s->batch_now = now_ms;
	return (struct yt_decide_env){ .rules = s->engine->rules,
		                       .state = state,
		                       .arena = &s->engine->objects,
		                       .now_ms = now_ms,
		                       .code_key = s->engine->conf->code_key,
		                       .watch = &s->engine->watch,
		                       .hop = s->engine->hop };
}

#define STATE_OF(s) \
	(struct yt_state) { .ctx = (s), .peek = yt_shard_peek, .edit = yt_shard_edit, .output = take_output, .send = take_sent, \
	                  .remove = yt_shard_remove, .any = yt_shard_any, .spread = take_spread, .naming = yt_shard_naming, .raw = raw_at_hand, .forward = take_forwarded, .dead = take_dead }

/* detail lives as long as the batch. */
static void dead(struct yt_engine *e, struct yt_queued *q, enum yt_dead reason, const char *detail)
{
	q->dead = reason;
	q->detail = detail;
	add_message(e, yt_dead_message(e, yt_forward_raw(e, q), reason, detail));
}

/* What can be said without the core. True: the record is done. */
static bool settled(struct yt_engine *e, struct yt_shard *s, struct yt_queued *q, int64_t now_ms)
{
	struct yt_decoded check = { 0 };

	if (!q->event && !q->sent) {
		dead(e, q, q->dead, q->detail);
		return true;
	}
	/* It would be too large to forward. What was forwarded has been asked. */
	if (q->hop == 0 && yt_beside_bytes(&q->rec) > YT_BESIDE_BYTES_MAX) {
		dead(e, q, YT_DEAD_TOO_LARGE, "key and headers: more than 524288 bytes");
		return true;
	}
	if (q->hop > YT_HOP_MAX || (q->hop == YT_HOP_MAX && q->owner != s->id)) {
		dead(e, q, YT_DEAD_HOP_LIMIT, q->sent ? "it went over more than 32 shards" : "forwarded too often: the partition counts differ");
		return true;
	}
	if (q->owner != s->id) {
		q->forwarded = true;
		add_message(e, yt_forward_message(e, yt_forward_raw(e, q), q->owner, q->member, q->hop + 1, now_ms));
		return true;
	}
	if (q->event && !yt_event_check_now(q->event, now_ms, &check)) {
		dead(e, q, check.dead, yt_arena_dup(&e->arena, yt_str_z(check.detail)).p);
		return true;
	}
	return false;
}

/* The clock is asked now and then: where that is a call of the system, it costs as much as a decision. */
static void look_at_age(struct yt_engine *e)
{
	enum { EVERY = 16 };

	if (e->conf->mono_ms && (e->n_taken + e->timers_fired) % EVERY == 0)
		e->old |= e->conf->mono_ms() - e->began_mono >= YT_BATCH_MS_MAX;
}

/* Decides one record of the batch. */
static void decide_taken(struct yt_engine *e, struct yt_shard *s, struct yt_queued *q, int64_t now_ms)
{
	struct yt_state state = STATE_OF(s);
	struct yt_decision d = { 0 };
	struct yt_decide_env env;
	size_t messages;

	q->result = YT_DEAD;
	if (now_ms > s->pending_now)
		s->pending_now = now_ms;
	if (settled(e, s, q, now_ms))
		return;
	e->hop = q->hop;
	env = env_at(s, &state, now_ms);
	messages = e->n_messages;
	e->decided = &q->rec;
	e->at_hand = q;
	if (q->sent)
		yt_decide_internal(&env, q->rec.key, q->rec.value, &d);
	else
		yt_decide(&env, q->event, &d);
	q->result = d.result;
	q->forwarded = d.result == YT_FORWARDED;
	if (d.result == YT_DEAD) {
		YT_ASSERT(e->n_edited == 0 && e->n_messages == messages, NULL);
		dead(e, q, d.dead, yt_arena_dup(&e->arena, yt_str_z(d.detail)).p);
	} else if (d.result == YT_CONFLICT) {
		yt_info("conflict", "pos=%.*s/%d@%" PRId64 " type=%.*s field=%s", YT_FMT(e->conf->topics[q->rec.input]), s->id,
		        q->rec.offset, YT_FMT(yt_types[q->event->type].name), yt_q(d.detail));
	}
	yt_shard_redue(s, 0);
}

/* Takes one record into the batch, and decides it. */
static void decide(struct yt_engine *e, struct yt_shard *s, struct yt_queued *q, int64_t now_ms)
{
	join_batch(e, s);
	yt_queue_take(e, q);
	GROW(e->taken, e->n_taken, e->cap_taken);
	e->taken[e->n_taken++] = q;
	yt_engine_enter(e, &q->rec);
	decide_taken(e, s, q, now_ms);
	yt_engine_leave(e);
	look_at_age(e);
}

/* Fires the earliest timer of a shard. */
static void fire(struct yt_engine *e, struct yt_shard *s, struct yt_entry *en, int64_t now_ms)
{
	struct yt_state state = STATE_OF(s);
	struct yt_decide_env env;

	join_batch(e, s);
	if (now_ms > s->pending_now)
		s->pending_now = now_ms;
	e->hop = 0;
	env = env_at(s, &state, now_ms);
	e->decided = NULL;
	e->at_hand = NULL;
	bool fired = yt_decide_due(&env, (enum yt_kind)en->kind, yt_entry_name(en));

	YT_ASSERT(fired && e->n_edited > 0, en->key);
	e->timers_fired++;
	yt_shard_redue(s, 0);
	look_at_age(e);
}

static bool full(const struct yt_engine *e)
{
	return e->n_taken >= YT_BATCH_RECORDS_MAX || e->arena.used + e->objects.used >= YT_BATCH_ARENA_MAX || e->n_messages >= BATCH_MESSAGES_MAX || e->old;
}

/* Event clock: what was sent to another shard is decided before anything that is later. */
static bool is_enough(const struct yt_engine *e)
{
	return full(e) || e->n_sent;
}

static struct yt_entry *earliest(const struct yt_shard *s)
{
	return (struct yt_entry *)yt_heap_min(&s->due);
}

/* Every input of the shard, `internal` too, is decided up to the end that it had when the ends were asked for. */
static bool ends_reached(const struct yt_engine *e, const struct yt_shard *s)
{
	for (int i = 0; i < e->conf->n_inputs; i++) {
		const struct yt_input *in = &s->in[i];
		int64_t at = s->in_batch ? in->taken : in->next;

		if (!in->head && in->end > at)
			at = in->end;
		if (at < in->due_end)
			return false;
	}
	return true;
}

static void ask_ends(struct yt_engine *e, struct yt_shard *s, int64_t now_ms)
{
	s->ends_pending = true;
	s->ends_question_now = now_ms;
	s->ends_asked_mono = e->mono_ms;
	e->log->ends(e->log->ctx, s->id);
}

/* Somebody wants to see the lag, which is measured against the ends. */
static void ask_wanted_ends(struct yt_engine *e)
{
	e->ends_wanted = false;
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];
		int64_t now_ms = e->conf->clock == YT_CLOCK_EVENT ? INT64_MIN : e->wall_ms > s->now_ms ? e->wall_ms : s->now_ms;

		if ((s->state == YT_SHARD_LIVE || yt_shard_held(s)) && !s->ends_pending && (!s->ends_known || e->mono_ms - s->ends_asked_mono >= ENDS_EVERY_MS))
			ask_ends(e, s, now_ms);
	}
}

/* Wall clock: fires what is due, once the inputs were read far enough. */
static void fire_due(struct yt_engine *e, struct yt_shard *s, int64_t now_ms, int64_t *wait_ms)
{
	struct yt_entry *en = earliest(s);

	if (!en)
		return;
	if (en->due > now_ms) {
		if (en->due - now_ms < *wait_ms)
			*wait_ms = en->due - now_ms;
		return;
	}
	if (s->held_since_mono < 0)
		s->held_since_mono = e->mono_ms, s->held_said = false;
	if (s->ends_known && en->due <= s->ends_asked_now && ends_reached(e, s)) {
		while ((en = earliest(s)) && en->due <= s->ends_asked_now && !full(e))
			fire(e, s, en, now_ms);
		s->held_since_mono = e->mono_ms;
		if (!en || en->due > now_ms) {
			s->held_since_mono = -1;
			return;
		}
	}
	int64_t left = s->ends_asked_mono + ENDS_EVERY_MS - e->mono_ms;

	if (!s->ends_pending && (!s->ends_known || s->ends_asked_now < en->due) && left <= 0) {
		ask_ends(e, s, now_ms);
	} else if (!s->ends_pending && left > 0 && left < *wait_ms) {
		*wait_ms = left;
	}
	int64_t held = e->mono_ms - s->held_since_mono;

	if (held > e->stats.timers_held_ms)
		e->stats.timers_held_ms = held;
	if (held > HELD_SAID_MS && !s->held_said) {
		s->held_said = true;
		yt_warn("timers_held", "shard=%d seconds=%" PRId64, s->id, held / 1000);
	}
}

/* A member is three reads from memory that wait for one another: slot, entry, value; an order is mostly new, and a slot alone. Those of the records behind
 * this one are under way while it is decided. */
static void look_ahead(struct yt_shard *s, const struct yt_queued *q)
{
	enum { VALUE_AT = 2, ENTRY_AT = 4, SLOT_AT = 6 };
	const struct yt_entry *en;

	for (int k = 1; k <= SLOT_AT && (q = q->next); k++) {
		switch (k) {
		case VALUE_AT:
			if ((en = yt_map_likely(&s->entries, q->member_hash)))
				yt_prefetch_bytes(en->blob, en->blob_n);
			yt_entry_prefetch(yt_map_likely(&s->entries, q->order_hash));
			break;
		case ENTRY_AT:
			yt_entry_prefetch(yt_map_likely(&s->entries, q->member_hash));
			yt_prefetch_bytes(q->event, sizeof *q->event);
			break;
		case SLOT_AT:
			yt_map_prefetch(&s->entries, q->member_hash);
			yt_map_prefetch(&s->entries, q->order_hash);
			yt_prefetch_bytes(q->next, sizeof *q);
			break;
		}
	}
}

/* Expired entities are dropped as we go: the changelog forgets them by a tombstone, memory by removal. Only an optimisation. */
static void sweep(struct yt_engine *e, struct yt_shard *s, size_t steps)
{
	while (steps--) {
		struct yt_entry *en = yt_map_next(&s->entries, &s->sweep_at);

		if (!en) {
			s->sweep_at = 0;
			return;
		}
		if (en->touched || en->view_lacks)
			continue;
		if (!en->blob) {
			yt_shard_drop(s, en);
		} else if (yt_entry_expires(en) <= s->batch_now) {
			yt_shard_bury(s, en);
			add_message(e, (struct yt_message){ .dest = YT_TO_STATE, .shard = s->id, .key = yt_entry_key(en) });
		}
	}
}

static void seal_entity(struct yt_engine *e, struct yt_shard *s, struct yt_entry *en, uint64_t version)
{
	const struct yt_entity_ops *ops = &yt_entities[en->kind];
	struct yt_buf *b = &e->sealing;

	if (en->gone) {
		add_message(e, (struct yt_message){ .dest = YT_TO_STATE, .shard = s->id, .key = yt_entry_key(en) });
		return;
	}
	yt_buf_clear(b);
	yt_buf_c(b, YT_ENTITY_FORMAT);
	yt_buf_u64(b, version);
	yt_buf_u64(b, (uint64_t)en->due);
	yt_buf_u64(b, (uint64_t)ops->expires_at(en->obj));
	ops->encode(en->obj, b);
	YT_ASSERT(b->n <= ops->bytes_max, en->key);
	/* What an edit left as it was needs no record, and keeps the version of its last change. */
	if (en->blob && en->blob_n == b->n && memcmp(en->blob + 9, b->p + 9, b->n - 9) == 0) {
		en->dirty = false;
		return;
	}
	struct yt_str *sealed = yt_arena_alloc(&e->arena, sizeof *sealed);

	*sealed = yt_arena_dup(&e->arena, yt_buf_str(b));
	en->sealed = sealed;
	add_message(e, (struct yt_message){ .dest = YT_TO_STATE, .shard = s->id, .key = yt_entry_key(en), .value = *sealed });
}

static void seal_shard(struct yt_engine *e, struct yt_shard_commit *c)
{
	struct yt_shard *s = e->shards[c->shard];
	struct yt_checkpoint cp = { .version = s->version + 1,
		                    .now_ms = s->pending_now > s->now_ms ? s->pending_now : s->now_ms,
		                    .rules_revision = e->rules->revision,
		                    .rules_digest = e->rules->digest,
		                    .partitions = e->conf->partitions,
		                    .transactional_id = e->conf->transactional_id,
		                    .n_inputs = e->conf->n_inputs };
	struct yt_buf b;
	size_t n = s->n_touched;

	s->pending_now = cp.now_ms;
	for (size_t i = 0; i < n; i++) {
		yt_shard_look_ahead(s, i);
		if (s->touched[i]->dirty)
			seal_entity(e, s, s->touched[i], cp.version);
		if (!s->touched[i]->dirty)
			s->touched[i]->obj = NULL;
	}
	s->batch_now = cp.now_ms;
	sweep(e, s, n / 16 + 16);

	memcpy(cp.log_id, s->log_id, sizeof cp.log_id);
	for (int i = 0; i < e->conf->n_inputs; i++) {
		cp.topics[i] = e->conf->topics[i];
		cp.next[i] = c->next[i] = s->in[i].taken;
	}
	yt_buf_init(&b, &e->arena);
	yt_checkpoint_encode(&cp, &b);
	add_message(e, (struct yt_message){ .dest = YT_TO_STATE, .shard = s->id, .key = YT_S(YT_CHECKPOINT_KEY), .value = yt_buf_str(&b) });
	c->version = cp.version;
}

/* Shards of the batch that nothing more is decided of. With the wall clock each one is sealed when it is done, while its objects are in the cache; the
 * next one's take their place there. */
static void seal(struct yt_engine *e)
{
	for (; e->n_sealed < e->n_commits; e->n_sealed++)
		seal_shard(e, &e->commits[e->n_sealed]);
	yt_arena_reset(&e->objects);
}

static void gather_wall(struct yt_engine *e, int64_t *wait_ms)
{
	e->stats.timers_held_ms = 0;
	size_t first = (size_t)e->next_shard;

	for (size_t k = 0; k < e->n_assigned && !full(e); k++) {
		size_t at = (k + first) % e->n_assigned;
		struct yt_shard *s = e->shards[e->assigned[at]];
		struct yt_queued *q;

		if (s->state != YT_SHARD_LIVE)
			continue;
		int64_t now_ms = e->wall_ms > s->now_ms ? e->wall_ms : s->now_ms;

		while (!full(e) && (q = yt_queue_next(e, s, wait_ms))) {
			/* What was forwarded is decided with no earlier `now` than its cause, nor is anything after it. */
			if (q->cause_now > now_ms)
				now_ms = q->cause_now;
			look_ahead(s, q);
			decide(e, s, q, now_ms);
		}
		if (!full(e))
			fire_due(e, s, now_ms, wait_ms);
		seal(e);
		/* The next batch begins with those that this one has no room for. */
		if (full(e))
			e->next_shard = (int)((at + 1) % e->n_assigned);
	}
}

/* The earliest timer of the process, by (due, shop, member), where it is due at or before `limit`. */
static struct yt_entry *earliest_event(struct yt_engine *e, int64_t limit, struct yt_shard **owner)
{
	struct yt_entry *best = NULL;

	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];
		struct yt_entry *en = earliest(s);

		if (en && en->due <= limit && (!best || s->due.less(&en->due_node, &best->due_node))) {
			best = en;
			*owner = s;
		}
	}
	return best;
}

static void fire_until(struct yt_engine *e, int64_t limit)
{
	struct yt_shard *s = NULL;
	struct yt_entry *en;

	while (!is_enough(e) && (en = earliest_event(e, limit, &s))) {
		if (en->due > e->event_now)
			e->event_now = en->due;
		fire(e, s, en, e->event_now);
	}
}

static void gather_event(struct yt_engine *e)
{
	struct yt_queued *q;
	bool at_end = false;

	for (size_t k = 0; k < e->n_assigned; k++)
		if (e->shards[e->assigned[k]]->state != YT_SHARD_LIVE)
			return;
	while (!is_enough(e) && (q = yt_queue_next_event(e, &at_end))) {
		int64_t time = q->cause_now > q->time ? q->cause_now : q->time;

		if (time < e->event_now)
			time = e->event_now;
		fire_until(e, time);
		if (is_enough(e))
			return;
		e->event_now = time;
		look_ahead(e->shards[q->rec.shard], q);
		decide(e, e->shards[q->rec.shard], q, e->event_now);
	}
	e->all_at_end = at_end && !is_enough(e);
	if (e->all_at_end)
		fire_until(e, e->until_ms);
}

static bool clock_is_sane(struct yt_engine *e)
{
	/* A step of the wall clock against the monotonic one larger than this stops deciding until it is undone or the process is restarted. */
	enum { STEP_MAX_MS = 10000 };
	int64_t offset = e->wall_ms - e->mono_ms;
	int64_t step = offset - e->clock_offset;

	if (e->conf->clock != YT_CLOCK_WALL)
		return true;
	if (!e->clock_known || (step <= STEP_MAX_MS && step >= -STEP_MAX_MS)) {
		if (e->clock_jumped)
			yt_warn("clock_back", "step_ms=%" PRId64, step);
		e->clock_known = true;
		e->clock_jumped = false;
		e->clock_offset = offset;
		return true;
	}
	if (!e->clock_jumped)
		yt_error("clock_jumped", "step_ms=%" PRId64 " decided=no", step);
	e->clock_jumped = true;
	return false;
}

bool yt_batch_turn(struct yt_engine *e, bool more, int64_t *wait_ms)
{
	e->all_at_end = false;
	if (e->ends_wanted)
		ask_wanted_ends(e);
	/* What is at hand is taken first, as far as there is room: else a small batch is followed by small ones, and each asks as much of the broker as a
	 * large one. */
	if (more || e->committing || e->revoking || e->draining || e->dead || e->n_assigned == 0 || !clock_is_sane(e))
		return false;
	e->event_now_before = e->event_now;
	if (e->conf->clock == YT_CLOCK_EVENT)
		gather_event(e);
	else
		gather_wall(e, wait_ms);
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];

		if (s->state == YT_SHARD_LIVE && s->commit_at_once)
			join_batch(e, s);
	}
	if (e->n_commits == 0)
		return false;
	seal(e);
	e->batch = (struct yt_batch){ .messages = e->messages,
		                      .n_messages = e->n_messages,
		                      .shards = e->commits,
		                      .n_shards = e->n_commits,
		                      .log_id = e->shards[e->commits[0].shard]->log_id };
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_input *internal = &e->shards[e->assigned[k]]->in[e->conf->n_inputs - 1];

		internal->got_at_seal = internal->got;
	}
	e->committing = true;
	e->commit_began_mono = e->mono_ms;
	e->log->commit(e->log->ctx, &e->batch);
	return true;
}

/* The same for who walks over the batch's records and is at i. */
static void look_ahead_taken(const struct yt_engine *e, size_t i)
{
	enum { RECORD_AT = 8 };

	if (i + RECORD_AT < e->n_taken)
		yt_prefetch_bytes(e->taken[i + RECORD_AT], sizeof *e->taken[i]);
}

static void count_late(struct yt_engine *e)
{
	for (size_t i = 0; i < e->n_late; i++) {
		const struct yt_raw *raw = e->late[i].raw;

		e->stats.dead[e->late[i].why]++;
		yt_warn("dead_letter", "pos=%.*s/%" PRId64 "@%" PRId64 " reason=%s detail=%s", YT_FMT(raw->topic), raw->partition, raw->offset,
		        yt_dead_name(e->late[i].why), yt_q(e->late[i].detail));
		if (e->up.on_dead)
			e->up.on_dead(e->up.ctx, e->late[i].why, e->late[i].detail, NULL);
	}
}

static void count_records(struct yt_engine *e)
{
	for (size_t i = 0; i < e->n_taken; i++) {
		const struct yt_queued *q = e->taken[i];

		look_ahead_taken(e, i);
		e->stats.records++;
		if (q->forwarded) {
			e->stats.forwarded++;
			continue;
		}
		e->stats.sent += q->sent && q->result != YT_DEAD;
		if (q->event)
			e->stats.events[q->event->type][q->result]++;
		if (q->result == YT_DEAD) {
			e->stats.dead[q->dead]++;
			yt_warn("dead_letter", "pos=%.*s/%d@%" PRId64 " reason=%s detail=%s", YT_FMT(e->conf->topics[q->rec.input]),
			        q->rec.shard, q->rec.offset, yt_dead_name(q->dead), yt_q(q->detail));
			if (e->up.on_dead)
				e->up.on_dead(e->up.ctx, q->dead, q->detail, &q->rec);
		}
	}
	count_late(e);
	e->stats.timers += e->timers_fired;
	for (size_t i = 0; i < e->n_outputs; i++)
		e->stats.outputs[e->outputs[i].out.type]++;
}

/* What was forwarded or sent comes back, unless it is here already. */
static void expect_internal(struct yt_engine *e)
{
	for (size_t i = 0; i < e->n_messages; i++) {
		struct yt_shard *s = e->messages[i].dest == YT_TO_INTERNAL ? e->shards[e->messages[i].shard] : NULL;

		if (s) {
			struct yt_input *in = &s->in[e->conf->n_inputs - 1];

			in->wanted = (in->wanted > in->got_at_seal ? in->wanted : in->got_at_seal) + 1;
		}
	}
}

static void committed(struct yt_engine *e)
{
	for (size_t k = 0; k < e->n_commits; k++) {
		const struct yt_shard_commit *c = &e->commits[k];
		struct yt_shard *s = e->shards[c->shard];

		s->version = c->version;
		s->now_ms = s->pending_now;
		s->rules_revision = e->rules->revision;
		s->rules_digest = e->rules->digest;
		s->commit_at_once = false;
		if (s->view_next_since < 0)
			s->view_next_since = e->mono_ms;
		for (int i = 0; i < e->conf->n_inputs; i++)
			s->in[i].next = c->next[i];
		yt_shard_merge(s);
		if (s->view_behind_since < 0)
			s->view_behind_since = e->mono_ms;
	}
	expect_internal(e);
	e->stats.batches++;
	count_records(e);
	if (e->up.on_output)
		for (size_t i = 0; i < e->n_outputs; i++)
			e->up.on_output(e->up.ctx, e->outputs[i].shard, &e->outputs[i].out);
	for (size_t i = 0; i < e->n_taken; i++) {
		look_ahead_taken(e, i);
		yt_queue_drop(e->taken[i]);
	}
}

static void aborted(struct yt_engine *e)
{
	e->stats.aborted++;
	e->event_now = e->event_now_before;
	for (size_t k = 0; k < e->n_commits; k++) {
		struct yt_shard *s = e->shards[e->commits[k].shard];

		yt_shard_forget(s);
		s->pending_now = s->now_ms;
		for (int i = 0; i < e->conf->n_inputs; i++)
			s->in[i].taken = s->in[i].next;
	}
	for (size_t i = e->n_taken; i-- > 0;) {
		struct yt_queued *q = e->taken[i];

		q->forwarded = false;
		if (q->event || q->sent)
			q->dead = YT_DEAD_NONE;
		yt_queue_push_back(e, q);
	}
}

static void lost(struct yt_engine *e)
{
	e->stats.lost++;
	e->event_now = INT64_MIN; /* the shards tell, when they are started again */
	yt_warn("lost", "shards=%zu", e->n_commits);
	for (size_t k = 0; k < e->n_commits; k++)
		yt_shard_forget(e->shards[e->commits[k].shard]);
	for (size_t i = 0; i < e->n_taken; i++)
		yt_queue_drop(e->taken[i]);
	yt_assign_lost(e);
}

void yt_batch_on_outcome(void *ctx, enum yt_outcome outcome)
{
	struct yt_engine *e = ctx;

	YT_ASSERT(e->committing, NULL);
	e->committing = false;
	yt_errors_settle(e, outcome == YT_COMMITTED);
	if (outcome == YT_COMMITTED)
		committed(e);
	else if (outcome == YT_ABORTED)
		aborted(e);
	else
		lost(e);
	e->n_taken = e->n_messages = e->n_outputs = e->n_late = e->n_commits = e->n_sealed = e->n_sent = 0;
	e->timers_fired = 0;
	e->old = false;
	yt_arena_reset(&e->arena);
	yt_engine_take_rules(e);
}
