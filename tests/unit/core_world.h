/* A shard in memory, or some, for the tests of the core: entities are kept as their encoded bytes, so that every test is one of the codec as well.
 * The clock is that of the events: what is due before an event fires first. */
#ifndef YT_TEST_CORE_WORLD_H
#define YT_TEST_CORE_WORLD_H

#include <stdio.h>

#include "unit/test.h"

#include "yutang/base/hash.h"
#include "yutang/base/ini.h"
#include "yutang/base/json.h"
#include "yutang/core/decide.h"
#include "yutang/core/view.h"

struct world_entity {
	enum yt_kind kind;
	int shard;
	char *name;
	uint32_t name_n;
	char *bytes; /* behind the head; NULL: absent */
	size_t n;
	void *obj; /* of the batch */
	bool edited;
};

struct world_output {
	enum yt_out_type type;
	char id[33];
	char *key, *value;
	int64_t at;
};

struct world_sent {
	char *key, *value;
	size_t key_n, value_n;
	bool forwarded; /* value is a record, key its member's */
	int hop; /* that it will have gone */
	uint64_t from, to; /* of what one sends to one other, the order stays */
};

struct world {
	struct yt_arena rules_arena, batch, scratch;
	const struct yt_ruleset *rules;
	int shards;   /* 0: one, which has all */
	int shard;    /* of what is decided */
	bool with_key;
	unsigned char key[32];
	int64_t now;
	int batch_left; /* decisions until the batch is sealed; 0: after each */
	int batch_size;
	struct world_entity *entities;
	size_t n_entities, cap_entities;
	struct world_output *outputs;
	size_t n_outputs, cap_outputs;
	struct world_sent *sent; /* internal events and forwarded records that were not decided yet */
	size_t n_sent, cap_sent;
	bool held; /* nothing is delivered by itself */
	int hop;   /* of what is decided */
	uint64_t decided_key;
	struct yt_str text; /* of the event at hand */
	int n_late;         /* dead letters of records that were parked */
	struct yt_decision forwarded; /* what became of the record that was forwarded last */
};

__attribute__((unused)) static bool world_zone(void *ctx, struct yt_arena *a, const char *name, struct yt_str *tzif)
{
	char path[512];
	FILE *f;
	char *bytes = yt_arena_alloc(a, 65536);

	(void)ctx;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	f = fopen(path, "rb");
	if (!f)
		return false;
	*tzif = yt_str(bytes, fread(bytes, 1, 65536, f));
	fclose(f);
	return true;
}

/* Other rules from now on. */
__attribute__((unused)) static void world_rules(struct world *w, struct yt_str text)
{
	struct yt_problems problems;

	yt_problems_init(&problems, "rules");
	w->rules = yt_ruleset_parse(&w->rules_arena, yt_arena_dup(&w->rules_arena, text), world_zone, NULL, &problems);
	if (!w->rules)
		yt_test_fail(__FILE__, __LINE__, "rules: %.*s", YT_FMT(yt_buf_str(&problems.text)));
	yt_problems_deinit(&problems);
}

#define WORLD_SHOP "[ruleset]\nname = t\nrevision = 1\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"

__attribute__((unused)) static void world_init(struct world *w, const char *rules)
{
	memset(w, 0, sizeof(*w));
	yt_types_init();
	yt_arena_init(&w->rules_arena, 0);
	yt_arena_init(&w->batch, 0);
	yt_arena_init(&w->scratch, 0);
	w->with_key = true;
	w->now = INT64_MIN;
	for (int k = 0; k < 32; k++)
		w->key[k] = (unsigned char)k;
	if (rules)
		world_rules(w, yt_str_z(rules));
}

__attribute__((unused)) static void world_deinit(struct world *w)
{
	for (size_t k = 0; k < w->n_entities; k++) {
		free(w->entities[k].name);
		free(w->entities[k].bytes);
	}
	for (size_t k = 0; k < w->n_outputs; k++) {
		free(w->outputs[k].key);
		free(w->outputs[k].value);
	}
	free(w->entities);
	free(w->outputs);
	free(w->sent);
	yt_arena_deinit(&w->rules_arena);
	yt_arena_deinit(&w->batch);
	yt_arena_deinit(&w->scratch);
}

