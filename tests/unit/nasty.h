/* nasty: a process tree that does all it can against being stopped.
 * Flow: a test calls itself again as the job, which is this; it ends by itself, should nobody
 * end it. */
#ifndef TESTS_NASTY_H
#define TESTS_NASTY_H

/* Becomes the first of them; "up" on standard output once all are there. */
void __attribute__((noreturn)) nasty(void);

#endif
