/* The referrer: what newcomers ask of him. He judges, grants, and takes back what he granted when the newcomer withdraws. */
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/grant.h"
#include "yutang/core/limit.h"
#include "yutang/core/referral.h"
#include "yutang/core/tier.h"

/* One question. */
struct question {
	enum yt_send what;
	struct yt_str invitee; /* as we know him, */
	struct yt_str member;  /* and who he is by now, whom the answer goes to */
	int64_t seq;
	uint8_t known; /* the level that we have said yes to, as the newcomer has heard */
	struct yt_origin origin;
	/* BOUND */
	int64_t bound_at;
	struct yt_period velocity;
	struct yt_str *ids; /* his others */
	uint64_t n_ids;
	/* QUALIFIES */
	uint8_t checks[YT_BUYER__COUNT]; /* enum yt_check */
	uint64_t buyer[YT_BUYER__COUNT];
	/* GRANT */
	bool by_staff, has_reward;
	struct yt_period cap;
	struct yt_str order;
	struct yt_coupon_rules reward;
	/* VOIDED: of the coupons */
	enum yt_reason reason;
};

static void read_period(struct yt_period *p, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	r->bad |= n > YT_PERIOD_N_MAX;
	p->n = (int)n;
	p->ms = yt_rd_instant(r);
}

static void read_qualifies(struct question *q, struct yt_rd *r)
{
	for (int k = 0; k < YT_BUYER__COUNT; k++) {
		q->checks[k] = yt_rd_u8(r);
		q->buyer[k] = yt_rd_u64(r);
	}
}

static void read_grant(struct question *q, struct yt_rd *r)
{
	q->by_staff = yt_rd_u8(r);
	read_period(&q->cap, r);
	q->order = yt_rd_bytes(r);
	q->has_reward = yt_rd_u8(r);
	if (q->has_reward)
		yt_grant_decode_coupon(&q->reward, r);
}

static void read_ids(struct yt_arena *a, struct question *q, struct yt_rd *r)
{
	q->n_ids = yt_rd_varint(r);
	q->ids = yt_list_read(a, r, q->n_ids, 1, sizeof(*q->ids));
	for (uint64_t k = 0; q->ids && k < q->n_ids; k++)
		q->ids[k] = yt_rd_bytes(r);
}

static bool read_question(struct yt_act *act, struct yt_str name, struct question *q, struct yt_rd *r)
{
	q->invitee = yt_rd_bytes(r);
	q->member = yt_rd_bytes(r);
	q->seq = yt_rd_instant(r);
	q->known = yt_rd_u8(r);
	yt_origin_decode(&q->origin, act->env->arena, r, yt_name_shop(name), yt_name_id(name));
	if (q->what == YT_SEND_REFERRAL_BOUND) {
		q->bound_at = yt_rd_instant(r);
		read_period(&q->velocity, r);
		read_ids(act->env->arena, q, r);
	} else if (q->what == YT_SEND_REFERRAL_QUALIFIES) {
		read_qualifies(q, r);
	} else if (q->what == YT_SEND_REFERRAL_GRANT) {
		read_grant(q, r);
	} else {
		q->reason = yt_referral_reason(yt_rd_u8(r));
	}
	return !r->bad && r->p == r->end && q->origin.ev && q->known < YT_LEVEL__END;
}

/* --- what he remembers */

/* A referrer who was erased counts from 0, whatever newcomers of before say. */
static void set_level(struct yt_referrer *f, struct yt_referred *row, uint8_t level)
{
	for (int k = YT_LEVEL_BOUND; k < YT_LEVEL__END; k++) {
		f->count[k] += (level >= k) - (row->level >= k);
		if (f->count[k] < 0)
			f->count[k] = 0;
	}
	row->level = level;
}

/* The row that goes when there are too many: the oldest that is over, else the oldest. */
static uint32_t least_needed(const struct yt_referrer *f)
{
	for (uint32_t k = 0; k < f->n; k++) {
		if (f->v[k].level == YT_LEVEL_NONE || f->v[k].level == YT_LEVEL_APPROVED)
			return k;
	}
	return 0;
}

static struct yt_referred *find(const struct yt_referrer *f, uint64_t invitee)
{
	for (uint32_t k = 0; k < f->n; k++) {
		if (f->v[k].invitee == invitee)
			return &f->v[k];
	}
	return NULL;
}

static void drop_row(struct yt_referrer *f, uint32_t k)
{
	memmove(&f->v[k], &f->v[k + 1], (f->n - k - 1) * sizeof(*f->v));
	f->n--;
}

