/* The rule file. tests/bad-rules/NAME.conf is a wrong file each, NAME.expected the lines that are said of it, all and no other. */
#include <dirent.h>
#include <inttypes.h>

#include "test.h"
#include "yutang/base/hash.h"
#include "yutang/rules/ruleset.h"

static struct yt_arena arena;
static struct yt_problems problems;

static const char *root(void)
{
	const char *dir = getenv("YUTANG_ROOT");

	return dir ? dir : ".";
}

/* The bytes of a file below the tree, on the heap and then in the arena, so that a read past them is seen. */
static struct yt_str slurp(const char *dir, const char *name)
{
	static char bytes[2 * YT_RULES_BYTES_MAX];
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	CHECK_MSG(f, "%s cannot be opened", path);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return yt_arena_dup(&arena, yt_str(bytes, n));
}

static int zones_loaded;

static bool load_zone(void *ctx, struct yt_arena *a, const char *name, struct yt_str *tzif)
{
	static char bytes[65536];
	char path[256];
	FILE *f;

	(void)ctx;
	zones_loaded++;
	CHECK_MSG(name[0] != '/' && !strstr(name, ".."), "the loader was asked for %s", name);
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	f = fopen(path, "rb");
	if (!f)
		return false;
	*tzif = yt_arena_dup(a, yt_str(bytes, fread(bytes, 1, sizeof(bytes), f)));
	fclose(f);
	return true;
}

static const struct yt_ruleset *parse(struct yt_str bytes, const char *name)
{
	yt_problems_deinit(&problems);
	yt_problems_init(&problems, name);
	zones_loaded = 0;
	return yt_ruleset_parse(&arena, bytes, load_zone, NULL, &problems);
}

static const struct yt_ruleset *parse_z(const char *text)
{
	const struct yt_ruleset *rs = parse(yt_str_z(text), "test.conf");

	CHECK_MSG(rs && !problems.errors, "%.*s", YT_FMT(yt_buf_str(&problems.text)));
	return rs;
}

#define HEAD                            \
	"[ruleset]\nname = shop\n"      \
	"revision = 7\n[shop \"*\"]\n"  \
	"timezone = Asia/Shanghai\n"    \
	"currency = CNY\n"

static void check_str(struct yt_str got, const char *want)
{
	CHECK_MSG(yt_str_eq(got, yt_str_z(want)), "got \"%.*s\", expected \"%s\"", YT_FMT(got), want);
}

/* --- wrong files --- */

static int ends_in_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

TEST(wrong_files_say_all_that_is_wrong)
{
	struct dirent **files;
	char dir[400], name[300];
	int n;

	snprintf(dir, sizeof(dir), "%s/tests/bad-rules", root());
	n = scandir(dir, &files, ends_in_conf, alphasort);
	CHECK_MSG(n >= 40, "%d files in %s", n, dir);
	for (int i = 0; i < n; i++) {
		struct yt_str want, got;

		CHECK_MSG(!parse(slurp(dir, files[i]->d_name), files[i]->d_name), "%s was taken", files[i]->d_name);
		snprintf(name, sizeof(name), "%.*s.expected", (int)strlen(files[i]->d_name) - 5, files[i]->d_name);
		want = slurp(dir, name);
		got = yt_buf_str(&problems.text);
		CHECK_MSG(yt_str_eq(got, want), "%s: got \"%.*s\", expected \"%.*s\"", files[i]->d_name, YT_FMT(got), YT_FMT(want));
		free(files[i]);
	}
	free(files);
}

TEST(a_file_that_is_too_large_is_refused)
{
	char *bytes = malloc(YT_RULES_BYTES_MAX + 1);

	memset(bytes, '\n', YT_RULES_BYTES_MAX + 1);
	CHECK(!parse(yt_str(bytes, YT_RULES_BYTES_MAX + 1), "big.conf"));
	check_str(yt_buf_str(&problems.text), "big.conf: the file has 1048577 bytes, at most 1048576 are allowed\n");
	free(bytes);
}

TEST(too_many_sections_are_refused)
{
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	yt_buf_z(&b, HEAD);
	for (int i = 0; i <= YT_RULES_COUPONS_MAX; i++)
		yt_buf_printf(&b, "[coupon \"c%d\"]\npay_percent = 50\nvalid_for = 1d\n", i);
	CHECK(!parse(yt_buf_str(&b), "many.conf"));
	check_str(yt_buf_str(&problems.text), "many.conf: 1001 sections [coupon], at most 1000 are allowed\n");
}

TEST(tiers_64_and_one_more)
{
	for (int n = YT_RULES_TIERS_MAX; n <= YT_RULES_TIERS_MAX + 1; n++) {
		struct yt_buf b;

		yt_buf_init(&b, &arena);
		yt_buf_z(&b, HEAD);
		for (int i = 0; i < n; i++)
			yt_buf_printf(&b, "[tier \"t%d\"]\nrank = %d\n", i, i);
		CHECK(!parse(yt_buf_str(&b), "many.conf") == (n > YT_RULES_TIERS_MAX));
	}
	check_str(yt_buf_str(&problems.text), "many.conf: 65 sections [tier], at most 64 are allowed\n");
}

