/* job: one line or task that may become due, and what it shares with its neighbours.
 * Flow: load makes jobs, the table holds them, due orders them, start makes runs. */
#include "crond/core/job.h"

#include <inttypes.h>
#include <stdio.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"

_Static_assert(sizeof(struct job) <= 56, "a million of these must stay small");

void job_name(const struct job *job, const char *user, char out[JOB_NAME_MOST])
{
	if (job->common->name)
		snprintf(out, JOB_NAME_MOST, "%s", job->common->name);
	else
		snprintf(out, JOB_NAME_MOST, "%.64s-%016" PRIx64, user, job->identity);
}

uint64_t job_identity(const char *path, const char *task, struct slice user, struct slice time_text,
	struct slice command, const struct options *options, uint32_t same)
{
	uint64_t h;

	if (task)
		return text_hash(1, task, strlen(task));
	h = text_hash(2, path, strlen(path));
	h = text_hash(h, user.s, user.n);
	h = text_hash(h, time_text.s, time_text.n);
	h = text_hash(h, command.s, command.n);
	if (options) {
		struct buf text = { 0 };

		options_identity(options, &text);
		h = text_hash(h, text.data, text.len);
		buf_free(&text);
	}
	return same ? text_hash(h, &same, sizeof(same)) : h;
}
