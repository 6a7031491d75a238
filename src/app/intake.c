#include "yutang/app/intake.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "yutang/base/json.h"
#include "yutang/io/spool.h"

enum {
	TICK_MS = 100,          /* how exact YT_INTAKE_ANSWER_MS is */
	SAY_AGAIN_MS = 60000,   /* the same refusal of the same sender is not logged more often */
	RETRY_AFTER_S = 1,
	SPOOL_FILE_BYTES = 1 << 20, /* of webhooks that share a file of the spool; one that has more has its own */
	DRAIN_FILES = 64,       /* of the spool that are on their way at once */
	DRAIN_AGAIN_US = 1000000, /* after one that was not delivered */
	REVIVE_US = 10000000,     /* from one new producer to the next: what kills each at once is not mended by many */
	RECORD_HEADERS_MAX = 8,
};

#define NO_FILE UINT64_MAX

/* What came for one platform of one shop. */
struct sender {
	uint64_t results[YT_INTAKE_RESULT__COUNT];
	int64_t last_ms; /* wall clock; 0: nothing came yet */
	enum yt_intake_result last;
	char why[160];
	int64_t said_ms[YT_INTAKE_RESULT__COUNT];
};

struct shop {
	struct yt_str name;                /* its own; empty: any that is unknown */
	const struct yt_intake_shop *conf; /* NULL: it is unknown, or no longer known */
	struct sender senders[YT_HOOK__COUNT];
	size_t bytes; /* of its records on their way */
	struct shop *next;
};

/* A request whose records are on their way. */
struct pending {
	struct yt_intake *in;
	struct shop *shop;
	enum yt_hook hook;
	struct yt_http_call *call; /* NULL: answered */
	int left;                  /* records without a report; these come from the loop alone */
	bool failed;
	size_t bytes;
	int64_t began_us; /* monotonic */
	enum yt_intake_result result; /* once all are in */
	const char *answer_type, *answer; /* literals */
	char why[160];
	struct yt_buf spooled; /* its records, for the spool; empty: it never goes there */
	uint64_t file;         /* of the spool, whence it comes; NO_FILE: none */
	bool odd;              /* that file is not of this version, or Kafka never takes it: it stays, for a person to look */
	bool waits;            /* for the disk */
	struct pending *next_waiting;
	struct pending *next, **link; /* oldest first */
};

struct yt_intake {
	const struct yt_conf *conf;
	struct event_base *base;
	struct yt_http *http;
	struct yt_http_route routes[2];
	struct yt_kafka_feed *feed; /* NULL: Kafka was not seen yet */
	struct event *reports, *tick;
	struct shop *shops; /* all that were ever known; the last one is the unknown one */
	struct shop unknown;
	struct pending *first, **last;
	size_t bytes;
	struct yt_histogram answer;
	struct yt_spool *spool; /* NULL: none */
	struct shop spooled;    /* stands for the shops of what comes from the spool */
	struct yt_spool_stats spool_stats;
	struct pending *waiting, **last_waiting; /* for the disk, in the order in which they came */
	struct event *spooling; /* when everything that came in this turn of the loop is looked at */
	struct yt_buf file;     /* what several of them have for one file */
	uint64_t n_spooled; /* webhooks */
	int draining;           /* files of the spool on their way */
	int64_t drain_us;       /* monotonic; not before */
	bool ending;
	struct yt_arena arena;  /* of one file of the spool */
	int64_t open_us; /* monotonic; connections are taken from then on, feed or not */
	int64_t revive_us; /* monotonic; no new producer before */
};

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- what came of it */

static void count(struct shop *shop, enum yt_hook hook, enum yt_intake_result result, const char *why)
{
	struct sender *s = &shop->senders[hook];
	int64_t now = clock_us(CLOCK_REALTIME) / 1000;

	s->results[result]++;
	s->last_ms = now;
	s->last = result;
	snprintf(s->why, sizeof s->why, "%s", why);
	if (result == YT_INTAKE_ACCEPTED || result == YT_INTAKE_IGNORED || now - s->said_ms[result] < SAY_AGAIN_MS)
		return;
	s->said_ms[result] = now;
	yt_warn("hook", "shop=%.*s platform=%s result=%s why=%s", YT_FMT(shop->name.n ? shop->name : YT_S("-")), yt_hook_name(hook),
	        yt_intake_result_name(result), yt_q(why));
}

