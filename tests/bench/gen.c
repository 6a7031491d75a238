/* Fills the input topics with the events of a workload, as fast as the broker takes them; or removes topics.
 *
 *   gen BROKERS PREFIX WORKLOAD SEED           its orders; prints {"events":N,"bytes":N,"coupons":N,"seconds":S}
 *   gen --mixed BROKERS PREFIX WORKLOAD SEED   among them signatures, joins, contacts and referrals, on their topics
 *   gen --drop BROKERS TOPIC...                removes the topics
 */
#include "workload.h"

static uint64_t failed;

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
	(void)rk;
	(void)ctx;
	failed += m->err != 0;
}

/* The topic that the event belongs on. */
static const char *order_event(const struct wl *w, uint32_t event, char key[WL_KEY_MAX], size_t *key_n, char value[WL_VALUE_MAX], size_t *value_n)
{
	*key_n = (size_t)wl_key(w, event, key);
	*value_n = (size_t)wl_value(w, event, value);
	return "orders";
}

/* One event of the mixture of three topics: of a hundred 70 orders paid as in the workload, 10 of those signed, 10 joins, 5 contacts, 5 referrals. */

enum { MIX_PAID = 70, MIX_SIGNED = 80, MIX_JOINED = 90, MIX_ADDED = 95, MIX_BACK = 1000 };

static unsigned mix_kind(const struct wl *w, uint32_t event)
{
	return (unsigned)(wl_random(w, event, 8) % 100);
}

/* An order that was paid a little before; the event itself where there is none. */
static uint32_t mix_order(const struct wl *w, uint32_t event)
{
	uint32_t back = 1 + (uint32_t)(wl_random(w, event, 9) % MIX_BACK);

	for (; back <= event; back++)
		if (mix_kind(w, event - back) < MIX_PAID)
			return event - back;
	return event;
}

static int mix_data(const struct wl *w, uint32_t event, uint32_t order, int64_t at, const char **topic, const char **type, char out[WL_VALUE_MAX])
{
	unsigned kind = mix_kind(w, event);
	uint64_t r = wl_random(w, event, 10);
	uint32_t m = w->member[order];

	*topic = kind < MIX_SIGNED ? "orders" : kind < MIX_ADDED ? "groups" : "referrals";
	if (kind < MIX_SIGNED) {
		*type = "order.signed";
		return snprintf(out, WL_VALUE_MAX, "{\"order\":\"o-%07" PRIu32 "\",\"member\":\"m-%06" PRIu32 "\",\"signed_at\":%" PRId64 "}", w->origin[order], m, at);
	}
	if (kind < MIX_JOINED) {
		*type = "group.joined";
		return snprintf(out, WL_VALUE_MAX, "{\"group\":\"g-%02u\",\"member\":\"m-%06" PRIu32 "\",\"joined_at\":%" PRId64 "}", (unsigned)(r % 50), m, at);
	}
	if (kind < MIX_ADDED) {
		*type = "contact.added";
		return snprintf(out, WL_VALUE_MAX, "{\"account\":\"a-%02u\",\"member\":\"m-%06" PRIu32 "\",\"added_at\":%" PRId64 "}", (unsigned)(r % 20), m, at);
	}
	*type = "referral.bound";
	return snprintf(out, WL_VALUE_MAX, "{\"referrer\":\"m-%06" PRIu32 "\",\"member\":\"m-%06" PRIu32 "\",\"bound_at\":%" PRId64 "}",
	                (uint32_t)(r % w->members), m, at);
}

static const char *mix_event(const struct wl *w, uint32_t event, char key[WL_KEY_MAX], size_t *key_n, char value[WL_VALUE_MAX], size_t *value_n)
{
	unsigned kind = mix_kind(w, event);
	uint32_t order = kind >= MIX_PAID && kind < MIX_SIGNED ? mix_order(w, event) : event;
	int64_t at = w->base_ms + w->step_ms * event + 1000;
	const char *topic, *type;
	char data[WL_VALUE_MAX], when[32];
	time_t told = (time_t)(at / 1000 + 1);
	struct tm tm;

	if (kind < MIX_SIGNED && order == event)
		return order_event(w, event, key, key_n, value, value_n);
	*key_n = (size_t)wl_key(w, order, key);
	mix_data(w, event, order, at, &topic, &type, data);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&told, &tm));
	*value_n = (size_t)snprintf(value, WL_VALUE_MAX,
	                            "{\"specversion\":\"1.0\",\"id\":\"x-%07" PRIu32 "\",\"source\":\"/shops/s1\",\"type\":\"%s\",\"time\":\"%s\",\"data\":%s}",
	                            event, type, when, data);
	return topic;
}

static rd_kafka_topic_t *topic_of(rd_kafka_t *rk, const char *prefix, const char *name)
{
	static struct {
		const char *name;
		rd_kafka_topic_t *rkt;
	} known[3];
	char full[256];
	int i = 0;

	while (known[i].name && strcmp(known[i].name, name) != 0)
		i++;
	if (!known[i].name) {
		snprintf(full, sizeof full, "%s%s", prefix, name);
		known[i].name = name;
		known[i].rkt = rd_kafka_topic_new(rk, full, NULL);
	}
	return known[i].rkt;
}

static int fill(const char *brokers, const char *prefix, bool mixed, const char *workload, uint64_t seed)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int64_t began = wl_now_us(CLOCK_MONOTONIC);
	uint64_t bytes = 0;
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
	for (uint32_t i = 0; i < w.n; i++) {
		char key[WL_KEY_MAX], value[WL_VALUE_MAX];
		size_t key_n, value_n;
		const char *topic = (mixed ? mix_event : order_event)(&w, i, key, &key_n, value, &value_n);
		rd_kafka_topic_t *rkt = topic_of(rk, prefix, topic);

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
	/* Its topics go with the process. */
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
	bool mixed = argc > 1 && strcmp(argv[1], "--mixed") == 0;

	argc -= mixed;
	argv += mixed;
	if (argc != 5) {
		fprintf(stderr, "usage: gen [--mixed] BROKERS PREFIX WORKLOAD SEED\n       gen --drop BROKERS TOPIC...\n");
		return 64;
	}
	return fill(argv[1], argv[2], mixed, argv[3], wl_number(argv[4], "SEED"));
}