/* A newcomer who is not remembered has the level that he says. */
static struct yt_referred *row_of(struct yt_act *act, const struct question *q)
{
	struct yt_refers *refers = yt_member_refers(act->member, act->env->arena);
	uint64_t invitee = yt_erase_hash(act->env, act->member->shop, q->invitee);
	struct yt_referred *row;
	struct yt_referrer *f;

	if (!refers->referrer)
		refers->referrer = yt_arena_zalloc(act->env->arena, sizeof(*refers->referrer));
	f = refers->referrer;
	row = find(f, invitee);
	if (row)
		return row;
	if (f->n == YT_REFERRED_MAX || (f->n && !yt_limit_room(act, YT_REFERS_GROWTH)))
		drop_row(f, least_needed(f));
	f->v = yt_list_grow(act->env->arena, f->v, f->n, &f->cap, sizeof(*f->v));
	f->v[f->n] = (struct yt_referred){ .invitee = invitee, .level = q->known };
	return &f->v[f->n++];
}

/* --- judging: a reason, and whether it only flags */

struct verdict {
	enum yt_reason reason;
	bool flags;
};

static bool is_newcomer(const struct question *q, struct yt_str id)
{
	bool is = yt_str_eq(id, q->invitee) || yt_str_eq(id, q->member);

	for (uint64_t k = 0; k < q->n_ids && !is; k++)
		is = yt_str_eq(id, q->ids[k]);
	return is;
}

/* The referrer's own referrer is the newcomer, and that binding stands; of two that are told at the same time the earlier. */
static bool is_loop(const struct yt_member *m, const struct question *q)
{
	const struct yt_referral *own = m->refers ? m->refers->saga : NULL;

	if (!is_newcomer(q, m->referrer))
		return false;
	if (!own || own->level >= YT_LEVEL_BOUND || m->bound_at < q->bound_at)
		return !own || own->state != YT_SAGA_VOIDED;
	return own->state != YT_SAGA_VOIDED && m->bound_at == q->bound_at && yt_str_cmp(m->id, q->invitee) < 0;
}

static uint32_t count_since(const struct yt_referrer *f, int64_t from, bool granted)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < f->n; k++)
		n += granted ? f->v[k].level == YT_LEVEL_APPROVED && f->v[k].granted_at >= from : f->v[k].bound_at >= from;
	return n;
}

static struct verdict judge_bound(struct yt_act *act, const struct question *q, struct yt_referred *row)
{
	struct yt_referrer *f = act->member->refers->referrer;

	row->bound_at = act->env->now_ms;
	if (is_loop(act->member, q))
		return (struct verdict){ YT_REASON_LOOP, false };
	set_level(f, row, YT_LEVEL_BOUND);
	if (q->velocity.n && count_since(f, yt_act_period_from(act, &q->velocity), false) > (uint32_t)q->velocity.n)
		return (struct verdict){ YT_REASON_VELOCITY, true };
	return (struct verdict){ 0 };
}

/* What rejects comes before what flags. */
static struct verdict judge_buyer(const struct yt_member *m, const struct question *q)
{
	static const enum yt_reason reasons[] = { YT_REASON_SAME_PHONE, YT_REASON_SAME_DEVICE, YT_REASON_SAME_ADDRESS };

	for (int check = YT_CHECK_REJECT; check <= YT_CHECK_FLAG; check++) {
		for (int k = 0; k < YT_BUYER__COUNT; k++) {
			if (q->checks[k] == check && q->buyer[k] && yt_buyer_has(m, (enum yt_buyer_part)k, q->buyer[k]))
				return (struct verdict){ reasons[k], check == YT_CHECK_FLAG };
		}
	}
	return (struct verdict){ 0 };
}

static struct verdict judge_qualifies(struct yt_act *act, const struct question *q, struct yt_referred *row)
{
	struct verdict v = judge_buyer(act->member, q);

	set_level(act->member->refers->referrer, row, v.reason && !v.flags ? YT_LEVEL_NONE : YT_LEVEL_QUALIFIED);
	return v;
}

void yt_referral_reward(struct yt_act *act, const struct yt_coupon_rules *t, enum yt_role role, struct yt_str invitee, struct yt_str order)
{
	yt_grant_give(act, &(struct yt_grant){
		.origin.ev = yt_kept_new(act->env->arena, act->ev, 0),
		.rule = YT_RULE_REFERRAL,
		.has_coupon = true,
		.coupon = *t,
		.own = role == YT_ROLE_INVITEE, /* the order is his */
		.reward = { .role = role, .invitee = invitee, .order = order },
	});
}

/* Staff is above the cap; what it grants counts. */
static struct verdict judge_grant(struct yt_act *act, const struct question *q, struct yt_referred *row)
{
	struct yt_referrer *f = act->member->refers->referrer;

