#include "yutang/core/decide.h"

#include "yutang/base/hash.h"
#include "yutang/core/account.h"
#include "yutang/core/alias.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/fold.h"
#include "yutang/core/gift.h"
#include "yutang/core/grant.h"
#include "yutang/core/group.h"
#include "yutang/core/limit.h"
#include "yutang/core/presale.h"
#include "yutang/core/referral.h"
#include "yutang/core/report.h"
#include "yutang/core/run.h"
#include "yutang/core/send.h"
#include "yutang/core/share.h"
#include "yutang/core/staff.h"
#include "yutang/core/tier.h"
#include "yutang/core/link.h"
#include "yutang/core/run.h"
#include "yutang/core/send.h"
#include "yutang/core/transfer.h"

static void copy_text(char *out, size_t size, const char *text)
{
	size_t n = strlen(text);

	n = n < size ? n : size - 1;
	memcpy(out, text, n);
	out[n] = 0;
}

void yt_decision_dead(struct yt_decision *d, enum yt_dead why, const char *detail)
{
	d->result = YT_DEAD;
	d->dead = why;
	copy_text(d->detail, sizeof(d->detail), detail);
}

void yt_decision_known(struct yt_decision *d, bool same, const char *field)
{
	d->result = same ? YT_DUPLICATE : YT_CONFLICT;
	if (!same)
		copy_text(d->detail, sizeof(d->detail), field);
}

static void dead(struct yt_decision *d, enum yt_dead why, const char *detail)
{
	yt_decision_dead(d, why, detail);
}

static void conflict(struct yt_decision *d, const char *field)
{
	yt_decision_known(d, false, field);
}

static void known(struct yt_decision *d, bool same)
{
	yt_decision_known(d, same, "content");
}

static const void *peek(const struct yt_decide_env *env, enum yt_kind kind, struct yt_str name)
{
	return env->state->peek(env->state->ctx, kind, name);
}

static bool fits(struct yt_decision *d, bool ok)
{
	if (!ok) {
		d->result = YT_DEAD;
		d->dead = YT_DEAD_LIMIT;
	}
	return ok;
}

/* What one decision knows of its event before the first edit. */
struct view {
	const struct yt_decide_env *env;
	const struct yt_event *ev;
	const struct yt_shop_rules *shop;
	struct yt_str member_name, order_name;
	const struct yt_member *m; /* NULL: absent */
	int64_t erased_at;         /* 0: never */
	const struct yt_order *o;
};

static bool has_rules(const struct yt_ruleset *rules, enum yt_type type)
{
	return rules->on >> type & 1;
}

/* What is told of an order before it is paid changes nothing of its member; nor does its way to the buyer where no rule asks for it. */
static bool changes_member(const struct view *v, const struct yt_order *o)
{
	if (!o || v->ev->type == YT_ORDER_PAID)
		return true;
	if (!o->paid)
		return false;
	return o->n_used || (o->qualifies && v->ev->type == YT_ORDER_SIGNED) ||
	       (v->ev->type != YT_ORDER_SHIPPED && v->ev->type != YT_ORDER_SIGNED) || has_rules(v->env->rules, v->ev->type);
}

static void begin(const struct view *v, struct yt_act *act)
{
	const struct yt_state *state = v->env->state;

	*act = (struct yt_act){ .env = v->env, .shop = v->shop, .ev = v->ev };
	if (v->order_name.n)
		act->order = state->edit(state->ctx, YT_KIND_ORDER, v->order_name);
	if (changes_member(v, act->order))
		act->member = v->erased_at && !v->m ? yt_erase_edit(v->env, v->member_name) : state->edit(state->ctx, YT_KIND_MEMBER, v->member_name);
}

/* --- order.paid */

