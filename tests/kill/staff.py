"""The stories of what staff does to a member, and of what a shop counts and promises: grants, erasure, deposits, tiers, accounts, groups. As in
events.py, what leaves is stated by hand."""

from oracle import DAY, HOUR


# --- desk: what staff gives and takes

GRANTS = 2  # of `sorry` a member


def granted(s, template="sorry", **how):
    command = s.command("coupon.grant", template=template, **how)
    return command, s.expect("coupon.issued", "~staff", command, template=template)


def taken_by_staff(s, coupon, template="sorry", **how):
    command = s.command("coupon.revoke", coupon=coupon, **how)
    return s.revoked(coupon, command, template, "by_staff", rule="~staff")


def is_given_what_there_is(s):
    """All of it on one partition of `commands`, in order: within the limits, and each command once."""
    coupons = []
    for _ in range(GRANTS):
        command, coupon = granted(s)
        coupons.append(coupon)
        s.pause()
    s.not_issued("~staff", s.command("coupon.grant", template="sorry"), "sorry", "member_limit")
    s.pause()
    lost = s.rng.choice(coupons)
    taken_by_staff(s, lost)
    s.pause()
    s.command("coupon.revoke", coupon=lost)     # nothing is left to take
    s.tell(command)                             # and that was decided long ago
    s.pause()
    granted(s)


def is_given_what_is_counted(s):
    """The quota, on a shard of its own, has to say yes."""
    _, coupon = granted(s, "counted")
    s.pause()
    if s.rng.random() < 0.5:
        taken_by_staff(s, coupon, "counted", after_output=coupon)


def used_it_already(s):
    _, coupon = granted(s)
    s.pause()
    order = s.order(paid_at=s.now() + 2 * HOUR, coupons=[s.as_typed(coupon)], after_output=coupon)
    s.issued("desk-first", order, "small")
    s.followed_up("desk-paid", order, "desk_paid")
    seen = s.used(coupon, order, "sorry")
    s.pause()
    s.command("coupon.revoke", coupon=coupon, after_output=seen)


def asks_for_what_is_not_there(s):
    s.dead_command("coupon.grant", "bad_field", template="never-heard-of")


# --- desk: erased

def buys_at_the_desk(s, first, **how):
    order = s.order(**how)
    if first:
        s.issued("desk-first", order, "small")
    told = s.followed_up("desk-paid", order, "desk_paid", member=s.member)
    s.pause()
    return order, told


def erased(s, after_output, **how):
    command = s.command("member.erase", after_output=after_output, **how)
    return command, s.expect("member.erased", "~staff", command)


def is_forgotten(s):
    """What is told late of before sets nothing off; what comes later begins a new member."""
    order, told = buys_at_the_desk(s, first=True)
    if s.rng.random() < 0.5:
        told = buys_at_the_desk(s, first=False, after_output=told)[1]
    command, gone = erased(s, told)
    at = s.now()
    s.pause(2000, 4000)
    s.tell(order, after_output=gone)    # told once more
    s.order(paid_at=at - s.rng.randint(1, 1000), channel="late")
    s.pause()
    s.send("order.refunded", order=order.data["order"], refund="r", refunded_at=at - 1, amount=order.data["amount"])
    s.pause()
    _, told = buys_at_the_desk(s, first=True)
    if s.rng.random() < 0.3:
        erased(s, told)
    elif s.rng.random() < 0.5:  # the same command again takes nothing of the new one
        s.tell(command, after_output=told)
        buys_at_the_desk(s, first=False, after_output=told)


def is_forgotten_with_all_ids(s):
    """By whichever id he is named; late facts are dropped at the identity's shard as at his own."""
    chat, shop = s.another_member(), s.member
    link = s.send("member.linked", identity=chat)
    told = s.followed_up("desk-linked", link, "desk_linked")
    s.pause()
    order = s.order(member=chat, after_output=told)
    s.issued("desk-first", order, "small", member=shop)
    told = s.followed_up("desk-paid", order, "desk_paid", member=shop)
    s.pause()
    command = s.command("member.erase", member=s.rng.choice([chat, shop]), after_output=told)
    at, gone = s.now(), s.expect("member.erased", "~staff", command, member=shop)
    s.pause(2000, 4000)
    s.tell(order, after_output=gone)
    s.order(member=chat, paid_at=at - 1)
    s.order(member=shop, paid_at=at - 2)
    s.pause()
    buys_at_the_desk(s, first=True)


# --- presale: all on one partition of `orders`, in order

def deposit(s, presale="box", begins=0):
    """The event, and its coupon; the balance window opens at `begins` from now."""
    data = {"presale": presale, "paid_at": s.now(), "amount": 3000, "balance_from": s.now() + begins, "balance_until": s.now() + 10 * DAY}
    paid = s.send("presale.deposit_paid", **data)
    coupon = s.expect("coupon.issued", "~presale:" + presale, paid, template="deposit", valid_from=data["balance_from"],
                      valid_until=data["balance_until"], **{"for": {"presale": presale}})
    s.followed_up("deposit-thanks", paid, "deposit_thanks")
    s.pause()
    return paid, coupon


def wants_it_back(s, coupon=None, presale="box"):
    back = s.send("presale.deposit_refunded", presale=presale, refunded_at=s.now())
    if coupon:
        s.revoked(coupon, back, "deposit", "deposit_refunded", rule="~presale:" + presale)
    s.pause()
    return back


