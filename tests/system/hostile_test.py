"""An unprivileged user against root and everybody else."""
import os
import re
import signal
import subprocess
import time

import lab
from control_test import good, on_terminal
from lab import OUT, check, equal

STOPPER = """
import os, signal
while True:
    try:
        os.kill(-1, signal.SIGSTOP)  # whatever alice has, but for this
    except ProcessLookupError:
        pass
"""


def task(name, command, *settings, schedule="* * * * * *"):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in settings))


def as_user(*words, uid=2001, **how):
    return subprocess.Popen(words, user=uid, group=uid, extra_groups=[], cwd="/", **how)


def test_stopped_before_it_executes(room):
    """Between its identity and its program a job is its user's to stop: its keeper, which waits
    for that, keeps the timeout all the same."""
    long_way = "/" + "usr/../" * 500  # which takes longer than a command of this user's
    room.tasks("t", "".join(task("t%d" % n, "sleep 60", "user = alice", 'timeout = "1s"',
                                 'kill-after = "1s"', 'dir = "%s"' % long_way, schedule="@reboot")
                            for n in range(40)))
    stopper = as_user("python3", "-c", STOPPER)
    room.start()
    lines = room.wait_for(lambda: len(room.log(r"FAIL job=t\d+ ")) == 40 and room.log("FAIL job=t"), 30,
                          "the end of all of them")
    stopper.kill()
    print(len([1 for line in lines if "result=spawn" in str(line)]), "were stopped before")
    for line in lines:
        check(re.search(r'result=(timeout|spawn reason="cannot execute .*: Connection timed out")', str(line)),
              str(line))
    room.wait_for(lambda: not room.keepers(), 20, "the end of their keepers")


if __name__ == "__main__":
    lab.main()
