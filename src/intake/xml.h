/* XML as a chat sends it: a root, texts below it, lists of texts below these. */
#ifndef YT_INTAKE_XML_H
#define YT_INTAKE_XML_H

#include "yutang/base/arena.h"

enum {
	XML_DEPTH_MAX = 4,      /* xml, MemChangeList, Item, and one that may come */
	XML_ELEMENTS_MAX = 4096, /* a chat has 500 members at most */
};

struct xml_element {
	struct yt_str name, text; /* text: all of it that is no element's below */
	struct xml_element *children, *next;
};

/* The root. NULL where it is no well-formed XML of UTF-8, goes beyond the limits, or has a document type: with one come entities. In the arena, which
 * the parser takes its memory from too. */
struct xml_element *yt_xml_parse(struct yt_arena *a, struct yt_str bytes);
const struct xml_element *yt_xml_find(const struct xml_element *parent, const char *name);
/* The text of that child; empty where there is none. */
struct yt_str yt_xml_text(const struct xml_element *parent, const char *name);

#endif
