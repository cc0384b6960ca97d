"""The control socket and cronctl: who may see and do what, every verb, and clients that mean
no good."""
import contextlib
import fcntl
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import lab
from lab import OUT, check, equal

SOCKET = "/run/crond/control.sock"
STAFF = 2200
PEOPLE = {"root": (0, []), "alice": (2001, []), "bob": (2002, []), "nohome": (2003, [STAFF])}


def cronctl(room, *words, user="root", deadline=20, **environment):
    """What cronctl says as that user: (status, standard output, standard error)."""
    uid, groups = PEOPLE[user]
    known = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment}
    done = subprocess.run([room.program("cronctl"), *words], user=uid, group=uid, cwd="/",
                          extra_groups=groups, env=known, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=deadline * lab.slowness(), check=False)
    return done.returncode, done.stdout, done.stderr


def good(room, *words, **how):
    status, out, err = cronctl(room, *words, **how)
    equal((status, err), (0, ""), "cronctl %s" % " ".join(words))
    return out


def bad(room, status, text, *words, **how):
    got, out, err = cronctl(room, *words, **how)
    equal(got, status, "the status of cronctl %s (%s%s)" % (" ".join(words), out, err))
    check(text in err and err.count("\n") == 1, "not one line with %r: %r" % (text, err))


def on_terminal(room, columns, *words, **environment):
    """What cronctl shows on a terminal that is so wide."""
    ours, theirs = lab.terminal()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with subprocess.Popen([room.program("cronctl"), *words], stdout=theirs, stdin=theirs,
                          env={"LC_ALL": "C.UTF-8", "TZ": "UTC", **environment}) as child:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # its end
            while more := os.read(ours, 65536):
                shown += more
    os.close(ours)
    equal(child.returncode, 0, "the status of cronctl " + " ".join(words))
    return shown.decode().replace("\r\n", "\n")


def jobs(room, *words, **how):
    return {one["job"]: one for one in map(json.loads, good(room, "list", "--json", *words, **how)
                                           .splitlines())}


def begin(room, **how):
    """The daemon, once it answers."""
    daemon = room.start(**how)
    room.wait_for(lambda: cronctl(room, "status")[0] == 0, 10, "an answer")
    return daemon


def cpu_seconds(pid):
    fields = lab.read("/proc/%d/stat" % pid).rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(deadline=10):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(deadline * lab.slowness())
    s.connect(SOCKET)
    return s


def answer(s):
    """The answer's lines, until the end mark or the end."""
    data = b""
    while not (data.endswith(b"\n") and b'"end":true' in data):
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            break
        if not more:
            break
        data += more
    return [json.loads(line) for line in data.splitlines()]


def ask(line):
    with connect() as s:
        s.sendall(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        return answer(s)


def task(name, command, *settings, schedule="0 0 1 1 *"):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in settings))


# --- rights


def prepare_people(room):
    with open("/etc/group", "a", encoding="ascii") as groups:
        groups.write("staff9:x:%d:\n" % STAFF)
    room.conf('control-group = "staff9"\n')
    room.crontab("alice", "#@ name=hers\n0 0 1 1 * sleep 600\n")
    room.crontab("bob", "#@ name=his\n0 0 1 1 * sleep 600\n")
    room.cron_d("given", "#@ name=given\n0 0 1 1 * alice sleep 600\n")
    room.tasks("t", task("ours", "sleep 600") + task("lent", "sleep 600", 'user = "alice"'))
    begin(room)


