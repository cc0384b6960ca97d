"""Installed and switched over as README says, command by command, and back.

What is switched from is a stand-in that has the places, names and lock of the package it
stands for; or the package itself: CRONWARD_PEER_DEBIAN names a directory with the files of
cron and cron-daemon-common (.deb), CRONWARD_PEER_CRONIE one with an installed tree of cronie.
"""
import glob
import hashlib
import os
import re
import shutil
import stat

import lab
import machine
from lab import check, equal

OUT = "/var/out"
# holds the lock that all cron daemons take, and nothing else
DAEMON = """#!/bin/sh
exec 9>>/run/crond.pid
flock -n 9 || { echo "can't lock /run/crond.pid" >&2; exit 1; }
echo $$ >/run/crond.pid
: >>/run/%s.reboot
trap 'rm -f /run/crond.pid; exit 0' TERM
while :; do sleep 0.2 9>&-; done
"""
UNIT = """[Unit]
Description=stands for the package's daemon
[Service]
EnvironmentFile=-/etc/%s
ExecStart=/usr/sbin/%s
KillMode=process
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
INIT = """#!/bin/sh
DAEMON=/usr/sbin/cron
. /etc/default/cron
case $1 in
start) if [ $DAEMON = /usr/sbin/cron ]; then setsid $DAEMON >/dev/null 2>&1 & else $DAEMON $EXTRA_OPTS; fi ;;
stop) kill $(cat /run/crond.pid); while [ -e /run/crond.pid ]; do sleep 0.1; done ;;
esac
"""
TOOL = "#!/bin/sh\necho the crontab of a package\n"
PERMIT = "".join("%s required pam_permit.so\n" % kind for kind in ("auth", "account", "session"))
HOURLY = "01 * * * * root run-parts /etc/cron.hourly\n"


def fingerprint(room, *paths):
    """What stands at these places: kind, rights, owner, content."""
    found = {}
    for path in paths:
        for name in sorted(glob.glob(room.root + path)):
            seen = os.lstat(name)
            what = os.readlink(name) if stat.S_ISLNK(seen.st_mode) else \
                hashlib.sha256(open(name, "rb").read()).hexdigest()
            found[name] = (oct(seen.st_mode), seen.st_uid, seen.st_gid, what)
    check(found, "nothing stands at %s" % (paths,))
    return found


def everything(room):
    """Every file below /usr/local and /etc, to see what an installation leaves."""
    return {os.path.join(place, name)[len(room.root):]
            for top in ("/usr/local", "/etc") for place, _, names in os.walk(room.root + top)
            for name in names}


def tables(room, group):
    """A table in the spool and one of the system's, which both daemons read."""
    spool = "/var/spool/cron/crontabs" if group else "/var/spool/cron"
    room.put(spool + "/alice", "#@ second=*\n* * * * * echo $$ >>%s/alice\n" % OUT, 0o600)
    room.put("/etc/cron.d/ours", "#@ second=*\n* * * * * root echo $$ >>%s/system\n" % OUT)
    room.chroot("chown alice%s %s/alice" % (group and ":" + group, spool))
    return spool + "/alice", "/etc/cron.d/ours"


def jobs_run(room):
    for name in ("alice", "system"):
        count = len(room.lines("%s/%s" % (OUT, name)))
        room.wait_for(lambda: len(room.lines("%s/%s" % (OUT, name))) > count + 1, 10, "jobs of " + name)


def runs(room, unit, exe):
    """The unit runs this program, and nobody else holds the lock."""
    room.wait_for(lambda: room.show(unit, "SubState") == "running", 5, unit)

    def is_it():  # which is systemd's own for a moment, and may not have written its pid yet
        pid = room.main_pid(unit)
        ran, held = room.sh("readlink /proc/%d/exe || echo; cat /run/crond.pid || :" % pid).split("\n")[:2]
        return ran.endswith(exe) and held == str(pid)
    room.wait_for(is_it, 10, "%s to run %s, and its pid file" % (unit, exe))


# --- Debian


