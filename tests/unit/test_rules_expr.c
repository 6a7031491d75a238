/* The expression language in rules (tests/expr has it by itself, section by section): one table of expression and what it is worth. `error:` an error of the evaluation, `fault:` one that is said when
 * the expression is compiled. */
#include <inttypes.h>

#include "test.h"
#include "yutang/rules/expr.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ORDERS (1u << YT_ORDER_PAID | 1u << YT_ORDER_SIGNED)
#define JOINS (1u << YT_GROUP_JOINED | 1u << YT_CONTACT_ADDED)

static const int64_t now_ms = INT64_C(1795507200000); /* 2026-11-24T08:00:00Z */

#define EVERY ((1u << YT_ON__COUNT) - 1)

static const struct yt_zone *shop_zone;

#define TEXT(text) { .type = YT_V_STRING, .s = YT_STR(text) }
#define INT(n) { .type = YT_V_INT, .i = n }

/* The order has two bottles and a cap; the member is tagged and holds two coupons. */
static const struct yt_pair oil[] = { { TEXT("sku"), TEXT("oil-1l") }, { TEXT("quantity"), INT(2) }, { TEXT("amount"), INT(12000) } };
static const struct yt_pair cap[] = { { TEXT("sku"), TEXT("cap") }, { TEXT("quantity"), INT(1) }, { TEXT("amount"), INT(900) } };
static const struct yt_value items[] = { { .type = YT_V_MAP, .map = { oil, 3 } }, { .type = YT_V_MAP, .map = { cap, 3 } } };
static const struct yt_value tags[] = { TEXT("vip"), TEXT("north") }, held[] = { TEXT("half-price"), TEXT("second") }, codes[] = { TEXT("0123456789AB") };
static const struct yt_pair buyer[] = { { TEXT("phone"), TEXT("h1") } };

static bool give_list(struct yt_value *out, const struct yt_value *list, uint32_t n)
{
	*out = (struct yt_value){ .type = YT_V_LIST };
	out->list.items = list;
	out->list.n = n;
	return true;
}

/* What is known: a member with one order whose channel is empty, and no referrer; the event is an order.paid. */
static bool facts(const void *ctx, enum yt_name name, struct yt_value *out)
{
	(void)ctx;
	switch ((int)name) {
	case YT_N_ZONE:
		*out = (struct yt_value){ .type = YT_V_ZONE, .zone = shop_zone };
		return true;
	case YT_N_NOW:
		*out = yt_value_ts_ms(now_ms);
		return true;
	case YT_N_EVENT_AT:
	case YT_N_ORDER_PAID_AT:
	case YT_N_MEMBER_FIRST_PAID_AT:
		*out = yt_value_ts_ms(now_ms - 3600000);
		return true;
	case YT_N_EVENT_TYPE:
		*out = (struct yt_value){ .type = YT_V_STRING, .s = YT_S("order.paid") };
		return true;
	case YT_N_SHOP_ID:
		*out = (struct yt_value){ .type = YT_V_STRING, .s = YT_S("s1") };
		return true;
	case YT_N_MEMBER_ID:
		*out = (struct yt_value){ .type = YT_V_STRING, .s = YT_S("m-1") };
		return true;
	case YT_N_ORDER_CHANNEL:
		*out = (struct yt_value){ .type = YT_V_STRING, .s = YT_S("") };
		return true;
	case YT_N_ORDER_REFUNDED:
		*out = (struct yt_value){ .type = YT_V_BOOL, .b = false };
		return true;
	case YT_N_ORDER_AMOUNT:
		*out = (struct yt_value){ .type = YT_V_INT, .i = 12900 };
		return true;
	case YT_N_ORDER_NTH:
	case YT_N_MEMBER_PAID_ORDERS:
		*out = (struct yt_value){ .type = YT_V_INT, .i = 1 };
		return true;
	case YT_N_MEMBER_GROUPS:
		*out = (struct yt_value){ .type = YT_V_INT, .i = 0 };
		return true;
	case YT_N_EVENT_FIELD + YT_F_AMOUNT:
		*out = (struct yt_value){ .type = YT_V_INT, .i = 12900 };
		return true;
	case YT_N_ORDER_ITEMS:
	case YT_N_EVENT_FIELD + YT_F_ITEMS:
		return give_list(out, items, 2);
	case YT_N_ORDER_COUPONS:
	case YT_N_EVENT_FIELD + YT_F_COUPONS:
		return give_list(out, codes, 1);
	case YT_N_MEMBER_TAGS:
		return give_list(out, tags, 2);
	case YT_N_MEMBER_HELD:
		return give_list(out, held, 2);
	case YT_N_MEMBER_MEDIAN_GAP:
		*out = yt_value_dur_ms(3600000);
		return true;
	case YT_N_MEMBER_STOCK_UNTIL:
		*out = yt_value_ts_ms(now_ms + 3600000);
		return true;
	case YT_N_EVENT_FIELD + YT_F_BUYER:
		*out = (struct yt_value){ .type = YT_V_MAP };
		out->map.entries = buyer;
		out->map.n = 1;
		return true;
	default:
		return false;
	}
}

