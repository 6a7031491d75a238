/* The grammar of the CEL specification by recursive descent. All of it is known here, so that what is not part of this language is refused
 * by its name and not as a fault of grammar. */
#include "tree.h"

#include "lex.h"

struct parser {
	struct yt_compile *c;
	struct yt_lexer lexer;
	struct yt_token tok;
	uint32_t end; /* where the token before this one ends */
	int depth; /* of the recursion */
};

static struct yt_node *parse_expr(struct parser *p);
static struct yt_node *parse_binary(struct parser *p, int level);

static uint32_t here(const struct parser *p)
{
	return (uint32_t)(p->tok.raw.p - p->c->text.p);
}

static void advance(struct parser *p)
{
	p->end = p->lexer.at;
	yt_lex_next(&p->lexer, &p->tok);
	if (p->tok.kind == YT_TOK_BAD)
		yt_compile_fault(p->c, p->lexer.fault_at, "%s", p->lexer.fault);
}

static bool tok_is_word(const struct parser *p, const char *word)
{
	return p->tok.kind == YT_TOK_IDENT && yt_str_eq(p->tok.text, yt_str_z(word));
}

static struct yt_node *unexpected(struct parser *p, const char *wanted)
{
	if (p->tok.kind == YT_TOK_END)
		return yt_compile_fault(p->c, here(p), "the expression ends where %s is wanted", wanted);
	return yt_compile_fault(p->c, here(p), "%.*s where %s is wanted", YT_FMT(p->tok.raw), wanted);
}

/* --- nodes --- */

static struct yt_node *node_new(struct parser *p, enum yt_op op, uint32_t at)
{
	struct yt_node *n = yt_arena_zalloc(p->c->arena, sizeof(*n));

	n->op = op;
	n->at = at;
	n->depth = 1;
	return n;
}

/* Appends the argument; NULL in, NULL out, so that a fault passes through. */
static struct yt_node *node_add(struct parser *p, struct yt_node *n, struct yt_node *arg)
{
	struct yt_node **end;

	if (!n || !arg)
		return NULL;
	for (end = &n->args; *end; end = &(*end)->next)
		;
	*end = arg;
	n->n_args++;
	if (arg->depth + 1 > n->depth)
		n->depth = arg->depth + 1;
	if (n->depth > YT_EXPR_DEPTH_MAX)
		return yt_compile_fault(p->c, n->at, "more than %d operators within each other", YT_EXPR_DEPTH_MAX);
	return n;
}

/* What was read of it since `from`; parentheses around it are not its own. NULL passes through. */
static struct yt_node *node_span(const struct parser *p, struct yt_node *n, uint32_t from)
{
	if (n && !n->end) {
		n->begin = from;
		n->end = p->end;
	}
	return n;
}

/* --- primary --- */

static struct yt_node *parse_int(struct parser *p, bool negative, uint32_t at)
{
	struct yt_node *n = node_new(p, YT_OP_LITERAL, at);
	uint64_t max = (uint64_t)INT64_MAX + (negative ? 1 : 0);

	if (p->tok.magnitude > max)
		return yt_compile_fault(p->c, at, "this number does not fit into an int");
	n->value.type = YT_V_INT;
	n->value.i = negative ? (int64_t)(0 - p->tok.magnitude) : (int64_t)p->tok.magnitude;
	advance(p);
	return n;
}

static struct yt_node *parse_double(struct parser *p, bool negative, uint32_t at)
{
	struct yt_node *n = node_new(p, YT_OP_LITERAL, at);

	n->value.type = YT_V_DOUBLE;
	n->value.d = negative ? -p->tok.number : p->tok.number;
	advance(p);
	return n;
}

static struct yt_node *parse_text(struct parser *p)
{
	struct yt_node *n = node_new(p, YT_OP_LITERAL, here(p));

	n->value.type = YT_V_STRING;
	n->value.s = p->tok.text;
	advance(p);
	return n;
}

/* Expressions with commas between them behind an opening token, up to and with the closing one, into n. */
static struct yt_node *parse_list_of(struct parser *p, struct yt_node *n, enum yt_tok close, const char *wanted)
{
	bool call = close == YT_TOK_RPAREN;

