/* Instants of the rule file: `YYYY-MM-DD` or `YYYY-MM-DD HH:MM[:SS]`, local to a shop. */
#include "rulefile.h"

#include "calendar.h"

/* As many digits as the field has, then the character behind it ('\0': the end of the text). */
static bool take_number(const char **p, const char *end, int digits, char behind, int *out)
{
	*out = 0;
	for (int i = 0; i < digits; i++, (*p)++) {
		if (*p == end || **p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (**p - '0');
	}
	if (behind && (*p == end || *(*p)++ != behind))
		return false;
	return behind || *p == end;
}

bool yt_instant_parse(struct yt_str text, struct yt_instant *out)
{
	const char *p = text.p, *end = text.p + text.n;
	int year, month, day;

	*out = (struct yt_instant){ .has_time = text.n > 10 };
	if (!take_number(&p, end, 4, '-', &out->year) || !take_number(&p, end, 2, '-', &out->month) ||
	    !take_number(&p, end, 2, out->has_time ? ' ' : '\0', &out->day))
		return false;
	if (out->has_time && !(take_number(&p, end, 2, ':', &out->hour) &&
	                       take_number(&p, end, 2, text.n > 16 ? ':' : '\0', &out->minute) &&
	                       (text.n <= 16 || take_number(&p, end, 2, '\0', &out->second))))
		return false;
	if (out->year < 2000 || out->month < 1 || out->month > 12 || out->hour > 23 || out->minute > 59 || out->second > 59)
		return false;
	yt_civil_of(yt_days_of(out->year, out->month, out->day), &year, &month, &day);
	return year == out->year && month == out->month && day == out->day;
}

int64_t yt_instant_seconds(const struct yt_instant *i, bool until)
{
	int64_t days = yt_days_of(i->year, i->month, i->day) + (until && !i->has_time);

	return days * YT_DAY_SECONDS + i->hour * 3600 + i->minute * 60 + i->second;
}

bool yt_instant_ok(struct yt_str text)
{
	struct yt_instant i;

	return !text.n || yt_instant_parse(text, &i);
}

int64_t yt_instant_local_ms(const struct yt_zone *z, struct yt_str text, bool until)
{
	struct yt_instant i;
	bool ok = yt_instant_parse(text, &i);

	YT_ASSERT(ok, NULL);
	if (!i.has_time)
		return yt_zone_day_start_ms(z, (int32_t)(yt_days_of(i.year, i.month, i.day) + until));
	return yt_zone_to_utc_ms(z, i.year, i.month, i.day, i.hour, i.minute, i.second);
}
