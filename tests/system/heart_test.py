"""What jobs say to their keepers: heartbeats, states, alerts; and who may not say it."""
import contextlib
import errno
import json
import os
import signal
import socket
import struct
import subprocess
import time

import lab
import sinks
from lab import OUT, check, equal

RUNS = "/run/crond/runs"
SAID = struct.Struct("III32s160s")  # crond/launch.h
READY, STOPPING = 1, 2
CLIENT = OUT + "/client.py"
# A program that speaks the protocol by itself. Each argument is a message, or something to do.
CLIENT_TEXT = r"""
import array, os, signal, socket, subprocess, sys, time
to = os.environ["NOTIFY_SOCKET"]
to = "\0" + to[1:] if to[0] == "@" else to
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for word in sys.argv[1:]:
    what, _, value = word.partition(":")
    if what == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif what == "mark":
        with open(value, "a") as f:
            print(time.time(), os.getpid(), file=f)
    elif what == "child":
        subprocess.Popen(["setsid", "sleep", value])
    elif what == "sleep":
        time.sleep(float(value))
    elif what == "wait":
        while not os.path.exists(value):
            time.sleep(0.02)
    elif what == "hex":
        s.sendto(bytes.fromhex(value), to)
    elif what == "large":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        s.sendto(b"STATUS=" + b"x" * int(value), to)
    elif what == "files":
        fds = array.array("i", [os.open("/dev/null", os.O_RDONLY) for _ in range(int(value))])
        s.sendmsg([b"FDSTORE=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)], 0, to)
    elif what == "flood":
        end, sent = time.time() + float(value), 0
        while time.time() < end:
            try:
                s.sendto(b"WATCHDOG=1", socket.MSG_DONTWAIT, to)
                sent += 1
            except BlockingIOError:
                time.sleep(0.001)
        print(sent, file=open(sys.argv[0] + ".sent", "w"))
    else:
        s.sendto(word.encode(), to)
"""


def client(*words):
    return " ".join(["/usr/bin/python3", CLIENT, *("'%s'" % w for w in words)])


def task(name, command, *settings, schedule="* * * * * *"):
    when = ' schedule = "%s"\n' % schedule if schedule else ' type = "daemon"\n'
    return 'task "%s" {\n%s command = "%s"\n max = 1\n%s}\n' % (
        name, when, command, "".join(" %s\n" % one for one in settings))


def furnish(room):
    lab.put(CLIENT, CLIENT_TEXT, 0o644)
    os.chmod(OUT, 0o777)


def run_of(job):
    found = [name for name in os.listdir(RUNS) if name.rsplit("-", 2)[0] == job]
    return found[0] if found else None


def said(job):
    """(flags, batches, batch, status) of the job's run, or None."""
    try:
        with open("%s/%s/said" % (RUNS, run_of(job)), "rb") as f:
            text = f.read()
    except FileNotFoundError:
        return None
    if len(text) < SAID.size:  # it is being written
        return None
    magic, flags, batches, batch, status = SAID.unpack(text)
    check(magic, "said begins with nothing")
    return flags, batches, batch.rstrip(b"\0"), status.rstrip(b"\0").decode()


def says(room, job, *wanted):
    room.wait_for(lambda: said(job) == wanted, 10, "%s to say %r" % (job, wanted))


def environment(pid):
    """None of it where the process has ended."""
    try:
        with open("/proc/%s/environ" % pid, "rb") as f:
            return dict(v.decode().split("=", 1) for v in f.read().split(b"\0") if b"=" in v)
    except (FileNotFoundError, ProcessLookupError):
        return {}


def by_job(wanted):
    """Processes that match, by their jobs."""
    return {environment(p.pid).get("CRON_JOB"): p for p in lab.processes() if wanted(p)}


