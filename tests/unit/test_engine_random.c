/* Random histories under random faults end as they do without one: the same outputs, each once, and the same state (I1, I2, I8, I10).
 * A failure names its seed; YUTANG_SEED=n runs that seed alone, YUTANG_SEEDS=n that many. */
#include "unit/engine_world.h"

#include "yutang/event/output.h"

enum { EVENTS_MAX = 400, MEMBERS = 14, ORDERS_MAX = 200 };

enum { F_ABORT = 1, F_LOST = 2, F_CRASH = 4, F_REBALANCE = 8, F_VIEW = 16, F_SMALL = 32, F_RELOAD = 64, F_ALL = 127 };

/* --- chance */

struct chance {
	uint64_t s;
};

static uint32_t draw(struct chance *c)
{
	c->s ^= c->s << 13;
	c->s ^= c->s >> 7;
	c->s ^= c->s << 17;
	return (uint32_t)(c->s >> 32);
}

static bool one_in(struct chance *c, uint32_t n)
{
	return draw(c) % n == 0;
}

static struct chance chance(uint64_t seed)
{
	struct chance c = { seed * UINT64_C(0x9e3779b97f4a7c15) + 1 };

	for (int k = 0; k < 8; k++)
		draw(&c);
	return c;
}

/* --- histories */

struct put {
	int input, shard;
	const char *value;
};

struct order {
	char id[16], member[16], code[13];
	int64_t time;
	int input, shard, refunds;
};

struct history {
	struct ew *w; /* for its arena and its counters */
	struct chance c;
	struct put puts[EVENTS_MAX];
	size_t n;
	struct order orders[ORDERS_MAX];
	size_t n_orders;
	int64_t time;
	bool misplaced; /* some members' records lie elsewhere, and rules must not mind the order of arrival among topics */
};

static const unsigned char code_key[32] = "a key for codes, not a secret..";

static const char *member_name(struct history *h, uint32_t k)
{
	return yt_arena_printf(&h->w->arena, "p-%u", k % MEMBERS).p;
}

/* Where the records of a member lie: misplaced ones always on the same wrong shard, so that each topic keeps their order. */
static int place(struct history *h, const char *member)
{
	int p = ew_shard_of(h->w, member);
	uint64_t f = yt_hash64(yt_str_z(member));

	return h->misplaced && f % 3 == 0 ? (p + 1 + (int)(f / 3 % (EW_SHARDS - 1))) % EW_SHARDS : p;
}

static void put(struct history *h, int input, int shard, const char *value)
{
	if (h->n < EVENTS_MAX)
		h->puts[h->n++] = (struct put){ input, shard, value };
}

static void put_order(struct history *h, const char *member)
{
	struct order *o = &h->orders[h->n_orders];
	struct order *used = NULL;
	struct yt_arena *a = &h->w->arena;
	char id[33];

	if (h->n_orders == ORDERS_MAX)
		return;
	*o = (struct order){ .time = h->time, .input = EW_ORDERS, .shard = place(h, member) };
	snprintf(o->id, sizeof o->id, "o-%zu", h->n_orders);
	snprintf(o->member, sizeof o->member, "%s", member);
	yt_output_id(YT_OUT_COUPON_ISSUED, YT_S("s1"), yt_str_z(o->member), YT_S("thanks"), yt_arena_printf(a, "order.paid\n%s", o->id), 0, id);
	yt_coupon_code(code_key, yt_str_z(id), o->code);
	for (size_t k = h->n_orders; !h->misplaced && k-- > 0;)
		if (strcmp(h->orders[k].member, member) == 0 && one_in(&h->c, 2)) {
			used = &h->orders[k];
			break;
		}
	h->n_orders++;
	put(h, o->input, o->shard,
	    ew_event(h->w, "order.paid", h->time,
	             yt_arena_printf(a, "{\"order\":\"%s\",\"member\":\"%s\",\"paid_at\":%" PRId64 ",\"amount\":%u,\"currency\":\"CNY\",\"items\":[{\"sku\":\"x\",\"quantity\":"
	                                "%u,\"amount\":1}],\"coupons\":[%s%s%s],\"buyer\":{\"phone\":\"%u\",\"device\":\"%u\"}}",
	                             o->id, o->member, h->time - draw(&h->c) % 5000, 100 + draw(&h->c) % 900, 1 + draw(&h->c) % 3, used ? "\"" : "",
	                             used ? used->code : "", used ? "\"" : "", draw(&h->c) % 200, draw(&h->c) % 100).p));
}

