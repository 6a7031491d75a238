/* Decoding: each kind of field at its limit and one beyond, each reason, both modes. */
#include "unit/test.h"

#include "yutang/base/json.h"
#include "yutang/event/event.h"

#define NOW INT64_C(1754042400000) /* 2025-08-01T10:00:00Z */
#define HOUR INT64_C(3600000)

static struct yt_arena arena;
static struct yt_decoded got;

static void decode_raw(struct yt_str value, const struct yt_header *headers, size_t n, int64_t now)
{
	char *exact = yt_arena_alloc(&arena, value.n + 1);

	memcpy(exact, value.p ? value.p : "", value.n);
	yt_event_decode(&arena, value.p ? yt_str(exact, value.n) : value, headers, n, now, &got);
}

/* A whole event as it stands on a topic. */
static void decode_value(const char *value)
{
	decode_raw(yt_str_z(value), NULL, 0, NOW);
}

static void decode_at(const char *type, const char *data, int64_t now)
{
	struct yt_str value = yt_arena_printf(&arena,
		"{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"/shops/s1\",\"type\":\"%s\",\"time\":\"2025-08-01T10:00:00Z\",\"data\":%s}",
		type, data);

	decode_raw(value, NULL, 0, now);
}

static void decode(const char *type, const char *data)
{
	decode_at(type, data, NOW);
}

/* order.paid whose data is the good one with `field` set to `json` (NULL: taken out). */
static void decode_paid(const char *field, const char *json)
{
	static const char *const good[][2] = {
		{ "order", "\"A-1\"" },      { "member", "\"m1\"" }, { "paid_at", "1754042400000" }, { "amount", "12900" },
		{ "currency", "\"CNY\"" }, { "items", "[{\"sku\":\"S\",\"quantity\":1,\"amount\":12900}]" },
	};
	struct yt_buf b;
	const char *sep = "{";

	yt_buf_init(&b, &arena);
	for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
		if (strcmp(good[k][0], field) == 0)
			continue;
		yt_buf_printf(&b, "%s\"%s\":%s", sep, good[k][0], good[k][1]);
		sep = ",";
	}
	if (json)
		yt_buf_printf(&b, "%s\"%s\":%s", sep, field, json);
	yt_buf_c(&b, '}');
	yt_buf_c(&b, '\0');
	decode("order.paid", b.p);
}

#define GOOD() CHECK_MSG(got.dead == YT_DEAD_NONE && got.event, "refused: %s, %s", yt_dead_name(got.dead), got.detail)
#define DEAD(reason, text)                                        \
	do {                                                      \
		CHECK_STR(yt_dead_name(got.dead), reason);        \
		CHECK_STR(got.detail, text);                      \
		CHECK(got.event == NULL);                         \
	} while (0)

/* A JSON text of n bytes; `ch` repeated. */
static const char *text_of(const char *ch, size_t bytes)
{
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	yt_buf_c(&b, '"');
	while (b.n - 1 < bytes)
		yt_buf_z(&b, ch);
	yt_buf_z(&b, "\"");
	yt_buf_c(&b, '\0');
	return b.p;
}

/* A list of n copies of an element. */
static const char *list_of(const char *element, int n)
{
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	yt_buf_c(&b, '[');
	for (int k = 0; k < n; k++)
		yt_buf_printf(&b, "%s%s", k ? "," : "", element);
	yt_buf_c(&b, ']');
	yt_buf_c(&b, '\0');
	return b.p;
}

static const char *num(int64_t v)
{
	return yt_arena_printf(&arena, "%lld", (long long)v).p;
}

static bool is(struct yt_str s, const char *z)
{
	return yt_str_eq(s, yt_str_z(z));
}

/* ---- the whole event ---- */

TEST(paid_with_all_fields_is_read)
{
	const struct yt_event *ev;
	const union yt_field_value *v;

	decode("order.paid",
	       "{\"order\":\"A-1\",\"member\":\"m/1\",\"paid_at\":1754042400001,\"amount\":12900,\"currency\":\"CNY\",\"items\":["
	       "{\"sku\":\"S1\",\"quantity\":2,\"amount\":13900,\"more\":1},{\"sku\":\"discount\",\"quantity\":0,\"amount\":-1000}],"
	       "\"coupons\":[\"C1\",\"C2\"],\"channel\":\"\",\"buyer\":{\"phone\":\"p\",\"address\":\"a\"},\"presale\":\"P\",\"unknown\":[{}]}");
	GOOD();
	ev = got.event;
	CHECK_INT(ev->type, YT_ORDER_PAID);
	CHECK(is(ev->id, "e1") && is(ev->shop, "s1"));
	CHECK_INT(ev->time, NOW);
	CHECK_INT(ev->at, INT64_C(1754042400001));
	CHECK(is(yt_event_text(ev, YT_F_ORDER), "A-1") && is(yt_event_text(ev, YT_F_MEMBER), "m/1"));
	CHECK_INT(yt_event_int(ev, YT_F_AMOUNT), 12900);
	CHECK(is(yt_event_text(ev, YT_F_CURRENCY), "CNY") && is(yt_event_text(ev, YT_F_PRESALE), "P"));
	CHECK(yt_event_field(ev, YT_F_CHANNEL) != NULL);
	v = yt_event_field(ev, YT_F_ITEMS);
	CHECK_INT(v->list.n, 2);
	CHECK(is(v->list.items[0].sku, "S1"));
	CHECK_INT(v->list.items[0].quantity, 2);
	CHECK_INT(v->list.items[0].amount, 13900);
	CHECK_INT(v->list.items[1].quantity, 0);
	CHECK_INT(v->list.items[1].amount, -1000);
	v = yt_event_field(ev, YT_F_COUPONS);
	CHECK_INT(v->list.n, 2);
	CHECK(is(v->list.codes[1], "C2"));
	v = yt_event_field(ev, YT_F_BUYER);
	CHECK(is(v->list.buyer->phone, "p") && v->list.buyer->device.n == 0 && is(v->list.buyer->address, "a"));
	CHECK(yt_event_field(ev, YT_F_SHIPPED_AT) == NULL);
}

