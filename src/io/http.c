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
	LEAVE_MS = 2000,    /* a kept connection of a server that closes: who is about to send should not meet an end */
	BACKLOG = 512, /* the kernel keeps these while nobody accepts */
};

struct conn {
	struct yt_http *http;
	struct conn *next, **link;
	struct bufferevent *bev;
	struct event *deadline;
	struct yt_http_call *call; /* the answer comes later; no more than one read is taken meanwhile */
	size_t held;               /* bytes of its request that are here */
	size_t chunks_n, chunks_body; /* chunks that were looked at: bytes behind the head, and of the body in them */
	bool began;                /* a request is being read: its deadline runs */
	bool continued;            /* `100 Continue` was said */
	bool last;                 /* the request at hand is the last one of this connection */
	bool answered;             /* with the last answer: it closes when that is sent */
};

struct yt_http_call {
	struct conn *conn; /* NULL: it has gone */
};

struct yt_http {
	struct event_base *base;
	struct evconnlistener *listener; /* NULL: closed */
	const struct yt_http_route *routes;
	size_t n_routes;
	const char *token;
	bool guarded;
	int port, connections_max, deadline_ms;
	size_t body_max, held_max;
	struct yt_arena arena; /* of the request that is handled */
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

static void conn_held(struct conn *c)
{
	size_t now = evbuffer_get_length(bufferevent_get_input(c->bev));

	c->http->stats.held += now - c->held;
	c->held = now;
}

static void conn_free(struct conn *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->http->stats.connections--;
	c->http->stats.held -= c->held;
	if (c->call)
		c->call->conn = NULL;
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
	if (!c->answered && c->began)
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
	case 415: return "Unsupported Media Type";
	case 431: return "Request Header Fields Too Large";
	case 501: return "Not Implemented";
	case 500: return "Internal Server Error";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return status < 400 ? "OK" : status < 500 ? "Bad Request" : "Error";
	}
}

/* Everything about the request is over: its bytes may go. */
static void answer(struct conn *c, const struct yt_http_reply *reply)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	YT_ASSERT(reply->body.n <= YT_HTTP_BODY_BYTES_MAX, NULL);
	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
	                    reply->status, reason_of(reply->status), reply->type, reply->body.n, c->last ? "Connection: close\r\n" : "");
	if (reply->status == 401 && c->http->token)
		evbuffer_add_printf(out, "WWW-Authenticate: Bearer\r\n");
	if (reply->status == 405)
		evbuffer_add_printf(out, "Allow: %s\r\n", c->http->body_max ? "POST" : "GET");
	if (reply->retry_after_s)
		evbuffer_add_printf(out, "Retry-After: %d\r\n", reply->retry_after_s);
	evbuffer_add(out, "\r\n", 2);
	evbuffer_add(out, reply->body.p, reply->body.n);
	c->answered = c->last;
	c->began = c->continued = false;
	c->chunks_n = c->chunks_body = 0;
}

static void answer_text(struct conn *c, int status, const char *text)
{
	struct yt_http_reply reply = { .status = status, .type = "text/plain; charset=utf-8" };

	reply.retry_after_s = status == 503 ? 1 : 0;
	yt_buf_init(&reply.body, NULL);
	yt_buf_printf(&reply.body, "%s\n", text);
	answer(c, &reply);
	yt_buf_deinit(&reply.body);
}

/* What follows such a request cannot be told from its rest: the connection ends. */
static bool fault(struct conn *c, int status, const char *text)
{
	c->last = true;
	answer_text(c, status, text);
	return false;
}

/* ---- Requests */

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

/* What of the header fields is looked at here. */
struct fields {
	struct yt_str authorization;
	struct yt_header *list;
	size_t n;
	int64_t length; /* -1: not said */
	bool chunked, other_encoding, doubled, close, expects;
};

