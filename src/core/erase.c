#include "yutang/core/erase.h"

#include "yutang/base/hash.h"
#include "yutang/core/account.h"
#include "yutang/core/alias.h"
#include "yutang/core/group.h"
#include "yutang/core/phone.h"
#include "yutang/core/referral.h"
#include "yutang/core/staff.h"

void *yt_erased_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_erased *e = yt_arena_zalloc(a, sizeof(*e));

	e->name = name;
	return e;
}

void yt_erased_encode(const void *erased, struct yt_buf *out)
{
	yt_buf_varint(out, (uint64_t)((const struct yt_erased *)erased)->at);
}

void *yt_erased_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_erased *e = yt_erased_fresh(a, name);
	struct yt_rd r = yt_rd(value);

	e->at = yt_rd_instant(&r);
	return r.bad || r.p != r.end ? NULL : e;
}

/* --- the mark */

static void mac_of(const struct yt_decide_env *env, struct yt_str member_name, unsigned char mac[32])
{
	static const unsigned char no_salt[32]; /* replay has no key; what it writes goes nowhere */
	struct yt_buf text;

	yt_buf_init(&text, env->arena);
	yt_buf_z(&text, "erased\n");
	yt_buf_str_add(&text, member_name);
	yt_hmac_sha256(env->code_key ? env->code_key : no_salt, 32, yt_buf_str(&text), mac);
}

uint64_t yt_erase_hash(const struct yt_decide_env *env, struct yt_str shop, struct yt_str id)
{
	unsigned char mac[32];
	uint64_t hash = 0;

	mac_of(env, yt_act_name(env->arena, shop, id), mac);
	for (int k = 0; k < 8; k++)
		hash = hash << 8 | mac[k];
	return hash;
}

static struct yt_str mark_name(const struct yt_decide_env *env, struct yt_str member_name)
{
	unsigned char mac[32];
	char hex[33];

	mac_of(env, member_name, mac);
	yt_hex(mac, 16, hex);
	return yt_act_name(env->arena, yt_name_shop(member_name), yt_str(hex, 32));
}

int64_t yt_erase_at(const struct yt_decide_env *env, struct yt_str member_name, const struct yt_member *m)
{
	const struct yt_state *state = env->state;
	const struct yt_erased *mark;

	if (m)
		return m->ident.erased_at;
	/* Most members are new because they are, and most shards have erased nobody. */
	if (!state->any(state->ctx, YT_KIND_ERASED))
		return 0;
	mark = state->peek(state->ctx, YT_KIND_ERASED, mark_name(env, member_name));
	return mark ? mark->at : 0;
}

struct yt_member *yt_erase_edit(const struct yt_decide_env *env, struct yt_str member_name)
{
	const struct yt_state *state = env->state;
	const struct yt_member *seen = state->peek(state->ctx, YT_KIND_MEMBER, member_name);
	int64_t at = seen ? 0 : yt_erase_at(env, member_name, NULL);
	struct yt_member *m = state->edit(state->ctx, YT_KIND_MEMBER, member_name);

	if (at)
		m->ident.erased_at = at;
	return m;
}

/* No member id begins so. */
static struct yt_str mark_of(const struct yt_decide_env *env, struct yt_str member_name)
{
	return yt_arena_printf(env->arena, "~%.*s", YT_FMT(yt_name_id(mark_name(env, member_name))));
}

struct yt_str yt_erase_kept(const struct yt_decide_env *env, struct yt_str shop, struct yt_str id, int64_t at)
{
	struct yt_str name;

	if (!env->state->any(env->state->ctx, YT_KIND_ERASED))
		return id;
	name = yt_act_name(env->arena, shop, id);
	return yt_erase_at(env, name, NULL) >= at ? mark_of(env, name) : id;
}

/* Whom an event names. Its member is another than whose timer it set where a rule of his gave to his referrer, or earned him a reward. */
static const enum yt_field persons[] = { YT_F_REFERRER, YT_F_INVITER, YT_F_FRIEND, YT_F_MEMBER };
enum { PERSONS = sizeof(persons) / sizeof(persons[0]) };

