# crontab_edits: crontab(1) at a terminal, with a person's keys and editors of all kinds.
# Flow: crontab_test runs each check_* in a clean lab; an AssertionError is a failure.

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

from crontab_cases import GOOD, OLD, table
from crontab_checks import UNCHANGED, body, collect, expect, tool
from crontab_lab import CRONIE, HOME, ROOT, SPOOL, USERS, Call, Put, home, leftovers

# Says that it runs, and puts what is typed into the table's place.
TYPED = {"EDITOR": "sh -c 'echo ready; read x; echo \"$x\" >\"$0\"'"}
STUBBORN = {"EDITOR": "sh -c 'trap \"\" INT QUIT; echo ready; read x; echo \"$x\" >\"$0\"'"}
# Dies of every key that can kill, as an editor does that knows nothing of signals.
DEADLY = """#!/usr/bin/env python3
import signal, sys, time
for sig in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(sig, signal.SIG_DFL)
with open(sys.argv[1], "w") as f:
    f.write("9 9 9 9 9 lost\\n")
print("ready", flush=True)
time.sleep(60)
"""
WAITING = {"EDITOR": "sh -c 'echo 9 9 9 9 9 lost >\"$0\"; echo ready; exec sleep 60'"}
LINE = b"3 3 * * * typed\n"


class Terminal:
    """A call of crontab at a terminal, below something like a shell, which starts again
    what was stopped there."""

    def __init__(self, lab, call):
        self.master, slave = pty.openpty()
        self.news, told = os.pipe()
        self.shown = b""
        self.shell = os.fork()
        if self.shell == 0:
            try:
                os.close(self.master)
                self.run_shell(lab, call, slave, told)
            finally:
                os._exit(126)
        os.close(slave)
        os.close(told)
        self.pid = int(self.heard())

    def run_shell(self, lab, call, slave, told):
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        pid = os.fork()
        if pid == 0:
            try:
                self.run_call(lab, call)
            finally:
                os._exit(126)
        # A shell hands a hang-up on to its jobs.
        signal.signal(signal.SIGHUP, lambda *_: os.killpg(pid, signal.SIGHUP))
        os.write(told, b"%d\n" % pid)
        while True:
            _, status = os.waitpid(pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
                os._exit(0)
            os.tcsetpgrp(0, os.getpgrp())
            os.write(told, b"stopped\n")
            time.sleep(0.1)
            os.tcsetpgrp(0, pid)
            os.killpg(pid, signal.SIGCONT)
            os.write(told, b"goes on\n")

    def run_call(self, lab, call):
        uid, gid = USERS[call.user]
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        for sig in (signal.SIGTTOU, signal.SIGHUP, signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT):
            signal.signal(sig, signal.SIG_DFL)
        os.chdir(home(call.user))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.execve(lab.binary(call.key), [call.name, *call.argv],
                  {"PATH": "/usr/bin:/bin", "HOME": home(call.user), "LANG": "C", "TERM": "dumb", **call.env})

    def heard(self):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.news], [], [], 60)[0]:
                raise AssertionError("nothing heard; shown: %r" % self.shown)
            piece = os.read(self.news, 1)
            if not piece:
                break
            line += piece
        return line.strip().decode()

    def until(self, text):
        """Waits for it on the screen; what is shown once is not found again."""
        seen = b""
        while text not in seen:
            if not select.select([self.master], [], [], 60)[0]:
                raise AssertionError("never shown: %r; but %r" % (text, seen))
            try:
                seen += os.read(self.master, 4096)
            except OSError:
                raise AssertionError("never shown: %r; but %r" % (text, seen)) from None
        self.shown += seen

    def type(self, keys):
        os.write(self.master, keys)

    def hang_up(self):
        os.close(self.master)
        self.master = -1

    def end(self):
        """(status, all that was shown), with a terminal's line ends."""
        while self.master >= 0:
            try:
                piece = os.read(self.master, 4096)
            except OSError: # nobody has the other end any more
                piece = b""
            if not piece:
                self.hang_up()
            self.shown += piece
        status = int(self.heard())
        os.close(self.news)
        os.waitpid(self.shell, 0)
        return status, self.shown


def at_terminal(lab, *args, key="tool", **more):
    call = Call(*args, **more)
    call.key = key
    return Terminal(lab, call)


def nothing_left():
    expect(leftovers(), [], "litter")


def processes(what):
    """Those of that name that live on."""
    until = time.monotonic() + 20
    while alive(what) and time.monotonic() < until:
        time.sleep(0.02)
    return alive(what)


def alive(what):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if what in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


# --- keys


def check_edit_at_a_terminal(lab):
    table("alice").do(lab)
    t = at_terminal(lab, "alice", "-e", env=TYPED)
    t.until(b"ready")
    t.type(LINE)
    status, shown = t.end()
    expect((status, body()), (0, LINE), repr(shown))
    assert b"crontab: installing new crontab\r\n" in shown, shown
    nothing_left()


