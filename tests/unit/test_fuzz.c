/* The corpora of the fuzzers as a plain test, and what becomes of their files and of the cases of tests/expr when bytes of them are
 * changed: the same changes each time. FUZZ_ROUNDS=1000 goes on for longer, where there is no libFuzzer. */
#include <dirent.h>

#include "test.h"

#define LLVMFuzzerTestOneInput fuzz_event
#include "fuzz/event.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_expr
#include "fuzz/expr.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_hooks
#include "fuzz/hooks.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_json
#include "fuzz/json.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_rules
#include "fuzz/rules.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_state
#include "fuzz/state.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_wecom
#include "fuzz/wecom.c"
#undef LLVMFuzzerTestOneInput

enum { TEXT_MAX = 8192, CHANGES = 12 };

static int (*fuzz)(const uint8_t *data, size_t size); /* the one that runs */

/* In memory of just that size, so that a step too far shows under AddressSanitizer. */
static void run_bytes(const unsigned char *p, size_t n)
{
	unsigned char *exact = malloc(n ? n : 1);

	memcpy(exact, p, n);
	fuzz(exact, n);
	free(exact);
}

static uint64_t seed = 1;

static uint32_t next_random(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

static void change(unsigned char *p, size_t *n)
{
	static const char signs[] = "()[]{}.,:?!=<>&|+-*/%'\"\\`0123456789xeruinmas \n\x80\xff";
	uint32_t at = next_random((uint32_t)*n);

	switch (next_random(4)) {
	case 0:
		p[at] = (unsigned char)signs[next_random(sizeof(signs) - 1)];
		break;
	case 1: /* out */
		memmove(p + at, p + at + 1, *n - at - 1);
		(*n)--;
		break;
	case 2: /* in */
		memmove(p + at + 1, p + at, *n - at);
		p[at] = (unsigned char)signs[next_random(sizeof(signs) - 1)];
		(*n)++;
		break;
	default: /* a piece of it once more */
		memmove(p + at, p + next_random(at + 1), (*n - at) / 2);
		break;
	}
}

static void run_changed(const char *text, size_t n)
{
	unsigned char bytes[TEXT_MAX + CHANGES];

	run_bytes((const unsigned char *)text, n);
	if (!n || n > TEXT_MAX)
		return;
	memcpy(bytes, text, n);
	for (int i = 0; i < CHANGES && n; i++) {
		change(bytes, &n);
		run_bytes(bytes, n);
	}
}

static long rounds(void)
{
	const char *n = getenv("FUZZ_ROUNDS");

	return n ? atol(n) : 1;
}

static long in_folder(const char *name, void (*fn)(char *bytes, size_t n))
{
	const char *root = getenv("YUTANG_ROOT");
	static char bytes[1 << 20];
	char path[600];
	long files = 0;
	DIR *d;

	snprintf(path, sizeof path, "%s/%s", root ? root : ".", name);
	d = opendir(path);
	CHECK_MSG(d, "%s is not there", path);
	for (struct dirent *e; (e = readdir(d));) {
		FILE *f;

		snprintf(path, sizeof path, "%s/%s/%.100s", root ? root : ".", name, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
		if (!f)
			continue;
		fn(bytes, fread(bytes, 1, sizeof bytes, f));
		fclose(f);
		files++;
	}
	closedir(d);
	return files;
}

static void run_whole(char *bytes, size_t n)
{
	run_changed(bytes, n);
}

static void run_lines(char *bytes, size_t n)
{
	for (char *line = bytes, *next, *end; line < bytes + n; line = next) {
		next = memchr(line, '\n', (size_t)(bytes + n - line));
		next = next ? next + 1 : bytes + n;
		end = memchr(line, '\t', (size_t)(next - line));
		if (end && *line != '#')
			run_changed(line, (size_t)(end - line));
	}
}

static void corpus(int (*entry)(const uint8_t *data, size_t size), const char *name)
{
	char folder[64];

	fuzz = entry;
	snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name);
	for (long n = rounds(); n > 0; n--)
		CHECK(in_folder(folder, run_whole) > 0);
}

TEST(events) { corpus(fuzz_event, "event"); }
TEST(expressions) { corpus(fuzz_expr, "expr"); }
TEST(hooks) { corpus(fuzz_hooks, "hooks"); }
TEST(json) { corpus(fuzz_json, "json"); }
TEST(rule_files) { corpus(fuzz_rules, "rules"); }
TEST(state) { corpus(fuzz_state, "state"); }
TEST(wecom) { corpus(fuzz_wecom, "wecom"); }

TEST(cases_of_expressions)
{
	fuzz = fuzz_expr;
	for (long n = rounds(); n > 0; n--)
		CHECK(in_folder("tests/expr", run_lines) > 0);
}

TEST_MAIN
{
	RUN(events);
	RUN(expressions);
	RUN(hooks);
	RUN(json);
	RUN(rule_files);
	RUN(state);
	RUN(wecom);
	RUN(cases_of_expressions);
}
