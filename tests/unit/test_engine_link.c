/* Entities that move to another shard, and go: an order and a member by member.linked, through aborted, lost and crashed batches. */
#include "unit/engine_world.h"

#include "yutang/core/member.h"

static void put_all(struct ew *w, const char *identity, const char *member)
{
	struct yt_arena *a = &w->arena;
	int64_t t = w->wall - EW_HOUR;
	int at = ew_shard_of(w, identity);

	ew_put(w, EW_ORDERS, at, ew_paid(w, identity, "o-1", t));
	ew_put(w, EW_GROUPS, at, ew_joined(w, identity, "g-1", t + 1));
	ew_put(w, EW_ORDERS, ew_shard_of(w, member), ew_paid(w, member, "o-2", t + 2));
	ew_settle(w);
	/* In one batch: an order that is made and moved at once, and what comes for the identity behind its link. */
	ew_put(w, EW_ORDERS, at, ew_paid(w, identity, "o-3", t + 3));
	ew_put(w, EW_ORDERS, at,
	       ew_event(w, "member.linked", t + 4, yt_arena_printf(a, "{\"identity\":\"%s\",\"member\":\"%s\"}", identity, member).p));
	ew_put(w, EW_ORDERS, at, ew_signed(w, identity, "o-1", t + 5));
	ew_put(w, EW_GROUPS, at, ew_joined(w, identity, "g-2", t + 6));
	ew_settle(w);
}

static const struct yt_member *member_of(struct ew *w, const char *id)
{
	return yt_engine_peek(w->e, &w->arena, YT_KIND_MEMBER, yt_arena_printf(&w->arena, "s1/%s", id));
}

static void check_all(struct ew *w, const char *identity, const char *member)
{
	const struct yt_member *m = member_of(w, member), *gone = member_of(w, identity);
	struct ew_dump d = ew_dump(w, w->wall, false);
	int orders = 0;

	CHECK_INT(m->orders.totals.paid_orders, 3);
	CHECK_INT(yt_places_standing(&m->groups), 2);
	CHECK(yt_ident_has(&m->ident, yt_str_z(identity)));
	CHECK(yt_str_eq(gone->ident.linked_to, yt_str_z(member)));
	CHECK(gone->orders.n == 0 && gone->wallet.n == 0);
	/* The orders are with their member alone. */
	for (size_t k = 0; k < d.n; k++) {
		const char *key = strchr(d.lines[k], ' ') + 1;

		if (strncmp(key, "order:", 6) != 0)
			continue;
		CHECK_INT(atoi(d.lines[k]), ew_shard_of(w, member));
		orders++;
	}
	CHECK_INT(orders, 3);
	ew_dump_free(&d);
}

static void run(const enum yt_outcome *outcomes, size_t n, bool crash)
{
	struct ew w;
	const char *identity, *member;

	ew_init(&w, EW_MEM | EW_VIEW);
	identity = ew_member(&w, 1, 0);
	member = ew_member(&w, 3, 0);
	ew_settle(&w);
	if (n)
		yt_memlog_outcomes(w.mem, outcomes, n, false);
	put_all(&w, identity, member);
	for (int k = 0; k < 5; k++) {
		fv_answer(&w.fv);
		ew_settle(&w);
	}
	check_all(&w, identity, member);
	if (crash) {
		ew_crash(&w);
		ew_settle(&w);
		check_all(&w, identity, member);
	}
	CHECK_INT(w.fatals, 0);
	CHECK_INT(w.deads, 0);
	ew_deinit(&w);
}

TEST(a_member_moves_with_its_orders)
{
	run(NULL, 0, false);
}

TEST(what_was_removed_is_gone_behind_a_restore)
{
	run(NULL, 0, true);
}

TEST(an_aborted_removal_is_none)
{
	static const enum yt_outcome outcomes[] = { YT_ABORTED, YT_COMMITTED, YT_ABORTED, YT_ABORTED, YT_COMMITTED, YT_ABORTED, YT_ABORTED, YT_COMMITTED, YT_ABORTED };

	run(outcomes, sizeof outcomes / sizeof *outcomes, true);
}

TEST(a_lost_removal_is_done_again)
{
	static const enum yt_outcome outcomes[] = { YT_COMMITTED, YT_COMMITTED, YT_LOST, YT_COMMITTED, YT_LOST };

	run(outcomes, sizeof outcomes / sizeof *outcomes, true);
}

