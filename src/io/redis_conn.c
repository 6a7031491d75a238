#include "redis_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "yutang/base/ini.h"
#include "yutang/engine/log.h"

/* hiredis before 1.0 has no TLS. Build with -DYT_HIREDIS_SSL and -lhiredis_ssl where it has. */
#if defined(YT_HIREDIS_SSL) && HIREDIS_MAJOR >= 1
#include <hiredis/hiredis_ssl.h>
#define HAS_TLS 1
#else
#define HAS_TLS 0
#endif

/* ---- URL */

static int bad_url(struct yt_err *err, const char *why)
{
	return yt_err_set(err, YT_ERR_INPUT, YT_EXIT_CONFIG, "%s", why);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Copies with %XX taken back; false where that is malformed or gives a NUL. out has room for s.n + 1. */
static bool unescape(struct yt_str s, char *out)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (i + 2 >= s.n || hex_digit(s.p[i + 1]) < 0 || hex_digit(s.p[i + 2]) < 0)
				return false;
			c = (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2]));
			i += 2;
		}
		if (!c)
			return false;
		*out++ = c;
	}
	*out = 0;
	return true;
}

static bool number(const char *z, int64_t max, int *out)
{
	int64_t v;

	if (!yt_parse_int(yt_str_z(z), 0, max, &v))
		return false;
	*out = (int)v;
	return true;
}

static int parse_unix(char *s, struct yt_redis_url *out, struct yt_err *err)
{
	char *query = strchr(s, '?');

	if (query) {
		*query++ = 0;
		if (strncmp(query, "db=", 3) != 0 || !number(query + 3, 65535, &out->db))
			return bad_url(err, "after `?` only `db=N` is known");
	}
	if (s[0] != '/')
		return bad_url(err, "unix:// takes an absolute path: unix:///run/redis/redis.sock");
	if (strlen(s) > 107) /* sizeof sun_path - 1 */
		return bad_url(err, "the path of a socket has at most 107 bytes");
	out->unix_socket = true;
	strcpy(out->host, s);
	return 0;
}

static int parse_host(char *s, struct yt_redis_url *out, struct yt_err *err)
{
	char *end;

	out->port = 6379;
	if (*s == '[') {
		end = strchr(s++, ']');
		if (!end)
			return bad_url(err, "`[` of an IPv6 address without `]`");
		*end++ = 0;
	} else {
		end = s + strcspn(s, ":");
	}
	if (*end == ':') {
		*end++ = 0;
		if (!number(end, 65535, &out->port) || out->port == 0)
			return bad_url(err, "the port is a number from 1 to 65535");
	} else if (*end) {
		return bad_url(err, "behind `]` there is only `:PORT`");
	}
	if (!*s)
		return bad_url(err, "the host is missing");
	strcpy(out->host, s);
	return 0;
}

static int parse_user(char *s, struct yt_redis_url *out, struct yt_err *err)
{
	char *password = strchr(s, ':');

	if (password)
		*password++ = 0;
	if (!unescape(yt_str_z(s), out->user) || (password && !unescape(yt_str_z(password), out->password)))
		return bad_url(err, "`%` in user or password is not followed by two hex digits");
	return 0;
}

int yt_redis_url_parse(const char *url, struct yt_redis_url *out, struct yt_err *err)
{
	char copy[YT_REDIS_URL_BYTES_MAX], *s = copy, *at, *slash;

	memset(out, 0, sizeof *out);
	if (strlen(url) >= sizeof copy)
		return bad_url(err, "a URL has fewer than 512 bytes");
	strcpy(copy, url);
	if (strncmp(s, "unix://", 7) == 0)
		return parse_unix(s + 7, out, err);
	if (strncmp(s, "rediss://", 9) == 0) {
		if (!HAS_TLS)
			return bad_url(err, "rediss:// needs a hiredis with TLS, and the one that this was built with has none: "
			                    "use redis://, unix://, or a local TLS proxy such as stunnel");
		out->tls = true;
		s += 9;
	} else if (strncmp(s, "redis://", 8) == 0) {
		s += 8;
	} else {
		return bad_url(err, "a URL begins with redis:// or unix://");
	}
	/* The last `@`: a password may have one unescaped. */
	slash = strrchr(s, '@');
	at = slash;
	slash = strchr(at ? at : s, '/');
	if (slash) {
		*slash++ = 0;
		if (*slash && !number(slash, 65535, &out->db))
			return bad_url(err, "behind the host there is only `/DB`, a number");
	}
	if (at) {
		*at = 0;
		if (parse_user(s, out, err) != 0)
			return -1;
		s = at + 1;
	}
	return parse_host(s, out, err);
}

