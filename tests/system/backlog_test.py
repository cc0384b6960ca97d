#!/usr/bin/env python3
"""Runs on record: what the scheduler hands to crond-history, whoever dies meanwhile."""
import contextlib
import os
import signal
import sqlite3
import stat
import time

import lab
from lab import OUT, check, equal

DATABASE = "/var/lib/crond/history/history.db"
BACKLOG = "/run/crond/backlog"
SECRET = "Geheimnis"


def rows(what="job, result, exit_code, cause, attempt, user, uid, reason", where="1"):
    """Of the table runs as it stands; none where there is no database yet."""
    try:
        with sqlite3.connect("file:%s?mode=ro" % DATABASE, uri=True) as db:
            return db.execute("SELECT %s FROM runs WHERE %s ORDER BY id" % (what, where)).fetchall()
    except sqlite3.OperationalError:
        return []


def counted(where):
    found = rows("count(*)", where)
    return found[0][0] if found else 0


def helper(daemon):
    return [p.pid for p in lab.processes() if p.ppid == daemon.pid and p.name == "crond-history"]


def waiting():
    """Bytes of records in the run-time directory."""
    size = 0
    for name in os.listdir(BACKLOG):
        with contextlib.suppress(FileNotFoundError):  # it is on record
            size += os.path.getsize(BACKLOG + "/" + name)
    return size


def stop(daemon):
    """crond-history stands still: its pid. It may end by itself until then."""
    for pid in helper(daemon):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            return pid
    return None


def task(name, command, *settings):
    return 'task "%s" {\n command = "%s"\n%s}\n' % (
        name, command, "".join(" %s\n" % one for one in settings))


KINDS = "".join([
    task("fine", "true", 'schedule = "* * * * * *"'),
    task("fails", "echo %s >&2; exit 3" % SECRET, 'schedule = "*/2 * * * * *"', "retries = 1",
         'retry-delay = "100ms"', 'retention = { "1d", 20 }'),
    task("long", "sleep 1.5", 'schedule = "* * * * * *"', "concurrency = forbid"),
    task("queued", "sleep 1.2", 'schedule = "* * * * * *"', "concurrency = queue"),
    task("stopped", "sleep 50", 'schedule = "@daily"'),
    task("nowhere", "true", 'schedule = "* * * * * *"', 'dir = "/does/not/exist"'),
    task("kept", "sleep 30", 'schedule = "@daily"', "type = daemon"),
])


def test_what_became_of_each_run(room):
    """Rows of all kinds, also of plain lines; nothing that may be a secret; no more is read by
    others than was; a run that is under way has its row."""
    room.tasks("kinds", KINDS)
    room.crontab("alice", "@reboot : %s; true\n* * * * * :\n#@ second=*\n* * * * * : %s\n"
                 % (SECRET, SECRET))
    room.conf('defaults { env = { "PASSWORD=%s" } }\n' % SECRET)
    daemon = room.start()
    wanted = ("job='fine' AND result='ok' AND cause='due' AND took_ns > 0 AND started_ns > 0",
              "job='fails' AND result='exit' AND exit_code=3 AND attempt=1 AND keep_until > 0",
              "job='fails' AND result='exit' AND cause='retry' AND attempt=2",
              "job='long' AND result='ok'", "job='long' AND result='skipped' AND started_ns IS NULL",
              "job='queued' AND result='ok'",
              "job='nowhere' AND result='spawn' AND reason LIKE '%/does/not/exist%'",
              "job='kept' AND result IS NULL AND cause='daemon' AND started_ns > 0",
              "user='alice' AND uid=2001 AND result='ok' AND cause='due'",
              "user='alice' AND result='ok' AND cause='reboot'")
    for one in wanted:
        room.wait_for(lambda: counted(one), 30, "a row where " + one)
    cronctl(room, "run", "stopped")
    room.wait_for(lambda: counted("job='stopped' AND result IS NULL AND cause='hand'"), 10,
                  "a row of a run by hand")
    cronctl(room, "kill", "stopped")
    room.wait_for(lambda: counted("job='stopped' AND result='killed' AND reason LIKE '%uid 0%'"), 20,
                  "its end")
    equal(stat.S_IMODE(os.stat(BACKLOG).st_mode), 0o700, "mode of the backlog")
    for name in os.listdir(BACKLOG):
        with contextlib.suppress(FileNotFoundError), open(BACKLOG + "/" + name, "rb") as segment:
            equal(stat.S_IMODE(os.fstat(segment.fileno()).st_mode), 0o600, "mode of a segment")
            found = segment.read()
            check(b"PASSWORD" not in found and b": Geheim" not in found, "a command is in the backlog")
    equal(stat.S_IMODE(os.stat("/run/crond/history.sock").st_mode), 0o666, "mode of history.sock")
    pid = helper(daemon)[0]
    equal(os.stat("/proc/%d" % pid).st_uid, 2005, "whom crond-history runs as")
    equal(os.stat(os.path.dirname(DATABASE)).st_uid, 2005, "whose directory it has")
    ids = [one[0] for one in rows("run_id")]
    equal(len(ids), len(set(ids)), "rows by id")
    room.stop(daemon)
    room.wait_for(lambda: not lab.alive(pid), 10, "the end of crond-history behind its scheduler")


