/* The configuration: values, every message (tests/bad-conf), and that the sample file and docs/configuration.md say what the table says.
 * UPDATE=1 writes conf/yutang.conf and tests/bad-conf/NAME.expected anew, and prints the tables of the document: to be read before they are kept. */
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"
#include "yutang/app/conf.h"
#include "yutang/io/redis.h"

static struct yt_conf c;
static struct yt_problems p;

static const char *root(void)
{
	return getenv("YUTANG_ROOT") ? getenv("YUTANG_ROOT") : ".";
}

static const char *problems(void)
{
	yt_buf_c(&p.text, 0);
	p.text.n--;
	return p.text.p;
}

/* What the last one left is freed by the next: a failed check leaves nothing behind. */
static void fresh(const char *file)
{
	static bool used;

	if (used) {
		yt_conf_deinit(&c);
		yt_problems_deinit(&p);
	}
	used = true;
	yt_conf_init(&c);
	yt_problems_init(&p, file);
}

static int parse(const char *file, const char *text)
{
	fresh(file);
	return yt_conf_parse(&c, file, yt_str_z(text), &p);
}

static const char *fault(const char *text)
{
	parse("f", text);
	return problems();
}

static char *slurp(const char *name, char *out, size_t cap)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", root(), name);
	f = fopen(path, "r");
	CHECK_MSG(f, "%s", path);
	out[fread(out, 1, cap - 1, f)] = 0;
	fclose(f);
	return out;
}

static void spew(const char *name, const char *text)
{
	char path[1024];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", root(), name);
	f = fopen(path, "w");
	CHECK_MSG(f, "%s", path);
	fputs(text, f);
	fclose(f);
}

#define KAFKA "[kafka]\nbootstrap.servers = k:9092\n"

/* ---- Values */

TEST(conf_defaults)
{
	CHECK_INT(parse("/etc/yutang/yutang.conf", KAFKA), 0);
	CHECK_STR(c.topics.prefix, "yutang.");
	CHECK_INT(c.topics.n_in, 4);
	CHECK_STR(c.topics.in[0], "orders");
	CHECK_STR(c.topics.in[3], "commands");
	CHECK_INT(c.topics.partitions, 16);
	CHECK_INT(c.topics.output_partitions, 4);
	CHECK_INT(c.topics.replication, 3);
	CHECK_STR(c.redis.prefix, "yt");
	CHECK_STR(c.redis.url, "redis://127.0.0.1:6379/0");
	CHECK(!c.redis.password_file && !c.redis.orders);
	CHECK_INT(c.redis.interval_ms, 0);
	CHECK_STR(c.worker.group, "yutang");
	CHECK_STR(c.worker.instance, "a");
	CHECK_STR(c.worker.rules, "/etc/yutang/rules.conf");
	CHECK(!c.worker.code_key_file);
	CHECK_INT(c.worker.clock, YT_CLOCK_WALL);
	CHECK_STR(c.http.listen, "127.0.0.1:9464");
	CHECK_INT(c.logging.format, YT_LOG_TEXT);
	CHECK_INT(c.logging.level, YT_LOG_INFO);
	/* A section that is absent switches its part off. */
	CHECK(!c.redis.on && !c.worker.on && !c.http.on);
}

