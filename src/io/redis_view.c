/* The view port over Redis: one thread, one connection, synchronous calls.
 *
 *     main thread:  where/apply/reset/sweep -> queue -> (wake) ......... poll() <- answers <- (eventfd)
 *     view thread:  queue -> connect, render, call Redis -> answers
 *
 * Order is kept: what was asked first is done first. Sweeping relies on it: knows() is asked in poll(), and the removal it leads to goes to the
 * end of the queue, behind everything that was applied until then and before everything that will be. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "redis_conn.h"
#include "yutang/base/hash.h"
#include "yutang/base/ini.h"
#include "yutang/base/log.h"
#include "yutang/engine/log.h"

enum {
	PING_MS = 1000,        /* an idle connection is asked so often, so that a dead one is known */
	JOIN_SECONDS = 3,      /* how long the end waits for the thread: name resolution cannot be interrupted */
	PAGE_KEYS = 500,       /* SCAN COUNT of a sweep */
	SWEEP_EVERY = 4,       /* while there is other work, so often a step of a sweep goes between */
	SCAN_KEYS = 1000,      /* SCAN COUNT of a reset */
	WHERE_MAX = 256,       /* questions in one pipeline */
	MARK_BYTES = 16,
};

enum what { WHERE, APPLY, RESET, SWEEP_PAGE };

/* Keys of one SCAN answer that may have to go. */
struct page {
	struct yt_arena arena;
	struct found {
		int shard;
		struct yt_str suffix; /* of the key, behind `<prefix>:{<shard>}:` */
		enum yt_view_knows knows; /* set in poll() */
		uint64_t version;         /* of the memory that says so; none does while a shard is reset */
	} *keys;
	size_t n;
};

/* A question on its way down, and its answer on its way up. */
struct item {
	struct item *next;
	enum what what;
	int shard;
	enum yt_view_status status;
	char log_id[YT_LOG_ID_BYTES + 1];
	uint64_t version;
	bool unswept;
	struct yt_view_job *job; /* APPLY */
	struct page *page;       /* SWEEP_PAGE */
};

struct list {
	struct item *head, **tail;
	size_t n;
};

/* What Redis had of a shard when it last told us. Every removal is refused where it has something else by now: then somebody
 * else has become the owner. */
struct seen {
	bool known;
	char log_id[YT_LOG_ID_BYTES + 1];
	uint64_t version;
	bool has_version;
	uint64_t part; /* calls that changed something since the version moved */
	bool same_form;
	char mark[MARK_BYTES + 1];
	uint64_t connection; /* the one on which where() was answered last */
};

struct yt_redis_view {
	struct yt_view port;
	struct yt_redis_conf conf;
	struct yt_redis_url url;
	const struct yt_view_up *up;
	void *up_ctx;
	pthread_t thread;
	int wake_fd;
	_Atomic int socket; /* of the connection, -1: none */
	_Atomic bool stop;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list down, answers;
	bool sweep_wanted[YT_PARTITIONS_MAX];
	struct yt_redis_stats stats;

	/* The thread's own. */
	struct yt_redis_link link;
	bool connected;
	bool said_away;  /* the log has it */
	bool ailing;     /* it answers, but refuses to write: said once, until a write works */
	char said[192];
	int64_t away_since_ms, next_try_ms, ping_at_ms;
	int backoff_ms;
	struct seen *seen; /* by shard */
	struct yt_arena arena;       /* of one call */
	struct yt_buf keys, head, args; /* a call: its keys, and its arguments in two pieces */
	size_t n_keys, n_args;
	struct yt_buf packed; /* one hash */
	struct yt_buf out; /* calls that are complete */
	struct {
		struct item *item;
		size_t at, n;
	} *sent; /* calls in `out` */
	size_t n_sent, cap_sent;

	unsigned turns;
	bool sweeping, page_out; /* a pass is on; its page is with the main thread */
	bool sweep_on[YT_PARTITIONS_MAX];
	char cursor[24];
};

static int64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- Lists, and the way between the threads */

static void list_init(struct list *l)
{
	*l = (struct list){ .head = NULL, .tail = &l->head };
}

static void list_add(struct list *l, struct item *it)
{
	it->next = NULL;
	*l->tail = it;
	l->tail = &it->next;
	l->n++;
}

static struct item *list_take(struct list *l)
{
	struct item *it = l->head;

	if (!it)
		return NULL;
	l->head = it->next;
	if (!l->head)
		l->tail = &l->head;
	l->n--;
	return it;
}

/* Takes out every item of one kind, in order. */
static void list_pick(struct list *from, enum what what, struct list *to)
{
	struct list rest;
	struct item *it;

	list_init(&rest);
	list_init(to);
	while ((it = list_take(from)))
		list_add(it->what == what ? to : &rest, it);
	list_init(from);
	while ((it = list_take(&rest)))
		list_add(from, it);
}

static void push(struct yt_redis_view *v, struct item *it)
{
	pthread_mutex_lock(&v->lock);
	list_add(&v->down, it);
	if (it->what != SWEEP_PAGE)
		v->stats.waiting++;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->lock);
}

static void answer(struct yt_redis_view *v, struct item *it)
{
	uint64_t one = 1;

	pthread_mutex_lock(&v->lock);
	list_add(&v->answers, it);
	pthread_mutex_unlock(&v->lock);
	/* Fails only when the counter is full, and then it is readable anyway. */
	if (write(v->wake_fd, &one, sizeof one) < 0)
		return;
}

static void answer_status(struct yt_redis_view *v, struct item *it, enum yt_view_status status)
{
	it->status = status;
	answer(v, it);
}

#define COUNT(v, field, by)                                                                                       \
	do {                                                                                                      \
		pthread_mutex_lock(&(v)->lock);                                                                   \
		(v)->stats.field += (by);                                                                         \
		pthread_mutex_unlock(&(v)->lock);                                                                 \
	} while (0)

static void page_free(struct page *p)
{
	yt_arena_deinit(&p->arena);
	free(p);
}

/* ---- State of the connection */