def test_shell_jobs_speak(room):
    furnish(room)
    notify, cronctl = "/usr/bin/systemd-notify", room.program("cronctl")
    if not os.path.exists(notify):
        raise lab.Skip("needs systemd-notify")
    end = "; echo $? >>%s/%%s; exec sleep 600" % OUT
    room.tasks("t", task("plain", notify + " --ready --status='All well'" + end % "plain",
                         'user = "alice"') +
               task("pid", notify + " --ready --pid --status='With a pid'" + end % "pid",
                    'user = "alice"', "watchdog = 1m") +
               task("root", "su bob -s /bin/sh -c '%s --pid --ready --status=root'" % notify +
                    end % "root") +
               task("alone", "exec %s --ready" % notify) + # for its parent, as root may: the keeper
               task("brief", "for i in $(seq 300); do %s --status=$i; done" % notify) +
               task("own", cronctl + " notify --ready --watchdog --status 'Own words' A=b" +
                    end % "own", 'user = "alice"') +
               task("batch", client("X_CRON_BATCH_START=one", "STATUS=\033[1m", "sleep:600")))
    room.crontab("alice", "@reboot env >%s/plainline\n" % OUT +
                 "#@ timeout=1m max=1 second=*\n* * * * * %s notify STATUS=line%s\n"
                 % (cronctl, end % "line"))
    daemon = room.start()
    says(room, "plain", READY, 0, b"", "All well")
    says(room, "pid", READY, 0, b"", "With a pid")
    says(room, "root", READY, 0, b"", "root")  # root's job may go on as anybody
    says(room, "own", READY, 0, b"", "Own words")
    says(room, "batch", 0, 0, b"one", "\\x1b[1m")
    for name in ("plain", "pid", "root", "own", "line"):
        equal(room.wait_out(name)[0], "0", "exit status of " + name)
    check("NOTIFY_SOCKET" not in "".join(room.wait_out("plainline")), "a plain line has a socket")
    sleepers = room.wait_for(lambda: {"plain", "pid"} <= set(by_job(lambda p: p.name == "sleep")) and
                             by_job(lambda p: p.name == "sleep"), 10, "those that sleep")
    plain = sleepers["plain"].pid
    sleepers = {job: environment(p.pid) for job, p in sleepers.items()}
    equal(sleepers["pid"]["WATCHDOG_USEC"], "60000000", "WATCHDOG_USEC")
    check("WATCHDOG_PID" not in sleepers["pid"], "WATCHDOG_PID is there")
    check("WATCHDOG_USEC" not in sleepers["plain"], "WATCHDOG_USEC without a watchdog")
    equal(room.log("WARNING"), [], "warnings")
    daemon.kill()
    daemon.wait()
    room.start()  # it was told none of this
    room.wait_for(lambda: subprocess.run([cronctl, "status"], capture_output=True,
                                         check=False).returncode == 0, 10, "an answer")

    def shown(job, facts):
        said = subprocess.check_output([cronctl, "show", "--json", job], text=True)
        said = json.loads(said.splitlines()[0])
        return {key: said.get(key) for key in facts} == facts
    for job, facts in (("plain", {"says": "ready", "status": "All well"}),
                       ("batch", {"says": None, "batch": "one", "status": "\\x1b[1m"})):
        room.wait_for(lambda: shown(job, facts), 10, "cronctl show %s: %s" % (job, facts))
    # out of a job there is nobody to tell, and with its run the socket goes
    done = subprocess.run([cronctl, "notify", "--ready"], capture_output=True, text=True,
                              check=False)
    equal(done.returncode, 1, "status without NOTIFY_SOCKET")
    equal(done.stderr.count("\n"), 1, "lines: " + done.stderr)
    path = sleepers["plain"]["NOTIFY_SOCKET"]
    check(os.path.exists(path), "no socket at " + path)
    os.kill(plain, signal.SIGKILL)
    room.wait_for(lambda: not os.path.exists(path), 10, "the socket to go with its run")


