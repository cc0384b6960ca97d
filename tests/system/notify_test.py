#!/usr/bin/env python3
"""crond-notify against real receivers: a web server in this process and a fake mailer.

usage: notify_test.py [NAME...]

Speaks TAP. CROND_NOTIFY is the program, CROND_BUILD the build tree it is else looked for
in, SEED repeats a run of "kills". Root runs it as nobody, from a copy where nobody cannot reach it.
"""
import atexit
import contextlib
import ctypes
import email
import email.header
import http.server
import json
import os
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

PROGRAM = os.path.abspath(os.environ.get("CROND_NOTIFY") or os.path.join(
    os.environ.get("CROND_BUILD", "."), "crond/crond-notify"))
SLOWNESS = int(os.environ.get("LAB_SLOWNESS", "1"))  # as in lab.slowness
ROOT = os.geteuid() == 0
KEPT = []
NOBODY = 65534

EVENT_MAGIC, NOTICE_MAGIC = 0x656E7243, 0x6E6E7243
TEXTS = {"id": 1, "event": 2, "status": 3, "job": 4, "run_id": 5, "host": 6, "owner": 7,
         "user": 8, "schedule": 9, "command": 10, "description": 11, "reason": 12, "mail_to": 27}
LISTS = {"tags": 13, "targets": 14}
NUMBERS = {"scheduled": 15, "started_ns": 16, "finished_ns": 17, "took_ns": 18,
           "exit_code": 19, "signal": 20, "attempt": 21, "failures": 22, "uid": 26}
TAILS = {"stdout_tail": 23, "stderr_tail": 24}
FLAGS = 25

