/* What the subcommands share: options, files, rules with their time zones, lines of events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "yutang/app/cmd.h"
#include "yutang/base/json.h"

enum {
	RULES_BYTES_MAX = 1 << 20,
	ZONE_BYTES_MAX = 256 * 1024, /* the largest of tzdata has 4 KiB */
};

static const struct yt_option *find_option(const struct yt_option *table, const char *word, size_t n)
{
	for (; table && table->name; table++)
		if (strlen(table->name) == n && memcmp(table->name, word, n) == 0)
			return table;
	return NULL;
}

bool yt_options(int argc, char **argv, const struct yt_option *table, const char **conf_file, int *n_words)
{
	bool only_words = false;

	*n_words = 0;
	for (int i = 0; i < argc; i++) {
		const char *w = argv[i], *eq = strchr(w, '=');
		size_t n = eq ? (size_t)(eq - w) : strlen(w);
		struct yt_option conf = { "--config", conf_file, NULL };
		const struct yt_option *o;

		if (only_words || w[0] != '-' || w[1] == '\0') {
			argv[(*n_words)++] = argv[i];
			continue;
		}
		if (strcmp(w, "--") == 0) {
			only_words = true;
			continue;
		}
		if (conf_file && (strcmp(w, "-c") == 0 || (n == 8 && memcmp(w, "--config", 8) == 0)))
			o = &conf;
		else
			o = find_option(table, w, n);
		if (!o) {
			fprintf(stderr, "yutang: unknown option `%.*s`\n", (int)n, w);
			return false;
		}
		if (o->flag) {
			if (eq) {
				fprintf(stderr, "yutang: `%s` takes no value\n", o->name);
				return false;
			}
			*o->flag = true;
		} else if (eq) {
			*o->value = eq + 1;
		} else if (i + 1 < argc) {
			*o->value = argv[++i];
		} else {
			fprintf(stderr, "yutang: `%s` needs a value\n", w);
			return false;
		}
	}
	return true;
}

bool yt_file_read(struct yt_arena *a, const char *path, size_t max, struct yt_str *out, struct yt_err *err)
{
	FILE *f = fopen(path, "rb");
	struct stat st;

	if (!f || fstat(fileno(f), &st) < 0 || S_ISDIR(st.st_mode)) {
		yt_err_set(err, YT_ERR_INPUT, YT_EXIT_CONFIG, "%s: %s", path, f && !errno ? "is a folder" : strerror(errno));
		if (f)
			fclose(f);
		return false;
	}
	char *p = yt_arena_alloc(a, max + 1);
	size_t n = fread(p, 1, max + 1, f);
	bool bad = ferror(f) != 0;

	fclose(f);
	if (bad || n > max) {
		yt_err_set(err, YT_ERR_INPUT, YT_EXIT_CONFIG, "%s: %s", path, bad ? "cannot be read" : "is too large");
		return false;
	}
	*out = yt_str(p, n);
	return true;
}

/* Zone names are paths below the zoneinfo folder; the rule file's reader lets through only names without `..`. */
bool yt_zone_load(void *ctx, struct yt_arena *a, const char *name, struct yt_str *tzif)
{
	const char *folder = getenv("TZDIR");
	char path[512];

	(void)ctx;
	if (strstr(name, "..") || name[0] == '/')
		return false;
	snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", name);
	return yt_file_read(a, path, ZONE_BYTES_MAX, tzif, NULL);
}

struct yt_ruleset *yt_app_rules(struct yt_arena *a, const char *file, struct yt_problems *p)
{
	struct yt_str bytes;
	struct yt_err err;

	p->file = file;
	if (!yt_file_read(a, file, RULES_BYTES_MAX, &bytes, &err)) {
		yt_problem(p, 0, "%s", err.msg + (strncmp(err.msg, file, strlen(file)) == 0 ? strlen(file) + 2 : 0));
		return NULL;
	}
	return yt_ruleset_parse(a, bytes, yt_zone_load, NULL, p);
}

