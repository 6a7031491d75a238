/* `yutang member`: a member as Redis shows it. Reads, and writes nothing. */
#include "member.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "begin.h"
#include "yutang/base/hash.h"
#include "yutang/base/json.h"
#include "yutang/io/redis.h"
#include "yutang/rules/value.h"

enum {
	SETTLE_MS = 2000, /* for a picture of one version, while the shard moves on */
	PAUSE_MS = 5,
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- values */

/* The facts have the names of the rule language, and so their types. NULL: none of them. */
static const struct yt_vkind *kind_of(struct yt_str field)
{
	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		struct yt_str name = yt_names[i].text;

		if (yt_str_starts(name, YT_S("member.")) && yt_str_eq(yt_str(name.p + 7, name.n - 7), field))
			return yt_names[i].type;
	}
	return NULL;
}

static bool is_bare(struct yt_arena *a, struct yt_str value)
{
	const cJSON *root;
	int64_t v;

	if (yt_parse_int(value, INT64_MIN, INT64_MAX, &v) || yt_str_eq(value, YT_S("true")) || yt_str_eq(value, YT_S("false")))
		return true;
	return value.n && value.p[0] == '[' && yt_json_parse(a, value, 0, 0, &root, NULL) == YT_JSON_OK;
}

static void add_fact(struct yt_arena *a, struct yt_buf *out, struct yt_str field, struct yt_str value)
{
	const struct yt_vkind *kind = kind_of(field);

	yt_json_add_text(out, field);
	yt_buf_c(out, ':');
	if ((kind && kind->v == YT_V_STRING) || !is_bare(a, value))
		yt_json_add_text(out, value);
	else
		yt_buf_str_add(out, value);
}

/* The value of a wallet's field, whole; NULL and err where it is no object. */
static const cJSON *coupon_of(struct yt_arena *a, struct yt_str field, struct yt_str value, struct yt_err *err)
{
	const cJSON *root = NULL;

	if (yt_json_parse(a, value, 0, 0, &root, NULL) == YT_JSON_OK && cJSON_IsObject(root) && cJSON_GetArraySize(root) > 0)
		return root;
	yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA, "coupon %.*s of the wallet is none that the daemon wrote: `yutang verify` finds such, `--repair` mends it",
	           YT_FMT(field));
	return NULL;
}

int yt_member_json(struct yt_arena *a, const struct yt_member_view *m, struct yt_buf *out, struct yt_err *err)
{
	yt_buf_z(out, "{\"shop\":");
	yt_json_add_text(out, m->shop);
	yt_buf_z(out, ",\"member\":");
	yt_json_add_text(out, m->id);
	yt_buf_printf(out, ",\"shard\":%d,\"version\":%" PRIu64 ",\"time\":%" PRId64 ",\"facts\":", m->shard, m->version, m->time_ms);
	yt_buf_z(out, m->facts.n ? "{" : "null");
	for (size_t i = 0; i < m->facts.n; i++) {
		if (i)
			yt_buf_c(out, ',');
		add_fact(a, out, m->facts.fields[2 * i], m->facts.fields[2 * i + 1]);
	}
	yt_buf_z(out, m->facts.n ? "},\"wallet\":[" : ",\"wallet\":[");
	for (size_t i = 0; i < m->wallet.n; i++) {
		struct yt_str id = m->wallet.fields[2 * i], value = m->wallet.fields[2 * i + 1];

		if (!coupon_of(a, id, value, err))
			return -1;
		yt_buf_z(out, i ? ",{\"coupon\":" : "{\"coupon\":");
		yt_json_add_text(out, id);
		yt_buf_c(out, ',');
		yt_buf_add(out, value.p + 1, value.n - 1); /* behind the brace that opens it */
	}
	yt_buf_z(out, "]}\n");
	return 0;
}

/* --- reading */

static bool is_same(const struct yt_redis_at *a, const struct yt_redis_at *b)
{
	return a->version == b->version && strcmp(a->log_id, b->log_id) == 0;
}

static int of_redis(int rc, struct yt_err *err)
{
	struct yt_err e = *err;

	if (rc < 0)
		yt_err_set(err, e.class, e.exit, "Redis: %.400s", e.msg);
	return rc;
}

static int is_hash(const struct yt_redis_conf *conf, int shard, const struct yt_view_hash *h, struct yt_err *err)
{
	if (h->n != 1 || !yt_str_eq(h->fields[0], YT_S("?")))
		return 0;
	return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA, "%s:{%d}:%.*s is no hash: somebody else wrote it", conf->prefix, shard, YT_FMT(h->suffix));
}

