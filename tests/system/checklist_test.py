"""The manual's list of why a job did not run: each situation is brought about, its command is
run as it stands there, and prints the answer that stands there."""
import json
import os
import re
import subprocess
import time

import lab
from lab import check, equal

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../man/crond.8"),
          encoding="utf-8") as manual:  # the lab hides where it stands
    MANUAL = manual.read()

SITE = r"""task "gold" {
  schedule = "30 9 * * *"
  timezone = "Asia/Tokyo"
  command  = "improt"
  log      = yes
}
task "silver" {
  schedule = "@daily"
  command  = "true"
  enabled  = no
}
task "copper" {
  schedule = "@daily"
  command  = "true"
}
task "zinc" {
  schedule = "@daily"
  command  = "true"
  hosts    = "web-*"
}
task "tin" {
  schedule = "@reboot"
  command  = "echo hello"
}
task "lead" {
  schedule = "@daily"
  command  = "echo hello"
  mail     = "ops@example.org"
}
"""
SHOP = """task "desk" {
  schedule = "* * * * * * * *"
  command = "true"
}
task "till" {
  user = "shop"
  schedule = "@daily"
  command = "true"
}
"""


def section():
    return re.search(r"^\.Sh MY JOB DID NOT RUN\n(.*?)^\.Sh ", MANUAL, re.M | re.S).group(1)


STARTED = """task "iron" {
  schedule = "* * * * * *"
  command  = "sleep 100"
}
task "coal" {
  schedule = "* * * * * *"
  command  = "sleep 100"
  pool     = "mine"
  max      = 9
}
task "salt" {
  schedule    = "* * * * * *"
  command     = "sleep 100"
  concurrency = queue
}
task "sand" {
  schedule       = "* * * * * *"
  command        = "sleep 100"
  concurrency    = queue
  start-deadline = "500ms"
}
task "rust" {
  schedule = "* * * * * *"
  command  = "true"
}
task "wool" {
  schedule = "* * * * * *"
  command  = "true"
  pre      = "false"
}
task "rice" {
  schedule = "* * * * * *"
  command  = "true"
}
task "clay" {
  schedule = "@reboot"
  command  = "true"
  shell    = "/bin/nosh"
}
task "peat" {
  schedule = "@reboot"
  command  = "true"
  dir      = "/srv/peat"
}
task "corn" {
  schedule = "@reboot"
  command  = "improt"
}
"""


def questions(*titles):
    """(what is asked, the command, lines of its answer), each as the manual has it."""
    parts = re.split(r"^\.Ss (.*)\n", section(), flags=re.M)[1:]
    chosen = [body for title, body in zip(parts[::2], parts[1::2]) if title in titles]
    equal(len(chosen), len(titles), "parts of the list")
    found = []
    for item in [one for body in chosen for one in re.split(r"^\.It ", body, flags=re.M)[1:]]:
        lines = [one[4:].replace(r"\(dq", '"').replace(r"\e", "\\").replace(r"\&", "")
                 for one in item.splitlines() if one.startswith(".Dl ")]
        check(lines and lines[0][:2] in ("# ", "$ "), "a command in %r" % item)
        found.append((item.splitlines()[0].replace(r"\&", ""), lines[0][2:], lines[1:]))
    return found


def has(shown, answer):
    pattern = r".*".join(re.escape(" ".join(part.split())) for part in answer.split("..."))
    return any(re.fullmatch(pattern.replace(r"\ .*", r"\s?.*").replace(r".*\ ", r".*\s?"),
                            " ".join(line.split())) for line in shown.splitlines())


def ask(room, command):
    path = ":".join([os.path.dirname(room.program("cronctl")), os.path.dirname(room.program("crond")),
                     os.environ["PATH"]])
    done = subprocess.run(["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False, env=dict(os.environ, PATH=path))
    return done.stdout


def ask_all(room, chosen):
    """What is on record may be so in a moment only."""
    for what, command, answer in chosen:
        check(answer, "no answer to: " + what)
        for line in answer:
            if not has(ask(room, command), line):
                room.wait_for(lambda: has(ask(room, command), line), 10, "%s\n$ %s\n%s\nto have: %s" % (
                    what, command, ask(room, command), line))


def furnish(room):
    room.cron_d("report", "0 1 * * * root true\n61 * * * * root true\n")
    room.cron_d("ends", "0 1 * * * root true")
    room.cron_d("shop", "0 1 * * * shop true\n")
    room.cron_d("disk", "0 1 * * * root true\n", owner="alice")
    room.cron_d("stock", "0 1 * * * root true\n", 0o666)
    room.cron_d("backup.sh", "0 1 * * * root true\n")
    room.cron_d("opts", "#@ timeut=10m\n0 1 * * * root true\n")
    room.crontab("alice", "0 1 * * * true\n", mode=0o644)
    room.crontab("bob", "MAILTO=\"\"\n#@ name=quiet\n0 1 * * * true\n")
    room.tasks("site", SITE)
    room.tasks("shop", SHOP)
    room.conf('mailer = "/usr/sbin/nosuchmailer"\n')


def test_what_is_in_force_and_due(room):
    furnish(room)
    down, up = [], []
    for one in questions("Is it in force?", "Was it due?", "Where is what it did?"):
        (down if "status" in one[1] else up).append(one)
    equal(len(down), 1, "questions without a daemon")
    ask_all(room, down)
    room.start()
    room.wait_for(lambda: ask(room, "cronctl pause copper && cronctl run --wait gold"), 10, "an answer")
    ask_all(room, up)


def historic(room):
    if not os.path.exists(lab.BUILD + "/crond/crond-history"):
        raise lab.Skip("built without SQLite")
    room.conf("history { enabled = yes }\n")


def test_what_was_started(room):
    historic(room)
    room.tasks("site", STARTED)
    room.tasks("gone", 'task "gone" {\n schedule = "@reboot"\n command = "echo was here"\n'
               ' log = "gone/always"\n}\n')
    daemon = room.start()
    room.wait_for(lambda: "rust" in ask(room, "cronctl pause rust && cronctl list rust"), 10, "a pause")
    room.wait_log("SKIPPED job=rust")
    room.wait_for(lambda: "ok" in ask(room, "cronctl runs --job gone"), 20, "a run on record")
    run = json.loads(ask(room, "cronctl runs --json --job gone").splitlines()[0])["run_id"]
    room.stop(daemon)
    os.unlink("/etc/crond.tasks/gone.conf")
    time.sleep(3.5)  # what is younger is made up for
    room.start()
    asked = [one for one in questions("Was it started?") if "PAM" not in one[0]]
    ask_all(room, asked)
    equal(ask(room, "cronctl log " + run), "was here\n", "the log of a run whose job is gone")


def test_a_session_refused(room):
    historic(room)
    if not os.path.exists(lab.BUILD + "/crond/crond-launcher-pam"):
        raise lab.Skip("built without PAM")
    lab.put("/etc/pam.d/cron", "account required pam_deny.so\n")
    room.tasks("site", 'task "hemp" {\n schedule = "@reboot"\n command = "true"\n user = "alice"\n}\n')
    room.start()
    asked = [one for one in questions("Was it started?") if "PAM" in one[0]]
    equal(len(asked), 1, "questions about PAM")
    ask_all(room, asked)


if __name__ == "__main__":
    lab.main()
