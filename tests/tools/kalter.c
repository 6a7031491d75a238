/* Changes settings of topics that are there.
 *
 *   kalter BROKERS NAME=VALUE[,NAME=VALUE]... TOPIC...      all of these, and no others: what was set before and is not named goes
 *
 * Knows librdkafka alone and nothing of the daemon. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS_MAX = 64, TIMEOUT_MS = 30000 };

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "kalter: %s: %s\n", what, why);
	exit(1);
}

static rd_kafka_ConfigResource_t *wanted(const char *topic, const char *settings)
{
	rd_kafka_ConfigResource_t *r = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	char *text = strdup(settings), *rest = text;

	for (char *one; (one = strsep(&rest, ","));) {
		char *value = strchr(one, '=');

		if (!value)
			die(one, "a setting is NAME=VALUE");
		*value++ = '\0';
		rd_kafka_ConfigResource_set_config(r, one, value);
	}
	free(text);
	return r;
}

static void check(rd_kafka_event_t *answer)
{
	const rd_kafka_ConfigResource_t **done;
	size_t n = 0;

	if (!answer || rd_kafka_event_error(answer))
		die("the broker", answer ? rd_kafka_event_error_string(answer) : "no answer");
	done = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(answer), &n);
	for (size_t k = 0; k < n; k++) {
		if (rd_kafka_ConfigResource_error(done[k]))
			die(rd_kafka_ConfigResource_name(done[k]), rd_kafka_ConfigResource_error_string(done[k]));
	}
}

int main(int argc, char **argv)
{
	rd_kafka_ConfigResource_t *topics[TOPICS_MAX];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_event_t *answer;
	rd_kafka_queue_t *queue;
	char error[256];
	rd_kafka_t *rk;
	int n = argc - 3;

	if (n < 1 || n > TOPICS_MAX) {
		fprintf(stderr, "usage: kalter BROKERS NAME=VALUE[,NAME=VALUE]... TOPIC...\n");
		return 64;
	}
	if (rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], error, sizeof error) != RD_KAFKA_CONF_OK)
		die(argv[1], error);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
	if (!rk)
		die(argv[1], error);
	queue = rd_kafka_queue_new(rk);
	for (int k = 0; k < n; k++)
		topics[k] = wanted(argv[3 + k], argv[2]);
	rd_kafka_AlterConfigs(rk, topics, (size_t)n, NULL, queue);
	answer = rd_kafka_queue_poll(queue, TIMEOUT_MS);
	check(answer);
	rd_kafka_event_destroy(answer);
	rd_kafka_ConfigResource_destroy_array(topics, (size_t)n);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	return 0;
}
