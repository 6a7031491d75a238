#include "xml.h"

#include <expat.h>

#include "yutang/base/buf.h"

struct open_element {
	struct xml_element *element, **link; /* where its next child goes */
	struct yt_buf text;
};

struct reading {
	struct yt_arena *arena;
	XML_Parser parser;
	struct xml_element *root;
	struct open_element open[XML_DEPTH_MAX];
	int depth, elements;
};

/* Expat knows no context for its memory. The one thread that parses sets it for the time of a parse. */
static struct yt_arena *current;

struct head {
	size_t n;
	size_t pad; /* the bytes behind it are aligned as those of the arena */
};

static void *take_memory(size_t n)
{
	struct head *h = yt_arena_alloc(current, sizeof *h + n);

	h->n = n;
	return h + 1;
}

static void *take_more(void *p, size_t n)
{
	size_t had = p ? ((struct head *)p - 1)->n : 0;
	void *more = take_memory(n);

	if (p)
		memcpy(more, p, had < n ? had : n);
	return more;
}

static void give_back(void *p)
{
	(void)p;
}

static void stop(struct reading *r)
{
	r->root = NULL;
	XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = ctx;
	struct xml_element *e;
	struct open_element *o;

	(void)attributes;
	if (r->depth == XML_DEPTH_MAX || r->elements++ == XML_ELEMENTS_MAX) {
		stop(r);
		return;
	}
	e = yt_arena_zalloc(r->arena, sizeof *e);
	e->name = yt_arena_dup(r->arena, yt_str_z(name));
	if (r->depth > 0) {
		struct open_element *parent = &r->open[r->depth - 1];

		*parent->link = e;
		parent->link = &e->next;
	} else {
		r->root = e;
	}
	o = &r->open[r->depth++];
	o->element = e;
	o->link = &e->children;
	yt_buf_init(&o->text, r->arena);
}

static void XMLCALL on_text(void *ctx, const XML_Char *p, int n)
{
	struct reading *r = ctx;

	if (r->depth > 0)
		yt_buf_add(&r->open[r->depth - 1].text, p, (size_t)n);
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct reading *r = ctx;
	struct open_element *o = &r->open[--r->depth];

	(void)name;
	o->element->text = o->text.n ? yt_buf_str(&o->text) : YT_S("");
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(ctx);
}

struct xml_element *yt_xml_parse(struct yt_arena *a, struct yt_str bytes)
{
	const XML_Memory_Handling_Suite memory = { take_memory, take_more, give_back };
	struct reading r = { .arena = a };

	current = a;
	r.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (XML_Parse(r.parser, bytes.p ? bytes.p : "", (int)bytes.n, XML_TRUE) != XML_STATUS_OK)
		r.root = NULL;
	XML_ParserFree(r.parser);
	current = NULL;
	return r.root;
}

const struct xml_element *yt_xml_find(const struct xml_element *parent, const char *name)
{
	for (const struct xml_element *e = parent ? parent->children : NULL; e; e = e->next)
		if (yt_str_eq(e->name, yt_str_z(name)))
			return e;
	return NULL;
}

struct yt_str yt_xml_text(const struct xml_element *parent, const char *name)
{
	const struct xml_element *e = yt_xml_find(parent, name);

	return e ? e->text : YT_S("");
}
