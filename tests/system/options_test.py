"""The vocabulary in a daemon: defaults, where an option may be set, and who may ask for what."""
import signal

import lab
from lab import OUT, check, equal


def task(name, *settings, command="echo $WHO >>%s/%%s" % OUT):
    return 'task "%s" {\n schedule = "* * * * * *"\n command = "%s"\n%s}\n' % (
        name, command % name, "".join(" %s\n" % one for one in settings))


def test_defaults_reach_every_job(room):
    room.conf('defaults {\n enabled = no\n env = "WHO=conf"\n}\n')
    room.tasks("own", task("own", "enabled = yes"))
    room.tasks("file", 'defaults { env = "WHO=file" }\n' + task("file", "enabled = yes") +
               task("off"))
    room.crontab("alice", "#@ second=*\n* * * * * echo $WHO >>%s/line\n" % OUT)
    daemon = room.start()
    equal(room.wait_out("own")[0], "conf", "the default of crond.conf")
    equal(room.wait_out("file")[0], "file", "the default of the file")
    equal((room.lines("off"), room.lines("line")), ([], []), "what is not enabled")
    room.conf('defaults {\n enabled = no\n env = "WHO=conf"\n max = 0\n}\n')
    daemon.send_signal(signal.SIGUSR2)
    room.wait_log(r"crond\.conf:4:2.*bad max '0'")
    room.conf('defaults { env = "WHO=again" }\n')
    daemon.send_signal(signal.SIGUSR2)
    equal(room.wait_out("line")[0], "again", "a line, once defaults let it start")
    equal(room.wait_out("off")[0], "file", "a task, likewise")
    room.wait_for(lambda: room.lines("own")[-1] == "again", 5, "the new default")


if __name__ == "__main__":
    lab.main()