def test_users_see_and_steer_their_own(room):
    prepare_people(room)
    equal(sorted(jobs(room, user="alice")), ["alice:hers", "given", "lent"], "what alice sees")
    equal(sorted(jobs(room, user="bob")), ["bob:his"], "what bob sees")
    for user in ("root", "nohome"):
        equal(sorted(jobs(room, user=user)), ["alice:hers", "bob:his", "given", "lent", "ours"],
              "what %s sees" % user)
    for verb in ("list", "status", "reload"):  # an answer that cannot be written is none
        with open("/dev/full", "wb") as full:
            done = subprocess.run([room.program("cronctl"), verb], stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=20 * lab.slowness(), check=False)
        check(done.returncode == 1 and "standard output" in done.stderr, "%s: %s" % (verb, done))
    run = good(room, "run", "hers", user="alice").strip()
    room.wait_log(r'RUN job=alice:hers run=%s by="uid 2001 \(alice\)"' % run)
    room.wait_for(lambda: jobs(room)["alice:hers"]["state"] == "running", 5, "hers running")
    for verb in ("show", "next", "run", "kill", "pause", "resume", "restart"):
        bad(room, 1, 'no job "his" among yours', verb, "his", user="alice")
    bad(room, 1, 'no job "alice:hers-', "kill", run, user="bob")
    bad(room, 1, 'no job "alice:hers-', "signal", run, "HUP", user="bob")
    good(room, "show", "given", user="alice")
    for name in ("given", "lent"):
        for verb in ("run", "pause", "kill"):
            bad(room, 1, "root alone may", verb, name, user="alice")
    theirs = good(room, "run", "lent").strip()
    room.wait_for(lambda: jobs(room)["lent"]["state"] == "running", 5, "lent running")
    bad(room, 1, "", "kill", theirs, user="alice")
    for user in ("alice", "bob"):
        bad(room, 1, "reload is for root and members of control-group", "reload", user=user)
    good(room, "reload", user="nohome")
    good(room, "pause", "his", user="nohome")
    room.wait_log(r'CONTROL verb=pause job=bob:his user=bob by="uid 2003 \(nohome\)"')
    good(room, "kill", run, user="alice")
    room.wait_log(r'CONTROL verb=kill run=%s by="uid 2001 \(alice\)"' % run)
    line = room.wait_log(r"END job=alice:hers .*result=killed")
    check("uid 2001 (alice)" in line.text, "who killed it: " + line.text)
    good(room, "kill", theirs)


# --- verbs


