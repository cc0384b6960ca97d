/* world: a whole scheduler in a world whose clocks are made up.
 * Flow: the functions that ask the kernel for the time are ours; what the loop does at its turns
 * is done here, and a launcher that takes names and lets runs end as the test says. */
#include "config.h"

#include "tests/unit/world_keepers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crond/rundir.h"

#define SECOND INT64_C(1000000000)

enum { DIED = 99 };

static struct world *here;
int world_ours;

/* Who was killed has freed nothing: it is kept in sight, for who looks for leaks. */
static struct dead {
	struct crond *c;
	struct dead *next;
} *graves;

/* --- the clocks: the C library's are behind these */

int clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t ns = 1;

	if (here && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ns = here->real_ns;
	else if (here && id == CLOCK_BOOTTIME)
		ns = here->boot_ns;
	else if (here)
		ns = here->mono_ns;
	*t = (struct timespec){ ns / SECOND, ns % SECOND };
	return 0;
}

time_t time(time_t *out)
{
	time_t now = here ? here->real_ns / SECOND : 1;

	if (out)
		*out = now;
	return now;
}

/* --- a death at one of the calls that leave something behind: these are ours, too */

static unsigned calls_left; /* 0: no end of them */

static void call_made(void)
{
	if (calls_left && --calls_left == 0)
		_exit(DIED);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	call_made();
	return syscall(SYS_pwrite64, fd, bytes, n, at);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list rest;
	int mode;

	va_start(rest, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
	va_end(rest);
	if (flags & O_CREAT)
		call_made();
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int renameat(int from, const char *old, int to, const char *new)
{
	call_made();
	return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
	call_made();
	return (int)syscall(SYS_unlinkat, dir, path, flags);
}

int64_t world_now(const struct world *w)
{
	return w->real_ns / SECOND;
}

/* What a scheduler does that hears of all ends at once, and dies. */
static void __attribute__((noreturn)) die_taking(struct crond *c, struct world_run *const *ended,
	size_t n, unsigned call)
{
	calls_left = call;
	for (size_t i = 0; i < n; i++) {
		struct live_run *live = run_find(c, ended[i]->id);

		if (live)
			run_event(c, live, RUN_EVENT_ENDED);
	}
	backlog_flush(c);
	run_sweep(c);
	_exit(0);
}

bool world_die(struct world *w, unsigned call)
{
	struct world_run *ended[16], *r;
	size_t n = 0;
	int status = 0;
	pid_t pid;

	while ((r = LIST_FIRST(&w->live))) {
		assert_true(n < sizeof(ended) / sizeof(ended[0]));
		keeper_finish(w, r);
		ended[n++] = r;
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		die_taking(w->c, ended, n, call);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == DIED || WEXITSTATUS(status) == 0));
	while (n > 0)
		free(ended[--n]);
	world_kill(w);
	world_up(w);
	return WEXITSTATUS(status) == DIED;
}

static void clocks_go(struct world *w, int64_t ns)
{
	w->real_ns += ns;
	w->boot_ns += ns;
	w->mono_ns += ns;
}

/* What one does at whose turn something is due, and dies. */
static void __attribute__((noreturn)) die_starting(struct crond *c, unsigned call)
{
	calls_left = call;
	clock_advance(c);
	pending_look(c);
	backlog_flush(c);
	run_sweep(c);
	_exit(0);
}

bool world_die_due(struct world *w, unsigned call, bool launcher)
{
	int64_t due = due_first(&w->c->due);
	int status = 0;
	pid_t pid;

	assert_true(due > world_now(w));
	world_pass(w, due - world_now(w) - 1);
	clocks_go(w, (due + w->stalled) * SECOND - w->real_ns);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		die_starting(w->c, call);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == DIED || WEXITSTATUS(status) == 0));
	if (launcher)
		keepers_take(w);
	world_kill(w);
	world_up(w);
	return WEXITSTATUS(status) == DIED;
}

/* --- the loop */

static void laters_fire(struct world *w)
{
	static void (*const calls[LATERS])(struct crond *c) = { [LATER_PENDING] = pending_due,
		[LATER_GRACE] = grace_look, [LATER_ADOPT] = adopt_unstarted, [LATER_GONE] = reload_gone,
		[LATER_REMOVED] = removed_due,
		[LATER_WAITING] = adopt_waiting, [LATER_UNWATCHED] = run_unwatched, [LATER_RELOAD] = reload_all,
		[LATER_SETTLE] = reload_settled, [LATER_POLL] = reload_poll };
	struct crond *c = w->c;

	for (int i = 0; i < LATERS; i++) {
		if (!c->later[i] || c->later[i] > w->mono_ns / 1000000)
			continue;
		c->later[i] = 0;
		if (calls[i])
			calls[i](c);
	}
}

