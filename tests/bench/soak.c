/* The events of the soak test, at a steady rate, and the outputs that must come of them, by count.
 *
 *   soak BROKERS PREFIX RATE SECONDS MEMBERS
 *
 * A workload that fills no memory by right: after one round of all members everything that a member can have is there, and changes in place.
 * Members come in turn, and each goes through the same ROUNDS steps, of which another one falls to every ROUNDS-th member, so that the mixture is
 * always the same: of twenty events eight are orders paid, signed or shipped (each member has two of them, told again and again: a second
 * delivery has no second effect), eight are joins and leaves of two groups, four contacts that come and go. A join sets off a follow-up some
 * seconds later, a contact a coupon, which a member gets once: `coupon.refused` from then on. New orders can be no part of it: a member remembers
 * 2,048 of them, and each lives for 30 days at least.
 *
 * Says `started`, sends, waits until all outputs were seen by a read_committed reader, or nothing came for PATIENCE_US, and prints
 * {"events":N,"due":N,"due_expected":N,"coupons":N,"coupons_expected":N,"late_ms":..}. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "workload.h"

enum {
	ROUNDS = 20,
	GROUPS = 500,
	ACCOUNTS = 200,
	PATIENCE_US = 60000000,
};

static struct {
	const char *brokers, *prefix;
	uint32_t rate, seconds, members;
	int64_t base_ms; /* orders were paid before */
	_Atomic int64_t late, failed;
	_Atomic bool sent;
	_Atomic int64_t due_expected, coupons_expected;
	int64_t due, coupons;
} me;

enum what { PAID, SIGNED, SHIPPED, JOINED, LEFT, ADDED, REMOVED };

/* What a step tells, and of which of his two groups, accounts or orders. */
static const struct step {
	enum what what;
	uint8_t which;
} steps[ROUNDS] = {
	{ JOINED, 0 }, { PAID, 0 }, { ADDED, 0 }, { PAID, 1 }, { JOINED, 1 }, { SIGNED, 0 }, { LEFT, 0 }, { PAID, 0 }, { REMOVED, 0 }, { JOINED, 0 },
	{ SHIPPED, 1 }, { LEFT, 1 }, { ADDED, 1 }, { JOINED, 1 }, { PAID, 1 }, { LEFT, 0 }, { REMOVED, 1 }, { SIGNED, 1 }, { LEFT, 1 }, { PAID, 0 },
};

static const char *const types[] = { "order.paid", "order.signed", "order.shipped", "group.joined", "group.left", "contact.added", "contact.removed" };

static int data_of(uint32_t m, const struct step *s, int64_t now, char *out, size_t size)
{
	int64_t order_at = me.base_ms + s->which * 1000;

	switch (s->what) {
	case PAID:
		return snprintf(out, size,
		                "{\"order\":\"o-%06" PRIu32 "-%d\",\"member\":\"m-%06" PRIu32 "\",\"paid_at\":%" PRId64 ",\"amount\":%" PRIu32
		                ",\"currency\":\"CNY\",\"items\":[{\"sku\":\"oil-1l\",\"quantity\":1,\"amount\":%" PRIu32 "}],\"channel\":\"live\"}",
		                m, s->which, m, order_at, 100 + m % 300, 100 + m % 300);
	case SIGNED:
	case SHIPPED:
		return snprintf(out, size, "{\"order\":\"o-%06" PRIu32 "-%d\",\"member\":\"m-%06" PRIu32 "\",\"%s\":%" PRId64 "}", m, s->which, m,
		                s->what == SIGNED ? "signed_at" : "shipped_at", order_at + 1000);
	case JOINED:
	case LEFT:
		return snprintf(out, size, "{\"group\":\"g-%03" PRIu32 "\",\"member\":\"m-%06" PRIu32 "\",\"%s\":%" PRId64 "}",
		                (m + s->which * 7) % GROUPS, m, s->what == JOINED ? "joined_at" : "left_at", now);
	default:
		return snprintf(out, size, "{\"account\":\"a-%03" PRIu32 "\",\"member\":\"m-%06" PRIu32 "\",\"%s\":%" PRId64 "}",
		                (m + s->which * 7) % ACCOUNTS, m, s->what == ADDED ? "added_at" : "removed_at", now);
	}
}

static size_t value_of(uint64_t event, uint32_t m, const struct step *s, int64_t now, char out[WL_VALUE_MAX])
{
	time_t told = (time_t)(now / 1000);
	char when[32];
	struct tm tm;
	int n;

	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", gmtime_r(&told, &tm));
	n = snprintf(out, WL_VALUE_MAX,
	             "{\"specversion\":\"1.0\",\"id\":\"e-%" PRIu64 "\",\"source\":\"/shops/s1\",\"type\":\"%s\",\"time\":\"%s.%03dZ\","
	             "\"datacontenttype\":\"application/json\",\"data\":",
	             event, types[s->what], when, (int)(now % 1000));
	n += data_of(m, s, now, out + n, (size_t)(WL_VALUE_MAX - n));
	n += snprintf(out + n, (size_t)(WL_VALUE_MAX - n), "}");
	return (size_t)n;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *ctx)
{
	(void)rk;
	(void)ctx;
	if (m->err)
		atomic_fetch_add(&me.failed, 1);
}

