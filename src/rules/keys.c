/* All sections and keys of RULES.md as two tables: what they are called, how their values look, what reads them. A row without a reader
 * is one that this version refuses by name. docs/rules.md is checked against these. */
#include "rulefile.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MONEY_MAX INT64_C(9007199254740991) /* 2^53 - 1 */
#define PRIORITY_MAX 1000000

static const struct yt_section_row sections[] = {
	{ "ruleset", YT_NAME_NONE, 1 },
	{ "shop", YT_NAME_SHOP, YT_RULES_SHOPS_MAX },
	{ "coupon", YT_NAME_PLAIN, YT_RULES_COUPONS_MAX },
	{ "rule", YT_NAME_PLAIN, YT_RULES_RULES_MAX },
	{ "product", YT_NAME_SKU, YT_RULES_PRODUCTS_MAX },
	{ "referral", YT_NAME_NONE, 0 },
	{ "tier", YT_NAME_PLAIN, 0 },
	{ "gift", YT_NAME_PLAIN, 0 },
	{ "share", YT_NAME_PLAIN, 0 },
	{ "presale", YT_NAME_PLAIN, 0 },
};

#define RULESET(field) offsetof(struct yt_ruleset, field)
#define SHOP(field) offsetof(struct yt_shop_rules, field)
#define COUPON(field) offsetof(struct yt_coupon_rules, field)
#define PRODUCT(field) offsetof(struct yt_product, field)
#define RULE(field) offsetof(struct yt_rule, field)
#define LATER(section, key) { { section, key, NULL, NULL, false, true }, NULL, 0, 0, 0, 0 }

/* { section, key, form, default, required, later }, reader, field, min, max, arg */
static const struct yt_key_row keys[] = {
	{ { "ruleset", "name", "name", NULL, true, false }, yt_read_name, RULESET(name), 0, 0, 0 },
	{ { "ruleset", "revision", "integer", NULL, true, false }, yt_read_int, RULESET(revision), 1, MONEY_MAX, 0 },

	{ { "shop", "timezone", "time zone", NULL, true, false }, yt_read_zone, SHOP(zone), 0, 0, 0 },
	{ { "shop", "currency", "currency", NULL, true, false }, yt_read_currency, SHOP(currency), 0, 0, 0 },
	{ { "shop", "refund_window", "duration", "60d", false, false }, yt_read_duration, SHOP(refund_window_ms), 1, 0, 0 },
	{ { "shop", "quiet_hours", "HH:MM-HH:MM", NULL, false, false }, yt_read_quiet_hours, 0, 0, 0, 0 },
	{ { "shop", "contact_cap", "list of N per duration or day", NULL, false, false }, yt_read_caps, 0, 0, 0, 0 },
	{ { "shop", "account_soft_limit", "integer", "3000", false, false }, yt_read_int, SHOP(account_soft_limit), 1, 1000000, 0 },
	{ { "shop", "account_hard_limit", "integer", "5000", false, false }, yt_read_int, SHOP(account_hard_limit), 1, 1000000, 0 },

	{ { "coupon", "pay_percent", "percent", NULL, false, false }, yt_read_discount, COUPON(value), 1, 99, YT_PAY_PERCENT },
	{ { "coupon", "percent_off", "percent", NULL, false, false }, yt_read_discount, COUPON(value), 1, 99, YT_PERCENT_OFF },
	{ { "coupon", "amount_off", "money", NULL, false, false }, yt_read_discount, COUPON(value), 1, MONEY_MAX, YT_AMOUNT_OFF },
	{ { "coupon", "min_amount", "money", NULL, false, false }, yt_read_int, COUPON(min_amount), 0, MONEY_MAX, 0 },
	{ { "coupon", "valid_for", "duration", NULL, false, false }, yt_read_duration, COUPON(valid_for_ms), 1, 0, 0 },
	{ { "coupon", "valid_until", "instant", NULL, false, false }, yt_read_instant, COUPON(valid_until_text), 0, 0, 0 },
	{ { "coupon", "valid_from", "instant", NULL, false, false }, yt_read_instant, COUPON(valid_from_text), 0, 0, 0 },
	{ { "coupon", "valid_to_end_of_day", "yes or no", "no", false, false }, yt_read_yes_no, COUPON(to_end_of_day), 0, 0, 0 },
	{ { "coupon", "remind_before", "duration", NULL, false, false }, yt_read_duration, COUPON(remind_before_ms), 1, 0, 0 },
	{ { "coupon", "limit_per_member", "integer", NULL, false, false }, yt_read_int, COUPON(limit_per_member), 1, 1000000, 0 },
	{ { "coupon", "limit_per_period", "N per duration or day", NULL, false, false }, yt_read_period, COUPON(limit_per_period), 0, 0, 0 },
	{ { "coupon", "keep_on_refund", "yes or no", "no", false, false }, yt_read_yes_no, COUPON(keep_on_refund), 0, 0, 0 },
	{ { "coupon", "transferable", "yes or no", "no", false, false }, yt_read_yes_no, COUPON(transferable), 0, 0, 0 },
	LATER("coupon", "limit_total"),
	LATER("coupon", "budget"),

	{ { "product", "lasts", "duration", NULL, true, false }, yt_read_duration, PRODUCT(lasts_ms), 1, 0, 0 },
	{ { "product", "learn", "yes or no", "no", false, false }, yt_read_yes_no, PRODUCT(learn), 0, 0, 0 },

	{ { "rule", "on", "types", NULL, true, false }, yt_read_on, RULE(on), 0, 0, 0 },
	{ { "rule", "when", "condition", "true", false, false }, yt_read_with_section, 0, 0, 0, 0 },
	{ { "rule", "after", "duration or expression", "0s", false, false }, yt_read_with_section, 0, 0, 0, 0 },
	{ { "rule", "still", "condition", "true", false, false }, yt_read_with_section, 0, 0, 0, 0 },
	{ { "rule", "from", "instant", NULL, false, false }, yt_read_instant, RULE(from_text), 0, 0, 0 },
	{ { "rule", "until", "instant", NULL, false, false }, yt_read_instant, RULE(until_text), 0, 0, 0 },
	{ { "rule", "once", "per member, order or coupon", NULL, false, false }, yt_read_once, RULE(once), 0, 0, 0 },
	{ { "rule", "pending", "per event or per member", "per event", false, false }, yt_read_pending, RULE(pending_per_member), 0, 0, 0 },
	{ { "rule", "priority", "integer", "0", false, false }, yt_read_int, RULE(priority), -PRIORITY_MAX, PRIORITY_MAX, 0 },
	{ { "rule", "max_age", "duration", NULL, false, false }, yt_read_duration, RULE(max_age_ms), 1, 0, 0 },
	{ { "rule", "promotes", "yes or no", "no", false, false }, yt_read_yes_no, RULE(promotes), 0, 0, 0 },
	{ { "rule", "issue", "template", NULL, false, false }, yt_read_template, RULE(issue), 0, 0, 0 },
	{ { "rule", "to", "member, referrer or both", "member", false, false }, yt_read_to, RULE(to), 0, 0, 0 },
	{ { "rule", "follow_up", "kind", NULL, false, false }, yt_read_kind, RULE(follow_up), 0, 0, 0 },
	{ { "rule", "send_by", "duration", NULL, false, false }, yt_read_duration, RULE(send_by_ms), 1, 0, 0 },
	{ { "rule", "param.*", "text", NULL, false, false }, yt_read_with_section, 0, 0, 0, 0 }, /* any name behind the point */
	{ { "rule", "revoke", "template", NULL, false, false }, yt_read_template, RULE(revoke), 0, 0, 0 },
	{ { "rule", "tag", "tag", NULL, false, false }, yt_read_tag, RULE(tag), 0, 0, 0 },
	{ { "rule", "untag", "tag", NULL, false, false }, yt_read_tag, RULE(untag), 0, 0, 0 },
};

