/* WeCom 企业微信: encrypted XML. Signed is not the body but what it has encrypted, so the outer XML is read before its sender is known. */
#include "take.h"
#include "xml.h"
#include "yutang/base/crypt.h"
#include "yutang/base/hash.h"
#include "yutang/base/ini.h"

enum {
	KEY_TEXT = 43,         /* characters of EncodingAESKey */
	PAD_MAX = 32,          /* PKCS#7 to blocks of 32 */
	HEAD = 16 + 4,         /* random bytes, length */
	CODE_VALID_MS = 20000, /* of a WelcomeCode */
};

/* ---- signature and encryption */

/* Hex of SHA-1 over token, timestamp, nonce and what was encrypted, sorted. */
static struct yt_str sign(struct take *t, const void *ctx, bool next)
{
	const struct yt_str *sent = ctx;
	struct yt_str parts[4] = { yt_take_secret(&t->shop->wecom_token, next), sent[0], sent[1], sent[2] };
	char *hex = yt_arena_alloc(t->arena, 2 * YT_DIGEST_BYTES_MAX + 1);
	unsigned char digest[YT_DIGEST_BYTES_MAX];
	size_t n;

	for (int i = 1; i < 4; i++) {
		for (int k = i; k > 0 && yt_str_cmp(parts[k], parts[k - 1]) < 0; k--) {
			struct yt_str swap = parts[k];

			parts[k] = parts[k - 1];
			parts[k - 1] = swap;
		}
	}
	n = yt_digest(YT_SHA1, parts, 4, digest);
	yt_hex(digest, n, hex);
	return yt_str(hex, 2 * n);
}

bool yt_wecom_decrypt(struct yt_arena *a, struct yt_str key, struct yt_str encrypted, struct yt_str *text, struct yt_str *corp)
{
	struct yt_str secret, cipher;
	unsigned char *plain;
	uint32_t n, pad, length;

	if (key.n != KEY_TEXT || !yt_unbase64(a, yt_arena_printf(a, "%.*s=", YT_FMT(key)), &secret) || secret.n != 32 ||
	    !yt_unbase64(a, encrypted, &cipher) || cipher.n < 32)
		return false;
	plain = yt_arena_alloc(a, cipher.n);
	if (!yt_aes256_cbc_decrypt((const unsigned char *)secret.p, (const unsigned char *)secret.p, cipher, plain))
		return false;
	pad = plain[cipher.n - 1];
	if (pad < 1 || pad > PAD_MAX || pad > cipher.n)
		return false;
	n = cipher.n - pad;
	for (uint32_t i = n; i < cipher.n; i++)
		if (plain[i] != pad)
			return false;
	if (n < HEAD)
		return false;
	length = (uint32_t)plain[16] << 24 | (uint32_t)plain[17] << 16 | (uint32_t)plain[18] << 8 | plain[19];
	if (length > n - HEAD)
		return false;
	*text = yt_str((const char *)plain + HEAD, length);
	*corp = yt_str((const char *)plain + HEAD + length, n - HEAD - length);
	return true;
}

static bool open_with(struct take *t, struct yt_str key, struct yt_str encrypted, struct yt_str *text)
{
	const struct yt_secret *known = &t->shop->wecom_corp;
	struct yt_str corp;

	return yt_wecom_decrypt(t->arena, key, encrypted, text, &corp) && corp.n && (yt_str_eq(corp, known->now) || yt_str_eq(corp, known->next));
}

/* The answer is that to a wrong signature: who has the token but not the key is not the sender. */
static bool verified(struct take *t, struct yt_str encrypted, struct yt_str *text)
{
	const struct yt_secret *keys = &t->shop->wecom_key;
	struct yt_str given, sent[3] = { [2] = encrypted };

	if (!yt_take_query(t, "msg_signature", &given) || !yt_take_query(t, "timestamp", &sent[0]) || !yt_take_query(t, "nonce", &sent[1]) ||
	    !yt_take_signed(t, given, sign, sent, &t->shop->wecom_token))
		return false;
	if (open_with(t, keys->now, encrypted, text) || (keys->next.n && open_with(t, keys->next, encrypted, text)))
		return true;
	yt_take_refuse(t, YT_TAKE_UNSIGNED, 401, "the signature is not right");
	return false;
}

