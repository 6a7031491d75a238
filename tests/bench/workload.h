/* The events of the workloads, from one seed, and the coupons that have to come of them. Knows the contract (docs/events.md) and nothing of
 * the daemon, so that the audit may trust it. Whatever an event holds follows from (seed, its number), so that nothing but the members and the
 * re-deliveries is kept. Two kinds, by the text that tells which:
 *
 *   N or N/MEMBERS                 mixed: 100,000 members of the shop s1; 80 % of the orders come from 20 % of them; 2 % are exact re-deliveries of
 *                                  an order among the 50,000 before; a coupon for each of a member's first three
 *   MEMBERS:BASE_MS:FROM:N:QUIET   rounds: each member's first order, then each one's second and so on, one every 100 ms from BASE_MS on; of these
 *                                  orders number FROM and the N - 1 after it; a coupon for each order of a member but the first QUIET */
#ifndef YT_BENCH_WORKLOAD_H
#define YT_BENCH_WORKLOAD_H

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WL_MEMBERS = 100000,
	WL_BUSY_SHARE = 5,        /* a fifth of them give 80 % of the orders */
	WL_BACK = 50000,          /* a re-delivery is at most so many events late */
	WL_COUPONS = 3,           /* a member's first orders that give one */
	WL_STEP_MS = 100,
	WL_VALUE_MAX = 1024,
	WL_KEY_MAX = 32,
};

/* The eight days end long before any clock that runs these. */
#define WL_FROM_MS   INT64_C(1748736000000) /* 2025-06-01 UTC */
#define WL_LENGTH_MS (INT64_C(8) * 86400000)

static const char *const wl_rules[WL_COUPONS] = { "first", "second", "third" };
static const char *const wl_rule_rounds = "later";

/* A coupon that has to leave, and how often it was seen. */
struct wl_coupon {
	unsigned char id[16];
	uint32_t event;
	uint32_t seen;
};

struct wl {
	uint64_t seed;
	uint32_t n, members;
	uint32_t from;             /* number of its first event */
	int64_t base_ms, step_ms;  /* when order 0 was paid, and from one to the next */
	uint32_t *origin;          /* of each event: its own number, or that of the one that it repeats */
	uint32_t *member;
	struct wl_coupon *coupons; /* open addressing by the id's first bytes; seen == UINT32_MAX: free */
	uint32_t mask, n_coupons;
};

static inline _Noreturn void wl_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline _Noreturn void wl_die(const char *fmt, ...)
{
	va_list ap;

	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static inline int64_t wl_now_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline uint32_t wl_number(const char *text, const char *what)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v == 0 || v > 100000000)
		wl_die("%s: a number from 1 to 100000000, not `%s`", what, text);
	return (uint32_t)v;
}

/* splitmix64 of (seed, event, what). */
static inline uint64_t wl_random(const struct wl *w, uint32_t event, uint32_t what)
{
	uint64_t x = w->seed * 0x9e3779b97f4a7c15u + ((uint64_t)event << 8 | what) * 0xbf58476d1ce4e5b9u;

	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static inline struct wl_coupon *wl_slot(const struct wl *w, const unsigned char id[16])
{
	uint64_t h;

	memcpy(&h, id, sizeof h);
	for (uint32_t at = (uint32_t)h & w->mask;; at = (at + 1) & w->mask)
		if (w->coupons[at].seen == UINT32_MAX || memcmp(w->coupons[at].id, id, 16) == 0)
			return &w->coupons[at];
}

/* The recipe of the contract. */
static inline void wl_expect(struct wl *w, uint32_t event, const char *rule)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	char text[256];
	int n = snprintf(text, sizeof text, "yutang1\ncoupon.issued\ns1\nm-%06" PRIu32 "\n%s\norder.paid\no-%07" PRIu32 "\n0", w->member[event],
	                 rule, w->origin[event]);
	struct wl_coupon *c;

	if (!EVP_Digest(text, (size_t)n, sum, NULL, EVP_sha256(), NULL))
		wl_die("SHA-256 failed");
	c = wl_slot(w, sum);
	memcpy(c->id, sum, sizeof c->id);
	c->event = event;
	c->seen = 0;
	w->n_coupons++;
}

