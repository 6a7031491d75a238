#include "yutang/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A JSON line is at most three times its fields: a byte that is not UTF-8 becomes three, `= ` becomes `,"":""`. */
enum { LINE_MAX_BYTES = 4 * YT_LOG_BYTES_MAX + 512, EVENT_MAX = 64 };

struct line {
	enum yt_log_level level;
	char event[EVENT_MAX];
	char fields[YT_LOG_BYTES_MAX + 1];
};

struct out {
	size_t n;
	char p[LINE_MAX_BYTES];
};

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum yt_log_format log_format = YT_LOG_TEXT;
static enum yt_log_level log_level = YT_LOG_INFO;
static struct line last;      /* the line said last */
static unsigned long repeats; /* times it came again since */

static void put(struct out *o, const char *p, size_t n)
{
	if (n > sizeof(o->p) - o->n)
		n = sizeof(o->p) - o->n;
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void put_z(struct out *o, const char *z)
{
	put(o, z, strlen(z));
}

/* Where a cut at p would leave part of a character, the place before that character. */
static char *cut_back(const char *begin, char *p)
{
	if (((unsigned char)*p & 0xc0) == 0x80)
		while (p > begin && ((unsigned char)*p & 0xc0) == 0x80)
			p--;
	return p;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of what yt_q wrote; *p stands behind the backslash and moves on. */
static char unescape(const char **p, const char *end)
{
	char c = *(*p)++;

	switch (c) {
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case 'x':
		if (end - *p >= 2 && hex_digit((*p)[0]) >= 0 && hex_digit((*p)[1]) >= 0) {
			c = (char)(hex_digit((*p)[0]) << 4 | hex_digit((*p)[1]));
			*p += 2;
		}
		return c;
	default: return c;
	}
}

/* The inside of a JSON string. */
static void put_json(struct out *o, const char *p, const char *end, bool escaped)
{
	while (p < end) {
		unsigned n = yt_utf8_char(p, end);
		char c = *p, text[8];

		if (n > 1) {
			put(o, p, n);
			p += n;
			continue;
		}
		p++;
		if (escaped && c == '\\' && p < end)
			c = unescape(&p, end);
		if (c == '"' || c == '\\')
			put(o, (char[]){ '\\', c }, 2);
		else if ((unsigned char)c < 0x20)
			put(o, text, (size_t)snprintf(text, sizeof(text), "\\u%04x", (unsigned)(unsigned char)c));
		else if ((unsigned char)c >= 0x80)
			put_z(o, "\xef\xbf\xbd");
		else
			put(o, &c, 1);
	}
}

struct field {
	const char *key, *key_end;
	const char *value, *end;
	bool quoted, loose; /* loose: a word without `=` */
};

/* Takes the next of `key=value other="quoted value" word`; NULL at the end. */
static const char *field_next(const char *p, struct field *f)
{
	p += strspn(p, " ");
	if (!*p)
		return NULL;
	*f = (struct field){ .key = p, .key_end = p + strcspn(p, " =") };
	if (*f->key_end != '=') {
		f->loose = true;
		f->value = p;
		return f->end = f->key_end;
	}
	f->value = f->key_end + 1;
	f->quoted = *f->value == '"';
	if (!f->quoted)
		return f->end = f->value + strcspn(f->value, " ");
	for (f->end = ++f->value; *f->end && *f->end != '"'; f->end++)
		if (*f->end == '\\' && f->end[1])
			f->end++;
	return *f->end ? f->end + 1 : f->end;
}

/* Each field is a member; loose words are gathered in one member `text`, so that no key is doubled by them. */
static void put_json_fields(struct out *o, const char *fields)
{
	struct field f;
	bool loose = false;

	for (const char *p = fields; (p = field_next(p, &f));) {
		if (f.loose)
			continue;
		put_z(o, ",\"");
		put_json(o, f.key, f.key_end, false);
		put_z(o, "\":\"");
		put_json(o, f.value, f.end, f.quoted);
		put_z(o, "\"");
	}
	for (const char *p = fields; (p = field_next(p, &f));) {
		if (!f.loose)
			continue;
		put_z(o, loose ? " " : ",\"text\":\"");
		put_json(o, f.value, f.end, false);
		loose = true;
	}
	if (loose)
		put_z(o, "\"");
}

static void write_line(const struct line *l, unsigned long repeated)
{
	struct out o;
	struct timespec now;
	struct tm tm;
	char time_text[40], repeated_text[32] = "";
	ssize_t done;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(time_text + strlen(time_text), 8, ".%03dZ", (int)(now.tv_nsec / 1000000));
	if (repeated)
		snprintf(repeated_text, sizeof(repeated_text), "repeated=%lu", repeated);

	o.n = 0;
	switch (log_format) {
	case YT_LOG_TEXT:
	case YT_LOG_LOGFMT:
		if (log_format == YT_LOG_LOGFMT)
			put_z(&o, "ts=");
		put_z(&o, time_text);
		put_z(&o, log_format == YT_LOG_LOGFMT ? " level=" : " ");
		put_z(&o, level_names[l->level]);
		put_z(&o, log_format == YT_LOG_LOGFMT ? " event=" : " ");
		put_z(&o, l->event);
		if (*l->fields) {
			put_z(&o, " ");
			put_z(&o, l->fields);
		}
		if (repeated) {
			put_z(&o, " ");
			put_z(&o, repeated_text);
		}
		break;
	case YT_LOG_JSON:
		put_z(&o, "{\"ts\":\"");
		put_z(&o, time_text);
		put_z(&o, "\",\"level\":\"");
		put_z(&o, level_names[l->level]);
		put_z(&o, "\",\"event\":\"");
		put_json(&o, l->event, l->event + strlen(l->event), false);
		put_z(&o, "\"");
		put_json_fields(&o, l->fields);
		put_json_fields(&o, repeated_text);
		put_z(&o, "}");
		break;
	}
	put_z(&o, "\n");
	/* Where stderr is gone there is nobody to tell. */
	do
		done = write(STDERR_FILENO, o.p, o.n);
	while (done < 0 && errno == EINTR);
}

static void flush_locked(void)
{
	if (repeats)
		write_line(&last, repeats);
	repeats = 0;
}

void yt_log_flush(void)
{
	pthread_mutex_lock(&lock);
	flush_locked();
	pthread_mutex_unlock(&lock);
}

void yt_log_setup(enum yt_log_format format, enum yt_log_level level)
{
	static bool at_exit;

	pthread_mutex_lock(&lock);
	flush_locked();
	log_format = format;
	__atomic_store_n(&log_level, level, __ATOMIC_RELAXED);
	if (!at_exit)
		at_exit = atexit(yt_log_flush) == 0;
	pthread_mutex_unlock(&lock);
}

void yt_logf(enum yt_log_level level, const char *event, const char *fmt, ...)
{
	struct line l;
	va_list ap;
	int n, saved = errno;

	if (level < __atomic_load_n(&log_level, __ATOMIC_RELAXED))
		return;
	l.level = level;
	snprintf(l.event, sizeof(l.event), "%s", event);
	va_start(ap, fmt);
	n = vsnprintf(l.fields, sizeof(l.fields), fmt, ap);
	va_end(ap);
	if (n < 0)
		l.fields[0] = '\0';
	else if ((size_t)n >= sizeof(l.fields))
		strcpy(cut_back(l.fields, l.fields + sizeof(l.fields) - 4), "...");
	/* Whatever came from outside must not begin a line of its own. */
	for (char *p = l.fields; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';

	pthread_mutex_lock(&lock);
	if (last.event[0] && l.level == last.level && strcmp(l.event, last.event) == 0 &&
	    strcmp(l.fields, last.fields) == 0) {
		repeats++;
	} else {
		flush_locked();
		write_line(&l, 0);
		last.level = l.level;
		strcpy(last.event, l.event);
		strcpy(last.fields, l.fields);
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}

const char *yt_q(const char *text)
{
	static _Thread_local char ring[4][YT_Q_BYTES_MAX];
	static _Thread_local unsigned turn;
	char *out = ring[turn++ % 4], *p = out;
	/* Place for the longest escape, "...", the quote and the NUL. */
	const char *end = out + YT_Q_BYTES_MAX - 4 - 3 - 2;

	*p++ = '"';
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (p > end) {
			*p = (char)c;
			p = cut_back(out + 1, p);
			memcpy(p, "...", 3);
			p += 3;
			break;
		}
		if (c == '"' || c == '\\')
			*p++ = '\\', *p++ = (char)c;
		else if (c == '\n')
			*p++ = '\\', *p++ = 'n';
		else if (c == '\r')
			*p++ = '\\', *p++ = 'r';
		else if (c == '\t')
			*p++ = '\\', *p++ = 't';
		else if (c < 0x20 || c == 0x7f)
			p += sprintf(p, "\\x%02x", c);
		else
			*p++ = (char)c;
	}
	*p++ = '"';
	*p = '\0';
	return out;
}
