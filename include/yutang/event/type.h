/* The contract on the topics as one table: input types, their fields, and what a field may hold.
 * Source: EVENTS.md ("In"). Decoding, business keys, expressions (`event.<field>`) and the documents all read this table. */
#ifndef YT_EVENT_TYPE_H
#define YT_EVENT_TYPE_H

#include "yutang/base/str.h"

enum yt_field_kind {
	YT_FK_ID,      /* non-empty text of at most 128 bytes without control characters; a number is refused */
	YT_FK_MEMBER,  /* an id that does not begin with '~' */
	YT_FK_TEXT,    /* text of at most 128 bytes without control characters, may be empty */
	YT_FK_INSTANT, /* integer milliseconds since 1970 UTC, from 2000-01-01 to now + 24 h (balance_from < balance_until: to now + 2 years) */
	YT_FK_MONEY,   /* integer in the currency's minor unit, -2^53 < x < 2^53 */
	YT_FK_VERSION, /* an id, or an integer: then its digits. WeCom's are hashes, others count */
	YT_FK_CURRENCY, /* three capital letters, the shop's */
	YT_FK_ITEMS,
	YT_FK_CODES, /* list of ids */
	YT_FK_BUYER
};

/* Every field of `data` that some type knows: name in JSON, kind. */
#define YT_FIELDS(X)                                                                                              \
	X(ORDER, "order", YT_FK_ID)                                                                               \
	X(MEMBER, "member", YT_FK_MEMBER)                                                                         \
	X(PAID_AT, "paid_at", YT_FK_INSTANT)                                                                      \
	X(AMOUNT, "amount", YT_FK_MONEY)                                                                          \
	X(CURRENCY, "currency", YT_FK_CURRENCY)                                                                   \
	X(ITEMS, "items", YT_FK_ITEMS)                                                                            \
	X(COUPONS, "coupons", YT_FK_CODES)                                                                        \
	X(CHANNEL, "channel", YT_FK_TEXT)                                                                         \
	X(BUYER, "buyer", YT_FK_BUYER)                                                                            \
	X(PRESALE, "presale", YT_FK_ID)                                                                           \
	X(SHIPPED_AT, "shipped_at", YT_FK_INSTANT)                                                                \
	X(CARRIER, "carrier", YT_FK_TEXT)                                                                         \
	X(TRACKING, "tracking", YT_FK_TEXT)                                                                       \
	X(SIGNED_AT, "signed_at", YT_FK_INSTANT)                                                                  \
	X(REFUND, "refund", YT_FK_ID)                                                                             \
	X(REFUNDED_AT, "refunded_at", YT_FK_INSTANT)                                                              \
	X(CANCELLED_AT, "cancelled_at", YT_FK_INSTANT)                                                            \
	X(BALANCE_FROM, "balance_from", YT_FK_INSTANT)                                                            \
	X(BALANCE_UNTIL, "balance_until", YT_FK_INSTANT)                                                          \
	X(ALIAS, "alias", YT_FK_ID)                                                                               \
	X(GROUP, "group", YT_FK_ID)                                                                               \
	X(JOINED_AT, "joined_at", YT_FK_INSTANT)                                                                  \
	X(LEFT_AT, "left_at", YT_FK_INSTANT)                                                                      \
	X(ACCOUNT, "account", YT_FK_ID)                                                                           \
	X(INVITER, "inviter", YT_FK_ID)                                                                           \
	X(VERSION, "version", YT_FK_VERSION)                                                                          \
	X(REASON, "reason", YT_FK_TEXT)                                                                           \
	X(LAST_VERSION, "last_version", YT_FK_VERSION)                                                            \
	X(ADDED_AT, "added_at", YT_FK_INSTANT)                                                                    \
	X(WELCOME_UNTIL, "welcome_until", YT_FK_INSTANT)                                                          \
	X(REMOVED_AT, "removed_at", YT_FK_INSTANT)                                                                \
	X(IDENTITY, "identity", YT_FK_MEMBER)                                                                     \
	X(REFERRER, "referrer", YT_FK_MEMBER)                                                                     \
	X(BOUND_AT, "bound_at", YT_FK_INSTANT)                                                                    \
	X(SHARE, "share", YT_FK_ID)                                                                               \
	X(FRIEND, "friend", YT_FK_ID)                                                                             \
	X(SHARED_AT, "shared_at", YT_FK_INSTANT)                                                                  \
	X(GIFT, "gift", YT_FK_ID)                                                                                 \
	X(CLAIMED_AT, "claimed_at", YT_FK_INSTANT)                                                                \
	X(CLAIM, "claim", YT_FK_ID)                                                                               \
	X(TEMPLATE, "template", YT_FK_ID)                                                                         \
	X(COUPON, "coupon", YT_FK_ID)                                                                             \
	X(NOTE, "note", YT_FK_TEXT)                                                                               \
	X(BY, "by", YT_FK_ID)                                                                                     \
	/* Of what follows from an input (yt_on_has): no input has them. */                                       \
	X(FROM, "from", YT_FK_TEXT)                                                                               \
	X(TO, "to", YT_FK_TEXT)

enum yt_field {
#define X(sym, name, kind) YT_F_##sym,
	YT_FIELDS(X)
#undef X
		YT_F__COUNT,
	YT_F_NONE = 255
};

struct yt_field_info {
	struct yt_str name;
	enum yt_field_kind kind;
};
extern const struct yt_field_info yt_fields[YT_F__COUNT];

