#include "yutang/core/run.h"

#include "yutang/core/coupon.h"
#include "yutang/core/followup.h"

/* A timer may be held while its inputs are behind; its order stays in state for so long after its due. */
#define TIMER_SLACK_MS INT64_C(2592000000) /* 30 d */

/* NULL: true. An error makes it false. */
static bool holds(struct yt_act *act, const struct yt_expr *e)
{
	struct yt_value v;

	return !e || (yt_expr_eval(e, act->env->arena, yt_run_fact, act, &v, NULL) && v.type == YT_V_BOOL && v.b);
}

static bool is_in_season(const struct yt_act *act, const struct yt_rule *r)
{
	const struct yt_zone *zone = act->shop->zone;

	if (r->from_text.n && act->ev->at < yt_instant_local_ms(zone, r->from_text, false))
		return false;
	return !r->until_text.n || act->ev->at < yt_instant_local_ms(zone, r->until_text, true);
}

/* --- once */

static bool is_marked(const struct yt_act *act, const struct yt_rule *r)
{
	switch (r->once) {
	case YT_ONCE_MEMBER:
		return yt_mark_is_set(act->member->marks, act->member->n_marks, r->name);
	case YT_ONCE_ORDER:
		return act->order && yt_mark_is_set(act->order->marks, act->order->n_marks, r->name);
	case YT_ONCE_COUPON:
	case YT_ONCE_NO:
		break;
	}
	return false;
}

static void mark(struct yt_act *act, const struct yt_rule *r)
{
	if (r->once == YT_ONCE_MEMBER)
		yt_member_mark(act->member, act->env->arena, r->name);
	else if (r->once == YT_ONCE_ORDER && act->order)
		yt_order_mark(yt_act_order(act), act->env->arena, r->name);
}

/* A timer of the rule waits under the mark that this event would set. */
static bool is_waiting(const struct yt_act *act, const struct yt_rule *r)
{
	struct yt_str order = yt_event_text(act->ev, YT_F_ORDER);

	for (uint32_t k = 0; r->once != YT_ONCE_NO && k < act->member->n_timers; k++) {
		const struct yt_timer *t = &act->member->timers[k];

		if (yt_str_eq(t->rule, r->name) && (r->once == YT_ONCE_MEMBER || yt_str_eq(yt_event_text(t->ev, YT_F_ORDER), order)))
			return true;
	}
	return false;
}

/* --- at once, or when the wait is over */

static void withhold(struct yt_act *act, const struct yt_followup *f, struct yt_str template, enum yt_reason reason)
{
	if (template.n)
		yt_coupon_refuse(act, f->rule, template, f->fact, reason);
	if (f->kind.n)
		yt_followup_withhold(act, f, reason);
}

/* What only a follow-up can say: timer_limit, rule_gone. A rule that has none says it of its coupon. */
static void give_up(struct yt_act *act, const struct yt_followup *f, struct yt_str template, enum yt_reason reason)
{
	withhold(act, f, f->kind.n ? (struct yt_str){ 0 } : template, reason);
}

static struct yt_followup followup_of(struct yt_act *act, struct yt_str rule, struct yt_str kind, int64_t due_at)
{
	return (struct yt_followup){
		.rule = rule,
		.kind = kind,
		.cause = act->ev->id,
		.fact = yt_act_fact_of_event(act, act->ev),
		.due_at = due_at,
	};
}

static void fire(struct yt_act *act, const struct yt_rule *r, int64_t due_at)
{
	struct yt_followup f = followup_of(act, r->name, r->follow_up, due_at);
	enum yt_reason refused = YT_REASON_NONE;
	bool left = false;
	char coupon[33];

	if (!holds(act, r->still)) {
		withhold(act, &f, r->issue ? r->issue->name : (struct yt_str){ 0 }, YT_REASON_CONDITION_FALSE);
		return;
	}
	if (r->issue) {
		refused = yt_coupon_issue(act, r, f.fact, coupon);
		left = !refused;
		f.coupon = refused ? NULL : coupon;
	}
	f.send_by = r->send_by_ms ? due_at + r->send_by_ms : 0;
	if (f.kind.n && refused)
		yt_followup_withhold(act, &f, refused);
	else if (f.kind.n && yt_followup_send(act, &f))
		left = true;
	if (left)
		mark(act, r);
}

