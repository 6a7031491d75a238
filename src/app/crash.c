#include "yutang/app/crash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "yutang/base/ini.h"
#include "yutang/base/log.h"

enum {
	LINE_BYTES_MAX = 512,         /* a topic has at most 249 */
	DEATHS_MAX = 1000,            /* nothing counts on after the third */
	HANDLER_STACK = 64 * 1024,    /* the processor's registers alone may take 11 KiB */
	FIELDS = 6,
};

/* What a death counts by. SIGKILL and SIGTERM are none of them, and can't be: no handler runs. */
static const struct {
	int sig;
	const char *name;
} causes[] = { { SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" }, { SIGILL, "SIGILL" }, { SIGABRT, "SIGABRT" },
	       { 0, "watchdog" }, { 0, "assertion" } };
enum { N_CAUSES = sizeof causes / sizeof *causes };

/* What a handler can reach. */
static struct {
	const struct yt_engine_conf *conf;
	const struct yt_at *_Atomic at;
	_Atomic int fd;
	pid_t thread; /* the engine's */
	atomic_flag noted;
} me = { .fd = -1, .noted = ATOMIC_FLAG_INIT };

/* ---- The text */

static void add(struct yt_crashes *all, const struct yt_engine_conf *conf, struct yt_crash c)
{
	for (int i = 0; i < all->n; i++) {
		struct yt_crash *v = &all->v[i];

		if (v->input != c.input || v->shard != c.shard || v->offset != c.offset || strcmp(v->log_id, c.log_id) != 0)
			continue;
		v->deaths = v->deaths + c.deaths < DEATHS_MAX ? v->deaths + c.deaths : DEATHS_MAX;
		v->by = c.by;
		return;
	}
	if (all->n == YT_CRASHES_MAX) {
		yt_warn("crash_positions_full", "max=%d forgotten=%.*s/%d@%" PRId64, YT_CRASHES_MAX, YT_FMT(conf->topics[all->v[0].input]),
		        all->v[0].shard, all->v[0].offset);
		memmove(all->v, all->v + 1, (size_t)--all->n * sizeof *all->v);
	}
	all->v[all->n++] = c;
}

static const char *cause(struct yt_str name)
{
	for (int i = 0; i < N_CAUSES; i++)
		if (yt_str_eq(name, yt_str_z(causes[i].name)))
			return causes[i].name;
	return NULL;
}

static bool parse_line(struct yt_crash *c, const struct yt_engine_conf *conf, struct yt_str line)
{
	struct yt_str f[FIELDS];
	const char *at = line.p, *end = line.p + line.n;
	int64_t deaths, shard;
	int n = 0;

	for (const char *blank; at <= end && n < FIELDS; at = blank + 1) {
		blank = memchr(at, ' ', (size_t)(end - at));
		blank = blank ? blank : end;
		f[n++] = yt_str(at, (size_t)(blank - at));
	}
	if (n < FIELDS || at <= end || f[1].n != YT_LOG_ID_BYTES)
		return false;
	*c = (struct yt_crash){ .input = -1, .by = cause(f[5]) };
	memcpy(c->log_id, f[1].p, f[1].n);
	for (int i = 0; i < conf->n_inputs; i++)
		if (yt_str_eq(conf->topics[i], f[2]))
			c->input = i;
	if (c->input < 0 || !c->by || !yt_parse_int(f[0], 1, DEATHS_MAX, &deaths) || !yt_parse_int(f[3], 0, conf->partitions - 1, &shard) ||
	    !yt_parse_int(f[4], 0, INT64_MAX, &c->offset))
		return false;
	c->deaths = (int)deaths;
	c->shard = (int)shard;
	return true;
}

size_t yt_crash_parse(struct yt_crashes *out, const struct yt_engine_conf *conf, struct yt_str text)
{
	const char *at = text.p, *end = text.p + text.n;
	size_t ignored = 0;

	out->n = 0;
	while (at < end) {
		const char *feed = memchr(at, '\n', (size_t)(end - at));
		struct yt_str line = yt_str(at, (size_t)((feed ? feed : end) - at));
		struct yt_crash c;

		/* A line without its end was torn, and may lack digits. Empty ones stand between, so that what follows it can be read. */
		if (feed && parse_line(&c, conf, line))
			add(out, conf, c);
		else
			ignored += line.n > 0;
		at = feed ? feed + 1 : end;
	}
	return ignored;
}

void yt_crash_print(const struct yt_crashes *all, const struct yt_engine_conf *conf, struct yt_buf *out)
{
	for (int i = 0; i < all->n; i++) {
		const struct yt_crash *c = &all->v[i];

		yt_buf_printf(out, "%d %s %.*s %d %" PRId64 " %s\n", c->deaths, c->log_id, YT_FMT(conf->topics[c->input]), c->shard, c->offset, c->by);
	}
}

/* ---- The file */

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t did = write(fd, p, n);

		if (did < 0)
			return -1;
		p += did;
		n -= (size_t)did;
	}
	return 0;
}

