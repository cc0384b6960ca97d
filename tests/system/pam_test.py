"""PAM: sessions round jobs, with modules that behave and modules that do not."""
import os
import re
import resource
import signal
import time

import lab
from lab import BUILD, OUT, check, equal, put, read

DIR = lab.ROOM + "/pam"     # of the probe module
PROBE = BUILD + "/tests/system/pam_probe.so"
STACK = "".join("%s required %s dir=%s\n" % (kind, PROBE, DIR)
                for kind in ("auth", "account", "session"))
DEBIAN = """@include common-auth
session required pam_loginuid.so
session required pam_env.so
session required pam_env.so envfile=/etc/default/locale
@include common-account
@include common-session-noninteractive
session required pam_limits.so
"""
FIRST = 3100                # uid of the first of a test's own users


def stack(text=STACK, service="cron"):
    if not os.path.exists(PROBE):
        raise lab.Skip("built without PAM")
    os.makedirs(DIR, exist_ok=True)
    put("/etc/pam.d/" + service, text)


def users(room, **actions):
    """A user for each word, whose stack does these actions; NAME="open=hang"."""
    for number, (name, steps) in enumerate(actions.items()):
        uid = FIRST + number
        for path, line in (("/etc/passwd", "%s:x:%d:%d::/tmp:/bin/sh\n" % (name, uid, uid)),
                           ("/etc/group", "%s:x:%d:\n" % (name, uid)),
                           ("/etc/shadow", "%s:*:19000::::::\n" % name)):
            with open(path, "a", encoding="utf-8") as f:
                f.write(line)
        put("%s/%s" % (DIR, name), "".join(one + "\n" for one in steps.split()))
        room.cron_d(name, "@reboot %s echo \"$(id -un)\" >>%s/%s\n" % (name, OUT, name))


def calls(user, step=None):
    found = [line.split() for line in read(DIR + "/calls").splitlines()]
    return [one for one in found if one[1] == user and step in (None, one[0])]


def failed(room, user, deadline=10):
    """The reason of the one FAIL line about a run of this user."""
    line = str(room.wait_log(r"\]: FAIL .* user=%s " % user, deadline))
    equal(len(room.log(r"FAIL .* user=%s " % user)), 1, "FAIL lines of " + user)
    found = re.search(r'result=(\w+) .*reason="([^"]*)"', line)
    check(found, "no result and reason in " + line)
    return found.groups()


def keeper_of(room, user):
    """The process whose session it is, as the module has seen it."""
    return int(room.wait_for(lambda: calls(user, "open"), 10, "a session of " + user)[0][2])


def test_order_and_pids(room):
    """account, credentials, session, job, credentials again, all in one process."""
    stack()
    users(room, able="", failing="")
    room.cron_d("failing", "@reboot failing exit 3\n")
    room.start()
    for user in ("able", "failing"):
        room.wait_for(lambda user=user: calls(user, "close"), 10, "the end of the session")
        equal([one[0] for one in calls(user)],
              ["account", "setcred", "open", "reinit", "delete", "close"], "calls of " + user)
        equal(len({tuple(one[2:]) for one in calls(user)}), 1, "processes of a session")
        equal(calls(user)[0][3], "0", "uid of a session")
    job = room.wait_log(r"\(able\) CMD").pid
    check(str(job) != calls("able")[0][2], "the session is the job's own process")


def test_refusals(room):
    """Each step may say no; the reason stands in one line, and in the dialect's own."""
    stack()
    users(room, account="account=deny", credentials="setcred=deny", opening="open=deny", able="",
          unlucky="open=close-files")
    put("/etc/cron.d/unlucky", "SHELL=/nowhere\n@reboot unlucky exit 0 # no such shell\n")
    room.start()
    room.wait_out("able")
    for user, step in (("account", "account"), ("credentials", "credentials"),
                       ("opening", "session")):
        equal(failed(room, user), ("spawn", "PAM %s: Permission denied" % step), user)
        check(not room.out(user), user + " ran")
    room.wait_log(r"CRON\[\d+\]: Permission denied$", 10, 3)
    equal(len(room.log(r"CRON\[\d+\]: Permission denied$")), 3, "lines in Debian's words")
    room.wait_for(lambda: calls("opening", "delete"), 10, "the end of what was opened in vain")
    equal([len(calls(user, "delete")) for user in ("account", "credentials", "opening")],
          [0, 0, 1], "credentials that were taken back")
    equal(failed(room, "unlucky"), ("spawn", "cannot execute /nowhere: No such file or directory"),
          "a shell that is not there")
    room.wait_for(lambda: calls("unlucky", "close"), 10, "the end of a session without a job")
    equal(room.log("PAM session.*account"), [], "lines")


