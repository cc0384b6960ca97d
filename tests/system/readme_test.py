"""What README and crond.conf(5) print is taken out of them and run as it stands there."""
import json
import os
import re
import socket
import subprocess
import time

import lab
from lab import OUT, check, equal

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README"),
          encoding="utf-8") as readme:  # the lab hides where it stands
    README = readme.read()
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../man/crond.conf.5"),
          encoding="utf-8") as manual:
    CONF_MANUAL = manual.read()


def blocks():
    """What is indented, each as it would be typed."""
    found, lines = [], []
    for line in README.splitlines() + ["end"]:
        if line.startswith("  ") or (not line and lines):
            lines.append(line[2:])
        elif lines:
            found.append("\n".join(lines).strip("\n") + "\n")
            lines = []
    return found


def the_block(pattern):
    chosen = [one for one in blocks() if re.search(pattern, one)]
    equal(len(chosen), 1, "examples in README with %s" % pattern)
    return chosen[0]


def program(path, text):
    lab.put(path, "#!/bin/sh\n" + text, 0o755)


def account(name, number):
    """One of that name with a home, whatever the machine has."""
    for path, line in (("/etc/passwd", "%s:x:%d:%d::/tmp:/bin/sh\n" % (name, number, number)),
                       ("/etc/group", "%s:x:%d:\n" % (name, number))):
        others = [one for one in lab.read(path).splitlines(True) if not one.startswith(name + ":")]
        lab.put(path, "".join(others) + line)


def cronctl(room, *words):
    return subprocess.run([room.program("cronctl"), *words], capture_output=True, text=True,
                          check=False)


def jobs(room):
    lines = cronctl(room, "list", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines if '"job"' in line]


def furnish(room):
    """The programs, people and files that the examples speak of."""
    for path in ("/srv", "/usr/local/bin"):
        lab.memory(path)
    program("/usr/local/bin/poll", "date +%%s >>%s/poll\n" % OUT)
    program("/usr/local/bin/import", "echo $$ >>%s/import; sleep 600\n" % OUT)
    program("/srv/backup/run.sh", "sleep 0.2; exit 3\n")
    program("/srv/queue/worker", "id -un >>%s/worker; echo $WATCHDOG_USEC >>%s/worker\nexec sleep 600\n"
            % (OUT, OUT))
    os.chmod(OUT, 0o777)
    account("backup", 2061)
    account("www-data", 2062)
    room.fake_sendmail()
    room.crontab("alice", the_block("#@ name=poll "))
    room.tasks("backup", the_block('task "backup"'))
    room.tasks("worker", the_block("type *= daemon"))
    room.conf(the_block("^webhook "))


def test_what_has_run(room):
    lab.memory("/usr/local/bin")
    program("/usr/local/bin/report", "echo rows; echo 27 rows >&2\n")
    room.tasks("report", the_block('task "report"'))
    if os.path.exists(lab.BUILD + "/crond/crond-history"):
        room.conf("history { enabled = yes }\n")
    room.start()
    room.wait_for(lambda: cronctl(room, "status").returncode == 0, 10, "an answer")
    run = cronctl(room, "run", "--wait", "report").stdout.split()[0]
    equal(cronctl(room, "log", run).stdout, "stderr: 27 rows\n", "cronctl log RUN")
    equal(cronctl(room, "log", "-f", "report").stdout, "stderr: 27 rows\n", "cronctl log -f JOB")
    printed = the_block("cronctl runs --job report").splitlines()
    if not os.path.exists(lab.BUILD + "/crond/crond-history"):
        return
    room.wait_for(lambda: " ok " in cronctl(room, *printed[0].split()[2:]).stdout, 20, "its row")
    shown = cronctl(room, *printed[0].split()[2:]).stdout.splitlines()
    equal(shown[0].split(), printed[1].split(), "its columns")
    equal(shown[1].split()[0], run, "its row")
    kept = re.search(r"/var/log/crond/report/history/\S+", cronctl(
        room, "runs", "--wide", "--artifacts", "--job", "report").stdout).group()
    equal(lab.read(kept + "/report.txt"), "rows\n", "what it has left")


