/* zones: time zones by name, read once.
 * Flow: cronctl names them, schedule_next asks them. */
#include "config.h"

#include "crontab-tool/zones.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/zone.h"

enum {
	SLOTS = 2048, /* a power of two */
	KEPT_MOST = 1024,
	NAME_MOST = 255,
	FILE_MOST = 1 << 20,
};

struct zones {
	size_t kept;
	struct named {
		struct zone *zone;
		size_t n;
		char name[NAME_MOST + 1];
	} *slots[SLOTS];
};

struct zones *zones_new(void)
{
	return calloc(1, sizeof(struct zones));
}

static void zones_clear(struct zones *z)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (z->slots[i])
			zone_free(z->slots[i]->zone);
		free(z->slots[i]);
		z->slots[i] = NULL;
	}
	z->kept = 0;
}

void zones_free(struct zones *z)
{
	if (z)
		zones_clear(z);
	free(z);
}

/* NULL with errno when the file cannot be read, without when it is no zone. */
static struct zone *zone_from_file(const char *path, struct diag *d)
{
	struct buf bytes = { 0 };
	struct zone *zone = NULL;
	struct stat st;
	int fd = file_open(AT_FDCWD, path, 1, &st);
	int error;

	if (fd < 0)
		return NULL;
	error = file_read(fd, FILE_MOST, &bytes) < 0 ? errno : 0;
	close(fd);
	if (!error)
		zone = zone_parse(bytes.data, bytes.len, d);
	buf_free(&bytes);
	errno = error;
	return zone;
}

/* /etc/localtime, or UTC where there is none. */
static struct zone *zone_local(struct diag *d)
{
	struct zone *zone = zone_from_file("/etc/localtime", d);

	if (!zone && errno == ENOENT)
		zone = zone_utc();
	if (!zone && errno)
		diag_error(d, 0, 0, "bad zone: /etc/localtime: %s", strerror(errno));
	return zone;
}

static struct zone *zone_named(const char *name, struct diag *d)
{
	char path[sizeof(ZONEINFODIR) + 1 + NAME_MOST + 1];
	struct zone *zone;

	if (zone_name_ok(slice_of(name))) {
		snprintf(path, sizeof(path), "%s/%s", ZONEINFODIR, name);
		zone = zone_from_file(path, d);
		if (zone || !errno)
			return zone;
		if (strcmp(name, "UTC") == 0)
			return zone_utc();
	}
	zone = zone_posix(name, d);
	if (!zone)
		diag_error(d, 0, 0, "bad zone: \"%.60s\" is not known", name);
	return zone;
}

static const struct zone *zones_keep(struct zones *z, size_t slot, struct slice name,
	struct diag *d)
{
	struct named *n = malloc(sizeof(*n));

	if (!n) {
		diag_error(d, 0, 0, "out of memory");
		return NULL;
	}
	memcpy(n->name, name.s, name.n);
	n->name[name.n] = '\0';
	n->n = name.n;
	n->zone = name.n ? zone_named(n->name, d) : zone_local(d);
	if (!n->zone) {
		free(n);
		return NULL;
	}
	z->slots[slot] = n;
	z->kept++;
	return n->zone;
}

const struct zone *zones_get(struct zones *z, struct slice name, struct diag *d)
{
	size_t slot;

	if (name.n > NAME_MOST || (name.n && memchr(name.s, '\0', name.n))) {
		diag_error(d, 0, 0, "bad zone: not a name");
		return NULL;
	}
	if (z->kept >= KEPT_MOST)
		zones_clear(z);
	slot = text_hash(0, name.n ? name.s : "", name.n) & (SLOTS - 1);
	for (; z->slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
		if (slice_equal((struct slice){ z->slots[slot]->name, z->slots[slot]->n }, name))
			return z->slots[slot]->zone;
	}
	return zones_keep(z, slot, name, d);
}
