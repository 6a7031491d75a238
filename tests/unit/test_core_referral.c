/* Referrals over shards: every order in which the shards may come to decide what the topics and `internal` hold ends in the same facts, each output
 * leaves once, and no reward stands that its referral does not carry. Every member and every phone has a shard of its own here; what one sends to
 * another keeps its order, and so do the events of one topic of one member. Time stands still, and a hold of nothing ends when it likes. */
#include "unit/core_world.h"

#include "yutang/core/member.h"
#include "yutang/core/referral.h"

enum { QUEUES_MAX = 64, STEPS_MAX = 64, SCHEDULES_MAX = 8000, SENT_MAX = 64 };

#define T0 INT64_C(1790000000000)
#define NOW (T0 + INT64_C(864000000)) /* 10 d later */

#define RULES                                                                                       \
	WORLD_SHOP "[coupon \"friend\"]\npay_percent = 50\nvalid_for = 30d\n"                        \
	           "[coupon \"welcome\"]\namount_off = 300\nvalid_for = 30d\n"                       \
	           "[referral]\nreward_referrer = friend\nreward_invitee = welcome\nhold = 0s after paid\n"

struct told {
	int queue; /* topic and member */
	const char *type, *data;
};

struct scenario {
	const char *name, *rules;
	const struct told *events; /* ends with type NULL */
	void (*check)(struct world *w);
};

/* --- one schedule: choices, the last of them to be tried next. Of more than SCHEDULES_MAX so many more are tried at random. */

struct schedule {
	int choice[STEPS_MAX], of[STEPS_MAX];
	int depth;
	uint64_t seed; /* 0: one after the other */
};

static bool next_schedule(struct schedule *s)
{
	while (s->depth > 0 && s->choice[s->depth - 1] + 1 == s->of[s->depth - 1])
		s->depth--;
	if (s->depth == 0)
		return false;
	s->choice[s->depth - 1]++;
	return true;
}

static int choose(struct schedule *s, int step, int of)
{
	CHECK_MSG(step < STEPS_MAX, "it does not come to an end");
	if (s->seed) {
		s->seed ^= s->seed << 13;
		s->seed ^= s->seed >> 7;
		s->seed ^= s->seed << 17;
		return (int)(s->seed % (uint64_t)of);
	}
	if (step == s->depth) {
		s->choice[step] = 0;
		s->of[step] = of;
		s->depth++;
	}
	CHECK_INT(s->of[step], of); /* the same choices lead to the same place */
	return s->choice[step];
}

/* --- what may come next */

struct run {
	struct world w;
	const struct scenario *sc;
	bool done[STEPS_MAX]; /* of the events */
	struct {
		char *from, *to;
		struct world_sent s;
		bool done;
	} sent[SENT_MAX];
	int n_sent;
};

enum what { AN_EVENT, A_MESSAGE, A_TIMER };

struct next {
	enum what what;
	int index;
	struct world_entity *of;
};

static int possible(struct run *r, struct next *out)
{
	bool taken[QUEUES_MAX] = { false };
	struct world_entity *of;
	int n = 0;

	for (int k = 0; r->sc->events[k].type; k++) {
		if (!r->done[k] && !taken[r->sc->events[k].queue])
			out[n++] = (struct next){ AN_EVENT, k, NULL };
		taken[r->sc->events[k].queue] |= !r->done[k];
	}
	for (int k = 0; k < r->n_sent; k++) {
		bool first = !r->sent[k].done;

		for (int i = 0; i < k && first; i++)
			first = r->sent[i].done || strcmp(r->sent[i].from, r->sent[k].from) || strcmp(r->sent[i].to, r->sent[k].to);
		if (first)
			out[n++] = (struct next){ A_MESSAGE, k, NULL };
	}
	if (world_next_due(&r->w, &of) <= NOW)
		out[n++] = (struct next){ A_TIMER, 0, of };
	return n;
}

