"""crond as the first process of a container, or in a poor one."""
import ctypes
import json
import os
import re
import signal
import struct
import subprocess
import time

import lab
from lab import LIBC, OUT, check, equal

EVERY = "#@ seconds\n"
SECOND = "#@ seconds\n* * * * * * root "
STUBBORN = "trap '' TERM; echo up >>%s/up; while :; do sleep 0.1; done" % OUT
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_ALLOW, SECCOMP_ERRNO = 0x7fff0000, 0x50000
EPERM, ENOSYS = 1, 38
# the same numbers on every machine, but for memfd_create
REFUSED = {"pidfd_send_signal": 424, "pidfd_open": 434, "clone3": 435, "close_range": 436,
           "openat2": 437, "faccessat2": 439, "epoll_pwait2": 441}
MEMFD_CREATE = {"x86_64": 319, "aarch64": 279}


class Container:
    """A crond whose pid is 1, with a /run of its own; its standard error in a file."""

    def __init__(self, room, *args, setup=":", program=None, wait="jobs in force", **how):
        self.room = room
        self.errors = "%s/err%d" % (lab.ROOM, len(room.daemons))
        script = "mount -t tmpfs run /run && { %s; } && exec \"$@\"" % setup
        with open(self.errors, "wb") as errors:
            how.setdefault("stderr", errors)
            self.outer = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                 "sh", "-c", script, "sh", program or room.program("crond"), *args],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **how)
        room.daemons.append(self.outer)
        if wait:
            room.wait_for(lambda: wait in self.text() or self.outer.poll() is not None, 10,
                          "%r in the container's log" % wait)
            check(self.outer.poll() is None, "the container ended: " + self.text())

    def text(self):
        return lab.read(self.errors)

    def wait(self, what, deadline=10):
        self.room.wait_for(lambda: re.search(what, self.text()), deadline,
                           "%r in the container's log:\n%s" % (what, self.text()[-2000:]))

    def init(self):
        return [p for p in lab.processes() if p.ppid == self.outer.pid][0].pid

    def children(self, states):
        init, found = self.init(), []
        for name in os.listdir("/proc"):
            try:
                found.append(lab.Process(int(name)))
            except (ValueError, OSError):
                pass
        return [p for p in found if p.ppid == init and p.state in states]

    def launcher(self):
        """Its pid. What a keeper leaves to mail has the same program, and leads no session."""
        found = [p.pid for p in self.children("SRD") if p.exe.startswith("crond-launcher") and p.sid == p.pid]
        return len(found) == 1 and found[0]

    def send(self, number):
        os.kill(self.init(), number)

    def stop(self, number=signal.SIGTERM, deadline=12, proc=True):
        """Its exit status, and how long it took. Who looks for leaks at the end needs /proc."""
        began = time.monotonic()
        self.send(number)
        status, took = self.outer.wait(deadline * lab.slowness()), time.monotonic() - began
        blind = not proc and "LeakSanitizer does not work" in self.text()
        check(blind or not lab.SANITIZER.search(self.text()), "a sanitizer spoke: " +
              self.text()[-8000:])
        return 0 if blind else status, took


def bare(mailer=False):
    """No /dev/log and no mailer, as in most containers."""
    os.remove("/dev/log")
    if not mailer:
        os.remove("/usr/sbin/sendmail")


def task(name, command, **options):
    """A task of each second."""
    quoted = command.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    more = "".join('  %s = "%s"\n' % (key.replace("_", "-"), value) for key, value in options.items())
    return 'task "%s" {\n  schedule = "* * * * * *"\n  command = "%s"\n%s}\n' % (name, quoted, more)


# --- the first process


