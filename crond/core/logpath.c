/* logpath: what the log of a run is called.
 * Flow: the log option's format and the time at which a run starts -> a path; and the
 * other way round: is a name one of those, and is it older than that? */
#include "crond/core/logpath.h"

#include <inttypes.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/calendar.h"
#include "crond/core/run.h"

enum { DAY = 86400 };

/* What a conversion says: the first and the last of year, month, day, hour, minute and
 * second (from 1), and its shape: a 0 is a digit. */
static const struct conversion {
	char letter;
	int first, last;
	const char *shape;
} conversions[] = {
	{ 'Y', 1, 1, "0000" },
	{ 'y', 1, 1, "00" },
	{ 'm', 2, 2, "00" },
	{ 'd', 3, 3, "00" },
	{ 'j', 2, 3, "000" },
	{ 'H', 4, 4, "00" },
	{ 'M', 5, 5, "00" },
	{ 'S', 6, 6, "00" },
	{ 's', 1, 6, "" },
	{ 'F', 1, 3, "0000-00-00" },
	{ 'T', 4, 6, "00:00:00" },
	{ 'i', 1, 6, "" },
	{ '%', 0, 0, "%" },
};

static const struct conversion *conversion_find(char letter)
{
	for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++)
		if (conversions[i].letter == letter)
			return &conversions[i];
	return NULL;
}

/* The next piece of a format, a conversion or a character: 0 at its end, -1 for a bad one. */
static int piece_next(struct slice *f, const struct conversion **c, char *plain)
{
	if (f->n == 0)
		return 0;
	*c = NULL;
	*plain = *f->s;
	if (*f->s == '%') {
		*c = f->n > 1 ? conversion_find(f->s[1]) : NULL;
		if (!*c)
			return -1;
		f->s++, f->n--;
	}
	f->s++, f->n--;
	return 1;
}

struct slice logpath_component(struct slice *path)
{
	const char *slash = path->n ? memchr(path->s, '/', path->n) : NULL;
	size_t n = slash ? (size_t)(slash - path->s) : path->n;
	struct slice first = { path->s, n };

	n += slash ? 1 : 0;
	if (n)
		path->s += n, path->n -= n;
	return first;
}

static int components_check(struct slice format, struct diag *d)
{
	struct slice rest = format;

	if (rest.n && *rest.s == '/')
		rest.s++, rest.n--;
	do {
		struct slice one = logpath_component(&rest);

		if (one.n == 0)
			return diag_error(d, 0, 0, "'%.*s' names no file", (int)format.n, format.s);
		if (*one.s == '.' && (one.n == 1 || (one.n == 2 && one.s[1] == '.')))
			return diag_error(d, 0, 0, "'.' and '..' cannot stand in a log's path");
	} while (rest.n);
	return format.s[format.n - 1] == '/'
	        ? diag_error(d, 0, 0, "'%.*s' names a directory", (int)format.n, format.s)
	        : 0;
}

int logpath_check(struct slice format, struct diag *d)
{
	const struct conversion *c;
	struct slice f = format;
	char plain;
	int more;

	if (f.n == 0 || f.n > LOGPATH_MOST / 2)
		return diag_error(d, 0, 0, "a log's path has 1 to %d bytes", LOGPATH_MOST / 2);
	while ((more = piece_next(&f, &c, &plain)) > 0)
		if (!c && (unsigned char)plain < ' ')
			return diag_error(d, 0, 0, "a control character in a log's path");
	if (more < 0)
		return diag_error(d, 0, 0,
		        "'%.2s' is none of %%Y %%y %%m %%d %%j %%H %%M %%S %%s %%F %%T %%i %%%%",
		        f.n > 1 ? f.s : "%");
	return components_check(format, d);
}

static void put(struct buf *out, char letter, const struct logpath_of *of)
{
	int64_t local = of->epoch + of->offset, day = calendar_floor(local, DAY);
	struct calendar_date date = calendar_date(day);
	int second = (int)(local - day * DAY);
	const struct {
		char letter;
		int width;
		int64_t value;
	} numbers[] = {
		{ 'Y', 4, date.year },
		{ 'y', 2, date.year % 100 },
		{ 'm', 2, date.month },
		{ 'd', 2, date.day },
		{ 'j', 3, day - calendar_day(date.year, 1, 1) + 1 },
		{ 'H', 2, second / 3600 },
		{ 'M', 2, second / 60 % 60 },
		{ 'S', 2, second % 60 },
		{ 's', 1, of->epoch },
	};

	if (letter == 'i')
		buf_puts(out, of->id);
	else if (letter == '%')
		buf_putc(out, '%');
	else if (letter == 'F')
		buf_printf(out, "%04" PRId64 "-%02d-%02d", date.year, date.month, date.day);
	else if (letter == 'T')
		buf_printf(out, "%02d:%02d:%02d", second / 3600, second / 60 % 60, second % 60);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].letter == letter)
			buf_printf(out, "%0*" PRId64, numbers[i].width, numbers[i].value);
}