static void set_state(struct yt_redis_view *v, enum yt_redis_state state, const char *why)
{
	pthread_mutex_lock(&v->lock);
	v->stats.state = state;
	snprintf(v->stats.why, sizeof v->stats.why, "%s", why);
	pthread_mutex_unlock(&v->lock);
}

/* One line at the change, and one where the reason becomes another. */
static void say_away(struct yt_redis_view *v, const struct yt_err *err)
{
	char shown[YT_REDIS_URL_BYTES_MAX + 64], why[sizeof v->said];

	snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, err->msg);
	set_state(v, err->class == YT_ERR_FATAL ? YT_REDIS_REFUSED : YT_REDIS_AWAY, why);
	if (v->said_away && strcmp(v->said, why) == 0)
		return;
	if (!v->said_away)
		v->away_since_ms = mono_ms();
	v->said_away = true;
	memcpy(v->said, why, sizeof why);
	yt_redis_url_show(&v->url, shown, sizeof shown);
	if (err->class == YT_ERR_FATAL)
		yt_error("view_refused", "redis=%s why=%s", shown, yt_q(why));
	else
		yt_warn("view_away", "redis=%s why=%s", shown, yt_q(why));
}

static void say_connected(struct yt_redis_view *v)
{
	char shown[YT_REDIS_URL_BYTES_MAX + 64];

	set_state(v, YT_REDIS_CONNECTED, "");
	yt_redis_url_show(&v->url, shown, sizeof shown);
	yt_info("view_connected", "redis=%s away_ms=%" PRId64, shown, v->said_away ? mono_ms() - v->away_since_ms : (int64_t)0);
	v->said_away = v->ailing = false;
}

static void back_off(struct yt_redis_view *v)
{
	v->next_try_ms = mono_ms() + v->backoff_ms;
	v->backoff_ms = v->backoff_ms * 2 < YT_REDIS_BACKOFF_MS_MAX ? v->backoff_ms * 2 : YT_REDIS_BACKOFF_MS_MAX;
}

/* The sweep that was on begins anew when Redis is there again. */
static void sweep_give_up(struct yt_redis_view *v)
{
	pthread_mutex_lock(&v->lock);
	for (int p = 0; p < YT_PARTITIONS_MAX; p++)
		v->sweep_wanted[p] |= v->sweeping && v->sweep_on[p];
	pthread_mutex_unlock(&v->lock);
	v->sweeping = false;
	memset(v->sweep_on, 0, sizeof v->sweep_on);
}

/* Gives the connection up: its outcome is unknown, or the server refuses what it is asked. */
static void go_away(struct yt_redis_view *v, const struct yt_err *err)
{
	v->socket = -1;
	yt_redis_disconnect(&v->link);
	v->connected = false;
	for (int p = 0; p < YT_PARTITIONS_MAX; p++)
		v->seen[p].known = false;
	sweep_give_up(v);
	COUNT(v, errors, 1);
	if (!v->stop)
		say_away(v, err);
	back_off(v);
}

/* The server answers with an error: it would be the same on the next connection, so that one is not announced. */
static void go_away_ailing(struct yt_redis_view *v, const char *what, const char *text)
{
	struct yt_err err;

	yt_err_set(&err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "%s: %.150s", what, text);
	v->ailing = true;
	go_away(v, &err);
}

static void wrote(struct yt_redis_view *v)
{
	v->backoff_ms = YT_REDIS_BACKOFF_MS_MIN;
	if (v->ailing)
		say_connected(v);
}

/* ---- Keys and calls */

static struct yt_str key_of(struct yt_redis_view *v, int shard, struct yt_str suffix)
{
	return yt_arena_printf(&v->arena, "%s:{%d}:%.*s", v->conf.prefix, shard, YT_FMT(suffix));
}

static void call_begin(struct yt_redis_view *v)
{
	yt_arena_reset(&v->arena);
	yt_buf_clear(&v->keys);
	yt_buf_clear(&v->head);
	yt_buf_clear(&v->args);
	v->n_keys = v->n_args = 0;
}

static void call_key(struct yt_redis_view *v, int shard, struct yt_str suffix)
{
	yt_resp_bulk(&v->keys, key_of(v, shard, suffix));
	v->n_keys++;
}

static void call_arg(struct yt_redis_view *v, struct yt_str s)
{
	yt_resp_bulk(&v->args, s);
	v->n_args++;
}

static void call_arg_u64(struct yt_redis_view *v, uint64_t n)
{
	yt_resp_u64(&v->args, n);
	v->n_args++;
}

/* Arguments that stand before all others, whenever they become known. */
static void call_head(struct yt_redis_view *v, struct yt_str s)
{
	yt_resp_bulk(&v->head, s);
	v->n_args++;
}

static size_t call_bytes(const struct yt_redis_view *v)
{
	return v->keys.n + v->head.n + v->args.n;
}

/* Appends the call to `out`. */
static void call_end(struct yt_redis_view *v, const char *function)
{
	yt_resp_array(&v->out, 3 + v->n_keys + v->n_args);
	yt_resp_bulk(&v->out, YT_S("FCALL"));
	yt_resp_bulk(&v->out, yt_str_z(function));
	yt_resp_u64(&v->out, v->n_keys);
	yt_buf_str_add(&v->out, yt_buf_str(&v->keys));
	yt_buf_str_add(&v->out, yt_buf_str(&v->head));
	yt_buf_str_add(&v->out, yt_buf_str(&v->args));
}

static bool function_missing(const redisReply *r)
{
	return r->type == REDIS_REPLY_ERROR && yt_str_starts(yt_redis_str(r), YT_S("ERR Function not found"));
}

static bool load_library(struct yt_redis_view *v)
{
	struct yt_err err;

	if (yt_redis_load_library(&v->link, &err) != 0) {
		v->ailing = v->link.c->err == 0;
		go_away(v, &err);
		return false;
	}
	COUNT(v, loads, 1);
	yt_info("view_library_loaded", "name=%s", yt_redis_library);
	return true;
}

