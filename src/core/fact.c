/* What the names of an expression are worth: RULES.md, Expressions. */
#include "yutang/core/run.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/referral.h"
#include "yutang/core/share.h"
#include "yutang/core/stock.h"

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

/* --- lists and maps, in the arena */

static bool give_list(struct yt_value *out, const struct yt_value *items, uint32_t n)
{
	*out = (struct yt_value){ .type = YT_V_LIST, .list = { items, n } };
	return true;
}

static bool give_texts(struct yt_arena *a, const struct yt_str *texts, uint32_t n, struct yt_value *out)
{
	struct yt_value *items = yt_arena_alloc(a, (n + 1) * sizeof(*items));

	for (uint32_t k = 0; k < n; k++)
		give_text(&items[k], texts[k]);
	return give_list(out, items, n);
}

static void add_entry(struct yt_pair *entries, uint32_t *n, const char *key, struct yt_value value)
{
	give_text(&entries[*n].key, yt_str_z(key));
	entries[(*n)++].value = value;
}

static bool give_map(struct yt_value *out, const struct yt_pair *entries, uint32_t n)
{
	*out = (struct yt_value){ .type = YT_V_MAP, .map = { entries, n } };
	return true;
}

static struct yt_value int_value(int64_t i)
{
	return (struct yt_value){ .type = YT_V_INT, .i = i };
}

static bool give_items(struct yt_arena *a, const union yt_field_value *v, struct yt_value *out)
{
	struct yt_value *items = yt_arena_alloc(a, (v->list.n + 1) * sizeof(*items));

	for (uint32_t k = 0; k < v->list.n; k++) {
		struct yt_pair *entries = yt_arena_alloc(a, 3 * sizeof(*entries));
		uint32_t n = 0;

		add_entry(entries, &n, "sku", (struct yt_value){ .type = YT_V_STRING, .s = v->list.items[k].sku });
		add_entry(entries, &n, "quantity", int_value(v->list.items[k].quantity));
		add_entry(entries, &n, "amount", int_value(v->list.items[k].amount));
		give_map(&items[k], entries, n);
	}
	return give_list(out, items, v->list.n);
}

static bool give_buyer(struct yt_arena *a, const struct yt_buyer *b, struct yt_value *out)
{
	struct yt_pair *entries = yt_arena_alloc(a, 3 * sizeof(*entries));
	const struct yt_str hashes[] = { b->phone, b->device, b->address };
	static const char *const names[] = { "phone", "device", "address" };
	uint32_t n = 0;

	for (int k = 0; k < 3; k++) {
		if (hashes[k].n)
			add_entry(entries, &n, names[k], (struct yt_value){ .type = YT_V_STRING, .s = hashes[k] });
	}
	return give_map(out, entries, n);
}

/* --- the event at hand. What follows from an output has no fields of the input behind it. */

static bool follow_field(const struct yt_follow *follow, enum yt_field f, struct yt_value *out)
{
	if (!yt_on_has(follow->on, f))
		return false;
	if (f == YT_F_REASON)
		return give_text(out, follow->lapsed ? YT_S("tier_lapsed") : YT_S("tier_reached"));
	return give_text(out, f == YT_F_FROM ? follow->from : follow->to);
}

static bool event_field(const struct yt_act *act, enum yt_field f, struct yt_value *out)
{
	const union yt_field_value *v = act->ev && !act->follow ? yt_event_field(act->ev, f) : NULL;

	if (act->follow)
		return follow_field(act->follow, f, out);
	if (!v)
		return false;
	switch (yt_fields[f].kind) {
	case YT_FK_INSTANT:
		return give_instant(out, v->i);
	case YT_FK_MONEY:
		return give_int(out, v->i);
	case YT_FK_ITEMS:
		return give_items(act->env->arena, v, out);
	case YT_FK_CODES:
		return give_texts(act->env->arena, v->list.codes, v->list.n, out);
	case YT_FK_BUYER:
		return give_buyer(act->env->arena, v->list.buyer, out);
	default:
		return give_text(out, v->s);
	}
}

static bool order_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	const struct yt_order *o = act->order;

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
	case YT_N_ORDER_COUPONS:
		return o->paid && give_texts(act->env->arena, o->codes, o->n_codes, out);
	case YT_N_ORDER_ITEMS:
		return act->ev->type == YT_ORDER_PAID && event_field(act, YT_F_ITEMS, out);
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

	if (act->follow || (ev->type != YT_GROUP_JOINED && ev->type != YT_GROUP_LEFT))
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

	if (act->follow || (ev->type != YT_CONTACT_ADDED && ev->type != YT_CONTACT_REMOVED))
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

