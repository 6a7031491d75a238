/* Who owns what. A shard that the group gives us is opened (C is read), taken from memory or restored from the changelog,
 * compared by the recovery table of DESIGN 4 (docs/recovery.md), and started. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/log.h"
#include "yutang/engine/shard.h"

/* Each start replaces the assignment. So the first waits this long for all that are still being opened, and each later one for those that are restored. */
enum { START_TOGETHER_MS = 500 };

static void open_shard(struct yt_engine *e, struct yt_shard *s)
{
	s->state = YT_SHARD_OPENING;
	e->log->open(e->log->ctx, s->id);
}

void yt_assign_on_assigned(void *ctx, const int *shards, size_t n)
{
	struct yt_engine *e = ctx;
	bool *ours = calloc((size_t)e->conf->partitions, sizeof *ours);

	YT_ASSERT(ours, NULL);
	if (e->conf->clock == YT_CLOCK_EVENT && n != (size_t)e->conf->partitions)
		yt_engine_die(e, YT_EXIT_CONFIG, "clock = event needs the group for itself, and it has another member");
	for (size_t k = 0; k < n; k++)
		ours[shards[k]] = true;
	/* What went to somebody else will have changed when it comes back: its memory is worth nothing. */
	for (int p = 0; p < e->conf->partitions; p++) {
		if (e->shards[p] && !ours[p]) {
			e->shards[p]->next_gone = e->gone;
			e->gone = e->shards[p];
			e->shards[p] = NULL;
		}
	}
	free(ours);
	memcpy(e->assigned, shards, n * sizeof *shards);
	e->n_assigned = n;
	e->next_shard = 0;
	e->joined = true;
	e->started_mono = e->mono_ms;
	for (size_t k = 0; k < n; k++) {
		if (!e->shards[shards[k]])
			e->shards[shards[k]] = yt_shard_new(e, shards[k]);
		open_shard(e, e->shards[shards[k]]);
	}
}

static void release(struct yt_engine *e)
{
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];

		yt_queue_clear(e, s);
		s->ends_known = s->ends_pending = false;
		s->held_since_mono = -1;
		/* The view's answers to come belong to this assignment: the next one asks anew. */
		s->view = YT_SV_UNKNOWN;
		/* What a job holds is not in the list. */
		s->view_all |= s->view_job != NULL;
		s->view_job = NULL;
		if (!s->loaded)
			yt_shard_clear(s);
		s->state = YT_SHARD_KEPT;
	}
	yt_info("released", "shards=%zu", e->n_assigned);
	e->n_assigned = 0;
	e->revoking = e->joined = false;
	e->log->release(e->log->ctx);
}

void yt_assign_on_revoked(void *ctx, bool lost)
{
	struct yt_engine *e = ctx;

	(void)lost; /* what is in flight is refused by the group then, and its outcome tells */
	e->revoking = true;
	if (!e->committing)
		release(e);
}

void yt_assign_lost(struct yt_engine *e)
{
	for (int p = 0; p < e->conf->partitions; p++) {
		if (!e->shards[p])
			continue;
		yt_queue_clear(e, e->shards[p]);
		yt_shard_clear(e->shards[p]);
		e->shards[p]->state = YT_SHARD_KEPT;
	}
	e->n_assigned = 0;
	e->revoking = e->joined = false;
	e->log->release(e->log->ctx);
	e->log->rejoin(e->log->ctx);
}

/* The state in memory is what the group says was committed. */
static bool memory_is_at(const struct yt_engine *e, const struct yt_shard *s, const struct yt_group_pos *pos)
{
	if (!s->loaded || !pos->has_meta || pos->version != s->version || strcmp(pos->log_id, s->log_id) != 0)
		return false;
	for (int i = 0; i < e->conf->n_inputs; i++)
		if (pos->next[i] != s->in[i].next)
			return false;
	return true;
}

void yt_assign_say_held(struct yt_engine *e, const struct yt_shard *s)
{
	if (yt_shard_held(s))
		yt_error("shard_held", "shard=%d seen=%" PRId64 " ours=%" PRId64 " why=%s decided=no", s->id, s->rules_revision, e->rules->revision,
		         s->rules_revision > e->rules->revision ? "older" : "other_bytes");
}