/* What follows is of the shard of that key. */
static void world_go(struct world *w, struct yt_str key)
{
	w->shard = w->shards ? yt_partition(key, w->shards) : 0;
}

static struct world_entity *world_entity(struct world *w, enum yt_kind kind, struct yt_str name)
{
	struct world_entity *e;

	for (size_t k = 0; k < w->n_entities; k++) {
		e = &w->entities[k];
		if (e->kind == kind && e->shard == w->shard && yt_str_eq(yt_str(e->name, e->name_n), name))
			return e;
	}
	if (w->n_entities == w->cap_entities) {
		w->cap_entities = w->cap_entities ? 2 * w->cap_entities : 64;
		w->entities = realloc(w->entities, w->cap_entities * sizeof(*w->entities));
	}
	e = &w->entities[w->n_entities++];
	*e = (struct world_entity){ .kind = kind, .shard = w->shard, .name = malloc(name.n + 1), .name_n = name.n };
	memcpy(e->name, name.p, name.n);
	e->name[name.n] = 0;
	return e;
}

static void *world_decode(struct yt_arena *a, const struct world_entity *e)
{
	void *obj = yt_entities[e->kind].decode(a, yt_str(e->name, e->name_n), yt_str(e->bytes, e->n));

	CHECK_MSG(obj, "what was encoded decodes: %s%s", yt_entities[e->kind].prefix.p, e->name);
	return obj;
}

static const void *world_peek(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct world *w = ctx;
	struct world_entity *e = world_entity(w, kind, name);

	if (!e->obj && e->bytes)
		e->obj = world_decode(&w->batch, e);
	return e->obj && yt_entities[kind].expires_at(e->obj) > w->now ? e->obj : NULL;
}

static void *world_edit(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct world *w = ctx;
	void *obj = (void *)world_peek(ctx, kind, name);
	struct world_entity *e = world_entity(w, kind, name);

	if (!obj)
		obj = e->obj = yt_entities[kind].fresh(&w->batch, yt_str(e->name, e->name_n));
	e->edited = true;
	return obj;
}

static void world_output(void *ctx, const struct yt_output *out)
{
	struct world *w = ctx;
	struct world_output *o;

	if (w->n_outputs == w->cap_outputs) {
		w->cap_outputs = w->cap_outputs ? 2 * w->cap_outputs : 64;
		w->outputs = realloc(w->outputs, w->cap_outputs * sizeof(*w->outputs));
	}
	o = &w->outputs[w->n_outputs++];
	*o = (struct world_output){ .type = out->type, .key = strndup(out->key.p, out->key.n), .value = strndup(out->value.p, out->value.n), .at = w->now };
	memcpy(o->id, out->id, sizeof(o->id));
}

static char *world_bytes(struct yt_str s)
{
	char *p = malloc(s.n + 1);

	memcpy(p, s.p, s.n);
	return p;
}

static void world_put(struct world *w, struct yt_str key, struct yt_str value, bool forwarded)
{
	if (w->n_sent == w->cap_sent) {
		w->cap_sent = w->cap_sent ? 2 * w->cap_sent : 16;
		w->sent = realloc(w->sent, w->cap_sent * sizeof(*w->sent));
	}
	w->sent[w->n_sent++] = (struct world_sent){ world_bytes(key), world_bytes(value), key.n, value.n, forwarded, w->hop + 1, w->decided_key, yt_hash64(key) };
}

static void world_send(void *ctx, struct yt_str key, struct yt_str value)
{
	world_put(ctx, key, value, false);
}

static const struct yt_raw *world_raw(void *ctx)
{
	struct world *w = ctx;
	struct yt_raw *raw = yt_arena_zalloc(&w->batch, sizeof(*raw));

	*raw = (struct yt_raw){ .topic = YT_STR("orders"), .partition = 3, .offset = 77, .timestamp = w->now, .value = yt_arena_dup(&w->batch, w->text) };
	return raw;
}

static void world_forward(void *ctx, const struct yt_raw *raw, struct yt_str key)
{
	CHECK_INT(raw->offset, 77);
	world_put(ctx, key, raw->value, true);
}

