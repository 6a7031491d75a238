/* How far a long command has come, on stderr: a line that is written over on a terminal, else a line now and then. */
#ifndef YT_APP_PROGRESS_H
#define YT_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct yt_progress {
	bool tty, shown;
	int64_t next_ms;
};

void yt_progress_init(struct yt_progress *p);
/* `fed 1000 events`, `acknowledged 7 of 9`: total 0 is none. Does nothing where it is too early for the next. */
void yt_progress_show(struct yt_progress *p, const char *verb, uint64_t n, const char *of, uint64_t total);
/* Its line makes room for another. */
void yt_progress_hide(struct yt_progress *p);

#endif
