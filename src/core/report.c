#include "yutang/core/report.h"

#include "yutang/core/referral.h"

static void add(struct yt_channel *c, int which, int64_t n)
{
	if (c)
		c->count[which] = yt_sum(c->count[which], n);
}

/* --- orders by their rank among those that count, and by the gap to the one before */

struct ranked {
	struct yt_paid order;
	const struct yt_paids *in; /* whose number its channel is */
	int64_t rank;              /* from 1; 0: it does not count */
	int64_t gap;               /* since the one before; of the first one 0 */
	bool referred;
};

static struct yt_str channel_name(const struct ranked *r)
{
	return yt_paids_channel_name(r->in, r->order.channel);
}

static struct yt_channel *channel_of(struct yt_act *act, const struct ranked *r)
{
	return yt_act_channel(act, r->order.paid_at, channel_name(r));
}

static void count_revenue(struct yt_channel *c, const struct ranked *r, int sign)
{
	int64_t net = yt_paid_counts(&r->order) ? sign * (r->order.amount - r->order.refunded) : 0;

	add(c, YT_CHANNEL_REVENUE, net);
	if (r->referred)
		add(c, YT_CHANNEL_REFERRED_REVENUE, net);
}

/* sign 1: the order counts like this, -1: it does so no more. */
static void count_order(struct yt_act *act, const struct ranked *r, int sign)
{
	int nth = (int)(r->rank < YT_NTH_MAX ? r->rank : YT_NTH_MAX) - 1;
	struct yt_channel *c;

	if (!r->rank)
		return;
	c = channel_of(act, r);
	add(c, YT_CHANNEL_ORDERS + nth, sign);
	add(c, YT_CHANNEL_ITEMS + nth, sign * r->order.units);
	add(c, YT_CHANNEL_GAP_MS, sign * r->gap);
	count_revenue(c, r, sign);
}

static bool is_within(const struct yt_paid *first, const struct yt_paid *second, int k)
{
	return second->paid_at - first->paid_at <= (k + 1) * YT_AGAIN_STEP_MS;
}

/* The second order counts for the cohort of the first one: on the first one's day, under its channel. */
static void count_again(struct yt_act *act, const struct ranked *first, const struct ranked *second, int sign)
{
	struct yt_channel *c;

	if (!first || !second || !is_within(&first->order, &second->order, YT_AGAIN_N - 1))
		return;
	c = channel_of(act, first);
	for (int k = 0; k < YT_AGAIN_N; k++)
		add(c, YT_CHANNEL_AGAIN_30 + k, is_within(&first->order, &second->order, k) ? sign : 0);
}

/* Since when what the member buys is referred. */
static int64_t referred_from(const struct yt_member *m)
{
	return m->referrer.n && !yt_referral_is_voided(m) ? m->bound_at : YT_NEVER;
}

static struct ranked as_ranked(const struct yt_act *act, const struct yt_paid *p)
{
	return (struct ranked){ .order = *p, .in = &act->member->orders, .referred = referred_from(act->member) <= p->paid_at };
}

/* --- one more order behind all others: nothing else changes */

static void count_next(struct yt_act *act, const struct yt_paids *was, const struct yt_paid *order)
{
	const struct yt_totals *t = &was->totals;
	struct ranked r = as_ranked(act, order), before;
	const struct yt_paid *first;

	if (!yt_paid_counts(order))
		return;
	r.rank = t->paid_orders + 1;
	if (t->paid_orders > 0)
		r.gap = order->paid_at - t->last_paid_at;
	count_order(act, &r, 1);
	first = r.rank == 2 ? yt_paids_first(was) : NULL;
	if (!first)
		return;
	before = as_ranked(act, first);
	count_again(act, &before, &r, 1);
}

/* --- a late order, a refund, a cancellation, a link: what it changes for all others */

struct ranks {
	const struct yt_paids *in;
	int64_t referred_from;
	struct ranked *v; /* by (paid_at, fp) */
	uint32_t n;
	const struct ranked *first, *second; /* that count; NULL: none, or it had to go */
};

