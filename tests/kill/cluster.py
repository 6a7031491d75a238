"""The servers, the workers and what may happen to them. Everything that is started here is ended here, by process id."""

import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("YUTANG_BUILD") or os.path.join(ROOT, "build")
BIN = os.environ.get("YUTANG_BIN") or os.path.join(BUILD, "yutang")
PREFIX = "kill."
GROUP = "kill"
PARTITIONS, OUTPUT_PARTITIONS = 16, 4
INPUTS = ("orders", "groups", "referrals", "commands")
OUTPUTS = ("coupons", "followups", "members")
WORKERS = ("w1", "w2", "w3")

# What systemd does not start again (RestartPreventExitStatus), and a bug.
FINAL_EXITS = {64, 65, 70, 73, 78}
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
RESTART_SECONDS = 0.2


class Failure(Exception):
    pass


def say(text):
    print("%s %s" % (time.strftime("%H:%M:%S"), text), file=sys.stderr, flush=True)


def tool(name):
    return os.path.join(BUILD, "tools", name)


def poll(what, seconds, every=0.05):
    """Until it is true, or the time is over; what it was last."""
    deadline = time.monotonic() + seconds
    while True:
        result = what()
        if result or time.monotonic() > deadline:
            return result
        time.sleep(every)


def end_process(process, seconds=5):
    """SIGTERM, and SIGKILL when that is not heard."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Servers:
    """Kafka and Redis, by scripts/stack."""

    def __init__(self, folder):
        self.folder = folder
        self.script = os.path.join(ROOT, "scripts", "stack")
        self.env = {}

    def call(self, command, *args):
        done = subprocess.run([self.script, command, self.folder, *args], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Failure("stack %s: %s" % (command, done.stdout[-3000:]))
        self.read_env()

    def start(self):
        self.call("start")

    def read_env(self):
        with open(os.path.join(self.folder, "env")) as f:
            self.env = dict(line.rstrip("\n").split("=", 1) for line in f)

    def stop(self):
        if os.path.exists(os.path.join(self.folder, "env")):
            subprocess.run([self.script, "stop", self.folder], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for key in ("KAFKA_PID", "CONTROLLER_PID", "REDIS_PID"):  # also when somebody removed the folder
            self.end_server(key)

    def end_server(self, key):
        try:
            with open("/proc/%s/cmdline" % self.env[key], "rb") as f:
                command = f.read()
            port = self.env["REDIS"].rsplit(":", 1)[1]
            if self.folder.encode() in command or b":" + port.encode() in command:
                os.kill(int(self.env[key]), signal.SIGKILL)
        except (OSError, KeyError):
            pass

    @property
    def brokers(self):
        return self.env["KAFKA"]

    def redis(self, *command):
        """Waits while Redis still loads the copy that an earlier fault has given it."""
        deadline = time.monotonic() + 30
        while True:
            answer = self.redis_once(*command)
            if not answer.startswith(b"-LOADING") or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if not answer or answer[:1] == b"-":
            raise Failure("Redis answers to %s: %r" % (" ".join(command), answer))

    def redis_once(self, *command):
        host, port = self.env["REDIS"].rsplit(":", 1)
        words = b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (c.encode() for c in command))
        with socket.create_connection((host, int(port)), timeout=30) as s:
            s.sendall(b"*%d\r\n%s" % (len(command), words))
            return s.makefile("rb").readline()


def offsets_partition(group, partitions):
    """Where the group's offsets lie: Java's hash of its name. scripts/stack makes that topic with 8 partitions."""
    h = 0
    for c in group:
        h = h * 31 + ord(c) & 0xFFFFFFFF
    return (h if h < 1 << 31 else (1 << 32) - h) % partitions


class Transactions:
    """Watches whether offsets of some transaction stay uncommitted: one that is open for longer than its few milliseconds
    is that of a stopped process."""

    LOOK = 3            # looks in a row that have to agree
    EVERY_MS = 25

    def __init__(self, servers):
        self.looks = []     # (when, {partition: (stable, end)})
        self.process = subprocess.Popen([tool("kread"), "--ends=1000000,%d" % self.EVERY_MS, "--seconds=20", servers.brokers,
                                         "__consumer_offsets/%d" % offsets_partition(GROUP, 8)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        text=True, start_new_session=True)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        look = {}
        for line in self.process.stdout:
            words = line.split()
            if words:
                look[words[1]] = (int(words[3]), int(words[4]))
            else:
                self.looks.append((time.monotonic(), look))
                look = {}

    def is_one_open(self, since):
        """The first looks that began after `since` tell."""
        def enough():
            # A look is known when it ends; the one that was under way is not counted.
            return self.process.poll() is not None or len([1 for when, _ in self.looks if when > since]) > self.LOOK
        if not poll(enough, 5, 0.005) or self.process.poll() is not None:
            return False
        looks = [look for when, look in self.looks if when > since][1:]
        return any(len({look[p][0] for look in looks}) == 1 and all(look[p][0] < look[p][1] for look in looks) for p in looks[0])

    def end(self):
        end_process(self.process)
        self.thread.join()


class Worker:
    """One instance and its incarnations, started again as systemd would."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.conf = os.path.join(folder, name + ".conf")
        self.log = os.path.join(folder, name + ".log")
        self.dir = os.path.join(folder, name)
        self.process = None
        self.port = None
        self.wanted = False     # the harness wants it to run
        self.start_at = 0.0
        self.stopped = False    # by SIGSTOP
        self.ending = False     # SIGTERM was sent
        self.incarnations = 0
        self.metrics = []       # of each incarnation the last seen
        self.exits = []

    def configure(self, servers, rules, code_key):
        self.port = free_port()
        os.makedirs(self.dir)
        with open(self.conf, "w") as f:
            f.write(CONF.format(group=GROUP, brokers=servers.brokers, redis=servers.env["REDIS"], name=self.name, rules=rules,
                                dir=self.dir, code_key=code_key, port=self.port, prefix=PREFIX, partitions=PARTITIONS,
                                output_partitions=OUTPUT_PARTITIONS, inputs=", ".join(INPUTS)))

    def start(self):
        self.incarnations += 1
        with open(self.log, "a") as log:
            log.write("--- incarnation %d, %s\n" % (self.incarnations, time.strftime("%H:%M:%S")))
            log.flush()
            # A session of its own: Ctrl-C is for the harness, which then ends it.
            self.process = subprocess.Popen([BIN, "run", "-c", self.conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        self.metrics.append({})
        self.ending = self.stopped = False

    def signal(self, number):
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, number)

    def get(self, path, timeout=0.5):
        """OSError where there is no whole answer."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.port, path), timeout=timeout) as answer:
                return answer.read().decode()
        except http.client.HTTPException as e:  # it died in the middle of it
            raise OSError(e)

    def is_ready(self):
        if not self.process or self.process.poll() is not None or self.stopped:
            return False
        try:
            self.get("/readyz")
            return True
        except OSError:     # refused, too slow, 503
            return False

    def scrape(self):
        incarnation = len(self.metrics) - 1
        if incarnation < 0 or self.stopped:
            return
        try:
            text = self.get("/metrics")
        except OSError:
            return
        self.metrics[incarnation] = {name: float(value) for name, value in
                                     (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")}

    def sum(self, *names):
        return int(sum(m.get(name, 0) for m in self.metrics for name in names))

    def last(self, pattern):
        """The sum over the samples of the last scrape whose name fits."""
        return sum(v for name, v in (self.metrics[-1] if self.metrics else {}).items() if re.match(pattern, name))

    def crashes(self):
        """What its file of fatal records holds, or why there is none."""
        try:
            with open(os.path.join(self.dir, "%s-%s.crashes" % (GROUP, self.name))) as f:
                return f.read()
        except OSError as e:
            return str(e)

    def tail(self, lines=15):
        try:
            with open(self.log, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""


class Rules:
    """The rule file of all workers. Each revision says the same."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "rules.conf")
        self.revision = 0
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rules.conf")) as f:
            self.text = replace_once(f.read(), "quiet_hours = 00:00-23:59\n", "quiet_hours = %s\n" % self.around_the_run())

    @staticmethod
    def around_the_run():
        """Began half an hour ago, and ends behind the end of each coupon of `night` of the next nine hours."""
        now = time.time()
        return "-".join(time.strftime("%H:%M", time.gmtime(now + hours * 3600)) for hours in (-0.5, 22))

    def write_next(self):
        self.revision += 1
        with open(self.path + ".new", "w") as f:
            f.write(replace_once(self.text, "\nrevision = 1\n", "\nrevision = %d\n" % self.revision))
        os.rename(self.path + ".new", self.path)


def replace_once(text, old, new):
    if text.count(old) != 1:
        raise Failure("rules.conf has %r %d times" % (old, text.count(old)))
    return text.replace(old, new)


CONF = """\
[kafka]
bootstrap.servers  = {brokers}
session.timeout.ms = 6000

[topics]
prefix            = {prefix}
in                = {inputs}
partitions        = {partitions}
output_partitions = {output_partitions}
replication       = 1

[redis]
url    = redis://{redis}/0
prefix = yk
orders = yes

[worker]
group         = {group}
instance      = {name}
rules         = {rules}
dir           = {dir}
clock         = wall
code_key_file = {code_key}

[http]
listen = 127.0.0.1:{port}

[logging]
format = logfmt
level  = info
"""


def free_port():
    """One that nobody listens on, outside the range from which the kernel takes those of outgoing connections."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        low = int(f.read().split()[0])
    first, last = (10000, low - 1) if low > 12000 else (20000, 60999)
    while True:
        port = random.SystemRandom().randint(first, last)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Workers:
    """Starts, watches, restarts and scrapes the workers on threads of its own."""

    def __init__(self, folder):
        self.all = [Worker(name, folder) for name in WORKERS]
        self.lock = threading.RLock()
        self.failure = None     # why the test has failed
        self.over = threading.Event()
        self.threads = []

    def start(self):
        with self.lock:
            for w in self.all:
                w.wanted = True
                w.start()
        for run, every in ((self.watch, 0.05), (self.scrape, 1.0)):
            thread = threading.Thread(target=self.repeat, args=(run, every), daemon=True)
            thread.start()
            self.threads.append(thread)

    def repeat(self, run, every):
        while not self.over.wait(every):
            try:
                run()
            except Exception as e:
                self.fail("%s: %r" % (run.__name__, e))
                raise

    def watch(self):
        with self.lock:
            for w in self.all:
                if w.process and w.process.poll() is not None:
                    self.ended(w)
                if w.wanted and not w.process and time.monotonic() >= w.start_at:
                    w.start()

    def ended(self, w):
        code = w.process.returncode
        asked = w.ending
        w.exits.append(code)
        w.process = None
        w.start_at = max(w.start_at, time.monotonic() + RESTART_SECONDS)
        if code in FINAL_EXITS or (code < 0 and -code in CRASHES) or (code == 0) != asked and code >= 0 and code != 69:
            self.fail("%s ended with %s\n%s" % (w.name, describe(code), w.tail()))
            w.wanted = False
        elif code == 69:
            say("%s ended with 69 and is started again" % w.name)
        elif asked and code != 0:
            self.fail("%s was asked to end and ended with %s\n%s" % (w.name, describe(code), w.tail()))

    def fail(self, why):
        if not self.failure:
            self.failure = why
        say("FAILED: " + why)

    def scrape(self):
        for w in self.all:
            w.scrape()

    def unready(self):
        return [w.name for w in self.all if w.wanted and not w.is_ready()]

    def until_ready(self, seconds):
        """Seconds until all were ready, or None."""
        began = time.monotonic()
        if poll(lambda: self.failure or not self.unready(), seconds, 0.1) and not self.failure:
            return time.monotonic() - began
        return None

    def sum(self, *names):
        return sum(w.sum(*names) for w in self.all)

    def exits(self):
        return {w.name: w.exits for w in self.all}

    # --- faults

    def kill(self, w, number, away=0.0):
        """Ends it by a signal; it is started again after `away` seconds."""
        with self.lock:
            w.scrape()
            w.start_at = time.monotonic() + away
            w.ending = number == signal.SIGTERM
            w.signal(number)

    def hang_up(self, w):
        with self.lock:
            w.signal(signal.SIGHUP)

    def freeze(self, w):
        with self.lock:
            w.stopped = True
            w.signal(signal.SIGSTOP)

    def thaw(self, w):
        with self.lock:
            w.signal(signal.SIGCONT)
            w.stopped = False

    def end(self, seconds=40):
        """All of them by SIGTERM; what is wrong with how they ended, or None."""
        with self.lock:
            for w in self.all:
                w.wanted = False
                if w.process:
                    w.scrape()
                    w.ending = True
                    w.signal(signal.SIGCONT)
                    w.signal(signal.SIGTERM)
        if not poll(lambda: all(not w.process for w in self.all), seconds):
            names = [w.name for w in self.all if w.process]
            return "%s did not end within %d s of SIGTERM" % (", ".join(names), seconds)
        return None

    def kill_all(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        for w in self.all:
            if w.process and w.process.poll() is None:
                w.process.kill()
                w.process.wait()


def describe(code):
    return "exit code %d" % code if code >= 0 else "signal %s" % signal.Signals(-code).name
