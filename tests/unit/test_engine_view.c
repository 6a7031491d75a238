/* The view follows the commits (I2): never ahead, per shard in order, caught up from memory, built anew where it is another log's. */
#include "unit/engine_world.h"

static void begin(struct ew *w, int what)
{
	ew_init(w, what | EW_VIEW);
	w->fv.committed = what & EW_MEM ? ew_mem_committed : ew_fl_committed;
	w->fv.committed_ctx = w;
}

/* Redis has a member whom nobody knows. */
static void ghost(struct ew *w, int shard, const char *name)
{
	struct yt_str n = yt_str_z(name);

	*fv_key(&w->fv, shard, YT_KIND_MEMBER, n) = (struct fv_key){ .shard = shard, .kind = YT_KIND_MEMBER, .name = n, .blob = YT_S("x"), .there = true };
}

static void seconds(struct ew *w, int n)
{
	while (n--) {
		ew_pass(w, 1000);
		ew_settle(w);
	}
}

/* One more order of a member of the shard. */
static void order(struct ew *w, int shard, int k)
{
	ew_put(w, EW_ORDERS, shard, ew_paid(w, ew_member(w, shard, k), yt_arena_printf(&w->arena, "o-%u", w->seq).p, w->wall - EW_MIN));
}

TEST(what_was_committed_is_shown)
{
	struct ew w;

	begin(&w, EW_MEM);
	for (int k = 0; k < 12; k++)
		order(&w, k % EW_SHARDS, k / EW_SHARDS);
	ew_settle(&w);
	ew_view_is_current(&w);
	order(&w, 1, 0);
	ew_settle(&w);
	ew_view_is_current(&w);
	CHECK_INT(w.fv.resets, EW_SHARDS); /* Redis was empty */
	CHECK_INT(w.fv.stales, 0);
	CHECK_INT(ew_info(&w, 1).view_lag_ms, 0);
	ew_deinit(&w);
}

