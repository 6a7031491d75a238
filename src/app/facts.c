#include "facts.h"

#include <stdarg.h>
#include <stdio.h>

#include "yutang/base/hash.h"
#include "yutang/base/ini.h"
#include "yutang/base/json.h"
#include "yutang/core/referral.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* As they stand in the file. */
struct facts {
	struct yt_given given;
	struct yt_str id, channel, referrer, tier;
	const cJSON *tags;
	int64_t joined_at, added_at, referrals_bound, referrals_qualified, referrals_approved, coupons_usable, coupons_used;
};

struct coupon {
	struct yt_str coupon, code, template, state;
	int64_t valid_from, valid_until;
};

struct order {
	struct yt_str id, currency, channel, presale;
	int64_t paid_at, amount, units, nth, shipped_at, signed_at, refunded_amount;
	const cJSON *coupons;
	bool cancelled, refunded;
};

struct reading {
	struct yt_arena *a;
	const struct yt_ruleset *rules;
	const struct yt_event *ev;
	char *msg;
};

static bool wrong(const struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(const struct reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->msg, 256, fmt, ap);
	va_end(ap);
	return false;
}

/* --- fields */

enum kind { NUMBER, TEXT, TEXTS, YES_NO };

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
};

static const char *const kind_texts[] = {
	[NUMBER] = "an integer that is not negative", [TEXT] = "a text", [TEXTS] = "a list of texts", [YES_NO] = "true or false",
};

#define FIELD(type, name, kind) { #name, kind, offsetof(struct type, name) }
#define GIVEN(name) { #name, NUMBER, offsetof(struct facts, given.name) }
#define TOTAL(name) { #name, NUMBER, offsetof(struct facts, given.totals.name) }

static const struct field fact_fields[] = {
	FIELD(facts, id, TEXT), FIELD(facts, channel, TEXT), FIELD(facts, referrer, TEXT), FIELD(facts, tier, TEXT), FIELD(facts, tags, TEXTS),
	TOTAL(paid_orders), TOTAL(paid_amount), TOTAL(paid_items), TOTAL(refunded_orders), TOTAL(refunded_amount), TOTAL(net_amount),
	TOTAL(first_paid_at), TOTAL(last_paid_at), GIVEN(median_gap), GIVEN(stock_until), GIVEN(groups), GIVEN(accounts),
	FIELD(facts, joined_at, NUMBER), FIELD(facts, added_at, NUMBER),
	FIELD(facts, referrals_bound, NUMBER), FIELD(facts, referrals_qualified, NUMBER), FIELD(facts, referrals_approved, NUMBER),
	FIELD(facts, coupons_usable, NUMBER), FIELD(facts, coupons_used, NUMBER),
};

static const struct field coupon_fields[] = {
	FIELD(coupon, coupon, TEXT), FIELD(coupon, code, TEXT), FIELD(coupon, template, TEXT), FIELD(coupon, state, TEXT),
	FIELD(coupon, valid_from, NUMBER), FIELD(coupon, valid_until, NUMBER),
};

static const struct field order_fields[] = {
	FIELD(order, id, TEXT), FIELD(order, paid_at, NUMBER), FIELD(order, amount, NUMBER), FIELD(order, currency, TEXT), FIELD(order, channel, TEXT),
	FIELD(order, coupons, TEXTS), FIELD(order, presale, TEXT), FIELD(order, shipped_at, NUMBER), FIELD(order, signed_at, NUMBER),
	FIELD(order, cancelled, YES_NO), FIELD(order, refunded_amount, NUMBER), FIELD(order, refunded, YES_NO), FIELD(order, units, NUMBER),
	FIELD(order, nth, NUMBER),
};

static bool is_texts(const cJSON *item)
{
	if (!cJSON_IsArray(item))
		return false;
	for (const cJSON *child = item->child; child; child = child->next) {
		if (!yt_json_is_text(child))
			return false;
	}
	return true;
}

/* What is larger is no instant that an expression can hold. */
static bool is_number(const cJSON *item, int64_t *out)
{
	return yt_json_int(item, out) && *out >= 0 && *out <= YT_TIMESTAMP_SEC_MAX * 1000;
}

