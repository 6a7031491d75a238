#include "yutang/core/run.h"

#include "yutang/base/hash.h"
#include "yutang/core/claim.h"
#include "yutang/core/coupon.h"
#include "yutang/core/limit.h"
#include "yutang/core/stock.h"
#include "yutang/core/tier.h"

/* A timer may be held while its inputs are behind; its order stays in state for so long after its due. */
#define TIMER_SLACK_MS INT64_C(2592000000) /* 30 d */

enum {
	YT_CHAIN_MAX = 8, /* RULES.md, Rules: a chain ends after 8 steps */
	HOPS_MAX = 8,     /* DESIGN 4: over so many shards. Far below what the engine carries: linked ids make a way longer */
};

/* False, and said so: the rule ends here. */
static bool no(const struct yt_act *act, const struct yt_rule *r, enum yt_verdict verdict)
{
	yt_act_tell(act, r, verdict, 0, NULL);
	return false;
}

/* `when` or `still`; NULL: true. An error makes it false. */
static bool holds(struct yt_act *act, const struct yt_rule *r, const struct yt_expr *e)
{
	bool still = e == r->still;
	struct yt_value v;
	char why[64];

	if (!e)
		return true;
	if (!yt_expr_eval(e, act->env->arena, yt_run_fact, act, &v, why)) {
		yt_act_tell(act, r, still ? YT_VERDICT_STILL_ERROR : YT_VERDICT_WHEN_ERROR, 0, why);
		return false;
	}
	return (v.type == YT_V_BOOL && v.b) || no(act, r, still ? YT_VERDICT_NOT_STILL : YT_VERDICT_FALSE);
}

/* The event lies in the rule's season, and is not too old for it. */
static bool is_in_season(const struct yt_act *act, const struct yt_rule *r)
{
	const struct yt_zone *zone = act->shop->zone;
	int64_t at = yt_act_at(act);

	if (r->from_text.n && at < yt_instant_local_ms(zone, r->from_text, false))
		return no(act, r, YT_VERDICT_SEASON);
	if (r->until_text.n && at >= yt_instant_local_ms(zone, r->until_text, true))
		return no(act, r, YT_VERDICT_SEASON);
	return !r->max_age_ms || act->env->now_ms - at <= r->max_age_ms || no(act, r, YT_VERDICT_AGE);
}

/* --- once */

/* The coupon that what set off the rule is about; NULL: none, or it has left the wallet. */
static struct yt_coupon *coupon_at_hand(const struct yt_act *act)
{
	return act->follow ? yt_wallet_by_id(&act->member->wallet, act->follow->coupon) : NULL;
}

static bool is_marked(const struct yt_act *act, const struct yt_rule *r)
{
	const struct yt_coupon *c;

	switch (r->once) {
	case YT_ONCE_MEMBER:
		return yt_mark_is_set(act->member->marks, act->member->n_marks, r->name);
	case YT_ONCE_ORDER:
		return act->order && yt_mark_is_set(act->order->marks, act->order->n_marks, r->name);
	case YT_ONCE_COUPON:
		c = coupon_at_hand(act);
		return c && yt_mark_is_set(c->marks, c->n_marks, r->name);
	case YT_ONCE_NO:
		break;
	}
	return false;
}

static void mark(struct yt_act *act, const struct yt_rule *r)
{
	struct yt_arena *a = act->env->arena;
	struct yt_coupon *c;

	if (is_marked(act, r))
		return;
	if (r->once == YT_ONCE_MEMBER)
		yt_member_mark(act->member, a, r->name);
	else if (r->once == YT_ONCE_ORDER && act->order)
		yt_order_mark(yt_act_order(act), a, r->name);
	else if (r->once == YT_ONCE_COUPON && (c = coupon_at_hand(act)))
		yt_coupon_mark(c, a, r->name);
}