TEST(tiers_go_by_rank_with_what_they_say)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[tier \"gold\"]\nrank = 3\nmin_amount = 500000\nmin_orders = 4\nmin_referrals = 10\nneed = any\nperiod = 365d\n"
	                                           "grace = 30d\nwarn_before = 14d\n[tier \"all\"]\nrank = 0\n[tier \"kept\"]\nrank = 1\nperiod = 1d\nkeep = yes\n");
	const struct yt_tier *t = &rs->tiers[2];

	CHECK_INT(rs->n_tiers, 3);
	check_str(rs->tiers[0].name, "all");
	check_str(rs->tiers[1].name, "kept");
	CHECK(rs->tiers[1].keep && !rs->tiers[0].any && !rs->tiers[0].period_ms);
	CHECK(t == yt_ruleset_tier(rs, YT_S("gold")) && !yt_ruleset_tier(rs, YT_S("gol")));
	CHECK(t->any && !t->keep);
	CHECK_INT(t->min_amount, 500000);
	CHECK_INT(t->min_orders, 4);
	CHECK_INT(t->min_referrals, 10);
	CHECK_INT(t->period_ms, INT64_C(365) * 86400000);
	CHECK_INT(t->grace_ms, INT64_C(30) * 86400000);
	CHECK_INT(t->warn_before_ms, INT64_C(14) * 86400000);
}

/* The coupon may stand behind its presale, and only a presale may give one without an end. */
TEST(presales_are_found_by_their_name)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[presale \"z\"]\ncoupon = c\n[presale \"a\"]\ncoupon = c\n[coupon \"c\"]\namount_off = 1\n"
	                                           "[rule \"r\"]\non = presale.deposit_refunded\nrevoke = c\n");

	CHECK(yt_ruleset_presale(rs, YT_S("z"))->coupon == &rs->coupons[0]);
	CHECK(yt_ruleset_presale(rs, YT_S("a")) && !yt_ruleset_presale(rs, YT_S("b")));
}

/* Any byte of a good file changed or the file cut anywhere: taken or refused, and nothing read that is not there. */
TEST(broken_bytes_do_no_harm)
{
	struct yt_str whole = slurp(root(), "conf/example/rules.conf");
	static const char bytes[] = { '\0', '"', '[', '=', '\n', '(', '\xff', '9' };
	struct yt_arena keep = arena;
	char *copy;

	for (uint32_t n = 0; n < whole.n; n += 7) {
		yt_arena_init(&arena, 0);
		copy = malloc(n + 1);
		memcpy(copy, whole.p, n);
		parse(yt_str(copy, n), "cut.conf");
		memcpy(copy, whole.p, n);
		copy[n] = bytes[n % sizeof(bytes)];
		parse(yt_str(copy, n + 1), "cut.conf");
		free(copy);
		yt_arena_deinit(&arena);
	}
	arena = keep;
}

TEST(a_reminder_that_can_never_leave_is_a_warning)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[coupon \"c\"]\npay_percent = 50\nvalid_for = 24h\nremind_before = 24h\n");

	CHECK_INT(problems.warnings, 1);
	check_str(yt_buf_str(&problems.text),
	          "test.conf:10: warning: remind_before is not shorter than valid_for: no reminder can ever leave\n");
	CHECK_INT(rs->coupons[0].remind_before_ms, 24 * 3600000);
}

/* --- good files --- */

TEST(the_example_is_taken_whole)
{
	struct yt_str bytes = slurp(root(), "conf/example/rules.conf");
	const struct yt_ruleset *rs = parse(bytes, "rules.conf");
	unsigned char sha[32];
	char hex[17], digest[17];
	const struct yt_rule *r;

	CHECK_MSG(rs && !problems.errors && !problems.warnings, "%.*s", YT_FMT(yt_buf_str(&problems.text)));
	check_str(rs->tag, "olive-oil@1");
	/* The first 16 digits of `sha256sum rules.conf`. */
	yt_sha256(bytes, sha);
	yt_hex(sha, 8, hex);
	snprintf(digest, sizeof digest, "%016" PRIx64, rs->digest);
	CHECK_STR(digest, hex);
	CHECK_INT(rs->n_coupons, 5);
	CHECK_INT(rs->n_rules, 8);
	check_str(rs->coupons[0].name, "half-price");
	CHECK_INT(rs->coupons[0].discount, YT_PAY_PERCENT);
	CHECK_INT(rs->coupons[0].value, 50);
	CHECK_INT(rs->coupons[0].valid_for_ms, INT64_C(259200000));
	CHECK_INT(rs->coupons[0].remind_before_ms, INT64_C(86400000));
	CHECK_INT(rs->coupons[0].limit_per_period.n, 1);
	CHECK_INT(rs->coupons[0].limit_per_period.ms, INT64_C(2592000000));
	CHECK_INT(rs->coupons[0].min_amount, -1);

	r = yt_ruleset_rule(rs, YT_S("recall"));
	CHECK(r);
	CHECK_INT(r->on, 1u << YT_CONTACT_ADDED | 1u << YT_GROUP_JOINED | 1u << YT_MEMBER_LINKED);
	CHECK_INT(r->once, YT_ONCE_MEMBER);
	CHECK(r->issue == &rs->coupons[0] && r->when && !r->still && !r->follow_up.n);
	r = yt_ruleset_rule(rs, YT_S("add-the-owner"));
	CHECK_INT(r->after_ms, 600000);
	CHECK(r->still && !r->after_expr);
	r = yt_ruleset_rule(rs, YT_S("welcome"));
	CHECK_INT(r->send_by_ms, 300000);
	check_str(r->follow_up, "welcome");
	CHECK_INT(yt_ruleset_rule(rs, YT_S("review"))->after_ms, INT64_C(604800000));
}

