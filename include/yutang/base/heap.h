/* A binary heap of pointers that know their place, so that an entry can be moved or removed. */
#ifndef YT_BASE_HEAP_H
#define YT_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in whatever is put into the heap; at == 0 means "not in it". */
struct yt_heap_node {
	uint32_t at; /* index + 1 */
};

struct yt_heap {
	struct yt_heap_node **v;
	uint32_t n, cap;
	bool (*less)(const struct yt_heap_node *a, const struct yt_heap_node *b);
};

void yt_heap_init(struct yt_heap *h, bool (*less)(const struct yt_heap_node *, const struct yt_heap_node *));
void yt_heap_deinit(struct yt_heap *h);
/* Inserts the node, or moves it to where it belongs now. */
void yt_heap_put(struct yt_heap *h, struct yt_heap_node *node);
void yt_heap_remove(struct yt_heap *h, struct yt_heap_node *node); /* no-op where it is not in the heap */
struct yt_heap_node *yt_heap_min(const struct yt_heap *h);        /* NULL when empty */

#endif
