/* Any bytes as a file that a scheduler finds when it starts (what jobs have learnt, the stamp, who
 * is paused, until when due seconds were handled, daemons): what it makes of them is what they say,
 * what it cannot take is said, and another one after it reads the same. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/crond.h"

enum { JOBS_HEAD = 8, JOBS_MAGIC = 0x736e7243, STAMP_MAGIC = 0x746e7243, HANDLED_MAGIC = 0x646e7243 };

static char dir[PATH_MAX];
static int dir_fd = -1, log_fd = -1;

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* --- a scheduler with nothing but its files */

static const char *const files[] = { "jobs", "jobs.old", "stamp", "paused", "handled", "daemons" };

static void files_remove(void)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(dir_fd, files[i], 0);
}

static void end(void)
{
	files_remove();
	rmdir(dir);
}

static void begin(void)
{
	/* pauses are synced, and memory is quick about it */
	snprintf(dir, sizeof(dir), "%s/fuzz_kept.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	demand(mkdtemp(dir) != NULL);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	demand(dir_fd >= 0 && log_fd >= 0);
	atexit(end);
}

static struct crond *scheduler(void)
{
	struct crond *c = calloc(1, sizeof(*c));

	demand(c != NULL);
	c->set.dialect = dialect_get(DIALECT_DEBIAN);
	snprintf(c->set.run_dir, sizeof(c->set.run_dir), "%s", dir);
	snprintf(c->set.state_dir, sizeof(c->set.state_dir), "%s", dir);
	c->log = (struct log){ .target = LOG_TO_STDERR, .level = 6, .fd = -1, .err = log_fd };
	c->run_fd = dir_fd;
	c->stamp_fd = c->state_fd = c->handled_fd = c->daemon_fd = -1;
	c->w_notify.fd = c->w_files.fd = -1;
	demand(ftruncate(log_fd, 0) == 0 && lseek(log_fd, 0, SEEK_SET) == 0);
	return c;
}

static void scheduler_free(struct crond *c)
{
	const int fds[] = { c->stamp_fd, c->state_fd, c->handled_fd, c->daemon_fd };
	struct job_state *s;
	struct daemon *d;

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	while ((s = RB_ROOT(&c->states))) {
		RB_REMOVE(state_tree, &c->states, s);
		free(s->name);
		free(s);
	}
	while ((d = RB_ROOT(&c->daemons))) {
		RB_REMOVE(daemon_tree, &c->daemons, d);
		free(d->copies);
		free(d);
	}
	free(c);
}

static bool has_said(void)
{
	return lseek(log_fd, 0, SEEK_CUR) > 0;
}

static void put(const char *name, struct slice bytes)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	demand(fd >= 0 && file_write(fd, bytes.s, bytes.n) == 0);
	close(fd);
}

/* --- what jobs have learnt */

/* As a record lies in the file; one of version 2 ends before `success`. */
struct on_file {
	uint64_t identity;
	int64_t start, end;
	uint32_t failures, restarts;
	int16_t code;
	uint8_t signal, result, failed, zero[3];
	uint32_t alerts, alert_failed;
	int64_t alerted, success;
	uint64_t taken;
};
_Static_assert(sizeof(struct on_file) == 72, "without holes");

/* Once what follows does not name it again. */
static bool is_last(struct slice bytes, size_t each, size_t at)
{
	for (size_t k = at + each; k + each <= bytes.n; k += each) {
		if (memcmp(bytes.s + k, bytes.s + at, sizeof(uint64_t)) == 0)
			return false;
	}
	return true;
}

static void check_job(struct crond *c, const struct on_file *r, bool third)
{
	const struct job_state *s = state_find(c, r->identity);

	demand(s && s->recorded && s->last_start == r->start && s->last_end == r->end);
	demand(s->failures == r->failures && s->restarts == r->restarts && s->last_code == r->code);
	demand(s->last_signal == r->signal && s->failed == (r->failed != 0));
	demand(s->last_result == (r->result < RESULTS ? r->result : RESULTS));
	demand(s->alerting.count == r->alerts && s->alerting.failed == (r->alert_failed != 0));
	demand(s->last_success == (third ? r->success : 0) && s->taken == (third ? r->taken : 0));
}