# A key for nothing but this test.
CERTIFICATE = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgImA7CsT38FfcExf3
j+o6p/8G049/1Yv/l1VBtVIZfNKhRANCAATaQ5a/N8eBp+2NJ7z7lXU+fytOWtq7
q9YTIuQFqef+sMQ9m/ZgPKwYnOFdNZCo4mu5wLEkvTmhgseuzlgGSCfC
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUPBUrktbWwE+T+f82YHsSyJd9sukwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA2MjgzNFoYDzIxMjYxMDI4
MDYyODM0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATaQ5a/N8eBp+2NJ7z7lXU+fytOWtq7q9YTIuQFqef+sMQ9m/ZgPKwY
nOFdNZCo4mu5wLEkvTmhgseuzlgGSCfCo2QwYjAdBgNVHQ4EFgQUnoC1Hti0/Dh4
+EBI0qFZtj38oQkwHwYDVR0jBBgwFoAUnoC1Hti0/Dh4+EBI0qFZtj38oQkwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IEMpk/oTQbtqGmDrQ6EzbV4WrxPCS9DXZplUOuO/QxcFAiEAoURo9AyW56F5CzPW
CHDaTfhAQ7bcKGw9DacH64Jv9q0=
-----END CERTIFICATE-----
"""


def field(tag, value):
    return struct.pack("=HHI", tag, 0, len(value)) + value


def text(tag, value):
    return field(tag, value.encode() + b"\0")


def number(tag, value):
    return field(tag, struct.pack("=q", value))


def event(ident, targets, trusted=True, truncated=False, **more):
    values = {"event": "run.failure", "status": "exit", "job": "gold", "run_id": "gold-1-1",
              "host": "web-1", "scheduled": 1700000000, "started_ns": 1700000000250000000,
              "finished_ns": 1700000001450000000, "took_ns": 1234000000, "exit_code": 3,
              "attempt": 1, "failures": 2}
    values.update(more, id=ident, targets=targets)
    out = struct.pack("=IHH", EVENT_MAGIC, 1, 0)
    for name, value in values.items():
        if name in TEXTS:
            out += text(TEXTS[name], value)
        elif name in LISTS:
            out += field(LISTS[name], b"".join(v.encode() + b"\0" for v in value))
        elif name in NUMBERS:
            out += number(NUMBERS[name], value)
        else:
            out += field(TAILS[name], value)
    return out + number(FLAGS, (1 if truncated else 0) | (2 if trusted else 0))


def config(hooks, mailer="/bin/false", host="web-1"):
    out = struct.pack("=IHH", NOTICE_MAGIC, 1, 0) + text(1, host) + text(2, mailer)
    for name, hook in hooks.items():
        out += text(3, name) + text(4, hook["url"])
        if "template" in hook:
            out += text(5, hook["template"])
        for header in hook.get("headers", []):
            out += text(6, header)
        if "secret" in hook:
            out += text(7, hook["secret"])
        for tag, key in ((11, "inline"), (12, "link"), (13, "own")):
            if key in hook:
                out += text(tag, hook[key])
        for tag, key in ((14, "rate"), (15, "rate_ms")):
            if key in hook:
                out += number(tag, hook[key])
        out += number(8, hook.get("timeout", 15000)) + number(9, hook.get("retries", 4))
        out += number(10, 1 if hook.get("users") else 0)
    return out


class Got:
    """What the web server was sent: (time, path, headers, body)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.list = []
        self.answers = {}  # path: list of (status, headers) used up one after the other

    def add(self, path, headers, body):
        with self.lock:
            self.list.append((time.monotonic(), path, headers, body))

    def of(self, path):
        with self.lock:
            return [g for g in self.list if g[1].split("?")[0] == path]

    def ids(self, path):
        return [g[2]["X-Cronward-Id"] for g in self.of(path)]

    def answer(self, path):
        with self.lock:
            waiting = self.answers.get(path)
            if not waiting:
                return 200, {}
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        got, path = self.server.got, self.path.split("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        got.add(self.path, self.headers, body)
        if path == "/silent":
            time.sleep(20)
            self.close_connection = True
            return
        if path == "/drip":
            try:
                for c in b"HTTP/1.1 200 OK\r\n" * 10:
                    self.wfile.write(bytes([c]))
                    time.sleep(0.5)
            except OSError:
                pass
            self.close_connection = True
            return
        if path == "/flood":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 30))
            self.end_headers()
            try:
                for _ in range(1 << 14):
                    self.wfile.write(b"x" * 65536)
            except OSError:
                got.add("/flood-cut", self.headers, b"")
            self.close_connection = True
            return
        status, headers = got.answer(path)
        if path == "/slow":
            time.sleep(0.02)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.got.add("GET " + self.path, self.headers, b"")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Scheduler:
    """The other end of the socket, as the scheduler holds it."""

    def __init__(self, spool, *options, asked=None):
        self.here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = [there.fileno()] + ([asked.fileno()] if asked else [])
        more = dict(user=NOBODY, group=NOBODY, extra_groups=[]) if AS_NOBODY else {}
        options = ["--retry-unit=20"] + list(options)
        if ROOT and not AS_NOBODY:
            options.append("--as-root")
        if asked:
            options.append("--listen=%d" % asked.fileno())
        self.process = subprocess.Popen(
            [PROGRAM] + options + [str(there.fileno()), spool], pass_fds=given,
            **more)
        there.close()
        self.acks, self.lines = [], []

    def send(self, kind, record):
        self.here.settimeout(10)
        self.here.sendall(kind.encode() + record)

    def config(self, *args, **more):
        self.send("c", config(*args, **more))

    def event(self, *args, **more):
        self.send("e", event(*args, **more))

    def take(self, seconds=0.0):
        """Reads what is said for so long, or one message of what was; False where that is none."""
        end = time.monotonic() + seconds
        while True:
            self.here.settimeout(max(end - time.monotonic(), 0.0001))
            try:
                message = self.here.recv(4096)
            except (socket.timeout, BlockingIOError):
                return False
            except ConnectionResetError:
                continue
            if not message:
                return False
            if message[:1] == b"s":
                self.acks.append(message[1:].decode())
            else:
                assert message[:1] == b"l", message
                self.lines.append(message[1:].decode())
            if time.monotonic() > end:
                return True

    def until(self, what, seconds=10):
        seconds *= SLOWNESS
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                while self.take():  # what was said by then
                    pass
                return
            self.take(0.02)
        raise AssertionError("not within %d s; said: %s" % (seconds, self.lines))

    def said(self, *words):
        return any(all(w in line for w in words) for line in self.lines)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.here.close()

    def close(self, seconds=12):
        self.here.close()
        return self.process.wait(seconds * SLOWNESS)


def at_most(seconds):  # as in lab
    return seconds + 4 * (SLOWNESS - 1)


def landlock():
    """The version that this kernel has; 0 or less: none."""
    return ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)


def is_equal(a, b):
    assert a == b, "%r is not %r" % (a, b)


