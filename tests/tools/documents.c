/* Writes the documents of the contract on the topics, from the tables that the daemon reads and writes by.
 *
 *   documents DIR    DIR/schemas/TYPE.json for each input and output type, DIR/asyncapi.json
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "yutang/app/cmd.h"
#include "yutang/event/event.h"
#include "yutang/event/output.h"

#define DRAFT "http://json-schema.org/draft-07/schema#"
#define NO_CONTROL "[^\\u0000-\\u001f\\u007f-\\u009f]*"
#define SHOP "[A-Za-z0-9._-]{1,64}"
#define SAFE_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

static void write_file(const char *dir, const char *name, cJSON *root)
{
	char path[4096], *text = cJSON_Print(root);
	FILE *f;

	snprintf(path, sizeof path, "%s/%s.json", dir, name);
	f = fopen(path, "w");
	if (!f || fprintf(f, "%s\n", text) < 0 || fclose(f) != 0) {
		fprintf(stderr, "documents: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	free(text);
	cJSON_Delete(root);
}

static cJSON *add(cJSON *to, const char *name)
{
	return cJSON_AddObjectToObject(to, name);
}

static void say(cJSON *to, const char *name, const char *text)
{
	cJSON_AddStringToObject(to, name, text);
}

/* cJSON would print the large ones short. */
static void number(cJSON *to, const char *name, int64_t v)
{
	char digits[32];

	snprintf(digits, sizeof digits, "%" PRId64, v);
	cJSON_AddRawToObject(to, name, digits);
}

