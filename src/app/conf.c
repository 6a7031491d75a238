#include "yutang/app/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_shop.h"
#include "yutang/base/json.h"
#include "yutang/io/http.h"
#include "yutang/io/redis.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NOW "0.1" /* the version that has what is here */

/* ---- The table */

const struct yt_conf_section yt_conf_sections[] = {
	{ "kafka", NOW, false,
	  .doc = "How to reach Kafka: any property of librdkafka, word for word, but those that the daemon sets itself (group.id, "
	  "group.instance.id, transactional.id, isolation.level, enable.auto.commit, partition.assignment.strategy, "
	  "auto.offset.reset, partitioner). A secret may lie in a file: write sasl.password_file for sasl.password." },
	{ "topics", NOW, false, .doc = "The topics, as `yutang init` makes them." },
	{ "redis", NOW, true, .doc = "The view that people and the shop's other programs read. Without this section there is none." },
	{ "worker", NOW, true, .doc = "The part that decides. Without this section this process has none." },
	{ "http", NOW, true,
	  .doc = "/healthz, /readyz, /metrics and /v1/. Without this section there is no such listener." },
	{ "logging", NOW, false, .doc = "One line a fact, to the standard error." },
	{ "intake", NOW, true, .doc = "The listener for the webhooks of shops and chats. Without this section there is none.", .asked_for = true },
	{ "shop", NOW, false,
	  .doc = "What one shop has agreed with its senders; a section each. Each key also as KEY_file, the name of a file with the value, and KEY_next_file, a second "
	  "value that holds too while one is exchanged.",
	  .named = "s1", .asked_for = true },
	{ "embedded", NULL, true, .doc = "" },
};
const size_t yt_conf_n_sections = COUNT(yt_conf_sections);

#define AT(member) offsetof(struct yt_conf, member)

