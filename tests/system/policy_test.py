"""What a start that is due may meet: runs of its own, a full pool, its deadline, a pause; and
what becomes of it then: it waits, takes another's place, is left out, is tried again."""
import collections
import os
import re
import signal
import subprocess
import time

import lab
import sinks
from lab import OUT, check, equal

SAID = "echo %s $CRON_JOB $CRON_ATTEMPT $(date +%%s.%%N) >>" + OUT + "/said"


def task(name, command, *settings, schedule="* * * * * *"):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' % (
        name, schedule, command, "".join(" %s\n" % one for one in settings))


def span(seconds):
    """A command that lasts so long and says when it begins and ends, however that is."""
    return "trap 'kill $!; %s; exit 9' TERM; %s; sleep %s & wait; %s" % (
        SAID % "end", SAID % "begin", seconds, SAID % "end")


def said(room):
    """What each job said: [(word, attempt, time)]."""
    jobs = collections.defaultdict(list)
    for line in room.lines("said"):
        word, job, attempt, at = line.split()
        jobs[job].append((word, int(attempt), float(at)))
    return jobs


def most_at_once(*events):
    n = most = 0
    for word, _, _ in sorted((e for one in events for e in one), key=lambda e: (e[2], e[0])):
        n += {"begin": 1, "end": -1}.get(word, 0)
        most = max(most, n)
    return most


def spread(events):
    """How far apart in their seconds."""
    parts = [at % 1 for word, _, at in events if word == "begin"] or [0]
    return max(parts) - min(parts)


def skips(room, job):
    return [re.search(r'reason="([^"]*)"', line.text).group(1)
            for line in room.log(r"SKIPPED job=%s run=%s-\d+-\d+ result=skipped " % (job, job))]


def test_what_a_start_meets(room):
    room.tasks("t", "".join((
        task("forbid", span(1.4), "concurrency = forbid"),
        task("three", span(2.7), "concurrency = allow", "max = 2"),
        task("queue", span(1.4), "concurrency = queue"),
        task("replace", span(60), "concurrency = replace"),
        task("late", span(1.7), "concurrency = queue", 'start-deadline = "500ms"'),
        task("pool-a", span(0.7), "concurrency = queue", "pool = p", "pool-max = 1"),
        task("pool-b", span(0.7), "concurrency = queue", "pool = p", "pool-max = 1"),
        task("full", ":", "pool = q", "pool-max = 1"),
        task("filler", span(60), "pool = q"),
        task("jitter", span(0), 'jitter = "600ms"'),
        task("crowd", "sleep 60", "concurrency = queue", 'jitter = "300ms"'),
        task("off", span(0), "enabled = no"))))
    room.crontab("alice", "#@ second=* pool=q pool-max=1\n* * * * * exit 0\n")
    room.start()
    room.wait_for(lambda: len(said(room)["queue"]) >= 6, 20, "three runs from a queue")
    # each of these is to happen, sooner or later
    for name in ("forbid", "three", "queue", "crowd", "full"):
        room.wait_for(lambda name=name: skips(room, name), 10, "a skip of " + name)
    for name, least in (("pool-a", 1), ("pool-b", 1), ("replace", 4)):
        room.wait_for(lambda name=name, least=least: len(said(room)[name]) >= least, 10, "runs of " + name)
    room.wait_for(lambda: [one for one in skips(room, "late") if re.match(
        r"\d+\.\d s late, start-deadline is 0\.5 s", one)], 10, "who waits for too long")
    room.wait_for(lambda: spread(said(room)["jitter"]) > 0.05, 10, "jitter")
    jobs = said(room)
    for name, most in (("forbid", 1), ("three", 2), ("queue", 1), ("replace", 1), ("late", 1)):
        equal(most_at_once(jobs[name]), most, "runs of %s at once" % name)
    equal(most_at_once(jobs["pool-a"], jobs["pool-b"]), 1, "runs in a pool of one")
    equal(set(skips(room, "forbid")), {"1 running already, max is 1"}, "why forbid is skipped")
    equal(set(skips(room, "three")), {"2 running already, max is 2"}, "why max is")
    equal(set(skips(room, "queue")), {"1 waiting already, queue-max is 1"}, "why queue is")
    # several that fell due while the machine stood still wait for their jitter before any runs
    equal({re.sub(r"^\d+", "N", one) for one in skips(room, "crowd")}, {"N waiting already, queue-max is 1"},
          "why jitter's queue is")
    equal(set(skips(room, "full")), {"1 running in its pool, pool-max is 1"}, "why a pool is")
    ends = [at for word, _, at in jobs["queue"] if word == "end"]
    begins = [at for word, _, at in jobs["queue"] if word == "begin"]
    check(all(0 <= b - e < lab.at_most(0.5) for b, e in zip(begins[1:], ends)),
          "what waits starts when its turn has come: %s" % jobs["queue"])
    room.wait_log(r"END job=replace run=replace-\d+-1 result=killed .*replace")
    equal(jobs["off"], [], "what is not enabled said")
    equal(room.log("SKIPPED job=off "), [], "and the log says of it")
    room.wait_log(r"\(alice\) CMD", 10, 3)  # a user's pool of that name is another one


