#include "yutang/core/merge.h"

#include "yutang/base/hash.h"
#include "yutang/core/account.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/fold.h"
#include "yutang/core/grant.h"
#include "yutang/core/group.h"
#include "yutang/core/limit.h"
#include "yutang/core/presale.h"
#include "yutang/core/referral.h"
#include "yutang/core/report.h"
#include "yutang/core/run.h"
#include "yutang/core/stock.h"
#include "yutang/core/transfer.h"

enum { ROOM_FOR_RULES = 16 * 1024 }; /* coupons and timers of the rules on member.linked, and of what follows */

/* --- places */

static bool stands(const struct yt_places *p, struct yt_str id)
{
	const struct yt_place *place = yt_places_find(p, id);

	return place && yt_place_stands(place);
}

static void merge_places(struct yt_act *act, struct yt_places *to, const struct yt_places *from, bool group)
{
	uint32_t moves_max = group ? YT_GROUP_MOVES_MAX : YT_ACCOUNT_MOVES_MAX;

	for (uint32_t k = 0; k < from->n; k++) {
		const struct yt_place *place = &from->v[k];
		int by = -(stands(to, place->id) + yt_place_stands(place));

		for (uint32_t i = 0; i < place->n; i++) {
			const struct yt_place *known = yt_places_find(to, place->id);

			if (!known || !yt_place_known(known, place->moves[i].at, place->moves[i].in))
				yt_places_add(to, act->env->arena, place->id, place->moves[i], moves_max);
		}
		by += stands(to, place->id);
		if (group)
			yt_group_tell(act, act->member->shop, place->id, by);
		else if (by)
			yt_account_tell(act, act->member->shop, place->id, by);
	}
	if (from->dropped_to > to->dropped_to)
		to->dropped_to = from->dropped_to;
}

/* --- marks, tags, follow-ups that left */

static void merge_marks(struct yt_member *m, struct yt_arena *a, const struct yt_member *from)
{
	for (uint32_t k = 0; k < from->n_marks; k++) {
		bool known = false;

		for (uint32_t i = 0; i < m->n_marks && !known; i++)
			known = m->marks[i] == from->marks[k];
		if (known)
			continue;
		m->marks = yt_list_grow(a, m->marks, m->n_marks, &m->cap_marks, sizeof(*m->marks));
		m->marks[m->n_marks++] = from->marks[k];
	}
}

static void merge_contacts(struct yt_member *m, struct yt_arena *a, const struct yt_member *from)
{
	struct yt_member own = *m;
	uint32_t i = 0, k = 0;

	m->contacts = NULL;
	m->n_contacts = m->cap_contacts = 0;
	while (i < own.n_contacts || k < from->n_contacts) {
		if (k == from->n_contacts || (i < own.n_contacts && own.contacts[i] <= from->contacts[k]))
			yt_member_contact(m, a, own.contacts[i++]);
		else
			yt_member_contact(m, a, from->contacts[k++]);
	}
}

/* --- timers */

/* Of a rule that waits once a member only one goes on: with pending = per member the later, of `once = per member` the one that would have been first, and
 * one whose follow-up waits for the end of quiet hours has fired already. -1: it waits by itself. */
static int rival(const struct yt_act *act, const struct yt_timer *t)
{
	const struct yt_rule *r = yt_ruleset_rule(act->env->rules, t->rule);

	if (!r || t->granted || (!r->pending_per_member && r->once != YT_ONCE_MEMBER))
		return -1;
	for (uint32_t k = 0; k < act->member->n_timers; k++) {
		const struct yt_timer *own = &act->member->timers[k];

		if (yt_str_eq(own->rule, t->rule) && !own->granted && (r->once == YT_ONCE_MEMBER || own->quiet == t->quiet))
			return (int)k;
	}
	return -1;
}

