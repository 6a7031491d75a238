/* The Redis view against a real Redis: redis_view URL PREFIX FOLDER [NAME]. The server behind URL is shared and keeps its settings; tests that need
 * one that can be killed or set up otherwise start their own in FOLDER.
 *
 * Entities and their rendering are stubs here, so that what Redis does with hashes of any shape shows: an entity's blob is lines of
 * `name=value`, `@expires` and `*count size`, and its hash is these fields. */
#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "unit/test.h"
#include "yutang/base/log.h"
#include "yutang/io/redis.h"

enum { WAIT_MS = 60000, SHARDS = 16 };

static const char *shared_url, *prefix, *folder;

static void nap(void)
{
	struct timespec t = { .tv_nsec = 5000000 };

	nanosleep(&t, NULL);
}

/* ---- Stub entities */

static void *stub_fresh(struct yt_arena *a, struct yt_str name)
{
	(void)name;
	return yt_arena_zalloc(a, sizeof(struct yt_str));
}

static void *stub_decode(struct yt_arena *a, struct yt_str name, struct yt_str value)
{
	struct yt_str *s = yt_arena_alloc(a, sizeof *s);

	(void)name;
	*s = value;
	return s;
}

static void stub_encode(const void *obj, struct yt_buf *out)
{
	yt_buf_str_add(out, *(const struct yt_str *)obj);
}

static int64_t stub_never(const void *obj)
{
	(void)obj;
	return YT_NEVER;
}

#define STUB(p) { YT_STR(p), 1 << 20, stub_fresh, stub_decode, stub_encode, stub_never, stub_never, NULL }
const struct yt_entity_ops yt_entities[YT_KIND__COUNT] = { STUB("member:"), STUB("order:"), STUB("day:"), STUB("channels:"), STUB("phone:"), STUB("quota:"),
	STUB("account:"), STUB("group:"), STUB("alias:"), STUB("erased:") };

size_t yt_view_render_some(struct yt_arena *a, enum yt_kind kind, struct yt_str name, const void *obj, bool with_orders, unsigned hashes,
                           struct yt_view_hash out[YT_VIEW_HASHES_MAX])
{
	struct yt_view_hash *h = &out[0];
	struct yt_str *fields = NULL;
	char *blob, *save = NULL;
	size_t n = 0;

	(void)hashes;
	if (kind == YT_KIND_ORDER && !with_orders)
		return 0;
	*h = (struct yt_view_hash){ .expires_at_ms = YT_NEVER };
	h->suffix = yt_arena_printf(a, "%.*s%.*s", YT_FMT(yt_entities[kind].prefix), YT_FMT(name));
	if (!obj)
		return 1;
	blob = (char *)(uintptr_t)yt_arena_dup(a, *(const struct yt_str *)obj).p;
	h->fields = fields = yt_arena_alloc(a, (64 + (*blob == '*' ? 2 * (size_t)atoi(blob + 1) : 0)) * sizeof *fields);
	for (char *line = strtok_r(blob, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int count, size;

		if (*line == '@') {
			h->expires_at_ms = atoll(line + 1);
		} else if (sscanf(line, "*%d %d", &count, &size) == 2) {
			for (int i = 0; i < count; i++) {
				fields[n++] = yt_arena_printf(a, "f%d", i);
				fields[n++] = yt_arena_printf(a, "%0*d", size, i);
			}
		} else {
			char *eq = strchr(line, '=');

			fields[n++] = yt_str(line, (size_t)(eq - line));
			fields[n++] = yt_str_z(eq + 1);
		}
	}
	h->n = n / 2;
	return 1;
}

/* ---- An engine that writes down what it is told */

struct told {
	int wheres, applies, resets;
	enum yt_view_status status; /* of the last answer */
	char log_id[33];
	uint64_t version;
	bool unswept;
	int knows; /* questions */
	uint64_t memory; /* version of what answers them; 0: as new as can be */
	const char *known;  /* texts that a known suffix contains */
	bool not_ours; /* no shard is */
	int ok, stale, away; /* of applies */
};

static void on_where(void *ctx, int shard, enum yt_view_status status, const char *log_id, uint64_t version, bool unswept)
{
	struct told *t = ctx;

	(void)shard;
	t->wheres++;
	t->status = status;
	snprintf(t->log_id, sizeof t->log_id, "%s", log_id);
	t->version = version;
	t->unswept = unswept;
}

static void on_applied(void *ctx, struct yt_view_job *job, enum yt_view_status status)
{
	struct told *t = ctx;

	t->applies++;
	t->status = status;
	t->ok += status == YT_VIEW_OK;
	t->stale += status == YT_VIEW_STALE;
	t->away += status == YT_VIEW_AWAY;
	yt_arena_deinit(&job->arena);
	free(job);
}

static void on_reset(void *ctx, int shard, enum yt_view_status status)
{
	struct told *t = ctx;

	(void)shard;
	t->resets++;
	t->status = status;
}

static enum yt_view_knows knows(void *ctx, int shard, struct yt_str suffix, uint64_t *version)
{
	struct told *t = ctx;
	char text[256];

	(void)shard;
	t->knows++;
	*version = t->memory ? t->memory : UINT64_MAX;
	snprintf(text, sizeof text, "%.*s", YT_FMT(suffix));
	if (t->not_ours)
		return YT_VIEW_NOT_OURS;
	return t->known && strstr(text, t->known) ? YT_VIEW_KNOWN : YT_VIEW_GONE;
}

static const struct yt_view_up up = { on_where, on_applied, on_reset, knows };

/* What a test opens is closed after it, however it ended. */
static struct {
	struct yt_redis_view *views[4];
	int n_views;
	redisContext *direct;
	pid_t server;
	int port;
	char dir[512], url[640], prefix[64];
	struct told told[4];
} now;

static int tests;

static struct yt_redis_view *open_view_of(const struct yt_redis_conf *conf)
{
	struct yt_err err;
	struct yt_redis_view *v = yt_redis_view_new(conf, &err);

	CHECK_MSG(v, "%s", err.msg);
	yt_redis_view_bind(v, &up, &now.told[now.n_views]);
	now.views[now.n_views++] = v;
	return v;
}

static struct yt_redis_view *open_view(void)
{
	struct yt_redis_conf conf = { now.url, NULL, now.prefix, false };

