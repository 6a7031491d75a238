/* The newcomer: the saga of who referred him. */
#include "yutang/core/referral.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/grant.h"
#include "yutang/core/run.h"

static struct yt_referral *saga_of(const struct yt_member *m)
{
	return m && m->refers ? m->refers->saga : NULL;
}

struct yt_str yt_referral_named(const struct yt_member *m)
{
	const struct yt_referral *s = saga_of(m);

	return s && s->code.n ? s->code : m->referrer;
}

/* --- outputs */

/* Of the event at hand. */
static void say(struct yt_act *act, enum yt_out_type type, struct yt_str referrer, enum yt_reason reason)
{
	bool staff = YT_COMMANDS >> act->ev->type & 1;
	struct yt_referral *s = saga_of(act->member);
	unsigned ordinal = type == YT_OUT_REFERRAL_VOIDED && act->ev->type == YT_REFERRAL_BOUND ? s->voids++ : 0;
	struct yt_say say;

	yt_say_begin(&say, act, type, staff ? YT_S("~staff") : YT_RULE_REFERRAL, act->ev->id, yt_act_fact_of_event(act, act->ev), ordinal);
	yt_output_text(&say.buf, "referrer", referrer);
	if (reason)
		yt_output_text(&say.buf, "reason", yt_str_z(yt_reason_name(reason)));
	yt_say_end(&say);
	if (type == YT_OUT_REFERRAL_QUALIFIED || type == YT_OUT_REFERRAL_APPROVED)
		yt_act_follows(act, type == YT_OUT_REFERRAL_QUALIFIED ? YT_ON_REFERRAL_QUALIFIED : YT_ON_REFERRAL_APPROVED, say.id, act->ev->id);
}

/* --- questions to the referrer */

static const struct yt_event *kept(const struct yt_act *act, const struct yt_event *ev)
{
	return yt_kept_new(act->env->arena, ev, 0);
}

static void ask_begin(struct yt_act *act, struct yt_buf *b, enum yt_send what)
{
	struct yt_referral *s = saga_of(act->member);
	struct yt_origin origin = { .ev = kept(act, act->ev) };

	yt_send_begin(act, b, what);
	yt_buf_bytes(b, act->member->id);
	yt_buf_varint(b, (uint64_t)++s->seq);
	yt_buf_c(b, (char)s->level);
	yt_origin_encode(&origin, act->member->referrer, b);
}

static void ask_end(struct yt_act *act, const struct yt_buf *b)
{
	yt_send_end(act, b, yt_act_name(act->env->arena, act->member->shop, act->member->referrer));
}

static void add_period(struct yt_buf *b, const struct yt_period *p)
{
	yt_buf_varint(b, p ? (uint64_t)p->n : 0);
	yt_buf_varint(b, p ? (uint64_t)p->ms : 0);
}

static void tell_bound(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_buf b;

	saga_of(act->member)->told = true;
	ask_begin(act, &b, YT_SEND_REFERRAL_BOUND);
	yt_buf_varint(&b, (uint64_t)act->member->bound_at);
	add_period(&b, rules ? &rules->velocity : NULL);
	ask_end(act, &b);
}

/* Once everything else is known. */
static void tell_qualifies(struct yt_act *act)
{
	static const struct yt_referral_rules off;
	const struct yt_referral_rules *rules = act->env->rules->referral ? act->env->rules->referral : &off;
	const enum yt_check checks[] = { rules->same_phone, rules->same_device, rules->same_address };
	struct yt_referral *s = saga_of(act->member);
	struct yt_buf b;

	if (s->state != YT_SAGA_JUDGING || !s->told || s->asks_phone)
		return;
	ask_begin(act, &b, YT_SEND_REFERRAL_QUALIFIES);
	for (int k = 0; k < YT_BUYER__COUNT; k++) {
		yt_buf_c(&b, (char)checks[k]);
		yt_buf_u64(&b, s->buyer[k]);
	}
	ask_end(act, &b);
	memset(s->buyer, 0, sizeof(s->buyer));
}