static bool goes_first(const struct yt_act *act, const struct yt_timer *t, const struct yt_timer *own)
{
	const struct yt_rule *r = yt_ruleset_rule(act->env->rules, t->rule);

	if (t->quiet != own->quiet)
		return t->quiet;
	return r->pending_per_member && !t->quiet ? t->due > own->due : t->due < own->due;
}

/* A follow-up of `once = per member` that waits for the end of quiet hours, and of which nothing is out yet, is one too many where the rule has left
 * something under the other id. marks: of that id alone. */
static bool is_said(const struct yt_act *act, const struct yt_timer *t, const uint64_t *marks, uint32_t n)
{
	const struct yt_rule *r = yt_ruleset_rule(act->env->rules, t->rule);

	return r && r->once == YT_ONCE_MEMBER && t->quiet && !t->has_coupon && !t->granted && yt_mark_is_set(marks, n, r->name);
}

static void merge_timer(struct yt_act *act, struct yt_timer t)
{
	struct yt_member *m = act->member;
	int k = rival(act, &t);

	yt_erase_kept_timer(act, &t);
	if (k >= 0 && goes_first(act, &t, &m->timers[k]))
		m->timers[k] = t;
	else if (k < 0 && m->n_timers < YT_TIMERS_MAX)
		yt_member_add_timer(m, act->env->arena, &t);
	else if (k < 0)
		yt_run_timer_lost(act, &t);
}

/* --- deposits */

/* Paid under one id and refunded under the other: what it earned goes. */
static void merge_deposits(struct yt_act *act, const struct yt_deposits *from)
{
	struct yt_deposits *own = &act->member->deposits;

	for (uint32_t k = 0; k < from->n; k++) {
		if (yt_deposits_take(own, act->env->arena, &from->v[k]))
			yt_presale_refunded(act, from->v[k].presale, yt_deposits_known(own, from->v[k].presale));
	}
	yt_deposits_trim(own, from->dropped_to);
}

/* --- the member */