static bool coupon_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	const struct yt_coupon *c = act->follow ? yt_wallet_by_id(&act->member->wallet, act->follow->coupon) : NULL;
	char *id;

	if (!c)
		return false;
	switch (name) {
	case YT_N_COUPON_ID:
		id = yt_arena_alloc(act->env->arena, 33);
		yt_hex(c->id, sizeof(c->id), id);
		return give_text(out, yt_str(id, 32));
	case YT_N_COUPON_CODE:
		return give_some(out, yt_str_z(c->code));
	case YT_N_COUPON_TEMPLATE:
		return give_text(out, c->template);
	case YT_N_COUPON_VALID_FROM:
		return give_instant(out, c->valid_from);
	case YT_N_COUPON_VALID_UNTIL:
		return give_instant(out, c->valid_until);
	case YT_N_COUPON_ROLE:
		return give_some(out, yt_coupon_role(c->role));
	default:
		return false;
	}
}

/* Of the binding: by its own event, or by what followed from it. */
static bool referral_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	const struct yt_member *m = act->member;
	const struct yt_referral *saga = m->refers ? m->refers->saga : NULL;
	bool bound = !act->follow && act->ev->type == YT_REFERRAL_BOUND;
	struct yt_str said = bound ? yt_act_text(act, name == YT_N_REFERRAL_REFERRER ? YT_F_REFERRER : YT_F_CHANNEL) : (struct yt_str){ 0 };

	if (!bound && !(act->follow && YT_ON_REFERRALS >> act->follow->on & 1))
		return false;
	switch (name) {
	case YT_N_REFERRAL_REFERRER:
		return give_some(out, said.n ? said : m->referrer);
	case YT_N_REFERRAL_MEMBER:
		return give_text(out, m->id);
	case YT_N_REFERRAL_BOUND_AT:
		return give_instant(out, bound ? act->ev->at : m->bound_at);
	case YT_N_REFERRAL_CHANNEL:
		return give_some(out, said.n || !saga ? said : saga->channel);
	default:
		return false;
	}
}

/* As it is known now: the event may be of long ago. */
static bool presale_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	const struct yt_event *ev = act->ev;
	const struct yt_deposit *d;

	if (act->follow || (ev->type != YT_PRESALE_DEPOSIT_PAID && ev->type != YT_PRESALE_DEPOSIT_REFUNDED))
		return false;
	if (name == YT_N_PRESALE_ID)
		return give_some(out, yt_event_text(ev, YT_F_PRESALE));
	d = yt_deposits_find(&act->member->deposits, yt_event_text(ev, YT_F_PRESALE));
	if (!d)
		return false;
	switch (name) {
	case YT_N_PRESALE_PAID_AT:
		return give_instant(out, d->paid_at);
	case YT_N_PRESALE_AMOUNT:
		return d->paid_at && give_int(out, d->amount);
	case YT_N_PRESALE_BALANCE_FROM:
		return give_instant(out, d->balance_from);
	case YT_N_PRESALE_BALANCE_UNTIL:
		return give_instant(out, d->balance_until);
	case YT_N_PRESALE_REFUNDED_AT:
		return give_instant(out, d->refunded_at);
	default:
		return false;
	}
}

static bool share_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	bool made = act->ev && act->ev->type == YT_SHARE_MADE && (!act->follow || act->follow->on == YT_ON_SHARE_UNLOCKED);

	if (!made)
		return false;
	switch (name) {
	case YT_N_SHARE_ID:
		return give_text(out, yt_event_text(act->ev, YT_F_SHARE));
	case YT_N_SHARE_FRIENDS:
		return !act->given && give_int(out, yt_share_friends(act, yt_event_text(act->ev, YT_F_SHARE)));
	case YT_N_SHARE_FRIEND:
		return !act->follow && give_text(out, yt_event_text(act->ev, YT_F_FRIEND));
	case YT_N_SHARE_SHARED_AT:
		return !act->follow && give_instant(out, yt_event_int(act->ev, YT_F_SHARED_AT));
	default:
		return false;
	}
}

