#include "yutang/base/map.h"

#include <stdlib.h>

#include "yutang/base/err.h"

enum { CAP_MIN = 16, FILL_PERCENT = 70 };

void yt_map_init(struct yt_map *m, struct yt_str (*key_of)(const void *value))
{
	*m = (struct yt_map){ .key_of = key_of };
}

void yt_map_deinit(struct yt_map *m)
{
	free(m->slots);
	yt_map_init(m, m->key_of);
}

/* Eight bytes a step. Never leaves the process, so that it may change; what is kept for good uses yt_hash64. */
uint64_t yt_map_hash(struct yt_str key)
{
	const uint64_t mul = UINT64_C(0x9e3779b97f4a7c15);
	const char *p = key.p;
	uint64_t h = key.n * mul, w;
	uint32_t n = key.n;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * mul;
		h ^= h >> 29;
	}
	w = 0;
	memcpy(&w, p, n);
	h = (h ^ w) * mul;
	h ^= h >> 32;
	return h ? h : 1;
}

static size_t home(const struct yt_map *m, uint64_t hash)
{
	return hash & (m->cap - 1);
}

static void insert(struct yt_map *m, uint64_t hash, void *value)
{
	size_t i = home(m, hash);

	while (m->slots[i].value)
		i = (i + 1) & (m->cap - 1);
	m->slots[i] = (struct yt_map_slot){ hash, value };
}

static void grow(struct yt_map *m)
{
	struct yt_map old = *m;

	m->cap = old.cap ? old.cap * 2 : CAP_MIN;
	m->slots = calloc(m->cap, sizeof(*m->slots));
	if (!m->slots)
		yt_out_of_memory(m->cap * sizeof(*m->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].value)
			insert(m, old.slots[i].hash, old.slots[i].value);
	free(old.slots);
}

static struct yt_map_slot *find(const struct yt_map *m, struct yt_str key)
{
	uint64_t hash;

	if (!m->n)
		return NULL;
	hash = yt_map_hash(key);
	for (size_t i = home(m, hash); m->slots[i].value; i = (i + 1) & (m->cap - 1))
		if (m->slots[i].hash == hash && yt_str_eq(m->key_of(m->slots[i].value), key))
			return &m->slots[i];
	return NULL;
}

void yt_map_prefetch(const struct yt_map *m, uint64_t hash)
{
	if (m->n)
		yt_prefetch(&m->slots[home(m, hash)]);
}

void *yt_map_with_hash(const struct yt_map *m, uint64_t hash, size_t *at)
{
	if (!m->n)
		return NULL;
	for (;;) {
		const struct yt_map_slot *slot = &m->slots[(home(m, hash) + *at) & (m->cap - 1)];

		if (!slot->value)
			return NULL;
		++*at;
		if (slot->hash == hash)
			return slot->value;
	}
}

void *yt_map_likely(const struct yt_map *m, uint64_t hash)
{
	size_t at = 0;

	return yt_map_with_hash(m, hash, &at);
}

void *yt_map_get(const struct yt_map *m, struct yt_str key)
{
	struct yt_map_slot *slot = find(m, key);

	return slot ? slot->value : NULL;
}

void yt_map_add(struct yt_map *m, void *value)
{
	YT_ASSERT(value, NULL);
	if ((m->n + 1) * 100 > m->cap * FILL_PERCENT)
		grow(m);
	insert(m, yt_map_hash(m->key_of(value)), value);
	m->n++;
}

/* Backward shift: what lies behind the hole moves up where its home allows, so that no probe ends too early and no
 * tombstones gather. */
void *yt_map_remove(struct yt_map *m, struct yt_str key)
{
	struct yt_map_slot *slot = find(m, key);
	size_t mask = m->cap - 1, hole, i;
	void *value;

	if (!slot)
		return NULL;
	value = slot->value;
	hole = (size_t)(slot - m->slots);
	for (i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		if (((i - home(m, m->slots[i].hash)) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct yt_map_slot){ 0, NULL };
	m->n--;
	return value;
}

void *yt_map_next(const struct yt_map *m, size_t *at)
{
	while (*at < m->cap) {
		void *value = m->slots[(*at)++].value;

		if (value)
			return value;
	}
	return NULL;
}