TEST(what_is_in_flight_or_aborted_is_not_shown)
{
	struct ew w;

	begin(&w, 0);
	ew_live(&w);
	ew_settle(&w);
	w.fl.hold_commit = true;
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	int applies = w.fv.applies;

	ew_settle(&w);
	CHECK_INT(w.fv.applies, applies);
	fl_outcome(&w.fl, YT_ABORTED);
	ew_settle(&w);
	CHECK_INT(w.fv.applies, applies);
	CHECK_INT(w.fl.n_batches, 2);
	fl_keep_batch(&w.fl, &w.fl.batches[1]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_settle(&w);
	CHECK_INT(w.fv.applies, applies + 1);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

TEST(one_job_a_shard_at_a_time_and_what_changes_meanwhile_coalesces)
{
	struct ew w;

	begin(&w, EW_MEM);
	ew_settle(&w);
	order(&w, 2, 0);
	ew_settle(&w);
	w.fv.hold = true;
	int applies = w.fv.applies;

	order(&w, 2, 0);
	ew_settle(&w);
	CHECK_INT(w.fv.applies, applies + 1);
	for (int k = 0; k < 5; k++) { /* one member, five times */
		order(&w, 2, 0);
		ew_settle(&w);
	}
	CHECK_INT(w.fv.applies, applies + 1);
	w.fv.hold = false;
	ew_settle(&w);
	CHECK_INT(w.fv.applies, applies + 2);
	CHECK_INT(w.fv.last_from[2], 2);
	CHECK_INT(w.fv.last_to[2], 7);
	CHECK_INT(w.fv.last_n[2], 8); /* five orders, the member once, the day and its channels once */
	ew_view_is_current(&w);
	ew_deinit(&w);
}

TEST(a_wallet_that_did_not_change_is_not_written_again)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 2, 0); /* gives a coupon */
	ew_settle(&w);
	CHECK_INT(w.fv.last_hashes[2][YT_KIND_MEMBER], 3);
	const char *member = ew_member(&w, 2, 0);

	ew_put(&w, EW_GROUPS, 2, ew_joined(&w, member, "g1", w.wall));
	ew_settle(&w);
	CHECK_INT(w.fv.last_hashes[2][YT_KIND_MEMBER], 1);
	order(&w, 2, 0);
	ew_settle(&w);
	CHECK_INT(w.fv.last_hashes[2][YT_KIND_MEMBER], 3);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

TEST(orders_that_are_not_shown_are_not_handed_over)
{
	struct ew w;

	begin(&w, EW_MEM);
	w.conf.view_orders = false;
	ew_settle(&w);
	order(&w, 2, 0);
	ew_settle(&w);
	CHECK_INT(w.fv.last_n[2], 3); /* the member, the day, its channels */
	CHECK_INT(w.fv.last_hashes[2][YT_KIND_ORDER], 0);
	fv_empty(&w.fv);
	ew_pass(&w, 10000);
	ew_settle(&w);
	CHECK_INT(w.fv.last_n[2], 3);
	CHECK_INT(w.fv.last_hashes[2][YT_KIND_MEMBER], 3);
	ew_deinit(&w);
}

TEST(at_most_one_job_an_interval)
{
	struct ew w;

	begin(&w, EW_MEM);
	w.conf.view_interval_ms = 1000;
	ew_settle(&w);
	int applies = w.fv.applies;

	for (int k = 0; k < 20; k++) {
		order(&w, 2, 0);
		ew_turns(&w, 4);
		ew_pass(&w, 100);
	}
	CHECK_MSG(w.fv.applies - applies <= 3, "%d jobs in 2 s", w.fv.applies - applies);
	ew_pass(&w, 1000);
	ew_settle(&w);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

/* Orders of members of shard 0, from offset on; its other inputs are at their end. */
static void backlog(struct ew *w, int64_t offset, int n)
{
	for (int k = 0; k < n; k++)
		fl_record(&w->fl, EW_ORDERS, 0, offset + k, ew_paid(w, ew_member(w, 0, k % 8), yt_arena_printf(&w->arena, "b-%d", k).p, w->wall - 1));
}

/* What the view does 10 s after its last write, 1 ms before that, and until then, while n records wait behind a commit in flight. */
static void behind_a_backlog(int n, bool waits)
{
	struct ew w;

	begin(&w, 0);
	ew_live(&w);
	ew_settle(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turn(&w);
	fl_keep_batch(&w.fl, &w.fl.batches[w.fl.n_batches - 1]);
	ew_settle(&w);
	CHECK_INT(w.fv.applies, 1);
	w.fl.hold_commit = true;
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, ew_member(&w, 0, 0), "o-2", w.wall - 1));
	ew_turn(&w);
	backlog(&w, 2, n);
	ew_settle(&w);
	fl_keep_batch(&w.fl, &w.fl.batches[w.fl.n_batches - 1]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turn(&w);
	CHECK_INT(w.fv.applies, waits ? 1 : 2);
	ew_pass(&w, 9999);
	ew_turns(&w, 2);
	CHECK_INT(w.fv.applies, waits ? 1 : 2);
	ew_pass(&w, 1);
	ew_turns(&w, 2);
	CHECK_INT(w.fv.applies, 2);
	ew_deinit(&w);
}

TEST(while_much_waits_a_shard_is_written_every_ten_seconds)
{
	behind_a_backlog(10001, true);
}

TEST(while_less_waits_a_shard_is_written_at_once)
{
	behind_a_backlog(10000, false);
}

TEST(away_for_an_hour_coupons_leave_and_the_view_catches_up_from_memory)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 0, 0);
	order(&w, 0, 1);
	ew_settle(&w);
	int resets = w.fv.resets;

	w.fv.away = true;
	for (int k = 0; k < 60; k++) {
		if (k % 10 == 0)
			order(&w, 0, 0);
		ew_turns(&w, 4);
		ew_pass(&w, EW_MIN);
	}
	CHECK_INT(w.n_outs, 8);
	CHECK_MSG(ew_info(&w, 0).view_lag_ms >= 59 * EW_MIN, "lag %" PRId64, ew_info(&w, 0).view_lag_ms);
	CHECK_MSG(w.fv.wheres < 1000, "%d questions", w.fv.wheres);
	w.fv.away = false;
	ew_pass(&w, 1000);
	ew_settle(&w);
	ew_view_is_current(&w);
	CHECK_INT(w.fv.resets, resets);
	CHECK_INT(w.fv.last_from[0], 1);
	CHECK_MSG(w.fv.last_n[0] == 6 + 1 + 1 + 1, "%zu entities, what changed is 9", w.fv.last_n[0]);
	CHECK_INT(ew_info(&w, 0).view_lag_ms, 0);
	ew_deinit(&w);
}