static rd_kafka_topic_t *topic(rd_kafka_t *rk, const char *name)
{
	char full[256];

	snprintf(full, sizeof full, "%s%s", me.prefix, name);
	return rd_kafka_topic_new(rk, full, NULL);
}

static void send_one(rd_kafka_t *rk, rd_kafka_topic_t *orders, rd_kafka_topic_t *groups, uint64_t event)
{
	uint32_t m = (uint32_t)(event % me.members);
	const struct step *s = &steps[(event / me.members + m) % ROUNDS];
	char key[WL_KEY_MAX], value[WL_VALUE_MAX];
	size_t key_n = (size_t)snprintf(key, sizeof key, "s1/m-%06" PRIu32, m);
	size_t value_n = value_of(event, m, s, wl_now_us(CLOCK_REALTIME) / 1000, value);

	while (rd_kafka_produce(s->what <= SHIPPED ? orders : groups, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, value_n, key, key_n, NULL))
		rd_kafka_poll(rk, 1);
	if (s->what == JOINED)
		atomic_fetch_add(&me.due_expected, 1);
	if (s->what == ADDED)
		atomic_fetch_add(&me.coupons_expected, 1);
}

static void *send_all(void *ctx)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_t *orders, *groups;
	uint64_t n = (uint64_t)me.rate * me.seconds;
	int64_t began;
	rd_kafka_t *rk;

	(void)ctx;
	wl_set(conf, "linger.ms", "5");
	wl_set(conf, "enable.idempotence", "true");
	wl_set(conf, "partitioner", "murmur2_random");
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rk = wl_client(RD_KAFKA_PRODUCER, conf, me.brokers);
	orders = topic(rk, "orders");
	groups = topic(rk, "groups");
	began = wl_now_us(CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < n; i++) {
		int64_t left;

		while ((left = began + (int64_t)(i * 1000000 / me.rate) - wl_now_us(CLOCK_MONOTONIC)) > 0) {
			rd_kafka_poll(rk, 0);
			usleep((useconds_t)left);
		}
		if (-left > atomic_load(&me.late))
			atomic_store(&me.late, -left);
		send_one(rk, orders, groups, i);
	}
	rd_kafka_flush(rk, 60000);
	atomic_store(&me.sent, true);
	return NULL;
}

static void see(const rd_kafka_message_t *m)
{
	if (memmem(m->payload, m->len, "\"type\":\"followup.due\"", 21))
		me.due++;
	else if (memmem(m->payload, m->len, "\"type\":\"coupon.", 15))
		me.coupons++;
}

static void assign_outputs(rd_kafka_t *rk)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	static const char *const names[] = { "coupons", "followups" };

	for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
		char full[256];

		snprintf(full, sizeof full, "%s%s", me.prefix, names[k]);
		for (int p = wl_partitions(rk, full); p-- > 0;)
			rd_kafka_topic_partition_list_add(list, full, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
	}
	if (rd_kafka_assign(rk, list))
		wl_die("assign");
	rd_kafka_topic_partition_list_destroy(list);
}

static bool is_complete(void)
{
	return atomic_load(&me.sent) && me.due >= me.due_expected && me.coupons >= me.coupons_expected;
}

static void read_all(rd_kafka_t *rk)
{
	int64_t heard = wl_now_us(CLOCK_MONOTONIC);

	while (!is_complete()) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (!atomic_load(&me.sent) || (m && !m->err))
			heard = wl_now_us(CLOCK_MONOTONIC);
		if (m && !m->err)
			see(m);
		if (m)
			rd_kafka_message_destroy(m);
		if (wl_now_us(CLOCK_MONOTONIC) - heard > PATIENCE_US)
			break;
	}
}

int main(int argc, char **argv)
{
	pthread_t sender;
	rd_kafka_t *rk;

	if (argc != 6) {
		fprintf(stderr, "usage: soak BROKERS PREFIX RATE SECONDS MEMBERS\n");
		return 64;
	}
	me.brokers = argv[1];
	me.prefix = argv[2];
	me.rate = wl_number(argv[3], "RATE");
	me.seconds = wl_number(argv[4], "SECONDS");
	me.members = wl_number(argv[5], "MEMBERS");
	if (me.members < me.rate / 100)
		wl_die("MEMBERS: at least a hundredth of RATE, so that what one member does lies apart");
	me.base_ms = wl_now_us(CLOCK_REALTIME) / 1000 - 3600000;
	rk = wl_reader(me.brokers);
	assign_outputs(rk);
	puts("started");
	fflush(stdout);
	if (pthread_create(&sender, NULL, send_all, NULL))
		wl_die("out of memory");
	read_all(rk);
	pthread_join(sender, NULL);
	if (me.failed)
		wl_die("%" PRId64 " events were not taken by the broker", me.failed);
	printf("{\"events\":%" PRIu64 ",\"due\":%" PRId64 ",\"due_expected\":%" PRId64 ",\"coupons\":%" PRId64 ",\"coupons_expected\":%" PRId64
	       ",\"late_ms\":%.1f}\n",
	       (uint64_t)me.rate * me.seconds, me.due, me.due_expected, me.coupons, me.coupons_expected, (double)me.late / 1e3);
	fflush(stdout);
	_exit(me.due == me.due_expected && me.coupons == me.coupons_expected ? 0 : 1);
}