const struct yt_conf_key yt_conf_keys[] = {
	{ "topics", "prefix", YT_CK_PREFIX, .since = NOW, .value = "yutang.", .offset = AT(topics.prefix),
	  .doc = "Stands before the name of every topic. Letters, digits, `.`, `_` and `-`." },
	{ "topics", "in", YT_CK_TOPICS, .since = NOW, .value = "orders, groups, referrals, commands", .offset = AT(topics.in_text),
	  .doc = "The input topics, without the prefix. Their order decides which of two events of the same time comes first. One that "
	         "is added later needs `run --first-start=TOPIC`." },
	{ "topics", "partitions", YT_CK_INT, .since = NOW, .value = "16", .min = 1, .max = YT_PARTITIONS_MAX,
	  .offset = AT(topics.partitions),
	  .doc = "Partitions of each input, `internal` and `state`: the shards that workers share. Fixed for good by `yutang init`." },
	{ "topics", "output_partitions", YT_CK_INT, .since = NOW, .value = "4", .min = 1, .max = YT_PARTITIONS_MAX,
	  .offset = AT(topics.output_partitions),
	  .doc = "Partitions of each output topic. Few: each one that a transaction touches costs it time." },
	{ "topics", "replication", YT_CK_INT, .since = NOW, .value = "3", .min = 1, .max = 32, .offset = AT(topics.replication),
	  .doc = "Copies of each topic. 1 where the cluster has one broker." },

	{ "redis", "url", YT_CK_REDIS_URL, .since = NOW, .secret = true, .value = "redis://127.0.0.1:6379/0", .offset = AT(redis.url),
	  .doc = "redis://[USER[:PASSWORD]@]HOST[:PORT][/DB] or unix:///PATH[?db=N]; rediss:// where hiredis has TLS. Its maxmemory-policy "
	         "has to be noeviction." },
	{ "redis", "password_file", YT_CK_FILE, .since = NOW, .example = "/etc/yutang/redis.password", .offset = AT(redis.password_file),
	  .doc = "A file with the password, in place of one in the URL. Read at each connect." },
	{ "redis", "prefix", YT_CK_PREFIX, .since = NOW, .value = "yt", .offset = AT(redis.prefix),
	  .doc = "Stands before every key: PREFIX:{SHARD}:..." },
	{ "redis", "orders", YT_CK_BOOL, .since = NOW, .value = "no", .offset = AT(redis.orders),
	  .doc = "Orders in the view too. It doubles the work of Redis." },
	{ "redis", "interval", YT_CK_DURATION, .since = NOW, .value = "0ms", .min = 0, .max = 3600000, .offset = AT(redis.interval_ms),
	  .doc = "A shard is written at most so often; what changes in between coalesces. While more than 10,000 events are at work or wait, at most every 10 s." },

	{ "worker", "group", YT_CK_NAME, .since = NOW, .value = "yutang", .offset = AT(worker.group),
	  .doc = "The consumer group: the workers of one group share the shards." },
	{ "worker", "instance", YT_CK_NAME, .since = NOW, .value = "a", .offset = AT(worker.instance),
	  .doc = "The name of this process in the group, another one for each process. `run --instance NAME` goes before it." },
	{ "worker", "rules", YT_CK_FILE, .since = NOW, .value = "rules.conf", .offset = AT(worker.rules), .doc = "The rule file. SIGHUP reads it again." },
	{ "worker", "clock", YT_CK_CHOICE, .since = NOW, .value = "wall", .choices = "wall event", .offset = AT(worker.clock),
	  .doc = "What `now` is: the wall clock, or the time of the events (demo, tests, loading history; one process only)." },
	{ "worker", "code_key_file", YT_CK_FILE, .since = NOW, .example = "/etc/yutang/code.key", .offset = AT(worker.code_key_file),
	  .doc = "A file of 32 secret bytes from which coupon codes are made; `yutang init` makes it. Without it coupons carry no codes." },
	{ "worker", "dir", YT_CK_FILE, .since = NOW, .example = "/var/lib/yutang", .offset = AT(worker.dir),
	  .doc = "A folder in which the process notes the event on which it dies: after three times it is a dead letter. Workers may share it. "
	         "Without it an event on which the process dies is tried again without end." },

	{ "http", "listen", YT_CK_LISTEN, .since = NOW, .value = "127.0.0.1:9464", .offset = AT(http.listen),
	  .doc = "ADDRESS:PORT; port 0 takes a free one and says which in the log. An address that other machines reach needs token_file." },
	{ "http", "token_file", YT_CK_FILE, .since = NOW, .example = "/etc/yutang/http.token", .offset = AT(http.token_file),
	  .doc = "A file with the token that `Authorization: Bearer` has to carry for all but /healthz and /readyz, when not on loopback." },

	{ "intake", "listen", YT_CK_LISTEN, .since = NOW, .value = "127.0.0.1:8080", .offset = AT(intake.listen),
	  .doc = "ADDRESS:PORT, behind a proxy that speaks TLS; port 0 takes a free one and says which in the log." },
	{ "intake", "spool", YT_CK_FILE, .since = NOW, .example = "/var/lib/yutang/spool", .offset = AT(intake.spool),
	  .doc = "A folder for what WooCommerce, which never sends twice, sent while Kafka was away; made where it is missing. Of one process. Without it WooCommerce is "
	         "answered 503 then, and its webhook is lost." },

	{ "shop", "shopify_secret", YT_CK_SHOP_PAIR, .secret = true, .since = NOW, .example = "(the client secret of the app)", .offset = offsetof(struct yt_intake_shop, shopify),
	  .doc = "Shopify: the client secret of the app, or the key that the admin shows below the webhooks." },
	{ "shop", "woocommerce_secret", YT_CK_SHOP_PAIR, .secret = true, .since = NOW, .example = "(the secret of the webhook)", .offset = offsetof(struct yt_intake_shop, woocommerce),
	  .doc = "WooCommerce: the secret of the webhook, as it was typed." },
	{ "shop", "youzan_client_id", YT_CK_SHOP_PAIR, .since = NOW, .example = "(the client_id of the app)", .offset = offsetof(struct yt_intake_shop, youzan_id),
	  .doc = "Youzan: the client_id of the app." },
	{ "shop", "youzan_secret", YT_CK_SHOP_PAIR, .secret = true, .since = NOW, .example = "(the client_secret of the app)", .offset = offsetof(struct yt_intake_shop, youzan),
	  .doc = "Youzan: its client_secret." },
	{ "shop", "wecom_token", YT_CK_SHOP_PAIR, .secret = true, .since = NOW, .example = "(the Token)", .offset = offsetof(struct yt_intake_shop, wecom_token),
	  .doc = "WeCom: the Token of the callback." },
	{ "shop", "wecom_aes_key", YT_CK_SHOP_PAIR, .secret = true, .since = NOW, .example = "(the EncodingAESKey)", .offset = offsetof(struct yt_intake_shop, wecom_key),
	  .doc = "WeCom: its EncodingAESKey, 43 characters." },
	{ "shop", "wecom_corp_id", YT_CK_SHOP_PAIR, .since = NOW, .example = "(ww and 16 digits)", .offset = offsetof(struct yt_intake_shop, wecom_corp),
	  .doc = "WeCom: the id of the corporation." },
	{ "shop", "events_secret", YT_CK_SHOP_PAIR, .secret = true, .since = NOW, .example = "(any text)", .offset = offsetof(struct yt_intake_shop, events),
	  .doc = "The key of X-Yutang-Signature, for POST /events/SHOP." },
	{ "shop", "hash_key", YT_CK_SHOP_KEY, .secret = true, .since = NOW, .example = "(any text)", .offset = offsetof(struct yt_intake_shop, hash_key),
	  .doc = "Phones, e-mail addresses and addresses are hashed with it before anything leaves; for good: with another one the same people are others." },

	{ "logging", "format", YT_CK_CHOICE, .since = NOW, .value = "text", .choices = "text logfmt json", .offset = AT(logging.format),
	  .doc = "How a line looks." },
	{ "logging", "level", YT_CK_CHOICE, .since = NOW, .value = "info", .choices = "debug info warn error",
	  .offset = AT(logging.level), .doc = "From which level on lines are written. Personal data are in debug alone." },
};
const size_t yt_conf_n_keys = COUNT(yt_conf_keys);
_Static_assert(COUNT(yt_conf_keys) <= YT_CONF_KEYS_MAX, "origin has a place for each key");

/* Properties of librdkafka that the daemon depends on, and what to set instead. */
static const struct {
	const char *name, *instead;
} own_properties[] = {
	{ "group.id", "use `group` of [worker]" },
	{ "group.instance.id", "use `instance` of [worker]" },
	{ "transactional.id", "it is <group>-<instance> of [worker]" },
	{ "isolation.level", NULL },
	{ "enable.auto.commit", NULL },
	{ "partition.assignment.strategy", NULL },
	{ "auto.offset.reset", NULL },
	{ "partitioner", NULL },
};

/* Topics that are the daemon's own. */
static const char *const own_topics[] = { "internal", "state", "coupons", "followups", "members", "dead-letters" };

int yt_conf_find(const char *section, const char *key)
{
	for (size_t i = 0; i < COUNT(yt_conf_keys); i++)
		if (strcmp(yt_conf_keys[i].section, section) == 0 && strcmp(yt_conf_keys[i].key, key) == 0)
			return (int)i;
	return -1;
}

