/* Whether an event still fits into the entities that it would change. Judged before the first edit, and from above: what the rules might do
 * counts as done. */
#ifndef YT_CORE_LIMIT_H
#define YT_CORE_LIMIT_H

#include "yutang/core/act.h"

/* Each gives false and one line in detail where a limit would be passed. m, o: as they are now, NULL: absent. types: bits over enum yt_type
 * whose rules may run. */
bool yt_limit_rules(const struct yt_decide_env *env, const struct yt_member *m, const struct yt_order *o, uint32_t types, char detail[160]);
bool yt_limit_member_bytes(const struct yt_decide_env *env, const struct yt_member *m, size_t growth, char detail[160]);
bool yt_limit_order(const struct yt_decide_env *env, const struct yt_order *o, const struct yt_event *ev, char detail[160]);
bool yt_limit_products(const struct yt_decide_env *env, const struct yt_order *o, const struct yt_event *ev, char detail[160]);
bool yt_limit_commands(const struct yt_decide_env *env, const struct yt_member *m, char detail[160]);
bool yt_limit_place(const struct yt_places *p, struct yt_str id, uint32_t places_max, const char *what, char detail[160]);

/* While it is decided: the member has room for one more timer or coupon, and so many bytes. What an event sets off directly was judged before; this is for what timers
 * set off, and what follows from outputs. */
bool yt_limit_room(struct yt_act *act, size_t more);

#endif
