/* What accounts and groups count, and the versions of a group: limits, and the same in any order of arrival. */
#include "unit/core_world.h"
#include "unit/random.h"

#include "yutang/core/group.h"

static const int64_t t0 = INT64_C(1790000000000);

static struct yt_decision changed(struct world *w, int64_t at, const char *version, const char *last)
{
	char data[400];

	snprintf(data, sizeof(data), "{\"group\":\"g\",\"version\":\"%s\",\"last_version\":\"%s\"}", version, last);
	return world_decide(w, world_event(w, "group.changed", "e", at, data));
}

static struct yt_decision changed_n(struct world *w, int n)
{
	char version[16], last[16];

	snprintf(version, sizeof(version), "v%d", n);
	snprintf(last, sizeof(last), "v%d", n - 1);
	return changed(w, t0 + n * 1000, version, last);
}

TEST(a_group_keeps_the_newest_32_versions)
{
	struct world w;
	struct yt_decision d;

	world_init(&w, WORLD_SHOP);
	w.now = t0;
	for (int k = 2; k <= 1 + YT_GROUP_VERSIONS_MAX; k++)
		CHECK_INT(changed_n(&w, k).result, YT_APPLIED);
	CHECK_INT(changed_n(&w, 2).result, YT_DUPLICATE);
	d = changed_n(&w, 1); /* as old as a repetition might be */
	CHECK_INT(d.dead, YT_DEAD_TOO_OLD);
	CHECK_INT(changed_n(&w, 2 + YT_GROUP_VERSIONS_MAX).result, YT_APPLIED);
	CHECK_INT(changed_n(&w, 3).result, YT_DUPLICATE);
	CHECK_INT(changed_n(&w, 2).dead, YT_DEAD_TOO_OLD);
	CHECK_INT(w.n_outputs, 0);
	world_deinit(&w);
}

TEST(a_group_with_the_longest_versions_fits)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	w.now = t0;
	for (int k = 1; k <= YT_GROUP_VERSIONS_MAX; k++) {
		char version[129], last[129];

		snprintf(version, sizeof(version), "%0128d", k);
		snprintf(last, sizeof(last), "%0128d", k - 1);
		CHECK_INT(changed(&w, t0 + k, version, last).result, YT_APPLIED); /* world_seal measures it */
	}
	CHECK_INT(w.n_outputs, 0);
	world_deinit(&w);
}

/* Every version is told of by its change or by a join; some of both. In any order the same versions are known, and where nothing is missing in
 * order nothing is told. */
TEST(versions_in_any_order_end_the_same)
{
	enum { N = 40, ROUNDS = 200 };

	for (int round = 0; round < ROUNDS; round++) {
		struct yt_buf first;

		yt_buf_init(&first, NULL);
		for (int play = 0; play < 4; play++) {
			int order[N];
			struct world w;
			struct world_entity *e;

			seed = (uint64_t)(round * 7 + play + 1) * UINT64_C(0x9e3779b97f4a7c15);
			for (int k = 0; k < N; k++)
				order[k] = k;
			for (int k = N - 1; play && k > 0; k--) {
				int i = (int)roll((uint64_t)k + 1), swap = order[k];

				order[k] = order[i];
				order[i] = swap;
			}
			world_init(&w, WORLD_SHOP);
			w.now = t0;
			for (int k = 0; k < N; k++) {
				int n = order[k] / 2 + 2; /* each twice: as a change, as a join */
				char data[200];

				if (order[k] % 2) {
					changed_n(&w, n);
					continue;
				}
				snprintf(data, sizeof(data), "{\"group\":\"g\",\"member\":\"m-%d\",\"joined_at\":%lld,\"version\":\"v%d\"}", n,
				         (long long)(t0 + n * 1000), n);
				world_decide(&w, world_event(&w, "group.joined", "e", t0, data));
			}
			if (!play)
				CHECK_INT(w.n_outputs, 0);
			e = world_entity(&w, YT_KIND_GROUP, YT_S("s1/g"));
			if (!play)
				yt_buf_add(&first, e->bytes, e->n);
			CHECK_MSG(yt_str_eq(yt_str(e->bytes, e->n), yt_buf_str(&first)), "round %d: another order ends otherwise", round);
			world_deinit(&w);
		}
		yt_buf_deinit(&first);
	}
}

static void contact(struct world *w, bool in, int member)
{
	char data[200];

	w->now += 1000;
	snprintf(data, sizeof(data), "{\"account\":\"a\",\"member\":\"m-%d\",\"%s\":%lld}", member, in ? "added_at" : "removed_at", (long long)w->now);
	CHECK_INT(world_decide(w, world_event(w, in ? "contact.added" : "contact.removed", "e", w->now, data)).result, YT_APPLIED);
}

/* At the limit and one below, at 95 % and one above it. */
TEST(limits_are_told_at_the_limit_and_again_after_95_percent)
{
	struct world w;

	world_init(&w, "[ruleset]\nname = t\nrevision = 1\n[shop \"*\"]\ntimezone = UTC\ncurrency = CNY\naccount_soft_limit = 100\n");
	w.now = t0;
	for (int k = 1; k < 100; k++)
		contact(&w, true, k);
	CHECK_INT(w.n_outputs, 0);
	contact(&w, true, 100);
	CHECK_INT(w.n_outputs, 1);
	for (int k = 100; k > 96; k--)
		contact(&w, false, k);
	for (int k = 97; k <= 100; k++) /* it was 96 */
		contact(&w, true, k);
	CHECK_INT(w.n_outputs, 1);
	for (int k = 100; k > 95; k--)
		contact(&w, false, k);
	for (int k = 96; k <= 100; k++) /* it was 95 */
		contact(&w, true, k);
	CHECK_INT(w.n_outputs, 2);
	CHECK_STR(w.outputs[1].key, "s1/~account:a");
	world_deinit(&w);
}

TEST(a_shop_that_says_nothing_has_3000_and_5000)
{
	struct world w;

	world_init(&w, WORLD_SHOP);
	CHECK_INT(yt_ruleset_shop(w.rules, YT_S("s1"))->account_soft_limit, 3000);
	CHECK_INT(yt_ruleset_shop(w.rules, YT_S("s1"))->account_hard_limit, 5000);
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(a_group_keeps_the_newest_32_versions);
	RUN(a_group_with_the_longest_versions_fits);
	RUN(versions_in_any_order_end_the_same);
	RUN(limits_are_told_at_the_limit_and_again_after_95_percent);
	RUN(a_shop_that_says_nothing_has_3000_and_5000);
}