static void ask_grant(struct yt_act *act, bool by_staff)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	const struct yt_coupon_rules *reward = rules ? rules->reward_referrer : NULL;
	struct yt_referral *s = saga_of(act->member);
	struct yt_buf b;

	s->state = YT_SAGA_GRANTING;
	s->hold_until = 0;
	s->by_staff = by_staff;
	ask_begin(act, &b, YT_SEND_REFERRAL_GRANT);
	yt_buf_c(&b, by_staff);
	add_period(&b, rules ? &rules->referrer_cap : NULL);
	yt_buf_bytes(&b, s->order);
	yt_buf_c(&b, reward != NULL);
	if (reward)
		yt_grant_encode_coupon(reward, &b);
	ask_end(act, &b);
}

/* --- the end that nobody wants */

/* What the revocation of a reward says. */
static enum yt_reason of_coupon(enum yt_reason reason)
{
	bool same = reason == YT_REASON_ORDER_REFUNDED || reason == YT_REASON_ORDER_CANCELLED || reason == YT_REASON_BY_STAFF;

	return same ? reason : YT_REASON_REFERRAL_VOIDED;
}

static void tell_voided(struct yt_act *act, enum yt_reason reason)
{
	struct yt_buf b;

	ask_begin(act, &b, YT_SEND_REFERRAL_VOIDED);
	yt_buf_c(&b, (char)yt_referral_reason_number(of_coupon(reason)));
	ask_end(act, &b);
}

/* by_referrer: it is he who says so, and knows. */
static void end(struct yt_act *act, enum yt_reason reason, bool by_referrer)
{
	struct yt_referral *s = saga_of(act->member);

	say(act, YT_OUT_REFERRAL_VOIDED, yt_referral_named(act->member), reason);
	yt_coupon_revoke_rewards(act, YT_ROLE_INVITEE, yt_hash64(act->member->id), of_coupon(reason));
	if (s->told && !by_referrer)
		tell_voided(act, reason);
	s->state = YT_SAGA_VOIDED;
	s->flagged = s->asks_phone = false;
	s->window_end = s->code_until = s->hold_until = 0;
	s->origin = NULL;
	s->order = (struct yt_str){ 0 };
	memset(s->buyer, 0, sizeof(s->buyer));
}

/* --- bound */

/* Whose a code is only `alias.bound` can tell, at `<shop>/~ref:<code>`, and this version does not take it: nobody is asked, and nobody calls
 * yt_referral_found. */
static void ask_code(struct yt_act *act)
{
	saga_of(act->member)->code_until = act->env->now_ms + YT_CODE_WAIT_MS;
}

static void judge_referrer(struct yt_act *act)
{
	if (yt_str_eq(act->member->referrer, act->member->id))
		end(act, YT_REASON_SELF_REFERRAL, false);
	else
		tell_bound(act);
}

void yt_referral_bind(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_member *m = act->member;
	struct yt_referral *s;

	if (!rules)
		return;
	s = yt_member_refers(m, act->env->arena)->saga = yt_arena_zalloc(act->env->arena, sizeof(*s));
	s->seq = s->heard = m->bound_at;
	s->channel = yt_arena_dup(act->env->arena, yt_event_text(act->ev, YT_F_CHANNEL));
	s->window_end = m->bound_at + rules->window_ms;
	s->origin = kept(act, act->ev);
	if (yt_str_starts(m->referrer, YT_S("ref:")))
		s->code = m->referrer;
	if (m->orders.totals.first_paid_at && m->orders.totals.first_paid_at < m->bound_at)
		end(act, YT_REASON_NOT_A_NEWCOMER, false);
	else if (s->code.n)
		ask_code(act);
	else
		judge_referrer(act);
}

void yt_referral_found(struct yt_act *act, struct yt_str referrer)
{
	struct yt_referral *s = saga_of(act->member);

	if (!s || !s->code_until)
		return;
	s->code_until = 0;
	act->member->referrer = yt_arena_dup(act->env->arena, referrer);
	judge_referrer(act);
	tell_qualifies(act);
}

bool yt_referral_is_new_other(const struct yt_member *m, struct yt_str other)
{
	const struct yt_referral *s = saga_of(m);
	uint64_t hash = yt_hash64(other);

	for (uint32_t k = 0; s && k < s->n_others; k++) {
		if (s->others[k] == hash)
			return false;
	}
	return s && s->n_others < YT_OTHERS_MAX;
}

void yt_referral_refuse_other(struct yt_act *act, struct yt_str other)
{
	struct yt_referral *s = saga_of(act->member);

	s->others = yt_list_grow(act->env->arena, s->others, s->n_others, &s->cap_others, sizeof(*s->others));
	s->others[s->n_others++] = yt_hash64(other);
	say(act, YT_OUT_REFERRAL_VOIDED, other, YT_REASON_ALREADY_REFERRED);
}

