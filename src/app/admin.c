/* `yutang init`, `check` and `config`: what an administrator calls before the daemon runs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "begin.h"

enum {
	INIT_MS = 60000,       /* Kafka may be starting too */
	TOPIC_NAME_MAX = 249,  /* of Kafka: a topic is a folder, and its partition follows the name */
};

/* --- init */

static void say_line(void *ctx, const char *line)
{
	(void)ctx;
	printf("%s\n", line);
	fflush(stdout);
}

static int file_error(struct yt_err *err, const char *file, const char *what)
{
	return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "%s cannot be %s: %s", file, what, strerror(errno));
}

/* Into a file that is new and nobody else may read. */
static int write_new(const char *file, const unsigned char *bytes, size_t n, struct yt_err *err)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0)
		return file_error(err, file, "made");
	if (write(fd, bytes, n) != (ssize_t)n || fsync(fd) != 0)
		rc = file_error(err, file, "written");
	if (close(fd) != 0 && rc == 0)
		rc = file_error(err, file, "written");
	if (rc < 0)
		unlink(file);
	return rc;
}

/* The name must outlast a power cut as the bytes do: a key that comes out different later makes every code void. */
static void sync_folder(struct yt_arena *a, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *folder = !slash ? "." : slash == file ? "/" : yt_arena_dup(a, yt_str(file, (size_t)(slash - file))).p;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* All of it or nothing, and never over a key that is there: two of these may run at once. */
static int make_code_key(struct yt_arena *a, const char *file, bool *made, struct yt_err *err)
{
	const char *temp = yt_arena_printf(a, "%s.%ld.new", file, (long)getpid()).p;
	unsigned char key[YT_CODE_KEY_BYTES];
	int rc;

	*made = false;
	if (access(file, F_OK) == 0)
		return yt_code_key_read(file, key, err);
	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_UNAVAILABLE, "the system gives no random bytes");
	rc = write_new(temp, key, sizeof key, err);
	explicit_bzero(key, sizeof key);
	if (rc < 0)
		return -1;
	if (link(temp, file) == 0)
		*made = true;
	else if (errno != EEXIST)
		rc = file_error(err, file, "made");
	unlink(temp);
	sync_folder(a, file);
	return rc;
}

static int init_code_key(struct yt_conf *c, struct yt_err *err)
{
	bool made;

	if (!c->worker.on || !c->worker.code_key_file)
		return 0;
	if (make_code_key(&c->arena, c->worker.code_key_file, &made, err) < 0)
		return -1;
	printf("%s %s: the key of coupon codes%s\n", made ? "created" : "exists", c->worker.code_key_file,
	       made ? "; every instance needs the same file" : "");
	fflush(stdout);
	return 0;
}

int yt_cmd_init(int argc, char **argv)
{
	struct yt_kafka_conf kafka;
	struct yt_err err = { 0 };
	struct yt_conf c;
	int n, exit_code;

	if (!yt_begin(argc, argv, NULL, "init [-c FILE]", 0, 0, &n, &c, &exit_code))
		return exit_code;
	yt_conf_kafka(&c, &kafka);
	exit_code = YT_EXIT_OK;
	if (init_code_key(&c, &err) < 0 || yt_kafka_init(&kafka, INIT_MS, say_line, NULL, &err) < 0)
		exit_code = yt_app_fail(&err);
	yt_conf_deinit(&c);
	return exit_code;
}

/* --- check */

/* Prints the problems of one file; returns the number of its errors. */
static int said(struct yt_problems *p)
{
	int errors = yt_app_say(p);

	yt_problems_deinit(p);
	return errors;
}

static int check_rules(const char *file)
{
	struct yt_problems p;
	struct yt_arena a;
	const struct yt_ruleset *rs;
	int errors;

	yt_arena_init(&a, 0);
	yt_problems_init(&p, file);
	rs = yt_app_rules(&a, file, &p);
	errors = said(&p);
	if (rs && errors == 0)
		printf("ok: %s: rules %.*s, %zu coupons, %zu rules\n", file, YT_FMT(rs->tag), rs->n_coupons, rs->n_rules);
	yt_arena_deinit(&a);
	return errors;
}

