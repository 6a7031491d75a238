/* Youzan 有赞: an envelope with a message, JSON in a form's encoding within JSON. Times are those of Beijing, money is yuan. Messages about a state
 * have only the order's id and the time of the change. */
#include "take.h"
#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"

#define BEIJING "+08:00"

/* Hex of MD5 over client id, body and secret. The first id goes with the second secret where only the secret is exchanged. */
static struct yt_str sign(struct take *t, const void *ctx, bool next)
{
	const struct yt_secret *id = &t->shop->youzan_id;
	struct yt_str parts[3] = { next && id->next.n ? id->next : id->now, t->req->body, yt_take_secret(&t->shop->youzan, next) };
	char *hex = yt_arena_alloc(t->arena, 2 * YT_DIGEST_BYTES_MAX + 1);
	unsigned char digest[YT_DIGEST_BYTES_MAX];
	size_t n = yt_digest(YT_MD5, parts, 3, digest);

	(void)ctx;
	yt_hex(digest, n, hex);
	return yt_str(hex, 2 * n);
}

/* The message: text in a form's encoding, or an object as it is. */
static const cJSON *message(struct take *t, const cJSON *root)
{
	const cJSON *msg = yt_take_get(root, "msg"), *inner;
	struct yt_str text;

	if (cJSON_IsObject(msg))
		return msg;
	if (!msg || !yt_json_is_text(msg) || !yt_percent_decode(t->arena, yt_json_text(msg), true, &text)) {
		yt_take_fault(t, YT_DEAD_BAD_FIELD, "msg: not readable");
		return NULL;
	}
	if (yt_take_json(t, text, &inner))
		return inner;
	return NULL;
}

/* What a message is about. */
struct trade {
	const cJSON *msg, *order; /* order: full_order_info, NULL where it is not there */
	const cJSON *info;        /* its order_info, or the message itself */
	struct yt_str tid, member;
};

static bool read_trade(struct take *t, const cJSON *msg, struct trade *tr)
{
	const cJSON *buyer;

	tr->msg = msg;
	tr->order = yt_take_get(msg, "full_order_info");
	tr->info = yt_take_get(tr->order, "order_info");
	buyer = yt_take_get(tr->order, "buyer_info");
	if (!tr->info)
		tr->info = msg;
	if (!yt_take_need_id(t, tr->info, "tid", &tr->tid) || !yt_take_id(t, buyer, "yz_open_id", &tr->member))
		return false;
	if (tr->member.n)
		return true;
	if (!yt_take_id(t, buyer, "buyer_id", &tr->member))
		return false;
	/* 0: who bought is no customer of the shop's yet. */
	if (!tr->member.n || yt_str_eq(tr->member, YT_S("0")))
		tr->member = yt_take_guest(t, yt_take_hash_phone(t, yt_take_text(buyer, "buyer_phone")), YT_S(""));
	return true;
}

static bool read_sku(struct take *t, const cJSON *line, struct yt_str *out)
{
	if (!yt_take_id(t, line, "sku_id", out))
		return false;
	if (out->n && !yt_str_eq(*out, YT_S("0")))
		return true;
	return yt_take_need_id(t, line, "item_id", out);
}

static bool read_items(struct take *t, const cJSON *order, struct yt_buf *items)
{
	const cJSON *line;
	struct yt_str sku;
	int64_t quantity, payment;
	int k = 0;

	cJSON_ArrayForEach(line, yt_take_get(order, "orders")) {
		yt_take_at(t, "orders", k++);
		if (!read_sku(t, line, &sku) || !yt_take_quantity(t, line, "num", &quantity) || !yt_take_money(t, line, "payment", YT_S("CNY"), &payment))
			return false;
		yt_draft_item(items, sku, quantity, &payment);
	}
	yt_take_at(t, NULL, -1);
	return true;
}

static bool paid(struct take *t, const struct trade *tr)
{
	static const char *const instants[] = { "pay_time", NULL };
	struct order_paid o = { .order = tr->tid, .member = tr->member, .currency = YT_S("CNY") };

	yt_buf_init(&o.items, t->arena);
	if (!yt_take_first_instant(t, tr->info, instants, BEIJING, &o.paid_at) ||
	    !yt_take_money(t, yt_take_get(tr->order, "pay_info"), "payment", o.currency, &o.amount) || !read_items(t, tr->order, &o.items))
		return false;
	o.phone = yt_take_hash_phone(t, yt_take_text(yt_take_get(tr->order, "buyer_info"), "buyer_phone"));
	return yt_draft_paid(t, &o);
}