/* --- qualified */

static bool qualifies(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	const struct yt_referral *s = saga_of(act->member);
	const struct yt_order *o = act->order;
	struct yt_value v;

	if (!rules || s->state != YT_SAGA_BOUND || o->amount <= 0 || o->paid_at >= s->window_end)
		return false;
	if (!rules->qualify)
		return true;
	return yt_expr_eval(rules->qualify, act->env->arena, yt_run_fact, act, &v, NULL) && v.type == YT_V_BOOL && v.b;
}

static void judge(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_referral *s = saga_of(act->member);

	s->state = YT_SAGA_JUDGING;
	s->window_end = 0;
	s->order = yt_arena_dup(act->env->arena, act->order->id);
	yt_act_order(act)->qualifies = true;
	yt_buyer_hashes(act, s->buyer);
	/* What waits for a code was set by the binding. */
	if (!s->code_until)
		s->origin = kept(act, act->ev);
	s->asks_phone = rules->reregistered && yt_buyer_ask(act);
	tell_qualifies(act);
}

void yt_referral_paid(struct yt_act *act)
{
	struct yt_referral *s = saga_of(act->member);

	if (!s || s->state == YT_SAGA_VOIDED)
		return;
	if (act->order->paid_at < act->member->bound_at)
		end(act, YT_REASON_NOT_A_NEWCOMER, false);
	else if (qualifies(act))
		judge(act);
}

/* --- held */

static int64_t hold_end(const struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	const struct yt_order *o = act->order;

	if (!rules || !o)
		return act->env->now_ms;
	if (o->signed_at && rules->hold_signed_ms >= 0)
		return o->signed_at + rules->hold_signed_ms;
	return o->paid_at + rules->hold_paid_ms;
}

void yt_referral_signed(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_referral *s = saga_of(act->member);
	bool waits = s && (s->state == YT_SAGA_JUDGING || s->state == YT_SAGA_HELD) && yt_str_eq(s->order, act->order->id);

	if (!waits || !rules || rules->hold_signed_ms < 0)
		return;
	if (!s->code_until)
		s->origin = kept(act, act->ev);
	if (s->state == YT_SAGA_HELD)
		s->hold_until = hold_end(act);
}

void yt_referral_order_gone(struct yt_act *act, enum yt_reason reason)
{
	const struct yt_referral *s = saga_of(act->member);

	if (s && s->order.n && yt_str_eq(s->order, act->order->id))
		end(act, reason, false);
}

static void give_invitee(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_referral *s = saga_of(act->member);

	if (s->given || !rules || !rules->reward_invitee)
		return;
	s->given = true;
	yt_referral_reward(act, rules->reward_invitee, YT_ROLE_INVITEE, act->member->id, s->order);
}

static void flag(struct yt_act *act, enum yt_reason reason)
{
	saga_of(act->member)->flagged = true;
	say(act, YT_OUT_REFERRAL_FLAGGED, yt_referral_named(act->member), reason);
}

/* --- what the referrer and the phone say */

static void hear_qualified(struct yt_act *act, enum yt_reason flags)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_referral *s = saga_of(act->member);

	s->level = YT_LEVEL_QUALIFIED;
	say(act, YT_OUT_REFERRAL_QUALIFIED, yt_referral_named(act->member), YT_REASON_NONE);
	if (!flags && s->reregistered)
		flags = YT_REASON_REREGISTERED;
	if (flags)
		flag(act, flags);
	if (s->flagged) {
		s->state = YT_SAGA_FLAGGED;
		return;
	}
	s->state = YT_SAGA_HELD;
	s->hold_until = hold_end(act);
	if (rules && !rules->on_approval)
		give_invitee(act);
}

static void hear_granted(struct yt_act *act)
{
	struct yt_referral *s = saga_of(act->member);

	s->level = YT_LEVEL_APPROVED;
	s->state = YT_SAGA_APPROVED;
	s->flagged = false;
	s->origin = NULL;
	say(act, YT_OUT_REFERRAL_APPROVED, yt_referral_named(act->member), s->by_staff ? YT_REASON_BY_STAFF : YT_REASON_NONE);
	give_invitee(act);
}

