/* The rule file as a whole: sections to structs, what keys ask of each other, and the finished set. */
#include "yutang/rules/ruleset.h"

#include <stdio.h>
#include <stdlib.h>

#include "rulefile.h"
#include "yutang/base/hash.h"
#include "yutang/event/event.h"

const struct yt_ini_entry *yt_entry(const struct yt_ini_section *sec, const char *key)
{
	for (const struct yt_ini_entry *e = sec->entries; e; e = e->next) {
		if (yt_str_eq(e->key, yt_str_z(key)))
			return e;
	}
	return NULL;
}

/* --- one section --- */

static void read_entry(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_key_row *k,
                       const struct yt_ini_entry *e, void *target)
{
	if (!k)
		yt_unknown_key(f, sec, e);
	else if (!e->value.n)
		yt_problem(f->problems, e->line, "%.*s has no value", YT_FMT(e->key));
	else
		k->read(f, k, e, target);
}

static void read_default(struct yt_rulefile *f, const struct yt_key_row *k, void *target)
{
	struct yt_ini_entry e = { .key = yt_str_z(k->doc.key), .value = yt_str_z(k->doc.deflt) };
	bool ok = k->read(f, k, &e, target);

	YT_ASSERT(ok, k->doc.key);
}

static void read_entries(struct yt_rulefile *f, const struct yt_ini_section *sec, void *target)
{
	for (const struct yt_ini_entry *e = sec->entries; e; e = e->next) {
		const struct yt_key_row *k = yt_key_row(sec->kind, e->key);

		/* Of a doubled key, which is a problem already, the first one counts. */
		if (!k || yt_entry(sec, e->key.p) == e)
			read_entry(f, sec, k, e, target);
	}
}

/* The keys that the section leaves out: their defaults, or that they are missing. */
static void read_rest(struct yt_rulefile *f, const struct yt_ini_section *sec, void *target)
{
	const struct yt_key_row *k;

	for (size_t i = 0; (k = yt_key_next(sec->kind, &i));) {
		if (yt_entry(sec, k->doc.key))
			continue;
		if (k->doc.required)
			yt_problem(f->problems, sec->line, "[%.*s%s%.*s%s] has no %s", YT_FMT(sec->kind), sec->name.p ? " \"" : "",
			           YT_FMT(sec->name), sec->name.p ? "\"" : "", k->doc.key);
		else if (k->doc.deflt)
			read_default(f, k, target);
	}
}

/* Two keys of which one section can have one. */
static void exclude(struct yt_rulefile *f, const struct yt_ini_section *sec, const char *a, const char *b)
{
	const struct yt_ini_entry *ea = yt_entry(sec, a), *eb = yt_entry(sec, b);

	if (ea && eb)
		yt_problem(f->problems, ea->line > eb->line ? ea->line : eb->line, "%s and %s exclude each other", a, b);
}

/* Of two instants of a section the first must come first. */
static void check_span(struct yt_rulefile *f, const struct yt_ini_section *sec, const char *from, const char *until)
{
	const struct yt_ini_entry *ef = yt_entry(sec, from), *eu = yt_entry(sec, until);
	struct yt_instant a, b;

	if (!ef || !eu || !yt_instant_parse(ef->value, &a) || !yt_instant_parse(eu->value, &b))
		return;
	if (yt_instant_seconds(&a, false) >= yt_instant_seconds(&b, true))
		yt_problem(f->problems, eu->line, "%s (%.*s) is not after %s (%.*s)", until, YT_FMT(eu->value), from, YT_FMT(ef->value));
}

/* --- [coupon] --- */

static void check_discount(struct yt_rulefile *f, const struct yt_ini_section *sec)
{
	exclude(f, sec, "pay_percent", "percent_off");
	exclude(f, sec, "pay_percent", "amount_off");
	exclude(f, sec, "percent_off", "amount_off");
	if (!yt_entry(sec, "pay_percent") && !yt_entry(sec, "percent_off") && !yt_entry(sec, "amount_off"))
		yt_problem(f->problems, sec->line, "[coupon \"%.*s\"] is worth nothing: it needs one of pay_percent, percent_off, amount_off",
		           YT_FMT(sec->name));
}

static bool has_end(const struct yt_ini_section *coupon)
{
	return yt_entry(coupon, "valid_for") || yt_entry(coupon, "valid_until");
}

static bool is_of_presale(const struct yt_rulefile *f, struct yt_str coupon)
{
	for (const struct yt_ini_section *sec = f->sections; sec; sec = sec->next) {
		const struct yt_ini_entry *e = yt_str_eq(sec->kind, YT_S("presale")) ? yt_entry(sec, "coupon") : NULL;

		if (e && yt_str_eq(e->value, coupon))
			return true;
	}
	return false;
}

