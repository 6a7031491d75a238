#include "yutang/core/link.h"

#include "yutang/core/erase.h"
#include "yutang/core/merge.h"
#include "yutang/core/referral.h"
#include "yutang/core/run.h"
#include "yutang/core/tier.h"

enum { LINK_ROOT = 1 }; /* the receiver is where the identities of a ring end */

struct yt_str yt_link_to(struct yt_arena *a, const struct yt_member *m)
{
	return m && m->ident.linked_to.n ? yt_act_name(a, m->shop, m->ident.linked_to) : (struct yt_str){ 0 };
}

bool yt_link_is_own(const struct yt_member *m, struct yt_str id)
{
	return yt_str_eq(m->id, id) || yt_ident_has(&m->ident, id);
}

/* --- member.linked, at the identity's */

static bool judge(const struct yt_act *act, const struct yt_member *m, struct yt_decision *d)
{
	struct yt_str member = yt_event_text(act->ev, YT_F_MEMBER), identity = yt_event_text(act->ev, YT_F_IDENTITY);
	const struct yt_ident *i = m ? &m->ident : NULL;

	if (i && i->linked_to.n) {
		if (yt_str_eq(i->linked_as.n ? i->linked_as : i->linked_to, member))
			d->result = YT_DUPLICATE;
		else
			yt_decision_dead(d, YT_DEAD_ALREADY_BOUND, "identity: it is linked to another member");
		return false;
	}
	if (yt_str_eq(member, identity) || (i && yt_ident_has(i, member))) {
		yt_decision_dead(d, YT_DEAD_ALREADY_BOUND, "member: it is linked to that identity itself");
		return false;
	}
	return true;
}

static void add_order(struct yt_act *act, struct yt_buf *b, struct yt_str name)
{
	const struct yt_state *state = act->env->state;
	struct yt_buf order;

	yt_buf_init(&order, act->env->arena);
	yt_order_encode(state->peek(state->ctx, YT_KIND_ORDER, name), &order);
	yt_buf_bytes(b, yt_name_id(name));
	yt_buf_bytes(b, yt_buf_str(&order));
	state->remove(state->ctx, YT_KIND_ORDER, name);
}

/* As many of the orders as fit behind what b holds, their count first. How many. */
static size_t add_orders(struct yt_act *act, struct yt_buf *b, const struct yt_str *names, size_t n)
{
	size_t room = (YT_LINK_BYTES_MAX - b->n) / (YT_ORDER_BYTES_MAX + 132), k;

	n = n < room ? n : room;
	yt_buf_varint(b, n);
	for (k = 0; k < n; k++)
		add_order(act, b, names[k]);
	return n;
}

static void send_all(struct yt_act *act, const struct yt_member *m, struct yt_str to)
{
	const struct yt_state *state = act->env->state;
	struct yt_origin origin = { .ev = yt_kept_new(act->env->arena, act->ev, 0) };
	struct yt_str *orders;
	size_t n = state->naming(state->ctx, YT_KIND_ORDER, m->name, &orders), sent;
	struct yt_buf b, bytes;

	yt_send_begin(act, &b, YT_SEND_LINK);
	yt_buf_c(&b, 0);
	yt_buf_varint(&b, 1);
	yt_buf_bytes(&b, m->id);
	yt_origin_encode(&origin, (struct yt_str){ 0 }, &b);
	yt_buf_init(&bytes, act->env->arena);
	yt_member_encode(m, &bytes);
	yt_buf_bytes(&b, m->id);
	yt_buf_bytes(&b, yt_buf_str(&bytes));
	sent = add_orders(act, &b, orders, n);
	yt_send_end(act, &b, to);
	while (sent < n) {
		yt_send_begin(act, &b, YT_SEND_LINK_ORDERS);
		yt_origin_encode(&origin, (struct yt_str){ 0 }, &b);
		yt_buf_bytes(&b, m->id);
		sent += add_orders(act, &b, orders + sent, n - sent);
		yt_send_end(act, &b, to);
	}
}

