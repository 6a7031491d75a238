#include "yutang/core/coupon.h"

#include "yutang/base/hash.h"
#include "yutang/core/followup.h"
#include "yutang/core/limit.h"
#include "yutang/core/transfer.h"

static int64_t keep_ms(const struct yt_act *act)
{
	return act->shop->refund_window_ms + YT_AFTER_REFUND_WINDOW_MS;
}

static void say_coupon(struct yt_say *say, const struct yt_coupon *c)
{
	char id[33];

	yt_hex(c->id, sizeof(c->id), id);
	yt_output_text(&say->buf, "coupon", yt_str(id, 32));
	yt_output_text(&say->buf, "template", c->template);
}

/* --- issue */

static bool is_date(struct yt_str instant)
{
	return instant.n == 10; /* `YYYY-MM-DD` */
}

static void set_validity(const struct yt_act *act, const struct yt_coupon_rules *t, struct yt_coupon *c)
{
	const struct yt_zone *zone = act->shop->zone;
	struct yt_str until = t->valid_until_text;

	c->valid_from = t->valid_from_text.n ? yt_instant_local_ms(zone, t->valid_from_text, false) : act->env->now_ms;
	c->valid_until = until.n ? yt_instant_local_ms(zone, until, true) : act->env->now_ms + t->valid_for_ms;
	/* A fixed date is the end of its day already. */
	if (t->to_end_of_day && !is_date(until))
		c->valid_until = yt_zone_day_start_ms(zone, yt_zone_day(zone, c->valid_until) + 1);
	if (t->remind_before_ms && c->valid_until - t->remind_before_ms > act->env->now_ms)
		c->remind_at = c->remind_due = c->valid_until - t->remind_before_ms;
}

static enum yt_reason judge_issue(struct yt_act *act, const struct yt_coupon_rules *t, const struct yt_coupon *c)
{
	struct yt_wallet *w = &act->member->wallet;
	const struct yt_period *period = &t->limit_per_period;

	if (c->valid_until <= act->env->now_ms)
		return YT_REASON_ENDED;
	if (t->limit_per_member && yt_wallet_issued(w, t->name) >= t->limit_per_member)
		return YT_REASON_MEMBER_LIMIT;
	if (period->n && yt_wallet_issued_since(w, t->name, yt_act_period_from(act, period)) >= (uint32_t)period->n)
		return YT_REASON_PERIOD_LIMIT;
	/* Only a timer and what follows from an output get here with a wallet full of coupons that live: an event is judged before (limit.h). */
	if (!yt_wallet_room(w, act->env->arena, act->env->now_ms, keep_ms(act)) || !yt_limit_room(act, 0))
		return YT_REASON_MEMBER_LIMIT;
	return YT_REASON_NONE;
}

static const char *const discount_names[] = { [YT_PAY_PERCENT] = "pay_percent", [YT_PERCENT_OFF] = "percent_off", [YT_AMOUNT_OFF] = "amount_off" };

static void say_issued(struct yt_act *act, struct yt_say *say, const struct yt_coupon_rules *t, const struct yt_coupon *c)
{
	struct yt_str order = yt_act_text(act, YT_F_ORDER);
	struct yt_buf *buf = &say->buf;

	yt_output_text(buf, "coupon", yt_str(say->id, 32));
	if (c->code[0])
		yt_output_text(buf, "code", yt_str(c->code, 12));
	yt_output_text(buf, "template", t->name);
	yt_output_int(buf, discount_names[t->discount], t->value);
	if (t->min_amount >= 0)
		yt_output_int(buf, "min_amount", t->min_amount);
	yt_output_int(buf, "valid_from", c->valid_from);
	yt_output_int(buf, "valid_until", c->valid_until);
	if (order.n) {
		struct yt_buf object;

		yt_buf_init(&object, act->env->arena);
		yt_output_text(&object, "order", order);
		object.p[0] = '{'; /* in place of the comma */
		yt_buf_c(&object, '}');
		yt_output_raw(buf, "for", yt_buf_str(&object));
	}
	yt_say_end(say);
}

