/* cronctl_asked: what runs, stats and alerts have in common.
 * Flow: options into requests, members of answers into cells. */
#ifndef TOOL_CRONCTL_ASKED_H
#define TOOL_CRONCTL_ASKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crontab-tool/cronctl_talk.h"

/* Of which jobs and when. */
struct asked_filter {
	const char *job;      /* a pattern; NULL: any */
	int64_t now;
	int64_t since, until; /* INT64_MIN, INT64_MAX: any time */
};

void asked_filter_begin(struct asked_filter *f, int64_t now);
/* 'j' job, 's' since, 'u' until. 0, or -1: said. */
int asked_filter_option(struct asked_filter *f, int option, const char *value);
void asked_filter_put(const struct asked_filter *f, struct buf *request);
/* Says that an option's value is bad, and what is wanted. -1. */
int asked_bad(const char *option, const char *value, const char *wants);

bool asked_result_known(const char *word);
/* "exit 3", "SIGTERM", else the word. */
const char *asked_result(const json_t *o, char *out, size_t room);
const char *asked_colour(const json_t *o);
/* As list has times, and those of another day with their hour. */
void asked_time(int64_t at, int64_t now, char *out, size_t room);
/* A text of several lines, indented, each as a terminal may have it. */
void asked_put_lines(const char *text);
/* Standard output could not be written: said, and another status. */
int asked_flush(int status);

/* cronctl_run_one.c: one run, whole, where there is one of that id. */
void cronctl_run_show(void *arg, const json_t *o); /* arg: not looked at */
int cronctl_run_one(const char *id, const char *socket, bool json, bool *found);

#endif