/* Who waited is told how it went; what is left of it is counted. refused NULL: it was taken. */
static void answer(struct pending *p, const char *why, const char *refused)
{
	struct yt_http_reply reply = { .status = 200, .type = p->answer_type };

	yt_buf_init(&reply.body, NULL);
	if (refused) {
		reply.status = 503;
		reply.type = "text/plain; charset=utf-8";
		reply.retry_after_s = RETRY_AFTER_S;
	}
	yt_buf_z(&reply.body, refused ? "not now\n" : p->answer);
	yt_http_answer(p->call, &reply);
	p->call = NULL;
	yt_buf_deinit(&reply.body);
	yt_histogram_add(&p->in->answer, clock_us(CLOCK_MONOTONIC) - p->began_us);
	count(p->shop, p->hook, refused ? YT_INTAKE_UNAVAILABLE : p->result, refused ? refused : why);
}

/* A sender that never tries again is answered that it was taken, when the disk has it. */
static void wait_for_disk(struct pending *p)
{
	struct yt_intake *in = p->in;

	p->waits = true;
	p->next_waiting = NULL;
	*in->last_waiting = p;
	in->last_waiting = &p->next_waiting;
	event_active(in->spooling, EV_TIMEOUT, 0);
}

static void tell(struct pending *p, bool in_time)
{
	if (!p->call || p->waits)
		return;
	if (in_time && !p->failed)
		answer(p, p->why, NULL);
	else if (p->spooled.n)
		wait_for_disk(p);
	else
		answer(p, NULL, p->failed ? "Kafka did not take it" : "Kafka did not answer in time");
}

static void pending_free(struct pending *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	else
		p->in->last = p->link;
	p->in->bytes -= p->bytes;
	p->shop->bytes -= p->bytes;
	yt_buf_deinit(&p->spooled);
	free(p);
}

static void file_done(struct pending *p)
{
	struct yt_intake *in = p->in;

	in->draining--;
	if (!p->failed) {
		yt_spool_done(in->spool, p->file);
		return;
	}
	if (!p->odd)
		yt_spool_back(in->spool, p->file);
	in->drain_us = clock_us(CLOCK_MONOTONIC) + DRAIN_AGAIN_US;
}

static void on_report(void *ctx, void *tag, int partition, int64_t offset, const char *why)
{
	struct pending *p = tag;

	(void)ctx, (void)partition, (void)offset;
	p->failed |= why != NULL;
	if (--p->left > 0)
		return;
	tell(p, true);
	if (p->file != NO_FILE)
		file_done(p);
	if (!p->waits)
		pending_free(p);
}

static void drain(struct yt_intake *in, int64_t now);

static void on_reports(evutil_socket_t fd, short what, void *ctx)
{
	struct yt_intake *in = ctx;

	(void)fd, (void)what;
	yt_kafka_feed_poll(in->feed);
	drain(in, clock_us(CLOCK_MONOTONIC));
}

/* What the dead producer had not delivered is answered 503 and comes again, so nothing is lost with it. */
static void revive(struct yt_intake *in, int64_t now)
{
	struct yt_err err;
	char why[256];

	if (!in->feed || now < in->revive_us || !yt_kafka_feed_dead(in->feed, why))
		return;
	in->revive_us = now + REVIVE_US;
	yt_error("producer_dead", "why=%s", yt_q(why));
	if (yt_kafka_feed_renew(in->feed, &err) != 0)
		yt_error("producer_dead", "why=%s", yt_q(err.msg));
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct yt_intake *in = ctx;
	int64_t now = clock_us(CLOCK_MONOTONIC), before = now - YT_INTAKE_ANSWER_MS * INT64_C(1000);

	(void)fd, (void)what;
	if (!in->feed && now >= in->open_us)
		yt_http_open(in->http);
	for (struct pending *p = in->first; p && p->began_us <= before; p = p->next)
		tell(p, false);
	revive(in, now);
	drain(in, now);
}

