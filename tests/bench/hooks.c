/* Sends orders to the intake as Shopify does, over kept connections, and waits for each answer.
 *
 *   hooks PORT CONNECTIONS FROM N              each connection sends its next order when the last one is answered
 *   hooks PORT CONNECTIONS FROM N RATE WARM    RATE orders a second, in an open loop: latency counts from the moment an order was due, also where no
 *                                              connection was free then; the first WARM orders are not measured
 *   hooks --alike PORT N                       one connection, N times an unknown shop and N times a wrong signature, in turn
 *
 * Bodies are those of orders/paid, FROM and the N - 1 after it, signed before the clock starts. What is not answered 200 is sent again, as the platform
 * does, and its time goes on. Prints {"orders":N,"refused":N,"seconds":S,"cpu_s":S,"bytes":N,"p50_ms":..,"p95_ms":..,"p99_ms":..,"max_ms":..,"late_ms":..};
 * refused is how often something was sent again, bytes the mean body, late_ms how late the sender was at worst where a connection was free. With --alike
 * {"unknown_us":..,"wrong_us":..,"ratio":..} of the medians. Exit 1: an order that was not accepted, or two answers of --alike that are not the same but for `Date`. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/hmac.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hooks.h"

enum { CONNECTIONS_MAX = 1024, SIGNATURE = 44, REQUEST_MAX = 8192, ANSWER_MAX = 2048, PATIENCE_MS = 20000 };

struct conn {
	int fd;
	uint32_t order;
	size_t n; /* of its answer, so far */
	int64_t due;
	bool measured;
	char in[ANSWER_MAX];
};

static struct {
	uint16_t port;
	uint32_t from, n, rate, warm, n_conns;
	char *requests; /* one behind the other */
	size_t *ends;
	struct conn *conns;
	struct conn *idle[CONNECTIONS_MAX]; /* a ring, so that all take part */
	uint32_t idle_first, n_idle;
	uint32_t sent, accepted, refused;
	int64_t began, late, *took;
	uint32_t n_took;
	uint64_t bytes;
	int epoll;
} me;

/* ---- requests */

static void sign(const char *body, size_t n, char out[SIGNATURE + 1])
{
	unsigned char mac[32];

	if (!HMAC(EVP_sha256(), HOOKS_SECRET, sizeof HOOKS_SECRET - 1, (const unsigned char *)body, n, mac, NULL))
		wl_die("HMAC failed");
	EVP_EncodeBlock((unsigned char *)out, mac, sizeof mac);
}

static size_t request(const char *shop, uint32_t order, const char *signature, char out[REQUEST_MAX])
{
	char body[HOOKS_BODY_MAX];
	size_t n = hooks_body(order, body);
	int head = snprintf(out, REQUEST_MAX,
	                    "POST /hooks/%s/shopify HTTP/1.1\r\nHost: hooks.example.com\r\nUser-Agent: Shopify-Captain-Hook\r\nContent-Length: %zu\r\n"
	                    "Content-Type: application/json\r\nX-Shopify-Topic: orders/paid\r\nX-Shopify-Hmac-Sha256: %s\r\n"
	                    "X-Shopify-Shop-Domain: s1.myshopify.com\r\nX-Shopify-API-Version: 2025-07\r\n"
	                    "X-Shopify-Webhook-Id: b54557e4-bdd9-4b37-8a5f-%012" PRIu32 "\r\nX-Shopify-Event-Id: 98880550-7158-44d4-b7cd-%012" PRIu32 "\r\n"
	                    "X-Shopify-Triggered-At: 2025-08-01T10:00:01.123456789Z\r\nAccept: */*\r\nAccept-Encoding: gzip;q=1.0,deflate;q=0.6\r\n\r\n",
	                    shop, n, signature, order, order);

	memcpy(out + head, body, n);
	return (size_t)head + n;
}

/* Made beforehand: while the clock runs an order costs the sender little but the system's calls. */
static void sign_all(void)
{
	char body[HOOKS_BODY_MAX], signature[SIGNATURE + 1];
	size_t at = 0, room = 0;

	me.ends = malloc(me.n * sizeof *me.ends);
	for (uint32_t i = 0; i < me.n; i++) {
		size_t n = hooks_body(me.from + i, body);

		if (room - at < REQUEST_MAX) {
			room = room ? 2 * room : 1 << 20;
			me.requests = realloc(me.requests, room);
		}
		if (!me.ends || !me.requests)
			wl_die("out of memory");
		sign(body, n, signature);
		at += request("s1", me.from + i, signature, me.requests + at);
		me.ends[i] = at;
		me.bytes += n;
	}
}

