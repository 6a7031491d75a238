/* `yutang explain`: what each rule does with an event, and why not. The core decides it, with a watch on the rules and nothing behind it. */
#include <inttypes.h>
#include <stdio.h>

#include "facts.h"
#include "yutang/app/cmd.h"
#include "yutang/base/json.h"
#include "yutang/core/run.h"

/* What left, or would go to another member. */
struct gift {
	struct yt_str value; /* of the output; empty: for the referrer, */
	struct yt_str key;   /* this one */
	struct gift *next;
};

/* How a rule was judged, once. */
struct judged {
	const struct yt_rule *rule;
	unsigned on;
	enum yt_verdict verdict;
	int64_t until, quiet_until; /* quiet_until 0: no */
	char error[64];             /* of the verdict */
	char param_error[64];
	const struct yt_part *parts;
	struct gift *gifts;
	struct judged *next;
};

struct explaining {
	struct yt_arena *a;
	const struct yt_ruleset *rules;
	const struct yt_event *ev;
	struct yt_explain x;
	int64_t now_ms;
	bool ran; /* else nothing is set off by the event */
	struct judged *first, *last;
	struct gift *others; /* what left before the first rule */
};

/* --- the core, watched */

static void on_told(void *ctx, const struct yt_act *act, const struct yt_rule *rule, enum yt_verdict verdict, int64_t until, const char *why)
{
	bool when = verdict == YT_VERDICT_FALSE || verdict == YT_VERDICT_WHEN_ERROR;
	bool still = verdict == YT_VERDICT_NOT_STILL || verdict == YT_VERDICT_STILL_ERROR;
	struct explaining *e = ctx;
	struct judged *j;

	if (verdict == YT_VERDICT_QUIET) {
		e->last->quiet_until = until;
		return;
	}
	if (verdict == YT_VERDICT_PARAM_ERROR) {
		snprintf(e->last->param_error, sizeof e->last->param_error, "%s", why);
		return;
	}
	j = yt_arena_zalloc(e->a, sizeof *j);
	j->rule = rule;
	j->on = act->follow ? act->follow->on : act->ev->type;
	j->verdict = verdict;
	j->until = until;
	snprintf(j->error, sizeof j->error, "%s", why ? why : "");
	if (when || still)
		j->parts = yt_expr_why(when ? rule->when : rule->still, e->a, yt_run_fact, act);
	*(e->last ? &e->last->next : &e->first) = j;
	e->last = j;
}

static void add_gift(struct explaining *e, struct yt_str value, struct yt_str key)
{
	struct gift *g = yt_arena_zalloc(e->a, sizeof *g), **end = e->last ? &e->last->gifts : &e->others;

	g->value = value;
	g->key = key;
	while (*end)
		end = &(*end)->next;
	*end = g;
}

static void on_output(void *ctx, const struct yt_output *out)
{
	add_gift(ctx, out->value, out->key);
}

static void on_sent(void *ctx, struct yt_str key, struct yt_str value)
{
	(void)value;
	add_gift(ctx, (struct yt_str){ 0 }, key);
}

static void *edit(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct explaining *e = ctx;

	if (kind == YT_KIND_MEMBER)
		return e->x.member;
	return kind == YT_KIND_ORDER ? (void *)e->x.order : yt_entities[kind].fresh(e->a, name);
}

static const void *peek(void *ctx, enum yt_kind kind, struct yt_str name)
{
	return kind == YT_KIND_MEMBER || kind == YT_KIND_ORDER ? edit(ctx, kind, name) : NULL;
}

/* Nobody was erased, as far as we know. */
static bool any(void *ctx, enum yt_kind kind)
{
	(void)ctx;
	(void)kind;
	return false;
}

