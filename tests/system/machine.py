"""A machine of the system tests: a real systemd, booted by systemd-nspawn.

Its root is this machine's own, under an overlay in memory: nothing of this machine changes,
and none of its services, tables and accounts' jobs run in there. It has no network. A test
program is a module with functions named test_*, each taking a Machine that is not booted
yet, and `machine.main()` at its end; else it is as those of lab.py are.
"""
import contextlib
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import lab
from lab import Failure, Skip, check

ROOM = "/run/machine"
BOOT_SECONDS = 30
MOUNTED_APART = ("/usr", "/etc", "/var", "/opt", "/boot")
# what the machine around has enabled, and what it would run, is not ours to start
FOREIGN = ("/etc/systemd/system", "/var/lib/systemd", "/etc/cron.d", "/etc/cron.allow",
           "/etc/cron.deny", "/etc/crontab", "/etc/crond.conf", "/etc/crond.tasks",
           "/var/spool/cron", "/var/lib/crond", "/etc/default/cron", "/etc/sysconfig/crond",
           "/usr/lib/tmpfiles.d/tmp.conf", "/usr/lib/tmpfiles.d/home.conf", "/var/log/journal", "/var/spool/dma", "/usr/sbin/policy-rc.d",
           *("/etc/rc%s.d" % level for level in "0123456S"))
UNUSED = ("console-getty.service", "systemd-logind.service", "dbus.service", "dbus.socket",
          "systemd-update-utmp.service", "systemd-udevd.service", "systemd-tmpfiles-clean.timer")
USERS = (("alice", 2001), ("bob", 2002))


def run(words, **how):
    """What the command printed; a failure where it fails."""
    how.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          encoding="utf-8", errors="replace", **how)
    check(done.returncode == 0, "%s: status %d\n%s" % (
        " ".join(words), done.returncode, done.stdout))
    return done.stdout


def overlay(lower, upper, target):
    for name in ("new", "work"):
        os.makedirs(upper + "/" + name)
    try:
        lab.mount("machine", target, "overlay", 0,
                  "lowerdir=%s,upperdir=%s/new,workdir=%s/work" % (lower, upper, upper))
    except OSError as why:
        raise Skip("no overlay over %s: %s" % (lower, why)) from None


def source_tree(build):
    """Where the sources of a build tree are."""
    with open(build + "/Makefile", encoding="utf-8") as makefile:
        found = re.search(r"^abs_top_srcdir = (.*)$", makefile.read(), re.M)
    return os.path.normpath(found.group(1))