static void *field(struct yt_conf *c, const struct yt_conf_key *k)
{
	return (char *)c + k->offset;
}

static const void *field_const(const struct yt_conf *c, const struct yt_conf_key *k)
{
	return (const char *)c + k->offset;
}

/* ---- Small things */

static bool only(struct yt_str s, const char *more)
{
	for (uint32_t i = 0; i < s.n; i++) {
		char ch = s.p[i];

		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || (ch && strchr(more, ch))))
			return false;
	}
	return true;
}

static const char *text_in(struct yt_conf *c, struct yt_str s)
{
	return yt_arena_dup(&c->arena, s).p;
}

/* ` (did you mean ...)` where a candidate is near. */
static const char *suggestion(struct yt_conf *c, struct yt_str word, const char *const *candidates, size_t n, const char *fmt_open,
                              const char *fmt_close)
{
	const char *near = yt_nearest(word, candidates, n);

	return near ? yt_arena_printf(&c->arena, ": did you mean %s%s%s?", fmt_open, near, fmt_close).p : "";
}

const char *yt_conf_path(struct yt_conf *c, struct yt_str s)
{
	return s.n && s.p[0] == '/' ? text_in(c, s) : yt_arena_printf(&c->arena, "%s%.*s", c->folder, YT_FMT(s)).p;
}

/* ---- Values */

static void set_int(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	int64_t v;

	if (!yt_parse_int(s, 0, INT64_MAX, &v))
		yt_problem(p, line, "`%s` is no whole number: `%.*s`", k->key, YT_FMT(s));
	else if (v < k->min || v > k->max)
		yt_problem(p, line, "`%s` is %" PRId64 ", but it is from %" PRId64 " to %" PRId64, k->key, v, k->min, k->max);
	else
		*(int64_t *)field(c, k) = v;
}

static void set_duration(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	int64_t v;

	if (!yt_parse_duration(s, &v)) {
		if (yt_parse_int(s, 0, INT64_MAX, &v))
			yt_problem(p, line, "`%s` has no unit: write for example `%.*sms` or `%.*ss`", k->key, YT_FMT(s), YT_FMT(s));
		else
			yt_problem(p, line, "`%s` is no duration: `%.*s`; write for example 300ms, 5s, 10m, 72h or 30d", k->key, YT_FMT(s));
	} else if (v < k->min || v > k->max) {
		yt_problem(p, line, "`%s` is %.*s, but it is from %" PRId64 "ms to %" PRId64 "ms", k->key, YT_FMT(s), k->min, k->max);
	} else {
		*(int64_t *)field(c, k) = v;
	}
}

static void set_bool(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	if (yt_str_eq(s, YT_S("yes")) || yt_str_eq(s, YT_S("no")))
		*(bool *)field(c, k) = s.n == 3;
	else
		yt_problem(p, line, "`%s` is yes or no, not `%.*s`", k->key, YT_FMT(s));
}

static size_t split_choices(struct yt_conf *c, const char *choices, const char *out[8])
{
	char *copy = (char *)(uintptr_t)text_in(c, yt_str_z(choices)), *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		out[n++] = w;
	return n;
}

