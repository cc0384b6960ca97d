/* cgroup_place: which cgroup v2 runs may have cgroups of their own in.
 * Flow: when crond.conf has been read; the path goes into each run's record that needs it,
 * and its keeper makes a cgroup there. */
#include "config.h"

#include "crond/crond.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/file.h"

enum { FILE_MOST = 1024 * 1024, SWEEP_AFTER_S = 60 };

static int text_of(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = fd < 0 ? -1 : file_read(fd, FILE_MOST, out);

	if (fd >= 0)
		close(fd);
	return rc < 0 || !buf_text(out) ? -1 : 0;
}

/* One field of a line of mountinfo, as \ooo has it where it holds blanks. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* Where the first cgroup2 is mounted, and which part of it. */
static bool mount_find(char root[PATH_MAX], char point[PATH_MAX])
{
	struct buf b = { 0 };
	bool found = false;

	if (text_of("/proc/self/mountinfo", &b) == 0) {
		for (char *next, *line = b.data; *line && !found; line = next) {
			next = line + strcspn(line, "\n");
			next += *next == '\n' ? (*next = '\0', 1) : 0;
			found = strstr(line, " - cgroup2 ") &&
				sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) == 2;
		}
	}
	buf_free(&b);
	if (found) {
		unescape(root);
		unescape(point);
	}
	return found;
}

/* Ours, as /proc/self/cgroup has it. */
static bool own_find(char own[PATH_MAX])
{
	struct buf b = { 0 };
	const char *at = NULL;

	if (text_of("/proc/self/cgroup", &b) == 0)
		at = strncmp(b.data, "0::", 3) == 0 ? b.data : strstr(b.data, "\n0::");
	if (at)
		snprintf(own, PATH_MAX, "%.*s", (int)strcspn(strchr(at, '/'), "\n"), strchr(at, '/'));
	buf_free(&b);
	return at != NULL;
}

static bool is_delegated(const char *path)
{
	char value[8];
	ssize_t n = getxattr(path, "user.delegate", value, sizeof(value));

	if (n < 0)
		n = getxattr(path, "trusted.delegate", value, sizeof(value));
	return n > 0 && value[0] == '1';
}

/* Ours; but where a service manager has put us below the one that it gave away (systemd's
 * DelegateSubgroup=), that one, which has no processes of its own. */
static void place_auto(char out[PATH_MAX])
{
	char root[PATH_MAX], point[PATH_MAX], own[PATH_MAX], *slash;
	size_t n;

	out[0] = '\0';
	if (!mount_find(root, point) || !own_find(own))
		return;
	n = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(own, root, n) != 0)
		return;
	if (snprintf(out, PATH_MAX, "%s%s", point, strcmp(own + n, "/") == 0 ? "" : own + n) >= PATH_MAX)
		out[0] = '\0';
	slash = strrchr(out, '/');
	if (slash && slash > out && strlen(out) > strlen(point)) {
		*slash = '\0';
		if (strlen(out) <= strlen(point) || !is_delegated(out))
			*slash = '/';
	}
}

/* NAME-EPOCH-ATTEMPT, of a while ago? */
static bool is_old_run(const char *name, time_t now)
{
	const char *attempt = strrchr(name, '-'), *epoch = attempt;

	while (epoch && epoch > name && epoch[-1] != '-')
		epoch--;
	return epoch && epoch > name && run_id_ok(name, strlen(name)) &&
		attempt[1 + strspn(attempt + 1, "0123456789")] == '\0' &&
		epoch + strspn(epoch, "0123456789") == attempt && attempt - epoch > 8 &&
		strtoll(epoch, NULL, 10) < now - SWEEP_AFTER_S;
}

/* What was left by runs that are over, and is empty by now. Another instance's, whose runs
 * are about to begin, may be there too. */
static void sweep(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_old_run(e->d_name, time(NULL)))
			unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	if (dir)
		closedir(dir);
}

void cgroup_place(struct crond *c)
{
	const char *wanted = c->set.conf.cgroup;

	c->cgroup[0] = '\0';
	if (wanted && strcmp(wanted, "off") == 0)
		return;
	if (wanted && strcmp(wanted, "auto") != 0)
		snprintf(c->cgroup, sizeof(c->cgroup), "%s", wanted);
	else
		place_auto(c->cgroup);
	if (!c->cgroup[0])
		return;
	if (access(c->cgroup, W_OK) == 0) {
		sweep(c->cgroup);
		return;
	}
	if (wanted && strcmp(wanted, "auto") != 0)
		trouble_say(c, "cgroup", strerror(errno));
	c->cgroup[0] = '\0';
}
