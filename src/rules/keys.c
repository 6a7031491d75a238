/* All sections and keys of RULES.md as two tables: what they are called, how their values look, what reads them. docs/rules.md is checked against these. */
#include "rulefile.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MONEY_MAX INT64_C(9007199254740991) /* 2^53 - 1 */
#define PRIORITY_MAX 1000000
#define COUNT_MAX 1000000
#define QUOTA_MAX INT64_C(1000000000) /* far more than any shop gives away */

static const struct yt_section_row sections[] = {
	{ "ruleset", YT_NAME_NONE, 1 },
	{ "shop", YT_NAME_SHOP, YT_RULES_SHOPS_MAX },
	{ "coupon", YT_NAME_PLAIN, YT_RULES_COUPONS_MAX },
	{ "rule", YT_NAME_PLAIN, YT_RULES_RULES_MAX },
	{ "product", YT_NAME_SKU, YT_RULES_PRODUCTS_MAX },
	{ "referral", YT_NAME_NONE, 1 },
	{ "tier", YT_NAME_PLAIN, YT_RULES_TIERS_MAX },
	{ "gift", YT_NAME_PLAIN, YT_RULES_GIFTS_MAX },
	{ "share", YT_NAME_PLAIN, YT_RULES_SHARES_MAX },
	{ "presale", YT_NAME_PLAIN, YT_RULES_PRESALES_MAX },
};

#define RULESET(field) offsetof(struct yt_ruleset, field)
#define SHOP(field) offsetof(struct yt_shop_rules, field)
#define COUPON(field) offsetof(struct yt_coupon_rules, field)
#define PRODUCT(field) offsetof(struct yt_product, field)
#define TIER(field) offsetof(struct yt_tier, field)
#define PRESALE(field) offsetof(struct yt_presale, field)
#define GIFT(field) offsetof(struct yt_gift_rules, field)
#define SHARE(field) offsetof(struct yt_share_rules, field)
#define REFERRAL(field) offsetof(struct yt_referral_rules, field)
#define RULE(field) offsetof(struct yt_rule, field)

