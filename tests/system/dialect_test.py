"""What each dialect's own daemon logs, mails and takes on its command line, line by line.

With CRONWARD_DEBIAN_CRON and CRONWARD_CRONIE_CROND (see dialects.py) the same tests run on
the daemons that the dialects are of.
"""
import glob
import grp
import os
import re
import shutil
import signal
import socket
import time

import lab
from dialects import both, cronie, debian
from lab import OUT, check, equal

ROOT = "MAILTO=\"\"\n"


def startup(world):
    if world.debian:
        return ["cron: (CRON) INFO (pidfile fd = N)"]
    version = world.wait_lines(1, "STARTUP")[0].split("(")[-1]
    return ["crond: (CRON) STARTUP (" + version,
            "crond: (CRON) INFO (RANDOM_DELAY will be scaled with factor N% if used.)",
            "crond: (CRON) INFO (running with inotify support)"]


def behind_startup(world, count, deadline=10):
    """The lines behind those of every start, in order of the alphabet: runs are parallel."""
    begin = len(startup(world))
    lines = world.wait_lines(begin + count, deadline=deadline)
    equal(lines[:begin], startup(world), "first lines")
    time.sleep(0.3)
    return sorted(world.lines()[begin:])


def expect(world, lines, deadline=10):
    lines = [line for line in lines if line]
    equal(behind_startup(world, len(lines), deadline), sorted(lines), "lines of the log")


# --- the daemon itself


@both
def start_and_reboot(world):
    world.room.system("# nothing\n")
    world.start()
    expect(world, ["cron: (CRON) INFO (Running @reboot jobs)" if world.debian else ""])


@both
def start_again(world):
    lab.put("/run/" + ("crond.reboot" if world.debian else "cron.reboot"), "")
    world.room.system("@reboot root echo x >>%s/x\n" % OUT)
    world.start()
    expect(world, ["cron: (CRON) INFO (Skipping @reboot jobs -- not system startup)" if world.debian
                   else "crond: (CRON) INFO (@reboot jobs will be run at computer's startup.)"])
    check(not world.room.out("x"), "@reboot ran again")


@both
def in_the_background(world):
    world.room.system("# nothing\n")
    code, out, err = world.run()
    equal((code, out, err), (0, "", ""), "what cron says to its caller")
    world.room.wait_for(lambda: world.lines("STARTUP"), 10, "the daemon")
    time.sleep(0.3)
    if world.debian:
        equal(world.lines()[1:], ["cron: (CRON) STARTUP (fork ok)",
                                  "cron: (CRON) INFO (Running @reboot jobs)"], "lines")
    os.kill(int(lab.read("/run/crond.pid")), signal.SIGKILL)


@both
def there_is_one_already(world):
    world.room.system("# nothing\n")
    world.start()
    code, out, err = world.run("-f")
    equal((code, out), (1, ""), "status and output")
    text = "can't lock /run/crond.pid, otherpid may be N"
    why = ": Resource temporarily unavailable"
    told = re.sub("be [0-9]+", "be N", err.replace("/var/run", "/run"))
    equal(told.splitlines(True)[0], "%s: %s%s\n" % (world.tag, text, why), "what it says")
    line = world.room.wait_log("DEATH")
    equal(line.priority, 6 if world.debian else 3, "priority")
    told = re.sub("be [0-9]+", "be N", line.text.replace("/var/run", "/run"))
    equal(told, "(CRON) DEATH (%s%s)%s" % ((text, why, "") if world.debian else (text, "", why)), "log")


@cronie
def end(world):
    daemon = world.start()
    equal(world.room.stop(daemon), 0, "status")
    equal(world.lines()[-1], "crond: (CRON) INFO (Shutting down)", "last line")


# --- runs


JOBS = """MAILTO=""
@reboot true
@reboot exit 3
@reboot kill -9 $$
@reboot a="x	y"; : \\% é
@reboot cat >/dev/null%in%put
"""


def job_lines(world, tag, what, pids=False):
    commands = ["true", "exit 3", "kill -9 $$", 'a="x^Iy"; : % \\303\\251', "cat >/dev/null"]
    return ["%s: (alice) %s (%s%s)" % (tag, what, "[N] " if pids else "", one) for one in commands]


