/* The direct reader: one pass over the bytes, no tree. It knows no faults: what it does not expect it leaves to the reader over base/json, so it
 * may be narrow but must never take what that one refuses, nor read it otherwise (tests/unit/test_event_direct.c, tests/fuzz/event.c). */
#include "direct.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "yutang/base/json.h"

enum {
	OTHERS_MAX = 8, /* unknown keys an object that are told apart here */
	ITEMS_HERE = 32,
};

#define INT_LIMIT (INT64_C(1) << 53)

_Static_assert(YT_F__COUNT <= 64, "a field is a bit of a uint64_t");

struct cursor {
	const char *p, *end;
};

/* Unknown keys of one object: ignored, but none may be there twice. */
struct others {
	struct yt_str key[OTHERS_MAX];
	int n;
};

/* What `data` held, by enum yt_field, while the type may not be known yet. */
struct data {
	bool items_lack_amount;
	uint64_t keys;    /* seen, be it as null */
	uint64_t present;
	union yt_field_value v[YT_F__COUNT];
};

static inline void skip_space(struct cursor *c)
{
	if (c->p < c->end && (unsigned char)*c->p > ' ')
		return;
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
		c->p++;
}

static inline bool take(struct cursor *c, char ch)
{
	skip_space(c);
	if (c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

static bool take_word(struct cursor *c, struct yt_str word)
{
	if (!yt_str_starts(yt_str(c->p, (size_t)(c->end - c->p)), word))
		return false;
	c->p += word.n;
	return true;
}

/* The first byte that is a quote, a backslash, a control character, DEL or above ASCII (which is less than a blank where a char is signed). */
static inline const char *plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i low = _mm_cmplt_epi8(b, _mm_set1_epi8(' '));
		__m128i del = _mm_cmpeq_epi8(b, _mm_set1_epi8(0x7f));
		__m128i quote = _mm_cmpeq_epi8(b, _mm_set1_epi8('"'));
		__m128i slash = _mm_cmpeq_epi8(b, _mm_set1_epi8('\\'));
		int hit = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, del), _mm_or_si128(quote, slash)));

		if (hit)
			return p + __builtin_ctz((unsigned)hit);
	}
#endif
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* A string without escapes and control characters (C1 too). */
static bool take_string(struct cursor *c, struct yt_str *out)
{
	const char *begin;

	if (!take(c, '"'))
		return false;
	begin = c->p;
	for (;;) {
		unsigned n;

		c->p = plain_end(c->p, c->end);
		if (c->p == c->end)
			return false;
		if (*c->p == '"')
			break;
		n = yt_utf8_char(c->p, c->end);
		if (n < 2 || (n == 2 && (unsigned char)c->p[0] == 0xc2 && (unsigned char)c->p[1] < 0xa0))
			return false;
		c->p += n;
	}
	*out = yt_str(begin, (size_t)(c->p - begin));
	c->p++;
	return true;
}

/* Digits and a sign, of a value that a field may have. */
static bool take_int(struct cursor *c, int64_t *out)
{
	bool minus;
	const char *begin;
	int64_t v = 0;

	skip_space(c);
	minus = c->p < c->end && *c->p == '-';
	c->p += minus;
	for (begin = c->p; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
		v = v * 10 + (*c->p - '0');
		if (v >= INT_LIMIT)
			return false;
	}
	if (c->p == begin || (*begin == '0' && c->p - begin > 1))
		return false;
	if (c->p < c->end && (*c->p == '.' || *c->p == 'e' || *c->p == 'E'))
		return false;
	*out = minus ? -v : v;
	return true;
}

static bool take_text(struct cursor *c, struct yt_str *out)
{
	return take_string(c, out) && out->n <= YT_ID_BYTES_MAX;
}

static bool take_id(struct cursor *c, struct yt_str *out)
{
	return take_text(c, out) && out->n > 0;
}

enum step { UNUSUAL, KEY, END };

