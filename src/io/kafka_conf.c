/* From [kafka] to a handle of librdkafka: our defaults, then the user's properties word for word, then what must hold. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "yutang/base/ini.h"
#include "yutang/base/log.h"

#include "kafka_int.h"

enum {
	MEMBER = 1 << YT_KAFKA_MEMBER,
	COMMITTED = 1 << YT_KAFKA_COMMITTED,
	RAW = 1 << YT_KAFKA_RAW,
	PRODUCER = 1 << YT_KAFKA_PRODUCER,
	FEEDER = 1 << YT_KAFKA_FEEDER,
	CONSUMERS = MEMBER | COMMITTED | RAW,
	ALL = CONSUMERS | PRODUCER | FEEDER
};

/* DESIGN 8 says why each is what it is. The user may override them. */
static const struct setting {
	unsigned roles;
	const char *name, *value;
} defaults[] = {
	{ ALL, "retry.backoff.ms", "1" },
	{ ALL, "reconnect.backoff.max.ms", "500" },
	{ ALL, "socket.nagle.disable", "true" },
	/* Else each few records of one partition are an answer of their own, and each question names all partitions: the broker is busy with that. */
	{ MEMBER, "fetch.min.bytes", "1000000" },
	/* About as long as a small transaction takes: what comes sooner would wait for that, and the broker answers the more. */
	{ MEMBER, "fetch.wait.max.ms", "15" },
	/* Else it is as much as message.max.bytes: full partitions come one an answer, and each question names all that have room. */
	{ MEMBER, "fetch.max.bytes", "8388608" },
	/* These fetch only while something is restored or read, and then a fetch that waits at one partition's end holds up the others. */
	{ COMMITTED | RAW, "fetch.wait.max.ms", "10" },
	{ COMMITTED, "queued.max.messages.kbytes", "32768" },
	{ MEMBER, "max.poll.interval.ms", "30000" },
	{ MEMBER, "session.timeout.ms", "10000" },
	{ MEMBER, "heartbeat.interval.ms", "500" },
	{ PRODUCER, "transaction.timeout.ms", "10000" },
	{ PRODUCER | FEEDER, "batch.num.messages", "100000" },
	{ PRODUCER | FEEDER, "queue.buffering.max.messages", "2000000" },
	/* A partition's messages come one behind the other: most of them leave as one request. */
	{ PRODUCER, "linger.ms", "1" },
	{ FEEDER, "linger.ms", "5" },
};

/* What must hold, whatever the user says. */
static const struct setting ours[] = {
	{ CONSUMERS, "enable.auto.commit", "false" },
	{ CONSUMERS, "enable.auto.offset.store", "false" },
	{ CONSUMERS, "enable.partition.eof", "true" },
	{ CONSUMERS, "auto.offset.reset", "error" },
	{ MEMBER | COMMITTED, "isolation.level", "read_committed" },
	{ RAW, "isolation.level", "read_uncommitted" },
	{ MEMBER, "partition.assignment.strategy", "range" },
	{ PRODUCER | FEEDER, "partitioner", "murmur2_random" },
	{ FEEDER, "enable.idempotence", "true" },
};