def test_bad_modules_harm_one_run(room):
    """Whatever a module does to the process it is in, other runs know nothing of it."""
    stack()
    users(room, crash="open=crash", leave="account=exit", rights="open=drop-rights",
          files="open=leak-files", closes="open=close-files", child="open=leave-child",
          thread="open=leave-thread", mess="open=mess", late="close=crash", able="")
    state = "ls -m /proc/$$/fd; pwd; umask; id -u; grep -E '^Sig(Blk|Ign)' /proc/self/status"
    for user in ("files", "closes", "child", "thread", "mess", "late", "able"):
        room.cron_d(user, "@reboot %s { %s; } >%s/%s\n" % (user, state, OUT, user))
    room.start()
    want = None
    for number, user in (("19", "able"), ("13", "files"), ("14", "closes"), ("15", "child"),
                         ("16", "thread"), ("17", "mess"), ("18", "late")):
        lines = room.wait_out(user, 6)
        equal(lines[3], "31" + ("0" + str(int(number) - 10))[-2:], "uid of " + user)
        del lines[3]
        want = want or lines
        equal(lines, want, "what a job of %s finds" % user)
    equal(failed(room, "crash"), ("spawn", "PAM session: the keeper died in it"), "a crash")
    equal(failed(room, "leave"), ("spawn", "PAM account: the keeper died in it"), "an exit")
    equal(failed(room, "rights"), ("spawn", "PAM session: a module gave up the keeper's rights"),
          "setuid()")
    for user in ("crash", "leave", "rights"):
        check(not room.out(user), user + " ran")
    for user in ("files", "closes", "child", "thread", "mess", "able"):
        room.wait_for(lambda user=user: calls(user, "close"), 10, "the end of a session")
    room.wait_for(lambda: len(room.keepers()) == 1, 10, "the end of keepers but one's child")
    equal(room.log(" FAIL .* user=late "), [], "failures of a job whose session broke at its end")


def test_sessions_that_hang(room):
    """No answer within 30 s ends the run, with all that the module has started; a hundred
    such keep nobody waiting."""
    stack()
    users(room, account="account=hang", opening="open=hang-child",
          blocked="open=hang-blocked", closing="close=hang-child")
    users_many(room, 100)
    ran = time.monotonic()
    room.start()
    room.wait_out("closing")
    room.cron_d("able", "#@ seconds\n* * * * * * able date +\\%s >>" + OUT + "/able\n")
    room.wait_out("able", 3, 20)
    late = [float(one.text.split("late=")[1].split("ms")[0]) for one in room.log("late=.*user=able")]
    check(all(one < 1000 * lab.at_most(1) for one in late), "late by %s ms" % late)
    for user, step in (("account", "account"), ("opening", "session")):
        equal(failed(room, user, 60), ("spawn", "PAM %s: no answer within 30 s" % step), user)
    check(29 < time.monotonic() - ran < lab.at_most(50), "ended after %d s" % (time.monotonic() - ran))
    equal(failed(room, "blocked"), ("spawn", "PAM session: the keeper died in it"), "blocked")
    room.wait_log(r"\(closing\) ERROR .*closing the session: no answer within 30 s")
    room.wait_log(" FAIL .* user=many", 20, 100)

    def quiet():
        return not [p for p in lab.processes() if b"sleep" in p.argv[:1]]
    room.wait_for(quiet, 10, "the end of what modules have started")
    room.wait_for(lambda: len(room.log(r"\(able\) CMD")) == len(room.lines("able")), 10, "all jobs")


def users_many(room, count):
    """One more user, with so many jobs, whose sessions all hang; and one with none."""
    for name, uid in (("many", 3300), ("able", 3301)):
        with open("/etc/passwd", "a", encoding="utf-8") as f:
            f.write("%s:x:%d:%d::/tmp:/bin/sh\n" % (name, uid, uid))
    put(DIR + "/many", "open=hang\n")
    room.cron_d("many", "@reboot many echo $$ >>%s/many\n" % OUT * count)


