#include "yutang/event/output.h"

#include "yutang/base/hash.h"
#include "yutang/base/json.h"
#include "yutang/event/event.h"

const struct yt_out_info yt_outs[YT_OUT_TYPE__COUNT] = {
#define X(sym, name, topic) [YT_OUT_##sym] = { YT_STR(name), YT_OUT_##topic },
	YT_OUT_TYPES(X)
#undef X
};

const char *const yt_out_topics[YT_OUT_TOPIC__COUNT] = {
	[YT_OUT_COUPONS] = "coupons",
	[YT_OUT_FOLLOWUPS] = "followups",
	[YT_OUT_MEMBERS] = "members",
};

const char *yt_reason_name(enum yt_reason r)
{
	static const char *const names[YT_REASON__COUNT] = {
		[YT_REASON_NONE] = "none",
#define X(sym, name) [YT_REASON_##sym] = name,
		YT_REASONS(X)
#undef X
	};

	return (unsigned)r < YT_REASON__COUNT ? names[r] : "unknown";
}

void yt_output_id(enum yt_out_type type, struct yt_str shop, struct yt_str recipient, struct yt_str rule,
                  struct yt_str fact, unsigned ordinal, char out[33])
{
	const struct yt_str parts[] = { YT_STR("yutang1"), yt_outs[type].name, shop, recipient, rule, fact };
	unsigned char digest[32];
	struct yt_buf text;

	yt_buf_init(&text, NULL);
	for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
		yt_buf_str_add(&text, parts[k]);
		yt_buf_c(&text, '\n');
	}
	yt_buf_i64(&text, ordinal);
	yt_sha256(yt_buf_str(&text), digest);
	yt_hex(digest, 16, out);
	yt_buf_deinit(&text);
}

void yt_coupon_code(const unsigned char key[32], struct yt_str coupon_id, char out[13])
{
	unsigned char mac[32];

	yt_hmac_sha256(key, 32, coupon_id, mac);
	yt_crockford60(mac, out);
}

/* `"name":`; names are literals of this program and need no escaping. */
static void add_name(struct yt_buf *buf, const char *name)
{
	yt_buf_c(buf, '"');
	yt_buf_z(buf, name);
	yt_buf_z(buf, "\":");
}

void yt_output_begin(struct yt_buf *buf, const struct yt_output_head *head)
{
	char time[25];

	yt_time_format(head->at_ms, time);
	yt_buf_z(buf, "{\"specversion\":\"1.0\",\"id\":\"");
	yt_buf_z(buf, head->id);
	yt_buf_z(buf, "\",\"source\":\"/shops/");
	yt_buf_str_add(buf, head->shop); /* of the shop's alphabet, nothing to escape */
	yt_buf_z(buf, "/yutang\",\"type\":\"");
	yt_buf_str_add(buf, yt_outs[head->type].name);
	yt_buf_z(buf, "\",\"time\":\"");
	yt_buf_z(buf, time);
	yt_buf_z(buf, "\",\"subject\":");
	yt_json_add_text(buf, head->subject);
	yt_buf_z(buf, ",\"datacontenttype\":\"application/json\",\"data\":{\"shop\":");
	yt_json_add_text(buf, head->shop);
	if (head->of_member)
		yt_output_text(buf, "member", head->subject);
	yt_output_text(buf, "cause", head->cause);
	yt_output_text(buf, "rule", head->rule);
	yt_output_text(buf, "ruleset", head->ruleset);
	yt_output_int(buf, "at", head->at_ms);
}

void yt_output_text(struct yt_buf *buf, const char *name, struct yt_str value)
{
	yt_buf_c(buf, ',');
	add_name(buf, name);
	yt_json_add_text(buf, value);
}

void yt_output_int(struct yt_buf *buf, const char *name, int64_t value)
{
	yt_buf_c(buf, ',');
	add_name(buf, name);
	yt_buf_i64(buf, value);
}

void yt_output_raw(struct yt_buf *buf, const char *name, struct yt_str json)
{
	yt_buf_c(buf, ',');
	add_name(buf, name);
	yt_buf_str_add(buf, json);
}

void yt_output_end(struct yt_buf *buf)
{
	yt_buf_z(buf, "}}");
}