TEST(each_type_with_its_required_fields_is_read)
{
	static const char *const good[YT_TYPE__COUNT] = {
		[YT_ORDER_PAID] = "{\"order\":\"o\",\"member\":\"m\",\"paid_at\":1754042400000,\"amount\":0,\"currency\":\"CNY\",\"items\":[]}",
		[YT_ORDER_SHIPPED] = "{\"order\":\"o\",\"shipped_at\":1754042400000}",
		[YT_ORDER_SIGNED] = "{\"order\":\"o\",\"signed_at\":1754042400000}",
		[YT_ORDER_REFUNDED] = "{\"order\":\"o\",\"refund\":\"r\",\"refunded_at\":1754042400000,\"amount\":0}",
		[YT_ORDER_CANCELLED] = "{\"order\":\"o\",\"cancelled_at\":1754042400000}",
		[YT_PRESALE_DEPOSIT_PAID] = "{\"presale\":\"p\",\"member\":\"m\",\"paid_at\":1754042400000,\"amount\":0,\"balance_from\":1754042400000,\"balance_until\":1754042400001}",
		[YT_PRESALE_DEPOSIT_REFUNDED] = "{\"presale\":\"p\",\"member\":\"m\",\"refunded_at\":1754042400000}",
		[YT_ALIAS_BOUND] = "{\"alias\":\"ref:x\",\"member\":\"m\"}",
		[YT_GROUP_JOINED] = "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":1754042400000}",
		[YT_GROUP_LEFT] = "{\"group\":\"g\",\"member\":\"m\",\"left_at\":1754042400000}",
		[YT_GROUP_CHANGED] = "{\"group\":\"g\",\"version\":2,\"last_version\":1}",
		[YT_CONTACT_ADDED] = "{\"account\":\"a\",\"member\":\"m\",\"added_at\":1754042400000}",
		[YT_CONTACT_REMOVED] = "{\"account\":\"a\",\"member\":\"m\",\"removed_at\":1754042400000}",
		[YT_MEMBER_LINKED] = "{\"identity\":\"wecom:x\",\"member\":\"m\"}",
		[YT_MEMBER_ERASE] = "{\"member\":\"m\",\"by\":\"anna\"}",
		[YT_REFERRAL_BOUND] = "{\"referrer\":\"ref:x\",\"member\":\"m\",\"bound_at\":1754042400000}",
		[YT_SHARE_MADE] = "{\"share\":\"s\",\"member\":\"m\",\"friend\":\"f\",\"shared_at\":1754042400000}",
		[YT_GIFT_CLAIMED] = "{\"gift\":\"g\",\"member\":\"m\",\"claimed_at\":1754042400000}",
		[YT_REFERRAL_APPROVE] = "{\"referrer\":\"r\",\"member\":\"m\",\"by\":\"ann\"}",
		[YT_REFERRAL_VOID] = "{\"referrer\":\"ref:x\",\"member\":\"m\",\"by\":\"ann\"}",
		[YT_COUPON_GRANT] = "{\"member\":\"m\",\"template\":\"t\",\"by\":\"ann\"}",
		[YT_COUPON_REVOKE] = "{\"member\":\"m\",\"coupon\":\"c\",\"by\":\"ann\"}",
	};

	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		const struct yt_type_info *info = &yt_types[t];

		decode(info->name.p, good[t]);
		GOOD();
		CHECK_INT(got.event->type, t);
		CHECK_INT(got.event->at, info->at == YT_F_NONE ? got.event->time : NOW);
		/* An empty data lacks the first required field of the row. */
		decode(info->name.p, "{}");
		DEAD("missing_field", yt_arena_printf(&arena, "%s: missing", yt_fields[info->fields[0].field].name.p).p);
	}
}

TEST(a_claim_that_is_absent_is_the_first)
{
	decode("gift.claimed", "{\"gift\":\"g\",\"member\":\"m\",\"claimed_at\":1754042400000}");
	GOOD();
	CHECK(is(yt_event_text(got.event, YT_F_CLAIM), "1"));
	decode("gift.claimed", "{\"gift\":\"g\",\"member\":\"m\",\"claimed_at\":1754042400000,\"claim\":null}");
	GOOD();
	CHECK(is(yt_event_text(got.event, YT_F_CLAIM), "1"));
	decode("gift.claimed", "{\"gift\":\"g\",\"member\":\"m\",\"claimed_at\":1754042400000,\"claim\":\"2\"}");
	GOOD();
	CHECK(is(yt_event_text(got.event, YT_F_CLAIM), "2"));
	decode("gift.claimed", "{\"gift\":\"g\",\"member\":\"m\",\"claimed_at\":1754042400000,\"claim\":2}");
	DEAD("bad_field", "claim: a number where a text belongs");
}

