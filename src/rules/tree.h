/* The tree of an expression, and what its stages share: lexer -> parser -> checker (names, types, cost) -> evaluator. Private to this room.
 * The parser leaves IDENT, SELECT and CALL; the checker turns them into what stands below, so that the evaluator looks nothing up by name but
 * the keys of maps. */
#ifndef YT_RULES_TREE_H
#define YT_RULES_TREE_H

#include "yutang/rules/expr.h"

enum yt_op {
	YT_OP_LITERAL, /* value */
	YT_OP_IDENT,   /* word */
	YT_OP_SELECT,  /* word: the field, args: of what */
	YT_OP_CALL,    /* word: the function, args: of a method its object first */
	YT_OP_LIST,
	YT_OP_MAP,     /* args: key, value, key, value */
	YT_OP_INDEX,
	YT_OP_COND,
	YT_OP_AND,     /* two args or more */
	YT_OP_OR,
	YT_OP_NOT,
	YT_OP_NEGATE,
	YT_OP_ADD,
	YT_OP_SUBTRACT,
	YT_OP_MULTIPLY,
	YT_OP_DIVIDE,
	YT_OP_MODULO,
	YT_OP_EQ,
	YT_OP_NE,
	YT_OP_LT,
	YT_OP_LE,
	YT_OP_GT,
	YT_OP_GE,
	YT_OP_IN,
	/* from the checker */
	YT_OP_NAME,      /* name */
	YT_OP_HAS,       /* name */
	YT_OP_LOCAL,     /* slot: the variable of a macro */
	YT_OP_FIELD,     /* word, args: of which map */
	YT_OP_HAS_FIELD, /* word, args: of which map */
	YT_OP_APPLY,     /* overload, args */
	YT_OP_DISPATCH,  /* overload: the first of its group; which of them is chosen by the values */
	YT_OP_EXISTS,    /* slot; args: of what, the condition */
	YT_OP_ALL,
	YT_OP_EXISTS_ONE,
	YT_OP_FILTER,
	YT_OP_TRANSFORM, /* slot; args: of what, a condition or none, what each becomes */
};

struct yt_eval;

/* How a function is called. */
enum { YT_CALL_FREE = 1, YT_CALL_METHOD = 2 };

/* What an operator or a function does to values of exact types; entries of one operator, or of one function, stand together. False: an
 * evaluation error, said by yt_eval_fault. */
struct yt_overload {
	enum yt_op op;        /* CALL: a function of that name */
	const char *function;
	int style;            /* YT_CALL_*, of a function */
	int n_args; /* 1 or 2 */
	enum yt_vtype args[2], result;
	bool (*apply)(struct yt_eval *ev, const struct yt_value *args, struct yt_value *out);
	bool here; /* asks for the zone of the shop: no constant */
};
extern const struct yt_overload yt_overloads[];
extern const size_t yt_n_overloads;

/* Whether both entries are of one operator or one function. */
bool yt_overload_same(const struct yt_overload *a, const struct yt_overload *b);

/* The largest that a value can be: bytes of a string, elements of a list or map, and of these the largest in turn. */
struct yt_bound {
	uint32_t n;
	const struct yt_bound *key, *elem;
};

struct yt_node {
	enum yt_op op;
	const struct yt_vkind *type; /* set by the checker */
	uint32_t at;        /* where it stands in the text: byte offset of its operator or first word */
	uint32_t begin, end; /* all of it in the text, without parentheses around it; end 0: the checker made it */
	uint32_t depth;     /* 1: a leaf */
	int n_args;
	bool method; /* CALL: args[0] is the object before the dot */
	bool root;   /* IDENT: `.x`, which no macro's variable hides */
	bool by_value; /* EQ .. GE: of values whose types are not the same scalar */
	struct yt_node *args, *next;
	union {
		struct yt_value value;
		struct yt_str word;
		enum yt_name name;
		int slot;
		const struct yt_overload *overload;
	};
	uint64_t cost; /* with what is below it */
	struct yt_bound bound;
};

struct yt_expr {
	struct yt_node *root;
	struct yt_str text; /* of the root */
	uint64_t event_fields;
	struct yt_zones zones; /* find NULL: none is asked for while it is evaluated */
};

