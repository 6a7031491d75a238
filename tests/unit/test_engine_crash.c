/* The crash breaker's part in the engine (I9): which record is worked on can be read, and a record on which the process died three times is a
 * dead letter that nobody decodes. */
#include "unit/engine_world.h"

#include "preload/before.h"

/* --- what is worked on while a library is called */

static struct {
	const struct yt_at *at; /* NULL: nobody looks */
	const char *text;       /* only calls with it are of interest */
	int calls;
	uint32_t place;
	int64_t offset;
} seen;

static void look(const void *p, size_t n)
{
	if (!seen.at || !memmem(p, n, seen.text, strlen(seen.text)))
		return;
	seen.calls++;
	seen.place = atomic_load(&seen.at->place);
	seen.offset = atomic_load(&seen.at->offset);
}

static void watch(struct ew *w, const char *text)
{
	memset(&seen, 0, sizeof seen);
	seen.at = yt_engine_at(w->e);
	seen.text = text;
}

static uint32_t place_of(int input, int shard)
{
	return 1 + (uint32_t)input * YT_PARTITIONS_MAX + (uint32_t)shard;
}

/* --- */

static struct yt_crashes crashes;

static struct yt_crash *died(int input, int shard, int64_t offset, int deaths)
{
	struct yt_crash *c = &crashes.v[crashes.n++];

	*c = (struct yt_crash){ .input = input, .shard = shard, .offset = offset, .deaths = deaths, .by = "SIGSEGV", .log_id = EW_LOG_ID };
	return c;
}

static void start(struct ew *w, int what)
{
	ew_init(w, what);
	crashes.n = 0;
	w->conf.crashes = &crashes;
	seen.at = NULL;
}

/* The first dead letter of the last batch. */
static const struct yt_mem_message *dead_letter(struct ew *w)
{
	const struct fl_batch *b = w->fl.n_batches ? &w->fl.batches[w->fl.n_batches - 1] : NULL;

	for (size_t k = 0; b && k < b->n_messages; k++)
		if (b->messages[k].dest == YT_TO_DEAD)
			return &b->messages[k];
	yt_test_fail(__FILE__, __LINE__, "no dead letter");
}

/* Three orders of one member, 0, 1 and 2 on shard 0. */
static void three_orders(struct ew *w)
{
	const char *m = ew_member(w, 0, 0);

	for (int k = 0; k < 3; k++)
		fl_record(&w->fl, EW_ORDERS, 0, k, ew_paid(w, m, yt_arena_printf(&w->arena, "o-%d", k).p, w->wall - 10 + k));
	ew_turns(w, 3);
}

TEST(the_record_that_is_decided_can_be_read_meanwhile_and_not_afterwards)
{
	struct ew w;

	start(&w, 0);
	ew_live(&w);
	CHECK_INT(atomic_load(&yt_engine_at(w.e)->place), 0);
	CHECK_STR(yt_engine_at(w.e)->log_id, EW_LOG_ID);
	watch(&w, "\no-1\n"); /* an output's id is made of it, while the event is decided */
	three_orders(&w);
	CHECK_MSG(seen.calls > 0, "no id was made");
	CHECK_INT(seen.place, place_of(EW_ORDERS, 0));
	CHECK_INT(seen.offset, 1);
	CHECK_INT(atomic_load(&yt_engine_at(w.e)->place), 0);
	ew_deinit(&w);
}

