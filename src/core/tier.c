#include "yutang/core/tier.h"

#include "yutang/base/hash.h"
#include "yutang/core/followup.h"
#include "yutang/core/limit.h"
#include "yutang/core/link.h"

/* --- thresholds */

/* What the member has of each threshold, or lacks. */
struct sums {
	int64_t amount, orders, referrals;
};

static int64_t lack(int64_t min, int64_t has)
{
	return has < min ? min - has : 0;
}

/* As of that instant, as far as it is known now. */
static struct sums missing(const struct yt_act *act, const struct yt_tier *t, int64_t at)
{
	const struct yt_member *m = act->member;
	struct yt_totals totals = m->orders.totals;

	if (t->period_ms)
		yt_paids_between(&m->orders, at - t->period_ms, at, &totals);
	return (struct sums){
		.amount = lack(t->min_amount, totals.net_amount),
		.orders = lack(t->min_orders, totals.paid_orders),
		.referrals = lack(t->min_referrals, yt_member_referrals_approved(m)),
	};
}

static bool is_met_at(const struct yt_act *act, const struct yt_tier *t, int64_t at)
{
	struct sums s = missing(act, t, at);

	if (t->any)
		return (t->min_amount && !s.amount) || (t->min_orders && !s.orders) || (t->min_referrals && !s.referrals);
	return !s.amount && !s.orders && !s.referrals;
}

static bool is_met(const struct yt_act *act, const struct yt_tier *t)
{
	return is_met_at(act, t, act->env->now_ms);
}

/* --- where it stands */

static const struct yt_tier *section_of(const struct yt_act *act)
{
	return yt_ruleset_tier(act->env->rules, act->member->standing.tier);
}

static bool is_in_grace(const struct yt_standing *s)
{
	return s->falls_at && !s->judge_at;
}

/* Never lost: what stands behind its outputs is not asked for again. */
static void stay_for_good(struct yt_standing *s)
{
	*s = (struct yt_standing){ .tier = s->tier, .rank = s->rank };
}

/* A period of the tier that the member has. */
static void begin_period(struct yt_standing *s, const struct yt_tier *t, int64_t at)
{
	if (!t->period_ms || t->keep) {
		stay_for_good(s);
		return;
	}
	s->judge_at = at + t->period_ms;
	s->falls_at = s->judge_at + t->grace_ms;
	s->warn_at = s->warn_due = t->warn_before_ms ? s->falls_at - t->warn_before_ms : 0;
	s->warned = false;
}

static void say_changed(struct yt_act *act, struct yt_str to, bool lapsed, struct yt_str cause, struct yt_str fact, unsigned ordinal)
{
	struct yt_str from = act->member->standing.tier;
	struct yt_follow *f;
	struct yt_say say;

	yt_say_begin(&say, act, YT_OUT_TIER_CHANGED, YT_RULE_TIER, cause, fact, ordinal);
	yt_output_text(&say.buf, "from", from);
	yt_output_text(&say.buf, "to", to);
	yt_output_text(&say.buf, "reason", lapsed ? YT_S("tier_lapsed") : YT_S("tier_reached"));
	yt_say_end(&say);
	f = yt_act_follows(act, YT_ON_TIER_CHANGED, say.id, cause);
	if (!f)
		return;
	f->from = from;
	f->to = yt_arena_dup(act->env->arena, to);
	f->lapsed = lapsed;
}

/* t NULL: none. The period begins at that instant. */
static void move(struct yt_act *act, const struct yt_tier *t, int64_t at)
{
	struct yt_standing *s = &act->member->standing;

	if (!t) {
		*s = (struct yt_standing){ 0 };
		return;
	}
	s->tier = yt_arena_dup(act->env->arena, t->name);
	s->rank = t->rank;
	begin_period(s, t, at);
}

/* --- up, when something happens */

/* Whether the fact names somebody else, or an order of his. */
static bool is_of_other(const struct yt_act *act)
{
	struct yt_str who = yt_act_text(act, YT_F_MEMBER);

	if (!act->ev || act->follow)
		return false;
	if (act->ev->type == YT_SHARE_MADE)
		return true;
	return who.n ? !yt_link_is_own(act->member, who) : yt_act_text(act, YT_F_ORDER).n && !act->order;
}

/* As the standing keeps it, for the outputs of later: nothing may be left of somebody else when he is erased. */
static struct yt_str fact_of(struct yt_act *act)
{
	struct yt_str fact = yt_act_fact(act, YT_OUT_TIER_CHANGED);
	unsigned char digest[32];
	char hex[33];

