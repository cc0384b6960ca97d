"""The manual's list of why a job did not run: each situation is brought about, its command is
run as it stands there, and prints the answer that stands there."""
import os
import re
import subprocess

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


def questions():
    """(what is asked, the command, lines of its answer), each as the manual has it."""
    found = []
    for item in re.split(r"^\.It ", section(), flags=re.M)[1:]:
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
    for what, command, answer in chosen:
        check(answer, "no answer to: " + what)
        shown = ask(room, command)
        for line in answer:
            check(has(shown, line), "%s\n$ %s\n%s\n(looked for: %s)" % (what, command, shown, line))


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


def test_checklist(room):
    furnish(room)
    down, up = [], []
    for one in questions():
        (down if "status" in one[1] else up).append(one)
    equal(len(down), 1, "questions without a daemon")
    ask_all(room, down)
    room.start()
    room.wait_for(lambda: ask(room, "cronctl pause copper && cronctl run --wait gold"), 10, "an answer")
    ask_all(room, up)


if __name__ == "__main__":
    lab.main()
