#include "yutang/core/fold.h"

#include "yutang/base/hash.h"
#include "yutang/core/report.h"
#include "yutang/core/stock.h"

/* --- first and repeat orders: the rank among the orders that count, by paid_at */

enum rank { RANK_NONE, RANK_FIRST, RANK_REPEAT };

static void count_rank(struct yt_act *act, int64_t paid_at, enum rank rank, int64_t n)
{
	if (rank == RANK_FIRST)
		yt_act_count(act, paid_at, YT_DAY_FIRST_ORDERS, n);
	else if (rank == RANK_REPEAT)
		yt_act_count(act, paid_at, YT_DAY_REPEAT_ORDERS, n);
}

static enum rank rank_of(const struct yt_paid *order, const struct yt_paid *first)
{
	if (!order || !yt_paid_counts(order))
		return RANK_NONE;
	return first && first->fp == order->fp ? RANK_FIRST : RANK_REPEAT;
}

static void move_rank(struct yt_act *act, const struct yt_paid *order, enum rank from, enum rank to)
{
	if (from == to)
		return;
	count_rank(act, order->paid_at, from, -1);
	count_rank(act, order->paid_at, to, 1);
}

static struct yt_paid copy_or_none(const struct yt_paid *p)
{
	return p ? *p : (struct yt_paid){ 0 };
}

/* The order comes into the member's orders (was NULL), or changes there; what is first and what is repeat follows. */
static void rank_order(struct yt_act *act, const struct yt_paid *was, const struct yt_paid *now)
{
	struct yt_paids *orders = &act->member->orders, before = *orders;
	struct yt_paid old = copy_or_none(yt_paids_first(orders)), new;
	enum rank rank = rank_of(was, &old);

	if (was)
		yt_paids_change(orders, act->env->arena, was, now);
	else
		yt_paids_add(orders, act->env->arena, now);
	yt_report_orders(act, &before, was, now);
	new = copy_or_none(yt_paids_first(orders));
	/* There are too many, and the one that comes is the oldest: it had to go itself, as the first. */
	if (!was && orders->gone.paid_orders == 1 && !yt_paids_find(orders, now->fp, NULL))
		new = *now;
	move_rank(act, now, rank, rank_of(now, &new));
	if (old.fp == new.fp)
		return;
	/* Another order lost or took the first place. (One that went because there are too many keeps it.) */
	if (old.paid_at && old.fp != now->fp && yt_paids_find(orders, old.fp, NULL))
		move_rank(act, &old, RANK_FIRST, RANK_REPEAT);
	if (new.paid_at && new.fp != now->fp)
		move_rank(act, &new, RANK_REPEAT, RANK_FIRST);
}

/* As the member has it. */
static void get_paid(struct yt_act *act, const struct yt_order *o, struct yt_paid *out)
{
	yt_order_paid(o, out);
	if (o->paid)
		yt_paids_know(&act->member->orders, act->env->arena, o->channel, out);
}

/* --- refunds of a day: each counts what it takes of the order's amount, in the order of their instants */

struct shares {
	uint64_t fp[YT_REFUNDS_MAX];
	int64_t amount[YT_REFUNDS_MAX];
	uint32_t n;
};

static void take_shares(const struct yt_order *o, struct shares *s)
{
	s->n = o->paid ? o->n_refunds : 0;
	for (uint32_t k = 0; k < s->n; k++) {
		s->fp[k] = o->refunds[k].fp;
		s->amount[k] = yt_order_refund_share(o, k);
	}
}

static int find_share(const struct shares *s, uint64_t fp)
{
	for (uint32_t k = 0; k < s->n; k++) {
		if (s->fp[k] == fp)
			return (int)k;
	}
	return -1;
}

/* What the refunds count now against what they did. */
static void count_shares(struct yt_act *act, const struct yt_order *o, const struct shares *was)
{
	for (uint32_t k = 0; k < o->n_refunds; k++) {
		const struct yt_refund *r = &o->refunds[k];
		int before = find_share(was, r->fp);

		yt_act_count(act, r->at, YT_DAY_REFUNDS, before < 0);
		yt_act_count(act, r->at, YT_DAY_REFUNDED_AMOUNT, yt_order_refund_share(o, k) - (before < 0 ? 0 : was->amount[before]));
	}
}

/* --- order.paid */

static int64_t units_of(const union yt_field_value *items)
{
	int64_t units = 0;

	for (uint32_t k = 0; items && k < items->list.n; k++) {
		if (items->list.items[k].quantity > 0)
			units = yt_sum(units, items->list.items[k].quantity);
	}
	return units < YT_INSTANT_MAX_MS ? units : YT_INSTANT_MAX_MS;
}

static struct yt_str optional_text(struct yt_arena *a, const struct yt_event *ev, enum yt_field f)
{
	struct yt_str s = yt_event_text(ev, f);

	return s.n ? yt_arena_dup(a, s) : s;
}