class Case:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="notify-test.")
        self.spool = os.path.join(self.dir, "spool")
        os.mkdir(self.spool, 0o700)
        os.chmod(self.dir, 0o755)
        if AS_NOBODY:
            os.chown(self.spool, NOBODY, NOBODY)
        self.got = Got()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.got = self.got
        self.base = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.started = []

    def start(self, *options, **more):
        self.started.append(Scheduler(self.spool, *options, **more))
        return self.started[-1]

    def hooks(self, *names, **more):
        return {n: dict(more, url="%s/%s" % (self.base, n)) for n in names}

    def file(self, name, content, mode=0o644, spool=False):
        path = os.path.join(self.spool if spool else self.dir, name)
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, mode)
        if AS_NOBODY:
            os.chown(path, NOBODY, NOBODY)
        return path

    def waiting(self):
        return [n for n in os.listdir(self.spool) if n.endswith(".event")]

    def failed(self):
        path = os.path.join(self.spool, "failed")
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def unharmed(self):
        """Whoever ended was told or made to."""
        for s in self.started:
            code = s.process.poll()
            assert code in (None, 0, -signal.SIGKILL, -signal.SIGTERM), "it ended with %d" % code

    def end(self):
        for s in self.started:
            if s.process.poll() is None:
                s.kill()
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.dir, ignore_errors=True)


def test_body(c):
    secret = c.file("token", b"S3CRET\n", 0o600, spool=True)
    s = c.start()
    s.config({"gold": {"url": c.base + "/gold?key=hidden", "secret": secret,
                       "headers": ["X-Team: ops"]}})
    s.event("gold-1-1.run.failure", ["webhook:gold"], tags=["a", "b\xe9"], owner="Zo\xeb",
            schedule="* * * * *", stdout_tail=b"caf\xc3\xa9 \xff\0\x01end", truncated=True)
    s.until(lambda: c.got.of("/gold") and not c.waiting())
    is_equal(s.acks, ["gold-1-1.run.failure"])
    (_, path, headers, body), = c.got.of("/gold")
    is_equal(path, "/gold?key=hidden")
    is_equal(headers["Content-Type"], "application/json")
    is_equal(headers["Authorization"], "Bearer S3CRET")
    is_equal(headers["X-Team"], "ops")
    is_equal(headers["X-Cronward-Id"], "gold-1-1.run.failure")
    is_equal(headers["Idempotency-Key"], "gold-1-1.run.failure")
    is_equal(json.loads(body), {
        "version": 1, "id": "gold-1-1.run.failure", "event": "run.failure", "status": "exit",
        "text": "Job gold failed on web-1: exit code 3 after 1.2 s "
                "(attempt 1, 2 failures in a row).",
        "job": "gold", "run_id": "gold-1-1", "host": "web-1", "owner": "Zo\xeb",
        "tags": ["a", "b\xe9"], "schedule": "* * * * *",
        "scheduled_at": "2023-11-14T22:13:20Z", "started_at": "2023-11-14T22:13:20.250Z",
        "finished_at": "2023-11-14T22:13:21.450Z", "duration_s": 1.234, "exit_code": 3,
        "signal": None, "reason": None, "attempt": 1, "consecutive_failures": 2,
        "stdout_tail": "caf\xe9 \ufffd\ufffd\x01end", "stderr_tail": "", "truncated": True,
        "url": None})
    is_equal(os.getsid(s.process.pid), s.process.pid)  # keys at a terminal do not reach it
    is_equal(s.close(), 0)


def test_known(c):
    s = c.start()
    s.config(c.hooks("a", "b"))
    s.event("one", ["webhook:a", "webhook:b", "webhook:a"])
    s.event("one", ["webhook:a", "webhook:b"])
    s.until(lambda: c.got.of("/a") and c.got.of("/b") and not c.waiting())
    s.event("one", ["webhook:a"])
    s.until(lambda: len(s.acks) == 3)
    s.kill()
    s = c.start()
    s.config(c.hooks("a", "b"))
    s.event("one", ["webhook:a"])
    s.event("two", ["webhook:a"])
    s.until(lambda: "two" in c.got.ids("/a") and len(s.acks) == 2)
    is_equal(s.acks, ["one", "two"])
    is_equal(c.got.ids("/a"), ["one", "two"])
    is_equal(c.got.ids("/b"), ["one"])