static void put_referral(struct history *h, const char *member)
{
	struct yt_arena *a = &h->w->arena;
	const char *referrer = member_name(h, draw(&h->c));
	uint32_t k = draw(&h->c) % 4;

	if (k < 3)
		put(h, EW_GROUPS, place(h, member),
		    ew_event(h->w, "referral.bound", h->time,
		             yt_arena_printf(a, "{\"referrer\":\"%s\",\"member\":\"%s\",\"bound_at\":%" PRId64 "}", referrer, member,
		                             h->time - draw(&h->c) % (uint32_t)(2 * EW_DAY)).p));
	else
		put(h, EW_GROUPS, place(h, member),
		    ew_event(h->w, draw(&h->c) % 2 ? "referral.approve" : "referral.void", h->time,
		             yt_arena_printf(a, "{\"referrer\":\"%s\",\"member\":\"%s\",\"by\":\"ann\"}", referrer, member).p));
}

static int order_shard(const char *order)
{
	char key[64];

	snprintf(key, sizeof key, "s1/~order:%s", order);
	return yt_partition(yt_str_z(key), EW_SHARDS);
}

/* Whose the order is. */
static void put_alias(struct history *h, const struct order *o)
{
	put(h, EW_ORDERS, order_shard(o->id),
	    ew_event(h->w, "alias.bound", h->time, yt_arena_printf(&h->w->arena, "{\"alias\":\"order:%s\",\"member\":\"%s\"}", o->id, o->member).p));
}

/* Names no member. Often nobody has said yet whose the order is, or never does. */
static void put_nameless(struct history *h)
{
	struct order *o;

	if (!h->n_orders)
		return;
	o = &h->orders[draw(&h->c) % h->n_orders];
	put(h, EW_ORDERS, order_shard(o->id),
	    ew_event(h->w, "order.refunded", h->time,
	             yt_arena_printf(&h->w->arena, "{\"order\":\"%s\",\"refund\":\"r-%d\",\"refunded_at\":%" PRId64 ",\"amount\":20}", o->id, ++o->refunds,
	                             h->time).p));
	if (one_in(&h->c, 2))
		put_alias(h, o);
}

static void put_step(struct history *h)
{
	static const char *const types[] = { "order.shipped", "order.signed", "order.cancelled" };
	static const char *const fields[] = { "shipped_at", "signed_at", "cancelled_at" };
	struct yt_arena *a = &h->w->arena;
	struct order *o;
	uint32_t k = draw(&h->c) % 8;

	if (!h->n_orders)
		return;
	o = &h->orders[draw(&h->c) % h->n_orders];
	if (k < 3)
		put(h, o->input, o->shard,
		    ew_event(h->w, types[k], h->time,
		             yt_arena_printf(a, "{\"order\":\"%s\",\"member\":\"%s\",\"%s\":%" PRId64 "}", o->id, o->member, fields[k], h->time).p));
	else
		put(h, o->input, o->shard,
		    ew_event(h->w, "order.refunded", h->time,
		             yt_arena_printf(a, "{\"order\":\"%s\",\"member\":\"%s\",\"refund\":\"r-%d\",\"refunded_at\":%" PRId64 ",\"amount\":%d}", o->id, o->member,
		                             ++o->refunds, h->time, k < 5 ? 30 : 100000).p));
}

static void put_place(struct history *h, const char *member)
{
	static const char *const types[] = { "group.joined", "group.left", "contact.added", "contact.removed" };
	static const char *const fields[] = { "group\":\"g", "group\":\"g", "account\":\"a", "account\":\"a" };
	static const char *const ats[] = { "joined_at", "left_at", "added_at", "removed_at" };
	uint32_t k = draw(&h->c) % 4;

	put(h, EW_GROUPS, place(h, member),
	    ew_event(h->w, types[k], h->time,
	             yt_arena_printf(&h->w->arena, "{\"%s-%u\",\"member\":\"%s\",\"%s\":%" PRId64 "}", fields[k], draw(&h->c) % 3, member, ats[k], h->time).p));
}

