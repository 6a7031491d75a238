/* The newcomer: the saga of who referred him. */
#include "yutang/core/referral.h"

#include "yutang/core/alias.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/grant.h"
#include "yutang/core/link.h"
#include "yutang/core/report.h"
#include "yutang/core/run.h"
#include "yutang/core/staff.h"

static struct yt_referral *saga_of(const struct yt_member *m)
{
	return m && m->refers ? m->refers->saga : NULL;
}

bool yt_referral_is_voided(const struct yt_member *m)
{
	const struct yt_referral *s = saga_of(m);

	return s && s->state == YT_SAGA_VOIDED;
}

struct yt_str yt_referral_named(const struct yt_member *m)
{
	const struct yt_referral *s = saga_of(m);

	return s && s->code.n ? s->code : m->referrer;
}

/* He was erased: what is left of him is a mark, and nobody is there to ask. */
static bool is_erased(struct yt_str referrer)
{
	return referrer.n && referrer.p[0] == '~';
}

/* His code, as a salted mark. */
static struct yt_str mark_of_code(const struct yt_decide_env *env, struct yt_str shop, struct yt_str code)
{
	unsigned long long hash = yt_erase_hash(env, shop, code);

	return code.p[0] == '~' ? code : yt_arena_printf(env->arena, "~%016llx", hash);
}

/* Timers keep the event that set them. */
static void name_in_timers(struct yt_act *act, struct yt_str was, struct yt_str now)
{
	struct yt_member *m = act->member;

	for (uint32_t k = 0; k < m->n_timers; k++) {
		struct yt_origin *o = &m->timers[k].origin;

		if (o->ev && yt_str_eq(yt_event_text(o->ev, YT_F_REFERRER), was))
			o->ev = yt_kept_with(act->env->arena, o->ev, YT_F_REFERRER, now);
	}
}

/* Whoever it led to was erased. */
static void forget_code(struct yt_act *act)
{
	struct yt_referral *s = saga_of(act->member);
	struct yt_str was = s ? s->code : (struct yt_str){ 0 };

	if (!was.n)
		return;
	s->code = mark_of_code(act->env, act->member->shop, was);
	name_in_timers(act, was, s->code);
}

bool yt_referral_is_named(const struct yt_decide_env *env, const struct yt_member *m, struct yt_str referrer)
{
	struct yt_str named = yt_referral_named(m);

	if (is_erased(named) && yt_str_starts(referrer, YT_S("ref:")))
		referrer = mark_of_code(env, m->shop, referrer);
	return yt_str_eq(named, referrer);
}

/* By which the referrer knows the newcomer: as it was when he was told. */
static struct yt_str known_as(const struct yt_member *m)
{
	const struct yt_referral *s = saga_of(m);

	return s->as.n ? s->as : m->id;
}

static uint64_t hash_of(const struct yt_decide_env *env, const struct yt_member *m, struct yt_str id)
{
	return yt_erase_hash(env, m->shop, id);
}

/* --- outputs */