def test_retries(room):
    receiver = sinks.Receiver()
    second = (int(time.time()) + 3 + lab.slowness()) % 60
    room.conf('webhook "w" {\n url = "%s"\n}\n' % receiver.url)
    alert = 'alert = { "webhook:w" }'
    room.tasks("t", "".join((
        task("thrice", SAID % "begin" + "; exit 3", "retries = 2", 'retry-delay = "300ms"', alert,
             schedule="%d * * * * *" % second),
        task("mends", SAID % "begin" + "; test $CRON_ATTEMPT = 2", "retries = 5",
             'retry-delay = "100ms"', alert, schedule="%d * * * * *" % second),
        task("capped", SAID % "begin" + "; exit 3", "retries = 4", 'retry-delay = "200ms"',
             'retry-max-delay = "250ms"', schedule="%d * * * * *" % second),
        task("overtaken", "exit 4", "retries = 1", 'retry-delay = "5s"', alert),
        task("killed", "sleep 60", "retries = 3", "concurrency = replace"))))
    daemon = room.start()
    room.wait_log(r"FAIL job=thrice run=thrice-\d+-1 .* attempt=1 retry=", 20)
    room.stop(daemon, signal.SIGKILL)
    room.start()  # the attempt that waits is still there, and once
    line = room.wait_log(r"FAIL job=thrice run=thrice-\d+-3 result=exit code=3 .* attempt=3 ", 10)
    check(" fails=1 " in line.text and " retry=" not in line.text, line.text)
    line = room.log(r"FAIL job=thrice run=thrice-\d+-2 ")[0]
    check(" fails=" not in line.text and " attempt=2 retry=" in line.text, line.text)
    room.wait_log(r"END job=killed run=\S+ result=killed ")
    line = room.wait_log(r"SKIPPED job=overtaken run=overtaken-\d+-2 result=skipped ", 10)
    check('reason="overtaken by the next regular start; attempt 1 failed" attempt=2 fails=1 '
          in line.text, line.text)
    room.wait_log(r"FAIL job=capped run=capped-\d+-5 ", 10)
    room.wait_for(lambda: len(said(room)["mends"]) >= 2, 10, "a second attempt")
    jobs = said(room)
    equal([attempt for _, attempt, _ in jobs["thrice"]], [1, 2, 3], "attempts")
    equal([attempt for _, attempt, _ in jobs["mends"]], [1, 2], "attempts until one succeeds")
    at = [at for _, _, at in jobs["thrice"]]
    check(at[2] - at[1] > 0.44, "the second delay is double the first: %s" % at)
    at = [at for _, _, at in jobs["capped"]]
    # doubled without an end it would be 1.2 s at the least
    check(len(at) == 5 and 0.18 < at[4] - at[3] < lab.at_most(1), "capped: %s" % at)
    equal(room.log("FAIL job=mends .* fails="), [], "failures that count although it succeeded")
    room.wait_for(lambda: {"thrice", "overtaken"} <= {p.json()["job"] for p in receiver.posts}, 10,
                  "alerts")
    told = [post.json() for post in receiver.posts]
    equal([(one["run_id"][-2:], one["attempt"]) for one in told if one["job"] == "thrice"],
          [("-3", 3)], "alerts of what failed three times")
    equal([one for one in told if one["job"] in ("mends", "killed")], [], "alerts of what did not")
    check(not room.log(r"job=killed run=killed-\d+-2 "), "a deliberate kill was tried again")


