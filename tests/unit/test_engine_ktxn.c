/* Golden traces of ktxn: what is done, step by step, and what it comes to. Each letter of a script is one answer:
 *   + it worked    - it failed    ! it worked, but the producer had an error event    ~ it worked, slowly (a COMMIT)
 *   = C has the version that the batch makes    < C has the one before    > another    ? no offset    % shards disagree */
#include "test.h"
#include "yutang/engine/ktxn.h"

static const char *const names[] = {
	[YT_KTXN_BEGIN] = "begin", [YT_KTXN_PRODUCE] = "produce", [YT_KTXN_AWAIT] = "await", [YT_KTXN_OFFSETS] = "offsets",
	[YT_KTXN_COMMIT] = "commit", [YT_KTXN_REMAKE] = "remake", [YT_KTXN_READ_C] = "read",
};

static void answer_read(struct yt_ktxn *k, char c)
{
	uint64_t made[2] = { 7, 100 }, have[2] = { 7, 100 };

	switch (c) {
	case '=': break;
	case '<': have[0] = 6, have[1] = 99; break;
	case '>': have[0] = 8, have[1] = 101; break;
	case '?': have[1] = UINT64_MAX; break;
	case '%': have[1] = 99; break;
	default: yt_ktxn_done(k, false, false, 0); return;
	}
	yt_ktxn_read(k, have, made, 2);
}

/* Runs one batch by the script; the trace is the actions and the outcome, `+remake` where the next one begins with it. */
static const char *trace(struct yt_ktxn *k, const char *script)
{
	static char out[512];

	*out = 0;
	yt_ktxn_start(k);
	for (const char *c = script; k->action != YT_KTXN_REPORT; c++) {
		CHECK_MSG(*c != 0, "the script %s ends at %s", script, names[k->action]);
		strcat(strcat(out, names[k->action]), " ");
		if (k->action == YT_KTXN_READ_C)
			answer_read(k, *c);
		else
			yt_ktxn_done(k, *c != '-', *c == '!', *c == '~' ? YT_KTXN_SLOW_MS + 1 : 5);
	}
	CHECK(k->known);
	strcat(out, k->outcome == YT_COMMITTED ? "COMMITTED" : k->outcome == YT_ABORTED ? "ABORTED" : "LOST");
	if (k->remake)
		strcat(out, " +remake");
	return out;
}

static struct yt_ktxn fresh(void)
{
	struct yt_ktxn k;

	yt_ktxn_init(&k);
	return k;
}

#define TRACE(script, want)                                                                                       \
	do {                                                                                                      \
		struct yt_ktxn k_ = fresh();                                                                      \
		CHECK_STR(trace(&k_, script), want);                                                              \
	} while (0)

TEST(all_well_is_five_steps_and_committed)
{
	TRACE("+++++", "begin offsets produce await commit COMMITTED");
}

TEST(a_failure_at_any_step_is_resolved_by_reading_c)
{
	TRACE("-+<", "begin remake read ABORTED");
	TRACE("+-+<", "begin offsets remake read ABORTED");
	TRACE("++-+<", "begin offsets produce remake read ABORTED");
	TRACE("+++-+<", "begin offsets produce await remake read ABORTED");
	TRACE("++++-+<", "begin offsets produce await commit remake read ABORTED");
}

TEST(a_commit_that_failed_may_have_been_committed)
{
	TRACE("++++-+=", "begin offsets produce await commit remake read COMMITTED");
}

TEST(an_error_event_before_the_commit_gives_the_transaction_up)
{
	TRACE("!+<", "begin remake read ABORTED");
	TRACE("+!+<", "begin offsets remake read ABORTED");
	TRACE("++!+<", "begin offsets produce remake read ABORTED");
	TRACE("+++!+<", "begin offsets produce await remake read ABORTED");
}

TEST(a_commit_with_an_error_event_stands_and_the_next_batch_begins_with_a_remake)
{
	struct yt_ktxn k = fresh();

	CHECK_STR(trace(&k, "++++!"), "begin offsets produce await commit COMMITTED +remake");
	CHECK_STR(trace(&k, "++++++"), "remake begin offsets produce await commit COMMITTED");
	CHECK_INT(k.remade, 1);
}

TEST(a_slow_commit_stands_and_the_next_batch_begins_with_a_remake)
{
	struct yt_ktxn k = fresh();

	CHECK_STR(trace(&k, "++++~"), "begin offsets produce await commit COMMITTED +remake");
	CHECK_STR(trace(&k, "--++++++"), "remake remake remake begin offsets produce await commit COMMITTED");
	CHECK_STR(trace(&k, "+++++"), "begin offsets produce await commit COMMITTED");
}

