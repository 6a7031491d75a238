#include "yutang/core/limit.h"

#include "yutang/core/referral.h"
#include "yutang/core/stock.h"

/* A place in a list of places, with its first move. */
enum { PLACE_BYTES = 128 + 4 + 10 };
/* A row of a member's stock. */
enum { STOCK_BYTES = 34 };

/* An entity's head is written by the engine; both together stay below bytes_max. */
static size_t room_of(enum yt_kind kind)
{
	return yt_entities[kind].bytes_max - YT_ENTITY_HEAD;
}

static bool say(char detail[160], const char *what)
{
	size_t n = strlen(what);

	n = n < 159 ? n : 159;
	memcpy(detail, what, n);
	detail[n] = 0;
	return false;
}

static bool may_run(const struct yt_rule *r, uint32_t types, const struct yt_member *m, const struct yt_order *o)
{
	if (r->once == YT_ONCE_MEMBER && m && yt_mark_is_set(m->marks, m->n_marks, r->name))
		return false;
	if (r->once == YT_ONCE_ORDER && o && yt_mark_is_set(o->marks, o->n_marks, r->name))
		return false;
	return r->on & types;
}

/* A rule that waits gives no coupon now: it sets a timer, and what that finds when it fires is its own affair. */
static bool may_issue_now(const struct yt_rule *r)
{
	return r->issue && (r->after_expr || !r->after_ms);
}

/* Coupons that come without a rule: of a gift, a share, a deposit. */
static uint32_t n_by_itself(const struct yt_ruleset *rules, uint32_t types)
{
	bool deposit = types & 1u << YT_PRESALE_DEPOSIT_PAID && rules->n_presales;

	return deposit || types & (1u << YT_SHARE_MADE | 1u << YT_GIFT_CLAIMED);
}

/* The types with what may follow from them at once. */
static uint32_t with_follows(const struct yt_ruleset *rules, uint32_t types)
{
	uint32_t was;

	if (types & 1u << YT_ORDER_PAID)
		types |= 1u << YT_ON_COUPON_USED;
	if (n_by_itself(rules, types))
		types |= 1u << YT_ON_COUPON_ISSUED;
	if (types & 1u << YT_SHARE_MADE)
		types |= 1u << YT_ON_SHARE_UNLOCKED;
	if (rules->n_tiers)
		types |= 1u << YT_ON_TIER_CHANGED;
	do {
		was = types;
		for (size_t k = 0; k < rules->n_rules; k++) {
			if (rules->rules[k].on & types && may_issue_now(&rules->rules[k]))
				types |= 1u << YT_ON_COUPON_ISSUED;
		}
	} while (types != was);
	return types;
}

/* Tags that the member might have, when all that may run and all that waits has run. */
static uint32_t tags_then(const struct yt_decide_env *env, const struct yt_member *m, uint32_t types)
{
	uint32_t n = m ? m->n_tags : 0;

	for (size_t k = 0; k < env->rules->n_rules; k++) {
		const struct yt_rule *r = &env->rules->rules[k];
		bool may = r->on & types;

		if (!r->tag.n || (m && yt_member_has_tag(m, r->tag)))
			continue;
		for (uint32_t i = 0; m && !may && i < m->n_timers; i++)
			may = yt_str_eq(m->timers[i].rule, r->name);
		n += may;
	}
	return n;
}

