"""Under a real systemd: boot, restart with jobs running, reload, watchdog, kill -9."""
import os
import re
import time

import lab
import machine
from lab import check, equal

OUT = "/var/out"
BITE = 1 + 2 * lab.slowness()  # seconds after which a service manager takes its daemon for hung
UNTIL = "while ! test -e %s/go; do sleep 0.2; done" % OUT  # a job that ends when it is told to
SLOW_MAILER = """#!/bin/sh
# takes its time; a mail that it was given and did not finish is one that is lost
f=$(mktemp %s/part.XXXXXX) || exit 75
cat >"$f"
sleep 3
mv "$f" "$f.mail"
""" % OUT


def task(name, command, *settings):
    return 'task "%s" {\n schedule = "@reboot"\n command = "%s"\n%s}\n' % (
        name, command, "".join(" %s\n" % one for one in settings))


def go(room):
    lab.put(room.root + OUT + "/go", "")


def settle(room):
    """Installed as on a system that had no cron."""
    room.install()
    room.chroot("systemd-sysusers cronward.conf; systemd-tmpfiles --create cronward.conf;"
                "make -s -C %s install-rights DESTDIR=;"
                "systemctl -q enable crond" % room.build)
    room.put("/usr/sbin/sendmail", SLOW_MAILER, 0o755)


def prepared(room, *conf):
    """Installed, with these lines of crond.conf, and booted."""
    settle(room)
    room.put("/etc/crond.conf", "".join(line + "\n" for line in conf))
    room.boot()
    equal(room.show("crond", "ActiveState"), "active", "the unit")


def restarted(room, before, why):
    """The scheduler's pid, once it is another and works."""
    def other():
        pid = room.main_pid("crond")
        return pid not in (0, before) and room.show("crond", "SubState") == "running" and pid
    return room.wait_for(other, 20, "another scheduler after " + why)


def ends(room, name, lines=None):
    """Lines of the log that say how a run of this job ended."""
    return [line for line in lines or room.journal("SYSLOG_FACILITY=9")
            if line.startswith(("FAIL job=", "END job=", "RECOVERED job=")) and name in line]


def test_boot_reload_stop_and_boot_again(room):
    settle(room)
    room.chroot("crontab -u alice - <<'END'\n#@ seconds\n@reboot echo x >>%s/boots\n"
                "* * * * * * echo $$ >>%s/ticks; env >%s/env\n"
                "#@ name=fails\n@reboot exit 3\nEND" % (OUT, OUT, OUT))
    room.boot()
    room.wait_for(lambda: len(room.lines(OUT + "/ticks")) > 1, 10, "jobs")
    equal((room.show("cron", "Id"), room.show("cron", "MainPID")),
          ("crond.service", room.read_run("crond.pid")), "the unit by its other name")
    equal(room.sh("systemd-analyze verify --man=no crond.service 2>&1"), "", "what systemd says of the unit")
    equal(room.show("crond", "StatusText")[:15], "7 jobs in force", "its status")
    check(not re.search("NOTIFY|WATCHDOG|RUNTIME|INVOCATION|JOURNAL|EXTRA_OPTS",
                        room.read(OUT + "/env")), "a job sees what is the daemon's")
    pid = room.lines(OUT + "/ticks")[0]
    found = room.wait_for(lambda: room.journal("SYSLOG_IDENTIFIER=CRON", "_PID=" + pid), 5,
                          "a line of the job's own pid in the journal")
    equal(found[0][:12], "(alice) CMD ", "that line")
    # nobody has asked for it: what /dev/log leads to takes fields as well
    found = room.wait_for(lambda: room.journal("CRON_JOB=alice:fails", "CRON_RESULT=exit", "PRIORITY=3"),
                          10, "the failure by its fields")
    equal(found[0][:21], "FAIL job=alice:fails ", "that line")
    for field, value in (("CRON_EXIT_CODE", "3"), ("CRON_COMMAND", "exit 3"), ("CRON_USER", "alice"),
                         ("SYSLOG_FACILITY", "9"), ("SYSLOG_IDENTIFIER", "cron")):
        equal(room.journal("CRON_JOB=alice:fails", "CRON_RESULT=exit", fields=field)[0], value, field)
    room.wait_for(lambda: room.journal("CRON_JOB=alice:fails", "SYSLOG_IDENTIFIER=CRON"), 5,
                  "what its keeper said")
    # reload
    room.put("/etc/cron.d/new", "* * * * * root true\n* * * * bad\n")
    room.sh("systemctl reload crond")
    room.wait_journal("SIGUSR2: jobs: ", "crond")
    room.wait_for(lambda: room.show("crond", "ActiveState") == "active", 5, "its end")
    # a restart is no boot, and a stop takes nothing away
    old = room.main_pid("crond")
    room.sh("systemctl restart crond")
    restarted(room, old, "systemctl restart")
    room.sh("systemctl stop cron; test -d /run/crond/runs; test -e /run/crond/stamp;"
            "test ! -e /run/crond.pid")
    room.sh("systemctl start cron")
    equal(len(room.lines(OUT + "/boots")), 1, "starts of @reboot in one boot")
    room.off()
    room.boot()
    room.wait_for(lambda: len(room.lines(OUT + "/boots")) == 2, 10, "@reboot after a boot")


def mails(room, kind):
    return [name for name in os.listdir(room.root + OUT) if kind in name]


