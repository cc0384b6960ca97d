"""What a job finds when it starts (dialect debian): the classic contract."""
import os
import resource
import signal

import lab
from lab import OUT, check, equal

EVERY = "#@ seconds\n* * * * * * "


def environment(room, name):
    text = room.wait_for(lambda: room.out(name), 10, "an environment in " + name)
    return dict(one.split("=", 1) for one in text.split("\0") if one)


def once(name, command):
    """A line that does the command the first time only, its output whole in a file."""
    path = "%s/%s" % (OUT, name)
    return EVERY + "test -e %s || { ( %s ) >%s.new; mv %s.new %s; }\n" % (
        path, command, path, path, path)


def test_environment_is_exact(room):
    room.crontab("alice", "MAILTO=bob\nX = 'a b'\nLOGNAME=root\n" +
                 once("alice", "cat /proc/$$/environ"))
    room.cron_d("root", once("root", "cat /proc/$$/environ").replace("* test", "* root test"))
    room.start(env={"PATH": "/evil:/usr/bin:/bin", "SECRET": "s", "LANG": "C", "USER": "evil",
                    "LD_BIND_NOW": "1"})
    equal(environment(room, "alice"), {
        "SHELL": "/bin/sh", "HOME": "/home/alice", "PATH": "/usr/bin:/bin", "LOGNAME": "alice",
        "MAILTO": "bob", "X": "a b"}, "alice's environment")
    equal(environment(room, "root"), {
        "SHELL": "/bin/sh", "HOME": "/root", "PATH": "/usr/bin:/bin", "LOGNAME": "root"},
        "root's environment")


def test_directory_is_home(room):
    os.makedirs("/home/alice/sub")
    room.crontab("alice", once("home", "pwd") + "HOME=/home/alice/sub\n" + once("sub", "pwd"))
    room.start()
    equal(room.wait_out("home"), ["/home/alice"], "directory")
    equal(room.wait_out("sub"), ["/home/alice/sub"], "directory under HOME=")


def test_user_without_home_still_runs(room):
    room.crontab("nohome", once("where", "pwd; id -un"))
    room.start()
    equal(room.wait_out("where", 2), ["/var/spool/cron", "nohome"], "directory and user")


def test_session_and_group_are_its_own(room):
    room.crontab("alice", once("stat", "cat /proc/$$/stat; echo $$"))
    room.start()
    stat, pid = room.wait_out("stat", 2)
    fields = stat[stat.rindex(")") + 2:].split()
    equal(fields[2:4], [pid, pid], "process group and session of %s" % pid)
    equal(fields[4], "0", "terminal")
    equal(fields[16], "0", "nice value")


def test_identity_is_the_users(room):
    room.crontab("alice", once("ids", "grep -E '^(Uid|Gid|Groups):' /proc/$$/status"))
    with open("/etc/group", "a", encoding="utf-8") as groups:
        groups.write("extra:x:2200:alice\n")
    room.start()
    lines = [line.split() for line in room.wait_out("ids", 3)]
    equal(lines[0][1:], ["2001"] * 4, "user ids")
    equal(lines[1][1:], ["2001"] * 4, "group ids")
    equal(sorted(lines[2][1:]), ["2001", "2200"], "further groups")


def test_descriptors_are_three(room):
    room.crontab("alice", once("fds", "ls /proc/$$/fd; readlink /proc/$$/fd/0 /proc/$$/fd/1"))
    with open("/etc/passwd", "rb") as leak:
        os.set_inheritable(leak.fileno(), True)
        room.start(close_fds=False)
    lines = room.wait_out("fds", 5)
    equal(lines[:3], ["0", "1", "2"], "open descriptors")
    equal(len(lines), 5, "descriptors and two targets")
    check(lines[3].startswith("pipe:"), "standard input is " + lines[3])


def test_standard_input_is_an_empty_pipe(room):
    room.crontab("alice", once("bytes", "wc -c"))
    room.start()
    equal(room.wait_out("bytes"), ["0"], "bytes of standard input")


def test_percent_signs_make_standard_input(room):
    room.crontab("alice", EVERY + "cat >%s/in; echo 100\\%% >>%s/in%%one%%two \\%% three\n"
                 % (OUT, OUT))
    room.start()
    # the next second's begins it anew
    room.wait_for(lambda: room.out("in") == "one\ntwo % three\n100%\n", 10, "standard input and command")


def disturb():
    """A daemon started by somebody careless: signals, umask, limits, nice value."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGWINCH, signal.SIGPIPE})
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096))


def test_signals_umask_and_limits_are_clean(room):
    room.crontab("alice", once("state", "grep -E '^Sig(Blk|Ign):' /proc/$$/status; umask; "
                                        "ulimit -n; ulimit -Hn"))
    room.start(preexec_fn=disturb)
    lines = room.wait_out("state", 5)
    ours = ~(3 << 31)  # 32 and 33 are the libc's own: no program can set them
    equal([int(line.split()[1], 16) & ours for line in lines[:2]], [0, 0],
          "blocked and ignored signals")
    equal(lines[2], "0022", "umask")
    equal(lines[3:], ["256", "4096"], "limit of open files, as the daemon was started with")


def test_the_tables_shell_is_used(room):
    room.crontab("alice", "SHELL=/bin/bash\n" + once("shell", "echo ${BASH_VERSION:+bash} $0"))
    room.start()
    equal(room.wait_out("shell"), ["bash /bin/bash"], "shell")


def test_simple_commands_need_no_shell(room):
    """Whether the shell is left out or not, a simple command sees the same."""
    room.crontab("alice", "#@ seconds\n* * * * * * /usr/bin/env --null\n"
                          "MAILTO=alice\n* * * * * * exec /usr/bin/env --null\n")
    room.start()

    def both():
        found = {body.partition("\n\n")[2] for _, _, body in room.mails()}
        return len(room.mails()) >= 4 and found
    room.wait_for(both, 10, "mails of both lines")
    kinds = {tuple(sorted(set(one.strip().split("\0")) - {"MAILTO=alice"})) for one in both()}
    equal(len(kinds), 1, "kinds of environment among %s" % kinds)


if __name__ == "__main__":
    lab.main()