static void set_choice(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	const char *words[8];
	size_t n = split_choices(c, k->choices, words);
	struct yt_buf all;

	for (size_t i = 0; i < n; i++) {
		if (yt_str_eq(s, yt_str_z(words[i]))) {
			*(int *)field(c, k) = (int)i;
			return;
		}
	}
	yt_buf_init(&all, &c->arena);
	for (size_t i = 0; i < n; i++)
		yt_buf_printf(&all, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", words[i]);
	yt_problem(p, line, "`%s` is %.*s, not `%.*s`%s", k->key, YT_FMT(yt_buf_str(&all)), YT_FMT(s),
	           suggestion(c, s, words, n, "`", "`"));
}

static void set_name(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	if (s.n > 64 || !only(s, "._-"))
		yt_problem(p, line, "`%s` has 1 to 64 letters, digits, `.`, `_` and `-`: `%.*s`", k->key, YT_FMT(s));
	else
		*(const char **)field(c, k) = text_in(c, s);
}

static void set_prefix(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	bool keys = strcmp(k->section, "redis") == 0;

	if (s.n > 64 || !only(s, keys ? "._-:" : "._-"))
		yt_problem(p, line, "`%s` has at most 64 letters, digits, `.`, `_`%s and `-`: `%.*s`", k->key, keys ? ", `:`" : "", YT_FMT(s));
	else
		*(const char **)field(c, k) = text_in(c, s);
}

static void add_topic(struct yt_conf *c, struct yt_str name, int line, struct yt_problems *p)
{
	if (name.n == 0 || name.n > 64 || !only(name, "._-")) {
		yt_problem(p, line, "`in` is a list of names parted by commas, each of 1 to 64 letters, digits, `.`, `_` and `-`: `%.*s`",
		           YT_FMT(name));
		return;
	}
	for (size_t i = 0; i < COUNT(own_topics); i++) {
		if (yt_str_eq(name, yt_str_z(own_topics[i]))) {
			yt_problem(p, line, "`%s` is a topic of the daemon itself and cannot stand in `in`", own_topics[i]);
			return;
		}
	}
	for (int i = 0; i < c->topics.n_in && i < YT_INPUTS_MAX - 1; i++) {
		if (yt_str_eq(name, yt_str_z(c->topics.in[i]))) {
			yt_problem(p, line, "`%.*s` stands twice in `in`", YT_FMT(name));
			return;
		}
	}
	if (c->topics.n_in == YT_INPUTS_MAX - 1) {
		yt_problem(p, line, "`in` has more than %d topics", YT_INPUTS_MAX - 1);
		c->topics.n_in++; /* said once */
	} else if (c->topics.n_in < YT_INPUTS_MAX - 1) {
		c->topics.in[c->topics.n_in++] = text_in(c, name);
	}
}

static void set_topics(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	const char *at = s.p, *end = s.p + s.n;

	*(const char **)field(c, k) = text_in(c, s);
	c->topics.n_in = 0;
	while (at <= end) {
		const char *comma = memchr(at, ',', (size_t)(end - at)), *next = comma ? comma : end, *last = next;

		while (at < last && (*at == ' ' || *at == '\t'))
			at++;
		while (last > at && (last[-1] == ' ' || last[-1] == '\t'))
			last--;
		add_topic(c, yt_str(at, (size_t)(last - at)), line, p);
		at = next + 1;
	}
	if (c->topics.n_in >= YT_INPUTS_MAX)
		c->topics.n_in = YT_INPUTS_MAX - 1;
}

static void set_listen(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	const char *text = text_in(c, s);
	char host[64];
	bool loopback;
	int port;

	if (!yt_listen_parse(text, host, &port, &loopback))
		yt_problem(p, line, "`%s` is ADDRESS:PORT, for example 127.0.0.1:9464 or [::1]:9464, not `%s`", k->key, text);
	else
		*(const char **)field(c, k) = text;
}

static void set_url(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	const char *text = text_in(c, s);
	struct yt_redis_url url;
	struct yt_err err;

	if (yt_redis_url_parse(text, &url, &err) != 0)
		yt_problem(p, line, "`%s`: %s", k->key, err.msg);
	else
		*(const char **)field(c, k) = text;
}

static void set_value(struct yt_conf *c, const struct yt_conf_key *k, struct yt_str s, int line, struct yt_problems *p)
{
	if (s.n == 0 && !(k->kind == YT_CK_PREFIX && strcmp(k->section, "topics") == 0)) {
		yt_problem(p, line, "`%s` has no value", k->key);
		return;
	}
	switch (k->kind) {
	case YT_CK_TEXT: *(const char **)field(c, k) = text_in(c, s); break;
	case YT_CK_NAME: set_name(c, k, s, line, p); break;
	case YT_CK_PREFIX: set_prefix(c, k, s, line, p); break;
	case YT_CK_TOPICS: set_topics(c, k, s, line, p); break;
	case YT_CK_FILE: *(const char **)field(c, k) = yt_conf_path(c, s); break;
	case YT_CK_INT: set_int(c, k, s, line, p); break;
	case YT_CK_DURATION: set_duration(c, k, s, line, p); break;
	case YT_CK_BOOL: set_bool(c, k, s, line, p); break;
	case YT_CK_CHOICE: set_choice(c, k, s, line, p); break;
	case YT_CK_LISTEN: set_listen(c, k, s, line, p); break;
	case YT_CK_REDIS_URL: set_url(c, k, s, line, p); break;
	case YT_CK_SHOP_PAIR:
	case YT_CK_SHOP_KEY: YT_ASSERT(false, k->key); /* conf_shop.c's */
	}
}

/* ---- [kafka] */

static bool is_bootstrap(const char *name)
{
	return strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0;
}

static bool is_own_property(struct yt_str name, int line, struct yt_problems *p)
{
	for (size_t i = 0; i < COUNT(own_properties); i++) {
		if (!yt_str_eq(name, yt_str_z(own_properties[i].name)))
			continue;
		if (own_properties[i].instead)
			yt_problem(p, line, "`%s` is set by the daemon itself: %s", own_properties[i].name, own_properties[i].instead);
		else
			yt_problem(p, line, "`%s` is set by the daemon itself", own_properties[i].name);
		return true;
	}
	return false;
}

static bool has_property(const struct yt_conf *c, const char *name)
{
	for (size_t i = 0; i < c->kafka.n; i++)
		if (strcmp(c->kafka.props[i].name, name) == 0)
			return true;
	return false;
}

/* `NAME_file` of a secret property: gives NAME. */
static const char *secret_of(struct yt_conf *c, struct yt_str key)
{
	const char *name;

	if (key.n <= 5 || memcmp(key.p + key.n - 5, "_file", 5) != 0)
		return NULL;
	name = text_in(c, yt_str(key.p, key.n - 5));
	return yt_kafka_property_secret(name) ? name : NULL;
}

static void set_property(struct yt_conf *c, const struct yt_ini_entry *e, struct yt_problems *p)
{
	const char *name = text_in(c, e->key), *value = text_in(c, e->value), *secret = secret_of(c, e->key);
	struct yt_err err;
	char why[256] = "";

	if (is_own_property(e->key, e->line, p))
		return;
	if (e->value.n == 0) {
		yt_problem(p, e->line, "`%s` has no value", name);
		return;
	}
	if (secret) {
		if (yt_secret_read(&c->arena, yt_conf_path(c, e->value), &value, &err) != 0) {
			yt_problem(p, e->line, "`%s`: %s", name, err.msg);
			return;
		}
		name = secret;
	}
	if (!yt_kafka_property_check(name, value, why)) {
		yt_problem(p, e->line, "%s", why);
		return;
	}
	if (has_property(c, name)) {
		if (secret)
			yt_problem(p, e->line, "`%s` is there both as a value and as a file", name);
		return; /* doubled: the grammar has said so */
	}
	c->kafka.props[c->kafka.n] = (struct yt_kafka_prop){ name, value };
	c->kafka.lines[c->kafka.n] = e->line;
	c->kafka.from_file[c->kafka.n++] = secret != NULL;
}

static void kafka_section(struct yt_conf *c, const struct yt_ini_section *s, struct yt_problems *p)
{
	bool bootstrap = false;
	size_t n = 0;

	if (!c->kafka.props) {
		c->kafka.props = yt_arena_zalloc(&c->arena, YT_CONF_PROPERTIES_MAX * sizeof *c->kafka.props);
		c->kafka.lines = yt_arena_zalloc(&c->arena, YT_CONF_PROPERTIES_MAX * sizeof *c->kafka.lines);
		c->kafka.from_file = yt_arena_zalloc(&c->arena, YT_CONF_PROPERTIES_MAX * sizeof *c->kafka.from_file);
	}
	c->kafka.on = true;
	for (const struct yt_ini_entry *e = s->entries; e; e = e->next)
		bootstrap |= is_bootstrap(text_in(c, e->key));
	if (!bootstrap)
		yt_problem(p, s->line, "[kafka] needs `bootstrap.servers = HOST:PORT`");
	for (const struct yt_ini_entry *e = s->entries; e; e = e->next) {
		if (c->kafka.n < YT_CONF_PROPERTIES_MAX)
			set_property(c, e, p);
		else if (n++ == 0)
			yt_problem(p, e->line, "[kafka] has more than %d properties", YT_CONF_PROPERTIES_MAX);
	}
}

/* ---- Sections */

static void unknown_section(struct yt_conf *c, const struct yt_ini_section *s, struct yt_problems *p)
{
	const char *names[COUNT(yt_conf_sections)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(yt_conf_sections); i++)
		if (yt_conf_sections[i].since)
			names[n++] = yt_conf_sections[i].name;
	yt_problem(p, s->line, "unknown section [%.*s]%s", YT_FMT(s->kind), suggestion(c, s->kind, names, n, "[", "]"));
}

void yt_conf_unknown_key(struct yt_conf *c, const char *section, const struct yt_ini_entry *e, struct yt_problems *p)
{
	const char *names[COUNT(yt_conf_keys)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(yt_conf_keys); i++)
		if (yt_conf_keys[i].since && strcmp(yt_conf_keys[i].section, section) == 0)
			names[n++] = yt_conf_keys[i].key;
	yt_problem(p, e->line, "unknown key `%.*s` in [%s]%s", YT_FMT(e->key), section, suggestion(c, e->key, names, n, "`", "`"));
}

static void table_section(struct yt_conf *c, const char *section, const struct yt_ini_section *s, struct yt_problems *p)
{
	for (const struct yt_ini_entry *e = s->entries; e; e = e->next) {
		int i = yt_conf_find(section, text_in(c, e->key));

		if (i < 0) {
			yt_conf_unknown_key(c, section, e, p);
		} else if (!yt_conf_keys[i].since) {
			yt_problem(p, e->line, "`%s` of [%s] is not in this version yet", yt_conf_keys[i].key, section);
		} else if (!c->origin[i].line) { /* else doubled: the grammar has said so */
			c->origin[i].line = e->line;
			set_value(c, &yt_conf_keys[i], e->value, e->line, p);
		}
	}
}

static bool *section_on(struct yt_conf *c, const char *name)
{
	return strcmp(name, "redis") == 0 ? &c->redis.on : strcmp(name, "worker") == 0 ? &c->worker.on : strcmp(name, "http") == 0 ? &c->http.on :
	       strcmp(name, "intake") == 0 ? &c->intake.on : NULL;
}

static void take_section(struct yt_conf *c, const struct yt_ini_section *s, struct yt_problems *p)
{
	for (size_t i = 0; i < COUNT(yt_conf_sections); i++) {
		const struct yt_conf_section *known = &yt_conf_sections[i];
		bool *on = section_on(c, known->name);

		if (!yt_str_eq(s->kind, yt_str_z(known->name)))
			continue;
		if (!known->since) {
			if (s->name.p)
				yt_problem(p, s->line, "[%s \"%.*s\"] is not in this version yet", known->name, YT_FMT(s->name));
			else
				yt_problem(p, s->line, "[%s] is not in this version yet", known->name);
			return;
		}
		if (s->name.p && !known->named)
			yt_problem(p, s->line, "[%s] takes no name", known->name);
		if (on)
			*on = true;
		if (strcmp(known->name, "kafka") == 0)
			kafka_section(c, s, p);
		else if (known->named)
			yt_conf_shop_take(c, s, p);
		else
			table_section(c, known->name, s, p);
		return;
	}
	unknown_section(c, s, p);
}

/* What only shows when all sections are read. */
static void check_whole(struct yt_conf *c, struct yt_problems *p)
{
	int listen = c->origin[yt_conf_find("http", "listen")].line;
	char host[64];
	bool loopback = true;
	int port;

	if (!c->kafka.on)
		yt_problem(p, 0, "the section [kafka] is missing: it needs `bootstrap.servers = HOST:PORT`");
	if (c->http.on && yt_listen_parse(c->http.listen, host, &port, &loopback) && !loopback && !c->http.token_file)
		yt_problem(p, listen, "`listen` is an address that other machines reach (%s): that needs `token_file`", host);
	if (c->intake.on && !c->shops)
		yt_problem(p, 0, "[intake] takes what shops send, and there is no [shop \"NAME\"] section");
	if (!c->intake.on && c->shops)
		yt_warning(p, c->shops->line, "[shop] has no effect without [intake]");
	for (const struct yt_conf_shop *s = c->shops; s; s = s->next)
		if (c->intake.on && !c->intake.spool && s->intake.woocommerce.now.n)
			yt_warning(p, s->line, "[shop \"%.*s\"] takes WooCommerce, which never sends twice: without [intake] `spool` what it sends while Kafka is away is lost",
			           YT_FMT(s->intake.name));
}

static const char *folder_of(struct yt_conf *c, const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? text_in(c, yt_str(file, (size_t)(slash - file) + 1)) : "";
}

void yt_conf_init(struct yt_conf *c)
{
	memset(c, 0, sizeof *c);
	yt_arena_init(&c->arena, 0);
	c->file = c->folder = "";
}

void yt_conf_deinit(struct yt_conf *c)
{
	yt_arena_deinit(&c->arena);
}

int yt_conf_parse(struct yt_conf *c, const char *file, struct yt_str bytes, struct yt_problems *p)
{
	int before = p->errors;

	c->file = text_in(c, yt_str_z(file));
	c->folder = folder_of(c, file);
	for (size_t i = 0; i < COUNT(yt_conf_keys); i++)
		if (yt_conf_keys[i].value && yt_conf_keys[i].since)
			set_value(c, &yt_conf_keys[i], yt_str_z(yt_conf_keys[i].value), 0, p);
	YT_ASSERT(p->errors == before, "a default of the table");
	for (const struct yt_ini_section *s = yt_ini_parse(&c->arena, bytes, p); s; s = s->next)
		take_section(c, s, p);
	check_whole(c, p);
	return p->errors == before ? 0 : -1;
}

/* ---- Files */

/* The whole file; NULL and err where it can't be read or is larger than max. */
static char *read_file(const char *file, size_t max, size_t *n, struct yt_err *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *bytes;
	ssize_t got = 0;

	*n = 0;
	if (fd < 0) {
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "%s cannot be read: %s", file, strerror(errno));
		return NULL;
	}
	bytes = malloc(max + 2);
	YT_ASSERT(bytes, NULL);
	while (*n <= max && (got = read(fd, bytes + *n, max + 1 - *n)) > 0)
		*n += (size_t)got;
	if (got < 0)
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "%s cannot be read: %s", file, strerror(errno));
	else if (*n > max)
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "%s has more than %zu bytes", file, max);
	close(fd);
	if (got < 0 || *n > max) {
		free(bytes);
		return NULL;
	}
	bytes[*n] = 0;
	return bytes;
}

