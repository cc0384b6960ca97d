"""The vocabulary in a daemon: defaults, where an option may be set, and who may ask for what."""
import os
import re
import signal
import subprocess

import lab
from lab import OUT, check, equal


def task(name, *settings, command="echo $WHO >>%s/%%s" % OUT, schedule="* * * * * *"):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command % name, "".join(" %s\n" % one for one in settings))


def asked(room, name, *words):
    """Exit status and what it says, on both its outputs."""
    done = subprocess.run([room.program(name), *words], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, timeout=60, check=False)
    return done.returncode, done.stdout


WRONG = """task "a" {
  schedule = "* 5 * * * *"
  command = "/no/such thing"
  timeout = 2h
  hosts = 10.9.8.7
}
task "b" { schedule = @daily argv = { nosuchprogram } retry-delay = 1m timout = 5m }
task "c" { type = daemon command = "true" schedule = @daily }
task "../d" { }
"""


def test_every_check_says_the_same(room):
    path = room.etc + "/crond.tasks/wrong.conf"
    room.tasks("wrong", WRONG)
    status, said = asked(room, "crond", "-t", path)
    equal(status, 1, "crond -t")
    places = [line[len(path):].split(": ")[:2] for line in said.splitlines() if path in line]
    equal(places, [[":2:3", "warning"], [":4:3", "warning"], [":3:3", "warning"],
                   [":5:3", "warning"], [":7:72", "error"], [":8:43", "warning"],
                   [":9:6", "error"]], said)
    again = asked(room, "cronctl", "check", path)
    equal(again[0], 1, "cronctl check")
    equal([line for line in again[1].splitlines() if path in line],
          [line for line in said.splitlines() if path in line], "its words")
    table = "/tmp/table"
    lab.put(table, "#@ second=*\n5 * * * * nosuchprogram\n#@reboot true\n@daily true\n")
    places = [[":1:4", "warning"], [":2", "warning"], [":3:2", "warning"]]
    for words in (["crond", "-t", table], ["cronctl", "check", table]):
        status, said = asked(room, *words)
        equal((status, [line[len(table):].split(": ")[:2] for line in said.splitlines()
                        if line.startswith(table)]), (0, places), said)
    for name, make in (("fifo", os.mkfifo), ("loop", lambda to: os.symlink(to, to)),
                       ("dir", os.mkdir), ("gone", lambda to: None)):
        make("/tmp/%s.conf" % name)
        for words in (["crond", "-t"], ["cronctl", "check"]):
            status, said = asked(room, *words, "/tmp/%s.conf" % name)
            check(status == 1 and said.startswith("/tmp/%s.conf: error: " % name), said)


def test_defaults_reach_every_job(room):
    room.conf('defaults {\n enabled = no\n env = "WHO=conf"\n}\n')
    room.tasks("own", task("own", "enabled = yes"))
    room.tasks("file", 'defaults { env = "WHO=file" }\n' + task("file", "enabled = yes") +
               task("off"))
    room.crontab("alice", "#@ second=*\n* * * * * echo $WHO >>%s/line\n" % OUT)
    daemon = room.start()
    equal(room.wait_out("own")[0], "conf", "the default of crond.conf")
    equal(room.wait_out("file")[0], "file", "the default of the file")
    equal((room.lines("off"), room.lines("line")), ([], []), "what is not enabled")
    shown = {words[0]: words[1:] for words in
             (line.split() for line in asked(room, "cronctl", "show", "file")[1].splitlines())
             if words}
    tasks = room.etc + "/crond.tasks/file.conf"
    equal(shown["env"], ["{", '"WHO=file"', "}", tasks + ":1"], "an option of the file's defaults")
    equal(shown["enabled"], ["yes", tasks + ":5"], "an option of the task")
    equal(shown["kill-after"], ["10s", "default"], "an option that nobody gave")
    equal([line.split()[-1] for line in asked(room, "cronctl", "show", "own")[1].splitlines()
           if line.startswith("env ")], [room.etc + "/crond.conf:3"], "an option of crond.conf")
    room.conf('defaults {\n enabled = no\n env = "WHO=conf"\n max = 0\n}\n')
    daemon.send_signal(signal.SIGUSR2)
    room.wait_log(r"crond\.conf:4:2.*bad max '0'")
    room.conf('defaults { env = "WHO=again" }\n')
    daemon.send_signal(signal.SIGUSR2)
    equal(room.wait_out("line")[0], "again", "a line, once defaults let it start")
    equal(room.wait_out("off")[0], "file", "a task, likewise")
    room.wait_for(lambda: room.lines("own")[-1] == "again", 5, "the new default")


