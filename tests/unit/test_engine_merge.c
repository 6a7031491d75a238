/* The inputs of one shard are merged by time: what is fetched goes by (time, place of the topic, offset), and an input that lags is waited
 * for, 500 ms at most. */
#include "unit/engine_world.h"

/* The order of decisions, by the one rule that answers each join: the group of each welcome. */
static const char *decided(struct ew *w)
{
	struct yt_buf b;

	yt_buf_init(&b, &w->arena);
	for (size_t k = 0; k < w->n_outs; k++) {
		const char *order = ew_data(w, w->outs[k].value, "order"), *group = ew_data(w, w->outs[k].value, "group");

		yt_buf_printf(&b, "%s%s", k ? " " : "", group ? group : order ? order : "?");
	}
	yt_buf_c(&b, 0);
	return b.p;
}

/* A rule on every type that answers at once, so that the order of outputs is the order of decisions. */
#define ANSWER                                                                                                     \
	"[ruleset]\nname = t\nrevision = 1\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"              \
	"[rule \"a\"]\non = order.paid, group.joined\nfollow_up = a\n"

static const char *m0(struct ew *w)
{
	return ew_member(w, 0, 0);
}

TEST(the_smallest_time_is_next_across_inputs)
{
	struct ew w;
	int64_t t;

	ew_init_rules(&w, 0, ANSWER);
	ew_live(&w);
	t = w.wall - EW_HOUR;
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, m0(&w), "g1", t + 1));
	fl_record(&w.fl, EW_GROUPS, 0, 1, ew_joined(&w, m0(&w), "g4", t + 4));
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m0(&w), "o0", t));
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, m0(&w), "o2", t + 2));
	fl_record(&w.fl, EW_ORDERS, 0, 2, ew_paid(&w, m0(&w), "o5", t + 5));
	fl_all_ends(&w.fl);
	ew_turns(&w, 2);
	CHECK_STR(decided(&w), "o0 g1 o2 g4 o5");
	CHECK_INT(w.fl.n_batches, 1);
	ew_deinit(&w);
}

TEST(equal_times_go_by_the_place_of_the_topic)
{
	struct ew w;
	int64_t t;

	ew_init_rules(&w, 0, ANSWER);
	ew_live(&w);
	t = w.wall - EW_HOUR;
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, m0(&w), "g1", t));
	fl_record(&w.fl, EW_GROUPS, 0, 1, ew_joined(&w, m0(&w), "g2", t));
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m0(&w), "o1", t));
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, m0(&w), "o2", t));
	fl_all_ends(&w.fl);
	ew_turns(&w, 2);
	CHECK_STR(decided(&w), "o1 o2 g1 g2");
	ew_deinit(&w);
}

TEST(within_a_partition_the_offset_holds_whatever_the_times)
{
	struct ew w;
	int64_t t;

	ew_init_rules(&w, 0, ANSWER);
	ew_live(&w);
	t = w.wall - EW_HOUR;
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m0(&w), "o9", t + 9));
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, m0(&w), "o1", t + 1));
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, m0(&w), "g5", t + 5));
	fl_all_ends(&w.fl);
	ew_turns(&w, 2);
	CHECK_STR(decided(&w), "g5 o9 o1");
	ew_deinit(&w);
}

TEST(what_has_no_time_holds_nobody_up)
{
	struct ew w;
	int64_t t;

	ew_init_rules(&w, 0, ANSWER);
	ew_live(&w);
	t = w.wall - EW_HOUR;
	fl_record(&w.fl, EW_ORDERS, 0, 0, "not json");
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, m0(&w), "o1", t + 1));
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, m0(&w), "g2", t + 2));
	fl_all_ends(&w.fl);
	ew_turns(&w, 2);
	CHECK_INT(w.deads, 1);
	CHECK_STR(decided(&w), "o1 g2");
	ew_deinit(&w);
}

