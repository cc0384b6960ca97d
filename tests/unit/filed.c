/* filed: a scheduler that has nothing but records of runs on file, in a directory of its own, and what
 * stands in them. The stage of test_backlog and test_backlog_room. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/core/histrec.h"
#include "crond/crond.h"
#include "tests/unit/filed.h"

struct crond crond;
char dir[PATH_MAX];

/* A scheduler whose crond-history is there and is not started: what stands on file is seen. */
void scheduler_made(void)
{
	int log = open("/dev/null", O_WRONLY | O_CLOEXEC);

	crond = (struct crond){ .epoll = epoll_create1(EPOLL_CLOEXEC),
		.run_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.w_later.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.w_history.fd = -1, .w_history_asked.fd = -1, .log.fd = log, .log.level = -1 };
	crond.runs = openat(crond.run_fd, "runs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	crond.set.dialect = dialect_get(DIALECT_DEBIAN);
	conf_default(&crond.set.conf);
	crond.set.conf.history = true;
	snprintf(crond.set.run_dir, sizeof(crond.set.run_dir), "%s", dir);
	snprintf(crond.set.state_dir, sizeof(crond.set.state_dir), "%s", dir);
	snprintf(crond.set.helpers, sizeof(crond.set.helpers), "%s", dir);
	snprintf(crond.fqdn, sizeof(crond.fqdn), "h.example.org");
}

void scheduler_open(void)
{
	scheduler_made();
	backlog_open(&crond);
}

void scheduler_begin(void)
{
	scheduler_open();
	assert_true(crond.backlog.on);
}

void scheduler_end(void)
{
	struct segment *s;

	crond.history = 0;
	history_close(&crond);
	while ((s = TAILQ_FIRST(&crond.backlog.segments))) {
		TAILQ_REMOVE(&crond.backlog.segments, s, link);
		free(s);
	}
	buf_free(&crond.backlog.batch);
	close(crond.backlog.fd);
	close(crond.backlog.dir);
	close(crond.epoll);
	close(crond.run_fd);
	close(crond.runs);
	close(crond.w_later.fd);
}

int begin(void **state)
{
	char path[PATH_MAX + 16];
	int fd;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_backlog.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/crond-history", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	close(fd);
	snprintf(path, sizeof(path), "%s/runs", dir);
	mkdir(path, 0700);
	scheduler_begin();
	return 0;
}

int end(void **state)
{
	char command[PATH_MAX + 32];

	(void)state;
	scheduler_end();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* --- what stands on file */

void frames_read(struct slice rest, struct found *f)
{
	struct histrec h;
	struct diag d;
	int32_t n;

	while ((n = histrec_frame(rest)) > 0) {
		assert_int_equal(histrec_decode(&h, (struct slice){ rest.s, (size_t)n }, &d), 0);
		f->kinds[h.kind]++;
		f->left_out += h.count;
		f->last = h;
		if (h.kind == HISTREC_START && strlen(f->starts) < 3000)
			strcat(strcat(f->starts, h.run_id), " ");
		if (h.kind == HISTREC_END && strlen(f->ends) < 3000)
			strcat(strcat(f->ends, h.run_id), " ");
		rest = (struct slice){ rest.s + n, rest.n - (size_t)n };
	}
	assert_int_equal(n, 0);
	assert_int_equal(rest.n, 0);
}

static void read_one(const char *path, struct found *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct slice all;
	struct diag d;

	buf_clear(&f->bytes);
	assert_true(fd >= 0 && file_read(fd, UINT32_MAX, &f->bytes) == 0);
	close(fd);
	all = (struct slice){ f->bytes.data, f->bytes.len };
	assert_int_equal(histrec_open(all, &d), 0);
	frames_read((struct slice){ all.s + HISTREC_HEAD, all.n - HISTREC_HEAD }, f);
}

/* All segments that the scheduler knows of, in its order. */
struct found *read_all(void)
{
	static struct found f;
	char path[PATH_MAX + 32];
	struct segment *s;

	f = (struct found){ 0 };
	TAILQ_FOREACH(s, &crond.backlog.segments, link) {
		snprintf(path, sizeof(path), "%s/backlog/%" PRIu32, dir, s->number);
		read_one(path, &f);
	}
	buf_free(&f.bytes);
	return &f;
}

size_t segments_count(void)
{
	struct segment *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &crond.backlog.segments, link)
		n++;
	return n;
}

/* --- runs */

struct run a_run(const char *id)
{
	return (struct run){ .id = id, .identity = 7, .job = "gold", .user = "www", .uid = 33,
		.scheduled = 1763668800, .attempt = 1, .place = "/etc/crontab:1", .dir = "/",
		.shell = "/bin/sh", .command = "true" };
}

struct live_run *live(const char *id)
{
	struct live_run *run = calloc(1, sizeof(*run) + strlen(id) + 1);

	assert_non_null(run);
	strcpy(run->id, id);
	run->scheduled = 1763668800;
	run->attempt = 1;
	return run;
}

void start(struct live_run *run)
{
	struct run r = a_run(run->id);

	backlog_start(&crond, run, &r, START_DUE);
}

void end_ok(struct live_run *run)
{
	struct outcome o = { .result = RESULT_OK };
	struct buf b = { 0 };

	outcome_encode(&o, &b);
	backlog_end(&crond, run, (struct slice){ b.data, b.len });
	buf_free(&b);
}
