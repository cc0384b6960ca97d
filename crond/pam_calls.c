/* pam_calls: what PAM's modules call in the C library, and what is ours instead.
 * Flow: in crond-launcher-pam, while modules are at work: what they say goes through our
 * log, and the limits that they set are noted for the job and leave the keeper its own.
 *
 * The C library's syslog() would wait for a log daemon that does not read, and every job
 * with it. A limit that pam_limits sets for the job is one of the process that called it:
 * the keeper would be left with five descriptors, and in a container could not have its
 * own limits back. A program's own functions go before a library's of the same name, for
 * libpam and modules too; crond/pam.sym lists those that they can see. */
#include "config.h"

#include "crond/pam_calls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crond/log.h"

enum { TEXT_MOST = 1024 };

/* What a program of 32 bits calls a limit, unless it was built for large files. */
struct limit_word {
	unsigned long now, most;
};

static struct {
	struct log *log;
	const char *tag;
	struct pam_limits *limits;
	pid_t pid; /* what a module's children do is theirs */
} to;

void pam_calls_to(struct log *log, const char *tag, struct pam_limits *limits)
{
	to.log = log;
	to.tag = tag;
	to.limits = limits;
	to.pid = getpid();
}

/* Declared under names of ours, since the system's headers have opinions about theirs. */
#define FORMAT(n, first) __attribute__((format(printf, n, first)))
void our_vsyslog(int priority, const char *format, va_list ap) __asm__("vsyslog") FORMAT(2, 0);
void our_vsyslog_chk(int priority, int flag, const char *format, va_list ap) __asm__(
        "__vsyslog_chk") FORMAT(3, 0);
void our_syslog(int priority, const char *format, ...) __asm__("syslog") FORMAT(2, 3);
void our_syslog_chk(int priority, int flag, const char *format, ...) __asm__("__syslog_chk")
        FORMAT(3, 4);
void our_openlog(const char *ident, int option, int facility) __asm__("openlog");
void our_closelog(void) __asm__("closelog");
int our_setrlimit(int resource, const struct limit_word *limit) __asm__("setrlimit");
int our_setrlimit64(int resource, const struct rlimit *limit) __asm__("setrlimit64");
int our_setpriority(int which, id_t who, int nice) __asm__("setpriority");

/* --- the log */

static void FORMAT(2, 0) say(int priority, const char *format, va_list ap)
{
	char text[TEXT_MOST];
	int error = errno;

	/* %m has the error that the caller saw */
	if (to.log && vsnprintf(text, sizeof(text), format, ap) >= 0)
		log_line(to.log, priority, to.tag, getpid(), 0, "%s", text);
	errno = error;
}

void our_vsyslog(int priority, const char *format, va_list ap)
{
	say(priority, format, ap);
}

void our_vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	(void)flag;
	say(priority, format, ap);
}

void our_syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(priority, format, ap);
	va_end(ap);
}

void our_syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	say(priority, format, ap);
	va_end(ap);
}

/* A module's own name would hide which program is at work; its facility goes with each line. */
void our_openlog(const char *ident, int option, int facility)
{
	(void)ident;
	(void)option;
	(void)facility;
}

void our_closelog(void)
{
}

/* --- limits */

/* A sanitizer sets limits before it is ready to watch over anything. */
#define UNWATCHED __attribute__((no_sanitize("address", "undefined")))

static int UNWATCHED limit_set(int resource, const struct rlimit *now, struct rlimit *was)
{
	return (int)syscall(SYS_prlimit64, 0, resource, now, was);
}

/* Who may not raise a limit is to hear of it: it is raised, and put back at once. */
static int limit_try(int resource, const struct rlimit *limit)
{
	struct rlimit was, up;

	if (limit_set(resource, NULL, &was) < 0)
		return -1;
	if (limit->rlim_max <= was.rlim_max)
		return 0;
	up = (struct rlimit){ was.rlim_cur, limit->rlim_max };
	return limit_set(resource, &up, NULL) < 0 || limit_set(resource, &was, NULL) < 0 ? -1 : 0;
}

int UNWATCHED our_setrlimit64(int resource, const struct rlimit *limit)
{
	if (!to.limits || to.pid != getpid() || resource < 0 || resource >= RLIM_NLIMITS)
		return limit_set(resource, limit, NULL);
	if (limit->rlim_cur > limit->rlim_max) {
		errno = EINVAL;
		return -1;
	}
	if (limit_try(resource, limit) < 0)
		return -1;
	to.limits->at[resource] = *limit;
	to.limits->set |= 1u << resource;
	return 0;
}

int UNWATCHED our_setrlimit(int resource, const struct limit_word *limit)
{
	struct rlimit wide = { limit->now == ~0ul ? RLIM_INFINITY : limit->now,
		limit->most == ~0ul ? RLIM_INFINITY : limit->most };

	return our_setrlimit64(resource, &wide);
}

int our_setpriority(int which, id_t who, int nice)
{
	int was = getpriority(PRIO_PROCESS, 0);

	if (!to.limits || to.pid != getpid() || which != PRIO_PROCESS ||
	        (who && (pid_t)who != to.pid))
		return (int)syscall(SYS_setpriority, which, who, nice);
	if (nice < was &&
	        (syscall(SYS_setpriority, which, who, nice) != 0 ||
	                syscall(SYS_setpriority, which, who, was) != 0))
		return -1;
	to.limits->nice = nice;
	to.limits->nice_set = true;
	return 0;
}
