/* memory: the Nth allocation of a program of ours fails.
 * Flow: nth_inject.Memory names this library in /etc/ld.so.preload of a lab, so that it is in each
 * dynamic program there, and has a file mapped that says which is to fail, and counts. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PROGRAMS = 8, FRAMES = 12 };

/* In nth_inject.Memory the same numbers. */
struct board {
	uint64_t armed;       /* number of a program, from 1; 0: nothing fails */
	uint64_t n, times;    /* times 0: all from the Nth on */
	_Atomic uint64_t calls, hits;
	char example[FRAMES * 48]; /* who asked for the first one: file+offset of each call */
	_Atomic uint64_t counts[PROGRAMS + 1];
};

static const char *const programs[PROGRAMS] = { "crond", "crond-notify", "crond-history", "cronctl",
	"crontab", "crond-launcher-pam" };
static struct board *board;
static uint64_t mine;
static _Thread_local int inside; /* what is asked for here does not count */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static void __attribute__((constructor)) begin(void)
{
	int fd;
	void *at;

	for (uint64_t i = 0; i < PROGRAMS && !mine; i++) {
		if (programs[i] && strcmp(program_invocation_short_name, programs[i]) == 0)
			mine = i + 1;
	}
	fd = mine ? open("/mnt/memory", O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return;
	backtrace(&(void *){ NULL }, 1); /* maps what it needs */
	board = at;
}

static void example_take(void)
{
	void *frames[FRAMES];
	char *out = board->example, *end = out + sizeof(board->example);
	int n;
	Dl_info at;

	inside++;
	n = backtrace(frames, FRAMES);
	for (int i = 2; i < n && out < end; i++) {
		if (!dladdr(frames[i], &at) || !at.dli_fname)
			continue;
		out += snprintf(out, (size_t)(end - out), "%s+%tx ",
			strrchr(at.dli_fname, '/') ? strrchr(at.dli_fname, '/') + 1 : at.dli_fname,
			(char *)frames[i] - (char *)at.dli_fbase);
	}
	inside--;
}

static int fails(void)
{
	uint64_t call;

	if (!board || inside)
		return 0;
	board->counts[mine]++;
	if (board->armed != mine)
		return 0;
	call = ++board->calls;
	if (call < board->n || (board->times && call >= board->n + board->times))
		return 0;
	if (board->hits++ == 0)
		example_take();
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	if (size && fails())
		return NULL;
	return __libc_realloc(old, size);
}
