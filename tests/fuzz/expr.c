/* Expressions from anywhere: one run compiles the bytes and evaluates them two ways, over the names of rules and over variables. */
#include "fuzz/fuzz.h"
#include "yutang/rules/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything is there, of the type that its name has. */
static bool expr_facts(const void *ctx, enum yt_name name, struct yt_value *out)
{
	static const struct yt_value tags[] = { { .type = YT_V_STRING, .s = YT_STR("vip") }, { .type = YT_V_STRING, .s = YT_STR("\xe4\xba\x94") } };
	static const struct yt_pair item[] = {
		{ { .type = YT_V_STRING, .s = YT_STR("sku") }, { .type = YT_V_STRING, .s = YT_STR("oil") } },
		{ { .type = YT_V_STRING, .s = YT_STR("quantity") }, { .type = YT_V_INT, .i = 2 } },
	};
	static const struct yt_value items[] = { { .type = YT_V_MAP, .map = { item, 2 } }, { .type = YT_V_MAP, .map = { item, 1 } } };
	const struct yt_vkind *kind;

	(void)ctx;
	if (name == YT_N_ZONE)
		return false;
	kind = name == YT_N_MEMBER_HELD ? &yt_vkind_STRINGS
	       : name < YT_N_EVENT_FIELD ? yt_names[name].type
	                                 : yt_field_vkind((enum yt_field)(name - YT_N_EVENT_FIELD));
	*out = (struct yt_value){ .type = kind->v };
	if (kind->v == YT_V_STRING)
		out->s = YT_S("m-1");
	if (kind->v == YT_V_MAP) {
		out->map.entries = item;
		out->map.n = 1;
	}
	if (kind->v == YT_V_LIST) {
		out->list.items = kind == &yt_vkind_ITEMS ? items : tags;
		out->list.n = 2;
	}
	return true;
}

/* What comes out is what was said of it, can be shown, and is itself again. */
static void expr_check(struct yt_arena *a, const struct yt_expr *e, const struct yt_value *v)
{
	struct yt_buf b;

	YT_ASSERT(yt_vkind_fits(yt_expr_kind(e), yt_vkind_of(a, v)), "the type of a value");
	yt_buf_init(&b, a);
	yt_result_json(&b, a, e, v);
	YT_ASSERT(yt_utf8_bad(yt_buf_str(&b)) == b.n, "the JSON of a value");
}

static void expr_one(struct yt_str text, const struct yt_scope *scope, bool facts)
{
	char msg[256] = "", why[64] = "";
	struct yt_arena a;
	struct yt_expr *e;
	struct yt_value v;

	yt_arena_init(&a, 0);
	e = yt_expr_compile(&a, text, scope, msg);
	YT_ASSERT(e || msg[0], "a fault says why");
	if (e && yt_expr_eval(e, &a, facts ? expr_facts : NULL, NULL, &v, why))
		expr_check(&a, e, &v);
	else
		YT_ASSERT(!e || why[0], "an error says why");
	YT_ASSERT(a.used < 64u << 20, "the cost bounds the memory");
	yt_arena_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char json[] = "{\"x\": 1, \"y\": [1, 2.5, \"a\", null], \"m\": {\"a\": {\"b\": true}, \"s\": \"text\"}, \"l\": [3, 1, 2], \"a.b\": 7}";
	struct yt_str text = yt_str((const char *)data, size);
	struct yt_scope names, vars = { .groups = 0 };
	struct yt_arena a;
	char msg[128];

	yt_types_init();
	if (size > YT_EXPR_TEXT_MAX + 8)
		return 0;
	names = yt_scope_of((1u << YT_ON__COUNT) - 1);
	expr_one(text, &names, true);
	yt_arena_init(&a, 0);
	YT_ASSERT(yt_vars_parse(&a, YT_S(json), &vars.vars, &vars.n_vars, msg), msg);
	expr_one(text, &vars, false);
	yt_arena_deinit(&a);
	return 0;
}
