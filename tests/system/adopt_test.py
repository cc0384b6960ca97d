"""Nothing is lost when scheduler, launcher or keeper die."""
import os
import re
import resource
import signal
import time

import lab
from lab import OUT, check, equal


def task(name, command, *settings, schedule="*/20 * * * * *"):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in settings))


def until(name):
    """Words of a command: it goes on once that is there."""
    return "while ! test -e %s/%s; do sleep 0.05; done" % (OUT, name)


def kill(daemon):
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()


def keeper_of(pid):
    return lab.Process(pid).ppid


def test_a_job_that_ends_without_a_scheduler_is_taken_in(room):
    room.tasks("f", task("gold", "echo $$ >>%s/pid; %s; exit 3" % (OUT, until("go")), schedule="@reboot"))
    began = time.monotonic()
    daemon = room.start()
    room.wait_out("pid")
    seen = time.monotonic()
    kill(daemon)
    time.sleep(1)
    gone = time.monotonic()
    lab.put(OUT + "/go", "")
    room.wait_for(lambda: not room.keepers(), 10, "the keeper's end")
    ended = time.monotonic()
    time.sleep(0.5)  # which is none of its time
    equal(room.log("FAIL job"), [], "FAIL lines without a scheduler")
    room.start()
    line = room.wait_log(r"FAIL job=gold run=gold-\d+-1 result=exit code=3 ")
    check(gone - seen - 0.1 < float(re.search(r"after=([\d.]+)s", line.text).group(1)) < ended - began + 0.1,
          "how long it took: " + line.text)
    time.sleep(1)
    equal((len(room.log("FAIL job=gold")), len(room.lines("pid"))), (1, 1), "lines and starts")


def test_a_running_job_is_adopted(room):
    room.tasks("f", task("long", "echo $$ >>%s/pid; %s; exit 4" % (OUT, until("go")), "max = 1",
                         schedule="* * * * * *"))
    daemon = room.start()
    pid = int(room.wait_out("pid")[0])
    kill(daemon)
    room.start()
    room.wait_log("SKIPPED job=long ", count=len(room.log("SKIPPED job=long ")) + 2)
    check(lab.alive(pid), "the job did not survive")
    equal(len(room.lines("pid")), 1, "starts under max = 1 while the adopted one runs")
    lab.put(OUT + "/go", "")
    room.wait_log(r"FAIL job=long run=long-\d+-1 result=exit code=4 ")


def test_an_end_is_said_once(room):
    """Also where nothing is due for long, and what is left of the run is seen by schedulers to come."""
    room.conf("log-level = debug\n")
    room.cron_d("each", "#@ seconds\n* * * * * * root echo x >>%s/each\n" % OUT)
    daemon = room.start()
    room.wait_out("each", 2)
    kill(daemon)  # what it has handled stands
    os.unlink("/etc/cron.d/each")
    time.sleep(1.2)  # its second is not that of what follows
    os.unlink(os.path.realpath("/run/crond.reboot"))
    room.cron_d("once", "@reboot root echo x >>%s/up; until test -e %s/go; do sleep 0.1; done\n" % (OUT, OUT))
    daemon = room.start()
    room.wait_out("up")
    kill(daemon)
    daemon = room.start()
    lab.put(OUT + "/go", "")
    room.wait_log("END .* cmd=.echo x >>[^ ]*/up")
    for _ in range(2):
        kill(daemon)
        daemon = room.start()
        room.wait_log(r"cron\[%d\]: .*1 jobs in force" % daemon.pid)
    equal(len(room.log("END .* cmd=.echo x >>[^ ]*/up")), 1, "ends")


def test_nothing_is_left_of_runs_that_are_over(room):
    room.tasks("f", task("bad", "exit 3", schedule="* * * * * *") +
               task("good", "true", schedule="* * * * * *"))
    daemon = room.start()
    room.wait_log("FAIL job=bad", count=2)
    kill(daemon)
    daemon = room.start()
    room.wait_log("FAIL job=bad", count=4)
    os.unlink(room.etc + "/crond.tasks/f.conf")
    room.wait_for(lambda: not os.listdir("/run/crond/runs"), 10, "an empty directory of runs")


