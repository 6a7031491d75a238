/* Expressions: a subset of the Common Expression Language (https://cel.dev), typed when loaded, evaluated over facts.
 * This version: literals, names, == != < <= > >=, && || !, + - *, has(), duration("72h"). What it lacks is refused by name. */
#ifndef YT_RULES_EXPR_H
#define YT_RULES_EXPR_H

#include "yutang/base/arena.h"
#include "yutang/rules/value.h"

/* What one expression may be at most; more is refused when it is compiled. */
enum {
	YT_EXPR_TEXT_MAX = 4096,   /* bytes of its text */
	YT_EXPR_DEPTH_MAX = 64,    /* operators within operators, parentheses within parentheses; `a && b && c` is one deep */
	YT_EXPR_COST_MAX = 100000, /* one for each node, and for each byte that joining or comparing texts may touch */
	YT_EXPR_NAME_BYTES = 128,  /* the longest text that a name can be worth */
};

struct yt_expr; /* typed tree, in the arena it was compiled into; immutable, any thread */

/* Which groups of names are there: bits, from the rule's `on` list. now, shop and member are always there. */
enum {
	YT_SCOPE_EVENT = 1,
	YT_SCOPE_ORDER = 2,
	YT_SCOPE_GROUP = 4,
	YT_SCOPE_CONTACT = 8,
};

/* A group or an `event.<field>` is in scope where at least one of the types has it; for an event of another type it is absent: `has()` is
 * false, using it is an error of the evaluation. */
struct yt_scope {
	unsigned groups; /* YT_SCOPE_* */
	uint32_t types;  /* bit per enum yt_type: `event.<field>` must be a field of one of them */
};
struct yt_scope yt_scope_of(uint32_t types);

/* Compiles `text`; on a fault NULL and one line in msg: `column 8: what; did you mean that?`. What the tree needs it copies: text may go. */
struct yt_expr *yt_expr_compile(struct yt_arena *a, struct yt_str text, const struct yt_scope *scope, char msg[256]);
enum yt_vtype yt_expr_type(const struct yt_expr *e);

/* False on an evaluation error (absent name, overflow), msg (64 bytes, may be NULL) says which. Allocates in the arena only where texts are
 * joined; a text in *out lives as long as the arena, the tree and what the facts borrowed from. */
bool yt_expr_eval(const struct yt_expr *e, struct yt_arena *a, yt_facts_fn facts, const void *ctx, struct yt_value *out, char msg[64]);

/* The event fields that the expression names, as a bit set over enum yt_field: a timer keeps these. `event.at` counts as the field that is
 * the own instant of each type in scope; `event.type` as none, it is in the fact. */
uint64_t yt_expr_event_fields(const struct yt_expr *e);

#endif
