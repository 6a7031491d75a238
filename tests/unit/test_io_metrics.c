/* docs/metrics.md against the table, both ways; and what is rendered against the table. */
#include "unit/test.h"
#include "yutang/io/metrics.h"

enum { INPUTS = 2, SHARDS = 4 };

static struct yt_ruleset rules;
static const uint64_t reloads[YT_RELOAD__COUNT] = { [YT_RELOAD_TAKEN] = 5, [YT_RELOAD_INVALID] = 1 };
static struct yt_engine_stats stats;
static struct yt_shard_info shards[SHARDS];
static struct yt_kafka_stats kafka;
static struct yt_redis_stats redis;
static struct yt_http_stats http;
static struct yt_histogram commit;
static const uint64_t hooks[YT_INTAKE_RESULT__COUNT] = { [YT_INTAKE_ACCEPTED] = 8, [YT_INTAKE_UNAVAILABLE] = 1 };
static const struct yt_intake_sender senders[] = { { YT_STR("s1"), YT_STR("shopify"), hooks } };
static const struct yt_spool_stats spool = { .put = 5, .files = 2, .bytes = 4000 };
static const struct yt_intake_stats intake = { .spool = &spool, .spooled = 9, .senders = senders, .n_senders = 1, .bytes = 1234, .answer = &commit, .http = { .held = 77, .connections = 3 } };
static const struct yt_str topics[INPUTS] = { YT_STR("yutang.orders"), YT_STR("yutang.\"odd\\") };
static char text[1 << 20];
static struct yt_rule_errors recall = { .rule = YT_STR("recall"), .has = { [YT_RULE_KEY_WHEN] = true, [YT_RULE_KEY_STILL] = true } };
static const struct yt_rule_errors *const rule_errors[] = { &recall };

static struct yt_metrics_in full(void)
{
	memset(&commit, 0, sizeof commit);
	stats.events[YT_ORDER_PAID][YT_APPLIED] = 7;
	stats.dead[YT_DEAD_NOT_JSON] = 2;
	stats.timers_held_ms = 61005;
	recall.n[YT_RULE_KEY_STILL] = 3;
	stats.rule_errors = rule_errors;
	stats.n_rule_errors = 1;
	shards[0] = (struct yt_shard_info){ .shard = 0, .state = "live", .timers = 4, .view_lag_ms = 1500 };
	shards[1] = (struct yt_shard_info){ .shard = 5, .state = "live", .timers = 3, .view_lag_ms = 20 };
	shards[2] = (struct yt_shard_info){ .shard = 7, .state = "restoring" };
	shards[3] = (struct yt_shard_info){ .shard = 8, .state = "held" };
	rules.revision = 12;
	for (int s = 0; s < SHARDS; s++)
		for (int i = 0; i < INPUTS; i++)
			shards[s].end[i] = shards[s].next[i] = -1;
	shards[1].next[0] = 10;
	shards[1].end[0] = 35;
	shards[1].next[1] = 10;
	shards[1].end[1] = 9; /* the end was seen before the last commit */
	redis.state = YT_REDIS_CONNECTED;
	return (struct yt_metrics_in){ .version = "0.1", .librdkafka = "2.0.2", .ready = true, .rules = &rules, .reloads = reloads, .engine = &stats,
		                       .shards = shards, .n_shards = SHARDS, .topics = topics, .n_inputs = INPUTS, .kafka = &kafka, .kafka_connected = true,
		                       .commit = &commit, .redis = &redis, .http = &http, .intake = &intake };
}

static const char *render(const struct yt_metrics_in *in)
{
	struct yt_buf b;

	yt_buf_init(&b, NULL);
	yt_metrics_render(in, &b);
	CHECK(b.n < sizeof text);
	memcpy(text, b.p, b.n);
	text[b.n] = 0;
	yt_buf_deinit(&b);
	return text;
}

static bool has_line(const char *line)
{
	char wanted[512];

	snprintf(wanted, sizeof wanted, "\n%s\n", line);
	return strstr(text, wanted) != NULL;
}