def check_edit_stopped(lab):
    """^Z stops the editor and crontab, and both go on."""
    table("alice").do(lab)
    t = at_terminal(lab, "alice", "-e", env=TYPED)
    t.until(b"ready")
    for _ in range(2):
        t.type(b"\x1a")
        expect(t.heard(), "stopped", "after ^Z")
        expect(t.heard(), "goes on", "after the stop")
    t.type(LINE)
    status, shown = t.end()
    expect((status, body()), (0, LINE), repr(shown))
    nothing_left()


def check_edit_keys_are_the_editors(lab):
    """What an editor does not die of, crontab does not die of."""
    table("alice").do(lab)
    t = at_terminal(lab, "alice", "-e", env=STUBBORN)
    t.until(b"ready")
    t.type(b"\x03\x1c\x03")
    time.sleep(0.1)
    os.kill(t.pid, signal.SIGINT)
    os.kill(t.pid, signal.SIGHUP)
    t.type(LINE)
    status, shown = t.end()
    expect((status, body()), (0, LINE), repr(shown))
    nothing_left()


def check_edit_ended_by_keys(lab):
    """The editor dies of ^C, a hang-up or a kill of crontab: the old table, no litter."""
    Put(ROOT + "/ed/deadly", DEADLY, mode=0o755).do(lab)
    for how in (lambda t: t.type(b"\x03"), lambda t: t.type(b"\x1c"), lambda t: t.hang_up(),
                lambda t: os.kill(t.pid, signal.SIGTERM)):
        lab.clean()
        table("alice").do(lab)
        t = at_terminal(lab, "alice", "-e", editor="deadly")
        t.until(b"ready")
        how(t)
        status, shown = t.end()
        expect((status, body()), (1, OLD), repr(shown))
        nothing_left()
        expect(processes(b"deadly"), [], "the editor lives on")


def check_edit_question_ended_by_keys(lab):
    """^C, a hang-up or TERM at the question is a no: the copy stays, and its name is said."""
    for how, number in ((lambda t: t.type(b"\x03"), signal.SIGINT), (lambda t: t.type(b"\x04"), 0),
                        (lambda t: os.kill(t.pid, signal.SIGTERM), signal.SIGTERM)):
        lab.clean()
        table("alice").do(lab)
        t = at_terminal(lab, "alice", "-e", editor="bad")
        t.until(b"/N) " if CRONIE else b"/n) ")
        how(t)
        status, shown = t.end()
        expect((status, body()), (-number, OLD), repr(shown))
        left = re.search(rb"crontab: edits left in (\S+)\r\n", shown)
        assert left and os.path.exists(left[1]), shown


def check_remove_question_at_a_terminal(lab):
    for keys, wanted in ((b"n\n", (0, OLD)), (b"\x04", (0, OLD)), (b"\x03", (-2, OLD)),
                         (b"y\n", (0, None))):
        lab.clean()
        table("alice").do(lab)
        t = at_terminal(lab, "alice", "-ri")
        t.until(b"really delete alice's crontab? ")
        t.type(keys)
        status, shown = t.end()
        expect((status, body()), wanted, repr(shown))


def check_table_typed_at_a_terminal(lab):
    table("alice").do(lab)
    t = at_terminal(lab, "alice", "-")
    t.type(LINE + b"\x04")
    status, shown = t.end()
    expect((status, body()), (0, LINE), repr(shown))
    t = at_terminal(lab, "alice")
    if not CRONIE:
        t.type(LINE + b"\x04")
    status, shown = t.end()
    assert status == (1 if CRONIE else 0), (status, shown)
    assert not CRONIE or b"usage error: file name or - (for stdin) must be specified" in shown, shown


def check_colours(lab):
    """cronie's -l has them at a terminal; so have we, and nobody else."""
    text = b"# one\n1 * * * * x # no\n #two\n#\n"
    wanted = (b"\x1b[34;1m# one\x1b[0m\n1 * * * * x # no\n #two\n\x1b[34;1m#\x1b[0m\n" if CRONIE
              else b"1 * * * * x # no\n #two\n#\n").replace(b"\n", b"\r\n")
    plain = (text if CRONIE else text[6:]).replace(b"\n", b"\r\n")
    table("alice", text).do(lab)
    expect(at_terminal(lab, "alice", "-l").end(), (0, wanted), "colours")
    expect(at_terminal(lab, "alice", "-l", env={"NO_COLOR": ""}).end(), (0, plain), "NO_COLOR")
    table("alice", b"1 * * * * x").do(lab)
    wanted = b"1 * * * * x"
    if CRONIE:
        wanted += b"\r\n\x1b[31;1mNo end-of-line character at the end of file\x1b[0m\r\n"
    expect(at_terminal(lab, "alice", "-l").end(), (0, wanted), "an unfinished line")


