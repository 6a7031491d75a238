/* Sends the events of a workload in an open loop and measures, by one clock, from the moment an event was due to be sent to the moment a
 * read_committed reader sees its coupon.
 *
 *   pace BROKERS ORDERS COUPONS RATE WARM_SECONDS SECONDS SEED      the mixed workload
 *   pace --trace FILE BROKERS ORDERS COUPONS RATE WORKLOAD SEED     until its input is closed, or all of the workload is sent
 *
 * FILE gets `US SHARD` for each coupon, US by CLOCK_MONOTONIC when it was seen. Coupons that were there before are passed over.
 *
 * Prints {"events":N,"coupons":N,"lost":N,"doubled":N,"unexpected":N,"p50_ms":..,"p95_ms":..,"p99_ms":..,"max_ms":..,"late_ms":..}; the
 * coupons measured are those of events due after the warm-up; late_ms is how late the sender was at worst. Exit 1: lost, doubled or unexpected. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "workload.h"

enum { PATIENCE_US = 30000000 };

static struct {
	struct wl w;
	const char *brokers, *orders, *coupons;
	uint32_t rate, warm; /* events a second; these first ones are not measured */
	int partitions;
	FILE *trace;
	int64_t began;            /* due moment of event 0 */
	_Atomic int64_t late, failed;
	_Atomic int64_t events; /* that are sent, once all are; -1 before */
} me = { .events = -1 };

static int64_t due(uint32_t event)
{
	return me.began + (int64_t)event * 1000000 / me.rate;
}

static bool told_to_end(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return me.trace && poll(&in, 1, 0) != 0;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
	(void)rk;
	(void)ctx;
	if (m->err)
		atomic_fetch_add(&me.failed, 1);
}

static void *send_all(void *ctx)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_t *rkt;
	rd_kafka_t *rk;
	uint32_t i;

	(void)ctx;
	wl_set(conf, "linger.ms", "5");
	wl_set(conf, "enable.idempotence", "true");
	wl_set(conf, "partitioner", "murmur2_random");
	wl_set(conf, "socket.nagle.disable", "true");
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rk = wl_client(RD_KAFKA_PRODUCER, conf, me.brokers);
	rkt = rd_kafka_topic_new(rk, me.orders, NULL);
	wl_partitions(rk, me.orders);
	me.began = wl_now_us(CLOCK_MONOTONIC) + 500000;
	for (i = 0; i < me.w.n && !told_to_end(); i++) {
		char key[WL_KEY_MAX], value[WL_VALUE_MAX];
		size_t key_n = (size_t)wl_key(&me.w, i, key), value_n = (size_t)wl_value(&me.w, i, value);
		int64_t left;

		while ((left = due(i) - wl_now_us(CLOCK_MONOTONIC)) > 0) {
			rd_kafka_poll(rk, 0);
			usleep((useconds_t)left);
		}
		if (-left > atomic_load(&me.late))
			atomic_store(&me.late, -left);
		while (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, value_n, key, key_n, NULL))
			rd_kafka_poll(rk, 1);
	}
	rd_kafka_flush(rk, 30000);
	atomic_store(&me.events, i);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static uint32_t coupons_expected(int64_t events)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i <= me.w.mask; i++)
		n += me.w.coupons[i].seen != UINT32_MAX && me.w.coupons[i].event < events;
	return n;
}

static void write_trace(uint32_t event, int64_t seen)
{
	char key[WL_KEY_MAX];
	size_t n = (size_t)wl_key(&me.w, event, key);

	fprintf(me.trace, "%" PRId64 " %d\n", seen, (int)rd_kafka_msg_partitioner_murmur2(NULL, key, n, me.partitions, NULL, NULL));
}

static struct counts {
	uint32_t expected, distinct, doubled, unexpected, n;
} read_all(rd_kafka_t *rk, int64_t *took)
{
	struct counts is = { .expected = UINT32_MAX };
	int64_t heard = wl_now_us(CLOCK_MONOTONIC);

	while (is.distinct < is.expected) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
		int64_t now = wl_now_us(CLOCK_MONOTONIC);

		if (m && !m->err) {
			struct wl_coupon *c = wl_see(&me.w, m->payload, m->len);

			heard = now;
			is.unexpected += !c;
			is.doubled += c && c->seen == 2;
			if (c && c->seen == 1) {
				is.distinct++;
				if (c->event >= me.warm)
					took[is.n++] = now - due(c->event);
				if (me.trace)
					write_trace(c->event, now);
			}
		}
		if (m)
			rd_kafka_message_destroy(m);
		if (atomic_load(&me.events) >= 0 && is.expected == UINT32_MAX) {
			is.expected = coupons_expected(atomic_load(&me.events));
			heard = now;
		}
		if (is.expected != UINT32_MAX && now - heard > PATIENCE_US)
			break;
	}
	return is;
}

static void print(const struct counts *is, int64_t *took)
{
	static const struct {
		const char *name;
		double part;
	} parts[] = { { "p50_ms", .5 }, { "p95_ms", .95 }, { "p99_ms", .99 } };

	qsort(took, is->n, sizeof *took, by_value);
	printf("{\"events\":%" PRIu32 ",\"coupons\":%" PRIu32 ",\"lost\":%" PRIu32 ",\"doubled\":%" PRIu32 ",\"unexpected\":%" PRIu32, (uint32_t)me.events, is->n,
	       is->expected - is->distinct, is->doubled, is->unexpected);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		printf(",\"%s\":%.1f", parts[i].name, is->n ? (double)took[(size_t)(parts[i].part * (is->n - 1))] / 1e3 : 0);
	printf(",\"max_ms\":%.1f,\"late_ms\":%.1f}\n", is->n ? (double)took[is->n - 1] / 1e3 : 0, (double)me.late / 1e3);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool trace = argc == 9 && strcmp(argv[1], "--trace") == 0;
	char workload[16];
	struct counts is;
	pthread_t sender;
	int64_t *took;
	rd_kafka_t *rk;

	if (!trace && argc != 8) {
		fprintf(stderr, "usage: pace BROKERS ORDERS COUPONS RATE WARM_SECONDS SECONDS SEED\n"
		                "       pace --trace FILE BROKERS ORDERS COUPONS RATE WORKLOAD SEED\n");
		return 64;
	}
	if (trace && !(me.trace = fopen(argv[2], "we")))
		wl_die("%s can't be written", argv[2]);
	argv += trace ? 2 : 0;
	me.brokers = argv[1];
	me.orders = argv[2];
	me.coupons = argv[3];
	me.rate = wl_number(argv[4], "RATE");
	if (!trace) {
		me.warm = me.rate * wl_number(argv[5], "WARM_SECONDS");
		snprintf(workload, sizeof workload, "%" PRIu32, me.warm + me.rate * wl_number(argv[6], "SECONDS"));
	}
	wl_init(&me.w, trace ? argv[5] : workload, wl_number(argv[trace ? 6 : 7], "SEED"));
	took = malloc((me.w.n_coupons ? me.w.n_coupons : 1) * sizeof *took);
	rk = wl_reader(me.brokers);
	me.partitions = wl_partitions(rk, me.orders);
	wl_assign(rk, me.coupons, trace);
	if (!took || pthread_create(&sender, NULL, send_all, NULL))
		wl_die("out of memory");
	is = read_all(rk, took);
	pthread_join(sender, NULL);
	if (me.failed)
		wl_die("%" PRId64 " events were not taken by the broker", me.failed);
	print(&is, took);
	if (me.trace)
		fclose(me.trace);
	_exit(is.distinct == is.expected && !is.doubled && !is.unexpected ? 0 : 1);
}