static void world_dead(void *ctx, const struct yt_raw *raw, enum yt_dead why, const char *detail)
{
	struct world *w = ctx;

	(void)detail;
	CHECK_INT(raw->offset, 77);
	CHECK_INT(why, YT_DEAD_ORDER_UNKNOWN);
	w->n_late++;
}

static void world_remove(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct world_entity *e = world_entity(ctx, kind, name);

	free(e->bytes);
	e->bytes = NULL;
	e->obj = NULL;
	e->edited = false;
}

static bool world_any(void *ctx, enum yt_kind kind)
{
	const struct world *w = ctx;

	for (size_t k = 0; k < w->n_entities; k++) {
		if (w->entities[k].kind == kind)
			return true;
	}
	return false;
}

static size_t world_naming(void *ctx, enum yt_kind kind, struct yt_str member_name, struct yt_str **names)
{
	struct world *w = ctx;
	size_t n = 0;

	*names = yt_arena_alloc(&w->batch, (w->n_entities + 1) * sizeof(**names));
	for (size_t k = 0; k < w->n_entities; k++) {
		struct yt_str name = yt_str(w->entities[k].name, w->entities[k].name_n);
		bool here = w->entities[k].kind == kind && w->entities[k].shard == w->shard;
		const void *obj = here ? world_peek(w, kind, name) : NULL;
		size_t i = n;

		if (!obj || !yt_str_eq(yt_name_shop(name), yt_name_shop(member_name)) || !yt_entity_names(kind, obj, yt_name_id(member_name)))
			continue;
		for (; i > 0 && yt_str_cmp(name, (*names)[i - 1]) < 0; i--)
			(*names)[i] = (*names)[i - 1];
		(*names)[i] = name;
		n++;
	}
	return n;
}

static void world_spread(void *ctx, struct yt_str shop, struct yt_str value)
{
	struct world *w = ctx;
	uint32_t done = 0;
	int shards = w->shards ? w->shards : 1;

	for (int n = 0; done != (1u << shards) - 1; n++) {
		struct yt_str key = yt_arena_printf(&w->batch, "%.*s/~shard:%d", YT_FMT(shop), n);
		uint32_t bit = 1u << yt_partition(key, shards);

		if (!(done & bit))
			world_send(w, key, value);
		done |= bit;
	}
}

/* Ends the batch: every edited entity becomes its bytes, which decode and encode to the same. */
static void world_seal(struct world *w)
{
	for (size_t k = 0; k < w->n_entities; k++) {
		struct world_entity *e = &w->entities[k];
		const struct yt_entity_ops *ops = &yt_entities[e->kind];
		struct yt_buf bytes, again;
		void *obj;

		if (e->edited) {
			yt_buf_init(&bytes, NULL);
			ops->encode(e->obj, &bytes);
			CHECK_MSG(bytes.n + YT_ENTITY_HEAD <= ops->bytes_max, "%s%s has %zu bytes", ops->prefix.p, e->name, bytes.n);
			free(e->bytes);
			e->bytes = bytes.p;
			e->n = bytes.n;
			obj = world_decode(&w->batch, e);
			yt_buf_init(&again, &w->batch);
			ops->encode(obj, &again);
			CHECK_MSG(yt_str_eq(yt_buf_str(&bytes), yt_buf_str(&again)), "%s%s encodes again to the same bytes", ops->prefix.p, e->name);
			CHECK_INT(ops->next_due(obj), ops->next_due(e->obj));
			CHECK_INT(ops->expires_at(obj), ops->expires_at(e->obj));
		}
		e->edited = false;
		e->obj = NULL;
	}
	yt_arena_reset(&w->batch);
}

static void world_decided(struct world *w)
{
	if (w->batch_left-- > 0)
		return;
	world_seal(w);
	w->batch_left = w->batch_size;
}

static struct yt_decide_env world_env(struct world *w, struct yt_state *state)
{
	*state = (struct yt_state){ w,            world_peek, world_edit,    world_output, world_send,
		                    world_remove, world_any, world_spread, world_naming, world_raw,  world_forward, world_dead };
	return (struct yt_decide_env){ .rules = w->rules, .state = state, .arena = &w->batch, .now_ms = w->now, .code_key = w->with_key ? w->key : NULL, .hop = w->hop };
}

