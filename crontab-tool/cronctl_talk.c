/* cronctl_talk: a conversation with the daemon.
 * Flow: verbs ask through here; the daemon's lines are judged, its texts made fit for a
 * terminal. */
#include "config.h"

#include "crontab-tool/cronctl_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "crond/base/arena.h"
#include "crond/base/text.h"
#include "crond/core/conf.h"
#include "crontab-tool/cronctl.h"

enum { READ_EACH = 65536, LINE_MOST = 64 << 20, PATH_ROOM = 4096, ANSWER_S = 30 };

/* --- where it listens */

static void usual_path(char *out, size_t n)
{
	struct arena arena = { 0 };
	struct conf conf;

	cronctl_conf(&conf, &arena);
	snprintf(out, n, "%s/" CTLMSG_SOCKET, conf.run_dir ? conf.run_dir : RUNDIR);
	arena_free(&arena);
}

/* An address has room for 107 bytes; a longer path is reached through its directory. */
static int connect_path(int fd, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *slash = strrchr(path, '/');
	int dir, result, error;
	char *above;

	if (strlen(path) < sizeof(at.sun_path)) {
		memcpy(at.sun_path, path, strlen(path) + 1);
		return connect(fd, (const struct sockaddr *)&at, sizeof(at));
	}
	errno = ENAMETOOLONG;
	above = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	dir = above ? open(above, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	free(above);
	if (dir < 0)
		return -1;
	result = -1;
	if (snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d%s", dir, slash) <
		(int)sizeof(at.sun_path))
		result = connect(fd, (const struct sockaddr *)&at, sizeof(at));
	error = errno;
	close(dir);
	errno = error;
	return result;
}

/* The others' sockets are beside the scheduler's. */
static void path_beside(char *path, size_t room, enum ctlmsg_socket at)
{
	char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash + 1 - path) : 0;

	if (at != CTLMSG_OF_CONTROL)
		snprintf(path + n, room - n, "%s", ctlmsg_socket_name(at));
}

static void path_settle(const struct talk *t, char *out, size_t n)
{
	const char *path = t->path ? t->path : getenv("CRONCTL_SOCKET");

	if (path && *path)
		snprintf(out, n, "%s", path);
	else
		usual_path(out, n);
	path_beside(out, n, t->at_socket);
}

static const struct {
	const char *program, *lacks;
} helpers[] = {
	[CTLMSG_OF_HISTORY] = { "crond-history",
		"this crond keeps no history: it is switched off in crond.conf, or crond-history is"
		" not installed" },
	[CTLMSG_OF_ALERTS] = { "crond-notify", "this crond tells nobody: crond-notify is not installed" },
};

/* A helper's socket that is not there says something only where the scheduler's is. */
static const char *why_not(const struct talk *t, int error)
{
	struct talk control = { .fd = -1, .path = t->path };
	char path[PATH_ROOM];
	bool there = false;

	if (error == EAGAIN && t->at_socket != CTLMSG_OF_CONTROL)
		return "too many wait for an answer there";
	if (error != ENOENT && error != ECONNREFUSED)
		return strerror(error);
	if (t->at_socket != CTLMSG_OF_CONTROL) {
		path_settle(&control, path, sizeof(path));
		control.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		there = control.fd >= 0 && connect_path(control.fd, path) == 0;
		talk_close(&control);
	}
	return there ? helpers[t->at_socket].lacks : "no crond is running here";
}

int talk_open(struct talk *t)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	char path[PATH_ROOM];
	int error;

	path_settle(t, path, sizeof(path));
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->fd >= 0 && t->at_socket != CTLMSG_OF_CONTROL) { /* a helper may hang with its disk */
		setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	if (t->fd >= 0 && connect_path(t->fd, path) == 0)
		return 0;
	error = errno;
	if (!t->quiet)
		fprintf(stderr, "cronctl: %s: %s\n", path, why_not(t, error));
	return CRONCTL_NO_DAEMON;
}

void talk_close(struct talk *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->at = 0; /* it may be opened again */
	buf_free(&t->in);
}

/* --- request and answer */

void talk_begin(struct buf *b, enum ctlmsg_verb verb)
{
	ctlmsg_open(b);
	ctlmsg_number(b, "version", CTLMSG_VERSION);
	ctlmsg_text(b, "verb", ctlmsg_verb_name(verb));
}

