"""A job's output reaches its owner, through whatever sendmail there is."""
import os
import signal
import time

import lab
import sinks
from lab import OUT, check, equal

EVERY = "#@ seconds\n* * * * * * "


def first_mail(room, count=1):
    return room.wait_for(lambda: len(room.mails()) >= count and room.mails(), 15,
                         "%d mails" % count)[0]


def headers_of(text):
    head, _, body = text.partition("\n\n")
    found = {}
    for line in head.split("\n"):
        name, _, value = line.partition(": ")
        found.setdefault(name, []).append(value)
    return found, body


def test_mail_is_debians(room):
    room.crontab("alice", "X=1\n" + EVERY + "echo hello; echo again >&2\n")
    room.start()
    uid, argv, text = first_mail(room)
    equal(uid, 2001, "the mailer's uid")
    equal(argv, ["/usr/sbin/sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "alice"],
          "the mailer's words")
    headers, body = headers_of(text)
    equal(headers["From"], ["root (Cron Daemon)"], "From")
    equal(headers["To"], ["alice"], "To")
    equal(headers["Subject"], ["Cron <alice@labhost> echo hello; echo again >&2"], "Subject")
    equal(headers["MIME-Version"], ["1.0"], "MIME-Version")
    equal(headers["Content-Transfer-Encoding"], ["8bit"], "encoding")
    for value in ("<SHELL=/bin/sh>", "<HOME=/home/alice>", "<PATH=/usr/bin:/bin>",
                  "<LOGNAME=alice>", "<X=1>"):
        check(value in headers["X-Cron-Env"], "no X-Cron-Env: " + value)
    equal(body, "hello\nagain\n", "body")


def test_mailto_and_mailfrom(room):
    room.crontab("alice", "MAILTO=ops@example.org\nMAILFROM=cron@example.org\n" + EVERY +
                 "echo x\n")
    room.start()
    _, argv, text = first_mail(room)
    equal(argv[-1], "ops@example.org", "recipient")
    headers, _ = headers_of(text)
    equal((headers["To"], headers["From"]), (["ops@example.org"], ["cron@example.org"]),
          "To and From")


def test_no_output_no_mail(room):
    room.crontab("alice", EVERY + "echo x >>%s/x\n" % OUT)
    room.crontab("bob", 'MAILTO=""\n' + EVERY + "echo y | tee -a %s/y\n" % OUT)
    room.start()
    room.wait_out("x", 3)
    room.wait_out("y", 3)
    time.sleep(0.5)
    equal(room.mails(), [], "mails")


def test_unsafe_recipients_get_nothing(room):
    for number, to in enumerate(("-oQ/tmp", "a@b, c@d", "|sh", "a@b;id")):
        room.cron_d("m%d" % number, "MAILTO=%s\n#@ seconds\n* * * * * * root echo %d\n"
                    % (to, number))
    room.start()
    room.wait_log(r"UNSAFE", 10, 4)
    time.sleep(0.5)
    equal(room.mails(), [], "mails")


def test_output_arrives_byte_for_byte(room):
    room.crontab("alice", EVERY + r"test -e %s/d || { touch %s/d; printf 'a\tb\n.\nFrom x\n\303"
                 r"\251\377 end'; }" % (OUT, OUT) + "\n")
    room.start()
    first_mail(room)
    name = [n for n in os.listdir(lab.MAIL) if n.endswith(".mail")][0]
    with open(lab.MAIL + "/" + name, "rb") as mail:
        text = mail.read()
    check(text.split(b"\n\n", 2)[2].startswith(b"a\tb\n.\nFrom x\n\xc3\xa9\xff end"),
          "body: %r" % text[-80:])


def test_large_output_is_cut_and_says_so(room):
    room.crontab("alice", EVERY + "test -e %s/d || { touch %s/d; yes abcdefghijklmno | head -c "
                 "50000000; echo the end; }\n" % (OUT, OUT))
    daemon = room.start()
    _, _, text = first_mail(room)
    check(len(text) < 40000000, "%d bytes were mailed" % len(text))
    check("the end" in text[-200:], "the output's tail is missing: %r" % text[-200:])
    check(daemon.poll() is None, "the daemon ended")


def test_a_hung_mailer_delays_nothing(room):
    room.fake_sendmail("sleep 1000")
    room.crontab("alice", EVERY + "echo x; echo x >>%s/x\n" % OUT)
    room.crontab("bob", EVERY + "date +\\%%s.\\%%N >>%s/late\n" % OUT)
    room.start()
    stamps = room.wait_out("late", 6, 15)
    # all would be late
    check(sorted(float(one) % 1 for one in stamps)[2] < 0.5, "late: %s" % stamps)
    room.wait_out("x", 4)


def test_a_failing_mailer_is_said(room):
    room.fake_sendmail("exit 75")
    room.crontab("alice", EVERY + "echo hello\n")
    room.start()
    line = room.wait_log(r"MAIL \(mailed 6 bytes of output but got status 0x004b from MTA\s*\)")
    check("(alice)" in line.text, "the line names nobody: " + line.text)


def test_a_mail_that_waited_with_a_keeper_that_is_killed_is_said(room):
    room.fake_sendmail("exit 75")
    room.crontab("alice", "#@ name=one\n@reboot echo hello\n")
    room.start()
    keeper = room.wait_log(r"MAIL \(mailed 6 bytes of output but got status 0x004b").sender
    room.wait_for(lambda: [1 for one in os.scandir("/run/crond/mails") if one.stat().st_size], 20,
                  "the mail that waits")
    os.kill(keeper, signal.SIGKILL)
    line = room.wait_log(r"\(alice\) MAIL \(given up: the keeper of run alice:one-\d+-1 died; "
                         r"6 bytes of output lost\)", 30)
    equal((line.priority, os.listdir("/run/crond/mails")), (3, []), "its priority, and what still waits")


def test_no_mailer_is_said(room):
    os.remove("/usr/sbin/sendmail")
    room.crontab("alice", EVERY + "echo hello; echo x >>%s/x\n" % OUT)
    room.start()
    room.wait_log(r"No MTA installed, discarding output")
    room.wait_out("x", 2)


def test_a_real_mailer_delivers(room):
    if not os.path.exists("/usr/sbin/dma"):
        raise lab.Skip("dma is not installed")
    sink = sinks.MailSink()
    lab.put("/etc/dma/dma.conf", "SMARTHOST 127.0.0.1\nPORT %d\nMAILNAME labhost.example.org\n"
            % sink.port)
    lab.put("/etc/mailname", "labhost.example.org\n")
    os.makedirs("/var/spool/dma")
    status = os.stat("/usr/sbin/dma")
    os.chown("/var/spool/dma", 0, status.st_gid)
    os.chmod("/var/spool/dma", 0o2775)
    os.remove("/usr/sbin/sendmail")
    os.symlink("/usr/sbin/dma", "/usr/sbin/sendmail")
    room.crontab("alice", "MAILTO=ops@example.org\n" + EVERY + "echo hello; echo .; echo end\n")
    room.start()
    room.wait_for(lambda: sink.letters, 20, "a mail by SMTP")
    letter = sink.letters[0]
    equal(letter.recipients, ["ops@example.org"], "recipients")
    check("Subject: Cron <alice@labhost> echo hello; echo .; echo end" in letter.data,
          "head: " + letter.data)
    check("\n\nhello\n.\nend\n" in letter.data, "body: " + letter.data)


if __name__ == "__main__":
    lab.main()