def test_retry(c):
    c.got.answers["/flaky"] = [(500, {}), (503, {}), (200, {})]
    c.got.answers["/busy"] = [(429, {"Retry-After": "40"}), (200, {})]
    s = c.start()
    s.config(c.hooks("flaky", "busy"))
    s.event("one", ["webhook:flaky", "webhook:busy"])
    s.until(lambda: len(c.got.of("/flaky")) == 3 and len(c.got.of("/busy")) == 2)
    times = [g[0] for g in c.got.of("/flaky")]
    assert 0.08 <= times[1] - times[0] <= at_most(0.5), times     # 5 of 20 ms, a fifth of jitter
    assert 0.48 <= times[2] - times[1] <= at_most(1.2), times     # 30
    times = [g[0] for g in c.got.of("/busy")]
    assert 0.8 <= times[1] - times[0] <= at_most(1.3), times      # 40, as asked for
    is_equal(set(c.got.ids("/flaky")), {"one"})
    s.until(lambda: not c.waiting())
    is_equal(c.failed(), [])
    is_equal(sum("failed:" in line for line in s.lines), 2)


def test_partly(c):
    """After a death only the targets that have it not are tried."""
    c.got.answers["/down"] = [(500, {}), (500, {}), (200, {})]
    s = c.start("--retry-unit=1000")
    s.config(c.hooks("up", "down"))
    s.event("one", ["webhook:up", "webhook:down"])
    state = os.path.join(c.spool, "one.state")
    s.until(lambda: os.path.exists(state) and "done" in open(state).read() and
            "wait" in open(state).read())
    s.kill()
    s = c.start()
    s.config(c.hooks("up", "down"))
    s.until(lambda: len(c.got.of("/down")) == 3 and not c.waiting(), 20)
    is_equal(len(c.got.of("/up")), 1)
    gap = c.got.of("/down")[1][0] - c.got.of("/down")[0][0]
    assert gap > 2, "the next try's time was forgotten: %.2f s" % gap
    s.until(lambda: not os.path.exists(state))


def test_given_up(c):
    secret = c.file("token", b"S3CRET", 0o600, spool=True)
    outside = c.file("outside", b"S3CRET", 0o644)
    c.got.answers["/no"] = [(500, {})]
    c.got.answers["/moved"] = [(302, {"Location": c.base + "/elsewhere"})]
    s = c.start()
    port = free_port()
    s.config({"no": {"url": c.base.replace("://", "://user:pw@") + "/no?key=hidden",
                     "retries": 1, "secret": secret},
              "moved": {"url": c.base + "/moved", "retries": 0},
              "refused": {"url": "http://127.0.0.1:%d/" % port, "retries": 0},
              "file": {"url": "file:///etc/passwd", "retries": 0},
              "nosecret": {"url": c.base + "/x", "retries": 0, "secret": c.dir + "/none"},
              "outside": {"url": c.base + "/outside", "retries": 0, "secret": outside},
              "badhead": {"url": c.base + "/x", "retries": 0, "headers": ["a: b\nc: d"]},
              "fancy": {"url": c.base + "/x", "retries": 0, "template": "fancy"}})
    names = ["no", "moved", "refused", "file", "nosecret", "outside", "badhead", "fancy"]
    s.event("one", ["webhook:" + n for n in names] + ["pigeon:coo"])
    s.until(lambda: c.failed() == ["one.event", "one.state"])
    for name, why in (("no", "answered 500"), ("moved", "302"), ("refused", "onnect"),
                      ("file", "neither http nor https"), ("nosecret", "No such file"),
                      ("badhead", "header 1"), ("fancy", "template"), ("pigeon", "neither")):
        s.until(lambda: s.said("3", "given up", name, why))
    if landlock() > 1:  # what everybody may read is not for it either
        s.until(lambda: s.said("3", "given up", "outside", "Permission denied"))
    everything = "\n".join(s.lines)
    for hidden in ("hidden", "S3CRET", "pw@", "/no?"):
        assert hidden not in everything, everything
    is_equal(len(c.got.of("/no")), 2)
    is_equal(c.got.of("/x") + c.got.of("GET /elsewhere") + c.got.of("/elsewhere"), [])
    s.kill()
    s = c.start()
    s.config(c.hooks("no"))
    s.event("one", ["webhook:no"])
    s.until(lambda: s.acks == ["one"])
    s.take(0.3)
    is_equal(len(c.got.of("/no")), 2)


