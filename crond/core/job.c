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

/* Users can try names and commands until a hash is another's: never one of root's. */
#define IDENTITY_USERS ((uint64_t)1 << 63)

static uint64_t owned(uint64_t hash, bool trusted)
{
	return trusted ? hash & ~IDENTITY_USERS : hash | IDENTITY_USERS;
}

bool job_identity_trusted(uint64_t identity)
{
	return !(identity & IDENTITY_USERS);
}

uint64_t job_identity_name(const char *name, bool trusted)
{
	return owned(text_hash(1, name, strlen(name)), trusted);
}

uint64_t job_identity_place(const char *path, const char *user, bool trusted)
{
	return owned(text_hash(text_hash(2, path, strlen(path)), user, strlen(user)), trusted);
}

uint64_t job_identity_line(uint64_t place, struct slice time_text, struct slice command,
	const struct options *options)
{
	uint64_t h = text_hash(text_hash(place, time_text.s, time_text.n), command.s, command.n);
	struct buf text = { 0 };

	if (options) {
		options_identity(options, &text);
		h = text_hash(h, text.data, text.len);
		buf_free(&text);
	}
	return owned(h, job_identity_trusted(place));
}

uint64_t job_identity_again(uint64_t identity, uint32_t same)
{
	return owned(text_hash(identity, &same, sizeof(same)), job_identity_trusted(identity));
}