/* Its window is the presale's. */
static void check_without_end(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_coupon_rules *c)
{
	const struct yt_ini_entry *from = yt_entry(sec, "valid_from"), *day = yt_entry(sec, "valid_to_end_of_day");

	if (!is_of_presale(f, sec->name)) {
		yt_problem(f->problems, sec->line, "[coupon \"%.*s\"] has no end: it needs valid_for or valid_until, or a [presale] that gives it",
		           YT_FMT(sec->name));
		return;
	}
	if (from)
		yt_problem(f->problems, from->line, "valid_from does nothing without valid_for or valid_until: the presale says from when");
	if (day && c->to_end_of_day)
		yt_problem(f->problems, day->line, "valid_to_end_of_day does nothing without valid_for or valid_until: the presale says until when");
}

static void check_validity(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_coupon_rules *c)
{
	const struct yt_ini_entry *remind = yt_entry(sec, "remind_before");

	exclude(f, sec, "valid_for", "valid_until");
	check_span(f, sec, "valid_from", "valid_until");
	if (!has_end(sec))
		check_without_end(f, sec, c);
	/* A fixed valid_from does not stretch valid_for; only the end of the day can. */
	if (remind && c->valid_for_ms && c->remind_before_ms >= c->valid_for_ms && !c->to_end_of_day)
		yt_warning(f->problems, remind->line, "remind_before is not shorter than valid_for: no reminder can ever leave");
}

static void check_budget(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_coupon_rules *c)
{
	const struct yt_ini_entry *budget = yt_entry(sec, "budget");

	if (budget && !yt_entry(sec, "amount_off"))
		yt_problem(f->problems, budget->line, "budget counts what coupons take off, and this one has no amount_off");
	else if (budget && c->budget && c->budget < c->value)
		yt_warning(f->problems, budget->line, "budget is less than amount_off: no coupon can ever be issued");
}

static void read_coupon(struct yt_rulefile *f, const struct yt_ini_section *sec, struct yt_coupon_rules *c)
{
	c->min_amount = -1;
	read_entries(f, sec, c);
	read_rest(f, sec, c);
	check_discount(f, sec);
	check_validity(f, sec, c);
	check_budget(f, sec, c);
}

/* --- [rule] --- */

/* Without a right `on` the names of all types are known: their absence must not be a second error. */
static struct yt_scope scope_of_rule(struct yt_rulefile *f, const struct yt_rule *rule)
{
	struct yt_scope scope = yt_scope_of(rule->on ? rule->on : (1u << YT_ON__COUNT) - 1);

	scope.zones = (struct yt_zones){ yt_rulefile_zone, f };
	scope.templates = f->templates;
	scope.n_templates = f->rs->n_coupons;
	return scope;
}

static const struct yt_expr *read_expr(struct yt_rulefile *f, const struct yt_ini_entry *e, const struct yt_scope *scope, enum yt_vtype type)
{
	const struct yt_expr *expr;

	if (!e || !e->value.n)
		return NULL;
	expr = yt_read_expr(f, e, e->value, 0, scope);
	if (expr && yt_expr_type(expr) != type)
		yt_problem(f->problems, e->line, "%.*s: the expression is of type %s, it must be %s", YT_FMT(e->key),
		           yt_vtype_name(yt_expr_type(expr)), yt_vtype_name(type));
	return expr;
}

/* `10m`, and whatever is meant as one: no expression of type duration begins with a digit and has only letters, digits and points. */
static bool is_like_duration(struct yt_str s)
{
	if (!s.n || s.p[0] < '0' || s.p[0] > '9')
		return false;
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '.' && c != ' ')
			return false;
	}
	return true;
}

static void read_after(struct yt_rulefile *f, const struct yt_ini_entry *e, const struct yt_scope *scope, struct yt_rule *rule)
{
	struct yt_key_row row = { .doc.key = "after", .offset = offsetof(struct yt_rule, after_ms) };

	if (!e)
		return;
	if (is_like_duration(e->value))
		yt_read_duration(f, &row, e, rule);
	else
		rule->after_expr = read_expr(f, e, scope, YT_V_DURATION);
}

static void read_still(struct yt_rulefile *f, const struct yt_ini_entry *e, struct yt_scope scope, struct yt_rule *rule)
{
	scope.kept = true;
	scope.place = "still";
	rule->still = read_expr(f, e, &scope, YT_V_BOOL);
	if (rule->still)
		rule->event_fields |= yt_expr_event_fields(rule->still);
}

static const struct yt_ini_section *section_named(const struct yt_ini_section *sections, const char *kind, struct yt_str name)
{
	for (; sections; sections = sections->next) {
		if (yt_str_eq(sections->kind, yt_str_z(kind)) && yt_str_eq(sections->name, name))
			return sections;
	}
	return NULL;
}

static bool is_param(const struct yt_ini_entry *e)
{
	return yt_str_starts(e->key, YT_S("param."));
}