/* The order is known, by itself or by its fingerprint. */
static bool judge_known_paid(const struct view *v, struct yt_decision *d)
{
	const struct yt_event *ev = v->ev;
	int64_t amount = yt_event_int(ev, YT_F_AMOUNT);
	struct yt_paid p;

	if (v->o && v->o->paid) {
		if (!yt_str_eq(v->o->member, yt_event_member(ev)))
			conflict(d, "member");
		else if (v->o->amount != amount)
			conflict(d, "amount");
		else if (v->o->paid_at != ev->at)
			conflict(d, "paid_at");
		else
			known(d, v->o->hash == (uint32_t)yt_event_hash(ev));
		return true;
	}
	if (!v->m || !yt_paids_find(&v->m->orders, yt_hash64(yt_event_text(ev, YT_F_ORDER)), &p))
		return false;
	if (p.amount != amount)
		conflict(d, "amount");
	else if (p.paid_at != ev->at)
		conflict(d, "paid_at");
	else
		d->result = YT_DUPLICATE;
	return true;
}

static uint32_t early_types(const struct yt_order *o)
{
	uint32_t types = 0;

	for (uint32_t k = 0; o && k < o->n_early; k++)
		types |= 1u << o->early[k]->type;
	return types;
}

static bool judge_paid(const struct view *v, struct yt_decision *d)
{
	/* A second delivery is no dead letter, whatever it says. */
	if (judge_known_paid(v, d))
		return false;
	if (!yt_str_eq(yt_event_text(v->ev, YT_F_CURRENCY), v->shop->currency)) {
		dead(d, YT_DEAD_BAD_FIELD, "currency: not the shop's");
		return false;
	}
	if (v->m && v->m->orders.dropped_to && v->ev->at <= v->m->orders.dropped_to) {
		dead(d, YT_DEAD_TOO_OLD, "paid_at: older than the 2048 orders that are kept of the member");
		return false;
	}
	if (!fits(d, yt_limit_products(v->env, v->o, v->ev, d->detail)))
		return false;
	return fits(d, yt_limit_rules(v->env, v->m, v->o, 1u << YT_ORDER_PAID | early_types(v->o), d->detail));
}

static void order_is_gone(struct yt_act *act, enum yt_reason reason)
{
	yt_coupon_revoke_earned(act, act->order->id, reason);
	yt_grant_withdraw(act, reason);
	yt_referral_order_gone(act, reason);
}

/* What the events before a cancel, or before the refund that makes it whole, have earned goes with the order, as it would have behind it. refunded: by
 * the early events until now. */
static void early_takes_away(struct yt_act *act, int64_t *refunded)
{
	struct yt_paid paid;
	int64_t before = *refunded;

	if (act->ev->type == YT_ORDER_CANCELLED)
		order_is_gone(act, YT_REASON_ORDER_CANCELLED);
	if (act->ev->type != YT_ORDER_REFUNDED)
		return;
	yt_order_paid(act->order, &paid);
	*refunded += yt_event_int(act->ev, YT_F_AMOUNT);
	if (before < paid.amount && *refunded >= paid.amount)
		order_is_gone(act, YT_REASON_ORDER_REFUNDED);
}

static void decide_paid(const struct view *v, struct yt_decision *d)
{
	const struct yt_event **early;
	uint32_t n_early;
	struct yt_order *o;
	struct yt_act act;
	int64_t refunded = 0;
	bool gone;

	if (!judge_paid(v, d))
		return;
	begin(v, &act);
	o = yt_act_order(&act);
	early = o->early;
	n_early = o->n_early;
	o->early = NULL;
	o->n_early = o->cap_early = 0;
	o->life_end = v->env->now_ms + v->shop->refund_window_ms + YT_AFTER_REFUND_WINDOW_MS;
	yt_fold_paid(&act, v->ev);
	if (v->env->rules->referral)
		yt_buyer_fold(&act);
	gone = yt_order_refunded(act.order);
	/* Already cancelled or fully refunded: no order, no coupon, sets off nothing. What was early sets off its own. */
	if (!gone) {
		yt_coupon_use_codes(&act);
		yt_tier_look(&act);
		yt_referral_paid(&act);
		yt_run_rules(&act);
	}
	for (uint32_t k = 0; k < n_early; k++) {
		act.ev = early[k];
		if (gone)
			early_takes_away(&act, &refunded);
		yt_run_rules(&act);
	}
	yt_run_follows(&act);
}

