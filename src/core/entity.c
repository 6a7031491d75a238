#include "yutang/core/entity.h"

#include "yutang/core/channels.h"
#include "yutang/core/account.h"
#include "yutang/core/alias.h"
#include "yutang/core/day.h"
#include "yutang/core/erase.h"
#include "yutang/core/group.h"
#include "yutang/core/member.h"
#include "yutang/core/order.h"
#include "yutang/core/phone.h"
#include "yutang/core/quota.h"

static int64_t never(const void *obj)
{
	(void)obj;
	return YT_NEVER;
}

const struct yt_entity_ops yt_entities[YT_KIND__COUNT] = {
	[YT_KIND_MEMBER] = { YT_STR("member:"), YT_MEMBER_BYTES_MAX, yt_member_fresh, yt_member_decode, yt_member_encode, yt_member_next_due, never,
	                     yt_erase_names },
	[YT_KIND_ORDER] = { YT_STR("order:"), YT_ORDER_BYTES_MAX, yt_order_fresh, yt_order_decode, yt_order_encode, never, yt_order_expires_at,
	                    yt_order_names },
	[YT_KIND_DAY] = { YT_STR("day:"), YT_DAY_BYTES_MAX, yt_day_fresh, yt_day_decode, yt_day_encode, never, never, NULL },
	[YT_KIND_CHANNELS] = { YT_STR("channels:"), YT_CHANNELS_BYTES_MAX, yt_channels_fresh, yt_channels_decode, yt_channels_encode, never, never, NULL },
	[YT_KIND_PHONE] = { YT_STR("phone:"), YT_PHONE_BYTES_MAX, yt_phone_fresh, yt_phone_decode, yt_phone_encode, never, never,
	                    yt_phone_names },
	[YT_KIND_QUOTA] = { YT_STR("quota:"), YT_QUOTA_BYTES_MAX, yt_quota_fresh, yt_quota_decode, yt_quota_encode, never, never, NULL },
	[YT_KIND_ACCOUNT] = { YT_STR("account:"), YT_ACCOUNT_BYTES_MAX, yt_account_fresh, yt_account_decode, yt_account_encode, never, never, NULL },
	[YT_KIND_GROUP] = { YT_STR("group:"), YT_GROUP_BYTES_MAX, yt_group_fresh, yt_group_decode, yt_group_encode, never, never, NULL },
	[YT_KIND_ALIAS] = { YT_STR("alias:"), YT_ALIAS_BYTES_MAX, yt_alias_fresh, yt_alias_decode, yt_alias_encode, yt_alias_next_due,
	                    yt_alias_expires_at, yt_alias_names },
	[YT_KIND_ERASED] = { YT_STR("erased:"), YT_ERASED_BYTES_MAX, yt_erased_fresh, yt_erased_decode, yt_erased_encode, never, never, NULL },
};

struct asked {
	struct yt_str id;
	bool found;
};

static void compare(void *ctx, struct yt_str id)
{
	struct asked *a = ctx;

	a->found |= yt_str_eq(id, a->id) || yt_str_eq(id, YT_NAMED_ANYBODY);
}

bool yt_entity_names(enum yt_kind kind, const void *obj, struct yt_str id)
{
	struct asked a = { .id = id };

	yt_entities[kind].names(obj, compare, &a);
	return a.found;
}

struct yt_str yt_name_shop(struct yt_str name)
{
	const char *slash = memchr(name.p, '/', name.n);

	return yt_str(name.p, slash ? (size_t)(slash - name.p) : name.n);
}

struct yt_str yt_name_id(struct yt_str name)
{
	struct yt_str shop = yt_name_shop(name);

	return shop.n == name.n ? yt_str("", 0) : yt_str(name.p + shop.n + 1, name.n - shop.n - 1);
}

int yt_entity_kind(struct yt_str key, struct yt_str *name)
{
	for (int kind = 0; kind < YT_KIND__COUNT; kind++) {
		struct yt_str prefix = yt_entities[kind].prefix;

		if (!yt_str_starts(key, prefix))
			continue;
		*name = yt_str(key.p + prefix.n, key.n - prefix.n);
		return kind;
	}
	return -1;
}
