"""A failure reaches its webhook, whatever the receiver does; nothing else waits for it."""
import contextlib
import os
import signal
import subprocess
import time

import lab
import sinks
from lab import OUT, check, equal

ONCE = "@reboot"  # with the daemon
FIELDS = {
    "version", "id", "event", "status", "text", "job", "run_id", "host", "owner", "tags",
    "schedule",
    "scheduled_at", "started_at", "finished_at", "duration_s", "exit_code", "signal", "reason",
    "attempt", "consecutive_failures", "stdout_tail", "stderr_tail", "truncated", "url",
}


def webhook(room, url, *settings):
    room.conf('webhook "w" {\n url = "%s"\n%s}\n' % (url, "".join(" %s\n" % s for s in settings)))


def failing(room, name="bad", schedule="*/20 * * * * *", command="exit 3", alert="webhook:w",
            more=""):
    room.tasks(name, 'task "%s" {\n schedule = "%s"\n command = "%s"\n owner = "team"\n'
                     ' tags = { "a", "b" }\n alert = { "%s" }\n%s}\n'
               % (name, schedule, command, alert, more))


def notifiers():
    return [p for p in lab.processes() if p.exe == "crond-notify"]


def test_a_failing_task_posts_the_whole_body_once(room):
    receiver = sinks.Receiver()
    webhook(room, receiver.url)
    failing(room, "bad", ONCE, "echo to out; echo to err >&2; exit 3")
    room.start()
    post = room.wait_for(lambda: receiver.posts, 20, "a post")[0]
    event = post.json()
    equal(set(event), FIELDS, "fields")
    wanted = {"version": 1, "event": "run.failure", "status": "exit", "job": "bad",
              "host": "labhost", "owner": "team", "tags": ["a", "b"], "exit_code": 3,
              "attempt": 1, "consecutive_failures": 1, "stdout_tail": "to out\n",
              "stderr_tail": "to err\n", "truncated": False}
    equal({key: event[key] for key in wanted}, wanted, "values")
    check("bad" in event["text"] and "3" in event["text"], "text: " + event["text"])
    check(event["run_id"].startswith("bad-"), "run_id: " + event["run_id"])
    check(event["id"].startswith(event["run_id"]), "id: " + event["id"])
    check(post.headers.get("Content-Type", "").startswith("application/json"), "content type")
    line = room.wait_log("FAIL job=bad ")
    check("run=%s " % event["run_id"] in line.text, "log and alert disagree: " + line.text)
    time.sleep(3)
    equal(len(receiver.tried), 1, "posts")


def test_output_of_any_kind_makes_valid_json(room):
    receiver = sinks.Receiver()
    webhook(room, receiver.url)
    failing(room, "bad", ONCE, r"printf '\\377\\001\\042\\134\\n\\303\\251\\000end' >&2; exit 1")
    room.start()
    event = room.wait_for(lambda: receiver.posts, 20, "a post")[0].json()
    check("é" in event["stderr_tail"] and "end" in event["stderr_tail"],
          "stderr_tail: %r" % event["stderr_tail"])


def test_users_leave_root_room_to_be_told(room):
    """While crond-notify stands still, alerts of users' jobs take a part of what there is."""
    lab.memory("/run", "0755,size=2M")
    os.mkdir("/run/lock")
    receiver = sinks.Receiver()
    webhook(room, receiver.url)
    room.crontab("alice", "#@ seconds\n" + "".join(
        "#@ alert=mail:a@example.org alert-every=1s\n* * * * * * seq 3000; exit %d\n" % n
        for n in range(1, 60)))
    failing(room, "bad", "0 0 1 1 *")
    room.start()
    room.wait_for(notifiers, 10, "crond-notify")
    lab.kill(*notifiers(), number=signal.SIGSTOP)
    room.wait_log("too many wait for crond-notify")
    posted, size = "/run/crond/outbox/", 0
    for one in os.listdir(posted):
        with contextlib.suppress(FileNotFoundError):  # it has its name now
            size += os.path.getsize(posted + one)
    check(0 < size < 700 * 1024, "%d bytes of alerts" % size)
    subprocess.run([room.program("cronctl"), "run", "bad"], check=True, capture_output=True)
    room.wait_log("FAIL job=bad ")
    lab.kill(*notifiers(), number=signal.SIGCONT)
    room.wait_for(lambda: receiver.posts, 20, "root's alert")
    equal(receiver.posts[0].json()["job"], "bad", "who is told of")


def test_success_and_plain_lines_post_nothing(room):
    receiver = sinks.Receiver()
    webhook(room, receiver.url)
    failing(room, "good", "* * * * * *", "true")
    room.crontab("alice", "#@ seconds\n* * * * * * echo x >>%s/x; exit 1\n" % OUT)
    room.start()
    room.wait_out("x", 4)
    equal(receiver.tried, [], "posts")


