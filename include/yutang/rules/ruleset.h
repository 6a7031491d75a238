/* The rule set: what a shop decides for itself, read from one file, immutable afterwards. Source: RULES.md. Any thread may read it. */
#ifndef YT_RULES_RULESET_H
#define YT_RULES_RULESET_H

#include "yutang/base/arena.h"
#include "yutang/base/ini.h"
#include "yutang/rules/expr.h"
#include "yutang/rules/zone.h"

/* What one file may be at most; more is an error of the file. */
enum {
	YT_RULES_BYTES_MAX = 1024 * 1024,
	YT_RULES_SHOPS_MAX = 10000,
	YT_RULES_COUPONS_MAX = 1000,
	YT_RULES_RULES_MAX = 1000,
	YT_RULES_GIFTS_MAX = 1000,
	YT_RULES_SHARES_MAX = 1000,
	YT_SHARE_FRIENDS_MAX = 100, /* friends of a share: a member keeps 512 friends of all its shares */
	YT_RULES_PRODUCTS_MAX = 10000,
	YT_RULES_PRESALES_MAX = 1000,
	YT_RULES_TIERS_MAX = 64, /* each event of a member looks at those above its own */
	YT_PERIOD_N_MAX = 32, /* N of `N per 30d` */
	YT_CAPS_MAX = 4,      /* parts of a contact_cap */
	YT_PARAMS_MAX = 16,   /* param.* of a rule */
	YT_PARAM_BYTES_MAX = 1024, /* the text of one, as it stands in the file */
};
#define YT_RULES_DURATION_MAX_MS INT64_C(3153600000000) /* 36500d */

enum yt_discount { YT_PAY_PERCENT, YT_PERCENT_OFF, YT_AMOUNT_OFF };

/* `N per 30d`, `N per day`. */
struct yt_period {
	int n;         /* 0: none */
	int64_t ms;    /* 0: the local calendar day */
};

struct yt_shop_rules {
	struct yt_str shop; /* `*`: any shop without a section of its own */
	const struct yt_zone *zone;
	struct yt_str currency;
	int64_t refund_window_ms;
	bool has_quiet_hours;
	int quiet_from_min, quiet_until_min; /* minutes of the local day, 0 to 1439, not equal; from > until: over midnight */
	struct yt_period caps[YT_CAPS_MAX];  /* of every followup.due of a member */
	int n_caps;
	int64_t account_soft_limit, account_hard_limit; /* contacts of one personal account, from 1 on */
};

struct yt_coupon_rules {
	struct yt_str name;
	int index; /* place in the file, and in yt_ruleset.coupons */
	enum yt_discount discount;
	int64_t value;         /* percent 1 to 99, or minor units */
	int64_t min_amount;    /* -1: none */
	int64_t valid_for_ms;  /* 0: fixed end, or none: then only a presale gives it */
	struct yt_str valid_from_text, valid_until_text; /* `YYYY-MM-DD[ HH:MM[:SS]]` as written, empty where absent: local to each shop's zone */
	bool to_end_of_day;
	int64_t remind_before_ms; /* 0: none */
	int64_t limit_per_member; /* 0: none */
	struct yt_period limit_per_period;
	int64_t limit_total; /* of all members together; 0: none */
	int64_t budget;      /* minor units that all together may be worth, with YT_AMOUNT_OFF; 0: none */
	bool keep_on_refund;
	bool transferable; /* whoever names the code may use it */
};

struct yt_gift_rules {
	struct yt_str name;
	const struct yt_coupon_rules *coupon;
	int64_t quota;      /* of all members together */
	int64_t per_member;
	struct yt_str from_text, until_text; /* as valid_from_text; compared with `event.at` in the zone of the shop */
	const struct yt_expr *when;          /* NULL: true */
};

struct yt_share_rules {
	struct yt_str name;
	int64_t friends;
	const struct yt_coupon_rules *coupon;
	struct yt_str until_text;
};

struct yt_product {
	struct yt_str sku;
	uint64_t hash;    /* yt_hash64 of the sku: what state keeps */
	int64_t lasts_ms; /* one unit, > 0 */
	bool learn;
};

/* A step of the ladder of members. A threshold that is 0 is none. */
struct yt_tier {
	struct yt_str name;
	int64_t rank;       /* no two have the same */
	int64_t min_amount; /* minor units */
	int64_t min_orders, min_referrals;
	bool any;           /* one threshold is enough; else all, of none all are met */
	int64_t period_ms;  /* 0: thresholds look at all time, and it is never judged */
	int64_t grace_ms, warn_before_ms; /* 0: none */
	bool keep;
};

struct yt_presale {
	struct yt_str name; /* of events */
	const struct yt_coupon_rules *coupon;
};

/* What a check of a referral does when it strikes. */
enum yt_check { YT_CHECK_OFF, YT_CHECK_REJECT, YT_CHECK_FLAG };

/* [referral]. */
struct yt_referral_rules {
	int64_t window_ms;
	const struct yt_expr *qualify; /* of the newcomer's order.paid; NULL: true */
	int64_t hold_signed_ms;        /* behind the signature; -1: it moves nothing */
	int64_t hold_paid_ms;          /* behind the payment, where no signature came */
	const struct yt_coupon_rules *reward_referrer, *reward_invitee; /* NULL: none */
	bool on_approval;              /* give_invitee */
	struct yt_period referrer_cap, velocity; /* n 0: none */
	enum yt_check same_phone, same_device, same_address, reregistered;
};