/* Sends the one call in `out` and gives its number; INT64_MIN where Redis went away. Loads the library where it is missing. */
static int64_t call(struct yt_redis_view *v, const char *what)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		struct yt_err err;
		redisReply *r = NULL;
		int64_t n;

		if (yt_redis_send(&v->link, yt_buf_str(&v->out), &err) == 0)
			r = yt_redis_reply(&v->link, &err);
		if (!r) {
			go_away(v, &err);
			return INT64_MIN;
		}
		if (r->type == REDIS_REPLY_INTEGER) {
			n = r->integer;
			freeReplyObject(r);
			COUNT(v, calls, 1);
			wrote(v);
			return n;
		}
		if (attempt > 0 || !function_missing(r)) {
			go_away_ailing(v, what, r->type == REDIS_REPLY_ERROR ? r->str : "unexpected answer");
			freeReplyObject(r);
			return INT64_MIN;
		}
		freeReplyObject(r);
		if (!load_library(v))
			return INT64_MIN;
	}
	return INT64_MIN;
}

/* ---- where */

static void seen_set(struct yt_redis_view *v, int shard, const char *log_id, uint64_t version, uint64_t part)
{
	struct seen *s = &v->seen[shard];

	s->known = s->has_version = true;
	snprintf(s->log_id, sizeof s->log_id, "%s", log_id);
	s->version = version;
	s->part = part;
	s->mark[0] = 0;
}

static void copy_text(char *out, size_t cap, struct yt_str s)
{
	size_t n = s.n < cap ? s.n : cap - 1;

	if (n)
		memcpy(out, s.p, n);
	out[n] = 0;
}

static void ask_where(struct yt_redis_view *v, struct yt_buf *out, int shard)
{
	yt_resp_array(out, 8);
	yt_resp_bulk(out, YT_S("HMGET"));
	yt_resp_bulk(out, key_of(v, shard, YT_S("at")));
	yt_resp_bulk(out, YT_S("log_id"));
	yt_resp_bulk(out, YT_S("version"));
	yt_resp_bulk(out, YT_S("reset"));
	yt_resp_bulk(out, YT_S("run"));
	yt_resp_bulk(out, YT_S("part"));
	yt_resp_bulk(out, YT_S("form"));
}

static struct yt_str form(const struct yt_redis_view *v)
{
	return v->conf.orders ? YT_S(YT_VIEW_FORM " orders") : YT_S(YT_VIEW_FORM);
}

/* What `at` says of the Redis that was swept. */
static struct yt_str run(const struct yt_redis_view *v)
{
	return *v->link.run_id ? yt_str_z(v->link.run_id) : YT_S("-");
}

/* False where the answer is an error that says nothing of the shard. A key of another type is as good as none: reset removes it. */
static bool read_where(struct yt_redis_view *v, int shard, const redisReply *r, bool *unswept)
{
	struct seen *s = &v->seen[shard], before = *s;
	struct yt_str version = { 0 }, part = { 0 }, swept = { 0 };
	int64_t n = 0;

	*unswept = false;
	if (r->type == REDIS_REPLY_ERROR && !yt_str_starts(yt_redis_str(r), YT_S("WRONGTYPE")))
		return false;
	s->known = true;
	s->has_version = s->same_form = false;
	s->version = s->part = 0;
	s->log_id[0] = s->mark[0] = 0;
	if (r->type == REDIS_REPLY_ARRAY && r->elements == 6) {
		copy_text(s->log_id, sizeof s->log_id, yt_redis_str(r->element[0]));
		version = yt_redis_str(r->element[1]);
		copy_text(s->mark, sizeof s->mark, yt_redis_str(r->element[2]));
		swept = yt_redis_str(r->element[3]);
		part = yt_redis_str(r->element[4]);
		s->same_form = yt_str_eq(yt_redis_str(r->element[5]), form(v));
	}
	if (version.p && yt_parse_int(version, 0, INT64_MAX, &n)) {
		s->has_version = true;
		s->version = (uint64_t)n;
	}
	if (part.p && yt_parse_int(part, 0, INT64_MAX, &n))
		s->part = (uint64_t)n;
	if (s->log_id[0])
		*unswept = !yt_str_eq(swept, run(v)) || (!*v->link.run_id && s->connection != v->stats.connects);
	s->connection = v->stats.connects;
	/* Somebody else has written: the pass that is on began before. */
	if (before.version != s->version || before.part != s->part || strcmp(before.log_id, s->log_id) != 0)
		v->sweep_on[shard] = false;
	return true;
}

static void do_where(struct yt_redis_view *v, struct list *items)
{
	struct yt_err err;
	struct item *it;
	bool ok;

	yt_arena_reset(&v->arena);
	yt_buf_clear(&v->out);
	for (it = items->head; it; it = it->next)
		ask_where(v, &v->out, it->shard);
	ok = yt_redis_send(&v->link, yt_buf_str(&v->out), &err) == 0;
	if (!ok)
		go_away(v, &err);
	while ((it = list_take(items))) {
		redisReply *r = ok ? yt_redis_reply(&v->link, &err) : NULL;

		if (ok && !r)
			go_away(v, &err);
		else if (ok && !read_where(v, it->shard, r, &it->unswept))
			go_away_ailing(v, "HMGET", r->str);
		ok = ok && v->connected;
		if (ok) {
			/* While a shard is being rebuilt, has fields we did not write, or another form, it is as good as nothing. */
			const struct seen *s = &v->seen[it->shard];

			if (s->has_version && s->same_form)
				memcpy(it->log_id, s->log_id, sizeof it->log_id);
			it->version = s->version;
		}
		if (r)
			freeReplyObject(r);
		answer_status(v, it, ok ? YT_VIEW_OK : YT_VIEW_AWAY);
	}
}

/* ---- apply */

static void add_hash(struct yt_redis_view *v, int shard, const struct yt_view_hash *h)
{
	call_key(v, shard, h->suffix);
	if (h->expires_at_ms == YT_NEVER || h->n == 0)
		call_arg(v, YT_S("0"));
	else
		call_arg(v, yt_arena_printf(&v->arena, "%" PRId64, h->expires_at_ms));
	yt_buf_clear(&v->packed);
	if (h->n)
		yt_redis_pack_hash(&v->packed, h->fields, h->n);
	call_arg(v, yt_buf_str(&v->packed));
}

