"""What the shops' members do, event by event, and what must leave for it. Everything follows from a seed, but for the
instants, which are those of the wall clock.

A scenario is one member's story. Its outputs are stated here, by hand, from the rule file and the contract; the ids follow
by the recipe. A scenario may lean on the order of its events only where the contract gives one: within one partition of
one topic (`place` HOME); where a timer is set after a fact was acknowledged (`after_ack`): it fires after all inputs
were read up to the end that they had when it was due; or where a shop acts on what it has seen leave (`after_output`): what
led to that output was decided before, on every shard that took part.

The stories of what the rule language has beyond coupons and timers are in language.py, those of who is who in persons.py, of who brought whom
in referrals.py, of what staff does and of what a shop counts in staff.py."""

import json
import time

import language
import persons
import referrals
import staff
from oracle import HOUR, Dead, Expected, coupon_code, output_id

HOME, CRC32 = -1, -2    # where murmur2 of the key says; where another partitioner would put it

TOPIC = {"order": "orders", "presale": "orders", "alias": "orders", "group": "groups", "contact": "groups", "member": "groups",
         "referral": "referrals", "share": "referrals", "gift": "referrals"}

# What staff decides: one fact is one envelope id.
COMMANDS = {"referral.approve", "referral.void", "coupon.grant", "coupon.revoke", "member.erase"}

# The business key of the facts of all other types, without the shop.
FACT = {
    "order.paid": ("order",), "order.shipped": ("order",), "order.signed": ("order",), "order.cancelled": ("order",),
    "order.refunded": ("order", "refund"), "group.joined": ("group", "member", "joined_at"),
    "group.left": ("group", "member", "left_at"), "contact.added": ("account", "member", "added_at"),
    "contact.removed": ("account", "member", "removed_at"), "referral.bound": ("member",),
    "share.made": ("share", "member", "friend"), "gift.claimed": ("gift", "member", "claim"),
    "alias.bound": ("alias",), "member.linked": ("identity",), "group.changed": ("group", "version"),
    "presale.deposit_paid": ("presale", "member"), "presale.deposit_refunded": ("presale", "member"),
}
DEFAULT = {"claim": "1"}    # where an event leaves it out


class Step:
    """One record to send, `at` ms after the scenario's begin."""

    __slots__ = ("at", "type", "topic", "place", "key", "value", "headers", "after_ack", "after_output", "dead", "scenario")


class Sent:
    """One event of a scenario: its fact, and the envelope ids under which it is told."""

    __slots__ = ("type", "data", "fact", "ids", "at", "time")

    def __init__(self, type_, data, at, command_id=None):
        self.type, self.data, self.at = type_, data, at
        self.fact = [type_, command_id] if command_id else [type_] + [str(data.get(name, DEFAULT.get(name))) for name in FACT[type_]]
        self.ids = {command_id} if command_id else set()
        self.time = None    # of a command: that of its envelope, however often it comes


