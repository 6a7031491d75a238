#include "yutang/core/group.h"

#include "yutang/base/ini.h"

static const struct yt_str rule_group = YT_STR("~group"), key_group = YT_STR("~group:");

void *yt_group_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_group *g = yt_arena_zalloc(a, sizeof(*g));

	g->name = name;
	return g;
}

void yt_group_encode(const void *group, struct yt_buf *out)
{
	const struct yt_group *g = group;
	int64_t at = 0;

	yt_buf_svarint(out, g->members);
	yt_buf_varint(out, g->n);
	for (uint32_t k = 0; k < g->n; k++) {
		yt_buf_bytes(out, g->v[k].version);
		yt_buf_bytes(out, g->v[k].last);
		yt_buf_varint(out, (uint64_t)(g->v[k].at - at));
		at = g->v[k].at;
	}
}

void *yt_group_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_group *g = yt_group_fresh(a, name);
	struct yt_rd r = yt_rd(value);
	int64_t at = 0;
	uint64_t n;

	g->members = yt_rd_svarint(&r);
	n = yt_rd_varint(&r);
	g->v = yt_list_read(a, &r, n, 3, sizeof(*g->v));
	g->n = g->cap = g->v ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < g->n; k++) {
		g->v[k].version = yt_rd_bytes(&r);
		g->v[k].last = yt_rd_bytes(&r);
		g->v[k].at = at = yt_rd_instant_after(&r, at);
	}
	return r.bad || r.p != r.end ? NULL : g;
}

/* --- versions */

static struct yt_group_version *find(const struct yt_group *g, struct yt_str version)
{
	for (uint32_t k = 0; k < g->n; k++) {
		if (yt_str_eq(g->v[k].version, version))
			return &g->v[k];
	}
	return NULL;
}

static bool is_before(const struct yt_group_version *a, const struct yt_group_version *b)
{
	return a->at != b->at ? a->at < b->at : yt_str_cmp(a->version, b->version) < 0;
}

/* Older than all of a full list: it can't be told from a repetition. */
static bool is_forgotten(const struct yt_group *g, const struct yt_group_version *v)
{
	return g && g->n == YT_GROUP_VERSIONS_MAX && is_before(v, &g->v[0]);
}

static void drop(struct yt_group *g, uint32_t k)
{
	memmove(&g->v[k], &g->v[k + 1], (g->n - k - 1) * sizeof(*g->v));
	g->n--;
}

/* Into its place; of one that is known, the earlier instant and what either says stays. The oldest goes when there are too many. */
static void note(struct yt_group *g, struct yt_arena *a, struct yt_group_version v)
{
	struct yt_group_version *known = find(g, v.version);
	uint32_t k;

	if (known) {
		v.at = known->at < v.at ? known->at : v.at;
		v.last = v.last.n ? v.last : known->last;
		drop(g, (uint32_t)(known - g->v));
	}
	if (is_forgotten(g, &v))
		return;
	if (g->n == YT_GROUP_VERSIONS_MAX)
		drop(g, 0);
	v.version = yt_arena_dup(a, v.version);
	v.last = v.last.n ? yt_arena_dup(a, v.last) : v.last;
	g->v = yt_list_grow(a, g->v, g->n, &g->cap, sizeof(*g->v));
	for (k = g->n++; k > 0 && is_before(&v, &g->v[k - 1]); k--)
		g->v[k] = g->v[k - 1];
	g->v[k] = v;
}

/* A known version names this one as the one before it: that it was missing has been told. */
static bool was_missed(const struct yt_group *g, struct yt_str version)
{
	for (uint32_t k = 0; k < g->n; k++) {
		if (yt_str_eq(g->v[k].last, version))
			return true;
	}
	return false;
}