TEST(a_set_stands_to_another_by_revision_and_bytes)
{
	const struct yt_ruleset *rs = parse(slurp(root(), "conf/example/rules.conf"), "rules.conf");

	CHECK(rs && rs->revision == 1);
	CHECK_INT(yt_ruleset_stand(rs, 0, 0), YT_RULES_NEWER);
	CHECK_INT(yt_ruleset_stand(rs, 0, rs->digest), YT_RULES_NEWER);
	CHECK_INT(yt_ruleset_stand(rs, 1, rs->digest), YT_RULES_SAME);
	CHECK_INT(yt_ruleset_stand(rs, 1, rs->digest ^ 1), YT_RULES_OTHER);
	CHECK_INT(yt_ruleset_stand(rs, 2, rs->digest), YT_RULES_OLDER);
}

TEST(rules_run_by_priority_and_then_in_the_order_of_the_file)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[rule \"b\"]\non = order.paid\nfollow_up = x\n"
	                                           "[rule \"a\"]\non = order.paid\nfollow_up = x\n"
	                                           "[rule \"last\"]\non = order.paid\nfollow_up = x\npriority = -1000000\n"
	                                           "[rule \"first\"]\non = order.paid\nfollow_up = x\npriority = 1000000\n"
	                                           "[rule \"c\"]\non = order.paid\nfollow_up = x\npriority = 0\n");
	static const char *const order[] = { "first", "b", "a", "c", "last" };

	for (size_t i = 0; i < 5; i++) {
		check_str(rs->rules[i].name, order[i]);
		CHECK(yt_ruleset_rule(rs, rs->rules[i].name) == &rs->rules[i]);
	}
	CHECK_INT(yt_ruleset_rule(rs, YT_S("a"))->index, 1);
	CHECK_INT(yt_ruleset_rule(rs, YT_S("first"))->index, 3);
	CHECK_INT(yt_ruleset_rule(rs, YT_S("last"))->priority, -1000000);
}

TEST(a_shop_takes_from_the_star_what_it_leaves_out)
{
	const struct yt_ruleset *rs = parse_z("[ruleset]\nname = shop\nrevision = 1\n"
	                                      "[shop \"s1\"]\ncurrency = EUR\n"
	                                      "[shop \"*\"]\ntimezone = Asia/Shanghai\ncurrency = CNY\nrefund_window = 30d\n"
	                                      "quiet_hours = 22:00-08:00\ncontact_cap = 2 per day, 20 per 30d\n"
	                                      "[shop \"a\"]\ntimezone = Europe/Berlin\nrefund_window = 7d\n"
	                                      "quiet_hours = 00:00-23:59\ncontact_cap = 32 per 90m\n");
	const struct yt_shop_rules *s = yt_ruleset_shop(rs, YT_S("s1"));

	CHECK_INT(zones_loaded, 2);
	check_str(s->currency, "EUR");
	check_str(yt_zone_name(s->zone), "Asia/Shanghai");
	CHECK_INT(s->refund_window_ms, INT64_C(30) * 86400000);
	CHECK(s->has_quiet_hours);
	CHECK_INT(s->quiet_from_min, 22 * 60);
	CHECK_INT(s->quiet_until_min, 8 * 60);
	CHECK_INT(s->n_caps, 2);
	CHECK_INT(s->caps[0].n, 2);
	CHECK_INT(s->caps[0].ms, 0);
	CHECK_INT(s->caps[1].n, 20);
	CHECK_INT(s->caps[1].ms, INT64_C(30) * 86400000);
	s = yt_ruleset_shop(rs, YT_S("a"));
	check_str(s->currency, "CNY");
	check_str(yt_zone_name(s->zone), "Europe/Berlin");
	CHECK_INT(s->refund_window_ms, INT64_C(7) * 86400000);
	CHECK_INT(s->quiet_from_min, 0);
	CHECK_INT(s->quiet_until_min, 23 * 60 + 59);
	CHECK_INT(s->n_caps, 1);
	CHECK_INT(s->caps[0].n, 32);
	CHECK_INT(s->caps[0].ms, 5400000);
	s = yt_ruleset_shop(rs, YT_S("whoever"));
	check_str(s->shop, "*");
}

TEST(without_a_star_other_shops_are_unknown)
{
	const struct yt_ruleset *rs = parse_z("[ruleset]\nname = shop\nrevision = 1\n[shop \"s1\"]\ntimezone = UTC\ncurrency = EUR\n");

	CHECK(yt_ruleset_shop(rs, YT_S("s1")));
	CHECK(!yt_ruleset_shop(rs, YT_S("s2")));
	CHECK_INT(yt_ruleset_shop(rs, YT_S("s1"))->refund_window_ms, INT64_C(60) * 86400000);
	CHECK(!yt_ruleset_shop(rs, YT_S("s1"))->has_quiet_hours && !yt_ruleset_shop(rs, YT_S("s1"))->n_caps);
}

TEST(account_limits_of_a_shop_come_from_it_or_from_the_star_or_are_3000_and_5000)
{
	const struct yt_ruleset *rs = parse_z("[ruleset]\nname = shop\nrevision = 1\n[shop \"*\"]\ntimezone = UTC\ncurrency = EUR\naccount_soft_limit = 7\n"
	                                      "[shop \"s1\"]\naccount_soft_limit = 1\naccount_hard_limit = 1000000\n");

	CHECK_INT(yt_ruleset_shop(rs, YT_S("s1"))->account_soft_limit, 1);
	CHECK_INT(yt_ruleset_shop(rs, YT_S("s1"))->account_hard_limit, 1000000);
	CHECK_INT(yt_ruleset_shop(rs, YT_S("s2"))->account_soft_limit, 7);
	CHECK_INT(yt_ruleset_shop(rs, YT_S("s2"))->account_hard_limit, 5000);
}

