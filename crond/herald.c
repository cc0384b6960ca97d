/* herald: what crond has to say of itself to people.
 * Flow: its start, its end and what is wrong with a file become events in the outbox, as those of
 * jobs do; that it ended as it should stands in the run-time directory until the next start. */
#include "config.h"

#include "crond/herald.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/crond.h"
#include "crond/tell.h"

enum { NOTE_MOST = 128 };

#define NOTE "last" /* in the run-time directory: "runs VERSION" or "stopped VERSION" */

/* --- faults: a file's content and what is wrong first, which may stand in a template of its own */

void fault_add(struct fault *f, const char *path, const char *at, const char *text)
{
	if (f->count++ == 0)
		snprintf(f->first, sizeof(f->first), "%s%s: %s", path, at, text);
}

void fault_of(struct fault *f, const char *path, struct slice bytes)
{
	f->content = text_hash(text_hash(7, path, strlen(path)), bytes.s, bytes.n);
}

void herald_fault(struct crond *c, const struct fault *f)
{
	char name[32], reason[sizeof(f->first) + 32];

	if (!f->count || c->set.check)
		return;
	snprintf(name, sizeof(name), "config-%016" PRIx64,
		text_hash(f->content ? f->content : 8, f->first, strlen(f->first)));
	snprintf(reason, sizeof(reason), f->count > 1 ? "%s (and %u more)" : "%s", f->first,
		(unsigned)f->count - 1);
	tell_crond(c, name, "config.error", reason);
}

/* --- starts and ends */

static void note_write(struct crond *c, const char *what)
{
	char text[NOTE_MOST];
	int n = snprintf(text, sizeof(text), "%s " PACKAGE_VERSION "\n", what);

	if (file_replace(c->run_fd, NOTE, 0600, text, (size_t)n, 0) < 0)
		trouble_say(c, NOTE, strerror(errno));
}

/* The words of the note, "" where there is none. */
static void note_read(struct crond *c, char what[NOTE_MOST], char version[NOTE_MOST])
{
	struct buf b = { 0 };
	struct stat st;
	int fd = file_open(c->run_fd, NOTE, 0, &st);

	what[0] = version[0] = '\0';
	if (fd < 0)
		return;
	if (file_read(fd, NOTE_MOST - 1, &b) < 0 || !buf_text(&b) ||
		sscanf(b.data, "%127s %127s", what, version) != 2)
		what[0] = version[0] = '\0';
	close(fd);
	buf_free(&b);
}

static void came_after(struct crond *c, char *out, size_t n)
{
	char what[NOTE_MOST], was[NOTE_MOST];

	note_read(c, what, was);
	if (!what[0])
		snprintf(out, n, "version " PACKAGE_VERSION ", the first start since the system was booted");
	else if (strcmp(was, PACKAGE_VERSION) != 0)
		snprintf(out, n, "version " PACKAGE_VERSION ", after version %s%s", was,
			strcmp(what, "stopped") == 0 ? "" : ", which had not been stopped");
	else if (strcmp(what, "stopped") == 0)
		snprintf(out, n, "version " PACKAGE_VERSION ", after it had been stopped");
	else
		snprintf(out, n, "version " PACKAGE_VERSION ", after it had died: it was not stopped");
}

static void moment_name(char *out, size_t n)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(out, n, "crond-%lld-%09ld", (long long)now.tv_sec, now.tv_nsec);
}

void herald_started(struct crond *c)
{
	char reason[2 * NOTE_MOST + 96], name[64];

	came_after(c, reason, sizeof(reason));
	note_write(c, "runs");
	moment_name(name, sizeof(name));
	tell_crond(c, name, "crond.started", reason);
	herald_fault(c, &c->set.fault);
}

void herald_stopped(struct crond *c)
{
	char name[64];

	note_write(c, "stopped");
	moment_name(name, sizeof(name));
	tell_crond(c, name, "crond.stopped", c->running ? "running jobs go on" : "no job was running");
	alert_flush(c);
}
