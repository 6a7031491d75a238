/* [kafka] as the user writes it: what is refused, and with which words. Connects to nothing. */
#include "io/kafka_int.h"
#include "test.h"

static struct yt_kafka_prop brokers = { "bootstrap.servers", "127.0.0.1:1" };

static struct yt_kafka_conf sample(const struct yt_kafka_prop *props, size_t n)
{
	struct yt_kafka_conf c = {
		.props = props, .n_props = n, .prefix = "yutang.", .n_inputs = 2, .inputs = { "orders", "internal" },
		.partitions = 16, .output_partitions = 4, .replication = 1, .group = "yutang", .instance = "a",
	};

	return c;
}

static void value_of(rd_kafka_conf_t *c, const char *name, char out[128])
{
	size_t n = 128;

	CHECK(rd_kafka_conf_get(c, name, out, &n) == RD_KAFKA_CONF_OK);
}

TEST(what_the_daemon_sets_itself_is_refused_by_name)
{
	static const char *const names[] = {
		"group.id", "transactional.id", "group.instance.id", "isolation.level", "enable.auto.commit",
		"partition.assignment.strategy", "auto.offset.reset", "partitioner",
	};
	char why[256], want[256];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK(!yt_kafka_property_check(names[i], "x", why));
		snprintf(want, sizeof want, "%s is set by yutang itself and can't be set here", names[i]);
		CHECK_STR(why, want);
	}
}

TEST(an_unknown_property_names_the_nearest)
{
	char why[256];

	CHECK(!yt_kafka_property_check("boostrap.servers", "x", why));
	CHECK_MSG(strstr(why, "has no property boostrap.servers; did you mean bootstrap.servers?"), "%s", why);
	CHECK(!yt_kafka_property_check("zzzzzzzz", "x", why));
	CHECK_MSG(strstr(why, "has no property zzzzzzzz") && !strstr(why, "mean"), "%s", why);
}

TEST(a_bad_value_is_refused_and_a_secret_is_not_shown)
{
	char why[256];

	CHECK(!yt_kafka_property_check("socket.timeout.ms", "soon", why));
	CHECK_MSG(strstr(why, "socket.timeout.ms"), "%s", why);
	CHECK(yt_kafka_property_check("socket.timeout.ms", "1000", why));
	CHECK(yt_kafka_property_secret("sasl.password"));
	CHECK(yt_kafka_property_secret("ssl.key.password"));
	CHECK(yt_kafka_property_secret("ssl.key.pem"));
	CHECK(yt_kafka_property_secret("sasl.oauthbearer.assertion.private.key.passphrase"));
	CHECK(!yt_kafka_property_secret("bootstrap.servers"));
}

TEST(brokers_are_demanded)
{
	struct yt_kafka_conf c = sample(NULL, 0);
	struct yt_err err;

	CHECK_INT(yt_kafka_conf_check(&c, &err), -1);
	CHECK_INT(err.exit, YT_EXIT_CONFIG);
	CHECK_STR(err.msg, "[kafka] bootstrap.servers is missing");
	c = sample(&brokers, 1);
	CHECK_INT(yt_kafka_conf_check(&c, &err), 0);
}

TEST(the_users_values_go_over_the_defaults_and_ours_over_both)
{
	struct yt_kafka_prop props[] = { brokers, { "session.timeout.ms", "20000" }, { "enable.partition.eof", "false" } };
	struct yt_kafka_conf conf = sample(props, 3);
	struct yt_err err;
	rd_kafka_conf_t *c = yt_kafka_conf_make(&conf, YT_KAFKA_MEMBER, NULL, &err);
	char v[128];

	CHECK(c != NULL);
	value_of(c, "session.timeout.ms", v);
	CHECK_STR(v, "20000");
	value_of(c, "enable.partition.eof", v);
	CHECK_STR(v, "true");
	value_of(c, "heartbeat.interval.ms", v);
	CHECK_STR(v, "500");
	value_of(c, "isolation.level", v);
	CHECK_STR(v, "read_committed");
	value_of(c, "group.instance.id", v);
	CHECK_STR(v, "a");
	rd_kafka_conf_destroy(c);
}

