/* Any bytes as a rule file: a set, or problems that say why not. A set that is read again is the same set, and everything in it is found by its name. */
#include "fuzz/fuzz.h"
#include "yutang/event/type.h"
#include "yutang/rules/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rules_zone {
	const char *name;
	char bytes[8192];
	size_t n;
};

/* Zones from the system, each read once: with and without summer time, and one whose offset is no whole hour. */
static bool rules_load(void *ctx, struct yt_arena *a, const char *name, struct yt_str *tzif)
{
	static struct rules_zone zones[] = { { .name = "Asia/Shanghai" }, { .name = "America/New_York" }, { .name = "Asia/Kathmandu" } };
	char path[64];
	FILE *f;

	(void)ctx;
	YT_ASSERT(yt_zone_name_ok(yt_str_z(name)), "the name of a zone");
	for (size_t k = 0; k < sizeof zones / sizeof *zones; k++) {
		struct rules_zone *z = &zones[k];

		if (strcmp(z->name, name) != 0)
			continue;
		snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
		if (!z->n && (f = fopen(path, "rb"))) {
			z->n = fread(z->bytes, 1, sizeof z->bytes, f);
			fclose(f);
		}
		*tzif = yt_arena_dup(a, yt_str(z->bytes, z->n));
		return z->n > 0;
	}
	return false;
}

/* One line a problem, with the name of the file before it. */
static void rules_problems(const struct yt_problems *p)
{
	struct yt_str text = yt_buf_str(&p->text);
	int lines = 0;

	for (uint32_t at = 0; at < text.n; lines++) {
		const char *end = memchr(text.p + at, '\n', text.n - at);

		YT_ASSERT(end, "a problem without an end");
		YT_ASSERT(yt_str_starts(yt_str(text.p + at, text.n - at), YT_S("r.conf:")), "a problem without its file");
		at = (uint32_t)(end - text.p) + 1;
	}
	YT_ASSERT(lines == p->errors + p->warnings, "one line a problem");
	YT_ASSERT(yt_utf8_bad(text) == text.n, "the UTF-8 of a problem");
}

static void rules_names(const struct yt_ruleset *rs)
{
	for (size_t k = 0; k < rs->n_shops; k++)
		YT_ASSERT(yt_ruleset_shop(rs, rs->shops[k].shop) == &rs->shops[k] && rs->shops[k].zone && rs->shops[k].currency.n == 3, "a shop");
	for (size_t k = 0; k < rs->n_coupons; k++)
		YT_ASSERT(yt_ruleset_coupon(rs, rs->coupons[k].name) == &rs->coupons[k] && rs->coupons[k].index == (int)k, "a coupon");
	for (size_t k = 0; k < rs->n_rules; k++)
		YT_ASSERT(yt_ruleset_rule(rs, rs->rules[k].name) == &rs->rules[k] && !(rs->rules[k].on & ~rs->on), "a rule");
	for (size_t k = 0; k < rs->n_products; k++)
		YT_ASSERT(yt_ruleset_product(rs, rs->products[k].hash) == &rs->products[k] && rs->products[k].lasts_ms > 0, "a product");
}

/* What the core asks of instants, in every zone of the set. */
static void rules_instants(const struct yt_ruleset *rs)
{
	for (size_t k = 0; k < rs->n_shops; k++) {
		const struct yt_zone *zone = rs->shops[k].zone;

		for (size_t i = 0; i < rs->n_coupons; i++) {
			const struct yt_coupon_rules *c = &rs->coupons[i];

			YT_ASSERT(yt_instant_ok(c->valid_from_text) && yt_instant_ok(c->valid_until_text), "the instants of a coupon");
			if (c->valid_from_text.n && c->valid_until_text.n)
				YT_ASSERT(yt_instant_local_ms(zone, c->valid_from_text, false) <= yt_instant_local_ms(zone, c->valid_until_text, true),
				          "a coupon ends behind its beginning");
		}
		for (size_t i = 0; i < rs->n_rules; i++)
			YT_ASSERT(yt_instant_ok(rs->rules[i].from_text) && yt_instant_ok(rs->rules[i].until_text), "the instants of a rule");
	}
}

static void rules_same(const struct yt_ruleset *a, const struct yt_ruleset *b)
{
	YT_ASSERT(b, "the set, read again");
	YT_ASSERT(a->digest == b->digest && yt_str_eq(a->tag, b->tag) && a->revision == b->revision, "the set, read again");
	YT_ASSERT(a->n_shops == b->n_shops && a->n_coupons == b->n_coupons && a->n_rules == b->n_rules && a->n_products == b->n_products && a->on == b->on,
	          "what the set has, read again");
	for (size_t k = 0; k < a->n_rules; k++)
		YT_ASSERT(yt_str_eq(a->rules[k].name, b->rules[k].name) && a->rules[k].n_params == b->rules[k].n_params, "the order of the rules, read again");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yt_str bytes = yt_str((const char *)data, size);
	struct yt_problems problems, again;
	const struct yt_ruleset *rs;
	struct yt_arena a;

	yt_types_init();
	yt_arena_init(&a, 0);
	yt_problems_init(&problems, "r.conf");
	yt_problems_init(&again, "r.conf");
	rs = yt_ruleset_parse(&a, bytes, rules_load, NULL, &problems);
	YT_ASSERT(!rs == (problems.errors > 0), "a set or an error");
	rules_problems(&problems);
	if (rs) {
		rules_same(rs, yt_ruleset_parse(&a, bytes, rules_load, NULL, &again));
		YT_ASSERT(yt_str_eq(yt_buf_str(&problems.text), yt_buf_str(&again.text)), "the warnings, read again");
		rules_names(rs);
		rules_instants(rs);
	}
	yt_problems_deinit(&problems);
	yt_problems_deinit(&again);
	yt_arena_deinit(&a);
	return 0;
}
