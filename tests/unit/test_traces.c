/* Runs the files of tests/traces: what a shop wants, what happens, what must come of it. tests/traces/README.md tells the notation. */
#include <dirent.h>

#include "unit/core_world.h"

enum { LINES_MAX = 4000, TEXT_MAX = 512 };

/* --- the file */

struct line {
	char *text; /* without indentation and end */
	int number;
	char part;  /* g, w, t; T: the title */
};

struct file {
	char name[300];
	char *bytes;
	struct line lines[LINES_MAX];
	int n;
};

static struct file files[64];
static int n_files;

static bool is_heading(const char *text, char *part)
{
	static const char *const headings[] = { "given", "when", "then" };

	for (int k = 0; k < 3; k++) {
		if (strcmp(text, headings[k]) == 0) {
			*part = headings[k][0];
			return true;
		}
	}
	if (strncmp(text, "trace ", 6) == 0)
		*part = 'T';
	return false;
}

static void read_lines(struct file *f)
{
	int number = 0;
	char part = 'T';

	for (char *next, *text = f->bytes; text; text = next) {
		char *end = strchr(text, '\n');

		next = end ? end + 1 : NULL;
		if (end)
			*end = 0;
		number++;
		if (is_heading(text, &part))
			continue;
		while (*text == ' ')
			text++;
		if (!*text || *text == '#')
			continue;
		CHECK(f->n < LINES_MAX);
		f->lines[f->n++] = (struct line){ text, number, strncmp(text, "trace ", 6) == 0 ? 'T' : part };
	}
}

static void read_file(const char *folder, const char *name)
{
	struct file *f = &files[n_files++];
	FILE *in;
	size_t n;

	snprintf(f->name, sizeof(f->name), "%s/%s", folder, name);
	in = fopen(f->name, "rb");
	CHECK(in);
	f->bytes = calloc(1, 1 << 20);
	n = fread(f->bytes, 1, (1 << 20) - 1, in);
	f->bytes[n] = 0;
	fclose(in);
	read_lines(f);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static void read_files(void)
{
	DIR *dir = opendir("tests/traces");
	struct dirent *e;

	CHECK_MSG(dir, "tests/traces is there");
	while ((e = readdir(dir))) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot && strcmp(dot, ".trace") == 0)
			read_file("tests/traces", e->d_name);
	}
	closedir(dir);
	qsort(files, (size_t)n_files, sizeof(*files), by_name);
}

/* --- one trace: lines from the title to the next */

struct trace {
	const struct file *f;
	int begin, end;
};

struct run {
	struct world w;
	const struct trace *t;
	int at;           /* index of the line */
	int skip;         /* index of a line of `given` that is left out, -1: none */
	bool dry;         /* only the transcript counts */
	size_t told;      /* outputs that were compared */
	char gone[8][80]; /* headings of sections that were taken out */
	int n_gone;
	struct yt_buf transcript;
};

#define FAIL(r, ...) fail(r, __LINE__, __VA_ARGS__)
__attribute__((noreturn, format(printf, 3, 4))) static void fail(const struct run *r, int line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	yt_test_fail(__FILE__, line, "%s:%d (%s): %s", r->t->f->name, r->t->f->lines[r->at].number, r->t->f->lines[r->t->begin].text, text);
}

/* `[YYYY-]MM-DD` and `HH:MM[:SS[.mmm]]` of Shanghai, in 2026 unless said. */
static bool instant(const char *date, const char *time, int64_t *ms)
{
	int year = 2026, month, day, hour, minute, n = 0, m = 0;
	double second = 0;
	char rfc[64];

	if (!(sscanf(date, "%4d-%2d-%2d%n", &year, &month, &day, &n) == 3 && !date[n])) {
		year = 2026;
		if (!(sscanf(date, "%2d-%2d%n", &month, &day, &n) == 2 && !date[n]))
			return false;
	}
	n = 0;
	if (sscanf(time, "%2d:%2d%n:%lf%n", &hour, &minute, &n, &second, &m) < 2 || time[m ? m : n])
		return false;
	snprintf(rfc, sizeof(rfc), "%04d-%02d-%02dT%02d:%02d:%06.3f+08:00", year, month, day, hour, minute, second);
	return yt_time_parse(yt_str_z(rfc), ms);
}

