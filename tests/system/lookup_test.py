#!/usr/bin/env python3
"""Accounts that a name service has, which may be late, fail, hang and come back; see names.py."""
import contextlib
import os
import signal
import time

import lab
import names
from lab import OUT, check, equal

EACH = "#@ second=*\n* * * * * %s\n"
IDS = "echo `id -u`:`id -G` >>" + OUT + "/%s"


def table(user, uid, text):
    """Of somebody whom /etc/passwd does not have."""
    lab.put("/var/spool/cron/crontabs/" + user, text, 0o600, uid, replace=True)


def kill_child(room, daemon):
    """It ends amid a question, as it does when that takes too long."""
    pid = room.wait_for(lambda: names.child(daemon), 20, "crond-lookup")[0]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_accounts_of_a_service(room):
    """They have jobs as others do; local ones get the groups that the service knows; who comes and
    goes is seen."""
    service = names.Service()
    service.add("carol", 3001, 3001, 3101)
    service.add("alice", 2001, 3102)
    service.add("@crew", 3103)
    table("carol", 3001, "@reboot echo boot >>%s/boot\n" % OUT + EACH % (IDS % "carol"))
    room.crontab("alice", EACH % (IDS % "alice"))
    room.cron_d("mixed", "#@ second=*\n* * * * * carol %s\n#@ second=*\n* * * * * nobody2 :\n" % (IDS % "mixed"))
    room.tasks("t", 'task "t" {\n schedule = "* * * * * *"\n command = "id -g >>%s/group"\n '
               'group = "crew"\n}\n' % OUT)
    daemon = room.start()
    equal(room.wait_out("carol")[0], "3001:3001 3101", "whose a job of the service's user is")
    equal(room.wait_out("alice")[0], "2001:2001 3102", "whose a local user's job is")
    equal(room.wait_out("group")[0], "3103", "the group of a task")
    equal(room.wait_out("boot"), ["boot"], "at the boot")
    room.wait_log("bad username|nobody2")
    # three seconds are its, and may be the machine's that stands still
    check(not room.log("WARNING .no answer|ERROR .*lookup" if lab.slowness() == 1 else "ERROR .*lookup"),
          "something is wrong with the service")
    equal(len(names.child(daemon)), 1, "processes that look up")
    service.add("carol", 3001, 3001, 3104)
    names.refreshed()
    room.wait_for(lambda: "3001:3001 3104" in room.lines("carol"), 20, "a new group")
    service.remove("carol")
    names.refreshed()
    room.wait_log(r"\(carol\) ORPHAN \(no passwd entry\)")
    service.add("carol", 3001, 3001, 3105)
    names.refreshed()
    room.wait_for(lambda: "3001:3001 3105" in room.lines("carol"), 20, "who is back")
    room.stop(daemon, deadline=20)
    room.wait_for(lambda: not [p for p in lab.processes() if p.exe == "crond-lookup"], 20, "its end")


def test_no_answer_at_the_start(room):
    """Local users' jobs start; the others' are named, and start once there is an answer."""
    service = names.Service()
    for name, uid in (("carol", 3001), ("dave", 3002)):
        service.add(name, uid, uid)
        table(name, uid, "@reboot echo boot >>%s/boot.%s\n" % (OUT, name) + EACH % (IDS % name))
    room.cron_d("mixed", "#@ second=*\n* * * * * root %s\n#@ second=*\n* * * * * carol %s\n" % (
        IDS % "root", IDS % "mixed"))
    room.crontab("alice", "@reboot echo boot >>%s/boot.alice\n" % OUT + EACH % (IDS % "alice"))
    service.set("hang", True)
    daemon = room.launch("-f")
    end = time.monotonic() + 30 * lab.slowness()
    while len(room.log("left out until there is one")) < 2 and time.monotonic() < end:
        for pid in names.child(daemon):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    equal({str(line).split("(")[1][:5] for line in room.log("left out until there is one")},
          {"carol", "dave)"}, "users that are named")
    room.wait_out("alice", deadline=30)
    room.wait_out("root", deadline=30)
    equal(room.lines("alice")[0], "2001:2001", "whose a local user's job is")
    equal(room.lines("carol") + room.lines("mixed") + room.lines("boot.carol"), [], "started as nobody known")
    check(not room.log("ORPHAN"), "no answer was taken for no account")
    service.set("hang", False)
    for name in ("carol", "dave", "mixed"):
        room.wait_out(name, deadline=40)
    room.wait_log(r"\(carol\) INFO \(the name service answers again\)")
    room.wait_for(lambda: room.lines("boot.carol") and room.lines("boot.dave"), 20, "what starts at a boot")
    time.sleep(0.3)
    for name in ("alice", "carol", "dave"):
        equal(room.lines("boot." + name), ["boot"], "at the boot, of " + name)


def test_no_answer_later(room):
    """What was known stays in force; a service that fails is as one that hangs."""
    service = names.Service()
    service.add("carol", 3001, 3001, 3101)
    table("carol", 3001, EACH % (IDS % "carol"))
    daemon = room.start()
    room.wait_out("carol")
    before = service.asked("carol")
    service.set("hang", True)
    names.refreshed()
    room.wait_for(lambda: service.asked("carol") > before, 20, "another question")
    kill_child(room, daemon)
    room.wait_log(r"\(carol\) WARNING \(no answer from the name service: what was known of this user stays")
    service.set("ill", True)
    service.set("hang", False)
    service.add("dave", 3002, 3002)
    table("dave", 3002, EACH % (IDS % "dave"))
    room.wait_log(r"\(dave\) WARNING \(no answer from the name service: this user's jobs are left out")
    seen = len(room.lines("carol"))
    room.wait_out("carol", seen + 2)
    equal(set(room.lines("carol")), {"3001:3001 3101"}, "what was known")
    equal(len(room.log(r"\(carol\) WARNING")), 1, "how often it is said")
    service.set("ill", False)
    room.wait_out("dave", deadline=40)
    room.wait_log(r"\(dave\) INFO \(the name service answers again\)")


lab.main()
