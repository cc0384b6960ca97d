"""The fault lab: one row of the fault table on one cron daemon, on a machine of its own.

A row is a function fNN(room) in a module rows_*.py: its docstring's first line is the fault, the
rest what must hold. It gets a FaultLab: namespaces, users, log, mailer and receivers of lab.Lab,
and in them the daemon under test, which is ours or a peer's. The row's jobs write marks
as they start and end; after the row the invariants are held against these, the log, the mails and
the history (invariants.py). A row that comes to its end with all of that in order holds.
Otherwise its verdict is what was seen:

    raise Fault("job killed")       seen of ours it is a failure, of a peer a fact
    raise HasNone("no webhooks")    the fault means nothing to this daemon
    raise lab.Skip("why")           this kernel cannot do it

A daemon's time goes by instants: of ours jobs are due each second (`#@ second=*`, a comment
to others), of a peer each minute; room.unit is how many seconds there are between them.
"""
import contextlib
import grp
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for there in ("../system", "../bench"):
    sys.path.insert(0, os.path.join(HERE, there))

import lab  # noqa: E402
import sinks  # noqa: E402
from lab import OUT, ROOM, Skip, check  # noqa: E402,F401

MARKS = OUT + "/marks"
PROGRAMS = ROOM + "/programs"
MARK = 'read u i </proc/uptime; echo %s %s $u $$ "${CRON_RUN_ID:--}" %s >>' + MARKS
PATIENCE = 15       # seconds for what a daemon of ours is to do soon
LATE = 5            # seconds: a start is late on a machine that does a hundred labs at once


class Fault(lab.Failure):
    """Seen under a fault, in a few words; it is what the table shows."""


class HasNone(Exception):
    """The daemon has nothing that this fault could hit."""


class Subject:
    """What is known of a daemon. spool: where users' tables are; system: it has /etc/cron.d;
    owner: who owns a user's table; extra: has this beside what every cron has."""

    def __init__(self, args, spool, unit=60, system=True, owner=None, extra=()):
        self.args, self.spool, self.unit = args, spool, unit
        self.system, self.owner, self.extra = system, owner, extra


SUBJECTS = {
    "ours": Subject(["crond", "-f"], "/var/spool/cron/crontabs", unit=1,
                    extra=("history", "webhooks", "tasks", "options", "control", "helpers")),
    "debian": Subject(["cron", "-f"], "/var/spool/cron/crontabs"),
    "cronie": Subject(["crond", "-f"], "/var/spool/cron"),
    "busybox": Subject(["crond", "-f", "-c", "/var/spool/cron/crontabs"], "/var/spool/cron/crontabs",
                       system=False, owner="root"),
}


def crontab_beside(path):
    """The crontab(1) that belongs to a daemon's program."""
    up = os.path.dirname(os.path.dirname(os.path.abspath(path)))
    for place in (up + "/bin/crontab", os.path.dirname(up) + "/bin/crontab"):
        if os.path.exists(place):
            return place
    return None


def bring(kind, path):
    """The programs of a daemon, while their paths can be seen: {name: bytes}, set-group-id crontab."""
    if kind == "ours":
        return {}
    found, crontab = {"daemon": path}, crontab_beside(path)
    if crontab and kind != "busybox":
        found["crontab"] = crontab
    programs = {}
    for name, where in found.items():
        with open(where, "rb") as program:
            programs[name] = program.read()
    return programs


