"""nth_told: alerts and the history where the Nth call of crond-notify, of its mailer's process, of
crond-history or of the scheduler fails.

Flow: nth runs each scenario in a lab. A try has a run by hand, of which two receivers are to be told. In the
end both are, under one id, or the log names the alert that is lost; the run is in the history once. Helpers may
end of what fails: that is said, and another one does the rest. Where something waits for as long as a try
need not last (a minute, a backoff), which is said, a new scheduler is started instead.
"""
import contextlib
import glob
import os
import re
import shutil
import signal
import sqlite3
import time

import lab
import nth_daemon
import nth_inject

BIN = lab.ROOM + "/programs-told"
SPOOL = "/var/lib/crond/alerts"
OUTBOX = "/run/crond/outbox"
SOON = 3          # seconds: a helper that ends is started again behind one, a try follows behind less
MAILS = 8         # tries with one crond-notify: of thirty mails to one address in ten minutes so many go at once
UNIT_MS = 10      # what crond-notify takes for a second between tries
TOLD = """task "told" {
 schedule = "0 0 1 1 *"
 user = "alice"
 command = "%s"
 alert = { "mail:ops@example.org", "webhook:w" }
 alert-on = { "success" }
}
""" % nth_daemon.MARK
LOST = re.compile(r"given up|cannot be kept|put aside|is refused: it|nobody is told")
WAITS = re.compile(r"is refused: .*waits with")


def files(path, ends=""):
    try:
        return sorted(name for name in os.listdir(path) if name.endswith(ends))
    except FileNotFoundError:
        return []


class Teller(nth_daemon.Daemon):
    """A scheduler whose crond-notify has short seconds."""

    def __init__(self, room, memory=False):
        self.receiver = room.receiver()
        super().__init__(room, 'webhook "w" {\n url = "%s"\n timeout = "3s"\n}\n' % self.receiver.url, memory)
        os.makedirs(BIN, exist_ok=True)
        for name in ("crond", "crond-launcher", "crond-launcher-pam", "crond-history", "crond-lookup"):
            with contextlib.suppress(lab.Failure):
                shutil.copy(room.program(name), BIN)
        lab.put(BIN + "/crond-notify", "#!/bin/sh\nexec %s --retry-unit=%d \"$@\"\n" % (
            room.program("crond-notify"), UNIT_MS), 0o755)
        room.tasks("told", TOLD)
        room.table("alice", nth_daemon.PLAIN)

    def program(self):
        return BIN + "/crond"

    def helper(self, name):
        return [p.pid for p in lab.processes() if p.exe == name and p.ppid == self.room.daemon.pid]

    def again(self, first=None):
        """A new scheduler, with helpers that have no backoff; what was wrong."""
        wrong = []
        if self.room.daemon.poll() is None:
            self.room.daemon.terminate()
            with contextlib.suppress(lab.Failure):
                self.room.wait_for(lambda: self.room.daemon.poll() is not None, 15 * lab.slowness(), "its end")
            if self.room.daemon.poll() is None:
                wrong.append("the daemon does not end of SIGTERM")
                self.room.daemon.kill()
        self.room.daemon.wait()
        self.start(first)
        return wrong


