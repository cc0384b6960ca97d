"""Rows 1 to 11 of the fault table: the death of each process on a run's way, and the kernel refusing
what a start needs. rows_jobs.py has what jobs themselves do."""
import contextlib
import os
import random
import re
import signal
import time

import lab
from faults import OUT, PATIENCE, ROOM, Fault, HasNone, Skip, check, tell

FORKS = "clone,clone3,fork,vfork"
SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1 << 31)


def outcome(room, name, words, deadline=15):
    """Ours says so of the end of alice's job."""
    room.wait_log(r"(FAIL|END|SKIPPED|RECOVERED) job=alice:%s run=\S+ .*%s" % (name, words),
                  deadline)


def f01(room):
    """kill -9 of the daemon, at random moments, while jobs run
    jobs go on; their exit status and output are taken in by the next daemon; every due second is
    started or on record, none twice"""
    at = room.next_due()
    room.job("long", "sleep 4; echo out-of-it; exit 3", at=at)
    room.job("due", "sleep 1.5")
    room.start()
    room.wait_mark("long", deadline=at - time.time() + room.patience())
    room.restart()
    room.wait_mark("long", "end")
    chance = random.Random(SEED)
    print("seed %d" % SEED)
    for _ in range(12 if room.ours else 0):
        time.sleep(chance.uniform(0.01, 1.2))
        room.restart()
    end = time.time() + 20 * lab.slowness()
    while not room.mails() and time.time() < end:
        time.sleep(0.1)
    if not room.mails():
        raise Fault("output and exit status lost")
    if room.ours:
        outcome(room, "long", "code=3")
    elif not room.log("status 3|code=3|failed with"):
        room.note("exit status nowhere")


def f02(room):
    """kill -9 between the claim of a start and its fork
    at most one start; on record and told; no rerun"""
    if room.ours:
        room.conf('webhook "w" { url = "%s" users = yes }\n' % room.receiver().url)
    room.job("due", options="alert=webhook:w" if room.ours else "")
    room.start()
    room.instants(1)
    for call in ("mkdirat", "writev", "sendto", "pwrite64") if room.ours else (FORKS,):
        with room.injected(room.daemon.pid, "inject=%s:signal=KILL" % call):
            room.died(call)
        room.start()
        room.instants(1)
    if room.ours:
        with room.fault(), room.injected(room.forker(), "inject=%s:signal=KILL" % FORKS):
            room.instants(1)


def f03(room):
    """kill -9 between the fork and the record of its pid
    the run is found again, or on record as lost; never twice"""
    room.job("due", "sleep 0.2")
    room.start()
    room.instants(1)
    if not room.ours:
        starts = len(room.marks("start", "due"))
        room.wait_mark("due", count=starts + 1)
        room.restart()
        return
    for number in range(1, 7):  # its keeper, at each of its writes into the record
        with room.fault(), room.injected(room.forker(), "inject=pwrite64:signal=KILL:when=%d" % number, follow=True):
            room.instants(2)
    with room.fault(), room.injected(room.forker(), "inject=pwrite64:error=EIO:when=2+", follow=True):
        room.instants(2)
    room.wait_for(lambda: room.log("who it is cannot be put on file"), PATIENCE, "word of the failed mark")
    with room.injected(room.daemon.pid, "inject=recvmmsg:signal=KILL:when=2"):
        room.died("recvmmsg")
    room.start()


def f04(room):
    """kill -9 of the process that watches a job
    the job is not killed unseen; the run is on record as lost; the next ones start"""
    at = room.next_due()
    room.job("shot", "sleep 3; echo still; sleep 1; echo here", at=at)
    room.start()
    pid = room.wait_mark("shot", deadline=at - time.time() + room.patience()).pid
    os.kill(room.shim(pid), signal.SIGKILL)
    time.sleep(6)
    if room.ours:
        outcome(room, "shot", "result=lost")
    if not room.marks("end", "shot"):
        raise Fault("job killed by SIGPIPE" + ("" if room.log("lost") else ", silent"))
    if not room.ours and not room.mails():
        raise Fault("job ends, no word of it")