/* What the decision of that member or phone has sent. */
static void collect(struct run *r, const char *from)
{
	struct world *w = &r->w;

	for (size_t k = 0; k < w->n_sent; k++) {
		CHECK(r->n_sent < SENT_MAX);
		r->sent[r->n_sent].from = strdup(from);
		r->sent[r->n_sent].to = strndup(w->sent[k].key, w->sent[k].key_n);
		r->sent[r->n_sent].done = false;
		r->sent[r->n_sent++].s = w->sent[k];
	}
	w->n_sent = 0;
}

static void take(struct run *r, const struct next *x)
{
	struct world *w = &r->w;
	struct yt_state state;
	struct yt_decide_env env = world_env(w, &state);
	struct yt_decision d = { 0 };
	const struct yt_event *ev;
	char from[300];

	if (x->what == A_MESSAGE) {
		const struct world_sent *s = &r->sent[x->index].s;

		yt_decide_internal(&env, yt_str(s->key, s->key_n), yt_str(s->value, s->value_n), &d);
		CHECK_MSG(d.result == YT_APPLIED, "an internal event is taken: %s", d.detail);
		r->sent[x->index].done = true;
		snprintf(from, sizeof(from), "%s", r->sent[x->index].to);
	} else if (x->what == A_TIMER) {
		CHECK(yt_decide_due(&env, x->of->kind, yt_str(x->of->name, x->of->name_n)));
		snprintf(from, sizeof(from), "%.*s", (int)x->of->name_n, x->of->name);
	} else {
		char id[8];

		snprintf(id, sizeof(id), "e%d", x->index);
		ev = world_event(w, r->sc->events[x->index].type, id, NOW, r->sc->events[x->index].data);
		yt_decide(&env, ev, &d);
		CHECK_MSG(d.result != YT_DEAD, "%s", d.detail);
		r->done[x->index] = true;
		snprintf(from, sizeof(from), "s1/%.*s", YT_FMT(yt_event_text(ev, YT_F_MEMBER)));
	}
	world_decided(w);
	collect(r, from);
}

/* --- what must be so whatever the order */

static const struct yt_member *member(struct world *w, const char *id)
{
	char name[80];

	snprintf(name, sizeof(name), "s1/%s", id);
	return world_peek(w, YT_KIND_MEMBER, yt_str_z(name));
}

static const struct yt_referral *saga(struct world *w, const char *id)
{
	const struct yt_member *m = member(w, id);

	return m && m->refers ? m->refers->saga : NULL;
}

static int count(struct world *w, enum yt_out_type type, const char *id, const char *field, const char *value)
{
	int n = 0;

	for (size_t k = 0; k < w->n_outputs; k++) {
		const struct world_output *o = &w->outputs[k];
		const char *got = o->type == type && field ? world_data(w, o, field) : NULL;

		n += o->type == type && strcmp(world_data(w, o, "member"), id) == 0 && (!field || (got && strcmp(got, value) == 0));
	}
	return n;
}

/* Each reward of the newcomer's referral was taken back, once. */
static void none_stands(struct world *w, const char *newcomer)
{
	char of[80];

	snprintf(of, sizeof(of), "\"referral\":\"%s\"", newcomer);
	for (size_t k = 0; k < w->n_outputs; k++) {
		const struct world_output *o = &w->outputs[k];
		int revoked = 0;

		if (o->type != YT_OUT_COUPON_ISSUED || !strstr(o->value, of))
			continue;
		for (size_t i = k; i < w->n_outputs; i++)
			revoked += w->outputs[i].type == YT_OUT_COUPON_REVOKED && strcmp(world_data(w, &w->outputs[i], "coupon"), o->id) == 0;
		CHECK_MSG(revoked == 1, "taken back %d times: %s", revoked, o->value);
	}
}