	return open_view_of(&conf);
}

static redisReply *direct(const char *fmt, ...)
{
	va_list ap;
	redisReply *r = now.direct ? redisCommand(now.direct, "PING") : NULL;

	if (r)
		freeReplyObject(r);
	else { /* the server was restarted */
		struct timeval limit = { .tv_sec = 5 };
		int port = now.port;

		if (now.direct)
			redisFree(now.direct);
		if (!port)
			port = atoi(strrchr(shared_url, ':') + 1);
		now.direct = redisConnectWithTimeout("127.0.0.1", port, limit);
		CHECK_MSG(now.direct && !now.direct->err, "direct connection");
	}
	va_start(ap, fmt);
	r = redisvCommand(now.direct, fmt, ap);
	va_end(ap);
	CHECK_MSG(r, "no answer to %s", fmt);
	return r;
}

static void order(const char *fmt, ...)
{
	va_list ap;
	redisReply *r;

	freeReplyObject(direct("PING"));
	va_start(ap, fmt);
	r = redisvCommand(now.direct, fmt, ap);
	va_end(ap);
	CHECK_MSG(r && r->type != REDIS_REPLY_ERROR, "%s: %s", fmt, r ? r->str : "no answer");
	freeReplyObject(r);
}

/* A field, `-` where there is none; the fourth next call overwrites it. */
static const char *field(int shard, const char *suffix, const char *name)
{
	static char texts[4][256];
	static unsigned turn;
	char *out = texts[turn++ % 4];
	redisReply *r = direct("HGET %s:{%d}:%s %s", now.prefix, shard, suffix, name);

	snprintf(out, 256, "%s", r->type == REDIS_REPLY_NIL ? "-" : r->str);
	freeReplyObject(r);
	return out;
}

static long long number(const char *command, int shard, const char *suffix)
{
	redisReply *r = direct("%s %s:{%d}:%s", command, now.prefix, shard, suffix);
	long long n = r->type == REDIS_REPLY_INTEGER ? r->integer : -99;

	freeReplyObject(r);
	return n;
}

/* ---- Waiting */

static struct told *told(struct yt_redis_view *v)
{
	for (int i = 0; i < now.n_views; i++)
		if (now.views[i] == v)
			return &now.told[i];
	return NULL;
}

static void turn(struct yt_redis_view *v)
{
	struct pollfd p = { .fd = yt_redis_view_fd(v), .events = POLLIN };

	poll(&p, 1, 20);
	yt_redis_view_port(v)->poll(v);
}

#define WAIT(v, cond)                                                                                             \
	do {                                                                                                      \
		int64_t until_ = yt_test_ms() + WAIT_MS;                                                              \
		while (!(cond)) {                                                                                 \
			CHECK_MSG(yt_test_ms() < until_, "waited for %s", #cond);                                     \
			turn(v);                                                                                  \
		}                                                                                                 \
	} while (0)

static struct yt_redis_stats stats(struct yt_redis_view *v)
{
	struct yt_redis_stats s;

	yt_redis_view_stats(v, &s);
	return s;
}

static enum yt_view_status where(struct yt_redis_view *v, int shard)
{
	int n = told(v)->wheres;

	yt_redis_view_port(v)->where(v, shard);
	WAIT(v, told(v)->wheres > n);
	return told(v)->status;
}

static enum yt_view_status reset(struct yt_redis_view *v, int shard, const char *log_id)
{
	int n = told(v)->resets;

	yt_redis_view_port(v)->reset(v, shard, log_id);
	WAIT(v, told(v)->resets > n);
	return told(v)->status;
}

static struct yt_view_job *job_new(int shard, const char *log_id, uint64_t from, uint64_t to, size_t max)
{
	struct yt_view_job *job = calloc(1, sizeof *job);

	job->shard = shard;
	snprintf(job->log_id, sizeof job->log_id, "%s", log_id);
	job->from = from;
	job->to = job->newest = to;
	job->time_ms = 1000 + (int64_t)to;
	yt_arena_init(&job->arena, 0);
	job->entities = yt_arena_zalloc(&job->arena, max * sizeof *job->entities);
	return job;
}

/* blob NULL: gone */
static void job_add(struct yt_view_job *job, enum yt_kind kind, const char *name, const char *blob)
{
	struct yt_view_entity *e = &job->entities[job->n++];

	e->kind = kind;
	e->hashes = ~0u;
	e->name = yt_arena_dup(&job->arena, yt_str_z(name));
	if (blob)
		e->blob = yt_arena_dup(&job->arena, yt_str_z(blob));
}

static enum yt_view_status apply(struct yt_redis_view *v, struct yt_view_job *job)
{
	int n = told(v)->applies;

	yt_redis_view_port(v)->apply(v, job);
	WAIT(v, told(v)->applies > n);
	return told(v)->status;
}

static enum yt_view_status apply_one(struct yt_redis_view *v, int shard, const char *log_id, uint64_t from, uint64_t to,
                                     const char *name, const char *blob)
{
	struct yt_view_job *job = job_new(shard, log_id, from, to, 1);

	job_add(job, YT_KIND_MEMBER, name, blob);
	return apply(v, job);
}

static struct yt_redis_view *open_ready(int shard)
{
	struct yt_redis_view *v = open_view();

	CHECK_INT(where(v, shard), YT_VIEW_OK);
	CHECK_INT(reset(v, shard, "L1"), YT_VIEW_OK);
	return v;
}

/* ---- Own servers */

static int free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), port = 10000 + (int)((unsigned)(yt_test_ms() * 7919 + getpid() * 31) % 20000);

		a.sin_port = htons((uint16_t)port);
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0) {
			close(fd);
			return port;
		}
		close(fd);
		nap();
	}
}

static void start_server(const char *policy, const char *save)
{
	char port[16];

	snprintf(port, sizeof port, "%d", now.port);
	now.server = fork();
	if (now.server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int log = open("redis.log", O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(log, 1);
		dup2(log, 2);
		execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", now.dir, "--save", "", "--appendonly", "no",
		       "--maxmemory-policy", policy, "--dbfilename", save, (char *)NULL);
		_exit(127);
	}
	for (int64_t until = yt_test_ms() + WAIT_MS;; nap()) {
		redisContext *c = redisConnect("127.0.0.1", now.port);
		redisReply *r = c && !c->err ? redisCommand(c, "PING") : NULL;
		bool good = r && r->type == REDIS_REPLY_STATUS;

		if (r)
			freeReplyObject(r);
		if (c)
			redisFree(c);
		if (good)
			return;
		CHECK_MSG(yt_test_ms() < until && waitpid(now.server, NULL, WNOHANG) == 0, "redis-server did not start");
	}
}

static void kill_server(void)
{
	if (now.server > 0) {
		kill(now.server, SIGKILL);
		waitpid(now.server, NULL, 0);
	}
	now.server = 0;
}

static void own_server(const char *policy)
{
	snprintf(now.dir, sizeof now.dir, "%s/own%d", folder, tests);
	mkdir(now.dir, 0700);
	if (chdir(now.dir) != 0)
		CHECK_MSG(false, "%s", now.dir);
	now.port = free_port();
	snprintf(now.url, sizeof now.url, "redis://127.0.0.1:%d/0", now.port);
	start_server(policy, "dump.rdb");
}

static void begin(void)
{
	memset(&now, 0, sizeof now);
	tests++;
	snprintf(now.url, sizeof now.url, "%s", shared_url);
	snprintf(now.prefix, sizeof now.prefix, "%s%d", prefix, tests);
}

/* The shared server keeps nothing of ours. */
static void clean_shared(void)
{
	redisContext *c = redisConnect("127.0.0.1", atoi(strrchr(shared_url, ':') + 1));
	redisReply *r = c && !c->err ? redisCommand(c, "EVAL %s 0 %s:*",
	                                            "for _, k in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('UNLINK', k) end",
	                                            now.prefix)
	                             : NULL;

	if (r)
		freeReplyObject(r);
	if (c)
		redisFree(c);
}

static void end(void)
{
	for (int i = 0; i < now.n_views; i++)
		yt_redis_view_free(now.views[i]);
	if (!now.port)
		clean_shared();
	if (now.direct)
		redisFree(now.direct);
	kill_server();
}

