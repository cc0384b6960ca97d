#!/usr/bin/env python3
# crontab_test: the same calls of crontab(1) must give the same bytes as its model's.
# Flow: each case runs in a private lab (mounts, pids, users of its own); what a call
# printed, logged and left in the spool is one transcript, compared with the recorded
# one and, where CRONTAB_PEER names Debian's binary (CRONIE_PEER cronie's, for
# crontab_cronie_test), with that one live.
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

from crontab_cases import DEBIAN  # noqa: E402
from crontab_cronie_cases import CASES as CRONIES  # noqa: E402
import crontab_audit  # noqa: E402
import crontab_clients  # noqa: E402
import crontab_deaths  # noqa: E402
import crontab_edits  # noqa: E402
import crontab_faults  # noqa: E402
from crontab_lab import CRONIE, DIALECT, Lab, skip  # noqa: E402

CHECKS = {**crontab_faults.CHECKS, **crontab_edits.CHECKS, **crontab_clients.CHECKS,
          **crontab_deaths.CHECKS, **crontab_audit.CHECKS}
CASES = CRONIES if CRONIE else DEBIAN
GOLDEN = os.path.join(HERE, "..", "golden", "crontab-%s.txt" % DIALECT)
MODEL = {"debian": "Debian's crontab(1), cron 3.0pl1-162, line numbers as N",
         "cronie": "cronie's crontab(1), 1.7.2"}
BUILD = os.environ.get("CROND_BUILD", os.path.join(HERE, "..", ".."))


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--tool", default=os.path.join(BUILD, "crontab-tool", "crontab"))
    p.add_argument("--peer", default=os.environ.get("CRONIE_PEER" if CRONIE else "CRONTAB_PEER"))
    p.add_argument("--record", action="store_true", help="write the peer's transcripts")
    p.add_argument("--show", action="store_true", help="print the transcripts")
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("case", nargs="*")
    return p.parse_args()


UNSHARE = ["unshare", "-m", "-p", "-f", "--mount-proc", "--propagation", "private"]


def no_namespaces():
    """Why there can be no lab here, None if there can."""
    if os.geteuid() != 0:
        return "needs root: users and setgid programs are part of what is tested"
    if not shutil.which("unshare"):
        return "needs unshare(1)"
    probe = subprocess.run(UNSHARE + ["true"], stderr=subprocess.PIPE, text=True)
    if probe.returncode != 0:
        return "no private namespaces here: " + probe.stderr.strip()
    with open("/proc/self/status") as status:
        if re.search(r"^NoNewPrivs:\s*1", status.read(), re.M):
            return "setgid has no effect here (no_new_privs)"
    return None


def enter_namespaces():
    """Runs this again in namespaces of its own; returns only in there."""
    why = no_namespaces()
    if why:
        skip(why)
    os.execvp("unshare", UNSHARE + [sys.executable] + sys.argv + ["--inside"])


def read_golden():
    """{case: transcript} of the recorded file."""
    if not os.path.exists(GOLDEN):
        return {}
    with open(GOLDEN) as f:
        parts = re.split(r"^=== (.+)\n", f.read(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def write_golden(out, transcripts):
    out.write(parts_intro())
    for name, text in transcripts.items():
        out.write("=== %s\n%s" % (name, text))


def parts_intro():
    return ("Transcripts of %s.\nWritten by %s --record --peer /usr/bin/crontab.\n\n" % (
        MODEL[DIALECT], os.path.basename(sys.argv[0])))


def difference(wanted, got):
    return "".join(difflib.unified_diff(wanted.splitlines(True), got.splitlines(True),
                                        "wanted", "got"))


def one_case(lab, case, opts, golden, live):
    """What is wrong with a case, '' if nothing."""
    got = lab.play(case, "tool")
    if opts.show:
        print("=== %s\n%s" % (case.name, got), end="")
    if case.name not in golden:
        return "no recorded transcript"
    wrong = difference(golden[case.name], got)
    if live and not wrong:
        wrong = difference(lab.play(case, "peer"), got)
    return wrong


def one_check(lab, name):
    """What is wrong, '' if nothing, and why it could not be run."""
    lab.clean()
    try:
        why = CHECKS[name](lab)
    except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
        return "%s: %s" % (type(error).__name__, error), None
    return "", why


class Tap:
    def __init__(self):
        self.number = self.bad = 0

    def result(self, name, wrong, why_not=None):
        self.number += 1
        self.bad += bool(wrong)
        print("%s %d - %s%s" % ("not ok" if wrong else "ok", self.number, name,
                                " # SKIP " + why_not if why_not else ""), flush=True)
        for line in wrong.splitlines():
            print("# " + line)


def record(out, lab, cases):
    write_golden(out, {c.name: lab.play(c, "peer") for c in cases})
    out.close()
    print("recorded %d transcripts" % len(cases))


def run_all(lab, opts, golden):
    cases = [c for c in CASES if not opts.case or c.name in opts.case]
    checks = [n for n in CHECKS if not opts.case or n in opts.case]
    tap = Tap()
    print("1..%d" % (len(cases) + len(checks)))
    for case in cases:
        if case.name.startswith("pam ") and not lab.asks_pam:
            tap.result(case.name, "", "built without PAM")
        else:
            tap.result(case.name, one_case(lab, case, opts, golden, bool(opts.peer)))
    for name in checks:
        tap.result(name, *one_check(lab, name))
    print("# %d transcripts of %d calls compared%s, %d checks, %d failed" % (
        len(cases), sum(len(c.calls()) for c in cases), " (also live)" if opts.peer else "",
        len(checks), tap.bad))
    return 1 if tap.bad else 0


def main():
    opts = options()
    if not opts.record and not os.access(opts.tool, os.X_OK):
        skip("no crontab program at %s" % opts.tool)
    if not opts.inside:
        enter_namespaces()
    golden = read_golden()  # the lab's own /tmp may hide the source tree
    out = open(GOLDEN, "w") if opts.record else None
    lab = Lab(BUILD, None if opts.record else opts.tool, opts.peer)
    if opts.record:
        record(out, lab, CASES)
        return 0
    return run_all(lab, opts, golden)


if __name__ == "__main__":
    sys.exit(main())