/* Nothing of it is left but where it went. */
static void give_up(struct yt_member *m, struct yt_arena *a, struct yt_str to)
{
	struct yt_str name = m->name;
	int64_t erased_at = m->ident.erased_at;

	*m = *(struct yt_member *)yt_member_fresh(a, name);
	m->ident.erased_at = erased_at;
	m->ident.linked_to = yt_arena_dup(a, to);
}

void yt_link_decide(struct yt_act *act, struct yt_decision *d)
{
	const struct yt_state *state = act->env->state;
	struct yt_arena *a = act->env->arena;
	struct yt_str member = yt_event_text(act->ev, YT_F_MEMBER), name = yt_act_name(a, act->ev->shop, yt_event_text(act->ev, YT_F_IDENTITY));
	const struct yt_member *seen;
	struct yt_member *m;

	seen = state->peek(state->ctx, YT_KIND_MEMBER, name);
	if (yt_erase_at(act->env, name, seen) >= act->ev->at) {
		d->result = YT_ERASED;
		return;
	}
	if (!judge(act, seen, d))
		return;
	m = yt_erase_edit(act->env, name);
	send_all(act, m, yt_act_name(a, act->ev->shop, member));
	give_up(m, a, member);
}

/* --- at the member's */

/* Identities that were linked to each other at the same time: each has given up what it had, and what they sent goes round. All of the ring agree
 * on where it ends: at the smallest id of it. Empty: the way ends elsewhere. */
static struct yt_str end_of_ring(const struct yt_str *way, size_t n, struct yt_str next)
{
	struct yt_str end = { 0 };
	bool in_ring = false;

	for (size_t k = 0; k < n; k++) {
		in_ring |= yt_str_eq(way[k], next);
		if (in_ring && (!end.n || yt_str_cmp(way[k], end) < 0))
			end = way[k];
	}
	return end;
}

static bool is_among(const struct yt_str *way, size_t n, struct yt_str id)
{
	for (size_t k = 0; k < n; k++) {
		if (yt_str_eq(way[k], id))
			return true;
	}
	return false;
}

/* On to whom the receiver is linked itself. */
static void pass_on(struct yt_act *act, struct yt_str shop, const struct yt_str *way, size_t n, struct yt_str next, struct yt_str end, struct yt_str rest)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_LINK);
	yt_buf_c(&b, end.n ? LINK_ROOT : 0);
	yt_buf_varint(&b, n);
	for (size_t k = 0; k < n; k++)
		yt_buf_bytes(&b, way[k]);
	yt_buf_str_add(&b, rest);
	yt_send_end(act, &b, yt_act_name(act->env->arena, shop, end.n ? end : next));
}

static void tell_moved(struct yt_act *act, struct yt_str id)
{
	struct yt_buf b;

	if (yt_str_eq(id, act->member->id))
		return;
	yt_send_begin(act, &b, YT_SEND_MOVED);
	yt_buf_bytes(&b, act->member->id);
	yt_send_end(act, &b, yt_act_name(act->env->arena, act->member->shop, id));
}

/* Those who know another one yet. */
static void tell_all_moved(struct yt_act *act, const struct yt_member *from)
{
	if (!yt_str_eq(yt_event_text(act->ev, YT_F_MEMBER), act->member->id))
		tell_moved(act, from->id);
	for (uint32_t k = 0; k < from->ident.n_ids; k++)
		tell_moved(act, from->ident.ids[k]);
}

struct orders {
	struct yt_order *v[YT_LINK_BYTES_MAX / YT_ORDER_BYTES_MAX + 1];
	size_t n;
};

static bool read_orders(struct yt_act *act, struct yt_str shop, struct orders *o, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	if (n > sizeof(o->v) / sizeof(o->v[0]))
		r->bad = true;
	for (o->n = 0; o->n < n && !r->bad; o->n++) {
		struct yt_str id = yt_rd_bytes(r), bytes = yt_rd_bytes(r);

		o->v[o->n] = r->bad ? NULL : yt_order_decode(act->env->arena, yt_act_name(act->env->arena, shop, id), bytes);
		r->bad |= !o->v[o->n];
	}
	return !r->bad && r->p == r->end;
}

