/* player: plays the scheduler for tests of the launcher and its keepers.
 * Flow: claims runs in a temporary directory, sends their names, reads the reports. */
#include "config.h"

#include "tests/unit/player.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/rundir.h"

static int pair(int *ours, int *theirs)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return -1;
	*ours = fd[0];
	*theirs = fd[1];
	return 0;
}

int player_open(struct player *p)
{
	*p = (struct player){ .keeper_pidfd = -1, .target = "stderr", .err = -1 };
	/* the run-time directory is in memory, too */
	snprintf(p->dir, sizeof(p->dir), "%s/cronward-test.XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(p->dir) || (p->runs = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
		pair(&p->queue, &p->queue_theirs) < 0 || pair(&p->report, &p->report_theirs) < 0 ||
		(p->shared_fd = memfd_create("shared", MFD_CLOEXEC)) < 0 ||
		ftruncate(p->shared_fd, sizeof(*p->shared)) < 0) {
		perror("player");
		return -1;
	}
	p->shared = mmap(NULL, sizeof(*p->shared), PROT_READ | PROT_WRITE, MAP_SHARED, p->shared_fd, 0);
	return p->shared == MAP_FAILED ? -1 : 0;
}

/* As hostile a start as a daemon may get: signals ignored and blocked, a stray descriptor. */
static void __attribute__((noreturn)) launcher_child(const struct player *p, const char *path)
{
	const int theirs[4] = { p->queue_theirs, p->report_theirs, p->runs, p->shared_fd };
	char numbers[4][12];
	static const long ignore[16] = { (long)SIG_IGN }; /* as the kernel reads it */
	sigset_t all;

	for (int i = 0; i < 4; i++)
		snprintf(numbers[i], sizeof(numbers[i]), "%d",
			fcntl(theirs[i], F_DUPFD, 20 + i)); /* without close-on-exec */
	for (int sig = 1; sig < _NSIG; sig++) /* the library's private ones, too */
		syscall(SYS_rt_sigaction, sig, ignore, NULL, _NSIG / 8);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (p->err >= 0)
		dup2(p->err, 2);
	dup2(open("/dev/null", O_RDONLY), 77);
	execl(path, "crond-launcher", numbers[0], numbers[1], numbers[2], numbers[3], p->target, "7",
		(char *)NULL);
	perror(path);
	_exit(127);
}

pid_t player_launch(struct player *p, const char *path)
{
	p->launcher = fork();
	if (p->launcher == 0)
		launcher_child(p, path);
	return p->launcher;
}

struct run player_run(const char *id, const char *command)
{
	static const char env[] = "SHELL=/bin/sh\0HOME=/\0PATH=/usr/bin:/bin\0LOGNAME=tester";

	return (struct run){
		.id = id, .job = id, .place = "test:1", .scheduled = 1700000000, .attempt = 1,
		.user = "tester", .uid = getuid(), .gid = getgid(), .dir = "/", .umask = 022,
		.shell = "/bin/sh", .command = command, .env = { env, sizeof(env) },
		.output_most = 1 << 20, .kill_after_ms = 500, .host = "testhost",
		.flags = RUN_KEEP_TAIL,
	};
}

int player_send(struct player *p, const struct run *r)
{
	struct buf record = { 0 };
	int rc;

	run_encode(r, &record);
	rc = rundir_claim(p->runs, r->id, &record);
	buf_free(&record);
	if (rc < 0)
		return -1;
	return send(p->queue, r->id, strlen(r->id), MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool report_read(struct player *p, struct report *r)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { r, sizeof(*r) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	if (recvmsg(p->report, &m, MSG_CMSG_CLOEXEC) < (ssize_t)REPORT_HEAD)
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		if (p->keeper_pidfd >= 0)
			close(p->keeper_pidfd);
		memcpy(&p->keeper_pidfd, CMSG_DATA(c), sizeof(int));
	}
	p->keeper_pid = r->keeper_pid;
	return true;
}

bool player_report(struct player *p, enum report_type type, const char *id, int ms)
{
	int64_t until = now_ms() + ms, left;
	struct report r;

	while ((left = until - now_ms()) > 0) {
		struct pollfd f = { .fd = p->report, .events = POLLIN };

		if (poll(&f, 1, (int)left) != 1)
			continue;
		if (!report_read(p, &r))
			return false;
		if (r.type == (uint32_t)type && strcmp(r.id, id) == 0)
			return true;
	}
	return false;
}

int player_outcome(struct player *p, const char *id, struct outcome *o)
{
	struct run_progress head;
	struct slice ended;
	struct diag d;

	buf_clear(&p->outcome);
	if (rundir_read(p->runs, id, "run", &p->outcome) < 0 ||
		run_progress_decode(&head, (struct slice){ p->outcome.data, p->outcome.len }, &d) < 0)
		return -1;
	buf_clear(&p->outcome);
	if (head.outcome_n)
		buf_append(&p->outcome, head.outcome, head.outcome_n);
	else if (rundir_read(p->runs, id, "outcome", &p->outcome) < 0)
		return -1;
	ended = (struct slice){ p->outcome.data, p->outcome.len };
	if (outcome_decode(o, ended, &d) == 0)
		return 0;
	fprintf(stderr, "outcome of %s: %s\n", id, d.text);
	return -1;
}

static void runs_remove(struct player *p)
{
	DIR *dir = opendir(p->dir);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			rundir_remove(p->runs, e->d_name);
	if (dir)
		closedir(dir);
	rmdir(p->dir);
}

int player_close(struct player *p)
{
	int status = -1;

	close(p->queue);
	close(p->queue_theirs);
	if (p->launcher > 0)
		waitpid(p->launcher, &status, 0);
	close(p->report);
	close(p->report_theirs);
	if (p->keeper_pidfd >= 0)
		close(p->keeper_pidfd);
	runs_remove(p);
	close(p->runs);
	munmap(p->shared, sizeof(*p->shared));
	close(p->shared_fd);
	buf_free(&p->outcome);
	return status;
}
