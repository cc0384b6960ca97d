"""A world in which one dialect is spoken: by our daemon or, where its path is given
(CRONWARD_DEBIAN_CRON, CRONWARD_CRONIE_CROND), by the very daemon that the dialect is of.

A scenario is a function that takes a World and is registered by both(), debian() or
cronie(): it becomes a test for each dialect, and one more for each peer that is here. What
it asserts is what the peer does; so a wrong expectation fails too, not only a wrong daemon.
Jobs are @reboot lines, which all three run as soon as they are started.
"""
import os
import re
import shutil
import subprocess
import time

import lab

SPOOLS = {"debian": "/var/spool/cron/crontabs", "cronie": "/var/spool/cron"}
NAMES = {"debian": "cron", "cronie": "crond"}
QUIET = "MAILTO=\"\"\n"  # above lines whose output is nobody's business
# Lines that only our daemon writes. Everything else is held against the peer's.
OURS = re.compile(r"\(CRON\) INFO \((cronward|cluster:|reload|SIG|Shutting down; )|^\S+: (FAIL|END|RECOVERED|"
                  r"SKIPPED) job=|\) (ERROR|WARNING|INFO) \((/[^ ]*|[a-z]+-[0-9a-f]{16}-\d+-\d+): |crond-notify")


class World:
    """A lab in which one dialect is spoken."""

    def __init__(self, room, dialect, peer):
        self.room, self.dialect, self.peer = room, dialect, peer
        self.debian = dialect == "debian"
        self.spool = SPOOLS[dialect]
        self.tag = NAMES[dialect]
        if not self.debian:
            shutil.rmtree("/var/spool/cron/crontabs")
            os.chmod("/var/spool/cron", 0o700)

    def program(self):
        if self.peer:
            return "%s/%s/%s" % (lab.ROOM, self.dialect, self.tag)
        return self.room.program("crond")

    def words(self, *args):
        """Called cron it is Debian's; crond is what crond.conf says."""
        if not self.peer and not self.debian:
            self.room.conf("dialect = cronie\n")
        return [self.tag, *args]

    def run(self, *args, **how):
        """A command line that ends by itself: (status, standard output, standard error)."""
        done = subprocess.run(self.words(*args), executable=self.program(), capture_output=True,
                              text=True, check=False, timeout=60, stdin=subprocess.DEVNULL, **how)
        return done.returncode, done.stdout, done.stderr

    def start(self, *args, **how):
        how.setdefault("env", {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SECRET": "x"})
        how.setdefault("stdin", subprocess.DEVNULL)
        with open(self.room.errors, "ab") as errors:
            daemon = subprocess.Popen(self.words("-f", *args), executable=self.program(),
                                      stdout=errors, stderr=errors, **how)
        self.room.daemons.append(daemon)
        self.room.wait_for(lambda: daemon.poll() is not None or lab.read("/run/crond.pid").strip()
                           == str(daemon.pid), 10, "the daemon's pid in its pid file")
        lab.check(daemon.poll() is None, "it ended with %s: %s"
                  % (daemon.returncode, lab.read(self.room.errors)))
        return daemon

    def table(self, user, text, mode=0o600, owner=None):
        lab.put(self.spool + "/" + user, text, mode, owner or user, replace=True)

    def shown(self, user):
        """A user's table as the log calls it."""
        return "crontabs/" + user if self.debian else self.spool + "/" + user

    def lines(self, pattern="."):
        """The log as TAG: TEXT, without what is ours alone, numbers that nobody can know as N."""
        seek = re.compile(pattern)
        found = []
        for line in list(self.room.syslog.lines):
            text = "%s: %s" % (line.tag, line.text)
            if not OURS.search(text) and line.facility == lab.CRON and seek.search(text):
                text = re.sub(r"\(\[\d+\] ", "([N] ", text)
                text = re.sub(r"#\d+ ", "#N ", re.sub(r"factor \d+%", "factor N%", text))
                found.append(re.sub(r"fd = \d+", "fd = N", text))
        return found

    def wait_lines(self, count, pattern=".", deadline=10):
        return self.room.wait_for(lambda: len(self.lines(pattern)) >= count and
                                  self.lines(pattern), deadline,
                                  "%d lines like %s" % (count, pattern))

    def startup(self):
        """The lines of every start."""
        if self.debian:
            return ["cron: (CRON) INFO (pidfile fd = N)"]
        version = self.wait_lines(1, "STARTUP")[0].split("(")[-1]
        return ["crond: (CRON) STARTUP (" + version,
                "crond: (CRON) INFO (RANDOM_DELAY will be scaled with factor N% if used.)",
                "crond: (CRON) INFO (running with inotify support)"]

    def expect(self, lines, deadline=10):
        """Behind those of every start there are these lines, and no others; runs are parallel, so
        that their order says nothing."""
        lines, begin = [line for line in lines if line], self.startup()
        found = self.wait_lines(len(begin) + len(lines), deadline=deadline)
        lab.equal(found[:len(begin)], begin, "first lines")
        time.sleep(0.3)
        lab.equal(sorted(self.lines()[len(begin):]), sorted(lines), "lines of the log")

    def only_mail(self, count=1):
        mails = self.room.wait_for(lambda: len(self.room.mails()) >= count and self.room.mails(), 10,
                                   "%d mails" % count)
        time.sleep(0.3)
        lab.equal(len(self.room.mails()), count, "mails")
        return mails[0] if count == 1 else mails


def _register(scenario, dialects):
    module = scenario.__globals__

    def add(dialect, peer):
        def test(room):
            scenario(World(room, dialect, peer))
        name = "test_%s_%s%s" % (scenario.__name__, dialect, "_peer" if peer else "")
        test.__doc__ = scenario.__doc__
        module[name] = test
    for dialect in dialects:
        add(dialect, False)
        if os.environ.get(lab.PEERS[dialect]):
            add(dialect, True)
    return scenario


def both(scenario):
    return _register(scenario, ("debian", "cronie"))


def debian(scenario):
    return _register(scenario, ("debian",))


def cronie(scenario):
    return _register(scenario, ("cronie",))
