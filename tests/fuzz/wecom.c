/* Any bytes as what WeCom has encrypted, and as the XML that came out of it, rightly signed and encrypted: the mapping behind the signature. */
#include "fuzz/fuzz.h"
#include "intake/take.h"
#include "intake/xml.h"
#include "yutang/base/crypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WECOM_KEY "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
#define WECOM_NOW INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

static void wecom_open(struct yt_arena *a, struct yt_str bytes)
{
	struct yt_str text = YT_S(""), corp = YT_S(""), whole;

	if (!yt_wecom_decrypt(a, YT_S(WECOM_KEY), yt_base64(a, bytes), &text, &corp))
		return;
	YT_ASSERT((size_t)text.n + corp.n + 20 < bytes.n, "what was encrypted is shorter than its cipher");
	YT_ASSERT(text.p + text.n == corp.p, "text and corp id lie one behind the other");
	YT_ASSERT(yt_unbase64(a, yt_base64(a, bytes), &whole) && yt_str_eq(whole, bytes), "base64 there and back");
}

/* Behind decryption: the same as yt_intake_take does with the text. */
static void wecom_map(struct yt_arena *a, struct yt_str text)
{
	static const struct yt_intake_shop shop = { .name = YT_STR("s1"), .hash_key = YT_STR("i") };
	struct yt_hook_request req = { .received_ms = WECOM_NOW };
	struct yt_taken out = { 0 };
	struct take t = { .arena = a, .shop = &shop, .req = &req, .out = &out };
	struct yt_decoded d;

	yt_wecom_map(&t, text);
	YT_ASSERT(!out.dead == !out.detail[0], "a dead letter says why");
	for (size_t i = 0; i < out.n_events; i++) {
		yt_event_decode(a, out.events[i].value, NULL, 0, WECOM_NOW, &d);
		YT_ASSERT(d.event || d.dead == YT_DEAD_UNKNOWN_TYPE, d.detail);
		YT_ASSERT(!d.event || yt_str_eq(yt_event_key(a, d.event), out.events[i].key), "the key of an event");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct yt_arena arena;
	struct yt_str bytes = yt_str((const char *)data, size);

	yt_types_init();
	if (!arena.chunk_size)
		yt_arena_init(&arena, 0);
	wecom_open(&arena, bytes);
	wecom_map(&arena, bytes);
	yt_arena_reset(&arena);
	return 0;
}