/* Some shop's quiet hours can hold a follow-up back: then its event is gone when it leaves. */
static bool has_quiet_hours(const struct yt_rulefile *f)
{
	for (const struct yt_ini_section *sec = f->sections; sec; sec = sec->next) {
		if (yt_str_eq(sec->kind, YT_S("shop")) && yt_entry(sec, "quiet_hours"))
			return true;
	}
	return false;
}

/* The rule's coupon has to wait for the answer of a quota: the event is gone then, too. */
static bool has_quota(const struct yt_rulefile *f, const struct yt_rule *rule)
{
	const struct yt_ini_section *sec = rule->issue ? section_named(f->sections, "coupon", rule->issue->name) : NULL;

	return sec && (yt_entry(sec, "limit_total") || yt_entry(sec, "budget"));
}

static void read_param(struct yt_rulefile *f, const struct yt_ini_entry *e, const struct yt_scope *scope, struct yt_rule *rule,
                       struct yt_param *param)
{
	static const uint64_t carried = UINT64_C(1) << YT_F_ITEMS | UINT64_C(1) << YT_F_COUPONS | UINT64_C(1) << YT_F_BUYER;
	uint64_t fields = 0;

	param->name = yt_str(e->key.p + 6, e->key.n - 6);
	if (!yt_is_name(param->name, true))
		yt_problem(f->problems, e->line, "%.*s: `%.*s` is no name of a param: a letter or digit, then up to 62 of a-z 0-9 - _", YT_FMT(e->key),
		           YT_FMT(param->name));
	if (!e->value.n || !yt_read_param(f, e, scope, param))
		return;
	for (uint32_t i = 0; i < param->n_parts; i++) {
		if (param->parts[i].expr)
			fields |= yt_expr_event_fields(param->parts[i].expr);
	}
	rule->event_fields |= fields;
	if (fields & carried && has_quiet_hours(f))
		yt_warning(f->problems, e->line,
		           "%.*s: items, coupons and buyer of the event are not known when the follow-up had to wait for the end of the quiet hours",
		           YT_FMT(e->key));
	if (fields & carried && has_quota(f, rule) && !scope->kept)
		yt_warning(f->problems, e->line,
		           "%.*s: items, coupons and buyer of the event are not known when the follow-up waited for the limit_total or budget of its coupon",
		           YT_FMT(e->key));
}

/* They are evaluated when the follow-up leaves: behind a wait there is only what the timer kept. */
static void read_params(struct yt_rulefile *f, const struct yt_ini_section *sec, struct yt_scope scope, struct yt_rule *rule)
{
	struct yt_param *params;
	uint32_t n = 0;

	scope.kept = yt_entry(sec, "after") != NULL;
	scope.place = "a param behind `after`";
	for (const struct yt_ini_entry *e = sec->entries; e; e = e->next)
		n += is_param(e);
	rule->params = params = yt_arena_zalloc(f->arena, (n + 1) * sizeof(*params));
	rule->n_params = n;
	for (const struct yt_ini_entry *e = sec->entries; e; e = e->next) {
		if (is_param(e))
			read_param(f, e, &scope, rule, params++);
	}
	if (n > YT_PARAMS_MAX)
		yt_problem(f->problems, sec->line, "[rule \"%.*s\"] has %u params, at most %d are allowed", YT_FMT(sec->name), n, YT_PARAMS_MAX);
}

/* What a rule can do. */
static bool has_action(const struct yt_ini_section *sec)
{
	static const char *const actions[] = { "issue", "follow_up", "revoke", "tag", "untag" };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (yt_entry(sec, actions[i]))
			return true;
	}
	return false;
}

/* `once = per order` and `per coupon` need one with each event. Not every coupon is issued for an order, and what expired is about none. */
static void check_once(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_rule *rule)
{
	static const uint32_t about_order = 1u << YT_ORDER_PAID | 1u << YT_ORDER_SHIPPED | 1u << YT_ORDER_SIGNED | 1u << YT_ORDER_REFUNDED |
	                                    1u << YT_ORDER_CANCELLED | 1u << YT_ON_COUPON_USED;
	uint32_t about = rule->once == YT_ONCE_ORDER ? about_order : rule->once == YT_ONCE_COUPON ? YT_ON_COUPONS : UINT32_MAX;

	for (unsigned on = 0; on < YT_ON__COUNT; on++) {
		if (rule->on & ~about & 1u << on) {
			yt_problem(f->problems, yt_entry(sec, "once")->line, "once = per %s: %.*s in `on` %s %s",
			           rule->once == YT_ONCE_ORDER ? "order" : "coupon", YT_FMT(yt_on_name(on)),
			           on < YT_TYPE__COUNT || rule->once == YT_ONCE_COUPON ? "is about no" : "need not be about an",
			           rule->once == YT_ONCE_ORDER ? "order" : "coupon");
			return;
		}
	}
}