TEST(conf_values)
{
	CHECK_INT(parse("sub/my.conf", KAFKA "linger.ms = 5\n"
	                               "[topics]\nprefix =\nin = a,b ,c\npartitions = 1024\noutput_partitions = 1\nreplication = 1\n"
	                               "[redis]\nurl = unix:///r.sock\npassword_file = pw\nprefix = a:b\norders = yes\ninterval = 2s\n"
	                               "[worker]\ngroup = g\ninstance = b.1\nrules = ../r.conf\nclock = event\ncode_key_file = /k\ndir = d\n"
	                               "[http]\nlisten = [::1]:1\n[logging]\nformat = json\nlevel = debug # why\n"),
	          0);
	CHECK(c.redis.on && c.worker.on && c.http.on);
	CHECK_INT(c.kafka.n, 2);
	CHECK_STR(c.kafka.props[1].name, "linger.ms");
	CHECK_STR(c.kafka.props[1].value, "5");
	CHECK_INT(c.kafka.lines[1], 3);
	CHECK_STR(c.topics.prefix, "");
	CHECK_INT(c.topics.n_in, 3);
	CHECK_STR(c.topics.in[1], "b");
	CHECK_INT(c.topics.partitions, 1024);
	CHECK_STR(c.redis.url, "unix:///r.sock");
	CHECK_STR(c.redis.password_file, "sub/pw");
	CHECK(c.redis.orders);
	CHECK_INT(c.redis.interval_ms, 2000);
	CHECK_STR(c.worker.instance, "b.1");
	CHECK_STR(c.worker.rules, "sub/../r.conf");
	CHECK_STR(c.worker.code_key_file, "/k");
	CHECK_STR(c.worker.dir, "sub/d");
	CHECK_INT(c.worker.clock, YT_CLOCK_EVENT);
	CHECK_INT(c.logging.format, YT_LOG_JSON);
	CHECK_INT(c.logging.level, YT_LOG_DEBUG);
	CHECK_INT(c.origin[yt_conf_find("topics", "in")].line, 6);
	CHECK_INT(c.origin[yt_conf_find("http", "token_file")].line, 0);
}

TEST(conf_for_the_adapters)
{
	struct yt_kafka_conf kafka;
	struct yt_redis_conf redis;

	CHECK_INT(parse("f", KAFKA "[redis]\n[worker]\ninstance = z\n"), 0);
	yt_conf_kafka(&c, &kafka);
	yt_conf_redis(&c, &redis);
	CHECK_INT(kafka.n_inputs, 5);
	CHECK_STR(kafka.inputs[4], "internal");
	CHECK_STR(kafka.instance, "z");
	CHECK_INT(kafka.partitions, 16);
	CHECK_STR(redis.prefix, "yt");
}

TEST(conf_option_goes_before_the_file)
{
	CHECK_INT(parse("f", KAFKA "[worker]\ninstance = a\n"), 0);
	CHECK_INT(yt_conf_override(&c, "worker", "instance", "b", "--instance", &p), 0);
	CHECK_STR(c.worker.instance, "b");
	CHECK_STR(c.origin[yt_conf_find("worker", "instance")].option, "--instance");
	CHECK_INT(yt_conf_override(&c, "worker", "instance", "b c", "--instance", &p), -1);
	CHECK_STR(problems(), "--instance: `instance` has 1 to 64 letters, digits, `.`, `_` and `-`: `b c`\n");
	CHECK_STR(c.worker.instance, "b");
}

TEST(conf_file_that_is_not_there)
{
	fresh("/nowhere/f.conf");
	CHECK_INT(yt_conf_load(&c, "/nowhere/f.conf", &p), -1);
	CHECK_STR(problems(), "/nowhere/f.conf: cannot be read: No such file or directory\n");
}

/* The words of these two are the library's. */
TEST(conf_kafka_property_that_the_library_refuses)
{
	CHECK_MSG(strncmp(fault(KAFKA "linger.msec = 5\n"), "f:3: ", 5) == 0 && strstr(problems(), "linger.msec"), "%s", problems());
	CHECK_MSG(strncmp(fault(KAFKA "linger.ms = soon\n"), "f:3: ", 5) == 0, "%s", problems());
}

/* ---- At the limit and one above */

TEST(conf_limits)
{
	char text[2048], name[80];

	memset(name, 'a', sizeof name);
	name[64] = 0;
	snprintf(text, sizeof text, KAFKA "[worker]\ninstance = %s\n", name);
	CHECK_STR(fault(text), "");
	snprintf(text, sizeof text, KAFKA "[worker]\ninstance = %sa\n", name);
	CHECK_MSG(strstr(fault(text), "has 1 to 64"), "%s", problems());
	CHECK_STR(fault(KAFKA "[topics]\nin = a,b,c,d,e,f,g,h,i,j,k,l,m,n,o\n"), "");
	CHECK_STR(fault(KAFKA "[topics]\nin = a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n"), "f:4: `in` has more than 15 topics\n");
	CHECK_STR(fault(KAFKA "[redis]\ninterval = 1h\n"), "");
	CHECK_STR(fault(KAFKA "[redis]\ninterval = 3600001ms\n"), "f:4: `interval` is 3600001ms, but it is from 0ms to 3600000ms\n");
}

