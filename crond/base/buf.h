/* buf: bytes that grow.
 * Flow: records, mails and messages are put together in one. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Zero-initialised is empty and valid. A failed allocation sets failed and
 * makes every later append do nothing: check once, at the end. */
struct buf {
	char *data; /* not NUL-terminated, but see buf_text() */
	size_t len, cap;
	bool failed;
};

/* Room for n more bytes behind data + len; false if that failed. */
bool buf_reserve(struct buf *b, size_t n);
void buf_append(struct buf *b, const void *bytes, size_t n);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* The content with a NUL behind it (not counted in len); NULL if failed. */
const char *buf_text(struct buf *b);
/* Empties it and keeps the memory; failed is cleared. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);

#endif