TEST(a_job_whose_answer_was_lost_is_not_written_twice)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 0, 0);
	ew_settle(&w);
	w.fv.lose_answers = true;
	order(&w, 0, 0);
	ew_turns(&w, 5);
	w.fv.lose_answers = false;
	int applies = w.fv.applies;

	ew_pass(&w, 1000);
	ew_settle(&w);
	CHECK_INT(w.fv.applies, applies);
	ew_view_is_current(&w);
	CHECK_INT(w.fv.stales, 0);
	ew_pass(&w, 1000);
	ew_turn(&w);
	CHECK_INT(ew_info(&w, 0).view_lag_ms, 0);
	ew_deinit(&w);
}

TEST(the_lag_counts_from_a_restore_on_too)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 0, 0);
	ew_settle(&w);
	w.fv.away = true;
	order(&w, 0, 0);
	ew_settle(&w);
	ew_crash(&w);
	for (int k = 0; k < 20; k++) {
		ew_pass(&w, 1000);
		ew_turns(&w, 3);
	}
	CHECK_MSG(ew_info(&w, 0).view_lag_ms >= 15000, "lag %" PRId64 " ms, and Redis has been away for 20 s", ew_info(&w, 0).view_lag_ms);
	w.fv.away = false;
	ew_pass(&w, 1000);
	ew_settle(&w);
	CHECK_INT(ew_info(&w, 0).view_lag_ms, 0);
	CHECK_INT(ew_info(&w, 1).view_lag_ms, 0);
	ew_deinit(&w);
}

static void erase(struct ew *w, int shard, int k)
{
	const char *data = yt_arena_printf(&w->arena, "{\"member\":\"%s\",\"by\":\"anna\"}", ew_member(w, shard, k)).p;

	ew_put(w, EW_ORDERS, shard, ew_event(w, "member.erase", w->wall, data));
}

enum between { NOTHING, OWN_CRASH, LOST_JOB, LOST_ANSWER };

/* Somebody is erased while Redis does not answer, and what was to go there is forgotten: Redis itself stays what it was. */
static void erased_unseen(enum between between)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 1, 0);
	order(&w, 1, 1);
	ew_settle(&w);
	int sweeps = w.fv.sweeps;

	w.fv.hold = between == LOST_JOB;
	w.fv.away = true;
	erase(&w, 1, 0);
	ew_settle(&w);
	if (between == OWN_CRASH)
		ew_crash(&w);
	fv_answer(&w.fv);
	w.fv.away = w.fv.hold = false;
	ew_pass(&w, 1000);
	if (between == LOST_ANSWER) { /* of the writes that catch up */
		w.fv.hold = true;
		ew_turn(&w);
		fv_answer(&w.fv); /* where */
		ew_turn(&w);
		CHECK(w.fv.n_q > 0);
		for (size_t k = 0; k < w.fv.n_q; k++)
			CHECK_INT(w.fv.q[k].what, 1);
		w.fv.lose_answers = true;
		fv_answer(&w.fv);
		w.fv.hold = w.fv.lose_answers = false;
		ew_pass(&w, 1000);
	}
	ew_settle(&w);
	ew_view_is_current(&w);
	/* Once, of each shard that was behind (an erasure is told to others), and then no more. */
	sweeps = w.fv.sweeps - sweeps;
	CHECK_MSG(sweeps >= 1 && sweeps <= EW_SHARDS, "%d sweeps", sweeps);
	sweeps = w.fv.sweeps;
	seconds(&w, 10);
	CHECK_INT(w.fv.sweeps, sweeps);
	ew_deinit(&w);
}

TEST(who_is_erased_while_redis_is_away_goes_from_it)
{
	erased_unseen(NOTHING);
}

TEST(who_is_erased_before_a_crash_goes_from_redis_after_it)
{
	erased_unseen(OWN_CRASH);
}

TEST(who_was_erased_by_a_job_that_was_lost_goes_from_redis)
{
	erased_unseen(LOST_JOB);
}

TEST(who_is_erased_goes_from_redis_also_when_the_answer_is_lost)
{
	erased_unseen(LOST_ANSWER);
}