static void decide(struct explaining *e, const unsigned char *code_key)
{
	struct yt_state state = { .ctx = e, .peek = peek, .edit = edit, .output = on_output, .send = on_sent, .any = any };
	struct yt_watch watch = { .ctx = e, .verdicts = UINT32_MAX, .told = on_told };
	struct yt_decide_env env = { .rules = e->rules, .state = &state, .arena = e->a, .now_ms = e->now_ms, .code_key = code_key, .watch = &watch };

	e->ran = yt_explain(&env, e->ev, &e->x);
}

/* --- in words */

static struct yt_str data_text(struct yt_arena *a, const struct gift *g, const char *name)
{
	const cJSON *root, *data, *item = NULL;

	if (g->value.n && yt_json_parse(a, g->value, 0, 0, &root, NULL) == YT_JSON_OK && (data = yt_json_get(root, "data")))
		item = yt_json_get(strcmp(name, "type") == 0 ? root : data, name);
	return item ? yt_json_text(item) : (struct yt_str){ 0 };
}

/* Nothing was given. */
static bool is_refusal(struct yt_arena *a, const struct gift *g)
{
	struct yt_str type = data_text(a, g, "type");

	return yt_str_eq(type, yt_outs[YT_OUT_COUPON_REFUSED].name) || yt_str_eq(type, yt_outs[YT_OUT_FOLLOWUP_WITHHELD].name);
}

static bool is_refused(struct yt_arena *a, const struct judged *j)
{
	const struct gift *g = j->gifts;

	while (g && is_refusal(a, g))
		g = g->next;
	return j->gifts && !g && !j->quiet_until && !j->rule->tag.n && !j->rule->untag.n;
}

static const char *result_of(struct yt_arena *a, const struct judged *j)
{
	switch (j->verdict) {
	case YT_VERDICT_SEASON:
		return "season";
	case YT_VERDICT_AGE:
		return "too_old";
	case YT_VERDICT_ONCE:
		return "once";
	case YT_VERDICT_PENDING:
		return "pending";
	case YT_VERDICT_FALSE:
		return "false";
	case YT_VERDICT_WAITS:
		return "waits";
	case YT_VERDICT_NOT_STILL:
		return "not_still";
	case YT_VERDICT_NO_ROOM:
		return "refused";
	case YT_VERDICT_FIRES:
		return is_refused(a, j) ? "refused" : "fired";
	default:
		return "error";
	}
}

/* The key whose expression is false or failed; NULL: none. */
static const char *key_of(const struct judged *j)
{
	switch (j->verdict) {
	case YT_VERDICT_FALSE:
	case YT_VERDICT_WHEN_ERROR:
		return "when";
	case YT_VERDICT_AFTER_ERROR:
		return "after";
	case YT_VERDICT_NOT_STILL:
	case YT_VERDICT_STILL_ERROR:
		return "still";
	default:
		return NULL;
	}
}

static const char *instant(int64_t ms, char out[25])
{
	yt_time_format(ms, out);
	return out;
}

static void add_words(struct yt_buf *b, struct yt_str word)
{
	if (word.n) {
		yt_buf_c(b, ' ');
		yt_buf_str_add(b, word);
	}
}

static void say_gifts(struct yt_arena *a, struct yt_buf *b, const struct gift *g)
{
	for (; g; g = g->next) {
		if (b->n)
			yt_buf_z(b, ", ");
		if (!g->value.n) {
			yt_buf_printf(b, "the rest is decided at %.*s", YT_FMT(g->key));
			continue;
		}
		yt_buf_str_add(b, data_text(a, g, "type"));
		add_words(b, data_text(a, g, "template"));
		add_words(b, data_text(a, g, "kind"));
		if (data_text(a, g, "reason").n)
			yt_buf_printf(b, " (%.*s)", YT_FMT(data_text(a, g, "reason")));
	}
}