/* `MM-DDTHH:MM` in one word. */
static bool instant_word(const char *word, int64_t *ms)
{
	char copy[64];
	char *t;

	snprintf(copy, sizeof(copy), "%s", word);
	t = strchr(copy, 'T');
	if (!t)
		return false;
	*t = 0;
	return instant(copy, t + 1, ms);
}

static bool rules_parse(struct run *r)
{
	struct yt_problems problems;
	struct yt_buf text;
	bool has_shop = false, dropping = false;

	for (int k = r->t->begin; k < r->t->end; k++)
		has_shop |= r->t->f->lines[k].part == 'g' && strncmp(r->t->f->lines[k].text, "[shop", 5) == 0;
	yt_buf_init(&text, &r->w.rules_arena);
	yt_buf_z(&text, has_shop ? "[ruleset]\nname = t\nrevision = 1\n" : WORLD_SHOP);
	for (int k = r->t->begin; k < r->t->end; k++) {
		const char *line = r->t->f->lines[k].text;

		if (r->t->f->lines[k].part != 'g')
			continue;
		if (*line == '[') {
			dropping = false;
			for (int i = 0; i < r->n_gone; i++)
				dropping |= strcmp(line, r->gone[i]) == 0;
		}
		if (k != r->skip && !dropping)
			yt_buf_printf(&text, "%s\n", line);
	}
	yt_problems_init(&problems, "given");
	r->w.rules = yt_ruleset_parse(&r->w.rules_arena, yt_buf_str(&text), world_zone, NULL, &problems);
	if (!r->w.rules && !r->dry)
		FAIL(r, "%.*s", YT_FMT(yt_buf_str(&problems.text)));
	yt_problems_deinit(&problems);
	return r->w.rules != NULL;
}

/* --- when */

/* The `code` or `coupon` (id) of the newest coupon of that template of that member. */
static const char *code_of(struct run *r, const char *member, const char *template, const char *field)
{
	for (size_t k = r->w.n_outputs; k-- > 0;) {
		const struct world_output *o = &r->w.outputs[k];

		if (o->type == YT_OUT_COUPON_ISSUED && strcmp(world_data(&r->w, o, "member"), member) == 0 &&
		    strcmp(world_data(&r->w, o, "template"), template) == 0)
			return world_data(&r->w, o, field);
	}
	if (!r->dry)
		FAIL(r, "%s holds no coupon %s", member, template);
	return "NONE";
}

/* `second`, `m-2/second`, `code:ABC`, with commas between. */
static void add_coupons(struct run *r, struct yt_buf *data, const char *member, char *names)
{
	char *save, holder[TEXT_MAX];

	yt_buf_z(data, ",\"coupons\":[");
	for (char *name = strtok_r(names, ",", &save), *slash; name; name = strtok_r(NULL, ",", &save)) {
		if (data->p[data->n - 1] != '[')
			yt_buf_c(data, ',');
		slash = strchr(name, '/');
		snprintf(holder, sizeof(holder), "%.*s", slash ? (int)(slash - name) : 128, slash ? name : member);
		if (strncmp(name, "code:", 5) == 0)
			yt_json_add_text(data, yt_str_z(name + 5));
		else
			yt_json_add_text(data, yt_str_z(code_of(r, holder, slash ? slash + 1 : name, "code")));
	}
	yt_buf_c(data, ']');
}

