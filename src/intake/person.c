/* Personal data: hashed, or taken out. */
#include <string.h>

#include "take.h"
#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"

enum { PHONE_DIGITS_MIN = 5, PHONE_DIGITS_MAX = 20 }; /* E.164 has 15; what is longer or shorter is none, or was encrypted by the platform */

static struct yt_str hash(struct take *t, struct yt_str plain)
{
	unsigned char mac[32];
	char *hex = yt_arena_alloc(t->arena, 65);

	if (plain.n == 0 || t->shop->hash_key.n == 0)
		return YT_S("");
	yt_hmac_sha256((const unsigned char *)t->shop->hash_key.p, t->shop->hash_key.n, plain, mac);
	yt_hex(mac, sizeof mac, hex);
	return yt_str(hex, 64);
}

/* Digits and a `+` before them. A Chinese mobile number is the same with and without its +86. */
struct yt_str yt_take_hash_phone(struct take *t, struct yt_str phone)
{
	char *p = yt_arena_alloc(t->arena, (size_t)phone.n + 1);
	struct yt_str s;
	size_t n = 0;

	for (uint32_t i = 0; i < phone.n; i++) {
		char c = phone.p[i];

		if ((c >= '0' && c <= '9') || (c == '+' && n == 0))
			p[n++] = c;
		else if (!memchr(" -.()/\t", c, 7))
			return YT_S("");
	}
	s = yt_str(p, n);
	if (yt_str_starts(s, YT_S("0086")))
		s = yt_str(p + 4, n - 4);
	else if (yt_str_starts(s, YT_S("+86")))
		s = yt_str(p + 3, n - 3);
	if (s.n != n && (s.n != 11 || s.p[0] != '1'))
		s = yt_str(p, n);
	return s.n < PHONE_DIGITS_MIN || s.n > PHONE_DIGITS_MAX ? YT_S("") : hash(t, s);
}

/* Capitals of ASCII made small, runs of blanks made one, none at the ends. Appended to b. */
static void add_folded(struct yt_buf *b, struct yt_str s)
{
	bool blank = b->n > 0;

	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			blank = b->n > 0;
			continue;
		}
		if (blank)
			yt_buf_c(b, ' ');
		blank = false;
		yt_buf_c(b, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
}

struct yt_str yt_take_hash_email(struct take *t, struct yt_str email)
{
	struct yt_buf b;

	yt_buf_init(&b, t->arena);
	add_folded(&b, email);
	return b.n && memchr(b.p, '@', b.n) ? hash(t, yt_buf_str(&b)) : YT_S("");
}

struct yt_str yt_take_hash_address(struct take *t, const struct yt_str *parts, size_t n)
{
	struct yt_buf b;

	yt_buf_init(&b, t->arena);
	for (size_t i = 0; i < n; i++)
		add_folded(&b, parts[i]);
	return hash(t, yt_buf_str(&b));
}

struct yt_str yt_take_guest(struct take *t, struct yt_str phone_hash, struct yt_str email_hash)
{
	if (phone_hash.n)
		return yt_arena_printf(t->arena, "phone:%.*s", YT_FMT(phone_hash));
	return email_hash.n ? yt_arena_printf(t->arena, "email:%.*s", YT_FMT(email_hash)) : YT_S("");
}

/* ---- dead letters */

/* Names whose values say what was bought, when, and for how much. */
static bool says_nothing_of_a_person(const char *name)
{
	static const char *const names[] = {
		"id", "order_id", "order_number", "test", "status", "kind", "type", "currency", "currency_code", "financial_status",
		"fulfillment_status", "processed_at", "created_at", "updated_at", "cancelled_at", "closed_at", "total_price", "price", "quantity",
		"total_discount", "sku", "variant_id", "product_id", "variation_id", "amount", "code", "total", "subtotal", "customer_id",
		"date_created_gmt", "date_modified_gmt", "date_paid_gmt", "date_completed_gmt", "version", "client_id", "kdt_id", "msg_id",
		"sendCount", "mode", "tid", "oid", "oids", "item_id", "sku_id", "num", "payment", "total_fee", "post_fee", "created", "pay_time",
		"consign_time", "success_time", "update_time", "close_type", "refund_id", "refund_fee", "refunded_fee", "refund_state",
		"refund_type", "yz_open_id", "buyer_id",
	};

	for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void scrub(struct yt_arena *a, struct yt_buf *b, const cJSON *item, const char *name)
{
	bool object = cJSON_IsObject(item);
	const cJSON *child;
	struct yt_str inner;

	if (object || cJSON_IsArray(item)) {
		yt_buf_c(b, object ? '{' : '[');
		cJSON_ArrayForEach(child, item) {
			if (child != item->child)
				yt_buf_c(b, ',');
			if (object) {
				yt_json_add_text(b, yt_str_z(child->string));
				yt_buf_c(b, ':');
			}
			scrub(a, b, child, object ? child->string : name);
		}
		yt_buf_c(b, object ? '}' : ']');
	} else if (says_nothing_of_a_person(name) || !(yt_json_is_text(item) || yt_json_number(item).n)) {
		yt_json_add_tree(b, item);
	} else if (name && strcmp(name, "msg") == 0 && yt_percent_decode(a, yt_json_text(item), true, &inner) &&
	           (inner = yt_take_scrub(a, inner)).n) {
		yt_buf_str_add(b, inner); /* Youzan's JSON within JSON */
	} else {
		yt_buf_z(b, "\"***\"");
	}
}

struct yt_str yt_take_scrub(struct yt_arena *a, struct yt_str json)
{
	const cJSON *root;
	struct yt_buf b;

	if (yt_json_parse(a, json, YT_INTAKE_BODY_BYTES_MAX, YT_INTAKE_DEPTH_MAX, &root, NULL) != YT_JSON_OK)
		return YT_S("");
	yt_buf_init(&b, a);
	scrub(a, &b, root, NULL);
	return yt_buf_str(&b);
}
