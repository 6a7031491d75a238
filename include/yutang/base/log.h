/* One line a fact: `time level event key=value ...` to stderr, UTC. Text, logfmt or JSON, after [logging] format; text from
 * `info` up until yt_log_setup is called.
 * A line equal to the one before is counted and said once as `repeated=N`. No personal data above debug. Any thread. */
#ifndef YT_BASE_LOG_H
#define YT_BASE_LOG_H

#include "yutang/base/str.h"

enum yt_log_level { YT_LOG_DEBUG, YT_LOG_INFO, YT_LOG_WARN, YT_LOG_ERROR };
enum yt_log_format { YT_LOG_TEXT, YT_LOG_LOGFMT, YT_LOG_JSON };

void yt_log_setup(enum yt_log_format format, enum yt_log_level level);

/* Says the repetitions that no other line has said yet. Called at exit too; call it from time to time, else a fault
 * that lasts shows a single line. */
void yt_log_flush(void);

/* event: a stable snake_case name. fmt: the fields as `key=%d other=%s`, one blank between. A value that may be empty or
 * have blanks or quotes in it goes through yt_q(). Control characters that come any other way are shown as `?`, bytes
 * that are not UTF-8 as U+FFFD in JSON; a line is cut after YT_LOG_BYTES_MAX bytes of fields.
 * JSON: `{"ts":..,"level":..,"event":..,KEY:VALUE..}`; every value is a text, so that an id of digits is no number. */
enum { YT_LOG_BYTES_MAX = 3072 };
void yt_logf(enum yt_log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define yt_debug(...) yt_logf(YT_LOG_DEBUG, __VA_ARGS__)
#define yt_info(...) yt_logf(YT_LOG_INFO, __VA_ARGS__)
#define yt_warn(...) yt_logf(YT_LOG_WARN, __VA_ARGS__)
#define yt_error(...) yt_logf(YT_LOG_ERROR, __VA_ARGS__)

/* The text in double quotes with quotes, backslashes and control characters escaped; valid until the fourth next call in
 * this thread. Cut to YT_Q_BYTES_MAX. NULL gives `""`. */
enum { YT_Q_BYTES_MAX = 1024 };
const char *yt_q(const char *text);

#endif