static bool is_same_mark(const struct yt_act *act, const struct yt_rule *r, const struct yt_timer *t)
{
	switch (r->once) {
	case YT_ONCE_MEMBER:
		return true;
	case YT_ONCE_ORDER:
		return t->origin.ev && yt_str_eq(yt_event_text(t->origin.ev, YT_F_ORDER), yt_act_text(act, YT_F_ORDER));
	case YT_ONCE_COUPON:
		return t->origin.follow && act->follow && memcmp(t->origin.follow->coupon, act->follow->coupon, 16) == 0;
	case YT_ONCE_NO:
		break;
	}
	return false;
}

/* The timer of the rule that waits under the mark that this event would set; with pending = per member, the one that waits for its `after`. -1: none. */
static int waiting(const struct yt_act *act, const struct yt_rule *r)
{
	int moves = -1;

	for (uint32_t k = 0; k < act->member->n_timers; k++) {
		const struct yt_timer *t = &act->member->timers[k];

		if (!yt_str_eq(t->rule, r->name))
			continue;
		if (is_same_mark(act, r, t) && (t->quiet || !r->pending_per_member))
			return (int)k;
		if (r->pending_per_member && !t->quiet)
			moves = (int)k;
	}
	return moves;
}

/* A claim of the rule's, which waits under the mark that this event would set. */
static bool is_claimed(const struct yt_act *act, const struct yt_rule *r)
{
	struct yt_str order = yt_act_text(act, YT_F_ORDER);

	for (uint32_t k = 0; r->once != YT_ONCE_NO && k < act->member->claims.n; k++) {
		const struct yt_claim *c = &act->member->claims.v[k];

		if (c->withdrawn || !c->own || c->rule != yt_hash64(r->name))
			continue;
		if (r->once == YT_ONCE_MEMBER || (r->once == YT_ONCE_ORDER && c->order == yt_hash64(order)))
			return true;
		if (r->once == YT_ONCE_COUPON && c->has_coupon && act->follow && memcmp(c->coupon, act->follow->coupon, sizeof(c->coupon)) == 0)
			return true;
	}
	return false;
}

/* --- at once, or when the wait is over */

/* The member has not used up what it bought. */
static bool is_stocked(struct yt_act *act)
{
	return yt_stock_until(act) > act->env->now_ms;
}

static void withhold(struct yt_act *act, const struct yt_followup *f, struct yt_str template, enum yt_reason reason)
{
	if (template.n)
		yt_coupon_refuse(act, f->rule, template, reason);
	if (f->kind.n)
		yt_followup_withhold(act, f, reason);
}

/* To everybody whom the rule would have given something. */
static void withhold_all(struct yt_act *act, const struct yt_rule *r, const struct yt_followup *f, struct yt_str template, enum yt_reason reason)
{
	if (r->to != YT_TO_REFERRER)
		withhold(act, f, template, reason);
	if (r->to == YT_TO_MEMBER)
		return;
	act->subject = yt_grant_referrer(act->member);
	if (act->subject.n)
		withhold(act, f, template, reason);
	act->subject = (struct yt_str){ 0 };
}

/* timer_limit and rule_gone are said by the follow-up; a rule that has none says it of its coupon. */
static struct yt_str unless_said(const struct yt_followup *f, struct yt_str template)
{
	return f->kind.n ? (struct yt_str){ 0 } : template;
}

static struct yt_str template_of(const struct yt_rule *r)
{
	return r->issue ? r->issue->name : (struct yt_str){ 0 };
}

static struct yt_followup followup_of(struct yt_act *act, struct yt_str rule, struct yt_str kind, int64_t due_at)
{
	return (struct yt_followup){
		.rule = rule,
		.kind = kind,
		.cause = yt_act_cause(act),
		.fact = yt_act_fact(act, YT_OUT_FOLLOWUP_DUE),
		.due_at = due_at,
	};
}

/* State holds no later instant; nobody waits for it. */
static int64_t due_of(const struct yt_act *act, int64_t wait)
{
	int64_t now = act->env->now_ms, most = YT_INSTANT_MAX_MS - TIMER_SLACK_MS - now;

	return now + (wait < most ? wait : most);
}

static bool has_timer_room(struct yt_act *act)
{
	return act->member->n_timers < YT_TIMERS_MAX && yt_limit_room(act, 0);
}

