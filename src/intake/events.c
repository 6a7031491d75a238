/* Any other sender: CloudEvents as they are, one or several. What is wrong is told to the sender, and nothing of it is taken. */
#include <stdio.h>
#include <strings.h>

#include "take.h"
#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"

enum { ATTRIBUTE_NAME_MAX = 31 }; /* CloudEvents asks for at most 20; those that count have at most 11 */

static struct yt_str sign(struct take *t, const void *ctx, bool next)
{
	struct yt_str secret = yt_take_secret(&t->shop->events, next);
	unsigned char mac[32];
	char hex[65];

	(void)ctx;
	yt_hmac_sha256((const unsigned char *)secret.p, secret.n, t->req->body, mac);
	yt_hex(mac, sizeof mac, hex);
	return yt_arena_printf(t->arena, "sha256=%s", hex);
}

/* Always false. */
static bool refuse(struct take *t, const char *where, const char *reason, const char *detail)
{
	t->out->n_events = 0;
	yt_take_refuse(t, YT_TAKE_BAD, 400, yt_arena_printf(t->arena, "%s%s: %s", where, reason, detail).p);
	return false;
}

static bool take_event(struct take *t, struct yt_str value, const char *where)
{
	struct yt_intake_event e = { .value = value };
	struct yt_decoded got;

	yt_event_decode(t->arena, value, NULL, 0, t->req->received_ms, &got);
	if (got.dead)
		return refuse(t, where, yt_dead_name(got.dead), got.detail);
	if (!yt_str_eq(got.event->shop, t->shop->name))
		return refuse(t, where, yt_dead_name(YT_DEAD_BAD_FIELD), "source: not that of the shop in the address");
	e.topic = yt_types[got.event->type].topic.p;
	e.key = yt_event_key(t->arena, got.event);
	return yt_take_add(t, e) || refuse(t, where, yt_dead_name(YT_DEAD_LIMIT), "too many events in one request");
}

/* By the name that the sender has for it. In the answer alone: the detail goes into the log, where no content is. */
static void name_event(struct take *t, const cJSON *event)
{
	struct yt_str id = yt_take_text(event, "id"), said = t->out->answer;

	if (id.n && id.n <= YT_ID_BYTES_MAX)
		t->out->answer = yt_arena_printf(t->arena, "%.*s, id %.*s\n", (int)said.n - 1, said.p, YT_FMT(id));
}

static void take_batch(struct take *t)
{
	const cJSON *root, *element;
	char where[64], why[128] = "";
	struct yt_buf value;
	int k = 0;

	/* The list is one level more than its events. */
	if (yt_json_parse(t->arena, t->req->body, YT_INTAKE_BODY_BYTES_MAX, YT_JSON_DEPTH_MAX + 1, &root, why) != YT_JSON_OK) {
		refuse(t, "", yt_dead_name(YT_DEAD_NOT_JSON), why);
		return;
	}
	if (!cJSON_IsArray(root)) {
		refuse(t, "", yt_dead_name(YT_DEAD_NOT_CLOUDEVENT), "body: not a list");
		return;
	}
	cJSON_ArrayForEach(element, root) {
		snprintf(where, sizeof where, "event %d of the list: ", k++);
		yt_buf_init(&value, t->arena);
		yt_json_add_tree(&value, element);
		if (!take_event(t, yt_buf_str(&value), where)) {
			name_event(t, element);
			return;
		}
	}
}

/* Before percent encoding was all, the binding put quotes around what had blanks. */
static struct yt_str unquote(struct take *t, struct yt_str s)
{
	size_t n = 0;
	char *p;

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return s;
	p = yt_arena_alloc(t->arena, s.n);
	for (uint32_t i = 1; i < s.n - 1; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n - 1)
			i++;
		p[n++] = s.p[i];
	}
	return yt_str(p, n);
}

/* The name behind `ce-`. False: it is that of no attribute, or of one that is not sent so. */
static bool attribute_name(struct yt_str header, char name[ATTRIBUTE_NAME_MAX + 1])
{
	size_t n = header.n - 3;

	if (n == 0 || n > ATTRIBUTE_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = header.p[3 + i];

		name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9')))
			return false;
	}
	name[n] = '\0';
	return strcmp(name, "data") != 0 && strcmp(name, "datacontenttype") != 0;
}

/* One that cannot be read is as good as absent: nobody misses it but where it is required. */
static void add_attribute(struct take *t, struct yt_buf *value, const struct yt_header *h)
{
	char name[ATTRIBUTE_NAME_MAX + 1];
	struct yt_str text;

	if (!attribute_name(h->name, name) || !yt_percent_decode(t->arena, unquote(t, h->value), false, &text) || yt_utf8_bad(text) != text.n)
		return;
	yt_buf_printf(value, "\"%s\":", name);
	yt_json_add_text(value, text);
	yt_buf_c(value, ',');
}

/* Becomes a structured event: there is one form on the topics that an intake has written. */
static void take_binary(struct take *t)
{
	const cJSON *data;
	struct yt_buf value;
	char why[128] = "";

	/* By itself, so that it cannot reach out of its place. */
	if (yt_json_parse(t->arena, t->req->body, YT_JSON_BYTES_MAX, YT_JSON_DEPTH_MAX, &data, why) != YT_JSON_OK) {
		refuse(t, "", yt_dead_name(YT_DEAD_NOT_JSON), why);
		return;
	}
	yt_buf_init(&value, t->arena);
	yt_buf_c(&value, '{');
	for (size_t i = 0; i < t->req->n_headers; i++) {
		const struct yt_header *h = &t->req->headers[i];

		if (h->name.n >= 3 && strncasecmp(h->name.p, "ce-", 3) == 0)
			add_attribute(t, &value, h);
	}
	yt_buf_z(&value, "\"datacontenttype\":\"application/json\",\"data\":");
	yt_json_add_tree(&value, data);
	yt_buf_c(&value, '}');
	take_event(t, yt_buf_str(&value), "");
}

static bool is_type(struct yt_str given, const char *type)
{
	size_t n = strlen(type);

	return given.n >= n && strncasecmp(given.p, type, n) == 0 && (given.n == n || strchr("; \t", given.p[n]));
}

void yt_take_events(struct take *t)
{
	struct yt_str given, type, version;

	if (!yt_take_header(t, "X-Yutang-Signature", &given) || !yt_take_header(t, "Content-Type", &type) ||
	    !yt_take_header(t, "ce-specversion", &version) || !yt_take_signed(t, given, sign, NULL, &t->shop->events))
		return;
	if (is_type(type, "application/cloudevents+json"))
		take_event(t, t->req->body, "");
	else if (is_type(type, "application/cloudevents-batch+json"))
		take_batch(t);
	else if (version.n && is_type(type, "application/json"))
		take_binary(t);
	else
		yt_take_refuse(t, YT_TAKE_MEDIA_TYPE, 415,
		            "Content-Type is application/cloudevents+json, application/cloudevents-batch+json, or application/json with ce- headers");
}
