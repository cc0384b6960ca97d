"""nth_adopt: a scheduler that comes after one that was killed, where its Nth call fails, or it is killed there.

Flow: nth runs each scenario in a lab. In each try three jobs are started, the scheduler is killed, one of
them ends; then another scheduler is started. It goes on, or ends with a clear error and is started again;
then the others end. Each run was started once, has one outcome, and its directory goes.
"""
import os
import re
import subprocess
import time

import lab
import nth_daemon
import nth_inject
import nth_load

JOBS = ("alice:early", "alice:late", "held")
WAITS = "until [ -e " + lab.OUT + "/%s ]; do sleep 0.02; done"


class Adopt:
    """Tries in which the scheduler is killed, and the next one adopts."""

    leave = ("access",)

    def __init__(self, machine):
        self.machine = machine
        machine.put(1)
        tables = "".join('#@ name=%s%s\n0 0 1 1 * %s; %s\n' % (name, options, nth_daemon.MARK, WAITS % name)
                         for name, options in (("early", ""), ("late", " max=3")))
        machine.room.table("alice", 'MAILTO=""\n' + tables)
        machine.room.tasks("held", 'task "held" {\n schedule = "0 0 1 1 *"\n user = "alice"\n timeout = "10m"\n'
                           ' command = "%s; %s; exit 3"\n}\n' % (nth_daemon.MARK, WAITS % "held"))
        lab.check(not machine.boot(None), "does not start")

    def begin(self):
        """Three runs, all of them started: their ids by job."""
        for job in JOBS:
            path = lab.OUT + "/" + job.split(":")[-1]
            if os.path.exists(path):
                os.remove(path)
        runs = {}
        for job in JOBS:
            said = self.machine.ask("run", job)
            lab.check(said.returncode == 0, "run %s: %s" % (job, said))
            runs[job] = said.stdout.strip()
        lab.wait_for(lambda: set(runs.values()) <= set(self.machine.marks()), 20 * lab.slowness(), "three starts")
        return runs

    def release(self, job):
        lab.put(lab.OUT + "/" + job.split(":")[-1], "")

    def over(self, first):
        """The change-over; what was wrong."""
        self.machine.room.daemon.kill()
        self.machine.room.daemon.wait()
        keepers = len(self.machine.room.keepers())
        self.release("early")
        self.machine.room.wait_for(lambda: len(self.machine.room.keepers()) < keepers, 20 * lab.slowness(),
                                   "a run to end that nobody takes in")
        return self.machine.begin(first)

    def counts(self):
        runs = self.begin()
        wrong = self.over("count")
        self.machine.settle()
        counts = self.machine.injector.counts()
        wrong += self.judge(runs)
        lab.check(not wrong, "without a fault: %s" % wrong)
        return counts

    def one(self, who, kind, n, what):
        self.machine.killing = what == "kill"
        runs = self.begin()
        self.machine.struck = kind, n
        wrong = self.over((who, kind, n, what))
        self.machine.settle()
        report = self.machine.report()
        wrong += self.machine.revived(report)
        return report, wrong + self.judge(runs)

    def judge(self, runs):
        if self.machine.listed() is None:   # said: it is to be started again
            self.machine.stop()
            self.machine.begin(None)
        for job in JOBS[1:]:
            self.release(job)
        wrong = []
        for job, run in runs.items():
            start = nth_daemon.Start(self.machine, job, "exit" if job == "held" else "ok", nth_daemon.ALICE)
            start.asked = time.monotonic()
            wrong += start.judge(subprocess.CompletedProcess([], 0), run)
            if len(self.ends(run)) > 2:  # within its second a scheduler takes in again what one before it has
                wrong.append("%s: taken in %d times: %s" % (run, len(self.ends(run)), self.ends(run)))
        return wrong + self.whole() + nth_daemon.history(self.machine, runs.values())

    def ends(self, run):
        return [line for _, line in self.machine.results.get(run, []) if "RECOVERED" not in line and "reason= " not in line]

    def whole(self):
        """Behind a reload all tables are in force again."""
        said = self.machine.reload()
        wanted = {"alice:early", "alice:late", "held"}
        try:
            lab.wait_for(lambda: wanted <= set(self.machine.listed() or ()), nth_load.LATELY * lab.slowness(), "all")
        except lab.Failure:
            return ["a reload does not make it whole: %s; it said %s%s" % (
                self.machine.listed(), said.stdout, said.stderr)]
        return []

    def finish(self):
        """Directories of runs go once their second is over."""
        def left():
            return [name for name in os.listdir("/run/crond/runs") if re.search(r"-\d{10}-\d+$", name)]
        wrong = [*nth_daemon.history(self.machine)]
        self.machine.ask("run", "two")
        try:
            lab.wait_for(lambda: not [one for one in left() if "two-" not in one], 10 * lab.slowness(), "")
        except lab.Failure:
            wrong.append("left behind: %s" % left())
        return wrong