def sleepers():
    return [p for p in lab.processes() if p.name == "sleep" and p.argv[1:] == [b"600"]]


def test_the_examples_do_what_is_said_of_them(room):
    furnish(room)
    if time.time() % 300 > 300 - 10 * lab.slowness():  # or import starts by itself amid all this
        time.sleep(300 - time.time() % 300)
    lint = subprocess.run([room.program("crond"), "-t"], capture_output=True, text=True, check=False)
    equal((lint.returncode, [line for line in lint.stderr.splitlines() if "error" in line]), (0, []),
          "crond -t")
    room.start()
    room.wait_out("worker", 4)
    equal(sorted(room.lines("worker")), ["20000000"] * 2 + ["www-data"] * 2, "two workers")

    # the crontab: each 20 seconds; not twice at a time; ten minutes
    known = {job["command"].split("/")[-1]: job for job in jobs(room) if "alice" in job["job"]}
    equal(known["poll"]["next"] % 20, 0, "poll each 20 seconds")
    check(known["poll"]["next"] - time.time() <= 20, "poll within the next 20 seconds")
    name = "alice:import"
    equal(known["import"]["next"] % 300, 0, "import each five minutes")
    equal(cronctl(room, "run", name).returncode, 0, "import by hand")
    room.wait_out("import")
    again = cronctl(room, "run", name)
    check(again.returncode != 0 and "max is 1" in again.stderr, "a second import: " + again.stderr)
    shown = cronctl(room, "show", name).stdout
    check(re.search(r"timeout\s+10m\b", shown) and re.search(r"max\s+1\b", shown), shown)

    # the task: on the hosts it names alone, and its failure is one line and a mail
    state = {job["job"]: job["state"] for job in jobs(room)}
    equal(state["backup"], "elsewhere", "backup on a host that it does not name")
    socket.sethostname("db-1")
    room.wait_log("this host is called db-1 now")
    equal(cronctl(room, "run", "backup").returncode, 0, "backup by hand")
    line = room.wait_log("FAIL job=backup ")
    printed = " ".join(the_block("FAIL job=backup").split()).split(": ", 1)[1]
    pattern = re.sub(r"\d+", r"\\d+", re.escape(printed)).replace(r"\d+\.\d+s", "[0-9.]+m?s")
    check(re.fullmatch(pattern, line.text), "%s is not as printed: %s" % (line.text, printed))
    room.wait_for(lambda: [m for m in room.mails() if "ops@example.org" in m[2]], 10, "a mail")

    # the daemon: one that ends is started again, kill stops both until restart
    os.kill(sleepers()[0].pid, 9)
    room.wait_out("worker", 6)
    equal(cronctl(room, "kill", "worker").returncode, 0, "cronctl kill worker")
    time.sleep(1.2)
    equal(len(room.lines("worker")), 6, "workers that were stopped")
    equal(cronctl(room, "restart", "worker").returncode, 0, "cronctl restart worker")
    room.wait_out("worker", 10)


def test_the_manuals_examples_are_taken(room):
    taken = 0
    for text in re.findall(r"^\.Bd[^\n]*\n(.*?)^\.Ed", CONF_MANUAL, re.S | re.M):
        text = text.replace("\\(dq", '"').replace("\\e", "\\")
        if not re.match(r"task(-dirs)? |defaults |webhook ", text):
            continue  # no file
        path = "/tmp/crond.conf" if text.startswith(("task-dirs", "webhook")) else "/tmp/tasks.conf"
        lab.put(path, text)
        checked = cronctl(room, "check", path)
        equal((checked.returncode, re.findall(".*error.*", checked.stderr)), (0, []), text)
        taken += 1
    check(taken >= 7, "%d examples in crond.conf(5)" % taken)


if __name__ == "__main__":
    lab.main()
