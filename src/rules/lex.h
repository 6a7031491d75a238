/* The words of an expression, by the lexical grammar of the CEL specification. Private to this room. */
#ifndef YT_RULES_LEX_H
#define YT_RULES_LEX_H

#include "yutang/base/arena.h"

enum yt_tok {
	YT_TOK_END,
	YT_TOK_BAD, /* fault says why */
	YT_TOK_INT, /* magnitude; the sign is the parser's */
	YT_TOK_UINT,
	YT_TOK_DOUBLE,
	YT_TOK_STRING, /* text: decoded */
	YT_TOK_BYTES,
	YT_TOK_IDENT,
	YT_TOK_QUOTED, /* `a field` behind a dot, in backticks; text: without them */
	YT_TOK_EQ,
	YT_TOK_NE,
	YT_TOK_LT,
	YT_TOK_LE,
	YT_TOK_GT,
	YT_TOK_GE,
	YT_TOK_AND,
	YT_TOK_OR,
	YT_TOK_NOT,
	YT_TOK_PLUS,
	YT_TOK_MINUS,
	YT_TOK_STAR,
	YT_TOK_SLASH,
	YT_TOK_PERCENT,
	YT_TOK_QUESTION,
	YT_TOK_COLON,
	YT_TOK_COMMA,
	YT_TOK_DOT,
	YT_TOK_LPAREN,
	YT_TOK_RPAREN,
	YT_TOK_LBRACKET,
	YT_TOK_RBRACKET,
	YT_TOK_LBRACE,
	YT_TOK_RBRACE,
};

struct yt_token {
	enum yt_tok kind;
	struct yt_str raw; /* its bytes in the source */
	struct yt_str text; /* IDENT: raw; QUOTED: inside; STRING, BYTES: the decoded bytes */
	uint64_t magnitude;
	double number;
};

struct yt_lexer {
	struct yt_arena *arena; /* decoded texts */
	struct yt_str source;
	uint32_t at;
	const char *fault; /* of the last YT_TOK_BAD */
	uint32_t fault_at;
};

void yt_lex_next(struct yt_lexer *lx, struct yt_token *tok);

#endif