def test_names_of_lines(room):
    room.conf('task-dirs = { "%s/crond.tasks" }\n' % room.etc)
    room.tasks("t", task("gold", schedule="@reboot"))
    line = "#@ name=%s second=*\n* * * * * echo $CRON_JOB >>%s/%s\n"
    room.crontab("alice", line % ("gold", OUT, "alice"))
    room.crontab("root", line % ("gold", OUT, "root") + line % ("iron", OUT, "root"))
    room.crontab("bob", line % ("x", OUT, "bob") + line % ("x", OUT, "bob"))
    daemon = room.start()
    equal(room.wait_out("alice")[0], "alice:gold", "a user's name is apart")
    check(re.search(r"(?m)^second +\S+ +/var/spool/cron/crontabs/alice:1$",
                    asked(room, "cronctl", "show", "alice:gold")[1]), "where an option of a line is")
    equal(room.wait_out("root")[0], "iron", "root's line that clashes with nothing")
    room.wait_log(r'crontabs/root:2: job "gold" is defined at .*/t\.conf:1 already')
    room.wait_log(r"crontabs/bob:3: bad option for line 4: a second job 'x', the first is in line 2")
    equal(room.lines("bob"), [], "a table with a bad line, in this dialect")
    room.crontab("alice", line % ("gold", OUT, "moved"))
    room.wait_out("moved")
    os.remove(room.etc + "/crond.tasks/t.conf")
    room.wait_for(lambda: "gold" in room.lines("root"), 10, "the name is free")
    equal(room.stop(daemon), 0, "its end")


def test_mail_of_lines_and_tasks(room):
    room.tasks("t", task("post", 'mail = "ops@example.org"', 'mail-from = "cron@example.org"',
                         command="echo %s", schedule="@reboot") +
               task("quiet", command="echo %s", schedule="@reboot"))
    room.crontab("alice", "MAILTO=\"\"\n#@ mail=bob@example.org\n@reboot echo to-bob\n"
                 "MAILTO=alice\n#@ mail=\n@reboot echo to-nobody\n")
    room.start()
    mails = room.wait_for(lambda: len(room.mails()) >= 2 and room.mails(), 10, "two mails")
    text = {argv[-1]: text for _, argv, text in mails}
    equal(sorted(text), ["bob@example.org", "ops@example.org"], "who was written to")
    check("From: cron@example.org\n" in text["ops@example.org"], text["ops@example.org"])
    check(text["ops@example.org"].endswith("\n\npost\n"), text["ops@example.org"])


def test_who_may_ask_for_what(room):
    room.conf('defaults { limit-cpu = 10m }\nwebhook "ops" { url = "http://127.0.0.1:1/" }\n'
              'webhook "all" { url = "http://127.0.0.1:1/" users = yes }\n'
              'task-dirs = { "%s/crond.tasks", "/tmp/open" }\n' % room.etc)
    os.mkdir("/tmp/open")
    lab.put("/tmp/open/there.conf", task("there"))
    os.chmod("/tmp/open", 0o777)
    line = "#@ second=* %s\n* * * * * echo $(nice) $(ulimit -Hn) >>%s/%s\n"
    asked = {"nice": "nice=-3", "io": "ionice=realtime", "files": "limit-nofile=unlimited",
             "cap": "limit-cpu=20m"}
    for name, option in asked.items():
        lab.put("/etc/cron.d/" + name, ("#@ second=* %s\n* * * * * root echo $(nice) >>%s/root-%s\n"
                                        % (option, OUT, name)))
    lab.put("/etc/cron.d/hook", "#@ alert=webhook:ops\n@reboot root true\n")
    room.crontab("bob", line % ("nice=7 limit-nofile=99 alert=webhook:all,webhook:ops", OUT, "bob"))
    room.tasks("alices", task("alices"))
    os.chown(room.etc + "/crond.tasks/alices.conf", 2001, 2001)
    room.tasks("writable", task("writable"))
    os.chmod(room.etc + "/crond.tasks/writable.conf", 0o664)
    room.tasks("linked", task("linked"))
    os.rename(room.etc + "/crond.tasks/linked.conf", room.etc + "/crond.tasks/linked")
    os.symlink("linked", room.etc + "/crond.tasks/linked.conf")
    os.lchown(room.etc + "/crond.tasks/linked.conf", 2001, 2001)
    daemon = room.start()
    for name, why in (("alices", "WRONG FILE OWNER"), ("linked", "WRONG SYMLINK OWNER"),
                      ("there", r"INSECURE DIRECTORY \(other writable\)"),
                      ("writable", r"INSECURE MODE \(group/other writable\)")):
        room.wait_log(r"%s \(.*%s\.conf\)" % (why, name))
    equal(room.wait_out("bob")[0], "7 99", "what anybody may ask for")
    room.wait_log("WARNING .*webhook")
    equal([line.text.split("WARNING ")[1] for line in room.log("WARNING .*webhook")],
          ["(/var/spool/cron/crontabs/bob:1:36: 'webhook:ops': crond.conf does not let users' jobs "
           "have this webhook)"], "who may be told")
    equal(room.wait_out("root-nice")[0], "-3", "what root may ask for")
    for name, option in asked.items():
        room.crontab("alice", line % (option, OUT, "alice"))
        room.wait_log(r"alice:1:13: bad option for line 2: only root's files may have '%s' "
                      % option.split("=")[0])
        check(not room.log(r"/%s:1:.* bad option" % name), "root was refused " + option)
    for name in ("alice", "alices", "linked", "there", "writable"):
        equal(room.lines(name), [], "what was refused and ran: " + name)
    equal(room.stop(daemon), 0, "its end")


if __name__ == "__main__":
    lab.main()