/* Kafka was put back to a copy: its log is the same, and Redis has what came of commits that are not there any more. */
TEST(a_view_that_is_ahead_of_what_was_restored_is_built_anew)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 1, 0);
	ew_settle(&w);
	int resets = w.fv.resets;

	ew_crash(&w);
	w.fv.version[1]++;
	ghost(&w, 1, "s1/ghost");
	w.fv.away = true;
	for (int k = 0; k < 3; k++) {
		order(&w, 1, 1);
		ew_settle(&w);
	}
	w.fv.away = false;
	ew_pass(&w, 1000);
	ew_settle(&w);
	CHECK_INT(w.fv.resets, resets + 1);
	ew_view_is_current(&w);
	/* From then on it may have what was committed since. */
	order(&w, 1, 0);
	ew_settle(&w);
	ew_pass(&w, 6000);
	ew_settle(&w);
	CHECK_INT(w.fv.resets, resets + 1);
	ew_deinit(&w);
}

/* Taken for dead, and not told yet: the shard is another worker's, and so is its view. */
TEST(a_view_that_another_worker_writes_is_left_alone)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 1, 0);
	ew_settle(&w);
	int resets = w.fv.resets;

	w.fv.version[1]++;
	seconds(&w, 60);
	CHECK_INT(w.fv.resets, resets);
	CHECK_MSG(ew_info(&w, 1).view_lag_ms >= 50000, "lag %" PRId64 " ms", ew_info(&w, 1).view_lag_ms);
	/* But not for ever: then it is nobody's. */
	seconds(&w, 10);
	CHECK_INT(w.fv.resets, resets + 1);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

/* The one that was told to look dies between its write and the look: `at` is current, and still says that nobody has looked. */
TEST(a_sweep_that_was_cut_off_is_made_by_the_next_owner)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 1, 0);
	ew_settle(&w);
	w.fv.away = true;
	erase(&w, 1, 0);
	ew_settle(&w);
	ew_crash(&w);
	w.fv.away = false;
	w.fv.never_sweeps = true;
	ew_pass(&w, 1000);
	ew_settle(&w);
	CHECK_INT(w.fv.version[1], ew_info(&w, 1).version);
	CHECK(fv_key(&w.fv, 1, YT_KIND_MEMBER, yt_arena_printf(&w.arena, "s1/%s", ew_member(&w, 1, 0)))->there);
	ew_crash(&w);
	w.fv.never_sweeps = false;
	ew_settle(&w);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

/* Redis put back to a copy of before: versions and values. */
struct copy {
	struct fv_key *keys;
	size_t n;
	char log_id[EW_SHARDS][33];
	uint64_t version[EW_SHARDS];
};

static struct copy take_copy(struct fview *v)
{
	struct copy c = { .n = v->n_keys, .keys = malloc((v->n_keys + 1) * sizeof *c.keys) };

	memcpy(c.keys, v->keys, v->n_keys * sizeof *c.keys);
	memcpy(c.log_id, v->log_id, sizeof c.log_id);
	memcpy(c.version, v->version, sizeof c.version);
	return c;
}

static void put_back(struct fview *v, struct copy *c)
{
	for (size_t k = 0; k < v->n_keys; k++)
		v->keys[k].there = false;
	for (size_t k = 0; k < c->n; k++)
		*fv_key(v, c->keys[k].shard, c->keys[k].kind, c->keys[k].name) = c->keys[k];
	memcpy(v->log_id, c->log_id, sizeof c->log_id);
	memcpy(v->version, c->version, sizeof c->version);
	v->run++;
	free(c->keys);
}

