/* The table of types, record keys, and the texts of facts (EVENTS.md, "In" and "Ids"). */
#include "unit/test.h"

#include "yutang/event/event.h"

static struct yt_arena arena;

/* One event of each type with every field of its business key, the fact and the record key that follow. */
static const struct {
	const char *type, *topic, *data, *fact, *key;
	enum yt_field at;
} cases[YT_TYPE__COUNT] = {
	[YT_ORDER_PAID] = { "order.paid", "orders",
		"{\"order\":\"A-1\",\"member\":\"m1\",\"paid_at\":1754042400001,\"amount\":1,\"currency\":\"CNY\",\"items\":[]}",
		"order.paid\nA-1", "s1/m1", YT_F_PAID_AT },
	[YT_ORDER_SHIPPED] = { "order.shipped", "orders", "{\"order\":\"A-1\",\"shipped_at\":1754042400001}",
		"order.shipped\nA-1", "s1/~order:A-1", YT_F_SHIPPED_AT },
	[YT_ORDER_SIGNED] = { "order.signed", "orders", "{\"order\":\"A-1\",\"member\":\"m1\",\"signed_at\":1754042400001}",
		"order.signed\nA-1", "s1/m1", YT_F_SIGNED_AT },
	[YT_ORDER_REFUNDED] = { "order.refunded", "orders",
		"{\"order\":\"A-1\",\"member\":\"m1\",\"refund\":\"R-9\",\"refunded_at\":1754042400001,\"amount\":1}",
		"order.refunded\nA-1\nR-9", "s1/m1", YT_F_REFUNDED_AT },
	[YT_ORDER_CANCELLED] = { "order.cancelled", "orders", "{\"order\":\"A-1\",\"cancelled_at\":1754042400001}",
		"order.cancelled\nA-1", "s1/~order:A-1", YT_F_CANCELLED_AT },
	[YT_PRESALE_DEPOSIT_PAID] = { "presale.deposit_paid", "orders",
		"{\"presale\":\"box\",\"member\":\"m1\",\"paid_at\":1754042400001,\"amount\":1,\"balance_from\":1754042400000,\"balance_until\":1754042400001}",
		"presale.deposit_paid\nbox\nm1", "s1/m1", YT_F_PAID_AT },
	[YT_PRESALE_DEPOSIT_REFUNDED] = { "presale.deposit_refunded", "orders", "{\"presale\":\"box\",\"member\":\"m1\",\"refunded_at\":1754042400001}",
		"presale.deposit_refunded\nbox\nm1", "s1/m1", YT_F_REFUNDED_AT },
	[YT_ALIAS_BOUND] = { "alias.bound", "orders", "{\"alias\":\"order:A-1\",\"member\":\"m1\"}", "alias.bound\norder:A-1", "s1/~order:A-1", YT_F_NONE },
	[YT_GROUP_JOINED] = { "group.joined", "groups", "{\"group\":\"g1\",\"member\":\"m1\",\"joined_at\":1754042400001,\"inviter\":\"x\"}",
		"group.joined\ng1\nm1\n1754042400001", "s1/m1", YT_F_JOINED_AT },
	[YT_GROUP_LEFT] = { "group.left", "groups", "{\"group\":\"g1\",\"member\":\"m1\",\"left_at\":1754042400001}",
		"group.left\ng1\nm1\n1754042400001", "s1/m1", YT_F_LEFT_AT },
	[YT_GROUP_CHANGED] = { "group.changed", "groups", "{\"group\":\"g1\",\"version\":\"9c3f\",\"last_version\":7}",
		"group.changed\ng1\n9c3f", "s1/~group:g1", YT_F_NONE },
	[YT_CONTACT_ADDED] = { "contact.added", "groups", "{\"account\":\"zhang\",\"member\":\"wecom:wm/1\",\"added_at\":1754042400001}",
		"contact.added\nzhang\nwecom:wm/1\n1754042400001", "s1/wecom:wm/1", YT_F_ADDED_AT },
	[YT_CONTACT_REMOVED] = { "contact.removed", "groups", "{\"account\":\"zhang\",\"member\":\"鱼\",\"removed_at\":1754042400001}",
		"contact.removed\nzhang\n鱼\n1754042400001", "s1/鱼", YT_F_REMOVED_AT },
	[YT_MEMBER_LINKED] = { "member.linked", "groups", "{\"identity\":\"wecom:wm1\",\"member\":\"m1\"}", "member.linked\nwecom:wm1", "s1/wecom:wm1", YT_F_NONE },
	[YT_REFERRAL_BOUND] = { "referral.bound", "referrals", "{\"referrer\":\"m2\",\"member\":\"m1\",\"bound_at\":1754042400001}",
		"referral.bound\nm1", "s1/m1", YT_F_BOUND_AT },
	[YT_SHARE_MADE] = { "share.made", "referrals", "{\"share\":\"cut\",\"member\":\"m1\",\"friend\":\"m2\",\"shared_at\":1754042400001}",
		"share.made\ncut\nm1\nm2", "s1/m1", YT_F_SHARED_AT },
	[YT_GIFT_CLAIMED] = { "gift.claimed", "referrals", "{\"gift\":\"box\",\"member\":\"m1\",\"claimed_at\":1754042400001}",
		"gift.claimed\nbox\nm1\n1", "s1/m1", YT_F_CLAIMED_AT },
	[YT_REFERRAL_APPROVE] = { "referral.approve", "commands", "{\"referrer\":\"m2\",\"member\":\"m1\",\"by\":\"ann\"}",
		"referral.approve\ne1", "s1/m1", YT_F_NONE },
	[YT_REFERRAL_VOID] = { "referral.void", "commands", "{\"referrer\":\"m2\",\"member\":\"m1\",\"note\":\"x\",\"by\":\"ann\"}",
		"referral.void\ne1", "s1/m1", YT_F_NONE },
	[YT_COUPON_GRANT] = { "coupon.grant", "commands", "{\"member\":\"m1\",\"template\":\"sorry\",\"by\":\"ann\"}",
		"coupon.grant\ne1", "s1/m1", YT_F_NONE },
	[YT_COUPON_REVOKE] = { "coupon.revoke", "commands", "{\"member\":\"m1\",\"coupon\":\"c1\",\"by\":\"ann\"}",
		"coupon.revoke\ne1", "s1/m1", YT_F_NONE },
	[YT_MEMBER_ERASE] = { "member.erase", "commands", "{\"member\":\"m1\",\"by\":\"anna\"}", "member.erase\ne1", "s1/m1", YT_F_NONE },
};