def test_the_silent_are_stopped_and_daemons_run_again(room):
    furnish(room)
    beats = ["WATCHDOG=1", "sleep:0.1"] * 3
    quick = ("watchdog = 300ms", "watchdog-miss = 3", "kill-after = 300ms", "restart-delay = 100ms")
    room.tasks("t", task("silent", client("ignore", "child:7777", "READY=1", *beats,
                                          "mark:%s/last" % OUT, "WATCHDOG=1", "sleep:600"),
                         *quick, 'user = "alice"', schedule=None) +
               task("trigger", client("READY=1", "WATCHDOG=trigger", "sleep:600"), *quick) +
               task("well", client("mark:%s/well" % OUT, *(beats * 14), "STOPPING=1", "sleep:600"),
                    "watchdog = 1s", "watchdog-miss = 4") +
               task("slow", client("mark:%s/slow" % OUT, "sleep:1.5", "WATCHDOG_USEC=60000000",
                                   "sleep:600"), *quick) +
               task("longer", client("EXTEND_TIMEOUT_USEC=3000000", "sleep:1.5",
                                     "mark:%s/longer" % OUT), "timeout = 1s"))
    room.crontab("bob", "#@ name=oneline watchdog=300ms watchdog-miss=1 max=1 second=*\n* * * * * " +
                 client("WATCHDOG=1", "sleep:600").replace("%", "\\%") + "\n")
    room.start()
    last = float(room.wait_out("last", 1, 20)[0].split()[0])

    def stopped():  # a stall may have ended others before they came so far
        return [line for line in room.log(r"FAIL job=silent run=\S+ result=watchdog") if line.at > last]
    line = room.wait_for(stopped, 20, "its end")[0]
    check("no heartbeat: none for 3 x 300 ms" in line.text, line.text)
    took = line.at - last
    check(0.9 < took < 10 * lab.slowness(), "stopped after %.2f s" % took)
    check("none for 1 x 300 ms" in room.wait_log(r"FAIL job=bob:oneline .*result=watchdog").text, "a line")
    room.wait_log("job=trigger .*result=watchdog.*WATCHDOG=trigger was sent")
    room.wait_out("last", 2, 20)
    room.wait_for(lambda: len([p for p in lab.processes() if b"7777" in p.argv]) <= 1, 5,
                  "no child of stopped runs")
    room.wait_for(lambda: said("well") and said("well")[0] == STOPPING, 20, "STOPPING=1")
    time.sleep(4.5)  # longer than its watchdog has patience
    room.wait_out("longer")
    for name in ("well", "slow"):  # the one ends, the other is not yet up: 90 s for each
        equal(len(room.lines(name)), 1, "starts of " + name)
        equal(room.log("FAIL job=%s " % name), [], "ends of " + name)