/* Of the event at hand. */
static void say(struct yt_act *act, enum yt_out_type type, struct yt_str referrer, enum yt_reason reason)
{
	bool staff = YT_COMMANDS >> act->ev->type & 1;
	struct yt_referral *s = saga_of(act->member);
	unsigned ordinal = type == YT_OUT_REFERRAL_VOIDED && act->ev->type == YT_REFERRAL_BOUND ? s->voids++ : 0;
	struct yt_say say;

	yt_say_begin(&say, act, type, staff ? YT_RULE_STAFF : YT_RULE_REFERRAL, act->ev->id, yt_act_fact_of_event(act, act->ev), ordinal);
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

/* m: the newcomer, or an identity of his. */
static void ask_begin(struct yt_act *act, const struct yt_member *m, struct yt_buf *b, enum yt_send what)
{
	struct yt_referral *s = saga_of(m);
	struct yt_origin origin = { .ev = kept(act, act->ev) };

	yt_send_begin(act, b, what);
	yt_buf_bytes(b, known_as(m));
	yt_buf_bytes(b, act->member->id);
	yt_buf_varint(b, (uint64_t)++s->seq);
	yt_buf_c(b, (char)s->level);
	yt_origin_encode(&origin, m->referrer, b);
}

static void ask_end(struct yt_act *act, const struct yt_member *m, const struct yt_buf *b)
{
	if (!is_erased(m->referrer))
		yt_send_end(act, b, yt_act_name(act->env->arena, m->shop, m->referrer));
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
	ask_begin(act, act->member, &b, YT_SEND_REFERRAL_BOUND);
	yt_buf_varint(&b, (uint64_t)act->member->bound_at);
	add_period(&b, rules ? &rules->velocity : NULL);
	/* By one of them the referrer may name his own. */
	yt_buf_varint(&b, act->member->ident.n_ids);
	for (uint32_t k = 0; k < act->member->ident.n_ids; k++)
		yt_buf_bytes(&b, act->member->ident.ids[k]);
	ask_end(act, act->member, &b);
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
	ask_begin(act, act->member, &b, YT_SEND_REFERRAL_QUALIFIES);
	for (int k = 0; k < YT_BUYER__COUNT; k++) {
		yt_buf_c(&b, (char)checks[k]);
		yt_buf_u64(&b, s->buyer[k]);
	}
	ask_end(act, act->member, &b);
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
	ask_begin(act, act->member, &b, YT_SEND_REFERRAL_GRANT);
	yt_buf_c(&b, by_staff);
	add_period(&b, rules ? &rules->referrer_cap : NULL);
	yt_buf_bytes(&b, s->order);
	yt_buf_c(&b, reward != NULL);
	if (reward)
		yt_grant_encode_coupon(reward, &b);
	ask_end(act, act->member, &b);
}

/* --- the end that nobody wants */

/* What the revocation of a reward says. */
static enum yt_reason of_coupon(enum yt_reason reason)
{
	bool same = reason == YT_REASON_ORDER_REFUNDED || reason == YT_REASON_ORDER_CANCELLED || reason == YT_REASON_BY_STAFF;

	return same ? reason : YT_REASON_REFERRAL_VOIDED;
}

static void tell_voided(struct yt_act *act, const struct yt_member *m, enum yt_reason reason)
{
	struct yt_buf b;

	ask_begin(act, m, &b, YT_SEND_REFERRAL_VOIDED);
	yt_buf_c(&b, (char)yt_referral_reason_number(of_coupon(reason)));
	ask_end(act, m, &b);
}

static void close_saga(struct yt_referral *s)
{
	s->state = YT_SAGA_VOIDED;
	s->flagged = s->asks_phone = false;
	s->window_end = s->code_until = s->hold_until = 0;
	s->origin = s->binding = s->payment = NULL;
	s->order = (struct yt_str){ 0 };
	memset(s->buyer, 0, sizeof(s->buyer));
}

/* by_referrer: it is he who says so, and knows. */
static void end(struct yt_act *act, enum yt_reason reason, bool by_referrer)
{
	struct yt_referral *s = saga_of(act->member);

	say(act, YT_OUT_REFERRAL_VOIDED, act->member->referrer, reason);
	yt_coupon_revoke_rewards(act, YT_ROLE_INVITEE, hash_of(act->env, act->member, known_as(act->member)), of_coupon(reason));
	if (s->told && !by_referrer)
		tell_voided(act, act->member, reason);
	yt_report_referred(act, -1);
	close_saga(s);
}

/* --- bound */

/* Whose a code is the alias tells, now or when it is bound. */
static void ask_code(struct yt_act *act)
{
	struct yt_referral *s = saga_of(act->member);

	s->code_until = act->env->now_ms + YT_CODE_WAIT_MS;
	yt_alias_ask(act, act->member, known_as(act->member), s->code, s->code_until);
}

static void judge_referrer(struct yt_act *act)
{
	if (yt_link_is_own(act->member, act->member->referrer))
		end(act, YT_REASON_SELF_REFERRAL, false);
	else
		tell_bound(act);
}

void yt_referral_bind(struct yt_act *act)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_member *m = act->member;
	struct yt_referral *s;

	if (!rules || is_erased(m->referrer))
		return;
	s = yt_member_refers(m, act->env->arena)->saga = yt_arena_zalloc(act->env->arena, sizeof(*s));
	s->seq = s->heard = m->bound_at;
	s->channel = yt_arena_dup(act->env->arena, yt_event_text(act->ev, YT_F_CHANNEL));
	s->window_end = m->bound_at + rules->window_ms;
	s->origin = kept(act, act->ev);
	if (yt_str_starts(m->referrer, YT_S("ref:")))
		s->code = m->referrer;
	if (!yt_link_is_own(m, m->referrer) && m->orders.totals.first_paid_at && m->orders.totals.first_paid_at < m->bound_at)
		end(act, YT_REASON_NOT_A_NEWCOMER, false);
	else if (s->code.n)
		ask_code(act);
	else
		judge_referrer(act);
}

static const struct yt_event *binding_of(const struct yt_referral *s)
{
	return s->binding ? s->binding : s->origin;
}

void yt_referral_found(struct yt_act *act, struct yt_str referrer)
{
	struct yt_referral *s = saga_of(act->member);

	if (!s || !s->code_until)
		return;
	s->code_until = 0;
	act->member->referrer = yt_arena_dup(act->env->arena, yt_erase_kept(act->env, act->member->shop, referrer, act->member->bound_at));
	if (is_erased(act->member->referrer)) {
		forget_code(act);
		yt_report_referred(act, -1);
		close_saga(s);
		return;
	}
	act->ev = binding_of(s);
	judge_referrer(act);
	act->ev = s->payment ? s->payment : s->origin;
	s->binding = s->payment = NULL;
	tell_qualifies(act);
}

