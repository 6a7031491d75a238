/* `explain` against the core over whole histories: of each event of the example, facts as they are right after it, and what the rules do then. The facts come from a
 * second world that has no rules; wallet, marks and timers are those before the event. */
#include "unit/core_world.h"

#include "app/facts.h"
#include "app/member.h"

/* The sections of the file with rules, or without. No contact_cap: what was sent before is no fact. No limit_total: such a coupon comes of what the quota answers. */
static char *rules_of(const char *text, bool with_rules)
{
	char *out = calloc(1, strlen(text) + 1);
	bool skip = false;

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		if (*line == '[')
			skip = !with_rules && strncmp(line, "[rule ", 6) == 0;
		if (!skip && strncmp(line, "contact_cap", 11) != 0 && strncmp(line, "limit_total", 11) != 0)
			strncat(out, line, strcspn(line, "\n") + 1);
	}
	return out;
}

/* --- facts as they would stand in a file */

static void add_order(struct world *facts, struct yt_buf *b, struct yt_str name)
{
	static const char *const texts[] = { "id", "currency", "channel", "presale" };
	struct yt_view_hash h[YT_VIEW_HASHES_MAX];

	yt_view_render(&facts->batch, YT_KIND_ORDER, name, world_peek(facts, YT_KIND_ORDER, name), true, h);
	yt_buf_z(b, ",\"order\":{");
	for (size_t k = 0; k < h[0].n; k++) {
		bool text = false;

		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			text = text || yt_str_eq(h[0].fields[2 * k], yt_str_z(texts[i]));
		yt_buf_printf(b, text ? "%s\"%.*s\":\"%.*s\"" : "%s\"%.*s\":%.*s", k ? "," : "", YT_FMT(h[0].fields[2 * k]), YT_FMT(h[0].fields[2 * k + 1]));
	}
	yt_buf_c(b, '}');
}

/* Before the event. */
static void add_rules(struct world *w, struct yt_buf *b, const struct yt_member *m)
{
	bool any = false;

	yt_buf_z(b, ",\"once\":[");
	for (size_t k = 0; m && k < w->rules->n_rules; k++) {
		if (!yt_mark_is_set(m->marks, m->n_marks, w->rules->rules[k].name))
			continue;
		yt_buf_printf(b, "%s\"%.*s\"", any ? "," : "", YT_FMT(w->rules->rules[k].name));
		any = true;
	}
	yt_buf_z(b, "],\"waiting\":[");
	any = false;
	for (uint32_t k = 0; m && k < m->n_timers; k++) {
		if (!yt_ruleset_rule(w->rules, m->timers[k].rule))
			continue;
		yt_buf_printf(b, "%s\"%.*s\"", any ? "," : "", YT_FMT(m->timers[k].rule));
		any = true;
	}
	yt_buf_c(b, ']');
}

/* The whole file; facts are those of the other world, which are added behind. */
static void begin_file(struct world *w, struct yt_buf *b, struct yt_view_hash *wallet, struct yt_str name)
{
	struct yt_view_hash h[YT_VIEW_HASHES_MAX];
	const struct yt_member *m = world_peek(w, YT_KIND_MEMBER, name);

	yt_view_render(&w->batch, YT_KIND_MEMBER, name, m, false, h);
	*wallet = h[1];
	add_rules(w, b, m);
}

/* --- the core over them */

struct seen {
	struct yt_arena *a;
	struct yt_explain x;
	char ids[64][33];
	size_t n;
};

static void *seen_edit(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct seen *s = ctx;

	if (kind == YT_KIND_MEMBER)
		return s->x.member;
	return kind == YT_KIND_ORDER ? (void *)s->x.order : yt_entities[kind].fresh(s->a, name);
}

static const void *seen_peek(void *ctx, enum yt_kind kind, struct yt_str name)
{
	return seen_edit(ctx, kind, name);
}

static void seen_output(void *ctx, const struct yt_output *out)
{
	struct seen *s = ctx;

	memcpy(s->ids[s->n++ % 64], out->id, 33);
}

/* What leaves for another shard comes to nothing here. */
static void seen_send(void *ctx, struct yt_str key, struct yt_str value)
{
	(void)ctx;
	(void)key;
	(void)value;
}

static bool seen_any(void *ctx, enum yt_kind kind)
{
	(void)ctx;
	(void)kind;
	return false;
}