#define VIEW(name)                                                                                                \
	begin();                                                                                                  \
	RUN(name);                                                                                                \
	end()

/* ---- The shared server */

TEST(where_of_an_unknown_shard_is_empty)
{
	struct yt_redis_view *v = open_view();

	CHECK_INT(where(v, 3), YT_VIEW_OK);
	CHECK_STR(told(v)->log_id, "");
	CHECK_INT(told(v)->version, 0);
	CHECK_INT(stats(v).state, YT_REDIS_CONNECTED);
}

TEST(apply_writes_hashes_and_the_version)
{
	struct yt_redis_view *v = open_ready(3);
	struct yt_view_job *job = job_new(3, "L1", 0, 7, 3);

	job_add(job, YT_KIND_MEMBER, "s1/m-1", "paid_orders=2\nchannel=a b");
	job_add(job, YT_KIND_DAY, "s1/2026-11-24", "orders=1");
	job_add(job, YT_KIND_ORDER, "s1/o-1", "amount=5");
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	CHECK_STR(field(3, "member:s1/m-1", "paid_orders"), "2");
	CHECK_STR(field(3, "member:s1/m-1", "channel"), "a b");
	CHECK_STR(field(3, "day:s1/2026-11-24", "orders"), "1");
	CHECK_INT(number("EXISTS", 3, "order:s1/o-1"), 0);
	CHECK_STR(field(3, "at", "log_id"), "L1");
	CHECK_STR(field(3, "at", "version"), "7");
	CHECK_STR(field(3, "at", "time"), "1007");
	CHECK_INT(where(v, 3), YT_VIEW_OK);
	CHECK_STR(told(v)->log_id, "L1");
	CHECK_INT(told(v)->version, 7);
	CHECK(!told(v)->unswept);
}

TEST(apply_removes_what_is_not_named_any_more)
{
	struct yt_redis_view *v = open_ready(0);

	CHECK_INT(apply_one(v, 0, "L1", 0, 1, "s1/m-1", "a=1\nb=2"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 0, "L1", 1, 2, "s1/m-1", "b=3"), YT_VIEW_OK);
	CHECK_STR(field(0, "member:s1/m-1", "a"), "-");
	CHECK_STR(field(0, "member:s1/m-1", "b"), "3");
	CHECK_INT(apply_one(v, 0, "L1", 2, 3, "s1/m-1", NULL), YT_VIEW_OK);
	CHECK_INT(number("EXISTS", 0, "member:s1/m-1"), 0);
}

