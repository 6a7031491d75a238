/* What of the Redis adapter needs no Redis. */
#include "io/redis_conn.h"
#include "unit/test.h"

static struct yt_redis_url url;
static struct yt_err err;

static const char *fault(const char *text)
{
	return yt_redis_url_parse(text, &url, &err) == 0 ? "" : err.msg;
}

static const char *shown(const char *text)
{
	static char out[640];

	if (yt_redis_url_parse(text, &url, &err) != 0)
		return err.msg;
	yt_redis_url_show(&url, out, sizeof out);
	return out;
}

/* The sum's check value (as for all CRCs: of the text 123456789), and the payload that the documentation of RESTORE shows. */
TEST(crc64_as_redis_has_it)
{
	static const char shown_there[] = "\x0a\x17\x17\x00\x00\x00\x12\x00\x00\x00\x03\x00\x00\xc0\x01\x00\x04\xc0\x02\x00\x04\xc0\x03\x00\xff\x04\x00u#<\xc0;.\xe9\xdd";
	size_t n = sizeof shown_there - 1 - 8;

	CHECK(yt_redis_crc64(YT_S("123456789")) == UINT64_C(0xe9c6d914c4b8d9ca));
	CHECK(yt_redis_crc64(yt_str(shown_there, n)) == yt_le64_get(shown_there + n));
}

static void packed_is(struct yt_str name, struct yt_str value, struct yt_str head, struct yt_str before_value, struct yt_str behind_value)
{
	struct yt_str fields[2] = { name, value };
	struct yt_buf want, got;

	yt_buf_init(&want, NULL);
	yt_buf_init(&got, NULL);
	yt_buf_str_add(&want, head);
	yt_buf_str_add(&want, name);
	yt_buf_str_add(&want, before_value);
	yt_buf_str_add(&want, value);
	yt_buf_str_add(&want, behind_value);
	yt_buf_add(&want, "\xff\x0a\x00", 3);
	yt_buf_u64(&want, yt_redis_crc64(yt_buf_str(&want)));
	yt_redis_pack_hash(&got, fields, 1);
	CHECK(yt_str_eq(yt_buf_str(&got), yt_buf_str(&want)));
	yt_buf_deinit(&want);
	yt_buf_deinit(&got);
}

static struct yt_str many(size_t n)
{
	static char text[20000];

	memset(text, 'v', sizeof text);
	return yt_str(text, n);
}

/* By hand from the two formats: each length that is written in another way, at its limit and one above. An element of n bytes has 1 (n < 64),
 * 2 (n < 4096) or 5 bytes before it; of the sum of both, 7 bits a byte stand behind it. */
TEST(a_hash_as_restore_takes_it)
{
	/* listpack: 6 + (1 + 1 + 1) + (1 + 0 + 1) + 1 = 12 bytes, 2 elements */
	packed_is(YT_S("a"), YT_S(""), YT_S("\x10\x0c\x0c\0\0\0\x02\0\x81"), YT_S("\x02\x80"), YT_S("\x01"));
	/* 63: 6 + 3 + (1 + 63 + 1) + 1 = 75 = 0x4b, which is 14 bits long */
	packed_is(YT_S("a"), many(63), YT_S("\x10\x40\x4b\x4b\0\0\0\x02\0\x81"), YT_S("\x02\xbf"), YT_S("\x40"));
	/* 64: 6 + 3 + (2 + 64 + 1) + 1 = 77 */
	packed_is(YT_S("a"), many(64), YT_S("\x10\x40\x4d\x4d\0\0\0\x02\0\x81"), YT_S("\x02\xe0\x40"), YT_S("\x42"));
	/* 125: 2 + 125 = 127 stands in one byte; 126: 128 in two, the high bits first, the low ones marked */
	packed_is(YT_S("a"), many(125), YT_S("\x10\x40\x8a\x8a\0\0\0\x02\0\x81"), YT_S("\x02\xe0\x7d"), YT_S("\x7f"));
	packed_is(YT_S("a"), many(126), YT_S("\x10\x40\x8c\x8c\0\0\0\x02\0\x81"), YT_S("\x02\xe0\x7e"), YT_S("\x01\x80"));
	/* 4095: 6 + 3 + (2 + 4095 + 2) + 1 = 4109 = 0x100d; 4096: 6 + 3 + (5 + 4096 + 2) + 1 = 4113 = 0x1011 */
	packed_is(YT_S("a"), many(4095), YT_S("\x10\x50\x0d\x0d\x10\0\0\x02\0\x81"), YT_S("\x02\xef\xff"), YT_S("\x20\x81"));
	packed_is(YT_S("a"), many(4096), YT_S("\x10\x50\x11\x11\x10\0\0\x02\0\x81"), YT_S("\x02\xf0\0\x10\0\0"), YT_S("\x20\x85"));
	/* 16378: 5 + 16378 = 16383 in two bytes, 6 + 3 + 16385 + 1 = 16395 = 0x400b in 32 bits; 16379: 16384 in three, 0x400d */
	packed_is(YT_S("a"), many(16378), YT_S("\x10\x80\0\0\x40\x0b\x0b\x40\0\0\x02\0\x81"), YT_S("\x02\xf0\xfa\x3f\0\0"), YT_S("\x7f\xff"));
	packed_is(YT_S("a"), many(16379), YT_S("\x10\x80\0\0\x40\x0d\x0d\x40\0\0\x02\0\x81"), YT_S("\x02\xf0\xfb\x3f\0\0"), YT_S("\x01\x80\x80"));
}