	advance(p);
	if (!call && p->tok.kind == YT_TOK_COMMA)
		advance(p); /* `[,]` is empty */
	else
		while (n && !p->c->failed && p->tok.kind != close) {
			n = node_add(p, n, parse_expr(p));
			if (n && close == YT_TOK_RBRACE) {
				if (p->tok.kind != YT_TOK_COLON)
					return unexpected(p, "`:`");
				advance(p);
				n = node_add(p, n, parse_expr(p));
			}
			if (!n || p->tok.kind != YT_TOK_COMMA)
				break;
			advance(p);
			if (call && p->tok.kind == close)
				return unexpected(p, "a value");
		}
	if (!n || p->c->failed)
		return NULL;
	if (p->tok.kind != close)
		return unexpected(p, wanted);
	advance(p);
	return n;
}

static struct yt_node *parse_args(struct parser *p, struct yt_node *call)
{
	return parse_list_of(p, call, YT_TOK_RPAREN, "`,` or `)`");
}

static bool is_reserved(struct yt_str word)
{
	static const char *const reserved[] = {
		"as",  "break", "const",  "continue", "else",      "for",    "function", "if",   "import",
		"let", "loop",  "package", "namespace", "return", "var",      "void", "while",
	};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (yt_str_eq(word, yt_str_z(reserved[i])))
			return true;
	}
	return false;
}

static bool is_keyword(struct yt_str word)
{
	return yt_str_eq(word, YT_S("true")) || yt_str_eq(word, YT_S("false")) || yt_str_eq(word, YT_S("null")) || yt_str_eq(word, YT_S("in"));
}

static struct yt_node *parse_ident(struct parser *p)
{
	uint32_t at = here(p);
	struct yt_str word = p->tok.text;
	struct yt_node *n;

	if (is_keyword(word))
		return unexpected(p, "a value");
	if (is_reserved(word))
		return yt_compile_fault(p->c, at, "%.*s is a reserved word", YT_FMT(word));
	advance(p);
	n = node_new(p, p->tok.kind == YT_TOK_LPAREN ? YT_OP_CALL : YT_OP_IDENT, at);
	n->word = yt_arena_dup(p->c->arena, word);
	return n->op == YT_OP_CALL ? parse_args(p, n) : n;
}

static struct yt_node *parse_word(struct parser *p)
{
	uint32_t at = here(p);
	struct yt_node *n;

	if (tok_is_word(p, "true") || tok_is_word(p, "false")) {
		n = node_new(p, YT_OP_LITERAL, at);
		n->value = (struct yt_value){ .type = YT_V_BOOL, .b = p->tok.text.n == 4 };
		advance(p);
		return n;
	}
	if (tok_is_word(p, "null")) {
		n = node_new(p, YT_OP_LITERAL, at);
		advance(p);
		return n;
	}
	return parse_ident(p);
}

/* `.name`: not what a macro's variable of that name is. */
static struct yt_node *parse_root(struct parser *p)
{
	struct yt_node *n;

	advance(p);
	if (p->tok.kind != YT_TOK_IDENT)
		return unexpected(p, "a name");
	n = parse_ident(p);
	if (n && n->op == YT_OP_IDENT)
		n->root = true;
	return n;
}

static struct yt_node *parse_parens(struct parser *p)
{
	struct yt_node *n;

	advance(p);
	n = parse_expr(p);
	if (!n)
		return NULL;
	if (p->tok.kind != YT_TOK_RPAREN)
		return unexpected(p, "`)`");
	advance(p);
	return n;
}

