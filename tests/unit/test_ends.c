/* test_ends: what the log is told of the end of a run, for every result in both dialects. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/crond.h"
#include "crond/rundir.h"

#define SECOND INT64_C(1763668800)
#define ID "gold-1763668800-1"
#define HEAD "job=gold run=" ID
#define TAIL " user=www cmd=\"/srv/gold/run.sh\""

static char dir[] = "/tmp/test_ends.XXXXXX";
static char path[108];
static int reader = -1;

/* One row for each result: how it ended, and all that is said of it. */
static const struct row {
	int exit_code, signal;
	const char *reason;
	bool started; /* it ran, for 1.2 s */
	int priority;
	const char *line;
} rows[RESULTS] = {
	[RESULT_OK] = { 0, 0, NULL, true, LOG_DEBUG,
		"END " HEAD " result=ok code=0 after=1.2s attempt=1 late=250ms" TAIL },
	[RESULT_EXIT] = { 3, 0, NULL, true, LOG_ERR,
		"FAIL " HEAD " result=exit code=3 after=1.2s attempt=1 fails=1" TAIL },
	[RESULT_SIGNAL] = { -1, 11, NULL, true, LOG_ERR,
		"FAIL " HEAD " result=signal signal=SEGV after=1.2s attempt=1 fails=1" TAIL },
	[RESULT_OOM] = { -1, 9, "it had more memory than memory-max", true, LOG_ERR,
		"FAIL " HEAD " result=oom signal=KILL reason=\"it had more memory than memory-max\" after=1.2s "
		"attempt=1 fails=1" TAIL },
	[RESULT_SPAWN] = { -1, 0, "no such user", false, LOG_ERR,
		"FAIL " HEAD " result=spawn reason=\"no such user\" attempt=1 fails=1" TAIL },
	[RESULT_TIMEOUT] = { -1, 15, "timeout of 1 s", true, LOG_ERR,
		"FAIL " HEAD " result=timeout signal=TERM reason=\"timeout of 1 s\" after=1.2s attempt=1 "
		"fails=1" TAIL },
	[RESULT_WATCHDOG] = { -1, 6, "no heartbeat", true, LOG_ERR,
		"FAIL " HEAD " result=watchdog signal=ABRT reason=\"no heartbeat\" after=1.2s attempt=1 "
		"fails=1" TAIL },
	[RESULT_KILLED] = { -1, 15, "by uid 0 (root)", true, LOG_NOTICE,
		"END " HEAD " result=killed signal=TERM reason=\"by uid 0 (root)\" after=1.2s attempt=1 "
		"late=250ms" TAIL },
	[RESULT_SKIPPED] = { -1, 0, "its pre failed", false, LOG_NOTICE,
		"SKIPPED " HEAD " result=skipped reason=\"its pre failed\" attempt=1" TAIL },
	[RESULT_MISSED] = { -1, 0, "nobody was there", false, LOG_ERR,
		"FAIL " HEAD " result=missed reason=\"nobody was there\" attempt=1 fails=1" TAIL },
	[RESULT_LOST] = { -1, 0, "its keeper died", true, LOG_ERR,
		"FAIL " HEAD " result=lost reason=\"its keeper died\" after=1.2s attempt=1 fails=1" TAIL },
};

static struct crond crond;
static int64_t second = SECOND; /* of the next run: none is taken in twice */

static void world(const struct dialect *dialect)
{
	crond = (struct crond){ .set.dialect = dialect, .state_fd = -1 };
	crond.runs = crond.run_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(crond.runs >= 0);
	log_open(&crond.log, LOG_TO_STDERR, LOG_DEBUG, NULL);
	log_close(&crond.log);
	crond.log.target = LOG_TO_SYSLOG;
	crond.log.path = path;
}

static void world_end(void)
{
	struct job_state *s, *next;

	RB_FOREACH_SAFE(s, state_tree, &crond.states, next) {
		RB_REMOVE(state_tree, &crond.states, s);
		free(s);
	}
	if (crond.state_fd >= 0)
		close(crond.state_fd);
	unlinkat(crond.runs, "jobs", 0);
	log_close(&crond.log);
	close(crond.runs);
}

/* The next line, without its time, and as if all were of the first run; "": there is none. */
static const char *line(void)
{
	static char text[4096];
	ssize_t n = recv(reader, text, sizeof(text) - 1, MSG_DONTWAIT);
	char *end, *run;

	text[n > 0 ? n : 0] = '\0';
	end = strchr(text, '>');
	if (end)
		memmove(end + 1, end + 17, strlen(end + 17) + 1);
	run = strstr(text, " run=gold-");
	if (run)
		memcpy(run + 5, ID, strlen(ID));
	return text;
}

