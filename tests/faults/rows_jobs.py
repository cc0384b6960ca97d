"""Rows 12 to 22 of the fault table: helpers that hang or crash, what jobs do to be rid of who
watches them, users, sessions and homes that are not there, and very many at once."""
import contextlib
import os
import re
import signal
import subprocess
import time

import lab
import names
from faults import OUT, Fault, HasNone, Skip, tell
from rows_runs import outcome


def helpers(room, *names):
    return [p for p in lab.processes() if p.exe in names and p.ppid == room.daemon.pid]


def alerting(room, name, then="exit 3", **how):
    """A job that fails, and whose failures a webhook is told of."""
    room.needs("webhooks")
    receiver = room.receiver()
    room.conf('webhook "w" {\n url = "%s"\n retries = 8\n users = yes\n}\n' % receiver.url)
    room.job(name, then, options="alert=webhook:w alert-every=1s", **how)
    return receiver


def f12(room):
    """SIGSTOP of the helpers that tell people and keep the history
    the schedule goes on; nothing is lost of what they were to hear"""
    room.needs("helpers")
    receiver = alerting(room, "bad", every=2)
    room.start()
    room.wait_for(lambda: receiver.posts, 15, "an alert")
    with room.fault(hits=()):
        stopped = helpers(room, "crond-notify", "crond-history")
        for helper in stopped:
            os.kill(helper.pid, signal.SIGSTOP)
        room.instants(5)
        for helper in stopped:
            if lab.alive(helper.pid):
                os.kill(helper.pid, signal.SIGCONT)
    if not stopped:
        raise Fault("there were no helpers")


def f13(room):
    """a helper that crashes again and again
    it is started again with growing delays; alerts stay spooled, and arrive"""
    room.needs("helpers")
    receiver = alerting(room, "bad", every=2)
    room.start()
    room.wait_for(lambda: receiver.posts, 15, "an alert")
    seen = set()
    with room.fault(hits=()):
        end = time.time() + 6
        while time.time() < end:
            for helper in helpers(room, "crond-notify", "crond-history"):
                seen.add(helper.pid)
                lab.kill(helper)
            time.sleep(0.05)
    if not 4 <= len(seen) <= 30:
        raise Fault("%d helpers in 6 s" % len(seen))


def f14(room):
    """a job that ignores TERM
    after its timeout TERM, then KILL; nothing of it is left"""
    room.needs("options")
    at = room.next_due()
    room.job("deaf", "trap : TERM; (trap : TERM; while :; do sleep 0.97; done) & "
             "while :; do sleep 0.98; done", at=at, end=False, options="timeout=1s kill-after=1s")
    room.start()
    pid = room.wait_mark("deaf", deadline=at - time.time() + room.patience()).pid
    outcome(room, "deaf", "result=timeout")
    room.wait_for(lambda: not lab.alive(pid), 10, "its end")
    left = [p for p in lab.processes() if b"0.97" in p.argv or b"0.98" in p.argv]
    if left:
        time.sleep(1)
    left = [p for p in lab.processes() if b"0.97" in p.argv or p.sid == pid]
    if left:
        raise Fault("%d processes left" % len(left))


def f15(room):
    """a job that leaves a daemon behind, which holds its standard output
    the end is not delayed; what is left is ended where that is asked for"""
    at = room.next_due()
    room.job("parent", "setsid sh -c 'sleep 41 & sleep 42' & echo words", at=at)
    if room.ours:
        room.job("tidy", "setsid sh -c 'sleep 43 & sleep 44' & echo words", at=at, options="leftovers=kill")
    room.start()
    ended = room.wait_mark("parent", "end", deadline=at - time.time() + room.patience())
    while not room.mails() and time.time() < ended.at + 60:
        time.sleep(0.1)
    late = time.time() - ended.at
    if late > 15 * lab.slowness():
        raise Fault("end delayed %s" % ("by who holds stdout" if room.mails() else "or mail lost"))
    if room.ours:
        outcome(room, "parent", "result=ok")
        outcome(room, "tidy", "result=ok")
        room.wait_for(lambda: not left(b"43", b"44"), 10, "the end of what was left")
        if not left(b"41", b"42"):
            raise Fault("what was to be left was ended")


