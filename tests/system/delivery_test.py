#!/usr/bin/env python3
"""When alerts go out and what becomes of them: rates and digests, what reaches nobody, what
people are shown, a spool that takes nothing.

usage: delivery_test.py [NAME...]

With the receivers and the scheduler's end of notify_test.py, whose words hold here too.
"""
import json
import os
import socket
import sys

import notify_test
from notify_test import ROOT, free_port, is_equal

BOX = """#!/bin/sh
n=$(mktemp {dir}/part.XXXXXX)
cat >"$n"
mv "$n" "$n.mail"
test ! -e {dir}/broken || {{ echo no luck >&2; exit 75; }}
"""


def box(c):
    """A mailer that keeps what it is given; where it does."""
    path = os.path.join(c.dir, "box")
    os.mkdir(path)
    os.chmod(path, 0o777)
    return path, c.file("sendmail", BOX.format(dir=path).encode(), 0o755)


def mails(path):
    found = []
    for name in sorted(os.listdir(path)):
        if name.endswith(".mail"):
            with open(os.path.join(path, name), encoding="utf-8") as f:
                found.append(f.read())
    return found


def left(c):
    return sorted(n for n in os.listdir(c.spool) if n not in ("done", "failed", "lock"))


def events_of(post):
    body = json.loads(post[3])
    return [one["id"] for one in body["events"]] if "events" in body else [body["id"]]


def test_digest(c):
    """What waits behind a rate goes as one message that names each event."""
    s = c.start()
    s.config(c.hooks("chat", rate=4, rate_ms=3000))
    ids = ["e%02d" % i for i in range(12)]
    for ident in ids:
        s.event(ident, ["webhook:chat"], run_id="run-" + ident, job="job " + ident)
    s.until(lambda: len(c.got.of("/chat")) >= 3 and not left(c))
    posts = c.got.of("/chat")
    is_equal(sorted(sum([events_of(p) for p in posts], [])), ids)
    whole = [p for p in posts if len(events_of(p)) > 1]
    digest = json.loads(whole[0][3])
    is_equal(digest["event"], "digest")
    is_equal(digest["id"], whole[0][2]["X-Cronward-Id"])
    for one in digest["events"]:
        assert {"text", "status", "exit_code", "run_id"} <= set(one), one
        for word in (one["id"], one["run_id"], one["job"], "exit code 3"):
            assert word in digest["text"], (word, digest["text"])
    assert s.said("6", "digest", "webhook:chat"), s.lines
    for ident in ids:
        s.event(ident, ["webhook:chat"])
    s.until(lambda: len(s.acks) == 24)
    s.take(0.1)
    is_equal(len(c.got.of("/chat")), len(posts))


def test_cut(c):
    """A death while a digest and an alert are under way repeats both as they were."""
    s = c.start()
    s.config({"x": {"url": c.base + "/silent", "timeout": 60000, "rate": 2, "rate_ms": 1000}})
    for i in range(7):
        s.event("e%d" % i, ["webhook:x", "webhook:later"])
        s.until(lambda: c.got.of("/silent"))  # one by itself, then the others
    s.until(lambda: len(c.got.of("/silent")) >= 2 and
            sum(len(events_of(p)) for p in c.got.of("/silent")) == 7)
    cut = c.got.of("/silent")
    assert any(len(events_of(p)) > 1 for p in cut), [events_of(p) for p in cut]
    s.kill()
    s = c.start()
    s.config({"x": {"url": c.base + "/x", "rate": 2, "rate_ms": 200}})
    s.event("e7", ["webhook:x"])
    s.until(lambda: sum(len(events_of(p)) for p in c.got.of("/x")) >= 8)
    again = {p[2]["X-Cronward-Id"]: p[3] for p in c.got.of("/x")}
    for post in cut:
        is_equal(again[post[2]["X-Cronward-Id"]], post[3])
    is_equal(sorted(sum([events_of(p) for p in c.got.of("/x")], [])),
             ["e%d" % i for i in range(8)])
    s.until(lambda: not [n for n in left(c) if n.endswith(".digest")])
    s.config(c.hooks("later"))
    s.until(lambda: sorted(c.got.ids("/later")) == ["e%d" % i for i in range(7)] and not left(c))


def test_accepted_and_killed(c):
    """A digest that was accepted is not told again by a death before its members are settled."""
    s = c.start()
    s.config({"x": {"url": c.base + "/silent", "timeout": 60000, "rate": 2, "rate_ms": 1000}})
    for i in range(5):
        s.event("e%d" % i, ["webhook:x"])
    s.until(lambda: sum(len(events_of(p)) for p in c.got.of("/silent")) == 5)
    digest = [n for n in left(c) if n.endswith(".digest")][0][:-len(".digest")]
    s.kill()
    with open(os.path.join(c.spool, "done"), "a", encoding="ascii") as done:
        done.write("1700000000 %s\n" % digest)
    c.file("digest-1.digest", b"rubbish", spool=True)
    s = c.start()
    s.config(c.hooks("x"))
    s.until(lambda: left(c) == ["digest-1.digest.bad"])
    is_equal(sum(len(events_of(p)) for p in c.got.of("/x")) +
             sum(len(events_of(p)) for p in c.got.of("/silent")
                 if p[2]["X-Cronward-Id"] == digest), 5)
    s.until(lambda: s.said("3", "bad spool file digest-1.digest"))


