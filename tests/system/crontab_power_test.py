#!/usr/bin/env python3
# crontab_power_test: the power goes between any two system calls of crontab(1).
# Flow: in both dialects, for an install, an edit and a removal: the disk is cut off before
# each system call that follows the first change in the spool, and once more after the
# program's end. What a disk shows that comes back is the old table or the new one, whole,
# and after the program's end the new one.
"""crontab(1) and power cuts; see powercut.py."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import crontab_test  # noqa: E402
import powercut  # noqa: E402
from crontab_cases import table  # noqa: E402
from crontab_checks import body  # noqa: E402
from crontab_lab import DIALECT, HOME, ROOT, SPOOL, USERS, Lab  # noqa: E402

OLD = b"1 1 * * * old\n" * 300
NEW = b"2 2 * * * new\n" * 700
EDITOR = "sh -c 'cat %s/new >\"$0\"'" % ROOT
CALLS = {"install": (["crontab", "-"], NEW), "edit": (["crontab", "-e"], NEW),
         "remove": (["crontab", "-r"], None)}
DIALECTS = ("debian", "cronie")


def prepare(lab, disk):
    lab.clean()
    disk.mount()
    lab.own_spool()
    table("alice", OLD).do(lab)
    disk.umount()
    disk.keep()


def begin(lab, argv):
    uid, gid = USERS["alice"]
    env = {"PATH": "/usr/bin:/bin", "HOME": HOME + "/alice", "LANG": "C", "EDITOR": EDITOR}
    with open(ROOT + "/new", "rb") as stdin:
        return powercut.start(argv, lab.binary("tool"), uid, gid, env, stdin.fileno())


def state():
    return os.stat(SPOOL).st_mtime_ns, sorted(os.listdir(SPOOL))


def run_until(lab, argv, number):
    """Stops before the system call of that number after the first change: (None, its pid);
    or comes to the program's end: its status."""
    pid = begin(lab, argv)
    before, seen = state(), 0
    stepping = powercut.steps(pid)
    while True:
        try:
            next(stepping)
        except StopIteration as end:
            return end.value
        if seen or state() != before:
            seen += 1
        if seen == number:
            return None, pid


def one_cut(lab, disk, argv, number):
    """(did the program end, what is there afterwards)"""
    lab.logged() # a full log would make each call wait for it
    disk.restore()
    disk.mount()
    try:
        end = run_until(lab, argv, number)
        disk.cut()
        if isinstance(end, tuple):
            powercut.kill(end[1])
    finally:
        disk.umount()
    disk.mount()
    try:
        names = [n for n in os.listdir(SPOOL) if not n.startswith(".tmp.")]
        assert set(names) <= {"alice", "lost+found"}, names
        return end, body()
    finally:
        disk.umount()


def cut_everywhere(lab, disk, what):
    argv, new = CALLS[what]
    found = {OLD: 0, new: 0}
    for number in range(1, 200):
        end, there = one_cut(lab, disk, argv, number)
        assert there in found, "cut %d: %r..." % (number, (there or b"nothing")[:60])
        found[there] += 1
        if not isinstance(end, tuple):
            assert end == 0, "status %r" % end
            assert there == new, "lost after the program's end"
            break
    assert found[new] > 1 and number > 8, "nothing was cut: %r" % found
    return "%d cuts: %d times the old table, %d times the new one" % (
        number, found[OLD], found[new])


def control(lab, disk):
    """A rename without a sync is lost here: so the cuts above are cuts."""
    disk.restore()
    disk.mount()
    with open(SPOOL + "/.tmp.x", "wb") as f:
        f.write(NEW)
    os.rename(SPOOL + "/.tmp.x", SPOOL + "/alice")
    disk.cut()
    disk.umount()
    disk.mount()
    there = body()
    disk.umount()
    assert there == OLD, "not lost: %r" % (there or b"nothing")[:60]
    return "what is not synced is lost"


def report(name, function):
    try:
        print("ok - %s %s # %s" % (DIALECT, name, function()), flush=True)
        return 0
    except (AssertionError, OSError) as error:
        print("not ok - %s %s\n# %s: %s" % (DIALECT, name, type(error).__name__, error), flush=True)
        return 1


def inside():
    """One dialect, in namespaces of its own."""
    lab = Lab(crontab_test.BUILD, os.path.join(crontab_test.BUILD, "crontab-tool", "crontab"), None)
    with open(ROOT + "/new", "wb") as f:
        f.write(NEW)
    lab.clean()
    try:
        disk = powercut.Disk(SPOOL)
    except powercut.Unable as why:
        print("unable: %s" % why)
        return 0
    try:
        prepare(lab, disk)
        bad = report("without a sync", lambda: control(lab, disk))
        for what in CALLS:
            bad += report(what, lambda: cut_everywhere(lab, disk, what))
    finally:
        disk.close()
    return 1 if bad else 0


def main():
    if "--inside" in sys.argv:
        return inside()
    why = crontab_test.no_namespaces()
    if why:
        crontab_test.skip(why)
    number = bad = 0
    lines = []
    for dialect in DIALECTS:
        p = subprocess.run(crontab_test.UNSHARE + [sys.executable, "-B", __file__, "--inside"],
                           env={**os.environ, "CRONTAB_DIALECT": dialect}, stdout=subprocess.PIPE,
                           text=True)
        if p.stdout.startswith("unable: "):
            crontab_test.skip(p.stdout[8:].strip())
        if p.stdout.startswith("1..0"):  # the lab's own skip is that of the whole
            print(p.stdout, end="")
            return 0
        lines += p.stdout.splitlines()
        bad |= p.returncode
    print("1..%d" % sum(not x.startswith("#") for x in lines))
    for line in lines:
        number += not line.startswith("#")
        print(line.replace("ok -", "ok %d -" % number, 1))
    return bad


if __name__ == "__main__":
    sys.exit(main())
