/* output: what a job prints, bounded in memory and on disk.
 * Flow: the guard reads the job's pipes into it, the mail and the outcome are made of it. */
#include "config.h"

#include "crond/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/outcome.h"
#include "crond/scribe.h"

enum {
	CHUNK = 16 * 1024,
	HEAD_MEMORY = 16 * 1024,
	REST_MOST = 64 * 1024,
	READS_MOST = 16, /* before timers are looked at again */
	TAIL_FIRST = 1024,
	LOG_WAIT_MS = 1000,
};

static char chunk[CHUNK]; /* costs pages only once a job prints */

/* --- tail */

static bool tail_room(struct tail *t, size_t want)
{
	size_t cap = t->cap ? t->cap : TAIL_FIRST;
	char *at;

	if (t->cap >= want)
		return true;
	while (cap < want)
		cap *= 2;
	cap = cap < t->most ? cap : t->most;
	at = realloc(t->at, cap);
	if (!at)
		return false;
	t->at = at;
	t->cap = cap;
	return true;
}

static void tail_add(struct tail *t, const char *s, size_t n)
{
	size_t fill;

	if (n > t->most) {
		t->cut += n - t->most;
		s += n - t->most;
		n = t->most;
	}
	if (!tail_room(t, t->len + n < t->most ? t->len + n : t->most)) {
		t->cut += n;
		return;
	}
	if (n == 0)
		return;
	fill = t->most - t->len < n ? t->most - t->len : n;
	memcpy(t->at + t->len, s, fill);
	t->len += fill;
	t->cut += n - fill;
	for (s += fill, n -= fill; n > 0; s += fill, n -= fill) {
		fill = t->most - t->pos < n ? t->most - t->pos : n;
		memcpy(t->at + t->pos, s, fill);
		t->pos = (t->pos + fill) % t->most;
	}
}

static void bytes_turn(char *s, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		char c = s[i];

		s[i] = s[n - 1 - i];
		s[n - 1 - i] = c;
	}
}

/* Oldest byte first, in place: three turns are a rotation. */
static struct slice tail_flat(struct tail *t)
{
	if (t->pos) {
		bytes_turn(t->at, t->pos);
		bytes_turn(t->at + t->pos, t->len - t->pos);
		bytes_turn(t->at, t->len);
		t->pos = 0;
	}
	return (struct slice){ t->at, t->len };
}

static void tail_free(struct tail *t)
{
	free(t->at);
	*t = (struct tail){ .most = t->most };
}

/* --- head */

static int file_make(void)
{
	static const char *const dirs[] = { "/tmp", "/var/tmp" };
	int fd = -1;

	for (size_t i = 0; i < 2 && fd < 0; i++)
		fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd;
}

/* Memory is full: everything so far goes to a file. Where there is none, what is in
 * memory is all the head there will be. */
static bool head_spill(struct output *o)
{
	o->file = file_make();
	if (o->file < 0)
		return false;
	if (file_write(o->file, o->head.data, o->head.len) < 0) {
		close(o->file);
		o->file = -1;
		return false;
	}
	buf_free(&o->head);
	return true;
}

/* How much of it is kept. */
static size_t head_put(struct output *o, const char *s, size_t n)
{
	ssize_t put;

	if (o->file < 0 && o->head.len + n > HEAD_MEMORY && !head_spill(o))
		n = HEAD_MEMORY - o->head.len;
	if (o->file >= 0) {
		put = pwrite(o->file, s, n, (off_t)o->head_len);
		return put > 0 ? (size_t)put : 0;
	}
	buf_append(&o->head, s, n);
	return o->head.failed ? 0 : n;
}

static void keep(struct output *o, const char *s, size_t n)
{
	uint64_t room = o->stuck ? 0 : o->head_most - o->head_len;
	size_t head = n < room ? n : (size_t)room;

	if (head) { /* a full disk is the mail's loss, not the job's */
		head = head_put(o, s, head);
		o->head_len += head;
	}
	if (head < n) {
		o->stuck = true; /* what follows the rest cannot go before it */
		tail_add(&o->rest, s + head, n - head);
	}
}