/* ---- Files that values name */

static char dir[256];

static void put(const char *name, const void *bytes, size_t n, int mode)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	CHECK_MSG(f, "%s", path);
	fwrite(bytes, 1, n, f);
	fclose(f);
	chmod(path, (mode_t)mode);
}

static void make_dir(void)
{
	snprintf(dir, sizeof dir, "%s/conf.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	CHECK(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[400];

	snprintf(command, sizeof command, "rm -r '%s'", dir);
	CHECK_INT(system(command), 0);
}

TEST(conf_files_are_judged)
{
	char file[400], want[4000];

	make_dir();
	snprintf(file, sizeof file, "%s/f", dir);
	CHECK_INT(parse(file, KAFKA "[worker]\ncode_key_file = key\n[redis]\npassword_file = pw\n[http]\ntoken_file = token\n"), 0);
	CHECK_INT(yt_conf_check_files(&c, &p), -1);
	snprintf(want, sizeof want,
	         "%s:6: `password_file`: %s/pw cannot be read: No such file or directory\n"
	         "%s: `rules`: %s/rules.conf cannot be read: No such file or directory\n"
	         "%s:4: `code_key_file`: %s/key cannot be read: No such file or directory\n"
	         "%s:8: `token_file`: %s/token cannot be read: No such file or directory\n",
	         file, dir, file, dir, file, dir, file, dir);
	CHECK_STR(problems(), want);

	put("rules.conf", "", 0, 0600);
	put("key", "0123456789abcdef0123456789abcdef", 32, 0600);
	put("pw", "secret\n", 7, 0644);
	put("token", "\n", 1, 0600);
	CHECK_INT(parse(file, KAFKA "[worker]\ncode_key_file = key\n[redis]\npassword_file = pw\n[http]\ntoken_file = token\n"), 0);
	CHECK_INT(yt_conf_check_files(&c, &p), -1);
	snprintf(want, sizeof want,
	         "%s:6: warning: `password_file`: everybody may read %s/pw: chmod o= it\n"
	         "%s:8: `token_file`: %s/token is empty\n",
	         file, dir, file, dir);
	CHECK_STR(problems(), want);
	remove_dir();
}

TEST(conf_dir_has_to_be_a_folder)
{
	char file[400], want[1000];

	make_dir();
	snprintf(file, sizeof file, "%s/f", dir);
	put("rules.conf", "", 0, 0600);
	CHECK_INT(parse(file, KAFKA "[worker]\ndir = .\n"), 0);
	CHECK_MSG(yt_conf_check_files(&c, &p) == 0, "%s", problems());
	CHECK_INT(parse(file, KAFKA "[worker]\ndir = none\n"), 0);
	CHECK_INT(yt_conf_check_files(&c, &p), -1);
	snprintf(want, sizeof want, "%s:4: `dir`: %s/none: No such file or directory\n", file, dir);
	CHECK_STR(problems(), want);
	CHECK_INT(parse(file, KAFKA "[worker]\ndir = rules.conf\n"), 0);
	CHECK_INT(yt_conf_check_files(&c, &p), -1);
	snprintf(want, sizeof want, "%s:4: `dir`: %s/rules.conf is no folder\n", file, dir);
	CHECK_STR(problems(), want);
	remove_dir();
}

TEST(code_key_has_32_bytes)
{
	unsigned char key[YT_CODE_KEY_BYTES];
	struct yt_err err;
	char file[400];

	make_dir();
	snprintf(file, sizeof file, "%s/key", dir);
	put("key", "0123456789abcdef0123456789abcdef", 32, 0600);
	CHECK_INT(yt_code_key_read(file, key, &err), 0);
	CHECK_MEM(key, "0123456789abcdef0123456789abcdef", 32);
	put("key", "0123456789abcdef0123456789abcdef\n", 33, 0600);
	CHECK_INT(yt_code_key_read(file, key, &err), 0);
	put("key", "0123456789abcdef0123456789abcde", 31, 0600);
	CHECK_INT(yt_code_key_read(file, key, &err), -1);
	put("key", "0123456789abcdef0123456789abcdefg", 33, 0600);
	CHECK_INT(yt_code_key_read(file, key, &err), -1);
	CHECK_MSG(strstr(err.msg, "has 33 bytes, a key of coupon codes has 32"), "%s", err.msg);
	CHECK_INT(err.exit, YT_EXIT_CONFIG);
	remove_dir();
}

TEST(kafka_secret_from_a_file)
{
	char file[400];

	make_dir();
	snprintf(file, sizeof file, "%s/f", dir);
	put("pw", "s3cret\n", 7, 0600);
	CHECK_MSG(parse(file, KAFKA "sasl.password_file = pw\n") == 0, "%s", problems());
	CHECK_STR(c.kafka.props[1].name, "sasl.password");
	CHECK_STR(c.kafka.props[1].value, "s3cret");
	CHECK_INT(parse(file, KAFKA "sasl.password = x\nsasl.password_file = pw\n"), -1);
	CHECK_MSG(strstr(problems(), ":4: `sasl.password` is there both as a value and as a file"), "%s", problems());
	CHECK_INT(parse(file, KAFKA "sasl.password_file = none\n"), -1);
	CHECK_MSG(strstr(problems(), "none cannot be read: No such file or directory"), "%s", problems());
	remove_dir();
}

/* ---- Printing */

static const char *printed(void)
{
	static struct yt_buf out;

	yt_buf_clear(&out);
	yt_conf_print(&c, &out);
	yt_buf_c(&out, 0);
	return out.p;
}

TEST(conf_is_printed_with_its_sources_and_without_secrets)
{
	CHECK_MSG(parse("/e/y.conf", KAFKA "sasl.password = hush\n[redis]\nurl = redis://u:hush@h:1/2\ninterval = 1500ms\n[worker]\n"
	                                   "code_key_file = key\n") == 0,
	          "%s", problems());
	CHECK_INT(yt_conf_override(&c, "worker", "instance", "b", "--instance", &p), 0);
	CHECK_STR(printed(), "[kafka]\n"
	                     "bootstrap.servers = k:9092                      # /e/y.conf:2\n"
	                     "sasl.password = ***                             # /e/y.conf:3\n"
	                     "\n"
	                     "[topics]\n"
	                     "prefix = yutang.                                # default\n"
	                     "in = orders, groups, referrals, commands        # default\n"
	                     "partitions = 16                                 # default\n"
	                     "output_partitions = 4                           # default\n"
	                     "replication = 3                                 # default\n"
	                     "\n"
	                     "[redis]\n"
	                     "url = redis://***@h:1/2                         # /e/y.conf:5\n"
	                     "# password_file is not set\n"
	                     "prefix = yt                                     # default\n"
	                     "orders = no                                     # default\n"
	                     "interval = 1500ms                               # /e/y.conf:6\n"
	                     "\n"
	                     "[worker]\n"
	                     "group = yutang                                  # default\n"
	                     "instance = b                                    # --instance\n"
	                     "rules = /e/rules.conf                           # default\n"
	                     "clock = wall                                    # default\n"
	                     "code_key_file = /e/key                          # /e/y.conf:8\n"
	                     "# dir is not set\n"
	                     "\n"
	                     "# [http] is absent: this part is off\n"
	                     "\n"
	                     "[logging]\n"
	                     "format = text                                   # default\n"
	                     "level = info                                    # default\n"
	                     "\n"
	                     "# [intake] is absent: this part is off\n");
}

TEST(conf_of_shops)
{
	const struct yt_conf_shop *shop;
	char file[400];

	make_dir();
	snprintf(file, sizeof file, "%s/f", dir);
	put("s1.next", "hush next\n", 10, 0604);
	CHECK_MSG(parse(file, KAFKA "[intake]\n[shop \"s1\"]\nshopify_secret = hush\nshopify_secret_next_file = s1.next\nhash_key = pepper\n"
	                            "[shop \"s2\"]\nyouzan_client_id = c1\nyouzan_secret = yz\nhash_key = p2\n") == 0, "%s", problems());
	shop = c.shops;
	CHECK(c.intake.on && yt_str_eq(shop->intake.name, YT_S("s1")) && yt_str_eq(shop->intake.shopify.now, YT_S("hush")));
	CHECK(yt_str_eq(shop->intake.shopify.next, YT_S("hush next")) && yt_str_eq(shop->intake.hash_key, YT_S("pepper")));
	CHECK(shop->intake.woocommerce.now.n == 0);
	shop = shop->next;
	CHECK(yt_str_eq(shop->intake.youzan_id.now, YT_S("c1")) && yt_str_eq(shop->intake.youzan.now, YT_S("yz")) && !shop->next);
	CHECK(strstr(printed(), "\n[shop \"s1\"]\nshopify_secret = ***"));
	CHECK(strstr(printed(), "\nshopify_secret_next_file = s1.next"));
	CHECK(strstr(printed(), "\n[shop \"s2\"]\nyouzan_client_id = c1"));
	CHECK(!strstr(printed(), "hush") && !strstr(printed(), "pepper") && !strstr(printed(), "yz"));
	CHECK_INT(yt_conf_check_files(&c, &p), 0);
	CHECK_MSG(strstr(problems(), "warning: `shopify_secret_next_file`: everybody may read"), "%s", problems());
	remove_dir();
}

TEST(conf_a_second_client_id_goes_with_a_second_secret)
{
	char file[400];

	make_dir();
	snprintf(file, sizeof file, "%s/f", dir);
	put("next", "c2\n", 3, 0600);
	CHECK_INT(parse(file, KAFKA "[intake]\n[shop \"s1\"]\nyouzan_client_id = c1\nyouzan_secret = yz\nhash_key = p\nyouzan_client_id_next_file = next\n"), -1);
	CHECK_MSG(strstr(problems(), "[shop \"s1\"] has `youzan_client_id_next_file` and needs `youzan_secret_next_file` too"), "%s", problems());
	remove_dir();
}

TEST(conf_woocommerce_without_a_spool_is_warned_of)
{
#define WOO "[shop \"s1\"]\nwoocommerce_secret = w\nhash_key = p\n"
	CHECK_INT(parse("/e/f", KAFKA "[intake]\nspool = /s\n" WOO), 0);
	CHECK_MSG(!strstr(problems(), "warning"), "%s", problems());
	CHECK_INT(parse("/e/f", KAFKA "[intake]\n" WOO), 0);
	CHECK_MSG(strstr(problems(), "warning: [shop \"s1\"] takes WooCommerce, which never sends twice"), "%s", problems());
#undef WOO
}

TEST(conf_that_is_printed_can_be_read)
{
	char first[8192];

	CHECK_INT(parse("/e/y.conf", KAFKA "[redis]\n[worker]\n[http]\n"), 0);
	snprintf(first, sizeof first, "%s", printed());
	CHECK_MSG(parse("/e/y.conf", first) == 0, "%s", problems());
	CHECK_STR(c.worker.rules, "/e/rules.conf");
	CHECK(c.redis.on && c.worker.on && c.http.on);
}

/* ---- tests/bad-conf */

static void bad_conf(const char *name)
{
	static char text[65536], want[65536];
	char file[300];

	snprintf(file, sizeof file, "tests/bad-conf/%s.conf", name);
	slurp(file, text, sizeof text);
	snprintf(file, sizeof file, "%s.conf", name);
	CHECK_MSG(parse(file, text) == -1, "%s is taken", name);
	snprintf(file, sizeof file, "tests/bad-conf/%s.expected", name);
	if (getenv("UPDATE"))
		spew(file, problems());
	CHECK_STR(problems(), slurp(file, want, sizeof want));
}

TEST(conf_bad_files_give_their_exact_messages)
{
	char path[1024], name[256];
	struct dirent *e;
	DIR *d;
	int n = 0;

	snprintf(path, sizeof path, "%s/tests/bad-conf", root());
	d = opendir(path);
	CHECK_MSG(d, "%s", path);
	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len < 6 || strcmp(e->d_name + len - 5, ".conf") != 0)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)len - 5, e->d_name);
		bad_conf(name);
		n++;
	}
	closedir(d);
	CHECK_MSG(n >= 25, "only %d files", n);
}