	if (q->cap.n && !q->by_staff && count_since(f, yt_act_period_from(act, &q->cap), true) >= (uint32_t)q->cap.n) {
		set_level(f, row, YT_LEVEL_NONE);
		return (struct verdict){ YT_REASON_REFERRER_CAP, false };
	}
	row->granted_at = act->env->now_ms;
	set_level(f, row, YT_LEVEL_APPROVED);
	if (q->has_reward)
		yt_referral_reward(act, &q->reward, YT_ROLE_REFERRER, q->invitee, q->order);
	yt_tier_look(act);
	return (struct verdict){ 0 };
}

static void answer(struct yt_act *act, const struct question *q, struct verdict v)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_REFERRAL_ANSWER);
	yt_origin_encode(&q->origin, q->member, &b);
	yt_buf_bytes(&b, q->invitee);
	yt_buf_varint(&b, (uint64_t)q->seq);
	yt_buf_c(&b, (char)q->what);
	yt_buf_c(&b, (char)yt_referral_reason_number(v.reason));
	yt_buf_c(&b, v.flags);
	yt_send_end(act, &b, yt_act_name(act->env->arena, act->member->shop, q->member));
}

/* What rules gave him for the order, when they followed from his reward, goes with it. */
static void withdraw(struct yt_act *act, const struct question *q, struct yt_referred *row)
{
	set_level(act->member->refers->referrer, row, YT_LEVEL_NONE);
	yt_coupon_revoke_rewards(act, YT_ROLE_REFERRER, row->invitee, q->reason);
	if (q->reason == YT_REASON_ORDER_REFUNDED || q->reason == YT_REASON_ORDER_CANCELLED)
		yt_coupon_revoke_earned(act, yt_act_text(act, YT_F_ORDER), q->reason);
}

bool yt_referrer_take(struct yt_act *act, struct yt_str name, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct question q = { .what = what };
	struct yt_referred *row;

	if (!read_question(act, name, &q, r))
		return false;
	/* Of before he was erased: the newcomer has a mark in place of him by now. */
	if (yt_erase_at(act->env, name, state->peek(state->ctx, YT_KIND_MEMBER, name)) >= q.origin.ev->at)
		return true;
	act->member = yt_erase_edit(act->env, name);
	act->ev = q.origin.ev;
	row = row_of(act, &q);
	if (q.seq <= row->seq)
		return true;
	row->seq = q.seq;
	if (what == YT_SEND_REFERRAL_VOIDED)
		withdraw(act, &q, row);
	else if (what == YT_SEND_REFERRAL_BOUND)
		answer(act, &q, judge_bound(act, &q, row));
	/* Who was refused before has that answer on its way. */
	else if (row->level == YT_LEVEL_NONE)
		return true;
	else if (what == YT_SEND_REFERRAL_QUALIFIES)
		answer(act, &q, judge_qualifies(act, &q, row));
	else
		answer(act, &q, judge_grant(act, &q, row));
	return true;
}

bool yt_referrer_has(struct yt_act *act, struct yt_str invitee)
{
	const struct yt_referrer *f = act->member->refers ? act->member->refers->referrer : NULL;
	const struct yt_referred *row = f ? find(f, yt_erase_hash(act->env, act->member->shop, invitee)) : NULL;

	return row && row->level >= YT_LEVEL_BOUND;
}

/* --- two become one */

static void merge_row(struct yt_act *act, struct yt_referrer *f, const struct yt_referred *row)
{
	struct yt_referred *own = find(f, row->invitee), was;

	/* He changed from one of both to the other: it counts once, as he said last. */
	if (own) {
		was = own->seq < row->seq ? *own : *row;
		if (own->seq < row->seq)
			*own = *row;
		set_level(f, &was, YT_LEVEL_NONE);
		return;
	}
	if (f->n == YT_REFERRED_MAX)
		drop_row(f, least_needed(f));
	f->v = yt_list_grow(act->env->arena, f->v, f->n, &f->cap, sizeof(*f->v));
	f->v[f->n++] = *row;
}

void yt_referrer_merge(struct yt_act *act, const struct yt_member *from)
{
	const struct yt_referrer *other = from->refers ? from->refers->referrer : NULL;
	struct yt_refers *refers;

	if (!other)
		return;
	refers = yt_member_refers(act->member, act->env->arena);
	if (!refers->referrer)
		refers->referrer = yt_arena_zalloc(act->env->arena, sizeof(*refers->referrer));
	for (int k = YT_LEVEL_BOUND; k < YT_LEVEL__END; k++)
		refers->referrer->count[k] += other->count[k];
	for (uint32_t k = 0; k < other->n; k++)
		merge_row(act, refers->referrer, &other->v[k]);
}
