/* `yutang report`: a shop's numbers by day, channel and cohort, as Redis shows them, summed over the shards. Reads, and writes nothing. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "begin.h"
#include "yutang/base/json.h"
#include "yutang/core/channels.h"
#include "yutang/core/day.h"
#include "yutang/io/redis.h"

enum {
	DAYS_DEFAULT = 30,
	DAYS_MAX = 366,    /* of one report: a year; each is two keys a shard */
	MONTHS_MAX = 14,   /* that they can touch */
	SETTLE_MS = 2000,  /* for the numbers of one version of a shard, while it moves on */
	PAUSE_MS = 5,
};
#define DAY_MS INT64_C(86400000)

struct field {
	struct yt_str name;
	int64_t sum;
};

struct day {
	int32_t number;
	struct field *fields; /* as in Redis; NULL: outside of the report, only its cohort is asked for */
	uint32_t n, cap;
	struct yt_channels channels;
};

struct report {
	struct yt_arena *a;
	const struct yt_conf *conf;
	struct yt_redis_conf redis_conf;
	struct yt_redis *redis;
	struct yt_str shop;
	const struct yt_zone *zone;
	int32_t from, until;  /* days, both in it */
	struct day *days;     /* of the whole months around them */
	int32_t first, n_days;
	int64_t now_ms;       /* whether a cohort's time is over */
	int64_t time_ms;      /* of the newest shard that is shown */
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- days */

static bool parse_day(const char *text, int32_t *day)
{
	char instant[32];
	int64_t ms;

	if (strlen(text) != 10)
		return false;
	snprintf(instant, sizeof instant, "%sT00:00:00Z", text);
	if (!yt_time_parse(yt_str_z(instant), &ms))
		return false;
	*day = (int32_t)(ms / DAY_MS);
	return true;
}

/* The first day of its month, and of the next one. */
static int32_t month_of(int32_t day, int32_t *next)
{
	char text[11];
	int32_t first = 0;

	yt_day_format(day, text);
	memcpy(text + 8, "01", 2);
	parse_day(text, &first);
	*next = first + 27;
	do
		yt_day_format(++*next, text);
	while (memcmp(text + 8, "01", 2) != 0);
	return first;
}

static void add_days(struct report *r)
{
	int32_t next;

	r->first = month_of(r->from, &next);
	month_of(r->until, &next);
	r->n_days = next - r->first;
	r->days = yt_arena_zalloc(r->a, (size_t)r->n_days * sizeof *r->days);
	for (int32_t k = 0; k < r->n_days; k++)
		r->days[k].number = r->first + k;
}

static bool is_asked(const struct report *r, const struct day *d)
{
	return d->number >= r->from && d->number <= r->until;
}

/* --- sums */

static void add_field(struct report *r, struct day *d, struct yt_str name, int64_t v)
{
	uint32_t k = 0;

	while (k < d->n && !yt_str_eq(d->fields[k].name, name))
		k++;
	if (k == d->n) {
		d->fields = yt_list_grow(r->a, d->fields, d->n, &d->cap, sizeof *d->fields);
		d->fields[d->n++] = (struct field){ .name = name };
	}
	d->fields[k].sum = yt_sum(d->fields[k].sum, v);
}

static bool add_counts(struct report *r, struct day *d, const struct yt_view_hash *h)
{
	for (size_t k = 0; k < h->n; k++) {
		int64_t v;

		if (!yt_parse_int(h->fields[2 * k + 1], INT64_MIN, INT64_MAX, &v))
			return false;
		add_field(r, d, h->fields[2 * k], v);
	}
	return true;
}

static void sum_channels(struct yt_arena *a, struct yt_channels *into, const struct yt_channels *of)
{
	for (uint32_t k = 0; k < of->n; k++) {
		struct yt_channel *one = yt_channels_get(into, a, of->v[k].name);

		for (int i = 0; i < YT_CHANNEL__COUNT; i++)
			one->count[i] = yt_sum(one->count[i], of->v[k].count[i]);
	}
}

static bool add_channels(struct report *r, struct day *d, const struct yt_view_hash *h)
{
	for (size_t k = 0; k < h->n; k++) {
		struct yt_channel *one = yt_channels_get(&d->channels, r->a, h->fields[2 * k]);
		const cJSON *root;

		if (yt_json_parse(r->a, h->fields[2 * k + 1], 0, 0, &root, NULL) != YT_JSON_OK || !cJSON_IsObject(root))
			return false;
		for (int i = 0; i < YT_CHANNEL__COUNT; i++) {
			const cJSON *item = yt_json_get(root, yt_channel_count_names[i].p);
			int64_t v;

			if (!item)
				continue;
			if (!yt_parse_int(yt_json_number(item), INT64_MIN, INT64_MAX, &v))
				return false;
			one->count[i] = yt_sum(one->count[i], v);
		}
	}
	return true;
}

/* --- reading */

/* What a shard has of each day. */
struct share {
	struct yt_view_hash *counts, *channels;
};

static int of_redis(int rc, struct yt_err *err)
{
	struct yt_err e = *err;

	if (rc < 0)
		yt_err_set(err, e.class, e.exit, "Redis: %.400s", e.msg);
	return rc;
}

static struct yt_str key_of(struct report *r, enum yt_kind kind, int32_t day)
{
	struct yt_str suffix[YT_VIEW_HASHES_MAX];
	char date[11];

