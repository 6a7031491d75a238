/* The server and its clients share one loop: a client is a non-blocking socket that is written and read between turns. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "unit/test.h"
#include "yutang/io/http.h"

static struct event_base *base;
static struct yt_http *http;
static char answer[1 << 21];

static void say_path(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	yt_buf_printf(&reply->body, "%s path=%.*s rest=%.*s query=%.*s", (const char *)ctx, YT_FMT(req->path), YT_FMT(req->rest),
	              YT_FMT(req->query));
}

static void say_much(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	(void)ctx, (void)req;
	reply->type = "application/json";
	for (int i = 0; i < 1000000; i++)
		yt_buf_c(&reply->body, 'x');
}

static void say_no(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	(void)ctx, (void)req;
	reply->status = 503;
	yt_buf_z(&reply->body, "not ready");
}

static char h[] = "health", m[] = "metrics", v[] = "v1", w[] = "members";
static const struct yt_http_route routes[] = {
	{ "/healthz", true, say_path, h }, { "/readyz", true, say_no, NULL }, { "/metrics", false, say_path, m },
	{ "/v1/", false, say_path, v },    { "/v1/members/", false, say_path, w }, { "/much", true, say_much, NULL },
};

static void start(struct yt_http_conf conf)
{
	struct yt_err err;

	if (!conf.listen)
		conf.listen = "127.0.0.1:0";
	base = event_base_new();
	http = yt_http_new(base, &conf, routes, sizeof routes / sizeof *routes, &err);
	CHECK_MSG(http, "%s", err.msg);
}

static void stop(void)
{
	yt_http_free(http);
	event_base_free(base);
}

static void turn(void)
{
	struct timespec t = { .tv_nsec = 1000000 };

	event_base_loop(base, EVLOOP_NONBLOCK);
	nanosleep(&t, NULL);
}

static int dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)yt_http_port(http)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* Reads to the end; false where it was reset. */
static bool hear(int fd)
{
	size_t n = 0;

	for (int64_t until = yt_test_ms() + 10000; yt_test_ms() < until;) {
		ssize_t got;

		turn();
		got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			answer[n] = 0;
			close(fd);
			return got == 0;
		}
		n += got > 0 ? (size_t)got : 0;
	}
	CHECK_MSG(false, "no end of the answer");
	return false;
}

static const char *ask(const char *request)
{
	int fd = dial();

	CHECK(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
	CHECK_MSG(hear(fd), "reset");
	return answer;
}

static int status(const char *request)
{
	ask(request);
	/* evhttp answers in the version of the request. */
	return strncmp(answer, "HTTP/1.", 7) == 0 ? atoi(answer + 9) : -1;
}

static const char *body(void)
{
	const char *b = strstr(answer, "\r\n\r\n");

	return b ? b + 4 : "";
}

TEST(http_answers)
{
	start((struct yt_http_conf){ 0 });
	ask("GET /healthz?a=b%20c HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK(yt_str_starts(yt_str_z(answer), YT_S("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nCache-Control: no-store\r\n"
	                                           "X-Content-Type-Options: nosniff\r\nDate: ")));
	CHECK(strstr(answer, " GMT\r\nContent-Length: 40\r\n\r\nhealth path=/healthz rest= query=a=b%20c"));
	CHECK_INT(status("GET /readyz HTTP/1.0\r\n\r\n"), 503);
	CHECK_STR(body(), "not ready");
	ask("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	CHECK(strstr(answer, "Connection: close\r\n") && !strstr(answer, "keep-alive"));
	CHECK_INT(status("GET /nothing HTTP/1.1\r\n\r\n"), 404);
	CHECK_INT(status("GET /healthz/ HTTP/1.1\r\n\r\n"), 404);
	stop();
}

TEST(http_takes_the_longest_route_and_unescapes)
{
	start((struct yt_http_conf){ 0 });
	CHECK_INT(status("GET /v1/x HTTP/1.1\r\n\r\n"), 200);
	CHECK_STR(body(), "v1 path=/v1/x rest=x query=");
	CHECK_INT(status("GET /v1/members/s1%2Fm%201 HTTP/1.1\r\n\r\n"), 200);
	CHECK_STR(body(), "members path=/v1/members/s1/m 1 rest=s1/m 1 query=");
	CHECK_INT(status("GET /v1/%zz HTTP/1.1\r\n\r\n"), 400);
	CHECK_INT(status("GET /v1/%00 HTTP/1.1\r\n\r\n"), 400);
	CHECK_INT(status("GET /v1/%0a HTTP/1.1\r\n\r\n"), 400);
	stop();
}