TEST(url_with_defaults)
{
	CHECK_STR(fault("redis://127.0.0.1"), "");
	CHECK_STR(url.host, "127.0.0.1");
	CHECK_INT(url.port, 6379);
	CHECK_INT(url.db, 0);
	CHECK_STR(url.user, "");
	CHECK_STR(url.password, "");
	CHECK(!url.unix_socket && !url.tls);
}

TEST(url_with_everything)
{
	CHECK_STR(fault("redis://yu%3Atang:p%40ss/w@rd@redis.example:6380/3"), "");
	CHECK_STR(url.host, "redis.example");
	CHECK_INT(url.port, 6380);
	CHECK_INT(url.db, 3);
	CHECK_STR(url.user, "yu:tang");
	CHECK_STR(url.password, "p@ss/w@rd");
}

TEST(url_with_a_password_alone)
{
	CHECK_STR(fault("redis://:secret@h/"), "");
	CHECK_STR(url.user, "");
	CHECK_STR(url.password, "secret");
	CHECK_STR(url.host, "h");
}

TEST(url_of_an_ipv6_address)
{
	CHECK_STR(fault("redis://[::1]:7000/1"), "");
	CHECK_STR(url.host, "::1");
	CHECK_INT(url.port, 7000);
	CHECK_STR(shown("redis://[::1]"), "redis://[::1]:6379/0");
}

TEST(url_of_a_socket)
{
	CHECK_STR(fault("unix:///run/redis.sock?db=4"), "");
	CHECK(url.unix_socket);
	CHECK_STR(url.host, "/run/redis.sock");
	CHECK_INT(url.db, 4);
	CHECK_STR(shown("unix:///run/redis.sock"), "unix:///run/redis.sock?db=0");
}

TEST(url_is_shown_without_its_secret)
{
	CHECK_STR(shown("redis://user:secret@h:1/2"), "redis://h:1/2");
}

TEST(url_that_is_none)
{
	CHECK_STR(fault("127.0.0.1:6379"), "a URL begins with redis:// or unix://");
	CHECK_STR(fault(""), "a URL begins with redis:// or unix://");
	CHECK_STR(fault("redis://"), "the host is missing");
	CHECK_STR(fault("redis://:6379"), "the host is missing");
	CHECK_STR(fault("redis://h:"), "the port is a number from 1 to 65535");
	CHECK_STR(fault("redis://h:0"), "the port is a number from 1 to 65535");
	CHECK_STR(fault("redis://h:65536"), "the port is a number from 1 to 65535");
	CHECK_STR(fault("redis://h/x"), "behind the host there is only `/DB`, a number");
	CHECK_STR(fault("redis://[::1"), "`[` of an IPv6 address without `]`");
	CHECK_STR(fault("redis://[::1]x"), "behind `]` there is only `:PORT`");
	CHECK_STR(fault("redis://%zz@h"), "`%` in user or password is not followed by two hex digits");
	CHECK_STR(fault("redis://a:%00@h"), "`%` in user or password is not followed by two hex digits");
	CHECK_STR(fault("unix://relative"), "unix:// takes an absolute path: unix:///run/redis/redis.sock");
	CHECK_STR(fault("unix:///s?database=1"), "after `?` only `db=N` is known");
}

