#include "yutang/io/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "yutang/base/buf.h"
#include "yutang/base/hash.h"
#include "yutang/base/log.h"

enum { NAME_BYTES = 20, CHECK_BYTES = 8 }; /* a file: the bytes, then their yt_hash64 */

struct entry {
	uint64_t id;
	size_t bytes;
	bool taken;
};

struct yt_spool {
	int dir, lock;
	size_t bytes_max, files_max;
	struct entry *entries; /* by id */
	size_t n, cap;
	uint64_t next;
	bool said; /* that a file cannot be read; until one can */
	struct yt_spool_stats stats;
};

static void name_of(uint64_t id, char out[NAME_BYTES + 8])
{
	snprintf(out, NAME_BYTES + 8, "%020" PRIu64, id);
}

/* ---- entries */

static void add(struct yt_spool *s, uint64_t id, size_t bytes)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->entries = realloc(s->entries, s->cap * sizeof *s->entries);
		if (!s->entries)
			yt_out_of_memory(s->cap * sizeof *s->entries);
	}
	s->entries[s->n++] = (struct entry){ id, bytes, false };
	s->stats.files++;
	s->stats.bytes += bytes;
	if (id >= s->next)
		s->next = id + 1;
}

static struct entry *find(struct yt_spool *s, uint64_t id)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->entries[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	YT_ASSERT(low < s->n && s->entries[low].id == id, "spool");
	return &s->entries[low];
}

static void drop(struct yt_spool *s, uint64_t id)
{
	struct entry *e = find(s, id);

	s->stats.files--;
	s->stats.bytes -= e->bytes;
	memmove(e, e + 1, (size_t)(s->entries + s->n - (e + 1)) * sizeof *e);
	s->n--;
}

/* ---- opening */

static int by_id(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

/* What an earlier process left: whole files; what it had not finished was promised to nobody. */
static bool read_folder(struct yt_spool *s)
{
	DIR *d = fdopendir(dup(s->dir));
	struct stat st;

	if (!d)
		return false;
	rewinddir(d);
	for (struct dirent *e; (e = readdir(d));) {
		size_t n = strspn(e->d_name, "0123456789");

		if (n == NAME_BYTES && strcmp(e->d_name + n, ".new") == 0)
			unlinkat(s->dir, e->d_name, 0);
		else if (n == NAME_BYTES && !e->d_name[n] && fstatat(s->dir, e->d_name, &st, 0) == 0)
			add(s, strtoull(e->d_name, NULL, 10), (size_t)st.st_size);
	}
	closedir(d);
	if (s->n)
		qsort(s->entries, s->n, sizeof *s->entries, by_id);
	return true;
}

struct yt_spool *yt_spool_open(const char *dir, size_t bytes_max, size_t files_max, struct yt_err *err)
{
	struct yt_spool *s = calloc(1, sizeof *s);
	int exit_code = YT_EXIT_CONFIG;

	if (!s)
		yt_out_of_memory(sizeof *s);
	s->bytes_max = bytes_max ? bytes_max : YT_SPOOL_BYTES_MAX;
	s->files_max = files_max ? files_max : YT_SPOOL_FILES_MAX;
	mkdir(dir, 0700);
	s->lock = -1;
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir >= 0)
		s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0 && read_folder(s))
		return s;
	if (errno == EWOULDBLOCK)
		exit_code = YT_EXIT_INSTANCE;
	yt_err_set(err, YT_ERR_FATAL, exit_code, "spool: %s: %s", dir, exit_code == YT_EXIT_INSTANCE ? "another process has it" : strerror(errno));
	yt_spool_close(s);
	return NULL;
}

void yt_spool_close(struct yt_spool *s)
{
	if (!s)
		return;
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	free(s->entries);
	free(s);
}

/* ---- putting */

static bool write_all(int fd, struct yt_str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = yt_str(bytes.p + n, bytes.n - (size_t)n);
	}
	return true;
}

