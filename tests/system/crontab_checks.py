# crontab_checks: what the checks of crontab(1) have in common.
# Flow: crontab_faults, crontab_deaths and crontab_edits say with it what they expect.

import os

from crontab_cases import OLD, mine, table
from crontab_lab import CRONIE, SPOOL, Call

UNCHANGED = b"crontab: no changes made to crontab\n" if CRONIE else b"No modification made\n"
CHECK = "-T" if CRONIE else "-n"


def collect(names):
    """The checks of a module, by what they are about."""
    return {name[6:].replace("_", " "): f for name, f in sorted(names.items())
            if name.startswith("check_")}


def expect(got, wanted, what):
    assert got == wanted, "%s: wanted %r, got %r" % (what, wanted, got)


def tool(lab, *args, **more):
    return lab.call("tool", Call(*args, **more))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def body(user="alice"):
    """A user's table without its header, None if there is none."""
    path = "%s/%s" % (SPOOL, user)
    if not os.path.exists(path):
        return None
    data = read(path)
    return data.split(b"\n", 3)[3] if data.startswith(b"# DO NOT EDIT") else data


def temporary():
    return [n for n in os.listdir(SPOOL) if n.startswith(".tmp.")]


def refused(lab, data, message):
    """An install of data over OLD: refused with message, and OLD stands."""
    table("alice").do(lab)
    mine("f", data).do(lab)
    status, out, err = tool(lab, "alice", "f")
    assert status == 1 and message in err, "%r: %d %r" % (data[:60], status, err[:300])
    expect((out, body()), (b"", OLD), "after a refusal")
