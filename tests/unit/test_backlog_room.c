/* test_backlog_room: records of runs where there is no room or no place for them, and where somebody
 * took them or the place away. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/core/ctlmsg.h"
#include "crond/core/histrec.h"
#include "crond/crond.h"
#include "tests/unit/filed.h"

/* Where it cannot be seen what one before us has left nothing is written in front of it, and
 * nothing is lost. */
static void unseen_at_first(void **state)
{
	struct live_run *run = live("a-1-1"), *other = live("b-1-1");
	struct rlimit was, few;
	struct found *f;
	int next;

	(void)state;
	start(run);
	backlog_flush(&crond);
	scheduler_end();
	scheduler_made();
	next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){ (rlim_t)next + 1, was.rlim_max }; /* its directory, and no more */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	backlog_open(&crond);
	backlog_begin(&crond);
	start(other);
	backlog_flush(&crond);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_true(crond.backlog.on && crond.later[LATER_BACKLOG] > 0);
	assert_int_equal(segments_count(), 0);
	backlog_flush(&crond);
	assert_int_equal(segments_count(), 2);
	f = read_all();
	assert_string_equal(f->starts, "a-1-1 b-1-1 ");
	free(run);
	free(other);
}

/* A file system that takes no more: what was written in part is made whole later. */
static void no_room_on_file(void **state)
{
	struct rlimit was, most = { 5000, RLIM_INFINITY };
	struct live_run *run = live("a-1-1");
	struct found *f;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	most.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	for (int i = 0; i < 100; i++) {
		start(run);
		backlog_flush(&crond);
	}
	assert_true(crond.backlog.failing);
	assert_true(crond.backlog.batch.len > 0);
	assert_true(crond.later[LATER_BACKLOG] > 0); /* tried again, if nothing else happens, too */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	backlog_flush(&crond);
	assert_false(crond.backlog.failing);
	assert_int_equal(crond.backlog.batch.len, 0);
	f = read_all();
	assert_int_equal(f->kinds[HISTREC_START], 100);
	free(run);
}

/* Without room for records of ours those of before are read, and people who ask get answers. */
static void asked_without_room(void **state)
{
	struct rlimit was, most = { 0, RLIM_INFINITY };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	most.rlim_max = was.rlim_max;
	crond.working = true;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	history_asked(&crond);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(crond.history > 0);
	assert_int_equal(waitpid(crond.history, NULL, 0), crond.history);
	history_ended(&crond);
	assert_int_equal(crond.history, 0);
}

/* What somebody removed is missing, and nothing else. */
static void removed_by_hand(void **state)
{
	struct live_run *run = live("a-1-1");
	struct segment *s;
	char path[PATH_MAX + 32];

	(void)state;
	start(run);
	backlog_flush(&crond);
	s = TAILQ_FIRST(&crond.backlog.segments);
	snprintf(path, sizeof(path), "%s/backlog/%" PRIu32, dir, s->number);
	assert_int_equal(unlink(path), 0);
	backlog_missing(&crond, s);
	assert_int_equal(segments_count(), 0);
	assert_int_equal(crond.backlog.size, 0);
	start(run);
	backlog_flush(&crond);
	assert_string_equal(read_all()->starts, "a-1-1 ");
	free(run);
}

static void switched_off(void **state)
{
	struct live_run *run = live("a-1-1");
	char path[PATH_MAX + 32];

	(void)state;
	start(run);
	snprintf(path, sizeof(path), "%s/" CTLMSG_SOCKET_HISTORY, dir);
	assert_int_equal(access(path, F_OK), 0);
	crond.set.conf.history = false;
	backlog_config(&crond);
	assert_false(crond.backlog.on);
	assert_int_equal(access(path, F_OK), -1);
	start(run);
	end_ok(run);
	backlog_flush(&crond);
	assert_null(crond.backlog.batch.data);
	crond.set.conf.history = true;
	backlog_config(&crond);
	assert_true(crond.backlog.on);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(read_all()->kinds[HISTREC_START], 1); /* what was on file is */
	free(run);
}

/* Where its directory cannot be made at first, it is made once that is possible. */
static void no_place_at_first(void **state)
{
	struct live_run *run = live("a-1-1");
	char path[PATH_MAX + 16];
	int fd;

	(void)state;
	scheduler_end();
	snprintf(path, sizeof(path), "%s/backlog", dir);
	assert_int_equal(rmdir(path), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	scheduler_begin();
	start(run);
	backlog_flush(&crond);
	assert_true(crond.later[LATER_BACKLOG] > 0);
	backlog_begin(&crond);
	assert_false(crond.backlog.begun);
	assert_int_equal(unlink(path), 0);
	backlog_flush(&crond);
	assert_true(crond.backlog.begun);
	assert_int_equal(crond.backlog.batch.len, 0);
	assert_string_equal(read_all()->starts, "a-1-1 ");
	free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(unseen_at_first, begin, end),
		cmocka_unit_test_setup_teardown(no_room_on_file, begin, end),
		cmocka_unit_test_setup_teardown(asked_without_room, begin, end),
		cmocka_unit_test_setup_teardown(removed_by_hand, begin, end),
		cmocka_unit_test_setup_teardown(switched_off, begin, end),
		cmocka_unit_test_setup_teardown(no_place_at_first, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
