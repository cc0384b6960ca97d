# crontab_faults: what crontab(1) does where Debian's is no measure: its own rules,
# attacks through the edit copy, full disks, signals and deaths at any step.
# Flow: crontab_test runs each check_* in a clean lab; an AssertionError is a failure.

import fcntl
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time

from crontab_cases import GOOD, OLD, allow, deny, mine, table
from crontab_lab import CRONTAB_GID, HOME, ROOT, SPOOL, USERS, Call, Put

STEPS = ("openat", "write", "fchmod", "fsync", "renameat", "utimensat", "close", "fchown")


def expect(got, wanted, what):
    assert got == wanted, "%s: wanted %r, got %r" % (what, wanted, got)


def tool(lab, *args, **more):
    return lab.call("tool", Call(*args, **more))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def body(user="alice"):
    """A user's table without its header, None if there is none."""
    path = "%s/%s" % (SPOOL, user)
    if not os.path.exists(path):
        return None
    data = read(path)
    return data.split(b"\n", 3)[3] if data.startswith(b"# DO NOT EDIT") else data


def temporary():
    return [n for n in os.listdir(SPOOL) if n.startswith("tmp.")]


def refused(lab, data, message):
    """An install of data over OLD: refused with message, and OLD stands."""
    table("alice").do(lab)
    mine("f", data).do(lab)
    status, out, err = tool(lab, "alice", "f")
    assert status == 1 and message in err, "%r: %d %r" % (data[:60], status, err[:300])
    expect((out, body()), (b"", OLD), "after a refusal")


# --- rules of its own


def check_line_numbers(lab):
    for data, where in ((b"61 * * * * x\n", 1), (b"# a\n\n61 * * * * x\n", 3),
                        (b"1 * * * * x\n* * * *\n", 2), (b"A=b\n@often x\n", 2),
                        (b"\n" * 99 + b"1 2 3 13 * x\n", 100)):
        refused(lab, data, b'"f":%d: bad ' % where)


def check_junk_behind_numbers(lab):
    for field in ("0.5", "5*", "1-5-7", "6#3", "*1", "*foo", "0~30"):
        refused(lab, field.encode() + b" * * * * x\n", b'"f":1: bad minute\n')


def check_nul(lab):
    for data in (b"1 * * * * a\0b\n", b"1 * \0 * * a\n", b"\0\n", b"# a\0b\n", b"A=b\0c\n"):
        refused(lab, data, b'"f":1: NUL byte in line\n')


def check_option_comments(lab):
    refused(lab, b"#@ timeout=soon\n1 * * * * x\n", b'"f":1: bad option for line 2: ')


def check_questions_end_at_eof(lab):
    table("alice").do(lab)
    status, out, err = tool(lab, "alice", "-ri")
    expect((status, body()), (0, OLD), "remove at end of input")
    status, out, err = tool(lab, "alice", "-ri", stdin=b"perhaps")
    expect((status, body()), (0, OLD), "remove, half an answer")
    status, out, err = tool(lab, "alice", "-e", editor="bad")
    expect((status, body()), (0, OLD), "edit at end of input")
    assert re.search(rb"edits left in (/tmp/crontab\.\w{6}/crontab)\n$", err), err


def check_edit_compares_contents(lab):
    table("alice").do(lab)
    status, _, err = tool(lab, "alice", "-e", editor="resave")
    expect((status, err), (0, b"No modification made\n"), "saved without a change")
    stamp = "touch -d 2020-01-01"
    editor = 'sh -c \'echo "2 2 * * * new" >>"$0"; %s "$0"\'' % stamp
    status, _, err = tool(lab, "alice", "-e", env={"EDITOR": editor})
    expect((status, err), (0, b"crontab: installing new crontab\n"), "changed, old date")
    expect(body(), OLD + b"2 2 * * * new\n", "the table")


def check_no_files(lab):
    os.mkfifo("/tmp/fifo", 0o666)
    table("alice").do(lab)
    for path in ("/tmp/fifo", "/dev/zero", "/dev/tty", "/tmp"):
        before = time.monotonic()
        status, _, err = tool(lab, "alice", path)
        assert status == 1 and path.encode() in err, (path, err)
        assert time.monotonic() - before < 5, "waited for " + path
    expect(body(), OLD, "the table")
    os.unlink(SPOOL + "/alice")
    os.mkfifo(SPOOL + "/alice")
    os.chown(SPOOL + "/alice", 2001, CRONTAB_GID)
    for args in (("-l",), ("-e",)):
        status, out, err = tool(lab, "alice", *args, editor="add")
        assert status == 1 and b"crontabs/alice/" in err, (args, err)