static void check_jobs(struct slice bytes)
{
	uint32_t head[2] = { 0 };
	struct crond *c = scheduler();
	size_t each, jobs = 0;
	int64_t stamp;

	put("jobs", bytes);
	demand(state_open(c, &stamp) == 0 && stamp == 0);
	if (bytes.n >= sizeof(head))
		memcpy(head, bytes.s, sizeof(head));
	if (head[0] == JOBS_MAGIC && (head[1] == 2 || head[1] == 3)) {
		each = head[1] == 2 ? 56 : 72;
		for (size_t at = JOBS_HEAD; at + each <= bytes.n; at += each) {
			struct on_file r = { 0 };

			memcpy(&r, bytes.s + at, each);
			if (is_last((struct slice){ bytes.s, bytes.n }, each, at)) {
				check_job(c, &r, head[1] == 3);
				jobs++;
			}
		}
	} else {
		demand(bytes.n < sizeof(head) || (has_said() && faccessat(dir_fd, "jobs.old", F_OK, 0) == 0));
	}
	demand(c->state_count == jobs);
	scheduler_free(c);
}

/* Another one, after the first has folded it. */
static void check_jobs_again(void)
{
	struct buf once = { 0 }, twice = { 0 };
	struct crond *c = scheduler();
	struct stat st;
	int64_t stamp;
	int fd = file_open(dir_fd, "jobs", 0, &st);

	demand(fd >= 0 && file_read(fd, 1 << 24, &once) == 0);
	close(fd);
	demand(state_open(c, &stamp) == 0 && !has_said());
	fd = file_open(dir_fd, "jobs", 0, &st);
	demand(fd >= 0 && file_read(fd, 1 << 24, &twice) == 0);
	close(fd);
	demand(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	buf_free(&once);
	buf_free(&twice);
	scheduler_free(c);
}

/* --- two numbers */

static int64_t number_of(struct slice bytes, uint32_t magic)
{
	uint32_t head[2];
	int64_t second;

	if (bytes.n < 16)
		return 0;
	memcpy(head, bytes.s, sizeof(head));
	memcpy(&second, bytes.s + 8, sizeof(second));
	return head[0] == magic && head[1] == 1 ? second : 0;
}

/* A stamp as it is written, of which older ones have the beginning alone. */
static size_t stamp_size(void)
{
	struct crond *c = scheduler();
	int64_t stamp;
	struct stat st;

	demand(state_open(c, &stamp) == 0 && stamp == 0 && state_stamp(c, 1) == 0);
	demand(fstat(c->stamp_fd, &st) == 0);
	scheduler_free(c);
	return (size_t)st.st_size;
}

static void check_numbers(struct slice bytes)
{
	bool whole = bytes.n == 16 || bytes.n >= stamp_size();
	struct crond *c = scheduler();
	int64_t stamp;

	put("stamp", bytes);
	demand(state_open(c, &stamp) == 0 && stamp == (whole ? number_of(bytes, STAMP_MAGIC) : 0));
	demand(stamp || bytes.n == 0 || has_said() || whole);
	put("handled", bytes);
	demand(downtime_read(c) == number_of(bytes, HANDLED_MAGIC));
	state_stamp(c, 1234567890123);
	downtime_write(c, 1234567890123);
	demand(downtime_read(c) == 1234567890123);
	scheduler_free(c);
	c = scheduler();
	demand(state_open(c, &stamp) == 0 && stamp == 1234567890123);
	scheduler_free(c);
}

/* --- who is paused */

/* The identity, or 0: it is no line of a job. */
static uint64_t line_identity(struct slice line)
{
	uint64_t identity = 0;

	for (int i = 0; i < 16; i++) {
		const char *digit = line.n > 17 && line.s[i] ? strchr("0123456789abcdef", line.s[i]) : NULL;

		if (!digit)
			return 0;
		identity = identity << 4 | (uint64_t)(digit - "0123456789abcdef");
	}
	return line.s[16] == ' ' ? identity : 0;
}

/* Written by us, each line makes a job paused; of anything else something is said. */
static void check_paused(struct slice bytes)
{
	static const char head[] = "# crond: jobs that are paused, 1\n";
	struct slice rest = { bytes.s + sizeof(head) - 1, bytes.n - (sizeof(head) - 1) };
	struct crond *c = scheduler(), *next;
	struct job_state *s;
	int64_t stamp;

	put("paused", bytes);
	demand(state_open(c, &stamp) == 0);
	if (bytes.n < sizeof(head) - 1 || memcmp(bytes.s, head, sizeof(head) - 1) != 0)
		demand(c->state_count == 0 && has_said());
	else
		while (rest.n > 0) {
			const char *end = memchr(rest.s, '\n', rest.n);
			size_t n = end ? (size_t)(end - rest.s) : rest.n;
			uint64_t identity = line_identity((struct slice){ rest.s, n });

			s = identity && !memchr(rest.s, 0, n) ? state_find(c, identity) : NULL;
			demand(n == 0 || has_said() || (s && s->paused));
			n += end != NULL;
			rest.s += n;
			rest.n -= n;
		}
	state_pause(c, 1, "one", false); /* who is paused already is not written down again */
	state_pause(c, 1, "one", true);
	next = scheduler();
	demand(state_open(next, &stamp) == 0 && !has_said());
	RB_FOREACH(s, state_tree, &c->states) {
		const struct job_state *again = state_find(next, s->identity);

		demand(!s->paused || (again && again->paused && strcmp(again->name, s->name) == 0));
	}
	scheduler_free(next);
	scheduler_free(c);
}

/* --- daemons */

static struct slice daemons_head(struct buf *b)
{
	struct daemon d = { .identity = 5, .count = 1 };
	struct daemon_copy copy = { 0 };
	struct crond *c = scheduler();
	struct stat st;
	int fd;

	d.copies = &copy;
	RB_INSERT(daemon_tree, &c->daemons, &d);
	daemon_copy_save(c, &d, &copy);
	RB_REMOVE(daemon_tree, &c->daemons, &d);
	fd = file_open(dir_fd, "daemons", 0, &st);
	demand(fd >= 0 && file_read(fd, 4096, b) == 0 && b->len > 24);
	close(fd);
	scheduler_free(c);
	return (struct slice){ b->data, 24 };
}

static void check_daemons(struct slice bytes, bool headed)
{
	struct buf ours = { 0 }, file = { 0 };
	struct slice head = daemons_head(&ours);
	size_t each = ours.len - head.n, all = 0;
	struct crond *c = scheduler();
	struct daemon *d;

	if (headed)
		buf_append(&file, head.s, head.n);
	buf_append(&file, bytes.s, bytes.n);
	put("daemons", (struct slice){ file.data, file.len });
	daemon_open(c);
	RB_FOREACH(d, daemon_tree, &c->daemons) {
		for (size_t i = 0; i < d->count; i++)
			demand(memchr(d->copies[i].run, '\0', sizeof(d->copies[i].run)) != NULL);
		demand(d->count > 0);
		all += d->count;
	}
	if (headed)
		for (size_t at = 0; at + each <= bytes.n; at += each) {
			uint64_t used;

			memcpy(&used, bytes.s + at + each - sizeof(used), sizeof(used));
			all -= used != 0;
		}
	demand(all == 0 || !headed);
	demand(headed || all == 0 || memcmp(file.data, head.s, head.n) == 0);
	scheduler_free(c);
	buf_free(&ours);
	buf_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which file it is, then its bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data + 1, size - 1 };

	if (dir_fd < 0)
		begin();
	if (size == 0)
		return 0;
	files_remove();
	switch (data[0] % 5) {
	case 0:
		check_jobs(rest);
		check_jobs_again();
		break;
	case 1:
		check_numbers(rest);
		break;
	case 2:
		check_paused(rest);
		break;
	default:
		check_daemons(rest, data[0] % 5 == 3);
	}
	return 0;
}
