#include "yutang/core/share.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/erase.h"
#include "yutang/core/grant.h"
#include "yutang/core/link.h"

enum { KEY_MAX = YT_ID_BYTES_MAX + 8 }; /* `share:` and an id */

struct yt_str yt_share_key(struct yt_arena *a, struct yt_str name)
{
	return yt_arena_printf(a, "share:%.*s", YT_FMT(name));
}

/* As shares name him, where he has more ids than one. */
static uint64_t *own_ids(const struct yt_act *act, uint32_t *n)
{
	const struct yt_member *m = act->member;
	uint64_t *v = yt_arena_alloc(act->env->arena, (m->ident.n_ids + 2) * sizeof(*v));

	*n = 0;
	v[(*n)++] = YT_TOLD_SELF;
	if (m->ident.n_ids)
		v[(*n)++] = yt_erase_hash(act->env, m->shop, m->id);
	for (uint32_t k = 0; k < m->ident.n_ids; k++)
		v[(*n)++] = yt_erase_hash(act->env, m->shop, m->ident.ids[k]);
	return v;
}

/* Told before that instant. */
static int64_t friends_before(const struct yt_act *act, struct yt_str name, int64_t before_ms)
{
	char key[KEY_MAX];
	uint32_t n;
	uint64_t *own = own_ids(act, &n);

	memcpy(key, "share:", 6);
	memcpy(key + 6, name.p, name.n);
	return yt_claims_count(&act->member->claims, yt_hash64(yt_str(key, 6 + (size_t)name.n)), own, n, before_ms);
}

int64_t yt_share_friends(const struct yt_act *act, struct yt_str name)
{
	return friends_before(act, name, INT64_MAX);
}

static void unlock(struct yt_act *act, const struct yt_share_rules *s, struct yt_str rule, int64_t friends)
{
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_SHARE_UNLOCKED, rule, yt_act_cause(act), yt_act_fact(act, YT_OUT_SHARE_UNLOCKED), 0);
	yt_output_text(&say.buf, "share", s->name);
	yt_output_int(&say.buf, "friends", friends);
	yt_say_end(&say);
	yt_act_follows(act, YT_ON_SHARE_UNLOCKED, say.id, yt_act_cause(act));
	yt_grant_give(act, &(struct yt_grant){
		.origin.ev = yt_kept_new(act->env->arena, act->ev, 0), .rule = rule, .has_coupon = true, .coupon = *s->coupon, .own = true });
}

void yt_share_made(struct yt_act *act)
{
	struct yt_arena *a = act->env->arena;
	struct yt_str name = yt_act_text(act, YT_F_SHARE), key = yt_share_key(a, name), rule = yt_arena_printf(a, "~share:%.*s", YT_FMT(name));
	const struct yt_share_rules *s = yt_ruleset_share(act->env->rules, name);
	struct yt_claims *c = &act->member->claims;
	int64_t until = INT64_MAX, in_time;

	if (!s || yt_claims_tally(c, key) || yt_link_is_own(act->member, yt_act_text(act, YT_F_FRIEND)))
		return;
	if (s->until_text.n)
		until = yt_instant_local_ms(act->shop->zone, s->until_text, true);
	in_time = friends_before(act, name, until);
	if (in_time >= s->friends) {
		yt_claims_add_tally(c, a, key, 1);
		unlock(act, s, rule, in_time);
	} else if (act->ev->at >= until && yt_share_friends(act, name) == s->friends) {
		yt_coupon_refuse(act, rule, s->coupon->name, YT_REASON_ENDED); /* the last of them came too late */
	}
}
