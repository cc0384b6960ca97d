"""nth_inject: the Nth call of a kind fails, for N from 1 until nothing is left to fail.

Flow: a scenario (nth_crontab.py and its like) says how one try goes and what is wrong behind
it; sweep() counts the calls of a try without a fault, then fails each of them with each error of
its kind. Injector is tests/faults/inject.c as seen from here.
"""
import errno
import mmap
import os
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))

import lab  # noqa: E402

INJECT = lab.BUILD + "/tests/faults/inject"
MOST = 4000       # calls of a kind, in one scenario
EACH = 30         # of a kind with more calls, errors beside the first one hit about so many, evenly spread

# What each kind of call may well say. The first one is the one of a short selection. What is
# not here never fails: close(2) and signal masks.
ERRORS = {
    "fork": "EAGAIN ENOMEM", "exec": "ENOMEM EACCES", "open": "EMFILE EIO ENOSPC",
    "rename": "EIO ENOSPC", "mkdir": "ENOSPC EIO", "unlink": "EIO EROFS", "link": "ENOSPC",
    "read": "EIO EINTR short", "readv": "EIO", "write": "ENOSPC EIO EINTR short",
    "writev": "ENOSPC EINTR", "fsync": "EIO ENOSPC", "ftruncate": "ENOSPC EIO", "chmod": "EIO",
    "chown": "EIO EPERM", "utimens": "EIO", "stat": "EIO ENOMEM", "statfs": "EIO",
    "access": "EIO", "readlink": "EIO", "getdents": "EIO", "lseek": "EIO",
    "setuid": "EAGAIN EPERM", "setgid": "EPERM EAGAIN", "setgroups": "EPERM ENOMEM",
    "setsid": "EPERM", "chdir": "EIO EACCES", "epoll_create": "EMFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC", "epoll_wait": "EINTR", "poll": "EINTR ENOMEM",
    "pipe": "EMFILE ENFILE", "socket": "EMFILE ENOBUFS", "socketpair": "EMFILE ENFILE",
    "connect": "ECONNREFUSED EAGAIN", "bind": "EADDRINUSE ENOSPC", "listen": "EADDRINUSE",
    "accept": "EMFILE ECONNABORTED", "send": "ENOBUFS EAGAIN EPIPE", "recv": "ENOMEM EAGAIN EINTR",
    "sockopt": "ENOMEM ENOPROTOOPT", "shutdown": "ENOTCONN", "fcntl": "EMFILE ENOLCK EINTR",
    "flock": "ENOLCK EINTR", "timerfd_create": "EMFILE ENOMEM", "timerfd_settime": "ECANCELED",
    "pidfd_open": "EMFILE ESRCH", "kill": "EPERM ESRCH", "dup": "EMFILE EBUSY",
    "mmap": "ENOMEM", "brk": "ENOMEM", "memfd": "EMFILE ENOMEM", "signalfd": "EMFILE ENOMEM",
    "eventfd": "EMFILE", "inotify": "EMFILE", "inotify_add": "ENOSPC ENOMEM",
    "rlimit": "EPERM", "prctl": "EINVAL", "wait": "EINTR", "priority": "EPERM",
    "getrandom": "EINTR", "sendfile": "EIO EINVAL", "capset": "EPERM", "close_range": "ENOSYS",
    "alloc": "ENOMEM",
}


def number(what):
    """What inject takes for an error's name."""
    return str(getattr(errno, what)) if what.startswith("E") else what


def arm(who, kind, n, what, times=1):
    """What an injector is told."""
    return "arm %s %s %d %d %s" % (who, kind, n, times, number(what))


class Injector:
    """What a program is started under; told first, it answers until closed. start(words, fds) is to
    execute words in front of the program's own, those descriptors open."""

    def __init__(self, start, first=None, identity=None):
        ours, self.commands = os.pipe()
        answers, theirs = os.pipe()
        words = [INJECT, "-r", str(ours), "-w", str(theirs)]
        words += ["-u", "%d:%d" % identity] if identity else []
        words += ["-c", first] if first else []
        try:
            self.process = start([*words, "--"], (ours, theirs))
        finally:
            os.close(ours)
            os.close(theirs)
        self.answers = os.fdopen(answers, "r", encoding="ascii", errors="replace")
        if first:
            self.told(self.answers.readline().rstrip("\n"))

    def told(self, said):
        lab.check(said == "ok", "inject says %r" % said)

    def close(self):
        os.close(self.commands)
        self.answers.close()

    def ask(self, line):
        os.write(self.commands, line.encode() + b"\n")
        return self.answers.readline().rstrip("\n")

    def arm(self, who, kind, n, what, times=1):
        self.told(self.ask(arm(who, kind, n, what, times)))

    def count(self):
        self.told(self.ask("count"))

    def counts(self):
        """{(who, kind): calls} since count(); nothing is counted from here on."""
        found, line = {}, self.ask("report")
        while line:
            who, kind, calls = line.split()
            found[who, kind] = int(calls)
            line = self.answers.readline().rstrip("\n")
        return found

    def report(self):
        """(calls, hits, which was the first) since arm(); nothing fails from here on."""
        calls, hits, example = self.ask("report").split(" ", 2)
        return int(calls), int(hits), example