def test_orphans_are_reaped_and_not_taken_for_others(room):
    bare()
    room.cron_d("a", EVERY + "#@ max=1\n* * * * * * root echo x >>%s/going\n"
                "#@ max=1\n* * * * * * root test -e %s/many || { i=0; while [ $i -lt 1500 ]; do "
                "(true & true &); i=$((i+1)); done; echo done >%s/many; }\n" % (OUT, OUT, OUT))
    box = Container(room, "-f")
    room.wait_out("many", deadline=30)
    room.wait_for(lambda: not box.children("Z"), 5, "no zombie below the first process")
    before = room.wait_for(box.launcher, 5, "a launcher")
    check("the launcher ended" not in box.text(), box.text())
    os.kill(before, signal.SIGKILL)
    count = len(room.lines("going"))
    room.wait_out("going", count + 2)
    room.wait_for(lambda: not box.children("Z"), 5, "no zombie after the launcher was killed")
    equal(box.text().count("the launcher ended"), 1, "launchers that ended: " + box.text())
    equal(box.stop()[0], 0, "exit status")


def test_stop_ends_jobs_first(room):
    bare()
    room.tasks("t", task("good", "trap 'sleep 0.5; echo kind >>%s/kind; exit 0' TERM; echo up "
                         ">>%s/up; while :; do sleep 0.1; done" % (OUT, OUT)) + task("bad", STUBBORN))
    room.cron_d("a", SECOND + "test -e %s/left || { echo x >%s/left; setsid sh -c 'trap \"echo told "
                ">>%s/left; exit\" TERM; echo up >>%s/up; while :; do sleep 0.1; done' >>%s/null 2>&1 & }\n" % (OUT, OUT, OUT, OUT, OUT))
    grace = 1 + 2 * lab.slowness()
    room.conf("stop-grace = %ds\n" % grace)
    box = Container(room, "-f")
    room.wait_out("up", 3)
    status, took = box.stop()
    equal(status, 0, "exit status")
    check(grace - 0.1 < took < 3 * grace, "it took %.1f s of the %d" % (took, grace))
    equal(room.lines("kind"), ["kind"], "a job that ends itself")
    equal(room.lines("left"), ["x", "told"], "what a job has left")
    text = box.text()
    # the line of each second may just be under way, or several be late
    check(re.search(r"Shutting down; ([2-9]|\d\d) running jobs get up to %d s to end" % grace, text), text)
    for name in ("good", "bad"):
        check(re.search("END job=%s .*result=killed.* reason=\"shutdown\"" % name, text), text)


def test_stop_is_quick_and_by_default_in_time_for_managers(room):
    bare()
    room.cron_d("a", SECOND + "echo x >>%s/x; exec sleep 100\n" % OUT)
    box = Container(room, "-f")
    room.wait_out("x", 1)
    status, took = box.stop(signal.SIGINT)
    equal(status, 0, "exit status")
    check(took < 7.5, "it took %.1f s of the 8" % took)
    check("get up to 8 s to end" in box.text(), box.text())
    check(not room.keepers(), "keepers are left")


def test_second_term_hastens(room):
    bare()
    room.conf("stop-grace = 60s\n")
    room.tasks("t", task("bad", STUBBORN))
    box = Container(room, "-f")
    room.wait_out("up")
    keeper = [p.ppid for p in lab.processes() if b" ".join(p.argv).endswith(b"sleep 0.1; done")][0]
    os.kill(keeper, signal.SIGSTOP)  # it takes the first signal after the second was sent
    box.send(signal.SIGTERM)
    box.wait("Shutting down")
    box.send(signal.SIGTERM)
    time.sleep(0.3)
    os.kill(keeper, signal.SIGCONT)
    equal(box.outer.wait(40), 0, "exit status")  # of the 60
    check(re.search("END job=bad .*result=killed", box.text()), box.text())


def test_a_reload_starts_nothing_any_more(room):
    bare()
    room.conf("stop-grace = 60s\n")
    room.tasks("t", task("bad", STUBBORN))
    room.cron_d("a", SECOND + "true\n")
    box = Container(room, "-f")
    room.wait_out("up")
    box.send(signal.SIGTERM)
    box.wait("Shutting down")
    time.sleep(1.1)
    box.send(signal.SIGHUP)
    box.wait("SIGHUP: jobs:")
    equal(box.stop()[0], 0, "exit status")
    check("never started" not in box.text(), box.text())


