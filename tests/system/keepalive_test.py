"""Daemons are kept running: restarts, their limit, stops, adoption, reload."""
import json
import os
import signal
import socket
import subprocess
import time

import lab
import sinks
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


def test_a_while_up_makes_good_and_giving_up_is_told(room):
    receiver = sinks.Receiver()
    room.conf('webhook "w" {\n url = "%s"\n}\n' % receiver.url)
    alert = 'alert = { "webhook:w" }'
    room.tasks("f", daemon("weak", "echo $$ >>%s/weak; test $(wc -l <%s/weak) -gt 2 || exit 3; "
                           "exec sleep 1000" % (OUT, OUT), 'restart-delay = "300ms"',
                           'restart-max-delay = "2s"', alert) +
               daemon("bad", "exit 3", 'restart-delay = "100ms"', 'restart-limit = "2/1m"', alert))
    room.start()

    def told(job, event):
        return [post.json() for post in receiver.posts
                if (post.json()["job"], post.json()["event"]) == (job, event)]
    room.wait_for(lambda: told("bad", "daemon.failed"), 10, "word of bad")
    weak = pids(room, "weak", 3)[2]
    room.wait_log(r"RECOVERED job=weak run=\S+ fails=2 ", 25)
    equal(shown("weak")["fails"], 0, "failures of what has recovered")
    room.wait_for(lambda: told("weak", "job.recovered"), 10, "word of weak")
    killed = time.time()
    os.kill(weak, signal.SIGKILL)
    room.wait_log(r"FAIL job=weak run=\S+ result=signal .* fails=1 ")
    again = room.wait_log("RESTARTED job=weak run=.* restarts=3 ").at
    check(0.3 <= again - killed < lab.at_most(0.8), "delay: %s" % (again - killed))
    words = told("bad", "daemon.failed")
    equal(len(words), 1, "words of giving up")
    check("no longer restarted" in words[0]["text"] and "cronctl restart bad" in words[0]["reason"],
          "what it says: %r" % words[0])


def test_what_ends_is_started_again_with_growing_delays(room):
    quick = 'restart-delay = "200ms"'
    room.tasks("f", daemon("bad", "date +%%s.%%N >>%s/bad; exit 3" % OUT, quick,
                           'restart-limit = "3/1m"', 'alert = { "webhook:w" }') +
               daemon("good", "echo >>%s/good; exit 0" % OUT, quick, 'restart-limit = "1/1m"') +
               daemon("calm", "echo >>%s/calm; exit 0" % OUT, quick, "restart = on-failure") +
               daemon("never", "echo >>%s/never; exit 3" % OUT, quick, "restart = never") +
               daemon("missing", "exec /no/such/command", quick, 'restart-limit = "1/1m"') +
               daemon("unready", "exit 3", quick, 'restart-limit = "1/1m"', 'pre = "false"'))
    room.start()
    line = room.wait_log(r"FAILED job=bad run=bad-\d+-\d+ result=exit restarts=3 ")
    equal(line.priority, 3, "priority of giving up")
    born = [float(one) for one in room.lines("bad")]
    gaps = [after - before for before, after in zip(born, born[1:])]
    equal(len(gaps), 3, "restarts of bad")
    for gap, wanted in zip(gaps, (0.2, 0.4, 0.8)):
        check(wanted <= gap < lab.at_most(wanted + 0.5), "delays: %s" % gaps)
    equal(len(room.log("RESTARTED job=bad ")), 3, "lines about restarts")
    equal(len(room.log("FAIL job=bad ")), 4, "failures of bad")
    room.wait_log("FAILED job=good run=.* result=ok restarts=1 ")
    equal((len(room.lines("good")), room.log("FAIL job=good ")), (2, []), "a success is none")
    room.wait_log("FAILED job=missing ")
    room.wait_log("FAILED job=unready run=.* result=skipped restarts=1 ")
    equal((len(room.wait_out("calm")), len(room.wait_out("never"))), (1, 1), "starts by policy")
    equal(len(room.log(r"\]: FAILED job=")), 4, "daemons that were given up")


