/* What leaves a record that this shard does not decide: to its owner, or to the dead letters. */
#include "yutang/engine/forward.h"

#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/hash.h"

enum { DEAD_KEY_MAX = 64 * 1024, DEAD_HEADERS_MAX = 64 * 1024 }; /* beside YT_DEAD_VALUE_BYTES_MAX */

static const struct yt_str H_TOPIC = YT_STR("yt_topic"), H_PARTITION = YT_STR("yt_partition"), H_OFFSET = YT_STR("yt_offset"),
                           H_HOP = YT_STR("yt_hop"), H_NOW = YT_STR("yt_now"), H_TIMESTAMP = YT_STR("yt_timestamp"), H_SENT = YT_STR("yt_sent"),
                           H_MEMBER = YT_STR("yt_member");

static bool header_int(struct yt_str v, int64_t *out)
{
	char text[24];
	char *end;

	if (v.n == 0 || v.n >= sizeof text)
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	*out = strtoll(text, &end, 10);
	return *end == '\0';
}

void yt_forward_origin(struct yt_engine *e, struct yt_queued *q)
{
	q->cause_now = INT64_MIN;
	q->origin_topic = e->conf->topics[q->rec.input];
	q->origin_partition = q->rec.shard;
	q->origin_offset = q->rec.offset;
	q->origin_timestamp = q->rec.timestamp_ms;
	if (q->rec.input != e->conf->n_inputs - 1)
		return;

	int64_t hop = 0, now = 0, partition = 0, offset = 0, timestamp = 0;
	struct yt_str topic = { 0 };
	int seen = 0;

	for (size_t i = 0; i < q->rec.n_headers; i++) {
		const struct yt_header *h = &q->rec.headers[i];

		if (yt_str_eq(h->name, H_TOPIC))
			topic = h->value, seen |= 1;
		else if (yt_str_eq(h->name, H_PARTITION))
			seen |= header_int(h->value, &partition) ? 2 : 0;
		else if (yt_str_eq(h->name, H_OFFSET))
			seen |= header_int(h->value, &offset) ? 4 : 0;
		else if (yt_str_eq(h->name, H_HOP))
			seen |= header_int(h->value, &hop) ? 8 : 0;
		else if (yt_str_eq(h->name, H_NOW))
			seen |= header_int(h->value, &now) ? 16 : 0;
		else if (yt_str_eq(h->name, H_TIMESTAMP))
			seen |= header_int(h->value, &timestamp) ? 32 : 0;
		else if (yt_str_eq(h->name, H_SENT))
			q->sent = true;
		else if (yt_str_eq(h->name, H_MEMBER))
			q->member = h->value;
	}
	/* What a decision sent first lies here. */
	if (q->sent && seen == (8 | 16)) {
		q->hop = (int)hop;
		q->cause_now = now;
		return;
	}
	if (seen != 63) {
		q->dead = YT_DEAD_BAD_FIELD;
		q->detail = "internal record without its yt_ headers";
		return;
	}
	q->origin_topic = topic;
	q->origin_partition = partition;
	q->origin_offset = offset;
	q->origin_timestamp = timestamp;
	q->hop = (int)hop;
	q->cause_now = now;
}

/* Headers of ours; of a record that came from outside yt_sent too. */
static bool is_forward_header(const struct yt_queued *q, struct yt_str name)
{
	return yt_str_eq(name, H_TOPIC) || yt_str_eq(name, H_PARTITION) || yt_str_eq(name, H_OFFSET) || yt_str_eq(name, H_HOP) ||
	       yt_str_eq(name, H_NOW) || yt_str_eq(name, H_TIMESTAMP) || yt_str_eq(name, H_MEMBER) || (!q->sent && yt_str_eq(name, H_SENT));
}

const struct yt_raw *yt_forward_raw(struct yt_engine *e, const struct yt_queued *q)
{
	struct yt_raw *raw = yt_arena_zalloc(&e->arena, sizeof *raw);
	struct yt_header *h = yt_arena_alloc(&e->arena, (q->rec.n_headers + 1) * sizeof *h);

	*raw = (struct yt_raw){ .topic = q->origin_topic,
		                .partition = q->origin_partition,
		                .offset = q->origin_offset,
		                .timestamp = q->origin_timestamp,
		                .key = q->rec.key,
		                .value = q->rec.value,
		                .headers = h };
	for (size_t i = 0; i < q->rec.n_headers; i++)
		if (!is_forward_header(q, q->rec.headers[i].name))
			h[raw->n_headers++] = q->rec.headers[i];
	return raw;
}

size_t yt_beside_bytes(const struct yt_record *rec)
{
	enum { A_HEADER = 10 }; /* two lengths as varints */
	size_t n = rec->key.n;

	for (size_t i = 0; i < rec->n_headers; i++)
		n += rec->headers[i].name.n + rec->headers[i].value.n + A_HEADER;
	return n;
}

