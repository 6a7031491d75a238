#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/test.h"
#include "yutang/base/arena.h"
#include "yutang/base/buf.h"
#include "yutang/base/err.h"
#include "yutang/base/slab.h"

static bool aligned(const void *p)
{
	return ((uintptr_t)p & 15) == 0;
}

TEST(err_set_fills_and_returns_minus_one)
{
	struct yt_err err = { 0 };
	char long_text[1000];

	CHECK_INT(yt_err_set(&err, YT_ERR_FATAL, YT_EXIT_DATA, "shard %d: %s", 3, "gone"), -1);
	CHECK_INT(err.class, YT_ERR_FATAL);
	CHECK_INT(err.exit, YT_EXIT_DATA);
	CHECK_STR(err.msg, "shard 3: gone");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	yt_err_set(&err, YT_ERR_BUG, YT_EXIT_BUG, "%s", long_text);
	CHECK_INT(strlen(err.msg), sizeof(err.msg) - 1);
	CHECK_INT(yt_err_set(NULL, YT_ERR_INPUT, 0, "nobody listens"), -1);
}

TEST(assertion_ends_the_process_with_the_exit_code_of_a_bug)
{
	char text[512] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	CHECK(pipe(fds) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		YT_ASSERT(1 + 1 == 3, "orders/3@1042");
		_exit(0);
	}
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), YT_EXIT_BUG);
	CHECK(n > 0);
	CHECK(strstr(text, "cond=\"1 + 1 == 3\""));
	CHECK(strstr(text, "position=orders/3@1042"));
}

TEST(arena_hands_out_aligned_memory_that_does_not_overlap)
{
	struct yt_arena a;
	char *p[2000];

	yt_arena_init(&a, 1024);
	for (int i = 0; i < 2000; i++) {
		size_t n = (size_t)i % 700;

		p[i] = yt_arena_alloc(&a, n);
		CHECK(p[i] && aligned(p[i]));
		memset(p[i], i & 0xff, n);
	}
	for (int i = 0; i < 2000; i++)
		for (int k = 0; k < i % 700; k++)
			CHECK((unsigned char)p[i][k] == (i & 0xff));
	yt_arena_deinit(&a);
}

TEST(arena_of_no_bytes_gives_a_place_of_its_own)
{
	struct yt_arena a;

	yt_arena_init(&a, 0);
	CHECK(yt_arena_alloc(&a, 0) != yt_arena_alloc(&a, 0));
	yt_arena_deinit(&a);
}

TEST(arena_reset_keeps_one_chunk_and_starts_there)
{
	struct yt_arena a;
	char *first;

	yt_arena_init(&a, 4096);
	first = yt_arena_alloc(&a, 100);
	CHECK_INT(a.used, 112);
	yt_arena_reset(&a);
	CHECK_INT(a.used, 0);
	CHECK(yt_arena_alloc(&a, 100) == first);
	for (int i = 0; i < 100; i++)
		yt_arena_alloc(&a, 1000);
	yt_arena_reset(&a);
	first = yt_arena_alloc(&a, 1000);
	yt_arena_reset(&a);
	CHECK(yt_arena_alloc(&a, 1000) == first);
	yt_arena_deinit(&a);
	yt_arena_deinit(&a);
}

TEST(arena_big_block_leaves_the_current_chunk_in_use)
{
	struct yt_arena a;
	char *small, *big;

	yt_arena_init(&a, 4096);
	small = yt_arena_alloc(&a, 16);
	big = yt_arena_alloc(&a, 1 << 20);
	memset(big, 1, 1 << 20);
	CHECK((char *)yt_arena_alloc(&a, 16) == small + 16);
	yt_arena_reset(&a);
	CHECK((char *)yt_arena_alloc(&a, 16) == small);
	yt_arena_deinit(&a);

	big = yt_arena_alloc(&a, 1 << 20);
	memset(big, 1, 1 << 20);
	yt_arena_reset(&a);
	CHECK(aligned(yt_arena_alloc(&a, 16)));
	yt_arena_deinit(&a);
}