class Told:
    """Tries in which a run is told of. start: the helper is started in each of them, and finds
    an alert in its spool and another one with the scheduler."""

    def __init__(self, teller, start=False):
        self.teller, self.room, self.start = teller, teller.room, start
        self.lost, self.waited, self.tries, self.from_line, self.runs = 0, 0, 0, 0, []

    # what is there

    def mailed(self, run):
        for name in files(lab.MAIL, ".mail"):
            if run in lab.read(lab.MAIL + "/" + name):
                return True
        return False

    def posts(self, run):
        return [post for post in list(self.teller.receiver.posts) if run.encode() in post.body]

    def told(self, run):
        return self.mailed(run) and bool(self.posts(run))

    def said(self):
        return [str(line) for line in self.room.syslog.lines[self.from_line:]]

    def given_up(self, run):
        return [line for line in self.said() if run in line and LOST.search(line)]

    def over(self):
        return all(self.told(run) or self.given_up(run) for run in self.runs)

    def lying(self):
        """Alerts that wait somewhere, or seem to. A state alone goes when crond-notify is started next."""
        return [name for name in files(OUTBOX) + files(SPOOL, ".event")
                if any(name.startswith(run) for run in self.runs)]

    # a try

    def begin(self, first):
        for name in files(lab.MAIL):
            with contextlib.suppress(FileNotFoundError):
                os.remove(lab.MAIL + "/" + name)
        del self.teller.receiver.posts[:], self.teller.receiver.tried[:]
        self.tries += 1
        if self.tries % MAILS == 0 and not self.start:
            self.teller.again()
        self.from_line, self.runs = len(self.room.syslog.lines), []
        if self.start:
            self.prepare()
            self.teller.start(first)
        elif first == "count":
            self.teller.injector.count()
        else:
            self.teller.injector.arm(*first)

    def prepare(self):
        """One alert in the spool, which its receivers do not take; one in the outbox; and nobody is there."""
        self.teller.receiver.mode = "fail"
        self.room.fake_sendmail("exit 75")
        self.hand()
        self.room.wait_for(lambda: self.teller.receiver.tried and files(SPOOL, ".event"), 15 * lab.slowness(), "a try")
        notify = self.teller.helper("crond-notify")
        for pid in notify:
            os.kill(pid, signal.SIGSTOP)
        self.hand()
        self.room.wait_for(lambda: files(OUTBOX), 15 * lab.slowness(), "the outbox")
        for pid in [self.room.daemon.pid, *notify]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.room.daemon.wait()
        self.room.wait_for(lambda: not [p for p in lab.processes() if p.exe == "crond-notify"], 15 * lab.slowness(), "")
        for name in files(lab.MAIL):
            os.remove(lab.MAIL + "/" + name)
        self.room.fake_sendmail()
        self.teller.receiver.mode = "ok"

    def hand(self):
        """A run by hand; what was wrong with it."""
        start = nth_daemon.Start(self.teller, "told", "ok", nth_daemon.ALICE)
        said, run = start.ask()
        wrong = list(start.judge(said, run))
        result = run and self.teller.results.get(run)
        if result and result[0][0] == "ok":
            self.runs.append(run)
        return wrong

    def quick(self):
        with contextlib.suppress(lab.Failure):
            lab.wait_for(lambda: self.over() or self.room.daemon.poll() is not None or
                         any(WAITS.search(line) for line in self.said()), SOON * lab.slowness(), "")
            lab.wait_for(lambda: not self.lying() or not self.over(), lab.slowness(), "")

    def one(self, who, kind, n, what):
        self.teller.killing = what == "kill"
        self.begin((who, kind, n, what))
        wrong = [] if self.start else self.hand()
        self.quick()
        report = self.teller.injector.report()
        return report, wrong + self.teller.revive() + self.judge()

    def counts(self):
        self.begin("count")
        wrong = [] if self.start else self.hand()
        self.quick()
        counts = self.teller.injector.counts()
        lab.check(self.over() and not wrong, "without a fault: %s%s" % (wrong, self.said()))
        return counts

    def judge(self):
        wrong = []
        if not self.over():
            self.waited += 1
            # what there was no memory for is looked at each minute, and no line is made of it either
            if not self.teller.memory and not any(
                    line.priority <= 4 for line in self.room.syslog.lines[self.from_line:]):
                wrong.append("not told, and no line says so: %s, lies in %s, said %s" % (
                    [(len(self.posts(run)), self.mailed(run)) for run in self.runs], self.lying(), self.said()[-3:]))
            wrong += self.teller.again()
            with contextlib.suppress(lab.Failure):
                lab.wait_for(self.over, 15 * lab.slowness(), "")
        elif self.lying() or any("is started again" in line for line in self.said()):
            wrong += self.teller.again()
        with contextlib.suppress(lab.Failure):
            lab.wait_for(lambda: not self.lying(), 15 * lab.slowness(), "")
        for run in self.runs:
            gone = self.given_up(run)
            self.lost += bool(gone)
            if not gone and not self.told(run):
                wrong.append("%s: %d posts, mailed: %s; lies in %s" % (
                    run, len(self.posts(run)), self.mailed(run), self.lying()))
            ids = {post.headers.get("X-Cronward-Id") for post in self.posts(run)}
            if len(ids) > 1:
                wrong.append("%s: told under several ids: %s" % (run, ids))
        if self.lying() and not wrong:
            wrong.append("told, and lies in %s" % self.lying())
        return wrong


