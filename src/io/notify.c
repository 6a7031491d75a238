#include "yutang/io/notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "yutang/base/ini.h"

enum { MESSAGE_BYTES_MAX = 512 };

/* A path, or with `@` before it a name of the abstract space. */
static bool address_of(struct yt_notify *n, const char *text)
{
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof n->to.sun_path)
		return false;
	memset(&n->to, 0, sizeof n->to);
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, text, len);
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (text[0] == '@')
		n->to.sun_path[0] = 0;
	else
		n->to_len++; /* the zero at the end of a path counts */
	return true;
}

static int64_t watchdog_ms(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t v;

	if (pid && (!yt_parse_int(yt_str_z(pid), 1, INT32_MAX, &v) || v != getpid()))
		return 0;
	return us && yt_parse_int(yt_str_z(us), 1, INT64_MAX, &v) ? (v < 1000 ? 1 : v / 1000) : 0;
}

void yt_notify_init(struct yt_notify *n)
{
	const char *to = getenv("NOTIFY_SOCKET");

	memset(n, 0, sizeof *n);
	n->fd = -1;
	if (to && address_of(n, to))
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd >= 0)
		n->watchdog_ms = watchdog_ms();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int yt_notify_socket(void)
{
	const char *n = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	int64_t v, count = 0;
	bool ours = pid && yt_parse_int(yt_str_z(pid), 1, INT32_MAX, &v) && v == getpid() && n && yt_parse_int(yt_str_z(n), 1, 1024, &count);

	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return ours ? 3 : 0; /* the first one by convention */
}

void yt_notify_deinit(struct yt_notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

int64_t yt_notify_interval_ms(const struct yt_notify *n)
{
	return n->watchdog_ms > 1 ? n->watchdog_ms / 2 : n->watchdog_ms;
}

static bool say(struct yt_notify *n, const char *text)
{
	size_t len = strlen(text);

	if (n->fd < 0)
		return false;
	return sendto(n->fd, text, len, MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_len) == (ssize_t)len;
}

bool yt_notify_ready(struct yt_notify *n)
{
	return say(n, "READY=1");
}

bool yt_notify_reloading(struct yt_notify *n)
{
	char text[64];
	struct timespec t;

	/* systemd matches the two by the instant. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	return say(n, text);
}

bool yt_notify_stopping(struct yt_notify *n)
{
	return say(n, "STOPPING=1");
}

bool yt_notify_watchdog(struct yt_notify *n)
{
	return n->watchdog_ms > 0 && say(n, "WATCHDOG=1");
}

bool yt_notify_status(struct yt_notify *n, const char *fmt, ...)
{
	char text[MESSAGE_BYTES_MAX] = "STATUS=";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + 7, sizeof text - 7, fmt, ap);
	va_end(ap);
	/* A line feed would begin another variable. */
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	return say(n, text);
}
