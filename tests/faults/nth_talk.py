"""nth_talk: what people ask by cronctl, where the Nth call of cronctl, of the scheduler or of the helper that
answers fails.

Flow: nth runs each scenario in a lab. A try asks with each of some verbs. cronctl does not hang; it
ends with 0 and the whole answer, or with another status and a line that says why. Who answers goes on, or is
started again, and the next one who asks is answered. A text that there is no memory for is shown as a question mark; libconfuse ends who has none.
"""
import os
import re
import subprocess
import time

import lab
import nth_daemon
import nth_inject
import nth_told

ANSWER_S = 30     # cronctl waits so long for a helper
SECONDS = ANSWER_S + 5


class Talk:
    """Tries in which something is asked. whose: the program whose calls fail."""

    def __init__(self, daemon, words, whose, identity=None):
        self.daemon, self.room, self.words = daemon, daemon.room, words
        self.whose, self.identity, self.wanted = whose, identity, None
        self.argv, self.loader = [self.room.program("cronctl"), "version"], 0
        if self.own():   # what the C library's loader maps: it does not look at all that it is told
            self.loader = self.counts().get(("cronctl", "mmap"), 0)
        self.argv[1:] = words
        self.counts()

    # asking

    def ask(self, injected=None):
        """(status, output, errors, injector); a status of None: it had to be killed."""
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": "/",
               "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "200"}}
        injector = None
        if injected and not self.daemon.memory:
            injector = nth_inject.run(self.argv, injected, self.identity, **how)
            process = injector.process
        else:
            process = subprocess.Popen(self.argv, **how)
        try:
            out, err = process.communicate(timeout=SECONDS * lab.slowness())
            return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), injector
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None, "", "", injector

    def same(self, out):
        """Without what is another at each time."""
        out = re.sub(r"[ ]+", " ", re.sub(r"\d+", "N", out))
        # what is in no order for want of memory is there all the same
        return "\n".join(sorted(out.split("\n"))) if self.daemon.memory else out

    def own(self):
        return self.whose == "cronctl" and not self.daemon.memory

    def counts(self):
        injector = self.daemon.injector
        if not self.own():
            injector.count()
        status, out, err, injected = self.ask("count" if self.own() else None)
        counts = (injected or injector).counts()
        if injected:
            injected.close()
        lab.check(status == 0, "%s without a fault: %s%s" % (self.words, out, err))
        self.wanted, self.pid = self.same(out), self.room.daemon.pid
        return counts

    def known(self):
        """What the answer is, of a scheduler that was started since: it says of itself what it has done."""
        if self.room.daemon.pid == self.pid:
            return
        self.room.wait_for(lambda: self.ask()[0] == 0, 15 * lab.slowness(), "an answer")
        time.sleep(0.2)
        self.wanted, self.pid = self.same(self.ask()[1]), self.room.daemon.pid

    def one(self, who, kind, n, what):
        self.known()
        self.daemon.killing = what == "kill"
        first = nth_inject.arm(who, kind, n, what) if self.own() else None
        if not self.own():
            self.daemon.injector.arm(who, kind, n, what)
        self.from_line = len(self.room.syslog.lines)
        status, out, err, injected = self.ask(first)
        report = (injected or self.daemon.injector).report()
        if injected:
            injected.close()
        wrong = list(self.judge(status, out, err, who, kind, n, what))
        return report, wrong + list(self.after())

    # judging

    def judge(self, status, out, err, who, kind, n, what):
        if status is None:
            yield "hangs"
        elif status < 0 and not (kind == "mmap" and n <= self.loader) and "lexer.l" not in err:
            yield "died of signal %d: %s" % (-status, err)
        elif status == 0 and self.same(out) != self.wanted and not (self.daemon.memory and "?" in out):
            yield "status 0, and not the whole answer: %r" % out[-300:]
        elif status > 0 and not err and "refused" not in out and not (who == "cronctl" and kind in ("write", "writev")):
            yield "status %d without a word" % status

    def after(self):
        """The next one is answered; a helper that was hit may have to be started again first."""
        deadline = time.monotonic() + 10 * lab.slowness()
        while True:
            yield from self.daemon.revive()
            status, out, err, _ = self.ask()
            if status == 0 and (self.same(out) == self.wanted or self.room.daemon.pid != self.pid):
                break
            if time.monotonic() > deadline:
                yield "asked again: %s %r %s" % (status, out[-200:], err)
                break
            time.sleep(0.2)
        if any("is started again" in str(line) for line in self.room.syslog.lines[self.from_line:]):
            yield from self.daemon.again()


VERBS = (["list"], ["list", "--json"], ["show", "told"], ["next", "told"], ["pause", "told"], ["resume", "told"],
         ["reload"])
ASKED = {"crond-history": (["runs"], ["stats"], ["runs", "--json"]), "crond-notify": (["alerts"],)}


def sweep(room, name, whose, verbs, memory=False, identity=None):
    done = nth_inject.Sweep(name, os.environ.get("NTH_SHORT") == "yes")
    daemon = nth_told.Teller(room, memory)
    daemon.start()
    told = nth_told.Told(daemon)
    told.hand()
    room.wait_for(lambda: told.over() and not told.lying(), 15 * lab.slowness(), "the alert")
    room.wait_for(lambda: not nth_daemon.unstored(daemon), 15 * lab.slowness(), "the history")
    for words in verbs:
        talk = Talk(daemon, words, whose, identity)
        counts = talk.counts()
        kinds = done.kinds(counts, whose, ("access",) if whose == "cronctl" else ())
        done.run(whose, kinds, talk.one)
        if not memory and not done.short and whose != "cronctl":
            done.kill(whose, kinds, talk.one)
    print("%s: the daemon ended %d times" % (name, daemon.died))
    done.finish(10)
