#include "yutang/core/alias.h"

#include "yutang/core/entity.h"
#include "yutang/core/erase.h"
#include "yutang/core/wallet.h"

void *yt_alias_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_alias *alias = yt_arena_zalloc(a, sizeof(*alias));

	alias->name = name;
	return alias;
}

void yt_alias_names(const void *alias, yt_named_fn *each, void *ctx)
{
	struct yt_str member = ((const struct yt_alias *)alias)->member;

	if (member.n) /* else nobody has said it */
		each(ctx, member);
}

int64_t yt_alias_next_due(const void *alias)
{
	const struct yt_alias *al = alias;

	int64_t due = al->n_parked ? al->parked[0].due : YT_NEVER;

	for (uint32_t k = 0; k < al->n_waiters; k++)
		due = al->waiters[k].until < due ? al->waiters[k].until : due;
	return due;
}

int64_t yt_alias_expires_at(const void *alias)
{
	const struct yt_alias *al = alias;

	return al->n_parked || !al->life_end ? YT_NEVER : al->life_end;
}

/* --- bytes */

static void encode_parked(const struct yt_parked *p, struct yt_buf *out)
{
	yt_buf_u64(out, p->hash);
	yt_buf_varint(out, (uint64_t)p->due);
	yt_buf_bytes(out, p->raw.topic);
	yt_buf_svarint(out, p->raw.partition);
	yt_buf_svarint(out, p->raw.offset);
	yt_buf_svarint(out, p->raw.timestamp);
	yt_buf_c(out, p->raw.key.p != NULL);
	yt_buf_bytes(out, p->raw.key);
	yt_buf_bytes(out, p->raw.value);
	yt_buf_varint(out, p->raw.n_headers);
	for (size_t k = 0; k < p->raw.n_headers; k++) {
		yt_buf_bytes(out, p->raw.headers[k].name);
		yt_buf_c(out, p->raw.headers[k].value.p != NULL);
		yt_buf_bytes(out, p->raw.headers[k].value);
	}
}

void yt_alias_encode(const void *alias, struct yt_buf *out)
{
	const struct yt_alias *al = alias;

	yt_buf_bytes(out, al->member);
	yt_buf_varint(out, (uint64_t)al->life_end);
	yt_buf_varint(out, al->n_parked);
	for (uint32_t k = 0; k < al->n_parked; k++)
		encode_parked(&al->parked[k], out);
	yt_buf_varint(out, al->n_waiters);
	for (uint32_t k = 0; k < al->n_waiters; k++) {
		yt_buf_bytes(out, al->waiters[k].member);
		yt_buf_varint(out, (uint64_t)al->waiters[k].until);
	}
}

/* None is not the empty one: a record without a key has to stay one. */
static struct yt_str decode_text(struct yt_rd *r)
{
	uint8_t there = yt_rd_u8(r);
	struct yt_str s = yt_rd_bytes(r);

	r->bad |= there > 1 || (!there && s.n);
	if (!there)
		return (struct yt_str){ 0 };
	return s.p ? s : YT_S("");
}

static void decode_parked(struct yt_parked *p, struct yt_arena *a, struct yt_rd *r)
{
	struct yt_header *h;
	uint64_t n;

	p->hash = yt_rd_u64(r);
	p->due = yt_rd_instant(r);
	p->raw.topic = yt_rd_bytes(r);
	p->raw.partition = yt_rd_svarint(r);
	p->raw.offset = yt_rd_svarint(r);
	p->raw.timestamp = yt_rd_svarint(r);
	p->raw.key = decode_text(r);
	p->raw.value = yt_rd_bytes(r);
	n = yt_rd_varint(r);
	p->raw.headers = h = yt_list_read(a, r, n, 3, sizeof(*h));
	p->raw.n_headers = h ? (size_t)n : 0;
	for (size_t k = 0; k < p->raw.n_headers; k++) {
		h[k].name = yt_rd_bytes(r);
		h[k].value = decode_text(r);
	}
}

