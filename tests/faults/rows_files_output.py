"""Rows of the fault table about what jobs print and what is logged: no room for it, too much of it,
bytes that steer, a log that nobody reads."""
import os
import re
import socket
import time

import lab
from faults import OUT, Fault
from files import EVERY, FULL, Seen, fill, rows

SIZE = (1 << 30) if FULL else (64 << 20)
STEERS = "\x1b[2J\r\x07\x7f"


def mail_of(room, name, patience=None):
    """The whole of the one mail about this job's output, as the mailer got it; "": there is none."""
    def there():
        return [text for _, _, text in room.mails() if "Subject:" in text and name in text]
    try:
        return room.wait_for(there, patience or room.patience(), "a mail")[0]
    except lab.Failure:
        return ""


def f26(room):
    """no room where output is put
    the job sees nothing of it; what was printed is mailed as far as it is known, and the cut marked"""
    for place in ("/tmp", "/var/tmp") if room.kind != "busybox" else (room.subject.spool,):
        room.small_disk(place, "64k")
    at = room.next_due(4 if room.ours else 8)
    room.table("alice", "MAILTO=alice\n")
    room.job("talks", "yes talking | head -c 300000", at=at)
    room.start()
    for place in ("/tmp", "/var/tmp") if room.kind != "busybox" else (room.subject.spool,):
        fill(place + "/filler")
    end = room.wait_mark("talks", "end", deadline=max(0, at - time.time()) + room.patience())
    seen = Seen()
    seen.add(end.status, "job sees ENOSPC (status %d)" % end.status)
    text = mail_of(room, "talks")
    cut = re.search(r"\[\.\.\. (\d+) bytes left out \.\.\.\]", text)
    kept = text.count("talking\n")
    seen.add(not text, "mail lost")
    seen.add(text and not cut and kept * 8 < 299000, "mail cut, unmarked")
    if room.ours:
        lab.check(cut and kept > 1000, "a mail of %d lines: %s" % (kept, cut))
        room.wait_for(lambda: rows("SELECT truncated FROM runs WHERE job = 'alice:talks' AND truncated"
                                   " AND output_bytes = 300000"), room.patience(), "its record")
    seen.tell()


def f43(room):
    """a job prints 1 GB (64 MB without --full)
    head and tail are kept, how much was left out is said; nothing grows with it"""
    at = room.next_due(4 if room.ours else 8)
    room.table("alice", "MAILTO=alice\n")
    room.job("floods", "echo the-first; yes flooding | head -c %d; echo the-last" % SIZE, at=at)
    room.start()
    room.wait_mark("floods", "end", deadline=max(0, at - time.time()) + room.patience() + SIZE / 5e6)
    text = mail_of(room, "floods", room.patience() + SIZE / 1e7)
    if not text:
        raise Fault("no mail")
    if len(text) > SIZE // 2:
        raise Fault("keeps and mails all of it")
    body = text.split("\n\n", 1)[1]
    cut = re.search(r"\n\[\.\.\. (\d+) bytes left out \.\.\.\]\n", body)
    if not cut or "the-first" not in body or not body.endswith("the-last\n"):
        raise Fault("mail of %d bytes, unmarked" % len(text))
    total = SIZE + len("the-first\nthe-last\n")
    lab.equal(len(body) - len(cut.group(0)) + int(cut.group(1)), total, "bytes kept and left out")
    if room.ours:
        room.wait_for(lambda: rows("SELECT 1 FROM runs WHERE job = 'alice:floods' AND truncated"
                                   " AND output_bytes = ?", total), room.patience(), "its record")


def f44(room):
    """a job prints NUL, ESC, CR, false headers, what is no UTF-8; its command has such bytes
    the mail's head and each line of the log are what they were; the body is byte for byte"""
    body = b"a\0b\r\n.\nFrom x\n\nSubject: forged\n\x1b]0;t\x07\xff\xfe\xc3\xa9\xc3\n.\r\nend"
    with open(OUT + "/bytes", "wb") as file:
        file.write(body)
    os.chmod(OUT + "/bytes", 0o644)
    room.table("alice", "MAILTO=alice\n" + EVERY + "test -e %s/once || { touch %s/once; cat %s/bytes; } # %s\n" % (
        OUT, OUT, OUT, STEERS))
    room.start()
    seen = Seen()
    room.wait_for(lambda: os.path.exists(OUT + "/once"), room.patience(), "the job")
    try:
        room.wait_for(room.mails, room.patience(), "a mail")
    except lab.Failure:
        raise Fault("no mail") from None
    name = [n for n in os.listdir(lab.MAIL) if n.endswith(".mail")][0]
    with open(lab.MAIL + "/" + name, "rb") as mail:
        _, head, got = mail.read().split(b"\n\n", 2)
    seen.add(b"forged" in head or not head.startswith((b"From: ", b"To: ")), "false headers")
    seen.add(re.search(rb"[\0-\x08\x0b-\x1f\x7f]", head), "raw bytes in the mail's head")
    seen.add(got not in (body, body + b"\n"), "body is another one")
    raw = [line for line in list(room.syslog.lines)
           if line.facility == lab.CRON and re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line.text)]
    seen.add(raw, "raw bytes in the log")
    seen.tell()
    if room.ours:
        room.wait_for(lambda: rows("SELECT 1 FROM runs WHERE user = 'alice' AND result = 'ok' AND"
                                   " output_bytes = ?", len(body)), room.patience(), "its record")


class Stuffed:
    """/dev/log with no room left, and nobody who reads it."""

    def __init__(self, room):
        self.room, self.sockets = room, []
        room.syslog.running.clear()
        while self.send():
            if len(self.sockets) > 50:
                raise lab.Skip("/dev/log never fills")

    def send(self):
        """false: it was full from the first."""
        one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.connect("/dev/log")
        self.sockets.append(one)
        for count in range(5000):
            try:
                one.send(b"<14>Jan  1 00:00:00 filler[1]: x")
            except BlockingIOError:
                return count > 0
        return True

    def drain(self):
        for one in self.sockets:
            one.close()
        self.room.syslog.running.set()


def f45(room):
    """who reads /dev/log stands still
    jobs start in time and end; how many lines were lost is said once there is room"""
    room.job("steady")
    room.start()
    room.instants(1)
    stuffed, seen = Stuffed(room), Seen()
    counts = {name: len(room.marks("start", name)) for name in ("steady", "pulse")}
    try:
        for name, count in counts.items():
            room.wait_mark(name, "end", count=count + (3 if room.ours else 2),
                           deadline=room.patience() * (1 if room.ours else 2))
    except lab.Failure:
        seen.add(True, "jobs stop, or do not end")
    stuffed.drain()
    if room.ours:
        line = room.wait_log(r"\(CRON\) ERROR \(\d+ log lines were lost: the log did not take them\)")
        lab.check(int(re.search(r"\d+", line.text).group()) > 0, line.text)
    seen.tell()


def f46(room):
    """/dev/log goes, and comes back
    jobs run; lines are logged again; how many were lost is said"""
    room.job("steady")
    room.start()
    room.instants(1)
    room.syslog.close()
    room.instants(2)
    room.syslog = lab.Syslog(lines=room.syslog.lines)
    count = len(room.syslog.lines)
    try:
        room.wait_for(lambda: any(" steady " in one.text for one in room.syslog.lines[count:]),
                      room.patience(), "lines about starts")
    except lab.Failure:
        raise Fault("logs no more") from None
    if room.ours:
        room.wait_log(r"\(CRON\) ERROR \(\d+ log lines were lost: the log did not take them\)")
