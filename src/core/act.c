#include "yutang/core/act.h"

#include "yutang/base/hash.h"
#include "yutang/core/erase.h"
#include "yutang/core/link.h"

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

/* `<shop>/<YYYY-MM-DD>` */
static struct yt_str day_name(const struct yt_act *act, int32_t number)
{
	char date[11];

	yt_day_format(number, date);
	return yt_act_name(act->env->arena, act->member->shop, yt_str(date, 10));
}

struct yt_day *yt_act_day(struct yt_act *act, int64_t at_ms)
{
	const struct yt_state *state = act->env->state;
	int32_t number;

	if (!act->shop)
		return NULL;
	number = yt_zone_day(act->shop->zone, at_ms);
	if (act->day && act->day_number == number)
		return act->day;
	act->day = state->edit(state->ctx, YT_KIND_DAY, day_name(act, number));
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

struct yt_channel *yt_act_channel(struct yt_act *act, int64_t at_ms, struct yt_str channel)
{
	const struct yt_state *state = act->env->state;
	int32_t number;

	if (!act->shop)
		return NULL;
	number = yt_zone_day(act->shop->zone, at_ms);
	if (!act->channels || act->channels_number != number) {
		bool of_day = act->day && act->day_number == number;

		act->channels = state->edit(state->ctx, YT_KIND_CHANNELS, of_day ? act->day->name : day_name(act, number));
		act->channels_number = number;
	}
	return yt_channels_get(act->channels, act->env->arena, channel);
}

const struct yt_totals *yt_act_totals(const struct yt_act *act)
{
	return act->given ? &act->given->totals : &act->member->orders.totals;
}

struct yt_str yt_act_text(const struct yt_act *act, enum yt_field field)
{
	return act->ev ? yt_event_text(act->ev, field) : (struct yt_str){ 0 };
}

struct yt_str yt_act_deposit(const struct yt_act *act)
{
	if (!act->ev || act->ev->type != YT_PRESALE_DEPOSIT_PAID)
		return (struct yt_str){ 0 };
	return yt_event_text(act->ev, YT_F_PRESALE);
}

uint64_t yt_act_depositor(const struct yt_act *act)
{
	struct yt_str who = yt_act_deposit(act).n ? yt_event_text(act->ev, YT_F_MEMBER) : act->member->id;

	return yt_link_is_own(act->member, who) ? 0 : yt_erase_hash(act->env, act->member->shop, who);
}

int64_t yt_act_at(const struct yt_act *act)
{
	return act->follow ? act->follow->at : act->ev->at;
}

struct yt_str yt_act_cause(const struct yt_act *act)
{
	return act->follow ? act->follow->cause : act->ev->id;
}

int64_t yt_act_period_from(const struct yt_act *act, const struct yt_period *p)
{
	const struct yt_zone *zone = act->shop->zone;

	if (p->ms)
		return act->env->now_ms - p->ms + 1;
	return yt_zone_day_start_ms(zone, yt_zone_day(zone, act->env->now_ms));
}

void yt_act_tell(const struct yt_act *act, const struct yt_rule *rule, enum yt_verdict verdict, int64_t until, const char *why)
{
	const struct yt_watch *w = act->env->watch;

	if (w && w->verdicts >> verdict & 1)
		w->told(w->ctx, act, rule, verdict, until, why);
}

struct yt_follow *yt_act_follows(struct yt_act *act, enum yt_on on, const char id[33], struct yt_str cause)
{
	struct yt_follow *f;

	if (!(act->env->rules->on >> on & 1))
		return NULL;
	f = yt_arena_zalloc(act->env->arena, sizeof(*f));
	f->on = (uint8_t)on;
	yt_unhex(id, f->out, sizeof(f->out));
	f->at = act->env->now_ms;
	f->cause = yt_arena_dup(act->env->arena, cause); /* a timer may keep it for longer than the event lives */
	f->ev = act->ev;
	f->by = act->follow;
	f->rule = act->running;
	f->depth = act->follow ? act->follow->depth + 1 : 1;
	if (act->last)
		act->last->next = f;
	else
		act->follows = f;
	act->last = f;
	return f;
}

struct yt_str yt_act_fact(struct yt_act *act, enum yt_out_type type)
{
	struct yt_buf fact;

	if (!act->follow)
		return yt_act_fact_of_event(act, act->ev);
	if (!act->ev || type == YT_OUT_COUPON_ISSUED || type == YT_OUT_FOLLOWUP_DUE || type == YT_OUT_FOLLOWUP_WITHHELD ||
	    type == YT_OUT_TIER_CHANGED)
		return yt_act_fact_of_follow(act, act->follow);
	yt_buf_init(&fact, act->env->arena);
	yt_buf_str_add(&fact, yt_act_fact_of_follow(act, act->follow));
	yt_buf_c(&fact, '\n');
	yt_event_fact(&fact, act->ev);
	return yt_buf_str(&fact);
}

struct yt_str yt_act_fact_of_follow(struct yt_act *act, const struct yt_follow *f)
{
	struct yt_buf fact;
	char id[33];

	yt_hex(f->out, sizeof(f->out), id);
	yt_buf_init(&fact, act->env->arena);
	yt_buf_str_add(&fact, yt_on_name(f->on));
	yt_buf_c(&fact, '\n');
	yt_buf_z(&fact, id);
	return yt_buf_str(&fact);
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

static struct yt_str act_shop(const struct yt_act *act)
{
	return act->member ? act->member->shop : yt_name_shop(act->place);
}

/* `account:<a>` of `<shop>/~account:<a>`. */
static struct yt_str behind_tilde(struct yt_str key)
{
	struct yt_str id = yt_name_id(key);

	return yt_str(id.p + 1, id.n - 1);
}

void yt_say_begin(struct yt_say *say, struct yt_act *act, enum yt_out_type type, struct yt_str rule, struct yt_str cause, struct yt_str fact,
                  unsigned ordinal)
{
	bool of_member = act->subject.n || act->member;
	struct yt_str shop = act_shop(act), subject = act->subject;

	if (!subject.n)
		subject = act->member ? act->member->id : behind_tilde(act->place);
	say->act = act;
	say->type = type;
	yt_output_id(type, shop, subject, rule, fact, ordinal, say->id);
	yt_buf_init(&say->buf, act->env->arena);
	yt_buf_reserve(&say->buf, 768); /* most outputs; the buffer need not move */
	yt_output_begin(&say->buf, &(struct yt_output_head){
		.type = type,
		.id = say->id,
		.shop = shop,
		.subject = subject,
		.of_member = of_member,
		.cause = cause,
		.rule = rule,
		.ruleset = act->env->rules->tag,
		.at_ms = act->env->now_ms,
	});
}

void yt_say_end(struct yt_say *say)
{
	const struct yt_act *act = say->act;
	const struct yt_state *state = act->env->state;
	struct yt_output out = { .type = say->type, .key = act->member ? act->member->name : act->place };

	if (act->subject.n)
		out.key = yt_act_name(act->env->arena, act_shop(act), act->subject);
	yt_output_end(&say->buf);
	memcpy(out.id, say->id, sizeof(out.id));
	out.value = yt_buf_str(&say->buf);
	state->output(state->ctx, &out);
}
