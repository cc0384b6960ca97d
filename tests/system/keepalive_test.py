"""Daemons are kept running: restarts, their limit, stops, adoption, reload."""
import os
import re
import signal
import time

import lab
from lab import OUT, check, equal

BORN = "echo $$ >>%s/%%s; exec sleep 1000" % OUT


def daemon(name, command, *settings):
    return 'task "%s" {\n type = daemon\n command = "%s"\n%s}\n' % (
        name, command, "".join(" %s\n" % one for one in settings))


def sleeper(name, *settings):
    return daemon(name, BORN % name, *settings)


def pids(room, name, count=1, deadline=10):
    """Of all copies that were ever started, once there are so many."""
    return [int(one) for one in room.wait_out(name, count, deadline)]


def living(room, name):
    return [pid for pid in map(int, room.lines(name)) if lab.alive(pid)]


def settled(room, name, count, deadline=10):
    room.wait_for(lambda: len(living(room, name)) == count, deadline,
                  "%d copies of %s" % (count, name))


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_what_ends_is_started_again_with_growing_delays(room):
    quick = 'restart-delay = "200ms"'
    room.tasks("f", daemon("bad", "date +%%s.%%N >>%s/bad; exit 3" % OUT, quick,
                           'restart-limit = "3/1m"', 'alert = { "webhook:w" }') +
               daemon("good", "echo >>%s/good; exit 0" % OUT, quick, 'restart-limit = "1/1m"') +
               daemon("calm", "echo >>%s/calm; exit 0" % OUT, quick, "restart = on-failure") +
               daemon("never", "echo >>%s/never; exit 3" % OUT, quick, "restart = never") +
               daemon("missing", "exec /no/such/command", quick, 'restart-limit = "1/1m"'))
    room.start()
    line = room.wait_log(r"FAILED job=bad run=bad-\d+-\d+ result=exit restarts=3 ")
    equal(line.priority, 3, "priority of giving up")
    born = [float(one) for one in room.lines("bad")]
    gaps = [after - before for before, after in zip(born, born[1:])]
    equal(len(gaps), 3, "restarts of bad")
    for gap, wanted in zip(gaps, (0.2, 0.4, 0.8)):
        check(wanted <= gap < wanted + 0.5 * lab.slowness(), "delays: %s" % gaps)
    equal(len(room.log("RESTARTED job=bad ")), 3, "lines about restarts")
    equal(len(room.log("FAIL job=bad ")), 4, "failures of bad")
    room.wait_log("FAILED job=good run=.* result=ok restarts=1 ")
    equal((len(room.lines("good")), room.log("FAIL job=good ")), (2, []), "a success is none")
    room.wait_log("FAILED job=missing ")
    equal((len(room.lines("calm")), len(room.lines("never"))), (1, 1), "starts by policy")
    equal(len(room.log(r"\]: FAILED job=")), 3, "daemons that were given up")


if __name__ == "__main__":
    lab.main()