def test_a_job_is_listed_shown_and_steered(room):
    room.tasks("t", task("gold", "exit 3") + task("nap", "sleep 600", 'timeout = "1h"') +
               task("far", "true", 'hosts = { "10.99.0.0/16" }') +
               task("off", "true", "enabled = no", schedule="0 0 30 2 *") +
               task("a-rather-long-name-of-a-task-that-has-to-be-cut-somewhere", "true",
                    schedule="*/5,1,2,3 0-23/2 1,2,3,4,5,6 jan-dec mon-sun"))
    room.crontab("alice", "SHELL=/bin/bash\nMAILTO=ops\n@reboot sleep 60\n"
                 "#@ timeout=90 kill-after=2s\n#@ name=late shell=/bin/sh second=7\n1 2 * * * true # %x\n")
    daemon = begin(room)
    status, out, _ = cronctl(room, "run", "--wait", "gold")
    equal(status, 1, "the status of a run that fails")
    check(re.match(r"gold-\d+-\d\nexit 3, [\d.]+m?s\n$", out), "what run --wait says: %r" % out)
    told = jobs(room)
    equal({name: one["state"] for name, one in told.items() if "alice" not in name and
           "rather" not in name},
          {"gold": "ready", "nap": "ready", "far": "elsewhere", "off": "disabled"}, "states")
    gold = told["gold"]
    equal((gold["result"], gold["code"], gold["fails"], gold["user"], gold["type"]),
          ("exit", 3, 1, "root", "cron"), "how gold ended")
    check("next" in gold and "next" not in told["far"] and "next" not in told["off"], "who is next")
    lines = good(room, "list").splitlines()
    equal(lines[0].split(), "JOB STATE SCHEDULE NEXT IN LAST RESULT TOOK FAILS".split(), "its head")
    equal(max(map(len, lines)), 80, "its width")
    check("\033" not in "".join(lines), "colours, and no terminal")
    equal(sorted(jobs(room, "g*", "?ar")), ["far", "gold"], "a list by patterns")
    check("\033[31mexit 3\033[0m" in on_terminal(room, 100, "list", TERM="xterm"), "no colours")
    narrow = on_terminal(room, 90, "list", TERM="xterm", NO_COLOR="1").splitlines()
    check("\033" not in "".join(narrow), "colours in spite of NO_COLOR")
    equal(max(map(len, narrow)), 90, "the width on a terminal of 90 columns")
    shown = good(room, "show", "nap")
    check(re.search(r"^timeout +1h +%s/crond.tasks/t.conf:\d+$" % room.etc, shown, re.M) and
          re.search(r"^kill-after +10s +default$", shown, re.M), "show:\n" + shown)
    late = {one["option"]: (one["value"], one["origin"].rpartition("/")[2]) for one in
            map(json.loads, good(room, "show", "--json", "late").splitlines()) if "option" in one}
    equal([late[name] for name in ("schedule", "command", "user", "shell", "mail", "timeout",
                                   "kill-after", "concurrency")],
          [("1 2 * * *", "alice:6"), ("true # %x", "alice:6"), ("alice", "alice:6"),
           ('"/bin/sh"', "alice:5"), ("ops", "alice, MAILTO="), ("1m30s", "alice:4"),
           ("2s", "alice:4"), ("allow", "default")], "options of a line")
    equal(told["alice:late"]["schedule"], "7 1 2 * * *", "the schedule of a line with a second")
    reboot = [name for name, one in told.items() if one["schedule"] == "@reboot"][0]
    check(re.search(r"^shell +/bin/bash +/.*/alice, SHELL=$", good(room, "show", reboot), re.M),
          "the shell of a plain line")
    check("10.99.0.0/16" in good(room, "show", "far"), "why far is elsewhere")
    equal(len(good(room, "next", "-n", "3", "gold").splitlines()), 3, "lines of next")
    check(good(room, "next", "-n1", "--from", "0", "gold").endswith("  31536000\n"),
          "next from 1970 on")
    equal(cronctl(room, "next", "off"), (0, "", "cronctl: off fires no more\n"), "next of February 30")
    bad(room, 1, "started at boot", "next", reboot)
    bad(room, 1, 'no job "silver"', "show", "silver")
    bad(room, 1, "is no daemon", "restart", "gold")
    bad(room, 1, "is not running", "kill", "gold")
    good(room, "pause", "gol")  # the beginning of a name will do
    good(room, "pause", "gold")
    run = good(room, "run", "nap").strip()
    room.wait_for(lambda: jobs(room)["nap"]["state"] == "running", 5, "nap running")
    # it counts as running from its claim on, a moment before there is a process
    room.wait_for(lambda: cronctl(room, "signal", run, "CONT") == (0, run + "\n", ""), 5, "what got the signal")
    room.stop(daemon)
    bad(room, 3, "no crond is running here", "list")
    begin(room)
    told = jobs(room)
    equal((told["gold"]["state"], told["nap"]["state"]), ("paused", "running"), "after a restart")
    good(room, "resume", "gold")
    equal(jobs(room)["gold"]["state"], "ready", "gold's state")
    equal(good(room, "kill", "nap").strip(), run, "what was killed")
    room.wait_log(r"END job=nap .*result=killed")
    equal(good(room, "status").splitlines()[3:4], ["jobs         7"], "a line of status")


def test_reload_says_what_it_did(room):
    room.conf('task-dir "%s/crond.tasks" { watch = no }\n' % room.etc)
    room.tasks("a", task("one", "true") + task("two", "true") + task("four", "true"))
    begin(room)
    room.tasks("a", task("one", "false") + task("three", "true") + task("four", "true"))
    equal(sorted(good(room, "reload").splitlines()),
          ["added three", "changed one", "removed two", "unchanged 1"], "what it did")
    equal(good(room, "reload"), "unchanged 3\n", "what it did when nothing had changed")
    room.tasks("b", 'task "bad" { schedule = "61 * * * *" command = "true" }\n')
    status, out, err = cronctl(room, "reload")
    equal((status, err), (1, ""), "a reload that refuses something")
    check(re.search(r"^refused .*/b.conf:1:\d+: ", out, re.M), "what it refused: %r" % out)
    room.wait_log(r"cronctl reload by uid 0 \(root\)")