static void turn(struct world *w)
{
	bool some = true;

	keepers_end(w);
	if (!w->c)
		return;
	laters_fire(w);
	clock_advance(w->c);
	while (some) {
		pending_look(w->c);
		some = keepers_take(w);
		some |= keepers_end(w) || w->c->places_freed;
	}
	backlog_flush(w->c);
	run_sweep(w->c);
	world_see(w);
}

/* When something is to happen next, by the clock that nobody sets. */
static int64_t next_ns(const struct world *w)
{
	int64_t first = INT64_MAX;
	const struct world_run *r;

	LIST_FOREACH(r, &w->live, link)
		first = r->end_ns < first ? r->end_ns : first;
	if (!w->c)
		return first;
	for (int i = 0; i < LATERS; i++) {
		if (w->c->later[i] && w->c->later[i] * 1000000 < first)
			first = w->c->later[i] * 1000000;
	}
	if (due_first(&w->c->due) < world_now(w) + 40000000) {
		int64_t due = due_first(&w->c->due) * SECOND - w->real_ns + w->mono_ns;

		first = due < first ? due : first;
	}
	return first;
}

void world_pass(struct world *w, int64_t s)
{
	int64_t end = w->mono_ns + s * SECOND, next;

	turn(w);
	while ((next = next_ns(w)) <= end) {
		if (next > w->mono_ns)
			clocks_go(w, next - w->mono_ns);
		turn(w);
	}
	clocks_go(w, end - w->mono_ns);
	turn(w);
}

void world_set(struct world *w, int64_t s)
{
	w->real_ns += s * SECOND;
	turn(w);
}

void world_sleep(struct world *w, int64_t s)
{
	w->real_ns += s * SECOND;
	w->boot_ns += s * SECOND;
	turn(w);
}

/* --- schedulers come and go */

static void settings_fill(struct world *w, struct settings *s)
{
	static char files[2][96], config[96];
	static char *const names[] = { files[0], files[1] };

	snprintf(files[0], sizeof(files[0]), "%s/f.conf", w->dir);
	snprintf(files[1], sizeof(files[1]), "%s/tab", w->dir);
	snprintf(config, sizeof(config), "%s/crond.conf", w->dir);
	*s = (struct settings){ .dialect = dialect_get(DIALECT_DEBIAN), .foreground = true,
		.only_files = true, .system_format = true, .root = geteuid() == 0, .files = names,
		.file_count = 2, .config = config };
	snprintf(s->run_dir, sizeof(s->run_dir), "%s/run", w->dir);
	snprintf(s->state_dir, sizeof(s->state_dir), "%s/state", w->dir);
	snprintf(s->log_dir, sizeof(s->log_dir), "%s/log", w->dir);
	snprintf(s->pid_file, sizeof(s->pid_file), "%s/pid", w->dir);
	snprintf(s->helpers, sizeof(s->helpers), "%s", w->dir);
}

static void text_write(struct world *w, const char *name, const char *text)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	world_ours++;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	world_ours--;
}

static void config_read(struct world *w, struct crond *c)
{
	char text[160];
	uint32_t errors = 0;

	snprintf(text, sizeof(text), "catchup-max = %u\nhistory { enabled = yes }\nalert = { mail:r@b.c }\n"
		"direct-exec = no\n", (unsigned)w->catchup_max);
	text_write(w, "crond.conf", text);
	conf_default(&c->set.conf);
	assert_int_equal(place_config(&c->set, &c->log, NULL, &errors), 0);
	assert_int_equal(errors, 0);
}

/* As main does, but for sockets and helpers. */
bool world_try(struct world *w)
{
	struct crond *c;
	int64_t stamp = 0;

	world_ours++;
	c = calloc(1, sizeof(*c));
	assert_non_null(c);
	settings_fill(w, &c->set);
	c->log = (struct log){ .target = LOG_TO_STDERR, .level = 6, .fd = -1, .err = w->log };
	config_read(w, c);
	c->umask = 022;
	c->files_hard = 1024;
	c->notify = c->history = 1; /* nobody: what is told and on record is taken from files */
	c->w_history.fd = c->w_history_asked.fd = -1;
	c->run_fd = c->runs = c->pid_fd = c->stamp_fd = c->state_fd = c->handled_fd = c->daemon_fd = -1;
	c->w_notify = (struct watch){ .kind = WATCH_NOTIFY, .fd = -1 };
	c->w_files.fd = c->w_clock.fd = c->w_later.fd = c->w_signal.fd = c->w_queue.fd = c->w_report.fd = -1;
	c->epoll = c->queue_far = c->report_far = c->shared_fd = c->backlog.dir = c->backlog.fd = -1;
	w->c = c;
	world_ours--;
	if (given_take(c) < 0 || place_open(c) < 0 || loop_open(c) < 0 || launch_init(c) < 0) {
		world_kill(w);
		return false;
	}
	host_init(c);
	backlog_open(c);
	if (state_open(c, &stamp) < 0) {
		world_kill(w);
		return false;
	}
	if (!stamp) {
		stamp = downtime_read(c);
		c->clock.over_boot = stamp > 0;
	}
	clock_init(c, stamp);
	outbox_open(c);
	mails_open(c);
	reload_first(c);
	adopt_all(c);
	clock_missed(c);
	c->working = true;
	herald_started(c);
	turn(w);
	return true;
}