static void add_value(struct run *r, struct yt_buf *data, enum yt_type type, const char *key, const char *value)
{
	int f = strcmp(key, "at") == 0 ? yt_types[type].at : yt_field_find(yt_str_z(key));
	int64_t ms;

	if (f < 0 || f == YT_F_NONE)
		FAIL(r, "no field %s", key);
	yt_buf_printf(data, ",\"%.*s\":", YT_FMT(yt_fields[f].name));
	if (instant_word(value, &ms))
		yt_buf_i64(data, ms);
	else if (yt_fields[f].kind == YT_FK_MONEY ||
	         (yt_fields[f].kind == YT_FK_VERSION && strspn(value, "0123456789") == strlen(value)))
		yt_buf_z(data, value);
	else
		yt_json_add_text(data, yt_str_z(value));
}

static struct yt_decision tell(struct run *r, int64_t at, const char *type_name, char *words)
{
	int type = yt_type_find(yt_str_z(type_name));
	char *save, *member = strtok_r(words, " ", &save), id[16], *amount = NULL, *units = NULL, *returned = NULL;
	const char *sku = "oil-1l";
	bool has_at = false, has_currency = false;
	struct yt_buf data, buyer;
	struct yt_decision d;

	if (type < 0 || !member)
		FAIL(r, "no type %s, or no member", type_name);
	snprintf(id, sizeof(id), "e%d", r->t->f->lines[r->at].number);
	yt_buf_init(&data, NULL);
	yt_buf_init(&buyer, &r->w.rules_arena);
	yt_buf_z(&data, "{\"x\":0");
	if (strcmp(member, "-"))
		yt_buf_printf(&data, ",\"member\":\"%s\"", member);
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		char *value = strchr(word, '=');

		if (!value)
			FAIL(r, "%s is no field=value", word);
		*value++ = 0;
		has_at |= strcmp(word, "at") == 0;
		has_currency |= strcmp(word, "currency") == 0;
		if (strcmp(word, "amount") == 0)
			amount = value;
		if (strcmp(word, "units") == 0)
			units = value;
		else if (strcmp(word, "sku") == 0)
			sku = value;
		else if (strcmp(word, "returned") == 0)
			returned = value;
		else if (strcmp(word, "id") == 0)
			snprintf(id, sizeof(id), "%s", value);
		else if (strcmp(word, "phone") == 0 || strcmp(word, "device") == 0 || strcmp(word, "address") == 0)
			yt_buf_printf(&buyer, "%s\"%s\":\"%s\"", buyer.n ? "," : "", word, value);
		else if (strcmp(word, "coupon") == 0)
			yt_buf_printf(&data, ",\"coupon\":\"%s\"", code_of(r, member, value, "coupon"));
		else if (strcmp(word, "coupons") == 0)
			add_coupons(r, &data, member, value);
		else
			add_value(r, &data, type, word, value);
	}
	if (buyer.n)
		yt_buf_printf(&data, ",\"buyer\":{%.*s}", YT_FMT(yt_buf_str(&buyer)));
	if (YT_COMMANDS >> type & 1)
		yt_buf_z(&data, ",\"by\":\"ann\"");
	else if (!has_at && yt_types[type].at != YT_F_NONE)
		yt_buf_printf(&data, ",\"%.*s\":%lld", YT_FMT(yt_fields[yt_types[type].at].name), (long long)at);
	if (type == YT_ORDER_PAID && !has_currency)
		yt_buf_z(&data, ",\"currency\":\"CNY\"");
	if (type == YT_ORDER_PAID)
		yt_buf_printf(&data, ",\"items\":[{\"sku\":\"%s\",\"quantity\":%s,\"amount\":%s}]", sku, units ? units : "1", amount ? amount : "0");
	if (returned)
		yt_buf_printf(&data, ",\"items\":[{\"sku\":\"%s\",\"quantity\":%s}]", sku, returned);
	yt_buf_z(&data, "}");
	yt_buf_c(&data, 0);
	r->w.forwarded = (struct yt_decision){ 0 };
	d = world_tell(&r->w, type_name, id, at, data.p);
	if (d.result == YT_FORWARDED)
		d = r->w.forwarded;
	yt_buf_deinit(&data);
	return d;
}

