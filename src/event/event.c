/* One record value to one event: the envelope in either mode, then the fields that the type's row of yt_types asks for. The first fault in the
 * order specversion, id, source, type, time, data, fields of the row, upper bound of the instants is the one that is told. */
#include "yutang/event/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "direct.h"
#include "yutang/base/json.h"

struct decode {
	struct yt_arena *arena;
	struct yt_decoded *out;
	struct yt_event *ev;
};

/* Where a value stands, for the detail: `name`, `list[index]`, `list[index].name` or `list.name`. */
struct place {
	const char *list; /* NULL: a plain field */
	int index;        /* -1: none */
	const char *name; /* NULL: the list's element itself */
};

static bool fault(struct yt_decoded *out, enum yt_dead dead, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool fault(struct yt_decoded *out, enum yt_dead dead, const char *fmt, ...)
{
	va_list ap;

	out->dead = dead;
	out->event = NULL;
	va_start(ap, fmt);
	vsnprintf(out->detail, sizeof out->detail, fmt, ap);
	va_end(ap);
	return false;
}

/* Details never carry content: it may be of a person. */
static bool fault_at(struct decode *d, enum yt_dead dead, const struct place *at, const char *why)
{
	if (!at->name)
		return fault(d->out, dead, "%s[%d]: %s", at->list, at->index, why);
	if (!at->list)
		return fault(d->out, dead, "%s: %s", at->name, why);
	if (at->index < 0)
		return fault(d->out, dead, "%s.%s: %s", at->list, at->name, why);
	return fault(d->out, dead, "%s[%d].%s: %s", at->list, at->index, at->name, why);
}

static bool bad(struct decode *d, const struct place *at, const char *why)
{
	return fault_at(d, YT_DEAD_BAD_FIELD, at, why);
}

/* ---- texts ---- */

/* General category Cc: C0, DEL and C1, which CloudEvents' String excludes too. */
static bool is_control(const char *p, unsigned n)
{
	const unsigned char *s = (const unsigned char *)p;

	return n == 1 ? s[0] < 0x20 || s[0] == 0x7f : n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

/* The JSON reader has not seen header values, so UTF-8 is judged here. */
const char *yt_text_flaw(struct yt_str s)
{
	const char *p = s.p, *end = p + s.n;
	unsigned n;

	if (s.n > YT_ID_BYTES_MAX)
		return "longer than 128 bytes";
	for (; p < end; p += n) {
		n = yt_utf8_char(p, end);
		if (n == 0)
			return "not UTF-8";
		if (is_control(p, n))
			return "has a control character";
	}
	return NULL;
}

static bool read_text(struct decode *d, const struct place *at, const cJSON *json, bool may_be_empty, struct yt_str *out)
{
	const char *flaw;

	if (yt_json_number(json).n)
		return bad(d, at, "a number where a text belongs");
	if (!yt_json_is_text(json))
		return bad(d, at, "not a text");
	*out = yt_json_text(json);
	if (out->n == 0 && !may_be_empty)
		return bad(d, at, "empty");
	flaw = yt_text_flaw(*out);
	return flaw ? bad(d, at, flaw) : true;
}

/* ---- one reader a kind ---- */

static bool read_id(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	return read_text(d, at, json, false, &v->s);
}

static bool read_member(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	if (!read_text(d, at, json, false, &v->s))
		return false;
	return v->s.p[0] == '~' ? bad(d, at, "begins with ~") : true;
}

static bool read_plain_text(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	return read_text(d, at, json, true, &v->s);
}

static bool read_int(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	struct yt_str text = yt_json_number(json);

	if (text.n == 0)
		return bad(d, at, "not a number");
	if (yt_json_int(json, &v->i))
		return true;
	for (uint32_t k = 0; k < text.n; k++)
		if (text.p[k] == '.' || text.p[k] == 'e' || text.p[k] == 'E')
			return bad(d, at, "not written as an integer in digits only");
	return bad(d, at, "out of range");
}

static bool read_from_0(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	return read_int(d, at, json, v) && (v->i >= 0 || bad(d, at, "negative"));
}

/* The upper bound is yt_event_check_now's. */
static bool read_instant(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	if (!read_int(d, at, json, v))
		return false;
	return v->i >= YT_INSTANT_MIN_MS || bad(d, at, "before 2000-01-01 (milliseconds are asked for, are these seconds?)");
}

static bool read_version(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	if (!yt_json_number(json).n)
		return read_text(d, at, json, false, &v->s);
	if (!read_int(d, at, json, v))
		return false;
	v->s = yt_arena_printf(d->arena, "%lld", (long long)v->i);
	return true;
}

static bool read_currency(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	if (!read_text(d, at, json, false, &v->s))
		return false;
	for (uint32_t k = 0; k < v->s.n; k++)
		if (v->s.p[k] < 'A' || v->s.p[k] > 'Z')
			return bad(d, at, "not three capital letters");
	return v->s.n == 3 || bad(d, at, "not three capital letters");
}

/* Absent and null are one. */
static const cJSON *member_of(const cJSON *object, const char *name)
{
	const cJSON *json = yt_json_get(object, name);

	return json && cJSON_IsNull(json) ? NULL : json;
}

typedef bool reader(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v);

static bool read_required(struct decode *d, const struct place *at, const cJSON *object, reader *read, union yt_field_value *v)
{
	const cJSON *json = member_of(object, at->name);

	return json ? read(d, at, json, v) : fault_at(d, YT_DEAD_MISSING_FIELD, at, "missing");
}

static bool read_item(struct decode *d, const char *list, int index, const cJSON *json, struct yt_item *item)
{
	const struct place at = { list, index, NULL }, sku = { list, index, "sku" }, quantity = { list, index, "quantity" },
			   amount = { list, index, "amount" };
	union yt_field_value v;

	*item = (struct yt_item){ 0 };
	if (!cJSON_IsObject(json))
		return bad(d, &at, "not an object");
	if (!read_required(d, &sku, json, read_id, &v))
		return false;
	item->sku = v.s;
	if (!read_required(d, &quantity, json, read_from_0, &v))
		return false;
	item->quantity = v.i;
	if (d->ev->type == YT_ORDER_REFUNDED)
		return true; /* the contract knows no amount of a refund's item: ignored, whatever it is */
	if (!read_required(d, &amount, json, read_int, &v)) /* a discount's line may be below 0 */
		return false;
	item->amount = v.i;
	return true;
}

static bool read_items(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	const cJSON *element;
	int n, k = 0;

	if (!cJSON_IsArray(json))
		return bad(d, at, "not a list");
	n = cJSON_GetArraySize(json);
	if (n > YT_ITEMS_MAX)
		return fault_at(d, YT_DEAD_TOO_LARGE, at, "more than 500");
	v->list.items = yt_arena_alloc(d->arena, (size_t)n * sizeof *v->list.items);
	v->list.n = (uint32_t)n;
	cJSON_ArrayForEach(element, json) {
		if (!read_item(d, at->name, k, element, &v->list.items[k]))
			return false;
		k++;
	}
	return true;
}

static bool read_codes(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	const cJSON *element;
	int n, k = 0;

	if (!cJSON_IsArray(json))
		return bad(d, at, "not a list");
	n = cJSON_GetArraySize(json);
	if (n > YT_CODES_MAX)
		return fault_at(d, YT_DEAD_LIMIT, at, "more than 16");
	v->list.codes = yt_arena_alloc(d->arena, (size_t)n * sizeof *v->list.codes);
	v->list.n = (uint32_t)n;
	cJSON_ArrayForEach(element, json) {
		const struct place here = { at->name, k, NULL };

		if (!read_text(d, &here, element, false, &v->list.codes[k]))
			return false;
		k++;
	}
	return true;
}

static bool read_buyer(struct decode *d, const struct place *at, const cJSON *json, union yt_field_value *v)
{
	static const char *const names[] = { "phone", "device", "address" };
	struct yt_buyer *buyer = yt_arena_zalloc(d->arena, sizeof *buyer);
	struct yt_str *const parts[] = { &buyer->phone, &buyer->device, &buyer->address };

	if (!cJSON_IsObject(json))
		return bad(d, at, "not an object");
	for (int k = 0; k < 3; k++) {
		const struct place here = { at->name, -1, names[k] };
		const cJSON *part = member_of(json, names[k]);

		if (part && !read_text(d, &here, part, true, parts[k]))
			return false;
	}
	v->list.buyer = buyer;
	v->list.n = 1;
	return true;
}

static reader *const readers[] = {
	[YT_FK_ID] = read_id,           [YT_FK_MEMBER] = read_member,     [YT_FK_TEXT] = read_plain_text,
	[YT_FK_INSTANT] = read_instant, [YT_FK_MONEY] = read_int,
	[YT_FK_ITEMS] = read_items,     [YT_FK_CURRENCY] = read_currency, [YT_FK_CODES] = read_codes,
	[YT_FK_BUYER] = read_buyer,     [YT_FK_VERSION] = read_version,
};

/* ---- the envelope ---- */

enum attr { SPECVERSION, ID, SOURCE, TYPE, TIME, ATTR__COUNT };
static const char *const attr_names[ATTR__COUNT] = { "specversion", "id", "source", "type", "time" };

struct attrs {
	bool there[ATTR__COUNT];
	bool other[ATTR__COUNT]; /* there, but no text */
	struct yt_str text[ATTR__COUNT];
};

/* `content-type: application/cloudevents...` is structured mode even beside `ce_*` headers (CloudEvents' Kafka binding, 3.3). */
static bool is_binary(const struct yt_header *headers, size_t n)
{
	static const char structured[] = "application/cloudevents";
	bool has_specversion = false;

	for (size_t k = 0; k < n; k++) {
		const struct yt_header *h = &headers[k];

		if (yt_str_eq(h->name, YT_S("ce_specversion")))
			has_specversion = true;
		if (h->name.n == strlen("content-type") && strncasecmp(h->name.p, "content-type", h->name.n) == 0 &&
		    h->value.n >= strlen(structured) && strncasecmp(h->value.p, structured, strlen(structured)) == 0)
			return false;
	}
	return has_specversion;
}

static bool parse(struct decode *d, struct yt_str value, const cJSON **root)
{
	char why[128] = "";

	switch (yt_json_parse(d->arena, value, YT_JSON_BYTES_MAX, YT_JSON_DEPTH_MAX, root, why)) {
	case YT_JSON_OK:
		return true;
	case YT_JSON_TOO_DEEP:
		return fault(d->out, YT_DEAD_TOO_DEEP, "value: %s", why);
	case YT_JSON_TOO_LARGE:
		return fault(d->out, YT_DEAD_TOO_LARGE, "value: %s", why);
	case YT_JSON_NOT_JSON:
		break;
	}
	return fault(d->out, YT_DEAD_NOT_JSON, "value: %s", why);
}

static bool attrs_of_value(struct decode *d, struct yt_str value, const cJSON **root, struct attrs *attrs)
{
	if (!parse(d, value, root))
		return false;
	if (!cJSON_IsObject(*root))
		return fault(d->out, YT_DEAD_NOT_CLOUDEVENT, "value: not a JSON object");
	for (int k = 0; k < ATTR__COUNT; k++) {
		const cJSON *json = member_of(*root, attr_names[k]);

		attrs->there[k] = json != NULL;
		if (json && yt_json_is_text(json))
			attrs->text[k] = yt_json_text(json);
		else
			attrs->other[k] = json != NULL;
	}
	return true;
}

static bool attrs_of_headers(struct decode *d, const struct yt_header *headers, size_t n, struct attrs *attrs)
{
	for (size_t k = 0; k < n; k++)
		for (int a = 0; a < ATTR__COUNT; a++) {
			const struct yt_header *h = &headers[k];

			if (!yt_str_starts(h->name, YT_S("ce_")) ||
			    !yt_str_eq(yt_str(h->name.p + 3, h->name.n - 3), yt_str_z(attr_names[a])) || !h->value.p)
				continue;
			if (attrs->there[a])
				return fault(d->out, YT_DEAD_NOT_CLOUDEVENT, "ce_%s: more than one header", attr_names[a]);
			attrs->there[a] = true;
			attrs->text[a] = h->value;
		}
	return true;
}

bool yt_event_shop(struct yt_str source, struct yt_str *shop)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const struct yt_str prefix = YT_STR("/shops/");

	if (!yt_str_starts(source, prefix))
		return false;
	*shop = yt_str(source.p + prefix.n, source.n - prefix.n);
	for (uint32_t k = 0; k < shop->n; k++)
		if (!memchr(alphabet, shop->p[k], sizeof alphabet - 1))
			return false;
	return shop->n >= 1 && shop->n <= YT_SHOP_BYTES_MAX;
}

static bool read_id_attr(struct decode *d, struct yt_str text)
{
	const char *flaw = text.n == 0 ? "empty" : yt_text_flaw(text);

	if (flaw)
		return fault(d->out, YT_DEAD_BAD_FIELD, "id: %s", flaw);
	d->ev->id = yt_arena_dup(d->arena, text);
	return true;
}

static bool read_source_attr(struct decode *d, struct yt_str text)
{
	struct yt_str shop;

	if (!yt_event_shop(text, &shop))
		return fault(d->out, YT_DEAD_BAD_FIELD, "source: not /shops/<shop> with a shop of 1 to 64 of A-Z a-z 0-9 . _ -");
	d->ev->shop = yt_arena_dup(d->arena, shop);
	return true;
}

static bool read_type_attr(struct decode *d, struct yt_str text)
{
	int type = yt_type_find(text);

	if (text.n == 0)
		return fault(d->out, YT_DEAD_BAD_FIELD, "type: empty");
	if (type < 0)
		return fault(d->out, YT_DEAD_UNKNOWN_TYPE, "type: none that this version takes");
	d->ev->type = (enum yt_type)type;
	return true;
}

static bool read_time_attr(struct decode *d, struct yt_str text)
{
	return yt_time_parse(text, &d->ev->time) || fault(d->out, YT_DEAD_BAD_FIELD, "time: not an RFC 3339 date and time");
}

static bool read_attrs(struct decode *d, const struct attrs *attrs)
{
	static bool (*const read[ATTR__COUNT])(struct decode *, struct yt_str) = {
		[ID] = read_id_attr, [SOURCE] = read_source_attr, [TYPE] = read_type_attr, [TIME] = read_time_attr,
	};

	if (!attrs->there[SPECVERSION])
		return fault(d->out, YT_DEAD_NOT_CLOUDEVENT, "specversion: missing");
	if (attrs->other[SPECVERSION] || !yt_str_eq(attrs->text[SPECVERSION], YT_S("1.0")))
		return fault(d->out, YT_DEAD_NOT_CLOUDEVENT, "specversion: not \"1.0\"");
	for (int k = ID; k < ATTR__COUNT; k++) {
		if (!attrs->there[k])
			return fault(d->out, YT_DEAD_MISSING_FIELD, "%s: missing", attr_names[k]);
		if (attrs->other[k])
			return fault(d->out, YT_DEAD_BAD_FIELD, "%s: not a text", attr_names[k]);
		if (!read[k](d, attrs->text[k]))
			return false;
	}
	return true;
}

/* ---- data ---- */

static bool data_of_value(struct decode *d, const cJSON *root, const cJSON **data)
{
	if (member_of(root, "data_base64"))
		return fault(d->out, YT_DEAD_BAD_FIELD, "data_base64: not supported, data is a JSON object");
	*data = member_of(root, "data");
	return true;
}

static bool data_of_body(struct decode *d, struct yt_str value, const cJSON **data)
{
	*data = NULL;
	if (value.n == 0)
		return true;
	if (!parse(d, value, data))
		return false;
	if (cJSON_IsNull(*data))
		*data = NULL;
	return true;
}

static bool read_data(struct decode *d, const cJSON *data)
{
	const struct yt_type_info *info = &yt_types[d->ev->type];
	struct yt_event *ev = d->ev;

	if (!data)
		return fault(d->out, YT_DEAD_MISSING_FIELD, "data: missing");
	if (!cJSON_IsObject(data))
		return fault(d->out, YT_DEAD_BAD_FIELD, "data: not an object");
	for (int k = 0; k < info->n_fields; k++) {
		const struct yt_type_field *field = &info->fields[k];
		const struct yt_field_info *about = &yt_fields[field->field];
		const struct place at = { NULL, -1, about->name.p };
		const cJSON *json = member_of(data, about->name.p);

		if (!json && field->required)
			return fault_at(d, YT_DEAD_MISSING_FIELD, &at, "missing");
		if (!json && field->deflt) {
			ev->f[k].s = yt_str_z(field->deflt);
			ev->present |= (uint16_t)(1u << k);
		}
		if (!json)
			continue;
		if (!readers[about->kind](d, &at, json, &ev->f[k]))
			return false;
		if (field->not_negative && ev->f[k].i < 0)
			return bad(d, &at, "negative");
		ev->present |= (uint16_t)(1u << k);
	}
	ev->at = yt_event_own_instant(ev);
	/* The envelope's time is the fact's instant then, and bounded as one. */
	if (ev->at < YT_INSTANT_MIN_MS)
		return fault(d->out, YT_DEAD_BAD_FIELD, "time: before 2000-01-01");
	if (ev->type == YT_PRESALE_DEPOSIT_PAID && yt_event_int(ev, YT_F_BALANCE_FROM) >= yt_event_int(ev, YT_F_BALANCE_UNTIL))
		return fault(d->out, YT_DEAD_BAD_FIELD, "balance_until: not after balance_from");
	return true;
}

static bool is_balance(enum yt_field field)
{
	return field == YT_F_BALANCE_FROM || field == YT_F_BALANCE_UNTIL;
}

bool yt_event_check_now(const struct yt_event *ev, int64_t now_ms, struct yt_decoded *out)
{
	const struct yt_type_info *info = &yt_types[ev->type];

	if (now_ms > INT64_MAX - YT_BALANCE_AHEAD_MS)
		return true;
	for (int k = 0; k < info->n_fields; k++) {
		const struct yt_field_info *about = &yt_fields[info->fields[k].field];
		bool balance = is_balance((enum yt_field)info->fields[k].field);

		if (about->kind == YT_FK_INSTANT && (ev->present >> k & 1) && ev->f[k].i > now_ms + (balance ? YT_BALANCE_AHEAD_MS : YT_INSTANT_AHEAD_MS))
			return fault(out, YT_DEAD_BAD_FIELD, "%s: more than %s after now", about->name.p, balance ? "2 years" : "24 h");
	}
	if (info->at == YT_F_NONE && ev->at > now_ms + YT_INSTANT_AHEAD_MS)
		return fault(out, YT_DEAD_BAD_FIELD, "time: more than 24 h after now");
	return true;
}

static void decode_tree(struct decode *d, struct yt_str value, const struct yt_header *headers, size_t n_headers, int64_t now_ms)
{
	const bool binary = is_binary(headers, n_headers);
	const cJSON *root = NULL, *data = NULL;
	struct attrs attrs = { 0 };
	bool good;

	good = binary ? attrs_of_headers(d, headers, n_headers, &attrs) : attrs_of_value(d, value, &root, &attrs);
	good = good && read_attrs(d, &attrs);
	good = good && (binary ? data_of_body(d, value, &data) : data_of_value(d, root, &data));
	good = good && read_data(d, data) && yt_event_check_now(d->ev, now_ms, d->out);
	if (good)
		d->out->event = d->ev;
}

void yt_event_decode_tree(struct yt_arena *a, struct yt_str value, const struct yt_header *headers, size_t n_headers, int64_t now_ms,
                          struct yt_decoded *out)
{
	struct decode d = { a, out, yt_arena_zalloc(a, sizeof *d.ev) };

	*out = (struct yt_decoded){ 0 };
	decode_tree(&d, value, headers, n_headers, now_ms);
}

void yt_event_decode(struct yt_arena *a, struct yt_str value, const struct yt_header *headers, size_t n_headers,
                     int64_t now_ms, struct yt_decoded *out)
{
	struct decode d = { a, out, yt_arena_zalloc(a, sizeof *d.ev) };

	*out = (struct yt_decoded){ 0 };
	if (!is_binary(headers, n_headers) && yt_event_direct(a, value, d.ev)) {
		if (yt_event_check_now(d.ev, now_ms, out))
			out->event = d.ev;
		return;
	}
	*d.ev = (struct yt_event){ 0 };
	decode_tree(&d, value, headers, n_headers, now_ms);
}

/* ---- key and fact ---- */

struct yt_str yt_event_key(struct yt_arena *a, const struct yt_event *ev)
{
	const struct yt_type_info *info = &yt_types[ev->type];
	struct yt_str member = yt_event_member(ev), id = member.n ? member : yt_event_text(ev, YT_F_ORDER);
	const char *lead = member.n ? "" : "~order:";

	if (info->lead && !ev->owner.n) {
		lead = info->lead;
		id = yt_event_text(ev, (enum yt_field)info->owner);
	}
	struct yt_str parts[] = { ev->shop, YT_S("/"), yt_str_z(lead), id };
	char *p = yt_arena_alloc(a, (size_t)parts[0].n + parts[2].n + parts[3].n + 2), *at = p;

	for (int k = 0; k < 4; k++) {
		if (parts[k].n)
			memcpy(at, parts[k].p, parts[k].n);
		at += parts[k].n;
	}
	*at = '\0';
	return yt_str(p, (size_t)(at - p));
}

void yt_event_fact(struct yt_buf *buf, const struct yt_event *ev)
{
	const struct yt_type_info *info = &yt_types[ev->type];

	yt_buf_str_add(buf, info->name);
	if (info->key[0] == YT_F_NONE) {
		yt_buf_c(buf, '\n');
		yt_buf_str_add(buf, ev->id);
	}
	for (size_t k = 0; k < sizeof info->key && info->key[k] != YT_F_NONE; k++) {
		enum yt_field field = (enum yt_field)info->key[k];

		yt_buf_c(buf, '\n');
		if (yt_fields[field].kind == YT_FK_INSTANT)
			yt_buf_i64(buf, yt_event_int(ev, field));
		else
			yt_buf_str_add(buf, yt_event_text(ev, field));
	}
}

/* ---- time ---- */

enum { DAY_S = 86400 };
#define YEAR_0_MS INT64_C(-62167219200000)     /* 0000-01-01T00:00:00.000Z */
#define YEAR_9999_MS INT64_C(253402300799999)  /* 9999-12-31T23:59:59.999Z */

/* Days since 1970-01-01 of a proleptic Gregorian date; the year begins in March, so that the leap day is its last.
 * Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static int64_t days_of_date(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of_days(int64_t days, int *y, int *m, int *d)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static int days_of_month(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : days[m - 1];
}

struct cursor {
	const char *p, *end;
};

/* Exactly n digits, of a value from lo to hi. */
static bool take_number(struct cursor *c, int n, int lo, int hi, int *out)
{
	int v = 0;

	if (c->end - c->p < n)
		return false;
	for (; n > 0; n--, c->p++) {
		if (*c->p < '0' || *c->p > '9')
			return false;
		v = v * 10 + (*c->p - '0');
	}
	*out = v;
	return v >= lo && v <= hi;
}

static bool take_one_of(struct cursor *c, const char *chars, char *out)
{
	if (c->p == c->end || !memchr(chars, *c->p, strlen(chars)))
		return false;
	*out = *c->p++;
	return true;
}

/* `.` and at least one digit; what is behind the milliseconds is cut. Nothing there is 0. */
static bool take_fraction(struct cursor *c, int *ms)
{
	char dot;
	int digits = 0;

	*ms = 0;
	if (!take_one_of(c, ".", &dot))
		return true;
	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, digits++)
		if (digits < 3)
			*ms = *ms * 10 + (*c->p - '0');
	for (int k = digits; k < 3; k++)
		*ms *= 10;
	return digits > 0;
}

