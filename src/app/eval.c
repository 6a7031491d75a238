/* `yutang eval`: an expression, over variables from a file. */
#include <stdio.h>

#include "yutang/app/cmd.h"

struct words {
	const char *expr, *vars, *zone;
};

static int usage(const char *what)
{
	fprintf(stderr, "yutang: %s: yutang eval EXPR [--vars FILE.json] [--zone ZONE]\n", what);
	return YT_EXIT_USAGE;
}

/* `--vars FILE`, `--vars=FILE`; false where the word is not this option. */
static bool take_option(int argc, char **argv, int *i, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] && argv[*i][n] != '='))
		return false;
	if (argv[*i][n])
		*value = argv[*i] + n + 1;
	else
		*value = *i + 1 < argc ? argv[++*i] : NULL;
	return true;
}

/* An expression may begin with `-`: what is not exactly an option is the expression. */
static int read_words(int argc, char **argv, struct words *w)
{
	bool options = true;

	for (int i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && take_option(argc, argv, &i, "--vars", &w->vars)) {
			if (!w->vars)
				return usage("`--vars` needs a value");
		} else if (options && take_option(argc, argv, &i, "--zone", &w->zone)) {
			if (!w->zone)
				return usage("`--zone` needs a value");
		} else if (w->expr) {
			return usage("one expression, in quotes");
		} else {
			w->expr = argv[i];
		}
	}
	return w->expr ? YT_EXIT_OK : usage("an expression is wanted");
}

static const struct yt_zone *find_zone(void *ctx, struct yt_str name)
{
	struct yt_arena *a = ctx;
	struct yt_str tzif;

	if (!yt_zone_name_ok(name) || !yt_zone_load(NULL, a, yt_arena_dup(a, name).p, &tzif))
		return NULL;
	return yt_zone_parse(a, name, tzif);
}

/* Nothing is known but the zone of `--zone`. */
static bool facts(const void *ctx, enum yt_name name, struct yt_value *out)
{
	*out = (struct yt_value){ .type = YT_V_ZONE, .zone = ctx };
	return name == YT_N_ZONE && ctx;
}

static bool read_vars(struct yt_arena *a, const char *file, struct yt_scope *scope)
{
	static const struct yt_var none;
	struct yt_str json = YT_S("{}");
	struct yt_err err;
	char msg[128];

	scope->vars = &none;
	if (file && !yt_file_read(a, strcmp(file, "-") == 0 ? "/dev/stdin" : file, YT_VARS_BYTES_MAX, &json, &err)) {
		fprintf(stderr, "yutang: %s\n", err.msg);
		return false;
	}
	if (!yt_vars_parse(a, json, &scope->vars, &scope->n_vars, msg)) {
		fprintf(stderr, "yutang: %s: %s\n", file, msg);
		return false;
	}
	return true;
}

static int evaluate(struct yt_arena *a, const char *text, const struct yt_scope *scope, const struct yt_zone *zone)
{
	const struct yt_expr *e;
	struct yt_value v;
	struct yt_buf line;
	char msg[YT_EXPR_FAULT_BYTES];

	e = yt_expr_compile(a, yt_str_z(text), scope, msg);
	if (!e || !yt_expr_eval(e, a, facts, zone, &v, msg)) {
		fprintf(stderr, "yutang: %s\n", msg);
		return YT_EXIT_DIFFERENCE;
	}
	yt_buf_init(&line, a);
	yt_result_json(&line, a, e, &v);
	yt_buf_c(&line, '\n');
	fwrite(line.p, 1, line.n, stdout);
	return YT_EXIT_OK;
}

int yt_cmd_eval(int argc, char **argv)
{
	struct words w = { .expr = NULL };
	const struct yt_zone *zone = NULL;
	struct yt_scope scope;
	struct yt_arena a;
	int code = read_words(argc, argv, &w);

	if (code)
		return code;
	yt_arena_init(&a, 0);
	scope = (struct yt_scope){ .zones = { find_zone, &a } };
	if (w.zone) {
		zone = yt_zone_literal(&a, yt_str_z(w.zone));
		zone = zone ? zone : find_zone(&a, yt_str_z(w.zone));
	}
	if (w.zone && !zone)
		code = usage("`--zone` names no time zone of this system");
	else if (!read_vars(&a, w.vars, &scope))
		code = YT_EXIT_USAGE;
	else
		code = evaluate(&a, w.expr, &scope, zone);
	yt_arena_deinit(&a);
	return code;
}
