/* Which parts of a condition are said to keep it from being true. Expected texts follow from the semantics of the language (RULES.md, Expressions: errors and
 * short-circuits as CEL has them). */
#include "test.h"
#include "yutang/rules/expr.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A member without orders that is in two groups; what is not named here is absent. */
static bool facts(const void *ctx, enum yt_name name, struct yt_value *out)
{
	static const struct yt_value tags[] = { { .type = YT_V_STRING, .s = YT_STR("vip") } };

	(void)ctx;
	switch ((int)name) {
	case YT_N_NOW:
		*out = yt_value_ts_ms(INT64_C(1795507200000)); /* 2026-11-24T08:00:00Z */
		return true;
	case YT_N_MEMBER_JOINED_AT:
		*out = yt_value_ts_ms(INT64_C(1795507200000) - 3600000);
		return true;
	case YT_N_MEMBER_PAID_ORDERS:
	case YT_N_MEMBER_ACCOUNTS:
		*out = (struct yt_value){ .type = YT_V_INT };
		return true;
	case YT_N_MEMBER_GROUPS:
		*out = (struct yt_value){ .type = YT_V_INT, .i = 2 };
		return true;
	case YT_N_MEMBER_TAGS:
	case YT_N_MEMBER_HELD:
		*out = (struct yt_value){ .type = YT_V_LIST, .list = { tags, 1 } };
		return true;
	default:
		return false;
	}
}

/* `text!error {name=value, ..}`, one part behind the other with `; ` between. */
static struct yt_str why_text(struct yt_arena *a, const struct yt_expr *e)
{
	struct yt_buf b;

	yt_buf_init(&b, a);
	for (const struct yt_part *p = yt_expr_why(e, a, facts, NULL); p; p = p->next) {
		yt_buf_str_add(&b, p->text);
		if (p->error[0])
			yt_buf_printf(&b, "!%s", p->error);
		yt_buf_z(&b, " {");
		for (const struct yt_operand *o = p->operands; o; o = o->next) {
			yt_buf_str_add(&b, o->text);
			yt_buf_c(&b, '=');
			if (o->known)
				yt_value_json(&b, &o->value);
			else
				yt_buf_z(&b, "absent");
			yt_buf_z(&b, o->next ? ", " : "");
		}
		yt_buf_z(&b, p->next ? "}; " : "}");
	}
	return yt_buf_str(&b);
}

struct row {
	const char *text, *why;
};

static void check_rows(const struct row *rows, size_t n)
{
	struct yt_scope scope = yt_scope_of(1u << YT_GROUP_JOINED | 1u << YT_ORDER_PAID);
	struct yt_arena a;
	char msg[256];

	yt_arena_init(&a, 0);
	for (size_t k = 0; k < n; k++) {
		char *copy = strdup(rows[k].text); /* the tree keeps what it needs */
		const struct yt_expr *e = yt_expr_compile(&a, yt_str_z(copy), &scope, msg);
		struct yt_str got;

		free(copy);
		CHECK_MSG(e, "%s: %s", rows[k].text, msg);
		got = why_text(&a, e);
		CHECK_MSG(yt_str_eq(got, yt_str_z(rows[k].why)), "%s: %.*s", rows[k].text, YT_FMT(got));
	}
	yt_arena_deinit(&a);
}

TEST(what_is_true_has_no_such_part)
{
	static const struct row rows[] = {
		{ "member.groups > 0", "" },
		{ "true", "" },
		{ "member.paid_orders > 0 || member.groups > 0", "" },
		{ "member.median_gap > duration(\"1h\") || member.groups > 0", "" }, /* the error is absorbed */
	};

	check_rows(rows, COUNT(rows));
}

