#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	TTY_MS = 250,
	ELSE_MS = 5000,
};

static int64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wait_for_next(struct yt_progress *p)
{
	p->next_ms = mono_ms() + (p->tty ? TTY_MS : ELSE_MS);
}

void yt_progress_init(struct yt_progress *p)
{
	*p = (struct yt_progress){ .tty = isatty(STDERR_FILENO) };
	wait_for_next(p);
}

void yt_progress_show(struct yt_progress *p, const char *verb, uint64_t n, const char *of, uint64_t total)
{
	if (mono_ms() < p->next_ms)
		return;
	fprintf(stderr, p->tty ? "\r%s %" PRIu64 "%s" : "%s %" PRIu64 "%s", verb, n, of);
	if (total)
		fprintf(stderr, "%" PRIu64, total);
	fputs(p->tty ? "\033[K" : "\n", stderr);
	fflush(stderr);
	p->shown = p->tty;
	wait_for_next(p);
}

void yt_progress_hide(struct yt_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