TEST(each_required_field_missing_or_null_is_named)
{
	static const char *const fields[] = { "order", "member", "paid_at", "amount", "currency", "items" };

	for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
		const char *detail = yt_arena_printf(&arena, "%s: missing", fields[k]).p;

		decode_paid(fields[k], NULL);
		DEAD("missing_field", detail);
		decode_paid(fields[k], "null");
		DEAD("missing_field", detail);
	}
}

TEST(null_of_an_optional_field_counts_as_absent)
{
	static const char *const fields[] = { "coupons", "channel", "buyer", "presale" };

	for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
		decode_paid(fields[k], "null");
		GOOD();
		CHECK(yt_event_field(got.event, (enum yt_field)yt_field_find(yt_str_z(fields[k]))) == NULL);
	}
}

/* ---- kinds of field ---- */

TEST(id_of_128_bytes_passes_and_129_does_not)
{
	decode_paid("order", text_of("x", 128));
	GOOD();
	CHECK_INT(yt_event_text(got.event, YT_F_ORDER).n, 128);
	decode_paid("order", text_of("x", 129));
	DEAD("bad_field", "order: longer than 128 bytes");
	decode_paid("order", text_of("鱼", 126)); /* bytes are counted, not characters */
	GOOD();
	decode_paid("order", text_of("鱼", 127));
	DEAD("bad_field", "order: longer than 128 bytes");
}

TEST(id_that_is_empty_or_no_text_is_refused)
{
	decode_paid("order", "\"\"");
	DEAD("bad_field", "order: empty");
	decode_paid("order", "820982911946154508");
	DEAD("bad_field", "order: a number where a text belongs");
	decode_paid("order", "1");
	DEAD("bad_field", "order: a number where a text belongs");
	decode_paid("order", "true");
	DEAD("bad_field", "order: not a text");
	decode_paid("order", "[\"A\"]");
	DEAD("bad_field", "order: not a text");
	decode_paid("presale", "\"\"");
	DEAD("bad_field", "presale: empty");
}

TEST(control_characters_are_refused_their_neighbours_pass)
{
	static const char *const refused[] = { "\"a\\nb\"", "\"\\u0001\"", "\"\\u001f\"", "\"\\u007f\"", "\"\\u0080\"", "\"\\u009f\"", "\"x\\t\"" };
	static const char *const taken[] = { "\" \"", "\"~\"", "\"\\u00a0\"", "\"\\u00ff\"", "\"\\u2028\"", "\"\\ud83d\\ude00\"", "\"\\\"\\\\/\"" };

	for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
		decode_paid("order", refused[k]);
		DEAD("bad_field", "order: has a control character");
	}
	for (size_t k = 0; k < sizeof taken / sizeof *taken; k++) {
		decode_paid("order", taken[k]);
		GOOD();
	}
}

TEST(member_that_begins_with_a_tilde_is_refused)
{
	decode_paid("member", "\"~m\"");
	DEAD("bad_field", "member: begins with ~");
	decode_paid("member", "\"m~\"");
	GOOD();
	decode("referral.bound", "{\"referrer\":\"~m\",\"member\":\"n\",\"bound_at\":1754042400000}");
	DEAD("bad_field", "referrer: begins with ~");
	decode_paid("member", "17");
	DEAD("bad_field", "member: a number where a text belongs");
}

TEST(text_may_be_empty_and_has_128_bytes)
{
	decode_paid("channel", "\"\"");
	GOOD();
	decode_paid("channel", text_of("x", 128));
	GOOD();
	decode_paid("channel", text_of("x", 129));
	DEAD("bad_field", "channel: longer than 128 bytes");
	decode_paid("channel", "\"\\u0007\"");
	DEAD("bad_field", "channel: has a control character");
	decode_paid("channel", "7");
	DEAD("bad_field", "channel: a number where a text belongs");
}

TEST(instant_from_2000_to_now_and_24_hours)
{
	decode_paid("paid_at", num(YT_INSTANT_MIN_MS));
	GOOD();
	decode_paid("paid_at", num(YT_INSTANT_MIN_MS - 1));
	DEAD("bad_field", "paid_at: before 2000-01-01 (milliseconds are asked for, are these seconds?)");
	decode_paid("paid_at", "1754042400"); /* seconds */
	DEAD("bad_field", "paid_at: before 2000-01-01 (milliseconds are asked for, are these seconds?)");
	decode_paid("paid_at", num(NOW + 24 * HOUR));
	GOOD();
	decode_paid("paid_at", num(NOW + 24 * HOUR + 1));
	DEAD("bad_field", "paid_at: more than 24 h after now");
	decode_paid("paid_at", "1754042400000000"); /* microseconds */
	DEAD("bad_field", "paid_at: more than 24 h after now");
	decode_paid("paid_at", "0");
	CHECK_INT(got.dead, YT_DEAD_BAD_FIELD);
	decode_paid("paid_at", "-1");
	CHECK_INT(got.dead, YT_DEAD_BAD_FIELD);
	decode_paid("paid_at", "\"2025-08-01T10:00:00Z\"");
	DEAD("bad_field", "paid_at: not a number");
}

TEST(welcome_until_is_bounded_like_any_instant)
{
	static const char fmt[] = "{\"account\":\"a\",\"member\":\"m\",\"added_at\":1754042400000,\"welcome_until\":%lld}";

	decode("contact.added", yt_arena_printf(&arena, fmt, (long long)(NOW + 24 * HOUR)).p);
	GOOD();
	decode("contact.added", yt_arena_printf(&arena, fmt, (long long)(NOW + 24 * HOUR + 1)).p);
	DEAD("bad_field", "welcome_until: more than 24 h after now");
	decode("contact.added", yt_arena_printf(&arena, fmt, 1754042420LL).p);
	DEAD("bad_field", "welcome_until: before 2000-01-01 (milliseconds are asked for, are these seconds?)");
}