static void hear_referrer(struct yt_act *act, uint8_t what, enum yt_reason reason, bool flags)
{
	struct yt_referral *s = saga_of(act->member);

	if (reason && !flags) {
		end(act, reason, true);
	} else if (what == YT_SEND_REFERRAL_BOUND) {
		s->level = YT_LEVEL_BOUND;
		if (reason)
			flag(act, reason);
	} else if (what == YT_SEND_REFERRAL_QUALIFIES) {
		hear_qualified(act, reason);
	} else {
		hear_granted(act);
	}
}

static void hear_phone(struct yt_act *act, bool other)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_referral *s = saga_of(act->member);

	s->asks_phone = false;
	if (other && rules && rules->reregistered == YT_CHECK_REJECT) {
		end(act, YT_REASON_REREGISTERED, false);
		return;
	}
	s->reregistered = other && rules && rules->reregistered;
	tell_qualifies(act);
}

struct answer {
	struct yt_origin origin;
	bool of_phone, other, flags;
	int64_t seq;
	uint8_t what;
	enum yt_reason reason;
};

static bool read_answer(struct yt_act *act, struct yt_str name, struct answer *a, struct yt_rd *r)
{
	yt_origin_decode(&a->origin, act->env->arena, r, yt_name_shop(name), yt_name_id(name));
	if (a->of_phone) {
		a->other = yt_rd_u8(r);
	} else {
		a->seq = yt_rd_instant(r);
		a->what = yt_rd_u8(r);
		a->reason = yt_referral_reason(yt_rd_u8(r));
		a->flags = yt_rd_u8(r);
	}
	return !r->bad && r->p == r->end && a->origin.ev;
}

bool yt_referral_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct answer a = { .of_phone = what == YT_SEND_PHONE_ANSWER };
	struct yt_referral *s;

	if (!read_answer(act, name, &a, r))
		return false;
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, name);
	act->ev = a.origin.ev;
	s = saga_of(act->member);
	/* Withdrawn meanwhile: the referrer hears of it behind his answer. */
	if (!s || s->state == YT_SAGA_VOIDED || (a.of_phone ? !s->asks_phone : a.seq <= s->heard))
		return true;
	if (s->order.n)
		act->order = state->peek(state->ctx, YT_KIND_ORDER, yt_act_name(act->env->arena, act->member->shop, s->order));
	if (a.of_phone) {
		hear_phone(act, a.other);
		return true;
	}
	s->heard = a.seq;
	hear_referrer(act, a.what, a.reason, a.flags);
	return true;
}

/* --- time */

static int64_t sooner(int64_t due, int64_t at)
{
	return at && at < due ? at : due;
}

int64_t yt_referral_due(const struct yt_member *m)
{
	const struct yt_referral *s = saga_of(m);

	return s ? sooner(sooner(sooner(YT_NEVER, s->window_end), s->code_until), s->hold_until) : YT_NEVER;
}

void yt_referral_fire(struct yt_act *act)
{
	struct yt_referral *s = saga_of(act->member);
	int64_t due = yt_referral_due(act->member);

	act->ev = s->origin;
	if (!act->shop || (due == s->hold_until && !act->env->rules->referral)) /* nobody is left who would judge it but staff */
		s->window_end = s->code_until = s->hold_until = 0;
	else if (due == s->hold_until)
		ask_grant(act, false);
	else
		end(act, due == s->code_until ? YT_REASON_REFERRER_UNKNOWN : YT_REASON_WINDOW_OVER, false);
}

/* --- staff */

const char *yt_referral_judge_staff(const struct yt_member *m, const struct yt_event *ev)
{
	const struct yt_referral *s = saga_of(m);
	struct yt_str referrer = yt_event_text(ev, YT_F_REFERRER);

	if (!s || (!yt_str_eq(referrer, m->referrer) && !yt_str_eq(referrer, yt_referral_named(m))))
		return "referrer";
	if (s->state == YT_SAGA_VOIDED)
		return "state";
	if (ev->type == YT_REFERRAL_VOID || s->flagged || s->state == YT_SAGA_HELD)
		return NULL;
	return "state";
}

void yt_referral_staff(struct yt_act *act)
{
	struct yt_referral *s = saga_of(act->member);

	if (act->ev->type == YT_REFERRAL_VOID) {
		end(act, YT_REASON_BY_STAFF, false);
		return;
	}
	s->flagged = false;
	if (s->state == YT_SAGA_FLAGGED || s->state == YT_SAGA_HELD)
		ask_grant(act, true);
}
