#include "yutang/io/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"
#include "yutang/base/ini.h"

enum {
	LINGER_MS = 1000,   /* after the answer, until the other side has closed */
	LEAVE_MS = 2000,    /* a kept connection of a server that closes: who is about to send should not meet an end */
	BACKLOG = 512,      /* the kernel keeps these while nobody accepts */
};

/* evhttp reads from and writes to a filter on the socket's bufferevent. The callbacks between the two are this file's: so each connection, each byte
 * and each end is seen here before evhttp sees it. */
enum state {
	AWAITED, /* a request's head is awaited; evhttp is shown it when it is all here and sound */
	READ,    /* evhttp has the head, and is given what comes */
	BUSY,    /* evhttp has the whole request; until its answer is sent */
	LEFT,    /* nothing goes to evhttp any more; it lets go soon, or has */
};

struct conn {
	struct yt_http *http; /* NULL: the server has gone */
	struct conn *next, **link;
	struct bufferevent *sock, *filter; /* filter NULL: evhttp has let go, and sock lingers */
	struct {
		bufferevent_data_cb read, write;
		bufferevent_event_cb event;
		void *ctx;
	} up; /* the callbacks of the filter on sock */
	struct event *deadline;
	struct yt_http_call *call; /* the answer comes later */
	enum state state;
	size_t passed; /* bytes of the request that evhttp was given */
	size_t taken;  /* what libevent has taken for these */
	size_t held;   /* bytes that are here */
	size_t lent;   /* bytes of evhttp's answer that are on their way */
	int fields;    /* of the head */
	bool began;    /* a request is being read: its deadline runs */
	bool ended;    /* the other side sends no more, or is not waited for */
	bool stopped;  /* the socket is not read until the answer is sent */
	bool last;     /* the request at hand is the last one of this connection */
	bool uncounted; /* in the number of connections */
};

struct yt_http_call {
	struct conn *conn; /* NULL: it has gone */
	struct evhttp_request *req;
};

struct yt_http {
	struct event_base *base;
	struct evhttp *evhttp;
	struct evhttp_bound_socket *bound; /* NULL: closed */
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

/* What is wrong with a request; status 0: nothing. */
struct fault {
	int status;
	const char *text;
};

static const struct fault sound;

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
	size_t now = c->state == LEFT ? 0 : c->taken + evbuffer_get_length(bufferevent_get_input(c->sock));

	c->http->stats.held += now - c->held;
	c->held = now;
}

static void conn_deadline(struct conn *c, int ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_add(c->deadline, &t);
}

static void conn_uncount(struct conn *c)
{
	c->http->stats.connections -= !c->uncounted;
	c->uncounted = true;
}

/* evhttp has let go of it. */
static void conn_free(struct conn *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	conn_uncount(c);
	event_free(c->deadline);
	if (c->sock)
		bufferevent_free(c->sock);
	free(c);
}

/* evhttp is told of an error, and lets go at once; on_let_go follows. */
static void conn_leave(struct conn *c)
{
	c->state = LEFT;
	conn_held(c);
	c->up.event(c->sock, BEV_EVENT_READING | BEV_EVENT_ERROR, c->up.ctx);
}

