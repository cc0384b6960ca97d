/* test_run: run records survive the way there and back, and damaged ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"
#include "crond/core/job.h"
#include "crond/core/outcome.h"
#include "crond/core/run.h"
#include "crond/core/run_first.h"

#define LIST(text) ((struct slice){ text, sizeof(text) })

static const uint32_t groups[] = { 4, 24, 1000 };

static const char limits[2 * sizeof(struct dress_limit)] = { 1 };

static struct run full(void)
{
	return (struct run){
		.id = "backup-1700000000-2", .identity = UINT64_MAX, .job = "backup",
		.place = "/etc/crontab:17", .scheduled = -1, .attempt = 2, .flags = RUN_TASK | RUN_TREE,
		.dialect = 1, .user = "www", .uid = 33, .gid = 34, .groups = groups, .group_count = 3,
		.dir = "/srv", .fallback_dir = "/", .umask = 027, .shell = "/bin/sh",
		.command = "run %s \"x\"", .words = LIST("run\0%s"), .env = LIST("A=1\0EMPTY="),
		.input = { "in\0put", 6 }, .timeout_ms = 5, .kill_after_ms = 6, .output_most = 7,
		.stop_signal = 8, .cgroup = "/c", .memory_max = 9, .cpu_quota = 10, .tasks_max = 11,
		.dress = { .given = DRESS_ON | DRESS_NICE, .nice = (uint32_t)-5, .ionice = 12, .umask = 077,
			.cpus = "0-3", .limits = { limits, sizeof(limits) }, .success = { limits, 32 },
			.env_file = "-/e", .pre = "1", .post = "2", .on_success = "3", .on_failure = "4",
			.log_dir = "/l", .log = "%i", .home = "j", .log_most = 13, .retention_ms = 14,
			.retention_count = 15 },
		.mail_to = "a@b", .mail_from = "c@d", .mailer = "/m", .host = "h", .mail_type = "t",
		.mail_encoding = "8bit", .pam_service = "cron", .alert = LIST("mail:x"),
		.tags = LIST("t1\0t2"), .owner = "o", .description = "d", .schedule = "* * * * *",
	};
}

static void test_round_trip(void **state)
{
	struct run r = full(), again;
	struct buf first = { 0 }, second = { 0 };
	struct diag d;

	(void)state;
	run_encode(&r, &first);
	assert_int_equal(run_decode(&again, (struct slice){ first.data, first.len }, &d), 0);
	assert_string_equal(again.id, r.id);
	assert_int_equal(again.scheduled, -1);
	assert_int_equal(again.identity, UINT64_MAX);
	assert_int_equal(again.umask, 027);
	assert_int_equal(again.group_count, 3);
	assert_memory_equal(again.groups, groups, sizeof(groups));
	assert_true(slice_equal(again.input, r.input) && slice_equal(again.env, r.env));
	assert_string_equal(again.schedule, "* * * * *");
	assert_string_equal(again.cgroup, "/c");
	assert_int_equal(again.stop_signal, 8);
	assert_int_equal(again.memory_max * 10000 + again.cpu_quota * 100 + again.tasks_max, 91011);
	assert_int_equal((int)again.dress.nice, -5);
	assert_int_equal(again.dress.given, DRESS_ON | DRESS_NICE);
	assert_int_equal(again.dress.ionice * 10000 + again.dress.umask, 120063);
	assert_true(slice_equal(again.dress.limits, r.dress.limits) && again.dress.success.n == 32);
	assert_int_equal(strlen(again.dress.pre) + strlen(again.dress.post) + strlen(again.dress.on_success) +
		strlen(again.dress.on_failure) + strlen(again.dress.env_file) + strlen(again.dress.cpus), 10);
	assert_string_equal(again.dress.log, "%i");
	assert_string_equal(again.dress.log_dir, "/l");
	assert_string_equal(again.dress.home, "j");
	assert_int_equal(again.dress.log_most * 10000 + again.dress.retention_ms * 100 +
		again.dress.retention_count, 131415);
	run_encode(&again, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	buf_free(&first);
	buf_free(&second);
}

static void test_input_none_and_empty(void **state)
{
	struct run r = full(), again;
	struct buf b = { 0 };
	struct diag d;

	(void)state;
	r.input = (struct slice){ NULL, 0 };
	run_encode(&r, &b);
	assert_int_equal(run_decode(&again, (struct slice){ b.data, b.len }, &d), 0);
	assert_null(again.input.s);
	buf_clear(&b);
	r.input = (struct slice){ "", 0 };
	run_encode(&r, &b);
	assert_int_equal(run_decode(&again, (struct slice){ b.data, b.len }, &d), 0);
	assert_non_null(again.input.s);
	buf_free(&b);
}

/* A record cut anywhere is refused, or whole up to a field's end and then still valid. */
static void test_cut(void **state)
{
	struct run r = full(), again;
	struct buf b = { 0 };
	int refused = 0;

	(void)state;
	run_encode(&r, &b);
	for (size_t n = 0; n < b.len; n++) {
		char *cut = malloc(n ? n : 1);
		struct diag d = { .text = "" };

		assert_non_null(cut);
		memcpy(cut, b.data, n);
		if (run_decode(&again, (struct slice){ cut, n }, &d) < 0) {
			assert_true(d.text[0]);
			refused++;
		}
		free(cut);
	}
	assert_true((size_t)refused > b.len * 9 / 10);
	buf_free(&b);
}

