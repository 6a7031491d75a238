/* What the names of an expression are worth: RULES.md, Expressions. */
#include "yutang/core/run.h"

static bool give_int(struct yt_value *out, int64_t i)
{
	*out = (struct yt_value){ .type = YT_V_INT, .i = i };
	return true;
}

static bool give_bool(struct yt_value *out, bool b)
{
	*out = (struct yt_value){ .type = YT_V_BOOL, .b = b };
	return true;
}

static bool give_text(struct yt_value *out, struct yt_str s)
{
	*out = (struct yt_value){ .type = YT_V_STRING, .s = s };
	return true;
}

/* Empty: absent. */
static bool give_some(struct yt_value *out, struct yt_str s)
{
	return s.n && give_text(out, s);
}

/* 0: absent. */
static bool give_instant(struct yt_value *out, int64_t ms)
{
	if (ms)
		*out = yt_value_ts_ms(ms);
	return ms != 0;
}

static bool event_field(const struct yt_event *ev, enum yt_field f, struct yt_value *out)
{
	const union yt_field_value *v = yt_event_field(ev, f);
	enum yt_vtype type;

	if (!v || !yt_field_vtype(f, &type))
		return false;
	switch (type) {
	case YT_V_TIMESTAMP:
		return give_instant(out, v->i);
	case YT_V_INT:
		return give_int(out, v->i);
	default:
		return give_text(out, v->s);
	}
}

static bool order_fact(const struct yt_order *o, enum yt_name name, struct yt_value *out)
{
	switch (name) {
	case YT_N_ORDER_PAID_AT:
		return give_instant(out, o->paid_at);
	case YT_N_ORDER_AMOUNT:
		return give_int(out, o->amount);
	case YT_N_ORDER_CURRENCY:
		return give_some(out, o->currency);
	case YT_N_ORDER_CHANNEL:
		return give_some(out, o->channel);
	case YT_N_ORDER_PRESALE:
		return give_some(out, o->presale);
	case YT_N_ORDER_SHIPPED_AT:
		return give_instant(out, o->shipped_at);
	case YT_N_ORDER_SIGNED_AT:
		return give_instant(out, o->signed_at);
	case YT_N_ORDER_REFUNDED_AMOUNT:
		return give_int(out, yt_order_refunded_amount(o));
	case YT_N_ORDER_REFUNDED:
		return give_bool(out, yt_order_refunded(o));
	case YT_N_ORDER_CANCELLED:
		return give_bool(out, o->cancelled_at != 0);
	case YT_N_ORDER_UNITS:
		return give_int(out, o->units);
	case YT_N_ORDER_NTH:
		return o->nth && give_int(out, o->nth);
	default:
		return false;
	}
}

/* The event's own instant where it is a coming; of a going the last coming that is known. */
static bool came_at(const struct yt_places *places, struct yt_str id, int64_t of_event, struct yt_value *out)
{
	const struct yt_place *place = of_event ? NULL : yt_places_find(places, id);

	return give_instant(out, place ? yt_place_came(place) : of_event);
}

static bool group_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	const struct yt_event *ev = act->ev;

	if (ev->type != YT_GROUP_JOINED && ev->type != YT_GROUP_LEFT)
		return false;
	switch (name) {
	case YT_N_GROUP_ID:
		return give_some(out, yt_event_text(ev, YT_F_GROUP));
	case YT_N_GROUP_JOINED_AT:
		return came_at(&act->member->groups, yt_event_text(ev, YT_F_GROUP), yt_event_int(ev, YT_F_JOINED_AT), out);
	case YT_N_GROUP_ACCOUNT:
		return give_some(out, yt_event_text(ev, YT_F_ACCOUNT));
	case YT_N_GROUP_INVITER:
		return give_some(out, yt_event_text(ev, YT_F_INVITER));
	case YT_N_GROUP_CHANNEL:
		return give_some(out, yt_event_text(ev, YT_F_CHANNEL));
	default:
		return false;
	}
}