def cronctl(room, *words):
    return subprocess.run([room.program("cronctl"), *words], capture_output=True, text=True,
                          timeout=60)


def test_by_hand(room):
    """By hand the same limits hold; what waits can be killed; a pause lasts."""
    never = "0 0 1 1 *"
    room.tasks("t", "".join((
        task("forbid", "sleep 60", "concurrency = forbid", schedule=never),
        task("queue", "sleep 60", "concurrency = queue", "queue-max = 2", "enabled = no",
             schedule=never),
        task("quick", "echo $CRON_RUN_ID >>%s/quick" % OUT, "concurrency = allow", "max = 9", schedule=never),
        task("each", "echo x >>%s/each" % OUT))))
    daemon = room.start()
    ids = [cronctl(room, "run", "quick").stdout.strip() for _ in range(6)]
    equal(len(set(ids)), 6, "ids of runs within a second or two: %s" % ids)
    first = cronctl(room, "run", "forbid")
    check(re.match(r"forbid-\d+-2\n$", first.stdout), "%r" % first)
    again = cronctl(room, "run", "forbid")
    equal((again.returncode, again.stdout), (1, ""), "a second one")
    check("1 running already, max is 1" in again.stderr, again.stderr)
    check(re.match(r"queue-\d+-2\n$", cronctl(room, "run", "queue").stdout), "not enabled, by hand")
    second = cronctl(room, "run", "queue").stdout
    check(re.match(r"queue-\d+-\d+ waits: 1 running already, max is 1\n$", second), second)
    third = cronctl(room, "run", "queue").stdout
    fourth = cronctl(room, "run", "queue")
    check("2 waiting already, queue-max is 2" in fourth.stderr, fourth.stderr)
    room.wait_log(r'RUN job=queue run=%s by="[^"]*root' % second.split()[0])
    equal(cronctl(room, "pause", "each").returncode, 0, "pause")
    room.wait_log(r"SKIPPED job=each run=\S+ result=skipped reason=\"paused\"")
    room.stop(daemon, signal.SIGKILL)
    daemon = room.start()
    row = [line for line in cronctl(room, "list").stdout.splitlines() if line.startswith("each ")]
    check(row and " paused " in row[0], "after a death: %s" % row)
    check(cronctl(room, "run", "forbid").returncode == 1, "a second one after a death")
    equal(cronctl(room, "kill", second.split()[0]).returncode, 0, "the one that waits is killed")
    room.wait_log(r"END job=queue run=%s result=killed " % second.split()[0])
    room.tasks("u", task("queue", "sleep 60", "concurrency = queue", "max = 2", schedule=never))
    room.tasks("t", task("each", "echo x >>%s/each" % OUT))  # it moves, and has more places
    daemon.send_signal(signal.SIGUSR2)
    room.wait_log(r"CMD \(sleep 60\)", 10, 3)
    check(" waits: " in third, third)
    count = len(room.lines("each"))
    equal(cronctl(room, "resume", "each").returncode, 0, "resume")
    room.wait_out("each", count + 1)
    equal(lab.read("/var/lib/crond/paused").count("\n"), 1, "what is left of the pause")
    room.tasks("v", task("quick", "echo $CRON_RUN_ID >>%s/quick" % OUT, "concurrency = allow",
                         "max = 9", schedule=never))
    room.conf("start-rate = 2\n")
    equal(cronctl(room, "reload").returncode, 0, "reload")

    def crowd():
        asked = [subprocess.Popen([room.program("cronctl"), "run", "quick"], stdout=subprocess.PIPE, text=True)
                 for _ in range(6)]
        replies = [one.communicate()[0].strip() for one in asked]
        return [one for one in replies if one.endswith(" waits: start-rate of crond.conf is reached")]
    waits = room.wait_for(crowd, 10, "more than two within a second")
    room.wait_for(lambda: waits[-1].split()[0] in room.lines("quick"), 10, "it to start")