int yt_app_say(const struct yt_problems *p)
{
	if (p->text.n)
		fwrite(p->text.p, 1, p->text.n, stderr);
	return p->errors;
}

const struct yt_ruleset *yt_app_rules_said(struct yt_arena *a, const char *file)
{
	const struct yt_ruleset *rules;
	struct yt_problems p;

	yt_problems_init(&p, file);
	rules = yt_app_rules(a, file, &p);
	yt_app_say(&p);
	yt_problems_deinit(&p);
	return rules;
}

bool yt_app_conf(struct yt_conf *c, const char *file)
{
	struct yt_problems p;
	bool good;

	yt_problems_init(&p, file);
	yt_conf_init(c);
	good = yt_conf_load(c, file, &p) == 0;
	yt_app_say(&p);
	yt_problems_deinit(&p);
	if (good)
		yt_log_setup((enum yt_log_format)c->logging.format, (enum yt_log_level)c->logging.level);
	return good;
}

bool yt_app_shop_said(const char *shop)
{
	size_t n = strspn(shop, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	if (n > 0 && n <= YT_SHOP_BYTES_MAX && !shop[n])
		return true;
	fprintf(stderr, "yutang: `%s` is no name of a shop: 1 to 64 letters, digits, `.`, `_` and `-`\n", shop);
	return false;
}

int yt_app_fail(const struct yt_err *err)
{
	fprintf(stderr, "yutang: %s\n", err->msg);
	return err->exit ? err->exit : YT_EXIT_UNAVAILABLE;
}

void yt_line_place(struct yt_arena *a, struct yt_str value, const char *const *inputs, int n_inputs, struct yt_line *out)
{
	struct yt_decoded d = { 0 };

	*out = (struct yt_line){ .value = value, .topic = inputs[0], .time = INT64_MIN };
	yt_event_decode(a, value, NULL, 0, YT_NOW_UNKNOWN, &d);
	if (d.event) {
		struct yt_str topic = yt_types[d.event->type].topic;

		out->key = yt_event_key(a, d.event);
		out->time = d.event->time;
		out->event = d.event;
		for (int i = 0; i < n_inputs; i++)
			if (yt_str_eq(yt_str_z(inputs[i]), topic))
				out->topic = inputs[i];
		return;
	}

	/* A bad event still goes where its type and its member say, as far as they can be read. */
	const cJSON *root, *data;

	if (yt_json_parse(a, value, 0, 0, &root, NULL) != YT_JSON_OK || !cJSON_IsObject(root))
		return;
	struct yt_str type = yt_json_text(yt_json_get(root, "type")), source = yt_json_text(yt_json_get(root, "source")), member;
	int t = yt_type_find(type);

	for (int i = 0; i < n_inputs; i++)
		if (t >= 0 && yt_str_eq(yt_str_z(inputs[i]), yt_types[t].topic))
			out->topic = inputs[i];
	data = yt_json_get(root, "data");
	member = data && cJSON_IsObject(data) ? yt_json_text(yt_json_get(data, "member")) : (struct yt_str){ 0 };
	if (yt_str_starts(source, YT_S("/shops/")) && member.n)
		out->key = yt_arena_printf(a, "%.*s/%.*s", (int)source.n - 7, source.p + 7, YT_FMT(member));
}

bool yt_lines_each(const char *path, bool (*fn)(void *ctx, struct yt_str line, long number), void *ctx, struct yt_err *err)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	long number = 0;
	bool go = true;

	if (!f) {
		yt_err_set(err, YT_ERR_INPUT, YT_EXIT_USAGE, "%s: %s", path, strerror(errno));
		return false;
	}
	while (go && (n = getline(&line, &cap, f)) >= 0) {
		number++;
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n > 0)
			go = fn(ctx, yt_str(line, (size_t)n), number);
	}
	bool bad = ferror(f) != 0;

	free(line);
	if (f != stdin)
		fclose(f);
	if (bad)
		yt_err_set(err, YT_ERR_INPUT, YT_EXIT_USAGE, "%s: cannot be read", path);
	return !bad;
}