/* Twice as many slots as there may be coupons. */
static inline void wl_alloc(struct wl *w, uint32_t coupons)
{
	uint32_t slots = 1024;

	while (slots < coupons * UINT64_C(2))
		slots *= 2;
	w->mask = slots - 1;
	w->origin = malloc(w->n * sizeof *w->origin);
	w->member = malloc(w->n * sizeof *w->member);
	w->coupons = malloc(slots * sizeof *w->coupons);
	if (!w->origin || !w->member || !w->coupons)
		wl_die("out of memory");
	memset(w->coupons, 0xff, slots * sizeof *w->coupons);
}

static inline void wl_mix(struct wl *w)
{
	uint32_t n_busy = w->members / WL_BUSY_SHARE;
	unsigned char *orders = calloc(w->members, 1);

	if (!orders)
		wl_die("out of memory");
	w->base_ms = WL_FROM_MS;
	w->step_ms = WL_LENGTH_MS / w->n;
	wl_alloc(w, w->n < WL_COUPONS * w->members ? w->n : WL_COUPONS * w->members);
	for (uint32_t i = 0; i < w->n; i++) {
		if (i > 0 && wl_random(w, i, 0) % 100 < 2) {
			uint32_t back = i < WL_BACK ? i : WL_BACK;

			w->origin[i] = w->origin[i - 1 - wl_random(w, i, 1) % back];
			w->member[i] = w->member[w->origin[i]];
			continue;
		}
		bool busy = wl_random(w, i, 2) % 100 < 80;

		w->origin[i] = i;
		w->member[i] = (uint32_t)(busy ? wl_random(w, i, 3) % n_busy : n_busy + wl_random(w, i, 3) % (w->members - n_busy));
		if (orders[w->member[i]] < WL_COUPONS)
			wl_expect(w, i, wl_rules[orders[w->member[i]]++]);
	}
	free(orders);
}

static inline void wl_rounds(struct wl *w, uint32_t quiet)
{
	w->step_ms = WL_STEP_MS;
	wl_alloc(w, w->n);
	for (uint32_t i = 0; i < w->n; i++) {
		w->origin[i] = w->from + i;
		w->member[i] = w->origin[i] % w->members;
		if (w->origin[i] / w->members >= quiet)
			wl_expect(w, i, wl_rule_rounds);
	}
}

static inline void wl_init(struct wl *w, const char *text, uint64_t seed)
{
	uint32_t members, from, n, quiet;
	int64_t base_ms;
	int end = 0;

	*w = (struct wl){ .seed = seed, .members = WL_MEMBERS };
	if (!strchr(text, ':')) {
		const char *slash = strchr(text, '/');
		char number[16];

		snprintf(number, sizeof number, "%.*s", slash ? (int)(slash - text) : (int)strlen(text), text);
		w->n = wl_number(number, "N");
		if (slash)
			w->members = wl_number(slash + 1, "MEMBERS");
		if (w->members < WL_BUSY_SHARE)
			wl_die("a workload has %d members at least", WL_BUSY_SHARE);
		wl_mix(w);
		return;
	}
	if (sscanf(text, "%" SCNu32 ":%" SCNd64 ":%" SCNu32 ":%" SCNu32 ":%" SCNu32 "%n", &members, &base_ms, &from, &n, &quiet, &end) != 5 ||
	    text[end] || !members || !n)
		wl_die("a workload is N, N/MEMBERS or MEMBERS:BASE_MS:FROM:N:QUIET, not `%s`", text);
	w->n = n;
	w->members = members;
	w->from = from;
	w->base_ms = base_ms;
	wl_rounds(w, quiet);
}

static inline int wl_key(const struct wl *w, uint32_t event, char out[WL_KEY_MAX])
{
	return snprintf(out, WL_KEY_MAX, "s1/m-%06" PRIu32, w->member[event]);
}