TEST(apply_sets_and_takes_back_the_expiry)
{
	struct yt_redis_view *v = open_ready(0);

	CHECK_INT(apply_one(v, 0, "L1", 0, 1, "s1/m-1", "a=1\n@4102444800123"), YT_VIEW_OK);
	CHECK_INT(number("PEXPIRETIME", 0, "member:s1/m-1"), 4102444800123LL);
	CHECK_INT(apply_one(v, 0, "L1", 1, 2, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(number("PEXPIRETIME", 0, "member:s1/m-1"), -1);
	CHECK_INT(apply_one(v, 0, "L1", 2, 3, "s1/m-1", "a=1\n@1000"), YT_VIEW_OK);
	CHECK_INT(number("EXISTS", 0, "member:s1/m-1"), 0);
}

TEST(apply_from_another_version_writes_nothing)
{
	struct yt_redis_view *v = open_ready(0);

	CHECK_INT(apply_one(v, 0, "L1", 0, 5, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 0, "L1", 4, 6, "s1/m-1", "a=2"), YT_VIEW_STALE);
	CHECK_INT(apply_one(v, 0, "L1", 6, 7, "s1/m-1", "a=2"), YT_VIEW_STALE);
	CHECK_INT(apply_one(v, 0, "L2", 5, 6, "s1/m-1", "a=2"), YT_VIEW_STALE);
	CHECK_STR(field(0, "member:s1/m-1", "a"), "1");
	CHECK_STR(field(0, "at", "version"), "5");
}

TEST(apply_to_a_shard_without_at_is_refused)
{
	struct yt_redis_view *v = open_view();

	CHECK_INT(apply_one(v, 9, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_STALE);
	CHECK_INT(number("EXISTS", 9, "member:s1/m-1"), 0);
}

TEST(apply_of_a_part_leaves_the_version)
{
	struct yt_redis_view *v = open_ready(0);

	CHECK_INT(apply_one(v, 0, "L1", 0, 0, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_STR(field(0, "at", "version"), "0");
	CHECK_STR(field(0, "member:s1/m-1", "a"), "1");
	CHECK_INT(apply_one(v, 0, "L1", 0, 4, "s1/m-2", "a=1"), YT_VIEW_OK);
	CHECK_STR(field(0, "at", "version"), "4");
}

TEST(apply_without_entities_moves_the_version)
{
	struct yt_redis_view *v = open_ready(0);

	CHECK_INT(apply(v, job_new(0, "L1", 0, 2, 1)), YT_VIEW_OK);
	CHECK_STR(field(0, "at", "version"), "2");
}

TEST(apply_of_a_large_job_goes_in_parts)
{
	struct yt_redis_view *v = open_ready(0);
	struct yt_view_job *job = job_new(0, "L1", 0, 1, 5000);
	uint64_t calls = stats(v).calls;
	char name[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "s1/m-%d", i);
		job_add(job, YT_KIND_MEMBER, name, "*10 20");
	}
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	calls = stats(v).calls - calls;
	/* A hash has 10 x (2 + 20) bytes of text, with lengths and key more than 300; a call has 192 KiB. */
	CHECK_MSG(calls >= 8 && calls <= 32, "%" PRIu64 " calls", calls);
	CHECK_STR(field(0, "member:s1/m-0", "f9"), "00000000000000000009");
	CHECK_STR(field(0, "member:s1/m-4999", "f0"), "00000000000000000000");
	CHECK_STR(field(0, "at", "version"), "1");
}

TEST(apply_of_a_large_job_stops_where_another_owner_wrote)
{
	struct yt_redis_view *v = open_ready(0);
	struct yt_view_job *job = job_new(0, "L1", 3, 4, 5000);
	char name[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "s1/m-%d", i);
		job_add(job, YT_KIND_MEMBER, name, "*10 20");
	}
	CHECK_INT(apply(v, job), YT_VIEW_STALE);
	CHECK_INT(number("EXISTS", 0, "member:s1/m-0"), 0);
}

TEST(apply_of_a_hash_with_thousands_of_fields)
{
	struct yt_redis_view *v = open_ready(0);

	CHECK_INT(apply_one(v, 0, "L1", 0, 1, "s1/m-1", "*15001 3"), YT_VIEW_OK);
	CHECK_INT(number("HLEN", 0, "member:s1/m-1"), 15001);
	CHECK_STR(field(0, "member:s1/m-1", "f15000"), "15000");
}

TEST(apply_of_many_shards_at_once_keeps_them_apart)
{
	struct yt_redis_view *v = open_view();
	char name[32];

	for (int p = 0; p < SHARDS; p++)
		yt_redis_view_port(v)->reset(v, p, "L1");
	WAIT(v, told(v)->resets == SHARDS);
	/* One that is refused in the middle, and one in parts, take no other along. */
	for (int round = 1; round <= 20; round++) {
		for (int p = 0; p < SHARDS; p++) {
			struct yt_view_job *job = job_new(p, "L1", p == 5 ? 999 : (uint64_t)round - 1, (uint64_t)round, 900);

			for (int i = 0; i < (p == 7 ? 900 : 1); i++) {
				snprintf(name, sizeof name, "s1/m-%d", i);
				job_add(job, YT_KIND_MEMBER, name, p == 7 ? "*10 20" : "a=1");
			}
			yt_redis_view_port(v)->apply(v, job);
		}
		WAIT(v, told(v)->applies == round * SHARDS);
	}
	CHECK_INT(told(v)->ok, 20 * (SHARDS - 1));
	CHECK_INT(told(v)->stale, 20);
	for (int p = 0; p < SHARDS; p++)
		CHECK_STR(field(p, "at", "version"), p == 5 ? "0" : "20");
	CHECK_INT(stats(v).waiting, 0);
}

TEST(reset_removes_all_of_its_shard_and_nothing_else)
{
	struct yt_redis_view *v = open_ready(1);

	order("HSET %s:{1}:member:s1/old a 1", now.prefix);
	order("SET %s:{1}:day:s1:x y", now.prefix);
	order("HSET %s:{11}:member:s1/other a 1", now.prefix);
	order("HSET %sx:{1}:member:s1/other a 1", now.prefix);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(reset(v, 1, "L2"), YT_VIEW_OK);
	CHECK_INT(number("EXISTS", 1, "member:s1/m-1"), 0);
	CHECK_INT(number("EXISTS", 1, "member:s1/old"), 0);
	CHECK_INT(number("EXISTS", 1, "day:s1:x"), 0);
	CHECK_INT(number("EXISTS", 11, "member:s1/other"), 1);
	CHECK_STR(field(1, "at", "log_id"), "L2");
	CHECK_STR(field(1, "at", "version"), "0");
	order("UNLINK %sx:{1}:member:s1/other", now.prefix);
	CHECK_INT(apply_one(v, 1, "L2", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
}

TEST(reset_of_a_shard_that_another_owner_wrote_is_refused)
{
	struct yt_redis_view *v = open_ready(1), *w = open_view();

	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(reset(w, 1, "L1"), YT_VIEW_STALE);
	CHECK_STR(field(1, "member:s1/m-1", "a"), "1");
	CHECK_STR(field(1, "at", "version"), "1");
	/* Having seen it, it may. */
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_INT(told(w)->version, 1);
	CHECK_INT(reset(w, 1, "L1"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 1, 2, "s1/m-1", "a=2"), YT_VIEW_STALE);
}

TEST(reset_that_was_begun_by_a_process_that_died_is_begun_again)
{
	struct yt_redis_view *v = open_view();

	order("HSET %s:{1}:at reset 0123456789abcdef", now.prefix);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_STR(told(v)->log_id, "");
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_STALE);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_INT(reset(v, 1, "L1"), YT_VIEW_OK);
	CHECK_STR(field(1, "at", "reset"), "-");
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
}

TEST(reset_mends_an_at_of_another_type)
{
	struct yt_redis_view *v = open_view();

	order("SET %s:{1}:at nonsense", now.prefix);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_STR(told(v)->log_id, "");
	CHECK_INT(reset(v, 1, "L1"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
}

TEST(apply_replaces_a_key_of_another_type)
{
	struct yt_redis_view *v = open_ready(1);

	order("SET %s:{1}:member:s1/m-1 nonsense", now.prefix);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_STR(field(1, "member:s1/m-1", "a"), "1");
}

TEST(sweep_removes_what_nobody_knows)
{
	struct yt_redis_view *v = open_ready(1);
	struct yt_view_job *job = job_new(1, "L1", 0, 1, 3000);
	char name[32];

	told(v)->known = "keep";
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, i % 3 ? "s1/gone-%d" : "s1/keep-%d", i);
		job_add(job, YT_KIND_MEMBER, name, "a=1");
	}
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	order("SET %s:{1}:whatever:x y", now.prefix);
	order("HSET %s:{2}:member:s1/gone-1 a 1", now.prefix);
	yt_redis_view_port(v)->sweep(v, 1);
	WAIT(v, stats(v).sweeps == 1);
	CHECK_INT(stats(v).swept, 2001);
	CHECK_MSG(told(v)->knows >= 3001, "%d questions", told(v)->knows);
	CHECK_INT(number("EXISTS", 1, "member:s1/keep-0"), 1);
	CHECK_INT(number("EXISTS", 1, "member:s1/gone-1"), 0);
	CHECK_INT(number("EXISTS", 1, "whatever:x"), 0);
	CHECK_INT(number("EXISTS", 2, "member:s1/gone-1"), 1);
	CHECK_STR(field(1, "at", "version"), "1");
}

TEST(sweep_beside_writes_leaves_what_was_written)
{
	struct yt_redis_view *v = open_ready(1);
	uint64_t version = 0;
	char name[32];

	for (int i = 0; i < 2000; i++)
		order("HSET %s:{1}:member:s1/m-%d a 1", now.prefix, i);
	yt_redis_view_port(v)->sweep(v, 1);
	while (stats(v).sweeps == 0) {
		snprintf(name, sizeof name, "s1/m-%d", (int)(version % 2000));
		/* From now on the engine knows it. */
		told(v)->known = "never";
		CHECK_INT(apply_one(v, 1, "L1", version, version + 1, "s1/new", "a=1"), YT_VIEW_OK);
		version++;
		told(v)->known = "new";
		turn(v);
	}
	CHECK_INT(apply_one(v, 1, "L1", version, version + 1, "s1/new", "a=2"), YT_VIEW_OK);
	CHECK_STR(field(1, "member:s1/new", "a"), "2");
	CHECK_INT(number("EXISTS", 1, "member:s1/m-7"), 0);
}

TEST(sweep_of_a_shard_that_another_owner_wrote_removes_nothing)
{
	struct yt_redis_view *v = open_ready(1), *w = open_view();

	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 1, 2, "s1/m-2", "a=1"), YT_VIEW_OK);
	yt_redis_view_port(w)->sweep(w, 1);
	WAIT(w, told(w)->knows >= 1);
	CHECK_INT(where(w, 2), YT_VIEW_OK); /* behind the removal */
	CHECK_INT(number("EXISTS", 1, "member:s1/m-1"), 1);
	CHECK_INT(number("EXISTS", 1, "member:s1/m-2"), 1);
	CHECK_INT(stats(w).swept, 0);
}

/* A former owner hears where Redis is now, and still has the memory of then. */
TEST(sweep_by_who_is_behind_removes_nothing)
{
	struct yt_redis_view *v = open_ready(1), *w = open_view();

	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 1, 2, "s1/m-2", "a=1"), YT_VIEW_OK);
	told(w)->memory = 1;
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_INT(told(w)->version, 2);
	yt_redis_view_port(w)->sweep(w, 1);
	WAIT(w, told(w)->knows >= 1);
	CHECK_INT(where(w, 2), YT_VIEW_OK); /* behind the removal */
	CHECK_INT(number("EXISTS", 1, "member:s1/m-2"), 1);
	CHECK_INT(stats(w).swept, 0);
	/* As new as what is there. */
	told(w)->memory = 2;
	yt_redis_view_port(w)->sweep(w, 1);
	WAIT(w, stats(w).sweeps == 1);
	CHECK_INT(number("EXISTS", 1, "member:s1/m-2"), 0);
}

