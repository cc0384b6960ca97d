"""The daemon and who starts it: an init script, a shell, a service manager."""
import os
import signal
import subprocess

import lab
from lab import OUT, check, equal


def started(room):
    """crond in the background, as init scripts start it: what its caller could read until
    nobody held the other end any more."""
    done = subprocess.Popen([room.program("crond")], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        text, _ = done.communicate(timeout=10 * lab.slowness())
    except subprocess.TimeoutExpired:
        lab.check(False, "somebody keeps the caller's output open")
    return done.returncode, text


def test_a_caller_is_let_go_when_jobs_can_be_relied_on(room):
    room.crontab("alice", "#@ seconds\n* * * * * * echo $$ >>%s/a; sleep 30\n" % OUT)
    equal(started(room), (0, b""), "the caller's end")
    pid = int(lab.read("/run/crond.pid"))
    room.wait_out("a", 2)

    def others():  # but for what is on its way to execute a job
        return [p.exe for p in lab.processes() if p.exe.startswith("crond") and not all(
            os.path.realpath("/proc/%d/fd/%d" % (p.pid, fd)).endswith("/null") for fd in range(3))]
    room.wait_for(lambda: not others(), 5, "nobody of ours to have anything but /dev/null")
    os.kill(pid, signal.SIGTERM)
    room.wait_for(lambda: not os.path.exists("/run/crond.pid"), 10, "its end")


def test_a_second_one_says_who_is_the_first(room):
    first = room.start()
    status, text = started(room)
    equal(status, 1, "status")
    check(b"otherpid may be %d:" % first.pid in text and b"stop it first" in text, "it said %r" % text)


if __name__ == "__main__":
    lab.main()