TEST(metrics_render_what_they_are_given)
{
	struct yt_metrics_in in = full();

	render(&in);
	CHECK(has_line("yutang_build_info{version=\"0.1\",librdkafka=\"2.0.2\"} 1"));
	CHECK(has_line("yutang_events_total{type=\"order.paid\",result=\"applied\"} 7"));
	CHECK(has_line("yutang_events_total{type=\"order.paid\",result=\"conflict\"} 0"));
	CHECK(has_line("yutang_dead_letters_total{reason=\"not_json\"} 2"));
	CHECK(has_line("yutang_rule_errors_total{rule=\"recall\",key=\"when\"} 0"));
	CHECK(has_line("yutang_rule_errors_total{rule=\"recall\",key=\"still\"} 3"));
	CHECK(!strstr(text, "key=\"after\""));
	CHECK(has_line("yutang_input_lag{topic=\"yutang.orders\",partition=\"5\"} 25"));
	CHECK(has_line("yutang_input_lag{topic=\"yutang.\\\"odd\\\\\",partition=\"5\"} 0"));
	CHECK(!strstr(text, "partition=\"7\""));
	CHECK(has_line("yutang_shards{state=\"live\"} 2"));
	CHECK(has_line("yutang_shards{state=\"opening\"} 0"));
	CHECK(has_line("yutang_shards{state=\"held\"} 1"));
	CHECK(has_line("yutang_rules_revision 12"));
	CHECK(has_line("yutang_rules_reloads_total{result=\"taken\"} 5"));
	CHECK(has_line("yutang_rules_reloads_total{result=\"unchanged\"} 0"));
	CHECK(has_line("yutang_rules_reloads_total{result=\"refused\"} 0"));
	CHECK(has_line("yutang_rules_reloads_total{result=\"invalid\"} 1"));
	CHECK(has_line("yutang_intake_requests_total{shop=\"s1\",platform=\"shopify\",result=\"accepted\"} 8"));
	CHECK(has_line("yutang_intake_requests_total{shop=\"s1\",platform=\"shopify\",result=\"unsigned\"} 0"));
	CHECK(has_line("yutang_intake_requests_total{shop=\"s1\",platform=\"shopify\",result=\"unavailable\"} 1"));
	CHECK(has_line("yutang_intake_spooled_total 9"));
	CHECK(has_line("yutang_intake_spool_files 2"));
	CHECK(has_line("yutang_intake_spool_bytes 4000"));
	CHECK(has_line("yutang_intake_bytes 1234"));
	CHECK(has_line("yutang_intake_reading_bytes 77"));
	CHECK(has_line("yutang_intake_connections 3"));
	CHECK(has_line("yutang_timers 7"));
	CHECK(has_line("yutang_timers_held_seconds 61.005"));
	CHECK(has_line("yutang_view_lag_seconds 1.500"));
	CHECK(has_line("yutang_view_connected 1"));
	redis.state = YT_REDIS_REFUSED;
	render(&in);
	CHECK(has_line("yutang_view_connected 0"));
}

TEST(metrics_of_parts_that_are_off_are_left_out)
{
	struct yt_metrics_in in = { .version = "0.1", .librdkafka = "2.0.2" };

	render(&in);
	CHECK(strstr(text, "yutang_build_info"));
	CHECK(has_line("yutang_ready 0"));
	CHECK(!strstr(text, "yutang_view"));
	CHECK(!strstr(text, "yutang_events"));
	CHECK(!strstr(text, "yutang_http"));
	CHECK(!strstr(text, "yutang_intake"));
	CHECK(!strstr(text, "yutang_kafka"));
	CHECK(!strstr(text, "yutang_rules"));
}

TEST(histogram_counts_below_and_at_its_bounds)
{
	struct yt_metrics_in in = full();

	yt_histogram_add(&commit, 1000);   /* at 0.001 */
	yt_histogram_add(&commit, 1001);   /* above it */
	yt_histogram_add(&commit, 5500);
	yt_histogram_add(&commit, 99000000); /* above all */
	yt_histogram_add(&commit, -5);
	render(&in);
	CHECK(has_line("yutang_commit_seconds_bucket{le=\"0.001\"} 2"));
	CHECK(has_line("yutang_commit_seconds_bucket{le=\"0.002\"} 3"));
	CHECK(has_line("yutang_commit_seconds_bucket{le=\"0.01\"} 4"));
	CHECK(has_line("yutang_commit_seconds_bucket{le=\"20\"} 4"));
	CHECK(has_line("yutang_commit_seconds_bucket{le=\"+Inf\"} 5"));
	CHECK(has_line("yutang_commit_seconds_sum 99.007501"));
	CHECK(has_line("yutang_commit_seconds_count 5"));
}

