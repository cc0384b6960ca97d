#!/usr/bin/env python3
# crontab_test: the same calls of crontab(1) must give the same bytes as Debian's.
# Flow: each case runs in a private lab (mounts, pids, users of its own); what a call
# printed, logged and left in the spool is one transcript, compared with the recorded
# one and, where CRONTAB_PEER names Debian's binary, with that one live.
#
# Usage: crontab_test.py [--tool PATH] [--peer PATH] [--record] [--show] [CASE...]
"""Transcripts of crontab(1) against Debian's, and what the tool does under faults."""

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
GOLDEN = os.path.join(HERE, "..", "golden", "crontab-debian.txt")

import crontab_cases  # noqa: E402
import crontab_faults  # noqa: E402
from crontab_lab import Lab, skip  # noqa: E402


def default_tool():
    build = os.environ.get("top_builddir", os.path.join(HERE, "..", ".."))
    return os.environ.get("CRONTAB_TOOL", os.path.join(build, "crontab-tool", "crontab"))


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--tool", default=default_tool())
    p.add_argument("--peer", default=os.environ.get("CRONTAB_PEER"))
    p.add_argument("--record", action="store_true", help="write the peer's transcripts")
    p.add_argument("--show", action="store_true", help="print the transcripts")
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("case", nargs="*")
    return p.parse_args()


def enter_namespaces():
    """Runs this again in namespaces of its own; returns only in there."""
    if os.geteuid() != 0:
        skip("needs root: users and setgid programs are part of what is tested")
    if not shutil.which("unshare"):
        skip("needs unshare(1)")
    probe = subprocess.run(["unshare", "-m", "-p", "-f", "--mount-proc", "true"],
                           stderr=subprocess.PIPE, text=True)
    if probe.returncode != 0:
        skip("no private namespaces here: " + probe.stderr.strip())
    with open("/proc/self/status") as status:
        if re.search(r"^NoNewPrivs:\s*1", status.read(), re.M):
            skip("setgid has no effect here (no_new_privs)")
    os.execvp("unshare", ["unshare", "-m", "-p", "-f", "--mount-proc", "--propagation", "private",
                          sys.executable] + sys.argv + ["--inside"])


def read_golden():
    """{case: transcript} of the recorded file."""
    if not os.path.exists(GOLDEN):
        return {}
    with open(GOLDEN) as f:
        parts = re.split(r"^=== (.+)\n", f.read(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def write_golden(transcripts):
    with open(GOLDEN, "w") as f:
        f.write(parts_intro())
        for name, text in transcripts.items():
            f.write("=== %s\n%s" % (name, text))


def parts_intro():
    return ("Transcripts of Debian's crontab(1), cron 3.0pl1-162, line numbers as N.\n"
            "Written by crontab_test.py --record --peer /usr/bin/crontab.\n\n")


def compare(what, wanted, got):
    """Prints the difference; True when there is none."""
    if wanted == got:
        return True
    print("not ok: " + what)
    sys.stdout.writelines(difflib.unified_diff(wanted.splitlines(True), got.splitlines(True),
                                               "wanted", "got"))
    return False


def one_case(lab, case, opts, golden, peer_seen):
    got = lab.play(case, "tool")
    if opts.show:
        print("=== %s\n%s" % (case.name, got), end="")
    if case.expect is not None:
        return compare(case.name, case.expect, got)
    if case.name not in golden:
        print("not ok: %s: no recorded transcript" % case.name)
        return False
    good = compare(case.name, golden[case.name], got)
    if case.name in peer_seen:
        good &= compare(case.name + " (live)", peer_seen[case.name], got)
    return good


def run_cases(lab, cases, opts):
    peer_seen = {}
    if opts.peer:
        peer_seen = {c.name: lab.play(c, "peer") for c in cases if c.expect is None}
    if opts.record:
        for name, text in peer_seen.items():
            if opts.show:
                print("=== %s\n%s" % (name, text), end="")
        return peer_seen, 0
    golden = read_golden()
    bad = [c.name for c in cases if not one_case(lab, c, opts, golden, peer_seen)]
    calls = sum(len(c.calls()) for c in cases)
    print("crontab: %d cases, %d calls compared%s, %d differ" %
          (len(cases), calls, " (also live)" if peer_seen else "", len(bad)))
    return peer_seen, len(bad)


def main():
    opts = options()
    if not opts.record and not os.access(opts.tool, os.X_OK):
        skip("no crontab program at %s" % opts.tool)
    if not opts.inside:
        enter_namespaces()
    lab = Lab(None if opts.record else opts.tool, opts.peer)
    cases = [c for c in crontab_cases.CASES if not opts.case or c.name in opts.case]
    peer_seen, bad = run_cases(lab, cases, opts)
    if opts.record:
        write_golden(peer_seen)
        print("recorded %d transcripts" % len(peer_seen))
        return 0
    bad += crontab_faults.run(lab, opts.case)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