/* ---- mapping */

static bool need(struct take *t, const struct xml_element *xml, const char *name, struct yt_str *out)
{
	*out = yt_xml_text(xml, name);
	return out->n || yt_take_fault(t, YT_DEAD_MISSING_FIELD, "%s: missing", name);
}

static struct yt_str wecom_id(struct take *t, struct yt_str id)
{
	return yt_arena_printf(t->arena, "wecom:%.*s", YT_FMT(id));
}

static struct yt_str decimal(struct take *t, int64_t v)
{
	return yt_arena_printf(t->arena, "%lld", (long long)v);
}

static bool contact(struct take *t, const struct xml_element *xml, bool added)
{
	const char *at = added ? "added_at" : "removed_at";
	struct yt_str account, external, parts[3];
	struct draft d;

	if (!need(t, xml, "UserID", &account) || !need(t, xml, "ExternalUserID", &external))
		return false;
	parts[0] = account;
	parts[1] = wecom_id(t, external);
	parts[2] = decimal(t, t->sent_ms);
	yt_draft_begin(t, &d, added ? "contact.added" : "contact.removed", t->sent_ms, parts, 3);
	yt_draft_text(&d, "account", account);
	yt_draft_text(&d, "member", parts[1]);
	yt_draft_int(&d, at, t->sent_ms);
	if (added) {
		yt_draft_text(&d, "channel", yt_xml_text(xml, "State"));
		if (yt_xml_text(xml, "WelcomeCode").n)
			yt_draft_int(&d, "welcome_until", t->sent_ms + CODE_VALID_MS);
	}
	return yt_draft_end(t, &d, parts[1]);
}

static bool external_contact(struct take *t, const struct xml_element *xml)
{
	struct yt_str change = yt_xml_text(xml, "ChangeType");

	if (yt_str_eq(change, YT_S("add_external_contact")))
		return contact(t, xml, true);
	if (yt_str_eq(change, YT_S("del_external_contact")) || yt_str_eq(change, YT_S("del_follow_user")))
		return contact(t, xml, false);
	return true;
}

/* A change of a chat's members, or of one of them. */
struct change {
	struct yt_str group, version, last_version; /* versions: digests, of which only equality means anything; empty: none was sent */
	struct yt_str reason;
	bool joined;
};

/* The number where it is one, as others say it. */
static void draft_version(struct draft *d, const char *name, struct yt_str version)
{
	int64_t n;

	if (yt_parse_int(version, 0, (INT64_C(1) << 53) - 1, &n))
		yt_draft_int(d, name, n);
	else
		yt_draft_text(d, name, version);
}

static bool member_changed(struct take *t, const struct change *c, struct yt_str id)
{
	const char *at = c->joined ? "joined_at" : "left_at";
	struct yt_str parts[3] = { c->group, wecom_id(t, id), decimal(t, t->sent_ms) };
	struct draft d;

	yt_draft_begin(t, &d, c->joined ? "group.joined" : "group.left", t->sent_ms, parts, 3);
	yt_draft_text(&d, "group", c->group);
	yt_draft_text(&d, "member", parts[1]);
	yt_draft_int(&d, at, t->sent_ms);
	yt_draft_text(&d, "reason", c->reason);
	draft_version(&d, "version", c->version);
	return yt_draft_end(t, &d, parts[1]);
}

static bool group_changed(struct take *t, const struct change *c)
{
	struct yt_str parts[2] = { c->group, c->version };
	struct draft d;

	if (!c->version.n || !c->last_version.n)
		return true;
	yt_draft_begin(t, &d, "group.changed", t->sent_ms, parts, 2);
	yt_draft_text(&d, "group", c->group);
	draft_version(&d, "version", c->version);
	draft_version(&d, "last_version", c->last_version);
	return yt_draft_end(t, &d, yt_arena_printf(t->arena, "~group:%.*s", YT_FMT(c->group)));
}