static void listed(cJSON *list, const char *text)
{
	cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

/* `null` counts as absent. */
static void type(cJSON *schema, const char *name, bool or_null)
{
	cJSON *both;

	if (!or_null) {
		say(schema, "type", name);
		return;
	}
	both = cJSON_AddArrayToObject(schema, "type");
	listed(both, name);
	listed(both, "null");
}

/* --- fields of inputs */

static void text(cJSON *s, bool or_null, int min, const char *pattern)
{
	type(s, "string", or_null);
	if (min)
		number(s, "minLength", min);
	number(s, "maxLength", YT_ID_BYTES_MAX);
	say(s, "pattern", pattern);
}

static void integer(cJSON *s, bool or_null, int64_t min, const char *what)
{
	type(s, "integer", or_null);
	number(s, "minimum", min);
	number(s, "maximum", SAFE_MAX);
	say(s, "description", what);
}

/* An id, or an integer. */
static void version(cJSON *s, bool or_null)
{
	cJSON *kinds = cJSON_AddArrayToObject(s, "type");

	listed(kinds, "string");
	listed(kinds, "integer");
	if (or_null)
		listed(kinds, "null");
	number(s, "minLength", 1);
	number(s, "maxLength", YT_ID_BYTES_MAX);
	say(s, "pattern", "^" NO_CONTROL "$");
	number(s, "minimum", -SAFE_MAX);
	number(s, "maximum", SAFE_MAX);
}

static void items(cJSON *s, bool or_null, bool amounts)
{
	cJSON *item, *fields, *required;

	type(s, "array", or_null);
	number(s, "maxItems", YT_ITEMS_MAX);
	item = add(s, "items");
	say(item, "type", "object");
	required = cJSON_AddArrayToObject(item, "required");
	fields = add(item, "properties");
	listed(required, "sku");
	text(add(fields, "sku"), false, 1, "^" NO_CONTROL "$");
	listed(required, "quantity");
	integer(add(fields, "quantity"), false, 0, "pieces");
	if (!amounts)
		return;
	listed(required, "amount");
	integer(add(fields, "amount"), false, -SAFE_MAX, "in the currency's minor unit; a discount is below 0");
}

static void codes(cJSON *s, bool or_null)
{
	type(s, "array", or_null);
	number(s, "maxItems", YT_CODES_MAX);
	text(add(s, "items"), false, 1, "^" NO_CONTROL "$");
}

static void buyer(cJSON *s, bool or_null)
{
	static const char *const parts[] = { "phone", "device", "address" };
	cJSON *fields;

	type(s, "object", or_null);
	say(s, "description", "hashes, each made by the shop in one way for all orders");
	fields = add(s, "properties");
	for (int k = 0; k < 3; k++)
		text(add(fields, parts[k]), true, 0, "^" NO_CONTROL "$");
}

static void input_field(cJSON *s, const struct yt_type_info *info, const struct yt_type_field *f)
{
	bool or_null = !f->required;

	switch (yt_fields[f->field].kind) {
	case YT_FK_ID:
		text(s, or_null, 1, f->field == YT_F_ALIAS ? "^(order|ref):[^\\u0000-\\u001f\\u007f-\\u009f]" NO_CONTROL "$" : "^" NO_CONTROL "$");
		break;
	case YT_FK_MEMBER:
		text(s, or_null, 1, "^[^~\\u0000-\\u001f\\u007f-\\u009f]" NO_CONTROL "$");
		break;
	case YT_FK_TEXT:
		text(s, or_null, 0, "^" NO_CONTROL "$");
		break;
	case YT_FK_INSTANT:
		integer(s, or_null, YT_INSTANT_MIN_MS, "milliseconds since 1970 UTC, digits alone; not later than 24 h from now");
		break;
	case YT_FK_MONEY:
		integer(s, or_null, f->not_negative ? 0 : -SAFE_MAX, "in the currency's minor unit, digits alone");
		break;
	case YT_FK_VERSION:
		version(s, or_null);
		break;
	case YT_FK_CURRENCY:
		type(s, "string", or_null);
		say(s, "pattern", "^[A-Z]{3}$");
		break;
	case YT_FK_ITEMS:
		items(s, or_null, info == &yt_types[YT_ORDER_PAID]);
		break;
	case YT_FK_CODES:
		codes(s, or_null);
		break;
	case YT_FK_BUYER:
		buyer(s, or_null);
		break;
	}
}

/* --- an event */

/* Its required list and its properties. */
static cJSON *object(cJSON *s, cJSON **required)
{
	say(s, "type", "object");
	*required = cJSON_AddArrayToObject(s, "required");
	return add(s, "properties");
}

static cJSON *need(cJSON *fields, cJSON *required, const char *name)
{
	listed(required, name);
	return add(fields, name);
}

static cJSON *event_schema(const char *name, const char *what)
{
	cJSON *s = cJSON_CreateObject();

	say(s, "$schema", DRAFT);
	say(s, "title", name);
	say(s, "description", what);
	return s;
}

static void write_input(const char *dir, const struct yt_type_info *info)
{
	cJSON *s = event_schema(info->name.p, "An input in CloudEvents' structured mode. Other attributes and other fields of data are ignored."), *required, *fields, *data;

	fields = object(s, &required);
	say(need(fields, required, "specversion"), "const", "1.0");
	text(need(fields, required, "id"), false, 1, "^" NO_CONTROL "$");
	data = need(fields, required, "source");
	say(data, "type", "string");
	say(data, "pattern", "^/shops/" SHOP "$");
	say(need(fields, required, "type"), "const", info->name.p);
	data = need(fields, required, "time");
	say(data, "type", "string");
	say(data, "format", "date-time");
	data = need(fields, required, "data");
	fields = object(data, &required);
	for (int k = 0; k < info->n_fields; k++) {
		const char *field = yt_fields[info->fields[k].field].name.p;

		input_field(info->fields[k].required ? need(fields, required, field) : add(fields, field), info, &info->fields[k]);
	}
	write_file(dir, info->name.p, s);
}

/* --- outputs */

static void patterned(cJSON *s, const char *pattern)
{
	say(s, "type", "string");
	say(s, "pattern", pattern);
}

static void some_text(cJSON *s)
{
	say(s, "type", "string");
	number(s, "minLength", 1);
}

static void reasons(cJSON *s)
{
	cJSON *all = cJSON_AddArrayToObject(s, "enum");

	for (int r = YT_REASON_NONE + 1; r < YT_REASON__COUNT; r++)
		listed(all, yt_reason_name(r));
}

static void one_of(cJSON *s, const char *const words[], size_t n)
{
	cJSON *all = cJSON_AddArrayToObject(s, "enum");

	for (size_t k = 0; k < n; k++)
		listed(all, words[k]);
}

static void output_field(cJSON *s, enum yt_out_kind kind)
{
	static const char *const roles[] = { "referrer", "invitee" }, *const tier_reasons[] = { "tier_reached", "tier_lapsed" };
	static const char *const lacks[] = { "amount", "orders", "referrals" }, *const causes[] = { "order", "presale", "referral" };
	cJSON *required, *parts;

	switch (kind) {
	case YT_OK_TEXT:
		some_text(s);
		break;
	case YT_OK_MAYBE:
		say(s, "type", "string");
		break;
	case YT_OK_HEX:
		patterned(s, "^[0-9a-f]{32}$");
		break;
	case YT_OK_CODE:
		patterned(s, "^[0-9A-HJKMNP-TV-Z]{12}$");
		break;
	case YT_OK_INSTANT:
		integer(s, false, 0, "milliseconds since 1970 UTC");
		break;
	case YT_OK_MONEY:
		integer(s, false, 0, "in the currency's minor unit");
		break;
	case YT_OK_PERCENT:
		say(s, "type", "integer");
		number(s, "minimum", 1);
		number(s, "maximum", 99);
		break;
	case YT_OK_COUNT:
		integer(s, false, 0, "how many");
		break;
	case YT_OK_VERSION:
		version(s, false);
		break;
	case YT_OK_REASON:
		reasons(s);
		break;
	case YT_OK_ROLE:
		one_of(s, roles, 2);
		break;
	case YT_OK_TIER_REASON:
		one_of(s, tier_reasons, 2);
		break;
	case YT_OK_MISSING:
		parts = object(s, &required);
		for (size_t k = 0; k < sizeof lacks / sizeof *lacks; k++)
			integer(need(parts, required, lacks[k]), false, 0, "how much more, or how many; 0: met");
		break;
	case YT_OK_FOR:
		say(s, "type", "object");
		parts = add(s, "properties");
		for (size_t k = 0; k < sizeof causes / sizeof *causes; k++)
			some_text(add(parts, causes[k]));
		break;
	case YT_OK_PARAMS:
		say(s, "type", "object");
		say(add(s, "additionalProperties"), "type", "string");
		break;
	}
}

/* Of an account or a group: its id is the first field of its own, and no member is named. */
static bool is_of_place(const struct yt_out_field *f)
{
	return f->name && f->need == YT_OUT_ALWAYS && (strcmp(f->name, "account") == 0 || strcmp(f->name, "group") == 0);
}

static void output_data(cJSON *data, const struct yt_out_field *f)
{
	static const char *const common[] = { "shop", "member", "cause", "rule", "ruleset" };
	cJSON *required, *fields = object(data, &required), *one_of = NULL;

	for (size_t k = 0; k < sizeof common / sizeof *common; k++)
		if (!is_of_place(f) || strcmp(common[k], "member") != 0)
			some_text(need(fields, required, common[k]));
	output_field(need(fields, required, "at"), YT_OK_INSTANT);
	for (; f->name; f++) {
		output_field(f->need == YT_OUT_ALWAYS ? need(fields, required, f->name) : add(fields, f->name), f->kind);
		if (f->need != YT_OUT_ONE_OF)
			continue;
		if (!one_of)
			one_of = cJSON_AddArrayToObject(data, "oneOf");
		cJSON *choice = cJSON_CreateObject();

		listed(cJSON_AddArrayToObject(choice, "required"), f->name);
		cJSON_AddItemToArray(one_of, choice);
	}
}

static void write_output(const char *dir, enum yt_out_type t)
{
	cJSON *s = event_schema(yt_outs[t].name.p, "An output in CloudEvents' structured mode. A later version may have more attributes and more fields of data."), *required, *fields;

	fields = object(s, &required);
	say(need(fields, required, "specversion"), "const", "1.0");
	patterned(need(fields, required, "id"), "^[0-9a-f]{32}$");
	patterned(need(fields, required, "source"), "^/shops/" SHOP "/yutang$");
	say(need(fields, required, "type"), "const", yt_outs[t].name.p);
	patterned(need(fields, required, "time"), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$");
	some_text(need(fields, required, "subject"));
	say(need(fields, required, "datacontenttype"), "const", "application/json");
	output_data(need(fields, required, "data"), yt_out_fields[t]);
	write_file(dir, yt_outs[t].name.p, s);
}

/* --- AsyncAPI */

/* The topic as a channel, with the operation that the daemon does on it; its messages. */
static cJSON *channel(cJSON *root, const char *topic, const char *what, const char *action)
{
	cJSON *channels = cJSON_GetObjectItemCaseSensitive(root, "channels"), *c = cJSON_GetObjectItemCaseSensitive(channels, topic), *op;
	char ref[128], id[128];

	if (c)
		return cJSON_GetObjectItemCaseSensitive(c, "messages");
	c = add(channels, topic);
	snprintf(ref, sizeof ref, "yutang.%s", topic);
	say(c, "address", ref);
	say(c, "description", what);
	snprintf(id, sizeof id, "%s-%s", action, topic);
	op = add(cJSON_GetObjectItemCaseSensitive(root, "operations"), id);
	say(op, "action", action);
	snprintf(ref, sizeof ref, "#/channels/%s", topic);
	say(add(op, "channel"), "$ref", ref);
	return add(c, "messages");
}

static void message(cJSON *root, cJSON *messages, const char *name, const char *key)
{
	cJSON *m = add(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "components"), "messages"), name), *payload, *kafka;
	char ref[256];

	snprintf(ref, sizeof ref, "#/components/messages/%s", name);
	say(add(messages, name), "$ref", ref);
	say(m, "name", name);
	say(m, "contentType", "application/cloudevents+json");
	payload = add(m, "payload");
	say(payload, "schemaFormat", "application/schema+json;version=draft-07");
	snprintf(ref, sizeof ref, "./schemas/%s.json", name);
	say(add(payload, "schema"), "$ref", ref);
	kafka = add(add(m, "bindings"), "kafka");
	say(add(kafka, "key"), "type", "string");
	say(cJSON_GetObjectItemCaseSensitive(kafka, "key"), "description", key);
	say(kafka, "bindingVersion", "0.5.0");
}