def test_what_waits_is_killed_too(room):
    room.tasks("q", task("line", "sleep 600", "concurrency = queue"))
    begin(room)
    ids = [good(room, "run", "line").split()[0] for _ in range(2)]
    room.wait_for(lambda: jobs(room)["line"]["state"] == "running", 5, "the first one running")
    equal(jobs(room)["line"]["waiting"], 1, "runs that wait")
    bad(room, 1, "", "signal", ids[1], "HUP")
    equal(sorted(good(room, "kill", "line").split()), sorted(ids), "what was killed")
    room.wait_log(r"END job=line run=%s .*result=killed" % ids[0])
    room.wait_for(lambda: jobs(room)["line"]["state"] == "ready", 5, "nothing left of it")


def test_a_daemon_is_steered(room):
    room.tasks("d", 'task "serve" {\n type = daemon\n command = "sleep 300"\n max = 2\n}\n')
    begin(room)
    room.wait_for(lambda: jobs(room)["serve"]["running"] == 2, 10, "two copies")
    check(re.search(r"^serve +running +daemon ", good(room, "list"), re.M), "the daemon's line")

    def copies():
        now = {p.pid for p in lab.processes() if p.name == "sleep"}
        return len(now) == 2 and now
    before = room.wait_for(copies, 10, "both of them")
    good(room, "restart", "serve")

    def others():
        return copies() and not copies() & before
    room.wait_for(others, 10, "two other copies")
    bad(room, 1, "no end to wait for", "run", "--wait", "serve")
    killed = good(room, "kill", "serve").splitlines()
    check(len(killed) == 2 and all(i.startswith("serve-") for i in killed), "killed: %s" % killed)


def test_files_are_checked_without_a_daemon(room):
    lab.put("/tmp/good.conf", task("one", "true"))
    lab.put("/tmp/bad.conf", task("one", "true", 'timeuot = "1h"'))
    lab.put("/tmp/table", "* * * * * root true\n61 * * * * root true\n")
    equal(cronctl(room, "check", "/tmp/good.conf", user="alice"), (0, "", ""), "a good file")
    bad(room, 1, "/tmp/bad.conf:4:2: error: unknown option 'timeuot', did you mean 'timeout'?",
        "check", "/tmp/bad.conf", user="alice")
    bad(room, 1, "/tmp/table:2", "check", "--system", "/tmp/table", "/tmp/good.conf")
    bad(room, 1, "/tmp/none: ", "check", "/tmp/none")
    for frob in ("--frob", "--wait"):
        error = cronctl(room, "list", frob)[2]
        check(error.startswith("cronctl list: unrecognized option '%s'\n" % frob), error)
    for words in (("check",), ("list", "--frob"), ("run",), ("signal", "a", "b", "c"), ("frob",)):
        equal(cronctl(room, *words)[0], 2, "the status of cronctl " + " ".join(words))
    bad(room, 2, "is no signal", "signal", "x", "NOISE")
    bad(room, 2, 'cronctl: unknown verb "lst", did you mean "list"?', "lst")
    equal(good(room, "--version"), good(room, "version"), "the version")
    equal([good(room, word) for word in ("--help", "-h")], 2 * [good(room, "help")], "help")
    bad(room, 3, "no crond is running here", "status")


# --- clients that mean no good


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", lab.read("/proc/%d/status" % pid)).group(1))


def hostile_lines(room):
    nest = b'{"version":1,"verb":"list","names":' + b"[" * 20000 + b"]" * 20000 + b"}\n"
    for line in (b"\n", b"{}\n", b"\0\n", b"[]\n", b"GET / HTTP/1.0\r\n", nest,
                 b'{"version":1,"verb":"show","job":"\xff\xfe"}\n',
                 b'{"version":1,"verb":"show","job":"a\\u0000b"}\n',
                 b'{"version":7,"verb":"list"}\n', b'{"version":1,"verb":"obey"}\n',
                 b'{"version":1,"verb":"list","mercy":false}\n',
                 b'{"version":1,"verb":"next","job":"t","count":1e9}\n'):
        end = ask(line)[-1]
        equal((end["end"], end["ok"]), (True, False), "the end of an answer to %r" % line[:60])
        check(end["code"] in ("bad-request", "bad-version") and "\n" not in end["error"],
              "the answer to %r: %s" % (line[:60], end))
    equal(ask(b'{"version":1,"verb":"show","job":"../../etc/passwd"}\n')[-1]["code"], "unknown",
          "a path for a name")
    good(room, "status")