static void say_fired(struct yt_arena *a, struct yt_buf *b, const struct judged *j)
{
	char when[25];

	say_gifts(a, b, j->gifts);
	if (j->quiet_until)
		yt_buf_printf(b, "%sits follow-up waits for the end of the quiet hours at %s", b->n ? ", " : "", instant(j->quiet_until, when));
	if (j->rule->tag.n)
		yt_buf_printf(b, "%stag %.*s", b->n ? ", " : "", YT_FMT(j->rule->tag));
	if (j->rule->untag.n)
		yt_buf_printf(b, "%suntag %.*s", b->n ? ", " : "", YT_FMT(j->rule->untag));
	if (j->param_error[0])
		yt_buf_printf(b, "%sa param failed: %s", b->n ? ", " : "", j->param_error);
}

static void say_span(struct yt_buf *b, const struct judged *j)
{
	yt_buf_z(b, "event.at is not within");
	if (j->rule->from_text.n)
		yt_buf_printf(b, " from = %.*s", YT_FMT(j->rule->from_text));
	if (j->rule->until_text.n)
		yt_buf_printf(b, " until = %.*s", YT_FMT(j->rule->until_text));
}

/* One line; parts of a condition are told beside it. */
static struct yt_str why_of(const struct explaining *e, const struct judged *j)
{
	static const char *const once[] = { [YT_ONCE_MEMBER] = "member", [YT_ONCE_ORDER] = "order", [YT_ONCE_COUPON] = "coupon" };
	char when[25];
	struct yt_buf b;

	yt_buf_init(&b, e->a);
	switch (j->verdict) {
	case YT_VERDICT_SEASON:
		say_span(&b, j);
		break;
	case YT_VERDICT_AGE:
		yt_buf_z(&b, "event.at is longer ago than max_age");
		break;
	case YT_VERDICT_ONCE:
		yt_buf_printf(&b, "once = per %s: its mark is set", once[j->rule->once]);
		break;
	case YT_VERDICT_PENDING:
		yt_buf_z(&b, "a timer of it waits already, or a coupon that it asked for");
		break;
	case YT_VERDICT_WAITS:
		yt_buf_printf(&b, "until %s%s", instant(j->until, when), j->rule->still ? ", then `still` is asked" : "");
		break;
	case YT_VERDICT_FALSE:
		yt_buf_z(&b, "when is false");
		break;
	case YT_VERDICT_NOT_STILL:
		yt_buf_z(&b, "still is false");
		break;
	case YT_VERDICT_NO_ROOM:
	case YT_VERDICT_FIRES:
		say_fired(e->a, &b, j);
		break;
	default:
		yt_buf_printf(&b, "%s: %s", key_of(j), j->error);
		break;
	}
	return yt_buf_str(&b);
}

/* Of a rule that nothing set off. */
static struct yt_str why_not_on(const struct explaining *e, const struct yt_rule *r)
{
	struct yt_buf b;

	yt_buf_init(&b, e->a);
	if (!e->ran && r->on >> e->ev->type & 1) {
		yt_buf_z(&b, e->x.order->paid ? "the order does not count: it is cancelled or refunded" : "the order is not paid yet");
		return yt_buf_str(&b);
	}
	for (unsigned on = 0; on < YT_ON__COUNT; on++) {
		if (r->on >> on & 1)
			yt_buf_printf(&b, "%s%.*s", b.n ? ", " : "on = ", YT_FMT(yt_on_name(on)));
	}
	return yt_buf_str(&b);
}

/* --- as JSON */

static void json_parts(struct yt_buf *b, const struct yt_part *p)
{
	yt_buf_z(b, ",\"parts\":[");
	for (; p; p = p->next) {
		yt_buf_z(b, "{\"text\":");
		yt_json_add_text(b, p->text);
		if (p->error[0]) {
			yt_buf_z(b, ",\"error\":");
			yt_json_add_text(b, yt_str_z(p->error));
		}
		yt_buf_z(b, ",\"values\":{");
		for (const struct yt_operand *o = p->operands; o; o = o->next) {
			yt_json_add_text(b, o->text);
			yt_buf_c(b, ':');
			if (o->known)
				yt_value_json(b, &o->value);
			else
				yt_buf_z(b, "null");
			if (o->next)
				yt_buf_c(b, ',');
		}
		yt_buf_z(b, p->next ? "}}," : "}}");
	}
	yt_buf_c(b, ']');
}