/* ---- The sample file and the document */

/* Words of text in lines of at most width bytes, each behind `# `. */
static void wrapped(struct yt_buf *out, const char *text, size_t width)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (column && column + 1 + n > width) {
			yt_buf_c(out, '\n');
			column = 0;
		}
		if (!column) {
			yt_buf_c(out, '#');
			column = 1;
		}
		yt_buf_printf(out, " %.*s", (int)n, text);
		column += 1 + n;
		text += n + (text[n] == ' ');
	}
	yt_buf_c(out, '\n');
}

static void sample(struct yt_buf *out)
{
	yt_buf_z(out, "# The configuration of Yutang, with every key of this version at its default. `yutang check` judges it, `yutang config` shows\n"
	              "# each value and where it came from. File names are relative to the folder of this file. docs/configuration.md says more.\n");
	for (size_t i = 0; i < yt_conf_n_sections; i++) {
		const struct yt_conf_section *s = &yt_conf_sections[i];

		if (!s->since)
			continue;
		yt_buf_c(out, '\n');
		wrapped(out, s->doc, 110);
		if (s->named)
			yt_buf_printf(out, "#[%s \"%s\"]\n", s->name, s->named);
		else
			yt_buf_printf(out, "%s[%s]\n", s->asked_for ? "#" : "", s->name);
		if (strcmp(s->name, "kafka") == 0)
			yt_buf_z(out, "bootstrap.servers = 127.0.0.1:9092\n");
		for (size_t k = 0; k < yt_conf_n_keys; k++) {
			const struct yt_conf_key *key = &yt_conf_keys[k];

			if (!key->since || strcmp(key->section, s->name) != 0)
				continue;
			yt_buf_c(out, '\n');
			wrapped(out, key->doc, 110);
			yt_buf_printf(out, "%s%s = %s\n", key->value && !s->asked_for ? "" : "#", key->key, key->value ? key->value : key->example);
		}
	}
	yt_buf_c(out, 0);
	out->n--;
}