TEST(instants_can_be_bounded_after_decoding)
{
	const char *data = "{\"order\":\"o\",\"signed_at\":1754128800001}"; /* NOW + 24 h + 1 ms */
	const struct yt_event *ev;

	decode_at("order.signed", data, YT_NOW_UNKNOWN);
	GOOD();
	ev = got.event;
	CHECK(yt_event_check_now(ev, NOW + 1, &got));
	GOOD();
	CHECK(!yt_event_check_now(ev, NOW, &got));
	DEAD("bad_field", "signed_at: more than 24 h after now");
	CHECK(yt_event_check_now(ev, INT64_MAX, &got));
	CHECK(!yt_event_check_now(ev, INT64_MIN, &got));
}

static void decode_deposit(int64_t from, int64_t until)
{
	decode("presale.deposit_paid", yt_arena_printf(&arena, "{\"presale\":\"p\",\"member\":\"m\",\"paid_at\":%lld,\"amount\":1,\"balance_from\":%lld,\"balance_until\":%lld}",
	                                               (long long)NOW, (long long)from, (long long)until).p);
}

TEST(the_window_of_a_balance_ends_after_it_begins_and_within_two_years)
{
	const int64_t years = 731 * 24 * (int64_t)HOUR;

	decode_deposit(NOW + years - 1, NOW + years);
	GOOD();
	decode_deposit(NOW, NOW + years + 1);
	DEAD("bad_field", "balance_until: more than 2 years after now");
	decode_deposit(NOW + years + 1, NOW + years + 2);
	DEAD("bad_field", "balance_from: more than 2 years after now");
	decode_deposit(NOW, NOW);
	DEAD("bad_field", "balance_until: not after balance_from");
	decode_deposit(NOW + 1, NOW);
	DEAD("bad_field", "balance_until: not after balance_from");
	decode_deposit(1764042399, 1764042400);
	DEAD("bad_field", "balance_from: before 2000-01-01 (milliseconds are asked for, are these seconds?)");
	/* A fact's own instant has no two years. */
	decode("presale.deposit_refunded", yt_arena_printf(&arena, "{\"presale\":\"p\",\"member\":\"m\",\"refunded_at\":%lld}", (long long)(NOW + 24 * HOUR + 1)).p);
	DEAD("bad_field", "refunded_at: more than 24 h after now");
	decode("presale.deposit_paid", "{\"presale\":\"p\",\"member\":\"m\",\"paid_at\":1754042400000,\"amount\":-1,\"balance_from\":1754042400000,\"balance_until\":1754042400001}");
	DEAD("bad_field", "amount: negative");
}

TEST(integers_are_digits_only)
{
	static const char *const refused[] = { "12900.0", "1.29e4", "129E2", "1e0", "0.5", "-0.0" };

	for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
		decode_paid("amount", refused[k]);
		DEAD("bad_field", "amount: not written as an integer in digits only");
	}
	decode_paid("amount", "\"12900\"");
	DEAD("bad_field", "amount: not a number");
	decode_paid("amount", "true");
	DEAD("bad_field", "amount: not a number");
	decode_paid("amount", "{}");
	DEAD("bad_field", "amount: not a number");
}

TEST(money_lies_within_2_to_the_53)
{
	decode_paid("amount", "9007199254740991");
	GOOD();
	CHECK_INT(yt_event_int(got.event, YT_F_AMOUNT), INT64_C(9007199254740991));
	decode_paid("amount", "9007199254740992");
	DEAD("bad_field", "amount: out of range");
	decode_paid("amount", "99999999999999999999999999");
	DEAD("bad_field", "amount: out of range");
	decode_paid("items", "[{\"sku\":\"S\",\"quantity\":1,\"amount\":-9007199254740991}]");
	GOOD();
	CHECK_INT(yt_event_field(got.event, YT_F_ITEMS)->list.items[0].amount, INT64_C(-9007199254740991));
	decode_paid("items", "[{\"sku\":\"S\",\"quantity\":1,\"amount\":-9007199254740992}]");
	DEAD("bad_field", "items[0].amount: out of range");
}

TEST(amount_of_an_order_or_a_refund_is_not_negative)
{
	decode_paid("amount", "0");
	GOOD();
	decode_paid("amount", "-1");
	DEAD("bad_field", "amount: negative");
	decode("order.refunded", "{\"order\":\"o\",\"refund\":\"r\",\"refunded_at\":1754042400000,\"amount\":-1}");
	DEAD("bad_field", "amount: negative");
}

TEST(version_may_be_negative)
{
	decode("group.joined", "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":1754042400000,\"version\":-3}");
	GOOD();
	CHECK(is(yt_event_text(got.event, YT_F_VERSION), "-3"));
}

TEST(version_is_a_number_or_an_id)
{
	decode("group.joined", "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":1754042400000,\"version\":\"9c3f97c2ada667dfb5f6d03308d963e1\"}");
	GOOD();
	CHECK(is(yt_event_text(got.event, YT_F_VERSION), "9c3f97c2ada667dfb5f6d03308d963e1"));
	decode("group.joined", "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":1754042400000,\"version\":\"\"}");
	DEAD("bad_field", "version: empty");
	decode("group.joined", "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":1754042400000,\"version\":1.5}");
	DEAD("bad_field", "version: not written as an integer in digits only");
	decode("group.joined", "{\"group\":\"g\",\"member\":\"m\",\"joined_at\":1754042400000,\"version\":true}");
	DEAD("bad_field", "version: not a text");
}

