/* Hashes: the partitioner's, the ids', the codes', and one for tables in memory. */
#ifndef YT_BASE_HASH_H
#define YT_BASE_HASH_H

#include "yutang/base/str.h"

/* murmur2 as Kafka's Java client computes it (org.apache.kafka.common.utils.Utils.murmur2), and the partition it gives:
 * (murmur2 & 0x7fffffff) % partitions. */
uint32_t yt_murmur2(struct yt_str key);
int yt_partition(struct yt_str key, int partitions);

/* 64 bits for tables in memory and for fingerprints in state: FNV-1a, then
 * the final mix of MurmurHash3. Stable for ever (it is in the state format). */
uint64_t yt_hash64(struct yt_str s);

/* SHA-256 through one cached OpenSSL context a thread. */
void yt_sha256(struct yt_str s, unsigned char out[32]);
void yt_hmac_sha256(const unsigned char *key, size_t key_len, struct yt_str s, unsigned char out[32]);

/* n bytes as 2n lower-case hex digits and a NUL. */
void yt_hex(const unsigned char *in, size_t n, char *out);
/* n bytes from 2n such digits. */
void yt_unhex(const char *hex, unsigned char *out, size_t n);

/* The first 60 bits of `in` as 12 characters of Crockford's base32 and a NUL. */
void yt_crockford60(const unsigned char in[8], char out[13]);
/* Upper-case, o -> 0, i and l -> 1; false where a character is not of the alphabet or the length is not 12 (`out` is then
 * not to be used). */
bool yt_crockford_fold(struct yt_str code, char out[13]);

#endif
