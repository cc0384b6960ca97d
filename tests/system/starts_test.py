"""What is in the tables starts, at its second, and the log says so."""
import fcntl
import os
import re
import signal
import time

import lab
from lab import OUT, check, equal


def seconds_late(stamps, step):
    """How far behind a multiple of step seconds each stamp is."""
    return [float(one) % step for one in stamps]


def test_every_kind_of_table_fires_on_its_second(room):
    stamp = r"echo $(id -un) $(date +\%s.\%N) >>"
    room.system("#@ seconds\n*/2 * * * * * root %s %s/system\n" % (stamp, OUT))
    room.cron_d("one", "#@ second=1-59/2\n* * * * * bob %s %s/crond\n" % (stamp, OUT))
    room.crontab("alice", "#@ seconds\n*/2 * * * * * %s %s/alice\n" % (stamp, OUT))
    room.tasks("t", 'task "t" {\n schedule = "*/2 * * * * *"\n'
                    ' command = "echo task $(date +%%s.%%N) >>%s/task"\n}\n' % OUT)
    room.start()
    for name, user, odd in (("system", "root", 0), ("crond", "bob", 1), ("alice", "alice", 0),
                            ("task", "task", 0)):
        def in_time(name=name, odd=odd):
            """Three in a row; where the machine stood still it may take some more."""
            stamps = [float(line.split()[1]) - odd for line in room.lines(name)]
            seconds = [int(one) for one in stamps]
            late = seconds_late(stamps, 2)
            return [one for one in range(len(stamps) - 2) if max(late[one:one + 3]) < 0.5 and
                    seconds[one + 1] - seconds[one] == seconds[one + 2] - seconds[one + 1] == 2]
        room.wait_for(in_time, 15, "three starts of %s, each on its second" % name)
        equal({line.split()[0] for line in room.lines(name)}, {user}, "users of " + name)


