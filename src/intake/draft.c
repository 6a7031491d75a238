/* Events, written as EVENTS.md has them. */
#include <stdio.h>

#include "take.h"
#include "yutang/base/hash.h"
#include "yutang/event/output.h"

/* Where each type that a platform makes belongs. */
static const char *topic_of(const char *type)
{
	if (strncmp(type, "group.", 6) == 0 || strncmp(type, "contact.", 8) == 0)
		return "groups";
	return strcmp(type, "referral.bound") == 0 ? "referrals" : "orders";
}

/* The same for each delivery of the same fact. Parts that a reader could not tell apart, and ids that would be too long, are a digest. */
static struct yt_str id_of(struct take *t, const char *type, const struct yt_str *parts, size_t n)
{
	struct yt_buf id;
	unsigned char digest[32];
	char hex[65];
	bool plain = true;

	yt_buf_init(&id, t->arena);
	yt_buf_z(&id, type);
	for (size_t i = 0; i < n; i++) {
		yt_buf_c(&id, '/');
		yt_buf_str_add(&id, parts[i]);
		plain = plain && !(parts[i].n && memchr(parts[i].p, '/', parts[i].n));
	}
	if (plain && id.n <= YT_ID_BYTES_MAX)
		return yt_buf_str(&id);
	yt_buf_clear(&id);
	for (size_t i = 0; i < n; i++)
		yt_buf_bytes(&id, parts[i]);
	yt_sha256(yt_buf_str(&id), digest);
	yt_hex(digest, sizeof digest, hex);
	return yt_arena_printf(t->arena, "%s/~%.32s", type, hex);
}

void yt_draft_begin(struct take *t, struct draft *d, const char *type, int64_t at_ms, const struct yt_str *parts, size_t n)
{
	char time[25];

	yt_time_format(t->sent_ms ? t->sent_ms : at_ms, time);
	d->type = type;
	d->first = true;
	yt_buf_init(&d->json, t->arena);
	yt_buf_z(&d->json, "{\"specversion\":\"1.0\"");
	yt_output_text(&d->json, "id", id_of(t, type, parts, n));
	yt_buf_printf(&d->json, ",\"source\":\"/shops/%.*s\",\"type\":\"%s\",\"time\":\"%s\",\"datacontenttype\":\"application/json\",\"data\":{",
	              YT_FMT(t->shop->name), type, time);
}

void yt_draft_name(struct draft *d, const char *name)
{
	yt_buf_printf(&d->json, "%s\"%s\":", d->first ? "" : ",", name);
	d->first = false;
}

void yt_draft_text(struct draft *d, const char *name, struct yt_str value)
{
	if (value.n == 0)
		return;
	yt_draft_name(d, name);
	yt_json_add_text(&d->json, value);
}

void yt_draft_int(struct draft *d, const char *name, int64_t value)
{
	yt_draft_name(d, name);
	yt_buf_i64(&d->json, value);
}

bool yt_take_add(struct take *t, struct yt_intake_event e)
{
	struct yt_taken *out = t->out;

	if (out->n_events == YT_INTAKE_EVENTS_MAX)
		return false;
	if (out->n_events == t->events_cap) {
		size_t cap = t->events_cap ? t->events_cap * 2 : 8;
		struct yt_intake_event *more = yt_arena_alloc(t->arena, cap * sizeof *more);

		if (out->n_events)
			memcpy(more, out->events, out->n_events * sizeof *more);
		out->events = more;
		t->events_cap = cap;
	}
	out->events[out->n_events++] = e;
	return true;
}

bool yt_draft_end(struct take *t, struct draft *d, struct yt_str key)
{
	struct yt_decoded got;
	struct yt_intake_event e = { .topic = topic_of(d->type) };

	yt_output_end(&d->json);
	e.value = yt_buf_str(&d->json);
	e.key = yt_arena_printf(t->arena, "%.*s/%.*s", YT_FMT(t->shop->name), YT_FMT(key));
	yt_event_decode(t->arena, e.value, NULL, 0, t->req->received_ms, &got);
	if (got.dead != YT_DEAD_NONE && (got.dead != YT_DEAD_UNKNOWN_TYPE || yt_type_find(yt_str_z(d->type)) >= 0))
		return yt_take_fault(t, got.dead, "%s%s: %s", t->at, d->type, got.detail);
	return yt_take_add(t, e) || yt_take_fault(t, YT_DEAD_LIMIT, "body: more than %d events", YT_INTAKE_EVENTS_MAX);
}

/* ---- orders */

/* Order events of one order go by the member where it is known. */
static struct yt_str order_key(struct take *t, struct yt_str order, struct yt_str member)
{
	return member.n ? member : yt_arena_printf(t->arena, "~order:%.*s", YT_FMT(order));
}

static bool draft_alias(struct take *t, struct yt_str order, struct yt_str member, int64_t at_ms)
{
	struct yt_str alias = yt_arena_printf(t->arena, "order:%.*s", YT_FMT(order));
	struct draft d;

	yt_draft_begin(t, &d, "alias.bound", at_ms, &alias, 1);
	yt_draft_text(&d, "alias", alias);
	yt_draft_text(&d, "member", member);
	return yt_draft_end(t, &d, order_key(t, order, YT_S("")));
}