/* What has to be kept of the event at hand. */
static struct yt_origin origin_of(const struct yt_act *act, const struct yt_rule *r)
{
	/* What a follow-up says, and what group.* and contact.* are made of, beside what `still` and the params name. */
	static const uint64_t always = UINT64_C(1) << YT_F_ORDER | UINT64_C(1) << YT_F_GROUP | UINT64_C(1) << YT_F_ACCOUNT;
	static const uint64_t of_place = UINT64_C(1) << YT_F_INVITER | UINT64_C(1) << YT_F_CHANNEL;
	struct yt_origin origin = { .follow = act->follow };

	if (act->ev)
		origin.ev = yt_kept_new(act->env->arena, act->ev,
		                        r->event_fields | always | ((r->still || r->n_params) && !act->order ? of_place : 0));
	return origin;
}

/* A timer, and the order's stay in state. */
static struct yt_timer timer_of(struct yt_act *act, const struct yt_rule *r, int64_t due)
{
	struct yt_arena *a = act->env->arena;
	struct yt_timer t = { .due = due, .rule = yt_arena_dup(a, r->name), .kind = yt_arena_dup(a, r->follow_up), .origin = origin_of(act, r) };

	if (r->issue)
		t.template = yt_arena_dup(a, r->issue->name);
	if (act->order && act->order->life_end < due + TIMER_SLACK_MS && act->order->keep_until < due + TIMER_SLACK_MS)
		yt_act_order(act)->keep_until = due + TIMER_SLACK_MS;
	return t;
}

/* True when it left. In the quiet hours it waits; what the rule has issued by then stays so. */
static bool send(struct yt_act *act, const struct yt_rule *r, struct yt_followup *f)
{
	struct yt_timer t;

	f->params_of = r;
	f->send_by = r->send_by_ms ? f->due_at + r->send_by_ms : 0;
	switch (yt_followup_send(act, f)) {
	case YT_FOLLOWUP_LEFT:
		return true;
	case YT_FOLLOWUP_WITHHELD:
		return false;
	case YT_FOLLOWUP_WAITS:
		break;
	}
	if (!has_timer_room(act)) {
		yt_followup_withhold(act, f, YT_REASON_TIMER_LIMIT);
		return false;
	}
	t = timer_of(act, r, f->wait_until);
	t.quiet = true;
	t.due_at = f->due_at;
	t.has_coupon = f->coupon;
	if (f->coupon)
		yt_unhex(f->coupon, t.coupon, sizeof(t.coupon));
	yt_member_add_timer(act->member, act->env->arena, &t);
	yt_act_tell(act, r, YT_VERDICT_QUIET, t.due, NULL);
	return false;
}

static void set_tags(struct yt_act *act, const struct yt_rule *r)
{
	if (r->tag.n)
		yt_member_tag(act->member, act->env->arena, r->tag);
	if (r->untag.n)
		yt_member_untag(act->member, r->untag);
}

/* The coupon is asked for; yt_run_go_on has the rest. The reason why not, and this was said. */
static enum yt_reason claim(struct yt_act *act, const struct yt_rule *r, const struct yt_followup *f)
{
	struct yt_grant g = { .origin = origin_of(act, r), .rule = r->name, .has_coupon = true, .coupon = *r->issue, .followup = *f, .own = true, .once = r->once };

	return yt_claim_make(act, &g);
}

/* Coupon and follow-up of the member. True when one of them left. */
static bool give(struct yt_act *act, const struct yt_rule *r, struct yt_followup f)
{
	enum yt_reason refused = YT_REASON_NONE;
	char coupon[33];

	if (r->promotes && is_stocked(act)) {
		withhold(act, &f, template_of(r), YT_REASON_STOCK_UNUSED);
		return false;
	}
	if (r->issue && yt_claim_needed(r->issue)) {
		refused = claim(act, r, &f);
		if (!refused)
			return false; /* not yet */
	} else if (r->issue) {
		refused = yt_coupon_issue(act, r->issue, r->name, NULL, coupon);
		f.coupon = coupon;
	}
	if (refused) {
		withhold(act, &f, (struct yt_str){ 0 }, refused);
		return false;
	}
	return (f.kind.n && send(act, r, &f)) || r->issue;
}

