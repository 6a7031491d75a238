/* Produces records from lines, without loss or duplicates of its own, through restarts of the broker. See usage().
 * Knows librdkafka alone and nothing of the daemon, so that a test may trust what it says was acknowledged. */
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void usage(FILE *to)
{
	fputs("usage: kproduce [-q] [-e] [-X NAME=VALUE]... BROKERS <LINES\n"
	      "\n"
	      "Each line of the standard input is a record, its fields parted by tabs:\n"
	      "\n"
	      "  TOPIC PARTITION KEY VALUE [NAME=VALUE]...\n"
	      "\n"
	      "  PARTITION   a number; -1: murmur2 of the key (Java's default); -2: CRC32 of the key (librdkafka's default)\n"
	      "  KEY, VALUE  \\N alone: none (null); an empty field is an empty text\n"
	      "  NAME=VALUE  headers\n"
	      "\n"
	      "  -e  \\t \\n \\r \\\\ \\xHH stand for bytes in KEY, VALUE and the headers' values\n"
	      "  -q  only the last line\n"
	      "  -X  a property of librdkafka\n"
	      "\n"
	      "For each record that the broker acknowledged (acks=all, idempotent, in the order of the lines within a\n"
	      "partition) it prints `LINE TOPIC PARTITION OFFSET`, for each that failed for good `LINE error TEXT`; fields\n"
	      "are parted by tabs, LINE counts from 1, OFFSET is -1 where the broker's answer had none. At the end of the\n"
	      "input it waits for all reports and prints `done ACKNOWLEDGED FAILED`. Exit 0: all were acknowledged.\n",
	      to);
}

enum { TOPICS_MAX = 64, FIELDS_MAX = 128, METADATA_SECONDS = 120 };

static struct {
	rd_kafka_t *rk;
	struct topic {
		char *name;
		rd_kafka_topic_t *rkt;
		int partitions;
	} topics[TOPICS_MAX];
	int n_topics;
	uint64_t lines, acked, failed;
	bool quiet, escapes;
} me;

static _Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("kproduce: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void fail(uint64_t line, const char *why)
{
	me.failed++;
	if (!me.quiet)
		printf("%llu\terror\t%s\n", (unsigned long long)line, why);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	unsigned long long line = (uintptr_t)m->_private;

	(void)rk;
	(void)opaque;
	if (m->err) {
		fail(line, rd_kafka_message_errstr(m));
		return;
	}
	me.acked++;
	if (!me.quiet)
		printf("%llu\t%s\t%d\t%lld\n", line, rd_kafka_topic_name(m->rkt), (int)m->partition, (long long)m->offset);
}

/* Connections come and go in these tests; only what ends the producer is worth a word. */
static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	char text[512];

	(void)opaque;
	if (err == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_fatal_error(rk, text, sizeof text);
		die("fatal: %s: %s", reason, text);
	}
}

static int count_partitions(rd_kafka_topic_t *rkt)
{
	for (int tries = 0; tries < METADATA_SECONDS; tries++) {
		const struct rd_kafka_metadata *md;
		int n = 0;

		rd_kafka_poll(me.rk, 0);
		if (rd_kafka_metadata(me.rk, 0, rkt, &md, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR)
			continue;
		if (md->topic_cnt == 1 && md->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
			n = md->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(md);
		if (n > 0)
			return n;
		usleep(100000);
	}
	die("topic %s: no partitions known after %d s", rd_kafka_topic_name(rkt), METADATA_SECONDS);
}

static struct topic *find_topic(const char *name)
{
	struct topic *t;

	for (int i = 0; i < me.n_topics; i++)
		if (strcmp(me.topics[i].name, name) == 0)
			return &me.topics[i];
	if (me.n_topics == TOPICS_MAX)
		die("more than %d topics", TOPICS_MAX);
	t = &me.topics[me.n_topics++];
	t->name = strdup(name);
	t->rkt = rd_kafka_topic_new(me.rk, name, NULL);
	if (!t->name || !t->rkt)
		die("topic %s: %s", name, rd_kafka_err2str(rd_kafka_last_error()));
	t->partitions = count_partitions(t->rkt);
	return t;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; returns the new length. */
static size_t unescape(char *s)
{
	char *from = s, *to = s;

	if (!me.escapes)
		return strlen(s);
	while (*from) {
		if (*from != '\\' || !from[1]) {
			*to++ = *from++;
			continue;
		}
		from += 2;
		switch (from[-1]) {
		case 't': *to++ = '\t'; break;
		case 'n': *to++ = '\n'; break;
		case 'r': *to++ = '\r'; break;
		case 'x':
			if (hex(from[0]) >= 0 && hex(from[1]) >= 0) {
				*to++ = (char)(hex(from[0]) << 4 | hex(from[1]));
				from += 2;
				break;
			}
			*to++ = 'x';
			break;
		default: *to++ = from[-1]; break;
		}
	}
	*to = 0;
	return (size_t)(to - s);
}

static rd_kafka_headers_t *headers_of(char **field, int n)
{
	rd_kafka_headers_t *headers = n ? rd_kafka_headers_new((size_t)n) : NULL;

	for (int i = 0; i < n; i++) {
		char *value = strchr(field[i], '=');

		if (!value) {
			rd_kafka_headers_destroy(headers);
			return NULL;
		}
		*value++ = 0;
		rd_kafka_header_add(headers, field[i], -1, value, (ssize_t)unescape(value));
	}
	return headers;
}

static bool partition_of(const struct topic *t, const char *text, const char *key, size_t key_n, int32_t *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < -2 || n > INT32_MAX)
		return false;
	if (n == -1)
		*out = rd_kafka_msg_partitioner_murmur2(t->rkt, key, key_n, t->partitions, NULL, NULL);
	else if (n == -2)
		*out = rd_kafka_msg_partitioner_consistent(t->rkt, key, key_n, t->partitions, NULL, NULL);
	else
		*out = (int32_t)n;
	return true;
}

static void produce(char *line)
{
	char *field[FIELDS_MAX];
	rd_kafka_headers_t *headers;
	const struct topic *t;
	size_t key_n = 0, value_n = 0;
	const char *key = NULL, *value = NULL;
	int32_t partition;
	int n = 0;

	me.lines++;
	for (char *at = line; at && n < FIELDS_MAX; n++) {
		field[n] = at;
		at = strchr(at, '\t');
		if (at)
			*at++ = 0;
	}
	if (n < 4 || n == FIELDS_MAX) {
		fail(me.lines, "no record: TOPIC PARTITION KEY VALUE [NAME=VALUE]... with tabs between");
		return;
	}
	if (strcmp(field[2], "\\N") != 0) {
		key_n = unescape(field[2]);
		key = field[2];
	}
	if (strcmp(field[3], "\\N") != 0) {
		value_n = unescape(field[3]);
		value = field[3];
	}
	t = find_topic(field[0]);
	headers = headers_of(field + 4, n - 4);
	if ((n > 4 && !headers) || !partition_of(t, field[1], key, key_n, &partition)) {
		fail(me.lines, "bad partition or header");
		return;
	}
	for (;;) {
		rd_kafka_resp_err_t err = rd_kafka_producev(
			me.rk, RD_KAFKA_V_RKT(t->rkt), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key_n),
			RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value_n), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_OPAQUE((void *)(uintptr_t)me.lines), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);

		if (!err)
			return; /* the headers are the record's now */
		if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
			if (headers)
				rd_kafka_headers_destroy(headers);
			fail(me.lines, rd_kafka_err2str(err));
			return;
		}
		rd_kafka_poll(me.rk, 100);
		fflush(stdout);
	}
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[512];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
		die("%s", text);
}

