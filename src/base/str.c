#include "yutang/base/str.h"

/* The well-formed byte sequences of Unicode, table 3-7: only the second byte's range depends on the first. */
unsigned yt_utf8_char(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;
	unsigned lo = 0x80, hi = 0xbf, n;

	if (p >= end)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if ((size_t)(end - p) < n)
		return 0;
	switch (s[0]) {
	case 0xe0: lo = 0xa0; break;
	case 0xed: hi = 0x9f; break;
	case 0xf0: lo = 0x90; break;
	case 0xf4: hi = 0x8f; break;
	}
	if (s[1] < lo || s[1] > hi)
		return 0;
	for (unsigned i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

uint32_t yt_utf8_bad(struct yt_str s)
{
	const char *p = s.p, *end;

	if (!s.n)
		return 0;
	end = p + s.n;
	while (p < end) {
		unsigned n = yt_utf8_char(p, end);

		if (!n)
			break;
		p += n;
	}
	return (uint32_t)(p - s.p);
}