static void rank_next(struct ranks *all, const struct yt_paid *order, int64_t *rank, int64_t *last)
{
	struct ranked *r = &all->v[all->n++];

	*r = (struct ranked){ .order = *order, .in = all->in, .referred = all->referred_from <= order->paid_at };
	if (!yt_paid_counts(order))
		return;
	r->rank = ++*rank;
	r->gap = *rank > 1 ? order->paid_at - *last : 0;
	*last = order->paid_at;
	if (*rank == 1)
		all->first = r;
	else if (*rank == 2)
		all->second = r;
}

/* gone: an order that went at once, because there are too many; NULL: none. */
static void rank_all(struct ranks *out, const struct yt_paids *p, int64_t from, struct yt_arena *a, const struct yt_totals *before, const struct yt_paid *gone)
{
	const struct yt_paid *v = yt_paids_unpack(p, a);
	int64_t rank = before->paid_orders, last = before->last_paid_at;

	*out = (struct ranks){ .in = p, .referred_from = from, .v = yt_arena_alloc(a, (p->n + 1) * sizeof(*out->v)) };
	if (gone)
		rank_next(out, gone, &rank, &last);
	for (uint32_t k = 0; k < p->n; k++)
		rank_next(out, &v[k], &rank, &last);
}

static bool is_same_channel(const struct ranked *a, const struct ranked *b)
{
	if (a->in->channels.p == b->in->channels.p)
		return a->order.channel == b->order.channel;
	return yt_str_eq(channel_name(a), channel_name(b));
}

static bool is_same(const struct ranked *a, const struct ranked *b)
{
	int64_t ra = a->rank < YT_NTH_MAX ? a->rank : YT_NTH_MAX, rb = b->rank < YT_NTH_MAX ? b->rank : YT_NTH_MAX;

	return ra == rb && a->gap == b->gap && a->order.refunded == b->order.refunded && a->referred == b->referred && is_same_channel(a, b);
}

/* Both by (paid_at, fp). What `was` alone has had to go: it stays as it was counted. */
static void count_changes(struct yt_act *act, const struct ranks *was, const struct ranks *now)
{
	uint32_t i = 0;

	for (uint32_t k = 0; k < now->n; k++) {
		const struct ranked *r = &now->v[k], *old = NULL;

		while (i < was->n && yt_paid_is_before(&was->v[i].order, &r->order))
			i++;
		if (i < was->n && was->v[i].order.fp == r->order.fp)
			old = &was->v[i];
		if (old && is_same(old, r))
			continue;
		if (old)
			count_order(act, old, -1);
		count_order(act, r, 1);
	}
}

static bool are_same_two(const struct ranks *a, const struct ranks *b)
{
	return a->first && a->second && b->first && b->second && a->first->order.fp == b->first->order.fp && a->second->order.fp == b->second->order.fp &&
	       is_same_channel(a->first, b->first);
}

/* Whether the first order is one that had to go: what was counted for it stays. */
static bool is_first_gone(const struct yt_act *act, const struct ranks *now)
{
	return !now->first && act->member->orders.gone.paid_orders > 0;
}

static void count_changed_again(struct yt_act *act, const struct ranks *was, const struct ranks *now)
{
	if (are_same_two(was, now) || is_first_gone(act, now))
		return;
	count_again(act, was->first, was->second, -1);
	count_again(act, now->first, now->second, 1);
}

void yt_report_orders(struct yt_act *act, const struct yt_paids *was, const struct yt_paid *before, const struct yt_paid *order)
{
	const struct yt_paids *orders = &act->member->orders;
	int64_t from = referred_from(act->member);
	struct ranks old, new;
	bool kept;

	if (!act->shop)
		return;
	if (!before && orders->n == was->n + 1 && orders->last_fp == order->fp) {
		count_next(act, was, order);
		return;
	}
	kept = yt_paids_find(orders, order->fp, NULL);
	if (before && !kept) { /* it had to go: of what it was counted for only the revenue follows */
		struct ranked then = as_ranked(act, before), now = as_ranked(act, order);
		struct yt_channel *c = channel_of(act, &now);

		count_revenue(c, &then, -1);
		count_revenue(c, &now, 1);
		return;
	}
	rank_all(&old, was, from, act->env->arena, &was->gone, NULL);
	rank_all(&new, orders, from, act->env->arena, before || kept ? &orders->gone : &was->gone, before || kept ? NULL : order);
	count_changes(act, &old, &new);
	count_changed_again(act, &old, &new);
}