TEST(every_key_reaches_its_field)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[coupon \"a\"]\npercent_off = 20\nmin_amount = 0\nvalid_from = 2026-11-01\n"
	                                           "valid_until = 2026-11-11 23:00\nvalid_to_end_of_day = yes\nremind_before = 2h\n"
	                                           "limit_per_member = 3\nlimit_per_period = 32 per day\nlimit_total = 1000000000\nkeep_on_refund = yes\ntransferable = yes\n"
	                                           "[coupon \"b\"]\namount_off = 3000\nvalid_for = 90m\nbudget = 3000\n"
	                                           "[rule \"r\"]\non = order.signed, order.paid\nfrom = 2026-11-01\nuntil = 2026-11-11\n"
	                                           "when = order.nth == 1\nafter = now - order.paid_at + duration(\"1h\")\n"
	                                           "still = event.at < now && has(event.channel)\nonce = per order\nissue = b\n"
	                                           "follow_up = order_review-2\nsend_by = 300ms\n");
	const struct yt_coupon_rules *a = &rs->coupons[0], *b = &rs->coupons[1];
	const struct yt_rule *r = &rs->rules[0];

	CHECK_INT(a->discount, YT_PERCENT_OFF);
	CHECK_INT(a->value, 20);
	CHECK_INT(a->min_amount, 0);
	check_str(a->valid_from_text, "2026-11-01");
	check_str(a->valid_until_text, "2026-11-11 23:00");
	CHECK(a->to_end_of_day && a->keep_on_refund && a->transferable && !a->valid_for_ms);
	CHECK(rs->any_transferable);
	CHECK_INT(a->remind_before_ms, 7200000);
	CHECK_INT(a->limit_per_member, 3);
	CHECK_INT(a->limit_per_period.n, 32);
	CHECK_INT(a->limit_per_period.ms, 0);
	CHECK_INT(a->limit_total, 1000000000);
	CHECK(!a->budget && !b->limit_total);
	CHECK_INT(b->budget, 3000);
	CHECK_INT(b->discount, YT_AMOUNT_OFF);
	CHECK_INT(b->value, 3000);
	CHECK_INT(b->valid_for_ms, 5400000);
	CHECK_INT(b->min_amount, -1);
	CHECK(!b->to_end_of_day && !b->keep_on_refund && !b->transferable && !b->limit_per_period.n && !b->limit_per_member);
	CHECK_INT(b->index, 1);
	CHECK_INT(r->on, 1u << YT_ORDER_SIGNED | 1u << YT_ORDER_PAID);
	check_str(r->from_text, "2026-11-01");
	check_str(r->until_text, "2026-11-11");
	CHECK(r->when && r->after_expr && r->still && r->issue == b);
	CHECK_INT(r->after_ms, 0);
	CHECK_INT(r->event_fields, 1u << YT_F_PAID_AT | 1u << YT_F_SIGNED_AT | 1u << YT_F_CHANNEL);
	CHECK_INT(r->once, YT_ONCE_ORDER);
	check_str(r->follow_up, "order_review-2");
	CHECK_INT(r->send_by_ms, 300);
	CHECK(yt_ruleset_coupon(rs, YT_S("b")) == b && !yt_ruleset_coupon(rs, YT_S("c")));
}

TEST(gifts_and_shares_are_found_by_name)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[gift \"b\"]\ncoupon = c\nquota = 1000000000\nper_member = 1000000\nfrom = 2026-09-20\nuntil = 2026-09-25\n"
	                                           "when = member.paid_orders > 0\n[gift \"a\"]\ncoupon = c\nquota = 1\n"
	                                           "[share \"y\"]\nfriends = 100\ncoupon = c\nuntil = 2026-09-25\n[share \"x\"]\ncoupon = c\n"
	                                           "[coupon \"c\"]\npay_percent = 50\nvalid_for = 1d\n");
	const struct yt_gift_rules *a = yt_ruleset_gift(rs, YT_S("a")), *b = yt_ruleset_gift(rs, YT_S("b"));
	const struct yt_share_rules *x = yt_ruleset_share(rs, YT_S("x")), *y = yt_ruleset_share(rs, YT_S("y"));

	CHECK(a && b && x && y && !yt_ruleset_gift(rs, YT_S("x")) && !yt_ruleset_share(rs, YT_S("a")));
	CHECK(a->coupon == &rs->coupons[0] && !a->when && !a->from_text.n && !a->until_text.n);
	CHECK_INT(a->quota, 1);
	CHECK_INT(a->per_member, 1);
	CHECK_INT(b->quota, 1000000000);
	CHECK_INT(b->per_member, 1000000);
	check_str(b->from_text, "2026-09-20");
	check_str(b->until_text, "2026-09-25");
	CHECK(b->when);
	CHECK_INT(x->friends, 3);
	CHECK_INT(y->friends, 100);
	CHECK(x->coupon == &rs->coupons[0] && !x->until_text.n);
	check_str(y->until_text, "2026-09-25");
}