def send(path, message, uid=0):
    """Sends it as a process that is nobody's job: errno, or 0."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        error = 0
        try:
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(message, path)
            time.sleep(0.3)  # still there when it is looked at
        except OSError as e:
            error = e.errno
        os._exit(error)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_who_may_not_speak_and_what_is_no_message(room):
    furnish(room)
    rubbish = ["hex:00", "hex:52454144593d310058", "hex:", "hex:ff0aff3d3d0a3d", "large:4090",
               "large:65536", "WATCHDOG=yes", "files:1", "files:200", "BARRIER=1"]
    room.tasks("t", task("hers", client("READY=1", *rubbish, "flood:1", "STATUS=still here",
                                        "sleep:600"), 'user = "alice"', "watchdog = 1m") +
               task("roots", client("STATUS=mine", "sleep:600")))
    room.start()
    says(room, "roots", 0, 0, b"", "mine")

    def speakers():
        return by_job(lambda p: p.name.startswith("python3") and {b"READY=1", b"STATUS=mine"} & set(p.argv))
    pids = room.wait_for(lambda: len(speakers()) == 2 and speakers(), 10, "both of them")
    hers, roots = pids["hers"], pids["roots"]
    keeper = lab.Process(hers.ppid if lab.Process(hers.ppid).exe.startswith("crond-l")
                         else lab.Process(hers.ppid).ppid)
    before = cpu_seconds(keeper.pid)
    says(room, "hers", READY, 0, b"", "still here")
    # what is read in a second is bounded, what waits in the socket as well
    sent = int(room.lines("client.py.sent")[0])
    check(50 <= sent < 50 * 14 + 512 + 50, "messages taken in a second: %d" % sent)
    check(cpu_seconds(keeper.pid) - before < 0.5, "the keeper was busy")
    fds = []
    for n in os.listdir("/proc/%d/fd" % keeper.pid):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            fds.append((int(n), os.readlink("/proc/%d/fd/%s" % (keeper.pid, n))))
    equal([one for one in fds if one[1] == "/dev/null" and one[0] > 2], [], "descriptors kept")
    room.wait_log(r"WARNING \(run hers\S+ a variable whose value makes no sense")
    equal(len(room.log(r"WARNING \(run hers\S+ a message that is empty, too long")), 1, "lines")
    equal(len(room.log(r"WARNING \(run hers\S+ a variable whose value makes no sense")), 1, "lines")
    path = environment(hers.pid)["NOTIFY_SOCKET"]
    equal(send(path, b"STATUS=bob", 2002), errno.EACCES, "bob at alice's socket")
    equal(send(path, b"STATUS=stranger"), 0, "root at alice's socket")
    equal(send(path, b"STATUS=stranger", 2001), 0, "alice herself, but not of the job")
    path = environment(roots.pid)["NOTIFY_SOCKET"]
    equal(send(path, b"STATUS=bob", 2002), 0, "bob at root's socket")
    for job in ("hers", "roots"):
        line = room.wait_log(r"WARNING \(run %s-\S+ a message that is not of the run" % job)
        check("of uid" in line.text, line.text)
    time.sleep(0.2)
    equal((said("hers")[3], said("roots")[3]), ("still here", "mine"), "what they said")
    equal(len(room.log("not of the run is refused")), 2, "one line a run")
    os.kill(hers.pid, signal.SIGKILL)
    room.wait_log(r"WARNING \(run hers-\S+ 2 messages were not of the run")


def test_alerts_from_inside_are_told_whoever_dies(room):
    furnish(room)
    receiver = sinks.Receiver()
    room.conf('webhook "w" {\n url = "%s"\n}\n' % receiver.url)
    many = ["X_CRON_ALERT=number %d" % n for n in range(1, 13)]
    room.tasks("t", task("disk", client("X_CRON_ALERT=disk 95%% full", "mark:%s/one" % OUT,
                                        "wait:%s/go2" % OUT, "X_CRON_ALERT=two",
                                        "STATUS=told two", "mark:%s/two" % OUT,
                                        "wait:%s/go3" % OUT, *many, "mark:%s/three" % OUT,
                                        "wait:%s/go4" % OUT).replace("%%", "%"),
                         'owner = "team"', 'alert = { "webhook:w" }', "watchdog = 1m"))
    daemon = room.start()
    event = room.wait_for(lambda: receiver.posts, 20, "a post")[0].json()
    run = run_of("disk")
    wanted = {"event": "custom", "status": "custom", "reason": "disk 95% full", "job": "disk",
              "run_id": run, "owner": "team", "host": "labhost", "exit_code": None}
    equal({key: event[key] for key in wanted}, wanted, "event")
    check("disk 95% full" in event["text"], event["text"])
    check('text="disk 95% full"' in room.wait_log("ALERT job=disk run=").text, "line in the log")
    room.wait_for(lambda: not os.listdir("/run/crond/outbox"), 10, "an empty outbox")
    daemon.kill()
    daemon.wait()
    lab.put(OUT + "/go2", "")
    room.wait_out("two")
    room.start()
    room.wait_for(lambda: len(receiver.posts) >= 2, 20, "what was said without a scheduler")
    says(room, "disk", 0, 0, b"", "told two")
    lab.put(OUT + "/go3", "")
    room.wait_for(lambda: len(receiver.posts) >= 10, 20, "alerts of an adopted run")
    lab.put(OUT + "/go4", "")
    room.wait_log(r"WARNING \(run disk-\S+ 4 alerts were left out")
    room.wait_for(lambda: not os.listdir("/run/crond/outbox"), 10, "an empty outbox")
    texts = [p.json()["reason"] for p in receiver.posts]
    equal(sorted(texts), sorted(["disk 95% full", "two"] + ["number %d" % n for n in range(1, 9)]),
          "posts")
    equal(len({p.json()["id"] for p in receiver.posts}), 10, "ids")


if __name__ == "__main__":
    lab.main()