def test_undelivered(c):
    """Who could not be told anything is made up for by a mail to the owner; the alert is kept."""
    path, mailer = box(c)
    c.got.answers["/no"] = [(500, {})]
    s = c.start("--retry-unit=2")
    hooks = c.hooks("no", retries=1)
    s.config(hooks, mailer=mailer)
    s.event("one", ["webhook:no"], mail_to="owner@example.org", uid=7)
    s.until(lambda: mails(path) and left(c) == [])
    mail, = mails(path)
    for word in ("To: owner@example.org", "webhook:no", "answered 500", "cronctl alerts", "gold"):
        assert word in mail, (word, mail)
    assert c.base not in mail, mail
    is_equal(c.failed(), ["one.event", "one.state"])
    s.event("none", ["webhook:no"], uid=7)            # its job's mail goes to nobody
    s.event("same", ["mail:-x"], mail_to="-x", uid=7)  # whom nobody can write to
    s.event("old", ["pigeon:coo"], user="bob")        # as versions before said it
    s.until(lambda: len(mails(path)) == 2 and "same.event" in c.failed() and
            "none.event" in c.failed() and not left(c))
    assert any("To: bob\n" in one and "pigeon:coo" in one for one in mails(path)), mails(path)
    open(path + "/broken", "w").close()
    s.event("two", ["webhook:no"], mail_to="owner@example.org", uid=7)
    s.until(lambda: s.said("3", "notice two.undelivered", "given up", "no luck"), 30)
    s.until(lambda: not left(c))
    is_equal([n for n in c.failed() if "undelivered" in n], [])


def test_crowd_of_mails(c):
    """To one address goes so much in a time; what is beyond waits for one mail, a restart too."""
    path, mailer = box(c)
    s = c.start()
    s.config({}, mailer=mailer)
    for i in range(40):
        s.event("e%02d" % i, ["mail:a@example.org"])
        s.until(lambda: len(mails(path)) == min(i + 1, 15))
    s.event("other", ["mail:b@example.org"])
    s.until(lambda: len(mails(path)) == 16)
    s.take(0.3)
    is_equal(sum("To: b@example.org" in one for one in mails(path)), 1)
    is_equal(len(mails(path)), 16)
    is_equal(len(c.waiting()), 25)
    s.process.terminate()
    is_equal(s.process.wait(8 * notify_test.SLOWNESS), 0)  # what has to wait for its time does not hold up the end
    s = c.start()
    s.config({}, mailer=mailer)
    s.until(lambda: not c.waiting())
    whole = "\n".join(mails(path))
    for i in range(40):
        assert "e%02d" % i in whole, i
    assert len(mails(path)) < 40, len(mails(path))