/* Facts and wallet of one version; of two where the shard does not stand still for so long, which is said. */
static int look(struct yt_arena *a, struct yt_redis *redis, const struct yt_redis_conf *conf, struct yt_member_view *m, struct yt_redis_at *at,
                struct yt_err *err)
{
	int64_t deadline = clock_ms(CLOCK_MONOTONIC) + SETTLE_MS;
	struct yt_str name = yt_arena_printf(a, "%.*s/%.*s", YT_FMT(m->shop), YT_FMT(m->id)), suffix[YT_VIEW_HASHES_MAX];
	struct yt_redis_at after;

	yt_view_suffixes(a, YT_KIND_MEMBER, name, false, suffix);
	for (;;) {
		if (of_redis(yt_redis_where(redis, m->shard, at, err), err) < 0 ||
		    of_redis(yt_redis_get(redis, a, m->shard, suffix[0], &m->facts, err), err) < 0 ||
		    of_redis(yt_redis_get(redis, a, m->shard, suffix[1], &m->wallet, err), err) < 0 ||
		    of_redis(yt_redis_where(redis, m->shard, &after, err), err) < 0)
			return -1;
		if (is_same(at, &after))
			break;
		if (clock_ms(CLOCK_MONOTONIC) >= deadline) {
			fprintf(stderr, "yutang: shard %d changed all the while: facts and wallet may be of two versions\n", m->shard);
			break;
		}
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	}
	m->version = at->version;
	m->time_ms = at->time_ms;
	return is_hash(conf, m->shard, &m->facts, err) < 0 ? -1 : is_hash(conf, m->shard, &m->wallet, err);
}

/* --- showing */

static const char *instant(int64_t ms, char out[25])
{
	yt_time_format(ms, out);
	return out;
}

/* What somebody else wrote may have anything in it. */
static struct yt_str clean(struct yt_arena *a, struct yt_str s)
{
	struct yt_str copy = yt_arena_dup(a, s);
	char *p = (char *)(uintptr_t)copy.p;

	for (uint32_t i = 0; i < copy.n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
	return copy;
}

static void show_fact(struct yt_arena *a, struct yt_str field, struct yt_str value)
{
	const struct yt_vkind *kind = kind_of(field);
	char when[25];
	int64_t v;

	printf("  %-17.*s ", YT_FMT(clean(a, field)));
	if (kind && kind->v == YT_V_TIMESTAMP && yt_parse_int(value, INT64_MIN, INT64_MAX, &v))
		puts(instant(v, when));
	else
		printf("%.*s%s\n", YT_FMT(clean(a, value)), kind && kind->v == YT_V_DURATION ? " ms" : "");
}

static int64_t number(const cJSON *o, const char *name)
{
	const cJSON *item = yt_json_get(o, name);
	int64_t v = 0;

	return item && yt_json_int(item, &v) ? v : 0;
}

static struct yt_str text(struct yt_arena *a, const cJSON *o, const char *name)
{
	const cJSON *item = yt_json_get(o, name);

