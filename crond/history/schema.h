/* schema: the tables of the history and their indexes.
 * Flow: db makes them where there are none; db.h says what stands in them. */
#ifndef HISTORY_SCHEMA_H
#define HISTORY_SCHEMA_H

extern const char schema_sql[];

#endif