def fifty(room):
    """Jobs that are under way together, as a boot starts them: 20 whose mail waits for a slow
    mailer, 20 that fail when they are told to, 10 that only their timeout ends. What names each
    in the log, and how it must end."""
    room.sh("systemctl stop crond; rm -f /run/cron*.reboot")
    room.put("/etc/cron.d/mails", "#@ seconds\nMAILTO=root\n" + "".join(
        "@reboot alice echo $$ >>%s/pids; echo says %d; sleep %d\n"
        % (OUT, n, n % 4 + 1) for n in range(20)))
    room.put("/etc/crond.tasks/fifty.conf", "".join(
        task("fails%d" % n, "echo $$ >>%s/pids; %s; exit 3" % (OUT, UNTIL)) for n in range(20)) +
        "".join(task("timed%d" % n, "echo $$ >>%s/pids; sleep 300" % OUT,
                     'timeout = "4s"') for n in range(10)))
    room.sh("systemctl start crond")
    room.wait_for(lambda: len(room.lines(OUT + "/pids")) == 50, 15, "50 jobs")
    return [("says %d;" % n, "END job=") for n in range(20)] + \
        [("job=fails%d " % n, "result=exit code=3") for n in range(20)] + \
        [("job=timed%d " % n, "result=timeout") for n in range(10)]


def test_restarts_with_fifty_jobs_lose_nothing(room):
    prepared(room, "log-level = debug")
    jobs = fifty(room)
    old = room.main_pid("crond")
    room.follow(room.said("Upgrading")[0])
    old = restarted(room, old, "an upgrade")
    room.wait_for(lambda: mails(room, "part"), 5, "mail under way")
    room.sh("systemctl kill -s KILL --kill-who=main crond")
    old = restarted(room, old, "kill -9")
    room.sh("systemctl stop crond")  # while timeouts and ends of jobs come
    go(room)
    time.sleep(3)
    room.sh("systemctl start crond")
    room.wait_for(lambda: len(ends(room, "")) >= 50, 25, "the ends of 50 jobs")
    room.wait_for(lambda: len(mails(room, ".mail")) == 20, 20, "20 mails")
    time.sleep(1)
    log = room.journal("SYSLOG_FACILITY=9")
    for name, wanted in jobs:
        found = ends(room, name, log)
        equal(len(found), 1, "ends of %s: %s" % (name, found))
        check(wanted in found[0], "how it ended: " + found[0])
    equal(len(room.lines(OUT + "/pids")), 50, "starts")
    said = re.findall(r"^says (\d+)$", room.sh("cat %s/*.mail" % OUT), re.M)
    equal(sorted(map(int, said)), list(range(20)), "mails")
    room.wait_for(lambda: room.sh("ls /run/crond/runs | wc -l").strip() == "0", 10, "no run to be left")
    check("status=219" not in "\n".join(room.journal("UNIT=crond.service")), "a start failed for cgroups")


def cgroup_of(room, pid):
    """In the hierarchy of version 2."""
    return re.search(r"(?m)^0::(.*)$", room.sh("cat /proc/%s/cgroup" % pid)).group(1)


def held_to_the_end(room, pid):
    """A run in a cgroup of its own, which did not keep its unit from starting again: a dead
    keeper takes all of it along."""
    own = cgroup_of(room, pid)
    check(re.search(r"/crond\.service/held-\d+-1$", own), "the cgroup of a run: " + own)
    equal(room.sh("pgrep -f '[s]leep 1234' | wc -l").strip(), "2", "its processes")
    room.sh("kill -9 $(ps -o ppid= -p %s)" % pid)
    room.wait_for(lambda: ends(room, "job=held "), 10, "the end of that run")
    room.wait_for(lambda: room.status("pgrep -f '[s]leep 1234'"), 5, "no process to be left of it")
    room.wait_for(lambda: room.status("ls -d /sys/fs/cgroup%s /sys/fs/cgroup/unified%s 2>&- | grep ." % (own, own)),
                  5, "its cgroup to go")


def test_a_scheduler_that_hangs_or_is_killed_is_replaced(room):
    settle(room)
    room.put("/etc/systemd/system/crond.service.d/lab.conf", "[Service]\nWatchdogSec=%ds\n" % BITE)
    room.put("/etc/crond.tasks/long.conf",
             task("long", "echo $$ >>%s/pids; %s; exit 4" % (OUT, UNTIL)) +
             task("held", "echo $$ >%s/held; setsid sleep 1234 & exec sleep 1234" % OUT,
                  "parent-death = stop"))
    room.boot()
    pid = room.wait_for(lambda: room.lines(OUT + "/pids"), 10, "the job")[0]
    time.sleep(BITE + 0.5)  # a watchdog that is fed bites nobody
    equal(room.show("crond", "NRestarts"), "0", "restarts of a scheduler that lives")
    old = room.main_pid("crond")
    room.sh("kill -STOP %d" % old)
    new = restarted(room, old, "SIGSTOP")
    equal(room.show("crond", "NRestarts"), "1", "restarts after a SIGSTOP")
    check(room.status("kill -0 %d" % old) != 0, "the scheduler that hung is still there")
    room.sh("kill -0 %s; kill -9 %d" % (pid, new))
    restarted(room, new, "kill -9")
    go(room)
    room.wait_for(lambda: ends(room, "job=long "), 15, "the end of the job")
    check("result=exit code=4" in ends(room, "job=long ")[0], "how it ended")
    time.sleep(0.5)
    equal((len(ends(room, "job=long ")), len(room.lines(OUT + "/pids"))), (1, 1), "ends and starts")
    held_to_the_end(room, room.lines(OUT + "/held")[0])


if __name__ == "__main__":
    machine.main()
