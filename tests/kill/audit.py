"""What left, against what had to leave."""

import collections
import json
import os
import subprocess
import threading

from oracle import revision_of
from cluster import INPUTS, OUTPUT_PARTITIONS, OUTPUTS, PREFIX, ROOT, Failure, end_process, tool

SHOWN = 20
DEAD_TOPIC = PREFIX + "dead-letters"


class Tally:
    """Counts the records of the outputs and of the dead letters, and looks into each."""

    def __init__(self, expected, dead, newest=lambda: 1):
        """newest: the revision of the rules that was written last."""
        self.expected, self.dead, self.newest = expected, dead, newest
        self.revisions = {}     # (topic, key, rule): of the set that decided its last output
        self.seen = {}          # id: (topic, partition, offset)
        self.seen_dead = {}     # (topic, key, value): (partition, offset)
        self.duplicated = []    # (id or key, where, where before)
        self.unexpected = []    # (what, where, text)
        self.wrong = []         # (id, where, [what is wrong])
        self.records = 0
        self.types = set()      # of the outputs that were expected

    def take(self, line):
        record = json.loads(line)
        self.records += 1
        if record["topic"] == DEAD_TOPIC:
            self.take_dead(record)
        else:
            self.take_output(record)

    def take_output(self, record):
        where = "%s/%d@%d" % (record["topic"], record["partition"], record["offset"])
        try:
            value = json.loads(record["value"])
            id_ = value["id"]
        except (ValueError, TypeError, KeyError):
            self.unexpected.append(("no event", where, str(record["value"])[:500]))
            return
        if id_ in self.seen:
            self.duplicated.append((id_, where, self.seen[id_]))
            return
        self.seen[id_] = where
        expected = self.expected.get(id_)
        if not expected:
            self.unexpected.append((id_, where, record["value"]))
            return
        self.types.add(expected.type)
        wrong = expected.differences(record, value, PREFIX, OUTPUT_PARTITIONS) + self.rules_differ(record, value)
        if wrong:
            self.wrong.append((id_, where, wrong))

    def rules_differ(self, record, value):
        """Once a shard was decided by newer rules, older ones never decide it. What one rule has for one member comes from one shard: his, or
        in the case of a message for a referrer that is withheld, his friend's. A code that is refused may be another's: then it was
        its own shard, or its holder's, that refused it."""
        data = value.get("data", {})
        code = data.get("code") if value.get("type") == "coupon.refused" else None
        ruleset, what = data.get("ruleset"), (record["topic"], record["key"], data.get("rule"), code)
        revision, before, newest = revision_of(ruleset), self.revisions.get(what, 1), self.newest()
        self.revisions[what] = max(revision, before)
        if before <= revision <= newest:
            return []
        return ["ruleset is %r and not one of kill@%d to kill@%d" % (ruleset, before, newest)]

    def take_dead(self, record):
        headers = dict(record["headers"])
        own = [h for h in record["headers"] if not h[0].startswith("dl_")]
        what = (headers.get("dl_topic"), record["key"], record["value"])
        where = "%s/%d@%d" % (record["topic"], record["partition"], record["offset"])
        if what in self.seen_dead:
            self.duplicated.append((what[1], where, self.seen_dead[what]))
            return
        self.seen_dead[what] = where
        dead = self.dead.get(what)
        if not dead:
            text = "%s %s: %s" % (record["headers"], record["key"], (record["value"] or "")[:500])
            self.unexpected.append(("dead letter", where, text))
            return
        wrong = []
        if headers.get("dl_reason") != dead.reason:
            wrong.append("dl_reason is %r and not %r" % (headers.get("dl_reason"), dead.reason))
        if dead.partition is not None and headers.get("dl_partition") != str(dead.partition):
            wrong.append("dl_partition is %r and not %d" % (headers.get("dl_partition"), dead.partition))
        if dead.offset is not None and dead.offset >= 0 and headers.get("dl_offset") != str(dead.offset):
            wrong.append("dl_offset is %r and not %d" % (headers.get("dl_offset"), dead.offset))
        if own != [list(h) for h in dead.headers]:
            wrong.append("its own headers are %r and not %r" % (own, dead.headers))
        if wrong:
            self.wrong.append(("dead letter %s: %s" % (record["key"], record["value"][:300]), where, wrong))

    def is_complete(self):
        return len(self.seen) >= len(self.expected) and len(self.seen_dead) >= len(self.dead)

    def lost(self):
        return [i for i in self.expected if i not in self.seen], [d for d in self.dead if d not in self.seen_dead]

    def is_clean(self):
        return not (self.duplicated or self.unexpected or self.wrong or any(self.lost()))


def types_of(channels):
    """The types that the published document of the topics has on these."""
    with open(os.path.join(ROOT, "docs", "asyncapi.json")) as f:
        topics = json.load(f)["channels"]
    return {type_ for channel in channels for type_ in topics[channel]["messages"]}


