/* Random histories that a seed repeats. */
#ifndef YT_TEST_RANDOM_H
#define YT_TEST_RANDOM_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

static uint64_t seed; /* not 0 */

/* From 0 up to below, but for that. */
__attribute__((unused)) static uint64_t roll(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

/* Events in the order in which they happened: type and data. */
enum { EVENTS_MAX = 150 };

struct told {
	char type[32], data[400];
};

struct history {
	struct told ev[EVENTS_MAX];
	int n;
};

__attribute__((unused, format(printf, 3, 4))) static void history_add(struct history *h, const char *type, const char *fmt, ...)
{
	struct told *t = &h->ev[h->n++];
	va_list ap;

	snprintf(t->type, sizeof(t->type), "%s", type);
	va_start(ap, fmt);
	vsnprintf(t->data, sizeof(t->data), fmt, ap);
	va_end(ap);
}

#endif