def debian_stand_in(room, at):
    for path, content, mode in (
            ("/usr/sbin/cron", DAEMON % "crond", 0o755), ("/usr/bin/crontab", TOOL, 0o755),
            ("/lib/systemd/system/cron.service", UNIT % ("default/cron", "cron"), 0o644),
            ("/etc/default/cron", "EXTRA_OPTS=-l\n", 0o644), ("/etc/init.d/cron", INIT, 0o755),
            ("/etc/pam.d/cron", PERMIT, 0o644),
            ("/etc/crontab", "17 * * * * root true\n", 0o644),
            ("/DEBIAN/control", "Package: cron\nVersion: 3.0pl1-999\nArchitecture: all\n"
             "Maintainer: nobody <nobody@example.org>\nDescription: stands for cron\n", 0o644),
            ("/DEBIAN/conffiles", "/etc/default/cron\n/etc/init.d/cron\n/etc/pam.d/cron\n/etc/crontab\n", 0o644),
            ("/DEBIAN/postinst", "#!/bin/sh\nset -e\ngetent group crontab >/dev/null || groupadd -r crontab\n"
             "mkdir -p /var/spool/cron/crontabs /etc/cron.d\n"
             "chown root:crontab /var/spool/cron/crontabs /usr/bin/crontab\n"
             "chmod 1730 /var/spool/cron/crontabs; chmod 2755 /usr/bin/crontab\n"
             "mkdir -p /etc/systemd/system/multi-user.target.wants\n"
             "ln -sf /lib/systemd/system/cron.service /etc/systemd/system/multi-user.target.wants\n"
             "test ! -d /run/systemd/system || { systemctl daemon-reload; systemctl restart cron; }\n",
             0o755)):
        lab.put(at + path, content, mode)
    machine.run(["dpkg-deb", "--root-owner-group", "-b", at, room.root + "/var/debs/cron.deb"])


