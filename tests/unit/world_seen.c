/* world_seen: what has happened in a world (world.c), as files and the log have it.
 * Flow: events from the outbox, records from the backlog and lines of the log -> lists that tests
 * look at. */
#include "config.h"

#include "tests/unit/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/core/event.h"
#include "crond/core/histrec.h"

/* --- who is told */

static void event_take(struct world *w, const char *id)
{
	char path[512];
	struct buf b = { 0 };
	bool again = false; /* as crond-notify sees by its id */
	struct event e;
	int fd;

	snprintf(path, sizeof(path), "%s/run/outbox/%s", w->dir, id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && file_read(fd, EVENT_MOST, &b) == 0);
	close(fd);
	assert_int_equal(event_decode(&e, (struct slice){ b.data, b.len }, NULL), 0);
	for (size_t i = 0; i < w->told_count; i++)
		again |= strcmp(w->told[i].id, id) == 0;
	assert_true(w->told_count < WORLD_TOLD);
	w->told[w->told_count] = (struct world_told){ .failures = e.failures, .at = world_now(w) };
	snprintf(w->told[w->told_count].event, sizeof(w->told[0].event), "%s", e.event);
	snprintf(w->told[w->told_count].reason, sizeof(w->told[0].reason), "%s", e.reason ? e.reason : "");
	snprintf(w->told[w->told_count].job, WORLD_NAME, "%s", e.job ? e.job : "");
	snprintf(w->told[w->told_count].id, sizeof(w->told[0].id), "%s", id);
	w->told_count += !again;
	buf_free(&b);
	if (w->c)
		outbox_told(w->c, id);
	else
		unlink(path);
}

static void events_take(struct world *w)
{
	char path[128];
	struct dirent **list;
	int n;

	snprintf(path, sizeof(path), "%s/run/outbox", w->dir);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			event_take(w, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* --- what is on record */

/* Of what no keeper has started its id tells the job. */
static void end_take(struct world *w, const struct histrec *h)
{
	struct world_left *left = &w->left[w->left_count];
	size_t n = strlen(h->run_id);
	struct outcome o;

	for (size_t i = 0; i < w->start_count; i++) {
		if (strcmp(w->starts[i].id, h->run_id) == 0) {
			w->starts[i].ends++;
			return;
		}
	}
	if (w->left_count == WORLD_STARTS || outcome_decode(&o, h->outcome, NULL) < 0 || o.result != RESULT_LOST)
		return;
	for (int dashes = 0; n > 0 && dashes < 2;)
		dashes += h->run_id[--n] == '-';
	*left = (struct world_left){ .scheduled = h->scheduled, .result = o.result };
	snprintf(left->job, WORLD_NAME, "%.*s", (int)n, h->run_id);
	snprintf(left->reason, sizeof(left->reason), "%s", o.reason ? o.reason : "");
	w->left_count++;
}

static void frames_take(struct world *w, struct slice bytes)
{
	struct histrec h;
	int32_t n;

	for (; (n = histrec_frame(bytes)) > 0; bytes.s += n, bytes.n -= (size_t)n) {
		assert_int_equal(histrec_decode(&h, (struct slice){ bytes.s, (size_t)n }, NULL), 0);
		if (h.kind == HISTREC_END)
			end_take(w, &h);
		if (h.kind != HISTREC_NONE || w->left_count == WORLD_STARTS)
			continue;
		w->left[w->left_count] = (struct world_left){ .scheduled = h.scheduled, .result = h.result };
		snprintf(w->left[w->left_count].job, WORLD_NAME, "%s", h.job);
		snprintf(w->left[w->left_count++].reason, sizeof(w->left[0].reason), "%s", h.reason);
	}
	assert_int_equal(n, 0);
}

/* What is new in the segments, by their numbers. */
static void records_take(struct world *w)
{
	bool found = false;

	for (size_t i = 1; i < WORLD_LIVES; i++) {
		char path[128];
		struct buf b = { 0 };
		size_t from = w->records_read[i] ? w->records_read[i] : HISTREC_HEAD;
		int fd;

		snprintf(path, sizeof(path), "%s/run/backlog/%zu", w->dir, i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && found)
			break; /* what is not in use any more goes from the front */
		if (fd < 0)
			continue;
		found = true;
		assert_int_equal(file_read(fd, 64 << 20, &b), 0);
		close(fd);
		if (b.len > from) {
			frames_take(w, (struct slice){ b.data + from, b.len - from });
			w->records_read[i] = b.len;
		}
		buf_free(&b);
	}
}

void world_see(struct world *w)
{
	world_ours++;
	events_take(w);
	records_take(w);
	world_ours--;
}

void world_forget(struct world *w)
{
	w->start_count = w->told_count = w->left_count = w->live_most = 0;
	w->log_from = (size_t)lseek(w->log, 0, SEEK_END);
}

static char *log_text(struct world *w)
{
	size_t n = (size_t)lseek(w->log, 0, SEEK_END) - w->log_from;
	char *text = calloc(1, n + 1);

	assert_true(text && pread(w->log, text, n, (off_t)w->log_from) == (ssize_t)n);
	return text;
}

size_t world_said(struct world *w, const char *what)
{
	char *text = log_text(w), *end;
	size_t n = 0;

	for (char *line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break;
		*end = '\0';
		n += strstr(line, what) != NULL;
	}
	free(text);
	return n;
}

size_t world_started(const struct world *w, const char *job)
{
	size_t n = 0;

	for (size_t i = 0; i < w->start_count; i++)
		n += strcmp(w->starts[i].job, job) == 0;
	return n;
}

size_t world_started_at(const struct world *w, const char *job, int64_t scheduled)
{
	size_t n = 0;

	for (size_t i = 0; i < w->start_count; i++)
		n += w->starts[i].scheduled == scheduled && strcmp(w->starts[i].job, job) == 0;
	return n;
}

size_t world_left_at(const struct world *w, const char *job, int64_t scheduled)
{
	size_t n = 0;

	for (size_t i = 0; i < w->left_count; i++)
		n += w->left[i].scheduled == scheduled && strcmp(w->left[i].job, job) == 0;
	return n;
}

size_t world_heard(const struct world *w, const char *event, const char *job)
{
	size_t n = 0;

	for (size_t i = 0; i < w->told_count; i++)
		n += strcmp(w->told[i].event, event) == 0 && (!job || strcmp(w->told[i].job, job) == 0);
	return n;
}

void world_show(struct world *w)
{
	char *text = log_text(w);

	fprintf(stderr, "%s", text);
	for (size_t i = 0; i < w->start_count; i++)
		fprintf(stderr, "start %s of %lld at %lld\n", w->starts[i].job,
			(long long)w->starts[i].scheduled, (long long)w->starts[i].at);
	for (size_t i = 0; i < w->left_count; i++)
		fprintf(stderr, "left out %s of %lld: %s: %s\n", w->left[i].job,
			(long long)w->left[i].scheduled, result_name(w->left[i].result), w->left[i].reason);
	for (size_t i = 0; i < w->told_count; i++)
		fprintf(stderr, "told %s %s %s at %lld\n", w->told[i].event, w->told[i].job,
			w->told[i].id, (long long)w->told[i].at);
	free(text);
}
