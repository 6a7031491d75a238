/* The heap and the map against plain models, with a fixed seed. */
#include "unit/test.h"
#include "yutang/base/hash.h"
#include "yutang/base/heap.h"
#include "yutang/base/map.h"

static uint64_t seed;

static uint32_t pick(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % n;
}

struct timer {
	struct yt_heap_node node;
	uint32_t due;
};

static bool earlier(const struct yt_heap_node *a, const struct yt_heap_node *b)
{
	return ((const struct timer *)a)->due < ((const struct timer *)b)->due;
}

TEST(heap_gives_its_entries_in_order)
{
	static struct timer t[5000];
	struct yt_heap h;
	uint32_t before = 0;

	seed = 1;
	yt_heap_init(&h, earlier);
	CHECK(!yt_heap_min(&h));
	for (int i = 0; i < 5000; i++) {
		t[i] = (struct timer){ .due = pick(1000) };
		yt_heap_put(&h, &t[i].node);
	}
	CHECK_INT(h.n, 5000);
	for (int i = 0; i < 5000; i++) {
		struct timer *min = (struct timer *)yt_heap_min(&h);

		CHECK(min->due >= before);
		before = min->due;
		yt_heap_remove(&h, &min->node);
		CHECK_INT(min->node.at, 0);
	}
	CHECK(!yt_heap_min(&h));
	yt_heap_deinit(&h);
}

TEST(heap_keeps_its_minimum_while_entries_move_and_leave)
{
	enum { N = 200 };
	struct timer t[N] = { 0 };
	struct yt_heap h;

	seed = 2;
	yt_heap_init(&h, earlier);
	for (int step = 0; step < 20000; step++) {
		struct timer *x = &t[pick(N)];
		uint32_t min = UINT32_MAX, n = 0;

		if (pick(3) == 0) {
			yt_heap_remove(&h, &x->node);
		} else {
			x->due = pick(1000);
			yt_heap_put(&h, &x->node);
		}
		for (int i = 0; i < N; i++) {
			if (!t[i].node.at)
				continue;
			n++;
			CHECK(h.v[t[i].node.at - 1] == &t[i].node);
			if (t[i].due < min)
				min = t[i].due;
		}
		CHECK_INT(h.n, n);
		if (n)
			CHECK_INT(((struct timer *)yt_heap_min(&h))->due, min);
	}
	yt_heap_deinit(&h);
}

TEST(heap_remove_of_an_absent_entry_does_nothing)
{
	struct timer t = { 0 };
	struct yt_heap h;

	yt_heap_init(&h, earlier);
	yt_heap_remove(&h, &t.node);
	CHECK_INT(h.n, 0);
	yt_heap_deinit(&h);
}

struct member {
	char text[16];
	uint32_t n;
	bool in;
};

static struct yt_str member_key(const void *value)
{
	const struct member *m = value;

	return yt_str(m->text, m->n);
}

static struct member *members_new(size_t n)
{
	struct member *v = calloc(n, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i].n = (uint32_t)snprintf(v[i].text, sizeof(v[i].text), "s1/wm%zu", i);
	return v;
}

TEST(map_empty_has_nothing)
{
	struct yt_map m;
	size_t at = 0;

	yt_map_init(&m, member_key);
	CHECK(!yt_map_get(&m, YT_S("a")));
	CHECK(!yt_map_remove(&m, YT_S("a")));
	CHECK(!yt_map_next(&m, &at));
	yt_map_deinit(&m);
}

TEST(map_holds_what_a_plain_list_holds)
{
	enum { N = 300 };
	struct member *v = members_new(N);
	struct yt_map m;
	size_t n = 0;

	seed = 3;
	yt_map_init(&m, member_key);
	for (int step = 0; step < 100000; step++) {
		/* Waves: the table fills, and empties again. */
		struct member *x = &v[pick(N)];
		bool add = pick(100) < (step / 5000 % 2 ? 20u : 80u);

		if (add && !x->in) {
			yt_map_add(&m, x);
			x->in = true;
			n++;
		} else if (!add) {
			CHECK(yt_map_remove(&m, member_key(x)) == (x->in ? x : NULL));
			n -= x->in;
			x->in = false;
		}
		CHECK_INT(m.n, n);
		x = &v[pick(N)];
		CHECK(yt_map_get(&m, member_key(x)) == (x->in ? x : NULL));
		if (step % 100 == 0) {
			size_t at = 0, seen = 0;

			for (int i = 0; i < N; i++)
				CHECK(yt_map_get(&m, member_key(&v[i])) == (v[i].in ? &v[i] : NULL));
			while (yt_map_next(&m, &at))
				seen++;
			CHECK_INT(seen, n);
		}
	}
	yt_map_deinit(&m);
	free(v);
}

static uint64_t home_of(uint64_t hash)
{
	return hash & 15;
}

/* Runs that wrap around the end of the slots are where a backward shift goes wrong. */
TEST(map_removal_is_right_around_the_end_of_the_table)
{
	struct member *v = members_new(4000), *tail[10];
	struct yt_map m;
	int n = 0;

	for (int i = 0; i < 4000 && n < 10; i++) {
		uint64_t home = home_of(yt_hash64(member_key(&v[i])));

		if (home == 14 || home == 15 || (n >= 5 && home <= 1))
			tail[n++] = &v[i];
	}
	CHECK_INT(n, 10);
	for (int gone = 0; gone < 10; gone++) {
		yt_map_init(&m, member_key);
		for (int i = 0; i < 10; i++)
			yt_map_add(&m, tail[i]);
		CHECK_INT(m.cap, 16);
		CHECK(yt_map_remove(&m, member_key(tail[gone])) == tail[gone]);
		for (int i = 0; i < 10; i++)
			CHECK(yt_map_get(&m, member_key(tail[i])) == (i == gone ? NULL : tail[i]));
		yt_map_deinit(&m);
	}
	free(v);
}

TEST(map_is_never_filled_above_70_percent)
{
	struct member *v = members_new(100000);
	struct yt_map m;

	yt_map_init(&m, member_key);
	for (int i = 0; i < 100000; i++) {
		yt_map_add(&m, &v[i]);
		CHECK(m.n * 100 <= m.cap * 70);
	}
	for (int i = 0; i < 100000; i++)
		CHECK(yt_map_get(&m, member_key(&v[i])) == &v[i]);
	yt_map_deinit(&m);
	free(v);
}

TEST_MAIN
{
	RUN(heap_gives_its_entries_in_order);
	RUN(heap_keeps_its_minimum_while_entries_move_and_leave);
	RUN(heap_remove_of_an_absent_entry_does_nothing);
	RUN(map_empty_has_nothing);
	RUN(map_holds_what_a_plain_list_holds);
	RUN(map_removal_is_right_around_the_end_of_the_table);
	RUN(map_is_never_filled_above_70_percent);
}