/* --- what follows an order */

/* 0: shipped, signed, cancelled of this order are not known. */
static int64_t known_step(const struct yt_order *o, enum yt_type type, uint16_t *hash)
{
	switch (type) {
	case YT_ORDER_SHIPPED:
		*hash = o->shipped_hash;
		return o->shipped_at;
	case YT_ORDER_SIGNED:
		*hash = o->signed_hash;
		return o->signed_at;
	case YT_ORDER_CANCELLED:
		*hash = o->cancelled_hash;
		return o->cancelled_at;
	default:
		return 0;
	}
}

static bool judge_known_step(const struct view *v, struct yt_decision *d)
{
	uint16_t hash = (uint16_t)yt_event_hash(v->ev), was = 0;
	const struct yt_refund *r = NULL;

	if (!v->o)
		return false;
	if (v->ev->type == YT_ORDER_REFUNDED)
		r = yt_order_refund(v->o, yt_hash64(yt_event_text(v->ev, YT_F_REFUND)));
	if (r && r->amount != yt_event_int(v->ev, YT_F_AMOUNT))
		conflict(d, "amount");
	else if (r)
		known(d, r->at == v->ev->at && r->hash == hash);
	else if (known_step(v->o, v->ev->type, &was))
		known(d, was == hash);
	else
		return false;
	return true;
}

static bool is_over(const struct view *v)
{
	if (v->o)
		return v->o->life_end <= v->env->now_ms;
	return v->m && yt_paids_find(&v->m->orders, yt_hash64(yt_event_text(v->ev, YT_F_ORDER)), NULL);
}

static bool judge_step(const struct view *v, struct yt_decision *d)
{
	if (judge_known_step(v, d))
		return false;
	if (v->o && v->o->paid && !yt_str_eq(v->o->member, yt_event_member(v->ev))) {
		dead(d, YT_DEAD_BAD_FIELD, "member: the order is another member's");
		return false;
	}
	if (is_over(v)) {
		dead(d, YT_DEAD_TOO_OLD, "order: its last event is older than refund_window and 30 days");
		return false;
	}
	if (!fits(d, yt_limit_order(v->env, v->o, v->ev, d->detail)) || !fits(d, yt_limit_products(v->env, v->o, v->ev, d->detail)))
		return false;
	return !v->o || !v->o->paid || fits(d, yt_limit_rules(v->env, v->m, v->o, 1u << v->ev->type, d->detail));
}

/* By its refunds alone, whether or not it was cancelled, too. */
static bool is_refunded_whole(const struct yt_order *o)
{
	struct yt_paid paid;

	yt_order_paid(o, &paid);
	return o->paid && paid.amount > 0 && paid.refunded == paid.amount;
}

static void fold_step(struct yt_act *act)
{
	bool was_whole = is_refunded_whole(act->order);

	switch (act->ev->type) {
	case YT_ORDER_SHIPPED:
		yt_fold_shipped(act, act->ev);
		break;
	case YT_ORDER_SIGNED:
		yt_fold_signed(act, act->ev);
		break;
	case YT_ORDER_REFUNDED:
		yt_fold_refunded(act, act->ev);
		if (!was_whole && is_refunded_whole(act->order))
			order_is_gone(act, YT_REASON_ORDER_REFUNDED);
		break;
	default:
		yt_fold_cancelled(act, act->ev);
		if (!act->order->paid)
			break;
		yt_coupon_return_used(act);
		yt_transfer_return(act);
		order_is_gone(act, YT_REASON_ORDER_CANCELLED);
		break;
	}
}