TEST(every_key_of_a_rule_reaches_its_field)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[coupon \"a\"]\npay_percent = 50\nvalid_for = 1d\n[coupon \"b\"]\npay_percent = 60\nvalid_for = 1d\n"
	                                           "[rule \"r\"]\non = order.paid\npending = per member\nafter = 90d\npriority = -5\nmax_age = 7d\n"
	                                           "promotes = yes\nissue = a\nto = both\nfollow_up = winback\nparam.first = {event.channel}\n"
	                                           "param.2_nd-one = x\nrevoke = b\ntag = lost_one\nuntag = 1-new\nstill = event.amount > 0\n"
	                                           "[rule \"s\"]\non = coupon.issued, coupon.used, coupon.expired\nonce = per coupon\nto = referrer\nissue = a\n"
	                                           "[rule \"t\"]\non = coupon.used, order.signed\nonce = per order\nfollow_up = x\npending = per event\npromotes = no\nto = member\n");
	const struct yt_rule *r = yt_ruleset_rule(rs, YT_S("r"));

	CHECK(r->pending_per_member && r->promotes);
	CHECK_INT(r->priority, -5);
	CHECK_INT(r->max_age_ms, INT64_C(7) * 86400000);
	CHECK_INT(r->to, YT_TO_BOTH);
	CHECK_INT(r->n_params, 2);
	check_str(r->params[0].name, "first");
	check_str(r->params[1].name, "2_nd-one");
	CHECK(r->issue == &rs->coupons[0] && r->revoke == &rs->coupons[1]);
	check_str(r->tag, "lost_one");
	check_str(r->untag, "1-new");
	CHECK_INT(r->event_fields, 1u << YT_F_CHANNEL | 1u << YT_F_AMOUNT); /* of still and of params */
	r = yt_ruleset_rule(rs, YT_S("s"));
	CHECK_INT(r->on, YT_ON_COUPONS);
	CHECK_INT(r->once, YT_ONCE_COUPON);
	CHECK_INT(r->to, YT_TO_REFERRER);
	CHECK(!r->pending_per_member && !r->promotes && !r->revoke && !r->tag.n && !r->untag.n && !r->max_age_ms && !r->n_params && !r->priority);
	r = yt_ruleset_rule(rs, YT_S("t"));
	CHECK_INT(r->on, 1u << YT_ON_COUPON_USED | 1u << YT_ORDER_SIGNED);
	CHECK_INT(r->once, YT_ONCE_ORDER);
	CHECK_INT(r->to, YT_TO_MEMBER);
}

TEST(one_action_is_enough_for_a_rule)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[coupon \"a\"]\npay_percent = 50\nvalid_for = 1d\n"
	                                           "[rule \"r\"]\non = order.paid\nrevoke = a\n[rule \"s\"]\non = order.paid\ntag = x\n"
	                                           "[rule \"t\"]\non = order.paid\nuntag = x\n");

	CHECK(rs->rules[0].revoke == &rs->coupons[0] && rs->rules[1].tag.n && rs->rules[2].untag.n);
}

TEST(products_are_found_by_the_hash_of_their_sku)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[product \"oil-1l\"]\nlasts = 45d\n[product \"\xe6\xa9\x84 B/2%\"]\nlasts = 90d\nlearn = yes\n"
	                                           "[product \"x\"]\nlasts = 1h\nlearn = no\n");
	const struct yt_product *p = yt_ruleset_product(rs, yt_hash64(YT_S("\xe6\xa9\x84 B/2%")));

	CHECK_INT(rs->n_products, 3);
	CHECK(p && p->learn);
	check_str(p->sku, "\xe6\xa9\x84 B/2%");
	CHECK_INT(p->lasts_ms, INT64_C(90) * 86400000);
	p = yt_ruleset_product(rs, yt_hash64(YT_S("oil-1l")));
	CHECK(p && !p->learn);
	CHECK_INT(p->lasts_ms, INT64_C(45) * 86400000);
	CHECK(yt_ruleset_product(rs, yt_hash64(YT_S("x"))));
	CHECK(!yt_ruleset_product(rs, yt_hash64(YT_S("oil-2l"))));
}

/* --- params --- */

/* The parts as `text` and `{type}`, with a bar between. */
static struct yt_str parts_of(const char *value)
{
	const struct yt_ruleset *rs = parse_z(yt_arena_printf(&arena, HEAD "[rule \"r\"]\non = order.paid\nfollow_up = x\nparam.p = %s\n", value).p);
	const struct yt_param *p = &rs->rules[0].params[0];
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	for (uint32_t i = 0; i < p->n_parts; i++) {
		const struct yt_param_part *part = &p->parts[i];

		if (i)
			yt_buf_c(&b, '|');
		if (part->expr)
			yt_buf_printf(&b, "{%s}", yt_vtype_name(yt_expr_type(part->expr)));
		else
			yt_buf_str_add(&b, part->text);
	}
	return yt_buf_str(&b);
}

