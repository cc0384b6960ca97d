"""Rows of the fault table about the record of runs: its disk, its file, its writer."""
import contextlib
import os
import signal
import sqlite3
import subprocess

import lab
from files import (DATABASE, FULL, PLACE, Disk, fill, kill_writers, rows, wait_rows, writers)

WAIT = "records of runs wait"
REMOUNT, READ_ONLY = 0x20, 1


def begin(room):
    """A daemon with jobs, some of which are on record."""
    room.needs("history")
    if not os.path.exists(lab.BUILD + "/crond/crond-history"):
        raise lab.Skip("built without SQLite")
    room.job("steady", "echo x")
    room.start()
    wait_rows(room, 2)


def own_disk(size):
    os.makedirs(os.path.dirname(PLACE), exist_ok=True)
    lab.memory(PLACE, "0700,size=" + size)


def all_on_record(room):
    """Each run that marked its start has one row, which says how it ended."""
    def missing():
        there = {name for name, in rows()}
        return [m.run for m in room.marks("end") if m.run not in there]
    room.wait_for(lambda: not missing(), room.patience(), "the record of every run")
    lab.equal(rows("SELECT run_id FROM runs GROUP BY run_id HAVING count(*) > 1"), [], "runs that are there twice")


def f27(room):
    """no room on the history's disk
    jobs run; records wait and none is lost; said once, and once that it is over"""
    own_disk("256k")
    begin(room)
    fill(PLACE + "/filler")
    room.wait_log("the history in .* has no room on its disk: .*; " + WAIT, room.patience())
    room.instants(3)
    lab.equal(len(room.log(WAIT)), 1, "lines about it")
    os.remove(PLACE + "/filler")
    room.wait_log("the history in .* is written again after", room.patience())
    all_on_record(room)


def random_bytes(path):
    with open(path, "r+b") as file:
        file.write(os.urandom(os.path.getsize(path)))


def cut_off(path):
    os.truncate(path, os.path.getsize(path) // 2 + 100)


def f28(room):
    """the history's file is overwritten, cut off
    it is put aside and said so, another one is begun, jobs run on, what waited is in it"""
    begin(room)
    for number, damage in enumerate((random_bytes, cut_off), 1):
        pid = writers()[0]
        os.kill(pid, signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(DATABASE, timeout=10)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        damage(DATABASE)
        os.kill(pid, signal.SIGKILL)
        line = room.wait_log(r"the history in \S+ is damaged: .*; it is kept there as", room.patience(), number)
        lab.check(os.path.exists("%s/%s" % (PLACE, line.text.split()[-1])), "not kept: " + line.text)
        wait_rows(room, 2)
    lab.equal(len(room.log("is damaged")), 2, "lines about it")


def f29(room):
    """somebody holds the history's file locked
    no start waits for it; what was to be written is, once it is free"""
    begin(room)
    with contextlib.closing(sqlite3.connect(DATABASE, timeout=10, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        count = len(room.marks("start", "steady"))
        room.wait_mark("steady", count=count + 3)
    all_on_record(room)


def f30(room):
    """the history's file system turns read-only
    jobs run; records wait and none is lost; said once, and once that it is over"""
    own_disk("8M")
    begin(room)

    def turned():
        kill_writers()  # a file that is open for writing would forbid it
        return lab.LIBC.mount(b"lab", PLACE.encode(), b"tmpfs", REMOUNT | READ_ONLY, None) == 0
    room.wait_for(turned, room.patience(), "a read-only file system")
    room.wait_log(r"the history in \S+ (is read-only|cannot be opened): .*; " + WAIT, room.patience())
    room.instants(2)
    lab.mount("lab", PLACE, "tmpfs", REMOUNT)
    room.wait_log("the history in .* is written again after", room.patience())
    all_on_record(room)


def f31(room):
    """the power of the history's disk goes
    what was on record when it went is there when it comes back, and what ran meanwhile comes to be"""
    os.makedirs(PLACE)
    disk = Disk(room, PLACE)
    disk.mount()
    begin(room)
    for _ in range(5 if FULL else 1):
        known = dict(rows("SELECT run_id, result FROM runs WHERE result IS NOT NULL"))
        disk.cut()
        disk.gone(lambda: kill_writers() or ())
        disk.mount()
        there = dict(rows("SELECT run_id, result FROM runs"))
        gone = {run: result for run, result in known.items() if there.get(run) != result}
        lab.equal(gone, {}, "acknowledged rows that are gone")
        lab.check(known, "nothing was on record")
        wait_rows(room, 2)
    all_on_record(room)


def f32(room):
    """kill -9 of the history's writer, again and again
    no record is lost, none is there twice"""
    begin(room)
    for _ in range(30 if FULL else 3):
        if FULL:  # one that dies again and again is started ever later, but for those who ask
            subprocess.run([room.program("cronctl"), "runs", "--limit", "1"], timeout=60, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pid = room.wait_for(writers, 70, "crond-history")[0]
        wait_rows(room)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        room.wait_for(lambda: pid not in writers(), 5, "its end")
    all_on_record(room)
