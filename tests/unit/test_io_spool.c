/* What was put is there again, in order, whatever happened to the process in between. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"
#include "yutang/base/buf.h"
#include "yutang/io/spool.h"

static struct yt_arena arena;
static char dir[200];
static struct yt_spool *spool;

static void open_with(size_t bytes_max, size_t files_max)
{
	struct yt_err err = { 0 };

	spool = yt_spool_open(dir, bytes_max, files_max, &err);
	CHECK_MSG(spool, "%s", err.msg);
}

static void remove_dir(void)
{
	char command[300];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	CHECK(system(command) == 0);
}

static void fresh(void)
{
	snprintf(dir, sizeof dir, "%s/spool-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	remove_dir();
	open_with(0, 0);
}

static int put(const char *text)
{
	struct yt_err err = { 0 };

	return yt_spool_put(spool, yt_str_z(text), &err);
}

/* What is taken next; NULL: nothing. */
static const char *take(uint64_t *id)
{
	struct yt_str bytes;

	return yt_spool_take(spool, &arena, id, &bytes) ? yt_arena_dup(&arena, bytes).p : NULL;
}

static void again(void)
{
	yt_spool_close(spool);
	open_with(0, 0);
}

TEST(spool_gives_in_order_what_was_put)
{
	uint64_t id[3];

	fresh();
	CHECK(put("one") == 0 && put("two") == 0 && put("three") == 0);
	CHECK_STR(take(&id[0]), "one");
	CHECK_STR(take(&id[1]), "two");
	yt_spool_done(spool, id[0]);
	yt_spool_back(spool, id[1]);
	CHECK_STR(take(&id[1]), "two");
	CHECK_STR(take(&id[2]), "three");
	CHECK(!take(&id[0]));
	yt_spool_close(spool);
}

TEST(spool_outlives_its_process)
{
	struct yt_spool_stats s;
	uint64_t id;

	fresh();
	CHECK(put("one") == 0 && put("two") == 0);
	CHECK_STR(take(&id), "one");
	again(); /* taken, and not done */
	CHECK_STR(take(&id), "one");
	yt_spool_done(spool, id);
	again();
	CHECK(put("three") == 0);
	CHECK_STR(take(&id), "two");
	CHECK_STR(take(&id), "three");
	yt_spool_stats(spool, &s);
	CHECK_INT(s.files, 2);
	CHECK_INT(s.bytes, 3 + 8 + 5 + 8);
	yt_spool_close(spool);
}

TEST(spool_bytes_at_the_limit_and_above)
{
	struct yt_err err = { 0 };

	fresh();
	yt_spool_close(spool);
	open_with(2 * (3 + 8), 0);
	CHECK(put("abc") == 0 && put("abc") == 0);
	CHECK_INT(yt_spool_put(spool, YT_S(""), &err), -1);
	CHECK_STR(err.msg, "the spool is full");
	CHECK_INT(err.class, YT_ERR_TRANSIENT);
	yt_spool_close(spool);
}

TEST(spool_files_at_the_limit_and_above)
{
	uint64_t id;

	fresh();
	yt_spool_close(spool);
	open_with(0, 2);
	CHECK(put("a") == 0 && put("b") == 0 && put("c") == -1);
	CHECK_STR(take(&id), "a");
	yt_spool_done(spool, id);
	CHECK(put("c") == 0);
	yt_spool_close(spool);
}

static void write_to(const char *name, const char *bytes)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	CHECK(f && fputs(bytes, f) >= 0 && fclose(f) == 0);
}

static bool there(const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

TEST(spool_drops_what_was_not_finished_and_sets_aside_what_is_damaged)
{
	uint64_t id;

	fresh();
	CHECK(put("one") == 0 && put("two") == 0);
	write_to("00000000000000000007.new", "half");
	write_to("00000000000000000000", "oneXXXXXXXX");
	again();
	CHECK(!there("00000000000000000007.new"));
	CHECK_STR(take(&id), "two");
	CHECK(there("00000000000000000000.bad") && !there("00000000000000000000"));
	yt_spool_close(spool);
}

TEST(spool_keeps_what_cannot_be_read_now)
{
	struct rlimit old, low;
	const char *taken;
	uint64_t id;
	int fd;

	fresh();
	CHECK(put("one") == 0 && put("two") == 0);
	CHECK((fd = dup(0)) >= 0);
	close(fd); /* the next one that there would be */
	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	low = (struct rlimit){ (rlim_t)fd, old.rlim_max };
	CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
	taken = take(&id);
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
	CHECK(!taken);
	CHECK_STR(take(&id), "one");
	CHECK_STR(take(&id), "two");
	yt_spool_close(spool);
}

TEST(spool_is_of_one_process)
{
	struct yt_err err = { 0 };

	fresh();
	CHECK(!yt_spool_open(dir, 0, 0, &err));
	CHECK_INT(err.exit, YT_EXIT_INSTANCE);
	yt_spool_close(spool);
	CHECK(!yt_spool_open("/nowhere/spool", 0, 0, &err));
	CHECK_INT(err.exit, YT_EXIT_CONFIG);
}

TEST_MAIN
{
	yt_arena_init(&arena, 0);
	RUN(spool_gives_in_order_what_was_put);
	RUN(spool_outlives_its_process);
	RUN(spool_bytes_at_the_limit_and_above);
	RUN(spool_files_at_the_limit_and_above);
	RUN(spool_drops_what_was_not_finished_and_sets_aside_what_is_damaged);
	RUN(spool_keeps_what_cannot_be_read_now);
	RUN(spool_is_of_one_process);
	remove_dir();
}
