/* audit: crontab(1)'s lines in the system log.
 * Flow: see audit.h; filters on log lines know them by heart, so they do not change. */
#include "config.h"

#include <syslog.h>

#include "crontab-tool/audit.h"

void audit_log(const char *who, const char *what, const char *detail)
{
	openlog("crontab", LOG_PID, LOG_CRON);
	syslog(LOG_INFO, "(%s) %s (%s)", who, what, detail);
	closelog();
}