int yt_conf_load(struct yt_conf *c, const char *file, struct yt_problems *p)
{
	struct yt_err err;
	size_t n;
	char *bytes = read_file(file, YT_CONF_BYTES_MAX, &n, &err);
	int rc;

	if (!bytes) {
		/* The message begins with the file already. */
		yt_problem(p, 0, "%s", strncmp(err.msg, file, strlen(file)) == 0 ? err.msg + strlen(file) + 1 : err.msg);
		return -1;
	}
	rc = yt_conf_parse(c, file, yt_str(bytes, n), p);
	free(bytes);
	return rc;
}

int yt_conf_override(struct yt_conf *c, const char *section, const char *key, const char *value, const char *option,
                     struct yt_problems *p)
{
	int i = yt_conf_find(section, key);
	struct yt_problems own;

	YT_ASSERT(i >= 0, key);
	yt_problems_init(&own, option);
	set_value(c, &yt_conf_keys[i], yt_str_z(value), 0, &own);
	if (own.errors) {
		yt_buf_str_add(&p->text, yt_buf_str(&own.text));
		p->errors += own.errors;
	} else {
		c->origin[i] = (struct yt_conf_origin){ .option = option };
	}
	yt_problems_deinit(&own);
	return own.errors ? -1 : 0;
}

