/* One reader for each kind of value: it takes the text whole, or says what is wrong with it. */
#include "rulefile.h"

#include <stdio.h>

#include "tree.h"
#include "yutang/event/event.h"

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

bool yt_is_sku(struct yt_str s)
{
	const char *p = s.p, *end = s.p + s.n;

	for (unsigned n; p < end; p += n) {
		const unsigned char *c = (const unsigned char *)p;

		n = yt_utf8_char(p, end);
		if (!n || c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0))
			return false;
	}
	return s.n >= 1 && s.n <= YT_ID_BYTES_MAX;
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

/* Cuts what stands before the next comma off *rest, without blanks around it; false behind the last. */
static bool next_part(struct yt_str *rest, struct yt_str *part)
{
	const char *p = rest->p, *end, *comma;

	if (!p)
		return false;
	end = p + rest->n;
	comma = memchr(p, ',', rest->n);
	*rest = comma ? yt_str(comma + 1, (size_t)(end - comma) - 1) : yt_str(NULL, 0);
	for (end = comma ? comma : end; p < end && (*p == ' ' || *p == '\t');)
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*part = yt_str(p, (size_t)(end - p));
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

static bool period_of(struct yt_rulefile *f, const struct yt_key_row *k, int line, struct yt_str text, struct yt_period *out)
{
	struct yt_str rest = text, n = next_word(&rest), per = next_word(&rest), period = next_word(&rest);
	int64_t count, ms = 0;

	if (!period.n || next_word(&rest).n || !yt_str_eq(per, YT_S("per"))) {
		yt_problem(f->problems, line, "%s: `%.*s` is not of the form `1 per 30d` or `1 per day`", k->doc.key, YT_FMT(text));
		return false;
	}
	if (!yt_parse_int(n, 1, YT_PERIOD_N_MAX, &count)) {
		yt_problem(f->problems, line, "%s: `%.*s` is not an integer from 1 to %d", k->doc.key, YT_FMT(n), YT_PERIOD_N_MAX);
		return false;
	}
	if (!yt_str_eq(period, YT_S("day")) && !duration_of(f, k, line, period, 1, &ms))
		return false;
	*out = (struct yt_period){ (int)count, ms };
	return true;
}

bool yt_read_period(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	return period_of(f, k, e->line, e->value, field_of(target, k));
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

/* `HH:MM` as minutes of the day; -1: it is none. */
static int minutes_of(const char p[5])
{
	int64_t hour, minute;

	if (p[2] != ':' || !yt_parse_int(yt_str(p, 2), 0, 23, &hour) || !yt_parse_int(yt_str(p + 3, 2), 0, 59, &minute))
		return -1;
	return (int)(hour * 60 + minute);
}

bool yt_read_quiet_hours(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	struct yt_shop_rules *s = target;
	bool form = e->value.n == 11 && e->value.p[5] == '-';
	int from = form ? minutes_of(e->value.p) : -1, until = form ? minutes_of(e->value.p + 6) : -1;

	if (from < 0 || until < 0) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is not of the form 22:00-08:00, each from 00:00 to 23:59", k->doc.key, YT_FMT(e->value));
		return false;
	}
	if (from == until) {
		yt_problem(f->problems, e->line, "%s: `%.*s` begins and ends at the same time", k->doc.key, YT_FMT(e->value));
		return false;
	}
	s->has_quiet_hours = true;
	s->quiet_from_min = from;
	s->quiet_until_min = until;
	return true;
}

bool yt_read_caps(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	struct yt_shop_rules *s = target;
	struct yt_str rest = e->value, part;
	struct yt_period cap;

	while (next_part(&rest, &part)) {
		if (!period_of(f, k, e->line, part, &cap))
			return false;
		for (int i = 0; i < s->n_caps; i++) {
			if (s->caps[i].ms == cap.ms) {
				yt_problem(f->problems, e->line, "%s: `%.*s` has the period of another part", k->doc.key, YT_FMT(part));
				return false;
			}
		}
		if (s->n_caps == YT_CAPS_MAX) {
			yt_problem(f->problems, e->line, "%s: at most %d parts", k->doc.key, YT_CAPS_MAX);
			return false;
		}
		s->caps[s->n_caps++] = cap;
	}
	return true;
}

/* --- rules --- */

static int on_find(struct yt_str name)
{
	for (int on = 0; on < YT_ON__COUNT; on++) {
		if (yt_str_eq(yt_on_name((unsigned)on), name))
			return on < YT_TYPE__COUNT && yt_types[on].unruled ? -1 : on;
	}
	return -1;
}

/* One word of `on`. */
static bool on_type(struct yt_rulefile *f, const struct yt_key_row *k, int line, struct yt_str word, uint32_t *on)
{
	static const char *const never[] = {
		"group.changed",     "alias.bound",      "referral.approve", "referral.void",   "coupon.grant",       "coupon.revoke",
		"member.erase",      "coupon.returned",  "coupon.revoked",   "coupon.refused",  "followup.due",       "followup.withheld",
		"referral.flagged",  "referral.voided",  "tier.warning",     "group.gap",       "account.soft_limit", "account.hard_limit",
		"member.erased",
	};
	const char *names[YT_ON__COUNT], *near;
	size_t n = 0;
	int type = on_find(word);

	if (type >= 0 && (type >= YT_TYPE__COUNT || !yt_types[type].unruled)) {
		if (*on & 1u << type)
			yt_problem(f->problems, line, "%s: %.*s stands there twice", k->doc.key, YT_FMT(word));
		*on |= 1u << type;
		return true;
	}
	for (unsigned i = 0; i < YT_ON__COUNT; i++) {
		if (i >= YT_TYPE__COUNT || !yt_types[i].unruled)
			names[n++] = yt_on_name(i).p;
	}
	near = yt_nearest(word, names, n);
	if (!word.n)
		yt_problem(f->problems, line, "%s: a type is missing beside a comma", k->doc.key);
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
	struct yt_str list = e->value, part;
	bool ok = true;

	while (next_part(&list, &part)) {
		struct yt_str word = next_word(&part), more = next_word(&part);

		if (more.n) {
			yt_problem(f->problems, e->line, "%s: a comma is missing before `%.*s`", k->doc.key, YT_FMT(more));
			ok = false;
		}
		if (!on_type(f, k, e->line, word, on))
			ok = false;
	}
	/* None rather than some: what the refused one would have brought must not be missed elsewhere. */
	if (!ok)
		*on = 0;
	return ok;
}

/* Which of the words the value is; -1: none, and said so. */
static int word_of(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, const char *const *words, int n)
{
	struct yt_str all = YT_S("");

	for (int i = 0; i < n; i++) {
		if (yt_str_eq(e->value, yt_str_z(words[i])))
			return i;
		all = yt_arena_printf(f->arena, "%.*s%s`%s`", YT_FMT(all), !i ? "" : i == n - 1 ? " or " : ", ", words[i]);
	}
	yt_problem(f->problems, e->line, "%s: `%.*s` is not %.*s", k->doc.key, YT_FMT(e->value), YT_FMT(all));
	return -1;
}

bool yt_read_once(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	static const char *const words[] = { "per member", "per order", "per coupon" };
	static const enum yt_once once[] = { YT_ONCE_MEMBER, YT_ONCE_ORDER, YT_ONCE_COUPON };
	int i = word_of(f, k, e, words, COUNT(words));

	if (i >= 0)
		*(enum yt_once *)field_of(target, k) = once[i];
	return i >= 0;
}

bool yt_read_pending(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	static const char *const words[] = { "per event", "per member" };
	int i = word_of(f, k, e, words, COUNT(words));

	*(bool *)field_of(target, k) = i == 1;
	return i >= 0;
}

bool yt_read_to(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	static const char *const words[] = { [YT_TO_MEMBER] = "member", [YT_TO_REFERRER] = "referrer", [YT_TO_BOTH] = "both" };
	int i = word_of(f, k, e, words, COUNT(words));

	if (i >= 0)
		*(enum yt_to *)field_of(target, k) = (enum yt_to)i;
	return i >= 0;
}

bool yt_read_need(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	static const char *const words[] = { "all", "any" };
	int i = word_of(f, k, e, words, COUNT(words));

	*(bool *)field_of(target, k) = i == 1;
	return i >= 0;
}

/* --- referrals --- */

/* `7d after signed`. */
static bool hold_part(struct yt_rulefile *f, const struct yt_key_row *k, int line, struct yt_str text, struct yt_referral_rules *r)
{
	struct yt_str rest = text, wait = next_word(&rest), after = next_word(&rest), what = next_word(&rest);
	bool is_signed = yt_str_eq(what, YT_S("signed"));
	int64_t *ms = is_signed ? &r->hold_signed_ms : &r->hold_paid_ms;

	if (next_word(&rest).n || !yt_str_eq(after, YT_S("after")) || (!is_signed && !yt_str_eq(what, YT_S("paid")))) {
		yt_problem(f->problems, line, "%s: `%.*s` is not of the form `7d after signed` or `21d after paid`", k->doc.key, YT_FMT(text));
		return false;
	}
	if (*ms >= 0) {
		yt_problem(f->problems, line, "%s: `after %.*s` stands there twice", k->doc.key, YT_FMT(what));
		return false;
	}
	return duration_of(f, k, line, wait, 0, ms);
}

bool yt_read_hold(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	struct yt_referral_rules *r = target;
	struct yt_str rest = e->value, part;

	r->hold_signed_ms = r->hold_paid_ms = -1;
	while (next_part(&rest, &part)) {
		if (!hold_part(f, k, e->line, part, r))
			return false;
	}
	if (r->hold_paid_ms < 0)
		yt_problem(f->problems, e->line, "%s: it has no end where no signature comes: add such as `21d after paid`", k->doc.key);
	return r->hold_paid_ms >= 0;
}

bool yt_read_give(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	static const char *const words[] = { "at once", "on approval" };
	int i = word_of(f, k, e, words, COUNT(words));

	*(bool *)field_of(target, k) = i == 1;
	return i >= 0;
}

bool yt_read_check(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	static const char *const words[] = { [YT_CHECK_OFF] = "off", [YT_CHECK_REJECT] = "reject", [YT_CHECK_FLAG] = "flag" };
	int i = word_of(f, k, e, words, COUNT(words));

	if (i >= 0)
		*(enum yt_check *)field_of(target, k) = (enum yt_check)i;
	return i >= 0;
}

bool yt_read_tag(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	if (!yt_is_name(e->value, true)) {
		yt_problem(f->problems, e->line, "%s: `%.*s` is no tag: a letter or digit, then up to 62 of a-z 0-9 - _", k->doc.key,
		           YT_FMT(e->value));
		return false;
	}
	*(struct yt_str *)field_of(target, k) = e->value;
	return true;
}

bool yt_read_template(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	const char *near;

	for (size_t i = 0; i < f->rs->n_coupons; i++) {
		if (yt_str_eq(f->rs->coupons[i].name, e->value)) {
			*(const struct yt_coupon_rules **)field_of(target, k) = &f->rs->coupons[i];
			return true;
		}
	}
	near = yt_nearest(e->value, f->templates, f->rs->n_coupons);
	yt_problem(f->problems, e->line, "%s: there is no [coupon \"%.*s\"]%s%s%s", k->doc.key, YT_FMT(e->value),
	           near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

bool yt_read_with_section(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target)
{
	(void)f;
	(void)k;
	(void)e;
	(void)target;
	return true;
}

struct telling {
	struct yt_rulefile *f;
	const struct yt_ini_entry *e;
};

static void tell_fault(void *ctx, const char *msg)
{
	const struct telling *t = ctx;

	yt_problem(t->f->problems, t->e->line, "%.*s: %s", YT_FMT(t->e->key), msg);
}

const struct yt_expr *yt_read_expr(struct yt_rulefile *f, const struct yt_ini_entry *e, struct yt_str text, uint32_t from,
                                   const struct yt_scope *scope)
{
	struct telling t = { f, e };
	struct yt_scope told = *scope;
	char first[YT_EXPR_FAULT_BYTES];

	told.fault = tell_fault;
	told.fault_ctx = &t;
	return yt_expr_compile_part(f->arena, text, from, &told, first);
}