/* An input that no event of ours belongs to may be another program's; a name that is nearly one of ours is a slip. */
static void check_inputs(const struct yt_conf *c, struct yt_problems *p)
{
	static const char *const known[] = { "orders", "groups", "referrals", "commands" };
	enum { KNOWN = sizeof known / sizeof *known };
	int line = c->origin[yt_conf_find("topics", "in")].line;

	for (int i = 0; i < c->topics.n_in; i++) {
		const char *name = c->topics.in[i], *near = yt_nearest(yt_str_z(name), known, KNOWN);
		size_t length = strlen(c->topics.prefix) + strlen(name);

		if (near && strcmp(near, name) != 0)
			yt_warning(p, line, "`in` has `%s`: did you mean `%s`?", name, near);
		if (length > TOPIC_NAME_MAX)
			yt_problem(p, line, "the topic %s%s has a name of %zu bytes, Kafka takes %d", c->topics.prefix, name, length, TOPIC_NAME_MAX);
		else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			yt_problem(p, line, "`in` has `%s`, which is no name of a topic", name);
	}
}

static int check_conf(struct yt_conf *c, const char *file)
{
	struct yt_kafka_conf kafka;
	struct yt_problems p;
	struct yt_err err;

	yt_problems_init(&p, file);
	if (yt_conf_load(c, file, &p) == 0) {
		yt_conf_kafka(c, &kafka);
		if (yt_kafka_conf_check(&kafka, &err) < 0)
			yt_problem(&p, 0, "%s", err.msg);
	}
	/* Also behind errors: all of them in one run. A file that could not be read named none. */
	if (c->file[0]) {
		check_inputs(c, &p);
		yt_conf_check_files(c, &p);
	}
	return said(&p);
}

static void say_conf(const struct yt_conf *c)
{
	printf("ok: %s: configuration; %s%s%s%s\n", c->file, c->worker.on ? "worker" : "no worker", c->worker.on ? " " : "",
	       c->worker.on ? c->worker.instance : "", c->redis.on ? ", view in Redis" : ", no view");
}

int yt_cmd_check(int argc, char **argv)
{
	const char *file = NULL, *rules = NULL;
	const struct yt_option options[] = { { "--rules", &rules, NULL }, { 0 } };
	struct yt_conf c;
	int n, errors;

	if (!yt_options(argc, argv, options, &file, &n))
		return YT_EXIT_USAGE;
	if (n > 0 || (file && rules)) {
		if (n > 0)
			fprintf(stderr, "yutang: unexpected word `%s`\n", argv[0]);
		fprintf(stderr, "usage: yutang check [-c FILE | --rules FILE]\n");
		return YT_EXIT_USAGE;
	}
	if (rules)
		return check_rules(rules) ? YT_EXIT_CONFIG : YT_EXIT_OK;

	yt_conf_init(&c);
	errors = check_conf(&c, file ? file : YT_CONF_DEFAULT_FILE);
	if (errors == 0)
		say_conf(&c);
	/* A file that is missing was named by the configuration's own check. */
	if (c.worker.on && c.worker.rules && access(c.worker.rules, R_OK) == 0)
		errors += check_rules(c.worker.rules);
	yt_conf_deinit(&c);
	return errors ? YT_EXIT_CONFIG : YT_EXIT_OK;
}

/* --- config */

int yt_cmd_config(int argc, char **argv)
{
	bool json = false;
	const struct yt_option options[] = { { "--json", NULL, &json }, { 0 } };
	struct yt_conf c;
	struct yt_buf out;
	int n, exit_code;

	if (!yt_begin(argc, argv, options, "config [-c FILE] [--json]", 0, 0, &n, &c, &exit_code))
		return exit_code;
	yt_buf_init(&out, NULL);
	if (json)
		yt_conf_print_json(&c, &out);
	else
		yt_conf_print(&c, &out);
	exit_code = fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0 ? YT_EXIT_OK : YT_EXIT_UNAVAILABLE;
	yt_buf_deinit(&out);
	yt_conf_deinit(&c);
	return exit_code;
}
