/* What is kept of alerts that were given up, and who can crowd out whom. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/report.h"
#include "crond/core/event.h"
#include "crond/notify/entry.h"
#include "crond/notify/spool.h"
#include "crond/notify/spooldir.h"

enum { ALICE = 2001, BEGAN = 1000000, ROOTS = 3 };

struct world {
	char path[64];
	struct report report;
	struct spool spool;
};

static void world_begin(struct world *w)
{
	struct diag d;

	*w = (struct world){ .path = "/tmp/test_spool.XXXXXX" };
	assert_non_null(mkdtemp(w->path));
	report_open(&w->report, -1, 0);
	assert_int_equal(spool_open(&w->spool, w->path, &w->report, &d), 0);
	assert_int_equal(spool_load(&w->spool, NULL, NULL, &d), 0);
}

static void unheard(void *arg, struct entry *e)
{
	(void)arg;
	(void)e;
}

static void world_end(struct world *w)
{
	char command[96];

	spool_free(&w->spool);
	report_free(&w->report);
	snprintf(command, sizeof(command), "rm -r %s", w->path);
	assert_int_equal(system(command), 0);
}

static struct event event_of(const char *id, bool trusted)
{
	static const char target[] = "webhook:none";

	return (struct event){ .id = id, .event = "run.failure", .trusted = trusted,
		.uid = trusted ? 0 : ALICE, .targets = { target, sizeof(target) } };
}

/* One in memory alone, which is as good as any. */
static void put(struct world *w, const char *id, bool trusted, bool kept, int64_t received)
{
	struct event e = event_of(id, trusted);
	size_t dropped;
	struct entry *made = entry_new(&e, 100, received, &dropped);

	assert_non_null(made);
	made->kept = kept;
	made->targets[0].state = kept ? TARGET_FAILED : TARGET_WAIT;
	spool_insert(&w->spool, made);
}

static void put_many(struct world *w, const char *name, bool trusted, bool kept, int count)
{
	char id[64];

	for (int i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%s-%d", name, i);
		put(w, id, trusted, kept, BEGAN + i);
	}
}

static struct entry *add(struct world *w, const char *id, bool trusted)
{
	struct event e = event_of(id, trusted);
	struct buf record = { 0 };
	struct entry *made;
	const char *its;
	struct diag d;

	event_encode(&e, &record);
	assert_int_equal(spool_add(&w->spool, (struct slice){ record.data, record.len }, &made, &its, &d),
		SPOOL_NEW);
	buf_free(&record);
	return made;
}

static void give_up(struct world *w, const char *id, bool trusted)
{
	struct entry *e = add(w, id, trusted);

	e->targets[0].state = TARGET_FAILED;
	spool_finish(&w->spool, e);
}

/* However old they are: what is root's goes behind all that is others'. */
static void test_users_crowd_out_nothing_of_roots(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	put_many(&w, "root", true, true, ROOTS);
	put_many(&w, "alice", false, true, SPOOL_FAILED - ROOTS);
	give_up(&w, "alice-last", false);
	assert_int_equal(w.spool.failed, SPOOL_FAILED - SPOOL_FAILED / 10);
	for (int i = 0; i < ROOTS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "root-%d", i);
		assert_non_null(spool_find(&w.spool, id));
	}
	assert_null(spool_find(&w.spool, "alice-0"));
	assert_non_null(spool_find(&w.spool, "alice-last"));
	world_end(&w);
}

static void test_roots_own_go_when_they_alone_are_too_many(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	put_many(&w, "root", true, true, SPOOL_FAILED - ROOTS);
	put_many(&w, "alice", false, true, ROOTS);
	give_up(&w, "root-last", true);
	assert_int_equal(w.spool.failed, SPOOL_FAILED - SPOOL_FAILED / 10);
	assert_null(spool_find(&w.spool, "alice-0"));
	assert_null(spool_find(&w.spool, "root-0"));
	assert_non_null(spool_find(&w.spool, "root-last"));
	world_end(&w);
}

/* Whose part of the spool is full may try nothing again: the rest is for others. */
static void test_what_is_tried_again_has_to_find_room(void **state)
{
	struct entry *e;
	struct world w;
	struct diag d;

	(void)state;
	world_begin(&w);
	give_up(&w, "alice-again", false);
	give_up(&w, "root-again", true);
	put_many(&w, "alice", false, false, SPOOL_ENTRIES / SPOOL_UNTRUSTED);
	e = spool_find(&w.spool, "alice-again");
	assert_int_equal(spool_again(&w.spool, e, &d), -1);
	assert_true(e->kept);
	assert_int_equal(e->targets[0].state, TARGET_FAILED);
	e = spool_find(&w.spool, "root-again");
	assert_int_equal(spool_again(&w.spool, e, &d), 0);
	assert_false(e->kept);
	assert_int_equal(w.spool.untrusted_entries, SPOOL_ENTRIES / SPOOL_UNTRUSTED);
	world_end(&w);
}

/* What cannot be read when crond-notify starts is told by the one after it. */
static void test_what_cannot_be_read_now_stays(void **state)
{
	struct rlimit was, few;
	struct world w;
	struct diag d;
	int next;

	(void)state;
	world_begin(&w);
	add(&w, "a", true);
	spool_free(&w.spool);
	assert_int_equal(spool_open(&w.spool, w.path, &w.report, &d), 0);
	next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){ (rlim_t)next + 2, was.rlim_max }; /* what was told, and the directory */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(spool_load(&w.spool, NULL, NULL, &d), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_null(spool_find(&w.spool, "a"));
	spool_free(&w.spool);
	assert_int_equal(spool_open(&w.spool, w.path, &w.report, &d), 0);
	assert_int_equal(spool_load(&w.spool, unheard, NULL, &d), 0);
	assert_non_null(spool_find(&w.spool, "a"));
	world_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users_crowd_out_nothing_of_roots),
		cmocka_unit_test(test_roots_own_go_when_they_alone_are_too_many),
		cmocka_unit_test(test_what_is_tried_again_has_to_find_room),
		cmocka_unit_test(test_what_cannot_be_read_now_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