static bool has_text(struct yt_str in, struct yt_str text)
{
	return memmem(in.p, in.n, text.p, text.n) != NULL;
}

/* What a follow-up from somebody else's rule would say was worked out already: it leaves without it. */
static void forget_in_timer(const struct yt_act *act, struct yt_timer *t, struct yt_str id, struct yt_str mark)
{
	struct yt_origin *o = &t->origin;
	bool his = o->ev && yt_str_eq(yt_event_text(o->ev, YT_F_MEMBER), id);

	if (t->params.n && (his || has_text(t->params, id)))
		t->params = YT_S("{}");
	if (his) /* and so is the order */
		o->ev = yt_kept_with(act->env->arena, o->ev, YT_F_ORDER, mark);
	for (int k = 0; o->ev && k < PERSONS; k++) {
		if (yt_str_eq(yt_event_text(o->ev, persons[k]), id))
			o->ev = yt_kept_with(act->env->arena, o->ev, persons[k], mark);
	}
}

void yt_erase_kept_timer(const struct yt_act *act, struct yt_timer *t)
{
	const struct yt_event *ev = t->origin.ev;

	for (int k = 0; ev && k < PERSONS; k++) {
		struct yt_str id = yt_event_text(ev, persons[k]), kept = id;

		if (id.n && !yt_str_eq(id, act->member->id))
			kept = yt_erase_kept(act->env, ev->shop, id, ev->at);
		if (!yt_str_eq(id, kept))
			forget_in_timer(act, t, id, kept);
	}
}

static void set_mark(const struct yt_decide_env *env, struct yt_str member_name, int64_t at)
{
	struct yt_erased *mark = env->state->edit(env->state->ctx, YT_KIND_ERASED, mark_name(env, member_name));

	if (mark->at < at)
		mark->at = at;
}

/* --- what goes elsewhere */

/* Who else knows of that id is found out there. */
static void tell_all(struct yt_act *act, struct yt_str shop, struct yt_str id, int64_t at)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_ERASE);
	yt_buf_bytes(&b, id);
	yt_buf_varint(&b, (uint64_t)at);
	yt_send_end_all(act, &b, shop);
}

static void leave_places(struct yt_act *act, const struct yt_member *m)
{
	for (uint32_t k = 0; k < m->groups.n; k++) {
		if (yt_place_stands(&m->groups.v[k]))
			yt_group_tell(act, m->shop, m->groups.v[k].id, -1);
	}
	for (uint32_t k = 0; k < m->accounts.n; k++) {
		if (yt_place_stands(&m->accounts.v[k]))
			yt_account_tell(act, m->shop, m->accounts.v[k].id, -1);
	}
}

/* Of quotas nothing comes back: a coupon that was held has been given away, as one that ran out. What is claimed and on its way finds no claim, and
 * its units return (core/claim). */
void yt_erase_arrived(struct yt_act *act, const struct yt_member *from, int64_t at)
{
	leave_places(act, from);
	yt_referral_forget_wait(act, from);
	tell_all(act, from->shop, from->id, at);
	for (uint32_t k = 0; k < from->ident.n_ids; k++)
		tell_all(act, from->shop, from->ident.ids[k], at);
}

/* --- the command */

static void say_erased(struct yt_act *act)
{
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_MEMBER_ERASED, YT_RULE_STAFF, act->ev->id, yt_act_fact_of_event(act, act->ev), 0);
	yt_say_end(&say);
}

void yt_erase_decide(struct yt_act *act, struct yt_str member_name, struct yt_decision *d)
{
	const struct yt_state *state = act->env->state;
	const struct yt_member *seen = state->peek(state->ctx, YT_KIND_MEMBER, member_name);
	struct yt_str *orders;
	size_t n;

	if (yt_erase_at(act->env, member_name, seen) >= act->ev->at) {
		d->result = YT_DUPLICATE;
		return;
	}
	act->member = state->edit(state->ctx, YT_KIND_MEMBER, member_name);
	say_erased(act);
	yt_erase_arrived(act, act->member, act->ev->at);
	n = state->naming(state->ctx, YT_KIND_ORDER, member_name, &orders);
	for (size_t k = 0; k < n; k++)
		state->remove(state->ctx, YT_KIND_ORDER, orders[k]);
	state->remove(state->ctx, YT_KIND_MEMBER, member_name);
	act->member = NULL;
	set_mark(act->env, member_name, act->ev->at);
}

