"""The lab of the system tests: a machine of its own for each test.

Every test runs in private mount, pid, uts, ipc and network namespaces, with /etc over an
overlay, /run, /home, /tmp, /var/spool, /var/log and the state directory in memory, its
own /dev/log whose reader knows the sender's credentials, users that are its own, and a
sendmail that writes down what it was given. Nothing of the machine around it changes,
and whatever a test leaves running ends with its namespace.

A test program is a module with functions named test_*, each taking a Lab, and
`lab.main()` at its end. It speaks TAP. Environment: CROND_BUILD is the build tree (the
current directory), LAB_JOBS how many tests of a program run at once (2).
"""
import concurrent.futures
import contextlib
import ctypes
import fcntl
import inspect
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import sinks

ROOM = "/mnt"              # of the lab's own things; /mnt exists on every system
OUT = ROOM + "/out"        # where jobs may write
MAIL = ROOM + "/mail"      # what the fake sendmail was given
BUILD = ROOM + "/build"
CRON = 9                   # syslog's facility
TEST_SECONDS = 90
SKIPPED = 77
LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC, MS_MOVE, MS_NOSUID = 0x1000, 0x4000, 0x2000, 2
USERS = (  # name, uid, home; a home of None is not made
    ("alice", 2001, "/home/alice"),
    ("bob", 2002, "/home/bob"),
    ("nohome", 2003, None),
    ("crond-notify", 2004, None),
    ("crond-history", 2005, None),
)
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:")
LOG_LINE = re.compile(
    rb"<(\d+)>(?:\w{3} [ \d]\d \d\d:\d\d:\d\d )?([^\[\]: ]+)\[(\d+)\]: (.*)", re.S)


class Failure(AssertionError):
    """A test found something other than it must be."""


class Skip(Exception):
    """A test cannot run here; says why."""


def check(truth, text):
    if not truth:
        raise Failure(text)


def wait_for(truth, deadline, what):
    """Whatever truth() gives once it is true; a failure after deadline seconds, or more where
    the machine is said to be slow."""
    deadline *= slowness()
    end = time.monotonic() + deadline
    while True:
        value = truth()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("waited %g s for %s" % (deadline, what))
        time.sleep(0.02)


def at_most(seconds):
    """A bound for what is measured and cannot be waited for: a machine that is said to be slow may
    stand still for some seconds at any point."""
    return seconds + 4 * (slowness() - 1)


def equal(got, wanted, what):
    check(got == wanted, "%s: got %r, wanted %r" % (what, got, wanted))


# --- the room


def mount(source, target, kind=None, flags=0, data=None):
    words = [None if w is None else os.fsencode(w) for w in (source, target, kind, data)]
    if LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "mount %s: %s" % (target, os.strerror(error)))


def terminal():
    """Both ends of one: ours, and that of who is to believe it."""
    if not os.path.exists("/dev/ptmx"):
        os.mkdir("/dev/pts")
        mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666")
        os.symlink("pts/ptmx", "/dev/ptmx")
    return os.openpty()


def memory(path, mode="0755"):
    os.makedirs(path, exist_ok=True)
    mount("lab", path, "tmpfs", 0, "mode=" + mode)


def overlay(path):
    """path may be changed from here on; what was there shows through."""
    upper = ROOM + "/upper" + path.replace("/", "_")
    os.makedirs(upper + "/new")
    os.makedirs(upper + "/work")
    try:
        mount("lab", path, "overlay", 0,
              "lowerdir=%s,upperdir=%s/new,workdir=%s/work" % (path, upper, upper))
    except OSError:  # an overlay below that takes no second one: a copy does
        subprocess.run(["cp", "-a", path + "/.", upper + "/new"], check=True)
        mount(upper + "/new", path, None, MS_BIND)


def devices():
    new = ROOM + "/dev"
    os.makedirs(new)
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        if os.path.exists("/dev/" + name):
            open(new + "/" + name, "w").close()
            mount("/dev/" + name, new + "/" + name, None, MS_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"),
                         ("stderr", "fd/2")):
        os.symlink(target, new + "/" + name)
    os.makedirs(new + "/shm", 0o1777)
    mount(new, "/dev", None, MS_BIND | MS_REC)


