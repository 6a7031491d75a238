"""The stories of who is who: an order that names no member, two ids of one person, a coupon that somebody else uses. All of them cross
shards; each event is told where the output of the one before was seen."""


def bound(s, order, **how):
    return s.send("alias.bound", alias="order:" + order.data["order"], **how)


def nobody(s, type_, **data):
    """An event that names no member."""
    return s.send(type_, member=None, **data)


def thanked(s, order, member=None):
    return s.followed_up("person-thanks", order, "thanks", member=member)


def refund_names_no_customer(s):
    order = s.order()
    earned = s.issued("person-gift", order, "small")
    s.pause()
    back = nobody(s, "order.refunded", after_output=earned, order=order.data["order"], refund="r1", refunded_at=s.now(), amount=order.data["amount"])
    if s.rng.random() < 0.5:
        s.pause()
        bound(s, order)     # before the refund, or behind it
    else:
        s.clock -= 1
        bound(s, order)
        s.clock += 1
    thanked(s, order)
    s.revoked(earned, back, "small", "order_refunded")
    s.followed_up("person-sorry", back, "sorry")
    s.pause()


def is_two(s):
    """In a group by one id, a customer by another; the coupon once, whichever is known first."""
    chat, shop = s.another_member(), s.member
    if s.rng.random() < 0.5:
        joined = s.send("group.joined", member=chat, group="g1", joined_at=s.now())
        greeted = s.followed_up("person-hello", joined, "hello", member=chat, group="g1")
        s.pause()
        order = s.order(after_output=greeted)
        last = thanked(s, order)
        s.issued("person-gift", order, "small")
    else:
        order = s.order()
        thanks = thanked(s, order)
        s.issued("person-gift", order, "small")
        s.pause()
        joined = s.send("group.joined", member=chat, group="g1", joined_at=s.now(), after_output=thanks)
        last = s.followed_up("person-hello", joined, "hello", member=chat, group="g1")
    s.pause()
    link = s.send("member.linked", identity=chat, after_output=last)
    recall = s.issued("person-recall", link, "large")
    s.pause()
    more = s.send("group.joined", member=chat, group="g2", joined_at=s.now(), after_output=recall)
    greeted = s.followed_up("person-hello", more, "hello", member=shop, group="g2")
    s.pause()
    again = s.order(member=chat, after_output=greeted)
    thanked(s, again, shop)


def passes_it_on(s):
    order = s.order(channel="gift")
    thanks = thanked(s, order)
    s.issued("person-gift", order, "small")
    gift = s.issued("person-pass", order, "pass")
    friend = s.another_member()
    s.pause()
    used = s.order(member=friend, coupons=[s.as_typed(gift)], paid_at=s.now() + 3600000, after_output=thanks)
    thanked(s, used, friend)
    earned = s.issued("person-gift", used, "small", member=friend)
    seen = s.used(gift, used, "pass")
    s.pause()
    if s.rng.random() < 0.5:
        cancel = s.send("order.cancelled", member=friend, order=used.data["order"], cancelled_at=s.now(), after_output=seen)
        s.revoked(earned, cancel, "small", "order_cancelled", member=friend)
        s.about_coupon("coupon.returned", gift, cancel, coupon=gift, template="pass", order=used.data["order"])


SCENARIOS = [(3, "persons", refund_names_no_customer), (4, "persons", is_two), (3, "persons", passes_it_on)]
