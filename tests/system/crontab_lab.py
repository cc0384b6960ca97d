# crontab_lab: a machine of its own for crontab(1), inside private namespaces.
# Flow: crontab_test enters the namespaces and makes a Lab; a Case is a list of steps
# that the lab plays; what comes out is text that can be compared.

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys

from lab import ROOM, counted, memory, own_directory, sysconfdir

ROOT = "/media"
DIALECT = os.environ.get("CRONTAB_DIALECT", "debian")
CRONIE = DIALECT == "cronie"
SPOOL = "/var/spool/cron" if CRONIE else "/var/spool/cron/crontabs"
HOME = "/tmp/home"
USERS = {"root": (0, 0), "alice": (2001, 2001), "bob": (2002, 2002), "stranger": (2999, 2999)}
CRONTAB_GID = 2100
DEVICES = ("null", "zero", "full", "tty", "urandom", "random")

EDITORS = {
    # Debian's looks at the file's time: a date of its own says that it was changed.
    "add": 'echo "7 7 * * * added" >>"$1"; touch -d 2030-01-01 "$1"',
    "same": ":",
    "resave": 'cat "$1" >"$1.x"; cat "$1.x" >"$1"; rm -f "$1.x"; touch -d 2030-01-01 "$1"',
    "replace": 'printf "9 9 * * * replaced\\n" >"$1.new"; touch -d 2030-01-01 "$1.new"; '
               'mv "$1.new" "$1"',
    "empty": ': >"$1"; touch -d 2030-01-01 "$1"',
    "fail": "exit 3",
    "failchanged": 'echo "7 7 * * * added" >>"$1"; touch -d 2030-01-01 "$1"; exit 1',
    "killed": "kill -9 $$",
    "bad": 'echo "61 * * * * x" >"$1"; touch -d 2030-01-01 "$1"',
    "badonce": 'if grep -q ^61 "$1"; then echo "6 * * * * x" >"$1"; touch -d 2031-01-01 "$1"; '
               'else echo "61 * * * * x" >"$1"; touch -d 2030-01-01 "$1"; fi',
    "noeol": 'printf "1 * * * * x" >"$1"; touch -d 2030-01-01 "$1"',
    "gone": 'rm -f "$1"',
    "link": 'rm -f "$1"; ln -s /tmp/secret "$1"',
    "dir": 'rm -f "$1"; mkdir "$1"',
    "fifo": 'rm -f "$1"; mkfifo "$1"',
    "show": 'cat "$1"',
    "ids": 'id -u; id -g; id -G; grep -E "^(Uid|Gid|SigBlk)" /proc/self/status; '
           'pwd; ls /proc/self/fd | wc -l; stat -c "%a %U" "$1" "$(dirname "$1")"; umask',
    "name": 'echo "editor got: $*" | sed "s/crontab\\.[A-Za-z0-9]*/crontab.XXXXXX/"',
}


def pkglibexecdir(build):
    """Where the programs of this build tree look for their helpers."""
    with open(build + "/Makefile", encoding="utf-8") as makefile:
        settings = dict(re.findall(r"^(\w+) = (.*)$", makefile.read(), re.M))
    path = settings["pkglibexecdir"]
    while "$" in path:
        path = re.sub(r"\$[({](\w+)[)}]", lambda m: settings[m[1]], path)
    return path


def home(user):
    """Of the lab's own for root too: other tests run beside this one."""
    return "%s/%s" % (HOME, user)


def skip(why):
    """Says so to a TAP reader; any other sees it by the status."""
    print("1..0 # SKIP " + why)
    sys.exit(0 if "AM_TAP_AWK" in os.environ else 77)


class Case:
    def __init__(self, name, *steps):
        self.name, self.steps = name, steps

    def calls(self):
        return [s for s in self.steps if isinstance(s, Call)]


class Call:
    """One call of crontab."""

    def __init__(self, user, *argv, stdin=b"", env=None, editor=None, name="crontab"):
        self.user, self.argv, self.stdin, self.name = user, argv, stdin, name
        self.env = dict(env or {})
        if editor:
            self.env["EDITOR"] = "%s/ed/%s" % (ROOT, editor)

    def __str__(self):
        extra = "".join(" %s=%s" % kv for kv in sorted(self.env.items()))
        if isinstance(self.stdin, bytes) and 0 < len(self.stdin) < 200:
            extra += " <<%r" % self.stdin.decode("latin-1")
        return "$ [%s]%s %s %s" % (self.user, extra, self.name,
                                   " ".join(a[:200] for a in self.argv))


