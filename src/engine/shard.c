#include "yutang/engine/shard.h"

#include <stdio.h>
#include <stdlib.h>

#include "yutang/core/view.h"

static struct yt_str key_of(const void *value)
{
	const struct yt_entry *en = value;

	return yt_str(en->key, en->key_n);
}

struct yt_str yt_entry_key(const struct yt_entry *en)
{
	return yt_str(en->key, en->key_n);
}

struct yt_str yt_entry_name(const struct yt_entry *en)
{
	uint32_t skip = yt_entities[en->kind].prefix.n;

	return yt_str(en->key + skip, en->key_n - skip);
}

uint64_t yt_entry_version(const struct yt_entry *en)
{
	return en->blob ? yt_le64_get(en->blob + 1) : 0;
}

static int64_t entry_due(const struct yt_entry *en)
{
	return en->blob ? (int64_t)yt_le64_get(en->blob + 9) : YT_NEVER;
}

int64_t yt_entry_expires(const struct yt_entry *en)
{
	return en->blob ? (int64_t)yt_le64_get(en->blob + 17) : YT_NEVER;
}

/* Order of equal dues: (shop, member). A name is `<shop>/<member>`, and '/' must sort before every byte of a shop. */
static bool due_less(const struct yt_heap_node *a, const struct yt_heap_node *b)
{
	const struct yt_entry *x = (const struct yt_entry *)a, *y = (const struct yt_entry *)b;

	if (x->due != y->due)
		return x->due < y->due;
	struct yt_str m = yt_entry_key(x), n = yt_entry_key(y);
	const char *ms = memchr(m.p, '/', m.n), *ns = memchr(n.p, '/', n.n);
	struct yt_str mshop = yt_str(m.p, ms ? (size_t)(ms - m.p) : m.n);
	struct yt_str nshop = yt_str(n.p, ns ? (size_t)(ns - n.p) : n.n);
	int c = yt_str_cmp(mshop, nshop);

	return c ? c < 0 : yt_str_cmp(m, n) < 0;
}

struct yt_shard *yt_shard_new(struct yt_engine *e, int id)
{
	struct yt_shard *s = calloc(1, sizeof *s);

	YT_ASSERT(s, NULL);
	s->engine = e;
	s->id = id;
	yt_slab_init(&s->slab);
	yt_map_init(&s->entries, key_of);
	yt_heap_init(&s->due, due_less);
	yt_shard_clear(s);
	return s;
}

static void free_blob(struct yt_shard *s, struct yt_entry *en)
{
	yt_slab_free(&s->slab, en->blob, en->blob_n);
	en->blob = NULL;
	en->blob_n = 0;
}

static void free_entry(struct yt_shard *s, struct yt_entry *en)
{
	free_blob(s, en);
	yt_slab_free(&s->slab, en, sizeof *en + en->key_n);
}

void yt_shard_drop(struct yt_shard *s, struct yt_entry *en)
{
	s->n_of[en->kind]--;
	yt_map_remove(&s->entries, yt_entry_key(en));
	yt_heap_remove(&s->due, &en->due_node);
	if (s->last[en->kind] == en)
		s->last[en->kind] = NULL;
	free_entry(s, en);
}

/* True: that was all. */
static bool free_entries(struct yt_shard *s, size_t n)
{
	struct yt_entry *en;

	for (; n > 0 && (en = yt_map_next(&s->entries, &s->gone_at)); n--)
		free_entry(s, en);
	if (n == 0)
		return false;
	memset(s->last, 0, sizeof s->last);
	memset(s->n_of, 0, sizeof s->n_of);
	yt_map_deinit(&s->entries);
	yt_slab_deinit(&s->slab);
	yt_heap_deinit(&s->due);
	yt_named_clear(s);
	s->gone_at = 0;
	return true;
}

void yt_shard_clear(struct yt_shard *s)
{
	free_entries(s, SIZE_MAX);
	yt_map_init(&s->entries, key_of);
	yt_heap_init(&s->due, due_less);
	s->loaded = false;
	s->version = 0;
	s->now_ms = 0;
	s->rules_revision = 0;
	s->rules_digest = 0;
	s->log_id[0] = '\0';
	s->n_touched = 0;
	s->in_batch = false;
	s->pending_now = 0;
	s->commit_at_once = false;
	s->has_checkpoint = false;
	s->checkpoint_inputs = 0;
	s->restored = 0;
	s->n_view_dirty = 0;
	s->view = YT_SV_UNKNOWN;
	s->view_version = s->view_max = 0;
	s->view_all = true;
	s->view_unswept = false;
	s->view_job = NULL;
	s->view_ahead_since = s->view_behind_since = s->view_next_since = -1;
	s->held_since_mono = -1;
	s->ends_known = s->ends_pending = false;
	s->sweep_at = 0;
	for (int i = 0; i < YT_INPUTS_MAX; i++) {
		YT_ASSERT(s->in[i].head == NULL, NULL);
		s->in[i] = (struct yt_input){ .next = -1, .taken = -1, .fetched = -1, .end = -1, .lacking_since = -1 };
	}
}

