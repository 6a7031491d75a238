/* `yutang run`: the worker in the foreground. Callbacks move data and mark work; the pipeline runs in one place, yt_engine_turn. */
#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "yutang/app/daemon.h"

enum {
	STALL_SECONDS = 20,      /* DESIGN 7: a loop or a commit without progress this long ends the process */
	DRAIN_MS = 15000,        /* after SIGTERM: for the commit in flight and the view */
	CHECK_TIMEOUT_MS = 5000, /* of one attempt to see the topics at start */
	LOG_FLUSH_MS = 60000,    /* so that a line that repeats is said again */
	HEAP_KEPT = 256 << 20,   /* bytes */
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t mono_now(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

static void end(struct yt_daemon *d, int exit_code)
{
	if (!d->ended)
		d->exit_code = exit_code;
	d->ended = true;
}

static void on_fatal(void *ctx, const struct yt_err *err)
{
	yt_error("fatal", "exit=%d why=%s", err->exit, yt_q(err->msg));
	end(ctx, err->exit);
}

static void on_output(void *ctx, int shard, const struct yt_output *out)
{
	struct yt_daemon *d = ctx;

	(void)shard;
	if (d->watch)
		yt_watch_output(&d->scratch, out);
}

/* --- start: the topics are checked on a thread of their own, so that /readyz answers while Kafka is away */

static bool see_topics(struct yt_daemon *d)
{
	if (yt_kafka_check(&d->kafka_conf, CHECK_TIMEOUT_MS, &d->checked) < 0)
		return false;
	if (d->intake && !d->feed)
		d->feed = yt_intake_feed_new(&d->conf, &d->kafka_conf, &d->checked);
	return !d->intake || d->feed;
}

static void *check_topics(void *ctx)
{
	struct yt_daemon *d = ctx;
	uint64_t one = 1;
	bool said = false;

	while (!see_topics(d) && d->checked.class == YT_ERR_TRANSIENT) {
		if (!said)
			yt_warn("kafka_away", "why=%s", yt_q(d->checked.msg));
		said = true;
		d->checked = (struct yt_err){ 0 };
		usleep(200 * 1000);
	}
	atomic_store(&d->check_done, true);
	if (write(d->checked_fd, &one, sizeof one) < 0)
		yt_error("wake_failed", "errno=%d", errno);
	return NULL;
}

static void start_engine(struct yt_daemon *d)
{
	struct yt_engine_up up = { .ctx = d, .on_output = on_output, .on_rules_done = yt_daemon_rules_done, .on_fatal = on_fatal };
	struct yt_err err = { 0 };
	struct yt_view *view = d->redis ? yt_redis_view_port(d->redis) : NULL;

	d->kafka = yt_kafka_log_new(&d->kafka_conf, &err);
	if (!d->kafka) {
		on_fatal(d, &err);
		return;
	}
	d->engine = yt_engine_new(&d->engine_conf, d->rules, yt_kafka_log_port(d->kafka), view, &up);
	yt_kafka_log_bind(d->kafka, &yt_engine_log_up, d->engine);
	if (d->redis)
		yt_redis_view_bind(d->redis, &yt_engine_view_up, d->engine);
	yt_crash_watch(yt_engine_at(d->engine));
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx; /* the turn does the work */
}

static void watch_fd(struct yt_daemon *d, int fd)
{
	struct event *ev = event_new(d->base, fd, EV_READ | EV_PERSIST, on_ready, d);

	YT_ASSERT(ev && event_add(ev, NULL) == 0, "event_add");
}

static void set_watched(struct yt_daemon *d, const struct yt_kafka_log *kafka)
{
	pthread_mutex_lock(&d->watched_lock);
	d->watched = kafka;
	pthread_mutex_unlock(&d->watched_lock);
}

static void start(struct yt_daemon *d)
{
	d->started = true;
	if (d->checked.class) {
		on_fatal(d, &d->checked);
		return;
	}
	if (d->intake)
		yt_intake_begin(d->intake, d->feed);
	if (!d->conf.worker.on)
		return;
	start_engine(d);
	if (d->ended)
		return;
	watch_fd(d, yt_kafka_log_fd(d->kafka));
	set_watched(d, d->kafka);
}

/* --- progress */

/* What the commit thread is at, NULL: nothing. */
static const char *commit_step(struct yt_daemon *d, int64_t *since_ms)
{
	const char *step;

	pthread_mutex_lock(&d->watched_lock);
	step = d->watched ? yt_kafka_log_progress(d->watched, since_ms) : NULL;
	pthread_mutex_unlock(&d->watched_lock);
	return step;
}

/* Ends the process where the loop or the commit thread stands still. It counts its own ticks, so that a stopped and continued process is not
 * taken for a stalled one. */
static void *watch_progress(void *ctx)
{
	struct yt_daemon *d = ctx;
	uint64_t turns = 0;
	int64_t since = 0;
	int loop_ticks = 0, commit_ticks = 0;

	for (;;) {
		uint64_t t = atomic_load(&d->turns);
		int64_t s = 0;
		const char *step = commit_step(d, &s);

		sleep(1);
		loop_ticks = t == turns ? loop_ticks + 1 : 0;
		commit_ticks = step && s == since ? commit_ticks + 1 : 0;
		turns = t;
		since = s;
		if (loop_ticks < STALL_SECONDS && commit_ticks < STALL_SECONDS)
			continue;
		if (loop_ticks >= STALL_SECONDS)
			yt_crash_stalled();
		yt_error("no_progress", "where=%s seconds=%d exit=%d", loop_ticks >= STALL_SECONDS ? "loop" : step, STALL_SECONDS, YT_EXIT_UNAVAILABLE);
		yt_log_flush();
		_exit(YT_EXIT_UNAVAILABLE);
	}
	return NULL;
}

static void thread(void *(*fn)(void *), void *ctx)
{
	pthread_t t;
	sigset_t all, old;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	YT_ASSERT(pthread_create(&t, NULL, fn, ctx) == 0, "pthread_create");
	pthread_detach(t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* --- the loop */

static void on_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct yt_daemon *d = ctx;

	(void)what;
	if (sig == SIGHUP) {
		d->reload_wanted = true;
		return;
	}
	if (++d->signals > 1) {
		yt_log_flush();
		_exit(YT_EXIT_OK);
	}
	yt_info("draining", "signal=%d", (int)sig);
	yt_notify_stopping(&d->notify);
	d->drain_by_ms = clock_ms(CLOCK_MONOTONIC) + DRAIN_MS;
	if (d->intake)
		yt_intake_drain(d->intake);
	if (d->engine)
		yt_engine_drain(d->engine);
}

static bool drained(const struct yt_daemon *d)
{
	return (!d->engine || yt_engine_drained(d->engine)) && (!d->intake || yt_intake_drained(d->intake));
}

static void care(struct yt_daemon *d)
{
	int64_t now = clock_ms(CLOCK_MONOTONIC), every = yt_notify_interval_ms(&d->notify);
	struct yt_kafka_stats k;
	char why[160];

	if (d->kafka) {
		yt_kafka_log_stats(d->kafka, &k);
		if (k.committed != d->commits_seen)
			yt_histogram_add(&d->commit, k.commit_us);
		d->commits_seen = k.committed;
	}
	if (d->engine)
		yt_crash_turn(&d->crash, d->engine);
	bool ready = yt_daemon_ready(d, why);

	if (ready != d->was_ready) {
		yt_info(ready ? "ready" : "not_ready", "why=%s", yt_q(ready ? "" : why));
		yt_notify_status(&d->notify, "%s", !ready ? why : d->engine ? "deciding" : "taking webhooks");
		d->was_ready = ready;
	}
	if (every > 0 && now - d->notified_ms >= every) {
		yt_notify_watchdog(&d->notify);
		d->notified_ms = now;
	}
	if (now - d->flushed_ms >= LOG_FLUSH_MS) {
		yt_log_flush();
		d->flushed_ms = now;
	}
	if (d->signals && (drained(d) || now >= d->drain_by_ms))
		end(d, YT_EXIT_OK);
	if (d->once && d->engine && yt_engine_idle(d->engine))
		end(d, YT_EXIT_OK);
}

static void loop(struct yt_daemon *d)
{
	yt_notify_ready(&d->notify);
	while (!d->ended) {
		int64_t wait_ms = 1000;
		bool more = false;

		if (!d->started && atomic_load(&d->check_done))
			start(d);
		if (d->ended)
			break;
		if (d->reload_wanted && !d->signals)
			yt_daemon_reload(d);
		d->reload_wanted = false;
		if (d->engine)
			more = yt_engine_turn(d->engine, clock_ms(CLOCK_REALTIME), mono_now(), &wait_ms);
		atomic_fetch_add(&d->turns, 1);
		care(d);
		if (d->ended)
			break;
		struct timeval tv = { .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };

		evtimer_add(d->wake, &tv);
		/* ONCE also where it must not block: without it libevent stays as long as a descriptor is readable. */
		event_base_loop(d->base, EVLOOP_ONCE | (more ? EVLOOP_NONBLOCK : 0));
	}
}

/* --- wiring */

static bool wire(struct yt_daemon *d)
{
	struct yt_err err = { 0 };
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	signal(SIGPIPE, SIG_IGN);
	d->base = event_base_new();
	d->wake = d->base ? evtimer_new(d->base, on_ready, d) : NULL;
	d->checked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	YT_ASSERT(d->wake && d->checked_fd >= 0, "event base");
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct event *ev = evsignal_new(d->base, signals[i], on_signal, d);

		YT_ASSERT(ev && event_add(ev, NULL) == 0, "evsignal");
	}
	/* Once readable it stays so: it only ends the first wait. */
	YT_ASSERT(event_base_once(d->base, d->checked_fd, EV_READ, on_ready, d, NULL) == 0, "event_base_once");
	if (d->conf.http.on) {
		struct yt_http_conf hc = { .listen = d->conf.http.listen };
		struct yt_http_route *routes = yt_arena_alloc(&d->arena, yt_daemon_n_routes * sizeof *routes);

		if (d->conf.http.token_file && yt_secret_read(&d->arena, d->conf.http.token_file, &hc.token, &err) < 0) {
			on_fatal(d, &err);
			return false;
		}
		yt_daemon_routes(d, routes);
		d->http = yt_http_new(d->base, &hc, routes, yt_daemon_n_routes, &err);
		if (!d->http) {
			on_fatal(d, &err);
			return false;
		}
		yt_info("http", "port=%d", yt_http_port(d->http));
	}
	if (d->conf.intake.on) {
		d->intake = yt_intake_new(d->base, &d->conf, yt_notify_socket(), &err);
		if (!d->intake) {
			on_fatal(d, &err);
			return false;
		}
		yt_info("intake", "port=%d", yt_intake_port(d->intake));
	}
	if (d->conf.redis.on && d->conf.worker.on) {
		d->redis = yt_redis_view_new(&d->redis_conf, &err);
		if (!d->redis) {
			on_fatal(d, &err);
			return false;
		}
		watch_fd(d, yt_redis_view_fd(d->redis));
	}
	return true;
}

static const char *tag_of(struct yt_daemon *d)
{
	return yt_arena_dup(&d->arena, d->rules->tag).p;
}

static bool load(struct yt_daemon *d, const char *conf_file, const char *instance)
{
	struct yt_problems p;
	struct yt_err err = { 0 };
	bool good;

	yt_problems_init(&p, conf_file);
	yt_conf_init(&d->conf);
	good = yt_conf_load(&d->conf, conf_file, &p) == 0;
	if (good && instance)
		good = yt_conf_override(&d->conf, "worker", "instance", instance, "--instance", &p) == 0;
	if (good && !d->conf.worker.on && !d->conf.intake.on)
		yt_problem(&p, 0, "no [worker] and no [intake] section: there is nothing to run");
	if (good && !d->conf.kafka.on)
		yt_problem(&p, 0, "no [kafka] section");
	if (p.errors == 0)
		yt_conf_check_files(&d->conf, &p);
	if (p.errors == 0 && d->conf.worker.on)
		yt_daemon_load_rules(d, &p);
	yt_app_say(&p);
	good = p.errors == 0;
	yt_problems_deinit(&p);
	if (!good)
		return false;
	yt_log_setup((enum yt_log_format)d->conf.logging.format, (enum yt_log_level)d->conf.logging.level);
	if (d->conf.worker.code_key_file && yt_code_key_read(d->conf.worker.code_key_file, d->code_key, &err) < 0) {
		yt_app_fail(&err);
		return false;
	}
	yt_conf_kafka(&d->conf, &d->kafka_conf);
	yt_conf_redis(&d->conf, &d->redis_conf);
	if (yt_kafka_conf_check(&d->kafka_conf, &err) < 0) {
		yt_app_fail(&err);
		return false;
	}
	return true;
}

static bool is_word(const char *word, const char *text, size_t n)
{
	return strlen(word) == n && memcmp(word, text, n) == 0;
}

/* --first-start=TOPIC,..: bits of the inputs; with or without the prefix. */
static bool first_start(struct yt_daemon *d, const char *list)
{
	char full[YT_KAFKA_TOPIC_MAX];

	while (list && *list) {
		size_t n = strcspn(list, ",");
		int found = -1;

		for (int i = 0; i < d->kafka_conf.n_inputs - 1; i++)
			if (is_word(d->kafka_conf.inputs[i], list, n) || is_word(yt_kafka_topic(&d->kafka_conf, d->kafka_conf.inputs[i], full), list, n))
				found = i;
		if (found < 0) {
			fprintf(stderr, "yutang: --first-start: `%.*s` is not in [topics] in\n", (int)n, list);
			return false;
		}
		d->engine_conf.first_start |= 1u << found;
		list += n + (list[n] == ',');
	}
	return true;
}

static void engine_conf(struct yt_daemon *d, bool accept_offsets)
{
	struct yt_engine_conf *c = &d->engine_conf;
	char name[YT_KAFKA_TOPIC_MAX];

	c->partitions = d->kafka_conf.partitions;
	c->n_inputs = d->kafka_conf.n_inputs;
	for (int i = 0; i < c->n_inputs; i++)
		c->topics[i] = yt_arena_dup(&d->arena, yt_str_z(yt_kafka_topic(&d->kafka_conf, d->kafka_conf.inputs[i], name)));
	c->transactional_id = yt_arena_printf(&d->arena, "%s-%s", d->conf.worker.group, d->conf.worker.instance);
	c->clock = (enum yt_clock)d->conf.worker.clock;
	c->accept_offsets = accept_offsets;
	c->code_key = d->conf.worker.code_key_file ? d->code_key : NULL;
	c->view_interval_ms = d->conf.redis.interval_ms;
	c->view_orders = d->conf.redis.orders;
	c->hold_after_input_ms = 500;
	c->mono_ms = mono_now;
}

static void unwire(struct yt_daemon *d)
{
	yt_crash_watch(NULL);
	if (d->redis)
		yt_redis_view_free(d->redis);
	if (d->engine)
		yt_engine_free(d->engine);
	set_watched(d, NULL);
	if (d->kafka)
		yt_kafka_log_free(d->kafka);
	yt_intake_free(d->intake);
	if (d->http)
		yt_http_free(d->http);
	yt_notify_deinit(&d->notify);
}

/* LeakSanitizer's, where the build has it: it would look at exit, which is not called. */
void __lsan_do_leak_check(void) __attribute__((weak));

int yt_cmd_run(int argc, char **argv)
{
	static struct yt_daemon daemon; /* outlives the threads that watch it */
	struct yt_daemon *d = &daemon;
	const char *conf_file = YT_CONF_DEFAULT_FILE, *instance = NULL, *added = NULL;
	bool accept_offsets = false;
	const struct yt_option options[] = { { "--instance", &instance, NULL }, { "--once", NULL, &d->once },
		                             { "--watch", NULL, &d->watch }, { "--accept-offsets", NULL, &accept_offsets },
		                             { "--first-start", &added, NULL }, { 0 } };
	int n;

	if (!yt_options(argc, argv, options, &conf_file, &n))
		return YT_EXIT_USAGE;
	if (n > 0) {
		fprintf(stderr, "yutang: run takes no `%s`\n", argv[0]);
		return YT_EXIT_USAGE;
	}
	/* What a fetch or a batch frees the next one needs: given back to the kernel it would have to be faulted in again each time. */
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	yt_arena_init(&d->arena, 0);
	yt_arena_init(&d->scratch, 0);
	if (!load(d, conf_file, instance))
		return YT_EXIT_CONFIG;
	if (d->once && d->conf.worker.clock != YT_CLOCK_EVENT) {
		fprintf(stderr, "yutang: --once needs `clock = event`: with the wall clock there is no end\n");
		return YT_EXIT_USAGE;
	}
	if (!first_start(d, added))
		return YT_EXIT_USAGE;
	engine_conf(d, accept_offsets);
	if (d->conf.worker.on && d->conf.worker.dir) {
		struct yt_err err;

		if (yt_crash_open(&d->crash, d->conf.worker.dir, &d->engine_conf, &err) < 0) {
			yt_app_fail(&err);
			return YT_EXIT_CONFIG;
		}
		d->engine_conf.crashes = &d->crash.known;
	}
	pthread_mutex_init(&d->watched_lock, NULL);
	yt_notify_init(&d->notify);
	yt_info("start", "version=" YT_VERSION " instance=%s rules=%s clock=%s", d->conf.worker.instance, d->rules ? tag_of(d) : "-",
	        d->engine_conf.clock == YT_CLOCK_EVENT ? "event" : "wall");
	if (wire(d)) {
		thread(check_topics, d);
		thread(watch_progress, d);
		loop(d);
	}
	yt_info("end", "exit=%d", d->exit_code);
	/* A batch that is still with the commit thread is read by it: then nothing is freed, and its outcome is found out at the next start. */
	if (!d->engine || !yt_engine_committing(d->engine))
		unwire(d);
	yt_log_flush();
	fflush(stdout);
	if (__lsan_do_leak_check)
		__lsan_do_leak_check();
	/* Whatever the libraries leave running does not matter any more. */
	_exit(d->exit_code);
}