/* --- two become one */

struct yt_report_was yt_report_before(const struct yt_member *m)
{
	return (struct yt_report_was){ .orders = m->orders, .referred_from = referred_from(m) };
}

/* What both were counted for, as one list. An order that both know stays as the member's own. */
static void put_together(struct yt_act *act, const struct ranks *own, const struct ranks *from, struct ranks *out)
{
	uint32_t i = 0, k = 0;

	*out = (struct ranks){ .v = yt_arena_alloc(act->env->arena, (own->n + from->n + 1) * sizeof(*out->v)) };
	while (i < own->n || k < from->n) {
		if (k == from->n || (i < own->n && yt_paid_is_before(&own->v[i].order, &from->v[k].order)))
			out->v[out->n++] = own->v[i++];
		else if (yt_paids_find(own->in, from->v[k].order.fp, NULL))
			count_order(act, &from->v[k++], -1);
		else
			out->v[out->n++] = from->v[k++];
	}
}

void yt_report_merged(struct yt_act *act, const struct yt_report_was *was, const struct yt_member *from)
{
	const struct yt_paids *orders = &act->member->orders;
	struct yt_arena *a = act->env->arena;
	struct ranks own, other, both, now;

	if (!act->shop || !orders->n)
		return;
	rank_all(&own, &was->orders, was->referred_from, a, &was->orders.gone, NULL);
	rank_all(&other, &from->orders, referred_from(from), a, &from->orders.gone, NULL);
	rank_all(&now, orders, referred_from(act->member), a, &orders->gone, NULL);
	put_together(act, &own, &other, &both);
	count_changes(act, &both, &now);
	if (is_first_gone(act, &now))
		return;
	if (are_same_two(&other, &now)) {
		count_again(act, own.first, own.second, -1);
		return;
	}
	count_again(act, other.first, other.second, -1);
	count_changed_again(act, &own, &now);
}

/* --- coupons */

static struct yt_channel *channel_of_order(struct yt_act *act)
{
	struct yt_paid p;
	struct ranked r;

	yt_order_paid(act->order, &p);
	yt_paids_know(&act->member->orders, act->env->arena, act->order->channel, &p);
	r = as_ranked(act, &p);
	return channel_of(act, &r);
}

void yt_report_used(struct yt_act *act, int64_t cost)
{
	struct yt_channel *c = channel_of_order(act);

	add(c, YT_CHANNEL_USED, 1);
	add(c, YT_CHANNEL_COUPON_COST, cost);
}

void yt_report_unused(struct yt_act *act)
{
	struct yt_channel *c;

	if (!act->order->n_used)
		return;
	c = channel_of_order(act);
	add(c, YT_CHANNEL_USED, -(int64_t)act->order->n_used);
	add(c, YT_CHANNEL_COUPON_COST, -act->order->coupon_cost);
}

void yt_report_issued(struct yt_act *act)
{
	yt_report_fact(act, act->env->now_ms, act->member->channel, YT_CHANNEL_ISSUED);
}

/* --- what a member does */

void yt_report_fact(struct yt_act *act, int64_t at_ms, struct yt_str channel, enum yt_channel_count which)
{
	add(yt_act_channel(act, at_ms, channel), which, 1);
}

void yt_report_referred(struct yt_act *act, int sign)
{
	const struct yt_paids *orders = &act->member->orders;
	const struct yt_paid *v = yt_paids_unpack(orders, act->env->arena);

	for (uint32_t k = 0; k < orders->n; k++) {
		struct ranked r = as_ranked(act, &v[k]);

		if (yt_paid_counts(&v[k]) && r.referred)
			add(channel_of(act, &r), YT_CHANNEL_REFERRED_REVENUE, sign * (v[k].amount - v[k].refunded));
	}
}