/* Everything of the identity is the member's; then the rules on member.linked, as on any event of his. */
static void take(struct yt_act *act, const struct yt_member *from, const struct orders *orders)
{
	struct yt_ident *ident = &act->member->ident;

	ident->linked_to = ident->linked_as = (struct yt_str){ 0 };
	if (!yt_str_eq(from->id, act->member->id))
		yt_ident_add(ident, act->env->arena, from->id);
	yt_merge_member(act, from);
	for (size_t k = 0; k < orders->n; k++)
		yt_merge_order(act, orders->v[k]);
	yt_referral_merged(act);
	yt_tier_merge(act, &from->standing);
	yt_merge_fit(act);
	tell_all_moved(act, from);
	yt_run_rules(act);
}

bool yt_link_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	enum { WAY_MAX = 40 }; /* more than the engine carries anything over */
	const struct yt_state *state = act->env->state;
	struct yt_str shop = yt_name_shop(to), way[WAY_MAX + 1], rest, id, next = { 0 }, end;
	bool root = yt_rd_u8(r) & LINK_ROOT;
	uint64_t n = yt_rd_varint(r);
	const struct yt_member *seen;
	struct yt_member *from;
	struct yt_origin origin;
	struct orders orders;
	int64_t erased_at;

	(void)what;
	if (n > WAY_MAX)
		return false;
	for (uint64_t k = 0; k < n; k++)
		way[k] = yt_rd_bytes(r);
	rest = yt_str((const char *)r->p, (size_t)(r->end - r->p));
	yt_origin_decode(&origin, act->env->arena, r, shop, (struct yt_str){ 0 });
	id = yt_rd_bytes(r);
	from = yt_member_decode(act->env->arena, yt_act_name(act->env->arena, shop, id), yt_rd_bytes(r));
	if (r->bad || !from || !origin.ev || !read_orders(act, shop, &orders, r))
		return false;
	seen = state->peek(state->ctx, YT_KIND_MEMBER, to);
	if (seen)
		next = seen->ident.linked_to;
	if (next.n && !(root && is_among(way, n, next))) {
		way[n++] = yt_name_id(to);
		end = end_of_ring(way, n, next);
		if (!yt_str_eq(end, yt_name_id(to))) {
			pass_on(act, shop, way, n, next, end, rest);
			return true;
		}
	}
	act->ev = origin.ev;
	erased_at = yt_erase_at(act->env, to, seen);
	if (erased_at >= act->ev->at) {
		yt_erase_arrived(act, from, erased_at);
		return true;
	}
	act->member = yt_erase_edit(act->env, to);
	take(act, from, &orders);
	return true;
}

bool yt_link_take_orders(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_origin origin;
	struct orders orders;

	(void)what;
	yt_origin_decode(&origin, act->env->arena, r, yt_name_shop(to), (struct yt_str){ 0 });
	yt_rd_bytes(r); /* whose they were */
	if (r->bad || !origin.ev || !read_orders(act, yt_name_shop(to), &orders, r))
		return false;
	act->ev = origin.ev;
	if (yt_erase_at(act->env, to, state->peek(state->ctx, YT_KIND_MEMBER, to)) >= act->ev->at)
		return true;
	act->member = yt_erase_edit(act->env, to);
	for (size_t k = 0; k < orders.n; k++)
		yt_merge_order(act, orders.v[k]);
	return true;
}

bool yt_link_take_moved(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_str member = yt_rd_bytes(r);
	const struct yt_member *seen;
	struct yt_ident *ident;

	(void)what;
	if (r->bad || r->p != r->end || !member.n)
		return false;
	seen = state->peek(state->ctx, YT_KIND_MEMBER, to);
	if (!seen || !seen->ident.linked_to.n || yt_str_eq(seen->ident.linked_to, member))
		return true;
	ident = &((struct yt_member *)state->edit(state->ctx, YT_KIND_MEMBER, to))->ident;
	if (!ident->linked_as.n)
		ident->linked_as = ident->linked_to;
	ident->linked_to = yt_arena_dup(act->env->arena, member);
	return true;
}