/* --- the wait */

/* False: the rule does not fire. */
static bool wait_of(struct yt_act *act, const struct yt_rule *r, int64_t *ms)
{
	struct yt_value v;

	*ms = r->after_ms;
	if (!r->after_expr)
		return true;
	if (!yt_expr_eval(r->after_expr, act->env->arena, yt_run_fact, act, &v, NULL) || v.type != YT_V_DURATION)
		return false;
	*ms = yt_value_ms(&v) + (v.t.nsec % 1000000 != 0); /* nothing leaves before its wait is over */
	return true;
}

static void set_timer(struct yt_act *act, const struct yt_rule *r, int64_t due)
{
	/* What a follow-up says, and what group.* and contact.* are made of, beside what `still` names. */
	static const uint64_t always = UINT64_C(1) << YT_F_ORDER | UINT64_C(1) << YT_F_GROUP | UINT64_C(1) << YT_F_ACCOUNT;
	static const uint64_t of_place = UINT64_C(1) << YT_F_INVITER | UINT64_C(1) << YT_F_CHANNEL;
	struct yt_arena *a = act->env->arena;
	struct yt_timer t = { .due = due, .rule = yt_arena_dup(a, r->name), .kind = yt_arena_dup(a, r->follow_up) };

	if (r->issue)
		t.template = yt_arena_dup(a, r->issue->name);
	t.ev = yt_kept_new(a, act->ev, r->event_fields | always | (r->still && !act->order ? of_place : 0));
	yt_member_add_timer(act->member, a, &t);
	if (act->order && act->order->life_end < due + TIMER_SLACK_MS && act->order->keep_until < due + TIMER_SLACK_MS)
		yt_act_order(act)->keep_until = due + TIMER_SLACK_MS;
}

static void run(struct yt_act *act, const struct yt_rule *r)
{
	int64_t now = act->env->now_ms, wait;

	if (!is_in_season(act, r) || is_marked(act, r) || is_waiting(act, r) || !holds(act, r->when) || !wait_of(act, r, &wait))
		return;
	if (wait <= 0) {
		fire(act, r, now);
		return;
	}
	/* State holds no later instant; nobody waits for it. */
	if (wait > YT_INSTANT_MAX_MS - TIMER_SLACK_MS - now)
		wait = YT_INSTANT_MAX_MS - TIMER_SLACK_MS - now;
	if (act->member->n_timers < YT_TIMERS_MAX) {
		set_timer(act, r, now + wait);
	} else {
		struct yt_followup f = followup_of(act, r->name, r->follow_up, now + wait);

		give_up(act, &f, r->issue ? r->issue->name : (struct yt_str){ 0 }, YT_REASON_TIMER_LIMIT);
	}
}

void yt_run_rules(struct yt_act *act)
{
	const struct yt_ruleset *rules = act->env->rules;

	for (size_t k = 0; k < rules->n_rules; k++) {
		if (rules->rules[k].on >> act->ev->type & 1)
			run(act, &rules->rules[k]);
	}
}

void yt_run_timer(struct yt_act *act, const struct yt_timer *t)
{
	const struct yt_rule *r = act->shop ? yt_ruleset_rule(act->env->rules, t->rule) : NULL;

	if (!r) {
		struct yt_followup f = followup_of(act, t->rule, t->kind, t->due);

		give_up(act, &f, t->template, YT_REASON_RULE_GONE);
	} else if (!is_marked(act, r)) { /* it is when another set of rules gave the rule its `once` while several waited */
		fire(act, r, t->due);
	}
}