def test_a_timeout_is_told(room):
    receiver = sinks.Receiver()
    webhook(room, receiver.url)
    room.tasks("t", 'task "slow" {\n schedule = "%s"\n command = "sleep 60"\n timeout = "1s"\n'
                    ' alert = { "webhook:w" }\n}\n' % ONCE)
    room.start()
    event = room.wait_for(lambda: receiver.posts, 20, "a post")[0].json()
    equal((event["event"], event["status"]), ("run.timeout", "timeout"), "event")


def test_a_receiver_that_comes_up_later_gets_it(room):
    probe = sinks.Receiver()
    port = probe.port
    probe.close()
    webhook(room, probe.url)
    failing(room, "bad", ONCE)
    room.start()
    room.wait_log("FAIL job=bad ")
    time.sleep(2)
    receiver = sinks.Receiver(port)
    room.wait_for(lambda: receiver.posts, 25, "the post, once there is somebody")
    time.sleep(2)
    equal(len(receiver.posts), 1, "posts")


def test_a_refused_post_is_tried_again(room):
    receiver = sinks.Receiver(mode="fail")
    webhook(room, receiver.url)
    failing(room, "bad", ONCE)
    room.start()
    room.wait_for(lambda: receiver.tried, 20, "a try")
    receiver.mode = "ok"
    room.wait_for(lambda: receiver.posts, 60, "the second try")
    check(len(receiver.tried) > 1, "it was not refused before")
    equal(receiver.posts[0].body, receiver.tried[0].body, "both bodies")


