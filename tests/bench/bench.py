"""What the benchmarks share: the servers, topics of a name of their own, the daemons, and the readers that judge."""

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("YUTANG_BUILD") or os.path.join(ROOT, "build")
YUTANG = os.path.join(BUILD, "yutang")
STACK = os.path.join(ROOT, "scripts", "stack")
RULES = os.path.join(ROOT, "tests", "bench", "rules.conf")
TOPICS = ("orders", "groups", "referrals", "commands", "internal", "state", "coupons", "followups", "members", "dead-letters")
SEED = 20250601
PATIENCE_SECONDS = 120   # without a coupon
TICKS = os.sysconf("SC_CLK_TCK")

CONF = """\
[kafka]
bootstrap.servers = {kafka}
[topics]
prefix      = {prefix}
replication = 1
[redis]
url = redis://{redis}/0
[worker]
group    = {prefix}g
instance = {instance}
rules    = {rules}
[http]
listen = 127.0.0.1:0
"""


class Failure(Exception):
    pass


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def settings(argv, defaults, text):
    """NAME=VALUE of the arguments, else of the environment, else the default, whose type each keeps; text: the help."""
    values = {name: os.environ.get(name) or default for name, default in defaults.items()}
    for arg in argv:
        name, equals, value = arg.partition("=")
        if not equals or name not in defaults:
            print(text.rstrip(), file=sys.stdout if arg in ("-h", "--help") else sys.stderr)
            sys.exit(0 if arg in ("-h", "--help") else 64)
        values[name] = value
    try:
        for name, default in defaults.items():
            values[name] = type(default)(values[name])
    except ValueError:
        print("bench: %s takes a number, not `%s`" % (name, values[name]), file=sys.stderr)
        sys.exit(64)
    return values


def unit_environment():
    """What the unit gives the daemon beside its command line, so that the figures are those of an installed one."""
    with open(os.path.join(ROOT, "systemd", "yutang.service")) as f:
        return dict(line.rstrip("\n").split("=", 2)[1:] for line in f if line.startswith("Environment="))


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid, what):
    """what: VmRSS, resident now; VmHWM, at its highest."""
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith(what + ":"))


class Daemon:
    """One `yutang run` with a configuration file, its log and what it tells over HTTP."""

    def __init__(self, conf, log, env):
        self.log = log
        self.http = None
        with open(log, "w") as out:
            self.process = subprocess.Popen([YUTANG, "run", "-c", conf], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
        self.pid = self.process.pid

    def running(self):
        return self.process.poll() is None

    def check(self):
        if not self.running():
            with open(self.log, errors="replace") as f:
                tail = f.read()[-3000:]
            raise Failure("the daemon ended with %d:\n%s" % (self.process.returncode, tail))

    def logged(self, pattern):
        with open(self.log, errors="replace") as f:
            found = re.search(pattern, f.read())
        return found and found.group(1)

    def when(self, event):
        """The moments at which its log tells this, in s since 1970."""
        with open(self.log, errors="replace") as f:
            stamps = re.findall(r"(?m)^(\S+)Z \w+ %s\b" % event, f.read())
        return [datetime.datetime.fromisoformat(s + "+00:00").timestamp() for s in stamps]

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def ask(self, path):
        if self.http is None:
            port = self.logged(r" http port=(\d+)")
            if not port:
                return ""
            self.http = "http://127.0.0.1:" + port
        try:
            with urllib.request.urlopen(self.http + path, timeout=10) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.HTTPError):
            return ""

    def ready(self):
        return self.ask("/readyz") == "ready\n"

    def status(self):
        """None: it does not answer."""
        try:
            return json.loads(self.ask("/v1/status"))
        except ValueError:
            return None

    def live(self):
        """How many shards it decides."""
        status = self.status()
        return sum(s["state"] == "live" for s in status["shards"]) if status else 0

    def decided(self, events):
        """So many events are decided."""
        status = self.status()
        return bool(status) and status["events"] >= events

    def shown(self, events=0):
        """So many events are decided, nothing waits, and Redis shows all."""
        status = self.status()
        return bool(status) and status["events"] >= events and all(s["queued"] == 0 and s["view_version"] == s["version"] for s in status["shards"])

    def metric(self, name):
        """Summed over its labels."""
        found = re.compile(re.escape(name) + (" " if name.endswith("}") else "[ {]"))
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.ask("/metrics").splitlines() if found.match(line))

    def counts(self):
        """What its own metrics tell of where the work went."""
        batches = self.metric("yutang_batches_total")
        return {"batches": batches, "aborted": self.metric('yutang_transactions_total{outcome="aborted"}'),
                "commit_ms": 1000 * self.metric("yutang_commit_seconds_sum") / max(1, self.metric("yutang_commit_seconds_count")),
                "view_hashes": self.metric("yutang_view_hashes_total"), "view_mb": self.metric("yutang_view_bytes_total") / 1e6}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("the daemon did not end within 30 s of SIGTERM") from None
        if code != 0:
            raise Failure("the daemon ended with %d after SIGTERM" % code)

    def kill(self):
        if self.running():
            self.process.kill()
            self.process.wait()


