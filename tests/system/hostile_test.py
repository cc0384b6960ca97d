"""An unprivileged user against root and everybody else.

The known classes of attacks on cron daemons, by the number that they have in our list, and what
shows each of them to be refused:

     1  an editor's copy swapped for a link    crontab_faults: editor swaps, foreign copy
     2  package scripts in the spool           test_what_is_installed_leaves_the_spool_alone
     3  hard links to tables                   badinput_test: odd files in the spool
     4  huge and broken tables                 hostile_crowd_test, badinput_test, tests/fuzz
     5  a change of identity that fails        tests/faults, row 17
     6  descriptors that leak                  process_test: descriptors are three; crontab_faults: editor rights
     7  files shown that cannot be parsed      test_crontab_reads_with_its_callers_eyes
     8  options in addresses                   mail_test: unsafe recipients, dialect_mail_test
     9  users with odd names                   badinput_test: numbers are no users
    10  requests over sockets                  control_test: no client does harm, asked_test: hostile
    11  words that steer who reads them        test_words_that_mislead, asked_test: on a terminal
    12  unreadable lists of users              crontab_faults: lists fail closed
    13  signals that are inherited             process_test: signals, umask and limits are clean
    14  sessions that stay open                pam_test: stopped and killed
    15  helpers that can be killed             test_what_is_roots_stays_roots
    16  edits that are missed                  reload_test: a change within the same second counts
    17  forks that fail                        tests/faults, rows 5 and 6
    18  @reboot again                          starts_test: reboot lines run once a boot
    19  lines of the log that are made up      starts_test: nothing named breaks a log line
    20  the daemon's environment               process_test: environment is exact
    21  reloads that leak                      reload_test: ten thousand reloads leak nothing
    22  TMPDIR                                 crontab_faults: tmpdir

What crontab does with rights of its own: crontab_audit. Files below users' directories:
dress_test: root follows nobody. Heartbeats: heart_test: who may not speak. Floods:
hostile_crowd_test, hostile_flood_test. Full file systems: hostile_fill_test. Sockets and name
spaces: hostile_places_test.
"""
import os
import re
import signal
import subprocess
import time

import lab
from control_test import good, on_terminal
from lab import OUT, check, equal

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# now: in the lab they may lie below a directory that is another one there
TMPFILES = lab.read(SOURCE + "/contrib/systemd/tmpfiles.d/cronward.conf.in")
MAKEFILE = lab.read(SOURCE + "/Makefile.am")
STOPPER = """
import os, signal
while True:
    try:
        os.kill(-1, signal.SIGSTOP)  # whatever alice has, but for this
    except ProcessLookupError:
        pass
"""


def task(name, command, *settings, schedule="* * * * * *"):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in settings))


def as_user(*words, uid=2001, **how):
    return subprocess.Popen(words, user=uid, group=uid, extra_groups=[], cwd="/", **how)


def test_stopped_before_it_executes(room):
    """Between its identity and its program a job is its user's to stop: its keeper, which waits
    for that, keeps the timeout all the same."""
    long_way = "/" + "usr/../" * 500  # which takes longer than a command of this user's
    room.tasks("t", "".join(task("t%d" % n, "sleep 60", "user = alice", 'timeout = "1s"',
                                 'kill-after = "1s"', 'dir = "%s"' % long_way, schedule="@reboot")
                            for n in range(40)))
    stopper = as_user("python3", "-c", STOPPER)
    room.start()
    lines = room.wait_for(lambda: len(room.log(r"FAIL job=t\d+ ")) == 40 and room.log("FAIL job=t"), 30,
                          "the end of all of them")
    stopper.kill()
    print(len([1 for line in lines if "result=spawn" in str(line)]), "were stopped before")
    for line in lines:
        check(re.search(r'result=(timeout|spawn reason="cannot execute .*: Connection timed out")', str(line)),
              str(line))
    room.wait_for(lambda: not room.keepers(), 20, "the end of their keepers")


