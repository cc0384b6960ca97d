/* test_cage: what is forbidden is tried from inside, and what is needed. Each try is made by a process of
 * its own, which is shut in as a helper is. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/cage.h"
#include "crond/base/cage_calls.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif

enum { UNABLE = 77, OTHERS_CALL = 16383 };

static char dir[] = "/tmp/test_cage.XXXXXX", mine[64], seen[64], outside[64], control[64];
static const struct cage_path paths[] = {
	{ .path = mine, .writes = true }, { .path = seen }, { .path = "/dev/null", .writes = true },
	{ .path = "/proc/self" }, { .path = "/nowhere/at/all" },
};
static const struct cage helper = { .may = CAGE_NET | CAGE_THREADS | CAGE_MOVES, .paths = paths,
	.count = sizeof(paths) / sizeof(paths[0]) };
static const struct cage strict = { .paths = paths, .count = sizeof(paths) / sizeof(paths[0]) };

static int landlock(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

/* How a process in that cage ends that does that; its own exit status is what that returns. */
static int caged(const struct cage *c, int (*does)(void))
{
	struct diag d = { .text = "" };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int bad = cage_enter(c, &d);

		if (bad && !(landlock() < 2 && strstr(d.text, "Landlock"))) {
			fprintf(stderr, "%s\n", d.text);
			_exit(UNABLE);
		}
		_exit(does());
	}
	assert_true(pid > 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void check_exit(const struct cage *c, int (*does)(void), const char *what)
{
	int status = caged(c, does);

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("%s: status %#x", what, (unsigned)status);
}

static void check_killed(const struct cage *c, int (*does)(void), const char *what)
{
	int status = caged(c, does);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		fail_msg("%s: status %#x", what, (unsigned)status);
}

/* The number of the line that is not so. */
#define EXPECT(truth) \
	do { \
		if (!(truth)) { \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #truth, strerror(errno)); \
			return 1; \
		} \
	} while (0)

/* --- what ends it */

static int execute(void)
{
	char *const argv[] = { (char *)"true", NULL };

	return execve("/bin/true", argv, NULL) ? 2 : 3;
}

#ifndef CAGE_SANITIZED
static int trace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) ? 2 : 3;
}

static int refused_children(void)
{
	EXPECT(fork() == -1 && errno == EPERM);
	EXPECT(vfork() == -1 && errno == EPERM);
	return 0;
}
#else
static int trace_nobody(void)
{
	EXPECT(landlock() < 1 || ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == -1);
	return 0;
}
#endif

static int read_memory(void)
{
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) ? 2 : 3;
}

static int be_root(void)
{
	return setresuid(0, 0, 0) ? 2 : 3;
}

static int mount_something(void)
{
	return mount("none", mine, "tmpfs", 0, NULL) ? 2 : 3;
}

static int go_elsewhere(void)
{
	return unshare(CLONE_NEWUSER) ? 2 : 3;
}

static void test_kills(void **state)
{
	(void)state;
	check_killed(&helper, execute, "execve");
#ifndef CAGE_SANITIZED
	check_killed(&helper, trace, "ptrace");
#else
	check_exit(&helper, trace_nobody, "ptrace");
#endif
	check_killed(&helper, read_memory, "process_vm_readv");
	check_killed(&helper, be_root, "setresuid");
	check_killed(&helper, mount_something, "mount");
	check_killed(&helper, go_elsewhere, "unshare");
	check_killed(&strict, execute, "execve of the strict one");
}

/* --- what is refused */

static int refused(void)
{
	int fd;

	EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || errno == EINVAL);
	EXPECT(syscall(OTHERS_CALL) == -1 && errno == ENOSYS);
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
	EXPECT(socket(AF_UNIX, SOCK_DGRAM, 0) == -1 && errno == EAFNOSUPPORT);
	EXPECT(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
	EXPECT(kill(getppid(), SIGKILL) == -1 && errno == EPERM);
	EXPECT(kill(-1, SIGKILL) == -1 && errno == EPERM);
	EXPECT(kill(getpid(), 0) == 0);
	EXPECT(syscall(SYS_pidfd_open, getppid(), 0) == -1 && errno == ENOSYS);
	fd = open("/dev/null", O_RDWR);
	EXPECT(fd >= 0 && fchmod(fd, 06755) == -1 && errno == EPERM);
	EXPECT(mprotect(sbrk(0), 4096, PROT_EXEC) == -1 && errno == EACCES);
	return 0;
}

static int refused_strictly(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int pair[2];

	EXPECT(refused() == 0);
	EXPECT(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 && errno == EPERM);
	/* a socket that is open already leads nowhere else */
	memcpy(at.sun_path, control, strlen(control) + 1);
	EXPECT(connect(0, (const struct sockaddr *)&at, sizeof(at)) == -1 && errno == EPERM);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	EXPECT(errno == EACCES);
	return 0;
}

