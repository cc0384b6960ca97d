"""Rows of the fault table about tables on a disk that is full, loses its power, or goes away."""
import contextlib
import os
import re
import signal
import subprocess
import time

import lab
from faults import ROOM, Skip
from files import (FULL, Disk, Seen, content, install, left_over, leaves, moved_out, path_of, wait_rows, writers)

STEPS = {"openat": "openat", "write": "write", "fsync": "fsync", "rename": "rename,renameat,renameat2"}


def f23(room):
    """the spool's disk is full when a table is installed
    crontab says so (status not 0), the old table stands byte for byte, nothing is left over"""
    room.small_disk(room.subject.spool, "128k")
    room.job("kept")
    room.start()
    small = install(room, room.tables["alice"] + "# small\n")
    lab.check(small.returncode == 0, "crontab cannot install: %r" % small.stderr[-200:])
    before, names, seen = content(room), os.listdir(room.subject.spool), Seen()
    done = install(room, room.tables["alice"] + ("1 1 1 1 * : " + "x" * 88 + "\n") * 4000)
    seen.add(done.returncode == 0, "crontab says all is well")
    seen.add(done.returncode and not done.stderr, "without a word")
    seen.add(content(room) != before, "old table destroyed")
    seen.add(left_over(room, names), "temporary files stay")
    room.instants(2)
    seen.tell()


def killed_at(step, number, log=ROOM + "/steps"):
    """Words that kill a program at its number-th call of a kind."""
    return ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + STEPS[step],
            "-e", "inject=%s:signal=KILL:when=%d" % (STEPS[step], number)]


def calls_of(room, text):
    """What a whole install does of each kind, and where in it the spool is first opened."""
    log = ROOM + "/steps"
    done = install(room, text, under=["strace", "-f", "-qq", "-o", log, "-e",
                                      "trace=" + ",".join(STEPS.values())])
    if done.returncode:
        raise Skip("no crontab under strace: " + done.stderr.decode(errors="replace"))
    calls, counts, first = re.findall(r"^\d+ +(\w+)\((.*)$", lab.read(log), re.M), {}, {}
    touched = False
    for name, rest in calls:
        kind = "rename" if name.startswith("rename") else name
        counts[kind] = counts.get(kind, 0) + 1
        touched = touched or room.subject.spool in rest or '"crontabs' in rest or '"alice' in rest
        if touched:
            first.setdefault(kind, counts[kind])
    return [(kind, n) for kind in counts if kind in first for n in range(first[kind], counts[kind] + 1)]


def f24(room):
    """kill -9 of crontab at each openat, write, fsync and rename
    the old table or the new one, never a part of it; what it leaves behind is never run"""
    room.job("steady")
    room.start()
    old = room.tables["alice"]
    new, trap = old + "# new\n" * 2000, old + "# new\n" * 2000 + leaves("trap")
    plan, seen, deaths = calls_of(room, new), Seen(), 0
    for kind, number in plan:
        lab.put(path_of(room), old, 0o600, room.subject.owner or "alice", replace=True)
        done = install(room, new, under=killed_at(kind, number))
        deaths += done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
        seen.add(content(room) not in (old.encode(), new.encode()), "partial table after %s" % kind)
    lab.check(deaths >= 4, "only %d deaths: nothing was tested" % deaths)
    room.table("alice", old)
    for kind in ("rename", "fsync"):
        if (kind, 1) in plan or any(one == kind for one, _ in plan):
            install(room, trap, under=killed_at(kind, next(n for one, n in plan if one == kind)))
            break
    if content(room) == old.encode():
        room.instants(2)
        seen.add(room.out("trap"), "runs what was left behind")
    room.table("alice", old)
    seen.tell()


def f25(room):
    """the power goes after a table was installed
    the new table is there when it comes back, whole"""
    spool, seen = room.subject.spool, Seen()
    disk = Disk(room, spool)
    room.job("steady")
    with moved_out(spool):
        disk.mount()
    disk.umount()
    disk.mount()
    room.start()
    room.instants(1)
    text = room.tables["alice"]
    for number in range((8 if FULL else 2) if room.ours else 1):
        new = text + "# version %d\n" % number * 2000
        done = install(room, new)
        lab.check(done.returncode == 0, "crontab cannot install: %r" % done.stderr[-200:])
        disk.cut()
        if room.ours:  # which loses nothing by it
            disk.gone()
            room.instants(1)
            disk.mount()
        else:
            room.end()
            disk.gone()
            disk.mount()
        there = content(room)
        seen.add(there == b"", "table of 0 bytes")
        seen.add(there and there != new.encode(), "install lost" if there == text.encode() else "torn table")
        seen.add(there is None, "no table")
    if room.ours:
        room.daemon.send_signal(signal.SIGHUP)  # that a disk was mounted nobody tells; it looks each minute
    else:
        room.start()
    room.instants(1)
    seen.tell()


