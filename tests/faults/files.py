"""What rows 23 to 46 have in common: tables installed by crontab(1), disks of their own, users whose
tables are traps, and what the record of runs holds."""
import contextlib
import os
import shutil
import sqlite3
import subprocess

import lab
import powercut
from faults import OUT, Fault, Skip
from invariants import DATABASE

EVERY = "#@ second=*\n* * * * * "
PLACE = os.path.dirname(DATABASE)
FULL = bool(os.environ.get("FAULTS_FULL"))  # sizes and counts as the table has them


class Seen:
    """What a row saw go wrong, in the order in which it was seen; raised as one."""

    def __init__(self):
        self.words = []

    def add(self, truth, text):
        """text is to be told where truth holds."""
        if truth and text not in self.words:
            self.words.append(text)
        return bool(truth)

    def tell(self):
        if self.words:
            raise Fault(", ".join(self.words))


def install(room, text, user="alice", under=()):
    """A table put in place by the daemon's own crontab(1): what became of it."""
    data = text.encode() if isinstance(text, str) else text
    return subprocess.run([*under, *room.crontab_words("-u", user, "-")], input=data, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          env={"PATH": "/usr/bin:/bin", "HOME": "/root", "LANG": "C"})


def path_of(room, user="alice"):
    return room.subject.spool + "/" + user


def content(room, user="alice"):
    """A table's bytes without what Debian's crontab puts in front; None: there is none."""
    try:
        with open(path_of(room, user), "rb") as table:
            data = table.read()
    except FileNotFoundError:
        return None
    return data.split(b"\n", 3)[3] if data.startswith(b"# DO NOT EDIT") else data


def left_over(room, before):
    """Names in the spool that were not there before, beside those that belong to the lab."""
    return sorted(set(os.listdir(room.subject.spool)) - set(before) - {"cron.update", "lost+found"})


@contextlib.contextmanager
def moved_out(path):
    """What is in a directory stands elsewhere while the body puts another one in its place."""
    keep = "%s/moved%s" % (lab.ROOM, path.replace("/", "-"))
    status = os.stat(path)
    shutil.copytree(path, keep, symlinks=True)
    for name in os.listdir(path):
        os.remove(os.path.join(path, name))
    yield
    os.chown(path, status.st_uid, status.st_gid)
    os.chmod(path, status.st_mode & 0o7777)
    subprocess.run(["cp", "-a", keep + "/.", path], check=True)
    shutil.rmtree(keep)


class Disk(powercut.Disk):
    """An ext4 below a directory, which can lose its power."""

    def __init__(self, room, where):
        if not os.path.ismount("/media"):
            lab.memory("/media")
        try:
            super().__init__(where)
        except powercut.Unable as why:
            raise Skip(str(why)) from None
        room.undo.callback(self.close)

    def gone(self, holders=lambda: ()):
        """No longer mounted, once those who hold it are killed: holders gives their pids."""
        def tried():
            for pid in holders():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, lab.signal.SIGKILL)
            try:
                self.umount()
            except OSError:
                return False
            return True
        lab.wait_for(tried, 20, "the disk to be unmounted")


def fill(path):
    """Leaves no room on the file system that this file is on."""
    with open(path, "wb", buffering=0) as filler:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while filler.write(b"x" * size) == size:
                    pass


def people(*names):
    """More users, each with a home."""
    for number, name in enumerate(names, 2200):
        for path, line in (("/etc/passwd", "%s:x:%d:%d::/home/%s:/bin/sh\n" % (name, number, number, name)),
                           ("/etc/group", "%s:x:%d:\n" % (name, number)),
                           ("/etc/shadow", "%s:*:19000::::::\n" % name)):
            with open(path, "a", encoding="utf-8") as file:
                file.write(line)
        os.makedirs("/home/" + name)
        os.chown("/home/" + name, number, number)


def leaves(name):
    """A line that leaves word of itself each instant."""
    return EVERY + "echo x >>%s/%s\n" % (OUT, name)


# --- the record of runs


def rows(query="SELECT run_id FROM runs WHERE result IS NOT NULL", *values):
    """What the database says; nothing while it cannot be asked."""
    if not os.path.exists(DATABASE):
        return []
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % DATABASE, uri=True, timeout=10)) as db:
        try:
            return db.execute(query, values).fetchall()
        except sqlite3.Error:
            return []


def writers():
    return [p.pid for p in lab.processes() if p.exe == "crond-history"]


def kill_writers():
    for pid in writers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, lab.signal.SIGKILL)


def wait_rows(room, more=1):
    """So many more runs than now have their end in the database."""
    count = len(rows()) + more
    room.wait_for(lambda: len(rows()) >= count, room.patience(), "%d runs in the history" % count)
