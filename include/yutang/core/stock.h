/* What a member has bought and not used up: [product] and stock_until, median_gap. RULES.md, Expressions, last paragraph. */
#ifndef YT_CORE_STOCK_H
#define YT_CORE_STOCK_H

#include "yutang/core/act.h"

/* Units of the items whose sku has a [product], into the order. How many rows the order would have then. */
void yt_stock_bought(struct yt_act *act, struct yt_order *o, const union yt_field_value *items);
void yt_stock_refunded(struct yt_act *act, struct yt_order *o, const union yt_field_value *items);
uint32_t yt_stock_rows(const struct yt_ruleset *rules, const struct yt_order *o, const union yt_field_value *items);

/* The order changed: what the member has of it. */
void yt_stock_follow(struct yt_act *act, const struct yt_order *o);

/* What another member has, too. */
void yt_stock_merge(struct yt_act *act, const struct yt_member *from);

/* Under the rules of now: the end of the last unit of any product; 0: absent. */
int64_t yt_stock_until(struct yt_act *act);

#endif