def test_other_signals_are_harmless(room):
    bare()
    room.cron_d("a", SECOND + "echo x >>%s/x\n" % OUT)
    box = Container(room, "-f")
    for number in (signal.SIGRTMIN + 3, signal.SIGPWR, signal.SIGUSR1, signal.SIGALRM,
                   signal.SIGPIPE, signal.SIGTSTP, signal.SIGWINCH):
        box.send(number)
    room.cron_d("b", SECOND + "echo y >>%s/y\n" % OUT)
    box.send(signal.SIGHUP)
    room.wait_out("y")
    equal(box.stop()[0], 0, "exit status")


def test_every_habit_of_starting_it(room):
    """Debian's, cronie's and none; what is no option of ours is said."""
    bare()
    os.symlink(room.program("crond"), lab.ROOM + "/cron")
    room.cron_d("a", "@reboot root echo hello\n" + SECOND + "echo again\n")
    boxes = [Container(room, *words, program=name, wait=None) for words, name in (
        (["-f"], lab.ROOM + "/cron"), ([], lab.ROOM + "/cron"), (["-f", "-L", "15"], None),
        (["-n"], None), (["--dialect", "cronie", "-n"], None))]
    for box in boxes:
        # at each start, whatever another one has run before; cronie has a word of its own
        box.wait(r"(output: |CMDOUT \()hello")
        box.wait(r"(output: |CMDOUT \()again")
        equal(box.stop()[0], 0, "exit status: " + box.text())
    for words in (["-f", "-l", "2"], ["-f", "-d", "8"], ["-c", "/etc/crontabs"]):
        box = Container(room, *words, wait=None)
        check(box.outer.wait(10 * lab.slowness()) != 0, "%s: it ended well" % words)
        check("crond" in box.text(), "%s: nothing is said: %s" % (words, box.text()))


# --- the log


