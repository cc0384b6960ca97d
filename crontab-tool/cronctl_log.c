/* cronctl_log: what a run has printed, also while it goes on printing.
 * Flow: the daemon tells where the logs of a job are; they are opened here, with the rights
 * of whoever asks. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/core/logpath.h"
#include "crontab-tool/cronctl.h"
#include "crontab-tool/cronctl_talk.h"
#include "crontab-tool/follow.h"

enum { LOOK_MS = 100, EPOCH_LEAST = 9 };

/* A run's id is its job's name, an epoch and an attempt: the name's length, 0 for none. */
static size_t job_of_run(const char *text)
{
	size_t n = strlen(text), digits = 0;

	while (n > 0 && text[n - 1] >= '0' && text[n - 1] <= '9')
		n--;
	if (n == strlen(text) || n < 2 || text[--n] != '-')
		return 0;
	for (; n > 0 && text[n - 1] >= '0' && text[n - 1] <= '9'; n--)
		digits++;
	return digits >= EPOCH_LEAST && n > 1 && text[n - 1] == '-' ? n - 1 : 0;
}

/* The format of the job's logs, to be freed; 0 or an exit status. */
static int ask(const char *socket, const char *name, size_t name_n, struct buf *format)
{
	struct talk t = { .fd = -1, .path = socket };
	struct buf request = { 0 };
	json_t *line;
	int status;

	talk_begin(&request, CTLMSG_SHOW);
	ctlmsg_slice(&request, "job", (struct slice){ name, name_n });
	status = talk_open(&t);
	if (!status)
		status = talk_send(&t, &request);
	while (!status && (line = talk_next(&t, &status, NULL))) {
		if (talk_text(line, "log"))
			buf_puts(format, talk_text(line, "log"));
		json_decref(line);
	}
	talk_close(&t);
	buf_free(&request);
	if (!status && !format->len) {
		fprintf(stderr, "cronctl: %.*s keeps no log of its runs (option log)\n",
		        (int)name_n, name);
		status = CRONCTL_FAILED;
	}
	return status;
}

static int failed(const char *path, int error)
{
	fprintf(stderr, "cronctl: %s: %s\n", path, strerror(error));
	return CRONCTL_FAILED;
}

/* The path of a run's log, or of the newest one. */
static int find(struct slice format, const char *run, struct buf *path)
{
	struct buf pattern = { 0 };
	glob_t g = { 0 };
	int status = CRONCTL_OK;

	if (!run) {
		logpath_newest(format.s, path);
		return buf_text(path) ? CRONCTL_OK : failed(format.s, ENOMEM);
	}
	logpath_glob(format, run, &pattern);
	if (!strstr(format.s, "%i")) {
		fprintf(stderr,
		        "cronctl: the names of its logs do not tell one run from another (%s)\n",
		        format.s);
		status = CRONCTL_FAILED;
	} else if (!buf_text(&pattern) || glob(pattern.data, GLOB_ERR, NULL, &g) != 0) {
		fprintf(stderr, "cronctl: %s: no log of it is there, or none that may be read\n",
		        run);
		status = CRONCTL_FAILED;
	} else {
		buf_puts(path, g.gl_pathv[0]);
		status = buf_text(path) ? CRONCTL_OK : failed(run, ENOMEM);
	}
	globfree(&g);
	buf_free(&pattern);
	return status;
}

/* What there is; false: it cannot be read or written. */
static bool copy(struct follow *f, bool more)
{
	struct buf out = { 0 };
	int next;

	do {
		buf_clear(&out);
		next = follow_next(f, &out);
		if (next == 0 && !more)
			follow_end(f, &out);
		if (out.failed || file_write(STDOUT_FILENO, out.data, out.len) < 0)
			next = -1;
	} while (next > 0);
	buf_free(&out);
	return next == 0;
}

/* Its keeper holds a lock on it. */
static bool being_written(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return false;
}

static int show(const char *path, bool follow)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct follow f = { .fd = fd, .harmless = isatty(STDOUT_FILENO) };
	bool more = true, good = fd >= 0;

	while (good && more) {
		more = follow && being_written(fd); /* asked first: what follows is its last then */
		good = copy(&f, more);
		if (good && more)
			poll(NULL, 0, LOOK_MS);
	}
	if (!good)
		failed(path, errno);
	if (fd >= 0)
		close(fd);
	return good ? CRONCTL_OK : CRONCTL_FAILED;
}

int cronctl_log(int argc, char **argv)
{
	struct cronctl_options o = { .takes = CRONCTL_FOLLOW };
	struct buf format = { 0 }, path = { 0 };
	const char *name;
	size_t job_n;
	int status;

	if (cronctl_options(&o, argc, argv) < 0 || argc - o.rest != 1)
		return cronctl_usage(argv[0]);
	name = argv[o.rest];
	job_n = job_of_run(name);
	status = ask(o.socket, name, job_n ? job_n : strlen(name), &format);
	if (!status)
		status = buf_text(&format) ? find((struct slice){ format.data, format.len },
		                                     job_n ? name : NULL, &path)
		                           : failed(name, ENOMEM);
	if (!status)
		status = show(path.data, o.follow);
	buf_free(&format);
	buf_free(&path);
	return status;
}
