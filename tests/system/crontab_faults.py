# crontab_faults: what crontab(1) does where Debian's is no measure: its own rules,
# attacks through what the caller controls.
# Flow: crontab_test runs each check_* in a clean lab; an AssertionError is a failure.

import os
import re
import shutil
import signal
import subprocess
import time

from crontab_cases import GOOD, OLD, allow, deny, mine, table
from crontab_checks import CHECK, UNCHANGED, body, collect, expect, read, refused, tool
from crontab_lab import CRONIE, CRONTAB_GID, HOME, SPOOL, Call, Put


# --- rules of its own


def check_line_numbers(lab):
    for data, where in ((b"61 * * * * x\n", 1), (b"# a\n\n61 * * * * x\n", 3),
                        (b"1 * * * * x\n* * * *\n", 2), (b"A=b\n@often x\n", 2),
                        (b"\n" * 99 + b"1 2 3 13 * x\n", 100)):
        refused(lab, data, b'"f":%d: bad ' % where)


def check_junk_behind_numbers(lab):
    for field in ("0.5", "5*", "1-5-7", "6#3", "*1", "*foo") + (() if CRONIE else ("0~30",)):
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
    expect((status, err), (0, UNCHANGED), "saved without a change")
    stamp = "touch -d 2020-01-01"
    editor = 'sh -c \'echo "2 2 * * * new" >>"$0"; %s "$0"\'' % stamp
    status, _, err = tool(lab, "alice", "-e", env={"EDITOR": editor})
    expect((status, err), (0, b"crontab: installing new crontab\n"), "changed, old date")
    expect(body(), OLD + b"2 2 * * * new\n", "the table")


def check_no_files(lab):
    os.mkfifo("/tmp/fifo", 0o666)
    table("alice").do(lab)
    for path in ("/dev/zero", "/dev/tty", "/tmp") + (() if CRONIE else ("/tmp/fifo",)):
        before = time.monotonic()
        status, _, err = tool(lab, "alice", path)
        assert status == 1 and path.encode() in err, (path, err)
        assert time.monotonic() - before < 30, "waited for " + path
    expect(body(), OLD, "the table")
    os.unlink(SPOOL + "/alice")
    os.mkfifo(SPOOL + "/alice")
    os.chown(SPOOL + "/alice", 2001, CRONTAB_GID)
    for args in (("-l",), ("-e",)):
        status, out, err = tool(lab, "alice", *args, editor="add")
        where = SPOOL.encode() if CRONIE else b"crontabs"
        assert status == 1 and where + b"/alice" in err, (args, err)


def check_table_link(lab):
    """Where others than root may put files, no link is followed."""
    if CRONIE:
        os.chmod(SPOOL, 0o1777)
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
    for args in (("f",), (CHECK, "f")):
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
    if CRONIE:
        os.unlink("/etc/cron.deny")
    os.mkdir("/etc/cron.deny")
    status, _, err = tool(lab, "alice", "-l")
    os.rmdir("/etc/cron.deny")
    assert status == 1 and b"not allowed to use" in err, err


# --- attacks through what the caller controls


def no_file(status, err, what):
    """The dialect's words for a copy that is no file any more."""
    if CRONIE:
        expect((status, err), (0, b"crontab: illegal crontab\n"), what)
    else:
        assert status == 1 and b"must remain a regular file\n" in err, (what, err)


def check_editor_swaps(lab):
    secret = read("/etc/shadow")
    before = os.stat("/etc/shadow")
    table("bob", b"2 2 * * * bobs\n").do(lab)
    for user in ("alice", "root"):
        for target in ("/etc/shadow", SPOOL + "/bob", "/dev/zero"):
            table(user).do(lab)
            editor = "ln -sf %s" % target
            status, out, err = tool(lab, user, "-e", env={"EDITOR": editor})
            no_file(status, err, target)
            assert secret[:20] not in out + err and b"bobs" not in out + err
            expect(body(user), OLD, "the table")
    for editor in ("dir", "fifo"):
        status, _, err = tool(lab, "alice", "-e", editor=editor)
        no_file(status, err, editor)
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
    expect((status, err, body()), (0, UNCHANGED, OLD), "edit")
    assert os.path.exists("/tmp/other/crontab"), "a file of another directory was removed"


