/* Values of the expression language (RULES.md, Expressions) and the names that it knows. */
#ifndef YT_RULES_VALUE_H
#define YT_RULES_VALUE_H

#include "yutang/base/buf.h"
#include "yutang/event/type.h"

enum yt_vtype {
	YT_V_NULL,
	YT_V_BOOL,
	YT_V_INT,
	YT_V_DOUBLE,
	YT_V_STRING,
	YT_V_TIMESTAMP,
	YT_V_DURATION,
	YT_V_LIST,
	YT_V_MAP,
	YT_V_DYN,  /* of types alone: known only when evaluated */
	YT_V_ZONE, /* of values alone: a time zone; no expression has one */
};

struct yt_zone;
struct yt_pair;

/* Lists and maps borrow what they hold, and are never changed once made. */
struct yt_value {
	enum yt_vtype type;
	union {
		bool b;
		int64_t i;        /* INT */
		double d;
		struct yt_str s;
		struct {
			int64_t sec;  /* TIMESTAMP: since 1970 UTC; DURATION */
			int32_t nsec; /* 0 to 999,999,999 added to sec (so -0.5 s is sec -1, nsec 500,000,000) */
		} t;
		struct {
			const struct yt_value *items;
			uint32_t n;
		} list;
		struct {
			const struct yt_pair *entries; /* in the order in which they were written; no key twice */
			uint32_t n;
		} map;
		const struct yt_zone *zone;
	};
};

struct yt_pair {
	struct yt_value key; /* BOOL, INT or STRING */
	struct yt_value value;
};

/* What an expression is known to be before it is evaluated: `list(int)`, `map(string, dyn)`. */
struct yt_vkind {
	enum yt_vtype v;
	const struct yt_vkind *key;  /* MAP */
	const struct yt_vkind *elem; /* LIST, MAP: of the values */
};
extern const struct yt_vkind yt_vkind_NULL, yt_vkind_BOOL, yt_vkind_INT, yt_vkind_DOUBLE, yt_vkind_STRING, yt_vkind_TIMESTAMP, yt_vkind_DURATION,
	yt_vkind_DYN;
extern const struct yt_vkind yt_vkind_NONE;    /* what the elements of `[]` are: DYN that gives way to any other type */
extern const struct yt_vkind yt_vkind_STRINGS; /* list(string) */
extern const struct yt_vkind yt_vkind_ITEMS;   /* list(map(string, dyn)) */
extern const struct yt_vkind yt_vkind_BUYER;   /* map(string, string) */

/* NULL for LIST, MAP and ZONE. */
const struct yt_vkind *yt_vkind_scalar(enum yt_vtype v);
const struct yt_vkind *yt_vkind_new(struct yt_arena *a, enum yt_vtype v, const struct yt_vkind *key, const struct yt_vkind *elem);
/* The type of that value; of elements that are not of one type: dyn; of what is empty: NONE. */
const struct yt_vkind *yt_vkind_of(struct yt_arena *a, const struct yt_value *v);
/* Of a list or map, `known` where it says more than the value can: what an empty list would hold. */
const struct yt_vkind *yt_vkind_refine(struct yt_arena *a, const struct yt_vkind *known, const struct yt_value *v);
/* Whether a value of one may be a value of the other: equal, or dyn on one side, at any depth. */
bool yt_vkind_fits(const struct yt_vkind *a, const struct yt_vkind *b);
/* The one type for both: the wider where they fit, else dyn. */
const struct yt_vkind *yt_vkind_join(struct yt_arena *a, const struct yt_vkind *x, const struct yt_vkind *y);
/* `map(string, list(int))` */
struct yt_str yt_vkind_text(struct yt_arena *a, const struct yt_vkind *t);

/* `int`, `timestamp`, as messages say it. */
const char *yt_vtype_name(enum yt_vtype t);

struct yt_value yt_value_ts_ms(int64_t ms);
struct yt_value yt_value_dur_ms(int64_t ms);
/* Milliseconds of a timestamp or duration, rounded toward minus infinity. */
int64_t yt_value_ms(const struct yt_value *v);

/* CEL's ranges, inclusive; an operation that leaves them is an evaluation error. A duration is a number of nanoseconds that fits into 64 bits. */
#define YT_DURATION_NS_MAX INT64_MAX               /* 292 years and some, 9223372036.854775807 s */
#define YT_DURATION_NS_MIN INT64_MIN
#define YT_TIMESTAMP_SEC_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define YT_TIMESTAMP_SEC_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* The text of a CEL duration (`72h`, `1h30m`, `-1.5s`; units h m s ms us ns). False where it is none or out of range. */
bool yt_value_duration(struct yt_str text, struct yt_value *out);
/* RFC 3339 with seconds (`2026-11-24T08:00:00.5+08:00`). False where it is none or out of range; digits behind the ninth are dropped. */
bool yt_value_timestamp(struct yt_str text, struct yt_value *out);

