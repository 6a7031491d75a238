#include "lex.h"

#include <math.h>
#include <stdlib.h>

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* -1 where the character is no hex digit. */
static int hex_digit(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte at `at + ahead`, 0 behind the end: no token has a NUL in it. */
static int peek(const struct yt_lexer *lx, uint32_t ahead)
{
	return lx->at + ahead < lx->source.n ? (unsigned char)lx->source.p[lx->at + ahead] : 0;
}

static void bad(struct yt_lexer *lx, struct yt_token *tok, uint32_t at, const char *fault)
{
	tok->kind = YT_TOK_BAD;
	lx->fault = fault;
	lx->fault_at = at;
}

static void skip_blanks(struct yt_lexer *lx)
{
	for (;;) {
		int c = peek(lx, 0);

		if (c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r') {
			lx->at++;
		} else if (c == '/' && peek(lx, 1) == '/') {
			while (lx->at < lx->source.n && peek(lx, 0) != '\n')
				lx->at++;
		} else {
			return;
		}
	}
}

static void lex_hex(struct yt_lexer *lx, struct yt_token *tok)
{
	uint32_t start = lx->at;

	lx->at += 2;
	if (hex_digit(peek(lx, 0)) < 0) {
		bad(lx, tok, start, "0x without a digit");
		return;
	}
	for (int d; (d = hex_digit(peek(lx, 0))) >= 0; lx->at++) {
		if (tok->magnitude >> 60) {
			bad(lx, tok, start, "this number does not fit into an int");
			return;
		}
		tok->magnitude = tok->magnitude << 4 | (uint64_t)d;
	}
}

/* The decimal digits from start to lx->at, as an int. */
static void decimal_int(struct yt_lexer *lx, struct yt_token *tok, uint32_t start)
{
	for (uint32_t i = start; i < lx->at; i++) {
		if (__builtin_mul_overflow(tok->magnitude, 10, &tok->magnitude) ||
		    __builtin_add_overflow(tok->magnitude, (uint64_t)(lx->source.p[i] - '0'), &tok->magnitude)) {
			bad(lx, tok, start, "this number does not fit into an int");
			return;
		}
	}
}

static void decimal_double(struct yt_lexer *lx, struct yt_token *tok, uint32_t start)
{
	struct yt_str z = yt_arena_dup(lx->arena, yt_str(lx->source.p + start, lx->at - start));

	tok->kind = YT_TOK_DOUBLE;
	tok->number = strtod(z.p, NULL);
	if (isinf(tok->number))
		bad(lx, tok, start, "this number does not fit into a double");
}

/* Skips `.5` and `e-3` behind the digits; false where there is neither. */
static bool skip_fraction(struct yt_lexer *lx)
{
	uint32_t start = lx->at, sign;

	if (peek(lx, 0) == '.' && is_digit(peek(lx, 1))) {
		for (lx->at++; is_digit(peek(lx, 0));)
			lx->at++;
	}
	if (peek(lx, 0) == 'e' || peek(lx, 0) == 'E') {
		sign = peek(lx, 1) == '+' || peek(lx, 1) == '-';
		if (is_digit(peek(lx, 1 + sign))) {
			for (lx->at += 1 + sign; is_digit(peek(lx, 0));)
				lx->at++;
		}
	}
	return lx->at != start;
}

static void lex_number(struct yt_lexer *lx, struct yt_token *tok)
{
	uint32_t start = lx->at;

	tok->kind = YT_TOK_INT;
	if (peek(lx, 0) == '0' && (peek(lx, 1) == 'x' || peek(lx, 1) == 'X')) {
		lex_hex(lx, tok);
	} else {
		while (is_digit(peek(lx, 0)))
			lx->at++;
		if (skip_fraction(lx))
			decimal_double(lx, tok, start);
		else
			decimal_int(lx, tok, start);
	}
	if (tok->kind == YT_TOK_INT && (peek(lx, 0) == 'u' || peek(lx, 0) == 'U')) {
		tok->kind = YT_TOK_UINT;
		lx->at++;
	}
	if (tok->kind != YT_TOK_BAD && (is_word(peek(lx, 0)) || is_digit(peek(lx, 0))))
		bad(lx, tok, start, "a number that ends in letters (of a duration, write duration(\"72h\"))");
}

static char *put_utf8(char *p, uint32_t c)
{
	if (c < 0x80) {
		*p++ = (char)c;
	} else if (c < 0x800) {
		*p++ = (char)(0xc0 | c >> 6);
		*p++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*p++ = (char)(0xe0 | c >> 12);
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (char)(0x80 | (c & 0x3f));
	} else {
		*p++ = (char)(0xf0 | c >> 18);
		*p++ = (char)(0x80 | (c >> 12 & 0x3f));
		*p++ = (char)(0x80 | (c >> 6 & 0x3f));
		*p++ = (char)(0x80 | (c & 0x3f));
	}
	return p;
}

/* n digits of that base at lx->at; false where there are fewer. */
static bool escape_digits(struct yt_lexer *lx, int n, int base, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < n; i++, lx->at++) {
		int d = hex_digit(peek(lx, 0));

		if (d < 0 || d >= base)
			return false;
		*code = *code * (uint32_t)base + (uint32_t)d;
	}
	return true;
}