TEST(url_of_any_length_is_judged)
{
	char text[700];

	memset(text, 'a', sizeof text);
	memcpy(text, "redis://", 8);
	text[511] = 0;
	CHECK_STR(fault(text), "");
	text[511] = 'a';
	text[512] = 0;
	CHECK_STR(fault(text), "a URL has fewer than 512 bytes");
	memset(text, 'a', sizeof text);
	memcpy(text, "unix:///", 8);
	text[7 + 107] = 0;
	CHECK_STR(fault(text), "");
	text[7 + 107] = 'a';
	text[7 + 108] = 0;
	CHECK_STR(fault(text), "the path of a socket has at most 107 bytes");
}

TEST(tls_is_refused_with_the_reason)
{
#if !defined(YT_HIREDIS_SSL)
	CHECK_STR(fault("rediss://h"), "rediss:// needs a hiredis with TLS, and the one that this was built with has none: use redis://, unix://, or "
	                               "a local TLS proxy such as stunnel");
#endif
}

TEST(keys_are_split_where_they_are_ours)
{
	struct yt_str suffix;
	int shard;

	CHECK(yt_redis_split_key("yt", YT_S("yt:{12}:member:s1/m:{1}:x"), &shard, &suffix));
	CHECK_INT(shard, 12);
	CHECK_INT(suffix.n, strlen("member:s1/m:{1}:x"));
	CHECK(!yt_redis_split_key("yt", YT_S("yt2:{1}:at"), &shard, &suffix));
	CHECK(!yt_redis_split_key("yt", YT_S("yt:{1}at"), &shard, &suffix));
	CHECK(!yt_redis_split_key("yt", YT_S("yt:{x}:at"), &shard, &suffix));
	CHECK(!yt_redis_split_key("yt", YT_S("yt:{1024}:at"), &shard, &suffix));
	CHECK(!yt_redis_split_key("yt", YT_S("yt:{1"), &shard, &suffix));
	CHECK(!yt_redis_split_key("yt", YT_S(""), &shard, &suffix));
}

TEST(library_says_its_name_everywhere)
{
	const char *at = yt_redis_library_text;
	char head[64];
	int n = 0;

	snprintf(head, sizeof head, "#!lua name=%s\n", yt_redis_library);
	CHECK(strncmp(at, head, strlen(head)) == 0);
	while ((at = strstr(at, "register_function('"))) {
		at += strlen("register_function('");
		CHECK_MSG(strncmp(at, yt_redis_library, strlen(yt_redis_library)) == 0, "%.40s", at);
		n++;
	}
	CHECK_INT(n, 5);
}

TEST(prefix_with_other_characters_is_refused)
{
	static const char *const bad[] = { "", "a b", "a{", "a*", "a[b]", "a\\" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct yt_redis_conf conf = { "redis://127.0.0.1:1", NULL, bad[i], false };

		CHECK_MSG(!yt_redis_view_new(&conf, &err), "%s", bad[i]);
		CHECK_INT(err.exit, YT_EXIT_CONFIG);
	}
}

TEST_MAIN
{
	RUN(crc64_as_redis_has_it);
	RUN(a_hash_as_restore_takes_it);
	RUN(url_with_defaults);
	RUN(url_with_everything);
	RUN(url_with_a_password_alone);
	RUN(url_of_an_ipv6_address);
	RUN(url_of_a_socket);
	RUN(url_is_shown_without_its_secret);
	RUN(url_that_is_none);
	RUN(url_of_any_length_is_judged);
	RUN(tls_is_refused_with_the_reason);
	RUN(keys_are_split_where_they_are_ours);
	RUN(library_says_its_name_everywhere);
	RUN(prefix_with_other_characters_is_refused);
}