def told(room, name, who, start=False, memory=False):
    done = nth_inject.Sweep(name, os.environ.get("NTH_SHORT") == "yes")
    teller = Teller(room, memory)
    teller.start()
    scenario = Told(teller, start)
    scenario.counts()
    counts = scenario.counts()
    for one in who:
        kinds = done.kinds(counts, one)
        done.run(one, kinds, scenario.one)
        if not memory and not done.short:
            done.kill(one, kinds, scenario.one)
    done.add(nth_daemon.history(teller))
    print("%s: %d tries waited for longer, %d alerts were lost by name, the daemon ended %d times" % (
        name, scenario.waited, scenario.lost, teller.died))
    done.finish(10)


# --- the history


def rows(run):
    """[results of that run] for each database there is, those put aside too."""
    found = []
    for path in glob.glob("/var/lib/crond/history/*"):
        if path.endswith(("-wal", "-shm", "-journal")):
            continue
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=20)) as db:
                found.append([result for result, in db.execute("SELECT result FROM runs WHERE run_id = ?", (run,))])
    return [one for one in found if one]


class Kept(nth_daemon.Start):
    """Tries in which one run is to come into the history."""

    def __init__(self, daemon):
        super().__init__(daemon, *nth_daemon.JOBS["plain"], nth_daemon.ALICE)
        self.waited = 0

    def kept(self, run):
        return [["ok"]] == rows(run)

    def ask(self):
        self.from_line = len(self.room.syslog.lines)
        said, run = super().ask()
        return said, run

    def judge(self, said, run):
        yield from super().judge(said, run)
        if run:
            with contextlib.suppress(lab.Failure):
                lab.wait_for(lambda: self.kept(run) or self.room.daemon.poll() is not None, SOON * lab.slowness(), "")

    def one(self, who, kind, n, what):
        self.daemon.killing = what == "kill"
        self.daemon.injector.arm(who, kind, n, what)
        said, run = self.ask()
        wrong = list(self.judge(said, run))
        report = self.daemon.injector.report()
        return report, wrong + self.daemon.revive() + list(self.record(run))

    def record(self, run):
        lines = list(self.room.syslog.lines[self.from_line:])
        if not run:
            return
        if not self.kept(run):
            self.waited += 1
            if not any(line.priority <= 4 for line in lines):
                yield "%s: not in the history, and no line says so: %s" % (run, rows(run))
        if not self.kept(run) or any("is started again" in str(line) for line in lines):
            yield from self.daemon.again()
        with contextlib.suppress(lab.Failure):
            lab.wait_for(lambda: self.kept(run), 15 * lab.slowness(), "")
        if not self.kept(run):
            yield "%s: in the history %s; said %s" % (run, rows(run), [
                str(line) for line in self.room.syslog.lines[self.from_line:] if "DEBUG woken" not in str(line)][-9:])


def kept(room, name, memory=False):
    done = nth_inject.Sweep(name, os.environ.get("NTH_SHORT") == "yes")
    daemon = Teller(room, memory)
    daemon.start()
    scenario = Kept(daemon)
    scenario.counts()
    counts = scenario.counts()
    kinds = done.kinds(counts, "crond-history")
    done.run("crond-history", kinds, scenario.one)
    if not memory and not done.short:
        done.kill("crond-history", kinds, scenario.one)
    done.add(nth_daemon.history(daemon))
    print("%s: %d tries waited for longer, the daemon ended %d times" % (name, scenario.waited, daemon.died))
    done.finish(10)