/* Erased, the person is in no key and no value of the changelog, and in no hash of the view, also behind a restart. */
TEST(what_was_erased_is_nowhere)
{
	char hex[2][80];
	const char *ids[2];
	struct ew w;

	ew_init(&w, EW_MEM | EW_VIEW);
	ids[0] = ew_member(&w, 3, 0);
	ids[1] = ew_member(&w, 1, 0);
	ew_settle(&w);
	put_all(&w, ids[1], ids[0]);
	ew_put(&w, EW_GROUPS, 3, ew_event(&w, "member.erase", w.wall, yt_arena_printf(&w.arena, "{\"member\":\"%s\",\"by\":\"anna\"}", ids[1]).p));
	for (int k = 0; k < 2; k++)
		yt_hex((const unsigned char *)ids[k], strlen(ids[k]), hex[k]);
	for (int crash = 0; crash < 2; crash++) {
		struct ew_dump d;

		for (int k = 0; k < 5; k++) {
			fv_answer(&w.fv);
			ew_settle(&w);
		}
		d = ew_dump(&w, w.wall, false);
		for (size_t k = 0; k < d.n; k++)
			CHECK_MSG(!strstr(d.lines[k], ids[0]) && !strstr(d.lines[k], ids[1]) && !strstr(d.lines[k], hex[0]) && !strstr(d.lines[k], hex[1]),
			          "left: %s", d.lines[k]);
		ew_dump_free(&d);
		ew_view_is_current(&w);
		ew_crash(&w);
	}
	CHECK_INT(ew_count(&w, YT_OUT_MEMBER_ERASED), 1);
	CHECK_INT(w.deads, 0);
	ew_deinit(&w);
}

/* One of a crowd: an identity with an order, the member that it is linked to, and what was done. */
static const char *crowd_id(struct ew *w, const char *what, int k)
{
	return yt_arena_printf(&w->arena, "%s-%d.", what, k).p;
}

static void put_order(struct ew *w, const char *identity, int k, int64_t t)
{
	ew_put(w, EW_ORDERS, ew_shard_of(w, identity), ew_paid(w, identity, crowd_id(w, "o", k), t));
}

/* Each third one is linked, each other third one erased, and bought before and in the batch in which it is. What is asked of the first ones is
 * kept up with what comes later, through what is given up, and when there is no place for more. */
TEST(whom_an_entity_names_is_known_however_many_come_and_go)
{
	enum { MEMBERS = 1500, TOGETHER = 50 };
	static const enum yt_outcome outcomes[] = { YT_COMMITTED, YT_ABORTED, YT_COMMITTED, YT_ABORTED, YT_ABORTED, YT_COMMITTED };
	struct ew_dump d;
	struct ew w;
	int orders = 0;

	ew_init(&w, EW_MEM);
	for (int k = 0; k < MEMBERS; k++) {
		const char *x = crowd_id(&w, "x", k), *m = crowd_id(&w, "m", k);
		int at = ew_shard_of(&w, x);

		put_order(&w, x, k, w.wall - EW_HOUR);
		if (k % TOGETHER == 0) {
			yt_memlog_outcomes(w.mem, outcomes, sizeof outcomes / sizeof *outcomes, false);
			ew_settle(&w);
		}
		put_order(&w, x, MEMBERS + k, w.wall - EW_HOUR + 1);
		if (k % 3 == 0)
			ew_put(&w, EW_ORDERS, at, ew_event(&w, "member.linked", w.wall - 1, yt_arena_printf(&w.arena, "{\"identity\":\"%s\",\"member\":\"%s\"}", x, m).p));
		else if (k % 3 == 1)
			ew_put(&w, EW_ORDERS, at, ew_event(&w, "member.erase", w.wall - 1, yt_arena_printf(&w.arena, "{\"member\":\"%s\",\"by\":\"anna\"}", x).p));
	}
	for (int k = 0; k < 5; k++)
		ew_settle(&w);
	d = ew_dump(&w, w.wall, false);
	for (size_t i = 0; i < d.n; i++) {
		const char *key = strchr(d.lines[i], ' ') + 1;
		char hex[2][80];
		int k;

		if (sscanf(key, "order:s1/o-%d.", &k) != 1)
			continue;
		k %= MEMBERS;
		for (int what = 0; what < 2; what++) {
			const char *id = crowd_id(&w, what ? "m" : "x", k);

			yt_hex((const unsigned char *)id, strlen(id), hex[what]);
		}
		CHECK_MSG(strstr(key, hex[k % 3 == 0]), "of another: %s", d.lines[i]);
		CHECK_MSG(k % 3 != 1, "erased: %s", d.lines[i]);
		orders++;
	}
	CHECK_INT(orders, MEMBERS / 3 * 4);
	CHECK_INT(ew_count(&w, YT_OUT_MEMBER_ERASED), MEMBERS / 3);
	CHECK_INT(w.deads, 0);
	ew_dump_free(&d);
	ew_deinit(&w);
}

TEST_MAIN
{
	RUN(a_member_moves_with_its_orders);
	RUN(what_was_removed_is_gone_behind_a_restore);
	RUN(an_aborted_removal_is_none);
	RUN(what_was_erased_is_nowhere);
	RUN(a_lost_removal_is_done_again);
	RUN(whom_an_entity_names_is_known_however_many_come_and_go);
}
