#include "yutang/core/account.h"

enum {
	FALLEN_PERCENT = 95, /* RULES.md: a limit is told again only after the count fell to that much of it */
	ACCOUNT_SOFT = 1,
	ACCOUNT_HARD = 2,
};

static const struct yt_str rule_account = YT_STR("~account"), key_account = YT_STR("~account:");

void *yt_account_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_account *account = yt_arena_zalloc(a, sizeof(*account));

	account->name = name;
	return account;
}

void yt_account_encode(const void *account, struct yt_buf *out)
{
	const struct yt_account *acc = account;

	yt_buf_svarint(out, acc->contacts);
	yt_buf_c(out, (char)((acc->soft ? ACCOUNT_SOFT : 0) | (acc->hard ? ACCOUNT_HARD : 0)));
}

void *yt_account_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_account *acc = yt_account_fresh(a, name);
	struct yt_rd r = yt_rd(value);
	uint8_t flags;

	acc->contacts = yt_rd_svarint(&r);
	flags = yt_rd_u8(&r);
	acc->soft = flags & ACCOUNT_SOFT;
	acc->hard = flags & ACCOUNT_HARD;
	return r.bad || r.p != r.end || flags > (ACCOUNT_SOFT | ACCOUNT_HARD) ? NULL : acc;
}

void yt_account_tell(struct yt_act *act, struct yt_str shop, struct yt_str account, int64_t by)
{
	struct yt_origin origin = { .ev = yt_kept_new(act->env->arena, act->ev, 0) };
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_CONTACT);
	yt_origin_encode(&origin, (struct yt_str){ 0 }, &b);
	yt_buf_bytes(&b, account);
	yt_buf_svarint(&b, by);
	yt_buf_varint(&b, (uint64_t)act->shop->account_soft_limit);
	yt_buf_varint(&b, (uint64_t)act->shop->account_hard_limit);
	yt_send_end_at(act, &b, shop, key_account, account);
}

/* One limit: it is armed again when the count has fallen, and told when it is reached. */
static void watch(struct yt_act *act, const struct yt_account *acc, bool *reached, int64_t limit, enum yt_out_type type)
{
	struct yt_say say;

	if (*reached && acc->contacts * 100 <= limit * FALLEN_PERCENT)
		*reached = false;
	if (*reached || acc->contacts < limit)
		return;
	*reached = true;
	yt_say_begin(&say, act, type, rule_account, act->ev->id, yt_act_fact_of_event(act, act->ev), 0);
	yt_output_text(&say.buf, "account", yt_name_id(acc->name));
	yt_output_int(&say.buf, "count", acc->contacts);
	yt_output_int(&say.buf, "limit", limit);
	yt_say_end(&say);
}

bool yt_account_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_origin origin;
	struct yt_account *acc;
	struct yt_str account;
	int64_t by, soft, hard;

	(void)what;
	yt_origin_decode(&origin, act->env->arena, r, yt_name_shop(to), (struct yt_str){ 0 });
	account = yt_rd_bytes(r);
	by = yt_rd_svarint(r);
	soft = yt_rd_instant(r);
	hard = yt_rd_instant(r);
	if (r->bad || r->p != r->end || !origin.ev)
		return false;
	acc = state->edit(state->ctx, YT_KIND_ACCOUNT, yt_act_name(act->env->arena, yt_name_shop(to), account));
	act->place = to;
	act->ev = origin.ev;
	acc->contacts += by;
	watch(act, acc, &acc->soft, soft, YT_OUT_ACCOUNT_SOFT_LIMIT);
	watch(act, acc, &acc->hard, hard, YT_OUT_ACCOUNT_HARD_LIMIT);
	return true;
}
