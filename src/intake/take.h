/* What the mappings of the platforms share: one request on its way, its readers of JSON, and the writer of events. */
#ifndef YT_INTAKE_TAKE_H
#define YT_INTAKE_TAKE_H

#include "yutang/base/json.h"
#include "yutang/intake/intake.h"

struct take {
	struct yt_arena *arena;
	const struct yt_intake_shop *shop; /* one without any secret stands for one that is unknown */
	const struct yt_hook_request *req;
	struct yt_taken *out;
	size_t events_cap;
	int64_t sent_ms; /* envelope time of what the sender dates itself; 0: the fact's own instant */
	char at[48];     /* where in the body the fact at hand stands, for faults: `line_items[3].` */
};

/* ---- the end of a request */

void yt_take_refuse(struct take *t, enum yt_take why, int status, const char *text);
/* Always false. The fact at hand cannot be mapped; the first fault of a request goes with its dead letter. */
bool yt_take_fault(struct take *t, enum yt_dead dead, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- what came */

/* Case does not count; empty where absent. False, and the request is refused, where it stands twice. */
bool yt_take_header(struct take *t, const char *name, struct yt_str *out);
/* A parameter of the query, decoded; empty where absent. False as above, also where it is malformed. */
bool yt_take_query(struct take *t, const char *name, struct yt_str *out);
/* The body as a JSON object. */
bool yt_take_json(struct take *t, struct yt_str bytes, const cJSON **root);

/* ---- signatures */

/* The signature that the request would have with the first or the second secret. */
typedef struct yt_str signer(struct take *t, const void *ctx, bool next);
/* False, and the request is refused: given is neither. Takes the same time whatever is wrong, the shop too. */
bool yt_take_signed(struct take *t, struct yt_str given, signer *sign, const void *ctx, const struct yt_secret *secret);
/* One of the two, or a key that nobody has where there is none. */
struct yt_str yt_take_secret(const struct yt_secret *s, bool next);
/* HMAC-SHA256 of the body as base64. */
struct yt_str yt_take_hmac(struct take *t, struct yt_str secret);

/* ---- readers of JSON; null and absent are one */

const cJSON *yt_take_get(const cJSON *object, const char *name);
/* An id: a text, or the exact text of a whole number. Absent: empty, and true. */
bool yt_take_id(struct take *t, const cJSON *object, const char *name, struct yt_str *out);
bool yt_take_need_id(struct take *t, const cJSON *object, const char *name, struct yt_str *out);
/* A text, or the exact text of a number, as codes and phones may come; of anything else it is empty. */
struct yt_str yt_take_text(const cJSON *object, const char *name);
/* Decimal text, or a number, in minor units of the currency. */
bool yt_take_money(struct take *t, const cJSON *object, const char *name, struct yt_str currency, int64_t *out);
bool yt_take_quantity(struct take *t, const cJSON *object, const char *name, int64_t *out);
/* A date and time. zone is put behind one that has none: `Z`, `+08:00`; NULL: it has to have one. 0 and true where absent. */
bool yt_take_instant(struct take *t, const cJSON *object, const char *name, const char *zone, int64_t *out);
/* The first of them that is there. */
bool yt_take_first_instant(struct take *t, const cJSON *object, const char *const *names, const char *zone, int64_t *out);
/* Where the k-th element of a list stands, for the faults that follow. k < 0: no list. */
void yt_take_at(struct take *t, const char *list, int k);

/* False where the text is none; decimals: of the currency. */
bool yt_money_minor(struct yt_str text, int decimals, int64_t *out);
/* Digits behind the point, ISO 4217. */
int yt_currency_decimals(struct yt_str currency);
bool yt_instant_read(struct yt_arena *a, struct yt_str text, const char *zone, int64_t *out);

/* ---- personal data: hex of HMAC-SHA256 with the shop's key, empty where there is none */

struct yt_str yt_take_hash_phone(struct take *t, struct yt_str phone);
struct yt_str yt_take_hash_email(struct take *t, struct yt_str email);
/* Parts of an address, from the street to the country. */
struct yt_str yt_take_hash_address(struct take *t, const struct yt_str *parts, size_t n);
/* `phone:<hash>`, else `email:<hash>`, else empty. */
struct yt_str yt_take_guest(struct take *t, struct yt_str phone_hash, struct yt_str email_hash);
/* The JSON with all texts and numbers taken out but those under names that the mappings read and that say nothing of a person. Empty where
 * it cannot be read. */
struct yt_str yt_take_scrub(struct yt_arena *a, struct yt_str json);

/* ---- events */

struct draft {
	struct yt_buf json;
	const char *type;
	bool first; /* no field of data is written yet */
};

/* The envelope of one event. id: the type and these parts of its business key, parted by `/`. */
void yt_draft_begin(struct take *t, struct draft *d, const char *type, int64_t at_ms, const struct yt_str *parts, size_t n);
/* A text that is empty is left out. */
void yt_draft_text(struct draft *d, const char *name, struct yt_str value);
void yt_draft_int(struct draft *d, const char *name, int64_t value);
/* A name, for what the caller writes into d->json itself. */
void yt_draft_name(struct draft *d, const char *name);
/* Judges it as the worker will. False, and nothing is added, where it would be a dead letter. key: behind `<shop>/`. */
bool yt_draft_end(struct take *t, struct draft *d, struct yt_str key);
/* Adds an event as it is. False, and nothing else, where there are too many. */
bool yt_take_add(struct take *t, struct yt_intake_event e);
/* The other events of an order: `order.shipped` and its like. Each part may be empty, amount and items NULL. */
struct order_fact {
	const char *type, *at_name; /* `order.shipped`, `shipped_at` */
	struct yt_str order, member, refund, carrier, tracking;
	int64_t at;
	const int64_t *amount;
	const struct yt_buf *items;
};
bool yt_draft_fact(struct take *t, const struct order_fact *f);

/* What all orders have, whoever sends them. */
struct order_paid {
	struct yt_str order, member, currency, channel, referrer; /* referrer: a code */
	struct yt_str phone, address;                             /* hashes */
	int64_t paid_at, amount;
	struct yt_buf items;  /* JSON, in brackets */
	const cJSON *coupons; /* a list of objects with a `code`; NULL: none */
};
/* `order.paid` and the `alias.bound` of its order, both or none, and with a referrer `referral.bound`. What the buyer brings along, the codes that
 * he types and what his link says, never costs the order: a flaw of it is a fault, and it is left out. */
bool yt_draft_paid(struct take *t, const struct order_paid *o);
void yt_draft_item(struct yt_buf *items, struct yt_str sku, int64_t quantity, const int64_t *amount);

/* ---- the platforms: each answers, or refuses */

void yt_take_shopify(struct take *t);
void yt_take_woocommerce(struct take *t);
void yt_take_youzan(struct take *t);
void yt_take_wecom(struct take *t);
void yt_take_events(struct take *t);

/* The text and the corp id of what WeCom has encrypted, in the arena. key: the 43 characters of EncodingAESKey. False: it is none of that key. */
bool yt_wecom_decrypt(struct yt_arena *a, struct yt_str key, struct yt_str encrypted, struct yt_str *text, struct yt_str *corp);
/* The events of a text that was decrypted. False: see yt_take_fault. */
bool yt_wecom_map(struct take *t, struct yt_str text);

#endif