/* A run of that command that ended so is taken in. */
static void end(enum result result, const struct row *row, const char *command)
{
	char id[RUN_ID_MOST];
	struct run r = { .id = id, .identity = 7, .job = "gold", .place = "/etc/crontab:1",
		.scheduled = second, .attempt = 1, .flags = RUN_LEARN, .user = "www", .dir = "/",
		.shell = "/bin/sh", .command = command };
	struct outcome o = { .result = result, .exit_code = row->exit_code, .signal = row->signal,
		.reason = row->reason };
	struct run_progress p = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION };
	struct buf record = { 0 };
	struct live_run *run;
	int lock;

	if (row->started) {
		o.started_ns = second * 1000000000 + 250000000;
		o.took_ns = 1200000000;
		o.finished_ns = o.started_ns + o.took_ns;
	}
	snprintf(id, sizeof(id), "gold-%lld-1", (long long)second++);
	run_encode(&r, &record);
	assert_int_equal(rundir_claim(crond.runs, id, &record), 0);
	buf_free(&record);
	run = run_new(&crond, id, &r);
	assert_non_null(run);
	lock = rundir_lock(crond.runs, id);
	assert_true(lock >= 0);
	assert_int_equal(rundir_finish(crond.runs, id, lock, &p, &o), 0);
	close(lock);
	outcome_take(&crond, run);
	RB_REMOVE(run_tree, &crond.live, run);
	free(run);
	rundir_remove(crond.runs, id);
}

static void said(const struct dialect *dialect, int priority, const char *text)
{
	char want[4096];

	snprintf(want, sizeof(want), "<%d>%s[%d]: %s", 9 << 3 | priority, dialect->daemon_tag,
		(int)getpid(), text);
	assert_string_equal(line(), want);
}

static const struct dialect *dialects(size_t i)
{
	return i == 0 ? dialect_find(slice_of("debian")) : i == 1 ? dialect_find(slice_of("cronie")) : NULL;
}

static void test_all_results(void **state)
{
	const struct dialect *d;

	(void)state;
	for (size_t i = 0; (d = dialects(i)); i++) {
		for (enum result r = 0; r < RESULTS; r++) {
			world(d);
			end(r, &rows[r], "/srv/gold/run.sh");
			said(d, rows[r].priority, rows[r].line);
			assert_string_equal(line(), "");
			world_end();
		}
	}
}

/* Failures count up, the first success says so once. What is no failure neither counts nor ends
 * the row of them. */
static void test_recovered(void **state)
{
	const struct dialect *d;
	char text[512];

	(void)state;
	for (size_t i = 0; (d = dialects(i)); i++) {
		world(d);
		for (unsigned n = 1; n <= 3; n++) {
			end(RESULT_EXIT, &rows[RESULT_EXIT], "/srv/gold/run.sh");
			snprintf(text, sizeof(text), "FAIL " HEAD " result=exit code=3 after=1.2s attempt=1 "
				"fails=%u" TAIL, n);
			said(d, LOG_ERR, text);
		}
		end(RESULT_KILLED, &rows[RESULT_KILLED], "/srv/gold/run.sh");
		said(d, LOG_NOTICE, rows[RESULT_KILLED].line);
		end(RESULT_OK, &rows[RESULT_OK], "/srv/gold/run.sh");
		said(d, LOG_NOTICE, "RECOVERED " HEAD " result=ok code=0 after=1.2s attempt=1 fails=3 "
			"late=250ms" TAIL);
		end(RESULT_OK, &rows[RESULT_OK], "/srv/gold/run.sh");
		said(d, LOG_DEBUG, rows[RESULT_OK].line);
		world_end();
	}
}

/* Whatever a job is called by, a line is one line, its quotes end where they seem to, and nothing
 * in it steers a terminal. */
static void test_nothing_steers(void **state)
{
	static const struct row nasty = { 3, 0, "a\nFAIL job=other \"b\033[31m\302\233", true, LOG_ERR, NULL };
	const char *text;

	(void)state;
	world(dialects(0));
	end(RESULT_EXIT, &nasty, "x\ny\"; \033]0;z\007 \\ \177\303\251");
	text = line();
	for (const char *s = text; *s; s++)
		assert_true((unsigned char)*s >= 0x20 && *s != 0x7f && strncmp(s, "\302\233", 2) != 0);
	assert_non_null(strstr(text, "FAIL " HEAD " result=exit code=3 reason=\"a"));
	assert_non_null(strstr(text, "other \\\"b"));
	assert_string_equal(line(), "");
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_results),
		cmocka_unit_test(test_recovered),
		cmocka_unit_test(test_nothing_steers),
	};
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int failed;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s.log", dir);
	memcpy(at.sun_path, path, strlen(path) + 1);
	reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(reader, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	close(reader);
	unlink(path);
	return rmdir(dir) < 0 || failed;
}