const struct yt_rules_key *yt_rules_key(size_t i)
{
	return i < COUNT(keys) ? &keys[i].doc : NULL;
}

const struct yt_section_row *yt_section_row(struct yt_str kind)
{
	for (size_t i = 0; i < COUNT(sections); i++) {
		if (yt_str_eq(kind, yt_str_z(sections[i].kind)))
			return &sections[i];
	}
	return NULL;
}

const struct yt_key_row *yt_key_next(struct yt_str section, size_t *i)
{
	while (*i < COUNT(keys)) {
		const struct yt_key_row *k = &keys[(*i)++];

		if (yt_str_eq(section, yt_str_z(k->doc.section)))
			return k;
	}
	return NULL;
}

static bool key_is(const struct yt_key_row *k, struct yt_str key)
{
	struct yt_str text = yt_str_z(k->doc.key);

	if (text.p[text.n - 1] == '*')
		return yt_str_starts(key, yt_str(text.p, text.n - 1));
	return yt_str_eq(key, text);
}

const struct yt_key_row *yt_key_row(struct yt_str section, struct yt_str key)
{
	const struct yt_key_row *k;

	for (size_t i = 0; (k = yt_key_next(section, &i));) {
		if (key_is(k, key))
			return k;
	}
	return NULL;
}

void yt_unknown_section(struct yt_rulefile *f, const struct yt_ini_section *sec)
{
	const char *words[COUNT(sections)], *near;

	for (size_t i = 0; i < COUNT(sections); i++)
		words[i] = sections[i].kind;
	near = yt_nearest(sec->kind, words, COUNT(sections));
	if (near)
		yt_problem(f->problems, sec->line, "unknown section [%.*s]; did you mean [%s]?", YT_FMT(sec->kind), near);
	else
		yt_problem(f->problems, sec->line, "unknown section [%.*s]", YT_FMT(sec->kind));
}

/* The section that has the key, where another than this one does. */
static const char *section_with(struct yt_str key)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (key_is(&keys[i], key))
			return keys[i].doc.section;
	}
	return NULL;
}

void yt_unknown_key(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_ini_entry *e)
{
	const char *words[COUNT(keys)], *near, *elsewhere = section_with(e->key);
	const struct yt_key_row *k;
	size_t n = 0;

	for (size_t i = 0; (k = yt_key_next(sec->kind, &i));)
		words[n++] = k->doc.key;
	near = yt_nearest(e->key, words, n);
	if (elsewhere)
		yt_problem(f->problems, e->line, "unknown key `%.*s` in [%.*s]: it belongs to [%s]", YT_FMT(e->key), YT_FMT(sec->kind),
		           elsewhere);
	else if (near)
		yt_problem(f->problems, e->line, "unknown key `%.*s` in [%.*s]; did you mean %s?", YT_FMT(e->key), YT_FMT(sec->kind), near);
	else
		yt_problem(f->problems, e->line, "unknown key `%.*s` in [%.*s]", YT_FMT(e->key), YT_FMT(sec->kind));
}