/* ---- records */

static const char *topic_of(const struct yt_intake *in, const char *topic)
{
	for (int i = 0; i < in->conf->topics.n_in; i++)
		if (strcmp(in->conf->topics.in[i], topic) == 0)
			return in->conf->topics.in[i];
	return in->conf->topics.in[0]; /* as `yutang feed` places it */
}

static void record_encode(struct yt_buf *b, const struct yt_kafka_feed_record *rec)
{
	yt_buf_bytes(b, yt_str_z(rec->topic));
	yt_buf_varint(b, rec->partition + 1u);
	yt_buf_bytes(b, rec->key);
	yt_buf_bytes(b, rec->value);
	yt_buf_varint(b, rec->n_headers);
	for (size_t i = 0; i < rec->n_headers; i++) {
		yt_buf_bytes(b, rec->headers[i].name);
		yt_buf_bytes(b, rec->headers[i].value);
	}
}

/* False: no record of this version's. The record borrows from the bytes, its topic lies in the arena. */
static bool record_decode(struct yt_rd *r, struct yt_arena *a, struct yt_kafka_feed_record *rec, struct yt_header headers[RECORD_HEADERS_MAX])
{
	uint64_t partition;

	rec->topic = yt_arena_dup(a, yt_rd_bytes(r)).p;
	partition = yt_rd_varint(r);
	rec->partition = (int)partition - 1;
	rec->key = yt_rd_bytes(r);
	if (!rec->key.n)
		rec->key.p = NULL;
	rec->value = yt_rd_bytes(r);
	rec->n_headers = yt_rd_varint(r);
	if (r->bad || partition > 1 || rec->n_headers > RECORD_HEADERS_MAX)
		return false;
	for (size_t i = 0; i < rec->n_headers; i++)
		headers[i] = (struct yt_header){ yt_rd_bytes(r), yt_rd_bytes(r) };
	rec->headers = headers;
	return !r->bad;
}

/* It would be no better the next time, and others wait behind it. */
static void leave_file(struct pending *p, const char *why)
{
	p->odd = true;
	yt_error("spool_unreadable", "file=%020llu why=%s", (unsigned long long)p->file, yt_q(why));
}

/* To Kafka, where it was seen, and into what may go to the spool. */
static bool offer(struct pending *p, struct yt_kafka_feed_record *rec)
{
	struct yt_err err;

	if (p->in->spool && p->hook == YT_HOOK_WOOCOMMERCE && p->file == NO_FILE)
		record_encode(&p->spooled, rec);
	if (!p->in->feed || p->failed)
		return false;
	rec->tag = p;
	if (yt_kafka_feed_offer(p->in->feed, rec, &err) != 0) {
		if (p->file != NO_FILE && err.class != YT_ERR_TRANSIENT)
			leave_file(p, err.msg);
		return false;
	}
	p->left++;
	return true;
}

static bool offer_event(struct pending *p, const struct yt_intake_event *e)
{
	struct yt_kafka_feed_record rec = { .topic = topic_of(p->in, e->topic), .partition = -1, .key = e->key, .value = e->value };

	return offer(p, &rec);
}

/* EVENTS.md, Dead letters: where it came in stands for the topic. */
static bool offer_letter(struct pending *p, const struct yt_hook_request *req, const struct yt_taken *got, struct yt_arena *a)
{
	const struct yt_header headers[] = {
		{ YT_S("dl_topic"), yt_arena_printf(a, "/hooks/%.*s/%s", YT_FMT(p->shop->name), yt_hook_name(p->hook)) },
		{ YT_S("dl_partition"), YT_S("-1") },
		{ YT_S("dl_offset"), YT_S("-1") },
		{ YT_S("dl_timestamp"), yt_arena_printf(a, "%lld", (long long)req->received_ms) },
		{ YT_S("dl_reason"), yt_str_z(yt_dead_name(got->dead)) },
		{ YT_S("dl_detail"), yt_str_z(got->detail) },
		{ YT_S("dl_truncated"), yt_arena_printf(a, "%u", got->dead_value.n) }, /* the last: left out where it was not */
	};
	bool cut = got->dead_value.n > YT_DEAD_VALUE_BYTES_MAX;
	struct yt_kafka_feed_record rec = { .topic = "dead-letters", .partition = 0, .headers = headers,
		                            .value = yt_str(got->dead_value.p, cut ? YT_DEAD_VALUE_BYTES_MAX : got->dead_value.n),
		                            .n_headers = sizeof headers / sizeof *headers - !cut };

	return offer(p, &rec);
}

