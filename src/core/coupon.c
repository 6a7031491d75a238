#include "yutang/core/coupon.h"

#include "yutang/base/hash.h"
#include "yutang/core/claim.h"
#include "yutang/core/erase.h"
#include "yutang/core/followup.h"
#include "yutang/core/limit.h"
#include "yutang/core/referral.h"
#include "yutang/core/report.h"
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

static void follows(struct yt_act *act, enum yt_on on, const char id[33], const struct yt_coupon *c)
{
	struct yt_follow *f = yt_act_follows(act, on, id, act->ev || act->follow ? yt_act_cause(act) : c->cause);

	if (f)
		memcpy(f->coupon, c->id, sizeof(f->coupon));
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
}

/* Of that template, at or after from_ms: those that are there, and those on their way. */
static int64_t issued_since(const struct yt_member *m, struct yt_str template, int64_t from_ms)
{
	return yt_wallet_issued_since(&m->wallet, template, from_ms) + yt_claims_since(&m->claims, template, from_ms);
}

static enum yt_reason judge_issue(struct yt_act *act, const struct yt_coupon_rules *t, const struct yt_coupon *c)
{
	const struct yt_member *m = act->member;
	struct yt_wallet *w = &act->member->wallet;
	const struct yt_period *period = &t->limit_per_period;

	if (c->valid_until <= act->env->now_ms)
		return YT_REASON_ENDED;
	if (t->limit_per_member && (int64_t)yt_wallet_issued(w, t->name) + yt_claims_since(&m->claims, t->name, 0) >= t->limit_per_member)
		return YT_REASON_MEMBER_LIMIT;
	if (period->n && issued_since(m, t->name, yt_act_period_from(act, period)) >= period->n)
		return YT_REASON_PERIOD_LIMIT;
	if (m->claims.n && yt_wallet_living(w) + m->claims.n >= YT_COUPONS_MAX)
		return YT_REASON_MEMBER_LIMIT;
	/* Only a timer and what follows from an output get here with a wallet full of coupons that live: an event is judged before (limit.h). */
	if (!yt_wallet_room(w, act->env->arena, act->env->now_ms, keep_ms(act)) || !yt_limit_room(act, 0))
		return YT_REASON_MEMBER_LIMIT;
	return YT_REASON_NONE;
}

static const char *const discount_names[] = { [YT_PAY_PERCENT] = "pay_percent", [YT_PERCENT_OFF] = "percent_off", [YT_AMOUNT_OFF] = "amount_off" };

struct yt_str yt_coupon_role(uint8_t role)
{
	static const struct yt_str names[] = { [YT_ROLE_REFERRER] = YT_STR("referrer"), [YT_ROLE_INVITEE] = YT_STR("invitee") };

	return names[role];
}

/* The order that what is issued now is for; empty: none. */
static struct yt_str order_of(const struct yt_act *act)
{
	return act->reward ? act->reward->order : yt_act_text(act, YT_F_ORDER);
}

/* `for` and `role`: what it is for, as far as there is something. */
static void say_for(struct yt_act *act, struct yt_say *say)
{
	struct yt_str order = order_of(act), presale = yt_act_deposit(act);
	struct yt_buf object;

	yt_buf_init(&object, act->env->arena);
	if (order.n)
		yt_output_text(&object, "order", order);
	else if (presale.n)
		yt_output_text(&object, "presale", presale);
	if (act->reward)
		yt_output_text(&object, "referral", act->reward->role == YT_ROLE_INVITEE ? act->member->id : act->reward->invitee);
	if (!object.n)
		return;
	yt_output_raw(&say->buf, "for", yt_output_object(&object));
	if (act->reward)
		yt_output_text(&say->buf, "role", yt_coupon_role((uint8_t)act->reward->role));
}

static void say_issued(struct yt_act *act, struct yt_say *say, const struct yt_coupon_rules *t, const struct yt_coupon *c)
{
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
	say_for(act, say);
	yt_say_end(say);
}