def people():
    # The machine's own users stay, but no account of ours may collide with one.
    ours = {name for name, _, _ in USERS}
    for path, line in (("/etc/passwd", "%s:x:%d:%d::%s:/bin/sh"), ("/etc/group", "%s:x:%d:"),
                       ("/etc/shadow", "%s:*:19000::::::")):
        with open(path, encoding="utf-8") as old:
            lines = [one for one in old.read().splitlines() if one.split(":")[0] not in ours]
        for name, uid, home in USERS:
            words = (name, uid, uid, home or "/home/" + name) if "passwd" in path else (name, uid)
            lines.append(line % words[:line.count("%")])
        if path == "/etc/group" and not any(one.startswith("crontab:") for one in lines):
            lines.append("crontab:x:2100:")
        with open(path, "w", encoding="utf-8") as new:
            new.write("\n".join(lines) + "\n")
    for name, uid, home in USERS:
        if home:
            os.makedirs(home)
            os.chown(home, uid, uid)


def sysconfdir(build):
    """Where the programs of this build tree look for their configuration."""
    with open(build + "/Makefile", encoding="utf-8") as makefile:
        settings = dict(re.findall(r"^(prefix|sysconfdir) = (.*)$", makefile.read(), re.M))
    return settings["sysconfdir"].replace("${prefix}", settings["prefix"])


def own_directory(path):
    """path is there and may be changed, whether the machine has it or not."""
    there = path
    while not os.path.isdir(there):
        there = os.path.dirname(there)
    if there == "/":
        raise Skip("%s cannot be made without touching /" % path)
    if not there.startswith("/etc"):
        overlay(there)
    os.makedirs(path, exist_ok=True)


PEERS = {"debian": "CRONWARD_DEBIAN_CRON", "cronie": "CRONWARD_CRONIE_CROND"}


def peers():
    """The daemons whose dialects we speak, where the environment says that they are here."""
    for dialect, variable in PEERS.items():
        if os.environ.get(variable):
            os.makedirs(ROOM + "/" + dialect)
            shutil.copy(os.environ[variable], ROOM + "/" + dialect + "/")


@contextlib.contextmanager
def counted(build):
    """Where programs count their lines (--enable-coverage) they find the counts by the machine's name
    for them, over mounts that hide it."""
    counts = os.path.abspath(build) + "/counts"
    opened = os.open(counts, os.O_RDONLY) if os.path.isdir(counts) else -1
    yield
    if opened >= 0:
        os.makedirs(counts, exist_ok=True)
        mount("/proc/self/fd/%d" % opened, counts, None, MS_BIND)
        os.close(opened)


def furnish(build):
    """Makes the room of one test. build: the build tree as the machine knows it. Where
    its configuration is to be found."""
    etc = sysconfdir(build)
    opened = os.open(build, os.O_RDONLY)  # wherever it is, the mounts below may hide it
    memory(ROOM)
    os.makedirs(BUILD)
    mount("/proc/self/fd/%d" % opened, BUILD, None, MS_BIND)
    os.close(opened)
    peers()
    overlay("/etc")
    own_directory(etc)
    overlay("/usr/sbin")
    with counted(build):
        for path, mode in (("/run", "0755"), ("/home", "0755"), ("/var/spool", "0755"),
                           ("/var/log", "0755"), ("/var/mail", "02775"), ("/tmp", "01777")):
            memory(path, mode)
        overlay("/var/lib")
    for path in (OUT, MAIL):
        os.mkdir(path)
        os.chmod(path, 0o1777)
    os.makedirs("/run/lock")
    devices()
    people()
    with open("/proc/sys/net/unix/max_dgram_qlen", "w", encoding="ascii") as room:
        room.write("512\n")  # as systemd sets it: room for bursts in /dev/log
    socket.sethostname("labhost")
    put("/etc/hostname", "labhost\n")
    put("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 labhost.example.org labhost\n")
    put("/etc/localtime", b"", replace=True)
    os.remove("/etc/localtime")
    os.symlink("/usr/share/zoneinfo/UTC", "/etc/localtime")
    tables(etc)
    loopback()
    return etc


def tables(etc):
    """No table of the machine's own may run in here."""
    for path in ("/etc/cron.d", etc + "/crond.tasks", "/etc/cron.allow", "/etc/cron.deny"):
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)
    for path in ("/etc/crontab", etc + "/crond.conf"):
        if os.path.exists(path):
            os.remove(path)
    os.makedirs("/etc/cron.d")
    os.makedirs(etc + "/crond.tasks")
    os.makedirs("/var/spool/cron/crontabs")
    os.chmod("/var/spool/cron/crontabs", 0o1730)
    for service in ("cron", "crond"):
        put("/etc/pam.d/" + service, "".join("%s required pam_permit.so\n" % word
                                             for word in ("auth", "account", "session")))