/* One escape behind its backslash. */
static bool lex_escape(struct yt_lexer *lx, bool bytes, char **p)
{
	static const char plain[] = "a\ab\bf\fn\nr\rt\tv\v\\\\??\"\"''``";
	int c = peek(lx, 0);
	uint32_t code;
	bool ok;

	for (const char *e = plain; *e; e += 2) {
		if (c == *e) {
			*(*p)++ = e[1];
			lx->at++;
			return true;
		}
	}
	if (c >= '0' && c <= '3') {
		ok = escape_digits(lx, 3, 8, &code);
	} else {
		lx->at++;
		ok = c == 'x' || c == 'X'  ? escape_digits(lx, 2, 16, &code)
		     : c == 'u' && !bytes ? escape_digits(lx, 4, 16, &code)
		     : c == 'U' && !bytes ? escape_digits(lx, 8, 16, &code)
		                          : false;
	}
	if (!ok || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return false;
	if (bytes)
		*(*p)++ = (char)code;
	else
		*p = put_utf8(*p, code);
	return true;
}

/* A quoted text; lx->at is at the first quote, start at its prefix. */
static void lex_text(struct yt_lexer *lx, struct yt_token *tok, uint32_t start, bool raw, bool bytes)
{
	int quote = peek(lx, 0);
	bool triple = peek(lx, 1) == quote && peek(lx, 2) == quote;
	/* No escape is shorter than what it stands for. */
	char *out = yt_arena_alloc(lx->arena, lx->source.n - lx->at), *p = out;

	tok->kind = bytes ? YT_TOK_BYTES : YT_TOK_STRING;
	for (lx->at += triple ? 3 : 1;;) {
		int c = peek(lx, 0);

		if (lx->at >= lx->source.n || (!triple && (c == '\n' || c == '\r'))) {
			bad(lx, tok, start, "this text has no closing quote");
			return;
		}
		if (c == quote && (!triple || (peek(lx, 1) == quote && peek(lx, 2) == quote))) {
			lx->at += triple ? 3 : 1;
			break;
		}
		if (c == '\\' && !raw) {
			uint32_t at = lx->at++;

			if (!lex_escape(lx, bytes, &p)) {
				bad(lx, tok, at, "there is no such escape in a text");
				return;
			}
			continue;
		}
		*p++ = (char)c;
		lx->at++;
	}
	tok->text = yt_str(out, (size_t)(p - out));
}

static void lex_word(struct yt_lexer *lx, struct yt_token *tok)
{
	uint32_t start = lx->at;

	while (is_word(peek(lx, 0)) || is_digit(peek(lx, 0)))
		lx->at++;
	tok->kind = YT_TOK_IDENT;
	tok->text = yt_str(lx->source.p + start, lx->at - start);
}

/* `r"`, `b'`, `rb"""`: a quote behind one or two letters. */
static bool lex_prefixed_text(struct yt_lexer *lx, struct yt_token *tok)
{
	uint32_t start = lx->at, n = 0;
	bool raw = false, bytes = false;

	for (; n < 2; n++) {
		int c = peek(lx, n);

		if ((c == 'r' || c == 'R') && !raw)
			raw = true;
		else if ((c == 'b' || c == 'B') && !bytes)
			bytes = true;
		else
			break;
	}
	if (peek(lx, n) != '"' && peek(lx, n) != '\'')
		return false;
	lx->at += n;
	lex_text(lx, tok, start, raw, bytes);
	return true;
}

/* The name of a field that is no word: `content-type` in backticks. */
static void lex_quoted(struct yt_lexer *lx, struct yt_token *tok)
{
	uint32_t start = lx->at++;
	int c;

	while (is_word(c = peek(lx, 0)) || is_digit(c) || (c && strchr("._-/ ", c)))
		lx->at++;
	if (peek(lx, 0) != '`' || lx->at == start + 1) {
		bad(lx, tok, start, "between backticks stands the name of a field: letters, digits and ._-/ or a space");
		return;
	}
	tok->kind = YT_TOK_QUOTED;
	tok->text = yt_str(lx->source.p + start + 1, lx->at - start - 1);
	lx->at++;
}

static void lex_sign(struct yt_lexer *lx, struct yt_token *tok)
{
	static const struct {
		char text[3];
		enum yt_tok kind;
	} signs[] = {
		{ "==", YT_TOK_EQ },      { "!=", YT_TOK_NE },      { "<=", YT_TOK_LE },      { ">=", YT_TOK_GE },
		{ "&&", YT_TOK_AND },     { "||", YT_TOK_OR },      { "<", YT_TOK_LT },       { ">", YT_TOK_GT },
		{ "!", YT_TOK_NOT },      { "+", YT_TOK_PLUS },     { "-", YT_TOK_MINUS },    { "*", YT_TOK_STAR },
		{ "/", YT_TOK_SLASH },    { "%", YT_TOK_PERCENT },  { "?", YT_TOK_QUESTION }, { ":", YT_TOK_COLON },
		{ ",", YT_TOK_COMMA },    { ".", YT_TOK_DOT },      { "(", YT_TOK_LPAREN },   { ")", YT_TOK_RPAREN },
		{ "[", YT_TOK_LBRACKET }, { "]", YT_TOK_RBRACKET }, { "{", YT_TOK_LBRACE },   { "}", YT_TOK_RBRACE },
	};
	struct yt_str rest = yt_str(lx->source.p + lx->at, lx->source.n - lx->at);
	int c = peek(lx, 0);

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (yt_str_starts(rest, yt_str_z(signs[i].text))) {
			tok->kind = signs[i].kind;
			lx->at += (uint32_t)strlen(signs[i].text);
			return;
		}
	}
	bad(lx, tok, lx->at,
	    c == '='   ? "= is no operator; did you mean ==?"
	    : c == '&' ? "& is no operator; did you mean &&?"
	    : c == '|' ? "| is no operator; did you mean ||?"
	               : "a character that no expression has");
}

void yt_lex_next(struct yt_lexer *lx, struct yt_token *tok)
{
	uint32_t start;
	int c;

	skip_blanks(lx);
	*tok = (struct yt_token){ .kind = YT_TOK_END };
	start = lx->at;
	c = peek(lx, 0);
	if (lx->at >= lx->source.n)
		;
	else if (is_digit(c) || (c == '.' && is_digit(peek(lx, 1))))
		lex_number(lx, tok);
	else if (c == '"' || c == '\'')
		lex_text(lx, tok, start, false, false);
	else if (c == '`')
		lex_quoted(lx, tok);
	else if (is_word(c)) {
		if (!lex_prefixed_text(lx, tok))
			lex_word(lx, tok);
	} else
		lex_sign(lx, tok);
	tok->raw = yt_str(lx->source.p + start, lx->at - start);
}