TEST(conf_sample_is_the_table)
{
	static char have[65536];
	struct yt_buf want;

	yt_buf_init(&want, NULL);
	sample(&want);
	if (getenv("UPDATE"))
		spew("conf/yutang.conf", want.p);
	CHECK_STR(slurp("conf/yutang.conf", have, sizeof have), want.p);
	yt_buf_deinit(&want);
}

TEST(conf_sample_is_good)
{
	static char text[65536];

	CHECK_MSG(parse("conf/yutang.conf", slurp("conf/yutang.conf", text, sizeof text)) == 0, "%s", problems());
	CHECK(c.redis.on && c.worker.on && c.http.on);
}

static void kind_of(const struct yt_conf_key *k, struct yt_buf *out)
{
	char *words, *save = NULL;
	int n = 0;

	switch (k->kind) {
	case YT_CK_TEXT: yt_buf_z(out, "text"); break;
	case YT_CK_NAME: yt_buf_z(out, "name"); break;
	case YT_CK_PREFIX: yt_buf_z(out, "name"); break;
	case YT_CK_TOPICS: yt_buf_z(out, "names, parted by commas"); break;
	case YT_CK_FILE: yt_buf_z(out, "file"); break;
	case YT_CK_INT: yt_buf_printf(out, "%lld to %lld", (long long)k->min, (long long)k->max); break;
	case YT_CK_DURATION: yt_buf_printf(out, "duration, at most %llds", (long long)k->max / 1000); break;
	case YT_CK_BOOL: yt_buf_z(out, "`yes`, `no`"); break;
	case YT_CK_LISTEN: yt_buf_z(out, "ADDRESS:PORT"); break;
	case YT_CK_REDIS_URL: yt_buf_z(out, "URL"); break;
	case YT_CK_SHOP_PAIR: yt_buf_z(out, "text"); break;
	case YT_CK_SHOP_KEY: yt_buf_z(out, "text"); break;
	case YT_CK_CHOICE:
		words = strdup(k->choices);
		for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
			yt_buf_printf(out, "%s`%s`", n++ ? ", " : "", w);
		free(words);
		break;
	}
}

