# crontab_deaths: crontab(1) with full disks, limits, signals, errors and deaths at any step.
# Flow: crontab_test runs each check_* in a clean lab; an AssertionError is a failure.

import contextlib
import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

from crontab_cases import GOOD, OLD, mine, table
from crontab_checks import body, collect, expect, read, temporary, tool
from crontab_lab import CRONIE, CRONTAB_GID, SPOOL, USERS, Call, Put

RIGHTS = "mode=0700" if CRONIE else "mode=1730,gid=%d" % CRONTAB_GID
STEPS = ("openat", "write", "fchmod", "fsync", "renameat", "utimensat", "close", "fchown", "flock")


def check_full_spool(lab):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k," + RIGHTS, "lab", SPOOL], check=True)
    try:
        table("alice").do(lab)
        before = os.stat(SPOOL + "/alice").st_ino
        for args in (("alice",), ("root", "-u", "alice")):
            status, _, err = tool(lab, *args, "-", stdin=b"1 * * * * x\n" * 30000)
            user = args[0]
            assert status == 1 and b"No space left on device" in err, (user, err)
            expect((body(), temporary()), (OLD, []), "the spool")
        status, _, err = tool(lab, "alice", "-e",
                              env={"EDITOR": "yes '1 * * * * x' | head -30000 | tee"})
        assert status == 1 and b"edits left in /tmp/crontab." in err, err
        expect((body(), temporary()), (OLD, []), "the spool after an edit")
        expect(os.stat(SPOOL + "/alice").st_ino, before, "the very same file")
    finally:
        subprocess.run(["umount", SPOOL], check=True)


def check_read_only_spool(lab):
    subprocess.run(["mount", "-t", "tmpfs", "-o", RIGHTS, "lab", SPOOL], check=True)
    try:
        table("alice").do(lab)
        subprocess.run(["mount", "-o", "remount,ro", SPOOL], check=True)
        for args in (("-",), ("-r",)):
            status, _, err = tool(lab, "alice", *args, stdin=GOOD)
            assert status == 1 and b"Read-only file system" in err, err
        expect((body(), tool(lab, "alice", "-l")[0]), (OLD, 0), "the table")
    finally:
        subprocess.run(["umount", SPOOL], check=True)


def check_file_size_limit(lab):
    table("alice").do(lab)
    call = Call("alice", "-")
    p = lab.popen("tool", call, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
    _, err = p.communicate(b"1 * * * * x\n" * 5000, timeout=60)
    assert p.returncode == 1 and b"File too large" in err, (p.returncode, err)
    expect((body(), temporary()), (OLD, []), "the spool")


def traced(lab, user, args, stdin, inject, trace="/tmp/trace"):
    """A call under strace with something injected: (status, stderr)."""
    uid, gid = USERS[user]
    command = ["strace", "-f", "-qq", "-o", trace, "-u", user]
    for rule in inject:
        command += ["-e", rule]
    p = subprocess.run(command + [lab.binary("tool"), *args], input=stdin, timeout=60,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       env={"PATH": "/usr/bin:/bin", "LANG": "C"})
    return p.returncode, p.stderr


def strace_works(lab):
    if not shutil.which("strace"):
        return False
    status, err = traced(lab, "alice", ["-"], GOOD, [])
    if b"pam configuration" in err: # LeakSanitizer ends a crontab-account that is traced
        lab.pam = False
        lab.clean()
        status, err = traced(lab, "alice", ["-"], GOOD, [])
    return status == 0 and body() == GOOD


def check_deaths_at_each_step(lab):
    """KILL at the Nth call of each kind: the old table or the new one, never a part."""
    if not strace_works(lab):
        return "no strace, or no setgid under it"
    new = b"4 4 * * * new\n" * 3000
    deaths = 0
    for step in STEPS:
        for n in range(1, 60):
            lab.clean()
            table("alice").do(lab)
            status, _ = traced(lab, "alice", ["-"], new,
                               ["trace=" + step, "inject=%s:signal=KILL:when=%d" % (step, n)])
            assert body() in (OLD, new), "%s %d: %r" % (step, n, (body() or b"")[:100])
            assert all(x == "alice" or x.startswith(".tmp.") for x in os.listdir(SPOOL))
            if status == 0:
                break
            deaths += 1
        else:
            raise AssertionError("%s never ends" % step)
    assert deaths >= 12, "only %d deaths: nothing was tested" % deaths


def check_errors_at_each_step(lab):
    """The Nth call of each kind fails: the old table and status 1, or the new one."""
    if not strace_works(lab):
        return "no strace, or no setgid under it"
    new = b"4 4 * * * new\n" * 3000
    failures = 0
    for user in ("alice", "root"):
        args = ["-u", "alice", "-"] if user == "root" else ["-"]
        for step in ("write", "fchmod", "fsync", "renameat", "fchown"):
            for n in range(1, 30):
                lab.clean()
                table("alice").do(lab)
                status, err = traced(lab, user, args, new,
                                     ["trace=" + step, "inject=%s:error=EIO:when=%d" % (step, n)])
                what = "%s %s %d: status %d %r" % (user, step, n, status, err)
                assert body() == (new if status == 0 else OLD), what
                assert not temporary(), what
                assert status == 0 or err, "no word: " + what
                if "INJECTED" not in read("/tmp/trace").decode():
                    break
                failures += 1
    assert failures >= 8, "only %d failures: nothing was tested" % failures


def check_durable(lab):
    """Written, synced, renamed, synced again."""
    if not strace_works(lab):
        return "no strace, or no setgid under it"
    for user in ("alice", "root"):
        traced(lab, user, ["-"], GOOD, ["trace=write,fsync,renameat,exit_group"])
        steps = re.findall(r"^\d+ +(write|fsync|renameat)\((\d+|AT_FDCWD)", read("/tmp/trace").decode(),
                           re.M)
        names = "".join(s[0][0] for s in steps)
        assert re.search("wfrf", names), "%s: %r" % (user, steps)


def children(parent):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = read("/proc/%s/stat" % pid).decode(errors="replace")
        except OSError:
            continue  # it has ended
        if stat and int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(pid))
    return found