static void format(const struct yt_value *v, char out[256])
{
	switch (v->type) {
	case YT_V_NULL:
		strcpy(out, "null");
		break;
	case YT_V_BOOL:
		strcpy(out, v->b ? "true" : "false");
		break;
	case YT_V_INT:
		snprintf(out, 256, "int %" PRId64, v->i);
		break;
	case YT_V_DOUBLE:
		snprintf(out, 256, "double %g", v->d);
		break;
	case YT_V_STRING:
		snprintf(out, 256, "string %.*s", YT_FMT(v->s));
		break;
	case YT_V_TIMESTAMP:
	case YT_V_DURATION:
		snprintf(out, 256, "%s %" PRId64 "+%09d", yt_vtype_name(v->type), v->t.sec, (int)v->t.nsec);
		break;
	default:
		snprintf(out, 256, "a %s", yt_vtype_name(v->type));
		break;
	}
}

/* What the expression is worth where these types set it off, as the table writes it. */
static void run(const char *text, uint32_t types, char out[300])
{
	struct yt_scope scope = yt_scope_of(types);
	struct yt_arena a;
	struct yt_value v;
	struct yt_expr *e;
	char msg[256];

	yt_arena_init(&a, 0);
	e = yt_expr_compile(&a, yt_str_z(text), &scope, msg);
	if (!e) {
		snprintf(out, 300, "fault: %s", msg);
	} else if (!yt_expr_eval(e, &a, facts, NULL, &v, msg)) {
		snprintf(out, 300, "error: %s", msg);
	} else {
		format(&v, out);
		if (v.type != yt_expr_type(e) && yt_expr_type(e) != YT_V_DYN)
			strcpy(out, "a value of another type than was said");
	}
	yt_arena_deinit(&a);
}

struct row {
	const char *text, *want;
};

static void check_rows(const struct row *rows, size_t n, uint32_t types)
{
	char got[300];

	for (size_t i = 0; i < n; i++) {
		run(rows[i].text, types, got);
		CHECK_MSG(strcmp(got, rows[i].want) == 0, "`%s` gives \"%s\", expected \"%s\"", rows[i].text, got, rows[i].want);
	}
}

