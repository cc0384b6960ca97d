"""Rows 68 to 74 of the fault table: restarts, a second daemon, an upgrade, many signals, an end with
alerts that nobody has taken."""
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import lab
from faults import MARK, PROGRAMS, Fault, check, ended

COPY = "/mnt/installed"


def f68(room):
    """the daemon starts again within a minute (of ours: a second)
    what this one's instant has started does not start again"""
    room.job("each")
    room.start()
    room.wait_mark("each")
    for number in (signal.SIGTERM, signal.SIGKILL) * (2 if room.ours else 1):
        room.restart(number)
        time.sleep(0.3)
    room.instants(1)


def f69(room):
    """an instant passes while no daemon runs
    it is made up for, or on record as missed"""
    at = room.next_due()
    room.job("due", at=at)
    room.start()
    room.sleep_until(at - 1)
    room.end(signal.SIGTERM)
    room.sleep_until(at + 3)
    room.start()
    room.instants(1)
    if room.ours:
        room.wait_log(r"FAIL job=alice:due run=\S+ result=missed ")


def f70(room):
    """a second daemon is started
    it ends, with an error; nothing starts twice"""
    room.job("each")
    room.start()
    words, program = room.words()
    with open(room.errors, "ab") as errors:
        second = subprocess.Popen(words, executable=program, stdout=errors, stderr=errors,
                                  stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    try:
        status = second.wait(15 * lab.slowness())
        if status != 1:
            raise Fault("the second one ends with %s" % ended(status))
    except subprocess.TimeoutExpired:
        room.note("the second one runs, too")
    room.instants(2)
    if second.poll() is None:
        second.kill()
        second.wait()


def f71(room):
    """the daemon starts three times, with @reboot jobs
    they run once"""
    room.table("root", "@reboot %s\n" % (MARK % ("start", "boot", "")))
    room.start()
    room.wait_mark("boot")
    for number in (signal.SIGTERM, signal.SIGKILL):
        room.restart(number)
        time.sleep(2)
    count = len(room.marks("start", "boot"))
    if count != 1:
        raise Fault("@reboot ran %d times" % count)


def f72(room):
    """the daemon's program is replaced by another file, with a job running
    the job goes on; the new daemon has its exit status and output"""
    os.mkdir(COPY)
    source = lab.BUILD + "/crond/" if room.ours else PROGRAMS + "/"

    def install():
        for name in os.listdir(source):
            if os.path.isfile(source + name) and (name == "daemon" or
                                                  re.fullmatch(r"crond(-[a-z]+)*", name)):
                shutil.copy2(source + name, COPY + "/.new")
                os.rename(COPY + "/.new", COPY + "/" + name)

    install()
    room.tables["alice"] = "MAILTO=alice\n"    # busybox mails to nobody else
    program = room.words()[1]
    words = room.subject.args if not room.ours else room.words()[0]
    room.words = lambda: (words, COPY + "/" + os.path.basename(program))
    at = room.next_due()
    room.job("long", "while [ ! -e /mnt/out/go ]; do sleep 0.1; done; echo out-of-it; exit 3", at=at)
    room.start()
    pid = room.wait_mark("long", deadline=at - time.time() + room.patience()).pid
    install()
    room.restart(signal.SIGTERM)
    if not lab.alive(pid):
        raise Fault("job killed")
    open("/mnt/out/go", "w", encoding="ascii").close()
    room.wait_mark("long", "end", deadline=20)
    end = time.time() + 15 * lab.slowness()
    while time.time() < end and not any("out-of-it" in mail[2] for mail in room.mails()):
        time.sleep(0.1)
    if not any("out-of-it" in mail[2] for mail in room.mails()):
        raise Fault("job ends, mail lost")
    if room.ours:
        room.wait_log(r"FAIL job=alice:long run=\S+ result=exit code=3 ")
    elif not [line for line in room.log("long") if re.search("status 3|code=3", line.text)]:
        room.note("exit status nowhere")


def resident(pid):
    found = re.search(r"^VmRSS:\s*(\d+)", lab.read("/proc/%d/status" % pid), re.M)
    return int(found.group(1)) if found else 0


def f73(room):
    """10,000 SIGHUPs, and crontab(1) by four at once
    the last table is in force, whole; no descriptor and no memory is lost"""
    room.crontab_words("-l")
    room.start()
    room.instants(1)
    pid = room.daemon.pid
    before = len(os.listdir("/proc/%d/fd" % pid)), resident(pid)
    users = ("carol1", "carol2", "carol3", "carol4")
    for number, name in enumerate(users):
        with open("/etc/passwd", "a", encoding="ascii") as accounts:
            accounts.write("%s:x:%d:%d::/tmp:/bin/sh\n" % (name, 2200 + number, 2200 + number))
    over, failed = threading.Event(), []

    def install(user):
        for turn in range(1000):
            last = over.is_set()
            text = "MAILTO=\"\"\n# %d\n#@ second=*\n* * * * * %s\n" % (
                turn, MARK % ("start", user + ("last" if last else "early"), ""))
            done = subprocess.run(room.crontab_words("-u", user, "-"), input=text, text=True,
                                  capture_output=True, check=False)
            if done.returncode:
                failed.append(done.stderr)
            if last:
                return

    threads = [threading.Thread(target=install, args=(user,)) for user in users]
    for one in threads:
        one.start()
    for count in range(10000):
        if room.daemon.poll() is not None:
            raise Fault("daemon died of SIGHUP %d" % count)
        os.kill(pid, signal.SIGHUP)
        if count % 100 == 99:
            time.sleep(0.01)
    over.set()
    for one in threads:
        one.join()
    check(not failed, "crontab: %s" % failed[:1])
    for user in users:
        room.wait_mark(user + "last", deadline=2 * room.patience())
    early = len([mark for user in users for mark in room.marks("start", user + "early")])
    room.instants(1)
    if room.ours and early != len([m for u in users for m in room.marks("start", u + "early")]):
        raise Fault("an old table is in force")
    after = len(os.listdir("/proc/%d/fd" % pid)), resident(pid)
    if after[0] > before[0] + 8:
        raise Fault("%d descriptors more" % (after[0] - before[0]))
    if after[1] > before[1] + 4096:
        raise Fault("%d KB more" % (after[1] - before[1]))


def f74(room):
    """SIGTERM while alerts wait
    it ends soon; they are sent after the next start"""
    room.needs("webhooks")
    receiver = room.receiver(mode="hang")
    room.conf('webhook "w" { url = "%s" timeout = "30s" }\n' % receiver.url)
    at = room.next_due()
    for number in range(5):
        room.job("bad%d" % number, "exit 3", user="root", at=at, options="alert=webhook:w")
    room.start()
    lab.wait_for(lambda: receiver.tried, room.patience(), "a try")
    for number in range(5):
        room.wait_log(r"FAIL job=bad%d " % number)
    began = time.monotonic()
    room.end(signal.SIGTERM)
    if time.monotonic() - began > 8 * lab.slowness():
        raise Fault("its end took %d s" % (time.monotonic() - began))
    receiver.mode = "ok"
    room.start()
    lab.wait_for(lambda: len({post.json()["job"] for post in receiver.posts}) == 5,
                 40, "what waited")
    receiver.released.set()