static bool draft_referral(struct take *t, const struct order_paid *o, struct yt_str channel)
{
	struct draft d;

	yt_draft_begin(t, &d, "referral.bound", o->paid_at, &o->member, 1);
	yt_draft_text(&d, "referrer", yt_arena_printf(t->arena, "ref:%.*s", YT_FMT(o->referrer)));
	yt_draft_text(&d, "member", o->member);
	yt_draft_int(&d, "bound_at", o->paid_at);
	yt_draft_text(&d, "channel", channel);
	return yt_draft_end(t, &d, o->member);
}

static void draft_list(struct draft *d, const char *name, const struct yt_buf *elements)
{
	yt_draft_name(d, name);
	yt_buf_c(&d->json, '[');
	yt_buf_str_add(&d->json, yt_buf_str(elements));
	yt_buf_c(&d->json, ']');
}

static void draft_buyer(struct draft *d, const struct order_paid *o)
{
	if (!o->phone.n && !o->address.n)
		return;
	yt_draft_name(d, "buyer");
	yt_buf_c(&d->json, '{');
	d->first = true;
	yt_draft_text(d, "phone", o->phone);
	yt_draft_text(d, "address", o->address);
	yt_buf_c(&d->json, '}');
	d->first = false;
}

/* Those that may be a coupon's, and what is wrong with the first other one. */
static const char *draft_codes(struct draft *d, const cJSON *coupons)
{
	const char *flaw = NULL;
	const cJSON *coupon;
	int n = 0;

	cJSON_ArrayForEach(coupon, coupons) {
		struct yt_str code = yt_take_text(coupon, "code");
		const char *why = n == YT_CODES_MAX ? "more than 16" : yt_text_flaw(code);

		if (code.n == 0)
			continue;
		if (why) {
			flaw = flaw ? flaw : why;
			continue;
		}
		if (n++ == 0)
			yt_draft_name(d, "coupons");
		yt_buf_c(&d->json, n == 1 ? '[' : ',');
		yt_json_add_text(&d->json, code);
	}
	if (n)
		yt_buf_c(&d->json, ']');
	return flaw;
}

bool yt_draft_paid(struct take *t, const struct order_paid *o)
{
	const char *bad_code, *bad_channel = yt_text_flaw(o->channel);
	struct yt_str channel = bad_channel ? YT_S("") : o->channel;
	size_t before = t->out->n_events;
	struct draft d;

	yt_draft_begin(t, &d, "order.paid", o->paid_at, &o->order, 1);
	yt_draft_text(&d, "order", o->order);
	yt_draft_text(&d, "member", o->member);
	yt_draft_int(&d, "paid_at", o->paid_at);
	yt_draft_int(&d, "amount", o->amount);
	yt_draft_text(&d, "currency", o->currency);
	draft_list(&d, "items", &o->items);
	bad_code = draft_codes(&d, o->coupons);
	yt_draft_text(&d, "channel", channel);
	draft_buyer(&d, o);
	if (!yt_draft_end(t, &d, o->member) || !draft_alias(t, o->order, o->member, o->paid_at)) {
		t->out->n_events = before;
		return false;
	}
	if (bad_code)
		yt_take_fault(t, YT_DEAD_BAD_FIELD, "order.paid: coupons: %s; the order counts without it", bad_code);
	if (bad_channel)
		yt_take_fault(t, YT_DEAD_BAD_FIELD, "order.paid: channel: %s; the order counts without it", bad_channel);
	return !o->referrer.n || draft_referral(t, o, channel);
}

void yt_draft_item(struct yt_buf *items, struct yt_str sku, int64_t quantity, const int64_t *amount)
{
	yt_buf_z(items, items->n ? ",{\"sku\":" : "{\"sku\":");
	yt_json_add_text(items, sku);
	yt_buf_printf(items, ",\"quantity\":%lld", (long long)quantity);
	if (amount)
		yt_buf_printf(items, ",\"amount\":%lld", (long long)*amount);
	yt_buf_c(items, '}');
}

bool yt_draft_fact(struct take *t, const struct order_fact *f)
{
	struct yt_str parts[2] = { f->order, f->refund };
	struct draft d;

	yt_draft_begin(t, &d, f->type, f->at, parts, f->refund.n ? 2 : 1);
	yt_draft_text(&d, "order", f->order);
	yt_draft_text(&d, "member", f->member);
	yt_draft_text(&d, "refund", f->refund);
	yt_draft_int(&d, f->at_name, f->at);
	if (f->amount)
		yt_draft_int(&d, "amount", *f->amount);
	if (f->items && f->items->n)
		draft_list(&d, "items", f->items);
	yt_draft_text(&d, "carrier", f->carrier);
	yt_draft_text(&d, "tracking", f->tracking);
	return yt_draft_end(t, &d, order_key(t, f->order, f->member));
}