static void assert_refused(const struct run *r, const char *why)
{
	struct buf b = { 0 };
	struct run again;
	struct diag d = { .text = "" };

	run_encode(r, &b);
	assert_int_equal(run_decode(&again, (struct slice){ b.data, b.len }, &d), -1);
	assert_string_equal(d.text, why);
	buf_free(&b);
}

static void test_refused(void **state)
{
	struct run r = full();
	struct diag d;

	(void)state;
	r.user = NULL;
	assert_refused(&r, "run record without user");
	r = full();
	r.id = "../x";
	assert_refused(&r, "run record with a bad id");
	r = full();
	r.dialect = 7;
	assert_refused(&r, "run record of an unknown dialect (7)");
	r = full();
	r.umask = 01000;
	assert_refused(&r, "run record with a bad umask (1000)");
	r = full();
	r.dress.umask = 01000;
	assert_refused(&r, "run record with a bad umask (1000)");
	r = full();
	r.dress.limits.n--;
	assert_refused(&r, "run record with bad limits or exit codes");
	r = full();
	r.dress.success.n = 31;
	assert_refused(&r, "run record with bad limits or exit codes");
	r = full();
	r.words.n = 0;
	r.argv_only = true;
	assert_refused(&r, "run record with neither words nor a shell");
	r = full();
	r.env.n--; /* its last text has no end */
	assert_refused(&r, "run record with a bad env");
	assert_int_equal(run_decode(&r, LIST("rubbish rubbish"), &d), -1);
	assert_string_equal(d.text, "not a record of this kind");
}

static void test_version(void **state)
{
	struct buf b = { 0 };
	struct run r;
	struct diag d;

	(void)state;
	record_begin(&b, RUN_MAGIC, RUN_VERSION + 1);
	assert_int_equal(run_decode(&r, (struct slice){ b.data, b.len }, &d), -1);
	assert_string_equal(d.text, "record version 2 is not known (this is version 1)");
	buf_free(&b);
}

static void test_progress(void **state)
{
	struct run_progress p = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION,
		.phase = RUN_RUNNING, .job_pid = 77 }, again;
	struct slice file = { (const char *)&p, sizeof(p) };
	struct diag d;

	(void)state;
	assert_int_equal(run_progress_decode(&again, file, &d), 0);
	assert_int_equal(again.job_pid, 77);
	file.n--;
	assert_int_equal(run_progress_decode(&again, file, &d), -1);
	file.n++;
	p.phase = RUN_PENDING + 1;
	assert_int_equal(run_progress_decode(&again, file, &d), -1);
	p.phase = RUN_ENDED; /* with no outcome; with too long a one; with one too early */
	assert_int_equal(run_progress_decode(&again, file, &d), -1);
	p.outcome_n = RUN_OUTCOME_MOST + 1;
	assert_int_equal(run_progress_decode(&again, file, &d), -1);
	p.outcome_n = RUN_OUTCOME_MOST;
	assert_int_equal(run_progress_decode(&again, file, &d), 0);
	p.phase = RUN_RUNNING;
	assert_int_equal(run_progress_decode(&again, file, &d), -1);
	p.outcome_n = 0;
	p.phase = RUN_CLAIMED;
	p.version = 9;
	assert_int_equal(run_progress_decode(&again, file, &d), -1);
	assert_string_equal(d.text, "run file version 9 is not known (this is version 2)");
}