TEST(a_commit_of_exactly_the_limit_is_not_slow)
{
	struct yt_ktxn k = fresh();

	yt_ktxn_start(&k);
	for (int i = 0; i < 4; i++)
		yt_ktxn_done(&k, true, false, 0);
	yt_ktxn_done(&k, true, false, YT_KTXN_SLOW_MS);
	CHECK_INT(k.action, YT_KTXN_REPORT);
	CHECK(!k.remake);
}

TEST(a_remake_that_fails_is_tried_again)
{
	TRACE("-----+<", "begin remake remake remake remake remake read ABORTED");
}

TEST(a_question_without_answer_is_asked_again)
{
	TRACE("++++-+--=", "begin offsets produce await commit remake read read read COMMITTED");
}

TEST(another_version_a_missing_offset_and_disagreeing_shards_are_lost)
{
	TRACE("-+>", "begin remake read LOST");
	TRACE("-+?", "begin remake read LOST");
	TRACE("-+%", "begin remake read LOST");
}

TEST(a_version_of_zero_is_no_neighbour_of_none)
{
	struct yt_ktxn k = fresh();
	uint64_t made = 0, have = UINT64_MAX;

	yt_ktxn_start(&k);
	yt_ktxn_done(&k, false, false, 0);
	yt_ktxn_done(&k, true, false, 0);
	yt_ktxn_read(&k, &have, &made, 1);
	CHECK_INT(k.outcome, YT_LOST);
}

TEST(after_an_abort_the_producer_is_new_and_the_next_batch_begins_at_once)
{
	struct yt_ktxn k = fresh();

	CHECK_STR(trace(&k, "+++-+<"), "begin offsets produce await remake read ABORTED");
	CHECK_STR(trace(&k, "+++++"), "begin offsets produce await commit COMMITTED");
	CHECK_INT(k.aborted, 1);
	CHECK_INT(k.remade, 1);
}

TEST(every_script_ends_in_one_of_three_outcomes_and_never_commits_without_reading_after_a_doubt)
{
	static const char answers[] = "+-!~";
	/* All answers to the first six steps; the rest goes well, and C says what comes up. */
	for (unsigned seed = 0; seed < 4096; seed++) {
		struct yt_ktxn k = fresh();
		bool doubt = false, read = false, fresh_producer = true;
		int steps = 0;

		yt_ktxn_start(&k);
		while (k.action != YT_KTXN_REPORT) {
			char c = steps < 6 ? answers[seed >> 2 * steps & 3] : '+';
			enum yt_ktxn_action action = k.action;

			CHECK(++steps < 20);
			if (action == YT_KTXN_READ_C) {
				CHECK(fresh_producer);
				read = c != '-';
				answer_read(&k, c == '-' ? '-' : c == '!' ? '=' : '<');
				continue;
			}
			CHECK(action == YT_KTXN_REMAKE || !doubt);
			if (action == YT_KTXN_REMAKE) {
				fresh_producer = c != '-';
			} else if (c == '-' || (c == '!' && action != YT_KTXN_COMMIT)) {
				doubt = true;
				fresh_producer = false;
			}
			yt_ktxn_done(&k, c != '-', c == '!', c == '~' ? 1000000 : 1);
		}
		CHECK(doubt == read);
		CHECK(doubt || k.outcome == YT_COMMITTED);
	}
}

TEST_MAIN
{
	RUN(all_well_is_five_steps_and_committed);
	RUN(a_failure_at_any_step_is_resolved_by_reading_c);
	RUN(a_commit_that_failed_may_have_been_committed);
	RUN(an_error_event_before_the_commit_gives_the_transaction_up);
	RUN(a_commit_with_an_error_event_stands_and_the_next_batch_begins_with_a_remake);
	RUN(a_slow_commit_stands_and_the_next_batch_begins_with_a_remake);
	RUN(a_commit_of_exactly_the_limit_is_not_slow);
	RUN(a_remake_that_fails_is_tried_again);
	RUN(a_question_without_answer_is_asked_again);
	RUN(another_version_a_missing_offset_and_disagreeing_shards_are_lost);
	RUN(a_version_of_zero_is_no_neighbour_of_none);
	RUN(after_an_abort_the_producer_is_new_and_the_next_batch_begins_at_once);
	RUN(every_script_ends_in_one_of_three_outcomes_and_never_commits_without_reading_after_a_doubt);
}
