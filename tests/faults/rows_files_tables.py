"""Rows of the fault table about what lies in the tables' places: odd files, odd bytes, too much of it."""
import os
import re
import signal

import lab
from faults import OUT, ROOM, Fault
from files import EVERY, FULL, Seen, install, leaves, path_of, people

BY_LINE = 'dialect = "cronie"\nspool-dir = "/var/spool/cron/crontabs"\n'
USUAL = re.compile(r"CMD|END|DEBUG|RELOAD|REPLACE|INFO \((added|changed|removed|reload)|USER \S+ pid")
TRAPS = ("fifo", "device", "directory", "symlink", "hardlink", "owner", "mode")


def lines_count(room):
    """Our daemon in the dialect in which a bad line costs itself, as cronie's; else it costs its file."""
    if room.ours:
        room.conf(BY_LINE)


def settle(room):
    """Some do not see what changes within the second in which they looked (row 37 says who)."""
    if not room.ours:
        room.instants(1)


def answers(room):
    """Does the daemon still start jobs?"""
    try:
        room.wait_mark("pulse", count=len(room.marks("start", "pulse")) + (2 if room.ours else 1))
    except lab.Failure:
        return False
    return True


def named(room, *words):
    """Does the log have a line, other than of a start, with one of these?"""
    return [line for line in list(room.syslog.lines) if not USUAL.search(line.text)
            and any(word in line.text for word in words)]


# --- 35 to 37: files


def odd_file(room, kind):
    path, elsewhere = path_of(room, kind), "%s/elsewhere-%s" % (os.path.dirname(room.subject.spool), kind)
    owner = room.subject.owner or kind
    if kind == "fifo":
        os.mkfifo(path, 0o600)
    elif kind == "device":
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # which never ends
    elif kind == "directory":
        os.mkdir(path, 0o600)
    elif kind == "symlink":
        lab.put(elsewhere, leaves("trap-" + kind), 0o600, owner)
        os.symlink(elsewhere, path)
    else:
        lab.put(path, leaves("trap-" + kind), 0o666 if kind == "mode" else 0o600,
                "nohome" if kind == "owner" else owner)
    if kind == "hardlink":
        os.link(path, elsewhere)
    if kind in ("fifo", "device", "directory"):
        lab.shutil.chown(path, owner, owner)
    if room.kind == "busybox":
        with open(room.subject.spool + "/cron.update", "a", encoding="ascii") as update:
            update.write(kind + "\n")


def f35(room):
    """FIFO, device, directory, links, wrong owner or mode in the spool
    each is refused by name, nothing waits for it, others' tables count"""
    people(*TRAPS)
    bounds = {} if room.ours else {"preexec_fn": room.limited(**{"as": 1 << 30})}
    room.start(**bounds)  # who reads a device without an end shall not take the machine's memory for it
    settle(room)
    seen = Seen()
    for kind in TRAPS[::-1]:
        if kind in ("device", "fifo"):  # who reads them may never come back
            seen.add(not answers(room), "hangs")
        odd_file(room, kind)
    seen.add(not answers(room), "hangs on a FIFO")
    ran = [kind for kind in TRAPS if room.out("trap-" + kind)]
    seen.add(ran, "runs " + ", ".join(ran))
    silent = [kind for kind in TRAPS if kind not in ran and not named(room, "/" + kind, "(%s)" % kind)]
    seen.add(silent and not seen.words, "not said: " + ", ".join(silent))
    seen.tell()