enum yt_once { YT_ONCE_NO, YT_ONCE_MEMBER, YT_ONCE_ORDER, YT_ONCE_COUPON };
/* Who gets what a rule issues and sends. */
enum yt_to { YT_TO_MEMBER, YT_TO_REFERRER, YT_TO_BOTH };

/* A piece of a param's text. */
struct yt_param_part {
	struct yt_str text;          /* with expr NULL */
	const struct yt_expr *expr;  /* of a scalar type; its value as `string()` gives it */
};

struct yt_param {
	struct yt_str name;
	const struct yt_param_part *parts;
	uint32_t n_parts;
};

struct yt_rule {
	struct yt_str name;
	int index;
	int line; /* of its section in the file */
	uint32_t on; /* bit per enum yt_type and yt_on */
	int64_t priority;   /* higher first */
	int64_t max_age_ms; /* 0: none; an event whose `at` is older does not set it off */
	bool pending_per_member;
	bool promotes;
	const struct yt_expr *when, *still; /* NULL: true */
	const struct yt_expr *after_expr;   /* of type duration; NULL: after_ms */
	int64_t after_ms;                   /* 0: at once */
	uint64_t event_fields;              /* yt_expr_event_fields of `still` and of the params: what a timer keeps */
	struct yt_str from_text, until_text; /* as valid_from_text; compared with `event.at` in the zone of the shop */
	enum yt_once once;
	const struct yt_coupon_rules *issue; /* NULL: none */
	struct yt_str follow_up;             /* kind; empty: none */
	int64_t send_by_ms;                  /* 0: none */
	enum yt_to to;
	const struct yt_param *params;       /* in file order; of the follow-up */
	uint32_t n_params;
	const struct yt_coupon_rules *revoke; /* all unused ones of the member; NULL: none */
	struct yt_str tag, untag;             /* empty: none */
};

struct yt_ruleset {
	struct yt_str name;
	int64_t revision;
	struct yt_str tag; /* `<name>@<revision>`, as in outputs */
	uint64_t digest; /* the first 8 bytes of the SHA-256 of the file, the first one highest: tells files of one revision apart */
	struct yt_shop_rules *shops; /* complete: what a section leaves out is taken from `*`; by name */
	size_t n_shops;
	struct yt_coupon_rules *coupons; /* in file order */
	size_t n_coupons;
	bool any_transferable;
	struct yt_rule *rules; /* in the order in which they run: by priority, then as in the file */
	size_t n_rules;
	uint32_t on; /* of all rules together */
	const struct yt_coupon_rules **coupons_by_name;
	const struct yt_rule **rules_by_name;
	struct yt_gift_rules *gifts; /* by name */
	size_t n_gifts;
	struct yt_share_rules *shares; /* by name */
	size_t n_shares;
	struct yt_product *products; /* by hash */
	size_t n_products;
	struct yt_tier *tiers; /* by rank */
	size_t n_tiers;
	struct yt_presale *presales; /* by name */
	size_t n_presales;
	struct yt_referral_rules *referral; /* NULL: no [referral] */
};

/* Everything in the arena. NULL when there is an error; problems has them all. `load` is called once for each zone that a shop has, and once for
 * each that an expression names. */
struct yt_ruleset *yt_ruleset_parse(struct yt_arena *a, struct yt_str bytes, yt_zone_loader load, void *ctx,
                                    struct yt_problems *problems);

/* How a set stands to one that was seen before, of which revision and digest are known; revision 0: none was. Where it is other or older it must
 * not decide what that one decided (RULES.md, [ruleset]). */
enum yt_rules_stand {
	YT_RULES_NEWER,
	YT_RULES_SAME,
	YT_RULES_OTHER, /* the same revision, and other bytes */
	YT_RULES_OLDER
};
enum yt_rules_stand yt_ruleset_stand(const struct yt_ruleset *rs, int64_t revision, uint64_t digest);

/* What the file may say, from the table that reads it: docs/rules.md is checked against this. NULL behind the last. */
struct yt_rules_key {
	const char *section, *key;
	const char *form;  /* how its value looks: `duration`, `N per 30d` */
	const char *deflt; /* NULL: none, the key is required or its thing is off */
	bool required;
};
const struct yt_rules_key *yt_rules_key(size_t i);

/* The shop's own section, else that of `*`, else NULL (unknown_shop). */
const struct yt_shop_rules *yt_ruleset_shop(const struct yt_ruleset *rs, struct yt_str shop);
const struct yt_coupon_rules *yt_ruleset_coupon(const struct yt_ruleset *rs, struct yt_str name);
const struct yt_product *yt_ruleset_product(const struct yt_ruleset *rs, uint64_t hash);
const struct yt_tier *yt_ruleset_tier(const struct yt_ruleset *rs, struct yt_str name);
const struct yt_gift_rules *yt_ruleset_gift(const struct yt_ruleset *rs, struct yt_str name);
const struct yt_share_rules *yt_ruleset_share(const struct yt_ruleset *rs, struct yt_str name);
const struct yt_presale *yt_ruleset_presale(const struct yt_ruleset *rs, struct yt_str name);
const struct yt_rule *yt_ruleset_rule(const struct yt_ruleset *rs, struct yt_str name);

/* An instant of the file in the zone of a shop: `from` takes the day's start, `until` its end (the first instant of the next day). The text
 * is one that yt_ruleset_parse took. */
bool yt_instant_ok(struct yt_str text); /* empty, or such a text */
int64_t yt_instant_local_ms(const struct yt_zone *z, struct yt_str text, bool until);

#endif
