/* Webhooks to events: one request of a shop's or chat's platform, verified and mapped. Pure: no I/O, no clock, no heap but the arena handed in.
 * Source of formats and mapping: docs/connect.md. */
#ifndef YT_INTAKE_INTAKE_H
#define YT_INTAKE_INTAKE_H

#include "yutang/event/event.h"

enum {
	YT_INTAKE_BODY_BYTES_MAX = 1 << 20, /* of a request: an order of 500 lines of Shopify has about half of it; more is 413 */
	YT_INTAKE_DEPTH_MAX = 32,           /* of a platform's JSON: Shopify's orders have 8 */
	YT_INTAKE_EVENTS_MAX = 1000,        /* events a request: a batch, the members of a chat */
	YT_INTAKE_QUERY_BYTES_MAX = 4096,   /* of an address: WeCom's echostr has under 300 */
};

enum yt_hook { YT_HOOK_SHOPIFY, YT_HOOK_WOOCOMMERCE, YT_HOOK_YOUZAN, YT_HOOK_WECOM, YT_HOOK_EVENTS, YT_HOOK__COUNT };
/* `shopify`; of YT_HOOK_EVENTS `events`. */
const char *yt_hook_name(enum yt_hook h);

/* The second value holds while one is being exchanged. Empty: none. */
struct yt_secret {
	struct yt_str now, next;
};

/* What a shop has agreed with its senders. A platform without its secret is as unknown as a shop that is. */
struct yt_intake_shop {
	struct yt_str name;
	struct yt_secret shopify, woocommerce;
	struct yt_secret youzan_id, youzan;
	struct yt_secret wecom_token, wecom_key, wecom_corp; /* wecom_key: the 43 characters of EncodingAESKey */
	struct yt_secret events;
	struct yt_str hash_key; /* personal data are hashed with it; one alone: another would make other people of the same */
};

struct yt_hook_request {
	struct yt_str method;      /* `POST` */
	struct yt_str query;       /* behind the `?`, as it came */
	const struct yt_header *headers; /* names in any case */
	size_t n_headers;
	struct yt_str body;
	int64_t received_ms;
};

struct yt_intake_event {
	const char *topic; /* without prefix */
	struct yt_str key, value;
};

/* Why a request was refused, or what became of it; the labels of the metrics. */
#define YT_TAKES(X)                                                                                               \
	X(ACCEPTED, "accepted")           /* events */                                                            \
	X(IGNORED, "ignored")             /* genuine, and nothing that concerns us */                             \
	X(DEAD, "dead")                   /* genuine, but some or all of it cannot be mapped */                   \
	X(UNSIGNED, "unsigned")           /* 401: no or a wrong signature, or a shop or platform that is unknown */ \
	X(BAD, "bad")                     /* 400: no request of this sender */                                    \
	X(METHOD, "method")               /* 405 */                                                               \
	X(MEDIA_TYPE, "media_type")       /* 415 */                                                               \
	X(TOO_LARGE, "too_large")         /* 413 */
enum yt_take {
#define X(sym, name) YT_TAKE_##sym,
	YT_TAKES(X)
#undef X
		YT_TAKE__COUNT
};
const char *yt_take_name(enum yt_take t);

struct yt_taken {
	enum yt_take take;
	int status;              /* of the answer, once events and dead letter are in */
	const char *answer_type; /* Content-Type; a literal */
	struct yt_str answer;    /* its body */
	struct yt_intake_event *events; /* all of them, or none where it was refused */
	size_t n_events;
	enum yt_dead dead;       /* NONE: there is no dead letter */
	struct yt_str dead_value; /* what was sent, without personal data; empty where it could not be read */
	char detail[160];        /* what was wrong, without content */
};

/* The platform and the shop of `/hooks/<shop>/<platform>` or `/events/<shop>`. False: 404. */
bool yt_intake_route(struct yt_str path, enum yt_hook *hook, struct yt_str *shop);

/* shop NULL: there is none of that name; the same work is done, and the answer is the one to a wrong signature. Everything in *out lives in the
 * arena or in the request. */
void yt_intake_take(struct yt_arena *a, enum yt_hook hook, const struct yt_intake_shop *shop, const struct yt_hook_request *req,
                    struct yt_taken *out);

#endif