	yt_day_format(day, date);
	yt_view_suffixes(r->a, kind, yt_arena_printf(r->a, "%.*s/%s", YT_FMT(r->shop), date), false, suffix);
	return suffix[0];
}

static int read_days(struct report *r, int shard, struct share *s, struct yt_err *err)
{
	for (int32_t k = 0; k < r->n_days; k++) {
		struct day *d = &r->days[k];

		if (is_asked(r, d) && yt_redis_get(r->redis, r->a, shard, key_of(r, YT_KIND_DAY, d->number), &s->counts[k], err) < 0)
			return -1;
		if (yt_redis_get(r->redis, r->a, shard, key_of(r, YT_KIND_CHANNELS, d->number), &s->channels[k], err) < 0)
			return -1;
	}
	return 0;
}

/* The days of one version of the shard; of two where it does not stand still for so long, which is said. */
static int read_shard(struct report *r, int shard, struct share *s, struct yt_redis_at *at, struct yt_err *err)
{
	int64_t deadline = clock_ms(CLOCK_MONOTONIC) + SETTLE_MS;
	struct yt_redis_at after;

	for (;;) {
		if (yt_redis_where(r->redis, shard, at, err) < 0 || read_days(r, shard, s, err) < 0 || yt_redis_where(r->redis, shard, &after, err) < 0)
			return of_redis(-1, err);
		if (at->version == after.version && strcmp(at->log_id, after.log_id) == 0)
			return 0;
		if (clock_ms(CLOCK_MONOTONIC) >= deadline) {
			fprintf(stderr, "yutang: shard %d changed all the while: its numbers may be of two versions\n", shard);
			return 0;
		}
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	}
}

static int add_shard(struct report *r, int shard, struct yt_err *err)
{
	struct share s = {
		.counts = yt_arena_zalloc(r->a, (size_t)r->n_days * sizeof *s.counts),
		.channels = yt_arena_zalloc(r->a, (size_t)r->n_days * sizeof *s.channels),
	};
	struct yt_redis_at at = { .log_id = "" };

	if (read_shard(r, shard, &s, &at, err) < 0)
		return -1;
	if (!at.log_id[0])
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DIFFERENCE, "Redis has no view of shard %d: %s:{%d}:at is missing", shard, r->redis_conf.prefix, shard);
	r->time_ms = at.time_ms > r->time_ms ? at.time_ms : r->time_ms;
	for (int32_t k = 0; k < r->n_days; k++) {
		struct day *d = &r->days[k];
		bool good = add_counts(r, d, &s.counts[k]);

		if (!good || !add_channels(r, d, &s.channels[k]))
			return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_DATA, "%s:{%d}:%.*s is none that the daemon wrote: `yutang verify` finds such, `--repair` mends it",
			                  r->redis_conf.prefix, shard, YT_FMT(key_of(r, good ? YT_KIND_CHANNELS : YT_KIND_DAY, d->number)));
	}
	return 0;
}

/* --- what follows from the numbers */

static int64_t gaps_of(const int64_t *count)
{
	int64_t n = 0;

	for (int k = 1; k < YT_NTH_MAX; k++)
		n += count[YT_CHANNEL_ORDERS + k];
	return n;
}

