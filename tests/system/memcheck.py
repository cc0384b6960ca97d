"""A short life of crond, crontab, cronctl and both helpers, each under valgrind; tests/analysis has it run.

CROND_BUILD is a tree that tests/analysis has made: its programs begin valgrind, which writes what it
finds into /mnt/out. What is found is printed behind FOUND, a line each."""
import glob
import os
import re
import subprocess

import lab
import sinks
from lab import OUT, check, equal

SLOW = 60  # seconds that anything may take


def say(room, *words, user=0, status=(0,), **how):
    done = subprocess.run([room.program(words[0]), *words[1:]], user=user, group=user, extra_groups=[], cwd="/",
                          env={"PATH": "/usr/bin:/bin", "TZ": "UTC"}, capture_output=True, text=True,
                          timeout=SLOW, check=False, **how)
    check(done.returncode in status, "%s: %s %s%s" % (words, done.returncode, done.stdout, done.stderr))
    return done.stdout


def ask_everything(room):
    for words in (("list",), ("show", "bad"), ("next", "-n", "3", "bad"), ("status",), ("runs",), ("log", "bad"),
                  ("stats",), ("alerts",), ("version",), ("pause", "bad"), ("resume", "bad"),
                  ("check", room.etc + "/crond.conf"), ("list", "--json"), ("runs", "--json"), ("reload",)):
        say(room, "cronctl", *words)
    say(room, "cronctl", "show", "nobody", status=(1, 2))


def test_all_programs(room):
    receiver = sinks.Receiver()
    room.conf('history { enabled = yes }\nwebhook "w" {\n url = "%s"\n}\n' % receiver.url)
    room.tasks("t", 'task "bad" {\n schedule = "0 0 1 1 *"\n command = "echo out; echo err >&2; exit 3"\n'
                    ' alert = { "webhook:w", "mail:ops@example.org" }\n}\n'
                    'task "long" {\n schedule = "0 0 1 1 *"\n command = "sleep 1000"\n}\n')
    daemon = room.launch("-f")
    room.wait_log("jobs in force", SLOW)
    room.wait_for(lambda: os.path.exists("/run/crond/control.sock"), SLOW, "its socket")
    say(room, "crontab", "-", user=0, input="@reboot root true\n* * * * * echo mine\n")
    say(room, "crontab", "-l")
    for name in ("bad", "long"):
        say(room, "cronctl", "run", name)
    room.wait_for(lambda: receiver.posts, SLOW, "a post")
    room.wait_for(lambda: '"exit"' in say(room, "cronctl", "runs", "--json"), SLOW, "a run on record")
    room.wait_for(room.mails, SLOW, "a mail")
    ask_everything(room)
    say(room, "cronctl", "kill", "long")
    room.tasks("t", "task oops {\n")
    say(room, "cronctl", "reload", status=(1,))
    say(room, "crontab", "-r")
    equal(room.stop(daemon, deadline=SLOW), 0, "its status")
    room.wait_for(lambda: not [p for p in lab.processes() if b"crond-" in b" ".join(p.argv[:9])
                               and b"valgrind" in b" ".join(p.argv[:1])], SLOW, "its helpers' end")
    logs = glob.glob(OUT + "/valgrind.*")
    print("RAN " + " ".join(sorted({path.split(".")[1] for path in logs})))
    for path in sorted(logs):
        spoken = re.findall(r"^==\d+== (\S.*)$", lab.read(path), re.M)
        if spoken:
            print("FOUND %s: %s" % (path.split(".")[1], " | ".join(spoken[:12])))


if __name__ == "__main__":
    lab.main(verbose=True)
