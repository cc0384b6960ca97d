"""What nobody could start: made up for, or said to be missed; also over a boot."""
import os
import shutil
import time

import lab
import sinks
from lab import OUT, check, equal


def task(name, more, command="echo $CRON_SCHEDULED_AT >>%s/%s", schedule="* * * * * *"):
    command = command % (OUT, name) if "%s" in command else command
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in more))


def seconds(room, name):
    return [int(one) for one in room.lines(name)]


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
    os.utime(room.etc + "/crond.tasks/f.conf")
    daemon = room.start()
    room.wait_out("all", 2)
    room.wait_log(r"FAIL job=late run=late-\d+-1 result=missed reason=\"not started within its grace")
    for again in ("killed", "booted"):
        daemon.kill()
        daemon.wait()
        time.sleep(0.3)
        stopped = max(seconds(room, "all"))
        time.sleep(4.7)
        if again == "booted":
            for p in lab.processes():
                if p.exe.startswith("crond"):
                    os.kill(p.pid, 9)
            shutil.rmtree("/run/crond")
        daemon = room.start()
        room.wait_log(r"CATCHUP job=one starts=1 ", 5, 1 if again == "killed" else 2)
        room.wait_for(lambda: len(seconds(room, "all")) > 2 and
                      max(seconds(room, "all")) > stopped + 6, 15, "all of them")
        every = seconds(room, "all")
        equal(sorted(every), list(range(min(every), max(every) + 1)), "each second once, " + again)
        room.wait_for(lambda: len(seconds(room, "one")) > 2, 5, "one")
        gaps = [b - a for a, b in zip(sorted(seconds(room, "one")), sorted(seconds(room, "one"))[1:])]
        check(max(gaps) > 2, "one made up for more than one: %s" % gaps)
        equal(len(set(seconds(room, "one"))), len(seconds(room, "one")), "starts of one")
        room.wait_for(lambda: set(range(stopped + 1, stopped + 3)) <= set(seconds(room, "turn")), 5,
                      "those that wait for their turn")
    began = [line for line in room.log(r"FAIL job=none run=\S+ result=missed")]
    equal(len(began), 1, "missed by none: said after the restart, not over the boot")
    check(room.log(r"CATCHUP job=window starts=[12] from=\d+ to=\d+ older=left-out"), "window")
    room.wait_for(lambda: {"none", "late"} <= {post.json()["job"] for post in receiver.posts
                                               if post.json()["event"] == "run.missed"},
                  10, "who was told")


if __name__ == "__main__":
    lab.main()
