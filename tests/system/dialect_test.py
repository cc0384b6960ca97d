"""What each dialect's own daemon logs of itself and of runs, and which dialect is spoken.

With CRONWARD_DEBIAN_CRON and CRONWARD_CRONIE_CROND (see dialects.py) the same tests run on the
daemons that the dialects are of.
"""
import glob
import os
import re
import signal
import time

import lab
from dialects import QUIET, both, cronie, debian
from lab import OUT, check, equal


# --- the daemon itself


@both
def start_and_reboot(world):
    world.room.system("# nothing\n")
    world.start()
    world.expect(["cron: (CRON) INFO (Running @reboot jobs)" if world.debian else ""])


@both
def start_again(world):
    lab.put("/run/" + ("crond.reboot" if world.debian else "cron.reboot"), "")
    world.room.system("@reboot root echo x >>%s/x\n" % OUT)
    world.start()
    world.expect(["cron: (CRON) INFO (Skipping @reboot jobs -- not system startup)" if world.debian
                   else "crond: (CRON) INFO (@reboot jobs will be run at computer's startup.)"])
    check(not world.room.out("x"), "@reboot ran again")


@both
def in_the_background(world):
    world.room.system("# nothing\n")
    code, out, err = world.run()
    equal((code, out, err), (0, "", ""), "what cron says to its caller")
    world.room.wait_for(lambda: world.lines("STARTUP"), 10, "the daemon")
    if world.debian:
        world.wait_lines(3)
        time.sleep(0.3)
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
    world.wait_lines(1, "Shutting down")
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
        world.expect(lines + (FAILED if mask & 4 else []))
    level.__name__ = "levels_%d" % mask
    return level


for number in (0, 1, 3, 5, 7, 15):
    debian(levels(number))


@cronie
def job_lines_of_cronie(world):
    world.table("alice", JOBS)
    world.table("root", QUIET + "-@reboot echo said nothing of\n")
    world.room.cron_d("sys", QUIET + "-@reboot bob echo nor of this\n@reboot  bob  true x\n")
    world.start()
    world.expect(job_lines(world, "CROND", "CMD") + job_lines(world, "CROND", "CMDEND") +
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
    world.table("alice", QUIET + "HOME=/nowhere\n@reboot pwd >%s/where\n" % OUT)
    world.start()
    command = "(pwd >%s/where)" % OUT
    if world.debian:
        world.expect(["cron: (CRON) INFO (Running @reboot jobs)", "CRON: (alice) CMD " + command])
        equal(world.room.wait_out("where"), ["/var/spool/cron"], "where it ran")
    else:
        world.expect(["CROND: (alice) CMD " + command, "CROND: (alice) CMDEND " + command,
                       "CROND: (CRON) ERROR chdir failed (/nowhere): No such file or directory"])
        equal(world.room.out("where"), "", "where it ran")


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
    world.room.system(QUIET + "@reboot root true\n@reboot alice true\n")
    world.table("bob", QUIET + "XDG_SESSION_CLASS=background\n@reboot true\n")
    world.table("root", QUIET + "@reboot true mine\n")
    world.start()
    wanted = ["alice cron ", "bob cron ", "root cron ", "root cron "] if world.debian else \
        ["alice crond ", "bob crond background", "root crond "]
    world.room.wait_out("sessions", len(wanted))
    time.sleep(0.3)
    equal(sorted(line.strip() for line in world.room.lines("sessions")), [line.strip() for line in wanted],
          "sessions")


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
            equal(daemon.wait(10 * lab.slowness()), 1, "status of %s in dialect %s" % (letter, dialect))
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