/* Each partition has a queue of its own: the more there are, the less each may hold, and the user has the last word. */
TEST(many_partitions_share_what_may_be_fetched)
{
	static const struct {
		int partitions;
		const char *kib, *answer;
	} cases[] = { { 1, "256", "1048576" }, { 16, "256", "1048576" }, { 64, "64", "262144" }, { 1024, "16", "262144" } };
	struct yt_kafka_prop props[] = { brokers, { "queued.max.messages.kbytes", "1000" } };
	char text[128];
	struct yt_err err;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (size_t n = 1; n <= 2; n++) {
			struct yt_kafka_conf conf = sample(props, n);

			conf.partitions = cases[i].partitions;
			rd_kafka_conf_t *c = yt_kafka_conf_make(&conf, YT_KAFKA_MEMBER, NULL, &err);

			CHECK(c);
			value_of(c, "queued.max.messages.kbytes", text);
			CHECK_STR(text, n == 1 ? cases[i].kib : "1000");
			value_of(c, "fetch.message.max.bytes", text);
			CHECK_STR(text, cases[i].answer);
			rd_kafka_conf_destroy(c);
		}
	}
}

TEST(the_transactional_id_is_group_and_instance)
{
	struct yt_kafka_conf conf = sample(&brokers, 1);
	char tid[64], topic[YT_KAFKA_TOPIC_MAX];

	yt_kafka_tid(&conf, tid, sizeof tid);
	CHECK_STR(tid, "yutang-a");
	CHECK_STR(yt_kafka_topic(&conf, "state", topic), "yutang.state");
}

static rd_kafka_topic_partition_t *offset(rd_kafka_topic_partition_list_t *l, const char *topic, int64_t at, const char *meta)
{
	rd_kafka_topic_partition_t *e = rd_kafka_topic_partition_list_add(l, topic, 3);

	e->offset = at;
	e->metadata = meta ? strdup(meta) : NULL;
	e->metadata_size = meta ? strlen(meta) : 0;
	return e;
}

TEST(a_group_position_has_meta_only_where_all_inputs_agree)
{
#define ID "00112233445566778899aabbccddeeff"
	struct yt_kafka_conf conf = sample(&brokers, 1);
	static const struct {
		int64_t a, b;
		const char *ma, *mb;
		bool has;
	} cases[] = {
		{ 5, 6, ID " v=4", ID " v=4", true },
		{ 5, 6, ID " v=4", ID " v=5", false },
		{ 5, 6, ID " v=4", "ff112233445566778899aabbccddeeff v=4", false },
		{ 5, 6, ID " v=4", NULL, false },
		{ 5, 6, "", ID " v=4", false },
		{ 5, -1001, ID " v=4", NULL, true },
		{ -1001, 6, NULL, ID " v=4", true },
		{ -1001, -1001, NULL, NULL, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(2);
		struct yt_group_pos pos;

		offset(l, "yutang.orders", cases[i].a, cases[i].ma);
		offset(l, "yutang.internal", cases[i].b, cases[i].mb);
		yt_kafka_group_pos(&conf, l, 3, &pos);
		CHECK_INT(pos.has_meta, cases[i].has);
		CHECK_INT(pos.next[0], cases[i].a < 0 ? -1 : cases[i].a);
		CHECK_INT(pos.next[1], cases[i].b < 0 ? -1 : cases[i].b);
		if (cases[i].has)
			CHECK_INT(pos.version, 4);
		yt_kafka_group_pos(&conf, l, 4, &pos);
		CHECK_INT(pos.next[0], -1);
		rd_kafka_topic_partition_list_destroy(l);
	}
}

TEST_MAIN
{
	RUN(what_the_daemon_sets_itself_is_refused_by_name);
	RUN(an_unknown_property_names_the_nearest);
	RUN(a_bad_value_is_refused_and_a_secret_is_not_shown);
	RUN(brokers_are_demanded);
	RUN(the_users_values_go_over_the_defaults_and_ours_over_both);
	RUN(many_partitions_share_what_may_be_fetched);
	RUN(the_transactional_id_is_group_and_instance);
	RUN(a_group_position_has_meta_only_where_all_inputs_agree);
}