TEST(an_input_that_is_behind_is_waited_for)
{
	struct ew w;
	int64_t t;

	ew_init_rules(&w, 0, ANSWER);
	ew_live(&w);
	t = w.wall - EW_HOUR;
	/* orders is read again after a new assignment and has said neither a record nor its end. */
	fl_revoke(&w.fl, false);
	fl_assign_all(&w.fl);
	ew_turns(&w, 4);
	fl_end(&w.fl, EW_INTERNAL, 0, 0);
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, m0(&w), "g1", t + 1));
	ew_turn(&w);
	CHECK_STR(decided(&w), "");
	CHECK_MSG(w.wait <= 500 && w.wait > 0, "comes again after %" PRId64 " ms", w.wait);
	ew_pass(&w, 499);
	ew_turns(&w, 2);
	CHECK_STR(decided(&w), "");
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 0);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m0(&w), "o0", t));
	fl_end(&w.fl, EW_ORDERS, 0, 1);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "o0 g1");
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 0);
	ew_deinit(&w);
}

static void behind(struct ew *w, int lacking)
{
	ew_init_rules(w, 0, ANSWER);
	ew_live(w);
	fl_revoke(&w->fl, false);
	fl_assign_all(&w->fl);
	ew_turns(w, 4);
	if (lacking < 2)
		fl_end(&w->fl, EW_INTERNAL, 0, 0);
	fl_record(&w->fl, EW_GROUPS, 0, 0, ew_joined(w, m0(w), "g4", w->wall - EW_HOUR));
	ew_turns(w, 2);
	CHECK_STR(decided(w), "");
}

TEST(after_500_ms_it_is_passed_over_and_counted_once)
{
	struct ew w;

	behind(&w, 1);
	ew_pass(&w, 500);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "g4");
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 1);
	/* As long as it brings nothing it is not waited for again. */
	fl_record(&w.fl, EW_GROUPS, 0, 1, ew_joined(&w, m0(&w), "g2", w.wall - EW_HOUR));
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "g4 g2");
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 1);
	/* It is back, and its end is known: nothing to wait for. */
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m0(&w), "o0", w.wall - 2 * EW_HOUR));
	fl_end(&w.fl, EW_ORDERS, 0, 1);
	ew_turns(&w, 3);
	fl_record(&w.fl, EW_GROUPS, 0, 2, ew_joined(&w, m0(&w), "g3", w.wall - EW_HOUR));
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "g4 g2 o0 g3");
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 1);
	ew_deinit(&w);
}

/* An order that lies on shard 0's partition goes on to shard 2, and stands in its `internal`. */
static void forward(struct ew *w, int64_t offset, const char *order, int64_t time)
{
	fl_record(&w->fl, EW_ORDERS, 0, offset, ew_paid(w, ew_member(w, 2, 0), order, time));
	fl_end(&w->fl, EW_ORDERS, 0, offset + 1);
	ew_turns(w, 2);
	CHECK_INT(w->fl.batches[w->fl.n_batches - 1].messages[0].dest, YT_TO_INTERNAL);
}

static void read_back(struct ew *w, int64_t offset)
{
	const struct yt_mem_message *m = &w->fl.batches[w->fl.n_batches - 1].messages[0];

	fl_record_with(&w->fl, EW_INTERNAL, 2, offset, m->key, m->value, m->headers, m->n_headers);
}

/* What is waited for is either a record or an end; the next time is a wait of its own. */
TEST(an_end_ends_the_wait_for_an_input)
{
	struct ew w;
	int64_t t;

	ew_init_rules(&w, 0, ANSWER);
	ew_live(&w);
	t = w.wall - EW_HOUR;
	forward(&w, 0, "o1", t);
	fl_record(&w.fl, EW_ORDERS, 2, 0, ew_paid(&w, ew_member(&w, 2, 0), "o9", t + 9));
	fl_end(&w.fl, EW_ORDERS, 2, 1);
	read_back(&w, 0);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "o1"); /* `internal` has told no end behind it */
	fl_end(&w.fl, EW_INTERNAL, 2, 2);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "o1 o9");
	ew_pass(&w, 600);
	forward(&w, 1, "o2", t + 10);
	fl_record(&w.fl, EW_ORDERS, 2, 1, ew_paid(&w, ew_member(&w, 2, 0), "o8", t + 11));
	fl_end(&w.fl, EW_ORDERS, 2, 2);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "o1 o9");
	ew_pass(&w, 499);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "o1 o9");
	read_back(&w, 2);
	fl_end(&w.fl, EW_INTERNAL, 2, 4);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "o1 o9 o2 o8");
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 0);
	ew_deinit(&w);
}

