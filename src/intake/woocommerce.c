/* WooCommerce: the whole order with each delivery, so one can tell of several facts. Times that end in _gmt have no zone. */
#include "take.h"
#include "yutang/base/ini.h"

/* As WordPress does before it signs: a secret that was typed with `&` is kept with `&amp;`. */
static struct yt_str entities_decode(struct take *t, struct yt_str s)
{
	static const struct {
		const char *name;
		char is;
	} known[] = {
		{ "&amp;", '&' },  { "&#038;", '&' }, { "&#38;", '&' },  { "&#x26;", '&' },  { "&lt;", '<' },   { "&#060;", '<' },
		{ "&#60;", '<' },  { "&gt;", '>' },   { "&#062;", '>' }, { "&#62;", '>' },   { "&quot;", '"' }, { "&#034;", '"' },
		{ "&#34;", '"' },  { "&#x22;", '"' }, { "&#039;", '\'' }, { "&#39;", '\'' }, { "&#x27;", '\'' },
	};
	char *out = yt_arena_alloc(t->arena, (size_t)s.n + 1);
	uint32_t i = 0, n = 0;

	while (i < s.n) {
		size_t k = 0, len = 0;

		for (; s.p[i] == '&' && k < sizeof known / sizeof *known; k++) {
			len = strlen(known[k].name);
			if (len <= s.n - i && memcmp(s.p + i, known[k].name, len) == 0)
				break;
		}
		if (s.p[i] == '&' && k < sizeof known / sizeof *known) {
			out[n++] = known[k].is;
			i += (uint32_t)len;
		} else {
			out[n++] = s.p[i++];
		}
	}
	return yt_str(out, n);
}

static struct yt_str sign(struct take *t, const void *ctx, bool next)
{
	(void)ctx;
	return yt_take_hmac(t, entities_decode(t, yt_take_secret(&t->shop->woocommerce, next)));
}

/* What a new webhook sends to see whether somebody is there: a form, not signed. */
static bool is_ping(struct yt_str body)
{
	const struct yt_str begin = YT_STR("webhook_id=");
	int64_t id;

	return yt_str_starts(body, begin) && yt_parse_int(yt_str(body.p + begin.n, body.n - begin.n), 0, INT64_MAX, &id);
}

/* The order as far as all of its facts need it. */
struct order {
	const cJSON *root;
	struct yt_str id, member, currency;
};

static struct yt_str phone_of(struct take *t, const cJSON *order)
{
	return yt_take_hash_phone(t, yt_take_text(yt_take_get(order, "billing"), "phone"));
}

static bool read_order(struct take *t, struct order *o)
{
	if (!yt_take_need_id(t, o->root, "id", &o->id) || !yt_take_id(t, o->root, "customer_id", &o->member))
		return false;
	if (yt_str_eq(o->member, YT_S("0")) || !o->member.n)
		o->member = yt_take_guest(t, phone_of(t, o->root), yt_take_hash_email(t, yt_take_text(yt_take_get(o->root, "billing"), "email")));
	o->currency = yt_take_text(o->root, "currency");
	return true;
}

/* `meta_data[]` is what the shop's own checkout put there. */
static struct yt_str meta(const cJSON *order, const char *name)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, yt_take_get(order, "meta_data"))
		if (yt_str_eq(yt_take_text(m, "key"), yt_str_z(name)))
			return yt_take_text(m, "value");
	return YT_S("");
}

static struct yt_str address_of(struct take *t, const cJSON *order)
{
	const cJSON *to = yt_take_get(order, "shipping");
	struct yt_str parts[] = { yt_take_text(to, "address_1"), yt_take_text(to, "address_2"), yt_take_text(to, "city"),
				  yt_take_text(to, "state"),     yt_take_text(to, "postcode"),  yt_take_text(to, "country") };

	return yt_take_hash_address(t, parts, sizeof parts / sizeof *parts);
}

/* 0 is no id here: a product without variations has the variation 0. */
static bool read_sku(struct take *t, const cJSON *line, struct yt_str *out)
{
	static const char *const names[] = { "sku", "variation_id", "product_id", "id" };

	*out = YT_S("");
	for (int i = 0; i < 4 && (!out->n || yt_str_eq(*out, YT_S("0"))); i++)
		if (!yt_take_id(t, line, names[i], out))
			return false;
	return out->n || yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%ssku: missing", t->at);
}

