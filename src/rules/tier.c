/* [tier]: what its keys ask of each other. */
#include "rulefile.h"

/* A key that does nothing there. */
static void refuse(struct yt_rulefile *f, const struct yt_ini_section *sec, const char *key, const char *why)
{
	const struct yt_ini_entry *e = yt_entry(sec, key);

	if (e)
		yt_problem(f->problems, e->line, "%s does nothing: %s", key, why);
}

void yt_check_tier(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_tier *t)
{
	const struct yt_ini_entry *warn = yt_entry(sec, "warn_before"), *need = yt_entry(sec, "need"), *keep = yt_entry(sec, "keep");
	bool period = yt_entry(sec, "period");

	if (t->any && !yt_entry(sec, "min_amount") && !yt_entry(sec, "min_orders") && !yt_entry(sec, "min_referrals"))
		yt_problem(f->problems, need->line, "need = any of no threshold is never met: min_amount, min_orders, min_referrals");
	if (!period || t->keep) {
		refuse(f, sec, "grace", period ? "keep = yes, the tier is never lost" : "a tier without period is never lost");
		refuse(f, sec, "warn_before", period ? "keep = yes, the tier is never lost" : "a tier without period is never lost");
	} else if (warn && t->warn_before_ms && t->period_ms && t->warn_before_ms >= t->period_ms + t->grace_ms) {
		yt_problem(f->problems, warn->line, "warn_before is not shorter than period and grace together: it would leave before the tier is reached");
	}
	if (keep && t->keep && !period)
		yt_warning(f->problems, keep->line, "keep does nothing: a tier without period is never lost");
}

void yt_check_ranks(struct yt_rulefile *f)
{
	const struct yt_tier *tiers = f->rs->tiers;
	size_t k = 0;

	for (const struct yt_ini_section *sec = f->sections; sec; sec = sec->next) {
		const struct yt_ini_entry *e = yt_entry(sec, "rank");

		if (!yt_str_eq(sec->kind, YT_S("tier")))
			continue;
		for (size_t i = 0; e && i < k; i++) {
			if (tiers[i].rank == tiers[k].rank && tiers[k].rank >= 0) /* below 0: it could not be read */
				yt_problem(f->problems, e->line, "rank: [tier \"%.*s\"] has %lld too", YT_FMT(tiers[i].name), (long long)tiers[i].rank);
		}
		k++;
	}
}