/* The newest that is known of before this one; NULL: none. */
static const struct yt_group_version *seen_before(const struct yt_group *g, const struct yt_group_version *v)
{
	const struct yt_group_version *seen = NULL;

	for (uint32_t k = 0; k < g->n; k++) {
		if (!yt_str_eq(g->v[k].version, v->version) && is_before(&g->v[k], v))
			seen = &g->v[k];
	}
	return seen;
}

/* A version that counts as a number, as others say it. */
static void add_version(struct yt_buf *buf, const char *name, struct yt_str version)
{
	int64_t n;

	if (yt_parse_int(version, -YT_INSTANT_MAX_MS + 1, YT_INSTANT_MAX_MS - 1, &n))
		yt_output_int(buf, name, n);
	else
		yt_output_text(buf, name, version);
}

static void say_gap(struct yt_act *act, const struct yt_group *g, struct yt_str seen, struct yt_str expected)
{
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_GROUP_GAP, rule_group, act->ev->id, yt_act_fact_of_event(act, act->ev), 0);
	yt_output_text(&say.buf, "group", yt_name_id(g->name));
	add_version(&say.buf, "version_seen", seen);
	add_version(&say.buf, "version_expected", expected);
	yt_say_end(&say);
}

/* --- group.changed */

static bool judge(const struct yt_group *g, const struct yt_group_version *v, struct yt_decision *d)
{
	const struct yt_group_version *known = g ? find(g, v->version) : NULL;

	if (known && known->last.n) {
		yt_decision_known(d, yt_str_eq(known->last, v->last), "last_version");
		return false;
	}
	if (!known && is_forgotten(g, v)) {
		yt_decision_dead(d, YT_DEAD_TOO_OLD, "older than the 32 versions that are kept of the group");
		return false;
	}
	return true;
}

void yt_group_changed(struct yt_act *act, struct yt_decision *d)
{
	const struct yt_state *state = act->env->state;
	const struct yt_event *ev = act->ev;
	struct yt_str name = yt_act_name(act->env->arena, ev->shop, yt_event_text(ev, YT_F_GROUP));
	struct yt_group_version v = { yt_event_text(ev, YT_F_VERSION), yt_event_text(ev, YT_F_LAST_VERSION), ev->at };
	const struct yt_group_version *seen;
	struct yt_group *g;

	if (!judge(state->peek(state->ctx, YT_KIND_GROUP, name), &v, d))
		return;
	g = state->edit(state->ctx, YT_KIND_GROUP, name);
	act->place = yt_event_key(act->env->arena, ev);
	seen = seen_before(g, &v);
	if (seen && !find(g, v.last) && !was_missed(g, v.version))
		say_gap(act, g, seen->version, v.last);
	note(g, act->env->arena, v);
}

/* --- joins and leaves */

void yt_group_tell(struct yt_act *act, struct yt_str shop, struct yt_str group, int64_t by)
{
	struct yt_str version = yt_act_text(act, YT_F_VERSION);
	struct yt_buf b;

	if (!by && !version.n)
		return;
	yt_send_begin(act, &b, YT_SEND_JOIN);
	yt_buf_bytes(&b, group);
	yt_buf_svarint(&b, by);
	yt_buf_bytes(&b, version);
	yt_buf_varint(&b, (uint64_t)act->ev->at);
	yt_send_end_at(act, &b, shop, key_group, group);
}

bool yt_group_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r)
{
	const struct yt_state *state = act->env->state;
	struct yt_group_version v = { 0 };
	struct yt_str group = yt_rd_bytes(r);
	int64_t by = yt_rd_svarint(r);
	struct yt_group *g;

	(void)what;
	v.version = yt_rd_bytes(r);
	v.at = yt_rd_instant(r);
	if (r->bad || r->p != r->end)
		return false;
	g = state->edit(state->ctx, YT_KIND_GROUP, yt_act_name(act->env->arena, yt_name_shop(to), group));
	g->members += by;
	if (v.version.n)
		note(g, act->env->arena, v);
	return true;
}