TEST(a_redis_that_was_rolled_back_is_found_by_the_next_write)
{
	struct ew w;
	struct copy c;

	begin(&w, EW_MEM);
	for (int k = 0; k < 8; k++)
		order(&w, k % EW_SHARDS, k);
	ew_settle(&w);
	c = take_copy(&w.fv);
	for (int k = 0; k < 4; k++) {
		order(&w, 1, 10 + k);
		ew_settle(&w);
	}
	put_back(&w.fv, &c);
	int sweeps = w.fv.sweeps;

	order(&w, 1, 0);
	ew_settle(&w);
	CHECK_INT(w.fv.stales, 1);
	CHECK_INT(yt_engine_stats(w.e)->view_stale, 1);
	CHECK_INT(w.fv.resets, EW_SHARDS);
	CHECK_INT(w.fv.sweeps, sweeps + 1);
	/* Not all, only what is newer: four members and orders, one more of each, the day, its channels. */
	CHECK_MSG(w.fv.last_n[1] == 12, "%zu entities", w.fv.last_n[1]);
	ew_pass(&w, 6000); /* the idle shards by their question */
	ew_settle(&w);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

TEST(a_redis_that_was_rolled_back_is_found_without_a_write)
{
	struct ew w;
	struct copy c;

	begin(&w, EW_MEM);
	order(&w, 1, 0);
	ew_settle(&w);
	c = take_copy(&w.fv);
	order(&w, 1, 1);
	ew_settle(&w);
	put_back(&w.fv, &c);
	int wheres = w.fv.wheres;

	seconds(&w, 4);
	CHECK_INT(w.fv.wheres, wheres);
	ew_pass(&w, 1000);
	ew_settle(&w);
	CHECK_INT(w.fv.wheres, wheres + EW_SHARDS);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

TEST(an_emptied_redis_is_built_anew)
{
	struct ew w;

	begin(&w, EW_MEM);
	for (int k = 0; k < 8; k++)
		order(&w, k % EW_SHARDS, k);
	ew_settle(&w);
	fv_empty(&w.fv);
	order(&w, 0, 0);
	ew_settle(&w);
	ew_pass(&w, 6000);
	ew_settle(&w);
	CHECK_INT(w.fv.resets, 2 * EW_SHARDS);
	CHECK_INT(yt_engine_stats(w.e)->view_resets, 2 * EW_SHARDS);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

TEST(another_log_and_a_view_that_is_ahead_are_built_anew)
{
	for (int k = 0; k < 2; k++) {
		struct ew w;

		begin(&w, EW_MEM);
		order(&w, 0, 0);
		for (int p = 0; p < EW_SHARDS; p++) {
			snprintf(w.fv.log_id[p], sizeof w.fv.log_id[p], "%s", k ? EW_LOG_ID : "ffffffffffffffffffffffffffffffff");
			w.fv.version[p] = k ? 99 : 1;
		}
		ghost(&w, 0, "s1/ghost");
		ew_settle(&w);
		CHECK_INT(w.fv.resets, EW_SHARDS);
		ew_view_is_current(&w);
		ew_deinit(&w);
	}
}

TEST(a_reset_that_was_cut_off_is_tried_again)
{
	struct ew w;

	begin(&w, EW_MEM);
	w.fv.hold = true;
	order(&w, 0, 0);
	ew_settle(&w);
	fv_answer(&w.fv); /* where: nothing */
	CHECK_INT(w.fv.resets, EW_SHARDS);
	w.fv.away = true;
	fv_answer(&w.fv); /* reset: away */
	w.fv.hold = w.fv.away = false;
	ew_pass(&w, 1000);
	ew_settle(&w);
	CHECK_INT(w.fv.resets, 2 * EW_SHARDS);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

TEST(after_a_restart_of_redis_keys_without_an_entity_go)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 1, 0);
	ew_settle(&w);
	w.fv.run++;
	int sweeps = w.fv.sweeps;
	uint64_t version = 0;

	ghost(&w, 1, "s1/erased");
	ew_pass(&w, 6000);
	ew_settle(&w);
	CHECK_INT(w.fv.sweeps, sweeps + EW_SHARDS);
	ew_view_is_current(&w);
	CHECK_INT(w.fv.up->knows(w.e, 1, yt_arena_printf(&w.arena, "member:s1/%s", ew_member(&w, 1, 0)), &version), YT_VIEW_KNOWN);
	CHECK_INT(w.fv.up->knows(w.e, 1, yt_arena_printf(&w.arena, "wallet:s1/%s", ew_member(&w, 1, 0)), &version), YT_VIEW_KNOWN);
	CHECK_INT(w.fv.up->knows(w.e, 1, YT_S("member:s1/erased"), &version), YT_VIEW_GONE);
	CHECK_INT(w.fv.up->knows(w.e, 1, YT_S("nonsense"), &version), YT_VIEW_GONE);
	CHECK_INT(version, w.fv.version[1]);
	ew_deinit(&w);
}

TEST(after_a_crash_only_what_redis_lacks_is_written)
{
	struct ew w;

	begin(&w, EW_MEM);
	for (int k = 0; k < 8; k++)
		order(&w, k % EW_SHARDS, k);
	ew_settle(&w);
	int applies = w.fv.applies;

	ew_crash(&w);
	ew_settle(&w);
	CHECK_INT(w.fv.applies, applies);
	ew_view_is_current(&w);

	w.fv.away = true;
	order(&w, 3, 0);
	ew_settle(&w);
	ew_crash(&w);
	ew_settle(&w);
	w.fv.away = false;
	ew_pass(&w, 1000);
	ew_settle(&w);
	ew_view_is_current(&w);
	CHECK_MSG(w.fv.last_n[3] <= 4, "%zu entities", w.fv.last_n[3]);
	CHECK_INT(w.fv.resets, EW_SHARDS);
	ew_deinit(&w);
}

static void many(struct ew *w, int n)
{
	for (int k = 0; k < n; k++) {
		const char *m = yt_arena_printf(&w->arena, "x-%d", k).p;

		if (ew_shard_of(w, m) == 0)
			ew_put(w, EW_GROUPS, 0, ew_joined(w, m, "g", w->wall - EW_MIN));
	}
	ew_settle(w);
}

TEST(a_large_change_goes_in_parts_and_the_last_moves_the_version)
{
	struct ew w;
	uint64_t was;

	begin(&w, EW_MEM);
	w.fv.committed = NULL; /* slow here */
	order(&w, 0, 0);
	ew_settle(&w);
	was = w.fv.version[0];
	w.fv.hold = true;
	many(&w, 100000);
	CHECK_MSG(ew_info(&w, 0).entities > 22000, "only %zu entities", ew_info(&w, 0).entities);
	fv_answer(&w.fv);
	ew_turn(&w);
	w.fv.parts = 0;
	fv_answer(&w.fv); /* what was written first may be small */
	ew_turn(&w);
	for (int k = 0; k < 10 && w.fv.parts == 0 && w.fv.n_q; k++) {
		fv_answer(&w.fv);
		ew_turn(&w);
	}
	CHECK_MSG(w.fv.parts > 0 || w.fv.version[0] == ew_info(&w, 0).version, "no part");

	/* Redis goes in the middle of it. */
	w.fv.away = true;
	fv_answer(&w.fv);
	CHECK(w.fv.version[0] >= was);
	w.fv.away = w.fv.hold = false;
	ew_pass(&w, 1000);
	ew_settle(&w);
	CHECK_INT(w.fv.version[0], ew_info(&w, 0).version);
	size_t there = 0;

	for (size_t k = 0; k < w.fv.n_keys; k++)
		there += w.fv.keys[k].there;
	struct ew_dump d = ew_dump(&w, w.wall, false);

	CHECK_INT(there, d.n);
	ew_dump_free(&d);
	ew_deinit(&w);
}

TEST(an_expired_entity_goes_from_the_view)
{
	struct ew w;
	const char *m;

	begin(&w, EW_MEM | EW_EVENT);
	m = ew_member(&w, 0, 0);
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, m, "o-old", EW_T0));
	ew_settle(&w);
	CHECK(fv_key(&w.fv, 0, YT_KIND_ORDER, YT_S("s1/o-old"))->there);
	for (int k = 0; k < 20; k++) {
		ew_put(&w, EW_ORDERS, 0, ew_paid(&w, m, yt_arena_printf(&w.arena, "o-%d", k).p, EW_T0 + 100 * EW_DAY + k));
		ew_settle(&w);
	}
	CHECK(!fv_key(&w.fv, 0, YT_KIND_ORDER, YT_S("s1/o-old"))->there);
	ew_view_is_current(&w);
	/* And from the changelog, by a tombstone. */
	const struct yt_mem_message *msgs;
	size_t n = yt_memlog_committed(w.mem, &msgs);
	int tombs = 0;

	for (size_t k = 0; k < n; k++)
		tombs += msgs[k].dest == YT_TO_STATE && !msgs[k].value.p && yt_str_eq(msgs[k].key, YT_S("order:s1/o-old"));
	CHECK_INT(tombs, 1);
	ew_crash(&w);
	ew_settle(&w);
	ew_view_is_current(&w);
	ew_deinit(&w);
}