/* Tenths of a day between two orders, rounded. */
static int64_t gap_tenths(const int64_t *count)
{
	int64_t n = gaps_of(count);

	return n > 0 ? (count[YT_CHANNEL_GAP_MS] / n + DAY_MS / 20) / (DAY_MS / 10) : -1;
}

static const int64_t *total_of(struct yt_arena *a, const struct yt_channels *c)
{
	int64_t *total = yt_arena_zalloc(a, YT_CHANNEL__COUNT * sizeof *total);

	for (uint32_t k = 0; k < c->n; k++)
		for (int i = 0; i < YT_CHANNEL__COUNT; i++)
			total[i] = yt_sum(total[i], c->v[k].count[i]);
	return total;
}

/* A local month; whether N x 24 hours have passed since its end. */
struct cohort {
	char month[11];
	bool over[YT_AGAIN_N];
	struct yt_channels channels;
};

static int cohorts_of(struct report *r, struct cohort *out)
{
	int n = 0;

	for (int32_t k = 0, next; k < r->n_days; k = next - r->first) {
		struct cohort *c = &out[n++];

		*c = (struct cohort){ .month = "" };
		yt_day_format(month_of(r->first + k, &next), c->month);
		c->month[7] = 0;
		for (int i = 0; i < YT_AGAIN_N; i++)
			c->over[i] = r->now_ms >= yt_zone_day_start_ms(r->zone, next) + (i + 1) * YT_AGAIN_STEP_MS;
		for (int32_t d = k; d < next - r->first; d++)
			sum_channels(r->a, &c->channels, &r->days[d].channels);
	}
	return n;
}

/* --- as JSON */

static void json_count(struct yt_buf *out, const int64_t *count, enum yt_channel_count which)
{
	yt_buf_printf(out, "\"%.*s\":%" PRId64 ",", YT_FMT(yt_channel_count_names[which]), count[which]);
}

static void json_nth(struct yt_buf *out, const char *name, const int64_t *count)
{
	yt_buf_printf(out, "\"%s\":[", name);
	for (int k = 0; k < YT_NTH_MAX; k++)
		yt_buf_printf(out, "%s%" PRId64, k ? "," : "", count[k]);
	yt_buf_z(out, "],");
}

static void json_numbers(struct yt_buf *out, const int64_t *count)
{
	int64_t gap = gap_tenths(count);

	yt_buf_c(out, '{');
	for (int k = YT_CHANNEL_BOUND; k <= YT_CHANNEL_USED; k++)
		json_count(out, count, k);
	yt_buf_printf(out, "\"repurchased\":%" PRId64 ",", count[YT_CHANNEL_ORDERS + 1]);
	json_nth(out, "orders", count + YT_CHANNEL_ORDERS);
	json_nth(out, "items", count + YT_CHANNEL_ITEMS);
	for (int k = YT_CHANNEL_COUPON_COST; k <= YT_CHANNEL_GAP_MS; k++)
		json_count(out, count, k);
	yt_buf_printf(out, "\"gaps\":%" PRId64 ",\"gap_days\":", gaps_of(count));
	if (gap < 0)
		yt_buf_z(out, "null}");
	else
		yt_buf_printf(out, "%" PRId64 ".%d}", gap / 10, (int)(gap % 10));
}

static void json_channels(struct yt_buf *out, const struct yt_channels *c)
{
	yt_buf_z(out, "\"channels\":{");
	for (uint32_t k = 0; k < c->n; k++) {
		if (k)
			yt_buf_c(out, ',');
		yt_json_add_text(out, c->v[k].name);
		yt_buf_c(out, ':');
		json_numbers(out, c->v[k].count);
	}
	yt_buf_c(out, '}');
}

static void json_day(struct yt_buf *out, const struct day *d)
{
	char date[11];

	yt_day_format(d->number, date);
	yt_buf_printf(out, "{\"day\":\"%s\",\"counts\":{", date);
	for (uint32_t k = 0; k < d->n; k++) {
		if (k)
			yt_buf_c(out, ',');
		yt_json_add_text(out, d->fields[k].name);
		yt_buf_printf(out, ":%" PRId64, d->fields[k].sum);
	}
	yt_buf_z(out, "},");
	json_channels(out, &d->channels);
	yt_buf_c(out, '}');
}