static const char *const own_names[] = {
	"group.id", "transactional.id", "group.instance.id", "isolation.level", "enable.auto.commit",
	"partition.assignment.strategy", "auto.offset.reset", "partitioner",
	/* other spellings of the same */
	"auto.commit.enable",
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *nearest_property(const char *name)
{
	rd_kafka_conf_t *c = rd_kafka_conf_new();
	rd_kafka_topic_conf_t *tc = rd_kafka_topic_conf_new();
	/* What has no default is not in the library's list. */
	static const char *const more[] = {
		"bootstrap.servers", "client.rack", "debug", "sasl.username", "sasl.password", "sasl.oauthbearer.config",
		"ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.certificate.pem", "ssl.key.location",
		"ssl.key.password", "ssl.key.pem", "ssl.keystore.location", "ssl.keystore.password", "ssl.crl.location",
		"ssl.cipher.suites",
	};
	const char *names[512], *best;
	static _Thread_local char out[64];
	size_t n_global, n_topic, n = 0;
	const char **global = rd_kafka_conf_dump(c, &n_global), **topic = rd_kafka_topic_conf_dump(tc, &n_topic);

	for (size_t i = 0; i < n_global && n < COUNT(names); i += 2)
		names[n++] = global[i];
	for (size_t i = 0; i < n_topic && n < COUNT(names); i += 2)
		names[n++] = topic[i];
	for (size_t i = 0; i < COUNT(more) && n < COUNT(names); i++)
		names[n++] = more[i];
	best = yt_nearest(yt_str_z(name), names, n);
	if (best)
		snprintf(out, sizeof out, "%s", best);
	rd_kafka_conf_dump_free(global, n_global);
	rd_kafka_conf_dump_free(topic, n_topic);
	rd_kafka_topic_conf_destroy(tc);
	rd_kafka_conf_destroy(c);
	return best ? out : NULL;
}

bool yt_kafka_property_check(const char *name, const char *value, char why[256])
{
	rd_kafka_conf_t *c;
	rd_kafka_conf_res_t res;
	char text[256] = "";
	const char *near;

	for (size_t i = 0; i < COUNT(own_names); i++)
		if (strcmp(name, own_names[i]) == 0) {
			snprintf(why, 256, "%s is set by yutang itself and can't be set here", name);
			return false;
		}
	c = rd_kafka_conf_new();
	res = rd_kafka_conf_set(c, name, value, text, sizeof text);
	rd_kafka_conf_destroy(c);
	switch (res) {
	case RD_KAFKA_CONF_OK:
		return true;
	case RD_KAFKA_CONF_UNKNOWN:
		near = nearest_property(name);
		if (near)
			snprintf(why, 256, "librdkafka %s has no property %s; did you mean %s?", rd_kafka_version_str(), name, near);
		else
			snprintf(why, 256, "librdkafka %s has no property %s", rd_kafka_version_str(), name);
		return false;
	default:
		snprintf(why, 256, "%s", *text ? text : "the value is refused");
		if (yt_kafka_property_secret(name))
			snprintf(why, 256, "the value of %s is refused", name);
		return false;
	}
}

bool yt_kafka_property_secret(const char *name)
{
	static const char *const parts[] = { "password", "passphrase", "secret", "key.pem", "jaas", "oauthbearer.config" };

	for (size_t i = 0; i < COUNT(parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

const char *yt_kafka_version(void)
{
	return rd_kafka_version_str();
}

char *yt_kafka_topic(const struct yt_kafka_conf *conf, const char *name, char *out)
{
	snprintf(out, YT_KAFKA_TOPIC_MAX, "%s%s", conf->prefix, name);
	return out;
}

void yt_kafka_tid(const struct yt_kafka_conf *conf, char *out, size_t cap)
{
	snprintf(out, cap, "%s-%s", conf->group, conf->instance);
}

static int set(rd_kafka_conf_t *c, const char *name, const char *value, struct yt_err *err)
{
	char text[256];

	if (rd_kafka_conf_set(c, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
		return 0;
	return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "[kafka] %s", text);
}

static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *buf)
{
	/* The library repeats itself while a broker is away; what matters of it is said as kafka_away and kafka_back, and a fatal error
	 * of a handle as what is done about it. */
	enum yt_log_level l = level <= 2 && strcmp(fac, "FATAL") != 0 ? YT_LOG_ERROR : YT_LOG_DEBUG;

	yt_logf(l, "librdkafka", "client=%s facility=%s text=%s", yt_q(rd_kafka_name(rk)), fac, yt_q(buf));
}

/* Where the library can be told how long a full queue stops fetching, that; else an answer of any kind wakes the fetcher. The member has one each
 * fetch.wait.max.ms, of the inputs that are at their end; metadata come for a restore, several times while a queue of 32 MiB empties, and for a member
 * whose inputs are all full. More often costs: 2.0.2 turns in a loop for the last millisecond before it asks. */
static void set_fetch_backoff(rd_kafka_conf_t *c, enum yt_kafka_role role)
{
	char text[128];

	if (rd_kafka_conf_set(c, "fetch.queue.backoff.ms", "5", text, sizeof text) != RD_KAFKA_CONF_OK)
		rd_kafka_conf_set(c, "topic.metadata.refresh.interval.ms", role == YT_KAFKA_MEMBER ? "1000" : "100", text, sizeof text);
}

/* Each partition of the member has a queue of its own (kafka_log.c). What is fetched is decoded into the engine's queues, which are the larger ones: here
 * it is 4 MiB of an input in all partitions, and what one more answer brings. That can't be made much smaller: of a batch of records that is larger a broker
 * gives but one an answer. */
static int set_queues(const struct yt_kafka_conf *conf, rd_kafka_conf_t *c, struct yt_err *err)
{
	enum { KIB_ALL = 4096, KIB_MIN = 16, KIB_MAX = 256, ANSWER_TIMES = 4, ANSWER_MIN = 256 };
	int kib = KIB_ALL / (conf->partitions > 0 ? conf->partitions : 1), answer;
	char text[32];

	if (kib < KIB_MIN)
		kib = KIB_MIN;
	if (kib > KIB_MAX)
		kib = KIB_MAX;
	answer = ANSWER_TIMES * kib > ANSWER_MIN ? ANSWER_TIMES * kib : ANSWER_MIN;
	snprintf(text, sizeof text, "%d", kib);
	if (set(c, "queued.max.messages.kbytes", text, err) < 0)
		return -1;
	snprintf(text, sizeof text, "%d", answer * 1024);
	return set(c, "fetch.message.max.bytes", text, err);
}

static int set_names(const struct yt_kafka_conf *conf, rd_kafka_conf_t *c, enum yt_kafka_role role, const char *tid,
                     struct yt_err *err)
{
	char id[256];

	if (1 << role & CONSUMERS && conf->group && set(c, "group.id", conf->group, err) < 0)
		return -1;
	if (role == YT_KAFKA_MEMBER && set(c, "group.instance.id", conf->instance, err) < 0)
		return -1;
	if (role == YT_KAFKA_PRODUCER && set(c, "transactional.id", tid, err) < 0)
		return -1;
	for (size_t i = 0; i < conf->n_props; i++)
		if (strcmp(conf->props[i].name, "client.id") == 0)
			return 0;
	if (conf->instance)
		snprintf(id, sizeof id, "yutang-%s", conf->instance);
	else
		snprintf(id, sizeof id, "yutang");
	return set(c, "client.id", id, err);
}

rd_kafka_conf_t *yt_kafka_conf_make(const struct yt_kafka_conf *conf, enum yt_kafka_role role, const char *tid,
                                    struct yt_err *err)
{
	rd_kafka_conf_t *c = rd_kafka_conf_new();
	char why[256];

	for (size_t i = 0; i < COUNT(defaults); i++)
		if (defaults[i].roles >> role & 1 && set(c, defaults[i].name, defaults[i].value, err) < 0)
			goto bad;
	if (role == YT_KAFKA_MEMBER && set_queues(conf, c, err) < 0)
		goto bad;
	if (role == YT_KAFKA_MEMBER || role == YT_KAFKA_COMMITTED)
		set_fetch_backoff(c, role);
	for (size_t i = 0; i < conf->n_props; i++) {
		if (!yt_kafka_property_check(conf->props[i].name, conf->props[i].value, why)) {
			yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "[kafka] %s", why);
			goto bad;
		}
		if (set(c, conf->props[i].name, conf->props[i].value, err) < 0)
			goto bad;
	}
	for (size_t i = 0; i < COUNT(ours); i++)
		if (ours[i].roles >> role & 1 && set(c, ours[i].name, ours[i].value, err) < 0)
			goto bad;
	if (set_names(conf, c, role, tid, err) < 0)
		goto bad;
	rd_kafka_conf_set_log_cb(c, on_log);
	return c;
bad:
	rd_kafka_conf_destroy(c);
	return NULL;
}

int yt_kafka_conf_check(const struct yt_kafka_conf *conf, struct yt_err *err)
{
	bool brokers = false;

	for (size_t i = 0; i < conf->n_props; i++)
		brokers |= strcmp(conf->props[i].name, "bootstrap.servers") == 0 ||
		           strcmp(conf->props[i].name, "metadata.broker.list") == 0;
	if (!brokers)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "[kafka] bootstrap.servers is missing");
	for (int role = 0; role < YT_KAFKA_ROLES; role++) {
		rd_kafka_conf_t *c;

		if ((role == YT_KAFKA_MEMBER || role == YT_KAFKA_PRODUCER) && !conf->instance)
			continue;
		c = yt_kafka_conf_make(conf, (enum yt_kafka_role)role, "check", err);
		if (!c)
			return -1;
		rd_kafka_conf_destroy(c);
	}
	return 0;
}

rd_kafka_t *yt_kafka_make(rd_kafka_conf_t *c, enum yt_kafka_role role, struct yt_err *err)
{
	bool consumer = 1 << role & CONSUMERS;
	char text[256];
	rd_kafka_t *rk = rd_kafka_new(consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, c, text, sizeof text);

	if (!rk) {
		rd_kafka_conf_destroy(c);
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "[kafka] %s", text);
		return NULL;
	}
	if (consumer)
		rd_kafka_poll_set_consumer(rk);
	return rk;
}

rd_kafka_t *yt_kafka_open(const struct yt_kafka_conf *conf, enum yt_kafka_role role, const char *tid,
                          void (*error_cb)(rd_kafka_t *, int, const char *, void *), void *opaque, struct yt_err *err)
{
	rd_kafka_conf_t *c = yt_kafka_conf_make(conf, role, tid, err);

	if (!c)
		return NULL;
	if (error_cb)
		rd_kafka_conf_set_error_cb(c, error_cb);
	rd_kafka_conf_set_opaque(c, opaque);
	return yt_kafka_make(c, role, err);
}

void yt_kafka_destroy(rd_kafka_t *rk)
{
	if (rk)
		rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

int64_t yt_kafka_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t yt_kafka_mono_ms(void)
{
	return yt_kafka_mono_us() / 1000;
}

void yt_kafka_wake(int fd)
{
	uint64_t one = 1;

	/* A counter that is full is readable, which is all that is wanted. */
	if (write(fd, &one, sizeof one) < 0)
		return;
}

void yt_kafka_set_away(_Atomic bool *away, bool now, const char *why)
{
	if (atomic_exchange(away, now) == now)
		return;
	if (now)
		yt_warn("kafka_away", "error=%s", yt_q(why));
	else
		yt_info("kafka_back", "brokers=answer");
}