	if (!is_of_other(act))
		return fact;
	yt_sha256(fact, digest);
	yt_hex(digest, 16, hex);
	return yt_arena_printf(act->env->arena, "~%s", hex);
}

static void remember(struct yt_act *act, struct yt_str cause, struct yt_str fact, uint32_t n_changes)
{
	struct yt_standing *s = &act->member->standing;

	s->cause = yt_arena_dup(act->env->arena, cause);
	s->fact = fact;
	s->n_changes = n_changes;
	s->n_warnings = 0;
}

/* told: outputs of the event at hand that the standing knows nothing of any more. */
static void rise(struct yt_act *act, const struct yt_tier *t, uint32_t told, bool silent)
{
	struct yt_str cause = yt_act_cause(act), fact = fact_of(act);
	const struct yt_standing *s = &act->member->standing;

	if (s->fact.n && yt_str_eq(s->fact, fact))
		told = s->n_changes;
	if (!silent)
		say_changed(act, t->name, false, cause, yt_act_fact(act, YT_OUT_TIER_CHANGED), told++);
	remember(act, cause, fact, told);
	move(act, t, act->env->now_ms);
}

static void stay(struct yt_act *act, const struct yt_tier *t)
{
	remember(act, yt_act_cause(act), fact_of(act), 0);
	begin_period(&act->member->standing, t, act->env->now_ms);
}

/* From the highest rank down to what the member has. A tier whose section is gone gives way to one of its own rank, too. */
static bool look(struct yt_act *act, uint32_t told, bool silent)
{
	const struct yt_standing *s = &act->member->standing;
	const struct yt_tier *has = s->tier.n ? section_of(act) : NULL;
	int64_t rank = has ? has->rank : s->tier.n ? s->rank : 0;

	for (size_t k = act->env->rules->n_tiers; k-- > 0;) {
		const struct yt_tier *t = &act->env->rules->tiers[k];

		if (t->rank < rank || (t == has && !is_in_grace(s)))
			return false;
		if (!is_met(act, t))
			continue;
		if (t == has)
			stay(act, t);
		else
			rise(act, t, told, silent);
		return t != has;
	}
	return false;
}

static bool has_period(const struct yt_ruleset *rules)
{
	for (size_t k = 0; k < rules->n_tiers; k++) {
		if (rules->tiers[k].period_ms)
			return true;
	}
	return false;
}

/* The order counts for periods when its paid_at has come. Its timer keeps whether this event has said tier.changed already. */
static void look_later(struct yt_act *act, bool rose)
{
	struct yt_arena *a = act->env->arena;
	struct yt_timer t = { .due = act->ev->at, .rule = YT_RULE_TIER, .kind = rose ? YT_S("rose") : YT_S("") };

	if (!has_period(act->env->rules) || act->member->n_timers == YT_TIMERS_MAX || !yt_limit_room(act, 0))
		return;
	t.origin.ev = yt_kept_new(a, act->ev, 0);
	yt_member_add_timer(act->member, a, &t);
}

void yt_tier_look(struct yt_act *act)
{
	bool rose;

	if (!act->env->rules->n_tiers)
		return;
	rose = look(act, 0, false);
	if (act->ev && act->ev->type == YT_ORDER_PAID && act->ev->at > act->env->now_ms)
		look_later(act, rose);
}

void yt_tier_look_again(struct yt_act *act, const struct yt_timer *t)
{
	look(act, t->kind.n > 0, false);
}

/* --- two become one */

static int64_t rank_of(const struct yt_act *act, const struct yt_standing *s)
{
	const struct yt_tier *t = s->tier.n ? yt_ruleset_tier(act->env->rules, s->tier) : NULL;

	return t ? t->rank : s->rank;
}

static bool is_higher(const struct yt_act *act, const struct yt_standing *s, const struct yt_standing *than)
{
	int64_t a = rank_of(act, s), b = rank_of(act, than);

	if (!s->tier.n || !than->tier.n || a != b)
		return s->tier.n && (!than->tier.n || a > b);
	return than->falls_at && (!s->falls_at || s->falls_at > than->falls_at);
}

void yt_tier_merge(struct yt_act *act, const struct yt_standing *from)
{
	if (is_higher(act, from, &act->member->standing))
		act->member->standing = *from;
	if (act->env->rules->n_tiers)
		look(act, 0, true);
}

/* --- down, when its time has come */

/* NULL: none is below. */
static const struct yt_tier *next_lower(const struct yt_act *act, int64_t rank)
{
	for (size_t k = act->env->rules->n_tiers; k-- > 0;) {
		if (act->env->rules->tiers[k].rank < rank)
			return &act->env->rules->tiers[k];
	}
	return NULL;
}