void yt_coupon_refuse(struct yt_act *act, struct yt_str rule, struct yt_str template, enum yt_reason reason)
{
	struct yt_str order = order_of(act);
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_COUPON_REFUSED, rule, yt_act_cause(act), yt_act_fact(act, YT_OUT_COUPON_REFUSED), 0);
	if (template.n)
		yt_output_text(&say.buf, "template", template);
	if (order.n)
		yt_output_text(&say.buf, "order", order);
	yt_output_text(&say.buf, "reason", yt_str_z(yt_reason_name(reason)));
	if (act->reward)
		yt_output_text(&say.buf, "role", yt_coupon_role((uint8_t)act->reward->role));
	yt_say_end(&say);
}

static void set_window(const struct yt_act *act, const struct yt_coupon_rules *t, const struct yt_terms *terms, struct yt_coupon *c)
{
	if (terms && terms->valid_until) {
		c->valid_from = terms->valid_from;
		c->valid_until = terms->valid_until;
	} else {
		set_validity(act, t, c);
	}
}

enum yt_reason yt_coupon_judge(struct yt_act *act, const struct yt_coupon_rules *t, struct yt_str rule, const struct yt_terms *terms)
{
	struct yt_coupon c = { .issued_at = act->env->now_ms };
	enum yt_reason reason;

	set_window(act, t, terms, &c);
	reason = judge_issue(act, t, &c);
	if (reason)
		yt_coupon_refuse(act, rule, t->name, reason);
	return reason;
}

void yt_coupon_id(struct yt_act *act, struct yt_str rule, char id[33])
{
	const struct yt_member *m = act->member;

	yt_output_id(YT_OUT_COUPON_ISSUED, m->shop, m->id, rule, yt_act_fact(act, YT_OUT_COUPON_ISSUED), 0, id);
}

static void set_reward(struct yt_act *act, struct yt_coupon *c, const struct yt_reward *w, const struct yt_coupon_rules *t)
{
	c->role = (uint8_t)w->role;
	c->referral = yt_erase_hash(act->env, act->member->shop, w->invitee);
	c->discount = (uint8_t)t->discount;
	c->value = t->value;
}

/* All of it but its id and its code. */
static struct yt_coupon coupon_of(struct yt_act *act, const struct yt_coupon_rules *t, const struct yt_terms *terms)
{
	struct yt_arena *a = act->env->arena;
	struct yt_str order = order_of(act);
	struct yt_coupon c = {
		.template = yt_arena_dup(a, t->name),
		.cause = yt_arena_dup(a, yt_act_cause(act)),
		.min_amount = t->min_amount,
		.keep_on_refund = t->keep_on_refund,
		.issued_at = act->env->now_ms,
		.for_order = order.n ? yt_hash64(order) : 0,
		.for_presale = yt_arena_dup(a, yt_act_deposit(act)),
		.depositor = yt_act_depositor(act),
	};

	set_window(act, t, terms, &c);
	if (t->remind_before_ms && c.valid_until - t->remind_before_ms > act->env->now_ms)
		c.remind_at = c.remind_due = c.valid_until - t->remind_before_ms;
	if (terms)
		c.units = terms->units;
	if (act->reward)
		set_reward(act, &c, act->reward, t);
	return c;
}

enum yt_reason yt_coupon_issue(struct yt_act *act, const struct yt_coupon_rules *t, struct yt_str rule, const struct yt_terms *terms, char id[33])
{
	enum yt_reason reason = yt_coupon_judge(act, t, rule, terms);
	struct yt_coupon c;
	struct yt_say say;

