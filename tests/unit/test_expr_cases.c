/* Runs the files of tests/expr: an expression, its variables, what it is worth. tests/expr/README.md tells the notation. */
#include <dirent.h>

#include "test.h"
#include "yutang/app/cmd.h"
#include "yutang/rules/expr.h"

enum { FILE_MAX = 1 << 20, FILES_MAX = 64 };

static const struct yt_zone *find_zone(void *ctx, struct yt_str name)
{
	struct yt_arena *a = ctx;
	struct yt_str tzif;

	if (!yt_zone_name_ok(name) || !yt_zone_load(NULL, a, yt_arena_dup(a, name).p, &tzif))
		return NULL;
	return yt_zone_parse(a, name, tzif);
}

/* What the third column would have to say. */
static void outcome(struct yt_arena *a, struct yt_str text, struct yt_str vars, struct yt_buf *out)
{
	struct yt_scope scope = { .zones = { find_zone, a } };
	const struct yt_expr *e;
	struct yt_value v;
	char msg[256];

	if (!yt_vars_parse(a, yt_str_eq(vars, YT_S("-")) ? YT_S("{}") : vars, &scope.vars, &scope.n_vars, msg)) {
		yt_buf_printf(out, "bad variables: %s", msg);
	} else if (!(e = yt_expr_compile(a, text, &scope, msg))) {
		yt_buf_printf(out, "fault %s", msg);
	} else if (!yt_expr_eval(e, a, NULL, NULL, &v, msg)) {
		yt_buf_printf(out, "error %s", msg);
	} else {
		struct yt_str kind = yt_vkind_text(a, yt_vkind_refine(a, yt_expr_kind(e), &v));

		CHECK_MSG(yt_vkind_fits(yt_expr_kind(e), yt_vkind_of(a, &v)), "`%.*s` is of another type than it says", YT_FMT(text));
		yt_buf_printf(out, "%.*s ", YT_FMT(kind));
		yt_value_json(out, &v);
	}
	yt_buf_c(out, '\0');
}

/* A fault and an error need only hold what the case says. */
static bool is_as_wanted(const char *got, const char *want)
{
	if (strncmp(want, "fault ", 6) == 0 || strncmp(want, "error ", 6) == 0)
		return strncmp(got, want, 6) == 0 && strstr(got + 6, want + 6);
	return strcmp(got, want) == 0;
}

/* A line break stands as U+2424, a tab as U+2409. */
static struct yt_str unfold(struct yt_arena *a, const char *text)
{
	struct yt_buf b;

	yt_buf_init(&b, a);
	for (const char *p = text; *p; p++) {
		if (strncmp(p, "\xe2\x90\xa4", 3) == 0 || strncmp(p, "\xe2\x90\x89", 3) == 0) {
			yt_buf_c(&b, p[2] == '\xa4' ? '\n' : '\t');
			p += 2;
		} else {
			yt_buf_c(&b, *p);
		}
	}
	return yt_buf_str(&b);
}

static void run_case(const char *file, int number, char *line)
{
	char *vars = strchr(line, '\t'), *want = vars ? strchr(vars + 1, '\t') : NULL;
	struct yt_arena a;
	struct yt_buf got;

	CHECK_MSG(want, "%s:%d: not three columns", file, number);
	*vars++ = *want++ = '\0';
	yt_arena_init(&a, 0);
	yt_buf_init(&got, &a);
	outcome(&a, unfold(&a, line), yt_str_z(vars), &got);
	CHECK_MSG(is_as_wanted(got.p, want), "%s:%d: `%s` gives `%s`, expected `%s`", file, number, line, got.p, want);
	yt_arena_deinit(&a);
}

static char file_at_hand[300];

static void run_file(void)
{
	char *bytes = calloc(1, FILE_MAX);
	FILE *f = fopen(file_at_hand, "rb");
	int number = 0, cases = 0;

	CHECK(f);
	CHECK(fread(bytes, 1, FILE_MAX - 1, f) < FILE_MAX - 1);
	fclose(f);
	for (char *line = bytes, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		if (!*line || *line == '#')
			continue;
		run_case(strrchr(file_at_hand, '/') + 1, number, line);
		cases++;
	}
	CHECK(cases > 0);
	free(bytes);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_all(void)
{
	const char *root = getenv("YUTANG_ROOT");
	char folder[200], *names[FILES_MAX];
	int n = 0;
	DIR *d;

	snprintf(folder, sizeof folder, "%s/tests/expr", root ? root : ".");
	d = opendir(folder);
	for (struct dirent *e; d && (e = readdir(d)) && n < FILES_MAX;) {
		if (strlen(e->d_name) > 4 && strcmp(e->d_name + strlen(e->d_name) - 4, ".tsv") == 0)
			names[n++] = strdup(e->d_name);
	}
	if (d)
		closedir(d);
	qsort(names, (size_t)n, sizeof *names, by_name);
	for (int i = 0; i < n; i++) {
		snprintf(file_at_hand, sizeof file_at_hand, "%s/%.80s", folder, names[i]);
		yt_test_run(names[i], run_file);
		free(names[i]);
	}
	if (!n)
		printf("not ok the_cases_are_there: no files in %s\n", folder), yt_test.failed++;
}

TEST_MAIN
{
	yt_types_init();
	run_all();
}
