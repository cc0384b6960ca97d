/* pam_ready: a handle and modules that every keeper finds when it is forked.
 * Flow: the launcher makes them before any run, a keeper takes the handle for its own.
 *
 * Reading /etc/pam.d and mapping the modules would be most of what a session costs. No
 * module is called here, so what they keep in memory is as new in each keeper. When one of
 * the files has changed, the launcher executes itself, and begins anew with what is there. */
#include "config.h"

#include "crond/pam_ready.h"

#include <dirent.h>
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crond/base/nsswitch.h"
#include "crond/base/text.h"
#include "crond/log.h"
#include "crond/pam.h"
#include "crond/pam_calls.h"

enum { LOOK_MS = 100, PATHS_MOST = 1024, NAME_MOST = 64 };

struct paths {
	char **at;
	size_t n;
	bool full; /* not everything is watched: then nothing may be kept */
};

/* One for the process, and never changed after it was made. */
static struct {
	pam_handle_t *handle;
	char service[NAME_MOST];
	struct paths files;
	uint64_t stamp;
} ready;

static const char *const stack_dirs[] = { "/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d" };

static void path_add(struct paths *p, const char *path)
{
	char **at = p->n < PATHS_MOST ? realloc(p->at, (p->n + 1) * sizeof(*at)) : NULL;

	if (at) {
		p->at = at;
		p->at[p->n] = strdup(path);
	}
	if (!at || !p->at[p->n])
		p->full = true;
	else
		p->n++;
}

/* --- what is mapped */

static int object_add(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	if (*info->dlpi_name == '/')
		path_add(arg, info->dlpi_name);
	return 0;
}

/* Nothing of it is unmapped again when a keeper ends its handle. */
static void objects_pin(const struct paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		dlopen(p->at[i], RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static void source_map(void *arg, const char *database, const char *source)
{
	char name[NAME_MOST];

	(void)arg;
	if ((strcmp(database, "passwd") != 0 && strcmp(database, "group") != 0 &&
		strcmp(database, "shadow") != 0) || strcmp(source, "files") == 0 || strchr(source, '/'))
		return;
	snprintf(name, sizeof(name), "libnss_%.40s.so.2", source);
	dlopen(name, RTLD_LAZY | RTLD_NODELETE);
}

/* The system's sources of users, as modules will ask for them. They are not asked here:
 * one that does not answer would hold up every start. */
static void sources_map(void)
{
	nsswitch_read(NSSWITCH_FILE, &(struct nsswitch_sink){ source_map, NULL });
}

/* --- what has changed */

static uint64_t path_stamp(uint64_t seed, const char *path)
{
	struct stat st;
	uint64_t what[7];

	if (stat(path, &st) < 0)
		return text_hash(seed, "", 1);
	what[0] = st.st_dev;
	what[1] = st.st_ino;
	what[2] = (uint64_t)st.st_size;
	what[3] = (uint64_t)st.st_mtim.tv_sec;
	what[4] = (uint64_t)st.st_mtim.tv_nsec;
	what[5] = (uint64_t)st.st_ctim.tv_sec;
	what[6] = (uint64_t)st.st_ctim.tv_nsec;
	return text_hash(seed, what, sizeof(what));
}

static uint64_t stamp(const struct paths *p)
{
	uint64_t sum = p->n;

	for (size_t i = 0; i < p->n; i++)
		sum = path_stamp(sum, p->at[i]);
	return sum;
}

/* Every file there: which of them a stack includes is the library's to know. */
static void dir_add(struct paths *p, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char file[512];

	path_add(p, path);
	while (dir && (e = readdir(dir))) {
		if (*e->d_name == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		path_add(p, file);
	}
	if (dir)
		closedir(dir);
}

bool pam_changed(void)
{
	static int64_t looked_ms;
	struct timespec now;
	int64_t now_ms;

	if (!ready.handle)
		return false;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	now_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (looked_ms && now_ms - looked_ms < LOOK_MS)
		return false;
	looked_ms = now_ms;
	return stamp(&ready.files) != ready.stamp;
}

/* --- making and taking */

void pam_prepare(const char *service, struct log *log)
{
	static const struct pam_conv nobody = { .conv = NULL };
	struct paths *p = &ready.files;
	pam_handle_t *handle = NULL;
	uint64_t before;

	if (strlen(service) >= sizeof(ready.service))
		return;
	pam_calls_to(log, "crond-launcher", NULL);
	for (size_t i = 0; i < sizeof(stack_dirs) / sizeof(stack_dirs[0]); i++)
		dir_add(p, stack_dirs[i]);
	path_add(p, "/etc/pam.conf");
	path_add(p, NSSWITCH_FILE);
	before = stamp(p);
	if (pam_start(service, NULL, &nobody, &handle) != PAM_SUCCESS) {
		if (handle)
			pam_end(handle, PAM_ABORT);
		return;
	}
	if (stamp(p) != before) /* it was being changed: keepers read it for themselves */
		p->full = true;
	sources_map();
	dl_iterate_phdr(object_add, p);
	if (p->full) {
		pam_end(handle, PAM_SUCCESS);
		return;
	}
	objects_pin(p);
	ready.stamp = stamp(p);
	snprintf(ready.service, sizeof(ready.service), "%s", service);
	ready.handle = handle;
	pam_memory_free(); /* what is left is copied for each keeper */
}

void pam_forget(void)
{
	if (ready.handle)
		pam_end(ready.handle, PAM_SUCCESS);
	ready.handle = NULL;
}

pam_handle_t *pam_ready_take(const char *service)
{
	pam_handle_t *handle = NULL;

	if (ready.handle && strcmp(service, ready.service) == 0)
		handle = ready.handle;
	ready.handle = NULL;
	return handle;
}
