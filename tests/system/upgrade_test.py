"""Files that older versions left: what each of them says is taken in; one of a version that nobody
knows is refused in one line, and left where it is.

tests/golden/upgrade/REVISION has the run-time and the state directory of two of them as they
were when their crond was killed (see tests/upgrade/run): `long` and `alice` ran, `between` had
just ended, of `early` somebody was still to be told.
"""
import os
import pwd
import sqlite3
import struct
import time

import lab
import sinks
from lab import check, equal

HERE = os.path.dirname(os.path.abspath(__file__))
RUN, STATE = "/run/crond", "/var/lib/crond"


def golden():
    """{path: bytes}, read while the sources can be seen."""
    found, top = {}, os.path.join(HERE, "..", "golden", "upgrade")
    for path, _, names in os.walk(top):
        for name in names:
            with open(os.path.join(path, name), "rb") as f:
                found[os.path.relpath(os.path.join(path, name), top)] = f.read()
    return found


GOLDEN = golden()


def leave(room, revision):
    """What that version left, and a receiver that it knew."""
    receiver = sinks.Receiver()
    room.conf('webhook "w" { url = "%s" }\n' % receiver.url)
    notify = pwd.getpwnam("crond-notify").pw_uid
    for path, content in GOLDEN.items():
        version, where, rest = path.split("/", 2)
        if version == revision:
            lab.put("%s/%s" % ({"run": RUN, "lib": STATE}[where], rest), content, 0o600)
    for path, _, names in os.walk(STATE + "/alerts"):
        for one in [path] + [os.path.join(path, name) for name in names]:
            os.chown(one, notify, notify)
    return receiver


def ends(room, shown):
    """How each run is said to have ended; nothing is left of them in the end."""
    for job, result in shown.items():
        room.wait_log(r"FAIL job=%s run=%s-\d+-\d+ result=%s" % (job, job, result))
    room.wait_for(lambda: not os.listdir(RUN + "/runs"), 15, "an empty directory of runs")
    equal(len(room.log(r"FAIL job=")), len(shown), "FAIL lines")
    equal(room.log("is left as it is"), [], "runs that are left")


def told(receiver, jobs):
    lab.wait_for(lambda: len(receiver.posts) >= len(jobs), 30,
                 "alerts of %s" % ", ".join(jobs))
    equal(sorted(post.json()["job"] for post in receiver.posts), sorted(jobs), "alerts")


def test_the_first_version(room):
    receiver = leave(room, "c9e3649")
    room.start()
    ends(room, {"between": "exit code=3", "long": "lost", r"alice-\w+": "lost"})
    told(receiver, ["between", "early", "long"])


def test_before_the_history(room):
    receiver = leave(room, "73063fa")
    room.tasks("f", 'task "early" {\n schedule = "* * * * * *"\n command = "true"\n'
               ' alert = { "webhook:w" }\n}\n')
    room.start()
    line = room.wait_log(r"RECOVERED job=early ")
    check(" fails=1 " in line.text, "what it had learnt: " + line.text)
    os.unlink(room.etc + "/crond.tasks/f.conf")
    ends(room, {"between": "exit code=3", "long": "lost", "kept": "lost", r"alice-\w+": "lost"})
    told(receiver, ["between", "early", "early", "long"])


def older(path, at, form, number=99):
    """The version in a file becomes one that nobody knows."""
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(struct.pack(form, number))


def database():
    """A history of another version than ours."""
    db = sqlite3.connect(STATE + "/history/history.db")
    with db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def test_versions_that_nobody_knows(room):
    receiver = leave(room, "73063fa")
    runs = RUN + "/runs/"
    long, = [name for name in os.listdir(runs) if name.startswith("long-")]
    other, = [name for name in os.listdir(runs) if name.startswith("between-")]
    older(runs + long + "/run", 4, "=H")
    older(runs + other + "/run", 256 + 4, "=H")
    older(RUN + "/jobs", 4, "=I")
    older(RUN + "/stamp", 4, "=I")
    event, = [name for name in os.listdir(STATE + "/alerts") if name.endswith(".event")]
    older("%s/alerts/%s" % (STATE, event), 4, "=H")
    lab.put(STATE + "/paused", "# crond: jobs that are paused, 99\n")
    lab.put(STATE + "/handled", struct.pack("=IIq", 0x646E7243, 99, int(time.time()) - 100))
    daemon = room.start()
    room.system("#@ second=*\n* * * * * root true\n")
    for text in (r"run %s is left as it is: run file version 99 is not known \(this is version 2\)"
                 % long,
                 r"run %s is left as it is: record version 99 is not known" % other,
                 r"/run/crond/jobs: not of a version that is known, put aside as jobs.old",
                 r"/run/crond/stamp: not of a version that is known, not used",
                 r"crond-notify.*%s.*record version 99 is not known" % event[:-6],
                 r"paused: not of a version that is known",
                 r"handled: not of a version that is known"):
        room.wait_log(text)
    room.wait_log(r"CMD \(true\)")
    for text in ("is left as it is", "jobs: not of", "stamp: not of", "handled: not of"):
        check(len(room.log(text)) <= 2, "once: " + text)
    check(os.path.exists(runs + long + "/run") and os.path.exists(runs + other + "/run") and
          os.path.exists(RUN + "/jobs.old"), "they stay for who can read them")
    check(not receiver.posts or all(post.json()["job"] != "early" for post in receiver.posts),
          "what cannot be read is not sent")
    equal(room.stop(daemon), 0, "exit status")
    database()
    room.start()
    room.wait_log(r"history.*made by another version of crond")


if __name__ == "__main__":
    lab.main()