void *yt_alias_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_alias *al = yt_alias_fresh(a, name);
	struct yt_rd r = yt_rd(value);
	uint64_t n;

	al->member = yt_rd_bytes(&r);
	al->life_end = yt_rd_instant(&r);
	n = yt_rd_varint(&r);
	al->parked = yt_list_read(a, &r, n, 17, sizeof(*al->parked));
	al->n_parked = al->cap_parked = al->parked ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < al->n_parked && !r.bad; k++)
		decode_parked(&al->parked[k], a, &r);
	n = yt_rd_varint(&r);
	al->waiters = yt_list_read(a, &r, n, 2, sizeof(*al->waiters));
	al->n_waiters = al->cap_waiters = al->waiters ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < al->n_waiters; k++) {
		al->waiters[k].member = yt_rd_bytes(&r);
		al->waiters[k].until = yt_rd_instant(&r);
	}
	return r.bad || r.p != r.end ? NULL : al;
}

/* --- the alias at hand */

/* `<shop>/<alias>` of the key `<shop>/~<alias>` of the event. */
static struct yt_str name_of(struct yt_act *act)
{
	struct yt_str id = yt_name_id(yt_event_key(act->env->arena, act->ev));

	return yt_act_name(act->env->arena, act->ev->shop, yt_str(id.p + 1, id.n - 1));
}

/* An order's other events pass it by, so it lives twice as long as the order from the last one that it saw: what comes too late is told so by the
 * order's shard. */
static int64_t life_end(const struct yt_act *act)
{
	return act->env->now_ms + 2 * (act->shop->refund_window_ms + YT_AFTER_REFUND_WINDOW_MS);
}

static void forward(struct yt_act *act, const struct yt_alias *al, const struct yt_raw *raw)
{
	const struct yt_state *state = act->env->state;

	state->forward(state->ctx, raw, yt_act_name(act->env->arena, yt_name_shop(al->name), al->member));
}

static void tell(struct yt_act *act, const struct yt_alias *al, struct yt_str newcomer)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_REF_ANSWER);
	yt_buf_bytes(&b, yt_name_id(al->name));
	yt_buf_bytes(&b, al->member);
	yt_send_end(act, &b, yt_act_name(act->env->arena, yt_name_shop(al->name), newcomer));
}

/* --- alias.bound */

static bool has_form(struct yt_str alias)
{
	static const struct yt_str leads[] = { YT_STR("order:"), YT_STR("ref:") };

	for (size_t k = 0; k < sizeof(leads) / sizeof(leads[0]); k++) {
		if (yt_str_starts(alias, leads[k]) && alias.n > leads[k].n)
			return true;
	}
	return false;
}

/* Of before its member was erased. */
static bool is_erased(const struct yt_act *act, const struct yt_alias *al)
{
	return !al && yt_erase_at(act->env, yt_event_key(act->env->arena, act->ev), NULL) >= act->ev->at;
}

/* Every shard knows who was erased. */
static bool is_of_erased(const struct yt_act *act)
{
	struct yt_str member = yt_act_name(act->env->arena, act->ev->shop, yt_event_text(act->ev, YT_F_MEMBER));

	return yt_erase_at(act->env, member, NULL) >= act->ev->at;
}

static bool judge_bound(const struct yt_act *act, const struct yt_alias *al, struct yt_decision *d)
{
	if (!has_form(yt_event_text(act->ev, YT_F_ALIAS))) {
		yt_decision_dead(d, YT_DEAD_BAD_FIELD, "alias: neither order:<id> nor ref:<code>");
		return false;
	}
	if (is_erased(act, al) || is_of_erased(act)) {
		d->result = YT_ERASED;
		return false;
	}
	if (!al || !al->member.n)
		return true;
	if (yt_str_eq(al->member, yt_event_text(act->ev, YT_F_MEMBER)))
		d->result = YT_DUPLICATE;
	else
		yt_decision_dead(d, YT_DEAD_ALREADY_BOUND, "alias: it leads to another member");
	return false;
}

