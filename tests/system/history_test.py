"""Each run is on record, once: whoever dies, and while the disk is full or nobody's to write."""
import contextlib
import os
import sqlite3
import stat
import time

import lab
from asked_test import held
from lab import OUT, check, equal

PLACE = "/var/lib/crond/history"
FILE = PLACE + "/history.db"
UID = 2005


def rows(query, *values):
    """What the database says; nothing while it is not there yet."""
    if not os.path.exists(FILE):
        return []
    try:
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % FILE, uri=True, timeout=10)) as db:
            return db.execute(query, values).fetchall()
    except sqlite3.OperationalError:  # not made yet
        return []


def helpers():
    return [p for p in lab.processes() if p.exe == "crond-history"]


def enabled(room):
    if not os.path.exists(lab.BUILD + "/crond/crond-history"):
        raise lab.Skip("built without SQLite")
    room.conf("history { enabled = yes }\n")


def busy(room, jobs=5):
    """A row a second for each, and a line in OUT/ran."""
    room.tasks("busy", "".join(
        'task "j%d" {\n schedule = "* * * * * *"\n command = "echo $CRON_RUN_ID >>%s/ran"\n}\n'
        % (n, OUT) for n in range(jobs)))


def all_on_record(room):
    """Each run that printed its id has its row, which says how it ended."""
    ran = room.wait_out("ran")
    equal(len(ran), len(set(ran)), "runs that ran twice")

    def missing():
        return set(ran) - {name for name, in rows("SELECT run_id FROM runs WHERE result = 'ok'")}
    room.wait_for(lambda: not missing(), 30, "the record of every run")
    equal(rows("SELECT run_id FROM runs GROUP BY run_id HAVING count(*) > 1"), [], "rows that are there twice")


def test_what_a_run_leaves_on_record(room):
    enabled(room)
    room.tasks("t", 'task "bad" {\n schedule = "* * * * * *"\n user = "alice"\n max = 3\n timeout = "30s"\n'
               ' command = "printf \'first\\\\377\\\\nlast\\\\n\' >&2; sleep 0.1; exit 3"\n}\n'
               'task "long" {\n schedule = "@reboot"\n command = "sleep 1000"\n}\n')
    room.start()
    row = room.wait_for(lambda: rows(
        "SELECT job, user, uid, host, attempt, exit_code, signal, stderr, finished_ns > started_ns,"
        " scheduled * 1000000000 <= started_ns, took_ns > 0, cause FROM runs WHERE result = 'exit'"),
        20, "a row of a failure")[0]
    equal(row, ("bad", "alice", 2001, "labhost", 1, 3, None, "first\ufffd\nlast\n", 1, 1, 1, "due"), "row")
    equal(rows("SELECT job, result, finished_ns FROM runs WHERE result IS NULL AND job = 'long'"),
          [("long", None, None)], "what goes on")
    equal(room.log("crond-history"), [], "what is said while nothing is wrong")
    seen = os.stat(PLACE)
    equal((seen.st_uid, stat.S_IMODE(seen.st_mode)), (UID, 0o700), "directory")
    for name in os.listdir(PLACE):
        with contextlib.suppress(FileNotFoundError):  # one of SQLite's own that has gone
            seen = os.stat(PLACE + "/" + name)
            equal((seen.st_uid, stat.S_IMODE(seen.st_mode)), (UID, 0o600), name)
    helper = helpers()[0]
    status = dict(line.split(":\t", 1) for line in lab.read("/proc/%d/status" % helper.pid).splitlines())
    equal(status["Uid"].split(), [str(UID)] * 4, "user")
    equal((status["Groups"].strip(), status["NoNewPrivs"], status["CapEff"].strip("0")), ("", "1", ""), "rights")
    check(b"bad" not in b" ".join(helper.argv), "arguments")
    equal(os.getpriority(os.PRIO_PROCESS, helper.pid), 10, "nice")
    odd = [one for one in held(helper.pid) if not one.startswith(
        ("/dev/null", "socket:", "anon_inode:", PLACE, "/run/crond/backlog", room.errors))]
    equal(odd, [], "descriptors")


def test_killed_again_and_again(room):
    enabled(room)
    busy(room)
    daemon = room.start()
    for turn in range(3):
        for helper in room.wait_for(helpers, 20, "crond-history"):
            lab.kill(helper)
        if turn == 1:
            daemon.kill()
            daemon.wait()
            daemon = room.start()
        time.sleep(0.3)
    room.stop(daemon)
    room.start()  # what waited is told again
    all_on_record(room)


def test_full_then_read_only_then_locked(room):
    os.makedirs("/var/lib/crond", exist_ok=True)
    lab.memory(PLACE, "0700,size=1M")
    enabled(room)
    busy(room)
    room.start()
    room.wait_for(lambda: rows("SELECT 1 FROM runs WHERE result = 'ok'"), 20, "a row")
    with open(PLACE + "/filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass
    room.wait_log(r"crond-history\[\d+\]: the history in \S+ has no room on its disk: .*; records of runs wait", 30)
    before = len(room.lines("ran"))
    room.wait_out("ran", before + 5)  # jobs run on
    os.remove(PLACE + "/filler")
    room.wait_log(r"the history in \S+ is written again after \d+ s: \d+ records had waited", 20)
    # the file system turns read-only below it: a file that is open for writing would forbid that
    lab.kill(*helpers())
    room.wait_for(lambda: lab.LIBC.mount(b"lab", PLACE.encode(), b"tmpfs", 0x20 | 1, None) == 0 or
                  lab.kill(*helpers()), 20, "a read-only file system")
    room.wait_log(r"the history in \S+ (is read-only|cannot be opened): .*; records of runs wait", 30)
    lab.mount("lab", PLACE, "tmpfs", 0x20)
    room.wait_log(r"is written again after", 30, 2)
    db = sqlite3.connect(FILE, timeout=10 * lab.slowness())
    db.isolation_level = None
    db.execute("BEGIN EXCLUSIVE")
    before = len(room.lines("ran"))
    room.wait_out("ran", before + 5)
    db.close()
    all_on_record(room)


if __name__ == "__main__":
    lab.main()
