/* Reads topics as any other program would: committed records alone. See usage().
 * Knows librdkafka alone and nothing of the daemon, so that an audit may trust it. */
#include <getopt.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void usage(FILE *to)
{
	fputs("usage: kread [OPTION]... BROKERS TOPIC...\n"
	      "       kread --ends[=TIMES,MS] BROKERS TOPIC...\n"
	      "\n"
	      "Reads all partitions of the topics (of TOPIC/N that one alone) from their beginning to the end that they had\n"
	      "when it was called (read_committed) and prints a line of JSON for each record:\n"
	      "\n"
	      "  {\"topic\":T,\"partition\":N,\"offset\":N,\"timestamp\":MS,\"key\":K,\"value\":V,\"headers\":[[NAME,VALUE],...]}\n"
	      "\n"
	      "Keys and values are texts or null. A byte that is no UTF-8 stands as \\udc80 to \\udcff, so that Python's\n"
	      "s.encode('utf-8', 'surrogateescape') gives the bytes again.\n"
	      "\n"
	      "  --from=TOPIC:PARTITION:OFFSET   this partition from there on; may be given again\n"
	      "  --follow                        goes on after the end; SIGTERM ends it\n"
	      "  --uncommitted                   records of open and aborted transactions too\n"
	      "  --seconds=N                     ends with 1 when nothing moved for so long (60)\n"
	      "  -X NAME=VALUE                   a property of librdkafka\n"
	      "\n"
	      "An open transaction is waited for. Exit 0: all was read to its end.\n"
	      "\n"
	      "With --ends it reads nothing and prints for each partition `TOPIC PARTITION FIRST STABLE END`, parted by\n"
	      "tabs: STABLE < END where a transaction is open. With TIMES,MS it does so TIMES times, MS apart, with an\n"
	      "empty line after each.\n",
	      to);
}

enum { PARTS_MAX = 4096 };

struct part {
	const char *topic;
	int32_t partition;
	int64_t end;  /* where to stop, of all records, also uncommitted ones */
	int64_t from; /* -1: the beginning */
	bool done;
};

static struct {
	struct part parts[PARTS_MAX];
	int n_parts, n_done;
	const char *from[PARTS_MAX];
	int n_from;
	bool follow, uncommitted;
	double seconds;
	const char *props[64];
	int n_props;
} me = { .seconds = 60 };

static volatile sig_atomic_t stop_asked;