def test_the_timeout_fires_without_a_scheduler(room):
    room.tasks("f", task("slow", "echo $$ >>%s/pid; sleep 300" % OUT, 'timeout = "2s"',
                         schedule="@reboot"))
    daemon = room.start()
    pid = int(room.wait_out("pid")[0])
    kill(daemon)
    room.wait_for(lambda: not lab.alive(pid), 6, "the timeout")
    room.start()
    room.wait_log(r"FAIL job=slow run=slow-\d+-1 result=timeout ")


def test_mail_goes_without_a_scheduler(room):
    room.crontab("alice", "@reboot echo $$ >>%s/pid; %s; echo hello\n" % (OUT, until("go")))
    daemon = room.start()
    room.wait_out("pid")
    kill(daemon)
    lab.put(OUT + "/go", "")
    mail = room.wait_for(room.mails, 10, "the mail")[0]
    check(mail[2].endswith("\n\nhello\n"), "mail: %r" % mail[2])


def test_a_killed_launcher_is_replaced(room):
    room.crontab("alice", "#@ second=*\n* * * * * echo $CRON_SCHEDULED_AT >>%s/s\n" % OUT)
    daemon = room.start()
    room.wait_out("s", 2)
    for _ in range(3):
        lab.kill(room.launcher(daemon))
        count = len(room.lines("s"))
        room.wait_out("s", count + 2)
    stamps = room.lines("s")
    equal(len(stamps), len(set(stamps)), "starts a second")
    check(daemon.poll() is None, "the scheduler ended with its launcher")


def test_a_killed_keeper_makes_its_run_lost(room):
    room.tasks("f", task("orphan", "echo $$ >>%s/pid; sleep 300" % OUT, schedule="@reboot"))
    room.start()
    pid = int(room.wait_out("pid")[0])
    os.kill(keeper_of(pid), signal.SIGKILL)
    room.wait_log(r"FAIL job=orphan run=orphan-\d+-1 result=lost ")
    time.sleep(1)
    equal(len(room.log("FAIL job=orphan")), 1, "FAIL lines")


def replace_keeper(room, daemon, launcher):
    """Kills a keeper unseen by the scheduler; is the next one of the same pid?"""
    first = room.wait_for(room.keepers, 5, "a keeper")[0].pid
    os.kill(launcher.pid, signal.SIGSTOP)
    runs = set(os.listdir("/run/crond/runs"))
    room.wait_for(lambda: set(os.listdir("/run/crond/runs")) - runs, 10, "a claim")
    time.sleep(0.3)  # its run waits in the queue
    os.kill(daemon.pid, signal.SIGSTOP)
    before = {keeper.pid for keeper in room.keepers()}
    os.kill(first, signal.SIGKILL)
    room.wait_for(lambda: not os.path.exists("/proc/%d" % first), 5, "the keeper's end")
    time.sleep(0.3)  # its number is given back a little after its entry has gone
    with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last:
        last.write(str(first - 1))
    os.kill(launcher.pid, signal.SIGCONT)
    room.wait_for(lambda: {keeper.pid for keeper in room.keepers()} - (before - {first}), 5,
                  "a new keeper")
    time.sleep(0.3)
    same = first in {keeper.pid for keeper in room.keepers()}
    os.kill(daemon.pid, signal.SIGCONT)
    return same


def test_a_keeper_with_the_pid_of_a_killed_one(room):
    room.cron_d("x", "#@ seconds\n*/2 * * * * * root echo $$ >>%s/a; sleep 600\n" % OUT)
    daemon = room.start()
    room.wait_out("a")
    launcher = room.launcher(daemon)
    killed = 1
    while not replace_keeper(room, daemon, launcher):  # somebody else got the number
        check(killed < 6, "no keeper got the number of the one before")
        room.wait_log("result=lost", count=killed)
        killed += 1
    room.wait_log("result=lost", count=killed)
    starts = len(room.lines("a"))
    room.wait_out("a", starts + 1)
    check(daemon.poll() is None, "the daemon ended")
    equal(len(room.log("result=lost")), killed, "runs that are lost")