/* The group takes the shards back and gives them again while a question to Redis is out, and the answer comes in between. */
static void rebalance_with(struct ew *w, bool answer_in_between)
{
	int resets = w->fv.resets;

	fl_revoke(&w->fl, false);
	ew_turn(w);
	CHECK_INT(w->fl.releases, 1);
	if (answer_in_between)
		fv_answer(&w->fv);
	fl_assign_all(&w->fl);
	ew_turns(w, 4);
	CHECK_INT(yt_engine_stats(w->e)->reused_shards, EW_SHARDS);
	w->fv.hold = false;
	fl_all_ends(&w->fl);
	fl_record(&w->fl, EW_ORDERS, 0, 1, ew_paid(w, ew_member(w, 0, 1), "o-2", w->wall - 1));
	for (int k = 0; k < 10; k++) {
		ew_pass(w, 1000);
		ew_turns(w, 6);
	}
	CHECK_INT(w->n_outs, 2);
	CHECK_MSG(w->fv.version[0] == ew_info(w, 0).version, "the view of shard 0 stands still: version %" PRIu64 " of %" PRIu64, w->fv.version[0],
	          ew_info(w, 0).version);
	ew_view_is_current(w);
	CHECK_INT(w->fv.resets, resets);
	yt_engine_drain(w->e);
	ew_turns(w, 3);
	CHECK(yt_engine_drained(w->e));
}

