"""nth_daemon: a run from its start to its outcome where the Nth call of the scheduler, the launcher, a
keeper or its child fails.

Flow: nth runs each scenario in a lab. A try arms the injector, has a run started (by hand, so that
a try takes no second), and waits until it is on record. Then the run has one result in the log
and, in the end, in the history; it was started at most once, as its user; who died is there
again; nothing is left open, and no process is left.
"""
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import faults
import invariants
import lab
import nth_inject

STARTS = lab.OUT + "/starts"
MARK = "echo $CRON_RUN_ID $(id -u) $(id -g) $(id -G | tr ' ' ,) >>" + STARTS
SAID = re.compile(r": (END|FAIL|RECOVERED|SKIPPED) job=(\S+) run=(\S+) result=(\S+)(.*)")
PATIENCE = 20   # seconds until what was started is on record
ALICE = ["2001", "2001", "2001"]


def descriptors(pid):
    """What a process has open, told apart as far as a leak may be."""
    found = []
    for name in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):
            found.append(re.sub(r"\d{3,}", "N", os.readlink("/proc/%d/fd/%s" % (pid, name))))
    return sorted(found)


def zombies():
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as f:
                    text = f.read()
                if text[text.rindex(")") + 2] == "Z":
                    found.append(text[:text.rindex(")") + 1] + " of " + text[text.rindex(")"):].split()[2])
    return found


class Daemon:
    """The scheduler under inject, and what is known of the runs that were asked for."""

    def __init__(self, room, conf="", memory=False):
        self.room, self.injector, self.runs = room, nth_inject.Memory() if memory else None, {}
        self.memory, self.killing = memory, False
        self.died, self.seen, self.results, self.started = 0, 0, {}, {}
        os.remove("/var/spool/cron/crontabs/bob")  # the lab's own job of each second
        room.conf(conf)
        lab.put(STARTS, "", 0o666)

    def start(self, first=None):
        lab.check(self.go(first), "does not start: %s" % lab.read(self.room.errors)[-500:])
        self.room.launcher(self.room.daemon)

    def go(self, first=None):
        """first: what is to fail from the beginning, as Injector.arm() takes it, or "count". False: it ended."""
        if self.memory:
            self.injector.close()
            if first == "count":
                self.injector.count()
            elif first:
                self.injector.arm(*first)
            self.launch()
        else:
            if self.injector:
                self.injector.close()
            self.injector = nth_inject.Injector(
                self.launch, nth_inject.arm(*first) if isinstance(first, tuple) else first)
        self.room.wait_for(lambda: self.room.daemon.poll() is not None or self.room.ready(0),
                           15 * lab.slowness(), "the daemon to be ready")
        return self.room.daemon.poll() is None

    def program(self):
        return self.room.program("crond")

    def launch(self, words=(), fds=()):
        with open(self.room.errors, "ab") as errors:
            self.room.daemon = subprocess.Popen(
                [*words, self.program(), "-f"], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                pass_fds=fds, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        self.room.daemons.append(self.room.daemon)
        return self.room.daemon

    def settle(self):
        """It has done what it was told to: nobody moves any more, for a moment."""
        time.sleep(0.05)

    def read(self):
        """What the log has said since the last look: {run: [results]}, with the whole lines."""
        lines = self.room.syslog.lines
        for line in lines[self.seen:]:
            found = SAID.search(str(line))
            if found:
                self.results.setdefault(found.group(3), []).append((found.group(4), str(line)))
        self.seen = len(lines)

    def marks(self):
        """{run: [who ran it]} of all starts."""
        found = {}
        for line in lab.read(STARTS).splitlines():
            words = line.split()
            found.setdefault(words[0], []).append(words[1:])
        return found

    def ask(self, *words):
        return subprocess.run([self.room.program("cronctl"), *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=60 * lab.slowness())

    def revive(self):
        """The daemon may have ended of what was done to it, not in silence; another one follows."""
        if self.room.daemon.poll() is None:
            return []
        self.died += 1
        status = self.room.daemon.returncode
        words = lab.read(self.room.errors)
        log = [str(line) for line in self.room.syslog.lines if line.priority <= 3][-3:]
        wrong = []
        if status < 0 and not (self.killing and status == -signal.SIGKILL):
            wrong.append("the daemon died of signal %d: %s" % (-status, words[-2000:]))
        elif status >= 0 and not words.strip() and not log:
            wrong.append("the daemon ended with %d, silent" % status)
        self.start()
        return wrong

    def settled(self):
        """No run is under way, nobody keeps one."""
        return not self.room.keepers()


class Start:
    """Tries in which one job is run by hand. who: the user as whom it must run."""

    def __init__(self, daemon, job, wanted, ids):
        self.daemon, self.job, self.wanted, self.ids = daemon, job, wanted, ids
        self.room = daemon.room

    def counts(self):
        self.daemon.injector.count()
        wrong = list(self.judge(*self.ask()))
        lab.check(not wrong, "without a fault: %s" % wrong)
        return self.daemon.injector.counts()

    def ask(self):
        self.asked = time.monotonic()
        said = self.daemon.ask("run", self.job)
        found = re.search(r"\b%s-\d+-\d+\b" % re.escape(self.job), said.stdout + said.stderr)
        return said, found and found.group(0)

    def one(self, who, kind, n, what):
        self.daemon.injector.arm(who, kind, n, what)
        said, run = self.ask()
        wrong = list(self.judge(said, run))
        report = self.daemon.injector.report()
        return report, wrong + self.daemon.revive()

    def judge(self, said, run):
        if said.returncode == 0 and not run:
            yield "cronctl run names no run: %r" % said.stdout
        elif said.returncode != 0 and not said.stderr.strip():
            yield "cronctl run ended with %d without a word" % said.returncode
        if run:
            yield from self.run_judge(run)
        try:
            lab.wait_for(self.daemon.settled, PATIENCE * lab.slowness(), "keepers to end")
        except lab.Failure as failure:
            yield str(failure)

    def on_record(self, run):
        if self.room.daemon.poll() is not None:
            self.daemon.revive()
        self.daemon.read()
        if run not in self.daemon.results and time.monotonic() - self.asked > 2:
            # a line that the log did not take is counted; the record stands
            for result in stored().get(run, []):
                if result:
                    self.daemon.results[run] = [(result, "reason= in the history")]
        return self.daemon.results.get(run)

    def run_judge(self, run):
        try:
            lab.wait_for(lambda: self.on_record(run), PATIENCE * lab.slowness(), "its outcome")
        except lab.Failure as failure:
            yield "%s: %s" % (run, failure)
            return
        self.daemon.runs[run] = self.job
        results = {result for result, _ in self.daemon.results[run]}
        marks = self.daemon.marks().get(run, [])
        if len(results) != 1:
            yield "%s: results %s" % (run, results)
        if len(marks) > 1:
            yield "%s: started %d times" % (run, len(marks))
        if results == {self.wanted} and not marks:
            yield "%s: %s, and never started" % (run, self.wanted)
        if results != {self.wanted} and not re.search("reason=|cmd=|why=", self.daemon.results[run][0][1]):
            yield "no reason: %s" % self.daemon.results[run][0][1]
        yield from ("%s: ran as %s" % (run, mark) for mark in marks if mark != self.ids)


def leaks(daemon, before):
    """Faults about what is open or left after all tries."""
    pid, deadline = daemon.room.daemon.pid, time.monotonic() + 10 * lab.slowness()
    while descriptors(pid) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    after = descriptors(pid)
    if after != before:
        extra = list(after)
        for one in before:
            if one in extra:
                extra.remove(one)
        if extra:
            yield "left open: %s" % ", ".join(extra)
    while zombies() and time.monotonic() < deadline + 5:
        time.sleep(0.1)
    if zombies():
        yield "zombies: %s" % ", ".join(zombies()[:5])


def stored():
    """{run: [results]}. Where the state directory cannot be made (which is said) there is a history of that time
    beside the run-time files: an end in either counts."""
    found = {}
    for path in (invariants.DATABASE, "/run/crond/state/history/history.db"):
        with contextlib.suppress(sqlite3.OperationalError):
            with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=20)) as db:
                for run, result in db.execute("SELECT run_id, result FROM runs").fetchall():
                    have = found.setdefault(run, [])
                    if have == [None]:
                        have.clear()
                    if result not in have and (result or not have):
                        have.append(result)
    return found


