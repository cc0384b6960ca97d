/* words: an event as a sentence.
 * Flow: the text of a webhook's body, the subject and first line of a mail. */
#ifndef NOTIFY_WORDS_H
#define NOTIFY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct event;

/* "Job gold failed on web-1: exit code 3 after 1.2 s (attempt 1, 2 failures in a row)."
 * One line of valid UTF-8. */
void words_sentence(const struct event *e, struct buf *out);
/* "failed"; NULL for an event that is not about how a job fared. */
const char *words_verb(const struct event *e);
/* "exit code 3"; false and nothing appended when there is nothing to say. */
bool words_detail(const struct event *e, struct buf *out);
/* "1.2 s", "250 ms", "10 min 0 s". */
void words_duration(struct buf *out, int64_t ns);
/* text on one line of valid UTF-8, control bytes as blanks, cut with "..." after about
 * `most` bytes. NULL is empty. */
void words_line(struct buf *out, const char *text, size_t most);

#endif