TEST(sweep_by_who_is_behind_a_part_removes_nothing)
{
	struct yt_redis_view *v = open_ready(1), *w = open_view();
	struct yt_view_job *job = job_new(1, "L1", 1, 1, 1);

	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	job->newest = 5;
	job_add(job, YT_KIND_MEMBER, "s1/m-5", "a=1");
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	told(w)->memory = 4;
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_INT(told(w)->version, 1);
	yt_redis_view_port(w)->sweep(w, 1);
	WAIT(w, told(w)->knows >= 1);
	CHECK_INT(where(w, 2), YT_VIEW_OK); /* behind the removal */
	CHECK_INT(number("EXISTS", 1, "member:s1/m-5"), 1);
	CHECK_INT(stats(w).swept, 0);
}

/* Both start from one version: whoever writes a part first goes on. */
TEST(of_two_owners_that_write_parts_the_later_one_is_refused)
{
	struct yt_redis_view *v = open_ready(1), *w = open_view();

	CHECK_INT(apply_one(v, 1, "L1", 0, 5, "s1/m-1", "a=5"), YT_VIEW_OK);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 5, 5, "s1/m-1", "a=8"), YT_VIEW_OK);
	CHECK_INT(apply_one(w, 1, "L1", 5, 12, "s1/m-1", "a=12"), YT_VIEW_STALE);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_INT(told(w)->version, 5);
	CHECK_INT(apply_one(w, 1, "L1", 5, 5, "s1/m-1", "a=11"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 5, 5, "s1/m-1", "a=9"), YT_VIEW_STALE);
	CHECK_STR(field(1, "member:s1/m-1", "a"), "11");
	/* And what it wanted to remove stays. */
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_INT(apply_one(w, 1, "L1", 5, 5, "s1/m-2", "a=11"), YT_VIEW_OK);
	yt_redis_view_port(v)->sweep(v, 1);
	WAIT(v, told(v)->knows >= 1); /* of the page with the first of the keys; none of a later one */
	CHECK_INT(where(v, 2), YT_VIEW_OK); /* behind the removal */
	CHECK_INT(number("EXISTS", 1, "member:s1/m-1"), 1);
	CHECK_INT(number("EXISTS", 1, "member:s1/m-2"), 1);
	CHECK_INT(apply_one(w, 1, "L1", 5, 12, "s1/m-3", "a=12"), YT_VIEW_OK);
	CHECK_INT(apply_one(w, 1, "L1", 12, 12, "s1/m-3", "a=13"), YT_VIEW_OK);
}

/* A view on a server of its own that has written 0 to `to`, and whose connection was cut since. */
static struct yt_redis_view *open_and_cut(uint64_t to)
{
	struct yt_redis_view *v;

	own_server("noeviction");
	v = open_ready(1);
	CHECK_INT(apply_one(v, 1, "L1", 0, to, "s1/m-1", "a=1"), YT_VIEW_OK);
	order("CLIENT KILL TYPE normal SKIPME yes");
	/* An idle connection is asked once a second. */
	WAIT(v, stats(v).connects == 2);
	return v;
}

TEST(on_another_connection_where_is_asked_again_before_a_part)
{
	struct yt_redis_view *v = open_and_cut(0);

	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-2", "a=1"), YT_VIEW_STALE);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
}

TEST(a_view_of_another_form_is_as_good_as_none)
{
	struct yt_redis_conf with_orders = { now.url, NULL, now.prefix, true };
	struct yt_redis_view *v = open_ready(1), *w;

	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_STR(told(v)->log_id, "L1");
	w = open_view_of(&with_orders);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_STR(told(w)->log_id, "");
	CHECK_INT(reset(w, 1, "L1"), YT_VIEW_OK);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK_STR(told(w)->log_id, "L1");
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_STR(told(v)->log_id, "");
}

TEST(a_job_that_leaves_a_sweep_to_be_made_is_remembered)
{
	struct yt_redis_view *v = open_ready(1), *w = open_view();
	struct yt_view_job *job;

	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/gone", "a=1"), YT_VIEW_OK);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK(!told(v)->unswept);
	/* A part of it says nothing yet: the version still tells. */
	for (uint64_t to = 1; to <= 2; to++) {
		job = job_new(1, "L1", 1, to, 1);
		job->unswept = true;
		job_add(job, YT_KIND_MEMBER, "s1/keep", "a=1");
		CHECK_INT(apply(v, job), YT_VIEW_OK);
		CHECK_INT(where(w, 1), YT_VIEW_OK);
		CHECK_INT(told(w)->version, to);
		CHECK_INT(told(w)->unswept, to == 2);
	}
	told(w)->known = "keep";
	yt_redis_view_port(w)->sweep(w, 1);
	WAIT(w, stats(w).sweeps == 1);
	CHECK_INT(number("EXISTS", 1, "member:s1/gone"), 0);
	CHECK_INT(number("EXISTS", 1, "member:s1/keep"), 1);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK(!told(v)->unswept);
}

/* One writes 3,000 members, and the sweep of the other, who knows them, has come to the first of its pages. */
static void begin_long_sweep(struct yt_redis_view *writer, struct yt_redis_view *sweeper)
{
	struct yt_view_job *job = job_new(1, "L1", 0, 1, 3000);
	char name[32];

	told(sweeper)->known = "m-";
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "s1/m-%d", i);
		job_add(job, YT_KIND_MEMBER, name, "a=1");
	}
	CHECK_INT(apply(writer, job), YT_VIEW_OK);
	CHECK_INT(where(sweeper, 1), YT_VIEW_OK);
	yt_redis_view_port(sweeper)->sweep(sweeper, 1);
	WAIT(sweeper, told(sweeper)->knows > 0);
	CHECK_MSG(told(sweeper)->knows < 3000, "one page had all");
}

/* Long enough for the rest of the pages. */
static void let_sweep_end(struct yt_redis_view *v)
{
	for (int64_t until = yt_test_ms() + 300; yt_test_ms() < until;)
		CHECK_INT(where(v, 1), YT_VIEW_OK);
}

/* What has gone since a page of it was judged may have been on that page. */
TEST(a_sweep_that_began_before_the_job_does_not_count)
{
	struct yt_redis_view *v = open_ready(1);
	struct yt_view_job *job;

	begin_long_sweep(v, v);
	job = job_new(1, "L1", 1, 2, 1);
	job->unswept = true;
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	CHECK_INT(stats(v).sweeps, 0);
	let_sweep_end(v);
	CHECK(told(v)->unswept);
	CHECK_INT(stats(v).sweeps, 0);
	yt_redis_view_port(v)->sweep(v, 1);
	WAIT(v, stats(v).sweeps == 1);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK(!told(v)->unswept);
}

TEST(a_sweep_that_began_before_another_owner_wrote_does_not_count)
{
	struct yt_redis_view *v = open_ready(1), *w = open_view();

	begin_long_sweep(v, w);
	CHECK_INT(apply_one(v, 1, "L1", 1, 2, "s1/m-1", "a=2"), YT_VIEW_OK);
	let_sweep_end(w);
	CHECK_INT(told(w)->version, 2);
	CHECK_INT(stats(w).sweeps, 0);
}

