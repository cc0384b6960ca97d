/* audit: crontab(1)'s lines in the system log.
 * Flow: each operation says what it does, as the classic program does. */
#ifndef TOOL_AUDIT_H
#define TOOL_AUDIT_H

/* "(who) what (detail)", facility cron, tag crontab[pid]. */
void audit_log(const char *who, const char *what, const char *detail);

#endif
