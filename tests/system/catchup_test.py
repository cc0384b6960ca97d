"""What nobody could start: made up for, or said to be missed; also over a boot."""
import os
import re
import shutil
import signal
import time

import lab
import sinks
from lab import OUT, check, equal


HANDLED = "/var/lib/crond/handled"


def task(name, more, command="echo $CRON_SCHEDULED_AT >>%s/%s", schedule="* * * * * *"):
    command = command % (OUT, name) if "%s" in command else command
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in more))


def seconds(room, name):
    return [int(one) for one in room.lines(name)]


def boot(daemon, handled):
    """Nothing lives, the run-time directory is gone; the state is as it was some time ago."""
    daemon.kill()
    daemon.wait()

    def ours():  # a launcher may be about to fork
        return [p for p in lab.processes() if p.exe.startswith("crond")]
    lab.wait_for(lambda: not ours() or lab.kill(*ours()), 10, "the end of all")
    shutil.rmtree("/run/crond")
    with open(HANDLED, "wb") as f:
        f.write(handled)


def test_what_was_missed_is_made_up_for(room):
    receiver = sinks.Receiver()
    room.conf('webhook "w" { url = "%s" }\n' % receiver.url)
    alert = 'alert = { "webhook:w" }'
    room.tasks("f", task("none", [alert]) + task("one", ["catchup = one"]) +
               task("all", ["catchup = all", "concurrency = allow"]) +
               task("turn", ["catchup = all"],
                    "echo $CRON_SCHEDULED_AT >>%s/turn; mkdir %s/lock && sleep 0.1; rmdir %s/lock"
                    % (OUT, OUT, OUT)) +
               task("window", ["catchup = all", 'catchup-window = "1s"', "concurrency = allow"]) +
               task("late", ["concurrency = queue", 'grace = "1s"', alert, 'alert-on = missed'],
                    "sleep 4"))
    daemon = room.start()
    room.wait_out("all", 2)
    launcher = room.launcher(daemon).pid
    os.kill(launcher, signal.SIGSTOP)
    room.wait_log(r"FAIL job=late run=late-\d+-1 result=missed reason=\"not started within its grace")
    os.kill(launcher, signal.SIGCONT)
    check(not room.log("FAIL job=late.*waits"), "what waits in a queue is not late")
    daemon.kill()
    daemon.wait()
    with open(HANDLED, "rb") as f:
        handled = f.read()
    time.sleep(0.3)
    stopped = max(seconds(room, "all"))
    time.sleep(4.7)
    daemon = room.start()
    found = room.wait_log("CATCHUP job=one starts=1 ")
    wanted = set(range(min(seconds(room, "all")), stopped + 8))  # in whatever order they come
    room.wait_for(lambda: wanted <= set(seconds(room, "all")), 15, "each of the seconds")
    every = seconds(room, "all")
    equal(len(set(every)), len(every), "each second once")

    def gap():
        one = sorted(seconds(room, "one"))
        return max(b - a for a, b in zip(one, one[1:])) > 2
    room.wait_for(gap, 10, "one for several")
    one = seconds(room, "one")
    equal(len(set(one)), len(one), "starts of one")
    room.wait_for(lambda: set(range(stopped + 1, stopped + 3)) <= set(seconds(room, "turn")), 10,
                  "those that wait for their turn")
    check(room.log(r"CATCHUP job=window starts=[12] from=\d+ to=\d+ older=left-out"), "window")
    room.wait_for(lambda: {"none", "late"} <= {post.json()["job"] for post in receiver.posts
                                               if post.json()["event"] == "run.missed"},
                  10, "who was told")
    boot(daemon, handled)
    room.start()
    again = room.wait_log("CATCHUP job=one starts=1 ", 10, 2)
    check(int(re.search(r" to=(\d+)", again.text).group(1)) >
          int(re.search(r" to=(\d+)", found.text).group(1)), again.text)
    equal(len(room.log(r"FAIL job=none run=\S+ result=missed")), 1,
          "missed by none: said after the restart, not over a boot")


if __name__ == "__main__":
    lab.main()