def check_table_link(lab):
    Put("/etc/secret", b"1 1 1 1 1 secret\n", "root", 0o640, group="crontab").do(lab)
    os.symlink("/etc/secret", SPOOL + "/alice")
    for args in (("-l",), ("-e",)):
        status, out, err = tool(lab, "alice", *args, editor="show")
        assert status == 1 and b"secret" not in out + err, (out, err)


def check_sizes(lab):
    for data in (b"1 * * * * x\n" * 20000, b"1 * * * * " + b"x" * 100000 + b"\n",
                 b"# " + b"c" * 3000000 + b"\n1 * * * * x\n"):
        status, _, err = tool(lab, "alice", "-", stdin=data)
        expect((status, err, body()), (0, b"", data), "a large table")
    status, out, _ = tool(lab, "alice", "-l", env={"CRONTAB_NOHEADER": "Y"})
    expect((status, out), (0, data), "its listing")
    with open(HOME + "/alice/f", "wb") as f:
        f.write(b"#\n")
        f.truncate((64 << 20) + 1)
    for args in (("f",), ("-n", "f")):
        status, _, err = tool(lab, "alice", *args)
        expect((status, err), (1, b"crontab: f: larger than 64 MB, can't install.\n"), "huge")
    expect(body(), data, "after a refusal")


def check_long_file_name(lab):
    name = "n" * 200
    mine(name, GOOD).do(lab)
    mine("n" * 99, b"1 * * * * cut\n").do(lab)
    expect(tool(lab, "alice", name)[0], 0, "status")
    expect(body(), GOOD, "the table")


def check_file_name_in_header(lab):
    name = "x\n* * * * * evil\n#"
    mine(name, GOOD).do(lab)
    expect(tool(lab, "alice", name)[0], 0, "status")
    expect(body(), GOOD, "the table behind its three lines")


def check_lists_fail_closed(lab):
    for file, status in ((deny("alice"), 1), (deny("bob\nalice"), 1), (deny("alicex"), 1),
                         (deny("bob"), 1), (allow("alice"), 1)):
        lab.clean()
        file.do(lab)
        got, _, err = tool(lab, "alice", "-l")
        denied = b"not allowed to use" in err
        wanted = file.data.decode().split("\n")[-1] == "alice"
        expect((got, denied), (status, wanted), repr(file.data))
    lab.clean()
    os.mkdir("/etc/cron.deny")
    status, _, err = tool(lab, "alice", "-l")
    os.rmdir("/etc/cron.deny")
    assert status == 1 and b"not allowed to use" in err, err


# --- attacks through what the caller controls


def check_editor_swaps(lab):
    secret = read("/etc/shadow")
    before = os.stat("/etc/shadow")
    table("bob", b"2 2 * * * bobs\n").do(lab)
    for user in ("alice", "root"):
        for target in ("/etc/shadow", SPOOL + "/bob", "/dev/zero"):
            table(user).do(lab)
            editor = "ln -sf %s" % target
            status, out, err = tool(lab, user, "-e", env={"EDITOR": editor})
            assert status == 1 and b"must remain a regular file" in err, (target, err)
            assert secret[:20] not in out + err and b"bobs" not in out + err
            expect(body(user), OLD, "the table")
    for editor in ("dir", "fifo"):
        status, _, err = tool(lab, "alice", "-e", editor=editor)
        assert status == 1 and b"must remain a regular file\n" in err, err
    after = os.stat("/etc/shadow")
    for field in ("st_ino", "st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_size"):
        expect(getattr(after, field), getattr(before, field), field)
    expect(body("bob"), b"2 2 * * * bobs\n", "the other's table")


def check_editor_swaps_directory(lab):
    """The directory's name leads elsewhere when the editor ends: the descriptor does not."""
    os.mkdir("/tmp/other")
    Put("/tmp/other/crontab", b"3 3 * * * planted\n", "bob", 0o644).do(lab)
    table("alice").do(lab)
    editor = 'sh -c \'d=$(dirname "$0"); mv "$d" "$d.away"; ln -s /tmp/other "$d"\''
    status, _, err = tool(lab, "alice", "-e", env={"EDITOR": editor})
    expect((status, err, body()), (0, b"No modification made\n", OLD), "edit")
    assert os.path.exists("/tmp/other/crontab"), "a file of another directory was removed"


def check_foreign_copy(lab):
    Put("/tmp/theirs", b"3 3 * * * theirs\n", "bob", 0o666).do(lab)
    table("root").do(lab)
    status, _, err = tool(lab, "root", "-e", env={"EDITOR": "cp -p /tmp/theirs"})
    assert status == 1 and b"no longer owned by you" in err, err
    expect(body("root"), OLD, "the table")


