/* job: one line or task that may become due, and what it shares with its neighbours.
 * Flow: load makes jobs, the table holds them, due orders them, start makes runs. */
#include "crond/core/job.h"

#include <inttypes.h>
#include <stdio.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/run.h"
#include "crond/core/table.h"

_Static_assert(sizeof(struct job) <= 40, "a million of these must stay small");

const char *job_command(const struct job *job)
{
	return job->command == JOB_NO_COMMAND ? NULL : job->common->file->text + job->command;
}

void job_name(const struct job *job, const char *user, char out[JOB_NAME_MOST])
{
	if (job->common->name) {
		snprintf(out, JOB_NAME_MOST, "%s", job->common->name);
		return;
	}
	snprintf(out, JOB_NAME_MOST, "%.64s-%016" PRIx64, user, job->identity);
	for (char *c = out; *c; c++)
		if (!run_id_char(*c))
			*c = '_';
}

uint64_t job_identity_task(const char *name)
{
	return text_hash(1, name, strlen(name));
}

uint64_t job_identity_place(const char *path, const char *user)
{
	return text_hash(text_hash(2, path, strlen(path)), user, strlen(user));
}

uint64_t job_identity_line(uint64_t place, struct slice time_text, struct slice command,
	const struct options *options)
{
	uint64_t h = text_hash(text_hash(place, time_text.s, time_text.n), command.s, command.n);
	struct buf text = { 0 };

	if (!options)
		return h;
	options_identity(options, &text);
	h = text_hash(h, text.data, text.len);
	buf_free(&text);
	return h;
}

uint64_t job_identity_again(uint64_t identity, uint32_t same)
{
	return text_hash(identity, &same, sizeof(same));
}
