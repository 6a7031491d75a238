/* SIGHUP: the rule file is read again, and the shops of the configuration; each is taken as a whole or not at all. Each set of rules has memory of its
 * own, which goes when nobody reads it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/app/daemon.h"

struct yt_rules_set {
	struct yt_arena arena;
	const struct yt_ruleset *rules;
	struct yt_rules_set *next;
};

static void free_set(struct yt_rules_set *set)
{
	yt_arena_deinit(&set->arena);
	free(set);
}

static struct yt_rules_set *read_set(const char *file, struct yt_problems *p)
{
	struct yt_rules_set *set = calloc(1, sizeof *set);

	YT_ASSERT(set, NULL);
	yt_arena_init(&set->arena, 0);
	set->rules = yt_app_rules(&set->arena, file, p);
	if (set->rules)
		return set;
	free_set(set);
	return NULL;
}

static void use(struct yt_daemon *d, struct yt_rules_set *set)
{
	set->next = d->sets;
	d->sets = set;
	d->rules = set->rules;
}

bool yt_daemon_load_rules(struct yt_daemon *d, struct yt_problems *p)
{
	struct yt_rules_set *set = read_set(d->conf.worker.rules, p);

	if (set)
		use(d, set);
	return set != NULL;
}

void yt_daemon_rules_done(void *ctx, const struct yt_ruleset *rules)
{
	struct yt_daemon *d = ctx;

	for (struct yt_rules_set **at = &d->sets; *at; at = &(*at)->next) {
		struct yt_rules_set *set = *at;

		if (set->rules == rules) {
			*at = set->next;
			free_set(set);
			return;
		}
	}
	YT_ASSERT(false, "rules that are not ours");
}

/* One line each: an error, or a warning of a set that is taken. */
static void say_problems(const char *event, const struct yt_problems *p)
{
	struct yt_str rest = yt_buf_str(&p->text);
	char line[YT_Q_BYTES_MAX];

	while (rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;

		snprintf(line, sizeof line, "%.*s", (int)n, rest.p);
		yt_logf(p->errors ? YT_LOG_ERROR : YT_LOG_WARN, event, "problem=%s", yt_q(line));
		n += end != NULL;
		rest = yt_str(rest.p + n, rest.n - n);
	}
}

/* Why the set may not follow the one in use, or NULL. */
static const char *refusal(const struct yt_daemon *d, enum yt_rules_stand stand)
{
	if (stand == YT_RULES_OLDER)
		return "its revision is lower than the one in use";
	/* The set in use decides nothing, since the shards know its revision by other bytes: perhaps these are the right ones. */
	if (stand == YT_RULES_OTHER && !(d->engine && yt_engine_all_held(d->engine)))
		return "it has other bytes than the set in use and the same revision: raise it";
	return NULL;
}

static void keep(struct yt_daemon *d, enum yt_reload result, const char *why)
{
	d->reloads[result]++;
	yt_logf(result == YT_RELOAD_UNCHANGED ? YT_LOG_INFO : YT_LOG_ERROR, "rules_kept", "name=%.*s revision=%" PRId64 " why=%s",
	        YT_FMT(d->rules->name), d->rules->revision, yt_q(why));
}

static void take(struct yt_daemon *d, struct yt_rules_set *set)
{
	const struct yt_ruleset *before = d->rules;

	yt_info("rules_taken", "name=%.*s revision=%" PRId64 " digest=%016" PRIx64 " from=%" PRId64, YT_FMT(set->rules->name), set->rules->revision,
	        set->rules->digest, before->revision);
	d->reloads[YT_RELOAD_TAKEN]++;
	use(d, set);
	if (d->engine)
		yt_engine_reload(d->engine, set->rules);
	else
		yt_daemon_rules_done(d, before);
}

static void judge(struct yt_daemon *d, struct yt_rules_set *set, const struct yt_problems *p)
{
	enum yt_rules_stand stand = yt_ruleset_stand(set->rules, d->rules->revision, d->rules->digest);
	const char *why = refusal(d, stand);

	if (stand != YT_RULES_SAME && !why) {
		say_problems("rules_problem", p);
		take(d, set);
		return;
	}
	if (why)
		keep(d, YT_RELOAD_REFUSED, why);
	else
		keep(d, YT_RELOAD_UNCHANGED, "unchanged");
	free_set(set);
}

static void reload_rules(struct yt_daemon *d)
{
	struct yt_rules_set *set;
	struct yt_problems p;

	yt_problems_init(&p, d->conf.worker.rules);
	set = read_set(d->conf.worker.rules, &p);
	if (set) {
		judge(d, set, &p);
	} else {
		say_problems("rules_problem", &p);
		keep(d, YT_RELOAD_INVALID, "the file has errors");
	}
	yt_problems_deinit(&p);
}

/* ---- shops */

static void free_conf(struct yt_conf *conf)
{
	if (!conf)
		return;
	yt_conf_deinit(conf);
	free(conf);
}

/* All of the file has to be right, and nothing of it is taken but the shops. */
static void reload_shops(struct yt_daemon *d)
{
	struct yt_conf *conf = calloc(1, sizeof *conf), *before = d->shops;
	struct yt_problems p;
	size_t n = 0;

	YT_ASSERT(conf, NULL);
	yt_problems_init(&p, d->conf.file);
	yt_conf_init(conf);
	if (yt_conf_load(conf, d->conf.file, &p) == 0 && yt_conf_check_files(conf, &p) == 0 && !conf->intake.on)
		yt_problem(&p, 0, "no [intake] section");
	say_problems("shops_problem", &p);
	if (p.errors) {
		yt_error("shops_kept", "why=%s", yt_q("the file has errors"));
		free_conf(conf);
	} else {
		for (const struct yt_conf_shop *s = conf->shops; s; s = s->next)
			n++;
		yt_intake_take_shops(d->intake, conf);
		yt_info("shops_taken", "shops=%zu", n);
		d->shops = conf;
		free_conf(before);
	}
	yt_problems_deinit(&p);
}

void yt_daemon_reload(struct yt_daemon *d)
{
	yt_notify_reloading(&d->notify);
	if (d->rules)
		reload_rules(d);
	if (d->intake)
		reload_shops(d);
	yt_notify_ready(&d->notify);
}