TEST(where_a_type_has_no_instant_the_envelope_s_time_is_bounded_as_one)
{
	static const char *const form = "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/shops/s1\",\"type\":\"group.changed\",\"time\":\"%s\","
		                   "\"data\":{\"group\":\"g\",\"version\":2,\"last_version\":1}}";

	decode_raw(yt_arena_printf(&arena, form, "2000-01-01T00:00:00Z"), NULL, 0, NOW);
	GOOD();
	CHECK_INT(got.event->at, YT_INSTANT_MIN_MS);
	decode_raw(yt_arena_printf(&arena, form, "1999-12-31T23:59:59.999Z"), NULL, 0, NOW);
	DEAD("bad_field", "time: before 2000-01-01");
	decode_raw(yt_arena_printf(&arena, form, "2025-08-02T10:00:00Z"), NULL, 0, NOW); /* 24 h after now */
	GOOD();
	decode_raw(yt_arena_printf(&arena, form, "2025-08-02T10:00:00.001Z"), NULL, 0, NOW);
	DEAD("bad_field", "time: more than 24 h after now");
}

TEST(currency_is_three_capital_letters)
{
	static const char *const refused[] = { "\"cny\"", "\"CN\"", "\"CNYY\"", "\"C1Y\"", "\"元\"" };

	for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
		decode_paid("currency", refused[k]);
		DEAD("bad_field", "currency: not three capital letters");
	}
	decode_paid("currency", "156");
	DEAD("bad_field", "currency: a number where a text belongs");
	decode_paid("currency", "\"\"");
	DEAD("bad_field", "currency: empty");
}

TEST(order_of_500_items_passes_and_501_do_not)
{
	const char *item = "{\"sku\":\"S\",\"quantity\":1,\"amount\":1}";

	decode_paid("items", list_of(item, 500));
	GOOD();
	CHECK_INT(yt_event_field(got.event, YT_F_ITEMS)->list.n, 500);
	decode_paid("items", list_of(item, 501));
	DEAD("too_large", "items: more than 500");
	decode_paid("items", "[]");
	GOOD();
	CHECK_INT(yt_event_field(got.event, YT_F_ITEMS)->list.n, 0);
}

TEST(item_faults_name_the_item)
{
	decode_paid("items", "{}");
	DEAD("bad_field", "items: not a list");
	decode_paid("items", "[{\"sku\":\"S\",\"quantity\":1,\"amount\":1},7]");
	DEAD("bad_field", "items[1]: not an object");
	decode_paid("items", "[null]");
	DEAD("bad_field", "items[0]: not an object");
	decode_paid("items", "[{\"quantity\":1,\"amount\":1}]");
	DEAD("missing_field", "items[0].sku: missing");
	decode_paid("items", "[{\"sku\":12,\"quantity\":1,\"amount\":1}]");
	DEAD("bad_field", "items[0].sku: a number where a text belongs");
	decode_paid("items", "[{\"sku\":\"S\",\"amount\":1}]");
	DEAD("missing_field", "items[0].quantity: missing");
	decode_paid("items", "[{\"sku\":\"S\",\"quantity\":-1,\"amount\":1}]");
	DEAD("bad_field", "items[0].quantity: negative");
	decode_paid("items", "[{\"sku\":\"S\",\"quantity\":1.0,\"amount\":1}]");
	DEAD("bad_field", "items[0].quantity: not written as an integer in digits only");
	decode_paid("items", "[{\"sku\":\"S\",\"quantity\":1,\"amount\":null}]");
	DEAD("missing_field", "items[0].amount: missing");
}

TEST(refund_items_have_no_amount)
{
	static const char fmt[] = "{\"order\":\"o\",\"refund\":\"r\",\"refunded_at\":1754042400000,\"amount\":5,\"items\":%s}";

	decode("order.refunded", yt_arena_printf(&arena, fmt, "[{\"sku\":\"S\",\"quantity\":3,\"amount\":\"ignored\"}]").p);
	GOOD();
	CHECK_INT(yt_event_field(got.event, YT_F_ITEMS)->list.items[0].quantity, 3);
	CHECK_INT(yt_event_field(got.event, YT_F_ITEMS)->list.items[0].amount, 0);
	decode("order.refunded", yt_arena_printf(&arena, fmt, "[{\"sku\":\"S\"}]").p);
	DEAD("missing_field", "items[0].quantity: missing");
	decode("order.refunded", yt_arena_printf(&arena, fmt, list_of("{\"sku\":\"S\",\"quantity\":1}", 501)).p);
	DEAD("too_large", "items: more than 500");
}

TEST(order_with_16_codes_passes_and_17_are_a_limit)
{
	decode_paid("coupons", list_of("\"4YJQ4FB15KHR\"", 16));
	GOOD();
	CHECK_INT(yt_event_field(got.event, YT_F_COUPONS)->list.n, 16);
	decode_paid("coupons", list_of("\"4YJQ4FB15KHR\"", 17));
	DEAD("limit", "coupons: more than 16");
	decode_paid("coupons", "[]");
	GOOD();
	decode_paid("coupons", "\"C\"");
	DEAD("bad_field", "coupons: not a list");
	decode_paid("coupons", "[\"C\",5]");
	DEAD("bad_field", "coupons[1]: a number where a text belongs");
	decode_paid("coupons", "[\"\"]");
	DEAD("bad_field", "coupons[0]: empty");
	decode_paid("coupons", list_of(text_of("x", 129), 1));
	DEAD("bad_field", "coupons[0]: longer than 128 bytes");
}

