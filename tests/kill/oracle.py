"""What the contract on the topics says of ids, codes and partitions, worked out anew: nothing here was taken from the
daemon, so that a mistake of one is not a mistake of both."""

import hashlib
import hmac

HOUR = 3600 * 1000
DAY = 24 * HOUR

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def output_id(type_, shop, recipient, rule, fact, ordinal=0):
    """fact: the texts of the fact, in order."""
    text = "\n".join(["yutang1", type_, shop, recipient, rule, *fact, str(ordinal)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def coupon_code(key, coupon):
    bits = int.from_bytes(hmac.digest(key, coupon.encode(), "sha256")[:8], "big") >> 4
    return "".join(CROCKFORD[bits >> shift & 31] for shift in range(55, -1, -5))


def murmur2(data):
    """As Kafka's Java client has it."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    n = len(data)
    h = (0x9747B28C ^ n) & mask
    for i in range(0, n - n % 4, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = data[n - n % 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key, partitions):
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def median_gap(instants):
    """Of the gaps between these; None below two gaps."""
    gaps = sorted(b - a for a, b in zip(sorted(instants), sorted(instants)[1:]))
    if len(gaps) < 2:
        return None
    return (gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]) // 2


def stock_until(bought, lasts):
    """bought: (paid_at, units) of one product."""
    end = 0
    for paid_at, units in sorted(bought):
        end = max(end, paid_at) + units * lasts
    return end


def end_of_day(instant, zone_ms):
    """The first instant of the next local day, in a zone that never shifts."""
    return ((instant + zone_ms) // DAY + 1) * DAY - zone_ms


def revision_of(ruleset):
    """Of `kill@N`; 0 of anything else."""
    name, _, digits = ruleset.partition("@") if isinstance(ruleset, str) else ("", "", "")
    return int(digits) if name == "kill" and digits.isascii() and digits.isdigit() else 0


# The instant of a decision is taken once for all that is decided together, and may so lie a little before an event that
# came in meanwhile.
TOGETHER_MS = 1000

TOPIC_OF = {"coupon": "coupons", "followup": "followups"}   # all else: members


class Expected:
    """One output that must leave, once."""

    __slots__ = ("type", "shop", "member", "rule", "scenario", "causes", "fields", "since", "wait")

    def __init__(self, type_, shop, member, rule, scenario, causes, fields, since, wait):
        self.type, self.shop, self.rule, self.scenario = type_, shop, rule, scenario
        self.member = member    # or `account:<account>`, `group:<group>`
        self.causes = causes    # envelope ids: one of them is the cause
        self.fields = fields    # of data, that must be so; or what works it out from data
        self.since = since      # wall clock in ms before the first event of its member was sent
        self.wait = wait        # ms between the decision of the event and `at`, at least

    def differences(self, record, value, prefix, output_partitions):
        """What of a record is not as the contract says; [] where all is well."""
        wrong = []

        def check(what, is_, must):
            if is_ != must:
                wrong.append("%s is %r and not %r" % (what, is_, must))

        data = value.get("data", {})
        about = self.type.split(".")[0]
        of_no_member = about in ("account", "group")
        key = "%s/%s%s" % (self.shop, "~" if of_no_member else "", self.member)
        check("topic", record["topic"], prefix + TOPIC_OF.get(about, "members"))
        check("key", record["key"], key)
        check("partition", record["partition"], partition_of(key, output_partitions))
        check("specversion", value.get("specversion"), "1.0")
        check("type", value.get("type"), self.type)
        check("source", value.get("source"), "/shops/%s/yutang" % self.shop)
        check("subject", value.get("subject"), self.member)
        check("shop", data.get("shop"), self.shop)
        check("member", data.get("member"), None if of_no_member else self.member)
        check("rule", data.get("rule"), self.rule)
        for name, must in self.fields.items():
            check(name, data.get(name), must(data) if callable(must) else must)
        if data.get("cause") not in self.causes:
            wrong.append("cause is %r and not one of %s" % (data.get("cause"), sorted(self.causes)))
        at, least = data.get("at"), self.since + self.wait - TOGETHER_MS
        if not isinstance(at, int) or at < least:
            wrong.append("at is %r, too early: the event was sent at %d and it waits for %d ms" % (at, self.since, self.wait))
        elif "due_at" in data and not least <= data["due_at"] <= at:
            wrong.append("due_at is %r, at %d, sent at %d, wait %d ms" % (data["due_at"], at, self.since, self.wait))
        return wrong


class Dead:
    """One record that must end in the dead letters, once."""

    __slots__ = ("reason", "partition", "offset", "scenario", "headers")

    def __init__(self, reason, scenario, headers):
        self.reason, self.scenario, self.headers = reason, scenario, headers
        self.partition = self.offset = None     # as the broker acknowledged it