static void json_gifts(struct yt_buf *b, const struct gift *g)
{
	bool any = false;

	yt_buf_z(b, ",\"outputs\":[");
	for (; g; g = g->next) {
		if (!g->value.n)
			continue;
		if (any)
			yt_buf_c(b, ',');
		yt_buf_str_add(b, g->value);
		any = true;
	}
	yt_buf_c(b, ']');
}

static void json_rule(const struct explaining *e, struct yt_buf *b, const struct yt_rule *r, const struct judged *j)
{
	yt_buf_z(b, b->p[b->n - 1] == '[' ? "{\"rule\":" : ",{\"rule\":");
	yt_json_add_text(b, r->name);
	yt_buf_printf(b, ",\"line\":%d,\"on\":", r->line);
	if (j)
		yt_json_add_text(b, yt_on_name(j->on));
	else
		yt_buf_z(b, "null");
	yt_buf_printf(b, ",\"result\":\"%s\",\"why\":", j ? result_of(e->a, j) : "not_on");
	yt_json_add_text(b, j ? why_of(e, j) : why_not_on(e, r));
	if (j && key_of(j))
		yt_buf_printf(b, ",\"key\":\"%s\"", key_of(j));
	if (j && j->parts)
		json_parts(b, j->parts);
	if (j && j->verdict == YT_VERDICT_WAITS)
		yt_buf_printf(b, ",\"until\":%" PRId64, j->until);
	if (j)
		json_gifts(b, j->gifts);
	yt_buf_c(b, '}');
}

static void json_head(const struct explaining *e, struct yt_buf *b)
{
	yt_buf_z(b, "{\"event\":{\"id\":");
	yt_json_add_text(b, e->ev->id);
	yt_buf_printf(b, ",\"type\":\"%.*s\",\"shop\":", YT_FMT(yt_types[e->ev->type].name));
	yt_json_add_text(b, e->ev->shop);
	yt_buf_z(b, ",\"member\":");
	yt_json_add_text(b, e->x.member->id);
	yt_buf_printf(b, ",\"at\":%" PRId64 "},\"now\":%" PRId64 ",\"ruleset\":\"%.*s\"", e->ev->at, e->now_ms, YT_FMT(e->rules->tag));
	json_gifts(b, e->others);
	yt_buf_z(b, ",\"rules\":[");
}

/* --- as a table */

enum { SHOWN_MAX = 200 }; /* bytes of a text or a value on one line: a list can have 500 elements */

/* On one line: blanks in a row are one. */
static void add_short(struct yt_buf *b, struct yt_str s)
{
	uint32_t n = s.n < SHOWN_MAX ? s.n : SHOWN_MAX;

	while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--; /* no half a character */
	for (uint32_t k = 0; k < n; k++) {
		if (s.p[k] != ' ' || !k || s.p[k - 1] != ' ')
			yt_buf_c(b, s.p[k]);
	}
	if (n < s.n)
		yt_buf_z(b, "..");
}

static void show_part(struct yt_arena *a, struct yt_buf *b, int indent, const struct yt_part *p)
{
	yt_buf_printf(b, "%*s", indent, "");
	add_short(b, p->text);
	if (p->error[0])
		yt_buf_printf(b, ": %s", p->error);
	for (const struct yt_operand *o = p->operands; o; o = o->next) {
		struct yt_buf value;

		yt_buf_init(&value, a);
		if (o->known)
			yt_value_json(&value, &o->value);
		else
			yt_buf_z(&value, "absent");
		yt_buf_z(b, o == p->operands ? "   [" : ", ");
		add_short(b, o->text);
		yt_buf_z(b, o->known ? " = " : " is ");
		add_short(b, yt_buf_str(&value));
		yt_buf_z(b, o->next ? "" : "]");
	}
	yt_buf_c(b, '\n');
}

