# crontab_audit: what crontab(1) asks of the kernel while it has rights of its own.
# Flow: crontab_test runs each check_* in a clean lab; an AssertionError is a failure. strace,
# started as root for a user, leaves a program the rights that it is installed with.

import os
import re
import shutil
import subprocess

from crontab_cases import GOOD, allow, mine, table
from crontab_checks import collect, expect
from crontab_lab import CRONIE, CRONTAB_GID, ROOT, SPOOL, USERS, home

PATHS = re.compile(r"^(open|openat|stat|lstat|newfstatat|statx|unlink|unlinkat|rename|renameat2?|mkdir|mkdirat|"
                   r"chmod|fchmodat|chown|fchownat|link|linkat|symlink|symlinkat|utimensat|access|faccessat2?|"
                   r"readlink|readlinkat|truncate|chdir|connect|execve)\(")
LOADER = re.compile(r"^(/etc/ld[.-]|/etc/suid-debug$|/lib|/usr/lib|/proc/self/|/sys/devices/system/cpu)")
# With the rights of whoever calls from here on, or with its own ones again.
IDS = re.compile(r"^setres(%s)(?:32)?\((-1|\d+), (-1|\d+), (-1|\d+)\)" % ("uid" if CRONIE else "gid"))
STARTING = re.compile(r"^(execve|brk|mmap|mprotect|munmap|madvise|open|openat|access|faccessat|readlink|close|"
                      r"read|pread64|fstat|newfstatat|arch_prctl|set_tid_address|set_robust_list|rseq|prlimit64|"
                      r"getrandom|fcntl|get(e|res)?[ug]id|setres[ug]id|prctl|uname|readv|set_tls)\(")


def traced(lab, argv, stdin, env=()):
    """The calls, each with whose rights it was made: "start" (before the first change), True
    (its own) or False (the caller's)."""
    subprocess.run(["strace", "-f", "-qq", "-s", "4096", "-o", "/tmp/trace", "-u", "alice",
                    lab.binary("tool"), *argv], input=stdin, timeout=60, cwd=home("alice"), check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC", **dict(env)})
    first, own = None, "start"
    with open("/tmp/trace", encoding="utf-8", errors="replace") as trace:
        for line in trace:
            pid, call = line.split(None, 1)
            first = first or pid
            if pid != first:
                yield "child", call
                continue
            yield own, call
            ids = IDS.match(call)
            if ids and ids[3] != "-1":
                own = int(ids[3]) == (0 if CRONIE else CRONTAB_GID)


def path_of(call):
    """What it names, as seen from the directory that it is called with; None: it names nothing."""
    if not PATHS.match(call):
        return None
    name = re.search(r'"((?:[^"\\]|\\.)*)"', call)
    return name and name[1] or None


def judge(lab, what, calls):
    """The program's own rights are for its lists, its configuration and the spool."""
    known = {SPOOL, "/etc/cron.allow", "/etc/cron.deny", lab.conf, "/etc/localtime"}
    seen = set()
    for own, call in calls:
        name = path_of(call)
        seen.add(own)
        if own == "start":
            assert STARTING.match(call), (what, "before the caller's rights are taken", call)
            assert call.startswith("execve(") or not name or LOADER.match(name), (what, call)
        elif own is True:
            assert not re.match(r"(execve|clone3?|v?fork|connect|ptrace|socket)\(", call), (what, call)
            below = name and not name.startswith("/") and "/" not in name and not re.match(r"\w+\((AT_FDCWD|\")", call)
            assert name is None or name in known or below, (what, "named with rights of its own", call)
    return seen


def check_rights_are_for_the_spool_alone(lab):
    if not shutil.which("strace"):
        return "needs strace"
    with open(lab.binary("tool"), "rb") as program: # sanitizers and counts of lines have calls of their own first
        begins = program.read()
        plain = b"__asan_init" not in begins and b"__llvm_profile" not in begins
    allow("alice\n").do(lab)
    editor = {"EDITOR": "%s/ed/add" % ROOT}
    mine("f", GOOD).do(lab)
    for what, argv, stdin, env in (
            ("an install", ["-"], GOOD, ()), ("one of a file", ["f"], b"", ()), ("a listing", ["-l"], b"", ()),
            ("an edit", ["-e"], b"", editor.items()), ("a removal", ["-r"], b"", ()),
            ("another's table", ["-u", "bob", "-l"], b"", ()), ("a bad call", ["--nosuch"], b"", ())):
        table("bob").do(lab)
        if what == "a removal":
            table("alice").do(lab)
        calls = list(traced(lab, argv, stdin, env))
        seen = judge(lab, what, calls if plain else [one for one in calls if one[0] != "start"])
        assert False in seen, (what, "never with the caller's rights", calls[-5:])
        changed = [call for own, call in calls if own is False and path_of(call) and SPOOL in path_of(call)]
        expect(changed, [], "%s: the spool with the caller's rights" % what)
    expect(os.stat(SPOOL + "/bob").st_uid, USERS["bob"][0], "the other's table")
    return None


CHECKS = collect(globals())
