/* The intake from the socket to the topic and back, before the cluster that librdkafka plays itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/test.h"
#include "yutang/app/intake.h"
#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"

enum { PRODUCE = 0 /* ApiKey */, PATIENCE_MS = 10000 };

#define ORDER "{\"id\":1,\"currency\":\"CNY\",\"total_price\":\"1.00\",\"processed_at\":\"2025-08-01T10:00:00Z\",\"customer\":{\"id\":2},\"line_items\":[]}"

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static struct event_base *base;
static struct yt_conf conf;
static struct yt_problems problems;
static struct yt_kafka_conf kafka;
static struct yt_kafka_prop brokers;
static struct yt_intake *intake;
static struct yt_arena arena;
static char answer[4096];

static void start_kafka(void)
{
	static const char *const topics[] = { "t.orders", "t.groups", "t.referrals", "t.commands", "t.dead-letters" };
	rd_kafka_conf_t *quiet = rd_kafka_conf_new();
	char text[256];

	rd_kafka_conf_set(quiet, "log_level", "0", text, sizeof text);
	host = rd_kafka_new(RD_KAFKA_PRODUCER, quiet, text, sizeof text);
	cluster = host ? rd_kafka_mock_cluster_new(host, 1) : NULL;
	CHECK(cluster);
	for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
		CHECK(rd_kafka_mock_topic_create(cluster, topics[i], 4, 1) == 0);
}

static void start(void)
{
	struct yt_kafka_feed *feed;
	struct yt_err err = { 0 };

	start_kafka();
	yt_conf_init(&conf);
	yt_problems_init(&problems, "f");
	CHECK_MSG(yt_conf_parse(&conf, "f", YT_S("[kafka]\nbootstrap.servers = x\n[topics]\nprefix = t.\n[intake]\nlisten = 127.0.0.1:0\n"
	                                         "[shop \"s1\"]\nshopify_secret = hush\nhash_key = pepper\n"), &problems) == 0, "%.*s", (int)problems.text.n, problems.text.p);
	yt_conf_kafka(&conf, &kafka);
	brokers = (struct yt_kafka_prop){ .name = "bootstrap.servers", .value = (char *)(uintptr_t)rd_kafka_mock_cluster_bootstraps(cluster) };
	kafka.props = &brokers;
	kafka.n_props = 1;
	yt_arena_init(&arena, 0);
	base = event_base_new();
	intake = yt_intake_new(base, &conf, 0, &err);
	CHECK_MSG(intake, "%s", err.msg);
	feed = yt_intake_feed_new(&conf, &kafka, &err);
	CHECK_MSG(feed, "%s", err.msg);
	yt_intake_begin(intake, feed);
}

static void stop(void)
{
	yt_intake_free(intake);
	event_base_free(base);
	yt_arena_deinit(&arena);
	yt_problems_deinit(&problems);
	yt_conf_deinit(&conf);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
}

static int connected(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)yt_intake_port(intake)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* The status that a paid order is answered with, once the connection ends. */
static int order(struct yt_str body)
{
	int64_t until = yt_test_ms() + PATIENCE_MS;
	struct yt_buf request;
	unsigned char mac[32];
	size_t n = 0, sent = 0;
	ssize_t got;
	int fd = connected();

	yt_hmac_sha256((const unsigned char *)"hush", 4, body, mac);
	yt_buf_init(&request, &arena);
	yt_buf_printf(&request, "POST /hooks/s1/shopify HTTP/1.1\r\nConnection: close\r\nX-Shopify-Topic: orders/paid\r\nX-Shopify-Hmac-Sha256: %.*s\r\n"
	              "Content-Length: %u\r\n\r\n", YT_FMT(yt_base64(&arena, yt_str((const char *)mac, sizeof mac))), body.n);
	yt_buf_str_add(&request, body);
	do {
		got = send(fd, request.p + sent, request.n - sent, MSG_NOSIGNAL);
		sent += got > 0 ? (size_t)got : 0;
		event_base_loop(base, EVLOOP_ONCE); /* the intake's tick ends it */
		got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
		n += got > 0 ? (size_t)got : 0;
	} while ((got > 0 || (got < 0 && errno == EAGAIN)) && yt_test_ms() < until);
	answer[n] = '\0';
	close(fd);
	CHECK_MSG(strncmp(answer, "HTTP/1.1 ", 9) == 0, "`%s`", answer);
	return atoi(answer + 9);
}

TEST(intake_outlives_its_producer)
{
	int64_t until;

	start();
	CHECK_INT(order(YT_S(ORDER)), 200);
	rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	CHECK_INT(order(YT_S(ORDER)), 503);
	CHECK(strstr(answer, "Retry-After: 1\r\n"));
	until = yt_test_ms() + PATIENCE_MS;
	while (order(YT_S(ORDER)) != 200)
		CHECK(yt_test_ms() < until);
	stop();
}

/* The bytes of the one dead letter, and what it says of those that were cut off. */
static size_t letter(char truncated[16])
{
	rd_kafka_conf_t *c = rd_kafka_conf_new();
	int64_t until = yt_test_ms() + PATIENCE_MS;
	rd_kafka_message_t *m = NULL;
	rd_kafka_headers_t *headers;
	const void *value = "";
	rd_kafka_topic_t *topic;
	size_t n = 0, bytes;
	char text[256];
	rd_kafka_t *k;

	rd_kafka_conf_set(c, "bootstrap.servers", brokers.value, text, sizeof text);
	k = rd_kafka_new(RD_KAFKA_CONSUMER, c, text, sizeof text);
	CHECK_MSG(k, "%s", text);
	topic = rd_kafka_topic_new(k, "t.dead-letters", NULL);
	CHECK(rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) == 0);
	while (!m || m->err) {
		CHECK(yt_test_ms() < until);
		if (m)
			rd_kafka_message_destroy(m);
		m = rd_kafka_consume(topic, 0, 100);
	}
	if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_header_get_last(headers, "dl_truncated", &value, &n);
	snprintf(truncated, 16, "%.*s", (int)n, (const char *)value);
	bytes = m->len;
	rd_kafka_message_destroy(m);
	rd_kafka_consume_stop(topic, 0);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(k);
	return bytes;
}

/* A retry would not mend it, and hooks that fail are switched off. */
TEST(a_dead_letter_that_is_too_large_is_cut_and_taken)
{
	struct yt_buf b;
	char truncated[16];

	start();
	yt_buf_init(&b, &arena);
	yt_buf_z(&b, "{\"status\":\"");
	while (b.n < YT_INTAKE_BODY_BYTES_MAX - 2)
		yt_buf_c(&b, 'x');
	yt_buf_z(&b, "\"}");
	CHECK_INT(order(yt_buf_str(&b)), 200);
	CHECK(letter(truncated) < 1000 * 1000);
	CHECK_INT(atoi(truncated), YT_INTAKE_BODY_BYTES_MAX);
	stop();
}

TEST_MAIN
{
	RUN(intake_outlives_its_producer);
	RUN(a_dead_letter_that_is_too_large_is_cut_and_taken);
}