static void row_of(const struct yt_conf_key *k, struct yt_buf *out)
{
	yt_buf_clear(out);
	yt_buf_printf(out, "\n| `%s` | ", k->key);
	kind_of(k, out);
	yt_buf_printf(out, " | %s%s%s | %s |\n", k->value ? "`" : "", k->value ? k->value : "", k->value ? "`" : "", k->doc);
	yt_buf_c(out, 0);
	out->n--;
}

/* The part of the document below `## [section]`. */
static char *section_of(char *docs, const char *section, char *next_was)
{
	char head[64], *at, *end;

	snprintf(head, sizeof head, "\n## [%s]\n", section);
	at = strstr(docs, head);
	CHECK_MSG(at, "docs/configuration.md has no `## [%s]`", section);
	end = strstr(at + 1, "\n## ");
	*next_was = end ? *end : 0;
	if (end)
		*end = 0;
	return at;
}

TEST(conf_keys_are_all_documented)
{
	static char docs[65536];
	struct yt_buf row;
	char was;

	yt_buf_init(&row, NULL);
	for (size_t k = 0; k < yt_conf_n_keys; k++) {
		if (!yt_conf_keys[k].since)
			continue;
		row_of(&yt_conf_keys[k], &row);
		if (getenv("UPDATE")) {
			printf("[%s]%s", yt_conf_keys[k].section, row.p);
			continue;
		}
		slurp("docs/configuration.md", docs, sizeof docs);
		CHECK_MSG(strstr(section_of(docs, yt_conf_keys[k].section, &was), row.p), "docs/configuration.md lacks in [%s]: %s",
		          yt_conf_keys[k].section, row.p);
	}
	yt_buf_deinit(&row);
}

