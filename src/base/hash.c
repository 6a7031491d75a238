#include "yutang/base/hash.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>

#include "yutang/base/err.h"

uint32_t yt_murmur2(struct yt_str key)
{
	const uint32_t m = 0x5bd1e995;
	const unsigned char *p = (const unsigned char *)key.p;
	uint32_t n = key.n, h = 0x9747b28c ^ n;

	for (; n >= 4; n -= 4, p += 4) {
		uint32_t k = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

		k *= m;
		k ^= k >> 24;
		h = h * m ^ k * m;
	}
	switch (n) {
	case 3: h ^= (uint32_t)p[2] << 16; /* fall through */
	case 2: h ^= (uint32_t)p[1] << 8;  /* fall through */
	case 1: h = (h ^ p[0]) * m;
	}
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

int yt_partition(struct yt_str key, int partitions)
{
	YT_ASSERT(partitions > 0, NULL);
	return (int)((yt_murmur2(key) & 0x7fffffff) % (uint32_t)partitions);
}

uint64_t yt_hash64(struct yt_str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (uint32_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

/* A fresh look-up of the algorithm costs several times the hash itself; an initialised context is only set back. */
struct contexts {
	EVP_MD_CTX *sha256;
	EVP_MAC_CTX *hmac;
};

static _Thread_local struct contexts contexts;
static pthread_key_t contexts_key;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;

static void contexts_free(void *p)
{
	struct contexts *c = p;

	EVP_MD_CTX_free(c->sha256);
	EVP_MAC_CTX_free(c->hmac);
}

static void contexts_key_new(void)
{
	YT_ASSERT(pthread_key_create(&contexts_key, contexts_free) == 0, NULL);
}

static void contexts_new(void)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	pthread_once(&contexts_once, contexts_key_new);
	contexts.sha256 = EVP_MD_CTX_new();
	contexts.hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
	YT_ASSERT(md && contexts.sha256 && EVP_DigestInit_ex2(contexts.sha256, md, NULL), NULL);
	YT_ASSERT(contexts.hmac && EVP_MAC_CTX_set_params(contexts.hmac, params), NULL);
	EVP_MD_free(md);
	EVP_MAC_free(mac);
	pthread_setspecific(contexts_key, &contexts);
}

void yt_sha256(struct yt_str s, unsigned char out[32])
{
	EVP_MD_CTX *c;

	if (!contexts.sha256)
		contexts_new();
	c = contexts.sha256;
	YT_ASSERT(EVP_DigestInit_ex2(c, NULL, NULL) && EVP_DigestUpdate(c, s.p, s.n) && EVP_DigestFinal_ex(c, out, NULL),
	          NULL);
}

void yt_hmac_sha256(const unsigned char *key, size_t key_len, struct yt_str s, unsigned char out[32])
{
	EVP_MAC_CTX *c;
	size_t n = 0;

	if (!contexts.sha256)
		contexts_new();
	c = contexts.hmac;
	YT_ASSERT(EVP_MAC_init(c, key, key_len, NULL) && EVP_MAC_update(c, (const unsigned char *)s.p, s.n) &&
	                  EVP_MAC_final(c, out, &n, 32) && n == 32,
	          NULL);
}

void yt_hex(const unsigned char *in, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		*out++ = "0123456789abcdef"[in[i] >> 4];
		*out++ = "0123456789abcdef"[in[i] & 15];
	}
	*out = '\0';
}

void yt_unhex(const char *hex, unsigned char *out, size_t n)
{
	for (size_t k = 0; k < 2 * n; k++) {
		unsigned digit = (unsigned)(hex[k] <= '9' ? hex[k] - '0' : hex[k] - 'a' + 10);

		out[k / 2] = (unsigned char)(k & 1 ? out[k / 2] | digit : digit << 4);
	}
}

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void yt_crockford60(const unsigned char in[8], char out[13])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | in[i];
	for (int i = 0; i < 12; i++)
		out[i] = crockford[v >> (59 - 5 * i) & 31];
	out[12] = '\0';
}

bool yt_crockford_fold(struct yt_str code, char out[13])
{
	if (code.n != 12)
		return false;
	for (int i = 0; i < 12; i++) {
		char c = code.p[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (c == 'O')
			c = '0';
		else if (c == 'I' || c == 'L')
			c = '1';
		if (!c || !strchr(crockford, c))
			return false;
		out[i] = c;
	}
	out[12] = '\0';
	return true;
}
