"""Stories of what the rule language has beyond coupons and timers: products, quiet hours, the contact cap, both sides of a
referral, tags, chains. As in events.py, what leaves is stated by hand.

What depends on the clock is either settled by hours, so that no run is long enough to see the other side, or is due seconds
from now and leaves later where something was down."""

import calendar
import time

from oracle import DAY, HOUR, end_of_day, median_gap, stock_until

SHANGHAI_MS = 8 * HOUR


# --- pantry: products. All on one partition of `orders`, in order

LASTS = 10 * DAY    # of a bottle; the leaves learn
AHEAD = 3 * DAY     # `replenish` is due so long before the stock ends


def full_seconds(ms):
    return ms - ms % 1000


def shipped(s, order):
    return s.send("order.shipped", order=order.data["order"], shipped_at=s.now())


def signed(s, order):
    return s.send("order.signed", order=order.data["order"], signed_at=s.now())


def replenished(s, cause, until):
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until // 1000))
    s.followed_up("replenish", cause, "replenish", wait=max(0, until - AHEAD - s.begin), params={"until": text})


def bottles(s, until, units=1, **how):
    """An order of which the last bottle is empty then."""
    return s.order(sku="bottle", units=units, paid_at=until - units * LASTS, **how)


def runs_out_soon(s):
    until = full_seconds(s.now()) + AHEAD + 4000
    order = bottles(s, until, units=s.rng.randint(1, 3))
    s.pause()
    replenished(s, signed(s, order), until)


def sends_a_bottle_back(s):
    """The one timer of the member lies ten days ahead, and moves to seconds from now."""
    until = full_seconds(s.now()) + AHEAD + 5000
    order = bottles(s, until + LASTS, units=2, amount=20000)
    s.pause()
    signed(s, order)
    s.pause()
    back = s.send("order.refunded", order=order.data["order"], refund="r1", refunded_at=s.now(), amount=10000,
                  items=[{"sku": "bottle", "quantity": 1}])
    replenished(s, back, until)


def has_plenty(s):
    order = bottles(s, s.now() + 20 * DAY, units=3)
    s.pause()
    signed(s, order)    # due in 17 days
    s.pause()
    another = bottles(s, s.now() + 9 * DAY)
    s.pause()
    signed(s, another)


def drinks_at_a_pace(s):
    """Of gaps of 20 to 30 h the stock ends within 60 h: time to replenish."""
    paid_at = [full_seconds(s.now()) - s.rng.randint(1, 5) * HOUR]
    for _ in range(s.rng.randint(2, 4)):
        paid_at.append(paid_at[-1] - s.rng.randint(20 * 1800, 30 * 1800) * 2000)
    until = stock_until([(at, 1) for at in paid_at], median_gap(paid_at))
    s.rng.shuffle(paid_at)  # the order of arrival is none of its business
    for at in paid_at:
        order = s.order(sku="leaves", units=1, paid_at=at)
        s.pause()
    replenished(s, signed(s, order), until)


def is_offered_a_sale(s):
    soap = s.rng.random() < 0.3
    stocked = not soap and s.rng.random() < 0.5
    days = s.rng.randint(1, 9)
    if soap:
        order = s.order(sku="soap")
    else:
        order = bottles(s, s.now() + days * DAY if stocked else s.now() - days * DAY)
    s.pause()
    told = shipped(s, order)
    if stocked:
        s.not_issued("sale", told, "sale", "stock_unused", wait=2000)
        s.withheld("sale", told, "sale", "stock_unused", wait=2000)
    else:
        sale = s.issued("sale", told, "sale", wait=2000, valid_until=lambda data: end_of_day(data["at"] + 20 * DAY, SHANGHAI_MS))
        s.followed_up("sale", told, "sale", wait=2000, coupon=sale)
    if soap:    # the coupon stays, whether it is given before this or after
        s.pause()
        cancel(s, order, after_output=s.rng.choice([None, sale]))


# --- night: the shop's quiet hours cover the run. All on one partition of `groups`, in order

def joins_at_night(s):
    for k in range(s.rng.randint(1, 3)):
        joined = s.send("group.joined", group="g%d" % k, joined_at=s.now())
        s.withheld("night-hello", joined, "hello", "quiet_hours")
        if k == 0:      # once: the coupon is given, its message waits for the morning
            gift = s.issued("night-gift", joined, "night")
            s.not_reminded(gift, joined, "quiet_hours", wait=5000)
        plain = s.issued("night-later", joined, "plain", wait=3000)
        s.withheld("night-later", joined, "later", "quiet_hours", wait=3000)
        s.expired(plain, joined, "plain", wait=10000)
        s.pause()