static void explain(struct world *w, struct seen *s, const struct yt_event *ev, struct yt_str json)
{
	struct yt_state state = { .ctx = s, .peek = seen_peek, .edit = seen_edit, .output = seen_output, .send = seen_send, .any = seen_any };
	struct yt_decide_env env = { .rules = w->rules, .state = &state, .arena = s->a, .now_ms = w->now, .code_key = w->key };
	char msg[256];

	CHECK_MSG(yt_facts_read(s->a, json, w->rules, ev, &s->x, msg), "%s: %.*s", msg, YT_FMT(json));
	yt_explain(&env, ev, &s->x);
}

/* What does not come of rules comes of folding, which explain leaves out: the tier is among the facts that it is told, a referral is its own matter. */
static bool is_of_folding(struct world *w, const struct world_output *o)
{
	const char *rule = world_data(w, o, "rule");

	if (strcmp(rule, "~tier") == 0 || strcmp(rule, "~referral") == 0)
		return true;
	return (o->type == YT_OUT_COUPON_RETURNED || o->type == YT_OUT_COUPON_REVOKED) && world_data(w, o, "rule")[0] == '~';
}

/* --- event by event */

struct tally {
	int events, outputs, skipped;
};

/* It names a coupon that another order used: explain takes it for the one that used it. */
static bool uses_again(const struct yt_member *m, const struct yt_event *ev)
{
	const union yt_field_value *codes = yt_event_field(ev, YT_F_COUPONS);

	for (uint32_t k = 0; m && codes && k < codes->list.n; k++) {
		const struct yt_coupon *c = yt_wallet_by_code(&m->wallet, codes->list.codes[k]);

		if (c && c->state == YT_COUPON_USED)
			return true;
	}
	return false;
}

/* A fact that came too late to set off anything, or that brings along what came too early, is more than explain is told. */
static bool is_plain(struct world *w, const struct yt_event *ev, struct yt_str order_name)
{
	const struct yt_member *m = world_peek(w, YT_KIND_MEMBER, yt_act_name(&w->scratch, ev->shop, yt_event_text(ev, YT_F_MEMBER)));
	const struct yt_order *o = order_name.n ? world_peek(w, YT_KIND_ORDER, order_name) : NULL;
	bool in = ev->type == YT_GROUP_JOINED || ev->type == YT_CONTACT_ADDED;
	const struct yt_places *places = NULL;
	const struct yt_place *place = NULL;

	if (ev->type == YT_GROUP_JOINED || ev->type == YT_GROUP_LEFT)
		places = m ? &m->groups : NULL;
	else if (ev->type == YT_CONTACT_ADDED || ev->type == YT_CONTACT_REMOVED)
		places = m ? &m->accounts : NULL;
	if (places)
		place = yt_places_find(places, yt_event_text(ev, places == &m->groups ? YT_F_GROUP : YT_F_ACCOUNT));
	return !uses_again(m, ev) && !(o && o->n_early) && !(place && yt_place_superseded(place, ev->at, in));
}

static void check_event(struct world *w, struct world *facts, const struct yt_event *ev, struct tally *tally)
{
	struct yt_str name = yt_act_name(&w->scratch, ev->shop, yt_event_text(ev, YT_F_MEMBER)), order = yt_event_text(ev, YT_F_ORDER);
	struct yt_str order_name = order.n ? yt_act_name(&w->scratch, ev->shop, order) : order;
	struct yt_member_view view = { .shop = ev->shop, .id = yt_event_text(ev, YT_F_MEMBER) };
	bool plain = is_plain(w, ev, order_name);
	struct seen s = { .a = &w->scratch };
	struct yt_view_hash h[YT_VIEW_HASHES_MAX];
	size_t at = w->n_outputs, k = 0;
	struct yt_buf before, file;
	struct yt_err err;

	yt_buf_init(&before, &w->scratch);
	yt_buf_init(&file, &w->scratch);
	begin_file(w, &before, &view.wallet, name);
	facts->now = w->now;
	world_decide(facts, ev);
	yt_view_render(&w->scratch, YT_KIND_MEMBER, name, world_peek(facts, YT_KIND_MEMBER, name), false, h);
	view.facts = h[0];
	CHECK(yt_member_json(&w->scratch, &view, &file, &err) == 0);
	file.n -= 2; /* behind the list */
	yt_buf_str_add(&file, yt_buf_str(&before));
	if (order.n && ev->type != YT_ORDER_PAID)
		add_order(facts, &file, order_name);
	yt_buf_c(&file, '}');
	if (world_decide(w, ev).result != YT_APPLIED || !plain) {
		tally->skipped++;
		return;
	}
	explain(w, &s, ev, yt_buf_str(&file));
	for (; at < w->n_outputs; at++) {
		if (is_of_folding(w, &w->outputs[at]))
			continue;
		CHECK_MSG(k < s.n && strcmp(s.ids[k], w->outputs[at].id) == 0, "output %zu is another than %s; %.*s", k, w->outputs[at].value, YT_FMT(yt_buf_str(&file)));
		k++;
		tally->outputs++;
	}
	CHECK_MSG(k == s.n, "%zu outputs more; %.*s", s.n - k, YT_FMT(yt_buf_str(&file)));
	tally->events++;
}

