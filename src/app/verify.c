/* `yutang verify`: the changelog, folded, against Redis, shard by shard at equal version, also while the daemon runs.
 *
 * One pass over the keys of a shard finds what may differ: a key that is not as it should be, or whose entity changed during the pass. Those are
 * looked at again a few at a time: Redis first, with its version before and after, then the changelog up to exactly that version. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "begin.h"
#include "fold.h"
#include "yutang/base/json.h"
#include "yutang/io/redis.h"

enum {
	WAIT_MS = 30000,      /* DESIGN 9: for a view that is behind; each shard that has come up gives it anew */
	SWEEP_MS = 5000,      /* a sweep of the daemon may be about to remove a key that is too many */
	PAUSE_MS = 50,
	TOGETHER_MAX = 256,   /* keys looked at again at one version; fewer while it moves */
	EXPIRY_SLACK_MS = 2000, /* Redis removes a key a moment after its end, and its clock is not ours */
};

/* A key to look at again. */
struct doubt {
	struct doubt *next;
	struct yt_str suffix;
};

struct verify {
	const struct yt_conf *conf;
	struct yt_kafka_conf kafka;
	struct yt_redis_conf redis_conf;
	struct yt_kafka_read *reader;
	struct yt_redis *redis;
	bool repair;
	char log_id[YT_LOG_ID_BYTES + 1]; /* of the first shard; all have the same */
	int64_t deadline;
	uint64_t entities, differences;