TEST(several_inputs_that_are_behind_are_waited_for_at_the_same_time)
{
	struct ew w;

	behind(&w, 2);
	ew_pass(&w, 500);
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "g4"); /* 500 ms at most, not for each of them */
	CHECK_INT(yt_engine_stats(w.e)->passed_over, 2);
	ew_deinit(&w);
}

TEST(one_shard_that_waits_holds_no_other)
{
	struct ew w;

	behind(&w, 1);
	fl_end(&w.fl, EW_ORDERS, 1, 0);
	fl_end(&w.fl, EW_INTERNAL, 1, 0);
	fl_record(&w.fl, EW_GROUPS, 1, 0, ew_joined(&w, ew_member(&w, 1, 0), "g7", w.wall - EW_HOUR));
	ew_turns(&w, 3);
	CHECK_STR(decided(&w), "g7");
	ew_deinit(&w);
}

TEST(an_aborted_batch_keeps_its_order)
{
	struct ew w;
	int64_t t;

	ew_init_rules(&w, 0, ANSWER);
	w.fl.hold_commit = true;
	ew_live(&w);
	t = w.wall - EW_HOUR;
	fl_record(&w.fl, EW_GROUPS, 0, 0, ew_joined(&w, m0(&w), "g1", t + 1));
	fl_record(&w.fl, EW_GROUPS, 0, 1, ew_joined(&w, m0(&w), "g3", t + 3));
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m0(&w), "o2", t + 2));
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, m0(&w), "o4", t + 4));
	fl_all_ends(&w.fl);
	ew_turn(&w);
	fl_record(&w.fl, EW_ORDERS, 0, 2, ew_paid(&w, m0(&w), "o0", t)); /* comes while the commit runs */
	fl_outcome(&w.fl, YT_ABORTED);
	ew_turn(&w);
	CHECK_INT(w.fl.n_batches, 2);
	fl_keep_batch(&w.fl, &w.fl.batches[1]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turn(&w);
	CHECK_STR(decided(&w), "g1 o2 g3 o4 o0");
	ew_deinit(&w);
}

static int room(struct ew *w, int input, int shard)
{
	return yt_engine_log_up.room(w->e, input, shard);
}

TEST(no_more_is_fetched_than_memory_may_hold_and_all_of_it_is_decided)
{
	struct ew w;
	enum { N = 210000 };
	const char *value;

	ew_init_rules(&w, EW_MEM, ANSWER);
	ew_turns(&w, 4);
	value = ew_joined(&w, m0(&w), "g1", w.wall - EW_HOUR);
	for (int k = 0; k < N; k++)
		ew_put(&w, EW_GROUPS, 0, value);
	for (int k = 0; k < 400 && ew_info(&w, 0).next[EW_GROUPS] < N; k++) {
		ew_turn(&w);
		/* 20,000 of an input, shared by four shards; `internal` brings the group's count. */
		int64_t queued = ew_info(&w, 0).queued - (5000 - room(&w, EW_INTERNAL, 0));

		CHECK_MSG(queued <= 5000, "%" PRId64 " records in the queue", queued);
	}
	CHECK_INT(ew_info(&w, 0).next[EW_GROUPS], N);
	CHECK_INT(w.n_outs, 1);
	ew_deinit(&w);
}

