"""nth_load: the scheduler's start and its reload where its Nth call fails, or it is killed there.

Flow: nth runs each scenario in a lab. Load: on a machine that has just booted a daemon is started
with tables of every kind. It goes on, or ends with a clear error; what it could not take in is
named in the log, and the next reload makes all whole; then a run by hand works, and nothing is
left behind a stop. Reload: under jobs that run all tables are changed; each is in force as it was, which is said, or
as it is now, and the next reload makes all whole; who ran has not noticed.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

import lab
import nth_daemon
import nth_inject

BOOTED = lab.OUT + "/booted"
DIRECTORIES = ("/run/crond", "/var/lib/crond", "/var/log/crond")
LATELY = 6       # seconds until what was backed off from is tried again


class Source:
    """A file that jobs come from. names: of which one a line of the log has if it is not in force; jobs(version):
    {name: schedule}."""

    def __init__(self, path, names, text, jobs, owner="root", mode=0o644):
        self.path, self.names, self.text, self.jobs = path, names, text, jobs
        self.owner, self.mode = owner, mode

    def put(self, version):
        """None: it is removed."""
        if version is None:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path)
        else:
            lab.put(self.path, self.text.replace("VERSION", str(version)), self.mode, self.owner, replace=True)

    def wanted(self, version):
        return {} if version is None else {name: "%d 0 1 1 *" % version for name in self.jobs}


def sources(etc):
    """All there are; the first one's @reboot line is the same in all versions."""
    long = "#@ name=%s max=1\nVERSION 0 1 1 * %sread x <" + lab.OUT + "/hold\n"
    user = "/var/spool/cron/crontabs/"
    return [
        Source("/etc/crontab", ("/etc/crontab", "*system*", "(/etc:", "(/etc)"),
               "#@ name=booted\n@reboot root echo $CRON_RUN_ID >>%s\n#@ name=sys\nVERSION 0 1 1 * root true\n" %
               BOOTED, ["sys"]),
        Source("/etc/cron.d/one", ("/etc/cron.d", "*system*"), long % ("one", "alice " + nth_daemon.MARK + "; "), ["one"]),
        Source("/etc/cron.d/two", ("/etc/cron.d", "*system*"), "#@ name=two\nVERSION 0 1 1 * root true\n", ["two"]),
        Source(user + "alice", ("crontabs", "(alice)"), nth_daemon.PLAIN.replace("0 0", "VERSION 0", 1),
               ["alice:plain"], "alice", 0o600),
        Source(user + "bob", ("crontabs", "(bob)"), "#@ name=other\nVERSION 0 1 1 * true\n", ["bob:other"],
               "bob", 0o600),
        Source(etc + "/crond.tasks/t.conf", ("crond.tasks",), "".join(
            'task "%s" {\n schedule = "VERSION 0 1 1 *"\n command = "%s"\n user = "alice"\n}\n' % one
            for one in (("first", nth_daemon.MARK), ("second", "true"))), ["first", "second"]),
    ]


