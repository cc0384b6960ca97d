/* process: what an unprivileged helper makes of the process it is started in.
 * Flow: a helper's main, before anything is opened that others have written. */
#include "config.h"

#include "crond/base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/kernel.h"

int process_socket(int fd, int type, bool listens)
{
	int is, heard;
	socklen_t n = sizeof(is);

	if (fd < 3 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &is, &n) < 0 || is != type)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &heard, &n) < 0 || !heard == listens)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The least of them that is not below from; -1: there is none. */
static int least(const int *keep, size_t n, int from)
{
	int found = -1;

	for (size_t i = 0; i < n; i++)
		if (keep[i] >= from && (found < 0 || keep[i] < found))
			found = keep[i];
	return found;
}

int process_descriptors(const int *keep, size_t n)
{
	int fd, next;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -1;
	} while (fd <= 2);
	close(fd);
	for (fd = 3; (next = least(keep, n, fd)) >= 0; fd = next + 1)
		kernel_close_range(fd, next - 1);
	kernel_close_from(fd);
	return 0;
}

int process_harden(void)
{
	const struct rlimit none = { 0, 0 };

	setsid(); /* keys at a terminal are for the scheduler */
	umask(077);
	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -1;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGHUP, SIG_IGN) == SIG_ERR ||
		signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : 0;
}

int process_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	if (sigprocmask(SIG_BLOCK, &ends, NULL) < 0)
		return -1;
	return signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
}
