"""The mails of each dialect, to the byte.

With CRONWARD_DEBIAN_CRON and CRONWARD_CRONIE_CROND (see dialects.py) the same tests run on the
daemons that the dialects are of.
"""
import os
import re
import socket

import lab
from dialects import both, debian
from lab import check, equal


def sendmail(world, to, sender):
    if world.debian:
        return ["/usr/sbin/sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", to]
    return ["/usr/sbin/sendmail", "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", sender]


def mail(world, to, sender, subject, content, env, body):
    """The whole mail; env: what stands before the variables that every job has."""
    auto = "" if world.debian else "Auto-Submitted: auto-generated\nPrecedence: bulk\n"
    last = ["SHELL=/bin/sh", "HOME=/home/alice", "PATH=/usr/bin:/bin" if world.debian else
            "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LOGNAME=alice"]
    last += [] if world.debian else ["USER=alice"]
    last = [one for one in last if one.split("=")[0] not in [e.split("=")[0] for e in env]]
    return "From: %s\nTo: %s\nSubject: %s\nMIME-Version: 1.0\n%s\n%s%s\n%s" % (
        sender if world.debian else '"(Cron Daemon)" <%s>' % sender, to, subject, content, auto,
        "".join("X-Cron-Env: <%s>\n" % one for one in env + last), body)


PLAIN = "Content-Type: text/plain; charset=%s\nContent-Transfer-Encoding: 8bit"


@both
def mail_of_output(world):
    world.table("alice", "@reboot printf 'a\\r\\nb\\tc\\n'; echo d >&2\n")
    world.start()
    uid, argv, text = world.only_mail()
    sender = "root (Cron Daemon)" if world.debian else "alice"
    equal((uid, argv), (2001, sendmail(world, "alice", "alice")), "the mailer")
    equal(text, mail(world, "alice", sender,
                     "Cron <alice@labhost> printf 'a\\r\\nb\\tc\\n'; echo d >&2",
                     PLAIN % ("US-ASCII" if world.debian else "ANSI_X3.4-1968"), [],
                     "a\r\nb\tc\nd\n" if world.debian else "a\nb\tc\nd\n"), "the mail")


@both
def mail_with_every_setting(world):
    settings = ["B=x  y", "A=2", "LOGNAME=alice", "MAILTO=ops@example.org,dev@example.org",
                "MAILFROM=cron@example.org", "CONTENT_TYPE=text/html; charset=KOI8-R",
                "CONTENT_TRANSFER_ENCODING=quoted-printable"]
    world.table("alice", "B=first\nA=1\nLOGNAME=root\nB = 'x  y'\nA=2\n" +
                "".join(one + "\n" for one in settings[3:]) + "@reboot echo x; exit 1\n")
    world.start()
    _, argv, text = world.only_mail()
    equal(argv, sendmail(world, "ops@example.org,dev@example.org", "cron@example.org"), "the mailer")
    equal(text, mail(world, "ops@example.org,dev@example.org", "cron@example.org",
                     "Cron <alice@labhost> echo x; exit 1",
                     "Content-Type: text/html; charset=KOI8-R\n"
                     "Content-Transfer-Encoding: quoted-printable", settings, "x\n"), "the mail")


@both
def mail_by_the_daemons_locale(world):
    """The charset is the daemon's; in cronie its language reaches jobs too."""
    world.table("alice", "@reboot echo x\n")
    world.start(env={"LANG": "C.UTF-8", "LC_TIME": "C", "PATH": "/usr/bin:/bin", "MAILFROM": "me@example.org",
                     "FOO": "1"})
    _, _, text = world.only_mail()
    env = [] if world.debian else ["LANG=C.UTF-8", "LC_TIME=C", "MAILFROM=me@example.org"]
    equal(text, mail(world, "alice", "root (Cron Daemon)" if world.debian else "me@example.org",
                     "Cron <alice@labhost> echo x", PLAIN % "UTF-8", env, "x\n"), "the mail")