void yt_redis_url_show(const struct yt_redis_url *u, char *out, size_t cap)
{
	if (u->unix_socket)
		snprintf(out, cap, "unix://%s?db=%d", u->host, u->db);
	else
		snprintf(out, cap, strchr(u->host, ':') ? "%s://[%s]:%d/%d" : "%s://%s:%d/%d", u->tls ? "rediss" : "redis", u->host,
		         u->port, u->db);
}

/* ---- Keys and RESP */

bool yt_redis_split_key(const char *prefix, struct yt_str key, int *shard, struct yt_str *suffix)
{
	size_t n = strlen(prefix);
	const char *open = key.p + n + 2, *end = key.p + key.n, *close;
	int64_t number;

	if (key.n < n + 5 || memcmp(key.p, prefix, n) != 0 || key.p[n] != ':' || key.p[n + 1] != '{')
		return false;
	close = memchr(open, '}', (size_t)(end - open));
	if (!close || close + 1 >= end || close[1] != ':' ||
	    !yt_parse_int(yt_str(open, (size_t)(close - open)), 0, YT_PARTITIONS_MAX - 1, &number))
		return false;
	*shard = (int)number;
	*suffix = yt_str(close + 2, (size_t)(end - close - 2));
	return true;
}


void yt_resp_array(struct yt_buf *b, size_t n)
{
	yt_buf_c(b, '*');
	yt_buf_i64(b, (int64_t)n);
	yt_buf_add(b, "\r\n", 2);
}

void yt_resp_bulk(struct yt_buf *b, struct yt_str s)
{
	yt_buf_c(b, '$');
	yt_buf_i64(b, s.n);
	yt_buf_add(b, "\r\n", 2);
	yt_buf_str_add(b, s);
	yt_buf_add(b, "\r\n", 2);
}

void yt_resp_u64(struct yt_buf *b, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	yt_resp_bulk(b, yt_str_z(text));
}

/* ---- Calls */

static int lost(struct yt_redis_link *l, struct yt_err *err)
{
	const char *why = l->c->errstr[0] ? l->c->errstr : "connection lost";

	/* hiredis reports an expired timeout as EAGAIN. */
	if (l->c->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK))
		why = "no answer in time";
	return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s", why);
}

int yt_redis_send(struct yt_redis_link *l, struct yt_str resp, struct yt_err *err)
{
	if (redisAppendFormattedCommand(l->c, resp.p, resp.n) != REDIS_OK)
		return lost(l, err);
	return 0;
}

redisReply *yt_redis_reply(struct yt_redis_link *l, struct yt_err *err)
{
	void *reply = NULL;

	if (redisGetReply(l->c, &reply) != REDIS_OK || !reply) {
		lost(l, err);
		return NULL;
	}
	return reply;
}

const struct yt_str *yt_redis_texts(struct yt_str out[16], const char *const *texts, size_t n)
{
	YT_ASSERT(n <= 16, NULL);
	for (size_t i = 0; i < n; i++)
		out[i] = yt_str_z(texts[i]);
	return out;
}

