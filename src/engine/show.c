/* The view follows the commits: what changed since the version that Redis has is in a list, each entity once; a job takes from the list.
 * A job that empties the list brings Redis to the version of now; until then Redis keeps the version it had. */
#include <inttypes.h>
#include <stdlib.h>

#include "yutang/base/log.h"
#include "yutang/core/view.h"
#include "yutang/engine/shard.h"

enum {
	JOB_ENTITIES_MAX = 20000,           /* of one job */
	JOB_BYTES_MAX = 16 * 1024 * 1024,
	ASK_AGAIN_MS = 5000, /* an idle shard asks whether Redis still has what was written */
	AWAY_MS = 500,
	AHEAD_MS = 60000, /* longer than a session: who was taken for dead and does not know it yet leaves the view to the one who has the shard now */
	BUSY_RECORDS = 10000, /* in the batch and waiting for the next one: then members change again and again, */
	BUSY_MS = 10000,      /* and each write of a shard waits so long for more that coalesces */
};

static void mark_newer(struct yt_shard *s, uint64_t than)
{
	const struct yt_str none = { 0 };
	size_t at = 0;
	struct yt_entry *en;

	while ((en = yt_map_next(&s->entries, &at)))
		if (en->blob && yt_entry_version(en) > than)
			yt_shard_view_mark(s, en, yt_view_changed(en->kind, none, none, s->engine->conf->view_orders));
}

static void ask(struct yt_engine *e, struct yt_shard *s)
{
	s->view = YT_SV_ASKED;
	s->view_asked_mono = e->mono_ms;
	e->view->where(e->view->ctx, s->id);
}

static void set_view(struct yt_shard *s, enum yt_shard_view v)
{
	s->view = v;
}

static struct yt_shard *live_shard(struct yt_engine *e, int shard)
{
	struct yt_shard *s = e->shards[shard];

	return s && s->loaded && (s->state == YT_SHARD_LIVE || s->state == YT_SHARD_READY) ? s : NULL;
}

/* Redis has more of this log than we ever committed: somebody else writes it. */
static bool is_elsewhere(struct yt_shard *s, const char *log_id, uint64_t version)
{
	if (strcmp(log_id, s->log_id) != 0 || version <= s->version || s->view_max != UINT64_MAX)
		return false;
	if (s->view_ahead_since < 0) {
		s->view_ahead_since = s->engine->mono_ms;
		yt_info("view_ahead", "shard=%d found=%" PRIu64 " have=%" PRIu64, s->id, version, s->version);
	}
	return s->engine->mono_ms - s->view_ahead_since < AHEAD_MS;
}

static void on_where(void *ctx, int shard, enum yt_view_status status, const char *log_id, uint64_t version, bool unswept)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = live_shard(e, shard);

	if (!s || s->view != YT_SV_ASKED)
		return;
	if (status != YT_VIEW_OK) {
		set_view(s, YT_SV_AWAY);
		return;
	}
	if (is_elsewhere(s, log_id, version)) {
		set_view(s, YT_SV_AWAY);
		return;
	}
	s->view_ahead_since = -1;
	if (strcmp(log_id, s->log_id) != 0 || version > s->version || version > s->view_max) {
		yt_info("view_reset", "shard=%d found=%s@%" PRIu64 " have=%s@%" PRIu64, shard, log_id[0] ? log_id : "-", version,
		        s->log_id, s->version);
		set_view(s, YT_SV_RESETTING);
		e->stats.view_resets++;
		e->view->reset(e->view->ctx, shard, s->log_id);
		return;
	}
	s->view_max = UINT64_MAX;
	if (version != s->view_version || s->view_all || unswept) {
		if (version != s->version) {
			yt_info("view_behind", "shard=%d from=%" PRIu64 " to=%" PRIu64, shard, version, s->version);
			/* Memory has what is newer, but not what has gone since. */
			s->view_unswept = true;
		}
		mark_newer(s, version);
		s->view_version = version;
		s->view_all = false;
	}
	s->view_next_since = -1;
	if (version == s->version)
		s->view_behind_since = -1;
	else if (s->view_behind_since < 0)
		s->view_behind_since = e->mono_ms;
	/* At once, where no write is to come. */
	if (version == s->version && (unswept || s->view_unswept)) {
		s->view_unswept = false;
		e->view->sweep(e->view->ctx, shard);
	}
	set_view(s, YT_SV_OK);
}

static void on_reset(void *ctx, int shard, enum yt_view_status status)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = live_shard(e, shard);

	if (!s || s->view != YT_SV_RESETTING)
		return;
	s->view_version = 0;
	s->view_all = true;
	set_view(s, status == YT_VIEW_OK ? YT_SV_UNKNOWN : YT_SV_AWAY);
	s->view_asked_mono = e->mono_ms;
}

static void on_applied(void *ctx, struct yt_view_job *job, enum yt_view_status status)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = live_shard(e, job->shard);

	e->stats.view_jobs++;
	if (s && s->view == YT_SV_WRITING && s->view_job == job) {
		s->view_job = NULL;
		if (status == YT_VIEW_OK) {
			s->view_version = job->to;
			s->view_written_mono = s->view_asked_mono = e->mono_ms;
			if (job->to != job->from) {
				s->view_behind_since = s->view_next_since;
				s->view_next_since = -1;
			}
			/* Only now: Redis remembers it, should nobody here come to it. */
			if (job->to != job->from && job->unswept) {
				s->view_unswept = false;
				e->view->sweep(e->view->ctx, s->id);
			}
			set_view(s, YT_SV_OK);
		} else {
			/* What the job held is not in the list any more: where() finds it again by version. */
			e->stats.view_stale += status == YT_VIEW_STALE;
			s->view_all = true;
			set_view(s, status == YT_VIEW_STALE ? YT_SV_UNKNOWN : YT_SV_AWAY);
			s->view_asked_mono = e->mono_ms;
		}
	}
	yt_arena_deinit(&job->arena);
	free(job);
}

