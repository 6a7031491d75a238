/* What webhooks become, at its limits. What they become at all: tests/intake, by tests/cli/intake. */
#include "unit/test.h"

#include "intake/take.h"
#include "intake/xml.h"
#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"

static struct yt_arena arena;

/* ---- what was not there before in base */

TEST(digests_of_parts)
{
	const struct yt_str abc[] = { YT_STR("a"), { 0 }, YT_STR("bc") };
	unsigned char out[YT_DIGEST_BYTES_MAX];
	char hex[41];

	CHECK_INT(yt_digest(YT_MD5, abc, 3, out), 16); /* RFC 1321, A.5 */
	yt_hex(out, 16, hex);
	CHECK_STR(hex, "900150983cd24fb0d6963f7d28e17f72");
	CHECK_INT(yt_digest(YT_SHA1, abc, 3, out), 20); /* FIPS 180, example */
	yt_hex(out, 20, hex);
	CHECK_STR(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(base64_of_rfc_4648)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" } };
	static const char *const bad[] = { "Zg=", "Zg", "Z===", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9_" };
	struct yt_str out;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		CHECK_STR(yt_base64(&arena, yt_str_z(pairs[i][0])).p, pairs[i][1]);
		CHECK(yt_unbase64(&arena, yt_str_z(pairs[i][1]), &out) && yt_str_eq(out, yt_str_z(pairs[i][0])));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_MSG(!yt_unbase64(&arena, yt_str_z(bad[i]), &out), "%s is taken", bad[i]);
}

TEST(percent_decoding)
{
	struct yt_str out;

	CHECK(yt_percent_decode(&arena, YT_S("a%2Fb+c%e9%00"), false, &out) && out.n == 7 && memcmp(out.p, "a/b+c\xe9\0", 7) == 0);
	CHECK(yt_percent_decode(&arena, YT_S("a+b"), true, &out) && yt_str_eq(out, YT_S("a b")));
	CHECK(!yt_percent_decode(&arena, YT_S("%"), false, &out));
	CHECK(!yt_percent_decode(&arena, YT_S("%4"), false, &out));
	CHECK(!yt_percent_decode(&arena, YT_S("%4g"), false, &out));
}

TEST(a_tree_of_json_is_written_as_it_was)
{
	static const char text[] = "{\"a\":[1,-0.50,1e400,820982911946154508],\"\\u0001\":\"\\u0001x\",\"b\":{},\"c\":[],\"d\":[true,false,null]}";
	const cJSON *root;
	struct yt_buf b;

	CHECK(yt_json_parse(&arena, yt_str_z(text), 0, 0, &root, NULL) == YT_JSON_OK);
	yt_buf_init(&b, &arena);
	yt_json_add_tree(&b, root);
	yt_buf_c(&b, '\0');
	CHECK_STR(b.p, text);
}

/* ---- money and time */

static void money(const char *text, int decimals, int64_t want)
{
	int64_t got = -1;

	CHECK_MSG(yt_money_minor(yt_str_z(text), decimals, &got), "%s is refused", text);
	CHECK_INT(got, want);
}

TEST(money_is_exact)
{
	static const char *const bad[] = { "", "-", ".", ".5", "5.", "1e2", "1,00", " 1", "+1", "--1", "1.2.3", "0x1", "1.001", "90071992547409.92", "9007199254740992" };
	int64_t out;

	money("149.00", 2, 14900);
	money("149", 2, 14900);
	money("149.5", 2, 14950);
	money("0.07", 2, 7);
	money("-10.00", 2, -1000);
	money("1.2300000", 2, 123);
	money("1490.00", 0, 1490);
	money("12.345", 3, 12345);
	money("90071992547409.91", 2, (INT64_C(1) << 53) - 1);
	money("-90071992547409.91", 2, 1 - (INT64_C(1) << 53));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_MSG(!yt_money_minor(yt_str_z(bad[i]), 2, &out), "%s is taken", bad[i]);
	CHECK(!yt_money_minor(YT_S("9007199254740992"), 0, &out));
	CHECK(!yt_money_minor(YT_S("100000000000000000000000000000"), 0, &out));
}

TEST(digits_behind_the_point)
{
	CHECK_INT(yt_currency_decimals(YT_S("CNY")), 2);
	CHECK_INT(yt_currency_decimals(YT_S("JPY")), 0);
	CHECK_INT(yt_currency_decimals(YT_S("XPF")), 0);
	CHECK_INT(yt_currency_decimals(YT_S("KWD")), 3);
	CHECK_INT(yt_currency_decimals(YT_S("CLF")), 4);
	CHECK_INT(yt_currency_decimals(YT_S("F C")), 2); /* across two names of the list */
	CHECK_INT(yt_currency_decimals(YT_S("")), 2);
}

TEST(times_without_a_zone)
{
	int64_t ms;

	CHECK(yt_instant_read(&arena, YT_S("2025-08-01 18:00:00"), "+08:00", &ms));
	CHECK_INT(ms, INT64_C(1754042400000));
	CHECK(yt_instant_read(&arena, YT_S("2025-08-01T10:00:00"), "Z", &ms));
	CHECK_INT(ms, INT64_C(1754042400000));
	CHECK(yt_instant_read(&arena, YT_S("2025-08-01T18:00:00+08:00"), "Z", &ms)); /* one that has its zone keeps it */
	CHECK_INT(ms, INT64_C(1754042400000));
	CHECK(!yt_instant_read(&arena, YT_S("2025-08-01T10:00:00"), NULL, &ms));
	CHECK(!yt_instant_read(&arena, YT_S("2025-08-01"), "Z", &ms));
}

/* ---- addresses */

static void route(const char *path, int hook, const char *shop)
{
	enum yt_hook h;
	struct yt_str s;

	CHECK_MSG(yt_intake_route(yt_str_z(path), &h, &s), "%s is none", path);
	CHECK_INT(h, hook);
	CHECK(yt_str_eq(s, yt_str_z(shop)));
}

TEST(addresses)
{
	static const char *const none[] = { "", "/", "/hooks", "/hooks/", "/hooks/s1", "/hooks/s1/", "/hooks//shopify", "/hooks/s1/shopify/", "/hooks/s1/events",
					    "/hooks/s1/Shopify", "hooks/s1/shopify", "//hooks/s1/shopify", "/events", "/events/", "/events/s1/", "/events//", "/event/s1" };
	enum yt_hook h;
	struct yt_str s;

	route("/hooks/s1/shopify", YT_HOOK_SHOPIFY, "s1");
	route("/hooks/s1/wecom", YT_HOOK_WECOM, "s1");
	route("/events/a.b-c_D", YT_HOOK_EVENTS, "a.b-c_D");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		CHECK_MSG(!yt_intake_route(yt_str_z(none[i]), &h, &s), "%s is one", none[i]);
}

/* ---- limits */

static const struct yt_intake_shop shop = {
	.name = YT_STR("s1"), .shopify = { YT_STR("k"), { 0 } }, .events = { YT_STR("k"), { 0 } }, .hash_key = YT_STR("h"),
};
static struct yt_taken got;

static void post(enum yt_hook hook, struct yt_str body, struct yt_str query)
{
	unsigned char mac[32];
	char hex[65];
	struct yt_header headers[3];

	yt_hmac_sha256((const unsigned char *)"k", 1, body, mac);
	yt_hex(mac, 32, hex);
	headers[0] = (struct yt_header){ YT_S("X-Shopify-Hmac-Sha256"), yt_base64(&arena, yt_str((const char *)mac, 32)) };
	headers[1] = (struct yt_header){ YT_S("X-Yutang-Signature"), yt_arena_printf(&arena, "sha256=%s", hex) };
	headers[2] = hook == YT_HOOK_EVENTS ? (struct yt_header){ YT_S("Content-Type"), YT_S("application/cloudevents-batch+json") }
					    : (struct yt_header){ YT_S("X-Shopify-Topic"), YT_S("orders/cancelled") };

	struct yt_hook_request req = { YT_S("POST"), query, headers, 3, body, INT64_C(1767225600000) };

	yt_intake_take(&arena, hook, &shop, &req, &got);
}

/* A cancelled order, padded with blanks to n bytes. */
static struct yt_str cancelled(size_t n)
{
	static const char json[] = "{\"id\":1,\"cancelled_at\":\"2025-08-01T10:00:00Z\"}";
	char *p = yt_arena_alloc(&arena, n);

	memset(p, ' ', n);
	memcpy(p, json, sizeof json - 1);
	return yt_str(p, n);
}

TEST(bytes_of_a_body)
{
	post(YT_HOOK_SHOPIFY, cancelled(YT_INTAKE_BODY_BYTES_MAX), YT_S(""));
	CHECK_INT(got.status, 200);
	CHECK_INT(got.n_events, 1);
	post(YT_HOOK_SHOPIFY, cancelled(YT_INTAKE_BODY_BYTES_MAX + 1), YT_S(""));
	CHECK_INT(got.status, 413);
	CHECK_INT(got.n_events, 0);
}

TEST(bytes_of_a_query)
{
	char query[YT_INTAKE_QUERY_BYTES_MAX + 1];

	memset(query, 'x', sizeof query);
	post(YT_HOOK_SHOPIFY, cancelled(100), yt_str(query, sizeof query - 1));
	CHECK_INT(got.status, 200);
	post(YT_HOOK_SHOPIFY, cancelled(100), yt_str(query, sizeof query));
	CHECK_INT(got.status, 413);
}

TEST(depth_of_json)
{
	struct yt_buf b;

	for (int depth = YT_INTAKE_DEPTH_MAX; depth <= YT_INTAKE_DEPTH_MAX + 1; depth++) {
		yt_buf_init(&b, &arena);
		yt_buf_z(&b, "{\"id\":1,\"cancelled_at\":\"2025-08-01T10:00:00Z\",\"x\":");
		for (int k = 1; k < depth; k++)
			yt_buf_c(&b, '[');
		for (int k = 1; k < depth; k++)
			yt_buf_c(&b, ']');
		yt_buf_c(&b, '}');
		post(YT_HOOK_SHOPIFY, yt_buf_str(&b), YT_S(""));
		CHECK_STR(yt_dead_name(got.dead), depth == YT_INTAKE_DEPTH_MAX ? "none" : "too_deep");
	}
}

TEST(events_of_a_batch)
{
	struct yt_buf b;

	for (int n = YT_INTAKE_EVENTS_MAX; n <= YT_INTAKE_EVENTS_MAX + 1; n++) {
		yt_buf_init(&b, &arena);
		for (int k = 0; k < n; k++)
			yt_buf_printf(&b, "%c{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\","
			                  "\"data\":{\"order\":\"%d\",\"signed_at\":1754042400000}}", k ? ',' : '[', k);
		yt_buf_c(&b, ']');
		post(YT_HOOK_EVENTS, yt_buf_str(&b), YT_S(""));
		CHECK_INT(got.status, n == YT_INTAKE_EVENTS_MAX ? 200 : 400);
		CHECK_INT(got.n_events, n == YT_INTAKE_EVENTS_MAX ? n : 0);
	}
}

/* An id of the sender's may be so long that the envelope's would be too long: it is a digest then, the same each time. */
TEST(ids_that_are_too_long)
{
	char text[300], id[YT_ID_BYTES_MAX + 2];

	memset(id, 'A', sizeof id);
	for (int n = YT_ID_BYTES_MAX; n <= YT_ID_BYTES_MAX + 1; n++) {
		snprintf(text, sizeof text, "{\"id\":\"%.*s\",\"cancelled_at\":\"2025-08-01T10:00:00Z\"}", n, id);
		post(YT_HOOK_SHOPIFY, yt_str_z(text), YT_S(""));
		CHECK_INT(got.n_events, n == YT_ID_BYTES_MAX);
		if (n == YT_ID_BYTES_MAX)
			CHECK(memmem(got.events[0].value.p, got.events[0].value.n, "\"id\":\"order.cancelled/~", 23));
	}
	post(YT_HOOK_SHOPIFY, YT_S("{\"id\":\"a/b\",\"cancelled_at\":\"2025-08-01T10:00:00Z\"}"), YT_S(""));
	CHECK(memmem(got.events[0].value.p, got.events[0].value.n, "\"id\":\"order.cancelled/~", 23));
}

TEST(digits_of_a_phone)
{
	struct yt_taken out = { 0 };
	struct take t = { .arena = &arena, .shop = &shop, .out = &out };

	CHECK_INT(yt_take_hash_phone(&t, YT_S("1234")).n, 0);
	CHECK_INT(yt_take_hash_phone(&t, YT_S("12345")).n, 64);
	CHECK_INT(yt_take_hash_phone(&t, YT_S("12345678901234567890")).n, 64);
	CHECK_INT(yt_take_hash_phone(&t, YT_S("123456789012345678901")).n, 0);
	CHECK(yt_str_eq(yt_take_hash_phone(&t, YT_S("0086 138-0013-8000")), yt_take_hash_phone(&t, YT_S("13800138000"))));
	CHECK(!yt_str_eq(yt_take_hash_phone(&t, YT_S("+86 10 6552 9988")), yt_take_hash_phone(&t, YT_S("1065529988"))));
}

static bool xml_ok(const char *text)
{
	return yt_xml_parse(&arena, yt_str_z(text)) != NULL;
}

TEST(elements_and_depth_of_xml)
{
	struct yt_buf b;

	CHECK(xml_ok("<a><b><c><d>x</d></c></b></a>"));
	CHECK(!xml_ok("<a><b><c><d><e/></d></c></b></a>"));
	for (int n = XML_ELEMENTS_MAX; n <= XML_ELEMENTS_MAX + 1; n++) {
		yt_buf_init(&b, &arena);
		yt_buf_z(&b, "<a>");
		for (int k = 1; k < n; k++)
			yt_buf_z(&b, "<b/>");
		yt_buf_z(&b, "</a>");
		CHECK(!yt_xml_parse(&arena, yt_buf_str(&b)) == (n > XML_ELEMENTS_MAX));
	}
}

TEST(xml_that_is_none)
{
	static const char *const bad[] = { "", "x", "<a>", "<a></b>", "<a/><b/>", "<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", "<a>&e;</a>", "<a>\xff</a>",
					   "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>", "<a>&#0;</a>", "<a>\xed\xa0\x80</a>" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_MSG(!xml_ok(bad[i]), "%s is taken", bad[i]);
	CHECK(yt_str_eq(yt_xml_text(yt_xml_parse(&arena, YT_S("<a><b>x<![CDATA[<y>]]>&amp;</b><b>2</b></a>")), "b"), YT_S("x<y>&")));
}

TEST_MAIN
{
	yt_types_init();
	yt_arena_init(&arena, 0);
	RUN(digests_of_parts);
	RUN(base64_of_rfc_4648);
	RUN(percent_decoding);
	RUN(a_tree_of_json_is_written_as_it_was);
	RUN(money_is_exact);
	RUN(digits_behind_the_point);
	RUN(times_without_a_zone);
	RUN(addresses);
	RUN(bytes_of_a_body);
	RUN(bytes_of_a_query);
	RUN(depth_of_json);
	RUN(events_of_a_batch);
	RUN(ids_that_are_too_long);
	RUN(digits_of_a_phone);
	RUN(elements_and_depth_of_xml);
	RUN(xml_that_is_none);
}
