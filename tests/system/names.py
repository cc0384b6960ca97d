"""A name service for a lab: accounts that /etc/passwd does not have, and that may not be to be had."""
import glob
import os
import subprocess

import lab

PLACE = lab.ROOM + "/names"
MODULE = lab.BUILD + "/tests/system/nss_service.so"


class Service:
    """nss_service.c in the place of a module that the C library has, and asked after the files."""

    def __init__(self):
        there = [path for pattern in ("/lib/*", "/usr/lib/*", "/lib64", "/usr/lib64")
                 for path in glob.glob(pattern + "/libnss_hesiod.so.2")]
        usable = [path for path in sorted({os.path.realpath(path) for path in there}) if fits(path)]
        if not os.path.exists(MODULE):
            raise lab.Skip("%s is not built (make check)" % os.path.basename(MODULE))
        if not usable:
            raise lab.Skip("this C library has no module to take the place of")
        os.mkdir(PLACE)
        for name in ("accounts", "asked"):
            lab.put(PLACE + "/" + name, "", 0o666)
        for path in usable:
            lab.mount(MODULE, path, None, lab.MS_BIND)
        lines = [line for line in lab.read("/etc/nsswitch.conf").splitlines()
                 if line.partition(":")[0] not in ("passwd", "group", "initgroups")]
        lab.put("/etc/nsswitch.conf", "\n".join(lines + ["passwd: files hesiod", "group: files hesiod", ""]),
                replace=True)

    def add(self, name, uid, *groups):
        """An account with its home; groups beside its own: whoever has this name here already gets them."""
        if not os.path.exists("/home/" + name):
            os.mkdir("/home/" + name)
            os.chown("/home/" + name, uid, uid)
        lines = [line for line in lab.read(PLACE + "/accounts").splitlines(True)
                 if line.split()[0] != name]
        lines.append(" ".join([name, str(uid), *map(str, groups)]) + "\n")
        lab.put(PLACE + "/accounts", "".join(lines), replace=True)

    def remove(self, name):
        lab.put(PLACE + "/accounts", "".join(line for line in lab.read(PLACE + "/accounts").splitlines(True)
                                             if line.split()[0] != name), replace=True)

    def set(self, how, on):
        """how: hang, ill."""
        if on:
            lab.put(PLACE + "/" + how, "")
        else:
            os.remove(PLACE + "/" + how)

    def asked(self, name):
        return lab.read(PLACE + "/asked").split("\n").count(name)


def fits(path):
    """Is it of the machine that our programs are made for?"""
    heads = []
    for of in (path, "/proc/self/exe"):
        with open(of, "rb") as f:
            head = f.read(20)
        heads.append((head[4], head[18:]))
    return heads[0] == heads[1]


def child(daemon):
    return [p.pid for p in lab.processes() if p.exe == "crond-lookup" and p.ppid == daemon.pid]


def refreshed():
    """As a change of accounts does: what is known is asked for again."""
    subprocess.run(["touch", "/etc/passwd"], check=True)