void yt_assign_on_group(void *ctx, int shard, const struct yt_group_pos *pos)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = e->shards[shard];

	if (!s || s->state != YT_SHARD_OPENING)
		return; /* asked before a revoke */
	if (memory_is_at(e, s, pos)) {
		s->state = YT_SHARD_READY;
		e->stats.reused_shards++;
		yt_info("reused", "shard=%d version=%" PRIu64, shard, s->version);
		yt_assign_say_held(e, s);
		return;
	}
	yt_shard_clear(s);
	s->group = *pos;
	s->state = YT_SHARD_RESTORING;
	e->log->restore(e->log->ctx, shard);
}

/* Keeps what a checkpoint says, by the inputs that we have. */
static bool read_checkpoint(struct yt_engine *e, struct yt_shard *s, struct yt_str value)
{
	struct yt_checkpoint c;

	if (!yt_checkpoint_decode(value, &c) || c.partitions != e->conf->partitions)
		return false;
	s->has_checkpoint = true;
	s->checkpoint_inputs = 0;
	memcpy(s->log_id, c.log_id, sizeof s->log_id);
	s->version = c.version;
	s->now_ms = c.now_ms;
	s->rules_revision = c.rules_revision;
	s->rules_digest = c.rules_digest;
	for (int i = 0; i < e->conf->n_inputs; i++) {
		for (int k = 0; k < c.n_inputs; k++) {
			if (yt_str_eq(c.topics[k], e->conf->topics[i])) {
				s->in[i].next = c.next[k];
				s->checkpoint_inputs |= 1u << i;
			}
		}
	}
	return true;
}

void yt_assign_on_state(void *ctx, int shard, struct yt_str key, struct yt_str value)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = e->shards[shard];
	char why[128] = "";

	if (e->dead || !s || s->state != YT_SHARD_RESTORING)
		return;
	s->restored++;
	e->stats.restored_records++;
	if (yt_str_eq(key, YT_S(YT_CHECKPOINT_KEY))) {
		if (!read_checkpoint(e, s, value))
			yt_engine_die(e, YT_EXIT_DATA, "state of shard %d: a checkpoint of another format or partition count", shard);
	} else if (!yt_shard_fold(s, key, value, why)) {
		yt_engine_die(e, YT_EXIT_DATA, "state of shard %d: %s", shard, why);
	}
}

/* The recovery table. False: the process must end, and yt_engine_die was called. */
static bool reconcile(struct yt_engine *e, struct yt_shard *s)
{
	const struct yt_group_pos *g = &s->group;
	uint32_t have = 0;
	bool same = true;
	int gone = -1;

	for (int i = 0; i < e->conf->n_inputs; i++) {
		if (g->next[i] < 0)
			continue;
		have |= 1u << i;
		if ((s->checkpoint_inputs >> i & 1) && g->next[i] != s->in[i].next)
			same = false;
	}
	/* An input that the state knows and the group does not, beside others that it knows. */
	for (int i = 0; i < e->conf->n_inputs && have; i++)
		if ((s->checkpoint_inputs & ~have) >> i & 1)
			gone = i;
	if (gone >= 0)
		same = false;
	if (!s->has_checkpoint && !have) {
		yt_engine_die(e, YT_EXIT_DATA, "shard %d has neither state nor offsets: run `yutang init` first", s->id);
		return false;
	}
	if (!s->has_checkpoint) {
		yt_engine_die(e, YT_EXIT_DATA, "shard %d has offsets but no state: Kafka lost the changelog", s->id);
		return false;
	}
	if (!have) {
		yt_warn("offsets_expired", "shard=%d version=%" PRIu64, s->id, s->version);
		s->commit_at_once = true;
	} else if (g->has_meta && (g->version != s->version || strcmp(g->log_id, s->log_id) != 0)) {
		yt_engine_die(e, YT_EXIT_DATA,
		              "shard %d: state is at version %" PRIu64 " of log %s, the group at version %" PRIu64
		              " of log %s: Kafka lost something", s->id, s->version, s->log_id, g->version, g->log_id);
		return false;
	} else if ((!g->has_meta || !same) && !e->conf->accept_offsets) {
		yt_engine_die(e, YT_EXIT_DATA,
		              "shard %d: the group's offsets are not those of its state%s%.*s: somebody reset them; "
		              "start with --accept-offsets if that is wanted", s->id, gone < 0 ? "" : ", none on ",
		              gone < 0 ? 0 : (int)e->conf->topics[gone].n, gone < 0 ? "" : e->conf->topics[gone].p);
		return false;
	} else if (!g->has_meta || !same) {
		yt_warn("offsets_accepted", "shard=%d version=%" PRIu64, s->id, s->version);
		for (int i = 0; i < e->conf->n_inputs; i++)
			if (g->next[i] >= 0)
				s->in[i].next = g->next[i];
		s->commit_at_once = true;
	}

	/* Inputs that were added since the state was made. */
	for (int i = 0; i < e->conf->n_inputs; i++) {
		if (s->checkpoint_inputs >> i & 1)
			continue;
		if (!(e->conf->first_start >> i & 1)) {
			yt_engine_die(e, YT_EXIT_DATA, "shard %d has no offset on %.*s: a topic added later needs --first-start=%.*s once",
			              s->id, YT_FMT(e->conf->topics[i]), YT_FMT(e->conf->topics[i]));
			return false;
		}
		s->in[i].next = have >> i & 1 ? g->next[i] : 0;
		s->commit_at_once = true;
	}
	return true;
}