def left(*words):
    return [p for p in lab.processes() if p.argv[:1] == [b"sleep"] and p.argv[1] in words]


def f16(room):
    """a job that stops itself (SIGSTOP)
    its timeout ends it"""
    room.needs("options")
    at = room.next_due()
    room.job("still", "sleep 0.2; kill -STOP $$; sleep 100", at=at, options="timeout=2s kill-after=1s")
    room.start()
    pid = room.wait_mark("still", deadline=at - time.time() + room.patience()).pid
    outcome(room, "still", "result=timeout")
    room.wait_for(lambda: not lab.alive(pid), 10, "its end")


def f17(room):
    """setuid, setgid and setgroups fail (EAGAIN)
    the job is not started as somebody else, least of all as root"""
    lab.put(OUT + "/ids", "", 0o666)
    room.job("who", "id -u >>%s/ids; id -G >>%s/groups" % (OUT, OUT))
    room.start()
    room.wait_mark("who", "end")
    for calls in ("setuid,setresuid,setreuid", "setgid,setresgid,setregid", "setgroups"):
        before = len(room.lines("groups"))
        with room.fault(), room.injected(room.forker(), "inject=%s:error=EAGAIN" % calls, follow=True):
            room.instants(1)
        if "0" in room.lines("ids"):
            raise Fault("job ran as root")
        if any("0" in line.split() for line in room.lines("groups")[before:]):
            raise Fault("job ran in root's groups")


def f18(room):
    """the user is removed from /etc/passwd, and comes back; a name service does not answer
    jobs of who is not known are skipped by name, everybody else's go on; they start once there is an
    entry, or an answer"""
    service = names.Service() if room.kind != "busybox" else None  # which is linked statically
    if service:
        room.uids = {"known": 3001, "new": 3002}
        for name, uid in room.uids.items():
            service.add(name, uid, uid)
        room.job("known", user="known")
    gone = room.job("gone")
    room.start()
    room.wait_mark("gone")
    whole = lab.read("/etc/passwd")
    with room.fault(hits=("gone", "new")):
        began = time.time()
        lab.put("/etc/passwd", "".join(line for line in whole.splitlines(True)
                                       if not line.startswith("alice:")), replace=True)
        room.instants(1)
        said = [line for line in room.log("alice") if re.search("ORPHAN|no passwd|unknown|getpw",
                                                                str(line), re.I)]
        if service:
            room.wait_mark("known")
            service.set("hang", True)
        lab.put("/etc/passwd", whole, replace=True)
        if service:
            new = room.job("new", user="new")
        room.instants(1)
        gone.off.append((began, time.time()))
        if service:
            answer_comes(room, service, new)
    room.instants(1)
    if not said:
        raise Fault("skipped, user not named")


def answer_comes(room, service, new):
    """Who was not known is named, and comes once there is an answer."""
    seen = len(room.marks("start", "gone"))
    if room.ours:
        room.wait_log(r"\(new\) WARNING \(no answer from the name service", 20)
        room.wait_mark("gone", count=seen + 1)
    service.set("hang", False)
    room.wait_mark("new", deadline=30 if room.ours else 3 * room.unit)
    new.since = time.time()


def f19(room):
    """the home directory is not there
    the job runs somewhere that is documented, or not at all; the log says so"""
    at = room.next_due()
    room.job("homeless", "pwd >>%s/where" % OUT, user="nohome", at=at)
    room.start()
    room.sleep_until(at)
    try:
        room.wait_mark("homeless", "end")
    except lab.Failure:
        raise Fault("not run, %s" % ("logged" if room.log("chdir|directory|home") else "silent")) from None
    end = time.time() + 5 * lab.slowness()  # the line may come later than the mark
    while not room.log("chdir|No such file|/home/nohome") and time.time() < end:
        time.sleep(0.1)
    if not room.log("chdir|No such file|/home/nohome"):
        raise Fault("runs in %s, silent" % room.lines("where")[0])
    room.note("in " + room.lines("where")[0])