TEST(buyer_has_optional_texts)
{
	decode_paid("buyer", "{}");
	GOOD();
	decode_paid("buyer", "{\"phone\":\"\",\"device\":null,\"more\":1}");
	GOOD();
	decode_paid("buyer", "\"p\"");
	DEAD("bad_field", "buyer: not an object");
	decode_paid("buyer", "{\"phone\":13800000000}");
	DEAD("bad_field", "buyer.phone: a number where a text belongs");
	decode_paid("buyer", yt_arena_printf(&arena, "{\"address\":%s}", text_of("x", 129)).p);
	DEAD("bad_field", "buyer.address: longer than 128 bytes");
}

TEST(order_event_without_member_is_decoded)
{
	decode("order.signed", "{\"order\":\"o\",\"signed_at\":1754042400000}");
	GOOD();
	CHECK_INT(yt_event_text(got.event, YT_F_MEMBER).n, 0);
	CHECK(is(yt_event_key(&arena, got.event), "s1/~order:o"));
	decode("order.signed", "{\"order\":\"o\",\"member\":\"m\",\"signed_at\":1754042400000}");
	CHECK(is(yt_event_key(&arena, got.event), "s1/m"));
	decode("order.signed", "{\"order\":\"o\",\"member\":\"\",\"signed_at\":1754042400000}");
	DEAD("bad_field", "member: empty");
}

TEST(details_hold_no_content)
{
	static const char *const data[] = {
		"{\"order\":\"SECRET\\n\"}", "{\"order\":\"o\",\"member\":\"~SECRET\"}", "{\"order\":{\"SECRET\":1}}", "{\"order\":\"SECRET\",\"order\":\"SECRET\"}",
		"{\"SECRET\":1,\"SECRET\":2}", "{\"order\":\"o\",\"member\":\"m\",\"paid_at\":\"SECRET\"}", "{\"order\":\"SECRET\\ud800\"}", "{\"order\":SECRET}",
		"\"SECRET\"",
	};

	for (size_t k = 0; k < sizeof data / sizeof *data; k++) {
		decode("order.paid", data[k]);
		CHECK(got.dead != YT_DEAD_NONE && got.detail[0]);
		CHECK_MSG(!strstr(got.detail, "SECRET"), "%s", got.detail);
	}
	decode("SECRET", "{}");
	CHECK(!strstr(got.detail, "SECRET"));
}

/* ---- the envelope ---- */

#define SIGNED "\"data\":{\"order\":\"o\",\"signed_at\":1754042400000}"

TEST(structured_envelope_faults)
{
	static const char *const faults[][3] = {
		{ "[]", "not_cloudevent", "value: not a JSON object" },
		{ "\"x\"", "not_cloudevent", "value: not a JSON object" },
		{ "17", "not_cloudevent", "value: not a JSON object" },
		{ "null", "not_cloudevent", "value: not a JSON object" },
		{ "{}", "not_cloudevent", "specversion: missing" },
		{ "{\"specversion\":null}", "not_cloudevent", "specversion: missing" },
		{ "{\"specversion\":\"0.3\"}", "not_cloudevent", "specversion: not \"1.0\"" },
		{ "{\"specversion\":1.0}", "not_cloudevent", "specversion: not \"1.0\"" },
		{ "{\"specversion\":\"1.0\"}", "missing_field", "id: missing" },
		{ "{\"specversion\":\"1.0\",\"id\":7}", "bad_field", "id: not a text" },
		{ "{\"specversion\":\"1.0\",\"id\":null}", "missing_field", "id: missing" },
		{ "{\"specversion\":\"1.0\",\"id\":\"\"}", "bad_field", "id: empty" },
		{ "{\"specversion\":\"1.0\",\"id\":\"a\\nb\"}", "bad_field", "id: has a control character" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\"}", "missing_field", "source: missing" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\"}", "missing_field", "type: missing" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"\"}", "bad_field", "type: empty" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":false}", "bad_field", "type: not a text" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\"}", "missing_field", "time: missing" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":1754042400000}", "bad_field",
		  "time: not a text" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01\"}", "bad_field",
		  "time: not an RFC 3339 date and time" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\"}",
		  "missing_field", "data: missing" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\",\"data\":null}",
		  "missing_field", "data: missing" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\",\"data\":\"{}\"}",
		  "bad_field", "data: not an object" },
		{ "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\","
		  "\"data_base64\":\"e30=\"}", "bad_field", "data_base64: not supported, data is a JSON object" },
	};

	for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
		decode_value(faults[k][0]);
		DEAD(faults[k][1], faults[k][2]);
	}
}

TEST(types_of_no_or_a_later_version_are_unknown)
{
	static const char *const types[] = { "order.payed", "Order.paid", "order.paid ", "referral.qualified", "member.erased", "coupon.issued" };

	for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
		decode(types[k], "{}");
		DEAD("unknown_type", "type: none that this version takes");
	}
}

TEST(unknown_attributes_are_ignored)
{
	decode_value("{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T18:00:00.5+08:00\","
	             "\"datacontenttype\":\"application/json\",\"traceparent\":7,\"subject\":null,\"data_base64\":null," SIGNED "}");
	GOOD();
	CHECK_INT(got.event->time, NOW + 500);
}

static void decode_source(const char *source)
{
	decode_value(yt_arena_printf(&arena, "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":%s,\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\"," SIGNED "}",
	                             source).p);
}