static void json_again(struct yt_buf *out, const struct cohort *c, const int64_t *count)
{
	yt_buf_printf(out, "\"members\":%" PRId64, count[YT_CHANNEL_ORDERS]);
	for (int k = 0; k < YT_AGAIN_N; k++) {
		yt_buf_printf(out, ",\"%.*s\":", YT_FMT(yt_channel_count_names[YT_CHANNEL_AGAIN_30 + k]));
		if (c->over[k])
			yt_buf_i64(out, count[YT_CHANNEL_AGAIN_30 + k]);
		else
			yt_buf_z(out, "null");
	}
}

static void json_cohort(struct yt_arena *a, struct yt_buf *out, const struct cohort *c)
{
	const char *comma = "";

	yt_buf_printf(out, "{\"month\":\"%s\",", c->month);
	json_again(out, c, total_of(a, &c->channels));
	yt_buf_z(out, ",\"channels\":{");
	for (uint32_t k = 0; k < c->channels.n; k++) {
		if (!c->channels.v[k].count[YT_CHANNEL_ORDERS])
			continue;
		yt_buf_z(out, comma);
		yt_json_add_text(out, c->channels.v[k].name);
		yt_buf_z(out, ":{");
		json_again(out, c, c->channels.v[k].count);
		yt_buf_c(out, '}');
		comma = ",";
	}
	yt_buf_z(out, "}}");
}

static bool is_empty(const struct day *d)
{
	return !d->n && !d->channels.n;
}

static void print_json(struct report *r, const struct yt_channels *all, const struct cohort *cohorts, int n_cohorts)
{
	char from[11], until[11];
	const char *comma = "";
	struct yt_buf out;

	yt_day_format(r->from, from);
	yt_day_format(r->until, until);
	yt_buf_init(&out, r->a);
	yt_buf_printf(&out, "{\"shop\":\"%.*s\",\"from\":\"%s\",\"until\":\"%s\",\"time\":%" PRId64 ",\"days\":[", YT_FMT(r->shop), from, until, r->time_ms);
	for (int32_t k = 0; k < r->n_days; k++) {
		if (!is_asked(r, &r->days[k]) || is_empty(&r->days[k]))
			continue;
		yt_buf_z(&out, comma);
		json_day(&out, &r->days[k]);
		comma = ",";
	}
	yt_buf_z(&out, "],");
	json_channels(&out, all);
	yt_buf_z(&out, ",\"total\":");
	json_numbers(&out, total_of(r->a, all));
	yt_buf_z(&out, ",\"cohorts\":[");
	for (int k = 0; k < n_cohorts; k++) {
		if (k)
			yt_buf_c(&out, ',');
		json_cohort(r->a, &out, &cohorts[k]);
	}
	yt_buf_z(&out, "]}\n");
	fwrite(out.p, 1, out.n, stdout);
}

/* --- for a person */

enum { NAME_WIDTH = 20 };

static void print_days(const struct report *r)
{
	printf("\n%-10s", "day");
	for (int k = 0; k < YT_DAY__COUNT; k++)
		printf(" %15.*s", YT_FMT(yt_day_count_names[k]));
	putchar('\n');
	for (int32_t k = 0; k < r->n_days; k++) {
		const struct day *d = &r->days[k];
		char date[11];

		if (!is_asked(r, d) || !d->n)
			continue;
		yt_day_format(d->number, date);
		printf("%-10s", date);
		for (int i = 0; i < YT_DAY__COUNT; i++) {
			uint32_t f = 0;

			while (f < d->n && !yt_str_eq(d->fields[f].name, yt_day_count_names[i]))
				f++;
			printf(" %15" PRId64, f < d->n ? d->fields[f].sum : 0);
		}
		putchar('\n');
	}
}

static void print_channel(struct yt_str name, const int64_t *count)
{
	int64_t gap = gap_tenths(count);

	printf("%-*.*s", NAME_WIDTH, YT_FMT(name));
	for (int k = YT_CHANNEL_BOUND; k <= YT_CHANNEL_USED; k++)
		printf(" %8" PRId64, count[k]);
	printf(" %11" PRId64 " %14" PRId64 " %16" PRId64 " %11" PRId64, count[YT_CHANNEL_ORDERS + 1], count[YT_CHANNEL_REVENUE],
	       count[YT_CHANNEL_REFERRED_REVENUE], count[YT_CHANNEL_COUPON_COST]);
	if (gap < 0)
		printf(" %8s\n", "-");
	else
		printf(" %6" PRId64 ".%d\n", gap / 10, (int)(gap % 10));
}

