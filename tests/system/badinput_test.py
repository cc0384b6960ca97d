"""Whatever lies in the tables' places harms itself alone, and the log says why."""
import os
import resource
import shutil
import subprocess
import time

import lab
from lab import OUT, check, equal

SPOOL = "/var/spool/cron/crontabs/"
GOOD = "#@ seconds\n* * * * * * echo x >>%s/good\n" % OUT
TRAP = "#@ seconds\n* * * * * * %%secho x >>%s/trap\n" % OUT
LETTERS = str.maketrans("0123456789", "abcdefghij")
SYSTEM_TRAP, USER_TRAP = TRAP % "root ", TRAP % ""


def goes_on(room, daemon=None, starts=2):
    """The good table's jobs still start, and nothing of the bad ones does."""
    room.wait_out("good", len(room.lines("good")) + starts)
    equal(room.out("trap"), "", "what the bad ones ran")
    check(daemon is None or daemon.poll() is None, "the daemon ended")


def refused(room, name, content, pattern, mode=0o644, owner=None):
    """A file in cron.d beside a good table."""
    room.crontab("alice", GOOD)
    room.cron_d(name, content, mode, owner)
    daemon = room.start()
    line = room.wait_log(pattern)
    check(name in line.text, "the file is not named: " + line.text)
    goes_on(room, daemon)


def test_nul_bytes(room):
    refused(room, "nul", b"#@ seconds\n* * * * * * root echo \0 >>%s/trap\n" % OUT.encode(),
            r"/etc/cron\.d/nul\b.*\b2\b|nul\b.*line 2")


def test_a_line_of_five_megabytes(room):
    refused(room, "long", "* * * * * root echo " + "x" * (5 << 20) + "\n" + SYSTEM_TRAP,
            r"long\b.*too long|too long.*long\b")


def test_no_newline_at_the_end(room):
    refused(room, "cut", SYSTEM_TRAP.rstrip("\n"),
            r"Missing newline before EOF, this crontab file will be ignored")


def test_a_bad_line_drops_a_debian_table(room):
    refused(room, "bad", SYSTEM_TRAP + "* * nonsense * * root true\n", r"/etc/cron\.d/bad\b.*\b3\b")


def test_unknown_users(room):
    room.cron_d("endless", "* * * * * %s echo x >>%s/trap\n" % ("g" * 300, OUT))
    refused(room, "ghosts", "* * * * * ghost echo x >>%s/trap\n" % OUT, r"ghost")
    room.wait_log(r"/endless:1: bad username")


