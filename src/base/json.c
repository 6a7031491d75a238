#include "yutang/base/json.h"

#include <stdio.h>
#include <stdlib.h>

/* What the pre-pass writes for cJSON: every number as a string that begins with NUMBER. A real string that begins with
 * one of the two marks (only as an escape, \u0001: raw control characters are refused) gets TEXT put before it. */
enum { NUMBER = '\x01', TEXT = '\x02' };

enum {
	PAIRWISE_MAX = 16,        /* keys an object up to which each is compared with each */
	KEEP_BYTES = 1024 * 1024, /* scratch memory above this is given back */
};

#define INT_LIMIT (INT64_C(1) << 53)

struct key {
	struct yt_str text; /* unescaped */
	const char *at;     /* in the bytes */
};

/* Scratch memory of the one thread that parses. */
static struct {
	struct yt_buf out;
	struct key *keys; /* of all objects that are open, outermost first */
	size_t keys_n, keys_cap;
} scratch;

struct scan {
	const char *begin, *end;
	const char *p;
	const char *copied; /* what lies before is in scratch.out */
	struct yt_arena *arena;
	int depth, depth_max;
	enum yt_json_fault fault;
	const char *what; /* of the fault, at p */
};

static bool scan_value(struct scan *s);

static bool fault(struct scan *s, const char *what)
{
	s->fault = YT_JSON_NOT_JSON;
	s->what = what;
	return false;
}

