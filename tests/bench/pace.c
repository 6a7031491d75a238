/* Sends the events of a workload in an open loop and measures, by one clock, from the moment an event was due to be sent to the moment a
 * read_committed reader sees its coupon.
 *
 *   pace BROKERS ORDERS COUPONS RATE WARM_SECONDS SECONDS SEED
 *
 * prints {"events":N,"coupons":N,"lost":N,"doubled":N,"unexpected":N,"p50_ms":..,"p95_ms":..,"p99_ms":..,"max_ms":..,"late_ms":..}; the
 * coupons measured are those of events due after the warm-up; late_ms is how late the sender was at worst. Exit 1: lost, doubled or unexpected. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "workload.h"

enum { PATIENCE_US = 30000000 };

static struct {
	struct wl w;
	const char *brokers, *orders, *coupons;
	uint32_t rate;
	int64_t began;            /* due moment of event 0 */
	_Atomic int64_t late, failed;
	atomic_bool reading, sent;
} me;

static int64_t due(uint32_t event)
{
	return me.began + (int64_t)event * 1000000 / me.rate;
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
	atomic_store(&me.reading, true);
	for (uint32_t i = 0; i < me.w.n; i++) {
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
	atomic_store(&me.sent, true);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	uint32_t warm, seconds, distinct = 0, doubled = 0, unexpected = 0, n = 0;
	int64_t *took, heard;
	pthread_t sender;
	rd_kafka_t *rk;

	if (argc != 8) {
		fprintf(stderr, "usage: pace BROKERS ORDERS COUPONS RATE WARM_SECONDS SECONDS SEED\n");
		return 64;
	}
	me.brokers = argv[1];
	me.orders = argv[2];
	me.coupons = argv[3];
	me.rate = wl_number(argv[4], "RATE");
	warm = wl_number(argv[5], "WARM_SECONDS");
	seconds = wl_number(argv[6], "SECONDS");
	wl_init(&me.w, me.rate * (warm + seconds), wl_number(argv[7], "SEED"));
	took = malloc(me.w.n_coupons * sizeof *took);
	rk = wl_reader(me.brokers);
	wl_assign(rk, me.coupons);
	if (!took || pthread_create(&sender, NULL, send_all, NULL))
		wl_die("out of memory");
	heard = wl_now_us(CLOCK_MONOTONIC);
	while (distinct < me.w.n_coupons) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
		int64_t now = wl_now_us(CLOCK_MONOTONIC);

		if (m && !m->err) {
			struct wl_coupon *c = wl_see(&me.w, m->payload, m->len);

			heard = now;
			unexpected += !c;
			doubled += c && c->seen == 2;
			if (c && c->seen == 1) {
				distinct++;
				if (c->event >= me.rate * warm)
					took[n++] = now - due(c->event);
			}
		}
		if (m)
			rd_kafka_message_destroy(m);
		if (!atomic_load(&me.sent))
			continue;
		if (now - heard > PATIENCE_US)
			break;
	}
	pthread_join(sender, NULL);
	if (me.failed)
		wl_die("%" PRId64 " events were not taken by the broker", me.failed);
	qsort(took, n, sizeof *took, by_value);
	printf("{\"events\":%" PRIu32 ",\"coupons\":%" PRIu32 ",\"lost\":%" PRIu32 ",\"doubled\":%" PRIu32 ",\"unexpected\":%" PRIu32, me.w.n, n,
	       me.w.n_coupons - distinct, doubled, unexpected);
	static const struct {
		const char *name;
		double part;
	} parts[] = { { "p50_ms", .5 }, { "p95_ms", .95 }, { "p99_ms", .99 } };
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		printf(",\"%s\":%.1f", parts[i].name, n ? (double)took[(size_t)(parts[i].part * (n - 1))] / 1e3 : 0);
	printf(",\"max_ms\":%.1f,\"late_ms\":%.1f}\n", n ? (double)took[n - 1] / 1e3 : 0, (double)me.late / 1e3);
	fflush(stdout);
	_exit(distinct == me.w.n_coupons && !doubled && !unexpected ? 0 : 1);
}
