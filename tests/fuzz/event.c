/* Any bytes as a record. Structured: the direct reader and the reader over base/json, which is cJSON's tree, must say the same. Binary (the bytes
 * begin with lines `ce_NAME:VALUE`, the first is ce_specversion, and the value is behind them): what is taken must be what the same event says
 * structured. */
#include "event/direct.h"
#include "fuzz/fuzz.h"
#include "unit/event_same.h"
#include "yutang/base/json.h"
#include "yutang/core/kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENT_NOW INT64_C(1754042400000) /* 2025-08-01T10:00:00Z */

enum { EVENT_HEADERS_MAX = 8 };

/* An event that was taken has a key and a fact, and what is kept of it can be read again. */
static void event_use(struct yt_arena *a, const struct yt_event *ev)
{
	struct yt_str member = yt_event_text(ev, YT_F_MEMBER), key = yt_event_key(a, ev);
	struct yt_buf first, second;
	struct yt_event *again;
	struct yt_rd r;

	YT_ASSERT(yt_str_starts(key, ev->shop) && yt_utf8_bad(key) == key.n, "the key of an event");
	yt_buf_init(&first, a);
	yt_buf_init(&second, a);
	yt_event_fact(&first, ev);
	yt_buf_clear(&first);
	yt_kept_encode(yt_kept_new(a, ev, UINT64_MAX), &first);
	YT_ASSERT(first.n <= YT_KEPT_BYTES_MAX, "the bytes of a kept event");
	r = yt_rd(yt_buf_str(&first));
	again = yt_kept_decode(a, &r, ev->shop, member);
	YT_ASSERT(again && r.p == r.end, "a kept event");
	yt_kept_encode(again, &second);
	YT_ASSERT(yt_str_eq(yt_buf_str(&first), yt_buf_str(&second)), "a kept event, read and written");
}

static size_t event_headers(struct yt_str *bytes, struct yt_header *headers)
{
	size_t n = 0;
	const char *colon, *end;

	for (; n < EVENT_HEADERS_MAX && yt_str_starts(*bytes, YT_S("ce_")); n++) {
		end = memchr(bytes->p, '\n', bytes->n);
		colon = end ? memchr(bytes->p, ':', (size_t)(end - bytes->p)) : NULL;
		if (!colon)
			break;
		headers[n].name = yt_str(bytes->p, (size_t)(colon - bytes->p));
		headers[n].value = yt_str(colon + 1, (size_t)(end - colon - 1));
		*bytes = yt_str(end + 1, bytes->n - (size_t)(end + 1 - bytes->p));
	}
	return n;
}

static bool event_doubled(const struct yt_header *headers, size_t n)
{
	for (size_t k = 1; k < n; k++)
		for (size_t i = 0; i < k; i++)
			if (yt_str_eq(headers[k].name, headers[i].name))
				return true;
	return false;
}

static void event_binary(struct yt_arena *a, const struct yt_header *headers, size_t n, struct yt_str value)
{
	struct yt_decoded got, tree;
	struct yt_buf whole;

	yt_event_decode(a, value, headers, n, EVENT_NOW, &got);
	YT_ASSERT(!got.dead == !!got.event && !got.dead == !got.detail[0], "a fault is said, and nothing else");
	if (!got.event || event_doubled(headers, n))
		return;
	event_use(a, got.event);
	yt_buf_init(&whole, a);
	yt_buf_c(&whole, '{');
	for (size_t k = 0; k < n; k++) {
		if (yt_str_eq(headers[k].name, YT_S("ce_data")) || yt_str_eq(headers[k].name, YT_S("ce_data_base64")))
			continue;
		yt_json_add_text(&whole, yt_str(headers[k].name.p + 3, headers[k].name.n - 3));
		yt_buf_c(&whole, ':');
		yt_json_add_text(&whole, headers[k].value);
		yt_buf_c(&whole, ',');
	}
	yt_buf_z(&whole, "\"data\":");
	yt_buf_str_add(&whole, value);
	yt_buf_c(&whole, '}');
	yt_event_decode_tree(a, yt_buf_str(&whole), NULL, 0, EVENT_NOW, &tree);
	/* The object around the data is one level and some bytes more, and a header that the contract does not know may be anything. */
	YT_ASSERT(decoded_same(&got, &tree) || tree.dead == YT_DEAD_TOO_DEEP || tree.dead == YT_DEAD_TOO_LARGE || tree.dead == YT_DEAD_NOT_JSON, tree.detail);
}

static void event_structured(struct yt_arena *a, struct yt_str value)
{
	struct yt_decoded got, tree;

	yt_event_decode(a, value, NULL, 0, EVENT_NOW, &got);
	yt_event_decode_tree(a, value, NULL, 0, EVENT_NOW, &tree);
	YT_ASSERT(decoded_same(&got, &tree), tree.detail);
	YT_ASSERT(!got.dead == !!got.event && !got.dead == !got.detail[0], "a fault is said, and nothing else");
	if (got.event)
		event_use(a, got.event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct yt_arena arena;
	struct yt_str value = yt_str((const char *)data, size);
	struct yt_header headers[EVENT_HEADERS_MAX];
	size_t n;

	yt_types_init();
	if (!arena.chunk_size)
		yt_arena_init(&arena, 0);
	event_structured(&arena, value);
	n = event_headers(&value, headers);
	if (n && yt_str_eq(headers[0].name, YT_S("ce_specversion")))
		event_binary(&arena, headers, n, value);
	yt_arena_reset(&arena);
	return 0;
}