static void copy_to(struct scan *s, const char *p)
{
	yt_buf_add(&scratch.out, s->copied, (size_t)(p - s->copied));
	s->copied = p;
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

static bool at_char(const struct scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

static bool at_digit(const struct scan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

/* Eight bytes of which none is a quote, a backslash, a control character or above ASCII. Each subtraction sets a byte's top
 * bit where the byte was too small; a borrow can only add such a bit above one that is set by right. */
static bool plain8(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return !((w | (w - ones * 0x20) | ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones)) & ones * 0x80);
}

static const char *skip_plain(const char *p, const char *end)
{
	while (end - p >= 8 && plain8(p))
		p += 8;
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* The four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

static bool is_high(int unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(int unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* p stands at the backslash. */
static bool scan_escape(struct scan *s)
{
	int unit;

	if (s->end - s->p < 2 || !s->p[1] || !strchr("\"\\/bfnrtu", s->p[1]))
		return fault(s, "unknown escape");
	if (s->p[1] != 'u') {
		s->p += 2;
		return true;
	}
	unit = hex4(s->p + 2, s->end);
	if (unit < 0)
		return fault(s, "unknown escape");
	if (unit == 0)
		return fault(s, "\\u0000");
	if (is_low(unit))
		return fault(s, "lone surrogate");
	if (is_high(unit)) {
		if (s->end - s->p < 12 || s->p[6] != '\\' || s->p[7] != 'u' || !is_low(hex4(s->p + 8, s->end)))
			return fault(s, "lone surrogate");
		s->p += 6;
	}
	s->p += 6;
	return true;
}

/* p stands behind the opening quote, and then behind the closing one. *raw: what is between, *escaped: with escapes. */
static bool scan_string(struct scan *s, struct yt_str *raw, bool *escaped)
{
	const char *begin = s->p;

	*escaped = false;
	for (;;) {
		s->p = skip_plain(s->p, s->end);
		if (s->p == s->end)
			return fault(s, "string without an end");
		if (*s->p == '"')
			break;
		if (*s->p == '\\') {
			*escaped = true;
			if (!scan_escape(s))
				return false;
		} else {
			unsigned n = yt_utf8_char(s->p, s->end);

			if (n < 2)
				return fault(s, n ? "control character" : "invalid UTF-8");
			s->p += n;
		}
	}
	*raw = yt_str(begin, (size_t)(s->p - begin));
	s->p++;
	return true;
}

static char *utf8_put(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* raw went through scan_string. No escape is shorter than what it stands for. */
static struct yt_str unescape(struct yt_arena *a, struct yt_str raw)
{
	char *text = yt_arena_alloc(a, raw.n), *out = text;
	const char *p = raw.p, *end = p + raw.n;

	while (p < end) {
		uint32_t c;

		if (*p != '\\') {
			*out++ = *p++;
			continue;
		}
		switch (p[1]) {
		case 'b': c = '\b'; break;
		case 'f': c = '\f'; break;
		case 'n': c = '\n'; break;
		case 'r': c = '\r'; break;
		case 't': c = '\t'; break;
		case 'u':
			c = (uint32_t)hex4(p + 2, end);
			if (is_high((int)c)) {
				c = 0x10000 + ((c - 0xd800) << 10 | ((uint32_t)hex4(p + 8, end) - 0xdc00));
				p += 6;
			}
			p += 4;
			break;
		default: c = (unsigned char)p[1]; break;
		}
		p += 2;
		out = utf8_put(out, c);
	}
	return yt_str(text, (size_t)(out - text));
}

static bool scan_text(struct scan *s)
{
	const char *begin = s->p + 1;
	struct yt_str raw;
	bool escaped;

	s->p++;
	if (!scan_string(s, &raw, &escaped))
		return false;
	if (escaped && raw.n >= 6 && memcmp(raw.p, "\\u000", 5) == 0 && (raw.p[5] == '1' || raw.p[5] == '2')) {
		copy_to(s, begin);
		yt_buf_c(&scratch.out, TEXT);
	}
	return true;
}

static bool scan_digits(struct scan *s)
{
	if (!at_digit(s))
		return fault(s, "digit missing in a number");
	while (at_digit(s))
		s->p++;
	return true;
}

static bool scan_number(struct scan *s)
{
	copy_to(s, s->p);
	yt_buf_add(&scratch.out, (char[]){ '"', NUMBER }, 2);
	if (at_char(s, '-'))
		s->p++;
	if (at_char(s, '0'))
		s->p++;
	else if (!scan_digits(s))
		return false;
	if (at_digit(s))
		return fault(s, "number with a leading zero");
	if (at_char(s, '.')) {
		s->p++;
		if (!scan_digits(s))
			return false;
	}
	if (at_char(s, 'e') || at_char(s, 'E')) {
		s->p++;
		if (at_char(s, '+') || at_char(s, '-'))
			s->p++;
		if (!scan_digits(s))
			return false;
	}
	copy_to(s, s->p);
	yt_buf_c(&scratch.out, '"');
	return true;
}

static bool scan_literal(struct scan *s, struct yt_str word)
{
	if (!yt_str_starts(yt_str(s->p, (size_t)(s->end - s->p)), word))
		return fault(s, "no JSON value");
	s->p += word.n;
	return true;
}

static int key_cmp(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c = yt_str_cmp(x->text, y->text);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

/* The second of two equal keys, or NULL. Sorting rather than hashing: no input makes it slow. */
static const struct key *doubled(struct key *keys, size_t n)
{
	if (n <= PAIRWISE_MAX) {
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (yt_str_eq(keys[i].text, keys[j].text))
					return &keys[i];
		return NULL;
	}
	qsort(keys, n, sizeof(*keys), key_cmp);
	for (size_t i = 1; i < n; i++)
		if (yt_str_eq(keys[i].text, keys[i - 1].text))
			return &keys[i];
	return NULL;
}

static bool scan_key(struct scan *s)
{
	struct key key = { .at = s->p };
	bool escaped;

	if (!at_char(s, '"'))
		return fault(s, "key missing");
	s->p++;
	if (!scan_string(s, &key.text, &escaped))
		return false;
	if (escaped)
		key.text = unescape(s->arena, key.text);
	if (scratch.keys_n == scratch.keys_cap) {
		size_t cap = scratch.keys_cap ? scratch.keys_cap * 2 : 256;
		struct key *keys = realloc(scratch.keys, cap * sizeof(*keys));

		if (!keys)
			yt_out_of_memory(cap * sizeof(*keys));
		scratch.keys = keys;
		scratch.keys_cap = cap;
	}
	scratch.keys[scratch.keys_n++] = key;
	return true;
}

/* The members of an object or the elements of an array; p stands behind the opening bracket. */
static bool scan_members(struct scan *s, bool object, char close)
{
	size_t first = scratch.keys_n;
	const struct key *again;

	skip_space(s);
	if (at_char(s, close)) {
		s->p++;
		return true;
	}
	for (;;) {
		if (object) {
			skip_space(s);
			if (!scan_key(s))
				return false;
			skip_space(s);
			if (!at_char(s, ':'))
				return fault(s, "`:` missing");
			s->p++;
		}
		if (!scan_value(s))
			return false;
		skip_space(s);
		if (!at_char(s, ','))
			break;
		s->p++;
	}
	if (!at_char(s, close))
		return fault(s, object ? "`,` or `}` missing" : "`,` or `]` missing");
	again = scratch.keys_n > first ? doubled(scratch.keys + first, scratch.keys_n - first) : NULL;
	if (again) {
		s->p = again->at;
		return fault(s, "doubled key");
	}
	scratch.keys_n = first;
	s->p++;
	return true;
}

static bool scan_nested(struct scan *s, bool object, char close)
{
	bool ok;

	if (s->depth == s->depth_max) {
		fault(s, "too deep");
		s->fault = YT_JSON_TOO_DEEP;
		return false;
	}
	s->depth++;
	s->p++;
	ok = scan_members(s, object, close);
	s->depth--;
	return ok;
}

static bool scan_value(struct scan *s)
{
	skip_space(s);
	if (s->p == s->end)
		return fault(s, "value missing");
	switch (*s->p) {
	case '{': return scan_nested(s, true, '}');
	case '[': return scan_nested(s, false, ']');
	case '"': return scan_text(s);
	case 't': return scan_literal(s, YT_S("true"));
	case 'f': return scan_literal(s, YT_S("false"));
	case 'n': return scan_literal(s, YT_S("null"));
	case '-':
	case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9': return scan_number(s);
	default: return fault(s, "no JSON value");
	}
}

static bool scan_all(struct scan *s)
{
	if (!scan_value(s))
		return false;
	skip_space(s);
	if (s->p != s->end)
		return fault(s, "bytes behind the value");
	copy_to(s, s->end);
	return true;
}

/* cJSON's allocations: into the arena of the parse that runs, else from the heap. */
static struct yt_arena *current;

static void *hook_malloc(size_t n)
{
	return current ? yt_arena_alloc(current, n) : malloc(n);
}

static void hook_free(void *p)
{
	if (!current)
		free(p);
}

static cJSON *build(struct yt_arena *a, struct yt_str text)
{
	static bool hooked;
	cJSON *root;

	if (!hooked) {
		cJSON_InitHooks(&(cJSON_Hooks){ hook_malloc, hook_free });
		hooked = true;
	}
	current = a;
	root = cJSON_ParseWithLength(text.p, text.n);
	current = NULL;
	return root;
}

static void scratch_trim(void)
{
	if (scratch.out.cap > KEEP_BYTES)
		yt_buf_deinit(&scratch.out);
	if (scratch.keys_cap * sizeof(*scratch.keys) > KEEP_BYTES) {
		free(scratch.keys);
		scratch.keys = NULL;
		scratch.keys_cap = 0;
	}
}

enum yt_json_fault yt_json_parse(struct yt_arena *a, struct yt_str bytes, size_t max_bytes, int max_depth,
                                 const cJSON **root, char detail[128])
{
	struct scan s = {
		.begin = bytes.p, .end = bytes.p + bytes.n, .p = bytes.p, .copied = bytes.p,
		.arena = a, .depth_max = max_depth > 0 ? max_depth : YT_JSON_DEPTH_MAX,
	};

	*root = NULL;
	if (detail)
		detail[0] = '\0';
	if (!max_bytes)
		max_bytes = YT_JSON_BYTES_MAX;
	if (s.depth_max > CJSON_NESTING_LIMIT)
		s.depth_max = CJSON_NESTING_LIMIT;
	if (bytes.n > max_bytes) {
		if (detail)
			snprintf(detail, 128, "%u bytes, %zu at most", bytes.n, max_bytes);
		return YT_JSON_TOO_LARGE;
	}

	yt_buf_clear(&scratch.out);
	yt_buf_reserve(&scratch.out, bytes.n + bytes.n / 4);
	scratch.keys_n = 0;
	/* cJSON refuses nothing that passed; should it, then the input is bad and the process is not. */
	if (scan_all(&s) && !(*root = build(a, yt_buf_str(&scratch.out))))
		fault(&s, "refused by cJSON");
	if (s.fault && detail)
		snprintf(detail, 128, "%s at byte %zu", s.what, (size_t)(s.p - s.begin));
	scratch_trim();
	return s.fault;
}

struct yt_str yt_json_number(const cJSON *item)
{
	if (!cJSON_IsString(item) || item->valuestring[0] != NUMBER)
		return yt_str(NULL, 0);
	return yt_str_z(item->valuestring + 1);
}

bool yt_json_is_text(const cJSON *item)
{
	return cJSON_IsString(item) && item->valuestring[0] != NUMBER;
}

struct yt_str yt_json_text(const cJSON *item)
{
	if (!yt_json_is_text(item))
		return yt_str(NULL, 0);
	return yt_str_z(item->valuestring + (item->valuestring[0] == TEXT));
}

bool yt_json_int(const cJSON *item, int64_t *out)
{
	struct yt_str text = yt_json_number(item);
	bool minus = text.n && text.p[0] == '-';
	int64_t v = 0;

	if (text.n == 0)
		return false;
	for (uint32_t i = minus; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		v = v * 10 + (text.p[i] - '0');
		if (v >= INT_LIMIT)
			return false;
	}
	*out = minus ? -v : v;
	return true;
}

const cJSON *yt_json_get(const cJSON *object, const char *name)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

void yt_json_add_text(struct yt_buf *b, struct yt_str s)
{
	const char *p = s.p, *end = p + s.n;

	yt_buf_reserve(b, (size_t)s.n + 2);
	yt_buf_c(b, '"');
	while (p < end) {
		const char *run = p;
		unsigned n;
		char c;

		p = skip_plain(p, end);
		yt_buf_add(b, run, (size_t)(p - run));
		if (p == end)
			break;
		n = yt_utf8_char(p, end);
		if (n > 1) {
			yt_buf_add(b, p, n);
			p += n;
			continue;
		}
		c = *p++;
		switch (c) {
		case '"': yt_buf_z(b, "\\\""); break;
		case '\\': yt_buf_z(b, "\\\\"); break;
		case '\b': yt_buf_z(b, "\\b"); break;
		case '\f': yt_buf_z(b, "\\f"); break;
		case '\n': yt_buf_z(b, "\\n"); break;
		case '\r': yt_buf_z(b, "\\r"); break;
		case '\t': yt_buf_z(b, "\\t"); break;
		default:
			if (n)
				yt_buf_printf(b, "\\u%04x", (unsigned)(unsigned char)c);
			else
				yt_buf_z(b, "\xef\xbf\xbd");
		}
	}
	yt_buf_c(b, '"');
}

void yt_json_add_tree(struct yt_buf *b, const cJSON *item)
{
	bool object = cJSON_IsObject(item);
	const cJSON *child;

	if (yt_json_is_text(item)) {
		yt_json_add_text(b, yt_json_text(item));
	} else if (yt_json_number(item).n) {
		yt_buf_str_add(b, yt_json_number(item));
	} else if (object || cJSON_IsArray(item)) {
		yt_buf_c(b, object ? '{' : '[');
		cJSON_ArrayForEach(child, item) {
			if (child != item->child)
				yt_buf_c(b, ',');
			if (object) {
				yt_json_add_text(b, yt_str_z(child->string));
				yt_buf_c(b, ':');
			}
			yt_json_add_tree(b, child);
		}
		yt_buf_c(b, object ? '}' : ']');
	} else {
		yt_buf_z(b, cJSON_IsTrue(item) ? "true" : cJSON_IsFalse(item) ? "false" : "null");
	}
}