FAILED = ["CRON: (CRON) error (grandchild #N failed with exit status 3)",
          "CRON: (CRON) error (grandchild #N terminated by signal 9)"]


def levels(mask):
    def level(world):
        world.room.system("# nothing\n")
        world.table("alice", JOBS)
        world.start("-L", str(mask))
        lines = ["cron: (CRON) INFO (Running @reboot jobs)"]
        for bit, what in ((1, "CMD"), (2, "END")):
            lines += job_lines(world, "CRON", what, mask & 8) if mask & bit else []
        expect(world, lines + (FAILED if mask & 4 else []))
    level.__name__ = "levels_%d" % mask
    return level


for number in (0, 1, 3, 5, 7, 15):
    debian(levels(number))


@cronie
def job_lines_of_cronie(world):
    world.table("alice", JOBS)
    world.table("root", ROOT + "-@reboot echo said nothing of\n")
    world.room.cron_d("sys", ROOT + "-@reboot bob echo nor of this\n@reboot  bob  true x\n")
    world.start()
    expect(world, job_lines(world, "CROND", "CMD") + job_lines(world, "CROND", "CMDEND") +
           ["CROND: (bob) CMD (true x)", "CROND: (bob) CMDEND (true x)"])


@both
def pids_of_the_lines(world):
    """CMD is the job's own; the end is said by who waits for it."""
    world.room.system("# nothing\n")
    world.table("alice", "@reboot echo $$ >%s/pid\n" % OUT)
    world.start(*(["-L", "3"] if world.debian else []))
    begun, ended = world.room.wait_log(r"\) CMD "), world.room.wait_log(r"\) (END|CMDEND) ")
    equal(str(begun.pid), world.room.wait_out("pid")[0], "pid of CMD")
    equal(begun.sender, begun.pid, "its sender")
    check(ended.pid != begun.pid and ended.sender == ended.pid, "the end is not the keeper's")


@both
def a_directory_that_is_not_there(world):
    world.room.system("# nothing\n")
    world.table("alice", ROOT + "HOME=/nowhere\n@reboot pwd >%s/where\n" % OUT)
    world.start()
    command = "(pwd >%s/where)" % OUT
    if world.debian:
        expect(world, ["cron: (CRON) INFO (Running @reboot jobs)", "CRON: (alice) CMD " + command])
        equal(world.room.lines("where"), ["/var/spool/cron"], "where it ran")
    else:
        expect(world, ["CROND: (alice) CMD " + command, "CROND: (alice) CMDEND " + command,
                       "CROND: (CRON) ERROR chdir failed (/nowhere): No such file or directory"])
        equal(world.room.out("where"), "", "where it ran")


# --- mail


def only_mail(world, count=1):
    mails = world.room.wait_for(lambda: len(world.room.mails()) >= count and world.room.mails(), 10,
                                "%d mails" % count)
    time.sleep(0.3)
    equal(len(world.room.mails()), count, "mails")
    return mails[0] if count == 1 else mails


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
    uid, argv, text = only_mail(world)
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
    _, argv, text = only_mail(world)
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
    _, _, text = only_mail(world)
    env = [] if world.debian else ["LANG=C.UTF-8", "LC_TIME=C", "MAILFROM=me@example.org"]
    equal(text, mail(world, "alice", "root (Cron Daemon)" if world.debian else "me@example.org",
                     "Cron <alice@labhost> echo x", PLAIN % "UTF-8", env, "x\n"), "the mail")


