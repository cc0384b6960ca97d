"""What tasks and option comments ask for: limits, stops, hosts, environment."""
import os
import socket
import time

import lab
from lab import OUT, check, equal


def task(name, command, *settings, schedule="* * * * * *"):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in settings))


def fail_line(room, name, result, deadline=15):
    return room.wait_log(r"^crond?\[\d+\]: FAIL job=%s run=%s-\d+-1 result=%s "
                         % (name, name, result), deadline)


def test_failure_makes_one_line(room):
    room.tasks("f", task("gold", "exit 3", schedule="*/3 * * * * *"))
    room.start()
    line = fail_line(room, "gold", "exit")
    equal((line.facility, line.priority), (9, 3), "facility cron, priority err")
    for part in (" code=3 ", " attempt=1 ", " fails=1 ", " user=root ", ' cmd="exit 3"'):
        check(part in line.text + " ", "no%sin %s" % (part, line.text))
    second = room.wait_log(r"FAIL job=gold ", 8, 2)
    check(" fails=2 " in second.text, "the second failure: " + second.text)
    runs = [one.text.split("run=")[1].split()[0] for one in room.log("FAIL job=gold ")]
    equal(len(runs), len(set(runs)), "lines a run: %s" % runs)


def test_recovery_is_said(room):
    room.tasks("f", task("t", "test -e %s/mended" % OUT))
    room.start()
    fail_line(room, "t", "exit")
    open(OUT + "/mended", "w").close()
    room.wait_log(r"RECOVERED job=t ")
    count = len(room.log("FAIL job=t "))
    time.sleep(2.2)
    equal(len(room.log("FAIL job=t ")), count, "failures after it was mended")


def test_timeout_ends_the_whole_tree(room):
    tree = ("trap '' TERM; echo $$ >>%s/pids; (setsid sh -c 'trap \\\"\\\" TERM; "
            "echo $$ >>%s/pids; while :; do sleep 300; done' &) ; while :; do sleep 300; done"
            % (OUT, OUT))
    room.tasks("f", task("tree", tree, 'timeout = "1s"', 'kill-after = "1s"',
                         schedule="*/20 * * * * *"))
    room.start()
    pids = [int(one) for one in room.wait_out("pids", 2, 25)[:2]]
    line = fail_line(room, "tree", "timeout")
    room.wait_for(lambda: not any(lab.alive(pid) for pid in pids), 5, "the end of the tree")
    after = float(line.text.split("after=")[1].split("s")[0])
    check(1.9 <= after < lab.at_most(4), "ended after %s s" % after)
    room.wait_for(lambda: not [p for p in lab.processes() if p.name == "sleep"], 5, "the end of all of it")


def test_term_is_tried_before_kill(room):
    room.tasks("f", task("nice", "trap 'echo bye >>%s/bye; exit 0' TERM; sleep 300 & wait" % OUT,
                         'timeout = "1s"', 'kill-after = "20s"'))
    room.start()
    fail_line(room, "nice", "timeout")
    room.wait_out("bye")


def test_a_stopped_job_times_out(room):
    room.tasks("f", task("frozen", "kill -STOP $$", 'timeout = "1s"', 'kill-after = "1s"'))
    room.start()
    fail_line(room, "frozen", "timeout")


def test_what_outlives_a_task_is_ended(room):
    room.tasks("f", task("parent", "setsid sleep 300 & echo $! >>%s/left" % OUT,
                         schedule="*/20 * * * * *"))
    room.start()
    pid = int(room.wait_out("left", 1, 25)[0])
    room.wait_for(lambda: not lab.alive(pid), 10, "the end of a task's leftover")


def test_what_outlives_a_line_stays(room):
    room.crontab("alice", "#@ seconds\n*/20 * * * * * setsid sleep 300 >/dev/null 2>&1 & "
                          "echo $! >>%s/left\n" % OUT)
    room.start()
    pid = int(room.wait_out("left", 1, 25)[0])
    room.wait_for(lambda: not room.keepers(), 10, "the keeper's end")
    check(lab.alive(pid), "what a line left running was ended")


def test_max_and_forbid(room):
    sleep = "echo $$ >>%%s/%%s; until test -e %s/go; do sleep 0.1; done" % OUT
    room.tasks("f", task("default", sleep % (OUT, "default")) +
               task("two", sleep % (OUT, "two"), "max = 2", "concurrency = allow") +
               task("many", sleep % (OUT, "many"), "concurrency = allow"))
    room.crontab("alice", "#@ second=* max=1\n* * * * * %s\n" % (sleep % (OUT, "line")))
    room.start()
    room.wait_out("many", 3)
    for name, count in (("default", 1), ("two", 2), ("line", 1)):
        room.wait_out(name, count)
    equal([len(room.lines(name)) for name in ("default", "two", "line")], [1, 2, 1],
          "starts while the first runs")
    room.wait_log(r"SKIPPED job=default run=default-\d+-1 result=skipped ")
    lab.put(OUT + "/go", "")
    room.wait_out("default", 2)


