/* `yutang dead-letters`: lists and shows what could not be taken, and puts it back on its topic. Reads committed records by assignment, up to the
 * end that the topic has when it begins: what is redriven and dies again comes behind that. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "progress.h"
#include "yutang/app/cmd.h"
#include "yutang/base/hash.h"
#include "yutang/base/json.h"

static const char TOPIC[] = "dead-letters";

enum { /* options */
	REASON = 1,
	SHOP = 2,
	SINCE = 4,
	LIMIT = 8,
	JSON = 16,
	DRY_RUN = 32,
	FILTERS = REASON | SHOP | SINCE
};

enum { LIMIT_MAX = 100000 }; /* lines that are kept until the end is known */

struct position {
	int partition;
	int64_t offset;
};

struct letters {
	struct yt_conf conf;
	struct yt_kafka_conf kafka;
	struct yt_kafka_read *reader;
	struct yt_arena scratch; /* one dead letter */
	struct yt_arena words;
	struct yt_progress progress;
	struct yt_err err;
	/* what was asked for */
	const struct subcommand *sub;
	unsigned given; /* options */
	const char *reason, *shop;
	int64_t since_ms, limit; /* limit 0: none */
	struct position *positions;
	int n_positions;
	uint64_t read;
	/* redrive */
	struct yt_kafka_feed *feed;
	int partitions[YT_INPUTS_MAX]; /* of each input; 0: not asked yet */
	uint64_t redriven, refused;
	/* list --limit */
	struct kept *kept;
	size_t n_kept;
};

/* One of them. Texts borrow from the record. */
struct letter {
	const struct yt_record *rec;
	struct yt_str topic, reason, detail; /* the topic with its prefix; p == NULL: the header is missing */
	int64_t partition, offset, timestamp_ms; /* -1: likewise */
	bool truncated;
};

/* --- a dead letter */

static int64_t header_int(struct yt_str v)
{
	int64_t n;

	return yt_parse_int(v, 0, INT64_MAX, &n) ? n : -1;
}

static bool is_own(struct yt_str name)
{
	return yt_str_starts(name, YT_S("dl_"));
}

/* The daemon's headers are the last ones: an earlier one of such a name came with the record. */
static void letter_of(const struct yt_record *rec, struct letter *l)
{
	*l = (struct letter){ .rec = rec, .partition = -1, .offset = -1, .timestamp_ms = -1 };
	for (size_t i = 0; i < rec->n_headers; i++) {
		struct yt_str name = rec->headers[i].name, value = rec->headers[i].value;

		if (yt_str_eq(name, YT_S("dl_topic")))
			l->topic = value;
		else if (yt_str_eq(name, YT_S("dl_partition")))
			l->partition = header_int(value);
		else if (yt_str_eq(name, YT_S("dl_offset")))
			l->offset = header_int(value);
		else if (yt_str_eq(name, YT_S("dl_timestamp")))
			l->timestamp_ms = header_int(value);
		else if (yt_str_eq(name, YT_S("dl_reason")))
			l->reason = value;
		else if (yt_str_eq(name, YT_S("dl_detail")))
			l->detail = value;
		else if (yt_str_eq(name, YT_S("dl_truncated")))
			l->truncated = true;
	}
}

static struct yt_str shop_of_source(struct yt_str source)
{
	return yt_str_starts(source, YT_S("/shops/")) ? yt_str(source.p + 7, source.n - 7) : (struct yt_str){ 0 };
}

/* Of its key, which is `<shop>/..`; where it has none, of its source. */
static struct yt_str shop_of(struct yt_arena *a, const struct yt_record *rec)
{
	const char *slash = rec->key.n ? memchr(rec->key.p, '/', rec->key.n) : NULL;
	const cJSON *root;

	if (slash)
		return yt_str(rec->key.p, (size_t)(slash - rec->key.p));
	for (size_t i = 0; i < rec->n_headers; i++)
		if (yt_str_eq(rec->headers[i].name, YT_S("ce_source")))
			return shop_of_source(rec->headers[i].value);
	if (yt_json_parse(a, rec->value, 0, 0, &root, NULL) != YT_JSON_OK || !cJSON_IsObject(root) || !yt_json_get(root, "source"))
		return (struct yt_str){ 0 };
	return shop_of_source(yt_json_text(yt_json_get(root, "source")));
}

