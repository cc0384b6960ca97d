/* inject: starts a program and fails the Nth system call of a kind in a process of its tree.
 * Flow: tests/faults/nth.py starts inject, which becomes the program under a seccomp filter; a
 * process beside it hears of each call of interest, counts, and lets it be, or fails it.
 *
 *   inject [-u UID:GID] [-c COMMAND] -r FD -w FD -- PROGRAM ARGUMENT...
 *
 * Commands come by the one descriptor, a line each, and are answered by the other one
 * (the first one may stand in the argument, and holds before the program begins):
 *   arm WHO KIND N TIMES WHAT   the Nth call from now on, and TIMES - 1 behind it (0: all), fail
 * with the error number WHAT, or "short" (half of what was asked for) or "kill" (it dies there).
 * "ok" count                       nothing fails. "ok" report                      "CALLS HITS
 * EXAMPLE" since then; after count "WHO KIND CALLS" for each and an empty line WHO is the name of
 * an executable; what it has forked and is none other yet is NAME+1, and so on. No capability is
 * asked of the program: set-id bits count as ever. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inject_calls.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#else
#define ARCH 0
#endif

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { CALLS = 160, TALLIES = 512, NAME = 40, LINE = 256, HALF_MOST = 1 << 16 };

struct tally {
	char who[NAME];
	const char *kind;
	unsigned long calls;
};

enum what { WHAT_ERROR, WHAT_SHORT, WHAT_KILL };

struct armed {
	bool on, counting;
	char who[NAME], kind[NAME];
	unsigned long n, times, calls, hits;
	enum what what;
	int error;
	char example[LINE];
};

struct inject {
	int listener, from, to;
	struct seccomp_notif *notif;
	struct seccomp_notif_resp *resp;
	size_t notif_size, resp_size;
	struct armed armed;
	struct tally tallies[TALLIES];
	size_t tally_count;
	char line[LINE];
	size_t line_len;
};

static void __attribute__((noreturn)) die(const char *what)
{
	dprintf(2, "inject: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* --- who calls */

/* The name of its executable, without what Linux and PAM's launcher add. */
static bool exe_of(pid_t pid, char name[NAME])
{
	char path[64], target[4096], *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(name, NAME, "%.*s", NAME - 1, base ? base + 1 : target);
	name[strcspn(name, " ")] = '\0';
	if (strcmp(name, "crond-launcher-pam") == 0)
		strcpy(name, "crond-launcher");
	return true;
}

static pid_t field_of(pid_t pid, const char *field)
{
	char path[64], text[2048], *at;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, field);
	return at ? atoi(at + strlen(field)) : 0;
}

/* NAME, or NAME+N for what NAME forked. A launcher's child whose launcher is gone is still one. */
static void who_is(pid_t tid, char who[NAME])
{
	char name[NAME], above[NAME];
	pid_t pid = tid;
	int depth = 0;

	strcpy(who, "?");
	if (!exe_of(tid, name))
		return;
	strcpy(above, name);
	while ((pid = field_of(pid, "\nPPid:")) > 0 && exe_of(pid, above) &&
	        strcmp(above, name) == 0)
		depth++;
	if (strcmp(name, "crond-launcher") == 0 && strcmp(above, "crond") != 0)
		depth++;
	if (depth == 0)
		strcpy(who, name);
	else
		snprintf(who, NAME, "%.24s+%d", name, depth);
}

/* --- what is done to a call */

static void respond(struct inject *in, int64_t value, int error, bool go_on)
{
	memset(in->resp, 0, in->resp_size);
	in->resp->id = in->notif->id;
	in->resp->val = value;
	in->resp->error = -error;
	in->resp->flags = go_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	ioctl(in->listener, SECCOMP_IOCTL_NOTIF_SEND, in->resp); /* it may have died meanwhile */
}

static int theirs(const struct inject *in, int fd)
{
	pid_t leader = field_of((pid_t)in->notif->pid, "\nTgid:");
	int process = (int)syscall(SYS_pidfd_open, leader, 0);
	int got;

	if (process < 0)
		return -1;
	got = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	close(process);
	return got;
}

