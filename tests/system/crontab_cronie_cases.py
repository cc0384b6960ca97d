# crontab_cronie_cases: calls of crontab(1) whose every byte is compared with cronie's.
# Flow: crontab_test plays each in a clean lab, on the program and on its peer. What the
# two dialects have in common comes from crontab_cases.

import os

from crontab_cases import (A, EDIT, FIELDS, GOOD, HEADER, INSTALL, LISTING, OLD, REMOVE, allow, deny,
                           line, mine, table)
from crontab_lab import SPOOL, Call, Case, Do, Pam, Put

BAD = b"61 * * * * x\n"


def no_lists():
    return Do(lambda: os.unlink("/etc/cron.deny"))


TEST = [
    Case("test good", mine("f", GOOD), table("alice"), Call("alice", "-T", "f"),
         Call("alice", "-bT", "f")),
    Case("test bad", mine("f", BAD), Call("alice", "-T", "f"), Call("alice", "-T", "-", stdin=b""),
         Call("alice", "-T", "-", stdin=b"1 * * * * x"), mine("f", b"1 * * * * x"),
         Call("alice", "-T", "f")),
    Case("test for user", mine("f", GOOD), Call("root", "-u", "alice", "-T", A + "f"),
         Call("root", "-T", "-u", "alice", A + "f"), Call("bob", "-T", A + "f")),
    Case("test and others", mine("f", GOOD), table("alice"), Call("alice", "-T", "-l"),
         Call("alice", "-l", "-T", "f"), Call("alice", "-T", "-r"), Call("alice", "-T", "-T", "f"),
         Call("alice", "-T", "f", "g"), Call("alice", "-b", "-i", "-T", "f")),
    Case("test missing", Call("alice", "-T", "nosuch"), Call("alice", "-T", "/tmp"),
         Call("alice", "-T", "/etc/shadow")),
]

CLUSTER = [
    Case("host", Call("root", "-c"), Call("root", "-n", "node1"), Call("root", "-c"),
         Call("alice", "-c"), Call("root", "-n", "node2.example.org"), Call("alice", "-c")),
    Case("host this one", Call("root", "-n"), Call("root", "-c")),
    Case("host not root", Call("alice", "-n", "node1"), Call("alice", "-n"), Call("alice", "-c")),
    Case("host and others", Call("root", "-n", "a", "b"), Call("root", "-n", "-l"),
         Call("root", "-l", "-n", "a"), Call("root", "-c", "-n"), Call("root", "-n", "-c"),
         Call("root", "-c", "x"), Call("root", "-c", "-c")),
    Case("host and user", Call("root", "-u", "alice", "-n", "a"), Call("root", "-u", "alice", "-c"),
         Call("root", "-n", "-u", "alice"), Call("root", "-c", "-u", "alice"),
         Call("root", "-u", "root", "-n", "a"), Call("alice", "-u", "alice", "-c")),
    Case("host file odd", Put(SPOOL + "/.cron.hostname", "no newline"), Call("root", "-c"),
         Put(SPOOL + "/.cron.hostname", ""), Call("root", "-c"),
         Put(SPOOL + "/.cron.hostname", "\n"), Call("root", "-c"),
         Put(SPOOL + "/.cron.hostname", "one\ntwo\n"), Call("root", "-c")),
    Case("host odd", Call("root", "-n", ""), Call("root", "-c"), Call("root", "-n", "a b"),
         Call("root", "-c")),
]

