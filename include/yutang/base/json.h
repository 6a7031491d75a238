/* JSON in and out. Reading makes one pass over the raw bytes before cJSON sees them, because cJSON loses the text of
 * numbers and takes what is not JSON; DESIGN 8. Only on one thread: cJSON's hooks are global. */
#ifndef YT_BASE_JSON_H
#define YT_BASE_JSON_H

#include <cjson/cJSON.h>

#include "yutang/base/arena.h"
#include "yutang/base/buf.h"
#include "yutang/base/err.h"

enum {
	YT_JSON_DEPTH_MAX = 16,          /* EVENTS.md, Envelope */
	YT_JSON_BYTES_MAX = 256 * 1024,  /* EVENTS.md, Envelope */
};

enum yt_json_fault { YT_JSON_OK = 0, YT_JSON_NOT_JSON, YT_JSON_TOO_DEEP, YT_JSON_TOO_LARGE };

/* Parses the bytes into the arena. Refused as not_json: invalid UTF-8, doubled keys, raw control characters, \u0000,
 * lone surrogates, bytes behind the value, anything RFC 8259 does not have. Every number is kept as its exact text: see
 * yt_json_number. max_bytes / max_depth 0: the constants above. detail (may be NULL, 128 bytes): what was wrong and at
 * which byte, without content; the first fault met counts. Depth counts open objects and arrays, and is at most
 * cJSON's CJSON_NESTING_LIMIT whatever is asked for. The tree lives as long as the arena; do not cJSON_Delete it. */
enum yt_json_fault yt_json_parse(struct yt_arena *a, struct yt_str bytes, size_t max_bytes, int max_depth,
                                 const cJSON **root, char detail[128]);

/* The exact text of a number as it stood in the bytes, or an empty yt_str where the item is no number.
 * (Numbers are handed to cJSON as marked strings; cJSON_IsString must therefore not be used on parsed trees:
 * use the two below.) */
struct yt_str yt_json_number(const cJSON *item);
bool yt_json_is_text(const cJSON *item); /* a real JSON string */
struct yt_str yt_json_text(const cJSON *item);
/* An integer written with digits only (and a sign): true and the value where it fits -2^53 < x < 2^53. */
bool yt_json_int(const cJSON *item, int64_t *out);
/* Member of an object, case-sensitive; NULL where absent. */
const cJSON *yt_json_get(const cJSON *object, const char *name);

/* Writing: straight into a buffer; no tree. */
void yt_json_add_text(struct yt_buf *b, struct yt_str s); /* quoted and escaped; UTF-8 passes through, a byte
                                                            * that is none becomes U+FFFD */
/* A parsed tree, without blanks; every number as it stood. */
void yt_json_add_tree(struct yt_buf *b, const cJSON *item);

#endif
