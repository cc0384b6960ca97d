"""How runs are stopped, and what becomes of a job whose keeper is gone."""
import contextlib
import glob
import os
import re
import signal
import subprocess

import lab
from lab import OUT, check, equal


def task(name, command, *settings):
    return 'task "%s" {\n schedule = "@every 100d"\n command = "%s"\n%s}\n' % (
        name, command, "".join(" %s\n" % one for one in settings))


def reboot(name, command, *settings):
    return task(name, command, *settings).replace("@every 100d", "@reboot")


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def keeper_of(room, name):
    """Once its job has written its pid down."""
    pid = int(room.wait_out(name + ".pid")[0])
    return lab.Process(pid).ppid


def held(daemon):
    """What its descriptors lead to."""
    path, found = "/proc/%d/fd/" % daemon.pid, []
    for number in os.listdir(path):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(path + number))
    return found


def seen(room, daemon, name):
    """A scheduler holds the pipe of a job, too."""
    pipe = os.readlink("/proc/%d/fd/1" % int(room.wait_out(name + ".pid")[0]))
    room.wait_for(lambda: pipe in held(daemon), 5, "the scheduler's hold of a pipe")


TALKER = ("echo $$ >%s/%%s.pid; echo early; while ! test -e %s/go; do sleep 0.1; done; "
          "for i in 1 2 3; do head -c 100000 /dev/zero | tr '\\\\0' x; done && "
          "echo last && echo ok >%s/%%s.done" % (OUT, OUT, OUT))


def test_a_killed_keeper_harms_no_job(room):
    """It goes on, and may print what it likes; neither a scheduler that saw it start nor one
    that came later lets its pipe break."""
    room.tasks("f", reboot("one", TALKER % ("one", "one")) + reboot("two", TALKER % ("two", "two")) +
               reboot("taken", "echo $$ >%s/taken.pid; (sleep 1000; :) & wait" % OUT,
                      "parent-death = stop"))
    daemon = room.start()
    for name in ("one", "two"):
        seen(room, daemon, name)
    os.kill(keeper_of(room, "one"), signal.SIGKILL)
    line = room.wait_log(r"FAIL job=one run=\S+ result=lost ")
    check("left alone" in line.text, "the line: %s" % line)
    kill(daemon)
    daemon = room.start()
    seen(room, daemon, "two")
    os.kill(keeper_of(room, "two"), signal.SIGKILL)
    room.wait_log(r"FAIL job=two run=\S+ result=lost ")
    lab.put(OUT + "/go", "")
    for name in ("one", "two"):
        equal(room.wait_out(name + ".done"), ["ok"], "what the job of a dead keeper did")
    room.wait_for(lambda: not [p for p in lab.processes() if b"--drain" in p.argv], 5,
                  "the end of those who read for nobody")
    # and one that is not to outlive it
    pid = int(room.wait_out("taken.pid")[0])
    os.kill(keeper_of(room, "taken"), signal.SIGKILL)
    line = room.wait_log(r"FAIL job=taken run=\S+ result=lost ")
    check("was killed" in line.text, "the line: %s" % line)
    room.wait_for(lambda: not any(p.sid == pid for p in lab.processes()), 5, "the end of all of it")
    for where in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        room.wait_for(lambda where=where: not glob.glob("%s/**/%s" % (
            where, line.text.split("run=")[1].split()[0]), recursive=True), 5, "the end of its cgroup")


def test_what_nobody_has_read_is_kept(room):
    """What a job printed and its keeper had not read when it was killed is told with the loss."""
    room.tasks("f", reboot("one", "echo $$ >%s/one.pid; while ! test -e %s/go; do sleep 0.1; done; "
                                  "echo not read; echo nor this >&2; echo ok >%s/one.done"
                           % (OUT, OUT, OUT), 'alert = { "mail:ops@example.org" }'))
    daemon = room.start()
    seen(room, daemon, "one")
    keeper = keeper_of(room, "one")
    os.kill(keeper, signal.SIGSTOP)
    lab.put(OUT + "/go", "")
    room.wait_out("one.done")
    os.kill(keeper, signal.SIGKILL)
    room.wait_log(r"FAIL job=one run=\S+ result=lost ")
    room.wait_for(room.mails, 10, "a mail about it")
    text = room.mails()[0][2]
    check("not read" in text and "nor this" in text, "the mail: " + text)