def check_editor_rights(lab):
    """The editor has the caller's rights and nothing else, in whatever state we start."""
    def spoil():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
    editor = "grep -E '^(Uid|Gid|Groups|Sig[BI])' /proc/self/status; ls /proc/self/fd; true"
    call = Call("alice", "-e", env={"EDITOR": editor})
    p = lab.popen("tool", call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=spoil)
    out, err = p.communicate(timeout=20)
    lines = out.decode().split("\n")
    expect(p.returncode, 0, "status " + err.decode())
    expect(lines[0].split()[1:], ["2001"] * 4, "uids")
    expect(lines[1].split()[1:], ["2001"] * 4, "gids")
    for mask in lines[3:5]:
        # 32 and 33 are the C library's own: signal(2) there cannot set them.
        expect(int(mask.split()[1], 16) & ~(3 << 31), 0, mask)
    expect(lines[5:9], ["0", "1", "2", "3"], "descriptors (3 is ls's own)")


def check_tmpdir(lab):
    os.mkdir("/tmp/evil")
    os.chmod("/tmp/evil", 0o777)
    editor = {"EDITOR": "dirname $(dirname", "TMPDIR": "/tmp/evil"}
    editor["EDITOR"] = 'sh -c \'dirname "$(dirname "$0")"\''
    expect(tool(lab, "alice", "-e", env=editor)[1], b"/tmp\n", "setgid ignores TMPDIR")
    expect(tool(lab, "root", "-e", env=editor)[1], b"/tmp\n", "so for root")
    with plain(lab):
        expect(tool(lab, "root", "-e", env=editor)[1], b"/tmp/evil\n", "without setgid")
        editor["TMPDIR"] = "evil"
        expect(tool(lab, "root", "-e", env=editor)[1], b"/tmp\n", "a relative one")
        os.mkdir("/tmp/a b;$(id)")
        editor["TMPDIR"] = "/tmp/a b;$(id)"
        expect(tool(lab, "root", "-e", env=editor)[1], b"/tmp/a b;$(id)\n", "odd characters")
    expect(os.listdir("/tmp/evil"), [], "nothing stays")


class plain:
    """The program without its setgid bit."""

    def __init__(self, lab):
        self.path = lab.binary("tool")

    def __enter__(self):
        os.chmod(self.path, 0o755)

    def __exit__(self, *error):
        os.chmod(self.path, 0o2755)


def check_without_setgid(lab):
    with plain(lab):
        mine("f", GOOD).do(lab)
        expect(tool(lab, "root", "-u", "alice", HOME + "/alice/f")[0], 0, "root installs")
        st = os.stat(SPOOL + "/alice")
        expect((st.st_uid, st.st_mode & 0o7777, body()), (2001, 0o600, GOOD), "the table")
        status, _, err = tool(lab, "alice", "f")
        expect((status, err), (1, b"/var/spool/cron/: mkstemp: Permission denied\n"), "alice")
        expect(tool(lab, "alice", "-r")[0], 1, "alice removes")
    expect(body(), GOOD, "the table")


def check_umask(lab):
    table("alice").do(lab)
    call = Call("alice", "-e", editor="add")
    p = lab.popen("tool", call, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                  preexec_fn=lambda: os.umask(0o777))
    _, err = p.communicate(timeout=20)
    expect(p.returncode, 0, repr(err))
    expect(os.stat(SPOOL + "/alice").st_mode & 0o7777, 0o600, "mode")
    expect(body(), OLD + b"7 7 * * * added\n", "the table")


def check_closed_descriptors(lab):
    """A message never lands in a table that got descriptor 2."""
    for closed in ((2,), (1, 2), (0, 1, 2)):
        table("alice").do(lab)
        call = Call("alice", "-", stdin=b"61 * * * * x\n")
        p = lab.popen("tool", call, preexec_fn=lambda: [os.close(n) for n in closed])
        try:
            p.stdin.write(b"61 * * * * x\n")
            p.stdin.close()
        except BrokenPipeError:
            pass
        p.wait(timeout=20)
        data = read(SPOOL + "/alice")
        assert b"bad minute" not in data, data
        if 0 not in closed:
            expect((p.returncode, body()), (1, OLD), "closed %r" % (closed,))


