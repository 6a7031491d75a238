/* What the reader of the rule file shares: the table of keys, the readers of values, the instants. Private to this room. */
#ifndef YT_RULES_RULEFILE_H
#define YT_RULES_RULEFILE_H

#include "yutang/rules/ruleset.h"

/* One reading of one file. */
struct yt_rulefile {
	struct yt_arena *arena;
	struct yt_problems *problems;
	yt_zone_loader load;
	void *load_ctx;
	struct yt_ini_section *sections;
	struct yt_ruleset *rs;
	struct loaded_zone *zones; /* each zone of the file once */
	const char **templates;    /* names of the coupons, in file order; known before the first section is read */
};

struct yt_key_row;

/* Reads the value into the field of target that the row names, or says what is wrong with it. */
typedef bool (*yt_read_fn)(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);

struct yt_key_row {
	struct yt_rules_key doc;
	yt_read_fn read; /* NULL: not in this version */
	size_t offset;   /* of the field in the section's struct */
	int64_t min, max; /* of integers, and of durations in ms */
	int arg;         /* what the reader makes of it */
};

struct yt_section_row {
	const char *kind;
	enum { YT_NAME_NONE, YT_NAME_SHOP, YT_NAME_SKU, YT_NAME_PLAIN } name;
	int max; /* how many of them */
};

const struct yt_section_row *yt_section_row(struct yt_str kind);
const struct yt_key_row *yt_key_row(struct yt_str section, struct yt_str key);
/* Walks the rows: those of the section, from index *i on. NULL behind the last. */
const struct yt_key_row *yt_key_next(struct yt_str section, size_t *i);

/* The fault of a word that no table has, with what may have been meant. */
void yt_unknown_section(struct yt_rulefile *f, const struct yt_ini_section *sec);
void yt_unknown_key(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_ini_entry *e);

/* The first entry of that key, whether or not its value is right; NULL where there is none. */
const struct yt_ini_entry *yt_entry(const struct yt_ini_section *sec, const char *key);

/* `[a-z0-9][a-z0-9-]{0,62}`; of kinds also `_` behind the first. */
bool yt_is_name(struct yt_str s, bool underscore);
bool yt_is_shop(struct yt_str s);
/* An id of EVENTS.md. */
bool yt_is_sku(struct yt_str s);

/* Readers (read.c). */
bool yt_read_name(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_kind(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_int(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_duration(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_yes_no(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_instant(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_currency(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
/* The zone of that name, read once; NULL where there is none. `file` is the struct yt_rulefile. */
const struct yt_zone *yt_rulefile_zone(void *file, struct yt_str name);
bool yt_read_zone(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_discount(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_period(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_quiet_hours(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_caps(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_on(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_once(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_pending(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_to(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_need(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_hold(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_give(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_check(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_tag(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
bool yt_read_template(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
/* Read when the whole section is there: expressions (`on` says which names they have), `after`, params. */
bool yt_read_with_section(struct yt_rulefile *f, const struct yt_key_row *k, const struct yt_ini_entry *e, void *target);
/* Compiles what the entry has from byte `from` to the end of `text`, which begins as its value does. NULL: each fault was told. */
const struct yt_expr *yt_read_expr(struct yt_rulefile *f, const struct yt_ini_entry *e, struct yt_str text, uint32_t from,
                                   const struct yt_scope *scope);

/* param.* (param.c): the text into its parts, or what is wrong with it. */
bool yt_read_param(struct yt_rulefile *f, const struct yt_ini_entry *e, const struct yt_scope *scope, struct yt_param *out);

/* [tier] (tier.c): what its keys ask of each other; then, of all of them, that no two have one rank. */
void yt_check_tier(struct yt_rulefile *f, const struct yt_ini_section *sec, const struct yt_tier *t);
void yt_check_ranks(struct yt_rulefile *f);

/* Warns of rules whose coupons set each other off for ever (loop.c); the rules are in file order. */
void yt_warn_loops(struct yt_rulefile *f);

/* Instants. Years from 2000 on; no leap second. */
struct yt_instant {
	int year, month, day, hour, minute, second;
	bool has_time;
};
bool yt_instant_parse(struct yt_str text, struct yt_instant *out);
/* Civil seconds, to compare two of them in whatever zone; until: of a day its end. */
int64_t yt_instant_seconds(const struct yt_instant *i, bool until);

#endif