static void decide_step(const struct view *v, struct yt_decision *d)
{
	struct yt_act act;

	if (!judge_step(v, d))
		return;
	begin(v, &act);
	yt_act_order(&act)->life_end = v->env->now_ms + v->shop->refund_window_ms + YT_AFTER_REFUND_WINDOW_MS;
	fold_step(&act);
	if (!act.order->paid)
		return;
	yt_coupon_keep_used(&act);
	if (v->ev->type == YT_ORDER_SIGNED)
		yt_referral_signed(&act);
	if (act.member)
		yt_tier_look(&act);
	yt_run_rules(&act);
	yt_run_follows(&act);
}

/* --- presales */

static bool judge_deposit(const struct view *v, struct yt_decision *d)
{
	const struct yt_deposit *known_row = v->m ? yt_deposits_find(&v->m->deposits, yt_event_text(v->ev, YT_F_PRESALE)) : NULL;
	bool paid = v->ev->type == YT_PRESALE_DEPOSIT_PAID;

	if (known_row && (paid ? known_row->paid_at : known_row->refunded_at)) {
		known(d, (paid ? known_row->paid_hash : known_row->refunded_hash) == (uint16_t)yt_event_hash(v->ev));
		return false;
	}
	if (!known_row && v->m && v->ev->at <= v->m->deposits.dropped_to) {
		dead(d, YT_DEAD_TOO_OLD, "older than the 128 deposits that are kept of the member");
		return false;
	}
	return fits(d, yt_limit_rules(v->env, v->m, NULL, 1u << v->ev->type, d->detail));
}

static void decide_deposit(const struct view *v, struct yt_decision *d)
{
	struct yt_act act;

	if (!judge_deposit(v, d))
		return;
	begin(v, &act);
	if (!yt_presale_decide(&act))
		return;
	yt_tier_look(&act);
	yt_run_rules(&act);
	yt_run_follows(&act);
}

/* --- groups and contacts */

/* What group.joined / left and contact.added / removed differ in. */
struct place_kind {
	bool in, group;
	enum yt_field id;
};

static const struct place_kind place_kinds[YT_TYPE__COUNT] = {
	[YT_GROUP_JOINED] = { true, true, YT_F_GROUP },
	[YT_GROUP_LEFT] = { false, true, YT_F_GROUP },
	[YT_CONTACT_ADDED] = { true, false, YT_F_ACCOUNT },
	[YT_CONTACT_REMOVED] = { false, false, YT_F_ACCOUNT },
};

static bool judge_place(const struct view *v, struct yt_decision *d, const struct place_kind *kind, bool *superseded)
{
	struct yt_str id = yt_event_text(v->ev, kind->id);
	const struct yt_places *places;
	const struct yt_place *place;
	const struct yt_move *move;
	const char *what = kind->group ? "group: a member keeps 256" : "account: a member keeps 64";

	*superseded = false;
	if (v->m) {
		places = kind->group ? &v->m->groups : &v->m->accounts;
		place = yt_places_find(places, id);
		move = place ? yt_place_known(place, v->ev->at, kind->in) : NULL;
		if (move) {
			known(d, move->hash == (uint16_t)yt_event_hash(v->ev));
			return false;
		}
		if (v->ev->at <= places->dropped_to) {
			dead(d, YT_DEAD_TOO_OLD, "older than what is kept of the member's groups or contacts");
			return false;
		}
		if (!fits(d, yt_limit_place(places, id, kind->group ? YT_GROUPS_MAX : YT_ACCOUNTS_MAX, what, d->detail)))
			return false;
		*superseded = place && yt_place_superseded(place, v->ev->at, kind->in);
	}
	return fits(d, yt_limit_rules(v->env, v->m, NULL, *superseded ? 0 : 1u << v->ev->type, d->detail));
}

static bool stands_at(const struct yt_places *places, struct yt_str id)
{
	const struct yt_place *place = yt_places_find(places, id);

	return place && yt_place_stands(place);
}

/* Whether the member is there now, to who counts. */
static void tell_place(struct yt_act *act, const struct place_kind *kind, struct yt_str id, bool stood)
{
	int by = stands_at(kind->group ? &act->member->groups : &act->member->accounts, id) - stood;

	if (kind->group)
		yt_group_tell(act, act->member->shop, id, by);
	else if (by)
		yt_account_tell(act, act->member->shop, id, by);
}