/* The next key of an object with its `:`, or the object's end. */
static enum step next_key(struct cursor *c, bool first, struct yt_str *key)
{
	if (take(c, '}'))
		return END;
	if (!first && !take(c, ','))
		return UNUSUAL;
	return take_string(c, key) && take(c, ':') ? KEY : UNUSUAL;
}

/* The key that a sender writes here if he keeps to the order of the tables, and writes no blanks. False: nothing is taken. */
static bool take_guess(struct cursor *c, bool first, struct yt_str name)
{
	const char *p = c->p;

	if (c->end - p < (ptrdiff_t)name.n + 4)
		return false;
	if (!first && *p++ != ',')
		return false;
	if (*p != '"' || p[name.n + 1] != '"' || p[name.n + 2] != ':' || memcmp(p + 1, name.p, name.n) != 0)
		return false;
	c->p = p + name.n + 3;
	return true;
}

/* The names that an object may have, while it is read. */
struct names {
	const struct yt_str *v;
	int n, guess;
	unsigned seen;
};

/* The next key; its place among the names, or n. */
static enum step next_name(struct cursor *c, bool first, struct names *names, struct yt_str *key, int *at)
{
	*at = names->guess;
	if (*at == names->n || !take_guess(c, first, names->v[*at])) {
		enum step step = next_key(c, first, key);

		if (step != KEY)
			return step;
		for (*at = 0; *at < names->n && !yt_str_eq(*key, names->v[*at]); ++*at)
			;
	}
	if (*at == names->n)
		return KEY;
	if (names->seen >> *at & 1)
		return UNUSUAL;
	names->seen |= 1u << *at;
	names->guess = *at + 1;
	return KEY;
}

/* The value of a key that nobody asks for. */
static bool skip_other(struct cursor *c, struct others *o, struct yt_str key)
{
	struct yt_str text;
	int64_t number;

	for (int k = 0; k < o->n; k++)
		if (yt_str_eq(o->key[k], key))
			return false;
	if (o->n == OTHERS_MAX)
		return false;
	o->key[o->n++] = key;
	skip_space(c);
	if (c->p == c->end)
		return false;
	switch (*c->p) {
	case '"': return take_string(c, &text);
	case 't': return take_word(c, YT_S("true"));
	case 'f': return take_word(c, YT_S("false"));
	case 'n': return take_word(c, YT_S("null"));
	default: return take_int(c, &number);
	}
}

/* ---- data ---- */

static bool take_item(struct cursor *c, struct data *d, struct yt_item *item)
{
	static const struct yt_str all[] = { YT_STR("sku"), YT_STR("quantity"), YT_STR("amount") };
	struct names names = { .v = all, .n = 3 };
	struct others others = { .n = 0 };
	struct yt_str key;
	enum step step;
	int at;

	item->amount = 0;
	if (!take(c, '{'))
		return false;
	for (bool first = true; (step = next_name(c, first, &names, &key, &at)) == KEY; first = false) {
		bool good;

		switch (at) {
		case 0: good = take_id(c, &item->sku); break;
		case 1: good = take_int(c, &item->quantity) && item->quantity >= 0; break;
		case 2: good = take_int(c, &item->amount); break;
		default: good = skip_other(c, &others, key); break;
		}
		if (!good)
			return false;
	}
	if (!(names.seen & 4))
		d->items_lack_amount = true;
	return step == END && (names.seen & 3) == 3;
}

static bool take_items(struct cursor *c, struct yt_arena *a, struct data *d, union yt_field_value *v)
{
	struct yt_item items[ITEMS_HERE];
	uint32_t n = 0;

	if (!take(c, '['))
		return false;
	while (!take(c, ']')) {
		if (n == ITEMS_HERE || (n > 0 && !take(c, ',')) || !take_item(c, d, &items[n]))
			return false;
		n++;
	}
	v->list.items = yt_arena_alloc(a, n * sizeof *items);
	v->list.n = n;
	memcpy(v->list.items, items, n * sizeof *items);
	return true;
}

