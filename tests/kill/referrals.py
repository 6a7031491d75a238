"""The stories of who brought whom, and what staff decides about it. Newcomer, referrer, phone and code lie on shards of their own. Each
event is told where the output of the one before was seen.

The hold counts from when the order was paid or signed, so a story says by that whether it ends in seconds or far behind the run."""

from oracle import DAY, HOUR

WINDOW = 30 * DAY
HOLD_SIGNED, HOLD_PAID = 1 * HOUR, 2 * HOUR
BOUND_BEFORE = 3 * HOUR     # so long ago everybody was bound
CAP = 2                     # approved newcomers of a referrer; one more binding than CAP + 1 is flagged
PAY_PERCENT = 50            # of the referrer's reward
NEWCOMERS_REWARD = 700      # taken off


def binds(s, member, referrer, **how):
    """The id of what the newcomer is told."""
    bound = s.send("referral.bound", member=member, referrer=referrer, bound_at=s.now() - BOUND_BEFORE, **how)
    told = s.followed_up("ref-bound", bound, "ref_bound", member=member)
    s.pause()
    return bound, told


def pays(s, member, **how):
    order = s.order(member=member, **how)
    told = s.followed_up("ref-paid", order, "ref_paid", member=member)
    s.pause()
    return order, told


def pays_and_is_held(s, member, after_output, **how):
    """Held for longer than any run."""
    return pays(s, member, after_output=after_output, paid_at=s.now() - 60000, **how)[0]


def pays_and_is_approved(s, member, after_output, seconds=4, **how):
    return pays(s, member, after_output=after_output, paid_at=s.now() - HOLD_PAID + seconds * 1000, **how)[0]


def judged(s, what, by, newcomer, referrer, rule="~referral", **fields):
    return s.expect("referral." + what, rule, by, member=newcomer, referrer=referrer, **fields)


def reward(s, role, by, order, newcomer, member, wait=0, **fields):
    fields = dict({"for": {"order": order.data["order"], "referral": newcomer}}, **fields)
    return s.expect("coupon.issued", "~referral", by, member=member, template=role, role=role, wait=wait, **fields)


def qualifies(s, order, newcomer, referrer):
    q = judged(s, "qualified", order, newcomer, referrer)
    return q, s.followed_up("ref-qualified", order, "ref_qualified", fact=["referral.qualified", q], member=newcomer)


def qualifies_and_has_it(s, order, newcomer, referrer):
    """The output to wait for, and the newcomer's coupon."""
    _, told = qualifies(s, order, newcomer, referrer)
    return told, reward(s, "invitee", order, order, newcomer, newcomer)


def approved(s, by, order, newcomer, referrer, wait=0, rule="~referral", known_as=None, **fields):
    """The output to wait for, and the referrer's coupon. known_as: by which id the referrer was told of the newcomer."""
    a = judged(s, "approved", by, newcomer, referrer, rule=rule, wait=wait, **fields)
    told = s.expect("followup.due", "ref-approved", by, fact=["referral.approved", a], member=newcomer, kind="ref_approved", wait=wait)
    return told, reward(s, "referrer", by, order, known_as or newcomer, referrer, wait=wait)


def taken_back(s, coupon, template, by, member, reason, **fields):
    s.revoked(coupon, by, template, reason, member=member, rule="~referral", **fields)


def gone(s, order, after_output):
    """The order comes to nothing: by what, and the reason."""
    data = {"member": order.data["member"], "order": order.data["order"], "after_output": after_output}
    if s.rng.random() < 0.5:
        return s.send("order.cancelled", cancelled_at=s.now(), **data), "order_cancelled"
    return s.send("order.refunded", refund="all", refunded_at=s.now(), amount=order.data["amount"], **data), "order_refunded"


def newcomer_and_referrer(s):
    return s.member, s.another_member()


# --- the common course

def is_brought(s):
    n, r = newcomer_and_referrer(s)
    _, told = binds(s, n, r)
    if s.rng.random() < 0.3:    # too little to qualify; the next one does
        told = pays(s, n, after_output=told, amount=4900)[1]
    order = pays_and_is_approved(s, n, told)
    _, his = qualifies_and_has_it(s, order, n, r)
    told, earned = approved(s, order, order, n, r, wait=4000)
    if s.rng.random() < 0.5:
        return
    back, reason = gone(s, order, told)
    judged(s, "voided", back, n, r, reason=reason)
    taken_back(s, his, "invitee", back, n, reason)
    taken_back(s, earned, "referrer", back, r, reason)


def signs_for_it(s):
    """The signature moves the end of the hold from an hour ahead to seconds."""
    n, r = newcomer_and_referrer(s)
    order = pays(s, n, after_output=binds(s, n, r)[1], paid_at=s.now() - HOLD_PAID + HOUR)[0]
    told, _ = qualifies_and_has_it(s, order, n, r)
    signed = s.send("order.signed", order=order.data["order"], signed_at=s.now() - HOLD_SIGNED + 4000,
                    after_output=s.rng.choice([None, told]))
    approved(s, signed, order, n, r, wait=4000)