def test_no_client_does_harm(room):
    room.tasks("t", "".join(task("t%d" % i, "true") for i in range(300)))
    daemon = begin(room)
    hostile_lines(room)
    before = resident(daemon.pid)
    with contextlib.ExitStack() as stack:
        flood = stack.enter_context(connect())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(100):
                flood.sendall(b"x" * (1 << 20))
        check("longer than" in answer(flood)[-1]["error"], "nothing about a request of 100 MB")
        for _ in range(10):  # they ask for much and read nothing
            stalled = stack.enter_context(connect())
            stalled.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    stalled.send(b'{"version":1,"verb":"list"}\n' * 100)
        for _ in range(50):  # gone before they are answered
            with connect() as early:
                early.sendall(b'{"version":1,"verb":"list"}\n')
        equal(len(jobs(room)), 300, "jobs that are listed meanwhile")
        grown = resident(daemon.pid) - before
        check(grown < 6000 * lab.slowness(), "%d KB more in memory" % grown)
        half = stack.enter_context(connect())
        half.sendall(b'{"version":1,"verb":"li')
        good(room, "status")  # a request that is not whole is waited for, ten seconds
        half.sendall(b'st"}\n')
        equal(len(answer(half)), 301, "lines to a request that came in two parts")


CROWD = """
import os, select, socket, sys
os.setgid(%(uid)d)
os.setuid(%(uid)d)
held, busy, heard = {}, 0, select.poll()
def hold():
    s = socket.socket(socket.AF_UNIX)
    s.connect("%(socket)s")
    held[s.fileno()] = s
    heard.register(s, select.POLLIN)
for _ in range(1000):
    hold()
while busy < 984:
    for fd, _ in heard.poll(%(patience)d) or sys.exit("%%d were turned away" %% busy):
        busy += b"busy" in held[fd].recv(4096)
        heard.unregister(fd)
print(busy, flush=True)
heard.register(0, select.POLLIN)
while True:  # who says nothing for long is sent away, and comes again
    for fd, _ in heard.poll():
        heard.unregister(fd)
        held.pop(fd).close() if fd else sys.exit()
        hold()
"""


def test_a_crowd_gets_its_share(room):
    room.crontab("bob", "#@ name=his\n0 0 1 1 * true\n")
    begin(room)
    crowd = subprocess.Popen(["python3", "-c", CROWD % {
        "uid": 2001, "socket": SOCKET, "patience": 10000 * lab.slowness()}],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    busy = int(crowd.stdout.readline())
    check(busy >= 980, "%d of 1000 connections were turned away" % busy)
    equal(sorted(jobs(room, user="bob")), ["bob:his"], "what bob sees in the crowd")
    bad(room, 1, "too many connections", "list", user="alice")
    crowd.stdin.close()
    crowd.wait()
    room.wait_for(lambda: cronctl(room, "list", user="alice")[0] == 0, 5, "room for alice again")


def test_descriptors_are_left_for_starts(room):
    """Clients get none of the last ones, and who finds none is no work."""
    room.tasks("t", 'task "tick" {\n schedule = "* * * * * *"\n command = "echo x >>%s/tick"\n}\n' % OUT)
    few = 48
    daemon = room.launch("-f", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (few, few)))
    room.wait_out("tick")
    with contextlib.ExitStack() as all_of_them:
        for _ in range(60):
            all_of_them.enter_context(connect())
        began, used = time.monotonic(), cpu_seconds(daemon.pid)
        room.wait_out("tick", len(room.lines("tick")) + 2)
        part = (cpu_seconds(daemon.pid) - used) / (time.monotonic() - began)
        check(part < 0.5, "%g of a processor" % part)
        # a start takes some for a moment
        room.wait_for(lambda: len(os.listdir("/proc/%d/fd" % daemon.pid)) <= few - 10, 5,
                      "%d descriptors or less to be taken" % (few - 10))
    equal(room.log("FAIL job=tick"), [], "failed starts")
    room.wait_for(lambda: cronctl(room, "status")[0] == 0, 10, "an answer once they are gone")