/* Of one member, and by rules. */
static bool is_explained(enum yt_type type)
{
	return !yt_types[type].unruled && type != YT_MEMBER_LINKED;
}

TEST(explain_says_what_the_core_decides)
{
	char *text = world_slurp("conf/example/rules.conf"), *day = world_slurp("conf/example/day.jsonl"), *key = world_slurp("conf/example/code.key");
	char *with = rules_of(text, true), *without = rules_of(text, false);
	struct tally tally = { 0 };
	struct world w, facts;

	world_init(&w, with);
	world_init(&facts, without);
	memcpy(w.key, key, 32);
	w.now = facts.now = 0;
	for (char *line = strtok(day, "\n"); line; line = strtok(NULL, "\n")) {
		struct yt_decoded decoded;
		char *time = strstr(line, "\"time\":\"");
		int64_t at = 0;

		CHECK(time && yt_time_parse(yt_str(time + 8, strcspn(time + 8, "\"")), &at));
		world_until(&w, at);
		yt_arena_reset(&w.scratch);
		yt_event_decode(&w.scratch, yt_str_z(line), NULL, 0, w.now, &decoded);
		if (!decoded.dead && yt_event_text(decoded.event, YT_F_MEMBER).n && is_explained(decoded.event->type))
			check_event(&w, &facts, decoded.event, &tally);
	}
	CHECK_MSG(tally.events >= 240 && tally.outputs >= 130, "%d events, %d outputs, %d skipped", tally.events, tally.outputs, tally.skipped);
	world_deinit(&w);
	world_deinit(&facts);
	free(text);
	free(day);
	free(key);
	free(with);
	free(without);
}

/* Names of a presale are those of the event itself; the coupon of its section comes before the rules, and a tier is as it was told. */
TEST(a_deposit_is_explained)
{
	static const char rules[] = WORLD_SHOP "[coupon \"deposit\"]\namount_off = 3000\n[presale \"box\"]\ncoupon = deposit\n"
		"[tier \"gold\"]\nrank = 1\nmin_orders = 1\n"
		"[rule \"thanks\"]\non = presale.deposit_paid\nwhen = presale.amount == 3000 && member.tier == \"gold\" && now < presale.balance_from\nfollow_up = thanks\n"
		"[rule \"up\"]\non = tier.changed\nfollow_up = up\n";
	static const int64_t t0 = INT64_C(1790000000000);
	struct seen s = { 0 };
	struct world w;

	world_init(&w, rules);
	s.a = &w.scratch;
	w.now = t0;
	explain(&w, &s, world_event(&w, "presale.deposit_paid", "e", t0, "{\"presale\":\"box\",\"member\":\"m1\",\"paid_at\":1790000000000,\"amount\":3000,\"balance_from\":1790000001000,\"balance_until\":1790000002000}"),
	        YT_S("{\"facts\":{\"paid_orders\":1,\"tier\":\"gold\"}}"));
	CHECK_INT(s.n, 2);
	CHECK_INT(s.x.member->wallet.n, 1);
	CHECK_INT(s.x.member->wallet.v[0].valid_until, t0 + 2000);
	world_deinit(&w);
}

TEST_MAIN
{
	RUN(explain_says_what_the_core_decides);
	RUN(a_deposit_is_explained);
}
