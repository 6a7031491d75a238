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
