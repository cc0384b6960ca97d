/* runlog: what a run prints, in a file of its own that can be read meanwhile.
 * Flow: the scribe hands on what the keeper has read from the job's pipes; beyond the limit
 * the head and the tail stay, and the cut is marked. */
#include "config.h"

#include "crond/runlog.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "crond/core/logmark.h"

#define STDERR_MARK "stderr: "

enum { PIECE = 8 * 1024 };

static uint64_t most_of(const struct runlog *l)
{
	return l->most < RUNLOG_LEAST ? RUNLOG_LEAST : l->most;
}

static uint64_t head_of(const struct runlog *l)
{
	return l->left_out ? l->head : most_of(l) / 2;
}

static bool failed(struct runlog *l, int error)
{
	l->error = error ? error : EIO;
	close(l->fd);
	l->fd = -1;
	return false;
}

/* 0 or errno. */
static int write_at(const struct runlog *l, uint64_t at, const char *s, size_t n)
{
	while (n > 0) {
		ssize_t done = pwrite(l->fd, s, n, (off_t)(l->base + at));

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? errno : ENOSPC;
		s += done;
		n -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

static bool put_at(struct runlog *l, uint64_t at, const char *s, size_t n)
{
	int error = write_at(l, at, s, n);

	return error == 0 || failed(l, error);
}

/* Forward, piece by piece: what is read stands behind what is written. */
static bool move(struct runlog *l, uint64_t from, uint64_t to, uint64_t n)
{
	char piece[PIECE];

	while (n > 0) {
		ssize_t got =
		        pread(l->fd, piece, n < PIECE ? (size_t)n : PIECE, (off_t)(l->base + from));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return failed(l, got < 0 ? errno : EIO);
		if (!put_at(l, to, piece, (size_t)got))
			return false;
		from += (uint64_t)got;
		to += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return true;
}

/* The older half of the tail makes room, so a byte is moved once at most on the average. */
static bool cut(struct runlog *l)
{
	char text[LOGMARK_MOST];
	uint64_t head = head_of(l), keep = (most_of(l) - head) / 2;
	uint64_t marked = l->left_out ? logmark(l->left_out, text) : 0;

	l->left_out += l->len - head - marked - keep;
	l->head = head;
	marked = logmark(l->left_out, text);
	/* the mark is longer than nothing: the first time it must not meet what it keeps */
	if (!move(l, l->len - keep, head + marked, keep) || !put_at(l, head, text, (size_t)marked))
		return false;
	l->len = head + marked + keep;
	return ftruncate(l->fd, (off_t)(l->base + l->len)) == 0 || failed(l, errno);
}

static uint64_t room(const struct runlog *l)
{
	char text[LOGMARK_MOST];
	uint64_t most = most_of(l) + (l->left_out ? logmark(l->left_out, text) : 0);

	return l->most ? most - l->len : UINT64_MAX;
}

/* There was no room for n bytes. The mark takes the place of what stands there already: for
 * that there is room. What was put behind an earlier one is dropped, or it would stand before
 * what it came after. */
static bool leave_out(struct runlog *l, uint64_t n)
{
	char text[LOGMARK_MOST];
	uint64_t marked = logmark(l->left_out, text);

	if (!l->left_out) {
		l->head = l->len > marked ? l->len - marked : 0;
		l->left_out = l->len - l->head + n;
	} else {
		l->left_out += l->len - l->head - marked + n;
	}
	l->len = l->head + logmark(l->left_out, text);
	if (!put_at(l, l->head, text, (size_t)(l->len - l->head)))
		return false;
	return ftruncate(l->fd, (off_t)(l->base + l->len)) == 0 || failed(l, errno);
}

static void put(struct runlog *l, const char *s, size_t n)
{
	while (n > 0 && l->fd >= 0) {
		uint64_t free_now = room(l);
		size_t part = n < free_now ? n : (size_t)free_now;
		int error;

		if (part == 0 && !cut(l))
			return;
		error = part ? write_at(l, l->len, s, part) : 0;
		if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
			l->error = error;
			leave_out(l, n);
			return;
		}
		if (error) {
			failed(l, error);
			return;
		}
		l->len += part;
		s += part;
		n -= part;
	}
}

/* Both streams come as they were read; a line that another cuts into ends there. */
static void put_lines(struct runlog *l, int stream, const char *s, size_t n)
{
	char text[PIECE];
	size_t used = 0;

	if (l->midline && l->last != stream) {
		text[used++] = '\n';
		l->midline = false;
	}
	while (n > 0) {
		const char *end = memchr(s, '\n', n);
		size_t part = end ? (size_t)(end + 1 - s) : n, mark_n = sizeof(STDERR_MARK) - 1;

		if (used + mark_n >= sizeof(text)) {
			put(l, text, used);
			used = 0;
		}
		if (!l->midline && stream == 1) {
			memcpy(text + used, STDERR_MARK, mark_n);
			used += mark_n;
		}
		if (part > sizeof(text) - used) {
			part = sizeof(text) - used;
			end = NULL;
		}
		memcpy(text + used, s, part);
		used += part;
		l->midline = !end;
		s += part;
		n -= part;
	}
	put(l, text, used);
	l->last = stream;
}

void runlog_add(struct runlog *l, int stream, const char *s, size_t n)
{
	if (l->fd < 0 || n == 0)
		return;
	if (l->apart)
		put_lines(l, stream, s, n);
	else
		put(l, s, n);
}

void runlog_skip(struct runlog *l, uint64_t n)
{
	if (l->fd >= 0 && n)
		leave_out(l, n);
}

void runlog_close(struct runlog *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