static enum yt_view_knows knows(void *ctx, int shard, struct yt_str suffix, uint64_t *version)
{
	struct yt_engine *e = ctx;
	struct yt_shard *s = live_shard(e, shard);
	struct yt_str name;
	struct yt_arena a;
	bool found = false;

	if (!s)
		return YT_VIEW_NOT_OURS;
	*version = s->version;
	yt_arena_init(&a, 1024);
	int kind = yt_view_entity_of(&a, suffix, &name);

	if (kind >= 0) {
		char at[YT_ENTRY_KEY_MAX];
		struct yt_entry *en = yt_shard_entry(s, kind, yt_entry_key_of(kind, name, at), false);

		found = en && en->blob && (kind != YT_KIND_ORDER || e->conf->view_orders);
	}
	yt_arena_deinit(&a);
	return found ? YT_VIEW_KNOWN : YT_VIEW_GONE;
}

const struct yt_view_up yt_engine_view_up = {
	.on_where = on_where, .on_applied = on_applied, .on_reset = on_reset, .knows = knows
};

static void write_job(struct yt_engine *e, struct yt_shard *s)
{
	struct yt_view_job *job = calloc(1, sizeof *job);
	size_t bytes = 0;

	YT_ASSERT(job, NULL);
	job->shard = s->id;
	memcpy(job->log_id, s->log_id, sizeof job->log_id);
	job->from = s->view_version;
	yt_arena_init(&job->arena, 0);
	size_t n = s->n_view_dirty < JOB_ENTITIES_MAX ? s->n_view_dirty : JOB_ENTITIES_MAX;

	job->entities = yt_arena_alloc(&job->arena, (n ? n : 1) * sizeof *job->entities);
	while (s->n_view_dirty && job->n < n && bytes < JOB_BYTES_MAX) {
		struct yt_entry *en = s->view_dirty[--s->n_view_dirty];
		struct yt_view_entity *v = &job->entities[job->n++];

		v->hashes = en->view_lacks;
		en->view_lacks = 0;
		v->kind = en->kind;
		v->name = yt_arena_dup(&job->arena, yt_entry_name(en));
		v->blob = (struct yt_str){ 0 };
		if (en->blob) {
			v->blob = yt_arena_dup(&job->arena, yt_entry_value(en));
			bytes += en->blob_n;
		}
	}
	job->to = s->n_view_dirty ? job->from : s->version;
	if (job->to != job->from)
		s->view_next_since = -1;
	job->newest = s->version;
	job->time_ms = s->now_ms;
	job->unswept = s->view_unswept;
	s->view_job = job;
	set_view(s, YT_SV_WRITING);
	e->view->apply(e->view->ctx, job);
}

static int64_t interval_ms(const struct yt_engine *e)
{
	bool busy = e->queued + (int64_t)e->n_taken > BUSY_RECORDS;

	return busy && e->conf->view_interval_ms < BUSY_MS ? BUSY_MS : e->conf->view_interval_ms;
}

void yt_show_turn(struct yt_engine *e, int64_t *wait_ms)
{
	if (!e->view)
		return;
	for (size_t k = 0; k < e->n_assigned; k++) {
		struct yt_shard *s = live_shard(e, e->assigned[k]);

		if (!s)
			continue;
		bool behind = s->n_view_dirty || s->view_version != s->version;
		int64_t left = INT64_MAX;

		/* What Redis has is not known: it counts as behind from now on, until where() says otherwise. */
		if (s->view_behind_since < 0 && (s->view == YT_SV_UNKNOWN || s->view == YT_SV_AWAY))
			s->view_behind_since = e->mono_ms;
		if (s->view == YT_SV_UNKNOWN) {
			ask(e, s);
		} else if (s->view == YT_SV_AWAY) {
			left = s->view_asked_mono + AWAY_MS - e->mono_ms;
			if (left <= 0)
				ask(e, s);
		} else if (s->view == YT_SV_OK && behind) {
			left = s->view_written_mono + interval_ms(e) - e->mono_ms;
			if (left <= 0)
				write_job(e, s);
		} else if (s->view == YT_SV_OK) {
			left = s->view_asked_mono + ASK_AGAIN_MS - e->mono_ms;
			if (left <= 0)
				ask(e, s);
		}
		if (left > 0 && left < *wait_ms)
			*wait_ms = left;
	}
}

bool yt_show_busy(const struct yt_engine *e, bool patient)
{
	if (!e->view)
		return false;
	for (size_t k = 0; k < e->n_assigned; k++) {
		const struct yt_shard *s = e->shards[e->assigned[k]];

		if (!patient && s->view == YT_SV_AWAY)
			continue;
		if (s->loaded && (s->n_view_dirty || s->view_version != s->version || s->view != YT_SV_OK))
			return true;
	}
	return false;
}