static const char *result_of(const struct yt_decision *d)
{
	static const char *const names[] = { [YT_APPLIED] = "applied", [YT_DUPLICATE] = "duplicate", [YT_CONFLICT] = "conflict",
		                             [YT_PARKED] = "waits",       [YT_FORWARDED] = "goes on",     [YT_ERASED] = "erased" };

	return d->result == YT_DEAD ? yt_dead_name(d->dead) : names[d->result];
}

/* `x128 TYPE ...`: so often, `#` in the fields is 1, 2, 3. */
static struct yt_decision tell_often(struct run *r, int64_t at, int times, const char *words)
{
	struct yt_decision d = { 0 };
	char type[32];
	int n = 0;

	sscanf(words, "%31s %n", type, &n);
	for (int k = 1; k <= times; k++) {
		char copy[TEXT_MAX + 16];
		size_t i = 0;

		for (const char *p = words + n; *p && i < TEXT_MAX; p++) {
			if (*p == '#')
				i += (size_t)sprintf(copy + i, "%d", k);
			else
				copy[i++] = *p;
		}
		copy[i] = 0;
		d = tell(r, at, type, copy);
	}
	return d;
}

static void happens(struct run *r)
{
	char copy[TEXT_MAX], date[32], time[32], what[32], *arrow, *rest;
	int n = 0;
	int64_t at;
	struct yt_decision d;

	snprintf(copy, sizeof(copy), "%s", r->t->f->lines[r->at].text);
	arrow = strstr(copy, " -> ");
	if (arrow)
		*arrow = 0;
	if (sscanf(copy, "%31s %31s %31s %n", date, time, what, &n) < 3 || !instant(date, time, &at))
		FAIL(r, "no instant and event");
	rest = copy + n;
	if (strcmp(what, "time") == 0) {
		int late = r->w.n_late;

		world_until(&r->w, at);
		yt_buf_printf(&r->transcript, "%d\n", r->w.n_late - late);
		if (!r->dry && (r->w.n_late > late) != (arrow && strcmp(arrow + 4, "order_unknown") == 0))
			FAIL(r, "%d that waited went to the dead letters", r->w.n_late - late);
		return;
	}
	if (strcmp(what, "nobody") == 0) { /* works until then */
		r->w.now = at;
		world_until(&r->w, at);
		return;
	}
	if (strstr(rest, " is taken out")) {
		world_until(&r->w, at);
		snprintf(r->gone[r->n_gone++], sizeof(r->gone[0]), "[%s \"%.*s\"]", what, (int)strcspn(rest, " "), rest);
		rules_parse(r);
		return;
	}
	if (*what == 'x' && atoi(what + 1) > 0)
		d = tell_often(r, at, atoi(what + 1), rest);
	else
		d = tell(r, at, what, rest);
	yt_buf_printf(&r->transcript, "%s\n", result_of(&d));
	if (!r->dry && strcmp(result_of(&d), arrow ? arrow + 4 : "applied"))
		FAIL(r, "is %s (%s), expected %s", result_of(&d), d.detail, arrow ? arrow + 4 : "applied");
}

/* --- then */

static void check_value(struct run *r, const char *what, const char *field, const char *got, const char *want)
{
	char text[32];
	int64_t ms;

	if (instant_word(want, &ms)) {
		snprintf(text, sizeof(text), "%lld", (long long)ms);
		want = text;
	}
	if (strcmp(want, "-") == 0 ? got != NULL : !got || strcmp(got, want))
		FAIL(r, "%s: %s is %s, expected %s", what, field, got ? got : "absent", want);
}

static const char *nested(struct run *r, const struct world_output *o, const char *field)
{
	const char *point = strchr(field, '.');
	char detail[128], object[16];
	const cJSON *root;

	if (!point)
		return world_data(&r->w, o, field);
	snprintf(object, sizeof(object), "%.*s", (int)(point - field), field);
	yt_json_parse(&r->w.batch, yt_str_z(o->value), 0, 0, &root, detail);
	root = yt_json_get(yt_json_get(yt_json_get(root, "data"), object), point + 1);
	return root ? yt_arena_dup(&r->w.batch, yt_json_is_text(root) ? yt_json_text(root) : yt_json_number(root)).p : NULL;
}

