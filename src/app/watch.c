#include <stdio.h>

#include "yutang/app/daemon.h"
#include "yutang/base/json.h"

static struct yt_str text(const cJSON *o, const char *name)
{
	const cJSON *v = yt_json_get(o, name);
	struct yt_str n = v ? yt_json_number(v) : (struct yt_str){ 0 };

	return n.p ? n : v ? yt_json_text(v) : (struct yt_str){ 0 };
}

void yt_watch_output(struct yt_arena *scratch, const struct yt_output *out)
{
	static const char *const what[] = { "template", "kind", "reason", "order", "valid_until", "due_at" };
	const cJSON *root, *data;

	if (yt_json_parse(scratch, out->value, 0, 0, &root, NULL) != YT_JSON_OK || !(data = yt_json_get(root, "data")))
		return;
	printf("%-18.*s %.*s/%.*s rule=%.*s", YT_FMT(yt_outs[out->type].name), YT_FMT(text(data, "shop")), YT_FMT(text(data, "member")),
	       YT_FMT(text(data, "rule")));
	for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
		struct yt_str v = text(data, what[i]);
		int64_t ms;
		char when[25];

		if (!v.n)
			continue;
		if (i < 4) {
			printf(" %s=%.*s", what[i], YT_FMT(v));
		} else if (yt_json_int(yt_json_get(data, what[i]), &ms)) {
			yt_time_format(ms, when);
			printf(" %s=%s", what[i], when);
		}
	}
	printf(" id=%s\n", out->id);
	fflush(stdout);
	yt_arena_reset(scratch);
}
