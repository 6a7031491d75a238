#include "yutang/core/act.h"

#include "yutang/base/hash.h"

struct yt_str yt_act_name(struct yt_arena *a, struct yt_str shop, struct yt_str id)
{
	char *p = yt_arena_alloc(a, (size_t)shop.n + 1 + id.n);

	memcpy(p, shop.p, shop.n);
	p[shop.n] = '/';
	memcpy(p + shop.n + 1, id.p, id.n);
	return yt_str(p, (size_t)shop.n + 1 + id.n);
}

struct yt_order *yt_act_order(struct yt_act *act)
{
	const struct yt_state *state = act->env->state;
	struct yt_order *o = state->edit(state->ctx, YT_KIND_ORDER, act->order->name);

	act->order = o;
	return o;
}

struct yt_day *yt_act_day(struct yt_act *act, int64_t at_ms)
{
	const struct yt_state *state = act->env->state;
	char date[11];
	int32_t number;

	if (!act->shop)
		return NULL;
	number = yt_zone_day(act->shop->zone, at_ms);
	if (act->day && act->day_number == number)
		return act->day;
	yt_day_format(number, date);
	act->day = state->edit(state->ctx, YT_KIND_DAY, yt_act_name(act->env->arena, act->member->shop, yt_str(date, 10)));
	act->day_number = number;
	return act->day;
}

void yt_act_count(struct yt_act *act, int64_t at_ms, enum yt_day_count which, int64_t n)
{
	struct yt_day *day = n ? yt_act_day(act, at_ms) : NULL;

	if (day)
		day->count[which] = yt_sum(day->count[which], n);
}

void yt_act_count_named(struct yt_act *act, enum yt_day_list list, struct yt_str name)
{
	struct yt_day *day = yt_act_day(act, act->env->now_ms);

	if (day)
		yt_day_add_named(day, act->env->arena, list, name);
}

const struct yt_totals *yt_act_totals(struct yt_act *act)
{
	if (!act->totals_known)
		yt_paids_totals(&act->member->orders, &act->totals);
	act->totals_known = true;
	return &act->totals;
}

struct yt_str yt_act_fact_of_event(struct yt_act *act, const struct yt_event *ev)
{
	struct yt_buf fact;

	yt_buf_init(&fact, act->env->arena);
	yt_event_fact(&fact, ev);
	return yt_buf_str(&fact);
}

struct yt_str yt_act_fact_of_coupon(struct yt_act *act, const struct yt_coupon *c, const struct yt_event *ev)
{
	struct yt_buf fact;
	char id[33];

	yt_hex(c->id, sizeof(c->id), id);
	yt_buf_init(&fact, act->env->arena);
	yt_buf_str_add(&fact, yt_outs[YT_OUT_COUPON_ISSUED].name);
	yt_buf_c(&fact, '\n');
	yt_buf_z(&fact, id);
	if (ev) {
		yt_buf_c(&fact, '\n');
		yt_event_fact(&fact, ev);
	}
	return yt_buf_str(&fact);
}

void yt_say_begin(struct yt_say *say, struct yt_act *act, enum yt_out_type type, struct yt_str rule, struct yt_str cause, struct yt_str fact,
                  unsigned ordinal)
{
	const struct yt_member *m = act->member;

	say->act = act;
	say->type = type;
	yt_output_id(type, m->shop, m->id, rule, fact, ordinal, say->id);
	yt_buf_init(&say->buf, act->env->arena);
	yt_buf_reserve(&say->buf, 768); /* most outputs; the buffer need not move */
	yt_output_begin(&say->buf, &(struct yt_output_head){
		.type = type,
		.id = say->id,
		.shop = m->shop,
		.member = m->id,
		.cause = cause,
		.rule = rule,
		.ruleset = act->env->rules->tag,
		.at_ms = act->env->now_ms,
	});
}

void yt_say_end(struct yt_say *say)
{
	const struct yt_state *state = say->act->env->state;
	struct yt_output out = { .type = say->type, .key = say->act->member->name };

	yt_output_end(&say->buf);
	memcpy(out.id, say->id, sizeof(out.id));
	out.value = yt_buf_str(&say->buf);
	state->output(state->ctx, &out);
}