TEST(shop_is_1_to_64_of_its_alphabet)
{
	static const char *const refused[] = { "/shops/", "/shops/a b", "/shops/a/b", "/shops/a/", "shops/a", "/shop/a", "/Shops/a", "", "/shops/é", "https://x/shops/a", "/shops/a\\u007f" };

	decode_source("\"/shops/A.z_0-9\"");
	GOOD();
	CHECK(is(got.event->shop, "A.z_0-9"));
	decode_source(yt_arena_printf(&arena, "\"/shops/%064d\"", 0).p);
	GOOD();
	CHECK_INT(got.event->shop.n, 64);
	decode_source(yt_arena_printf(&arena, "\"/shops/%065d\"", 0).p);
	CHECK_INT(got.dead, YT_DEAD_BAD_FIELD);
	for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
		decode_source(yt_arena_printf(&arena, "\"%s\"", refused[k]).p);
		DEAD("bad_field", "source: not /shops/<shop> with a shop of 1 to 64 of A-Z a-z 0-9 . _ -");
	}
}

TEST(what_is_not_json_is_told_so)
{
	static const char *const values[] = { "", " ", "{", "{}x", "{\"a\":1,\"a\":2}", "{\"id\":\"\\ud800\"}", "{\"id\":\"\xff\"}", "{'id':1}", "NaN", "{\"a\":01}" };

	for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
		decode_value(values[k]);
		CHECK_MSG(got.dead == YT_DEAD_NOT_JSON && !got.event, "value %zu: %s", k, yt_dead_name(got.dead));
		CHECK(strncmp(got.detail, "value: ", 7) == 0 && got.detail[7]);
	}
	decode_raw((struct yt_str){ 0 }, NULL, 0, NOW);
	CHECK_INT(got.dead, YT_DEAD_NOT_JSON);
}

TEST(event_of_256_KiB_passes_and_one_byte_more_does_not)
{
	static char value[YT_JSON_BYTES_MAX + 1];
	const char *start = "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\"," SIGNED ",\"x\":\"";
	size_t n = strlen(start);

	for (int more = 0; more < 2; more++) {
		size_t size = YT_JSON_BYTES_MAX + (size_t)more;

		memset(value, 'x', size);
		memcpy(value, start, n);
		memcpy(value + size - 2, "\"}", 2);
		decode_raw(yt_str(value, size), NULL, 0, NOW);
		CHECK_STR(yt_dead_name(got.dead), more ? "too_large" : "none");
	}
}

TEST(json_16_deep_passes_and_17_does_not)
{
	/* The envelope is the first level, data the second. */
	decode("order.signed", "{\"order\":\"o\",\"signed_at\":1754042400000,\"x\":[[[[[[[[[[[[[[]]]]]]]]]]]]]]}");
	GOOD();
	decode("order.signed", "{\"order\":\"o\",\"signed_at\":1754042400000,\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}");
	CHECK_STR(yt_dead_name(got.dead), "too_deep");
	CHECK(strncmp(got.detail, "value: ", 7) == 0);
}

/* ---- binary mode ---- */

#define H(name, value) { YT_STR(name), YT_STR(value) }
#define BODY "{\"order\":\"o\",\"signed_at\":1754042400000}"

TEST(binary_mode_reads_headers_and_data)
{
	const struct yt_header headers[] = {
		H("content-type", "application/json"), H("ce_specversion", "1.0"), H("ce_id", "e-鱼"), H("ce_source", "/shops/s9"),
		H("ce_type", "order.signed"), H("ce_time", "2025-08-01T10:00:00Z"), H("ce_traceparent", "x"), H("ce_traceparent", "y"), H("other", "z"),
	};

	decode_raw(yt_str_z(BODY), headers, sizeof headers / sizeof *headers, NOW);
	GOOD();
	CHECK(is(got.event->id, "e-鱼") && is(got.event->shop, "s9") && is(yt_event_text(got.event, YT_F_ORDER), "o"));
	CHECK_INT(got.event->time, NOW);
}

TEST(binary_mode_texts_outlive_the_headers)
{
	char id[] = "e1", source[] = "/shops/s1";
	const struct yt_header headers[] = {
		H("ce_specversion", "1.0"), { YT_STR("ce_id"), { id, 2 } }, { YT_STR("ce_source"), { source, 9 } }, H("ce_type", "order.signed"),
		H("ce_time", "2025-08-01T10:00:00Z"),
	};

	decode_raw(yt_str_z(BODY), headers, 5, NOW);
	memset(id, '#', 2);
	memset(source, '#', 9);
	GOOD();
	CHECK(is(got.event->id, "e1") && is(got.event->shop, "s1"));
}

/* The good headers with one taken out, or replaced, or added. */
static void decode_binary(const char *name, struct yt_str value, const char *body)
{
	struct yt_header headers[6] = {
		H("ce_specversion", "1.0"), H("ce_id", "e1"), H("ce_source", "/shops/s1"), H("ce_type", "order.signed"), H("ce_time", "2025-08-01T10:00:00Z"),
	};
	size_t n = 5, k = 0;

	while (k < 5 && !is(headers[k].name, name))
		k++;
	headers[k] = (struct yt_header){ yt_str_z(name), value };
	decode_raw(yt_str_z(body), headers, k < 5 ? n : n + 1, NOW);
}

