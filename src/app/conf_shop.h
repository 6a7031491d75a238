/* The `[shop "NAME"]` sections of the configuration, which are many: a part of conf.c. */
#ifndef YT_APP_CONF_SHOP_H
#define YT_APP_CONF_SHOP_H

#include "yutang/app/conf.h"

/* The values of one shop, `KEY_file` and `KEY_next_file` already read. */
void yt_conf_shop_take(struct yt_conf *c, const struct yt_ini_section *s, struct yt_problems *p);
/* One call a key that has a value, in the order of the file; value is `***` where it is secret. */
typedef void yt_conf_shop_fn(void *ctx, const struct yt_conf_shop *shop, struct yt_str key, struct yt_str value, int line);
void yt_conf_shop_each(const struct yt_conf_shop *shop, yt_conf_shop_fn *fn, void *ctx);

/* conf.c */
const char *yt_conf_path(struct yt_conf *c, struct yt_str file);
void yt_conf_unknown_key(struct yt_conf *c, const char *section, const struct yt_ini_entry *e, struct yt_problems *p);

#endif