static void put_bad(struct history *h)
{
	static const char *const bad[] = { "", "{", "[]", "{\"specversion\":\"1.0\"}", "\xff\xfe" };
	uint32_t k = draw(&h->c) % 7;

	put(h, (int)(draw(&h->c) % 2), (int)(draw(&h->c) % EW_SHARDS),
	    k < 5 ? bad[k] : ew_event(h->w, k == 5 ? "order.paid" : "order.praised", h->time, "{\"order\":7,\"member\":\"p-1\"}"));
}

static void make(struct history *h, struct ew *w, uint64_t seed, bool misplaced)
{
	size_t n = EVENTS_MAX - 60;

	*h = (struct history){ .w = w, .c = chance(seed), .time = EW_T0, .misplaced = misplaced };
	while (h->n < n) {
		const char *m = member_name(h, draw(&h->c));
		uint32_t k = draw(&h->c) % 20;
		int64_t now = h->time;

		if (!misplaced && one_in(&h->c, 15))
			h->time -= draw(&h->c) % (uint32_t)(EW_DAY); /* told late */
		if (k < 7)
			put_order(h, m);
		else if (k == 10 && misplaced) /* they go over two shards: with `clock = event` the life of an order would hang on where a batch ends */
			put_nameless(h);
		else if (k < 11)
			put_step(h);
		else if (k < 15)
			put_place(h, m);
		else if (k < 17)
			put_referral(h, m);
		else if (k < 18)
			put_bad(h);
		else if (h->n) { /* again, word for word or under another envelope id */
			struct put p = h->puts[draw(&h->c) % h->n];

			put(h, p.input, p.shard, p.value);
		}
		h->time = now + (one_in(&h->c, 30) ? draw(&h->c) % (uint32_t)(4 * EW_DAY) : draw(&h->c) % (uint32_t)(20 * EW_MIN));
	}
}

/* --- runs */

/* Rules with much to remember: what is due, what is limited, what is done once. */
static const char rules_rich[] =
	"[ruleset]\nname = t\nrevision = 3\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"
	"[coupon \"half\"]\npay_percent = 50\nvalid_for = 72h\nremind_before = 24h\nlimit_per_period = 2 per 30d\n"
	"[coupon \"other\"]\namount_off = 100\nvalid_for = 30d\nvalid_to_end_of_day = yes\nlimit_total = 1000\n"
	"[rule \"thanks\"]\non = order.paid\nissue = half\n"
	"[rule \"ladder\"]\non = order.paid\nwhen = order.nth == 2\nissue = other\n"
	"[rule \"welcome\"]\non = group.joined\nonce = per member\nfollow_up = welcome\nsend_by = 5m\n"
	"[rule \"nudge\"]\non = group.joined\nafter = 10m\nstill = member.accounts == 0 && member.groups > 0\nfollow_up = nudge\n"
	"[rule \"recall\"]\non = contact.added, group.joined\nwhen = member.paid_orders > 0 && member.groups > 0\nonce = per member\nissue = other\n"
	"[rule \"review\"]\non = order.signed\nafter = 7d\nstill = !order.refunded\nfollow_up = order_review\n"
	"[referral]\nhold = 1d after signed, 3d after paid\nreward_referrer = other\nreward_invitee = half\nreferrer_cap = 3 per 3d\n"
	"same_phone = reject\nsame_device = flag\nreregistered = flag\nvelocity = 3 per 1d\n"
	"[rule \"star\"]\non = referral.qualified, referral.approved\nto = both\nfollow_up = star\n";

/* Rules whose outputs do not depend on the order in which topics arrive. */
static const char rules_plain[] =
	"[ruleset]\nname = t\nrevision = 3\n[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\n"
	"[coupon \"half\"]\npay_percent = 50\nvalid_for = 72h\nremind_before = 24h\n"
	"[rule \"thanks\"]\non = order.paid\nissue = half\n"
	"[rule \"welcome\"]\non = group.joined\nfollow_up = welcome\n"
	"[rule \"nudge\"]\non = group.joined\nafter = 10m\nstill = member.groups > 0\nfollow_up = nudge\n"
	"[rule \"added\"]\non = contact.added\nafter = 1h\nfollow_up = added\n"
	"[rule \"review\"]\non = order.signed\nafter = 7d\nstill = !order.refunded\nfollow_up = order_review\n";

static struct {
	int (*poll)(void *ctx, int max_records);
	struct yt_log *port;
	struct chance c;
	bool small;
} wrapped;

static int poll_few(void *ctx, int max_records)
{
	int few = wrapped.small ? 1 + (int)(draw(&wrapped.c) % 3) : max_records;

	return wrapped.poll(ctx, few < max_records ? few : max_records);
}

