#include "yutang/base/ini.h"

#include <stdarg.h>
#include <stdio.h>

#include "yutang/base/map.h"

enum { WORD_MAX = 64 }; /* bytes of a word for which a nearest one is sought */

void yt_problems_init(struct yt_problems *p, const char *file)
{
	*p = (struct yt_problems){ .file = file };
	yt_buf_init(&p->text, NULL);
}

void yt_problems_deinit(struct yt_problems *p)
{
	yt_buf_deinit(&p->text);
}

__attribute__((format(printf, 4, 0)))
static void problem_add(struct yt_problems *p, int line, const char *prefix, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	if (line > 0)
		yt_buf_printf(&p->text, "%s:%d: %s%s\n", p->file, line, prefix, text);
	else
		yt_buf_printf(&p->text, "%s: %s%s\n", p->file, prefix, text);
}

void yt_problem(struct yt_problems *p, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(p, line, "", fmt, ap);
	va_end(ap);
	p->errors++;
}

void yt_warning(struct yt_problems *p, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(p, line, "warning: ", fmt, ap);
	va_end(ap);
	p->warnings++;
}

/* Where a section or a key was seen first; the name tells sections and the keys of each section apart. */
struct seen {
	struct yt_str name;
	int line;
};

/* What an indented line would continue. */
enum before { NOTHING, ENTRY, BROKEN_LINE };

struct parser {
	struct yt_arena *arena;
	struct yt_problems *problems;
	struct yt_map seen;
	int line;
	enum before before;
	struct yt_ini_section *first, **section_end, *section; /* section NULL: before the first one, or in a broken one */
	bool broken_section;
	unsigned sections;
	struct yt_ini_entry **entry_end, *entry; /* entry: the one whose value is being gathered */
	struct yt_buf value;
};

static struct yt_str seen_name(const void *value)
{
	return ((const struct seen *)value)->name;
}