static ssize_t half_move(const struct inject *in, int fd, char *bytes, size_t n)
{
	const struct seccomp_data *d = &in->notif->data;
	struct iovec ours = { bytes, n }, far = { (void *)(uintptr_t)d->args[1], n };
	pid_t pid = (pid_t)in->notif->pid;
	ssize_t got;

	if (d->nr == SYS_write || d->nr == SYS_pwrite64) {
		if (process_vm_readv(pid, &ours, 1, &far, 1, 0) != (ssize_t)n)
			return -1;
		return d->nr == SYS_write ? write(fd, bytes, n)
		                          : pwrite(fd, bytes, n, (off_t)d->args[3]);
	}
	got = d->nr == SYS_read ? read(fd, bytes, n) : pread(fd, bytes, n, (off_t)d->args[3]);
	if (got <= 0)
		return -1;
	ours.iov_len = far.iov_len = (size_t)got;
	return process_vm_writev(pid, &ours, 1, &far, 1, 0);
}

/* Half of what was asked for is truly moved, where that would not wait; 0: it was not. */
static ssize_t half(const struct inject *in)
{
	static char bytes[HALF_MOST];
	const struct seccomp_data *d = &in->notif->data;
	bool out = d->nr == SYS_write || d->nr == SYS_pwrite64;
	int fd = theirs(in, (int)d->args[0]);
	struct pollfd p = { .fd = fd, .events = out ? POLLOUT : POLLIN };
	size_t n = d->args[2] / 2;
	ssize_t moved = 0;

	if (fd < 0)
		return 0;
	if (n > sizeof(bytes))
		n = sizeof(bytes);
	if (n > 0 && (poll(&p, 1, 0) == 1 && (p.revents & p.events)))
		moved = half_move(in, fd, bytes, n);
	close(fd);
	return moved > 0 ? moved : 0;
}

/* The text at an address of the caller's, where there is one. */
static void peek(pid_t pid, uint64_t at, char *text, size_t size)
{
	struct iovec ours = { text, size - 1 }, far = { (void *)(uintptr_t)at, size - 1 };
	size_t page = 4096 - at % 4096;
	ssize_t n;

	text[0] = '\0';
	if (far.iov_len > page)
		far.iov_len = page;
	n = process_vm_readv(pid, &ours, 1, &far, 1, 0);
	if (n < 0)
		n = 0;
	text[n] = '\0';
	for (char *c = text; *c; c++)
		*c = *c < 33 || *c > 126 ? '.' : *c;
}

static void example_take(struct inject *in, const struct call *call, const char *who)
{
	const struct seccomp_data *d = &in->notif->data;
	static const char *const paths[] = { "open", "rename", "mkdir", "unlink", "stat", "link",
		"access", "write", "send" };
	char text[80] = "";
	bool at = d->nr != SYS_execve;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (strcmp(call->kind, paths[i]) == 0)
			peek((pid_t)in->notif->pid, d->args[1], text, sizeof(text));
	}
	if (!at)
		peek((pid_t)in->notif->pid, d->args[0], text, sizeof(text));
	snprintf(in->armed.example, sizeof(in->armed.example), "%s[%d]:%s/%d(%d,%s)", who,
	        (int)in->notif->pid, call->kind, d->nr, (int)d->args[0], text);
}

/* What brk(2) says when it refuses: where the heap ends, as before. */
static int64_t heap_end(pid_t pid)
{
	char path[64], line[512], *field;
	unsigned long long from, to, end = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "[heap]") && sscanf(line, "%llx-%llx", &from, &to) == 2)
			end = to;
	}
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = end ? NULL : fopen(path, "re");
	if (f && fgets(line, sizeof(line), f) && (field = strrchr(line, ')'))) {
		for (int i = 2; field && i < 47; i++) /* the 47th is where it begins */
			field = strchr(field + 1, ' ');
		end = field ? strtoull(field, NULL, 10) : 0;
	}
	if (f)
		fclose(f);
	return (int64_t)end;
}