def adds_at_night(s):
    for k in range(s.rng.randint(1, 2)):
        s.send("contact.added", account="a%d" % k, added_at=s.now())
        s.pause()


# --- capped: three follow-ups a member. All on one partition of `orders`, in order

CAP = 3


def is_written_to(s):
    n = s.rng.randint(1, 6)
    for k in range(n):
        order = s.order()
        s.issued("cap-thanks", order, "token")
        if k < CAP:
            s.followed_up("cap-thanks", order, "thanks")
        else:
            s.withheld("cap-thanks", order, "thanks", "contact_cap")
        s.pause()
    more = [has_it_signed, has_it_shipped]
    if n == CAP - 1:    # which of two timers takes the last place is not known
        more = [s.rng.choice(more)]
    for tell in more:
        tell(s, order, n < CAP)


def has_it_signed(s, order, leaves):
    told = signed(s, order)
    if leaves:
        s.followed_up("cap-later", told, "later", wait=3000)
    else:
        s.withheld("cap-later", told, "later", "contact_cap", wait=3000)


def has_it_shipped(s, order, leaves):
    told = shipped(s, order)
    hello = s.issued("cap-hello", told, "hello")
    if leaves:
        s.reminded(hello, told, wait=5000)
    else:
        s.not_reminded(hello, told, "contact_cap", wait=5000)


# --- friends: what a rule gives to the referrer crosses shards. The next event is told where the output of the one before was seen

def is_bound(s, member, referrer, **how):
    """The id of what the member is told."""
    bound = s.send("referral.bound", member=member, referrer=referrer, bound_at=s.now(), **how)
    told = [s.followed_up("friend-bound", bound, "friend_bound", member=who, params={"who": member}) for who in (member, referrer)]
    s.pause()
    return told[0]


def first_order(s, member, after_output):
    order = s.order(member=member, after_output=after_output)
    s.pause()
    return order


def friend(s, order, member):
    coupon = s.issued("friend-bought", order, "friend", member=member)
    s.followed_up("friend-bought", order, "friend_bought", member=member, coupon=coupon, params={"who": order.data["member"]})
    return coupon


def cancel(s, order, **how):
    return s.send("order.cancelled", member=order.data["member"], order=order.data["order"], cancelled_at=s.now(), **how)


def brings_a_friend(s):
    invitee, referrer = s.member, s.another_member()
    order = first_order(s, invitee, is_bound(s, invitee, referrer))
    coupons = {member: friend(s, order, member) for member in (invitee, referrer)}
    lot = s.rng.random()
    if lot < 0.3:
        back, reason = cancel(s, order), "order_cancelled"
    elif lot < 0.8:
        part = order.data["amount"] // 2
        s.send("order.refunded", order=order.data["order"], refund="r1", refunded_at=s.now(), amount=part)
        s.pause()
        back = s.send("order.refunded", order=order.data["order"], refund="r2", refunded_at=s.now(), amount=order.data["amount"] - part)
        reason = "order_refunded"
    else:
        return
    for member, coupon in coupons.items():
        s.revoked(coupon, back, "friend", reason, member=member)


def uses_what_a_friend_earned(s):
    invitee, referrer = s.member, s.another_member()
    order = first_order(s, invitee, is_bound(s, invitee, referrer))
    mine, his = friend(s, order, invitee), friend(s, order, referrer)
    later = s.now() + 2 * HOUR
    use = s.order(member=referrer, after_output=his, paid_at=later, coupons=[s.as_typed(his)])
    used = s.used(his, use, "friend", member=referrer)
    s.pause()
    s.revoked(mine, cancel(s, order, after_output=used), "friend", "order_cancelled")  # his is used, and stays so


def brings_more_than_one(s):
    """One coupon of this template a member; a revoked one does not count."""
    invitee, second, third, referrer = s.member, s.another_member(), s.another_member(), s.another_member()
    order = first_order(s, invitee, is_bound(s, invitee, referrer))
    mine, his = friend(s, order, invitee), friend(s, order, referrer)
    another = first_order(s, second, is_bound(s, second, referrer, after_output=his))
    friend(s, another, second)
    refused = s.not_issued("friend-bought", another, "friend", "member_limit", member=referrer)
    s.withheld("friend-bought", another, "friend_bought", "member_limit", member=referrer)
    gone = cancel(s, order, after_output=refused)
    s.revoked(mine, gone, "friend", "order_cancelled")
    revoked = s.revoked(his, gone, "friend", "order_cancelled", member=referrer)
    s.pause()
    last = first_order(s, third, is_bound(s, third, referrer, after_output=revoked))
    friend(s, last, third)
    friend(s, last, referrer)


