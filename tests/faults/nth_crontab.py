"""nth_crontab: crontab FILE, -, -e, -r and -l where the Nth call fails, or it is killed there.

Flow: nth runs each scenario in a lab. Behind each try the table is the old one or the new one as
a whole, the exit status says which, a failure has a line, and no temporary file is left.
"""
import grp
import os
import pwd
import shutil
import signal
import subprocess

import lab
import nth_inject

SPOOL = "/var/spool/cron/crontabs"
TOOL = lab.ROOM + "/bin/crontab"
FILE = lab.ROOM + "/new"
OLD = "1 1 * * * old\n" * 3
NEW = "4 4 * * * new\n" * 600   # more than one buffer
EDITED = OLD + "7 7 * * * added\n"
ALICE = (2001, 2001)
IDS = lab.ROOM + "/out/ids"
SECONDS = 20


def body():
    """The table without its header; None: there is none."""
    try:
        with open(SPOOL + "/alice", encoding="utf-8") as f:
            text = f.read()
    except FileNotFoundError:
        return None
    return text.split("\n", 3)[3] if text.startswith("# DO NOT EDIT") else text


class Crontab:
    """One scenario: what crontab is called with, what the table is to be then."""

    def __init__(self, room, name, args, new, stdin=None, user="alice", setgid=True):
        self.room, self.name, self.args, self.new, self.stdin = room, name, args, new, stdin
        self.root, self.group = user == "root", grp.getgrnam("crontab").gr_gid
        os.chown(SPOOL, 0, self.group)
        os.chmod(SPOOL, 0o1730)
        os.makedirs(os.path.dirname(TOOL), exist_ok=True)
        shutil.copy(room.program("crontab"), TOOL)
        os.chown(TOOL, 0, self.group)
        os.chmod(TOOL, 0o2755 if setgid else 0o755)
        lab.put(FILE, NEW)
        # what runs as the editor says who it is, and does not trust its name
        lab.put(lab.ROOM + "/editor", "#!/bin/sh\n{ id -u; id -g; id -G; } | tr '\\n' ' ' >>%s\n"
                "echo '7 7 * * * added' >>\"$1\"\n" % IDS, 0o755)

    def clean(self):
        for path in [SPOOL + "/" + name for name in os.listdir(SPOOL)]:
            os.remove(path)
        for name in os.listdir("/tmp"):
            shutil.rmtree("/tmp/" + name) if os.path.isdir("/tmp/" + name) else \
                os.remove("/tmp/" + name)
        lab.put(SPOOL + "/alice", OLD, 0o600, "alice")
        os.chown(SPOOL + "/alice", ALICE[0], self.group)
        lab.put(IDS, "", 0o666)

    def start(self, first, env=None):
        self.clean()
        return nth_inject.run(
            [TOOL, *self.args], first, None if self.root else ALICE, cwd="/", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "EDITOR": lab.ROOM + "/editor", "HOME": "/home/alice",
                 "LANG": "C", **(env or {})})

    def end(self, injector):
        """(status, standard error); a status of None: it had to be killed."""
        try:
            _, err = injector.process.communicate(self.stdin, SECONDS * lab.slowness())
            return injector.process.returncode, err.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            injector.process.kill()
            return None, injector.process.communicate()[1].decode("utf-8", "replace")

    def counts(self):
        injector = self.start("count")
        status, err = self.end(injector)
        lab.check(status == 0 and body() == self.new, "%s: without a fault %s: %s" % (
            self.name, status, err))
        counts = injector.counts()
        injector.close()
        return counts

    def one(self, who, kind, n, what):
        injector = self.start(nth_inject.arm(who, kind, n, what))
        status, err = self.end(injector)
        report = injector.report()
        injector.close()
        if (kind, n, status) == ("mmap", 1, -signal.SIGSEGV):
            return report, []  # the C library's loader does not look at what its first one says
        return report, list(self.wrong(status, err, kind, what))

    def wrong(self, status, err, kind, what):
        table = body()
        if status is None:
            yield "hangs"
        elif status < 0 and what != "kill":
            yield "died of signal %d: %s" % (-status, err)
        if table not in (OLD, self.new):
            yield "a table that is neither: %r" % (table and table[:100])
        elif status == 0 and table != self.new:
            yield "status 0, and the table is the old one"
        elif status and status > 0 and table != OLD:
            yield "status %d, and the table is the new one: %s" % (status, err.strip())
        if status and status > 0 and not err and not (kind == "write" and what != "short"):
            yield "status %d without a word" % status
        yield from self.left()

    def swept(self):
        """Nothing of a try that broke off is left once the next one has gone well."""
        words = ["setpriv", "--reuid=%d" % ALICE[0], "--regid=%d" % ALICE[1], "--clear-groups"]
        whose = ["-u", "alice"] if self.root else []
        subprocess.run([*([] if self.root else words), TOOL, *whose, FILE], check=True, cwd="/")
        return not [name for name in os.listdir(SPOOL) if name.startswith(".")]

    def left(self):
        names = sorted(os.listdir(SPOOL))
        strange = [name for name in names if name != "alice" and not name.startswith(".tmp.")]
        if strange:
            yield "files that a daemon would load: %s" % strange
        if os.path.exists(SPOOL + "/alice"):
            st = os.stat(SPOOL + "/alice")
            if (st.st_uid, st.st_mode & 0o7777) != (ALICE[0], 0o600):
                yield "the table is %d's, mode %o" % (st.st_uid, st.st_mode)
        wanted = "0 0 0 " if self.root else "%d %d %d " % (*ALICE, ALICE[1])
        ids = lab.read(IDS)
        if ids.replace(wanted, ""):
            yield "the editor ran as %r" % ids
        if len(names) > 1 and not self.swept():
            yield "left behind: %s" % names


def sweep(room, name, args, new, **how):
    scenario = Crontab(room, name, args, new, **how)
    done = nth_inject.Sweep(name, os.environ.get("NTH_SHORT") == "yes")
    counts = scenario.counts()
    done.run("crontab", done.kinds(counts, "crontab"), scenario.one)
    if not done.short:
        done.kill("crontab", done.kinds(counts, "crontab"), scenario.one)
        done.run("crontab+1", done.kinds(counts, "crontab+1"), scenario.one)
    done.finish(20)