static void wrap(struct ew *w, uint64_t seed, bool small)
{
	wrapped.port = yt_memlog_port(w->mem);
	if (wrapped.port->poll != poll_few)
		wrapped.poll = wrapped.port->poll;
	wrapped.port->poll = poll_few;
	wrapped.c = chance(seed + 77);
	wrapped.small = small;
}

struct result {
	char **outs; /* committed outputs and dead letters, sorted */
	size_t n, cap;
	struct ew_dump state;
	char **seen; /* the view's hashes of members and days */
	size_t n_seen, cap_seen;
	uint64_t aborted, lost, reused, forwarded, crashed;
};

static void take_stats(struct result *r, struct ew *w)
{
	const struct yt_engine_stats *s = yt_engine_stats(w->e);

	r->aborted += s->aborted;
	r->lost += s->lost;
	r->reused += s->reused_shards;
	r->forwarded += s->forwarded;
}

/* One turn, with what may befall it. */
static void turn(struct ew *w, struct chance *c, int faults, struct result *r)
{
	enum yt_outcome o = YT_COMMITTED;

	if (faults & F_ABORT && one_in(c, 4))
		o = YT_ABORTED;
	else if (faults & F_LOST && one_in(c, 12))
		o = YT_LOST;
	yt_memlog_outcomes(w->mem, &o, 1, one_in(c, 2));
	if (faults & F_REBALANCE && one_in(c, 60))
		yt_memlog_rebalance(w->mem);
	/* The same rules, at another place in memory. */
	if (faults & F_RELOAD && one_in(c, 6)) {
		w->rules = ew_parse(w, yt_str_z(w->rules_text));
		yt_engine_reload(w->e, w->rules);
	}
	if (faults & F_VIEW) {
		if (one_in(c, 10))
			w->fv.away = !w->fv.away;
		if (one_in(c, 10))
			w->fv.hold = !w->fv.hold;
		if (one_in(c, 50))
			fv_empty(&w->fv);
	}
	if (faults & F_CRASH && one_in(c, 150)) {
		take_stats(r, w);
		r->crashed++;
		ew_crash(w);
	}
	ew_turn(w);
	ew_pass(w, 1);
}

static void calm(struct ew *w)
{
	enum yt_outcome o = YT_COMMITTED;

	yt_memlog_outcomes(w->mem, &o, 1, true);
	w->fv.away = w->fv.hold = false;
}

static void keep_outs(struct result *r, struct ew *w, bool ids_only)
{
	const struct yt_mem_message *m;
	size_t n = yt_memlog_committed(w->mem, &m);

	for (size_t k = 0; k < n; k++) {
		struct yt_buf b;

		if (m[k].dest < YT_TO_DEAD)
			continue;
		yt_buf_init(&b, &w->arena);
		if (m[k].dest == YT_TO_DEAD) {
			yt_buf_printf(&b, "dead %s %s %s %s %.*s", ew_header(&m[k], "dl_topic"), ew_header(&m[k], "dl_partition"), ew_header(&m[k], "dl_offset"),
			              ew_header(&m[k], "dl_reason"), YT_FMT(m[k].value));
		} else if (ids_only) {
			const cJSON *root;

			CHECK(yt_json_parse(&w->arena, m[k].value, 0, 0, &root, NULL) == YT_JSON_OK);
			yt_buf_printf(&b, "%.*s %.*s", YT_FMT(yt_json_text(yt_json_get(root, "type"))), YT_FMT(yt_json_text(yt_json_get(root, "id"))));
		} else {
			yt_buf_printf(&b, "%d %.*s", m[k].dest, YT_FMT(m[k].value));
		}
		FL_GROW(r->outs, r->n, r->cap);
		r->outs[r->n++] = strndup(b.p, b.n);
	}
	if (r->n)
		qsort(r->outs, r->n, sizeof *r->outs, ew_by_text);
}

struct seeing {
	struct result *r;
	struct ew *w;
};

