"""How jobs are dressed by their options, what runs around them, and what is kept of them."""
import contextlib
import glob
import os
import re
import signal
import subprocess

import lab
from lab import OUT, check, equal

LOGS = "/var/log/crond"
LIMITS = {  # as written; as /proc/self/limits has it
    "as": ("16G:17G", "address space 17179869184 18253611008"),
    "core": ("1M", "core file size 1048576 1048576"),
    "cpu": ("1h:infinity", "cpu time 3600 unlimited"),
    "data": ("8G", "data size 8589934592 8589934592"),
    "fsize": ("2G", "file size 2147483648 2147483648"),
    "locks": ("7", "file locks 7 7"),
    "memlock": ("64K", "locked memory 65536 65536"),
    "msgqueue": ("4K", "msgqueue size 4096 4096"),
    "nice": ("3", "nice priority 3 3"),
    "nofile": ("50:60", "open files 50 60"),
    "nproc": ("1000:2000", "processes 1000 2000"),
    "rss": ("5G", "resident set 5368709120 5368709120"),
    "rtprio": ("4:5", "realtime priority 4 5"),
    "rttime": ("2s", "realtime timeout 2000000 2000000"),
    "sigpending": ("100", "pending signals 100 100"),
    "stack": ("4M:8M", "stack size 4194304 8388608"),
}


def task(name, command, *settings):
    return 'task "%s" {\n schedule = "@reboot"\n command = "%s"\n%s}\n' % (
        name, command, "".join(" %s\n" % one for one in settings))


def to(name, *words):
    """A command that tells words, a line each, in one piece."""
    return "(%s) >%s/.%s; mv %s/.%s %s/%s" % ("; ".join(words), OUT, name, OUT, name, OUT, name)


def line(option, command):
    return "#@ %s\n@reboot %s\n" % (option, command)


def one(pattern, deadline=10):
    """The only file of that name, once it is there."""
    return lab.wait_for(lambda: len(glob.glob(pattern)) == 1 and glob.glob(pattern)[0],
                        deadline, pattern)


def owner(path):
    entry = os.lstat(path)
    return entry.st_uid, oct(entry.st_mode & 0o7777)


