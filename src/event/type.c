#include "yutang/event/type.h"

#define X(sym, name, kind) [YT_F_##sym] = { YT_STR(name), kind },
const struct yt_field_info yt_fields[YT_F__COUNT] = { YT_FIELDS(X) };
#undef X

#define REQ(sym) { YT_F_##sym, true, false, NULL }
#define REQ_FROM_0(sym) { YT_F_##sym, true, true, NULL }
#define OPT(sym) { YT_F_##sym, false, false, NULL }
#define OPT_ELSE(sym, deflt) { YT_F_##sym, false, false, deflt }
#define FIELDS(...)                      \
	.fields = { __VA_ARGS__ },       \
	.n_fields = sizeof((struct yt_type_field[]){ __VA_ARGS__ }) / sizeof(struct yt_type_field)

/* Row by row as EVENTS.md has them. `pos` follows from `fields` (yt_types_init). */
struct yt_type_info yt_types[YT_TYPE__COUNT] = {
	[YT_ORDER_PAID] = {
		YT_STR("order.paid"), YT_STR("orders"),
		FIELDS(REQ(ORDER), REQ(MEMBER), REQ(PAID_AT), REQ_FROM_0(AMOUNT), REQ(CURRENCY), REQ(ITEMS), OPT(COUPONS), OPT(CHANNEL),
		       OPT(BUYER), OPT(PRESALE)),
		.at = YT_F_PAID_AT,
		.key = { YT_F_ORDER, YT_F_NONE },
	},
	[YT_ORDER_SHIPPED] = {
		YT_STR("order.shipped"), YT_STR("orders"),
		FIELDS(REQ(ORDER), OPT(MEMBER), REQ(SHIPPED_AT), OPT(CARRIER), OPT(TRACKING)),
		.at = YT_F_SHIPPED_AT,
		.key = { YT_F_ORDER, YT_F_NONE },
	},
	[YT_ORDER_SIGNED] = {
		YT_STR("order.signed"), YT_STR("orders"),
		FIELDS(REQ(ORDER), OPT(MEMBER), REQ(SIGNED_AT)),
		.at = YT_F_SIGNED_AT,
		.key = { YT_F_ORDER, YT_F_NONE },
	},
	[YT_ORDER_REFUNDED] = {
		YT_STR("order.refunded"), YT_STR("orders"),
		FIELDS(REQ(ORDER), OPT(MEMBER), REQ(REFUND), REQ(REFUNDED_AT), REQ_FROM_0(AMOUNT), OPT(ITEMS)),
		.at = YT_F_REFUNDED_AT,
		.key = { YT_F_ORDER, YT_F_REFUND, YT_F_NONE },
	},
	[YT_ORDER_CANCELLED] = {
		YT_STR("order.cancelled"), YT_STR("orders"),
		FIELDS(REQ(ORDER), OPT(MEMBER), REQ(CANCELLED_AT)),
		.at = YT_F_CANCELLED_AT,
		.key = { YT_F_ORDER, YT_F_NONE },
	},
	[YT_PRESALE_DEPOSIT_PAID] = {
		YT_STR("presale.deposit_paid"), YT_STR("orders"),
		FIELDS(REQ(PRESALE), REQ(MEMBER), REQ(PAID_AT), REQ_FROM_0(AMOUNT), REQ(BALANCE_FROM), REQ(BALANCE_UNTIL)),
		.at = YT_F_PAID_AT,
		.key = { YT_F_PRESALE, YT_F_MEMBER, YT_F_NONE },
	},
	[YT_PRESALE_DEPOSIT_REFUNDED] = {
		YT_STR("presale.deposit_refunded"), YT_STR("orders"),
		FIELDS(REQ(PRESALE), REQ(MEMBER), REQ(REFUNDED_AT)),
		.at = YT_F_REFUNDED_AT,
		.key = { YT_F_PRESALE, YT_F_MEMBER, YT_F_NONE },
	},
	[YT_ALIAS_BOUND] = {
		YT_STR("alias.bound"), YT_STR("orders"),
		FIELDS(REQ(ALIAS), REQ(MEMBER)),
		.at = YT_F_NONE,
		.unruled = true,
		.lead = "~",
		.owner = YT_F_ALIAS,
		.key = { YT_F_ALIAS, YT_F_NONE },
	},
	[YT_GROUP_JOINED] = {
		YT_STR("group.joined"), YT_STR("groups"),
		FIELDS(REQ(GROUP), REQ(MEMBER), REQ(JOINED_AT), OPT(ACCOUNT), OPT(INVITER), OPT(CHANNEL), OPT(VERSION)),
		.at = YT_F_JOINED_AT,
		.key = { YT_F_GROUP, YT_F_MEMBER, YT_F_JOINED_AT, YT_F_NONE },
	},
	[YT_GROUP_LEFT] = {
		YT_STR("group.left"), YT_STR("groups"),
		FIELDS(REQ(GROUP), REQ(MEMBER), REQ(LEFT_AT), OPT(REASON), OPT(VERSION)),
		.at = YT_F_LEFT_AT,
		.key = { YT_F_GROUP, YT_F_MEMBER, YT_F_LEFT_AT, YT_F_NONE },
	},
	[YT_GROUP_CHANGED] = {
		YT_STR("group.changed"), YT_STR("groups"),
		FIELDS(REQ(GROUP), REQ(VERSION), REQ(LAST_VERSION)),
		.at = YT_F_NONE,
		.unruled = true,
		.lead = "~group:",
		.owner = YT_F_GROUP,
		.key = { YT_F_GROUP, YT_F_VERSION, YT_F_NONE },
	},
	[YT_CONTACT_ADDED] = {
		YT_STR("contact.added"), YT_STR("groups"),
		FIELDS(REQ(ACCOUNT), REQ(MEMBER), REQ(ADDED_AT), OPT(CHANNEL), OPT(WELCOME_UNTIL)),
		.at = YT_F_ADDED_AT,
		.key = { YT_F_ACCOUNT, YT_F_MEMBER, YT_F_ADDED_AT, YT_F_NONE },
	},
	[YT_CONTACT_REMOVED] = {
		YT_STR("contact.removed"), YT_STR("groups"),
		FIELDS(REQ(ACCOUNT), REQ(MEMBER), REQ(REMOVED_AT)),
		.at = YT_F_REMOVED_AT,
		.key = { YT_F_ACCOUNT, YT_F_MEMBER, YT_F_REMOVED_AT, YT_F_NONE },
	},
	[YT_MEMBER_LINKED] = {
		YT_STR("member.linked"), YT_STR("groups"),
		FIELDS(REQ(IDENTITY), REQ(MEMBER)),
		.at = YT_F_NONE,
		.lead = "",
		.owner = YT_F_IDENTITY,
		.key = { YT_F_IDENTITY, YT_F_NONE },
	},
	[YT_REFERRAL_BOUND] = {
		YT_STR("referral.bound"), YT_STR("referrals"),
		FIELDS(REQ(REFERRER), REQ(MEMBER), REQ(BOUND_AT), OPT(CHANNEL)),
		.at = YT_F_BOUND_AT,
		.key = { YT_F_MEMBER, YT_F_NONE },
	},
	[YT_SHARE_MADE] = {
		YT_STR("share.made"), YT_STR("referrals"),
		FIELDS(REQ(SHARE), REQ(MEMBER), REQ(FRIEND), REQ(SHARED_AT)),
		.at = YT_F_SHARED_AT,
		.key = { YT_F_SHARE, YT_F_MEMBER, YT_F_FRIEND, YT_F_NONE },
	},
	[YT_GIFT_CLAIMED] = {
		YT_STR("gift.claimed"), YT_STR("referrals"),
		FIELDS(REQ(GIFT), REQ(MEMBER), REQ(CLAIMED_AT), OPT_ELSE(CLAIM, "1")),
		.at = YT_F_CLAIMED_AT,
		.key = { YT_F_GIFT, YT_F_MEMBER, YT_F_CLAIM, YT_F_NONE },
	},
	[YT_REFERRAL_APPROVE] = {
		YT_STR("referral.approve"), YT_STR("commands"),
		FIELDS(REQ(REFERRER), REQ(MEMBER), OPT(NOTE), REQ(BY)),
		.at = YT_F_NONE,
		.unruled = true,
		.key = { YT_F_NONE },
	},
	[YT_REFERRAL_VOID] = {
		YT_STR("referral.void"), YT_STR("commands"),
		FIELDS(REQ(REFERRER), REQ(MEMBER), OPT(NOTE), REQ(BY)),
		.at = YT_F_NONE,
		.unruled = true,
		.key = { YT_F_NONE },
	},
	[YT_COUPON_GRANT] = {
		YT_STR("coupon.grant"), YT_STR("commands"),
		FIELDS(REQ(MEMBER), REQ(TEMPLATE), OPT(NOTE), REQ(BY)),
		.at = YT_F_NONE,
		.unruled = true,
		.key = { YT_F_NONE },
	},
	[YT_COUPON_REVOKE] = {
		YT_STR("coupon.revoke"), YT_STR("commands"),
		FIELDS(REQ(MEMBER), REQ(COUPON), OPT(NOTE), REQ(BY)),
		.at = YT_F_NONE,
		.unruled = true,
		.key = { YT_F_NONE },
	},
	[YT_MEMBER_ERASE] = {
		YT_STR("member.erase"), YT_STR("commands"),
		FIELDS(REQ(MEMBER), REQ(BY)),
		.at = YT_F_NONE,
		.unruled = true,
		.key = { YT_F_NONE },
	},
};