static bool state(struct take *t, const struct trade *tr, struct order_fact f, const char *const *instants)
{
	f.order = tr->tid;
	f.member = tr->member;
	return yt_take_first_instant(t, tr->info, instants, BEIJING, &f.at) && yt_draft_fact(t, &f);
}

static bool shipped(struct take *t, const struct trade *tr)
{
	static const char *const instants[] = { "consign_time", "update_time", NULL };

	return state(t, tr, (struct order_fact){ .type = "order.shipped", .at_name = "shipped_at" }, instants);
}

static bool signed_for(struct take *t, const struct trade *tr)
{
	static const char *const instants[] = { "success_time", "update_time", NULL };

	return state(t, tr, (struct order_fact){ .type = "order.signed", .at_name = "signed_at" }, instants);
}

static bool closed(struct take *t, const struct trade *tr)
{
	static const char *const instants[] = { "close_time", "update_time", NULL };

	return state(t, tr, (struct order_fact){ .type = "order.cancelled", .at_name = "cancelled_at" }, instants);
}

static bool refund(struct take *t, const struct trade *tr, const cJSON *json)
{
	static const char *const instants[] = { "refund_time", "update_time", NULL };
	const char *name = yt_take_get(json, "refunded_fee") ? "refunded_fee" : "refund_fee";
	struct order_fact f = { .type = "order.refunded", .at_name = "refunded_at", .order = tr->tid, .member = tr->member };
	int64_t amount;

	if (!yt_take_need_id(t, json, "refund_id", &f.refund) || !yt_take_money(t, json, name, YT_S("CNY"), &amount) ||
	    !yt_take_instant(t, json, instants[0], BEIJING, &f.at) || (!f.at && !yt_take_instant(t, json, instants[1], BEIJING, &f.at)))
		return false;
	yt_take_at(t, NULL, -1);
	if (!f.at && !yt_take_first_instant(t, tr->info, instants, BEIJING, &f.at))
		return false;
	f.amount = &amount;
	return yt_draft_fact(t, &f);
}

/* The message is the refund, or has a list of them. */
static bool refunded(struct take *t, const struct trade *tr)
{
	const cJSON *list = yt_take_get(tr->msg, "refund_order"), *json;
	int k = 0;

	if (!cJSON_IsArray(list) || !list->child)
		return refund(t, tr, tr->msg);
	cJSON_ArrayForEach(json, list) {
		yt_take_at(t, "refund_order", k++);
		refund(t, tr, json);
	}
	yt_take_at(t, NULL, -1);
	return true;
}

static const struct {
	const char *type;
	bool (*map)(struct take *t, const struct trade *tr);
} types[] = {
	{ "trade_TradePaid", paid },
	{ "trade_TradeSellerShip", shipped },
	{ "trade_TradePartlySellerShip", shipped },
	{ "trade_TradeSuccess", signed_for },
	{ "trade_TradeClose", closed },
	{ "trade_refund_RefundSuccess", refunded },
	{ "youzan_trade_RefundSuccess", refunded }, /* the newer name of the same */
};

void yt_take_youzan(struct take *t)
{
	struct yt_str given, type, lower;
	const cJSON *root, *msg;
	struct trade tr;

	if (!yt_take_header(t, "Event-Sign", &given) || !yt_take_header(t, "Event-Type", &type))
		return;
	lower = yt_arena_dup(t->arena, given);
	for (uint32_t i = 0; i < lower.n; i++)
		if (lower.p[i] >= 'A' && lower.p[i] <= 'F')
			((char *)(uintptr_t)lower.p)[i] += 'a' - 'A';
	if (!yt_take_signed(t, lower, sign, NULL, &t->shop->youzan) || !yt_take_json(t, t->req->body, &root) || cJSON_IsTrue(yt_take_get(root, "test")))
		return;
	/* That of the body is signed. */
	if (yt_take_text(root, "type").n)
		type = yt_take_text(root, "type");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (!yt_str_eq(type, yt_str_z(types[i].type)))
			continue;
		msg = message(t, root);
		if (msg && read_trade(t, msg, &tr))
			types[i].map(t, &tr);
		return;
	}
}
