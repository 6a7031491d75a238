/* One reader for each kind of value: it takes the text whole, or says what is wrong with it. */
#include "rulefile.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNITS "300ms, 5s, 10m, 72h or 30d"

static void *field_of(void *target, const struct yt_key_row *k)
{
	return (char *)target + k->offset;
}

static bool in_list(struct yt_str word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (yt_str_eq(word, yt_str_z(list[i])))
			return true;
	}
	return false;
}

/* --- names --- */

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool yt_is_name(struct yt_str s, bool underscore)
{
	if (s.n < 1 || s.n > 63 || !is_lower_or_digit(s.p[0]))
		return false;
	for (uint32_t i = 1; i < s.n; i++) {
		if (!is_lower_or_digit(s.p[i]) && s.p[i] != '-' && !(underscore && s.p[i] == '_'))
			return false;
	}
	return true;
}

bool yt_is_shop(struct yt_str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		if (!is_lower_or_digit(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z') && !memchr("._-", s.p[i], 3))
			return false;
	}
	return s.n >= 1 && s.n <= 64;
}

bool yt_read_name(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	if (!yt_is_name(e->value, false)) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is no name: a letter or digit, then up to 62 of a-z 0-9 -", k->doc.key,
		           YT_FMT(e->value));
		return false;
	}
	*(struct yt_str *)field_of(target, k) = e->value;
	return true;
}

bool yt_read_kind(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	static const char *const own[] = { "coupon_expiring", "tier_warning" };

	if (!yt_is_name(e->value, true)) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is no kind: a letter or digit, then up to 62 of a-z 0-9 - _", k->doc.key,
		           YT_FMT(e->value));
		return false;
	}
	if (in_list(e->value, own, COUNT(own))) {
		yt_problem(f->problems, e->line, "%s: %.*s is sent by the daemon itself, not by rules", k->doc.key, YT_FMT(e->value));
		return false;
	}
	*(struct yt_str *)field_of(target, k) = e->value;
	return true;
}

/* --- numbers and durations --- */

bool yt_read_int(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	if (yt_parse_int(e->value, k->min, k->max, field_of(target, k)))
		return true;
	yt_problem(f->problems, e->line, "%s: `%.*s` is not an integer from %lld to %lld", k->doc.key, YT_FMT(e->value), (long long)k->min,
	           (long long)k->max);
	return false;
}

static bool all_digits(struct yt_str s)
{
	for (uint32_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0;
}

static bool duration_of(struct yt_rulefile *f, const struct yt_key_row *k, int line, struct yt_str text, int64_t min, int64_t *ms)
{
	if (all_digits(text))
		yt_problem(f->problems, line, "%s: `%.*s` has no unit; write it as %s", k->doc.key, YT_FMT(text), UNITS);
	else if (!yt_parse_duration(text, ms))
		yt_problem(f->problems, line, "%s: `%.*s` is no duration such as %s", k->doc.key, YT_FMT(text), UNITS);
	else if (*ms < min)
		yt_problem(f->problems, line, "%s: `%.*s` must be longer than 0", k->doc.key, YT_FMT(text));
	else if (*ms > YT_RULES_DURATION_MAX_MS)
		yt_problem(f->problems, line, "%s: `%.*s` is longer than %lldd", k->doc.key, YT_FMT(text),
		           (long long)(YT_RULES_DURATION_MAX_MS / 86400000));
	else
		return true;
	return false;
}

bool yt_read_duration(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	int64_t ms;

	if (!duration_of(f, k, e->line, e->value, k->min, &ms))
		return false;
	*(int64_t *)field_of(target, k) = ms;
	return true;
}

bool yt_read_yes_no(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	bool yes = yt_str_eq(e->value, YT_S("yes"));

	if (!yes && !yt_str_eq(e->value, YT_S("no"))) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is neither yes nor no", k->doc.key, YT_FMT(e->value));
		return false;
	}
	*(bool *)field_of(target, k) = yes;
	return true;
}

/* Cuts the first blank-separated word off *rest. */
static struct yt_str next_word(struct yt_str *rest)
{
	const char *p = rest->p, *end = rest->p + rest->n, *from;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	for (from = p; p < end && *p != ' ' && *p != '\t';)
		p++;
	*rest = yt_str(p, (size_t)(end - p));
	return yt_str(from, (size_t)(p - from));
}

/* `N per 30d`, `N per day`: into the limit_per_period of a coupon. */
bool yt_read_period(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	struct yt_coupon_rules *c = target;
	struct yt_str rest = e->value, n = next_word(&rest), per = next_word(&rest), period = next_word(&rest);
	int64_t count, ms = 0;

	if (!period.n || next_word(&rest).n || !yt_str_eq(per, YT_S("per"))) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is not of the form `1 per 30d` or `1 per day`", k->doc.key, YT_FMT(e->value));
		return false;
	}
	if (!yt_parse_int(n, 1, YT_PERIOD_N_MAX, &count)) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is not an integer from 1 to %d", k->doc.key, YT_FMT(n), YT_PERIOD_N_MAX);
		return false;
	}
	if (!yt_str_eq(period, YT_S("day")) && !duration_of(f, k, e->line, period, 1, &ms))
		return false;
	c->limit_per_period.n = (int)count;
	c->limit_per_period.ms = ms;
	return true;
}

bool yt_read_discount(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	struct yt_coupon_rules *c = target;

	c->discount = (enum yt_discount)k->arg;
	return yt_read_int(f, k, e, target);
}

/* --- the shop --- */