static void look_at(struct yt_str name, struct yt_str value, struct fields *out)
{
	if (is_word(name, "Authorization")) {
		out->authorization = value;
	} else if (is_word(name, "Transfer-Encoding")) {
		out->doubled |= out->chunked || out->other_encoding;
		out->chunked = is_word(value, "chunked");
		out->other_encoding = !out->chunked;
	} else if (is_word(name, "Content-Length")) {
		out->doubled |= out->length != -1;
		if (!yt_parse_int(value, 0, INT64_MAX, &out->length))
			out->length = -2;
	} else if (is_word(name, "Connection")) {
		out->close |= is_word(value, "close");
	} else if (is_word(name, "Expect")) {
		out->expects = is_word(value, "100-continue");
	}
}

/* A blank in a name, a line that goes on, a control character: proxies differ in how they read these. */
static bool is_odd(struct yt_str name, struct yt_str value)
{
	for (uint32_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f)
			return true;
	for (uint32_t i = 0; i < value.n; i++)
		if (((unsigned char)value.p[i] < ' ' && value.p[i] != '\t') || value.p[i] == 0x7f)
			return true;
	return name.n == 0;
}

/* The status of what is wrong, or 0. */
static int read_fields(struct yt_arena *a, struct yt_str head, struct fields *out)
{
	*out = (struct fields){ .list = yt_arena_alloc(a, YT_HTTP_FIELDS_MAX * sizeof *out->list), .length = -1 };
	while (head.n) {
		struct yt_str value = yt_str_cut(&head, '\n'), name;

		/* A lone line feed is an end to some. */
		if (value.n == 0 || value.p[value.n - 1] != '\r' || (value.n == 1 && head.n > 0))
			return 400;
		if (value.n == 1)
			break;
		if (!memchr(value.p, ':', value.n))
			return 400;
		name = yt_str_cut(&value, ':');
		value = trim(value);
		if (is_odd(name, value))
			return 400;
		if (out->n == YT_HTTP_FIELDS_MAX)
			return 431;
		out->list[out->n++] = (struct yt_header){ name, value };
		look_at(name, value, out);
	}
	return out->doubled || out->length == -2 || (out->length != -1 && (out->chunked || out->other_encoding)) ? 400 : 0;
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
	if (c->http->body_max) {
		req->call = calloc(1, sizeof *req->call);
		YT_ASSERT(req->call, NULL);
		req->call->conn = c;
	}
	route->fn(route->ctx, req, &reply);
	if (reply.later) {
		c->call = req->call;
		event_del(c->deadline);
	} else {
		free(req->call);
		answer(c, &reply);
	}
	yt_buf_deinit(&reply.body);
}

/* One request from its head to where its body ends. */
struct whole {
	struct yt_http_request req;
	struct fields fields;
	const struct yt_http_route *route;
};

/* False: it was answered. The head is all there. */
static bool read_head(struct conn *c, struct yt_str head, struct whole *w)
{
	struct yt_http *h = c->http;
	struct yt_str line = yt_str_cut(&head, '\n'), target;
	int status;

	line = trim(line);
	w->req = (struct yt_http_request){ .arena = &h->arena, .method = yt_str_cut(&line, ' ') };
	target = yt_str_cut(&line, ' ');
	if (w->req.method.n == 0 || target.n == 0 || target.p[0] != '/' || !yt_str_starts(line, YT_S("HTTP/")))
		return fault(c, 400, "this is no HTTP request");
	if (!yt_str_starts(line, YT_S("HTTP/1.")))
		return fault(c, 505, "HTTP/1.1 is spoken here");
	w->req.query = target;
	target = yt_str_cut(&w->req.query, '?');
	status = read_fields(&h->arena, head, &w->fields);
	if (status == 431)
		return fault(c, 431, "a request has at most 64 header fields");
	if (status || !unescape(&h->arena, target, &w->req.path))
		return fault(c, 400, "the request is malformed");
	c->last = !h->body_max || w->fields.close || !yt_str_eq(line, YT_S("HTTP/1.1")) || !h->listener;
	w->req.headers = w->fields.list;
	w->req.n_headers = w->fields.n;
	if (!h->body_max && !yt_str_eq(w->req.method, YT_S("GET")))
		return fault(c, 405, "only GET");
	if (!h->body_max && (w->fields.length > 0 || w->fields.chunked || w->fields.other_encoding))
		return fault(c, 413, "a request has no body here");
	if (w->fields.other_encoding)
		return fault(c, 501, "of transfer encodings only chunked is known");
	if (w->fields.length > (int64_t)h->body_max)
		return fault(c, 413, "the body of the request is too large");
	w->route = route_of(h, w->req.path);
	if (!w->route)
		return fault(c, 404, "there is nothing here");
	if (!w->route->open && h->guarded && !token_ok(h, w->fields.authorization))
		return fault(c, 401, "this needs `Authorization: Bearer TOKEN`");
	return true;
}

