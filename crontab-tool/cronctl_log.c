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
#include "crond/core/run.h"
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

/* What is looked for, and what the daemon says of its job. */
struct wanted {
	const char *name;  /* as asked for: a job's or a run's */
	const char *run;   /* NULL: the newest of the job */
	size_t job_n;      /* of the name */
	struct buf job;    /* its whole name */
	struct buf format; /* of its logs; empty: it has none */
	char newest[RUN_ID_MOST]; /* the id of its run under way that began last; "": none */
	bool underway;     /* the run is, or is about to be */
};

static int failed(const char *path, int error)
{
	fprintf(stderr, "cronctl: %s: %s\n", path, strerror(error));
	return CRONCTL_FAILED;
}

static void runs_take(struct wanted *w, const json_t *line)
{
	const json_t *runs = json_object_get(line, "runs");
	size_t i;
	json_t *one;

	w->underway = false;
	json_array_foreach(runs, i, one) {
		const char *id = json_string_value(one);

		if (id && !w->run && (!*w->newest || strverscmp(id, w->newest) > 0))
			snprintf(w->newest, sizeof(w->newest), "%s", id);
		w->underway |= id && w->run && strcmp(id, w->run) == 0;
	}
}

/* 0 or an exit status. */
static int ask(const char *socket, struct wanted *w)
{
	struct talk t = { .fd = -1, .path = socket };
	struct buf request = { 0 };
	json_t *line;
	int status;

	buf_clear(&w->format);
	talk_begin(&request, CTLMSG_SHOW);
	ctlmsg_slice(&request, "job", (struct slice){ w->name, w->job_n });
	status = talk_open(&t);
	if (!status)
		status = talk_send(&t, &request);
	while (!status && (line = talk_next(&t, &status, NULL))) {
		if (talk_text(line, "log"))
			buf_puts(&w->format, talk_text(line, "log"));
		if (talk_text(line, "job")) {
			buf_clear(&w->job);
			buf_puts(&w->job, talk_text(line, "job"));
			runs_take(w, line);
		}
		json_decref(line);
	}
	talk_close(&t);
	buf_free(&request);
	return status ? status : buf_text(&w->format) && buf_text(&w->job) ? 0 : failed(w->name, ENOMEM);
}

/* The path of the log with that id in its name. 0; -1: there is none. */
static int find_run(struct slice format, const char *run, struct buf *path)
{
	struct buf pattern = { 0 };
	glob_t g = { 0 };
	int rc = -1;

	logpath_glob(format, run, &pattern);
	if (buf_text(&pattern) && glob(pattern.data, GLOB_ERR, NULL, &g) == 0) {
		buf_puts(path, g.gl_pathv[0]);
		rc = buf_text(path) ? 0 : -1;
	}
	globfree(&g);
	buf_free(&pattern);
	return rc;
}

/* One that has just begun makes its log in a moment; one that waits has its turn first. */
static int find_waiting(const char *socket, struct wanted *w, bool follow, struct buf *path)
{
	int status = CRONCTL_OK;
	bool underway;

	do {
		underway = w->underway; /* asked first: what ends between has left its log */
		if (find_run((struct slice){ w->format.data, w->format.len }, w->run, path) == 0)
			return CRONCTL_OK;
		if (follow && underway) {
			poll(NULL, 0, LOOK_MS);
			status = ask(socket, w);
		}
	} while (!status && follow && underway);
	if (!status)
		fprintf(stderr, "cronctl: %s: no log of it is there, or none that may be read\n",
		        w->run);
	return CRONCTL_FAILED;
}

