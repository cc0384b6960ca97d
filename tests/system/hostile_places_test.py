"""An unprivileged user at the places that she shares with the daemon: its sockets, and a spool that she
has put another file system over, in a namespace of her own."""
import grp
import os
import subprocess

import lab
from control_test import cronctl, good, jobs
from hostile_test import as_user
from lab import OUT, check, equal

EVERY = "#@ second=*\n* * * * * "

# Which sockets below its words let her in? Of each that does she holds as many as she gets, says
# half a request, and goes on so until she is ended.
SOCKETS = """
import os, socket, stat, sys
held = []
for top in sys.argv[1:]:
    for at, _, names in os.walk(top):
        for path in (at + "/" + name for name in names):
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                continue
            for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
                for _ in range(250):
                    s = socket.socket(socket.AF_UNIX, kind)
                    s.setblocking(False)
                    try:
                        s.connect(path)
                        s.send(b'{"version":1,"verb":"li')
                    except OSError as error:
                        s.close()
                        if not isinstance(error, (BlockingIOError, BrokenPipeError)):
                            break
                        continue
                    held.append((path, s))
print(" ".join(sorted({os.path.basename(path) for path, _ in held})), flush=True)
sys.stdin.read()
"""


def test_crowds_at_every_socket(room):
    """All that alice can reach she floods at once; bob's jobs start, and he and root are answered."""
    room.crontab("alice", EVERY + "sleep 0.5\n")
    room.crontab("bob", "#@ name=his\n" + EVERY + "echo x >>%s/his\n" % OUT)
    room.start()
    room.wait_out("his", 2)
    with as_user("python3", "-c", SOCKETS, "/run/crond", "/var/lib/crond", stdin=subprocess.PIPE,
                 stdout=subprocess.PIPE, text=True) as crowd:
        reached = crowd.stdout.readline().split()
        check("control.sock" in reached, "she reached only %s" % reached)
        print("reached:", reached)
        had = len(room.lines("his"))
        equal(list(jobs(room, user="bob")), ["bob:his"], "what bob sees meanwhile")
        good(room, "status")
        room.wait_out("his", had + 2)
        crowd.kill()
    room.wait_for(lambda: cronctl(room, "list", user="alice")[0] == 0, 20, "an answer to alice again")


NAMESPACE = """
mount -t tmpfs none /var/spool/cron/crontabs && {
    echo '* * * * * touch %(out)s/pwned' >/var/spool/cron/crontabs/root
    cp /var/spool/cron/crontabs/root /var/spool/cron/crontabs/bob
}
%(tool)s %(table)s
%(tool)s -u root %(table)s
%(tool)s -u bob %(table)s
exit 0
"""


def tables():
    spool = "/var/spool/cron/crontabs"
    return {name: (os.stat(spool + "/" + name)[:9], lab.read(spool + "/" + name)) for name in os.listdir(spool)}


def test_a_spool_in_a_namespace_of_her_own(room):
    """Where alice is root in a namespace of her own she has a spool of her own, and no other: there
    crontab has none of its group's rights, and the daemon sees nothing of it."""
    tool = lab.ROOM + "/crontab"
    lab.shutil.copy(room.program("crontab"), tool)
    os.chown(tool, 0, grp.getgrnam("crontab").gr_gid)
    os.chmod(tool, 0o2755)
    room.crontab("bob", EVERY + "echo x >>%s/his\n" % OUT)
    lab.put("/tmp/hers", "* * * * * touch %s/pwned\n" % OUT, 0o644)
    room.start()
    room.wait_out("his")
    before, names = tables(), list(jobs(room))
    script = NAMESPACE % {"out": OUT, "tool": tool, "table": "/tmp/hers"}
    for flags in ("-Urm", "-Ur"):
        with as_user("unshare", flags, "sh", "-c", script, stdout=subprocess.PIPE,
                     stderr=subprocess.STDOUT) as child:
            print(flags, child.communicate(timeout=60)[0].decode(errors="replace"))
        equal(tables(), before, "the spool after %s" % flags)
    room.wait_out("his", len(room.lines("his")) + 2)
    equal(list(jobs(room)), names, "jobs in force")
    check(not os.path.exists(OUT + "/pwned"), "her table was run as somebody else")


if __name__ == "__main__":
    lab.main()