/* `"role":"referrer"` and the order of a refused reward; the newcomer's own. */
static int refused(struct world *w, const char *order, const char *role)
{
	int n = 0;

	for (size_t k = 0; k < w->n_outputs; k++) {
		const struct world_output *o = &w->outputs[k];

		n += o->type == YT_OUT_COUPON_REFUSED && strcmp(world_data(w, o, "order"), order) == 0 && strcmp(world_data(w, o, "role"), role) == 0;
	}
	return n;
}

static void check_saga(struct world *w, const char *newcomer)
{
	const struct yt_referral *s = saga(w, newcomer);
	int voided = count(w, YT_OUT_REFERRAL_VOIDED, newcomer, NULL, NULL) - count(w, YT_OUT_REFERRAL_VOIDED, newcomer, "reason", "already_referred");
	int approved = count(w, YT_OUT_REFERRAL_APPROVED, newcomer, NULL, NULL);
	char reward[80], order[80];

	if (!s)
		return;
	CHECK_INT(voided, s->state == YT_SAGA_VOIDED);
	CHECK_MSG(approved <= 1, "approved %d times", approved);
	CHECK_MSG(s->state != YT_SAGA_JUDGING && s->state != YT_SAGA_GRANTING && s->state != YT_SAGA_HELD, "%s waits for ever in %d", newcomer, s->state);
	if (s->state == YT_SAGA_VOIDED)
		none_stands(w, newcomer);
	if (s->state == YT_SAGA_APPROVED) {
		CHECK_INT(approved, 1);
		snprintf(order, sizeof(order), "%.*s", YT_FMT(s->order));
		CHECK_INT(count(w, YT_OUT_COUPON_ISSUED, newcomer, "role", "invitee") + refused(w, order, "invitee"), 1);
		snprintf(reward, sizeof(reward), "\"referral\":\"%s\"},\"role\":\"referrer\"", newcomer);
		for (size_t k = 0; k < w->n_outputs; k++)
			approved -= w->outputs[k].type == YT_OUT_COUPON_ISSUED && strstr(w->outputs[k].value, reward);
		approved -= refused(w, order, "referrer");
		CHECK_MSG(approved == 0, "the referrer of %s has not one reward", newcomer);
	}
}

/* What a referrer counts are the sagas of those who name him. */
static void check_counts(struct world *w, const char *id)
{
	static const char *const all[] = { "n-1", "n-2", "r-1" };
	static const uint8_t levels[] = {
		[YT_SAGA_BOUND] = YT_LEVEL_BOUND,         [YT_SAGA_FLAGGED] = YT_LEVEL_QUALIFIED, [YT_SAGA_APPROVED] = YT_LEVEL_APPROVED,
		[YT_SAGA_VOIDED] = YT_LEVEL_NONE,
	};
	const struct yt_member *m = member(w, id);

	for (int level = YT_LEVEL_BOUND; level < YT_LEVEL__END; level++) {
		int64_t want = 0;

		for (int k = 0; k < 3; k++) {
			const struct yt_referral *s = saga(w, all[k]);

			want += s && yt_str_eq(member(w, all[k])->referrer, yt_str_z(id)) && levels[s->state] >= level;
		}
		CHECK_INT(m ? yt_member_referrals(m, (enum yt_level)level) : 0, want);
	}
}

static void check_all(struct world *w)
{
	for (size_t k = 0; k < w->n_outputs; k++) {
		for (size_t i = 0; i < k; i++)
			CHECK_MSG(strcmp(w->outputs[i].id, w->outputs[k].id), "left twice: %s", w->outputs[k].value);
	}
	check_saga(w, "n-1");
	check_saga(w, "n-2");
	check_counts(w, "r-1");
	check_counts(w, "n-1");
}