class Mark:
    """A job has started, or ended (with a status)."""

    def __init__(self, words):
        self.kind, self.name, self.up, self.pid = words[0], words[1], float(words[2]), int(words[3])
        self.run = None if words[4] == "-" else words[4]
        self.status = int(words[5]) if len(words) > 5 else None
        self.at = self.up + time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def instant(self, unit):
        """The second that it was due at, as it was told or, of a peer, as it must be."""
        if self.run:
            return int(self.run.rsplit("-", 2)[1])
        return int((self.at + 0.05) // unit * unit)


class Job:
    """A job whose starts are watched. since: instants from there on count; at: the only instant, or
    None; every: due each so many instants; alerts, may_repeat, off: what else is to be seen of it."""

    def __init__(self, name, user, text, at, every):
        self.name, self.user, self.text, self.at, self.every = name, user, text, at, every
        self.since, self.alerts, self.may_repeat = None, False, False
        self.off = []       # (from, to): the daemon is not to have it then

    def identity(self):
        """As our daemon calls it."""
        return self.name if self.user == "root" else "%s:%s" % (self.user, self.name)


class Window:
    """From when to when a fault was on, and whom it may hit: names of jobs; None: all."""

    def __init__(self, began, hits):
        self.began, self.ended, self.hits = began, None, hits

    def hit(self, job, instant, unit):
        """May this job's start at that instant be late, or come to nothing on record?"""
        ended = self.ended or time.time()
        return (self.hits is None or job.name in self.hits) and \
            self.began - unit <= instant <= ended + 1


class FaultLab(lab.Lab):
    """What a row has at hand, beside all that lab.Lab has."""

    def __init__(self, etc, kind, programs):
        super().__init__(etc)
        self.kind, self.subject, self.ours = kind, SUBJECTS[kind], kind == "ours"
        self.unit = self.subject.unit
        self.daemon, self.jobs, self.windows, self.tables = None, [], [], {}
        self.down_since, self.undo, self.receivers = None, contextlib.ExitStack(), []
        self.counts_only = self.no_history = False
        self.noted = []
        self.uids = {}          # of users who are not in /etc/passwd
        self.place(programs)
        lab.put(MARKS, "", 0o666)
        self.pulse = self.job("pulse", user="bob")
        if self.ours:
            self.conf("")

    def place(self, programs):
        """The peer's programs, and a spool as it wants it."""
        os.makedirs(PROGRAMS)
        crontab = grp.getgrnam("crontab").gr_gid
        for name, content in programs.items():
            lab.put(PROGRAMS + "/" + name, content, 0o755)
        if self.kind == "busybox":  # which is what it is called as
            os.symlink("daemon", PROGRAMS + "/busybox")
        if "crontab" in programs and self.kind != "cronie":
            os.chown(PROGRAMS + "/crontab", 0, crontab)
            os.chmod(PROGRAMS + "/crontab", 0o2755)
        os.chown("/var/spool/cron/crontabs", 0, crontab)
        os.chmod("/var/spool/cron/crontabs", 0o1730)
        if self.kind == "cronie":
            shutil.rmtree("/var/spool/cron/crontabs")
            os.chmod("/var/spool/cron", 0o700)

    # what it has

    def needs(self, what):
        """Rows about something that a daemon has not got end here: tasks, options, history..."""
        if what not in self.subject.extra:
            raise HasNone("no " + what)

    def note(self, text):
        """Something worth to stand in the table behind "holds"."""
        self.noted.append(text)

    # tables

    def job(self, name, then="", user="alice", at=None, every=1, options="", end=True):
        """A watched job of a user, in his table: its line marks the start, does `then` (shell, without
        %), and marks the end with its status. at: one instant (see next_due) instead of each `every`-th.
        options: words for `#@`, which a peer reads as a comment."""
        command = MARK % ("start", name, "")
        if end:
            command += "; (%s); s=$?; %s; exit $s" % (then or ":", MARK % ("end", name, "$s"))
        elif then:
            command += "; " + then
        text = "%s\n%s %s\n" % (self.comment(name, at, every, options), self.when(at, every), command)
        made = Job(name, user, text, at, every)
        made.alerts = "alert=" in options
        self.jobs.append(made)
        self.table(user, self.tables.get(user, "") + text)
        return made

    def comment(self, name, at, every, options):
        second = "*"
        if at is not None:
            second = time.gmtime(at).tm_sec
        elif every > 1:
            second = "*/%d" % every
        return "#@ name=%s second=%s %s" % (name, second, options)

    def when(self, at, every):
        if at is not None:
            t = time.gmtime(at)
            return "%d %d %d %d *" % (t.tm_min, t.tm_hour, t.tm_mday, t.tm_mon)
        return "* * * * *" if self.ours or every == 1 else "*/%d * * * *" % every

    def forget(self, job):
        """It is not watched any more (but stands in its table still)."""
        self.jobs.remove(job)

    def table(self, user, text, mode=0o600):
        """A user's table, in place as his crontab(1) would put it."""
        self.tables[user] = text
        for job in self.jobs:
            if job.user == user and job.since is None and self.daemon:
                job.since = time.time() + (1 if self.ours else self.unit)
        if self.kind == "busybox" and isinstance(text, str) and "MAILTO" not in text:
            text = "MAILTO=%s\n%s" % (user, text)  # mails to nobody else
        lab.put(self.subject.spool + "/" + user, text, mode, self.subject.owner or self.uids.get(user, user),
                replace=True)
        if self.kind == "busybox":
            with open(self.subject.spool + "/cron.update", "a", encoding="ascii") as update:
                update.write(user + "\n")

    def person(self, name, home=True):
        """A new user, with a number that no other lab has: limits of users count everywhere."""
        uid = 30000 + os.stat(ROOM).st_dev % 10000 + len(self.tables)
        where = "/home/" + name
        for path, line in (("/etc/passwd", "%s:x:%d:%d::%s:/bin/sh\n" % (name, uid, uid, where)),
                           ("/etc/group", "%s:x:%d:\n" % (name, uid)),
                           ("/etc/shadow", "%s:*:19000::::::\n" % name)):
            lab.put(path, lab.read(path) + line, os.stat(path).st_mode & 0o777, replace=True)
        if home:
            os.makedirs(where)
            os.chown(where, uid, uid)
        return uid

    def crontab(self, user, text, mode=0o600):
        self.table(user, text, mode)

    def conf(self, text):
        """crond.conf of ours; everything that ends is logged, since the invariants ask."""
        super().conf('log-level = "debug"\n' + text)

    def crontab_words(self, *args):
        """The command line of the daemon's own crontab(1), as root."""
        if self.ours:
            return [self.program("crontab"), *args]
        if self.kind == "busybox":
            return [PROGRAMS + "/busybox", "crontab", "-c", self.subject.spool, *args]
        if not os.path.exists(PROGRAMS + "/crontab"):
            raise HasNone("no crontab beside the daemon")
        return [PROGRAMS + "/crontab", *args]

    def receiver(self, **how):
        """Where webhooks go; what comes there is held against the failures of jobs that alert."""
        made = sinks.Receiver(**how)
        self.receivers.append(made)
        return made

    # time

    def next_due(self, ahead=None):
        """An instant that comes soon, but not too soon to prepare for."""
        ahead = (2 if self.ours else 5) if ahead is None else ahead
        return int((time.time() + ahead) // self.unit + 1) * self.unit

    def sleep_until(self, at):
        time.sleep(max(0, at - time.time()))

    def instants(self, count):
        """Lets so many instants go by, and what is due at the last of them begin."""
        self.sleep_until(self.next_due(0) + (count - 1) * self.unit + 0.7)

    def patience(self):
        """How long something is to be waited for that an instant brings."""
        return PATIENCE if self.ours else self.unit + PATIENCE

    # the daemon

    def words(self):
        if self.ours:
            return ["crond", *self.subject.args[1:]], self.program("crond")
        return self.subject.args, PROGRAMS + "/daemon"

    def start(self, *args, under=(), **how):
        """The daemon; back when it holds its pid file (busybox: when it has said that it started).
        under: words of a command that executes it in its own process (`strace -D ...`)."""
        words, program = self.words()
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("env", {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        if under:
            command = [*under, program, *words[1:], *args]
        else:
            command, how["executable"] = [*words, *args], program
        said = len(self.log("started"))
        with open(self.errors, "ab") as errors:
            self.daemon = subprocess.Popen(command, stdout=errors, stderr=errors, **how)
        self.daemons.append(self.daemon)
        lab.wait_for(lambda: self.daemon.poll() is not None or self.ready(said),
                     self.patience(), "the daemon to be ready")
        if self.daemon.poll() is not None:
            raise Fault("daemon does not start (%s)" % ended(self.daemon.returncode))
        self.up()
        return self.daemon

    def ready(self, said):
        if self.kind == "busybox":
            return len(self.log("started")) > said
        return lab.read("/run/crond.pid").strip() == str(self.daemon.pid)

    def up(self):
        now = time.time()
        for job in self.jobs:
            if job.since is None:
                job.since = now + 0.3
        if self.down_since is not None:
            window = Window(self.down_since, None)
            window.ended, self.down_since = now, None
            self.windows.append(window)

    def end(self, number=signal.SIGKILL):
        """Ends the daemon; until start() nobody expects jobs to be started, but to be on record."""
        self.down_since = time.time()
        self.daemon.send_signal(number)
        try:
            return self.daemon.wait(PATIENCE * lab.slowness())
        except subprocess.TimeoutExpired:
            raise Fault("daemon does not end of signal %d" % number) from None

    def died(self, why):
        """The fault ends the daemon: waits for that. As end() otherwise."""
        began = time.time()
        try:
            self.daemon.wait(self.patience() * lab.slowness())
        except subprocess.TimeoutExpired:
            raise lab.Failure("daemon was not hit: " + why) from None
        self.down_since = began

    def restart(self, number=signal.SIGKILL):
        self.end(number)
        return self.start()

    @contextlib.contextmanager
    def fault(self, hits=None):
        """While it is on. hits: names of jobs whose starts it may keep from happening (then
        they are to be on record); all others must start in time. None: it may hit all."""
        window = Window(time.time(), hits)
        self.windows.append(window)
        yield window
        window.ended = time.time()

    # looking

    def marks(self, kind="start", name=None):
        found = []
        for line in lab.read(MARKS).splitlines():
            words = line.split()
            if len(words) < 5:
                raise lab.Failure("a torn mark: %r" % line)
            mark = Mark(words)
            if mark.kind == kind and (name is None or mark.name == name):
                found.append(mark)
        return found

    def wait_mark(self, name, kind="start", count=1, deadline=None):
        """The count-th mark of a job, once it is there."""
        def there():
            found = self.marks(kind, name)
            return len(found) >= count and found[count - 1]
        return lab.wait_for(there, deadline or self.patience(), "%s %d of %s" % (kind, count, name))

    def shim(self, job_pid):
        """The process that the daemon keeps for each job, given the job's own: our keeper, others'
        child; a daemon that starts jobs itself has none."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = lab.Process(job_pid).ppid
            if parent not in (self.daemon.pid, 1, 0):
                return parent
        raise HasNone("no process per job")

    def forker(self):
        """Who forks for each job: of ours the launcher, else the daemon."""
        return self.launcher(self.daemon).pid if self.ours else self.daemon.pid

    def below(self, pid):
        """All processes below one, and itself."""
        everybody, found = lab.processes(), [pid]
        for one in found:
            found += [p.pid for p in everybody if p.ppid == one and p.pid not in found]
        return found

    # tools

    @contextlib.contextmanager
    def injected(self, pid, *expressions, follow=False):
        """strace -e inject=... on a living process while the body runs; follow: on its children too."""
        trace = ROOM + "/strace"
        words = ["strace", "-qq", "-o", trace, *(["-f"] if follow else []), "-p", str(pid)]
        for one in expressions:
            words += ["-e", one]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as tracer:
            try:
                self.wait_for(lambda: tracer.poll() is not None or traced(pid), PATIENCE, "strace")
                why = tracer.poll() is not None and tracer.stderr.read().strip()
                if why:  # else whom it traced has ended by what was injected
                    raise Skip("strace cannot attach: " + why)
                yield trace
            finally:
                if tracer.poll() is None:
                    tracer.send_signal(signal.SIGINT)
                    tracer.wait(PATIENCE)

    def cgroup(self, controller):
        """A new cgroup of this controller (v1 or v2), removed after the row."""
        for base in ("/sys/fs/cgroup/" + controller, "/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            path = "%s/faults-%d" % (base, time.monotonic_ns())
            with contextlib.suppress(OSError):
                os.mkdir(path)
                if any(name.startswith(controller + ".") for name in os.listdir(path)):
                    self.undo.callback(clear_cgroup, path)
                    return path
                os.rmdir(path)
        raise Skip("no cgroup of the controller %s can be made" % controller)

    def small_disk(self, path, size):
        """path on a file system of its own of that size; what was there is copied."""
        keep = "%s/kept-%d" % (ROOM, time.monotonic_ns())
        shutil.copytree(path, keep, symlinks=True)
        status = os.stat(path)
        lab.mount("lab", path, "tmpfs", 0, "size=%s,mode=%o" % (size, status.st_mode & 0o7777))
        os.chown(path, status.st_uid, status.st_gid)
        subprocess.run(["cp", "-a", keep + "/.", path], check=True)

    @staticmethod
    def limited(**limits):
        """For start(preexec_fn=...): nofile=20."""
        def limit():
            for name, value in limits.items():
                resource.setrlimit(getattr(resource, "RLIMIT_" + name.upper()), (value, value))
        return limit


def tell(path, text):
    """Writes to a file of the kernel's."""
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


def traced(pid):
    found = re.search(r"^TracerPid:\s*(\d+)", lab.read("/proc/%d/status" % pid), re.M)
    return found and found.group(1) != "0"


def clear_cgroup(path):
    for _ in range(100):
        for pid in lab.read(path + "/cgroup.procs").split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.rmdir(path)
            return
        time.sleep(0.05)


def ended(status):
    """How a process ended, in words."""
    return "signal %d" % -status if status < 0 else "status %d" % status


def rows():
    """{number: function} of all rows there are."""
    found = {}
    for name in sorted(os.listdir(HERE)):
        if name.startswith("rows_") and name.endswith(".py"):
            module = __import__(name[:-3])
            for key, value in vars(module).items():
                if re.fullmatch(r"f\d\d", key) and callable(value):
                    check(int(key[1:]) not in found, "row %s is there twice" % key)
                    found[int(key[1:])] = value
    return found


def title(row):
    return row.__doc__.strip().splitlines()[0].strip()
