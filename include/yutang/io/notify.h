/* What systemd is told: the protocol of sd_notify(3), without libsystemd. Does nothing where nobody asked for it. */
#ifndef YT_IO_NOTIFY_H
#define YT_IO_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct yt_notify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un to;
	socklen_t to_len;
	int64_t watchdog_ms; /* WATCHDOG_USEC; 0: no watchdog is on for this process */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them from the environment, so that no child speaks for us. */
void yt_notify_init(struct yt_notify *n);
/* The socket that systemd opened for this process and listens on (sd_listen_fds); 0: none. Of several the first. Asked once. */
int yt_notify_socket(void);
void yt_notify_deinit(struct yt_notify *n);

/* How often yt_notify_watchdog is to be called at least, where there is progress: half the limit; 0: never. */
int64_t yt_notify_interval_ms(const struct yt_notify *n);

/* All of these: true when it was sent. None blocks. */
bool yt_notify_ready(struct yt_notify *n);
bool yt_notify_reloading(struct yt_notify *n); /* yt_notify_ready ends it */
bool yt_notify_stopping(struct yt_notify *n);
bool yt_notify_watchdog(struct yt_notify *n);
/* One line for `systemctl status`. */
bool yt_notify_status(struct yt_notify *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