def loopback():
    """127.0.0.1 works, and there is no other network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def put(path, content, mode=0o644, owner=None, replace=False):
    """Writes a file whole, by rename where replace says so. owner: a name, or a number."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    target = os.path.join(os.path.dirname(path), ".lab-new") if replace else path
    with open(target, "wb", buffering=0) as out:
        out.write(data)  # first: a change of its mode makes crond read the file as it is then
        os.fchmod(out.fileno(), mode)
        if owner:
            uid = owner if isinstance(owner, int) else pwd.getpwnam(owner).pw_uid
            os.fchown(out.fileno(), uid, -1)
    if replace:
        os.rename(target, path)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as f:
            return f.read()
    except FileNotFoundError:
        return ""


# --- the log


class Line:
    """One line of syslog, and who sent it."""

    def __init__(self, raw, pid, uid):
        self.at, self.sender, self.uid = time.time(), pid, uid
        found = LOG_LINE.match(raw.rstrip(b"\0\n"))
        self.whole = found is not None
        groups = found.groups() if found else (b"0", b"?", b"0", raw)
        number = re.match(rb"<(\d+)>", raw)
        number = int(number.group(1)) if number else CRON << 3
        self.priority, self.facility = number & 7, number >> 3
        self.tag, self.pid = groups[1].decode("utf-8", "replace"), int(groups[2])
        self.text = groups[3].decode("utf-8", "surrogateescape")

    def __str__(self):
        return "%s[%d]: %s" % (self.tag, self.pid, self.text)


class Syslog(threading.Thread):
    """Reads /dev/log, behind the lines there are; running.clear() makes it a reader that reads no
    more, close() takes the socket away."""

    def __init__(self, path="/dev/log", lines=()):
        super().__init__(daemon=True)
        self.path, self.lines, self.running = path, list(lines), threading.Event()
        self.running.set()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.start()

    def run(self):
        while True:
            raw, extra, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(12))
            if not raw and not extra:
                self.socket.close()
                return
            pid, uid, _ = struct.unpack("3i", extra[0][2][:12]) if extra else (0, -1, -1)
            self.lines.append(Line(raw, pid, uid))
            self.running.wait()

    def close(self):
        os.remove(self.path)
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join()


# --- processes


class Process:
    """What /proc says of one process."""

    def __init__(self, pid):
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            text = f.read()
        self.pid, self.name = pid, text[text.index("(") + 1:text.rindex(")")]
        fields = text[text.rindex(")") + 2:].split()
        self.state, self.ppid, self.pgid, self.sid = fields[0], *map(int, fields[1:4])
        try:
            self.exe = os.path.basename(os.readlink("/proc/%d/exe" % pid))
        except OSError:
            self.exe = self.name
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            self.argv = f.read().split(b"\0")[:-1]


def processes():
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found.append(Process(int(name)))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return [p for p in found if p.state != "Z"]


def alive(pid):
    return any(p.pid == pid for p in processes())


def kill(*found, number=signal.SIGKILL):
    """A signal for processes; one that has ended since it was found is as dead as is wanted."""
    for process in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