/* Both of the same scalar type. -1, 0, 1 as the language orders them (false before true, texts by code points); 2 where they are not equal and
 * have no order (NaN). */
int yt_value_order(const struct yt_value *a, const struct yt_value *b);
/* As yt_value_order, of any two values: int and double on one line of numbers; 3 where their types have no common order. */
int yt_value_compare(const struct yt_value *a, const struct yt_value *b);
/* By value, to any depth: an int and a double that are the same number are equal, values of other types of their own never are. */
bool yt_value_equal(const struct yt_value *a, const struct yt_value *b);
/* The entry of that key, by the same equality; NULL where the map has none. */
const struct yt_pair *yt_value_find(const struct yt_value *map, const struct yt_value *key);

/* What `string()` makes of a scalar: `3600s`, `2026-11-24T08:00:00Z`, `0.5`; a string is borrowed. Not of null, lists and maps. */
struct yt_str yt_value_text(struct yt_arena *a, const struct yt_value *v);
/* As JSON: a double always with a point or an exponent, "NaN", "Infinity", "-Infinity"; times as texts; keys of a map as texts. */
void yt_value_json(struct yt_buf *b, const struct yt_value *v);

/* Names of the table in RULES.md that exist in this version, each with its yt_vkind_<TYPE>. */
#define YT_NAMES(X)                                                                                               \
	X(NOW, "now", TIMESTAMP)                                                                                  \
	X(SHOP_ID, "shop.id", STRING)                                                                             \
	X(EVENT_TYPE, "event.type", STRING)                                                                       \
	X(EVENT_AT, "event.at", TIMESTAMP)                                                                        \
	X(ORDER_ID, "order.id", STRING)                                                                           \
	X(ORDER_PAID_AT, "order.paid_at", TIMESTAMP)                                                              \
	X(ORDER_AMOUNT, "order.amount", INT)                                                                      \
	X(ORDER_CURRENCY, "order.currency", STRING)                                                               \
	X(ORDER_CHANNEL, "order.channel", STRING)                                                                 \
	X(ORDER_PRESALE, "order.presale", STRING)                                                                 \
	X(ORDER_SHIPPED_AT, "order.shipped_at", TIMESTAMP)                                                        \
	X(ORDER_SIGNED_AT, "order.signed_at", TIMESTAMP)                                                          \
	X(ORDER_REFUNDED_AMOUNT, "order.refunded_amount", INT)                                                    \
	X(ORDER_REFUNDED, "order.refunded", BOOL)                                                                 \
	X(ORDER_CANCELLED, "order.cancelled", BOOL)                                                               \
	X(ORDER_UNITS, "order.units", INT)                                                                        \
	X(ORDER_NTH, "order.nth", INT)                                                                            \
	X(ORDER_COUPONS, "order.coupons", STRINGS)                                                                \
	X(ORDER_ITEMS, "order.items", ITEMS)                                                                      \
	X(GROUP_ID, "group.id", STRING)                                                                           \
	X(GROUP_JOINED_AT, "group.joined_at", TIMESTAMP)                                                          \
	X(GROUP_ACCOUNT, "group.account", STRING)                                                                 \
	X(GROUP_INVITER, "group.inviter", STRING)                                                                 \
	X(GROUP_CHANNEL, "group.channel", STRING)                                                                 \
	X(CONTACT_ACCOUNT, "contact.account", STRING)                                                             \
	X(CONTACT_ADDED_AT, "contact.added_at", TIMESTAMP)                                                        \
	X(CONTACT_CHANNEL, "contact.channel", STRING)                                                             \
	X(COUPON_ID, "coupon.id", STRING)                                                                         \
	X(COUPON_CODE, "coupon.code", STRING)                                                                     \
	X(COUPON_TEMPLATE, "coupon.template", STRING)                                                             \
	X(COUPON_VALID_FROM, "coupon.valid_from", TIMESTAMP)                                                      \
	X(COUPON_VALID_UNTIL, "coupon.valid_until", TIMESTAMP)                                                    \
	X(COUPON_ROLE, "coupon.role", STRING)                                                                     \
	X(REFERRAL_REFERRER, "referral.referrer", STRING)                                                         \
	X(REFERRAL_MEMBER, "referral.member", STRING)                                                             \
	X(REFERRAL_BOUND_AT, "referral.bound_at", TIMESTAMP)                                                      \
	X(REFERRAL_CHANNEL, "referral.channel", STRING)                                                           \
	X(SHARE_ID, "share.id", STRING)                                                                           \
	X(SHARE_FRIEND, "share.friend", STRING)                                                                   \
	X(SHARE_SHARED_AT, "share.shared_at", TIMESTAMP)                                                          \
	X(SHARE_FRIENDS, "share.friends", INT)                                                                    \
	X(GIFT_ID, "gift.id", STRING)                                                                             \
	X(GIFT_CLAIMED_AT, "gift.claimed_at", TIMESTAMP)                                                          \
	X(GIFT_CLAIM, "gift.claim", STRING)                                                                       \
	X(PRESALE_ID, "presale.id", STRING)                                                                       \
	X(PRESALE_PAID_AT, "presale.paid_at", TIMESTAMP)                                                          \
	X(PRESALE_AMOUNT, "presale.amount", INT)                                                                  \
	X(PRESALE_BALANCE_FROM, "presale.balance_from", TIMESTAMP)                                                \
	X(PRESALE_BALANCE_UNTIL, "presale.balance_until", TIMESTAMP)                                              \
	X(PRESALE_REFUNDED_AT, "presale.refunded_at", TIMESTAMP)                                                  \
	X(MEMBER_ID, "member.id", STRING)                                                                         \
	X(MEMBER_CHANNEL, "member.channel", STRING)                                                               \
	X(MEMBER_REFERRER, "member.referrer", STRING)                                                             \
	X(MEMBER_TIER, "member.tier", STRING)                                                                     \
	X(MEMBER_TAGS, "member.tags", STRINGS)                                                                    \
	X(MEMBER_PAID_ORDERS, "member.paid_orders", INT)                                                          \
	X(MEMBER_PAID_AMOUNT, "member.paid_amount", INT)                                                          \
	X(MEMBER_PAID_ITEMS, "member.paid_items", INT)                                                            \
	X(MEMBER_REFUNDED_ORDERS, "member.refunded_orders", INT)                                                  \
	X(MEMBER_REFUNDED_AMOUNT, "member.refunded_amount", INT)                                                  \
	X(MEMBER_NET_AMOUNT, "member.net_amount", INT)                                                            \
	X(MEMBER_FIRST_PAID_AT, "member.first_paid_at", TIMESTAMP)                                                \
	X(MEMBER_LAST_PAID_AT, "member.last_paid_at", TIMESTAMP)                                                  \
	X(MEMBER_MEDIAN_GAP, "member.median_gap", DURATION)                                                       \
	X(MEMBER_STOCK_UNTIL, "member.stock_until", TIMESTAMP)                                                    \
	X(MEMBER_GROUPS, "member.groups", INT)                                                                    \
	X(MEMBER_ACCOUNTS, "member.accounts", INT)                                                                \
	X(MEMBER_JOINED_AT, "member.joined_at", TIMESTAMP)                                                        \
	X(MEMBER_ADDED_AT, "member.added_at", TIMESTAMP)                                                          \
	X(MEMBER_REFERRALS_BOUND, "member.referrals_bound", INT)                                                  \
	X(MEMBER_REFERRALS_QUALIFIED, "member.referrals_qualified", INT)                                          \
	X(MEMBER_REFERRALS_APPROVED, "member.referrals_approved", INT)                                            \
	X(MEMBER_COUPONS_USABLE, "member.coupons_usable", INT)                                                    \
	X(MEMBER_COUPONS_USED, "member.coupons_used", INT)