TEST(of_and_the_first_that_is_false)
{
	static const struct row rows[] = {
		{ "member.groups > 0 && member.accounts > 0 && member.paid_orders > 0", "member.accounts > 0 {member.accounts=0}" },
		{ "member.groups > 0 && (member.accounts > 0 && member.paid_orders > 0)", "member.accounts > 0 {member.accounts=0}" },
		{ "(member.groups > 0 && member.accounts > 0) && member.paid_orders > 0", "member.accounts > 0 {member.accounts=0}" },
		/* What is false settles it, whatever error stands before it. */
		{ "member.median_gap > duration(\"1h\") && member.accounts > 0", "member.accounts > 0 {member.accounts=0}" },
		{ "false && member.accounts > 0", "false {}" },
	};

	check_rows(rows, COUNT(rows));
}

TEST(of_or_all_sides)
{
	static const struct row rows[] = {
		{ "member.accounts > 0 || member.groups > 2", "member.accounts > 0 {member.accounts=0}; member.groups > 2 {member.groups=2}" },
		{ "member.groups > 0 && (member.accounts > 0 || member.groups > 5 && member.accounts > 1)",
		  "member.accounts > 0 {member.accounts=0}; member.groups > 5 {member.groups=2}" },
		{ "member.accounts > 0 || member.median_gap > duration(\"1h\")",
		  "member.accounts > 0 {member.accounts=0}; member.median_gap > duration(\"1h\")!member.median_gap is absent {member.median_gap=absent}" },
	};

	check_rows(rows, COUNT(rows));
}

TEST(errors_are_said)
{
	static const struct row rows[] = {
		{ "member.groups > 0 && event.amount > 5", "event.amount > 5!event.amount is absent {event.amount=absent}" },
		{ "1 / member.accounts > 0", "1 / member.accounts > 0!division by zero {member.accounts=0}" },
		{ "order.nth == 1 && event.amount > 5", "order.nth == 1!order.nth is absent {order.nth=absent}" },
	};

	check_rows(rows, COUNT(rows));
}

TEST(whatever_else_is_one_part_with_its_names)
{
	static const struct row rows[] = {
		{ "!(member.groups > 0 && member.accounts == 0)",
		  "!(member.groups > 0 && member.accounts == 0) {member.groups=2, member.accounts=0}" },
		{ "has(member.referrer)", "has(member.referrer) {member.referrer=absent}" },
		{ "member.groups > 1 ? member.accounts > 0 : true", "member.groups > 1 ? member.accounts > 0 : true {member.groups=2, member.accounts=0}" },
		{ "now - member.joined_at >= duration(\"2h\")",
		  "now - member.joined_at >= duration(\"2h\") {now - member.joined_at=\"3600s\", now=\"2026-11-24T08:00:00Z\", member.joined_at=\"2026-11-24T07:00:00Z\"}" },
		{ "(member.groups + member.accounts) * 2 > member.groups * 3",
		  "(member.groups + member.accounts) * 2 > member.groups * 3 {(member.groups + member.accounts) * 2=4, member.groups * 3=6, "
		  "member.groups=2, member.accounts=0}" },
		{ "member.has_coupon(\"second\")", "member.has_coupon(\"second\") {member.has_coupon()=[\"vip\"]}" },
		{ "\"north\" in member.tags", "\"north\" in member.tags {member.tags=[\"vip\"]}" },
		{ "member.tags.exists(t, t.startsWith(\"n\") && member.groups > 0)",
		  "member.tags.exists(t, t.startsWith(\"n\") && member.groups > 0) {member.tags=[\"vip\"], member.groups=2}" },
		{ "  ( member.accounts   > 0 )  ", "member.accounts   > 0 {member.accounts=0}" },
	};

	check_rows(rows, COUNT(rows));
}

TEST_MAIN
{
	yt_types_init();
	RUN(what_is_true_has_no_such_part);
	RUN(of_and_the_first_that_is_false);
	RUN(of_or_all_sides);
	RUN(errors_are_said);
	RUN(whatever_else_is_one_part_with_its_names);
}