USAGE = [
    Case("usage", Call("alice", "-h"), Call("alice", "-q"), Call("alice", "-u"), Call("root", "-u"),
         Call("alice", "-s"), Call("root", "-s", "-l"), Call("alice", "--help"), Call("alice", "-lh")),
    Case("usage mask", Call("alice", "-x"), Call("root", "-l", "-x")),
    Case("version", Call("alice", "-V"), Call("alice", "-V", "-l", "x"), Call("alice", "-l", "-V"),
         Call("alice", "-q", "-V")),
    Case("usage by name", Call("alice", "-h", name="/usr/bin/crontab"),
         Call("alice", "nosuch", name="/usr/bin/crontab"),
         Call("root", "-u", "nosuch", "-l", name="/usr/bin/crontab")),
    Case("usage twice", Call("alice", "-l", "-r"), Call("alice", "-l", "-l"),
         Call("alice", "-e", "-l"), Call("alice", "-r", "-e"), Call("alice", "-ler")),
    Case("usage arguments", mine("f", GOOD), Call("alice", "f", "g"), Call("alice", "-l", "f"),
         Call("alice", "-r", "f"), Call("alice", "-e", "f"), Call("alice", "-", "f"),
         Call("alice", "f", "-l"), Call("alice", "f", "-q")),
    Case("users", Call("root", "-u", "nosuch", "-l"), Call("alice", "-u", "nosuch", "-l"),
         Call("root", "-u", "nosuch", "f"), Call("root", "-u", "", "-l"),
         Call("root", "-u", "2001", "-l"), Call("root", "-u", "0", "-l"),
         Call("root", "-u", "../alice", "-l"), Call("root", "-u", "alice", "-u", "bob", "-l"),
         Call("alice", "-u", "alice", "-l"), Call("alice", "-l", "-u", "bob"),
         Call("stranger", "-l"), Call("stranger", "-u", "alice", "-l"), Call("stranger", "-V")),
    Case("options alone", Call("alice", "-i", stdin=GOOD), Call("alice", "-b", stdin=GOOD),
         Call("root", "-u", "alice", stdin=GOOD), Call("alice", "-bi", "nosuch")),
]

ACCESS = [
    Case("neither list", no_lists(), table("alice"), Call("alice", "-l"), Call("root", "-l"),
         Call("root", "-u", "alice", "-l"), Call("alice", "-", stdin=GOOD), Call("alice", "-V"),
         Call("alice", "-c"), Call("alice", "-T", "/dev/null")),
    Case("allow", table("alice"), no_lists(), allow("alice\n"), Call("alice", "-l"), Call("bob", "-l"),
         Call("root", "-l"), Call("root", "-u", "bob", "-l"), Call("bob", "-q"),
         Call("bob", "-T", "/dev/null")),
    Case("deny", table("alice"), deny("alice\n"), Call("alice", "-l"), Call("bob", "-l"),
         Call("root", "-u", "alice", "-l")),
    Case("allow over deny", allow("alice\n"), deny("alice\nbob\n"), Call("alice", "-l"),
         Call("bob", "-l")),
    Case("allow empty", allow(""), Call("alice", "-l"), Call("root", "-l")),
    Case("deny root", deny("root\n"), Call("root", "-l")),
    Case("allow not root", allow("bob\n"), Call("root", "-l"), Call("root", "-u", "alice", "-l")),
    Case("lists only root reads", allow("alice\n", 0o600), Call("alice", "-l"), Call("bob", "-l"),
         allow("bob\n", 0o000), Call("alice", "-l")),
    Case("deny only root reads", deny("alice\n", 0o600), Call("alice", "-l"), Call("bob", "-l")),
    Case("allow lines", allow("# people\n  alice\nbob \n\nal\n"), Call("alice", "-l"),
         Call("bob", "-l"), allow("alice"), Call("alice", "-l"), allow("alice bob\n"),
         Call("alice", "-l"), allow("# alice\n"), Call("alice", "-l"), allow("ALL\n"),
         Call("alice", "-l"), allow("ALICE\n"), Call("alice", "-l")),
    Case("allow directory", Do(lambda: os.mkdir("/etc/cron.allow")), Call("alice", "-l"),
         Call("root", "-l"), Do(lambda: os.rmdir("/etc/cron.allow"))),
    Case("pam denies accounts", table("alice"), mine("f", GOOD), Pam(account="deny"),
         Call("alice", "-l"), Call("alice", "f"), Call("alice", "-r"), Call("alice", "-T", "f"),
         Call("alice", "-V"), Call("alice", "-e", editor="add"), Call("alice", "-c"),
         Call("root", "-u", "alice", "-l"), Call("root", "-u", "alice", "-r")),
    Case("pam denies credentials", table("alice"), Pam(auth="deny"), Call("alice", "-l")),
    Case("pam and lists", Pam(account="deny"), deny("alice\n"), Call("alice", "-l"),
         Call("bob", "-l")),
    Case("deny and source", deny("bob\n"), Call("bob", "nosuch"), Call("bob", "/tmp"),
         Call("bob", "-l", "f")),
]