static void test_refuses(void **state)
{
	(void)state;
	check_exit(&helper, refused, "a helper's calls");
#ifndef CAGE_SANITIZED
	check_exit(&helper, refused_children, "a helper's children");
#endif
	check_exit(&strict, refused_strictly, "the strict one's calls");
}

/* --- what is needed */

static void *thread(void *arg)
{
	return arg;
}

static int needed(void)
{
	int pair[2], fd, epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN };
	void *back = NULL;
	pthread_t t;
	char c = 0;

	EXPECT(pthread_create(&t, NULL, thread, &fd) == 0 && pthread_join(t, &back) == 0 && back == &fd);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	EXPECT(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &e) == 0);
	EXPECT(write(pair[1], "x", 1) == 1 && epoll_wait(epoll, &e, 1, 1000) == 1);
	EXPECT(read(pair[0], &c, 1) == 1 && c == 'x');
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	EXPECT(fd >= 0 || errno == EAFNOSUPPORT);
	EXPECT((fd = memfd_create("mail", MFD_CLOEXEC)) >= 0 && ftruncate(fd, 10) == 0);
	return 0;
}

static int signals_one(void)
{
	EXPECT(kill(getppid(), 0) == 0);
	return 0;
}

static void test_allows(void **state)
{
	struct cage other = helper;

	(void)state;
	check_exit(&helper, needed, "what a helper needs");
	other.signals = getpid();
	check_exit(&other, signals_one, "a signal for one");
	other.may |= CAGE_SOCKETS;
	assert_int_equal(WEXITSTATUS(caged(&other, refused)), 1); /* not all is refused then */
}

/* --- paths */

static int made(const char *in, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", in, name);
	return open(path, O_WRONLY | O_CREAT, 0600);
}

static int own_files(void)
{
	char from[160], to[160];

	EXPECT(made(mine, "a") >= 0);
	snprintf(from, sizeof(from), "%s/a", mine);
	snprintf(to, sizeof(to), "%s/sub/b", mine);
	EXPECT(rename(from, to) == 0);
	EXPECT(unlink(to) == 0);
	snprintf(from, sizeof(from), "%s/seen", seen);
	EXPECT(open(from, O_RDONLY) >= 0);
	EXPECT(open("/dev/null", O_RDWR) >= 0);
	EXPECT(symlink("/etc/shadow", to) == -1 && errno == EPERM);
	return 0;
}

static int others_files(void)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/seen", seen);
	EXPECT(open(path, O_RDWR) == -1 && errno == EACCES);
	EXPECT(unlink(path) == -1 && errno == EACCES);
	EXPECT(made(seen, "new") == -1 && errno == EACCES);
	EXPECT(made(outside, "new") == -1 && errno == EACCES);
	snprintf(path, sizeof(path), "%s/secret", outside);
	EXPECT(open(path, O_RDONLY) == -1 && errno == EACCES);
	EXPECT(open("/etc/shadow", O_RDONLY) == -1 && errno == EACCES);
	EXPECT(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)getppid());
	EXPECT(open(path, O_RDONLY) == -1 && errno == EACCES);
	EXPECT(stat("/etc/passwd", &st) == 0); /* that it is there is no secret */
	return 0;
}

static void test_paths(void **state)
{
	(void)state;
	check_exit(&helper, own_files, "its own files");
	if (landlock() >= 2)
		check_exit(&helper, others_files, "others' files");
	else
		print_message("this kernel has no Landlock: it was seen to be said\n");
}

/* A kernel that has none of it, as a filter around us makes it: it is said, the rest goes on. */
static int without(void)
{
	struct cage moves = helper;
	struct diag d = { .text = "" };

	/* in a cage there is neither of the calls that make another */
	EXPECT(cage_enter(&moves, &d) == -1);
	EXPECT(strstr(d.text, "restricted"));
	return 0;
}

static void test_says_what_lacks(void **state)
{
	(void)state;
	check_exit(&helper, without, "a kernel without");
}

static int begin(void **state)
{
	char path[96];
	int fd;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(mine, sizeof(mine), "%s/mine", dir);
	snprintf(seen, sizeof(seen), "%s/seen", dir);
	snprintf(outside, sizeof(outside), "%s/outside", dir);
	snprintf(control, sizeof(control), "%s/control.sock", dir);
	snprintf(path, sizeof(path), "%s/sub", mine);
	if (mkdir(mine, 0700) || mkdir(path, 0700) || mkdir(seen, 0700) || mkdir(outside, 0755))
		return -1;
	fd = made(seen, "seen");
	close(fd);
	fd = made(outside, "secret");
	close(fd);
	return fd < 0 ? -1 : 0;
}

static int end(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kills),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_allows),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_says_what_lacks),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
