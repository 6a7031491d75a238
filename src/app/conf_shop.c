#include "conf_shop.h"

#include <string.h>

enum { AES_KEY_CHARACTERS = 43, KEYS_MAX = 27 };

struct yt_conf_shop_key {
	const struct yt_conf_key *of;
	struct yt_ini_entry entry; /* as in the file */
};

/* `shopify_secret`, `shopify_secret_file` or `shopify_secret_next_file`: its row, or NULL. */
static const struct yt_conf_key *row_of(struct yt_str key, bool *file, bool *next)
{
	for (size_t i = 0; i < yt_conf_n_keys; i++) {
		struct yt_str name = yt_str_z(yt_conf_keys[i].key), rest;

		if (strcmp(yt_conf_keys[i].section, "shop") != 0 || !yt_str_starts(key, name))
			continue;
		rest = yt_str(key.p + name.n, key.n - name.n);
		*next = yt_str_eq(rest, YT_S("_next_file"));
		*file = *next || yt_str_eq(rest, YT_S("_file"));
		if (rest.n == 0 || (*file && !(*next && yt_conf_keys[i].kind == YT_CK_SHOP_KEY)))
			return &yt_conf_keys[i];
	}
	return NULL;
}

static struct yt_str *slot_of(struct yt_intake_shop *shop, const struct yt_conf_key *row, bool next)
{
	char *at = (char *)shop + row->offset;

	if (row->kind == YT_CK_SHOP_KEY)
		return (struct yt_str *)at;
	return next ? &((struct yt_secret *)at)->next : &((struct yt_secret *)at)->now;
}

static void take_key(struct yt_conf *c, struct yt_conf_shop *shop, const struct yt_ini_entry *e, struct yt_problems *p)
{
	bool file = false, next = false;
	const struct yt_conf_key *row = row_of(e->key, &file, &next);
	struct yt_str *slot = row ? slot_of(&shop->intake, row, next) : NULL;
	const char *value = NULL;
	struct yt_err err;

	if (!row) {
		yt_conf_unknown_key(c, "shop", e, p);
		return;
	}
	for (size_t i = 0; i < shop->n_keys; i++)
		if (yt_str_eq(shop->keys[i].entry.key, e->key))
			return; /* doubled: the grammar has said so */
	if (e->value.n == 0) {
		yt_problem(p, e->line, "`%.*s` has no value", YT_FMT(e->key));
		return;
	}
	if (slot->n) {
		yt_problem(p, e->line, "`%s` is there both as a value and as a file", row->key);
		return;
	}
	if (file && yt_secret_read(&c->arena, yt_conf_path(c, e->value), &value, &err) != 0) {
		yt_problem(p, e->line, "`%.*s`: %s", YT_FMT(e->key), err.msg);
		return;
	}
	*slot = file ? yt_str_z(value) : yt_arena_dup(&c->arena, e->value);
	shop->keys[shop->n_keys++] = (struct yt_conf_shop_key){ row, *e };
}

static void need(const struct yt_conf_shop *shop, struct yt_str have, const char *key, struct yt_str of, const char *of_key, struct yt_problems *p)
{
	if (have.n && !of.n)
		yt_problem(p, shop->line, "[shop \"%.*s\"] has `%s` and needs `%s` too", YT_FMT(shop->intake.name), key, of_key);
}

static void check_aes_key(const struct yt_conf_shop *shop, struct yt_str key, struct yt_problems *p)
{
	if (key.n && key.n != AES_KEY_CHARACTERS)
		yt_problem(p, shop->line, "[shop \"%.*s\"]: `wecom_aes_key` has %u characters, an EncodingAESKey has %d", YT_FMT(shop->intake.name), key.n,
		           AES_KEY_CHARACTERS);
}

/* A second value is for the time in which the first one still holds. */
static void check_next(const struct yt_conf_shop *shop, struct yt_problems *p)
{
	for (size_t i = 0; i < yt_conf_n_keys; i++) {
		const struct yt_conf_key *row = &yt_conf_keys[i];
		struct yt_intake_shop *in = (struct yt_intake_shop *)(uintptr_t)&shop->intake;

		if (strcmp(row->section, "shop") == 0 && row->kind == YT_CK_SHOP_PAIR && slot_of(in, row, true)->n && !slot_of(in, row, false)->n)
			yt_problem(p, shop->line, "[shop \"%.*s\"] has `%s_next_file` and needs `%s` too", YT_FMT(in->name), row->key, row->key);
	}
}

static void check_shop(const struct yt_conf_shop *shop, struct yt_problems *p)
{
	const struct yt_intake_shop *s = &shop->intake;

	need(shop, s->shopify.now, "shopify_secret", s->hash_key, "hash_key", p);
	need(shop, s->woocommerce.now, "woocommerce_secret", s->hash_key, "hash_key", p);
	need(shop, s->youzan.now, "youzan_secret", s->hash_key, "hash_key", p);
	need(shop, s->youzan.now, "youzan_secret", s->youzan_id.now, "youzan_client_id", p);
	need(shop, s->wecom_token.now, "wecom_token", s->wecom_key.now, "wecom_aes_key", p);
	need(shop, s->wecom_token.now, "wecom_token", s->wecom_corp.now, "wecom_corp_id", p);
	need(shop, s->youzan_id.next, "youzan_client_id_next_file", s->youzan.next, "youzan_secret_next_file", p);
	check_aes_key(shop, s->wecom_key.now, p);
	check_aes_key(shop, s->wecom_key.next, p);
	check_next(shop, p);
}

void yt_conf_shop_take(struct yt_conf *c, const struct yt_ini_section *s, struct yt_problems *p)
{
	struct yt_conf_shop *shop = yt_arena_zalloc(&c->arena, sizeof *shop), **last = &c->shops;
	struct yt_str source = yt_arena_printf(&c->arena, "/shops/%.*s", YT_FMT(s->name)), name;

	if (!s->name.p || !yt_event_shop(source, &name)) {
		yt_problem(p, s->line, "a shop has a name of 1 to 64 letters, digits, `.`, `_` and `-`: [shop \"s1\"]");
		return;
	}
	shop->line = s->line;
	shop->intake.name = name;
	shop->keys = yt_arena_alloc(&c->arena, KEYS_MAX * sizeof *shop->keys);
	for (const struct yt_ini_entry *e = s->entries; e; e = e->next)
		take_key(c, shop, e, p);
	check_shop(shop, p);
	while (*last)
		last = &(*last)->next;
	*last = shop;
}

void yt_conf_shop_each(const struct yt_conf_shop *shop, yt_conf_shop_fn *fn, void *ctx)
{
	for (size_t i = 0; i < shop->n_keys; i++) {
		const struct yt_conf_shop_key *k = &shop->keys[i];
		struct yt_str key = k->entry.key;
		bool file = key.n > 5 && memcmp(key.p + key.n - 5, "_file", 5) == 0;

		fn(ctx, shop, key, k->of->secret && !file ? YT_S("***") : k->entry.value, k->entry.line);
	}
}