BACKUP = [
    Case("backup", table("alice"), mine("f", GOOD), Call("alice", "f"), Call("alice", "f"),
         Call("alice", "-r")),
    Case("backup none", table("alice"), mine("f", GOOD), Call("alice", "-b", "f"),
         Call("alice", "-b", "-r"), Call("alice", "-b", "-r")),
    Case("backup for user", table("alice"), Put("/tmp/f", GOOD), Call("root", "-u", "alice", "/tmp/f"),
         Call("root", "-u", "alice", "-r"), Call("root", "/tmp/f"), Call("root", "-r")),
    Case("backup elsewhere", Do(lambda: os.mkdir("/tmp/cache")), Do(lambda: os.chmod("/tmp/cache", 0o777)),
         table("alice"), Call("alice", "-", stdin=GOOD, env={"XDG_CACHE_HOME": "/tmp/cache"}),
         Call("alice", "-r", env={"XDG_CACHE_HOME": "/tmp/cache"})),
    Case("backup nowhere", table("alice"),
         Call("alice", "-", stdin=GOOD, env={"XDG_CACHE_HOME": "/nosuch/place/at/all"}),
         Call("alice", "-", stdin=OLD, env={"XDG_CACHE_HOME": "/etc"}),
         Call("alice", "-r", env={"XDG_CACHE_HOME": "/proc"})),
    Case("backup is a directory", table("alice"),
         Do(lambda: os.makedirs(A + ".cache/crontab/crontab.bak")),
         Do(lambda: os.chown(A + ".cache/crontab", 2001, 2001)), Call("alice", "-", stdin=GOOD),
         Call("alice", "-r")),
    Case("backup after edit", table("alice"), Call("alice", "-e", editor="add"),
         Call("root", "-u", "alice", "-e", editor="add")),
    Case("backup not of a test or bad one", table("alice"), mine("f", GOOD), Call("alice", "-T", "f"),
         Call("alice", "-", stdin=BAD), Call("alice", "-e", editor="same")),
]

REMOVALS = [
    Case("remove ask", table("alice"), Call("alice", "-r", "-i", stdin=b"n\n"),
         Call("alice", "-i", "-r", stdin=b"N\n"), Call("alice", "-ri", stdin=b"maybe\nyes\n"),
         Call("alice", "-ri", stdin=b"\n"), Call("alice", "-ri"), Call("alice", "-ri", stdin=b" y\n"),
         Call("alice", "-ri", stdin=b"y\n"), Call("alice", "-ri", stdin=b"Y\n")),
    Case("remove ask yes", table("alice"), Call("alice", "-ri", stdin=b"Yes"),
         table("bob"), Call("root", "-ri", "-u", "bob", stdin=b"yx\n")),
    Case("remove for other", table("bob"), Call("alice", "-u", "bob", "-r"),
         Call("alice", "-r", "-u", "bob")),
    Case("remove other's table", table("alice", owner="bob"), Call("alice", "-r")),
]

EDITS = [
    Case("edit ids", table("alice"), Call("alice", "-e", env={"EDITOR": "id -u; id -g; id -G; pwd; umask #"}),
         Call("root", "-u", "alice", "-e", env={"EDITOR": "id -u; id -g; pwd #"})),
    Case("edit links", table("alice"), Call("alice", "-e", editor="link"),
         Call("alice", "-e", editor="fifo")),
    Case("edit foreign table", table("alice", owner="bob"), Call("alice", "-e", editor="add")),
    Case("edit status", table("alice"), Call("alice", "-e", env={"EDITOR": "kill -TERM $$ #"}),
         Call("alice", "-e", env={"EDITOR": "exec false #"})),
]