static void print_nth(const int64_t *count)
{
	printf("\n%-*s", NAME_WIDTH, "purchase");
	for (int k = 1; k < YT_NTH_MAX; k++)
		printf(" %8d", k);
	printf(" %7d+\n%-*s", YT_NTH_MAX, NAME_WIDTH, "orders");
	for (int k = 0; k < YT_NTH_MAX; k++)
		printf(" %8" PRId64, count[YT_CHANNEL_ORDERS + k]);
	printf("\n%-*s", NAME_WIDTH, "items");
	for (int k = 0; k < YT_NTH_MAX; k++)
		printf(" %8" PRId64, count[YT_CHANNEL_ITEMS + k]);
	putchar('\n');
}

static void print_cohort(struct yt_arena *a, const struct cohort *c)
{
	const int64_t *count = total_of(a, &c->channels);
	int64_t members = count[YT_CHANNEL_ORDERS];

	printf("%-*s %8" PRId64, NAME_WIDTH, c->month, members);
	for (int k = 0; k < YT_AGAIN_N; k++) {
		int64_t n = count[YT_CHANNEL_AGAIN_30 + k], tenths = members > 0 ? (n * 2000 + members) / (2 * members) : 0;

		if (c->over[k])
			printf(" %8" PRId64 " %4" PRId64 ".%d %%", n, tenths / 10, (int)(tenths % 10));
		else
			printf(" %8s %8s", "-", "-");
	}
	putchar('\n');
}

static void print_text(struct report *r, const struct yt_channels *all, const struct cohort *cohorts, int n_cohorts)
{
	const int64_t *total = total_of(r->a, all);
	char from[11], until[11], when[25];

	yt_day_format(r->from, from);
	yt_day_format(r->until, until);
	yt_time_format(r->time_ms, when);
	printf("shop %.*s, %s to %s; last change shown: %s\n", YT_FMT(r->shop), from, until, when);
	print_days(r);
	printf("\n%-*s", NAME_WIDTH, "channel");
	for (int k = YT_CHANNEL_BOUND; k <= YT_CHANNEL_USED; k++)
		printf(" %8.*s", YT_FMT(yt_channel_count_names[k]));
	printf(" %11s %14s %16s %11s %8s\n", "repurchased", "revenue", "referred_revenue", "coupon_cost", "gap_days");
	for (uint32_t k = 0; k < all->n; k++)
		print_channel(all->v[k].name, all->v[k].count);
	print_channel(YT_S("total"), total);
	print_nth(total);
	printf("\n%-*s %8s %17s %17s %17s\n", NAME_WIDTH, "first order in", "members", "again in 30 d", "in 60 d", "in 90 d");
	for (int k = 0; k < n_cohorts; k++)
		print_cohort(r->a, &cohorts[k]);
}

/* --- the command */

static int by_name(const void *pa, const void *pb)
{
	return yt_str_cmp(((const struct yt_channel *)pa)->name, ((const struct yt_channel *)pb)->name);
}

static void sort(struct yt_channels *c)
{
	if (c->n)
		qsort(c->v, c->n, sizeof *c->v, by_name);
}

static void print(struct report *r, bool json)
{
	struct cohort cohorts[MONTHS_MAX];
	struct yt_channels all = { 0 };
	int n = cohorts_of(r, cohorts);

	for (int32_t k = 0; k < r->n_days; k++) {
		if (is_asked(r, &r->days[k]))
			sum_channels(r->a, &all, &r->days[k].channels);
		sort(&r->days[k].channels);
	}
	for (int k = 0; k < n; k++)
		sort(&cohorts[k].channels);
	sort(&all);
	if (json)
		print_json(r, &all, cohorts, n);
	else
		print_text(r, &all, cohorts, n);
}

