/* plan: as whom, with which words and which environment a job's process begins.
 * Flow: what the record says and what PAM's session adds to it -> struct spawn; settings
 * from an env-file come in between. */
#ifndef CROND_PLAN_H
#define CROND_PLAN_H

struct hold;
struct log;

/* h->spawn with environment and groups, no words yet. 0 or -1 with errno. */
int plan_make(struct hold *h, struct log *log);
/* Puts "NAME=value" into the job's environment, over what is there of that name. The text
 * must last as long as the run. 0, or -1 with a reason: no memory. */
int plan_env_put(struct hold *h, const char *setting);
/* The words that it executes without a shell, where that may be and nobody can tell. 0 or -1
 * with errno. */
int plan_words(struct hold *h);

#endif