def check_backup_is_told_at_a_terminal(lab):
    """... and nowhere else; the transcripts see to that."""
    said = b"Backup of alice's previous crontab saved to %s/alice/.cache/crontab/crontab.bak\r\n"
    wanted = said % HOME.encode() if CRONIE else b""
    for args in (("-",), ("-r",)):
        table("alice").do(lab)
        t = at_terminal(lab, "alice", *args)
        if args != ("-r",):
            t.type(b"#\n\x04")
        status, shown = t.end()
        expect((status, shown.replace(b"#\r\n", b"").replace(b"^D\b\b", b"")), (0, wanted), args)


# --- editors


def check_editor_of_the_system(lab):
    """Without VISUAL and EDITOR: the dialect's."""
    path = "/usr/bin/vi" if CRONIE else "/usr/bin/editor"
    table("alice").do(lab)
    if os.path.exists(path):
        subprocess.run(["mount", "--bind", ROOT + "/ed/add", path], check=True)
        try:
            status, _, err = tool(lab, "alice", "-e")
        finally:
            subprocess.run(["umount", path], check=True)
        expect((status, body()), (0, OLD + b"7 7 * * * added\n"), repr(err))
    else:
        status, _, err = tool(lab, "alice", "-e")
        wanted = b'crontab: "%s" exited with status 127\n' % path.encode()
        assert status == 1 and err.endswith(wanted), err
    nothing_left()


def check_two_edits_at_once(lab):
    """Each has a copy of its own; the last that is saved stands."""
    table("alice").do(lab)
    first = at_terminal(lab, "alice", "-e", env=TYPED)
    first.until(b"ready")
    second = at_terminal(lab, "alice", "-e", env=TYPED)
    second.until(b"ready")
    second.type(b"2 2 * * * second\n")
    expect(second.end()[0], 0, "the second")
    expect(body(), b"2 2 * * * second\n", "after the second")
    first.type(b"1 1 * * * first\n")
    expect(first.end()[0], 0, "the first")
    expect(body(), b"1 1 * * * first\n", "after the first")
    nothing_left()


def check_edit_while_the_table_goes(lab):
    """A slow editor: what happened to the table meanwhile is written over, never mixed."""
    table("alice").do(lab)
    t = at_terminal(lab, "alice", "-e", env=TYPED)
    t.until(b"ready")
    expect(tool(lab, "alice", "-r")[0], 0, "the removal")
    t.type(LINE)
    expect((t.end()[0], body()), (0, LINE), "the edit")


def check_edit_saved_in_the_same_second(lab):
    """With the copy's time put back to what it was, too."""
    table("alice").do(lab)
    for keep in ("", 'touch -d @0 "$0"'):
        editor = "sh -c 'sed s/old/new/ \"$0\" >\"$0.n\"; touch -r \"$0\" \"$0.n\"; mv \"$0.n\" \"$0\";%s'"
        table("alice").do(lab)
        status, _, err = tool(lab, "alice", "-e", env={"EDITOR": editor % keep})
        expect((status, body()), (0, b"1 1 * * * new\n"), repr(err))
    nothing_left()


def check_edit_leaves_more(lab):
    """An editor's own files keep its directory; nothing of the table is in it."""
    table("alice").do(lab)
    status, _, err = tool(lab, "alice", "-e", env={"EDITOR": "sh -c 'echo s >\"$0~\"; cat %s >\"$0\"'"
                                                   % "/dev/null"})
    expect((status, body()), (0, b""), repr(err))
    left = leftovers()
    assert len(left) == 1 and left[0].endswith(" 0o700: crontab~"), left


def check_edit_for_another(lab):
    """Root edits somebody's table: as root, in a copy of root's."""
    table("alice").do(lab)
    env = {"EDITOR": "sh -c 'stat -c %U:%a \"$0\"; id -un; echo \"8 8 * * * r\" >>\"$0\"'"}
    status, out, err = tool(lab, "root", "-u", "alice", "-e", env=env)
    expect((status, out.splitlines()[:2]), (0, [b"root:600", b"root"]), repr(err))
    expect(body(), OLD + b"8 8 * * * r\n", "the table")


def check_unchanged_without_a_table(lab):
    status, out, err = tool(lab, "alice", "-e", editor="same")
    expect((status, out), (0, b""), "status")
    expect(err, b"no crontab for alice - using an empty one\n" + UNCHANGED, "words")
    expect(os.listdir(SPOOL), [], "the spool")
    nothing_left()


def check_edit_ignores_who_calls(lab):
    """Signals that the caller ignores do not keep a TERM from the editor."""
    table("alice").do(lab)
    p = lab.popen("tool", Call("alice", "-e", env=WAITING), stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE,
                  preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    expect(p.stdout.readline(), b"ready\n", "the editor")
    p.send_signal(signal.SIGTERM)
    _, err = p.communicate(GOOD, timeout=60)
    expect((p.returncode, body()), (1, OLD), repr(err))
    nothing_left()


CHECKS = collect(globals())
