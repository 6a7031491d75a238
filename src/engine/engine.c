/* The engine's life and its turn. The rest: queue.c (records), assign.c (ownership), batch.c (decisions), errors.c (of rules),
 * show.c (the view), shard.c (state). */
#include "yutang/engine/engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/log.h"
#include "yutang/engine/shard.h"

enum {
	POLL_RECORDS = 5000,                     /* a turn; between them other work gets its turn */
	QUEUED_BYTES_MAX = 64 * 1024 * 1024,     /* fetched and undecided; above, an input gets no more than its share of them */
	QUEUED_RECORDS_MAX = YT_BATCH_RECORDS_MAX, /* of one input in all shards: the next batch gathers while the last one commits; more would only be memory */
	QUEUED_SHARE_MIN = 128,                  /* of an input in one shard */
	IDLE_WAIT_MS = 1000,
	FREED_A_TURN = 20000,                    /* entries of shards that went to somebody else: a few ms */
};

struct yt_engine *yt_engine_new(const struct yt_engine_conf *conf, const struct yt_ruleset *rules, struct yt_log *log,
                                struct yt_view *view, const struct yt_engine_up *up)
{
	struct yt_engine *e = calloc(1, sizeof *e);

	YT_ASSERT(e && conf->partitions <= YT_PARTITIONS_MAX && conf->n_inputs <= YT_INPUTS_MAX, NULL);
	e->conf = conf;
	e->rules = rules;
	e->log = log;
	e->view = view;
	if (up)
		e->up = *up;
	e->event_now = INT64_MIN;
	e->until_ms = INT64_MIN;
	e->shards = calloc((size_t)conf->partitions, sizeof(struct yt_shard *));
	e->assigned = calloc((size_t)conf->partitions, sizeof *e->assigned);
	e->commits = calloc((size_t)conf->partitions, sizeof *e->commits);
	YT_ASSERT(e->shards && e->assigned && e->commits, NULL);
	yt_arena_init(&e->arena, 1 << 20);
	e->arena.spare_max = YT_BATCH_ARENA_MAX >> 20;
	yt_arena_init(&e->objects, 1 << 20);
	e->objects.spare_max = e->arena.spare_max;
	yt_errors_init(e);
	return e;
}

static void free_gone(struct yt_engine *e, size_t entries)
{
	struct yt_shard *next = e->gone->next_gone;

	if (yt_shard_free_some(e->gone, entries))
		e->gone = next;
}

void yt_engine_free(struct yt_engine *e)
{
	for (size_t i = 0; i < e->n_taken; i++)
		yt_queue_drop(e->taken[i]);
	for (int p = 0; p < e->conf->partitions; p++) {
		if (!e->shards[p])
			continue;
		yt_queue_clear(e, e->shards[p]);
		yt_shard_free(e->shards[p]);
	}
	while (e->gone)
		free_gone(e, SIZE_MAX);
	yt_queue_end(e);
	yt_errors_deinit(e);
	yt_arena_deinit(&e->arena);
	yt_arena_deinit(&e->objects);
	yt_buf_deinit(&e->sealing);
	free(e->shards);
	free(e->assigned);
	free(e->commits);
	free(e->taken);
	free(e->messages);
	free(e->outputs);
	free(e->late);
	free(e->edited);
	free(e);
}

void yt_engine_die(struct yt_engine *e, int exit, const char *fmt, ...)
{
	struct yt_err err = { .class = YT_ERR_FATAL, .exit = exit };
	va_list ap;

	if (e->dead)
		return;
	e->dead = true;
	va_start(ap, fmt);
	vsnprintf(err.msg, sizeof err.msg, fmt, ap);
	va_end(ap);
	if (e->up.on_fatal)
		e->up.on_fatal(e->up.ctx, &err);
}

/* Each input of each shard has a share of its own: were the queue full of some, those that a shard waits for could not come. */
static int room(void *ctx, int input, int shard)
{
	const struct yt_engine *e = ctx;
	const struct yt_shard *s = e->shards[shard];

	if (!s || s->state != YT_SHARD_LIVE)
		return 0;
	int64_t share = QUEUED_RECORDS_MAX / (int64_t)e->n_assigned;
	const struct yt_input *in = &s->in[input];

	if (share < QUEUED_SHARE_MIN)
		share = QUEUED_SHARE_MIN;
	if (e->queued_bytes >= QUEUED_BYTES_MAX && in->bytes >= QUEUED_BYTES_MAX / e->n_assigned / (size_t)e->conf->n_inputs)
		share = 1;
	return share > in->queued ? (int)(share - in->queued) : 0;
}