/* What the rule does, once its time has come. The coupons that it revokes go before the one that it issues. */
static void fire(struct yt_act *act, const struct yt_rule *r, int64_t due_at)
{
	struct yt_followup f = followup_of(act, r->name, r->follow_up, due_at);
	bool left = false;

	act->running = r;
	if (!holds(act, r, r->still)) {
		withhold_all(act, r, &f, template_of(r), YT_REASON_CONDITION_FALSE);
		return;
	}
	yt_act_tell(act, r, YT_VERDICT_FIRES, 0, NULL);
	if (r->revoke)
		yt_coupon_revoke_unused(act, r);
	set_tags(act, r);
	if (r->to != YT_TO_REFERRER)
		left = give(act, r, f);
	if (r->to != YT_TO_MEMBER && yt_grant_send(act, r, due_at))
		left = true;
	if (left)
		mark(act, r);
}

/* The quiet hours are over: what could have changed is asked again. */
static void fire_quiet(struct yt_act *act, const struct yt_rule *r, const struct yt_timer *t)
{
	struct yt_followup f = followup_of(act, r->name, r->follow_up, t->due_at);
	char coupon[33];

	act->running = r;
	yt_hex(t->coupon, sizeof(t->coupon), coupon);
	f.coupon = t->has_coupon ? coupon : NULL;
	if (!holds(act, r, r->still))
		yt_followup_withhold(act, &f, YT_REASON_CONDITION_FALSE);
	else if (r->promotes && is_stocked(act))
		yt_followup_withhold(act, &f, YT_REASON_STOCK_UNUSED);
	else if (send(act, r, &f))
		mark(act, r);
}

void yt_run_go_on(struct yt_act *act, const struct yt_grant *g, enum yt_reason refused, const char *coupon)
{
	const struct yt_rule *r = act->shop ? yt_ruleset_rule(act->env->rules, g->rule) : NULL, as_then = { .name = g->rule, .once = g->once };
	struct yt_followup f = followup_of(act, g->rule, g->followup.kind, g->followup.due_at);

	f.coupon = coupon;
	if (refused) {
		withhold(act, &f, (struct yt_str){ 0 }, refused);
		return;
	}
	mark(act, &as_then);
	if (f.kind.n && r && r->follow_up.n)
		send(act, r, &f);
	else
		withhold(act, &f, (struct yt_str){ 0 }, YT_REASON_RULE_GONE);
}

/* --- the wait */

/* False: the rule does not fire. */
static bool wait_of(struct yt_act *act, const struct yt_rule *r, int64_t *ms)
{
	struct yt_value v;
	char why[64];

	*ms = r->after_ms;
	if (!r->after_expr)
		return true;
	if (!yt_expr_eval(r->after_expr, act->env->arena, yt_run_fact, act, &v, why)) {
		yt_act_tell(act, r, YT_VERDICT_AFTER_ERROR, 0, why);
		return false;
	}
	YT_ASSERT(v.type == YT_V_DURATION, r->name.p); /* as it was checked when the file was loaded */
	*ms = yt_value_ms(&v) + (v.t.nsec % 1000000 != 0); /* nothing leaves before its wait is over */
	return true;
}

static void set_timer(struct yt_act *act, const struct yt_rule *r, int64_t due, int moves)
{
	struct yt_timer t;

	if (moves < 0 && !has_timer_room(act)) {
		struct yt_followup f = followup_of(act, r->name, r->follow_up, due);

		no(act, r, YT_VERDICT_NO_ROOM);
		withhold_all(act, r, &f, unless_said(&f, template_of(r)), YT_REASON_TIMER_LIMIT);
		return;
	}
	t = timer_of(act, r, due);
	if (moves < 0)
		yt_member_add_timer(act->member, act->env->arena, &t);
	else
		act->member->timers[moves] = t;
	yt_act_tell(act, r, YT_VERDICT_WAITS, due, NULL);
}