int yt_secret_read(struct yt_arena *a, const char *file, const char **out, struct yt_err *err)
{
	size_t n;
	char *bytes = read_file(file, YT_CONF_SECRET_BYTES_MAX, &n, err);

	if (!bytes)
		return -1;
	while (n && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r'))
		n--;
	if (n == 0 || memchr(bytes, 0, n)) {
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, n ? "%s has a zero byte" : "%s is empty", file);
		n = 0;
	} else {
		*out = yt_arena_dup(a, yt_str(bytes, n)).p;
	}
	explicit_bzero(bytes, n);
	free(bytes);
	return n ? 0 : -1;
}

int yt_code_key_read(const char *file, unsigned char key[YT_CODE_KEY_BYTES], struct yt_err *err)
{
	size_t n;
	char *bytes = read_file(file, YT_CONF_SECRET_BYTES_MAX, &n, err);
	bool good;

	if (!bytes)
		return -1;
	good = n == YT_CODE_KEY_BYTES || (n == YT_CODE_KEY_BYTES + 1 && bytes[n - 1] == '\n');
	if (good)
		memcpy(key, bytes, YT_CODE_KEY_BYTES);
	else
		yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "%s has %zu bytes, a key of coupon codes has %d", file, n, YT_CODE_KEY_BYTES);
	explicit_bzero(bytes, n);
	free(bytes);
	return good ? 0 : -1;
}