static int64_t earlier(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

void yt_merge_member(struct yt_act *act, const struct yt_member *from)
{
	struct yt_arena *a = act->env->arena;
	struct yt_member *m = act->member;
	struct yt_report_was was = yt_report_before(m);
	uint32_t n_own_marks;

	yt_member_channel(m, a, from->channel, from->channel_at);
	m->joined_at = earlier(m->joined_at, from->joined_at);
	m->added_at = earlier(m->added_at, from->added_at);
	yt_paids_merge(&m->orders, a, &from->orders);
	merge_places(act, &m->groups, &from->groups, true);
	merge_places(act, &m->accounts, &from->accounts, false);
	yt_wallet_merge(&m->wallet, a, &from->wallet);
	yt_claims_merge(&m->claims, a, &from->claims);
	n_own_marks = m->n_marks;
	merge_marks(m, a, from);
	for (uint32_t k = 0; k < from->n_tags; k++)
		yt_member_tag(m, a, from->tags[k]);
	merge_contacts(m, a, from);
	for (uint32_t k = m->n_timers; k-- > 0;)
		if (is_said(act, &m->timers[k], from->marks, from->n_marks))
			yt_member_remove_timer(m, k);
	for (uint32_t k = 0; k < from->n_timers; k++)
		if (!is_said(act, &from->timers[k], m->marks, n_own_marks)) /* its own are the first */
			merge_timer(act, from->timers[k]);
	yt_stock_merge(act, from);
	for (uint32_t k = 0; k < from->ident.n_ids; k++)
		yt_ident_add(&m->ident, a, from->ident.ids[k]);
	yt_referral_merge(act, from);
	merge_deposits(act, &from->deposits);
	yt_report_merged(act, &was, from);
}

/* --- an order that both know */

/* What is told of an order that is not paid is all among its early events. Here they are facts of the order that is; no rule runs. */
static void fold_early(struct yt_act *act, const struct yt_order *from)
{
	static void (*const folds[YT_TYPE__COUNT])(struct yt_act *act, const struct yt_event *ev) = {
		[YT_ORDER_SHIPPED] = yt_fold_shipped,
		[YT_ORDER_SIGNED] = yt_fold_signed,
		[YT_ORDER_REFUNDED] = yt_fold_refunded,
		[YT_ORDER_CANCELLED] = yt_fold_cancelled,
	};
	const struct yt_order *o = act->order;
	char detail[160];

	for (uint32_t k = 0; k < from->n_early; k++) {
		const struct yt_event *ev = from->early[k];
		bool known = ev->type == YT_ORDER_SHIPPED     ? o->shipped_at != 0
		             : ev->type == YT_ORDER_SIGNED    ? o->signed_at != 0
		             : ev->type == YT_ORDER_CANCELLED ? o->cancelled_at != 0
		                                              : yt_order_refund(o, yt_hash64(yt_event_text(ev, YT_F_REFUND))) != NULL;

		if (!known && yt_limit_order(act->env, o, ev, detail))
			folds[ev->type](act, ev);
		o = act->order;
	}
}

/* Both are paid: one order, told under two ids. The payment of the member's own stays. */
static void take_steps(struct yt_act *act, struct yt_order *o, const struct yt_order *from)
{
	if (!o->shipped_at) {
		o->shipped_at = from->shipped_at;
		o->shipped_hash = from->shipped_hash;
	}
	if (!o->signed_at) {
		o->signed_at = from->signed_at;
		o->signed_hash = from->signed_hash;
	}
	if (!o->cancelled_at) {
		o->cancelled_at = from->cancelled_at;
		o->cancelled_hash = from->cancelled_hash;
	}
	for (uint32_t k = 0; k < from->n_refunds && o->n_refunds < YT_REFUNDS_MAX; k++) {
		if (!yt_order_refund(o, from->refunds[k].fp))
			yt_order_add_refund(o, act->env->arena, &from->refunds[k]);
	}
}

static void take_products(struct yt_act *act, struct yt_order *o, const struct yt_order *from)
{
	for (uint32_t k = 0; k < from->n_products; k++) {
		struct yt_order_product *p = yt_order_product(o, act->env->arena, from->products[k].sku);

		if (!p)
			continue;
		p->units = p->units > from->products[k].units ? p->units : from->products[k].units;
		p->refunded = p->refunded > from->products[k].refunded ? p->refunded : from->products[k].refunded;
	}
}

/* Both have used what they named; it comes back with the order. */
static void take_used(struct yt_act *act, struct yt_order *o, const struct yt_order *from)
{
	unsigned char (*used)[16];

	if (!from->n_used || o->n_used + from->n_used > YT_ORDER_COUPONS_MAX)
		return;
	used = yt_arena_alloc(act->env->arena, (o->n_used + from->n_used) * sizeof(*used));
	if (o->n_used)
		memcpy(used, o->used, o->n_used * sizeof(*used));
	memcpy(used + o->n_used, from->used, from->n_used * sizeof(*used));
	o->used = used;
	o->n_used += from->n_used;
	o->coupon_cost = yt_sum(o->coupon_cost, from->coupon_cost);
}

static void take_marks(struct yt_act *act, struct yt_order *o, const struct yt_order *from)
{
	for (uint32_t k = 0; k < from->n_marks && o->n_marks < YT_ORDER_MARKS_MAX; k++) {
		o->marks = yt_list_grow(act->env->arena, o->marks, o->n_marks, &o->cap_marks, sizeof(*o->marks));
		o->marks[o->n_marks++] = from->marks[k];
	}
}

static void merge_known(struct yt_act *act, struct yt_order *o, const struct yt_order *from)
{
	struct yt_order other = *from;

	if (!o->paid && from->paid) {
		struct yt_order own = *o;

		*o = *from;
		o->name = own.name;
		o->shop = own.shop;
		o->id = own.id;
		o->member = act->member->id;
		other = own;
	}
	take_products(act, o, &other);
	if (other.paid) {
		take_steps(act, o, &other);
		take_used(act, o, &other);
	} else {
		fold_early(act, &other);
	}
	o = yt_act_order(act);
	take_marks(act, o, &other);
	o->granted |= other.granted;
	o->qualifies |= other.qualifies;
	o->asked |= other.asked;
	o->life_end = o->life_end > other.life_end ? o->life_end : other.life_end;
	o->keep_until = o->keep_until > other.keep_until ? o->keep_until : other.keep_until;
}

/* The member's row of the order, as the order is now. */
static void follow(struct yt_act *act, const struct yt_order *o)
{
	struct yt_paids *orders = &act->member->orders, before = *orders;
	struct yt_paid was, now;

	yt_order_paid(o, &now);
	if (yt_paids_find(orders, now.fp, &was) && (was.refunded != now.refunded || was.cancelled != now.cancelled)) {
		now.channel = was.channel;
		yt_paids_change(orders, act->env->arena, &was, &now);
		yt_report_orders(act, &before, &was, &now);
	}
	yt_stock_follow(act, o);
}

static bool counts(const struct yt_act *act, const struct yt_order *o)
{
	struct yt_paid row;

	return yt_paids_find(&act->member->orders, yt_hash64(o->id), &row) && yt_paid_counts(&row);
}

void yt_merge_order(struct yt_act *act, const struct yt_order *from)
{
	const struct yt_state *state = act->env->state;
	bool known = state->peek(state->ctx, YT_KIND_ORDER, from->name);
	struct yt_order *o = state->edit(state->ctx, YT_KIND_ORDER, from->name);
	bool counted = counts(act, from), both = known && o->paid && from->paid;
	enum yt_reason reason;

	act->order = o;
	if (!known) {
		struct yt_str name = o->name, shop = o->shop, id = o->id;

		*o = *from;
		o->name = name;
		o->shop = shop;
		o->id = id;
		o->member = act->member->id;
		return;
	}
	merge_known(act, o, from);
	if (act->order->paid)
		follow(act, act->order);
	if (counted && !counts(act, act->order)) {
		if (both) /* else its steps were folded, and said so */
			yt_report_unused(act);
		reason = act->order->cancelled_at ? YT_REASON_ORDER_CANCELLED : YT_REASON_ORDER_REFUNDED;
		if (act->order->cancelled_at) {
			yt_coupon_return_used(act);
			yt_transfer_return(act);
		}
		yt_coupon_revoke_earned(act, act->order->id, reason);
		yt_grant_withdraw(act, reason);
	}
	act->order = NULL;
}

/* --- what finds no room */

static bool drop_last_timer(struct yt_act *act)
{
	struct yt_member *m = act->member;
	struct yt_timer t;
	uint32_t last = 0;

	for (uint32_t k = 1; k < m->n_timers; k++) {
		if (m->timers[k].due > m->timers[last].due)
			last = k;
	}
	if (!m->n_timers)
		return false;
	t = m->timers[last];
	yt_member_remove_timer(m, last);
	yt_run_timer_lost(act, &t);
	return true;
}

/* Things that the member can best do without. False: there is nothing left of them. */
static bool shed(struct yt_act *act)
{
	struct yt_member *m = act->member;
	struct yt_arena *a = act->env->arena;

	if (yt_wallet_shed(&m->wallet, a) || yt_places_shed(&m->groups) || yt_places_shed(&m->accounts))
		return true;
	if (m->orders.n > 64) {
		yt_paids_shed(&m->orders, a, m->orders.n / 2);
		return true;
	}
	return drop_last_timer(act);
}

void yt_merge_fit(struct yt_act *act)
{
	char detail[160];

	while (!yt_limit_member_bytes(act->env, act->member, ROOM_FOR_RULES, detail)) {
		if (!shed(act))
			return;
	}
}