class Machine:
    """A machine, from bare root to power off."""

    def __init__(self, build):
        self.build, self.source = build, source_tree(build)
        self.root, self.console = ROOM + "/root", ROOM + "/console"
        self.nspawn, self.init, self.cgroups = None, None, []
        os.makedirs(self.root)
        overlay("/", ROOM + "/upper", self.root)
        for path in MOUNTED_APART:
            if os.path.ismount(path):
                overlay(path, ROOM + "/upper" + path, self.root + path)
        for path in FOREIGN:
            self.remove(path)
        os.makedirs(self.root + "/etc/systemd/system")
        for unit in UNUSED:
            os.symlink("/dev/null", self.root + "/etc/systemd/system/" + unit)
        os.symlink("/lib/systemd/system/multi-user.target",
                   self.root + "/etc/systemd/system/default.target")
        self.put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.put("/etc/hostname", "labhost\n")
        self.put("/etc/systemd/journald.conf.d/lab.conf",
                 "[Journal]\nStorage=volatile\nRateLimitBurst=0\n")
        self.people()
        os.makedirs(self.root + "/var/out", exist_ok=True)
        os.chmod(self.root + "/var/out", 0o1777)

    # files

    def remove(self, path):
        path = self.root + path
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.remove(path)

    def put(self, path, content, mode=0o644):
        """A file of the machine; not below what it mounts itself (/run, /tmp)."""
        self.remove(path)
        lab.put(self.root + path, content, mode)

    def read(self, path):
        return lab.read(self.root + path)

    def people(self):
        """Users of the tests; no group crontab, no users of our helpers yet."""
        ours = "crond-notify|crond-history"
        for path, gone in (("/etc/passwd", ours), ("/etc/group", "crontab|" + ours),
                           ("/etc/shadow", ours), ("/etc/gshadow", "crontab|" + ours)):
            text = re.sub(r"(?m)^(%s|%s):.*\n" % (gone, "|".join(n for n, _ in USERS)), "",
                          self.read(path))
            for name, uid in USERS:
                text += {"/etc/passwd": "%s:x:%d:%d::/home/%s:/bin/sh\n" % (name, uid, uid, name),
                         "/etc/group": "%s:x:%d:\n" % (name, uid),
                         "/etc/shadow": "%s:*:19000::::::\n" % name,
                         "/etc/gshadow": "%s:!::\n" % name}[path]
            self.put(path, text, 0o640 if "shadow" in path else 0o644)
        for name, uid in USERS:
            os.makedirs(self.root + "/home/" + name, exist_ok=True)
            os.chown(self.root + "/home/" + name, uid, uid)

    def chroot(self, command):
        """A shell command in the root of a machine that is not booted."""
        return run(["unshare", "--mount", "/bin/sh", "-ec", "mount -t proc proc $0/proc;"
                    "mount -t tmpfs tmpfs $0/tmp;"
                    "for d in $2; do mkdir -p $0$d; mount --rbind $d $0$d; done;"
                    "exec chroot $0 /bin/sh -ec \"$1\"", self.root, command,
                    " ".join(self.shared())], env=environment())

    def shared(self):
        """What of this machine is seen at the same place in that one."""
        return sorted(path for path in {self.source, self.build} if os.path.isdir(path))

    def install(self, *settings):
        """make install, as from outside."""
        return run(["flock", self.build, "make", "-C", self.build, "install", "DESTDIR=" + self.root, *settings],
                   env=environment())

    # running

    def cgroup(self):
        """Of its own, so that machines do not stand in each other's."""
        for line in lab.read("/proc/self/cgroup").splitlines():
            _, names, path = line.split(":", 2)
            base = {"": "/sys/fs/cgroup", "name=systemd": "/sys/fs/cgroup/systemd"}.get(names)
            if names == "" and os.path.isdir("/sys/fs/cgroup/unified"):
                base = "/sys/fs/cgroup/unified"
            if not base or not os.path.exists(base + "/cgroup.procs"):
                continue
            own = "%s%s/cronward-machine-%s" % (base, path.rstrip("/"), os.path.basename(
                os.readlink("/proc/self/ns/pid")).strip("pid:[]"))
            try:
                os.mkdir(own)
            except OSError as why:
                raise Skip("no cgroup can be made: %s" % why) from None
            self.cgroups.append(own)

    def enter_cgroup(self):
        for path in self.cgroups:
            with open(path + "/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write("0")

    def boot(self):
        """Until its default target is reached."""
        self.cgroup()
        binds = ["--bind-ro=" + path for path in self.shared()]
        with open(self.console, "ab") as console:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", self.root, "--boot", "--private-network",
                 "--register=no", "--keep-unit", "-M", "machine", *binds],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                preexec_fn=self.enter_cgroup)
        end = time.monotonic() + BOOT_SECONDS * lab.slowness()
        while not self.is_up():
            if self.nspawn.poll() is not None or time.monotonic() > end:
                said = lab.read(self.console)
                raise (Failure if self.init else Skip)("the machine does not boot: " + said[-3000:])
            time.sleep(0.05)
        return self

    def is_up(self):
        self.init = self.init or self.find_init()
        return self.init and self.status("systemctl -q is-system-running --wait 2>&1 || "
                                         "test \"$(systemctl is-system-running)\" = degraded") == 0

    def find_init(self):
        for name in os.listdir("/proc"):
            found = re.search(r"^NSpid:(.*)$", name.isdigit() and lab.read("/proc/%s/status" % name)
                              or "", re.M)
            inside = found and found.group(1).split()
            if inside and len(inside) == len(own_pids()) + 1 and inside[-1] == "1" and \
                    os.path.basename(lab.Process(int(name)).exe) == "systemd":
                return int(name)
        return None

    def off(self):
        """Powers off; what was in memory is gone, the root stays."""
        if self.nspawn:
            if self.init and self.nspawn.poll() is None:
                os.kill(self.init, signal.SIGRTMIN + 4)
            try:
                self.nspawn.wait(20)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.nspawn, self.init = None, None
        for path in self.cgroups:
            remove_cgroup(path)
        self.cgroups = []

    def words(self, command, user):
        words = ["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        if user != "root":
            words += ["setpriv", "--reuid", user, "--regid", user, "--init-groups",
                      "env", "HOME=/home/" + user, "LOGNAME=" + user]
        return [*words, "/bin/sh", "-ec", "cd / && " + command]

    def status(self, command, user="root"):
        return subprocess.run(self.words(command, user), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                              env=environment()).returncode

    def sh(self, command, user="root"):
        """What a shell command in the machine printed."""
        return run(self.words(command, user), env=environment())

    # README

    def said(self, heading):
        """Its commands below a heading: a list for each block of them."""
        section = re.search(r"^%s\n-+\n(.*?)(?=^[^\n]+\n-{3,}\n)" % re.escape(heading),
                            lab.read(self.source + "/README"), re.M | re.S)
        return [[re.split(r" {3,}", line.strip())[0] for line in block.splitlines()]
                for block in re.findall(r"(?:^  \S.*\n)+", section.group(1), re.M)]

    def follow(self, commands):
        """As root, in the build tree."""
        for command in commands:
            self.sh("cd %s; %s" % (self.build, command))

    # looking

    def wait_for(self, truth, deadline, what):
        return lab.wait_for(truth, deadline, what)

    def lines(self, path):
        return self.read(path).splitlines()

    def read_run(self, name):
        """One line of a file below /run."""
        return self.sh("cat /run/" + name).strip()

    def show(self, unit, name):
        return self.sh("systemctl show -P %s %s" % (name, unit)).strip()

    def main_pid(self, unit):
        """As the machine counts."""
        return int(self.show(unit, "MainPID"))

    def exe(self, pid):
        return self.sh("readlink /proc/%d/exe" % pid).strip()

    def journal(self, *match, fields="MESSAGE"):
        """One column of what journald has, oldest first."""
        return self.sh("journalctl -q -o cat --output-fields=%s %s" % (
            fields, " ".join(map(shlex.quote, match)))).splitlines()

    def wait_journal(self, text, unit):
        """journald writes when it comes to it."""
        self.wait_for(lambda: any(text in line for line in self.journal(
            "_SYSTEMD_UNIT=%s.service" % unit)), 20, "%s of %s in the journal" % (text, unit))

    def report(self):
        print("--- console\n" + lab.read(self.console)[-500:])
        if self.init and self.nspawn.poll() is None:
            with contextlib.suppress(Failure):
                print("--- journal\n" + self.sh("journalctl -q -o short-precise | grep -v -e left-over -e 'usually indicates' | tail -n 80"))
                print("--- processes\n" + self.sh("ps axf -o pid,stat,args 2>&1 | tail -n 40"))


def own_pids():
    return re.search(r"^NSpid:(.*)$", lab.read("/proc/self/status"), re.M).group(1).split()


def remove_cgroup(path):
    for name, _, _ in os.walk(path, topdown=False):
        for _ in range(50):
            try:
                os.rmdir(name)
                break
            except OSError:  # its last process is on its way
                time.sleep(0.02)


def environment():
    """Nothing of a make or shell around a test, which would be in its way."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8", "HOME": "/root", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


def run_inside(test):
    """One machine, in its test's namespaces: an exit status."""
    for program in ("systemd-nspawn", "nsenter", "/usr/lib/systemd/systemd"):
        if not shutil.which(program):
            print("%s is missing" % program)
            return lab.SKIPPED
    lab.memory("/run")
    lab.memory(ROOM)
    room = None
    try:
        room = Machine(os.environ["CROND_BUILD"])
        test(room)
    except Skip as why:
        print(why)
        return lab.SKIPPED
    except BaseException:  # noqa: B902 (whatever it was, it is shown)
        traceback.print_exc(file=sys.stdout)
        if room:
            room.report()
        return 1
    finally:
        if room:
            room.off()
    return 0


def main():
    lab.TEST_SECONDS = 240  # one of them builds
    lab.main(inside=run_inside)