def test_json_lines_are_whole(room):
    bare()
    room.conf("log-target = json\n")
    room.tasks("t", task("apart", "echo o; echo e >&2") + "".join(
        task("n%d" % i, "echo 'mark \"%d\"'; head -c 3000 /dev/urandom | tr -d '\\n'; echo; "
             "printf '\\033[1m\\377'" % i) for i in range(30)))
    box = Container(room, "-f")
    for i in range(30):  # and what it prints last
        box.wait(r'"n%d",.*mark \\"%d\\"' % (i, i), 20)
        box.wait(r'"n%d",.*u001b\[1m' % i)
    for stream in ("out", "err"):
        box.wait('"std%s"' % stream)
    equal(box.stop()[0], 0, "exit status")
    with open(box.errors, "rb") as f:
        raw = f.read()
    lines = [json.loads(line.decode("utf-8")) for line in raw.splitlines()]
    check(max(len(line) for line in raw.splitlines()) < 4096, "a line is too long")
    check(not re.search(rb"[\x00-\x09\x0b-\x1f]", raw), "control bytes")
    for line in lines:
        check(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", line["time"]), "time of %s" % line)
        check(line["level"] in ("err", "warning", "notice", "info"), "level of %s" % line)
    said = [line for line in lines if "run" in line]
    for i in range(30):
        mine = [one for one in said if one["job"] == "n%d" % i]
        check(all(re.match(r"n%d-\d+-1$" % i, one["run"]) for one in mine), "runs of n%d" % i)
        check(any(one["msg"] == 'mark "%d"' % i for one in mine), "no mark of n%d" % i)
        check(any(one["msg"] == "\x1b[1m\\xff" for one in mine), "no end of n%d" % i)
    apart = {(one["stream"], one["msg"]) for one in said
             if one["job"] == "apart" and "stream" in one}
    equal(apart, {("stdout", "o"), ("stderr", "e")}, "streams of a task")


def test_reader_that_stops_or_goes(room):
    bare()
    room.cron_d("a", "".join(SECOND + "echo x >>%s/x; test -e %s/quiet || seq 1000\n" % (OUT, OUT)
                                for _ in range(4)))
    read, write = os.pipe()
    box = Container(room, "-f", stderr=write, wait=None)
    os.close(write)
    room.wait_out("x", 12, 15)  # nobody reads
    lab.put(OUT + "/quiet", "")
    os.set_blocking(read, False)
    text = b""

    def lost():
        nonlocal text
        try:
            text += os.read(read, 65536)
        except BlockingIOError:
            pass
        return re.search(rb"\d+ log lines were lost", text)
    room.wait_for(lost, 15, "what was lost is said")
    os.close(read)
    count = len(room.lines("x"))
    room.wait_out("x", count + 8)
    equal(box.stop()[0], 0, "exit status")


def test_output_is_mailed_where_it_can_be(room):
    bare(mailer=True)
    room.cron_d("a", SECOND + "echo for-root\nMAILTO=''\n* * * * * * root echo for-nobody\n")
    box = Container(room, "-f")
    room.wait_for(lambda: any("for-root" in text for _, _, text in room.mails()), 10, "a mail")
    box.wait("output: for-nobody")
    check("output: for-root" not in box.text(), "what is mailed is shown, too: " + box.text())
    os.remove("/usr/sbin/sendmail")
    box.wait("output: for-root")
    seen = box.text().index("output: for-root")  # a run before it may have meant to mail
    room.wait_for(lambda: box.text().count("output: for-root") > 2, 10, "what is not mailed")
    check("No MTA" not in box.text()[seen:], box.text())


def test_log_appears_later(room):
    bare()
    room.conf("log-target = syslog\n")
    room.cron_d("a", SECOND + "echo x >>%s/x\n" % OUT)
    room.start()
    room.wait_out("x", 2)
    room.syslog = lab.Syslog()
    room.wait_log(r"CMD \(echo x")
    room.wait_log(r"[0-9]+ log lines were lost")


# --- without rights


def free_uid(box_home="/home/alice"):
    """A uid that nobody has, in group 0, as some platforms give one."""
    os.chown(box_home, 54321, 0)

    def drop():
        os.setgroups([])
        os.setgid(0)
        os.setuid(54321)
    return drop


def as_uid(*words, **env):
    settings = ["%s=%s" % item for item in env.items()]
    return ["setpriv", "--reuid=54321", "--regid=0", "--clear-groups", "env", "-i",
            "PATH=/usr/bin:/bin", *settings, *words]


def test_a_uid_without_an_account(room):
    bare()
    free_uid()
    lab.put("/home/alice/my.crontab", EVERY + "* * * * * * id -u; pwd; echo \"$LOGNAME\"\n")
    words = as_uid(room.program("crond"), HOME="/home/alice", LOGNAME="../../etc")
    box = Container(room, *words[1:], "-f", "/home/alice/my.crontab", program=words[0])
    for what in ("54321", "/home/alice", "uid54321"):
        box.wait("output: %s\n" % what)
    equal(box.stop()[0], 0, "exit status")
    box = Container(room, *words[1:], "-f", program=words[0], wait=None)
    check(box.outer.wait(10 * lab.slowness()) != 0, "it runs the system's jobs without root")
    check("only root can run the system's jobs" in box.text(), box.text())
    lab.put("/home/alice/other.crontab", EVERY + "* * * * * * root id -u\n")
    box = Container(room, *words[1:], "-f", "--system", "/home/alice/other.crontab",
                    program=words[0], wait=None)
    box.wait("only root can run jobs as somebody else")


def test_private_directories(room):
    """In $XDG_RUNTIME_DIR if it is ours, else wherever only we can write, and gone after."""
    os.makedirs("/home/alice/xdg", mode=0o700)
    drop = free_uid()
    os.chown("/home/alice/xdg", 54321, 0)
    os.makedirs("/home/bob/theirs")
    lab.put("/home/alice/my.crontab", "0 0 1 1 * echo x\n")  # a run under way would stay
    lab.put("/home/alice/my.conf", task("here", "pwd") + task("there", "pwd", dir="/nonexistent"))
    for runtime, where in (("/home/alice/xdg", "/home/alice/xdg"), ("/home/bob/theirs", "/tmp"),
                           ("/nonexistent", "/tmp"), (None, "/tmp")):
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
        if runtime:
            env["XDG_RUNTIME_DIR"] = runtime
        daemon = room.launch("-f", "/home/alice/my.crontab", preexec_fn=drop, env=env)
        room.wait_for(lambda: any(name.startswith("crond-54321-") for name in os.listdir(where)),
                      10, "a directory in " + where)
        room.wait_for(lambda: "jobs in force" in lab.read(room.errors), 10, "a start")
        equal(room.stop(daemon), 0, "exit status")
        equal([n for n in os.listdir(where) if n.startswith("crond-")], [], "left in " + where)
        os.truncate(room.errors, 0)
    daemon = room.launch("-f", "/home/alice/my.conf", preexec_fn=drop, env={"HOME": "/nonexistent"})
    room.wait_for(lambda: "/nonexistent/.local/state/crond" in lab.read(room.errors), 10,
                  "what is lost")
    for what in (r"here-\d+-1 stdout: /\n", "FAIL job=there .*cannot enter directory /nonexistent"):
        room.wait_for(lambda: re.search(what, lab.read(room.errors)), 10, what)
    equal(lab.read(room.errors).count("WARNING"), 1, "how often it is said")
    room.stop(daemon)


def test_capabilities_are_missing(room):
    bare()
    room.cron_d("a", SECOND + "id -u >>%s/root\n" % OUT)
    room.tasks("t", task("other", "id -u >>%s/alice" % OUT, user="alice"))
    box = Container(room, "--bounding-set", "-all", "--inh-caps", "-all", room.program("crond"),
                    "-f", program="setpriv")
    room.wait_out("root", 2)
    box.wait("FAIL job=other .*result=spawn reason=\"(cannot set the .* of alice: Operation "
             "not permitted|PAM session: Failure setting user credentials)\"")
    equal(room.out("alice"), "", "what alice's job wrote")
    equal(box.stop()[0], 0, "exit status")


# --- without this and that


def test_read_only_but_for_run(room):
    bare()
    room.cron_d("a", SECOND + "echo x\n")
    box = Container(room, "-f", setup="mount -o remount,bind,ro / 2>/dev/null; for d in /tmp "
                    "/var/lib /var/spool /home /etc; do mount -o remount,bind,ro $d 2>/dev/null || "
                    "{ mount --bind $d $d && mount -o remount,bind,ro $d; }; done")
    box.wait("output: x")
    equal(box.text().count("(/var/lib/crond: Read-only file system; alerts"), 1, box.text())
    equal(box.stop()[0], 0, "exit status")


def test_nothing_can_be_written(room):
    bare()
    lab.put("/home/alice/my.crontab", EVERY + "* * * * * * echo x\n")
    shut = "for d in /run /tmp /var/tmp /dev/shm /var/lib; do mkdir -p $d; mount -t tmpfs -o ro t $d; done"
    box = Container(room, "-f", setup=shut, wait=None)
    equal(box.outer.wait(10 * lab.slowness()), 1, "exit status")
    check(re.search(r"crond: /run/crond\S*: Read-only file system; another place is named by \S+ in "
                    r"crond.conf, or by --prefix\n$", box.text()), box.text())
    box = Container(room, "-f", "/home/alice/my.crontab", setup=shut, wait=None)
    equal(box.outer.wait(10 * lab.slowness()), 1, "exit status of a private instance")
    check("nowhere to write" in box.text() and "--prefix" in box.text(), box.text())
    box = Container(room, "-f", "--prefix", "/mnt/elsewhere", setup=shut + "; mkdir /mnt/elsewhere")
    equal(box.stop()[0], 0, "exit status with --prefix")


def test_no_accounts_at_all(room):
    bare()
    os.rename("/etc/passwd", "/etc/passwd.away")
    os.rename("/etc/group", "/etc/group.away")
    room.cron_d("a", SECOND + "id -u; pwd\n")
    box = Container(room, "-f")
    box.wait("output: 0\n")
    os.rename("/etc/group.away", "/etc/group")
    os.rename("/etc/passwd.away", "/etc/passwd")
    room.cron_d("b", "#@ seconds\n* * * * * * alice id -un\n")
    box.wait("output: alice\n")
    os.rename("/etc/passwd", "/etc/passwd.away")  # and it changes under a daemon that runs
    box.wait("FAIL .*its user has no passwd entry")
    count = box.text().count("output: 0\n")
    room.wait_for(lambda: box.text().count("output: 0\n") > count + 1, 10, "root's jobs")


def test_no_zone_of_that_name(room):
    bare()
    room.cron_d("a", SECOND + "echo x\n")
    box = Container(room, "-f", env=dict(os.environ, TZ="Nowhere/Town"))
    equal(box.text().count("(/usr/share/zoneinfo/Nowhere/Town: No such file or directory: times are UTC)"),
          1, box.text())
    for zone in ("UTC", "CET-1CEST,M3.5.0,M10.5.0/3", ""):
        box = Container(room, "-f", env=dict(os.environ, TZ=zone))
        check("times are UTC" not in box.text(), "%s: %s" % (zone, box.text()))


def without_processes(room, setup):
    bare()
    room.conf("stop-grace = 2s\n")
    room.cron_d("a", SECOND + "echo x\n")
    room.tasks("t", task("long", "sleep 100 & wait", timeout="1s"))
    box = Container(room, "-f", setup=setup)
    box.wait("output: x")
    box.wait("FAIL job=long .*result=timeout")
    equal(box.stop(proc=False)[0], 0, "exit status")


def test_no_proc(room):
    without_processes(room, "mount -t tmpfs empty /proc")


def test_proc_of_somebody_else(room):
    without_processes(room, "umount /proc")  # below it is that of the lab


def refuse(error):
    """System calls that an old container's filter does not know fail in what comes after."""
    numbers = [*REFUSED.values(), MEMFD_CREATE.get(os.uname().machine)]
    numbers = [n for n in numbers if n]
    code = struct.pack("HBBI", 0x20, 0, 0, 0)  # the call's number
    for at, number in enumerate(numbers):
        code += struct.pack("HBBI", 0x15, len(numbers) - at, 0, number)
    code += struct.pack("HBBI", 0x06, 0, 0, SECCOMP_ALLOW)
    code += struct.pack("HBBI", 0x06, 0, 0, SECCOMP_ERRNO | error)
    kept = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(kept))

    def install():
        held = ctypes.create_string_buffer(program, len(program))
        if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
                LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(held), 0, 0):
            os._exit(99)
        check(kept is not None, "the filter is held until here")
    return install


def filtered(room, error):
    bare()
    room.conf("stop-grace = 30s\n")
    room.cron_d("a", EVERY + "* * * * * * alice ls /proc/$$/fd | tr '\\n' ' '\n")
    room.tasks("t", task("long", "sleep 100 & wait", timeout="1s") +
               task("stays", "echo up >>%s/up; exec sleep 100" % OUT))
    box = Container(room, "-f", preexec_fn=refuse(error))
    box.wait("output: 0 1 2 ")
    box.wait("FAIL job=long .*result=timeout")
    room.wait_out("up")
    status, took = box.stop()
    equal(status, 0, "exit status")
    check(took < 25, "it took %.1f s of the 30" % took)
    check(re.search("END job=stays .*result=killed", box.text()), box.text())


def test_calls_are_refused(room):
    filtered(room, EPERM)


def test_calls_are_unknown(room):
    filtered(room, ENOSYS)


if __name__ == "__main__":
    lab.main()