TEST(the_record_that_is_decoded_can_be_read_meanwhile)
{
	struct ew w;

	start(&w, 0);
	w.fl.hold_commit = true; /* so that the next one is fetched and not decided */
	ew_live(&w);
	fl_record(&w.fl, EW_ORDERS, 3, 0, "{");
	ew_turn(&w);
	watch(&w, "here");
	fl_record(&w.fl, EW_GROUPS, 2, 0, "{\"here\":1}");
	ew_turn(&w);
	CHECK_INT(seen.calls, 1);
	CHECK_INT(seen.place, place_of(EW_GROUPS, 2));
	CHECK_INT(seen.offset, 0);
	CHECK_INT(atomic_load(&yt_engine_at(w.e)->place), 0);
	fl_keep_batch(&w.fl, &w.fl.batches[0]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turn(&w);
	ew_deinit(&w);
}

TEST(a_record_of_two_deaths_is_decided)
{
	struct ew w;

	start(&w, 0);
	died(EW_ORDERS, 0, 1, YT_CRASH_DEATHS - 1);
	ew_live(&w);
	three_orders(&w);
	CHECK_INT(w.n_outs, 3);
	CHECK_INT(w.deads, 0);
	ew_deinit(&w);
}

TEST(a_record_of_three_deaths_is_a_dead_letter_and_the_stream_goes_on)
{
	struct ew w;
	const struct yt_mem_message *d;

	CHECK_INT(YT_CRASH_DEATHS, 3);
	start(&w, 0);
	died(EW_ORDERS, 0, 1, 3);
	ew_live(&w);
	watch(&w, "o-1");
	three_orders(&w);
	CHECK_INT(w.n_outs, 2);
	CHECK_INT(w.deads, 1);
	CHECK_INT(w.last_dead, YT_DEAD_CRASH_LOOP);
	CHECK_INT(yt_engine_stats(w.e)->dead[YT_DEAD_CRASH_LOOP], 1);
	CHECK_INT(ew_info(&w, 0).next[EW_ORDERS], 3);
	CHECK_INT(seen.calls, 0);
	d = dead_letter(&w);
	CHECK_STR(ew_header(d, "dl_reason"), "crash_loop");
	CHECK_STR(ew_header(d, "dl_detail"), "the process died 3 times on it, at last by SIGSEGV");
	CHECK_STR(ew_header(d, "dl_topic"), "orders");
	CHECK_STR(ew_header(d, "dl_partition"), "0");
	CHECK_STR(ew_header(d, "dl_offset"), "1");
	CHECK_STR(ew_header(d, "dl_timestamp"), "777");
	CHECK(memmem(d->value.p, d->value.n, "\"o-1\"", 5));
	ew_deinit(&w);
}

TEST(a_record_of_three_deaths_is_not_decoded)
{
	struct ew w;

	start(&w, 0);
	died(EW_GROUPS, 2, 0, 3);
	ew_live(&w);
	watch(&w, "here");
	fl_record(&w.fl, EW_GROUPS, 2, 0, "{\"here\":1}");
	ew_turns(&w, 3);
	CHECK_INT(seen.calls, 0);
	CHECK_INT(w.last_dead, YT_DEAD_CRASH_LOOP);
	ew_deinit(&w);
}

/* Same input, shard and log, and nothing but the very offset. */
TEST(deaths_count_for_their_own_record_alone)
{
	struct ew w;

	start(&w, 0);
	died(EW_ORDERS, 1, 1, 3);
	died(EW_GROUPS, 0, 1, 3);
	died(EW_ORDERS, 0, 3, 3);
	strcpy(died(EW_ORDERS, 0, 1, 3)->log_id, "11111111111111111111111111111111");
	ew_live(&w);
	three_orders(&w);
	CHECK_INT(w.n_outs, 3);
	CHECK_INT(w.deads, 0);
	ew_deinit(&w);
}

TEST(a_forwarded_record_counts_where_it_lies_and_says_where_it_first_lay)
{
	const struct yt_header h[] = { { YT_S("yt_topic"), YT_S("orders") },  { YT_S("yt_partition"), YT_S("3") }, { YT_S("yt_offset"), YT_S("42") },
		                       { YT_S("yt_hop"), YT_S("1") },         { YT_S("yt_now"), YT_S("1000") },    { YT_S("yt_timestamp"), YT_S("5") } };
	struct ew w;

	start(&w, 0);
	died(EW_INTERNAL, 2, 0, 3);
	died(EW_ORDERS, 3, 42, 3); /* another record, seen from here */
	ew_live(&w);
	fl_record_with(&w.fl, EW_INTERNAL, 2, 0, YT_S("k"), yt_str_z(ew_paid(&w, ew_member(&w, 2, 0), "o-1", w.wall - 2)), h, 6);
	fl_record_with(&w.fl, EW_INTERNAL, 2, 1, YT_S("k"), yt_str_z(ew_paid(&w, ew_member(&w, 2, 0), "o-2", w.wall - 1)), h, 6);
	ew_turns(&w, 3);
	CHECK_INT(w.deads, 1);
	CHECK_INT(w.n_outs, 1);
	CHECK_STR(ew_header(dead_letter(&w), "dl_reason"), "crash_loop");
	CHECK_STR(ew_header(dead_letter(&w), "dl_topic"), "orders");
	CHECK_STR(ew_header(dead_letter(&w), "dl_partition"), "3");
	CHECK_STR(ew_header(dead_letter(&w), "dl_offset"), "42");
	ew_deinit(&w);
}

TEST(what_a_decision_sent_can_be_a_crash_loop_too)
{
	const struct yt_header h[] = { { YT_S("yt_sent"), YT_S("1") }, { YT_S("yt_hop"), YT_S("1") }, { YT_S("yt_now"), YT_S("1000") } };
	struct ew w;

	start(&w, 0);
	died(EW_INTERNAL, 2, 0, 3);
	ew_live(&w);
	fl_record_with(&w.fl, EW_INTERNAL, 2, 0, yt_arena_printf(&w.arena, "s1/%s", ew_member(&w, 2, 0)), YT_S("{}"), h, 3);
	ew_turns(&w, 3);
	CHECK_INT(w.last_dead, YT_DEAD_CRASH_LOOP);
	CHECK_STR(ew_header(dead_letter(&w), "dl_topic"), "internal");
	CHECK_STR(ew_header(dead_letter(&w), "dl_offset"), "0");
	CHECK_INT(yt_engine_stats(w.e)->sent, 0);
	ew_deinit(&w);
}

TEST(a_crash_loop_whose_batch_is_aborted_is_one_dead_letter)
{
	static const enum yt_outcome outcomes[] = { YT_ABORTED };
	struct ew w;

	start(&w, EW_MEM);
	yt_memlog_outcomes(w.mem, outcomes, 1, false);
	died(EW_ORDERS, 0, 0, 3);
	ew_put(&w, EW_ORDERS, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_settle(&w);
	CHECK_INT(yt_engine_stats(w.e)->aborted, 1);
	CHECK_INT(w.deads, 1);
	CHECK_INT(w.last_dead, YT_DEAD_CRASH_LOOP);
	CHECK(ew_message(&w, YT_TO_DEAD, 0) && !ew_message(&w, YT_TO_DEAD, 1));
	CHECK_INT(w.n_outs, 0);
	ew_deinit(&w);
}

TEST(a_record_is_passed_when_its_batch_is_committed)
{
	struct ew w;
	const struct yt_crash *of, *behind, *other;

	start(&w, 0);
	of = died(EW_ORDERS, 0, 2, 1);
	behind = died(EW_ORDERS, 0, 3, 1);
	other = died(EW_ORDERS, 0, 3, 1);
	strcpy(crashes.v[2].log_id, "11111111111111111111111111111111");
	CHECK(!yt_engine_passed(w.e, of) && !yt_engine_passed(w.e, other));
	w.fl.hold_commit = true;
	ew_live(&w);
	CHECK(yt_engine_passed(w.e, other));
	three_orders(&w);
	CHECK_MSG(w.fl.n_batches == 1 && !yt_engine_passed(w.e, of), "passed before the commit");
	fl_keep_batch(&w.fl, &w.fl.batches[0]);
	fl_outcome(&w.fl, YT_COMMITTED);
	ew_turn(&w);
	CHECK(yt_engine_passed(w.e, of));
	CHECK(!yt_engine_passed(w.e, behind));
	/* Given back: somebody else decides it, and nothing is known of it. */
	fl_revoke(&w.fl, false);
	ew_turns(&w, 2);
	CHECK(!yt_engine_passed(w.e, of));
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(the_record_that_is_decided_can_be_read_meanwhile_and_not_afterwards);
	RUN(the_record_that_is_decoded_can_be_read_meanwhile);
	RUN(a_record_of_two_deaths_is_decided);
	RUN(a_record_of_three_deaths_is_a_dead_letter_and_the_stream_goes_on);
	RUN(a_record_of_three_deaths_is_not_decoded);
	RUN(deaths_count_for_their_own_record_alone);
	RUN(a_forwarded_record_counts_where_it_lies_and_says_where_it_first_lay);
	RUN(what_a_decision_sent_can_be_a_crash_loop_too);
	RUN(a_crash_loop_whose_batch_is_aborted_is_one_dead_letter);
	RUN(a_record_is_passed_when_its_batch_is_committed);
}