static bool take_field(const struct field *f, const cJSON *item, void *target)
{
	void *to = (char *)target + f->offset;
	bool ok = false;

	switch (f->kind) {
	case NUMBER:
		return is_number(item, to);
	case TEXT:
		ok = yt_json_is_text(item);
		if (ok)
			*(struct yt_str *)to = yt_json_text(item);
		return ok;
	case TEXTS:
		*(const cJSON **)to = item;
		return is_texts(item);
	case YES_NO:
		*(bool *)to = cJSON_IsTrue(item);
		return cJSON_IsBool(item);
	}
	return ok;
}

static bool unknown(const struct reading *r, const char *where, const char *name, const char *const *names, size_t n)
{
	const char *near = yt_nearest(yt_str_z(name), names, n);

	return wrong(r, "%sunknown name %.64s%s%s%s", where, name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Every member of the object into the target. */
static bool take_fields(const struct reading *r, const char *where, const cJSON *object, const struct field *fields, size_t n, void *target)
{
	const char *names[COUNT(fact_fields)];

	for (size_t k = 0; k < n; k++)
		names[k] = fields[k].name;
	if (!cJSON_IsObject(object))
		return wrong(r, "%smust be an object", where);
	for (const cJSON *item = object->child; item; item = item->next) {
		size_t k = 0;

		while (k < n && strcmp(fields[k].name, item->string) != 0)
			k++;
		if (k == n)
			return unknown(r, where, item->string, names, n);
		if (!take_field(&fields[k], item, target))
			return wrong(r, "%s%s is not %s", where, item->string, kind_texts[fields[k].kind]);
	}
	return true;
}

/* --- the member */

static bool take_facts(const struct reading *r, const cJSON *object, struct facts *f)
{
	*f = (struct facts){ .given.median_gap = -1 };
	return cJSON_IsNull(object) || take_fields(r, "facts: ", object, fact_fields, COUNT(fact_fields), f);
}

static void set_referrals(const struct reading *r, const struct facts *f, struct yt_member *m)
{
	struct yt_referrer *referrer;

	if (!f->referrals_bound)
		return;
	referrer = yt_member_refers(m, r->a)->referrer = yt_arena_zalloc(r->a, sizeof(*referrer));
	referrer->count[YT_LEVEL_BOUND] = f->referrals_bound;
	referrer->count[YT_LEVEL_QUALIFIED] = f->referrals_qualified;
	referrer->count[YT_LEVEL_APPROVED] = f->referrals_approved;
}

static bool set_facts(const struct reading *r, const struct facts *f, struct yt_explain *x)
{
	struct yt_member *m = x->member;

	if (f->id.n && !yt_str_eq(f->id, m->id))
		return wrong(r, "facts: id is not the member of the event");
	x->given = f->given;
	m->channel = f->channel;
	m->referrer = f->referrer;
	m->standing.tier = f->tier;
	m->joined_at = f->joined_at;
	m->added_at = f->added_at;
	set_referrals(r, f, m);
	for (const cJSON *tag = f->tags ? f->tags->child : NULL; tag; tag = tag->next)
		yt_member_tag(m, r->a, yt_json_text(tag));
	return true;
}

/* --- the wallet */

static bool set_state(const struct reading *r, struct yt_str state, struct yt_coupon *c)
{
	if (yt_str_eq(state, YT_S("used")))
		c->state = YT_COUPON_USED;
	else if (yt_str_eq(state, YT_S("revoked")))
		c->state = YT_COUPON_REVOKED;
	else if (yt_str_eq(state, YT_S("expired")))
		c->expired = true;
	else if (!yt_str_eq(state, YT_S("issued")))
		return wrong(r, "wallet: state is not issued, used, expired or revoked");
	return true;
}

static bool is_id(struct yt_str s)
{
	for (uint32_t k = 0; k < s.n; k++) {
		if (!((s.p[k] >= '0' && s.p[k] <= '9') || (s.p[k] >= 'a' && s.p[k] <= 'f')))
			return false;
	}
	return s.n == 32;
}

static bool add_coupon(const struct reading *r, const cJSON *item, struct yt_wallet *w)
{
	struct coupon given = { .valid_until = -1 };
	struct yt_coupon c = { .min_amount = -1 };
	const struct yt_coupon_rules *t;

	if (!take_fields(r, "wallet: ", item, coupon_fields, COUNT(coupon_fields), &given))
		return false;
	if (!is_id(given.coupon))
		return wrong(r, "wallet: coupon is not 32 hex digits");
	yt_unhex(given.coupon.p, c.id, sizeof(c.id));
	if (!given.template.n || given.valid_until < 0)
		return wrong(r, "wallet: a coupon has a template and valid_until");
	if (given.code.n && !yt_crockford_fold(given.code, c.code))
		return wrong(r, "wallet: code is none of ours");
	if (w->n == YT_COUPONS_MAX)
		return wrong(r, "wallet: more than %d coupons", YT_COUPONS_MAX);
	t = yt_ruleset_coupon(r->rules, given.template);
	if (t) {
		c.min_amount = t->min_amount;
		c.keep_on_refund = t->keep_on_refund;
	}
	c.template = given.template;
	c.issued_at = c.valid_from = given.valid_from;
	c.valid_until = given.valid_until;
	if (!set_state(r, given.state, &c))
		return false;
	yt_wallet_add(w, r->a, &c);
	return true;
}

/* Nothing is known of them but that they are there. */
static bool add_nameless(const struct reading *r, struct yt_wallet *w, int64_t n)
{
	if (n > YT_COUPONS_MAX)
		return wrong(r, "facts: coupons_usable is more than %d", YT_COUPONS_MAX);
	for (int64_t k = 0; k < n; k++) {
		struct yt_coupon c = { .id = { 0, (unsigned char)k }, .valid_until = YT_TIMESTAMP_SEC_MAX * 1000, .min_amount = -1 };

		yt_wallet_add(w, r->a, &c);
	}
	return true;
}

static bool set_wallet(const struct reading *r, const cJSON *list, const struct facts *f, struct yt_wallet *w)
{
	uint32_t used;

	if (list && !cJSON_IsArray(list))
		return wrong(r, "wallet must be a list");
	if (!list && !add_nameless(r, w, f->coupons_usable))
		return false;
	for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
		if (!add_coupon(r, item, w))
			return false;
	}
	used = yt_wallet_used(w);
	if (f->coupons_used > used)
		w->used_gone = (uint32_t)(f->coupons_used < UINT32_MAX ? f->coupons_used : UINT32_MAX) - used;
	return true;
}

/* --- the order */

static bool set_order(const struct reading *r, const cJSON *object, struct yt_explain *x)
{
	struct yt_str id = yt_event_text(r->ev, YT_F_ORDER);
	struct yt_order *o = NULL;
	struct order given = { 0 };

	if (object && !take_fields(r, "order: ", object, order_fields, COUNT(order_fields), &given))
		return false;
	if (!id.n)
		return !object || wrong(r, "order: the event is about none");
	if (given.id.n && !yt_str_eq(given.id, id))
		return wrong(r, "order: id is not the order of the event");
	if (!object && r->ev->type != YT_ORDER_PAID)
		return wrong(r, "order is missing: what is known of the order of the event, such as {\"paid_at\": 1788231599000, \"amount\": 100}");
	x->order = o = yt_order_fresh(r->a, yt_act_name(r->a, r->ev->shop, id));
	o->paid = given.paid_at != 0;
	o->paid_at = given.paid_at;
	o->amount = given.amount;
	o->currency = given.currency;
	o->channel = given.channel;
	o->presale = given.presale;
	o->units = given.units;
	o->nth = given.nth;
	o->shipped_at = given.shipped_at;
	o->signed_at = given.signed_at;
	o->cancelled_at = given.cancelled;
	if (given.refunded_amount)
		yt_order_add_refund(o, r->a, &(struct yt_refund){ .at = given.paid_at, .amount = given.refunded_amount });
	return true;
}

static bool set_codes(const struct reading *r, const cJSON *object, struct yt_order *o)
{
	const cJSON *codes = object ? yt_json_get(object, "coupons") : NULL;

	if (!codes || r->ev->type == YT_ORDER_PAID)
		return true;
	o->codes = yt_arena_alloc(r->a, YT_ORDER_COUPONS_MAX * sizeof(*o->codes));
	for (const cJSON *code = codes->child; code; code = code->next) {
		if (o->n_codes == YT_ORDER_COUPONS_MAX)
			return wrong(r, "order: more than %d coupons", YT_ORDER_COUPONS_MAX);
		o->codes[o->n_codes++] = yt_json_text(code);
	}
	return true;
}

/* --- marks and timers */

static void set_mark(const struct reading *r, const struct yt_rule *rule, struct yt_explain *x)
{
	if (rule->once == YT_ONCE_MEMBER)
		yt_member_mark(x->member, r->a, rule->name);
	else if (rule->once == YT_ONCE_ORDER && x->order)
		yt_order_mark(x->order, r->a, rule->name);
	for (uint32_t k = 0; rule->once == YT_ONCE_COUPON && k < x->member->wallet.n; k++)
		yt_coupon_mark(&x->member->wallet.v[k], r->a, rule->name);
}

/* It waits under the mark that this event would set. */
static void set_timer(const struct reading *r, const struct yt_rule *rule, struct yt_explain *x)
{
	struct yt_timer t = { .due = YT_INSTANT_MAX_MS, .rule = rule->name, .kind = rule->follow_up };

	if (rule->issue)
		t.template = rule->issue->name;
	t.origin.ev = yt_kept_new(r->a, r->ev, UINT64_C(1) << YT_F_ORDER);
	yt_member_add_timer(x->member, r->a, &t);
}

static bool each_rule(const struct reading *r, const char *where, const cJSON *list, struct yt_explain *x,
                      void (*set)(const struct reading *r, const struct yt_rule *rule, struct yt_explain *x))
{
	if (list && !is_texts(list))
		return wrong(r, "%s is not a list of names of rules", where);
	for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
		const struct yt_rule *rule = yt_ruleset_rule(r->rules, yt_json_text(item));

		if (!rule)
			return wrong(r, "%s: there is no rule %.64s", where, yt_json_text(item).p);
		if (set == set_mark && !rule->once)
			return wrong(r, "%s: the rule %.64s has no once", where, yt_json_text(item).p);
		set(r, rule, x);
	}
	return true;
}