def rfc3339(ms, rng=None):
    style = rng.random() if rng else 1
    if style < 0.05:    # the same instant as the shop's own clock may write it
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000 + 8 * 3600)) + ".%03d+08:00" % (ms % 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + ".%03dZ" % (ms % 1000)


class Scenario:
    def __init__(self, world, name, shop):
        self.world, self.name, self.shop, self.rng = world, name, shop, world.rng
        self.member = self.another_member()
        self.begin = int(time.time() * 1000)
        self.steps = []
        self.waits_for = 0      # how many of its records are sent and not acknowledged
        self.clock = 0

    def another_member(self):
        n = self.world.members = self.world.members + 1
        odd = self.rng.random()
        return "会员-%d" % n if odd < 0.02 else "wecom:wm/%d" % n if odd < 0.04 else "m%d" % n

    # --- sending

    def pause(self, least=5, most=900):
        self.clock += self.rng.randint(least, most)

    def now(self):
        """The planned instant of the next event."""
        return self.begin + self.clock

    def step(self, topic, place, key, value, headers=(), after_ack=False, after_output=None, dead=None, type_=None):
        s = Step()
        s.at, s.type, s.topic, s.place, s.key, s.value, s.headers = self.clock, type_, topic, place, key, value, headers
        s.after_ack, s.after_output, s.dead, s.scenario = after_ack, after_output, dead, self
        self.steps.append(s)

    @staticmethod
    def keyed_by(type_, data):
        if type_ == "alias.bound":
            return "~" + data["alias"]
        if type_ == "member.linked":
            return data["identity"]
        if type_ == "group.changed":
            return "~group:" + data["group"]
        return data["member"] or "~order:" + data["order"]

    def tell(self, sent, place=HOME, after_ack=False, after_output=None, **changes):
        """The event once more, under an envelope id of its own; a command under its own again."""
        id_ = sent.fact[1] if sent.type in COMMANDS else self.world.envelope_id()
        sent.ids.add(id_)
        data = dict(sent.data, **changes)
        attributes = {"specversion": "1.0", "id": id_, "source": "/shops/" + self.shop, "type": sent.type,
                      "time": sent.time or rfc3339(self.now(), self.rng)}
        key = "%s/%s" % (self.shop, self.keyed_by(sent.type, data))
        if place is None:
            key, place = None, self.rng.randrange(self.world.partitions)
        topic = "commands" if sent.type in COMMANDS else TOPIC[sent.type.split(".")[0]]
        if self.rng.random() < 0.1:
            headers = [("ce_" + name, text) for name, text in attributes.items()] + [("trace", "t-" + id_)]
            value = compact(data)
        else:
            headers, value = (), compact(dict(attributes, datacontenttype="application/json", data=data))
        self.step(topic, place, key, value, headers, after_ack, after_output, type_=sent.type)

    def send(self, type_, place=HOME, after_ack=False, after_output=None, twice=0.1, **data):
        """A new event of this member, or of `member`. With probability `twice` it is told again at once, under another id.
        after_output: the id of the output that is waited for before."""
        sent = Sent(type_, dict({"member": self.member}, **data), self.clock)
        return self.tell_first(sent, place, after_ack, after_output, twice)

    def tell_first(self, sent, place, after_ack, after_output, twice):
        self.tell(sent, place, after_ack, after_output)
        if self.rng.random() < twice:
            self.tell(sent, place)
        return sent

    def command(self, type_, after_output=None, twice=0.3, **data):
        """What somebody of the staff decides about this member, or about `member`."""
        data = dict({"member": self.member, "by": self.rng.choice(["ann", "客服-1"])}, **data)
        sent = Sent(type_, data, self.clock, self.world.envelope_id())
        sent.time = rfc3339(self.now())
        return self.tell_first(sent, HOME, False, after_output, twice)

    def dead_command(self, type_, reason, **data):
        """One that can't be taken."""
        value = compact(envelope(self, type_, dict({"member": self.member, "by": "ann"}, **data)))
        self.step("commands", HOME, "%s/%s" % (self.shop, self.member), value, dead=Dead(reason, self.name, []))

    def order_id(self):
        self.world.orders += 1
        return "o%d" % self.world.orders

    def order(self, paid_at=None, amount=None, coupons=None, channel=None, order=None, sku="oil-1l", units=None, **how):
        amount = amount or self.rng.randint(60, 400) * 100
        data = {"order": order or self.order_id(), "paid_at": paid_at or self.now(), "amount": amount, "currency": "CNY",
                "items": [{"sku": sku, "quantity": units or self.rng.randint(1, 3), "amount": amount}]}
        if coupons:
            data["coupons"] = coupons
        if channel:
            data["channel"] = channel
        if self.rng.random() < 0.1:
            data["unheard_of"] = {"text": "油", "n": 12345678901234567890}
        return self.send("order.paid", **how, **data)

    # --- what must leave

    def expect(self, type_, rule, cause, fact=None, ordinal=0, wait=0, member=None, **fields):
        """cause: the event; fact: of what follows from another output, else the event's own; member: who gets it, if not the
        story's."""
        member = member or self.member
        id_ = output_id(type_, self.shop, member, rule, fact or cause.fact, ordinal)
        if type_ == "followup.due":
            fields["followup"] = id_
        elif type_ == "coupon.issued":
            fields["coupon"] = id_
            fields["code"] = self.code(id_)
        self.world.expect(id_, Expected(type_, self.shop, member, rule, self.name, cause.ids, fields,
                                        self.begin, wait))
        return id_

    def issued(self, rule, cause, template, wait=0, **fields):
        if "order" in cause.data:
            fields["for"] = {"order": cause.data["order"]}
        return self.expect("coupon.issued", rule, cause, template=template, wait=wait, **fields)

    def expired(self, coupon, cause, template, wait):
        return self.expect("coupon.expired", "~coupon", cause, ["coupon.issued", coupon], coupon=coupon, template=template, wait=wait)

    def reminded(self, coupon, cause, wait):
        self.expect("followup.due", "~coupon", cause, ["coupon.issued", coupon], kind="coupon_expiring", coupon=coupon, wait=wait)

    def not_reminded(self, coupon, cause, reason, wait):
        self.expect("followup.withheld", "~coupon", cause, ["coupon.issued", coupon], kind="coupon_expiring", reason=reason, wait=wait)

    def about_coupon(self, type_, about, event, rule="~coupon", **fields):
        """Used, returned, refused, revoked: set off by an event."""
        return self.expect(type_, rule, event, ["coupon.issued", about] + event.fact, **fields)

    def used(self, coupon, event, template, **who):
        return self.about_coupon("coupon.used", coupon, event, coupon=coupon, template=template, order=event.data["order"], **who)

    def refused(self, coupon, event, template, code, reason):
        self.about_coupon("coupon.refused", coupon, event, template=template, code=code, order=event.data["order"], reason=reason)

    def revoked(self, coupon, event, template, reason, **how):
        return self.about_coupon("coupon.revoked", coupon, event, coupon=coupon, template=template, reason=reason, **how)

    def followed_up(self, rule, cause, kind, wait=0, **fields):
        if "order" in cause.data:
            fields["order"] = cause.data["order"]
        return self.expect("followup.due", rule, cause, kind=kind, wait=wait, **fields)

    def not_issued(self, rule, cause, template, reason, **how):
        return self.expect("coupon.refused", rule, cause, template=template, reason=reason, **how)

    def withheld(self, rule, cause, kind, reason, **how):
        return self.expect("followup.withheld", rule, cause, kind=kind, reason=reason, **how)

    def code(self, coupon):
        return coupon_code(self.world.code_key, coupon)

    def as_typed(self, coupon):
        """The code as a customer may write it."""
        code = self.code(coupon)
        style = self.rng.random()
        if style < 0.2:
            return code.lower()
        if style < 0.3:
            return code.replace("0", "o").replace("1", "l")
        return code


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- ladder: all on one partition of `orders`, in order

def buys_once(s):
    order = s.order()
    s.issued("ladder-2", order, "second")
    s.pause()
    if s.rng.random() < 0.3:    # the same order with another amount: the first stays
        s.tell(order, amount=order.data["amount"] + 100)


def first_order(s, **how):
    order = s.order(**how)
    return order, s.issued("ladder-2", order, "second")


def later(s):
    """A paid_at after each instant at which this run may decide, before the coupon ends."""
    return s.now() + s.rng.randint(2, 5) * HOUR


def climbs(s):
    one, second = first_order(s)
    s.pause()
    two = s.order(paid_at=later(s), coupons=[s.as_typed(second)])
    s.used(second, two, "second")
    third = s.issued("ladder-3", two, "third")
    s.pause()
    three = s.order(paid_at=later(s), amount=9900, coupons=[s.as_typed(third)])
    s.used(third, three, "third")
    s.pause()
    if s.rng.random() < 0.5:
        s.tell(one)
        s.tell(three)


def uses_it_again_after_a_cancel(s):
    _, second = first_order(s)
    s.pause()
    two = s.order(paid_at=later(s), coupons=[s.as_typed(second)])
    s.used(second, two, "second")
    third = s.issued("ladder-3", two, "third")
    s.pause()
    cancel = s.send("order.cancelled", order=two.data["order"], cancelled_at=s.now())
    s.about_coupon("coupon.returned", second, cancel, coupon=second, template="second", order=two.data["order"])
    s.revoked(third, cancel, "third", "order_cancelled")
    s.pause()
    again = s.order(paid_at=later(s), coupons=[s.as_typed(second)])
    s.used(second, again, "second")
    s.issued("ladder-3", again, "third")


def sends_it_back(s):
    one, second = first_order(s, amount=20000)
    s.pause()
    # In two parts; the second one makes it whole, or more than whole.
    s.send("order.refunded", order=one.data["order"], refund="r1", refunded_at=s.now(), amount=12000)
    s.pause()
    rest = s.send("order.refunded", order=one.data["order"], refund="r2", refunded_at=s.now(),
                  amount=s.rng.choice([8000, 9000]))
    s.revoked(second, rest, "second", "order_refunded")
    s.pause()
    first_order(s)  # is the first again


def sends_a_part_back(s):
    one, second = first_order(s, amount=20000)
    s.pause()
    s.send("order.refunded", order=one.data["order"], refund="r1", refunded_at=s.now(), amount=5000)
    s.pause()
    two = s.order(paid_at=later(s), coupons=[s.as_typed(second)])
    s.used(second, two, "second")
    s.issued("ladder-3", two, "third")


def refunded_before_it_is_told(s):
    order = s.order_id()
    amount = s.rng.randint(50, 300) * 100
    for k in range(s.rng.randint(1, 2)):
        s.send("order.refunded", order=order, refund="r%d" % k, refunded_at=s.now(), amount=amount)
        s.pause()
    s.order(order=order, amount=amount, channel="flash")    # sets nothing off
    s.pause()
    first_order(s)


def cancelled_before_it_is_told(s):
    order = s.order_id()
    s.send("order.cancelled", order=order, cancelled_at=s.now())
    s.pause()
    s.order(order=order, channel="flash")
    s.pause()
    first_order(s)


def codes_that_do_not_count(s):
    one, second = first_order(s, channel="flash")
    flash = s.issued("flash", one, "flash")
    s.expired(flash, one, "flash", wait=6000)
    s.pause()
    stranger = "ZZZZ%08d" % s.rng.randrange(10 ** 8)
    code, late = s.as_typed(second), s.as_typed(flash)
    two = s.order(paid_at=s.begin - HOUR, coupons=[code, stranger, "no-code"], amount=3000)
    s.refused(second, two, "second", code, "not_started")
    for ordinal, other in enumerate((stranger, "no-code")):
        s.expect("coupon.refused", "~coupon", two, ordinal=ordinal, code=other, order=two.data["order"], reason="not_yours")
    third = s.issued("ladder-3", two, "third")
    s.pause()
    dear = s.as_typed(third)
    three = s.order(paid_at=s.now() + 20 * HOUR, coupons=[late, dear], amount=4900)
    s.refused(flash, three, "flash", late, "expired")
    s.refused(third, three, "third", dear, "amount_fell")
    s.pause()
    four = s.order(paid_at=later(s), coupons=[code], amount=30000)
    s.used(second, four, "second")
    s.pause()
    five = s.order(paid_at=later(s), coupons=[code], amount=30000)
    s.refused(second, five, "second", code, "already_used")


def signs(s):
    one, _ = first_order(s)
    s.pause()
    signed = s.send("order.signed", order=one.data["order"], signed_at=s.now())
    s.followed_up("review", signed, "order_review", wait=4000)


def signs_before_it_is_told(s):
    order = s.order_id()
    signed = s.send("order.signed", order=order, signed_at=s.now())
    s.pause()
    first_order(s, order=order)
    s.followed_up("review", signed, "order_review", wait=4000)


def signs_what_went_back(s):
    one, second = first_order(s)
    s.pause()
    refund = s.send("order.refunded", order=one.data["order"], refund="all", refunded_at=s.now(), amount=one.data["amount"])
    s.revoked(second, refund, "second", "order_refunded")
    signed = s.send("order.signed", order=one.data["order"], signed_at=s.now())
    s.expect("followup.withheld", "review", signed, kind="order_review", reason="condition_false", wait=4000)


# --- club: all on one partition of `groups`, in order

def join(s, group=None, at=None, **data):
    group = group or "g%d" % s.rng.randint(1, 40)
    return s.send("group.joined", group=group, joined_at=at or s.now(), **data)


def first_join(s, **data):
    joined = join(s, **data)
    s.followed_up("welcome", joined, "welcome", group=joined.data["group"])
    s.issued("monthly", joined, "monthly")
    return joined


def another_join(s, **data):
    joined = join(s, **data)
    s.expect("coupon.refused", "monthly", joined, template="monthly", reason="period_limit")
    return joined


def add(s, account=None):
    return s.send("contact.added", account=account or "a%d" % s.rng.randint(1, 9), added_at=s.now())


def first_add(s, **how):
    added = add(s, **how)
    s.issued("gift", added, "gift")
    s.followed_up("gift", added, "gift", account=added.data["account"])
    return added


def recalled(s, by):
    half = s.issued("recall", by, "half")
    s.followed_up("recall", by, "recall", coupon=half)
    s.expired(half, by, "half", wait=12000)


def leave(s, group):
    left = s.send("group.left", group=group, left_at=s.now())
    s.followed_up("goodbye", left, "goodbye", wait=15000, group=group)
    return left


def is_asked(s):
    joined = first_join(s, channel="qr")
    s.followed_up("ask", joined, "add_account", wait=6000, group=joined.data["group"])


def joins_then_adds(s):
    first_join(s, group="ga")
    s.pause()
    recalled(s, first_add(s))
    s.pause()
    another_join(s, group="gb")


def adds_then_joins(s):
    first_add(s)
    s.pause()
    recalled(s, first_join(s, channel="qr", group="ga"))
    s.pause()
    another_join(s, group="gb", channel="qr")


def joins_and_leaves(s):
    joined = first_join(s, channel="poster")
    s.pause()
    leave(s, joined.data["group"])
    s.pause()
    another_join(s, group=joined.data["group"])     # comes back


def left_before_the_join_is_told(s):
    joined_at = s.now()
    s.pause()
    left = leave(s, "gx")
    s.pause()
    join(s, group="gx", at=joined_at)   # superseded: a fact, sets nothing off
    s.pause()
    first_join(s, group="gy")
    s.tell(left)


def adds_two(s):
    first_add(s, account="a1")
    s.pause()
    second = add(s, account="a2")
    s.expect("coupon.refused", "gift", second, template="gift", reason="member_limit")
    s.expect("followup.withheld", "gift", second, kind="gift", reason="member_limit")
    s.pause()
    s.send("contact.removed", account="a1", removed_at=s.now())


# --- scatter: nothing depends on the order, records lie anywhere

def scatters(s):
    def anywhere(sent):
        """Told up to three times, on any partitions."""
        for _ in range(s.rng.choice([0, 0, 0, 1, 1, 2])):
            again.append(sent)

    def place():
        lot = s.rng.random()
        return HOME if lot < 0.5 else CRC32 if lot < 0.9 else None

    again = []
    lines = []
    for _ in range(s.rng.randint(2, 6)):
        order = s.order_id()
        amount = s.rng.randint(100, 400) * 100
        lines.append(("order.paid", {"order": order, "paid_at": s.now(), "amount": amount, "currency": "CNY",
                                     "items": [{"sku": "tea", "quantity": 1, "amount": amount}], "channel": "群聊"}))
        if s.rng.random() < 0.5:
            lines.append(("order.shipped", {"order": order, "shipped_at": s.now(), "carrier": "SF"}))
        if s.rng.random() < 0.5:
            lines.append(("order.signed", {"order": order, "signed_at": s.now()}))
        if s.rng.random() < 0.3:
            lines.append(("order.refunded", {"order": order, "refund": "p", "refunded_at": s.now(), "amount": 500}))
    for k in range(s.rng.randint(0, 2)):
        lines.append(("group.joined", {"group": "g%d" % k, "joined_at": s.now() - k}))
    if s.rng.random() < 0.4:
        lines.append(("referral.bound", {"referrer": s.another_member(), "bound_at": s.now()}))
    s.rng.shuffle(lines)
    for type_, data in lines:
        sent = s.send(type_, place=place(), twice=0, **data)
        anywhere(sent)
        expect_scattered(s, sent)
        s.pause(0, 120)
    s.rng.shuffle(again)
    for sent in again:
        s.tell(sent, place=place())
        s.pause(0, 200)


def expect_scattered(s, sent):
    if sent.type == "order.paid":
        plain = s.issued("each-order", sent, "plain")
        s.followed_up("each-order", sent, "thanks", coupon=plain)
        s.expired(plain, sent, "plain", wait=7000)
        s.followed_up("how-was-it", sent, "how_was_it", wait=3000)
    elif sent.type == "order.shipped":
        s.followed_up("shipped", sent, "order_shipped")
    elif sent.type == "order.signed":
        s.followed_up("signed", sent, "order_sign", wait=2000)
    elif sent.type == "order.refunded":
        s.followed_up("part", sent, "part_refunded", wait=5000)
    elif sent.type == "group.joined":
        s.followed_up("joined", sent, "joined", wait=2000, group=sent.data["group"])
    elif sent.type == "referral.bound":
        greets(s, sent, "bound", "bound", wait=3000)


def greets(s, sent, rule, kind, wait):
    hello = s.issued(rule, sent, "hello", wait=wait)
    s.followed_up(rule, sent, kind, wait=wait, coupon=hello)
    s.reminded(hello, sent, wait=wait + 5000)


# --- mix: a timer asks for a fact of another topic

def joined_before_the_order(s):
    s.send("group.joined", group="g1", joined_at=s.now())
    s.pause()
    order = s.order(after_ack=True)
    s.followed_up("nudge", order, "nudge", wait=5000)


def orders_without_a_group(s):
    order = s.order()
    s.expect("followup.withheld", "nudge", order, kind="nudge", reason="condition_false", wait=5000)


def bought_before_the_referral(s):
    order = s.order()
    s.expect("followup.withheld", "nudge", order, kind="nudge", reason="condition_false", wait=5000)
    s.pause()
    # He was bound when he bought, which is told too late: a newcomer all the same.
    bound = s.send("referral.bound", after_ack=True, referrer=s.another_member(), bound_at=order.data["paid_at"])
    greets(s, bound, "thank-the-buyer", "thank", wait=4000)


def is_bound_and_never_buys(s):
    bound = s.send("referral.bound", referrer=s.another_member(), bound_at=s.now())
    s.expect("coupon.refused", "thank-the-buyer", bound, template="hello", reason="condition_false", wait=4000)
    s.expect("followup.withheld", "thank-the-buyer", bound, kind="thank", reason="condition_false", wait=4000)


# --- what can't be taken

def envelope(s, type_, data, **changes):
    e = {"specversion": "1.0", "id": s.world.envelope_id(), "source": "/shops/" + s.shop, "type": type_,
         "time": rfc3339(s.now()), "data": data}
    e.update(changes)
    return {name: value for name, value in e.items() if value is not None}


def good_order(s):
    return {"order": s.order_id(), "member": s.member, "paid_at": s.now(), "amount": 100, "currency": "CNY", "items": []}


def bad_text(s):
    text = compact(envelope(s, "order.paid", good_order(s)))
    return s.rng.choice([text[:-1], text.replace("{", "{{", 1), text + "}", "not at all " + s.world.envelope_id(),
                         text.replace('"amount":100', '"amount":100,"amount":100'), text.replace("CNY", "C\\u0000Y")])


def bad_event(s):
    return compact(s.rng.choice([[envelope(s, "order.paid", good_order(s))],
                                 envelope(s, "order.paid", good_order(s), specversion="0.3"),
                                 envelope(s, "order.paid", good_order(s), specversion=None)]))


def missing(s):
    data = good_order(s)
    del data[s.rng.choice(["amount", "member", "paid_at", "order", "currency"])]
    return compact(s.rng.choice([envelope(s, "order.paid", data), envelope(s, "order.paid", good_order(s), time=None)]))


def bad_value(s):
    change = s.rng.choice([{"member": 12345}, {"amount": -1}, {"amount": "100"}, {"paid_at": s.now() // 1000},
                           {"currency": "USD"}, {"paid_at": s.now() + 720 * HOUR}, {"member": "~x"}, {"order": ""},
                           {"items": [{"sku": "a", "quantity": 1.5, "amount": 1}]}])
    return compact(envelope(s, "order.paid", dict(good_order(s), **change)))


BAD = {
    "not_json": bad_text,
    "not_cloudevent": bad_event,
    "unknown_type": lambda s: compact(envelope(s, s.rng.choice(["order.lost", "share.lost", "coupon.given"]), good_order(s))),
    "unknown_shop": lambda s: compact(envelope(s, "order.paid", good_order(s), source="/shops/nobodys")),
    "missing_field": missing,
    "bad_field": bad_value,
    "too_deep": lambda s: compact(envelope(s, "order.paid", dict(good_order(s), deep=json.loads("[" * 20 + "]" * 20)))),
    "limit": lambda s: compact(envelope(s, "order.paid", dict(good_order(s), coupons=["C%d" % k for k in range(17)]))),
    "too_large": lambda s: compact(envelope(s, "order.paid", dict(good_order(s), note="x" * (256 * 1024)))),
}


def cannot_be_taken(s):
    reasons = [r for r in BAD if r != "too_large" or s.rng.random() < 0.1]
    for _ in range(s.rng.randint(1, 3)):
        reason = s.rng.choice(reasons)
        place = s.rng.choice([HOME, CRC32, s.rng.randrange(s.world.partitions)])
        headers = [("trace", "dead-%s" % s.world.envelope_id())] if s.rng.random() < 0.5 else []
        s.step(s.rng.choice(["orders", "groups", "referrals"]), place, "%s/%s" % (s.shop, s.member), BAD[reason](s), headers,
               dead=Dead(reason, s.name, headers))
        s.pause()


# Weights, so that of ten lines about seven are scattered, and of a hundred one can't be taken.
SCENARIOS = [
    (8, "ladder", buys_once), (8, "ladder", climbs), (6, "ladder", uses_it_again_after_a_cancel), (6, "ladder", sends_it_back),
    (3, "ladder", sends_a_part_back), (6, "ladder", refunded_before_it_is_told), (3, "ladder", cancelled_before_it_is_told),
    (6, "ladder", codes_that_do_not_count), (6, "ladder", signs), (3, "ladder", signs_before_it_is_told),
    (3, "ladder", signs_what_went_back),
    (5, "club", is_asked), (5, "club", joins_then_adds), (5, "club", adds_then_joins), (5, "club", joins_and_leaves),
    (4, "club", left_before_the_join_is_told), (4, "club", adds_two),
    (72, "scatter", scatters),
    (6, "mix", joined_before_the_order), (3, "mix", orders_without_a_group), (5, "mix", bought_before_the_referral),
    (3, "mix", is_bound_and_never_buys),
    (6, "ladder", cannot_be_taken), (3, "scatter", cannot_be_taken),
] + language.SCENARIOS + persons.SCENARIOS + referrals.SCENARIOS + staff.SCENARIOS


class World:
    """Makes scenarios without end, and knows all that must leave for those that it made."""

    def __init__(self, rng, code_key, partitions):
        self.rng, self.code_key, self.partitions = rng, code_key, partitions
        self.members = self.orders = self.envelopes = self.lasts = 0
        self.expected = {}      # id: Expected
        self.has_time = True    # a story may wait for minutes: the next audit is far enough away
        self.scenarios = SCENARIOS
        self.weights = [x[0] for x in SCENARIOS]

    def envelope_id(self):
        self.envelopes += 1
        return "e%d" % self.envelopes

    def expect(self, id_, expected):
        if id_ in self.expected:
            raise AssertionError("the oracle expects %s twice: %s" % (id_, expected.scenario))
        self.expected[id_] = expected

    def next_scenario(self):
        _, shop, story = self.rng.choices(self.scenarios, self.weights)[0]
        s = Scenario(self, story.__name__, shop)
        story(s)
        return s
