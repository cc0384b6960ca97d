/* secret: a webhook's token, read for each try and kept nowhere.
 * Flow: from its file into a header line or a signature. */
#ifndef NOTIFY_SECRET_H
#define NOTIFY_SECRET_H

#include <stddef.h>

struct diag;

enum { SECRET_MOST = 4096, SECRET_ROOM = SECRET_MOST + 4 };

/* What was given, or if that is NULL the file's content, without its last newline. The caller
 * wipes it. 0, or -1 with *d, which names the file and never its content. */
int secret_get(const char *path, const char *given, char secret[SECRET_ROOM], struct diag *d);

#endif