static void world_decide_forwarded(struct world *w, const struct yt_decide_env *env, const struct world_sent *s)
{
	struct yt_decoded decoded;

	w->text = yt_str(s->value, s->value_n);
	yt_event_decode(&w->batch, w->text, NULL, 0, YT_NOW_UNKNOWN, &decoded);
	CHECK_MSG(decoded.event, "a forwarded record is read: %s", decoded.detail);
	decoded.event->owner = yt_name_id(yt_str(s->key, s->key_n));
	CHECK(yt_str_eq(yt_event_key(&w->batch, decoded.event), yt_str(s->key, s->key_n)));
	yt_decide(env, decoded.event, &w->forwarded);
}

/* From the heap into the batch. */
static void world_into_batch(struct yt_arena *a, char **text, size_t n)
{
	char *was = *text;

	*text = yt_arena_alloc(a, n + 1);
	memcpy(*text, was, n);
	free(was);
}

/* The k-th of what was sent is decided, with the `now` of its cause. */
static void world_deliver_one(struct world *w, size_t k)
{
	struct world_sent s = w->sent[k];
	struct yt_state state;
	struct yt_decide_env env;
	struct yt_decision d = { 0 };

	CHECK_MSG(s.hop <= 18, "an internal event goes over at most 18 shards: engine/forward.h");
	w->hop = s.hop;
	w->decided_key = s.to;
	env = world_env(w, &state);
	world_go(w, yt_str(s.key, s.key_n));
	/* As the engine's, a record lives as long as its batch. */
	world_into_batch(&w->batch, &s.key, s.key_n);
	world_into_batch(&w->batch, &s.value, s.value_n);
	memmove(&w->sent[k], &w->sent[k + 1], (w->n_sent - k - 1) * sizeof(*w->sent));
	w->n_sent--;
	if (s.forwarded)
		world_decide_forwarded(w, &env, &s);
	else
		yt_decide_internal(&env, yt_str(s.key, s.key_n), yt_str(s.value, s.value_n), &d);
	CHECK_MSG(d.result == YT_APPLIED, "an internal event is taken: %s", d.detail);
	w->hop = 0;
	world_decided(w);
}

/* First in first out. */
static void world_deliver(struct world *w)
{
	while (!w->held && w->n_sent)
		world_deliver_one(w, 0);
}

static int64_t world_next_due(struct world *w, struct world_entity **of)
{
	int64_t due = YT_NEVER;

	*of = NULL;
	for (size_t k = 0; k < w->n_entities; k++) {
		struct world_entity *e = &w->entities[k];
		int64_t at;

		if (!e->bytes && !e->obj)
			continue;
		if (!e->obj)
			e->obj = world_decode(&w->batch, e);
		at = yt_entities[e->kind].next_due(e->obj);
		if (at < due || (at == due && *of && strcmp(e->name, (*of)->name) < 0)) {
			due = at;
			*of = e;
		}
	}
	return due;
}

/* Lets time run: all that is due at or before that instant fires, each with `now` = its due time. */
__attribute__((unused)) static void world_until(struct world *w, int64_t until)
{
	struct world_entity *of;
	int64_t due;

	while ((due = world_next_due(w, &of)) <= until) {
		struct yt_state state;
		struct yt_decide_env env;

		w->now = due > w->now ? due : w->now;
		w->shard = of->shard;
		env = world_env(w, &state);
		w->decided_key = yt_hash64(yt_str(of->name, of->name_n));
		CHECK_MSG(yt_decide_due(&env, of->kind, yt_str(of->name, of->name_n)), "what next_due names is due");
		world_decided(w);
		world_deliver(w);
	}
	if (until > w->now)
		w->now = until;
}

/* Outputs of that type with that text in them. */
__attribute__((unused)) static int world_count(const struct world *w, enum yt_out_type type, const char *text)
{
	int n = 0;

	for (size_t k = 0; k < w->n_outputs; k++)
		n += w->outputs[k].type == type && strstr(w->outputs[k].value, text);
	return n;
}

