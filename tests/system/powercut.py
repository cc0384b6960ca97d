# powercut: a disk that loses its power between two system calls of a program.
# Flow: crontab_power_test lays an ext4 in a loop device under the spool, runs crontab(1)
# step by step, and shuts the file system down as a power cut would: what was not synced
# is gone. Mounted again, the journal is replayed and what is there is what lasted.

import ctypes
import errno
import fcntl
import os
import signal
import stat
import struct
import subprocess

LOOP_CTL_GET_FREE, LOOP_SET_FD, LOOP_SET_STATUS64, AUTOCLEAR = 0x4C82, 0x4C00, 0x4C04, 4
BLKFLSBUF = 0x1261
FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 24, 0x4206, 0x4207
PTRACE_GET_SYSCALL_INFO, SYSCALL_ENTRY = 0x420E, 1
TRACE_SYSGOOD, TRACE_EXITKILL = 1, 0x100000
SIZE = 4 << 20

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


class Unable(Exception):
    """This machine cannot show it; why."""


def checked(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def ptrace(request, pid, address=0, data=0):
    return checked(libc.ptrace(request, pid, address, data))


# --- the disk


def node(path, kind, major, minor):
    """A device, opened by a node of its own: a lab's /dev need not have it."""
    os.mknod(path, kind | 0o600, os.makedev(major, minor))
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.unlink(path)


def loop_device(image):
    """A loop device over an open image; somebody else may be quicker to take it."""
    try:
        control = node("/media/loop-control", stat.S_IFCHR, 10, 237)
        for _ in range(50):
            device = node("/media/loop", stat.S_IFBLK, 7, fcntl.ioctl(control, LOOP_CTL_GET_FREE))
            try:
                fcntl.ioctl(device, LOOP_SET_FD, image)
                # Free again with its last user, however that one ends.
                fcntl.ioctl(device, LOOP_SET_STATUS64,
                            struct.pack("=5Q4I160s2Q", 0, 0, 0, 0, 0, 0, 0, 0, AUTOCLEAR, b"", 0, 0))
                os.close(control)
                return device
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:
                    raise
        raise Unable("all loop devices are busy")
    except OSError as error:
        raise Unable("no loop device: %s" % error) from None


class Disk:
    """An ext4 whose content can be put back to what it was when keep() was called."""

    def __init__(self, where):
        image = "/media/disk"
        self.where = where
        with open(image, "wb") as f:
            f.truncate(SIZE)
        try:
            made = subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "1024", "-J", "size=1", image],
                                  stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            raise Unable("needs mkfs.ext4 (e2fsprogs)") from None
        if made.returncode != 0:
            raise Unable("no ext4 can be made: %s" % made.stderr.strip())
        self.image = os.open(image, os.O_RDWR | os.O_CLOEXEC)
        self.device = loop_device(self.image)
        self.kept = None

    def mount(self):
        # noauto_da_alloc: ext4 does no program's syncing for it.
        checked(libc.mount(b"/proc/self/fd/%d" % self.device, self.where.encode(), b"ext4", 0,
                           b"noauto_da_alloc"))

    def umount(self):
        checked(libc.umount2(self.where.encode(), 0))
        fcntl.ioctl(self.device, BLKFLSBUF)

    def keep(self):
        self.kept = os.pread(self.device, SIZE, 0)

    def restore(self):
        os.pwrite(self.device, self.kept, 0)
        fcntl.ioctl(self.device, BLKFLSBUF)

    def cut(self):
        """The power goes; what was in memory alone is lost."""
        fd = os.open(self.where, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(fd, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def close(self):
        os.close(self.device)
        os.close(self.image)


# --- the program


def start(argv, executable, uid, gid, env, stdin):
    """A process that has not begun yet, traced: what the kernel gives a program with
    rights of its own it gives it under a tracer that is root too."""
    go, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            os.dup2(stdin, 0)
            null = os.open("/dev/null", os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            os.read(go, 1)
            os.execve(executable, argv, env)
        finally:
            os._exit(127)
    os.close(go)
    ptrace(PTRACE_SEIZE, pid, 0, TRACE_SYSGOOD | TRACE_EXITKILL)
    ptrace(PTRACE_INTERRUPT, pid)
    os.waitpid(pid, 0)
    os.write(held, b"x")
    os.close(held)
    return pid


def at_entry(pid):
    info = ctypes.create_string_buffer(128)
    ptrace(PTRACE_GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(info))
    return info.raw[0] == SYSCALL_ENTRY


def steps(pid):
    """Yields before each system call of pid; returns its status when it has ended."""
    deliver = 0
    while True:
        ptrace(PTRACE_SYSCALL, pid, 0, deliver)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        sig = os.WSTOPSIG(status)
        if sig == signal.SIGTRAP | 0x80:
            deliver = 0
            if at_entry(pid):
                yield
        else: # signals go on to it, the tracer's own stops do not
            deliver = 0 if status >> 16 else sig


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