@debian
def mail_of_a_failure_with_the_whole_host_name(world):
    socket.sethostname("labhost.example.org")
    world.table("alice", "@reboot echo x; exit 3\n")
    world.start("-n", "-L", "4")
    _, _, text = world.only_mail()
    check("Subject: Cron <alice@labhost.example.org> echo x; exit 3 (failed)\n" in text, text)


@both
def mail_shows_what_pam_has_set(world):
    """cronie's does, Debian's does not."""
    if not world.peer and not os.path.exists(lab.BUILD + "/crond/crond-launcher-pam"):
        raise lab.Skip("built without PAM")
    lab.put("/etc/lab.env", "FROM_PAM=1\nA=pam\n")
    with open("/etc/pam.d/" + world.tag, "a", encoding="utf-8") as service:
        service.write("session required pam_env.so envfile=/etc/lab.env readenv=1\n")
    world.table("alice", "A=2\n@reboot echo $FROM_PAM $A\n")
    world.start()
    _, _, text = world.only_mail()
    shown = re.findall("X-Cron-Env: <(.*)>", text)
    equal(text.partition("\n\n")[2], "1 2\n", "what the job printed")
    equal(shown[:2], ["A=2", "SHELL=/bin/sh"] if world.debian else ["FROM_PAM=1", "A=2"], "variables")


@both
def unsafe_addresses(world):
    world.table("alice", "MAILTO=a@b, c@d\n@reboot echo 1\n")
    world.table("bob", "MAILFROM=Cron <x@y>\n@reboot echo 2\n")
    world.start()
    word = "UNSAFE MAIL" if world.debian else "UNSAFE"
    job = world.tag.upper()
    equal(sorted(world.wait_lines(2, "UNSAFE")), ["%s: (alice) %s (a@b, c@d)" % (job, word),
                                                  "%s: (bob) %s (Cron <x@y>)" % (job, word)], "lines")
    _, _, text = world.only_mail()
    check(text.startswith('From: root (Cron Daemon)\nTo: bob\n' if world.debian else
                          'From: "(Cron Daemon)" <bob>\nTo: bob\n'), text)


@both
def a_mailer_that_fails(world):
    world.room.fake_sendmail("exit 75")
    world.room.system("# nothing\n")
    world.table("alice", "@reboot echo x\n")
    world.start()
    line = world.wait_lines(1, " MAIL ")[0].replace("\n", "")
    equal(line, "CRON: (alice) MAIL (mailed 2 bytes of output but got status 0x004b from MTA)" if
          world.debian else "CROND: (alice) MAIL (mailed 2 bytes of output but got status 0x004b)", "line")
    world.room.syslog.lines[:] = []  # theirs has a newline in it


@both
def no_mailer(world):
    os.remove("/usr/sbin/sendmail")
    world.room.system("# nothing\n")
    world.table("alice", "@reboot printf 'a\\n\\nb\\303\\251\\tc'\n")
    world.start()
    if world.debian:
        world.expect(["cron: (CRON) INFO (Running @reboot jobs)",
                       "CRON: (alice) CMD (printf 'a\\n\\nb\\303\\251\\tc')",
                       "CRON: (CRON) info (No MTA installed, discarding output)"])
        return
    world.wait_lines(1, "CMDEND")
    equal(world.lines()[1:2] + world.lines("CROND:")[1:],
          ["crond: (CRON) INFO (Syslog will be used instead of sendmail.)", "CROND: (alice) CMDOUT (a)",
           "CROND: (alice) CMDOUT ()", "CROND: (alice) CMDOUT (bé\tc)",
           "CROND: (alice) CMDEND (printf 'a\\n\\nb\\303\\251\\tc')"], "lines")


@both
def a_shell_that_is_not_there(world):
    world.table("alice", "SHELL=/nowhere\n@reboot true\n")
    world.start()
    _, _, text = world.only_mail()
    equal(text.partition("\n\n")[2], "/nowhere: execle: No such file or directory\n" if world.debian else
          "execl: couldn't exec `/nowhere'\nexecl: No such file or directory\n", "body")


if __name__ == "__main__":
    lab.main()