def pays_the_balance(s):
    _, coupon = deposit(s)
    order = s.order(paid_at=s.now() + HOUR, coupons=[s.as_typed(coupon)], presale="box")
    s.used(coupon, order, "deposit")
    s.pause()
    if s.rng.random() < 0.5:
        wants_it_back(s)    # used: it stays so


def pays_too_early(s):
    _, coupon = deposit(s, begins=5 * HOUR)
    code = s.as_typed(coupon)
    order = s.order(paid_at=s.now() + HOUR, coupons=[code], presale="box")
    s.refused(coupon, order, "deposit", code, "not_started")
    s.pause()
    wants_it_back(s, coupon)


def changes_his_mind(s):
    _, coupon = deposit(s)
    wants_it_back(s, coupon)
    if s.rng.random() < 0.5:
        deposit(s, presale="tea-box")


def had_it_back_before_it_is_told(s):
    wants_it_back(s)
    s.send("presale.deposit_paid", presale="box", paid_at=s.now(), amount=3000, balance_from=s.now(), balance_until=s.now() + DAY)


# --- ranks: tiers. Amounts that nobody reaches in another shop; all on one partition of `orders`, in order

SILVER, GOLD = 100000000, 200000000
PERIOD, GRACE, WARN_BEFORE = 90000, 5000, 85000
TAKES_MS = PERIOD + GRACE


def rises(s, order, from_, to, ordinal=0, reason="tier_reached", **how):
    changed = s.expect("tier.changed", "~tier", order, ordinal=ordinal, reason=reason, **{"from": from_, "to": to}, **how)
    s.expect("followup.due", "rank-changed", order, fact=["tier.changed", changed], kind="rank_changed", **how)


def becomes_silver(s):
    order = s.order(amount=SILVER // 2, paid_at=s.now() - 5000)
    s.pause()
    order = s.order(amount=SILVER // 2, paid_at=s.now() - 5000)
    rises(s, order, "", "silver")
    s.pause()
    s.send("order.refunded", order=order.data["order"], refund="r", refunded_at=s.now(), amount=1000)   # lowers nothing


def is_gold_for_a_while(s):
    """He is warned in time, and falls one rank after the grace."""
    if not s.world.has_time:
        return becomes_silver(s)
    one = s.order(amount=SILVER, paid_at=s.now() - 5000)
    rises(s, one, "", "silver")
    s.pause()
    two = s.order(amount=GOLD, paid_at=s.now() - 5000)
    rises(s, two, "silver", "gold")
    warned = TAKES_MS - WARN_BEFORE
    warning = s.expect("tier.warning", "~tier", two, tier="gold", wait=warned, missing={"amount": GOLD, "orders": 2, "referrals": 0})
    s.expect("followup.due", "~tier", two, ["tier.warning", warning], kind="tier_warning", wait=warned)
    rises(s, two, "gold", "silver", ordinal=1, reason="tier_lapsed", wait=TAKES_MS)


# --- crowd: accounts and groups, which lie on shards of their own

SOFT, HARD = 2, 3   # account_soft_limit, account_hard_limit


def comes(s, account, member, after_output=None):
    added = s.send("contact.added", account=account, member=member, added_at=s.now(), after_output=after_output)
    told = s.followed_up("crowd-hello", added, "crowd_hello", member=member, account=account)
    s.pause()
    return added, told


def limit(s, which, added, account, count):
    s.expect("account.%s_limit" % which, "~account", added, member="account:" + account, account=account, count=count,
             limit={"soft": SOFT, "hard": HARD}[which])


def fills_an_account(s):
    account = "a%s" % s.world.envelope_id()
    members = [s.member] + [s.another_member() for _ in range(3)]
    told = None
    for count, member in enumerate(members[:HARD], 1):
        added, told = comes(s, account, member, told)
        if count == SOFT:
            limit(s, "soft", added, account, SOFT)
        if count == HARD:
            limit(s, "hard", added, account, HARD)
    # Below 95 % of the hard limit, and not of the soft one.
    left = s.send("contact.removed", account=account, member=s.rng.choice(members[:HARD]), removed_at=s.now(), after_output=told)
    told = s.followed_up("crowd-bye", left, "crowd_bye", member=left.data["member"])
    s.pause()
    added, _ = comes(s, account, members[HARD], told)
    limit(s, "hard", added, account, HARD)


def loses_a_callback(s):
    group = "g%s" % s.world.envelope_id()
    versions = ["v%s" % s.world.envelope_id() for _ in range(4)]

    def changes(k):
        changed = s.send("group.changed", member=None, group=group, version=versions[k], last_version=versions[k - 1])
        s.pause()
        return changed

    changes(1)
    if s.rng.random() < 0.3:
        changes(2)
        changes(3)
        return
    s.expect("group.gap", "~group", changes(3), member="group:" + group, group=group, version_seen=versions[1], version_expected=versions[2])
    changes(2)  # late: it fills the hole, and nothing more is said


SCENARIOS = [
    (3, "desk", is_given_what_there_is), (2, "desk", is_given_what_is_counted), (2, "desk", used_it_already),
    (1, "desk", asks_for_what_is_not_there), (3, "desk", is_forgotten), (2, "desk", is_forgotten_with_all_ids),
    (2, "presale", pays_the_balance), (2, "presale", pays_too_early), (2, "presale", changes_his_mind),
    (1, "presale", had_it_back_before_it_is_told),
    (2, "ranks", becomes_silver), (2, "ranks", is_gold_for_a_while),
    (2, "crowd", fills_an_account), (2, "crowd", loses_a_callback),
]
