/* Any bytes as a datagram of a job: what is taken from it lies within it, and what is to be
 * shown of it is text that does nothing to a terminal. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/text.h"
#include "crond/core/sdnotify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void check_slice(struct slice part, struct slice whole)
{
	if (!part.s)
		return;
	demand(part.s >= whole.s && part.s + part.n <= whole.s + whole.n);
	demand(!part.n || (!memchr(part.s, '\n', part.n) && !memchr(part.s, 0, part.n)));
}

static void check_text(struct slice text, size_t room)
{
	char *out = malloc(room); /* of its own, so that a byte too many is seen */
	struct slice shown;

	demand(out != NULL);
	sdnotify_text(text, out, room);
	demand(memchr(out, 0, room) != NULL);
	for (shown = slice_of(out); shown.n > 0;) {
		size_t n = text_utf8(shown);

		demand(n > 0 && (unsigned char)*shown.s >= 0x20 && *shown.s != 0x7f);
		demand(!(n == 2 && (unsigned char)*shown.s == 0xc2 && (unsigned char)shown.s[1] < 0xa0));
		shown.s += n;
		shown.n -= n;
	}
	free(out);
}

static int same_text(struct slice a, struct slice b)
{
	return !a.s == !b.s && a.n == b.n && (!a.n || memcmp(a.s, b.s, a.n) == 0);
}

/* What comes again counts no more, and what means nothing here changes nothing. */
static void check_repeated(const struct sdnotify *m, struct slice whole)
{
	static const char nothing[] = "X_NOTHING=1\n";
	const size_t head = sizeof(nothing) - 1;
	size_t n = whole.n && !whole.s[whole.n - 1] ? whole.n - 1 : whole.n;
	size_t size = head + n + 1 + n;
	char *twice = malloc(size);
	struct sdnotify again;

	demand(twice != NULL);
	memcpy(twice, nothing, head);
	memcpy(twice + head, whole.s, n);
	twice[head + n] = '\n';
	memcpy(twice + head + n + 1, whole.s, n);
	if (size <= SDNOTIFY_MOST) {
		demand(sdnotify_parse(&again, (struct slice){ twice, size }) == 0);
		demand(m->ready == again.ready && m->stopping == again.stopping);
		demand(m->watchdog == again.watchdog && m->trigger == again.trigger);
		demand(m->has_interval == again.has_interval && m->interval_us == again.interval_us);
		demand(m->has_extend == again.has_extend && m->extend_us == again.extend_us);
		demand(same_text(m->status, again.status) && same_text(m->alert, again.alert));
		demand(same_text(m->batch_start, again.batch_start));
		demand(same_text(m->batch_end, again.batch_end));
	}
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice whole = { (const char *)data, size };
	struct sdnotify m;

	check_text(whole, 8 + size % 61);
	if (sdnotify_parse(&m, whole) < 0) {
		demand(size == 0 || size > SDNOTIFY_MOST || memchr(data, 0, size) != NULL);
		return 0;
	}
	check_slice(m.status, whole);
	check_slice(m.alert, whole);
	check_slice(m.batch_start, whole);
	check_slice(m.batch_end, whole);
	demand(!m.alert.s || m.alert.n > 0);
	demand((m.has_interval || !m.interval_us) && (m.has_extend || !m.extend_us));
	check_repeated(&m, whole);
	return 0;
}