static void check_dir(const struct yt_conf *c, const char *dir, struct yt_problems *p)
{
	int line = c->origin[yt_conf_find("worker", "dir")].line;
	struct stat st;

	if (!dir)
		return;
	if (stat(dir, &st) != 0)
		yt_problem(p, line, "`dir`: %s: %s", dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		yt_problem(p, line, "`dir`: %s is no folder", dir);
	else if (access(dir, W_OK | X_OK) != 0)
		yt_problem(p, line, "`dir`: %s cannot be written: %s", dir, strerror(errno));
}

static void check_mode(const char *key, const char *file, int line, struct yt_problems *p)
{
	struct stat st;

	if (stat(file, &st) == 0 && (st.st_mode & 07))
		yt_warning(p, line, "`%s`: everybody may read %s: chmod o= it", key, file);
}

static void check_secret(const struct yt_conf *c, const char *section, const char *key, const char *file, struct yt_problems *p)
{
	int line = c->origin[yt_conf_find(section, key)].line;
	unsigned char code_key[YT_CODE_KEY_BYTES];
	struct yt_arena a;
	struct yt_err err;
	const char *secret;
	int rc;

	if (!file)
		return;
	yt_arena_init(&a, 0);
	rc = strcmp(key, "code_key_file") == 0 ? yt_code_key_read(file, code_key, &err) : yt_secret_read(&a, file, &secret, &err);
	if (rc != 0)
		yt_problem(p, line, "`%s`: %s", key, err.msg);
	else
		check_mode(key, file, line, p);
	yt_arena_deinit(&a);
}

struct shop_files {
	const struct yt_conf *c;
	struct yt_problems *p;
};

static void check_shop_file(void *ctx, const struct yt_conf_shop *shop, struct yt_str key, struct yt_str value, int line)
{
	struct shop_files *f = ctx;
	char name[64];

	(void)shop;
	snprintf(name, sizeof name, "%.*s", YT_FMT(key));
	if (strlen(name) > 5 && strcmp(name + strlen(name) - 5, "_file") == 0)
		check_mode(name, yt_conf_path((struct yt_conf *)(uintptr_t)f->c, value), line, f->p);
}

int yt_conf_check_files(const struct yt_conf *c, struct yt_problems *p)
{
	int before = p->errors, line = c->origin[yt_conf_find("worker", "rules")].line;

	if (c->redis.on)
		check_secret(c, "redis", "password_file", c->redis.password_file, p);
	if (c->worker.on) {
		if (access(c->worker.rules, R_OK) != 0)
			yt_problem(p, line, "`rules`: %s cannot be read: %s", c->worker.rules, strerror(errno));
		check_secret(c, "worker", "code_key_file", c->worker.code_key_file, p);
		check_dir(c, c->worker.dir, p);
	}
	for (const struct yt_conf_shop *s = c->shops; s; s = s->next)
		yt_conf_shop_each(s, check_shop_file, &(struct shop_files){ c, p });
	if (c->http.on)
		check_secret(c, "http", "token_file", c->http.token_file, p);
	return p->errors == before ? 0 : -1;
}

/* ---- Printing */

static void print_url(const char *text, struct yt_buf *out)
{
	const char *scheme = strstr(text, "://"), *at = strrchr(text, '@');

	if (!scheme || !at || strncmp(text, "unix:", 5) == 0)
		yt_buf_z(out, text);
	else
		yt_buf_printf(out, "%.*s***%s", (int)(scheme + 3 - text), text, at);
}

static void print_duration(int64_t ms, struct yt_buf *out)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
	size_t i = 0;

	while (units[i].ms > 1 && (ms == 0 || ms % units[i].ms))
		i++;
	yt_buf_printf(out, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
}

static void print_choice(const char *choices, int n, struct yt_buf *out)
{
	for (; n > 0; n--)
		choices = strchr(choices, ' ') + 1;
	yt_buf_add(out, choices, strcspn(choices, " "));
}

/* False where the key has no value. */
static bool print_value(const struct yt_conf *c, const struct yt_conf_key *k, struct yt_buf *out)
{
	const void *at = field_const(c, k);

	switch (k->kind) {
	case YT_CK_INT: yt_buf_i64(out, *(const int64_t *)at); return true;
	case YT_CK_DURATION: print_duration(*(const int64_t *)at, out); return true;
	case YT_CK_BOOL: yt_buf_z(out, *(const bool *)at ? "yes" : "no"); return true;
	case YT_CK_CHOICE: print_choice(k->choices, *(const int *)at, out); return true;
	default: break;
	}
	at = *(const char *const *)at;
	if (!at)
		return false;
	if (k->kind == YT_CK_REDIS_URL)
		print_url(at, out);
	else
		yt_buf_z(out, k->secret ? "***" : at);
	return true;
}

/* A key with its value as the file would have it, NULL where it has none, and where that comes from. */
typedef void key_fn(struct yt_buf *out, const char *section, const char *key, const struct yt_str *value, const char *from);

static const char *origin_text(const struct yt_conf *c, struct yt_conf_origin o, bool from_file, char text[1024])
{
	if (o.option)
		return o.option;
	if (!o.line)
		return "default";
	snprintf(text, 1024, "%s:%d%s", c->file, o.line, from_file ? ", from a file" : "");
	return text;
}

static void each_property(const struct yt_conf *c, key_fn *fn, struct yt_buf *out)
{
	char from[1024];

	for (size_t i = 0; i < c->kafka.n; i++) {
		const struct yt_kafka_prop *prop = &c->kafka.props[i];
		struct yt_str value = yt_str_z(yt_kafka_property_secret(prop->name) ? "***" : prop->value);

		fn(out, "kafka", prop->name, &value, origin_text(c, (struct yt_conf_origin){ .line = c->kafka.lines[i] }, c->kafka.from_file[i], from));
	}
}

static void each_key(const struct yt_conf *c, const char *section, key_fn *fn, struct yt_buf *out)
{
	struct yt_buf text;
	char from[1024];

	if (strcmp(section, "kafka") == 0) {
		each_property(c, fn, out);
		return;
	}
	if (strcmp(section, "shop") == 0)
		return; /* each_shop */
	yt_buf_init(&text, NULL);
	for (size_t i = 0; i < COUNT(yt_conf_keys); i++) {
		const struct yt_conf_key *k = &yt_conf_keys[i];
		struct yt_str value;

		if (!k->since || strcmp(k->section, section) != 0)
			continue;
		yt_buf_clear(&text);
		if (print_value(c, k, &text)) {
			value = yt_buf_str(&text);
			fn(out, section, k->key, &value, origin_text(c, c->origin[i], false, from));
		} else {
			fn(out, section, k->key, NULL, NULL);
		}
	}
	yt_buf_deinit(&text);
}

/* A section as it is written. */
struct shop_printing {
	const struct yt_conf *c;
	key_fn *fn;
	struct yt_buf *out;
	const char *section;
};

static void print_shop_key(void *ctx, const struct yt_conf_shop *shop, struct yt_str key, struct yt_str value, int line)
{
	struct shop_printing *to = ctx;
	char name[64], from[1024];

	(void)shop;
	snprintf(name, sizeof name, "%.*s", YT_FMT(key));
	to->fn(to->out, to->section, name, &value, origin_text(to->c, (struct yt_conf_origin){ .line = line }, false, from));
}

static void each_shop(const struct yt_conf *c, key_fn *fn, struct yt_buf *out, bool headed)
{
	char section[YT_SHOP_BYTES_MAX + 16];

	for (const struct yt_conf_shop *s = c->shops; s; s = s->next) {
		snprintf(section, sizeof section, "shop \"%.*s\"", YT_FMT(s->intake.name));
		if (headed)
			yt_buf_printf(out, "\n[%s]\n", section);
		yt_conf_shop_each(s, print_shop_key, &(struct shop_printing){ c, fn, out, section });
	}
}

static bool is_off(const struct yt_conf *c, const char *section)
{
	const bool *on = section_on((struct yt_conf *)(uintptr_t)c, section);

	return on && !*on;
}

static void print_line(struct yt_buf *out, const char *section, const char *key, const struct yt_str *value, const char *from)
{
	size_t at = out->n;

	(void)section;
	if (!value) {
		yt_buf_printf(out, "# %s is not set\n", key);
		return;
	}
	yt_buf_printf(out, "%s = %.*s", key, YT_FMT(*value));
	do
		yt_buf_c(out, ' ');
	while (out->n - at < 48);
	yt_buf_printf(out, "# %s\n", from);
}

void yt_conf_print(const struct yt_conf *c, struct yt_buf *out)
{
	bool first = true;

	for (size_t i = 0; i < COUNT(yt_conf_sections); i++) {
		const struct yt_conf_section *s = &yt_conf_sections[i];

		if (!s->since)
			continue;
		if (s->named) {
			each_shop(c, print_line, out, true);
			continue;
		}
		yt_buf_z(out, first ? "" : "\n");
		first = false;
		if (is_off(c, s->name)) {
			yt_buf_printf(out, "# [%s] is absent: this part is off\n", s->name);
			continue;
		}
		yt_buf_printf(out, "[%s]\n", s->name);
		each_key(c, s->name, print_line, out);
	}
}

static void json_text_or_null(struct yt_buf *out, const char *name, const struct yt_str *value)
{
	yt_buf_printf(out, ",\"%s\":", name);
	if (value)
		yt_json_add_text(out, *value);
	else
		yt_buf_z(out, "null");
}

static void print_json_key(struct yt_buf *out, const char *section, const char *key, const struct yt_str *value, const char *from)
{
	struct yt_str origin = value ? yt_str_z(from) : (struct yt_str){ 0 };

	yt_buf_printf(out, "%s\n{\"section\":", out->p[out->n - 1] == '[' ? "" : ",");
	yt_json_add_text(out, yt_str_z(section));
	yt_buf_printf(out, ",\"key\":\"%s\"", key);
	json_text_or_null(out, "value", value);
	json_text_or_null(out, "from", value ? &origin : NULL);
	yt_buf_c(out, '}');
}

void yt_conf_print_json(const struct yt_conf *c, struct yt_buf *out)
{
	bool first = true;

	yt_buf_z(out, "{\"file\":");
	yt_json_add_text(out, yt_str_z(c->file));
	yt_buf_z(out, ",\"keys\":[");
	for (size_t i = 0; i < COUNT(yt_conf_sections); i++)
		if (yt_conf_sections[i].since && !is_off(c, yt_conf_sections[i].name))
			each_key(c, yt_conf_sections[i].name, print_json_key, out);
	each_shop(c, print_json_key, out, false);
	yt_buf_z(out, "\n],\"off\":[");
	for (size_t i = 0; i < COUNT(yt_conf_sections); i++) {
		if (!yt_conf_sections[i].since || !is_off(c, yt_conf_sections[i].name))
			continue;
		yt_buf_printf(out, "%s\"%s\"", first ? "" : ",", yt_conf_sections[i].name);
		first = false;
	}
	yt_buf_z(out, "]}\n");
}

/* ---- For the adapters */

void yt_conf_kafka(const struct yt_conf *c, struct yt_kafka_conf *out)
{
	memset(out, 0, sizeof *out);
	out->props = c->kafka.props;
	out->n_props = c->kafka.n;
	out->prefix = c->topics.prefix;
	for (int i = 0; i < c->topics.n_in; i++)
		out->inputs[i] = c->topics.in[i];
	out->inputs[c->topics.n_in] = "internal";
	out->n_inputs = c->topics.n_in + 1;
	out->partitions = (int)c->topics.partitions;
	out->output_partitions = (int)c->topics.output_partitions;
	out->replication = (int)c->topics.replication;
	out->group = c->worker.group;
	out->instance = c->worker.instance;
}

void yt_conf_redis(const struct yt_conf *c, struct yt_redis_conf *out)
{
	*out = (struct yt_redis_conf){ c->redis.url, c->redis.password_file, c->redis.prefix, c->redis.orders };
}