def thanks_a_friend_later(s):
    invitee, referrer = s.member, s.another_member()
    order, refunded = s.order_id(), s.rng.random() < 0.4
    if refunded:    # told before the order: so is what the timer asks for
        s.send("order.refunded", order=order, refund="r1", refunded_at=s.now(), amount=100)
        s.pause()
    bought = s.order(order=order, channel="live", after_output=is_bound(s, invitee, referrer))
    for member in (invitee, referrer):
        friend(s, bought, member)
    if refunded:
        s.not_issued("friend-stays", bought, "token", "condition_false", member=referrer, wait=4000)
        s.withheld("friend-stays", bought, "friend_stays", "condition_false", member=referrer, wait=4000)
    else:
        token = s.issued("friend-stays", bought, "token", member=referrer, wait=4000)
        s.followed_up("friend-stays", bought, "friend_stays", member=referrer, coupon=token, wait=4000)


def has_no_friend(s):
    himself = s.rng.random() < 0.5
    bound = s.send("referral.bound", referrer=s.member if himself else "ref:%s" % s.member, bound_at=s.now())
    if himself:
        s.expect("referral.voided", "~referral", bound, referrer=s.member, reason="self_referral")
    told = s.followed_up("friend-bound", bound, "friend_bound", params={"who": s.member})
    s.pause()
    friend(s, s.order(channel="live", after_output=told), s.member)


# --- chain: priority, tags, revoke, max_age, what follows from coupons. Each story on one partition of one topic, in order

def dear_order(s, **how):
    """At least 20000: a coupon that is told of, and a tag."""
    order = s.order(amount=s.rng.randint(200, 400) * 100, **how)
    large = s.issued("prize", order, "large")
    s.expect("followup.due", "tell", order, ["coupon.issued", large], kind="you_have_one", order=order.data["order"],
             params={"code": s.code(large)})
    s.pause()
    return order, large


def cheap_order(s, consoled=True, **how):
    order = s.order(amount=s.rng.randint(50, 199) * 100, **how)
    small = s.issued("consolation", order, "small") if consoled else None
    s.pause()
    return order, small


def wins_and_wins_again(s):
    later = s.now() + 2 * HOUR
    _, large = dear_order(s)
    cheap_order(s, consoled=False)
    two, small = cheap_order(s, paid_at=later, coupons=[s.as_typed(large)])
    used = s.used(large, two, "large")
    again = s.issued("again", two, "again", fact=["coupon.used", used])
    if s.rng.random() < 0.5:
        return
    back = cancel(s, two)
    s.about_coupon("coupon.returned", large, back, coupon=large, template="large", order=two.data["order"])
    s.revoked(small, back, "small", "order_cancelled")
    s.revoked(again, back, "again", "order_cancelled")
    s.pause()
    three, _ = cheap_order(s, paid_at=later + HOUR, coupons=[s.as_typed(large)])
    s.used(large, three, "large")   # once per coupon: no second `again`


def is_a_vip_for_a_while(s):
    order, large = dear_order(s)
    s.followed_up("vip-line", shipped(s, order), "vip_line")
    s.pause()
    back = s.send("order.refunded", order=order.data["order"], refund="r", refunded_at=s.now(), amount=order.data["amount"])
    s.revoked(large, back, "large", "order_refunded")
    s.pause()
    shipped(s, cheap_order(s)[0])


def is_cleaned_up(s):
    orders = [cheap_order(s) for _ in range(s.rng.randint(2, 3))]
    used = orders.pop(0)[1]
    last, small = cheap_order(s, paid_at=s.now() + 2 * HOUR, coupons=[s.as_typed(used)])
    s.used(used, last, "small")
    told = signed(s, last)
    for unused in [small] + [coupon for _, coupon in orders]:
        s.revoked(unused, told, "small", "by_rule", rule="clean-up")


def tells_old_news(s):
    old = s.rng.random() < 0.5
    order, _ = cheap_order(s, channel="live", paid_at=s.now() - (s.rng.randint(13, 20) * HOUR if old else 1000))
    if not old:
        s.followed_up("fresh", order, "fresh")


def lets_them_run_out(s):
    for k in range(s.rng.randint(1, 2)):
        joined = s.send("group.joined", group="g%d" % k, joined_at=s.now())
        brief = s.issued("brief", joined, "brief")
        expired = s.expired(brief, joined, "brief", wait=6000)
        s.issued("second-chance", joined, "again", fact=["coupon.expired", expired], wait=9000)
        s.followed_up("second-chance", joined, "second_chance", fact=["coupon.expired", expired], wait=9000)
        s.pause()


