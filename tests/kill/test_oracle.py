#!/usr/bin/env python3
"""The oracle against values that other programs made: sha256sum and openssl of the contract's examples, Kafka's own murmur2."""

import os
import random
import re
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import audit  # noqa: E402
import cluster  # noqa: E402
import events  # noqa: E402
import oracle  # noqa: E402
import producer  # noqa: E402


class Ids(unittest.TestCase):
    def test_id_of_the_contract(self):
        # printf 'yutang1\ncoupon.issued\ns1\nm1\nrecall\norder.paid\nA-2001\n0' | sha256sum | cut -c1-32
        self.assertEqual(oracle.output_id("coupon.issued", "s1", "m1", "recall", ["order.paid", "A-2001"]),
                         "b2c0a0c6d18cd2b091592caf27d02a1d")

    def test_fact_of_two_texts_and_ordinal(self):
        # printf 'yutang1\ncoupon.refused\ns\n会员\n~coupon\norder.refunded\no\nr\n1' | sha256sum | cut -c1-32
        self.assertEqual(oracle.output_id("coupon.refused", "s", "会员", "~coupon", ["order.refunded", "o", "r"], 1), REFUSED)

    def test_code_has_the_60_bits_that_openssl_tells(self):
        # printf %s b2c0a0c6d18cd2b091592caf27d02a1d | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102..1f | cut -c1-15
        code = oracle.coupon_code(bytes(range(32)), "b2c0a0c6d18cd2b091592caf27d02a1d")
        bits = 0
        for c in code:
            bits = bits << 5 | oracle.CROCKFORD.index(c)
        self.assertEqual((len(code), "%015x" % bits), (12, CODE_BITS))

    def test_murmur2_as_kafka_has_it(self):
        # From the tests of Kafka's own client.
        for text, hash_ in ((b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
                            (b"a-little-bit-longer-string", -1486304829),
                            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971), (b"abc", 479470107)):
            self.assertEqual(oracle.murmur2(text), hash_ & 0xFFFFFFFF, text)


    def test_a_groups_offsets_lie_where_java_says(self):
        # "kill".hashCode() is 3291998, "yutang-group-7".hashCode() is below 0.
        self.assertEqual(cluster.offsets_partition("kill", 1 << 30), 3291998)
        self.assertEqual(cluster.offsets_partition("", 8), 0)
        self.assertIn(cluster.offsets_partition("yutang-group-7", 8), range(8))


class Instants(unittest.TestCase):
    """The examples of the contract's traces, in days."""

    def test_median_gap(self):
        self.assertEqual(oracle.median_gap([29, 0, 20]), 14)    # of 9 and 20, rounded down
        self.assertEqual(oracle.median_gap([0, 1, 11, 14]), 3)
        self.assertEqual(oracle.median_gap([0, 20]), None)

    def test_stock_until(self):
        self.assertEqual(oracle.stock_until([(0, 2)], 10), 20)
        self.assertEqual(oracle.stock_until([(3, 1), (0, 2)], 10), 30)     # bought early: counts from when it is opened
        self.assertEqual(oracle.stock_until([(0, 1), (12, 1)], 10), 22)    # bought late

    def test_end_of_day(self):
        # 2026-11-01T15:59:59.999Z and a millisecond later, in Shanghai.
        self.assertEqual(oracle.end_of_day(1793548799999, 8 * oracle.HOUR), 1793548800000)
        self.assertEqual(oracle.end_of_day(1793548800000, 8 * oracle.HOUR), 1793548800000 + oracle.DAY)


class Waits(unittest.TestCase):
    def test_a_story_goes_on_where_its_output_was_seen_and_not_before_its_time(self):
        p = producer.Producer.__new__(producer.Producer)
        seen = set()
        p.waiting, p.parked, p.numbers, p.has_left = [], [], 0, seen.__contains__
        s = events.Scenario(events.World(random.Random(1), bytes(32), 16), "test", "friends")
        for at, output in ((0, None), (100, None), (200, "x"), (300, None), (400, "y")):
            s.clock = at
            s.step("orders", events.HOME, "k", "v%d" % at, after_output=output)
        p.plan(s.steps, 10.0)

        def planned():
            return [(round(due, 3), step.value) for due, _, step in sorted(p.waiting)]

        self.assertEqual(planned(), [(10.0, "v0"), (10.1, "v100")])
        p.take_up(11.0)
        seen.add("x")
        p.take_up(10.1)
        self.assertEqual(len(planned()), 2)
        p.take_up(12.0)
        self.assertEqual(planned()[2:], [(12.0, "v200"), (12.1, "v300")])
        seen.add("y")
        p.take_up(13.0)
        self.assertEqual((planned()[4:], p.parked), ([(13.0, "v400")], []))


