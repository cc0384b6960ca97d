/* spawn: one process, as its user, with three descriptors and nothing else of ours.
 * Flow: the keeper starts the job with it, and later the mailer.
 *
 * The child shares its parent's memory until it executes (a copy of the page tables
 * would be most of the cost of a start), so it writes only to its own stack and to
 * the results, and calls nothing that takes locks. */
#include "config.h"

#include "crond/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/base/moment.h"
#include "crond/core/dialect.h"
#include "crond/dress.h"
#include "crond/pam_calls.h"

enum { PAGE = 4096, STACK_SIZE = 64 * 1024, DETAIL_MOST = 1100, FORK_TRIES = 40, FORK_PAUSE_MS = 50 };

/* of whichever child is between clone and exec: there is only one at a time */
static _Alignas(PAGE) char child_stack[STACK_SIZE];

static void child_fail(struct spawn *s, enum spawn_step step, const char *what)
{
	s->error = errno;
	s->step = step;
	s->what = what;
	_exit(127);
}

/* CMD, by the job's own pid; Debian's -L 8 has the keeper's outside and the job's inside. */
static void child_announce(const struct spawn *s)
{
	struct log log = *s->log; /* a reconnect must not change the parent's descriptor */
	const char *tag = dialect_get((enum dialect_id)s->run->dialect)->job_tag;
	char detail[DETAIL_MOST];

	if (!(s->run->flags & RUN_LOG_PID)) {
		log_classic(&log, tag, getpid(), 0, s->run->user, "CMD", s->run->command);
		return;
	}
	snprintf(detail, sizeof(detail), "[%d] %s", (int)getpid(), s->run->command);
	log_classic(&log, tag, getppid(), getppid(), s->run->user, "CMD", detail);
}

static void child_cgroup(struct spawn *s)
{
	if (s->door >= 0 && write(s->door, "0", 1) != 1 && s->must_enter)
		child_fail(s, SPAWN_CGROUP, "its cgroup");
}

/* After its identity is another, which takes it away; our parent may be gone by then. */
static void child_dies_with(const struct spawn *s)
{
	if (!s->dies_with)
		return;
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
	if (getppid() != s->dies_with)
		_exit(127);
}

static void child_files(struct spawn *s)
{
	if (dup2(s->in, 0) < 0 || dup2(s->out, 1) < 0 || dup2(s->err, 2) < 0)
		child_fail(s, SPAWN_FILES, "standard descriptors");
	kernel_close_from(3); /* ours are close-on-exec; a PAM module's may not be */
	umask(s->umask);
}

/* To be spared is the daemon's: what takes all memory is to be what is ended. Without /proc it
 * goes on so. */
static void child_not_spared(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) == 1)
		close(fd);
}

/* While it may still raise them. In crond-launcher-pam the library's calls are others. */
static void child_limits(struct spawn *s)
{
	const struct pam_limits *l = s->limits;

	if (!l)
		return;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (l->set & 1u << i && syscall(SYS_prlimit64, 0, i, &l->at[i], NULL) != 0)
			child_fail(s, SPAWN_LIMITS, s->run->user);
	if (l->nice_set && syscall(SYS_setpriority, PRIO_PROCESS, 0, l->nice) != 0)
		child_fail(s, SPAWN_LIMITS, s->run->user);
}

/* Behind PAM's: an option is nearer to the job than the system's rules. */
static void child_dress(struct spawn *s)
{
	const char *what = NULL;

	if (dress_put_on(&s->run->dress, &what) < 0)
		child_fail(s, SPAWN_DRESS, what);
}

enum spawn_step spawn_become(const struct spawn *s)
{
	const struct run *r = s->run;
	bool groups = true;
	uid_t u[3];
	gid_t g[3];

	if (!(r->flags & RUN_IDENTITY))
		return SPAWN_DONE;
	if (kernel_groups_set(s->group_count, s->groups) != 0) {
		/* without the capability root's own jobs keep the groups that we were given */
		groups = errno != EPERM || r->uid != geteuid();
		if (groups)
			return SPAWN_GROUPS;
	}
	if (kernel_gid_set(r->gid) != 0)
		return SPAWN_GID;
	if (kernel_uid_set(r->uid) != 0)
		return SPAWN_UID;
	errno = EPERM;
	if (getresuid(&u[0], &u[1], &u[2]) != 0 || u[0] != r->uid || u[1] != r->uid ||
		u[2] != r->uid || getresgid(&g[0], &g[1], &g[2]) != 0 || g[0] != r->gid ||
		g[1] != r->gid || g[2] != r->gid)
		return SPAWN_IDENTITY;
	if (!groups)
		return SPAWN_DONE;
	if (getgroups(0, NULL) != (int)s->group_count ||
		getgroups((int)s->group_count, s->groups_seen) != (int)s->group_count ||
		(s->group_count && memcmp(s->groups, s->groups_seen,
					   s->group_count * sizeof(*s->groups)) != 0))
		return SPAWN_IDENTITY;
	return SPAWN_DONE;
}

static void child_identity(struct spawn *s)
{
	enum spawn_step step = spawn_become(s);

	if (step != SPAWN_DONE)
		child_fail(s, step, s->run->user);
}

static void child_chdir(struct spawn *s)
{
	const struct run *r = s->run;

	if (chdir(r->dir) == 0)
		return;
	if (r->flags & RUN_CHDIR_MUST || !r->fallback_dir)
		child_fail(s, SPAWN_CHDIR, r->dir);
	s->strayed = errno;
	s->refuge = chdir(r->fallback_dir) == 0 ? r->fallback_dir : "/";
	if (s->refuge != r->fallback_dir && chdir("/") != 0)
		child_fail(s, SPAWN_CHDIR, r->fallback_dir);
}

