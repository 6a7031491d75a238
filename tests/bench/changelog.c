/* Reads a changelog, committed records alone, and does nothing with it but look: what of each kind is there, how fast a bare loop reads it, and when
 * something is committed to a shard.
 *
 *   changelog BROKERS TOPIC                all of it
 *   changelog --trace FILE BROKERS TOPIC   what comes from now on, until its input is closed; FILE gets `US SHARD`, US by CLOCK_MONOTONIC
 *
 * The first prints {"records":N,"bytes":N,"seconds":S,"members":N,"member_bytes":N,"orders":N,"order_bytes":N}: all records, and of the keys their
 * newest values alone, keys included. */
#include <poll.h>
#include <unistd.h>

#include "workload.h"

/* Keys by a hash of 64 bits: of 10 million two are the same once in 400,000 runs. */
static struct {
	struct newest {
		uint64_t key;
		uint32_t bytes; /* of key and value; 0: removed */
		char kind;      /* the key's first letter; 0: the slot is free */
	} *slots;
	uint64_t mask, n;
} keys;

static uint64_t hash_of(const void *p, size_t n)
{
	const unsigned char *at = p;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ at[i]) * 0x100000001b3u;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

static struct newest *slot_of(uint64_t key)
{
	uint64_t at = key & keys.mask;

	while (keys.slots[at].kind && keys.slots[at].key != key)
		at = (at + 1) & keys.mask;
	return &keys.slots[at];
}

static void resize(uint64_t slots)
{
	struct newest *old = keys.slots;
	uint64_t old_n = old ? keys.mask + 1 : 0;

	keys.slots = calloc(slots, sizeof *keys.slots);
	if (!keys.slots)
		wl_die("out of memory");
	keys.mask = slots - 1;
	for (uint64_t i = 0; i < old_n; i++)
		if (old[i].kind)
			*slot_of(old[i].key) = old[i];
	free(old);
}

static void keep(const rd_kafka_message_t *m)
{
	uint64_t key = hash_of(m->key, m->key_len);
	struct newest *s;

	if (keys.n * 2 > keys.mask)
		resize(2 * (keys.mask + 1));
	s = slot_of(key);
	keys.n += !s->kind;
	*s = (struct newest){ .key = key, .bytes = m->payload ? (uint32_t)(m->key_len + m->len) : 0, .kind = *(const char *)m->key };
}

static int count(const char *brokers, const char *topic)
{
	uint64_t records = 0, bytes = 0, n[256] = { 0 }, of[256] = { 0 };
	int64_t began = wl_now_us(CLOCK_MONOTONIC);
	rd_kafka_t *rk = wl_reader(brokers);
	int partitions = wl_assign(rk, topic, false), at_end = 0;

	resize(1 << 20);
	while (at_end < partitions) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 30000);

		if (!m)
			wl_die("%s: nothing for 30 s", topic);
		if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
			wl_die("%s: %s", topic, rd_kafka_message_errstr(m));
		at_end += m->err != 0;
		if (!m->err && m->key_len) {
			records++;
			bytes += m->key_len + m->len;
			keep(m);
		}
		rd_kafka_message_destroy(m);
	}
	for (uint64_t i = 0; i <= keys.mask; i++) {
		n[(unsigned char)keys.slots[i].kind] += keys.slots[i].bytes > 0;
		of[(unsigned char)keys.slots[i].kind] += keys.slots[i].bytes;
	}
	printf("{\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.3f,\"members\":%" PRIu64 ",\"member_bytes\":%" PRIu64 ",\"orders\":%" PRIu64
	       ",\"order_bytes\":%" PRIu64 "}\n", records, bytes, (double)(wl_now_us(CLOCK_MONOTONIC) - began) / 1e6, n['m'], of['m'], n['o'], of['o']);
	return 0;
}

/* The records of one batch arrive together: one line a millisecond is enough. */
static int trace(const char *file, const char *brokers, const char *topic)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	rd_kafka_t *rk = wl_reader(brokers);
	int64_t *last = calloc((size_t)wl_assign(rk, topic, true), sizeof *last);
	FILE *out = fopen(file, "we");

	if (!last || !out)
		wl_die("%s can't be written", file);
	while (poll(&in, 1, 0) == 0) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
		int64_t now = wl_now_us(CLOCK_MONOTONIC);

		if (m && !m->err && now - last[m->partition] >= 1000) {
			fprintf(out, "%" PRId64 " %d\n", now, (int)m->partition);
			last[m->partition] = now;
		}
		if (m)
			rd_kafka_message_destroy(m);
	}
	fclose(out);
	return 0;
}

int main(int argc, char **argv)
{
	int result = 64;

	if (argc == 5 && strcmp(argv[1], "--trace") == 0)
		result = trace(argv[2], argv[3], argv[4]);
	else if (argc == 3)
		result = count(argv[1], argv[2]);
	else
		fprintf(stderr, "usage: changelog BROKERS TOPIC\n       changelog --trace FILE BROKERS TOPIC\n");
	fflush(stdout);
	_exit(result);
}