	/* of the shard at hand */
	int shard;
	struct yt_fold fold;
	struct yt_arena arena;   /* doubts */
	struct yt_arena scratch; /* one key */
	struct yt_arena looked;  /* keys that are looked at again */
	struct doubt *doubts, **last;
	struct yt_map doubted; /* each key once, also when it is settled */
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct yt_str suffix_of(const void *value)
{
	return ((const struct doubt *)value)->suffix;
}

/* What the adapter says of Redis, named. */
static int of_redis(int rc, struct yt_err *err)
{
	struct yt_err e = *err;

	if (rc < 0)
		yt_err_set(err, e.class, e.exit, "Redis: %.400s", e.msg);
	return rc;
}

/* False when the time to wait is over. */
static bool pause_until(int64_t deadline)
{
	if (clock_ms(CLOCK_MONOTONIC) >= deadline)
		return false;
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	return true;
}

/* --- saying */

/* What somebody else wrote may have anything in its name. */
static void say_name(struct yt_str s)
{
	for (uint32_t i = 0; i < s.n; i++)
		putchar((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
}

static void say_key(struct verify *v, struct yt_str suffix)
{
	v->differences++;
	printf("%s:{%d}:", v->redis_conf.prefix, v->shard);
	say_name(suffix);
}

/* Quoted, since a value may be anything; `nothing` where the field is absent. */
static void say_value(struct verify *v, const char *before, const struct yt_str *value)
{
	struct yt_buf b;

	yt_buf_init(&b, &v->scratch);
	if (value)
		yt_json_add_text(&b, *value);
	else
		yt_buf_z(&b, "nothing");
	printf("%s%.*s", before, YT_FMT(yt_buf_str(&b)));
}

static void say_field(struct verify *v, struct yt_str suffix, struct yt_str field, const struct yt_str *expected, const struct yt_str *found)
{
	say_key(v, suffix);
	putchar(' ');
	say_name(field);
	putchar(':');
	say_value(v, " expected ", expected);
	say_value(v, ", found ", found);
	putchar('\n');
}

static void say_at(struct verify *v, const struct yt_redis_at *at)
{
	say_key(v, YT_S("at"));
	if (!at->log_id[0])
		printf(" missing: the view of this shard is not built, its keys were not compared\n");
	else if (strcmp(at->log_id, v->log_id) != 0)
		printf(" log_id: expected \"%s\", found \"%s\"; its keys were not compared\n", v->log_id, at->log_id);
	else
		printf(" version: expected \"%" PRIu64 "\", found \"%" PRIu64 "\"; its keys were not compared\n", v->fold.at.version, at->version);
}

static void say_expiry(int64_t ms)
{
	if (ms == YT_NEVER)
		printf("never");
	else
		printf("%" PRId64, ms);
}

/* --- one hash */

static const struct yt_str *field_of(const struct yt_view_hash *h, struct yt_str name)
{
	for (size_t i = 0; i < h->n; i++)
		if (yt_str_eq(h->fields[2 * i], name))
			return &h->fields[2 * i + 1];
	return NULL;
}

static bool equal_fields(const struct yt_view_hash *expected, const struct yt_view_hash *found)
{
	if (expected->n != found->n)
		return false;
	for (size_t i = 0; i < expected->n; i++) {
		const struct yt_str *value = field_of(found, expected->fields[2 * i]);

		if (!value || !yt_str_eq(*value, expected->fields[2 * i + 1]))
			return false;
	}
	return expected->expires_at_ms == found->expires_at_ms;
}

static void say_fields(struct verify *v, const struct yt_view_hash *expected, const struct yt_view_hash *found)
{
	for (size_t i = 0; i < expected->n; i++) {
		struct yt_str name = expected->fields[2 * i];
		const struct yt_str *value = field_of(found, name);

		if (!value || !yt_str_eq(*value, expected->fields[2 * i + 1]))
			say_field(v, expected->suffix, name, &expected->fields[2 * i + 1], value);
	}
	for (size_t i = 0; i < found->n; i++)
		if (!field_of(expected, found->fields[2 * i]))
			say_field(v, expected->suffix, found->fields[2 * i], NULL, &found->fields[2 * i + 1]);
	if (expected->expires_at_ms == found->expires_at_ms)
		return;
	say_key(v, expected->suffix);
	printf(" expires: expected ");
	say_expiry(expected->expires_at_ms);
	printf(", found ");
	say_expiry(found->expires_at_ms);
	putchar('\n');
}

/* The hashes that an entity has by the changelog; also notes which of them there are. */
static int render(struct verify *v, struct yt_folded *e, struct yt_view_hash out[YT_VIEW_HASHES_MAX], size_t *n, struct yt_err *err)
{
	const void *obj = yt_folded_object(e, &v->scratch);

	if (e->blob && !obj)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA, "state/%d: the value of %.*s cannot be read", v->shard, (int)e->key_n, e->key);
	*n = yt_view_render(&v->scratch, (enum yt_kind)e->kind, yt_folded_name(e), obj, v->redis_conf.orders, out);
	e->has = 0;
	for (size_t k = 0; k < *n; k++)
		e->has |= (uint8_t)((out[k].n > 0) << k);
	e->rendered = true;
	return 0;
}

static struct yt_folded *entity_behind(struct verify *v, struct yt_str suffix)
{
	struct yt_str name;
	int kind = yt_view_entity_of(&v->scratch, suffix, &name);

	if (kind < 0)
		return NULL;
	return yt_fold_find(&v->fold, yt_arena_printf(&v->scratch, "%.*s%.*s", YT_FMT(yt_entities[kind].prefix), YT_FMT(name)));
}

/* What the key of this suffix should have; n == 0: it should not be there. *e: the entity, NULL: none. */
static int expect(struct verify *v, struct yt_str suffix, struct yt_view_hash *out, struct yt_folded **e, size_t *k, struct yt_err *err)
{
	struct yt_view_hash hashes[YT_VIEW_HASHES_MAX];
	size_t n;

	*out = (struct yt_view_hash){ .suffix = suffix, .expires_at_ms = YT_NEVER };
	*e = entity_behind(v, suffix);
	if (!*e)
		return 0;
	if (render(v, *e, hashes, &n, err) < 0)
		return -1;
	for (*k = 0; *k < n; ++*k)
		if (yt_str_eq(hashes[*k].suffix, suffix)) {
			*out = hashes[*k];
			return 0;
		}
	*e = NULL; /* a hash that its kind does not have, as it is configured */
	return 0;
}

enum verdict { EQUAL, DIFFERS, MISSING, EXTRA };

/* After its end a key may be there or not: Redis removes it by its own clock, the worker by the shard's. */
static enum verdict judge(const struct verify *v, const struct yt_view_hash *expected, const struct yt_view_hash *found)
{
	int64_t now = clock_ms(CLOCK_REALTIME) + EXPIRY_SLACK_MS;
	bool may_be_gone = expected->expires_at_ms <= (now > v->fold.at.now_ms ? now : v->fold.at.now_ms);

	if (expected->n && found->n)
		return equal_fields(expected, found) ? EQUAL : DIFFERS;
	if (!expected->n)
		return found->n ? EXTRA : EQUAL;
	return may_be_gone ? EQUAL : MISSING;
}

/* --- the pass over a shard */

static void doubt(struct verify *v, struct yt_str suffix)
{
	struct doubt *d;

	if (yt_map_get(&v->doubted, suffix))
		return;
	d = yt_arena_alloc(&v->arena, sizeof *d);
	d->suffix = yt_arena_dup(&v->arena, suffix);
	d->next = NULL;
	*v->last = d;
	v->last = &d->next;
	yt_map_add(&v->doubted, d);
}

struct pass {
	struct verify *v;
	struct yt_err *err;
	bool failed;
};

static void on_hash(void *ctx, int shard, const struct yt_view_hash *found)
{
	struct pass *p = ctx;
	struct verify *v = p->v;
	struct yt_view_hash expected;
	struct yt_folded *e;
	size_t k;

	(void)shard;
	if (p->failed)
		return;
	if (expect(v, found->suffix, &expected, &e, &k, p->err) < 0) {
		p->failed = true;
	} else if (e && e->seen >> k & 1) {
		; /* SCAN may give a key twice */
	} else {
		if (e)
			e->seen |= (uint8_t)(1 << k);
		if (judge(v, &expected, found) != EQUAL)
			doubt(v, found->suffix);
	}
	yt_arena_reset(&v->scratch);
}

static int pass_over_keys(struct verify *v, struct yt_err *err)
{
	struct pass p = { v, err, false };
	struct yt_view_hash hashes[YT_VIEW_HASHES_MAX];
	struct yt_folded *e;
	size_t at = 0, n;

	if (of_redis(yt_redis_each(v->redis, v->shard, on_hash, &p, err), err) < 0 || p.failed)
		return -1;
	/* What was not met. An entity of which no hash was met may have none. */
	while ((e = yt_map_next(&v->fold.map, &at))) {
		if (e->rendered && (e->has & ~e->seen) == 0)
			continue;
		if (render(v, e, hashes, &n, err) < 0)
			return -1;
		for (size_t k = 0; k < n; k++)
			if ((e->has & ~e->seen) >> k & 1)
				doubt(v, hashes[k].suffix);
		yt_arena_reset(&v->scratch);
	}
	return 0;
}

/* What changed while the keys were read was compared with nothing that is certain. */
static void doubt_changed(struct verify *v, unsigned since)
{
	struct yt_str suffix[YT_VIEW_HASHES_MAX];
	struct yt_folded *e;
	size_t at = 0;

	while ((e = yt_map_next(&v->fold.map, &at))) {
		size_t n = e->round > since ? yt_view_suffixes(&v->scratch, (enum yt_kind)e->kind, yt_folded_name(e), v->redis_conf.orders, suffix) : 0;

		for (size_t k = 0; k < n; k++)
			doubt(v, suffix[k]);
		yt_arena_reset(&v->scratch);
	}
}

/* --- looking again */

/* Redis shows this log. A shard that nothing has touched since `yutang init` has no view yet, and needs none. */
static bool is_ours(const struct verify *v, const struct yt_redis_at *at)
{
	return strcmp(at->log_id, v->log_id) == 0 || (!at->log_id[0] && v->fold.at.version == 0);
}

static bool same_at(const struct yt_redis_at *a, const struct yt_redis_at *b)
{
	return a->version == b->version && strcmp(a->log_id, b->log_id) == 0;
}

/* Reads up to `n` keys at one version, and the changelog up to it. 1: done; 0: it moved; -1: err. */
static int look(struct verify *v, size_t n, struct yt_view_hash *found, struct yt_redis_at *at, struct yt_err *err)
{
	struct yt_redis_at after;
	struct doubt *d = v->doubts;

	yt_arena_reset(&v->looked);
	if (of_redis(yt_redis_where(v->redis, v->shard, at, err), err) < 0)
		return -1;
	if (!is_ours(v, at) || at->version < v->fold.at.version)
		return 0;
	for (size_t i = 0; i < n && d; i++, d = d->next)
		if (of_redis(yt_redis_get(v->redis, &v->looked, v->shard, d->suffix, &found[i], err), err) < 0)
			return -1;
	if (of_redis(yt_redis_where(v->redis, v->shard, &after, err), err) < 0)
		return -1;
	if (!same_at(at, &after))
		return 0;
	if (yt_fold_read(&v->fold, at->version, err) < 0)
		return -1;
	return v->fold.at.version == at->version;
}

/* Says what differs. False: a key too many that a sweep may still remove. */
static bool settle_one(struct verify *v, struct yt_str suffix, const struct yt_view_hash *found, bool patient, struct yt_err *err, int *rc)
{
	struct yt_view_hash expected;
	struct yt_folded *e;
	bool settled = true;
	size_t k;

	*rc = expect(v, suffix, &expected, &e, &k, err);
	if (*rc == 0) {
		switch (judge(v, &expected, found)) {
		case EQUAL:
			break;
		case DIFFERS:
			say_fields(v, &expected, found);
			break;
		case MISSING:
			say_key(v, suffix);
			printf(" missing: expected %zu fields\n", expected.n);
			break;
		case EXTRA:
			settled = !patient;
			if (settled) {
				say_key(v, suffix);
				printf(" extra: expected nothing, found %zu fields\n", found->n);
			}
			break;
		}
	}
	yt_arena_reset(&v->scratch);
	return settled;
}

/* Takes the first of the doubts that were looked at; those that are not settled go to the end. */
static int settle(struct verify *v, size_t n, const struct yt_view_hash *found, bool patient, bool *waits, struct yt_err *err)
{
	*waits = false;
	for (size_t i = 0; i < n && v->doubts; i++) {
		struct doubt *d = v->doubts;
		int rc;

		v->doubts = d->next;
		if (!v->doubts)
			v->last = &v->doubts;
		if (!settle_one(v, d->suffix, &found[i], patient, err, &rc)) {
			d->next = NULL;
			*v->last = d;
			v->last = &d->next;
			*waits = true;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static size_t count_doubts(const struct verify *v, size_t max)
{
	size_t n = 0;

	for (const struct doubt *d = v->doubts; d && n < max; d = d->next)
		n++;
	return n;
}

static int settle_doubts(struct verify *v, struct yt_err *err)
{
	int64_t sweep_by = clock_ms(CLOCK_MONOTONIC) + SWEEP_MS;
	struct yt_view_hash found[TOGETHER_MAX];
	struct yt_redis_at at;
	size_t together = TOGETHER_MAX;
	bool waits;

	while (v->doubts) {
		size_t n = count_doubts(v, together);
		int rc = look(v, n, found, &at, err);

		if (rc < 0)
			return -1;
		if (rc == 0) {
			together = together > 1 ? together / 2 : 1;
			if (pause_until(v->deadline))
				continue;
			say_at(v, &at);
			return 0;
		}
		if (settle(v, n, found, clock_ms(CLOCK_MONOTONIC) < sweep_by, &waits, err) < 0)
			return -1;
		if (waits)
			pause_until(sweep_by);
		else if (together < TOGETHER_MAX)
			together *= 2;
	}
	return 0;
}

/* --- the log by itself */

static int contradiction(struct verify *v, struct yt_err *err, const char *what)
{
	return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA, "shard %d: %s", v->shard, what);
}

static int compare_offsets(struct verify *v, const struct yt_group_pos *g, struct yt_err *err)
{
	const struct yt_checkpoint *at = &v->fold.at;
	char topic[YT_KAFKA_TOPIC_MAX];

	for (int i = 0; i < v->kafka.n_inputs; i++) {
		yt_kafka_topic(&v->kafka, v->kafka.inputs[i], topic);
		for (int k = 0; k < at->n_inputs; k++)
			if (g->next[i] >= 0 && yt_str_eq(at->topics[k], yt_str_z(topic)) && at->next[k] != g->next[i])
				return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA,
				                  "shard %d: group %s is at offset %" PRId64 " of %s, the changelog says %" PRId64 ": somebody moved the offsets",
				                  v->shard, v->kafka.group, g->next[i], topic, at->next[k]);
	}
	return 0;
}

static bool has_offsets(const struct verify *v, const struct yt_group_pos *g)
{
	for (int i = 0; i < v->kafka.n_inputs; i++)
		if (g->next[i] >= 0)
			return true;
	return false;
}

/* The group's offsets are of the same transactions as the changelog. While commits go on, the one is read before and after the other. */
static int check_group(struct verify *v, struct yt_err *err)
{
	int64_t deadline = clock_ms(CLOCK_MONOTONIC) + WAIT_MS;
	struct yt_group_pos g;

	do {
		if (yt_kafka_read_group(v->reader, v->shard, &g, err) < 0)
			return -1;
		if (!has_offsets(v, &g))
			return 0; /* the group was empty for a week: the changelog tells where to start */
		if (!g.has_meta)
			return contradiction(v, err, "the offsets of the group are not what a worker committed: somebody set them");
		if (strcmp(g.log_id, v->log_id) != 0)
			return contradiction(v, err, "the group's offsets are of another log than the changelog");
		if (g.version > v->fold.at.version && yt_fold_read(&v->fold, UINT64_MAX, err) < 0)
			return -1;
		if (g.version == v->fold.at.version)
			return compare_offsets(v, &g, err);
		if (g.version < v->fold.at.version) {
			if (yt_kafka_read_group(v->reader, v->shard, &g, err) < 0)
				return -1;
			if (g.version >= v->fold.at.version)
				return 0;
		}
	} while (pause_until(deadline));
	return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA, "shard %d: the group's offsets are of version %" PRIu64 ", the changelog of %" PRIu64,
	                  v->shard, g.version, v->fold.at.version);
}

static int check_log(struct verify *v, struct yt_err *err)
{
	const struct yt_checkpoint *at = &v->fold.at;

	if (!v->fold.has_checkpoint)
		return contradiction(v, err, v->fold.live ? "the changelog has no checkpoint" : "it has no state: run `yutang init` first");
	if (at->partitions != v->kafka.partitions)
		return contradiction(v, err, "the changelog was written for another number of partitions");
	if (!v->log_id[0])
		memcpy(v->log_id, at->log_id, sizeof v->log_id);
	if (strcmp(v->log_id, at->log_id) != 0)
		return contradiction(v, err, "its changelog is of another log than that of shard 0");
	return check_group(v, err);
}

/* --- a shard */

/* Waits for a view that has all that was read. 1: it has; 0: the time is over, and it was said; -1: err. */
static int await_view(struct verify *v, struct yt_err *err)
{
	struct yt_redis_at at;
	bool told = false;

	do {
		if (of_redis(yt_redis_where(v->redis, v->shard, &at, err), err) < 0)
			return -1;
		if (is_ours(v, &at) && at.version >= v->fold.at.version) {
			v->deadline = clock_ms(CLOCK_MONOTONIC) + WAIT_MS; /* somebody writes it */
			return 1;
		}
		if (!told)
			fprintf(stderr, "shard %d: the view is at version %" PRIu64 ", the log at %" PRIu64 ": waiting\n", v->shard, at.version,
			        v->fold.at.version);
		told = true;
	} while (pause_until(v->deadline));
	say_at(v, &at);
	return 0;
}

/* Reads the changelog up to what Redis shows, which a marker that is still on its way may hold back. The same answers. */
static int catch_up(struct verify *v, struct yt_err *err)
{
	struct yt_redis_at at;

	do {
		if (of_redis(yt_redis_where(v->redis, v->shard, &at, err), err) < 0 || yt_fold_read(&v->fold, at.version, err) < 0)
			return -1;
		if (is_ours(v, &at) && at.version <= v->fold.at.version)
			return 1;
	} while (pause_until(v->deadline));
	say_at(v, &at);
	return 0;
}

static int compare_shard(struct verify *v, struct yt_err *err)
{
	unsigned round;
	int rc;

	if (yt_fold_read(&v->fold, UINT64_MAX, err) < 0 || check_log(v, err) < 0)
		return -1;
	rc = await_view(v, err);
	if (rc <= 0)
		return rc;
	round = v->fold.round;
	if (pass_over_keys(v, err) < 0)
		return -1;
	rc = catch_up(v, err);
	if (rc <= 0)
		return rc;
	doubt_changed(v, round);
	return settle_doubts(v, err);
}

static int repair(struct verify *v, struct yt_err *err)
{
	if (of_redis(yt_redis_forget(v->redis, v->shard, err), err) < 0)
		return -1;
	printf("repair shard %d: the worker that has it writes its view anew, at once or when it is started\n", v->shard);
	return 0;
}

static int verify_shard(struct verify *v, int shard, struct yt_err *err)
{
	uint64_t before = v->differences;
	int rc;

	v->shard = shard;
	v->doubts = NULL;
	v->last = &v->doubts;
	yt_map_init(&v->doubted, suffix_of);
	yt_fold_init(&v->fold, v->reader, shard);
	rc = compare_shard(v, err);
	v->entities += v->fold.live;
	yt_fold_deinit(&v->fold);
	yt_map_deinit(&v->doubted);
	yt_arena_reset(&v->arena);
	yt_arena_reset(&v->looked);
	if (rc == 0 && v->differences != before && v->repair)
		rc = repair(v, err);
	fflush(stdout);
	return rc;
}

/* --- the command */

static int open_both(struct verify *v, struct yt_err *err)
{
	int n;

	v->redis = yt_redis_open(&v->redis_conf, err);
	if (!v->redis)
		return of_redis(-1, err);
	v->reader = yt_kafka_read_new(&v->kafka, true, err);
	if (!v->reader)
		return -1;
	n = yt_kafka_read_partitions(v->reader, "state", err);
	if (n >= 0 && n != v->kafka.partitions)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "topic %sstate has %d partitions, the configuration says %d", v->kafka.prefix, n,
		                  v->kafka.partitions);
	return n < 0 ? -1 : 0;
}

static int verify_all(struct verify *v)
{
	bool tty = isatty(STDERR_FILENO);
	struct yt_err err = { 0 };
	int rc = open_both(v, &err);

	v->deadline = clock_ms(CLOCK_MONOTONIC) + WAIT_MS;
	for (int shard = 0; rc == 0 && shard < v->kafka.partitions; shard++) {
		if (tty)
			fprintf(stderr, "\rshard %d of %d\033[K", shard, v->kafka.partitions);
		rc = verify_shard(v, shard, &err);
	}
	if (tty)
		fputs("\r\033[K", stderr);
	if (rc < 0)
		return yt_app_fail(&err);
	printf("verify shards=%d entities=%" PRIu64 " differences=%" PRIu64 "\n", v->kafka.partitions, v->entities, v->differences);
	if (fflush(stdout) != 0)
		return YT_EXIT_UNAVAILABLE;
	return v->differences ? YT_EXIT_DIFFERENCE : YT_EXIT_OK;
}

int yt_cmd_verify(int argc, char **argv)
{
	struct verify v = { 0 };
	const struct yt_option options[] = { { "--repair", NULL, &v.repair }, { 0 } };
	struct yt_conf c;
	int n, exit_code;

	if (!yt_begin(argc, argv, options, "verify [-c FILE] [--repair]", 0, 0, &n, &c, &exit_code))
		return exit_code;
	if (!c.redis.on) {
		fprintf(stderr, "yutang: %s has no section [redis]: there is no view to verify\n", c.file);
		yt_conf_deinit(&c);
		return YT_EXIT_CONFIG;
	}
	signal(SIGPIPE, SIG_IGN); /* of Redis */
	v.conf = &c;
	yt_conf_kafka(&c, &v.kafka);
	yt_conf_redis(&c, &v.redis_conf);
	yt_arena_init(&v.arena, 0);
	yt_arena_init(&v.scratch, 0);
	yt_arena_init(&v.looked, 0);
	exit_code = verify_all(&v);
	yt_kafka_read_free(v.reader);
	yt_redis_close(v.redis);
	yt_arena_deinit(&v.arena);
	yt_arena_deinit(&v.scratch);
	yt_arena_deinit(&v.looked);
	yt_conf_deinit(&c);
	return exit_code;
}