void yt_types_init(void)
{
	for (int t = 0; t < YT_TYPE__COUNT; t++) {
		struct yt_type_info *info = &yt_types[t];

		memset(info->pos, -1, sizeof info->pos);
		for (int k = 0; k < info->n_fields; k++)
			info->pos[info->fields[k].field] = (int8_t)k;
	}
}

int yt_type_find(struct yt_str name)
{
	for (int t = 0; t < YT_TYPE__COUNT; t++)
		if (yt_str_eq(yt_types[t].name, name))
			return t;
	return -1;
}

struct yt_str yt_on_name(unsigned on)
{
	static const struct yt_str follow[] = {
		YT_STR("coupon.issued"),      YT_STR("coupon.used"),       YT_STR("coupon.expired"), YT_STR("tier.changed"),
		YT_STR("referral.qualified"), YT_STR("referral.approved"), YT_STR("share.unlocked"),
	};

	return on < YT_TYPE__COUNT ? yt_types[on].name : follow[on - YT_TYPE__COUNT];
}

bool yt_on_has(unsigned on, enum yt_field field)
{
	for (int k = 0; on < YT_TYPE__COUNT && k < yt_types[on].n_fields; k++) {
		if (yt_types[on].fields[k].field == field)
			return true;
	}
	return on == YT_ON_TIER_CHANGED && (field == YT_F_FROM || field == YT_F_TO || field == YT_F_REASON);
}

int yt_field_find(struct yt_str name)
{
	for (int f = 0; f < YT_F__COUNT; f++)
		if (yt_str_eq(yt_fields[f].name, name))
			return f;
	return -1;
}

const char *yt_dead_name(enum yt_dead d)
{
	static const char *const names[YT_DEAD__COUNT] = {
		[YT_DEAD_NONE] = "none",
#define X(sym, name) [YT_DEAD_##sym] = name,
		YT_DEAD_REASONS(X)
#undef X
	};

	return (unsigned)d < YT_DEAD__COUNT ? names[d] : "unknown";
}
