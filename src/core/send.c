#include "yutang/core/send.h"

#include "yutang/core/account.h"
#include "yutang/core/alias.h"
#include "yutang/core/claim.h"
#include "yutang/core/erase.h"
#include "yutang/core/grant.h"
#include "yutang/core/group.h"
#include "yutang/core/link.h"
#include "yutang/core/phone.h"
#include "yutang/core/quota.h"
#include "yutang/core/referral.h"
#include "yutang/core/transfer.h"

enum { SEND_FORMAT = 1 };

void yt_send_begin(const struct yt_act *act, struct yt_buf *b, enum yt_send what)
{
	yt_buf_init(b, act->env->arena);
	yt_buf_c(b, SEND_FORMAT);
	yt_buf_c(b, (char)what);
}

void yt_send_end(const struct yt_act *act, const struct yt_buf *b, struct yt_str to)
{
	const struct yt_state *state = act->env->state;

	state->send(state->ctx, to, yt_buf_str(b));
}

void yt_send_end_all(const struct yt_act *act, const struct yt_buf *b, struct yt_str shop)
{
	const struct yt_state *state = act->env->state;

	state->spread(state->ctx, shop, yt_buf_str(b));
}

void yt_send_end_at(const struct yt_act *act, const struct yt_buf *b, struct yt_str shop, struct yt_str lead, struct yt_str id)
{
	struct yt_buf to;

	yt_buf_init(&to, act->env->arena);
	yt_buf_str_add(&to, shop);
	yt_buf_c(&to, '/');
	yt_buf_str_add(&to, lead);
	yt_buf_str_add(&to, id);
	yt_send_end(act, b, yt_buf_str(&to));
}

/* Reads the rest of the event, and takes it where it is whole: only then may it edit. */
static bool (*const takers[YT_SEND__END])(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r) = {
	[YT_SEND_GRANT] = yt_grant_take,
	[YT_SEND_WITHDRAW] = yt_grant_take,
	[YT_SEND_CLAIM] = yt_quota_take,
	[YT_SEND_ANSWER] = yt_claim_take,
	[YT_SEND_RETURN] = yt_quota_take,
	[YT_SEND_REFERRAL_BOUND] = yt_referrer_take,
	[YT_SEND_REFERRAL_QUALIFIES] = yt_referrer_take,
	[YT_SEND_REFERRAL_GRANT] = yt_referrer_take,
	[YT_SEND_REFERRAL_VOIDED] = yt_referrer_take,
	[YT_SEND_REFERRAL_ANSWER] = yt_referral_take,
	[YT_SEND_PHONE] = yt_phone_take,
	[YT_SEND_PHONE_ANSWER] = yt_referral_take,
	[YT_SEND_CONTACT] = yt_account_take,
	[YT_SEND_JOIN] = yt_group_take,
	[YT_SEND_LINK] = yt_link_take,
	[YT_SEND_LINK_ORDERS] = yt_link_take_orders,
	[YT_SEND_MOVED] = yt_link_take_moved,
	[YT_SEND_ERASE] = yt_erase_take,
	[YT_SEND_CODE] = yt_transfer_take_code,
	[YT_SEND_USE] = yt_transfer_take,
	[YT_SEND_UNUSE] = yt_transfer_take,
	[YT_SEND_REF] = yt_alias_take,
	[YT_SEND_REF_ANSWER] = yt_referral_take_code,
};

static bool send_on(struct yt_act *act, struct yt_str to, struct yt_str value)
{
	const struct yt_state *state = act->env->state;
	struct yt_str id = yt_name_id(to), next;

	if (!id.n || id.p[0] == '~')
		return false;
	next = yt_link_to(act->env->arena, state->peek(state->ctx, YT_KIND_MEMBER, to));
	if (next.n)
		state->send(state->ctx, next, value);
	return next.n;
}

bool yt_send_take(struct yt_act *act, struct yt_str to, struct yt_str value)
{
	struct yt_rd r = yt_rd(value);
	uint8_t format = yt_rd_u8(&r), what = yt_rd_u8(&r);

	if (r.bad || format != SEND_FORMAT || what >= YT_SEND__END || !takers[what])
		return false;
	/* The identity's own business; all else is its member's. */
	if (what != YT_SEND_LINK && what != YT_SEND_MOVED && send_on(act, to, value))
		return true;
	return takers[what](act, to, (enum yt_send)what, &r);
}