static void on_signal(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static _Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("kread: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[512];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
		die("%s", text);
}

static rd_kafka_t *consumer(const char *brokers, bool committed)
{
	static const char *const values[][2] = {
		{ "group.id", "kread" }, /* asked for by the library; no group is joined */
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" },
		{ "enable.partition.eof", "true" },
		{ "allow.auto.create.topics", "false" },
		{ "fetch.wait.max.ms", "100" },
		{ "reconnect.backoff.ms", "50" },
		{ "reconnect.backoff.max.ms", "250" },
		{ "queued.max.messages.kbytes", "32768" },
		{ "topic.metadata.refresh.interval.ms", "1000" },
		{ "log_level", "2" },
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char text[512];

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		set(conf, values[i][0], values[i][1]);
	for (int i = 0; i < me.n_props; i++) {
		char name[256], *value;

		snprintf(name, sizeof name, "%s", me.props[i]);
		value = strchr(name, '=');
		if (!value)
			die("-X NAME=VALUE, not %s", me.props[i]);
		*value++ = 0;
		set(conf, name, value);
	}
	set(conf, "bootstrap.servers", brokers);
	set(conf, "isolation.level", committed ? "read_committed" : "read_uncommitted");
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (!rk)
		die("%s", text);
	rd_kafka_poll_set_consumer(rk);
	return rk;
}

static void add_parts(rd_kafka_t *rk, char *topic)
{
	char *slash = strchr(topic, '/');
	rd_kafka_topic_t *rkt;
	double until = now() + me.seconds;
	const char *why = "no answer";
	int n = 0, only = slash ? atoi(slash + 1) : -1;

	if (slash)
		*slash = 0;
	rkt = rd_kafka_topic_new(rk, topic, NULL);

	while (n == 0 && now() < until && !stop_asked) {
		const struct rd_kafka_metadata *md;
		rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, rkt, &md, 2000);

		if (err) {
			why = rd_kafka_err2str(err);
			continue;
		}
		if (md->topic_cnt == 1 && !md->topics[0].err)
			n = md->topics[0].partition_cnt;
		else if (md->topic_cnt == 1)
			why = rd_kafka_err2str(md->topics[0].err);
		rd_kafka_metadata_destroy(md);
		if (n == 0)
			usleep(100000);
	}
	rd_kafka_topic_destroy(rkt);
	if (n == 0)
		die("topic %s: %s", topic, why);
	if (me.n_parts + n > PARTS_MAX)
		die("more than %d partitions", PARTS_MAX);
	if (only >= n)
		die("topic %s has %d partitions", topic, n);
	for (int p = only < 0 ? 0 : only; p < (only < 0 ? n : only + 1); p++)
		me.parts[me.n_parts++] = (struct part){ .topic = topic, .partition = p, .from = -1 };
}

static void query_ends(rd_kafka_t *rk, const struct part *p, int64_t *first, int64_t *end)
{
	double until = now() + me.seconds;
	rd_kafka_resp_err_t err;

	do {
		err = rd_kafka_query_watermark_offsets(rk, p->topic, p->partition, first, end, 2000);
		if (!err)
			return;
		usleep(50000);
	} while (now() < until && !stop_asked);
	die("end of %s/%d: %s", p->topic, (int)p->partition, rd_kafka_err2str(err));
}

/* ---- JSON */

/* Bytes of the UTF-8 character at p, 0: it is none. */
static size_t utf8(const unsigned char *p, size_t n)
{
	uint32_t c;
	size_t k;

	if (p[0] < 0x80)
		return 1;
	k = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
	if (k == 0 || k > n)
		return 0;
	c = p[0] & (0x7fu >> k);
	for (size_t i = 1; i < k; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((k == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (k == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	return k;
}

static void put_text(const void *bytes, size_t n)
{
	const unsigned char *p = bytes, *end = p + n;

	if (!p) {
		fputs("null", stdout);
		return;
	}
	putchar_unlocked('"');
	while (p < end) {
		size_t k = utf8(p, (size_t)(end - p));

		if (k == 0) {
			printf("\\udc%02x", *p++);
		} else if (k > 1) {
			fwrite(p, 1, k, stdout);
			p += k;
		} else if (*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f) {
			printf("\\u%04x", *p++);
		} else {
			putchar_unlocked(*p++);
		}
	}
	putchar_unlocked('"');
}

static void put_headers(const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t n;

	putchar_unlocked('[');
	if (!rd_kafka_message_headers(m, &headers)) {
		for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++) {
			fputs(i ? ",[" : "[", stdout);
			put_text(name, strlen(name));
			putchar_unlocked(',');
			put_text(value, n);
			putchar_unlocked(']');
		}
	}
	putchar_unlocked(']');
}

static void put(const rd_kafka_message_t *m)
{
	fputs("{\"topic\":", stdout);
	put_text(rd_kafka_topic_name(m->rkt), strlen(rd_kafka_topic_name(m->rkt)));
	printf(",\"partition\":%d,\"offset\":%" PRId64 ",\"timestamp\":%" PRId64 ",\"key\":", (int)m->partition, m->offset,
	       rd_kafka_message_timestamp(m, NULL));
	put_text(m->key, m->key_len);
	fputs(",\"value\":", stdout);
	put_text(m->payload, m->len);
	fputs(",\"headers\":", stdout);
	put_headers(m);
	fputs("}\n", stdout);
}

/* ---- Reading */

static void take_from(void)
{
	for (int i = 0; i < me.n_from; i++) {
		char text[512], *partition, *offset;
		bool found = false;

		snprintf(text, sizeof text, "%s", me.from[i]);
		offset = strrchr(text, ':');
		if (!offset)
			die("--from=TOPIC:PARTITION:OFFSET, not %s", me.from[i]);
		*offset++ = 0;
		partition = strrchr(text, ':');
		if (!partition)
			die("--from=TOPIC:PARTITION:OFFSET, not %s", me.from[i]);
		*partition++ = 0;
		for (int k = 0; k < me.n_parts; k++) {
			if (strcmp(me.parts[k].topic, text) == 0 && me.parts[k].partition == atoi(partition)) {
				me.parts[k].from = strtoll(offset, NULL, 10);
				found = true;
			}
		}
		if (!found)
			die("--from=%s: no such topic and partition here", me.from[i]);
	}
}

/* `all` reads uncommitted: asked through the other one, the end would be the last stable offset. */
static void assign(rd_kafka_t *rk, rd_kafka_t *all)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(me.n_parts);
	rd_kafka_resp_err_t err;

	for (int i = 0; i < me.n_parts; i++) {
		struct part *p = &me.parts[i];
		int64_t first;

		/* The last stable offset is not the end: what is open now may be committed in a moment. */
		query_ends(all, p, &first, &p->end);
		if (p->from < 0)
			p->from = first;
		if (!me.follow && p->from >= p->end) {
			p->done = true;
			me.n_done++;
			continue;
		}
		rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = p->from;
	}
	err = rd_kafka_assign(rk, list);
	if (err)
		die("assign: %s", rd_kafka_err2str(err));
	rd_kafka_topic_partition_list_destroy(list);
}

static struct part *part_of(const rd_kafka_message_t *m)
{
	const char *topic = rd_kafka_topic_name(m->rkt);

	for (int i = 0; i < me.n_parts; i++)
		if (me.parts[i].partition == m->partition && strcmp(me.parts[i].topic, topic) == 0)
			return &me.parts[i];
	die("a record of %s/%d was not asked for", topic, (int)m->partition);
}

static void finish(struct part *p)
{
	if (p->done || me.follow)
		return;
	p->done = true;
	me.n_done++;
}

/* True: it moved. */
static bool take(const rd_kafka_message_t *m)
{
	struct part *p;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		p = part_of(m);
		if (m->offset < p->end)
			return false; /* a transaction is open there */
		finish(p);
		return true;
	}
	if (m->err) {
		if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || m->err == RD_KAFKA_RESP_ERR__FATAL ||
		    m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			die("%s", rd_kafka_message_errstr(m));
		return false; /* brokers come back */
	}
	p = part_of(m);
	if (me.follow || m->offset < p->end)
		put(m);
	if (m->offset + 1 >= p->end)
		finish(p);
	return true;
}

static void read_all(rd_kafka_t *rk)
{
	double moved = now();

	while (!stop_asked && (me.follow || me.n_done < me.n_parts)) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 0);

		if (!m) {
			fflush(stdout); /* whoever follows gets it at once */
			m = rd_kafka_consumer_poll(rk, 50);
		}
		if (m) {
			if (take(m))
				moved = now();
			rd_kafka_message_destroy(m);
		}
		if (!me.follow && now() - moved > me.seconds)
			die("%d of %d partitions were not read to their end within %.0f s", me.n_parts - me.n_done, me.n_parts, me.seconds);
	}
}

