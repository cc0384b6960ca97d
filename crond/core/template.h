/* template: text with names of an event's values in it.
 * Flow: own files of crond.conf's webhooks and addresses are checked when they are read;
 * crond-notify puts the values in for each event. */
#ifndef CORE_TEMPLATE_H
#define CORE_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct buf;
struct diag;

/* Also the members of the body that webhooks get by default. */
enum template_value {
	VALUE_VERSION,
	VALUE_ID,
	VALUE_EVENT,
	VALUE_STATUS,
	VALUE_TEXT,
	VALUE_JOB,
	VALUE_RUN_ID,
	VALUE_HOST,
	VALUE_USER,
	VALUE_OWNER,
	VALUE_TAGS,
	VALUE_DESCRIPTION,
	VALUE_SCHEDULE,
	VALUE_SCHEDULED_AT,
	VALUE_STARTED_AT,
	VALUE_FINISHED_AT,
	VALUE_DURATION_S,
	VALUE_EXIT_CODE,
	VALUE_SIGNAL,
	VALUE_REASON,
	VALUE_ATTEMPT,
	VALUE_CONSECUTIVE_FAILURES,
	VALUE_STDOUT_TAIL,
	VALUE_STDERR_TAIL,
	VALUE_TRUNCATED,
	VALUE_URL,
	VALUES
};

enum template_escape { TEMPLATE_JSON, TEMPLATE_URL, TEMPLATE_RAW, TEMPLATE_ESCAPES };

enum {
	TEMPLATE_MOST = 32 * 1024, /* bytes of a file */
	TEMPLATE_NAMES_MOST = 100, /* in it: each may become a whole tail, escaped */
};

#define TEMPLATE_ALL (((uint32_t)1 << VALUES) - 1)
/* With the names that are allowed: the text is an address, and nothing is escaped as JSON in it. */
#define TEMPLATE_ADDRESS ((uint32_t)1 << VALUES)

/* 0, or -1 with *d: ${NAME} or ${NAME|json}, |url, |raw with a name of the allowed bits;
 * $${ is ${; UTF-8 without NUL. Line and column of what is wrong, from 1. */
int template_check(struct slice text, uint32_t allowed, struct diag *d);
/* Appends text with its values, which put appends as they are, escaped. usual: how, where the
 * text does not say. What template_check() would refuse stands as it is. */
void template_expand(struct slice text, enum template_escape usual,
        void (*put)(void *arg, enum template_value v, struct buf *out), void *arg, struct buf *out);
/* Appends s, escaped; NUL bytes and what is no UTF-8 become U+FFFD. */
void template_escaped(struct slice s, enum template_escape how, struct buf *out);
const char *template_value_name(enum template_value v);

#endif