/* Keys that do nothing without another one of the rule. */
static void check_alone(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_rule *rule)
{
	const struct yt_ini_entry *send_by = yt_entry(sec, "send_by");
	bool sends = yt_entry(sec, "follow_up"), gives = sends || yt_entry(sec, "issue");

	if (send_by && !sends)
		yt_problem(f->problems, send_by->line, "send_by is of the follow-up, and this rule has no follow_up");
	for (const struct yt_ini_entry *e = sec->entries; e && !sends; e = e->next) {
		if (is_param(e))
			yt_problem(f->problems, e->line, "%.*s is of the follow-up, and this rule has no follow_up", YT_FMT(e->key));
	}
	if (rule->promotes && !gives)
		yt_problem(f->problems, yt_entry(sec, "promotes")->line,
		           "promotes = yes withholds what a rule issues or sends, and this rule has neither issue nor follow_up");
	if (rule->to != YT_TO_MEMBER && !gives)
		yt_problem(f->problems, yt_entry(sec, "to")->line,
		           "to says who gets what a rule issues or sends, and this rule has neither issue nor follow_up");
	if (rule->pending_per_member && !yt_entry(sec, "after"))
		yt_problem(f->problems, yt_entry(sec, "pending")->line, "pending = per member moves what waits, and this rule has no after");
	if (rule->tag.n && yt_str_eq(rule->tag, rule->untag))
		yt_problem(f->problems, yt_entry(sec, "untag")->line, "tag and untag are both `%.*s`", YT_FMT(rule->tag));
	if (rule->once && has_action(sec) && !gives)
		yt_warning(f->problems, yt_entry(sec, "once")->line,
		           "once does nothing: its mark is set when a coupon or a follow-up leaves, and this rule has neither issue nor follow_up");
}

/* A coupon without an end of its own needs a window that only a presale can give it. key: names it. */
static void check_window(struct yt_rulefile *f, const struct yt_ini_section *sec, const char *key, const struct yt_coupon_rules *c)
{
	const struct yt_ini_section *coupon = c ? section_named(f->sections, "coupon", c->name) : NULL;

	if (coupon && !has_end(coupon) && is_of_presale(f, coupon->name))
		yt_problem(f->problems, yt_entry(sec, key)->line, "%s: [coupon \"%.*s\"] has no end of its own, only a [presale] can give it", key,
		           YT_FMT(coupon->name));
}

static void read_rule(struct yt_rulefile *f, const struct yt_ini_section *sec, struct yt_rule *rule)
{
	struct yt_scope scope;

	read_entries(f, sec, rule);
	read_rest(f, sec, rule);
	scope = scope_of_rule(f, rule);
	rule->when = read_expr(f, yt_entry(sec, "when"), &scope, YT_V_BOOL);
	read_after(f, yt_entry(sec, "after"), &scope, rule);
	read_still(f, yt_entry(sec, "still"), scope, rule);
	read_params(f, sec, scope, rule);
	check_span(f, sec, "from", "until");
	check_once(f, sec, rule);
	check_window(f, sec, "issue", rule->issue);
	check_alone(f, sec, rule);
	if (!has_action(sec))
		yt_problem(f->problems, sec->line, "[rule \"%.*s\"] does nothing: it needs one of issue, follow_up, revoke, tag, untag", YT_FMT(sec->name));
}

/* --- [gift] and [share] --- */

static void read_gift(struct yt_rulefile *f, const struct yt_ini_section *sec, struct yt_gift_rules *gift)
{
	struct yt_scope scope = yt_scope_of(1u << YT_GIFT_CLAIMED);

	scope.zones = (struct yt_zones){ yt_rulefile_zone, f };
	scope.templates = f->templates;
	scope.n_templates = f->rs->n_coupons;
	gift->name = sec->name;
	read_entries(f, sec, gift);
	read_rest(f, sec, gift);
	check_window(f, sec, "coupon", gift->coupon);
	gift->when = read_expr(f, yt_entry(sec, "when"), &scope, YT_V_BOOL);
	check_span(f, sec, "from", "until");
}

static void read_share(struct yt_rulefile *f, const struct yt_ini_section *sec, struct yt_share_rules *share)
{
	share->name = sec->name;
	read_entries(f, sec, share);
	read_rest(f, sec, share);
	check_window(f, sec, "coupon", share->coupon);
}

/* --- [referral] --- */

static void read_referral(struct yt_rulefile *f, const struct yt_ini_section *sec)
{
	struct yt_referral_rules *r = yt_arena_zalloc(f->arena, sizeof(*r));
	struct yt_scope scope = yt_scope_of(1u << YT_ORDER_PAID);
	const struct yt_ini_entry *give = yt_entry(sec, "give_invitee");

	read_entries(f, sec, r);
	read_rest(f, sec, r);
	scope.zones = (struct yt_zones){ yt_rulefile_zone, f };
	scope.templates = f->templates;
	scope.n_templates = f->rs->n_coupons;
	r->qualify = read_expr(f, yt_entry(sec, "qualify"), &scope, YT_V_BOOL);
	if (give && !yt_entry(sec, "reward_invitee"))
		yt_warning(f->problems, give->line, "give_invitee does nothing: there is no reward_invitee");
	check_window(f, sec, "reward_referrer", r->reward_referrer);
	check_window(f, sec, "reward_invitee", r->reward_invitee);
	f->rs->referral = r;
}