/* --- the file */

static bool is_of_event(const struct reading *r, const cJSON *root, const char *name, struct yt_str want)
{
	const cJSON *item = yt_json_get(root, name);

	if (!item || (yt_json_is_text(item) && yt_str_eq(yt_json_text(item), want)))
		return true;
	return wrong(r, "%s is not that of the event", name);
}

static bool read_parts(const struct reading *r, const cJSON *root, struct yt_explain *x)
{
	const cJSON *facts = yt_json_get(root, "facts"), *order = yt_json_get(root, "order");
	struct facts f;

	if (!facts)
		return wrong(r, "facts is missing: an object as `yutang member --json` prints it");
	return is_of_event(r, root, "shop", r->ev->shop) && is_of_event(r, root, "member", x->member->id) && take_facts(r, facts, &f) &&
	       set_facts(r, &f, x) && set_wallet(r, yt_json_get(root, "wallet"), &f, &x->member->wallet) && set_order(r, order, x) &&
	       set_codes(r, order, x->order) && each_rule(r, "once", yt_json_get(root, "once"), x, set_mark) &&
	       each_rule(r, "waiting", yt_json_get(root, "waiting"), x, set_timer);
}

bool yt_facts_read(struct yt_arena *a, struct yt_str json, const struct yt_ruleset *rules, const struct yt_event *ev, struct yt_explain *out,
                   char msg[256])
{
	static const char *const names[] = { "shop", "member", "shard", "version", "time", "facts", "wallet", "order", "once", "waiting" };
	struct reading r = { a, rules, ev, msg };
	const cJSON *root;

	if (yt_json_parse(a, json, YT_FACTS_BYTES_MAX, 0, &root, msg) != YT_JSON_OK)
		return false;
	if (!cJSON_IsObject(root))
		return wrong(&r, "must be an object as `yutang member --json` prints it");
	for (const cJSON *item = root->child; item; item = item->next) {
		size_t k = 0;

		while (k < COUNT(names) && strcmp(names[k], item->string) != 0)
			k++;
		if (k == COUNT(names))
			return unknown(&r, "", item->string, names, COUNT(names));
	}
	*out = (struct yt_explain){ .member = yt_member_fresh(a, yt_act_name(a, ev->shop, yt_event_text(ev, YT_F_MEMBER))) };
	return read_parts(&r, root, out);
}
