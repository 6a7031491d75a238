/* Ids and codes against values computed elsewhere, and the bytes of an output. */
#include "unit/test.h"

#include "yutang/base/json.h"
#include "yutang/event/output.h"

/* printf 'yutang1\ncoupon.issued\ns1\nm1\nrecall\norder.paid\nA-2001\n0' | sha256sum | cut -c1-32 */
#define COUPON "b2c0a0c6d18cd2b091592caf27d02a1d"
/* printf 'yutang1\ncoupon.issued\ns1\nm1\nrecall\norder.paid\nA-2001\n1' | sha256sum | cut -c1-32 */
#define COUPON_2ND "ccd4e01ab68b8b5abce7dc8562ae222d"
/* printf 'yutang1\nfollowup.due\n鱼塘\n会员\n歡迎\ncontact.added\nzhang\n会员\n1754042400000\n0' | sha256sum | cut -c1-32 */
#define FOLLOWUP "fb150a2e404c0f9ccb453a2f241459e9"
/* printf 'yutang1\ncoupon.used\ns1\nm1\n~coupon\ncoupon.issued\n'COUPON'\norder.paid\nA-2002\n0' | sha256sum | cut -c1-32 */
#define USED "6a4df9c311273790446e09e6fd8a0e09"
/* printf 'yutang1\nfollowup.withheld\ns1\nm1\n\n\n4294967295' | sha256sum | cut -c1-32 */
#define EMPTY_PARTS "d8df26901af052ed77d23bf19319b879"

TEST(ids_are_those_of_the_recipe)
{
	char id[33];

	yt_output_id(YT_OUT_COUPON_ISSUED, YT_S("s1"), YT_S("m1"), YT_S("recall"), YT_S("order.paid\nA-2001"), 0, id);
	CHECK_STR(id, COUPON);
	yt_output_id(YT_OUT_COUPON_ISSUED, YT_S("s1"), YT_S("m1"), YT_S("recall"), YT_S("order.paid\nA-2001"), 1, id);
	CHECK_STR(id, COUPON_2ND);
	yt_output_id(YT_OUT_FOLLOWUP_DUE, YT_S("鱼塘"), YT_S("会员"), YT_S("歡迎"), YT_S("contact.added\nzhang\n会员\n1754042400000"), 0, id);
	CHECK_STR(id, FOLLOWUP);
	yt_output_id(YT_OUT_COUPON_USED, YT_S("s1"), YT_S("m1"), YT_S("~coupon"), YT_S("coupon.issued\n" COUPON "\norder.paid\nA-2002"), 0, id);
	CHECK_STR(id, USED);
	yt_output_id(YT_OUT_FOLLOWUP_WITHHELD, YT_S("s1"), YT_S("m1"), (struct yt_str){ 0 }, YT_S(""), UINT32_MAX, id);
	CHECK_STR(id, EMPTY_PARTS);
}

/* python3 -c 'import hmac; n = int.from_bytes(hmac.new(KEY, b"COUPON", "sha256").digest()[:8], "big") >> 4;
 *             print("".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[n >> 55 - 5 * k & 31] for k in range(12)))' */
TEST(codes_are_those_of_python)
{
	unsigned char counting[32], zeros[32] = { 0 }, ones[32];
	char code[13];

	for (int k = 0; k < 32; k++)
		counting[k] = (unsigned char)k;
	memset(ones, 0xff, sizeof ones);
	yt_coupon_code(counting, YT_S(COUPON), code);
	CHECK_STR(code, "4YJQ4FB15KHR");
	yt_coupon_code(zeros, YT_S(COUPON), code);
	CHECK_STR(code, "4GPVEB30BRV6");
	yt_coupon_code(ones, YT_S(COUPON_2ND), code);
	CHECK_STR(code, "W9KS04AA564E");
}

static struct yt_arena arena;