static void lapse(struct yt_act *act, const struct yt_tier *has, int64_t at)
{
	struct yt_standing *s = &act->member->standing;
	const struct yt_tier *to = next_lower(act, has ? has->rank : s->rank);

	say_changed(act, to ? to->name : YT_S(""), true, s->cause, s->fact, s->n_changes++);
	move(act, to, at);
}

/* The end of the period. A tier whose section is gone has no grace. */
static void judge(struct yt_act *act, const struct yt_tier *has)
{
	struct yt_standing *s = &act->member->standing;

	if (!has)
		lapse(act, NULL, s->judge_at);
	else if (!has->period_ms || has->keep)
		stay_for_good(s);
	else if (is_met(act, has))
		begin_period(s, has, s->judge_at);
	else
		s->judge_at = 0;
}

/* The end of the grace. What happened in it was looked at, but for another set of rules. */
static void fall(struct yt_act *act, const struct yt_tier *has)
{
	struct yt_standing *s = &act->member->standing;

	if (has && (!has->period_ms || has->keep))
		stay_for_good(s);
	else if (has && is_met(act, has))
		begin_period(s, has, s->falls_at);
	else
		lapse(act, has, s->falls_at);
}

/* What a warning is about: in the grace it is enough to meet the tier at any instant, before it at the end of the period. */
static int64_t warned_of(const struct yt_act *act)
{
	const struct yt_standing *s = &act->member->standing;

	return s->judge_at ? s->judge_at : act->env->now_ms;
}

static void say_warning(struct yt_act *act, const struct yt_tier *has)
{
	struct yt_standing *s = &act->member->standing;
	struct sums lacks = missing(act, has, warned_of(act));
	struct yt_buf object;
	struct yt_say say;

	yt_buf_init(&object, act->env->arena);
	yt_output_int(&object, "amount", lacks.amount);
	yt_output_int(&object, "orders", lacks.orders);
	yt_output_int(&object, "referrals", lacks.referrals);
	yt_say_begin(&say, act, YT_OUT_TIER_WARNING, YT_RULE_TIER, s->cause, s->fact, s->n_warnings++);
	yt_output_text(&say.buf, "tier", s->tier);
	yt_output_int(&say.buf, "falls_at", s->falls_at);
	yt_output_raw(&say.buf, "missing", yt_output_object(&object));
	yt_say_end(&say);
	s->warned = true;
	yt_unhex(say.id, s->warning, sizeof(s->warning));
}

/* `fact` of what follows from the warning. */
static struct yt_str fact_of_warning(struct yt_act *act)
{
	struct yt_buf fact;
	char id[33];

	yt_hex(act->member->standing.warning, 16, id);
	yt_buf_init(&fact, act->env->arena);
	yt_buf_str_add(&fact, yt_outs[YT_OUT_TIER_WARNING].name);
	yt_buf_c(&fact, '\n');
	yt_buf_z(&fact, id);
	return yt_buf_str(&fact);
}

/* Nobody is warned of what will not be: the tier is met, is not lost any more, or is in no rule. */
static bool is_to_warn(const struct yt_act *act, const struct yt_tier *has)
{
	return has && has->period_ms && !has->keep && !is_met_at(act, has, warned_of(act));
}

static void send_warning(struct yt_act *act)
{
	struct yt_standing *s = &act->member->standing;
	struct yt_followup f = {
		.rule = YT_RULE_TIER,
		.kind = YT_STR("tier_warning"),
		.cause = s->cause,
		.fact = fact_of_warning(act),
		.due_at = s->warn_due,
		.send_by = s->falls_at,
	};

	if (yt_followup_send(act, &f) == YT_FOLLOWUP_WAITS)
		s->warn_at = f.wait_until;
	else
		s->warned = false;
}

/* Where warn_before is longer than the grace, this comes before the period ends: what is met by now may be refunded until then. */
static void warn(struct yt_act *act, const struct yt_tier *has)
{
	struct yt_standing *s = &act->member->standing;

	s->warn_at = 0;
	if (is_to_warn(act, has)) {
		if (!s->warned)
			say_warning(act, has);
		send_warning(act);
	} else if (!s->warned && s->judge_at && s->judge_at < s->falls_at) {
		s->warn_at = s->warn_due = s->judge_at;
	} else {
		s->warned = false;
	}
}

void yt_tier_fire(struct yt_act *act)
{
	const struct yt_standing *s = &act->member->standing;
	const struct yt_tier *has = section_of(act);

	if (s->judge_at && yt_standing_due(s) == s->judge_at)
		judge(act, has);
	else if (s->warn_at && yt_standing_due(s) == s->warn_at)
		warn(act, has);
	else
		fall(act, has);
}