def types_missing(taken, left):
    """What a run has not shown: types of the contract that were never sent, or never left."""
    return ["no %s was sent" % t for t in sorted(types_of(INPUTS) - taken)] + ["no %s has left" % t for t in sorted(types_of(OUTPUTS) - left)]


class Reader:
    """Follows the outputs while they are written."""

    def __init__(self, brokers, *what):
        self.tally = Tally(*what)
        self.failure = None
        self.over = False
        self.process = subprocess.Popen([tool("kread"), "--follow", brokers] + output_topics(), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, start_new_session=True)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for line in self.process.stdout:
                self.tally.take(line)
            if not self.over:
                self.failure = "kread ended with %s" % self.process.wait()
        except Exception as e:      # the main thread has to know
            self.failure = "the reader: %s: %s" % (type(e).__name__, e)

    def stop(self):
        self.over = True
        end_process(self.process)
        self.thread.join()


def output_topics():
    return [PREFIX + t for t in OUTPUTS] + [DEAD_TOPIC]


def read_all(brokers, *what):
    """A fresh reader, from the beginning to the end."""
    tally = Tally(*what)
    with subprocess.Popen([tool("kread"), brokers] + output_topics(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as p:
        for line in p.stdout:
            tally.take(line)
    if p.returncode != 0:
        raise Failure("the outputs could not be read")
    return tally


def differences(tally, world):
    """The first of each kind, in words, and the members that they are about."""
    lines, members = [], {}
    lost, lost_dead = tally.lost()

    def about(id_):
        e = world.expected.get(id_)
        if not e:
            return ""
        members["%s/%s" % (e.shop, e.member)] = 1
        return "%s %s/%s rule %s, cause %s, scenario %s, %s" % (
            e.type, e.shop, e.member, e.rule, "|".join(sorted(e.causes)), e.scenario, e.fields)

    for id_ in lost[:SHOWN]:
        lines.append("lost %s: %s" % (id_, about(id_)))
    for topic, key, value in lost_dead[:SHOWN]:
        dead = tally.dead[topic, key, value]
        lines.append("lost dead letter %s of %s/%s@%s key %s: %s"
                     % (dead.reason, topic, dead.partition, dead.offset, key, value[:300]))
        members[key] = 1
    for id_, where, before in tally.duplicated[:SHOWN]:
        lines.append("duplicated %s at %s and %s: %s" % (id_, before, where, about(id_)))
    for what, where, text in tally.unexpected[:SHOWN]:
        lines.append("unexpected %s at %s: %s" % (what, where, text))
        try:
            data = json.loads(text)["data"]
            members["%s/%s" % (data["shop"], data["member"])] = 1
        except (ValueError, KeyError, TypeError):
            pass
    for what, where, wrong in tally.wrong[:SHOWN]:
        lines.append("wrong %s at %s: %s: %s" % (what, where, "; ".join(wrong), about(what)))
    return lines, list(members)


def by_rule(tally):
    """How many of each kind, rule and story: where to look first."""
    counts = collections.Counter()

    def add(what, ids):
        for id_ in ids:
            e = tally.expected.get(id_)
            counts["%s %s %s of %s" % ((what,) + ((e.type, e.rule, e.scenario) if e else ("dead letter", "", "")))] += 1

    add("lost", tally.lost()[0])
    for what, found in (("duplicated", tally.duplicated), ("wrong", tally.wrong)):
        add(what, [x[0] for x in found])
    for _, _, text in tally.unexpected:
        value = json.loads(text) if text.startswith("{") else {}
        counts["unexpected %s %s of shop %s" % (value.get("type"), value.get("data", {}).get("rule"), value.get("source"))] += 1
    return ["%6d %s" % (n, what) for what, n in counts.most_common()]


def is_about(record, member):
    return record["key"] == member or '"member":"%s"' % member.split("/", 1)[1] in (record["value"] or "")


def history(brokers, members, path):
    """All that Kafka has of these members, by time, into a file."""
    topics = [PREFIX + t for t in INPUTS + ("internal",)] + output_topics()
    found = []
    with subprocess.Popen([tool("kread"), brokers] + topics, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as p:
        for line in p.stdout:
            record = json.loads(line)
            if any(is_about(record, m) for m in members):
                found.append(record)
    found.sort(key=lambda r: r["timestamp"])
    with open(path, "w", errors="backslashreplace") as f:   # a record may hold anything
        for member in members:
            f.write("=== %s\n" % member)
            for r in found:
                if is_about(r, member):
                    f.write("%d %s/%d@%d key=%s headers=%s %s\n" % (r["timestamp"], r["topic"], r["partition"], r["offset"],
                                                                   r["key"], r["headers"], (r["value"] or "")[:2000]))