REFUSED = "9a7f4f3e1b2ea3e06c526c9a8e541ed2"
CODE_BITS = "27a5723d612ce38"


# These rules do without a word: tags, and a time that is over.
SILENT = {"is-vip", "no-vip", "bygone", "night-ask"}


def rule_file():
    """(section, name, keys) of each."""
    sections = []
    with open(os.path.join(HERE, "rules.conf")) as f:
        for line in f:
            head = re.match(r'\[(\w+)(?: "([^"]*)")?\]', line)
            if head:
                sections.append((head[1], head[2], []))
            elif re.match(r"[a-z_]+(\.\w+)? *=", line):
                sections[-1][2].append(re.match(r"[a-z_]+", line)[0])
    return sections


def documented_keys():
    """(section, key) of the tables in docs/rules.md."""
    keys, section = set(), None
    with open(os.path.join(cluster.ROOT, "docs", "rules.md")) as f:
        for line in f:
            if line.startswith("## "):
                head = re.match(r"## `\[(\w+)", line)
                section = head[1] if head else None
            key = re.match(r"\| `([a-z_]+)[.`]", line)
            if section and key:
                keys.add((section, key[1]))
    return keys


class Stories(unittest.TestCase):
    def world(self, seed=1):
        return events.World(random.Random(seed), bytes(range(32)), 16)

    def test_all_stories_can_be_told_and_expect_no_id_twice(self):
        world = self.world()
        names = set()
        for _ in range(3000):
            names.add(world.next_scenario().name)
        self.assertEqual(names, {story.__name__ for _, _, story in events.SCENARIOS})
        timed = sum(1 for e in world.expected.values() if e.wait)
        self.assertGreater(timed * 5, len(world.expected))

    def test_the_same_seed_tells_the_same_stories(self):
        def shape(world):
            steps = [step for _ in range(200) for step in world.next_scenario().steps]
            return [(s.topic, s.place, s.key, s.at, s.after_ack) for s in steps], len(world.expected)

        self.assertEqual(shape(self.world(7)), shape(self.world(7)))

    def test_what_leans_on_the_order_lies_on_one_partition_in_order(self):
        world = self.world()
        for _ in range(3000):
            s = world.next_scenario()
            if s.shop not in ("scatter", "mix", "friends", "counted", "persons", "referral", "desk", "crowd") and s.name != "cannot_be_taken":
                self.assertEqual(len({step.topic for step in s.steps}), 1, s.name)
                self.assertEqual({(step.place, step.key) for step in s.steps}, {(events.HOME, "%s/%s" % (s.shop, s.member))}, s.name)
                self.assertEqual([step.at for step in s.steps], sorted(step.at for step in s.steps), s.name)

    def test_each_type_of_the_contract_is_sent_and_each_must_leave(self):
        world = self.world()
        taken = {step.type for _ in range(6000) for step in world.next_scenario().steps}
        left = {e.type for e in world.expected.values()}
        self.assertEqual(audit.types_missing(taken, left), [])
        self.assertEqual(audit.types_missing(taken - {"share.made"}, left - {"group.gap"}), ["no share.made was sent", "no group.gap has left"])

    def test_each_rule_has_something_to_say(self):
        world = self.world()
        for _ in range(6000):
            world.next_scenario()
        said = {e.rule for e in world.expected.values()}
        for section, name, _ in rule_file():
            rule = name if section == "rule" else "~%s:%s" % (section, name) if section in ("gift", "share", "presale") else None
            if rule and rule not in SILENT:
                self.assertIn(rule, said)
        templates = {e.fields["template"] for e in world.expected.values() if e.type == "coupon.issued"}
        self.assertEqual(templates | {"over"}, {name for section, name, _ in rule_file() if section == "coupon"})

    def test_each_section_and_key_of_the_rule_language_is_in_the_file(self):
        used = {(section, key) for section, _, keys in rule_file() for key in keys}
        self.assertEqual(sorted(documented_keys() - used), [])

    def test_each_bad_record_is_one_of_its_kind(self):
        world = self.world()
        seen, reasons = set(), set()
        for _ in range(20000):
            for step in world.next_scenario().steps:
                if step.dead:
                    self.assertNotIn((step.key, step.value), seen)
                    seen.add((step.key, step.value))
                    reasons.add(step.dead.reason)
        self.assertEqual(reasons, set(events.BAD))