static struct yt_str trim(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	while (end > p && strchr(" \t\r\n", end[-1]))
		end--;
	return yt_str(p, (size_t)(end - p));
}

/* `<Item>` each, or the older list with commas. Each member by itself: one that cannot be mapped keeps no other from it. */
static void each_member(struct take *t, const struct change *c, const struct xml_element *list)
{
	struct yt_str id;

	for (const struct xml_element *e = list ? list->children : NULL; e; e = e->next)
		if ((id = trim(e->text.p, e->text.p + e->text.n)).n)
			member_changed(t, c, id);
	if (!list || list->children)
		return;
	for (const char *p = list->text.p, *end = p + list->text.n; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));

		id = trim(p, comma ? comma : end);
		if (id.n)
			member_changed(t, c, id);
		p = comma ? comma + 1 : end;
	}
}

static bool external_chat(struct take *t, const struct xml_element *xml)
{
	struct yt_str detail = yt_xml_text(xml, "UpdateDetail"), scene = yt_xml_text(xml, "QuitScene");
	struct change c = { .joined = yt_str_eq(detail, YT_S("add_member")) };

	if (!yt_str_eq(yt_xml_text(xml, "ChangeType"), YT_S("update")) || !(c.joined || yt_str_eq(detail, YT_S("del_member"))))
		return true;
	if (!need(t, xml, "ChatId", &c.group))
		return false;
	c.version = yt_xml_text(xml, "CurMemVer");
	c.last_version = yt_xml_text(xml, "LastMemVer");
	if (!c.joined)
		c.reason = yt_str_eq(scene, YT_S("0")) ? YT_S("self") : yt_str_eq(scene, YT_S("1")) ? YT_S("removed") : YT_S("");
	each_member(t, &c, yt_xml_find(xml, "MemChangeList"));
	return group_changed(t, &c);
}

bool yt_wecom_map(struct take *t, struct yt_str text)
{
	const struct xml_element *xml = yt_xml_parse(t->arena, text);
	bool of_contact, of_chat;
	int64_t seconds;

	if (!xml)
		return yt_take_fault(t, YT_DEAD_BAD_FIELD, "body: no XML of such a kind");
	of_contact = yt_str_eq(yt_xml_text(xml, "Event"), YT_S("change_external_contact"));
	of_chat = yt_str_eq(yt_xml_text(xml, "Event"), YT_S("change_external_chat"));
	if (!of_contact && !of_chat)
		return true;
	t->out->dead_value = text; /* these have ids alone; what else is sent to an application may be of a person */
	if (!yt_parse_int(yt_xml_text(xml, "CreateTime"), 1, INT64_C(1) << 40, &seconds))
		return yt_take_fault(t, YT_DEAD_BAD_FIELD, "CreateTime: no instant in seconds");
	t->sent_ms = seconds * 1000;
	return of_contact ? external_contact(t, xml) : external_chat(t, xml);
}

/* The address is asked for when it is entered: the answer is what was encrypted. */
static void take_question(struct take *t)
{
	struct yt_str question, text;

	if (!yt_take_query(t, "echostr", &question) || !verified(t, question, &text))
		return;
	t->out->take = YT_TAKE_IGNORED;
	t->out->status = 200;
	t->out->answer_type = "text/plain; charset=utf-8";
	t->out->answer = text;
}

void yt_take_wecom(struct take *t)
{
	const struct xml_element *outer;
	struct yt_str text;

	if (yt_str_eq(t->req->method, YT_S("GET"))) {
		take_question(t);
		return;
	}
	outer = yt_xml_parse(t->arena, t->req->body);
	if (verified(t, yt_xml_text(outer, "Encrypt"), &text))
		yt_wecom_map(t, text);
}