def test_enabled_and_hosts(room):
    room.tasks("f", task("off", "echo x >>%s/wrong" % OUT, "enabled = no") +
               task("other", "echo x >>%s/wrong" % OUT, 'hosts = { "elsewhere", "10.9.8.0/24" }') +
               task("not", "echo x >>%s/wrong" % OUT, 'hosts = { "!lab*" }') +
               task("name", "echo x >>%s/name" % OUT, 'hosts = { "lab*" }') +
               task("address", "echo x >>%s/address" % OUT, 'hosts = { "127.0.0.0/8" }') +
               task("both", "echo x >>%s/wrong" % OUT, 'hosts = { "LABHOST", "!lo" }'))
    room.start()
    room.wait_out("name", 2)
    room.wait_out("address", 2)
    equal(room.out("wrong"), "", "what ran although it must not")


def test_user_directory_and_environment(room):
    os.mkdir("/tmp/work")
    room.tasks("f", task("t", "id -un >>%s/t; pwd >>%s/t; echo $COLOUR >>%s/t" % (OUT, OUT, OUT),
                         'user = "alice"', 'dir = "/tmp/work"', 'env = { "COLOUR=dark red" }'))
    room.start()
    equal(room.wait_out("t", 3)[:3], ["alice", "/tmp/work", "dark red"], "user, directory, value")


def test_argv_has_no_shell(room):
    room.tasks("f", 'task "t" {\n schedule = "* * * * * *"\n argv = { "/usr/bin/tee", "-a", '
                    '"%s/a b", "%s/$HOME" }\n}\n'
                    'task "gone" {\n schedule = "* * * * * *"\n argv = { "/no/such" }\n}\n'
               % (OUT, OUT))
    room.start()
    room.wait_for(lambda: os.path.exists(OUT + "/a b") and os.path.exists(OUT + "/$HOME"), 10,
                  "files named by words")
    line = fail_line(room, "gone", "spawn")
    check("/no/such" in line.text, "the line does not say what is missing: " + line.text)


def test_a_missing_directory_or_user_is_a_spawn_failure(room):
    room.tasks("f", task("nowhere", "true", 'dir = "/no/such"'))
    room.crontab("alice", "#@ seconds\n* * * * * * echo x >>%s/x\n" % OUT)
    room.start()
    line = fail_line(room, "nowhere", "spawn")
    check("/no/such" in line.text, "the line does not name the directory: " + line.text)
    room.wait_out("x", 2)


def test_signal_deaths_are_told_from_exits(room):
    room.tasks("f", task("killed", "kill -SEGV $$"))
    room.start()
    line = fail_line(room, "killed", "signal")
    check("SEGV" in line.text, "the line does not name the signal: " + line.text)


def test_five_field_and_every_schedules(room):
    room.tasks("f", task("every", "echo $CRON_SCHEDULED_AT >>%s/every" % OUT, schedule="@every 2s"))
    room.start()
    stamps = [int(one) for one in room.wait_out("every", 3)]
    equal([one % 2 for one in stamps], [0] * len(stamps), "seconds on the grid")


def instance(room, name, host):
    """A private instance on a host of that name, with tasks that leave their second open."""
    socket.sethostname(host)
    lab.put("/home/%s.conf" % name, "".join(
        task("t%d" % i, "echo $CRON_SCHEDULED_AT $CRON_JOB >>%s/%s" % (OUT, name),
             schedule="~ * * * * *") for i in range(300)))
    os.makedirs("/home/" + name)
    before = lab.read(room.errors).count("jobs in force")
    room.launch("-f", "--prefix", "/home/" + name, "/home/%s.conf" % name)
    room.wait_for(lambda: lab.read(room.errors).count("jobs in force") > before, 10, "its start")


def test_a_tilde_differs_from_host_to_host_and_stays(room):
    for name, host in (("one", "web-1"), ("two", "web-2"), ("again", "web-1")):
        instance(room, name, host)
    began = time.time()
    time.sleep(5)

    def starts(name):
        return {line for line in room.lines(name) if began + 1 < int(line.split()[0]) < began + 4}
    room.wait_for(lambda: starts("one") and starts("again") == starts("one"), 10,
                  "starts in the same seconds on hosts of the same name")
    check(starts("two") != starts("one"), "another host starts the same in the same seconds")


if __name__ == "__main__":
    lab.main()