static bool read_items(struct take *t, const struct order *o, struct yt_buf *items)
{
	const cJSON *line;
	struct yt_str sku;
	int64_t quantity, total;
	int k = 0;

	cJSON_ArrayForEach(line, yt_take_get(o->root, "line_items")) {
		yt_take_at(t, "line_items", k++);
		if (!read_sku(t, line, &sku) || !yt_take_quantity(t, line, "quantity", &quantity) || !yt_take_money(t, line, "total", o->currency, &total))
			return false;
		yt_draft_item(items, sku, quantity, &total);
	}
	yt_take_at(t, NULL, -1);
	return true;
}

static bool paid(struct take *t, const struct order *o)
{
	struct order_paid p = { .order = o->id, .member = o->member, .currency = o->currency };

	if (!yt_take_instant(t, o->root, "date_paid_gmt", "Z", &p.paid_at))
		return false;
	if (!p.paid_at)
		return true; /* not yet */
	yt_buf_init(&p.items, t->arena);
	if (!yt_take_money(t, o->root, "total", o->currency, &p.amount) || !read_items(t, o, &p.items))
		return false;
	p.coupons = yt_take_get(o->root, "coupon_lines");
	p.channel = meta(o->root, "yutang_channel");
	p.referrer = meta(o->root, "yutang_ref");
	p.phone = phone_of(t, o->root);
	p.address = address_of(t, o->root);
	return yt_draft_paid(t, &p);
}

/* A refund has no date of its own: the order changed when it came to it. */
static bool refunded(struct take *t, const struct order *o, const cJSON *refund)
{
	static const char *const instants[] = { "date_modified_gmt", NULL };
	struct order_fact f = { .type = "order.refunded", .at_name = "refunded_at", .order = o->id, .member = o->member };
	int64_t amount;

	if (!yt_take_need_id(t, refund, "id", &f.refund) || !yt_take_money(t, refund, "total", o->currency, &amount))
		return false;
	yt_take_at(t, NULL, -1);
	if (!yt_take_first_instant(t, o->root, instants, "Z", &f.at))
		return false;
	amount = -amount;
	f.amount = &amount;
	return yt_draft_fact(t, &f);
}

/* Each fact by itself: one that cannot be mapped keeps no other from it. */
static void refunds(struct take *t, const struct order *o)
{
	const cJSON *refund;
	int k = 0;

	cJSON_ArrayForEach(refund, yt_take_get(o->root, "refunds")) {
		yt_take_at(t, "refunds", k++);
		refunded(t, o, refund);
	}
	yt_take_at(t, NULL, -1);
}

static bool state(struct take *t, const struct order *o)
{
	static const char *const completed[] = { "date_completed_gmt", "date_modified_gmt", NULL }, *const modified[] = { "date_modified_gmt", NULL };
	struct yt_str status = yt_take_text(o->root, "status");
	struct order_fact f = { .order = o->id, .member = o->member };

	if (yt_str_eq(status, YT_S("completed"))) {
		f.type = "order.shipped";
		f.at_name = "shipped_at";
		return yt_take_first_instant(t, o->root, completed, "Z", &f.at) && yt_draft_fact(t, &f);
	}
	if (!yt_str_eq(status, YT_S("cancelled")))
		return true;
	f.type = "order.cancelled";
	f.at_name = "cancelled_at";
	return yt_take_first_instant(t, o->root, modified, "Z", &f.at) && yt_draft_fact(t, &f);
}

void yt_take_woocommerce(struct take *t)
{
	struct yt_str given, topic;
	struct order o;

	if (!yt_take_header(t, "X-WC-Webhook-Signature", &given) || !yt_take_header(t, "X-WC-Webhook-Topic", &topic))
		return;
	if (!given.n && is_ping(t->req->body))
		return;
	if (!yt_take_signed(t, given, sign, NULL, &t->shop->woocommerce))
		return;
	if (!topic.n) {
		yt_take_fault(t, YT_DEAD_MISSING_FIELD, "X-WC-Webhook-Topic: missing");
		return;
	}
	if (!yt_str_eq(topic, YT_S("order.created")) && !yt_str_eq(topic, YT_S("order.updated")))
		return;
	if (!yt_take_json(t, t->req->body, &o.root) || !read_order(t, &o))
		return;
	paid(t, &o);
	yt_take_at(t, NULL, -1);
	refunds(t, &o);
	state(t, &o);
}
