/* One decoded input event. Plain memory in an arena; texts borrow from that arena or from the value that was decoded. */
#ifndef YT_EVENT_EVENT_H
#define YT_EVENT_EVENT_H

#include "yutang/base/arena.h"
#include "yutang/base/buf.h"
#include "yutang/event/type.h"

enum {
	YT_ITEMS_MAX = 500,      /* items an order; more is a dead letter too_large */
	YT_ID_BYTES_MAX = 128,   /* EVENTS.md, Envelope */
	YT_SHOP_BYTES_MAX = 64,  /* EVENTS.md, Envelope */
	YT_CODES_MAX = 16,       /* coupon codes an order: as many as its state keeps */
};

#define YT_INSTANT_MIN_MS INT64_C(946684800000) /* 2000-01-01T00:00:00Z */
#define YT_INSTANT_AHEAD_MS INT64_C(86400000)   /* an instant may lie this far after now */
#define YT_BALANCE_AHEAD_MS INT64_C(63158400000) /* balance_from and balance_until: 2 years, which have 731 days at most */
#define YT_NOW_UNKNOWN INT64_MAX                /* for yt_event_decode: the caller bounds the instants later */

struct yt_item {
	struct yt_str sku;
	int64_t quantity;
	int64_t amount; /* minor units; 0 where absent (refund items) */
};

struct yt_buyer {
	struct yt_str phone, device, address; /* hashes, empty where absent */
};

union yt_field_value {
	int64_t i;         /* INSTANT (ms), MONEY (minor units), INT */
	struct yt_str s;   /* ID, MEMBER, TEXT, CURRENCY */
	struct {
		union {
			struct yt_item *items;
			struct yt_str *codes;
			struct yt_buyer *buyer;
		};
		uint32_t n;
	} list;
};

struct yt_event {
	enum yt_type type;
	uint16_t present; /* bit k: fields[k] of the type is there */
	struct yt_str id;     /* envelope id: the `cause` of what follows */
	struct yt_str shop;
	int64_t time;         /* envelope time, ms; the contract does not bound it */
	int64_t at;           /* the fact's own instant, ms */
	struct yt_str owner;  /* the member whose it is, where it names another identity of his, or none; else empty */
	union yt_field_value f[YT_TYPE_FIELDS_MAX]; /* by index into the type's fields[] */
};

/* NULL where the type has no such field, or the event lacks it. */
static inline const union yt_field_value *yt_event_field(const struct yt_event *ev, enum yt_field field)
{
	int k = yt_types[ev->type].pos[field];

	return k < 0 || !(ev->present >> k & 1) ? NULL : &ev->f[k];
}
/* Empty / 0 where absent. */
static inline struct yt_str yt_event_text(const struct yt_event *ev, enum yt_field field)
{
	const union yt_field_value *v = yt_event_field(ev, field);

	return v ? v->s : (struct yt_str){ 0 };
}
static inline int64_t yt_event_int(const struct yt_event *ev, enum yt_field field)
{
	const union yt_field_value *v = yt_event_field(ev, field);

	return v ? v->i : 0;
}

/* `at` of an event whose fields and time are there. */
static inline int64_t yt_event_own_instant(const struct yt_event *ev)
{
	uint8_t at = yt_types[ev->type].at;

	if (at != YT_F_NONE)
		return yt_event_int(ev, (enum yt_field)at);
	return ev->time > 0 ? ev->time : 0;
}

/* Whose it is; empty where that is not known. */
static inline struct yt_str yt_event_member(const struct yt_event *ev)
{
	return ev->owner.n ? ev->owner : yt_event_text(ev, YT_F_MEMBER);
}

/* What is wrong with an id or a text of a field, in words, as a literal; NULL: nothing. */
const char *yt_text_flaw(struct yt_str s);

struct yt_header {
	struct yt_str name, value;
};
/* A copy of all of it; NULL where n is 0. */
const struct yt_header *yt_headers_keep(struct yt_arena *a, const struct yt_header *h, size_t n);

/* What a decode found. On a fault `dead` says why and `detail` names the field and what was wrong, without personal data. */
struct yt_decoded {
	enum yt_dead dead; /* YT_DEAD_NONE: event is good */
	char detail[160];
	struct yt_event *event; /* in the arena; NULL on a fault */
};

/* Decodes one record value: structured mode (the value is the event), or binary mode where a header `ce_specversion` is there (`ce_*` headers,
 * the value is `data`). now_ms bounds instants from above. Only what the contract alone can judge is judged here: shop known, currency of
 * the shop and parked orders are the core's. */
void yt_event_decode(struct yt_arena *a, struct yt_str value, const struct yt_header *headers, size_t n_headers,
                     int64_t now_ms, struct yt_decoded *out);

/* The upper bound of the instants alone, for who decoded with YT_NOW_UNKNOWN because `now` was not known yet (with `clock = event` it follows from
 * the event's own time). False, and *out is a fault, where one lies more than 24 h (balance_from, balance_until: 2 years) after now_ms.
 * yt_event_decode calls it last, so that the same event gets the same reason either way. */
bool yt_event_check_now(const struct yt_event *ev, int64_t now_ms, struct yt_decoded *out);

/* The shop of an envelope's `source`, `/shops/<shop>`. False where it is none. */
bool yt_event_shop(struct yt_str source, struct yt_str *shop);

/* The record key that decides the shard: `<shop>/<member>`, or `<shop>/~order:<order>` for an order event that names no member, or what the type's row
 * says. In the arena. */
struct yt_str yt_event_key(struct yt_arena *a, const struct yt_event *ev);

/* `fact` of EVENTS.md, Ids: type and business key (of a command its envelope id) joined by \n. Appended to buf. */
void yt_event_fact(struct yt_buf *buf, const struct yt_event *ev);

/* RFC 3339 <-> ms. Parse takes fractions (cut to ms), offsets, lower-case t and z, and :60 at the end of a UTC month (the next instant); false on any
 * fault, and where the instant in UTC lies outside the years 0000 to 9999. Format: UTC, milliseconds, `Z`; out holds 25 bytes; an instant outside
 * these years is written as the nearest inside. */
bool yt_time_parse(struct yt_str s, int64_t *ms);
void yt_time_format(int64_t ms, char out[25]);

#endif
