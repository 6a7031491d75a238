/* The crash breaker's file (I9): what a dying process writes, what counts, and what the next one reads. Each death is that of a child. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "yutang/app/crash.h"

#include "unit/engine_world.h"

#define ID "0123456789abcdef0123456789abcdef"
#define FILE_OF "g-a.crashes"

static char dir[256], long_topic[250];
static struct yt_engine_conf conf;
static struct yt_crash_file file;
static struct yt_at at = { .log_id = ID };

static void setup(void)
{
	memset(long_topic, 't', 249);
	conf = (struct yt_engine_conf){ .partitions = YT_PARTITIONS_MAX, .n_inputs = 3, .transactional_id = YT_S("g-a") };
	conf.topics[0] = YT_S("shop.orders");
	conf.topics[1] = yt_str_z(long_topic);
	conf.topics[2] = YT_S("shop.internal");
	snprintf(dir, sizeof dir, "%s/crash.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	CHECK(mkdtemp(dir));
	yt_log_setup(YT_LOG_TEXT, YT_LOG_ERROR);
}

static void cleanup(void)
{
	char command[400];

	snprintf(command, sizeof command, "rm -r '%s'", dir);
	CHECK_INT(system(command), 0);
}

static const char *path(void)
{
	static char p[400];

	snprintf(p, sizeof p, "%s/" FILE_OF, dir);
	return p;
}

static const char *slurp(void)
{
	static char text[2 * YT_CRASH_FILE_BYTES_MAX];
	FILE *f = fopen(path(), "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

static void spew(const char *text, size_t n)
{
	FILE *f = fopen(path(), "w");

	CHECK(f && fwrite(text, 1, n, f) == n && fclose(f) == 0);
}

static void work_on(int input, int shard, int64_t offset)
{
	atomic_store(&at.offset, offset);
	atomic_store(&at.place, 1 + (uint32_t)input * YT_PARTITIONS_MAX + (uint32_t)shard);
	yt_crash_watch(&at);
}

/* Its wait status. What a child does with a check that fails is to end with 99. */
static int child(void (*die)(int), int arg)
{
	struct rlimit none = { 0 };
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		if (freopen("/dev/null", "w", stderr))
			die(arg);
		_exit(99);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static void open_file(void)
{
	struct yt_err err;

	if (yt_crash_open(&file, dir, &conf, &err) < 0)
		_exit(98);
}

/* The file's lines by the reader, which must take all of them. */
static struct yt_crashes *read_back(void)
{
	static struct yt_crashes all;

	CHECK_INT(yt_crash_parse(&all, &conf, yt_str_z(slurp())), 0);
	return &all;
}

/* --- dying */

static void die_by(int sig)
{
	open_file();
	work_on(0, 7, 1042);
	raise(sig);
}

TEST(each_of_the_five_signals_is_noted_and_still_ends_the_process)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static const char *const names[] = { "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT" };

	setup();
	for (int k = 0; k < 5; k++) {
		int status = child(die_by, signals[k]);
		char want[200];

		CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == signals[k], "status %x after %s", status, names[k]);
		snprintf(want, sizeof want, "\n1 " ID " shop.orders 7 1042 %s\n", names[k]);
		CHECK_STR(slurp(), want);
		unlink(path());
	}
	cleanup();
}

TEST(sigkill_and_sigterm_never_count)
{
	setup();
	for (int k = 0; k < 4; k++) {
		int sig = k % 2 ? SIGTERM : SIGKILL, status = child(die_by, sig);

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == sig);
		CHECK_STR(slurp(), "");
	}
	cleanup();
}

/* A fault of the processor, not a signal that was sent; a page of its own, so that no sanitizer knows better. */
static void die_of_a_fault(int write)
{
	volatile char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	open_file();
	work_on(2, YT_PARTITIONS_MAX - 1, 0);
	if (write)
		*p = 1;
	_exit(p[0]);
}

TEST(a_fault_is_noted)
{
	int status;

	setup();
	status = child(die_of_a_fault, 1);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK_STR(slurp(), "\n1 " ID " shop.internal 1023 0 SIGSEGV\n");
	cleanup();
}

