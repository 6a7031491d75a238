/* Who is named where: the entities of a shard that name a member, without a look at all of them. Made when somebody first asks, and from then on kept
 * up with what decisions edit. A row is the hash of an entry's key, and lies at the place of the hash of whom the entry names, or behind it. Rows
 * only come: of some the entity has gone, or names somebody else by now, so what is found is looked at. */
#include <stdlib.h>

#include "yutang/engine/shard.h"

enum {
	ROWS_MIN = 256,
	FILL_PERCENT = 70, /* fuller, it is made anew, without the rows that are nothing any more: */
	MADE_PERCENT = 40, /* with room for as many rows to come as it takes time to make */
};

struct putter {
	struct yt_named *to;
	struct yt_str shop;
	uint64_t row;
	bool full; /* not all were put */
};

static size_t home(const struct yt_named *n, struct yt_str shop, struct yt_str id)
{
	uint64_t hash = yt_map_hash(shop);

	return ((hash << 32 | hash >> 32) ^ yt_map_hash(id)) & (n->cap - 1);
}

static void put(void *ctx, struct yt_str id)
{
	struct putter *p = ctx;
	struct yt_named *n = p->to;
	size_t i = home(n, p->shop, id);

	for (; n->rows[i]; i = (i + 1) & (n->cap - 1))
		if (n->rows[i] == p->row)
			return;
	p->full |= (n->n + 1) * 100 > n->cap * FILL_PERCENT;
	if (p->full)
		return;
	n->rows[i] = p->row;
	n->n++;
}

/* False: it is full. */
static bool put_all(struct yt_named *n, const struct yt_entry *en, const void *obj)
{
	struct putter p = { .to = n, .shop = yt_name_shop(yt_entry_name(en)), .row = yt_map_hash(yt_entry_key(en)) };

	yt_entities[en->kind].names(obj, put, &p);
	return !p.full;
}

/* What was committed, and what the batch has made of it, which may be given up. False: too many for the place there is. */
static bool put_shard(struct yt_shard *s)
{
	struct yt_named *n = &s->named;
	struct yt_arena a;
	struct yt_entry *en;
	bool fits = true;

	yt_arena_init(&a, 0);
	for (size_t at = 0; fits && (en = yt_map_next(&s->entries, &at));) {
		if (!yt_entities[en->kind].names)
			continue;
		if (en->obj)
			fits = put_all(n, en, en->obj);
		if (en->blob && fits)
			fits = put_all(n, en, yt_entry_decode(en, &a));
		yt_arena_reset(&a);
	}
	yt_arena_deinit(&a);
	return fits && n->n * 100 <= n->cap * MADE_PERCENT;
}

static void make(struct yt_shard *s)
{
	struct yt_named *n = &s->named;
	size_t least = s->n_of[YT_KIND_ORDER] + s->n_of[YT_KIND_ALIAS] + s->n_of[YT_KIND_PHONE], cap = ROWS_MIN;

	while (cap < least)
		cap *= 2;
	do {
		cap *= 2;
		free(n->rows);
		*n = (struct yt_named){ .rows = calloc(cap, sizeof *n->rows), .cap = cap };
		YT_ASSERT(n->rows, NULL);
	} while (!put_shard(s));
}

void yt_named_edited(struct yt_shard *s, const struct yt_entry *en)
{
	if (yt_entities[en->kind].names && en->obj && !put_all(&s->named, en, en->obj))
		make(s);
}

void yt_named_clear(struct yt_shard *s)
{
	free(s->named.rows);
	s->named = (struct yt_named){ 0 };
}

static bool is_named(struct yt_shard *s, struct yt_entry *en, struct yt_str member_name)
{
	const void *obj = yt_str_eq(yt_name_shop(yt_entry_name(en)), yt_name_shop(member_name)) ? yt_shard_seen(s, en) : NULL;

	return obj && yt_entity_names((enum yt_kind)en->kind, obj, yt_name_id(member_name));
}

/* Those of the rows of `id` that name the member. */
static void find(struct yt_shard *s, enum yt_kind kind, struct yt_str member_name, struct yt_str id, struct yt_buf *found)
{
	const struct yt_named *n = &s->named;
	struct yt_entry *en;

	for (size_t i = home(n, yt_name_shop(member_name), id); n->rows[i]; i = (i + 1) & (n->cap - 1)) {
		for (size_t at = 0; (en = yt_map_with_hash(&s->entries, n->rows[i], &at));) {
			struct yt_str name = yt_entry_name(en);

			if (en->kind == kind && is_named(s, en, member_name))
				yt_buf_add(found, &name, sizeof name);
		}
	}
}

static int by_text(const void *a, const void *b)
{
	return yt_str_cmp(*(const struct yt_str *)a, *(const struct yt_str *)b);
}

/* By name, each once. */
static size_t sort(struct yt_str *names, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(names, n, sizeof *names, by_text);
	for (size_t k = 0; k < n; k++)
		if (kept == 0 || !yt_str_eq(names[kept - 1], names[k]))
			names[kept++] = names[k];
	return kept;
}

size_t yt_shard_naming(void *ctx, enum yt_kind kind, struct yt_str member_name, struct yt_str **names)
{
	struct yt_shard *s = ctx;
	struct yt_engine *e = s->engine;
	struct yt_buf found;

	*names = NULL;
	if (!s->n_of[kind])
		return 0;
	if (!s->named.rows)
		make(s);
	for (size_t i = 0; i < e->n_edited; i++)
		yt_named_edited(s, e->edited[i]);
	yt_buf_init(&found, &e->objects);
	find(s, kind, member_name, yt_name_id(member_name), &found);
	find(s, kind, member_name, YT_NAMED_ANYBODY, &found);
	*names = (struct yt_str *)(void *)found.p;
	return sort(*names, found.n / sizeof **names);
}