	return item ? clean(a, yt_json_text(item)) : (struct yt_str){ 0 };
}

static int show_wallet(struct yt_arena *a, const struct yt_view_hash *wallet, struct yt_err *err)
{
	char from[25], until[25];

	if (wallet->n)
		printf("\n  %-20s %-8s %-24s  %-24s  %-12s  %s\n", "template", "state", "valid from", "valid until", "code", "coupon");
	for (size_t i = 0; i < wallet->n; i++) {
		const cJSON *c = coupon_of(a, wallet->fields[2 * i], wallet->fields[2 * i + 1], err);

		if (!c)
			return -1;
		printf("  %-20.*s %-8.*s %s  %s  %-12.*s  %.*s\n", YT_FMT(text(a, c, "template")), YT_FMT(text(a, c, "state")),
		       instant(number(c, "valid_from"), from), instant(number(c, "valid_until"), until), YT_FMT(text(a, c, "code")),
		       YT_FMT(clean(a, wallet->fields[2 * i])));
	}
	return 0;
}

/* `3 min`; the time of a view with the clock of the events is no measure of its age. */
static void show_age(const struct yt_conf *c, int64_t time_ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
	int64_t age = clock_ms(CLOCK_REALTIME) - time_ms;
	size_t i = 0;

	if (c->worker.on && c->worker.clock == YT_CLOCK_EVENT)
		return;
	while (i < 3 && age < 2 * units[i].ms)
		i++;
	printf(" (%" PRId64 " %s ago)", age < 0 ? 0 : age / units[i].ms, units[i].unit);
}

static int show(struct yt_arena *a, const struct yt_conf *c, const struct yt_member_view *m, struct yt_err *err)
{
	char when[25];

	printf("member    %.*s/%.*s\nshard     %d, last change shown: version %" PRIu64 " of %s", YT_FMT(m->shop), YT_FMT(m->id), m->shard, m->version,
	       instant(m->time_ms, when));
	show_age(c, m->time_ms);
	printf("\n\n");
	for (size_t i = 0; i < m->facts.n; i++)
		show_fact(a, m->facts.fields[2 * i], m->facts.fields[2 * i + 1]);
	return show_wallet(a, &m->wallet, err);
}

/* On stderr, why there is nothing to show. */
static int say_absent(const struct yt_redis_conf *conf, const struct yt_member_view *m, const struct yt_redis_at *at)
{
	char when[25];

	if (!at->log_id[0])
		fprintf(stderr, "yutang: Redis has no view of shard %d, where %.*s/%.*s belongs: %s:{%d}:at is missing; no worker has written it yet\n",
		        m->shard, YT_FMT(m->shop), YT_FMT(m->id), conf->prefix, m->shard);
	else
		fprintf(stderr,
		        "yutang: Redis has no member %.*s/%.*s: no key %s:{%d}:member:%.*s/%.*s; shard %d is shown as of version %" PRIu64 ", %s\n",
		        YT_FMT(m->shop), YT_FMT(m->id), conf->prefix, m->shard, YT_FMT(m->shop), YT_FMT(m->id), m->shard, at->version,
		        instant(at->time_ms, when));
	return YT_EXIT_DIFFERENCE;
}

static int look_and_show(struct yt_arena *a, const struct yt_conf *c, struct yt_member_view *m, bool json)
{
	struct yt_redis_at at = { .log_id = "" };
	struct yt_redis_conf conf;
	struct yt_err err = { 0 };
	struct yt_redis *redis;
	struct yt_buf out;
	bool there;
	int rc = -1;

	yt_conf_redis(c, &conf);
	redis = yt_redis_open(&conf, &err);
	if (redis)
		rc = look(a, redis, &conf, m, &at, &err);
	else
		of_redis(-1, &err);
	yt_redis_close(redis);
	there = rc == 0 && at.log_id[0] && m->facts.n;
	yt_buf_init(&out, a);
	if (rc == 0 && json)
		rc = yt_member_json(a, m, &out, &err);
	else if (there)
		rc = show(a, c, m, &err);
	if (rc < 0)
		return yt_app_fail(&err);
	if (out.n)
		fwrite(out.p, 1, out.n, stdout);
	if (fflush(stdout) != 0)
		return YT_EXIT_UNAVAILABLE;
	return there ? YT_EXIT_OK : say_absent(&conf, m, &at);
}

/* --- the command */

/* As EVENTS.md has it. */
static bool is_member(struct yt_str s)
{
	return s.n > 0 && s.p[0] != '~' && !yt_text_flaw(s);
}

int yt_cmd_member(int argc, char **argv)
{
	bool json = false;
	const struct yt_option options[] = { { "--json", NULL, &json }, { 0 } };
	struct yt_member_view m = { 0 };
	struct yt_arena a;
	struct yt_conf c;
	int n, exit_code;

	if (!yt_begin(argc, argv, options, "member [-c FILE] [--json] SHOP ID", 2, 2, &n, &c, &exit_code))
		return exit_code;
	m.shop = yt_str_z(argv[0]);
	m.id = yt_str_z(argv[1]);
	exit_code = YT_EXIT_USAGE;
	yt_arena_init(&a, 0);
	signal(SIGPIPE, SIG_IGN); /* of Redis */
	if (!yt_app_shop_said(argv[0])) {
		exit_code = YT_EXIT_USAGE;
	} else if (!is_member(m.id)) {
		fprintf(stderr, "yutang: `%s` is no id of a member: 1 to 128 bytes without control characters, not begun by `~`\n", argv[1]);
	} else if (!c.redis.on) {
		fprintf(stderr, "yutang: %s has no section [redis]: there is no view to read\n", c.file);
		exit_code = YT_EXIT_CONFIG;
	} else {
		m.shard = yt_partition(yt_arena_printf(&a, "%s/%s", argv[0], argv[1]), (int)c.topics.partitions);
		exit_code = look_and_show(&a, &c, &m, json);
	}
	yt_arena_deinit(&a);
	yt_conf_deinit(&c);
	return exit_code;
}