static bool is_asked_for(struct letters *d, const struct letter *l)
{
	if (d->reason && !yt_str_eq(l->reason, yt_str_z(d->reason)))
		return false;
	if (d->given & SINCE && l->rec->timestamp_ms < d->since_ms)
		return false;
	return !d->shop || yt_str_eq(shop_of(&d->scratch, l->rec), yt_str_z(d->shop));
}

/* --- reading */

struct walk {
	struct letters *d;
	int64_t end;
	int (*fn)(struct letters *d, const struct letter *l);
	int rc;
};

static bool walk_record(void *ctx, const struct yt_record *rec)
{
	struct walk *w = ctx;
	struct letters *d = w->d;
	struct letter l;

	if (rec->offset >= w->end)
		return false;
	d->read++;
	yt_progress_show(&d->progress, "read", d->read, " dead letters", 0);
	letter_of(rec, &l);
	if (is_asked_for(d, &l))
		w->rc = w->fn(d, &l);
	yt_arena_reset(&d->scratch);
	return w->rc == 0;
}

/* Every dead letter that the options ask for, partition by partition. fn returns -1 to stop, with d->err. */
static int walk_all(struct letters *d, int (*fn)(struct letters *d, const struct letter *l))
{
	int partitions = yt_kafka_read_partitions(d->reader, TOPIC, &d->err);
	struct walk w = { .d = d, .fn = fn };
	int64_t low;

	for (int p = 0; p < partitions; p++) {
		if (yt_kafka_read_edges(d->reader, TOPIC, p, &low, &w.end, &d->err) < 0 ||
		    yt_kafka_read_run(d->reader, TOPIC, p, -1, walk_record, &w, &d->err) < 0 || w.rc < 0)
			return -1;
	}
	return partitions < 0 ? -1 : 0;
}

struct seek {
	struct letters *d;
	int64_t offset;
	int (*fn)(struct letters *d, const struct letter *l);
	int rc; /* 1: nothing lies there */
};

static bool take_first(void *ctx, const struct yt_record *rec)
{
	struct seek *s = ctx;
	struct letter l;

	if (rec->offset != s->offset)
		return false;
	letter_of(rec, &l);
	s->rc = s->fn(s->d, &l);
	yt_arena_reset(&s->d->scratch);
	return false;
}

/* The one at that place. 0, -1 and d->err, or 1: there is none, and why says so. */
static int read_one(struct letters *d, struct position at, int (*fn)(struct letters *d, const struct letter *l), char why[160])
{
	int partitions = yt_kafka_read_partitions(d->reader, TOPIC, &d->err);
	struct seek s = { .d = d, .offset = at.offset, .fn = fn, .rc = 1 };
	int64_t low, end;

	if (partitions < 0)
		return -1;
	snprintf(why, 160, "the topic has partitions 0 to %d", partitions - 1);
	if (at.partition >= partitions)
		return 1;
	if (yt_kafka_read_edges(d->reader, TOPIC, at.partition, &low, &end, &d->err) < 0)
		return -1;
	snprintf(why, 160, "its offsets are now from %" PRId64 " to before %" PRId64 ", with holes", low, end);
	if (at.offset < low || at.offset >= end)
		return 1;
	return yt_kafka_read_run(d->reader, TOPIC, at.partition, at.offset, take_first, &s, &d->err) < 0 ? -1 : s.rc;
}

/* --- saying */

/* What anybody wrote may have anything in it. */
static struct yt_str clean(struct yt_arena *a, struct yt_str s)
{
	struct yt_str copy = yt_arena_dup(a, s);
	char *p = (char *)(uintptr_t)copy.p;