/* Input types that this version takes; any other is a dead letter `unknown_type`. */
enum yt_type {
	YT_ORDER_PAID,
	YT_ORDER_SHIPPED,
	YT_ORDER_SIGNED,
	YT_ORDER_REFUNDED,
	YT_ORDER_CANCELLED,
	YT_PRESALE_DEPOSIT_PAID,
	YT_PRESALE_DEPOSIT_REFUNDED,
	YT_ALIAS_BOUND,
	YT_GROUP_JOINED,
	YT_GROUP_LEFT,
	YT_GROUP_CHANGED,
	YT_CONTACT_ADDED,
	YT_CONTACT_REMOVED,
	YT_MEMBER_LINKED,
	YT_REFERRAL_BOUND,
	YT_SHARE_MADE,
	YT_GIFT_CLAIMED,
	/* Commands: what staff decides. Their business key is the envelope id, and no rule can be on them. */
	YT_REFERRAL_APPROVE,
	YT_REFERRAL_VOID,
	YT_COUPON_GRANT,
	YT_COUPON_REVOKE,
	YT_MEMBER_ERASE,
	YT_TYPE__COUNT
};
#define YT_COMMANDS (1u << YT_REFERRAL_APPROVE | 1u << YT_REFERRAL_VOID | 1u << YT_COUPON_GRANT | 1u << YT_COUPON_REVOKE | \
	             1u << YT_MEMBER_ERASE)

/* What a rule may be on: an input type, or one of these, which follow from one. A set of them is a bit each, in 32 bits. */
enum yt_on {
	YT_ON_COUPON_ISSUED = YT_TYPE__COUNT,
	YT_ON_COUPON_USED,
	YT_ON_COUPON_EXPIRED,
	YT_ON_TIER_CHANGED,
	YT_ON_REFERRAL_QUALIFIED,
	YT_ON_REFERRAL_APPROVED,
	YT_ON_SHARE_UNLOCKED,
	YT_ON__COUNT
};
#define YT_ON_COUPONS (1u << YT_ON_COUPON_ISSUED | 1u << YT_ON_COUPON_USED | 1u << YT_ON_COUPON_EXPIRED)
#define YT_ON_REFERRALS (1u << YT_ON_REFERRAL_QUALIFIED | 1u << YT_ON_REFERRAL_APPROVED)
/* `order.paid`, `coupon.issued` */
struct yt_str yt_on_name(unsigned on);
/* `event.<field>` is known of it. */
bool yt_on_has(unsigned on, enum yt_field field);

enum { YT_TYPE_FIELDS_MAX = 12 };

struct yt_type_field {
	uint8_t field; /* enum yt_field */
	bool required;
	bool not_negative; /* an amount that only makes sense from 0 on; below is bad_field */
	const char *deflt; /* the text of one that is absent; NULL: it stays so */
};

struct yt_type_info {
	struct yt_str name;  /* `order.paid` */
	struct yt_str topic; /* `orders`: where `feed` puts it */
	struct yt_type_field fields[YT_TYPE_FIELDS_MAX];
	uint8_t n_fields;
	uint8_t at; /* the field that is the fact's own instant (`event.at`); YT_F_NONE: the envelope's time */
	/* What decides the shard: `<shop>/<lead><value of owner>`. lead NULL: the member, or where none is named the order. */
	const char *lead;
	uint8_t owner;
	bool unruled; /* no rule can be on it */
	uint8_t key[5]; /* business key without the shop, enum yt_field, in the table's order; YT_F_NONE ends it. None at all (a command): the envelope id */
	int8_t pos[YT_F__COUNT]; /* index into fields[] of each field, -1 where the type has it not; filled by yt_types_init */
};
extern struct yt_type_info yt_types[YT_TYPE__COUNT];

/* Fills the derived parts of yt_types; idempotent, call once before threads start. */
void yt_types_init(void);
/* -1 where the name is no type of this version. */
int yt_type_find(struct yt_str name);
int yt_field_find(struct yt_str name);

/* Why a record went to the dead letters (EVENTS.md, Dead letters). */
#define YT_DEAD_REASONS(X)                                                                                        \
	X(NOT_JSON, "not_json")                                                                                   \
	X(NOT_CLOUDEVENT, "not_cloudevent")                                                                       \
	X(UNKNOWN_TYPE, "unknown_type")                                                                           \
	X(UNKNOWN_SHOP, "unknown_shop")                                                                           \
	X(MISSING_FIELD, "missing_field")                                                                         \
	X(BAD_FIELD, "bad_field")                                                                                 \
	X(TOO_LARGE, "too_large")                                                                                 \
	X(TOO_DEEP, "too_deep")                                                                                   \
	X(TOO_OLD, "too_old")                                                                                     \
	X(ALREADY_BOUND, "already_bound")                                                                         \
	X(ORDER_UNKNOWN, "order_unknown")                                                                         \
	X(LIMIT, "limit")                                                                                         \
	X(HOP_LIMIT, "hop_limit")                                                                                 \
	X(CRASH_LOOP, "crash_loop")
enum yt_dead {
	YT_DEAD_NONE = 0,
#define X(sym, name) YT_DEAD_##sym,
	YT_DEAD_REASONS(X)
#undef X
		YT_DEAD__COUNT
};
const char *yt_dead_name(enum yt_dead d);
/* A dead letter keeps at most this much of its value, so that it with its headers fits a broker's message.max.bytes of 1 MiB. */
enum { YT_DEAD_VALUE_BYTES_MAX = 768 * 1024 };

#endif
