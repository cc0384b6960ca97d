/* Any files in crond-notify's spool: what is an event is there once and stays until it is told,
 * what is none is put aside, and a second start finds what the first one did. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/report.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/notify/entry.h"
#include "crond/notify/spool.h"
#include "crond/notify/spooldir.h"

enum { FILES_MOST = 8, HEAD = 4, MADE = 0x80 };

static const char *const ids[] = { "a-1-1.end", "b-1-1.end", "c-7-2.start", "digest-0123", "x..y" };
static const struct {
	const char *before, *behind; /* its id; before NULL: it has none in its name */
} kinds[] = { { "", ".event" }, { "", ".state" }, { "", ".digest" }, { NULL, "done" },
	{ "failed/", ".event" }, { "failed/", ".state" }, { ".tmp-", "" }, { "", ".event.bad" } };

struct file {
	char name[64];
	const char *id;
	unsigned kind;
	struct buf bytes;
};

static char dir[PATH_MAX];
static int dir_fd = -1;

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* --- the directory */

static void files_remove(const char *below)
{
	int fd = openat(dir_fd, below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
}

static void end(void)
{
	files_remove("failed");
	files_remove(".");
	unlinkat(dir_fd, "failed", AT_REMOVEDIR);
	rmdir(dir);
}

static void begin(void)
{
	snprintf(dir, sizeof(dir), "%s/fuzz_spool.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	demand(mkdtemp(dir) != NULL);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	demand(dir_fd >= 0 && mkdirat(dir_fd, "failed", 0700) == 0);
	atexit(end);
}

/* An event of that id; the bytes are its targets. */
static void event_make(const char *id, struct slice bytes, struct buf *out)
{
	const struct event e = { .id = id, .event = "run.failure", .job = "job", .targets = bytes,
		.trusted = bytes.n & 1, .exit_code = 1 };

	event_encode(&e, out);
}

static void put(struct file *f, uint8_t kind, uint8_t id, struct slice bytes)
{
	int fd;

	f->kind = (kind & 0x7f) % (sizeof(kinds) / sizeof(kinds[0]));
	f->id = ids[id % (sizeof(ids) / sizeof(ids[0]))];
	snprintf(f->name, sizeof(f->name), "%s%s%s", kinds[f->kind].before ? kinds[f->kind].before : "",
		kinds[f->kind].before ? f->id : "", kinds[f->kind].behind);
	if (kind & MADE && (f->kind == 0 || f->kind == 4))
		event_make(f->id, bytes, &f->bytes);
	else
		buf_append(&f->bytes, bytes.s, bytes.n);
	fd = openat(dir_fd, f->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	demand(fd >= 0 && file_write(fd, f->bytes.data, f->bytes.len) == 0);
	close(fd);
}

/* --- what is found there */

static size_t handed;

static void each(void *arg, struct entry *e)
{
	const struct spool *s = arg;

	demand(spool_find(s, e->id) == e && !e->kept);
	handed++;
}

/* All that is known of all entries. */
static void describe(const struct spool *s, struct buf *out)
{
	size_t n, waiting = 0;
	struct entry **list = spool_sorted(s, NULL, NULL, &n);

	demand(list != NULL && n == s->entries + s->digests + s->failed);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		const struct entry *e = spool_find(s, ids[i]);

		buf_printf(out, "%s %d\n", ids[i], known_has(&s->known, ids[i]));
		if (!e)
			continue;
		demand(e->count <= SPOOL_TARGETS && (!e->members || e->count == 1));
		demand(!e->members || (e->members->count > 0 && e->members->count <= 200));
		buf_printf(out, "%d %d %u:\n", e->kept, e->trusted, e->members ? e->members->count : 0);
		entry_state_put(e, out);
		waiting++;
	}
	demand(waiting == n);
	free(list);
}

static void load(struct spool *s, struct report *report)
{
	struct diag d;

	report_open(report, -1, 0);
	handed = 0;
	demand(spool_open(s, dir, report, &d) == 0 && spool_lock(s) == 0);
	demand(spool_load(s, each, s, &d) == 0);
	demand(handed == s->entries + s->digests);
}

static bool stands(const char *name, const struct buf *bytes)
{
	struct buf b = { 0 };
	bool same = spool_read_file(dir_fd, name, 1 << 24, &b) == 0 && b.len == bytes->len &&
		(!b.len || memcmp(b.data, bytes->data, b.len) == 0);

	buf_free(&b);
	return same;
}

/* Not one is gone without a trace. */
static void check_file(const struct spool *s, const struct file *f)
{
	const struct entry *e = spool_find(s, f->id);
	char bad[sizeof(f->name) + 4];
	struct event event;
	struct diag d;

	if (f->kind != 0)
		return;
	snprintf(bad, sizeof(bad), "%.*s.bad", (int)sizeof(f->name) - 1, f->name);
	if (known_has(&s->known, f->id))
		return;
	if (f->bytes.len && event_decode(&event, (struct slice){ f->bytes.data, f->bytes.len }, &d) == 0 &&
		strcmp(event.id, f->id) == 0)
		demand(e && (e->kept || e->members || stands(f->name, &f->bytes)));
	else
		demand(stands(bad, &f->bytes));
}

static void check(const struct file *files, size_t count)
{
	struct buf once = { 0 }, twice = { 0 };
	struct report report;
	struct spool s;

	load(&s, &report);
	for (size_t i = 0; i < count; i++) {
		bool last = true;

		for (size_t k = i + 1; k < count; k++)
			last &= strcmp(files[k].name, files[i].name) != 0;
		if (last)
			check_file(&s, &files[i]);
	}
	describe(&s, &once);
	spool_free(&s);
	report_free(&report);
	load(&s, &report);
	describe(&s, &twice);
	spool_free(&s);
	report_free(&report);
	demand(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	buf_free(&once);
	buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files: kind, id, length (two bytes), content. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file files[FILES_MOST] = { 0 };
	size_t count = 0;

	if (dir_fd < 0)
		begin();
	files_remove("failed");
	files_remove(".");
	while (count < FILES_MOST && size >= HEAD) {
		size_t n = data[2] | (size_t)data[3] << 8;

		n = n < size - HEAD ? n : size - HEAD;
		put(&files[count++], data[0], data[1], (struct slice){ (const char *)data + HEAD, n });
		data += HEAD + n;
		size -= HEAD + n;
	}
	check(files, count);
	while (count > 0)
		buf_free(&files[--count].bytes);
	return 0;
}
