/* world_keepers: the launcher of a made-up world, and its keepers.
 * Flow: world.c lets them take names at each turn, and end when the test says so; what they leave is
 * what real ones leave. */
#include "config.h"

#include "tests/unit/world_keepers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crond/rundir.h"

static struct world_job *job_of(struct world *w, const char *name)
{
	for (size_t i = 0; i < w->job_count; i++) {
		if (strcmp(w->jobs[i].name, name) == 0)
			return &w->jobs[i];
	}
	return NULL;
}

/* The run that a keeper has taken; NULL: it is none of his. */
static struct world_run *run_taken(struct world *w, const char *id)
{
	struct world_run *r = calloc(1, sizeof(*r));
	struct buf b = { 0 };
	struct run_progress p;
	struct run record;
	struct world_job *job;

	assert_non_null(r);
	r->lock = rundir_lock(w->runs, id);
	if (r->lock < 0 || rundir_read(w->runs, id, "run", &b) < 0 ||
		run_file_decode(&p, &record, (struct slice){ b.data, b.len }, NULL) < 0 ||
		p.phase != RUN_CLAIMED) {
		if (r->lock >= 0)
			close(r->lock);
		free(r);
		buf_free(&b);
		return NULL;
	}
	p = (struct run_progress){ .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION,
		.phase = RUN_STARTED, .keeper_pid = (int32_t)getpid(), .started_ns = w->real_ns };
	rundir_mark(r->lock, &p);
	snprintf(r->id, sizeof(r->id), "%s", id);
	snprintf(r->job, sizeof(r->job), "%s", record.job);
	job = job_of(w, r->job);
	r->began_ns = w->mono_ns;
	r->end_ns = w->mono_ns + (job ? job->lasts_ms * 1000000 : 0);
	if (job && job->results) {
		r->fails = job->results[job->next] == 'x';
		job->next += job->results[job->next + 1] != '\0';
	}
	LIST_INSERT_HEAD(&w->live, r, link);
	assert_true(w->start_count < WORLD_STARTS);
	w->starts[w->start_count] = (struct world_start){ .scheduled = record.scheduled,
		.at = world_now(w) };
	snprintf(w->starts[w->start_count].job, WORLD_NAME, "%s", record.job);
	memcpy(w->starts[w->start_count++].id, r->id, sizeof(r->id));
	buf_free(&b);
	return r;
}

static void run_take(struct world *w, const char *id)
{
	struct world_run *r;
	struct live_run *live;

	world_ours++;
	r = run_taken(w, id);
	world_ours--;
	live = r ? run_find(w->c, id) : NULL;
	if (live)
		run_event(w->c, live, RUN_EVENT_TAKEN);
}

bool keepers_take(struct world *w)
{
	char id[RUN_ID_MOST];
	bool some = false;
	size_t n = 0;
	ssize_t got;
	struct world_run *r;

	while (!w->launcher_stuck && (got = recv(w->c->queue_far, id, sizeof(id) - 1, MSG_DONTWAIT)) > 0) {
		id[got] = '\0';
		run_take(w, id);
		some = true;
	}
	LIST_FOREACH(r, &w->live, link)
		n++;
	if (n > w->live_most)
		w->live_most = n;
	return some;
}

/* Its outcome is on record; the scheduler has not heard of it. */
void keeper_finish(struct world *w, struct world_run *r)
{
	struct run_progress p = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION,
		.phase = RUN_STARTED, .keeper_pid = (int32_t)getpid() };
	struct outcome o = { .result = r->fails ? RESULT_EXIT : RESULT_OK, .exit_code = r->fails,
		.took_ns = w->mono_ns - r->began_ns, .finished_ns = w->real_ns };

	o.started_ns = o.finished_ns - o.took_ns;
	world_ours++;
	assert_int_equal(rundir_finish(w->runs, r->id, r->lock, &p, &o), 0);
	world_ours--;
	close(r->lock);
	LIST_REMOVE(r, link);
}

static void run_end(struct world *w, struct world_run *r)
{
	struct live_run *live = w->c ? run_find(w->c, r->id) : NULL;

	keeper_finish(w, r);
	free(r);
	if (live)
		run_event(w->c, live, RUN_EVENT_ENDED);
}

bool keepers_end(struct world *w)
{
	struct world_run *r, *next;
	bool some = false;

	for (r = LIST_FIRST(&w->live); r; r = next) {
		next = LIST_NEXT(r, link);
		if (r->end_ns > w->mono_ns)
			continue;
		run_end(w, r);
		some = true;
	}
	return some;
}
