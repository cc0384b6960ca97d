"""What keeps crond-notify and crond-history in: seen from outside, while they do their work.

What is forbidden is tried from inside by tests/unit/test_cage."""
import ctypes
import os
import shutil
import signal
import subprocess

import lab
import sinks
from lab import check, equal
from webhook_test import trust

CAGED = ("2", "1", "0")     # a filter of system calls; no new privileges; no core
OUTSIDE = ("0", "0", "0")


def landlock():
    return ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)


def bars(pid):
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
        status = dict(line.split(":", 1) for line in f.read().splitlines())
    with open("/proc/%d/limits" % pid, encoding="ascii") as f:
        core = [line.split()[4] for line in f if line.startswith("Max core file size")]
    return status["Seccomp"].strip(), status["NoNewPrivs"].strip(), core[0]


def helpers(daemon, name):
    """The helper itself, and what it has forked."""
    own = [p.pid for p in lab.processes() if p.ppid == daemon.pid and p.name == name]
    return own, [p.pid for p in lab.processes() if p.ppid in own]


def a_mailer_with_a_group(room):
    """As the usual sendmail programs are: what it executes puts mail into its queue by a set-group-id bit."""
    tool = lab.ROOM + "/id"
    shutil.copy(shutil.which("id"), tool)
    os.chown(tool, 0, 2100)
    os.chmod(tool, 0o2755)
    room.fake_sendmail("%s -g >>%s/group; exit 0" % (tool, lab.OUT))


def test_work_goes_on_in_a_cage(room):
    """A webhook over TLS, mail by a program with a group of its own, a history: from inside, each."""
    if not os.path.exists(lab.BUILD + "/crond/crond-history"):
        raise lab.Skip("built without SQLite")
    contexts, authority = sinks.certificates("/tmp")
    trust(authority)
    web = sinks.Web(lambda *_: (200, {}, b""), contexts["good"])
    a_mailer_with_a_group(room)
    room.conf('history { enabled = yes }\nwebhook "tls" { url = "%s/tls" }\n' % web.url)
    task = 'task "%s" {\n schedule = "@reboot"\n user = "alice"\n command = "%s"\n alert = { "webhook:tls", "mail:ops@example.org" }\n}\n'
    room.tasks("t", task % ("bad", "exit 3"))
    daemon = room.start()
    room.wait_for(lambda: web.posts and room.lines("group"), 30, "a post and a mail")
    equal(room.lines("group")[0], "2100", "the group that the mailer's program got")
    equal(web.posts[0].json()["job"], "bad", "what was posted")
    own, mailers = room.wait_for(lambda: all(helpers(daemon, "crond-notify")) and
                                 helpers(daemon, "crond-notify"), 10, "crond-notify and its mailers' process")
    equal([bars(pid) for pid in own + mailers], [CAGED, OUTSIDE], "what holds them")
    history, none = room.wait_for(lambda: helpers(daemon, "crond-history")[0] and
                                  helpers(daemon, "crond-history"), 10, "crond-history")
    equal(([bars(pid) for pid in history], none), ([CAGED], []), "what holds crond-history")
    room.wait_for(lambda: "bad" in subprocess.run([room.program("cronctl"), "runs", "--json"], text=True,
                  capture_output=True, check=False).stdout, 20, "the run on record")
    equal(room.log("not shut in"), [], "what lacks") if landlock() > 1 else room.wait_log("not shut in.*Landlock")
    a_dead_mailer_process(room, daemon, own[0], mailers[0])
    another_place(room, history[0])


def a_dead_mailer_process(room, daemon, notify, mailer):
    """Who may not start processes needs a new start for another; nothing is lost by it."""
    os.kill(mailer, signal.SIGKILL)
    room.fake_sendmail("echo again >>%s/group" % lab.OUT)
    room.tasks("u", 'task "worse" {\n schedule = "* * * * * *"\n max = 1\n user = "alice"\n command = "exit 4"\n'
                    ' alert = "mail:ops@example.org"\n}\n')
    room.wait_for(lambda: "again" in room.lines("group"), 30, "a mail by the new one")
    check(not lab.alive(notify), "crond-notify went on without")
    room.wait_for(lambda: [len(some) for some in helpers(daemon, "crond-notify")] == [1, 1], 10,
                  "another one, and who executes for it")


def another_place(room, history):
    """Its directory is replaced: it cannot reach the new one, and another one can."""
    if landlock() < 1:
        return
    place, = [os.fsdecode(p.argv[-1]) for p in lab.processes() if p.pid == history]
    os.mkdir(place + ".new", 0o700)
    os.chown(place + ".new", 2005, 2005)
    os.rename(place, place + ".old")
    os.rename(place + ".new", place)
    room.wait_for(lambda: os.path.exists(place + "/history.db"), 30, "a new history")
    check(not lab.alive(history), "crond-history went on where it was not let in")


if __name__ == "__main__":
    lab.main()