static void run(struct yt_act *act, const struct yt_rule *r)
{
	bool waits = r->once != YT_ONCE_NO || r->pending_per_member;
	int64_t wait;
	int timer;

	if (!is_in_season(act, r))
		return;
	if (is_marked(act, r)) {
		no(act, r, YT_VERDICT_ONCE);
		return;
	}
	timer = waits ? waiting(act, r) : -1;
	if (is_claimed(act, r) || (timer >= 0 && (!r->pending_per_member || act->member->timers[timer].quiet))) {
		no(act, r, YT_VERDICT_PENDING);
		return;
	}
	if (!holds(act, r, r->when) || !wait_of(act, r, &wait))
		return;
	if (wait > 0) {
		set_timer(act, r, due_of(act, wait), timer);
		return;
	}
	if (timer >= 0)
		yt_member_remove_timer(act->member, (uint32_t)timer);
	fire(act, r, act->env->now_ms);
}

void yt_run_rules(struct yt_act *act)
{
	const struct yt_ruleset *rules = act->env->rules;

	if (!(rules->on >> act->ev->type & 1))
		return;
	for (size_t k = 0; k < rules->n_rules; k++) {
		if (rules->rules[k].on >> act->ev->type & 1)
			run(act, &rules->rules[k]);
	}
}

/* --- what follows from an output */

/* A rule can't set off itself again, nor through others. */
static bool is_own_doing(const struct yt_follow *f, const struct yt_rule *r)
{
	while (f && f->rule != r)
		f = f->by;
	return f;
}

/* How far what the rule gives may have to go: to the referrer; to a quota, back, and there again with a unit that comes to nothing. */
static int hops_of(const struct yt_rule *r)
{
	int quota = r->issue && yt_claim_needed(r->issue) ? 3 : r->revoke ? 1 : 0;

	return quota + (r->to != YT_TO_MEMBER);
}

/* One whose gifts would not arrive is not set off: a unit of a quota would be lost on its way. */
static bool is_near(const struct yt_act *act, const struct yt_rule *r)
{
	return act->env->hop + hops_of(r) <= HOPS_MAX;
}

void yt_run_follows(struct yt_act *act)
{
	const struct yt_ruleset *rules = act->env->rules;
	const struct yt_follow *f;

	while ((f = act->follows)) {
		act->follows = f->next;
		if (!act->follows)
			act->last = NULL;
		act->follow = f;
		act->ev = f->ev;
		for (size_t k = 0; act->shop && f->depth <= YT_CHAIN_MAX && k < rules->n_rules; k++) {
			const struct yt_rule *r = &rules->rules[k];

			if (r->on >> f->on & 1 && !is_own_doing(f, r) && is_near(act, r))
				run(act, r);
		}
	}
}

void yt_run_timer(struct yt_act *act, const struct yt_timer *t)
{
	const struct yt_rule *r = act->shop ? yt_ruleset_rule(act->env->rules, t->rule) : NULL;

	if (yt_str_eq(t->rule, YT_RULE_TIER)) {
		yt_tier_look_again(act, t);
	} else if (t->granted) {
		yt_grant_fire(act, t);
	} else if (!r || (t->quiet && !r->follow_up.n)) {
		struct yt_followup f = followup_of(act, t->rule, t->kind, t->quiet ? t->due_at : t->due);

		withhold(act, &f, t->quiet ? (struct yt_str){ 0 } : unless_said(&f, t->template), YT_REASON_RULE_GONE);
	} else if (t->quiet) {
		fire_quiet(act, r, t);
	} else if (!is_marked(act, r) && !is_claimed(act, r)) { /* it is when another set of rules gave the rule its `once` while several waited */
		fire(act, r, t->due);
	}
}

void yt_run_timer_lost(struct yt_act *act, const struct yt_timer *t)
{
	struct yt_act lost = *act;
	struct yt_followup f;

	lost.ev = t->origin.ev;
	lost.follow = t->origin.follow;
	f = followup_of(&lost, t->rule, t->kind, t->quiet ? t->due_at : t->due);
	withhold(&lost, &f, t->quiet ? (struct yt_str){ 0 } : unless_said(&f, t->template), YT_REASON_TIMER_LIMIT);
	act->day = lost.day;
	act->day_number = lost.day_number;
}