def check_listing_ends(lab):
    table("alice", b"1 * * * * x\n" * 100000).do(lab)
    for ignored in (False, True):
        p = lab.popen("tool", Call("alice", "-l"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                      preexec_fn=lambda: signal.signal(
                          signal.SIGPIPE, signal.SIG_IGN if ignored else signal.SIG_DFL))
        p.stdout.read(10)
        p.stdout.close()
        expect(p.stderr.read(), b"", "on standard error")
        expect(p.wait(timeout=20), 1 if ignored else -signal.SIGPIPE, "status")
    with open("/dev/full", "wb") if os.path.exists("/dev/full") else open("/dev/null") as full:
        p = lab.popen("tool", Call("alice", "-l"), stdout=full, stderr=subprocess.PIPE)
        _, err = p.communicate(timeout=20)
    assert p.returncode == 1 and b"No space left" in err, err


def check_answers_leave_the_rest(lab):
    """What follows an answer is the editor's input."""
    table("alice").do(lab)
    editor = 'sh -c \'if grep -q ^61 "$0"; then head -1 >"$0"; else echo "61 * * * * x" >"$0"; fi\''
    status, _, err = tool(lab, "alice", "-e", env={"EDITOR": editor},
                          stdin=b"y\n5 5 * * * typed\n")
    expect((status, body()), (0, b"5 5 * * * typed\n"), repr(err))


# --- full disks, limits, signals, deaths


def check_full_spool(lab):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=1730,gid=%d" % CRONTAB_GID,
                    "lab", SPOOL], check=True)
    try:
        table("alice").do(lab)
        before = os.stat(SPOOL + "/alice").st_ino
        for user in ("alice", "root"):
            status, _, err = tool(lab, user, "-u", "alice", "-", stdin=b"1 * * * * x\n" * 50000)
            assert status == 1 and b"No space left on device" in err, (user, err)
            expect((body(), temporary()), (OLD, []), "the spool")
        status, _, err = tool(lab, "alice", "-e",
                              env={"EDITOR": "yes '1 * * * * x' | head -50000 | tee"})
        assert status == 1 and b"edits left in /tmp/crontab." in err, err
        expect((body(), temporary()), (OLD, []), "the spool after an edit")
        expect(os.stat(SPOOL + "/alice").st_ino, before, "the very same file")
    finally:
        subprocess.run(["umount", SPOOL], check=True)


def check_read_only_spool(lab):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1730,gid=%d" % CRONTAB_GID, "lab", SPOOL],
                   check=True)
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
    _, err = p.communicate(b"1 * * * * x\n" * 5000, timeout=20)
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
            assert all(re.fullmatch(r"tmp\.\w{6}|alice", x) for x in os.listdir(SPOOL))
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
        for step in ("write", "fchmod", "fsync", "renameat", "fchown"):
            for n in range(1, 30):
                lab.clean()
                table("alice").do(lab)
                status, err = traced(lab, user, ["-u", "alice", "-"], new,
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


def check_signals_while_installing(lab):
    if not strace_works(lab):
        return "no strace, or no setgid under it"
    new = b"4 4 * * * new\n"
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        lab.clean()
        table("alice").do(lab)
        done = threading.Event()

        def shoot():
            while not done.wait(0.02):
                if temporary():
                    for pid in children(p.pid):
                        os.kill(pid, sig)
                    return
        p = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/tmp/trace", "-u", "alice", "-e",
             "inject=fsync:delay_enter=400000:when=1", lab.binary("tool"), "-"],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        shooter = threading.Thread(target=shoot)
        shooter.start()
        p.communicate(new, timeout=60)
        done.set()
        shooter.join()
        assert sig.name in read("/tmp/trace").decode(), "%s was not sent in time" % sig.name
        expect((temporary(), body()), ([], new), "after %s" % sig.name)


def check_stuck_log(lab):
    """Nobody reads /dev/log: the lines are lost, the work is done."""
    mine("f", GOOD).do(lab)
    before = time.monotonic()
    for _ in range(15):
        status, _, err = tool(lab, "alice", "f")
        expect((status, err), (0, b""), "status")
    assert time.monotonic() - before < 30, "waited too long"
    assert 8 < len(lab.logged()) < 15, "the log's queue was never full"


def check_many_at_once(lab):
    tables = [b"%d 1 * * * x\n" % i * 2000 for i in range(12)]
    calls = [lab.popen("tool", Call("alice", "-"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
             for _ in tables]
    for p, data in zip(calls, tables):
        p.stdin.write(data)
        p.stdin.close()
    expect([p.wait(timeout=30) for p in calls], [0] * len(calls), "statuses")
    assert body() in tables, "a mixture"
    expect(temporary(), [], "temporary files")


CHECKS = {name[6:].replace("_", " "): f for name, f in sorted(globals().items())
          if name.startswith("check_")}


def run(lab, name):
    """'' when good, else what is wrong; None and a reason in a tuple when it cannot run."""
    lab.clean()
    try:
        why = CHECKS[name](lab)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return str(error) or "failed", None
    return "", why
