"""What must hold after every row of the fault table, whatever the fault was:

    I1  every due instant ends in exactly one recorded state, never in silence
    I2  at most one start for a job and an instant
    I3  the daemon lives, and what is due next starts in time
    I4  others' jobs are not affected
    I5  what was not as it should be is one line of the log that names the job, not a flood
    I6  what was to be told arrives at least once, with an id
    I7  a failure of history, log, mail or web keeps no job from starting

Of ours the record is the log and the history; of a peer a start that did not happen is on record
where the log says something of it. I4 and I7 are one rule here: outside of what a row's windows
(room.fault(hits=...)) allow, every job starts at every instant, in time.
"""
import collections
import contextlib
import re
import sqlite3
import time

import lab
from faults import LATE, Fault, ended

DATABASE = "/var/lib/crond/history/history.db"
SAID = re.compile(r": (END|FAIL|RECOVERED|SKIPPED|FAILED) job=(\S+) run=(\S+) result=(\S+)")
TROUBLE = re.compile(r"can.?t|cannot|could not|error|fail|fork|miss|skip|refus|unable|warn|denied|too ",
                     re.I)
RUNS = re.compile(r"\bCMD \(|USER \S+ pid +\d+ cmd")   # what a log says of a start
FLOOD = 200         # lines of trouble beside those about runs that went wrong


class Record:
    """What our daemon has on record: results of each run id, and lines of the log about it."""

    def __init__(self, room):
        self.results, self.lines = collections.defaultdict(set), collections.Counter()
        for line in list(room.syslog.lines):
            found = SAID.search(str(line))
            if found and found.group(1) != "FAILED":
                self.results[found.group(3)].add(found.group(4))
                self.lines[found.group(3)] += found.group(1) != "END"
        self.stored = {}
        if not room.no_history:
            self.read()
        for run, result in self.stored.items():
            if result:
                self.results[run].add(result)
        self.at = collections.defaultdict(set)       # (identity, second): runs
        for run in self.results:
            job, second, _ = run.rsplit("-", 2)
            self.at[job, int(second)].add(run)

    def read(self):
        with contextlib.suppress(sqlite3.OperationalError, sqlite3.DatabaseError):
            with sqlite3.connect("file:%s?mode=ro" % DATABASE, uri=True, timeout=5) as db:
                self.stored = dict(db.execute("SELECT run_id, result FROM runs"))


