/* follow: a log that somebody may be writing to, from its beginning to its end.
 * Flow: cronctl log opens it; what is new is shown, also when the middle of it has been cut
 * out meanwhile (crond/runlog). */
#include "config.h"

#include "crontab-tool/follow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/logmark.h"

enum { PIECE = 16 * 1024 };

/* --- what a terminal is shown */

/* Bytes of one character that may be shown as it is: 0 for none, -1 for half of one. */
static int printable(const char *s, size_t n)
{
	mbstate_t state = { 0 };
	wchar_t wide = 0;
	size_t took;

	if (*s == '\n' || *s == '\t' || (*s >= ' ' && *s <= '~'))
		return 1;
	if (*s == '\r' && n == 1)
		return -1;
	if (*s == '\r')
		return s[1] == '\n' ? 2 : 0;
	took = mbrtowc(&wide, s, n, &state);
	if (took == (size_t)-2)
		return -1;
	if (took == (size_t)-1 || took == 0 || !iswprint((wint_t)wide) || text_misleads((uint32_t)wide))
		return 0;
	return (int)took;
}

/* Bytes that were held back come first; more: what may be half of a character is. */
static void show(struct follow *f, struct buf *out, const char *s, size_t n, bool more)
{
	while (n > 0) {
		int took = printable(s, n);

		if (took < 0 && more && n < sizeof(f->half)) {
			memcpy(f->half, s, n);
			f->half_n = (unsigned)n;
			return;
		}
		if (took > 0)
			buf_append(out, s, (size_t)took);
		else
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*s);
		s += took > 0 ? took : 1;
		n -= took > 0 ? (size_t)took : 1;
	}
}

static void put(struct follow *f, struct buf *out, const char *s, size_t n, bool more)
{
	struct buf whole = { 0 };

	if (!f->harmless) {
		buf_append(out, s, n);
		return;
	}
	buf_append(&whole, f->half, f->half_n);
	buf_append(&whole, s, n);
	f->half_n = 0;
	out->failed |= whole.failed;
	if (!whole.failed)
		show(f, out, whole.data, whole.len, more);
	buf_free(&whole);
}

void follow_harmless(struct buf *out, const char *s, size_t n)
{
	struct follow f = { .fd = -1, .harmless = true };

	show(&f, out, s, n, false);
}

/* --- where it was cut */

/* Is what was read last where it was? Nobody changes it but by a cut. */
static bool as_it_was(const struct follow *f)
{
	char now[FOLLOW_KNOWN];

	return pread(f->fd, now, f->known_n, (off_t)(f->at - f->known_n)) == (ssize_t)f->known_n &&
		memcmp(now, f->known, f->known_n) == 0;
}

/* The mark is about in the middle: whatever else looks like one was printed by the job. */
static bool mark_find(const struct follow *f, uint64_t size, uint64_t *at, uint64_t *left_out)
{
	char text[PIECE + 1];
	bool found = false;
	ssize_t n;

	for (uint64_t from = 0; (n = pread(f->fd, text, PIECE, (off_t)from)) > 0;
		from += n > LOGMARK_MOST ? (uint64_t)n - LOGMARK_MOST : (uint64_t)n) {
		text[n] = '\0';
		for (char *s = text; (s = memmem(s, (size_t)(text + n - s), "\n[... ", 6)); s++) {
			if (!logmark_read(s, (size_t)(text + n - s), left_out))
				continue;
			*at = from + (uint64_t)(s - text);
			found = true;
			if (*at * 2 + LOGMARK_MOST >= size)
				return true;
		}
	}
	return found;
}

static void mark_look(struct follow *f, uint64_t size)
{
	f->looked = true;
	f->left_out = 0;
	if (!mark_find(f, size, &f->mark, &f->left_out))
		f->mark = UINT64_MAX;
}

/* How much of what was written had been shown, by the mark that stood there then. */
static uint64_t seen(const struct follow *f)
{
	char text[LOGMARK_MOST];

	if (f->mark == UINT64_MAX || f->at <= f->mark)
		return f->at;
	return f->at + f->left_out - logmark(f->left_out, text);
}

/* Goes on behind what was shown, or behind the mark where more than that has been cut out. */
static void cut_find(struct follow *f, uint64_t size, struct buf *out)
{
	const uint64_t before = seen(f);
	char text[LOGMARK_MOST];
	uint64_t marked;

	f->known_n = 0;
	mark_look(f, size);
	marked = logmark(f->left_out, text);
	if (f->mark == UINT64_MAX) { /* not ours, or somebody has emptied it */
		f->at = size < f->at ? 0 : f->at;
	} else if (before >= f->mark + f->left_out) {
		f->at = before - f->left_out + marked;
		f->at = f->at < size ? f->at : size;
	} else {
		put(f, out, text, logmark(f->left_out - (before > f->mark ? before - f->mark : 0), text),
			true);
		f->at = f->mark + marked;
	}
}

int follow_next(struct follow *f, struct buf *out)
{
	char piece[PIECE];
	struct stat st;
	ssize_t n;

	if (fstat(f->fd, &st) < 0)
		return -1;
	if (!f->looked)
		mark_look(f, (uint64_t)st.st_size);
	if ((uint64_t)st.st_size < f->at || !as_it_was(f))
		cut_find(f, (uint64_t)st.st_size, out);
	n = pread(f->fd, piece, sizeof(piece), (off_t)f->at);
	if (n <= 0)
		return n < 0 ? -1 : 0;
	put(f, out, piece, (size_t)n, true);
	f->at += (uint64_t)n;
	f->known_n = n < FOLLOW_KNOWN ? (unsigned)n : FOLLOW_KNOWN;
	memcpy(f->known, piece + n - f->known_n, f->known_n);
	return 1;
}

void follow_end(struct follow *f, struct buf *out)
{
	put(f, out, "", 0, false);
}