def test_what_is_the_jobs(room):
    """Limits, nice value, umask and groups that modules set reach the job, not its keeper."""
    stack()
    users(room, able="open=limits open=umask reinit=group")
    # five are too few for a redirection
    room.cron_d("able", "@reboot able ulimit -n; ulimit -c; umask; id -G; "
                        "cut -d' ' -f19 /proc/$$/stat; until test -e %s/go; do sleep 0.1; done\n" % OUT)
    room.start()
    keeper = keeper_of(room, "able")
    room.wait_log(r"\(able\) CMD")
    limits = read("/proc/%d/limits" % keeper)
    check(not re.search(r"^Max open files +5 ", limits, re.M), "the keeper has the job's limits")
    equal(read("/proc/%d/stat" % keeper).split()[18], "0", "the keeper's nice value")
    put(OUT + "/go", "")
    text = room.wait_for(room.mails, 10, "mail")[0][2].partition("\n\n")[2]
    equal(text.split("\n"), ["5", "2048", "0027", "3100 2999", "7", ""],
          "limits, umask, groups, nice value")
    room.wait_for(lambda: calls("able", "close"), 10, "the end of the session")


def loginuid_settable():
    child = os.fork()
    if child == 0:
        try:
            with open("/proc/self/loginuid", "w", encoding="ascii") as f:
                f.write("2001")
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_debians_stack(room):
    """As many ends as beginnings, in the words that people's filters know."""
    if not os.path.exists("/etc/pam.d/common-session-noninteractive"):
        raise lab.Skip("this system has not Debian's stack")
    settable = loginuid_settable() # not in every container, and then no cron could run there
    stack(DEBIAN if settable else DEBIAN.replace("required pam_loginuid", "optional pam_loginuid"))
    put("/etc/security/limits.d/lab.conf",
        "alice hard nofile 77\nalice soft nofile 77\nbob hard nproc 1\nbob hard core 0\n"
        "bob hard stack 256\nnohome hard as 1024\n")
    put("/etc/environment", "FROM_PAM=yes\nHOME=/nowhere\nMINE=pam\nPATH=/nowhere\n"
        "CONTENT_TYPE=text/x-pam\nMAILTO=nobody\n")
    put("/etc/default/locale", "LANG=C.UTF-8\n")
    with open("/etc/shadow", "a", encoding="utf-8") as shadow:
        shadow.write("expired:*:19000::::::\n".replace("::::::", ":::::1:"))
    with open("/etc/passwd", "a", encoding="utf-8") as passwd:
        passwd.write("expired:x:3500:3500::/tmp:/bin/sh\n")
    room.crontab("alice", "MINE=own\n@reboot cd %s; { env; ulimit -n; cat /proc/$$/loginuid; } "
                 ">new; mv new env\n@reboot /usr/bin/env --null\n" % OUT + "@reboot true\n" * 20)
    room.crontab("bob", "@reboot { ulimit -p; ulimit -c; ulimit -Hs; } >%s/bob\n" % OUT)
    room.crontab("nohome", "@reboot echo >%s/nohome\n" % OUT)
    room.crontab("expired", "@reboot echo >%s/expired\n" % OUT)
    room.cron_d("root", "@reboot root ulimit -Hn >%s/root\n" % OUT)
    # pam_limits would give root what process 1 has, and may not where a container forbids it
    room.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096)))
    room.wait_out("root")
    lines = room.wait_out("env", 9)
    for one in ("FROM_PAM=yes", "HOME=/home/alice", "MINE=own", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"):
        check(one in lines, "%s is not among %s" % (one, lines))
    equal(lines[-2], "77", "limit of open files")
    check(not settable or lines[-1] == "2001", "the user of the session is " + lines[-1])
    equal(room.wait_out("bob", 3), ["1", "0", "256"], "limits of bob")
    equal(failed(room, "expired")[1], "PAM account: Authentication failure", "an expired account")
    check(room.wait_log(r" FAIL .* user=nohome "), "a job without memory")
    mail = room.wait_for(lambda: [text for _, _, text in room.mails() if "\nTo: alice\n" in text], 10,
                         "mail of what was executed without a shell")[0]
    check("\nContent-Type: text/x-pam\n" in mail, mail)
    check("FROM_PAM=yes" in mail.partition("\n\n")[2].split("\0"), "no variable of PAM in " + mail)
    room.wait_for(lambda: not room.keepers(), 20, "the end of all keepers")
    room.wait_log(r"CRON\[\d+\]: pam_unix\(cron:session\): session closed for user ", 20, 25)
    opened = room.log(r"CRON\[\d+\]: pam_unix\(cron:session\): session opened for user ")
    closed = room.log(r"CRON\[\d+\]: pam_unix\(cron:session\): session closed for user ")
    equal(len(opened), 25, "sessions")
    equal(sorted(one.pid for one in closed), sorted(one.pid for one in opened), "ends of sessions")
    check(all(one.pid == one.sender and one.facility == 10 for one in opened + closed),
          "lines that another process sent, or of another facility")


def test_changed_stack(room):
    """What a file in /etc/pam.d says is in force with the next run."""
    stack(STACK + "# for a while\n")
    users(room, able="account=deny")
    room.cron_d("able", "#@ seconds\n* * * * * * able echo >>%s/able\n" % OUT)
    daemon = room.start()
    launcher = room.launcher(daemon)
    room.wait_log(r" FAIL .* user=able .*", 10)
    put("/etc/pam.d/cron", "session required pam_permit.so\naccount required pam_permit.so\n"
        "auth required pam_permit.so\n")
    room.wait_out("able", 2)
    equal(len(calls("able", "open")), 0, "sessions of the old stack")
    put("/etc/pam.d/cron", STACK)
    count = len(room.wait_log(r" FAIL .* user=able .*", 10, 2) and room.log(" FAIL .* user=able "))
    room.wait_log(" FAIL .* user=able ", 10, count + 1)
    equal(room.launcher(daemon).pid, launcher.pid, "the launcher's pid")
    equal(room.log("the launcher ended"), [], "launchers that ended")


def test_stopped_and_killed(room):
    """A session ends when its job is stopped: by its timeout, and with its keeper."""
    stack()
    users(room, slow="", told="", killed="")
    room.cron_d("slow", "#@ timeout=1s kill-after=1s\n@reboot slow sleep 300\n")
    room.cron_d("told", "@reboot told sleep 301\n")
    room.cron_d("killed", "@reboot killed sleep 302\n")
    room.start()
    for user, number in (("told", signal.SIGTERM), ("killed", signal.SIGKILL)):
        room.wait_log(r"\(%s\) CMD" % user)
        os.kill(keeper_of(room, user), number)
    for user in ("slow", "told"):
        room.wait_for(lambda user=user: calls(user, "close"), 10, "the end of the session")
    equal(failed(room, "slow")[0], "timeout", "slow")
    result, reason = failed(room, "killed")
    equal(result, "lost", "killed")
    check("its PAM session was not closed" in reason, "no word of the session in " + reason)
    equal(calls("killed", "close"), [], "ends that nobody could have made")


def test_a_log_that_is_not_read(room):
    """Modules write to the log: it keeps no session waiting."""
    stack(STACK + "session optional pam_echo.so\nsession required pam_warn.so\n")
    users(room, able="")
    room.cron_d("able", "#@ seconds\n" + "* * * * * * able echo >>%s/able\n" % OUT * 80)
    room.start()
    room.wait_out("able", 80)
    room.syslog.running.clear()
    have = len(room.lines("able"))
    room.wait_out("able", have + 300, 30)
    room.syslog.running.set()


def test_cronies_way(room):
    """Its service, its names, and no session for root's lines of the system's tables."""
    stack(STACK + "session required pam_env.so\n", "crond")
    put("/etc/environment", "MAILTO=bob\n")
    put("/etc/pam.d/cron", "account required pam_deny.so\n")
    room.conf("dialect = cronie\n")
    users(room, able="account=deny", well="")
    room.system("@reboot root echo >%s/system\n" % OUT)
    room.cron_d("well", "@reboot well echo | tee %s/well\n" % OUT)
    os.makedirs("/var/spool/cron", exist_ok=True)
    put("/var/spool/cron/root", "@reboot echo >%s/table\n" % OUT, 0o600)
    room.start()
    for name in ("system", "table", "well"):
        room.wait_out(name)
    room.wait_for(lambda: calls("well", "close"), 10, "the end of a session")
    equal(len(calls("root", "open")), 1, "sessions of root")
    check("\nTo: bob\n" in room.wait_for(room.mails, 10, "mail")[0][2], "who gets the mail")
    equal(failed(room, "able"), ("spawn", "PAM account: Permission denied"), "a refusal")
    room.wait_log(r"crond\[\d+\]: \(able\) PAM ERROR \(Permission denied\)$")
    room.wait_log(r"crond\[\d+\]: \(able\) FAILED to authorize user with PAM \(Permission denied\)$")


if __name__ == "__main__":
    lab.main()