TEST(params_are_read_into_texts_and_expressions)
{
	static const char *const rows[][2] = {
		{ "text", "text" },
		{ "{member.id}", "{string}" },
		{ "Dear {member.id}, {order.nth} orders", "Dear |{string}|, |{int}| orders" },
		{ "{order.nth}{order.refunded}{1.5}", "{int}|{bool}|{double}" },
		{ "{now}{now - order.paid_at}", "{timestamp}|{duration}" },
		{ "{{", "{" },
		{ "{{member.id}}", "{member.id}}" },
		{ "a}b}}c", "a}b}}c" },
		{ "{{{member.id}", "{|{string}" },
		{ "{{{{{member.id}}", "{{|{string}|}" },
		{ "{\"}\"}", "{string}" },
		{ "{'{' + \"}\" + r'\\}' + '''}'}'''}", "{string}" },
		{ "{\"a\\\"}\"}", "{string}" },
		{ "{ {\"a\": {\"b\": 1}}.a.b }x}", "{int}|x}" },
		{ "{string(order.items[0].sku)}", "{string}" },
		{ "{event.buyer.phone}", "{string}" },
		{ "it's {order.channel} \"x\"", "it's |{string}| \"x\"" },
		{ "https://shop/{order.id}?a={order.nth}", "https://shop/|{string}|?a=|{int}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_str got = parts_of(rows[i][0]);

		CHECK_MSG(yt_str_eq(got, yt_str_z(rows[i][1])), "`%s` is read as \"%.*s\", expected \"%s\"", rows[i][0], YT_FMT(got), rows[i][1]);
	}
}

TEST(a_param_that_quiet_hours_can_leave_without_its_event_is_a_warning)
{
	static const char rule[] = "[rule \"r\"]\non = order.paid\nfollow_up = x\nparam.a = {order.coupons.size()}\nparam.p = {order.items.size()}\n";

	parse_z(yt_arena_printf(&arena, HEAD "%s[shop \"s1\"]\nquiet_hours = 22:00-08:00\n", rule).p);
	check_str(yt_buf_str(&problems.text), "test.conf:11: warning: param.p: items, coupons and buyer of the event are not known when the follow-up had "
	                                      "to wait for the end of the quiet hours\n");
	parse_z(yt_arena_printf(&arena, HEAD "%s", rule).p);
	CHECK_INT(problems.warnings, 0);
}

TEST(a_param_that_a_quota_can_leave_without_its_event_is_a_warning)
{
	static const char rule[] = "[rule \"r\"]\non = order.paid\nissue = c\nfollow_up = x\nparam.p = {order.items.size()}\n"
				   "[coupon \"c\"]\namount_off = 100\nvalid_for = 1d\n";

	parse_z(yt_arena_printf(&arena, HEAD "%sbudget = 1000\n", rule).p);
	check_str(yt_buf_str(&problems.text), "test.conf:11: warning: param.p: items, coupons and buyer of the event are not known when the follow-up waited "
	                                      "for the limit_total or budget of its coupon\n");
	parse_z(yt_arena_printf(&arena, HEAD "%s", rule).p);
	CHECK_INT(problems.warnings, 0);
}

TEST(a_budget_below_one_coupon_is_a_warning)
{
	parse_z(HEAD "[coupon \"c\"]\namount_off = 100\nvalid_for = 1d\nbudget = 99\n");
	check_str(yt_buf_str(&problems.text), "test.conf:10: warning: budget is less than amount_off: no coupon can ever be issued\n");
	parse_z(HEAD "[coupon \"c\"]\namount_off = 100\nvalid_for = 1d\nbudget = 100\n");
	CHECK_INT(problems.warnings, 0);
}

TEST(sixteen_params_of_1024_bytes_are_taken)
{
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	yt_buf_z(&b, HEAD "[rule \"r\"]\non = order.paid\nfollow_up = x\n");
	for (int i = 0; i < YT_PARAMS_MAX; i++)
		yt_buf_printf(&b, "param.p%d = %0*d\n", i, YT_PARAM_BYTES_MAX, i);
	yt_buf_c(&b, '\0');
	CHECK_INT(parse_z(b.p)->rules[0].params[15].parts[0].text.n, YT_PARAM_BYTES_MAX);
}

/* Any bytes behind the key: taken or refused, and the end of the expression is looked for in the value alone. */
TEST(broken_params_do_no_harm)
{
	static const char alphabet[] = "{}{}\"'()[]:,a1. \\/";
	struct yt_arena keep = arena;
	uint64_t seed = 7;

	for (int round = 0; round < 2000; round++) {
		char value[24];

		for (size_t i = 0; i < sizeof(value) - 1; i++) {
			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			value[i] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		value[sizeof(value) - 1] = '\0';
		yt_arena_init(&arena, 0);
		parse(yt_arena_printf(&arena, HEAD "[rule \"r\"]\non = order.paid\nfollow_up = x\nparam.p = %s\n", value), "param.conf");
		yt_arena_deinit(&arena);
	}
	arena = keep;
}

/* --- loops through time --- */

#define COUPONS                                                                                              \
	"[coupon \"a\"]\npay_percent = 50\nvalid_for = 1d\n[coupon \"b\"]\npay_percent = 60\nvalid_for = 1d\n" \
	"[coupon \"once\"]\npay_percent = 60\nvalid_for = 1d\nlimit_per_member = 1\n"                         \
	"[coupon \"rare\"]\npay_percent = 60\nvalid_for = 1d\nlimit_per_period = 1 per 30d\n"

/* The warnings of these rules without their common beginning. */
static void check_loops(const char *rules, const char *want)
{
	static const char common[] = "a loop through time that has neither once nor a limit (limit_per_member, limit_per_period, limit_total, budget): ";
	struct yt_buf b;
	const char *p;

	parse_z(yt_arena_printf(&arena, HEAD COUPONS "%s", rules).p);
	yt_buf_init(&b, &arena);
	yt_buf_str_add(&b, yt_buf_str(&problems.text));
	yt_buf_c(&b, '\0');
	while ((p = strstr(b.p, common)))
		memmove((char *)p, p + strlen(common), strlen(p + strlen(common)) + 1);
	CHECK_STR(b.p, want);
}

#define RULE(name, on, rest) "[rule \"" name "\"]\non = " on "\n" rest "\n"

TEST(a_loop_through_time_is_a_warning)
{
	check_loops(RULE("r", "coupon.expired", "issue = a"), "test.conf:21: warning: r -> r\n");
	check_loops(RULE("r", "coupon.used", "issue = a"), "test.conf:21: warning: r -> r\n");
	check_loops(RULE("r", "coupon.issued", "issue = a\nafter = 1d"), "test.conf:21: warning: r -> r\n");
	check_loops(RULE("r", "coupon.issued", "issue = a\nafter = member.last_paid_at - now"), "test.conf:21: warning: r -> r\n");
	check_loops(RULE("r", "order.paid, coupon.expired", "issue = a"), "test.conf:21: warning: r -> r\n");
	check_loops(RULE("r", "coupon.issued", "issue = a") RULE("s", "coupon.expired", "issue = b"), "test.conf:24: warning: s -> s\n");
	check_loops(RULE("r", "coupon.issued", "issue = a\nwhen = coupon.template == \"b\"") RULE("s", "coupon.expired", "issue = b\nwhen = \"a\" == coupon.template"),
	            "test.conf:25: warning: s -> r -> s\n");
}

TEST(a_loop_is_warned_of_once)
{
	check_loops(RULE("r", "coupon.expired", "issue = a\nwhen = coupon.template == \"b\"") RULE("s", "coupon.expired", "issue = b\nwhen = coupon.template == \"a\""),
	            "test.conf:21: warning: r -> s -> r\n");
	check_loops(RULE("r", "coupon.expired", "issue = a\nwhen = coupon.template == \"a\" && now > event.at")
	            RULE("s", "coupon.expired", "issue = b\nwhen = now > event.at && (now > event.at && coupon.template == \"b\")"),
	            "test.conf:21: warning: r -> r\ntest.conf:25: warning: s -> s\n");
}

TEST(what_ends_is_no_loop)
{
	check_loops(RULE("r", "coupon.issued", "issue = a"), ""); /* within one decision no rule sets off itself again */
	check_loops(RULE("r", "coupon.issued", "issue = a\nafter = 0s") RULE("s", "coupon.issued", "issue = b"), "");
	check_loops(RULE("r", "coupon.expired", "follow_up = hello"), "");
	check_loops(RULE("r", "coupon.expired", "revoke = a"), "");
	check_loops(RULE("r", "order.paid", "issue = a\nafter = 1d"), "");
	check_loops(RULE("r", "coupon.expired", "issue = a\nonce = per member"), "");
	check_loops(RULE("r", "coupon.expired", "issue = once"), "");
	check_loops(RULE("r", "coupon.expired", "issue = rare"), "");
	check_loops(RULE("r", "coupon.expired", "issue = a\nwhen = coupon.template == \"b\""), "");
	check_loops(RULE("r", "coupon.expired", "issue = a\nwhen = now > event.at && coupon.template == \"b\""), "");
	check_loops(RULE("r", "coupon.expired", "issue = a\nwhen = coupon.template == \"b\"")
	            RULE("s", "coupon.expired", "issue = b\nwhen = coupon.template == \"a\"\nonce = per member"), "");
	check_loops(RULE("r", "coupon.expired", "issue = a\nwhen = coupon.template == \"rare\"")
	            RULE("s", "coupon.expired", "issue = rare\nwhen = coupon.template == \"a\""), "");
}

/* All rules in one ring, and each of them the start of no other. */
TEST(a_ring_of_all_rules_is_one_loop)
{
	struct yt_buf b;

	yt_buf_init(&b, &arena);
	yt_buf_z(&b, HEAD);
	for (int i = 0; i < YT_RULES_COUPONS_MAX; i++)
		yt_buf_printf(&b, "[coupon \"c%d\"]\npay_percent = 50\nvalid_for = 1d\n", i);
	for (int i = 0; i < YT_RULES_RULES_MAX; i++)
		yt_buf_printf(&b, "[rule \"r%d\"]\non = coupon.expired\nwhen = coupon.template == \"c%d\"\nissue = c%d\n", i, i,
		              (i + 1) % YT_RULES_COUPONS_MAX);
	CHECK(parse(yt_buf_str(&b), "ring.conf"));
	CHECK_INT(problems.warnings, 1);
}

TEST(a_value_may_go_on_in_the_next_line)
{
	const struct yt_ruleset *rs = parse_z(HEAD "[rule \"r\"]\non = order.paid,\n  order.signed   # both\n"
	                                           "when = order.nth\n  == 1 && order.channel != \"a # b\"\nfollow_up = x\n");

	CHECK_INT(rs->rules[0].on, 1u << YT_ORDER_SIGNED | 1u << YT_ORDER_PAID);
	CHECK(rs->rules[0].when);
}

TEST(the_set_does_not_need_the_bytes)
{
	char bytes[] = HEAD "[rule \"r\"]\non = order.paid\nwhen = member.id == \"m-1\"\nfollow_up = hello\n";
	const struct yt_ruleset *rs = parse_z(bytes);

	memset(bytes, 'x', sizeof(bytes) - 1);
	check_str(rs->rules[0].name, "r");
	check_str(rs->rules[0].follow_up, "hello");
	check_str(rs->name, "shop");
}

TEST(instants_are_local_to_the_shop)
{
	const struct yt_ruleset *rs = parse_z(HEAD);
	const struct yt_zone *z = rs->shops[0].zone;

	CHECK_INT(yt_instant_local_ms(z, YT_S("2026-11-24"), false), INT64_C(1795449600000));
	CHECK_INT(yt_instant_local_ms(z, YT_S("2026-11-23"), true), INT64_C(1795449600000)); /* the end of a day */
	CHECK_INT(yt_instant_local_ms(z, YT_S("2026-12-31"), true), yt_instant_local_ms(z, YT_S("2027-01-01"), false));
	CHECK_INT(yt_instant_local_ms(z, YT_S("2026-11-24 00:30"), false), INT64_C(1795451400000));
	CHECK_INT(yt_instant_local_ms(z, YT_S("2026-11-24 00:30:15"), true), INT64_C(1795451415000));
}

/* --- the document --- */

static bool mentions(struct yt_str text, struct yt_str word)
{
	return memmem(text.p, text.n, word.p, word.n) != NULL;
}

/* The part of the document from that heading to the next one of its rank; empty without it. */
static struct yt_str part_of(struct yt_str text, struct yt_str heading)
{
	const char *from = memmem(text.p, text.n, heading.p, heading.n), *to;

	if (!from)
		return yt_str(text.p, 0);
	to = memmem(from + heading.n, (size_t)(text.p + text.n - from - heading.n), "\n## ", 4);
	return yt_str(from, (size_t)((to ? to : text.p + text.n) - from));
}

TEST(every_key_is_in_the_document_with_its_default)
{
	struct yt_str text = slurp(root(), "docs/rules.md");
	const struct yt_rules_key *k;

	for (size_t i = 0; (k = yt_rules_key(i)); i++) {
		struct yt_str part = part_of(text, yt_arena_printf(&arena, "## `[%s]", k->section)), row;

		if (!part.n)
			part = part_of(text, yt_arena_printf(&arena, "## `[%s ", k->section));
		row = yt_arena_printf(&arena, "\n| `%s` | %s | %s%s%s |", strcmp(k->key, "param.*") ? k->key : "param.<name>", k->form, k->deflt ? "`" : "",
		                      k->deflt      ? k->deflt
		                      : k->required ? "required"
		                                    : "",
		                      k->deflt ? "`" : "");
		CHECK_MSG(mentions(part, row), "docs/rules.md lacks, for [%s]: %.*s", k->section, YT_FMT(row));
	}
}

TEST(every_name_is_in_the_document)
{
	struct yt_str text = slurp(root(), "docs/rules.md");

	for (int i = 0; i < YT_N_EVENT_FIELD; i++) {
		struct yt_str row = yt_arena_printf(&arena, "\n| `%.*s` | %.*s |", YT_FMT(yt_names[i].text),
		                                   YT_FMT(yt_vkind_text(&arena, yt_names[i].type)));

		CHECK_MSG(mentions(text, row), "docs/rules.md lacks: %.*s", YT_FMT(row));
	}
}

TEST_MAIN
{
	yt_types_init();
	yt_arena_init(&arena, 0);
	yt_problems_init(&problems, "none");
	RUN(wrong_files_say_all_that_is_wrong);
	RUN(a_file_that_is_too_large_is_refused);
	RUN(too_many_sections_are_refused);
	RUN(tiers_64_and_one_more);
	RUN(tiers_go_by_rank_with_what_they_say);
	RUN(presales_are_found_by_their_name);
	RUN(broken_bytes_do_no_harm);
	RUN(a_reminder_that_can_never_leave_is_a_warning);
	RUN(the_example_is_taken_whole);
	RUN(a_set_stands_to_another_by_revision_and_bytes);
	RUN(rules_run_by_priority_and_then_in_the_order_of_the_file);
	RUN(a_shop_takes_from_the_star_what_it_leaves_out);
	RUN(without_a_star_other_shops_are_unknown);
	RUN(account_limits_of_a_shop_come_from_it_or_from_the_star_or_are_3000_and_5000);
	RUN(every_key_reaches_its_field);
	RUN(gifts_and_shares_are_found_by_name);
	RUN(every_key_of_a_rule_reaches_its_field);
	RUN(one_action_is_enough_for_a_rule);
	RUN(products_are_found_by_the_hash_of_their_sku);
	RUN(params_are_read_into_texts_and_expressions);
	RUN(a_param_that_quiet_hours_can_leave_without_its_event_is_a_warning);
	RUN(a_param_that_a_quota_can_leave_without_its_event_is_a_warning);
	RUN(a_budget_below_one_coupon_is_a_warning);
	RUN(sixteen_params_of_1024_bytes_are_taken);
	RUN(broken_params_do_no_harm);
	RUN(a_loop_through_time_is_a_warning);
	RUN(a_loop_is_warned_of_once);
	RUN(what_ends_is_no_loop);
	RUN(a_ring_of_all_rules_is_one_loop);
	RUN(a_value_may_go_on_in_the_next_line);
	RUN(the_set_does_not_need_the_bytes);
	RUN(instants_are_local_to_the_shop);
	RUN(every_key_is_in_the_document_with_its_default);
	RUN(every_name_is_in_the_document);
	yt_problems_deinit(&problems);
	yt_arena_deinit(&arena);
}
