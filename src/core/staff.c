#include "yutang/core/staff.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/grant.h"
#include "yutang/core/referral.h"

/* One id may stand in two commands of different types. */
static uint64_t mark_of(const struct yt_event *ev)
{
	return yt_hash64(ev->id) ^ yt_hash64(yt_types[ev->type].name);
}

bool yt_staff_knows(const struct yt_member *m, const struct yt_event *ev)
{
	for (uint32_t k = 0; m->refers && k < m->refers->n_commands; k++) {
		if (m->refers->commands[k] == mark_of(ev))
			return true;
	}
	return false;
}

const char *yt_staff_judge(const struct yt_member *m, const struct yt_event *ev, int64_t now_ms)
{
	switch (ev->type) {
	case YT_REFERRAL_APPROVE:
	case YT_REFERRAL_VOID:
		return yt_referral_judge_staff(m, ev);
	case YT_COUPON_REVOKE:
		return yt_coupon_revocable(m, yt_event_text(ev, YT_F_COUPON), now_ms) ? NULL : "coupon";
	default:
		return NULL;
	}
}

void yt_staff_remember(struct yt_act *act)
{
	struct yt_refers *r = yt_member_refers(act->member, act->env->arena);

	r->commands = yt_list_grow(act->env->arena, r->commands, r->n_commands, &r->cap_commands, sizeof(*r->commands));
	r->commands[r->n_commands++] = mark_of(act->ev);
}

void yt_staff_do(struct yt_act *act)
{
	const struct yt_event *ev = act->ev;

	if (ev->type == YT_COUPON_GRANT)
		yt_grant_give(act, &(struct yt_grant){
			.origin.ev = yt_kept_new(act->env->arena, ev, 0),
			.rule = YT_RULE_STAFF,
			.has_coupon = true,
			.coupon = *yt_ruleset_coupon(act->env->rules, yt_event_text(ev, YT_F_TEMPLATE)),
			.own = true,
		});
	else if (ev->type == YT_COUPON_REVOKE)
		yt_coupon_revoke(act, yt_coupon_revocable(act->member, yt_event_text(ev, YT_F_COUPON), act->env->now_ms), YT_RULE_STAFF,
		                 YT_REASON_BY_STAFF);
	else
		yt_referral_staff(act);
}