class Bench:
    def __init__(self, folder, options):
        self.dir = folder
        self.options = options
        self.stack = os.path.join(folder, "stack")
        self.rules = RULES
        self.servers = {}
        self.runs = 0
        self.daemons = []
        self.faults = []
        # The stack's servers are no concern of another librdkafka.
        self.env = {**os.environ, **unit_environment()}
        if options["RDKAFKA"]:
            self.env["LD_LIBRARY_PATH"] = os.path.abspath(options["RDKAFKA"])

    def all(self):
        """The benchmark: its figures."""
        raise NotImplementedError

    # ---- programs

    def start_servers(self):
        env = dict(os.environ, KAFKA_HEAP=os.environ.get("KAFKA_HEAP", "2g"))
        if subprocess.run([STACK, "start", self.stack], stdin=subprocess.DEVNULL, env=env).returncode != 0:
            raise Failure("Kafka or Redis did not start")
        with open(os.path.join(self.stack, "env")) as f:
            self.servers = dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)

    def tool(self, name, *args):
        return [os.path.join(BUILD, "bench", name), *map(str, args)]

    def json_of(self, argv, may_fail=False):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=self.env)
        if (done.returncode != 0 and not may_fail) or not done.stdout.strip():
            raise Failure("%s ended with %d" % (" ".join(argv), done.returncode))
        return json.loads(done.stdout)

    def json_quiet(self, argv):
        if subprocess.run(argv, stdin=subprocess.DEVNULL, env=self.env).returncode != 0:
            raise Failure("%s failed" % argv[0])

    def yutang(self, *args):
        return subprocess.run([YUTANG, *args, "-c", self.conf], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, env=self.env)

    def configure(self, instance):
        path = os.path.join(self.dir, "b%d.%s.conf" % (self.runs, instance))
        with open(path, "w") as f:
            f.write(CONF.format(kafka=self.servers["KAFKA"], redis=self.servers["REDIS"], prefix=self.prefix, instance=instance, rules=self.rules))
        return path

    def begin(self):
        """Topics of a name of their own, so that no run sees another."""
        self.runs += 1
        self.prefix = "b%d." % self.runs
        self.conf = self.configure("a")
        done = self.yutang("init")
        if done.returncode != 0:
            raise Failure("yutang init ended with %d:\n%s" % (done.returncode, done.stdout))

    def end(self):
        self.json_quiet(self.tool("gen", "--drop", self.servers["KAFKA"], *(self.prefix + t for t in TOPICS)))
        self.redis("FLUSHALL")

    def redis(self, *command):
        host, port = self.servers["REDIS"].rsplit(":", 1)
        return subprocess.run(["redis-cli", "-h", host, "-p", port, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=True).stdout

    def start_daemon(self, instance="a"):
        log = os.path.join(self.dir, "b%d.%s.%d.log" % (self.runs, instance, len(self.daemons)))
        daemon = Daemon(self.configure(instance), log, self.env)
        self.daemons.append(daemon)
        return daemon

    def wait(self, what, test, seconds=PATIENCE_SECONDS, daemons=()):
        """Until test() holds; no daemon of these may end meanwhile."""
        deadline = time.monotonic() + seconds
        while not test():
            for daemon in daemons:
                daemon.check()
            if time.monotonic() > deadline:
                raise Failure("%s: not within %d s" % (what, seconds))
            time.sleep(0.02)

    def usage(self):
        pids = {"broker": int(self.servers["KAFKA_PID"]), "redis": int(self.servers["REDIS_PID"])}
        pids.update({"daemon": d.pid for d in self.daemons if d.running()})
        return {name: cpu_seconds(pid) for name, pid in pids.items()}

    def stop(self):
        for daemon in self.daemons:
            daemon.kill()
        if os.path.exists(os.path.join(self.stack, "env")):
            subprocess.run([STACK, "stop", self.stack], stdin=subprocess.DEVNULL)

    # ---- judging

    def fault(self, text):
        say("FAULT: " + text)
        self.faults.append(text)

    def judge(self, what, audit):
        if audit["lost"] or audit["doubled"] or audit["unexpected"]:
            self.fault("%s: coupons lost=%d doubled=%d unexpected=%d" % (what, audit["lost"], audit["doubled"], audit["unexpected"]))

    def judge_end(self, what, workload):
        """The daemon is gone: now what is there is all there is."""
        self.judge(what, self.json_of(self.tool("audit", "--end", self.servers["KAFKA"], self.prefix + "coupons", workload, SEED), may_fail=True))

    def verify(self, what):
        done = self.yutang("verify")
        if done.returncode != 0:
            self.fault("%s: yutang verify ended with %d:\n%s" % (what, done.returncode, done.stdout[-2000:]))


def about(bench, names):
    """What the figures were measured with; load: how busy the machine was before, by others."""
    version = subprocess.run([YUTANG, "--version"], stdout=subprocess.PIPE, text=True, env=bench.env, check=True).stdout.splitlines()
    return {"yutang": version[0].split()[-1], "librdkafka": version[1].split()[-1], "cpus": os.cpu_count(), "load": bench.load,
            **{k.lower(): bench.options[k] for k in names}}


def run(make, options, tools, names, show):
    """Runs make(folder, options); shows its figures as a table and as one line, with the options of these names. The exit code: 1 for wrong
    results and for what could not be measured, never for speed."""
    for program in (YUTANG, *(os.path.join(BUILD, "bench", t) for t in tools)):
        if not os.access(program, os.X_OK):
            print("bench: %s is not there: call `make all benches`, or `make bench`" % program, file=sys.stderr)
            return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = make(tempfile.mkdtemp(prefix="yutang-bench."), options)
    bench.load = os.getloadavg()[0]
    if bench.load > 0.5:
        say("the machine is busy with other things (load %.1f): the figures will say less" % bench.load)
    try:
        result = bench.all()
    except Failure as e:
        print("bench: %s" % e, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        bench.stop()
        if os.environ.get("KEEP") == "1":
            say("kept %s" % bench.dir)
        else:
            shutil.rmtree(bench.dir, ignore_errors=True)
    show(result)
    line = json.dumps({**about(bench, names), **result, "faults": len(bench.faults)})
    print(line, flush=True)
    if options["LOG"]:
        with open(options["LOG"], "a") as f:
            f.write(line + "\n")
    for fault in bench.faults:
        print("bench: FAULT: " + fault, file=sys.stderr)
    return 1 if bench.faults else 0
