/* Fills an orders topic with the events of a workload, as fast as the broker takes them; or removes topics.
 *
 *   gen BROKERS TOPIC WORKLOAD SEED   prints {"events":N,"bytes":N,"coupons":N,"seconds":S}
 *   gen --drop BROKERS TOPIC...       removes the topics
 */
#include "workload.h"

static uint64_t failed;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
	(void)rk;
	(void)ctx;
	failed += m->err != 0;
}

static int fill(const char *brokers, const char *topic, const char *workload, uint64_t seed)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int64_t began = wl_now_us(CLOCK_MONOTONIC);
	uint64_t bytes = 0;
	rd_kafka_topic_t *rkt;
	rd_kafka_t *rk;
	struct wl w;

	wl_init(&w, workload, seed);
	wl_set(conf, "linger.ms", "20");
	wl_set(conf, "enable.idempotence", "true");
	wl_set(conf, "batch.num.messages", "10000");
	wl_set(conf, "queue.buffering.max.messages", "200000");
	wl_set(conf, "partitioner", "murmur2_random");
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rk = wl_client(RD_KAFKA_PRODUCER, conf, brokers);
	rkt = rd_kafka_topic_new(rk, topic, NULL);
	for (uint32_t i = 0; i < w.n; i++) {
		char key[WL_KEY_MAX], value[WL_VALUE_MAX];
		size_t key_n = (size_t)wl_key(&w, i, key), value_n = (size_t)wl_value(&w, i, value);

		while (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, value_n, key, key_n, NULL)) {
			if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
				wl_die("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
			rd_kafka_poll(rk, 10);
		}
		bytes += value_n;
		if (i % 1000 == 0)
			rd_kafka_poll(rk, 0);
	}
	if (rd_kafka_flush(rk, 120000) || failed)
		wl_die("%" PRIu64 " events were not taken by the broker", failed);
	printf("{\"events\":%" PRIu32 ",\"bytes\":%" PRIu64 ",\"coupons\":%" PRIu32 ",\"seconds\":%.1f}\n", w.n, bytes, w.n_coupons,
	       (double)(wl_now_us(CLOCK_MONOTONIC) - began) / 1e6);
	rd_kafka_topic_destroy(rkt);
	rd_kafka_destroy(rk);
	return 0;
}

static int drop(const char *brokers, char **topics, size_t n)
{
	rd_kafka_t *rk = wl_client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), brokers);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t **list = calloc(n, sizeof *list);
	rd_kafka_event_t *answer;

	for (size_t i = 0; i < n; i++)
		list[i] = rd_kafka_DeleteTopic_new(topics[i]);
	rd_kafka_DeleteTopics(rk, list, n, NULL, queue);
	answer = rd_kafka_queue_poll(queue, 30000);
	if (!answer || rd_kafka_event_error(answer))
		wl_die("the topics could not be removed: %s", answer ? rd_kafka_event_error_string(answer) : "no answer");
	rd_kafka_event_destroy(answer);
	rd_kafka_DeleteTopic_destroy_array(list, n);
	free(list);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "--drop") == 0)
		return drop(argv[2], argv + 3, (size_t)argc - 3);
	if (argc != 5) {
		fprintf(stderr, "usage: gen BROKERS TOPIC WORKLOAD SEED\n       gen --drop BROKERS TOPIC...\n");
		return 64;
	}
	return fill(argv[1], argv[2], argv[3], wl_number(argv[4], "SEED"));
}