static bool take_codes(struct cursor *c, struct yt_arena *a, union yt_field_value *v)
{
	struct yt_str codes[YT_CODES_MAX];
	uint32_t n = 0;

	if (!take(c, '['))
		return false;
	while (!take(c, ']')) {
		if (n == YT_CODES_MAX || (n > 0 && !take(c, ',')) || !take_id(c, &codes[n]))
			return false;
		n++;
	}
	v->list.codes = yt_arena_alloc(a, n * sizeof *codes);
	v->list.n = n;
	memcpy(v->list.codes, codes, n * sizeof *codes);
	return true;
}

static bool take_buyer(struct cursor *c, struct yt_arena *a, union yt_field_value *v)
{
	static const struct yt_str all[] = { YT_STR("phone"), YT_STR("device"), YT_STR("address") };
	struct names names = { .v = all, .n = 3 };
	struct yt_buyer *buyer = yt_arena_zalloc(a, sizeof *buyer);
	struct yt_str *const parts[] = { &buyer->phone, &buyer->device, &buyer->address };
	struct others others = { .n = 0 };
	struct yt_str key;
	enum step step;
	int at;

	if (!take(c, '{'))
		return false;
	for (bool first = true; (step = next_name(c, first, &names, &key, &at)) == KEY; first = false) {
		if (!(at < 3 ? take_text(c, parts[at]) : skip_other(c, &others, key)))
			return false;
	}
	v->list.buyer = buyer;
	v->list.n = 1;
	return step == END;
}

static bool take_version(struct cursor *c, struct yt_arena *a, union yt_field_value *v)
{
	skip_space(c);
	if (c->p < c->end && *c->p == '"')
		return take_id(c, &v->s);
	if (!take_int(c, &v->i))
		return false;
	v->s = yt_arena_printf(a, "%lld", (long long)v->i);
	return true;
}

static bool take_currency(struct cursor *c, struct yt_str *out)
{
	if (!take_text(c, out) || out->n != 3)
		return false;
	for (int k = 0; k < 3; k++)
		if (out->p[k] < 'A' || out->p[k] > 'Z')
			return false;
	return true;
}

static bool take_field(struct cursor *c, struct yt_arena *a, struct data *d, enum yt_field field)
{
	union yt_field_value *v = &d->v[field];

	switch (yt_fields[field].kind) {
	case YT_FK_ID: return take_id(c, &v->s);
	case YT_FK_MEMBER: return take_id(c, &v->s) && v->s.p[0] != '~';
	case YT_FK_TEXT: return take_text(c, &v->s);
	case YT_FK_INSTANT: return take_int(c, &v->i) && v->i >= YT_INSTANT_MIN_MS;
	case YT_FK_MONEY: return take_int(c, &v->i);
	case YT_FK_VERSION: return take_version(c, a, v);
	case YT_FK_CURRENCY: return take_currency(c, &v->s);
	case YT_FK_ITEMS: return take_items(c, a, d, v);
	case YT_FK_CODES: return take_codes(c, a, v);
	case YT_FK_BUYER: return take_buyer(c, a, v);
	}
	return false;
}

/* The field of this name, looked for from `from` on, since senders write fields in the table's order; YT_F__COUNT where there is none. */
static int find_field(struct yt_str name, int from)
{
	for (int k = 0, f = from; k < YT_F__COUNT; k++, f = f + 1 == YT_F__COUNT ? 0 : f + 1)
		if (yt_str_eq(yt_fields[f].name, name))
			return f;
	return YT_F__COUNT;
}

/* A field's kind is the same in all types, and a field that the type has not is ignored: so the type may come later. */
static bool take_data(struct cursor *c, struct yt_arena *a, struct data *d)
{
	struct others others = { .n = 0 };
	struct yt_str key;
	enum step step = KEY;
	int from = 0;

	if (!take(c, '{'))
		return false;
	for (bool first = true;; first = false) {
		int f = from;

		if (!take_guess(c, first, yt_fields[f].name)) {
			if ((step = next_key(c, first, &key)) != KEY)
				break;
			f = find_field(key, from);
		}
		if (f == YT_F__COUNT) {
			if (!skip_other(c, &others, key))
				return false;
			continue;
		}
		if (d->keys >> f & 1)
			return false;
		d->keys |= UINT64_C(1) << f;
		from = f + 1 == YT_F__COUNT ? 0 : f + 1;
		skip_space(c);
		if (take_word(c, YT_S("null")))
			continue;
		if (!take_field(c, a, d, (enum yt_field)f))
			return false;
		d->present |= UINT64_C(1) << f;
	}
	return step == END;
}

