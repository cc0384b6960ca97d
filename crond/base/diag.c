/* diag: one thing wrong with an input, and where.
 * Flow: filled by parsers and loaders, printed by whoever called them. */
#include "crond/base/diag.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 5, 0)))
static void diag_fill(struct diag *d, enum diag_level level, uint32_t line, uint32_t column,
	const char *fmt, va_list ap)
{
	if (!d)
		return;
	d->level = level;
	d->line = line;
	d->column = column;
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	for (char *p = d->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
}

int diag_error(struct diag *d, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_fill(d, DIAG_ERROR, line, column, fmt, ap);
	va_end(ap);
	return -1;
}

int diag_warning(struct diag *d, uint32_t line, uint32_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_fill(d, DIAG_WARNING, line, column, fmt, ap);
	va_end(ap);
	return -1;
}