def test_pauses_have_room_for_root(room):
    """Users who have paused no end of jobs pause no more, and root does."""
    many = "".join("%016x alice:%s\n" % (1 << 63 | n, "x" * 80) for n in range(1, 11000))
    lab.put("/var/lib/crond/paused", "# crond: jobs that are paused, 1\n" + many, 0o600)
    room.crontab("alice", "#@ name=one\n0 0 1 1 * true\n")
    room.tasks("t", 'task "two" {\n schedule = "@yearly"\n command = "true"\n}\n')
    daemon = begin(room)
    bad(room, 1, "File too large", "pause", "one", user="alice")
    good(room, "pause", "two")
    room.stop(daemon, signal.SIGKILL)
    begin(room)
    equal({name: one["state"] for name, one in jobs(room).items()},
          {"alice:one": "ready", "two": "paused"}, "after a restart")


def test_starts_are_on_time_among_floods(room):
    tick = "echo $CRON_SCHEDULED_AT $(date +%%s.%%N) >>%s/ticks" % OUT
    room.tasks("t", "".join(task("t%d" % i, "true") for i in range(1000)) +
               task("tick", tick, "concurrency = allow", schedule="* * * * * *"))
    begin(room)
    going = threading.Event()

    def flood():
        with connect(60) as s:
            while not going.is_set():
                s.sendall(b'{"version":1,"verb":"list"}\n')
                answer(s)
    crowd = [threading.Thread(target=flood) for _ in range(20)]
    for one in crowd:
        one.start()
    room.wait_out("ticks", 4, 15)
    going.set()
    for one in crowd:
        one.join()

    def ticks():
        return sorted(line.split() for line in room.lines("ticks"))

    def whole():  # runs of several seconds may write in any order
        seconds = [int(due) for due, _ in ticks()]
        return seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    room.wait_for(whole, 10, "each second")
    late = sorted(float(at) - int(due) for due, at in ticks()[:4])
    check(late[1] < 0.5 * lab.slowness(), "starts among floods: %s" % late)  # a stall makes several late


def test_a_daemon_that_dies_is_said(room):
    room.tasks("t", task("nap", "sleep 600"))
    daemon = begin(room)
    waiting = subprocess.Popen([room.program("cronctl"), "run", "--wait", "nap"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run = waiting.stdout.readline().strip()
    room.wait_for(lambda: jobs(room)["nap"]["state"] == "running", 5, "nap running")
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    _, err = waiting.communicate()
    equal(waiting.returncode, 3, "the status of who waited")
    check("broke off" in err, "what it says: %r" % err)
    begin(room)  # a socket that stands there is old
    equal(jobs(room)["nap"]["state"], "running", "an adopted run")
    equal(good(room, "kill", run).strip(), run, "what was killed")
    room.wait_log(r"END job=nap .*result=killed")


def test_a_private_instance_is_its_users(room):
    lab.put("/home/alice/my.conf", task("mine", "exit 0"), owner="alice")
    os.makedirs("/home/alice/p")
    os.chown("/home/alice/p", 2001, 2001)
    room.launch("-f", "--prefix", "/home/alice/p", "/home/alice/my.conf", user=2001, group=2001,
                extra_groups=[], env={"HOME": "/home/alice", "PATH": "/usr/bin:/bin"})
    path = "/home/alice/p" + SOCKET
    room.wait_for(lambda: os.path.exists(path), 10, "its socket")
    own = {"CRONCTL_SOCKET": path}
    room.wait_for(lambda: cronctl(room, "status", user="alice", **own)[0] == 0, 10, "its answer")
    equal(good(room, "run", "--wait", "mine", user="alice", **own).split("\n")[1][:2], "ok", "a run")
    good(room, "reload", "--socket", path, user="alice")
    told = re.search(r"INFO \(cronctl (.*) asks this daemon\)", lab.read(room.errors))
    check("mine" in good(room, *told.group(1).split(), user="alice"), "what the log says to call")
    equal(cronctl(room, "list", user="bob", **own)[0], 3, "bob's status")
    bad(room, 3, "no crond is running here", "list", user="alice")


if __name__ == "__main__":
    lab.main()