bool yt_referral_take_code(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_str code = yt_rd_bytes(r), referrer = yt_rd_bytes(r);
	const struct yt_referral *s;

	(void)what;
	if (r->bad || r->p != r->end || !referrer.n)
		return false;
	s = saga_of(state->peek(state->ctx, YT_KIND_MEMBER, name));
	if (!s || !s->code_until || !yt_str_eq(s->code, code))
		return true;
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, name);
	s = saga_of(act->member);
	if (s->order.n)
		act->order = state->peek(state->ctx, YT_KIND_ORDER, yt_act_name(act->env->arena, act->member->shop, s->order));
	yt_referral_found(act, referrer);
	return true;
}

bool yt_referral_is_new_other(const struct yt_decide_env *env, const struct yt_member *m, struct yt_str other)
{
	const struct yt_referral *s = saga_of(m);
	uint64_t hash = s ? hash_of(env, m, other) : 0;

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
	s->others[s->n_others++] = hash_of(act->env, act->member, other);
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
	if (s->code_until)
		s->binding = s->origin;
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
	if (s->code_until && !s->payment)
		s->payment = s->origin;
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
	yt_referral_reward(act, rules->reward_invitee, YT_ROLE_INVITEE, known_as(act->member), s->order);
}

static void flag(struct yt_act *act, enum yt_reason reason)
{
	saga_of(act->member)->flagged = true;
	say(act, YT_OUT_REFERRAL_FLAGGED, act->member->referrer, reason);
}

/* --- what the referrer and the phone say */