static const struct yt_event *decode(int t)
{
	struct yt_decoded got;
	struct yt_str value = yt_arena_printf(&arena,
		"{\"data\":%s,\"time\":\"2025-08-01T10:00:00Z\",\"type\":\"%s\",\"source\":\"/shops/s1\",\"id\":\"e1\",\"specversion\":\"1.0\"}",
		cases[t].data, cases[t].type);

	yt_event_decode(&arena, value, NULL, 0, INT64_C(1754042400000), &got);
	CHECK_MSG(got.dead == YT_DEAD_NONE, "%s: %s %s", cases[t].type, yt_dead_name(got.dead), got.detail);
	return got.event;
}

TEST(table_rows_are_whole)
{
	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		const struct yt_type_info *info = &yt_types[t];
		size_t n = 0;

		CHECK_STR(info->name.p, cases[t].type);
		CHECK_STR(info->topic.p, cases[t].topic);
		CHECK_INT(yt_type_find(info->name), t);
		CHECK_INT(info->at, cases[t].at);
		CHECK(info->n_fields >= 2 && info->n_fields <= YT_TYPE_FIELDS_MAX);
		for (int k = 0; k < info->n_fields; k++)
			CHECK_INT(info->pos[info->fields[k].field], k); /* fails where a row has a field twice */
		for (; info->key[n] != YT_F_NONE; n++) {
			CHECK(n < sizeof info->key - 1);
			CHECK(info->pos[info->key[n]] >= 0);
			CHECK(info->fields[info->pos[info->key[n]]].required || info->fields[info->pos[info->key[n]]].deflt);
		}
		/* A command has no key but its envelope's id. */
		CHECK_INT(n > 0, !(YT_COMMANDS >> t & 1));
		if (info->at != YT_F_NONE)
			CHECK(info->pos[info->at] >= 0 && info->fields[info->pos[info->at]].required);
		if (info->lead)
			CHECK(info->pos[info->owner] >= 0 && info->fields[info->pos[info->owner]].required);
	}
}

TEST(names_are_found_exactly)
{
	CHECK_INT(yt_type_find(YT_S("order.pai")), -1);
	CHECK_INT(yt_type_find(YT_S("order.paid2")), -1);
	CHECK_INT(yt_type_find(YT_S("")), -1);
	CHECK_INT(yt_field_find(YT_S("welcome_until")), YT_F_WELCOME_UNTIL);
	CHECK_INT(yt_field_find(YT_S("Order")), -1);
	for (int f = 0; f < YT_F__COUNT; f++)
		CHECK_INT(yt_field_find(yt_fields[f].name), f);
}

