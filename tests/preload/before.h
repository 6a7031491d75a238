/* Stands before libcrypto's EVP_DigestUpdate and libcjson's cJSON_ParseWithLength, which the daemon calls while it decides an event and while it
 * decodes one that it has not read by itself: look() is the includer's, and sees the bytes first. */
#include <cjson/cJSON.h>
#include <dlfcn.h>
#include <openssl/evp.h>

static void look(const void *p, size_t n);

int EVP_DigestUpdate(EVP_MD_CTX *c, const void *p, size_t n)
{
	static int (*real)(EVP_MD_CTX *, const void *, size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "EVP_DigestUpdate");
	look(p, n);
	return real(c, p, n);
}

cJSON *cJSON_ParseWithLength(const char *p, size_t n)
{
	static cJSON *(*real)(const char *, size_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "cJSON_ParseWithLength");
	look(p, n);
	return real(p, n);
}