/* With the clock of the events a day is over when they have passed it. */
static int newest(struct report *r, struct yt_err *err)
{
	struct yt_redis_at at;

	r->now_ms = clock_ms(CLOCK_REALTIME);
	if (!r->conf->worker.on || r->conf->worker.clock != YT_CLOCK_EVENT)
		return 0;
	r->now_ms = 0;
	for (int shard = 0; shard < (int)r->conf->topics.partitions; shard++) {
		if (yt_redis_where(r->redis, shard, &at, err) < 0)
			return of_redis(-1, err);
		r->now_ms = at.log_id[0] && at.time_ms > r->now_ms ? at.time_ms : r->now_ms;
	}
	return 0;
}

static bool set_range(struct report *r, const char *from, const char *until)
{
	r->until = yt_zone_day(r->zone, r->now_ms);
	if (until && !parse_day(until, &r->until)) {
		fprintf(stderr, "yutang: --until wants a day, YYYY-MM-DD, not `%s`\n", until);
		return false;
	}
	r->from = r->until - DAYS_DEFAULT + 1;
	if (from && !parse_day(from, &r->from)) {
		fprintf(stderr, "yutang: --from wants a day, YYYY-MM-DD, not `%s`\n", from);
		return false;
	}
	if (r->from <= r->until && r->until - r->from < DAYS_MAX)
		return true;
	fprintf(stderr, "yutang: --from has to be a day not after --until, and a report has %d days at most\n", DAYS_MAX);
	return false;
}

static int read_and_print(struct report *r, const char *from, const char *until, bool json)
{
	struct yt_err err = { 0 };
	int rc;

	r->redis = yt_redis_open(&r->redis_conf, &err);
	rc = r->redis ? newest(r, &err) : of_redis(-1, &err);
	if (rc == 0 && !set_range(r, from, until)) {
		yt_redis_close(r->redis);
		return YT_EXIT_USAGE;
	}
	if (rc == 0)
		add_days(r);
	for (int shard = 0; rc == 0 && shard < (int)r->conf->topics.partitions; shard++)
		rc = add_shard(r, shard, &err);
	yt_redis_close(r->redis);
	if (rc < 0)
		return yt_app_fail(&err);
	print(r, json);
	return fflush(stdout) == 0 ? YT_EXIT_OK : YT_EXIT_UNAVAILABLE;
}

static int report(struct yt_arena *a, const struct yt_conf *c, const char *shop, const char *from, const char *until, bool json)
{
	struct report r = { .a = a, .conf = c, .shop = yt_str_z(shop) };
	const struct yt_ruleset *rules;
	const struct yt_shop_rules *of_shop;

	if (!c->redis.on || !c->worker.on) {
		fprintf(stderr, "yutang: %s has no section [%s]: there is %s\n", c->file, c->redis.on ? "worker" : "redis",
		        c->redis.on ? "no rule file to tell the shop's time zone" : "no view to read");
		return YT_EXIT_CONFIG;
	}
	rules = yt_app_rules_said(a, c->worker.rules);
	if (!rules)
		return YT_EXIT_CONFIG;
	of_shop = yt_ruleset_shop(rules, r.shop);
	if (!of_shop) {
		fprintf(stderr, "yutang: %s has neither a [shop \"%s\"] nor a [shop \"*\"]\n", c->worker.rules, shop);
		return YT_EXIT_CONFIG;
	}
	r.zone = of_shop->zone;
	yt_conf_redis(c, &r.redis_conf);
	return read_and_print(&r, from, until, json);
}

int yt_cmd_report(int argc, char **argv)
{
	bool json = false;
	const char *from = NULL, *until = NULL;
	const struct yt_option options[] = { { "--json", NULL, &json }, { "--from", &from, NULL }, { "--until", &until, NULL }, { 0 } };
	struct yt_arena a;
	struct yt_conf c;
	int n, exit_code;

	if (!yt_begin(argc, argv, options, "report [-c FILE] [--from DAY] [--until DAY] [--json] SHOP", 1, 1, &n, &c, &exit_code))
		return exit_code;
	yt_arena_init(&a, 0);
	signal(SIGPIPE, SIG_IGN); /* of Redis */
	exit_code = yt_app_shop_said(argv[0]) ? report(&a, &c, argv[0], from, until, json) : YT_EXIT_USAGE;
	yt_arena_deinit(&a);
	yt_conf_deinit(&c);
	return exit_code;
}