static void add_entity(struct yt_redis_view *v, int shard, const struct yt_view_entity *e)
{
	struct yt_view_hash hashes[YT_VIEW_HASHES_MAX];
	void *obj = NULL;
	size_t n;

	if (e->blob.p) {
		obj = yt_entities[e->kind].decode(&v->arena, e->name, e->blob);
		YT_ASSERT(obj != NULL, yt_entities[e->kind].prefix.p);
	}
	n = yt_view_render_some(&v->arena, e->kind, e->name, obj, v->conf.orders, e->hashes, hashes);
	for (size_t i = 0; i < n; i++)
		if (e->hashes >> i & 1)
			add_hash(v, shard, &hashes[i]);
}

/* What `part` is behind a call: the one that moves the version begins anew. */
static uint64_t next_part(const struct yt_redis_view *v, const struct yt_view_job *job, bool last)
{
	return last && job->to != job->from ? 0 : v->seen[job->shard].part + 1;
}

/* One call with the entities from *at on, as many as fit. True for the last call of the job: that one moves the version. */
static bool render_call(struct yt_redis_view *v, const struct yt_view_job *job, size_t *at)
{
	bool last;

	call_begin(v);
	call_key(v, job->shard, YT_S("at"));
	while (*at < job->n && call_bytes(v) < YT_REDIS_CALL_BYTES_MAX)
		add_entity(v, job->shard, &job->entities[(*at)++]);
	last = *at == job->n;
	call_head(v, yt_str_z(job->log_id));
	call_head(v, yt_arena_printf(&v->arena, "%" PRIu64, job->from));
	call_head(v, yt_arena_printf(&v->arena, "%" PRIu64, v->seen[job->shard].part));
	call_head(v, yt_arena_printf(&v->arena, "%" PRIu64, last ? job->to : job->from));
	call_head(v, yt_arena_printf(&v->arena, "%" PRIu64, next_part(v, job, last)));
	call_head(v, yt_arena_printf(&v->arena, "%" PRIu64, job->newest));
	call_head(v, yt_arena_printf(&v->arena, "%" PRId64, job->time_ms));
	call_head(v, job->unswept ? YT_S("1") : YT_S(""));
	COUNT(v, hashes, v->n_keys - 1);
	COUNT(v, bytes, call_bytes(v));
	return last;
}

static void applied(struct yt_redis_view *v, struct item *it, enum yt_view_status status)
{
	if (status == YT_VIEW_OK)
		seen_set(v, it->shard, it->job->log_id, it->job->to, next_part(v, it->job, true));
	else
		v->seen[it->shard].known = false;
	/* What the pass that is on has judged of the shard is older. */
	if (status != YT_VIEW_OK || it->job->unswept)
		v->sweep_on[it->shard] = false;
	answer_status(v, it, status);
}

/* Takes the answers of all calls in `out`. Those that found no function are sent once more. */
static void flush_applies(struct yt_redis_view *v)
{
	size_t n = v->n_sent;
	struct yt_err err;

	v->n_sent = 0;
	for (int attempt = 0; n && v->connected; attempt++) {
		size_t again = 0;

		for (size_t i = 0; i < n && v->connected; i++)
			if (yt_redis_send(&v->link, yt_str(v->out.p + v->sent[i].at, v->sent[i].n), &err) != 0)
				go_away(v, &err);
		for (size_t i = 0; i < n; i++) {
			redisReply *r = v->connected ? yt_redis_reply(&v->link, &err) : NULL;

			if (r && r->type == REDIS_REPLY_INTEGER) {
				COUNT(v, calls, 1);
				wrote(v);
				applied(v, v->sent[i].item, r->integer ? YT_VIEW_OK : YT_VIEW_STALE);
			} else if (r && attempt == 0 && function_missing(r)) {
				v->sent[again++] = v->sent[i];
			} else {
				if (v->connected && r)
					go_away_ailing(v, "FCALL", r->type == REDIS_REPLY_ERROR ? r->str : "unexpected answer");
				else if (v->connected)
					go_away(v, &err);
				applied(v, v->sent[i].item, YT_VIEW_AWAY);
			}
			if (r)
				freeReplyObject(r);
		}
		n = again;
		if (n && v->connected)
			load_library(v);
	}
	for (size_t i = 0; i < n; i++)
		applied(v, v->sent[i].item, YT_VIEW_AWAY);
	yt_buf_clear(&v->out);
}

static void remember_sent(struct yt_redis_view *v, struct item *it, size_t at)
{
	if (v->n_sent == v->cap_sent) {
		v->cap_sent = v->cap_sent ? 2 * v->cap_sent : 64;
		v->sent = realloc(v->sent, v->cap_sent * sizeof *v->sent);
		YT_ASSERT(v->sent, NULL);
	}
	v->sent[v->n_sent].item = it;
	v->sent[v->n_sent].at = at;
	v->sent[v->n_sent++].n = v->out.n - at;
}

/* All calls of a job but the last go out one by one: the last one moves the version, and must not be sent before the others are in. */
static void apply_job(struct yt_redis_view *v, struct item *it)
{
	size_t at = 0, from;

	/* On another connection than the one where() was asked on Redis may lack earlier parts. */
	if (!v->seen[it->shard].known) {
		applied(v, it, YT_VIEW_STALE);
		return;
	}
	while (!render_call(v, it->job, &at)) {
		int64_t n;

		flush_applies(v); /* what was gathered of other jobs */
		call_end(v, "yutang_v4_apply");
		n = v->connected ? call(v, "FCALL") : INT64_MIN;
		yt_buf_clear(&v->out);
		if (n <= 0) {
			applied(v, it, n == 0 ? YT_VIEW_STALE : YT_VIEW_AWAY);
			return;
		}
		v->seen[it->shard].part = next_part(v, it->job, false);
	}
	from = v->out.n;
	call_end(v, "yutang_v4_apply");
	remember_sent(v, it, from);
	if (v->out.n >= YT_REDIS_CALL_BYTES_MAX)
		flush_applies(v);
}

