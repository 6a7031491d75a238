/* The grammar that the configuration and the rule file share (RULES.md, Grammar): sections, keys, continuation lines, comments.
 * Collects every error of a file in one run, with file, line and a suggestion. */
#ifndef YT_BASE_INI_H
#define YT_BASE_INI_H

#include "yutang/base/arena.h"
#include "yutang/base/buf.h"

struct yt_ini_entry {
	struct yt_str key, value; /* value: without comment, continuation lines joined by one blank */
	int line;
	struct yt_ini_entry *next;
};

struct yt_ini_section {
	struct yt_str kind, name; /* [kind] or [kind "name"]; name.p == NULL without one */
	int line;
	struct yt_ini_entry *entries; /* in file order */
	struct yt_ini_section *next;
};

/* Errors of one file, in order of appearance; each line reads `FILE:LINE: text`, or `FILE: text` where line is 0. */
struct yt_problems {
	struct yt_buf text; /* one problem a line, "\n" at the end of each */
	int errors, warnings;
	const char *file; /* name as shown */
};
void yt_problems_init(struct yt_problems *p, const char *file);
void yt_problems_deinit(struct yt_problems *p);
void yt_problem(struct yt_problems *p, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with `warning: ` before the text, and no error. */
void yt_warning(struct yt_problems *p, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Values are as written: quotes stay. A quote, single or double, that is not closed on its line is none, nor is an
 * apostrophe inside a word; inside quotes a backslash takes the next character along.
 * A comment line between two lines does not part them, an empty line does: an indented line behind it continues nothing.
 *
 * Parses `bytes` into the arena. Doubled sections and keys, lines that are none of the grammar, and bytes that are not UTF-8 are
 * problems; what could be read is returned all the same, so that the caller can go on finding errors. */
struct yt_ini_section *yt_ini_parse(struct yt_arena *a, struct yt_str bytes, struct yt_problems *p);

/* The candidate nearest to `word` (edit distance of at most a third of its length, at least 1), or NULL. For "did you mean". */
const char *yt_nearest(struct yt_str word, const char *const *candidates, size_t n);

/* One whole number and its unit, `300ms 5s 10m 72h 30d`, as milliseconds. False where the unit is missing, the text is
 * none, or the value does not fit. */
bool yt_parse_duration(struct yt_str s, int64_t *ms);
/* Digits only, with a `-` before them where min < 0; in [min, max]. */
bool yt_parse_int(struct yt_str s, int64_t min, int64_t max, int64_t *out);

#endif
