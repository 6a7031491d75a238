#include "yutang/io/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"
#include "yutang/base/ini.h"

enum {
	LINGER_MS = 1000,   /* after the answer, until the other side has closed */
	BACKLOG = 64,
};

struct conn {
	struct yt_http *http;
	struct conn *next, **link;
	struct bufferevent *bev;
	struct event *deadline;
	bool answered;
};

struct yt_http {
	struct event_base *base;
	struct evconnlistener *listener;
	const struct yt_http_route *routes;
	size_t n_routes;
	const char *token;
	bool guarded;
	int port, connections_max, deadline_ms;
	struct conn *conns;
	struct yt_http_stats stats;
};

bool yt_token_equal(struct yt_str given, const char *token)
{
	unsigned char a[32], b[32];

	/* Digests have one length, so that comparing tells nothing of the token's. */
	yt_sha256(given, a);
	yt_sha256(yt_str_z(token), b);
	return yt_same(yt_str((const char *)a, sizeof a), yt_str((const char *)b, sizeof b));
}

/* ---- Connections */

static void conn_free(struct conn *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->http->stats.connections--;
	event_free(c->deadline);
	bufferevent_free(c->bev);
	free(c);
}

static void conn_deadline(struct conn *c, int ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(c->deadline, &t);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *c = ctx;

	(void)fd, (void)what;
	if (!c->answered)
		c->http->stats.expired++;
	conn_free(c);
}

/* ---- Answers */

static const char *reason_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return status < 400 ? "OK" : status < 500 ? "Bad Request" : "Error";
	}
}

static void answer(struct conn *c, const struct yt_http_reply *reply)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	YT_ASSERT(reply->body.n <= YT_HTTP_BODY_BYTES_MAX, NULL);
	evbuffer_add_printf(out,
	                    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
	                    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s%s\r\n",
	                    reply->status, reason_of(reply->status), reply->type, reply->body.n,
	                    reply->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "", reply->status == 405 ? "Allow: GET\r\n" : "");
	evbuffer_add(out, reply->body.p, reply->body.n);
	c->answered = true;
}

static void answer_text(struct conn *c, int status, const char *text)
{
	struct yt_http_reply reply = { .status = status, .type = "text/plain; charset=utf-8" };

	yt_buf_init(&reply.body, NULL);
	yt_buf_printf(&reply.body, "%s\n", text);
	answer(c, &reply);
	yt_buf_deinit(&reply.body);
}

/* ---- Requests */

static struct yt_str cut(struct yt_str *s, char at)
{
	const char *p = s->n ? memchr(s->p, at, s->n) : NULL;
	struct yt_str head = p ? yt_str(s->p, (size_t)(p - s->p)) : *s;

	*s = p ? yt_str(p + 1, s->n - head.n - 1) : yt_str(s->p + s->n, 0);
	return head;
}