TEST(dead_reasons_have_the_contract_s_names)
{
	CHECK_STR(yt_dead_name(YT_DEAD_NOT_JSON), "not_json");
	CHECK_STR(yt_dead_name(YT_DEAD_HOP_LIMIT), "hop_limit");
	CHECK_STR(yt_dead_name(YT_DEAD_CRASH_LOOP), "crash_loop");
	for (int d = 0; d < YT_DEAD__COUNT; d++)
		CHECK(yt_dead_name((enum yt_dead)d) != NULL);
}

TEST(init_twice_changes_nothing)
{
	struct yt_type_info before[YT_TYPE__COUNT];

	memcpy(before, yt_types, sizeof before);
	yt_types_init();
	CHECK_MEM(yt_types, before, sizeof before);
}

TEST(fact_of_each_type_is_its_type_and_business_key)
{
	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		struct yt_buf b;

		yt_buf_init(&b, &arena);
		yt_event_fact(&b, decode(t));
		yt_buf_c(&b, '\0');
		CHECK_STR(b.p, cases[t].fact);
	}
}

TEST(record_key_of_each_type)
{
	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		struct yt_str key = yt_event_key(&arena, decode(t));

		CHECK_MSG(yt_str_eq(key, yt_str_z(cases[t].key)), "%.*s, expected %s", YT_FMT(key), cases[t].key);
	}
}

TEST(instant_of_the_fact_is_not_the_envelope_s_time)
{
	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		const struct yt_event *ev = decode(t);

		CHECK_INT(ev->at, INT64_C(1754042400000) + (cases[t].at != YT_F_NONE));
		CHECK_INT(ev->time, INT64_C(1754042400000));
	}
}

/* `| `type` | fields, optional ones with ? | business key |` */
static const char *row_of(const struct yt_type_info *info)
{
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	yt_buf_printf(&b, "\n| `%s` |", info->name.p);
	for (int k = 0; k < info->n_fields; k++)
		yt_buf_printf(&b, "%s %s%s", k ? "," : "", yt_fields[info->fields[k].field].name.p, info->fields[k].required ? "" : "?");
	yt_buf_z(&b, info->key[0] == YT_F_NONE ? " | envelope id" : " |");
	for (int k = 0; info->key[k] != YT_F_NONE; k++)
		yt_buf_printf(&b, "%s %s", k ? "," : "", yt_fields[info->key[k]].name.p);
	yt_buf_z(&b, " |\n");
	yt_buf_c(&b, '\0');
	return b.p;
}

TEST(docs_show_the_rows_of_the_table)
{
	const char *root = getenv("YUTANG_ROOT");
	struct yt_str path = yt_arena_printf(&arena, "%s/docs/events.md", root ? root : ".");
	char *text = yt_arena_zalloc(&arena, 65536);
	FILE *f = fopen(path.p, "r");

	CHECK_MSG(f, "%s cannot be read", path.p);
	CHECK(fread(text, 1, 65535, f) > 0);
	fclose(f);
	for (int t = 0; t < YT_TYPE__COUNT; t++)
		CHECK_MSG(strstr(text, row_of(&yt_types[t])), "docs/events.md lacks the row %s", row_of(&yt_types[t]));
}

/* What follows from an input has fields that no input has, or that another one has. */
TEST(fields_of_what_follows)
{
	CHECK(yt_on_has(YT_ON_TIER_CHANGED, YT_F_FROM) && yt_on_has(YT_ON_TIER_CHANGED, YT_F_TO) && yt_on_has(YT_ON_TIER_CHANGED, YT_F_REASON));
	CHECK(!yt_on_has(YT_ON_TIER_CHANGED, YT_F_MEMBER) && !yt_on_has(YT_ON_COUPON_USED, YT_F_REASON));
	CHECK(yt_on_has(YT_GROUP_LEFT, YT_F_REASON) && !yt_on_has(YT_GROUP_LEFT, YT_F_FROM));
}

TEST_MAIN
{
	yt_types_init();
	yt_arena_init(&arena, 0);
	RUN(table_rows_are_whole);
	RUN(names_are_found_exactly);
	RUN(dead_reasons_have_the_contract_s_names);
	RUN(init_twice_changes_nothing);
	RUN(fact_of_each_type_is_its_type_and_business_key);
	RUN(record_key_of_each_type);
	RUN(instant_of_the_fact_is_not_the_envelope_s_time);
	RUN(fields_of_what_follows);
	RUN(docs_show_the_rows_of_the_table);
	yt_arena_deinit(&arena);
}
