"""Rows 1 to 22 of the fault table: the death of each process on a run's way, and what starts, ends or
limits a job going wrong."""
import contextlib
import os
import random
import re
import signal
import time

import lab
from faults import OUT, Fault, HasNone, Skip, ended


def f01(room):
    """kill -9 of the daemon while jobs run
    jobs go on; their exit status and output are taken in by the next daemon"""
    at = room.next_due()
    long = room.job("long", "sleep 4; echo out-of-it; exit 3", at=at)
    room.start()
    room.wait_mark("long", deadline=at - time.time() + room.patience())
    room.restart()
    room.wait_mark("long", "end")
    if not lab.wait_for(lambda: room.mails() or time.time() > at + 20, 60, "mail") or not room.mails():
        raise Fault("mail lost")
    if not [line for line in room.log("long") if re.search(r"result=exit code=3|status 3", line.text)]:
        room.note("exit status nowhere")
    room.wait_for(lambda: not room.ours or room.log(r"FAIL job=alice:long .*code=3"), 10, "outcome")
    del long


def f04(room):
    """kill -9 of the process that watches a job
    the job is not harmed unseen; the run is on record as lost; the next ones start"""
    at = room.next_due()
    room.job("shot", "sleep 3; echo still; sleep 1; echo here", at=at)
    room.start()
    pid = room.wait_mark("shot", deadline=at - time.time() + room.patience()).pid
    os.kill(room.shim(pid), signal.SIGKILL)
    time.sleep(6)
    if room.ours:
        room.wait_log(r"FAIL job=alice:shot run=\S+ result=lost", 10)
    if not room.marks("end", "shot"):
        raise Fault("job killed by SIGPIPE" + ("" if room.log("lost") else ", silent"))
    if not room.ours and not room.mails():
        raise Fault("job ends, no word of it")


def f05(room):
    """fork fails: EAGAIN in who forks for each job
    tried again, or on record as not started; nothing silent; what is due later starts"""
    room.job("due")
    room.start()
    room.instants(1)
    with room.injected(room.forker(), "inject=clone,clone3,fork,vfork:error=EAGAIN"), room.fault():
        room.instants(2)
