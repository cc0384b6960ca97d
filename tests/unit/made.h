/* made: random expressions, and the dice that make them.
 * Flow: tests that compare with an oracle (oracle.h) ask for what they compare; a seed gives the same
 * again. */
#ifndef TESTS_MADE_H
#define TESTS_MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/core/schedule.h"

struct dice {
	uint64_t at;
};

enum { MADE_ROOM = 256 };

/* 0 to below - 1. */
uint32_t dice_roll(struct dice *d, uint32_t below);
int64_t dice_between(struct dice *d, int64_t low, int64_t high);
/* True so many times in a hundred. */
bool dice_chance(struct dice *d, uint32_t percent);

enum made_kind {
	MADE_OFTEN,  /* due many times a day, or each second */
	MADE_SELDOM, /* a few times a month or a year */
	MADE_ANY,    /* any mixture, also those that never are */
};

/* An expression that the grammar knows (MADE_ANY: nearly always). */
void made_expression(struct dice *d, enum grammar grammar, enum made_kind kind, char text[MADE_ROOM]);
/* A few of its bytes are others now. */
void made_spoiled(struct dice *d, char text[MADE_ROOM]);

#endif
