/* One error value that the caller hands in; no allocation.
 * The class decides what happens to the work at hand, the exit code what the process says to its supervisor. */
#ifndef YT_BASE_ERR_H
#define YT_BASE_ERR_H

#include <stddef.h>

enum yt_err_class {
	YT_ERR_NONE = 0,
	YT_ERR_INPUT,     /* the input is bad: refuse it, go on */
	YT_ERR_TRANSIENT, /* try again later */
	YT_ERR_CONFLICT,  /* somebody else owns this now: give up, rejoin */
	YT_ERR_FATAL,     /* a person must look; the process ends */
	YT_ERR_BUG        /* an invariant broke; the process ends */
};

/* Exit codes (docs/exit-codes.md). systemd restarts after none of 64 65 73 78. */
enum yt_exit {
	YT_EXIT_OK = 0,
	YT_EXIT_DIFFERENCE = 1, /* a difference was found, or an expression failed */
	YT_EXIT_USAGE = 64,
	YT_EXIT_DATA = 65,        /* log, offsets or view contradict each other */
	YT_EXIT_UNAVAILABLE = 69, /* outcome unknown, or no progress */
	YT_EXIT_BUG = 70,
	YT_EXIT_INSTANCE = 73, /* the same instance was started twice */
	YT_EXIT_CONFIG = 78    /* configuration or rules */
};

struct yt_err {
	enum yt_err_class class;
	int exit; /* enum yt_exit, meaningful for FATAL and BUG */
	char msg[512];
};

/* Fills *err (which may be NULL) and returns -1, so that a function can end with it. */
int yt_err_set(struct yt_err *err, enum yt_err_class class, int exit, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* An assertion that stays on in release. `where` is a position such as "orders/3@1042", or NULL. */
#define YT_ASSERT(cond, where)                                                         \
	do {                                                                           \
		if (__builtin_expect(!(cond), 0))                                      \
			yt_assert_failed(#cond, __FILE__, __LINE__, (where));          \
	} while (0)
/* Logs the condition and ends the process with YT_EXIT_BUG, without what runs at exit. */
_Noreturn void yt_assert_failed(const char *cond, const char *file, int line, const char *where);

/* Called by a failed assertion on its thread, before the process ends. One; NULL: none. */
void yt_on_assertion(void (*fn)(void));

/* The heap gave nothing: ends the process with YT_EXIT_UNAVAILABLE, allocating nothing. */
_Noreturn void yt_out_of_memory(size_t wanted);

#endif