TEST(arena_zalloc_clears_memory_used_before)
{
	struct yt_arena a;
	char zeros[64] = { 0 };

	yt_arena_init(&a, 0);
	memset(yt_arena_alloc(&a, 64), 0xff, 64);
	yt_arena_reset(&a);
	CHECK_MEM(yt_arena_zalloc(&a, 64), zeros, 64);
	yt_arena_deinit(&a);
}

TEST(arena_dup_and_printf_end_with_a_nul)
{
	struct yt_arena a;
	struct yt_str s;
	char long_text[600];

	yt_arena_init(&a, 0);
	s = yt_arena_dup(&a, YT_S("abc"));
	CHECK_INT(s.n, 3);
	CHECK_STR(s.p, "abc");
	s = yt_arena_dup(&a, yt_str(NULL, 0));
	CHECK_INT(s.n, 0);
	CHECK_STR(s.p, "");
	s = yt_arena_printf(&a, "%d-%s", 42, "x");
	CHECK_INT(s.n, 4);
	CHECK_STR(s.p, "42-x");
	for (size_t n = 250; n < sizeof(long_text); n++) {
		memset(long_text, 'y', n);
		long_text[n] = '\0';
		s = yt_arena_printf(&a, "%s", long_text);
		CHECK_INT(s.n, n);
		CHECK_STR(s.p, long_text);
	}
	yt_arena_deinit(&a);
}

/* More than a span holds of each size, up to beyond the largest that is the slab's own. */
TEST(slab_hands_out_aligned_memory_that_does_not_overlap)
{
	enum { EACH = 5000, SIZES = YT_SLAB_MAX + 300 };
	static char *blocks[EACH];
	struct yt_slab s;
	int bad = 0;

	yt_slab_init(&s);
	for (size_t n = 1; n <= SIZES; n += 23) {
		for (int i = 0; i < EACH; i++) {
			blocks[i] = yt_slab_alloc(&s, n);
			bad += !aligned(blocks[i]);
			memset(blocks[i], i, n);
		}
		for (int i = 0; i < EACH; i++)
			for (size_t k = 0; k < n; k++)
				bad += blocks[i][k] != (char)i;
		for (int i = 0; i < EACH; i++)
			yt_slab_free(&s, blocks[i], n);
	}
	CHECK_INT(bad, 0);
	yt_slab_deinit(&s);
}

TEST(slab_sizes_grow_with_what_is_asked_for)
{
	static const size_t of[][2] = { { 0, 16 }, { 1, 16 }, { 16, 16 }, { 17, 32 }, { 256, 256 }, { 257, 320 }, { 1024, 1024 }, { 1025, 1272 },
		{ 1272, 1272 }, { 1273, 1528 } };

	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		CHECK_INT(yt_slab_size(of[i][0]), of[i][1]);
}

TEST(slab_block_that_was_freed_serves_the_next_of_its_size)
{
	static const size_t sizes[] = { 60, 30, YT_SLAB_MAX };
	struct yt_slab s;
	char *a, *b, *c, *kept[3];

	yt_slab_init(&s);
	for (int i = 0; i < 3; i++)
		kept[i] = yt_slab_alloc(&s, sizes[i]);
	a = yt_slab_alloc(&s, 60);
	b = yt_slab_alloc(&s, 30);
	c = yt_slab_alloc(&s, YT_SLAB_MAX - 1);
	yt_slab_free(&s, a, 60);
	yt_slab_free(&s, b, 30);
	yt_slab_free(&s, c, YT_SLAB_MAX);
#ifndef YT_ASAN
	CHECK(yt_slab_alloc(&s, 17) == b);
	CHECK(yt_slab_alloc(&s, 64) == a);
	CHECK(yt_slab_alloc(&s, YT_SLAB_MAX - 63) == c);
#endif
	yt_slab_free(&s, NULL, 60);
	for (int i = 0; i < 3; i++)
		yt_slab_free(&s, kept[i], sizes[i]);
	yt_slab_deinit(&s);
	/* It is as new. */
	a = yt_slab_alloc(&s, 60);
	CHECK(aligned(a));
	yt_slab_free(&s, a, 60);
	yt_slab_deinit(&s);
}