static void begin(struct yt_buf *b, const char *member)
{
	const struct yt_output_head head = {
		.type = YT_OUT_COUPON_ISSUED, .id = COUPON, .shop = YT_STR("s1"), .subject = yt_str_z(member), .of_member = true, .cause = YT_STR("e1"),
		.rule = YT_STR("recall"), .ruleset = YT_STR("spring@7"), .at_ms = INT64_C(1754042400007),
	};

	yt_buf_init(b, &arena);
	yt_output_begin(b, &head);
}

TEST(output_bytes_are_those_of_the_contract)
{
	struct yt_buf b;

	begin(&b, "m1");
	yt_output_text(&b, "coupon", YT_S(COUPON));
	yt_output_int(&b, "amount_off", -5);
	yt_output_raw(&b, "for", YT_S("{\"order\":\"A-2001\"}"));
	yt_output_end(&b);
	yt_buf_c(&b, '\0');
	CHECK_STR(b.p,
	          "{\"specversion\":\"1.0\",\"id\":\"" COUPON "\",\"source\":\"/shops/s1/yutang\",\"type\":\"coupon.issued\","
	          "\"time\":\"2025-08-01T10:00:00.007Z\",\"subject\":\"m1\",\"datacontenttype\":\"application/json\",\"data\":{"
	          "\"shop\":\"s1\",\"member\":\"m1\",\"cause\":\"e1\",\"rule\":\"recall\",\"ruleset\":\"spring@7\",\"at\":1754042400007,"
	          "\"coupon\":\"" COUPON "\",\"amount_off\":-5,\"for\":{\"order\":\"A-2001\"}}}");
}

TEST(texts_of_an_output_are_escaped)
{
	const char *member = "a\"b\\c/鱼\xf0\x9f\x90\x9f";
	struct yt_buf b;
	const cJSON *root, *data;
	char why[128];

	begin(&b, member);
	yt_output_text(&b, "note", YT_S("line\nbreak\x01"));
	yt_output_text(&b, "none", (struct yt_str){ 0 });
	yt_output_end(&b);
	CHECK_INT(yt_json_parse(&arena, yt_buf_str(&b), 0, 0, &root, why), YT_JSON_OK);
	data = yt_json_get(root, "data");
	CHECK(yt_str_eq(yt_json_text(yt_json_get(root, "subject")), yt_str_z(member)));
	CHECK(yt_str_eq(yt_json_text(yt_json_get(data, "member")), yt_str_z(member)));
	CHECK(yt_str_eq(yt_json_text(yt_json_get(data, "note")), YT_S("line\nbreak\x01")));
	CHECK(yt_json_is_text(yt_json_get(data, "none")) && yt_json_text(yt_json_get(data, "none")).n == 0);
}

TEST(types_topics_and_reasons_have_the_contract_s_names)
{
	CHECK_STR(yt_outs[YT_OUT_COUPON_ISSUED].name.p, "coupon.issued");
	CHECK_STR(yt_outs[YT_OUT_FOLLOWUP_WITHHELD].name.p, "followup.withheld");
	CHECK_STR(yt_out_topics[yt_outs[YT_OUT_COUPON_REFUSED].topic], "coupons");
	CHECK_STR(yt_out_topics[yt_outs[YT_OUT_FOLLOWUP_DUE].topic], "followups");
	CHECK_STR(yt_reason_name(YT_REASON_NOT_YOURS), "not_yours");
	CHECK_STR(yt_reason_name(YT_REASON_RULE_GONE), "rule_gone");
	for (int r = 0; r < YT_REASON__COUNT; r++)
		CHECK(yt_reason_name((enum yt_reason)r) != NULL);
}

TEST_MAIN
{
	yt_arena_init(&arena, 0);
	RUN(ids_are_those_of_the_recipe);
	RUN(codes_are_those_of_python);
	RUN(output_bytes_are_those_of_the_contract);
	RUN(texts_of_an_output_are_escaped);
	RUN(types_topics_and_reasons_have_the_contract_s_names);
	yt_arena_deinit(&arena);
}