enum yt_name {
#define X(sym, name, type) YT_N_##sym,
	YT_NAMES(X)
#undef X
	YT_N_EVENT_FIELD, /* YT_N_EVENT_FIELD + enum yt_field: `event.<field>` */
	/* The zone of the shop, for `getHours()` and its like without an argument; no expression can name it. Absent: UTC. */
	YT_N_ZONE = YT_N_EVENT_FIELD + YT_F__COUNT,
	/* The templates of the coupons that the member holds, a list of texts: what `member.has_coupon("half-price")` looks in. */
	YT_N_MEMBER_HELD,
	YT_N__COUNT
};

struct yt_name_info {
	struct yt_str text; /* `member.paid_orders` */
	const struct yt_vkind *type;
};
/* The names below YT_N_EVENT_FIELD. */
extern const struct yt_name_info yt_names[YT_N_EVENT_FIELD];
/* The type of `event.<field>`; false where it is a list or a map (items, coupons, buyer). */
bool yt_field_vtype(enum yt_field field, enum yt_vtype *type);
/* The same of all fields. */
const struct yt_vkind *yt_field_vkind(enum yt_field field);

/* What a name is worth for the decision at hand. False: absent (`has()` is false, using it is an error). A string value borrows for as long as
 * the evaluation lasts. Must not allocate outside `ctx`. */
typedef bool (*yt_facts_fn)(const void *ctx, enum yt_name name, struct yt_value *out);

#endif
