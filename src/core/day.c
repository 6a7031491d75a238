#include "yutang/core/day.h"

const struct yt_str yt_day_count_names[YT_DAY__COUNT] = {
#define X(sym, name) [YT_DAY_##sym] = YT_STR(name),
	YT_DAY_COUNTS(X)
#undef X
};
const struct yt_str yt_day_list_names[YT_DAY_LIST__COUNT] = { YT_STR("issued:"), YT_STR("used:"), YT_STR("followups:") };

void *yt_day_fresh(struct yt_arena *a, struct yt_str name)
{
	struct yt_day *d = yt_arena_zalloc(a, sizeof(*d));

	d->name = name;
	return d;
}

static struct yt_day_named *find(const struct yt_day *d, enum yt_day_list list, struct yt_str name)
{
	for (uint32_t k = 0; k < d->n_named; k++) {
		if (d->named[k].list == list && yt_str_eq(d->named[k].name, name))
			return &d->named[k];
	}
	return NULL;
}

/* Of a name with its count: list, length, bytes, a varint. */
static size_t named_bytes(struct yt_str name)
{
	return 2 + name.n + 10;
}

void yt_day_add_named(struct yt_day *d, struct yt_arena *a, enum yt_day_list list, struct yt_str name)
{
	static const struct yt_str other = YT_STR("~other");
	struct yt_day_named *named = find(d, list, name);
	size_t bytes = named_bytes(name) + YT_DAY_LIST__COUNT * named_bytes(other);

	for (uint32_t k = 0; !named && k < d->n_named; k++)
		bytes += named_bytes(d->named[k].name);
	if (!named && bytes > YT_DAY_NAMES_BYTES) {
		name = other;
		named = find(d, list, name);
	}
	if (!named) {
		d->named = yt_list_grow(a, d->named, d->n_named, &d->cap_named, sizeof(*d->named));
		named = &d->named[d->n_named++];
		*named = (struct yt_day_named){ .list = list, .name = yt_arena_dup(a, name) };
	}
	named->n++;
}

void yt_day_encode(const void *day, struct yt_buf *out)
{
	const struct yt_day *d = day;

	for (int k = 0; k < YT_DAY__COUNT; k++)
		yt_buf_svarint(out, d->count[k]);
	yt_buf_varint(out, d->n_named);
	for (uint32_t k = 0; k < d->n_named; k++) {
		yt_buf_c(out, (char)d->named[k].list);
		yt_buf_bytes(out, d->named[k].name);
		yt_buf_varint(out, (uint64_t)d->named[k].n);
	}
}

void *yt_day_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_day *d = yt_day_fresh(a, name);
	struct yt_rd r = yt_rd(value);
	uint64_t n;

	for (int k = 0; k < YT_DAY__COUNT; k++)
		d->count[k] = yt_rd_svarint(&r);
	n = yt_rd_varint(&r);
	d->named = yt_list_read(a, &r, n, 3, sizeof(*d->named));
	d->n_named = d->cap_named = d->named ? (uint32_t)n : 0;
	for (uint32_t k = 0; k < d->n_named; k++) {
		d->named[k].list = yt_rd_u8(&r);
		d->named[k].name = yt_rd_bytes(&r);
		d->named[k].n = yt_rd_instant(&r);
		if (d->named[k].list >= YT_DAY_LIST__COUNT)
			r.bad = true;
	}
	return r.bad || r.p != r.end ? NULL : d;
}