static void hear_qualified(struct yt_act *act, enum yt_reason flags)
{
	const struct yt_referral_rules *rules = act->env->rules->referral;
	struct yt_referral *s = saga_of(act->member);

	s->level = YT_LEVEL_QUALIFIED;
	say(act, YT_OUT_REFERRAL_QUALIFIED, act->member->referrer, YT_REASON_NONE);
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
	say(act, YT_OUT_REFERRAL_APPROVED, act->member->referrer, s->by_staff ? YT_REASON_BY_STAFF : YT_REASON_NONE);
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

static void hear_phone(struct yt_act *act, struct yt_str first)
{
	bool other = !yt_link_is_own(act->member, first);
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
	struct yt_str asker; /* the id of the newcomer that asked */
	bool of_phone, flags;
	struct yt_str first; /* who bought with the phone first */
	int64_t seq;
	uint8_t what;
	enum yt_reason reason;
};

static bool read_answer(struct yt_act *act, struct yt_str name, struct answer *a, struct yt_rd *r)
{
	yt_origin_decode(&a->origin, act->env->arena, r, yt_name_shop(name), yt_name_id(name));
	if (a->of_phone) {
		a->asker = yt_rd_bytes(r);
		a->first = yt_rd_bytes(r);
	} else {
		a->asker = yt_rd_bytes(r);
		a->seq = yt_rd_instant(r);
		a->what = yt_rd_u8(r);
		a->reason = yt_referral_reason(yt_rd_u8(r));
		a->flags = yt_rd_u8(r);
	}
	return !r->bad && r->p == r->end && a->origin.ev;
}

/* It asked that, as that id: an answer to what an identity asked for may be for a referral that gave way to the member's own. */
static bool asked(const struct yt_member *m, const struct answer *a)
{
	const struct yt_referral *s = saga_of(m);

	/* Withdrawn meanwhile: the referrer hears of it behind his answer. */
	if (!s || s->state == YT_SAGA_VOIDED)
		return false;
	if (a->of_phone)
		return s->asks_phone && (yt_str_eq(a->asker, m->id) || yt_str_eq(a->asker, s->as));
	return a->seq > s->heard && yt_str_eq(a->asker, known_as(m));
}

bool yt_referral_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct answer a = { .of_phone = what == YT_SEND_PHONE_ANSWER };
	struct yt_referral *s;

	if (!read_answer(act, name, &a, r))
		return false;
	if (!asked(state->peek(state->ctx, YT_KIND_MEMBER, name), &a))
		return true;
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, name);
	act->ev = a.origin.ev;
	s = saga_of(act->member);
	if (s->order.n)
		act->order = state->peek(state->ctx, YT_KIND_ORDER, yt_act_name(act->env->arena, act->member->shop, s->order));
	if (a.of_phone) {
		hear_phone(act, a.first);
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

	act->ev = due == s->code_until ? binding_of(s) : s->origin;
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

/* --- two become one */

static const struct yt_event *kept_of(struct yt_arena *a, const struct yt_event *ev, const struct yt_member *m)
{
	return ev ? yt_kept_with(a, ev, YT_F_MEMBER, m->id) : NULL;
}

static void move_saga(struct yt_act *act, const struct yt_member *from, const struct yt_referral *s)
{
	struct yt_member *m = act->member;
	struct yt_arena *a = act->env->arena;
	struct yt_referral *own = yt_member_refers(m, a)->saga = yt_arena_alloc(a, sizeof(*own));

	*own = *s;
	own->as = known_as(from);
	own->origin = kept_of(a, own->origin, m);
	own->binding = kept_of(a, own->binding, m);
	own->payment = kept_of(a, own->payment, m);
}

/* The identity's gives way. What is approved stays as it is: its coupons, and in the counts of who referred him. */
static void give_way(struct yt_act *act, const struct yt_member *from, const struct yt_referral *s)
{
	const struct yt_member *m = act->member;

	if (s->state == YT_SAGA_APPROVED || s->state == YT_SAGA_VOIDED)
		return;
	if (saga_of(m) && !yt_str_eq(from->referrer, m->referrer) && yt_referral_is_new_other(act->env, m, from->referrer))
		yt_referral_refuse_other(act, from->referrer);
	yt_coupon_revoke_rewards(act, YT_ROLE_INVITEE, hash_of(act->env, from, known_as(from)), YT_REASON_REFERRAL_VOIDED);
	if (s->told)
		tell_voided(act, from, YT_REASON_REFERRAL_VOIDED);
}

/* False: it goes on as it is. */
static bool ends_with_referrer(const struct yt_member *m)
{
	const struct yt_referral *s = saga_of(m);

	return s && s->state != YT_SAGA_APPROVED && s->state != YT_SAGA_VOIDED;
}

static void forget_referrer(struct yt_act *act, struct yt_str mark)
{
	struct yt_member *m = act->member;
	struct yt_str was = m->referrer;

	m->referrer = mark;
	name_in_timers(act, was, mark);
	forget_code(act);
	/* Nobody is left who would be rewarded. */
	if (ends_with_referrer(m))
		close_saga(saga_of(m));
}

static void merge_commands(struct yt_refers *to, struct yt_arena *a, const struct yt_refers *from)
{
	for (uint32_t k = 0; k < from->n_commands && to->n_commands < YT_COMMANDS_MAX; k++) {
		bool known = false;

		for (uint32_t i = 0; i < to->n_commands && !known; i++)
			known = to->commands[i] == from->commands[k];
		if (known)
			continue;
		to->commands = yt_list_grow(a, to->commands, to->n_commands, &to->cap_commands, sizeof(*to->commands));
		to->commands[to->n_commands++] = from->commands[k];
	}
}

void yt_referral_merge(struct yt_act *act, const struct yt_member *from)
{
	const struct yt_referral *s = saga_of(from);
	struct yt_member *m = act->member;

	if (!m->referrer.n && from->referrer.n) {
		m->referrer = yt_erase_kept(act->env, m->shop, from->referrer, from->bound_at);
		m->bound_at = from->bound_at;
		m->bound_hash = from->bound_hash;
		if (s)
			move_saga(act, from, s);
		if (is_erased(m->referrer))
			forget_referrer(act, m->referrer);
	} else if (s) {
		give_way(act, from, s);
	}
	yt_referrer_merge(act, from);
	yt_buyer_merge(act, from);
	if (from->refers && from->refers->n_commands)
		merge_commands(yt_member_refers(m, act->env->arena), act->env->arena, from->refers);
}

/* What was judged when he was bound, by what is known now. */
void yt_referral_merged(struct yt_act *act)
{
	const struct yt_member *m = act->member;
	const struct yt_referral *s = saga_of(m);
	int64_t first = m->orders.totals.first_paid_at;

	if (!s || s->state == YT_SAGA_VOIDED)
		return;
	if (!s->code_until && yt_link_is_own(m, m->referrer))
		end(act, YT_REASON_SELF_REFERRAL, false);
	else if (first && first < m->bound_at)
		end(act, YT_REASON_NOT_A_NEWCOMER, false);
	else if (!s->code_until && yt_referrer_has(act, m->referrer))
		end(act, YT_REASON_LOOP, false);
}

/* --- erased */

void yt_referral_forget_wait(struct yt_act *act, const struct yt_member *m)
{
	const struct yt_referral *s = saga_of(m);

	if (!s || !s->code_until)
		return;
	yt_alias_ask(act, m, known_as(m), s->code, 0);
}

void yt_referral_forget_referrer(struct yt_act *act, struct yt_str mark)
{
	if (ends_with_referrer(act->member))
		yt_report_referred(act, -1);
	forget_referrer(act, mark);
}
