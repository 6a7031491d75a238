/* Values of the expression language (RULES.md, Expressions) and the names that it knows. */
#ifndef YT_RULES_VALUE_H
#define YT_RULES_VALUE_H

#include "yutang/base/str.h"
#include "yutang/event/type.h"

enum yt_vtype {
	YT_V_NULL,
	YT_V_BOOL,
	YT_V_INT,
	YT_V_DOUBLE,
	YT_V_STRING,
	YT_V_TIMESTAMP,
	YT_V_DURATION
};

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
	};
};

/* `int`, `timestamp`, as messages say it. */
const char *yt_vtype_name(enum yt_vtype t);

struct yt_value yt_value_ts_ms(int64_t ms);
struct yt_value yt_value_dur_ms(int64_t ms);
/* Milliseconds of a timestamp or duration, rounded toward minus infinity. */
int64_t yt_value_ms(const struct yt_value *v);

/* CEL's ranges, inclusive; an operation that leaves them is an evaluation error. */
#define YT_DURATION_SEC_MAX INT64_C(315576000000) /* 10,000 years, either sign */
#define YT_TIMESTAMP_SEC_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define YT_TIMESTAMP_SEC_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* The text of a CEL duration (`72h`, `1h30m`, `-1.5s`; units h m s ms us ns). False where it is none or out of range. */
bool yt_value_duration(struct yt_str text, struct yt_value *out);
/* Both of the same type. -1, 0, 1 as the language orders them (false before true, texts by code points); 2 where they are not equal and
 * have no order (NaN). */
int yt_value_order(const struct yt_value *a, const struct yt_value *b);

/* Names of the table in RULES.md that exist in this version. A name of a later version is refused by name when the file is loaded. */
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
	X(GROUP_ID, "group.id", STRING)                                                                           \
	X(GROUP_JOINED_AT, "group.joined_at", TIMESTAMP)                                                          \
	X(GROUP_ACCOUNT, "group.account", STRING)                                                                 \
	X(GROUP_INVITER, "group.inviter", STRING)                                                                 \
	X(GROUP_CHANNEL, "group.channel", STRING)                                                                 \
	X(CONTACT_ACCOUNT, "contact.account", STRING)                                                             \
	X(CONTACT_ADDED_AT, "contact.added_at", TIMESTAMP)                                                        \
	X(CONTACT_CHANNEL, "contact.channel", STRING)                                                             \
	X(MEMBER_ID, "member.id", STRING)                                                                         \
	X(MEMBER_CHANNEL, "member.channel", STRING)                                                               \
	X(MEMBER_REFERRER, "member.referrer", STRING)                                                             \
	X(MEMBER_PAID_ORDERS, "member.paid_orders", INT)                                                          \
	X(MEMBER_PAID_AMOUNT, "member.paid_amount", INT)                                                          \
	X(MEMBER_PAID_ITEMS, "member.paid_items", INT)                                                            \
	X(MEMBER_REFUNDED_ORDERS, "member.refunded_orders", INT)                                                  \
	X(MEMBER_REFUNDED_AMOUNT, "member.refunded_amount", INT)                                                  \
	X(MEMBER_NET_AMOUNT, "member.net_amount", INT)                                                            \
	X(MEMBER_FIRST_PAID_AT, "member.first_paid_at", TIMESTAMP)                                                \
	X(MEMBER_LAST_PAID_AT, "member.last_paid_at", TIMESTAMP)                                                  \
	X(MEMBER_GROUPS, "member.groups", INT)                                                                    \
	X(MEMBER_ACCOUNTS, "member.accounts", INT)                                                                \
	X(MEMBER_JOINED_AT, "member.joined_at", TIMESTAMP)                                                        \
	X(MEMBER_ADDED_AT, "member.added_at", TIMESTAMP)                                                          \
	X(MEMBER_COUPONS_USABLE, "member.coupons_usable", INT)                                                    \
	X(MEMBER_COUPONS_USED, "member.coupons_used", INT)
enum yt_name {
#define X(sym, name, type) YT_N_##sym,
	YT_NAMES(X)
#undef X
	YT_N_EVENT_FIELD, /* YT_N_EVENT_FIELD + enum yt_field: `event.<field>` */
	YT_N__COUNT = YT_N_EVENT_FIELD + YT_F__COUNT
};

struct yt_name_info {
	struct yt_str text; /* `member.paid_orders` */
	enum yt_vtype type;
};
/* The names below YT_N_EVENT_FIELD. */
extern const struct yt_name_info yt_names[YT_N_EVENT_FIELD];
/* The type of `event.<field>`; false where no value of this version can hold it (items, coupons, buyer). */
bool yt_field_vtype(enum yt_field field, enum yt_vtype *type);

/* What a name is worth for the decision at hand. False: absent (`has()` is false, using it is an error). A string value borrows for as long as
 * the evaluation lasts. Must not allocate outside `ctx`. */
typedef bool (*yt_facts_fn)(const void *ctx, enum yt_name name, struct yt_value *out);

#endif
