/* The producer of events, before the cluster that librdkafka plays itself, which can be told to answer with errors. */
#include <poll.h>

#include "io/kafka_int.h"
#include "test.h"

/* Needs what kafka_int.h includes. */
#include <librdkafka/rdkafka_mock.h>

enum { PRODUCE = 0 /* ApiKey */, PATIENCE_MS = 10000 };

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static struct yt_kafka_prop props[1] = { { .name = "bootstrap.servers" } };
static struct yt_kafka_conf conf = { .props = props, .n_props = 1, .prefix = "t.", .partitions = 4, .output_partitions = 4, .replication = 1 };
static struct yt_kafka_feed *feed;
static int good, bad, tags; /* reports; the sum of their tags */

static void on_report(void *ctx, void *tag, int partition, int64_t offset, const char *why)
{
	(void)ctx, (void)partition, (void)offset;
	tags += *(int *)tag;
	*(why ? &bad : &good) += 1;
}

static void start(void)
{
	rd_kafka_conf_t *quiet = rd_kafka_conf_new();
	char text[256];
	struct yt_err err;

	rd_kafka_conf_set(quiet, "log_level", "0", text, sizeof text);
	host = rd_kafka_new(RD_KAFKA_PRODUCER, quiet, text, sizeof text);
	cluster = host ? rd_kafka_mock_cluster_new(host, 1) : NULL;
	CHECK(cluster && rd_kafka_mock_topic_create(cluster, "t.orders", 4, 1) == 0);
	props[0].value = rd_kafka_mock_cluster_bootstraps(cluster);
	feed = yt_kafka_feed_new(&conf, 4000, &err);
	CHECK_MSG(feed && yt_kafka_feed_find(feed, "orders", &err) >= 0, "%s", err.msg);
	yt_kafka_feed_on_report(feed, on_report, NULL);
	good = bad = tags = 0;
}

static void stop(void)
{
	yt_kafka_feed_free(feed);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
}

static int offer(int *tag)
{
	struct yt_kafka_feed_record rec = { .topic = "orders", .partition = -1, .key = YT_S("s1/m1"), .value = YT_S("{}"), .tag = tag };
	struct yt_err err;

	return yt_kafka_feed_offer(feed, &rec, &err);
}

/* Woken by the descriptor, as a loop is, until there are so many reports. */
static void until_reports(int n)
{
	struct pollfd fd = { .fd = yt_kafka_feed_fd(feed), .events = POLLIN };

	for (int64_t end = yt_kafka_mono_ms() + PATIENCE_MS; good + bad < n && yt_kafka_mono_ms() < end;)
		if (poll(&fd, 1, 100) > 0)
			yt_kafka_feed_poll(feed);
	CHECK_INT(good + bad, n);
}

/* A sequence number that the broker does not expect for what it was sent first: the library gives the producer up. */
static void kill_producer(int *tag)
{
	char why[256];
	int before = good + bad;

	rd_kafka_mock_push_request_errors(cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	CHECK_INT(offer(tag), 0);
	until_reports(before + 1);
	CHECK(yt_kafka_feed_dead(feed, why) && why[0]);
	CHECK_INT(offer(tag), -1);
}

TEST(feed_goes_on_with_a_new_producer)
{
	static int one = 1, ten = 10, hundred = 100;
	struct yt_err err;
	char why[256];

	start();
	CHECK_INT(offer(&one), 0);
	until_reports(1);
	CHECK_INT(good, 1);
	for (int k = 1; k <= 2; k++) {
		kill_producer(&ten);
		CHECK_INT(bad, k);
		CHECK_MSG(yt_kafka_feed_renew(feed, &err) == 0, "%s", err.msg);
		CHECK(!yt_kafka_feed_dead(feed, why));
		CHECK_INT(offer(&hundred), 0);
		until_reports(1 + 2 * k);
		CHECK_INT(good, 1 + k);
		CHECK_INT(tags, 1 + 110 * k);
	}
	stop();
}

/* Each that was taken has its report when the dead producer goes, also what was on its way. */
TEST(feed_reports_what_the_dead_producer_had)
{
	static int one = 1;
	struct yt_err err;

	start();
	rd_kafka_mock_broker_set_rtt(cluster, 1, 60000);
	for (int i = 0; i < 20; i++)
		CHECK_INT(offer(&one), 0);
	CHECK_MSG(yt_kafka_feed_renew(feed, &err) == 0, "%s", err.msg);
	CHECK_INT(bad, 20);
	CHECK_INT(tags, 20);
	rd_kafka_mock_broker_set_rtt(cluster, 1, 0);
	stop();
}

TEST_MAIN
{
	RUN(feed_goes_on_with_a_new_producer);
	RUN(feed_reports_what_the_dead_producer_had);
}