TEST(a_sweep_of_a_shard_that_was_taken_back_does_not_count)
{
	struct yt_redis_view *v = open_ready(1);
	struct yt_view_job *job = job_new(1, "L1", 0, 1, 1);

	job->unswept = true;
	job_add(job, YT_KIND_MEMBER, "s1/gone", "a=1");
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	told(v)->not_ours = true;
	yt_redis_view_port(v)->sweep(v, 1);
	WAIT(v, told(v)->knows > 0);
	CHECK_INT(where(v, 1), YT_VIEW_OK); /* behind the page */
	CHECK_INT(where(v, 1), YT_VIEW_OK); /* behind the end of the pass, whenever it came */
	CHECK(told(v)->unswept);
	CHECK_INT(stats(v).sweeps, 0);
	CHECK_INT(number("EXISTS", 1, "member:s1/gone"), 1);
	told(v)->not_ours = false;
	yt_redis_view_port(v)->sweep(v, 1);
	WAIT(v, stats(v).sweeps == 1);
	CHECK_INT(number("EXISTS", 1, "member:s1/gone"), 0);
}

TEST(end_gives_jobs_back)
{
	struct yt_redis_view *v = open_ready(1);

	for (int i = 0; i < 50; i++) {
		struct yt_view_job *job = job_new(1, "L1", (uint64_t)i, (uint64_t)i + 1, 1);

		job_add(job, YT_KIND_MEMBER, "s1/m-1", "*100 100");
		yt_redis_view_port(v)->apply(v, job);
	}
	yt_redis_view_free(v);
	now.n_views = 0;
	CHECK_INT(now.told[0].applies, 50);
}

/* ---- Synchronous */

static void collect(void *ctx, int shard, const struct yt_view_hash *h)
{
	struct yt_buf *out = ctx;

	yt_buf_printf(out, "%d %.*s", shard, YT_FMT(h->suffix));
	for (size_t i = 0; i < h->n; i++)
		yt_buf_printf(out, " %.*s=%.*s", YT_FMT(h->fields[2 * i]), YT_FMT(h->fields[2 * i + 1]));
	if (h->expires_at_ms != YT_NEVER)
		yt_buf_printf(out, " @%" PRId64, h->expires_at_ms);
	yt_buf_c(out, ';');
}

TEST(commands_read_hashes_and_at)
{
	struct yt_redis_view *v = open_ready(4);
	struct yt_redis_conf conf = { now.url, NULL, now.prefix, false };
	struct yt_redis_at at;
	struct yt_view_hash h;
	struct yt_err err;
	struct yt_redis *r;
	struct yt_arena a;
	struct yt_buf out;

	CHECK_INT(apply_one(v, 4, "L1", 0, 3, "s1/m-1", "a=1\nb=x y\n@4102444800123"), YT_VIEW_OK);
	order("SET %s:{5}:odd x", now.prefix);
	r = yt_redis_open(&conf, &err);
	CHECK_MSG(r, "%s", err.msg);
	yt_arena_init(&a, 0);
	yt_buf_init(&out, &a);
	CHECK_INT(yt_redis_where(r, 4, &at, &err), 0);
	CHECK_STR(at.log_id, "L1");
	CHECK_INT(at.version, 3);
	CHECK_INT(at.time_ms, 1003);
	CHECK_INT(yt_redis_where(r, 6, &at, &err), 0);
	CHECK_STR(at.log_id, "");
	CHECK_INT(yt_redis_each(r, 4, collect, &out, &err), 0);
	yt_buf_c(&out, 0);
	CHECK_STR(out.p, "4 member:s1/m-1 a=1 b=x y @4102444800123;");
	yt_buf_clear(&out);
	CHECK_INT(yt_redis_each(r, 5, collect, &out, &err), 0);
	yt_buf_c(&out, 0);
	CHECK_STR(out.p, "5 odd ?=not a hash;");
	CHECK_INT(yt_redis_get(r, &a, 4, YT_S("member:s1/m-1"), &h, &err), 0);
	CHECK_INT(h.n, 2);
	CHECK_INT(yt_redis_get(r, &a, 4, YT_S("member:s1/none"), &h, &err), 0);
	CHECK_INT(h.n, 0);
	CHECK_INT(yt_redis_forget(r, 4, &err), 0);
	CHECK_INT(yt_redis_where(r, 4, &at, &err), 0);
	CHECK_STR(at.log_id, "");
	yt_redis_close(r);
	yt_arena_deinit(&a);
	CHECK_INT(apply_one(v, 4, "L1", 3, 4, "s1/m-1", "a=1"), YT_VIEW_STALE);
}

TEST(commands_read_thousands_of_hashes)
{
	struct yt_redis_view *v = open_ready(4);
	struct yt_redis_conf conf = { now.url, NULL, now.prefix, false };
	struct yt_view_job *job = job_new(4, "L1", 0, 1, 5000);
	struct yt_err err;
	struct yt_redis *r;
	struct yt_buf out;
	char name[32];
	int n = 0;

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "s1/m-%d", i);
		job_add(job, YT_KIND_MEMBER, name, "a=1");
	}
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	r = yt_redis_open(&conf, &err);
	CHECK_MSG(r, "%s", err.msg);
	yt_buf_init(&out, NULL);
	CHECK_INT(yt_redis_each(r, -1, collect, &out, &err), 0);
	for (size_t i = 0; i < out.n; i++)
		n += out.p[i] == ';';
	CHECK_MSG(n >= 5000, "%d hashes", n);
	yt_buf_deinit(&out);
	yt_redis_close(r);
}

TEST(commands_say_that_redis_is_away)
{
	struct yt_redis_conf conf = { "redis://127.0.0.1:1/0", NULL, now.prefix, false };
	struct yt_err err;

	CHECK(!yt_redis_open(&conf, &err));
	CHECK_INT(err.class, YT_ERR_TRANSIENT);
	CHECK_STR(err.msg, "Connection refused");
}

/* ---- Own servers */

TEST(redis_that_is_killed_and_restarted)
{
	struct yt_redis_view *v;

	own_server("noeviction");
	v = open_ready(1);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/gone", "a=1"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 1, 2, "s1/keep", "a=1"), YT_VIEW_OK);
	order("SAVE");
	CHECK_INT(apply_one(v, 1, "L1", 2, 3, "s1/gone", NULL), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 3, 4, "s1/keep", "a=2"), YT_VIEW_OK);
	kill_server();
	CHECK_INT(apply_one(v, 1, "L1", 4, 5, "s1/keep", "a=3"), YT_VIEW_AWAY);
	CHECK_INT(where(v, 1), YT_VIEW_AWAY);
	WAIT(v, stats(v).state == YT_REDIS_AWAY);
	CHECK_STR(stats(v).why, "Connection refused");
	/* It comes back older than it was. */
	start_server("noeviction", "dump.rdb");
	WAIT(v, where(v, 1) == YT_VIEW_OK);
	CHECK_INT(told(v)->version, 2);
	CHECK(told(v)->unswept);
	CHECK_INT(number("EXISTS", 1, "member:s1/gone"), 1);
	CHECK_INT(apply_one(v, 1, "L1", 2, 5, "s1/keep", "a=3"), YT_VIEW_OK);
	told(v)->known = "keep";
	yt_redis_view_port(v)->sweep(v, 1);
	WAIT(v, stats(v).sweeps == 1);
	CHECK_INT(number("EXISTS", 1, "member:s1/gone"), 0);
	CHECK_STR(field(1, "member:s1/keep", "a"), "3");
	/* Swept: no more said to be restarted, to nobody. */
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK(!told(v)->unswept);
	v = open_view();
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK(!told(v)->unswept);
}