bool yt_limit_rules(const struct yt_decide_env *env, const struct yt_member *m, const struct yt_order *o, uint32_t types, char detail[160])
{
	uint32_t issues = n_by_itself(env->rules, types), marks = 0, all = with_follows(env->rules, types);
	size_t growth = (env->rules->n_tiers ? YT_STANDING_BYTES_MAX : 0) + issues * (YT_COUPON_BYTES_MAX + YT_UNITS_BYTES_MAX + YT_ID_BYTES_MAX) +
	                (env->rules->referral ? YT_REFERS_GROWTH : 0);

	for (size_t k = 0; k < env->rules->n_rules; k++) {
		const struct yt_rule *r = &env->rules->rules[k];

		if (!may_run(r, all, m, o))
			continue;
		issues += may_issue_now(r) && r->on & types;
		marks += r->once == YT_ONCE_ORDER;
		growth += YT_TIMER_BYTES_MAX; /* more than a coupon and a mark */
	}
	if (issues && m && yt_wallet_living(&m->wallet) + m->claims.n + issues > YT_COUPONS_MAX)
		return say(detail, "coupons: the member would hold more than 128 that are neither used nor over");
	if (marks && o && o->n_marks + marks > YT_ORDER_MARKS_MAX)
		return say(detail, "rules with once = per order: more than 64 on one order");
	if (tags_then(env, m, all) > YT_TAGS_MAX)
		return say(detail, "tags: a member has at most 64");
	return yt_limit_member_bytes(env, m, growth + PLACE_BYTES + YT_ORDER_PRODUCTS_MAX * STOCK_BYTES + 1024, detail);
}

bool yt_limit_commands(const struct yt_decide_env *env, const struct yt_member *m, char detail[160])
{
	if (m && m->refers && m->refers->n_commands == YT_COMMANDS_MAX)
		return say(detail, "commands: 256 were decided about this member");
	return yt_limit_member_bytes(env, m, YT_TIMER_BYTES_MAX + 8, detail); /* more than a coupon */
}

bool yt_limit_room(struct yt_act *act, size_t more)
{
	char detail[160];

	return yt_limit_member_bytes(act->env, act->member, YT_TIMER_BYTES_MAX + more, detail);
}

bool yt_limit_products(const struct yt_decide_env *env, const struct yt_order *o, const struct yt_event *ev, char detail[160])
{
	return yt_stock_rows(env->rules, o, yt_event_field(ev, YT_F_ITEMS)) <= YT_ORDER_PRODUCTS_MAX ||
	       say(detail, "items: an order keeps 24 skus that have a [product]");
}

bool yt_limit_member_bytes(const struct yt_decide_env *env, const struct yt_member *m, size_t growth, char detail[160])
{
	/* What waits may become coupons and marks; what a quota was asked for, a follow-up that waits, too. */
	static const size_t coupon = YT_COUPON_BYTES_MAX + 8, claimed = coupon + YT_UNITS_BYTES_MAX + YT_ID_BYTES_MAX + YT_TIMER_BYTES_MAX;
	size_t later = m ? m->n_timers * coupon + m->claims.n * claimed : 0;
	struct yt_buf exact;

	if (!m || yt_member_bytes_bound(m) + later + growth <= room_of(YT_KIND_MEMBER))
		return true;
	yt_buf_init(&exact, env->arena);
	yt_member_encode(m, &exact);
	return exact.n + later + growth <= room_of(YT_KIND_MEMBER) || say(detail, "the member would take more than 256 KiB");
}

/* Only an order that is not paid can come near its bytes: it keeps whole events. */
bool yt_limit_order(const struct yt_decide_env *env, const struct yt_order *o, const struct yt_event *ev, char detail[160])
{
	struct yt_buf exact;

	if (ev->type == YT_ORDER_REFUNDED && o && o->n_refunds == YT_REFUNDS_MAX)
		return say(detail, "refunds: an order keeps 64");
	if (o && o->paid)
		return true;
	yt_buf_init(&exact, env->arena);
	if (o)
		yt_order_encode(o, &exact);
	yt_kept_encode(yt_kept_new(env->arena, ev, UINT64_MAX), &exact);
	return exact.n + 256 + YT_ORDER_PRODUCTS_MAX * 24 <= room_of(YT_KIND_ORDER) || say(detail, "too much is known of an order that is not paid yet");
}

bool yt_limit_place(const struct yt_places *p, struct yt_str id, uint32_t places_max, const char *what, char detail[160])
{
	return p->n < places_max || yt_places_find(p, id) || say(detail, what);
}