/* Decides the event, `now` as it is. */
__attribute__((unused)) static struct yt_decision world_decide(struct world *w, const struct yt_event *ev)
{
	struct yt_state state;
	struct yt_decide_env env = world_env(w, &state);
	struct yt_decision d;
	size_t outputs = w->n_outputs;

	if (ev->type == YT_TYPE__COUNT)
		yt_test_fail(__FILE__, __LINE__, "no event");
	world_go(w, yt_event_key(&w->batch, ev));
	w->decided_key = yt_hash64(yt_event_key(&w->batch, ev));
	yt_decide(&env, ev, &d);
	if (d.result == YT_DUPLICATE || d.result == YT_CONFLICT || d.result == YT_DEAD) {
		CHECK_MSG(w->n_outputs == outputs, "nothing leaves of what is not applied");
		/* A command is remembered, whether it could have an effect or not. */
		bool may_edit = w->batch_size > 0 || (d.result == YT_CONFLICT && (YT_COMMANDS >> ev->type & 1));
		for (size_t k = 0; !may_edit && k < w->n_entities; k++)
			CHECK_MSG(!w->entities[k].edited, "nothing is edited by what is not applied");
	}
	world_decided(w);
	world_deliver(w);
	return d;
}

/* Decodes a structured event. `data` as JSON. The event lives until the next one. */
__attribute__((unused)) static const struct yt_event *world_event(struct world *w, const char *type, const char *id, int64_t time, const char *data)
{
	struct yt_decoded decoded;
	struct yt_buf text;
	char rfc[25];

	yt_arena_reset(&w->scratch);
	yt_time_format(time, rfc);
	yt_buf_init(&text, &w->scratch);
	yt_buf_printf(&text, "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/shops/s1\",\"type\":\"%s\",\"time\":\"%s\",\"data\":%s}", id, type, rfc, data);
	w->text = yt_buf_str(&text);
	yt_event_decode(&w->scratch, w->text, NULL, 0, time > w->now ? time : w->now, &decoded);
	if (decoded.dead)
		yt_test_fail(__FILE__, __LINE__, "%s: %s: %s", type, decoded.detail, data);
	return decoded.event;
}

/* An event told at that time: what is due fires, then it is decided. */
__attribute__((unused)) static struct yt_decision world_tell(struct world *w, const char *type, const char *id, int64_t time, const char *data)
{
	const struct yt_event *ev;

	world_until(w, time);
	ev = world_event(w, type, id, time, data);
	return world_decide(w, ev);
}

/* A field of the view: NULL where there is none. Valid until the next event. */
__attribute__((unused)) static const char *world_field(struct world *w, enum yt_kind kind, const char *name, size_t hash, const char *field)
{
	struct yt_view_hash out[YT_VIEW_HASHES_MAX];
	const void *obj = NULL;

	/* Of a member on the shard that has him; of what several have, the first. */
	for (int shard = 0; !obj && shard < (w->shards ? w->shards : 1); shard++) {
		w->shard = shard;
		obj = world_peek(w, kind, yt_str_z(name));
	}
	size_t n = yt_view_render(&w->batch, kind, yt_str_z(name), obj, true, out);

	for (size_t k = 0; hash < n && k < out[hash].n; k++) {
		if (yt_str_eq(out[hash].fields[2 * k], yt_str_z(field)))
			return yt_arena_dup(&w->batch, out[hash].fields[2 * k + 1]).p;
	}
	return NULL;
}

/* A field of data of an output, as text: numbers and objects as written. */
__attribute__((unused)) static const char *world_data(struct world *w, const struct world_output *o, const char *field)
{
	const cJSON *root, *item;
	char detail[128];

	CHECK_MSG(yt_json_parse(&w->batch, yt_str_z(o->value), 0, 0, &root, detail) == YT_JSON_OK, "output is JSON: %s: %s", detail, o->value);
	item = yt_json_get(yt_json_get(root, "data"), field);
	if (!item)
		return NULL;
	return yt_arena_dup(&w->batch, yt_json_is_text(item) ? yt_json_text(item) : yt_json_number(item)).p;
}

/* The whole file, with a NUL behind it; the caller frees it. */
__attribute__((unused)) static char *world_slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *bytes;
	long n;

	CHECK_MSG(f, "%s is there", path);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	bytes = malloc((size_t)n + 1);
	CHECK(fread(bytes, 1, (size_t)n, f) == (size_t)n);
	bytes[n] = 0;
	fclose(f);
	return bytes;
}

#endif