static void strike(struct inject *in, const struct call *call, const char *who)
{
	struct armed *a = &in->armed;
	ssize_t moved;

	if (a->hits == 0)
		example_take(in, call, who);
	if (a->what == WHAT_SHORT) {
		moved = half(in);
		a->hits += moved > 0;
		a->calls -= moved <= 0; /* it does not count */
		respond(in, moved, 0, moved <= 0);
		return;
	}
	a->hits++;
	if (a->what == WHAT_KILL)
		kill((pid_t)in->notif->pid, SIGKILL);
	if (strcmp(call->kind, "brk") == 0)
		respond(in, heap_end((pid_t)in->notif->pid), 0, false);
	else
		respond(in, 0, a->what == WHAT_KILL ? EINTR : a->error, false);
}

static void tally(struct inject *in, const char *who, const char *kind)
{
	struct tally *t = in->tallies;

	while (t < in->tallies + in->tally_count && (t->kind != kind || strcmp(t->who, who) != 0))
		t++;
	if (t == in->tallies + in->tally_count) {
		if (in->tally_count == TALLIES)
			return;
		in->tally_count++;
		snprintf(t->who, sizeof(t->who), "%s", who);
		t->kind = kind;
		t->calls = 0;
	}
	t->calls++;
}

static bool armed_for(
        struct armed *a, const struct inject *in, const struct call *call, const char *who)
{
	if (strcmp(a->kind, call->kind) != 0 ||
	        (strcmp(a->who, "*") != 0 && strcmp(a->who, who) != 0))
		return false;
	if (a->what == WHAT_SHORT && (!call->bytes || in->notif->data.args[2] < 2))
		return false;
	a->calls++;
	return a->calls >= a->n && (a->times == 0 || a->calls < a->n + a->times);
}

static void hear(struct inject *in)
{
	struct armed *a = &in->armed;
	const struct call *call;
	char who[NAME];

	memset(in->notif, 0, in->notif_size);
	if (ioctl(in->listener, SECCOMP_IOCTL_NOTIF_RECV, in->notif) < 0)
		return;
	call = call_find(in->notif->data.nr);
	if (!call || (!a->on && !a->counting)) {
		respond(in, 0, 0, true);
		return;
	}
	if (a->on && strcmp(a->kind, call->kind) != 0) {
		respond(in, 0, 0, true);
		return;
	}
	who_is((pid_t)in->notif->pid, who);
	if (a->counting)
		tally(in, who, call->kind);
	if (a->on && armed_for(a, in, call, who))
		strike(in, call, who);
	else
		respond(in, 0, 0, true);
}

/* --- commands */

static void report(const struct inject *in)
{
	if (!in->armed.counting) {
		dprintf(in->to, "%lu %lu %s\n", in->armed.calls, in->armed.hits, in->armed.example);
		return;
	}
	for (size_t i = 0; i < in->tally_count; i++)
		dprintf(in->to, "%s %s %lu\n", in->tallies[i].who, in->tallies[i].kind,
		        in->tallies[i].calls);
	dprintf(in->to, "\n");
}

static void obey(struct inject *in, const char *line)
{
	struct armed a = { .on = true };
	char what[16];

	if (sscanf(line, "arm %39s %39s %lu %lu %15s", a.who, a.kind, &a.n, &a.times, what) == 5) {
		a.what = strcmp(what, "short") == 0 ? WHAT_SHORT
		        : strcmp(what, "kill") == 0 ? WHAT_KILL
		                                    : WHAT_ERROR;
		a.error = atoi(what);
	} else if (strcmp(line, "count") == 0) {
		a = (struct armed){ .counting = true };
		in->tally_count = 0;
	} else if (strcmp(line, "report") == 0) {
		report(in);
		in->armed.on = in->armed.counting = false;
		return;
	} else {
		dprintf(in->to, "what?\n");
		return;
	}
	in->armed = a;
	dprintf(in->to, "ok\n");
}

static bool listen_to(struct inject *in)
{
	ssize_t n = read(in->from, in->line + in->line_len, sizeof(in->line) - 1 - in->line_len);
	char *end;

	if (n <= 0)
		return false;
	in->line_len += (size_t)n;
	in->line[in->line_len] = '\0';
	while ((end = strchr(in->line, '\n'))) {
		*end = '\0';
		obey(in, in->line);
		in->line_len -= (size_t)(end + 1 - in->line);
		memmove(in->line, end + 1, in->line_len + 1);
	}
	return true;
}