static void show_rule(const struct explaining *e, struct yt_buf *b, int width, const struct yt_rule *r, const struct judged *j)
{
	bool by_follow = j && j->on != (unsigned)e->ev->type;

	yt_buf_printf(b, "%6d  %-*.*s  %-9s  ", r->line, width, YT_FMT(r->name), j ? result_of(e->a, j) : "-");
	if (by_follow)
		yt_buf_printf(b, "on %.*s: ", YT_FMT(yt_on_name(j->on)));
	yt_buf_str_add(b, j ? why_of(e, j) : why_not_on(e, r));
	yt_buf_c(b, '\n');
	for (const struct yt_part *p = j ? j->parts : NULL; p; p = p->next)
		show_part(e->a, b, 8 + width + 2 + 11, p);
}

static int width_of(const struct yt_ruleset *rules)
{
	uint32_t width = 4;

	for (size_t k = 0; k < rules->n_rules; k++)
		width = rules->rules[k].name.n > width ? rules->rules[k].name.n : width;
	return (int)width;
}

static void show_head(const struct explaining *e, struct yt_buf *b, int width)
{
	char at[25], now[25];
	struct yt_buf gifts;

	yt_buf_printf(b, "%.*s of %.*s at %s, now %s, rules %.*s\n", YT_FMT(yt_types[e->ev->type].name), YT_FMT(e->x.member->name),
	              instant(e->ev->at, at), instant(e->now_ms, now), YT_FMT(e->rules->tag));
	yt_buf_init(&gifts, e->a);
	say_gifts(e->a, &gifts, e->others);
	if (gifts.n)
		yt_buf_printf(b, "before the rules: %.*s\n", YT_FMT(yt_buf_str(&gifts)));
	yt_buf_printf(b, "\n%6s  %-*s  %-9s  %s\n", "line", width, "rule", "result", "why");
}

static const struct judged *judged_next(const struct judged *j, const struct yt_rule *r)
{
	while (j && j->rule != r)
		j = j->next;
	return j;
}

static int show(const struct explaining *e, bool json)
{
	int width = width_of(e->rules);
	struct yt_buf b;

	yt_buf_init(&b, e->a);
	if (json)
		json_head(e, &b);
	else
		show_head(e, &b, width);
	for (size_t k = 0; k < e->rules->n_rules; k++) {
		const struct yt_rule *r = &e->rules->rules[k];
		const struct judged *j = judged_next(e->first, r);

		do {
			if (json)
				json_rule(e, &b, r, j);
			else
				show_rule(e, &b, width, r, j);
		} while (j && (j = judged_next(j->next, r)));
	}
	if (json)
		yt_buf_z(&b, "]}\n");
	fwrite(b.p, 1, b.n, stdout);
	return fflush(stdout) == 0 ? YT_EXIT_OK : YT_EXIT_UNAVAILABLE;
}

/* --- the command */

struct words {
	const char *rules, *member, *now, *code_key, *event;
	bool json;
	int64_t now_ms; /* INT64_MIN: that of the event */
	unsigned char key[YT_CODE_KEY_BYTES];
};

static bool read_file(struct yt_arena *a, const char *file, size_t max, struct yt_str *out)
{
	struct yt_err err;

	if (yt_file_read(a, strcmp(file, "-") == 0 ? "/dev/stdin" : file, max, out, &err))
		return true;
	fprintf(stderr, "yutang: %s\n", err.msg);
	return false;
}