def free_port():
    """Of nobody who listens; it is kept from others, who might."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    KEPT.append(s)
    return s.getsockname()[1]


def test_others(c):
    """Receivers that hang, drip, flood or are down hold nobody up."""
    s = c.start()
    hooks = c.hooks("silent", "drip", "flood", "good", timeout=1500, retries=1)
    for i in range(3):
        hooks["silent%d" % i] = {"url": "http://127.0.0.%d:%d/silent" % (
            2 + i, listener(c, "127.0.0.%d" % (2 + i))), "timeout": 1500}
    hooks["down"] = {"url": "http://127.0.0.1:%d/" % free_port()}
    s.config(hooks)
    for i in range(20):
        for name in hooks:
            if name != "good":
                s.event("%s-%d" % (name, i), ["webhook:" + name])
    s.until(lambda: len(s.acks) == 140, 20)
    start = time.monotonic()
    for i in range(20):
        s.event("good-%d" % i, ["webhook:good"])
    s.until(lambda: len(c.got.of("/good")) == 20)
    took = time.monotonic() - start
    assert took < at_most(4), "the good receiver waited %.1f s" % took
    s.until(lambda: c.got.of("/flood-cut"))
    s.until(lambda: not [n for n in c.waiting() if n.startswith("flood")], 30)
    ids = c.got.ids("/flood")
    is_equal(sorted(ids), sorted(set(ids)))
    assert len(set(ids)) == 20, ids


def listener(c, address):
    """A socket that is connected to and never answers."""
    s = socket.socket()
    s.bind((address, 0))
    s.listen(64)
    c.keep = getattr(c, "keep", []) + [s]
    return s.getsockname()[1]


MAILER = """#!/bin/sh
n=$(ls {dir} | grep -c '^argv')
printf '%s\\n' "$0" "$@" >{dir}/argv.$n.tmp
case $* in
*hang*) exec sleep 30;;
*deaf*) exec 0<&-; echo go away >&2; exit 69;;
esac
cat >{dir}/mail.$n
mv {dir}/argv.$n.tmp {dir}/argv.$n
test ! -e {dir}/argv.1 && echo later >&2 && exit 75
exit 0
"""


def test_mail(c):
    box = os.path.join(c.dir, "box")
    os.mkdir(box)
    os.chmod(box, 0o777)
    mailer = c.file("sendmail", MAILER.format(dir=box).encode(), 0o755)
    s = c.start()
    s.config({}, mailer=mailer)
    s.event("m1", ["mail:ops@example.org"], job="g\xfcld\nBcc: x", stdout_tail=b"out\0\xff\n.\n" +
            b"y" * 3000, command="run me")
    s.until(lambda: os.path.exists(box + "/argv.1") and not c.waiting())
    assert s.said("4", "m1", "exited with 75: later"), s.lines
    argv = open(box + "/argv.1").read().split("\n")[1:-1]
    is_equal(argv, ["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "ops@example.org"])
    with open(box + "/mail.1", encoding="utf-8") as f:
        head, _, whole = f.read().partition("\n\n")
    parts = email.message_from_string(head + "\n\n" + whole).get_payload()
    is_equal([p.get_content_type() for p in parts], ["text/plain", "text/html"])
    body, html = (p.get_payload() for p in parts)
    assert head.startswith("From: root (Cron Daemon)\nTo: ops@example.org\nSubject: "), head
    assert "\nBcc" not in head and "\nAuto-Submitted: auto-generated\n" in head, head
    assert "\nDate: " in head and head.endswith("\nX-Cronward-Id: m1"), head
    subject = subject_of(head)
    is_equal(subject, "Cron <web-1> job g\xfcld Bcc: x failed: exit code 3")
    assert body.startswith("Job g\xfcld Bcc: x failed on web-1: exit code 3 after 1.2 s"), body
    assert "\nCommand:     run me\n" in body and "\nout\ufffd\ufffd\n.\ny" in body, body
    assert "<pre>out\ufffd\ufffd\n.\ny" in html and "run me" in html, html
    assert max(len(line) for line in whole.encode().split(b"\n")) < 998
    s.event("m3", ["mail:deaf@example.org"])
    s.event("m4", ["mail:-oQ/tmp", "mail:a b@example.org", "mail:"])
    s.event("m5", ["mail:fine@example.org"])
    s.until(lambda: not [n for n in c.waiting() if n[:2] in ("m4", "m5")])
    s.until(lambda: s.said("m3", "exited with 69: go away"))
    is_equal(sum("the address is not safe" in line for line in s.lines), 3)
    s.config({}, mailer=c.dir + "/missing")  # another mailer is for another process
    is_equal(s.process.wait(15 * SLOWNESS), 0)
    s = c.start("--mail-deadline=300")
    s.config({}, mailer=mailer)
    s.event("m2", ["mail:hang@example.org"])
    s.until(lambda: s.said("m2", "took too long and was killed"))
    s.config({}, mailer=c.dir + "/missing")
    is_equal(s.process.wait(15 * SLOWNESS), 0)
    s = c.start()
    s.config({}, mailer=c.dir + "/missing")
    s.event("m6", ["mail:fine@example.org"])
    s.until(lambda: s.said("m6", "cannot run", "No such file"))
    s.config({}, mailer="off")
    s.event("m7", ["mail:fine@example.org"])
    s.until(lambda: s.said("m7", "mailer = off"))
    is_equal(s.process.poll(), None)


def subject_of(head):
    value = email.message_from_string(head)["Subject"]
    return "".join(p.decode(c or "ascii") if isinstance(p, bytes) else p
                   for p, c in email.header.decode_header(value))


def test_unknown(c):
    s = c.start()
    s.event("early", ["webhook:late"])
    s.until(lambda: s.acks == ["early"])
    s.config(c.hooks("private"))
    s.until(lambda: s.said("early", "waits", "webhook:late"))
    s.event("u1", ["webhook:private"], trusted=False)
    s.event("u2", ["webhook:made-up"], trusted=False)
    s.event("u3", ["webhook:private"], trusted=True)
    s.until(lambda: s.said("u1", "not for users") and s.said("u2", "no webhook") and
            c.got.ids("/private") == ["u3"])
    s.kill()
    s = c.start()
    s.config({})
    s.until(lambda: s.said("early", "waits"))
    s.config(c.hooks("late", users=True))
    s.event("u4", ["webhook:late"], trusted=False)
    s.until(lambda: sorted(c.got.ids("/late")) == ["early", "u4"])
    s.send("c", b"rubbish")
    s.until(lambda: s.said("bad configuration"))
    s.event("u5", ["webhook:late"])
    s.until(lambda: "u5" in c.got.ids("/late"))
    is_equal(c.got.ids("/private"), ["u3"])


def test_bad_files(c):
    good = event("good", ["webhook:a", "webhook:b"])
    c.file("good.event", good, spool=True)
    c.file("good.state", b"done 0 0 webhook:a\nrubbish\n", spool=True)
    c.file("other.event", good, spool=True)
    c.file("cut.event", good[:-3], spool=True)
    c.file("empty.event", b"", spool=True)
    c.file("large.event", b"x" * 100000, spool=True)
    c.file("noise.event", bytes(random.randrange(256) for _ in range(500)), spool=True)
    c.file("orphan.state", b"done 0 0 webhook:a\n", spool=True)
    c.file(".tmp-0123456789abcdef", b"half", spool=True)
    c.file("done", b"1700000000 old\nrubbish\n1700000000 ../x\n17000", spool=True)
    os.symlink("/etc/passwd", os.path.join(c.spool, "link.event"))
    os.mkdir(os.path.join(c.spool, "dir.event"))
    os.mkfifo(os.path.join(c.spool, "pipe.event"))
    s = c.start()
    s.config(c.hooks("a", "b"))
    s.event("old", ["webhook:a"])
    s.until(lambda: c.got.ids("/a") == ["good"] and c.got.ids("/b") == ["good"] and
            s.acks == ["old"] and not c.waiting() and
            not [n for n in os.listdir(c.spool) if n.endswith(".state")])
    left = sorted(n for n in os.listdir(c.spool) if n not in ("done", "failed", "lock"))
    is_equal(left, sorted(["good.state.bad"] + [n + ".event.bad" for n in (
        "other", "cut", "empty", "large", "noise", "link", "dir", "pipe")]))
    is_equal(sum("bad spool file" in line for line in s.lines), 9)
    s.event("next", ["webhook:a"])
    s.until(lambda: "next" in c.got.ids("/a"))


def test_bad_messages(c):
    s = c.start()
    s.config(c.hooks("a"))
    fine = event("x", ["webhook:a"])
    for message in (b"", b"e", b"c", b"^what", b"\0", b"e" + fine[:40], b"e" + fine[:-1],
                    b"e" + b"\xff" * 3000, b"e" + fine + b"z" * 190000):
        s.here.send(message)
    for ident in ("", "a/b", "../up", ".hidden", "-dash", "x" * 300, "a b", "a\nb"):
        s.event(ident, ["webhook:a"])
    s.event("last", ["webhook:a"])
    s.until(lambda: s.acks == ["last"] and c.got.ids("/a") == ["last"])
    is_equal(sum("refused" in line or "bad configuration" in line for line in s.lines), 17)
    assert not any("\n" in line for line in s.lines)
    s.until(lambda: sorted(os.listdir(c.spool)) == ["done", "failed", "lock"])


def test_drain(c):
    s = c.start()
    s.config(c.hooks("a", "slow"))
    for i in range(60):
        s.event("d%d" % i, ["webhook:a", "webhook:slow"])
    is_equal(s.close(), 0)
    is_equal(len(set(c.got.ids("/a"))), 60)
    is_equal(len(c.got.ids("/slow")), 60)
    is_equal(c.waiting(), [])
    s = c.start()
    s.config(c.hooks("silent", timeout=60000))
    s.event("never", ["webhook:silent"])
    s.until(lambda: c.got.of("/silent"))
    start = time.monotonic()
    is_equal(s.close(40), 0)
    assert 9 < time.monotonic() - start < at_most(12)  # not a minute
    is_equal(c.waiting(), ["never.event"])


def test_last_words(c):
    """What a scheduler said before it died is taken in, though nobody hears that it was."""
    s = c.start()
    s.config(c.hooks("a"))
    s.event("first", ["webhook:a"])
    s.until(lambda: s.acks)
    s.process.send_signal(signal.SIGSTOP)
    s.here.setblocking(False)
    sent = 1
    with contextlib.suppress(BlockingIOError):  # as many as there is room for
        while sent < 60:
            s.here.send(b"e" + event("w%d" % sent, ["webhook:a"]))
            sent += 1
    assert sent > 16, sent
    s.here.close()
    s.process.send_signal(signal.SIGCONT)
    is_equal(s.process.wait(30), 0)
    is_equal(len(set(c.got.ids("/a"))) + len(c.waiting()), sent)


def test_one_at_a_time(c):
    first = c.start()
    first.config(c.hooks("silent", "a", timeout=3000))
    first.event("one", ["webhook:silent"])
    first.until(lambda: c.got.of("/silent"))
    second = c.start()
    second.config(c.hooks("a"))
    second.event("two", ["webhook:a"])
    second.take(0.5)
    is_equal(second.acks, [])
    first.process.send_signal(signal.SIGTERM)
    second.until(lambda: second.acks == ["two"] and c.got.ids("/a") == ["two"])
    is_equal(first.process.wait(20), 0)
    third = c.start()
    third.here.close()
    fourth = c.start()
    second.process.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    second.kill()
    is_equal(third.process.wait(60), 0)  # 15 s, where fourth is the first to see the lock free
    fourth.config(c.hooks("a"))
    fourth.event("three", ["webhook:a"])
    fourth.until(lambda: "three" in c.got.ids("/a"))


def test_full(c):
    for i in range(20000):
        c.file("p%d.event" % i, event("p%d" % i, ["webhook:none"]), spool=True)
    s = c.start()
    s.config(c.hooks("a"))
    s.event("more", ["webhook:a"])
    s.until(lambda: s.said("more", "refused", "full"), 30)
    is_equal(s.acks, [])
    s.event("p7", ["webhook:none"])
    s.until(lambda: s.acks == ["p7"])
    is_equal(c.got.of("/a"), [])
    s.config(c.hooks("a", "none"))
    s.until(lambda: len(c.got.of("/none")) > 20)
    s.event("more", ["webhook:a"])
    s.until(lambda: c.got.ids("/a") == ["more"])


def test_tls(c):
    pem = c.file("pem", CERTIFICATE.encode())
    server = Server(("127.0.0.1", 0), Handler)
    server.got = c.got
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s = c.start()
    s.config({"tls": {"url": "https://127.0.0.1:%d/tls" % server.server_address[1],
                      "retries": 0}})
    s.event("one", ["webhook:tls"])
    s.until(lambda: s.said("given up", "ertificate"))
    is_equal(c.got.of("/tls"), [])
    server.shutdown()


def test_refuses_root(c):
    if not ROOT:
        return "not run: needs root"
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    done = subprocess.run([PROGRAM, str(there.fileno()), c.spool], pass_fds=[there.fileno()],
                          stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"root" in done.stderr, done
    here.close()
    there.close()
    done = subprocess.run([PROGRAM, "--as-root", "7", c.spool], stderr=subprocess.PIPE)
    is_equal(done.returncode, 2)


def test_kills(c):
    """A hundred events under kill -9 at any moment: none is lost, and one comes twice only
    where its delivery was cut off."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    chance = random.Random(seed)
    ids = ["k%d" % i for i in range(100)]
    acked, kills = set(), 0

    def start():
        life = c.start()
        life.config({n: {"url": "%s/%s?life=%d" % (c.base, n, kills)} for n in ("a", "slow")})
        return life

    s = start()
    todo = list(ids)
    deadline = time.monotonic() + 60 * SLOWNESS
    while kills < 40 or len(acked) < 100 or c.waiting():
        assert time.monotonic() < deadline, "seed %d: %d acked, %d wait, %s" % (
            seed, len(acked), len(c.waiting()), s.lines)
        for ident in todo[:chance.randrange(1, 8)]:
            s.event(ident, ["webhook:a", "webhook:slow"])
        s.take(chance.random() * 0.08)
        if kills < 40:
            s.process.kill()
            kills += 1
            s.process.wait()
            s.take(0.001)
            s.here.close()
        acked.update(s.acks)
        todo = [i for i in ids if i not in acked]
        if s.process.returncode is not None:
            s = start()
    is_equal(s.close(), 0)
    cut = {}  # life: what was cut off by its end
    for path in ("/a", "/slow"):
        lives = {}
        for _, url, headers, _ in c.got.of(path):
            lives.setdefault(headers["X-Cronward-Id"], []).append(url.split("life=")[1])
        is_equal(set(lives), set(ids))
        for ident, where in lives.items():
            assert len(where) == len(set(where)), "seed %d: %s came twice in one life to %s" % (
                seed, ident, path)
            for life in sorted(where, key=int)[:-1]:
                cut.setdefault(life, []).append(ident)
    # no more can be under way at a time to one host
    assert max(map(len, cut.values()), default=0) <= 4, "seed %d: %s" % (seed, cut)
    return "%d kills, %d of 200 deliveries twice, seed %d" % (
        kills, sum(map(len, cut.values())), seed)


