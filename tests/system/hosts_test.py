"""Tasks with hosts come and go with the host's addresses and its name."""
import os
import socket
import struct
import time

import lab
from lab import OUT, check, equal

NEW, REMOVE = 20, 21  # RTM_NEWADDR, RTM_DELADDR
LOOPBACK = 1
SOON = 5  # within a second or two; where nobody looked the moment it changed it would be a minute


def address(what, text, length, index=LOOPBACK):
    """Adds an address to an interface, or takes it away, as ip(8) does."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    raw = socket.inet_pton(family, text)
    body = struct.pack("=BBBBI", family, length, 0x02, 0, index)  # IFA_F_NODAD
    for kind in (1, 2):  # IFA_ADDRESS, IFA_LOCAL
        body += struct.pack("=HH", 4 + len(raw), kind) + raw
    flags = 0x605 if what == NEW else 0x5  # REQUEST, ACK; CREATE, EXCL
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
        s.bind((0, 0))
        s.send(struct.pack("=IHHII", 16 + len(body), what, flags, 1, 0) + body)
        error = struct.unpack_from("=i", s.recv(4096), 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error), text)


def task(name, hosts):
    return ('task "%s" {\n schedule = "* * * * * *"\n command = "echo x >>%s/%s"\n hosts = { %s }\n}\n'
            % (name, OUT, name, ", ".join('"%s"' % one for one in hosts)))


def daemon_task(name, hosts):
    return ('task "%s" {\n type = daemon\n command = "exec sleep 1000"\n hosts = { %s }\n}\n'
            % (name, ", ".join('"%s"' % one for one in hosts)))


def sleepers():
    return [p for p in lab.processes() if p.name == "sleep"]


def comes(room, name):
    """It starts soon."""
    room.wait_out(name, len(room.lines(name)) + 1, SOON)


def goes(room, *names):
    """They start no more; a run from before may still write."""
    def lines():
        return {name: len(room.lines(name)) for name in names}

    def quiet():
        before = lines()
        time.sleep(1.1)
        return lines() == before
    room.wait_for(quiet, SOON, "no more starts elsewhere")


def test_a_task_follows_the_addresses_and_the_name(room):
    six = os.path.exists("/proc/net/if_inet6")  # a kernel may be without
    room.tasks("f", task("four", ["10.77.0.0/16"]) + task("not", ["!10.77.0.0/16"]) +
               task("interface", ["lo"]) + task("name", ["other-*"]) +
               task("six", ["fd77::/16"]) + daemon_task("kept", ["10.77.0.9", "other-host"]))
    daemon = room.start()
    room.wait_out("interface")
    room.wait_out("not")
    for name in ("four", "name", "six"):
        equal(room.lines(name), [], name)
    equal(sleepers(), [], "a daemon that belongs elsewhere")
    address(NEW, "10.77.0.9", 24)
    comes(room, "four")
    room.wait_for(sleepers, SOON, "the daemon that belongs here now")
    if six:
        address(NEW, "fd77::9", 64)
        comes(room, "six")
        address(REMOVE, "fd77::9", 64)
    goes(room, "not", "six")
    socket.sethostname("other-host.example.org")
    room.wait_log(r"this host is called other-host\.example\.org now")
    comes(room, "name")
    address(REMOVE, "10.77.0.9", 24)
    comes(room, "not")
    check(sleepers(), "a daemon that its name keeps here")
    socket.sethostname("labhost")
    room.wait_for(lambda: not sleepers(), SOON, "the end of what belongs elsewhere")
    address(REMOVE, "127.0.0.1", 8)
    if six:
        address(REMOVE, "::1", 128)
    goes(room, "four", "name", "interface")
    check(daemon.poll() is None, "the daemon ended")


if __name__ == "__main__":
    lab.main()