class Machine(nth_daemon.Daemon):
    """A daemon that may end at its start, and tables in versions."""

    def __init__(self, room, memory=False):
        super().__init__(room, memory=memory)
        self.sources, self.from_line, self.from_error = sources(room.etc), 0, 0
        lab.put(BOOTED, "", 0o666)
        self.left, self.struck = None, None

    def put(self, version):
        for source in self.sources:
            source.put(version)

    def boot(self, first):
        """As on a machine that has just booted; what was wrong."""
        for path in DIRECTORIES:
            shutil.rmtree(path, ignore_errors=True)
        for name in os.listdir("/run"):
            if name.startswith("crond"):
                os.remove("/run/" + name)
        for path in (BOOTED, nth_daemon.STARTS):
            lab.put(path, "", 0o666)
        self.read()
        self.results.clear()  # a run of the same second has the same name
        return self.begin(first)

    def said(self):
        return [str(line) for line in self.room.syslog.lines[self.from_line:]]

    def begin(self, first):
        """Starts it; where it ends, with a clear error, another one follows, with nothing that fails."""
        self.reported = None
        self.from_line, self.from_error = len(self.room.syslog.lines), len(lab.read(self.room.errors))
        try:
            if self.go(first) and self.answers():
                return []
            wrong = self.last_words()
        except lab.Failure as failure:
            wrong = [str(failure)]
            self.room.daemon.kill()
            self.room.daemon.wait()
        self.died += 1
        self.reported = self.injector.report() if isinstance(first, tuple) else None
        lab.check(self.go(None) and self.answers(), "does not start: %s" % lab.read(self.room.errors)[-500:])
        return wrong

    def report(self):
        return self.reported or self.injector.report()

    def answers(self):
        """It is through with its start. False: it has ended."""
        self.room.wait_for(lambda: self.room.daemon.poll() is not None or self.deaf() or self.listed() is not None,
                           15 * lab.slowness(), "the daemon to answer")
        return self.room.daemon.poll() is None

    def deaf(self):
        return any("control.sock: " in line for line in self.said())

    def last_words(self):
        status, words = self.room.daemon.wait(), lab.read(self.room.errors)[self.from_error:].strip()
        clear = words or any(line.priority <= 3 for line in self.room.syslog.lines[self.from_line:])
        if status == -signal.SIGKILL and self.killing:
            return []
        if self.memory and status in (-signal.SIGABRT, -signal.SIGSEGV) and library(self.injector.example()):
            return []
        if status == -signal.SIGSEGV and not self.memory and self.struck == ("mmap", 1):
            return []  # the C library's loader does not look at what its first one says
        if status < 0:
            return ["the daemon died of signal %d: %s" % (-status, words[-300:])]
        if status == 0:
            return ["the daemon ended with 0"]
        return [] if clear else ["the daemon ended with %d, silent" % status]

    def revived(self, report):
        """What was to fail has hit it behind its start: another one follows."""
        if self.killing and report[1] and not self.reported:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.room.daemon.wait(10 * lab.slowness())
        if self.room.daemon.poll() is None:
            return []
        self.died += 1
        return self.last_words() + self.begin(None)

    def stop(self):
        """A stop leaves nothing behind that the first one did not."""
        if self.room.end(signal.SIGTERM) != 0:
            return ["SIGTERM: ended with %s" % self.room.daemon.returncode]
        left = sorted(os.path.join(where, name) for where, below, files in os.walk("/run/crond")
                      for name in below + files
                      if not re.match("/run/crond/(backlog/|notify/|state)", os.path.join(where, name)))
        # a run stands there until its second is over
        left = [one for one in left if not any(
            "-%d-" % second in one for second in range(int(time.time()) - 2, int(time.time()) + 1))]
        if self.left is None:
            self.left = left
        return [] if set(left) <= set(self.left) else ["left behind: %s" % sorted(set(left) - set(self.left))]

    # looking

    def listed(self):
        """{job: schedule}; None: nobody answers."""
        said = self.ask("list", "--json")
        if said.returncode != 0:
            return None
        return {one["job"]: one["schedule"] for one in map(json.loads, said.stdout.splitlines())}

    def whole(self, version):
        wanted = {"booted": "@reboot"}
        for source in self.sources:
            wanted.update(source.wanted(version))
        return wanted

    def reload(self):
        """Nothing fails any more: behind it all is in force."""
        return self.ask("reload")

    def unsaid(self, listed, allowed):
        """Files that are not in force and that no line names. allowed: versions that need no line."""
        said = [line for line in self.said() if "DEBUG" not in line]
        for source in self.sources:
            have = {name: listed[name] for name in source.jobs if name in listed}
            if have in [source.wanted(version) for version in allowed]:
                continue
            if not any(name in line for name in source.names for line in said if trouble(line)):
                yield "%s is not in force, and no line says so: %s" % (source.path, have)

    def hand(self):
        """A run by hand works."""
        start = nth_daemon.Start(self, "alice:plain", "ok", nth_daemon.ALICE)
        yield from start.judge(*start.ask())


def library(example):
    """Did a library ask for that memory on its own account? libconfuse and the C library's name service end a
    process that has none."""
    return not any(frame.startswith("crond+") for frame in example.split()[:2])


def trouble(line):
    return re.search(r"ERROR|WARNING|INSECURE|FAILED|ORPHAN|can't|cannot|Error|No space|memory|Input/output|last good|Too many", line)


class Load:
    """Tries in which the daemon is started."""

    leave = ("access",)  # which says what is built or installed: of what is not, nothing is expected

    def __init__(self, machine):
        self.machine = machine
        machine.put(1)

    def counts(self):
        wrong = self.machine.boot("count")
        counts = self.machine.injector.counts()
        wrong += self.judge()
        lab.check(not wrong, "without a fault: %s" % wrong)
        return counts

    def one(self, who, kind, n, what):
        self.machine.killing = what == "kill"
        self.machine.struck = kind, n
        wrong = self.machine.boot((who, kind, n, what))
        self.machine.settle()
        report = self.machine.report()
        wrong += self.machine.revived(report)
        return report, wrong + self.judge()

    def judge(self):
        wrong, listed = [], self.machine.listed()
        if listed is None:
            wrong += self.machine.stop() + self.machine.begin(None)
            listed = self.machine.listed() or {}
        wrong += self.machine.unsaid(listed, [1])
        said = self.machine.reload()
        try:
            lab.wait_for(lambda: self.machine.listed() == self.machine.whole(1), LATELY * lab.slowness(), "all")
        except lab.Failure:
            wrong.append("a reload does not make it whole: %s; it said %s%s" % (
                self.machine.listed(), said.stdout, said.stderr))
        wrong += [*self.machine.hand(), *self.booted("booted" in listed), *self.stored()]
        return wrong + self.machine.stop()

    def booted(self, listed):
        """The job of the boot ran once, or the log has why not."""
        with contextlib.suppress(lab.Failure):
            lab.wait_for(lambda: lab.read(BOOTED), (1 if self.named() or not listed else LATELY) * lab.slowness(),
                         "@reboot")
        runs = lab.read(BOOTED).splitlines()
        if len(runs) > 1:
            yield "@reboot ran %d times" % len(runs)
        if not runs and listed and not self.named():
            yield "@reboot never ran, and no line says so"

    def named(self):
        return any(re.search(r"(FAIL|SKIPPED|MISSED|NOT STARTED).*\bjob=booted|@reboot", line) and "Running @" not in line
                   for line in self.machine.said())

    def stored(self):
        """The history has the run by hand in the end: its writer was started, at the latest again. Where the state
        directory cannot be made (said) it stands in the run-time directory."""
        if os.path.exists("/run/crond/state"):
            return
        try:
            lab.wait_for(lambda: not nth_daemon.unstored(self.machine), LATELY * lab.slowness(), "the history")
        except lab.Failure:
            yield "history: %s" % nth_daemon.unstored(self.machine)[0]
        self.machine.runs.clear()


    def finish(self):
        """Each try has ended with a stop."""
        return []