static volatile bool enough;

static int deeper(int n)
{
	volatile char frame[4096];

	frame[0] = (char)n;
	return enough ? 0 : deeper(n + 1) + frame[0];
}

static void die_of_recursion(int arg)
{
	struct rlimit stack = { 1 << 20, 1 << 20 };

	setrlimit(RLIMIT_STACK, &stack);
	open_file();
	work_on(0, 0, arg);
	_exit(deeper(0));
}

TEST(an_endless_recursion_is_noted)
{
	int status;

	setup();
	status = child(die_of_recursion, 5);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK_STR(slurp(), "\n1 " ID " shop.orders 0 5 SIGSEGV\n");
	cleanup();
}

static void die_of_an_assertion(int arg)
{
	open_file();
	work_on(0, 1, 2);
	YT_ASSERT(arg == 0, "here");
}

TEST(a_failed_assertion_is_noted_and_ends_with_its_exit_code)
{
	int status;

	setup();
	status = child(die_of_an_assertion, 1);
	CHECK_INT(WEXITSTATUS(status), YT_EXIT_BUG);
	CHECK_STR(slurp(), "\n1 " ID " shop.orders 1 2 assertion\n");
	cleanup();
}

static void die_of_nothing(int how)
{
	open_file();
	if (how == 1) {
		work_on(0, 1, 2);
		atomic_store(&at.place, 0);
	} else if (how == 2) {
		work_on(0, 1, 2);
		yt_crash_watch(NULL);
	} else if (how == 3) {
		work_on(3, 0, 0); /* no input: memory was overwritten */
	}
	abort();
}

TEST(a_death_between_two_records_is_nobody_s)
{
	setup();
	for (int how = 0; how < 4; how++) {
		int status = child(die_of_nothing, how);

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		CHECK_STR(slurp(), "");
	}
	cleanup();
}

static void *aborts(void *arg)
{
	(void)arg;
	abort();
}

static void *stalls(void *arg)
{
	yt_crash_stalled();
	return arg;
}

static void die_by_a_thread(int stall)
{
	pthread_t t;

	open_file();
	work_on(0, 1, 2);
	pthread_create(&t, NULL, stall ? stalls : aborts, NULL);
	pthread_join(t, NULL);
	/* systemd's watchdog is as patient as ours. */
	abort();
}