/* The line where the name was seen first, or 0 and it is noted. */
static int seen_before(struct parser *ps, struct yt_str name)
{
	struct seen *seen = yt_map_get(&ps->seen, name);

	if (seen)
		return seen->line;
	seen = yt_arena_alloc(ps->arena, sizeof(*seen));
	*seen = (struct seen){ name, ps->line };
	yt_map_add(&ps->seen, seen);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_key(char c)
{
	return is_word(c) || c == '-' || c == '.';
}

static struct yt_str trim(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	return yt_str(p, (size_t)(end - p));
}

/* Index behind the quote that closes the one at i, or 0 where none does on this line. */
static uint32_t quote_end(struct yt_str line, uint32_t i)
{
	char quote = line.p[i];

	for (uint32_t k = i + 1; k < line.n; k++) {
		if (line.p[k] == '\\')
			k++;
		else if (line.p[k] == quote)
			return k + 1;
	}
	return 0;
}

/* The line without its comment. */
static struct yt_str without_comment(struct yt_str line)
{
	bool open[2] = { true, true }; /* false once a quote of the kind was found that nothing closes */

	for (uint32_t i = 0; i < line.n;) {
		char c = line.p[i];
		bool apostrophe = c == '\'' && i > 0 && is_word(line.p[i - 1]);
		uint32_t behind = 0;

		if (c == '#' && (i == 0 || is_blank(line.p[i - 1])))
			return yt_str(line.p, i);
		if ((c == '"' || c == '\'') && !apostrophe && open[c == '"']) {
			behind = quote_end(line, i);
			open[c == '"'] = behind > 0;
		}
		i = behind ? behind : i + 1;
	}
	return line;
}

static void entry_finish(struct parser *ps)
{
	if (ps->entry)
		ps->entry->value = yt_arena_dup(ps->arena, yt_buf_str(&ps->value));
	ps->entry = NULL;
}

static void broken(struct parser *ps)
{
	entry_finish(ps);
	ps->before = BROKEN_LINE;
}

/* `[kind]` or `[kind "name"]` */
static bool section_split(struct yt_str line, struct yt_str *kind, struct yt_str *name)
{
	const char *p = line.p + 1, *end = line.p + line.n - 1, *from = p;

	*name = yt_str(NULL, 0);
	if (line.n < 3 || *end != ']')
		return false;
	while (p < end && is_key(*p))
		p++;
	*kind = yt_str(from, (size_t)(p - from));
	if (kind->n == 0 || p == end)
		return kind->n > 0;
	if (!is_blank(*p))
		return false;
	while (p < end && is_blank(*p))
		p++;
	if (end - p < 3 || *p != '"' || end[-1] != '"')
		return false;
	*name = yt_str(p + 1, (size_t)(end - p - 2));
	return !memchr(name->p, '"', name->n);
}

static void section_line(struct parser *ps, struct yt_str line)
{
	struct yt_str kind, name;
	struct yt_ini_section *sec;
	int first;

	entry_finish(ps);
	ps->section = NULL;
	ps->broken_section = !section_split(line, &kind, &name);
	if (ps->broken_section) {
		yt_problem(ps->problems, ps->line, "expected `[section]` or `[section \"name\"]`");
		ps->before = BROKEN_LINE;
		return;
	}
	ps->before = NOTHING;
	ps->sections++;
	line = name.p ? yt_arena_printf(ps->arena, "[%.*s \"%.*s\"]", YT_FMT(kind), YT_FMT(name))
	              : yt_arena_printf(ps->arena, "[%.*s]", YT_FMT(kind));
	first = seen_before(ps, line);
	if (first)
		yt_problem(ps->problems, ps->line, "doubled section %.*s, first at line %d", YT_FMT(line), first);

	sec = yt_arena_zalloc(ps->arena, sizeof(*sec));
	sec->kind = yt_arena_dup(ps->arena, kind);
	if (name.p)
		sec->name = yt_arena_dup(ps->arena, name);
	sec->line = ps->line;
	*ps->section_end = sec;
	ps->section_end = &sec->next;
	ps->section = sec;
	ps->entry_end = &sec->entries;
}

/* Bytes of the key where the line begins with `KEY =` and no second `=`; 0 otherwise. *value: index behind the `=`. */
static uint32_t key_split(struct yt_str line, uint32_t *value)
{
	uint32_t n = 0, i;

	while (n < line.n && is_key(line.p[n]))
		n++;
	for (i = n; i < line.n && is_blank(line.p[i]);)
		i++;
	if (i >= line.n || line.p[i] != '=' || (i + 1 < line.n && line.p[i + 1] == '='))
		return 0;
	*value = i + 1;
	return n;
}

static void entry_line(struct parser *ps, struct yt_str key, struct yt_str value)
{
	struct yt_ini_entry *e;
	int first;

	if (!ps->section) {
		if (!ps->broken_section)
			yt_problem(ps->problems, ps->line, "`%.*s` stands before the first section", YT_FMT(key));
		broken(ps);
		return;
	}
	entry_finish(ps);
	first = seen_before(ps, yt_arena_printf(ps->arena, "%u %.*s", ps->sections, YT_FMT(key)));
	if (first)
		yt_problem(ps->problems, ps->line, "doubled key `%.*s`, first at line %d", YT_FMT(key), first);

	e = yt_arena_zalloc(ps->arena, sizeof(*e));
	e->key = yt_arena_dup(ps->arena, key);
	e->line = ps->line;
	*ps->entry_end = e;
	ps->entry_end = &e->next;
	ps->entry = e;
	ps->before = ENTRY;
	yt_buf_clear(&ps->value);
	yt_buf_str_add(&ps->value, value);
}

static void indented_line(struct parser *ps, struct yt_str line)
{
	switch (ps->before) {
	case BROKEN_LINE: break;
	case ENTRY:
		if (ps->value.n)
			yt_buf_c(&ps->value, ' ');
		yt_buf_str_add(&ps->value, line);
		break;
	case NOTHING:
		if (line.p[0] == '[')
			yt_problem(ps->problems, ps->line, "a section begins at the start of its line");
		else
			yt_problem(ps->problems, ps->line, "an indented line continues the one before, but there is none");
		ps->before = BROKEN_LINE;
		break;
	}
}

/* Index of the first control character but the tab; s.n where there is none. */
static uint32_t control_at(struct yt_str s)
{
	uint32_t i = 0;

	while (i < s.n && ((unsigned char)s.p[i] >= 0x20 || s.p[i] == '\t') && s.p[i] != 0x7f)
		i++;
	return i;
}

static void parse_line(struct parser *ps, struct yt_str raw)
{
	struct yt_str line = without_comment(raw), text = trim(line.p, line.p + line.n);
	uint32_t at, value = 0, key;

	if ((at = yt_utf8_bad(raw)) < raw.n) {
		yt_problem(ps->problems, ps->line, "byte %u of the line is not UTF-8", at + 1);
		broken(ps);
	} else if ((at = control_at(raw)) < raw.n) {
		yt_problem(ps->problems, ps->line, "byte %u of the line is a control character", at + 1);
		broken(ps);
	} else if (text.n == 0) {
		/* A comment parts nothing, an empty line does. */
		if (line.n == raw.n) {
			entry_finish(ps);
			ps->before = NOTHING;
		}
	} else if ((key = key_split(text, &value)) > 0) {
		entry_line(ps, yt_str(text.p, key), trim(text.p + value, text.p + text.n));
	} else if (is_blank(raw.p[0])) {
		indented_line(ps, text);
	} else if (text.p[0] == '[') {
		section_line(ps, text);
	} else {
		yt_problem(ps->problems, ps->line, "expected `KEY = value` or `[section]`");
		broken(ps);
	}
}

struct yt_ini_section *yt_ini_parse(struct yt_arena *a, struct yt_str bytes, struct yt_problems *p)
{
	struct parser ps = { .arena = a, .problems = p };
	const char *at = bytes.p, *end = at + bytes.n;

	ps.section_end = &ps.first;
	yt_map_init(&ps.seen, seen_name);
	yt_buf_init(&ps.value, NULL);
	if (yt_str_starts(bytes, YT_S("\xef\xbb\xbf"))) {
		yt_problem(p, 1, "the file begins with a byte order mark");
		at += 3;
	}
	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = nl ? nl : end;

		ps.line++;
		if (line_end > at && line_end[-1] == '\r')
			line_end--;
		parse_line(&ps, yt_str(at, (size_t)(line_end - at)));
		at = nl ? nl + 1 : end;
	}
	entry_finish(&ps);
	yt_buf_deinit(&ps.value);
	yt_map_deinit(&ps.seen);
	return ps.first;
}