/* Facts that no order of decisions may change. */
static void add_facts(struct world *w, struct yt_buf *out)
{
	static const char *const fields[] = { "referrer", "paid_orders", "paid_amount", "refunded_amount", "net_amount", "first_paid_at" };
	static const char *const names[] = { "s1/n-1", "s1/n-2", "s1/r-1" };

	for (int k = 0; k < 3; k++) {
		for (size_t f = 0; f < sizeof(fields) / sizeof(*fields); f++) {
			const char *value = member(w, names[k] + 3) ? world_field(w, YT_KIND_MEMBER, names[k], 0, fields[f]) : NULL;

			yt_buf_printf(out, "%s %s=%s\n", names[k], fields[f], value ? value : "-");
		}
	}
}

/* --- all schedules */

/* What was decided already changes nothing when it comes again: what has been seen of a referral is not seen again. A quota knows no sagas. */
static void tell_all_again(struct run *r)
{
	size_t outputs = r->w.n_outputs;
	struct next again = { A_MESSAGE, 0, NULL };

	for (again.index = 0; again.index < r->n_sent; again.index++) {
		if (!strstr(r->sent[again.index].to, "/~quota:") && !strstr(r->sent[again.index].from, "/~quota:"))
			take(r, &again);
	}
	CHECK_MSG(r->w.n_outputs == outputs, "told again, this leaves: %s", r->w.outputs[outputs].value);
	check_all(&r->w);
}

static void run_one(const struct scenario *sc, const struct yt_ruleset *rules, struct schedule *s, struct yt_buf *facts)
{
	struct run r = { .sc = sc };
	struct next next[QUEUES_MAX];
	int n;

	world_init(&r.w, NULL);
	r.w.rules = rules;
	r.w.now = NOW;
	for (int step = 0; (n = possible(&r, next)); step++)
		take(&r, &next[choose(s, step, n)]);
	check_all(&r.w);
	sc->check(&r.w);
	tell_all_again(&r);
	yt_buf_clear(facts);
	add_facts(&r.w, facts);
	for (int k = 0; k < r.n_sent; k++) {
		free(r.sent[k].from);
		free(r.sent[k].to);
		free(r.sent[k].s.key);
		free(r.sent[k].s.value);
	}
	world_deinit(&r.w);
}

static void explore(const struct scenario *sc)
{
	struct schedule s = { .depth = 0 };
	struct yt_buf first, facts;
	struct world rules;
	int n = 0;

	world_init(&rules, sc->rules);
	yt_buf_init(&first, NULL);
	yt_buf_init(&facts, NULL);
	do {
		run_one(sc, rules.rules, &s, n ? &facts : &first);
		CHECK_MSG(!n || yt_str_eq(yt_buf_str(&facts), yt_buf_str(&first)), "%s: facts differ: %.*s, at first %.*s", sc->name, YT_FMT(yt_buf_str(&facts)),
		          YT_FMT(yt_buf_str(&first)));
		if (++n == SCHEDULES_MAX)
			s.seed = 88172645463325252u;
	} while (s.seed ? n < 2 * SCHEDULES_MAX : next_schedule(&s));
	printf("# %s: %d schedules%s\n", sc->name, n, s.seed ? ", not all" : "");
	yt_buf_deinit(&first);
	yt_buf_deinit(&facts);
	world_deinit(&rules);
}

#define AT(hours) (long long)(T0 + (hours) * INT64_C(3600000))
#define BOUND(q, n, r, at) { q, "referral.bound", "{\"referrer\":\"" r "\",\"member\":\"" n "\",\"bound_at\":" at "}" }
#define PAID(q, n, o, at, more) \
	{ q, "order.paid", "{\"order\":\"" o "\",\"member\":\"" n "\",\"paid_at\":" at ",\"amount\":1000,\"currency\":\"CNY\",\"items\":[]" more "}" }
#define REFUNDED(q, n, o) { q, "order.refunded", "{\"order\":\"" o "\",\"member\":\"" n "\",\"refund\":\"f\",\"refunded_at\":1790500000000,\"amount\":1000}" }
#define COMMAND(q, type, n, r) { q, type, "{\"referrer\":\"" r "\",\"member\":\"" n "\",\"by\":\"ann\"}" }
#define END { 0, NULL, NULL }