static bool take_offset(struct cursor *c, int *seconds)
{
	char sign, colon;
	int hours, minutes;

	*seconds = 0;
	if (!take_one_of(c, "Zz+-", &sign))
		return false;
	if (sign == 'Z' || sign == 'z')
		return true;
	if (!take_number(c, 2, 0, 23, &hours) || !take_one_of(c, ":", &colon) || !take_number(c, 2, 0, 59, &minutes))
		return false;
	*seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

/* A leap second is the 61st of the last UTC minute of a month; it is taken as the first of the next. */
static bool may_be_leap(int64_t next_second)
{
	int y, m, d;

	if (next_second % DAY_S != 0)
		return false;
	date_of_days(next_second / DAY_S, &y, &m, &d);
	return d == 1;
}

bool yt_time_parse(struct yt_str s, int64_t *ms)
{
	struct cursor c = { s.p, s.p + s.n };
	int year, month, day, hour, minute, second, fraction, offset;
	int64_t seconds, result;
	char sep;

	if (!take_number(&c, 4, 0, 9999, &year) || !take_one_of(&c, "-", &sep) || !take_number(&c, 2, 1, 12, &month) ||
	    !take_one_of(&c, "-", &sep) || !take_number(&c, 2, 1, days_of_month(year, month), &day))
		return false;
	if (!take_one_of(&c, "Tt", &sep) || !take_number(&c, 2, 0, 23, &hour) || !take_one_of(&c, ":", &sep) ||
	    !take_number(&c, 2, 0, 59, &minute) || !take_one_of(&c, ":", &sep) || !take_number(&c, 2, 0, 60, &second))
		return false;
	if (!take_fraction(&c, &fraction) || !take_offset(&c, &offset) || c.p != c.end)
		return false;
	seconds = days_of_date(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset;
	if (second == 60 && !may_be_leap(seconds))
		return false;
	result = seconds * 1000 + fraction;
	if (result < YEAR_0_MS || result > YEAR_9999_MS)
		return false;
	*ms = result;
	return true;
}

static void put_number(char *out, int digits, int64_t v)
{
	for (; digits > 0; digits--, v /= 10)
		out[digits - 1] = (char)('0' + v % 10);
}

void yt_time_format(int64_t ms, char out[25])
{
	int64_t at = ms < YEAR_0_MS ? YEAR_0_MS : ms > YEAR_9999_MS ? YEAR_9999_MS : ms;
	int64_t in_day = ((at % (DAY_S * 1000)) + DAY_S * 1000) % (DAY_S * 1000);
	int y, m, d;

	date_of_days((at - in_day) / (DAY_S * 1000), &y, &m, &d);
	memcpy(out, "0000-00-00T00:00:00.000Z", 25);
	put_number(out, 4, y);
	put_number(out + 5, 2, m);
	put_number(out + 8, 2, d);
	put_number(out + 11, 2, in_day / 3600000);
	put_number(out + 14, 2, in_day / 60000 % 60);
	put_number(out + 17, 2, in_day / 1000 % 60);
	put_number(out + 20, 3, in_day % 1000);
}

const struct yt_header *yt_headers_keep(struct yt_arena *a, const struct yt_header *h, size_t n)
{
	struct yt_header *out = n ? yt_arena_alloc(a, n * sizeof *out) : NULL;

	for (size_t i = 0; i < n; i++)
		out[i] = (struct yt_header){ yt_arena_keep(a, h[i].name), yt_arena_keep(a, h[i].value) };
	return out;
}