def test_more_runs_than_descriptors(room):
    room.system("#@ seconds\n" + "".join("@reboot root echo %d >>%s/a; sleep 600\n" % (number, OUT)
                                         for number in range(60)) +
                "* * * * * * root echo x >>%s/others\n" % OUT)
    few = (40, 40)
    room.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few))
    room.wait_out("a", 60)
    others = len(room.lines("others"))
    lab.kill(*room.keepers())
    room.wait_log("result=lost", 10, 60)
    room.wait_out("others", others + 2)
    equal(len(set(room.lines("a"))), 60, "jobs that were started")
    equal(room.log("Too many open files"), [], "what the descriptors did not suffice for")


def test_keeper_and_scheduler_killed_together(room):
    room.tasks("f", task("both", "echo $$ >>%s/pid; sleep 300" % OUT, schedule="@reboot"))
    daemon = room.start()
    pid = int(room.wait_out("pid")[0])
    keeper = keeper_of(pid)
    kill(daemon)
    os.kill(keeper, signal.SIGKILL)
    room.start()
    room.wait_log(r"FAIL job=both run=both-\d+-1 result=lost ")


def test_everything_killed_at_once(room):
    room.tasks("f", task("t1", "echo 1 $$ >>%s/pid; sleep 300" % OUT, schedule="@reboot") +
               task("t2", "echo 2 $$ >>%s/pid; sleep 300" % OUT, schedule="@reboot"))
    daemon = room.start()
    room.wait_out("pid", 2)
    lab.kill(room.launcher(daemon), *room.keepers())
    kill(daemon)
    room.start()
    for name in ("t1", "t2"):
        room.wait_log(r"FAIL job=%s run=\S+ result=lost " % name)


def test_no_second_starts_twice_over_restarts(room):
    room.crontab("alice", "#@ second=*\n* * * * * echo $CRON_SCHEDULED_AT >>%s/s\n" % OUT)
    daemon = room.start()
    room.wait_out("s", 2)
    for _ in range(12):
        kill(daemon)
        daemon = room.start()
        time.sleep(0.35)
    room.wait_out("s", len(room.lines("s")) + 2)
    room.stop(daemon)
    room.wait_for(lambda: not room.keepers(), 10, "the end of what is under way")
    seconds = room.lines("s")
    check(len(seconds) == len(set(seconds)), "a second started twice: %s" % seconds)
    room.wait_for(lambda: len(room.log(r"CMD \(echo")) == len(seconds), 5, "a CMD line of each start")


def test_a_restart_by_term_leaves_runs_to_the_next(room):
    room.tasks("f", task("gold", "echo $$ >>%s/pid; %s; exit 3" % (OUT, until("go")), schedule="@reboot"))
    daemon = room.start()
    room.wait_out("pid")
    equal(room.stop(daemon), 0, "exit status")
    room.start()
    lab.put(OUT + "/go", "")
    room.wait_log(r"FAIL job=gold run=gold-\d+-1 result=exit code=3 ")
    equal(len(room.lines("pid")), 1, "starts")


def test_run_directories_are_swept(room):
    unfinished = "/run/crond/.tmp-0123456789abcdef"  # of one that was killed within a write
    lab.put(unfinished, "")
    room.crontab("alice", "#@ seconds\n* * * * * * echo x >>%s/x\n" % OUT)
    room.start()
    room.wait_out("x", 6)
    room.wait_for(lambda: len(os.listdir("/run/crond/runs")) <= 4, 5, "run directories to go")
    check(not os.path.exists(unfinished), "a file that was never put in place is left")


if __name__ == "__main__":
    lab.main()