/* The record's own headers, with room for `more`; *n is how many there are. */
static struct yt_header *own_headers(struct yt_engine *e, const struct yt_raw *raw, size_t more, size_t *n)
{
	struct yt_header *h = yt_arena_alloc(&e->arena, (raw->n_headers + more) * sizeof *h);

	if (raw->n_headers)
		memcpy(h, raw->headers, raw->n_headers * sizeof *h);
	*n = raw->n_headers;
	return h;
}

struct yt_message yt_forward_message(struct yt_engine *e, const struct yt_raw *raw, int owner, struct yt_str member, int hop, int64_t now_ms)
{
	size_t n;
	struct yt_header *h = own_headers(e, raw, 7, &n);
	struct yt_arena *a = &e->arena;

	h[n++] = (struct yt_header){ H_TOPIC, raw->topic };
	h[n++] = (struct yt_header){ H_PARTITION, yt_arena_printf(a, "%lld", (long long)raw->partition) };
	h[n++] = (struct yt_header){ H_OFFSET, yt_arena_printf(a, "%lld", (long long)raw->offset) };
	h[n++] = (struct yt_header){ H_HOP, yt_arena_printf(a, "%d", hop) };
	h[n++] = (struct yt_header){ H_NOW, yt_arena_printf(a, "%lld", (long long)now_ms) };
	h[n++] = (struct yt_header){ H_TIMESTAMP, yt_arena_printf(a, "%lld", (long long)raw->timestamp) };
	if (member.n)
		h[n++] = (struct yt_header){ H_MEMBER, member };
	return (struct yt_message){
		.dest = YT_TO_INTERNAL, .shard = owner, .key = raw->key, .value = raw->value, .headers = h, .n_headers = n
	};
}

struct yt_message yt_sent_message(struct yt_engine *e, struct yt_str key, struct yt_str value, int hop, int64_t now_ms)
{
	struct yt_arena *a = &e->arena;
	struct yt_header *h = yt_arena_alloc(a, 3 * sizeof *h);

	h[0] = (struct yt_header){ H_SENT, YT_S("1") };
	h[1] = (struct yt_header){ H_HOP, yt_arena_printf(a, "%d", hop) };
	h[2] = (struct yt_header){ H_NOW, yt_arena_printf(a, "%lld", (long long)now_ms) };
	return (struct yt_message){
		.dest = YT_TO_INTERNAL, .shard = yt_partition(key, e->conf->partitions), .key = key, .value = value, .headers = h, .n_headers = 3
	};
}

struct yt_message yt_dead_message(struct yt_engine *e, const struct yt_raw *raw, enum yt_dead reason, const char *detail)
{
	size_t n, kept = 0, bytes = 0;
	struct yt_header *h = own_headers(e, raw, 7, &n);
	struct yt_arena *a = &e->arena;
	struct yt_str key = raw->key, value = raw->value;
	bool cut = false;

	while (kept < n && bytes + h[kept].name.n + h[kept].value.n <= DEAD_HEADERS_MAX)
		bytes += h[kept].name.n + h[kept].value.n, kept++;
	if (kept < n || value.n > YT_DEAD_VALUE_BYTES_MAX || key.n > DEAD_KEY_MAX)
		cut = true;
	n = kept;
	if (value.n > YT_DEAD_VALUE_BYTES_MAX)
		value.n = YT_DEAD_VALUE_BYTES_MAX;
	if (key.n > DEAD_KEY_MAX)
		key.n = DEAD_KEY_MAX;

	h[n++] = (struct yt_header){ YT_S("dl_topic"), raw->topic };
	h[n++] = (struct yt_header){ YT_S("dl_partition"), yt_arena_printf(a, "%lld", (long long)raw->partition) };
	h[n++] = (struct yt_header){ YT_S("dl_offset"), yt_arena_printf(a, "%lld", (long long)raw->offset) };
	h[n++] = (struct yt_header){ YT_S("dl_timestamp"), yt_arena_printf(a, "%lld", (long long)raw->timestamp) };
	h[n++] = (struct yt_header){ YT_S("dl_reason"), yt_str_z(yt_dead_name(reason)) };
	h[n++] = (struct yt_header){ YT_S("dl_detail"), yt_arena_dup(a, yt_str_z(detail)) };
	if (cut)
		h[n++] = (struct yt_header){ YT_S("dl_truncated"), yt_arena_printf(a, "%u", raw->value.n) };
	return (struct yt_message){ .dest = YT_TO_DEAD, .shard = -1, .key = key, .value = value, .headers = h, .n_headers = n };
}