def f05(room):
    """fork fails (EAGAIN) in who forks for each job
    tried again, or on record as not started; nothing silent; what is due later starts"""
    room.job("due")
    room.start()
    room.instants(1)
    with room.fault(), room.injected(room.forker(), "inject=%s:error=EAGAIN" % FORKS):
        room.instants(2)


def f06(room):
    """fork of the job fails (EAGAIN) in the process that watches it
    tried again, or on record as not started; nothing silent; what is due later starts"""
    room.job("due")
    room.start()
    room.instants(1)
    if room.kind == "busybox":
        raise HasNone("no process per job")
    try:
        pids = room.cgroup("pids")
    except Skip:  # then each process' first one fails
        with room.fault(), room.injected(room.forker(), "inject=%s:error=EAGAIN:when=1" % FORKS, follow=True):
            room.instants(3)
        return
    with room.fault():
        tell(pids + "/cgroup.procs", room.forker())
        tell(pids + "/pids.max", int(lab.read(pids + "/pids.current")) + 1)
        room.instants(2)
        tell(pids + "/pids.max", "max")


def f07(room):
    """exec fails: ENOENT, EACCES, ENOEXEC, E2BIG
    the run failed for that reason by name, which is not exit status 127 of a shell"""
    lab.put(OUT + "/noexec", b"\1\2\3\n", 0o755)
    at = room.next_due() + (0 if room.ours else 60)
    why = {"enoent": ("/no/such/shell", "No such file"), "eacces": ("/etc/hostname", "Permission denied"),
           "enoexec": (OUT + "/noexec", "Exec format error")}
    for name, (shell, _) in why.items():
        room.person(name)
        job = room.job(name, user=name, at=at)
        room.table(name, "SHELL=%s\n%s" % (shell, job.text))
        room.forget(job)
    room.job("e2big", "exit 127")
    room.start()
    room.sleep_until(at + (2 if room.ours else 5))
    with room.fault(), room.injected(room.forker(), "inject=execve:error=E2BIG", follow=True):
        room.instants(1)
    told = [name for name in why if room.log(name) and (not room.ours or room.log(
        r"FAIL job=%s:%s .*result=spawn .*%s" % (name, name, why[name][1])))]
    reasons = sum(bool(room.log(text)) or any(text in mail for _, _, mail in room.mails())
                  for _, text in why.values())
    if room.ours:
        room.wait_log("FAIL job=alice:e2big .*result=spawn .*Argument list too long")
        room.wait_log("FAIL job=alice:e2big .*result=exit code=127")
        if len(told) < 3:
            raise Fault("not said why: %s" % ", ".join(set(why) - set(told)))
    elif reasons < 3:
        raise Fault("%d of 4 reasons nowhere" % (4 - reasons))


def f08(room):
    """EMFILE: 20 descriptors (ours: 40), 60 jobs due at once
    queued; all of them start"""
    at = room.next_due(5 if room.ours else 60)
    for number in range(60):
        room.job("j%d" % number, "sleep 1", at=at, end=False)
    if room.ours:  # too few to begin with are refused, not taken for tables that are not there
        refused = room.launch("-f", preexec_fn=room.limited(nofile=20))
        if refused.wait(PATIENCE * lab.slowness()) != 1 or "open files is 20" not in lab.read(room.errors):
            raise Fault("starts with too few descriptors")
    room.start(preexec_fn=room.limited(nofile=40 if room.ours else 20))
    with room.fault():
        room.sleep_until(at)
        end = time.time() + 30 * lab.slowness()
        while time.time() < end and len(room.marks()) < 60:
            time.sleep(0.2)
        time.sleep(2)
    started = {mark.name for mark in room.marks()} - {"pulse"}
    if room.ours and len(started) < 60:
        raise Fault("%d of 60 started" % len(started))


def descriptors(room):
    pids = {room.daemon.pid, room.forker()}
    return sum(len(os.listdir("/proc/%d/fd" % pid)) for pid in pids)


