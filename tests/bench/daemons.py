"""The daemons that are measured: what is known of each, its files, its namespace and the
account of what it uses."""
import copy
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)
PERMIT = "".join("%s required pam_permit.so\n" % kind for kind in ("auth", "account", "session"))
BOTH = [["crond", "/etc/cron.d"], ["spool", "/var/spool/cron/crontabs"]]
PRESETS = {
    "ours": {"argv": ["{path}", "-f"], "binds": BOTH, "tree": True, "pam_service": "cron",
             "every_second": "#@ second=*\n* * * * * {user} {cmd}"},
    "debian": {"argv": ["{path}", "-f"], "binds": BOTH, "max_lines": 9900, "pam_service": "cron",
               "files": {"/etc/pam.d/cron": PERMIT}},
    "cronie": {"argv": ["{path}", "-n", "-s"], "max_lines": 9900, "pam_service": "crond",
               "binds": [["crond", "/etc/cron.d"], ["spool", "/var/spool/cron"]],
               "files": {"/etc/pam.d/crond": PERMIT}},
    "busybox": {"argv": ["{path}", "crond", "-f", "-L", "/dev/null", "-c", "{spool}"],
                "layout": "spool", "max_lines": 254, "root_max_lines": 65533},
}
DEFAULTS = {"layout": "crond", "seconds": False, "line": None, "max_lines": 10 ** 9,
            "root_max_lines": None, "max_n": 10 ** 9, "binds": [], "dirs": [], "files": {},
            "prepare": [], "update_file": None, "tree": False, "new_session": True, "env": {},
            "pam_service": None, "every_second": None}
PRIVATE = ["/etc", "/run", "/var/lib", "/var/log", "/var/spool"]


def fail(text):
    sys.exit("bench: " + text)


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def describe(spec):
    """NAME=PRESET:PATH, PRESET=PATH, or a file that describes a daemon."""
    if spec.endswith(".json"):
        with open(spec) as f:
            own = json.load(f)
    else:
        name, _, path = spec.partition("=")
        preset, colon, rest = path.partition(":")
        preset, path = (preset, rest) if colon else (name, path)
        if preset not in PRESETS or not path:
            fail("--peer %s: neither NAME=PRESET:PATH (%s) nor FILE.json" % (spec, ", ".join(PRESETS)))
        own = {"name": name, "path": path, **copy.deepcopy(PRESETS[preset])}
    d = {**copy.deepcopy(DEFAULTS), **own}
    for key in set(own) - set(DEFAULTS) - {"name", "path", "argv", "user_column"}:
        fail("%s: nobody knows what %s is" % (spec, key))
    d.setdefault("user_column", d["layout"] == "crond")
    d["root_max_lines"] = d["root_max_lines"] or d["max_lines"]
    d["path"] = shutil.which(d["path"]) or fail("%s: %s is no program" % (d["name"], d["path"]))
    d["path"] = os.path.abspath(d["path"])
    return d


class Meter:
    """Everything that was started below, in a cgroup of its own."""

    def __init__(self):
        for base, file in (("", "cpu.stat"), ("/cpuacct", "cpuacct.usage"),
                           ("/cpu,cpuacct", "cpuacct.usage"), ("/unified", "cpu.stat")):
            self.dir = "/sys/fs/cgroup%s/crond-bench-%d-%d" % (base, os.getpid(), random.randrange(10 ** 6))
            self.file = self.dir + "/" + file
            try:
                os.mkdir(self.dir)
            except OSError:
                continue
            if os.path.exists(self.file):
                return
            os.rmdir(self.dir)
        fail("no cgroup with an account of CPU time can be made below /sys/fs/cgroup")

    def enter(self):
        with open(self.dir + "/cgroup.procs", "w") as f:
            f.write(str(os.getpid()))

    def cpu(self):
        """Seconds, of those that have ended too."""
        words = read(self.file).split()
        return int(words[0]) / 1e9 if len(words) == 1 else int(words[words.index("usage_usec") + 1]) / 1e6

    def processes(self):
        return [int(x) for x in read(self.dir + "/cgroup.procs").split()]

    def status(self, *keys):
        """The sum of these figures over all processes and, of switches, their threads."""
        total = 0
        for pid in self.processes():
            tasks = ["/proc/%d" % pid]
            if "switches" in keys[0]:
                tasks = ["/proc/%d/task/%s" % (pid, t) for t in os.listdir("/proc/%d/task" % pid)]
            for task in tasks:
                for line in read(task + "/status").splitlines():
                    if line.split(":")[0] in keys:
                        total += int(line.split()[1])
        return total

    def close(self):
        """Ends what is left in it."""
        for _ in range(100):
            pids = self.processes()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if not pids:
                break
            time.sleep(0.05)
        os.rmdir(self.dir)


def mount(source, target, flags):
    if LIBC.mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None):
        raise OSError(ctypes.get_errno(), "cannot mount %s on %s" % (source, target))


