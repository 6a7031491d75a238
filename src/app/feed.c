/* `yutang feed`: files of JSON lines into the input topics. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "begin.h"
#include "progress.h"

struct feeding {
	const struct yt_conf *conf;
	struct yt_kafka_feed *feed;
	struct yt_arena scratch; /* of one line */
	const char *file;
	uint64_t fed, refused;
	struct yt_progress progress;
	struct yt_err err;
};

static void on_acknowledged(void *ctx, uint64_t acknowledged, uint64_t put)
{
	if (acknowledged < put)
		yt_progress_show(&((struct feeding *)ctx)->progress, "acknowledged", acknowledged, " of ", put);
}

/* --- lines */

static bool put_line(void *ctx, struct yt_str line, long number)
{
	struct feeding *f = ctx;
	struct yt_line l;
	int rc;

	yt_line_place(&f->scratch, line, f->conf->topics.in, f->conf->topics.n_in, &l);
	rc = yt_kafka_feed_put(f->feed, l.topic, l.key, l.value, &f->err);
	yt_arena_reset(&f->scratch);
	if (rc == 0) {
		f->fed++;
		yt_progress_show(&f->progress, "fed", f->fed, " events", 0);
		return true;
	}
	if (f->err.class != YT_ERR_INPUT)
		return false;
	/* This record alone is refused: the others go on, and the exit code tells. */
	yt_progress_hide(&f->progress);
	fprintf(stderr, "%s:%ld: not fed, %u bytes: %s\n", f->file, number, line.n, f->err.msg);
	f->err = (struct yt_err){ 0 };
	f->refused++;
	return true;
}

/* Before the first record leaves, so that a name that is wrong leaves nothing half done. Nothing is opened: a pipe can be only once. */
static bool all_readable(char **files, int n)
{
	bool good = true;

	for (int i = 0; i < n; i++) {
		struct stat st;

		if (strcmp(files[i], "-") == 0)
			continue;
		if (access(files[i], R_OK) != 0 || stat(files[i], &st) != 0)
			fprintf(stderr, "yutang: %s: %s\n", files[i], strerror(errno));
		else if (S_ISDIR(st.st_mode))
			fprintf(stderr, "yutang: %s: is a folder\n", files[i]);
		else
			continue;
		good = false;
	}
	return good;
}

static int feed_all(struct feeding *f, char **files, int n)
{
	struct yt_err err = { 0 };

	for (int i = 0; i < n && !f->err.class; i++) {
		f->file = files[i];
		if (!yt_lines_each(files[i], put_line, f, &err) && !f->err.class)
			f->err = err;
	}
	/* What was handed over is delivered also behind an error: it is said how far it came. */
	if (yt_kafka_feed_finish(f->feed, on_acknowledged, f, &err) < 0)
		f->err = err;
	yt_progress_hide(&f->progress);
	if (f->err.class) {
		fprintf(stderr, "stopped after %" PRIu64 " events\n", f->fed);
		return yt_app_fail(&f->err);
	}
	printf("fed %" PRIu64 " events\n", f->fed);
	if (f->refused)
		fprintf(stderr, "yutang: %" PRIu64 " lines were not fed\n", f->refused);
	return f->refused ? YT_EXIT_DIFFERENCE : YT_EXIT_OK;
}

int yt_cmd_feed(int argc, char **argv)
{
	struct feeding f = { 0 };
	struct yt_kafka_conf kafka;
	struct yt_conf c;
	int n, exit_code;

	if (!yt_begin(argc, argv, NULL, "feed [-c FILE] EVENTS.jsonl...", 1, INT_MAX, &n, &c, &exit_code))
		return exit_code;
	exit_code = YT_EXIT_USAGE;
	if (all_readable(argv, n)) {
		yt_conf_kafka(&c, &kafka);
		yt_arena_init(&f.scratch, 0);
		f.conf = &c;
		f.feed = yt_kafka_feed_new(&kafka, 0, &f.err);
		yt_progress_init(&f.progress);
		exit_code = f.feed ? feed_all(&f, argv, n) : yt_app_fail(&f.err);
		yt_kafka_feed_free(f.feed);
		yt_arena_deinit(&f.scratch);
	}
	yt_conf_deinit(&c);
	return exit_code;
}