/* The size of the chunk at p, whose line is all there; *p stands behind the line then. -1: none. */
static int64_t chunk_size(struct yt_str *left)
{
	struct yt_str line = yt_str_cut(left, '\n'), digits;
	int64_t v = 0;

	if (!line.n || line.p[line.n - 1] != '\r')
		return -1;
	digits = trim(yt_str_cut(&line, ';'));
	if (digits.n == 0 || digits.n > 8)
		return -1;
	for (uint32_t i = 0; i < digits.n; i++) {
		char ch = digits.p[i];
		int d = ch >= '0' && ch <= '9' ? ch - '0' : (ch | 0x20) >= 'a' && (ch | 0x20) <= 'f' ? (ch | 0x20) - 'a' + 10 : -1;

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* The line that begins at `from`, with its end, in the arena; empty where its end is not here. */
static struct yt_str line_at(struct yt_arena *a, struct evbuffer *in, size_t from)
{
	struct evbuffer_ptr begin, end;
	size_t n;
	char *p;

	if (evbuffer_get_length(in) <= from || evbuffer_ptr_set(in, &begin, from, EVBUFFER_PTR_SET) != 0)
		return YT_S("");
	end = evbuffer_search(in, "\n", 1, &begin);
	if (end.pos < 0)
		return YT_S("");
	n = (size_t)end.pos + 1 - from;
	p = yt_arena_alloc(a, n);
	evbuffer_copyout_from(in, &begin, p, n);
	return yt_str(p, (uint32_t)n);
}

/* Goes on with the chunks where it stopped, so that who sends them bit by bit does not have all looked at each time. 1: the last one is here. 0: not
 * yet. -1: malformed, -2: too many. Trailers are not taken. */
static int look_at_chunks(struct conn *c, struct evbuffer *in, size_t head_n)
{
	for (;;) {
		size_t from = head_n + c->chunks_n;
		struct yt_str line = line_at(&c->http->arena, in, from), left = line;
		struct evbuffer_ptr at;
		char end[2];
		int64_t n;

		if (!line.n)
			return 0;
		n = chunk_size(&left);
		if (n < 0)
			return -1;
		if (c->chunks_body + (size_t)n > c->http->body_max)
			return -2;
		if (evbuffer_get_length(in) - from < line.n + (size_t)n + 2)
			return 0;
		evbuffer_ptr_set(in, &at, from + line.n + (size_t)n, EVBUFFER_PTR_SET);
		evbuffer_copyout_from(in, &at, end, 2);
		if (end[0] != '\r' || end[1] != '\n')
			return -1;
		c->chunks_n += line.n + (size_t)n + 2;
		c->chunks_body += (size_t)n;
		if (n == 0)
			return 1;
	}
}

/* The body of chunks that are all here and were looked at. */
static struct yt_str body_of_chunks(struct conn *c, struct yt_str chunks)
{
	struct yt_buf b;

	if (!c->chunks_body)
		return YT_S("");
	yt_buf_init(&b, &c->http->arena);
	while (chunks.n) {
		size_t n = (size_t)chunk_size(&chunks);

		yt_buf_add(&b, chunks.p, n);
		chunks = yt_str(chunks.p + n + 2, chunks.n - (uint32_t)n - 2);
	}
	return yt_buf_str(&b);
}

/* The bytes of the request that lies in `in` from its head on; 0: not all are here, or it was answered. */
static size_t read_body(struct conn *c, struct evbuffer *in, size_t head_n, struct whole *w)
{
	size_t all = evbuffer_get_length(in), body_max = c->http->body_max, n;
	int chunks;

	if (!w->fields.chunked) {
		n = head_n + (w->fields.length > 0 ? (size_t)w->fields.length : 0);
		if (all < n)
			return 0;
		w->req.body = yt_str((const char *)evbuffer_pullup(in, (ev_ssize_t)n) + head_n, n - head_n);
		return n;
	}
	chunks = look_at_chunks(c, in, head_n);
	if (chunks == 1) {
		n = head_n + c->chunks_n;
		w->req.body = body_of_chunks(c, yt_str((const char *)evbuffer_pullup(in, (ev_ssize_t)n) + head_n, (uint32_t)c->chunks_n));
		return n;
	}
	if (chunks == -1)
		fault(c, 400, "the chunks of the request are malformed");
	else if (chunks == -2 || (chunks == 0 && all - head_n > body_max + YT_HTTP_CHUNKS_BYTES_MAX))
		fault(c, 413, "the body of the request is too large");
	return 0;
}

/* The request that lies in `in`, where it is all there; what it holds is let go of with its answer. */
static void take_request(struct conn *c, struct evbuffer *in, size_t head_n)
{
	struct whole w = { 0 };
	const char *p = (const char *)evbuffer_pullup(in, (ev_ssize_t)head_n);
	size_t n;

	yt_arena_reset(&c->http->arena);
	if (!read_head(c, yt_str(yt_arena_dup(&c->http->arena, yt_str(p, head_n)).p, head_n), &w)) {
		c->http->stats.requests++;
		return;
	}
	n = read_body(c, in, head_n, &w);
	if (n) {
		c->http->stats.requests++;
		call_route(c, w.route, &w.req);
		evbuffer_drain(in, n);
	} else if (w.fields.expects && !c->continued && !c->answered) {
		c->continued = true;
		evbuffer_add_printf(bufferevent_get_output(c->bev), "HTTP/1.1 100 Continue\r\n\r\n");
	}
}

/* Whose request is being read and has most bytes here: who sends little is not turned away for who holds much. */
static struct conn *most_held(struct conn *c)
{
	struct conn *most = c;

	for (struct conn *other = c->http->conns; other; other = other->next)
		if (!other->call && !other->answered && other->held > most->held)
			most = other;
	return most;
}

/* What came of a request that is over. */
static void let_go(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	evbuffer_drain(in, evbuffer_get_length(in));
	conn_held(c);
}

static void make_room(struct conn *c)
{
	struct yt_http *h = c->http;

	while (!c->answered && h->stats.held > h->held_max) {
		struct conn *most = most_held(c);

		h->stats.crowded++;
		fault(most, 503, "too much at once");
		let_go(most);
	}
}

/* A request at a time; the next one when the answer is sent, so that who does not read is not written to without end. */
static void process(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_ptr end;
	size_t n;

	conn_held(c);
	/* Who sends ahead is not read on until the answer. Others are spared the calls of the system that turning it off and on takes. */
	if (c->call)
		bufferevent_disable(c->bev, EV_READ);
	if (c->answered || c->call || evbuffer_get_length(in) == 0)
		goto out;
	if (!c->continued && evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		goto out;
	if (!c->began)
		conn_deadline(c, c->http->deadline_ms);
	c->began = true;
	if (c->http->body_max)
		make_room(c);
	if (c->answered)
		goto out;
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	n = end.pos >= 0 ? (size_t)end.pos + 4 : evbuffer_get_length(in);
	if (n > YT_HTTP_HEAD_BYTES_MAX) {
		c->http->stats.requests++;
		fault(c, 431, "the head of a request has at most 8192 bytes");
	} else if (end.pos >= 0) {
		take_request(c, in, n);
	}
out:
	if (c->answered)
		let_go(c);
	else
		conn_held(c);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	(void)bev;
	process(ctx);
}

void yt_http_answer(struct yt_http_call *call, const struct yt_http_reply *reply)
{
	struct conn *c = call->conn;

	free(call);
	if (!c)
		return;
	c->call = NULL;
	answer(c, reply);
	conn_deadline(c, c->http->deadline_ms);
	bufferevent_enable(c->bev, EV_READ);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct conn *c = ctx;

	/* A client may close its direction and still wait for the answer. */
	if ((what & BEV_EVENT_ERROR) || ((what & BEV_EVENT_EOF) && !c->call && evbuffer_get_length(bufferevent_get_output(bev)) == 0))
		conn_free(c);
	else if (what & BEV_EVENT_EOF)
		c->answered = c->last = true;
}

/* Everything is sent. Closing while bytes of the other side are unread would send a reset, which may overtake the answer: so only our
 * direction is closed, and the other side has a moment to close its own. */
static void on_sent(struct bufferevent *bev, void *ctx)
{
	struct conn *c = ctx;

	if (!c->answered) {
		if (!c->call && !c->began && c->http->listener)
			conn_deadline(c, YT_HTTP_IDLE_MS);
		else if (!c->call && !c->began)
			conn_deadline(c, LEAVE_MS);
		process(c);
		return;
	}
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	bufferevent_setcb(bev, on_read, NULL, on_event, c);
	conn_deadline(c, LINGER_MS);
}

/* The oldest of those that wait for nothing. */
static struct conn *idle_one(const struct yt_http *h)
{
	struct conn *found = NULL;

	for (struct conn *c = h->conns; c; c = c->next)
		if (!c->began && !c->call && !c->answered && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
			found = c;
	return found;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *ctx)
{
	struct yt_http *h = ctx;
	struct conn *c;

	(void)listener, (void)from, (void)len;
	if (h->stats.connections >= h->connections_max) {
		struct conn *idle = idle_one(h);

		h->stats.refused++;
		if (!idle) {
			evutil_closesocket(fd);
			return;
		}
		conn_free(idle);
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
	c->began = !h->body_max;
	bufferevent_setwatermark(c->bev, EV_READ, 0, 2 * YT_HTTP_HEAD_BYTES_MAX + (h->body_max ? h->body_max + 2 * YT_HTTP_CHUNKS_BYTES_MAX : 0));
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
	bool loopback = true;
	int len = 0;

	if (!conf->fd && !address_of(conf->listen, &address, &len, &loopback)) {
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "http: `%s` is not ADDRESS:PORT", conf->listen);
		return NULL;
	}
	if (!loopback && !conf->token && !conf->signed_alone) {
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
	h->body_max = conf->body_max;
	h->held_max = conf->held_max;
	yt_arena_init(&h->arena, 0);
	if (conf->fd)
		evutil_make_socket_nonblocking(conf->fd);
	h->listener = conf->fd ? evconnlistener_new(base, on_accept, h, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, conf->fd)
			       : evconnlistener_new_bind(base, on_accept, h, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
			                                 BACKLOG, (struct sockaddr *)&address, len);
	if (!h->listener) {
		/* A port that is taken may be free a moment later. */
		yt_err_set(err, YT_ERR_FATAL, errno == EADDRINUSE ? YT_EXIT_UNAVAILABLE : YT_EXIT_CONFIG, "http: cannot listen on %s: %s",
		           conf->listen, strerror(errno));
		free(h);
		return NULL;
	}
	if (conf->closed)
		evconnlistener_disable(h->listener);
	h->port = bound_port(h->listener);
	return h;
}

void yt_http_free(struct yt_http *h)
{
	if (!h)
		return;
	if (h->listener)
		evconnlistener_free(h->listener);
	while (h->conns)
		conn_free(h->conns);
	yt_arena_deinit(&h->arena);
	free(h);
}

void yt_http_open(struct yt_http *h)
{
	if (h->listener)
		evconnlistener_enable(h->listener);
}

void yt_http_close(struct yt_http *h)
{
	if (!h->listener)
		return;
	evconnlistener_free(h->listener);
	h->listener = NULL;
	for (struct conn *c = h->conns; c; c = c->next)
		if (!c->call && !c->began && !c->answered)
			conn_deadline(c, LEAVE_MS);
}

int yt_http_port(const struct yt_http *h)
{
	return h->port;
}

void yt_http_stats(const struct yt_http *h, struct yt_http_stats *out)
{
	*out = h->stats;
}
