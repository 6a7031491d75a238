#include <pthread.h>

#include "unit/test.h"
#include "yutang/base/hash.h"

/* The first six are those of Kafka's UtilsTest.testMurmur2. */
TEST(murmur2_is_that_of_the_java_client)
{
	static const struct {
		struct yt_str key;
		int32_t hash;
	} v[] = {
		{ YT_STR("21"), -973932308 },
		{ YT_STR("foobar"), -790332482 },
		{ YT_STR("a-little-bit-long-string"), -985981536 },
		{ YT_STR("a-little-bit-longer-string"), -1486304829 },
		{ YT_STR("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971 },
		{ YT_STR("abc"), 479470107 },
		{ YT_STR(""), 275646681 },
		{ YT_STR("a"), -1563381124 },
		{ YT_STR("s1/wm001"), 1240745771 },
		{ YT_STR("\xe5\xba\x97/\xe4\xbc\x9a\xe5\x91\x98"), 1690740693 },
		{ YT_STR("\xff\xfe\xfd"), 998637092 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		CHECK_INT((int32_t)yt_murmur2(v[i].key), v[i].hash);
}

TEST(partition_ignores_the_sign_of_the_hash)
{
	CHECK_INT(yt_partition(YT_S("s1/wm001"), 12), 11);
	CHECK_INT(yt_partition(YT_S("21"), 12), 0);
	CHECK_INT(yt_partition(YT_S("foobar"), 12), 6);
	CHECK_INT(yt_partition(YT_S("\xff\xfe\xfd"), 12), 8);
	CHECK_INT(yt_partition(YT_S("21"), 1), 0);
}

/* It is in the state format: these values must not change. */
TEST(hash64_has_the_documented_values)
{
	CHECK(yt_hash64(YT_S("")) == UINT64_C(0xefd01f60ba992926));
	CHECK(yt_hash64(YT_S("a")) == UINT64_C(0x82a2a958a9bece5b));
	CHECK(yt_hash64(YT_S("s1/wm001")) == UINT64_C(0x27e932fd281ad46a));
	CHECK(yt_hash64(YT_S("\0")) == UINT64_C(0xb9034ad37056f5fb));
	CHECK(yt_hash64(YT_S("\xff\xfe")) == UINT64_C(0x75c9056eb1c4b960));
}

static void check_sha256(struct yt_str s, const char *want)
{
	unsigned char raw[32];
	char text[65];

	yt_sha256(s, raw);
	yt_hex(raw, 32, text);
	CHECK_STR(text, want);
}

TEST(sha256_has_the_published_values_however_often)
{
	char a[1000];

	memset(a, 'a', sizeof(a));
	for (int i = 0; i < 3; i++) {
		check_sha256(YT_S(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		check_sha256(yt_str(NULL, 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
		check_sha256(YT_S("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		check_sha256(yt_str(a, sizeof(a)), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
	}
}

static void check_hmac(struct yt_str key, struct yt_str s, const char *want)
{
	unsigned char raw[32];
	char text[65];

	yt_hmac_sha256((const unsigned char *)key.p, key.n, s, raw);
	yt_hex(raw, 32, text);
	CHECK_STR(text, want);
}

TEST(hmac_has_the_published_values_with_keys_in_turn)
{
	char k[100];

	memset(k, 'k', sizeof(k));
	for (int i = 0; i < 3; i++) {
		check_hmac(YT_S("Jefe"), YT_S("what do ya want for nothing?"),
		           "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
		check_hmac(yt_str(k, sizeof(k)), YT_S("x"), "8c1858bff6cf9cb73708b4b54f43bca6e1b8b4c3380760dc009001b265b64c6f");
		check_hmac(YT_S(""), YT_S(""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	}
}

static void *hash_many(void *failed)
{
	for (int i = 0; i < 1000; i++) {
		unsigned char raw[32];
		char text[65];

		yt_sha256(YT_S("abc"), raw);
		yt_hex(raw, 32, text);
		if (strcmp(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") != 0)
			*(int *)failed = 1;
	}
	return NULL;
}

TEST(sha256_works_on_several_threads_at_once)
{
	pthread_t t[4];
	int failed[4] = { 0 };

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, hash_many, &failed[i]) == 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		CHECK_INT(failed[i], 0);
	}
}

TEST(hex_is_lower_case)
{
	char out[9];

	yt_hex((const unsigned char *)"\x00\xab\xcd\xff", 4, out);
	CHECK_STR(out, "00abcdff");
	yt_hex(NULL, 0, out);
	CHECK_STR(out, "");
}

TEST(crockford_takes_the_first_60_bits)
{
	static const struct {
		unsigned char in[8];
		const char *out;
	} v[] = {
		{ { 0 }, "000000000000" },
		{ { 255, 255, 255, 255, 255, 255, 255, 255 }, "ZZZZZZZZZZZZ" },
		{ { 1, 2, 3, 4, 5, 6, 7, 8 }, "041061050R3G" },
		{ { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef }, "04HMASW9NF6Y" },
		{ { 0x02, 0x14, 0x74, 0xd6, 0x41, 0xd1, 0x96, 0x81 }, "08A79NJ1T6B8" },
	};
	char out[13];

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		yt_crockford60(v[i].in, out);
		CHECK_STR(out, v[i].out);
	}
}

TEST(coupon_code_is_made_as_the_contract_says)
{
	unsigned char key[32], mac[32];
	char code[13];

	for (unsigned i = 0; i < 32; i++)
		key[i] = (unsigned char)i;
	yt_hmac_sha256(key, sizeof(key), YT_S("0f1e2d3c4b5a69788796a5b4c3d2e1f0"), mac);
	yt_crockford60(mac, code);
	CHECK_STR(code, "7QJ919F9VTMB");
}

TEST(crockford_fold_reads_what_people_write)
{
	static const char *const bad[] = { "", "04HMASW9NF6", "04HMASW9NF6YY", "04HMASW9NF6U", "04HMASW9NF6u",
		                           "04HMASW9NF6-", "04HMASW9NF6 ", "04HMASW9NF\xc3\xa9" };
	char out[13];

	CHECK(yt_crockford_fold(YT_S("04hmasw9nf6y"), out));
	CHECK_STR(out, "04HMASW9NF6Y");
	CHECK(yt_crockford_fold(YT_S("oOiIlL012345"), out));
	CHECK_STR(out, "001111012345");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(!yt_crockford_fold(yt_str_z(bad[i]), out), "%s is taken", bad[i]);
	CHECK(!yt_crockford_fold(YT_S("04HMASW9NF6\0"), out));
}

TEST_MAIN
{
	RUN(murmur2_is_that_of_the_java_client);
	RUN(partition_ignores_the_sign_of_the_hash);
	RUN(hash64_has_the_documented_values);
	RUN(sha256_has_the_published_values_however_often);
	RUN(hmac_has_the_published_values_with_keys_in_turn);
	RUN(sha256_works_on_several_threads_at_once);
	RUN(hex_is_lower_case);
	RUN(crockford_takes_the_first_60_bits);
	RUN(coupon_code_is_made_as_the_contract_says);
	RUN(crockford_fold_reads_what_people_write);
}