	for (uint32_t i = 0; i < copy.n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			p[i] = '?';
	return copy;
}

static struct yt_str or_dash(struct yt_arena *a, struct yt_str s)
{
	return s.n ? clean(a, s) : YT_S("-");
}

/* A text; bytes that are none as {"hex":..}, so that nothing is lost; null. */
static void add_bytes(struct yt_buf *out, struct yt_str s)
{
	if (!s.p) {
		yt_buf_z(out, "null");
	} else if (yt_utf8_bad(s) == s.n) {
		yt_json_add_text(out, s);
	} else {
		yt_buf_z(out, "{\"hex\":\"");
		yt_buf_reserve(out, 2 * (size_t)s.n + 1);
		yt_hex((const unsigned char *)s.p, s.n, out->p + out->n);
		out->n += 2 * (size_t)s.n;
		yt_buf_z(out, "\"}");
	}
}

static void add_place(struct yt_buf *out, const struct letter *l)
{
	yt_buf_printf(out, "{\"position\":\"%d@%" PRId64 "\",\"time\":%" PRId64 ",\"topic\":", l->rec->shard, l->rec->offset, l->rec->timestamp_ms);
	add_bytes(out, l->topic);
	yt_buf_printf(out, ",\"partition\":%" PRId64 ",\"offset\":%" PRId64 ",\"timestamp\":%" PRId64 ",\"reason\":", l->partition, l->offset,
	              l->timestamp_ms);
	add_bytes(out, l->reason);
	yt_buf_z(out, ",\"detail\":");
	add_bytes(out, l->detail);
	yt_buf_printf(out, ",\"truncated\":%s,\"key\":", l->truncated ? "true" : "false");
	add_bytes(out, l->rec->key);
}

/* --- list */

struct kept {
	int64_t time_ms;
	struct position at;
	struct yt_str line; /* on the heap */
};

/* One line, without the value: it may hold personal data. */
static void add_line(struct letters *d, const struct letter *l, struct yt_buf *out)
{
	struct yt_arena *a = &d->scratch;
	char when[25];

	if (d->given & JSON) {
		add_place(out, l);
		yt_buf_z(out, "}\n");
		return;
	}
	yt_time_format(l->rec->timestamp_ms, when);
	yt_buf_printf(out, "%-9.*s %s %-14.*s %-26.*s %-20.*s %.*s%s\n",
	              YT_FMT(yt_arena_printf(a, "%d@%" PRId64, l->rec->shard, l->rec->offset)), when, YT_FMT(or_dash(a, l->reason)),
	              YT_FMT(yt_arena_printf(a, "%.*s/%" PRId64 "@%" PRId64, YT_FMT(or_dash(a, l->topic)), l->partition, l->offset)),
	              YT_FMT(or_dash(a, l->rec->key)), YT_FMT(clean(a, l->detail)), l->truncated ? " (cut)" : "");
}

static int newest_first(const void *x, const void *y)
{
	const struct kept *a = x, *b = y;

	if (a->time_ms != b->time_ms)
		return a->time_ms < b->time_ms ? 1 : -1;
	if (a->at.partition != b->at.partition)
		return a->at.partition < b->at.partition ? 1 : -1;
	return (a->at.offset < b->at.offset) - (a->at.offset > b->at.offset);
}

static void keep_newest(struct letters *d)
{
	if (d->n_kept)
		qsort(d->kept, d->n_kept, sizeof *d->kept, newest_first);
	while (d->n_kept > (size_t)d->limit)
		free((char *)(uintptr_t)d->kept[--d->n_kept].line.p);
}

static void keep(struct letters *d, const struct letter *l, struct yt_str line)
{
	char *copy = malloc(line.n);

	if (!copy)
		yt_out_of_memory(line.n);
	memcpy(copy, line.p, line.n);
	d->kept[d->n_kept++] = (struct kept){ l->rec->timestamp_ms, { l->rec->shard, l->rec->offset }, yt_str(copy, line.n) };
	if (d->n_kept == 2 * (size_t)d->limit)
		keep_newest(d);
}

static int list_one(struct letters *d, const struct letter *l)
{
	struct yt_buf line;

	yt_buf_init(&line, &d->scratch);
	add_line(d, l, &line);
	if (d->limit) {
		keep(d, l, yt_buf_str(&line));
		return 0;
	}
	yt_progress_hide(&d->progress);
	fwrite(line.p, 1, line.n, stdout);
	return 0;
}

static int list(struct letters *d)
{
	int rc;

	if (d->limit) {
		d->kept = malloc(2 * (size_t)d->limit * sizeof *d->kept);
		if (!d->kept)
			yt_out_of_memory(2 * (size_t)d->limit * sizeof *d->kept);
	}
	rc = walk_all(d, list_one);
	yt_progress_hide(&d->progress);
	keep_newest(d);
	while (d->n_kept) {
		struct yt_str line = d->kept[--d->n_kept].line;

		fwrite(line.p, 1, line.n, stdout);
		free((char *)(uintptr_t)line.p);
	}
	free(d->kept);
	return rc < 0 ? yt_app_fail(&d->err) : YT_EXIT_OK;
}

/* --- show */

static void print_text(struct letters *d, const struct letter *l)
{
	const struct yt_record *rec = l->rec;
	char when[25];

	yt_time_format(rec->timestamp_ms, when);
	printf("position  %d@%" PRId64 "\ntime      %s\nkey       %.*s\n", rec->shard, rec->offset, when, YT_FMT(or_dash(&d->scratch, rec->key)));
	for (size_t i = 0; i < rec->n_headers; i++)
		printf("header    %.*s: %.*s\n", YT_FMT(clean(&d->scratch, rec->headers[i].name)), YT_FMT(clean(&d->scratch, rec->headers[i].value)));
	printf("value     %.*s\n", YT_FMT(or_dash(&d->scratch, rec->value)));
}

static void print_json(struct letters *d, const struct letter *l)
{
	struct yt_buf out;

	yt_buf_init(&out, &d->scratch);
	add_place(&out, l);
	yt_buf_z(&out, ",\"headers\":[");
	for (size_t i = 0; i < l->rec->n_headers; i++) {
		yt_buf_z(&out, i ? ",[" : "[");
		add_bytes(&out, l->rec->headers[i].name);
		yt_buf_c(&out, ',');
		add_bytes(&out, l->rec->headers[i].value);
		yt_buf_c(&out, ']');
	}
	yt_buf_z(&out, "],\"value\":");
	add_bytes(&out, l->rec->value);
	yt_buf_z(&out, "}\n");
	fwrite(out.p, 1, out.n, stdout);
}

static int show_one(struct letters *d, const struct letter *l)
{
	if (d->given & JSON)
		print_json(d, l);
	else
		print_text(d, l);
	return 0;
}

static int show(struct letters *d)
{
	struct position at = d->positions[0];
	char why[160];
	int rc = read_one(d, at, show_one, why);

	if (rc > 0)
		fprintf(stderr, "yutang: there is no dead letter at %d@%" PRId64 ": %s\n", at.partition, at.offset, why);
	return rc < 0 ? yt_app_fail(&d->err) : rc > 0 ? YT_EXIT_DIFFERENCE : YT_EXIT_OK;
}

/* --- redrive */

/* One on its way. */
struct sent {
	struct position from;
	char topic[YT_KAFKA_TOPIC_MAX];
};

static void refuse(struct letters *d, struct position at, const char *why)
{
	struct yt_buf out;

	d->refused++;
	yt_progress_hide(&d->progress);
	if (!(d->given & JSON)) {
		fprintf(stderr, "yutang: %d@%" PRId64 " is not redriven: %s\n", at.partition, at.offset, why);
		return;
	}
	yt_buf_init(&out, &d->scratch);
	yt_buf_printf(&out, "{\"position\":\"%d@%" PRId64 "\",\"refused\":", at.partition, at.offset);
	yt_json_add_text(&out, yt_str_z(why));
	yt_buf_z(&out, "}\n");
	fwrite(out.p, 1, out.n, stdout);
}

/* offset -1: it was only looked where it would go. */
static void say_redriven(struct letters *d, struct position from, const char *topic, int partition, int64_t offset)
{
	char text[24] = "null";

	d->redriven++;
	yt_progress_hide(&d->progress);
	if (offset >= 0)
		snprintf(text, sizeof text, "%" PRId64, offset);
	if (d->given & JSON)
		printf("{\"position\":\"%d@%" PRId64 "\",\"topic\":\"%s\",\"partition\":%d,\"offset\":%s}\n", from.partition, from.offset, topic, partition, text);
	else if (offset >= 0)
		printf("%d@%" PRId64 " -> %s/%d@%s\n", from.partition, from.offset, topic, partition, text);
	else
		printf("%d@%" PRId64 " would go to %s/%d\n", from.partition, from.offset, topic, partition);
}

static void on_report(void *ctx, void *tag, int partition, int64_t offset, const char *why)
{
	struct letters *d = ctx;
	struct sent *s = tag;

	if (why)
		refuse(d, s->from, why);
	else
		say_redriven(d, s->from, s->topic, partition, offset);
	free(s);
}

/* Which input the topic is; -1: none of the configuration. */
static int input_of(const struct letters *d, struct yt_str topic)
{
	char full[YT_KAFKA_TOPIC_MAX];

	for (int i = 0; i < d->conf.topics.n_in; i++)
		if (yt_str_eq(topic, yt_str_z(yt_kafka_topic(&d->kafka, d->conf.topics.in[i], full))))
			return i;
	return -1;
}

static const char *why_not(struct letters *d, const struct letter *l, int input)
{
	if (!l->topic.p)
		return "it has no header dl_topic: a daemon did not put it there";
	if (l->truncated)
		return "it was cut to fit into a record (dl_truncated): only its producer has all of it";
	if (input < 0)
		return yt_arena_printf(&d->scratch, "its topic %.*s is no input of this configuration", YT_FMT(clean(&d->scratch, l->topic))).p;
	return NULL;
}

/* Where a producer that knows the contract would have put it; one without key goes back where it was. */
static int partition_of(const struct letter *l, int partitions)
{
	if (l->rec->key.p)
		return yt_partition(l->rec->key, partitions);
	return l->partition >= 0 && l->partition < partitions ? (int)l->partition : 0;
}

static int send_one(struct letters *d, const struct letter *l, int input, int partition)
{
	struct yt_header *headers = yt_arena_alloc(&d->scratch, (l->rec->n_headers + 1) * sizeof *headers);
	struct yt_kafka_feed_record out = { .topic = d->conf.topics.in[input], .partition = partition, .key = l->rec->key, .value = l->rec->value,
		                            .headers = headers };
	struct sent *s = malloc(sizeof *s);

	if (!s)
		yt_out_of_memory(sizeof *s);
	s->from = (struct position){ l->rec->shard, l->rec->offset };
	yt_kafka_topic(&d->kafka, d->conf.topics.in[input], s->topic);
	for (size_t i = 0; i < l->rec->n_headers; i++)
		if (!is_own(l->rec->headers[i].name))
			headers[out.n_headers++] = l->rec->headers[i];
	out.tag = s;
	if (yt_kafka_feed_send(d->feed, &out, &d->err) == 0)
		return 0;
	free(s);
	return -1;
}

static int redrive_one(struct letters *d, const struct letter *l)
{
	struct position from = { l->rec->shard, l->rec->offset };
	int input = input_of(d, l->topic), partition;
	const char *why = why_not(d, l, input);
	char full[YT_KAFKA_TOPIC_MAX];

	if (why) {
		refuse(d, from, why);
		return 0;
	}
	if (!d->partitions[input]) {
		int n = yt_kafka_read_partitions(d->reader, d->conf.topics.in[input], &d->err);

		if (n < 0)
			return -1;
		d->partitions[input] = n;
	}
	partition = partition_of(l, d->partitions[input]);
	if (!(d->given & DRY_RUN))
		return send_one(d, l, input, partition);
	say_redriven(d, from, yt_kafka_topic(&d->kafka, d->conf.topics.in[input], full), partition, -1);
	return 0;
}

static int redrive_positions(struct letters *d)
{
	for (int i = 0; i < d->n_positions; i++) {
		char why[160], text[200];
		int rc = read_one(d, d->positions[i], redrive_one, why);

		if (rc < 0)
			return -1;
		if (rc > 0) {
			snprintf(text, sizeof text, "there is no dead letter: %s", why);
			refuse(d, d->positions[i], text);
		}
	}
	return 0;
}

static void on_acknowledged(void *ctx, uint64_t acknowledged, uint64_t put)
{
	struct letters *d = ctx;

	if (acknowledged < put)
		yt_progress_show(&d->progress, "acknowledged", acknowledged, " of ", put);
}

static int redrive(struct letters *d)
{
	struct yt_err err = { 0 };
	int rc = 0;

	if (!(d->given & DRY_RUN)) {
		d->feed = yt_kafka_feed_new(&d->kafka, 0, &d->err);
		if (!d->feed)
			return yt_app_fail(&d->err);
		yt_kafka_feed_on_report(d->feed, on_report, d);
	}
	rc = d->n_positions ? redrive_positions(d) : walk_all(d, redrive_one);
	/* What was handed over is delivered also behind an error: each is said. */
	if (d->feed && yt_kafka_feed_finish(d->feed, on_acknowledged, d, &err) < 0 && rc == 0) {
		d->err = err;
		rc = -1;
	}
	yt_kafka_feed_free(d->feed);
	yt_progress_hide(&d->progress);
	if (!(d->given & JSON))
		printf("%s %" PRIu64 " dead letters\n", d->given & DRY_RUN ? "would redrive" : "redriven", d->redriven);
	if (rc < 0)
		return yt_app_fail(&d->err);
	if (d->refused)
		fprintf(stderr, "yutang: %" PRIu64 " dead letters were not redriven\n", d->refused);
	return d->refused ? YT_EXIT_DIFFERENCE : YT_EXIT_OK;
}

/* --- the command */

static const struct subcommand {
	const char *name, *usage;
	unsigned options;
	int positions_min, positions_max;
	int (*run)(struct letters *d);
} subcommands[] = {
	{ "list", "[--reason R] [--shop S] [--since INSTANT] [--limit N] [--json]", FILTERS | LIMIT | JSON, 0, 0, list },
	{ "show", "[--json] PARTITION@OFFSET", JSON, 1, 1, show },
	{ "redrive", "[--dry-run] [--json] PARTITION@OFFSET... | --reason R | --shop S | --since INSTANT", FILTERS | JSON | DRY_RUN, 0, INT_MAX,
	  redrive },
};
enum { N_SUBCOMMANDS = sizeof subcommands / sizeof *subcommands };

static int usage(void)
{
	for (int i = 0; i < N_SUBCOMMANDS; i++)
		fprintf(stderr, "%s yutang dead-letters %s [-c FILE] %s\n", i ? "      " : "usage:", subcommands[i].name, subcommands[i].usage);
	return YT_EXIT_USAGE;
}

static const struct subcommand *find_subcommand(const char *word)
{
	const char *names[N_SUBCOMMANDS], *near;

	for (int i = 0; i < N_SUBCOMMANDS; i++) {
		names[i] = subcommands[i].name;
		if (strcmp(word, names[i]) == 0)
			return &subcommands[i];
	}
	near = yt_nearest(yt_str_z(word), names, N_SUBCOMMANDS);
	fprintf(stderr, "yutang: no `dead-letters %s`%s%s%s\n", word, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
	return NULL;
}

/* EVENTS.md, Dead letters: also those that only other versions give, since the topic may have them. */
static bool is_reason(const char *word)
{
	static const char *const others[] = { "already_bound" };
	const char *names[YT_DEAD__COUNT + 1], *near;
	size_t n = 0;

	for (int i = YT_DEAD_NONE + 1; i < YT_DEAD__COUNT; i++)
		names[n++] = yt_dead_name(i);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		names[n++] = others[i];
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], word) == 0)
			return true;
	near = yt_nearest(yt_str_z(word), names, n);
	fprintf(stderr, "yutang: `%s` is no reason of a dead letter%s%s%s\n", word, near ? ": did you mean `" : "", near ? near : "", near ? "`?" : "");
	return false;
}