PLACES = [
    Case("spool gone", Do(lambda: os.rmdir(SPOOL)), Call("alice", "-l"),
         Do(lambda: os.rmdir(SPOOL)), Call("alice", "-", stdin=GOOD)),
    Case("spool is a file", Do(lambda: os.rmdir(SPOOL)), Put(SPOOL, b""), Call("alice", "-l"),
         Do(lambda: os.unlink(SPOOL)), Do(lambda: os.mkdir(SPOOL))),
    Case("table is a link", Put("/etc/table", OLD), Do(lambda: os.symlink("/etc/table", SPOOL + "/alice")),
         Call("alice", "-l"), Call("alice", "-", stdin=GOOD), Call("alice", "-l")),
    Case("table dangles", Do(lambda: os.symlink("/nosuch", SPOOL + "/alice")), Call("alice", "-l")),
    Case("table is directory", Do(lambda: os.mkdir(SPOOL + "/alice")), Call("alice", "-b", "-r")),
    Case("table of any mode", table("alice", mode=0o000), Call("alice", "-l"),
         table("alice", mode=0o644), Call("alice", "-", stdin=GOOD)),
    Case("install devices", table("alice"), Call("alice", "/dev/null"), Call("alice", "-l"),
         Call("alice", "/dev/stdin", stdin=GOOD), Call("alice", "/dev/fd/0", stdin=OLD)),
    Case("many lines", Call("alice", "-", stdin=b"1 * * * * x\n" * 9999)),
    Case("long command", Call("alice", "-", stdin=b"1 * * * * " + b"x" * 5000 + b"\n")),
]

LINES = [
    line("dash of a user", "-1 * * * * x"), line("dash -n", "1 * * * * -n x"),
    line("random delay", "RANDOM_DELAY=5\n1 * * * * x"), line("cron_tz", "CRON_TZ=UTC\n1 * * * * x"),
    line("two bad ones", "61 * * * * x\n62 * * * * x"), line("bad line 3", "# a\nA=b\n* 24 * * * x"),
    line("bad line after blank", "\n\n* * * 13 * x\n"), line("bad command", "1 * * * *\n1 2 3 4 5 x"),
    Case("dash of root", Call("root", "-", stdin=b"-1 * * * * x\n"),
         Call("root", "-u", "alice", "-", stdin=b"-1 * * * * x\n")),
    Case("premature end", table("alice"), Call("alice", "-", stdin=b"1 * * * * x"),
         Call("alice", "-", stdin=b"1 * * * * y\n2 * * * * x"), Call("alice", "-", stdin=b"A=b"),
         Call("alice", "-", stdin=b"1 * * * * x\n# comment"), Call("alice", "-", stdin=b"1 * * * * x\n  "),
         Call("alice", "-", stdin=b"junk"), Call("alice", "-T", "-", stdin=b"* * * *"),
         Call("alice", "-T", "-", stdin=b"@daily"), Call("alice", "-T", "-", stdin=b"61 * * * * x")),
]

# What is about Debian's options; what has a line number that cronie has one too low (deviation
# 3), and a step that it warns about. Its -T cannot read a pipe, so that is in no case.
NOT_HERE = {"install missing file", "install unreadable", "install directory", "install no newline",
            "install for self", "install for other", "install headers", "list headers", "list",
            "remove ask", "remove ask yes", "remove without newline", "remove other's table",
            "options i", "edit ids", "edit foreign table", "edit for user", "edit self",
            "install null device", "line month names", "line step 70"}

COMMON = [c for c in LISTING + INSTALL + REMOVE + EDIT + FIELDS if c.name not in NOT_HERE]

OWN = [
    Case("list", table("alice"), Call("alice", "-l"), Call("root", "-u", "alice", "-l"),
         Call("alice", "-lb"), Call("alice", "-li")),
    Case("list raw", table("alice", HEADER + b"a\rb\bc\x1b[2J\n"), Call("alice", "-l"),
         Call("alice", "-l", env={"CRONTAB_NOHEADER": "N"})),
    Case("install headers", Call("alice", "-", stdin=HEADER + GOOD), Call("alice", "-l")),
    Case("install missing file", table("alice"), Call("alice", "nosuch"), Call("alice", "/nosuch/f"),
         Call("alice", "/tmp"), Call("alice", "/etc/shadow"), Put("/tmp/secret", GOOD, "bob", 0o600),
         Call("alice", "/tmp/secret")),
    Case("install for other", mine("f", GOOD), table("bob"), Call("alice", "-u", "bob", "f"),
         Call("alice", "-u", "bob", "-e", editor="add"), Call("alice", "-u", "root", "-l")),
    Case("edit for user", table("alice"), Call("root", "-u", "alice", "-e", editor="add"),
         Call("bob", "-u", "alice", "-e", editor="add")),
]

CASES = (OWN + COMMON + TEST + CLUSTER + USAGE + ACCESS + BACKUP + REMOVALS + EDITS + PLACES + LINES)