/* --- echo */

/* Lines of a crontab share one pipe for both. */
static const char *stream_name(const struct output *o, const struct stream *s)
{
	return s == &o->streams[1] ? "stderr" : o->apart ? "stdout" : "output";
}

/* cronie's line of the log. Who reads the log may need a moment for many of them; where it
 * stands still, the job does not. */
static size_t cmdout(struct output *o, struct slice text)
{
	struct pollfd p = { .fd = o->echo->fd, .events = POLLOUT };
	size_t said = text.n;

	if (text.n > 0 && text.s[text.n - 1] == '\r')
		text.n--;
	if (o->echo->target == LOG_TO_SYSLOG && p.fd >= 0)
		o->log_stuck = poll(&p, 1, o->log_stuck ? 0 : LOG_WAIT_MS) == 0;
	log_line(o->echo, LOG_INFO, o->tag, getpid(), 0, "(%.64s) CMDOUT (%.*s)", o->user,
		(int)text.n, text.n ? text.s : "");
	return said;
}

/* more: the line goes on; half a character at its end then stays for the next piece. */
static void echo_line(struct output *o, struct stream *s, bool more)
{
	struct slice text = { s->line.data, s->line.len };
	size_t said = o->user ? cmdout(o, text) :
		log_output(o->echo, o->job, o->run, stream_name(o, s), text, more);

	if (said < s->line.len)
		memmove(s->line.data, s->line.data + said, s->line.len - said);
	s->line.len -= said;
}

static void echo(struct output *o, struct stream *stream, const char *s, size_t n)
{
	struct buf *line = &stream->line;

	while (n > 0) {
		const char *end = memchr(s, '\n', n);
		size_t part = end ? (size_t)(end - s) : n;

		if (part > OUTPUT_ECHO_LINE - line->len)
			part = OUTPUT_ECHO_LINE - line->len, end = NULL;
		buf_append(line, s, part);
		s += part + (end ? 1 : 0);
		n -= part + (end ? 1 : 0);
		if (line->failed)
			buf_clear(line);
		if (end || line->len >= OUTPUT_ECHO_LINE)
			echo_line(o, stream, !end);
	}
}

/* --- all of it */

void output_begin(struct output *o, int out, int err, uint64_t most)
{
	uint64_t rest = most / 2 < REST_MOST ? most / 2 : REST_MOST;

	*o = (struct output){ .file = -1, .head_most = most - rest, .rest.most = (size_t)rest };
	o->streams[0].fd = out;
	o->streams[1].fd = err;
	o->apart = err >= 0;
	o->streams[0].tail.most = o->streams[1].tail.most = OUTCOME_TAIL;
}

/* What the tail holds is about to be its end alone. Without memory there is no head. */
static void head_save(struct stream *s, const char *more, size_t n)
{
	const struct tail *t = &s->tail;
	size_t rest = OUTCOME_TAIL - t->len < n ? OUTCOME_TAIL - t->len : n;

	if (t->cut || t->len + n <= OUTCOME_TAIL || s->head || !(s->head = malloc(OUTCOME_TAIL)))
		return;
	if (t->len)
		memcpy(s->head, t->at, t->len);
	memcpy(s->head + t->len, more, rest);
}

static const struct stream *errors(const struct output *o)
{
	return &o->streams[o->apart];
}

static void take(struct output *o, struct stream *s, size_t n)
{
	o->total += n;
	if (o->keep)
		keep(o, chunk, n);
	if (o->tails) {
		if (s == errors(o))
			head_save(s, chunk, n);
		tail_add(&s->tail, chunk, n);
	}
	if (o->log)
		scribe_add(o->log, s == &o->streams[1], chunk, n);
	if (o->echo)
		echo(o, s, chunk, n);
}

/* Bytes read, 0 when there is nothing now or never again. */
static size_t stream_read(struct stream *s)
{
	ssize_t n = s->fd < 0 ? -1 : read(s->fd, chunk, sizeof(chunk));

	if (n > 0)
		return (size_t)n;
	if (s->fd >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR))) {
		close(s->fd);
		s->fd = -1;
	}
	return 0;
}

