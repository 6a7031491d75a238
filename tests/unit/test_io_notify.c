#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/test.h"
#include "yutang/io/notify.h"

static struct yt_notify n;
static char heard[1024];

static void listen_at(int *fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(a.sun_path, name, strlen(name));
	if (name[0] == '@')
		a.sun_path[0] = 0;
	*fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(*fd >= 0 && bind(*fd, (struct sockaddr *)&a, len + (name[0] != '@')) == 0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static const char *hear(int fd)
{
	ssize_t got = recv(fd, heard, sizeof heard - 1, MSG_DONTWAIT);

	heard[got < 0 ? 0 : got] = 0;
	return heard;
}

static void says_all(const char *name)
{
	int fd;

	listen_at(&fd, name);
	setenv("WATCHDOG_USEC", "20000000", 1);
	unsetenv("WATCHDOG_PID");
	yt_notify_init(&n);
	CHECK(!getenv("NOTIFY_SOCKET") && !getenv("WATCHDOG_USEC"));
	CHECK(yt_notify_ready(&n));
	CHECK_STR(hear(fd), "READY=1");
	CHECK(yt_notify_reloading(&n));
	CHECK_MSG(strncmp(hear(fd), "RELOADING=1\nMONOTONIC_USEC=", 27) == 0 && atoll(heard + 27) > 0, "%s", heard);
	CHECK(yt_notify_stopping(&n));
	CHECK_STR(hear(fd), "STOPPING=1");
	CHECK(yt_notify_watchdog(&n));
	CHECK_STR(hear(fd), "WATCHDOG=1");
	CHECK(yt_notify_status(&n, "%d shards\nMAINPID=1", 5));
	CHECK_STR(hear(fd), "STATUS=5 shards MAINPID=1");
	CHECK_INT(yt_notify_interval_ms(&n), 10000);
	yt_notify_deinit(&n);
	close(fd);
}

TEST(notify_says_all_on_a_socket)
{
	char name[100];

	snprintf(name, sizeof name, "%s/yutang-notify-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	if (strlen(name) >= sizeof name - 1)
		return;
	says_all(name);
	unlink(name);
}

TEST(notify_says_all_on_an_abstract_socket)
{
	char name[100];

	snprintf(name, sizeof name, "@yutang-notify-%d", (int)getpid());
	says_all(name);
}

TEST(notify_is_silent_where_nobody_asked)
{
	unsetenv("NOTIFY_SOCKET");
	setenv("WATCHDOG_USEC", "20000000", 1);
	yt_notify_init(&n);
	CHECK(!yt_notify_ready(&n));
	CHECK(!yt_notify_status(&n, "x"));
	CHECK(!yt_notify_watchdog(&n));
	CHECK_INT(yt_notify_interval_ms(&n), 0);
	yt_notify_deinit(&n);
}

TEST(notify_ignores_an_address_of_another_kind)
{
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	yt_notify_init(&n);
	CHECK(!yt_notify_ready(&n));
	yt_notify_deinit(&n);
}

TEST(notify_leaves_the_watchdog_of_another_process)
{
	int fd;
	char name[100], pid[32];

	snprintf(name, sizeof name, "@yutang-notify2-%d", (int)getpid());
	listen_at(&fd, name);
	setenv("WATCHDOG_USEC", "20000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	yt_notify_init(&n);
	CHECK_INT(yt_notify_interval_ms(&n), 0);
	CHECK(!yt_notify_watchdog(&n));
	yt_notify_deinit(&n);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	yt_notify_init(&n);
	CHECK_INT(yt_notify_interval_ms(&n), 1500);
	yt_notify_deinit(&n);
	close(fd);
}

TEST(notify_does_not_block_where_nobody_reads)
{
	int fd, sent = 0;
	char name[100];

	snprintf(name, sizeof name, "@yutang-notify3-%d", (int)getpid());
	listen_at(&fd, name);
	yt_notify_init(&n);
	while (sent < 100000 && yt_notify_ready(&n))
		sent++;
	CHECK(sent < 100000);
	yt_notify_deinit(&n);
	close(fd);
}

TEST_MAIN
{
	RUN(notify_says_all_on_a_socket);
	RUN(notify_says_all_on_an_abstract_socket);
	RUN(notify_is_silent_where_nobody_asked);
	RUN(notify_ignores_an_address_of_another_kind);
	RUN(notify_leaves_the_watchdog_of_another_process);
	RUN(notify_does_not_block_where_nobody_reads);
}