static struct yt_node *parse_primary(struct parser *p)
{
	switch (p->tok.kind) {
	case YT_TOK_INT:
		return parse_int(p, false, here(p));
	case YT_TOK_DOUBLE:
		return parse_double(p, false, here(p));
	case YT_TOK_STRING:
		return parse_text(p);
	case YT_TOK_IDENT:
		return parse_word(p);
	case YT_TOK_LPAREN:
		return parse_parens(p);
	case YT_TOK_UINT:
		return yt_compile_fault(p->c, here(p), "unsigned numbers (%.*s) are not part of this language", YT_FMT(p->tok.raw));
	case YT_TOK_BYTES:
		return yt_compile_fault(p->c, here(p), "bytes (%.*s) are not part of this language", YT_FMT(p->tok.raw));
	case YT_TOK_DOT:
		return parse_root(p);
	case YT_TOK_LBRACKET:
		return parse_list_of(p, node_new(p, YT_OP_LIST, here(p)), YT_TOK_RBRACKET, "`,` or `]`");
	case YT_TOK_LBRACE:
		return parse_list_of(p, node_new(p, YT_OP_MAP, here(p)), YT_TOK_RBRACE, "`,` or `}`");
	default:
		return unexpected(p, "a value");
	}
}

/* `.field` or `.method(...)`, the token at hand being the dot. */
static struct yt_node *parse_select(struct parser *p, struct yt_node *of)
{
	struct yt_node *n;
	struct yt_str word;
	uint32_t at;
	bool quoted;

	advance(p);
	if ((p->tok.kind != YT_TOK_IDENT || is_keyword(p->tok.text)) && p->tok.kind != YT_TOK_QUOTED)
		return unexpected(p, "the name of a field");
	at = here(p);
	quoted = p->tok.kind == YT_TOK_QUOTED;
	word = p->tok.text;
	advance(p);
	n = node_new(p, p->tok.kind == YT_TOK_LPAREN && !quoted ? YT_OP_CALL : YT_OP_SELECT, at);
	n->word = yt_arena_dup(p->c->arena, word);
	n = node_add(p, n, of);
	if (!n || n->op == YT_OP_SELECT)
		return n;
	n->method = true;
	return parse_args(p, n);
}

/* `[index]`, the token at hand being the bracket. */
static struct yt_node *parse_index(struct parser *p, struct yt_node *of)
{
	struct yt_node *n = node_add(p, node_new(p, YT_OP_INDEX, here(p)), of);

	advance(p);
	n = node_add(p, n, parse_expr(p));
	if (!n)
		return NULL;
	if (p->tok.kind != YT_TOK_RBRACKET)
		return unexpected(p, "`]`");
	advance(p);
	return n;
}

static struct yt_node *parse_member(struct parser *p)
{
	uint32_t from = here(p);
	struct yt_node *n = node_span(p, parse_primary(p), from);

	while (n && !p->c->failed) {
		if (p->tok.kind == YT_TOK_DOT)
			n = parse_select(p, n);
		else if (p->tok.kind == YT_TOK_LBRACKET)
			n = parse_index(p, n);
		else if (p->tok.kind == YT_TOK_LBRACE && (n->op == YT_OP_IDENT || n->op == YT_OP_SELECT))
			n = yt_compile_fault(p->c, here(p), "messages ({}) are not part of this language");
		else
			break;
		node_span(p, n, from);
	}
	return n;
}

/* --- operators --- */

static struct yt_node *parse_unary(struct parser *p)
{
	uint32_t at = here(p);
	enum yt_tok sign = p->tok.kind;
	struct yt_node *n;

	if (p->c->failed)
		return NULL;
	if (sign != YT_TOK_NOT && sign != YT_TOK_MINUS)
		return parse_member(p);
	advance(p);
	/* The sign belongs to the literal: the least int has no positive twin. */
	if (sign == YT_TOK_MINUS && p->tok.kind == YT_TOK_INT)
		return node_span(p, parse_int(p, true, at), at);
	if (sign == YT_TOK_MINUS && p->tok.kind == YT_TOK_DOUBLE)
		return node_span(p, parse_double(p, true, at), at);
	if (++p->depth > YT_EXPR_DEPTH_MAX)
		return yt_compile_fault(p->c, at, "more than %d operators within each other", YT_EXPR_DEPTH_MAX);
	n = node_new(p, sign == YT_TOK_NOT ? YT_OP_NOT : YT_OP_NEGATE, at);
	n = node_span(p, node_add(p, n, parse_unary(p)), at);
	p->depth--;
	return n;
}

struct binary {
	enum yt_tok tok;
	int level; /* higher binds tighter */
	enum yt_op op;
};