	if (reason)
		return reason;
	c = coupon_of(act, t, terms);
	yt_say_begin(&say, act, YT_OUT_COUPON_ISSUED, rule, c.cause, yt_act_fact(act, YT_OUT_COUPON_ISSUED), 0);
	yt_unhex(say.id, c.id, sizeof(c.id));
	if (act->env->code_key)
		yt_coupon_code(act->env->code_key, yt_str(say.id, 32), c.code);
	c.transferable = t->transferable && c.code[0];
	yt_wallet_add(&act->member->wallet, act->env->arena, &c);
	say_issued(act, &say, t, &c);
	if (c.transferable)
		yt_transfer_bind(act, &c);
	yt_act_count_named(act, YT_DAY_ISSUED, t->name);
	yt_report_issued(act);
	follows(act, YT_ON_COUPON_ISSUED, say.id, &c);
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

int64_t yt_coupon_worth(const struct yt_coupon_rules *t, int64_t paid)
{
	int64_t percent = t->discount == YT_PAY_PERCENT ? t->value : 100 - t->value, worth;

	if (t->discount == YT_AMOUNT_OFF)
		return t->value;
	worth = paid / percent * (100 - percent) + paid % percent * (100 - percent) / percent;
	return worth < YT_INSTANT_MAX_MS ? worth : YT_INSTANT_MAX_MS - 1;
}

/* A template that is gone was worth nothing that could be told. */
static void count_use(struct yt_act *act, struct yt_order *o, const struct yt_coupon *c)
{
	const struct yt_coupon_rules *t = yt_ruleset_coupon(act->env->rules, c->template);
	int64_t cost = t ? yt_coupon_worth(t, o->amount) : 0, most = YT_INSTANT_MAX_MS - o->coupon_cost;

	cost = cost < most ? cost : most;
	o->coupon_cost += cost;
	yt_report_used(act, cost);
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
	follows(act, YT_ON_COUPON_USED, say.id, c);
}

static void use(struct yt_act *act, struct yt_coupon *c)
{
	struct yt_order *o = yt_act_order(act);
	unsigned char (*used)[16];

	if (c->role)
		c->worth = yt_coupon_worth(&(struct yt_coupon_rules){ .discount = c->discount, .value = c->value }, o->amount);
	used = yt_arena_alloc(act->env->arena, (o->n_used + 1) * sizeof(*used));
	if (o->n_used)
		memcpy(used, o->used, o->n_used * sizeof(*used));
	memcpy(used[o->n_used++], c->id, sizeof(c->id));
	o->used = used;
	count_use(act, o, c);
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

void yt_coupon_revoke(struct yt_act *act, struct yt_coupon *c, struct yt_str rule, enum yt_reason reason)
{
	bool used = c->state == YT_COUPON_USED;
	struct yt_say say;

	c->state = YT_COUPON_REVOKED;
	c->ended_at = act->env->now_ms;
	yt_say_begin(&say, act, YT_OUT_COUPON_REVOKED, rule, yt_act_cause(act), yt_act_fact_of_coupon(act, c, act->ev), 0);
	say_coupon(&say, c);
	yt_output_text(&say.buf, "reason", yt_str_z(yt_reason_name(reason)));
	if (used)
		yt_output_int(&say.buf, "debt", c->worth);
	yt_say_end(&say);
	yt_claim_return(act, c->template, &c->units);
	c->units = (struct yt_units){ 0 };
}

static bool is_unused(const struct yt_act *act, const struct yt_coupon *c)
{
	return yt_coupon_lives(c) && act->env->now_ms < c->valid_until;
}

struct yt_str yt_rule_presale(struct yt_arena *a, struct yt_str presale)
{
	return yt_arena_printf(a, "~presale:%.*s", YT_FMT(presale));
}

/* What earned it went, it is not used. */
static void forfeit(struct yt_act *act, struct yt_coupon *c, enum yt_forfeit why)
{
	if (why == YT_FORFEIT_DEPOSIT)
		yt_coupon_revoke(act, c, yt_rule_presale(act->env->arena, c->for_presale), YT_REASON_DEPOSIT_REFUNDED);
	else
		yt_coupon_revoke(act, c, YT_RULE_COUPON, why == YT_FORFEIT_CANCELLED ? YT_REASON_ORDER_CANCELLED : YT_REASON_ORDER_REFUNDED);
}

/* What earned it goes: at once where it is not used, else when it comes back. */
static void take_away(struct yt_act *act, struct yt_coupon *c, enum yt_forfeit why)
{
	if (is_unused(act, c))
		forfeit(act, c, why);
	else if (c->state == YT_COUPON_USED && !c->forfeit)
		c->forfeit = (uint8_t)why;
}

static void give_back(struct yt_act *act, struct yt_coupon *c, struct yt_str order)
{
	enum yt_forfeit why = c->forfeit;
	struct yt_say say;

	c->state = YT_COUPON_OPEN;
	c->forfeit = YT_FORFEIT_NO;
	c->worth = 0;
	c->used_by = 0;
	/* When its reminder was due it was used: nobody had to be reminded. */
	if (c->remind_at && c->remind_at <= act->env->now_ms)
		c->remind_at = 0;
	yt_say_begin(&say, act, YT_OUT_COUPON_RETURNED, YT_RULE_COUPON, act->ev->id, yt_act_fact_of_coupon(act, c, act->ev), 0);
	say_coupon(&say, c);
	yt_output_text(&say.buf, "order", order);
	yt_say_end(&say);
	if (why && is_unused(act, c))
		forfeit(act, c, why);
}

void yt_coupon_revoke_unused(struct yt_act *act, const struct yt_rule *rule)
{
	struct yt_wallet *w = &act->member->wallet;

	for (uint32_t k = 0; k < w->n; k++) {
		if (yt_str_eq(w->v[k].template, rule->revoke->name) && is_unused(act, &w->v[k]))
			yt_coupon_revoke(act, &w->v[k], rule->name, YT_REASON_BY_RULE);
	}
	yt_claims_withdraw(&act->member->claims, rule->revoke->name, YT_REASON_BY_RULE);
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

		/* A reward goes with its referral. */
		if (c->for_order != order || c->keep_on_refund || c->role)
			continue;
		take_away(act, c, reason == YT_REASON_ORDER_CANCELLED ? YT_FORFEIT_CANCELLED : YT_FORFEIT_REFUNDED);
	}
	yt_claims_withdraw_earned(&act->member->claims, order, reason);
}

void yt_coupon_revoke_deposit(struct yt_act *act, uint64_t presale, uint64_t depositor)
{
	struct yt_wallet *w = &act->member->wallet;

	for (uint32_t k = 0; k < w->n; k++) {
		struct yt_coupon *c = &w->v[k];

		if (!c->for_presale.n || yt_hash64(c->for_presale) != presale || c->depositor != depositor || c->keep_on_refund)
			continue;
		take_away(act, c, YT_FORFEIT_DEPOSIT);
	}
	yt_claims_withdraw_deposit(&act->member->claims, presale, depositor, YT_REASON_DEPOSIT_REFUNDED);
}

void yt_coupon_revoke_rewards(struct yt_act *act, enum yt_role role, uint64_t referral, enum yt_reason reason)
{
	bool of_order = reason == YT_REASON_ORDER_REFUNDED || reason == YT_REASON_ORDER_CANCELLED;
	struct yt_wallet *w = &act->member->wallet;

	for (uint32_t k = 0; k < w->n; k++) {
		struct yt_coupon *c = &w->v[k];

		if (c->role != role || c->referral != referral || (c->keep_on_refund && of_order))
			continue;
		if (is_unused(act, c) || c->state == YT_COUPON_USED)
			yt_coupon_revoke(act, c, YT_RULE_REFERRAL, reason);
	}
	yt_claims_withdraw_reward(&act->member->claims, (uint8_t)role, referral, of_order, reason);
}

struct yt_coupon *yt_coupon_revocable(const struct yt_member *m, struct yt_str id, int64_t now_ms)
{
	char hex[33];

	for (uint32_t k = 0; k < m->wallet.n; k++) {
		struct yt_coupon *c = &m->wallet.v[k];

		yt_hex(c->id, sizeof(c->id), hex);
		if (yt_str_eq(yt_str(hex, 32), id))
			return yt_coupon_lives(c) && now_ms < c->valid_until ? c : NULL;
	}
	return NULL;
}

static void expire(struct yt_act *act, struct yt_coupon *c)
{
	struct yt_say say;

	c->expired = true;
	c->ended_at = act->env->now_ms;
	yt_say_begin(&say, act, YT_OUT_COUPON_EXPIRED, YT_RULE_COUPON, c->cause, yt_act_fact_of_coupon(act, c, NULL), 0);
	say_coupon(&say, c);
	yt_say_end(&say);
	follows(act, YT_ON_COUPON_EXPIRED, say.id, c);
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