def test_what_is_roots_stays_roots(room):
    """No process of ours may be signalled, none of its files opened, by whose job it holds."""
    room.crontab("alice", "#@ name=nap log=yes\n@reboot echo begun >>%s/begun; sleep 100\n" % OUT)
    room.tasks("t", task("roots", "sleep 100", schedule="@reboot"))
    room.start()
    room.wait_out("begun")
    room.wait_for(lambda: len(room.keepers()) >= 2, 10, "two keepers")
    ours = {p.pid: p.exe for p in lab.processes() if p.exe.startswith("crond")}
    paths = ["/run/crond/runs", "/run/crond/outbox", "/run/crond/jobs", "/var/lib/crond/backlog",
             "/var/spool/cron/crontabs/alice", "/var/spool/cron/crontabs"]
    script = """
import ctypes, os, signal, sys
def tried(call, *args):
    try:
        call(*args)
        print("not refused:", call.__name__, args)
    except (PermissionError, FileNotFoundError, ProcessLookupError): # or it has ended since
        pass
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, sys.argv[1].split(",")):
    for sig in (0, signal.SIGTERM, signal.SIGSTOP, signal.SIGUSR1, signal.SIGRTMIN, signal.SIGKILL):
        tried(os.kill, pid, sig)
    for name in ("environ", "mem", "fd/0", "maps", "cwd/x"):
        tried(open, "/proc/%d/%s" % (pid, name))
    if libc.ptrace(16, pid, 0, 0) == 0 or libc.prlimit(pid, 7, b"\\0" * 16, None) == 0:
        print("not refused: ptrace or prlimit", pid)
for path in sys.argv[2].split(","):
    tried(os.unlink, path + "/x" if os.path.isdir(path) else path)
    tried(os.listdir if os.path.isdir(path) else open, path)
    tried(os.rename, path, path + ".away")
    tried(os.symlink, "/etc/shadow", os.path.dirname(path) + "/planted")
"""
    with as_user("python3", "-c", script, ",".join(map(str, ours)), ",".join(paths),
                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        equal(child.communicate(timeout=60)[0], "", "what was not refused")
    left = {p.pid: p.exe for p in lab.processes() if p.exe.startswith("crond")}
    equal({pid: left.get(pid) for pid in ours}, ours, "the processes that were there")
    equal(room.log("FAIL job=|ERROR"), [], "complaints")


def test_words_that_mislead(room):
    """What a job prints is shown to root without what would have it read as something else."""
    evil = "\u202eexe.gpj\u2066 \U000e0041 \u200e\ufeff \u009b31m caf\u00e9"
    room.crontab("alice", "#@ name=evil log=yes\n@reboot cat %s/evil >&2; exit 3\n" % OUT)
    lab.put(OUT + "/evil", evil + "\n", owner="alice")
    room.start()
    room.wait_log("FAIL job=alice:evil")
    for words in (("log", "alice:evil"), ("show", "alice:evil"), ("list",)):
        shown = on_terminal(room, 80, *words)
        check(not set(shown) & set("\u202e\u2066\u200e\ufeff\u009b\U000e0041"), "%s: %r" % (words, shown))
    check("caf\u00e9" in on_terminal(room, 80, "log", "alice:evil"), "a word that is none of these")


def test_output_and_forks_without_end(room):
    """While alice's jobs print all they can and fork all they may, bob's start each second."""
    room.crontab("bob", "#@ second=*\n* * * * * echo $CRON_SCHEDULED_AT >>%s/bob\n" % OUT)
    room.start()
    room.wait_out("bob", 2)
    room.crontab("alice", "#@ second=*/2 timeout=3s\n* * * * * head -c 100000000 /dev/zero\n"
                 "#@ second=*/2 timeout=3s log=yes log-max=1M\n* * * * * head -c 100000000 /dev/zero\n"
                 "#@ second=*/2 timeout=3s limit-nproc=60 leftovers=kill\n"
                 "* * * * * f() { f | f & }; f 2>/dev/null; sleep 1\n")
    before = len(room.lines("bob"))
    room.wait_out("bob", before + 4, 60)
    room.crontab("alice", "")

    def each_once():  # one may be written behind the next
        seconds = sorted(int(line) for line in room.lines("bob"))
        return seconds == list(range(seconds[0], seconds[-1] + 1))
    room.wait_for(each_once, 10, "each second once")


def test_crontab_reads_with_its_callers_eyes(room):
    """A file that alice may not read is not shown to her, nor a word of it."""
    tool = lab.ROOM + "/crontab"
    lab.shutil.copy(room.program("crontab"), tool)
    os.chown(tool, 0, lab.pwd.getpwnam("alice").pw_gid)
    os.chmod(tool, 0o2755)
    lab.put("/etc/secret", "hidden words\n", 0o640)
    before = os.stat("/etc/secret")
    for words in (["/etc/secret"], ["-n", "/etc/secret"], ["-u", "root", "/etc/secret"], ["-u", "bob", "-l"]):
        with as_user(tool, *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            said = child.communicate(timeout=30)[0]
        check(child.returncode != 0 and b"hidden" not in said, "%s: %r" % (words, said))
    equal(os.stat("/etc/secret")[:9], before[:9], "the file")


def test_what_is_installed_leaves_the_spool_alone(room):
    """What a package does as root goes into no directory that others write to: it makes those
    themselves, and what lies in them it neither gives away nor removes."""
    lines = [line.split() for line in TMPFILES.splitlines() if line and not line.startswith("#")]
    check(["d", "@spool_dir@", "@spool_mode@"] in [line[:3] for line in lines], "the spool is not made")
    for line in lines:
        check(line[0] == "d" and (len(line) < 6 or line[5] == "-"), "more than a directory: %s" % line)
    recipes = [line for line in MAKEFILE.splitlines()
               if re.match(r"\t(.*[{;&|] |\s*)(chown|chmod|chgrp|setfacl|chattr) ", line)]
    check(recipes and all("$(crontab_path)" in one for one in recipes), "rights are given: %s" % recipes)


if __name__ == "__main__":
    lab.main()
