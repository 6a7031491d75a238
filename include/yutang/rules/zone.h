/* A time zone, from the bytes of a TZif file (RFC 8536). Loaded once into the rule set; pure afterwards. */
#ifndef YT_RULES_ZONE_H
#define YT_RULES_ZONE_H

#include "yutang/base/arena.h"
#include "yutang/base/err.h"

struct yt_zone;

/* NULL where the bytes are no TZif file. Instants behind the table follow its POSIX TZ footer. */
struct yt_zone *yt_zone_parse(struct yt_arena *a, struct yt_str name, struct yt_str tzif);
/* One offset for ever: UTC, `+05:30`. */
struct yt_zone *yt_zone_fixed(struct yt_arena *a, struct yt_str name, int32_t offset_seconds);
/* `UTC`, `+05:30`, `-09:30`, `02:00`; NULL where the text is none of these and must be looked up. */
struct yt_zone *yt_zone_literal(struct yt_arena *a, struct yt_str text);
/* Letters, digits and `_+-/`, relative: what may be handed to a yt_zone_loader. */
bool yt_zone_name_ok(struct yt_str name);

/* Hands over the bytes of the system's zone file of that name (`Asia/Shanghai`), in the arena; false where there is none. */
typedef bool (*yt_zone_loader)(void *ctx, struct yt_arena *a, const char *name, struct yt_str *tzif);
/* What it is likely to have meant; NULL where nothing is near. */
const char *yt_zone_nearest(struct yt_str name);

/* Where an expression finds the zones that it names. */
struct yt_zones {
	const struct yt_zone *(*find)(void *ctx, struct yt_str name); /* NULL: there is none of that name; it lives as long as the expression */
	void *ctx;
};

struct yt_str yt_zone_name(const struct yt_zone *z);
/* Offset from UTC in ms at that instant. */
int64_t yt_zone_offset_ms(const struct yt_zone *z, int64_t utc_ms);
/* Local civil time -> UTC ms. In a gap the instant after it, in a fold the earlier. */
int64_t yt_zone_to_utc_ms(const struct yt_zone *z, int year, int month, int day, int hour, int minute, int second);

struct yt_civil {
	int year, month, day; /* 1-based month and day */
	int hour, minute, second, ms;
};
void yt_zone_civil(const struct yt_zone *z, int64_t utc_ms, struct yt_civil *out);
/* Days since 1970-01-01 of the local day, and back: the first instant of that local day. */
int32_t yt_zone_day(const struct yt_zone *z, int64_t utc_ms);
int64_t yt_zone_day_start_ms(const struct yt_zone *z, int32_t day);
/* `YYYY-MM-DD` of a day number; out holds 11 bytes. */
void yt_day_format(int32_t day, char out[11]);

#endif
