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
	YT_PERIOD_N_MAX = 32, /* N of `N per 30d` */
};
#define YT_RULES_DURATION_MAX_MS INT64_C(3153600000000) /* 36500d */

enum yt_discount { YT_PAY_PERCENT, YT_PERCENT_OFF, YT_AMOUNT_OFF };

struct yt_shop_rules {
	struct yt_str shop; /* `*`: any shop without a section of its own */
	const struct yt_zone *zone;
	struct yt_str currency;
	int64_t refund_window_ms;
};

struct yt_coupon_rules {
	struct yt_str name;
	int index; /* place in the file, and in yt_ruleset.coupons */
	enum yt_discount discount;
	int64_t value;         /* percent 1 to 99, or minor units */
	int64_t min_amount;    /* -1: none */
	int64_t valid_for_ms;  /* 0: fixed end */
	struct yt_str valid_from_text, valid_until_text; /* `YYYY-MM-DD[ HH:MM[:SS]]` as written, empty where absent: local to each shop's zone */
	bool to_end_of_day;
	int64_t remind_before_ms; /* 0: none */
	int64_t limit_per_member; /* 0: none */
	int period_n;             /* 0: none; `N per 30d`, `N per day` */
	int64_t period_ms;        /* 0 with period_n > 0: the local calendar day */
	bool keep_on_refund;
};

enum yt_once { YT_ONCE_NO, YT_ONCE_MEMBER, YT_ONCE_ORDER };

struct yt_rule {
	struct yt_str name;
	int index;
	uint32_t on; /* bit per enum yt_type */
	const struct yt_expr *when, *still; /* NULL: true */
	const struct yt_expr *after_expr;   /* of type duration; NULL: after_ms */
	int64_t after_ms;                   /* 0: at once */
	uint64_t event_fields;              /* yt_expr_event_fields of `still`: what a timer keeps */
	struct yt_str from_text, until_text; /* as valid_from_text; compared with `event.at` in the zone of the shop */
	enum yt_once once;
	const struct yt_coupon_rules *issue; /* NULL: none */
	struct yt_str follow_up;             /* kind; empty: none */
	int64_t send_by_ms;                  /* 0: none */
};

struct yt_ruleset {
	struct yt_str name;
	int64_t revision;
	struct yt_str tag; /* `<name>@<revision>`, as in outputs */
	unsigned char digest[32]; /* SHA-256 of the file's bytes */
	struct yt_shop_rules *shops; /* complete: what a section leaves out is taken from `*`; by name */
	size_t n_shops;
	struct yt_coupon_rules *coupons; /* in file order */
	size_t n_coupons;
	struct yt_rule *rules; /* in the order in which they run */
	size_t n_rules;
	const struct yt_coupon_rules **coupons_by_name;
	const struct yt_rule **rules_by_name;
};

/* Everything in the arena. NULL when there is an error; problems has them all. `load` is called once for each zone that a shop has, and once for
 * each that an expression names. */
struct yt_ruleset *yt_ruleset_parse(struct yt_arena *a, struct yt_str bytes, yt_zone_loader load, void *ctx,
                                    struct yt_problems *problems);

/* What the file may say, from the table that reads it: docs/rules.md is checked against this. NULL behind the last. */
struct yt_rules_key {
	const char *section, *key;
	const char *form;  /* how its value looks: `duration`, `N per 30d` */
	const char *deflt; /* NULL: none, the key is required or its thing is off */
	bool required;
	bool later; /* RULES.md knows it, this version refuses it by name */
};
const struct yt_rules_key *yt_rules_key(size_t i);

/* The shop's own section, else that of `*`, else NULL (unknown_shop). */
const struct yt_shop_rules *yt_ruleset_shop(const struct yt_ruleset *rs, struct yt_str shop);
const struct yt_coupon_rules *yt_ruleset_coupon(const struct yt_ruleset *rs, struct yt_str name);
const struct yt_rule *yt_ruleset_rule(const struct yt_ruleset *rs, struct yt_str name);

/* An instant of the file in the zone of a shop: `from` takes the day's start, `until` its end (the first instant of the next day). The text
 * is one that yt_ruleset_parse took. */
int64_t yt_instant_local_ms(const struct yt_zone *z, struct yt_str text, bool until);

#endif