def unstored(daemon, runs=None):
    """Runs (of all there were) that the history has otherwise than the log."""
    rows = stored()
    said = {run: {result for result, _ in daemon.results[run]} for run in runs or daemon.runs if run in daemon.results}
    return ["%s: in the history %s, in the log %s" % (run, rows.get(run), results)
            for run, results in said.items()
            if len(rows.get(run, [])) != 1 or not set(rows[run]) <= results]


def history(daemon, runs=None):
    """The same, once it has had the time to come in."""
    with contextlib.suppress(lab.Failure):
        lab.wait_for(lambda: not unstored(daemon, runs), 15 * lab.slowness(), "the history")
    return unstored(daemon, runs)


PLAIN = "#@ name=plain\n0 0 1 1 * echo hello; " + MARK + "\n"
PLAIN_BARE = 'MAILTO=""\n#@ name=plain\n0 0 1 1 * ' + MARK + "\n"
TASK = """task "task" {
 schedule = "0 0 1 1 *"
 user = "alice"
 command = "echo out; echo err >&2; %s"
 timeout = "30s"
 pre = "true"
 post = "true"
 env-file = "%s/env"
 artifacts = yes
 nice = 5
 limit-nofile = 100
}
""" % (MARK.replace('"', '\\"'), lab.ROOM)
FAILS = """task "fails" {
 schedule = "0 0 1 1 *"
 user = "alice"
 command = "%s; exit 3"
 alert = { "mail:ops@example.org" }
}
""" % MARK
JOBS = {"plain": ("alice:plain", "ok"), "task": ("task", "ok"), "fails": ("fails", "exit")}


def sweep(room, name, who, job):
    """who: the processes whose calls fail."""
    done = nth_inject.Sweep("%s, %s" % (name, job), os.environ.get("NTH_SHORT") == "yes")
    daemon = Daemon(room)
    lab.put(lab.ROOM + "/env", "A=b\n")
    room.table("alice", PLAIN)
    room.tasks("t", TASK + FAILS)
    daemon.start()
    start = Start(daemon, *JOBS[job], ALICE)
    start.counts()
    counts = start.counts()
    before = descriptors(room.daemon.pid)
    for one in who:
        done.run(one, done.kinds(counts, one), start.one)
    done.add([*leaks(daemon, before), *history(daemon)])
    print("%s: the daemon ended %d times and was started again" % (done.name, daemon.died))
    done.finish(10)