class Daemon:
    """One daemon with its files; its tables are written before start()."""

    def __init__(self, d, work):
        self.d, self.name, self.process = d, d["name"], None
        self.stage = os.path.join(work, self.name)
        shutil.rmtree(self.stage, ignore_errors=True)
        self.roots = {p: self.stage + "/root" + p for p in PRIVATE}
        shutil.copytree("/etc", self.roots["/etc"], symlinks=True, ignore_dangling_symlinks=True)
        for p in PRIVATE[1:] + ["/etc/cron.d", "/var/spool/cron/crontabs"]:
            shutil.rmtree(self.private(p), ignore_errors=True)
            os.makedirs(self.private(p))
        for p in ["crond", "spool"] + d["dirs"]:
            os.makedirs(os.path.join(self.stage, p))
        self.place = os.path.join(self.stage, {"single": ""}.get(d["layout"], d["layout"]))
        self.write(self.private("/etc/crontab"), "")
        for path, text in d["files"].items():
            self.write(self.private(path), text)
        self.tables = {}

    def private(self, path):
        for p in PRIVATE:
            if path == p or path.startswith(p + "/"):
                return self.roots[p] + path[len(p):]
        fail("%s: %s is not below %s" % (self.name, path, " ".join(PRIVATE)))

    @staticmethod
    def write(path, text, mode=0o644, replace=False):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        name = os.path.join(os.path.dirname(path), ".tmp") if replace else path
        with open(name, "w") as f:
            f.write(text)
        os.chmod(name, mode)
        os.rename(name, path)

    def line(self, when, command):
        """when: five fields, and what stands before them where there are seconds."""
        d = self.d
        fields = dict(zip(("sec", "min", "hour", "dom", "mon", "dow"), ["0"] + when.split()), user="root",
                      cmd=command)
        form = d["line"] or (("{sec} " if d["seconds"] else "") + "{min} {hour} {dom} {mon} {dow} " +
                             ("{user} " if d["user_column"] else "") + "{cmd}")
        return form.format(**fields) + "\n"

    def put(self, name, text):
        """One table, by rename, as crontab(1) does it."""
        self.write(os.path.join(self.place, name), text, 0o600 if self.d["layout"] == "spool" else 0o644, True)
        if self.d["update_file"] and self.process:
            with open(os.path.join(self.place, self.d["update_file"]), "a") as f:
                f.write(name + "\n")
        self.tables[name] = text

    def user(self, number):
        name = "bench%d" % number
        with open(self.private("/etc/passwd"), "a") as f:
            f.write("%s:x:%d:%d::/:/bin/sh\n" % (name, 20000 + number, 20000 + number))
        with open(self.private("/etc/group"), "a") as f:
            f.write("%s:x:%d:\n" % (name, 20000 + number))
        return name

    def fill(self, lines, files=0):
        """lines: (schedule, command). In so many files; 0: as few as the daemon allows."""
        text = [self.line(*one) for one in lines]
        first = most = -(-len(text) // files) if files else 0
        if not files:
            first, most = self.d["root_max_lines" if self.d["layout"] == "spool" else "max_lines"], self.d["max_lines"]
        if self.d["layout"] == "single":
            first = len(text)
        at = 0
        while at < len(text) or not self.tables:
            number = len(self.tables)
            name = {"single": "table", "crond": "bench%d" % number}.get(self.d["layout"]) or \
                (self.user(number) if number else "root")
            self.put(name, "".join(text[at:at + (most if at else first)]))
            at += most if at else first

    def words(self, argv):
        places = {"path": self.d["path"], "stage": self.stage, "table": self.stage + "/table",
                  "crond": self.stage + "/crond", "spool": self.stage + "/spool"}
        return [a.format(**places) for a in argv]

    def child(self):
        if LIBC.unshare(CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "unshare")
        mount("none", "/", MS_REC | MS_PRIVATE)
        for path, staged in self.roots.items():
            mount(staged, path, MS_BIND)
        for name, target in self.d["binds"]:
            os.makedirs(target, exist_ok=True)
            mount(os.path.join(self.stage, name), target, MS_BIND)
        os.chdir("/")
        for argv in self.d["prepare"]:
            subprocess.run(self.words(argv), check=True, stdin=subprocess.DEVNULL)
        self.meter.enter()

    def start(self):
        self.meter = Meter()
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC0"}
        env.update(zip(self.d["env"], self.words(self.d["env"].values())))
        with open(self.stage + "/output", "wb") as out:
            self.process = subprocess.Popen(
                self.words(self.d["argv"]), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                preexec_fn=self.child, start_new_session=self.d["new_session"])
        return self

    def quiet(self, until, gap=0.6):
        """Waits until it has used no CPU for a while."""
        last, since = self.meter.cpu(), time.time()
        while time.time() < until and time.time() - since < gap:
            time.sleep(0.05)
            if self.meter.cpu() - last > 0.0005:
                last, since = self.meter.cpu(), time.time()
        return time.time() < until

    def stop(self):
        ended = self.process.poll()
        if ended is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                pass
        self.meter.close()
        self.process.wait()
        if ended is not None:
            fail("%s ended by itself (%s): %s" % (self.name, ended, read(self.stage + "/output")[-600:]))
        shutil.rmtree(self.stage)