TESTS = [f for n, f in list(globals().items()) if n.startswith("test_")]
AS_NOBODY = False


def nobody_can():
    try:
        return subprocess.run([PROGRAM, "--help"], user=NOBODY, group=NOBODY, extra_groups=[],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                              ).returncode == 2
    except OSError:
        return False


def reached():
    """Whether nobody can run the program: where it is, or a copy of it, since a build may be
    below a directory of root's."""
    global PROGRAM
    if nobody_can():
        return True
    place = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, place, True)
    os.chmod(place, 0o755)
    built, PROGRAM = PROGRAM, shutil.copy(PROGRAM, place)
    if nobody_can():
        return True
    PROGRAM = built
    return False


def run(test):
    """(whether it went well, what is to be said)"""
    case = Case()
    try:
        said = test(case)
        case.unharmed()
        return True, said or ""
    except Exception as e:  # the next one is to be seen too
        traceback.print_exc()
        return False, "%s: %s" % (type(e).__name__, e)
    finally:
        case.end()


def main():
    global AS_NOBODY
    if os.environ.get("CRONWARD_SYSTEM_TESTS") == "no":
        print("1..0 # SKIP CRONWARD_SYSTEM_TESTS=no")
        return 0
    if sys.version_info < (3, 9):
        print("1..0 # SKIP needs Python 3.9 (subprocess with user=)")
        return 0
    if not os.access(PROGRAM, os.X_OK):
        print("Bail out! no program %s" % PROGRAM)
        return 1
    tests = [t for t in TESTS if not sys.argv[1:] or t.__name__[5:] in sys.argv[1:]]
    AS_NOBODY = ROOT and reached()
    print("1..%d" % len(tests))
    print("# as", "nobody" if AS_NOBODY else "root" if ROOT else "the caller")
    failed = 0
    for i, test in enumerate(tests, 1):
        start = time.monotonic()
        good, said = run(test)
        failed += not good
        if said.startswith("not run"):
            print("ok %d - %s # SKIP %s" % (i, test.__name__[5:], said))
        else:
            print("%s %d - %s" % ("ok" if good else "not ok", i, test.__name__[5:]))
            print("# %.1f s %s" % (time.monotonic() - start, said.replace("\n", "\n# ")))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
