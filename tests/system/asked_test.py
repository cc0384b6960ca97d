"""cronctl runs, stats and alerts: who sees what, every option, helpers that are gone, and clients
that mean no good."""
import array
import contextlib
import json
import os
import re
import socket
import time

import lab
from control_test import bad, cronctl, good, on_terminal, STAFF
from lab import check, equal

HISTORY = "/run/crond/history.sock"
RED = "\x1b[31m"


def asked(room, *words, **how):
    return [json.loads(line) for line in good(room, *words, "--json", **how).splitlines()]


def ids(room, *words, **how):
    return sorted({run["job"] for run in asked(room, "runs", "--limit", "0", *words, **how)})


def begin(room):
    """A run of each of these has ended, but for that of `long`, which goes on."""
    if not os.path.exists(lab.BUILD + "/crond/crond-history"):
        raise lab.Skip("built without SQLite")
    with open("/etc/group", "a", encoding="ascii") as groups:
        groups.write("staff9:x:%d:\n" % STAFF)
    room.conf('control-group = "staff9"\nhistory { enabled = yes }\n'
              'webhook "closed" { url = "http://127.0.0.1:9/" }\n')
    task = 'task "%s" {\n schedule = "@reboot"\n user = "%s"\n command = "%s"\n%s}\n'
    room.tasks("t", "".join((
        task % ("good", "alice", "echo fine", ""),
        task % ("bad", "alice", r"printf '\\033[31mred\\377\\nsecond\\n' >&2; exit 3", ' alert = "webhook:closed"\n'),
        task % ("dead", "bob", "kill -9 $$", ""),
        task % ("left", "root", "echo kept >$CRON_ARTIFACTS/file", " artifacts = yes\n"),
        task % ("long", "root", "sleep 1000", ""))))
    room.start()

    def on_record():
        status, out, _ = cronctl(room, "runs", "--json")
        return status == 0 and (out.count('"run_id"'), out.count('"running"')) == (5, 1)
    room.wait_for(on_record, 30, "five runs on record")


def rows_and_rights(room):
    equal(ids(room), ["bad", "dead", "good", "left", "long"], "root's")
    equal(ids(room, user="alice"), ["bad", "good"], "alice's")
    equal(ids(room, user="bob"), ["dead"], "bob's")
    equal(ids(room, user="nohome"), ["bad", "dead", "good", "left", "long"], "a member's of control-group")
    run = asked(room, "runs", "bad")[0]
    equal((run["status"], run["exit_code"], run["user"], run["attempt"], run["cause"], "stderr" in run),
          ("exit", 3, "alice", 1, "reboot", False), "a row")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", run["started_at"]), run["started_at"])
    whole = asked(room, "runs", run["run_id"])
    equal((len(whole), whole[0]["stderr"]), (1, "\x1b[31mred\ufffd\nsecond\n"), "one that is named")
    equal(asked(room, "runs", run["run_id"], user="bob"), [], "another user's")
    equal(asked(room, "runs", "--job", "dead")[0]["signal"], 9, "signal")
    kept = asked(room, "runs", "--artifacts")
    equal([r["job"] for r in kept], ["left"], "with artifacts")
    check("/left/history/" in kept[0]["artifacts"], kept[0])


def filters(room):
    for words, jobs in (
            (("--job", "*d"), ["bad", "dead", "good"]),
            (("--result", "exit"), ["bad"]),
            (("--result", "signal,running"), ["dead", "long"]),
            (("--result", "ok", "--result", "exit"), ["bad", "good", "left"]),
            (("--exit", "3"), ["bad"]),
            (("--exit", "0"), ["good", "left"]),
            (("--exit", "3", "--result", "ok"), []),
            (("--exit", "3", "--job", "good"), []),
            (("--since", "1h"), ["bad", "dead", "good", "left", "long"]),
            (("--since", "1h", "--until", "30m"), []),
            (("--until", "2001-01-01"), []),
            (("--since", "@%d" % (time.time() + 60),), []),
            (("?ood",), ["good"])):
        equal(ids(room, *words), jobs, " ".join(words))
    equal(len(asked(room, "runs", "--limit", "2")), 2, "limit")
    newest = [r["scheduled"] for r in asked(room, "runs")]
    equal(newest, sorted(newest, reverse=True), "order")
    for words, text in ((("--frob",), "--frob"), (("--since", "2x"), 'bad --since "2x"'), (("--exit", "x"), 'bad --exit "x"'),
                        (("--result", "fine"), 'bad --result "fine"'), (("--limit", "-1"), "bad --limit")):
        status, out, err = cronctl(room, "runs", *words)
        equal((status, out), (2, ""), str(words))
        check(text in err, err)