static size_t bytes_of(const struct yt_taken *got)
{
	size_t n = got->dead ? got->dead_value.n + 2 * YT_INTAKE_RECORD_BYTES : 0;

	for (size_t i = 0; i < got->n_events; i++)
		n += got->events[i].key.n + got->events[i].value.n + YT_INTAKE_RECORD_BYTES;
	return n;
}

static struct pending *pending_new(struct yt_intake *in, struct shop *shop, enum yt_hook hook, const struct yt_taken *got)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p)
		yt_out_of_memory(sizeof *p);
	p->in = in;
	p->shop = shop;
	p->hook = hook;
	p->bytes = bytes_of(got);
	p->began_us = clock_us(CLOCK_MONOTONIC);
	p->result = (enum yt_intake_result)got->take;
	p->answer_type = got->answer_type;
	p->answer = got->answer.p;
	snprintf(p->why, sizeof p->why, "%s", got->detail);
	p->file = NO_FILE;
	yt_buf_init(&p->spooled, NULL);
	p->link = in->last;
	*in->last = p;
	in->last = &p->next;
	in->bytes += p->bytes;
	shop->bytes += p->bytes;
	return p;
}

/* Why nothing more is taken now, or NULL. */
static const char *full(const struct yt_intake *in, const struct shop *shop, const struct yt_taken *got)
{
	size_t n = bytes_of(got);

	if (!in->feed)
		return "Kafka was not seen yet";
	if (shop->bytes + n > YT_INTAKE_SHOP_BYTES_MAX)
		return "too much of this shop is on its way";
	return in->bytes + n > YT_INTAKE_BYTES_MAX ? "too much is on its way" : NULL;
}

static void send_all(struct pending *p, const struct yt_hook_request *req, const struct yt_taken *got, struct yt_arena *a)
{
	for (size_t i = 0; i < got->n_events; i++)
		p->failed |= !offer_event(p, &got->events[i]);
	if (got->dead)
		p->failed |= !offer_letter(p, req, got, a);
}

/* ---- the spool */

/* The disk is waited for once for all of these. Where there is no room for them together there may be for some. */
static void spool_group(struct yt_intake *in, struct pending *first, const struct pending *end)
{
	struct yt_err err;
	bool all = yt_spool_put(in->spool, yt_buf_str(&in->file), &err) == 0;

	for (struct pending *p = first, *next; p != end; p = next) {
		bool good = all || yt_spool_put(in->spool, yt_buf_str(&p->spooled), &err) == 0;

		next = p->next_waiting;
		p->waits = false;
		in->n_spooled += good;
		answer(p, "spooled", good ? NULL : err.msg);
		if (p->left == 0)
			pending_free(p);
	}
}

static void on_spooling(evutil_socket_t fd, short what, void *ctx)
{
	struct yt_intake *in = ctx;
	struct pending *p = in->waiting, *first;

	(void)fd, (void)what;
	in->waiting = NULL;
	in->last_waiting = &in->waiting;
	while (p) {
		first = p;
		yt_buf_clear(&in->file);
		do {
			yt_buf_str_add(&in->file, yt_buf_str(&p->spooled));
			p = p->next_waiting;
		} while (p && in->file.n + p->spooled.n <= SPOOL_FILE_BYTES);
		spool_group(in, first, p);
	}
}

