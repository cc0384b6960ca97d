"""Changed tables are taken at once; a bad one leaves the last good one in force."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import lab
from lab import OUT, check, equal

QUIET = 0.05  # seconds after which task files are looked at
EVERY = "#@ seconds\n* * * * * * "


def append(name):
    return EVERY + "echo x >>%s/%s\n" % (OUT, name)


def quiet(room, name, seconds=2.5):
    """Nothing is written into the file for so long, once what was under way has ended."""
    for _ in range(3):
        before = len(room.lines(name))
        time.sleep(seconds)
        if len(room.lines(name)) - before <= 1:
            return True
    return False


DUE = "#@ second=*\n* * * * * %secho $CRON_SCHEDULED_AT >>" + OUT + "/%s\n"


def each_once(room, since, *names):
    """All that was due from some second on, up to the last; the last ones may be under way."""
    def whole(name):
        seconds = sorted(int(one) for one in room.lines(name) if int(one) >= since)
        return seconds and seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    for name in names:
        room.wait_for(lambda name=name: whole(name), 10, "each second once in %s: %s" % (name, room.lines(name)))


def test_new_changed_and_removed_tables(room):
    room.crontab("alice", append("one"))
    room.start()
    room.wait_out("one")
    room.crontab("bob", append("bob"))
    room.cron_d("two", append("two").replace("* echo", "* root echo"))
    room.crontab("alice", append("changed"))
    for name in ("bob", "two", "changed"):
        room.wait_out(name, 1, 5)
    check(quiet(room, "one"), "the old version of a changed table still runs")
    os.remove("/var/spool/cron/crontabs/bob")
    room.wait_for(lambda: quiet(room, "bob", 2), 10, "a removed table's end")
    room.wait_out("changed", len(room.lines("changed")) + 1, 5)


def test_a_change_within_the_same_second_counts(room):
    room.crontab("alice", append("a"))
    room.start()
    room.wait_out("a")
    for name in "bcdefg":
        path = "/var/spool/cron/crontabs/alice"
        before = os.stat(path)
        room.crontab("alice", append(name))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    room.wait_out("g", 2, 5)
    check(quiet(room, "f"), "a version in between runs")


def test_a_bad_table_keeps_the_last_good_one(room):
    room.cron_d("x", append("good").replace("* echo", "* root echo"))
    room.start()
    room.wait_out("good")
    room.cron_d("x", "# first\n\n77 * * * * root true\n" +
                append("new").replace("* echo", "* root echo"))
    line = room.wait_log(r"/etc/cron\.d/x\b.*\b3\b.*bad minute|bad minute.*/etc/cron\.d/x\b.*\b3\b")
    check(line.priority <= 6, "priority %d" % line.priority)
    count = len(room.lines("good"))
    room.wait_out("good", count + 2, 5)
    equal(room.out("new"), "", "what a refused version ran")
    room.cron_d("x", append("mended").replace("* echo", "* root echo"))
    room.wait_out("mended", 1, 5)


def test_a_broken_task_file_keeps_the_last_good_one(room):
    good = 'task "t" {\n schedule = "* * * * * *"\n command = "echo x >>%s/t"\n}\n' % OUT
    room.tasks("f", good)
    room.crontab("alice", append("other"))
    room.start()
    room.wait_out("t")
    room.tasks("f", good.replace("\n}", "\n"))
    room.wait_log(r"/crond\.tasks/f\.conf:\d+")
    count, other = len(room.lines("t")), len(room.lines("other"))
    room.wait_out("t", count + 2, 5)
    room.wait_out("other", other + 2, 5)


def test_a_bad_task_costs_itself_alone(room):
    room.tasks("f", 'task "bad" {\n schedule = "* * * * * *"\n command = "true"\n'
                    ' timeout = "soon"\n}\n'
                    'task "good" {\n schedule = "* * * * * *"\n command = "echo x >>%s/t"\n}\n'
                    'task "odd" {\n schedule = "* * * * * *"\n comand = "true"\n}\n' % OUT)
    room.start()
    room.wait_out("t", 2)
    room.wait_log(r"/crond\.tasks/f\.conf:4\b.*timeout")
    room.wait_log(r"/crond\.tasks/f\.conf:12\b.*comand.*command")


def test_signals_reload_and_disturb_nothing(room):
    room.tasks("f", 'task "long" {\n schedule = "* * * * * *"\n'
                    ' command = "echo $$ >>%s/long; sleep 8; echo $$ >>%s/ended"\n}\n'
               % (OUT, OUT))
    room.crontab("alice", DUE % ("", "stamps"))
    daemon = room.start()
    room.wait_out("long")
    room.wait_out("stamps", 2)
    for _ in range(40):
        daemon.send_signal(signal.SIGUSR2)
        daemon.send_signal(signal.SIGHUP)
        room.crontab("bob", append("bob"))
        time.sleep(0.05)
    room.wait_out("ended", 1, 12)
    each_once(room, 0, "stamps")
    check(len(room.lines("long")) <= 2, "max = 1 was forgotten: %s" % room.lines("long"))
    check(daemon.poll() is None, "the daemon ended")


def task(name, file=None):
    return ('task "%s" {\n schedule = "* * * * * *"\n command = "echo x >>%s/%s"\n}\n'
            % (name, OUT, file or name))


def test_a_task_that_moves_to_another_file_stays(room):
    room.tasks("a", task("t"))
    room.tasks("other", task("other"))
    room.start()
    room.wait_out("t", 2)
    room.tasks("b", task("t"))
    room.wait_log(r'crond\.tasks/b\.conf:1: task "t" is defined at .*/a\.conf:1 already')
    os.remove(room.etc + "/crond.tasks/a.conf")
    time.sleep(3)
    room.wait_out("t", len(room.lines("t")) + 3, 5)
    room.tasks("b", task("u"))
    check(quiet(room, "t"), "a task that is in no file still runs")


def test_a_task_that_is_renamed_while_it_runs_ends_as_it_began(room):
    name = room.etc + "/crond.tasks/a.conf"
    text = ('task "%s" {\n schedule = "* * * * * *"\n timeout = "%s"\n'
            ' command = "echo $$ >>%s/%s; sleep 300"\n}\n')
    room.tasks("a", text % ("old", "%ds" % (2 + lab.slowness()), OUT, "old"))
    room.start()
    room.wait_out("old")
    lab.put(name, text % ("new", "300s", OUT, "new"), replace=True)
    room.wait_log(r"reload: jobs: 1 added, 0 changed, 1 removed, 0 unchanged")
    room.wait_log(r"\(added: new\)")
    room.wait_out("new")
    line = room.wait_log(r"FAIL job=old run=\S+ result=timeout ")
    check(" fails=1 " in line.text, line.text)
    equal((len(room.lines("old")), len(room.lines("new"))), (1, 1), "starts")


def test_a_removed_task_directory_takes_its_tasks_with_it(room):
    room.tasks("a", task("t"))
    room.crontab("alice", append("other"))
    room.start()
    room.wait_out("t", 2)
    shutil.rmtree(room.etc + "/crond.tasks")
    room.wait_for(lambda: quiet(room, "t"), 10, "a removed task's end")
    room.wait_out("other", len(room.lines("other")) + 1)


def test_a_directory_in_the_place_of_another_is_watched(room):
    room.crontab("alice", append("a"))
    daemon = room.start()
    room.wait_out("a")
    os.rename("/var/spool/cron", "/var/spool/old")
    os.makedirs("/var/spool/cron/crontabs")
    room.crontab("alice", append("b"))
    daemon.send_signal(signal.SIGHUP)
    room.wait_out("b")
    room.crontab("alice", append("c"))
    room.wait_out("c", 1, 5)
    check(quiet(room, "b"), "the version before still runs")


def test_what_links_lead_to_is_looked_at_each_minute(room):
    room.crontab("alice", append("alice"))
    lab.put("/var/lib/tab", append("one").replace("* echo", "* root echo"))
    os.symlink("/var/lib/tab", "/etc/cron.d/link")
    room.conf('task-dirs = { "/var/lib/current" }\n')
    lab.put("/var/lib/first/a.conf", task("a", "first"))
    lab.put("/var/lib/second/a.conf", task("a", "second"))
    os.symlink("first", "/var/lib/current")
    room.start()
    room.wait_out("one")
    room.wait_out("first")
    lab.put("/var/lib/tab", append("two").replace("* echo", "* root echo"))
    os.symlink("second", "/var/lib/next")
    os.rename("/var/lib/next", "/var/lib/current")
    room.wait_out("two", 1, 65)
    room.wait_out("second", 1, 5)
    check(quiet(room, "one") and quiet(room, "first"), "the versions before still run")


def test_users_who_come_later_get_their_tasks(room):
    room.tasks("f", task("t").replace("command", 'user = "carol"\n command'))
    room.start()
    room.wait_log(r"f\.conf:3:2: .*user 'carol' does not exist")
    with open("/etc/passwd", "a", encoding="utf-8") as people:
        people.write("carol:x:2050:2050::/tmp:/bin/sh\n")
    room.wait_out("t", 2)


def test_users_who_come_later_get_their_lines(room):
    room.cron_d("x", append("x").replace("* echo", "* root echo") +
                "* * * * * * carol echo x >>%s/carol\n" % OUT)
    daemon = room.start("--dialect", "cronie")
    room.wait_log(r"/etc/cron\.d/x:3: bad username")
    room.wait_out("x")
    with open("/etc/passwd", "a", encoding="utf-8") as people:
        people.write("carol:x:2050:2050::/tmp:/bin/sh\n")
    daemon.send_signal(signal.SIGHUP)
    room.wait_out("carol", 2)


def test_another_time_zone_counts_at_once(room):
    at = time.gmtime(time.time() + 4 + 2 * lab.slowness() + 5 * 3600 + 1800)
    room.system(DUE % ("root ", "stamps") + "#@ seconds\n%d %d %d * * * root echo x >>%s/there\n"
                % (at.tm_sec, at.tm_min, at.tm_hour, OUT))
    room.start()
    room.wait_out("stamps")
    os.remove("/etc/localtime")
    os.symlink("/usr/share/zoneinfo/Asia/Kolkata", "/etc/localtime")
    room.wait_log(r"the time zone of this host has other rules now")
    room.wait_out("there")
    room.wait_out("stamps", len(room.lines("stamps")) + 2)
    each_once(room, 0, "stamps")


def test_paths_of_the_configuration_outlive_a_reload(room):
    paths = 'spool-dir = "%s"\nsystem-dir = "/etc/cron.d"\nsystem-tab = "/etc/crontab"\n'
    room.conf(paths % "/var/spool/cron/crontabs")
    lab.put("/var/spool/other/alice", append("other"), 0o600, "alice")
    room.crontab("alice", append("one"))
    room.cron_d("x", append("x").replace("* echo", "* root echo"))
    daemon = room.start()
    room.wait_out("one")
    for _ in range(5):
        daemon.send_signal(signal.SIGHUP)
        time.sleep(0.1)
    room.wait_out("x", len(room.lines("x")) + 2)
    room.conf(paths % "/var/spool/other")
    daemon.send_signal(signal.SIGHUP)
    room.wait_out("other", 2)
    check(quiet(room, "one"), "a table of a directory that is no longer named still runs")


def test_a_directory_that_comes_later_is_seen(room):
    os.rmdir("/etc/cron.d")
    room.start()
    room.wait_log("jobs in force")
    shutil.rmtree("/var/spool/cron")  # behind its back: it makes the one that is missing at a start
    os.mkdir("/etc/cron.d")
    room.cron_d("x", append("x").replace("* echo", "* root echo"))
    room.wait_out("x", 2)
    os.makedirs("/var/spool/new/crontabs")
    lab.put("/var/spool/new/crontabs/alice", append("alice"), 0o600, "alice")
    os.rename("/var/spool/new", "/var/spool/cron")
    room.wait_out("alice", 2)
    room.crontab("alice", append("changed"))
    room.wait_out("changed", 1, 5)


def anonymous(daemon):
    """KiB of memory that no file stands behind."""
    return int(re.search(r"RssAnon:\s+(\d+)", lab.read("/proc/%d/status" % daemon.pid)).group(1))


def zone(number):
    """A time zone of a name that no other has."""
    return "Z" + "".join(chr(ord("A") + number // 26 ** place % 26) for place in range(4)) + "5"


def replace_often(room, daemon, times):
    """Versions of all sizes, one after another, each with a time zone of its own, and now and
    then a look at everything."""
    for number in range(times):
        lab.put("/etc/cron.d/often", "#@ timezone=%s\n" % zone(number) + "".join(
            "%d %d 29 2 * root true %d %d\n" % (line % 60, number % 24, line, number)
            for line in range(1 + number % 40)), replace=True)
        if number % 100 == 0:
            daemon.send_signal(signal.SIGHUP)
    lab.put("/etc/cron.d/often", "# %d\n0 0 29 2 * root true\n" % times, replace=True)
    time.sleep(1)


def test_ten_thousand_reloads_leak_nothing(room):
    room.crontab("alice", append("alice"))
    room.conf('log-level = "warning"\n')
    daemon = room.start()
    room.wait_out("alice")
    replace_often(room, daemon, 2000)
    before = anonymous(daemon)
    replace_often(room, daemon, 8000)
    grown = anonymous(daemon) - before
    # the address sanitizer keeps what was freed for a while, and finds leaks itself
    check(grown <= (512 * 1024 if "fsanitize" in lab.read(lab.BUILD + "/Makefile") else 64 * lab.slowness()),
          "%d KiB more after 8,000 reloads" % grown)
    equal([str(line) for line in room.log(r"files refused: [1-9]|HARD LINKS")][:3], [],
          "versions that were refused while they were replaced")
    room.wait_out("alice", len(room.lines("alice")) + 1)


def processor_time(daemon):
    """Nanoseconds that it has computed."""
    with open("/proc/%d/schedstat" % daemon.pid, encoding="ascii") as f:
        return int(f.read().split()[0])


def rarely(name, number=0):
    return ('task "%s" {\n schedule = "0 0 %d 29 2 *"\n command = "/bin/true %d"\n}\n'
            % (name, number % 24, number))


def cost_of_reloads(room, daemon, times=12):
    """Of one of many files replaced and a reload asked for, in ms."""
    spent = []
    for number in range(times):
        before, line = processor_time(daemon), len(room.log("SIGUSR2: jobs: "))
        lab.put(room.etc + "/crond.tasks/f5.conf", rarely("t5", number), replace=True)
        daemon.send_signal(signal.SIGUSR2)
        said = room.wait_log("SIGUSR2: jobs: ", 10, line + 1)
        # files that changed just before the start are read once more; one that inotify told of was
        if number > 1 and "1 changed, 0 removed" in said.text:
            spent.append(processor_time(daemon) - before)
    check(len(spent) > times // 2, "reloads that took one change in: %d of %d" % (len(spent), times))
    return sorted(spent)[len(spent) // 2] / 1e6


def test_one_file_among_ten_thousand_costs_what_it_costs_alone(room):
    tasks = room.etc + "/crond.tasks"
    room.tasks("f5", rarely("t5"))
    daemon = room.start()
    room.wait_log("jobs in force")
    alone = cost_of_reloads(room, daemon)
    room.stop(daemon)
    for number in range(10000):
        if number != 5:
            with open("%s/f%d.conf" % (tasks, number), "w", encoding="ascii") as f:
                f.write(rarely("t%d" % number))
    daemon = room.start()
    room.wait_log("10000 jobs in force", 30)
    among = cost_of_reloads(room, daemon)
    check(among < 5 * alone, "%.2f ms among 10,000, %.2f ms alone" % (among, alone))


def commit(repo, message):
    for words in (["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit",
                                  "-q", "-m", message]):
        subprocess.run(["git", "-C", repo, *words], check=True)


def versions(repo):
    """Two commits with the same 500 tasks: other files, other commands, other order."""
    tasks = repo + "/tasks"
    os.makedirs(tasks)
    subprocess.run(["git", "init", "-q", "-b", "one", repo], check=True)
    often = {number: task("often%d" % number).replace("echo x", "echo $CRON_SCHEDULED_AT").replace(
        "\n}", "\n concurrency = allow\n max = 99\n}")  # none is left out for another that takes its time
        for number in [*range(0, 500, 50), *range(4, 500, 50)]}
    for number in range(500):
        lab.put("%s/f%03d.conf" % (tasks, number), often.get(number) or rarely("t%d" % number))
    commit(repo, "one")
    subprocess.run(["git", "-C", repo, "checkout", "-q", "-b", "two"], check=True)
    for number in range(500):
        path = "%s/f%03d.conf" % (tasks, number)
        if number % 5 == 0:  # under another name
            os.rename(path, "%s/%s%03d.conf" % (tasks, "ag"[number // 5 % 2], number))
        elif number % 5 < 3:  # two that change places
            lab.put(path, rarely("t%d" % (number + (1 if number % 5 == 1 else -1))))
        elif number % 5 == 3:  # one that takes in its neighbour's
            lab.put(path, rarely("t%d" % number, 1) + (often.get(number + 1) or rarely("t%d" % (number + 1))))
            os.remove("%s/f%03d.conf" % (tasks, number + 1))
    commit(repo, "two")
    return tasks


def in_one_go():
    """Nobody else has its processor meanwhile."""
    with contextlib.suppress(OSError):  # where that is not ours to ask for
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def checkouts(room, repo, daemon, unseen):
    """One and the other, often: what was said of it that must not be, and how long the longest took."""
    longest, began = 0, len(room.log("."))
    for number in range(6):
        if unseen:
            daemon.send_signal(signal.SIGSTOP)
        before = time.monotonic()
        subprocess.run(["git", "-C", repo, "checkout", "-q", ("one", "two")[number % 2]], check=True,
                       preexec_fn=in_one_go)
        longest = max(longest, time.monotonic() - before)
        daemon.send_signal(signal.SIGCONT)
        time.sleep(0.35)
    room.wait_log(r"reload: jobs: 0 added, \d+ changed, 0 removed", 5)
    time.sleep(2.5)
    said = [str(line) for line in room.log(".")][began:]
    return longest, [line for line in said if re.search(
        r"[1-9]\d* (added|removed)|refused: [1-9]|ERROR|WARNING|added: |removed: ", line)]


def test_a_checkout_removes_no_task_and_starts_none_twice(room):
    if not shutil.which("git"):
        raise lab.Skip("no git")
    repo = "/var/lib/repo"
    room.conf('task-dirs = { "%s" }\n' % versions(repo))
    daemon = room.start()
    room.wait_log("500 jobs in force")
    room.wait_out("often0")
    for unseen in (False, False, True):
        since = int(time.time()) + 1
        longest, wrong = checkouts(room, repo, daemon, unseen)
        if not wrong or longest < QUIET:
            break  # else it may have stood still amid one, which was rightly seen half
    equal(wrong[:5], [], "tasks that came or went, or were refused")
    daemon.send_signal(signal.SIGUSR2)
    room.wait_log(r"SIGUSR2: jobs: 0 added, 0 changed, 0 removed, 500 unchanged")
    each_once(room, since, *("often%d" % number for number in [*range(0, 500, 50), *range(4, 500, 50)]))


def test_what_inotify_lost_is_found(room):
    most = int(lab.read("/proc/sys/fs/inotify/max_queued_events"))
    tasks = room.etc + "/crond.tasks"
    for name in ("kept", "changed", "removed"):
        room.tasks(name, rarely(name))
    daemon = room.start()
    room.wait_log("3 jobs in force")
    time.sleep(0.2)
    daemon.send_signal(signal.SIGSTOP)
    for number in range(most // 2 + 100):  # two events each: equal ones in a row would be one
        os.close(os.open("%s/.%d" % (tasks, number % 2), os.O_WRONLY | os.O_CREAT))
        os.chmod("%s/.%d" % (tasks, number % 2), 0o600)
    room.tasks("changed", rarely("changed", 1))
    room.tasks("added", rarely("added"))
    os.remove(tasks + "/removed.conf")
    daemon.send_signal(signal.SIGUSR2)
    daemon.send_signal(signal.SIGCONT)
    room.wait_log("inotify overflowed", 20)
    room.wait_log(r"\(added: added\)")
    room.wait_log(r"\(changed: changed\)")
    room.wait_log(r"\(removed: removed\)")


def deadlines(daemon):
    """When its timers by the monotonic clock are to wake it, in seconds from now."""
    found = []
    for fd in os.listdir("/proc/%d/fdinfo" % daemon.pid):
        text = lab.read("/proc/%d/fdinfo/%s" % (daemon.pid, fd))
        if "clockid: 1\n" in text:
            found.append(int(re.search(r"it_value: \((\d+),", text).group(1)))
    return found


def test_nothing_wakes_it_while_nothing_is_due(room):
    os.rename("/dev/log", "/dev/log.away")
    shutil.rmtree(room.etc + "/crond.tasks")
    room.conf('log-target = "syslog"\n')
    room.crontab("alice", "0 0 29 2 * true\n")
    daemon = room.start()
    time.sleep(1.5)

    def switches():
        return re.findall("voluntary.*", lab.read("/proc/%d/status" % daemon.pid))

    def still():  # once it has loaded
        before = switches()
        time.sleep(2)
        return deadlines(daemon) == [0] and switches() == before
    room.wait_for(still, 10, "no switch in two seconds, and no deadline of %s" % deadlines(daemon))
    os.rename("/dev/log.away", "/dev/log")
    room.crontab("alice", append("alice"))
    room.wait_log(r"\d+ log lines were lost")


def test_a_user_who_comes_later_is_adopted(room):
    lab.put("/var/spool/cron/crontabs/carol", append("carol"), 0o600)
    os.chown("/var/spool/cron/crontabs/carol", 2050, 2050)
    daemon = room.start()
    room.wait_log(r"\(carol\) ORPHAN \(no passwd entry\)")
    with open("/etc/passwd", "a", encoding="utf-8") as people:
        people.write("carol:x:2050:2050::/tmp:/bin/sh\n")
    daemon.send_signal(signal.SIGHUP)
    room.wait_out("carol", 2)


def test_accounts_are_as_they_are_now(room):
    room.crontab("alice", "#@ seconds\n* * * * * * id -G >%s/groups.new; mv %s/groups.new %s/groups\n"
                 % (OUT, OUT, OUT))
    room.start()
    room.wait_out("groups")
    with open("/etc/group", "a", encoding="ascii") as group:
        group.write("latecomers:x:4321:alice\n")
    room.wait_for(lambda: "4321" in (room.lines("groups") or [""])[0].split(), 10,
                  "the group that alice got")
    with open("/etc/passwd", encoding="ascii") as accounts:
        rest = [line for line in accounts if not line.startswith("alice:")]
    with open("/etc/passwd.new", "w", encoding="ascii") as accounts:
        accounts.writelines(rest)
    os.rename("/etc/passwd.new", "/etc/passwd")
    room.wait_log(r"\(alice\) ORPHAN \(no passwd entry\)")
    room.wait_for(lambda: not room.keepers(), 10, "the end of what was under way")
    os.unlink(OUT + "/groups")
    time.sleep(2.5)
    check(not os.path.exists(OUT + "/groups"), "a job of somebody who is gone ran")


if __name__ == "__main__":
    lab.main()