int logpath_expand(struct slice format, const struct logpath_of *of, struct buf *out)
{
	const struct conversion *c;
	char plain;
	int more;

	while ((more = piece_next(&format, &c, &plain)) > 0) {
		if (c)
			put(out, c->letter, of);
		else
			buf_putc(out, plain);
	}
	return more < 0 || out->failed ? -1 : 0;
}

void logpath_of_lost(const struct run *r, int64_t started_ns, int32_t offset, struct buf *log,
	struct buf *artifacts)
{
	const struct dress *d = &r->dress;
	const struct logpath_of of = { .epoch = started_ns / 1000000000, .offset = offset, .id = r->id };

	if (!d->log_dir || started_ns <= 0)
		return;
	if (d->log && *d->log != '/')
		buf_printf(log, "%s/", d->log_dir);
	if (d->log && logpath_expand(slice_of(d->log), &of, log) < 0)
		buf_clear(log);
	if (d->given & DRESS_ARTIFACTS && d->home)
		buf_printf(artifacts, "%s/%s/" LOGPATH_ARTIFACTS "/%s", d->log_dir, d->home, r->id);
}

void logpath_quote(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '%')
			buf_putc(out, '%');
		buf_putc(out, *text);
	}
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* How many characters of name a conversion stands for; -1: it cannot. */
static int span(const struct conversion *c, const char *name, const char *job)
{
	size_t n = strlen(job), epoch, attempt, i;

	if (c->letter == 's')
		return digits(name) ? (int)digits(name) : -1;
	if (c->letter == 'i') {
		if (strncmp(name, job, n) != 0 || name[n] != '-')
			return -1;
		epoch = digits(name + n + 1);
		if (epoch == 0 || name[n + 1 + epoch] != '-')
			return -1;
		attempt = digits(name + n + 1 + epoch + 1);
		return attempt ? (int)(n + 1 + epoch + 1 + attempt) : -1;
	}
	for (i = 0; c->shape[i]; i++)
		if (c->shape[i] == '0' ? digits(name + i) == 0 : name[i] != c->shape[i])
			return -1;
	return (int)i;
}

bool logpath_match(struct slice format, const char *name, const char *job)
{
	const struct conversion *c;
	char plain;
	int more, n;

	while ((more = piece_next(&format, &c, &plain)) > 0) {
		n = c ? span(c, name, job) : *name == plain ? 1 : -1;
		if (n < 0)
			return false;
		name += n;
	}
	return more == 0 && !*name;
}

int logpath_fixed(const char *format)
{
	int n = 0;

	if (!strchr(format, '%'))
		return 0;
	for (format += *format == '/'; format[strcspn(format, "/%")] == '/'; n++)
		format += strcspn(format, "/") + 1;
	return n;
}

void logpath_newest(const char *format, struct buf *out)
{
	const char *end = format + strcspn(format, "%");

	while (*end && end > format && end[-1] != '/')
		end--;
	buf_append(out, format, (size_t)(end - format));
	if (*end)
		buf_puts(out, "latest");
}

void logpath_glob(struct slice format, const char *id, struct buf *out)
{
	const struct conversion *c;
	char plain;

	while (piece_next(&format, &c, &plain) > 0) {
		if (c && c->letter == 'i')
			buf_puts(out, id);
		else if (c && c->letter != '%')
			buf_putc(out, '*');
		else {
			if (strchr("*?[\\", plain))
				buf_putc(out, '\\');
			buf_putc(out, plain);
		}
	}
}

bool logpath_ordered(struct slice format)
{
	const struct conversion *c;
	int known = 0, more;
	char plain;

	while ((more = piece_next(&format, &c, &plain)) > 0) {
		if (!c || c->first == 0)
			continue;
		if (c->first > known + 1)
			return false;
		known = c->last > known ? c->last : known;
	}
	return more == 0 && known > 0;
}
