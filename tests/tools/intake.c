/* The mappings of webhooks as a program: a line of JSON for each request, a line of JSON for what becomes of it.
 *
 *   {"path":P,"method":M,"query":Q,"headers":[[NAME,VALUE],...],"body":BASE64,"received":MS,
 *    "shops":{NAME:{"shopify":[NOW,NEXT],...,"hash_key":KEY}}}
 *
 *   {"take":T,"status":N,"answer":A,"dead":REASON,"detail":D,"dead_value":V,"events":[{"topic":T,"key":K,"value":V},...]}
 *
 * Of an address that is none only "status" is told. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "yutang/base/crypt.h"
#include "yutang/base/err.h"
#include "yutang/base/json.h"
#include "yutang/intake/intake.h"

enum { LINE_BYTES_MAX = 8 << 20, HEADERS_MAX = 64 };

static struct yt_str text(const cJSON *object, const char *name)
{
	return yt_json_text(yt_json_get(object, name));
}

static void read_shop(const cJSON *json, struct yt_str name, struct yt_intake_shop *shop)
{
#define SECRET(member) { #member, offsetof(struct yt_intake_shop, member) }
	static const struct {
		const char *name;
		size_t at;
	} secrets[] = { SECRET(shopify), SECRET(woocommerce), SECRET(youzan_id), SECRET(youzan), SECRET(wecom_token), SECRET(wecom_key), SECRET(wecom_corp),
			SECRET(events) };
#undef SECRET

	*shop = (struct yt_intake_shop){ .name = name, .hash_key = text(json, "hash_key") };
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		struct yt_secret *s = (struct yt_secret *)((char *)shop + secrets[i].at);
		const cJSON *pair = yt_json_get(json, secrets[i].name);

		s->now = yt_json_text(cJSON_GetArrayItem(pair, 0));
		s->next = yt_json_text(cJSON_GetArrayItem(pair, 1));
	}
}

static size_t read_headers(const cJSON *list, struct yt_header *out)
{
	const cJSON *pair;
	size_t n = 0;

	cJSON_ArrayForEach(pair, list) {
		YT_ASSERT(n < HEADERS_MAX, "headers");
		out[n].name = yt_json_text(cJSON_GetArrayItem(pair, 0));
		out[n++].value = yt_json_text(cJSON_GetArrayItem(pair, 1));
	}
	return n;
}

static void add(struct yt_buf *b, const char *name, struct yt_str value)
{
	yt_buf_printf(b, ",\"%s\":", name);
	yt_json_add_text(b, value);
}

static void tell(struct yt_buf *b, const struct yt_taken *got)
{
	yt_buf_printf(b, "{\"status\":%d", got->status);
	add(b, "take", yt_str_z(yt_take_name(got->take)));
	add(b, "answer", got->answer);
	add(b, "dead", yt_str_z(yt_dead_name(got->dead)));
	add(b, "detail", yt_str_z(got->detail));
	add(b, "dead_value", got->dead ? got->dead_value : YT_S(""));
	yt_buf_z(b, ",\"events\":[");
	for (size_t i = 0; i < got->n_events; i++) {
		yt_buf_printf(b, "%s{\"topic\":\"%s\"", i ? "," : "", got->events[i].topic);
		add(b, "key", got->events[i].key);
		add(b, "value", got->events[i].value);
		yt_buf_c(b, '}');
	}
	yt_buf_z(b, "]}");
}

static void answer(struct yt_arena *a, struct yt_str line, struct yt_buf *out)
{
	struct yt_header headers[HEADERS_MAX];
	struct yt_hook_request req = { .headers = headers };
	const cJSON *root = NULL, *shop_json;
	struct yt_intake_shop shop;
	struct yt_str name;
	struct yt_taken got;
	enum yt_hook hook;
	char why[128];

	YT_ASSERT(yt_json_parse(a, line, LINE_BYTES_MAX, 0, &root, why) == YT_JSON_OK, why);
	if (!yt_intake_route(text(root, "path"), &hook, &name)) {
		yt_buf_z(out, "{\"status\":404}");
		return;
	}
	req.method = text(root, "method");
	req.query = text(root, "query");
	req.n_headers = read_headers(yt_json_get(root, "headers"), headers);
	YT_ASSERT(yt_unbase64(a, text(root, "body"), &req.body), "body");
	YT_ASSERT(yt_json_int(yt_json_get(root, "received"), &req.received_ms), "received");
	shop_json = yt_json_get(yt_json_get(root, "shops"), yt_arena_dup(a, name).p);
	if (shop_json)
		read_shop(shop_json, name, &shop);
	yt_intake_take(a, hook, shop_json ? &shop : NULL, &req, &got);
	tell(out, &got);
}

int main(void)
{
	struct yt_arena a;
	struct yt_buf out;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	yt_types_init();
	yt_arena_init(&a, 0);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		yt_buf_init(&out, &a);
		answer(&a, yt_str(line, (size_t)n), &out);
		printf("%.*s\n", YT_FMT(yt_buf_str(&out)));
		fflush(stdout);
		yt_arena_reset(&a);
	}
	free(line);
	yt_arena_deinit(&a);
	return 0;
}
