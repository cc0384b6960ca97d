/* cage: what a helper may do from here on, and which files it may reach: no more than it needs.
 * Flow: a helper's main, once all is open that is opened once. What others send it is read in here. */
#include "config.h"

#include "crond/base/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crond/base/cage_calls.h"

/* the kernel's headers may be older than the kernel; these are everybody's */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_add_rule
#define SYS_landlock_add_rule 445
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif
#ifndef SECCOMP_RET_KILL_PROCESS /* an older kernel takes it for the thread's */
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

/* --- system calls */

enum { EACH_MOST = 6 }; /* instructions of one row */

#if defined(__x86_64__)
enum { ARCHITECTURE = AUDIT_ARCH_X86_64 };
#elif defined(__i386__)
enum { ARCHITECTURE = AUDIT_ARCH_I386 };
#elif defined(__aarch64__)
enum { ARCHITECTURE = AUDIT_ARCH_AARCH64 };
#elif defined(__arm__)
enum { ARCHITECTURE = AUDIT_ARCH_ARM };
#elif defined(__riscv) && __riscv_xlen == 64
enum { ARCHITECTURE = AUDIT_ARCH_RISCV64 };
#elif defined(__s390x__)
enum { ARCHITECTURE = AUDIT_ARCH_S390X };
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { ARCHITECTURE = AUDIT_ARCH_PPC64LE };
#else
enum { ARCHITECTURE = 0 }; /* not known: no filter */
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { LOWER_HALF = 4 };
#else
enum { LOWER_HALF = 0 };
#endif

static struct sock_filter load(size_t offset)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
}

static struct sock_filter unless(uint16_t test, uint32_t value, size_t skip)
{
	return (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, (uint8_t)skip);
}

static struct sock_filter answer(uint32_t what)
{
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what);
}

static uint32_t answer_of(const struct cage_call *row)
{
	if (row->answer == CAGE_KILL)
		return SECCOMP_RET_KILL_PROCESS;
	return row->answer == CAGE_ERRNO ? SECCOMP_RET_ERRNO | (uint32_t)row->error : SECCOMP_RET_ALLOW;
}

static uint32_t value_of(const struct cage_call *row, const struct cage *c)
{
	if (row->test == CAGE_SELF)
		return (uint32_t)getpid();
	return row->test == CAGE_OTHER ? (uint32_t)c->signals : row->value;
}

static bool is_for(const struct cage_call *row, const struct cage *c)
{
	if (row->number < 0 || (row->needs & c->may) != row->needs)
		return false;
	return row->test != CAGE_OTHER || c->signals > 0;
}

/* Between rows the call's number is loaded. */
static size_t row_put(struct sock_filter *f, const struct cage_call *row, const struct cage *c)
{
	const size_t number = offsetof(struct seccomp_data, nr);
	const size_t value = offsetof(struct seccomp_data, args) + row->argument * sizeof(uint64_t);
	size_t n = 0;

	if (row->test == CAGE_ALWAYS) {
		f[n++] = unless(BPF_JEQ, (uint32_t)row->number, 1);
		f[n++] = answer(answer_of(row));
		return n;
	}
	f[n++] = unless(BPF_JEQ, (uint32_t)row->number, 4);
	f[n++] = load(value + LOWER_HALF);
	f[n++] = unless(row->test == CAGE_BITS ? BPF_JSET : BPF_JEQ, value_of(row, c), 1);
	f[n++] = answer(answer_of(row));
	f[n++] = load(number);
	return n;
}

static size_t filter_put(struct sock_filter *f, const struct cage *c)
{
	size_t n = 0;

	f[n++] = load(offsetof(struct seccomp_data, arch));
	f[n++] = unless(BPF_JEQ, ARCHITECTURE, 1);
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0);
	f[n++] = answer(SECCOMP_RET_KILL_PROCESS); /* another architecture's calls have other numbers */
	f[n++] = load(offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < cage_calls_count; i++)
		if (is_for(&cage_calls[i], c))
			n += row_put(f + n, &cage_calls[i], c);
	f[n++] = answer(SECCOMP_RET_ERRNO | ENOSYS);
	return n;
}