TEST(redis_that_was_restarted_while_the_daemon_was_down)
{
	struct yt_redis_view *v;

	own_server("noeviction");
	v = open_ready(1);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/gone", "a=1"), YT_VIEW_OK);
	order("SAVE");
	yt_redis_view_free(v);
	now.n_views = 0;
	kill_server();
	start_server("noeviction", "dump.rdb");
	v = open_view();
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_INT(told(v)->version, 1);
	CHECK(told(v)->unswept);
}

TEST(redis_that_is_emptied)
{
	struct yt_redis_view *v;

	own_server("noeviction");
	v = open_ready(1);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	order("FLUSHALL");
	CHECK_INT(apply_one(v, 1, "L1", 1, 2, "s1/m-1", "a=1"), YT_VIEW_STALE);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_STR(told(v)->log_id, "");
	CHECK_INT(reset(v, 1, "L1"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 0, 2, "s1/m-1", "a=1"), YT_VIEW_OK);
}

TEST(redis_that_lost_the_functions)
{
	struct yt_redis_view *v;

	own_server("noeviction");
	v = open_ready(1);
	CHECK_INT(stats(v).loads, 1);
	order("FUNCTION FLUSH");
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_OK);
	CHECK_INT(stats(v).loads, 2);
	/* Several calls in one pipeline find it missing: each is done once. */
	order("FUNCTION FLUSH");
	for (int i = 1; i < 30; i++) {
		struct yt_view_job *job = job_new(1, "L1", (uint64_t)i, (uint64_t)i + 1, 1);

		job_add(job, YT_KIND_MEMBER, "s1/m-1", "a=1");
		yt_redis_view_port(v)->apply(v, job);
	}
	WAIT(v, told(v)->applies == 30);
	CHECK_INT(told(v)->ok, 30);
	CHECK_STR(field(1, "at", "version"), "30");
	order("FUNCTION FLUSH");
	CHECK_INT(reset(v, 1, "L2"), YT_VIEW_OK);
	CHECK_INT(stats(v).errors, 0);
}

TEST(redis_that_may_drop_keys_is_refused)
{
	struct yt_redis_view *v;
	struct yt_redis_conf conf;
	struct yt_err err;

	own_server("allkeys-lru");
	v = open_view();
	CHECK_INT(where(v, 1), YT_VIEW_AWAY);
	CHECK_INT(stats(v).state, YT_REDIS_REFUSED);
	CHECK_STR(stats(v).why, "maxmemory-policy is allkeys-lru, so Redis may drop keys of the view: set it to noeviction");
	conf = (struct yt_redis_conf){ now.url, NULL, now.prefix, false };
	CHECK(!yt_redis_open(&conf, &err));
	CHECK_INT(err.class, YT_ERR_FATAL);
	CHECK_INT(err.exit, YT_EXIT_CONFIG);
	order("CONFIG SET maxmemory-policy noeviction");
	WAIT(v, stats(v).state == YT_REDIS_CONNECTED);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	/* It is asked at each connect. */
	order("CONFIG SET maxmemory-policy volatile-ttl");
	order("CLIENT KILL TYPE normal SKIPME yes");
	WAIT(v, stats(v).state == YT_REDIS_REFUSED);
}

TEST(redis_that_is_full)
{
	struct yt_redis_view *v;
	uint64_t connects;

	own_server("noeviction");
	v = open_ready(1);
	order("CONFIG SET maxmemory 1");
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_AWAY);
	CHECK_INT(stats(v).state, YT_REDIS_AWAY);
	CHECK_MSG(strncmp(stats(v).why, "FCALL: OOM ", 11) == 0, "%s", stats(v).why);
	/* Whoever tries again and again is slowed down, not answered at once each time. */
	connects = stats(v).connects;
	for (int64_t until = yt_test_ms() + 2000; yt_test_ms() < until;) {
		where(v, 1);
		apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1");
	}
	CHECK_MSG(stats(v).connects - connects < 12, "%" PRIu64 " connections", stats(v).connects - connects);
	CHECK_INT(stats(v).state, YT_REDIS_AWAY);
	order("CONFIG SET maxmemory 0");
	WAIT(v, where(v, 1) == YT_VIEW_OK && apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1") == YT_VIEW_OK);
	CHECK_INT(stats(v).state, YT_REDIS_CONNECTED);
}

TEST(redis_that_hangs)
{
	struct yt_redis_view *v;
	int64_t began;

	own_server("noeviction");
	v = open_ready(1);
	kill(now.server, SIGSTOP);
	began = yt_test_ms();
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_AWAY);
	CHECK_MSG(yt_test_ms() - began >= YT_REDIS_COMMAND_MS - 100 && yt_test_ms() - began < YT_REDIS_COMMAND_MS + 5000, "after %" PRId64 " ms",
	          yt_test_ms() - began);
	CHECK_STR(stats(v).why, "no answer in time");
	/* The end does not wait for it: the kernel still accepts a connection, and nobody answers on it. */
	for (began = yt_test_ms(); yt_test_ms() < began + 300;)
		turn(v);
	yt_redis_view_port(v)->where(v, 1);
	began = yt_test_ms();
	yt_redis_view_free(v);
	now.n_views = 0;
	CHECK_MSG(yt_test_ms() - began < 4000, "%" PRId64 " ms", yt_test_ms() - began);
	kill(now.server, SIGCONT);
}

static void read_docs(char *out, size_t cap)
{
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/docs/redis.md", getenv("YUTANG_ROOT") ? getenv("YUTANG_ROOT") : ".");
	f = fopen(path, "r");
	CHECK_MSG(f, "%s", path);
	n = fread(out, 1, cap - 1, f);
	out[n] = 0;
	fclose(f);
}

