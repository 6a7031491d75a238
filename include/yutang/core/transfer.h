/* Coupons that others may use: the code has an alias, `<shop>/~coupon:<code>`, by which an order's shard finds the one who holds it. The holder's
 * shard decides; the order counts all the same. */
#ifndef YT_CORE_TRANSFER_H
#define YT_CORE_TRANSFER_H

#include "yutang/core/send.h"

/* At the holder's: his coupon was issued. */
void yt_transfer_bind(struct yt_act *act, const struct yt_coupon *c);

/* At the order's: a code that its member does not hold may be another's. False: it is nobody's, as no template of the rules is transferable. ordinal: among
 * such codes of the order. */
bool yt_transfer_ask(struct yt_act *act, struct yt_str code, unsigned ordinal);
/* The order at hand was cancelled: what it used of others goes back. */
void yt_transfer_return(struct yt_act *act);

/* At the alias' and at the holder's: yt_send_take. */
bool yt_transfer_take_code(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);
bool yt_transfer_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);

#endif