static void fold_place(struct yt_act *act, const struct place_kind *kind)
{
	struct yt_member *m = act->member;
	const struct yt_event *ev = act->ev;
	struct yt_move move = { .at = ev->at, .in = kind->in, .hash = (uint16_t)yt_event_hash(ev) };
	struct yt_places *places = kind->group ? &m->groups : &m->accounts;
	int64_t *first = kind->group ? &m->joined_at : &m->added_at;
	struct yt_str id = yt_event_text(ev, kind->id);
	bool stood = stands_at(places, id);

	yt_places_add(places, act->env->arena, id, move, kind->group ? YT_GROUP_MOVES_MAX : YT_ACCOUNT_MOVES_MAX);
	tell_place(act, kind, id, stood);
	if (kind->in && (!*first || ev->at < *first))
		*first = ev->at;
	if (kind->group)
		yt_act_count(act, ev->at, kind->in ? YT_DAY_JOINS : YT_DAY_LEAVES, 1);
	if (kind->in)
		yt_report_fact(act, ev->at, yt_event_text(ev, YT_F_CHANNEL), kind->group ? YT_CHANNEL_JOINED : YT_CHANNEL_ADDED);
	yt_member_channel(m, act->env->arena, yt_event_text(ev, YT_F_CHANNEL), ev->at);
}

static void decide_place(const struct view *v, struct yt_decision *d)
{
	const struct place_kind *kind = &place_kinds[v->ev->type];
	struct yt_act act;
	bool superseded;

	if (!judge_place(v, d, kind, &superseded))
		return;
	begin(v, &act);
	fold_place(&act, kind);
	if (superseded)
		return;
	yt_tier_look(&act);
	yt_run_rules(&act);
	yt_run_follows(&act);
}

/* --- referral.bound: a fact of the member, with which a saga begins where there is a [referral] */

static void decide_bound_again(const struct view *v, struct yt_str referrer, struct yt_decision *d)
{
	struct yt_act act;

	if (yt_referral_is_named(v->env, v->m, referrer)) {
		known(d, v->m->bound_hash == (uint16_t)yt_event_hash(v->ev));
	} else if (!yt_referral_is_new_other(v->env, v->m, referrer)) {
		conflict(d, "referrer");
	} else {
		begin(v, &act);
		yt_referral_refuse_other(&act, referrer);
	}
}

static void decide_referral(const struct view *v, struct yt_decision *d)
{
	struct yt_str referrer = yt_erase_kept(v->env, v->ev->shop, yt_event_text(v->ev, YT_F_REFERRER), v->ev->at);
	struct yt_act act;

	if (v->m && v->m->referrer.n) {
		decide_bound_again(v, referrer, d);
		return;
	}
	if (!fits(d, yt_limit_rules(v->env, v->m, NULL, 1u << YT_REFERRAL_BOUND, d->detail)))
		return;
	begin(v, &act);
	act.member->referrer = yt_arena_dup(v->env->arena, referrer);
	act.member->bound_at = v->ev->at;
	act.member->bound_hash = (uint16_t)yt_event_hash(v->ev);
	yt_report_fact(&act, v->ev->at, yt_event_text(v->ev, YT_F_CHANNEL), YT_CHANNEL_BOUND);
	yt_report_referred(&act, 1);
	yt_member_channel(act.member, v->env->arena, yt_event_text(v->ev, YT_F_CHANNEL), v->ev->at);
	yt_tier_look(&act);
	yt_referral_bind(&act);
	yt_run_rules(&act);
	yt_run_follows(&act);
}

/* --- share.made, gift.claimed */

/* What the two differ in. */
struct told_kind {
	struct yt_str (*key)(struct yt_arena *a, struct yt_str name);
	enum yt_field name, what;
	void (*decide)(struct yt_act *act);
};

