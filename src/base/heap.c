#include "yutang/base/heap.h"

#include <stdlib.h>

#include "yutang/base/err.h"

void yt_heap_init(struct yt_heap *h, bool (*less)(const struct yt_heap_node *, const struct yt_heap_node *))
{
	*h = (struct yt_heap){ .less = less };
}

/* The nodes are their owners'; those still in the heap keep a place that means nothing. */
void yt_heap_deinit(struct yt_heap *h)
{
	free(h->v);
	yt_heap_init(h, h->less);
}

static void place(struct yt_heap *h, uint32_t i, struct yt_heap_node *node)
{
	h->v[i] = node;
	node->at = i + 1;
}

/* Moves the hole at i to where the node belongs, and puts it there. */
static void sift(struct yt_heap *h, uint32_t i, struct yt_heap_node *node)
{
	while (i > 0 && h->less(node, h->v[(i - 1) / 2])) {
		place(h, i, h->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		uint64_t child = 2 * (uint64_t)i + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && h->less(h->v[child + 1], h->v[child]))
			child++;
		if (!h->less(h->v[child], node))
			break;
		place(h, i, h->v[child]);
		i = (uint32_t)child;
	}
	place(h, i, node);
}

void yt_heap_put(struct yt_heap *h, struct yt_heap_node *node)
{
	if (node->at) {
		YT_ASSERT(node->at <= h->n && h->v[node->at - 1] == node, NULL);
		sift(h, node->at - 1, node);
		return;
	}
	if (h->n == h->cap) {
		uint64_t cap = h->cap ? 2 * (uint64_t)h->cap : 64;
		struct yt_heap_node **v;

		YT_ASSERT(cap <= UINT32_MAX, NULL);
		v = realloc(h->v, cap * sizeof(struct yt_heap_node *));
		if (!v)
			yt_out_of_memory(cap * sizeof(struct yt_heap_node *));
		h->v = v;
		h->cap = (uint32_t)cap;
	}
	h->n++;
	sift(h, h->n - 1, node);
}

void yt_heap_remove(struct yt_heap *h, struct yt_heap_node *node)
{
	uint32_t i = node->at;
	struct yt_heap_node *last;

	if (!i)
		return;
	YT_ASSERT(i <= h->n && h->v[i - 1] == node, NULL);
	node->at = 0;
	last = h->v[--h->n];
	if (last != node)
		sift(h, i - 1, last);
}

struct yt_heap_node *yt_heap_min(const struct yt_heap *h)
{
	return h->n ? h->v[0] : NULL;
}
