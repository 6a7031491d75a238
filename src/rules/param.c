/* The text of a param: `{expression}` is replaced when the follow-up leaves, `{{` is a brace, a lone `}` is itself. */
#include "rulefile.h"

#include "lex.h"
#include "tree.h"

struct reading {
	struct yt_rulefile *f;
	const struct yt_ini_entry *e;
	const struct yt_scope *scope;
	struct yt_param_part *parts;
	uint32_t n_parts;
	char *text; /* what belongs to no part yet */
	uint32_t n_text;
	bool failed;
};

static void end_text(struct reading *r)
{
	if (r->n_text)
		r->parts[r->n_parts++] = (struct yt_param_part){ .text = yt_str(r->text, r->n_text) };
	r->text += r->n_text;
	r->n_text = 0;
}

/* The end of the expression that begins at `from`: its closing brace, and none that is in a text or closes a map. Where a word of it is none,
 * the end of all, and the compiler will say so. False: there is no such brace. */
static bool expr_end(const struct reading *r, uint32_t from, uint32_t *end)
{
	struct yt_lexer lx = { .arena = r->f->arena, .source = r->e->value, .at = from };
	struct yt_token tok;
	int open = 0;

	for (;;) {
		yt_lex_next(&lx, &tok);
		if (tok.kind == YT_TOK_LBRACE)
			open++;
		if (tok.kind == YT_TOK_RBRACE && open-- == 0)
			break;
		if (tok.kind == YT_TOK_END)
			return false;
		if (tok.kind == YT_TOK_BAD)
			break;
	}
	*end = tok.kind == YT_TOK_BAD ? r->e->value.n : (uint32_t)(tok.raw.p - r->e->value.p);
	return true;
}

static bool is_printed(enum yt_vtype type)
{
	return type == YT_V_BOOL || type == YT_V_INT || type == YT_V_DOUBLE || type == YT_V_STRING || type == YT_V_TIMESTAMP || type == YT_V_DURATION;
}

/* The expression behind the brace at `at`; gives the index behind its closing one. */
static uint32_t take_expr(struct reading *r, uint32_t at)
{
	struct yt_str value = r->e->value;
	const struct yt_expr *expr;
	uint32_t end;

	if (!expr_end(r, at + 1, &end)) {
		yt_problem(r->f->problems, r->e->line, "%.*s: column %u: nothing closes this {; a brace itself is written {{", YT_FMT(r->e->key),
		           yt_expr_column(value, at));
		r->failed = true;
		return value.n;
	}
	expr = yt_read_expr(r->f, r->e, yt_str(value.p, end), at + 1, r->scope);
	if (expr && !is_printed(yt_expr_type(expr))) {
		yt_problem(r->f->problems, r->e->line, "%.*s: column %u: the expression is of type %.*s, which has no text%s", YT_FMT(r->e->key),
		           yt_expr_column(value, at + 1), YT_FMT(yt_vkind_text(r->f->arena, yt_expr_kind(expr))),
		           yt_expr_type(expr) == YT_V_DYN ? " before it is evaluated: write string(..)" : "");
		expr = NULL;
	}
	r->failed = r->failed || !expr;
	r->parts[r->n_parts++] = (struct yt_param_part){ .expr = expr };
	return end < value.n ? end + 1 : end;
}

static size_t count_braces(struct yt_str s)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s.n; i++)
		n += s.p[i] == '{';
	return n;
}

bool yt_read_param(struct yt_rulefile *f, const struct yt_ini_entry *e, const struct yt_scope *scope, struct yt_param *out)
{
	struct yt_str value = e->value;
	struct reading r = { .f = f, .e = e, .scope = scope };

	if (value.n > YT_PARAM_BYTES_MAX) {
		yt_problem(f->problems, e->line, "%.*s: the text has %u bytes, at most %d are allowed", YT_FMT(e->key), value.n, YT_PARAM_BYTES_MAX);
		return false;
	}
	r.parts = yt_arena_alloc(f->arena, (2 * count_braces(value) + 1) * sizeof(*r.parts));
	r.text = yt_arena_alloc(f->arena, value.n);
	for (uint32_t i = 0; i < value.n;) {
		bool brace = value.p[i] == '{', twice = brace && i + 1 < value.n && value.p[i + 1] == '{';

		if (brace && !twice) {
			end_text(&r);
			i = take_expr(&r, i);
		} else {
			r.text[r.n_text++] = value.p[i];
			i += twice ? 2 : 1;
		}
	}
	end_text(&r);
	out->parts = r.parts;
	out->n_parts = r.n_parts;
	return !r.failed;
}