/* The variable of a macro, innermost first. */
struct yt_local {
	struct yt_str name;
	const struct yt_vkind *type;
	struct yt_bound bound;
	int slot;
	const struct yt_local *outer;
};

/* One compilation. */
struct yt_compile {
	struct yt_arena *arena;
	struct yt_str text;
	uint32_t from; /* where in the text the expression begins */
	const struct yt_scope *scope;
	char *msg; /* the first fault stays */
	bool failed;
	bool parsed; /* from here on a fault does not follow from the one before */
	uint64_t event_fields;
	const struct yt_local *locals;
};

/* Says the fault at that byte of the text. Returns NULL, as a bool false, so that a function can end with it. */
void *yt_compile_fault(struct yt_compile *c, uint32_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As yt_expr_compile, of an expression that begins at byte `from` of the text: columns are those of the whole text. */
struct yt_expr *yt_expr_compile_part(struct yt_arena *a, struct yt_str text, uint32_t from, const struct yt_scope *scope, char msg[YT_EXPR_FAULT_BYTES]);
/* 1-based, in characters. */
unsigned yt_expr_column(struct yt_str text, uint32_t at);

/* NULL: failed. */
struct yt_node *yt_expr_parse(struct yt_compile *c);
bool yt_expr_check(struct yt_compile *c, struct yt_node *n);

/* --- names (names.c) */

/* The name or variable that an IDENT, or a chain of SELECT on one, is; it becomes one node. *found false: it is none, or a macro's variable is
 * before it; nothing was changed. False: a fault was said. */
bool yt_check_name(struct yt_compile *c, struct yt_node *n, bool *found);
/* The same under `has()`. */
bool yt_check_has_name(struct yt_compile *c, struct yt_node *n, struct yt_node *field, bool *found);
/* Says that there is no such name. */
bool yt_unknown_name(struct yt_compile *c, const struct yt_node *n);
/* Whether a value stands before the last dot of n: a name, a macro's variable, or no chain of names at all. */
bool yt_has_object(struct yt_compile *c, const struct yt_node *n);
const struct yt_local *yt_local_find(const struct yt_compile *c, const struct yt_node *ident);
bool yt_is_one_of(struct yt_str word, const char *const *list, size_t n);
/* The name as a text, for messages. */
struct yt_str yt_name_text(struct yt_arena *a, enum yt_name name);

/* --- sizes and cost (bound.c); costs stay at 2^40 where they would be more */

uint64_t yt_cost_add(uint64_t a, uint64_t b);
uint64_t yt_cost_times(uint64_t a, uint64_t b);
/* What it takes to compare all of a value with another. */
uint64_t yt_bound_walk(const struct yt_bound *b);
struct yt_bound yt_bound_join(struct yt_arena *a, const struct yt_bound *x, const struct yt_bound *y);
struct yt_bound yt_bound_of_value(struct yt_arena *a, const struct yt_value *v);
struct yt_bound yt_bound_of_type(struct yt_arena *a, const struct yt_vkind *t);
/* The same of what the name is worth, which may be known to be smaller. */
struct yt_bound yt_bound_of_name(struct yt_arena *a, enum yt_name name, const struct yt_vkind *t);
/* The elements and entries in it, at any depth: what it takes to put it together. */
uint64_t yt_bound_parts(const struct yt_bound *b, const struct yt_vkind *t);
/* Of the elements of a list, of the keys of a map, as a macro goes through them. */
struct yt_bound yt_bound_range(struct yt_arena *a, const struct yt_bound *b, const struct yt_vkind *t);

/* --- one evaluation */

struct yt_fault {
	const char *text; /* NULL: none */
	int absent;       /* the enum yt_name that is absent, -1: the fault is another */
};

struct yt_eval {
	struct yt_arena *arena;
	yt_facts_fn facts; /* NULL: no names */
	const void *ctx;
	struct yt_zones zones;
	struct yt_fault fault; /* on its way up */
	struct yt_value *locals;
};
/* The fault, for a person. */
void yt_eval_say(const struct yt_eval *ev, char msg[64]);
/* Returns false. */
bool yt_eval_fault(struct yt_eval *ev, const char *text);
bool yt_node_eval(struct yt_eval *ev, const struct yt_node *n, struct yt_value *out);

#endif