bool yt_shard_free_some(struct yt_shard *s, size_t entries)
{
	if (!free_entries(s, entries))
		return false;
	free(s->touched);
	free(s->view_dirty);
	free(s);
	return true;
}

void yt_shard_free(struct yt_shard *s)
{
	yt_shard_free_some(s, SIZE_MAX);
}

bool yt_shard_held(const struct yt_shard *s)
{
	return s->state == YT_SHARD_READY && yt_ruleset_stand(s->engine->rules, s->rules_revision, s->rules_digest) >= YT_RULES_OTHER;
}

struct yt_entry *yt_shard_entry(struct yt_shard *s, int kind, struct yt_str key, bool make)
{
	struct yt_entry *en = yt_map_get(&s->entries, key);

	if (en || !make)
		return en;
	YT_ASSERT(key.n <= UINT16_MAX, NULL);
	en = yt_slab_alloc(&s->slab, sizeof *en + key.n);
	*en = (struct yt_entry){ .kind = (uint8_t)kind, .key_n = (uint16_t)key.n, .due = YT_NEVER };
	memcpy(en->key, key.p, key.n);
	yt_map_add(&s->entries, en);
	s->n_of[kind]++;
	return en;
}

static void set_due(struct yt_shard *s, struct yt_entry *en, int64_t due)
{
	if (en->due == due && (due == YT_NEVER) == (en->due_node.at == 0))
		return;
	en->due = due;
	if (due == YT_NEVER)
		yt_heap_remove(&s->due, &en->due_node);
	else
		yt_heap_put(&s->due, &en->due_node);
}

static void set_blob(struct yt_shard *s, struct yt_entry *en, struct yt_str value)
{
	if (!value.p) {
		free_blob(s, en);
		return;
	}
	if (!en->blob || yt_slab_size(value.n) != yt_slab_size(en->blob_n)) {
		free_blob(s, en);
		en->blob = yt_slab_alloc(&s->slab, value.n);
	}
	en->blob_n = value.n;
	memcpy(en->blob, value.p, value.n);
}

bool yt_shard_fold(struct yt_shard *s, struct yt_str key, struct yt_str value, char why[128])
{
	struct yt_str name;
	int kind = yt_entity_kind(key, &name);

	if (kind < 0) {
		snprintf(why, 128, "unknown key %.*s", (int)(key.n < 80 ? key.n : 80), key.p);
		return false;
	}
	if (value.p && (value.n < YT_ENTITY_HEAD || value.p[0] != YT_ENTITY_FORMAT)) {
		snprintf(why, 128, "value of %.*s has another format", (int)(key.n < 80 ? key.n : 80), key.p);
		return false;
	}
	struct yt_entry *en = yt_shard_entry(s, kind, key, value.p != NULL);

	if (!en)
		return true;
	set_blob(s, en, value);
	set_due(s, en, entry_due(en));
	return true;
}

struct yt_str yt_entry_key_of(enum yt_kind kind, struct yt_str name, char at[YT_ENTRY_KEY_MAX])
{
	struct yt_str prefix = yt_entities[kind].prefix;

	if ((size_t)prefix.n + name.n > YT_ENTRY_KEY_MAX)
		return yt_str(at, 0);
	memcpy(at, prefix.p, prefix.n);
	memcpy(at + prefix.n, name.p, name.n);
	return yt_str(at, (size_t)prefix.n + name.n);
}

static struct yt_entry *entry_of(struct yt_shard *s, enum yt_kind kind, struct yt_str name, bool make)
{
	char at[YT_ENTRY_KEY_MAX];
	struct yt_entry *en = s->last[kind];

	if (en && yt_str_eq(yt_entry_name(en), name))
		return en;

	struct yt_str key = yt_entry_key_of(kind, name, at);

	YT_ASSERT(key.n, NULL);
	en = yt_shard_entry(s, kind, key, make);
	if (en)
		s->last[kind] = en;
	return en;
}

static void touch(struct yt_shard *s, struct yt_entry *en, void *obj)
{
	en->obj = obj;
	if (en->touched)
		return;
	en->touched = true;
	if (s->n_touched == s->cap_touched) {
		s->cap_touched = s->cap_touched ? s->cap_touched * 2 : 256;
		s->touched = realloc(s->touched, s->cap_touched * sizeof *s->touched);
		YT_ASSERT(s->touched, NULL);
	}
	s->touched[s->n_touched++] = en;
}

static struct yt_str behind_head(struct yt_str blob)
{
	return blob.p ? yt_str(blob.p + YT_ENTITY_HEAD, blob.n - YT_ENTITY_HEAD) : blob;
}

struct yt_str yt_entry_value(const struct yt_entry *en)
{
	return behind_head(yt_str(en->blob, en->blob_n));
}