static bool is_voided(struct world *w, const char *id, const char *reason)
{
	return saga(w, id) && saga(w, id)->state == YT_SAGA_VOIDED && count(w, YT_OUT_REFERRAL_VOIDED, id, "reason", reason) == 1;
}

static void check_approved(struct world *w)
{
	/* An order that we learn of before the binding qualifies nothing. */
	CHECK(saga(w, "n-1")->state == YT_SAGA_APPROVED || saga(w, "n-1")->state == YT_SAGA_BOUND);
}

TEST(what_is_told_twice_counts_once)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), BOUND(0, "n-1", "r-1", "1790000000000"), PAID(1, "n-1", "o-1", "1790100000000", ""),
		PAID(1, "n-1", "o-1", "1790100000000", ""), BOUND(2, "n-1", "r-1", "1790000000000"), END,
	};

	explore(&(struct scenario){ "doubles", RULES, events, check_approved });
}

/* Where the newcomer's order came first there was nothing to void. */
static void check_refunded(struct world *w)
{
	CHECK(is_voided(w, "n-1", "order_refunded") || saga(w, "n-1")->state == YT_SAGA_BOUND);
	CHECK(count(w, YT_OUT_COUPON_USED, "r-1", NULL, NULL) == count(w, YT_OUT_COUPON_REVOKED, "r-1", "debt", "1000"));
}

/* The code of the referrer's reward for o-1; he may try it before he has it. */
static const char *reward_code(void)
{
	static char code[13];
	unsigned char key[32];
	char id[33];

	for (int k = 0; k < 32; k++)
		key[k] = (unsigned char)k;
	yt_output_id(YT_OUT_COUPON_ISSUED, YT_S("s1"), YT_S("r-1"), YT_S("~referral"), YT_S("order.paid\no-1"), 0, id);
	yt_coupon_code(key, yt_str(id, 32), code);
	return code;
}

TEST(a_refund_against_the_grant_and_the_use_of_what_was_granted)
{
	char data[300];
	struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), PAID(1, "n-1", "o-1", "1790100000000", ""), REFUNDED(1, "n-1", "o-1"),
		{ 2, "order.paid", data }, END,
	};

	snprintf(data, sizeof(data),
	         "{\"order\":\"o-9\",\"member\":\"r-1\",\"paid_at\":%lld,\"amount\":1000,\"currency\":\"CNY\",\"items\":[],\"coupons\":[\"%s\"]}", (long long)NOW,
	         reward_code());
	explore(&(struct scenario){ "refund against grant", RULES, events, check_refunded });
}

static void check_no_newcomer(struct world *w)
{
	CHECK(is_voided(w, "n-1", "not_a_newcomer"));
}

TEST(an_older_order_that_we_learn_of_later)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), PAID(1, "n-1", "o-1", "1790100000000", ""), PAID(1, "n-1", "o-0", "1789000000000", ""),
		PAID(2, "r-1", "o-9", "1790100000000", ""), END,
	};

	explore(&(struct scenario){ "late older order", RULES, events, check_no_newcomer });
}

static void check_staff(struct world *w)
{
	const struct yt_referral *s = saga(w, "n-1");
	bool voided = is_voided(w, "n-1", "by_staff");

	CHECK(voided || s->state == YT_SAGA_BOUND || s->state == YT_SAGA_APPROVED || s->state == YT_SAGA_FLAGGED);
	/* A command that came to something was the last word. */
	CHECK(count(w, YT_OUT_REFERRAL_VOIDED, "n-1", "rule", "~staff") == voided);
}

TEST(staff_approves_and_voids_a_flagged_one)
{
	static const struct told events[] = {
		PAID(0, "r-1", "o-9", "1790000000000", ",\"buyer\":{\"device\":\"d\"}"), BOUND(1, "n-1", "r-1", "1790000000000"),
		PAID(2, "n-1", "o-1", "1790100000000", ",\"buyer\":{\"device\":\"d\"}"), COMMAND(3, "referral.approve", "n-1", "r-1"),
		COMMAND(4, "referral.void", "n-1", "r-1"), END,
	};

	explore(&(struct scenario){ "staff", RULES "same_device = flag\n", events, check_staff });
}

