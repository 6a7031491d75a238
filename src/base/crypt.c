#include "yutang/base/crypt.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "yutang/base/err.h"

size_t yt_digest(enum yt_digest which, const struct yt_str *parts, size_t n, unsigned char out[YT_DIGEST_BYTES_MAX])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned int len = 0;

	YT_ASSERT(c && EVP_DigestInit_ex(c, which == YT_MD5 ? EVP_md5() : EVP_sha1(), NULL), NULL);
	for (size_t i = 0; i < n; i++)
		YT_ASSERT(EVP_DigestUpdate(c, parts[i].p, parts[i].n), NULL);
	YT_ASSERT(EVP_DigestFinal_ex(c, out, &len) && len <= YT_DIGEST_BYTES_MAX, NULL);
	EVP_MD_CTX_free(c);
	return len;
}

bool yt_same(struct yt_str a, struct yt_str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct yt_str yt_base64(struct yt_arena *a, struct yt_str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t n = ((size_t)bytes.n + 2) / 3 * 4, left = bytes.n;
	char *out = yt_arena_alloc(a, n + 1), *at = out;

	for (; left > 0; p += 3, left -= left < 3 ? left : 3) {
		uint32_t w = (uint32_t)p[0] << 16 | (left > 1 ? (uint32_t)p[1] << 8 : 0) | (left > 2 ? p[2] : 0);

		*at++ = alphabet[w >> 18];
		*at++ = alphabet[w >> 12 & 63];
		*at++ = left > 1 ? alphabet[w >> 6 & 63] : '=';
		*at++ = left > 2 ? alphabet[w & 63] : '=';
	}
	*at = '\0';
	return yt_str(out, n);
}

bool yt_unbase64(struct yt_arena *a, struct yt_str text, struct yt_str *out)
{
	unsigned char *bytes = yt_arena_alloc(a, (size_t)text.n / 4 * 3 + 1);
	uint32_t n = text.n, word = 0;
	size_t k = 0;

	if (n % 4 != 0)
		return false;
	for (int i = 0; i < 2 && n > 0 && text.p[n - 1] == '='; i++)
		n--;
	for (uint32_t i = 0; i < n; i++) {
		const char *c = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;

		if (!c)
			return false;
		word = word << 6 | (uint32_t)(c - alphabet);
		if (i % 4 != 0)
			bytes[k++] = (unsigned char)(word >> (6 - 2 * (i % 4)));
	}
	*out = yt_str((const char *)bytes, k);
	return true;
}

bool yt_aes256_cbc_decrypt(const unsigned char key[32], const unsigned char iv[16], struct yt_str in, unsigned char *out)
{
	EVP_CIPHER_CTX *c;
	int n = 0;

	if (in.n % 16 != 0 || in.n > INT32_MAX)
		return false;
	c = EVP_CIPHER_CTX_new();
	YT_ASSERT(c && EVP_DecryptInit_ex(c, EVP_aes_256_cbc(), NULL, key, iv) && EVP_CIPHER_CTX_set_padding(c, 0), NULL);
	YT_ASSERT(EVP_DecryptUpdate(c, out, &n, (const unsigned char *)in.p, (int)in.n) && n == (int)in.n, NULL);
	EVP_CIPHER_CTX_free(c);
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool yt_percent_decode(struct yt_arena *a, struct yt_str in, bool form, struct yt_str *out)
{
	char *p = yt_arena_alloc(a, (size_t)in.n + 1);
	size_t n = 0;

	for (uint32_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '%') {
			if (i + 2 >= in.n || hex(in.p[i + 1]) < 0 || hex(in.p[i + 2]) < 0)
				return false;
			c = (char)(hex(in.p[i + 1]) * 16 + hex(in.p[i + 2]));
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		p[n++] = c;
	}
	p[n] = '\0';
	*out = yt_str(p, n);
	return true;
}