/* { section, key, form, default, required }, reader, field, min, max, arg */
static const struct yt_key_row keys[] = {
	{ { "ruleset", "name", "name", NULL, true }, yt_read_name, RULESET(name), 0, 0, 0 },
	{ { "ruleset", "revision", "integer", NULL, true }, yt_read_int, RULESET(revision), 1, MONEY_MAX, 0 },

	{ { "shop", "timezone", "time zone", NULL, true }, yt_read_zone, SHOP(zone), 0, 0, 0 },
	{ { "shop", "currency", "currency", NULL, true }, yt_read_currency, SHOP(currency), 0, 0, 0 },
	{ { "shop", "refund_window", "duration", "60d", false }, yt_read_duration, SHOP(refund_window_ms), 1, 0, 0 },
	{ { "shop", "quiet_hours", "HH:MM-HH:MM", NULL, false }, yt_read_quiet_hours, 0, 0, 0, 0 },
	{ { "shop", "contact_cap", "list of N per duration or day", NULL, false }, yt_read_caps, 0, 0, 0, 0 },
	{ { "shop", "account_soft_limit", "integer", "3000", false }, yt_read_int, SHOP(account_soft_limit), 1, 1000000, 0 },
	{ { "shop", "account_hard_limit", "integer", "5000", false }, yt_read_int, SHOP(account_hard_limit), 1, 1000000, 0 },

	{ { "coupon", "pay_percent", "percent", NULL, false }, yt_read_discount, COUPON(value), 1, 99, YT_PAY_PERCENT },
	{ { "coupon", "percent_off", "percent", NULL, false }, yt_read_discount, COUPON(value), 1, 99, YT_PERCENT_OFF },
	{ { "coupon", "amount_off", "money", NULL, false }, yt_read_discount, COUPON(value), 1, MONEY_MAX, YT_AMOUNT_OFF },
	{ { "coupon", "min_amount", "money", NULL, false }, yt_read_int, COUPON(min_amount), 0, MONEY_MAX, 0 },
	{ { "coupon", "valid_for", "duration", NULL, false }, yt_read_duration, COUPON(valid_for_ms), 1, 0, 0 },
	{ { "coupon", "valid_until", "instant", NULL, false }, yt_read_instant, COUPON(valid_until_text), 0, 0, 0 },
	{ { "coupon", "valid_from", "instant", NULL, false }, yt_read_instant, COUPON(valid_from_text), 0, 0, 0 },
	{ { "coupon", "valid_to_end_of_day", "yes or no", "no", false }, yt_read_yes_no, COUPON(to_end_of_day), 0, 0, 0 },
	{ { "coupon", "remind_before", "duration", NULL, false }, yt_read_duration, COUPON(remind_before_ms), 1, 0, 0 },
	{ { "coupon", "limit_per_member", "integer", NULL, false }, yt_read_int, COUPON(limit_per_member), 1, 1000000, 0 },
	{ { "coupon", "limit_per_period", "N per duration or day", NULL, false }, yt_read_period, COUPON(limit_per_period), 0, 0, 0 },
	{ { "coupon", "limit_total", "integer", NULL, false }, yt_read_int, COUPON(limit_total), 1, QUOTA_MAX, 0 },
	{ { "coupon", "budget", "money", NULL, false }, yt_read_int, COUPON(budget), 1, MONEY_MAX, 0 },
	{ { "coupon", "keep_on_refund", "yes or no", "no", false }, yt_read_yes_no, COUPON(keep_on_refund), 0, 0, 0 },
	{ { "coupon", "transferable", "yes or no", "no", false }, yt_read_yes_no, COUPON(transferable), 0, 0, 0 },

	{ { "referral", "window", "duration", "30d", false }, yt_read_duration, REFERRAL(window_ms), 1, 0, 0 },
	{ { "referral", "qualify", "condition", "true", false }, yt_read_with_section, 0, 0, 0, 0 },
	{ { "referral", "hold", "durations after signed and paid", "7d after signed, 21d after paid", false }, yt_read_hold, 0, 0, 0, 0 },
	{ { "referral", "reward_referrer", "template", NULL, false }, yt_read_template, REFERRAL(reward_referrer), 0, 0, 0 },
	{ { "referral", "reward_invitee", "template", NULL, false }, yt_read_template, REFERRAL(reward_invitee), 0, 0, 0 },
	{ { "referral", "give_invitee", "at once or on approval", "at once", false }, yt_read_give, REFERRAL(on_approval), 0, 0, 0 },
	{ { "referral", "referrer_cap", "N per duration or day", NULL, false }, yt_read_period, REFERRAL(referrer_cap), 0, 0, 0 },
	{ { "referral", "same_phone", "reject, flag or off", "off", false }, yt_read_check, REFERRAL(same_phone), 0, 0, 0 },
	{ { "referral", "same_device", "reject, flag or off", "off", false }, yt_read_check, REFERRAL(same_device), 0, 0, 0 },
	{ { "referral", "same_address", "reject, flag or off", "off", false }, yt_read_check, REFERRAL(same_address), 0, 0, 0 },
	{ { "referral", "reregistered", "reject, flag or off", "off", false }, yt_read_check, REFERRAL(reregistered), 0, 0, 0 },
	{ { "referral", "velocity", "N per duration or day", NULL, false }, yt_read_period, REFERRAL(velocity), 0, 0, 0 },

	{ { "gift", "coupon", "template", NULL, true }, yt_read_template, GIFT(coupon), 0, 0, 0 },
	{ { "gift", "quota", "integer", NULL, true }, yt_read_int, GIFT(quota), 1, QUOTA_MAX, 0 },
	{ { "gift", "per_member", "integer", "1", false }, yt_read_int, GIFT(per_member), 1, 1000000, 0 },
	{ { "gift", "from", "instant", NULL, false }, yt_read_instant, GIFT(from_text), 0, 0, 0 },
	{ { "gift", "until", "instant", NULL, false }, yt_read_instant, GIFT(until_text), 0, 0, 0 },
	{ { "gift", "when", "condition", "true", false }, yt_read_with_section, 0, 0, 0, 0 },

	{ { "share", "friends", "integer", "3", false }, yt_read_int, SHARE(friends), 1, YT_SHARE_FRIENDS_MAX, 0 },
	{ { "share", "coupon", "template", NULL, true }, yt_read_template, SHARE(coupon), 0, 0, 0 },
	{ { "share", "until", "instant", NULL, false }, yt_read_instant, SHARE(until_text), 0, 0, 0 },

	{ { "product", "lasts", "duration", NULL, true }, yt_read_duration, PRODUCT(lasts_ms), 1, 0, 0 },
	{ { "product", "learn", "yes or no", "no", false }, yt_read_yes_no, PRODUCT(learn), 0, 0, 0 },

	{ { "tier", "rank", "integer", NULL, true }, yt_read_int, TIER(rank), 0, COUNT_MAX, 0 },
	{ { "tier", "min_amount", "money", NULL, false }, yt_read_int, TIER(min_amount), 1, MONEY_MAX, 0 },
	{ { "tier", "min_orders", "integer", NULL, false }, yt_read_int, TIER(min_orders), 1, COUNT_MAX, 0 },
	{ { "tier", "min_referrals", "integer", NULL, false }, yt_read_int, TIER(min_referrals), 1, COUNT_MAX, 0 },
	{ { "tier", "need", "all or any", "all", false }, yt_read_need, TIER(any), 0, 0, 0 },
	{ { "tier", "period", "duration", NULL, false }, yt_read_duration, TIER(period_ms), 1, 0, 0 },
	{ { "tier", "grace", "duration", NULL, false }, yt_read_duration, TIER(grace_ms), 1, 0, 0 },
	{ { "tier", "warn_before", "duration", NULL, false }, yt_read_duration, TIER(warn_before_ms), 1, 0, 0 },
	{ { "tier", "keep", "yes or no", "no", false }, yt_read_yes_no, TIER(keep), 0, 0, 0 },

	{ { "presale", "coupon", "template", NULL, true }, yt_read_template, PRESALE(coupon), 0, 0, 0 },

	{ { "rule", "on", "types", NULL, true }, yt_read_on, RULE(on), 0, 0, 0 },
	{ { "rule", "when", "condition", "true", false }, yt_read_with_section, 0, 0, 0, 0 },
	{ { "rule", "after", "duration or expression", "0s", false }, yt_read_with_section, 0, 0, 0, 0 },
	{ { "rule", "still", "condition", "true", false }, yt_read_with_section, 0, 0, 0, 0 },
	{ { "rule", "from", "instant", NULL, false }, yt_read_instant, RULE(from_text), 0, 0, 0 },
	{ { "rule", "until", "instant", NULL, false }, yt_read_instant, RULE(until_text), 0, 0, 0 },
	{ { "rule", "once", "per member, order or coupon", NULL, false }, yt_read_once, RULE(once), 0, 0, 0 },
	{ { "rule", "pending", "per event or per member", "per event", false }, yt_read_pending, RULE(pending_per_member), 0, 0, 0 },
	{ { "rule", "priority", "integer", "0", false }, yt_read_int, RULE(priority), -PRIORITY_MAX, PRIORITY_MAX, 0 },
	{ { "rule", "max_age", "duration", NULL, false }, yt_read_duration, RULE(max_age_ms), 1, 0, 0 },
	{ { "rule", "promotes", "yes or no", "no", false }, yt_read_yes_no, RULE(promotes), 0, 0, 0 },
	{ { "rule", "issue", "template", NULL, false }, yt_read_template, RULE(issue), 0, 0, 0 },
	{ { "rule", "to", "member, referrer or both", "member", false }, yt_read_to, RULE(to), 0, 0, 0 },
	{ { "rule", "follow_up", "kind", NULL, false }, yt_read_kind, RULE(follow_up), 0, 0, 0 },
	{ { "rule", "send_by", "duration", NULL, false }, yt_read_duration, RULE(send_by_ms), 1, 0, 0 },
	{ { "rule", "param.*", "text", NULL, false }, yt_read_with_section, 0, 0, 0, 0 }, /* any name behind the point */
	{ { "rule", "revoke", "template", NULL, false }, yt_read_template, RULE(revoke), 0, 0, 0 },
	{ { "rule", "tag", "tag", NULL, false }, yt_read_tag, RULE(tag), 0, 0, 0 },
	{ { "rule", "untag", "tag", NULL, false }, yt_read_tag, RULE(untag), 0, 0, 0 },
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