@debian
def mail_of_a_failure_with_the_whole_host_name(world):
    socket.sethostname("labhost.example.org")
    world.table("alice", "@reboot echo x; exit 3\n")
    world.start("-n", "-L", "4")
    _, _, text = only_mail(world)
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
    _, _, text = only_mail(world)
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
    _, _, text = only_mail(world)
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
        expect(world, ["cron: (CRON) INFO (Running @reboot jobs)",
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
    _, _, text = only_mail(world)
    equal(text.partition("\n\n")[2], "/nowhere: execle: No such file or directory\n" if world.debian else
          "execl: couldn't exec `/nowhere'\nexecl: No such file or directory\n", "body")


# --- tables


@both
def files_that_are_not_trusted(world):
    world.room.system("# nothing\n")
    for name, mode, owner in (("writable", 0o664, None), ("run", 0o755, None), ("other", 0o644, "alice"),
                              ("good.sh", 0o644, None), ("foo~", 0o644, None), ("a.rpmsave", 0o644, None)):
        world.room.cron_d(name, ROOT + "@reboot root true %s\n" % name, mode, owner)
    os.mkdir("/etc/cron.d/directory")
    os.symlink("/nowhere", "/etc/cron.d/broken")
    world.table("alice", "@reboot true\n", 0o660)
    world.table("bob", "@reboot true\n", 0o600, "alice")
    world.table("ghost", "@reboot true\n", 0o600, "alice")
    world.table("nohome", "@reboot true\n")
    os.link(world.spool + "/nohome", "/var/spool/second")
    world.start()
    system = (lambda name: "*system*" + name) if world.debian else lambda name: "root"

    def table(name, what):
        return "%s: (%s) %s (%s)" % (world.tag, name, what, world.shown(name))

    def file(name, what):
        return "%s: (%s) %s (/etc/cron.d/%s)" % (world.tag, system(name), what, name)
    lines = [table("bob", "WRONG FILE OWNER"), "%s: (ghost) ORPHAN (no passwd entry)" % world.tag,
             file("other", "WRONG FILE OWNER")]
    if world.debian:
        lines += [file("writable", "INSECURE MODE (group/other writable)"),
                  file("directory", "NOT A REGULAR FILE"), file("broken", "CAN'T OPEN SYMLINK"),
                  table("alice", "INSECURE MODE (mode 0600 expected)"),
                  table("nohome", "NUMBER OF HARD LINKS > 1"),
                  "cron: (CRON) INFO (Running @reboot jobs)", "CRON: (root) CMD (true run)"]
    else:
        lines += [file("writable", "BAD FILE MODE"), file("run", "BAD FILE MODE"),
                  file("directory", "NOT REGULAR"),
                  file("broken", "CAN'T OPEN") + ": No such file or directory",
                  table("alice", "BAD FILE MODE"), table("nohome", "BAD LINK COUNT"),
                  "CROND: (root) CMD (true good.sh)", "CROND: (root) CMDEND (true good.sh)"]
    expect(world, lines)


@both
def nothing_is_there(world):
    shutil.rmtree("/etc/cron.d")
    shutil.rmtree("/var/spool/cron")
    world.start()
    why = "" if world.debian else ": No such file or directory"
    expect(world, ["cron: (CRON) STAT FAILED (/etc/crontab)" if world.debian else "",
                   "%s: (CRON) STAT FAILED (/etc/cron.d)%s" % (world.tag, why),
                   "%s: (CRON) OPENDIR FAILED (/etc/cron.d)%s" % (world.tag, why),
                   "cron: (CRON) INFO (Running @reboot jobs)" if world.debian else ""])
    made = os.stat(world.spool)
    equal(oct(made.st_mode), oct(0o041730 if world.debian else 0o040700), "mode of the spool")
    group = grp.getgrgid(made.st_gid).gr_name
    equal(group, "crontab" if world.debian else "root", "its group")


BAD_LINES = (  # a table of the system, and what of it each daemon finds bad
    ("61 * * * * root x\n", "bad minute"), ("* 24 * * * root x\n", "bad hour"),
    ("* * 0 * * root x\n", "bad day-of-month"), ("* * * 13 * root x\n", "bad month"),
    ("* * * * 8 root x\n", "bad day-of-week"), ("@never root x\n", "bad time specifier"),
    ("* * * * * root\n", "bad command"),
)


@both
def bad_lines(world):
    world.room.system("# nothing\n")
    lines = []
    for number, (text, what) in enumerate(BAD_LINES):
        world.room.cron_d("bad%d" % number, ROOT + "@reboot root true %d\n" % number + text)
        path = "/etc/cron.d/bad%d" % number
        lines += ["cron: Error: %s; while reading %s" % (what, path), "cron: (*system*bad%d) ERROR (Syntax "
                  "error, this crontab file will be ignored)" % number] if world.debian else \
            ["crond: (CRON) %s (%s)" % (what, path), "CROND: (root) CMD (true %d)" % number,
             "CROND: (root) CMDEND (true %d)" % number]
    world.room.cron_d("end", ROOT + "@reboot root true\n@reboot root false")
    world.room.cron_d("user", ROOT + "@reboot nosuch false\n@reboot root false user\n")
    world.table("alice", "x\n-@reboot true\n")
    if world.debian:
        lines += ["cron: (*system*end) ERROR (Missing newline before EOF, this crontab file will be "
                  "ignored)", "cron: Error: bad username; while reading /etc/cron.d/user",
                  "cron: (*system*user) ERROR (Syntax error, this crontab file will be ignored)",
                  "cron: Error: bad minute; while reading crontab for user alice",
                  "cron: (alice) ERROR (Syntax error, this crontab file will be ignored)",
                  "cron: (CRON) INFO (Running @reboot jobs)"]
    else:
        lines += ["crond: (CRON) missing newline before EOF (/etc/cron.d/end)",
                  "CROND: (root) CMD (true)", "CROND: (root) CMDEND (true)",
                  "CROND: (root) CMD (false user)", "CROND: (root) CMDEND (false user)",
                  "crond: (nosuch) ERROR (getpwnam() failed - user unknown)",
                  "crond: (CRON) bad minute (/var/spool/cron/alice)",
                  "crond: (CRON) ERROR (Only privileged user can disable logging)",
                  "crond: (CRON) bad option (/var/spool/cron/alice)"]
    world.start()
    expect(world, lines)


@both
def reload_lines(world):
    """A table that is new is silent, one that has changed is not. Theirs wait for the minute."""
    world.room.system("# nothing\n")
    world.room.cron_d("sys", "# nothing\n")
    world.table("alice", "# nothing\n")
    world.start()
    time.sleep(1.1)  # they tell changes by whole seconds
    world.table("bob", "# new\n")
    world.table("alice", "# changed\n")
    lab.put("/etc/cron.d/sys", "# changed\n", replace=True)
    world.room.system("# changed\n")
    tag = world.tag
    expect(world, ["cron: (CRON) INFO (Running @reboot jobs)" if world.debian else "",
                   "%s: (alice) RELOAD (%s)" % (tag, world.shown("alice")),
                   "%s: (*system*%s) RELOAD (/etc/cron.d/sys)" % (tag, "sys" if world.debian else ""),
                   "%s: (*system*) RELOAD (/etc/crontab)" % tag], 75)


@both
def signals_that_reload(world):
    if world.peer:
        return  # theirs say nothing
    daemon = world.start()
    for number in [signal.SIGHUP] + ([] if world.debian else [signal.SIGURG]):
        daemon.send_signal(number)
        world.room.wait_log(r"\(CRON\) INFO \(%s: jobs: " % number.name)


@both
def sessions(world):
    """Whose sessions PAM is asked for, and of which class."""
    if not any(os.path.exists(one + "/pam_exec.so") for top in ("/lib", "/usr/lib")
               for one in glob.glob(top + "/*/security") + [top + "/security"]):
        raise lab.Skip("no pam_exec.so")
    if not world.peer and not os.path.exists(lab.BUILD + "/crond/crond-launcher-pam"):
        raise lab.Skip("built without PAM")
    lab.put("/usr/sbin/told", "#!/bin/sh\necho $PAM_USER $PAM_SERVICE $XDG_SESSION_CLASS >>%s/sessions\n"
            % OUT, 0o755)
    with open("/etc/pam.d/" + world.tag, "a", encoding="utf-8") as service:
        service.write("session optional pam_exec.so type=open_session /usr/sbin/told\n")
    world.room.system(ROOT + "@reboot root true\n@reboot alice true\n")
    world.table("bob", ROOT + "XDG_SESSION_CLASS=background\n@reboot true\n")
    world.table("root", ROOT + "@reboot true mine\n")
    world.start()
    wanted = ["alice cron ", "bob cron ", "root cron ", "root cron "] if world.debian else \
        ["alice crond ", "bob crond background", "root crond "]
    world.room.wait_out("sessions", len(wanted))
    time.sleep(0.3)
    equal(sorted(line.strip() for line in world.room.lines("sessions")), [line.strip() for line in wanted],
          "sessions")


# --- tables that people have published

GOLDEN = os.path.dirname(os.path.abspath(__file__)) + "/../golden/crontabs/"
ACCOUNTS = ("www-data", "minecraft", "openwrt", "app", "ubuntu", "scheduler", "rsync", "lutter",
            "operator", "drm", "curl", "bash")
REFUSED = re.compile(r"\((\*system\*)?t(\d+)\) ERROR |\(CRON\) (?:bad|missing) .* \(/\S*/t(\d+)\)")


def published():
    """Rows of expected.tsv and the tables they are about."""
    rows = lab.read(GOLDEN + "expected.tsv").splitlines()
    names = rows[0].split("\t")
    for row in (dict(zip(names, line.split("\t"))) for line in rows[1:]):
        with open(GOLDEN + row["id"], "rb") as f:
            yield row, f.read()


PUBLISHED = list(published())  # read here: in the lab their place may be out of sight


def install_published(world, tables):
    with open("/etc/passwd", "a", encoding="utf-8") as accounts:
        for number, name in enumerate(ACCOUNTS):
            if not re.search("^%s:" % name, lab.read("/etc/passwd"), re.M):
                accounts.write("%s:x:%d:100::/:/bin/sh\n" % (name, 3000 + number))
        accounts.writelines("t%s:x:%s:100::/:/bin/sh\n" % (row["id"], int(row["id"]) + 4000)
                            for row, _ in tables)
    for row, text in tables:
        if row["kind"] == "system":
            lab.put("/etc/cron.d/t" + row["id"], text)
        else:
            lab.put(world.spool + "/t" + row["id"], text, 0o600, "t" + row["id"])


def load_published(world):
    """The daemon loads them all and runs none: ours has no launcher where it stands, theirs is
    killed before the minute is over."""
    for name in ("crond.reboot", "cron.reboot"):
        lab.put("/run/" + name, "")
    if world.peer:
        time.sleep(max(0, 2 - time.time() % 60) if time.time() % 60 < 45 else 62 - time.time() % 60)
        daemon = world.start()
        time.sleep(2)
        daemon.kill()
    else:
        os.mkdir(lab.ROOM + "/alone")
        shutil.copy(world.program(), lab.ROOM + "/alone/crond")
        world.program = lambda: lab.ROOM + "/alone/crond"
        daemon = world.start()
        world.room.wait_log("jobs in force", 20)
        world.room.stop(daemon)
    return {(found.group(2) or found.group(3)) for found in map(REFUSED.search, world.lines()) if found}


@both
def published_tables(world):
    world.room.system("# nothing\n")
    check(len(PUBLISHED) > 100, "%d tables" % len(PUBLISHED))
    install_published(world, PUBLISHED)
    refused = load_published(world)
    for row, _ in PUBLISHED:
        user = row["kind"] == "user"
        if world.debian:
            verdict = row["debian_install" if user else "debian_daemon"]
        elif not user:
            continue  # cronie's daemon takes them all, less the lines that are bad
        else:
            verdict = row["cronie_install"]
        equal(row["id"] in refused, verdict == "reject", "table %s (%s) refused" % (row["id"], row["source"]))


# --- the command line


@both
def unknown_options(world):
    for words in (["-Z"], ["-L"] if world.debian else ["-m"], ["-x", "nonsense"]):
        code, out, err = world.run(*words)
        equal((code, out), (1, ""), "status and output of %s" % words)
        check(err and (world.peer or "usage: %s" % world.tag in err or "-x" in err or "flag" in err), err)


@both
def version(world):
    if world.peer and world.debian:
        return
    code, out, _ = world.run("-V")
    equal((code, len(out.splitlines())), (0, 1), "status and lines")


@debian
def lsb_names(world):
    world.room.system("# nothing\n")
    names = {"plain": 1, "org.example-job": 1, "Upper": 0, "under_score": 0, "a-dpkg-old": 0, "x.sh": 0}
    for name in names:
        world.room.cron_d(name, ROOT + "@reboot root true %s\n" % name)
    world.start("-l")
    expect(world, ["cron: (CRON) INFO (Running @reboot jobs)"] +
           ["CRON: (root) CMD (true %s)" % name for name, read in names.items() if read])


@cronie
def output_to_the_log(world):
    world.table("alice", 'MAILTO=""\n@reboot echo a; printf "b\\n\\tc"\n')
    world.start("-s", "-m", "off")
    world.wait_lines(1, "CMDEND")
    equal(world.lines("CMDOUT"), ["CROND: (alice) CMDOUT (a)", "CROND: (alice) CMDOUT (b)",
                                  "CROND: (alice) CMDOUT (\tc)"], "lines")
    equal(world.room.mails(), [], "mails")


@cronie
def mail_off(world):
    world.table("alice", "@reboot echo a\n")
    world.start("-m", "off")
    world.wait_lines(1, "CMDEND")
    equal((world.room.mails(), world.lines("CMDOUT")), ([], []), "mails and lines")


@cronie
def mail_command(world):
    lab.put("/usr/sbin/mymailer", "#!/bin/sh\n{ printf '%%s|' \"$0\" \"$@\"; id -u; cat; } >%s/new\n"
            "mv %s/new %s/got\n" % (OUT, OUT, OUT), 0o755)
    world.table("alice", "@reboot echo a\n")
    world.start("-m", "/usr/sbin/mymailer  -a 'b c'")
    lines = world.room.wait_out("got", 5)
    equal(lines[:3], ["/usr/sbin/mymailer|-a|'b|c'|2001", 'From: "(Cron Daemon)" <alice>', "To: alice"],
          "what it was given")


@cronie
def mail_only_on_failure(world):
    world.table("alice", "@reboot -n echo good\n@reboot -n   echo bad; exit 1\n")
    world.start()
    _, _, text = only_mail(world)
    check("Subject: Cron <alice@labhost> echo bad; exit 1\n" in text, text)


@cronie
def addresses_are_expanded(world):
    world.table("alice", "MAILTO=${WHO}@$WHERE\nMAILFROM=$FROM\n@reboot echo x\n")
    world.start(env={"PATH": "/usr/bin:/bin", "WHO": "ops", "WHERE": "example.org", "FROM": "me@example.org"})
    _, argv, text = only_mail(world)
    equal(argv[-1], "me@example.org", "sender")
    check("\nTo: ops@example.org\n" in text and "<MAILTO=${WHO}@$WHERE>" in text, text)


@cronie
def path_is_kept(world):
    world.table("alice", ROOT + "@reboot echo $PATH >%s/path\n" % OUT)
    world.start("-P", env={"PATH": "/opt/bin:/usr/bin:/bin"})
    equal(world.room.wait_out("path"), ["/opt/bin:/usr/bin:/bin"], "PATH of a job")


@cronie
def any_table_is_permitted(world):
    world.room.cron_d("sys", ROOT + "@reboot root true sys\n", 0o666, "bob")
    world.table("alice", ROOT + "@reboot true alice\n", 0o777, "bob")
    world.start("-p")
    equal(sorted(world.wait_lines(2, r"\) CMD ")),
          ["CROND: (alice) CMD (true alice)", "CROND: (root) CMD (true sys)"], "lines")


def cluster(world, name):
    world.table("alice", ROOT + "@reboot true alice\n")
    world.room.cron_d("sys", ROOT + "@reboot root true sys\n")
    if name:
        lab.put(world.spool + "/.cron.hostname", name)
    world.start("-c")
    world.wait_lines(1, "CMDEND")
    time.sleep(0.5)
    equal(world.lines("inotify"), ["crond: (CRON) No inotify - daemon runs with -i or -c option ()"], "inotify")
    return sorted(world.lines(r"\) CMD "))


SYSTEM_ONLY = ["CROND: (root) CMD (true sys)"]


@cronie
def cluster_here(world):
    equal(cluster(world, "labhost\n"), ["CROND: (alice) CMD (true alice)"] + SYSTEM_ONLY, "runs")


@cronie
def cluster_elsewhere(world):
    equal(cluster(world, "otherhost\n"), SYSTEM_ONLY, "runs")


@cronie
def cluster_without_a_name(world):
    equal(cluster(world, None), SYSTEM_ONLY, "runs")


@cronie
def tables_are_looked_at_before_each_minute(world):
    if world.peer:
        return
    daemon = world.start("-i")
    world.room.wait_log("jobs in force")
    left = 59.8 - time.time() % 60
    timers = [lab.read("/proc/%d/fdinfo/%s" % (daemon.pid, fd))
              for fd in os.listdir("/proc/%d/fdinfo" % daemon.pid)]
    at = [float(re.search(r"it_value: \((\d+),", text).group(1)) for text in timers if "clockid: 1\n" in text]
    check(any(abs((one - left + 30) % 60 - 30) < 2 for one in at), "timers %s, %g s are left" % (at, left))


@cronie
def debugging(world):
    world.table("alice", ROOT + "@reboot true\n")
    if world.peer:
        return
    world.words()
    daemon = world.room.launch("-x", "sch,proc")  # which keeps it in the foreground
    world.room.wait_for(lambda: "(alice) CMD (true)" in lab.read(world.room.errors), 10, "the log on stderr")
    equal(world.room.stop(daemon), 0, "status")
    code, _, err = world.run("-x", "test")
    check(code == 1 and "-t" in err, "-x test: %d %s" % (code, err))


@cronie
def random_delay(world):
    """Of 100 minutes the factor's percent remain: what was named so long ago is due now."""
    if world.peer:
        return
    daemon = world.start()
    percent = int(re.search(r"factor (\d+)%", str(world.room.wait_log("factor"))).group(1))

    def line(minutes, name):
        at = [time.gmtime(time.time() - 60 * (minutes - more)) for more in (0, 1)]
        return "#@ second=*\n%d,%d * * * * echo >>%s/%s\n" % (at[0].tm_min, at[1].tm_min, OUT, name)
    world.table("alice", ROOT + line(0, "now") + "RANDOM_DELAY=100\n" + line(percent, "late") +
                line(percent + 30, "early") + "RANDOM_DELAY=-1\n" + line(0, "bad"))
    for name in ("now", "late", "bad"):
        world.room.wait_out(name, 2)
    equal(world.room.out("early"), "", "a line that is not due yet")
    equal(world.lines("RANDOM_DELAY"), ["crond: (CRON) INFO (RANDOM_DELAY will be scaled with factor N% if "
                                        "used.)", "crond: (CRON) ERROR (bad value of RANDOM_DELAY)"], "lines")
    check(daemon.poll() is None, "it ended")


# --- which dialect


def spoken(room, daemon):
    """By the words that only one of them has."""
    room.wait_log("jobs in force")
    found = "cronie" if room.log("RANDOM_DELAY") else "debian"
    equal(room.stop(daemon), 0, "status")
    room.syslog.lines[:] = []
    return found


def test_who_says_which_dialect_it_is(room):
    def called(name, *args):
        return room.launch("-f", *args, called=name)
    equal(spoken(room, called("cron")), "debian", "called cron")
    equal(spoken(room, called("crond", "--dialect", "cronie")), "cronie", "crond --dialect cronie")
    room.conf("dialect = cronie\n")
    equal(spoken(room, called("crond")), "cronie", "crond.conf")
    equal(spoken(room, called("cron")), "debian", "called cron, with crond.conf")
    equal(spoken(room, called("cron", "--dialect", "cronie")), "cronie", "called cron --dialect cronie")


def test_a_letter_of_the_other_dialect_is_refused(room):
    for dialect, letters in (("debian", ["-s", "-p", "-P", "-c", "-i", "-mx", "-xsch"]),
                             ("cronie", ["-l", "-L1"])):
        for letter in letters:
            daemon = room.launch("-f", "--dialect", dialect, letter)
            equal(daemon.wait(10), 1, "status of %s in dialect %s" % (letter, dialect))
            check("%s is an option of dialect" % letter[:2] in lab.read(room.errors).splitlines()[-1],
                  lab.read(room.errors))


def test_init_scripts_words(room):
    """As EXTRA_OPTS and CRONDARGS have them."""
    daemon = room.launch("-f", "-l", "-L", "5", called="cron")
    equal(spoken(room, daemon), "debian", "cron -f -l -L 5")
    daemon = room.launch("-n", "-s", "-m", "off", "--dialect", "cronie")
    equal(spoken(room, daemon), "cronie", "crond -n -s -m off")


if __name__ == "__main__":
    lab.main()