static int calls_restrict(const struct cage *c, struct diag *d)
{
	struct sock_filter *f = calloc(cage_calls_count * EACH_MOST + 8, sizeof(*f));
	struct sock_fprog program = { .filter = f };
	int rc = f ? 0 : -1;

	if (f && (uint32_t)ARCHITECTURE == 0) {
		errno = ENOSYS;
		rc = -1;
	} else if (f) {
		program.len = (unsigned short)filter_put(f, c);
		rc = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	}
	if (rc < 0)
		diag_error(d, 0, 0, "its system calls are not restricted (seccomp: %m)");
	free(f);
	return rc;
}

/* --- paths */

/* Rights as the kernel numbers them; the first version that knows each stands beside it. */
enum {
	EXECUTE = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8, REMOVE_DIR = 16, REMOVE_FILE = 32,
	MAKE_ANY = (1 << 13) - 64, /* the calls for links, pipes and devices are refused; they may be moved */
	ALL_FIRST = (1 << 13) - 1, /* 1 */
	REFER = 1 << 13,           /* 2 */
	TRUNCATE = 1 << 14,        /* 3 */
	DEVICE_IOCTL = 1 << 15,    /* 5 */
	TO_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | DEVICE_IOCTL,
	TO_READ = READ_FILE | READ_DIR,
	TO_WRITE = TO_READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_ANY | REFER | TRUNCATE,
	RULE_PATH = 1, ASK_VERSION = 1, BIND_TCP = 1, SCOPE_ABSTRACT = 1,
	MOVES_VERSION = 2, NET_VERSION = 4, SCOPE_VERSION = 6,
};

/* As the kernel has them; it takes as much as it knows. */
struct ruleset {
	uint64_t files, net, scope;
};

struct path_rule {
	uint64_t rights;
	int32_t fd;
} __attribute__((packed));

static uint64_t rights_known(int version)
{
	uint64_t all = ALL_FIRST;

	if (version >= 2)
		all |= REFER;
	if (version >= 3)
		all |= TRUNCATE;
	if (version >= 5)
		all |= DEVICE_IOCTL;
	return all;
}

/* What is not there cannot be reached, and that is what it is to be. */
static int path_allow(int rules, const struct cage_path *p, uint64_t known)
{
	struct path_rule rule = { .rights = (p->writes ? TO_WRITE : TO_READ) & known,
		.fd = open(p->path, O_PATH | O_CLOEXEC) };
	struct stat st;
	int rc = 0;

	if (rule.fd < 0)
		return 0;
	if (fstat(rule.fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.rights &= TO_FILES;
	rc = (int)syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0);
	close(rule.fd);
	return rc;
}

static int rules_open(int version)
{
	struct ruleset all = { .files = rights_known(version), .net = BIND_TCP, .scope = SCOPE_ABSTRACT };
	size_t n = version >= SCOPE_VERSION ? sizeof(all) :
		version >= NET_VERSION ? offsetof(struct ruleset, scope) : offsetof(struct ruleset, net);

	return (int)syscall(SYS_landlock_create_ruleset, &all, n, 0);
}

static int paths_restrict(const struct cage *c, struct diag *d)
{
	int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
	int rules = -1, rc = -1;

	if (version > 0 && version < MOVES_VERSION && c->may & CAGE_MOVES)
		errno = EXDEV; /* the first one lets nobody move a file to another directory */
	else if (version > 0)
		rules = rules_open(version);
	if (rules < 0)
		goto out;
	for (size_t i = 0; i < c->count; i++)
		if (path_allow(rules, &c->paths[i], rights_known(version)) < 0)
			goto out;
	rc = (int)syscall(SYS_landlock_restrict_self, rules, 0);
out:
	if (rc < 0)
		diag_error(d, 0, 0, "the files it may reach are not restricted (Landlock: %m)");
	if (rules >= 0)
		close(rules);
	return rc;
}

int cage_enter(const struct cage *c, struct diag *d)
{
	struct diag calls;
	int rc;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return diag_error(d, 0, 0, "nothing is restricted (no_new_privs: %m)");
	rc = paths_restrict(c, d);
	if (calls_restrict(c, &calls) == 0)
		return rc;
	if (rc == 0)
		*d = calls;
	else
		diag_error(d, 0, 0, "neither files nor system calls are restricted (%s)", strerror(errno));
	return -1;
}
