/* What the senders of webhooks sign and encrypt with, beside the hashes of hash.h. No function fails for lack of anything but memory. */
#ifndef YT_BASE_CRYPT_H
#define YT_BASE_CRYPT_H

#include "yutang/base/arena.h"

enum yt_digest { YT_MD5, YT_SHA1 };
enum { YT_DIGEST_BYTES_MAX = 20 };

/* The digest of the parts, one behind the other. Returns its length. Signatures of old protocols alone: both are broken as hashes. */
size_t yt_digest(enum yt_digest which, const struct yt_str *parts, size_t n, unsigned char out[YT_DIGEST_BYTES_MAX]);

/* Equal, in a time that depends on the lengths alone. */
bool yt_same(struct yt_str a, struct yt_str b);

/* Base64 with its padding, in the arena. */
struct yt_str yt_base64(struct yt_arena *a, struct yt_str bytes);
/* The reverse: false where a character is none of the alphabet or the length is not a multiple of 4. The unused bits of the last character
 * are not looked at: keys of WeCom have them set. */
bool yt_unbase64(struct yt_arena *a, struct yt_str text, struct yt_str *out);

/* AES-256-CBC without padding: in.n is a multiple of 16, else false. out may not be in. */
bool yt_aes256_cbc_decrypt(const unsigned char key[32], const unsigned char iv[16], struct yt_str in, unsigned char *out);

/* `%XX` taken back; `+` too, as a blank, where the text is of a form. False where it is malformed. In the arena. */
bool yt_percent_decode(struct yt_arena *a, struct yt_str in, bool form, struct yt_str *out);

#endif