redisReply *yt_redis_command(struct yt_redis_link *l, struct yt_err *err, size_t n, const struct yt_str *args)
{
	struct yt_buf b;
	redisReply *r = NULL;

	yt_buf_init(&b, NULL);
	yt_resp_array(&b, n);
	for (size_t i = 0; i < n; i++)
		yt_resp_bulk(&b, args[i]);
	if (yt_redis_send(l, yt_buf_str(&b), err) == 0)
		r = yt_redis_reply(l, err);
	yt_buf_deinit(&b);
	if (r && r->type == REDIS_REPLY_ERROR) {
		yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%.*s: %.300s", YT_FMT(args[0]), r->str);
		freeReplyObject(r);
		r = NULL;
	}
	return r;
}

int yt_redis_load_library(struct yt_redis_link *l, struct yt_err *err)
{
	redisReply *r = YT_REDIS_COMMAND(l, err, "FUNCTION", "LOAD", "REPLACE", yt_redis_library_text);

	if (!r)
		return -1;
	freeReplyObject(r);
	return 0;
}

/* ---- Connecting */

static struct timeval ms(int n)
{
	return (struct timeval){ .tv_sec = n / 1000, .tv_usec = n % 1000 * 1000 };
}

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Answers that trying again does not mend, unless somebody changes the server. */
static int refusal(struct yt_err *err)
{
	static const char *const refused[] = { "AUTH: ", "SELECT: " };
	const char *text;

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		if (!starts(err->msg, refused[i]))
			continue;
		text = err->msg + strlen(refused[i]);
		if (!starts(text, "LOADING"))
			err->class = YT_ERR_FATAL;
	}
	if (strstr(err->msg, ": NOAUTH") || strstr(err->msg, ": NOPERM")) {
		err->class = YT_ERR_FATAL;
	}
	err->exit = err->class == YT_ERR_FATAL ? YT_EXIT_CONFIG : YT_EXIT_UNAVAILABLE;
	return -1;
}

static int read_password(const char *file, char out[YT_REDIS_SECRET_BYTES_MAX], struct yt_err *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "password file %s: %s", file, strerror(errno));
	n = read(fd, out, YT_REDIS_SECRET_BYTES_MAX - 1);
	close(fd);
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
		n--;
	if (n <= 0)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "password file %s is empty or cannot be read", file);
	out[n] = 0;
	return 0;
}

static int simple(struct yt_redis_link *l, struct yt_err *err, redisReply *r)
{
	(void)l;
	if (!r)
		return refusal(err);
	freeReplyObject(r);
	return 0;
}

static int authenticate(struct yt_redis_link *l, const struct yt_redis_conf *conf, const struct yt_redis_url *url, struct yt_err *err)
{
	char secret[YT_REDIS_SECRET_BYTES_MAX];
	const char *password = url->password;
	int rc;

	if (conf->password_file && *conf->password_file) {
		if (read_password(conf->password_file, secret, err) != 0)
			return -1;
		password = secret;
	}
	if (!*password)
		return 0;
	rc = simple(l, err, *url->user ? YT_REDIS_COMMAND(l, err, "AUTH", url->user, password)
	                               : YT_REDIS_COMMAND(l, err, "AUTH", password));
	explicit_bzero(secret, sizeof secret);
	return rc;
}

/* The value of `name:` in an answer of INFO; false where it is not there. */
static bool info_field(const redisReply *r, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name), len;

	if (r->type != REDIS_REPLY_STRING)
		return false;
	for (const char *line = r->str; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		len = strcspn(line, "\r\n");
		snprintf(out, cap, "%.*s", (int)len, line);
		return true;
	}
	return false;
}

/* Who answers? INFO may be forbidden: then every connection counts as another process. */
static int check_server(struct yt_redis_link *l, struct yt_err *err)
{
	char version[32] = "";
	redisReply *r = YT_REDIS_COMMAND(l, err, "PING");

	if (simple(l, err, r) != 0)
		return -1;
	l->run_id[0] = 0;
	r = YT_REDIS_COMMAND(l, err, "INFO", "server");
	if (!r)
		return l->c->err ? -1 : 0;
	info_field(r, "run_id", l->run_id, sizeof l->run_id);
	if (info_field(r, "redis_version", version, sizeof version) && atoi(version) < 7) {
		freeReplyObject(r);
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "Redis %s has no functions: 7.0 or later is needed", version);
	}
	freeReplyObject(r);
	return 0;
}

