"""Each dialect's command line.

With CRONWARD_DEBIAN_CRON and CRONWARD_CRONIE_CROND (see dialects.py) the same tests run on the
daemons that the dialects are of.
"""
import os
import re
import time

import lab
from dialects import QUIET, both, cronie, debian
from lab import OUT, check, equal


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
        world.room.cron_d(name, QUIET + "@reboot root true %s\n" % name)
    world.start("-l")
    world.expect(["cron: (CRON) INFO (Running @reboot jobs)"] +
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
def mail_command_beside_a_log_on_standard_error(world):
    """As in a container, where nobody has /dev/log."""
    if world.peer:
        return
    lab.put("/usr/sbin/mymailer", "#!/bin/sh\ncat >%s/new; mv %s/new %s/got\n" % (OUT, OUT, OUT), 0o755)
    world.table("alice", "@reboot echo a\n")
    world.start("-x", "misc", "-m", "/usr/sbin/mymailer -a")
    equal(world.room.wait_out("got", 2)[-1], "a", "what was mailed")


@cronie
def mail_only_on_failure(world):
    world.table("alice", "@reboot -n echo good\n@reboot -n   echo bad; exit 1\n")
    world.start()
    _, _, text = world.only_mail()
    check("Subject: Cron <alice@labhost> echo bad; exit 1\n" in text, text)


@cronie
def addresses_are_expanded(world):
    world.table("alice", "MAILTO=${WHO}@$WHERE\nMAILFROM=$FROM\n@reboot echo x\n")
    world.start(env={"PATH": "/usr/bin:/bin", "WHO": "ops", "WHERE": "example.org", "FROM": "me@example.org"})
    _, argv, text = world.only_mail()
    equal(argv[-1], "me@example.org", "sender")
    check("\nTo: ops@example.org\n" in text and "<MAILTO=${WHO}@$WHERE>" in text, text)


@cronie
def path_is_kept(world):
    world.table("alice", QUIET + "@reboot echo $PATH >%s/path\n" % OUT)
    world.start("-P", env={"PATH": "/opt/bin:/usr/bin:/bin"})
    equal(world.room.wait_out("path"), ["/opt/bin:/usr/bin:/bin"], "PATH of a job")


@cronie
def any_table_is_permitted(world):
    world.room.cron_d("sys", QUIET + "@reboot root true sys\n", 0o666, "bob")
    world.table("alice", QUIET + "@reboot true alice\n", 0o777, "bob")
    world.start("-p")
    equal(sorted(world.wait_lines(2, r"\) CMD ")),
          ["CROND: (alice) CMD (true alice)", "CROND: (root) CMD (true sys)"], "lines")


def cluster(world, name, wanted):
    world.table("alice", QUIET + "@reboot true alice\n")
    world.room.cron_d("sys", QUIET + "@reboot root true sys\n")
    if name:
        lab.put(world.spool + "/.cron.hostname", name)
    world.start("-c")
    world.wait_lines(len(wanted), "CMDEND")
    time.sleep(0.5)
    equal(world.lines("inotify"), ["crond: (CRON) No inotify - daemon runs with -i or -c option ()"], "inotify")
    equal(sorted(world.lines(r"\) CMD ")), wanted, "runs")


SYSTEM_ONLY = ["CROND: (root) CMD (true sys)"]


@cronie
def cluster_here(world):
    cluster(world, "labhost\n", ["CROND: (alice) CMD (true alice)"] + SYSTEM_ONLY)


@cronie
def cluster_elsewhere(world):
    cluster(world, "otherhost\n", SYSTEM_ONLY)


@cronie
def cluster_without_a_name(world):
    cluster(world, None, SYSTEM_ONLY)


@cronie
def cluster_with_a_name_that_cannot_be_read(world):
    if world.peer:
        return
    os.mkdir(world.spool + "/.cron.hostname")
    cluster(world, None, SYSTEM_ONLY)
    equal(len(world.lines(r"ERROR \(cluster: .*/\.cron\.hostname: .*; users' jobs are not run\)")), 1, "lines")


@cronie
def tables_are_looked_at_before_each_minute(world):
    if world.peer:
        return
    daemon = world.start("-i")
    world.room.wait_log("jobs in force")

    def armed():
        """Looked at again where this test stood still meanwhile, or something else comes first."""
        left = 59.8 - time.time() % 60
        timers = [lab.read("/proc/%d/fdinfo/%s" % (daemon.pid, fd))
                  for fd in os.listdir("/proc/%d/fdinfo" % daemon.pid)]
        at = [float(re.search(r"it_value: \((\d+),", text).group(1)) for text in timers if "clockid: 1\n" in text]
        return any(abs((one - left + 30) % 60 - 30) < 2 for one in at)
    world.room.wait_for(armed, 5, "a timer for the end of this minute")


@cronie
def debugging(world):
    world.table("alice", QUIET + "@reboot true\n")
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
    world.table("alice", QUIET + line(0, "now") + "RANDOM_DELAY=100\n" + line(percent, "late") +
                line(percent + 30, "early") + "RANDOM_DELAY=-1\n" + line(0, "bad"))
    for name in ("now", "late", "bad"):
        world.room.wait_out(name, 2)
    equal(world.room.out("early"), "", "a line that is not due yet")
    equal(world.lines("RANDOM_DELAY"), ["crond: (CRON) INFO (RANDOM_DELAY will be scaled with factor N% if "
                                        "used.)", "crond: (CRON) ERROR (bad value of RANDOM_DELAY)"], "lines")
    check(daemon.poll() is None, "it ended")


if __name__ == "__main__":
    lab.main()