static void check_phones(struct world *w)
{
	/* o-1 was paid first: whoever asks first, it is n-1's phone. */
	CHECK(saga(w, "n-1")->state == YT_SAGA_APPROVED || saga(w, "n-1")->state == YT_SAGA_BOUND);
	CHECK(saga(w, "n-2")->state != YT_SAGA_VOIDED || is_voided(w, "n-2", "reregistered"));
}

TEST(two_newcomers_with_one_phone)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), PAID(1, "n-1", "o-1", "1790100000000", ",\"buyer\":{\"phone\":\"p\"}"),
		BOUND(2, "n-2", "r-1", "1790000000000"), PAID(2, "n-2", "o-2", "1790200000000", ",\"buyer\":{\"phone\":\"p\"}"), END,
	};

	explore(&(struct scenario){ "one phone", RULES "reregistered = reject\n", events, check_phones });
}

static void check_loop(struct world *w)
{
	int loops = count(w, YT_OUT_REFERRAL_VOIDED, "n-1", "reason", "loop") + count(w, YT_OUT_REFERRAL_VOIDED, "n-2", "reason", "loop");

	CHECK_MSG(loops == 1, "%d of the two are voided", loops);
}

TEST(of_two_who_refer_each_other_one_is_voided)
{
	static const struct told events[] = { BOUND(0, "n-1", "n-2", "1790000000000"), BOUND(1, "n-2", "n-1", "1790000003000"), END };
	static const struct told same_time[] = { BOUND(0, "n-1", "n-2", "1790000000000"), BOUND(1, "n-2", "n-1", "1790000000000"), END };

	explore(&(struct scenario){ "loop", RULES, events, check_loop });
	explore(&(struct scenario){ "loop at one instant", RULES, same_time, check_loop });
}

static void check_cap(struct world *w)
{
	int approved = count(w, YT_OUT_REFERRAL_APPROVED, "n-1", NULL, NULL) + count(w, YT_OUT_REFERRAL_APPROVED, "n-2", NULL, NULL);
	int capped = is_voided(w, "n-1", "referrer_cap") + is_voided(w, "n-2", "referrer_cap");

	CHECK_INT(approved, 1);
	CHECK_INT(capped, 1);
}

static void check_loop_of_buyers(struct world *w)
{
	int loops = count(w, YT_OUT_REFERRAL_VOIDED, "n-1", "reason", "loop") + count(w, YT_OUT_REFERRAL_VOIDED, "n-2", "reason", "loop");

	/* Who bought before he was bound may be none of the two. */
	CHECK_MSG(loops <= 1, "%d of the two are voided", loops);
}

TEST(two_who_refer_each_other_and_buy_at_once)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "n-2", "1790000000000"), PAID(0, "n-1", "o-1", "1790100000000", ""), BOUND(1, "n-2", "n-1", "1790000003000"),
		PAID(1, "n-2", "o-2", "1790100000000", ""), END,
	};

	explore(&(struct scenario){ "loop that buys", RULES, events, check_loop_of_buyers });
}

TEST(the_cap_of_the_referrer_lets_one_of_two_through)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), PAID(0, "n-1", "o-1", "1790100000000", ""), BOUND(1, "n-2", "r-1", "1790000000000"),
		PAID(1, "n-2", "o-2", "1790100000000", ""), END,
	};

	explore(&(struct scenario){ "cap", RULES "referrer_cap = 1 per 30d\n", events, check_cap });
}

static void check_other(struct world *w)
{
	CHECK_INT(count(w, YT_OUT_REFERRAL_VOIDED, "n-1", "reason", "already_referred"), 2);
	CHECK_INT(count(w, YT_OUT_REFERRAL_VOIDED, "n-1", NULL, NULL), 2 + is_voided(w, "n-1", "order_refunded"));
}