def test_a_user_fills_no_run_directory(room):
    """A quarter of it is a user's, over a scheduler's death, too, and comes back to him."""
    lab.memory("/run", "0755,size=1M")
    os.mkdir("/run/lock")
    room.crontab("alice", "".join("V%d=%s\n" % (n, "x" * 900) for n in range(60)) + "#@ seconds\n" +
                 "".join("* * * * * * : %d; exec sleep 60\n" % n for n in range(8)))
    room.tasks("t", task("tick", "echo x >>%s/tick" % OUT))
    daemon = room.start()
    for turn in (1, 2):
        lab.wait_for(lambda: len(room.log(r"FAIL job=alice-\S+ .* reason=\"its user's runs have their "
                                          r"share of the run-time directory\"")) > 8 * turn, 10, "refusals")
        room.wait_out("tick", 2 * turn)
        check(len(os.listdir("/run/crond/runs")) < 3 + 4, "runs of alice: more than their share")
        room.stop(daemon, signal.SIGKILL)
        daemon = room.start()
    equal(room.log("FAIL job=tick"), [], "what root cannot start")
    lab.kill(*[p for p in lab.processes() if p.argv[:2] == [b"sleep", b"60"]])
    count = len(room.log(r"alice\) CMD"))
    room.wait_log(r"alice\) CMD", 10, count + 1)


def test_a_full_run_directory_garbles_nothing(room):
    """A scheduler starts on it, and what jobs have learnt is known once there is room again."""
    lab.memory("/run", "0755,size=2M")
    os.mkdir("/run/lock")
    room.tasks("t", "".join(task("t%d" % n, "exec sleep 60") for n in range(100)))
    daemon = room.start()
    room.wait_log(r"SKIPPED job=t\d+ ", 10, 100)
    with open("/run/full", "wb", buffering=0) as full:
        try:
            while full.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
    room.wait_log(r"ERROR \(/run/crond/jobs: No space left on device\)")
    room.stop(daemon, signal.SIGKILL)
    room.start()
    os.unlink("/run/full")
    count = len(room.log(r"SKIPPED job=t\d+ "))
    room.wait_log(r"SKIPPED job=t\d+ ", 10, count + 100)

    def on_file():
        with open("/run/crond/jobs", "rb") as jobs:
            records = jobs.read()[8:]
        return len({records[n:n + 8] for n in range(0, len(records), 72)}), len(records) % 72
    room.wait_for(lambda: on_file() == (100, 0), 5, "100 jobs on file, and nothing left over")


def test_a_death_between_a_turn_and_its_start(room):
    """What it was started for is known still."""
    room.tasks("t", task("off", "echo $CRON_RUN_ID >>%s/ran; sleep 60" % OUT, "enabled = no",
                         "concurrency = queue", schedule="0 0 1 1 *"))
    daemon = room.start()
    first, second = (cronctl(room, "run", "off").stdout.split()[0] for _ in range(2))
    room.wait_out("ran", 1)
    launcher = room.launcher(daemon)
    os.kill(launcher.pid, signal.SIGSTOP)
    equal(cronctl(room, "kill", first).returncode, 0, "kill")
    room.wait_log("END job=off run=%s result=killed " % first)
    cronctl(room, "list")  # by then it has had its turn
    room.stop(daemon, signal.SIGKILL)
    lab.kill(launcher)
    room.start()
    room.wait_out("ran", 2)
    equal(room.lines("ran"), [first, second], "runs")


def test_what_nobody_needs_is_forgotten(room):
    """What jobs have learnt that are in force no more, once they are many."""
    daemon = room.start()
    for turn in range(3):
        room.tasks("t", "".join(task("t%d-%d" % (turn, n), "true %d" % turn) for n in range(350)))
        daemon.send_signal(signal.SIGUSR2)
        room.wait_log(r"CMD \(true %d\)" % turn, 10, 350)
    room.tasks("t", task("last", "true last"))
    daemon.send_signal(signal.SIGUSR2)
    room.wait_log(r"CMD \(true last\)")
    runs, size = len(room.log(r"CMD \(true \d\)")), os.path.getsize("/run/crond/jobs")
    check(size < (runs - 300) * 56, "%d bytes for %d runs: nothing was forgotten" % (size, runs))


lab.main()