def check_foreign_copy(lab):
    Put("/tmp/theirs", b"3 3 * * * theirs\n", "bob", 0o666).do(lab)
    table("root").do(lab)
    status, _, err = tool(lab, "root", "-e", env={"EDITOR": "cp -p /tmp/theirs"})
    wanted = b"illegal crontab" if CRONIE else b"no longer owned by you"
    assert status == (not CRONIE) and wanted in err, err
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
    out, err = p.communicate(timeout=60)
    lines = out.decode().split("\n")
    expect(p.returncode, 0, "status " + err.decode())
    expect(lines[0].split()[1:], ["2001"] * 4, "uids")
    expect(lines[1].split()[1:], ["2001"] * 4, "gids")
    for mask in lines[3:5]:
        # 32 and 33 are the C library's own: signal(2) there cannot set them. INT and QUIT
        # are the editor's to handle, not the shell's that runs it.
        ignored = 6 if mask.startswith("SigIgn") else 0
        expect(int(mask.split()[1], 16) & ~(3 << 31), ignored, mask)
    expect(lines[5:9], ["0", "1", "2", "3"], "descriptors (3 is ls's own)")


def check_tmpdir(lab):
    os.mkdir("/tmp/evil")
    os.chmod("/tmp/evil", 0o777)
    editor = {"EDITOR": "dirname $(dirname", "TMPDIR": "/tmp/evil"}
    editor["EDITOR"] = 'sh -c \'dirname "$(dirname "$0")"\''
    expect(tool(lab, "alice", "-e", env=editor)[1], b"/tmp\n", "setgid ignores TMPDIR")
    if not CRONIE:
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
    """The program without rights of its own."""

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        os.chmod(self.lab.binary("tool"), 0o755)

    def __exit__(self, *error):
        self.lab.give_rights("tool")


def check_without_rights(lab):
    with plain(lab):
        mine("f", GOOD).do(lab)
        expect(tool(lab, "root", "-u", "alice", HOME + "/alice/f")[0], 0, "root installs")
        st = os.stat(SPOOL + "/alice")
        expect((st.st_uid, st.st_mode & 0o7777, body()), (0 if CRONIE else 2001, 0o600, GOOD),
               "the table")
        status, _, err = tool(lab, "alice", "f")
        assert status == 1 and err.endswith(b": Permission denied\n"), err
        expect(tool(lab, "alice", "-r")[0], 1, "alice removes")
    expect(body(), GOOD, "the table")


def check_umask(lab):
    table("alice").do(lab)
    call = Call("alice", "-e", editor="add")
    p = lab.popen("tool", call, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                  preexec_fn=lambda: os.umask(0o777))
    _, err = p.communicate(timeout=60)
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
        p.wait(timeout=60)
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
        expect(p.wait(timeout=60), 1 if ignored else -signal.SIGPIPE, "status")
    with open("/dev/full", "wb") if os.path.exists("/dev/full") else open("/dev/null") as full:
        p = lab.popen("tool", Call("alice", "-l"), stdout=full, stderr=subprocess.PIPE)
        _, err = p.communicate(timeout=60)
    assert p.returncode == 1 and b"No space left" in err, err


def check_answers_leave_the_rest(lab):
    """What follows an answer is the editor's input."""
    table("alice").do(lab)
    editor = 'sh -c \'if grep -q ^61 "$0"; then head -1 >"$0"; else echo "61 * * * * x" >"$0"; fi\''
    status, _, err = tool(lab, "alice", "-e", env={"EDITOR": editor},
                          stdin=b"y\n5 5 * * * typed\n")
    expect((status, body()), (0, b"5 5 * * * typed\n"), repr(err))


