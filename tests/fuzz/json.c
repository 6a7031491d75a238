/* Any bytes as JSON. What base/json takes and refuses is held against a second reader, RFC 8259 word by word; what it makes of the bytes against cJSON
 * alone; and written again it is the same again. */
#include <errno.h>

#include "fuzz/fuzz.h"
#include "yutang/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CJSON_NUMBER_MAX = 63 }; /* cJSON cuts longer ones */

struct rfc {
	const uint8_t *p, *end;
	int depth;
	bool long_number;
};

static enum yt_json_fault rfc_value(struct rfc *r);

static void rfc_space(struct rfc *r)
{
	while (r->p < r->end && memchr(" \t\r\n", *r->p, 4))
		r->p++;
}

static bool rfc_is(struct rfc *r, char c)
{
	bool is = r->p < r->end && *r->p == (uint8_t)c;

	r->p += is;
	return is;
}

/* By the value of the code point: the ways to write one that is shorter, half of a pair, or none. */
static bool rfc_utf8(struct rfc *r)
{
	int more = *r->p < 0x80 ? 0 : *r->p >> 5 == 6 ? 1 : *r->p >> 4 == 14 ? 2 : *r->p >> 3 == 30 ? 3 : -1;
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t c;

	if (more < 0 || r->end - r->p <= more)
		return false;
	c = more ? *r->p & (0x3fu >> more) : *r->p;
	r->p++;
	for (int k = 0; k < more; k++, r->p++) {
		if (*r->p >> 6 != 2)
			return false;
		c = c << 6 | (*r->p & 0x3f);
	}
	return c >= least[more] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

/* The unit of `\uXXXX` at p; -1: there is none. */
static long rfc_unit(struct rfc *r)
{
	char hex[5] = "";
	long unit;

	if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u')
		return -1;
	memcpy(hex, r->p + 2, 4);
	if (strspn(hex, "0123456789abcdefABCDEF") != 4)
		return -1;
	unit = strtol(hex, NULL, 16);
	r->p += 6;
	return unit;
}

static bool rfc_escape(struct rfc *r)
{
	long unit;

	if (r->end - r->p < 2)
		return false;
	if (r->p[1] != 'u') {
		r->p += 2;
		return memchr("\"\\/bfnrt", r->p[-1], 8);
	}
	unit = rfc_unit(r);
	if (unit >= 0xd800 && unit <= 0xdbff)
		return (unit = rfc_unit(r)) >= 0xdc00 && unit <= 0xdfff;
	return unit > 0 && (unit < 0xdc00 || unit > 0xdfff);
}

static bool rfc_string(struct rfc *r)
{
	if (!rfc_is(r, '"'))
		return false;
	while (!rfc_is(r, '"'))
		if (r->p == r->end || *r->p < 0x20 || !(*r->p == '\\' ? rfc_escape(r) : rfc_utf8(r)))
			return false;
	return true;
}

static size_t rfc_digits(struct rfc *r)
{
	const uint8_t *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return (size_t)(r->p - from);
}

static bool rfc_number(struct rfc *r)
{
	const uint8_t *from = r->p;

	rfc_is(r, '-');
	if (!rfc_is(r, '0') && !rfc_digits(r))
		return false;
	if (rfc_is(r, '.') && !rfc_digits(r))
		return false;
	if (rfc_is(r, 'e') || rfc_is(r, 'E')) {
		if (!rfc_is(r, '-'))
			rfc_is(r, '+');
		if (!rfc_digits(r))
			return false;
	}
	r->long_number |= r->p - from > CJSON_NUMBER_MAX;
	return true;
}

static bool rfc_word(struct rfc *r, const char *word)
{
	size_t n = strlen(word);
	bool is = (size_t)(r->end - r->p) >= n && memcmp(r->p, word, n) == 0;

	r->p += is ? n : 0;
	return is;
}

struct rfc_key {
	const uint8_t *p;
	size_t n;
	struct rfc_key *before;
};

/* A key as cJSON reads it, which can be done once it is known to be a string. */
static bool rfc_same_key(const struct rfc_key *a, const struct rfc_key *b)
{
	cJSON *x = cJSON_ParseWithLength((const char *)a->p, a->n), *y = cJSON_ParseWithLength((const char *)b->p, b->n);
	bool same;

	YT_ASSERT(cJSON_IsString(x) && cJSON_IsString(y), "a key that cJSON refuses");
	same = strcmp(x->valuestring, y->valuestring) == 0;
	cJSON_Delete(x);
	cJSON_Delete(y);
	return same;
}

static bool rfc_key(struct rfc *r, struct rfc_key **keys)
{
	struct rfc_key *key = malloc(sizeof *key);

	*key = (struct rfc_key){ .before = *keys };
	*keys = key;
	rfc_space(r);
	key->p = r->p;
	if (!rfc_string(r))
		return false;
	key->n = (size_t)(r->p - key->p);
	rfc_space(r);
	return rfc_is(r, ':');
}

static bool rfc_doubled(const struct rfc_key *key)
{
	for (; key; key = key->before)
		for (const struct rfc_key *k = key->before; k; k = k->before)
			if (rfc_same_key(key, k))
				return true;
	return false;
}

static enum yt_json_fault rfc_members(struct rfc *r, struct rfc_key **keys, bool object, char close)
{
	rfc_space(r);
	if (rfc_is(r, close))
		return YT_JSON_OK;
	do {
		enum yt_json_fault fault = object && !rfc_key(r, keys) ? YT_JSON_NOT_JSON : rfc_value(r);

		if (fault)
			return fault;
		rfc_space(r);
	} while (rfc_is(r, ','));
	return rfc_is(r, close) && !rfc_doubled(*keys) ? YT_JSON_OK : YT_JSON_NOT_JSON;
}

static enum yt_json_fault rfc_nested(struct rfc *r, bool object)
{
	struct rfc_key *keys = NULL;
	enum yt_json_fault fault;

	if (r->depth == YT_JSON_DEPTH_MAX)
		return YT_JSON_TOO_DEEP;
	r->depth++;
	r->p++;
	fault = rfc_members(r, &keys, object, object ? '}' : ']');
	r->depth--;
	while (keys) {
		struct rfc_key *key = keys;

		keys = key->before;
		free(key);
	}
	return fault;
}

static enum yt_json_fault rfc_value(struct rfc *r)
{
	bool good;

	rfc_space(r);
	if (r->p == r->end)
		return YT_JSON_NOT_JSON;
	if (*r->p == '{' || *r->p == '[')
		return rfc_nested(r, *r->p == '{');
	if (*r->p == '"')
		good = rfc_string(r);
	else if (memchr("tfn", *r->p, 3))
		good = rfc_word(r, "true") || rfc_word(r, "false") || rfc_word(r, "null");
	else
		good = rfc_number(r);
	return good ? YT_JSON_OK : YT_JSON_NOT_JSON;
}

/* Of a number its text and its value, of an integer as EVENTS.md has them. */
static void json_number_same(const cJSON *item, const cJSON *other)
{
	struct yt_str text = yt_json_number(item);
	int64_t got = 0;
	long long want;
	bool whole;

	YT_ASSERT(!other || (cJSON_IsNumber(other) && other->valuedouble == strtod(text.p, NULL)), "a number");
	errno = 0;
	want = strtoll(text.p, NULL, 10);
	whole = !errno && text.n == strspn(text.p, "-0123456789") && llabs(want) < 1LL << 53;
	YT_ASSERT(yt_json_int(item, &got) == whole && (!whole || got == want), "an integer");
}

/* other NULL: it is not asked. */
static void json_same(const cJSON *item, const cJSON *other)
{
	const cJSON *b = other ? other->child : NULL;

	if (yt_json_number(item).n) {
		json_number_same(item, other);
	} else if (yt_json_is_text(item)) {
		YT_ASSERT(!other || (cJSON_IsString(other) && yt_str_eq(yt_json_text(item), yt_str_z(other->valuestring))), "a text");
		YT_ASSERT(yt_utf8_bad(yt_json_text(item)) == yt_json_text(item).n, "the UTF-8 of a text");
	} else {
		YT_ASSERT(!other || item->type == other->type, "the type of a value");
	}
	for (const cJSON *a = item->child; a; a = a->next, b = b ? b->next : NULL) {
		YT_ASSERT(!other || (b && !a->string == !b->string && (!a->string || strcmp(a->string, b->string) == 0)), "a member");
		YT_ASSERT(!a->string || yt_json_get(item, a->string) == a, "a member by its name");
		json_same(a, b);
	}
	YT_ASSERT(!b, "one value more in cJSON");
}

static void json_write(struct yt_buf *b, const cJSON *item)
{
	if (yt_json_number(item).n)
		yt_buf_str_add(b, yt_json_number(item));
	else if (yt_json_is_text(item))
		yt_json_add_text(b, yt_json_text(item));
	else if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
		yt_buf_z(b, cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false");
	if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
		return;
	yt_buf_c(b, cJSON_IsObject(item) ? '{' : '[');
	for (const cJSON *a = item->child; a; a = a->next) {
		if (a->string) {
			yt_json_add_text(b, yt_str_z(a->string));
			yt_buf_c(b, ':');
		}
		json_write(b, a);
		if (a->next)
			yt_buf_c(b, ',');
	}
	yt_buf_c(b, cJSON_IsObject(item) ? '}' : ']');
}

static void json_again(struct yt_arena *a, const cJSON *root)
{
	const cJSON *again;
	struct yt_buf first, second;
	char detail[128];

	yt_buf_init(&first, a);
	yt_buf_init(&second, a);
	json_write(&first, root);
	YT_ASSERT(!yt_json_parse(a, yt_buf_str(&first), SIZE_MAX, 0, &again, detail), detail);
	json_write(&second, again);
	YT_ASSERT(yt_str_eq(yt_buf_str(&first), yt_buf_str(&second)), "written again it is the same");
}

/* The bytes as a text. */
static void json_text(struct yt_arena *a, struct yt_str bytes)
{
	const cJSON *text;
	struct yt_buf b;
	char detail[128];

	yt_buf_init(&b, a);
	yt_json_add_text(&b, bytes);
	if (bytes.n && memchr(bytes.p, 0, bytes.n))
		return; /* \u0000 is written and not taken */
	YT_ASSERT(!yt_json_parse(a, yt_buf_str(&b), SIZE_MAX, 0, &text, detail), detail);
	YT_ASSERT(yt_json_is_text(text), "a text that was written");
	YT_ASSERT(yt_utf8_bad(bytes) != bytes.n || yt_str_eq(yt_json_text(text), bytes), "a text that was written and read");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rfc r = { .p = data, .end = data + size };
	struct yt_str bytes = yt_str((const char *)data, size);
	enum yt_json_fault want = rfc_value(&r), got;
	const cJSON *root;
	struct yt_arena a;
	char detail[128];
	cJSON *alone;

	rfc_space(&r);
	if (!want && r.p != r.end)
		want = YT_JSON_NOT_JSON;
	yt_arena_init(&a, 0);
	got = yt_json_parse(&a, bytes, SIZE_MAX, 0, &root, detail);
	YT_ASSERT(got == want, detail);
	YT_ASSERT(!got == !!root && !got == !detail[0], "a fault is said, and nothing else");
	if (root) {
		alone = r.long_number ? NULL : cJSON_ParseWithLength(bytes.p, bytes.n);
		YT_ASSERT(alone || r.long_number, "refused by cJSON");
		json_same(root, alone);
		cJSON_Delete(alone);
		json_again(&a, root);
	}
	json_text(&a, bytes);
	yt_arena_deinit(&a);
	return 0;
}
