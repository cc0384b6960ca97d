"""Rows 47 to 54 of the fault table: mailers, receivers and name servers that hang, lie or are away."""
import contextlib
import http.server
import os
import re
import socket
import threading
import time

import invariants
import lab
import sinks
from faults import Fault, check

FULL = bool(os.environ.get("FAULTS_FULL"))
MAILER_MOST = 60        # seconds that a mailer of ours gets
MAILERS_AT_WORK = 16    # of one user's


def mailing(room):
    """Alice's output is mailed, by busybox as well."""
    room.tables["alice"] = "MAILTO=alice\n"


def mailers():
    """Processes of the fake sendmail that are at work."""
    return [p.pid for p in lab.processes() if any(b"/usr/sbin/sendmail" in word for word in p.argv)]


def f47(room):
    """the mailer hangs
    every job starts; of ours few mailers are at work at once; with --full: one that hangs is killed"""
    mailing(room)
    room.fake_sendmail("echo x >>%s/mailers; sleep 1000" % lab.OUT)
    room.job("noisy", "echo out")
    for number in range(8 if room.ours else 0):
        room.job("noisy%d" % number, "echo out")
    room.start()
    room.wait_mark("noisy", "end")
    first = lab.wait_for(mailers, room.patience(), "a mailer")[0]
    began = time.monotonic()
    if room.ours:
        room.wait_for(lambda: len(room.lines("mailers")) >= MAILERS_AT_WORK, 20, "as many as there may be")
    room.instants(3)
    if room.ours:
        room.wait_mark("noisy", "end", 3)
        count = len(room.lines("mailers"))
        check(count <= MAILERS_AT_WORK * (1 + (time.monotonic() - began) // MAILER_MOST),
              "%d mailers at work for one user" % count)
    while (FULL or not room.ours) and lab.alive(first) and time.monotonic() < began + 1.5 * MAILER_MOST:
        time.sleep(0.5)
    if lab.alive(first) and (FULL or not room.ours):
        found = invariants.verdict(invariants.after(room))
        raise Fault("mailers hang on" + ("; " + found if found else ""))


def f48(room):
    """the mailer is missing, says 75, does not read what it is given
    the log has it, all jobs run and are on record; mails and alerts by mail come later"""
    mailing(room)
    noisy = "head -c 200000 /dev/zero | tr '\\0' x"
    room.job("noisy", noisy, options="alert=mail:alice alert-on=success")
    room.fake_sendmail()
    lab.put("/mnt/sendmail", "#!/bin/sh\nexec <&-\nsleep 0.2\n", 0o755, replace=True)
    room.start()
    room.wait_mark("noisy", "end")
    os.unlink("/usr/sbin/sendmail")
    room.instants(2)
    room.fake_sendmail("exit 75")
    if room.ours:
        room.job("early", "echo that was to be mailed", at=room.next_due())
        room.wait_log(r"mailed 22 bytes of output but got status 0x004b")
    room.wait_mark("noisy", "end", 2 if room.ours else 1)
    said = [line for line in list(room.syslog.lines)
            if re.search(r"MAIL|No MTA|mailed|sendmail", line.text) and "noisy" not in line.text]
    for name in os.listdir(lab.MAIL):
        os.unlink(lab.MAIL + "/" + name)
    room.fake_sendmail()
    lab.wait_for(lambda: any("To: alice" in mail[2] or "alice" in mail[1] for mail in room.mails()),
                 room.patience(), "a mail once there is a mailer")
    if room.ours:
        lab.wait_for(lambda: any("\nthat was to be mailed\n" in mail[2] for mail in room.mails()),
                     room.patience(), "what the mailer could not take at first")
        room.wait_log(r"\(alice\) MAIL \(mailed at try [23]\)")
    elif not said:
        raise Fault("mail lost, silent")
    else:
        room.note("mail lost, logged")


# --- receivers


def told(room, hooks, jobs, **more):
    """A conf with these webhooks (name: settings) and jobs of root's that fail once and alert; the
    second at which they do. jobs: name: receivers."""
    room.needs("webhooks")
    room.conf("".join('webhook "%s" { %s }\n' % one for one in hooks.items()))
    at = room.next_due()
    for name, receivers in jobs.items():
        room.job(name, "exit 3", user="root", at=at,
                 options="alert=%s" % ",".join(receivers), **more)
    return at


def arrived(receiver, name):
    return [post for post in list(receiver.posts) if post.json().get("job") == name]


def wait_arrived(receiver, name, what, deadline=40):
    return lab.wait_for(lambda: arrived(receiver, name), deadline, what)[0]


def f49(room):
    """a receiver that answers a byte a second
    its request has an end; the alert comes when it answers; others wait for nothing"""
    slow, good = room.receiver(mode="slow"), room.receiver()
    at = told(room, {"slow": 'url = "%s" timeout = "1s"' % slow.url, "good": 'url = "%s"' % good.url},
              {"bad": ["webhook:slow"], "other": ["webhook:good"]})
    room.start()
    wait_arrived(good, "other", "the other's alert")
    room.wait_log(r"alert bad-\d+-1\.end to webhook:slow .* failed", 20)
    check(time.time() < at + 15 * lab.slowness(), "its end took long")
    slow.mode = "ok"
    wait_arrived(slow, "bad", "the alert")
    slow.released.set()


def f50(room):
    """no name server answers
    the request has an end; receivers without names are told; the alert comes when names work"""
    named, good = room.receiver(), room.receiver()
    lab.put("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    lab.put("/etc/resolv.conf", "nameserver 127.0.0.9\n")
    told(room, {"named": 'url = "http://black.example.org:%d/" timeout = "1s"' % named.port,
                "good": 'url = "%s"' % good.url},
         {"bad": ["webhook:named"], "other": ["webhook:good"]})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind(("127.0.0.9", 53))
        room.start()
        wait_arrived(good, "other", "the other's alert")
        room.wait_log(r"alert bad-\d+-1\.end to webhook:named .* failed", 20)
        with open("/etc/hosts", "a", encoding="ascii") as hosts:
            hosts.write("127.0.0.1 black.example.org\n")
        wait_arrived(named, "bad", "the alert")


def f51(room):
    """a receiver says 429, 500, or is not there
    tried again, no sooner than Retry-After says, until it is told"""
    asked = []

    def answer(_, path, body):
        asked.append((time.monotonic(), path, body))
        if len([one for one in asked if one[1] == path]) > 1:
            return 200, {}, b""
        return (429, {"Retry-After": "7"}, b"") if path == "/busy" else (500, {}, b"")

    web = sinks.Web(answer)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told(room, {"busy": 'url = "%s/busy"' % web.url, "bad": 'url = "%s/bad"' % web.url,
                "away": 'url = "http://127.0.0.1:%d/"' % port},
         {"one": ["webhook:busy"], "two": ["webhook:bad"], "three": ["webhook:away"]})
    room.start()
    room.wait_log(r"alert three-\d+-1\.end to webhook:away .* failed", 20)
    late = room.receiver(port=port)
    room.receivers.remove(late)     # it is shown the one alert only
    wait_arrived(late, "three", "the alert of who was not there")
    lab.wait_for(lambda: len(asked) >= 4, 40, "what was refused again")
    busy = [at for at, path, _ in asked if path == "/busy"]
    if busy[1] - busy[0] < 7:
        raise Fault("Retry-After: 7 ignored: %.1f s" % (busy[1] - busy[0]))
    check(len({body for _, path, body in asked if path == "/bad"}) == 1, "one body")


class Flood(http.server.BaseHTTPRequestHandler):
    """Answers with a gigabyte, and counts what is taken of it."""
    taken = [0]

    def do_POST(self):  # noqa: N802 (the name is the library's)
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        with contextlib.suppress(OSError):
            while self.taken[0] < 1 << 30:
                self.taken[0] += self.wfile.write(b"x" * 65536)

    def log_message(self, format, *args):  # noqa: A002
        """Silent."""


def f52(room):
    """a receiver redirects, to a file, to itself; or answers with 1 GB
    nobody follows; of the answer little is read, and what was accepted is not sent again"""
    elsewhere, asked = room.receiver(mode="redirect"), []
    room.receivers.remove(elsewhere)

    def answer(_, path, body):
        asked.append(body)
        return 302, {"Location": "file:///etc/shadow"}, b""

    web = sinks.Web(answer)
    flood = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Flood)
    threading.Thread(target=flood.serve_forever, args=(0.05,), daemon=True).start()
    told(room, {"away": 'url = "%s"' % elsewhere.url, "file": 'url = "%s/"' % web.url,
                "much": 'url = "http://127.0.0.1:%d/"' % flood.server_address[1]},
         {"one": ["webhook:away"], "two": ["webhook:file"], "three": ["webhook:much"]})
    room.start()
    for name in ("one", "two"):
        room.wait_log(r"alert %s-\d+-1\.end to webhook:\w+ .* failed" % name, 20)
    lab.wait_for(lambda: Flood.taken[0], 20, "an answer of 1 GB")
    time.sleep(1)
    if Flood.taken[0] > 64 << 20:
        raise Fault("%d MB of an answer read" % (Flood.taken[0] >> 20))
    if elsewhere.gets or any(post.path != "/" for post in elsewhere.tried):
        raise Fault("redirect followed")
    elsewhere.mode = "ok"
    wait_arrived(elsewhere, "one", "the alert once there is no redirect")


def f53(room):
    """a receiver's certificate has expired, is another host's, or nobody's
    nothing is sent there; who is to be told is told by the other way"""
    contexts, authority = sinks.certificates("/tmp")
    with open(authority, encoding="ascii") as f:
        lab.put("/etc/ssl/certs/ca-certificates.crt", f.read(), replace=True)
    webs = {name: sinks.Web(lambda *_: (200, {}, b""), context) for name, context in contexts.items()}
    told(room, {name: 'url = "%s/" retries = 0' % web.url for name, web in webs.items()},
         {name: ["webhook:" + name, "mail:ops@example.org"] for name in webs})
    room.start()
    lab.wait_for(lambda: webs["good"].posts, 20, "the good one")
    for name in ("expired", "other", "alone"):
        room.wait_log(r"alert %s-\d+-1\.end to webhook:%s .*given up" % (name, name), 20)
        room.wait_for(lambda name=name: any("ops@example.org" in mail[2] and name in mail[2]
                                            for mail in room.mails()), 20, "the mail about " + name)
        if webs[name].posts:
            raise Fault("sent to a receiver whose certificate is %s" % name)


def f54(room):
    """5,000 failures in a minute (300; 5,000 with --full)
    they come as few messages, in which each is named; those of others come"""
    count = 5000 if FULL else 300
    crowd, other = room.receiver(), room.receiver()
    at = told(room, {"crowd": 'url = "%s" rate = "10/2s"' % crowd.url, "good": 'url = "%s"' % other.url},
              {"one": ["webhook:good"]})
    moment = time.gmtime(at)
    room.cron_d("crowd", "".join(
        "#@ name=c%d second=%d alert=webhook:crowd\n%d %d %d %d * root exit 3\n"
        % (number, moment.tm_sec, moment.tm_min, moment.tm_hour, moment.tm_mday, moment.tm_mon)
        for number in range(count)))
    with room.fault():
        room.start()
        wait_arrived(other, "one", "the alert of somebody else", 40 + count / 20)

        def named():
            return {one["job"] for post in list(crowd.posts)
                    for one in post.json().get("events") or [post.json()] if "job" in one}

        lab.wait_for(lambda: len(named()) == count, 40 + count / 20,
                     "%d failures to be told" % count)
    messages = len(crowd.posts)
    if messages > 10 + count / 5:
        raise Fault("%d messages" % messages)
    room.note("%d in %d messages" % (count, messages))