static void see_one(void *ctx, int shard, struct yt_str key, struct yt_str value, uint64_t version)
{
	struct seeing *s = ctx;
	struct yt_str name;
	int kind = yt_entity_kind(key, &name);
	struct yt_view_hash h[YT_VIEW_HASHES_MAX];
	struct yt_arena *a = &s->w->arena;
	size_t n;

	(void)shard;
	(void)version;
	if (kind == YT_KIND_ORDER)
		return; /* its nth goes by arrival */
	n = yt_view_render(a, (enum yt_kind)kind, name, yt_entities[kind].decode(a, name, value), true, h);
	for (size_t i = 0; i < n; i++)
		for (size_t f = 0; f < h[i].n; f++) {
			FL_GROW(s->r->seen, s->r->n_seen, s->r->cap_seen);
			s->r->seen[s->r->n_seen++] =
				strdup(yt_arena_printf(a, "%.*s %.*s=%.*s", YT_FMT(h[i].suffix), YT_FMT(h[i].fields[2 * f]), YT_FMT(h[i].fields[2 * f + 1])).p);
		}
}

static void result_free(struct result *r)
{
	for (size_t k = 0; k < r->n; k++)
		free(r->outs[k]);
	for (size_t k = 0; k < r->n_seen; k++)
		free(r->seen[k]);
	free(r->outs);
	free(r->seen);
	ew_dump_free(&r->state);
}

static void same(const char *what, char **got, size_t n_got, char **want, size_t n_want)
{
	size_t g = 0, w = 0;

	while (g < n_got || w < n_want) {
		int c = g == n_got ? 1 : w == n_want ? -1 : strcmp(got[g], want[w]);

		if (c < 0)
			yt_test_fail(__FILE__, __LINE__, "%s: too much: %.600s (in all %zu, %zu without faults)", what, got[g], n_got, n_want);
		if (c > 0)
			yt_test_fail(__FILE__, __LINE__, "%s: lacks: %.600s (in all %zu, %zu without faults)", what, want[w], n_got, n_want);
		g++;
		w++;
	}
}

static void put_all(struct ew *w, const struct history *h)
{
	for (size_t k = 0; k < h->n; k++)
		ew_put(w, h->puts[k].input, h->puts[k].shard, h->puts[k].value);
}

/* The clock of the events: all of it before the first turn; then time runs on for 40 days. */
static void run_event(uint64_t seed, int faults, struct result *r)
{
	struct ew w;
	struct history h;
	struct chance c = chance(seed + 1000);

	*r = (struct result){ 0 };
	ew_init_rules(&w, EW_MEM | EW_EVENT | EW_VIEW, rules_rich);
	w.conf.code_key = code_key;
	wrap(&w, seed, faults & F_SMALL);
	make(&h, &w, seed, false);
	put_all(&w, &h);
	for (int k = 0; k < 800 && !yt_engine_idle(w.e); k++)
		turn(&w, &c, faults, r);
	calm(&w);
	for (int k = 0; k < 1000 && !yt_engine_idle(w.e); k++) {
		ew_turn(&w);
		ew_pass(&w, 1000);
	}
	CHECK_MSG(yt_engine_idle(w.e), "it does not come to an end");
	yt_engine_run_until(w.e, h.time + 40 * EW_DAY);
	for (int k = 0; k < 20; k++)
		turn(&w, &c, faults & F_ABORT, r);
	calm(&w);
	ew_settle(&w);
	ew_pass(&w, 10000);
	ew_settle(&w);
	CHECK_INT(w.fatals, 0);
	ew_view_is_current(&w);
	keep_outs(r, &w, false);
	r->state = ew_dump(&w, h.time + 40 * EW_DAY, false);
	take_stats(r, &w);
	ew_deinit(&w);
}

