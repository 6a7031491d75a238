/* Output events: their types, topics, ids and JSON. Source: EVENTS.md ("Out", "Ids"). */
#ifndef YT_EVENT_OUTPUT_H
#define YT_EVENT_OUTPUT_H

#include "yutang/base/arena.h"
#include "yutang/base/buf.h"
#include "yutang/event/type.h"

#define YT_OUT_TYPES(X)                                                                                           \
	X(COUPON_ISSUED, "coupon.issued", COUPONS)                                                                \
	X(COUPON_USED, "coupon.used", COUPONS)                                                                    \
	X(COUPON_RETURNED, "coupon.returned", COUPONS)                                                            \
	X(COUPON_REVOKED, "coupon.revoked", COUPONS)                                                              \
	X(COUPON_EXPIRED, "coupon.expired", COUPONS)                                                              \
	X(COUPON_REFUSED, "coupon.refused", COUPONS)                                                              \
	X(FOLLOWUP_DUE, "followup.due", FOLLOWUPS)                                                                \
	X(FOLLOWUP_WITHHELD, "followup.withheld", FOLLOWUPS)                                                      \
	X(TIER_CHANGED, "tier.changed", MEMBERS)                                                                  \
	X(TIER_WARNING, "tier.warning", MEMBERS)                                                                  \
	X(REFERRAL_QUALIFIED, "referral.qualified", MEMBERS)                                                      \
	X(REFERRAL_APPROVED, "referral.approved", MEMBERS)                                                        \
	X(REFERRAL_FLAGGED, "referral.flagged", MEMBERS)                                                          \
	X(REFERRAL_VOIDED, "referral.voided", MEMBERS)                                                            \
	X(SHARE_UNLOCKED, "share.unlocked", MEMBERS)                                                              \
	X(ACCOUNT_SOFT_LIMIT, "account.soft_limit", MEMBERS)                                                      \
	X(ACCOUNT_HARD_LIMIT, "account.hard_limit", MEMBERS)                                                      \
	X(GROUP_GAP, "group.gap", MEMBERS)                                                                        \
	X(MEMBER_ERASED, "member.erased", MEMBERS)
enum yt_out_topic { YT_OUT_COUPONS, YT_OUT_FOLLOWUPS, YT_OUT_MEMBERS, YT_OUT_TOPIC__COUNT };
enum yt_out_type {
#define X(sym, name, topic) YT_OUT_##sym,
	YT_OUT_TYPES(X)
#undef X
		YT_OUT_TYPE__COUNT
};
struct yt_out_info {
	struct yt_str name;
	enum yt_out_topic topic;
};
extern const struct yt_out_info yt_outs[YT_OUT_TYPE__COUNT];
/* `coupons`, `followups`, `members`: the topic without its prefix. */
extern const char *const yt_out_topics[YT_OUT_TOPIC__COUNT];

/* Reasons of refused, revoked and withheld outputs that this version can give (EVENTS.md, Reasons). */
#define YT_REASONS(X)                                                                                             \
	X(QUOTA_GONE, "quota_gone")                                                                               \
	X(MEMBER_LIMIT, "member_limit")                                                                           \
	X(PERIOD_LIMIT, "period_limit")                                                                           \
	X(BUDGET_GONE, "budget_gone")                                                                             \
	X(NOT_STARTED, "not_started")                                                                             \
	X(EXPIRED, "expired")                                                                                     \
	X(ALREADY_USED, "already_used")                                                                           \
	X(NOT_YOURS, "not_yours")                                                                                 \
	X(STOCK_UNUSED, "stock_unused")                                                                           \
	X(CONDITION_FALSE, "condition_false")                                                                     \
	X(ORDER_REFUNDED, "order_refunded")                                                                       \
	X(ORDER_CANCELLED, "order_cancelled")                                                                     \
	X(DEPOSIT_REFUNDED, "deposit_refunded")                                                                   \
	X(AMOUNT_FELL, "amount_fell")                                                                             \
	X(BY_RULE, "by_rule")                                                                                     \
	X(BY_STAFF, "by_staff")                                                                                   \
	X(ENDED, "ended")                                                                                         \
	X(REFERRAL_VOIDED, "referral_voided")                                                                     \
	X(QUIET_HOURS, "quiet_hours")                                                                             \
	X(CONTACT_CAP, "contact_cap")                                                                             \
	X(TOO_LATE, "too_late")                                                                                   \
	X(TIMER_LIMIT, "timer_limit")                                                                             \
	X(RULE_GONE, "rule_gone")                                                                                 \
	X(SELF_REFERRAL, "self_referral")                                                                         \
	X(ALREADY_REFERRED, "already_referred")                                                                   \
	X(REFERRER_UNKNOWN, "referrer_unknown")                                                                   \
	X(NOT_A_NEWCOMER, "not_a_newcomer")                                                                       \
	X(WINDOW_OVER, "window_over")                                                                             \
	X(REFERRER_CAP, "referrer_cap")                                                                           \
	X(LOOP, "loop")                                                                                           \
	X(SAME_PHONE, "same_phone")                                                                               \
	X(SAME_DEVICE, "same_device")                                                                             \
	X(SAME_ADDRESS, "same_address")                                                                           \
	X(REREGISTERED, "reregistered")                                                                           \
	X(VELOCITY, "velocity")
