#include "yutang/intake/intake.h"

#include "take.h"
#include "yutang/base/crypt.h"

static const struct {
	void (*take)(struct take *t);
	const char *answer_type, *answer; /* to what was taken, ignored, or went to the dead letters */
} hooks[YT_HOOK__COUNT] = {
	[YT_HOOK_SHOPIFY] = { yt_take_shopify, "text/plain; charset=utf-8", "ok\n" },
	[YT_HOOK_WOOCOMMERCE] = { yt_take_woocommerce, "text/plain; charset=utf-8", "ok\n" },
	[YT_HOOK_YOUZAN] = { yt_take_youzan, "application/json", "{\"code\":0,\"msg\":\"success\"}" },
	[YT_HOOK_WECOM] = { yt_take_wecom, "text/plain; charset=utf-8", "success" },
	[YT_HOOK_EVENTS] = { yt_take_events, "text/plain; charset=utf-8", "ok\n" },
};

bool yt_intake_route(struct yt_str path, enum yt_hook *hook, struct yt_str *shop)
{
	struct yt_str first;

	if (!path.n || yt_str_cut(&path, '/').n)
		return false;
	first = yt_str_cut(&path, '/');
	*shop = yt_str_cut(&path, '/');
	if (yt_str_eq(first, YT_S("events"))) {
		*hook = YT_HOOK_EVENTS;
		return shop->n && path.p == shop->p + shop->n; /* no slash behind it */
	}
	if (!yt_str_eq(first, YT_S("hooks")) || !shop->n)
		return false;
	for (int h = 0; h < YT_HOOK_EVENTS; h++) {
		if (yt_str_eq(path, yt_str_z(yt_hook_name(h)))) {
			*hook = (enum yt_hook)h;
			return true;
		}
	}
	return false;
}

void yt_intake_take(struct yt_arena *a, enum yt_hook hook, const struct yt_intake_shop *shop, const struct yt_hook_request *req,
                    struct yt_taken *out)
{
	static const struct yt_intake_shop nobody;
	struct take t = { .arena = a, .shop = shop ? shop : &nobody, .req = req, .out = out };
	bool get = hook == YT_HOOK_WECOM && yt_str_eq(req->method, YT_S("GET"));

	memset(out, 0, sizeof *out);
	if (!get && !yt_str_eq(req->method, YT_S("POST"))) {
		yt_take_refuse(&t, YT_TAKE_METHOD, 405, "only POST");
		return;
	}
	if (req->body.n > YT_INTAKE_BODY_BYTES_MAX || req->query.n > YT_INTAKE_QUERY_BYTES_MAX) {
		yt_take_refuse(&t, YT_TAKE_TOO_LARGE, 413, "the request is too large");
		return;
	}
	hooks[hook].take(&t);
	if (out->status)
		return; /* refused, or answered with what was asked for */
	out->take = out->dead ? YT_TAKE_DEAD : out->n_events ? YT_TAKE_ACCEPTED : YT_TAKE_IGNORED;
	out->status = 200;
	out->answer_type = hooks[hook].answer_type;
	out->answer = yt_str_z(hooks[hook].answer);
	if (out->dead && !out->dead_value.n)
		out->dead_value = yt_take_scrub(a, req->body);
}