/* What the core would refuse before it asks any rule; said. */
static bool is_taken(struct explaining *e, const char *file, struct yt_decoded *d)
{
	const struct yt_shop_rules *shop = e->ev ? yt_ruleset_shop(e->rules, e->ev->shop) : NULL;

	if (!e->ev || !yt_event_check_now(e->ev, e->now_ms, d))
		fprintf(stderr, "yutang: %s would be a dead letter: %s: %s\n", file, yt_dead_name(d->dead), d->detail);
	else if (!shop)
		fprintf(stderr, "yutang: %s would be a dead letter: unknown_shop: the rule set has no [shop \"%.*s\"], and no [shop \"*\"]\n", file,
		        YT_FMT(e->ev->shop));
	else if (yt_types[e->ev->type].unruled)
		fprintf(stderr, "yutang: %s: no rule can be set off by %.*s\n", file, YT_FMT(yt_types[e->ev->type].name));
	else if (!yt_event_text(e->ev, YT_F_MEMBER).n)
		fprintf(stderr, "yutang: %s names no member: it would wait until it is known whose order it is\n", file);
	else if (e->ev->type == YT_ORDER_PAID && !yt_str_eq(yt_event_text(e->ev, YT_F_CURRENCY), shop->currency))
		fprintf(stderr, "yutang: %s would be a dead letter: bad_field: currency: not the shop's\n", file);
	else
		return true;
	return false;
}

static int explain(struct yt_arena *a, const struct words *w)
{
	struct explaining e = { .a = a };
	struct yt_decoded decoded = { 0 };
	struct yt_str event, facts;
	char msg[256];

	e.rules = yt_app_rules_said(a, w->rules);
	if (!e.rules)
		return YT_EXIT_CONFIG;
	if (!read_file(a, w->event, YT_JSON_BYTES_MAX, &event) || !read_file(a, w->member, YT_FACTS_BYTES_MAX, &facts))
		return YT_EXIT_USAGE;
	yt_event_decode(a, event, NULL, 0, YT_NOW_UNKNOWN, &decoded);
	e.ev = decoded.event;
	e.now_ms = w->now_ms == INT64_MIN && e.ev ? e.ev->time : w->now_ms;
	if (!is_taken(&e, w->event, &decoded))
		return YT_EXIT_DIFFERENCE;
	if (!yt_facts_read(a, facts, e.rules, e.ev, &e.x, msg)) {
		fprintf(stderr, "yutang: %s: %s\n", w->member, msg);
		return YT_EXIT_USAGE;
	}
	decide(&e, w->code_key ? w->key : NULL);
	return show(&e, w->json);
}

int yt_cmd_explain(int argc, char **argv)
{
	struct words w = { .now_ms = INT64_MIN };
	const struct yt_option options[] = { { "--rules", &w.rules, NULL }, { "--member", &w.member, NULL }, { "--now", &w.now, NULL },
		                             { "--code-key", &w.code_key, NULL }, { "--json", NULL, &w.json }, { 0 } };
	struct yt_arena a;
	struct yt_err err = { 0 };
	int n, exit_code;

	if (!yt_options(argc, argv, options, NULL, &n))
		return YT_EXIT_USAGE;
	if (!w.rules || !w.member || n != 1) {
		fprintf(stderr, "usage: yutang explain --rules FILE --member FACTS.json [--now INSTANT] [--code-key FILE] [--json] EVENT.json\n");
		return YT_EXIT_USAGE;
	}
	w.event = argv[0];
	if (strcmp(w.event, "-") == 0 && strcmp(w.member, "-") == 0) {
		fprintf(stderr, "yutang: the standard input is the event or the facts, not both\n");
		return YT_EXIT_USAGE;
	}
	if (w.now && !yt_time_parse(yt_str_z(w.now), &w.now_ms)) {
		fprintf(stderr, "yutang: --now wants an RFC 3339 instant, such as 2026-09-30T00:00:00Z\n");
		return YT_EXIT_USAGE;
	}
	if (w.code_key && yt_code_key_read(w.code_key, w.key, &err) < 0)
		return yt_app_fail(&err);
	yt_arena_init(&a, 0);
	exit_code = explain(&a, &w);
	yt_arena_deinit(&a);
	return exit_code;
}