void yt_assign_on_restored(void *ctx, int shard)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = e->shards[shard];

	if (e->dead || !s || s->state != YT_SHARD_RESTORING || !reconcile(e, s))
		return;
	for (int i = 0; i < e->conf->n_inputs; i++)
		s->in[i].taken = s->in[i].fetched = s->in[i].next;
	s->loaded = true;
	s->view_max = s->version;
	s->state = YT_SHARD_READY;
	e->stats.restored_shards++;
	yt_info("restored", "shard=%d version=%" PRIu64 " records=%" PRIu64, shard, s->version, s->restored);
	yt_assign_say_held(e, s);
}

static void start_ready(struct yt_engine *e)
{
	int *shards = calloc(e->n_assigned, sizeof *shards);
	int64_t(*next)[YT_INPUTS_MAX] = calloc(e->n_assigned, sizeof *next);
	size_t n = 0;

	YT_ASSERT(shards && next, NULL);
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = e->shards[e->assigned[k]];

		if ((s->state != YT_SHARD_READY && s->state != YT_SHARD_LIVE) || yt_shard_held(s))
			continue;
		if (s->state == YT_SHARD_READY)
			yt_info("live", "shard=%d version=%" PRIu64, s->id, s->version);
		s->state = YT_SHARD_LIVE;
		memcpy(e->at.log_id, s->log_id, sizeof e->at.log_id);
		shards[n] = s->id;
		for (int i = 0; i < e->conf->n_inputs; i++) {
			next[n][i] = s->in[i].fetched;
			s->in[i].end = s->in[i].lacking_since = -1;
		}
		if (s->now_ms > e->event_now)
			e->event_now = s->now_ms;
		n++;
	}
	e->started_mono = e->mono_ms;
	e->log->start(e->log->ctx, shards, n, (const int64_t(*)[YT_INPUTS_MAX])next);
	free(shards);
	free(next);
}

void yt_assign_turn(struct yt_engine *e, int64_t *wait_ms)
{
	size_t ready = 0, opening = 0, restoring = 0, live = 0, held = 0;

	if (e->revoking) {
		if (!e->committing)
			release(e);
		return;
	}
	for (size_t k = 0; k < e->n_assigned; k++) {
		const struct yt_shard *s = e->shards[e->assigned[k]];
		enum yt_shard_state st = s->state;

		held += yt_shard_held(s);
		ready += st == YT_SHARD_READY && !yt_shard_held(s);
		opening += st == YT_SHARD_OPENING;
		restoring += st == YT_SHARD_RESTORING;
		live += st == YT_SHARD_LIVE;
	}
	if (!ready)
		return;
	/* In clock event everything is merged, so that a part of the shards can't begin. */
	if ((opening || restoring || held) && e->conf->clock == YT_CLOCK_EVENT)
		return;
	int64_t left = e->started_mono + START_TOGETHER_MS - e->mono_ms;

	if ((opening || (restoring && live)) && left > 0) {
		if (left < *wait_ms)
			*wait_ms = left;
		return;
	}
	start_ready(e);
}