void yt_coupon_refuse(struct yt_act *act, struct yt_str rule, struct yt_str template, enum yt_reason reason)
{
	struct yt_str order = yt_act_text(act, YT_F_ORDER);
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_COUPON_REFUSED, rule, yt_act_cause(act), yt_act_fact(act, YT_OUT_COUPON_REFUSED), 0);
	yt_output_text(&say.buf, "template", template);
	if (order.n)
		yt_output_text(&say.buf, "order", order);
	yt_output_text(&say.buf, "reason", yt_str_z(yt_reason_name(reason)));
	yt_say_end(&say);
}

enum yt_reason yt_coupon_issue(struct yt_act *act, const struct yt_coupon_rules *t, struct yt_str rule, char id[33])
{
	struct yt_arena *a = act->env->arena;
	struct yt_str order = yt_act_text(act, YT_F_ORDER), cause = yt_act_cause(act);
	struct yt_coupon c = { .min_amount = t->min_amount, .keep_on_refund = t->keep_on_refund, .issued_at = act->env->now_ms };
	enum yt_reason reason;
	struct yt_say say;

	set_validity(act, t, &c);
	reason = judge_issue(act, t, &c);
	if (reason) {
		yt_coupon_refuse(act, rule, t->name, reason);
		return reason;
	}
	yt_say_begin(&say, act, YT_OUT_COUPON_ISSUED, rule, cause, yt_act_fact(act, YT_OUT_COUPON_ISSUED), 0);
	yt_unhex(say.id, c.id, sizeof(c.id));
	if (act->env->code_key)
		yt_coupon_code(act->env->code_key, yt_str(say.id, 32), c.code);
	c.template = yt_arena_dup(a, t->name);
	c.cause = yt_arena_dup(a, cause);
	c.for_order = order.n ? yt_hash64(order) : 0;
	c.transferable = t->transferable && c.code[0];
	yt_wallet_add(&act->member->wallet, a, &c);
	say_issued(act, &say, t, &c);
	if (c.transferable)
		yt_transfer_bind(act, &c);
	yt_act_count_named(act, YT_DAY_ISSUED, t->name);
	yt_act_follows(act, YT_ON_COUPON_ISSUED, say.id, &c);
	memcpy(id, say.id, sizeof(say.id));
	return YT_REASON_NONE;
}

/* --- use */

static enum yt_reason judge_use(const struct yt_coupon *c, int64_t paid_at, int64_t amount)
{
	if (c->state == YT_COUPON_REVOKED)
		return YT_REASON_NOT_YOURS; /* it was taken back */
	if (paid_at < c->valid_from)
		return YT_REASON_NOT_STARTED;
	if (paid_at >= c->valid_until)
		return YT_REASON_EXPIRED;
	if (c->state == YT_COUPON_USED)
		return YT_REASON_ALREADY_USED;
	if (amount < c->min_amount)
		return YT_REASON_AMOUNT_FELL;
	return YT_REASON_NONE;
}

static void say_used(struct yt_act *act, struct yt_coupon *c, struct yt_str order)
{
	struct yt_say say;

	c->state = YT_COUPON_USED;
	c->ended_at = act->env->now_ms;
	yt_say_begin(&say, act, YT_OUT_COUPON_USED, YT_RULE_COUPON, act->ev->id, yt_act_fact_of_coupon(act, c, act->ev), 0);
	say_coupon(&say, c);
	yt_output_text(&say.buf, "order", order);
	yt_say_end(&say);
	yt_act_count_named(act, YT_DAY_USED, c->template);
	yt_act_follows(act, YT_ON_COUPON_USED, say.id, c);
}

static void use(struct yt_act *act, struct yt_coupon *c)
{
	struct yt_order *o = yt_act_order(act);
	unsigned char (*used)[16];

	used = yt_arena_alloc(act->env->arena, (o->n_used + 1) * sizeof(*used));
	if (o->n_used)
		memcpy(used, o->used, o->n_used * sizeof(*used));
	memcpy(used[o->n_used++], c->id, sizeof(c->id));
	o->used = used;
	say_used(act, c, o->id);
}

