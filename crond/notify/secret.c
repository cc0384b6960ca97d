/* secret: a webhook's token, read for each try and kept nowhere.
 * Flow: from the configuration, or its file, into a header line or a signature. */
#include "config.h"

#include "crond/notify/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"

static ssize_t read_all(int fd, char *out, size_t room)
{
	size_t n = 0;

	while (n < room) {
		ssize_t got = read(fd, out + n, room - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static int check(const char *path, const char *secret, size_t n, struct diag *d)
{
	if (n == 0)
		return diag_error(d, 0, 0, "secret-file %s is empty", path);
	if (n > SECRET_MOST)
		return diag_error(d, 0, 0, "secret-file %s is longer than %d bytes", path,
			(int)SECRET_MOST);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)secret[i] < 0x20 || secret[i] == 0x7f)
			return diag_error(d, 0, 0, "secret-file %s is not one line of text", path);
	return 0;
}

static ssize_t read_file(const char *path, char *secret, size_t room, struct diag *d)
{
	struct stat st;
	int fd = file_open(AT_FDCWD, path, 1, &st);
	ssize_t n;

	if (fd < 0)
		return diag_error(d, 0, 0, "secret-file %s: %m", path);
	n = read_all(fd, secret, room);
	close(fd);
	return n < 0 ? diag_error(d, 0, 0, "secret-file %s: cannot be read", path) : n;
}

int secret_get(const char *path, const char *given, char secret[SECRET_ROOM], struct diag *d)
{
	ssize_t n;

	if (given)
		n = snprintf(secret, SECRET_ROOM, "%s", given);
	else
		n = read_file(path, secret, SECRET_ROOM - 1, d);
	if (n < 0)
		return -1;
	if (n >= SECRET_ROOM)
		n = SECRET_ROOM - 1;
	while (n > 0 && (secret[n - 1] == '\n' || secret[n - 1] == '\r'))
		n--;
	secret[n] = '\0';
	return check(path ? path : "(inline)", secret, (size_t)n, d);
}
