/* `yutang status`: asks the running daemon over HTTP and shows its answer. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "begin.h"
#include "yutang/base/json.h"
#include "yutang/io/http.h"

enum {
	ANSWER_MS = 5000, /* of each read and write: the daemon's loop may be busy with a batch */
};

/* --- asking */

/* An address that means "all of this machine" is asked on loopback. */
static socklen_t address_of(const char *listen, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char host[64];
	bool loopback;
	int port;

	memset(out, 0, sizeof *out);
	YT_ASSERT(yt_listen_parse(listen, host, &port, &loopback), listen);
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		if (v4->sin_addr.s_addr == htonl(INADDR_ANY))
			v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof *v4;
	}
	YT_ASSERT(inet_pton(AF_INET6, host, &v6->sin6_addr) == 1, listen);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	if (IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		v6->sin6_addr = in6addr_loopback;
	return sizeof *v6;
}

static int away(struct yt_err *err, const char *listen, const char *why)
{
	return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "no daemon answers at %s: %s", listen, why);
}

static int dial(const char *listen, struct yt_err *err)
{
	struct timeval limit = { .tv_sec = ANSWER_MS / 1000 };
	struct sockaddr_storage address;
	socklen_t len = address_of(listen, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return away(err, listen, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&address, len) != 0) {
		/* A timeout of connect is EINPROGRESS here. */
		away(err, listen, errno == ECONNREFUSED ? "it is not running, or runs with another configuration" :
		                  errno == EINPROGRESS ? "no answer in time" : strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int send_all(int fd, struct yt_str s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		s = yt_str(s.p + n, s.n - (size_t)n);
	}
	return 0;
}

/* Everything until the other side closes. */
static int read_all(int fd, struct yt_buf *out)
{
	char piece[16384];
	ssize_t n;

	while ((n = recv(fd, piece, sizeof piece, 0)) > 0) {
		if (out->n + (size_t)n > YT_HTTP_BODY_BYTES_MAX + YT_HTTP_HEAD_BYTES_MAX)
			return -1;
		yt_buf_add(out, piece, (size_t)n);
	}
	return n < 0 ? -1 : 0;
}

/* GET of the path; the whole answer in the arena. */
static int get(struct yt_arena *a, const struct yt_conf *c, const char *path, struct yt_str *answer, struct yt_err *err)
{
	const char *token = NULL;
	struct yt_buf request, out;
	int fd, rc = -1;

	if (c->http.token_file && yt_secret_read(a, c->http.token_file, &token, err) < 0)
		return -1;
	fd = dial(c->http.listen, err);
	if (fd < 0)
		return -1;
	yt_buf_init(&request, a);
	yt_buf_printf(&request, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", path, c->http.listen);
	if (token)
		yt_buf_printf(&request, "Authorization: Bearer %s\r\n", token);
	yt_buf_z(&request, "\r\n");
	yt_buf_init(&out, a);
	errno = 0;
	if (send_all(fd, yt_buf_str(&request)) < 0 || read_all(fd, &out) < 0)
		away(err, c->http.listen, errno == EAGAIN || errno == EWOULDBLOCK ? "no answer in time" : errno ? strerror(errno) : "the answer is too large");
	else
		rc = 0;
	close(fd);
	*answer = yt_buf_str(&out);
	return rc;
}

/* Takes status line and header fields off. */
static int body_of(const char *listen, struct yt_str answer, struct yt_str *body, struct yt_err *err)
{
	const char *head_end = answer.n < 16 ? NULL : memmem(answer.p, answer.n, "\r\n\r\n", 4);
	int status = 0;

	if (!head_end || memcmp(answer.p, "HTTP/1.", 7) != 0)
		return away(err, listen, "what answers there is not yutang");
	for (const char *p = answer.p + 9; p < answer.p + 12; p++)
		status = status * 10 + (*p - '0');
	*body = yt_str(head_end + 4, answer.n - (size_t)(head_end + 4 - answer.p));
	if (status == 200)
		return 0;
	if (status == 401 || status == 403)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "the daemon at %s refuses the token: is `token_file` of [http] the same file?", listen);
	if (status == 404)
		return away(err, listen, "what answers there is not yutang, or a version without /v1/status");
	return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "the daemon at %s answers %d", listen, status);
}

/* --- showing */

static int64_t number(const cJSON *o, const char *name)
{
	int64_t v = 0;
	const cJSON *item = yt_json_get(o, name);

	return item && yt_json_int(item, &v) ? v : 0;
}

/* A text of the daemon's, as a C string in the arena. */
static const char *text(struct yt_arena *a, const cJSON *o, const char *name)
{
	const cJSON *item = yt_json_get(o, name);

	return item && yt_json_is_text(item) ? yt_arena_dup(a, yt_json_text(item)).p : "";
}

static bool yes(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(yt_json_get(o, name));
}

static const char *instant(struct yt_arena *a, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char out[32];

	if (ms <= 0 || !gmtime_r(&s, &tm) || strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return "-";
	return yt_arena_dup(a, yt_str_z(out)).p;
}

/* Records that an input has and the shard has not decided. */
static int64_t lag_of(const cJSON *shard)
{
	const cJSON *inputs = yt_json_get(shard, "inputs"), *in;
	int64_t lag = 0;

	cJSON_ArrayForEach(in, inputs)
	{
		int64_t next = number(in, "next"), end = number(in, "end");

		lag += end > next && next >= 0 ? end - next : 0;
	}
	return lag;
}

static void show_servers(struct yt_arena *a, const cJSON *root)
{
	const cJSON *kafka = yt_json_get(root, "kafka"), *redis = yt_json_get(root, "redis");
	const char *state = redis && cJSON_IsObject(redis) ? text(a, redis, "state") : "", *why = *state ? text(a, redis, "why") : "";

	if (kafka && cJSON_IsObject(kafka))
		printf("kafka     %s%s\n", yes(kafka, "connected") ? "connected" : "not connected", yes(kafka, "away") ? ", no broker answers" : "");
	if (*state)
		printf("redis     %s%s%s\n", state, *why ? ": " : "", why);
}

static void show_shards(struct yt_arena *a, const cJSON *shards)
{
	const cJSON *s;

	if (cJSON_GetArraySize(shards) == 0) {
		printf("\nno shard is with this process\n");
		return;
	}
	printf("\n%5s  %-10s %10s %12s %10s %8s %8s %8s  %s\n", "shard", "state", "version", "view", "view lag", "waiting", "timers",
	       "entities", "now");
	cJSON_ArrayForEach(s, shards)
	{
		int64_t version = number(s, "version"), view = number(s, "view_version");
		char behind[24] = "-";

		if (view >= version)
			snprintf(behind, sizeof behind, "equal");
		else
			snprintf(behind, sizeof behind, "-%" PRId64, version - view);
		printf("%5" PRId64 "  %-10s %10" PRId64 " %12s %7" PRId64 " ms %8" PRId64 " %8" PRId64 " %8" PRId64 "  %s\n", number(s, "shard"),
		       text(a, s, "state"), version, behind, number(s, "view_lag_ms"), lag_of(s), number(s, "timers"), number(s, "entities"),
		       instant(a, number(s, "now")));
	}
}

/* What came of each platform of each shop, and the last of it. */
static void show_intake(struct yt_arena *a, const cJSON *senders)
{
	const cJSON *s;

	if (cJSON_GetArraySize(senders) == 0) {
		printf("\nno webhook has come yet\n");
		return;
	}
	printf("\n%-16s %-12s %10s %10s %8s %8s %8s  %-20s  %s\n", "shop", "platform", "accepted", "ignored", "dead", "unsigned", "not now", "last", "result");
	cJSON_ArrayForEach(s, senders)
	{
		const char *shop = text(a, s, "shop"), *why = text(a, s, "why");

		printf("%-16s %-12s %10" PRId64 " %10" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 "  %-20s  %s%s%s\n", *shop ? shop : "(unknown)",
		       text(a, s, "platform"), number(s, "accepted"), number(s, "ignored"), number(s, "dead"), number(s, "unsigned"),
		       number(s, "unavailable"), instant(a, number(s, "last_at")), text(a, s, "last"), *why ? ": " : "", why);
	}
}

static void show_status(struct yt_arena *a, const cJSON *root)
{
	const cJSON *shards = yt_json_get(root, "shards");
	const char *why = text(a, root, "why"), *rules = text(a, root, "rules");

	printf("yutang    %s, instance %s, clock %s%s%s\n", text(a, root, "version"), text(a, root, "instance"), text(a, root, "clock"),
	       *rules ? ", rules " : "", rules);
	printf("state     %s%s%s\n", yes(root, "ready") ? "ready" : "not ready", *why ? ": " : "", why);
	printf("since it started: events %" PRId64 ", outputs %" PRId64 ", dead letters %" PRId64 "\n", number(root, "events"),
	       number(root, "outputs"), number(root, "dead_letters"));
	show_servers(a, root);
	if (cJSON_IsArray(shards))
		show_shards(a, shards);
	if (cJSON_IsArray(yt_json_get(root, "intake")))
		show_intake(a, yt_json_get(root, "intake"));
}

static int ask_and_show(struct yt_arena *a, const struct yt_conf *c, bool json)
{
	struct yt_str answer, body = { 0 };
	struct yt_err err = { 0 };
	char detail[128];
	const cJSON *root;

	if (get(a, c, "/v1/status", &answer, &err) < 0 || body_of(c->http.listen, answer, &body, &err) < 0)
		return yt_app_fail(&err);
	if (yt_json_parse(a, body, YT_HTTP_BODY_BYTES_MAX, 0, &root, detail) != YT_JSON_OK || !cJSON_IsObject(root)) {
		away(&err, c->http.listen, "what answers there is not yutang");
		return yt_app_fail(&err);
	}
	if (json)
		fwrite(body.p, 1, body.n, stdout);
	else
		show_status(a, root);
	return fflush(stdout) == 0 ? YT_EXIT_OK : YT_EXIT_UNAVAILABLE;
}

int yt_cmd_status(int argc, char **argv)
{
	bool json = false;
	const struct yt_option options[] = { { "--json", NULL, &json }, { 0 } };
	struct yt_arena a;
	struct yt_conf c;
	int n, exit_code;

	if (!yt_begin(argc, argv, options, "status [-c FILE] [--json]", 0, 0, &n, &c, &exit_code))
		return exit_code;
	if (!c.http.on) {
		fprintf(stderr, "yutang: %s has no section [http]: the daemon tells its status over HTTP\n", c.file);
		yt_conf_deinit(&c);
		return YT_EXIT_CONFIG;
	}
	yt_arena_init(&a, 0);
	exit_code = ask_and_show(&a, &c, json);
	yt_arena_deinit(&a);
	yt_conf_deinit(&c);
	return exit_code;
}
