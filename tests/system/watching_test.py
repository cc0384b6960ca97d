"""What watches the daemon: the metrics-file, the journal's fields, signs of life."""
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import lab
import prometheus
import sinks
from lab import ROOM, check, equal

PROM = ROOM + "/prom/crond.prom"


class Metrics:
    """The file as it is now."""

    def __init__(self):
        self.found = prometheus.parse(lab.read(PROM))

    def value(self, name, **labels):
        return self.found.get((name, tuple(sorted(labels.items()))))

    def of(self, name, job, user="root", **labels):
        return self.value("cron_job_" + name, job=job, user=user, **labels)


def metrics(room, truth, what, deadline=20):
    """The first file that it holds for."""
    def look():
        if not os.path.exists(PROM):
            return None
        found = Metrics()
        return found if truth(found) else None
    return room.wait_for(look, deadline, what)


def task(name, schedule, command, *more):
    return 'task "%s" {\n schedule = "%s"\n command = "%s"\n%s}\n' \
        % (name, schedule, command, "".join(" %s\n" % m for m in more))


NEVER = "0 0 30 2 *"


def ctl(room, *words):
    """What cronctl prints; 1 is the status of a run that failed."""
    done = subprocess.run([room.program("cronctl"), *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    check(done.returncode in (0, 1), "cronctl %s: %s" % (words, done.stderr))
    return done.stdout


def test_metrics_file(room):
    # its directory comes later, and that costs one line
    room.conf('metrics-file = "%s"\nmetrics-interval = 100ms\n' % PROM)
    room.tasks("t", task("good", "* * * * * *", "true") + task("bad", "* * * * * *", "exit 7") +
               task("idle", NEVER, "true") + task("sig", NEVER, "kill -9 $$") +
               task("off", "* * * * * *", "true", "enabled = no") +
               task("long", NEVER, "sleep 600"))
    room.crontab("alice", '#@ name=mine\n1 1 1 1 * true\n1 1 1 1 * echo plain\n')
    daemon = room.start()
    room.wait_log(r"ERROR \(%s: No such file or directory\)" % PROM)
    os.mkdir(os.path.dirname(PROM))
    m = metrics(room, lambda m: m.of("runs_total", "bad", result="exit"), "a failure counted")
    equal(oct(os.stat(PROM).st_mode & 0o7777), "0o644", "its mode")
    equal(len(room.log(r"ERROR \(%s" % PROM)), 1, "lines about its directory")
    room.wait_for(lambda: os.listdir(os.path.dirname(PROM)) == ["crond.prom"], 5, "no other file there")
    # from zero on
    for name in ("last_success_timestamp_seconds", "last_start_timestamp_seconds", "running",
                 "last_exit_code", "last_duration_seconds", "paused", "missed_total",
                 "skipped_total", "next_run_timestamp_seconds"):
        equal(m.of(name, "idle"), 0, name + " of what never ran")
    for result in ("ok", "exit", "signal", "oom", "spawn", "timeout", "watchdog", "killed",
                   "skipped", "missed", "lost"):
        equal(m.of("runs_total", "idle", result=result), 0, result + " of what never ran")
        check(m.value("crond_runs_total", result=result) is not None, "no total of " + result)
    equal(m.of("last_exit_code", "bad"), 7, "exit code")
    equal(m.of("last_success_timestamp_seconds", "bad"), 0, "success of what fails")
    check(m.of("next_run_timestamp_seconds", "bad") > time.time() - 30, "its next run")
    equal(m.of("next_run_timestamp_seconds", "off"), 0, "next run of what is off")
    # a line with a name has series, one without has none
    equal(m.of("paused", "alice:mine", "alice"), 0, "paused of a line with a name")
    equal([k for k in m.found if dict(k[1]).get("user") == "alice" and
           dict(k[1])["job"] != "alice:mine"], [], "series of plain lines")
    now = time.time()
    check(now - 60 < m.value("crond_start_time_seconds") <= now, "start")
    check(now - 60 < m.value("crond_last_reload_timestamp_seconds") <= now, "reload")
    equal(m.value("crond_jobs"), 8, "jobs")
    equal(m.value("crond_helper_up", helper="launcher"), 1, "launcher")
    equal(m.value("crond_info", version=version(room), dialect="debian"), 1, "version")
    metrics(room, lambda m: m.value("crond_start_late_seconds_count") > 1, "lateness")
    room.wait_for(lambda: re.search("^written", ctl(room, "status"), re.M), 10, "a status without trouble")
    status = ctl(room, "status")
    for line in (r"reloaded +\w+ \d+-", r"late +(99% of \d+ starts by at most \d+ ms|more than a minute)", r"history +\w",
                 r"metrics +%s\n" % PROM, r"written +\w+ \d+-"):
        check(re.search("^" + line, status, re.M), "no %s in\n%s" % (line, status))
    # by hand, by a signal, paused, and gone
    ctl(room, "run", "sig")
    ctl(room, "run", "long")
    ctl(room, "pause", "good")
    metrics(room, lambda m: m.of("last_exit_code", "sig") == 137 and m.of("running", "long") == 1 and
            m.of("runs_total", "sig", result="signal") == 1 and m.of("paused", "good") == 1 and
            m.of("next_run_timestamp_seconds", "good") == 0 and
            m.of("last_success_timestamp_seconds", "good") > 0, "what people did")
    ctl(room, "kill", "long")
    metrics(room, lambda m: m.of("runs_total", "long", result="killed") == 1 and
            m.of("running", "long") == 0, "its end")
    # what was learnt lasts over a restart, counters begin anew
    room.stop(daemon)
    daemon = room.start()
    metrics(room, lambda m: m.value("crond_start_time_seconds") > now and
            m.of("last_success_timestamp_seconds", "good") > 0 and m.of("paused", "good") == 1,
            "what was learnt")
    # nothing happens: nothing is written, and nobody wakes up
    room.tasks("t", task("idle", NEVER, "true"))
    metrics(room, lambda m: m.of("running", "idle") == 0 and m.of("running", "good") is None,
            "only what is left")
    calm(room, lambda: (os.stat(PROM).st_mtime_ns, wakes(daemon.pid)), 1.5,
         "file and wake-ups of an idle daemon")


def calm(room, what, seconds, text):
    """What stays the same for so long, after a while."""
    def same():
        before = what()
        time.sleep(seconds)
        return (before,) if what() == before else None
    return room.wait_for(same, 30, text)[0]


def version(room):
    return re.search(r"PACKAGE_VERSION \"(.*)\"", lab.read(lab.BUILD + "/config.h")).group(1)


def wakes(pid):
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", lab.read("/proc/%d/status" % pid),
                         re.M).group(1))