/* The label names of a sample, `le` left out. */
static void labels_of(const char *line, char out[128])
{
	const char *at = strchr(line, '{'), *end = strchr(line, '\n');
	size_t n = 0;

	while (at && at < end && *at != '}') {
		at++;
		size_t len = strcspn(at, "=");

		if (strncmp(at, "le", len) != 0 || len != 2)
			n += (size_t)sprintf(out + n, "%s%.*s", n ? "," : "", (int)len, at);
		for (at += len + 2; *at != '"'; at++)
			if (*at == '\\')
				at++;
		at++;
	}
	out[n] = 0;
}

TEST(metrics_table_and_what_is_rendered_agree)
{
	struct yt_metrics_in in = full();
	const char *line;
	char wanted[256], labels[128];

	render(&in);
	for (size_t i = 0; i < yt_n_metrics; i++) {
		const struct yt_metric *m = &yt_metrics[i];
		size_t n = strlen(m->name);
		bool counter = strcmp(m->type, "counter") == 0;

		CHECK_MSG(counter == (n > 6 && strcmp(m->name + n - 6, "_total") == 0), "%s is a %s", m->name, m->type);
		snprintf(wanted, sizeof wanted, "# TYPE %s %s\n", m->name, m->type);
		line = strstr(text, wanted);
		CHECK_MSG(line, "%s", m->name);
		line = strchr(line, '\n') + 1;
		CHECK_MSG(strncmp(line, m->name, n) == 0, "%s has no sample", m->name);
		labels_of(line, labels);
		CHECK_STR(labels, m->labels);
	}
}

/* ---- docs/metrics.md: rows `| `name` | type | labels | meaning |` */

static char docs[1 << 16];

static void read_docs(void)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/docs/metrics.md", getenv("YUTANG_ROOT") ? getenv("YUTANG_ROOT") : ".");
	f = fopen(path, "r");
	CHECK_MSG(f, "%s", path);
	docs[fread(docs, 1, sizeof docs - 1, f)] = 0;
	fclose(f);
}

TEST(metrics_are_all_documented)
{
	read_docs();
	for (size_t i = 0; i < yt_n_metrics; i++) {
		const struct yt_metric *m = &yt_metrics[i];
		char row[600], labels[128] = "";

		if (*m->labels)
			snprintf(labels, sizeof labels, "`%s`", m->labels);
		snprintf(row, sizeof row, "\n| `%s` | %s | %s | %s |\n", m->name, m->type, labels, m->help);
		CHECK_MSG(strstr(docs, row), "docs/metrics.md lacks: %s", row);
	}
}

TEST(metrics_that_are_documented_all_exist)
{
	read_docs();
	for (const char *at = docs; (at = strstr(at, "\n| `")); ) {
		size_t n, i;

		at += 4;
		n = strcspn(at, "`");
		for (i = 0; i < yt_n_metrics; i++)
			if (strlen(yt_metrics[i].name) == n && strncmp(at, yt_metrics[i].name, n) == 0)
				break;
		CHECK_MSG(i < yt_n_metrics, "docs/metrics.md has %.*s, the daemon has not", (int)n, at);
	}
}

TEST_MAIN
{
	/* UPDATE=1 prints the rows for the document. */
	for (size_t i = 0; getenv("UPDATE") && i < yt_n_metrics; i++)
		printf("| `%s` | %s | %s%s%s | %s |\n", yt_metrics[i].name, yt_metrics[i].type, *yt_metrics[i].labels ? "`" : "",
		       yt_metrics[i].labels, *yt_metrics[i].labels ? "`" : "", yt_metrics[i].help);
	RUN(metrics_render_what_they_are_given);
	RUN(metrics_of_parts_that_are_off_are_left_out);
	RUN(histogram_counts_below_and_at_its_bounds);
	RUN(metrics_table_and_what_is_rendered_agree);
	RUN(metrics_are_all_documented);
	RUN(metrics_that_are_documented_all_exist);
}