static bool take_position(const char *word, struct position *out)
{
	const char *at = strchr(word, '@');
	int64_t partition;

	if (at && yt_parse_int(yt_str(word, (size_t)(at - word)), 0, INT_MAX, &partition) && yt_parse_int(yt_str_z(at + 1), 0, INT64_MAX, &out->offset)) {
		out->partition = (int)partition;
		return true;
	}
	fprintf(stderr, "yutang: `%s` is no place of a dead letter: PARTITION@OFFSET, such as 0@12; `yutang dead-letters list` shows them\n", word);
	return false;
}

static bool take_words(struct letters *d, char **words, int n)
{
	d->positions = yt_arena_alloc(&d->words, ((size_t)n + 1) * sizeof *d->positions);
	for (int i = 0; i < n; i++)
		if (!take_position(words[i], &d->positions[d->n_positions++]))
			return false;
	if (n < d->sub->positions_min || n > d->sub->positions_max) {
		usage();
		return false;
	}
	if (d->sub->run != redrive || (n > 0) != !!(d->given & FILTERS))
		return true;
	fprintf(stderr, n ? "yutang: redrive takes places, or --reason, --shop and --since, and not both\n" :
	                    "yutang: redrive wants to know which: PARTITION@OFFSET..., or --reason, --shop or --since\n");
	return false;
}