/* The name appears when all of it is on the disk, and it is promised when the name is. */
static bool write_file(struct yt_spool *s, uint64_t id, struct yt_str bytes)
{
	char name[NAME_BYTES + 8], new[NAME_BYTES + 8 + 4], check[CHECK_BYTES];
	bool good;
	int fd;

	name_of(id, name);
	snprintf(new, sizeof new, "%s.new", name);
	yt_le64_put(check, yt_hash64(bytes));
	fd = openat(s->dir, new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	good = write_all(fd, bytes) && write_all(fd, yt_str(check, sizeof check)) && fsync(fd) == 0;
	good = close(fd) == 0 && good;
	if (good && renameat(s->dir, new, s->dir, name) == 0) {
		if (fsync(s->dir) == 0)
			return true;
		unlinkat(s->dir, name, 0);
	}
	unlinkat(s->dir, new, 0);
	return false;
}

int yt_spool_put(struct yt_spool *s, struct yt_str bytes, struct yt_err *err)
{
	size_t n = (size_t)bytes.n + CHECK_BYTES;

	if (s->stats.files >= s->files_max || s->stats.bytes + n > s->bytes_max)
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "the spool is full");
	if (!write_file(s, s->next, bytes))
		return yt_err_set(err, YT_ERR_TRANSIENT, YT_EXIT_UNAVAILABLE, "the spool cannot be written: %s", strerror(errno));
	add(s, s->next, n);
	s->stats.put++;
	return 0;
}

/* ---- taking */

/* NULL p where the file is not as it was written, or *failed: it cannot be read now. */
static struct yt_str read_file(struct yt_spool *s, const struct entry *e, struct yt_arena *a, bool *failed)
{
	char name[NAME_BYTES + 8], *p = yt_arena_alloc(a, e->bytes + 1);
	size_t n = 0;
	ssize_t got = 1;
	int fd;

	name_of(e->id, name);
	fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && n < e->bytes && (got = read(fd, p + n, e->bytes - n)) > 0)
		n += (size_t)got;
	*failed = (fd < 0 && errno != ENOENT) || got < 0;
	if (*failed && !s->said)
		yt_warn("spool_not_read", "file=%s error=%s", name, yt_q(strerror(errno)));
	s->said = *failed;
	if (fd >= 0)
		close(fd);
	if (n != e->bytes || n < CHECK_BYTES || yt_le64_get(p + n - CHECK_BYTES) != yt_hash64(yt_str(p, n - CHECK_BYTES)))
		return (struct yt_str){ 0 };
	return yt_str(p, n - CHECK_BYTES);
}

static void set_aside(struct yt_spool *s, uint64_t id)
{
	char name[NAME_BYTES + 8], bad[NAME_BYTES + 8 + 4];

	name_of(id, name);
	snprintf(bad, sizeof bad, "%s.bad", name);
	yt_error("spool_damaged", "file=%s", bad);
	renameat(s->dir, name, s->dir, bad);
	drop(s, id);
}

bool yt_spool_take(struct yt_spool *s, struct yt_arena *a, uint64_t *id, struct yt_str *bytes)
{
	bool failed;

	for (size_t i = 0; i < s->n;) {
		struct entry *e = &s->entries[i];

		if (e->taken) {
			i++;
			continue;
		}
		*id = e->id;
		*bytes = read_file(s, e, a, &failed);
		if (failed)
			return false;
		if (bytes->p) {
			e->taken = true;
			return true;
		}
		set_aside(s, *id);
	}
	return false;
}

void yt_spool_done(struct yt_spool *s, uint64_t id)
{
	char name[NAME_BYTES + 8];

	/* Should this be lost with the machine, it is delivered once more: that is harmless. */
	name_of(id, name);
	unlinkat(s->dir, name, 0);
	drop(s, id);
}

void yt_spool_back(struct yt_spool *s, uint64_t id)
{
	find(s, id)->taken = false;
}

void yt_spool_stats(const struct yt_spool *s, struct yt_spool_stats *out)
{
	*out = s->stats;
}