class Audits(unittest.TestCase):
    def tally(self, newest=1):
        e = oracle.Expected("coupon.expired", "s", "m", "~coupon", "test", {"e1"}, {"coupon": "c"}, 1000, 1500)
        return audit.Tally({"x": e}, {("kill.orders", "s/m", "bad"): oracle.Dead("not_json", "test", [("h", "1")])}, lambda: newest)

    def output(self, **changes):
        data = dict({"shop": "s", "member": "m", "rule": "~coupon", "ruleset": "kill@1", "cause": "e1", "coupon": "c", "at": 1500},
                    **changes.pop("data", {}))
        value = dict({"specversion": "1.0", "id": "x", "type": "coupon.expired", "source": "/shops/s/yutang", "subject": "m",
                      "data": data}, **changes)
        return events.compact({"topic": "kill.coupons", "partition": oracle.partition_of("s/m", 4), "offset": 3, "timestamp": 1,
                               "key": "s/m", "value": events.compact(value), "headers": []})

    def dead(self, **changes):
        headers = {"h": "1", "dl_topic": "kill.orders", "dl_reason": "not_json", "dl_partition": "4", "dl_offset": "5"}
        headers.update(changes)
        return events.compact({"topic": "kill.dead-letters", "partition": 0, "offset": 3, "timestamp": 1, "key": "s/m",
                               "value": "bad", "headers": [[k, v] for k, v in headers.items()]})

    def test_clean(self):
        t = self.tally()
        self.assertFalse(t.is_complete())
        t.take(self.output())
        t.take(self.dead())
        self.assertTrue(t.is_complete() and t.is_clean(), (t.wrong, t.unexpected))

    def test_lost(self):
        t = self.tally()
        self.assertEqual((len(t.lost()[0]), len(t.lost()[1])), (1, 1))
        self.assertFalse(t.is_clean())

    def test_duplicated_unexpected_wrong(self):
        t = self.tally()
        for line in (self.output(), self.output(), self.output(id="y"), self.dead(), self.dead()):
            t.take(line)
        self.assertEqual((len(t.duplicated), len(t.unexpected), len(t.wrong)), (2, 1, 0))
        for line in (self.output(data={"at": 1499}), self.output(data={"due_at": 1501}), self.output(data={"cause": "e2"}), self.output(subject="n"),
                     self.output(data={"coupon": "d"})):
            t = self.tally()
            t.take(line)
            self.assertEqual(len(t.wrong), 1, line)
        for line in (self.dead(dl_reason="bad_field"), self.dead(h="2")):
            t = self.tally()
            t.take(line)
            self.assertEqual(len(t.wrong), 1, line)


    def test_rules_of_a_reload(self):
        for newest, ruleset, good in ((1, "kill@1", True), (3, "kill@2", True), (3, "kill@3", True), (3, "kill@4", False), (3, "kill@0", False),
                                      (3, "other@1", False), (3, "kill@", False), (3, None, False)):
            t = self.tally(newest)
            t.take(self.output(data={"ruleset": ruleset}))
            self.assertEqual(len(t.wrong), 0 if good else 1, ruleset)

    def test_older_rules_after_newer_ones(self):
        t = self.tally(3)
        t.expected["y"] = t.expected["z"] = t.expected["x"]
        for id_, revision, wrong in (("x", 2, 0), ("y", 2, 0), ("z", 1, 1)):
            t.take(self.output(id=id_, data={"ruleset": "kill@%d" % revision}))
            self.assertEqual(len(t.wrong), wrong)


class Result(unittest.TextTestResult):
    """One line a test, as tests/run counts them."""

    def name(self, test):
        return "kill_" + test.id().split(".", 1)[1].lower().replace(".test_", "_")

    def addSuccess(self, test):
        print("ok " + self.name(test), flush=True)

    def addFailure(self, test, err):
        print("not ok %s: %s" % (self.name(test), self._exc_info_to_string(err, test)), flush=True)
        super().addFailure(test, err)

    addError = addFailure


if __name__ == "__main__":
    result = unittest.TextTestRunner(stream=open(os.devnull, "w"), resultclass=Result).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    sys.exit(not result.wasSuccessful())