static void print_ends(rd_kafka_t *stable, rd_kafka_t *all, const char *when)
{
	long times = 1, ms = 0;

	if (when) {
		char *comma;

		times = strtol(when, &comma, 10);
		ms = *comma == ',' ? strtol(comma + 1, NULL, 10) : 0;
	}
	for (long k = 0; k < times; k++) {
		if (k)
			usleep((useconds_t)ms * 1000);
		for (int i = 0; i < me.n_parts; i++) {
			const struct part *p = &me.parts[i];
			int64_t first, low, end;

			/* In this order STABLE < END may also be what was written between the two questions: ask again to be sure. */
			query_ends(stable, p, &first, &low);
			query_ends(all, p, &first, &end);
			printf("%s\t%d\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n", p->topic, (int)p->partition, first, low, end);
		}
		if (when)
			putchar('\n');
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ends", optional_argument, NULL, 'E' },   { "from", required_argument, NULL, 'F' },
		{ "follow", no_argument, NULL, 'f' },       { "uncommitted", no_argument, NULL, 'u' },
		{ "seconds", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *times = NULL;
	rd_kafka_t *rk, *all;
	bool ends = false;
	int c;

	while ((c = getopt_long(argc, argv, "hX:", options, NULL)) != -1) {
		switch (c) {
		case 'E': ends = true; times = optarg; break;
		case 'F':
			if (me.n_from == PARTS_MAX)
				die("more than %d --from", PARTS_MAX);
			me.from[me.n_from++] = optarg;
			break;
		case 'f': me.follow = true; break;
		case 'u': me.uncommitted = true; break;
		case 's': me.seconds = strtod(optarg, NULL); break;
		case 'X':
			if (me.n_props == 64)
				die("more than 64 -X");
			me.props[me.n_props++] = optarg;
			break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 64;
		}
	}
	if (argc - optind < 2) {
		usage(stderr);
		return 64;
	}
	if (!ends) { /* the library's question for an end can't be interrupted otherwise */
		signal(SIGTERM, on_signal);
		signal(SIGINT, on_signal);
	}
	signal(SIGPIPE, SIG_DFL);
	all = consumer(argv[optind], false);
	for (int i = optind + 1; i < argc; i++)
		add_parts(all, argv[i]);
	rk = me.uncommitted && !ends ? all : consumer(argv[optind], true);
	if (ends) {
		print_ends(rk, all, times);
	} else {
		take_from();
		assign(rk, all);
		read_all(rk);
	}
	fflush(stdout);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	if (all != rk)
		rd_kafka_destroy(all);
	return 0;
}
