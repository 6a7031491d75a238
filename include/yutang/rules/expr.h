/* Expressions: the Common Expression Language (https://cel.dev) in the subset of RULES.md, typed when loaded, evaluated over facts or, for
 * `yutang eval`, over variables. */
#ifndef YT_RULES_EXPR_H
#define YT_RULES_EXPR_H

#include "yutang/base/arena.h"
#include "yutang/rules/value.h"
#include "yutang/rules/zone.h"

/* What one expression may be at most; more is refused when it is compiled. */
enum {
	YT_EXPR_TEXT_MAX = 4096,   /* bytes of its text */
	YT_EXPR_DEPTH_MAX = 64,    /* operators within operators, parentheses within parentheses; `a && b && c` is one deep */
	YT_EXPR_COST_MAX = 100000, /* one for each node, as often as a macro may come to it, and for each byte or element that it may touch */
	YT_EXPR_NAME_BYTES = 128,  /* the longest text that a name can be worth, or an element of it */
	YT_EXPR_NAME_ITEMS = 500,  /* the most elements that a list can have that a name is worth (EVENTS.md, Envelope) */
	YT_EXPR_NAME_FIELDS = 4,   /* the most entries of a map in it */
};

struct yt_expr; /* typed tree, in the arena it was compiled into; immutable, any thread */

/* Which groups of names are there: bits, from the rule's `on` list. now, shop and member are always there. */
enum {
	YT_SCOPE_EVENT = 1,
	YT_SCOPE_ORDER = 2,
	YT_SCOPE_GROUP = 4,
	YT_SCOPE_CONTACT = 8,
	YT_SCOPE_COUPON = 16,
	YT_SCOPE_PRESALE = 32,
	YT_SCOPE_SHARE = 64,
	YT_SCOPE_GIFT = 128,
	YT_SCOPE_REFERRAL = 256,
};

enum { YT_EXPR_FAULT_BYTES = 256 };

/* A variable; its name may be dotted. */
struct yt_var {
	struct yt_str name;
	struct yt_value value;
};

/* A group or an `event.<field>` is in scope where at least one of the types has it; for an event of another type it is absent: `has()` is
 * false, using it is an error of the evaluation. */
struct yt_scope {
	unsigned groups; /* YT_SCOPE_* */
	uint32_t types;  /* bit per enum yt_type and yt_on: `event.<field>` must be a field of one of them */
	bool kept;       /* evaluated when the event is long gone: what no timer keeps (items, codes, the buyer) is not known */
	const char *place; /* of `kept`, for messages: `still` */
	/* What member.has_coupon() may be asked of, and n_templates of them; NULL: of anything. */
	const char *const *templates;
	size_t n_templates;
	struct yt_zones zones; /* for the zones that the text names; find NULL: only UTC and `+05:30` */
	/* Not NULL: these are the names, and no other; they and zones.find must live as long as the expression, and zones that are not
	 * known before are asked for while it is evaluated. */
	const struct yt_var *vars;
	size_t n_vars;
	/* Told each fault of an expression: the first one of its grammar, else all of names and types, but for what depends on a faulty part. May be NULL. */
	void (*fault)(void *ctx, const char *msg);
	void *fault_ctx;
};
struct yt_scope yt_scope_of(uint32_t types);

/* Compiles `text`; on a fault NULL and the first one as a line in msg: `column 8: what; did you mean that?`. What the tree needs it copies: text may go. */
struct yt_expr *yt_expr_compile(struct yt_arena *a, struct yt_str text, const struct yt_scope *scope, char msg[YT_EXPR_FAULT_BYTES]);
enum yt_vtype yt_expr_type(const struct yt_expr *e); /* YT_V_DYN: known only with the value */
const struct yt_vkind *yt_expr_kind(const struct yt_expr *e);

/* False on an evaluation error (absent name, overflow), msg (64 bytes, may be NULL) says which. Allocates in the arena only, and no more than the
 * cost allows; what *out borrows lives as long as the arena, the tree and what the facts borrowed from. `facts` may be NULL where the scope
 * had variables. */
bool yt_expr_eval(const struct yt_expr *e, struct yt_arena *a, yt_facts_fn facts, const void *ctx, struct yt_value *out, char msg[64]);

/* Something in an expression, and what it was worth. */
struct yt_operand {
	struct yt_str text;
	bool known;            /* else it is absent */
	struct yt_value value;
	const struct yt_operand *next;
};

/* A part of a condition that keeps it from being true. */
struct yt_part {
	struct yt_str text; /* as it was written */
	char error[64];     /* empty: it is false */
	const struct yt_operand *operands; /* the sides of a comparison, then each name in it; constants are left out */
	const struct yt_part *next;
};

/* The parts of a condition that keep it from being true, under these facts: of `a && b` the first that is false (where none is, the first error), of
 * `a || b` all sides, each taken apart in turn; whatever else it is, is one part. NULL: it is true. In the arena; for people, not for the hot
 * path. */
const struct yt_part *yt_expr_why(const struct yt_expr *e, struct yt_arena *a, yt_facts_fn facts, const void *ctx);

/* The event fields that the expression names, as a bit set over enum yt_field: a timer keeps these, but for lists and maps. `order.items` counts
 * as the items of the event, `event.at` as the field that is the own instant of each type in scope; `event.type` as none, it is in the fact. */
uint64_t yt_expr_event_fields(const struct yt_expr *e);

/* --- as `yutang eval` has it */

enum { YT_VARS_BYTES_MAX = 1024 * 1024 };
/* `{"x": 1, "y": [1.5]}`: a number without fraction and exponent is an int. What it gives is in the arena and borrows from json. False: msg says
 * why. */
bool yt_vars_parse(struct yt_arena *a, struct yt_str json, const struct yt_var **vars, size_t *n_vars, char msg[128]);
/* `{"type":"list(int)","value":[1]}`: the type as far as the text tells it, else as the value is. */
void yt_result_json(struct yt_buf *b, struct yt_arena *a, const struct yt_expr *e, const struct yt_value *v);

#endif