static bool gift_fact(const struct yt_act *act, enum yt_name name, struct yt_value *out)
{
	if (act->follow || act->ev->type != YT_GIFT_CLAIMED)
		return false;
	switch (name) {
	case YT_N_GIFT_ID:
		return give_text(out, yt_event_text(act->ev, YT_F_GIFT));
	case YT_N_GIFT_CLAIMED_AT:
		return give_instant(out, yt_event_int(act->ev, YT_F_CLAIMED_AT));
	case YT_N_GIFT_CLAIM:
		return give_text(out, yt_event_text(act->ev, YT_F_CLAIM));
	default:
		return false;
	}
}

/* Templates of the coupons that are neither used nor revoked nor over, whether or not they have begun. */
static bool held(const struct yt_act *act, struct yt_value *out)
{
	const struct yt_wallet *w = &act->member->wallet;
	struct yt_str *names = yt_arena_alloc(act->env->arena, (w->n + 1) * sizeof(*names));
	uint32_t n = 0;

	for (uint32_t k = 0; k < w->n; k++) {
		if (yt_coupon_lives(&w->v[k]) && act->env->now_ms < w->v[k].valid_until)
			names[n++] = w->v[k].template;
	}
	return give_texts(act->env->arena, names, n, out);
}

static bool median_gap(const struct yt_act *act, struct yt_value *out)
{
	int64_t gap = act->given ? act->given->median_gap : yt_paids_median_gap(&act->member->orders);

	if (gap >= 0)
		*out = yt_value_dur_ms(gap);
	return gap >= 0;
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
	case YT_N_MEMBER_TIER:
		return give_some(out, m->standing.tier);
	case YT_N_MEMBER_TAGS:
		return give_texts(act->env->arena, m->tags, m->n_tags, out);
	case YT_N_MEMBER_MEDIAN_GAP:
		return median_gap(act, out);
	case YT_N_MEMBER_STOCK_UNTIL:
		return give_instant(out, yt_stock_until(act));
	case YT_N_MEMBER_GROUPS:
		return give_int(out, act->given ? act->given->groups : yt_places_standing(&m->groups));
	case YT_N_MEMBER_ACCOUNTS:
		return give_int(out, act->given ? act->given->accounts : yt_places_standing(&m->accounts));
	case YT_N_MEMBER_JOINED_AT:
		return give_instant(out, m->joined_at);
	case YT_N_MEMBER_ADDED_AT:
		return give_instant(out, m->added_at);
	case YT_N_MEMBER_REFERRALS_BOUND:
		return give_int(out, yt_member_referrals(m, YT_LEVEL_BOUND));
	case YT_N_MEMBER_REFERRALS_QUALIFIED:
		return give_int(out, yt_member_referrals(m, YT_LEVEL_QUALIFIED));
	case YT_N_MEMBER_REFERRALS_APPROVED:
		return give_int(out, yt_member_referrals(m, YT_LEVEL_APPROVED));
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
	case YT_N_MEMBER_HELD:
		return held(act, out);
	case YT_N_EVENT_TYPE:
		return give_text(out, yt_on_name(act->follow ? act->follow->on : act->ev->type));
	case YT_N_EVENT_AT:
		return give_instant(out, yt_act_at(act));
	case YT_N_ORDER_ID:
		return give_some(out, yt_act_text(act, YT_F_ORDER));
	default:
		break;
	}
	if (name >= YT_N_EVENT_FIELD)
		return event_field(act, (enum yt_field)(name - YT_N_EVENT_FIELD), out);
	if (name >= YT_N_ORDER_PAID_AT && name <= YT_N_ORDER_ITEMS)
		return act->order && order_fact(act, name, out);
	if (name >= YT_N_GROUP_ID && name <= YT_N_GROUP_CHANNEL)
		return group_fact(act, name, out);
	if (name >= YT_N_CONTACT_ACCOUNT && name <= YT_N_CONTACT_CHANNEL)
		return contact_fact(act, name, out);
	if (name >= YT_N_COUPON_ID && name <= YT_N_COUPON_ROLE)
		return coupon_fact(act, name, out);
	if (name >= YT_N_PRESALE_ID && name <= YT_N_PRESALE_REFUNDED_AT)
		return presale_fact(act, name, out);
	if (name >= YT_N_REFERRAL_REFERRER && name <= YT_N_REFERRAL_CHANNEL)
		return referral_fact(act, name, out);
	if (name >= YT_N_SHARE_ID && name <= YT_N_SHARE_FRIENDS)
		return share_fact(act, name, out);
	if (name >= YT_N_GIFT_ID && name <= YT_N_GIFT_CLAIM)
		return gift_fact(act, name, out);
	return member_fact(act, name, out);
}