/* What the type asks for, into the event. */
static bool settle(const struct data *d, struct yt_event *ev)
{
	const struct yt_type_info *info = &yt_types[ev->type];

	for (int k = 0; k < info->n_fields; k++) {
		const struct yt_type_field *field = &info->fields[k];

		if (!(d->present >> field->field & 1)) {
			if (field->required)
				return false;
			if (field->deflt) {
				ev->f[k].s = yt_str_z(field->deflt);
				ev->present |= (uint16_t)(1u << k);
			}
			continue;
		}
		ev->f[k] = d->v[field->field];
		if (field->not_negative && ev->f[k].i < 0)
			return false;
		if (field->field == YT_F_ITEMS) {
			/* A refund's item has no amount, whatever it says. */
			if (ev->type == YT_ORDER_REFUNDED)
				for (uint32_t i = 0; i < ev->f[k].list.n; i++)
					ev->f[k].list.items[i].amount = 0;
			else if (d->items_lack_amount)
				return false;
		}
		ev->present |= (uint16_t)(1u << k);
	}
	ev->at = yt_event_own_instant(ev);
	if (ev->type == YT_PRESALE_DEPOSIT_PAID && yt_event_int(ev, YT_F_BALANCE_FROM) >= yt_event_int(ev, YT_F_BALANCE_UNTIL))
		return false;
	return ev->at >= YT_INSTANT_MIN_MS;
}

/* ---- the envelope ---- */

enum attr { SPECVERSION, ID, SOURCE, TYPE, TIME, DATA, DATA_BASE64, ATTR__COUNT };

static bool take_attr(struct cursor *c, struct yt_arena *a, int attr, struct data *d, struct yt_event *ev)
{
	struct yt_str text;
	int type;

	if (attr == DATA)
		return take_data(c, a, d);
	if (attr == DATA_BASE64 || !take_string(c, &text))
		return false;
	switch (attr) {
	case SPECVERSION: return yt_str_eq(text, YT_S("1.0"));
	case ID:
		ev->id = text;
		return text.n > 0 && text.n <= YT_ID_BYTES_MAX;
	case SOURCE: return yt_event_shop(text, &ev->shop);
	case TYPE:
		type = yt_type_find(text);
		ev->type = (enum yt_type)type;
		return type >= 0;
	default: return yt_time_parse(text, &ev->time);
	}
}

bool yt_event_direct(struct yt_arena *a, struct yt_str value, struct yt_event *ev)
{
	static const struct yt_str all[] = { YT_STR("specversion"), YT_STR("id"), YT_STR("source"), YT_STR("type"), YT_STR("time"), YT_STR("data"),
		                             YT_STR("data_base64") };
	struct names names = { .v = all, .n = ATTR__COUNT };
	const unsigned wanted = (1u << DATA_BASE64) - 1;
	struct cursor c = { value.p, value.p + value.n };
	struct others others = { .n = 0 };
	struct yt_str key;
	struct data d; /* v is large, and read only where present */
	enum step step;
	int at;

	d.items_lack_amount = false;
	d.keys = d.present = 0;
	if (value.n > YT_JSON_BYTES_MAX || !take(&c, '{'))
		return false;
	for (bool first = true; (step = next_name(&c, first, &names, &key, &at)) == KEY; first = false) {
		if (!(at < ATTR__COUNT ? take_attr(&c, a, at, &d, ev) : skip_other(&c, &others, key)))
			return false;
	}
	skip_space(&c);
	return step == END && c.p == c.end && names.seen == wanted && settle(&d, ev);
}