def f36(room):
    """inotify loses events, or can watch nothing
    what changed is found all the same: at once after an overflow, each minute without a watch"""
    spool = room.subject.spool
    room.job("steady")
    under = ["strace", "-D", "-qq", "-o", ROOM + "/watches", "-e", "trace=inotify_add_watch", "-e",
             "inject=inotify_add_watch:error=ENOSPC"]
    room.start(under=under if FULL else ())
    room.instants(1)
    if room.ours and FULL:
        room.wait_log(r"crontabs cannot be watched: .*; looking each minute")
        room.table("alice", room.tables["alice"] + leaves("polled"))
        room.wait_for(lambda: room.out("polled"), 70, "the changed table's job")
        return
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as most:
        count = int(most.read())
    lab.check(count < 200000, "a queue of %d events" % count)
    with room.fault():
        room.daemon.send_signal(signal.SIGSTOP)
        for number in range(count // 2 + 100):  # of each two, which differ
            name = "%s/.lost%d" % (spool, number % 2)
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o600))
            os.remove(name)
        room.table("alice", room.tables["alice"] + leaves("changed"))
        room.daemon.send_signal(signal.SIGCONT)
    room.wait_for(lambda: room.out("changed"), room.patience(), "the changed table's job")
    if room.ours:
        room.wait_log("inotify overflowed; everything is looked at")


def f37(room):
    """a table changes, its time and size do not
    the new one counts"""
    room.job("steady")
    kept = room.tables["alice"]
    room.table("alice", kept + leaves("one"))
    room.start()
    room.wait_for(lambda: room.out("one"), room.patience(), "the first version's job")
    path, spool = path_of(room), room.subject.spool
    before, above = os.stat(path), os.stat(spool)
    lab.put(path, kept + leaves("two"), 0o600, room.subject.owner or "alice", replace=True)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.utime(spool, ns=(above.st_atime_ns, above.st_mtime_ns))
    room.tables["alice"] = kept + leaves("two")
    try:
        room.wait_for(lambda: room.out("two"), room.patience(), "the second version's job")
    except lab.Failure:
        raise Fault("stale: the old table runs on") from None


# --- 38 to 42: bytes


def judged(room, seen, user, text, whole="whole table dropped"):
    """A table that holds leaves("rest") is put in place, bytes and all, and its rest should run."""
    data = text.encode() if isinstance(text, str) else text
    settle(room)
    lab.put(path_of(room, user), data, 0o600, room.subject.owner or user, replace=True)
    if room.kind == "busybox":
        with open(room.subject.spool + "/cron.update", "a", encoding="ascii") as update:
            update.write(user + "\n")
    if not answers(room):
        seen.add(True, "hangs")
    elif not room.out("rest"):
        room.instants(1)
        seen.add(not room.out("rest"), whole)


def f38(room):
    """a line of 5 MB
    crontab refuses it; the daemon leaves it out and says so, no part of it is run, the others are"""
    lines_count(room)
    people("carol")
    room.start()
    seen = Seen()
    long = EVERY + "echo x >>%s/cut; : " % OUT + "x" * (5 << 20) + "\n"
    done = install(room, long, "carol")
    seen.add(done.returncode == 0, "crontab takes it")
    judged(room, seen, "carol", long + leaves("rest"))
    seen.add(room.out("cut"), "runs a part of it" if not named(room, "too long") else "runs it")
    seen.add(not named(room, "carol"), "not said")
    seen.tell()


def f39(room):
    """NUL bytes in a line
    crontab refuses it; the daemon leaves the line out and says so, the others run"""
    lines_count(room)
    people("carol")
    room.start()
    seen = Seen()
    nul = EVERY.encode() + b"echo x >>%s/cut; \0 false\n" % OUT.encode()
    done = install(room, nul, "carol")
    seen.add(done.returncode == 0, "crontab takes it")
    judged(room, seen, "carol", nul + leaves("rest").encode())
    seen.add(room.out("cut"), "NUL cuts the line, which runs")
    seen.add(not named(room, "carol"), "not said")
    seen.tell()


