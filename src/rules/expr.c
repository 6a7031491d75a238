/* The stages in a row, and what they share. */
#include "tree.h"

#include <stdarg.h>
#include <stdio.h>

/* A continuation byte of UTF-8 begins no character. */
unsigned yt_expr_column(struct yt_str text, uint32_t at)
{
	unsigned column = 1;

	for (uint32_t i = 0; i < at && i < text.n; i++)
		column += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return column;
}

void *yt_compile_fault(struct yt_compile *c, uint32_t at, const char *fmt, ...)
{
	char more[YT_EXPR_FAULT_BYTES], *msg = c->failed ? more : c->msg;
	va_list ap;
	int n;

	if (c->failed && !c->parsed)
		return NULL;
	n = snprintf(msg, sizeof more, "column %u: ", yt_expr_column(c->text, at));
	va_start(ap, fmt);
	vsnprintf(msg + n, sizeof more - (size_t)n, fmt, ap);
	va_end(ap);
	if (c->scope->fault)
		c->scope->fault(c->scope->fault_ctx, msg);
	c->failed = true;
	return NULL;
}

struct yt_scope yt_scope_of(uint32_t types)
{
	static const struct {
		uint32_t types;
		unsigned groups;
	} table[] = {
		{ 1u << YT_ORDER_PAID | 1u << YT_ORDER_SHIPPED | 1u << YT_ORDER_SIGNED | 1u << YT_ORDER_REFUNDED |
		          1u << YT_ORDER_CANCELLED,
		  YT_SCOPE_ORDER },
		{ 1u << YT_ON_COUPON_ISSUED | 1u << YT_ON_COUPON_USED | 1u << YT_ON_TIER_CHANGED | YT_ON_REFERRALS, YT_SCOPE_ORDER },
		{ YT_ON_COUPONS, YT_SCOPE_COUPON },
		{ YT_ON_REFERRALS | 1u << YT_REFERRAL_BOUND, YT_SCOPE_REFERRAL },
		{ 1u << YT_GROUP_JOINED | 1u << YT_GROUP_LEFT, YT_SCOPE_GROUP },
		{ 1u << YT_CONTACT_ADDED | 1u << YT_CONTACT_REMOVED, YT_SCOPE_CONTACT },
		{ 1u << YT_PRESALE_DEPOSIT_PAID | 1u << YT_PRESALE_DEPOSIT_REFUNDED, YT_SCOPE_PRESALE },
		{ 1u << YT_SHARE_MADE | 1u << YT_ON_SHARE_UNLOCKED, YT_SCOPE_SHARE },
		{ 1u << YT_GIFT_CLAIMED, YT_SCOPE_GIFT },
		{ UINT32_MAX, YT_SCOPE_EVENT },
	};
	struct yt_scope scope = { .types = types };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (types & table[i].types)
			scope.groups |= table[i].groups;
	}
	return scope;
}

struct yt_expr *yt_expr_compile_part(struct yt_arena *a, struct yt_str text, uint32_t from, const struct yt_scope *scope, char msg[YT_EXPR_FAULT_BYTES])
{
	struct yt_compile c = { .arena = a, .text = text, .from = from, .scope = scope, .msg = msg };
	struct yt_node *root;
	struct yt_expr *e;
	uint32_t bad;

	if (text.n > YT_EXPR_TEXT_MAX)
		return yt_compile_fault(&c, 0, "the expression has %u bytes, at most %d are allowed", text.n, YT_EXPR_TEXT_MAX);
	bad = yt_utf8_bad(text);
	if (bad < text.n)
		return yt_compile_fault(&c, bad, "a byte that is no UTF-8");
	root = yt_expr_parse(&c);
	c.parsed = root;
	if (!root || !yt_expr_check(&c, root))
		return NULL;
	if (root->cost > YT_EXPR_COST_MAX)
		return yt_compile_fault(&c, from, "the expression costs %llu, at most %d is allowed: it joins too many texts or goes through too many elements",
		                        (unsigned long long)root->cost, YT_EXPR_COST_MAX);
	e = yt_arena_zalloc(a, sizeof(*e));
	e->root = root;
	e->text = yt_arena_dup(a, yt_str(text.p + root->begin, root->end - root->begin));
	e->event_fields = c.event_fields;
	if (scope->vars)
		e->zones = scope->zones;
	return e;
}

struct yt_expr *yt_expr_compile(struct yt_arena *a, struct yt_str text, const struct yt_scope *scope, char msg[YT_EXPR_FAULT_BYTES])
{
	return yt_expr_compile_part(a, text, 0, scope, msg);
}

enum yt_vtype yt_expr_type(const struct yt_expr *e)
{
	return e->root->type->v;
}

const struct yt_vkind *yt_expr_kind(const struct yt_expr *e)
{
	return e->root->type;
}

uint64_t yt_expr_event_fields(const struct yt_expr *e)
{
	return e->event_fields;
}
