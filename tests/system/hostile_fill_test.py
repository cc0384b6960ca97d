"""An unprivileged user who fills the file systems that she may write to, with bytes or with files: what
she gets is bounded, others' starts, mails and tables go on, and what is lost is said."""
import grp
import os
import signal
import subprocess
import time

import lab
from control_test import begin, good
from hostile_test import as_user, task
from lab import OUT, check, equal

FILES = 400  # that the run-time directory's file system has
SPOOL = "/var/spool/cron/crontabs"
SLOTS = 16   # of a user, for tables that are on their way into the spool


def test_starts_that_wait_leave_files_for_others(room):
    """A start that waits costs no process, but files: in a run-time directory with room for many bytes
    and few files a user's come to an end before all of them are his."""
    lab.memory("/run", "0755,size=64M,nr_inodes=%d" % FILES)
    os.mkdir("/run/lock")
    room.crontab("alice", "#@ seconds\n" + "".join("#@ jitter=1h\n* * * * * * true %d\n" % n
                                                   for n in range(FILES // 2)))
    room.tasks("t", task("tick", "echo x >>%s/tick" % OUT))
    room.start()
    room.wait_log(r"alice-\S+ .*its user's runs have their share of the run-time directory", 20, 10)
    room.wait_out("tick", len(room.lines("tick")) + 1)
    taken = len(os.listdir("/run/crond/runs"))
    check(FILES / 32 < taken < FILES / 4, "%d runs wait where there is room for %d files" % (taken, FILES))
    equal(room.log("FAIL job=tick"), [], "what root cannot start")


FILL = """
import itertools, os, sys
for top in sys.argv[1:]:
    with open(top + "/bytes", "wb", buffering=0) as large:
        try:
            while large.write(bytes(1 << 16)):
                pass
        except OSError as error:
            print(error.strerror)
    try:
        for n in itertools.count():
            open("%s/%d" % (top, n), "w").close()
    except OSError as error:
        print(error.strerror)
"""


def crontab_program(room):
    """As it is installed, where it may be executed by users."""
    tool = lab.ROOM + "/crontab"
    lab.shutil.copy(room.program("crontab"), tool)
    os.chown(tool, 0, grp.getgrnam("crontab").gr_gid)
    os.chmod(tool, 0o2755)
    os.chown(SPOOL, 0, grp.getgrnam("crontab").gr_gid)
    return tool


def installs(tool, table, uid=2001):
    with as_user(tool, "-", uid=uid, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 stderr=subprocess.STDOUT, env={"TMPDIR": "/tmp"}) as child:
        said = child.communicate(table.encode(), timeout=60)[0]
    return child.returncode, said.decode()


def test_full_temporary_directories_cost_the_middle_of_a_mail(room):
    """With no byte and no file left in /tmp and /var/tmp bob's jobs start; his mail has the
    beginning, the end and how much is missing; his table is taken, and all is asked and answered."""
    for path in ("/tmp", "/var/tmp"):
        lab.memory(path, "1777,size=512k,nr_inodes=64")
    with as_user("python3", "-c", FILL, "/tmp", "/var/tmp", stdout=subprocess.PIPE, text=True) as child:
        equal(child.communicate(timeout=60)[0], "No space left on device\n" * 4, "what she is told")
    tool = crontab_program(room)
    equal(installs(tool, "#@ name=large second=*\n* * * * * echo begins; seq 20000; echo ends\n", 2002),
          (0, ""), "bob's install")
    begin(room)
    room.wait_for(room.mails, 20, "a mail")
    _, _, text = room.mails()[0]
    check("\nbegins\n1\n2\n" in text and "\n20000\nends\n" in text, "neither end of it is missing")
    check(" bytes left out " in text, "nothing is said of what is missing")
    equal(room.log("FAIL job="), [], "what fails")
    good(room, "show", "bob:large")


def test_installs_that_are_killed_fill_no_spool(room):
    """Whatever moment alice kills her installs at, what they leave is bounded, goes with her next one,
    and is nobody's table; bob installs meanwhile."""
    lab.memory(SPOOL, "1730,size=64M,nr_inodes=%d" % (SLOTS + 12))
    tool = crontab_program(room)
    large = "".join("0 0 1 1 * true %d\n" % n for n in range(5000))
    lab.put("/tmp/large", large, 0o644)
    equal(installs(tool, "0 0 1 1 * true\n"), (0, ""), "her install")
    for n in range(SLOTS + 8):
        child = as_user(tool, "/tmp/large", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(n * 0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
    left = [name for name in os.listdir(SPOOL) if name.startswith(".")]
    print(len(left), "are left of %d" % (SLOTS + 8))
    check(len(left) <= SLOTS, "left in the spool: %s" % left)
    check(lab.read(SPOOL + "/alice").endswith(("0 0 1 1 * true\n", large[-30:])), "her table is neither")
    equal(installs(tool, "0 0 1 1 * true\n", 2002), (0, ""), "bob's install")
    equal(installs(tool, "0 0 1 1 * true last\n"), (0, ""), "her next install")
    equal(sorted(os.listdir(SPOOL)), ["alice", "bob"], "what is in the spool")


if __name__ == "__main__":
    lab.main()
