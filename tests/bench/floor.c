/* The floor: what this machine does with the same events when nothing is decided, kept or sent. Consume with a large fetch queue, search three
 * fields, one pipelined HSET an event. No guarantee and no output: an event is lost with the process.
 *
 *   floor BROKERS TOPIC N REDIS_HOST REDIS_PORT [QUEUE_KB]
 *
 * prints {"events":N,"seconds":S,"cpu_s":S,"rss_mb":M}, from the first record to the last answer of Redis. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workload.h"

enum { POLL_RECORDS = 10000, OUT_BYTES = 64 * 1024, AHEAD_MAX = 100000 };

static struct {
	int fd;
	char out[OUT_BYTES + WL_VALUE_MAX];
	size_t n;
	uint64_t asked, answered;
} redis;

static void redis_open(const char *host, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int one = 1;

	redis.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (redis.fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 || connect(redis.fd, (struct sockaddr *)&to, sizeof to) != 0)
		wl_die("Redis on %s:%d: %s", host, port, strerror(errno));
	setsockopt(redis.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* HSET answers `:N`: an answer is a line. */
static void redis_take(bool wait)
{
	char in[65536];
	ssize_t n;

	while ((n = recv(redis.fd, in, sizeof in, wait ? 0 : MSG_DONTWAIT)) > 0) {
		for (char *p = in; (p = memchr(p, '\n', (size_t)(in + n - p))); p++)
			redis.answered++;
		if (memchr(in, '-', (size_t)n))
			wl_die("Redis: %.*s", (int)(n < 100 ? n : 100), in);
		wait = false;
	}
	if (n == 0)
		wl_die("Redis closed the connection");
}

static void redis_send(void)
{
	for (size_t at = 0; at < redis.n;) {
		ssize_t n = send(redis.fd, redis.out + at, redis.n - at, MSG_NOSIGNAL);

		if (n < 0)
			wl_die("Redis: %s", strerror(errno));
		at += (size_t)n;
	}
	redis.n = 0;
	redis_take(false);
	while (redis.asked - redis.answered > AHEAD_MAX)
		redis_take(true);
}

struct text {
	const char *p;
	size_t n;
};

/* What stands behind `name`, up to the next quote or comma. */
static struct text field(const rd_kafka_message_t *m, const char *name, size_t n)
{
	const char *value = m->payload, *at = memmem(value, m->len, name, n), *end = value + m->len;
	size_t k = 0;

	if (!at)
		wl_die("an event without %s", name);
	at += n;
	while (at + k < end && at[k] != '"' && at[k] != ',')
		k++;
	return (struct text){ at, k };
}
#define FIELD(m, name) field(m, name, sizeof name - 1)

static void put(struct text t)
{
	char digits[12];
	int k = 0;

	redis.out[redis.n++] = '$';
	for (size_t v = t.n; v || !k; v /= 10)
		digits[k++] = (char)('0' + v % 10);
	while (k)
		redis.out[redis.n++] = digits[--k];
	memcpy(redis.out + redis.n, "\r\n", 2);
	memcpy(redis.out + redis.n + 2, t.p, t.n);
	memcpy(redis.out + redis.n + 2 + t.n, "\r\n", 2);
	redis.n += t.n + 4;
}

static void take(const rd_kafka_message_t *m)
{
	static const char head[] = "*6\r\n$4\r\nHSET\r\n";
	struct text order = FIELD(m, "\"order\":\""), member = FIELD(m, "\"member\":\""), amount = FIELD(m, "\"amount\":");

	memcpy(redis.out + redis.n, head, sizeof head - 1);
	redis.n += sizeof head - 1;
	put(member);
	put((struct text){ "order", 5 });
	put(order);
	put((struct text){ "amount", 6 });
	put(amount);
	redis.asked++;
	if (redis.n >= OUT_BYTES)
		redis_send();
}

static double rss_mb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	double kb = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtod(line + 6, NULL);
	if (f)
		fclose(f);
	return kb / 1024;
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_message_t **m = calloc(POLL_RECORDS, sizeof *m);
	uint64_t n, got = 0;
	int64_t began = 0, heard, ended;
	struct rusage u;
	rd_kafka_t *rk;

	if (argc < 6 || argc > 7) {
		fprintf(stderr, "usage: floor BROKERS TOPIC N REDIS_HOST REDIS_PORT [QUEUE_KB]\n");
		return 64;
	}
	n = wl_number(argv[3], "N");
	redis_open(argv[4], (int)wl_number(argv[5], "REDIS_PORT"));
	wl_set(conf, "group.id", "bench-floor");
	wl_set(conf, "enable.auto.commit", "false");
	wl_set(conf, "queued.min.messages", "1000000");
	wl_set(conf, "queued.max.messages.kbytes", argc > 6 ? argv[6] : "1048576");
	wl_set(conf, "fetch.wait.max.ms", "100");
	rk = wl_client(RD_KAFKA_CONSUMER, conf, argv[1]);
	rd_kafka_poll_set_consumer(rk);
	wl_assign(rk, argv[2], false);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);

	heard = wl_now_us(CLOCK_MONOTONIC);
	while (got < n) {
		ssize_t k = rd_kafka_consume_batch_queue(queue, 10, m, POLL_RECORDS);

		if (k > 0)
			heard = wl_now_us(CLOCK_MONOTONIC);
		else if (wl_now_us(CLOCK_MONOTONIC) - heard > 60000000)
			wl_die("%" PRIu64 " of %" PRIu64 " events, and nothing more for 60 s", got, n);
		if (!began && k > 0)
			began = heard;
		for (ssize_t i = 0; i < k; i++) {
			if (!m[i]->err) {
				take(m[i]);
				got++;
			}
			rd_kafka_message_destroy(m[i]);
		}
	}
	redis_send();
	while (redis.answered < redis.asked)
		redis_take(true);
	ended = wl_now_us(CLOCK_MONOTONIC);
	getrusage(RUSAGE_SELF, &u);
	printf("{\"events\":%" PRIu64 ",\"seconds\":%.3f,\"cpu_s\":%.3f,\"rss_mb\":%.0f}\n", got, (double)(ended - began) / 1e6,
	       (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6, rss_mb());
	fflush(stdout);
	_exit(0); /* closing an idle consumer takes longer than the run */
}