/* Values that all grow: at each time those of two sizes are there, and what was outgrown long ago serves again. Without that it would be more than ten times
 * as much as the largest size takes. */
TEST(slab_memory_that_was_outgrown_serves_other_sizes)
{
	enum { N = 2000, SPAN = 16 * 1024, SPANS_MAX = 1000, ROOM = 3 };
	static char *blocks[N];
	static uintptr_t spans[SPANS_MAX];
	struct yt_slab s;
	size_t n_spans = 0;

	yt_slab_init(&s);
	for (int i = 0; i < N; i++)
		blocks[i] = yt_slab_alloc(&s, 16);
	for (size_t n = 32; n <= YT_SLAB_MAX; n += 16)
		for (int i = 0; i < N; i++) {
			char *grown = yt_slab_alloc(&s, n);
			size_t k = 0;

			memset(grown, i, n);
			yt_slab_free(&s, blocks[i], n - 16);
			blocks[i] = grown;
			while (k < n_spans && spans[k] != (uintptr_t)grown / SPAN)
				k++;
			if (k == n_spans && n_spans < SPANS_MAX)
				spans[n_spans++] = (uintptr_t)grown / SPAN;
		}
	for (int i = 0; i < N; i++)
		CHECK(blocks[i][0] == (char)i && blocks[i][YT_SLAB_MAX - 1] == (char)i);
#ifndef YT_ASAN
	CHECK_MSG(n_spans <= ROOM * (size_t)N * YT_SLAB_MAX / SPAN, "%zu spans", n_spans);
#endif
	for (int i = 0; i < N; i++)
		yt_slab_free(&s, blocks[i], YT_SLAB_MAX);
	yt_slab_deinit(&s);
}

static void fill(struct yt_buf *b)
{
	for (int i = 0; i < 1000; i++) {
		yt_buf_c(b, '[');
		yt_buf_z(b, "ab");
		yt_buf_i64(b, i);
		yt_buf_printf(b, ",%d]", -i);
	}
}

TEST(buf_grows_on_the_heap_and_in_an_arena_alike)
{
	struct yt_arena a;
	struct yt_buf heap, arena;

	yt_arena_init(&a, 0);
	yt_buf_init(&heap, NULL);
	yt_buf_init(&arena, &a);
	fill(&heap);
	fill(&arena);
	CHECK(yt_str_eq(yt_buf_str(&heap), yt_buf_str(&arena)));
	CHECK(yt_str_starts(yt_buf_str(&heap), YT_S("[ab0,0][ab1,-1][ab2,-2]")));
	yt_buf_clear(&heap);
	CHECK_INT(yt_buf_str(&heap).n, 0);
	yt_buf_deinit(&heap);
	yt_buf_deinit(&arena);
	CHECK(heap.p == NULL && arena.arena == &a);
	yt_arena_deinit(&a);
}

TEST(buf_takes_nothing_where_nothing_is_added)
{
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	yt_buf_add(&b, NULL, 0);
	yt_buf_str_add(&b, yt_str(NULL, 0));
	yt_buf_z(&b, "");
	CHECK_INT(b.n, 0);
	CHECK(b.p == NULL);
	yt_buf_deinit(&b);
}

TEST(buf_i64_writes_the_extremes)
{
	static const int64_t values[] = { 0, 7, -7, 1234567890123, INT64_MAX, INT64_MIN, -1 };
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char want[32];

		snprintf(want, sizeof(want), "%lld", (long long)values[i]);
		yt_buf_clear(&b);
		yt_buf_i64(&b, values[i]);
		yt_buf_c(&b, '\0');
		CHECK_STR(b.p, want);
	}
	yt_buf_deinit(&b);
}

