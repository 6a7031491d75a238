#include "yutang/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "yutang/base/log.h"

int yt_err_set(struct yt_err *err, enum yt_err_class class, int exit, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->class = class;
	err->exit = exit;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

static void (*on_assertion)(void);

void yt_on_assertion(void (*fn)(void))
{
	on_assertion = fn;
}

/* _exit: what runs at exit would work on the state that just proved wrong. */
void yt_assert_failed(const char *cond, const char *file, int line, const char *where)
{
	if (on_assertion)
		on_assertion();
	yt_log_flush();
	yt_error("assertion_failed", "cond=%s at=%s:%d position=%s", yt_q(cond), file, line, where ? where : "-");
	_exit(YT_EXIT_BUG);
}

void yt_out_of_memory(size_t wanted)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "yutang: out of memory (%zu bytes wanted)\n", wanted);

	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(YT_EXIT_UNAVAILABLE);
	_exit(YT_EXIT_UNAVAILABLE);
}