enum yt_reason {
	YT_REASON_NONE = 0,
#define X(sym, name) YT_REASON_##sym,
	YT_REASONS(X)
#undef X
		YT_REASON__COUNT
};
const char *yt_reason_name(enum yt_reason r);

/* What the fields of data are that a type has beyond the common part. The documents are made of it, and tests hold every output against it. */
enum yt_out_kind {
	YT_OK_TEXT,
	YT_OK_MAYBE,   /* a text, also an empty one: no tier */
	YT_OK_HEX,     /* 32 hex digits: the id of an output */
	YT_OK_CODE,    /* 12 characters of Crockford's base32 */
	YT_OK_INSTANT, /* ms since 1970 UTC */
	YT_OK_MONEY,   /* minor units, from 0 on */
	YT_OK_PERCENT, /* 1 to 99 */
	YT_OK_COUNT,   /* from 0 on */
	YT_OK_REASON,
	YT_OK_VERSION, /* a text, or an integer as it was told */
	YT_OK_ROLE,    /* in a referral */
	YT_OK_TIER_REASON,
	YT_OK_MISSING, /* {amount, orders, referrals} */
	YT_OK_FOR,     /* {order, presale, referral} */
	YT_OK_PARAMS,  /* an object of texts */
};
enum yt_out_need { YT_OUT_ALWAYS, YT_OUT_SOME, YT_OUT_ONE_OF /* exactly one of those that say so */ };
enum { YT_OUT_FIELDS_MAX = 16 };
struct yt_out_field {
	const char *name; /* NULL: behind the last */
	enum yt_out_kind kind;
	enum yt_out_need need;
};
extern const struct yt_out_field yt_out_fields[YT_OUT_TYPE__COUNT][YT_OUT_FIELDS_MAX];

/* Envelope id: the first 32 hex digits of SHA-256 over `yutang1`, type, shop, recipient, rule, fact, ordinal joined by \n. */
void yt_output_id(enum yt_out_type type, struct yt_str shop, struct yt_str recipient, struct yt_str rule,
                  struct yt_str fact, unsigned ordinal, char out[33]);

/* Coupon code from the coupon id: 60 bits of HMAC-SHA256(key, id), Crockford base32. */
void yt_coupon_code(const unsigned char key[32], struct yt_str coupon_id, char out[13]);

/* One output on its way: what the engine needs to send it. Who is given one copies what it keeps. */
struct yt_output {
	enum yt_out_type type;
	char id[33];
	struct yt_str key;   /* record key */
	struct yt_str value; /* structured JSON */
};

/* The common part of each output's data, and the envelope. */
struct yt_output_head {
	enum yt_out_type type;
	const char *id;        /* 32 hex digits */
	struct yt_str shop, subject;
	bool of_member; /* the subject is a member, and stands in data too */
	struct yt_str cause, rule;
	struct yt_str ruleset; /* `<name>@<revision>` */
	int64_t at_ms;
};

/* Begins the JSON of one output in buf (envelope, and the common part of data); the caller adds fields of data with
 * yt_output_text / yt_output_int and ends with yt_output_end. Order of envelope keys: specversion, id, source, type, time, subject, datacontenttype, data. */
void yt_output_begin(struct yt_buf *buf, const struct yt_output_head *head);
void yt_output_text(struct yt_buf *buf, const char *name, struct yt_str value);
void yt_output_int(struct yt_buf *buf, const char *name, int64_t value);
void yt_output_raw(struct yt_buf *buf, const char *name, struct yt_str json);
/* The object of the fields that were added to an empty buffer; at least one. */
struct yt_str yt_output_object(struct yt_buf *fields);
void yt_output_end(struct yt_buf *buf);

#endif
