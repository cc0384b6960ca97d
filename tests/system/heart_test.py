"""What jobs say to their keepers: heartbeats, states, alerts; and who may not say it."""
import array
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import lab
import sinks
from lab import OUT, check, equal

RUNS = "/run/crond/runs"
SAID = struct.Struct("III32s160s")  # crond/launch.h
CLIENT = OUT + "/client.py"
# a program that speaks the protocol by itself; its arguments are what it sends, one after the
# other, a number a pause
CLIENT_TEXT = """
import os, signal, socket, sys, time
to = os.environ["NOTIFY_SOCKET"]
to = "\\0" + to[1:] if to[0] == "@" else to
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for word in sys.argv[1:]:
    if word == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif word[0].isdigit():
        time.sleep(float(word))
    else:
        s.sendto(word.replace("|", "\\n").encode(), to)
"""


def client(*words):
    return " ".join(["/usr/bin/python3", CLIENT, *("'%s'" % w for w in words)])


def task(name, command, *settings):
    """One that is started once, at the next second."""
    return 'task "%s" {\n schedule = "* * * * * *"\n command = "%s"\n max = 1\n%s}\n' % (
        name, command.replace('"', '\\"'), "".join(" %s\n" % one for one in settings))


def furnish(room):
    lab.put(CLIENT, CLIENT_TEXT, 0o644)


def said(job):
    """(flags, batches, batch, status) of the job's run, or None."""
    for name in os.listdir(RUNS):
        path = "%s/%s/said" % (RUNS, name)
        if name.startswith(job + "-") and os.path.exists(path):
            with open(path, "rb") as f:
                _, flags, batches, batch, status = SAID.unpack(f.read())
            return flags, batches, batch.rstrip(b"\0"), status.rstrip(b"\0")
    return None


def test_shell_jobs_say_how_they_are_with_systemd_notify(room):
    furnish(room)
    word = "echo rc=$? >>%s/%s; exec sleep 60"
    room.tasks("t", task("plain", "systemd-notify --ready --status='All well'; " + word % (OUT, "plain"),
                         'user = "alice"') +
               task("pid", "systemd-notify --ready --pid --status='With a pid'; " + word % (OUT, "pid"),
                    'user = "alice"', "watchdog = 300ms") +
               task("root", "systemd-notify --pid --ready --status=root; " + word % (OUT, "root")))
    room.start()
    for job, status in (("plain", b"All well"), ("pid", b"With a pid"), ("root", b"root")):
        room.wait_for(lambda job=job, status=status: said(job) == (1, 0, b"", status), 10, job)
    for job in ("plain", "pid", "root"):
        equal(room.wait_out(job)[0], "rc=0", job)
    equal(room.log("WARNING"), [], "warnings")


if __name__ == "__main__":
    lab.main()