/* What waits takes the room of its own input in its own shard, and of no other. */
TEST(each_input_of_a_shard_has_room_of_its_own)
{
	struct ew w;
	enum { BIG = 1 << 20, N = 64 };
	char *big = malloc(BIG + 1);

	ew_init_rules(&w, 0, ANSWER);
	CHECK_INT(room(&w, EW_ORDERS, 0), 0);
	w.fl.hold_commit = true;
	ew_live(&w);
	CHECK_INT(room(&w, EW_ORDERS, 0), 5000);
	fl_record(&w.fl, EW_GROUPS, 3, 0, ew_joined(&w, ew_member(&w, 3, 0), "g", w.wall));
	ew_turn(&w);
	CHECK_INT(w.fl.n_batches, 1);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, m0(&w), "o0", w.wall));
	fl_record(&w.fl, EW_ORDERS, 0, 1, ew_paid(&w, m0(&w), "o1", w.wall));
	ew_turn(&w);
	CHECK_INT(room(&w, EW_ORDERS, 0), 4998);
	CHECK_INT(room(&w, EW_GROUPS, 0), 5000);
	CHECK_INT(room(&w, EW_ORDERS, 1), 5000);
	/* 64 MiB wait, all of one input: it gets no more, and the others' share of that is as it was. */
	memset(big, 'x', BIG);
	big[BIG] = '\0';
	for (int k = 0; k < N; k++)
		fl_record(&w.fl, EW_ORDERS, 0, 2 + k, big);
	ew_turn(&w);
	CHECK_INT(room(&w, EW_ORDERS, 0), 0);
	CHECK_INT(room(&w, EW_GROUPS, 0), 5000);
	/* 64 MiB of 4 shards and 3 inputs: above 5.3 MiB it gets what it has nothing of. */
	for (int k = 0; k < 6; k++)
		fl_record(&w.fl, EW_ORDERS, 1, k, big);
	ew_turn(&w);
	CHECK_INT(room(&w, EW_ORDERS, 1), 0);
	w.fl.hold_commit = false;
	fl_outcome(&w.fl, YT_COMMITTED);
	fl_all_ends(&w.fl);
	ew_turns(&w, 3);
	CHECK_INT(w.fl.n_batches, 2);
	CHECK_INT(room(&w, EW_ORDERS, 0), 5000);
	ew_deinit(&w);
	free(big);
}

/* Each batch begins behind the shard for which the one before had no room left. */
TEST(shards_take_turns_where_each_batch_is_full)
{
	struct ew w;
	enum { N = 15000 };
	unsigned seen = 0;

	ew_init_rules(&w, 0, ANSWER);
	w.fl.hold_commit = true;
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 3, 0, ew_paid(&w, ew_member(&w, 3, 0), "o0", w.wall - EW_HOUR));
	ew_turn(&w);
	CHECK_INT(w.fl.n_batches, 1);
	/* They all come while that one is on its way: 20,000 of them are shard 0 and a third of shard 1, the next as many shard 2 and a third of shard 3. */
	for (int p = 0; p < EW_SHARDS; p++) {
		const char *paid = ew_paid(&w, ew_member(&w, p, 0), "o1", w.wall - EW_HOUR);

		for (int k = 1; k <= N; k++)
			fl_record(&w.fl, EW_ORDERS, p, k, paid);
	}
	ew_turns(&w, 4 * N / 5000);
	for (size_t n = 2; n <= 3; n++) {
		fl_outcome(&w.fl, YT_COMMITTED);
		ew_turn(&w);
		CHECK_INT(w.fl.n_batches, n);
		for (size_t i = 0; i < w.fl.batches[n - 1].n_shards; i++)
			seen |= 1u << w.fl.batches[n - 1].shards[i].shard;
	}
	CHECK_INT(seen, 0xf);
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(the_smallest_time_is_next_across_inputs);
	RUN(equal_times_go_by_the_place_of_the_topic);
	RUN(within_a_partition_the_offset_holds_whatever_the_times);
	RUN(what_has_no_time_holds_nobody_up);
	RUN(an_input_that_is_behind_is_waited_for);
	RUN(after_500_ms_it_is_passed_over_and_counted_once);
	RUN(an_end_ends_the_wait_for_an_input);
	RUN(several_inputs_that_are_behind_are_waited_for_at_the_same_time);
	RUN(one_shard_that_waits_holds_no_other);
	RUN(an_aborted_batch_keeps_its_order);
	RUN(no_more_is_fetched_than_memory_may_hold_and_all_of_it_is_decided);
	RUN(each_input_of_a_shard_has_room_of_its_own);
	RUN(shards_take_turns_where_each_batch_is_full);
}
