"""Sends the scenarios' records at a steady rate, through whatever happens, by the program kproduce."""

import collections
import heapq
import subprocess
import threading
import time

from cluster import PREFIX, Failure, poll, say, tool

TICK_SECONDS = 0.005
LOOK_SECONDS = 0.1      # between two looks for the outputs that are waited for
BURST = 200     # records a tick at most, after the machine had no time


class Producer:
    def __init__(self, brokers, world, rate, has_left):
        """has_left(id): whether that output was seen."""
        self.world, self.rate, self.has_left = world, rate, has_left
        self.lock = threading.Lock()
        self.waiting = []           # (due, number, step), a heap
        self.parked = []            # (due, steps): the first waits for an output
        self.looked = 0.0
        self.numbers = 0
        self.sent = self.acked = 0
        self.types = set()          # of the events that were acknowledged
        self.open = {}              # line: its step, until it is acknowledged
        self.history = collections.deque(maxlen=4000)   # (when, acked)
        self.failure = None
        self.paused = threading.Event()
        self.over = threading.Event()
        self.process = subprocess.Popen([tool("kproduce"), brokers], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        start_new_session=True)
        self.dead = {}              # (topic, key, value): Dead
        self.threads = [threading.Thread(target=self.guard, args=(run,), daemon=True) for run in (self.feed, self.listen)]
        for thread in self.threads:
            thread.start()

    def guard(self, run):
        try:
            run()
        except Exception as e:      # the main thread has to know
            if not self.over.is_set():
                self.failure = "the producer: %s: %s" % (type(e).__name__, e)

    def feed(self):
        began, done = time.monotonic(), 0
        while not self.over.is_set():
            now = time.monotonic()
            if self.paused.is_set():
                budget = BURST
                began, done = now, 0
            else:
                budget = min(BURST, int((now - began) * self.rate) - done)
            if now - self.looked >= LOOK_SECONDS:
                self.looked = now
                self.take_up(now)
            lines = self.next_lines(budget, now)
            if lines:
                self.process.stdin.write("".join(lines).encode("utf-8", "surrogateescape"))
                self.process.stdin.flush()
                done += len(lines)
            self.history.append((now, self.acked))
            time.sleep(TICK_SECONDS)

    def next_lines(self, budget, now):
        lines, late = [], []
        while len(lines) < budget:
            if not self.waiting or self.waiting[0][0] > now:
                if self.paused.is_set():
                    break
                self.begin(now)
                continue
            due, number, step = heapq.heappop(self.waiting)
            # Steps behind one that has to wait have later dues, and are put off with it.
            if step.after_ack and step.scenario.waits_for:
                late.append((now + 0.02, number, step))
                continue
            lines.append(self.line(step))
        for item in late:
            heapq.heappush(self.waiting, item)
        return lines

    def begin(self, now):
        self.plan(self.world.next_scenario().steps, now)

    def plan(self, steps, begin):
        """From `begin` on, up to the next step that waits for an output."""
        for k, step in enumerate(steps):
            due = begin + (step.at - steps[0].at) / 1000
            if k and step.after_output:
                self.parked.append((due, steps[k:]))
                return
            self.numbers += 1
            heapq.heappush(self.waiting, (due, self.numbers, step))

    def take_up(self, now):
        """What was parked goes on where its output has left, and never before its time: the steps before it are sent by then."""
        for item in [x for x in self.parked if x[0] <= now and self.has_left(x[1][0].after_output)]:
            self.plan(item[1], now)
            self.parked.remove(item)

    def line(self, step):
        topic = PREFIX + step.topic
        key = step.key if step.key is not None else "\\N"
        self.sent += 1
        with self.lock:
            self.open[self.sent] = step
            step.scenario.waits_for += 1
        if step.dead:
            self.dead[topic, step.key, step.value] = step.dead
        headers = "".join("\t%s=%s" % h for h in step.headers)
        return "%s\t%d\t%s\t%s%s\n" % (topic, step.place, key, step.value, headers)

    def listen(self):
        for line in self.process.stdout:
            words = line.decode().rstrip("\n").split("\t")
            if words[0] == "done":
                continue
            with self.lock:
                step = self.open.pop(int(words[0]))
                step.scenario.waits_for -= 1
                self.acked += 1
            if words[1] == "error":
                raise Failure("a record was not taken: " + line.decode())
            if step.dead:
                step.dead.partition, step.dead.offset = int(words[2]), int(words[3])
            else:
                self.types.add(step.type)
        if not self.over.is_set():
            raise Failure("kproduce ended with %s" % self.process.wait())

    def acked_per_second(self):
        """Over the last second."""
        now = time.monotonic()
        for when, acked in reversed(list(self.history)):
            if now - when >= 1:
                return (self.acked - acked) / (now - when)
        return 0.0

    def pause(self, seconds=120):
        """Begins no further scenario; ends those that were begun, and waits until all is acknowledged."""
        self.paused.set()
        if not poll(lambda: self.failure or not self.parked and not self.waiting and not self.open, seconds):
            if self.waiting or self.open:
                raise Failure("%d records were not acknowledged within %d s" % (len(self.open), seconds))
            # The audit says which.
            say("%d stories wait for outputs that have not come within %d s" % (len(self.parked), seconds))
        if self.failure:
            raise Failure(self.failure)

    def go_on(self):
        self.paused.clear()

    def stop(self):
        self.over.set()
        self.threads[0].join()
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.threads[1].join()
