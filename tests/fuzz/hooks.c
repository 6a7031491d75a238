/* Any bytes as the genuine body of a platform: the first line says of which, `shopify orders/paid`. What becomes of it is what the worker will take, under
 * the key that the worker computes; and a second look gives the same. */
#include "fuzz/fuzz.h"
#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"
#include "yutang/base/json.h"
#include "yutang/intake/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOOKS_NOW INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define HOOKS_KEY "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

static const struct yt_intake_shop hooks_shop = {
	.name = YT_STR("s1"),          .shopify = { YT_STR("a"), YT_STR("b") },    .woocommerce = { YT_STR("c"), { 0 } },
	.youzan_id = { YT_STR("d"), { 0 } }, .youzan = { YT_STR("e"), { 0 } },     .wecom_token = { YT_STR("f"), { 0 } },
	.wecom_key = { YT_STR(HOOKS_KEY), { 0 } }, .wecom_corp = { YT_STR("g"), { 0 } }, .events = { YT_STR("h"), { 0 } },
	.hash_key = YT_STR("i"),
};

static struct yt_str hooks_hex(struct yt_arena *a, const unsigned char *digest, size_t n)
{
	char *hex = yt_arena_alloc(a, 2 * n + 1);

	yt_hex(digest, n, hex);
	return yt_str(hex, 2 * n);
}

static struct yt_str hooks_hmac(struct yt_arena *a, struct yt_str key, struct yt_str body, bool hex)
{
	unsigned char mac[32];

	yt_hmac_sha256((const unsigned char *)key.p, key.n, body, mac);
	return hex ? yt_arena_printf(a, "sha256=%.*s", YT_FMT(hooks_hex(a, mac, 32))) : yt_base64(a, yt_str((const char *)mac, 32));
}

/* The signature's header. */
static struct yt_header hooks_sign(struct yt_arena *a, enum yt_hook hook, struct yt_str body)
{
	struct yt_str parts[3] = { hooks_shop.youzan_id.now, body, hooks_shop.youzan.now };
	unsigned char digest[YT_DIGEST_BYTES_MAX];

	switch (hook) {
	case YT_HOOK_SHOPIFY: return (struct yt_header){ YT_S("X-Shopify-Hmac-Sha256"), hooks_hmac(a, hooks_shop.shopify.next, body, false) };
	case YT_HOOK_WOOCOMMERCE: return (struct yt_header){ YT_S("X-WC-Webhook-Signature"), hooks_hmac(a, hooks_shop.woocommerce.now, body, false) };
	case YT_HOOK_YOUZAN: return (struct yt_header){ YT_S("Event-Sign"), hooks_hex(a, digest, yt_digest(YT_MD5, parts, 3, digest)) };
	default: return (struct yt_header){ YT_S("X-Yutang-Signature"), hooks_hmac(a, hooks_shop.events.now, body, true) };
	}
}

static void hooks_judge(struct yt_arena *a, const struct yt_taken *got)
{
	struct yt_decoded d;

	YT_ASSERT(got->status == 200 || got->status == 400 || got->status == 401 || got->status == 413 || got->status == 415, "a status that there is");
	YT_ASSERT(got->status == 200 || (!got->n_events && !got->dead), "what is refused leaves nothing");
	YT_ASSERT(!got->dead == !(got->take == YT_TAKE_DEAD) && (!got->dead || got->detail[0]), "a dead letter says why");
	YT_ASSERT(yt_utf8_bad(got->dead_value) == got->dead_value.n, "a dead letter is text");
	for (size_t i = 0; i < got->n_events; i++) {
		const struct yt_intake_event *e = &got->events[i];

		yt_event_decode(a, e->value, NULL, 0, HOOKS_NOW, &d);
		YT_ASSERT(d.event || d.dead == YT_DEAD_UNKNOWN_TYPE, d.detail);
		YT_ASSERT(!d.event || yt_str_eq(yt_event_key(a, d.event), e->key), "the key of an event");
		YT_ASSERT(!d.event || yt_str_eq(yt_types[d.event->type].topic, yt_str_z(e->topic)), "the topic of an event");
	}
}

static bool hooks_same(const struct yt_taken *x, const struct yt_taken *y)
{
	bool same = x->status == y->status && x->take == y->take && x->dead == y->dead && x->n_events == y->n_events;

	for (size_t i = 0; same && i < x->n_events; i++)
		same = yt_str_eq(x->events[i].value, y->events[i].value);
	return same;
}

/* Of WeCom the bytes are the body as it comes, and its signature is not right: the reader of the outer XML. fuzz/wecom.c is behind the signature. */
static void hooks_take(struct yt_arena *a, enum yt_hook hook, struct yt_str topic, struct yt_str body)
{
	static const char *const types[] = { "X-Shopify-Topic", "X-WC-Webhook-Topic", "Event-Type", "X-None", "Content-Type" };
	struct yt_header headers[] = { { yt_str_z(types[hook]), topic }, hooks_sign(a, hook, body), { YT_S("ce-specversion"), YT_S("1.0") } };
	struct yt_hook_request req = { YT_S("POST"), topic, headers, hook == YT_HOOK_EVENTS ? 3 : 2, body, HOOKS_NOW };
	struct yt_taken got, again;

	yt_intake_take(a, hook, &hooks_shop, &req, &got);
	hooks_judge(a, &got);
	yt_intake_take(a, hook, &hooks_shop, &req, &again);
	YT_ASSERT(hooks_same(&got, &again), "the same request gives the same");
	yt_intake_take(a, hook, NULL, &req, &again);
	YT_ASSERT(again.status == 401 || again.status == 400 || again.status == 413 || again.take == YT_TAKE_IGNORED, "a shop that is unknown");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct yt_arena arena;
	const char *bytes = (const char *)data, *end = size ? memchr(bytes, '\n', size) : NULL, *blank;

	yt_types_init();
	if (!arena.chunk_size)
		yt_arena_init(&arena, 0);
	blank = end ? memchr(bytes, ' ', (size_t)(end - bytes)) : NULL;
	for (int h = 0; blank && h < YT_HOOK__COUNT; h++)
		if (yt_str_eq(yt_str(bytes, (size_t)(blank - bytes)), yt_str_z(yt_hook_name((enum yt_hook)h))))
			hooks_take(&arena, (enum yt_hook)h, yt_str(blank + 1, (size_t)(end - blank - 1)), yt_str(end + 1, size - (size_t)(end + 1 - bytes)));
	yt_arena_reset(&arena);
	return 0;
}