void yt_alias_bound(struct yt_act *act, struct yt_decision *d)
{
	const struct yt_state *state = act->env->state;
	struct yt_str name = name_of(act);
	struct yt_alias *al;
	uint32_t n;

	if (!judge_bound(act, state->peek(state->ctx, YT_KIND_ALIAS, name), d))
		return;
	al = state->edit(state->ctx, YT_KIND_ALIAS, name);
	al->member = yt_arena_dup(act->env->arena, yt_event_text(act->ev, YT_F_MEMBER));
	al->life_end = yt_str_starts(yt_name_id(name), YT_S("order:")) ? life_end(act) : 0;
	n = al->n_parked;
	al->n_parked = 0;
	for (uint32_t k = 0; k < n; k++)
		forward(act, al, &al->parked[k].raw);
	n = al->n_waiters;
	al->n_waiters = 0;
	for (uint32_t k = 0; k < n; k++)
		tell(act, al, al->waiters[k].member);
}

/* --- events that name no member */

static bool is_parked(const struct yt_alias *al, uint64_t hash)
{
	for (uint32_t k = 0; k < al->n_parked; k++) {
		if (al->parked[k].hash == hash)
			return true;
	}
	return false;
}

static bool judge_park(struct yt_act *act, const struct yt_alias *al, const struct yt_parked *p, struct yt_decision *d)
{
	struct yt_buf exact;

	if (al && is_parked(al, p->hash)) {
		d->result = YT_DUPLICATE;
		return false;
	}
	if (al && al->n_parked == YT_PARKED_MAX) {
		yt_decision_dead(d, YT_DEAD_LIMIT, "member: absent, and 32 events wait already for whose order it is");
		return false;
	}
	yt_buf_init(&exact, act->env->arena);
	if (al)
		yt_alias_encode(al, &exact);
	encode_parked(p, &exact);
	/* Its head, member and counts. */
	if (exact.n + YT_ENTITY_HEAD + 160 > YT_ALIAS_BYTES_MAX) {
		yt_decision_dead(d, YT_DEAD_LIMIT, "member: absent, and what waits for whose order it is takes 512 KiB already");
		return false;
	}
	return true;
}

static void park(struct yt_act *act, struct yt_str name, const struct yt_alias *seen, struct yt_decision *d)
{
	const struct yt_state *state = act->env->state;
	struct yt_parked p = {
		.raw = *state->raw(state->ctx),
		.hash = yt_event_hash(act->ev),
		.due = act->env->now_ms + YT_PARKED_MS,
	};
	struct yt_alias *al;

	if (!judge_park(act, seen, &p, d))
		return;
	al = state->edit(state->ctx, YT_KIND_ALIAS, name);
	al->parked = yt_list_grow(act->env->arena, al->parked, al->n_parked, &al->cap_parked, sizeof(*al->parked));
	al->parked[al->n_parked++] = p;
	d->result = YT_PARKED;
}

void yt_alias_park(struct yt_act *act, struct yt_decision *d)
{
	const struct yt_state *state = act->env->state;
	struct yt_str name = name_of(act);
	const struct yt_alias *seen = state->peek(state->ctx, YT_KIND_ALIAS, name);
	struct yt_alias *al;

	if (is_erased(act, seen)) {
		d->result = YT_ERASED;
		return;
	}
	if (!seen || !seen->member.n) {
		park(act, name, seen, d);
		return;
	}
	al = state->edit(state->ctx, YT_KIND_ALIAS, name);
	al->life_end = life_end(act);
	forward(act, al, state->raw(state->ctx));
	d->result = YT_FORWARDED;
}

/* --- who is `ref:<code>`? */

void yt_alias_ask(struct yt_act *act, const struct yt_member *newcomer, struct yt_str as, struct yt_str code, int64_t until_ms)
{
	struct yt_buf b;

	yt_send_begin(act, &b, YT_SEND_REF);
	yt_buf_bytes(&b, as);
	yt_buf_varint(&b, (uint64_t)newcomer->bound_at);
	yt_buf_varint(&b, (uint64_t)until_ms);
	yt_send_end_at(act, &b, newcomer->shop, YT_S("~"), code);
}