def cronctl(room, *words):
    lab.subprocess.run([room.program("cronctl"), *words], check=True, timeout=30 * lab.slowness(),
                       stdout=lab.subprocess.DEVNULL)


def started():
    """Runs of the jobs below, by what they wrote themselves."""
    return len(lab.read(OUT + "/starts").split()) if os.path.exists(OUT + "/starts") else 0


def all_on_record():
    return counted("job='each' AND result='ok'") == started()


def test_nobody_takes_them(room):
    """crond-history that cannot live, or stands still: runs go on, the log stays short, and all
    are on record in the end. The scheduler's death in between changes nothing."""
    os.makedirs("/var/lib/crond/history")
    lab.put(DATABASE + "/in-its-way/x", "")
    room.tasks("each", task("each", "echo x >>%s/starts" % OUT, 'schedule = "* * * * * *"'))
    daemon = room.start()
    room.wait_out("starts", 2, 20)
    pid = room.wait_for(lambda: stop(daemon), 20, "crond-history")
    room.wait_out("starts", len(room.lines("starts")) + 1, 20)
    room.wait_for(waiting, 10, "a record that waits for it")
    room.stop(daemon, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    daemon = room.start()
    room.wait_out("starts", 5, 20)
    lab.shutil.rmtree(DATABASE)
    lab.kill(*[p for p in lab.processes() if p.pid in helper(daemon)])
    room.tasks("each", "")
    room.wait_for(lambda: not room.keepers() and all_on_record(), 70, "a row for each run")
    check(started() >= 5, "runs went on")
    check(len(room.log("crond-history ended")) <= 4, "it was said too often that it ended")
    room.stop(daemon)


LIAR = """#!/usr/bin/python3
import os, socket, sys, time
wire = socket.socket(fileno=3)
floods = os.path.exists("/tmp/floods")
with open("%s/liars", "a") as out:
    out.write(os.path.basename(sys.argv[0]) + " floods" * floods + "\\n")
if floods:
    while True:
        wire.send(%s)
wire.shutdown(socket.SHUT_WR)
time.sleep(1000)
"""


def test_helpers_that_lie(room):
    """One that says nothing more and stays, and one that never stops talking: neither holds a
    start up, and the former is replaced."""
    for name, message in (("crond-history", b"l7chatter"), ("crond-notify", b"l7chatter")):
        lab.put("/tmp/" + name, LIAR % (OUT, message), 0o755)
        lab.mount("/tmp/" + name, room.program(name), None, lab.MS_BIND)
    lab.put(OUT + "/liars", "", 0o666)
    room.conf('alert = { "mail:root" }\n')
    room.tasks("each", task("each", "echo x >>%s/starts" % OUT, 'schedule = "* * * * * *"'))
    daemon = room.start()
    for name in ("crond-history", "crond-notify"):
        room.wait_log(name + " ended", 30)
    lab.put("/tmp/floods", "")
    room.wait_for(lambda: {"crond-history floods", "crond-notify floods"} <= set(room.lines("liars")), 60,
                  "those that flood")
    starts = len(room.lines("starts"))
    room.wait_out("starts", starts + 2, 30)
    room.stop(daemon, deadline=30)


def test_who_asks_has_it_started(room):
    """Without anything to write it does not run until somebody asks, who then is answered; and
    so is who asks just after it was killed."""
    room.tasks("never", task("never", "true", 'schedule = "@yearly"'))
    daemon = room.start()
    room.wait_log("1 jobs in force")
    room.wait_for(lambda: os.path.exists("/run/crond/history.sock"), 10, "its socket")
    equal(helper(daemon), [], "crond-history runs")
    cronctl(room, "runs")
    first = helper(daemon)
    equal(len(first), 1, "crond-history runs")
    os.kill(first[0], signal.SIGKILL)
    cronctl(room, "runs")
    check(helper(daemon) and helper(daemon) != first, "another one runs")
    room.stop(daemon)


def test_switched_off_and_on(room):
    """enabled=no: no helper, no socket, no row; on again by a reload; another place and user."""
    room.conf("history { enabled = no }\n")
    room.tasks("each", task("each", "echo x >>%s/starts" % OUT, 'schedule = "* * * * * *"'))
    daemon = room.start()
    room.wait_out("starts", 2, 20)
    check(not helper(daemon) and not os.path.exists("/run/crond/history.sock") and
          not os.path.exists(DATABASE), "history is off")
    lab.put(room.etc + "/crond.conf", "history { enabled = yes }\n", replace=True)
    cronctl(room, "reload")
    room.wait_for(lambda: counted("job='each' AND result='ok'"), 20, "a row")
    first = helper(daemon)
    lab.put(room.etc + "/crond.conf", "history { path = /var/lib/crond/other }\n"
            "users { history = bob }\n", replace=True)
    cronctl(room, "reload")
    room.wait_for(lambda: helper(daemon) and helper(daemon) != first, 20, "another crond-history")
    room.wait_for(lambda: os.path.exists("/var/lib/crond/other/history.db"), 20, "its database")
    equal(os.stat("/var/lib/crond/other").st_uid, 2002, "whose it is")
    equal(room.log("crond-history ended"), [], "what was said of the first")
    room.stop(daemon)


if __name__ == "__main__":
    lab.main()