static int connected(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(me.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		wl_die("127.0.0.1:%u: %s", me.port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

/* Never waits for long: all that was sent before on this connection was read. */
static void send_bytes(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0)
			wl_die("sending: %s", strerror(errno));
		p += k;
		n -= (size_t)k;
	}
}

/* Bytes of the answer at p, or 0: not all of it is here. */
static size_t answer_size(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4), *length = end ? memmem(p, (size_t)(end - p), "Content-Length: ", 16) : NULL;
	size_t all;

	if (!end)
		return 0;
	if (!length)
		wl_die("an answer without a length: %.*s", (int)n, p);
	all = (size_t)(end + 4 - p) + strtoul(length + 16, NULL, 10);
	return n >= all ? all : 0;
}

/* ---- many connections */

static void send_order(struct conn *c)
{
	size_t from = c->order ? me.ends[c->order - 1] : 0;

	c->n = 0;
	send_bytes(c->fd, me.requests + from, me.ends[c->order] - from);
}

static void next_order(struct conn *c, int64_t now)
{
	uint32_t i = c->order = me.sent++;

	c->due = me.rate ? me.began + (int64_t)i * 1000000 / me.rate : now;
	c->measured = i >= me.warm;
	send_order(c);
}

static void take_answer(struct conn *c)
{
	ssize_t k = recv(c->fd, c->in + c->n, sizeof c->in - c->n, MSG_DONTWAIT);
	int64_t now;

	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (k <= 0)
		wl_die("the intake closed a connection");
	c->n += (size_t)k;
	if (!answer_size(c->in, c->n))
		return;
	now = wl_now_us(CLOCK_MONOTONIC);
	if (memcmp(c->in, "HTTP/1.1 200 ", 13) != 0) {
		if (memcmp(c->in, "HTTP/1.1 503 ", 13) != 0 || ++me.refused > me.n)
			wl_die("%" PRIu32 " orders of %" PRIu32 " are accepted, the next is answered %.*s", me.accepted, me.n, (int)c->n, c->in);
		send_order(c);
		return;
	}
	me.accepted++;
	if (c->measured)
		me.took[me.n_took++] = now - c->due;
	me.idle[(me.idle_first + me.n_idle++) % me.n_conns] = c;
}

/* What is due, as far as connections are free. us until the next is due; -1: none is before an answer came. */
static int64_t send_due(void)
{
	while (me.sent < me.n && me.n_idle) {
		int64_t now = wl_now_us(CLOCK_MONOTONIC), due = me.rate ? me.began + (int64_t)me.sent * 1000000 / me.rate : now;

		if (now < due)
			return due - now;
		next_order(me.idle[me.idle_first], now);
		me.idle_first = (me.idle_first + 1) % me.n_conns;
		me.n_idle--;
	}
	return -1;
}

static void open_all(void)
{
	me.epoll = epoll_create1(EPOLL_CLOEXEC);
	me.conns = calloc(me.n_conns, sizeof *me.conns);
	me.took = malloc(me.n * sizeof *me.took);
	if (!me.conns || !me.took || me.epoll < 0)
		wl_die("out of memory");
	for (uint32_t i = 0; i < me.n_conns; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &me.conns[i] };

		me.conns[i].fd = connected();
		if (epoll_ctl(me.epoll, EPOLL_CTL_ADD, me.conns[i].fd, &e))
			wl_die("epoll: %s", strerror(errno));
		me.idle[me.n_idle++] = &me.conns[i];
	}
}