/* The original record as it came, with what was wrong in its headers. */
static void dead_letter(cJSON *root, cJSON *messages)
{
	static const char *const names[] = { "dl_topic", "dl_partition", "dl_offset", "dl_timestamp", "dl_reason", "dl_detail", "dl_truncated" };
	cJSON *m = add(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "components"), "messages"), "dead-letter"), *headers, *fields, *required, *reason;

	say(add(messages, "dead-letter"), "$ref", "#/components/messages/dead-letter");
	say(m, "name", "dead-letter");
	say(m, "description", "The original key, value and headers, whatever they were, and headers that say where it came from and what was wrong.");
	headers = add(m, "headers");
	fields = object(headers, &required);
	for (size_t k = 0; k < sizeof names / sizeof *names; k++)
		say(strcmp(names[k], "dl_truncated") == 0 ? add(fields, names[k]) : need(fields, required, names[k]), "type", "string");
	reason = cJSON_AddArrayToObject(cJSON_GetObjectItemCaseSensitive(fields, "dl_reason"), "enum");
	for (int d = YT_DEAD_NONE + 1; d < YT_DEAD__COUNT; d++)
		listed(reason, yt_dead_name(d));
}

static const char *record_key(const struct yt_type_info *info)
{
	static char text[256];

	if (!info->lead)
		return "<shop>/<member>, or <shop>/~order:<order> where the event names no member; partitioned by murmur2";
	snprintf(text, sizeof text, "<shop>/%s<%s>; partitioned by murmur2", info->lead, yt_fields[info->owner].name.p);
	return text;
}

