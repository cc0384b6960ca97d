"""One user's crowds: whatever a user has due, prints, sends or installs, others' jobs start as if
he were not there. What is asserted is an order or a ratio within one run, no time."""
import time

import lab
from control_test import good
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


if __name__ == "__main__":
    lab.main()