static int check_policy(struct yt_redis_link *l, struct yt_err *err)
{
	char policy[64] = "";
	redisReply *r = YT_REDIS_COMMAND(l, err, "CONFIG", "GET", "maxmemory-policy");

	if (r && r->type == REDIS_REPLY_ARRAY && r->elements == 2)
		snprintf(policy, sizeof policy, "%.*s", YT_FMT(yt_redis_str(r->element[1])));
	if (r)
		freeReplyObject(r);
	else if (l->c->err)
		return -1;
	if (!*policy) {
		/* CONFIG is often forbidden or renamed. */
		r = YT_REDIS_COMMAND(l, err, "INFO", "memory");
		if (!r && l->c->err)
			return -1;
		if (r) {
			info_field(r, "maxmemory_policy", policy, sizeof policy);
			freeReplyObject(r);
		}
	}
	if (!*policy)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG,
		                  "maxmemory-policy cannot be read: allow the user `+config|get` or `+info`");
	if (strcmp(policy, "noeviction") != 0)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG,
		                  "maxmemory-policy is %s, so Redis may drop keys of the view: set it to noeviction", policy);
	return 0;
}

#if HAS_TLS
static int start_tls(struct yt_redis_link *l, const struct yt_redis_url *url, struct yt_err *err)
{
	static redisSSLContext *shared; /* one for the process; never freed */
	redisSSLContextError why = REDIS_SSL_CTX_NONE;

	if (!shared) {
		redisInitOpenSSL();
		shared = redisCreateSSLContext(NULL, "/etc/ssl/certs", NULL, NULL, url->host, &why);
		if (!shared)
			return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "TLS: %s", redisSSLContextGetError(why));
	}
	if (redisInitiateSSLWithContext(l->c, shared) != REDIS_OK)
		return lost(l, err);
	return 0;
}
#else
static int start_tls(struct yt_redis_link *l, const struct yt_redis_url *url, struct yt_err *err)
{
	(void)l, (void)url, (void)err;
	return 0;
}
#endif

static int open_socket(struct yt_redis_link *l, const struct yt_redis_url *url, struct yt_err *err)
{
	l->c = url->unix_socket ? redisConnectUnixWithTimeout(url->host, ms(YT_REDIS_CONNECT_MS))
	                        : redisConnectWithTimeout(url->host, url->port, ms(YT_REDIS_CONNECT_MS));
	if (!l->c)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "out of memory");
	if (l->c->err)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s", l->c->errstr);
	fcntl(l->c->fd, F_SETFD, FD_CLOEXEC);
	if (redisSetTimeout(l->c, ms(YT_REDIS_COMMAND_MS)) != REDIS_OK)
		return lost(l, err);
	if (!url->unix_socket)
		redisEnableKeepAlive(l->c);
	return 0;
}

int yt_redis_connect(struct yt_redis_link *l, const struct yt_redis_conf *conf, const struct yt_redis_url *url, _Atomic int *fd,
                     struct yt_err *err)
{
	char db[16];
	int rc = open_socket(l, url, err);

	if (rc == 0 && fd)
		*fd = l->c->fd;
	if (rc == 0 && url->tls)
		rc = start_tls(l, url, err);
	if (rc == 0)
		rc = authenticate(l, conf, url, err);
	snprintf(db, sizeof db, "%d", url->db);
	if (rc == 0 && url->db != 0)
		rc = simple(l, err, YT_REDIS_COMMAND(l, err, "SELECT", db));
	if (rc == 0)
		rc = check_server(l, err);
	if (rc == 0)
		rc = check_policy(l, err);
	if (rc != 0) {
		if (fd)
			*fd = -1;
		yt_redis_disconnect(l);
	}
	return rc;
}

void yt_redis_disconnect(struct yt_redis_link *l)
{
	if (l->c)
		redisFree(l->c);
	l->c = NULL;
}
