/* reach: the files that crond-notify may reach, and what it may do: struct cage for it.
 * Flow: main, before anything is read that others have written. */
#include "config.h"

#include "crond/notify/reach.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/cage.h"
#include "crond/base/nsswitch.h"
#include "crond/notify/post.h"

enum { PATHS_MOST = 24 };

/* Files of /etc are replaced while we live, and a rule is for the file that is there now: therefore its
 * directory. */
static const struct cage_path usual[] = {
	{ .path = "/etc" },
	{ .path = "/usr" }, /* modules of name services, authorities, time zones */
	{ .path = "/lib" },
	{ .path = "/lib64" },
	{ .path = "/run/systemd/resolve" },
	{ .path = "/dev/null", .writes = true },
	{ .path = "/dev/urandom" },
	{ .path = "/dev/random" },
	{ .path = "/proc/self" },
	{ .path = "/proc/sys/vm" },
	{ .path = "/sys/devices/system/cpu" },
};
enum { USUAL = sizeof(usual) / sizeof(usual[0]) };

struct reach {
	struct cage_path paths[PATHS_MOST];
	char *found[PATHS_MOST];
	size_t count, found_count;
};

static void add(struct reach *r, const char *path, bool writes)
{
	if (path && r->count < PATHS_MOST)
		r->paths[r->count++] = (struct cage_path){ .path = path, .writes = writes };
}

/* Where links lead, in the end; of a file its directory, since files are replaced. */
static void add_behind(struct reach *r, const char *path, bool is_file)
{
	char *real = path && r->found_count < PATHS_MOST ? realpath(path, NULL) : NULL;
	char *slash = real ? strrchr(real, '/') : NULL;

	if (!slash)
		return;
	r->found[r->found_count++] = real;
	if (is_file && slash != real && strchr(real + 1, '/') != slash) /* not all of /run */
		*slash = '\0';
	add(r, real, false);
}

/* Modules that ask a local service, and without it know less than these do: they get their sockets. */
static void source_judge(void *arg, const char *database, const char *source)
{
	static const char *const without[] = { "files", "dns", "myhostname", "mymachines", "resolve" };
	bool known = strcmp(database, "hosts") != 0, *asks = arg;

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		known |= strcmp(source, without[i]) == 0;
	*asks |= !known;
}

static bool names_by_services(void)
{
	bool asks = false;

	nsswitch_read(NSSWITCH_FILE, &(struct nsswitch_sink){ source_judge, &asks });
	return asks;
}

int reach_restrict(const char *spool, pid_t mailer, struct diag *d)
{
	struct reach r = { .count = 0 };
	const char *file, *directory;
	struct cage c = { .may = CAGE_NET | CAGE_THREADS | CAGE_MOVES, .signals = mailer };
	int rc;

	for (size_t i = 0; i < USUAL; i++)
		r.paths[r.count++] = usual[i];
	add(&r, spool, true);
	post_authorities(&file, &directory);
	add_behind(&r, file, true);
	add_behind(&r, directory, false);
	add_behind(&r, getenv("SSL_CERT_FILE"), true); /* as OpenSSL takes them */
	add_behind(&r, getenv("SSL_CERT_DIR"), false);
	add_behind(&r, "/etc/resolv.conf", true);
	add_behind(&r, "/etc/hosts", true);
	if (names_by_services())
		c.may |= CAGE_SOCKETS;
	c.paths = r.paths;
	c.count = r.count;
	rc = cage_enter(&c, d);
	while (r.found_count)
		free(r.found[--r.found_count]);
	return rc;
}