def on_a_terminal(room):
    shown = on_terminal(room, 80, "runs", TERM="xterm")
    check(all(len(re.sub(r"\x1b\[\d*m", "", line)) <= 80 for line in shown.splitlines()), shown)
    check(re.search(r"^bad-\d+-\d+ +\d\d:\d\d(:\d\d)? " + re.escape(RED) + "exit 3", shown, re.M), shown)
    check("\x1b[32mrunning" in shown, shown)
    whole = on_terminal(room, 80, "runs", "--stderr", "--job", "bad", TERM="xterm")
    check("    \\x1b[31mred\ufffd\n    second\n" in whole and "\x1b" not in whole, whole)
    status, out, err = cronctl(room, "runs", "nosuch")
    equal((status, len(out.splitlines()), err), (0, 1, "cronctl: no such run is on record\n"), "none")


def statistics(room):
    lines = asked(room, "stats")
    equal([s.get("job", s.get("jobs")) for s in lines], ["bad", "dead", "good", "left", "long", 5], "jobs")
    one = lines[0]
    equal((one["runs"], one["exit"], one["failed"], one["success_rate"]), (1, 1, 1, 0.0), "of bad")
    check(one["p50_s"] == one["p95_s"] == one["max_s"] and "last_success" not in one, one)
    every = lines[-1]
    equal((every["runs"], every["running"], every["ok"], every["failed"], every["success_rate"]),
          (5, 1, 2, 2, 0.5), "of all")
    check(abs(every["last_success"] - time.time()) < 3600, every)
    equal([s.get("job") for s in asked(room, "stats", user="bob")], ["dead", None], "bob's")
    check(re.search(r"^JOB +RUNS FAILED SUCCESS", good(room, "stats", "good")), "table")


def deliveries(room):
    row = room.wait_for(lambda: asked(room, "alerts"), 30, "an alert that waits")[0]
    equal((row["job"], row["target"], row["event"], row["state"]),
          ("bad", "webhook:closed", "run.failure", "waiting"), "an alert")
    room.wait_for(lambda: "why" in asked(room, "alerts")[0], 30, "a try in vain")
    equal(asked(room, "alerts", user="bob"), [], "bob's")
    check("webhook:closed" in good(room, "alerts", user="alice"), "alice's")
    bad(room, 1, "nosuch", "alerts", "drop", "nosuch")
    bad(room, 1, row["id"], "alerts", "drop", row["id"], user="bob")
    equal(good(room, "alerts", "retry", "--all"), "1 delivery to be tried again\n", "retry")
    equal(asked(room, "alerts", "drop", row["id"], user="alice"), [{"count": 1}], "drop")
    equal(asked(room, "alerts"), [], "dropped")
    for words in (("retry",), ("drop",), ("send", "x"), ("drop", "--all", "x"), ("list", "x")):
        equal(cronctl(room, "alerts", *words)[0], 2, " ".join(words))


def test_what_has_run(room):
    begin(room)
    rows_and_rights(room)
    filters(room)
    on_a_terminal(room)
    statistics(room)
    deliveries(room)


def connect(uid=2001):
    asking = socket.socket(socket.AF_UNIX)
    os.setegid(uid)
    os.seteuid(uid)
    try:
        asking.connect(HISTORY)
    finally:
        os.seteuid(0)
        os.setegid(0)
    return asking


def helper():
    found = [p.pid for p in lab.processes() if p.exe == "crond-history"]
    return found[0] if found else None


def held(pid):
    """What its descriptors are."""
    names = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        with contextlib.suppress(OSError):  # closed meanwhile
            names.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
    return names


def hostile(room):
    """Whatever these do, others are answered."""
    crowd = [connect() for _ in range(40)]
    ours, theirs = os.pipe()
    for n, one in enumerate(crowd):
        one.settimeout(1)
        try:
            if n % 4 == 0:
                one.sendall(b'{"version":1,"verb":"runs","limit":0}\n' * 500)  # and reads nothing
            elif n % 4 == 1:
                one.sendall(b'{"version":1,')
            elif n % 4 == 2:
                one.sendall(b"\xff" * 100000)
            else:
                one.sendmsg([b'{"version":1,"verb":"stats"}\n'], [
                    (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs]))])
        except OSError:  # sent away, or not listened to any more
            pass
    equal(ids(room, user="bob"), ["dead"], "bob's, beside alice's crowd")
    for one in crowd:
        one.close()
    os.close(ours)
    room.wait_for(lambda: cronctl(room, "runs", user="alice")[0] == 0, 10, "alice is let in again")
    equal(ids(room, user="alice"), ["bad", "good"], "alice's")
    passed = os.readlink("/proc/self/fd/%d" % theirs)
    check(passed not in held(helper()), held(helper()))
    os.close(theirs)


def test_helpers_come_and_go(room):
    begin(room)
    hostile(room)
    lab.kill(*[p for p in lab.processes() if p.pid == helper()])
    equal(ids(room, user="bob"), ["dead"], "who asks meanwhile waits for the next one")
    room.conf("history { enabled = no }\n")
    good(room, "reload")
    for verb in ("runs", "stats"):
        room.wait_for(lambda verb=verb: cronctl(room, verb)[0] == 3, 10, "no history")
        bad(room, 3, "this crond keeps no history: it is switched off in crond.conf, or", verb)
    bad(room, 3, "no crond is running here", "runs", "--socket", "/nowhere/control.sock")


if __name__ == "__main__":
    lab.main()