/* For whoever looks at the order; what it uses is kept by id. */
static void keep_codes(struct yt_arena *a, struct yt_order *o, const struct yt_event *ev)
{
	const union yt_field_value *codes = yt_event_field(ev, YT_F_COUPONS);
	size_t bytes = 0;

	if (!codes || !codes->list.n)
		return;
	o->codes = yt_arena_alloc(a, codes->list.n * sizeof(*o->codes));
	for (uint32_t k = 0; k < codes->list.n && k < YT_ORDER_COUPONS_MAX; k++) {
		bytes += codes->list.codes[k].n + 2;
		if (bytes > YT_ORDER_CODES_BYTES)
			return;
		o->codes[o->n_codes++] = yt_arena_dup(a, codes->list.codes[k]);
	}
}

static void set_payment(struct yt_arena *a, struct yt_order *o, const struct yt_event *ev)
{
	o->paid = true;
	o->member = yt_arena_dup(a, yt_event_member(ev));
	o->paid_at = ev->at;
	o->amount = yt_event_int(ev, YT_F_AMOUNT);
	o->units = units_of(yt_event_field(ev, YT_F_ITEMS));
	o->hash = (uint32_t)yt_event_hash(ev);
	o->currency = optional_text(a, ev, YT_F_CURRENCY);
	o->channel = optional_text(a, ev, YT_F_CHANNEL);
	o->presale = optional_text(a, ev, YT_F_PRESALE);
	keep_codes(a, o, ev);
}

void yt_fold_paid(struct yt_act *act, const struct yt_event *ev)
{
	static const struct shares none;
	struct yt_order *o = yt_act_order(act);
	struct yt_day *day = yt_act_day(act, ev->at);
	struct yt_paid now;

	set_payment(act->env->arena, o, ev);
	yt_stock_bought(act, o, yt_event_field(ev, YT_F_ITEMS));
	yt_order_paid(o, &now);
	now.channel = yt_paids_channel(&act->member->orders, act->env->arena, o->channel);
	day->count[YT_DAY_ORDERS]++;
	day->count[YT_DAY_ITEMS] = yt_sum(day->count[YT_DAY_ITEMS], o->units);
	day->count[YT_DAY_AMOUNT] = yt_sum(day->count[YT_DAY_AMOUNT], o->amount);
	rank_order(act, NULL, &now);
	count_shares(act, o, &none);
	if (yt_paid_counts(&now))
		o->nth = yt_act_totals(act)->paid_orders;
	yt_member_channel(act->member, act->env->arena, yt_event_text(ev, YT_F_CHANNEL), ev->at);
	yt_stock_follow(act, o);
}

/* --- what follows */

static void wait_for_payment(struct yt_act *act, struct yt_order *o, const struct yt_event *ev)
{
	if (o->paid)
		return;
	if (!o->member.n)
		o->member = yt_arena_dup(act->env->arena, yt_event_member(ev));
	yt_order_wait(o, act->env->arena, yt_kept_new(act->env->arena, ev, UINT64_MAX));
}

void yt_fold_shipped(struct yt_act *act, const struct yt_event *ev)
{
	struct yt_order *o = yt_act_order(act);

	o->shipped_at = ev->at;
	o->shipped_hash = (uint16_t)yt_event_hash(ev);
	wait_for_payment(act, o, ev);
}

void yt_fold_signed(struct yt_act *act, const struct yt_event *ev)
{
	struct yt_order *o = yt_act_order(act);

	o->signed_at = ev->at;
	o->signed_hash = (uint16_t)yt_event_hash(ev);
	wait_for_payment(act, o, ev);
}

void yt_fold_refunded(struct yt_act *act, const struct yt_event *ev)
{
	struct yt_order *o = yt_act_order(act);
	struct yt_refund r = {
		.fp = yt_hash64(yt_event_text(ev, YT_F_REFUND)),
		.at = ev->at,
		.amount = yt_event_int(ev, YT_F_AMOUNT),
		.hash = (uint16_t)yt_event_hash(ev),
	};
	struct yt_paid was, now;
	struct shares shares;

	get_paid(act, o, &was);
	take_shares(o, &shares);
	yt_order_add_refund(o, act->env->arena, &r);
	yt_stock_refunded(act, o, yt_event_field(ev, YT_F_ITEMS));
	get_paid(act, o, &now);
	wait_for_payment(act, o, ev);
	if (!o->paid)
		return;
	if (yt_paid_counts(&was) && !yt_paid_counts(&now))
		yt_report_unused(act);
	rank_order(act, &was, &now);
	count_shares(act, o, &shares);
	yt_stock_follow(act, o);
}

void yt_fold_cancelled(struct yt_act *act, const struct yt_event *ev)
{
	struct yt_order *o = yt_act_order(act);
	struct yt_paid was, now;

	get_paid(act, o, &was);
	o->cancelled_at = ev->at;
	o->cancelled_hash = (uint16_t)yt_event_hash(ev);
	get_paid(act, o, &now);
	wait_for_payment(act, o, ev);
	if (!o->paid)
		return;
	if (yt_paid_counts(&was) && !yt_paid_counts(&now))
		yt_report_unused(act);
	rank_order(act, &was, &now);
	yt_stock_follow(act, o);
}