/* --- at the others' */

/* `<shop>/~<alias>` */
static struct yt_str alias_key(struct yt_arena *a, struct yt_str name)
{
	return yt_arena_printf(a, "%.*s/~%.*s", YT_FMT(yt_name_shop(name)), YT_FMT(yt_name_id(name)));
}

static void forget_aliases(struct yt_act *act, struct yt_str member_name, int64_t at)
{
	const struct yt_state *state = act->env->state;
	struct yt_str *names;
	size_t n = state->naming(state->ctx, YT_KIND_ALIAS, member_name, &names);

	for (size_t k = 0; k < n; k++) {
		state->remove(state->ctx, YT_KIND_ALIAS, names[k]);
		set_mark(act->env, alias_key(act->env->arena, names[k]), at);
	}
}

/* But himself. */
void yt_erase_names(const void *member, yt_named_fn *each, void *ctx)
{
	const struct yt_member *m = member;

	if (m->referrer.n)
		each(ctx, m->referrer);
	for (uint32_t i = 0; i < m->n_timers; i++) {
		const struct yt_timer *t = &m->timers[i];

		for (int k = 0; t->origin.ev && k < PERSONS; k++) {
			struct yt_str id = yt_event_text(t->origin.ev, persons[k]);

			if (id.n && !yt_str_eq(id, m->id))
				each(ctx, id);
		}
		if (t->params.n)
			each(ctx, YT_NAMED_ANYBODY);
	}
}

/* Others keep a mark in place of his id: whom he referred, and whose timers were set by something that names him. */
static void forget_mentions(struct yt_act *act, struct yt_str member_name, int64_t at)
{
	const struct yt_state *state = act->env->state;
	struct yt_str *names, id = yt_name_id(member_name), mark = mark_of(act->env, member_name);
	size_t n = state->naming(state->ctx, YT_KIND_MEMBER, member_name, &names);

	for (size_t k = 0; k < n; k++) {
		/* What he begins anew is his. */
		if (yt_str_eq(names[k], member_name))
			continue;
		act->member = state->edit(state->ctx, YT_KIND_MEMBER, names[k]);
		struct yt_member *m = act->member;

		for (uint32_t i = 0; i < m->n_timers; i++) {
			if (!m->timers[i].origin.ev || m->timers[i].origin.ev->at <= at)
				forget_in_timer(act, &m->timers[i], id, mark);
		}
		if (yt_str_eq(m->referrer, id) && m->bound_at <= at)
			yt_referral_forget_referrer(act, mark);
	}
	act->member = NULL;
}

/* And the phones that he bought with first: nobody becomes the first by that. */
static void forget_phones(struct yt_act *act, struct yt_str member_name)
{
	const struct yt_state *state = act->env->state;
	struct yt_str *names, mark = mark_of(act->env, member_name);
	size_t n = state->naming(state->ctx, YT_KIND_PHONE, member_name, &names);

	for (size_t k = 0; k < n; k++)
		((struct yt_phone *)state->edit(state->ctx, YT_KIND_PHONE, names[k]))->member = mark;
}

bool yt_erase_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_str id = yt_rd_bytes(r), name = yt_act_name(act->env->arena, yt_name_shop(to), id);
	int64_t at = yt_rd_instant(r);
	const struct yt_member *seen;

	(void)what;
	if (r->bad || r->p != r->end || !id.n)
		return false;
	seen = state->peek(state->ctx, YT_KIND_MEMBER, name);
	if (seen && seen->ident.linked_to.n)
		state->remove(state->ctx, YT_KIND_MEMBER, name);
	forget_aliases(act, name, at);
	forget_mentions(act, name, at);
	forget_phones(act, name);
	set_mark(act->env, name, at);
	return true;
}