PAM = """auth required pam_permit.so
account [success=1 default=ignore] pam_succeed_if.so quiet user != alice
account required pam_deny.so
account required pam_permit.so
session [success=1 default=ignore] pam_succeed_if.so quiet user != slow
session required pam_exec.so /bin/sleep 1000
session required pam_permit.so
"""


def f20(room):
    """PAM refuses a user, and hangs for another
    neither job starts, both are on record, within a deadline; others' start"""
    if room.kind == "busybox":
        raise HasNone("no PAM")
    if room.ours and not os.path.exists(lab.BUILD + "/crond/crond-launcher-pam"):
        raise HasNone("built without PAM")
    for service in ("cron", "crond"):
        lab.put("/etc/pam.d/" + service, PAM)
    room.person("slow")
    at = room.next_due()
    room.job("denied")
    slow = room.job("slow", user="slow", at=at)
    room.start()
    with room.fault(hits=("denied", "slow")):
        room.sleep_until(at + (35 if room.ours else 90))
        if room.ours:
            room.wait_log("FAIL job=slow:slow .*PAM", 60)
            room.wait_log("FAIL job=alice:denied .*PAM")
    if any(p.argv[1:] == [b"1000"] for p in lab.processes()):
        room.forget(slow)
        raise Fault("hangs with PAM, silent")


def f21(room):
    """very many jobs are due at once (2,000; FAULTS_MANY)
    all start; what is due next starts in time"""
    many = int(os.environ.get("FAULTS_MANY", "2000"))
    at = room.next_due(6)
    lab.put(OUT + "/many", "", 0o666)
    line = "%s echo %%d >>%s/many\n" % (room.when(at, 1), OUT)
    lines = [(room.comment("m%d" % n, at, 1, "") + "\n" if room.ours else "") + line % n
             for n in range(many)]
    if room.kind == "busybox":
        room.table("root", "".join(lines))
    else:
        for begin in range(0, many, 5000):
            lab.put("/etc/cron.d/many%d" % begin, "".join(lines[begin:begin + 5000]).replace(
                " echo", " root echo"))
    room.start()
    with room.fault():
        room.sleep_until(at)
        end = time.time() + 170 * lab.slowness()
        while time.time() < end and len(room.lines("many")) < many:
            time.sleep(0.5)
        took = time.time() - at
        time.sleep(1)
    ran = room.lines("many")
    if len(set(ran)) < many:
        raise Fault("%d of %d ran" % (len(set(ran)), many))
    if len(ran) > many:
        raise Fault("%d ran twice" % (len(ran) - many))
    room.note("%.0f s" % took)


f21.alone = True


BOMB = "b() { b | b & }; b; sleep 1000"


def f22(room):
    """a fork bomb
    a limit on its user's processes holds it; others' jobs start"""
    room.person("bomber")
    at = room.next_due(4)
    bomb = room.job("bomb", BOMB, user="bomber", at=at, end=False,
                    options="limit-nproc=100 timeout=6s kill-after=1s leftovers=kill")
    room.start()
    try:  # what a service manager would hold the whole service to; nobody else's machine suffers
        pids = room.cgroup("pids")
        tell(pids + "/pids.max", 400)
        for pid in room.below(room.daemon.pid):
            with contextlib.suppress(ProcessLookupError):  # it may have ended
                tell(pids + "/cgroup.procs", pid)
    except (Skip, OSError):
        if not room.ours:
            raise Skip("nothing to hold a fork bomb in") from None
    with room.fault(hits=("bomb",)):
        room.sleep_until(at + (9 if room.ours else 125))
        if room.ours:
            room.wait_log(r"FAIL job=bomber:bomb .*result=timeout", 20)
    if not room.ours:
        room.forget(bomb)


f22.alone = True
