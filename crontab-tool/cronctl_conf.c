/* cronctl_conf: what crond.conf says, for verbs that need to know.
 * Flow: its bytes, as far as we may read them -> settings. */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/core/conf.h"
#include "crontab-tool/cronctl.h"

#define PATH SYSCONFDIR "/crond.conf"

enum { CONFIG_MOST = 1 << 20 };

static void say_nothing(void *arg, const struct diag *d)
{
	(void)arg;
	(void)d;
}

int cronctl_conf(struct conf *conf, struct arena *arena)
{
	const struct diag_sink sink = { say_nothing, NULL };
	struct buf bytes = { 0 };
	uint32_t errors = 0;
	int read = -1;
	struct stat st;
	int fd = file_open(AT_FDCWD, PATH, 1, &st);

	conf_default(conf);
	conf->keeps_secrets = true; /* the daemon says so where it is wrong */
	if (fd >= 0 && file_read(fd, CONFIG_MOST, &bytes) == 0)
		read = conf_parse(conf, (struct slice){ bytes.data, bytes.len }, PATH, arena, &sink, &errors);
	if (read < 0)
		conf_default(conf);
	conf->keeps_secrets = true; /* the daemon says so where it is wrong */
	if (fd >= 0)
		close(fd);
	buf_free(&bytes);
	return read;
}