def synced_after_error(log):
    """Was a descriptor synced once more after that had failed on it, without being opened anew?"""
    failed = set()
    for name, fd, rest in re.findall(r"^(?:\d+ +)?(fsync|fdatasync|close)\((\d+)\)(.*)$", log, re.M):
        if name == "close":
            failed.discard(fd)
        elif fd in failed:
            return True
        elif "INJECTED" in rest:
            failed.add(fd)
    return False


def f33(room):
    """fsync fails once: EIO
    nobody takes the next fsync's word for it: crontab refuses, the history opens its file anew"""
    room.job("steady")
    room.start()
    seen, old, log = Seen(), content(room), ROOM + "/synced"
    names = os.listdir(room.subject.spool)
    done = install(room, room.tables["alice"] + "# new\n", under=[
        "strace", "-f", "-qq", "-o", log, "-e", "trace=fsync,fdatasync,close", "-e",
        "inject=fsync,fdatasync:error=EIO:when=1"])
    said = lab.read(log)
    if "INJECTED" not in said:
        seen.add(True, "crontab never syncs")
    else:
        seen.add(done.returncode == 0, "crontab says all is well")
        seen.add(content(room) != old, "old table gone")
        seen.add(synced_after_error(said), "crontab trusts a second fsync")
    seen.add(left_over(room, names), "temporary files stay")
    if room.ours:
        history_synced(room, seen)
    room.table("alice", room.tables["alice"])
    room.instants(1)
    seen.tell()


def history_synced(room, seen):
    wait_rows(room)
    with room.injected(writers()[0], "trace=fsync,fdatasync,close,openat",
                       "inject=fsync,fdatasync:error=EIO:when=1") as log:
        room.wait_log(r"the history in \S+ cannot be read or written: .*; records of runs wait", 20)
        room.wait_log(r"the history in \S+ is written again after", 20)
        said = lab.read(log)
    lab.check("INJECTED" in said, "no fsync of the history failed: " + said)
    seen.add(synced_after_error(said), "history trusts a second fsync")


def again(room):
    """Somebody who mounts a disk, or moves a directory back, says so to the daemon."""
    if room.ours:
        room.daemon.send_signal(signal.SIGHUP)


def f34(room):
    """the spool is unmounted, renamed, cannot be read: EIO
    the last good tables stay in force, never none; said once; what is there again counts"""
    spool, seen = room.subject.spool, Seen()
    room.job("steady")
    with moved_out(spool):
        lab.mount("lab", spool, "tmpfs", 0, "mode=%o" % (os.stat(spool).st_mode & 0o7777))
    room.start()
    room.instants(1)
    for what, broken in (("unmounted", unmounted), ("renamed", renamed), ("unreadable", unreadable)):
        with broken(room):
            seen.add(not goes_on(room), "%s: jobs stop" % what)
        if seen.add(room.daemon.poll() is not None, "%s: the daemon dies" % what):
            break
        again(room)
        if room.ours:
            line = r"%s: .*; what it gave stays in force" % spool
            lab.check(0 < len(room.log(line)) <= 3, "%d lines about it" % len(room.log(line)))
    seen.tell()
    changed(room)


def goes_on(room):
    """Are jobs started at what are later instants in any case?"""
    began, wanted = time.time(), 2 if room.ours else 1

    def later(name):
        return sum(mark.instant(room.unit) > began for mark in room.marks("start", name)) >= wanted
    with contextlib.suppress(lab.Failure):
        return room.wait_for(lambda: later("steady") and later("pulse"), room.patience(), "jobs")


@contextlib.contextmanager
def unmounted(room):
    spool = room.subject.spool
    keep = ROOM + "/unmounted"
    subprocess.run(["cp", "-a", spool, keep], check=True)
    lab.LIBC.umount2(spool.encode(), 2)  # MNT_DETACH: some daemons live in it
    yield
    subprocess.run(["cp", "-a", keep + "/.", spool], check=True)


@contextlib.contextmanager
def renamed(room):
    try:
        os.rename(room.subject.spool, room.subject.spool + "-away")
    except OSError as error:
        raise Skip("the spool cannot be renamed under it: %s" % error.strerror) from None
    yield
    os.rename(room.subject.spool + "-away", room.subject.spool)


@contextlib.contextmanager
def unreadable(room):
    with room.injected(room.daemon.pid, "trace=getdents64", "inject=getdents64:error=EIO"):
        if room.ours:  # which else would not look
            os.rename(room.subject.spool, room.subject.spool + "-away")
            os.rename(room.subject.spool + "-away", room.subject.spool)
        os.utime(room.subject.spool)
        yield


def changed(room):
    """A table that is changed now is taken."""
    room.table("alice", room.tables["alice"] + leaves("changed"))
    room.wait_for(lambda: room.out("changed"), room.patience(), "the changed table's job")
