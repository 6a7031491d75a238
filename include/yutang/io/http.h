/* A small HTTP/1.1 server for what a person, a supervisor and a collector ask: GET, one request a connection. On the libevent loop of
 * its caller. evhttp has no limit of connections, and no deadline that a slow sender cannot push along (DESIGN 8): this has both. */
#ifndef YT_IO_HTTP_H
#define YT_IO_HTTP_H

#include "yutang/base/buf.h"
#include "yutang/base/err.h"

enum {
	YT_HTTP_CONNECTIONS_MAX = 256,
	YT_HTTP_HEAD_BYTES_MAX = 8192,    /* request line and header fields; more is 431 */
	YT_HTTP_BODY_BYTES_MAX = 32 << 20, /* of an answer; a handler that writes more is a bug */
	YT_HTTP_DEADLINE_MS = 10000,      /* from accept to the last byte of the answer */
	YT_HTTP_TOKEN_BYTES_MAX = 4096,
};

struct event_base;
struct yt_http;

struct yt_http_request {
	struct yt_str path;  /* without query, %XX taken back */
	struct yt_str rest;  /* of the path, behind the route's */
	struct yt_str query; /* behind the `?`, as it came; empty */
	struct yt_arena *arena; /* of this request */
};

/* Filled by the handler; as handed in it is 200, text/plain, empty. */
struct yt_http_reply {
	int status;
	const char *type; /* Content-Type; a literal */
	struct yt_buf body;
};

struct yt_http_route {
	const char *path; /* `/metrics`, or with a `/` at its end everything below it: `/v1/` */
	bool open;        /* needs no token */
	void (*fn)(void *ctx, const struct yt_http_request *req, struct yt_http_reply *reply);
	void *ctx;
};

struct yt_http_conf {
	const char *listen;     /* ADDRESS:PORT, literal; port 0: any free one */
	const char *token;      /* NULL: none. Asked for only where the address is no loopback */
	bool always_guard;      /* asked for on loopback too; for tests */
	int connections_max;    /* 0: the constant above */
	int deadline_ms;        /* 0: the constant above */
};

struct yt_http_stats {
	uint64_t requests, refused; /* refused: over the limit of connections */
	uint64_t expired;           /* deadline passed */
	int connections;
};

/* routes and texts outlive the server. The longest path that fits wins. NULL and err (FATAL; UNAVAILABLE where the port is
 * taken, else CONFIG). */
struct yt_http *yt_http_new(struct event_base *base, const struct yt_http_conf *conf, const struct yt_http_route *routes, size_t n,
                            struct yt_err *err);
void yt_http_free(struct yt_http *h); /* closes every connection */
int yt_http_port(const struct yt_http *h);
void yt_http_stats(const struct yt_http *h, struct yt_http_stats *out);

/* ADDRESS:PORT or [ADDRESS]:PORT, literal, or localhost; host holds 64 bytes. *loopback: only this machine reaches it. False where the
 * text is none. */
bool yt_listen_parse(const char *text, char host[64], int *port, bool *loopback);

/* Same bytes? Takes a time that depends on the length of `given` alone. */
bool yt_token_equal(struct yt_str given, const char *token);

#endif