static bool contact_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	const struct yt_event *ev = act->ev;

	if (ev->type != YT_CONTACT_ADDED && ev->type != YT_CONTACT_REMOVED)
		return false;
	switch (name) {
	case YT_N_CONTACT_ACCOUNT:
		return give_some(out, yt_event_text(ev, YT_F_ACCOUNT));
	case YT_N_CONTACT_ADDED_AT:
		return came_at(&act->member->accounts, yt_event_text(ev, YT_F_ACCOUNT), yt_event_int(ev, YT_F_ADDED_AT), out);
	case YT_N_CONTACT_CHANNEL:
		return give_some(out, yt_event_text(ev, YT_F_CHANNEL));
	default:
		return false;
	}
}

static bool totals_fact(const struct yt_totals *t, enum yt_name name, struct yt_value *out)
{
	switch (name) {
	case YT_N_MEMBER_PAID_ORDERS:
		return give_int(out, t->paid_orders);
	case YT_N_MEMBER_PAID_AMOUNT:
		return give_int(out, t->paid_amount);
	case YT_N_MEMBER_PAID_ITEMS:
		return give_int(out, t->paid_items);
	case YT_N_MEMBER_REFUNDED_ORDERS:
		return give_int(out, t->refunded_orders);
	case YT_N_MEMBER_REFUNDED_AMOUNT:
		return give_int(out, t->refunded_amount);
	case YT_N_MEMBER_NET_AMOUNT:
		return give_int(out, t->net_amount);
	case YT_N_MEMBER_FIRST_PAID_AT:
		return give_instant(out, t->first_paid_at);
	case YT_N_MEMBER_LAST_PAID_AT:
		return give_instant(out, t->last_paid_at);
	default:
		return false;
	}
}

static bool member_fact(struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	const struct yt_member *m = act->member;

	switch (name) {
	case YT_N_MEMBER_ID:
		return give_text(out, m->id);
	case YT_N_MEMBER_CHANNEL:
		return give_some(out, m->channel);
	case YT_N_MEMBER_REFERRER:
		return give_some(out, m->referrer);
	case YT_N_MEMBER_GROUPS:
		return give_int(out, yt_places_standing(&m->groups));
	case YT_N_MEMBER_ACCOUNTS:
		return give_int(out, yt_places_standing(&m->accounts));
	case YT_N_MEMBER_JOINED_AT:
		return give_instant(out, m->joined_at);
	case YT_N_MEMBER_ADDED_AT:
		return give_instant(out, m->added_at);
	case YT_N_MEMBER_COUPONS_USABLE:
		return give_int(out, yt_wallet_usable(&m->wallet, act->env->now_ms));
	case YT_N_MEMBER_COUPONS_USED:
		return give_int(out, yt_wallet_used(&m->wallet));
	default:
		return totals_fact(yt_act_totals(act), name, out);
	}
}

bool yt_run_fact(const void *ctx, enum yt_name name, struct yt_value *out)
{
	struct yt_act *act = (struct yt_act *)ctx; /* the sums are worked out when first asked for */

	switch (name) {
	case YT_N_NOW:
		*out = yt_value_ts_ms(act->env->now_ms);
		return true;
	case YT_N_SHOP_ID:
		return give_text(out, act->member->shop);
	case YT_N_ZONE:
		*out = (struct yt_value){ .type = YT_V_ZONE, .zone = act->shop->zone };
		return true;
	case YT_N_EVENT_TYPE:
		return give_text(out, yt_types[act->ev->type].name);
	case YT_N_EVENT_AT:
		return give_instant(out, act->ev->at);
	case YT_N_ORDER_ID:
		return give_some(out, yt_event_text(act->ev, YT_F_ORDER));
	default:
		break;
	}
	if (name >= YT_N_EVENT_FIELD)
		return event_field(act->ev, (enum yt_field)(name - YT_N_EVENT_FIELD), out);
	if (name >= YT_N_ORDER_PAID_AT && name <= YT_N_ORDER_NTH)
		return act->order && order_fact(act->order, name, out);
	if (name >= YT_N_GROUP_ID && name <= YT_N_GROUP_CHANNEL)
		return group_fact(act, name, out);
	if (name >= YT_N_CONTACT_ACCOUNT && name <= YT_N_CONTACT_CHANNEL)
		return contact_fact(act, name, out);
	return member_fact(act, name, out);
}