TEST(literals)
{
	static const struct row rows[] = {
		{ "0", "int 0" },
		{ "42", "int 42" },
		{ "-7", "int -7" },
		{ "0x2A", "int 42" },
		{ "-0xff", "int -255" },
		{ "0x7fffffffffffffff", "int 9223372036854775807" },
		{ "9223372036854775807", "int 9223372036854775807" },
		{ "-9223372036854775808", "int -9223372036854775808" },
		{ "-0x8000000000000000", "int -9223372036854775808" },
		{ "9223372036854775808", "fault: column 1: this number does not fit into an int" },
		{ "-9223372036854775809", "fault: column 1: this number does not fit into an int" },
		{ "0x10000000000000000", "fault: column 1: this number does not fit into an int" },
		{ "99999999999999999999999", "fault: column 1: this number does not fit into an int" },
		{ "0x", "fault: column 1: 0x without a digit" },
		{ "1u", "fault: column 1: unsigned numbers (1u) are not part of this language" },
		{ "1.5", "double 1.5" },
		{ ".5", "double 0.5" },
		{ "-.5", "double -0.5" },
		{ "1e3", "double 1000" },
		{ "1.25E-2", "double 0.0125" },
		{ "1e400", "fault: column 1: this number does not fit into a double" },
		{ "12abc", "fault: column 1: a number that ends in letters (of a duration, write duration(\"72h\"))" },
		{ "1.", "fault: column 3: the expression ends where the name of a field is wanted" },
		{ "true", "true" },
		{ "false", "false" },
		{ "null", "null" },
		{ "\"\"", "string " },
		{ "'a'", "string a" },
		{ "\"it's\"", "string it's" },
		{ "'''a'b''c'''", "string a'b''c" },
		{ "\"\"\"a\"b\"\"\"", "string a\"b" },
		{ "\"a\\n\\t\\\\\\\"\\'\\`\\?\"", "string a\n\t\\\"'`?" },
		{ "'\\a\\b\\f\\r\\v'", "string \a\b\f\r\v" },
		{ "'\\x41\\X42\\103'", "string ABC" },
		{ "'\\u4e94\\U0001F600'", "string \xe4\xba\x94\xf0\x9f\x98\x80" },
		{ "'\\xe9'", "string \xc3\xa9" },
		{ "r'\\n'", "string \\n" },
		{ "R\"a\\\\\"", "string a\\\\" },
		{ "'\xe4\xba\x94'", "string \xe4\xba\x94" },
		{ "b'a'", "fault: column 1: bytes (b'a') are not part of this language" },
		{ "rb'a'", "fault: column 1: bytes (rb'a') are not part of this language" },
		{ "'\\d'", "fault: column 2: there is no such escape in a text" },
		{ "'\\ud800'", "fault: column 2: there is no such escape in a text" },
		{ "'\\U00110000'", "fault: column 2: there is no such escape in a text" },
		{ "'\\477'", "fault: column 2: there is no such escape in a text" },
		{ "'\\x4'", "fault: column 2: there is no such escape in a text" },
		{ "'a", "fault: column 1: this text has no closing quote" },
		{ "'a\\", "fault: column 3: there is no such escape in a text" },
		{ "\"a\nb\"", "fault: column 1: this text has no closing quote" },
		{ "1 // one\n + 2", "int 3" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

TEST(arithmetic)
{
	static const struct row rows[] = {
		{ "1 + 2 * 3", "int 7" },
		{ "(1 + 2) * 3", "int 9" },
		{ "10 - 3 - 2", "int 5" },
		{ "2 - -3", "int 5" },
		{ "-(2 + 3)", "int -5" },
		{ "- - 3", "int 3" },
		{ "9223372036854775807 + 1", "error: int overflow" },
		{ "-9223372036854775808 - 1", "error: int overflow" },
		{ "4611686018427387904 * 2", "error: int overflow" },
		{ "-(-9223372036854775808)", "error: int overflow" },
		{ "1.5 + 0.25", "double 1.75" },
		{ "1.5 - 2.0", "double -0.5" },
		{ "1.5 * 2.0", "double 3" },
		{ "-(1.5)", "double -1.5" },
		{ "'a' + 'b' + 'c'", "string abc" },
		{ "'' + ''", "string " },
		{ "member.id + \"/\" + shop.id", "string m-1/s1" },
		{ "1 + 1.0", "fault: column 3: + cannot take int and double: write both with a point, or none" },
		{ "1 + 'a'", "fault: column 3: + cannot take int and string: a number stands without quotes" },
		{ "'a' - 'b'", "fault: column 5: - cannot take string and string" },
		{ "'a' * 2", "fault: column 5: * cannot take string and int: a number stands without quotes" },
		{ "-'a'", "fault: column 1: - cannot take string" },
		{ "-true", "fault: column 1: - cannot take bool" },
		{ "true + true", "fault: column 6: + cannot take bool and bool" },
		{ "null + 1", "fault: column 6: + cannot take null and int: nothing here is null, ask has() whether a field is there" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

TEST(comparison)
{
	static const struct row rows[] = {
		{ "1 == 1", "true" },
		{ "1 != 1", "false" },
		{ "1 < 2", "true" },
		{ "2 <= 1", "false" },
		{ "2 > 1", "true" },
		{ "1 >= 1", "true" },
		{ "1.5 < 2.5", "true" },
		{ "0.0 == -0.0", "true" },
		{ "1e308 * 10.0 - 1e308 * 10.0 == 1e308 * 10.0 - 1e308 * 10.0", "false" },
		{ "1e308 * 10.0 - 1e308 * 10.0 != 0.0", "true" },
		{ "1e308 * 10.0 - 1e308 * 10.0 >= 0.0", "false" },
		{ "'a' < 'b'", "true" },
		{ "'a' < 'ab'", "true" },
		{ "'Z' < 'a'", "true" },
		{ "'\xef\xbf\xbd' < '\xf0\x9f\x98\x80'", "true" },
		{ "false < true", "true" },
		{ "true > true", "false" },
		{ "null == null", "true" },
		{ "null != null", "false" },
		{ "1 < 2 == true", "true" },
		{ "duration('60s') == duration('1m')", "true" },
		{ "duration('-1s') < duration('0s')", "true" },
		{ "duration('1ns') > duration('0s')", "true" },
		{ "now == now", "true" },
		{ "order.paid_at < now", "true" },
		{ "1 == 1.0", "fault: column 3: == cannot compare int with double: write both with a point, or none" },
		{ "1 < 'a'", "fault: column 3: < cannot compare int with string: a number stands without quotes" },
		{ "null < null", "fault: column 6: < cannot compare null" },
		{ "order.channel == null",
		  "fault: column 15: == cannot compare string with null: nothing here is null, ask has() whether a field is there" },
		{ "member.paid_orders == '3'", "fault: column 20: == cannot compare int with string: a number stands without quotes" },
		{ "now - order.paid_at < '72h'", "fault: column 21: < cannot compare duration with string: write duration(\"72h\")" },
		{ "now - order.paid_at < 72", "fault: column 21: < cannot compare duration with int: write duration(\"72h\")" },
		{ "now > 1795507200", "fault: column 5: > cannot compare timestamp with int: a number is no instant, and two instants differ by a duration" },
		{ "now > duration('1h')", "fault: column 5: > cannot compare timestamp with duration: subtract two instants to get a duration" },
		{ "order.refunded == 'true'", "fault: column 16: == cannot compare bool with string: true and false stand without quotes" },
		{ "1 < 2 < 3", "fault: column 7: < cannot compare bool with int" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

/* The specification: && and || give what the other side settles, also where one side is an error, in both orders. */
TEST(logic_absorbs_errors)
{
	static const struct row rows[] = {
		{ "true && true", "true" },
		{ "true && false", "false" },
		{ "false || true", "true" },
		{ "false || false", "false" },
		{ "!true", "false" },
		{ "!!true", "true" },
		{ "!order.refunded", "true" },
		{ "true || false && false", "true" },
		{ "false && member.referrer == 'x'", "false" },
		{ "member.referrer == 'x' && false", "false" },
		{ "true || member.referrer == 'x'", "true" },
		{ "member.referrer == 'x' || true", "true" },
		{ "true && member.referrer == 'x'", "error: member.referrer is absent" },
		{ "member.referrer == 'x' && true", "error: member.referrer is absent" },
		{ "false || member.referrer == 'x'", "error: member.referrer is absent" },
		{ "member.referrer == 'x' || false", "error: member.referrer is absent" },
		{ "member.referrer == 'x' && order.signed_at < now", "error: member.referrer is absent" },
		{ "member.referrer == 'x' || order.signed_at < now", "error: member.referrer is absent" },
		{ "member.referrer == 'x' && order.signed_at < now && false", "false" },
		{ "member.referrer == 'x' || order.signed_at < now || true", "true" },
		{ "(member.referrer == 'x' || true) && order.nth == 1", "true" },
		{ "9223372036854775807 + 1 > 0 || true", "true" },
		{ "!(member.referrer == 'x')", "error: member.referrer is absent" },
		{ "1 && true", "fault: column 1: && takes bool, not int" },
		{ "true || 'a'", "fault: column 9: || takes bool, not string" },
		{ "!1", "fault: column 1: ! cannot take int" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

TEST(names_and_has)
{
	static const struct row rows[] = {
		{ "now", "timestamp 1795507200+000000000" },
		{ "event.type", "string order.paid" },
		{ "event.amount", "int 12900" },
		{ "event.at == order.paid_at", "true" },
		{ "member . paid_orders", "int 1" },
		{ "order.channel", "string " },
		{ "member.referrer", "error: member.referrer is absent" },
		{ "event.channel", "error: event.channel is absent" },
		{ "has(member.paid_orders)", "true" },
		{ "has(order.channel)", "true" },
		{ "has(member.referrer)", "false" },
		{ "has(event.channel)", "false" },
		{ "has(event.signed_at)", "false" },
		{ "has(member.referrer) && member.referrer == 'x'", "false" },
		{ "!has(member.referrer) || member.referrer == 'x'", "true" },
		{ "has(now)", "fault: column 1: has() takes one field, such as has(member.referrer)" },
		{ "has()", "fault: column 1: has() takes one field, such as has(member.referrer)" },
		{ "has(member.id, member.id)", "fault: column 1: has() takes one field, such as has(member.referrer)" },
		{ "has('a')", "fault: column 1: has() takes one field, such as has(member.referrer)" },
		{ "has(member.referer)", "fault: column 5: unknown name member.referer; did you mean member.referrer?" },
		{ "member.paid_order > 0", "fault: column 1: unknown name member.paid_order; did you mean member.paid_orders?" },
		{ "true && membr.groups > 0", "fault: column 9: unknown name membr.groups; did you mean member.groups?" },
		{ "nth == 1", "fault: column 1: unknown name nth; did you mean order.nth?" },
		{ "event.amout > 0", "fault: column 1: unknown name event.amout; did you mean event.amount?" },
		{ "zzz", "fault: column 1: unknown name zzz" },
		{ "member", "fault: column 1: member is no value by itself: name one of its fields, such as member.id" },
		{ "member.id.length", "fault: column 11: string has no field length" },
		{ "member.id.size", "fault: column 11: string has no field size; did you mean size()?" },
		{ "'a'.b", "fault: column 5: string has no field b" },
		{ "group.id == 'g'", "fault: column 1: group.id is not known here: no type in `on` brings its group of names" },
		{ "contact.account == 'a'", "fault: column 1: contact.account is not known here: no type in `on` brings its group of names" },
		{ "event.refund == 'r'", "fault: column 1: event.refund is not known here: no type in `on` has that field" },
	};
	static const struct row joins[] = {
		{ "has(group.joined_at)", "false" }, /* one of the two types is enough */
		{ "has(contact.account)", "false" },
		{ "has(event.group)", "false" },
		{ "member.paid_orders > 0 && member.groups > 0", "false" },
		{ "order.nth == 1", "fault: column 1: order.nth is not known here: no type in `on` brings its group of names" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
	check_rows(joins, COUNT(joins), JOINS);
}

TEST(times)
{
	static const struct row rows[] = {
		{ "duration('72h')", "duration 259200+000000000" },
		{ "duration('1h30m')", "duration 5400+000000000" },
		{ "duration('1.5s')", "duration 1+500000000" },
		{ "duration('-1.5s')", "duration -2+500000000" },
		{ "duration('.5m')", "duration 30+000000000" },
		{ "duration('1.h')", "duration 3600+000000000" },
		{ "duration('+2m')", "duration 120+000000000" },
		{ "duration('1h1m1s1ms1us1ns')", "duration 3661+001001001" },
		{ "duration('1\xc2\xb5s')", "duration 0+000001000" },
		{ "duration('0')", "duration 0+000000000" },
		{ "duration('-0')", "duration 0+000000000" },
		{ "duration('1.0000000019s')", "duration 1+000000001" },
		{ "duration('0.1h')", "duration 360+000000000" },
		{ "duration('9223372036s')", "duration 9223372036+000000000" },
		{ "duration('-9223372036s')", "duration -9223372036+000000000" },
		{ "duration('9223372036.854775807s')", "duration 9223372036+854775807" },
		{ "duration('-9223372036.854775808s')", "duration -9223372037+145224192" },
		{ "duration('7' + '2h')", "duration 259200+000000000" },
		{ "duration(member.id)", "error: the text is no duration" },
		{ "duration('72')",
		  "fault: column 10: \"72\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"" },
		{ "duration('3d')", "fault: column 10: \"3d\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"" },
		{ "duration('')", "fault: column 10: \"\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"" },
		{ "duration('-')", "fault: column 10: \"-\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"" },
		{ "duration('1h ')", "fault: column 10: \"1h \" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"" },
		{ "duration('.s')", "fault: column 10: \".s\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"" },
		{ "duration('9223372037s')",
		  "fault: column 10: \"9223372037s\" is no duration: numbers with the units h m s ms us ns, such as \"72h\" or \"1h30m\"" },
		{ "duration(72)", "fault: column 1: duration() takes one string, such as duration(\"72h\")" },
		{ "duration()", "fault: column 1: duration() takes one string, such as duration(\"72h\")" },
		{ "now - order.paid_at", "duration 3600+000000000" },
		{ "order.paid_at - now", "duration -3600+000000000" },
		{ "now - order.paid_at == duration('1h')", "true" },
		{ "now + duration('1.25s')", "timestamp 1795507201+250000000" },
		{ "duration('1s') + now", "timestamp 1795507201+000000000" },
		{ "now - duration('1ms')", "timestamp 1795507199+999000000" },
		{ "duration('1h') + duration('30m')", "duration 5400+000000000" },
		{ "duration('1s') - duration('1.5s')", "duration -1+500000000" },
		{ "order.paid_at - now - duration('72h')", "duration -262800+000000000" },
		{ "timestamp('9999-12-31T00:00:00Z') + duration('86400s')", "error: timestamp out of range" },
		{ "timestamp(-62135596800) - duration('1ns')", "error: timestamp out of range" },
		{ "duration('9223372036.854775807s') + duration('1ns')", "error: duration out of range" },
		{ "duration('-9223372036.854775808s') - duration('1ns')", "error: duration out of range" },
		{ "now + now", "fault: column 5: + cannot take timestamp and timestamp" },
		{ "now - 5", "fault: column 5: - cannot take timestamp and int: a number is no instant, and two instants differ by a duration" },
		{ "duration('1h') - now",
		  "fault: column 16: - cannot take duration and timestamp: subtract two instants to get a duration" },
		{ "duration('1h') * 2", "fault: column 16: * cannot take duration and int: write duration(\"72h\")" },
		{ "-duration('1h')", "fault: column 1: - cannot take duration" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

TEST(grammar)
{
	static const struct row rows[] = {
		{ "", "fault: column 1: the expression ends where a value is wanted" },
		{ "1 +", "fault: column 4: the expression ends where a value is wanted" },
		{ "(1", "fault: column 3: the expression ends where `)` is wanted" },
		{ "1)", "fault: column 2: ) where an operator is wanted" },
		{ "1 2", "fault: column 3: 2 where an operator is wanted" },
		{ "true and false", "fault: column 6: and is no operator; did you mean &&?" },
		{ "true or false", "fault: column 6: or is no operator; did you mean ||?" },
		{ "order.nth = 1", "fault: column 11: = is no operator; did you mean ==?" },
		{ "true & false", "fault: column 6: & is no operator; did you mean &&?" },
		{ "true | false", "fault: column 6: | is no operator; did you mean ||?" },
		{ "order.nth == 1;", "fault: column 15: a character that no expression has" },
		{ "'\xe4\xba\x94' == 5 #", "fault: column 10: a character that no expression has" }, /* columns are characters */
		{ "duration('1h'", "fault: column 14: the expression ends where `,` or `)` is wanted" },
		{ "member.", "fault: column 8: the expression ends where the name of a field is wanted" },
		{ "member.1", "fault: column 7: .1 where an operator is wanted" },
		{ "if", "fault: column 1: if is a reserved word" },
		{ "for.x", "fault: column 1: for is a reserved word" },
		{ "in", "fault: column 1: in where a value is wanted" },
		{ "&& true", "fault: column 1: && where a value is wanted" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

TEST(lists_and_maps_of_an_order_and_its_event)
{
	static const struct row rows[] = {
		{ "order.items.exists(i, i.sku == 'oil-1l')", "true" },
		{ "order.items.exists_one(i, i.sku.startsWith('oil-') && i.quantity >= 2)", "true" },
		{ "order.items.filter(i, i.amount < 1000).map(i, i.sku) == ['cap']", "true" },
		{ "order.items[0].quantity * 2", "int 4" },
		{ "size(order.items)", "int 2" },
		{ "has(order.items) && has(event.items)", "true" },
		{ "event.items[1].sku", "string cap" },
		{ "order.items[0].price", "error: no such key" },
		{ "order.items[2].sku", "error: index out of range" },
		{ "order.items[0].quantity == 'a'", "false" }, /* dyn: of another type is not equal */
		{ "order.items == 1", "fault: column 13: == cannot compare list(map(string, dyn)) with int" },
		{ "'0123456789AB' in order.coupons && order.coupons == event.coupons", "true" },
		{ "event.coupons[0].size()", "int 12" },
		{ "1 in order.coupons", "fault: column 3: in cannot find int in list(string): a number stands without quotes" },
		{ "event.buyer.phone", "string h1" },
		{ "has(event.buyer.phone) && !has(event.buyer.device) && 'phone' in event.buyer", "true" },
		{ "event.buyer.device", "error: no such key" },
		{ "event.buyer.phone == 1", "fault: column 19: == cannot compare string with int: a number stands without quotes" },
		{ "order.item", "fault: column 1: unknown name order.item; did you mean order.items?" },
	};
	static const struct row signed_alone[] = {
		{ "order.items.size()", "fault: column 1: order.items is not known here: order.paid alone has them, and it is not in `on`" },
		{ "order.coupons.size()", "int 1" },
		{ "event.items.size()", "fault: column 1: event.items is not known here: no type in `on` has that field" },
		{ "event.buyer", "fault: column 1: event.buyer is not known here: no type in `on` has that field" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
	check_rows(signed_alone, COUNT(signed_alone), 1u << YT_ORDER_SIGNED);
}

TEST(what_a_member_has)
{
	static const struct row rows[] = {
		{ "'vip' in member.tags", "true" },
		{ "'new' in member.tags", "false" },
		{ "member.tags.exists(t, t.endsWith('th'))", "true" },
		{ "member.median_gap == duration('1h')", "true" },
		{ "member.stock_until - now < duration('96h')", "true" },
		{ "member.has_coupon('half-price')", "true" },
		{ "member.has_coupon(\"third\")", "false" },
		{ "!member.has_coupon('half' + '-price') || member.has_coupon('second')", "true" },
		{ "member.has_coupon(member.id)", "false" },
		{ "member.has_coupon(member.referrer)", "error: member.referrer is absent" },
		{ "['second', 'third'].exists(t, member.has_coupon(t))", "true" },
		{ "['second', 'third'].all(t, member.has_coupon(t))", "false" },
		{ ".member.has_coupon('second')", "true" },
		{ "['x'].exists(member, .member.has_coupon('second'))", "true" },
		{ "['x'].exists(member, member.has_coupon('second'))", "fault: column 29: has_coupon() is asked of the member, in rules: member.has_coupon(\"half-price\")" },
		{ "has(member.has_coupon)", "fault: column 5: member.has_coupon is asked of a template, such as member.has_coupon(\"half-price\")" },
		{ "member.has_coupon(1)", "fault: column 19: has_coupon() takes string, not int" },
		{ "member.has_coupon('a', 'b')", "fault: column 8: has_coupon() takes one template, such as member.has_coupon(\"half-price\")" },
		{ "order.has_coupon('a')", "fault: column 7: has_coupon() is asked of the member, in rules: member.has_coupon(\"half-price\")" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

/* An issued and a used coupon bring what is known of an order, an expired one does not. */
TEST(coupons_bring_their_names)
{
	static const struct row rows[] = {
		{ "has(coupon.id) || has(coupon.code) || has(coupon.template)", "false" },
		{ "coupon.valid_from < coupon.valid_until", "error: coupon.valid_from is absent" },
		{ "coupon.template == 'second' || true", "true" },
		{ "coupon.template == 2", "fault: column 17: == cannot compare string with int: a number stands without quotes" },
		{ "event.type == 'order.paid' && event.at < now", "true" },
		{ "event.order", "fault: column 1: event.order is not known here: no type in `on` has that field" },
		{ "group.id", "fault: column 1: group.id is not known here: no type in `on` brings its group of names" },
	};
	static const struct row order[] = { { "order.nth", "int 1" }, { "has(order.signed_at)", "false" } };
	static const struct row none[] = {
		{ "order.nth", "fault: column 1: order.nth is not known here: no type in `on` brings its group of names" },
	};

	for (unsigned on = YT_ON_COUPON_ISSUED; on <= YT_ON_COUPON_EXPIRED; on++) {
		bool expired = on == YT_ON_COUPON_EXPIRED;

		check_rows(rows, COUNT(rows), 1u << on);
		check_rows(expired ? none : order, expired ? COUNT(none) : COUNT(order), 1u << on);
	}
	check_rows(order, COUNT(order), 1u << YT_ON_COUPON_EXPIRED | 1u << YT_ORDER_SIGNED);
	check_rows(none, COUNT(none), JOINS);
}

TEST(a_template_that_is_none_is_a_fault)
{
	static const char *const templates[] = { "half-price", "second" };
	struct yt_scope scope = yt_scope_of(ORDERS);
	struct yt_arena a;
	char msg[256];

	yt_arena_init(&a, 0);
	scope.templates = templates;
	scope.n_templates = 2;
	CHECK(yt_expr_compile(&a, YT_S("member.has_coupon('second')"), &scope, msg));
	CHECK(yt_expr_compile(&a, YT_S("member.has_coupon(member.id)"), &scope, msg));
	CHECK(!yt_expr_compile(&a, YT_S("member.has_coupon('secund')"), &scope, msg));
	CHECK_STR(msg, "column 19: there is no [coupon \"secund\"]; did you mean second?");
	scope.n_templates = 0;
	CHECK(!yt_expr_compile(&a, YT_S("member.has_coupon('second')"), &scope, msg));
	CHECK_STR(msg, "column 19: there is no [coupon \"second\"]");
	yt_arena_deinit(&a);
}

/* What a timer does not keep, and what the order or the member itself still knows then. */
TEST(only_what_is_kept_is_known_later)
{
	static const char *const gone[] = { "order.items", "event.items", "event.coupons", "event.buyer" };
	static const char *const kept[] = { "order.coupons", "member.tags", "member.has_coupon('x')", "event.channel", "event.at", "coupon.template" };
	struct yt_scope scope = yt_scope_of(EVERY);
	struct yt_arena a;
	char msg[256], want[256];

	yt_arena_init(&a, 0);
	scope.kept = true;
	scope.place = "still";
	for (size_t i = 0; i < COUNT(gone); i++) {
		CHECK(!yt_expr_compile(&a, yt_arena_printf(&a, "has(%s)", gone[i]), &scope, msg));
		snprintf(want, sizeof(want), "column 5: %s is not known in still: a timer does not keep it", gone[i]);
		CHECK_STR(msg, want);
	}
	for (size_t i = 0; i < COUNT(kept); i++)
		CHECK_MSG(yt_expr_compile(&a, yt_str_z(kept[i]), &scope, msg), "%s: %s", kept[i], msg);
	yt_arena_deinit(&a);
}

TEST(names_mix_with_what_is_no_name)
{
	static const struct row rows[] = {
		{ "member.id in ['m-1', 'm-2']", "true" },
		{ "[member.paid_orders, order.nth].all(n, n == 1)", "true" },
		{ "['a'].exists(member, member == 'a')", "true" }, /* the variable is nearer */
		{ "[{'id': 'x'}].exists(member, member.id == 'x')", "true" },
		{ "[{'id': 'x'}].exists(member, .member.id == 'm-1')", "true" },
		{ "[1].exists(now, .now == now)", "fault: column 22: == cannot compare timestamp with int: a number is no instant, and two instants differ by a duration" },
		{ "{'at': order.paid_at}.at == order.paid_at", "true" },
		{ "has(order.presale) ? order.presale : 'none'", "string none" },
		{ "string(order.amount / 100) + '.' + string(order.amount % 100)", "string 129.0" },
		{ "member.id.size()", "int 3" },
		{ "member.id.startsWith('m-') && !order.channel.contains('x')", "true" },
		{ "[member.referrer].size()", "error: member.referrer is absent" },
		{ "{member.id: 1, 'm-1': 2}", "error: a key stands twice in a map" },
		{ "member.first_paid_at.getHours()", "int 15" }, /* of the shop, which is in Asia/Shanghai */
		{ "member.first_paid_at.getHours('UTC')", "int 7" },
		{ "now.getDayOfWeek('+08:00')", "int 2" },
		{ "now.getHours('Asia/Shanghai')", "fault: column 14: \"Asia/Shanghai\" is no time zone of this system" },
		{ "now.getHours(member.id)", "fault: column 21: a time zone is written as it is, such as \"Asia/Shanghai\" or \"+08:00\"" },
	};

	check_rows(rows, COUNT(rows), ORDERS);
}

/* Repeats `part` n times between head and tail. */
static char *repeat(const char *head, const char *part, size_t n, const char *tail)
{
	static char text[3 * YT_EXPR_TEXT_MAX];
	size_t at = (size_t)snprintf(text, sizeof(text), "%s", head);

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", part);
	snprintf(text + at, sizeof(text) - at, "%s", tail);
	return text;
}

TEST(depth_is_limited)
{
	static char nested[2 * YT_EXPR_DEPTH_MAX + 2];
	char got[300];

	for (size_t n = YT_EXPR_DEPTH_MAX - 1; n <= YT_EXPR_DEPTH_MAX; n++) {
		memset(nested, '(', n);
		nested[n] = '1';
		memset(nested + n + 1, ')', n);
		nested[2 * n + 1] = '\0';
		run(nested, ORDERS, got);
		CHECK_STR(got, n < YT_EXPR_DEPTH_MAX ? "int 1" : "fault: column 65: more than 64 parentheses within each other");
	}
	run(repeat("", "!", YT_EXPR_DEPTH_MAX - 2, "true"), ORDERS, got);
	CHECK_STR(got, "true");
	run(repeat("", "!", YT_EXPR_DEPTH_MAX, "true"), ORDERS, got);
	CHECK_STR(got, "fault: column 64: more than 64 operators within each other");
	run(repeat("1", " + 1", YT_EXPR_DEPTH_MAX - 1, ""), ORDERS, got);
	CHECK_STR(got, "int 64");
	run(repeat("1", " + 1", YT_EXPR_DEPTH_MAX, ""), ORDERS, got);
	CHECK_STR(got, "fault: column 255: more than 64 operators within each other");
	/* A chain of && or || is one node, however long. */
	run(repeat("false", " || order.nth == 7", 200, " || true"), ORDERS, got);
	CHECK_STR(got, "true");
	run(repeat("true", " && order.nth == 1", 200, ""), ORDERS, got);
	CHECK_STR(got, "true");
}

TEST(length_is_limited)
{
	char got[300];

	run(repeat("1 == 1", " ", YT_EXPR_TEXT_MAX - 6, ""), ORDERS, got);
	CHECK_STR(got, "true");
	run(repeat("1 == 1", " ", YT_EXPR_TEXT_MAX - 5, ""), ORDERS, got);
	CHECK_STR(got, "fault: column 1: the expression has 4097 bytes, at most 4096 are allowed");
}

TEST(cost_is_limited)
{
	char got[300];

	/* Each + copies what stands to its left: 128 bytes, 256, 384, ... */
	run(repeat("member.id", " + member.id", 30, " != ''"), ORDERS, got);
	CHECK_STR(got, "true");
	run(repeat("member.id", " + member.id", 40, " != ''"), ORDERS, got);
	CHECK_STR(got, "fault: column 1: the expression costs 110163, at most 100000 is allowed: it joins too many texts or goes through too many elements");
}

/* What goes once through the items of an order, or asks each tag or each template, is allowed; all of one for each of the other is not. */
TEST(the_cost_of_lists_goes_by_what_they_can_hold)
{
	static const char *const cheap[] = {
		"order.items.exists(i, i.sku == 'oil-1l' || i.sku == 'oil-5l')",
		"order.items.all(i, i.sku.startsWith('oil-'))",
		"order.items.filter(i, i.sku.contains('oil')).size() > 1",
		"member.tags.exists(t, t.startsWith('vip')) && member.tags.all(t, t != 'x')",
		"['a', 'b', 'c', 'd'].exists(t, member.has_coupon(t))",
		"order.coupons.exists(c, c in event.coupons)",
	};
	static const char *const dear[] = {
		"order.items.exists(i, order.items.exists(k, i.sku == k.sku))",
		"order.items.exists(i, string(i.sku) in member.tags)",
		"order.items.exists(i, member.has_coupon(string(i.sku)))",
	};
	char got[300];

	for (size_t i = 0; i < COUNT(cheap); i++) {
		run(cheap[i], ORDERS, got);
		CHECK_MSG(strcmp(got, "true") == 0 || strcmp(got, "false") == 0, "`%s` gives %s", cheap[i], got);
	}
	for (size_t i = 0; i < COUNT(dear); i++) {
		run(dear[i], ORDERS, got);
		CHECK_MSG(strncmp(got, "fault: column 1: the expression costs ", 38) == 0, "`%s` gives %s", dear[i], got);
	}
}

static uint64_t fields_of(const char *text, uint32_t types)
{
	struct yt_scope scope = yt_scope_of(types);
	struct yt_arena a;
	struct yt_expr *e;
	uint64_t fields = 0;
	char msg[256];

	yt_arena_init(&a, 0);
	e = yt_expr_compile(&a, yt_str_z(text), &scope, msg);
	if (e)
		fields = yt_expr_event_fields(e);
	yt_arena_deinit(&a);
	return fields;
}

#define BIT(field) (UINT64_C(1) << YT_F_##field)

TEST(event_fields_are_those_that_are_named)
{
	CHECK(fields_of("member.groups > 0", ORDERS) == 0);
	CHECK(fields_of("event.amount > 0 && has(event.channel)", ORDERS) == (BIT(AMOUNT) | BIT(CHANNEL)));
	CHECK(fields_of("event.type == 'order.paid'", ORDERS) == 0);
	CHECK(fields_of("now - event.at > duration('1h')", ORDERS) == (BIT(PAID_AT) | BIT(SIGNED_AT)));
	CHECK(fields_of("event.group == 'g'", JOINS) == BIT(GROUP));
	CHECK(fields_of("order.coupons.size() > 0 && member.has_coupon('x')", ORDERS) == 0);
	CHECK(fields_of("order.items.size() > 0", ORDERS) == BIT(ITEMS));
	CHECK(fields_of("has(event.buyer.phone)", ORDERS) == BIT(BUYER));
	CHECK(fields_of("event.at < now && coupon.template == 'x'", YT_ON_COUPONS) == 0);
	CHECK(fields_of("event.at < now", YT_ON_COUPONS | 1u << YT_ORDER_SIGNED) == BIT(SIGNED_AT));
}

TEST(values_know_their_milliseconds)
{
	struct yt_value v = yt_value_ts_ms(-1);

	CHECK_INT(v.t.sec, -1);
	CHECK_INT(v.t.nsec, 999000000);
	CHECK_INT(yt_value_ms(&v), -1);
	v = yt_value_dur_ms(1500);
	CHECK_INT(v.t.sec, 1);
	CHECK_INT(v.t.nsec, 500000000);
	CHECK(yt_value_duration(YT_S("-1us"), &v));
	CHECK_INT(yt_value_ms(&v), -1); /* toward minus infinity */
	CHECK(yt_value_duration(YT_S("1.9995s"), &v));
	CHECK_INT(yt_value_ms(&v), 1999);
}

TEST(every_name_is_found_and_has_its_type)
{
	struct yt_scope scope = yt_scope_of(EVERY);
	struct yt_arena a;
	char msg[256];

	yt_arena_init(&a, 0);
	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		struct yt_expr *e = yt_expr_compile(&a, yt_names[i].text, &scope, msg);

		CHECK_MSG(e, "%.*s: %s", YT_FMT(yt_names[i].text), msg);
		CHECK(yt_expr_kind(e) == yt_names[i].type);
	}
	for (int f = 0; f < YT_F__COUNT; f++) {
		struct yt_str name = yt_arena_printf(&a, "event.%.*s", YT_FMT(yt_fields[f].name));
		struct yt_expr *e = yt_expr_compile(&a, name, &scope, msg);
		enum yt_vtype type;

		CHECK_MSG(e, "%.*s: %s", YT_FMT(name), msg);
		CHECK(yt_expr_kind(e) == yt_field_vkind(f));
		if (yt_field_vtype(f, &type))
			CHECK_INT(yt_expr_type(e), type);
		else
			CHECK(!yt_vkind_scalar(yt_expr_type(e)));
	}
	yt_arena_deinit(&a);
}

TEST_MAIN
{
	struct yt_arena zones;

	yt_arena_init(&zones, 0);
	shop_zone = yt_zone_fixed(&zones, YT_S("Asia/Shanghai"), 8 * 3600);
	yt_types_init();
	RUN(literals);
	RUN(arithmetic);
	RUN(comparison);
	RUN(logic_absorbs_errors);
	RUN(names_and_has);
	RUN(times);
	RUN(grammar);
	RUN(lists_and_maps_of_an_order_and_its_event);
	RUN(what_a_member_has);
	RUN(coupons_bring_their_names);
	RUN(a_template_that_is_none_is_a_fault);
	RUN(only_what_is_kept_is_known_later);
	RUN(names_mix_with_what_is_no_name);
	RUN(depth_is_limited);
	RUN(length_is_limited);
	RUN(cost_is_limited);
	RUN(the_cost_of_lists_goes_by_what_they_can_hold);
	RUN(event_fields_are_those_that_are_named);
	RUN(values_know_their_milliseconds);
	RUN(every_name_is_found_and_has_its_type);
	yt_arena_deinit(&zones);
}
