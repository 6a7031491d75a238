/* Shopify: one topic a delivery, the order as its admin API has it. */
#include "take.h"

static struct yt_str sign(struct take *t, const void *ctx, bool next)
{
	(void)ctx;
	return yt_take_hmac(t, yt_take_secret(&t->shop->shopify, next));
}

/* The values of `note_attributes[]` are what the shop's own checkout put there. */
static struct yt_str note(const cJSON *order, const char *name)
{
	const cJSON *attribute;

	cJSON_ArrayForEach(attribute, yt_take_get(order, "note_attributes"))
		if (yt_str_eq(yt_take_text(attribute, "name"), yt_str_z(name)))
			return yt_take_text(attribute, "value");
	return YT_S("");
}

static struct yt_str first_text(const cJSON *order, const char *const (*paths)[2])
{
	for (; (*paths)[1]; paths++) {
		struct yt_str s = yt_take_text((*paths)[0] ? yt_take_get(order, (*paths)[0]) : order, (*paths)[1]);

		if (s.n)
			return s;
	}
	return YT_S("");
}

static struct yt_str phone_of(struct take *t, const cJSON *order)
{
	static const char *const paths[][2] = {
		{ NULL, "phone" }, { "customer", "phone" }, { "billing_address", "phone" }, { "shipping_address", "phone" }, { NULL, NULL },
	};

	return yt_take_hash_phone(t, first_text(order, paths));
}

static struct yt_str email_of(struct take *t, const cJSON *order)
{
	static const char *const paths[][2] = { { NULL, "email" }, { NULL, "contact_email" }, { "customer", "email" }, { NULL, NULL } };

	return yt_take_hash_email(t, first_text(order, paths));
}

static struct yt_str address_of(struct take *t, const cJSON *order)
{
	const cJSON *to = yt_take_get(order, "shipping_address");
	const struct yt_str parts[] = {
		yt_take_text(to, "address1"), yt_take_text(to, "address2"), yt_take_text(to, "city"),
		yt_take_text(to, "province"), yt_take_text(to, "zip"),      yt_take_text(to, "country_code"),
	};

	return yt_take_hash_address(t, parts, sizeof parts / sizeof *parts);
}

static bool read_member(struct take *t, const cJSON *order, struct yt_str *out)
{
	if (!yt_take_id(t, yt_take_get(order, "customer"), "id", out))
		return false;
	if (!out->n)
		*out = yt_take_guest(t, phone_of(t, order), email_of(t, order));
	return true;
}

/* A line of something that is no product of the shop's has neither. */
static bool read_sku(struct take *t, const cJSON *line, struct yt_str *out)
{
	static const char *const names[] = { "sku", "variant_id", "product_id", "id" };

	*out = YT_S("");
	for (int i = 0; i < 4 && !out->n; i++)
		if (!yt_take_id(t, line, names[i], out))
			return false;
	return out->n || yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%ssku: missing", t->at);
}

static bool read_item(struct take *t, const cJSON *line, struct order_paid *o)
{
	int64_t price, quantity, discount = 0, amount;
	struct yt_str sku;

	if (!read_sku(t, line, &sku) || !yt_take_money(t, line, "price", o->currency, &price) || !yt_take_quantity(t, line, "quantity", &quantity))
		return false;
	if (yt_take_get(line, "total_discount") && !yt_take_money(t, line, "total_discount", o->currency, &discount))
		return false;
	if (__builtin_mul_overflow(price, quantity, &amount) || __builtin_sub_overflow(amount, discount, &amount))
		return yt_take_fault(t, YT_DEAD_BAD_FIELD, "%sprice: out of range", t->at);
	yt_draft_item(&o->items, sku, quantity, &amount);
	return true;
}

static bool read_items(struct take *t, const cJSON *order, struct order_paid *o)
{
	const cJSON *line;
	int k = 0;

	cJSON_ArrayForEach(line, yt_take_get(order, "line_items")) {
		yt_take_at(t, "line_items", k++);
		if (!read_item(t, line, o))
			return false;
	}
	yt_take_at(t, NULL, -1);
	return true;
}

static bool paid(struct take *t, const cJSON *order)
{
	static const char *const instants[] = { "processed_at", "created_at", NULL };
	struct order_paid o = { .currency = yt_take_text(order, "currency") };

	yt_buf_init(&o.items, t->arena);
	if (!yt_take_need_id(t, order, "id", &o.order) || !read_member(t, order, &o.member) ||
	    !yt_take_first_instant(t, order, instants, NULL, &o.paid_at) ||
	    !yt_take_money(t, order, "total_price", o.currency, &o.amount) || !read_items(t, order, &o))
		return false;
	o.coupons = yt_take_get(order, "discount_codes");
	o.channel = note(order, "yutang_channel");
	o.referrer = note(order, "yutang_ref");
	o.phone = phone_of(t, order);
	o.address = address_of(t, order);
	return yt_draft_paid(t, &o);
}

/* The last parcel is what completed it. */
static bool fulfilled(struct take *t, const cJSON *order)
{
	static const char *const instants[] = { "updated_at", "processed_at", NULL };
	struct order_fact f = { .type = "order.shipped", .at_name = "shipped_at" };
	const cJSON *parcel;
	int64_t at;
	int k = 0;

	if (!yt_take_need_id(t, order, "id", &f.order) || !read_member(t, order, &f.member))
		return false;
	cJSON_ArrayForEach(parcel, yt_take_get(order, "fulfillments")) {
		yt_take_at(t, "fulfillments", k++);
		if (!yt_take_instant(t, parcel, "created_at", NULL, &at))
			return false;
		if (at < f.at || yt_str_eq(yt_take_text(parcel, "status"), YT_S("cancelled")))
			continue;
		f.at = at;
		f.carrier = yt_take_text(parcel, "tracking_company");
		f.tracking = yt_take_text(parcel, "tracking_number");
	}
	yt_take_at(t, NULL, -1);
	if (!f.at && !yt_take_first_instant(t, order, instants, NULL, &f.at))
		return false;
	return yt_draft_fact(t, &f);
}