/* The path of a run's log, or of the newest one, which for who follows is that of what runs. */
static int find(const char *socket, struct wanted *w, bool follow, struct buf *path)
{
	const bool told_apart = strstr(w->format.data, "%i");
	const struct slice format = { w->format.data, w->format.len };

	if (!w->run && follow && *w->newest && told_apart) {
		w->run = w->newest;
		w->underway = true;
	}
	if (!w->run) {
		logpath_newest(format.s, path);
		return buf_text(path) ? CRONCTL_OK : failed(format.s, ENOMEM);
	}
	if (!told_apart) {
		fprintf(stderr,
		        "cronctl: the names of its logs do not tell one run from another (%s)\n",
		        format.s);
		return CRONCTL_FAILED;
	}
	return find_waiting(socket, w, follow, path);
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
	const bool harmless = isatty(STDOUT_FILENO);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct follow f = { .fd = fd, .harmless = harmless };
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

/* --- what the history has */

/* One run of it. */
struct past {
	bool known, over;
	struct buf run, log, errors;
};

static void past_take(void *arg, const json_t *o)
{
	struct past *p = arg;
	const char *status = talk_text(o, "status");

	p->known = true;
	p->over = status && strcmp(status, "running") != 0;
	buf_puts(&p->run, talk_text(o, "run_id") ? talk_text(o, "run_id") : "");
	buf_puts(&p->log, talk_text(o, "log") ? talk_text(o, "log") : "");
	buf_puts(&p->errors, talk_text(o, "stderr") ? talk_text(o, "stderr") : "");
}

/* The run, or the newest of the job. Where there is no history nothing is known. */
static void past_ask(const char *socket, const char *run, const char *job, struct past *p)
{
	struct talk t = { .fd = -1, .path = socket, .at_socket = CTLMSG_OF_HISTORY, .quiet = true };
	struct buf request = { 0 };

	talk_begin(&request, CTLMSG_RUNS);
	ctlmsg_text(&request, "run", run);
	ctlmsg_text(&request, "job", job);
	ctlmsg_number(&request, "limit", 1);
	ctlmsg_bool(&request, "stderr", true);
	talk_each(&t, &request, past_take, p, NULL);
	p->known &= buf_text(&p->run) && buf_text(&p->log) && buf_text(&p->errors);
}

static void past_free(struct past *p)
{
	buf_free(&p->run);
	buf_free(&p->log);
	buf_free(&p->errors);
}

/* What was kept of standard error stands for a log that is not there. */
static int past_errors(const struct past *p, const char *why)
{
	struct buf out = { 0 };
	int rc;

	if (!p->errors.len) {
		fprintf(stderr, "cronctl: %s: %s, and nothing is on record of its standard error\n",
			p->run.data, why);
		return CRONCTL_FAILED;
	}
	fprintf(stderr, "cronctl: %s: %s: this is how its standard error began\n", p->run.data, why);
	if (isatty(STDOUT_FILENO))
		follow_harmless(&out, p->errors.data, p->errors.len);
	else
		buf_append(&out, p->errors.data, p->errors.len);
	rc = out.failed ? -1 : file_write(STDOUT_FILENO, out.data, out.len);
	buf_free(&out);
	return rc < 0 ? failed("standard output", errno) : CRONCTL_OK;
}

static int past_show(const struct past *p, bool follow)
{
	if (!p->log.len)
		return past_errors(p, "it has no log (option log)");
	if (access(p->log.data, F_OK) < 0 && errno == ENOENT)
		return past_errors(p, "its log is gone");
	return show(p->log.data, follow);
}

/* Of a job without logs. */
static int without_log(const char *socket, const struct wanted *w)
{
	struct past p = { 0 };
	int status = CRONCTL_FAILED;

	if (!w->run)
		past_ask(socket, NULL, w->job.data, &p);
	if (p.known && p.over)
		status = past_show(&p, false);
	else
		fprintf(stderr, "cronctl: %s keeps no log of its runs (option log)\n", w->job.data);
	past_free(&p);
	return status;
}

/* As far as the daemon and the directories know. */
static int by_daemon(const char *socket, struct wanted *w, bool follow)
{
	struct buf path = { 0 };
	int status = ask(socket, w);

	if (!status && !w->format.len)
		return without_log(socket, w);
	if (!status)
		status = find(socket, w, follow, &path);
	if (!status)
		status = show(path.data, follow);
	buf_free(&path);
	return status;
}

int cronctl_log(int argc, char **argv)
{
	struct cronctl_options o = { .takes = CRONCTL_FOLLOW };
	struct wanted w = { 0 };
	struct past p = { 0 };
	int status;

	if (cronctl_options(&o, argc, argv) < 0 || argc - o.rest != 1)
		return cronctl_usage(argv[0]);
	w.name = argv[o.rest];
	w.job_n = job_of_run(w.name);
	w.run = w.job_n ? w.name : NULL;
	w.job_n = w.job_n ? w.job_n : strlen(w.name);
	if (w.run)
		past_ask(o.socket, w.run, NULL, &p);
	status = p.known && p.over ? past_show(&p, o.follow) : by_daemon(o.socket, &w, o.follow);
	buf_free(&w.format);
	buf_free(&w.job);
	past_free(&p);
	return status;
}