def check_pipe_named_as_a_file(lab):
    """A shell's <(command): cronie's crontab takes it, Debian's does not."""
    os.mkfifo("/tmp/fifo", 0o666)
    table("alice").do(lab)
    call = lab.popen("tool", Call("alice", "/tmp/fifo"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if CRONIE:
        with open("/tmp/fifo", "wb") as fifo:
            fifo.write(GOOD)
    _, err = call.communicate(timeout=60)
    expect((call.returncode, body()), (0, GOOD) if CRONIE else (1, OLD), repr(err))


def check_umask_of_nobody(lab):
    """A caller that masks nothing gets nothing that others may read."""
    table("alice").do(lab)
    call = Call("alice", "-e", env={"EDITOR": "sh -c 'stat -c %a \"$0\" \"${0%/*}\"; echo >\"$0\"'"})
    p = lab.popen("tool", call, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                  preexec_fn=lambda: os.umask(0))
    out, err = p.communicate(timeout=60)
    expect((p.returncode, out), (0, b"600\n700\n"), repr(err))
    expect(os.stat(SPOOL + "/alice").st_mode & 0o7777, 0o600, "the table's mode")
    if CRONIE:
        kept = HOME + "/alice/.cache/crontab/crontab.bak"
        expect(os.stat(kept).st_mode & 0o7777, 0o600, "the backup's mode")


def check_environment(lab):
    """What the loader and the C library would take from it does not reach the program,
    nor what a shell would; the editor is the caller's own business."""
    table("alice").do(lab)
    env = {"LD_PRELOAD": "/tmp/nosuch.so", "LD_LIBRARY_PATH": "/tmp", "LD_AUDIT": "/tmp/nosuch.so",
           "LD_DEBUG": "all", "LD_DEBUG_OUTPUT": "/tmp/ld", "MALLOC_TRACE": "/tmp/trace",
           "GCONV_PATH": "/tmp", "TZ": ":/tmp/zone", "IFS": "/", "PATH": "/tmp", "USER": "root",
           "LOGNAME": "root", "ENV": "/tmp/rc", "POSIXLY_CORRECT": "1", "HOME": "/root"}
    status, out, err = tool(lab, "alice", "-l", env=env)
    expect((status, out, err), (0, OLD, b""), "a listing")
    expect(lab.temporary() - lab.kept, {"/tmp/home"}, "files")
    call = Call("alice", "-", stdin=GOOD, env=env)
    status, out, err = lab.call("tool", call)
    expect((status, body()), (0, GOOD), repr(err))
    expect(os.stat(SPOOL + "/alice").st_uid, 2001, "its owner")


def check_nobody_looks_inside(lab):
    """While the program has rights of its own its memory is root's: no core, no tracer."""
    table("alice").do(lab)
    p = lab.popen("tool", Call("alice", "-"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + 10
    while os.stat("/proc/%d/maps" % p.pid).st_uid != 0 and time.monotonic() < until:
        time.sleep(0.01)
    owner = os.stat("/proc/%d/maps" % p.pid).st_uid
    p.communicate(GOOD, timeout=60)
    expect((owner, p.returncode), (0, 0), "who may look")


def check_backup_follows_no_link(lab):
    """Root keeps a backup in a home that is somebody else's."""
    if not CRONIE:
        return
    table("alice").do(lab)
    Put("/etc/secret", b"secret\n", mode=0o600).do(lab)
    os.makedirs(HOME + "/alice/.cache/crontab")
    for name in ("crontab.bak", "crontab.alice.bak"):
        os.symlink("/etc/secret", HOME + "/alice/.cache/crontab/" + name)
    status, _, err = tool(lab, "root", "-u", "alice", "-", stdin=GOOD, env={"HOME": HOME + "/alice"})
    expect((status, body(), read("/etc/secret")), (0, GOOD, b"secret\n"), repr(err))
    expect(read(HOME + "/alice/.cache/crontab/crontab.alice.bak"), OLD, "the backup")


# --- crond.conf


def check_spool_of_crond_conf(lab):
    """The daemon looks where crond.conf says; so the tables go there."""
    os.mkdir("/var/spool/tabs")
    os.chown("/var/spool/tabs", 0, 0 if CRONIE else CRONTAB_GID)
    os.chmod("/var/spool/tabs", 0o700 if CRONIE else 0o1730)
    try:
        lab.write_conf("spool-dir = /var/spool/tabs\n")
        expect(tool(lab, "alice", "-", stdin=GOOD)[0], 0, "an install")
        expect((os.listdir("/var/spool/tabs"), os.listdir(SPOOL)), (["alice"], []), "the spools")
        assert tool(lab, "alice", "-l")[1].endswith(GOOD), "a listing"
        expect(tool(lab, "alice", "-r")[0], 0, "a removal")
        expect(os.listdir("/var/spool/tabs"), [], "the spool")
    finally:
        lab.write_conf()
        shutil.rmtree("/var/spool/tabs")


def check_doubtful_crond_conf(lab):
    """One clear line, and nothing is done: a table must not go where nobody looks."""
    table("alice").do(lab)
    try:
        for more, how, why in (("", {"owner": "alice"}, b"is not root's"),
                               ("", {"mode": 0o666}, b"can be written by others than its owner"),
                               ("webhook \"x\" {\n", {}, b"does not end"),
                               ("spool-dir = tabs\n", {}, b"'spool-dir' is no absolute path")):
            lab.write_conf(more, **how)
            for args in (("-l",), ("-",), ("-r",), ("-e",)):
                status, out, err = tool(lab, "alice", *args, stdin=GOOD, editor="add")
                assert err.startswith(b"crontab: %s: " % lab.conf.encode()), err
                expect((status, out, err.count(b"\n"), why in err), (1, b"", 1, True), repr(err))
        lab.write_conf("mailer = nonsense\nwhatever {}\n")
        expect(tool(lab, "alice", "-l")[:2], (0, OLD), "what is not its business")
        os.unlink(lab.conf)
        os.mkfifo(lab.conf)
        assert tool(lab, "alice", "-l")[0] == 1, "waited"
    finally:
        lab.write_conf()


CHECKS = collect(globals())