def comes_for_the_season(s):
    added = s.send("contact.added", account="a1", added_at=s.now())
    # The end of 2099-12-31 in Shanghai.
    s.issued("season", added, "season", valid_until=calendar.timegm((2099, 12, 31, 16, 0, 0)) * 1000)
    s.not_issued("season-over", added, "over", "ended")
    s.withheld("season-over", added, "season_over", "ended")


# --- counted: quotas, gifts and shares. What all members share of one is asked for on another shard. Either there is far more
# than a run can take, or one alone, which one story has for itself

LAST_ONES = 4   # templates `last-0` .. of which there is one each


def buys_what_is_counted(s):
    order = s.order(channel="counted")
    coupon = s.issued("counted", order, "counted")
    s.followed_up("counted", order, "counted", coupon=coupon)
    s.pause()
    if s.rng.random() < 0.5:
        s.revoked(coupon, cancel(s, order, after_output=coupon), "counted", "order_cancelled")


def wants_the_last(s):
    """One has it, the second comes too late, and the third gets what the first gave back."""
    if s.world.lasts == LAST_ONES:
        return buys_what_is_counted(s)
    last = "last-%d" % s.world.lasts
    s.world.lasts += 1
    first, second, third = s.member, s.another_member(), s.another_member()
    order = s.order(member=first, channel=last)
    coupon = s.issued(last, order, last)
    s.pause()
    late = s.order(member=second, channel=last, after_output=coupon)
    refused = s.not_issued(last, late, last, "quota_gone", member=second)
    s.pause()
    revoked = s.revoked(coupon, cancel(s, order, after_output=refused), last, "order_cancelled")
    s.pause()
    again = s.order(member=third, channel=last, after_output=revoked)
    s.issued(last, again, last, member=third)


def claims_a_gift(s):
    """Two a member, of a coupon that has a budget of its own."""
    for claim in "1", "2", "3":
        claimed = s.send("gift.claimed", gift="box", claim=claim, claimed_at=s.now())
        if claim == "3":
            s.not_issued("~gift:box", claimed, "boxed", "member_limit")
        else:
            s.issued("~gift:box", claimed, "boxed")
        s.pause()


def shares_a_price(s):
    for friend_id in "f1", s.member, "f2", "f3":
        made = s.send("share.made", share="cut-price", friend=friend_id, shared_at=s.now())
        if friend_id == "f2":
            unlocked = s.expect("share.unlocked", "~share:cut-price", made, share="cut-price", friends=2)
            s.issued("~share:cut-price", made, "cut")
            s.followed_up("price-open", made, "price_open", fact=["share.unlocked", unlocked])
        s.pause()


def comes_at_the_wrong_time(s):
    """For a gift that is over, one that has not begun, one that is not for him, one that he gets; and a price that opens no more."""
    for gift, reason in (("past", "ended"), ("ahead", "not_started"), ("regular", "condition_false"), ("open", None)):
        claimed = s.send("gift.claimed", gift=gift, claimed_at=s.now())
        if reason:
            s.not_issued("~gift:" + gift, claimed, "large", reason)
        else:
            s.issued("~gift:" + gift, claimed, "large")
        s.pause()
    made = s.send("share.made", share="bygone", friend="f1", shared_at=s.now())
    s.not_issued("~share:bygone", made, "cut", "ended")


SCENARIOS = [
    (3, "pantry", runs_out_soon), (3, "pantry", sends_a_bottle_back), (2, "pantry", has_plenty), (3, "pantry", drinks_at_a_pace),
    (5, "pantry", is_offered_a_sale),
    (4, "night", joins_at_night), (2, "night", adds_at_night),
    (6, "capped", is_written_to),
    (4, "friends", brings_a_friend), (3, "friends", uses_what_a_friend_earned), (3, "friends", brings_more_than_one),
    (3, "friends", thanks_a_friend_later), (2, "friends", has_no_friend),
    (3, "chain", wins_and_wins_again), (3, "chain", is_a_vip_for_a_while), (3, "chain", is_cleaned_up), (2, "chain", tells_old_news),
    (3, "chain", lets_them_run_out), (2, "chain", comes_for_the_season),
    (4, "counted", buys_what_is_counted), (2, "counted", wants_the_last), (3, "counted", claims_a_gift), (3, "counted", shares_a_price),
    (2, "counted", comes_at_the_wrong_time),
]
