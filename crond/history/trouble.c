/* trouble: what is done when the database cannot be used.
 * Flow: records wait in the backlog, unacknowledged, while history tries again; one line
 * says that it begins, one that it is over. */
#include "config.h"

#include "crond/history/trouble.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

enum { ASIDE_AGAIN_MS = 60 * 1000 };
/* A disk with room for a moment now and then would fill the log: what was told of so lately is
 * told of again only where it lasts. */
enum { LATELY_MS = 600 * 1000, LASTS_MS = 60 * 1000 };

/* How long it is borne without a word, how it is tried again, and whether the open database
 * is still to be trusted. */
static const struct trouble_row {
	int64_t quiet_ms, first_ms, most_ms;
	bool keep;
} rows[DB_TROUBLES] = {
	[DB_BUSY] = { 15000, 50, 1000, true },
	[DB_FULL] = { 0, 100, 2000, true },
	[DB_READ_ONLY] = { 0, 200, 10000, false },
	[DB_UNREACHABLE] = { 0, 200, 10000, false },
	[DB_IO] = { 0, 200, 30000, false },
	[DB_DAMAGED] = { 0, 1000, 60000, false },
	[DB_FOREIGN] = { 0, 1000, 60000, false },
	[DB_MEMORY] = { 0, 1000, 10000, true },
	[DB_ODD] = { 0, 500, 30000, false },
};

static int64_t quiet_ms(const struct history *h, int64_t now)
{
	bool lately = h->named == h->trouble && now - h->named_ms < LATELY_MS;

	return lately ? LASTS_MS : rows[h->trouble].quiet_ms;
}

static void say(struct history *h, int64_t now)
{
	if (h->said || now - h->trouble_ms < quiet_ms(h, now))
		return;
	h->named = h->trouble;
	h->named_ms = now;
	report_log(&h->report, LOG_ERR, "the history in %s %s: %s; records of runs wait", h->place,
		db_trouble_name(h->trouble), h->why.text);
	h->said = h->spoken = true;
}

static void try_later(struct history *h, int64_t now)
{
	int64_t wait = rows[h->trouble].first_ms;

	for (unsigned i = 0; i < h->tries && wait < rows[h->trouble].most_ms; i++)
		wait *= 2;
	h->tries++;
	h->retry_ms = now + (wait < rows[h->trouble].most_ms ? wait : rows[h->trouble].most_ms);
}

/* Not again and again: a disk that damages each new one would be filled with them. */
static int put_aside(struct history *h, const struct diag *d, int64_t now)
{
	char *into = h->asked.aside;

	if (h->aside_ms && now - h->aside_ms < ASIDE_AGAIN_MS)
		return -1;
	h->aside_ms = now;
	if (db_put_aside(&h->db, time(NULL), into, sizeof(h->asked.aside)) < 0) {
		*into = '\0';
		report_log(&h->report, LOG_ERR,
			"the history in %s is damaged, and cannot be put aside: %s", h->place,
			strerror(errno));
		return -1;
	}
	report_log(&h->report, LOG_ERR, "the history in %s is damaged: %s; it is kept there as %s",
		h->place, d->text, into);
	return 0;
}

void trouble_begin(struct history *h, enum db_trouble t, const struct diag *d, int64_t now)
{
	if (!h->trouble) {
		h->trouble_ms = now;
		h->tries = 0;
		h->waited = 0;
		h->said = h->spoken = false;
	}
	h->said &= h->trouble == t; /* another thing is wrong now */
	h->trouble = t;
	h->why = *d;
	if (!rows[t].keep) {
		h->db.distrust |= t == DB_IO;
		db_close(&h->db);
	}
	if (t == DB_DAMAGED && put_aside(h, d, now) == 0) {
		h->said = h->spoken = true;
		h->retry_ms = now;
		return;
	}
	/* what the log file holds may have its pages in the database, and the room be had back */
	if (t == DB_FULL && h->db.handle)
		sqlite3_wal_checkpoint_v2(
			h->db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	say(h, now);
	try_later(h, now);
}

int trouble_open(struct history *h, int64_t now)
{
	struct diag d = { .text = "" };
	enum db_trouble t = db_open(&h->db, &d);

	if (t) {
		trouble_begin(h, t, &d, now);
		return -1;
	}
	h->opened_ms = now;
	if (h->db.begun) /* the first one of a system is nothing to be said */
		report_log(&h->report, h->db.emptied || h->db.opened > 1 ? LOG_NOTICE : LOG_DEBUG,
			"a new history is begun in %s", h->place);
	return 0;
}

void trouble_over(struct history *h, int64_t now)
{
	if (!h->trouble)
		return;
	if (h->spoken)
		report_log(&h->report, LOG_NOTICE,
			"the history in %s is written again after %" PRId64 " s: %" PRIu64
			" records had waited",
			h->place, (now - h->trouble_ms) / 1000, h->waited);
	h->trouble = DB_FINE;
	h->said = h->spoken = false;
	h->tries = 0;
}