static void do_apply(struct yt_redis_view *v, struct list *items)
{
	struct item *it;

	yt_buf_clear(&v->out);
	v->n_sent = 0;
	while ((it = list_take(items))) {
		if (v->connected)
			apply_job(v, it);
		else
			applied(v, it, YT_VIEW_AWAY);
	}
	if (v->n_sent)
		flush_applies(v);
}

/* ---- Removing */

static void port_sweep(void *ctx, int shard)
{
	struct yt_redis_view *v = ctx;

	YT_ASSERT(shard >= 0 && shard < YT_PARTITIONS_MAX, NULL);
	pthread_mutex_lock(&v->lock);
	v->sweep_wanted[shard] = true;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->lock);
}

/* The guard of a removal: what must still be stored. */
static void call_seen(struct yt_redis_view *v, int shard)
{
	const struct seen *s = &v->seen[shard];

	call_arg(v, yt_str_z(s->log_id));
	if (s->has_version)
		call_arg_u64(v, s->version);
	else
		call_arg(v, YT_S(""));
	call_arg_u64(v, s->part);
}

/* One SCAN step over all shards' keys. Returns the answer, and moves the cursor; NULL where Redis went away. */
static redisReply *scan(struct yt_redis_view *v, char cursor[24], int count)
{
	struct yt_err err;
	char pattern[128], number[16];
	redisReply *r;

	snprintf(pattern, sizeof pattern, "%s:{*}:*", v->conf.prefix);
	snprintf(number, sizeof number, "%d", count);
	r = YT_REDIS_COMMAND(&v->link, &err, "SCAN", cursor, "MATCH", pattern, "COUNT", number);
	if (r && (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[1]->type != REDIS_REPLY_ARRAY)) {
		freeReplyObject(r);
		r = NULL;
		yt_err_set(&err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "SCAN: unexpected answer");
	}
	if (!r) {
		v->ailing = v->link.c->err == 0;
		go_away(v, &err);
		return NULL;
	}
	copy_text(cursor, 24, yt_redis_str(r->element[0]));
	return r;
}

static bool is_at(struct yt_str suffix)
{
	return yt_str_eq(suffix, YT_S("at"));
}

/* ---- reset */

/* Rebuilding begins by taking the shard for us: `at` loses log_id and version, which refuses everybody's writes, and gets a mark that only we know.
 * Whoever takes it after us (it must have seen our mark) makes the rest of ours fail. */
static void new_mark(struct yt_redis_view *v, int shard, char mark[MARK_BYTES + 1])
{
	struct {
		uint64_t mono, connects;
		int64_t shard;
		pid_t pid;
		struct timespec wall;
		char host[64];
	} from;
	unsigned char digest[32];

	memset(&from, 0, sizeof from);
	from.mono = (uint64_t)mono_ms();
	from.connects = v->stats.connects;
	from.shard = shard;
	from.pid = getpid();
	clock_gettime(CLOCK_REALTIME, &from.wall);
	gethostname(from.host, sizeof from.host - 1);
	yt_sha256(yt_str((const char *)&from, sizeof from), digest);
	yt_hex(digest, MARK_BYTES / 2, mark);
}

static bool learn_where(struct yt_redis_view *v, int shard)
{
	struct yt_err err;
	redisReply *r = NULL;
	bool unswept;

	yt_arena_reset(&v->arena);
	yt_buf_clear(&v->out);
	ask_where(v, &v->out, shard);
	if (yt_redis_send(&v->link, yt_buf_str(&v->out), &err) == 0)
		r = yt_redis_reply(&v->link, &err);
	if (!r)
		go_away(v, &err);
	else if (!read_where(v, shard, r, &unswept))
		go_away_ailing(v, "HMGET", r->str);
	if (r)
		freeReplyObject(r);
	return v->connected;
}

static int64_t reset_begin(struct yt_redis_view *v, int shard)
{
	char mark[MARK_BYTES + 1];
	int64_t n;

	if (!v->seen[shard].known && !learn_where(v, shard))
		return INT64_MIN;
	new_mark(v, shard, mark);
	call_begin(v);
	yt_buf_clear(&v->out);
	call_key(v, shard, YT_S("at"));
	call_seen(v, shard);
	call_arg(v, yt_str_z(v->seen[shard].mark));
	call_arg(v, yt_str_z(mark));
	call_end(v, "yutang_v4_reset_begin");
	n = call(v, "FCALL");
	v->seen[shard] = (struct seen){ .known = n == 1 };
	if (n == 1)
		memcpy(v->seen[shard].mark, mark, sizeof mark);
	return n;
}

static int64_t reset_end(struct yt_redis_view *v, int shard, const char *log_id)
{
	int64_t n;

	call_begin(v);
	yt_buf_clear(&v->out);
	call_key(v, shard, YT_S("at"));
	call_arg(v, yt_str_z(v->seen[shard].mark));
	call_arg(v, yt_str_z(log_id));
	call_arg(v, run(v));
	call_arg(v, form(v));
	call_end(v, "yutang_v4_reset_end");
	n = call(v, "FCALL");
	if (n == 1)
		seen_set(v, shard, log_id, 0, 0);
	else
		v->seen[shard].known = false;
	return n;
}

/* Removes those keys of one shard that are gone, guarded. How many; -1: Redis has something else by now; -2: it has newer things than who said what
 * is gone; INT64_MIN: away. */
static int64_t remove_keys(struct yt_redis_view *v, int shard, const struct found *keys, size_t n)
{
	uint64_t version = UINT64_MAX;

	call_begin(v);
	yt_buf_clear(&v->out);
	call_key(v, shard, YT_S("at"));
	for (size_t i = 0; i < n; i++)
		if (keys[i].shard == shard && keys[i].knows == YT_VIEW_GONE) {
			call_key(v, shard, keys[i].suffix);
			version = keys[i].version;
		}
	if (v->n_keys == 1)
		return 0;
	call_seen(v, shard);
	call_arg(v, yt_str_z(v->seen[shard].mark));
	call_arg_u64(v, version);
	call_end(v, "yutang_v4_remove");
	return call(v, "FCALL");
}