/* c NULL: nobody of this shop holds that code, as far as this member goes. */
static void refuse_code(struct yt_act *act, const struct yt_coupon *c, struct yt_str code, struct yt_str order, enum yt_reason reason, unsigned ordinal)
{
	struct yt_str fact = c ? yt_act_fact_of_coupon(act, c, act->ev) : yt_act_fact_of_event(act, act->ev);
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_COUPON_REFUSED, YT_RULE_COUPON, act->ev->id, fact, ordinal);
	if (c)
		yt_output_text(&say.buf, "template", c->template);
	yt_output_text(&say.buf, "code", code);
	yt_output_text(&say.buf, "order", order);
	yt_output_text(&say.buf, "reason", yt_str_z(yt_reason_name(reason)));
	yt_say_end(&say);
}

/* An order that names a code twice names it once, however it is written. */
static bool is_same_code(struct yt_str a, struct yt_str b)
{
	char fa[13], fb[13];

	if (yt_crockford_fold(a, fa) && yt_crockford_fold(b, fb))
		return memcmp(fa, fb, 12) == 0;
	return yt_str_eq(a, b);
}

static bool was_named(const union yt_field_value *codes, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++) {
		if (is_same_code(codes->list.codes[i], codes->list.codes[k]))
			return true;
	}
	return false;
}

void yt_coupon_use_codes(struct yt_act *act)
{
	const union yt_field_value *codes = yt_event_field(act->ev, YT_F_COUPONS);
	unsigned strangers = 0;

	for (uint32_t k = 0; codes && k < codes->list.n; k++) {
		struct yt_str code = codes->list.codes[k];
		struct yt_coupon *c = act->env->code_key ? yt_wallet_by_code(&act->member->wallet, code) : NULL;
		enum yt_reason reason = c ? judge_use(c, act->order->paid_at, act->order->amount) : YT_REASON_NOT_YOURS;

		if (was_named(codes, k))
			continue;
		if (!reason)
			use(act, c);
		else if (c || !yt_transfer_ask(act, code, strangers))
			refuse_code(act, c, code, act->order->id, reason, c ? 0 : strangers);
		strangers += !c;
	}
}

static void refuse_to(struct yt_act *act, const struct yt_coupon_claim *of, const struct yt_coupon *c, enum yt_reason reason)
{
	act->subject = of->buyer;
	refuse_code(act, c, of->code, of->order, reason, c ? 0 : of->ordinal);
	act->subject = (struct yt_str){ 0 };
}

void yt_coupon_refuse_claim(struct yt_act *act, const struct yt_coupon_claim *of)
{
	refuse_to(act, of, NULL, YT_REASON_NOT_YOURS);
}

void yt_coupon_claim(struct yt_act *act, const struct yt_coupon_claim *of)
{
	struct yt_coupon *c = yt_wallet_by_code(&act->member->wallet, of->code);
	enum yt_reason reason = c && c->transferable ? judge_use(c, of->paid_at, of->amount) : YT_REASON_NOT_YOURS;

	if (reason) {
		refuse_to(act, of, c && c->transferable ? c : NULL, reason);
		return;
	}
	c->used_by = yt_hash64(of->order);
	say_used(act, c, of->order);
}

/* --- what happens to it afterwards */

static void revoke(struct yt_act *act, struct yt_coupon *c, struct yt_str rule, enum yt_reason reason)
{
	struct yt_say say;

	c->state = YT_COUPON_REVOKED;
	c->ended_at = act->env->now_ms;
	yt_say_begin(&say, act, YT_OUT_COUPON_REVOKED, rule, yt_act_cause(act), yt_act_fact_of_coupon(act, c, act->ev), 0);
	say_coupon(&say, c);
	yt_output_text(&say.buf, "reason", yt_str_z(yt_reason_name(reason)));
	yt_say_end(&say);
}

static bool is_unused(const struct yt_act *act, const struct yt_coupon *c)
{
	return yt_coupon_lives(c) && act->env->now_ms < c->valid_until;
}

