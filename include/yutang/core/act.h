/* One decision on its way: what it may read and change, the day counters that it moves, and the outputs that leave. */
#ifndef YT_CORE_ACT_H
#define YT_CORE_ACT_H

#include "yutang/core/channels.h"
#include "yutang/core/day.h"
#include "yutang/core/decide.h"
#include "yutang/core/member.h"
#include "yutang/core/order.h"

/* What `explain` is told of a member in place of the orders, groups and contacts that it would follow from. */
struct yt_given {
	struct yt_totals totals;
	int64_t groups, accounts;
	int64_t median_gap;  /* -1: absent */
	int64_t stock_until; /* 0: absent */
};

/* A coupon that rewards a referral. */
struct yt_reward {
	enum yt_role role;
	struct yt_str invitee; /* id */
	struct yt_str order;   /* that qualified */
};

struct yt_act {
	const struct yt_decide_env *env;
	const struct yt_shop_rules *shop; /* NULL: a timer of a shop that is no longer in the rule set */
	struct yt_member *member;         /* of `edit` */
	const struct yt_order *order;     /* that the event is about, NULL: none. yt_act_order to change it */
	const struct yt_event *ev;        /* the input behind it; NULL: a coupon's own time came */
	const struct yt_follow *follow;   /* the output that set this off; NULL: the event itself, or the coupon's time */
	struct yt_str subject;            /* whom outputs are about; empty: the member */
	struct yt_str place;              /* member NULL: the key of what decides, `<shop>/~account:<a>`; outputs are about that */
	const struct yt_rule *running;    /* whose outputs these are; NULL: of no rule */
	struct yt_follow *follows, *last; /* what has followed, and was not looked at yet */

	const struct yt_reward *reward; /* what is issued now is one; NULL: it is none */
	const struct yt_given *given; /* NULL: the member has what they follow from */
	struct yt_day *day; /* the last one that was counted on */
	int32_t day_number;
	struct yt_channels *channels; /* likewise */
	int32_t channels_number;
};

/* `<shop>/<id>`, in the arena. */
struct yt_str yt_act_name(struct yt_arena *a, struct yt_str shop, struct yt_str id);

/* The order of the event, to change it. */
struct yt_order *yt_act_order(struct yt_act *act);

/* The counters of the local day of that instant. A shop that is gone has no days: NULL. */
struct yt_day *yt_act_day(struct yt_act *act, int64_t at_ms);
void yt_act_count(struct yt_act *act, int64_t at_ms, enum yt_day_count which, int64_t n);
/* A decision: it counts on the day of `now`. */
void yt_act_count_named(struct yt_act *act, enum yt_day_list list, struct yt_str name);

/* The numbers of that local day and channel; a shop that is gone: NULL. Until the next call. */
struct yt_channel *yt_act_channel(struct yt_act *act, int64_t at_ms, struct yt_str channel);

const struct yt_totals *yt_act_totals(const struct yt_act *act);

/* A text of the input behind it; empty where there is none. */
struct yt_str yt_act_text(const struct yt_act *act, enum yt_field field);
/* The presale whose deposit is paid with the event at hand; empty: none. Who pays it: 0, the member himself; else the yt_erase_hash of whom he referred. */
struct yt_str yt_act_deposit(const struct yt_act *act);
uint64_t yt_act_depositor(const struct yt_act *act);
/* Of what sets off: `event.at`, the root input's envelope id. */
int64_t yt_act_at(const struct yt_act *act);
struct yt_str yt_act_cause(const struct yt_act *act);
/* The first instant of a period that ends now. */
int64_t yt_act_period_from(const struct yt_act *act, const struct yt_period *p);

/* What became of a rule, to who watches. */
void yt_act_tell(const struct yt_act *act, const struct yt_rule *rule, enum yt_verdict verdict, int64_t until, const char *why);

/* An output of that id may set off rules; the caller fills in what it is about. NULL: there are none on it. */
struct yt_follow *yt_act_follows(struct yt_act *act, enum yt_on on, const char id[33], struct yt_str cause);

/* `fact` of EVENTS.md, Ids, of an output of that type. */
struct yt_str yt_act_fact(struct yt_act *act, enum yt_out_type type);
struct yt_str yt_act_fact_of_event(struct yt_act *act, const struct yt_event *ev);
struct yt_str yt_act_fact_of_follow(struct yt_act *act, const struct yt_follow *f);
/* ev: the input behind it, NULL: none. */
struct yt_str yt_act_fact_of_coupon(struct yt_act *act, const struct yt_coupon *c, const struct yt_event *ev);

/* What an output is about: with type, shop and member this makes its id. */
struct yt_say {
	struct yt_act *act;
	enum yt_out_type type;
	struct yt_buf buf;
	char id[33];
};
/* Begin, then fields of data by yt_output_text and its like on say->buf, then end. */
void yt_say_begin(struct yt_say *say, struct yt_act *act, enum yt_out_type type, struct yt_str rule, struct yt_str cause, struct yt_str fact,
                  unsigned ordinal);
void yt_say_end(struct yt_say *say);

#endif