TEST(http_refuses_what_it_does_not_speak)
{
	start((struct yt_http_conf){ 0 });
	CHECK_INT(status("POST /healthz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), 405);
	CHECK(strstr(answer, "Allow: GET\r\n"));
	CHECK_INT(status("HEAD /healthz HTTP/1.1\r\n\r\n"), 405);
	CHECK_INT(status("GET /healthz HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), 413);
	CHECK_INT(status("GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 413);
	CHECK_INT(status("GET /healthz HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 200);
	CHECK_INT(status("GET /healthz HTTP/2\r\n\r\n"), 505);
	CHECK_INT(status("hello\r\n\r\n"), 400);
	CHECK_INT(status("GET healthz HTTP/1.1\r\n\r\n"), 400);
	CHECK_INT(status("GET /healthz HTTP/1.1\r\nno colon\r\n\r\n"), 400);
	CHECK_INT(status("GET /healthz HTTP/1.1\r\nName : x\r\n\r\n"), 400);
	CHECK_INT(status("\r\n\r\n"), 400);
	stop();
}

TEST(http_head_at_the_limit_and_above)
{
	static char big[YT_HTTP_HEAD_BYTES_MAX + 100];
	size_t n = (size_t)sprintf(big, "GET /healthz HTTP/1.1\r\nX: ");

	start((struct yt_http_conf){ 0 });
	memset(big + n, 'a', YT_HTTP_HEAD_BYTES_MAX - 4 - n);
	strcpy(big + YT_HTTP_HEAD_BYTES_MAX - 4, "\r\n\r\n");
	CHECK_INT(status(big), 200);
	strcpy(big + YT_HTTP_HEAD_BYTES_MAX - 4, "a\r\n\r\n");
	CHECK_INT(status(big), 431);
	stop();
}

TEST(http_never_ending_head_is_cut_off)
{
	static char big[100000];

	start((struct yt_http_conf){ 0 });
	memset(big, 'a', sizeof big - 1);
	int fd = dial();

	send(fd, big, sizeof big - 1, MSG_NOSIGNAL);
	hear(fd);
	CHECK_MSG(strncmp(answer, "HTTP/1.1 431 ", 13) == 0, "%.40s", answer);
	stop();
}

TEST(http_large_answer_arrives_whole)
{
	start((struct yt_http_conf){ 0 });
	CHECK_INT(status("GET /much HTTP/1.1\r\n\r\n"), 200);
	CHECK_INT(strlen(body()), 1000000);
	stop();
}

TEST(http_request_in_pieces)
{
	const char *pieces[] = { "GET /hea", "lthz HTTP/1.1\r", "\nHost: x\r\n", "\r", "\n" };
	int fd;

	start((struct yt_http_conf){ 0 });
	fd = dial();
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		CHECK(send(fd, pieces[i], strlen(pieces[i]), MSG_NOSIGNAL) > 0);
		turn();
		turn();
	}
	CHECK(hear(fd));
	CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0);
	stop();
}

TEST(http_client_that_closes_its_side_is_answered)
{
	int fd;

	start((struct yt_http_conf){ 0 });
	fd = dial();
	CHECK(send(fd, "GET /much HTTP/1.1\r\n\r\n", 22, MSG_NOSIGNAL) == 22);
	shutdown(fd, SHUT_WR);
	CHECK(hear(fd));
	CHECK_INT(strlen(body()), 1000000);
	stop();
}

TEST(http_slow_sender_cannot_push_its_deadline)
{
	struct yt_http_stats s;
	int64_t began;
	int fd;

	start((struct yt_http_conf){ .deadline_ms = 200 });
	fd = dial();
	began = yt_test_ms();
	do {
		/* One byte a turn, as long as somebody takes it. */
		send(fd, "a", 1, MSG_NOSIGNAL);
		turn();
		yt_http_stats(http, &s);
	} while (s.expired == 0 && yt_test_ms() - began < 5000);
	CHECK_INT(s.expired, 1);
	CHECK_INT(s.connections, 0);
	CHECK_MSG(yt_test_ms() - began >= 190, "%d ms", (int)(yt_test_ms() - began));
	close(fd);
	stop();
}

TEST(http_connections_at_the_limit_and_above)
{
	struct yt_http_stats s;
	int fds[4];

	start((struct yt_http_conf){ .connections_max = 3 });
	for (int i = 0; i < 4; i++) {
		fds[i] = dial();
		turn();
	}
	turn();
	yt_http_stats(http, &s);
	CHECK_INT(s.connections, 3);
	CHECK_INT(s.refused, 1);
	hear(fds[3]);
	CHECK_STR(answer, "");
	/* One that ends makes room. */
	close(fds[0]);
	for (int i = 0; i < 10; i++)
		turn();
	CHECK_INT(status("GET /healthz HTTP/1.1\r\n\r\n"), 200);
	close(fds[1]);
	close(fds[2]);
	for (int i = 0; i < 10; i++)
		turn();
	yt_http_stats(http, &s);
	CHECK_INT(s.connections, 0);
	stop();
}

TEST(http_token_guards_all_but_the_open_routes)
{
	start((struct yt_http_conf){ .token = "s3cret", .always_guard = true });
	CHECK_INT(status("GET /healthz HTTP/1.1\r\n\r\n"), 200);
	CHECK_INT(status("GET /readyz HTTP/1.1\r\n\r\n"), 503);
	CHECK_INT(status("GET /metrics HTTP/1.1\r\n\r\n"), 401);
	CHECK(strstr(answer, "WWW-Authenticate: Bearer\r\n"));
	CHECK_INT(status("GET /v1/x HTTP/1.1\r\nAuthorization: Bearer s3cre\r\n\r\n"), 401);
	CHECK_INT(status("GET /v1/x HTTP/1.1\r\nAuthorization: Bearer s3crett\r\n\r\n"), 401);
	CHECK_INT(status("GET /v1/x HTTP/1.1\r\nAuthorization: Basic s3cret\r\n\r\n"), 401);
	CHECK_INT(status("GET /v1/x HTTP/1.1\r\nAuthorization: Bearer \r\n\r\n"), 401);
	CHECK_INT(status("GET /v1/x HTTP/1.1\r\nauthorization:  bearer s3cret \r\n\r\n"), 200);
	stop();
}

TEST(http_on_loopback_asks_for_no_token)
{
	start((struct yt_http_conf){ .token = "s3cret" });
	CHECK_INT(status("GET /metrics HTTP/1.1\r\n\r\n"), 200);
	stop();
}

TEST(http_reached_by_others_needs_a_token)
{
	struct yt_http_conf conf = { .listen = "0.0.0.0:0" };
	struct yt_err err;

	base = event_base_new();
	CHECK(!yt_http_new(base, &conf, routes, 1, &err));
	CHECK_STR(err.msg, "http: 0.0.0.0:0 is reached by other machines and needs a token");
	conf.token = "t";
	http = yt_http_new(base, &conf, routes, sizeof routes / sizeof *routes, &err);
	CHECK_MSG(http, "%s", err.msg);
	CHECK_INT(status("GET /metrics HTTP/1.1\r\n\r\n"), 401);
	stop();
}

TEST(http_port_that_is_taken)
{
	struct yt_http_conf conf = { 0 };
	struct yt_err err;
	char listen[32];

	start(conf);
	snprintf(listen, sizeof listen, "127.0.0.1:%d", yt_http_port(http));
	conf.listen = listen;
	CHECK(!yt_http_new(base, &conf, routes, 1, &err));
	CHECK_INT(err.exit, YT_EXIT_UNAVAILABLE);
	stop();
}

TEST(http_end_closes_what_is_open)
{
	int fd;

	start((struct yt_http_conf){ 0 });
	fd = dial();
	turn();
	turn();
	yt_http_free(http);
	event_base_free(base);
	fcntl(fd, F_SETFL, 0);
	CHECK_INT(recv(fd, answer, 1, 0), 0);
	close(fd);
}

/* ---- requests with bodies, and connections that are kept */

static struct yt_http_call *kept[8]; /* by say_later */
static int n_kept;

static void say_body(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	(void)ctx;
	yt_buf_printf(&reply->body, "%.*s %zu %.*s", YT_FMT(req->method), req->n_headers, YT_FMT(req->body));
}

static void say_later(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	(void)ctx;
	kept[n_kept++] = req->call;
	reply->later = true;
}

static void say_itself(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply)
{
	struct yt_http_reply own = { .status = 200, .type = "text/plain" };

	(void)ctx;
	yt_http_answer(req->call, &own);
	reply->later = true;
}

static const struct yt_http_route taking[] = { { "/body", true, say_body, NULL }, { "/later", true, say_later, NULL }, { "/itself", true, say_itself, NULL } };

static void start_taking(struct yt_http_conf conf)
{
	struct yt_err err;

	conf.listen = "127.0.0.1:0";
	conf.body_max = conf.body_max ? conf.body_max : 1000;
	conf.held_max = conf.held_max ? conf.held_max : 1 << 20;
	n_kept = 0;
	base = event_base_new();
	http = yt_http_new(base, &conf, taking, sizeof taking / sizeof *taking, &err);
	CHECK_MSG(http, "%s", err.msg);
}

static void say(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* Reads until `end` stands at the end of what came, n times in all. */
static void hear_until(int fd, const char *end, int n)
{
	size_t at = 0;
	int found = 0;

	for (int64_t until = yt_test_ms() + 10000; yt_test_ms() < until && found < n;) {
		ssize_t got;

		turn();
		got = recv(fd, answer + at, sizeof answer - 1 - at, 0);
		at += got > 0 ? (size_t)got : 0;
		answer[at] = 0;
		found = 0;
		for (const char *p = answer; (p = strstr(p, end)); p++)
			found++;
	}
	CHECK_MSG(found == n, "%d of %d times `%s` in `%s`", found, n, end, answer);
}

TEST(http_takes_a_body_and_keeps_the_connection)
{
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	fd = dial();
	say(fd, "POST /body HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
	hear_until(fd, "\r\n\r\nPOST 1 abc", 1);
	CHECK(!strstr(answer, "Connection: close"));
	say(fd, "PUT /body HTTP/1.1\r\nConnection: Close\r\n\r\n");
	CHECK(hear(fd));
	CHECK_STR(body(), "PUT 1 ");
	CHECK(strstr(answer, "Connection: close"));
	stop();
}

TEST(http_answers_what_was_sent_ahead_in_order)
{
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	fd = dial();
	say(fd, "POST /body HTTP/1.1\r\nContent-Length: 1\r\n\r\naPOST /later HTTP/1.1\r\n\r\nPOST /body HTTP/1.1\r\nContent-Length: 1\r\n\r\nc");
	for (int64_t until = yt_test_ms() + 5000; n_kept == 0 && yt_test_ms() < until;)
		turn();
	CHECK_INT(n_kept, 1);
	struct yt_http_reply reply = { .status = 200, .type = "text/plain" };

	yt_buf_init(&reply.body, NULL);
	yt_buf_z(&reply.body, "POST 0 b");
	yt_http_answer(kept[0], &reply);
	yt_buf_deinit(&reply.body);
	hear_until(fd, "POST ", 3);
	CHECK(strstr(answer, "POST 1 a") < strstr(answer, "POST 0 b") && strstr(answer, "POST 0 b") < strstr(answer, "POST 1 c"));
	close(fd);
	stop();
}

/* With a watermark of 1 MiB, so that it is not this that stops the reading. */
TEST(http_does_not_read_on_before_the_answer)
{
	static const char head[] = "POST /body HTTP/1.1\r\nContent-Length: 600000\r\n\r\n";
	static char much[16384];
	struct yt_http_reply reply = { .status = 200, .type = "text/plain" };
	struct yt_http_stats s;
	int64_t sent = 0;
	int fd;

	start_taking((struct yt_http_conf){ .body_max = 1 << 20, .held_max = 8 << 20 });
	fd = dial();
	say(fd, "POST /later HTTP/1.1\r\n\r\n");
	for (int64_t until = yt_test_ms() + 5000; n_kept == 0 && yt_test_ms() < until;)
		turn();
	memset(much, 'x', sizeof much);
	memcpy(much, head, sizeof head - 1);
	for (int k = 0; k < 100; k++) {
		ssize_t n = send(fd, much, sizeof much, MSG_NOSIGNAL);

		sent += n > 0 ? n : 0;
		turn();
	}
	yt_http_stats(http, &s);
	CHECK_MSG(n_kept == 1 && sent > 100000 && s.held <= sizeof much, "%lld sent, %zu held", (long long)sent, s.held);
	yt_http_answer(kept[0], &reply);
	for (int64_t until = yt_test_ms() + 5000; s.requests < 2 && yt_test_ms() < until; yt_http_stats(http, &s))
		turn();
	CHECK(s.requests >= 2);
	close(fd);
	stop();
}

TEST(http_looks_at_a_head_that_was_sent_ahead)
{
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	fd = dial();
	say(fd, "POST /body HTTP/1.1\r\nContent-Length: 1\r\n\r\naPOST /body HTTP/1.1\r\nX: a\001b\r\n\r\n");
	CHECK(hear(fd));
	CHECK(strstr(answer, "POST 1 a") && strstr(answer, "HTTP/1.1 400 "));
	stop();
}

TEST(http_handler_may_answer_a_later_one_at_once)
{
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	fd = dial();
	say(fd, "POST /itself HTTP/1.1\r\nContent-Length: 1\r\n\r\naPOST /body HTTP/1.1\r\nConnection: close\r\n\r\n");
	CHECK(hear(fd));
	CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && strstr(answer, "POST 1 "));
	stop();
}

static char large[8 << 20];

/* A request whose answer is longer than what the sockets hold. */
static int ask_for_much(void)
{
	ssize_t n;
	int fd;

	start_taking((struct yt_http_conf){ .body_max = sizeof large, .held_max = 2 * sizeof large });
	memset(large, 'x', sizeof large);
	fd = dial();
	snprintf(answer, sizeof answer, "POST /body HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", sizeof large);
	say(fd, answer);
	for (size_t at = 0; at < sizeof large; at += n > 0 ? (size_t)n : 0) {
		n = send(fd, large + at, sizeof large - at, MSG_NOSIGNAL);
		turn();
	}
	return fd;
}

/* Bytes until the other side ends; 0 where it breaks off. */
static size_t drain(int fd)
{
	size_t got = 0;
	ssize_t n = -1;

	for (int64_t until = yt_test_ms() + 10000; yt_test_ms() < until; got += n > 0 ? (size_t)n : 0) {
		n = recv(fd, answer, sizeof answer - 1, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		turn();
	}
	close(fd);
	return n == 0 ? got : 0;
}

TEST(http_client_that_closes_its_side_is_answered_much)
{
	int fd = ask_for_much();

	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 5; i++)
		turn();
	CHECK(drain(fd) > sizeof large);
	stop();
}

/* What is here of it now. */
static size_t take(int fd)
{
	size_t got = 0;

	for (ssize_t n; (n = recv(fd, answer, sizeof answer - 1, 0)) > 0;)
		got += (size_t)n;
	return got;
}

/* The end comes in the turn of the loop that sends the rest of an answer, and a request that was sent ahead is here. */
TEST(http_client_that_closes_its_side_is_answered_what_it_sent_ahead)
{
	int fd = ask_for_much();
	struct yt_http_stats s;
	size_t length;

	turn();
	length = take(fd) + 5000; /* libevent writes at most 16 KiB at once */
	close(fd);
	CHECK(length < sizeof large);
	fd = dial();
	snprintf(answer, sizeof answer, "POST /body HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", length);
	say(fd, answer);
	for (size_t at = 0; at < length - 1;) {
		ssize_t n = send(fd, large + at, length - 1 - at, MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		turn();
	}
	do {
		turn();
		yt_http_stats(http, &s);
	} while (s.held < length - 1);
	say(fd, "xPOST /body HTTP/1.1\r\n\r\n");
	turn();
	turn();
	take(fd);
	shutdown(fd, SHUT_WR);
	CHECK(drain(fd) > 0);
	CHECK_MSG(strstr(answer, "POST 0 "), "of %zu", length);
	stop();
}

TEST(http_who_does_not_read_his_answer_is_not_read_on)
{
	int fd = ask_for_much();
	struct yt_http_stats s;

	for (int i = 0; i < 100; i++) {
		send(fd, large, sizeof large, MSG_NOSIGNAL);
		turn();
	}
	yt_http_stats(http, &s);
	CHECK_INT(s.requests, 1);
	CHECK_MSG(s.held <= 65536, "%zu held", s.held);
	/* It comes whole, and then what was sent ahead is looked at: it is no request. */
	CHECK(drain(fd) > sizeof large);
	stop();
}

static size_t heap(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* libevent takes a power of two for the answer, as it did for the body. A sanitizer says that nothing is here. */
TEST(http_who_does_not_read_his_answer_keeps_no_body_here)
{
	size_t before = heap();
	int fd = ask_for_much();

	CHECK_MSG(heap() < before + 3 * sizeof large, "%zu", heap() - before);
	close(fd);
	stop();
}

TEST(http_large_answer_on_a_kept_connection)
{
	int fd;

	start_taking((struct yt_http_conf){ .body_max = 1 << 20 });
	memset(large, 'x', 1 << 20);
	fd = dial();
	say(fd, "POST /body HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
	for (size_t at = 0; at < 1000000;) {
		ssize_t n = send(fd, large + at, 1000000 - at, MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		turn();
	}
	say(fd, "POST /body HTTP/1.1\r\n\r\n");
	hear_until(fd, "POST 0 ", 1);
	CHECK(strstr(answer, "\r\n\r\nPOST 1 xxx"));
	/* What evhttp finds wrong it answers by itself. */
	say(fd, "POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n");
	CHECK(hear(fd));
	CHECK(strncmp(answer, "HTTP/1.1 4", 10) == 0);
	stop();
}

TEST(http_answers_later_to_one_that_has_gone)
{
	struct yt_http_reply reply = { .status = 200, .type = "text/plain" };
	struct linger hard = { 1, 0 };
	int fd[2];

	start_taking((struct yt_http_conf){ 0 });
	for (int i = 0; i < 2; i++) {
		fd[i] = dial();
		say(fd[i], "POST /later HTTP/1.1\r\n\r\n");
	}
	for (int64_t until = yt_test_ms() + 5000; n_kept < 2 && yt_test_ms() < until;)
		turn();
	CHECK_INT(n_kept, 2);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd[0]);
	turn();
	yt_http_answer(kept[0], &reply);
	for (int i = 0; i < 5; i++)
		turn();
	/* The other one outlives its server. */
	stop();
	yt_http_answer(kept[1], &reply);
	close(fd[1]);
}

TEST(http_body_at_the_limit_and_above)
{
	static char big[3000];

	start_taking((struct yt_http_conf){ 0 });
	memset(big + sprintf(big, "POST /body HTTP/1.1\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"), 'x', 1000);
	CHECK_INT(status(big), 200);
	CHECK_INT(strlen(body()), strlen("POST 2 ") + 1000);
	CHECK_INT(status("POST /body HTTP/1.1\r\nContent-Length: 1001\r\n\r\n"), 413);
	memset(big, 0, sizeof big);
	memset(big + sprintf(big, "POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n"), 'x', 1001);
	CHECK_INT(status(big), 413);
	stop();
}

TEST(http_chunks)
{
	static const char begin[] = "POST /body HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n";
	static const struct {
		const char *chunks;
		int status;
	} cases[] = {
		{ "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200 }, { "0\r\n\r\n", 200 },       { "-1\r\n\r\n", 413 },         { "x\r\n\r\n", 413 },
		{ "3\r\nabc\r\n2;x=y\r\n", 413 },             { "fffffffff\r\n", 413 },   { "ffffffff\r\n", 413 },
	};
	char request[300];

	start_taking((struct yt_http_conf){ 0 });
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(request, sizeof request, "%s%s", begin, cases[i].chunks);
		CHECK_MSG(status(request) == cases[i].status, "%s gives %.20s", cases[i].chunks, answer);
		if (i == 0)
			CHECK_STR(body(), "POST 2 abcde");
	}
	/* Some of evhttp take fields behind the chunks for ones of the head, some drop them. */
	snprintf(request, sizeof request, "%s0\r\nTrailer: x\r\n\r\n", begin);
	CHECK(status(request) == 400 || strcmp(body(), "POST 2 ") == 0);
	stop();
}

TEST(http_chunks_that_come_byte_by_byte)
{
	static const char text[] = "POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
	char one[2] = "";
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	fd = dial();
	for (size_t i = 0; text[i]; i++) {
		one[0] = text[i];
		say(fd, one);
		turn();
	}
	CHECK(hear(fd));
	CHECK_STR(body(), "POST 1 abcde");
	stop();
}

/* evhttp is lenient about where a chunk ends: to a proxy it may be elsewhere. */
TEST(http_what_follows_chunks_is_no_request)
{
	static const char *const chunks[] = { "3\r\nabc\r\n0\r\n\r\n", "0x3\nabc\n\n0\n\n" };
	char request[300];
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		fd = dial();
		snprintf(request, sizeof request, "POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%sPOST /body HTTP/1.1\r\n\r\n", chunks[i]);
		say(fd, request);
		CHECK(hear(fd));
		CHECK(strstr(answer, "Connection: close\r\n"));
		CHECK_MSG(!strstr(answer + 1, "HTTP/1.1 "), "%s", answer);
	}
	stop();
}

TEST(http_chunks_of_a_byte_at_the_limit_and_above)
{
	enum { CHUNK = 6, N = (YT_HTTP_HEAD_BYTES_MAX + YT_HTTP_CHUNKS_BYTES_MAX) / (CHUNK - 1) + 300 };
	static char big[100 + N * CHUNK + 1];
	size_t n = (size_t)sprintf(big, "POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");

	/* Never an end: what comes is more than the body may be, sizes and all. */
	start_taking((struct yt_http_conf){ .body_max = N, .deadline_ms = 60000 });
	for (int i = 0; i < N; i++)
		n += (size_t)sprintf(big + n, "1\r\nx\r\n");
	CHECK_INT(status(big), 413);
	stop();
}

TEST(http_refuses_what_can_be_read_in_two_ways)
{
	static const char *const heads[] = {
		"Content-Length: 1\r\nContent-Length: 1\r\n",
		"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Content-Length: +1\r\n",
		"Content-Length: 1 1\r\n",
		"Content-Length: 99999999999999999999\r\n",
		"Content-Length:\t1\r\n",
		"Transfer-Encoding:\tchunked\r\n",
		"Content-Length : 1\r\n",
		"X: a\r\n b\r\n",
		"X: a\nContent-Length: 1\r\n",
		"X: a\n\nY: b\r\n",
		"X: a\rb\r\n",
		"X: a\001b\r\n",
		": a\r\n",
	};
	char request[300];

	start_taking((struct yt_http_conf){ 0 });
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		snprintf(request, sizeof request, "POST /body HTTP/1.1\r\n%s\r\nx", heads[i]);
		CHECK_MSG(status(request) == 400, "%s gives %.20s", heads[i], answer);
	}
	CHECK_INT(status("POST /body HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), 501);
	/* evhttp reads no body of these, and takes it for the next request. */
	CHECK_INT(status("HEAD /body HTTP/1.1\r\nContent-Length: 23\r\n\r\nPOST /body HTTP/1.1\r\n\r\n"), 400);
	CHECK(!strstr(answer, "POST 0"));
	CHECK_INT(status("TRACE /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
	/* To evhttp a method that it does not know is no error with a status. */
	CHECK_INT(status("BREW /body HTTP/1.1\r\n\r\n"), 501);
	CHECK_INT(status("GET /a b HTTP/1.1\r\n\r\n"), 400);
	CHECK_INT(status("GET /body?a\001b HTTP/1.1\r\n\r\n"), 400);
	CHECK_INT(status("GET http://x/body HTTP/1.1\r\n\r\n"), 400);
	stop();
}

TEST(http_fields_at_the_limit_and_above)
{
	char request[1000];
	size_t n;

	start_taking((struct yt_http_conf){ 0 });
	for (int fields = YT_HTTP_FIELDS_MAX; fields <= YT_HTTP_FIELDS_MAX + 1; fields++) {
		n = (size_t)sprintf(request, "POST /body HTTP/1.1\r\nConnection: close\r\n");
		for (int i = 1; i < fields; i++)
			n += (size_t)sprintf(request + n, "X: y\r\n");
		sprintf(request + n, "\r\n");
		CHECK_INT(status(request), fields == YT_HTTP_FIELDS_MAX ? 200 : 431);
	}
	stop();
}

/* Twice: evhttp still has the end of the first answer in mind when it says it again. */
TEST(http_says_go_on)
{
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	fd = dial();
	for (int round = 0; round < 2; round++) {
		say(fd, "POST /body HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
		hear_until(fd, "HTTP/1.1 100 Continue\r\n\r\n", 1);
		say(fd, "abc");
		hear_until(fd, "POST 2 abc", 1);
	}
	CHECK_INT(status("POST /body HTTP/1.1\r\nExpect: tea\r\nContent-Length: 3\r\n\r\n"), 417);
	close(fd);
	stop();
}

TEST(http_who_waits_for_nothing_makes_room_for_a_new_connection)
{
	struct yt_http_stats s;
	int fd[4];

	start_taking((struct yt_http_conf){ .connections_max = 3 });
	for (int i = 0; i < 4; i++) {
		fd[i] = dial();
		say(fd[i], i == 0 ? "POST /body HTTP/1.1\r\nContent-Length: 3\r\n\r\na" : "POST /body HTTP/1.1\r\nContent-Length: 1\r\n\r\na");
		if (i)
			hear_until(fd[i], "POST 1 a", 1);
		else
			for (int k = 0; k < 5; k++)
				turn();
	}
	yt_http_stats(http, &s);
	CHECK_INT(s.connections, 3);
	CHECK_INT(s.refused, 1);
	/* It was the second one: the first is being read. */
	hear(fd[1]);
	CHECK_STR(answer, "");
	say(fd[0], "bc");
	hear_until(fd[0], "POST 1 abc", 1);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	stop();
}

TEST(http_who_has_sent_ahead_makes_no_room)
{
	int fd[2];

	start_taking((struct yt_http_conf){ .connections_max = 1 });
	fd[0] = dial();
	turn();
	turn();
	for (int i = 0; i < 5; i++)
		say(fd[0], "POST /body HTTP/1.1\r\n\r\n");
	fd[1] = dial();
	hear_until(fd[0], "POST 0 ", 5);
	hear(fd[1]);
	CHECK_STR(answer, "");
	close(fd[0]);
	stop();
}

TEST(http_who_holds_most_is_turned_away)
{
	static char part[801];
	struct yt_http_stats s;
	int much, little;

	start_taking((struct yt_http_conf){ .held_max = 900 });
	memset(part, 'x', 800);
	much = dial();
	say(much, "POST /body HTTP/1.1\r\nContent-Length: 900\r\n\r\n");
	say(much, part);
	for (int k = 0; k < 5; k++)
		turn();
	little = dial();
	part[100] = '\0';
	say(little, "POST /body HTTP/1.1\r\nContent-Length: 100\r\n\r\n");
	say(little, part);
	hear_until(little, part, 1);
	CHECK_MSG(strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "%s", answer);
	CHECK(hear(much));
	CHECK_MSG(strncmp(answer, "HTTP/1.1 503 ", 13) == 0, "%s", answer);
	yt_http_stats(http, &s);
	CHECK_INT(s.crowded, 1);
	CHECK_INT(s.held, 0);
	close(much);
	close(little);
	stop();
}

TEST(http_requests_hold_so_much_together_and_no_more)
{
	static const char begin[] = "POST /body HTTP/1.1\r\nContent-Length: 3100\r\n\r\n";
	struct yt_http_stats s;
	static char part[3001];
	int fd[3];

	/* Three that never send their end; two of them have room. */
	start_taking((struct yt_http_conf){ .body_max = 4000, .held_max = 8000 });
	memset(part, 'x', 3000);
	for (int i = 0; i < 3; i++) {
		fd[i] = dial();
		say(fd[i], begin);
		say(fd[i], part);
		for (int k = 0; k < 5; k++)
			turn();
	}
	CHECK(hear(fd[2]));
	CHECK_MSG(strncmp(answer, "HTTP/1.1 503 ", 13) == 0 && strstr(answer, "Retry-After: 1\r\n"), "%s", answer);
	yt_http_stats(http, &s);
	CHECK_INT(s.crowded, 1);
	CHECK_INT(s.held, 2 * (sizeof begin - 1 + 3000));
	part[100] = '\0';
	say(fd[0], part);
	hear_until(fd[0], "POST 1 xxx", 1);
	close(fd[0]);
	close(fd[1]);
	for (int64_t until = yt_test_ms() + 5000; s.connections > 0 && yt_test_ms() < until; yt_http_stats(http, &s))
		turn();
	CHECK_INT(s.held, 0);
	stop();
}

/* Each byte is a piece to libevent, which keeps it as it came. */
TEST(http_body_in_small_pieces_is_counted_as_what_it_takes)
{
	struct yt_http_stats s;
	size_t before;
	int fd;

	start_taking((struct yt_http_conf){ 0 });
	fd = dial();
	say(fd, "POST /body HTTP/1.1\r\nContent-Length: 900\r\n\r\n");
	turn();
	turn();
	before = heap();
	for (int i = 0; i < 899; i++) {
		say(fd, "x");
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	turn();
	yt_http_stats(http, &s);
	CHECK_MSG(s.held + s.held / 10 > heap() - before, "%zu held, %zu taken", s.held, heap() - before);
	say(fd, "x");
	hear_until(fd, "POST 1 xxx", 1);
	yt_http_stats(http, &s);
	CHECK_INT(s.held, 0);
	close(fd);
	stop();
}

TEST(http_slow_body_cannot_push_its_deadline)
{
	struct yt_http_stats s;
	int fd;

	start_taking((struct yt_http_conf){ .deadline_ms = 200 });
	fd = dial();
	say(fd, "POST /body HTTP/1.1\r\nContent-Length: 900\r\n\r\n");
	for (int64_t until = yt_test_ms() + 5000; yt_test_ms() < until;) {
		send(fd, "a", 1, MSG_NOSIGNAL);
		turn();
		yt_http_stats(http, &s);
		if (s.expired)
			break;
	}
	CHECK_INT(s.expired, 1);
	CHECK_INT(s.connections, 0);
	close(fd);
	stop();
}

TEST(http_that_is_not_open_yet_lets_wait)
{
	struct yt_http_stats s;
	int fd;

	start_taking((struct yt_http_conf){ .closed = true });
	fd = dial();
	say(fd, "POST /body HTTP/1.1\r\n\r\n");
	for (int i = 0; i < 10; i++)
		turn();
	yt_http_stats(http, &s);
	CHECK_INT(s.connections, 0);
	yt_http_open(http);
	hear_until(fd, "POST 0 ", 1);
	close(fd);
	stop();
}

TEST(http_takes_a_socket_that_listens_already)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct yt_http_conf conf = { .body_max = 1000, .held_max = 1000 };
	struct yt_err err;

	conf.fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(conf.fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(conf.fd, 8) == 0);
	base = event_base_new();
	http = yt_http_new(base, &conf, taking, sizeof taking / sizeof *taking, &err);
	CHECK_MSG(http, "%s", err.msg);
	CHECK_INT(status("POST /body HTTP/1.1\r\nConnection: close\r\n\r\n"), 200);
	stop();
}

TEST(http_that_is_closed_ends_what_it_has)
{
	struct yt_http_reply reply = { .status = 200, .type = "text/plain" };
	int idle, busy, kept_on;

	start_taking((struct yt_http_conf){ 0 });
	idle = dial();
	busy = dial();
	kept_on = dial();
	say(idle, "POST /body HTTP/1.1\r\n\r\n");
	hear_until(idle, "POST 0 ", 1);
	say(kept_on, "POST /body HTTP/1.1\r\n\r\n");
	hear_until(kept_on, "POST 0 ", 1);
	say(busy, "POST /later HTTP/1.1\r\n\r\n");
	for (int64_t until = yt_test_ms() + 5000; n_kept == 0 && yt_test_ms() < until;)
		turn();
	yt_http_close(http);
	/* Who goes on sending is answered, and told that it is the last time; who does not is left after a while. */
	say(kept_on, "POST /body HTTP/1.1\r\n\r\n");
	CHECK(hear(kept_on));
	CHECK(strstr(answer, "Connection: close\r\n"));
	CHECK(hear(idle));
	yt_http_answer(kept[0], &reply);
	CHECK(hear(busy));
	CHECK(strncmp(answer, "HTTP/1.1 200 ", 13) == 0);
	stop();
}

TEST(listen_addresses)
{
	char host[64];
	bool loopback;
	int port;

	CHECK(yt_listen_parse("127.0.0.1:9464", host, &port, &loopback) && loopback && port == 9464);
	CHECK(yt_listen_parse("127.8.8.8:1", host, &port, &loopback) && loopback);
	CHECK(yt_listen_parse("localhost:1", host, &port, &loopback) && loopback);
	CHECK_STR(host, "127.0.0.1");
	CHECK(yt_listen_parse("[::1]:1", host, &port, &loopback) && loopback);
	CHECK(yt_listen_parse("0.0.0.0:1", host, &port, &loopback) && !loopback);
	CHECK(yt_listen_parse("[::]:1", host, &port, &loopback) && !loopback);
	CHECK(!yt_listen_parse("::1:1", host, &port, &loopback));
	CHECK(!yt_listen_parse("127.0.0.1", host, &port, &loopback));
	CHECK(!yt_listen_parse("127.0.0.1:65536", host, &port, &loopback));
	CHECK(!yt_listen_parse("example.org:80", host, &port, &loopback));
	CHECK(!yt_listen_parse(":80", host, &port, &loopback));
	CHECK(!yt_listen_parse("", host, &port, &loopback));
}

TEST(tokens_are_compared)
{
	CHECK(yt_token_equal(YT_S("abc"), "abc"));
	CHECK(!yt_token_equal(YT_S("abd"), "abc"));
	CHECK(!yt_token_equal(YT_S("ab"), "abc"));
	CHECK(!yt_token_equal(YT_S(""), "abc"));
}

TEST_MAIN
{
	signal(SIGPIPE, SIG_IGN);
	RUN(http_answers);
	RUN(http_takes_the_longest_route_and_unescapes);
	RUN(http_refuses_what_it_does_not_speak);
	RUN(http_head_at_the_limit_and_above);
	RUN(http_never_ending_head_is_cut_off);
	RUN(http_large_answer_arrives_whole);
	RUN(http_request_in_pieces);
	RUN(http_client_that_closes_its_side_is_answered);
	RUN(http_slow_sender_cannot_push_its_deadline);
	RUN(http_connections_at_the_limit_and_above);
	RUN(http_token_guards_all_but_the_open_routes);
	RUN(http_on_loopback_asks_for_no_token);
	RUN(http_reached_by_others_needs_a_token);
	RUN(http_port_that_is_taken);
	RUN(http_end_closes_what_is_open);
	RUN(http_takes_a_body_and_keeps_the_connection);
	RUN(http_answers_what_was_sent_ahead_in_order);
	RUN(http_does_not_read_on_before_the_answer);
	RUN(http_looks_at_a_head_that_was_sent_ahead);
	RUN(http_handler_may_answer_a_later_one_at_once);
	RUN(http_client_that_closes_its_side_is_answered_much);
	RUN(http_client_that_closes_its_side_is_answered_what_it_sent_ahead);
	RUN(http_who_does_not_read_his_answer_is_not_read_on);
	RUN(http_who_does_not_read_his_answer_keeps_no_body_here);
	RUN(http_large_answer_on_a_kept_connection);
	RUN(http_answers_later_to_one_that_has_gone);
	RUN(http_body_at_the_limit_and_above);
	RUN(http_chunks);
	RUN(http_chunks_that_come_byte_by_byte);
	RUN(http_what_follows_chunks_is_no_request);
	RUN(http_chunks_of_a_byte_at_the_limit_and_above);
	RUN(http_refuses_what_can_be_read_in_two_ways);
	RUN(http_fields_at_the_limit_and_above);
	RUN(http_says_go_on);
	RUN(http_who_waits_for_nothing_makes_room_for_a_new_connection);
	RUN(http_who_has_sent_ahead_makes_no_room);
	RUN(http_who_holds_most_is_turned_away);
	RUN(http_requests_hold_so_much_together_and_no_more);
	RUN(http_body_in_small_pieces_is_counted_as_what_it_takes);
	RUN(http_slow_body_cannot_push_its_deadline);
	RUN(http_that_is_not_open_yet_lets_wait);
	RUN(http_takes_a_socket_that_listens_already);
	RUN(http_that_is_closed_ends_what_it_has);
	RUN(listen_addresses);
	RUN(tokens_are_compared);
}