def installed_and_shot(lab, text, sig):
    """An install that is sent a signal once its temporary file is there; it syncs slowly."""
    done = threading.Event()

    def shoot():
        while not done.wait(0.02):
            if temporary():
                for pid in children(p.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, sig)
                return
    p = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/tmp/trace", "-u", "alice", "-e",
         "inject=fsync:delay_enter=400000:when=1", lab.binary("tool"), "-"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    shooter = threading.Thread(target=shoot)
    shooter.start()
    p.communicate(text, timeout=60)
    done.set()
    shooter.join()


def check_signals_while_installing(lab):
    if not strace_works(lab):
        return "no strace, or no setgid under it"
    new = b"4 4 * * * new\n"
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for _ in range(9):  # it stays but for a moment where this can happen
            lab.clean()
            table("alice").do(lab)
            installed_and_shot(lab, new, sig)
            expect((temporary(), body()), ([], new), "after %s" % sig.name)
            if "--- " + sig.name in read("/tmp/trace").decode():
                break
        else:
            raise AssertionError("%s was never sent in time" % sig.name)


def check_stuck_log(lab):
    """Nobody reads /dev/log: the lines are lost, the work is done."""
    mine("f", GOOD).do(lab)
    sent = fill_log()
    before = time.monotonic()
    for _ in range(5):
        status, _, err = tool(lab, "alice", "f")
        expect((status, err), (0, b""), "status")
    assert time.monotonic() - before < 60, "waited too long"
    expect(len(lab.logged()), sent, "lines in a full queue")


def fill_log():
    """How many lines its queue has taken: as many as this machine allows, of several senders."""
    sent = 0
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
            s.connect("/dev/log")
            try:
                s.send(b"x")
                sent += 1
            except BlockingIOError:
                return sent


def check_many_at_once(lab):
    tables = [b"%d 1 * * * x\n" % i * 2000 for i in range(12)]
    calls = [lab.popen("tool", Call("alice", "-"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
             for _ in tables]
    for p, data in zip(calls, tables):
        p.stdin.write(data)
        p.stdin.close()
    expect([p.wait(timeout=60) for p in calls], [0] * len(calls), "statuses")
    assert body() in tables, "a mixture"
    expect(temporary(), [], "temporary files")


def left_behind(number=0, user="alice", data=b"1 * * * * half"):
    """What a killed crontab leaves of a table for alice."""
    uid, gid = USERS[user]
    path = "%s/.tmp.%s.alice.%d.%d" % (SPOOL, os.uname().nodename, uid, number)
    with open(path, "wb") as f:
        f.write(data)
    os.chown(path, 0 if CRONIE else uid, gid)
    os.chmod(path, 0o600)
    return path


def check_what_is_left_behind_is_swept(lab):
    """By the next call of the same user for the same one, and never another's."""
    for args in (("-",), ("-r",)):
        table("alice").do(lab)
        for number in (0, 3, 15):
            left_behind(number)
        theirs = left_behind(user="root")
        expect(tool(lab, "alice", *args, stdin=GOOD)[0], 0, "status")
        expect(temporary(), [os.path.basename(theirs)], "what is left")
        os.unlink(theirs)


def check_what_is_in_use_is_not_swept(lab):
    """Somebody slow holds the first place: the next writer takes another."""
    table("alice").do(lab)
    path = left_behind()
    with open(path, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        expect(tool(lab, "alice", "-", stdin=GOOD)[0], 0, "status")
        expect((body(), temporary()), (GOOD, [os.path.basename(path)]), "the spool")
    expect(tool(lab, "alice", "-", stdin=GOOD)[0], 0, "status")
    expect(temporary(), [], "once it is free")


def check_what_is_left_behind_is_no_link(lab):
    """Whatever stands in a place's name is never written to."""
    Put("/etc/secret", b"secret\n").do(lab)
    for make in (os.symlink, os.link):
        table("alice").do(lab)
        path = left_behind()
        os.unlink(path)
        shutil.copy("/etc/secret", SPOOL + "/secret")
        make("/etc/secret" if make is os.symlink else SPOOL + "/secret", path)
        expect(tool(lab, "alice", "-", stdin=GOOD)[0], 0, "status")
        expect((body(), read("/etc/secret")), (GOOD, b"secret\n"), "the spool")
        expect(read(SPOOL + "/secret"), b"secret\n", "the link's target")
        lab.clean()


def check_quota(lab):
    """What a quota refuses, at the first write or when it is to reach the disk."""
    if not strace_works(lab):
        return "no strace, or no setgid under it"
    for step in ("write", "fsync"):
        lab.clean()
        table("alice").do(lab)
        status, err = traced(lab, "alice", ["-b", "-"] if CRONIE else ["-"], GOOD,
                             ["trace=" + step, "inject=%s:error=EDQUOT:when=1" % step])
        assert status == 1 and err.endswith(b": Disk quota exceeded\n"), (step, err)
        expect((err.count(b"\n"), body(), temporary()), (1, OLD, []), "the spool")


CHECKS = collect(globals())