/* The records of one file; the file goes when all of them are in. */
static void send_file(struct yt_intake *in, uint64_t file, struct yt_str bytes)
{
	static const struct yt_taken nothing;
	struct pending *p = pending_new(in, &in->spooled, YT_HOOK_WOOCOMMERCE, &nothing);
	struct yt_header headers[RECORD_HEADERS_MAX];
	struct yt_kafka_feed_record rec;
	struct yt_rd r = yt_rd(bytes);

	p->file = file;
	p->bytes = bytes.n;
	in->bytes += p->bytes;
	in->spooled.bytes += p->bytes;
	in->draining++;
	while (r.p < r.end && !p->failed) {
		bool known = record_decode(&r, &in->arena, &rec, headers);

		if (!known)
			leave_file(p, "no record of this version");
		p->failed = !known || !offer(p, &rec);
	}
	if (p->left > 0)
		return;
	file_done(p);
	pending_free(p);
}

static void drain(struct yt_intake *in, int64_t now)
{
	struct yt_str bytes;
	uint64_t file;

	if (!in->spool || !in->feed || in->ending)
		return;
	while (now >= in->drain_us && in->draining < DRAIN_FILES && in->bytes < YT_INTAKE_BYTES_MAX / 2 &&
	       yt_spool_take(in->spool, &in->arena, &file, &bytes)) {
		send_file(in, file, bytes);
		yt_arena_reset(&in->arena);
	}
}

/* Kafka is away, as far as is known: what never comes again need not wait for it, nor overtake what waits. */
static bool spool_first(const struct yt_intake *in, enum yt_hook hook)
{
	struct yt_spool_stats s;

	if (!in->spool || hook != YT_HOOK_WOOCOMMERCE)
		return false;
	yt_spool_stats(in->spool, &s);
	return !in->feed || s.files > 0 || in->waiting;
}

/* ---- requests */

static struct shop *find_shop(struct yt_intake *in, struct yt_str name)
{
	struct shop *found = &in->unknown;

	/* All are looked at: how long it takes tells nobody who is there. */
	for (struct shop *s = in->shops; s != &in->unknown; s = s->next)
		if (s->conf && yt_str_eq(s->name, name))
			found = s;
	return found;
}

static void unavailable(struct shop *shop, enum yt_hook hook, struct yt_http_reply *reply, const char *why)
{
	reply->status = 503;
	reply->retry_after_s = RETRY_AFTER_S;
	yt_buf_z(&reply->body, "not now\n");
	count(shop, hook, YT_INTAKE_UNAVAILABLE, why);
}

static void on_request(void *ctx, const struct yt_http_request *http, struct yt_http_reply *reply)
{
	struct yt_intake *in = ctx;
	struct yt_hook_request req = { http->method, http->query, http->headers, http->n_headers, http->body, clock_us(CLOCK_REALTIME) / 1000 };
	struct pending *p;
	struct shop *shop;
	struct yt_taken got;
	struct yt_str name;
	enum yt_hook hook;
	const char *why;
	bool at_once;

	if (!yt_intake_route(http->path, &hook, &name)) {
		reply->status = 404;
		yt_buf_z(&reply->body, "there is nothing here\n");
		return;
	}
	shop = find_shop(in, name);
	yt_intake_take(http->arena, hook, shop->conf, &req, &got);
	if (!got.n_events && !got.dead) {
		reply->status = got.status;
		reply->type = got.answer_type;
		yt_buf_str_add(&reply->body, got.answer);
		count(shop, hook, (enum yt_intake_result)got.take, got.detail);
		return;
	}
	at_once = spool_first(in, hook);
	why = at_once ? NULL : full(in, shop, &got);
	if (why && !(in->spool && hook == YT_HOOK_WOOCOMMERCE)) {
		unavailable(shop, hook, reply, why);
		return;
	}
	p = pending_new(in, shop, hook, &got);
	p->failed = at_once || why; /* then nothing is offered to Kafka */
	send_all(p, &req, &got, http->arena);
	if (p->left > 0 || p->spooled.n) {
		p->call = http->call;
		reply->later = true;
		if (p->left == 0)
			tell(p, true);
		return;
	}
	unavailable(shop, hook, reply, why ? why : "the producer is full");
	pending_free(p);
}

