/* launcher: forks a keeper for each run it is asked for.
 * Flow: the scheduler sends the names of runs, keepers do the rest; few starts are in
 * flight at a time, since more would only make each of them slower. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/keeper.h"
#include "crond/pam.h"
#include "crond/told.h"

enum { TURN_MS = 20, FORK_PAUSE_MS = 20, FORK_PAUSE_MOST_MS = 1000, ZONE_S = 10, PUT_NICE = 10 };

static void on_signal(int sig)
{
	(void)sig;
}

/* What whoever started us ignored or blocked is not to reach jobs. Signals that neither we
 * nor keepers want have an empty handler rather than none: exec forgets handlers. */
static void signals_set(void)
{
	static const int unwanted[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR2, SIGALRM,
		SIGTSTP, SIGTTIN, SIGTTOU, SIGVTALRM, SIGPROF, SIGXFSZ, SIGIO, SIGPWR };
	/* as the kernel reads it, nothing but zeros is the default. The library's call would
	 * leave out its two private signals, which its posix_spawn() makes ignored. */
	static const char deflt[128];
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t none;

	for (int sig = 1; sig < _NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, deflt, NULL, _NSIG / 8);
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		sigaction(unwanted[i], &sa, NULL);
	sa.sa_handler = SIG_IGN; /* keepers are nobody's business when they end */
	sigaction(SIGCHLD, &sa, NULL);
	told_prepare();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int descriptor(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*end || end == text || fd < 3 || fd > 1 << 20 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	return (int)fd;
}

/* So that no pipe of a job takes one of their places. */
static int standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int usage(const char *why)
{
	fprintf(stderr, "crond-launcher: %s\n"
		"usage: crond-launcher QUEUE REPORT RUNS SHARED syslog|stderr|json|journal LEVEL [SERVICE]\n"
		"       crond-launcher --environment | --drain | --put FILE\n"
		"(started by crond, not by hand)\n", why);
	return 2;
}

static int setup(struct keeper *k, char **argv)
{
	enum log_target target = log_target_find(argv[5]);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t level;
	void *shared;
	int fd;

	k->queue = descriptor(argv[1]);
	k->report = descriptor(argv[2]);
	k->runs = descriptor(argv[3]);
	fd = descriptor(argv[4]);
	if (k->queue < 0 || k->report < 0 || k->runs < 0 || fd < 0)
		return usage("QUEUE, REPORT, RUNS and SHARED are open descriptors from 3 on");
	if (target == LOG_TARGETS)
		return usage("the log's target is syslog, stderr, json or journal");
	if (text_number(slice_of(argv[6]), LOG_DEBUG, &level) < 0)
		return usage("LEVEL is 0 to 7");
	shared = mmap(NULL, sizeof(*k->shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return usage("SHARED cannot be mapped");
	k->shared = shared;
	k->shared_fd = fd;
	k->starts_most = STARTS_PER_CPU * (uint32_t)(cpus > 0 ? cpus : 1);
	log_open(&k->log, target, (int)level, &k->shared->log_lost);
	return 0;
}

/* Until fewer starts are in flight than there may be. A count that does not move for a
 * while is that of a keeper that was killed: it must not keep the others waiting. */
static void turn_wait(struct keeper *k)
{
	static const struct timespec most = { .tv_nsec = TURN_MS * 1000000L };
	uint32_t n;

	while ((n = atomic_load(&k->shared->starting)) >= k->starts_most) {
		atomic_store(&k->shared->waiting, 1);
		if (syscall(SYS_futex, &k->shared->starting, FUTEX_WAIT, n, &most, NULL, 0) < 0 &&
			errno == ETIMEDOUT && atomic_load(&k->shared->starting) == n)
			atomic_compare_exchange_strong(&k->shared->starting, &n, 0);
	}
}

/* The zone may be changed while we live; keepers inherit what is known here. */
static void zone_refresh(void)
{
	static time_t at;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (at && now.tv_sec - at < ZONE_S)
		return;
	at = now.tv_sec;
	tzset();
}

/* The name is not lost: a full process table becomes less full. */
static void keeper_start(struct keeper *k, const char *id)
{
	int pause = FORK_PAUSE_MS;
	pid_t pid;

	zone_refresh();
	keeper_slot_take(k);
	while ((pid = fork()) < 0) {
		log_line(&k->log, LOG_WARNING, "CRON", getpid(), 0,
			"(CRON) ERROR (can't fork for %s: %s, trying again)", id, strerror(errno));
		poll(NULL, 0, pause);
		pause = pause * 2 < FORK_PAUSE_MOST_MS ? pause * 2 : FORK_PAUSE_MOST_MS;
	}
	if (pid == 0)
		keeper_main(k, id);
	k->slot = false; /* it is the keeper's now */
}

/* What is at hand for PAM is no longer what the system has. A program that begins anew has
 * nothing of the old; its queue and its pid stay. Where it cannot, keepers go without. */
static void renew(struct keeper *k, char **argv)
{
	const int stay[] = { k->queue, k->report, k->runs, k->shared_fd };
	struct pollfd p = { .fd = k->queue, .events = POLLIN };

	if (poll(&p, 1, -1) < 0 || !pam_changed())
		return;
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		fcntl(stay[i], F_SETFD, 0);
	execv("/proc/self/exe", argv);
	log_line(&k->log, LOG_WARNING, "CRON", getpid(), 0,
		"(CRON) ERROR (cannot begin anew with what PAM has now: %s)", strerror(errno));
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		fcntl(stay[i], F_SETFD, FD_CLOEXEC);
	pam_forget();
}

static int serve(struct keeper *k, char **argv)
{
	char id[RUN_ID_MOST + 1];
	ssize_t n;

	for (;;) {
		turn_wait(k);
		if (argv[7])
			renew(k, argv);
		/* whose name was there for renew() may have been taken by a keeper since */
		n = recv(k->queue, id, RUN_ID_MOST, argv[7] ? MSG_DONTWAIT : 0);
		if (n == 0)
			return 0;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return 1;
		if (!run_id_ok(id, (size_t)n)) {
			log_line(&k->log, LOG_ERR, "CRON", getpid(), 0,
				"(CRON) ERROR (bad run id in the queue)");
			continue;
		}
		id[n] = '\0';
		keeper_start(k, id);
	}
}

/* Its pid comes last: it tells whether the shell executed it in its own place. */
static int environment_print(void)
{
	for (char **e = environ; *e; e++)
		if (fwrite(*e, 1, strlen(*e) + 1, stdout) != strlen(*e) + 1)
			return 1;
	if (printf("%d", (int)getpid()) < 0 || putchar('\0') == EOF)
		return 1;
	return fflush(stdout) == 0 ? 0 : 1;
}

/* Reads descriptors 3 and, if it is there, 4 until both have ended: a job whose keeper was
 * killed prints into them. It must not end before that, whoever ends. */
static int drain(void)
{
	static char chunk[16 * 1024];
	struct pollfd p[2] = { { .fd = 3, .events = POLLIN }, { .fd = 4, .events = POLLIN } };

	setsid();
	if (fcntl(4, F_GETFD) < 0)
		p[1].fd = -1;
	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < 2; i++) {
			ssize_t n = p[i].fd < 0 || !p[i].revents ? 1 : read(p[i].fd, chunk, sizeof(chunk));

			if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
				p[i].fd = -1;
		}
	}
	return 0;
}

/* Descriptor 3 is the whole of it, and comes to stand there or not at all. Its file system may
 * let us wait for ever, which nobody does for us. Our status is the errno. */
static int put(const char *path)
{
	struct stat st;
	void *text = NULL;

	umask(0);
	if (nice(PUT_NICE) < 0) /* its figures are no older for a moment */
		errno = 0;
	if (fstat(3, &st) < 0)
		return errno;
	if (st.st_size > 0)
		text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, 3, 0);
	if (text == MAP_FAILED)
		return errno;
	return file_replace(AT_FDCWD, path, 0644, text ? text : "", (size_t)st.st_size, 0) < 0 ? errno : 0;
}

int main(int argc, char **argv)
{
	static struct keeper k;
	int rc;

	if (argc == 2 && strcmp(argv[1], "--environment") == 0)
		return environment_print();
	if (argc == 2 && strcmp(argv[1], "--drain") == 0)
		return drain();
	if (argc == 3 && strcmp(argv[1], "--put") == 0)
		return put(argv[2]);
	if (argc != 7 && argc != 8)
		return usage("six or seven arguments are needed");
	if (standard_descriptors() < 0)
		return usage("/dev/null cannot be opened");
	rc = setup(&k, argv);
	if (rc != 0)
		return rc;
	if (chdir("/") < 0)
		return usage("/ cannot be entered");
	setsid();
	signals_set();
	if (argc == 8)
		pam_prepare(argv[7], &k.log);
	return serve(&k, argv);
}