static bool cancelled(struct take *t, const cJSON *order)
{
	static const char *const instants[] = { "cancelled_at", NULL };
	struct order_fact f = { .type = "order.cancelled", .at_name = "cancelled_at" };

	return yt_take_need_id(t, order, "id", &f.order) && read_member(t, order, &f.member) &&
	       yt_take_first_instant(t, order, instants, NULL, &f.at) && yt_draft_fact(t, &f);
}

/* ---- refunds */

/* Adds one amount; those of one refund have one currency. */
static bool add(struct take *t, const cJSON *object, const char *amount, const char *currency, struct yt_str *seen, int64_t *sum)
{
	struct yt_str c = yt_take_text(object, currency);
	int64_t v;

	if (!c.n)
		return yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%s%s: missing", t->at, currency);
	if (seen->n && !yt_str_eq(*seen, c))
		return yt_take_fault(t, YT_DEAD_BAD_FIELD, "%s%s: not the same as before", t->at, currency);
	*seen = c;
	if (!yt_take_money(t, object, amount, c, &v))
		return false;
	return !__builtin_add_overflow(*sum, v, sum) || yt_take_fault(t, YT_DEAD_BAD_FIELD, "%s%s: out of range", t->at, amount);
}

/* What was paid back; *any: some transaction succeeded. */
static bool add_transactions(struct take *t, const cJSON *refund, struct yt_str *currency, int64_t *sum, bool *any)
{
	const cJSON *tr;
	int k = 0;

	cJSON_ArrayForEach(tr, yt_take_get(refund, "transactions")) {
		yt_take_at(t, "transactions", k++);
		if (!yt_str_eq(yt_take_text(tr, "kind"), YT_S("refund")) || !yt_str_eq(yt_take_text(tr, "status"), YT_S("success")))
			continue;
		*any = true;
		if (!add(t, tr, "amount", "currency", currency, sum))
			return false;
	}
	yt_take_at(t, NULL, -1);
	return true;
}

/* `subtotal` and `total_tax` are floats: not used. */
static bool read_lines(struct take *t, const cJSON *refund, bool priced, struct yt_str *currency, int64_t *sum, struct yt_buf *items)
{
	const cJSON *line;
	int64_t quantity;
	struct yt_str sku;
	int k = 0;

	cJSON_ArrayForEach(line, yt_take_get(refund, "refund_line_items")) {
		yt_take_at(t, "refund_line_items", k++);
		if (priced && !add(t, yt_take_get(yt_take_get(line, "subtotal_set"), "shop_money"), "amount", "currency_code", currency, sum))
			return false;
		if (!read_sku(t, yt_take_get(line, "line_item"), &sku) || !yt_take_quantity(t, line, "quantity", &quantity))
			return false;
		yt_draft_item(items, sku, quantity, NULL);
	}
	yt_take_at(t, NULL, -1);
	return true;
}

static bool refunded(struct take *t, const cJSON *refund)
{
	static const char *const instants[] = { "processed_at", "created_at", NULL };
	struct order_fact f = { .type = "order.refunded", .at_name = "refunded_at" };
	struct yt_str currency = YT_S("");
	struct yt_buf items;
	int64_t sum = 0;
	bool any = false;

	yt_buf_init(&items, t->arena);
	if (!yt_take_need_id(t, refund, "id", &f.refund) || !yt_take_need_id(t, refund, "order_id", &f.order) ||
	    !yt_take_first_instant(t, refund, instants, NULL, &f.at) || !add_transactions(t, refund, &currency, &sum, &any) ||
	    !read_lines(t, refund, !any, &currency, &sum, &items))
		return false;
	f.amount = &sum;
	f.items = &items;
	return yt_draft_fact(t, &f);
}

static const struct {
	const char *topic;
	bool (*map)(struct take *t, const cJSON *root);
} topics[] = {
	{ "orders/paid", paid },
	{ "orders/fulfilled", fulfilled },
	{ "orders/cancelled", cancelled },
	{ "refunds/create", refunded },
};

void yt_take_shopify(struct take *t)
{
	struct yt_str given, topic, triggered;
	const cJSON *root;

	if (!yt_take_header(t, "X-Shopify-Hmac-Sha256", &given) || !yt_take_header(t, "X-Shopify-Topic", &topic) ||
	    !yt_take_header(t, "X-Shopify-Triggered-At", &triggered) || !yt_take_signed(t, given, sign, NULL, &t->shop->shopify))
		return;
	if (!topic.n) {
		yt_take_fault(t, YT_DEAD_MISSING_FIELD, "X-Shopify-Topic: missing");
		return;
	}
	if (triggered.n && !yt_instant_read(t->arena, triggered, NULL, &t->sent_ms)) {
		yt_take_fault(t, YT_DEAD_BAD_FIELD, "X-Shopify-Triggered-At: no date and time");
		return;
	}
	for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
		if (!yt_str_eq(topic, yt_str_z(topics[i].topic)))
			continue;
		if (yt_take_json(t, t->req->body, &root) && !cJSON_IsTrue(yt_take_get(root, "test")))
			topics[i].map(t, root);
		return;
	}
}
