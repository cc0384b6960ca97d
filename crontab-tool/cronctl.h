/* cronctl: the verbs, one file each.
 * Flow: cronctl.c finds the verb, the verb does its work and gives the exit status. */
#ifndef TOOL_CRONCTL_H
#define TOOL_CRONCTL_H

enum { CRONCTL_OK = 0, CRONCTL_FAILED = 1, CRONCTL_USAGE = 2 };

/* argv[0] is the verb. The exit status. */
int cronctl_next(int argc, char **argv);
int cronctl_notify(int argc, char **argv);
/* Complains on standard error, and says how the verb is used. CRONCTL_USAGE. */
int cronctl_usage(const char *verb);

#endif