/* ---- life */

/* Connections beside the descriptors of the rest. */
static void raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* The one of that name, also one that is no longer known, or a new one. */
static struct shop *shop_of(struct yt_intake *in, struct yt_str name)
{
	struct shop **at = &in->shops, *s;
	char *own;

	while (*at != &in->unknown && !yt_str_eq((*at)->name, name))
		at = &(*at)->next;
	if (*at != &in->unknown)
		return *at;
	s = calloc(1, sizeof *s + name.n);
	if (!s)
		yt_out_of_memory(sizeof *s);
	own = (char *)(s + 1);
	memcpy(own, name.p, name.n);
	s->name = yt_str(own, name.n);
	s->next = *at;
	*at = s;
	return s;
}

void yt_intake_take_shops(struct yt_intake *in, const struct yt_conf *conf)
{
	for (struct shop *s = in->shops; s; s = s->next)
		s->conf = NULL;
	for (const struct yt_conf_shop *s = conf->shops; s; s = s->next)
		shop_of(in, s->intake.name)->conf = &s->intake;
}

struct yt_intake *yt_intake_new(struct event_base *base, const struct yt_conf *conf, int fd, struct yt_err *err)
{
	struct yt_http_conf http = { .listen = conf->intake.listen, .connections_max = YT_INTAKE_CONNECTIONS_MAX, .body_max = YT_INTAKE_BODY_BYTES_MAX,
		                     .held_max = YT_INTAKE_HELD_MAX, .signed_alone = true, .fd = fd, .closed = true };
	struct timeval every = { .tv_usec = TICK_MS * 1000 };
	struct yt_intake *in = calloc(1, sizeof *in);

	if (!in)
		yt_out_of_memory(sizeof *in);
	in->conf = conf;
	in->base = base;
	in->last = &in->first;
	in->last_waiting = &in->waiting;
	yt_buf_init(&in->file, NULL);
	in->routes[0] = (struct yt_http_route){ "/hooks/", true, on_request, in };
	in->routes[1] = (struct yt_http_route){ "/events/", true, on_request, in };
	yt_arena_init(&in->arena, 0);
	raise_descriptors();
	if (conf->intake.spool && !(in->spool = yt_spool_open(conf->intake.spool, 0, 0, err))) {
		free(in);
		return NULL;
	}
	in->http = yt_http_new(base, &http, in->routes, 2, err);
	if (!in->http) {
		yt_spool_close(in->spool);
		free(in);
		return NULL;
	}
	in->shops = &in->unknown;
	yt_intake_take_shops(in, conf);
	in->open_us = clock_us(CLOCK_MONOTONIC) + YT_INTAKE_WAIT_MS * INT64_C(1000);
	in->tick = event_new(base, -1, EV_PERSIST, on_tick, in);
	in->spooling = event_new(base, -1, 0, on_spooling, in);
	YT_ASSERT(in->tick && in->spooling && event_add(in->tick, &every) == 0, "event_add");
	return in;
}

struct yt_kafka_feed *yt_intake_feed_new(const struct yt_conf *conf, const struct yt_kafka_conf *kafka, struct yt_err *err)
{
	struct yt_kafka_feed *feed = yt_kafka_feed_new(kafka, YT_INTAKE_KAFKA_MS, err);
	bool good = feed != NULL;

	for (int i = 0; good && i < conf->topics.n_in; i++)
		good = yt_kafka_feed_find(feed, conf->topics.in[i], err) >= 0;
	if (good && yt_kafka_feed_find(feed, "dead-letters", err) >= 0)
		return feed;
	yt_kafka_feed_free(feed);
	return NULL;
}

void yt_intake_begin(struct yt_intake *in, struct yt_kafka_feed *feed)
{
	in->feed = feed;
	yt_kafka_feed_on_report(feed, on_report, in);
	in->reports = event_new(in->base, yt_kafka_feed_fd(feed), EV_READ | EV_PERSIST, on_reports, in);
	YT_ASSERT(in->reports && event_add(in->reports, NULL) == 0, "event_add");
	yt_http_open(in->http);
}