class Checker:
    def __init__(self, room, until):
        self.room, self.until, self.found = room, until, []
        self.late = LATE * lab.slowness()
        self.starts = collections.defaultdict(list)  # (job, instant): marks
        for mark in room.marks():
            self.starts[mark.name, mark.instant(room.unit)].append(mark)
        self.record = Record(room) if room.ours else None

    def add(self, invariant, text):
        self.found.append((invariant, text))

    def due(self, job):
        """Instants at which it was due, up to the last that counts."""
        if job.since is None:
            return []
        if job.at is not None:
            return [job.at] if job.since <= job.at <= self.until else []
        step = self.room.unit * job.every
        first = int(-(-job.since // step) * step)
        return [i for i in range(first, int(self.until) + 1, step)
                if not any(began - 1 <= i <= ended for began, ended in job.off)]

    def excused(self, job, instant):
        return any(w.hit(job, instant, self.room.unit) for w in self.room.windows)

    def check(self):
        self.alive()
        if not self.room.ours:
            self.peers()
        else:
            for job in self.room.jobs:
                self.ours(job)
            self.flood()
            self.told()
        return self.found

    def alive(self):
        daemon = self.room.daemon
        if daemon and self.room.down_since is None and daemon.poll() is not None:
            self.add("I3", "daemon died (%s)" % ended(daemon.returncode))

    # ours

    def ours(self, job):
        silent, lost, open_, torn, late = [], [], [], [], []
        for instant in self.due(job):
            runs = self.record.at.get((job.identity(), instant), ())
            marks = self.starts.get((job.name, instant), ())
            results = {run: self.record.results[run] for run in runs}
            if marks and marks[0].at - instant > self.late and not self.excused(job, instant):
                late.append(instant)
            if not marks and not self.excused(job, instant):
                lost.append("%d %s" % (instant, results or "silent"))
            elif not runs:
                (open_ if marks else silent).append(instant)
            torn += [run for run, said in results.items() if len(said) > 1]
        self.add_some("I1", job, "nowhere on record", silent)
        self.add_some("I1", job, "started, without outcome", open_)
        self.add_some("I1", job, "with several outcomes", torn)
        self.add_some("I3" if job is self.room.pulse else "I4", job, "not started", lost)
        self.add_some("I3", job, "started late", late)
        self.add_some("I2", job, "started twice", self.twice(job))
        self.add_some("I5", job, "not in the log", self.unsaid(job))

    def add_some(self, invariant, job, what, which):
        if which:
            self.add(invariant, "%s: %d %s (%s)" % (job.name, len(which), what,
                                                    ", ".join(map(str, which[:6]))))

    def twice(self, job):
        """Instants, or runs of one, that began more than once."""
        found = []
        for (name, instant), marks in self.starts.items():
            runs = {mark.run for mark in marks}
            if name == job.name and (len(marks) > len(runs) or len(marks) > 1 and not job.may_repeat):
                found.append(instant)
        return found

    def unsaid(self, job):
        """Runs that went wrong and are not in the log once; of several missed at once one is."""
        wrong = {run: said for run, said in self.record.results.items()
                 if run.rsplit("-", 2)[0] == job.identity() and not said & {"ok"}}
        several = any("missed" in said or "skipped" in said for said in wrong.values())
        named = any(self.record.lines[run] for run in wrong)
        return [run for run, said in wrong.items()
                if self.record.lines[run] > 2 or
                not self.record.lines[run] and not (several and named and said & {"missed", "skipped"})
                and "killed" not in said]

    def flood(self):
        wrong = sum(not said & {"ok"} for said in self.record.results.values())
        lines = sum(line.priority <= 4 and line.facility == lab.CRON for line in self.room.syslog.lines)
        if lines > FLOOD + 3 * wrong:
            self.add("I5", "%d lines of trouble about %d runs" % (lines, wrong))

    def told(self):
        """Failures of jobs that alert have arrived, each with an id of its own."""
        posts = []
        for receiver in self.room.receivers:
            for post in receiver.posts:
                posts += members(post.json())
        known = {}
        for one in posts:
            if known.setdefault(one["id"], (one["run_id"], one["event"])) != (one["run_id"], one["event"]):
                self.add("I6", "one id for two events: %s" % one["id"])
        arrived = {run for run, _ in known.values()}
        for job in self.room.jobs:
            if job.alerts and self.room.receivers:
                self.add_some("I6", job, "failed and nobody was told",
                              [run for run, said in self.record.results.items()
                               if run.rsplit("-", 2)[0] == job.identity() and run not in arrived
                               and said - {"ok", "skipped", "killed"}])

    # peers

    def peers(self):
        """Of jobs that a fault was not meant for as "others'"."""
        for who in ("", "others' "):
            jobs = [job for job in self.room.jobs if self.who(job) == who]
            lost = [(job, i) for job in jobs for i in self.lost(job)]
            if lost:
                words = {self.logged(job, [i]) for job, i in lost}
                self.add("I1", "%slost %d of %d, %s" % (who, len(lost), sum(
                    len(self.due(job)) for job in jobs), words.pop() if len(words) == 1 else
                    "silent in part" if "silent" in words else "logged in part"))
            twice = sum(len(self.twice(job)) for job in jobs) if not self.room.counts_only else 0
            if twice:
                self.add("I2", "%s%d twice" % (who, twice))
            late = sum(marks[0].at - i > self.late for job in jobs for i in self.due(job)
                       for marks in [self.starts.get((job.name, i))]
                       if marks and not self.excused(job, i))
            if late:
                self.add("I3", "%s%d late" % (who, late))

    def who(self, job):
        meant = job is not self.room.pulse or any(w.hits is None for w in self.room.windows)
        return "" if meant else "others' "

    def lost(self, job):
        lost = [i for i in self.due(job) if not self.starts.get((job.name, i))]
        if not self.room.counts_only:
            return lost
        started = sum(len(marks) for (name, _), marks in self.starts.items() if name == job.name)
        return lost[:max(0, len(self.due(job)) - started)]

    def logged(self, job, lost):
        """What the log has of starts that did not happen."""
        near = [line for line in list(self.room.syslog.lines)
                if any(i - 1 <= line.at < i + self.room.unit for i in lost)]
        mine = [line for line in near if job.name in line.text or job.user in line.text]
        if any(TROUBLE.search(line.text.split(MARKED)[0]) for line in mine if not RUNS.search(line.text)):
            return "logged"
        if any(RUNS.search(line.text) and " %s " % job.name in line.text for line in mine):
            return "logged as run"
        if any(TROUBLE.search(line.text) for line in near if not RUNS.search(line.text)):
            return "log names no job"
        return "silent"


MARKED = "read u i </proc"      # begins what is in every command here


def members(body):
    """The events of a message: its own, or those that a digest stands for."""
    return [one for part in body.get("events") or [] for one in members(part)] or [body]


def after(room):
    """Lets the next instants come, and holds everything against the invariants: what was found."""
    if room.daemon is None:
        return []
    if room.down_since is not None:
        room.start()
    if room.ours:
        ours_settled(room)
        return settled_findings(room)
    room.sleep_until(room.next_due(0) + 3)
    return Checker(room, time.time() - 3).check()


def ours_settled(room):
    """The pulse goes on: two instants from now have been started."""
    began = int(time.time())
    with contextlib.suppress(lab.Failure):
        lab.wait_for(lambda: sum(m.instant(1) > began for m in room.marks("start", "pulse")) >= 2,
                     15, "the pulse")


def settled_findings(room):
    """Outcomes take a moment to come in: the last word counts."""
    until = time.time() - 1
    end = time.monotonic() + 15 * lab.slowness()
    while True:
        found = Checker(room, until).check()
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.25)


def verdict(found):
    """What was found, in few words: once each."""
    return "; ".join(dict.fromkeys(text for _, text in found))


def hold(room):
    """Raises what does not hold."""
    found = after(room)
    if found:
        if room.ours:
            raise Fault("; ".join("%s %s" % one for one in found))
        raise Fault(verdict(found))