/* The keys of an answer of SCAN that belong to shards of the set, `at` left out. */
static struct page *page_of(struct yt_redis_view *v, const redisReply *r, const bool *set)
{
	const redisReply *keys = r->element[1];
	struct page *p = calloc(1, sizeof *p);

	YT_ASSERT(p, NULL);
	yt_arena_init(&p->arena, 0);
	p->keys = yt_arena_alloc(&p->arena, (keys->elements + 1) * sizeof *p->keys);
	for (size_t i = 0; i < keys->elements; i++) {
		struct found f = { .knows = YT_VIEW_GONE, .version = UINT64_MAX };

		if (!yt_redis_split_key(v->conf.prefix, yt_redis_str(keys->element[i]), &f.shard, &f.suffix) || !set[f.shard] || is_at(f.suffix))
			continue;
		f.suffix = yt_arena_dup(&p->arena, f.suffix);
		p->keys[p->n++] = f;
	}
	return p;
}

static bool is_not_ours(const struct page *p, int shard)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->keys[i].shard == shard && p->keys[i].knows == YT_VIEW_NOT_OURS)
			return true;
	return false;
}

/* Removes what the page says, shard by shard. A shard that was taken back, or that somebody else writes, is taken out of the set: whoever asks
 * where() next hears that it is unswept. One of which Redis has something else by now is taken out too, and its sweep waits until where() tells us more. */
static void remove_page(struct yt_redis_view *v, const struct page *p, bool *set, bool sweep)
{
	for (size_t i = 0; i < p->n && v->connected; i++) {
		int shard = p->keys[i].shard;
		int64_t n;
		size_t j = 0;

		while (j < i && p->keys[j].shard != shard)
			j++;
		if (j < i || !set[shard])
			continue; /* done with the first key of that shard */
		n = is_not_ours(p, shard) ? -2 : v->seen[shard].known ? remove_keys(v, shard, p->keys, p->n) : -1;
		if (n == -2) {
			set[shard] = false;
			v->seen[shard].connection = 0; /* where Redis does not tell its run_id, this is what where() goes by */
		} else if (n == -1) {
			set[shard] = v->seen[shard].known = false;
			if (sweep)
				port_sweep(v, shard);
		} else if (n > 0 && sweep) {
			COUNT(v, swept, (uint64_t)n);
		}
	}
}

/* All resets that wait share one walk over the keys. */
static void do_reset(struct yt_redis_view *v, struct list *items)
{
	bool set[YT_PARTITIONS_MAX] = { false };
	struct list mine;
	struct item *it;
	char cursor[24] = "0";
	redisReply *r;

	list_init(&mine);
	while ((it = list_take(items))) {
		int64_t n = v->connected ? reset_begin(v, it->shard) : INT64_MIN;

		if (n == 1) {
			set[it->shard] = true;
			list_add(&mine, it);
		} else {
			answer_status(v, it, n == 0 ? YT_VIEW_STALE : YT_VIEW_AWAY);
		}
	}
	while (mine.n && v->connected && (r = scan(v, cursor, SCAN_KEYS))) {
		struct page *p = page_of(v, r, set);

		freeReplyObject(r);
		remove_page(v, p, set, false);
		page_free(p);
		if (strcmp(cursor, "0") == 0)
			break;
	}
	while ((it = list_take(&mine))) {
		int64_t n = !v->connected ? INT64_MIN : set[it->shard] ? reset_end(v, it->shard, it->log_id) : 0;

		answer_status(v, it, n == 1 ? YT_VIEW_OK : n == INT64_MIN ? YT_VIEW_AWAY : YT_VIEW_STALE);
	}
}

/* ---- sweep */

/* A pass walks over the keys of all shards that were wanted when it began and of which it is known what Redis has. */
static bool sweep_begin(struct yt_redis_view *v)
{
	pthread_mutex_lock(&v->lock);
	for (int p = 0; p < YT_PARTITIONS_MAX; p++) {
		v->sweep_on[p] = v->sweep_wanted[p] && v->seen[p].known && v->seen[p].has_version;
		v->sweep_wanted[p] &= !v->sweep_on[p];
		v->sweeping |= v->sweep_on[p];
	}
	pthread_mutex_unlock(&v->lock);
	strcpy(v->cursor, "0");
	return v->sweeping;
}

static void sweep_end_shard(struct yt_redis_view *v, int shard)
{
	call_begin(v);
	yt_buf_clear(&v->out);
	call_key(v, shard, YT_S("at"));
	call_seen(v, shard);
	call_arg(v, run(v));
	call_end(v, "yutang_v4_swept");
	if (call(v, "FCALL") == 1)
		COUNT(v, sweeps, 1);
	v->sweep_on[shard] = false;
}

static void sweep_end(struct yt_redis_view *v)
{
	/* What went away meanwhile was put back to be swept anew, and sweep_on cleared. */
	for (int p = 0; p < YT_PARTITIONS_MAX && v->connected; p++)
		if (v->sweep_on[p] && v->seen[p].known)
			sweep_end_shard(v, p);
	v->sweeping = false;
	memset(v->sweep_on, 0, sizeof v->sweep_on);
}

/* One step: a page to the main thread, or the end. */
static void sweep_step(struct yt_redis_view *v)
{
	redisReply *r = scan(v, v->cursor, PAGE_KEYS);
	struct item *it;
	struct page *p;

	if (!r)
		return;
	p = page_of(v, r, v->sweep_on);
	freeReplyObject(r);
	if (p->n == 0) {
		page_free(p);
		if (strcmp(v->cursor, "0") == 0)
			sweep_end(v);
		return;
	}
	it = calloc(1, sizeof *it);
	YT_ASSERT(it, NULL);
	it->what = SWEEP_PAGE;
	it->page = p;
	v->page_out = true;
	answer(v, it);
}

static void do_page(struct yt_redis_view *v, struct item *it)
{
	v->page_out = false;
	if (v->connected && v->sweeping) {
		remove_page(v, it->page, v->sweep_on, true);
		if (v->connected && strcmp(v->cursor, "0") == 0)
			sweep_end(v);
	}
	page_free(it->page);
	free(it);
}

