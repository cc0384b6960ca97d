"""What each dialect's own daemon says of tables, and which it takes.

With CRONWARD_DEBIAN_CRON and CRONWARD_CRONIE_CROND (see dialects.py) the same tests run on the
daemons that the dialects are of.
"""
import grp
import os
import re
import shutil
import signal
import time

import lab
from dialects import QUIET, both
from lab import check, equal


# --- tables


@both
def files_that_are_not_trusted(world):
    world.room.system("# nothing\n")
    for name, mode, owner in (("writable", 0o664, None), ("run", 0o755, None), ("other", 0o644, "alice"),
                              ("good.sh", 0o644, None), ("foo~", 0o644, None), ("a.rpmsave", 0o644, None)):
        world.room.cron_d(name, QUIET + "@reboot root true %s\n" % name, mode, owner)
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
    world.expect(lines)


@both
def nothing_is_there(world):
    shutil.rmtree("/etc/cron.d")
    shutil.rmtree("/var/spool/cron")
    world.start()
    why = "" if world.debian else ": No such file or directory"
    world.expect(["cron: (CRON) STAT FAILED (/etc/crontab)" if world.debian else "",
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
        world.room.cron_d("bad%d" % number, QUIET + "@reboot root true %d\n" % number + text)
        path = "/etc/cron.d/bad%d" % number
        lines += ["cron: Error: %s; while reading %s" % (what, path), "cron: (*system*bad%d) ERROR (Syntax "
                  "error, this crontab file will be ignored)" % number] if world.debian else \
            ["crond: (CRON) %s (%s)" % (what, path), "CROND: (root) CMD (true %d)" % number,
             "CROND: (root) CMDEND (true %d)" % number]
    world.room.cron_d("end", QUIET + "@reboot root true\n@reboot root false")
    world.room.cron_d("user", QUIET + "@reboot nosuch false\n@reboot root false user\n")
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
    world.expect(lines)


@both
def reload_lines(world):
    """A table that is new is silent, one that has changed is not. Theirs wait for the minute."""
    world.room.system("# nothing\n")
    world.room.cron_d("sys", "# nothing\n")
    world.table("alice", "# nothing\n")
    world.start()
    if not world.peer:
        world.room.wait_log("jobs in force")
    time.sleep(1.1)  # they tell changes by whole seconds
    world.table("bob", "# new\n")
    world.table("alice", "# changed\n")
    lab.put("/etc/cron.d/sys", "# changed\n", replace=True)
    world.room.system("# changed\n")
    tag = world.tag
    world.expect(["cron: (CRON) INFO (Running @reboot jobs)" if world.debian else "",
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


if __name__ == "__main__":
    lab.main()
