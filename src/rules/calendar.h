/* The proleptic Gregorian calendar. Private to this room. */
#ifndef YT_RULES_CALENDAR_H
#define YT_RULES_CALENDAR_H

#include <stdint.h>

#include "yutang/rules/zone.h"

enum { YT_DAY_SECONDS = 86400 };

/* Days since 1970-01-01. A day beyond the month's end counts on into the next month. */
int64_t yt_days_of(int year, int month, int day);
void yt_civil_of(int64_t days, int *year, int *month, int *day);

/* The civil time at that second since 1970 in the zone, NULL: UTC; ms is 0. */
void yt_civil_at(const struct yt_zone *z, int64_t utc, struct yt_civil *out);

#endif