static void conn_end(struct conn *c)
{
	c->ended = true;
	conn_uncount(c);
	conn_leave(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *c = ctx;

	(void)fd, (void)what;
	if (!c->filter) {
		conn_free(c);
		return;
	}
	if (c->began && (c->state == AWAITED || c->state == READ))
		c->http->stats.expired++;
	conn_end(c);
}

/* ---- After the last answer. Closing while bytes of the other side are unread would send a reset, which may overtake the answer: so evhttp closes our
 * direction alone, and the other side has a moment to close its own. */

static void on_rest(struct bufferevent *sock, void *ctx)
{
	struct evbuffer *in = bufferevent_get_input(sock);

	(void)ctx;
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_rest_ended(struct bufferevent *sock, short what, void *ctx)
{
	(void)sock, (void)what;
	conn_free(ctx);
}

/* Of the filter, which evhttp has freed; with it goes the bufferevent of the socket, but not the socket of who is waited for. */
static void on_let_go(void *ctx)
{
	struct conn *c = ctx;
	evutil_socket_t fd;

	if (!c->http) {
		free(c);
		return;
	}
	fd = bufferevent_getfd(c->sock);
	c->state = LEFT;
	conn_held(c);
	c->filter = NULL;
	if (c->ended) {
		c->sock = NULL;
		conn_free(c);
		return;
	}
	bufferevent_setfd(c->sock, -1);
	c->sock = bufferevent_socket_new(c->http->base, fd, BEV_OPT_CLOSE_ON_FREE);
	YT_ASSERT(c->sock, NULL);
	bufferevent_setcb(c->sock, on_rest, NULL, on_rest_ended, c);
	bufferevent_enable(c->sock, EV_READ);
	conn_deadline(c, LINGER_MS);
}

/* ---- Answers */

/* Without evhttp, which writes no answer while it reads a request. The socket has nothing else to send then. */
static void refuse(struct conn *c, struct fault f)
{
	const char *field = f.status == 405 ? "Allow: GET\r\n" : f.status == 503 ? "Retry-After: 1\r\n" : "";
	char text[512];
	int n = snprintf(text, sizeof text,
	                 "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s\n", f.status,
	                 f.status < 500 ? "Client Error" : "Server Error", strlen(f.text) + 1, field, f.text);

	send(bufferevent_getfd(c->sock), text, (size_t)n, MSG_NOSIGNAL);
	conn_leave(c);
}

/* evhttp turns the filter to writing when all is written, and the filter does not look by itself then. */
static void flush(struct conn *c)
{
	bufferevent_flush(c->filter, EV_WRITE, BEV_FLUSH);
}

/* Of the filter, from evhttp to the socket. OK tells evhttp that all is sent, and nothing is left to the filter only then: what the socket's bufferevent
 * has still to send is lent to it. While evhttp adds to an answer it is not ready for an OK: so only what is flushed goes to the socket at once. */
static enum bufferevent_filter_result on_output(struct evbuffer *from, struct evbuffer *to, ev_ssize_t most,
                                                enum bufferevent_flush_mode mode, void *ctx)
{
	struct conn *c = ctx;

	(void)most;
	if (evbuffer_get_length(to))
		return BEV_NEED_MORE;
	evbuffer_drain(from, c->lent);
	c->lent = 0;
	if (mode == BEV_FLUSH)
		evbuffer_write(from, bufferevent_getfd(c->sock));
	if (!evbuffer_get_length(from))
		return BEV_OK;
	c->lent = evbuffer_get_length(from);
	return evbuffer_add_buffer_reference(to, from) == 0 ? BEV_NEED_MORE : BEV_ERROR;
}

/* The answer is sent. The next request may be here already; so may the end, which evhttp was not told of. */
static void on_sent(struct evhttp_request *req, void *ctx)
{
	struct conn *c = ctx;

	(void)req;
	c->state = AWAITED;
	conn_deadline(c, c->http->bound ? YT_HTTP_IDLE_MS : LEAVE_MS);
	if (c->stopped)
		bufferevent_enable(c->sock, EV_READ);
	c->stopped = false;
	if (evbuffer_get_length(bufferevent_get_input(c->sock)))
		bufferevent_trigger(c->sock, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

/* It is not counted in what is held any more, and who does not read the answer would keep it here. */
static void let_body_go(struct evhttp_request *req)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);

	evbuffer_drain(body, evbuffer_get_length(body));
}

static void answer(struct conn *c, struct evhttp_request *req, const struct yt_http_reply *reply)
{
	struct evkeyvalq *fields = evhttp_request_get_output_headers(req);
	char seconds[16];

	YT_ASSERT(reply->body.n <= YT_HTTP_BODY_BYTES_MAX, NULL);
	let_body_go(req);
	evhttp_add_header(fields, "Content-Type", reply->type);
	if (c->last || !c->http->bound) {
		/* Where HTTP/1.0 asks to be kept evhttp would say that it is, too. */
		evhttp_remove_header(evhttp_request_get_input_headers(req), "Connection");
		evhttp_add_header(fields, "Connection", "close");
	}
	evhttp_add_header(fields, "Cache-Control", "no-store");
	evhttp_add_header(fields, "X-Content-Type-Options", "nosniff");
	if (reply->status == 401 && c->http->token)
		evhttp_add_header(fields, "WWW-Authenticate", "Bearer");
	if (reply->status == 405)
		evhttp_add_header(fields, "Allow", c->http->body_max ? "POST" : "GET");
	if (reply->retry_after_s) {
		snprintf(seconds, sizeof seconds, "%d", reply->retry_after_s);
		evhttp_add_header(fields, "Retry-After", seconds);
	}
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		evbuffer_add(evhttp_request_get_output_buffer(req), reply->body.p, reply->body.n);
	evhttp_request_set_on_complete_cb(req, on_sent, c);
	evhttp_send_reply(req, reply->status, NULL, NULL);
	flush(c);
	if (c->state == BUSY)
		conn_deadline(c, c->http->deadline_ms);
}

/* What follows such a request is not looked at: the connection ends. */
static void answer_fault(struct conn *c, struct evhttp_request *req, struct fault f)
{
	struct yt_http_reply reply = { .status = f.status, .type = "text/plain; charset=utf-8" };

	c->last = true;
	yt_buf_init(&reply.body, &c->http->arena);
	yt_buf_printf(&reply.body, "%s\n", f.text);
	answer(c, req, &reply);
}

void yt_http_answer(struct yt_http_call *call, const struct yt_http_reply *reply)
{
	struct conn *c = call->conn;

	if (c) {
		c->call = NULL;
		answer(c, call->req, reply);
	}
	free(call);
}

/* ---- The head, before evhttp sees it: what evhttp takes and others read in another way is refused, and so is what evhttp has no good answer to. */

static struct yt_str trim(struct yt_str s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s = yt_str(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static bool is_word(struct yt_str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static const struct {
	enum evhttp_cmd_type type;
	struct yt_str name;
} methods[] = {
	{ EVHTTP_REQ_GET, YT_STR("GET") },     { EVHTTP_REQ_POST, YT_STR("POST") },     { EVHTTP_REQ_PUT, YT_STR("PUT") },
	{ EVHTTP_REQ_HEAD, YT_STR("HEAD") },   { EVHTTP_REQ_DELETE, YT_STR("DELETE") }, { EVHTTP_REQ_PATCH, YT_STR("PATCH") },
	{ EVHTTP_REQ_TRACE, YT_STR("TRACE") }, { EVHTTP_REQ_OPTIONS, YT_STR("OPTIONS") },
};
enum { N_METHODS = sizeof methods / sizeof *methods };

static bool is_method(struct yt_str name)
{
	for (int i = 0; i < N_METHODS; i++)
		if (yt_str_eq(name, methods[i].name))
			return true;
	return false;
}

static bool has_control(struct yt_str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

/* What the head says of the request. */
struct head {
	struct yt_str method;
	int64_t length;
	bool chunked, stated; /* stated: how long the body is */
	int n; /* header fields */
};

static const struct fault malformed = { 400, "the request is malformed" };

static struct fault look_at_line(const struct yt_http *h, struct yt_str line, struct head *out)
{
	struct yt_str target;

	out->method = yt_str_cut(&line, ' ');
	target = yt_str_cut(&line, ' ');
	if (out->method.n == 0 || target.n == 0 || target.p[0] != '/' || !yt_str_starts(line, YT_S("HTTP/")) || has_control(target))
		return (struct fault){ 400, "this is no HTTP request" };
	if (!yt_str_eq(line, YT_S("HTTP/1.1")) && !yt_str_eq(line, YT_S("HTTP/1.0")))
		return (struct fault){ 505, "HTTP/1.1 is spoken here" };
	if (!h->body_max && !yt_str_eq(out->method, YT_S("GET")))
		return (struct fault){ 405, "only GET" };
	return is_method(out->method) ? sound : (struct fault){ 501, "this method is not known" };
}

/* evhttp takes the first of two, numbers as strtoll does, and passes by encodings that it does not know; a tab before the value is part of it. */
static struct fault look_at_length(struct yt_str name, struct yt_str value, struct head *out)
{
	bool length = is_word(name, "Content-Length");

	if (!length && !is_word(name, "Transfer-Encoding"))
		return sound;
	if (out->stated || memchr(value.p, '\t', value.n))
		return malformed;
	out->stated = true;
	out->chunked = !length;
	if (length)
		return yt_parse_int(trim(value), 0, INT64_MAX, &out->length) ? sound : malformed;
	return is_word(trim(value), "chunked") ? sound : (struct fault){ 501, "of transfer encodings only chunked is known" };
}

/* A line that goes on begins with a blank, and so with a name that is none. */
static struct fault look_at_field(struct yt_str line, struct head *out)
{
	struct yt_str value = line, name = yt_str_cut(&value, ':');

	for (uint32_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f)
			return malformed;
	if (name.n == 0 || name.n == line.n || has_control(value))
		return malformed;
	if (++out->n > YT_HTTP_FIELDS_MAX)
		return (struct fault){ 431, "a request has at most 64 header fields" };
	return look_at_length(name, value, out);
}

static struct fault look_at_body(const struct yt_http *h, const struct head *head)
{
	if (!h->body_max && (head->length || head->chunked))
		return (struct fault){ 413, "a request has no body here" };
	if (head->length > (int64_t)h->body_max)
		return (struct fault){ 413, "the body of the request is too large" };
	/* evhttp reads no body of these, and would take it for a request. */
	if ((head->length || head->chunked) && (yt_str_eq(head->method, YT_S("HEAD")) || yt_str_eq(head->method, YT_S("TRACE"))))
		return (struct fault){ 400, "such a request has no body" };
	return sound;
}

static struct fault look_at_head(const struct yt_http *h, struct yt_str text, struct head *out)
{
	struct fault f = sound;

	*out = (struct head){ 0 };
	while (text.n > 2 && !f.status) {
		struct yt_str line = yt_str_cut(&text, '\n');

		/* A lone line feed is an end to some. */
		if (line.n == 0 || line.p[--line.n] != '\r')
			return malformed;
		f = out->method.n ? look_at_field(line, out) : look_at_line(h, line, out);
	}
	return f.status ? f : look_at_body(h, out);
}

/* True: it is here, and evhttp may see it. */
static bool take_head(struct conn *c, struct evbuffer *in)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	size_t n = end.pos >= 0 ? (size_t)end.pos + 4 : evbuffer_get_length(in);
	struct fault f = { 431, "the head of a request has at most 8192 bytes" };
	struct head head;

	if (n <= YT_HTTP_HEAD_BYTES_MAX) {
		if (end.pos < 0)
			return false;
		f = look_at_head(c->http, yt_str((const char *)evbuffer_pullup(in, (ev_ssize_t)n), n), &head);
	}
	if (f.status) {
		c->http->stats.requests++;
		refuse(c, f);
		return false;
	}
	c->state = READ;
	c->fields = head.n;
	/* Of the ends of chunks evhttp is not sure enough to look for a request behind the last one. */
	c->last = !c->http->body_max || head.chunked;
	return true;
}

/* ---- The request that evhttp has read */

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

static struct yt_str method_of(struct evhttp_request *req)
{
	int i = 0;

	while (methods[i].type != evhttp_request_get_command(req))
		i++;
	return methods[i].name;
}

static struct yt_str body_of(struct evhttp_request *req)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(body);

	return n ? yt_str((const char *)evbuffer_pullup(body, -1), n) : YT_S("");
}

/* evhttp takes fields behind the last chunk as if they had stood in the head: then there are more. */
static bool read_fields(struct conn *c, struct evhttp_request *req, struct yt_http_request *out)
{
	struct yt_header *list = yt_arena_alloc(&c->http->arena, (size_t)c->fields * sizeof *list);
	struct evkeyval *f;
	int n = 0;

	TAILQ_FOREACH (f, evhttp_request_get_input_headers(req), next) {
		if (n == c->fields)
			return false;
		list[n++] = (struct yt_header){ yt_str_z(f->key), trim(yt_str_z(f->value)) };
	}
	out->headers = list;
	out->n_headers = (size_t)n;
	return true;
}

static struct fault read_request(struct conn *c, struct evhttp_request *req, struct yt_http_request *out, const struct yt_http_route **route)
{
	const char *authorization = evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization");
	struct yt_http *h = c->http;
	struct yt_str target;

	*out = (struct yt_http_request){ .arena = &h->arena, .method = method_of(req), .body = body_of(req) };
	out->query = yt_str_z(evhttp_request_get_uri(req));
	target = yt_str_cut(&out->query, '?');
	if (!read_fields(c, req, out) || !unescape(&h->arena, target, &out->path))
		return malformed;
	*route = route_of(h, out->path);
	if (!*route)
		return (struct fault){ 404, "there is nothing here" };
	out->rest = yt_str(out->path.p + strlen((*route)->path), out->path.n - strlen((*route)->path));
	if (!(*route)->open && h->guarded && !token_ok(h, yt_str_z(authorization ? authorization : "")))
		return (struct fault){ 401, "this needs `Authorization: Bearer TOKEN`" };
	return sound;
}

static void call_route(struct conn *c, struct evhttp_request *req, const struct yt_http_route *route, struct yt_http_request *asked)
{
	struct yt_http_reply reply = { .status = 200, .type = "text/plain; charset=utf-8" };

	yt_buf_init(&reply.body, NULL);
	if (c->http->body_max) {
		asked->call = malloc(sizeof *asked->call);
		YT_ASSERT(asked->call, NULL);
		*asked->call = (struct yt_http_call){ c, req };
	}
	c->call = asked->call;
	route->fn(route->ctx, asked, &reply);
	if (!reply.later) {
		free(c->call);
		c->call = NULL;
		answer(c, req, &reply);
	} else if (c->call) { /* else the handler has answered already */
		let_body_go(req);
		event_del(c->deadline);
	}
	yt_buf_deinit(&reply.body);
}

static struct conn *conn_of(struct evhttp_request *req)
{
	struct bufferevent *filter = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
	void *c;

	bufferevent_getcb(bufferevent_get_underlying(filter), NULL, NULL, NULL, &c);
	return c;
}

static void on_request(struct evhttp_request *req, void *ctx)
{
	const struct yt_http_route *route;
	struct yt_http_request asked;
	struct conn *c = conn_of(req);
	struct fault f;

	(void)ctx;
	c->http->stats.requests++;
	c->state = BUSY;
	c->began = false;
	c->passed = c->taken = 0;
	/* What was sent ahead begins with a head, which is to be looked at. */
	evbuffer_prepend_buffer(bufferevent_get_input(c->sock), bufferevent_get_input(c->filter));
	yt_arena_reset(&c->http->arena);
	f = read_request(c, req, &asked, &route);
	if (f.status)
		answer_fault(c, req, f);
	else
		call_route(c, req, route, &asked);
}

/* ---- What comes of the socket */

/* Whose request is being read and has most bytes here: who sends little is not turned away for who holds much. */
static struct conn *most_held(struct conn *c)
{
	struct conn *most = c;

	for (struct conn *other = c->http->conns; other; other = other->next)
		if ((other->state == AWAITED || other->state == READ) && other->held > most->held)
			most = other;
	return most;
}

static void make_room(struct conn *c)
{
	struct yt_http *h = c->http;

	while (c->state != LEFT && h->stats.held > h->held_max) {
		h->stats.crowded++;
		refuse(most_held(c), (struct fault){ 503, "too much at once" });
	}
}

/* evhttp reads on, and calls on_request in here. */
static void pass_on(struct conn *c, struct evbuffer *in)
{
	size_t n = evbuffer_get_length(in);

	c->passed += n;
	c->taken += n < YT_HTTP_PIECE_BYTES ? YT_HTTP_PIECE_BYTES : n;
	if (c->passed > YT_HTTP_HEAD_BYTES_MAX + c->http->body_max + YT_HTTP_CHUNKS_BYTES_MAX) {
		refuse(c, (struct fault){ 413, "the body of the request is too large" });
		return;
	}
	c->up.read(c->sock, c->up.ctx);
	/* It says `100 Continue`, or has answered by itself. */
	if (c->state == READ && evbuffer_get_length(bufferevent_get_output(c->filter)))
		flush(c);
}

/* A request at a time; the next one when the answer is sent, so that who does not read is not written to without end. */
static void on_read(struct bufferevent *sock, void *ctx)
{
	struct evbuffer *in = bufferevent_get_input(sock);
	struct conn *c = ctx;

	conn_held(c);
	if (c->state == BUSY) {
		/* Not by a watermark: libevent calls on and on while the input is above it. */
		bufferevent_disable(sock, EV_READ);
		c->stopped = true;
	}
	if ((c->state != AWAITED && c->state != READ) || evbuffer_get_length(in) == 0)
		return;
	if (!c->began)
		conn_deadline(c, c->http->deadline_ms);
	c->began = true;
	if (c->http->body_max)
		make_room(c);
	if (c->state == READ || (c->state == AWAITED && take_head(c, in)))
		pass_on(c, in);
	conn_held(c);
}

static void on_write(struct bufferevent *sock, void *ctx)
{
	struct conn *c = ctx;

	c->up.write(sock, c->up.ctx);
}

/* No request is being read. One that was sent ahead may be here; on_read is to come then. */
static bool is_idle(const struct conn *c, bool sent_ahead)
{
	return c->state == AWAITED && !c->began && (evbuffer_get_length(bufferevent_get_input(c->sock)) > 0) == sent_ahead;
}

/* A client may close its direction and still wait for the answer, where evhttp would let go: it is told when the answer is sent. */
static void on_event(struct bufferevent *sock, short what, void *ctx)
{
	struct conn *c = ctx;

	if (!(what & BEV_EVENT_ERROR) && is_idle(c, true)) {
		/* The end comes again when that is read. */
		bufferevent_enable(sock, EV_READ);
		return;
	}
	c->ended = c->stopped = true;
	if (c->state != BUSY || ((what & BEV_EVENT_ERROR) && !c->call))
		c->up.event(sock, what, c->up.ctx);
}

/* The oldest of those that wait for nothing. */
static struct conn *idle_one(const struct yt_http *h)
{
	struct conn *found = NULL;

	for (struct conn *c = h->conns; c; c = c->next)
		if (is_idle(c, false))
			found = c;
	return found;
}

/* For a connection that evhttp has just accepted. */
static struct bufferevent *on_accept(struct event_base *base, void *ctx)
{
	struct yt_http *h = ctx;
	struct conn *c = calloc(1, sizeof *c), *idle;

	YT_ASSERT(c, NULL);
	c->http = h;
	c->began = !h->body_max;
	c->sock = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	YT_ASSERT(c->sock, NULL);
	c->filter = bufferevent_filter_new(c->sock, NULL, on_output, BEV_OPT_CLOSE_ON_FREE, on_let_go, c);
	c->deadline = event_new(base, -1, 0, on_deadline, c);
	YT_ASSERT(c->filter && c->deadline, NULL);
	bufferevent_getcb(c->sock, &c->up.read, &c->up.write, &c->up.event, &c->up.ctx);
	bufferevent_setcb(c->sock, on_read, on_write, on_event, c);
	conn_deadline(c, h->deadline_ms);
	if (h->stats.connections >= h->connections_max) {
		h->stats.refused++;
		idle = idle_one(h);
		if (idle) {
			conn_end(idle);
		} else {
			/* evhttp does not have it yet, and can let go of it in a moment. */
			c->state = LEFT;
			c->uncounted = true;
			conn_deadline(c, 0);
		}
	}
	c->link = &h->conns;
	c->next = h->conns;
	if (c->next)
		c->next->link = &c->next;
	h->conns = c;
	h->stats.connections += !c->uncounted;
	return c->filter;
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

static struct evconnlistener *listener_new(struct event_base *base, const struct yt_http_conf *conf, struct sockaddr_storage *address, int len)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | (conf->closed ? LEV_OPT_DISABLED : 0);

	if (!conf->fd)
		return evconnlistener_new_bind(base, NULL, NULL, flags | LEV_OPT_REUSEABLE, BACKLOG, (struct sockaddr *)address, len);
	evutil_make_socket_nonblocking(conf->fd);
	return evconnlistener_new(base, NULL, NULL, flags, 0, conf->fd);
}

static struct evhttp *evhttp_of(struct yt_http *h)
{
	struct evhttp *e = evhttp_new(h->base);
	ev_uint16_t allowed = 0;

	YT_ASSERT(e, NULL);
	for (int i = 0; i < N_METHODS; i++)
		allowed |= (ev_uint16_t)methods[i].type;
	evhttp_set_allowed_methods(e, allowed);
	evhttp_set_max_headers_size(e, YT_HTTP_HEAD_BYTES_MAX);
	evhttp_set_max_body_size(e, (ev_ssize_t)h->body_max);
	evhttp_set_bevcb(e, on_accept, h);
	evhttp_set_gencb(e, on_request, h);
	return e;
}

struct yt_http *yt_http_new(struct event_base *base, const struct yt_http_conf *conf, const struct yt_http_route *routes, size_t n,
                            struct yt_err *err)
{
	struct sockaddr_storage address;
	struct evconnlistener *listener;
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
	listener = listener_new(base, conf, &address, len);
	if (!listener) {
		/* A port that is taken may be free a moment later. */
		yt_err_set(err, YT_ERR_FATAL, errno == EADDRINUSE ? YT_EXIT_UNAVAILABLE : YT_EXIT_CONFIG, "http: cannot listen on %s: %s",
		           conf->listen, strerror(errno));
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
	h->port = bound_port(listener);
	h->evhttp = evhttp_of(h);
	h->bound = evhttp_bind_listener(h->evhttp, listener);
	YT_ASSERT(h->bound, NULL);
	return h;
}

void yt_http_free(struct yt_http *h)
{
	struct conn *next;

	if (!h)
		return;
	for (struct conn *c = h->conns; c; c = next) {
		next = c->next;
		if (c->call)
			c->call->conn = NULL;
		if (!c->filter) {
			conn_free(c);
			continue;
		}
		/* on_let_go frees it, when the loop turns or its base goes. */
		event_free(c->deadline);
		c->http = NULL;
	}
	evhttp_free(h->evhttp);
	yt_arena_deinit(&h->arena);
	free(h);
}

void yt_http_open(struct yt_http *h)
{
	if (h->bound)
		evconnlistener_enable(evhttp_bound_socket_get_listener(h->bound));
}

void yt_http_close(struct yt_http *h)
{
	if (!h->bound)
		return;
	evhttp_del_accept_socket(h->evhttp, h->bound);
	h->bound = NULL;
	for (struct conn *c = h->conns; c; c = c->next)
		if (c->state == AWAITED && !c->began)
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
