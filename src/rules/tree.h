/* The tree of an expression, and what its stages share: lexer -> parser -> checker (names, types) -> evaluator. Private to this room.
 * The parser leaves IDENT, SELECT and CALL; the checker turns them into NAME, HAS and APPLY, so that the evaluator sees no text. */
#ifndef YT_RULES_TREE_H
#define YT_RULES_TREE_H

#include "yutang/rules/expr.h"

enum yt_op {
	YT_OP_LITERAL, /* value */
	YT_OP_IDENT,   /* word */
	YT_OP_SELECT,  /* word: the field, args: of what */
	YT_OP_CALL,    /* word: the function, args: of a method its object first */
	YT_OP_NAME,    /* name */
	YT_OP_HAS,     /* name */
	YT_OP_APPLY,   /* overload, args */
	YT_OP_AND,     /* two args or more */
	YT_OP_OR,
	YT_OP_NOT,
	YT_OP_NEGATE,
	YT_OP_ADD,
	YT_OP_SUBTRACT,
	YT_OP_MULTIPLY,
	YT_OP_EQ,
	YT_OP_NE,
	YT_OP_LT,
	YT_OP_LE,
	YT_OP_GT,
	YT_OP_GE,
};

struct yt_eval;

/* What an operator or a function does to values of exact types. False: an evaluation error, said by yt_eval_fault. */
struct yt_overload {
	enum yt_op op;        /* CALL: a function of that name */
	const char *function;
	int n_args; /* 1 or 2 */
	enum yt_vtype args[2], result;
	bool (*apply)(struct yt_eval *ev, const struct yt_value *args, struct yt_value *out);
};
extern const struct yt_overload yt_overloads[];
extern const size_t yt_n_overloads;

struct yt_node {
	enum yt_op op;
	enum yt_vtype type; /* set by the checker */
	uint32_t at;        /* where it stands in the text: byte offset of its operator or first word */
	uint32_t depth;     /* 1: a leaf */
	uint32_t bytes_max; /* of a string: the longest it can be */
	int n_args;
	bool method; /* CALL: args[0] is the object before the dot */
	struct yt_node *args, *next;
	union {
		struct yt_value value;
		struct yt_str word;
		enum yt_name name;
		const struct yt_overload *overload;
	};
};

struct yt_expr {
	struct yt_node *root;
	uint64_t event_fields;
};

/* One compilation. */
struct yt_compile {
	struct yt_arena *arena;
	struct yt_str text;
	const struct yt_scope *scope;
	char *msg; /* 256 bytes; the first fault stays */
	bool failed;
	uint64_t event_fields;
	uint64_t cost;
};

/* Says the fault at that byte of the text, once. Returns NULL, as a bool false, so that a function can end with it. */
void *yt_compile_fault(struct yt_compile *c, uint32_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* NULL: failed. */
struct yt_node *yt_expr_parse(struct yt_compile *c);
bool yt_expr_check(struct yt_compile *c, struct yt_node *n);

/* The name as a text, for messages. */
struct yt_str yt_name_text(struct yt_arena *a, enum yt_name name);

/* One evaluation. */
struct yt_eval {
	struct yt_arena *arena;
	yt_facts_fn facts;
	const void *ctx;
	const char *fault; /* of the error on its way up */
	int absent; /* the enum yt_name that is absent, -1: the fault is another */
};
/* Returns false. */
bool yt_eval_fault(struct yt_eval *ev, const char *text);

#endif
