/* A borrowed run of bytes. Not terminated, owned by whoever made it. */
#ifndef YT_BASE_STR_H
#define YT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct yt_str {
	const char *p;
	uint32_t n; /* bytes */
};

/* A literal as a yt_str, usable in an initialiser. */
#define YT_STR(lit) { (lit), sizeof(lit) - 1 }
#define YT_S(lit) ((struct yt_str)YT_STR(lit))

/* For printf: "%.*s", YT_FMT(s) */
#define YT_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct yt_str yt_str(const char *p, size_t n)
{
	return (struct yt_str){ p, (uint32_t)n };
}

static inline struct yt_str yt_str_z(const char *z)
{
	return (struct yt_str){ z, (uint32_t)strlen(z) };
}

static inline bool yt_str_eq(struct yt_str a, struct yt_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Byte order, the shorter first where one begins the other. */
static inline int yt_str_cmp(struct yt_str a, struct yt_str b)
{
	uint32_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Bytes of the UTF-8 character at p: 1 to 4, or 0 where there is none before end (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
unsigned yt_utf8_char(const char *p, const char *end);
/* Index of the first byte that is not UTF-8; s.n where all is well. */
uint32_t yt_utf8_bad(struct yt_str s);

static inline bool yt_str_starts(struct yt_str s, struct yt_str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* What stands before the first `at`; *s is what stands behind it, empty where there is none. */
static inline struct yt_str yt_str_cut(struct yt_str *s, char at)
{
	const char *p = s->n ? memchr(s->p, at, s->n) : NULL;
	struct yt_str head = p ? yt_str(s->p, (size_t)(p - s->p)) : *s;

	*s = p ? yt_str(p + 1, s->n - head.n - 1) : yt_str(s->p + s->n, 0);
	return head;
}

#endif