bool yt_read_currency(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	bool ok = e->value.n == 3;

	for (uint32_t i = 0; ok && i < 3; i++)
		ok = e->value.p[i] >= 'A' && e->value.p[i] <= 'Z';
	if (!ok) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is not three capital letters such as CNY", k->doc.key, YT_FMT(e->value));
		return false;
	}
	*(struct yt_str *)field_of(target, k) = e->value;
	return true;
}

struct loaded_zone {
	struct yt_str name;
	const struct yt_zone *zone; /* NULL: there is none of that name */
	struct loaded_zone *next;
};

const struct yt_zone *yt_rulefile_zone(void *file, struct yt_str name)
{
	struct yt_rulefile *f = file;
	struct loaded_zone *z = f->zones;
	struct yt_str tzif;

	while (z && !yt_str_eq(z->name, name))
		z = z->next;
	if (z)
		return z->zone;
	z = yt_arena_zalloc(f->arena, sizeof(*z));
	z->name = yt_arena_dup(f->arena, name);
	if (yt_zone_name_ok(name) && f->load(f->load_ctx, f->arena, z->name.p, &tzif))
		z->zone = yt_zone_parse(f->arena, name, tzif);
	z->next = f->zones;
	f->zones = z;
	return z->zone;
}

bool yt_read_zone(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	const struct yt_zone *zone = yt_rulefile_zone(f, e->value);
	const char *near;

	if (zone) {
		*(const struct yt_zone **)field_of(target, k) = zone;
		return true;
	}
	near = yt_zone_nearest(e->value);
	yt_problem(f->problems, e->line, "%s: `%.*s` is no time zone of this system%s%s%s", k->doc.key, YT_FMT(e->value),
	           near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

bool yt_read_instant(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	struct yt_instant i;

	if (!yt_instant_parse(e->value, &i)) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is no instant of the form YYYY-MM-DD or YYYY-MM-DD HH:MM[:SS], from 2000 on",
		           k->doc.key, YT_FMT(e->value));
		return false;
	}
	*(struct yt_str *)field_of(target, k) = e->value;
	return true;
}

/* --- rules --- */

/* One word of `on`. */
static bool on_type(struct yt_rulefile *f, const struct yt_key_row *k, int line, struct yt_str word, uint32_t *on)
{
	static const char *const later[] = {
		"presale.deposit_paid", "presale.deposit_refunded", "member.linked", "share.made",     "gift.claimed",   "referral.qualified",
		"referral.approved",    "coupon.issued",            "coupon.used",   "coupon.expired", "tier.changed",   "share.unlocked",
	};
	static const char *const never[] = {
		"group.changed",     "alias.bound",      "referral.approve", "referral.void",   "coupon.grant",       "coupon.revoke",
		"member.erase",      "coupon.returned",  "coupon.revoked",   "coupon.refused",  "followup.due",       "followup.withheld",
		"referral.flagged",  "referral.voided",  "tier.warning",     "group.gap",       "account.soft_limit", "account.hard_limit",
		"member.erased",
	};
	const char *names[YT_TYPE__COUNT], *near;
	int type = yt_type_find(word);

	if (type >= 0) {
		if (*on & 1u << type)
			yt_problem(f->problems, line, "%s: %.*s stands there twice", k->doc.key, YT_FMT(word));
		*on |= 1u << type;
		return true;
	}
	for (int t = 0; t < YT_TYPE__COUNT; t++)
		names[t] = yt_types[t].name.p;
	near = yt_nearest(word, names, YT_TYPE__COUNT);
	if (!word.n)
		yt_problem(f->problems, line, "%s: a type is missing beside a comma", k->doc.key);
	else if (in_list(word, later, COUNT(later)))
		yt_problem(f->problems, line, "%s: %.*s is not in this version yet", k->doc.key, YT_FMT(word));
	else if (in_list(word, never, COUNT(never)))
		yt_problem(f->problems, line, "%s: no rule can be set off by %.*s", k->doc.key, YT_FMT(word));
	else
		yt_problem(f->problems, line, "%s: unknown type `%.*s`%s%s%s", k->doc.key, YT_FMT(word), near ? "; did you mean " : "",
		           near ? near : "", near ? "?" : "");
	return false;
}

bool yt_read_on(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	uint32_t *on = field_of(target, k);
	const char *p = e->value.p, *end = p + e->value.n, *comma;
	bool ok = true;

	for (;; p = comma + 1) {
		struct yt_str rest, word, more;

		comma = memchr(p, ',', (size_t)(end - p));
		rest = yt_str(p, (size_t)((comma ? comma : end) - p));
		word = next_word(&rest);
		more = next_word(&rest);
		if (more.n) {
			yt_problem(f->problems, e->line, "%s: a comma is missing before `%.*s`", k->doc.key, YT_FMT(more));
			ok = false;
		}
		if (!on_type(f, k, e->line, word, on))
			ok = false;
		if (!comma)
			break;
	}
	/* None rather than some: what the refused one would have brought must not be missed elsewhere. */
	if (!ok)
		*on = 0;
	return ok;
}

bool yt_read_once(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	enum yt_once *once = field_of(target, k);

	if (yt_str_eq(e->value, YT_S("per member"))) {
		*once = YT_ONCE_MEMBER;
	} else if (yt_str_eq(e->value, YT_S("per order"))) {
		*once = YT_ONCE_ORDER;
	} else if (yt_str_eq(e->value, YT_S("per coupon"))) {
		yt_problem(f->problems, e->line, "%s = per coupon is not in this version yet", k->doc.key);
		return false;
	} else {
		yt_problem(f->problems, e->line, "%s: `%.*s` is neither `per member` nor `per order`", k->doc.key, YT_FMT(e->value));
		return false;
	}
	return true;
}

bool yt_read_with_section(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	(void)f;
	(void)k;
	(void)e;
	(void)target;
	return true;
}