/* That the daemon hangs up is found when its answer is read: it may say why. */
int talk_send(struct talk *t, struct buf *request)
{
	size_t sent = 0;

	ctlmsg_close(request);
	while (!request->failed && sent < request->len) {
		ssize_t n = send(t->fd, request->data + sent, request->len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	return 0;
}

static int broke_off(const char *why)
{
	fprintf(stderr, "cronctl: the daemon's answer broke off: %s\n", why);
	return CRONCTL_NO_DAEMON;
}

static int receive_failed(const struct talk *t, int error)
{
	if (error != EAGAIN || t->at_socket == CTLMSG_OF_CONTROL)
		return broke_off(strerror(error));
	fprintf(stderr, "cronctl: %s does not answer: crond's log says why\n", helpers[t->at_socket].program);
	return CRONCTL_NO_DAEMON;
}

/* 0: there is a whole line at t->at. */
static int line_wait(struct talk *t, char **newline)
{
	size_t seen = t->at;

	for (;;) {
		ssize_t n;

		*newline = t->in.len > seen ? memchr(t->in.data + seen, '\n', t->in.len - seen) : NULL;
		if (*newline)
			return 0;
		if (t->at) {
			t->in.len -= t->at;
			memmove(t->in.data, t->in.data + t->at, t->in.len);
			t->at = 0;
		}
		seen = t->in.len;
		if (t->in.len > LINE_MOST || !buf_reserve(&t->in, READ_EACH))
			return broke_off("out of memory");
		do
			n = recv(t->fd, t->in.data + t->in.len, READ_EACH, 0);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return receive_failed(t, errno);
		if (n == 0)
			return broke_off("it closed the connection");
		t->in.len += (size_t)n;
	}
}

static json_t *line_read(struct talk *t, int *status)
{
	json_error_t error;
	char *newline;
	json_t *o;

	*status = line_wait(t, &newline);
	if (*status)
		return NULL;
	t->line = (struct slice){ t->in.data + t->at, (size_t)(newline - (t->in.data + t->at)) };
	t->at += t->line.n + 1;
	o = json_loadb(t->line.s, t->line.n, 0, &error);
	if (json_is_object(o))
		return o;
	json_decref(o);
	*status = broke_off("it sent something else");
	return NULL;
}

json_t *talk_next(struct talk *t, int *status, json_t **end)
{
	json_t *o = line_read(t, status);
	struct buf b = { 0 };

	if (!o || !talk_true(o, "end"))
		return o;
	if (!talk_true(o, "ok")) {
		*status = CRONCTL_FAILED;
		talk_show(&b, talk_text(o, "error") ? talk_text(o, "error") : "refused");
		fprintf(stderr, "cronctl: %s\n", buf_text(&b) ? b.data : "refused");
		buf_free(&b);
	}
	if (end && *status == CRONCTL_OK)
		*end = o;
	else
		json_decref(o);
	return NULL;
}

int talk_each(struct talk *t, struct buf *request, void (*each)(void *arg, const json_t *o), void *arg,
	json_t **end)
{
	int status = talk_open(t);
	json_t *o;

	if (!status)
		status = talk_send(t, request);
	while (!status && (o = talk_next(t, &status, end))) {
		t->lines++;
		if (t->json)
			printf("%.*s\n", (int)t->line.n, t->line.s);
		else
			each(arg, o);
		json_decref(o);
	}
	talk_close(t);
	buf_free(request);
	return status;
}

/* --- what is in it */

const char *talk_text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

json_int_t talk_number(const json_t *o, const char *name, json_int_t fallback)
{
	const json_t *value = json_object_get(o, name);

	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double talk_real(const json_t *o, const char *name, double fallback)
{
	const json_t *value = json_object_get(o, name);

	return json_is_number(value) ? json_number_value(value) : fallback;
}

bool talk_true(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

void talk_show(struct buf *out, const char *text)
{
	mbstate_t state = { 0 };
	size_t left = strlen(text);

	while (left) {
		wchar_t wide = 0;
		size_t n = 0;

		while (n < left && text[n] >= ' ' && text[n] <= '~') /* most is */
			n++;
		if (n) {
			buf_append(out, text, n);
			text += n;
			left -= n;
			continue;
		}
		n = mbrtowc(&wide, text, left, &state);
		if (n == (size_t)-1 || n == (size_t)-2 || n == 0 || !iswprint((wint_t)wide) ||
			text_misleads((uint32_t)wide)) {
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
			state = (mbstate_t){ 0 };
			n = 1;
		} else {
			buf_append(out, text, n);
		}
		text += n;
		left -= n;
	}
}

void talk_fact(int width, const char *name, const char *text)
{
	struct buf b = { 0 };

	if (!text)
		return;
	talk_show(&b, text);
	printf("%-*s %s\n", width, name, buf_text(&b) ? b.data : "?");
	buf_free(&b);
}