/* The wall clock stands while all of it is decided; then it goes on by the hour for ten days. */
static void run_wall(uint64_t seed, int faults, struct result *r)
{
	struct ew w;
	struct history h;
	struct chance c = chance(seed + 1000);
	struct seeing see = { r, &w };
	int64_t stopped;

	*r = (struct result){ 0 };
	ew_init_rules(&w, EW_MEM | EW_VIEW, rules_plain);
	wrap(&w, seed, faults & F_SMALL);
	make(&h, &w, seed, true);
	w.wall = EW_T0 + 60 * EW_DAY + 12 * EW_HOUR + EW_MIN;
	stopped = w.wall;
	put_all(&w, &h);
	for (int k = 0; k < 200; k++) {
		turn(&w, &c, faults, r);
		w.mono += 20;
		w.wall = stopped;
	}
	calm(&w);
	for (int k = 0; k < 400; k++) {
		ew_turn(&w);
		w.mono += 20;
	}
	ew_turns(&w, 3);
	for (int hour = 0; hour < 10 * 24; hour++) {
		ew_pass(&w, EW_HOUR);
		for (int k = 0; k < 3; k++)
			turn(&w, &c, faults & ~F_SMALL, r);
		calm(&w);
		for (int k = 0; k < 6; k++) {
			ew_turns(&w, 3);
			ew_pass(&w, 1001);
		}
	}
	/* A view that was emptied in the last hour is found when it is asked again. */
	ew_pass(&w, 10000);
	ew_settle(&w);
	CHECK_INT(w.fatals, 0);
	for (int p = 0; p < EW_SHARDS; p++) {
		CHECK_INT(ew_info(&w, p).queued, 0);
		CHECK_INT(ew_info(&w, p).timers, 0);
	}
	ew_view_is_current(&w);
	keep_outs(r, &w, true);
	for (size_t k = 1; k < r->n; k++)
		CHECK_MSG(r->outs[k][0] == 'd' || strcmp(r->outs[k], r->outs[k - 1]) != 0, "left twice: %s", r->outs[k]);
	yt_engine_each(w.e, see_one, &see);
	if (r->n_seen)
		qsort(r->seen, r->n_seen, sizeof *r->seen, ew_by_text);
	take_stats(r, &w);
	ew_deinit(&w);
}

static int number(const char *name, int otherwise)
{
	const char *v = getenv(name);

	return v ? atoi(v) : otherwise;
}

/* Each seed with these faults against the same seed without any. */
static void compare(void (*run)(uint64_t seed, int faults, struct result *r), int faults, int seeds)
{
	uint64_t aborted = 0, lost = 0, reused = 0, forwarded = 0, crashed = 0, outs = 0;
	int first = number("YUTANG_SEED", 1);
	int last = getenv("YUTANG_SEED") ? first : number("YUTANG_SEEDS", seeds);

	for (int seed = first; seed <= last; seed++) {
		struct result calm_one, r;
		char what[64];

		snprintf(what, sizeof what, "seed=%d", seed);
		run((uint64_t)seed, 0, &calm_one);
		run((uint64_t)seed, faults, &r);
		same(what, r.outs, r.n, calm_one.outs, calm_one.n);
		same(what, r.state.lines, r.state.n, calm_one.state.lines, calm_one.state.n);
		same(what, r.seen, r.n_seen, calm_one.seen, calm_one.n_seen);
		aborted += r.aborted;
		lost += r.lost;
		reused += r.reused;
		forwarded += r.forwarded;
		crashed += r.crashed;
		outs += r.n;
		result_free(&r);
		result_free(&calm_one);
	}
	printf("# seeds=%d..%d outputs=%" PRIu64 " aborted=%" PRIu64 " lost=%" PRIu64 " reused=%" PRIu64 " crashed=%" PRIu64 " forwarded=%" PRIu64 "\n", first, last, outs,
	       aborted, lost, reused, crashed, forwarded);
	CHECK_MSG(outs > 100, "nothing happened");
	CHECK_MSG(!(faults & F_ABORT) || aborted > 0, "no abort");
	CHECK_MSG(!(faults & F_LOST) || lost > 0, "no loss");
	CHECK_MSG(!(faults & F_CRASH) || crashed > 0, "no crash");
	CHECK_MSG(!(faults & F_REBALANCE) || reused > 0, "no rebalance");
}

TEST(event_clock_batches_of_any_size)
{
	compare(run_event, F_SMALL, 25);
}

TEST(event_clock_crashes_and_rebalances)
{
	compare(run_event, F_SMALL | F_CRASH | F_REBALANCE, 25);
}

TEST(event_clock_aborts)
{
	compare(run_event, F_SMALL | F_ABORT, 25);
}

TEST(event_clock_everything)
{
	compare(run_event, F_ALL, 30);
}

TEST(wall_clock_misplaced_records_and_batches_of_any_size)
{
	compare(run_wall, F_SMALL, 8);
}

TEST(wall_clock_misplaced_records_and_everything)
{
	compare(run_wall, F_ALL, 20);
}

TEST_MAIN
{
	RUN(event_clock_batches_of_any_size);
	RUN(event_clock_crashes_and_rebalances);
	RUN(event_clock_aborts);
	RUN(event_clock_everything);
	RUN(wall_clock_misplaced_records_and_batches_of_any_size);
	RUN(wall_clock_misplaced_records_and_everything);
}
