#include "take.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"
#include "yutang/base/ini.h"

enum { EXPONENT_MAX = 15 }; /* 1e15 is the last that an amount of money may be */

const char *yt_hook_name(enum yt_hook h)
{
	static const char *const names[YT_HOOK__COUNT] = { "shopify", "woocommerce", "youzan", "wecom", "events" };

	return names[h];
}

const char *yt_take_name(enum yt_take t)
{
	static const char *const names[YT_TAKE__COUNT] = {
#define X(sym, name) [YT_TAKE_##sym] = name,
		YT_TAKES(X)
#undef X
	};

	return names[t];
}

/* ---- the end of a request */

void yt_take_refuse(struct take *t, enum yt_take why, int status, const char *text)
{
	t->out->take = why;
	t->out->status = status;
	t->out->answer_type = "text/plain; charset=utf-8";
	t->out->answer = yt_arena_printf(t->arena, "%s\n", text);
	snprintf(t->out->detail, sizeof t->out->detail, "%s", text);
}

bool yt_take_fault(struct take *t, enum yt_dead dead, const char *fmt, ...)
{
	va_list ap;

	if (t->out->dead != YT_DEAD_NONE)
		return false;
	t->out->dead = dead;
	va_start(ap, fmt);
	vsnprintf(t->out->detail, sizeof t->out->detail, fmt, ap);
	va_end(ap);
	return false;
}

/* ---- what came */

bool yt_take_header(struct take *t, const char *name, struct yt_str *out)
{
	size_t n = strlen(name);
	bool found = false;

	*out = YT_S("");
	for (size_t i = 0; i < t->req->n_headers; i++) {
		const struct yt_header *h = &t->req->headers[i];

		if (h->name.n != n || strncasecmp(h->name.p, name, n) != 0)
			continue;
		if (found) {
			yt_take_refuse(t, YT_TAKE_BAD, 400, "a header field stands twice");
			return false;
		}
		found = true;
		*out = h->value;
	}
	return true;
}

bool yt_take_query(struct take *t, const char *name, struct yt_str *out)
{
	const char *p = t->req->query.p, *end = p + t->req->query.n;
	size_t n = strlen(name);
	bool found = false;

	*out = YT_S("");
	while (p < end) {
		const char *amp = memchr(p, '&', (size_t)(end - p)), *next = amp ? amp : end;

		if ((size_t)(next - p) > n && memcmp(p, name, n) == 0 && p[n] == '=') {
			/* No form: a `+` of base64 is sent as it is by some. */
			if (found || !yt_percent_decode(t->arena, yt_str(p + n + 1, (size_t)(next - p) - n - 1), false, out)) {
				yt_take_refuse(t, YT_TAKE_BAD, 400, "the query is malformed");
				return false;
			}
			found = true;
		}
		p = next + 1;
	}
	return true;
}

bool yt_take_json(struct take *t, struct yt_str bytes, const cJSON **root)
{
	char why[128];

	switch (yt_json_parse(t->arena, bytes, YT_INTAKE_BODY_BYTES_MAX, YT_INTAKE_DEPTH_MAX, root, why)) {
	case YT_JSON_OK:
		return cJSON_IsObject(*root) || yt_take_fault(t, YT_DEAD_BAD_FIELD, "body: not an object");
	case YT_JSON_TOO_DEEP:
		return yt_take_fault(t, YT_DEAD_TOO_DEEP, "body: %s", why);
	case YT_JSON_TOO_LARGE:
		return yt_take_fault(t, YT_DEAD_TOO_LARGE, "body: %s", why);
	case YT_JSON_NOT_JSON:
		break;
	}
	return yt_take_fault(t, YT_DEAD_NOT_JSON, "body: %s", why);
}

void yt_take_at(struct take *t, const char *list, int k)
{
	t->at[0] = '\0';
	if (k >= 0)
		snprintf(t->at, sizeof t->at, "%s[%d].", list, k);
}

/* ---- signatures */

struct yt_str yt_take_secret(const struct yt_secret *s, bool next)
{
	struct yt_str slot = next ? s->next : s->now;

	return slot.n ? slot : YT_S("no shop has this key, and no shop ever will");
}

struct yt_str yt_take_hmac(struct take *t, struct yt_str secret)
{
	unsigned char mac[32];

	yt_hmac_sha256((const unsigned char *)secret.p, secret.n, t->req->body, mac);
	return yt_base64(t->arena, yt_str((const char *)mac, sizeof mac));
}

bool yt_take_signed(struct take *t, struct yt_str given, signer *sign, const void *ctx, const struct yt_secret *secret)
{
	/* Both are made in each case, also where there is no secret. */
	bool now = yt_same(sign(t, ctx, false), given), next = yt_same(sign(t, ctx, true), given);

	if ((now & (secret->now.n > 0)) | (next & (secret->next.n > 0)))
		return true;
	yt_take_refuse(t, YT_TAKE_UNSIGNED, 401, "the signature is not right");
	return false;
}

/* ---- readers of JSON */

const cJSON *yt_take_get(const cJSON *object, const char *name)
{
	const cJSON *json = yt_json_get(object, name);

	return json && cJSON_IsNull(json) ? NULL : json;
}

static bool is_whole(struct yt_str number)
{
	for (uint32_t i = 0; i < number.n; i++)
		if (number.p[i] < '0' || number.p[i] > '9')
			return false;
	return number.n > 0;
}

