#include "yutang/core/followup.h"

#include "yutang/core/link.h"
#include "yutang/core/run.h"

/* The event may be another member's, whose friend this is: account and group are not this one's then. */
static struct yt_str own_text(const struct yt_act *act, enum yt_field field)
{
	if (!yt_link_is_own(act->member, yt_act_text(act, YT_F_MEMBER)))
		return (struct yt_str){ 0 };
	return yt_act_text(act, field);
}

/* That of the event, else the contact that stands for longest. */
static struct yt_str account_of(const struct yt_act *act)
{
	struct yt_str account = own_text(act, YT_F_ACCOUNT);
	const struct yt_place *oldest = account.n ? NULL : yt_places_oldest(&act->member->accounts);

	return oldest ? oldest->id : account;
}

static void say_text(struct yt_say *say, const char *name, struct yt_str value)
{
	if (value.n)
		yt_output_text(&say->buf, name, value);
}

/* An expression that fails leaves nothing in its place. */
static struct yt_str param_text(struct yt_act *act, const struct yt_rule *r, const struct yt_param *p)
{
	struct yt_arena *a = act->env->arena;
	struct yt_value v;
	struct yt_buf text;
	char why[64];

	yt_buf_init(&text, a);
	for (uint32_t k = 0; k < p->n_parts; k++) {
		if (!p->parts[k].expr)
			yt_buf_str_add(&text, p->parts[k].text);
		else if (yt_expr_eval(p->parts[k].expr, a, yt_run_fact, act, &v, why))
			yt_buf_str_add(&text, yt_value_text(a, &v));
		else
			yt_act_tell(act, r, YT_VERDICT_PARAM_ERROR, 0, why);
	}
	return yt_buf_str(&text);
}

struct yt_str yt_followup_params(struct yt_act *act, const struct yt_rule *r)
{
	struct yt_arena *a = act->env->arena;
	struct yt_buf object;

	if (!r->n_params)
		return YT_S("{}");
	yt_buf_init(&object, a);
	for (uint32_t k = 0; k < r->n_params; k++)
		yt_output_text(&object, yt_arena_dup(a, r->params[k].name).p, param_text(act, r, &r->params[k]));
	return yt_output_object(&object);
}

static void say_due(struct yt_act *act, const struct yt_followup *f)
{
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_FOLLOWUP_DUE, f->rule, f->cause, f->fact, 0);
	yt_output_text(&say.buf, "followup", yt_str(say.id, 32));
	yt_output_text(&say.buf, "kind", f->kind);
	yt_output_int(&say.buf, "due_at", f->due_at);
	if (f->send_by)
		yt_output_int(&say.buf, "send_by", f->send_by);
	say_text(&say, "account", account_of(act));
	say_text(&say, "group", own_text(act, YT_F_GROUP));
	say_text(&say, "order", yt_act_text(act, YT_F_ORDER));
	if (f->coupon)
		yt_output_text(&say.buf, "coupon", yt_str(f->coupon, 32));
	if (f->params_of)
		yt_output_raw(&say.buf, "params", yt_followup_params(act, f->params_of));
	else
		yt_output_raw(&say.buf, "params", f->params.n ? f->params : YT_S("{}"));
	yt_say_end(&say);
	yt_act_count_named(act, YT_DAY_FOLLOWUPS, f->kind);
	yt_member_contact(act->member, act->env->arena, act->env->now_ms);
}

/* --- may it leave now? */

static int minute_of(const struct yt_zone *zone, int64_t at)
{
	struct yt_civil civil;

	yt_zone_civil(zone, at, &civil);
	return civil.hour * 60 + civil.minute;
}

/* Now lies in the quiet hours, which end at *end. */
static bool is_quiet(const struct yt_act *act, int64_t *end)
{
	const struct yt_shop_rules *shop = act->shop;
	bool over_midnight, late;
	struct yt_civil day;
	int32_t number;
	int minute;

	if (!shop || !shop->has_quiet_hours)
		return false;
	minute = minute_of(shop->zone, act->env->now_ms);
	over_midnight = shop->quiet_from_min > shop->quiet_until_min;
	late = minute >= shop->quiet_from_min;
	if (over_midnight ? !late && minute >= shop->quiet_until_min : !late || minute >= shop->quiet_until_min)
		return false;
	number = yt_zone_day(shop->zone, act->env->now_ms) + (over_midnight && late);
	yt_zone_civil(shop->zone, yt_zone_day_start_ms(shop->zone, number), &day);
	*end = yt_zone_to_utc_ms(shop->zone, day.year, day.month, day.day, shop->quiet_until_min / 60, shop->quiet_until_min % 60, 0);
	return *end > act->env->now_ms; /* where the clock was put back, the end may have been an hour ago */
}

static bool is_one_too_many(const struct yt_act *act)
{
	const struct yt_member *m = act->member;

	for (int k = 0; act->shop && k < act->shop->n_caps; k++) {
		int64_t from = yt_act_period_from(act, &act->shop->caps[k]);
		int n = 0;

		for (uint32_t i = 0; i < m->n_contacts; i++)
			n += m->contacts[i] >= from;
		if (n >= act->shop->caps[k].n)
			return true;
	}
	return false;
}

static enum yt_reason judge(const struct yt_act *act, struct yt_followup *f)
{
	int64_t end;

	f->wait_until = 0;
	if (f->send_by && act->env->now_ms > f->send_by)
		return YT_REASON_TOO_LATE;
	if (is_quiet(act, &end)) {
		f->wait_until = end;
		return f->send_by && end > f->send_by ? YT_REASON_QUIET_HOURS : YT_REASON_NONE;
	}
	return is_one_too_many(act) ? YT_REASON_CONTACT_CAP : YT_REASON_NONE;
}

enum yt_sent yt_followup_send(struct yt_act *act, struct yt_followup *f)
{
	enum yt_reason reason = judge(act, f);

	if (reason) {
		yt_followup_withhold(act, f, reason);
		return YT_FOLLOWUP_WITHHELD;
	}
	if (f->wait_until)
		return YT_FOLLOWUP_WAITS;
	say_due(act, f);
	return YT_FOLLOWUP_LEFT;
}

void yt_followup_withhold(struct yt_act *act, const struct yt_followup *f, enum yt_reason reason)
{
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_FOLLOWUP_WITHHELD, f->rule, f->cause, f->fact, 0);
	yt_output_text(&say.buf, "kind", f->kind);
	yt_output_int(&say.buf, "due_at", f->due_at);
	yt_output_text(&say.buf, "reason", yt_str_z(yt_reason_name(reason)));
	yt_say_end(&say);
}