class Lab:
    """What a test has at hand."""

    def __init__(self, etc):
        self.etc = etc
        self.syslog = Syslog()
        self.daemons = []
        self.errors = ROOM + "/stderr"
        self.fake_sendmail()

    # files

    def crontab(self, user, text, mode=0o600):
        put("/var/spool/cron/crontabs/" + user, text, mode, user, replace=True)

    def system(self, text):
        put("/etc/crontab", text, replace=True)

    def cron_d(self, name, text, mode=0o644, owner=None):
        put("/etc/cron.d/" + name, text, mode, owner)

    def tasks(self, name, text):
        put("%s/crond.tasks/%s.conf" % (self.etc, name), text, replace=True)

    def conf(self, text):
        put(self.etc + "/crond.conf", text)

    def out(self, name):
        return read(OUT + "/" + name)

    def lines(self, name):
        return self.out(name).splitlines()

    # the daemon

    def program(self, name):
        for path in (BUILD + "/crond/" + name, BUILD + "/crontab-tool/" + name):
            if os.path.exists(path):
                return path
        raise Failure("%s is not built" % name)

    def launch(self, *args, called=None, **how):
        """crond with these arguments, by the name it is to be called by, its standard error
        to a file; not waited for."""
        how.setdefault("stdin", subprocess.DEVNULL)
        with open(self.errors, "ab") as errors:
            how.setdefault("stdout", errors)
            how.setdefault("stderr", errors)
            daemon = subprocess.Popen([called or self.program("crond"), *args],
                                      executable=self.program("crond"), **how)
        self.daemons.append(daemon)
        return daemon

    def start(self, *args, **how):
        """crond -f on the lab's system; back when it holds its pid file and can be asked."""
        daemon = self.launch("-f", *args, **how)
        self.wait_for(lambda: daemon.poll() is not None or read("/run/crond.pid").strip() ==
                      str(daemon.pid) and self.listens(daemon), 10, "the daemon's pid in its pid file")
        check(daemon.poll() is None, "crond ended with %s: %s"
              % (daemon.returncode, read(self.errors)))
        return daemon

    def listens(self, daemon):
        """It has come as far as its socket; one that could not make it, or is an older version, as
        far as its launcher."""
        return re.search("00010000 .*/control[.]sock$", read("/proc/net/unix"), re.M) or any(
            p.ppid == daemon.pid for p in processes())

    def stop(self, daemon, number=signal.SIGTERM, deadline=10):
        daemon.send_signal(number)
        try:
            return daemon.wait(deadline * slowness())
        except subprocess.TimeoutExpired:
            raise Failure("crond did not end within %d s of signal %d" % (deadline, number)) \
                from None

    def keepers(self):
        """Keepers and launchers share a program; a keeper's parent is a launcher, or it
        has been orphaned; the launcher is the scheduler's child."""
        return [p for p in processes() if p.exe.startswith("crond-launcher")
                and p.ppid not in [d.pid for d in self.daemons]]

    def launcher(self, daemon):
        def mine():
            return [p for p in processes()
                    if p.exe.startswith("crond-launcher") and p.ppid == daemon.pid]
        return self.wait_for(lambda: len(mine()) == 1 and mine(), 10, "a launcher below crond")[0]

    # waiting and looking

    def wait_for(self, truth, deadline, what):
        return wait_for(truth, deadline, what)

    def log(self, pattern):
        """Lines whose text (as TAG[PID]: text) holds the pattern."""
        seek = re.compile(pattern)
        return [line for line in list(self.syslog.lines) if seek.search(str(line))]

    def wait_log(self, pattern, deadline=10, count=1):
        found = self.wait_for(lambda: len(self.log(pattern)) >= count and self.log(pattern),
                              deadline, "%d log lines like %s" % (count, pattern))
        return found[count - 1]

    def wait_out(self, name, count=1, deadline=10):
        """Lines that jobs wrote into a file, once there are so many."""
        return self.wait_for(lambda: len(self.lines(name)) >= count and self.lines(name),
                             deadline, "%d lines in %s" % (count, name))

    # mail

    def fake_sendmail(self, then="exit 0"):
        """Writes argument vector, uid and standard input down; then does as told."""
        put(MAIL + "/../sendmail", """#!/bin/sh
f=$(mktemp %s/part.XXXXXX) || exit 75
{ id -u; printf '%%s\\n' "$0" "$@"; echo; cat; } >"$f"
mv "$f" "$f.mail"
%s
""" % (MAIL, then), 0o755, replace=True)
        target = "/usr/sbin/sendmail"
        if os.path.lexists(target):
            os.remove(target)
        os.symlink(ROOM + "/sendmail", target)

    def mails(self):
        """(uid, argv, text) of each mail, oldest first."""
        paths = [MAIL + "/" + name for name in os.listdir(MAIL) if name.endswith(".mail")]
        found = []
        for path in sorted(paths, key=os.path.getmtime):
            head, _, body = read(path).partition("\n\n")
            words = head.split("\n")
            found.append((int(words[0]), words[1:], body))
        return found

    def finish(self):
        """What every test asserts in the end."""
        noise = read(self.errors)
        check(not SANITIZER.search(noise), "a sanitizer spoke:\n" + noise[-8000:])
        for line in self.syslog.lines:
            if line.facility == CRON:
                check(line.whole, "a log line without its form: %r" % line.text)
                check("\n" not in line.text, "a log line of several lines: %r" % line.text)

    def report(self, last=200):
        print("--- log")
        for line in self.syslog.lines[-last:]:
            print("%.3f <%d> from %d: %s" % (line.at, line.priority, line.sender, line))
        print("--- standard error")
        print(read(self.errors)[-6000:])
        print("--- processes")
        for p in processes():
            print(p.pid, p.ppid, p.state, p.exe, b" ".join(p.argv)[:120])