static const struct told_kind told_kinds[YT_TYPE__COUNT] = {
	[YT_SHARE_MADE] = { yt_share_key, YT_F_SHARE, YT_F_FRIEND, yt_share_made },
	[YT_GIFT_CLAIMED] = { yt_gift_key, YT_F_GIFT, YT_F_CLAIM, yt_gift_claimed },
};

/* A friend may be a member, who may be erased. */
static uint64_t told_what(const struct view *v, enum yt_field field)
{
	struct yt_str what = yt_event_text(v->ev, field);

	if (field != YT_F_FRIEND)
		return yt_hash64(what);
	return yt_str_eq(what, yt_event_member(v->ev)) ? YT_TOLD_SELF : yt_erase_hash(v->env, v->ev->shop, what);
}

static bool judge_told(const struct view *v, struct yt_decision *d, struct yt_str key, const struct yt_told *told)
{
	const struct yt_told *was = v->m ? yt_claims_told(&v->m->claims, told->of, told->what) : NULL;

	if (was) {
		known(d, was->hash == told->hash && was->at == told->at);
		return false;
	}
	if (v->m && told->at <= v->m->claims.dropped_to) {
		dead(d, YT_DEAD_TOO_OLD, "older than what is kept of the member's gifts and shares");
		return false;
	}
	if (v->m && !yt_claims_has_room(&v->m->claims, key)) {
		dead(d, YT_DEAD_LIMIT, "gifts and shares: a member keeps 128");
		return false;
	}
	return fits(d, yt_limit_rules(v->env, v->m, NULL, 1u << v->ev->type, d->detail));
}

static void decide_told(const struct view *v, struct yt_decision *d)
{
	const struct told_kind *kind = &told_kinds[v->ev->type];
	struct yt_str key = kind->key(v->env->arena, yt_event_text(v->ev, kind->name));
	struct yt_told told = {
		.of = yt_hash64(key),
		.what = told_what(v, kind->what),
		.at = v->ev->at,
		.hash = (uint16_t)yt_event_hash(v->ev),
	};
	struct yt_act act;

	if (!judge_told(v, d, key, &told))
		return;
	begin(v, &act);
	yt_claims_tell(&act.member->claims, v->env->arena, &told);
	kind->decide(&act);
	yt_tier_look(&act);
	yt_run_rules(&act);
	yt_run_follows(&act);
}

/* --- commands */

/* A template that [coupon] has, with an end of its own. */
static bool is_template(const struct yt_ruleset *rules, struct yt_str name)
{
	const struct yt_coupon_rules *t = yt_ruleset_coupon(rules, name);

	return t && (t->valid_for_ms || t->valid_until_text.n);
}

static void decide_command(const struct view *v, struct yt_decision *d)
{
	const char *why = "member";
	struct yt_act act;

	if (v->m && yt_staff_knows(v->m, v->ev)) {
		d->result = YT_DUPLICATE;
		return;
	}
	if (v->ev->type == YT_COUPON_GRANT && !is_template(v->env->rules, yt_event_text(v->ev, YT_F_TEMPLATE))) {
		dead(d, YT_DEAD_BAD_FIELD, "template: the rule set has no such [coupon], or one that only a [presale] gives");
		return;
	}
	if (!fits(d, yt_limit_commands(v->env, v->m, d->detail)))
		return;
	if (v->ev->type != YT_COUPON_GRANT)
		why = v->m ? yt_staff_judge(v->m, v->ev, v->env->now_ms) : why;
	else
		why = NULL;
	if (why)
		conflict(d, why);
	if (why && !v->m)
		return; /* nobody to remember it of */
	begin(v, &act);
	yt_staff_remember(&act);
	if (!why) {
		yt_staff_do(&act);
		yt_run_follows(&act);
	}
}

static void decide_erase(const struct view *v, struct yt_decision *d)
{
	struct yt_act act = { .env = v->env, .shop = v->shop, .ev = v->ev };

	yt_erase_decide(&act, v->member_name, d);
}

