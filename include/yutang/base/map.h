/* A hash table from byte keys to pointers: open addressing, linear probing, keys borrowed from the values' owners. */
#ifndef YT_BASE_MAP_H
#define YT_BASE_MAP_H

#include "yutang/base/str.h"

/* What lies there is soon read: memory has it under way. Without the asm, which is empty, gcc takes a function that does no more than this for one
 * without effect, and leaves out its calls. */
static inline void yt_prefetch(const void *p)
{
	__builtin_prefetch(p);
	__asm__ volatile("");
}

static inline void yt_prefetch_bytes(const void *p, size_t n)
{
	enum { LINE = 64, BYTES_MAX = 2048 };

	for (size_t at = 0; p && at < n && at < BYTES_MAX; at += LINE)
		yt_prefetch((const char *)p + at);
}

struct yt_map_slot {
	uint64_t hash; /* yt_map_hash of the key */
	void *value;   /* NULL: empty */
};

struct yt_map {
	struct yt_map_slot *slots;
	size_t n, cap; /* cap is a power of two, or 0 */
	struct yt_str (*key_of)(const void *value);
};

/* key_of tells the key of a stored value; the table keeps no copy. */
void yt_map_init(struct yt_map *m, struct yt_str (*key_of)(const void *value));
void yt_map_deinit(struct yt_map *m); /* the values stay their owner's */
void *yt_map_get(const struct yt_map *m, struct yt_str key);
/* For who knows early what he will ask for: the hash of a key, its slot on its way into the cache, and the value that yt_map_get will likely give
 * (NULL: none; a value of another key where two have one hash). Good until the process ends. */
uint64_t yt_map_hash(struct yt_str key); /* never 0 */
void yt_map_prefetch(const struct yt_map *m, uint64_t hash);
void *yt_map_likely(const struct yt_map *m, uint64_t hash);
/* The values whose keys have that hash, one a call: start with *at = 0; NULL: no further one. The table must not change meanwhile. */
void *yt_map_with_hash(const struct yt_map *m, uint64_t hash, size_t *at);
/* The key must not be in the table yet. */
void yt_map_add(struct yt_map *m, void *value);
void *yt_map_remove(struct yt_map *m, struct yt_str key); /* the value, or NULL */
/* Walks all values: start with *at = 0; NULL at the end. The table must not change meanwhile. */
void *yt_map_next(const struct yt_map *m, size_t *at);

#endif