def resident(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", lab.read("/proc/%d/status" % pid)).group(1)) >> 10


def f40(room):
    """a table of a million lines (200,000 without --full), a file of 100 MB
    it is loaded, or refused and said; memory stays bounded; nobody's job is late"""
    room.start()
    settle(room)
    count = 1000000 if FULL else 200000 if room.ours else 60000
    room.instants(1)
    before = resident(room.daemon.pid)
    text = "".join("%d 3 1 1 * : %d\n" % (n % 60, n) for n in range(count))
    if room.ours:
        done = install(room, b"#\n" + bytes(100 << 20), "alice")
        lab.check(done.returncode == 1 and b"larger than 64 MB" in done.stderr, "100 MB: %r" % done.stderr[:200])
    lab.put(path_of(room, "root"), text, 0o600, replace=True)
    if room.kind == "busybox":
        with open(room.subject.spool + "/cron.update", "a", encoding="ascii") as update:
            update.write("root\n")
    if room.ours:
        room.wait_log(r"jobs: %d added" % count, 60)
    if not answers(room):
        raise Fault("hangs over %d lines" % count)
    grown = resident(room.daemon.pid) - before
    said = named(room, "root")
    if room.ours:
        lab.check(grown < 20 + (count * 200 >> 20), "%d MB more" % grown)
    elif not said:
        room.note("%d MB for %d lines" % (grown, count))


def f41(room):
    """a bad line among good ones, no newline at the end
    a bad line costs itself alone or, where the dialect has it so, its file; it is said where"""
    lines_count(room)
    people("carol")
    room.start()
    seen = Seen()
    judged(room, seen, "carol", leaves("first") + "61 * * * * echo x >>%s/bad\n" % OUT + leaves("rest"))
    seen.add(room.out("bad"), "runs the bad line")
    seen.add(not named(room, "carol"), "not said")
    for name in ("rest", "bad"):
        lab.put("%s/%s" % (OUT, name), "", 0o666)
    lab.put(path_of(room, "carol"), leaves("rest") + leaves("last").rstrip("\n"), 0o600,
            room.subject.owner or "carol", replace=True)
    if room.kind == "busybox":
        with open(room.subject.spool + "/cron.update", "a", encoding="ascii") as update:
            update.write("carol\n")
    answers(room)
    seen.add(not room.out("last") and not named(room, "EOF", "newline"), "last line lost, not said")
    seen.tell()
    if room.ours:
        by_file(room)


def by_file(room):
    """As Debian's cron has it: the version before stays in force, and the line is named."""
    room.conf("")
    room.restart(signal.SIGTERM)
    room.crontab("carol", leaves("kept"))
    room.wait_for(lambda: room.out("kept"), room.patience(), "a good table's job")
    room.crontab("carol", leaves("rather") + "61 * * * * true\n")
    room.wait_log(r"/carol:3:1: bad minute")
    room.wait_log(r"crontabs/carol: its last good version stays in force")
    count = len(room.lines("kept"))
    room.wait_out("kept", count + 2, room.patience())
    lab.equal(room.out("rather"), "", "what a refused version ran")


def f42(room):
    """a value of 200 KB, 3,000 variables
    all of it reaches the job, or the job does not run and that is said; nothing is cut off"""
    people("carol", "dave")
    room.start()
    settle(room)
    seen = Seen()
    room.table("carol", "LONG=%s\n" % ("x" * 200000) + EVERY + "echo ${#LONG} >>%s/long\n" % OUT)
    room.table("dave", "".join("V%d=value-%d\n" % (n, n) for n in range(3000)) +
               EVERY + "env | grep -c ^V >>%s/many\n" % OUT)
    answers(room)
    room.instants(1)
    for name, user, wanted in (("long", "carol", "200000"), ("many", "dave", "3000")):
        got = set(room.lines(name))
        seen.add(got - {wanted}, "%s: cut to %s" % (name, ", ".join(sorted(got - {wanted}))))
        seen.add(not got and not named(room, user, "E2BIG", "too long") and
                 not any("too long" in text for _, _, text in room.mails()), "%s: not run, not said" % name)
    seen.tell()