TEST(buf_printf_fits_at_every_length)
{
	struct yt_buf b;
	char text[300];

	for (size_t n = 0; n < sizeof(text); n++) {
		memset(text, 'z', n);
		text[n] = '\0';
		yt_buf_init(&b, NULL);
		yt_buf_c(&b, '<');
		yt_buf_printf(&b, "%s>", text);
		CHECK_INT(b.n, n + 2);
		CHECK_MEM(b.p + 1, text, n);
		CHECK(b.p[n + 1] == '>');
		yt_buf_deinit(&b);
	}
}

static const uint64_t unsigned_values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX };
static const int64_t signed_values[] = { 0, -1, 1, 63, -64, 64, -65, INT32_MIN, INT64_MAX, INT64_MIN };

TEST(binary_fields_read_back_as_written)
{
	struct yt_buf b;
	struct yt_rd r;

	yt_buf_init(&b, NULL);
	for (size_t i = 0; i < sizeof(unsigned_values) / sizeof(uint64_t); i++) {
		yt_buf_varint(&b, unsigned_values[i]);
		yt_buf_u64(&b, unsigned_values[i]);
	}
	for (size_t i = 0; i < sizeof(signed_values) / sizeof(int64_t); i++)
		yt_buf_svarint(&b, signed_values[i]);
	yt_buf_bytes(&b, YT_S("s1/wm001"));
	yt_buf_bytes(&b, yt_str(NULL, 0));
	yt_buf_c(&b, (char)0xfe);

	r = yt_rd(yt_buf_str(&b));
	for (size_t i = 0; i < sizeof(unsigned_values) / sizeof(uint64_t); i++) {
		CHECK(yt_rd_varint(&r) == unsigned_values[i]);
		CHECK(yt_rd_u64(&r) == unsigned_values[i]);
	}
	for (size_t i = 0; i < sizeof(signed_values) / sizeof(int64_t); i++)
		CHECK(yt_rd_svarint(&r) == signed_values[i]);
	CHECK(yt_str_eq(yt_rd_bytes(&r), YT_S("s1/wm001")));
	CHECK_INT(yt_rd_bytes(&r).n, 0);
	CHECK_INT(yt_rd_u8(&r), 0xfe);
	CHECK(!r.bad && r.p == r.end);
	CHECK_INT(yt_rd_u8(&r), 0);
	CHECK(r.bad);
	yt_buf_deinit(&b);
}

/* The state format is for ever: these bytes must not change. */
TEST(binary_fields_have_the_documented_bytes)
{
	static const unsigned char want[] = { 0x00, 0x7f, 0x80, 0x01, 0xac, 0x02, 0x01, 0x02, 0x03, 0x02, 'h',  'i',
		                              0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01 };
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	yt_buf_varint(&b, 0);
	yt_buf_varint(&b, 127);
	yt_buf_varint(&b, 128);
	yt_buf_varint(&b, 300);
	yt_buf_svarint(&b, -1);
	yt_buf_svarint(&b, 1);
	yt_buf_svarint(&b, -2);
	yt_buf_bytes(&b, YT_S("hi"));
	yt_buf_u64(&b, UINT64_C(0x0102030405060708));
	CHECK_INT(b.n, sizeof(want));
	CHECK_MEM(b.p, want, sizeof(want));
	yt_buf_deinit(&b);
}

TEST(reader_is_bad_for_good_after_a_read_past_the_end)
{
	static const struct yt_str cut[] = {
		YT_STR(""), YT_STR("\x80"), YT_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
		YT_STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
	};
	struct yt_rd r;

	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
		r = yt_rd(cut[i]);
		CHECK_INT(yt_rd_varint(&r), 0);
		CHECK(r.bad);
		CHECK_INT(yt_rd_u8(&r), 0);
	}
	r = yt_rd(YT_S("\x05" "abcd"));
	CHECK_INT(yt_rd_bytes(&r).n, 0);
	CHECK(r.bad);
	r = yt_rd(YT_S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "abc"));
	CHECK_INT(yt_rd_bytes(&r).n, 0);
	CHECK(r.bad);
	r = yt_rd(YT_S("1234567"));
	CHECK_INT(yt_rd_u64(&r), 0);
	CHECK(r.bad);
}

