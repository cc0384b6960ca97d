"""One user's crowds: whatever a user has due, prints, sends or installs, others' jobs start as if
he were not there. What is asserted is an order or a ratio within one run, no time."""
import subprocess
import time

import lab
from control_test import cpu_seconds, good, jobs
from lab import check, equal

MANY = 500


def at(due):
    """Six fields: that second of the day."""
    return time.strftime("%S %M %H * * *", time.gmtime(due))


def load(room, lines):
    """Has both tables in force before they are due, alice's first: what was loaded last comes
    first in the daemon's own order."""
    for ahead in (3, 6, 12, 24, 48):
        due = int(time.time()) + ahead
        for user, count in (("alice", 1), ("bob", lines)):
            room.crontab(user, "#@ seconds\n" + "".join("%s true %d\n" % (at(due), n) for n in range(count)))
            good(room, "reload")
        if time.time() < due - 0.5:
            return
    raise lab.Skip("this machine takes a minute to load %d lines" % lines)


def test_many_lines_come_behind_one(room):
    """Alice's only line is due with bob's many."""
    room.start()
    room.wait_log("jobs in force")
    load(room, MANY)
    room.wait_log(r"\(alice\) CMD", 60)
    room.wait_log(r"\(bob\) CMD", 60, MANY)
    order = [str(line) for line in room.log(r"\((alice|bob)\) CMD")]
    before = next(n for n, line in enumerate(order) if "(alice)" in line)
    check(before < MANY / 5, "%d of bob's jobs started before alice's" % before)
    equal(len({line.partition(": ")[2] for line in order}), MANY + 1, "jobs that have started")


def test_a_table_that_is_changed_for_ever(room):
    """What takes long to read is not read again at once, but in the end as it is then; and what a
    user may have in it is limited."""
    daemon = room.start()
    room.wait_log("jobs in force")
    letters = "abcdefghijklmnopqrst"
    slow = "".join("#@ timezone=%s5\n0 0 1 1 * true\n" % (a + b + c)
                   for a in letters for b in letters for c in letters)
    began = cpu_seconds(daemon.pid)
    room.crontab("alice", slow)
    good(room, "reload")
    once, times = cpu_seconds(daemon.pid) - began, 10
    for n in range(times):
        room.crontab("alice", slow + "0 0 1 1 * true %d\n" % n)
        time.sleep(once * 1.5)
    read = len(room.log(r"\(alice\) RELOAD"))
    check(read < times * 0.7, "of %d changes %d were read at once" % (times, read))
    for n in range(3): # a listing begins anew where the table has changed meanwhile
        listing = subprocess.Popen([room.program("cronctl"), "list", "--json"], stdout=subprocess.DEVNULL)
        room.crontab("alice", slow + "0 0 1 1 * true again %d\n" % n)
        good(room, "reload")
        equal(listing.wait(), 0, "the status of cronctl list")
    room.crontab("alice", "#@ name=last\n0 0 1 1 * true\n")
    room.wait_for(lambda: list(jobs(room)) == ["alice:last"], 30, "the last table in force")
    room.crontab("bob", "0 0 1 1 * true\n" * 40000)
    room.wait_log(r"\(bob\) ERROR .*bob:32769: crontab is too long; maximum number of lines is 32768")
    equal(list(jobs(room)), ["alice:last"], "jobs in force")


if __name__ == "__main__":
    lab.main()
