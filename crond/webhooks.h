/* webhooks: own template files of crond.conf's webhooks.
 * Flow: a configuration that has been parsed -> its webhooks with their templates' text. */
#ifndef CROND_WEBHOOKS_H
#define CROND_WEBHOOKS_H

#include <stdint.h>

struct arena;
struct conf;
struct diag;

/* Reads and checks each file that a webhook of c names; text goes into the arena. What is wrong
 * is said with the file's path and counted. Such a webhook has what it had in `before`, where it
 * had the same file; else it is left out of c. */
void webhooks_read(struct conf *c, const struct conf *before, struct arena *arena,
        void (*say)(void *arg, const char *path, const struct diag *d), void *arg,
        uint32_t *errors);

#endif