# --- running


def run_inside(test):
    """In the room of one test: its exit status."""
    try:
        lab = Lab(furnish(os.environ["CROND_BUILD"]))
    except Skip as why:
        print(why)
        return SKIPPED
    try:
        test(lab)
        lab.finish()
    except Skip as why:
        print(why)
        return SKIPPED
    except BaseException:  # noqa: B902 (whatever it was, it is shown)
        traceback.print_exc(file=sys.stdout)
        lab.report()
        return 1
    return 0


def init(work):
    """The first process of the pid namespace: it takes in orphans until work is done."""
    child = os.fork()
    if child == 0:
        os.setsid()
        status = 1
        try:
            status = work()
        finally:
            sys.stdout.flush()
            os._exit(status)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


UNSHARE = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--fork",
           "--kill-child", "--mount-proc"]


def cannot_run():
    """Why no lab can be made here, or None."""
    if os.environ.get("CRONWARD_SYSTEM_TESTS") == "no":
        return "CRONWARD_SYSTEM_TESTS=no"
    if os.getuid() != 0:
        return "needs root (namespaces, users)"
    with entrance() as words:
        tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else "no namespaces here: " + tried.stderr.strip()


@contextlib.contextmanager
def entrance():
    """The words that make namespaces. In a chroot whose root is no mount point unshare
    cannot make its mounts private; there the root is first mounted on a directory."""
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode == 0:
        yield UNSHARE
        return
    root = tempfile.mkdtemp(prefix="cronward-lab.")
    try:
        subprocess.run(["mount", "--rbind", "/", root], check=False)
        subprocess.run(["mount", "--make-rprivate", root], check=False)
        yield ["chroot", root, *UNSHARE]
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", root], check=False)
        os.rmdir(root)


def run_one(words, script, name):
    """A test in namespaces of its own: (status, what it printed, seconds)."""
    began = time.monotonic()
    words = [*words, sys.executable, script, "--inside", name]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as child:
        try:
            output, _ = child.communicate(timeout=TEST_SECONDS * slowness())
            status = child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            output, _ = child.communicate()
            output, status = output + b"\nkilled: it took too long\n", 1
    return status, output.decode("utf-8", "replace"), time.monotonic() - began


def slowness():
    """How much longer things may take than on a machine that is ours alone."""
    return int(os.environ.get("LAB_SLOWNESS", "1"))


def main(verbose=False, inside=run_inside):
    """Runs the calling program's tests. verbose: shows what those that pass print; inside:
    what runs one of them in its namespaces."""
    module = sys.modules["__main__"]
    tests = {name: f for name, f in inspect.getmembers(module, inspect.isfunction)
             if name.startswith("test_")}
    os.environ.setdefault("CROND_BUILD", os.getcwd())
    os.environ["CROND_BUILD"] = os.path.abspath(os.environ["CROND_BUILD"])
    if sys.argv[1:2] == ["--inside"]:
        sys.exit(init(lambda: inside(tests[sys.argv[2]])))
    chosen = [n for n in tests if not sys.argv[1:] or n in sys.argv[1:]]
    print("1..%d" % len(chosen))
    why = cannot_run()
    if why:
        for number, name in enumerate(chosen, 1):
            print("ok %d - %s # SKIP %s" % (number, name, why))
        return
    sys.exit(run_all(os.path.abspath(module.__file__), chosen, verbose))


def run_all(script, chosen, verbose):
    failed = False
    with entrance() as words, concurrent.futures.ThreadPoolExecutor(
            int(os.environ.get("LAB_JOBS", "2"))) as pool:
        results = pool.map(lambda name: run_one(words, script, name), chosen)
        for number, (name, result) in enumerate(zip(chosen, results), 1):
            status, output, took = result
            if status == SKIPPED:
                print("ok %d - %s # SKIP %s" % (number, name, output.strip()), flush=True)
                continue
            word = "ok" if status == 0 else "not ok"
            print("%s %d - %s (%.1f s)" % (word, number, name, took), flush=True)
            failed = failed or status != 0
            if verbose or status != 0:
                for line in output.splitlines():
                    print("# " + line, flush=True)
    return 1 if failed else 0