def test_as_many_zones_as_lines(room):
    """Any user's table may name them, so their number costs once, not squared."""
    def spent(count):
        path = lab.ROOM + "/zones.tab"
        lab.put(path, "".join("#@ timezone=A%s0\n* * * * * true\n" % str(one).translate(LETTERS)
                              for one in range(10 ** 5, 10 ** 5 + count)), replace=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run([room.program("crond"), "-t", path], check=True, stdout=subprocess.DEVNULL)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    few, many = spent(4000), spent(32000)
    check(many < 20 * max(few, 0.02), "4000 took %.2f s, 32000 took %.2f s" % (few, many))


def test_numbers_are_no_users(room):
    room.crontab("alice", GOOD)
    for number, name in enumerate(("0", "0x0", "0day", "-1")):
        room.cron_d("u%d" % number, "#@ seconds\n* * * * * * %s echo x >>%s/trap\n" % (name, OUT))
    daemon = room.start()
    for number in range(4):
        room.wait_log(r"/etc/cron\.d/u%d\b|\bu%d\b" % (number, number))
    goes_on(room, daemon)


def test_invalid_utf8_and_crlf(room):
    room.crontab("alice", GOOD)
    room.cron_d("bytes", b"#@ seconds\n* * * * * * root : \xff\xfe; echo x >>%s/bytes\n"
                % OUT.encode())
    room.cron_d("dos", b"#@ second=*\r\n* * * * * root echo x >>%s/dos\r\n" % OUT.encode())
    daemon = room.start()
    room.wait_out("bytes", 2)
    goes_on(room, daemon)


def test_wrong_owner_and_mode_in_the_system_directory(room):
    room.crontab("alice", GOOD)
    room.cron_d("owner", SYSTEM_TRAP, 0o644, "bob")
    room.cron_d("mode", SYSTEM_TRAP, 0o664)
    room.cron_d("dotted.name", SYSTEM_TRAP)
    os.symlink("/etc/cron.d/loop", "/etc/cron.d/loop")
    lab.put("/tmp/bobs", SYSTEM_TRAP, 0o644, "bob")
    os.symlink("/tmp/bobs", "/etc/cron.d/pointer")
    os.mkfifo("/etc/cron.d/fifo")
    os.mkdir("/etc/cron.d/directory")
    os.symlink("/dev/zero", "/etc/cron.d/endless")
    lab.put("/etc/linked", SYSTEM_TRAP)
    os.link("/etc/linked", "/etc/cron.d/linked")
    daemon = room.start()
    room.wait_log(r"WRONG FILE OWNER.*\bowner\b")
    room.wait_log(r"INSECURE MODE.*\bmode\)")
    for name in ("loop", "pointer", "fifo", "endless", "linked"):
        room.wait_log(r"/etc/cron\.d/%s\b" % name)
    goes_on(room, daemon)


def test_wrong_owner_and_mode_in_the_spool(room):
    room.crontab("alice", GOOD)
    room.crontab("bob", USER_TRAP, 0o644)
    lab.put(SPOOL + "nohome", USER_TRAP, 0o600, "bob")
    daemon = room.start()
    room.wait_log(r"INSECURE MODE \(mode 0600 expected\) \(crontabs/bob\)")
    room.wait_log(r"WRONG FILE OWNER \(crontabs/nohome\)")
    equal(len(room.log("INSECURE MODE")), 1, "lines that say so")
    goes_on(room, daemon)
    os.chmod(SPOOL + "bob", 0o600)
    room.wait_out("trap", 2)


def test_odd_files_in_the_spool(room):
    room.crontab("alice", GOOD)
    os.mkfifo(SPOOL + "bob", 0o600)
    os.chown(SPOOL + "bob", 2002, 2002)
    lab.put("/home/elsewhere", USER_TRAP, 0o600, "nohome")
    os.symlink("/home/elsewhere", SPOOL + "nohome")
    lab.put(SPOOL + "root", USER_TRAP, 0o600)
    os.link(SPOOL + "root", "/var/spool/second-name")
    daemon = room.start()
    room.wait_log(r"NOT A REGULAR FILE \(crontabs/bob\)")
    room.wait_log(r"crontabs/nohome")
    room.wait_log(r"NUMBER OF HARD LINKS > 1 \(crontabs/root\)")
    goes_on(room, daemon)


def test_complaints_are_made_once(room):
    room.crontab("alice", GOOD)
    room.cron_d("bad", "77 * * * * root true\n")
    daemon = room.start()
    room.wait_log(r"/etc/cron\.d/bad")
    for _ in range(5):
        room.crontab("bob", "# nothing\n")
        time.sleep(0.3)
    goes_on(room, daemon)
    check(len(room.log(r"/etc/cron\.d/bad")) <= 2,
          "%d complaints" % len(room.log(r"/etc/cron\.d/bad")))


def test_a_million_lines(room):
    lines = "".join("%d 3 1 1 * root true %d\n" % (n % 60, n) for n in range(1000000))
    room.crontab("alice", GOOD)
    daemon = room.start()
    room.wait_out("good")
    room.cron_d("huge", lines)
    room.wait_log(r"jobs: 1000000 added", 20)
    goes_on(room, daemon)


def test_the_spool_vanishes(room):
    room.crontab("alice", GOOD)
    room.cron_d("sys", "#@ seconds\n* * * * * * root echo x >>%s/sys\n" % OUT)
    daemon = room.start()
    room.wait_out("good")
    shutil.move("/var/spool/cron", "/var/spool/away")
    room.wait_out("sys", len(room.lines("sys")) + 3)
    check(daemon.poll() is None, "the daemon ended")
    shutil.move("/var/spool/away", "/var/spool/cron")
    room.wait_out("good", len(room.lines("good")) + 2, 70)


def test_task_files_say_line_and_column(room):
    room.crontab("alice", GOOD)
    room.tasks("brace", 'task "a" {\n schedule = "* * * * * *"\n command = "echo x >>%s/trap"\n'
               % OUT)
    room.tasks("nul", b'task "a" {\n schedule = "* * * * * *"\n command = "\0"\n}\n')
    room.tasks("quote", 'task "a" {\n schedule = "* * * * * *\n command = "echo >>%s/trap"\n}\n'
               % OUT)
    room.tasks("twice", 'task "t" {\n schedule = "0 0 0 1 1 *"\n command = "true"\n}\n'
                        'task "t" {\n schedule = "* * * * * *"\n command = "echo >>%s/trap"\n}\n'
               % OUT)
    room.tasks("env", 'task "e" {\n schedule = "* * * * * *"\n'
                      ' command = "echo [${HOME}] >>%s/env"\n}\n' % OUT)
    daemon = room.start(env={"HOME": "/expanded-too-early", "PATH": "/usr/sbin:/usr/bin:/bin"})
    for name in ("brace", "nul", "quote"):
        room.wait_log(r"/crond\.tasks/%s\.conf:\d+:\d+" % name)
    room.wait_log(r"/crond\.tasks/twice\.conf:5\b")
    equal(set(room.wait_out("env")), {"[/root]"}, "a variable in a command")
    goes_on(room, daemon)


if __name__ == "__main__":
    lab.main()