static const char *subject(struct run *r, const struct world_output *o)
{
	const cJSON *root;
	char detail[128];

	yt_json_parse(&r->w.batch, yt_str_z(o->value), 0, 0, &root, detail);
	return yt_arena_dup(&r->w.batch, yt_json_text(yt_json_get(root, "subject"))).p;
}

static void leaves(struct run *r, char *copy)
{
	char *save, *date = strtok_r(copy, " ", &save), *time = strtok_r(NULL, " ", &save), *type = strtok_r(NULL, " ", &save);
	char *member = strtok_r(NULL, " ", &save), *rule = strtok_r(NULL, " ", &save);
	const struct world_output *o;
	int64_t at;

	if (!rule || !instant(date, time, &at))
		FAIL(r, "no instant, type, member and rule");
	if (r->told == r->w.n_outputs)
		FAIL(r, "did not leave");
	o = &r->w.outputs[r->told++];
	if (strcmp(yt_outs[o->type].name.p, type) || strcmp(subject(r, o), member) || strcmp(world_data(&r->w, o, "rule"), rule) || o->at != at)
		FAIL(r, "what left is %s", o->value);
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		char *want = strchr(word, '=');

		if (!want)
			FAIL(r, "%s is no field=value", word);
		*want++ = 0;
		check_value(r, type, word, nested(r, o, word), want);
	}
}

/* The state of the newest coupon of that template. */
static const char *wallet_state(struct run *r, const char *member, const char *template)
{
	for (size_t k = r->w.n_outputs; k-- > 0;) {
		const struct world_output *o = &r->w.outputs[k];
		char name[TEXT_MAX];
		const char *coupon, *state;

		if (o->type != YT_OUT_COUPON_ISSUED || strcmp(world_data(&r->w, o, "member"), member) || strcmp(world_data(&r->w, o, "template"), template))
			continue;
		snprintf(name, sizeof(name), "s1/%s", member);
		coupon = world_field(&r->w, YT_KIND_MEMBER, name, 1, o->id);
		state = coupon ? strstr(coupon, "\"state\":\"") : NULL;
		return state ? yt_arena_dup(&r->w.batch, yt_str(state + 9, strcspn(state + 9, "\""))).p : NULL;
	}
	return NULL;
}

/* `11-24/live`; what is 0 is not shown. */
static const char *channel_number(struct run *r, const char *name, const char *field)
{
	const char *slash = strchr(name, '/'), *json, *at;
	char full[TEXT_MAX], key[TEXT_MAX];

	if (!slash)
		return NULL;
	snprintf(full, sizeof(full), "s1/%s%.*s", slash - name == 5 ? "2026-" : "", (int)(slash - name), name);
	json = world_field(&r->w, YT_KIND_CHANNELS, full, 0, slash + 1);
	snprintf(key, sizeof(key), "\"%s\":", field);
	at = json ? strstr(json, key) : NULL;
	return at ? yt_arena_dup(&r->w.batch, yt_str(at + strlen(key), strcspn(at + strlen(key), ",}"))).p : NULL;
}

static const char *fact(struct run *r, const char *what, const char *name, const char *field)
{
	char full[TEXT_MAX];

	if (strcmp(what, "wallet") == 0)
		return wallet_state(r, name, field);
	if (strcmp(what, "channel") == 0)
		return channel_number(r, name, field);
	snprintf(full, sizeof(full), "s1/%s%s", strcmp(what, "day") == 0 && strlen(name) == 5 ? "2026-" : "", name);
	for (int kind = 0; kind < YT_KIND__COUNT; kind++) {
		struct yt_str prefix = yt_entities[kind].prefix;

		if (yt_str_eq(yt_str_z(what), yt_str(prefix.p, prefix.n - 1)))
			return world_field(&r->w, (enum yt_kind)kind, full, 0, field);
	}
	FAIL(r, "no facts of a %s", what);
}