static const struct binary *binary_at(const struct parser *p)
{
	static const struct binary in = { YT_TOK_IDENT, 3, YT_OP_IN };
	static const struct binary table[] = {
		{ YT_TOK_OR, 1, YT_OP_OR },
		{ YT_TOK_AND, 2, YT_OP_AND },
		{ YT_TOK_EQ, 3, YT_OP_EQ },
		{ YT_TOK_NE, 3, YT_OP_NE },
		{ YT_TOK_LT, 3, YT_OP_LT },
		{ YT_TOK_LE, 3, YT_OP_LE },
		{ YT_TOK_GT, 3, YT_OP_GT },
		{ YT_TOK_GE, 3, YT_OP_GE },
		{ YT_TOK_PLUS, 4, YT_OP_ADD },
		{ YT_TOK_MINUS, 4, YT_OP_SUBTRACT },
		{ YT_TOK_STAR, 5, YT_OP_MULTIPLY },
		{ YT_TOK_SLASH, 5, YT_OP_DIVIDE },
		{ YT_TOK_PERCENT, 5, YT_OP_MODULO },
	};

	if (tok_is_word(p, "in"))
		return &in;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].tok == p->tok.kind)
			return &table[i];
	}
	return NULL;
}

/* `a && b && c` is one node of three arguments: which of them comes first to false or to an error does not change what it is worth. */
static bool is_chain(const struct yt_node *left, enum yt_op op)
{
	return left->op == op && (op == YT_OP_AND || op == YT_OP_OR);
}

static struct yt_node *parse_binary(struct parser *p, int level)
{
	uint32_t from = here(p);
	struct yt_node *left = parse_unary(p), *n;
	const struct binary *b;

	while (left && !p->c->failed && (b = binary_at(p)) && b->level >= level) {
		uint32_t at = here(p);

		advance(p);
		n = is_chain(left, b->op) ? left : node_add(p, node_new(p, b->op, at), left);
		left = node_add(p, n, parse_binary(p, b->level + 1));
		if (left)
			left->end = 0; /* a chain has grown */
		node_span(p, left, from);
	}
	return left;
}

/* `? a : b` behind its condition. What stands in the middle is no conditional itself, unless in parentheses. */
static struct yt_node *parse_conditional(struct parser *p, struct yt_node *condition)
{
	struct yt_node *n = node_add(p, node_new(p, YT_OP_COND, here(p)), condition);

	advance(p);
	n = node_add(p, n, parse_binary(p, 1));
	if (!n)
		return NULL;
	if (p->tok.kind != YT_TOK_COLON)
		return unexpected(p, "`:`");
	advance(p);
	return node_add(p, n, parse_expr(p));
}

static struct yt_node *parse_expr(struct parser *p)
{
	struct yt_node *n;

	uint32_t from = here(p);

	if (++p->depth > YT_EXPR_DEPTH_MAX)
		return yt_compile_fault(p->c, here(p), "more than %d parentheses within each other", YT_EXPR_DEPTH_MAX);
	n = parse_binary(p, 1);
	if (n && !p->c->failed && p->tok.kind == YT_TOK_QUESTION)
		n = node_span(p, parse_conditional(p, n), from);
	p->depth--;
	return p->c->failed ? NULL : n;
}

static struct yt_node *behind_the_end(struct parser *p)
{
	static const char *const words[][2] = { { "and", "&&" }, { "or", "||" }, { "AND", "&&" }, { "OR", "||" }, { "is", "==" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (tok_is_word(p, words[i][0]))
			return yt_compile_fault(p->c, here(p), "%s is no operator; did you mean %s?", words[i][0], words[i][1]);
	}
	return unexpected(p, "an operator");
}

struct yt_node *yt_expr_parse(struct yt_compile *c)
{
	struct parser p = { .c = c, .lexer = { .arena = c->arena, .source = c->text, .at = c->from } };
	struct yt_node *n;

	advance(&p);
	n = parse_expr(&p);
	if (n && p.tok.kind != YT_TOK_END)
		n = behind_the_end(&p);
	return c->failed ? NULL : n;
}