class Reload:
    """Tries in which all tables change, while a job runs."""

    leave = ("access",)

    def __init__(self, machine):
        self.machine, self.held = machine, []
        machine.put(1)
        os.mkfifo(lab.OUT + "/hold")
        os.chmod(lab.OUT + "/hold", 0o666)
        lab.check(not machine.boot(None), "does not start")
        self.hold()

    def hold(self):
        said = self.machine.ask("run", "one")
        self.run = said.stdout.strip()
        lab.wait_for(lambda: self.run in self.machine.marks(), 10 * lab.slowness(), "a job that runs on: %s" % said)

    def change(self, version):
        for number, source in enumerate(self.machine.sources):
            source.put(None if number == 2 and version == 1 else version)

    def counts(self):
        self.back()
        self.machine.injector.count()
        wrong = [*self.to(2)]
        lab.check(not wrong, "without a fault: %s" % wrong)
        return self.machine.injector.counts()

    def back(self):
        """The first version is in force."""
        self.change(1)
        said = self.machine.reload()
        wanted = {**self.machine.whole(1)}
        del wanted["two"]
        lab.wait_for(lambda: self.machine.listed() == wanted, LATELY * lab.slowness(), "the first version: %s" % said)

    def to(self, version):
        self.change(version)
        yield from ()
        said = self.machine.reload()
        if said.returncode and not (said.stderr.strip() or "refused" in said.stdout):
            yield "reload ended with %d: %s%s" % (said.returncode, said.stdout, said.stderr)

    def one(self, who, kind, n, what):
        self.machine.killing = what == "kill"
        self.back()
        self.machine.from_line = len(self.machine.room.syslog.lines)
        self.machine.injector.arm(who, kind, n, what)
        wrong = list(self.to(2))
        self.machine.settle()
        report = self.machine.injector.report()
        wrong += self.machine.revived(report)
        return report, wrong + list(self.judge())

    def judge(self):
        listed = self.machine.listed()
        if listed is None:
            yield "nobody answers"
            return
        yield from self.machine.unsaid(listed, [2])
        for source in self.machine.sources:
            have = {name: listed[name] for name in source.jobs if name in listed}
            if have not in [source.wanted(version) for version in (1, 2, None if source.path[-3:] == "two" else 1)]:
                yield "%s: neither as it was nor as it is: %s" % (source.path, have)
        said = self.machine.reload()
        try:
            lab.wait_for(lambda: self.machine.listed() == self.machine.whole(2), LATELY * lab.slowness(), "all")
        except lab.Failure:
            yield "a reload does not make it whole: %s; it said %s%s" % (
                self.machine.listed(), said.stdout, said.stderr)
        shown = self.machine.ask("list", "--json", "one").stdout
        if '"running":1' not in shown:
            yield "the job that ran does so no more: %s" % shown

    def finish(self):
        """Who ran through all of it has one outcome, and started once."""
        with open(lab.OUT + "/hold", "w", encoding="ascii") as out:
            out.write("x\n")
        start = nth_daemon.Start(self.machine, "one", "ok", nth_daemon.ALICE)
        start.asked = time.monotonic()
        yield from start.judge(subprocess.CompletedProcess([], 0), self.run)


def sweep(room, name, what, memory=False, part=(0, 1)):
    """part: (which, of how many) of the kinds."""
    done = nth_inject.Sweep(name, os.environ.get("NTH_SHORT") == "yes")
    machine = Machine(room, memory)
    scenario = what(machine)
    scenario.counts()
    counts = scenario.counts()
    before = nth_daemon.descriptors(room.daemon.pid) if what is Reload else None
    kinds = done.kinds(counts, "crond", what.leave)[part[0]::part[1]]
    done.run("crond", kinds, scenario.one)
    if not memory and not done.short:
        done.kill("crond", kinds, scenario.one)
    if before and not machine.died:
        done.add(nth_daemon.leaks(machine, before))
    done.add(scenario.finish())
    print("%s: the daemon ended %d times and was started again" % (done.name, machine.died))
    done.finish(10)