class Put:
    """A file; owner and mode as given."""

    def __init__(self, path, data=b"", owner="root", mode=0o644, group=None):
        self.path, self.owner, self.mode, self.group = path, owner, mode, group
        self.data = data if isinstance(data, bytes) else data.encode()

    def do(self, lab):
        if os.path.lexists(self.path):
            os.unlink(self.path)
        with open(self.path, "wb") as f:
            f.write(self.data)
        uid, gid = USERS[self.owner]
        os.chown(self.path, uid, grp.getgrnam(self.group).gr_gid if self.group else gid)
        os.chmod(self.path, self.mode)


class Pam:
    """What PAM says of accounts and credentials: permit or deny."""

    def __init__(self, **words):
        self.words = words

    def do(self, lab):
        lab.write_pam(**self.words)


class Do:
    """Anything else, as a function of nothing."""

    def __init__(self, function):
        self.function = function

    def do(self, lab):
        self.function()


class Lab:
    def __init__(self, build, tool, peer):
        # The build tree may stand where the mounts below hide it.
        etc, helpers = sysconfdir(build), pkglibexecdir(build)
        account = os.path.join(build, "crontab-tool", "crontab-account")
        account = open(account, "rb").read() if CRONIE and os.path.exists(account) else None
        self.asks_pam = account is not None
        self.pam = True
        binaries = {k: open(p, "rb").read() for k, p in (("tool", tool), ("peer", peer)) if p}
        with counted(build):
            self.mount()
        self.kept = self.temporary()
        if account:
            self.helper(helpers, account)
        self.configure(etc)
        self.users()
        for key, data in binaries.items():
            self.install(key, data)
        os.mkdir(ROOT + "/ed")
        for name, script in EDITORS.items():
            Put("%s/ed/%s" % (ROOT, name), "#!/bin/sh\n%s\n" % script, mode=0o755).do(self)
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.log.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        self.log.setblocking(False)

    def mount(self):
        run = lambda *a: subprocess.run(a, check=True)
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "lab", ROOT)
        shutil.copytree("/etc", ROOT + "/etc", symlinks=True)
        run("mount", "--bind", ROOT + "/etc", "/etc")
        for name in DEVICES:
            os.close(os.open(ROOT + "/" + name, os.O_CREAT))
            run("mount", "--bind", "/dev/" + name, ROOT + "/" + name)
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "lab", "/dev")
        for name in DEVICES:
            os.close(os.open("/dev/" + name, os.O_CREAT))
            run("mount", "--move", ROOT + "/" + name, "/dev/" + name)
        os.symlink("/proc/self/fd", "/dev/fd")
        os.mkdir("/dev/pts")
        run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "lab", "/dev/pts")
        os.symlink("pts/ptmx", "/dev/ptmx")
        for path in ("/tmp", "/var/tmp", "/var/spool"):
            run("mount", "-t", "tmpfs", "-o", "mode=1777" if "tmp" in path else "mode=0755",
                "lab", path)

    def configure(self, etc):
        """The dialect is chosen as on any system; cronie's crontab asks PAM too."""
        if not os.path.isdir(etc):
            skip("no %s to lay a configuration over" % etc)
        if etc != "/etc":
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "lab", etc], check=True)
        self.conf = etc + "/crond.conf"
        self.write_conf()

    def helper(self, directory, account):
        """What asks PAM stands where the program looks for it."""
        memory(ROOM)
        own_directory(directory)
        path = directory + "/crontab-account"
        with open(path, "wb") as f:
            f.write(account)
        os.chmod(path, 0o755)

    def write_pam(self, account="permit", auth="permit"):
        Put("/etc/pam.d/crond", "auth required pam_%s.so\naccount required pam_%s.so\n"
            "session required pam_permit.so\n" % (auth, account)).do(self)

    def write_conf(self, more="", **how):
        Put(self.conf, 'dialect = "%s"\n%s' % (DIALECT, more), **how).do(self)

    def users(self):
        with open("/etc/passwd") as f:
            lines = [x for x in f if x.split(":")[0] not in ("alice", "bob")]
        with open("/etc/passwd", "w") as f:
            f.writelines(lines)
            for name, (uid, gid) in USERS.items():
                if name in ("alice", "bob"):
                    f.write("%s:x:%d:%d::%s/%s:/bin/sh\n" % (name, uid, gid, HOME, name))
        with open("/etc/group") as f:
            lines = [x for x in f if x.split(":")[0] not in ("crontab", "alice", "bob")]
        with open("/etc/group", "w") as f:
            f.writelines(lines + ["alice:x:2001:\n", "bob:x:2002:\n",
                                  "crontab:x:%d:\n" % CRONTAB_GID])

    def install(self, key, data):
        os.mkdir(os.path.join(ROOT, key))
        path = self.binary(key)
        with open(path, "wb") as f:
            f.write(data)
        self.give_rights(key)

    def give_rights(self, key):
        path = self.binary(key)
        os.chown(path, 0, 0 if CRONIE else CRONTAB_GID)
        os.chmod(path, 0o4755 if CRONIE else 0o2755)

    def binary(self, key):
        return os.path.join(ROOT, key, "crontab")

    def own_spool(self):
        os.chown(SPOOL, 0, 0 if CRONIE else CRONTAB_GID)
        os.chmod(SPOOL, 0o700 if CRONIE else 0o1730)

    def temporary(self):
        return {os.path.join(base, name) for base in ("/tmp", "/var/tmp") for name in os.listdir(base)}

    def clean(self):
        for path in self.temporary() - self.kept:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        shutil.rmtree(SPOOL, ignore_errors=True)
        os.makedirs(SPOOL, exist_ok=True)
        self.own_spool()
        for path in ("/etc/cron.allow", "/etc/cron.deny"):
            if os.path.lexists(path):
                os.unlink(path)
        if CRONIE: # as it is packaged: everybody may
            Put("/etc/cron.deny").do(self)
            if self.pam:
                self.write_pam()
            elif os.path.exists("/etc/pam.d/crond"):
                os.unlink("/etc/pam.d/crond")
        os.mkdir(HOME)
        for name in ("root", "alice", "bob"):
            os.mkdir("%s/%s" % (HOME, name))
            os.chown("%s/%s" % (HOME, name), *USERS[name])
        self.logged()

    def logged(self):
        """What arrived in the log since the last look, each line as text."""
        lines = []
        while True:
            try:
                lines.append(self.log.recv(65536).decode("latin-1"))
            except BlockingIOError:
                return lines

    def popen(self, key, call, **more):
        """Starts a call; a file descriptor or bytes as stdin."""
        uid, gid = USERS[call.user]
        env = {"PATH": "/usr/bin:/bin", "HOME": home(call.user), "LANG": "C", **call.env}
        return subprocess.Popen([call.name, *call.argv], executable=self.binary(key),
                                user=uid, group=gid, extra_groups=[], env=env,
                                cwd=home(call.user) if os.path.isdir(home(call.user)) else "/",
                                start_new_session=True, stdin=subprocess.PIPE, umask=0o022,
                                restore_signals=True, **more)

    def call(self, key, call):
        p = self.popen(key, call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = p.communicate(call.stdin, timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            out, err = p.communicate()
            err += b"(timeout)\n"
        return p.returncode, out, err

    def play(self, case, key):
        self.clean()
        text = []
        for step in case.steps:
            if not isinstance(step, Call):
                step.do(self)
                continue
            before = self.spool()
            status, out, err = self.call(key, step)
            text.append(str(step))
            text += shown("out", out) + shown("err", err)
            text.append("status %d" % status)
            text += ["log " + normal_log(x) for x in self.logged()]
            after = self.spool()
            text += (["spool as before"] if after == before else after) + leftovers() + backups()
        return normal("\n".join(text) + "\n")

    def spool(self):
        if not os.path.isdir(SPOOL):
            return ["spool gone"]
        lines = []
        for name in sorted(os.listdir(SPOOL)):
            lines += listed(SPOOL + "/" + name, name)
        return lines or ["spool empty"]


def shown(what, data):
    """Bytes as lines behind a word; an odd end is said."""
    if not data:
        return []
    text = data.decode("latin-1")
    lines = text.split("\n")
    tail = lines.pop()
    out = ["%s|%s" % (what, quoted(x)) for x in lines]
    if tail:
        out.append("%s|%s (no newline)" % (what, quoted(tail)))
    if len(out) > 60:
        out = out[:20] + ["%s: %d lines in all" % (what, len(out))]
    return out


def quoted(text):
    text = text.encode("latin-1").decode("latin-1")
    text = "".join(c if 32 <= ord(c) < 127 else "\\x%02x" % ord(c) for c in text)
    return text if len(text) < 300 else "%s... (%d bytes)" % (text[:100], len(text))


def listed(path, name):
    st = os.lstat(path)
    try:
        owner = pwd.getpwuid(st.st_uid).pw_name
    except KeyError:
        owner = str(st.st_uid)
    line = "spool %s %s:%s %04o" % (name, owner, grp.getgrgid(st.st_gid).gr_name,
                                    stat.S_IMODE(st.st_mode))
    if not stat.S_ISREG(st.st_mode):
        return [line + " (no file)"]
    with open(path, "rb") as f:
        return [line] + shown("  ", f.read())


def leftovers():
    """What stands in /tmp that no case put there."""
    found = sorted(n for n in os.listdir("/tmp") if n.startswith("crontab."))
    lines = []
    for name in found:
        path = "/tmp/" + name
        inside = sorted(os.listdir(path)) if os.path.isdir(path) else ["(file)"]
        lines.append("left /tmp/%s %s: %s" % (name, oct(os.lstat(path).st_mode & 0o7777),
                                              " ".join(inside)))
    return lines


def backups():
    """What cronie's crontab keeps of a table that goes."""
    lines = []
    for top in (*map(home, ("root", "alice", "bob")), "/tmp/cache"):
        for path, _, files in sorted(os.walk(top)):
            for name in sorted(n for n in files if n.endswith(".bak")):
                lines.append("backup in %s %s" % (path, oct(os.stat(path).st_mode & 0o7777)))
                lines += listed(path + "/" + name, name)
    return lines


def normal(text):
    if CRONIE:
        return normal_cronie(text)
    return normal_debian(text)


def normal_cronie(text):
    text = re.sub(r"/tmp/crontab\.[A-Za-z0-9]{6}(/crontab)?", "/tmp/crontab.XXXXXX", text)
    text = re.sub(r"crontab\.[A-Za-z0-9]{6}/crontab", "crontab.XXXXXX", text)
    # The notice goes to a terminal only (deviation 7).
    text = re.sub(r"^out\|Backup of .*\n", "", text, flags=re.M)
    text = re.sub(r"^(out\|.+)Backup of .*", r"\1 (no newline)", text, flags=re.M)
    text = re.sub(r"^left (/tmp/crontab\S+) .*", r"left \1", text, flags=re.M)
    # What is wrong with a table is for its author, not for the log.
    text = re.sub(r"^log .* ERROR \(Only privileged user can .*\n", "", text, flags=re.M)
    text = re.sub(r"^out\|cron\w+ [0-9.]+$", "out|PROGRAM VERSION", text, flags=re.M)
    return re.sub(r"(#tmp\.\S+\.\w{10}|\.tmp\.\S+\.\d+\.\d+)", "TEMPORARY", text)


def normal_debian(text):
    text = re.sub(r"/tmp/crontab\.[A-Za-z0-9]{6}", "/tmp/crontab.XXXXXX", text)
    text = re.sub(r"crontab\.[A-Za-z0-9]{6}/crontab", "crontab.XXXXXX/crontab", text)
    text = re.sub(r"installed on [A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}",
                  "installed on DATE", text)
    text = re.sub(r"# \(Cron version -- .*\)", "# (Cron version -- VERSION)", text)
    # Debian's line numbers are one too low but for errors at a line's end.
    text = re.sub(r'^(err\|".*":)\d+(: )', r"\1N\2", text, flags=re.M)
    return re.sub(r"\.?tmp\.\S*[A-Za-z0-9]{6}\b", "tmp.XXXXXX", text)


def normal_log(line):
    line = re.sub(r"[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8}", "DATE", line.rstrip("\n\0"))
    return re.sub(r"\[[0-9]+\]", "[PID]", line)