class Asked:
    """People at the socket, as they ask."""

    def __init__(self, c):
        self.path = os.path.join(c.dir, "alerts.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.listen(16)
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def ask(self, user=None, **request):
        """The answer's lines: by us, or by a user of that number."""
        line = json.dumps(dict(request, version=1, verb="alerts")) + "\n"
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                if user:
                    os.setgroups([])
                    os.setresgid(user, user, user)
                    os.setresuid(user, user, user)
                self.talk(line, writing)
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as answer:
            lines = answer.readlines()
        os.waitpid(child, 0)
        return [json.loads(one) for one in lines]

    def talk(self, line, out):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(20 * notify_test.SLOWNESS)
            s.connect(self.path)
            s.sendall(line.encode())
            while True:
                got = s.recv(65536)
                os.write(out, got)
                if not got or b'"end"' in got:
                    return

    def list(self, **more):
        *rows, last = self.ask(**more)
        assert last["end"] and last["ok"], last
        return sorted(rows, key=lambda row: (row["id"], row["target"]))


def test_asked(c):
    asked = Asked(c)
    c.got.answers["/no"] = [(500, {})]
    s = c.start("--retry-unit=20000", asked=asked)
    s.send("p", b"-1 %d" % os.geteuid())
    s.config(dict(c.hooks("no", retries=0), **c.hooks("slow500", retries=1)))
    c.got.answers["/slow500"] = [(500, {})]
    for i in range(40):
        s.event("f%02d" % i, ["webhook:no"], uid=7000, user="seven", mail_to="")
    s.event("w", ["webhook:slow500", "webhook:unknown"], uid=8000, user="eight")
    s.until(lambda: len(c.failed()) == 80 and c.got.of("/slow500") and s.said("w waits"))
    rows = asked.list()
    is_equal(len(rows), 42)
    is_equal({k: rows[0][k] for k in ("id", "job", "user", "target", "state", "why", "tries")},
             {"id": "f00", "job": "gold", "user": "seven", "target": "webhook:no",
              "state": "failed", "why": "answered 500", "tries": 1})
    is_equal([(r["target"], r["state"], r["tries"], "next" in r) for r in rows[40:]],
             [("webhook:slow500", "waiting", 1, True), ("webhook:unknown", "waiting", 0, False)])
    is_equal(rows[41]["why"], "no webhook of that name is defined")
    if ROOT:
        is_equal([r["id"] for r in asked.list(user=8000)], ["w", "w"])
        is_equal(asked.list(user=9000), [])
        last, = asked.ask(user=8000, action="drop", ids=["f00"])
        is_equal((last["ok"], last["code"]), (False, "unknown"))
        last, = asked.ask(user=8000, action="retry", all=True)
        is_equal((last["ok"], last["count"]), (True, 2))
        s.until(lambda: [r["state"] for r in asked.list(user=8000)] == ["failed", "waiting"])
        c.got.answers["/slow500"] = [(200, {})]
        last, = asked.ask(user=8000, action="retry", ids=["w"])  # one given up, and one that waits
        is_equal((last["ok"], last["count"]), (True, 2))
        s.until(lambda: [r["target"] for r in asked.list(user=8000)] == ["webhook:unknown"])
    last, = asked.ask(action="drop", ids=["f00", "w", "nothing"])
    is_equal((last["ok"], last["code"]), (False, "unknown"))
    is_equal(len(asked.list()), 39)
    is_equal(len(c.failed()), 78)
    s.kill()  # who is tried again is so over a restart, and only then
    s = c.start("--retry-unit=20000", asked=asked)
    s.send("p", b"-1 %d" % os.geteuid())
    s.until(lambda: len(asked.list()) == 39)
    last, = asked.ask(action="retry", ids=["f01"])
    is_equal((last["ok"], last["count"]), (True, 1))
    is_equal(c.waiting(), ["f01.event"])
    s.kill()
    c.got.answers["/no"] = [(200, {})]
    s = c.start(asked=asked)
    s.send("p", b"-1 %d" % os.geteuid())
    s.config(c.hooks("no"))
    s.until(lambda: c.got.ids("/no")[40:] == ["f01"] and not c.waiting())
    last, = asked.ask(action="retry", all=True)
    is_equal(last["count"], 38)
    s.until(lambda: not c.waiting() and not c.failed())
    is_equal(sorted(c.got.ids("/no")[40:]), ["f%02d" % i for i in range(1, 40)])
    is_equal(asked.list(), [])


def test_asked_of_a_digest(c):
    """Who may see all of a digest has it tried again: another would use up the tries of others."""
    asked = Asked(c)
    c.got.answers["/no"] = [(500, {})]
    s = c.start("--retry-unit=20000", asked=asked)
    s.send("p", b"-1 %d" % os.geteuid())
    s.config(c.hooks("no", rate=2, rate_ms=1000))
    for i in range(12):
        s.event("e%02d" % i, ["webhook:no"], uid=7000 + i % 2 * 1000)

    def shared():
        rows = [r for r in asked.list() if r.get("digest") and r["tries"] == 1]
        return rows if len(rows) > 2 else None
    s.until(shared)
    mine = shared()[0]
    user = 7000 + int(mine["id"][1:]) % 2 * 1000
    tried = c.got.ids("/no").count(mine["digest"])
    if ROOT:
        last, = asked.ask(user=user, action="retry", ids=[mine["id"]])
        is_equal((last["ok"], last["code"]), (False, "refused"))
        asked.ask(user=user, action="retry", all=True)
        is_equal([r for r in asked.list() if r["id"] == mine["id"]], [mine])
    last, = asked.ask(action="retry", ids=[mine["id"]])
    is_equal((last["ok"], last["count"]), (True, 1))
    s.until(lambda: c.got.ids("/no").count(mine["digest"]) == tried + 1)


def test_unwritable(c):
    """A spool that takes nothing: events stay where they are, and that is said once."""
    if ROOT and not notify_test.AS_NOBODY:
        return "not run: root writes anywhere"
    s = c.start()
    s.config(c.hooks("a"))
    s.event("one", ["webhook:a"])
    s.until(lambda: s.acks == ["one"])
    os.chmod(c.spool, 0o500)
    for _ in range(5):
        s.event("two", ["webhook:a"])
        s.event("three", ["webhook:a"])
    s.until(lambda: s.said("3", "refused", "two", "waits with the scheduler"))
    s.take(0.2)
    is_equal(sum("refused" in line for line in s.lines), 1)
    is_equal(s.acks, ["one"])
    os.chmod(c.spool, 0o700)
    s.event("two", ["webhook:a"])
    s.event("three", ["webhook:a"])
    s.until(lambda: s.acks == ["one", "two", "three"] and s.said("5", "taken again"))
    s.kill()
    os.rename(c.spool, c.spool + ".away")
    s = c.start()
    s.config(c.hooks("a"))
    s.event("four", ["webhook:a"])
    s.until(lambda: s.said("3", "alerts wait with the scheduler", "cannot open the spool"))
    os.rename(c.spool + ".away", c.spool)
    s.until(lambda: s.acks == ["four"])
    is_equal(sum("wait with" in line for line in s.lines), 1)


if __name__ == "__main__":
    notify_test.TESTS = [f for n, f in list(globals().items()) if n.startswith("test_")]
    sys.exit(notify_test.main())