def test_a_timeout_that_only_tells(room):
    room.tasks("f", reboot("slow", "sleep 1.5; exit 7", 'timeout = "300ms"', "on-timeout = alert") +
               reboot("quiet", "until test -e %s/go; do sleep 0.1; done; echo end >%s/quiet" % (OUT, OUT),
                      'timeout = "1200ms"',
                      "on-timeout = alert"))
    daemon = room.start()
    line = room.wait_log(r"TIMEOUT job=slow run=\S+ reason=.runs longer than 300 ms, and goes on. ")
    equal(line.priority, 4, "priority")
    kill(daemon)  # nobody is there when the other one's time is over
    room.wait_for(lambda: len(room.keepers()) == 1, 5, "the end of the first")
    room.start()
    room.wait_log(r"FAIL job=slow run=\S+ result=exit code=7 ")
    room.wait_log(r"TIMEOUT job=quiet run=\S+ reason=.runs longer than 1200 ms")
    lab.put(OUT + "/go", "")
    equal(room.wait_out("quiet"), ["end"], "what it did afterwards")
    equal(len(room.log("TIMEOUT job=")), 2, "each is said once")


def test_an_order_outlives_who_gave_it(room):
    """The file is what counts: a scheduler that finds it sends it on."""
    room.tasks("f", reboot("long", "trap 'echo usr >%s/got; exit 0' USR1; trap '' TERM; "
                                   "sleep 1000 & echo up >%s/up; wait" % (OUT, OUT),
                           'stop-signal = "USR1"', 'kill-after = "500ms"'))
    daemon = room.start()
    room.wait_out("up")
    shown = subprocess.run([room.program("cronctl"), "show", "long"], stdout=subprocess.PIPE,
                           check=True, text=True).stdout
    found = re.search(r"(?m)^uses +(\d+) KB, \d+\.\d s of processor, 2 processes$", shown)
    check(found and 100 < int(found.group(1)) < 100000, "what it uses: " + shown)
    kill(daemon)
    runs = "/run/crond/runs/"
    name, = [one for one in os.listdir(runs) if one.startswith("long-")]
    lab.put(runs + name + "/stop", "person uid 2001 (alice)\n", 0o600)
    room.start()
    line = room.wait_log(r"END job=long run=\S+ result=killed ")
    check('reason="stopped by hand: uid 2001 (alice)"' in line.text, "the line: %s" % line)
    equal(line.priority, 5, "priority")
    equal(room.out("got"), "usr\n", "the signal it was stopped by")
    room.wait_for(lambda: not room.keepers(), 5, "the end of its keeper")


def test_leftovers_go_or_stay(room):
    """What outlives the main process: a task's goes, a line's stays, or as it says."""
    behind = "setsid sh -c 'trap \\\"\\\" TERM; echo $$ >%s/%%s; exec sleep %%s'" \
        ">/dev/null 2>&1 & until test -s %s/%%s; do sleep 0.1; done" % (OUT, OUT)
    room.tasks("f", reboot("goes", behind % ("goes", "1001", "goes"), 'kill-after = "100ms"') +
               reboot("stays", behind % ("stays", "1002", "stays"), "leftovers = leave"))
    line = "@reboot root %s\n"
    plain = behind.replace("\\\"", '"')
    room.system(line % (plain % ("line", "1003", "line")) + "#@ leftovers=kill kill-after=100ms\n" +
                line % (plain % ("killed", "1004", "killed")))
    room.start()
    pids = {name: int(room.wait_out(name)[0]) for name in ("goes", "stays", "line", "killed")}
    for name in ("goes", "killed"):
        room.wait_for(lambda: not lab.alive(pids[name]), 5, "the end of what outlived " + name)
    room.wait_for(lambda: os.listdir("/run/crond/runs") == [], 5, "the end of all runs")
    check(lab.alive(pids["stays"]) and lab.alive(pids["line"]), "what is left alone is gone")


def test_what_cannot_be_limited_is_refused(room):
    """Without a cgroup that could hold it a job with such a limit does not start."""
    room.conf('cgroup = "off"\n')
    room.tasks("f", "".join(reboot(name, "touch %s/started" % OUT, '%s = "%s"' % (name, value))
                            for name, value in (("memory-max", "64M"), ("tasks-max", "10"),
                                                ("cpu-quota", "50%"))))
    room.start()
    for name in ("memory-max", "tasks-max", "cpu-quota"):
        line = room.wait_log(r"FAIL job=%s run=\S+ result=spawn " % name)
        check("%s needs a cgroup v2, and there is none that we may use" % name in line.text,
              "the line: %s" % line)
    check(not os.path.exists(OUT + "/started"), "one of them was started")


if __name__ == "__main__":
    lab.main()
