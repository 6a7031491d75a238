/* HTTP/1.1 on libevent's evhttp, in the loop of its caller. For what a person, a supervisor and a collector ask: GET, one request a connection. With
 * `body_max` for what other machines send: any method of RFC 9110 but CONNECT, bodies, connections that are kept, and answers that come later.
 * evhttp has no limit of connections, no deadline that a slow sender cannot push along (DESIGN 8) and no bound on what all requests together hold:
 * these stand around it, and so does a strict look at each head before evhttp sees it. A wrong token and an unknown path are answered when the whole
 * request is here. A request in chunks is the last one of its connection. The process must ignore SIGPIPE. */
#ifndef YT_IO_HTTP_H
#define YT_IO_HTTP_H

#include "yutang/base/buf.h"
#include "yutang/base/err.h"
#include "yutang/event/event.h"

enum {
	YT_HTTP_CONNECTIONS_MAX = 256,
	YT_HTTP_HEAD_BYTES_MAX = 8192,    /* request line and header fields; more is 431 */
	YT_HTTP_BODY_BYTES_MAX = 32 << 20, /* of an answer; a handler that writes more is a bug */
	YT_HTTP_DEADLINE_MS = 10000,      /* from accept to the last byte of the answer */
	YT_HTTP_IDLE_MS = 60000,          /* of a kept connection, between an answer and the first byte of the next request */
	YT_HTTP_FIELDS_MAX = 64,          /* header fields of a request; more is 431 */
	YT_HTTP_CHUNKS_BYTES_MAX = 64 << 10, /* what head and body may have more than their limits where a body comes in chunks, for the sizes of these */
	YT_HTTP_PIECE_BYTES = 1024, /* libevent keeps what comes of a body in pieces, of this size at least: so much of held_max each of them takes */
	YT_HTTP_TOKEN_BYTES_MAX = 4096,
};

struct event_base;
struct yt_http;
struct yt_http_call;

/* Everything in it is there during the call of the handler alone. */
struct yt_http_request {
	struct yt_str method;
	struct yt_str path;  /* without query, %XX taken back */
	struct yt_str rest;  /* of the path, behind the route's */
	struct yt_str query; /* behind the `?`, as it came; empty */
	const struct yt_header *headers;
	size_t n_headers;
	struct yt_str body;
	struct yt_arena *arena; /* of this request */
	struct yt_http_call *call; /* for yt_http_answer, where the reply says `later`; NULL without `body_max` */
};

/* Filled by the handler; as handed in it is 200, text/plain, empty. */
struct yt_http_reply {
	int status;
	const char *type; /* Content-Type; a literal */
	struct yt_buf body;
	int retry_after_s; /* 0: not said */
	bool later;        /* nothing is answered now: the handler keeps the request's call */
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
	size_t body_max;        /* bytes of a request's body; 0: there is none, and only GET */
	size_t held_max;        /* with body_max: bytes of all requests that are being read; above, 503 to who holds most */
	bool signed_alone;      /* needs no token whoever reaches it: each request proves itself */
	int fd;                 /* a socket that listens already, in place of `listen`; 0: none. Taken */
	bool closed;            /* until yt_http_open: who connects waits in the kernel */
};

struct yt_http_stats {
	uint64_t requests, refused; /* refused: over the limit of connections; the oldest one that waits for nothing goes, or else the newest */
	uint64_t expired;           /* deadline passed */
	uint64_t crowded;           /* 503 for held_max */
	int connections;
	size_t held;                /* bytes of requests that are being read */
};

/* routes and texts outlive the server. The longest path that fits wins. NULL and err (FATAL; UNAVAILABLE where the port is
 * taken, else CONFIG). */
struct yt_http *yt_http_new(struct event_base *base, const struct yt_http_conf *conf, const struct yt_http_route *routes, size_t n,
                            struct yt_err *err);
void yt_http_free(struct yt_http *h); /* closes every connection */
int yt_http_port(const struct yt_http *h);
/* The answer to a request that was to be answered later. Frees the call; the other side may have gone meanwhile. Within the handler nothing of the
 * request is there any more behind it. */
void yt_http_answer(struct yt_http_call *call, const struct yt_http_reply *reply);
void yt_http_open(struct yt_http *h);
/* Takes no further connections. What is open goes on, each until the next answer, which says that it is the last one; who sends nothing for a while is
 * closed. */
void yt_http_close(struct yt_http *h);
void yt_http_stats(const struct yt_http *h, struct yt_http_stats *out);

/* ADDRESS:PORT or [ADDRESS]:PORT, literal, or localhost; host holds 64 bytes. *loopback: only this machine reaches it. False where the
 * text is none. */
bool yt_listen_parse(const char *text, char host[64], int *port, bool *loopback);

/* Same bytes? Takes a time that depends on the length of `given` alone. */
bool yt_token_equal(struct yt_str given, const char *token);

#endif