def debian_packages(room):
    """Puts Debian's cron in; the command that does it, which is an upgrade the next time."""
    os.makedirs(room.root + "/var/debs")
    for name in ("updates", "info"):
        os.makedirs(room.root + "/var/dpkg/" + name)
    room.put("/var/dpkg/status", "")
    peer = os.environ.get("CRONWARD_PEER_DEBIAN")
    for name in glob.glob(peer + "/cron*.deb") if peer else ():
        shutil.copy(name, room.root + "/var/debs")
    if not peer:
        debian_stand_in(room, machine.ROOM + "/deb")
    command = "dpkg --admindir=/var/dpkg --force-depends --force-confmiss --force-confold -i /var/debs/*.deb"
    room.put("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    room.chroot(command)
    room.remove("/usr/sbin/policy-rc.d")
    return command


def test_switching_over_on_debian_and_back(room):
    upgrade = debian_packages(room)
    there, back = room.said("Switching over on Debian")[:2]
    kept = tables(room, "crontab")
    before = fingerprint(room, "/usr/sbin/cron", "/usr/bin/crontab", "/lib/systemd/system/cron.service",
                         "/etc/crontab", "/etc/default/cron", "/etc/pam.d/cron", *kept)
    files = everything(room)
    room.boot()
    runs(room, "cron", "sh" if room.read("/usr/sbin/cron").startswith("#!") else "/usr/sbin/cron")
    room.follow(there)
    equal(room.show("cron", "Id"), "crond.service", "what is called cron")
    runs(room, "cron", "/usr/local/sbin/crond")
    jobs_run(room)
    room.wait_journal("Skipping @reboot", "crond")
    check("echo $$ >>%s/alice" % OUT in room.sh("crontab -l", "alice"), "crontab -l")
    room.sh("echo '* * * * * true' | crontab -", "bob")
    check(room.status("/usr/sbin/cron -f") != 0, "two daemons run")
    room.sh(upgrade)
    runs(room, "cron", "/usr/local/sbin/crond")
    equal(fingerprint(room, *(p[len(room.root):] for p in before)), before, "the package's files")
    room.off()
    room.boot()
    runs(room, "cron", "/usr/local/sbin/crond")
    jobs_run(room)
    room.follow(back)
    equal(room.show("cron", "Id"), "cron.service", "what is called cron")
    runs(room, "cron", "sh" if room.read("/usr/sbin/cron").startswith("#!") else "/usr/sbin/cron")
    equal(fingerprint(room, *(p[len(room.root):] for p in before)), before, "the package's files")
    check(room.read("/var/spool/cron/crontabs/bob"), "a table that was installed meanwhile is gone")
    equal({path for path in everything(room) - files if not re.search(
        r"^/etc/(passwd|group|g?shadow|subu?id|subgid)-?$|^/etc/\.pwd\.lock$", path)}, set(),
        "what is left of us")


def test_switching_over_without_systemd_and_back(room):
    debian_packages(room)
    there, back = room.said("Switching over on Debian")[2:]
    table = tables(room, "crontab")[0]
    before = fingerprint(room, "/etc/default/cron", "/etc/init.d/cron", table)
    pid = "/proc/$(cat /run/crond.pid)/exe"
    room.chroot("/etc/init.d/cron start; until test -s /run/crond.pid; do sleep 0.1; done")
    room.chroot("make -C %s install" % room.build)
    for command in there:
        room.chroot(command)
    check("/usr/local/sbin/crond" in room.chroot("readlink " + pid), "what init's script has started")
    jobs_run(room)
    for command in back:
        room.chroot(command)
    room.chroot("until test -s /run/crond.pid; do sleep 0.1; done")
    check("/usr/local" not in room.chroot("readlink " + pid), "what init's script has started then")
    equal(fingerprint(room, *(p[len(room.root):] for p in before)), before, "the package's files")
    room.chroot("/etc/init.d/cron stop")


def test_a_daemon_that_runs_is_not_run_beside(room):
    debian_packages(room)
    room.boot()
    room.sh("make -C %s install" % room.build)
    check(room.status("systemctl daemon-reload; systemctl start crond") != 0, "two daemons run")
    pid = room.sh("cat /run/crond.pid").strip()
    room.wait_journal("otherpid may be %s" % pid, "crond")
    room.wait_journal("stop it first", "crond")
    room.sh("systemctl stop cron")  # and as soon as it can, it does
    room.wait_for(lambda: room.show("crond", "SubState") == "running", 10, "crond")
    room.sh("systemctl stop crond")


# --- Fedora


def fedora(room):
    """cronie as Fedora has it."""
    for path, content, mode in (
            ("/usr/sbin/crond", DAEMON % "cron", 0o755), ("/usr/bin/crontab", TOOL, 0o4755),
            ("/usr/lib/systemd/system/crond.service", UNIT % ("sysconfig/crond", "crond"), 0o644),
            ("/etc/sysconfig/crond", "CRONDARGS=\n", 0o644), ("/etc/cron.d/0hourly", HOURLY, 0o644),
            ("/etc/anacrontab", "1 5 cron.daily nice run-parts /etc/cron.daily\n", 0o644),
            ("/etc/pam.d/crond", "auth include system-auth\naccount required pam_access.so\n"
             "account include system-auth\nsession include system-auth\n", 0o644),
            ("/etc/pam.d/system-auth", PERMIT, 0o644)):
        room.put(path, content, mode)
    if os.environ.get("CRONWARD_PEER_CRONIE"):
        for name in ("usr/sbin/crond", "usr/bin/crontab"):
            shutil.copy(os.environ["CRONWARD_PEER_CRONIE"] + "/" + name, room.root + "/" + name)
        os.chmod(room.root + "/usr/bin/crontab", 0o4755)
        room.put("/usr/lib/systemd/system/crond.service", (UNIT % ("sysconfig/crond", "crond")).replace(
            "ExecStart=/usr/sbin/crond", "ExecStart=/usr/sbin/crond -n $CRONDARGS"))
    os.makedirs(room.root + "/var/spool/cron")
    os.chmod(room.root + "/var/spool/cron", 0o700)
    room.chroot("systemctl -q enable crond")


def test_switching_over_on_fedora_and_back(room):
    fedora(room)
    room.chroot("mkdir /var/cronward-cronie; cd /var/cronward-cronie;"
                "%s/configure -q --with-dialect=cronie CFLAGS=-O0; make -s -j2 all 2>&1" % room.source)
    room.build = "/var/cronward-cronie"
    there, back = room.said("Switching over on Fedora")
    kept = tables(room, "")
    before = fingerprint(room, "/usr/sbin/crond", "/usr/bin/crontab", "/etc/sysconfig/crond",
                         "/usr/lib/systemd/system/crond.service", "/etc/cron.d/0hourly", "/etc/anacrontab",
                         "/etc/pam.d/crond", *kept)
    files = everything(room)
    room.boot()
    theirs = "sh" if room.read("/usr/sbin/crond").startswith("#!") else "/usr/sbin/crond"
    runs(room, "crond", theirs)
    room.follow(there)
    runs(room, "crond", "/usr/local/sbin/crond")
    equal(room.show("crond", "FragmentPath"), "/usr/local/lib/systemd/system/crond.service", "the unit")
    jobs_run(room)
    room.wait_for(lambda: room.journal("SYSLOG_IDENTIFIER=CROND"), 5, "the tag of cronie's jobs")
    room.wait_journal("@reboot jobs will be run at computer's startup", "crond")
    room.follow(back)
    runs(room, "crond", theirs)
    equal(fingerprint(room, *(p[len(room.root):] for p in before)), before, "the package's files")
    equal({path for path in everything(room) - files if not re.search(
        r"^/etc/(passwd|group|g?shadow|subu?id|subgid)-?$|^/etc/\.pwd\.lock$", path)}, set(),
        "what is left of us")


# --- nothing


def test_a_system_that_has_no_cron(room):
    room.put("/etc/default/cron", "# the administrator's own\nEXTRA_OPTS=-l\n")
    os.symlink("/nowhere", room.root + "/etc/crontab")
    own = fingerprint(room, "/etc/default/cron", "/etc/crontab")
    room.remove("/etc/pam.d/cron")
    room.boot()
    room.follow(room.said("A system that has no cron")[0])
    runs(room, "crond", "/usr/local/sbin/crond")
    equal(room.sh("stat -c '%U:%G %a' /usr/local/bin/crontab /var/spool/cron/crontabs").split(),
          ["root:crontab", "2755", "root:crontab", "1730"], "rights")
    room.sh("printf '#@ second=*\\n* * * * * echo x >>%s/alice\\n' | crontab -" % OUT, "alice")
    room.put("/etc/cron.d/example.org-jobs", "#@ second=*\n* * * * * root echo x >>%s/system\n" % OUT)
    jobs_run(room)  # a name with a dot is read because -l stands in the administrator's file
    history = "/var/lib/crond/history/history.db"
    room.wait_for(lambda: os.path.exists(room.root + history), 20, history)
    equal(room.sh("stat -c '%U %a' /var/lib/crond/history " + history).split(),
          ["crond-history", "700", "crond-history", "600"], "whose the history is")
    check(room.read("/etc/pam.d/cron"), "no file for PAM")
    equal(room.sh("bash -c '. /usr/local/share/bash-completion/completions/cronctl; COMP_WORDS=(cronctl ne);"
                  "COMP_CWORD=1; _cronctl; echo $COMPREPLY'"), "next\n", "completion")
    table = fingerprint(room, "/var/spool/cron/crontabs/alice")
    room.sh("systemctl disable --now crond; make -C %s uninstall" % room.build)
    equal(fingerprint(room, "/etc/default/cron", "/etc/crontab"), own, "the administrator's files")
    equal(fingerprint(room, "/var/spool/cron/crontabs/alice"), table, "a table")
    check(not os.path.exists(room.root + "/etc/pam.d/cron"), "PAM's file is left")
    check(not [p for p in everything(room) if re.search(r"/usr/local/.*cron", p)], "what is left of us")


if __name__ == "__main__":
    machine.main()