bool yt_take_id(struct take *t, const cJSON *object, const char *name, struct yt_str *out)
{
	const cJSON *json = yt_take_get(object, name);

	*out = YT_S("");
	if (!json)
		return true;
	*out = yt_json_number(json);
	if (out->n)
		return is_whole(*out) || yt_take_fault(t, YT_DEAD_BAD_FIELD, "%s%s: a number that is no id", t->at, name);
	if (!yt_json_is_text(json))
		return yt_take_fault(t, YT_DEAD_BAD_FIELD, "%s%s: neither a text nor a number", t->at, name);
	*out = yt_json_text(json);
	return true;
}

bool yt_take_need_id(struct take *t, const cJSON *object, const char *name, struct yt_str *out)
{
	if (!yt_take_id(t, object, name, out))
		return false;
	return out->n || yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%s%s: missing", t->at, name);
}

struct yt_str yt_take_text(const cJSON *object, const char *name)
{
	const cJSON *json = yt_take_get(object, name);

	if (!json)
		return YT_S("");
	return yt_json_is_text(json) ? yt_json_text(json) : yt_json_number(json);
}

int yt_currency_decimals(struct yt_str currency)
{
	static const char none[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ",
			  three[] = "BHD IQD JOD KWD LYD OMR TND ", four[] = "CLF UYW ";
	const struct {
		const char *list;
		int decimals;
	} lists[] = { { none, 0 }, { three, 3 }, { four, 4 } };

	for (size_t k = 0; currency.n == 3 && k < 3; k++)
		for (const char *p = lists[k].list; *p; p += 4)
			if (memcmp(p, currency.p, 3) == 0)
				return lists[k].decimals;
	return 2;
}

bool yt_money_minor(struct yt_str text, int decimals, int64_t *out)
{
	const int64_t limit = INT64_C(1) << 53; /* EVENTS.md, Envelope */
	bool minus = text.n && text.p[0] == '-', digits = false;
	int behind = -1; /* digits behind the point; -1: before it */
	int64_t v = 0;

	for (uint32_t i = minus; i < text.n; i++) {
		char c = text.p[i];

		if (c == '.' && behind < 0 && digits) {
			behind = 0;
			continue;
		}
		if (c < '0' || c > '9')
			return false;
		digits = true;
		if (behind >= 0 && ++behind > decimals) {
			if (c != '0')
				return false;
			continue;
		}
		v = v * 10 + (c - '0');
		if (v >= limit)
			return false;
	}
	for (int k = behind < 0 ? 0 : behind; k < decimals; k++) {
		v *= 10;
		if (v >= limit)
			return false;
	}
	*out = minus ? -v : v;
	return digits && behind != 0;
}

/* JSON may say 1.49e2: the exponent moves the point. */
static bool number_minor(struct yt_str number, int decimals, int64_t *out)
{
	struct yt_str rest = number, digits = yt_str_cut(&rest, memchr(number.p, 'E', number.n) ? 'E' : 'e');
	int64_t e = 0;

	if (rest.n && rest.p[0] == '+')
		rest = yt_str(rest.p + 1, rest.n - 1);
	if (rest.n && !yt_parse_int(rest, -decimals, EXPONENT_MAX, &e))
		return false;
	return yt_money_minor(digits, decimals + (int)e, out);
}

bool yt_take_money(struct take *t, const cJSON *object, const char *name, struct yt_str currency, int64_t *out)
{
	const cJSON *json = yt_take_get(object, name);
	struct yt_str number;
	int decimals = yt_currency_decimals(currency);

	if (!json)
		return yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%s%s: missing", t->at, name);
	number = yt_json_number(json);
	return (number.n ? number_minor(number, decimals, out) : yt_money_minor(yt_json_text(json), decimals, out)) ||
	       yt_take_fault(t, YT_DEAD_BAD_FIELD, "%s%s: no amount of this currency", t->at, name);
}

bool yt_take_quantity(struct take *t, const cJSON *object, const char *name, int64_t *out)
{
	const cJSON *json = yt_take_get(object, name);

	if (!json)
		return yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%s%s: missing", t->at, name);
	return (yt_json_int(json, out) && *out >= 0) || yt_take_fault(t, YT_DEAD_BAD_FIELD, "%s%s: no quantity", t->at, name);
}

bool yt_instant_read(struct yt_arena *a, struct yt_str text, const char *zone, int64_t *out)
{
	char *p;

	if (zone && text.n == strlen("YYYY-MM-DDTHH:MM:SS")) {
		text = yt_arena_printf(a, "%.*s%s", YT_FMT(text), zone);
		p = (char *)(uintptr_t)text.p;
		if (p[10] == ' ')
			p[10] = 'T';
	}
	return text.n && yt_time_parse(text, out);
}

bool yt_take_instant(struct take *t, const cJSON *object, const char *name, const char *zone, int64_t *out)
{
	const cJSON *json = yt_take_get(object, name);

	*out = 0;
	if (!json || (yt_json_is_text(json) && yt_json_text(json).n == 0))
		return true;
	return yt_instant_read(t->arena, yt_json_text(json), zone, out) ||
	       yt_take_fault(t, YT_DEAD_BAD_FIELD, "%s%s: no date and time", t->at, name);
}

bool yt_take_first_instant(struct take *t, const cJSON *object, const char *const *names, const char *zone, int64_t *out)
{
	for (size_t i = 0; names[i]; i++) {
		if (!yt_take_instant(t, object, names[i], zone, out))
			return false;
		if (*out)
			return true;
	}
	return yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%s%s: missing", t->at, names[0]);
}