void world_up(struct world *w)
{
	assert_true(world_try(w));
	assert_true(w->c->backlog.on);
}

void world_stop(struct world *w)
{
	herald_stopped(w->c);
	world_see(w);
	world_kill(w);
}

void world_kill(struct world *w)
{
	struct crond *c = w->c;
	struct dead *dead;
	const int fds[] = { c->epoll, c->w_clock.fd, c->w_later.fd, c->w_signal.fd, c->w_queue.fd,
		c->w_report.fd, c->queue_far, c->report_far, c->shared_fd, c->pid_fd, c->run_fd, c->runs,
		c->stamp_fd, c->state_fd, c->handled_fd, c->w_history_asked.fd, c->backlog.dir,
		c->backlog.fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (c->shared && c->shared != MAP_FAILED)
		munmap(c->shared, sizeof(*c->shared));
	dead = calloc(1, sizeof(*dead));
	assert_non_null(dead);
	*dead = (struct dead){ c, graves };
	graves = dead;
	w->c = NULL;
}

/* --- the world */

static int gone(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void all_gone(const char *path)
{
	assert_int_equal(nftw(path, gone, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void runs_open(struct world *w)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/run", w->dir);
	assert_true(mkdir(path, 0755) == 0);
	strcat(path, "/runs");
	assert_true(mkdir(path, 0700) == 0);
	w->runs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->runs >= 0);
}

/* Records are made where there is somebody to take them. */
static void helper_make(struct world *w)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/crond-history", w->dir);
	assert_int_equal(symlink("/bin/sh", path), 0);
}

struct world *world_open(int64_t now)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	/* the run-time directory is in memory, too */
	snprintf(w->dir, sizeof(w->dir), "%s/cronward-world.XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	w->real_ns = now * SECOND;
	w->mono_ns = w->boot_ns = 1000 * SECOND;
	w->catchup_max = 10;
	w->log = memfd_create("log", MFD_CLOEXEC);
	assert_true(w->log >= 0);
	runs_open(w);
	here = w;
	helper_make(w);
	world_write(w, false, "");
	world_write(w, true, "");
	return w;
}

static void all_ends(struct world *w)
{
	struct world_run *r;
	char path[96];

	if (w->c)
		world_kill(w);
	while ((r = LIST_FIRST(&w->live))) {
		LIST_REMOVE(r, link);
		close(r->lock);
		free(r);
	}
	close(w->runs);
	snprintf(path, sizeof(path), "%s/run", w->dir);
	all_gone(path);
	runs_open(w);
	w->mono_ns = w->boot_ns = 10 * SECOND;
	memset(w->records_read, 0, sizeof(w->records_read));
}

void world_boot(struct world *w)
{
	all_ends(w);
	w->booted = true;
}

void world_outage(struct world *w, enum world_outage kind, int64_t s)
{
	switch (kind) {
	case WORLD_ASLEEP:
		world_sleep(w, s);
		return;
	case WORLD_SET:
		world_set(w, s);
		return;
	case WORLD_BOOTED:
		world_boot(w);
		break;
	default:
		world_kill(w);
	}
	world_pass(w, s);
	world_up(w);
}

void world_close(struct world *w)
{
	all_ends(w);
	close(w->runs);
	close(w->log);
	all_gone(w->dir);
	here = NULL;
	free(w);
}

static void world_look(struct world *w)
{
	if (!w->c)
		return;
	reload_asked(w->c, "test", NULL);
	turn(w);
}

void world_write(struct world *w, bool tab, const char *text)
{
	text_write(w, tab ? "tab" : "f.conf", text);
	world_look(w);
}

void world_remove(struct world *w, bool tab)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", w->dir, tab ? "tab" : "f.conf");
	assert_int_equal(unlink(path), 0);
	world_look(w);
}
