/* Errors of the rules' expressions: counted by the rule's name when their batch is committed, and said. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/log.h"
#include "yutang/engine/shard.h"

enum { SAID_EVERY_MS = 60000 }; /* one line a rule and key; the metric has them all */

const char *const yt_rule_keys[YT_RULE_KEY__COUNT] = { "when", "after", "still", "param" };

/* What is not committed yet, and when it was said. */
struct yt_rule_faults {
	struct yt_rule_errors *errors;
	struct {
		uint32_t pending;
		uint64_t said;          /* errors that a line has told */
		int64_t said_mono;      /* -1: never */
		char why[64];           /* of the first that is pending, */
		int input, shard;       /* of this record; input -1: a timer */
		int64_t offset;
	} key[YT_RULE_KEY__COUNT];
};

static struct yt_str rule_of(const void *value)
{
	return ((const struct yt_rule_faults *)value)->errors->rule;
}

static struct yt_rule_faults *faults_new(struct yt_engine *e, struct yt_str rule)
{
	struct yt_rule_faults *f = calloc(1, sizeof *f);
	struct yt_rule_errors *errors = calloc(1, sizeof *errors + rule.n);
	size_t n = e->stats.n_rule_errors;

	e->rule_errors = realloc(e->rule_errors, (n + 1) * sizeof *e->rule_errors);
	YT_ASSERT(f && errors && e->rule_errors, NULL);
	memcpy(errors->name, rule.p, rule.n);
	errors->rule = yt_str(errors->name, rule.n);
	f->errors = errors;
	for (int k = 0; k < YT_RULE_KEY__COUNT; k++)
		f->key[k].said_mono = -1;
	e->rule_errors[n] = errors;
	e->stats.rule_errors = (const struct yt_rule_errors *const *)e->rule_errors;
	e->stats.n_rule_errors = n + 1;
	yt_map_add(&e->faults, f);
	return f;
}

static struct yt_rule_faults *faults_of(struct yt_engine *e, struct yt_str rule)
{
	struct yt_rule_faults *f = yt_map_get(&e->faults, rule);

	return f ? f : faults_new(e, rule);
}

static bool has_param_expr(const struct yt_rule *r)
{
	for (uint32_t k = 0; k < r->n_params; k++)
		for (uint32_t i = 0; i < r->params[k].n_parts; i++)
			if (r->params[k].parts[i].expr)
				return true;
	return false;
}

void yt_errors_know(struct yt_engine *e)
{
	for (size_t k = 0; k < e->rules->n_rules; k++) {
		const struct yt_rule *r = &e->rules->rules[k];
		const bool has[YT_RULE_KEY__COUNT] = { r->when, r->after_expr, r->still, has_param_expr(r) };

		for (int i = 0; i < YT_RULE_KEY__COUNT; i++)
			if (has[i])
				faults_of(e, r->name)->errors->has[i] = true;
	}
}

static void on_told(void *ctx, const struct yt_act *act, const struct yt_rule *rule, enum yt_verdict verdict, int64_t until, const char *why)
{
	static const enum yt_rule_key keys[YT_VERDICT__COUNT] = {
		[YT_VERDICT_WHEN_ERROR] = YT_RULE_KEY_WHEN,
		[YT_VERDICT_AFTER_ERROR] = YT_RULE_KEY_AFTER,
		[YT_VERDICT_STILL_ERROR] = YT_RULE_KEY_STILL,
		[YT_VERDICT_PARAM_ERROR] = YT_RULE_KEY_PARAM,
	};
	struct yt_engine *e = ctx;
	struct yt_rule_faults *f = faults_of(e, rule->name);
	enum yt_rule_key k = keys[verdict];

	(void)act;
	(void)until;
	e->faulty = true;
	if (f->key[k].pending++)
		return;
	snprintf(f->key[k].why, sizeof f->key[k].why, "%s", why);
	f->key[k].input = e->decided ? e->decided->input : -1;
	f->key[k].shard = e->decided ? e->decided->shard : 0;
	f->key[k].offset = e->decided ? e->decided->offset : 0;
}

void yt_errors_init(struct yt_engine *e)
{
	yt_map_init(&e->faults, rule_of);
	e->watch = (struct yt_watch){ .ctx = e,
		                      .verdicts = 1u << YT_VERDICT_WHEN_ERROR | 1u << YT_VERDICT_AFTER_ERROR | 1u << YT_VERDICT_STILL_ERROR |
		                                  1u << YT_VERDICT_PARAM_ERROR,
		                      .told = on_told };
	yt_errors_know(e);
}

void yt_errors_deinit(struct yt_engine *e)
{
	struct yt_rule_faults *f;

	for (size_t at = 0; (f = yt_map_next(&e->faults, &at));) {
		free(f->errors);
		free(f);
	}
	yt_map_deinit(&e->faults);
	free(e->rule_errors);
}

static void say(const struct yt_engine *e, struct yt_rule_faults *f, enum yt_rule_key k)
{
	uint64_t n = f->errors->n[k] - f->key[k].said;
	char pos[320] = "timer";

	if (f->key[k].said_mono >= 0 && e->mono_ms - f->key[k].said_mono < SAID_EVERY_MS)
		return;
	if (f->key[k].input >= 0)
		snprintf(pos, sizeof pos, "%.*s/%d@%" PRId64, YT_FMT(e->conf->topics[f->key[k].input]), f->key[k].shard, f->key[k].offset);
	f->key[k].said = f->errors->n[k];
	f->key[k].said_mono = e->mono_ms;
	yt_warn("rule_error", "rule=%.*s key=%s errors=%" PRIu64 " pos=%s why=%s", YT_FMT(f->errors->rule), yt_rule_keys[k], n, pos,
	        yt_q(f->key[k].why));
}

void yt_errors_settle(struct yt_engine *e, bool committed)
{
	struct yt_rule_faults *f;

	if (!e->faulty)
		return;
	e->faulty = false;
	for (size_t at = 0; (f = yt_map_next(&e->faults, &at));) {
		for (int k = 0; k < YT_RULE_KEY__COUNT; k++) {
			if (!f->key[k].pending)
				continue;
			if (committed) {
				f->errors->n[k] += f->key[k].pending;
				say(e, f, (enum yt_rule_key)k);
			}
			f->key[k].pending = 0;
		}
	}
}