/* Until nobody is left, neither under the filter nor to ask. */
static void __attribute__((noreturn)) watch(struct inject *in)
{
	struct pollfd p[2] = { { in->listener, POLLIN, 0 }, { in->from, POLLIN, 0 } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll");
		if ((p[0].revents & POLLIN))
			hear(in);
		else if (p[0].revents)
			p[0].fd = -1;
		if (p[1].revents && !listen_to(in)) {
			p[1].fd = -1;
			in->armed.on = in->armed.counting = false;
		}
		if (p[0].fd < 0 && p[1].fd < 0)
			_exit(0);
	}
}

/* --- the start */

static int filter_put(void)
{
	size_t count = call_count, n = 0;
	static struct sock_filter code[CALLS + 8];
	struct sock_fprog program = { .filter = code };
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int fd;

	code[n++] = (struct sock_filter)BPF_STMT(
	        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(
	        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < count; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		        (unsigned)calls[i].number, (unsigned char)(count - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	program.len = (unsigned short)n;
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	        flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	return fd;
}

/* It is nobody's child and has the program's listener: both share their descriptors until now. */
static void __attribute__((noreturn))
watcher(int from, int to, const volatile int *shared, const char *first)
{
	static struct inject in;
	struct seccomp_notif_sizes sizes = { 0 };
	const struct timespec moment = { 0, 50000 };
	long most = sysconf(_SC_OPEN_MAX);

	while (*shared == -1)
		nanosleep(&moment, NULL);
	if (*shared < 0 || unshare(CLONE_FILES) < 0)
		_exit(0);
	in = (struct inject){ .from = from, .to = to, .listener = *shared };
	for (int fd = 0; fd < (most < 65536 ? most : 65536); fd++) {
		if (fd != from && fd != to && fd != in.listener)
			close(fd);
	}
	setsid();
	syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
	in.notif_size =
	        sizes.seccomp_notif > sizeof(*in.notif) ? sizes.seccomp_notif : sizeof(*in.notif);
	in.resp_size = sizes.seccomp_notif_resp > sizeof(*in.resp) ? sizes.seccomp_notif_resp
	                                                           : sizeof(*in.resp);
	in.notif = calloc(1, in.notif_size);
	in.resp = calloc(1, in.resp_size);
	if (!in.notif || !in.resp)
		die("memory");
	if (first)
		obey(&in, first);
	watch(&in);
}

static pid_t fork_sharing(void)
{
	return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
}

static void watcher_start(int from, int to, volatile int *shared, const char *first)
{
	pid_t child = fork_sharing();

	if (child < 0)
		die("fork");
	if (child == 0) {
		if (fork_sharing() == 0)
			watcher(from, to, shared, first);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void identity_take(const char *text)
{
	unsigned uid, gid;

	if (sscanf(text, "%u:%u", &uid, &gid) != 2)
		die("-u");
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		die("identity");
}

int main(int argc, char **argv)
{
	const char *identity = NULL, *first = NULL;
	volatile int *shared = mmap(
	        NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int option, from = -1, to = -1, listener;

	while ((option = getopt(argc, argv, "+c:u:r:w:")) != -1) {
		if (option == 'u')
			identity = optarg;
		else if (option == 'c')
			first = optarg;
		else if (option == 'r')
			from = atoi(optarg);
		else if (option == 'w')
			to = atoi(optarg);
	}
	if (shared == MAP_FAILED || from < 0 || to < 0 || optind >= argc) {
		dprintf(2,
		        "usage: inject [-u UID:GID] [-c COMMAND] -r FD -w FD -- PROGRAM "
		        "ARGUMENT...\n");
		return 125;
	}
	fcntl(from, F_SETFD, FD_CLOEXEC);
	fcntl(to, F_SETFD, FD_CLOEXEC);
	*shared = -1;
	watcher_start(from, to, shared, first);
	listener = filter_put();
	*shared = listener < 0 ? -2 : listener;
	if (listener < 0)
		die("seccomp");
	if (identity)
		identity_take(identity);
	execv(argv[optind], argv + optind);
	die(argv[optind]);
}