static void on_record(void *ctx, const struct yt_record *rec)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = e->shards[rec->shard];

	/* Not of a shard that was given back meanwhile, nor from before the offset that start() named. */
	if (s && s->state == YT_SHARD_LIVE && rec->offset >= s->in[rec->input].fetched)
		yt_queue_record(e, s, rec);
}

static void on_end(void *ctx, int input, int shard, int64_t offset)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = e->shards[shard];

	if (!s || s->state != YT_SHARD_LIVE || offset <= s->in[input].end)
		return;
	s->in[input].end = offset;
	/* What was waited for is not behind: the next wait is one of its own. */
	if (yt_input_at_end(&s->in[input]))
		s->in[input].lacking_since = -1;
}

static void on_ends(void *ctx, int shard, const int64_t end[YT_INPUTS_MAX])
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = e->shards[shard];

	if (!s || !s->ends_pending)
		return;
	s->ends_pending = false;
	s->ends_known = true;
	s->ends_asked_now = s->ends_question_now;
	for (int i = 0; i < e->conf->n_inputs; i++)
		s->in[i].due_end = end[i];
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	yt_engine_die(ctx, err->exit, "%s", err->msg);
}

const struct yt_log_up yt_engine_log_up = { .on_assigned = yt_assign_on_assigned,
	                                    .on_revoked = yt_assign_on_revoked,
	                                    .on_group = yt_assign_on_group,
	                                    .on_state = yt_assign_on_state,
	                                    .on_restored = yt_assign_on_restored,
	                                    .room = room,
	                                    .on_record = on_record,
	                                    .on_end = on_end,
	                                    .on_ends = on_ends,
	                                    .on_outcome = yt_batch_on_outcome,
	                                    .on_fatal = on_fatal };

bool yt_engine_turn(struct yt_engine *e, int64_t wall_ms, int64_t mono_ms, int64_t *wait_ms)
{
	bool more;

	e->wall_ms = wall_ms;
	e->mono_ms = mono_ms;
	*wait_ms = IDLE_WAIT_MS;
	more = e->log->poll(e->log->ctx, POLL_RECORDS) >= POLL_RECORDS;
	if (e->view)
		e->view->poll(e->view->ctx);
	if (e->dead)
		return false;
	yt_assign_turn(e, wait_ms);
	more |= yt_batch_turn(e, more, wait_ms);
	yt_show_turn(e, wait_ms);
	if (e->gone)
		free_gone(e, FREED_A_TURN);
	return more || e->gone;
}

void yt_engine_take_rules(struct yt_engine *e)
{
	const struct yt_ruleset *before = e->rules;

	if (!e->next_rules)
		return;
	e->rules = e->next_rules;
	e->next_rules = NULL;
	yt_errors_know(e);
	if (e->up.on_rules_done)
		e->up.on_rules_done(e->up.ctx, before);
	for (size_t k = 0; k < e->n_assigned; k++)
		yt_assign_say_held(e, e->shards[e->assigned[k]]);
}

void yt_engine_reload(struct yt_engine *e, const struct yt_ruleset *rules)
{
	if (e->next_rules && e->up.on_rules_done)
		e->up.on_rules_done(e->up.ctx, e->next_rules); /* it never came to be used */
	e->next_rules = rules;
	if (!e->committing)
		yt_engine_take_rules(e);
}

bool yt_engine_all_held(const struct yt_engine *e)
{
	for (size_t k = 0; k < e->n_assigned; k++)
		if (!yt_shard_held(e->shards[e->assigned[k]]))
			return false;
	return e->n_assigned > 0;
}

void yt_engine_drain(struct yt_engine *e)
{
	e->draining = true;
}

bool yt_engine_drained(const struct yt_engine *e)
{
	return e->draining && !e->committing && !yt_show_busy(e, false);
}

bool yt_engine_committing(const struct yt_engine *e)
{
	return e->committing;
}

bool yt_engine_idle(const struct yt_engine *e)
{
	return e->n_assigned > 0 && !e->committing && e->all_at_end && e->queued == 0 && !yt_show_busy(e, true);
}

void yt_engine_run_until(struct yt_engine *e, int64_t until_ms)
{
	e->until_ms = until_ms;
}

const struct yt_at *yt_engine_at(const struct yt_engine *e)
{
	return &e->at;
}

bool yt_engine_passed(const struct yt_engine *e, const struct yt_crash *c)
{
	const struct yt_shard *s = e->shards[c->shard];

	return s && s->state == YT_SHARD_LIVE && (strcmp(s->log_id, c->log_id) != 0 || s->in[c->input].next > c->offset);
}