static const char *output_key(enum yt_out_type t)
{
	return is_of_place(yt_out_fields[t]) ? "<shop>/~<subject>; partitioned by murmur2" : "<shop>/<subject>; partitioned by murmur2";
}

static void write_asyncapi(const char *dir)
{
	cJSON *root = cJSON_CreateObject(), *info;

	say(root, "asyncapi", "3.0.0");
	info = add(root, "info");
	say(info, "title", "Yutang");
	say(info, "version", YT_VERSION);
	say(info, "description",
	    "The topics of Yutang that other programs write and read, with the default prefix `yutang.`. Send and receive are the daemon's own. Values are CloudEvents 1.0; "
	    "inputs are also taken in binary mode (ce_* headers, the value is data).");
	say(root, "defaultContentType", "application/cloudevents+json");
	add(root, "channels");
	add(root, "operations");
	add(add(root, "components"), "messages");
	for (int t = 0; t < YT_TYPE__COUNT; t++)
		message(root, channel(root, yt_types[t].topic.p, "Inputs. A record without a key, or on another partition than its key asks for, is forwarded.", "receive"),
		        yt_types[t].name.p, record_key(&yt_types[t]));
	for (int t = 0; t < YT_OUT_TYPE__COUNT; t++)
		message(root, channel(root, yt_out_topics[yt_outs[t].topic], "Outputs, each once for a reader of committed records.", "send"), yt_outs[t].name.p,
		        output_key(t));
	dead_letter(root, channel(root, "dead-letters", "What could not be taken.", "send"));
	write_file(dir, "asyncapi", root);
}

int main(int argc, char **argv)
{
	char schemas[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: documents DIR\n");
		return 64;
	}
	yt_types_init();
	snprintf(schemas, sizeof schemas, "%s/schemas", argv[1]);
	if (mkdir(schemas, 0777) < 0 && errno != EEXIST) {
		fprintf(stderr, "documents: %s: %s\n", schemas, strerror(errno));
		return 1;
	}
	for (int t = 0; t < YT_TYPE__COUNT; t++)
		write_input(schemas, &yt_types[t]);
	for (int t = 0; t < YT_OUT_TYPE__COUNT; t++)
		write_output(schemas, t);
	write_asyncapi(argv[1]);
	return 0;
}