static void send_all(void)
{
	struct epoll_event events[CONNECTIONS_MAX];
	int64_t heard;

	me.began = heard = wl_now_us(CLOCK_MONOTONIC);
	while (me.accepted < me.n) {
		int64_t left = send_due(), before = wl_now_us(CLOCK_MONOTONIC);
		struct timespec wait = { .tv_nsec = left >= 0 ? left * 1000 : 999999999 };
		int n = epoll_pwait2(me.epoll, events, CONNECTIONS_MAX, &wait, NULL);
		int64_t now = wl_now_us(CLOCK_MONOTONIC);

		if (n < 0 && errno != EINTR)
			wl_die("epoll: %s", strerror(errno));
		if (left >= 0 && now - before - left > me.late)
			me.late = now - before - left;
		if (n > 0)
			heard = now;
		else if (now - heard > PATIENCE_MS * INT64_C(1000) && !me.rate)
			wl_die("no answer for %d s: %" PRIu32 " of %" PRIu32, PATIENCE_MS / 1000, me.accepted, me.n);
		for (int i = 0; i < n; i++)
			take_answer(events[i].data.ptr);
	}
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double part_of(int64_t *v, uint32_t n, double part)
{
	qsort(v, n, sizeof *v, by_value);
	return n ? (double)v[(size_t)(part * (n - 1))] / 1e3 : 0;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int load(void)
{
	double before, seconds, cpu;

	sign_all();
	open_all();
	before = cpu_s();
	send_all();
	seconds = (double)(wl_now_us(CLOCK_MONOTONIC) - me.began) / 1e6;
	cpu = cpu_s() - before;
	printf("{\"orders\":%" PRIu32 ",\"refused\":%" PRIu32 ",\"seconds\":%.3f,\"cpu_s\":%.3f,\"bytes\":%" PRIu64
	       ",\"p50_ms\":%.2f,\"p95_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"late_ms\":%.2f}\n",
	       me.n, me.refused, seconds, cpu, me.bytes / me.n, part_of(me.took, me.n_took, .5), part_of(me.took, me.n_took, .95),
	       part_of(me.took, me.n_took, .99), part_of(me.took, me.n_took, 1), (double)me.late / 1e3);
	return 0;
}

/* ---- one connection, two kinds */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t ask(int fd, const char *request, size_t n, char answer[ANSWER_MAX], size_t *got)
{
	int64_t began = now_ns();

	send_bytes(fd, request, n);
	for (*got = 0; !answer_size(answer, *got);) {
		ssize_t k = recv(fd, answer + *got, ANSWER_MAX - *got, 0);

		if (k <= 0)
			wl_die("the intake closed the connection");
		*got += (size_t)k;
	}
	return now_ns() - began;
}

/* The second of a `Date` may be another one a moment later. */
static void hide_date(char *answer, size_t n)
{
	char *date = memmem(answer, n, "\r\nDate: ", 8);
	char *end = date ? memchr(date + 2, '\r', n - (size_t)(date + 2 - answer)) : NULL;

	if (end)
		memset(date + 8, '-', (size_t)(end - date - 8));
}

/* In pairs, now one first and now the other: what slows both for a while is in both. The names of the shops have one length, so that the requests have. */
static int alike(void)
{
	static const char *const shops[2] = { "s0", "s1" }; /* unknown; known, with a wrong signature */
	char body[HOOKS_BODY_MAX], signature[SIGNATURE + 1], requests[2][REQUEST_MAX], answers[2][ANSWER_MAX];
	size_t n[2], got[2];
	int64_t *took[2];
	int fd = connected();
	double us[2];

	sign(body, hooks_body(1, body), signature);
	for (int k = 0; k < 2; k++) {
		signature[0] = k == 0 ? signature[0] : signature[0] == 'A' ? 'B' : 'A';
		n[k] = request(shops[k], 1, signature, requests[k]);
		took[k] = malloc(me.n * sizeof *took[k]);
		if (!took[k])
			wl_die("out of memory");
	}
	for (uint32_t i = 0; i < 2 * me.n; i++) {
		int k = (int)((i ^ i >> 1) & 1);

		took[k][i / 2] = ask(fd, requests[k], n[k], answers[k], &got[k]);
		hide_date(answers[k], got[k]);
		if (i & 1 && (got[0] != got[1] || memcmp(answers[0], answers[1], got[0]) != 0 || memcmp(answers[0], "HTTP/1.1 401 ", 13) != 0))
			wl_die("not the same: %.*s%.*s", (int)got[0], answers[0], (int)got[1], answers[1]);
	}
	for (int k = 0; k < 2; k++)
		us[k] = part_of(took[k], me.n, .5);
	printf("{\"unknown_us\":%.2f,\"wrong_us\":%.2f,\"ratio\":%.4f}\n", us[0], us[1], us[0] / us[1]);
	return 0;
}

int main(int argc, char **argv)
{
	bool pair = argc == 4 && strcmp(argv[1], "--alike") == 0;

	if (!pair && argc != 5 && argc != 7) {
		fprintf(stderr, "usage: hooks PORT CONNECTIONS FROM N [RATE WARM]\n       hooks --alike PORT N\n");
		return 64;
	}
	argv += pair;
	me.port = (uint16_t)wl_number(argv[1], "PORT");
	if (pair) {
		me.n = wl_number(argv[2], "N");
		return alike();
	}
	me.n_conns = wl_number(argv[2], "CONNECTIONS");
	me.from = wl_number(argv[3], "FROM");
	me.n = wl_number(argv[4], "N");
	if (me.n_conns > CONNECTIONS_MAX)
		wl_die("at most %d connections", CONNECTIONS_MAX);
	if (argc == 7) {
		me.rate = wl_number(argv[5], "RATE");
		me.warm = wl_number(argv[6], "WARM");
	}
	return load();
}
