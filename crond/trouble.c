/* trouble: what goes wrong with ourselves, in one line of the log.
 * Flow: any room of the scheduler says here what failed and why; about runs, jobs and
 * tables the rooms they belong to have words of their own. */
#include "config.h"

#include "crond/crond.h"

#include <syslog.h>
#include <unistd.h>

void trouble_say(struct crond *c, const char *what, const char *why)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0, "(CRON) ERROR (%s: %s)",
		what, why);
}