static void with_a_job(bool in_between)
{
	struct ew w;

	begin(&w, 0);
	ew_live(&w);
	ew_settle(&w);
	w.fv.hold = true;
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turns(&w, 4);
	CHECK_INT(w.fv.n_q, 1);
	CHECK_INT(w.fv.q[0].what, 1);
	rebalance_with(&w, in_between);
	ew_deinit(&w);
}

TEST(a_rebalance_with_a_job_in_flight_whose_answer_comes_before_the_shard_is_back)
{
	with_a_job(true);
}

TEST(a_rebalance_with_a_job_in_flight_whose_answer_comes_after_the_shard_is_back)
{
	with_a_job(false);
}

TEST(a_rebalance_with_a_question_out)
{
	struct ew w;

	begin(&w, 0);
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_settle(&w);
	ew_pass(&w, 6000);
	w.fv.hold = true;
	ew_turns(&w, 2);
	CHECK_INT(w.fv.n_q, EW_SHARDS);
	CHECK_INT(w.fv.q[0].what, 0);
	rebalance_with(&w, true);
	ew_deinit(&w);
}

TEST(answers_for_a_shard_that_is_gone_hurt_nobody)
{
	static const int some[] = { 1, 2, 3 };
	uint64_t version;
	struct ew w;

	begin(&w, 0);
	ew_live(&w);
	ew_settle(&w);
	w.fv.hold = true;
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turns(&w, 4);
	CHECK_INT(w.fv.n_q, 1);
	fl_revoke(&w.fl, false);
	fl_assign(&w.fl, some, 3);
	ew_turns(&w, 3);
	w.fv.hold = false;
	ew_settle(&w);
	CHECK_INT(w.fatals, 0);
	CHECK_INT(w.fv.up->knows(w.e, 0, YT_S("member:s1/whoever"), &version), YT_VIEW_NOT_OURS);
	ew_deinit(&w);
}

TEST(a_former_owner_cannot_write_over_the_new_one)
{
	struct ew w;

	begin(&w, 0);
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_settle(&w);
	/* Somebody else has the shard and wrote version 5. */
	w.fv.version[0] = 5;
	w.fl.hold_commit = true;
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, ew_member(&w, 0, 0), "o-2", w.wall - 1));
	ew_turns(&w, 3);
	fl_outcome(&w.fl, YT_LOST);
	ew_settle(&w);
	CHECK_INT(w.fv.version[0], 5);
	CHECK_INT(w.fl.rejoins, 1);
	ew_deinit(&w);
}

TEST(the_lag_is_the_age_of_what_is_not_shown)
{
	struct ew w;

	begin(&w, EW_MEM);
	order(&w, 0, 0);
	ew_settle(&w);
	/* Each job takes 100 ms, and a commit comes every 100 ms: the view is never quite there, and never far behind. */
	w.fv.hold = true;
	for (int k = 0; k < 100; k++) {
		order(&w, 0, 0);
		ew_turns(&w, 3);
		ew_pass(&w, 100);
		order(&w, 0, 1);
		ew_turns(&w, 2); /* committed while the job is out */
		fv_answer(&w.fv);
		ew_turn(&w);
	}
	CHECK_MSG(w.fv.version[0] + 3 >= ew_info(&w, 0).version, "the test is wrong: version %" PRIu64 " of %" PRIu64, w.fv.version[0], ew_info(&w, 0).version);
	CHECK_MSG(ew_info(&w, 0).view_lag_ms <= 1000, "lag %" PRId64 " ms, though nothing is older than 200", ew_info(&w, 0).view_lag_ms);
	ew_deinit(&w);
}

