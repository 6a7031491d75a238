/* What the intake made of the orders of hooks, read back; and the bare producer, which sends the same records once more.
 *
 *   topic BROKERS TOPIC FROM N                         order.paid and alias.bound of the order FROM and the N - 1 after it
 *   topic --again BROKERS TOPIC TO RECORDS WINDOW      the topic's records, over and over until RECORDS are sent, to the same partition and with the
 *                                                      intake's settings; at most WINDOW on their way
 *
 * Prints {"records":N,"bytes":N,"lost":N,"doubled":N,"unexpected":N}, where bytes is the mean of key and value, or {"records":N,"seconds":S,"cpu_s":S} from the
 * first record to the last acknowledgement. Exit 1: lost, doubled or unexpected, or not acknowledged. */
#include <sys/resource.h>
#include <unistd.h>

#include "hooks.h"

enum { KEEP_MAX = 200000 };

struct record {
	char *bytes; /* key, then value */
	size_t key, value;
	int partition;
};

static struct {
	uint32_t from, n;
	unsigned char *seen; /* of each order, how often its payment and its alias */
	struct record *kept;
	uint32_t n_kept;
	uint64_t records, bytes, doubled, unexpected;
	uint64_t acknowledged, failed;
} me;

/* ---- reading */

static void see(const char *value, size_t n)
{
	static const char *const ids[] = { "\"id\":\"order.paid/", "\"id\":\"alias.bound/order:" };

	for (int k = 0; k < 2; k++) {
		const char *at = memmem(value, n, ids[k], strlen(ids[k]));
		int64_t order = at ? strtoll(at + strlen(ids[k]), NULL, 10) - HOOKS_ID - me.from : -1;

		if (order < 0 || order >= me.n)
			continue;
		me.doubled += me.seen[2 * order + k] > 0;
		me.seen[2 * order + k] = 1;
		return;
	}
	me.unexpected++;
}

static void keep(const rd_kafka_message_t *m)
{
	struct record *r = &me.kept[me.n_kept++];

	*r = (struct record){ malloc(m->key_len + m->len), m->key_len, m->len, m->partition };
	if (!r->bytes)
		wl_die("out of memory");
	memcpy(r->bytes, m->key, m->key_len);
	memcpy(r->bytes + m->key_len, m->payload, m->len);
}

static void read_all(const char *brokers, const char *topic)
{
	rd_kafka_t *rk = wl_reader(brokers);
	int left = wl_assign(rk, topic, false);

	while (left > 0 && !(me.kept && me.n_kept == KEEP_MAX)) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 30000);

		if (!m)
			wl_die("%s: nothing for 30 s", topic);
		if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
			wl_die("%s: %s", topic, rd_kafka_message_errstr(m));
		if (m->err) {
			left--;
		} else {
			me.records++;
			me.bytes += m->key_len + m->len;
			if (me.kept)
				keep(m);
			else
				see(m->payload, m->len);
		}
		rd_kafka_message_destroy(m);
	}
}

static int count(void)
{
	uint64_t lost = 0;

	for (uint32_t i = 0; i < 2 * me.n; i++)
		lost += me.seen[i] == 0;
	printf("{\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"doubled\":%" PRIu64 ",\"unexpected\":%" PRIu64 "}\n", me.records,
	       me.records ? me.bytes / me.records : 0, lost, me.doubled, me.unexpected);
	return lost || me.doubled || me.unexpected;
}

/* ---- the bare producer */

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
	(void)rk;
	(void)ctx;
	me.acknowledged++;
	me.failed += m->err != 0;
}

/* Those of docs/configuration.md for what sends events. */
static rd_kafka_t *producer(const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	wl_set(conf, "enable.idempotence", "true");
	wl_set(conf, "linger.ms", "5");
	wl_set(conf, "batch.num.messages", "100000");
	wl_set(conf, "queue.buffering.max.messages", "2000000");
	wl_set(conf, "retry.backoff.ms", "1");
	wl_set(conf, "socket.nagle.disable", "true");
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	return wl_client(RD_KAFKA_PRODUCER, conf, brokers);
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int again(const char *brokers, const char *to, uint32_t n, uint32_t window)
{
	rd_kafka_t *rk = producer(brokers);
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, to, NULL);
	double before;
	int64_t began;

	if (!me.n_kept)
		wl_die("there is nothing to send again");
	wl_partitions(rk, to);
	before = cpu_s();
	began = wl_now_us(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < n; i++) {
		const struct record *r = &me.kept[i % me.n_kept];

		while (i - me.acknowledged >= window)
			rd_kafka_poll(rk, 100);
		while (rd_kafka_produce(rkt, r->partition, RD_KAFKA_MSG_F_COPY, r->bytes + r->key, r->value, r->bytes, r->key, NULL))
			rd_kafka_poll(rk, 1);
		rd_kafka_poll(rk, 0);
	}
	while (me.acknowledged < n)
		rd_kafka_poll(rk, 100);
	printf("{\"records\":%" PRIu32 ",\"seconds\":%.3f,\"cpu_s\":%.3f}\n", n, (double)(wl_now_us(CLOCK_MONOTONIC) - began) / 1e6, cpu_s() - before);
	return me.failed != 0;
}

int main(int argc, char **argv)
{
	bool bare = argc == 7 && strcmp(argv[1], "--again") == 0;
	int code;

	if (!bare && argc != 5) {
		fprintf(stderr, "usage: topic BROKERS TOPIC FROM N\n       topic --again BROKERS TOPIC TO RECORDS WINDOW\n");
		return 64;
	}
	if (bare) {
		me.kept = malloc(KEEP_MAX * sizeof *me.kept);
	} else {
		me.from = wl_number(argv[3], "FROM");
		me.n = wl_number(argv[4], "N");
		me.seen = calloc(me.n, 2);
	}
	if (!me.kept && !me.seen)
		wl_die("out of memory");
	read_all(argv[1 + bare], argv[2 + bare]);
	code = bare ? again(argv[2], argv[4], wl_number(argv[5], "RECORDS"), wl_number(argv[6], "WINDOW")) : count();
	fflush(stdout);
	_exit(code); /* closing an idle consumer takes long */
}
