/* secret: a webhook's token, read for each try and kept nowhere.
 * Flow: from its file into one header line. */
#ifndef NOTIFY_SECRET_H
#define NOTIFY_SECRET_H

#include <stddef.h>

struct diag;

enum { SECRET_MOST = 4096 };

/* "Authorization: Bearer ..." with given, or if that is NULL with the file's content, its
 * last newline left out. The caller wipes line. 0, or -1 with *d, which names the file
 * and never its content. */
int secret_header(const char *path, const char *given, char *line, size_t room, struct diag *d);

#endif