/* --- all sections --- */

static bool section_name_ok(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_section_row *row)
{
	if (row->name == YT_NAME_NONE) {
		if (sec->name.p)
			yt_problem(f->problems, sec->line, "[%s] takes no name", row->kind);
		return !sec->name.p;
	}
	if (!sec->name.p) {
		yt_problem(f->problems, sec->line, "[%s] needs a name, such as [%s \"%s\"]", row->kind, row->kind,
		           row->name == YT_NAME_SHOP ? "*" : row->name == YT_NAME_SKU ? "oil-1l" : "half-price");
		return false;
	}
	if (row->name == YT_NAME_SKU) {
		if (!yt_is_sku(sec->name))
			yt_problem(f->problems, sec->line, "this is no sku: at most %d bytes without control characters", YT_ID_BYTES_MAX);
		return yt_is_sku(sec->name);
	}
	if (row->name == YT_NAME_SHOP) {
		if (!yt_str_eq(sec->name, YT_S("*")) && !yt_is_shop(sec->name)) {
			yt_problem(f->problems, sec->line, "`%.*s` is no shop: `*`, or 1 to 64 of A-Z a-z 0-9 . _ -", YT_FMT(sec->name));
			return false;
		}
	} else if (!yt_is_name(sec->name, false)) {
		yt_problem(f->problems, sec->line, "`%.*s` is no name: a letter or digit, then up to 62 of a-z 0-9 -", YT_FMT(sec->name));
		return false;
	}
	return true;
}

static size_t count_sections(const struct yt_ini_section *sections, const char *kind)
{
	size_t n = 0;

	for (; sections; sections = sections->next)
		n += yt_str_eq(sections->kind, yt_str_z(kind));
	return n;
}

/* Room for everything, and the names of the coupons, which rules refer to from before them, too. */
static void ruleset_alloc(struct yt_rulefile *f)
{
	struct yt_ruleset *rs = f->rs;
	size_t i = 0;

	rs->n_shops = count_sections(f->sections, "shop");
	rs->n_coupons = count_sections(f->sections, "coupon");
	rs->n_rules = count_sections(f->sections, "rule");
	rs->shops = yt_arena_zalloc(f->arena, (rs->n_shops + 1) * sizeof(*rs->shops));
	rs->coupons = yt_arena_zalloc(f->arena, (rs->n_coupons + 1) * sizeof(*rs->coupons));
	rs->n_products = count_sections(f->sections, "product");
	rs->n_gifts = count_sections(f->sections, "gift");
	rs->gifts = yt_arena_zalloc(f->arena, (rs->n_gifts + 1) * sizeof(*rs->gifts));
	rs->n_shares = count_sections(f->sections, "share");
	rs->shares = yt_arena_zalloc(f->arena, (rs->n_shares + 1) * sizeof(*rs->shares));
	rs->rules = yt_arena_zalloc(f->arena, (rs->n_rules + 1) * sizeof(*rs->rules));
	rs->products = yt_arena_zalloc(f->arena, (rs->n_products + 1) * sizeof(*rs->products));
	rs->n_tiers = count_sections(f->sections, "tier");
	rs->tiers = yt_arena_zalloc(f->arena, (rs->n_tiers + 1) * sizeof(*rs->tiers));
	rs->n_presales = count_sections(f->sections, "presale");
	rs->presales = yt_arena_zalloc(f->arena, (rs->n_presales + 1) * sizeof(*rs->presales));
	f->templates = yt_arena_zalloc(f->arena, (rs->n_coupons + 1) * sizeof(*f->templates));
	rs->coupons_by_name = yt_arena_zalloc(f->arena, (rs->n_coupons + 1) * sizeof(struct yt_coupon_rules *));
	rs->rules_by_name = yt_arena_zalloc(f->arena, (rs->n_rules + 1) * sizeof(struct yt_rule *));
	for (const struct yt_ini_section *sec = f->sections; sec; sec = sec->next) {
		if (!yt_str_eq(sec->kind, YT_S("coupon")))
			continue;
		rs->coupons[i].name = sec->name;
		rs->coupons[i].index = (int)i;
		rs->coupons_by_name[i] = &rs->coupons[i];
		f->templates[i] = sec->name.p ? sec->name.p : "";
		i++;
	}
}

/* How many sections of each kind were read so far. */
struct places {
	size_t shop, coupon, tier, gift, share, presale, product, rule;
};

