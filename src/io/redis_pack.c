/* A whole hash as one text, as DUMP gives it and RESTORE takes it: the server checks a sum and keeps the bytes as they are, where HSET takes
 * a hash apart value by value (a function pays for each of them three times more, on the way into Lua and out of it).
 *
 *     0x10                    the type: a hash that is a listpack (Redis 7.0 and later)
 *     length, listpack        length: 6, 14 or 32 bits behind 00, 01, 10000000; most significant byte first
 *     0x0a 0x00               version 10 of the format, that of Redis 7.0; later servers take it
 *     crc64                   of all before it, 8 bytes, least significant first
 *
 * Formats: Redis' rdb.h and cluster.c, and the "Listpack specification" 1.2 (S. Sanfilippo, 2017). Every text is written as a text, numbers too. */
#include <pthread.h>

#include "redis_conn.h"

enum {
	TYPE_HASH_LISTPACK = 16,
	VERSION = 10,
	LISTPACK_HEAD = 6, /* bytes and elements */
	LISTPACK_END = 0xff,
	ELEMENTS_UNKNOWN = UINT16_MAX,
	SLICES = 8,
};

/* The polynomial 0xad93d23594c935a9 of CRC-64/Jones, its bits turned round. */
#define CRC64_POLYNOMIAL UINT64_C(0x95ac9329ac4bc9b5)

static uint64_t crc_of[SLICES][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_init(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ CRC64_POLYNOMIAL : c >> 1;
		crc_of[0][i] = c;
	}
	for (int s = 1; s < SLICES; s++)
		for (unsigned i = 0; i < 256; i++)
			crc_of[s][i] = crc_of[s - 1][i] >> 8 ^ crc_of[0][crc_of[s - 1][i] & 0xff];
}

/* Eight bytes a step ("slicing by eight", M. Kounavis and F. Berry, 2005). */
uint64_t yt_redis_crc64(struct yt_str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = s.n;
	uint64_t c = 0;

	pthread_once(&crc_once, crc_init);
	for (; n >= SLICES; p += SLICES, n -= SLICES) {
		uint64_t x = c ^ yt_le64_get(p);

		c = 0;
		for (int k = 0; k < SLICES; k++)
			c ^= crc_of[SLICES - 1 - k][x >> 8 * k & 0xff];
	}
	for (; n; p++, n--)
		c = c >> 8 ^ crc_of[0][(c ^ *p) & 0xff];
	return c;
}

static size_t head_bytes(size_t n)
{
	return n < 64 ? 1 : n < 4096 ? 2 : 5;
}

/* Of the length that stands behind an element, 7 bits a byte, so that the listpack can be walked backwards. */
static size_t tail_bytes(size_t n)
{
	size_t bytes = 1;

	while (n >>= 7)
		bytes++;
	return bytes;
}

static size_t element_bytes(struct yt_str s)
{
	size_t n = head_bytes(s.n) + s.n;

	return n + tail_bytes(n);
}

static char *put_le32(char *p, uint32_t v)
{
	for (int k = 0; k < 4; k++)
		*p++ = (char)(v >> 8 * k);
	return p;
}

static char *put_element(char *p, struct yt_str s)
{
	size_t n = head_bytes(s.n) + s.n;
	size_t tail = tail_bytes(n);

	if (s.n < 64) {
		*p++ = (char)(0x80 | s.n);
	} else if (s.n < 4096) {
		*p++ = (char)(0xe0 | s.n >> 8);
		*p++ = (char)s.n;
	} else {
		*p++ = (char)0xf0;
		p = put_le32(p, s.n);
	}
	if (s.n)
		memcpy(p, s.p, s.n);
	p += s.n;
	/* The first byte has the highest bits and no mark; read from behind, it is the last. */
	for (size_t k = tail; k-- > 0;)
		*p++ = (char)((n >> 7 * k & 0x7f) | (k + 1 < tail ? 0x80 : 0));
	return p;
}

static char *put_length(char *p, size_t n)
{
	if (n < 1 << 6) {
		*p++ = (char)n;
	} else if (n < 1 << 14) {
		*p++ = (char)(0x40 | n >> 8);
		*p++ = (char)n;
	} else {
		*p++ = (char)0x80;
		for (int k = 3; k >= 0; k--)
			*p++ = (char)(n >> 8 * k);
	}
	return p;
}

void yt_redis_pack_hash(struct yt_buf *b, const struct yt_str *fields, size_t n)
{
	size_t bytes = LISTPACK_HEAD + 1, texts = 2 * n, from = b->n;

	for (size_t i = 0; i < texts; i++)
		bytes += element_bytes(fields[i]);
	YT_ASSERT(n > 0 && bytes <= UINT32_MAX, NULL);
	yt_buf_reserve(b, 1 + 5 + bytes + 2 + 8);
	char *p = b->p + b->n;

	*p++ = TYPE_HASH_LISTPACK;
	p = put_length(p, bytes);
	p = put_le32(p, (uint32_t)bytes);
	*p++ = (char)(texts < ELEMENTS_UNKNOWN ? texts : ELEMENTS_UNKNOWN);
	*p++ = (char)((texts < ELEMENTS_UNKNOWN ? texts : ELEMENTS_UNKNOWN) >> 8);
	for (size_t i = 0; i < texts; i++)
		p = put_element(p, fields[i]);
	*p++ = (char)LISTPACK_END;
	*p++ = VERSION;
	*p++ = 0;
	b->n = (size_t)(p - b->p);
	yt_buf_u64(b, yt_redis_crc64(yt_str(b->p + from, b->n - from)));
}
