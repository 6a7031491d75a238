/* A program like any other that reads the coupons, committed ones alone: when it has the last one that is expected, and whether each came once.
 *
 *   audit BROKERS TOPIC WORKLOAD SEED SECONDS     says `ready`, then reads until it has all, or nothing came for SECONDS
 *   audit --end BROKERS TOPIC WORKLOAD SEED       reads to the end: nothing is written any more
 *
 * prints {"expected":N,"seen":N,"lost":N,"doubled":N,"unexpected":N,"last_us":US}, last_us by CLOCK_REALTIME; exit 1: lost, doubled or unexpected. */
#include <unistd.h>

#include "workload.h"

int main(int argc, char **argv)
{
	bool to_end = argc > 1 && strcmp(argv[1], "--end") == 0;
	uint32_t distinct = 0, doubled = 0, unexpected = 0;
	int64_t heard, last = 0, patience;
	int partitions, at_end = 0;
	rd_kafka_t *rk;
	struct wl w;

	if (argc != 6) {
		fprintf(stderr, "usage: audit BROKERS TOPIC WORKLOAD SEED SECONDS\n       audit --end BROKERS TOPIC WORKLOAD SEED\n");
		return 64;
	}
	argv += to_end ? 2 : 1;
	patience = (to_end ? 30 : (int64_t)wl_number(argv[4], "SECONDS")) * 1000000;
	wl_init(&w, argv[2], wl_number(argv[3], "SEED"));
	rk = wl_reader(argv[0]);
	partitions = wl_assign(rk, argv[1], false);
	if (!to_end) {
		puts("ready");
		fflush(stdout);
	}
	heard = wl_now_us(CLOCK_MONOTONIC);
	while (to_end ? at_end < partitions : distinct < w.n_coupons) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m && !m->err) {
			struct wl_coupon *c = wl_see(&w, m->payload, m->len);

			heard = wl_now_us(CLOCK_MONOTONIC);
			unexpected += !c;
			distinct += c && c->seen == 1;
			doubled += c && c->seen == 2;
			if (distinct == w.n_coupons && !last)
				last = wl_now_us(CLOCK_REALTIME);
		} else if (m && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			at_end++;
		}
		if (m)
			rd_kafka_message_destroy(m);
		if (wl_now_us(CLOCK_MONOTONIC) - heard > patience)
			break;
	}
	printf("{\"expected\":%" PRIu32 ",\"seen\":%" PRIu32 ",\"lost\":%" PRIu32 ",\"doubled\":%" PRIu32 ",\"unexpected\":%" PRIu32 ",\"last_us\":%" PRId64 "}\n",
	       w.n_coupons, distinct, w.n_coupons - distinct, doubled, unexpected, last);
	fflush(stdout);
	_exit(distinct == w.n_coupons && !doubled && !unexpected ? 0 : 1);
}