TEST(str_order_is_of_bytes_and_the_shorter_first)
{
	CHECK(yt_str_cmp(YT_S("a"), YT_S("ab")) < 0);
	CHECK(yt_str_cmp(YT_S("b"), YT_S("ab")) > 0);
	CHECK(yt_str_cmp(YT_S("\xff"), YT_S("a")) > 0);
	CHECK(yt_str_cmp(yt_str(NULL, 0), YT_S("")) == 0);
	CHECK(yt_str_eq(yt_str(NULL, 0), YT_S("")));
	CHECK(yt_str_starts(YT_S("order.paid"), YT_S("order.")));
	CHECK(!yt_str_starts(YT_S("ord"), YT_S("order.")));
}

TEST(utf8_takes_what_is_well_formed_and_nothing_else)
{
	static const struct yt_str good[] = {
		YT_STR(""), YT_STR("abc\x7f"), YT_STR("\xc2\x80"), YT_STR("\xdf\xbf"), YT_STR("\xe0\xa0\x80"),
		YT_STR("\xed\x9f\xbf"), YT_STR("\xee\x80\x80"), YT_STR("\xef\xbf\xbf"), YT_STR("\xf0\x90\x80\x80"),
		YT_STR("\xf4\x8f\xbf\xbf"), YT_STR("\xe9\xb1\xbc\xe5\xa1\x98"),
	};
	static const struct yt_str bad[] = {
		YT_STR("\x80"), YT_STR("\xc0\x80"), YT_STR("\xc1\xbf"), YT_STR("\xc2"), YT_STR("\xc2\x41"),
		YT_STR("\xe0\x9f\xbf"), YT_STR("\xed\xa0\x80"), YT_STR("\xed\xbf\xbf"), YT_STR("\xe9\xb1"),
		YT_STR("\xf0\x8f\xbf\xbf"), YT_STR("\xf4\x90\x80\x80"), YT_STR("\xf5\x80\x80\x80"), YT_STR("\xff"),
		YT_STR("\xf0\x90\x80\x41"),
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK_MSG(yt_utf8_bad(good[i]) == good[i].n, "good sequence %zu is refused", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(yt_utf8_bad(bad[i]) == 0, "bad sequence %zu is taken", i);
	CHECK_INT(yt_utf8_bad(YT_S("ab\xff")), 2);
}

TEST_MAIN
{
	RUN(err_set_fills_and_returns_minus_one);
	RUN(assertion_ends_the_process_with_the_exit_code_of_a_bug);
	RUN(arena_hands_out_aligned_memory_that_does_not_overlap);
	RUN(arena_of_no_bytes_gives_a_place_of_its_own);
	RUN(arena_reset_keeps_one_chunk_and_starts_there);
	RUN(arena_big_block_leaves_the_current_chunk_in_use);
	RUN(arena_zalloc_clears_memory_used_before);
	RUN(arena_dup_and_printf_end_with_a_nul);
	RUN(slab_hands_out_aligned_memory_that_does_not_overlap);
	RUN(slab_sizes_grow_with_what_is_asked_for);
	RUN(slab_block_that_was_freed_serves_the_next_of_its_size);
	RUN(slab_memory_that_was_outgrown_serves_other_sizes);
	RUN(buf_grows_on_the_heap_and_in_an_arena_alike);
	RUN(buf_takes_nothing_where_nothing_is_added);
	RUN(buf_i64_writes_the_extremes);
	RUN(buf_printf_fits_at_every_length);
	RUN(binary_fields_read_back_as_written);
	RUN(binary_fields_have_the_documented_bytes);
	RUN(reader_is_bad_for_good_after_a_read_past_the_end);
	RUN(str_order_is_of_bytes_and_the_shorter_first);
	RUN(utf8_takes_what_is_well_formed_and_nothing_else);
}