static void start(rd_kafka_conf_t *conf, const char *brokers)
{
	char text[512];

	set(conf, "bootstrap.servers", brokers);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_error_cb(conf, on_error);
	me.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (!me.rk)
		die("%s", text);
}

static void defaults(rd_kafka_conf_t *conf)
{
	static const char *const values[][2] = {
		{ "enable.idempotence", "true" },
		{ "acks", "all" },
		{ "message.timeout.ms", "0" }, /* never given up */
		{ "linger.ms", "2" },
		{ "retry.backoff.ms", "20" },
		{ "reconnect.backoff.ms", "50" },
		{ "reconnect.backoff.max.ms", "250" },
		{ "queue.buffering.max.messages", "5000000" },
		{ "queue.buffering.max.kbytes", "1048576" },
		{ "message.max.bytes", "2000000" },
		{ "log_level", "2" },
	};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		set(conf, values[i][0], values[i][1]);
}

/* Whole lines out of the standard input until its end. */
static void read_lines(void)
{
	size_t size = 1 << 20, n = 0;
	char *buf = malloc(size);

	if (!buf)
		die("no memory");
	for (;;) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
		char *at = buf, *end;
		ssize_t got = 0;

		if (poll(&in, 1, 5) > 0 && (got = read(STDIN_FILENO, buf + n, size - n - 1)) < 0 && errno != EINTR)
			die("standard input: %s", strerror(errno));
		if (got == 0 && in.revents)
			break;
		n += got > 0 ? (size_t)got : 0;
		while ((end = memchr(at, '\n', n - (size_t)(at - buf)))) {
			*end = 0;
			produce(at);
			at = end + 1;
		}
		n -= (size_t)(at - buf);
		memmove(buf, at, n);
		if (n + 1 == size && !(buf = realloc(buf, size *= 2)))
			die("no memory");
		rd_kafka_poll(me.rk, 0);
		fflush(stdout);
	}
	if (n) {
		buf[n] = 0;
		produce(buf);
	}
	free(buf);
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int c;

	defaults(conf);
	while ((c = getopt(argc, argv, "qehX:")) != -1) {
		char *value;

		switch (c) {
		case 'q': me.quiet = true; break;
		case 'e': me.escapes = true; break;
		case 'h': usage(stdout); return 0;
		case 'X':
			value = strchr(optarg, '=');
			if (!value) {
				usage(stderr);
				return 64;
			}
			*value++ = 0;
			set(conf, optarg, value);
			break;
		default: usage(stderr); return 64;
		}
	}
	if (argc - optind != 1) {
		usage(stderr);
		return 64;
	}
	start(conf, argv[optind]);
	read_lines();
	while (rd_kafka_outq_len(me.rk) > 0) {
		rd_kafka_poll(me.rk, 20);
		fflush(stdout);
	}
	printf("done\t%llu\t%llu\n", (unsigned long long)me.acked, (unsigned long long)me.failed);
	fflush(stdout);
	for (int i = 0; i < me.n_topics; i++) {
		rd_kafka_topic_destroy(me.topics[i].rkt);
		free(me.topics[i].name);
	}
	rd_kafka_destroy(me.rk);
	return me.failed ? 1 : 0;
}