/* Each option is one of the subcommand's, and has a value that is one. */
static bool take_options(struct letters *d, const char *since, const char *limit)
{
	static const char *const names[] = { "--reason", "--shop", "--since", "--limit", "--json", "--dry-run" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (d->given & ~d->sub->options & 1u << i) {
			fprintf(stderr, "yutang: `%s` is no option of `dead-letters %s`\n", names[i], d->sub->name);
			return false;
		}
	if (d->reason && !is_reason(d->reason))
		return false;
	if (since && !yt_time_parse(yt_str_z(since), &d->since_ms)) {
		fprintf(stderr, "yutang: --since wants an RFC 3339 instant, such as 2026-09-30T00:00:00Z\n");
		return false;
	}
	if (limit && !yt_parse_int(yt_str_z(limit), 1, LIMIT_MAX, &d->limit)) {
		fprintf(stderr, "yutang: --limit wants a number from 1 to %d\n", LIMIT_MAX);
		return false;
	}
	return true;
}

static int run(struct letters *d)
{
	int exit_code;

	yt_conf_kafka(&d->conf, &d->kafka);
	yt_progress_init(&d->progress);
	yt_arena_init(&d->scratch, 0);
	d->reader = yt_kafka_read_new(&d->kafka, true, &d->err);
	exit_code = d->reader ? d->sub->run(d) : yt_app_fail(&d->err);
	yt_kafka_read_free(d->reader);
	yt_arena_deinit(&d->scratch);
	return fflush(stdout) == 0 ? exit_code : YT_EXIT_UNAVAILABLE;
}

int yt_cmd_dead_letters(int argc, char **argv)
{
	const char *file = YT_CONF_DEFAULT_FILE, *since = NULL, *limit = NULL;
	bool json = false, dry_run = false;
	struct letters d = { 0 };
	const struct yt_option options[] = { { "--reason", &d.reason, NULL }, { "--shop", &d.shop, NULL },       { "--since", &since, NULL },
		                             { "--limit", &limit, NULL },     { "--json", NULL, &json }, { "--dry-run", NULL, &dry_run },
		                             { 0 } };
	int n, exit_code = YT_EXIT_USAGE;

	if (!yt_options(argc, argv, options, &file, &n))
		return YT_EXIT_USAGE;
	if (n == 0)
		return usage();
	d.sub = find_subcommand(argv[0]);
	if (!d.sub)
		return YT_EXIT_USAGE;
	d.given = (d.reason ? REASON : 0) | (d.shop ? SHOP : 0) | (since ? SINCE : 0) | (limit ? LIMIT : 0) | (json ? JSON : 0) | (dry_run ? DRY_RUN : 0);
	yt_arena_init(&d.words, 0);
	if (take_options(&d, since, limit) && take_words(&d, argv + 1, n - 1)) {
		exit_code = yt_app_conf(&d.conf, file) ? run(&d) : YT_EXIT_CONFIG;
		yt_conf_deinit(&d.conf);
	}
	yt_arena_deinit(&d.words);
	return exit_code;
}