/* The file has what is known and nothing else, and the handler appends to it from now on. -1: it is as it was; errno. */
static int write_anew(const struct yt_crash_file *f)
{
	char temporary[PATH_MAX + 8];
	struct yt_buf text;
	int fd, old, rc = -1;

	snprintf(temporary, sizeof temporary, "%s.new", f->path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	yt_buf_init(&text, NULL);
	yt_crash_print(&f->known, f->conf, &text);
	/* Not synced: it has to outlive the process, not the machine. */
	if (write_all(fd, text.p, text.n) == 0)
		rc = rename(temporary, f->path);
	yt_buf_deinit(&text);
	if (rc < 0) {
		close(fd);
		return -1;
	}
	old = atomic_exchange(&me.fd, fd);
	if (old >= 0)
		close(old);
	return 0;
}

static int read_known(struct yt_crash_file *f)
{
	char *text = malloc(YT_CRASH_FILE_BYTES_MAX);
	size_t n = 0, ignored;
	ssize_t got = 0;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);

	YT_ASSERT(text, NULL);
	while (fd >= 0 && (got = read(fd, text + n, YT_CRASH_FILE_BYTES_MAX - n)) > 0)
		n += (size_t)got;
	if (got < 0 || (fd < 0 && errno != ENOENT)) {
		free(text);
		return -1;
	}
	if (fd >= 0)
		close(fd);
	ignored = yt_crash_parse(&f->known, f->conf, yt_str(text, n));
	free(text);
	if (ignored)
		yt_warn("crash_lines_ignored", "file=%s lines=%zu", yt_q(f->path), ignored);
	for (int i = 0; i < f->known.n; i++) {
		const struct yt_crash *c = &f->known.v[i];

		yt_warn("crash_position", "pos=%.*s/%d@%" PRId64 " deaths=%d by=%s dead_letter=%s", YT_FMT(f->conf->topics[c->input]), c->shard,
		        c->offset, c->deaths, c->by, c->deaths >= YT_CRASH_DEATHS ? "yes" : "no");
	}
	return 0;
}

void yt_crash_turn(struct yt_crash_file *f, const struct yt_engine *e)
{
	int kept = 0, n = f->known.n;

	for (int i = 0; i < n; i++)
		if (!yt_engine_passed(e, &f->known.v[i]))
			f->known.v[kept++] = f->known.v[i];
	f->known.n = kept;
	if (kept < n && write_anew(f) < 0)
		yt_warn("crash_file_failed", "file=%s why=%s", yt_q(f->path), yt_q(strerror(errno)));
}

/* ---- Dying. Nothing but what a signal handler may do. */

struct line {
	size_t n;
	char p[LINE_BYTES_MAX];
};

static void put(struct line *l, const char *p, size_t n)
{
	for (size_t i = 0; i < n && l->n < sizeof l->p; i++)
		l->p[l->n++] = p[i];
}

static void put_number(struct line *l, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	put(l, digits + at, sizeof digits - at);
}

/* Once a process: who dies of standing still may be sent SIGABRT by systemd at the same moment. */
static void note(const char *by)
{
	const struct yt_at *at = atomic_load(&me.at);
	uint32_t place = at ? atomic_load(&at->place) : 0;
	int64_t offset = at ? atomic_load(&at->offset) : 0;
	struct line l = { 0 };

	if (!place || atomic_load(&at->place) != place || (int)((place - 1) / YT_PARTITIONS_MAX) >= me.conf->n_inputs ||
	    atomic_flag_test_and_set(&me.noted))
		return;
	struct yt_str topic = me.conf->topics[(place - 1) / YT_PARTITIONS_MAX];

	put(&l, "\n1 ", 3);
	put(&l, at->log_id, YT_LOG_ID_BYTES);
	put(&l, " ", 1);
	put(&l, topic.p, topic.n);
	put(&l, " ", 1);
	put_number(&l, (place - 1) % YT_PARTITIONS_MAX);
	put(&l, " ", 1);
	put_number(&l, (uint64_t)offset);
	put(&l, " ", 1);
	put(&l, by, strlen(by));
	put(&l, "\n", 1);
	/* In one piece; where that fails there is nobody to tell, and the record is tried once more. */
	if (write(atomic_load(&me.fd), l.p, l.n) < 0)
		return;
}

static void note_ours(const char *by)
{
	/* What another thread does is none of the record's fault. */
	if (gettid() == me.thread)
		note(by);
}

static void on_signal(int sig)
{
	for (int i = 0; i < N_CAUSES; i++)
		if (causes[i].sig == sig)
			note_ours(causes[i].name);
	/* The action is the default one again (SA_RESETHAND): after the return the process dies where it stood, with a core and its signal. */
	raise(sig);
}

static void on_assertion(void)
{
	note_ours("assertion");
}

void yt_crash_stalled(void)
{
	note("watchdog");
}

void yt_crash_watch(const struct yt_at *at)
{
	atomic_store(&me.at, at);
}

static void catch_signals(void)
{
	static char stack[HANDLER_STACK];
	const stack_t own = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | (int)SA_RESETHAND };

	/* A stack of its own: an endless recursion leaves none. */
	YT_ASSERT(sigaltstack(&own, NULL) == 0, "sigaltstack");
	sigfillset(&sa.sa_mask);
	for (int i = 0; i < N_CAUSES; i++)
		YT_ASSERT(!causes[i].sig || sigaction(causes[i].sig, &sa, NULL) == 0, "sigaction");
	yt_on_assertion(on_assertion);
}

int yt_crash_open(struct yt_crash_file *f, const char *dir, const struct yt_engine_conf *conf, struct yt_err *err)
{
	f->conf = me.conf = conf;
	if (snprintf(f->path, sizeof f->path, "%s/%.*s.crashes", dir, YT_FMT(conf->transactional_id)) >= (int)sizeof f->path)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "`dir` of [worker] is too long");
	if (read_known(f) < 0 || write_anew(f) < 0)
		return yt_err_set(err, YT_ERR_FATAL, YT_EXIT_CONFIG, "`dir` of [worker]: %s: %s", f->path, strerror(errno));
	me.thread = gettid();
	catch_signals();
	return 0;
}