static void stop_waiting(struct yt_alias *al, struct yt_str member)
{
	for (uint32_t k = 0; k < al->n_waiters; k++) {
		if (!yt_str_eq(al->waiters[k].member, member))
			continue;
		memmove(&al->waiters[k], &al->waiters[k + 1], (al->n_waiters - k - 1) * sizeof(*al->waiters));
		al->n_waiters--;
		return;
	}
}

static void wait_for(struct yt_alias *al, struct yt_arena *a, struct yt_str member, int64_t until_ms)
{
	if (al->n_waiters == YT_WAITERS_MAX)
		memmove(al->waiters, al->waiters + 1, --al->n_waiters * sizeof(*al->waiters));
	al->waiters = yt_list_grow(a, al->waiters, al->n_waiters, &al->cap_waiters, sizeof(*al->waiters));
	al->waiters[al->n_waiters++] = (struct yt_waiter){ yt_arena_dup(a, member), until_ms };
}

static bool is_empty(const struct yt_alias *al)
{
	return !al->member.n && !al->n_parked && !al->n_waiters;
}

bool yt_alias_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_str shop = yt_name_shop(to), id = yt_name_id(to), member = yt_rd_bytes(r), name, kept;
	int64_t bound_at = yt_rd_instant(r), until = yt_rd_instant(r);
	const struct yt_alias *seen;
	struct yt_alias *al;
	bool waits;

	(void)what;
	if (r->bad || r->p != r->end || !member.n || !yt_str_starts(id, YT_S("~ref:")))
		return false;
	name = yt_act_name(act->env->arena, shop, yt_str(id.p + 1, id.n - 1));
	seen = state->peek(state->ctx, YT_KIND_ALIAS, name);
	if (seen && seen->member.n) {
		if (until)
			tell(act, seen, member);
		return true;
	}
	kept = yt_erase_kept(act->env, shop, id, bound_at);
	if (until && !yt_str_eq(kept, id)) { /* it was that of somebody who was erased */
		tell(act, &(struct yt_alias){ .name = name, .member = kept }, member);
		return true;
	}
	waits = until > act->env->now_ms && yt_erase_at(act->env, yt_act_name(act->env->arena, shop, member), NULL) < bound_at;
	if (!seen && !waits)
		return true;
	al = state->edit(state->ctx, YT_KIND_ALIAS, name);
	stop_waiting(al, member);
	if (waits)
		wait_for(al, act->env->arena, member, until);
	if (is_empty(al))
		state->remove(state->ctx, YT_KIND_ALIAS, name);
	return true;
}

/* Who waited in vain knows it himself. */
static void drop_waiters(struct yt_alias *al, int64_t now_ms)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < al->n_waiters; k++) {
		if (al->waiters[k].until > now_ms)
			al->waiters[n++] = al->waiters[k];
	}
	al->n_waiters = n;
}

static void fire_parked(const struct yt_decide_env *env, struct yt_alias *al)
{
	const struct yt_state *state = env->state;
	struct yt_parked p = al->parked[0];

	memmove(al->parked, al->parked + 1, --al->n_parked * sizeof(*al->parked));
	state->dead(state->ctx, &p.raw, YT_DEAD_ORDER_UNKNOWN, "member: absent, and nobody has said within 72 h whose order it is");
}

bool yt_alias_fire(const struct yt_decide_env *env, struct yt_str name)
{
	const struct yt_state *state = env->state;
	const struct yt_alias *seen = state->peek(state->ctx, YT_KIND_ALIAS, name);
	struct yt_alias *al;

	if (!seen || yt_alias_next_due(seen) > env->now_ms)
		return false;
	al = state->edit(state->ctx, YT_KIND_ALIAS, name);
	if (al->n_parked)
		fire_parked(env, al);
	else
		drop_waiters(al, env->now_ms);
	if (is_empty(al))
		state->remove(state->ctx, YT_KIND_ALIAS, name);
	return true;
}