static void holds(struct run *r)
{
	char copy[TEXT_MAX], *save, *what, *name;

	snprintf(copy, sizeof(copy), "%s", r->t->f->lines[r->at].text);
	if (strcmp(copy, "nothing leaves") == 0)
		return;
	if (*copy >= '0' && *copy <= '9') {
		leaves(r, copy);
		return;
	}
	what = strtok_r(copy, " ", &save);
	name = strtok_r(NULL, " ", &save);
	for (char *word; (word = strtok_r(NULL, " ", &save));) {
		char *want = strchr(word, '=');

		if (!want)
			FAIL(r, "%s is no field=value", word);
		*want++ = 0;
		check_value(r, what, word, fact(r, what, name, word), want);
	}
}

/* --- all of it */

static void run_trace(struct run *r, const struct trace *t, int skip, bool dry)
{
	memset(r, 0, sizeof(*r));
	world_init(&r->w, NULL);
	r->w.now = 0;
	r->t = t;
	r->at = t->begin;
	r->skip = skip;
	r->dry = dry;
	yt_buf_init(&r->transcript, NULL);
	if (!rules_parse(r))
		return;
	for (r->at = t->begin; r->at < t->end; r->at++) {
		if (t->f->lines[r->at].part == 'w')
			happens(r);
		else if (t->f->lines[r->at].part == 't' && !dry)
			holds(r);
	}
	r->at = t->end - 1;
	if (!dry && r->told < r->w.n_outputs)
		FAIL(r, "this left too: %s", r->w.outputs[r->told].value);
	for (size_t k = 0; k < r->w.n_outputs; k++)
		yt_buf_printf(&r->transcript, "%s\n", r->w.outputs[k].value);
}

static void end_run(struct run *r)
{
	yt_buf_deinit(&r->transcript);
	world_deinit(&r->w);
}

static bool next_trace(struct trace *t, int *file)
{
	for (; *file < n_files; (*file)++) {
		const struct file *f = &files[*file];

		t->begin = t->f == f ? t->end : 0;
		t->f = f;
		if (t->begin >= f->n)
			continue;
		for (t->end = t->begin + 1; t->end < f->n && f->lines[t->end].part != 'T'; t->end++)
			;
		return true;
	}
	return false;
}

TEST(every_trace_ends_as_it_says)
{
	struct trace t = { 0 };
	int n = 0;

	for (int file = 0; next_trace(&t, &file); n++) {
		struct run r;

		run_trace(&r, &t, -1, false);
		end_run(&r);
	}
	CHECK_MSG(n > 0, "there are traces");
}

/* Some trace has a line of that part with that word. */
static bool is_told(char part, const char *word)
{
	for (int k = 0; k < n_files; k++) {
		for (int i = 0; i < files[k].n; i++) {
			const char *at = files[k].lines[i].part == part ? strstr(files[k].lines[i].text, word) : NULL;

			if (at && strchr(" =", at[strlen(word)]))
				return true;
		}
	}
	return false;
}

TEST(every_reason_and_output_type_has_a_trace)
{
	char word[64];

	for (int k = 0; k < YT_OUT_TYPE__COUNT; k++)
		CHECK_MSG(is_told('t', yt_outs[k].name.p), "no trace with %s", yt_outs[k].name.p);
	for (int k = 1; k < YT_REASON__COUNT; k++) {
		snprintf(word, sizeof(word), "reason=%s", yt_reason_name((enum yt_reason)k));
		CHECK_MSG(is_told('t', word), "no trace with %s", word);
	}
}