def f09(room):
    """no memory, pipe or socket for the Nth call
    for each N: on record, nothing twice; the daemon lives and leaks no descriptor"""
    room.job("due", "echo x")
    room.start()
    room.instants(1)
    had = descriptors(room)
    sweep = ["%s:when=%d" % (what, number) for what in (
        "pipe,pipe2,socketpair,socket:error=EMFILE", "mmap,brk:error=ENOMEM")
        for number in ((1, 2, 3) if room.ours else (1,))]
    for one in sweep:
        with room.fault(), room.injected(room.forker(), "inject=" + one, follow=True):
            room.instants(1)
        if room.ours:
            with room.fault(), room.injected(room.daemon.pid, "inject=" + one):
                room.instants(1)
    if room.ours:
        at = room.next_due()
        room.job("bad", "sleep 1.5; exit 3", at=at)
        room.wait_mark("bad")
        with room.fault(), room.injected(room.daemon.pid, "inject=openat:error=EMFILE"):
            room.wait_mark("bad", "end")  # its outcome cannot be read yet
            room.instants(1)
        outcome(room, "bad", "result=exit code=3")
    if descriptors(room) > had + 2:
        raise Fault("%d descriptors leaked" % (descriptors(room) - had))


# Where root lacks the capability to spare a process, the daemon is only told that it is.
SPARED = """echo -500 2>/dev/null >/proc/$$/oom_score_adj || {
    echo 30 >/proc/$$/oom_score_adj
    echo -500 >%s/spared
    mount --bind %s/spared /proc/$$/oom_score_adj
}
exec "$@"
""" % (ROOM, ROOM)


def f10(room):
    """a job that takes all memory (a cgroup of 64 MB)
    the kernel ends the job and not the daemon; on record; jobs do not inherit that the daemon is spared"""
    room.job("score", "cat /proc/self/oom_score_adj >>%s/score" % OUT)
    most = 1000000  # KB: should the cgroup not hold it, before the machine's own memory is gone
    room.start(under=["sh", "-c", SPARED, "sh"])
    memory = None
    try:
        memory = room.cgroup("memory")
        limit = "/memory.max" if os.path.exists(memory + "/memory.max") else "/memory.limit_in_bytes"
        tell(memory + limit, 64 << 20)
        for pid in room.below(room.daemon.pid):
            with contextlib.suppress(ProcessLookupError):  # it may have ended
                tell(memory + "/cgroup.procs", pid)
    except (Skip, OSError) as why:
        room.note("no cgroup for memory")
        print(why)
        most = 1 << 16
    at = room.next_due(3)
    room.job("eater", "ulimit -v %d; exec tail /dev/zero" % most, at=at, end=False)
    mark = room.wait_mark("eater", deadline=at - time.time() + room.patience())
    room.wait_for(lambda: not lab.alive(mark.pid), 60, "the end of the job")
    if room.ours:
        outcome(room, "eater", "result=(oom|signal signal=KILL|exit code=1)")
    room.wait_mark("score", "end")
    check(lab.read("/proc/%d/oom_score_adj" % room.daemon.pid).strip() == "-500", "the daemon is not spared")
    score = int(room.lines("score")[-1])
    if score < 0 or room.ours and score:
        raise Fault("jobs inherit that the daemon is spared: %d" % score)
    if not room.ours and not (room.log("signal|status") or room.mails()):
        raise Fault("nobody is told")


def f11(room):
    """SIGSTOP of the daemon for two minutes (ours: 65 s)
    each missed instant is started, or on record; no run is taken for running still"""
    room.counts_only = not room.ours
    room.job("due")
    room.start()
    room.instants(1)
    with room.fault():
        room.daemon.send_signal(signal.SIGSTOP)
        time.sleep(65 if room.ours else 130)
        room.daemon.send_signal(signal.SIGCONT)
        room.instants(1)
    if room.ours:
        room.wait_log(r"SKIPPED job=alice:due run=\S+ result=skipped")


f11.long = True