void *yt_entry_decode(const struct yt_entry *en, struct yt_arena *a)
{
	void *obj = en->blob ? yt_entities[en->kind].decode(a, yt_entry_name(en), yt_entry_value(en)) : NULL;

	YT_ASSERT(obj || !en->blob, en->key);
	return obj;
}

/* The committed object; NULL where absent or expired. */
static void *load(struct yt_shard *s, struct yt_entry *en)
{
	return yt_entry_expires(en) <= s->batch_now ? NULL : yt_entry_decode(en, &s->engine->objects);
}

/* The object expired within the batch: with `clock = event` a batch can be months long. */
static bool is_over(const struct yt_shard *s, const struct yt_entry *en)
{
	/* What this decision has edited is what it sees. */
	return !en->edited_now && yt_entities[en->kind].expires_at(en->obj) <= s->batch_now;
}

const void *yt_shard_seen(struct yt_shard *s, struct yt_entry *en)
{
	if (en->gone)
		return NULL;
	if (!en->obj) {
		void *obj = load(s, en);

		if (!obj)
			return NULL;
		touch(s, en, obj);
	}
	return is_over(s, en) ? NULL : en->obj;
}

const void *yt_shard_peek(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct yt_shard *s = ctx;
	struct yt_entry *en = entry_of(s, kind, name, false);

	return en ? yt_shard_seen(s, en) : NULL;
}

void *yt_shard_edit(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct yt_shard *s = ctx;
	struct yt_entry *en = entry_of(s, kind, name, true);

	if (!en->obj) {
		void *obj = en->gone ? NULL : load(s, en);

		en->gone = false;
		touch(s, en, obj ? obj : yt_entities[kind].fresh(&s->engine->objects, yt_entry_name(en)));
	}
	if (is_over(s, en))
		en->obj = yt_entities[kind].fresh(&s->engine->objects, yt_entry_name(en));
	en->dirty = true;
	if (!en->edited_now) {
		en->edited_now = true;
		yt_engine_edited(s->engine, en);
	}
	return en->obj;
}

bool yt_shard_any(void *ctx, enum yt_kind kind)
{
	return ((const struct yt_shard *)ctx)->n_of[kind] > 0;
}

void yt_shard_remove(void *ctx, enum yt_kind kind, struct yt_str name)
{
	struct yt_shard *s = ctx;
	struct yt_entry *en = entry_of(s, kind, name, false);

	if (!en)
		return;
	touch(s, en, NULL);
	en->dirty = en->gone = true;
	if (!en->edited_now) {
		en->edited_now = true;
		yt_engine_edited(s->engine, en);
	}
}

void yt_shard_redue(struct yt_shard *s, size_t from)
{
	struct yt_engine *e = s->engine;

	for (size_t i = from; i < e->n_edited; i++) {
		struct yt_entry *en = e->edited[i];

		en->edited_now = false;
		set_due(s, en, en->gone ? YT_NEVER : yt_entities[en->kind].next_due(en->obj));
		if (s->named.rows)
			yt_named_edited(s, en);
	}
	e->n_edited = from;
}

void yt_shard_bury(struct yt_shard *s, struct yt_entry *en)
{
	en->dirty = true;
	touch(s, en, NULL);
}

void yt_shard_view_mark(struct yt_shard *s, struct yt_entry *en, unsigned hashes)
{
	bool listed = en->view_lacks != 0;

	en->view_lacks |= (uint8_t)hashes;
	if (listed || !hashes)
		return;
	if (s->n_view_dirty == s->cap_view_dirty) {
		s->cap_view_dirty = s->cap_view_dirty ? s->cap_view_dirty * 2 : 256;
		s->view_dirty = realloc(s->view_dirty, s->cap_view_dirty * sizeof *s->view_dirty);
		YT_ASSERT(s->view_dirty, NULL);
	}
	s->view_dirty[s->n_view_dirty++] = en;
}

static void end_overlay(struct yt_shard *s, bool committed)
{
	for (size_t i = 0; i < s->n_touched; i++) {
		struct yt_entry *en = s->touched[i];

		yt_shard_look_ahead(s, i);
		if (en->dirty && committed) {
			struct yt_str value = en->sealed ? *en->sealed : (struct yt_str){ 0 };

			if (s->engine->view)
				yt_shard_view_mark(s, en, yt_view_changed(en->kind, yt_entry_value(en), behind_head(value), s->engine->conf->view_orders));
			set_blob(s, en, value);
		}
		/* After a commit the due of the overlay is that of the entity, unless it was buried. */
		if (en->dirty && (!committed || !en->blob))
			set_due(s, en, entry_due(en));
		en->obj = NULL;
		en->dirty = en->touched = en->edited_now = en->gone = false;
		if (committed && !en->blob && !en->view_lacks)
			yt_shard_drop(s, en);
	}
	s->n_touched = 0;
	s->in_batch = false;
}

void yt_shard_merge(struct yt_shard *s)
{
	end_overlay(s, true);
}

void yt_shard_forget(struct yt_shard *s)
{
	end_overlay(s, false);
}