def cronctl(room, *words):
    done = subprocess.run([room.program("cronctl"), *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def may_raise():
    """A container's root may not have the right to."""
    with open("/proc/self/status", encoding="ascii") as status:
        rights = int(re.search(r"^CapEff:\s*(\w+)", status.read(), re.M).group(1), 16)
    return rights >> 24 & 1


def test_dress(room):
    cpu = min(os.sched_getaffinity(0))
    if not may_raise():
        LIMITS.update({"nice": ("0", "nice priority 0 0"), "rtprio": ("0", "realtime priority 0 0")})
    lab.put("/etc/job.env", "# of the job\nCOLOUR='dark red'\nCRON_JOB=nobody\nPATH=/bin:/usr/bin\n",
            0o600, "alice")
    lab.put("/etc/root.env", "SECRET=1\n", 0o600)
    lab.put("/etc/bad.env", "A=1\n\nnot a setting\n")
    room.tasks("f", task("dressed", to(
        "dressed", "id -un", "id -gn", "id -Gn", "umask",
        "sed -n s/^Cpus_allowed_list:.//p /proc/self/status", "nice", "ionice", "echo $SHELL ${BASH_VERSION:+bash}", "echo $COLOUR", "pwd"),
        'user = alice', 'group = bob', 'umask = 027', 'cpu-affinity = "%d"' % cpu,
        'nice = 7', 'ionice = idle', 'shell = "/bin/bash"', 'env-file = "/etc/job.env"',
        'dir = "/usr"') +
        task("limited", "cat /proc/self/limits >%s/.limited; mv %s/.limited %s/limited" % (OUT, OUT, OUT),
             *('limit-%s = "%s"' % (name, value) for name, (value, _) in LIMITS.items())) +
        task("sees", "echo $CRON_JOB $CRON_RUN_ID $CRON_SCHEDULED_AT $CRON_ATTEMPT $CRON_HOST "
             "$CRON_ARTIFACTS >%s/sees" % OUT, "artifacts = yes", "user = alice",
             'env-file = "/etc/job.env"') +
        'task "words" {\n schedule = "@reboot"\n argv = { "/usr/bin/printf", "<%%s>", "a b", "", '
        '"$HOME", "*", "\\"" }\n log = "words/out"\n}\n' % () +
        task("fine", "exit 73", 'success-exit = { "0", "70-75" }') +
        task("missing", "true", 'env-file = "/no/such"') +
        task("optional", "echo x >%s/optional" % OUT, 'env-file = "-/no/such"') +
        task("bad", "true", 'env-file = "/etc/bad.env"') +
        task("nogroup", "true", 'group = nosuchgroup'))
    room.crontab("alice", line("env-file=/etc/root.env", "true") + line("group=bob", "true") +
                 line("umask=077 nice=3", to("mine", "umask", "nice")) +
                 "@reboot %s\n" % to("plain", "umask", "nice", "echo $CRON_JOB"))
    room.start("-L", "1")
    dressed = room.wait_out("dressed", 9)
    equal(dressed[0:2], ["alice", "bob"], "user and group")
    equal(sorted(dressed[2].split()), ["alice", "bob"], "its groups")
    equal(dressed[3:], ["0027", str(cpu), "7", "idle", "/bin/bash bash", "dark red", "/usr"],
          "umask, processors, priorities, shell, environment and directory")
    limits = [re.sub(" +", " ", one) for one in room.wait_out("limited", 17)]
    for name, (_, shown) in LIMITS.items():
        check(any("Max %s " % shown in one + " " for one in limits), "limit-%s: %s" % (name, limits))
    sees = room.wait_out("sees")[0].split()
    equal([sees[0], sees[3]], ["sees", "1"], "CRON_JOB and CRON_ATTEMPT")
    equal((sees[1], sees[5]), ("sees-%s-1" % sees[2], "%s/sees/artifacts/%s" % (LOGS, sees[1])),
          "CRON_RUN_ID and CRON_ARTIFACTS")
    words = one(LOGS + "/words/out")
    lab.wait_for(lambda: lab.read(words) == "<a b><><$HOME><*><\">", 10, "words, as they were given")
    equal(room.wait_out("mine", 2), ["0077", "3"], "a line's own umask and priority")
    equal(room.wait_out("plain", 2)[:2], ["0022", "0"], "those of a plain line")
    room.wait_out("optional")
    for job, why in (("missing", "env-file /no/such: No such file"),
                     ("bad", "env-file /etc/bad.env:3: no '=' behind the name"),
                     ("nogroup", "group nosuchgroup: no such group")):
        room.wait_log(r"FAIL job=%s run=%s-\d+-1 result=spawn .*reason=\"%s" % (job, job, why))
    room.wait_log(r"FAIL job=alice-\S+ .* result=spawn reason=\"env-file /etc/root.env: Permission denied")
    room.wait_log(r"FAIL job=alice-\S+ .* result=spawn reason=\"group bob: its user is no member")
    room.wait_for(lambda: not room.keepers(), 10, "the end of all of them")
    equal(room.log("FAIL job=fine "), [], "an exit that is success")


def test_behind_pam(room):
    if not os.path.exists(lab.BUILD + "/crond/crond-launcher-pam"):
        raise lab.Skip("built without PAM")
    lab.put("/etc/lab.limits", "alice soft nofile 90\nalice hard nofile 100\nalice - priority 5\n")
    lab.put("/etc/pam.d/cron", "auth required pam_permit.so\naccount required pam_permit.so\n"
            "session required pam_limits.so conf=/etc/lab.limits\n"
            "session required pam_umask.so umask=0027\n")
    sees = ("umask", "nice", "ulimit -Sn", "ulimit -Hn")
    hard = 200 if may_raise() else 80
    room.tasks("f", task("roots", to("roots", *sees), "user = alice", "umask = 077", "nice = 2",
                         'limit-nofile = "50:%d"' % hard))
    room.crontab("alice", "@reboot %s\n" % to("plain", *sees) +
                 line("nice=6 limit-nofile=60:70 pre=\"%s\"" % to("hook", *sees), to("own", *sees)) +
                 line("name=more limit-nofile=90:101", "true") + line("name=nicer nice=4", "true"))
    room.start()
    equal(room.wait_out("plain", 4), ["0027", "5", "90", "100"], "what PAM has set")
    equal(room.wait_out("roots", 4), ["0077", "2", "50", str(hard)], "what root's file asks for")
    equal(room.wait_out("own", 4), ["0027", "6", "60", "70"], "what a user's asks for")
    equal(room.lines("hook"), room.lines("own"), "a hook's")
    for job, option in (("more", "limit-nofile"), ("nicer", "nice")):
        room.wait_log(r"FAIL job=alice:%s .*reason=\"cannot set %s: Operation not permitted" % (job, option))


def test_hooks_outlive_the_scheduler(room):
    told = "echo %%s $CRON_JOB $CRON_RESULT $CRON_EXIT_CODE $CRON_SIGNAL >>%s/%%s" % OUT
    more = "echo $CRON_FAILURES $CRON_RUN_ID:$CRON_LOG: $CRON_DURATION,$CRON_REASON >>%s/more" % OUT

    def hooks(name):
        return ['%s = "%s"' % (hook, told % (hook, name))
                for hook in ("pre", "post", "on-success", "on-failure")]

    def until(name):
        return "while ! test -e %s/%s; do sleep 0.05; done; " % (OUT, name)
    room.tasks("f", task("long", until("go") + "exit 3", "user = alice", *hooks("long")[:3],
                         'on-failure = "%s; %s"' % (told % ("on-failure", "long"), until("hooked"))) +
               task("good", "true", *hooks("good")) +
               task("late", "sleep 300", 'timeout = "300ms"', *hooks("late")) +
               task("more", "echo to the log; test -e %s/heal" % OUT, "log = yes", 'post = "%s"' % more) +
               task("no", "echo wrong >%s/wrong" % OUT, 'pre = "exit 5"', *hooks("no")[1:]))
    room.crontab("alice", line('pre="echo before" post="echo after"', "echo job"))
    daemon = room.start()
    equal(room.wait_out("good", 3), ["pre good", "on-success good ok 0", "post good ok 0"], "of success")
    equal(room.wait_out("late", 3), ["pre late", "on-failure late timeout TERM",
                                    "post late timeout TERM"], "of a timeout")
    skipped = room.wait_log(r"SKIPPED job=no run=no-\d+-1 result=skipped reason=\"pre: exit status 5\"")
    equal(skipped.priority, 5, "the priority of what is skipped")
    equal(room.wait_out("no"), ["post no skipped"], "behind what was skipped")
    first = room.wait_out("more")[0]
    check(re.fullmatch(r"1 (more-\d+-1):%s/more/\d+/\d+/\d+-\1\.log: \d+\.\d{3}," % LOGS, first), first)
    room.wait_for(lambda: cronctl(room, "run", "more")[0] == 0, 10, "an answer")
    check(room.wait_out("more", 2)[1].startswith("2 more-"), "failures in a row")
    room.wait_log(r"FAIL job=more .* fails=2 ")
    lab.put(OUT + "/heal", "")
    room.wait_for(lambda: cronctl(room, "run", "more")[0] == 0, 10, "an answer")
    check(room.wait_out("more", 3)[2].startswith("0 more-"), "and none behind a success")
    mail = lab.wait_for(lambda: room.mails(), 10, "mail")[0]
    check(mail[2].endswith("before\njob\nafter\n"), "the mail: %r" % mail[2])
    room.wait_out("long")
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    open(OUT + "/go", "w").close()
    equal(room.wait_out("long", 2)[1], "on-failure long exit 3", "a hook without a scheduler")
    room.start()
    room.wait_log("jobs in force", count=2)
    check(room.keepers() and not room.log("FAIL job=long"), "a run ended before its hooks")
    open(OUT + "/hooked", "w").close()
    room.wait_log(r"FAIL job=long .* result=exit code=3 ")
    equal(room.lines("long")[2], "post long exit 3", "the last of its hooks")
    equal(room.out("wrong"), "", "a job whose pre failed")


def test_what_is_kept(room):
    room.tasks("f", task("gold", "echo one; while ! test -e %s/go; do sleep 0.05; done; "
                         "sleep 0.02; echo two >&2" % OUT, "log = yes", "user = alice") +
               task("big", "seq 100000", "log = yes", 'log-max = "10K"') +
               task("art", "echo x >$CRON_ARTIFACTS/x", "artifacts = yes", "user = alice",
                    "retention = 1d") +
               task("few", "true", "log = yes", "retention = 1") +
               task("any", "echo here", 'log = "%s/any-%%Y.log"' % OUT, "user = alice") +
               task("full", "seq 50000; echo done >%s/full" % OUT, 'log = "full/log"'))
    old = LOGS + "/art/history/200001/02_030405"
    os.makedirs(old)
    lab.put(LOGS + "/few/209901/02/030405-few-4071006245-1.log", "")
    os.chmod(LOGS, 0o755)
    os.makedirs(LOGS + "/full")
    lab.memory(LOGS + "/full", "0755,size=8k")
    os.system("chown -R alice: %s/art" % LOGS)
    room.crontab("alice", line("log=yes name=silver", "echo mine"))
    room.start()
    gold = one(LOGS + "/gold/[0-9]*/[0-9]*/[0-9]*-gold-[0-9]*-1.log")
    lab.wait_for(lambda: lab.read(gold) == "one\n", 10, "what it has printed so far")
    equal(os.path.realpath(LOGS + "/gold/latest"), gold, "the link to it")
    equal([owner(gold), owner(LOGS + "/gold"), owner(LOGS)],
          [(2001, "0o640"), (2001, "0o750"), (0, "0o755")], "owners and modes")
    run = os.path.basename(gold).split("-", 1)[1][:-4]
    follower = subprocess.Popen([room.program("cronctl"), "log", "-f", run], stdout=subprocess.PIPE,
                                text=True, user=2001, group=2001, extra_groups=[])
    equal(follower.stdout.readline(), "one\n", "what cronctl log -f shows at once")
    silver = one(LOGS + "/users/alice/*/[0-9]*/[0-9]*/*silver*.log")
    lab.wait_for(lambda: lab.read(silver) == "mine\n", 10, "the output of a user's own line")
    equal(owner(LOGS + "/users"), (0, "0o755"), "what users' own are below")
    open(OUT + "/go", "w").close()
    lab.wait_for(lambda: lab.read(gold) == "one\nstderr: two\n", 10, "the rest")
    equal((follower.communicate(timeout=60)[0], follower.returncode), ("stderr: two\n", 0),
          "the rest of it, and its end with the run's")
    equal(cronctl(room, "log", "gold"), (0, "one\nstderr: two\n"), "the newest of a job")
    equal(cronctl(room, "log", "art")[0], 1, "of a job without logs")
    os.rename(LOGS + "/gold/latest", LOGS + "/gold/newest")
    said = subprocess.run([room.program("cronctl"), "log", "gold"], capture_output=True, text=True,
                          check=False, env={**os.environ, "LC_ALL": "C"}).stderr
    equal(said, "cronctl: %s/gold/latest: No such file or directory\n" % LOGS, "without a newest")
    os.rename(LOGS + "/gold/newest", LOGS + "/gold/latest")
    equal(cronctl(room, "log", "gold-1700000000-1")[0], 1, "of a run that never was")
    lab.wait_for(lambda: not os.path.exists(old), 10, "what retention removes")
    kept = one(LOGS + "/art/history/[0-9]*/[0-9]*_[0-9]*/x")
    equal(owner(os.path.dirname(kept)), (2001, "0o700"), "a directory of artifacts")
    room.wait_out("full")
    room.wait_for(lambda: not room.keepers(), 10, "the end of all of them")
    equal((os.path.islink(LOGS + "/few/latest"), glob.glob(LOGS + "/few/[0-9]*/*/*.log")),
          (True, [LOGS + "/few/209901/02/030405-few-4071006245-1.log"]), "the newest of its logs")
    big = lab.read(one(LOGS + "/big/[0-9]*/[0-9]*/*.log"))
    check(len(big) < 11 * 1024 and big.startswith("1\n2\n") and big.endswith("\n100000\n") and
          " bytes left out ...]\n" in big, "a log that was cut: %r" % big[:100])
    equal(len(room.log(r"ERROR \(full-\d+-1: log full/log: No space left on device\)")), 1,
          "lines about the full disk")
    full = lab.read(LOGS + "/full/log")
    check(full.startswith("1\n2\n") and re.search(r"\n\[\.\.\. +\d+ bytes left out \.\.\.\]\n$", full),
          "the end of a log on a full disk: %r" % full[-100:])
    equal(room.log(": FAIL job="), [], "runs that failed")
    equal(lab.read(one(OUT + "/any-20*.log")), "here\n", "a log that root's file put elsewhere")


def on_terminal(*words):
    """What it prints to a terminal."""
    ours, theirs = lab.terminal()
    subprocess.run(words, stdout=theirs, timeout=60, check=True)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # its end
        while more := os.read(ours, 4096):
            shown += more
    os.close(ours)
    return shown


def test_a_log_is_followed(room):
    room.tasks("f", 'task "slow" {\n schedule = "@reboot"\n command = "printf \'\\\\033[2J\\\\000\\\\377x\\\\n\'; '
               'while ! test -e %s/go; do sleep 0.05; done; echo end >&2"\n log = yes\n enabled = no\n}\n' % OUT)
    cron = room.program("cronctl")
    daemon = room.start()
    room.wait_for(lambda: cronctl(room, "status")[0] == 0, 10, "an answer")
    status, run = cronctl(room, "run", "slow")
    equal(status, 0, "a start by hand")
    of_run, of_job = (subprocess.Popen([cron, "log", "-f", name], stdout=subprocess.PIPE)
                      for name in (run.strip(), "slow"))
    raw = b"\x1b[2J\0\xffx\n"
    for one_of in (of_run, of_job):
        equal(one_of.stdout.readline(), raw, "a log from its first moment on, as it is")
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    room.start()
    room.wait_for(lambda: cronctl(room, "status")[0] == 0, 10, "an answer")
    equal(on_terminal(cron, "log", "slow"), b"\\x1b[2J\\x00\\xffx\r\n", "on a terminal")
    lab.put(OUT + "/go", "")
    for one_of in (of_run, of_job):
        equal((one_of.communicate(timeout=60)[0], one_of.returncode), (b"stderr: end\n", 0),
              "the end of the run, and of what followed it")
    equal(cronctl(room, "log", "-f", run[:-2] + "7")[0], 1, "a run that is not there")


def test_root_follows_nobody(room):
    """What alice has put in the way of root's runs: her links, and what she has the names of."""
    os.makedirs(LOGS + "/app")
    os.makedirs(LOGS + "/arts")
    os.makedirs("/run/d")
    lab.put("/home/alice/hers", "hers\n", owner="alice")
    for link, to_what in (("/app/out", "/etc/one"), ("/app/d", "/run/d")):
        os.symlink(to_what, LOGS + link)
    os.symlink("/etc/two", "/home/alice/link")
    os.symlink("/run/d", "/home/alice/d")
    os.system("chown -hR alice: /var/log/crond/* /home/alice")
    logs = {"a": "app/out", "b": "app/d/three", "c": "/home/alice/link", "d": "/home/alice/d/four",
            "e": "/home/alice/hers", "f": "app/new", "g": "/home/alice/fine"}
    room.tasks("f", "".join(task(name, "echo secret", 'log = "%s"' % path)
                            for name, path in logs.items()) +
               task("arts", "echo secret >$CRON_ARTIFACTS/x", "artifacts = yes"))
    room.start()
    room.wait_log(r"FAIL job=arts .*cannot make the directory of artifacts")
    lab.wait_for(lambda: len(room.log(r"ERROR \(\w-\d+-1: log ")) == 6, 10, "refused logs")
    lab.wait_for(lambda: lab.read("/home/alice/fine") == "secret\n", 10, "one that is root's own")
    equal([path for path in ("/etc/one", "/etc/two", "/run/d/three", "/run/d/four",
                             LOGS + "/app/new") if os.path.exists(path)], [], "what root has made")
    equal(lab.read("/home/alice/hers"), "hers\n", "a file of alice's")


def test_without_root(room):
    top = "/home/alice/x"
    os.mkdir(top)
    os.chown(top, 2001, 2001)
    lab.put(top + "/t.conf", task("mine", "echo $CRON_ARTIFACTS; echo x >$CRON_ARTIFACTS/x", "log = yes",
                                  "artifacts = yes", 'post = "echo behind"', 'umask = 077') +
            task("other", "true", "group = bob"), owner="alice")

    def drop():
        os.setgroups([])
        os.setgid(2001)
        os.setuid(2001)
    daemon = room.launch("-f", "--prefix", top, top + "/t.conf", cwd=top, preexec_fn=drop)
    log = one(top + LOGS + "/mine/[0-9]*/[0-9]*/*.log")
    run = "mine-" + log.rsplit("-", 2)[1] + "-1"
    lab.wait_for(lambda: lab.read(log).endswith("behind\n"), 10, "its post")
    equal(lab.read(log), "%s%s/mine/artifacts/%s\nbehind\n" % (top, LOGS, run), "its log")
    equal(lab.read(one(top + LOGS + "/mine/history/*/*/x")), "x\n", "its artifacts")
    room.wait_for(lambda: 'reason="group bob: only root\'s daemon can' in lab.read(room.errors), 10,
                  "what it is told of a group")
    equal(room.stop(daemon), 0, "its end")


if __name__ == "__main__":
    lab.main()
