#include "yutang/core/quota.h"

#define PLACE YT_S("~quota:")

/* --- the entity */

void *yt_quota_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_quota *q = yt_arena_zalloc(a, sizeof(*q));

	q->name = name;
	return q;
}

void yt_quota_encode(const void *quota, struct yt_buf *out)
{
	const struct yt_quota *q = quota;
	const int64_t sums[] = { q->limit, q->budget, q->outstanding, q->spent, q->granted, q->refused, q->returned };

	for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
		yt_buf_svarint(out, sums[k]);
}

void *yt_quota_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_quota *q = yt_quota_fresh(a, name);
	int64_t *const sums[] = { &q->limit, &q->budget, &q->outstanding, &q->spent, &q->granted, &q->refused, &q->returned };
	struct yt_rd r = yt_rd(value);

	for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++) {
		*sums[k] = yt_rd_svarint(&r);
		r.bad |= *sums[k] < 0;
	}
	return r.bad || r.p != r.end ? NULL : q;
}

/* --- who asks */

static struct yt_str key_of(const struct yt_act *act, struct yt_str quota)
{
	struct yt_arena *a = act->env->arena;

	return yt_act_name(a, act->member->shop, yt_arena_printf(a, "%.*s%.*s", YT_FMT(PLACE), YT_FMT(quota)));
}

void yt_quota_claim(const struct yt_act *act, const unsigned char saga[16], uint8_t seq, const struct yt_unit *unit, struct yt_str rest)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_CLAIM);
	yt_buf_add(&b, saga, 16);
	yt_buf_c(&b, (char)seq);
	yt_buf_bytes(&b, act->member->id);
	yt_buf_varint(&b, (uint64_t)unit->limit);
	yt_buf_varint(&b, (uint64_t)unit->budget);
	yt_buf_varint(&b, (uint64_t)unit->amount);
	yt_buf_bytes(&b, rest);
	yt_send_end(act, &b, key_of(act, unit->quota));
}

void yt_quota_return(const struct yt_act *act, struct yt_str quota, int64_t amount)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_RETURN);
	yt_buf_varint(&b, (uint64_t)amount);
	yt_send_end(act, &b, key_of(act, quota));
}

/* --- the owner */

struct claim {
	unsigned char saga[16];
	uint8_t seq;
	struct yt_str member, rest;
	int64_t limit, budget, amount;
};

static enum yt_quota_answer judge(struct yt_quota *q, const struct claim *c)
{
	q->limit = c->limit;
	q->budget = c->budget;
	if (c->limit && q->outstanding >= c->limit)
		return YT_QUOTA_GONE;
	if (c->budget && (c->amount > c->budget || q->spent > c->budget - c->amount))
		return YT_QUOTA_BUDGET_GONE;
	q->outstanding++;
	q->spent += c->amount;
	return YT_QUOTA_GRANTED;
}

static void answer(const struct yt_act *act, struct yt_str shop, const struct claim *c, enum yt_quota_answer what)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_ANSWER);
	yt_buf_add(&b, c->saga, sizeof(c->saga));
	yt_buf_c(&b, (char)c->seq);
	yt_buf_c(&b, (char)what);
	yt_buf_bytes(&b, c->rest);
	yt_send_end(act, &b, yt_act_name(act->env->arena, shop, c->member));
}

static bool read_claim(struct claim *c, struct yt_rd *r)
{
	yt_rd_raw(r, c->saga, sizeof(c->saga));
	c->seq = yt_rd_u8(r);
	c->member = yt_rd_bytes(r);
	c->limit = yt_rd_instant(r);
	c->budget = yt_rd_instant(r);
	c->amount = yt_rd_instant(r);
	c->rest = yt_rd_bytes(r);
	return !r->bad && r->p == r->end && c->member.n;
}

/* False: it is no unit of this quota. */
static bool take_back(const struct yt_act *act, struct yt_str name, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	const struct yt_quota *seen = state->peek(state->ctx, YT_KIND_QUOTA, name);
	int64_t amount = yt_rd_instant(r);
	struct yt_quota *q;

	if (r->bad || r->p != r->end || !seen || seen->outstanding < 1 || seen->spent < amount)
		return false;
	q = state->edit(state->ctx, YT_KIND_QUOTA, name);
	q->outstanding--;
	q->spent -= amount;
	q->returned++;
	return true;
}

bool yt_quota_take(struct yt_act *act, struct yt_str key, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_str shop = yt_name_shop(key), place = yt_name_id(key), name;
	enum yt_quota_answer result;
	struct claim c = { .seq = 0 };
	struct yt_quota *q;

	if (!yt_str_starts(place, PLACE))
		return false;
	name = yt_act_name(act->env->arena, shop, yt_str(place.p + PLACE.n, place.n - PLACE.n));
	if (what == YT_SEND_RETURN)
		return take_back(act, name, r);
	if (!read_claim(&c, r))
		return false;
	q = state->edit(state->ctx, YT_KIND_QUOTA, name);
	result = judge(q, &c);
	q->granted += result == YT_QUOTA_GRANTED;
	q->refused += result != YT_QUOTA_GRANTED;
	answer(act, shop, &c, result);
	return true;
}