void yt_intake_drain(struct yt_intake *in)
{
	in->ending = true;
	yt_http_close(in->http);
}

bool yt_intake_drained(const struct yt_intake *in)
{
	struct yt_http_stats s;

	yt_http_stats(in->http, &s);
	return !in->first && s.connections == 0;
}

void yt_intake_free(struct yt_intake *in)
{
	struct pending *next;

	if (!in)
		return;
	event_free(in->tick);
	event_free(in->spooling);
	if (in->reports)
		event_free(in->reports);
	yt_http_free(in->http);
	if (in->feed)
		yt_kafka_feed_on_report(in->feed, NULL, NULL);
	yt_kafka_feed_free(in->feed);
	for (struct pending *p = in->first; p; p = next) {
		next = p->next;
		free(p->call);
		yt_buf_deinit(&p->spooled);
		free(p);
	}
	yt_spool_close(in->spool);
	yt_buf_deinit(&in->file);
	yt_arena_deinit(&in->arena);
	while (in->shops != &in->unknown) {
		struct shop *s = in->shops;

		in->shops = s->next;
		free(s);
	}
	free(in);
}

int yt_intake_port(const struct yt_intake *in)
{
	return yt_http_port(in->http);
}

/* ---- what is told of it */

void yt_intake_stats(struct yt_intake *in, struct yt_arena *a, struct yt_intake_stats *out)
{
	struct yt_intake_sender *list;
	size_t n = 0;

	for (const struct shop *s = in->shops; s; s = s->next)
		n++;
	list = yt_arena_alloc(a, n * YT_HOOK__COUNT * sizeof *list);
	*out = (struct yt_intake_stats){ .senders = list, .bytes = in->bytes, .answer = &in->answer, .spooled = in->n_spooled };
	yt_http_stats(in->http, &out->http);
	if (in->spool) {
		yt_spool_stats(in->spool, &in->spool_stats);
		out->spool = &in->spool_stats;
	}
	for (const struct shop *s = in->shops; s; s = s->next)
		for (int h = 0; h < YT_HOOK__COUNT; h++)
			if (s->senders[h].last_ms)
				list[out->n_senders++] = (struct yt_intake_sender){ s->name, yt_str_z(yt_hook_name((enum yt_hook)h)), s->senders[h].results };
}

static void add_text(struct yt_buf *out, const char *name, struct yt_str value)
{
	yt_buf_printf(out, "\"%s\":", name);
	yt_json_add_text(out, value);
	yt_buf_c(out, ',');
}

static void add_sender(struct yt_buf *out, const struct shop *shop, enum yt_hook hook)
{
	const struct sender *s = &shop->senders[hook];

	yt_buf_c(out, '{');
	add_text(out, "shop", shop->name);
	add_text(out, "platform", yt_str_z(yt_hook_name(hook)));
	add_text(out, "last", yt_str_z(yt_intake_result_name(s->last)));
	add_text(out, "why", yt_str_z(s->why));
	yt_buf_printf(out, "\"last_at\":%lld", (long long)s->last_ms);
	for (int r = 0; r < YT_INTAKE_RESULT__COUNT; r++)
		yt_buf_printf(out, ",\"%s\":%llu", yt_intake_result_name((enum yt_intake_result)r), (unsigned long long)s->results[r]);
	yt_buf_c(out, '}');
}

void yt_intake_status(const struct yt_intake *in, struct yt_buf *out)
{
	bool first = true;

	yt_buf_c(out, '[');
	for (const struct shop *s = in->shops; s; s = s->next) {
		for (int h = 0; h < YT_HOOK__COUNT; h++) {
			if (!s->senders[h].last_ms)
				continue;
			if (!first)
				yt_buf_c(out, ',');
			first = false;
			add_sender(out, s, (enum yt_hook)h);
		}
	}
	yt_buf_c(out, ']');
}