TEST(conf_keys_that_are_documented_all_exist)
{
	static char docs[65536];

	for (size_t i = 0; i < yt_conf_n_sections; i++) {
		const char *name = yt_conf_sections[i].name;
		char was, *part;

		if (!yt_conf_sections[i].since)
			continue;
		part = section_of(slurp("docs/configuration.md", docs, sizeof docs), name, &was);
		for (char *at = part; strcmp(name, "kafka") != 0 && (at = strstr(at, "\n| `"));) {
			char key[64];
			int k;

			at += 4;
			snprintf(key, sizeof key, "%.*s", (int)strcspn(at, "`"), at);
			k = yt_conf_find(name, key);
			CHECK_MSG(k >= 0 && yt_conf_keys[k].since, "docs/configuration.md has `%s` in [%s], the daemon has not", key, name);
		}
	}
}

TEST_MAIN
{
	RUN(conf_defaults);
	RUN(conf_values);
	RUN(conf_for_the_adapters);
	RUN(conf_option_goes_before_the_file);
	RUN(conf_file_that_is_not_there);
	RUN(conf_kafka_property_that_the_library_refuses);
	RUN(conf_limits);
	RUN(conf_files_are_judged);
	RUN(conf_dir_has_to_be_a_folder);
	RUN(code_key_has_32_bytes);
	RUN(kafka_secret_from_a_file);
	RUN(conf_is_printed_with_its_sources_and_without_secrets);
	RUN(conf_of_shops);
	RUN(conf_a_second_client_id_goes_with_a_second_secret);
	RUN(conf_woocommerce_without_a_spool_is_warned_of);
	RUN(conf_that_is_printed_can_be_read);
	RUN(conf_bad_files_give_their_exact_messages);
	RUN(conf_sample_is_the_table);
	RUN(conf_sample_is_good);
	RUN(conf_keys_are_all_documented);
	RUN(conf_keys_that_are_documented_all_exist);
}
