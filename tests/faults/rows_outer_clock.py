"""Rows 58 to 62 of the fault table: the wall clock is set, and what local time is changes.

The daemon's clock is its own (clock.c), the jobs' is the machine's: what is due is judged by what
the row set, and the invariants, which go by the machine's clock, are held here. A program that is
linked statically keeps the machine's clock."""
import datetime
import os
import shutil
import struct
import time
import zoneinfo

import lab
from faults import MARK, ROOM, Fault, Skip, check

SHIM = lab.BUILD + "/tests/faults/clock.so"
DAY = 1812931200    # 2027-06-14, a Monday, 00:00 UTC
AWAY = ("skip", "miss", "not started", "moved")


def clock(hour, minute, second=0):
    return DAY + hour * 3600 + minute * 60 + second


class Wall:
    """The daemon's wall clock, set once before it starts."""

    def __init__(self, room, at):
        if room.kind == "busybox":
            raise Skip("linked statically, its clock cannot be set apart")
        if not os.path.exists(SHIM):
            raise Skip("%s is not built (make check-faults)" % os.path.basename(SHIM))
        self.room, self.path = room, ROOM + "/clock"
        with open(self.path, "wb") as f:
            f.write(struct.pack("=q", 0))
        self.set(at)

    def set(self, at):
        with open(self.path, "r+b") as f:  # one write: whoever has it mapped sees all of it
            f.write(struct.pack("=q", int((at - time.time()) * 1e9)))

    def now(self):
        with open(self.path, "rb") as f:
            return time.time() + struct.unpack("=q", f.read())[0] / 1e9

    def start(self):
        self.room.jobs.clear()
        self.room.start(env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_PRELOAD": SHIM})

    def until(self, at):
        time.sleep(max(0, at - self.now()))

    def noticed(self):
        """Time enough to see that it was set: at once, or when a minute's sleep has ended."""
        time.sleep(1.5 * lab.slowness() if self.room.ours else 64)

    def end(self):
        """The daemon is still there, and that is all: its stamps are of another time."""
        daemon, self.room.daemon = self.room.daemon, None
        if daemon.poll() is not None:
            raise Fault("daemon died")
        daemon.kill()
        daemon.wait()


def line(name, when, second=None):
    """A marked line of root's table; of ours at that second of its minutes."""
    return "#@ name=%s second=%s\n%s %s\n" % (name, 0 if second is None else second, when,
                                              MARK % ("start", name, ""))


def starts(room, name):
    return len(room.marks("start", name))


def accounted(room, name):
    """Started once, or said to be left out: in words; raises where it is neither."""
    count = starts(room, name)
    said = [one for one in room.syslog.lines if name in one.text and
            any(word in one.text for word in AWAY) and "CMD" not in one.text]
    if count > 1:
        raise Fault("%s ran %d times" % (name, count))
    if not count and not said:
        raise Fault("%s lost, silent" % name)
    return "%s %s" % (name, "ran" if count else "said to be left out")


def trouble(room):
    return sum(one.priority <= 4 for one in list(room.syslog.lines))


def f58(room):
    """the clock goes 15 minutes ahead
    fixed jobs of these minutes run, once; those that go by the hour run or are said to be left out"""
    wall = Wall(room, clock(10, 21, 58))
    room.table("root", line("pulse", "* * * * *") + line("fixed", "28 10 * * *") +
               line("hourly", "30 * * * *"))
    wall.start()
    room.wait_mark("pulse")
    wall.set(wall.now() + 900)
    wall.noticed()
    check(starts(room, "pulse") >= 1, "pulse")
    room.note(", ".join(accounted(room, name) for name in ("fixed", "hourly")))
    wall.end()


def f59(room):
    """the clock goes back by minutes
    a fixed job that ran at a time does not run again as that comes again"""
    wall = Wall(room, clock(10, 21, 58))
    room.table("root", line("fixed", "22 10 * * *") + line("each", "* * * * *"))
    wall.start()
    room.wait_mark("fixed")
    room.wait_mark("each")
    wall.set(clock(10, 21, 58) if room.ours else wall.now() - 120)
    wall.until(clock(10, 22, 1))
    wall.set(clock(10, 52, 0))
    wall.noticed()
    wall.set(clock(10, 21, 58))
    wall.until(clock(10, 22, 1))
    wall.noticed()
    if starts(room, "fixed") != 1:
        raise Fault("fixed job ran %d times" % starts(room, "fixed"))
    check(starts(room, "each") >= 1, "nothing runs")
    wall.end()


def f60(room):
    """the clock goes 5 hours ahead, or from 1970 to now
    what was passed over is said to be, or runs by policy; what is due next starts; no flood"""
    wall = Wall(room, clock(10, 59, 58))
    room.table("root", line("noon", "0 12 * * *") + line("pulse", "* * * * *"))
    wall.start()
    room.wait_mark("pulse")
    wall.set(wall.now() + 5 * 3600)
    wall.noticed()
    room.note(accounted(room, "noon"))
    wall.end()
    shutil.rmtree("/run/crond", ignore_errors=True)
    wall.set(117)
    room.table("root", line("then", "* * * * *", 0))
    wall.start()
    room.wait_mark("then")
    lines, before = trouble(room), starts(room, "then")
    wall.set(clock(10, 21, 58))
    wall.until(clock(10, 22, 1))
    wall.noticed()
    if starts(room, "then") <= before:
        raise Fault("nothing runs after 1970")
    if trouble(room) - lines > 10:
        raise Fault("%d lines of the log" % (trouble(room) - lines))
    wall.end()


def local(zone, year, month, day, hour, minute, second, fold=0):
    """That moment of a zone, in which the daemon lives from now on."""
    lab.put("/etc/.new-localtime", "")
    os.remove("/etc/.new-localtime")
    os.symlink("/usr/share/zoneinfo/" + zone, "/etc/.new-localtime")
    os.rename("/etc/.new-localtime", "/etc/localtime")
    at = datetime.datetime(year, month, day, hour, minute, second, fold=fold,
                           tzinfo=zoneinfo.ZoneInfo(zone))
    return int(at.timestamp())


def once(room, name, what):
    if starts(room, name) != 1:
        raise Fault("%s: a fixed job ran %d times" % (what, starts(room, name)))


def gap(room, name, zone, moment, when):
    """A fixed job within the gap runs once, at its end."""
    wall = Wall(room, local(zone, *moment))
    room.table("root", line(name, when) + line("pulse" + name, "* * * * *"))
    wall.start()
    room.wait_mark("pulse" + name)
    wall.noticed()
    once(room, name, "gap of " + zone)
    wall.end()


def f61(room):
    """daylight saving begins and ends; half an hour of it; the year 2038
    a fixed job in the gap runs once, one in the hour that comes twice runs once, time goes on"""
    gap(room, "gap", "America/New_York", (2027, 3, 14, 1, 59, 58), "30 2 * * *")
    shutil.rmtree("/run/crond", ignore_errors=True)
    gap(room, "half", "Australia/Lord_Howe", (2027, 10, 3, 1, 59, 58), "15 2 * * *")
    shutil.rmtree("/run/crond", ignore_errors=True)
    wall = Wall(room, local("America/New_York", 2027, 11, 7, 0, 59, 58))
    room.table("root", line("twice", "0 1 * * *") + line("on", "* * * * *"))
    wall.start()
    room.wait_mark("twice")
    wall.set(wall.now() + 3600 - 3)
    wall.noticed()
    wall.set(local("America/New_York", 2027, 11, 7, 1, 0, 0, fold=1) - 2)
    time.sleep(2)
    wall.noticed()
    once(room, "twice", "the hour that comes twice")
    wall.end()
    shutil.rmtree("/run/crond", ignore_errors=True)
    wall.set(local("Etc/UTC", 2038, 1, 19, 3, 13, 58))
    room.table("root", line("last", "14 3 19 1 *", 0) + line("next", "* * * * *", 9))
    wall.start()
    room.wait_mark("last")
    wall.until((1 << 31) - 4)
    if room.ours:
        wall.set((1 << 31) - 1)
    wall.until((1 << 31) + 1)
    wall.noticed()
    once(room, "last", "2038")
    if not starts(room, "next"):
        raise Fault("nothing runs after 2038-01-19 03:14:07")
    wall.end()


def f62(room):
    """/etc/localtime is replaced
    what is due goes by the new one, without a restart"""
    room.start()
    there = datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Kolkata"))
    hours = "%d,%d" % (there.hour, (there.hour + 1) % 24)
    room.table("root", line("moved", "* %s * * *" % hours, "*"))
    room.instants(1)
    if starts(room, "moved"):
        raise Skip("this test's hours overlap")
    local("Asia/Kolkata", 2027, 1, 1, 0, 0, 0)
    began = time.monotonic()
    while not starts(room, "moved") and time.monotonic() < began + (75 if room.ours else 190):
        time.sleep(0.1)
    if not starts(room, "moved"):
        raise Fault("goes by the old one")
    room.note("seen after %d s" % (time.monotonic() - began))
