"""The questions: each is asked of all daemons and gives figures by name."""
import array
import os
import random
import statistics
import subprocess
import time

from daemons import PERMIT, Daemon, Meter, fail, read

PAM_STACK = ("@include common-auth\n@include common-account\nsession required pam_loginuid.so\n"
             "session required pam_env.so\n@include common-session-noninteractive\n"
             "session required pam_limits.so\n")


def idle_lines(n, seed=1):
    """Schedules of all kinds, none due in the next three months."""
    chance, month = random.Random(seed), time.gmtime().tm_mon
    months = [(month + k - 1) % 12 + 1 for k in range(4, 9)]
    for i in range(n):
        m, h, mon = chance.randrange(60), chance.randrange(24), chance.choice(months)
        when = chance.choice(("%d %d * %d *" % (m, h, mon), "*/%d * * %d *" % (5 + m % 7, mon),
                              "%d %d %d %d *" % (m, h, 1 + m % 28, mon),
                              "%d %d-%d * %d 1-5" % (m, h // 2, h // 2 + 9, mon),
                              "%d,%d * * %d *" % (m % 30, m % 30 + 30, mon)))
        yield when, "/usr/local/bin/report-%06d --quiet --customer=%04d" % (i, i % 9973)


def next_minute(lead=0.0):
    return (int(time.time() + lead) // 60 + 1) * 60


def sleep_until(t):
    time.sleep(max(0, t - time.time()))


def share(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


class Measures:
    def __init__(self, args, daemons, work, note):
        self.args, self.all, self.work, self.note = args, daemons, work, note
        self.probe, self.log = work + "/probe", work + "/starts"

    # what is started

    def clear(self, log=None):
        with open(log or self.log, "w"):
            pass
        os.chmod(log or self.log, 0o666)

    def starts(self, log=None):
        """When, in ns, sorted."""
        with open(log or self.log, "rb") as f:
            data = f.read()
        return sorted(array.array("q", data[:len(data) // 8 * 8]))

    def bare(self, n, argv, log=None):
        """The loop's figures: the median of some runs."""
        runs = []
        for _ in range(3 if n > 1000 else 9):
            self.clear(log)
            meter = Meter()
            out = subprocess.run([self.work + "/bareloop", str(n), *argv], check=True, text=True,
                                 stdout=subprocess.PIPE, preexec_fn=meter.enter).stdout.split()
            at = self.starts(log)
            if len(at) != n:
                fail("the bare loop started %d of %d" % (len(at), n))
            runs.append({"cpu": meter.cpu(), "spread": (at[-1] - at[0]) / 1e9,
                         "wall": (int(out[1]) - int(out[0])) / 1e9})
            meter.close()
        return {k: statistics.median(r[k] for r in runs) for k in runs[0]}

    def wait_starts(self, n, target, log=None):
        last = (0, time.time())
        while last[0] < n and time.time() < target + 240:
            time.sleep(0.1)
            have = os.path.getsize(log or self.log) // 8
            if have != last[0]:
                last = (have, time.time())
            elif time.time() - max(last[1], target) > 70:
                break

    def fire(self, d, n, command, others):
        """n commands due at one minute, among others."""
        daemon = Daemon(d, self.work)
        lead = 12 + others // 8000  # seconds to load what is not due, with a minute in between
        target = next_minute(lead)
        due = [(self.at(target), command)] * n
        rest = list(idle_lines(others))
        daemon.fill(rest[:others // 2] + due + rest[others // 2:])
        self.clear()
        sleep_until(target - lead + 4)
        daemon.start()
        if not daemon.quiet(target - 1):
            self.note("%s: still busy a second before the jobs are due" % d["name"])
        sleep_until(target - 0.2)
        before = daemon.meter.cpu()
        self.wait_starts(n, target)
        daemon.quiet(time.time() + 30)
        at, cpu = self.starts(), daemon.meter.cpu() - before
        daemon.stop()
        if len(at) < n:
            self.note("%s: only %d of %d were started" % (d["name"], len(at), n))
        if not at:
            fail("%s started nothing" % d["name"])
        return {"cpu": cpu, "spread": (at[-1] - at[0]) / 1e9, "wall": at[-1] / 1e9 - target}

    def to_loops(self, d, n, command, others=0):
        got = self.fire(d, n, command, others)
        figures = {"cpu, s": got["cpu"], "last start, s": got["wall"]}
        for name, argv in (("vfork+exec", command.split()[:2]), ("sh -c", ["/bin/sh", "-c", command])):
            loop = self.bare(n, argv)
            for k in ("cpu", "spread"):
                figures["%s to %s" % (k, name)] = got[k] / loop[k]
        return figures

    def each(self, ask, most=0):
        found = {}
        for d in self.all:
            if most > d["max_n"]:
                self.note("%s: left out: takes %d entries" % (d["name"], d["max_n"]))
            else:
                found[d["name"]] = ask(d)
        return found

    # the questions

    def plain(self):
        return self.each(lambda d: self.to_loops(d, self.args.n, "%s %s" % (self.probe, self.log)))

    def shell(self):
        return self.each(lambda d: self.to_loops(d, self.args.n, "%s %s >>/dev/null" % (self.probe, self.log)))

    def burst(self, daemon, n, log, target):
        """What a running daemon takes for n that are due at target: CPU, from first to last, the last."""
        daemon.quiet(target - 1)
        sleep_until(target - 0.2)
        before = daemon.meter.cpu()
        self.wait_starts(n, target, log)
        daemon.quiet(time.time() + 30)
        at, cpu = self.starts(log), daemon.meter.cpu() - before
        if len(at) != n:
            self.note("%s: %d of %d were started" % (daemon.name, len(at), n))
        return {"cpu": cpu, "spread": (at[-1] - at[0]) / 1e9, "wall": at[-1] / 1e9 - target} if at else None

    def bursts(self):
        """1, 100, 1,000, 5,000 at once, one after the other, without a shell and with it. One alone is
        so little that it is asked for again; the first of all pays for what is made once."""
        kinds = [(n, shell) for shell in (False, True) for n in self.args.bursts]
        order = [(1, False)] + [kind for kind in kinds for _ in range(self.args.reps if kind[0] == 1 else 1)]
        logs = {kind: "%s/burst-%d%s" % (self.work, kind[0], "-sh" * kind[1]) for kind in order}
        commands = {kind: "%s %s%s" % (self.probe, log, " >>/dev/null" * kind[1]) for kind, log in logs.items()}

        def ask(d):
            daemon, lines, got = Daemon(d, self.work), [], {}
            when = [self.minutes_from(20, i) for i in range(len(order))]
            for kind, at in zip(order, when):
                lines += [(self.at(at), commands[kind])] * kind[0]
            daemon.fill(lines)
            daemon.start()
            for i, (kind, at) in enumerate(zip(order, when)):
                self.clear(logs[kind])
                figures = self.burst(daemon, kind[0], logs[kind], at)
                if i:
                    got.setdefault(kind, []).append(figures)
            daemon.stop()
            return self.burst_figures(got)

        found = self.each(ask, sum(n for n, _ in order))
        return {**found, "bare loop": self.loops(kinds, commands, logs)}

    @staticmethod
    def burst_figures(got):
        found = {}
        for (n, shell), all_of_it in got.items():
            name = "%d%s: " % (n, " sh" * shell)
            if None in all_of_it:
                found[name + "cpu"] = "none ran"
                continue
            for k in ("cpu", "wall") + ("spread",) * (n > 1):
                found[name + k] = statistics.median(one[k] for one in all_of_it)
        return found

    def loops(self, kinds, commands, logs):
        """The same by a bare vfork and exec, and with sh -c by one."""
        found = {}
        for kind in kinds:
            argv = ["/bin/sh", "-c", commands[kind]] if kind[1] else commands[kind].split()
            loop = self.bare(kind[0], argv, logs[kind])
            name = "%d%s" % (kind[0], " sh" * kind[1])
            found.update({name + ": cpu": loop["cpu"], name + ": wall": loop["wall"]})
            if kind[0] > 1:
                found[name + ": spread"] = loop["spread"]
        return found

    def sizes(self):
        """Ten to a million entries of which --due are due: what these cost, whatever the rest."""
        def ask(d):
            found = {}
            for others in self.args.sizes:
                if others > d["max_n"]:
                    continue
                got = self.fire(d, self.args.due, "%s %s" % (self.probe, self.log), others)
                found["%d: cpu, ms" % others], found["%d: last, ms" % others] = got["cpu"] * 1e3, got["wall"] * 1e3
            return found

        return self.each(ask)

    @staticmethod
    def minutes_from(lead, count):
        return next_minute(lead) + 60 * count

    @staticmethod
    def at(moment):
        g = time.gmtime(moment)
        return "%d %d %d %d *" % (g.tm_min, g.tm_hour, g.tm_mday, g.tm_mon)

    def among(self):
        command = "%s %s" % (self.probe, self.log)
        return self.each(lambda d: self.to_loops(d, self.args.due, command, self.args.among), self.args.among)

    def pam(self):
        def ask(d):
            files = {**d["files"], "/etc/pam.d/" + d["pam_service"]: stack}
            return self.to_loops({**d, "files": files}, self.args.n, "%s %s" % (self.probe, self.log))

        stack = PAM_STACK
        if not os.path.exists("/etc/pam.d/common-session-noninteractive"):
            stack = PERMIT
            self.note("this is no Debian: PAM's stack is pam_permit alone")
        found = {}
        for d in self.all:
            if d["pam_service"]:
                found[d["name"]] = ask(d)
            else:
                self.note("%s: left out: opens no PAM sessions that are known here" % d["name"])
        return found

    def load(self):
        """A million entries, and then nothing to do for a minute."""
        found, live = {}, []
        text = sum(len(command) for _, command in idle_lines(self.args.entries)) / self.args.entries
        for d in self.all:
            if self.args.entries > d["max_n"]:
                self.note("%s: left out: takes %d entries" % (d["name"], d["max_n"]))
                continue
            memory = []
            for n in (0, self.args.entries):
                daemon = Daemon(d, self.work)
                daemon.fill(list(idle_lines(n)))
                sleep_until(next_minute() + 2 if time.time() % 60 > 30 else 0)
                cpu = daemon.start().quiet(time.time() + 600, 1.5) and daemon.meter.cpu()
                memory.append(daemon.meter.status("RssAnon") * 1024)
                if not n:
                    daemon.stop()
            live.append(daemon)
            found[d["name"]] = {"cpu, s": cpu, "bytes an entry beside text":
                                (memory[1] - memory[0]) / self.args.entries - text}
        sleep_until(next_minute() + 10)  # some look at everything in their first minute
        count = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
        before = [(d.meter.status(*count[:1]), d.meter.cpu()) for d in live]
        time.sleep(60)
        for d, (switches, cpu) in zip(live, before):
            found[d.name]["wake-ups in 60 s"] = d.meter.status(*count[:1]) - switches
            found[d.name]["cpu in these, ms"] = (d.meter.cpu() - cpu) * 1e3
            d.stop()
        return found

    def lateness(self):
        """One job each second, or for those who have no seconds each minute."""
        live, found = [], {}
        for d in self.all:
            often = bool(d["every_second"]) or d["seconds"]
            log = "%s/late-%s" % (self.work, d["name"])
            one = {**d, "line": d["every_second"]} if d["every_second"] else d
            if d["seconds"]:
                one = {**d, "line": "* " + (d["line"] or "* * * * * {user} {cmd}").replace("{sec} ", "")}
            self.clear(log)
            daemon = Daemon(one, self.work)
            daemon.fill([("* * * * *", "%s %s" % (self.probe, log))])
            live.append((daemon.start(), log, 1 if often else 60))
            time.sleep(0.3)  # some keep the phase of the second they are started in
        begin = time.time() + 2  # what a daemon makes up for at its start does not count
        first = next_minute() if any(every == 60 for _, _, every in live) else time.time()
        sleep_until(first + max(60, 60 * (self.args.minutes - 1) + 10))
        for daemon, log, every in live:
            daemon.stop()
            late = [at / 1e6 % (every * 1000) for at in self.starts(log) if at > begin * 1e9]
            if not late:
                fail("%s started nothing" % daemon.name)
            found[daemon.name] = {"p50, ms": statistics.median(late), "p99, ms": share(late, 0.99),
                                  "max, ms": max(late), "starts": len(late)}
        return found

    def reload(self):
        """One of many files is replaced; of the minute in which it is, one without is taken off."""
        live, found = [], {}
        for d in self.all:
            daemon = Daemon(d, self.work)
            daemon.fill(list(idle_lines(self.args.files * 10)), self.args.files)
            live.append(daemon.start())
        for daemon in live:
            daemon.quiet(time.time() + 60)
        begin = next_minute(1) + 75  # the first minute after the start is not like others
        sleep_until(begin)
        before = [d.meter.cpu() for d in live]
        sleep_until(begin + 60)
        plain = [d.meter.cpu() - cpu for d, cpu in zip(live, before)]
        for rep in range(self.args.reps):
            before = [d.meter.cpu() for d in live]
            noticed = [self.replace_one(d, rep) for d in live]
            sleep_until(begin + 60 * (rep + 2))
            for d, cpu, idle, soon in zip(live, before, plain, noticed):
                f = found.setdefault(d.name, {"cpu, ms": [], "noticed after, ms": []})
                f["cpu, ms"].append((d.meter.cpu() - cpu - idle) * 1e3)
                f["noticed after, ms"].append(soon)
        for d in live:
            d.stop()
            f = found[d.name]
            f["cpu, ms"] = statistics.median(f["cpu, ms"])
            soon = [x for x in f["noticed after, ms"] if x is not None]
            f["noticed after, ms"] = statistics.median(soon) if soon else "next minute"
        return found

    def replace_one(self, daemon, rep):
        """How long it takes until it does something about it, in ms; None: more than a second."""
        name = sorted(daemon.tables)[len(daemon.tables) // 2]
        text = daemon.tables[name] + daemon.line("%d 5 1 1 *" % rep, "/usr/local/bin/added")
        daemon.put(name, text)
        begin, cpu = time.time(), daemon.meter.cpu()
        while time.time() < begin + 1:
            if daemon.meter.cpu() - cpu > 20e-6:
                return (time.time() - begin) * 1e3
            time.sleep(0.0005)
        return None

    def keeper(self):
        """What processes that are there for a running job alone hold in private memory."""
        def ask(d):
            daemon = Daemon(d, self.work)
            target = next_minute(6)
            g = time.gmtime(target)
            daemon.fill([("%d %d * * *" % (g.tm_min, g.tm_hour), "exec sleep 300")] * n)
            daemon.start().quiet(target - 1)
            sleep_until(target - 0.5)
            before = set(daemon.meter.processes())
            sleep_until(target + 3)
            while time.time() < target + 60 and len(jobs(daemon)) < n:
                time.sleep(0.5)
            daemon.quiet(time.time() + 10)
            running, all_new = jobs(daemon), set(daemon.meter.processes()) - before
            if len(running) != n:
                self.note("%s: %d of %d jobs run" % (d["name"], len(running), n))
            found = {"private KiB a job": sum(map(private, all_new - running)) / n,
                     "processes a job": len(all_new - running) / n}
            daemon.stop()
            return found

        def jobs(daemon):
            return {pid for pid in daemon.meter.processes() if read("/proc/%d/comm" % pid) == "sleep\n"}

        def private(pid):
            return sum(int(line.split()[1]) for line in read("/proc/%d/smaps_rollup" % pid).splitlines()
                       if line.startswith("Private_"))

        n = self.args.keepers
        return self.each(ask)