TEST(binary_mode_faults)
{
	const struct yt_str null = { 0 };

	decode_binary("ce_specversion", YT_S("0.3"), BODY);
	DEAD("not_cloudevent", "specversion: not \"1.0\"");
	decode_binary("ce_id", null, BODY);
	DEAD("missing_field", "id: missing");
	decode_binary("ce_id", YT_S(""), BODY);
	DEAD("bad_field", "id: empty");
	decode_binary("ce_id", YT_S("\xff"), BODY);
	DEAD("bad_field", "id: not UTF-8");
	decode_binary("ce_id", YT_S("a\0b"), BODY);
	DEAD("bad_field", "id: has a control character");
	decode_binary("ce_id", YT_S("\xc2\x85"), BODY);
	DEAD("bad_field", "id: has a control character");
	decode_binary("ce_source", YT_S("/shops/"), BODY);
	CHECK_INT(got.dead, YT_DEAD_BAD_FIELD);
	decode_binary("ce_source", null, BODY);
	DEAD("missing_field", "source: missing");
	decode_binary("ce_type", YT_S("order.payed"), "not even JSON");
	DEAD("unknown_type", "type: none that this version takes");
	decode_binary("ce_time", YT_S("yesterday"), BODY);
	DEAD("bad_field", "time: not an RFC 3339 date and time");
	decode_binary("x", YT_S("y"), "");
	DEAD("missing_field", "data: missing");
	decode_binary("x", YT_S("y"), "null");
	DEAD("missing_field", "data: missing");
	decode_binary("x", YT_S("y"), "[]");
	DEAD("bad_field", "data: not an object");
	decode_binary("x", YT_S("y"), "{");
	CHECK_INT(got.dead, YT_DEAD_NOT_JSON);
	decode_binary("x", YT_S("y"), "{}");
	DEAD("missing_field", "order: missing");
}

TEST(binary_mode_takes_no_header_twice)
{
	const struct yt_header twice[] = {
		H("ce_specversion", "1.0"), H("ce_id", "e1"), H("ce_id", "e1"), H("ce_source", "/shops/s1"), H("ce_type", "order.signed"),
		H("ce_time", "2025-08-01T10:00:00Z"),
	};

	decode_raw(yt_str_z(BODY), twice, 6, NOW);
	DEAD("not_cloudevent", "ce_id: more than one header");
}

TEST(structured_content_type_wins_over_ce_headers)
{
	const struct yt_header headers[] = {
		H("Content-Type", "application/cloudevents+json; charset=UTF-8"), H("ce_specversion", "1.0"), H("ce_id", "other"), H("ce_type", "x"),
	};

	decode_raw(yt_str_z("{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/shops/s1\",\"type\":\"order.signed\",\"time\":\"2025-08-01T10:00:00Z\"," SIGNED "}"),
	           headers, 4, NOW);
	GOOD();
	CHECK(is(got.event->id, "i"));
}

TEST(ce_headers_without_specversion_are_no_binary_mode)
{
	const struct yt_header headers[] = { H("ce_id", "e1"), H("ce_type", "order.signed") };

	decode_raw(yt_str_z(BODY), headers, 2, NOW);
	DEAD("not_cloudevent", "specversion: missing");
}

TEST_MAIN
{
	yt_types_init();
	yt_arena_init(&arena, 0);
	RUN(paid_with_all_fields_is_read);
	RUN(each_type_with_its_required_fields_is_read);
	RUN(a_claim_that_is_absent_is_the_first);
	RUN(each_required_field_missing_or_null_is_named);
	RUN(null_of_an_optional_field_counts_as_absent);
	RUN(id_of_128_bytes_passes_and_129_does_not);
	RUN(id_that_is_empty_or_no_text_is_refused);
	RUN(control_characters_are_refused_their_neighbours_pass);
	RUN(member_that_begins_with_a_tilde_is_refused);
	RUN(text_may_be_empty_and_has_128_bytes);
	RUN(instant_from_2000_to_now_and_24_hours);
	RUN(welcome_until_is_bounded_like_any_instant);
	RUN(instants_can_be_bounded_after_decoding);
	RUN(the_window_of_a_balance_ends_after_it_begins_and_within_two_years);
	RUN(integers_are_digits_only);
	RUN(money_lies_within_2_to_the_53);
	RUN(amount_of_an_order_or_a_refund_is_not_negative);
	RUN(version_may_be_negative);
	RUN(version_is_a_number_or_an_id);
	RUN(where_a_type_has_no_instant_the_envelope_s_time_is_bounded_as_one);
	RUN(currency_is_three_capital_letters);
	RUN(order_of_500_items_passes_and_501_do_not);
	RUN(item_faults_name_the_item);
	RUN(refund_items_have_no_amount);
	RUN(order_with_16_codes_passes_and_17_are_a_limit);
	RUN(buyer_has_optional_texts);
	RUN(order_event_without_member_is_decoded);
	RUN(details_hold_no_content);
	RUN(structured_envelope_faults);
	RUN(types_of_no_or_a_later_version_are_unknown);
	RUN(unknown_attributes_are_ignored);
	RUN(shop_is_1_to_64_of_its_alphabet);
	RUN(what_is_not_json_is_told_so);
	RUN(event_of_256_KiB_passes_and_one_byte_more_does_not);
	RUN(json_16_deep_passes_and_17_does_not);
	RUN(binary_mode_reads_headers_and_data);
	RUN(binary_mode_texts_outlive_the_headers);
	RUN(binary_mode_faults);
	RUN(binary_mode_takes_no_header_twice);
	RUN(structured_content_type_wins_over_ce_headers);
	RUN(ce_headers_without_specversion_are_no_binary_mode);
	yt_arena_deinit(&arena);
}