static void read_section(struct yt_rulefile *f, const struct yt_ini_section *sec, struct places *at)
{
	struct yt_ruleset *rs = f->rs;

	if (yt_str_eq(sec->kind, YT_S("ruleset"))) {
		read_entries(f, sec, rs);
		read_rest(f, sec, rs);
	} else if (yt_str_eq(sec->kind, YT_S("shop"))) {
		rs->shops[at->shop].shop = sec->name;
		read_entries(f, sec, &rs->shops[at->shop++]);
	} else if (yt_str_eq(sec->kind, YT_S("coupon"))) {
		read_coupon(f, sec, &rs->coupons[at->coupon++]);
	} else if (yt_str_eq(sec->kind, YT_S("gift"))) {
		read_gift(f, sec, &rs->gifts[at->gift++]);
	} else if (yt_str_eq(sec->kind, YT_S("share"))) {
		read_share(f, sec, &rs->shares[at->share++]);
	} else if (yt_str_eq(sec->kind, YT_S("product"))) {
		struct yt_product *product = &rs->products[at->product++];

		product->sku = sec->name;
		product->hash = yt_hash64(sec->name);
		read_entries(f, sec, product);
		read_rest(f, sec, product);
	} else if (yt_str_eq(sec->kind, YT_S("tier"))) {
		struct yt_tier *tier = &rs->tiers[at->tier++];

		tier->name = sec->name;
		tier->rank = -1;
		read_entries(f, sec, tier);
		read_rest(f, sec, tier);
		yt_check_tier(f, sec, tier);
	} else if (yt_str_eq(sec->kind, YT_S("presale"))) {
		struct yt_presale *presale = &rs->presales[at->presale++];

		presale->name = sec->name;
		read_entries(f, sec, presale);
		read_rest(f, sec, presale);
	} else if (yt_str_eq(sec->kind, YT_S("referral"))) {
		read_referral(f, sec);
	} else {
		struct yt_rule *rule = &rs->rules[at->rule];

		rule->name = sec->name;
		rule->index = (int)at->rule++;
		rule->line = sec->line;
		read_rule(f, sec, rule);
	}
}

static void read_sections(struct yt_rulefile *f)
{
	struct places at = { 0 };

	for (const struct yt_ini_section *sec = f->sections; sec; sec = sec->next) {
		const struct yt_section_row *row = yt_section_row(sec->kind);

		if (!row) {
			yt_unknown_section(f, sec);
		} else {
			section_name_ok(f, sec, row);
			read_section(f, sec, &at);
		}
	}
}

static void check_counts(struct yt_rulefile *f)
{
	static const char *const kinds[] = { "shop", "coupon", "tier", "gift", "share", "presale", "product", "rule" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = count_sections(f->sections, kinds[i]);
		int max = yt_section_row(yt_str_z(kinds[i]))->max;

		if (n > (size_t)max)
			yt_problem(f->problems, 0, "%zu sections [%s], at most %d are allowed", n, kinds[i], max);
	}
	if (!count_sections(f->sections, "ruleset"))
		yt_problem(f->problems, 0, "there is no section [ruleset]");
	if (!count_sections(f->sections, "shop"))
		yt_problem(f->problems, 0, "there is no section [shop]: no event could be decided; [shop \"*\"] is for every shop");
}

/* --- [shop]: what a section leaves out is taken from `*`, and behind that from the table --- */

/* Numbers from 1 on that no shop is without. */
static const struct {
	const char *key;
	size_t offset;
} with_default[] = {
	{ "refund_window", offsetof(struct yt_shop_rules, refund_window_ms) },
	{ "account_soft_limit", offsetof(struct yt_shop_rules, account_soft_limit) },
	{ "account_hard_limit", offsetof(struct yt_shop_rules, account_hard_limit) },
};

static void complete_shop(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_ini_section *star,
                          const struct yt_shop_rules *defaults, struct yt_shop_rules *s)
{
	const struct yt_key_row *k;

	for (size_t i = 0; (k = yt_key_next(YT_S("shop"), &i));) {
		if (k->doc.required && !yt_entry(sec, k->doc.key) && !(star && yt_entry(star, k->doc.key)))
			yt_problem(f->problems, sec->line, "[shop \"%.*s\"] has no %s", YT_FMT(sec->name), k->doc.key);
	}
	if (!s->zone && defaults)
		s->zone = defaults->zone;
	if (!s->currency.n && defaults)
		s->currency = defaults->currency;
	for (size_t i = 0; i < sizeof(with_default) / sizeof(with_default[0]); i++) {
		int64_t *value = (int64_t *)((char *)s + with_default[i].offset);

		if (!*value && defaults)
			*value = *(const int64_t *)((const char *)defaults + with_default[i].offset);
		if (!*value)
			read_default(f, yt_key_row(YT_S("shop"), yt_str_z(with_default[i].key)), s);
	}
	if (!s->has_quiet_hours && defaults) {
		s->has_quiet_hours = defaults->has_quiet_hours;
		s->quiet_from_min = defaults->quiet_from_min;
		s->quiet_until_min = defaults->quiet_until_min;
	}
	if (!s->n_caps && defaults) {
		memcpy(s->caps, defaults->caps, sizeof(s->caps));
		s->n_caps = defaults->n_caps;
	}
}