static struct yt_str trim(struct yt_str s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = yt_str(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

static bool is_word(struct yt_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* %XX taken back; false where malformed, or where a control character comes out. */
static bool unescape(struct yt_arena *a, struct yt_str in, struct yt_str *out)
{
	if (!yt_percent_decode(a, in, false, out))
		return false;
	for (uint32_t i = 0; i < out->n; i++)
		if ((unsigned char)out->p[i] < 0x20 || out->p[i] == 0x7f)
			return false;
	return true;
}

/* What of the header fields is looked at. */
struct fields {
	struct yt_str authorization;
	bool body;
};

static bool read_fields(struct yt_str head, struct fields *out)
{
	memset(out, 0, sizeof *out);
	while (head.n) {
		struct yt_str value = cut(&head, '\n'), name;

		if (trim(value).n == 0)
			continue;
		if (!memchr(value.p, ':', value.n))
			return false;
		name = cut(&value, ':');
		value = trim(value);
		if (name.n == 0 || name.p[name.n - 1] == ' ' || name.p[0] == ' ' || name.p[0] == '\t')
			return false;
		if (is_word(name, "Authorization"))
			out->authorization = value;
		else if (is_word(name, "Transfer-Encoding") || (is_word(name, "Content-Length") && !yt_str_eq(value, YT_S("0"))))
			out->body = true;
	}
	return true;
}

static const struct yt_http_route *route_of(const struct yt_http *h, struct yt_str path)
{
	const struct yt_http_route *best = NULL;

	for (size_t i = 0; i < h->n_routes; i++) {
		struct yt_str p = yt_str_z(h->routes[i].path);
		bool below = p.p[p.n - 1] == '/';

		if ((below ? yt_str_starts(path, p) : yt_str_eq(path, p)) && (!best || p.n > strlen(best->path)))
			best = &h->routes[i];
	}
	return best;
}

static bool token_ok(const struct yt_http *h, struct yt_str authorization)
{
	if (authorization.n < 7 || strncasecmp(authorization.p, "Bearer ", 7) != 0 || authorization.n > YT_HTTP_TOKEN_BYTES_MAX)
		return false;
	return yt_token_equal(trim(yt_str(authorization.p + 7, authorization.n - 7)), h->token);
}

static void call_route(struct conn *c, const struct yt_http_route *route, struct yt_http_request *req)
{
	struct yt_http_reply reply = { .status = 200, .type = "text/plain; charset=utf-8" };

	yt_buf_init(&reply.body, NULL);
	req->rest = yt_str(req->path.p + strlen(route->path), req->path.n - strlen(route->path));
	route->fn(route->ctx, req, &reply);
	answer(c, &reply);
	yt_buf_deinit(&reply.body);
}

static void handle(struct conn *c, struct yt_arena *a, struct yt_str head)
{
	struct yt_http_request req = { .arena = a };
	struct yt_str line = cut(&head, '\n'), method, target;
	const struct yt_http_route *route;
	struct fields fields;

	line = trim(line);
	method = cut(&line, ' ');
	target = cut(&line, ' ');
	c->http->stats.requests++;
	if (method.n == 0 || target.n == 0 || target.p[0] != '/' || !yt_str_starts(line, YT_S("HTTP/"))) {
		answer_text(c, 400, "this is no HTTP request");
		return;
	}
	if (!yt_str_starts(line, YT_S("HTTP/1."))) {
		answer_text(c, 505, "HTTP/1.1 is spoken here");
		return;
	}
	req.query = target;
	target = cut(&req.query, '?');
	if (!read_fields(head, &fields) || !unescape(a, target, &req.path))
		answer_text(c, 400, "the request is malformed");
	else if (!yt_str_eq(method, YT_S("GET")))
		answer_text(c, 405, "only GET");
	else if (fields.body)
		answer_text(c, 413, "a request has no body here");
	else if (!(route = route_of(c->http, req.path)))
		answer_text(c, 404, "there is nothing here");
	else if (!route->open && c->http->guarded && !token_ok(c->http, fields.authorization))
		answer_text(c, 401, "this needs `Authorization: Bearer TOKEN`");
	else
		call_route(c, route, &req);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct conn *c = ctx;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end;
	struct yt_arena a;
	size_t n;

	if (c->answered) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	n = end.pos >= 0 ? (size_t)end.pos + 4 : evbuffer_get_length(in);
	if (n > YT_HTTP_HEAD_BYTES_MAX) {
		c->http->stats.requests++;
		answer_text(c, 431, "the head of a request has at most 8192 bytes");
	} else if (end.pos >= 0) {
		yt_arena_init(&a, 0);
		handle(c, &a, yt_str((const char *)evbuffer_pullup(in, (ev_ssize_t)n), n));
		yt_arena_deinit(&a);
	}
	if (c->answered)
		evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct conn *c = ctx;
	bool sending = c->answered && evbuffer_get_length(bufferevent_get_output(bev)) > 0;

	/* A client may close its direction and still wait for the answer. */
	if ((what & BEV_EVENT_ERROR) || ((what & BEV_EVENT_EOF) && !sending))
		conn_free(c);
}

/* Everything is sent. Closing while bytes of the other side are unread would send a reset, which may overtake the answer: so only our
 * direction is closed, and the other side has a moment to close its own. */
static void on_sent(struct bufferevent *bev, void *ctx)
{
	struct conn *c = ctx;

	if (!c->answered)
		return;
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	bufferevent_setcb(bev, on_read, NULL, on_event, c);
	conn_deadline(c, LINGER_MS);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *ctx)
{
	struct yt_http *h = ctx;
	struct conn *c;

	(void)listener, (void)from, (void)len;
	if (h->stats.connections >= h->connections_max) {
		h->stats.refused++;
		evutil_closesocket(fd);
		return;
	}
	c = calloc(1, sizeof *c);
	YT_ASSERT(c, NULL);
	c->http = h;
	c->bev = bufferevent_socket_new(h->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->deadline = event_new(h->base, -1, 0, on_deadline, c);
	YT_ASSERT(c->bev && c->deadline, NULL);
	c->link = &h->conns;
	c->next = h->conns;
	if (c->next)
		c->next->link = &c->next;
	h->conns = c;
	h->stats.connections++;
	conn_deadline(c, h->deadline_ms);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 2 * YT_HTTP_HEAD_BYTES_MAX);
	bufferevent_setcb(c->bev, on_read, on_sent, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* ---- Life */

bool yt_listen_parse(const char *text, char host[64], int *port, bool *loopback)
{
	const char *colon = strrchr(text, ':');
	struct in6_addr v6;
	struct in_addr v4;
	size_t n;
	int64_t number;

	if (!colon || !yt_parse_int(yt_str_z(colon + 1), 0, 65535, &number))
		return false;
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return false;
	}
	if (n == 0 || n >= 64)
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	*port = (int)number;
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	if (inet_pton(AF_INET, host, &v4) == 1)
		*loopback = ntohl(v4.s_addr) >> 24 == 127;
	else if (inet_pton(AF_INET6, host, &v6) == 1)
		*loopback = IN6_IS_ADDR_LOOPBACK(&v6);
	else
		return false;
	return true;
}

static bool address_of(const char *listen, struct sockaddr_storage *out, int *len, bool *loopback)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	char host[64];
	int port;

	memset(out, 0, sizeof *out);
	if (!yt_listen_parse(listen, host, &port, loopback))
		return false;
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*len = sizeof *v4;
	} else {
		if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
			return false;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*len = sizeof *v6;
	}
	return true;
}

static int bound_port(struct evconnlistener *l)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;

	if (getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&a, &n) != 0)
		return 0;
	return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
}