static void (*const deciders[YT_TYPE__COUNT])(const struct view *v, struct yt_decision *d) = {
	[YT_ORDER_PAID] = decide_paid,
	[YT_ORDER_SHIPPED] = decide_step,
	[YT_ORDER_SIGNED] = decide_step,
	[YT_ORDER_REFUNDED] = decide_step,
	[YT_ORDER_CANCELLED] = decide_step,
	[YT_PRESALE_DEPOSIT_PAID] = decide_deposit,
	[YT_PRESALE_DEPOSIT_REFUNDED] = decide_deposit,
	[YT_GROUP_JOINED] = decide_place,
	[YT_GROUP_LEFT] = decide_place,
	[YT_CONTACT_ADDED] = decide_place,
	[YT_CONTACT_REMOVED] = decide_place,
	[YT_REFERRAL_BOUND] = decide_referral,
	[YT_SHARE_MADE] = decide_told,
	[YT_GIFT_CLAIMED] = decide_told,
	[YT_REFERRAL_APPROVE] = decide_command,
	[YT_REFERRAL_VOID] = decide_command,
	[YT_COUPON_GRANT] = decide_command,
	[YT_COUPON_REVOKE] = decide_command,
	[YT_MEMBER_ERASE] = decide_erase,
};

/* Of no member, or of one that they do not name as theirs. */
static void (*const elsewhere[YT_TYPE__COUNT])(struct yt_act *act, struct yt_decision *d) = {
	[YT_ALIAS_BOUND] = yt_alias_bound,
	[YT_GROUP_CHANGED] = yt_group_changed,
	[YT_MEMBER_LINKED] = yt_link_decide,
};

void yt_decide(const struct yt_decide_env *env, const struct yt_event *ev, struct yt_decision *out)
{
	struct yt_str member = yt_event_member(ev), order = yt_event_text(ev, YT_F_ORDER);
	struct view v = { .env = env, .ev = ev, .shop = yt_ruleset_shop(env->rules, ev->shop) };

	*out = (struct yt_decision){ .result = YT_APPLIED };
	if (!v.shop) {
		dead(out, YT_DEAD_UNKNOWN_SHOP, "the rule set has no such [shop], and no [shop \"*\"]");
		return;
	}
	if (elsewhere[ev->type] || !member.n) {
		struct yt_act act = { .env = env, .shop = v.shop, .ev = ev };

		(elsewhere[ev->type] ? elsewhere[ev->type] : yt_alias_park)(&act, out);
		return;
	}
	v.member_name = yt_act_name(env->arena, ev->shop, member);
	v.m = peek(env, YT_KIND_MEMBER, v.member_name);
	v.erased_at = yt_erase_at(env, v.member_name, v.m);
	if (v.erased_at >= ev->at && ev->type != YT_MEMBER_ERASE) {
		out->result = YT_ERASED;
		return;
	}
	if (v.m && v.m->ident.linked_to.n) {
		env->state->forward(env->state->ctx, env->state->raw(env->state->ctx), yt_link_to(env->arena, v.m));
		out->result = YT_FORWARDED;
		return;
	}
	if (order.n) {
		v.order_name = yt_act_name(env->arena, ev->shop, order);
		v.o = peek(env, YT_KIND_ORDER, v.order_name);
	}
	deciders[ev->type](&v, out);
}

void yt_decide_internal(const struct yt_decide_env *env, struct yt_str key, struct yt_str value, struct yt_decision *out)
{
	struct yt_act act = { .env = env, .shop = yt_ruleset_shop(env->rules, yt_name_shop(key)) };

	*out = (struct yt_decision){ .result = YT_APPLIED };
	if (!act.shop) {
		dead(out, YT_DEAD_UNKNOWN_SHOP, "the rule set has no such [shop], and no [shop \"*\"]");
		return;
	}
	if (!yt_send_take(&act, key, value)) {
		dead(out, YT_DEAD_BAD_FIELD, "an internal event that is none of ours");
		return;
	}
	if (act.member)
		yt_run_follows(&act);
}
