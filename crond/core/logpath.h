/* logpath: what the log of a run is called.
 * Flow: the log option's format and the time at which a run starts -> a path; and the
 * other way round: is a name one of those, and is it older than that? */
#ifndef CORE_LOGPATH_H
#define CORE_LOGPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct buf;
struct diag;
struct run;

/* In a format: %Y %y %m %d %j %H %M %S %s %F %T as strftime(3) has them, %i for the run's
 * id, %% for a %. */
#define LOGPATH_DEFAULT "%Y%m/%d/%H%M%S-%i.log" /* below the job's directory */

/* Below the job's directory: where its artifacts are while a run lasts, by its id. */
#define LOGPATH_ARTIFACTS "artifacts"

enum { LOGPATH_MOST = 1024 };

/* When, and whose. */
struct logpath_of {
	int64_t epoch;
	int32_t offset; /* of local time, seconds east */
	const char *id;
};

/* Is it a format that names a file? 0 or -1 with *d. */
int logpath_check(struct slice format, struct diag *d);
/* Appends the path, no NUL. 0 or -1 (a bad format, no memory). */
int logpath_expand(struct slice format, const struct logpath_of *of, struct buf *out);
/* Where the log and the artifacts of this run were put, as far as its record tells: absolute
 * paths, or nothing where it has none. offset as above. */
void logpath_of_lost(const struct run *r, int64_t started_ns, int32_t offset, struct buf *log,
	struct buf *artifacts);
/* Appends text as a format that stands for itself. */
void logpath_quote(struct buf *out, const char *text);
/* Could the format have made this name for a run of that job? */
bool logpath_match(struct slice format, const char *name, const char *job);
/* Do later times give names that sort behind, component by component? */
bool logpath_ordered(struct slice format);
/* Directories at its beginning whose names do not change from run to run; 0 where the file's
 * own does not. In the last of them is the link to the newest log. */
int logpath_fixed(const char *format);
/* Where all logs of a format are that stands for a whole path: the link, or the file that
 * never changes its name. No NUL. */
void logpath_newest(const char *format, struct buf *out);
/* A pattern for glob(3) of the logs with that id. */
void logpath_glob(struct slice format, const char *id, struct buf *out);
/* The first component, cut off *path with the slash behind it; n is 0 at the end. */
struct slice logpath_component(struct slice *path);

#endif