def test_a_hanging_receiver_delays_no_job(room):
    receiver = sinks.Receiver(mode="hang")
    webhook(room, receiver.url)
    failing(room, "bad", "* * * * * *")
    room.crontab("alice", "#@ second=*\n* * * * * echo $CRON_SCHEDULED_AT $(date +\\%%s.\\%%N) >>%s/late\n" % OUT)
    room.start()
    room.wait_for(lambda: receiver.tried, 15, "a try")
    began = len(room.lines("late"))
    stamps = [line.split() for line in room.wait_out("late", began + 5, 15)[began:]]
    late = sorted(float(at) - int(due) for due, at in stamps)  # of all of them; one has its own reasons
    check(late[len(late) // 2] < 1.0 * lab.slowness(), "late: %s" % stamps)
    equal(len(receiver.tried), 1, "posts that were tried: it does not hang")
    receiver.close()


def test_redirects_are_not_followed(room):
    receiver = sinks.Receiver(mode="redirect")
    webhook(room, receiver.url)
    failing(room, "bad", ONCE)
    room.start()
    room.wait_for(lambda: receiver.tried, 20, "a try")
    time.sleep(2)
    equal(receiver.gets, [], "requests elsewhere")
    equal({post.path for post in receiver.tried}, {"/"}, "paths")


def test_notify_is_no_root_and_comes_back(room):
    receiver = sinks.Receiver()
    webhook(room, receiver.url)
    failing(room, "bad", "*/3 * * * * *", more=' alert-every = "1s"\n')
    room.start()
    room.wait_for(lambda: receiver.posts, 15, "a post")
    first = notifiers()[0]
    with open("/proc/%d/status" % first.pid, encoding="utf-8") as status:
        uids = [line.split()[1:] for line in status if line.startswith("Uid:")][0]
    check("0" not in uids, "crond-notify runs as %s" % uids)
    lab.kill(first)
    count = len(receiver.posts)
    room.wait_for(lambda: len(receiver.posts) > count + 1, 25, "posts after its death")
    ids = [(p.json()["run_id"], p.json()["event"]) for p in receiver.posts]
    check(len(ids) - len(set(ids)) <= 1, "told twice: %s" % ids)


def test_what_is_spooled_survives_everybody(room):
    probe = sinks.Receiver()
    port = probe.port
    probe.close()
    webhook(room, probe.url)
    failing(room, "bad", ONCE)
    daemon = room.start()
    room.wait_log("FAIL job=bad ")
    time.sleep(1)
    room.stop(daemon)
    lab.kill(*notifiers())
    os.remove(room.etc + "/crond.tasks/bad.conf")
    receiver = sinks.Receiver(port)
    room.start()
    room.wait_for(lambda: receiver.posts, 30, "the post after a restart")


def test_mail_alerts(room):
    failing(room, "bad", ONCE, "echo why; exit 9", "mail:ops@example.org")
    room.start()
    _, argv, text = room.wait_for(lambda: [m for m in room.mails() if "ops@" in m[2]], 20,
                                  "a mail")[0]
    check("bad" in text and "why" in text, "text: " + text)
    check("ops@example.org" in text.partition("\n\n")[0], "head: " + text)
    check(argv[0] == "/usr/sbin/sendmail", "mailer: %s" % argv)


def told(receiver, job):
    """(event, status, failures in a row) of what came about a job, in the order of its runs."""
    seen = {post.json()["id"]: post.json() for post in receiver.posts}
    return [(one["event"], one["status"], one["consecutive_failures"])
            for one in sorted(seen.values(), key=lambda one: (one["scheduled_at"], one["id"]))
            if one["job"] == job]


def test_rules_say_who_is_told_and_when(room):
    receiver = sinks.Receiver()
    webhook(room, receiver.url)
    until = "test -e %s/mended" % OUT
    with open("/etc/passwd", "a", encoding="utf-8") as people:
        people.write("carol:x:2050:2050::/tmp:/bin/sh\n")
    for name, command, more in (
            ("row", until, ""), ("third", until, " alert-after = 3\n"),
            ("each", until, ' alert-every = "1s"\n'),
            ("good", "true", ' alert-on = { "success" }\n'),
            ("busy", "sleep 3", ' alert-on = { "skipped" }\n'),
            ("gone", "true", ' user = "carol"\n')):
        failing(room, name, "* * * * * *", command, more=more)
    daemon = room.start()
    room.wait_for(lambda: len(told(receiver, "each")) >= 2, 15, "posts")
    daemon.kill()
    daemon.wait()
    time.sleep(3.2)
    with open("/etc/passwd", encoding="ascii") as accounts:
        rest = [line for line in accounts if not line.startswith("carol:")]
    daemon = room.start()
    room.wait_log("jobs in force", count=2)  # its tables are read, with carol there
    with open("/etc/passwd.new", "w", encoding="ascii") as accounts:
        accounts.writelines(rest)
    os.rename("/etc/passwd.new", "/etc/passwd")
    room.wait_for(lambda: ("run.failure", "spawn") in [one[:2] for one in told(receiver, "gone")]
                  or told(receiver, "gone")[:1] == [("run.missed", "missed", 1)], 10, "gone")
    room.wait_for(lambda: ("run.missed", "missed") in [one[:2] for one in told(receiver, "each")],
                  10, "what was missed")
    open(OUT + "/mended", "w").close()
    room.wait_for(lambda: all(told(receiver, job)[-1:] and
                              told(receiver, job)[-1][0] == "job.recovered"
                              for job in ("row", "third", "each")), 10, "recoveries")
    equal([one[0] for one in told(receiver, "row")], ["run.failure", "job.recovered"],
          "one alert for a row of failures, also where the scheduler was killed in between")
    equal([one[2] for one in told(receiver, "third")][:1], [3], "from the third on")
    equal({one[:2] for one in told(receiver, "good")}, {("run.success", "ok")}, "success")
    equal({one[:2] for one in told(receiver, "busy")}, {("run.skipped", "skipped")}, "skipped")
    for post in receiver.posts:
        check(post.json()["host"] == "labhost" and post.json()["owner"] == "team", "filled")


def test_secrets_stay_out_of_sight(room):
    receiver = sinks.Receiver()
    webhook(room, receiver.url + "hidden-token")
    failing(room, "bad", "*/3 * * * * *")
    room.start()
    room.wait_for(lambda: receiver.posts, 15, "a post")
    for process in lab.processes():
        words = b" ".join(process.argv)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                open("/proc/%d/environ" % process.pid, "rb") as f:
            words += f.read()
        check(b"hidden-token" not in words, "seen in process %s" % process.exe)
    equal(room.log("hidden-token"), [], "log lines with it")


def test_crond_tells_of_itself(room):
    """Its starts, what came before them, its ends, and a file that is broken."""
    receiver = sinks.Receiver()
    room.conf('alert = { "webhook:w" }\nwebhook "w" { url = "%s" }\n' % receiver.url)

    def told(event, count=1):
        def enough():
            found = [post.json() for post in receiver.posts if post.json()["event"] == event]
            return found if len(found) >= count else None
        return room.wait_for(enough, 20, "%s, %d times" % (event, count))

    daemon = room.start()
    check("booted" in told("crond.started")[0]["reason"], "the first start")
    room.tasks("t", 'task "t" {\n schedule = "61 * * * *"\n command = "x"\n}\n')
    event = told("config.error")[0]
    check("/t.conf:2:" in event["reason"] and event["reason"] in event["text"], "where: %s" % event)
    daemon.kill()
    daemon.wait()
    daemon = room.start()
    check("died" in told("crond.started", 2)[1]["reason"], "after its death")
    room.stop(daemon)
    room.start()  # who had no time for it at the end tells it now
    told("crond.stopped")
    check("stopped" in told("crond.started", 3)[2]["reason"], "after its end")
    equal(len(told("config.error")), 1, "the file is the same")
    for count, name in enumerate(("nosuch", "other"), 2):
        lab.put("/etc/own", '"${%s}"' % name)
        room.conf('alert = { "webhook:w" }\nwebhook "w" { url = "%s" }\n' % receiver.url +
                  'webhook "own" { url = "%s" template = "/etc/own" }\n' % receiver.url)
        subprocess.run([room.program("cronctl"), "reload"], check=False, capture_output=True)
        check(name in told("config.error", count)[-1]["reason"], "an own template, where else it is bad")


if __name__ == "__main__":
    lab.main()