static const struct yt_out_field *field_of(enum yt_out_type type, const char *name)
{
	for (const struct yt_out_field *f = yt_out_fields[type]; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* The common part comes first, and ends with `at`. */
static void check_fields(struct world *w, const struct world_output *o, bool seen[YT_OUT_FIELDS_MAX])
{
	const cJSON *root, *data, *item;
	int one_of = 0, asked = 0;

	CHECK(yt_json_parse(&w->batch, yt_str_z(o->value), 0, 0, &root, NULL) == YT_JSON_OK);
	data = yt_json_get(root, "data");
	for (item = data->child; item && strcmp(item->string, "at"); item = item->next)
		;
	CHECK_MSG(item, "no common part: %s", o->value);
	while ((item = item->next)) {
		const struct yt_out_field *f = field_of(o->type, item->string);

		CHECK_MSG(f, "yt_out_fields lacks %s of %s", item->string, yt_outs[o->type].name.p);
		one_of += f->need == YT_OUT_ONE_OF;
		seen[f - yt_out_fields[o->type]] = true;
	}
	for (const struct yt_out_field *f = yt_out_fields[o->type]; f->name; f++) {
		asked |= f->need == YT_OUT_ONE_OF;
		CHECK_MSG(f->need != YT_OUT_ALWAYS || yt_json_get(data, f->name), "%s is missing: %s", f->name, o->value);
	}
	CHECK_INT(one_of, asked);
}

TEST(every_output_has_the_fields_of_its_row_and_every_field_a_trace)
{
	bool seen[YT_OUT_TYPE__COUNT][YT_OUT_FIELDS_MAX] = { { false } };
	struct trace t = { 0 };

	for (int file = 0; next_trace(&t, &file);) {
		struct run r;

		run_trace(&r, &t, -1, true);
		for (size_t k = 0; k < r.w.n_outputs; k++)
			check_fields(&r.w, &r.w.outputs[k], seen[r.w.outputs[k].type]);
		end_run(&r);
	}
	for (int k = 0; k < YT_OUT_TYPE__COUNT; k++)
		for (int f = 0; yt_out_fields[k][f].name; f++)
			CHECK_MSG(seen[k][f], "no trace has a %s with %s", yt_outs[k].name.p, yt_out_fields[k][f].name);
}

static bool is_line_of(const struct trace *t, int k, const struct yt_rules_key *key)
{
	size_t n = strcspn(key->key, "*"); /* `param.*`: any name behind the point */
	const char *text = t->f->lines[k].text;

	if (t->f->lines[k].part != 'g' || strncmp(text, key->key, n) || (!key->key[n] && text[n] != ' ' && text[n] != '='))
		return false;
	while (k > t->begin && t->f->lines[k].text[0] != '[')
		k--;
	return strncmp(t->f->lines[k].text + 1, key->section, strlen(key->section)) == 0;
}

/* Without the line of that key some trace ends differently. */
static bool matters(const struct yt_rules_key *key)
{
	struct trace t = { 0 };

	for (int file = 0; next_trace(&t, &file);) {
		for (int k = t.begin; k < t.end; k++) {
			struct run with, without;
			bool differs;

			if (!is_line_of(&t, k, key))
				continue;
			run_trace(&with, &t, -1, true);
			run_trace(&without, &t, k, true);
			differs = !yt_str_eq(yt_buf_str(&with.transcript), yt_buf_str(&without.transcript));
			end_run(&with);
			end_run(&without);
			if (differs)
				return true;
		}
	}
	return false;
}

TEST(every_key_of_the_rule_file_matters_in_a_trace)
{
	const struct yt_rules_key *key;

	for (size_t k = 0; (key = yt_rules_key(k)); k++) {
		if (strcmp(key->section, "ruleset"))
			CHECK_MSG(matters(key), "[%s] %s can be taken out of every trace", key->section, key->key);
	}
}

TEST_MAIN
{
	read_files();
	RUN(every_trace_ends_as_it_says);
	RUN(every_reason_and_output_type_has_a_trace);
	RUN(every_output_has_the_fields_of_its_row_and_every_field_a_trace);
	RUN(every_key_of_the_rule_file_matters_in_a_trace);
}