/* The structured event; returns its length. */
static inline int wl_value(const struct wl *w, uint32_t event, char out[WL_VALUE_MAX])
{
	static const char *const skus[] = { "oil-1l", "oil-5l", "rice-5kg", "tea-250g", "soap-set", "honey-500g", "vinegar-1l" };
	static const char *const channels[] = { "live", "search", "group", "friend" };
	uint32_t i = w->origin[event];
	uint64_t r = wl_random(w, i, 4);
	int64_t paid_at = w->base_ms + w->step_ms * i + (int64_t)(r % 1000);
	time_t told = (time_t)(paid_at / 1000 + 1);
	unsigned first = 100 * (unsigned)(1 + (r >> 10) % 300), second = 100 * (unsigned)(1 + (r >> 20) % 300);
	bool two = r >> 30 & 1;
	struct tm tm;
	char when[32];
	int n;

	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&told, &tm));
	n = snprintf(out, WL_VALUE_MAX,
	             "{\"specversion\":\"1.0\",\"id\":\"e-%07" PRIu32 "\",\"source\":\"/shops/s1\",\"type\":\"order.paid\",\"time\":\"%s\","
	             "\"datacontenttype\":\"application/json\",\"data\":{\"order\":\"o-%07" PRIu32 "\",\"member\":\"m-%06" PRIu32 "\","
	             "\"paid_at\":%" PRId64 ",\"amount\":%u,\"currency\":\"CNY\",\"items\":[{\"sku\":\"%s\",\"quantity\":1,\"amount\":%u}",
	             i, when, i, w->member[event], paid_at, first + (two ? second : 0), skus[(r >> 32) % 7], first);
	if (two)
		n += snprintf(out + n, (size_t)(WL_VALUE_MAX - n), ",{\"sku\":\"%s\",\"quantity\":2,\"amount\":%u}", skus[(r >> 40) % 7], second);
	n += snprintf(out + n, (size_t)(WL_VALUE_MAX - n), "],\"channel\":\"%s\"}}", channels[(r >> 48) % 4]);
	return n;
}

/* Marks what a coupon's record says; the coupon, or NULL: it was not expected. */
static inline struct wl_coupon *wl_see(struct wl *w, const char *value, size_t n)
{
	const char *at = n ? memmem(value, n, "\"id\":\"", 6) : NULL;
	unsigned char id[16];
	struct wl_coupon *c;

	if (!at || n - (size_t)(at - value) < 6 + 32)
		return NULL;
	at += 6;
	for (int i = 0; i < 32; i++) {
		int v = at[i] >= '0' && at[i] <= '9' ? at[i] - '0' : at[i] >= 'a' && at[i] <= 'f' ? at[i] - 'a' + 10 : -1;

		if (v < 0)
			return NULL;
		id[i / 2] = (unsigned char)(i % 2 ? id[i / 2] | v : v << 4);
	}
	c = wl_slot(w, id);
	if (c->seen == UINT32_MAX)
		return NULL;
	c->seen++;
	return c;
}

/* ---- librdkafka */

static inline void wl_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
		wl_die("%s", text);
}

static inline rd_kafka_t *wl_client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers)
{
	char text[512];
	rd_kafka_t *rk;

	wl_set(conf, "bootstrap.servers", brokers);
	wl_set(conf, "log_level", "3");
	rk = rd_kafka_new(type, conf, text, sizeof text);
	if (!rk)
		wl_die("%s", text);
	return rk;
}

static inline int wl_partitions(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, rkt, &md, 30000);
	int n;

	if (err || md->topic_cnt != 1 || md->topics[0].err)
		wl_die("topic %s: %s", topic, rd_kafka_err2str(err ? err : md->topics[0].err));
	n = md->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(md);
	rd_kafka_topic_destroy(rkt);
	return n;
}

/* All partitions of a topic from their beginning, or from where each ends now. */
static inline int wl_assign(rd_kafka_t *rk, const char *topic, bool from_end)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
	int n = wl_partitions(rk, topic);

	for (int p = 0; p < n; p++) {
		int64_t low, from = RD_KAFKA_OFFSET_BEGINNING;

		if (from_end && rd_kafka_query_watermark_offsets(rk, topic, p, &low, &from, 30000))
			wl_die("the end of %s/%d", topic, p);
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = from;
	}
	if (rd_kafka_assign(rk, list))
		wl_die("assign %s", topic);
	rd_kafka_topic_partition_list_destroy(list);
	return n;
}

/* The reader of coupons: committed records alone, at once. */
static inline rd_kafka_t *wl_reader(const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;

	wl_set(conf, "group.id", "bench-reader");
	wl_set(conf, "enable.auto.commit", "false");
	wl_set(conf, "isolation.level", "read_committed");
	wl_set(conf, "enable.partition.eof", "true");
	wl_set(conf, "fetch.wait.max.ms", "100");
	wl_set(conf, "topic.metadata.refresh.interval.ms", "100"); /* a full queue else sleeps for a second before 2.2 */
	rk = wl_client(RD_KAFKA_CONSUMER, conf, brokers);
	rd_kafka_poll_set_consumer(rk);
	return rk;
}

#endif