const struct yt_engine_stats *yt_engine_stats(const struct yt_engine *e)
{
	return &e->stats;
}

static const char *state_name(const struct yt_shard *s)
{
	switch (s->state) {
	case YT_SHARD_KEPT: return "kept";
	case YT_SHARD_OPENING: return "opening";
	case YT_SHARD_RESTORING: return "restoring";
	case YT_SHARD_READY: return yt_shard_held(s) ? "held" : "ready";
	case YT_SHARD_LIVE: return "live";
	}
	return "?";
}

void yt_engine_want_ends(struct yt_engine *e)
{
	e->ends_wanted = true;
}

size_t yt_engine_shards(const struct yt_engine *e, struct yt_shard_info *out, size_t cap)
{
	size_t n = 0;

	for (size_t k = 0; k < e->n_assigned && n < cap; k++) {
		const struct yt_shard *s = e->shards[e->assigned[k]];
		struct yt_shard_info *o = &out[n++];

		*o = (struct yt_shard_info){ .shard = s->id,
			                     .state = state_name(s),
			                     .rules_revision = s->rules_revision,
			                     .version = s->version,
			                     .view_version = s->view_version,
			                     .now_ms = s->now_ms,
			                     .entities = s->entries.n,
			                     .timers = s->due.n };
		for (int i = 0; i < e->conf->n_inputs; i++) {
			o->queued += s->in[i].queued;
			o->next[i] = s->in[i].next;
			const struct yt_input *in = &s->in[i];

			o->end[i] = !s->ends_known ? -1 : in->due_end > in->fetched ? in->due_end : in->fetched;
			/* Nothing fetched behind it and read to the end: no lag, though a transaction marker lies between. */
			if (!in->head && yt_input_at_end(in) && in->end >= in->due_end)
				o->end[i] = in->next;
		}
		if (e->view && s->view_behind_since >= 0)
			o->view_lag_ms = e->mono_ms - s->view_behind_since;
	}
	return n;
}

static bool tell_held(const struct yt_engine *e, char why[128])
{
	for (size_t k = 0; k < e->n_assigned; k++) {
		const struct yt_shard *s = e->shards[e->assigned[k]];

		if (!yt_shard_held(s))
			continue;
		if (s->rules_revision == e->rules->revision)
			snprintf(why, 128, "shard %d is held: it was decided by other rules of the revision %" PRId64 " that we have", s->id, s->rules_revision);
		else
			snprintf(why, 128, "shard %d is held: it was decided by rules of revision %" PRId64 ", ours is %" PRId64, s->id, s->rules_revision,
			         e->rules->revision);
		return true;
	}
	return false;
}

bool yt_engine_ready(const struct yt_engine *e, char why[128])
{
	if (e->clock_jumped) {
		snprintf(why, 128, "the wall clock jumped: nothing is decided");
		return false;
	}
	if (e->revoking || e->draining) {
		snprintf(why, 128, e->draining ? "draining" : "rebalancing");
		return false;
	}
	if (!e->joined) {
		snprintf(why, 128, "the group has not given out its shards");
		return false;
	}
	/* First what does not pass by itself. */
	if (tell_held(e, why))
		return false;
	for (size_t k = 0; k < e->n_assigned; k++) {
		const struct yt_shard *s = e->shards[e->assigned[k]];

		if (s->state != YT_SHARD_LIVE) {
			snprintf(why, 128, "shard %d is %s", s->id, state_name(s));
			return false;
		}
	}
	return true;
}

const void *yt_engine_peek(struct yt_engine *e, struct yt_arena *a, enum yt_kind kind, struct yt_str name)
{
	char at[YT_ENTRY_KEY_MAX];
	struct yt_str key = yt_entry_key_of(kind, name, at);

	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];
		struct yt_entry *en = s->loaded ? yt_shard_entry(s, kind, key, false) : NULL;

		if (en && en->blob)
			return yt_entities[kind].decode(a, yt_arena_dup(a, name), yt_arena_dup(a, yt_entry_value(en)));
	}
	return NULL;
}

void yt_engine_each(struct yt_engine *e, void (*fn)(void *ctx, int shard, struct yt_str key, struct yt_str value, uint64_t version), void *ctx)
{
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];
		struct yt_entry *en;
		size_t at = 0;

		while ((en = yt_map_next(&s->entries, &at)))
			if (en->blob)
				fn(ctx, s->id, yt_entry_key(en), yt_entry_value(en), yt_entry_version(en));
	}
}