def ask(verb, **members):
    """What the scheduler answers on its socket: (its last line, those before)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect("/run/crond/control.sock")
        s.sendall(json.dumps(dict(members, version=1, verb=verb)).encode() + b"\n")
        with s.makefile(encoding="utf-8") as answer:
            lines = []
            for line in answer:
                lines.append(json.loads(line))
                if lines[-1].get("end"):
                    break
    return lines[-1], lines[:-1]


def told(verb, job):
    end, _ = ask(verb, job=job)
    check(end["ok"], "%s %s: %s" % (verb, job, end))


def shown(job):
    return lab.wait_for(lambda: ask("list", names=[job])[1], 5, job + " on the list")[0]


def state_is(room, job, word):
    room.wait_for(lambda: shown(job)["state"] == word, 5, "%s to be %s, not %s" %
                  (job, word, shown(job)["state"]))


def test_people_stop_and_start_them(room):
    room.tasks("f", sleeper("web", "max = 2") +
               daemon("bad", "echo >>%s/bad; exit 3" % OUT, 'restart-delay = "100ms"',
                      'restart-limit = "1/1m"') +
               daemon("slow", "echo >>%s/slow; exit 3" % OUT, 'restart-delay = "1m"'))
    running = room.start()
    first = pids(room, "web", 2)
    # kill: none is started again, also by a scheduler after this one
    told("kill", "web")
    settled(room, "web", 0)
    room.wait_log(r"END job=web run=\S+ result=killed .*reason=\".*root", count=2)
    state_is(room, "web", "stopped")
    check(not ask("kill", job="web")[0]["ok"], "stopped a second time")
    kill(running)
    running = room.start()
    room.wait_log(r"FAILED job=bad ")
    state_is(room, "bad", "failed")
    kill(running)
    running = room.start()
    state_is(room, "bad", "failed")
    told("kill", "slow")
    state_is(room, "slow", "stopped")
    equal((len(room.lines("web")), len(room.lines("bad"))), (2, 2), "starts of what is down")
    # run and restart
    told("run", "web")
    settled(room, "web", 2)
    check(not ask("run", job="web")[0]["ok"], "more copies than max")
    again = living(room, "web")
    told("restart", "web")
    room.wait_for(lambda: len(room.lines("web")) == 6, 5, "two more starts of web")
    settled(room, "web", 2)
    check(not set(again + first) & set(living(room, "web")), "copies that were not restarted")
    told("restart", "bad")
    room.wait_log(r"FAILED job=bad ", count=2)
    equal(len(room.lines("bad")), 4, "starts of bad")
    # one copy of two
    run = [name for name in os.listdir("/run/crond/runs") if name.startswith("web-")]
    told("kill", sorted(run)[-1])
    settled(room, "web", 1)
    # pause: what runs goes on, and is not started again
    told("pause", "web")
    os.kill(living(room, "web")[0], signal.SIGKILL)
    room.wait_log(r"FAIL job=web .*result=signal signal=KILL")
    time.sleep(1.3)
    equal(living(room, "web"), [], "copies of what is paused")
    check("resume" in ask("run", job="web")[0]["error"], "run while it is paused")
    told("resume", "web")
    settled(room, "web", 1)
    # a stop by hand lasts until the next boot, wherever it was kept
    state_is(room, "slow", "stopped")
    equal(len(room.lines("slow")), 1, "starts of slow")
    kill(running)
    lab.put(lab.ROOM + "/boot_id", "11111111-2222-3333-4444-555555555555\n")
    lab.mount(lab.ROOM + "/boot_id", "/proc/sys/kernel/random/boot_id", None, lab.MS_BIND)
    room.start()
    room.wait_out("slow", 2)


def test_no_death_makes_one_too_many(room):
    room.tasks("f", sleeper("two", "max = 2", 'restart-delay = "200ms"'))
    running = room.start()
    both = pids(room, "two", 2)
    # one goes on without a scheduler, the other ends while there is none
    kill(running)
    os.kill(both[0], signal.SIGKILL)
    room.wait_for(lambda: len(room.keepers()) == 1, 5, "the end of one keeper")
    running = room.start()
    pids(room, "two", 3)
    time.sleep(0.5)
    equal((len(room.lines("two")), living(room, "two")[0]), (3, both[1]), "starts, and who stayed")
    room.wait_log(r"FAIL job=two run=\S+ result=signal signal=KILL")
    # a keeper that dies takes its job along: nobody else looks after that
    os.kill(lab.Process(both[1]).ppid, signal.SIGKILL)
    pids(room, "two", 4)
    room.wait_for(lambda: not lab.alive(both[1]), 5, "the end of a dead keeper's job")
    room.wait_log(r"FAIL job=two run=\S+ result=lost .*, was killed")
    settled(room, "two", 2)
    # all at once
    lab.kill(*room.keepers(), room.launcher(running))
    kill(running)
    running = room.start()
    room.wait_for(lambda: len(room.lines("two")) == 6, 8, "two more starts")
    settled(room, "two", 2)
    # and a scheduler that ends as it should leaves them to the next
    stay = living(room, "two")
    room.stop(running)
    room.start()
    time.sleep(0.5)
    equal((living(room, "two"), len(room.lines("two"))), (stay, 6), "copies over a restart")


def test_files_say_what_runs(room):
    quick = 'restart-delay = "100ms"'

    def write(task):
        room.tasks("f", task)
    write(sleeper("keep", quick))
    room.tasks("g", sleeper("goes", quick))
    room.start()
    keep, goes = pids(room, "keep")[0], pids(room, "goes")[0]
    # a slip in a file ends nothing
    room.tasks("g", sleeper("goes", quick, "maxx = 1"))
    room.wait_log("maxx")
    # more copies, fewer copies
    write(sleeper("keep", quick, "max = 3"))
    settled(room, "keep", 3)
    write(sleeper("keep", quick, "max = 1"))
    settled(room, "keep", 1)
    equal(living(room, "keep"), [keep], "the last ones go first")
    time.sleep(2.2)
    check(lab.alive(goes), "a slip in its file ended a daemon")
    room.tasks("g", "# nothing any more\n")
    # another command counts from the next start on
    write(daemon("keep", BORN % "other", quick))
    state = room.wait_for(lambda: shown("keep")["changed"] and shown("keep"), 5, "a changed one")
    equal((state["state"], lab.alive(keep)), ("running", True), "the one that runs")
    listed = subprocess.run([room.program("cronctl"), "list", "keep"], capture_output=True,
                            text=True, check=True).stdout
    check("daemon, changed" in listed, "what list says of it: " + listed)
    settled(room, "goes", 0)
    room.wait_log(r"END job=goes run=\S+ result=killed ")
    os.kill(keep, signal.SIGKILL)
    pids(room, "other")
    room.wait_for(lambda: not shown("keep")["changed"], 5, "one that is as its file says")
    equal(len(room.lines("keep")), 3, "starts as it was")
    # not enabled, of another host, and back
    write(daemon("keep", BORN % "other", quick, "enabled = no"))
    settled(room, "other", 0)
    write(daemon("keep", BORN % "other", quick))
    settled(room, "other", 1)
    write(daemon("keep", BORN % "other", quick, 'hosts = { "elsewhere" }'))
    settled(room, "other", 0)
    for why in ("its max is lower now", "it is in no file", "enabled=no",
                "not belong on this host"):
        room.wait_log("result=killed .*" + why)
    equal(len(room.log(r"\]: FAIL ")), 1, "failures: the one that was killed")
    os.unlink(room.etc + "/crond.tasks/f.conf")
    room.wait_for(lambda: not ask("list")[1], 10, "an empty list")


def test_limits_and_the_end_of_the_scheduler(room):
    pool = ('pool = "one"', "pool-max = 1")
    room.conf('stop-grace = "5s"\n')
    room.tasks("a", sleeper("first", *pool))
    running = room.start()
    pids(room, "first")
    room.tasks("b", sleeper("second", *pool, 'restart-limit = "1/1m"'))
    state_is(room, "second", "waiting")
    time.sleep(1.2)
    equal(room.log("job=second"), [], "what a full pool makes of a daemon")
    told("kill", "first")
    again = pids(room, "second")
    # asked to end its jobs, the scheduler ends daemons, too; the next one starts them
    room.stop(running)
    check(not lab.alive(again[0]), "a daemon outlived stop-grace")
    room.wait_log("END job=second .*result=killed .*shut")
    room.start()
    pids(room, "second", 2)
    equal((living(room, "first"), shown("second")["restarts"]), ([], 0), "stopped; restarts")
    # a private instance takes its directory along, and so its daemons
    lab.put(OUT + "/own.conf", sleeper("own"))
    before = os.listdir("/tmp")
    running = room.launch("-f", OUT + "/own.conf")
    own = pids(room, "own")
    equal(room.stop(running, signal.SIGINT), 0, "status of a private instance")
    equal((lab.alive(own[0]), os.listdir("/tmp")), (False, before), "what it leaves")


if __name__ == "__main__":
    lab.main()
