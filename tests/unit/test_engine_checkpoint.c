/* The bytes of a checkpoint and of the offsets' metadata are for ever: they lie in Kafka. */
#include "test.h"
#include "yutang/engine/checkpoint.h"

#define LOG_ID "00112233445566778899aabbccddeeff"

static struct yt_checkpoint sample(void)
{
	struct yt_checkpoint c = {
		.log_id = LOG_ID,
		.version = 300,
		.now_ms = 1700000000000,
		.rules_revision = 7,
		.rules_digest = UINT64_C(0x0123456789abcdef),
		.partitions = 16,
		.transactional_id = YT_STR("yutang-a"),
		.n_inputs = 2,
		.topics = { YT_STR("yutang.orders"), YT_STR("yutang.internal") },
		.next = { 42, 0 },
	};

	return c;
}

static const char golden[] =
	"\x02" LOG_ID
	"\xac\x02"                   /* version 300 */
	"\x80\xa0\xab\xfe\xf9\x62"   /* now, zigzag */
	"\x0e"                       /* revision 7, zigzag */
	"\xef\xcd\xab\x89\x67\x45\x23\x01" /* digest */
	"\x10"                       /* P */
	"\x08" "yutang-a"
	"\x02"                       /* inputs */
	"\x0d" "yutang.orders" "\x54"
	"\x0f" "yutang.internal" "\x00";
enum { GOLDEN = sizeof golden - 1 };

TEST(encodes_the_golden_bytes)
{
	struct yt_checkpoint c = sample();
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	yt_checkpoint_encode(&c, &b);
	CHECK_INT(b.n, GOLDEN);
	CHECK_MEM(b.p, golden, GOLDEN);
	yt_buf_deinit(&b);
}

TEST(decodes_the_golden_bytes)
{
	struct yt_checkpoint c;

	CHECK(yt_checkpoint_decode(yt_str(golden, GOLDEN), &c));
	CHECK_STR(c.log_id, LOG_ID);
	CHECK_INT(c.version, 300);
	CHECK_INT(c.now_ms, 1700000000000);
	CHECK_INT(c.rules_revision, 7);
	CHECK(c.rules_digest == UINT64_C(0x0123456789abcdef));
	CHECK_INT(c.partitions, 16);
	CHECK(yt_str_eq(c.transactional_id, YT_S("yutang-a")));
	CHECK_INT(c.n_inputs, 2);
	CHECK(yt_str_eq(c.topics[1], YT_S("yutang.internal")));
	CHECK_INT(c.next[0], 42);
	CHECK_INT(c.next[1], 0);
}

TEST(genesis_and_the_largest_values_come_back)
{
	struct yt_checkpoint c = sample(), d;
	struct yt_buf b;

	c.version = UINT64_MAX - 1;
	c.now_ms = INT64_MIN;
	c.rules_revision = INT64_MAX;
	c.rules_digest = UINT64_MAX;
	c.partitions = YT_PARTITIONS_MAX;
	c.n_inputs = YT_INPUTS_MAX;
	for (int i = 0; i < YT_INPUTS_MAX; i++) {
		c.topics[i] = YT_S("t");
		c.next[i] = i % 2 ? INT64_MAX : -1;
	}
	yt_buf_init(&b, NULL);
	yt_checkpoint_encode(&c, &b);
	CHECK(yt_checkpoint_decode(yt_buf_str(&b), &d));
	CHECK(d.version == c.version && d.now_ms == c.now_ms && d.partitions == c.partitions);
	CHECK(d.rules_revision == c.rules_revision && d.rules_digest == c.rules_digest);
	CHECK_MEM((const char *)d.next, (const char *)c.next, sizeof c.next);
	yt_buf_deinit(&b);
}

TEST(every_shorter_text_and_one_more_byte_are_refused)
{
	struct yt_checkpoint c;
	char more[GOLDEN + 1];

	for (int n = 0; n < GOLDEN; n++)
		CHECK_MSG(!yt_checkpoint_decode(yt_str(golden, n), &c), "%d bytes", n);
	memcpy(more, golden, GOLDEN);
	more[GOLDEN] = 0;
	CHECK(!yt_checkpoint_decode(yt_str(more, sizeof more), &c));
}

TEST(another_format_or_log_id_is_refused)
{
	struct yt_checkpoint c;
	char bytes[GOLDEN];

	memcpy(bytes, golden, GOLDEN);
	bytes[0] = 3;
	CHECK(!yt_checkpoint_decode(yt_str(bytes, GOLDEN), &c));
	bytes[0] = 1;
	CHECK(!yt_checkpoint_decode(yt_str(bytes, GOLDEN), &c));
	bytes[0] = 2;
	bytes[1] = 'G';
	CHECK(!yt_checkpoint_decode(yt_str(bytes, GOLDEN), &c));
}

TEST(meta_is_log_id_and_version)
{
	char meta[64], log_id[YT_LOG_ID_BYTES + 1];
	uint64_t v;

	yt_commit_meta(meta, sizeof meta, LOG_ID, 300);
	CHECK_STR(meta, LOG_ID " v=300");
	CHECK(yt_commit_meta_parse(meta, log_id, &v));
	CHECK_STR(log_id, LOG_ID);
	CHECK_INT(v, 300);
	yt_commit_meta(meta, sizeof meta, LOG_ID, UINT64_MAX - 1);
	CHECK(yt_commit_meta_parse(meta, log_id, &v) && v == UINT64_MAX - 1);
	CHECK(yt_commit_meta_parse(LOG_ID " v=0", log_id, &v) && v == 0);
}

TEST(other_meta_is_refused)
{
	static const char *const bad[] = {
		"", LOG_ID, LOG_ID " v=", LOG_ID " v=x", LOG_ID " v=1 ", LOG_ID " v=-1", LOG_ID " v=01", LOG_ID "  v=1",
		LOG_ID " v=18446744073709551615", LOG_ID " v=18446744073709551616", LOG_ID " v=99999999999999999999",
		"0011 v=1", "00112233445566778899AABBCCDDEEFF v=1", "x" LOG_ID " v=1",
	};
	char log_id[YT_LOG_ID_BYTES + 1];
	uint64_t v;

	CHECK(!yt_commit_meta_parse(NULL, log_id, &v));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_MSG(!yt_commit_meta_parse(bad[i], log_id, &v), "%s", bad[i]);
}

TEST_MAIN
{
	RUN(encodes_the_golden_bytes);
	RUN(decodes_the_golden_bytes);
	RUN(genesis_and_the_largest_values_come_back);
	RUN(every_shorter_text_and_one_more_byte_are_refused);
	RUN(another_format_or_log_id_is_refused);
	RUN(meta_is_log_id_and_version);
	RUN(other_meta_is_refused);
}
