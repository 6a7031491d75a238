#include "yutang/core/channels.h"

const struct yt_str yt_channel_count_names[YT_CHANNEL__COUNT] = {
#define X(sym, name) [YT_CHANNEL_##sym] = YT_STR(name),
	YT_CHANNEL_COUNTS(X)
#undef X
	[YT_CHANNEL_ORDERS] = YT_STR("orders_1"), YT_STR("orders_2"), YT_STR("orders_3"), YT_STR("orders_4"), YT_STR("orders_5"),
	YT_STR("orders_6"), YT_STR("orders_7"), YT_STR("orders_8"), YT_STR("orders_9"), YT_STR("orders_10"),
	[YT_CHANNEL_ITEMS] = YT_STR("items_1"), YT_STR("items_2"), YT_STR("items_3"), YT_STR("items_4"), YT_STR("items_5"),
	YT_STR("items_6"), YT_STR("items_7"), YT_STR("items_8"), YT_STR("items_9"), YT_STR("items_10"),
};

void *yt_channels_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_channels *c = yt_arena_zalloc(a, sizeof(*c));

	c->name = name;
	return c;
}

static struct yt_channel *find(const struct yt_channels *c, struct yt_str name)
{
	for (uint32_t k = 0; k < c->n; k++) {
		if (yt_str_eq(c->v[k].name, name))
			return &c->v[k];
	}
	return NULL;
}

struct yt_channel *yt_channels_get(struct yt_channels *c, struct yt_arena *a, struct yt_str channel)
{
	struct yt_str name = channel.n ? channel : YT_CHANNEL_NONE;
	struct yt_channel *one = find(c, name);

	if (!one && c->n >= YT_CHANNELS_MAX) {
		name = YT_CHANNEL_OTHER;
		one = find(c, name);
	}
	if (one)
		return one;
	c->v = yt_list_grow(a, c->v, c->n, &c->cap, sizeof(*c->v));
	one = &c->v[c->n++];
	*one = (struct yt_channel){ .name = yt_arena_dup(a, name) };
	return one;
}

static uint32_t bits_of(const struct yt_channel *one)
{
	uint32_t bits = 0;

	for (int k = 0; k < YT_CHANNEL__COUNT; k++)
		bits |= (uint32_t)(one->count[k] != 0) << k;
	return bits;
}

void yt_channels_encode(const void *channels, struct yt_buf *out)
{
	const struct yt_channels *c = channels;

	yt_buf_varint(out, c->n);
	for (uint32_t k = 0; k < c->n; k++) {
		const struct yt_channel *one = &c->v[k];
		uint32_t bits = bits_of(one);

		yt_buf_bytes(out, one->name);
		yt_buf_varint(out, bits);
		for (int i = 0; i < YT_CHANNEL__COUNT; i++)
			if (bits >> i & 1)
				yt_buf_svarint(out, one->count[i]);
	}
}

void *yt_channels_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_channels *c = yt_channels_fresh(a, name);
	struct yt_rd r = yt_rd(value);
	uint64_t n = yt_rd_varint(&r);

	c->v = yt_list_read(a, &r, n, 2, sizeof(*c->v));
	c->n = c->cap = c->v ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < c->n && !r.bad; k++) {
		uint64_t bits;

		c->v[k].name = yt_rd_bytes(&r);
		bits = yt_rd_varint(&r);
		r.bad |= bits > UINT32_MAX;
		for (int i = 0; i < YT_CHANNEL__COUNT; i++)
			if (bits >> i & 1)
				c->v[k].count[i] = yt_rd_svarint(&r);
	}
	return r.bad || r.p != r.end ? NULL : c;
}