/* ---- The thread */

static bool try_connect(struct yt_redis_view *v)
{
	struct yt_err err;

	if (yt_redis_connect(&v->link, &v->conf, &v->url, &v->socket, &err) != 0) {
		COUNT(v, errors, 1);
		if (!v->stop)
			say_away(v, &err);
		back_off(v);
		return false;
	}
	v->connected = true;
	v->ping_at_ms = mono_ms() + PING_MS;
	COUNT(v, connects, 1);
	if (!v->ailing)
		say_connected(v);
	return true;
}

static void ping(struct yt_redis_view *v)
{
	struct yt_err err;
	redisReply *r = YT_REDIS_COMMAND(&v->link, &err, "PING");

	v->ping_at_ms = mono_ms() + PING_MS;
	if (!r) {
		go_away(v, &err);
		return;
	}
	freeReplyObject(r);
	if (!v->ailing)
		v->backoff_ms = YT_REDIS_BACKOFF_MS_MIN;
}

/* Without Redis: questions of where() wait for the next attempt, which keeps who asks from turning in a circle; the rest is answered at once. */
static void answer_away(struct yt_redis_view *v, bool where_too)
{
	struct list all, keep;
	struct item *it;

	list_init(&keep);
	pthread_mutex_lock(&v->lock);
	list_init(&all);
	while ((it = list_take(&v->down)))
		list_add(&all, it);
	pthread_mutex_unlock(&v->lock);
	while ((it = list_take(&all))) {
		if (it->what == SWEEP_PAGE)
			do_page(v, it);
		else if (it->what == WHERE && !where_too)
			list_add(&keep, it);
		else
			answer_status(v, it, YT_VIEW_AWAY);
	}
	/* Back to the front, before what came meanwhile. */
	pthread_mutex_lock(&v->lock);
	while ((it = list_take(&v->down)))
		list_add(&keep, it);
	while ((it = list_take(&keep)))
		list_add(&v->down, it);
	pthread_mutex_unlock(&v->lock);
}

/* The next items that can be done together: a run of where, a run of apply, all resets, or one page. */
static bool take_work(struct yt_redis_view *v, struct list *work)
{
	size_t n = 0;

	list_init(work);
	pthread_mutex_lock(&v->lock);
	if (v->down.head && v->down.head->what == RESET)
		list_pick(&v->down, RESET, work);
	else
		while (v->down.head && (!work->head || (work->head->what != SWEEP_PAGE && v->down.head->what == work->head->what)) &&
		       n++ < WHERE_MAX)
			list_add(work, list_take(&v->down));
	pthread_mutex_unlock(&v->lock);
	return work->head != NULL;
}

static void do_work(struct yt_redis_view *v, struct list *work)
{
	switch (work->head->what) {
	case WHERE: do_where(v, work); break;
	case APPLY: do_apply(v, work); break;
	case RESET: do_reset(v, work); break;
	case SWEEP_PAGE: do_page(v, list_take(work)); break;
	}
}

/* Waits for work until then; where Redis is away, work that can be answered is `apply` and `reset`. */
static void wait_until(struct yt_redis_view *v, int64_t until_ms)
{
	struct timespec t = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };

	pthread_mutex_lock(&v->lock);
	for (;;) {
		const struct item *it = v->down.head;
		bool sweep = false;

		while (!v->connected && it && it->what == WHERE)
			it = it->next;
		for (int p = 0; v->connected && !v->sweeping && p < YT_PARTITIONS_MAX; p++)
			sweep |= v->sweep_wanted[p] && v->seen[p].known && v->seen[p].has_version;
		if (v->stop || it || sweep || pthread_cond_timedwait(&v->wake, &v->lock, &t) != 0)
			break;
	}
	pthread_mutex_unlock(&v->lock);
}

static void turn_away(struct yt_redis_view *v)
{
	if (mono_ms() >= v->next_try_ms) {
		if (!try_connect(v))
			answer_away(v, true);
		return;
	}
	answer_away(v, false);
	wait_until(v, v->next_try_ms);
}

static bool sweep_due(struct yt_redis_view *v)
{
	return !v->page_out && (v->sweeping || sweep_begin(v));
}

static void turn_connected(struct yt_redis_view *v)
{
	struct list work;

	if (++v->turns % SWEEP_EVERY == 0 && sweep_due(v))
		sweep_step(v);
	else if (take_work(v, &work))
		do_work(v, &work);
	else if (sweep_due(v))
		sweep_step(v);
	else if (mono_ms() >= v->ping_at_ms)
		ping(v);
	else
		wait_until(v, v->ping_at_ms);
}

static void *thread_main(void *arg)
{
	struct yt_redis_view *v = arg;

	while (!v->stop) {
		if (v->connected)
			turn_connected(v);
		else
			turn_away(v);
	}
	v->socket = -1;
	yt_redis_disconnect(&v->link);
	return NULL;
}

/* ---- The port, on the main thread */

static struct item *item_new(enum what what, int shard)
{
	struct item *it = calloc(1, sizeof *it);

	YT_ASSERT(it, NULL);
	YT_ASSERT(shard >= 0 && shard < YT_PARTITIONS_MAX, NULL);
	it->what = what;
	it->shard = shard;
	return it;
}

static void port_where(void *ctx, int shard)
{
	push(ctx, item_new(WHERE, shard));
}

static void port_apply(void *ctx, struct yt_view_job *job)
{
	struct item *it = item_new(APPLY, job->shard);

	it->job = job;
	push(ctx, it);
}

static void port_reset(void *ctx, int shard, const char *log_id)
{
	struct item *it = item_new(RESET, shard);

	snprintf(it->log_id, sizeof it->log_id, "%s", log_id);
	push(ctx, it);
}

static void judge(struct yt_redis_view *v, struct page *p)
{
	for (size_t i = 0; i < p->n; i++)
		p->keys[i].knows = v->up->knows(v->up_ctx, p->keys[i].shard, p->keys[i].suffix, &p->keys[i].version);
}