/* docs/redis.md shows a command that makes a user with the least rights: that very line is tried. */
TEST(redis_user_with_the_documented_rights)
{
	static char docs[65536];
	char *line, url[128], *password_file;
	struct yt_redis_view *v;
	struct yt_redis_conf conf = { .prefix = "yt" };
	struct yt_redis *r;
	struct yt_redis_at at;
	struct yt_buf out;
	struct yt_err err;
	FILE *f;

	own_server("noeviction");
	read_docs(docs, sizeof docs);
	line = strstr(docs, "ACL SETUSER yutang");
	CHECK_MSG(line, "docs/redis.md has no `ACL SETUSER yutang`");
	line[strcspn(line, "\n")] = 0;
	CHECK_MSG(!strstr(line, "config"), "CONFIG is to be forbidden here");
	order(line); /* no % in it */
	snprintf(now.prefix, sizeof now.prefix, "yt");
	snprintf(url, sizeof url, "redis://yutang@127.0.0.1:%d", now.port);
	password_file = now.dir;
	strcat(password_file, "/secret");
	f = fopen(password_file, "w");
	CHECK(f);
	fputs("wrong\n", f);
	fclose(f);
	conf.url = url;
	conf.password_file = password_file;
	v = open_view_of(&conf);
	CHECK_INT(where(v, 1), YT_VIEW_AWAY);
	CHECK_INT(stats(v).state, YT_REDIS_REFUSED);
	CHECK_MSG(strncmp(stats(v).why, "AUTH: WRONGPASS", 15) == 0, "%s", stats(v).why);
	/* The file is read anew at each connect. */
	f = fopen(password_file, "w");
	CHECK(f);
	fputs("SECRET\n", f);
	fclose(f);
	WAIT(v, stats(v).state == YT_REDIS_CONNECTED);
	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_INT(reset(v, 1, "L1"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1\n@4102444800123"), YT_VIEW_OK);
	CHECK_INT(apply_one(v, 1, "L1", 1, 2, "s1/m-2", "a=1"), YT_VIEW_OK);
	told(v)->known = "m-1";
	yt_redis_view_port(v)->sweep(v, 1);
	WAIT(v, stats(v).sweeps == 1);
	CHECK_INT(stats(v).swept, 1);
	r = yt_redis_open(&conf, &err);
	CHECK_MSG(r, "%s", err.msg);
	yt_buf_init(&out, NULL);
	CHECK_INT(yt_redis_where(r, 1, &at, &err), 0);
	CHECK_INT(yt_redis_each(r, 1, collect, &out, &err), 0);
	CHECK_INT(yt_redis_forget(r, 1, &err), 0);
	yt_buf_deinit(&out);
	yt_redis_close(r);
}

/* Where INFO is forbidden each connection counts as another Redis, and what a job leaves to be swept is known all the same. */
TEST(redis_that_does_not_tell_its_run)
{
	struct yt_redis_view *v, *w;
	struct yt_view_job *job;

	own_server("noeviction");
	order("ACL SETUSER default -info");
	v = open_ready(1);
	w = open_view();
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK(told(w)->unswept);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK(!told(w)->unswept);
	job = job_new(1, "L1", 0, 1, 1);
	job->unswept = true;
	CHECK_INT(apply(v, job), YT_VIEW_OK);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK(told(w)->unswept);
	yt_redis_view_port(w)->sweep(w, 1);
	WAIT(w, stats(w).sweeps == 1);
	CHECK_INT(where(w, 1), YT_VIEW_OK);
	CHECK(!told(w)->unswept);
}

TEST(redis_by_a_unix_socket_and_another_database)
{
	struct yt_redis_view *v;
	char path[600];

	own_server("noeviction");
	kill_server();
	snprintf(path, sizeof path, "%s/s", now.dir);
	now.server = fork();
	if (now.server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		char port[16];
		int log = open("redis.log", O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(log, 1);
		dup2(log, 2);
		snprintf(port, sizeof port, "%d", now.port);
		execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket", path, "--save", "", (char *)NULL);
		_exit(127);
	}
	CHECK_MSG(strlen(path) < 108, "the folder's name is too long for a socket");
	snprintf(now.url, sizeof now.url, "unix://%s?db=3", path);
	v = open_view();
	WAIT(v, where(v, 1) == YT_VIEW_OK);
	CHECK_INT(reset(v, 1, "L1"), YT_VIEW_OK);
	order("SELECT 3");
	CHECK_STR(field(1, "at", "log_id"), "L1");
}

TEST(redis_that_never_was_there)
{
	struct yt_redis_view *v;
	int64_t began = yt_test_ms();

	snprintf(now.url, sizeof now.url, "redis://127.0.0.1:%d/0", free_port());
	v = open_view();
	CHECK_INT(where(v, 1), YT_VIEW_AWAY);
	CHECK_INT(apply_one(v, 1, "L1", 0, 1, "s1/m-1", "a=1"), YT_VIEW_AWAY);
	CHECK_MSG(yt_test_ms() - began < 10000, "%" PRId64 " ms", yt_test_ms() - began);
}

TEST(one_connection_that_is_cut_is_made_again)
{
	struct yt_redis_view *v = open_and_cut(1);

	CHECK_INT(where(v, 1), YT_VIEW_OK);
	CHECK_INT(told(v)->version, 1);
	CHECK(!told(v)->unswept);
}

static void all(void)
{
	VIEW(where_of_an_unknown_shard_is_empty);
	VIEW(apply_writes_hashes_and_the_version);
	VIEW(apply_removes_what_is_not_named_any_more);
	VIEW(apply_sets_and_takes_back_the_expiry);
	VIEW(apply_from_another_version_writes_nothing);
	VIEW(apply_to_a_shard_without_at_is_refused);
	VIEW(apply_of_a_part_leaves_the_version);
	VIEW(apply_without_entities_moves_the_version);
	VIEW(apply_of_a_large_job_goes_in_parts);
	VIEW(apply_of_a_large_job_stops_where_another_owner_wrote);
	VIEW(apply_of_a_hash_with_thousands_of_fields);
	VIEW(apply_of_many_shards_at_once_keeps_them_apart);
	VIEW(apply_replaces_a_key_of_another_type);
	VIEW(reset_removes_all_of_its_shard_and_nothing_else);
	VIEW(reset_of_a_shard_that_another_owner_wrote_is_refused);
	VIEW(reset_that_was_begun_by_a_process_that_died_is_begun_again);
	VIEW(reset_mends_an_at_of_another_type);
	VIEW(sweep_removes_what_nobody_knows);
	VIEW(sweep_beside_writes_leaves_what_was_written);
	VIEW(sweep_of_a_shard_that_another_owner_wrote_removes_nothing);
	VIEW(sweep_by_who_is_behind_removes_nothing);
	VIEW(sweep_by_who_is_behind_a_part_removes_nothing);
	VIEW(of_two_owners_that_write_parts_the_later_one_is_refused);
	VIEW(on_another_connection_where_is_asked_again_before_a_part);
	VIEW(a_view_of_another_form_is_as_good_as_none);
	VIEW(a_job_that_leaves_a_sweep_to_be_made_is_remembered);
	VIEW(a_sweep_that_began_before_the_job_does_not_count);
	VIEW(a_sweep_that_began_before_another_owner_wrote_does_not_count);
	VIEW(a_sweep_of_a_shard_that_was_taken_back_does_not_count);
	VIEW(end_gives_jobs_back);
	VIEW(commands_read_hashes_and_at);
	VIEW(commands_read_thousands_of_hashes);
	VIEW(commands_say_that_redis_is_away);
	VIEW(redis_that_is_killed_and_restarted);
	VIEW(redis_that_was_restarted_while_the_daemon_was_down);
	VIEW(redis_that_is_emptied);
	VIEW(redis_that_lost_the_functions);
	VIEW(redis_that_may_drop_keys_is_refused);
	VIEW(redis_that_is_full);
	VIEW(redis_that_hangs);
	VIEW(redis_user_with_the_documented_rights);
	VIEW(redis_that_does_not_tell_its_run);
	VIEW(redis_by_a_unix_socket_and_another_database);
	VIEW(redis_that_never_was_there);
	VIEW(one_connection_that_is_cut_is_made_again);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: redis_view URL PREFIX FOLDER [NAME]\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	shared_url = argv[1];
	prefix = argv[2];
	folder = argv[3];
	yt_log_setup(YT_LOG_TEXT, YT_LOG_INFO);
	return yt_test_main(argc - 3, argv + 3, all);
}