/* What has ended there has an outcome beside it; who is told was told of each failure. */
static void test_first_version(void **state)
{
	struct run_first first = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_FIRST, .phase = 3 };
	struct run r = full(), again;
	struct run_progress p;
	struct buf b = { 0 };
	struct diag d = { .text = "" };

	(void)state;
	buf_append(&b, &first, sizeof(first));
	run_encode(&r, &b);
	assert_int_equal(run_file_decode(&p, &again, (struct slice){ b.data, b.len }, &d), 0);
	assert_int_equal(p.phase, RUN_STARTED);
	assert_string_equal(again.command, r.command);
	assert_int_equal(again.identity, job_identity_name("backup", true));
	assert_int_equal(again.alert_on, 1 << RESULT_EXIT | 1 << RESULT_SIGNAL | 1 << RESULT_OOM |
		1 << RESULT_SPAWN | 1 << RESULT_TIMEOUT | 1 << RESULT_WATCHDOG | 1 << RESULT_MISSED |
		1 << RESULT_LOST);
	assert_int_equal(again.alert_after, 1);
	assert_int_equal(run_file_decode(&p, &again, (struct slice){ b.data, 64 }, &d), -1);
	assert_int_equal(run_progress_decode(&p, (struct slice){ b.data, 63 }, &d), -1);
	b.data[6] = 4;
	assert_int_equal(run_progress_decode(&p, (struct slice){ b.data, b.len }, &d), -1);
	assert_string_equal(d.text, "run file of the first version is damaged");
	buf_free(&b);
}

static void test_ids(void **state)
{
	char id[RUN_ID_MOST], name[RUN_ID_MOST];

	(void)state;
	assert_int_equal(run_id(id, "gold", 1763668800, 1), 0);
	assert_string_equal(id, "gold-1763668800-1");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(run_id(id, name, 1, 1), -1);
	assert_int_equal(run_id(id, "a/b", 1, 1), -1);
	assert_int_equal(run_id(id, ".hidden", 1, 1), -1);
	assert_false(run_id_ok("", 0));
	assert_false(run_id_ok("..", 2));
	assert_false(run_id_ok("a\0b", 3));
	assert_false(run_id_ok("a b", 3));
	assert_false(run_id_ok("a\nb", 3));
	assert_true(run_id_ok("www-1a2b-1700000000-1", 21));
}

/* Whatever a user is called, there are ids for his jobs. */
static void test_ids_of_users(void **state)
{
	static const char *const users[] = { "alice", "j.doe", "CORP\\jdoe", "a b", "j\303\266rg", "x;y" };
	static const char *const names[] = { "alice", "j.doe", "CORP_jdoe", "a_b", "j__rg", "x_y" };
	const struct job_common common = { 0 };
	const struct job job = { .identity = 0x2a, .common = &common };
	char name[JOB_NAME_MOST], id[RUN_ID_MOST], whole[RUN_ID_MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		job_name(&job, users[i], name);
		assert_int_equal(run_id(id, name, 7, 1), 0);
		snprintf(whole, sizeof(whole), "%s-000000000000002a-7-1", names[i]);
		assert_string_equal(id, whole);
	}
}

static void test_list(void **state)
{
	struct slice list = LIST("one\0\0three"), unended = { "one\0two", 7 };

	(void)state;
	assert_string_equal(run_list_next(&list), "one");
	assert_string_equal(run_list_next(&list), "");
	assert_string_equal(run_list_next(&list), "three");
	assert_null(run_list_next(&list));
	assert_string_equal(run_list_next(&unended), "one");
	assert_null(run_list_next(&unended));
	assert_null(run_list_next(&unended));
}

static void test_session_reason(void **state)
{
	struct run_progress p = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_VERSION,
		.phase = RUN_STARTED };
	char text[128] = "";

	(void)state;
	assert_false(run_session_reason(&p, text, sizeof(text)));
	p.session = RUN_SESSION_OPEN;
	assert_true(run_session_reason(&p, text, sizeof(text)));
	assert_string_equal(text, "PAM session: the keeper died in it");
	p.session = RUN_SESSION_ACCOUNT;
	p.session_end = RUN_SESSION_LATE;
	p.session_s = 30;
	assert_true(run_session_reason(&p, text, sizeof(text)));
	assert_string_equal(text, "PAM account: no answer within 30 s");
	p.session = 77; /* of another version */
	p.session_end = RUN_SESSION_RIGHTS;
	assert_true(run_session_reason(&p, text, sizeof(text)));
	assert_string_equal(text, "PAM: a module gave up the keeper's rights");
	p.phase = RUN_RUNNING; /* whatever it says: there is a job */
	assert_false(run_session_reason(&p, text, sizeof(text)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_reason),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_input_none_and_empty),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_version), cmocka_unit_test(test_progress),
		cmocka_unit_test(test_first_version),
		cmocka_unit_test(test_ids), cmocka_unit_test(test_ids_of_users), cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
