#include "yutang/core/place.h"

struct yt_place *yt_places_find(const struct yt_places *p, struct yt_str id)
{
	for (uint32_t k = 0; k < p->n; k++) {
		if (yt_str_eq(p->v[k].id, id))
			return &p->v[k];
	}
	return NULL;
}

/* Of one instant the coming is before the going. */
static bool is_before(const struct yt_move *m, int64_t at, bool in)
{
	return m->at != at ? m->at < at : m->in && !in;
}

const struct yt_move *yt_place_known(const struct yt_place *place, int64_t at, bool in)
{
	for (uint32_t k = 0; k < place->n; k++) {
		if (place->moves[k].at == at && place->moves[k].in == in)
			return &place->moves[k];
	}
	return NULL;
}

bool yt_place_superseded(const struct yt_place *place, int64_t at, bool in)
{
	for (uint32_t k = 0; k < place->n; k++) {
		const struct yt_move *m = &place->moves[k];

		if (m->in != in && !is_before(m, at, in))
			return true;
	}
	return false;
}

static struct yt_place *new_place(struct yt_places *p, struct yt_arena *a, struct yt_str id)
{
	p->v = yt_list_grow(a, p->v, p->n, &p->cap, sizeof(*p->v));
	p->v[p->n] = (struct yt_place){ .id = yt_arena_dup(a, id) };
	return &p->v[p->n++];
}

/* Index of the oldest move that its place can do without: neither the last coming nor the last going. -1: none. */
static int spare_move(const struct yt_place *place)
{
	bool later[2] = { false, false };
	int spare = -1;

	for (uint32_t k = place->n; k-- > 0;) {
		if (later[place->moves[k].in])
			spare = (int)k;
		later[place->moves[k].in] = true;
	}
	return spare;
}

static void forget_oldest(struct yt_places *p)
{
	struct yt_place *from = NULL;
	int at = -1;

	for (uint32_t k = 0; k < p->n; k++) {
		int spare = spare_move(&p->v[k]);

		if (spare >= 0 && (!from || p->v[k].moves[spare].at < from->moves[at].at)) {
			from = &p->v[k];
			at = spare;
		}
	}
	if (!from)
		return;
	if (from->moves[at].at > p->dropped_to)
		p->dropped_to = from->moves[at].at;
	memmove(&from->moves[at], &from->moves[at + 1], (from->n - (uint32_t)at - 1) * sizeof(*from->moves));
	from->n--;
	p->n_moves--;
}

void yt_places_add(struct yt_places *p, struct yt_arena *a, struct yt_str id, struct yt_move move, uint32_t moves_max)
{
	struct yt_place *place = yt_places_find(p, id);
	uint32_t k;

	if (!place)
		place = new_place(p, a, id);
	place->moves = yt_list_grow(a, place->moves, place->n, &place->cap, sizeof(*place->moves));
	for (k = place->n; k > 0 && !is_before(&place->moves[k - 1], move.at, move.in); k--)
		place->moves[k] = place->moves[k - 1];
	place->moves[k] = move;
	place->n++;
	if (++p->n_moves > moves_max)
		forget_oldest(p);
}

int64_t yt_place_came(const struct yt_place *place)
{
	for (uint32_t k = place->n; k-- > 0;) {
		if (place->moves[k].in)
			return place->moves[k].at;
	}
	return 0;
}

bool yt_place_stands(const struct yt_place *place)
{
	return place->n && place->moves[place->n - 1].in;
}

uint32_t yt_places_standing(const struct yt_places *p)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < p->n; k++)
		n += yt_place_stands(&p->v[k]);
	return n;
}

/* The first coming after the last going; the place stands. */
static int64_t standing_since(const struct yt_place *place)
{
	uint32_t k = place->n - 1;

	while (k > 0 && place->moves[k - 1].in)
		k--;
	return place->moves[k].at;
}

const struct yt_place *yt_places_oldest(const struct yt_places *p)
{
	const struct yt_place *oldest = NULL;
	int64_t since = 0;

	for (uint32_t k = 0; k < p->n; k++) {
		const struct yt_place *place = &p->v[k];
		int64_t at;

		if (!yt_place_stands(place))
			continue;
		at = standing_since(place);
		if (!oldest || at < since || (at == since && yt_str_cmp(place->id, oldest->id) < 0)) {
			oldest = place;
			since = at;
		}
	}
	return oldest;
}

bool yt_places_shed(struct yt_places *p)
{
	uint32_t kept = 0, was = p->n;

	for (uint32_t k = 0; k < was; k++) {
		const struct yt_place *place = &p->v[k];

		if (yt_place_stands(place)) {
			p->v[kept++] = *place;
			continue;
		}
		p->n_moves -= place->n;
		if (place->moves[place->n - 1].at > p->dropped_to)
			p->dropped_to = place->moves[place->n - 1].at;
	}
	p->n = kept;
	return kept < was;
}

void yt_places_encode(const struct yt_places *p, struct yt_buf *out)
{
	yt_buf_varint(out, p->n);
	if (!p->n)
		return;
	yt_buf_varint(out, (uint64_t)p->dropped_to);
	for (uint32_t k = 0; k < p->n; k++) {
		const struct yt_place *place = &p->v[k];
		int64_t before = 0;

		yt_buf_bytes(out, place->id);
		yt_buf_varint(out, place->n);
		for (uint32_t i = 0; i < place->n; i++) {
			const struct yt_move *m = &place->moves[i];

			yt_buf_varint(out, (uint64_t)(m->at - before) << 1 | m->in);
			yt_buf_u16(out, m->hash);
			before = m->at;
		}
	}
}

static void decode_moves(struct yt_place *place, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);
	int64_t at = 0;

	place->moves = yt_list_read(a, r, n, 3, sizeof(*place->moves));
	if (!place->moves) {
		r->bad = true; /* a place without a move is none */
		return;
	}
	place->n = place->cap = (uint32_t)n;
	for (uint32_t i = 0; i < place->n; i++) {
		uint64_t v = yt_rd_varint(r);

		if (v >> 1 > (uint64_t)(YT_INSTANT_MAX_MS - at)) {
			r->bad = true;
			return;
		}
		at += (int64_t)(v >> 1);
		place->moves[i] = (struct yt_move){ .at = at, .in = v & 1, .hash = yt_rd_u16(r) };
	}
}

void yt_places_decode(struct yt_places *p, struct yt_arena *a, struct yt_rd *r)
{
	uint64_t n = yt_rd_varint(r);

	p->v = yt_list_read(a, r, n, 5, sizeof(*p->v));
	if (!p->v)
		return;
	p->n = p->cap = (uint32_t)n;
	p->dropped_to = yt_rd_instant(r);
	for (uint32_t k = 0; k < p->n && !r->bad; k++) {
		p->v[k].id = yt_rd_bytes(r);
		decode_moves(&p->v[k], a, r);
		p->n_moves += p->v[k].n;
	}
}