TEST(another_referrer_named_at_any_time)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), BOUND(0, "n-1", "r-2", "1790000001000"), PAID(1, "n-1", "o-1", "1790100000000", ""),
		BOUND(0, "n-1", "r-3", "1790000002000"), BOUND(0, "n-1", "r-2", "1790000002000"), REFUNDED(1, "n-1", "o-1"), END,
	};

	explore(&(struct scenario){ "another referrer", RULES, events, check_other });
}

/* Coupons of the template that stand, each with its unit; nothing is on its way. */
static void check_quota(struct world *w, const char *template, int limit)
{
	static const char *const all[] = { "n-1", "n-2", "r-1" };
	char name[80];
	int stand = 0, held;

	for (size_t k = 0; k < w->n_outputs; k++) {
		const struct world_output *o = &w->outputs[k];

		if (o->type == YT_OUT_COUPON_ISSUED || o->type == YT_OUT_COUPON_REVOKED)
			stand += strcmp(world_data(w, o, "template"), template) ? 0 : o->type == YT_OUT_COUPON_ISSUED ? 1 : -1;
	}
	snprintf(name, sizeof(name), "s1/%s", template);
	held = world_field(w, YT_KIND_QUOTA, name, 0, "outstanding") ? atoi(world_field(w, YT_KIND_QUOTA, name, 0, "outstanding")) : 0;
	CHECK_MSG(held == stand, "%d of %s stand and %d units are held", stand, template, held);
	CHECK(stand <= limit);
	for (int k = 0; k < 3; k++)
		CHECK(!member(w, all[k]) || !member(w, all[k])->claims.n);
}

#define SCARCE                                                                                       \
	WORLD_SHOP "[coupon \"friend\"]\namount_off = 500\nvalid_for = 30d\nbudget = 500\n"           \
	           "[coupon \"welcome\"]\namount_off = 300\nvalid_for = 30d\nlimit_total = 1\n"       \
	           "[referral]\nreward_referrer = friend\nreward_invitee = welcome\nhold = 0s after paid\n"

static void check_scarce(struct world *w)
{
	check_quota(w, "friend", 1);
	check_quota(w, "welcome", 1);
}

TEST(rewards_with_a_quota_against_a_refund)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), PAID(0, "n-1", "o-1", "1790100000000", ""), REFUNDED(1, "n-1", "o-1"), END,
	};

	explore(&(struct scenario){ "quota against refund", SCARCE, events, check_scarce });
}

TEST(two_newcomers_want_the_last_rewards_and_one_of_them_is_voided)
{
	static const struct told events[] = {
		BOUND(0, "n-1", "r-1", "1790000000000"), PAID(0, "n-1", "o-1", "1790100000000", ""), BOUND(1, "n-2", "r-1", "1790000000000"),
		PAID(1, "n-2", "o-2", "1790100000000", ""), COMMAND(2, "referral.void", "n-1", "r-1"), END,
	};

	explore(&(struct scenario){ "the last rewards", SCARCE, events, check_scarce });
}

TEST_MAIN
{
	RUN(what_is_told_twice_counts_once);
	RUN(a_refund_against_the_grant_and_the_use_of_what_was_granted);
	RUN(an_older_order_that_we_learn_of_later);
	RUN(staff_approves_and_voids_a_flagged_one);
	RUN(two_newcomers_with_one_phone);
	RUN(rewards_with_a_quota_against_a_refund);
	RUN(two_newcomers_want_the_last_rewards_and_one_of_them_is_voided);
	RUN(of_two_who_refer_each_other_one_is_voided);
	RUN(two_who_refer_each_other_and_buy_at_once);
	RUN(the_cap_of_the_referrer_lets_one_of_two_through);
	RUN(another_referrer_named_at_any_time);
}
