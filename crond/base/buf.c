/* buf: bytes that grow.
 * Flow: records, mails and messages are put together in one. */
#include "crond/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool buf_room(struct buf *b, size_t more)
{
	size_t want = b->cap ? b->cap : 256;
	char *data;

	if (b->failed)
		return false;
	if (b->cap - b->len >= more)
		return true;
	if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
		b->failed = true;
		return false;
	}
	while (want < b->len + more)
		want *= 2;
	data = realloc(b->data, want);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = want;
	return true;
}

/* Exactly so much: it is known how large it will be. */
bool buf_reserve(struct buf *b, size_t n)
{
	char *data;

	if (b->failed || b->cap - b->len >= n)
		return !b->failed;
	data = n < SIZE_MAX / 2 && b->len < SIZE_MAX / 2 ? realloc(b->data, b->len + n) : NULL;
	b->failed = !data;
	if (!data)
		return false;
	b->data = data;
	b->cap = b->len + n;
	return true;
}

void buf_append(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0 || !buf_room(b, n))
		return;
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
}

void buf_puts(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !buf_room(b, (size_t)n + 1)) {
		b->failed = true;
		return;
	}
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

const char *buf_text(struct buf *b)
{
	if (!buf_room(b, 1))
		return NULL;
	b->data[b->len] = '\0';
	return b->data;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