class Memory:
    """As an Injector, of allocations: the one kind is "alloc", who is a program. Needs no start of its
    own: memory.c is in each program of the lab that starts from here on."""

    PROGRAMS = ("crond", "crond-notify", "crond-history", "cronctl", "crontab", "crond-launcher-pam")
    SIZE = 5 * 8 + 12 * 48 + 9 * 8
    PATH, LIBRARY = lab.ROOM + "/memory", lab.BUILD + "/tests/faults/memory.so"

    def __init__(self):
        if not os.path.exists(self.LIBRARY):
            raise lab.Skip("tests/faults/memory.so is not built")
        lab.put(self.PATH, bytes(self.SIZE), 0o666)
        with open(self.PATH, "r+b") as file:
            self.board = mmap.mmap(file.fileno(), self.SIZE)
        lab.put("/etc/ld.so.preload", self.LIBRARY + "\n")

    def close(self):
        """Others' programs fail no more; the board stays, for who starts the next one."""
        self.set(0, 0, 0)

    def set(self, who, n, times):
        struct.pack_into("5Q", self.board, 0, 0, n, times, 0, 0)
        self.board[40:40 + 12 * 48] = bytes(12 * 48)
        struct.pack_into("Q", self.board, 0, who)

    def arm(self, who, kind, n, what, times=1):
        lab.check(kind == "alloc" and what == "ENOMEM", "memory: %s %s" % (kind, what))
        self.set(self.PROGRAMS.index(who) + 1, n, times)

    def count(self):
        struct.pack_into("9Q", self.board, self.SIZE - 9 * 8, *[0] * 9)

    def counts(self):
        calls = struct.unpack_from("9Q", self.board, self.SIZE - 9 * 8)[1:]
        return {(who, "alloc"): n for who, n in zip(self.PROGRAMS, calls) if n}

    def report(self):
        calls, hits = struct.unpack_from("2Q", self.board, 24)
        example = self.example()
        self.close()
        return calls, hits, example or "nobody"

    def example(self):
        """Who asked for the first one that failed: file+offset of each call."""
        return self.board[40:40 + 12 * 48].split(b"\0")[0].decode("ascii", "replace").strip()


def run(argv, first=None, identity=None, **how):
    """One program under inject."""
    return Injector(lambda words, fds: subprocess.Popen([*words, *argv], pass_fds=fds, **how), first,
                    identity)


class Sweep:
    """What was tried in one scenario, and what was wrong."""

    def __init__(self, name, short=False):
        self.name, self.short, self.tried, self.faults, self.totals = name, short, {}, [], {}
        self.began = time.monotonic()

    def errors(self, kind):
        words = ERRORS.get(kind, "").split()
        return words[:1] if self.short else words

    def kinds(self, counts, who, leave=()):
        return sorted(kind for name, kind in counts
                      if name == who and kind not in leave and self.errors(kind))

    def run(self, who, kinds, one):
        """one(who, kind, n, what) is a try: ((calls, hits, example), faults)."""
        for kind in kinds:
            for what in self.errors(kind):
                self.each(who, kind, what, one)

    def kill(self, who, kinds, one):
        """As run(): who calls dies there."""
        for kind in kinds:
            self.each(who, kind, "kill", one)

    def step(self, who, kind):
        """The first error hits each call; the others each as well where these are few."""
        return 1 if os.environ.get("NTH_ALL") else max(1, self.totals.get((who, kind), 0) // EACH)

    def each(self, who, kind, what, one):
        tries = 0
        for n in range(1, MOST, self.step(who, kind)):
            try:
                (_, hits, example), faults = one(who, kind, n, what)
            except lab.Failure as failure:
                raise lab.Failure("%s %s %d of %s, or the one before: %s" % (what, kind, n, who, failure)) from None
            if not hits:
                if tries:
                    self.note(who, kind, tries)
                if what == self.errors(kind)[0]:
                    self.totals[who, kind] = n - 1
                self.blame(who, kind, n, what, example or "nothing failed", faults)
                if os.environ.get("NTH_PROGRESS"):
                    print("%s: %s %s %s: %d" % (self.name, who, kind, what, tries), flush=True)
                return
            tries += 1
            self.blame(who, kind, n, what, example, faults)
        self.add(["%s %s %s: no end of calls" % (who, kind, what)])

    def note(self, who, kind, tries):
        self.tried[who, kind] = self.tried.get((who, kind), 0) + tries

    def blame(self, who, kind, n, what, example, faults):
        self.add("%s %s %d of %s (%s): %s" % (what, kind, n, who, example, fault) for fault in faults)

    def add(self, faults):
        for fault in faults:
            self.faults.append("%s: %s" % (self.name, fault))
            print(self.faults[-1], flush=True)

    def finish(self, least=1):
        """Prints what was tried; a failure where something was wrong, or nothing was tried."""
        total = sum(self.tried.values())
        for who in sorted({name for name, _ in self.tried}):
            print("%s, %s: %s" % (self.name, who, ", ".join(
                "%s %d" % (kind, tries) for (name, kind), tries in sorted(self.tried.items())
                if name == who)))
        print("%s: %d kinds, %d faults tried, %d failures, %.1f s" % (
            self.name, len(self.tried), total, len(self.faults), time.monotonic() - self.began))
        lab.check(not self.faults, "%d failures" % len(self.faults))
        lab.check(total >= least, "only %d faults were tried" % total)
