#include "yutang/event/output.h"

#include "yutang/base/hash.h"
#include "yutang/base/json.h"
#include "yutang/event/event.h"

const struct yt_out_info yt_outs[YT_OUT_TYPE__COUNT] = {
#define X(sym, name, topic) [YT_OUT_##sym] = { YT_STR(name), YT_OUT_##topic },
	YT_OUT_TYPES(X)
#undef X
};

#define ALWAYS(name, kind) { name, YT_OK_##kind, YT_OUT_ALWAYS }
#define SOME(name, kind) { name, YT_OK_##kind, YT_OUT_SOME }
#define ONE_OF(name, kind) { name, YT_OK_##kind, YT_OUT_ONE_OF }

/* Row by row as EVENTS.md has them. */
const struct yt_out_field yt_out_fields[YT_OUT_TYPE__COUNT][YT_OUT_FIELDS_MAX] = {
	[YT_OUT_COUPON_ISSUED] = { ALWAYS("coupon", HEX), SOME("code", CODE), ALWAYS("template", TEXT), ONE_OF("pay_percent", PERCENT),
		                   ONE_OF("percent_off", PERCENT), ONE_OF("amount_off", MONEY), SOME("min_amount", MONEY),
		                   ALWAYS("valid_from", INSTANT), ALWAYS("valid_until", INSTANT), SOME("for", FOR), SOME("role", ROLE) },
	[YT_OUT_COUPON_USED] = { ALWAYS("coupon", HEX), ALWAYS("template", TEXT), ALWAYS("order", TEXT) },
	[YT_OUT_COUPON_RETURNED] = { ALWAYS("coupon", HEX), ALWAYS("template", TEXT), ALWAYS("order", TEXT) },
	[YT_OUT_COUPON_REVOKED] = { ALWAYS("coupon", HEX), ALWAYS("template", TEXT), ALWAYS("reason", REASON), SOME("debt", MONEY) },
	[YT_OUT_COUPON_EXPIRED] = { ALWAYS("coupon", HEX), ALWAYS("template", TEXT) },
	[YT_OUT_COUPON_REFUSED] = { SOME("template", TEXT), SOME("code", TEXT), SOME("order", TEXT), ALWAYS("reason", REASON), SOME("role", ROLE) },
	[YT_OUT_FOLLOWUP_DUE] = { ALWAYS("followup", HEX), ALWAYS("kind", TEXT), ALWAYS("due_at", INSTANT), SOME("send_by", INSTANT), SOME("account", TEXT),
		                  SOME("group", TEXT), SOME("order", TEXT), SOME("coupon", HEX), ALWAYS("params", PARAMS) },
	[YT_OUT_FOLLOWUP_WITHHELD] = { ALWAYS("kind", TEXT), ALWAYS("due_at", INSTANT), ALWAYS("reason", REASON) },
	[YT_OUT_REFERRAL_QUALIFIED] = { ALWAYS("referrer", TEXT) },
	[YT_OUT_REFERRAL_APPROVED] = { ALWAYS("referrer", TEXT), SOME("reason", REASON) },
	[YT_OUT_REFERRAL_FLAGGED] = { ALWAYS("referrer", TEXT), ALWAYS("reason", REASON) },
	[YT_OUT_REFERRAL_VOIDED] = { ALWAYS("referrer", TEXT), ALWAYS("reason", REASON) },
	[YT_OUT_TIER_CHANGED] = { ALWAYS("from", MAYBE), ALWAYS("to", MAYBE), ALWAYS("reason", TIER_REASON) },
	[YT_OUT_TIER_WARNING] = { ALWAYS("tier", TEXT), ALWAYS("falls_at", INSTANT), ALWAYS("missing", MISSING) },
	[YT_OUT_SHARE_UNLOCKED] = { ALWAYS("share", TEXT), ALWAYS("friends", COUNT) },
	[YT_OUT_ACCOUNT_SOFT_LIMIT] = { ALWAYS("account", TEXT), ALWAYS("count", COUNT), ALWAYS("limit", COUNT) },
	[YT_OUT_ACCOUNT_HARD_LIMIT] = { ALWAYS("account", TEXT), ALWAYS("count", COUNT), ALWAYS("limit", COUNT) },
	[YT_OUT_GROUP_GAP] = { ALWAYS("group", TEXT), ALWAYS("version_seen", VERSION), ALWAYS("version_expected", VERSION) },
	[YT_OUT_MEMBER_ERASED] = { { NULL, 0, 0 } },
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

struct yt_str yt_output_object(struct yt_buf *fields)
{
	fields->p[0] = '{'; /* in place of the comma */
	yt_buf_c(fields, '}');
	return yt_buf_str(fields);
}

void yt_output_end(struct yt_buf *buf)
{
	yt_buf_z(buf, "}}");
}
