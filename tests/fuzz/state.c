/* Any bytes as a value of the changelog: refused, or an object that can be used, and that written is its own fixed point. The first byte says
 * which: `m`ember, `o`rder, `d`ay, cha`n`nels, `p`hone, `q`uota, or `c`heckpoint; the rest is what the decoder gets. */
#include "fuzz/fuzz.h"
#include "yutang/core/member.h"
#include "yutang/core/view.h"
#include "yutang/engine/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the engine asks of an entity that it has read. */
static void state_use(struct yt_arena *a, enum yt_kind kind, struct yt_str name, const void *obj)
{
	struct yt_view_hash hashes[YT_VIEW_HASHES_MAX];
	size_t n;

	yt_entities[kind].next_due(obj);
	yt_entities[kind].expires_at(obj);
	n = yt_view_render(a, kind, name, obj, true, hashes);
	YT_ASSERT(n <= YT_VIEW_HASHES_MAX, "the hashes of an entity");
}

static void state_entity(struct yt_arena *a, enum yt_kind kind, struct yt_str name, struct yt_str value)
{
	const struct yt_entity_ops *ops = &yt_entities[kind];
	void *obj = ops->decode(a, name, value), *again;
	struct yt_buf first, second;

	if (!obj)
		return;
	yt_buf_init(&first, a);
	yt_buf_init(&second, a);
	ops->encode(obj, &first);
	YT_ASSERT(kind != YT_KIND_MEMBER || first.n <= yt_member_bytes_bound(obj), "the bound of a member");
	state_use(a, kind, name, obj);
	again = ops->decode(a, name, yt_buf_str(&first));
	YT_ASSERT(again, "what was written is taken");
	ops->encode(again, &second);
	YT_ASSERT(yt_str_eq(yt_buf_str(&first), yt_buf_str(&second)), "what was read is written the same");
}

static void state_checkpoint(struct yt_arena *a, struct yt_str value)
{
	struct yt_checkpoint c, again;
	struct yt_buf first, second;
	char meta[64], log_id[YT_LOG_ID_BYTES + 1];
	uint64_t version;

	if (!yt_checkpoint_decode(value, &c))
		return;
	yt_buf_init(&first, a);
	yt_buf_init(&second, a);
	yt_checkpoint_encode(&c, &first);
	YT_ASSERT(yt_checkpoint_decode(yt_buf_str(&first), &again), "what was written is taken");
	yt_checkpoint_encode(&again, &second);
	YT_ASSERT(yt_str_eq(yt_buf_str(&first), yt_buf_str(&second)), "what was read is written the same");
	yt_commit_meta(meta, sizeof meta, c.log_id, c.version);
	YT_ASSERT(yt_commit_meta_parse(meta, log_id, &version) == (c.version != UINT64_MAX), "the metadata of an offset");
	YT_ASSERT(c.version == UINT64_MAX || (version == c.version && strcmp(log_id, c.log_id) == 0), "what the metadata says");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yt_str value = yt_str((const char *)data + 1, size - 1);
	struct yt_arena a;

	if (!size)
		return 0;
	yt_types_init();
	yt_arena_init(&a, 0);
	switch (data[0]) {
	case 'm': state_entity(&a, YT_KIND_MEMBER, YT_S("s1/m1"), value); break;
	case 'o': state_entity(&a, YT_KIND_ORDER, YT_S("s1/o1"), value); break;
	case 'd': state_entity(&a, YT_KIND_DAY, YT_S("s1/2026-11-24"), value); break;
	case 'q': state_entity(&a, YT_KIND_QUOTA, YT_S("s1/c"), value); break;
	case 'n': state_entity(&a, YT_KIND_CHANNELS, YT_S("s1/2026-11-24"), value); break;
	case 'p': state_entity(&a, YT_KIND_PHONE, YT_S("s1/p1"), value); break;
	case 'a': state_entity(&a, YT_KIND_ACCOUNT, YT_S("s1/a-1"), value); break;
	case 'g': state_entity(&a, YT_KIND_GROUP, YT_S("s1/g-1"), value); break;
	case 'l': state_entity(&a, YT_KIND_ALIAS, YT_S("s1/order:o-1"), value); break;
	case 'e': state_entity(&a, YT_KIND_ERASED, YT_S("s1/00112233445566778899aabbccddeeff"), value); break;
	case 'c': state_checkpoint(&a, value); break;
	}
	yt_arena_deinit(&a);
	return 0;
}