def test_metrics_of_ten_thousand_jobs(room):
    os.mkdir(os.path.dirname(PROM))
    room.conf('metrics-file = "%s"\nmetrics-interval = 1s\n' % PROM)
    room.tasks("many", "".join(task("j%d" % n, NEVER, "true") for n in range(10000)))
    room.crontab("root", "#@ second=*\n* * * * * true\n")
    room.start()
    room.wait_for(lambda: os.path.exists(PROM), 60, "a file")
    m = Metrics()
    equal(len({dict(k[1])["job"] for k in m.found if dict(k[1]).get("job")}), 10000, "jobs with series")
    equal(len([k for k in m.found if k[0] == "cron_job_runs_total"]), 110000, "series of runs_total")


def test_heartbeat(room):
    receiver = sinks.Receiver()
    receiver.close()
    room.conf('heartbeat { url = "%shidden-token" interval = 200ms }\n' % receiver.url)
    daemon = room.start()
    shown = "heartbeat to " + re.escape(receiver.url) + r"\.\.\.: "
    failed = room.wait_log("crond-notify.*" + shown, 20)
    equal(failed.priority, 4, "its priority")
    receiver = sinks.Receiver(receiver.port)
    room.wait_for(lambda: len(receiver.gets) > 1, 20, "two signs of life")
    equal(set(receiver.gets), {"/hidden-token"}, "what is asked for")
    room.wait_log(shown + "accepted again", 20)
    equal((len(room.log("heartbeat to")), room.log("hidden-token")), (2, []), "lines about it")
    # it is the scheduler that lives, not its helper
    os.kill(daemon.pid, signal.SIGSTOP)
    before = calm(room, lambda: len(receiver.gets), 1, "no signs of life of a scheduler that hangs")
    os.kill(daemon.pid, signal.SIGCONT)
    room.wait_for(lambda: len(receiver.gets) > before, 20, "one more")
    # a reload ends it
    room.conf("")
    ctl(room, "reload")
    calm(room, lambda: len(receiver.gets), 1, "no signs of life that nobody asks for")


