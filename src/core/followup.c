#include "yutang/core/followup.h"

/* That of the event, else the contact that stands for longest. */
static struct yt_str account_of(const struct yt_act *act)
{
	struct yt_str account = act->ev ? yt_event_text(act->ev, YT_F_ACCOUNT) : (struct yt_str){ 0 };
	const struct yt_place *oldest = account.n ? NULL : yt_places_oldest(&act->member->accounts);

	return oldest ? oldest->id : account;
}

static void say_text(struct yt_say *say, const char *name, struct yt_str value)
{
	if (value.n)
		yt_output_text(&say->buf, name, value);
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
	if (act->ev) {
		say_text(&say, "group", yt_event_text(act->ev, YT_F_GROUP));
		say_text(&say, "order", yt_event_text(act->ev, YT_F_ORDER));
	}
	if (f->coupon)
		yt_output_text(&say.buf, "coupon", yt_str(f->coupon, 32));
	yt_output_raw(&say.buf, "params", YT_S("{}"));
	yt_say_end(&say);
	yt_act_count_named(act, YT_DAY_FOLLOWUPS, f->kind);
}

bool yt_followup_send(struct yt_act *act, const struct yt_followup *f)
{
	if (f->send_by && act->env->now_ms > f->send_by) {
		yt_followup_withhold(act, f, YT_REASON_TOO_LATE);
		return false;
	}
	say_due(act, f);
	return true;
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