/* Insertions, deletions, substitutions and swaps of neighbours; both words have at most WORD_MAX bytes. */
static unsigned distance(struct yt_str a, struct yt_str b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *prev = rows[1], *row = rows[2];

	for (uint32_t j = 0; j <= b.n; j++)
		prev[j] = j;
	for (uint32_t i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		row[0] = i;
		for (uint32_t j = 1; j <= b.n; j++) {
			unsigned d = prev[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			if (prev[j] + 1 < d)
				d = prev[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < d)
				d = before[j - 2] + 1;
			row[j] = d;
		}
		before = prev;
		prev = row;
		row = spare;
	}
	return prev[b.n];
}

const char *yt_nearest(struct yt_str word, const char *const *candidates, size_t n)
{
	unsigned limit = word.n / 3 > 0 ? word.n / 3 : 1;
	const char *best = NULL;

	if (word.n > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct yt_str c = yt_str_z(candidates[i]);
		unsigned d;

		/* Each letter more or less is a step. */
		if (c.n > WORD_MAX || c.n > word.n + limit || c.n + limit < word.n)
			continue;
		d = distance(word, c);
		/* Words that share no letter are not near each other, however short. */
		if (d <= limit && d < (word.n > c.n ? word.n : c.n)) {
			best = candidates[i];
			if (d == 0)
				break;
			limit = d - 1;
		}
	}
	return best;
}

/* Takes the digits off that s begins with; false where there are none or their value is above max (at least 9). */
static bool take_digits(struct yt_str *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	uint32_t i = 0;

	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
		unsigned digit = (unsigned)(s->p[i] - '0');

		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	*s = yt_str(s->p + i, s->n - i);
	return i > 0;
}

bool yt_parse_duration(struct yt_str s, int64_t *ms)
{
	static const struct {
		struct yt_str name;
		int64_t ms;
	} units[] = {
		{ YT_STR("ms"), 1 },
		{ YT_STR("s"), 1000 },
		{ YT_STR("m"), 60 * 1000 },
		{ YT_STR("h"), 60 * 60 * 1000 },
		{ YT_STR("d"), 24 * 60 * 60 * 1000 },
	};
	uint64_t v;

	if (!take_digits(&s, INT64_MAX, &v))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!yt_str_eq(s, units[i].name))
			continue;
		return !__builtin_mul_overflow((int64_t)v, units[i].ms, ms);
	}
	return false;
}

bool yt_parse_int(struct yt_str s, int64_t min, int64_t max, int64_t *out)
{
	bool minus = min < 0 && s.n && s.p[0] == '-';
	uint64_t v;
	int64_t x;

	if (minus)
		s = yt_str(s.p + 1, s.n - 1);
	if (!take_digits(&s, minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX, &v) || s.n)
		return false;
	x = minus ? (int64_t)-v : (int64_t)v;
	if (x < min || x > max)
		return false;
	*out = x;
	return true;
}