TEST(the_death_of_another_thread_is_nobody_s)
{
	int status;

	setup();
	status = child(die_by_a_thread, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK_STR(slurp(), "");
	cleanup();
}

TEST(standing_still_is_noted_by_the_watchdog_s_thread_and_once_a_process)
{
	setup();
	child(die_by_a_thread, 1);
	CHECK_STR(slurp(), "\n1 " ID " shop.orders 1 2 watchdog\n");
	cleanup();
}

static void die_far_out(int arg)
{
	(void)arg;
	open_file();
	work_on(1, YT_PARTITIONS_MAX - 1, INT64_MAX);
	abort();
}

TEST(the_longest_line_is_whole)
{
	const struct yt_crashes *all;

	setup();
	child(die_far_out, 0);
	all = read_back();
	CHECK_INT(all->n, 1);
	CHECK_INT(all->v[0].input, 1);
	CHECK_INT(all->v[0].shard, YT_PARTITIONS_MAX - 1);
	CHECK(all->v[0].offset == INT64_MAX);
	CHECK_STR(all->v[0].log_id, ID);
	cleanup();
}

/* --- from one process to the next */

TEST(deaths_add_up_to_three_over_restarts)
{
	setup();
	for (int k = 1; k <= 3; k++) {
		const struct yt_crashes *all;

		child(die_by, k < 3 ? SIGSEGV : SIGBUS);
		all = read_back();
		CHECK_INT(all->n, 1);
		CHECK_INT(all->v[0].deaths, k);
		CHECK_STR(all->v[0].by, k < 3 ? "SIGSEGV" : "SIGBUS");
	}
	/* A start makes one line of them. */
	open_file();
	CHECK_STR(slurp(), "3 " ID " shop.orders 7 1042 SIGBUS\n");
	CHECK_INT(file.known.n, 1);
	CHECK_INT(file.known.v[0].deaths, 3);
	cleanup();
}

TEST(a_folder_that_is_not_there_is_an_error_of_the_configuration)
{
	struct yt_err err;
	char none[300];

	setup();
	snprintf(none, sizeof none, "%s/none", dir);
	CHECK_INT(yt_crash_open(&file, none, &conf, &err), -1);
	CHECK_INT(err.exit, YT_EXIT_CONFIG);
	CHECK_MSG(strstr(err.msg, "none/g-a.crashes: No such file"), "%s", err.msg);
	cleanup();
}

TEST(what_was_torn_or_is_not_ours_is_left_out_and_the_rest_counts)
{
	static const char text[] = "1 " ID " shop.orders 7 10 SIGSEGV\n"
				   "\n1 " ID " shop.orders 7 1"               /* torn, then the next death */
				   "\n1 " ID " shop.orders 7 10 SIGABRT\n"
				   "1 " ID " shop.other 7 10 SIGSEGV\n"        /* no input any more */
				   "1 " ID " shop.orders 1024 10 SIGSEGV\n"    /* no partition */
				   "1 " ID " shop.orders -1 10 SIGSEGV\n"
				   "1 " ID " shop.orders 7 -1 SIGSEGV\n"
				   "1 " ID " shop.orders 7 10 SIGKILL\n"       /* counts never */
				   "1 " ID " shop.orders 7 10 SIGSEGV more\n"
				   "1 " ID "f shop.orders 7 10 SIGSEGV\n"
				   "0 " ID " shop.orders 7 10 SIGSEGV\n"
				   "x\n \n"
				   "2 " ID " shop.orders 1023 10 watchdog\n"
				   "1 " ID " shop.orders 7 101 SIGSEGV";       /* torn: it may have been 1014 */
	struct yt_crashes all;

	setup();
	CHECK_INT(yt_crash_parse(&all, &conf, yt_str_z(text)), 12);
	CHECK_INT(all.n, 2);
	CHECK_INT(all.v[0].deaths, 2);
	CHECK_INT(all.v[0].offset, 10);
	CHECK_STR(all.v[0].by, "SIGABRT");
	CHECK_INT(all.v[1].deaths, 2);
	CHECK_INT(all.v[1].shard, 1023);
	CHECK_STR(all.v[1].by, "watchdog");
	cleanup();
}

/* What is printed can be read, however often. */
TEST(counts_stop_at_a_thousand)
{
	struct yt_crashes all;
	struct yt_buf text;

	setup();
	yt_buf_init(&text, NULL);
	yt_buf_z(&text, "1001 " ID " shop.orders 7 10 SIGSEGV\n");
	CHECK_INT(yt_crash_parse(&all, &conf, yt_buf_str(&text)), 1);
	yt_buf_clear(&text);
	yt_buf_z(&text, "1000 " ID " shop.orders 7 10 SIGSEGV\n1 " ID " shop.orders 7 10 SIGSEGV\n");
	CHECK_INT(yt_crash_parse(&all, &conf, yt_buf_str(&text)), 0);
	yt_buf_clear(&text);
	yt_crash_print(&all, &conf, &text);
	CHECK_INT(yt_crash_parse(&all, &conf, yt_buf_str(&text)), 0);
	CHECK_INT(all.v[0].deaths, 1000);
	yt_buf_deinit(&text);
	cleanup();
}

static void parse_records(struct yt_crashes *all, int n)
{
	struct yt_buf text;

	yt_buf_init(&text, NULL);
	for (int k = 0; k < n; k++)
		yt_buf_printf(&text, "1 " ID " %s %d %d SIGSEGV\n", long_topic, k, k);
	CHECK_INT(yt_crash_parse(all, &conf, yt_buf_str(&text)), 0);
	/* One line each, and room for the deaths that come. */
	yt_buf_clear(&text);
	yt_crash_print(all, &conf, &text);
	CHECK(text.n < YT_CRASH_FILE_BYTES_MAX / 2);
	yt_buf_deinit(&text);
}

TEST(sixty_four_records_are_kept_and_of_more_the_oldest_goes)
{
	struct yt_crashes all;

	setup();
	parse_records(&all, 64);
	CHECK_INT(all.n, 64);
	CHECK_INT(all.v[0].offset, 0);
	parse_records(&all, 65);
	CHECK_INT(all.n, 64);
	CHECK_INT(all.v[0].offset, 1);
	CHECK_INT(all.v[63].offset, 64);
	cleanup();
}

TEST(of_a_file_the_first_64_kib_are_read)
{
	static char text[YT_CRASH_FILE_BYTES_MAX + 1];
	static const char line[] = "1 " ID " shop.orders 7 10 SIGSEGV\n";

	setup();
	memset(text, '\n', sizeof text);
	memcpy(text + YT_CRASH_FILE_BYTES_MAX - strlen(line), line, strlen(line));
	spew(text, YT_CRASH_FILE_BYTES_MAX);
	open_file();
	CHECK_INT(file.known.n, 1);
	memset(text, '\n', sizeof text);
	memcpy(text + YT_CRASH_FILE_BYTES_MAX + 1 - strlen(line), line, strlen(line));
	spew(text, YT_CRASH_FILE_BYTES_MAX + 1);
	open_file();
	CHECK_INT(file.known.n, 0);
	CHECK_STR(slurp(), "");
	cleanup();
}

static void stall_after_all(int arg)
{
	work_on(0, 3, arg);
	yt_crash_stalled();
}

TEST(what_the_shard_has_passed_is_forgotten_and_the_file_goes_on)
{
	static const char text[] = "2 " EW_LOG_ID " orders 0 0 SIGSEGV\n1 " EW_LOG_ID " orders 0 1 SIGSEGV\n";
	struct ew w;
	struct yt_err err;

	setup();
	ew_init(&w, 0);
	w.conf.transactional_id = conf.transactional_id;
	spew(text, strlen(text));
	CHECK_INT(yt_crash_open(&file, dir, &w.conf, &err), 0);
	w.conf.crashes = &file.known;
	ew_live(&w);
	yt_crash_turn(&file, w.e);
	CHECK_STR(slurp(), text);
	fl_record(&w.fl, EW_ORDERS, 0, 0, ew_paid(&w, ew_member(&w, 0, 0), "o-1", w.wall - 1));
	ew_turns(&w, 3);
	CHECK_INT(w.n_outs, 1);
	yt_crash_turn(&file, w.e);
	CHECK_INT(file.known.n, 1);
	CHECK_STR(slurp(), "1 " EW_LOG_ID " orders 0 1 SIGSEGV\n");
	child(stall_after_all, 9);
	CHECK_STR(slurp(), "1 " EW_LOG_ID " orders 0 1 SIGSEGV\n\n1 " ID " orders 3 9 watchdog\n");
	ew_deinit(&w);
	cleanup();
}

TEST_MAIN
{
	RUN(each_of_the_five_signals_is_noted_and_still_ends_the_process);
	RUN(sigkill_and_sigterm_never_count);
	RUN(a_fault_is_noted);
	RUN(an_endless_recursion_is_noted);
	RUN(a_failed_assertion_is_noted_and_ends_with_its_exit_code);
	RUN(a_death_between_two_records_is_nobody_s);
	RUN(the_death_of_another_thread_is_nobody_s);
	RUN(standing_still_is_noted_by_the_watchdog_s_thread_and_once_a_process);
	RUN(the_longest_line_is_whole);
	RUN(deaths_add_up_to_three_over_restarts);
	RUN(a_folder_that_is_not_there_is_an_error_of_the_configuration);
	RUN(what_was_torn_or_is_not_ours_is_left_out_and_the_rest_counts);
	RUN(counts_stop_at_a_thousand);
	RUN(sixty_four_records_are_kept_and_of_more_the_oldest_goes);
	RUN(of_a_file_the_first_64_kib_are_read);
	RUN(what_the_shard_has_passed_is_forgotten_and_the_file_goes_on);
}
