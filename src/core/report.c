#include "yutang/core/report.h"

static void add(struct yt_channel *c, int which, int64_t n)
{
	if (c)
		c->count[which] = yt_sum(c->count[which], n);
}

/* --- orders by their rank among those that count, and by the gap to the one before */

struct ranked {
	struct yt_paid order;
	int64_t rank; /* from 1; 0: it does not count */
	int64_t gap;  /* since the one before; of the first one 0 */
};

static bool is_referred(const struct yt_act *act, const struct yt_paid *p)
{
	return act->member->referrer.n && act->member->bound_at <= p->paid_at;
}

static struct yt_channel *channel_of(struct yt_act *act, const struct yt_paid *p)
{
	return yt_act_channel(act, p->paid_at, yt_paids_channel_name(&act->member->orders, p->channel));
}

static void count_revenue(struct yt_act *act, struct yt_channel *c, const struct yt_paid *p, int sign)
{
	int64_t net = yt_paid_counts(p) ? sign * (p->amount - p->refunded) : 0;

	add(c, YT_CHANNEL_REVENUE, net);
	if (is_referred(act, p))
		add(c, YT_CHANNEL_REFERRED_REVENUE, net);
}

/* sign 1: the order counts like this, -1: it does so no more. */
static void count_order(struct yt_act *act, const struct ranked *r, int sign)
{
	int nth = (int)(r->rank < YT_NTH_MAX ? r->rank : YT_NTH_MAX) - 1;
	struct yt_channel *c;

	if (!r->rank)
		return;
	c = channel_of(act, &r->order);
	add(c, YT_CHANNEL_ORDERS + nth, sign);
	add(c, YT_CHANNEL_ITEMS + nth, sign * r->order.units);
	add(c, YT_CHANNEL_GAP_MS, sign * r->gap);
	count_revenue(act, c, &r->order, sign);
}

static bool is_within(const struct yt_paid *first, const struct yt_paid *second, int k)
{
	return second->paid_at - first->paid_at <= (k + 1) * YT_AGAIN_STEP_MS;
}

/* The second order counts for the cohort of the first one: on the first one's day, under its channel. */
static void count_again(struct yt_act *act, const struct yt_paid *first, const struct yt_paid *second, int sign)
{
	struct yt_channel *c;

	if (!is_within(first, second, YT_AGAIN_N - 1))
		return;
	c = channel_of(act, first);
	for (int k = 0; k < YT_AGAIN_N; k++)
		add(c, YT_CHANNEL_AGAIN_30 + k, is_within(first, second, k) ? sign : 0);
}

/* --- one more order behind all others: nothing else changes */

static void count_next(struct yt_act *act, const struct yt_paids *was, const struct yt_paid *order)
{
	const struct yt_totals *t = &was->totals;
	struct ranked r = { .order = *order };
	const struct yt_paid *first;

	if (!yt_paid_counts(order))
		return;
	r.rank = t->paid_orders + 1;
	if (t->paid_orders > 0)
		r.gap = order->paid_at - t->last_paid_at;
	count_order(act, &r, 1);
	first = yt_paids_first(was);
	if (r.rank == 2 && first)
		count_again(act, first, order, 1);
}

/* --- a late order, a refund, a cancellation: what it changes for all others */

struct ranks {
	struct ranked *v;
	uint32_t n;
	const struct yt_paid *first, *second; /* NULL: none, or it had to go */
};

static void rank_next(struct ranks *all, const struct yt_paid *order, int64_t *rank, int64_t *last)
{
	struct ranked *r = &all->v[all->n++];

	*r = (struct ranked){ .order = *order };
	if (!yt_paid_counts(order))
		return;
	r->rank = ++*rank;
	r->gap = *rank > 1 ? order->paid_at - *last : 0;
	*last = order->paid_at;
	if (*rank == 1)
		all->first = &r->order;
	else if (*rank == 2)
		all->second = &r->order;
}

/* gone: an order that went at once, because there are too many; NULL: none. */
static void rank_all(const struct yt_paids *p, struct yt_arena *a, const struct yt_totals *before, const struct yt_paid *gone, struct ranks *out)
{
	const struct yt_paid *v = yt_paids_unpack(p, a);
	int64_t rank = before->paid_orders, last = before->last_paid_at;

	*out = (struct ranks){ .v = yt_arena_alloc(a, (p->n + 1) * sizeof(*out->v)) };
	if (gone)
		rank_next(out, gone, &rank, &last);
	for (uint32_t k = 0; k < p->n; k++)
		rank_next(out, &v[k], &rank, &last);
}

static bool is_same(const struct ranked *a, const struct ranked *b)
{
	int64_t ra = a->rank < YT_NTH_MAX ? a->rank : YT_NTH_MAX, rb = b->rank < YT_NTH_MAX ? b->rank : YT_NTH_MAX;

	return ra == rb && a->gap == b->gap && a->order.refunded == b->order.refunded;
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

static void count_changed_again(struct yt_act *act, const struct ranks *was, const struct ranks *now)
{
	bool same = was->first && was->second && now->first && now->second && was->first->fp == now->first->fp && was->second->fp == now->second->fp;

	if (same || (!now->first && act->member->orders.gone.paid_orders > 0))
		return;
	if (was->first && was->second)
		count_again(act, was->first, was->second, -1);
	if (now->first && now->second)
		count_again(act, now->first, now->second, 1);
}

void yt_report_orders(struct yt_act *act, const struct yt_paids *was, const struct yt_paid *before, const struct yt_paid *order)
{
	const struct yt_paids *orders = &act->member->orders;
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
		struct yt_channel *c = channel_of(act, order);

		count_revenue(act, c, before, -1);
		count_revenue(act, c, order, 1);
		return;
	}
	rank_all(was, act->env->arena, &was->gone, NULL, &old);
	rank_all(orders, act->env->arena, before || kept ? &orders->gone : &was->gone, before || kept ? NULL : order, &new);
	count_changes(act, &old, &new);
	count_changed_again(act, &old, &new);
}

/* --- coupons */

static struct yt_channel *channel_of_order(struct yt_act *act)
{
	struct yt_paid p;

	yt_order_paid(act->order, &p);
	p.channel = yt_paids_channel(&act->member->orders, act->env->arena, act->order->channel);
	return channel_of(act, &p);
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

void yt_report_bound(struct yt_act *act)
{
	const struct yt_paids *orders = &act->member->orders;
	const struct yt_paid *v = yt_paids_unpack(orders, act->env->arena);

	for (uint32_t k = 0; k < orders->n; k++) {
		if (yt_paid_counts(&v[k]) && is_referred(act, &v[k]))
			add(channel_of(act, &v[k]), YT_CHANNEL_REFERRED_REVENUE, v[k].amount - v[k].refunded);
	}
}
