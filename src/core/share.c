#include "yutang/core/share.h"

#include "yutang/base/hash.h"
#include "yutang/core/coupon.h"
#include "yutang/core/grant.h"

enum { KEY_MAX = YT_ID_BYTES_MAX + 8 }; /* `share:` and an id */

struct yt_str yt_share_key(struct yt_arena *a, struct yt_str name)
{
	return yt_arena_printf(a, "share:%.*s", YT_FMT(name));
}

/* Told before that instant. */
static int64_t friends_before(const struct yt_member *m, struct yt_str name, int64_t before_ms)
{
	char key[KEY_MAX];

	memcpy(key, "share:", 6);
	memcpy(key + 6, name.p, name.n);
	return yt_claims_count(&m->claims, yt_hash64(yt_str(key, 6 + (size_t)name.n)), YT_TOLD_SELF, before_ms);
}

int64_t yt_share_friends(const struct yt_member *m, struct yt_str name)
{
	return friends_before(m, name, INT64_MAX);
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

	if (!s || yt_claims_tally(c, key) || yt_str_eq(yt_act_text(act, YT_F_FRIEND), act->member->id))
		return;
	if (s->until_text.n)
		until = yt_instant_local_ms(act->shop->zone, s->until_text, true);
	in_time = friends_before(act->member, name, until);
	if (in_time >= s->friends) {
		yt_claims_add_tally(c, a, key, 1);
		unlock(act, s, rule, in_time);
	} else if (act->ev->at >= until && yt_share_friends(act->member, name) == s->friends) {
		yt_coupon_refuse(act, rule, s->coupon->name, YT_REASON_ENDED); /* the last of them came too late */
	}
}