void output_read(struct output *o, int stream)
{
	struct stream *s = &o->streams[stream];
	size_t n;

	for (int i = 0; i < READS_MOST && (n = stream_read(s)) > 0; i++) {
		take(o, s, n);
		if (n < sizeof(chunk))
			break;
	}
}

/* Not until it is empty: who still writes could keep us here for ever. */
void output_drain(struct output *o)
{
	for (int i = 0; i < 2; i++) {
		struct stream *s = &o->streams[i];
		int there = 0;
		size_t n;

		if (s->fd < 0 || ioctl(s->fd, FIONREAD, &there) < 0)
			continue;
		do {
			n = stream_read(s);
			take(o, s, n);
			there -= (int)n;
		} while (n > 0 && there >= 0); /* one time more, for its end */
	}
}

void output_say(struct output *o, int stream, const char *s, size_t n)
{
	if (n > sizeof(chunk))
		n = sizeof(chunk);
	memcpy(chunk, s, n);
	take(o, &o->streams[stream], n);
}

void output_discard(struct output *o)
{
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < READS_MOST && stream_read(&o->streams[i]) == sizeof(chunk); k++)
			;
}

bool output_open(const struct output *o)
{
	return o->streams[0].fd >= 0 || o->streams[1].fd >= 0;
}

void output_end(struct output *o)
{
	for (int i = 0; i < 2; i++)
		if (o->streams[i].line.len)
			echo_line(o, &o->streams[i], false);
	o->truncated = o->keep ? output_left_out(o) > 0 :
		o->streams[0].tail.cut + o->streams[1].tail.cut > 0;
}

struct slice output_tail(struct output *o, int stream)
{
	struct tail *t = &o->streams[stream].tail;
	struct slice s = tail_flat(t);

	/* up to three bytes of a character whose beginning was cut off */
	for (int i = 0; t->cut && i < 3 && s.n > 0 && ((unsigned char)*s.s & 0xc0) == 0x80; i++)
		s.s++, s.n--;
	return s;
}

struct slice output_head(const struct output *o)
{
	const char *head = errors(o)->head;

	return head ? outcome_head((struct slice){ head, OUTCOME_TAIL }) : (struct slice){ NULL, 0 };
}

uint64_t output_left_out(const struct output *o)
{
	return o->total - o->head_len - o->rest.len;
}

static size_t head_get(struct output *o, uint64_t offset, char *room, size_t n)
{
	ssize_t got;

	if (n > o->head_len - offset)
		n = (size_t)(o->head_len - offset);
	if (o->file < 0) {
		memcpy(room, o->head.data + offset, n);
		return n;
	}
	got = pread(o->file, room, n, (off_t)offset);
	return got > 0 ? (size_t)got : 0;
}

size_t output_body(struct output *o, uint64_t offset, char *room, size_t n)
{
	char note[96] = "";
	struct slice rest = tail_flat(&o->rest);
	size_t note_n = 0;

	if (offset < o->head_len)
		return head_get(o, offset, room, n);
	offset -= o->head_len;
	if (output_left_out(o)) {
		note_n = (size_t)snprintf(note, sizeof(note), "\n[... %llu bytes left out ...]\n",
			(unsigned long long)output_left_out(o));
		if (offset < note_n) {
			n = n < note_n - offset ? n : note_n - (size_t)offset;
			memcpy(room, note + offset, n);
			return n;
		}
	}
	offset -= note_n;
	if (offset >= rest.n)
		return 0;
	n = n < rest.n - offset ? n : rest.n - (size_t)offset;
	memcpy(room, rest.s + offset, n);
	return n;
}

void output_free(struct output *o)
{
	for (int i = 0; i < 2; i++) {
		if (o->streams[i].fd >= 0)
			close(o->streams[i].fd);
		o->streams[i].fd = -1;
		tail_free(&o->streams[i].tail);
		free(o->streams[i].head);
		o->streams[i].head = NULL;
		buf_free(&o->streams[i].line);
	}
	tail_free(&o->rest);
	buf_free(&o->head);
	if (o->file >= 0)
		close(o->file);
	o->file = -1;
}