def sends_it_back_in_the_hold(s):
    n, r = newcomer_and_referrer(s)
    order = pays_and_is_held(s, n, binds(s, n, r)[1])
    told, his = qualifies_and_has_it(s, order, n, r)
    back, reason = gone(s, order, told)
    voided = judged(s, "voided", back, n, r, reason=reason)
    taken_back(s, his, "invitee", back, n, reason)
    if s.rng.random() < 0.5:    # nothing is left to approve
        s.pause()
        s.command("referral.approve", referrer=r, after_output=voided)


def owes_it(s):
    """Both have used what they got by the time the order goes."""
    n, r = newcomer_and_referrer(s)
    order = pays_and_is_approved(s, n, binds(s, n, r)[1], seconds=2)
    _, his = qualifies_and_has_it(s, order, n, r)
    told, earned = approved(s, order, order, n, r, wait=2000)
    later = s.now() + 2 * HOUR
    used = pays(s, r, after_output=told, paid_at=later, coupons=[s.as_typed(earned)])[0]
    seen = s.used(earned, used, "referrer", member=r)
    more = pays(s, n, after_output=seen, paid_at=later, coupons=[s.as_typed(his)])[0]
    seen = s.used(his, more, "invitee", member=n)
    back, reason = gone(s, order, seen)
    judged(s, "voided", back, n, r, reason=reason)
    taken_back(s, his, "invitee", back, n, reason, debt=NEWCOMERS_REWARD)
    taken_back(s, earned, "referrer", back, r, reason, debt=used.data["amount"] * (100 - PAY_PERCENT) // PAY_PERCENT)


def has_bought_before(s):
    """Told before he was bound, or behind what qualified."""
    n, r = newcomer_and_referrer(s)
    before = s.now() - BOUND_BEFORE - HOUR
    if s.rng.random() < 0.5:
        told = pays(s, n, paid_at=before)[1]
        bound, _ = binds(s, n, r, after_output=told)
        judged(s, "voided", bound, n, r, reason="not_a_newcomer")
        return
    order = pays_and_is_held(s, n, binds(s, n, r)[1])
    told, his = qualifies_and_has_it(s, order, n, r)
    old = pays(s, n, after_output=told, paid_at=before)[0]
    judged(s, "voided", old, n, r, reason="not_a_newcomer")
    taken_back(s, his, "invitee", old, n, "referral_voided")


def is_named_by_two(s):
    n, r = newcomer_and_referrer(s)
    other = s.another_member()
    _, told = binds(s, n, r)
    again = s.send("referral.bound", member=n, referrer=other, bound_at=s.now(), after_output=told)
    void = judged(s, "voided", again, n, other, reason="already_referred")
    s.pause()
    order = pays_and_is_held(s, n, void)
    qualifies_and_has_it(s, order, n, r)


def name_each_other(s):
    """The second is a loop, and the first goes on."""
    one, two = newcomer_and_referrer(s)
    _, told = binds(s, one, two)
    order = pays_and_is_held(s, one, told)
    told, _ = qualifies_and_has_it(s, order, one, two)
    bound, _ = binds(s, two, one, after_output=told)
    judged(s, "voided", bound, two, one, reason="loop")


def lets_the_window_pass(s):
    n, r = newcomer_and_referrer(s)
    bound = s.send("referral.bound", member=n, referrer=r, bound_at=s.now() - WINDOW + 5000)
    told = s.followed_up("ref-bound", bound, "ref_bound", member=n)
    void = judged(s, "voided", bound, n, r, reason="window_over", wait=5000)
    s.pause()
    pays(s, n, after_output=told, amount=4900)
    s.pause()
    pays(s, n, after_output=void)


def comes_by_a_code(s):
    n, r = newcomer_and_referrer(s)
    code = "ref:K%s" % s.world.envelope_id()
    known_first = s.rng.random() < 0.5
    if known_first:
        s.send("alias.bound", alias=code, member=r)
        s.pause()
    order = pays_and_is_approved(s, n, binds(s, n, code)[1])
    if not known_first:     # the order waits for it meanwhile, as the binding does
        s.send("alias.bound", alias=code, member=r)
    qualifies_and_has_it(s, order, n, r)
    approved(s, order, order, n, r, wait=4000)


# --- checks

def is_the_same_buyer(s):
    n, r = newcomer_and_referrer(s)
    part, value = s.rng.choice(["phone", "address"]), "h%s" % s.world.envelope_id()
    told = pays(s, r, buyer={part: value})[1]
    order = pays_and_is_held(s, n, binds(s, n, r, after_output=told)[1], buyer={part: value})
    judged(s, "voided", order, n, r, reason="same_" + part)


def is_flagged(s):
    """By a device that the referrer has, or by a phone that somebody else bought with first; staff decides, or a refund does."""
    n, r = newcomer_and_referrer(s)
    device, value = s.rng.random() < 0.5, "h%s" % s.world.envelope_id()
    part, reason = ("device", "same_device") if device else ("phone", "reregistered")
    told = pays(s, r if device else s.another_member(), buyer={part: value}, paid_at=s.now() - 4 * HOUR)[1]
    order = pays_and_is_approved(s, n, binds(s, n, r, after_output=told)[1], seconds=1, buyer={part: value})
    qualifies(s, order, n, r)
    flagged = judged(s, "flagged", order, n, r, reason=reason)
    s.pause()
    lot = s.rng.random()
    if lot < 0.4:
        staff_approves(s, order, n, r, flagged)
    elif lot < 0.8:
        void = s.command("referral.void", referrer=r, note="一看就是同一人", after_output=flagged)
        judged(s, "voided", void, n, r, rule="~staff", reason="by_staff")
    else:
        back, reason = gone(s, order, flagged)
        judged(s, "voided", back, n, r, reason=reason)


def staff_approves(s, order, n, r, after_output, has_his=False):
    yes = s.command("referral.approve", member=n, referrer=r, after_output=after_output)
    told, earned = approved(s, yes, order, n, r, rule="~staff", reason="by_staff")
    his = None if has_his else reward(s, "invitee", yes, order, n, n)
    s.pause()
    return told, earned, his


def staff_decides_in_the_hold(s):
    """Approved at once, or taken back; and taken back after all, once."""
    n, r = newcomer_and_referrer(s)
    order = pays_and_is_held(s, n, binds(s, n, r)[1])
    told, his = qualifies_and_has_it(s, order, n, r)
    earned = None
    if s.rng.random() < 0.6:
        told, earned, _ = staff_approves(s, order, n, r, told, has_his=True)
        if s.rng.random() < 0.5:    # another who clicks too late
            s.command("referral.approve", referrer=r, after_output=told)
            s.pause()
            return
    void = s.command("referral.void", referrer=r, after_output=told)
    voided = judged(s, "voided", void, n, r, rule="~staff", reason="by_staff")
    taken_back(s, his, "invitee", void, n, "by_staff")
    if earned:
        taken_back(s, earned, "referrer", void, r, "by_staff")
    s.pause()
    s.command("referral.void", referrer=r, after_output=voided)


def brings_many(s):
    """The cap has room for CAP; a second one makes the referrer a herald; one binding more than CAP + 1 is flagged, and staff is above the cap."""
    r, told = s.another_member(), None
    for k in range(CAP + 2):
        n = s.member if k == 0 else s.another_member()
        bound, told = binds(s, n, r, after_output=told)
        if k == CAP + 1:
            flagged = judged(s, "flagged", bound, n, r, reason="velocity")
            order = pays_and_is_held(s, n, flagged)
            _, told = qualifies(s, order, n, r)
            staff_approves(s, order, n, r, told)
            return
        order = pays_and_is_approved(s, n, told, seconds=1)
        _, his = qualifies_and_has_it(s, order, n, r)
        if k < CAP:
            told, _ = approved(s, order, order, n, r, wait=1000)
        else:
            told = judged(s, "voided", order, n, r, reason="referrer_cap", wait=1000)
            taken_back(s, his, "invitee", order, n, "referral_voided", wait=1000)
        if k == 1:
            s.expect("tier.changed", "~tier", order, member=r, **{"from": "", "to": "herald", "reason": "tier_reached"})


# --- who is who

def is_linked_in_between(s):
    """The chat contact was brought, the customer buys: the saga moves along."""
    chat, r = newcomer_and_referrer(s)
    shop = s.another_member()
    link = s.send("member.linked", identity=chat, member=shop, after_output=binds(s, chat, r)[1])
    told = s.followed_up("ref-linked", link, "ref_linked", member=shop)
    s.pause()
    order = pays_and_is_approved(s, shop, told)
    qualifies(s, order, shop, r)
    s.expect("coupon.issued", "~referral", order, member=shop, template="invitee", role="invitee")
    approved(s, order, order, shop, r, wait=4000, known_as=chat)


SCENARIOS = [
    (4, "referral", is_brought), (2, "referral", signs_for_it), (2, "referral", sends_it_back_in_the_hold), (2, "referral", owes_it),
    (2, "referral", has_bought_before), (1, "referral", is_named_by_two), (1, "referral", name_each_other),
    (1, "referral", lets_the_window_pass), (2, "referral", comes_by_a_code), (2, "referral", is_the_same_buyer),
    (3, "referral", is_flagged), (2, "referral", staff_decides_in_the_hold), (2, "referral", brings_many),
    (2, "referral", is_linked_in_between),
]