static void hand_up(struct yt_redis_view *v, struct item *it)
{
	switch (it->what) {
	case WHERE: v->up->on_where(v->up_ctx, it->shard, it->status, it->log_id, it->version, it->unswept); break;
	case APPLY: v->up->on_applied(v->up_ctx, it->job, it->status); break;
	case RESET: v->up->on_reset(v->up_ctx, it->shard, it->status); break;
	case SWEEP_PAGE:
		judge(v, it->page);
		push(v, it);
		return;
	}
	free(it);
}

static void take_answers(struct yt_redis_view *v, struct list *out)
{
	struct item *it;

	list_init(out);
	pthread_mutex_lock(&v->lock);
	while ((it = list_take(&v->answers))) {
		v->stats.waiting -= it->what != SWEEP_PAGE;
		list_add(out, it);
	}
	pthread_mutex_unlock(&v->lock);
}

static void port_poll(void *ctx)
{
	struct yt_redis_view *v = ctx;
	struct list answers;
	struct item *it;
	uint64_t n;

	/* The counter first: what comes after it makes the descriptor readable again. */
	while (read(v->wake_fd, &n, sizeof n) > 0)
		continue;
	take_answers(v, &answers);
	while ((it = list_take(&answers)))
		hand_up(v, it);
}

/* ---- Life */

static bool prefix_ok(const char *prefix)
{
	size_t n = strspn(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");

	return n > 0 && n <= 64 && prefix[n] == 0;
}

static void start_thread(struct yt_redis_view *v)
{
	sigset_t all, old;
	int rc;

	/* Signals are for the main thread; SIGPIPE of a dead connection for nobody. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&v->thread, NULL, thread_main, v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	YT_ASSERT(rc == 0, NULL);
	pthread_setname_np(v->thread, "yutang-view");
}

struct yt_redis_view *yt_redis_view_new(const struct yt_redis_conf *conf, struct yt_err *err)
{
	struct yt_redis_url url;
	struct yt_redis_view *v;
	pthread_condattr_t attr;

	if (yt_redis_url_parse(conf->url, &url, err) != 0)
		return NULL;
	if (!prefix_ok(conf->prefix)) {
		yt_err_set(err, YT_ERR_INPUT, YT_EXIT_CONFIG, "the prefix of the keys has 1 to 64 of the characters A-Z a-z 0-9 . _ : -");
		return NULL;
	}
	v = calloc(1, sizeof *v);
	YT_ASSERT(v, NULL);
	v->port = (struct yt_view){ v, port_poll, port_where, port_apply, port_reset, port_sweep };
	v->conf = *conf;
	v->url = url;
	v->socket = -1;
	v->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	YT_ASSERT(v->wake_fd >= 0, NULL);
	v->seen = calloc(YT_PARTITIONS_MAX, sizeof *v->seen);
	YT_ASSERT(v->seen, NULL);
	v->backoff_ms = YT_REDIS_BACKOFF_MS_MIN;
	snprintf(v->stats.why, sizeof v->stats.why, "not connected yet");
	list_init(&v->down);
	list_init(&v->answers);
	yt_arena_init(&v->arena, 0);
	yt_buf_init(&v->keys, NULL);
	yt_buf_init(&v->head, NULL);
	yt_buf_init(&v->args, NULL);
	yt_buf_init(&v->packed, NULL);
	yt_buf_init(&v->out, NULL);
	pthread_mutex_init(&v->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&v->wake, &attr);
	pthread_condattr_destroy(&attr);
	start_thread(v);
	return v;
}

void yt_redis_view_bind(struct yt_redis_view *v, const struct yt_view_up *up, void *up_ctx)
{
	v->up = up;
	v->up_ctx = up_ctx;
}

struct yt_view *yt_redis_view_port(struct yt_redis_view *v)
{
	return &v->port;
}

int yt_redis_view_fd(const struct yt_redis_view *v)
{
	return v->wake_fd;
}

void yt_redis_view_stats(struct yt_redis_view *v, struct yt_redis_stats *out)
{
	pthread_mutex_lock(&v->lock);
	*out = v->stats;
	pthread_mutex_unlock(&v->lock);
}

/* Wakes the thread wherever it waits. False where it does not end in time. */
static bool stop_thread(struct yt_redis_view *v)
{
	struct timespec until;

	pthread_mutex_lock(&v->lock);
	v->stop = true;
	pthread_cond_signal(&v->wake);
	pthread_mutex_unlock(&v->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	for (int i = 0; i < JOIN_SECONDS * 20; i++) {
		int fd = v->socket;

		/* Again and again: a connection may be made while we look. */
		if (fd >= 0)
			shutdown(fd, SHUT_RDWR);
		until.tv_nsec += 50000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_timedjoin_np(v->thread, NULL, &until) == 0)
			return true;
	}
	return false;
}

static void give_back(struct yt_redis_view *v, struct list *l)
{
	struct item *it;

	while ((it = list_take(l))) {
		if (it->job)
			v->up->on_applied(v->up_ctx, it->job, it->status);
		if (it->page)
			page_free(it->page);
		free(it);
	}
}

void yt_redis_view_free(struct yt_redis_view *v)
{
	struct list down;
	struct item *it;

	if (!v)
		return;
	if (!stop_thread(v)) {
		/* It sits in name resolution and will end when that does; until then it needs its memory. */
		pthread_detach(v->thread);
		return;
	}
	/* Jobs go back to their owner, the rest is dropped. */
	give_back(v, &v->answers);
	list_init(&down);
	while ((it = list_take(&v->down))) {
		it->status = YT_VIEW_AWAY;
		list_add(&down, it);
	}
	give_back(v, &down);
	while ((it = list_take(&v->down))) { /* asked from within on_applied */
		YT_ASSERT(!it->job, NULL);
		free(it);
	}
	close(v->wake_fd);
	yt_arena_deinit(&v->arena);
	yt_buf_deinit(&v->keys);
	yt_buf_deinit(&v->head);
	yt_buf_deinit(&v->args);
	yt_buf_deinit(&v->packed);
	yt_buf_deinit(&v->out);
	free(v->sent);
	free(v->seen);
	pthread_mutex_destroy(&v->lock);
	pthread_cond_destroy(&v->wake);
	free(v);
}
