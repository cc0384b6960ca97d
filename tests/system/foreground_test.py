"""crond -f FILE...: a private instance, as whoever calls it."""
import os
import pwd
import signal
import subprocess

import lab
from lab import OUT, check, equal

TASKS = """
task "tick" {
  schedule = "* * * * * *"
  command  = "echo tick-output; id -un >>%s/who"
}
task "bad" {
  schedule = "*/2 * * * * *"
  command  = "echo reason >&2; exit 3"
}
""" % OUT


def become(name):
    entry = pwd.getpwnam(name)

    def drop():
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    return drop


def private(room, user, *args):
    os.makedirs("/home/alice/x", exist_ok=True)
    lab.put("/home/alice/x/a.conf", TASKS, owner=user)
    lab.put("/home/alice/x/a.crontab", "#@ second=*\n* * * * * echo line >>%s/line\n" % OUT,
            owner=user)
    for path in ("/home/alice/x",):
        os.chown(path, pwd.getpwnam(user).pw_uid, -1)
    return room.launch("-f", "--prefix", "/home/alice/x/p", *args, "a.crontab", "a.conf",
                       cwd="/home/alice/x", preexec_fn=become(user))


def before():
    return {path for top in ("/run", "/var/lib", "/var/spool", "/var/log", "/etc")
            for path, _, _ in os.walk(top)}


def runs_as(room, user):
    os.makedirs("/home/alice/x/p", exist_ok=True)
    os.chown("/home/alice/x/p", pwd.getpwnam(user).pw_uid, -1)
    there = before()
    daemon = private(room, user)
    room.wait_out("who", 2)
    room.wait_out("line", 2)
    equal(set(room.lines("who")), {user}, "user of the tasks")
    room.wait_for(lambda: "FAIL job=bad " in lab.read(room.errors), 10, "a failure on the terminal")
    room.wait_for(lambda: "tick-output" in lab.read(room.errors), 10, "the task's output")
    equal(room.stop(daemon), 0, "exit status")
    equal(before() - there, set(), "directories outside the prefix")
    equal(room.syslog.lines, [], "syslog lines")


def test_as_a_user(room):
    runs_as(room, "alice")


def test_as_root(room):
    runs_as(room, "root")


def test_interrupt_ends_it(room):
    os.makedirs("/home/alice/x/p")
    os.chown("/home/alice/x/p", 2001, -1)
    daemon = private(room, "alice")
    room.wait_out("line")
    equal(room.stop(daemon, signal.SIGINT), 0, "exit status")


def test_bad_files_are_said_and_end_it(room):
    os.makedirs("/home/alice/x/p")
    lab.put("/home/alice/x/bad.crontab", "77 * * * * true\n")
    daemon = room.launch("-f", "--prefix", "/home/alice/x/p", "/home/alice/x/bad.crontab",
                         "/home/alice/x/gone.conf")
    room.wait_for(lambda: "bad minute" in lab.read(room.errors), 10, "the error")
    room.wait_for(lambda: "gone.conf" in lab.read(room.errors), 10, "the missing file's name")
    if daemon.poll() is None:
        room.stop(daemon)


def test_check_starts_nothing(room):
    room.cron_d("good", "* * * * * root true\n")
    daemon = room.launch("-t")
    equal(daemon.wait(10 * lab.slowness()), 0, "exit status of a good system")
    room.cron_d("bad", "# one\n77 * * * * root true\n")
    daemon = room.launch("-t")
    equal(daemon.wait(10 * lab.slowness()), 1, "exit status of a bad system")
    text = lab.read(room.errors)
    check("/etc/cron.d/bad" in text and "2" in text and "bad minute" in text, "message: " + text)
    check(not os.path.exists("/run/crond.pid"), "a pid file was made")


def test_check_tells_of_undefined_receivers(room):
    room.conf('webhook "chat" { url = "http://127.0.0.1:1/" }\n')
    room.tasks("a", 'task "a" { schedule = "@daily" command = "x" alert = { "webhook:chat" } }\n'
               'task "b" { schedule = "@daily" command = "x" alert = { "webhook:chta" } }\n')
    daemon = room.launch("-t")
    equal(daemon.wait(10 * lab.slowness()), 0, "a warning is no error")
    text = lab.read(room.errors)
    check("a.conf:2:46: warning: 'webhook:chta': no webhook of this name is defined" in text,
          "message: " + text)
    check("'chat'" not in text, "message: " + text)


def test_n_means_foreground_in_dialect_cronie(room):
    daemon = room.launch("--dialect", "cronie", "-n")
    room.wait_for(lambda: os.path.exists("/run/crond.pid"), 10, "a pid file")
    equal(int(lab.read("/run/crond.pid")), daemon.pid, "the process id is the caller's child")
    check(daemon.poll() is None, "it did not stay in the foreground")
    equal(room.stop(daemon), 0, "exit status")


def test_unknown_options_are_refused(room):
    for words in (("-Z",), ("--no-such",), ("-L",)):
        done = subprocess.run([room.program("crond"), *words], capture_output=True, text=True,
                              timeout=60, check=False)
        check(done.returncode in (1, 2, 64), "%s: status %d" % (words, done.returncode))
        check(done.stderr.strip(), "%s: nothing was said" % (words,))


if __name__ == "__main__":
    lab.main()