static void child_signals(void)
{
	struct sigaction deflt = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* the others have handlers of ours, which exec forgets; this one's would speak to
	 * the keeper through the memory that is still shared */
	sigaction(SIGTERM, &deflt, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

/* Executes a candidate; returns whether the search may go on: only a file that is not
 * there is passed over without a thought, the shell judges everything else. */
static bool try_file(struct spawn *s, const char *path)
{
	execve(path, s->words, s->env);
	s->error = errno;
	if (errno == EACCES && !s->shell)
		return true;
	if ((errno != ENOENT && errno != ENOTDIR) || faccessat(AT_FDCWD, path, F_OK, 0) == 0)
		return false;
	return true;
}

static void search_path(struct spawn *s)
{
	const char *at = env_get(s->env, "PATH"), *word = s->words[0];
	size_t word_n = strlen(word);
	char path[PATH_MAX];
	bool denied = false;

	s->error = ENOENT;
	while (at && *at == '/') {
		size_t n = strcspn(at, ":");

		if (n + 1 + word_n + 1 <= sizeof(path)) {
			memcpy(path, at, n);
			path[n] = '/';
			memcpy(path + n + 1, word, word_n + 1);
			if (!try_file(s, path))
				return;
			denied |= s->error == EACCES;
		}
		at = at[n] ? at + n + 1 : NULL;
	}
	if (denied)
		s->error = EACCES;
}

static void child_words(struct spawn *s)
{
	char pwd[PATH_MAX + 4] = "PWD=";

	if (s->run->flags & RUN_DASH_PWD && s->shell) {
		if (!getcwd(pwd + 4, PATH_MAX))
			return; /* a deleted directory: the shell has something to say about it */
		s->env[s->env_count] = pwd;
		s->env[s->env_count + 1] = NULL;
	}
	if (s->file || strchr(s->words[0], '/'))
		try_file(s, s->file ? s->file : s->words[0]);
	else
		search_path(s);
	s->env[s->env_count] = NULL;
}

static const char *program(const struct spawn *s)
{
	if (s->file)
		return s->file;
	return s->words ? s->words[0] : s->run->shell;
}

static int child_main(void *arg)
{
	struct spawn *s = arg;
	const char *shell_words[4] = { s->run->shell, "-c", s->run->command, NULL };

	setsid();
	if (s->patience_ms) /* where there are no such timers it goes without */
		kernel_execute_within(s->patience_ms);
	child_cgroup(s);
	if (s->log)
		child_announce(s);
	if (s->spared)
		child_not_spared();
	child_files(s);
	child_limits(s);
	if (s->run->dress.given)
		child_dress(s);
	child_identity(s);
	child_dies_with(s);
	child_chdir(s);
	child_signals();
	if (s->words)
		child_words(s);
	if (!s->shell) {
		errno = s->error;
		child_fail(s, SPAWN_EXEC, program(s));
	}
	execve(s->run->shell, (char *const *)(uintptr_t)shell_words, s->env);
	child_fail(s, SPAWN_EXEC, s->run->shell);
	return 127;
}

/* The timer has killed it. */
static bool was_stuck(struct spawn *s)
{
	siginfo_t how = { 0 };

	if (!s->patience_ms || s->born_before_ns - s->born_after_ns < s->patience_ms * INT64_C(1000000) ||
		waitid(P_PID, (id_t)s->pid, &how, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		how.si_code != CLD_KILLED || how.si_status != SIGKILL)
		return false;
	s->step = SPAWN_EXEC;
	s->what = program(s);
	s->error = ETIMEDOUT;
	return true;
}

int spawn(struct spawn *s)
{
	s->step = SPAWN_DONE;
	s->error = s->strayed = 0;
	s->pidfd = -1;
	s->born_after_ns = moment_ns(CLOCK_BOOTTIME);
	s->pid = clone(child_main, child_stack + sizeof(child_stack),
		CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s, &s->pidfd);
	s->born_before_ns = moment_ns(CLOCK_BOOTTIME);
	if (s->pid < 0) {
		s->error = errno;
		s->step = SPAWN_FORK;
		s->what = "process";
		return -1;
	}
	if (s->step == SPAWN_DONE && !was_stuck(s))
		return 0;
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(s->pidfd);
	s->pidfd = -1;
	return -1;
}

int spawn_patiently(struct spawn *s, const volatile sig_atomic_t *told)
{
	int tries = 0;

	while (spawn(s) < 0) {
		if (s->step != SPAWN_FORK || (s->error != EAGAIN && s->error != ENOMEM) ||
			tries++ == FORK_TRIES || *told)
			return -1;
		poll(NULL, 0, FORK_PAUSE_MS);
	}
	return 0;
}

void spawn_memory_free(void)
{
	madvise(child_stack, sizeof(child_stack), MADV_DONTNEED);
}

void spawn_reason(const struct spawn *s, char *out, size_t n)
{
	static const char *const texts[] = {
		[SPAWN_DONE] = "started",
		[SPAWN_FORK] = "cannot create a",
		[SPAWN_CGROUP] = "cannot enter",
		[SPAWN_FILES] = "cannot set up",
		[SPAWN_LIMITS] = "cannot set the limits of",
		[SPAWN_DRESS] = "cannot set",
		[SPAWN_GROUPS] = "cannot set the groups of",
		[SPAWN_GID] = "cannot set the group id of",
		[SPAWN_UID] = "cannot set the user id of",
		[SPAWN_IDENTITY] = "the identity did not hold for",
		[SPAWN_CHDIR] = "cannot enter directory",
		[SPAWN_EXEC] = "cannot execute",
	};

	snprintf(out, n, "%s %.150s: %s", texts[s->step], s->what, strerror(s->error));
}