TEST(faults_at_random_end_in_the_same_view)
{
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct ew w;
		unsigned r = seed * 2654435761u;

		begin(&w, EW_MEM);
		for (int step = 0; step < 120; step++) {
			r = r * 1664525u + 1013904223u;
			unsigned what = r >> 16;

			if (what % 3 == 0)
				order(&w, (int)(what / 3 % EW_SHARDS), (int)(what / 16 % 5));
			if (what % 17 == 0)
				w.fv.away = !w.fv.away;
			if (what % 19 == 0)
				w.fv.lose_answers = !w.fv.lose_answers;
			if (what % 23 == 0)
				w.fv.hold = !w.fv.hold;
			if (what % 61 == 0)
				fv_empty(&w.fv);
			if (what % 53 == 0)
				w.fv.version[what / 64 % EW_SHARDS] /= 2; /* an odd copy */
			if (what % 41 == 0)
				yt_memlog_rebalance(w.mem);
			if (what % 67 == 0)
				ew_crash(&w);
			if (what % 29 == 0) {
				enum yt_outcome o = what % 2 ? YT_ABORTED : YT_LOST;

				yt_memlog_outcomes(w.mem, &o, 1, what % 4 == 0);
			}
			ew_turns(&w, (int)(what % 5));
			ew_pass(&w, what % 700);
		}
		w.fv.away = w.fv.lose_answers = w.fv.hold = false;
		seconds(&w, 20);
		for (int p = 0; p < EW_SHARDS; p++)
			CHECK_MSG(w.fv.version[p] == ew_info(&w, p).version, "seed=%u shard=%d: the view is at %" PRIu64 " of %" PRIu64, seed, p, w.fv.version[p],
			          ew_info(&w, p).version);
		ew_deinit(&w);
	}
}

TEST_MAIN
{
	RUN(what_was_committed_is_shown);
	RUN(what_is_in_flight_or_aborted_is_not_shown);
	RUN(one_job_a_shard_at_a_time_and_what_changes_meanwhile_coalesces);
	RUN(a_wallet_that_did_not_change_is_not_written_again);
	RUN(orders_that_are_not_shown_are_not_handed_over);
	RUN(at_most_one_job_an_interval);
	RUN(while_much_waits_a_shard_is_written_every_ten_seconds);
	RUN(while_less_waits_a_shard_is_written_at_once);
	RUN(away_for_an_hour_coupons_leave_and_the_view_catches_up_from_memory);
	RUN(a_job_whose_answer_was_lost_is_not_written_twice);
	RUN(the_lag_counts_from_a_restore_on_too);
	RUN(who_is_erased_while_redis_is_away_goes_from_it);
	RUN(who_is_erased_before_a_crash_goes_from_redis_after_it);
	RUN(who_was_erased_by_a_job_that_was_lost_goes_from_redis);
	RUN(who_is_erased_goes_from_redis_also_when_the_answer_is_lost);
	RUN(a_view_that_is_ahead_of_what_was_restored_is_built_anew);
	RUN(a_view_that_another_worker_writes_is_left_alone);
	RUN(a_sweep_that_was_cut_off_is_made_by_the_next_owner);
	RUN(a_redis_that_was_rolled_back_is_found_by_the_next_write);
	RUN(a_redis_that_was_rolled_back_is_found_without_a_write);
	RUN(an_emptied_redis_is_built_anew);
	RUN(another_log_and_a_view_that_is_ahead_are_built_anew);
	RUN(a_reset_that_was_cut_off_is_tried_again);
	RUN(after_a_restart_of_redis_keys_without_an_entity_go);
	RUN(after_a_crash_only_what_redis_lacks_is_written);
	RUN(a_large_change_goes_in_parts_and_the_last_moves_the_version);
	RUN(an_expired_entity_goes_from_the_view);
	RUN(a_rebalance_with_a_job_in_flight_whose_answer_comes_before_the_shard_is_back);
	RUN(a_rebalance_with_a_job_in_flight_whose_answer_comes_after_the_shard_is_back);
	RUN(a_rebalance_with_a_question_out);
	RUN(answers_for_a_shard_that_is_gone_hurt_nobody);
	RUN(a_former_owner_cannot_write_over_the_new_one);
	RUN(the_lag_is_the_age_of_what_is_not_shown);
	RUN(faults_at_random_end_in_the_same_view);
}