static void give_back(struct yt_act *act, struct yt_coupon *c, struct yt_str order)
{
	uint8_t forfeit = c->forfeit;
	struct yt_say say;

	c->state = YT_COUPON_OPEN;
	c->forfeit = YT_FORFEIT_NO;
	c->used_by = 0;
	/* When its reminder was due it was used: nobody had to be reminded. */
	if (c->remind_at && c->remind_at <= act->env->now_ms)
		c->remind_at = 0;
	yt_say_begin(&say, act, YT_OUT_COUPON_RETURNED, YT_RULE_COUPON, act->ev->id, yt_act_fact_of_coupon(act, c, act->ev), 0);
	say_coupon(&say, c);
	yt_output_text(&say.buf, "order", order);
	yt_say_end(&say);
	if (forfeit && is_unused(act, c))
		revoke(act, c, YT_RULE_COUPON, forfeit == YT_FORFEIT_CANCELLED ? YT_REASON_ORDER_CANCELLED : YT_REASON_ORDER_REFUNDED);
}

void yt_coupon_revoke_unused(struct yt_act *act, const struct yt_rule *rule)
{
	struct yt_wallet *w = &act->member->wallet;

	for (uint32_t k = 0; k < w->n; k++) {
		if (yt_str_eq(w->v[k].template, rule->revoke->name) && is_unused(act, &w->v[k]))
			revoke(act, &w->v[k], rule->name, YT_REASON_BY_RULE);
	}
}

void yt_coupon_return_used(struct yt_act *act)
{
	for (uint32_t k = 0; k < act->order->n_used; k++) {
		struct yt_coupon *c = yt_wallet_by_id(&act->member->wallet, act->order->used[k]);

		if (c && c->state == YT_COUPON_USED)
			give_back(act, c, act->order->id);
	}
}

void yt_coupon_return_claimed(struct yt_act *act, struct yt_str code, struct yt_str order)
{
	struct yt_coupon *c = yt_wallet_by_code(&act->member->wallet, code);

	if (c && c->state == YT_COUPON_USED && c->used_by == yt_hash64(order))
		give_back(act, c, order);
}

void yt_coupon_keep_used(struct yt_act *act)
{
	for (uint32_t k = 0; k < act->order->n_used; k++) {
		struct yt_coupon *c = yt_wallet_by_id(&act->member->wallet, act->order->used[k]);

		if (c && c->ended_at < act->env->now_ms)
			c->ended_at = act->env->now_ms;
	}
}

void yt_coupon_revoke_earned(struct yt_act *act, struct yt_str order_id, enum yt_reason reason)
{
	uint64_t order = yt_hash64(order_id);
	struct yt_wallet *w = &act->member->wallet;

	for (uint32_t k = 0; k < w->n; k++) {
		struct yt_coupon *c = &w->v[k];

		if (c->for_order != order || c->keep_on_refund)
			continue;
		if (is_unused(act, c))
			revoke(act, c, YT_RULE_COUPON, reason);
		else if (c->state == YT_COUPON_USED && !c->forfeit)
			c->forfeit = reason == YT_REASON_ORDER_CANCELLED ? YT_FORFEIT_CANCELLED : YT_FORFEIT_REFUNDED;
	}
}

static void expire(struct yt_act *act, struct yt_coupon *c)
{
	struct yt_say say;

	c->expired = true;
	c->ended_at = act->env->now_ms;
	yt_say_begin(&say, act, YT_OUT_COUPON_EXPIRED, YT_RULE_COUPON, c->cause, yt_act_fact_of_coupon(act, c, NULL), 0);
	say_coupon(&say, c);
	yt_say_end(&say);
	yt_act_follows(act, YT_ON_COUPON_EXPIRED, say.id, c);
}

static void remind(struct yt_act *act, struct yt_coupon *c)
{
	struct yt_followup f = {
		.rule = YT_RULE_COUPON,
		.kind = YT_STR("coupon_expiring"),
		.cause = c->cause,
		.fact = yt_act_fact_of_coupon(act, c, NULL),
		.due_at = c->remind_due,
		.send_by = c->valid_until,
	};
	char id[33];

	yt_hex(c->id, sizeof(c->id), id);
	f.coupon = id;
	c->remind_at = 0;
	if (yt_followup_send(act, &f) == YT_FOLLOWUP_WAITS)
		c->remind_at = f.wait_until;
}

void yt_coupon_fire(struct yt_act *act, struct yt_coupon *c)
{
	if (c->remind_at)
		remind(act, c);
	else
		expire(act, c);
}