struct yt_http *yt_http_new(struct event_base *base, const struct yt_http_conf *conf, const struct yt_http_route *routes, size_t n,
                            struct yt_err *err)
{
	struct sockaddr_storage address;
	struct yt_http *h;
	bool loopback;
	int len;

	if (!address_of(conf->listen, &address, &len, &loopback)) {
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "http: `%s` is not ADDRESS:PORT", conf->listen);
		return NULL;
	}
	if (!loopback && !conf->token) {
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "http: %s is reached by other machines and needs a token", conf->listen);
		return NULL;
	}
	h = calloc(1, sizeof *h);
	YT_ASSERT(h, NULL);
	h->base = base;
	h->routes = routes;
	h->n_routes = n;
	h->token = conf->token;
	h->guarded = conf->token && (!loopback || conf->always_guard);
	h->connections_max = conf->connections_max ? conf->connections_max : YT_HTTP_CONNECTIONS_MAX;
	h->deadline_ms = conf->deadline_ms ? conf->deadline_ms : YT_HTTP_DEADLINE_MS;
	h->listener = evconnlistener_new_bind(base, on_accept, h, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
	                                      (struct sockaddr *)&address, len);
	if (!h->listener) {
		/* A port that is taken may be free a moment later. */
		yt_err_set(err, YT_ERR_FATAL, errno == EADDRINUSE ? YT_EXIT_UNAVAILABLE : YT_EXIT_CONFIG, "http: cannot listen on %s: %s",
		           conf->listen, strerror(errno));
		free(h);
		return NULL;
	}
	h->port = bound_port(h->listener);
	return h;
}

void yt_http_free(struct yt_http *h)
{
	if (!h)
		return;
	evconnlistener_free(h->listener);
	while (h->conns)
		conn_free(h->conns);
	free(h);
}

int yt_http_port(const struct yt_http *h)
{
	return h->port;
}

void yt_http_stats(const struct yt_http *h, struct yt_http_stats *out)
{
	*out = h->stats;
}