static void complete_shops(struct yt_rulefile *f)
{
	const struct yt_ini_section *star = section_named(f->sections, "shop", YT_S("*"));
	const struct yt_shop_rules *defaults = NULL;
	size_t i = 0;

	for (size_t k = 0; k < f->rs->n_shops; k++) {
		if (yt_str_eq(f->rs->shops[k].shop, YT_S("*")))
			defaults = &f->rs->shops[k];
	}
	for (const struct yt_ini_section *sec = f->sections; sec; sec = sec->next) {
		if (yt_str_eq(sec->kind, YT_S("shop")))
			complete_shop(f, sec, star, defaults, &f->rs->shops[i++]);
	}
}

/* --- the order of problems: grammar, sections and whole-file checks find them in turns, people read from the top --- */

struct problem_line {
	long line;
	size_t from, n;
};

static int problem_cmp(const void *a, const void *b)
{
	const struct problem_line *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (x->from > y->from) - (x->from < y->from);
}

/* `FILE:LINE: text`; a problem of the whole file has no line and comes last. */
static long line_of(const struct yt_problems *p, const char *text)
{
	const char *behind = text + strlen(p->file);
	char *end;
	long line = *behind == ':' ? strtol(behind + 1, &end, 10) : 0;

	return line > 0 && *end == ':' ? line : INT32_MAX;
}

static void sort_problems(struct yt_arena *a, struct yt_problems *p, size_t from)
{
	size_t n = 0, size = p->text.n - from;
	struct problem_line *lines;
	struct yt_str copy;

	if (!size)
		return;
	lines = yt_arena_alloc(a, (size_t)(p->errors + p->warnings + 1) * sizeof(*lines));
	copy = yt_arena_dup(a, yt_str(p->text.p + from, size));
	for (size_t at = 0; at < size; n++) {
		const char *nl = memchr(copy.p + at, '\n', size - at);
		size_t next = nl ? (size_t)(nl - copy.p) + 1 : size;

		lines[n] = (struct problem_line){ line_of(p, copy.p + at), at, next - at };
		at = next;
	}
	qsort(lines, n, sizeof(*lines), problem_cmp);
	p->text.n = from;
	for (size_t i = 0; i < n; i++)
		yt_buf_add(&p->text, copy.p + lines[i].from, lines[i].n);
}

/* --- the set --- */

static int shop_cmp(const void *a, const void *b)
{
	return yt_str_cmp(((const struct yt_shop_rules *)a)->shop, ((const struct yt_shop_rules *)b)->shop);
}

static int coupon_cmp(const void *a, const void *b)
{
	return yt_str_cmp((*(const struct yt_coupon_rules *const *)a)->name, (*(const struct yt_coupon_rules *const *)b)->name);
}

/* Gifts and shares: a name is what both begin with. */
static int name_cmp(const void *a, const void *b)
{
	return yt_str_cmp(*(const struct yt_str *)a, *(const struct yt_str *)b);
}

_Static_assert(offsetof(struct yt_gift_rules, name) == 0 && offsetof(struct yt_share_rules, name) == 0, "name_cmp");

static int product_cmp(const void *a, const void *b)
{
	uint64_t x = ((const struct yt_product *)a)->hash, y = ((const struct yt_product *)b)->hash;

	return (x > y) - (x < y);
}

static int presale_cmp(const void *a, const void *b)
{
	return yt_str_cmp(((const struct yt_presale *)a)->name, ((const struct yt_presale *)b)->name);
}