def test_a_plain_line_fires_at_the_full_minute(room):
    room.crontab("alice", "* * * * * date +\\%%s.\\%%N >>%s/minute\n" % OUT)
    before = int(time.time()) // 60
    room.start()
    after = int(time.time()) // 60
    stamps = room.wait_out("minute", 1, 65)
    check(seconds_late(stamps, 60)[0] < lab.at_most(0.5), "late: %s" % stamps)
    check(int(float(stamps[0])) // 60 in (before + 1, after + 1), "the minute: %s" % stamps)


def test_log_line_carries_the_jobs_pid(room):
    command = "echo $$ >>%s/pid; : " % OUT
    room.system("#@ seconds\n*/2 * * * * * alice %s%%input\n" % command)
    room.start()
    pid = int(room.wait_out("pid")[0])
    line = room.wait_log(r"^CRON\[%d\]" % pid)
    equal(line.text, "(alice) CMD (%s)" % command, "text")
    equal((line.facility, line.priority), (9, 6), "facility cron, priority info")
    equal(line.sender, pid, "the sender's pid")


def test_log_line_is_escaped(room):
    room.cron_d("x", b"#@ seconds\n*/2 * * * * * root : a\tb \xc3\xa9 \x1b[31m >/dev/null\n")
    room.start()
    line = room.wait_log(r"CMD \(: a")
    equal(line.text, r"(root) CMD (: a^Ib \303\251 ^[[31m >/dev/null)", "text")


def test_a_stopped_scheduler_says_what_it_left_out(room):
    room.cron_d("x", "#@ seconds\n*/5 * * * * * root date +\\%%s >>%s/x\n" % OUT)
    daemon = room.start()
    room.wait_out("x")
    daemon.send_signal(signal.SIGSTOP)
    time.sleep(66)
    daemon.send_signal(signal.SIGCONT)
    line = room.wait_log(r"could not run")
    check(re.search(r"(SKIPPED|FAIL) job=root-\S+ run=root-\S+ result=(skipped|missed)", line.text),
          line.text)
    count = len(room.lines("x"))
    room.wait_out("x", count + 2, 12)
    equal(len(set(room.lines("x"))), len(room.lines("x")), "starts in seconds of their own")


def test_nothing_named_breaks_a_log_line(room):
    room.crontab("alice", "SHELL=/tmp/x\x1b[31m\ry\n#@ seconds\n* * * * * * true; true\n")
    room.tasks("bad\nname\x1b", "task")
    room.tasks("d", 'task "d" {\n schedule = "* * * * * *"\n dir = "/x\x1by"\n'
                    ' command = "true"\n}\n')
    room.start()
    room.wait_log(r"cannot execute /tmp/x\?\[31m\?y")
    room.wait_log(r"d\.conf:3:2: bad dir '/x\?y'")
    room.wait_log(r"/bad\?name\?\.conf")
    for line in room.syslog.lines:
        check(line.text.isprintable(), "control characters: %r" % line.text)


def test_one_daemon_only(room):
    daemon = room.start()
    equal(room.program("crond") and open("/run/crond.pid").read().strip(), str(daemon.pid),
          "pid file")
    with open("/run/crond.pid", "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            check(False, "the pid file is not locked (flock)")
        except BlockingIOError:
            pass
    second = room.launch("-f")
    equal(second.wait(60), 1, "exit status of the second")
    check(str(daemon.pid) in lab.read(room.errors) or room.log(r"%d" % daemon.pid),
          "the second did not name the first's pid")
    equal(open("/run/crond.pid").read().strip(), str(daemon.pid), "pid file afterwards")


def test_it_goes_to_the_background_without_f(room):
    room.crontab("alice", "#@ seconds\n* * * * * * echo x >>%s/x\n" % OUT)
    began = room.launch()
    equal(began.wait(60), 0, "exit status of the one called")
    room.wait_out("x")
    pid = int(open("/run/crond.pid").read())
    check(pid != began.pid and lab.alive(pid), "the pid file does not name the daemon")
    daemon = lab.Process(pid)
    equal((daemon.sid != began.pid, os.readlink("/proc/%d/cwd" % pid) != os.getcwd()),
          (True, True), "session and directory of its own")
    os.kill(pid, signal.SIGTERM)
    room.wait_for(lambda: not lab.alive(pid), 10, "its end")


def test_term_ends_the_daemon_and_not_its_jobs(room):
    room.system("#@ seconds\n*/2 * * * * * root echo $$ >>%s/pid; "
                "until test -e %s/go; do sleep 0.1; done; echo $$ >>%s/done\n" % (OUT, OUT, OUT))
    daemon = room.start()
    pid = room.wait_out("pid")[0]
    equal(room.stop(daemon), 0, "exit status")
    check(lab.alive(int(pid)), "the job is gone with the daemon")
    lab.put(OUT + "/go", "")
    room.wait_for(lambda: not room.keepers(), 5, "the end of the keepers")
    begun = len(room.lines("pid"))
    check(pid in room.lines("done"), "the job did not come to its end")
    time.sleep(2.2)
    equal((len(room.lines("pid")), len(room.lines("done"))), (begun, begun), "jobs begun after the daemon ended")


def test_the_scheduler_forks_no_job(room):
    room.system("#@ seconds\n* * * * * * root echo $$ $PPID >>%s/pids; sleep 1\n" % OUT)
    daemon = room.start()
    launcher = room.launcher(daemon)
    for line in room.wait_out("pids", 4):
        keeper = int(line.split()[1])
        check(keeper not in (daemon.pid, 1), "a job's parent is %d" % keeper)
    inside = [p for p in lab.processes() if p.ppid == daemon.pid and p.pid != launcher.pid]
    equal([p.exe for p in inside if p.exe not in ("crond-notify", "crond-history")], [], "children beside the launcher")
    equal(len(os.listdir("/proc/%d/task" % daemon.pid)), 1, "threads of the scheduler")


def test_reboot_lines_run_once_a_boot(room):
    room.crontab("alice", "@reboot echo boot >>%s/boot\n" % OUT)
    daemon = room.start()
    room.wait_out("boot")
    room.stop(daemon)
    daemon = room.start()
    room.crontab("bob", "#@ seconds\n* * * * * * echo x >>%s/x\n" % OUT)
    room.wait_out("x", 2)
    equal(room.lines("boot"), ["boot"], "starts of the @reboot line")


def test_no_idle_wakeups(room):
    """A daemon with nothing due this minute does not wake up."""
    room.crontab("alice", "0 0 1 1 * true\n")
    daemon = room.start()
    time.sleep(1.5)

    def switches():
        with open("/proc/%d/status" % daemon.pid, encoding="utf-8") as status:
            return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)

    def quiet():  # once it has loaded
        before = switches()
        time.sleep(5)
        return switches() - before <= 2
    room.wait_for(quiet, 10, "no more than two wake-ups in 5 s")


if __name__ == "__main__":
    lab.main()
