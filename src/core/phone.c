#include "yutang/core/phone.h"

#include "yutang/core/erase.h"
#include "yutang/core/list.h"

void *yt_phone_fresh(struct yt_arena *a, struct yt_str name)
{
	(void)name;
	return yt_arena_zalloc(a, sizeof(struct yt_phone));
}

void yt_phone_names(const void *phone, yt_named_fn *each, void *ctx)
{
	each(ctx, ((const struct yt_phone *)phone)->member);
}

void *yt_phone_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_phone *p = yt_phone_fresh(a, name);
	struct yt_rd r = yt_rd(value);

	p->member = yt_rd_bytes(&r);
	p->paid_at = yt_rd_instant(&r);
	return r.bad || r.p != r.end ? NULL : p;
}

void yt_phone_encode(const void *phone, struct yt_buf *out)
{
	const struct yt_phone *p = phone;

	yt_buf_bytes(out, p->member);
	yt_buf_varint(out, (uint64_t)p->paid_at);
}

static bool is_first(const struct yt_phone *p, struct yt_str member, int64_t paid_at)
{
	if (!p || !p->member.n || paid_at != p->paid_at)
		return !p || !p->member.n || paid_at < p->paid_at;
	return yt_str_cmp(member, p->member) < 0;
}

static void answer(struct yt_act *act, struct yt_str to, struct yt_str member, const struct yt_origin *origin, struct yt_str first)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_PHONE_ANSWER);
	yt_origin_encode(origin, member, &b);
	yt_buf_bytes(&b, member);
	yt_buf_bytes(&b, first);
	yt_send_end(act, &b, yt_act_name(act->env->arena, yt_name_shop(to), member));
}

bool yt_phone_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	static const struct yt_str prefix = YT_STR("~phone:");
	const struct yt_state *state = act->env->state;
	struct yt_str id = yt_name_id(to), member = yt_rd_bytes(r), name;
	int64_t paid_at = yt_rd_instant(r);
	bool asks = yt_rd_u8(r);
	struct yt_origin origin = { 0 };
	const struct yt_phone *p;

	(void)what;
	if (asks)
		yt_origin_decode(&origin, act->env->arena, r, yt_name_shop(to), member);
	if (r->bad || r->p != r->end || !member.n || !yt_str_starts(id, prefix))
		return false;
	name = yt_act_name(act->env->arena, yt_name_shop(to), yt_str(id.p + prefix.n, id.n - prefix.n));
	p = state->peek(state->ctx, YT_KIND_PHONE, name);
	if (is_first(p, member, paid_at)) {
		struct yt_phone *own = state->edit(state->ctx, YT_KIND_PHONE, name);

		own->member = yt_arena_dup(act->env->arena, yt_erase_kept(act->env, yt_name_shop(to), member, paid_at));
		own->paid_at = paid_at;
		p = own;
	}
	if (asks)
		answer(act, to, member, &origin, p->member);
	return true;
}
