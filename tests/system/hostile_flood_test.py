"""Floods at every socket that a user can reach: connections by the thousand, heartbeats as fast as they
can be sent. Others' jobs start each second, root is answered, and all is given back.

tests/soak/flood has the same for longer, by the environment's FLOOD, and asserts how late starts are
meanwhile beside before.
"""
import os
import subprocess
import time

import lab
from control_test import begin, cpu_seconds, cronctl, jobs
from hostile_test import as_user, task
from lab import OUT, check, equal

LONG = "FLOOD" in os.environ
SECONDS, CONNECTIONS = (int(word) for word in os.environ.get("FLOOD", "1 1500").split())
TICK = "#@ name=his second=*\n* * * * * echo $CRON_SCHEDULED_AT $(date +\\%%s.\\%%N) >>%s/his\n" % OUT
SOCKETS = ["/run/crond/%s.sock" % name for name in ("control", "alerts", "history")]
CROWD = (2001, 2002, 2003)
DAEMONS = 3

# Connections to each socket in turn, each with half a request: as many are held as there may be, each
# further one takes the place of the oldest. Says how many were made and how many found no room.
CONNECT = """
import collections, resource, socket, sys
paths, most = sys.argv[2:], int(sys.argv[1])
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
held, made, refused = collections.deque(maxlen=min(most, limit - 50)), 0, 0
print("begun", flush=True)
try:
    while True:
        for path in paths:
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            held.append(s)
            try:
                s.connect(path)
                made += 1
                s.send(b'{"version":1,"verb":"li')
            except OSError:
                refused += 1
        if made >= most:
            print(made, refused, flush=True)
            most = 1 << 60
except KeyboardInterrupt:
    print(made, refused, flush=True)
"""

# Says what a job may say, and what none may, without end.
HEARTBEATS = """
import itertools, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
for n in itertools.count():
    for text in ("READY=1", "STATUS=%d\\nWATCHDOG=1" % n, "X_CRON_BATCH_START=%d" % n, "X_CRON_BATCH_END=x",
                 "X_CRON_ALERT=%d" % n, "EXTEND_TIMEOUT_USEC=%d" % n, "STOPPING=1", "\\0", ""):
        s.send(text.encode())
"""


def all_answer(room):
    for verb in ("status", "alerts", "runs"):  # each asks at another socket
        equal(cronctl(room, verb, deadline=60)[0], 0, "the status of cronctl " + verb)


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def ours():
    """The scheduler and the helpers that are asked."""
    return [p.pid for p in lab.processes() if p.exe in ("crond", "crond-notify", "crond-history")]


def starts(room, count):
    """So many more of bob's: how late they are, in seconds."""
    had = len(room.lines("his"))
    lines = [line.split() for line in room.wait_out("his", had + count, 30 + count)[had:]]
    return [float(at) - int(due) for due, at in lines]


def each_second_once(room):
    """As far as bob's starts have come: those of two seconds may be told in either order."""
    def due():
        return sorted(int(line.split()[0]) for line in room.lines("his"))
    so_far = due()[-1]
    room.wait_for(lambda: set(due()) >= set(range(due()[0], so_far)), 30, "a start in each second")
    equal(len(set(due())), len(due()), "seconds, and starts in them")


def compare(what, before, amid):
    """By the one in the middle: any may meet what else this machine does."""
    usual = [sorted(each)[len(each) // 2] for each in (before, amid)]
    print("%s: starts are late by %.3f s (at most %.3f) before, %.3f s (%.3f) amid it"
          % (what, usual[0], max(before), usual[1], max(amid)))
    check(usual[1] < usual[0] + 0.2 * lab.slowness(), "starts wait for others' " + what)


def test_thousands_of_connections(room):
    room.crontab("bob", TICK)
    room.tasks("t", task("alerting", "true", 'alert = { "mail:a@example.org" }', schedule="@yearly"))
    begin(room)
    all_answer(room)  # so they are there
    before = LONG and starts(room, SECONDS)
    had = {pid: descriptors(pid) for pid in ours()}
    crowd = [as_user("python3", "-c", CONNECT, str(CONNECTIONS), *SOCKETS, uid=uid, stdout=subprocess.PIPE,
                     text=True) for uid in CROWD]
    for one in crowd:
        equal(one.stdout.readline(), "begun\n", "its first word")
    amid = starts(room, SECONDS)
    for one in crowd:
        made, refused = one.stdout.readline().split()
        print(made, "connections were made,", refused, "found no room")
    all_answer(room)
    for one in crowd:
        one.kill()
        one.wait()
    equal(sorted(ours()), sorted(had), "processes of ours that are still the same")
    room.wait_for(lambda: all(descriptors(pid) <= n + 8 for pid, n in had.items()), 30,
                  "descriptors that are given back")
    each_second_once(room)
    if LONG:
        compare("connections", before, amid)
    equal(list(jobs(room, user="bob")), ["bob:his"], "what bob sees behind them")


def notify_sockets(room):
    """Of alice's daemons, each of which floods its own."""
    lab.put("/tmp/flood.py", HEARTBEATS, 0o644)
    flood = 'exec python3 /tmp/flood.py $NOTIFY_SOCKET'
    room.tasks("t", "".join(task("d%d" % n, flood, "user = alice", "type = daemon") for n in range(DAEMONS)))
    return room.wait_for(lambda: len(found := [p.argv[2] for p in lab.processes()
                                               if p.argv[1:2] == [b"/tmp/flood.py"]]) == DAEMONS and found,
                         30, "daemons that flood")


def test_heartbeats_without_end(room):
    """By daemons, and by processes of the same user that are none of their runs."""
    room.crontab("bob", TICK)
    daemon = begin(room)
    before = LONG and starts(room, SECONDS)
    paths = notify_sockets(room)
    strangers = [as_user("python3", "/tmp/flood.py", path) for path in paths]
    used, began = cpu_seconds(daemon.pid), time.monotonic()
    amid = starts(room, SECONDS)
    took = time.monotonic() - began
    part = (cpu_seconds(daemon.pid) - used) / took
    each_second_once(room)
    if LONG:
        compare("heartbeats", before, amid)
    print("scheduler: %.3f of a processor; processes of keepers: %s s each; of %.1f s"
          % (part, [cpu_seconds(p.pid) for p in room.keepers()], took))
    check(part < 0.5, "the scheduler takes %.2f of a processor" % part)
    check(len(room.log("ALERT job=")) <= DAEMONS * (10 + took), "lines of the log for alerts")
    equal([one.poll() for one in strangers], [None] * DAEMONS, "the floods of strangers")


if __name__ == "__main__":
    lab.main(verbose=LONG)