static int tier_cmp(const void *a, const void *b)
{
	const struct yt_tier *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int run_cmp(const void *a, const void *b)
{
	const struct yt_rule *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static int rule_cmp(const void *a, const void *b)
{
	return yt_str_cmp((*(const struct yt_rule *const *)a)->name, (*(const struct yt_rule *const *)b)->name);
}

static uint64_t digest_of(struct yt_str bytes)
{
	unsigned char sha[32];
	uint64_t digest = 0;

	yt_sha256(bytes, sha);
	for (int i = 0; i < 8; i++)
		digest = digest << 8 | sha[i];
	return digest;
}

static void ruleset_finish(struct yt_rulefile *f, struct yt_str bytes)
{
	struct yt_ruleset *rs = f->rs;

	qsort(rs->shops, rs->n_shops, sizeof(*rs->shops), shop_cmp);
	qsort(rs->coupons_by_name, rs->n_coupons, sizeof(*rs->coupons_by_name), coupon_cmp);
	for (size_t k = 0; k < rs->n_coupons; k++)
		rs->any_transferable |= rs->coupons[k].transferable;
	for (size_t k = 0; k < rs->n_rules; k++)
		rs->on |= rs->rules[k].on;
	qsort(rs->gifts, rs->n_gifts, sizeof(*rs->gifts), name_cmp);
	qsort(rs->shares, rs->n_shares, sizeof(*rs->shares), name_cmp);
	qsort(rs->products, rs->n_products, sizeof(*rs->products), product_cmp);
	qsort(rs->presales, rs->n_presales, sizeof(*rs->presales), presale_cmp);
	qsort(rs->tiers, rs->n_tiers, sizeof(*rs->tiers), tier_cmp);
	qsort(rs->rules, rs->n_rules, sizeof(*rs->rules), run_cmp);
	for (size_t i = 0; i < rs->n_rules; i++)
		rs->rules_by_name[i] = &rs->rules[i];
	qsort(rs->rules_by_name, rs->n_rules, sizeof(*rs->rules_by_name), rule_cmp);
	rs->tag = yt_arena_printf(f->arena, "%.*s@%lld", YT_FMT(rs->name), (long long)rs->revision);
	rs->digest = digest_of(bytes);
}

struct yt_ruleset *yt_ruleset_parse(struct yt_arena *a, struct yt_str bytes, yt_zone_loader load, void *ctx, struct yt_problems *problems)
{
	struct yt_rulefile f = { .arena = a, .problems = problems, .load = load, .load_ctx = ctx };
	int errors = problems->errors;
	size_t from = problems->text.n;

	if (bytes.n > YT_RULES_BYTES_MAX) {
		yt_problem(problems, 0, "the file has %u bytes, at most %d are allowed", bytes.n, YT_RULES_BYTES_MAX);
		return NULL;
	}
	f.rs = yt_arena_zalloc(a, sizeof(*f.rs));
	f.sections = yt_ini_parse(a, bytes, problems);
	ruleset_alloc(&f);
	read_sections(&f);
	complete_shops(&f);
	yt_check_ranks(&f);
	check_counts(&f);
	if (problems->errors == errors)
		yt_warn_loops(&f);
	sort_problems(a, problems, from);
	if (problems->errors != errors)
		return NULL;
	ruleset_finish(&f, bytes);
	return f.rs;
}

enum yt_rules_stand yt_ruleset_stand(const struct yt_ruleset *rs, int64_t revision, uint64_t digest)
{
	if (rs->revision != revision)
		return rs->revision > revision ? YT_RULES_NEWER : YT_RULES_OLDER;
	return rs->digest == digest ? YT_RULES_SAME : YT_RULES_OTHER;
}

static const struct yt_shop_rules *shop_get(const struct yt_ruleset *rs, struct yt_str shop)
{
	struct yt_shop_rules key = { .shop = shop };

	return bsearch(&key, rs->shops, rs->n_shops, sizeof(key), shop_cmp);
}

const struct yt_shop_rules *yt_ruleset_shop(const struct yt_ruleset *rs, struct yt_str shop)
{
	const struct yt_shop_rules *s = shop_get(rs, shop);

	return s ? s : shop_get(rs, YT_S("*"));
}

const struct yt_coupon_rules *yt_ruleset_coupon(const struct yt_ruleset *rs, struct yt_str name)
{
	struct yt_coupon_rules key = { .name = name };
	const struct yt_coupon_rules *p = &key;
	const struct yt_coupon_rules **found = bsearch(&p, rs->coupons_by_name, rs->n_coupons, sizeof(p), coupon_cmp);

	return found ? *found : NULL;
}

const struct yt_gift_rules *yt_ruleset_gift(const struct yt_ruleset *rs, struct yt_str name)
{
	return bsearch(&name, rs->gifts, rs->n_gifts, sizeof(*rs->gifts), name_cmp);
}

const struct yt_share_rules *yt_ruleset_share(const struct yt_ruleset *rs, struct yt_str name)
{
	return bsearch(&name, rs->shares, rs->n_shares, sizeof(*rs->shares), name_cmp);
}

const struct yt_rule *yt_ruleset_rule(const struct yt_ruleset *rs, struct yt_str name)
{
	struct yt_rule key = { .name = name };
	const struct yt_rule *p = &key;
	const struct yt_rule **found = bsearch(&p, rs->rules_by_name, rs->n_rules, sizeof(p), rule_cmp);

	return found ? *found : NULL;
}

const struct yt_presale *yt_ruleset_presale(const struct yt_ruleset *rs, struct yt_str name)
{
	struct yt_presale key = { .name = name };

	return bsearch(&key, rs->presales, rs->n_presales, sizeof(key), presale_cmp);
}

const struct yt_tier *yt_ruleset_tier(const struct yt_ruleset *rs, struct yt_str name)
{
	for (size_t k = 0; k < rs->n_tiers; k++) {
		if (yt_str_eq(rs->tiers[k].name, name))
			return &rs->tiers[k];
	}
	return NULL;
}

const struct yt_product *yt_ruleset_product(const struct yt_ruleset *rs, uint64_t hash)
{
	size_t lo = 0, hi = rs->n_products;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rs->products[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < rs->n_products && rs->products[lo].hash == hash ? &rs->products[lo] : NULL;
}