class Journal(threading.Thread):
    """Stands where the journal's socket is; reads its protocol."""

    def __init__(self, path="/run/systemd/journal/socket"):
        super().__init__(daemon=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.entries = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(path)
        self.start()

    def run(self):
        while True:
            raw, extra, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(12))
            entry = self.decode(raw)
            entry["_PID"] = str(struct.unpack("3i", extra[0][2][:12])[0])
            self.entries.append(entry)

    @staticmethod
    def decode(raw):
        found = {}
        while raw:
            line, _, rest = raw.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                n, = struct.unpack("<Q", rest[:8])
                value, rest = rest[8:8 + n], rest[8 + n + 1:]
            found[name.decode()] = value.decode("utf-8", "replace")
            raw = rest
        return found

    def find(self, **fields):
        return [e for e in list(self.entries)
                if all(re.search(v, e.get(k, "")) for k, v in fields.items())]


def test_the_journal_gets_fields(room):
    journal = Journal()
    room.conf("log-target = journal\n")
    room.tasks("t", task("gold", NEVER, "echo 1\\necho 2\\nexit 3"))
    room.crontab("alice", "#@ name=mine\n1 1 1 1 * true\n")
    daemon = room.start()
    ctl(room, "run", "gold")
    fail, = room.wait_for(lambda: journal.find(MESSAGE="^FAIL "), 10, "a failure")
    wanted = {"PRIORITY": "3", "SYSLOG_FACILITY": "9", "SYSLOG_IDENTIFIER": "cron", "CRON_JOB": "gold",
              "CRON_RESULT": "exit", "CRON_EXIT_CODE": "3", "CRON_USER": "root", "CRON_ATTEMPT": "1",
              "CRON_COMMAND": "echo 1\necho 2\nexit 3", "CRON_FAILURES": "1",
              "_PID": str(daemon.pid), "SYSLOG_PID": str(daemon.pid)}
    equal({k: fail.get(k) for k in wanted}, wanted, "fields of a failure")
    check(fail["CRON_RUN_ID"] in fail["MESSAGE"], "run: %s" % fail)
    # what a keeper says is the job's process's, and of its run
    ctl(room, "run", "alice:mine")
    cmd = room.wait_for(lambda: journal.find(MESSAGE=r"^\(alice\) CMD"), 10, "a start")[0]
    equal((cmd["CRON_JOB"], cmd["CRON_USER"], cmd["PRIORITY"], cmd["SYSLOG_IDENTIFIER"]),
          ("alice:mine", "alice", "6", "CRON"), "fields of a start")
    equal(cmd["_PID"], cmd["SYSLOG_PID"], "whose line it is")
    equal([line for line in room.syslog.lines if line.facility == lab.CRON], [], "lines of syslog")
    # nobody reads: nothing waits
    room.stop(daemon)


def test_no_journal_is_syslog(room):
    room.conf("log-target = journal\n")
    room.start()
    room.wait_log(r"ERROR \(log-target: the journal has no socket here")
    room.wait_log("jobs in force")


if __name__ == "__main__":
    lab.main()
